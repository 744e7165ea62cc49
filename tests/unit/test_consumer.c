/* SPDX-License-Identifier: Apache-2.0 */
/* The consumer from its start to its end: the alarms that it keeps, what fires, and what of it a restart
 * finds. */
#include "tests/unit/consumer_world.h"

#include <signal.h>
#include <sys/resource.h>
#include <sys/stat.h>

#include "consumer/faults.h"

static void test_whole_way(void **state)
{
	struct world *w = *state;
	const struct mc_alarm *a;
	char line[200];

	consumer_start(w);
	assert_int_equal(consumer_alarm_count(w), CONSUMER_SERVERS);
	a = consumer_alarm_of(w, w->ids[0]);
	assert_non_null(a);
	assert_string_equal(dr_json_str(dr_json_at(a->actions[MC_ALARM_ALARM], 0)),
			    con_consumer_url(w->consumer));

	for (size_t i = 0; i < CONSUMER_SERVERS; i++)
		consumer_lose(w, i);
	wait_for(w, said_count("doctor consumer handled at ") == CONSUMER_SERVERS);
	for (size_t i = 0; i < CONSUMER_SERVERS; i++) {
		consumer_assert_replaced(w, i);
		snprintf(line, sizeof(line), "alarm received vm=%s alarm=%s generated=2", w->ids[i],
			 consumer_alarm_of(w, w->ids[i])->id);
		assert_int_equal(said_count(line), 1);
		wait_for(w, consumer_is_armed(w, i));
	}
	assert_int_equal(said_count("doctor consumer notified at "), CONSUMER_SERVERS);

	/* the same server once more: heard, and found replaced */
	consumer_mark_server(w, 0);
	wait_for(w, said_count("vm has a replacement already") == 1);
	assert_int_equal(said_count("doctor consumer notified at "), CONSUMER_SERVERS + 1);
	assert_int_equal(said_count("doctor consumer handled at "), CONSUMER_SERVERS);
	consumer_assert_replaced(w, 0);
	wait_for(w, consumer_is_armed(w, 0));

	consumer_stop(w);
	assert_int_equal(consumer_alarm_count(w), 0);
}

/* In the log the check point follows the record that names server and alarm. */
static void test_check_points(void **state)
{
	struct world *w = *state;
	const char *record, *point;
	double t;

	w->config.servers.count = 1;
	consumer_start(w);
	struct dr_wall before = dr_wall_now();
	consumer_lose(w, 0);
	wait_for(w, said_count("doctor consumer handled at ") == 1);
	record = strstr(said(), "alarm received vm=");
	point = strstr(record, "\n") + 1;
	assert_int_equal(sscanf(point, "doctor consumer notified at %lf\n", &t), 1);
	assert_true(t >= dr_wall_seconds(before) - 0.001 && t <= dr_wall_seconds(dr_wall_now()));
	record = strstr(said(), "vm replaced vm=");
	point = strstr(record, "\n") + 1;
	assert_int_equal(sscanf(point, "doctor consumer handled at %lf\n", &t), 1);
}

static void test_alarms_are_reused(void **state)
{
	struct world *w = *state;
	char id[40];

	w->config.servers.count = 1;
	w->config.keep_alarms = true;
	consumer_start(w);
	snprintf(id, sizeof(id), "%s", consumer_alarm_of(w, w->ids[0])->id);
	consumer_stop(w);
	assert_int_equal(consumer_alarm_count(w), 1); /* kept */
	consumer_crash(w);

	consumer_start(w);
	assert_int_equal(consumer_alarm_count(w), 1);
	assert_string_equal(consumer_alarm_of(w, w->ids[0])->id, id);
	consumer_crash(w);

	/* for another URL it is not the same */
	free(w->config.url);
	w->config.url = strdup("http://127.0.0.1:9/failure");
	consumer_start(w);
	assert_int_equal(consumer_alarm_count(w), 2);
}

/* Aodh sends once. What fired while nobody listened is found at the next start. */
static void test_fired_while_away(void **state)
{
	struct world *w = *state;

	w->config.servers.count = 1;
	consumer_start(w);
	consumer_crash(w);
	consumer_lose(w, 0);
	wait_for(w, consumer_alarm_of(w, w->ids[0])->state == MC_ALARM_ALARM);
	consumer_let_pass(w, dr_msec(50)); /* its request finds nobody */

	consumer_start(w);
	wait_for(w, said_count("alarm has fired while nobody listened") == 1);
	wait_for(w, said_count("doctor consumer handled at ") == 1);
	consumer_assert_replaced(w, 0);
	wait_for(w, consumer_is_armed(w, 0));
	consumer_stop(w);
	assert_int_equal(consumer_alarm_count(w), 0);
}

/* The recovery of an earlier life is taken up, not done again. */
static void test_restart_in_the_middle(void **state)
{
	struct world *w = *state;

	w->config.servers.count = 1;
	consumer_start(w);
	consumer_lose(w, 0);
	wait_for(w, consumer_replacements(w, 0, NULL) == 1);
	consumer_crash(w);
	consumer_start(w);
	wait_for(w,
		 said_count("vm has a replacement already") + said_count("doctor consumer handled at ") == 1);
	assert_int_equal(consumer_replacements(w, 0, NULL), 1);
	wait_for(w, consumer_is_armed(w, 0));
}

/* ---- what Aodh does not tell ---- */

/* Aodh calls once: of a call that gets lost the alarm's state tells. */
static void test_call_is_lost(void **state)
{
	struct world *w = *state;

	w->config.servers.count = 1;
	w->config.interval = dr_msec(100);
	consumer_start(w);
	consumer_mark_host(w, 0, true);
	mc_server_reset_state(w->ours[0], MC_VM_ERROR, dr_wall_now());
	consumer_alarm_of(w, w->ids[0])->state = MC_ALARM_ALARM;
	wait_for(w, said_count("doctor consumer handled at ") == 1);
	consumer_assert_replaced(w, 0);
	wait_for(w, consumer_is_armed(w, 0));
	consumer_let_pass(w, dr_msec(400));
	assert_int_equal(said_count("recovery begins"), 1);
	assert_int_equal(said_count("alarm has fired while nobody listened"), 1);
}

/* The alarms are looked at, too, while a cell of Nova does not answer; only nothing is cleared away then. */
static void test_call_is_lost_and_a_cell_is_silent(void **state)
{
	struct world *w = *state;
	char *name = w->ours[1]->name;

	w->config.interval = dr_msec(100);
	w->config.plan.kind = CON_RECOVERY_NONE;
	consumer_start(w);
	w->ours[1]->name = NULL;
	consumer_alarm_of(w, w->ids[0])->state = MC_ALARM_ALARM;
	wait_for(w, said_count("alarm has fired while nobody listened") == 1);
	wait_for(w, consumer_is_armed(w, 0));
	assert_int_equal(consumer_alarm_count(w), CONSUMER_SERVERS);
	w->ours[1]->name = name;
}

/* While its recovery is under way an alarm has fired, and nothing is wrong with that. */
static void test_fired_while_it_recovers(void **state)
{
	struct world *w = *state;

	w->config.servers.count = 1;
	w->config.interval = dr_msec(100);
	w->config.plan.retry.pause = w->config.plan.retry.pause_max = dr_msec(600);
	consumer_start(w);
	consumer_break_cloud(w, "compute:POST:/v2.1/servers:403:1");
	consumer_lose(w, 0);
	wait_for(w, said_count("doctor consumer handled at ") == 1);
	wait_for(w, consumer_is_armed(w, 0));
	assert_int_equal(said_count("alarm has fired while nobody listened"), 0);
	assert_int_equal(said_count("recovery begins"), 1);
}

static void test_alarm_is_deleted(void **state)
{
	struct world *w = *state;
	struct mc_alarm *a;

	w->config.servers.count = 1;
	w->config.interval = dr_msec(100);
	consumer_start(w);
	a = consumer_alarm_of(w, w->ids[0]);
	assert_non_null(a);
	TAILQ_REMOVE(&w->mc.model.alarms, a, entry);
	mc_alarm_free(a);
	wait_for(w, consumer_alarm_of(w, w->ids[0]));
	wait_for(w, said_count("alarm created vm=") == 2);
	consumer_lose(w, 0);
	wait_for(w, said_count("doctor consumer handled at ") == 1);
	consumer_assert_replaced(w, 0);
	assert_int_equal(consumer_alarm_count(w), 1);
}

/* Aodh does not let it be set, and later does. */
static void test_armed_at_last(void **state)
{
	struct world *w = *state;

	w->config.servers.count = 1;
	w->config.interval = dr_msec(100);
	consumer_start(w);
	consumer_break_cloud(w, "alarming:PUT:/v2/alarms:403:1");
	consumer_lose(w, 0);
	wait_for(w, said_count("error: alarm is not armed and does not fire until it is alarm=") == 1);
	wait_for(w, consumer_is_armed(w, 0));
	assert_int_equal(said_count("recovery begins"), 1);
}

/* ---- the journal ---- */

static struct rlimit limit_before;

/* Nothing more can be written to the journal. */
static void fill_disk(struct world *w)
{
	struct rlimit limit;
	struct stat st;

	assert_int_equal(stat(consumer_path(w, "journal.db-wal"), &st), 0);
	signal(SIGXFSZ, SIG_IGN);
	assert_int_equal(getrlimit(RLIMIT_FSIZE, &limit_before), 0);
	limit = limit_before;
	limit.rlim_cur = (rlim_t)st.st_size;
	assert_int_equal(setrlimit(RLIMIT_FSIZE, &limit), 0);
}

static void empty_disk(void)
{
	assert_int_equal(setrlimit(RLIMIT_FSIZE, &limit_before), 0);
	signal(SIGXFSZ, SIG_DFL);
}

/* Aodh tells it once: what cannot be kept is heard until it can. */
static void test_journal_is_full(void **state)
{
	struct world *w = *state;

	consumer_with_journal(w);
	w->config.servers.count = 1;
	consumer_start(w);
	fill_disk(w);
	consumer_lose(w, 0);
	wait_for(w, said_count("vm is not recovered, the journal cannot be written") == 2);
	empty_disk();
	wait_for(w, strstr(consumer_get(w, "/v1/recoveries"), "\"state\":\"recovered\""));
	assert_int_equal(consumer_replacements(w, 0, NULL), 1);
	assert_int_equal(said_count("doctor consumer notified at "), 1);
}

/* The disk fills while a recovery is under way: it goes on when there is room, however long that takes. */
static void test_journal_is_full_in_a_recovery(void **state)
{
	static const enum con_recovery_kind kinds[] = { CON_RECOVERY_RECREATE, CON_RECOVERY_SWITCHOVER,
							CON_RECOVERY_EXEC };

	for (size_t i = 0; i < DR_ARRAY_SIZE(kinds); i++) {
		struct world *w = *state;
		struct mc_floating *f = consumer_floating(w, 0);

		if (kinds[i] == CON_RECOVERY_SWITCHOVER)
			consumer_use_standby(w);
		else if (kinds[i] == CON_RECOVERY_EXEC)
			consumer_use_script(w, "exit 0");
		consumer_with_journal(w);
		w->config.servers.count = 1;
		consumer_start(w);
		consumer_lose(w, 0);
		wait_for(w, said_count("recovery begins") == 1);
		fill_disk(w);
		wait_for(w, said_count("writing the journal: ") == 6); /* more than there are attempts */
		assert_int_equal(said_count("a person must help"), 0);
		assert_string_equal(consumer_script_output(w), "");
		assert_int_equal(consumer_replacements(w, 0, NULL), 0);
		assert_ptr_equal(f->port, w->ours[0]->port);
		empty_disk();
		wait_for(w, strstr(consumer_get(w, "/v1/recoveries"), "\"state\":\"recovered\""));
		assert_non_null(strstr(consumer_get(w, "/v1/recoveries"), "\"attempts\":1"));
		assert_int_equal(consumer_teardown(state), 0);
		assert_int_equal(consumer_setup_apart(state), 0);
	}
}

/* A row that nobody understands: it is said where, rather than that the port cannot be had. */
static void test_journal_is_damaged(void **state)
{
	static const char *const made[] = { "", "" };
	struct world *w = *state;
	struct con_fault from = { .kind = CON_RECOVERY_EXEC }, *f;
	DR_AUTO_FREE char *error = NULL, *why = NULL;
	struct con_faults *faults = NULL;
	struct dr_store *store = NULL;

	consumer_with_journal(w);
	consumer_log_in(w, "doctor");
	memcpy(from.server, w->ids[0], sizeof(w->ids[0]));
	assert_int_equal(con_faults_open(w->config.journal, &faults, &error), 0);
	assert_int_equal(con_faults_add(faults, &from, NULL, &f), 0);
	con_faults_free(faults);
	assert_int_equal(dr_store_open(w->config.journal, made, 2, &store, &error), 0);
	assert_int_equal(dr_store_exec(store, "UPDATE fault SET kind = 'evacuate'"), 0);
	dr_store_free(store);
	assert_int_equal(con_consumer_new(w->loop, w->cloud, &w->config, NULL, NULL, &w->consumer, &why),
			 -EBADMSG);
	assert_non_null(why);
	assert_non_null(strstr(why, "journal.db: the faults in it cannot be read"));
}

/* ---- step 0 ---- */

static void test_aodh_comes_later(void **state)
{
	struct world *w = *state;

	w->config.servers.count = 1;
	consumer_break_cloud(w, "alarming:GET:/v2/alarms:503:1");
	consumer_break_cloud(w, "alarming:POST:/v2/alarms:500:1");
	consumer_start(w);
	assert_int_equal(consumer_alarm_count(w), 1);
	assert_int_equal(said_count("warning: looking for the alarm of vm="), 1);
	assert_int_equal(said_count("warning: creating the alarm of vm="), 1);
}

static void test_start_needs_a_person(void **state)
{
	struct world *w = *state;
	static const char *const faults[] = { "alarming:GET:/v2/alarms:403", "alarming:POST:/v2/alarms:400" };

	for (size_t i = 0; i < DR_ARRAY_SIZE(faults); i++) {
		w->mc.fails.count = 0;
		consumer_break_cloud(w, faults[i]);
		consumer_begin(w);
		wait_for(w, w->started);
		assert_true(w->start_error < 0);
		assert_non_null(strstr(w->why, "the alarm of vm="));
		consumer_crash(w);
	}
	w->mc.fails.count = 0;
	consumer_log_in(w, "wrong");
	consumer_begin(w);
	wait_for(w, w->started);
	assert_int_equal(w->start_error, -EACCES);
}

static void break_cloud(struct world *w, const char *rule)
{
	DR_AUTO_JSON struct dr_json *json = NULL;
	const char *why;

	assert_int_equal(dr_json_parse(rule, strlen(rule), &json, NULL), 0);
	assert_int_equal(mc_fails_add_json(&w->mc.fails, json, &why), 0);
}

/* As where Aodh has a quota: the alarms that there are stay, and the others come when they can. */
static void test_start_with_alarms_refused(void **state)
{
	struct world *w = *state;

	w->config.servers.count = 2;
	/* the second one comes when the first is there */
	break_cloud(w, "{\"fault\": \"delay\", \"delay_ms\": 1000, \"skip\": 1, \"service\": \"alarming\", "
		       "\"method\": \"GET\", \"path\": \"/v2/alarms\"}");
	break_cloud(w, "{\"fault\": \"status\", \"status\": 403, \"skip\": 1, \"service\": \"alarming\", "
		       "\"method\": \"POST\", \"path\": \"/v2/alarms\"}");
	consumer_begin(w);
	wait_for(w, said_count("warning: creating the alarm of vm=") >= 1);
	assert_false(w->started);
	assert_int_equal(consumer_alarm_count(w), 1);
	/* nor does a moment in which the credentials are refused end it */
	w->mc.fails.count = 0;
	consumer_break_cloud(w, "alarming:GET:/v2/alarms:401");
	consumer_break_cloud(w, "identity:POST:/v3/auth/tokens:401");
	wait_for(w, said_count("warning: looking for the alarm of vm=") >= 1);
	assert_false(w->started);
	w->mc.fails.count = 0;
	wait_for(w, w->started);
	assert_int_equal(w->start_error, 0);
	assert_int_equal(consumer_alarm_count(w), 2);
}

/* The end comes while alarms are being created: none is left behind. */
static void test_stop_at_once(void **state)
{
	struct world *w = *state;

	for (int turns = 0; turns < 40; turns += 3) {
		consumer_begin(w);
		for (int i = 0; i < turns; i++)
			assert_true(dr_loop_run_once(w->loop, dr_msec(1)) >= 0);
		consumer_stop(w);
		if (consumer_alarm_count(w) != 0)
			fail_msg("after %d turns: %s", turns, said());
		consumer_crash(w);
	}
}

/* What fired is the only trace of a recovery that the next start has. */
static void test_stop_in_a_recovery(void **state)
{
	struct world *w = *state;

	consumer_start(w);
	consumer_break_cloud(w, "compute:POST:/v2.1/servers:403:1");
	w->config.plan.retry.pause = w->config.plan.retry.pause_max = dr_sec(10);
	consumer_lose(w, 0);
	wait_for(w, said_count("recovery goes on in") == 1);
	consumer_stop(w);
	assert_int_equal(said_count("warning: recovery is left unfinished, "), 1);
	assert_non_null(consumer_alarm_of(w, w->ids[0]));
	assert_null(consumer_alarm_of(w, w->ids[1])); /* nothing is under way there */
	consumer_crash(w);

	consumer_start(w);
	wait_for(w, said_count("doctor consumer handled at ") == 1);
	consumer_assert_replaced(w, 0);
	wait_for(w, consumer_is_armed(w, 0));
	consumer_stop(w);
	assert_int_equal(consumer_alarm_count(w), 0);
}

static void test_port_is_taken(void **state)
{
	struct world *w = *state;
	struct con_consumer *c = NULL;
	char *error = NULL;

	w->config.listen.port = dr_http_server_port(w->mc_server);
	consumer_log_in(w, "doctor");
	assert_int_equal(con_consumer_new(w->loop, w->cloud, &w->config, NULL, NULL, &c, &error),
			 -EADDRINUSE);
	assert_null(error);
	assert_null(c);
}

#define TEST(name) cmocka_unit_test_setup_teardown(name, consumer_setup, consumer_teardown)
#define TEST_APART(name) cmocka_unit_test_setup_teardown(name, consumer_setup_apart, consumer_teardown)

int main(void)
{
	const struct CMUnitTest tests[] = {
		TEST(test_whole_way),
		TEST(test_check_points),
		TEST(test_alarms_are_reused),
		TEST(test_fired_while_away),
		TEST(test_restart_in_the_middle),
		TEST(test_call_is_lost),
		TEST(test_call_is_lost_and_a_cell_is_silent),
		TEST(test_fired_while_it_recovers),
		TEST(test_alarm_is_deleted),
		TEST(test_armed_at_last),
		TEST(test_journal_is_full),
		TEST_APART(test_journal_is_full_in_a_recovery),
		TEST(test_journal_is_damaged),
		TEST(test_aodh_comes_later),
		TEST(test_start_needs_a_person),
		TEST(test_start_with_alarms_refused),
		TEST(test_stop_at_once),
		TEST(test_stop_in_a_recovery),
		TEST(test_port_is_taken),
	};

	return cmocka_run_group_tests_name("consumer", tests, NULL, NULL);
}
