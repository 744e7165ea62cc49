/* SPDX-License-Identifier: Apache-2.0 */
/*
 * Each way in which a cloud can fail, once, at each request of an incident: there and back. What passes
 * leaves no trace: the host is forced down, its servers are in error and its ports DOWN, and all is
 * as before when it is back. What is refused for good is in the table, and in docs/operations.md.
 */
#include <string.h>

#include "tests/faults/trial.h"

#define SERVERS 3

enum stage {
	FORCE_DOWN,
	SHORT_LIST,
	FULL_LIST,
	RESET,
	PORT_LIST,
	PORT,
	LOGIN, /* of an incident whose token has just ended */

	/* the way back */
	FORCE_UP,
	LIST_BACK,
	DIAGNOSTICS,
	RESTORE,
	PORT_LIST_BACK,
	PORT_BACK,
	STAGES,
};

static const struct {
	const char *name, *service, *method, *path;
} stages[STAGES] = {
	[FORCE_DOWN] = { "force-down", "compute", "PUT", "/v2.1/os-services/*" },
	[SHORT_LIST] = { "short list", "compute", "GET", "/v2.1/servers" },
	[FULL_LIST] = { "full list", "compute", "GET", "/v2.1/servers/detail" },
	[RESET] = { "reset", "compute", "POST", "/v2.1/servers/*/action" },
	[PORT_LIST] = { "port list", "network", "GET", "/v2.0/ports" },
	[PORT] = { "port", "network", "PUT", "/v2.0/ports/*" },
	[LOGIN] = { "login", "identity", "POST", "/v3/auth/tokens" },
	[FORCE_UP] = { "force-up", "compute", "PUT", "/v2.1/os-services/*" },
	[LIST_BACK] = { "list, back", "compute", "GET", "/v2.1/servers/detail" },
	[DIAGNOSTICS] = { "diagnostics", "compute", "GET", "/v2.1/servers/*/diagnostics" },
	[RESTORE] = { "restore", "compute", "POST", "/v2.1/servers/*/action" },
	[PORT_LIST_BACK] = { "port list, back", "network", "GET", "/v2.0/ports" },
	[PORT_BACK] = { "port, back", "network", "PUT", "/v2.0/ports/*" },
};

/* Where a cell ends otherwise than whole. */
struct end {
	enum stage stage;
	const char *state;
	bool forced_down;
	unsigned error, down; /* servers, ports */
};

#define ALL SERVERS
/* A refusal for good: of the host, of one server or port, or of a list. */
static const struct end forbidden[] = {
	{ FORCE_DOWN, "failed", false, 0, 0 },	     { FULL_LIST, "incomplete", true, ALL, ALL },
	{ RESET, "incomplete", true, ALL - 1, ALL }, { PORT_LIST, "incomplete", true, ALL, 0 },
	{ PORT, "incomplete", true, ALL, ALL - 1 },  { FORCE_UP, "closed", true, ALL, ALL },
	{ LIST_BACK, "closed", false, ALL, 0 },	     { DIAGNOSTICS, "closed", false, 1, 0 },
	{ RESTORE, "closed", false, 1, 0 },	     { PORT_LIST_BACK, "closed", false, 0, ALL },
	{ PORT_BACK, "closed", false, 0, 1 },	     { .state = NULL }
};

/* A server or port that is said to be gone is left alone. */
static const struct end gone[] = {
	{ RESET, "marked", true, ALL - 1, ALL }, { PORT_LIST, "incomplete", true, ALL, 0 },
	{ PORT, "marked", true, ALL, ALL - 1 },	 { DIAGNOSTICS, "closed", false, 1, 0 },
	{ RESTORE, "closed", false, 1, 0 },	 { PORT_LIST_BACK, "closed", false, 0, ALL },
	{ PORT_BACK, "closed", false, 0, 1 },	 { .state = NULL }
};

/* The hypervisor says that it does not run. */
static const struct end halted[] = { { DIAGNOSTICS, "closed", false, 1, 0 }, { .state = NULL } };

static const struct end none[] = { { .state = NULL } };

static struct end end_of(enum stage stage, const struct end *ends)
{
	bool back = stage >= FORCE_UP;
	struct end e = { stage, back ? "closed" : "marked", !back, back ? 0 : ALL, back ? 0 : ALL };

	for (; ends->state; ends++)
		if (ends->stage == stage)
			e = *ends;
	return e;
}

static void inject(struct trial *t, enum stage stage, const char *fault)
{
	DR_AUTO_FREE char *rule = dr_asprintf("{\"service\": \"%s\", \"method\": \"%s\", \"path\": \"%s\", "
					      "\"count\": 1, %s}",
					      stages[stage].service, stages[stage].method, stages[stage].path,
					      fault);

	trial_put(t, "DELETE", "/minicloud/faults", NULL);
	if (stage == LOGIN)
		trial_put(t, "POST", "/minicloud/faults",
			  "{\"fault\": \"expire\", \"service\": \"compute\", \"method\": \"PUT\", \"count\": "
			  "1}");
	trial_put(t, "POST", "/minicloud/faults", rule);
}

/* The fault was met, and our own token is good again. */
static void assert_met(struct trial *t, const char *what)
{
	DR_AUTO_JSON struct dr_json *faults = trial_get(t, "/minicloud/faults");
	const struct dr_json *list = dr_json_get(faults, "faults");

	for (const struct dr_json *v = dr_json_first(list); v; v = dr_json_next(v)) {
		int64_t hits;

		if (dr_json_get_i64(v, "hits", &hits) || !hits)
			fail_msg("%s: the fault was not met", what);
	}
	trial_put(t, "DELETE", "/minicloud/faults", NULL);
	trial_log_in(t);
}

static void assert_end(struct trial *t, const char *host, const struct end *e, const char *what)
{
	const char *const settled[] = { e->state, NULL };
	struct trial_host h;

	trial_wait(t, host, settled);
	assert_met(t, what);
	h = trial_look(t, host);
	if (h.forced_down != e->forced_down || h.error != e->error || h.down != e->down)
		fail_msg("%s: forced_down=%d error=%u DOWN=%u instead of %d %u %u", what, h.forced_down,
			 h.error, h.down, e->forced_down, e->error, e->down);
}

/* One stage, on a host of its own. */
static void cell(struct trial *t, enum stage stage, const char *fault, const struct end *ends)
{
	static const char *const marked[] = { "marked", NULL };
	DR_AUTO_FREE char *host = dr_asprintf("compute-%d", stage + 1);
	DR_AUTO_FREE char *what = dr_asprintf("%s at %s", fault, stages[stage].name);
	struct end e = end_of(stage, ends);
	bool back = stage >= FORCE_UP;

	trial_put(t, "DELETE", "/minicloud/requests", NULL);
	if (!back)
		inject(t, stage, fault);
	assert_true(trial_post(t, host, true));
	if (back) {
		trial_wait(t, host, marked);
		inject(t, stage, fault);
		assert_true(trial_post(t, host, false));
	}
	assert_end(t, host, &e, what);
	assert_int_equal(trial_repeated(t), 0);
}

static void sweep_with(unsigned timeout_ms, const char *fault, const struct end *ends)
{
	const struct trial_opts opts = { .hosts = STAGES, .servers = SERVERS, .timeout_ms = timeout_ms };
	AUTO_TRIAL struct trial *t = trial_new(&opts);

	trial_start(t);
	assert_int_equal(sc_child_wait_ready(t->inspector, dr_sec(30), NULL), 0);
	for (enum stage s = 0; s < STAGES; s++)
		cell(t, s, fault, ends);
}

static void sweep(const char *fault, const struct end *ends)
{
	sweep_with(0, fault, ends);
}

#define STATUS(n) "\"fault\": \"status\", \"status\": " #n
#define DONE ", \"done\": true"
#define NOT_DONE ", \"done\": false"

static void test_401(void **state)
{
	/* a login that is refused is asked for again, as a person may have helped */
	sweep(STATUS(401), none);
}

static void test_403(void **state)
{
	sweep(STATUS(403), forbidden);
}

static void test_404(void **state)
{
	sweep(STATUS(404), gone);
}

static void test_409(void **state)
{
	sweep(STATUS(409), halted);
}

static void test_429(void **state)
{
	sweep(STATUS(429) ", \"retry_after\": 1", none);
	sweep(STATUS(429) ", \"empty\": true", none);
}

static void test_500(void **state)
{
	sweep(STATUS(500), none);
	sweep(STATUS(500) DONE, none);
}

static void test_503(void **state)
{
	sweep(STATUS(503) ", \"empty\": true", none);
	sweep(STATUS(503) DONE, none);
}

static void test_hang(void **state)
{
	sweep_with(1000, "\"fault\": \"hang\"", none);
	sweep_with(1000, "\"fault\": \"hang\"" DONE, none);
}

static void test_reset(void **state)
{
	/* on a warm connection libcurl tries once more by itself */
	sweep("\"fault\": \"reset\", \"count\": 2", none);
	sweep("\"fault\": \"reset\", \"count\": 2" DONE, none);
}

static void test_cut(void **state)
{
	sweep("\"fault\": \"cut\"", none);
	sweep("\"fault\": \"cut\"" NOT_DONE, none);
}

static void test_garbage(void **state)
{
	sweep("\"fault\": \"garbage\"", none);
	/* a proxy's page with status 200 */
	sweep("\"fault\": \"garbage\"" NOT_DONE, none);
}

static void test_truncated(void **state)
{
	sweep("\"fault\": \"truncate\"", none);
}

static void test_slow(void **state)
{
	sweep("\"fault\": \"delay\", \"delay_ms\": 200", none);
}

/* The token ends in mid-incident: one login for all that is under way. */
static void test_expired(void **state)
{
	const struct trial_opts opts = { .hosts = STAGES, .servers = SERVERS };
	AUTO_TRIAL struct trial *t = trial_new(&opts);

	trial_start(t);
	assert_int_equal(sc_child_wait_ready(t->inspector, dr_sec(30), NULL), 0);
	for (enum stage s = 0; s < STAGES; s++) {
		DR_AUTO_JSON struct dr_json *requests = NULL;

		if (s == LOGIN)
			continue;
		cell(t, s, "\"fault\": \"expire\"", none);
		requests = trial_get(t, "/minicloud/requests");
		/* the last one is ours */
		assert_int_equal(trial_count(requests, "POST", "/auth/tokens", ""), 2);
	}
}

/* Nova refuses to release a host until what was evacuated is cleaned up; nothing is restored before. */
static void test_evacuated(void **state)
{
	static const char *const marked[] = { "marked", NULL }, *const closed[] = { "closed", NULL };
	const struct trial_opts opts = { .hosts = 2, .servers = SERVERS };
	AUTO_TRIAL struct trial *t = trial_new(&opts);
	struct dr_mono end = dr_mono_add(dr_mono_now(), dr_sec(30));
	struct trial_host h;

	trial_start(t);
	assert_int_equal(sc_child_wait_ready(t->inspector, dr_sec(30), NULL), 0);
	assert_true(trial_post(t, "compute-1", true));
	trial_wait(t, "compute-1", marked);
	trial_put(t, "PUT", "/minicloud/hosts/compute-1", "{\"evacuated\": true}");
	assert_true(trial_post(t, "compute-1", false));
	for (unsigned refused = 0; refused < 2;) {
		DR_AUTO_JSON struct dr_json *body = trial_get(t, "/minicloud/requests");
		const struct dr_json *v = dr_json_first(dr_json_get(body, "requests"));

		for (refused = 0; v; v = dr_json_next(v)) {
			int64_t status;

			refused += !dr_json_get_i64(v, "answer", &status) && status == 400;
		}
		assert_true(dr_mono_sub(end, dr_mono_now()).ns > 0);
		assert_in_range(dr_loop_run_once(t->loop, dr_msec(5)), 0, 1);
	}
	h = trial_look(t, "compute-1");
	assert_true(h.forced_down);
	assert_int_equal(h.error, SERVERS);
	assert_int_equal(h.down, SERVERS);
	assert_string_equal(trial_state(t, "compute-1"), "restoring");
	trial_put(t, "PUT", "/minicloud/hosts/compute-1", "{\"evacuated\": false}");
	trial_wait(t, "compute-1", closed);
	h = trial_look(t, "compute-1");
	assert_false(h.forced_down);
	assert_int_equal(h.error + h.down, 0);
}

/* What its hypervisor says does not run is left in error. */
static void test_halted(void **state)
{
	static const char *const marked[] = { "marked", NULL }, *const closed[] = { "closed", NULL };
	const struct trial_opts opts = { .hosts = 1, .servers = SERVERS };
	AUTO_TRIAL struct trial *t = trial_new(&opts);
	DR_AUTO_JSON struct dr_json *servers = trial_get(t, "/compute/v2.1/servers?all_tenants=1");
	const char *id = dr_json_str(dr_json_path(servers, "servers.0.id"));
	DR_AUTO_FREE char *path = dr_asprintf("/minicloud/servers/%s", id);
	struct trial_host h;

	trial_start(t);
	assert_int_equal(sc_child_wait_ready(t->inspector, dr_sec(30), NULL), 0);
	assert_true(trial_post(t, "compute-1", true));
	trial_wait(t, "compute-1", marked);
	trial_put(t, "PUT", path, "{\"halted\": true}");
	assert_true(trial_post(t, "compute-1", false));
	trial_wait(t, "compute-1", closed);
	h = trial_look(t, "compute-1");
	assert_false(h.forced_down);
	assert_int_equal(h.error, 1);
	assert_int_equal(h.down, 0);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(test_401),	  cmocka_unit_test(test_403),
		cmocka_unit_test(test_404),	  cmocka_unit_test(test_409),
		cmocka_unit_test(test_429),	  cmocka_unit_test(test_500),
		cmocka_unit_test(test_503),	  cmocka_unit_test(test_hang),
		cmocka_unit_test(test_reset),	  cmocka_unit_test(test_cut),
		cmocka_unit_test(test_garbage),	  cmocka_unit_test(test_truncated),
		cmocka_unit_test(test_slow),	  cmocka_unit_test(test_expired),
		cmocka_unit_test(test_evacuated), cmocka_unit_test(test_halted),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
