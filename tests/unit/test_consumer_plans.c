/* SPDX-License-Identifier: Apache-2.0 */
/* Which server is watched, and what is done for which: programs of the owner, other plans, nothing. */
#include "tests/unit/consumer_world.h"

#include <sys/stat.h>

/* ---- exec ---- */

static void use_script(struct world *w, const char *text)
{
	static char script[80], *command[] = { script, NULL };
	FILE *f = fopen(consumer_path(w, "recover"), "we");

	assert_non_null(f);
	fprintf(f, "#!/bin/sh\necho \"$DOCTOR_SERVER $DOCTOR_ATTEMPT $DOCTOR_INTERRUPTED\" >> %s/out\n%s\n",
		w->dir, text);
	fclose(f);
	snprintf(script, sizeof(script), "%s", consumer_path(w, "recover"));
	assert_int_equal(chmod(script, 0700), 0);
	w->config.plan.kind = CON_RECOVERY_EXEC;
	w->config.plan.command = command;
}

static const char *output(struct world *w)
{
	static char text[4096];
	DR_AUTO_FCLOSE FILE *f = fopen(consumer_path(w, "out"), "re");

	text[f ? fread(text, 1, sizeof(text) - 1, f) : 0] = '\0';
	return text;
}

static void test_exec(void **state)
{
	struct world *w = *state;
	char expected[200];

	use_script(w, "test $DOCTOR_ATTEMPT = 3");
	consumer_start(w);
	consumer_lose(w, 0);
	wait_for(w, said_count("recovery program has ended well vm=") == 1);
	snprintf(expected, sizeof(expected), "%s 1 0\n%s 2 0\n%s 3 0\n", w->ids[0], w->ids[0], w->ids[0]);
	assert_string_equal(output(w), expected);
	assert_int_equal(said_count("doctor consumer handled at "), 1);
	assert_true(said_count(" ended by status 1") > 0);
}

static void test_exec_gives_up(void **state)
{
	struct world *w = *state;

	use_script(w, "sleep 60");
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

	use_script(w, "test $DOCTOR_INTERRUPTED = 1 || sleep 60");
	consumer_with_journal(w);
	consumer_start(w);
	consumer_break_cloud(w, "alarming:PUT:/v2/alarms:503");
	consumer_lose(w, 0);
	wait_for(w, output(w)[0]);
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
	assert_string_equal(output(w), expected);
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

#define TEST(name) cmocka_unit_test_setup_teardown(name, consumer_setup_apart, consumer_teardown)

int main(void)
{
	const struct CMUnitTest tests[] = {
		TEST(test_exec),     TEST(test_exec_gives_up),	 TEST(test_exec_over_restarts),
		TEST(test_discover), TEST(test_plan_of_its_own), TEST(test_recovery_none),
	};

	return cmocka_run_group_tests_name("consumer_plans", tests, NULL, NULL);
}
