/* SPDX-License-Identifier: Apache-2.0 */
/* Which server is watched, and what is done for which: programs of the owner, other plans, nothing. */
#include "tests/unit/consumer_world.h"

/* ---- exec ---- */

static void test_exec(void **state)
{
	struct world *w = *state;
	char expected[200];

	consumer_use_script(w, "test $DOCTOR_ATTEMPT = 3");
	consumer_start(w);
	consumer_lose(w, 0);
	wait_for(w, said_count("recovery program has ended well vm=") == 1);
	snprintf(expected, sizeof(expected), "%s 1 0\n%s 2 0\n%s 3 0\n", w->ids[0], w->ids[0], w->ids[0]);
	assert_string_equal(consumer_script_output(w), expected);
	assert_int_equal(said_count("doctor consumer handled at "), 1);
	assert_true(said_count(" ended by status 1") > 0);
}

static void test_exec_gives_up(void **state)
{
	struct world *w = *state;

	consumer_use_script(w, "sleep 60");
	w->config.plan.time_limit = dr_msec(300);
	w->config.plan.retry.attempts = 1;
	consumer_start(w);
	consumer_lose(w, 0);
	wait_for(w, said_count("a person must help vm=") == 1);
	assert_int_equal(said_count("did not end within 300ms, and was killed"), 1);
}

/* Interrupted, it runs again and is told so; ended, never again, though the alarm is found as it was. */
static void test_exec_over_restarts(void **state)
{
	struct world *w = *state;
	char expected[200];
	size_t before;

	consumer_use_script(w, "test $DOCTOR_INTERRUPTED = 1 || sleep 60");
	consumer_with_journal(w);
	consumer_start(w);
	consumer_break_cloud(w, "alarming:PUT:/v2/alarms:503");
	consumer_lose(w, 0);
	wait_for(w, consumer_script_output(w)[0]);
	consumer_crash(w);
	consumer_start(w);
	wait_for(w, said_count("recovery program has ended well vm=") == 1);
	wait_for(w, said_count("alarm is not armed yet alarm=") == 1);
	consumer_crash(w); /* and its alarm has never been armed again */
	w->mc.fails.count = 0;
	before = said_count("alarm is that of a fault which has ended vm=");
	consumer_start(w);
	wait_for(w, said_count("alarm is that of a fault which has ended vm=") == before + 1);
	wait_for(w, consumer_is_armed(w, 0));
	snprintf(expected, sizeof(expected), "%s 1 0\n%s 2 1\n", w->ids[0], w->ids[0]);
	assert_string_equal(consumer_script_output(w), expected);
}

/* ---- which servers ---- */

static void test_discover(void **state)
{
	struct world *w = *state;
	struct con_pair pair = { "watch", "yes" };
	struct mc_server *s = NULL;

	w->config.discover = true;
	w->config.servers.count = 0;
	w->config.match = (struct con_match){ .metadata = &pair, .metadata_count = 1 };
	w->config.interval = dr_msec(100);
	assert_non_null(dr_json_add_str(w->ours[0]->metadata, "watch", "yes"));
	consumer_start(w);
	assert_non_null(consumer_alarm_of(w, w->ids[0]));
	assert_null(consumer_alarm_of(w, w->ids[1]));

	assert_non_null(dr_json_add_str(w->ours[1]->metadata, "watch", "yes")); /* a new one */
	wait_for(w, consumer_alarm_of(w, w->ids[1]));
	assert_non_null(dr_json_add_str(w->ours[0]->metadata, "watch", "no")); /* and one less */
	wait_for(w, !consumer_alarm_of(w, w->ids[0]));
	consumer_lose(w, 1);
	wait_for(w, said_count("doctor consumer handled at ") == 1);
	/* the replacement has the same metadata, and is watched as well */
	wait_for(w, consumer_replacements(w, 1, &s) && consumer_alarm_of(w, s->id));
}

static void test_plan_of_its_own(void **state)
{
	struct world *w = *state;
	static struct con_plan plan; /* for longer than this */

	plan = (struct con_plan){ .servers = { &w->ids[1], 1 }, .kind = CON_RECOVERY_NONE };
	w->config.plans = &plan;
	w->config.plan_count = 1;
	consumer_start(w);
	consumer_lose(w, 1);
	wait_for(w, said_count("alarm armed again") == 1);
	assert_int_equal(said_count("recovery begins"), 0);
	consumer_lose(w, 0);
	wait_for(w, said_count("recovery begins") == 1);
	wait_for(w, said_count("vm replaced vm=") == 1);
}

static void test_recovery_none(void **state)
{
	struct world *w = *state;

	w->config.plan.kind = CON_RECOVERY_NONE;
	consumer_start(w);
	consumer_lose(w, 0);
	wait_for(w, said_count("doctor consumer notified at ") == 1);
	wait_for(w, consumer_is_armed(w, 0));
	consumer_let_pass(w, dr_msec(100));
	assert_int_equal(consumer_replacements(w, 0, NULL), 0);
	assert_int_equal(said_count("recovery begins"), 0);
}

/* ---- what has to wait until the plan is known ---- */

/* Before Nova has shown its servers nobody knows whose plan is which. */
static void test_fired_before_the_plan_is_known(void **state)
{
	struct world *w = *state;

	consumer_leave_first_alone(w);
	consumer_start(w);
	consumer_crash(w);
	consumer_lose(w, 0);
	wait_for(w, consumer_alarm_of(w, w->ids[0])->state == MC_ALARM_ALARM);
	consumer_let_pass(w, dr_msec(50)); /* its request finds nobody */
	consumer_break_cloud(w, "compute:GET:/v2.1/servers/detail:503:1");
	consumer_start(w);
	wait_for(w, said_count("alarm has fired while nobody listened") == 1);
	consumer_assert_left_alone(w);
}

/* Its id alone says which plan it has: that needs no row. */
static void test_plan_of_an_id_in_a_silent_cell(void **state)
{
	static struct con_pair pair = { "plan", "other" };
	struct world *w = *state;
	struct con_plan plans[] = {
		{ .servers = { w->ids, 1 }, .kind = CON_RECOVERY_NONE },
		{ .match = { .metadata = &pair, .metadata_count = 1 }, .kind = CON_RECOVERY_NONE },
	};
	char *name = w->ours[0]->name;

	w->config.plans = plans;
	w->config.plan_count = DR_ARRAY_SIZE(plans);
	w->ours[0]->name = NULL;
	consumer_start(w);
	w->ours[0]->name = name; /* Nova's notification has it */
	consumer_lose(w, 0);
	w->ours[0]->name = NULL;
	consumer_assert_left_alone(w);
	w->ours[0]->name = name;
	consumer_crash(w); /* plans are ours */
}

/* Its cell of Nova does not answer, so that its metadata is not shown: what was begun by its plan goes on by
 * it. */
static void test_resumed_in_a_silent_cell(void **state)
{
	struct world *w = *state;
	char *name = w->ours[0]->name;

	consumer_leave_first_alone(w);
	consumer_use_script(w, "test $DOCTOR_INTERRUPTED = 1 || sleep 60");
	w->plan.kind = CON_RECOVERY_EXEC;
	w->plan.command = w->config.plan.command;
	w->plan.retry = w->config.plan.retry;
	w->plan.time_limit = dr_sec(20);
	w->config.plan.kind = CON_RECOVERY_NONE;
	w->config.interval = dr_msec(100);
	consumer_with_journal(w);
	consumer_start(w);
	consumer_lose(w, 0);
	wait_for(w, consumer_script_output(w)[0]);
	consumer_crash(w);
	w->ours[0]->name = NULL;
	consumer_start(w);
	consumer_let_pass(w, dr_msec(300));
	assert_int_equal(said_count("its plan is another now"), 0);
	assert_int_equal(said_count("recovery is taken up"), 0);
	w->ours[0]->name = name;
	wait_for(w, strstr(consumer_get(w, "/v1/recoveries"), "\"state\":\"recovered\""));
}

#define TEST(name) cmocka_unit_test_setup_teardown(name, consumer_setup_apart, consumer_teardown)

int main(void)
{
	const struct CMUnitTest tests[] = {
		TEST(test_exec),
		TEST(test_exec_gives_up),
		TEST(test_exec_over_restarts),
		TEST(test_discover),
		TEST(test_plan_of_its_own),
		TEST(test_recovery_none),
		TEST(test_fired_before_the_plan_is_known),
		TEST(test_plan_of_an_id_in_a_silent_cell),
		TEST(test_resumed_in_a_silent_cell),
	};

	return cmocka_run_group_tests_name("consumer_plans", tests, NULL, NULL);
}
