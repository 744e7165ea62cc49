// SPDX-License-Identifier: Apache-2.0
/* The inspector's pure decisions: states, judging, planning, outcomes, the map. */
#include <stdarg.h>
#include <stddef.h>
#include <setjmp.h>
#include <stdint.h>
#include <cmocka.h>
#include <string.h>

#include "inspector/judge.h"
#include "inspector/outcome.h"
#include "inspector/plan.h"
#include "inspector/policy.h"

/* ---------------------------------------------------------------- states */

static void test_states(void **state)
{
	/* rows: states in their order; columns:
	 * KNOWN UNKNOWN GO HOLD FORCED UNFORCED REHEARSED DONE PARTLY FAULT CLEARED BACK RESTORED */
	static const char *const golden[INS_STATES] = {
		[INS_RESOLVING] = "waiting refused - - - - - - - - closed - -",
		[INS_FORCING] = "- - - - marking failed rehearsed - - - recovering - -",
		[INS_MARKING] = "- - - - - - - marked incomplete - recovering - -",
		[INS_RESTORING] = "- - - - - - - - - waiting - - closed",
		[INS_WAITING] = "- - forcing held - - - - - - recovering - -",
		[INS_HELD] = "- - forcing - - - - - - - recovering - -",
		[INS_MARKED] = "- - - - - - - - - waiting recovering - -",
		[INS_INCOMPLETE] = "- - - - - - - - - forcing recovering - -",
		[INS_FAILED] = "- - - - - - - - - forcing recovering - -",
		[INS_RECOVERING] = "- - - - - - - - - waiting - restoring closed",
		[INS_REHEARSED] = "- - - - - - - - - resolving closed - -",
		[INS_RECORDED] = "- - - - - - - - - - closed - -",
		[INS_REFUSED] = "- - - - - - - - - - - - -",
		[INS_CLOSED] = "- - - - - - - - - - - - -",
	};

	for (int s = 0; s < INS_STATES; s++) {
		char row[128];
		char *rest = row, *word;
		int in = 0;

		snprintf(row, sizeof(row), "%s", golden[s]);
		while ((word = strsep(&rest, " "))) {
			const char *next = ins_state_name(ins_state_next(s, in));

			if (!strcmp(word, "-"))
				word = (char *)ins_state_name(s);
			if (strcmp(next, word))
				fail_msg("%s, input %d: %s instead of %s", ins_state_name(s), in, next, word);
			in++;
		}
		assert_int_equal(in, INS_INPUTS);
		assert_int_equal(ins_state_active(s), s <= INS_RESTORING);
		assert_int_equal(ins_state_pending(s), s == INS_WAITING || s == INS_HELD);
		assert_int_equal(ins_state_ended(s), s >= INS_REFUSED);
	}
}

/* ---------------------------------------------------------------- outcomes */

static void test_outcomes(void **state)
{
	/* per request: force-down, force-up, reset, list, diagnose, ports, port.
	 * o OK, g GONE, r RETRY, s STALE, w WAIT, f FAIL */
	static const struct {
		int error;
		unsigned status;
		const char *want;
	} cases[] = {
		{ 0, 200, "ooooooo" },
		{ 0, 202, "ooooooo" },
		{ 0, 204, "ooooooo" },
		{ 0, 100, "fffffff" },
		{ 0, 300, "fffffff" },
		{ 0, 302, "fffffff" },
		{ 0, 400, "fwfffff" },
		{ 0, 401, "wwwwwww" },
		{ 0, 403, "fffffff" },
		{ 0, 404, "ssgrgfg" },
		{ 0, 405, "fffffff" },
		{ 0, 406, "fffffff" },
		{ 0, 408, "wwwwwww" },
		{ 0, 409, "rrrrfrr" },
		{ 0, 410, "fffffff" },
		{ 0, 413, "wwwwwww" },
		{ 0, 429, "wwwwwww" },
		{ 0, 499, "fffffff" },
		{ 0, 500, "wwwwwww" },
		{ 0, 501, "wwwwfww" },
		{ 0, 503, "wwwwwww" },
		{ 0, 504, "wwwwwww" },
		{ 0, 599, "wwwwwww" },
		{ 0, 600, "fffffff" },
		{ 0, 0, "fffffff" },
		{ 0, 4294967295U, "fffffff" },
		{ -ETIMEDOUT, 0, "wwwwwww" },
		{ -ECONNREFUSED, 0, "wwwwwww" },
		{ -EHOSTUNREACH, 0, "wwwwwww" },
		{ -ECONNRESET, 0, "wwwwwww" },
		{ -ENOENT, 0, "wwwwwff" },
		{ -EIO, 503, "wwwwwww" },
		{ -EACCES, 401, "wwwwwww" },
		{ -EACCES, 0, "wwwwwww" },
	};
	static const char letters[] = { [INS_OUT_OK] = 'o',    [INS_OUT_GONE] = 'g', [INS_OUT_RETRY] = 'r',
					[INS_OUT_STALE] = 's', [INS_OUT_WAIT] = 'w', [INS_OUT_FAIL] = 'f' };

	for (size_t i = 0; i < DR_ARRAY_SIZE(cases); i++) {
		char got[INS_REQUESTS + 1] = "";

		for (int n = 0; n < INS_REQUESTS; n++)
			got[n] = letters[ins_outcome_of(n, cases[i].error, cases[i].status)];
		if (strcmp(got, cases[i].want))
			fail_msg("error %d, status %u: %s instead of %s", cases[i].error, cases[i].status,
				 got, cases[i].want);
	}
}

static void test_retry_after(void **state)
{
	static const struct {
		const char *value;
		int64_t seconds;
	} cases[] = {
		{ NULL, 0 },  { "", 0 },    { "0", 0 },		  { "7", 7 },
		{ "60", 60 }, { "61", 60 }, { "4294967296", 60 }, { "-1", 0 },
		{ " 7", 0 },  { "7 ", 0 },  { "1.5", 0 },	  { "Fri, 31 Dec 1999 23:59:59 GMT", 0 },
	};

	for (size_t i = 0; i < DR_ARRAY_SIZE(cases); i++)
		assert_int_equal(ins_retry_after(cases[i].value).ns, dr_sec(cases[i].seconds).ns);
}

static void test_pauses(void **state)
{
	static const struct ins_retry_conf c = { .attempts = 4, .pause = { 100 }, .pause_max = { 350 } };
	static const struct ins_retry_conf once = { .attempts = 1, .pause = { 100 }, .pause_max = { 100 } };
	static const int64_t retry[] = { 100, 200, 350, -1, -1 }, wait[] = { 100, 200, 350, 350, 350 };

	for (unsigned n = 1; n <= 5; n++) {
		assert_int_equal(ins_retry_pause(&c, INS_OUT_RETRY, n).ns, retry[n - 1]);
		assert_int_equal(ins_retry_pause(&c, INS_OUT_STALE, n).ns, retry[n - 1]);
		assert_int_equal(ins_retry_pause(&c, INS_OUT_WAIT, n).ns, wait[n - 1]);
		assert_int_equal(ins_retry_pause(&c, INS_OUT_OK, n).ns, -1);
		assert_int_equal(ins_retry_pause(&c, INS_OUT_GONE, n).ns, -1);
		assert_int_equal(ins_retry_pause(&c, INS_OUT_FAIL, n).ns, -1);
	}
	assert_int_equal(ins_retry_pause(&once, INS_OUT_RETRY, 1).ns, -1);
	assert_int_equal(ins_retry_pause(&c, INS_OUT_WAIT, 4294967295U).ns, 350);
}

/* ---------------------------------------------------------------- the map */

static void add_host(struct ins_map *m, const char *name)
{
	struct ins_host h = {};

	snprintf(h.name, sizeof(h.name), "%s", name);
	assert_int_equal(ins_map_add_host(m, &h), 0);
}

static void test_resolve(void **state)
{
	static const char *const hosts[] = { "compute-1",      "node.a.example",
					     "node.b.example", "solo.a.example",
					     "both",	       "both.a.example",
					     "10.0.0.1",       "10",
					     "2.x.example" };
	static const struct {
		const char *name;
		enum ins_match match;
		const char *host;
	} cases[] = {
		{ "compute-1", INS_MATCH_ONE, "compute-1" },
		{ "compute-1.any.example", INS_MATCH_ONE, "compute-1" },
		{ "compute", INS_MATCH_NONE, NULL },
		{ "compute-11", INS_MATCH_NONE, NULL },
		{ "node", INS_MATCH_MANY, NULL },
		{ "node.a.example", INS_MATCH_ONE, "node.a.example" },
		{ "node.c.example", INS_MATCH_NONE, NULL }, /* another domain is another host */
		{ "solo", INS_MATCH_ONE, "solo.a.example" },
		{ "solo.b.example", INS_MATCH_NONE, NULL },
		{ "both", INS_MATCH_ONE, "both" }, /* the same name goes before a short one */
		{ "both.a.example", INS_MATCH_ONE, "both.a.example" },
		{ "both.b.example", INS_MATCH_ONE, "both" },
		{ "10.0.0.1", INS_MATCH_ONE, "10.0.0.1" },
		{ "10.0.0.2", INS_MATCH_NONE, NULL }, /* an address is no name in a domain */
		{ "2", INS_MATCH_NONE, NULL },
		{ "", INS_MATCH_NONE, NULL },
		{ ".", INS_MATCH_NONE, NULL },
		{ ".example", INS_MATCH_NONE, NULL },
	};
	DR_AUTO(ins_map_freep) struct ins_map *m = ins_map_new(), *empty = ins_map_new();
	struct ins_host *h;

	for (size_t i = 0; i < DR_ARRAY_SIZE(hosts); i++)
		add_host(m, hosts[i]);
	ins_map_sort(m);
	for (size_t i = 0; i < DR_ARRAY_SIZE(cases); i++) {
		h = NULL;
		if (ins_map_resolve(m, cases[i].name, &h) != cases[i].match)
			fail_msg("\"%s\" gives %s", cases[i].name, h ? h->name : "none or many");
		if (cases[i].host)
			assert_string_equal(h->name, cases[i].host);
		else
			assert_null(h);
	}
	ins_map_sort(empty); /* no array to sort: undefined for qsort(3) */
	assert_int_equal(empty->count, 0);
	assert_int_equal(ins_map_resolve(empty, "compute-1", &h), INS_MATCH_NONE);
}

static void test_map(void **state)
{
	DR_AUTO(ins_map_freep) struct ins_map *m = ins_map_new(), *newer = ins_map_new();
	struct ins_host unnamed = {};
	char id[80];

	add_host(m, "b");
	add_host(m, "a");
	add_host(m, "b"); /* by another cell */
	ins_map_sort(m);
	assert_int_equal(m->count, 2);
	assert_int_equal(ins_map_add_host(m, &unnamed), -EINVAL);
	for (int n = 0; n < 100; n++) {
		snprintf(id, sizeof(id), "vm-%d", n);
		assert_int_equal(ins_map_add_vm(m, n % 2 ? "a" : "b", id, "p", n == 1 ? "error" : "active"),
				 0);
	}
	assert_int_equal(ins_map_add_vm(m, "ironic", "x", NULL, NULL), 0);
	assert_int_equal(m->unplaced, 1);
	assert_int_equal(m->vm_count, 100);
	assert_int_equal(ins_map_get(m, "a")->vms.count, 50);
	assert_string_equal(ins_map_get(m, "a")->vms.items[0].state, "error");
	assert_non_null(ins_vms_get(&ins_map_get(m, "b")->vms, "vm-98"));
	assert_null(ins_vms_get(&ins_map_get(m, "b")->vms, "vm-99"));
	memset(id, 'x', 79);
	id[79] = '\0';
	assert_int_equal(ins_map_add_vm(m, "a", id, NULL, NULL), -EINVAL);

	add_host(newer, "a");
	add_host(newer, "c");
	ins_map_sort(newer);
	assert_int_equal(ins_map_add_vm(newer, "a", "old", NULL, NULL), 0);
	ins_map_move_vms(newer, m);
	assert_int_equal(newer->vm_count, 50);
	assert_int_equal(ins_map_get(newer, "a")->vms.count, 50);
	assert_int_equal(ins_map_get(newer, "c")->vms.count, 0);
	assert_int_equal(ins_map_get(m, "a")->vms.count, 0);
	assert_null(ins_map_get(newer, "b"));
}

/* ---------------------------------------------------------------- judging */

static void test_judging(void **state)
{
	static const struct ins_host live = { .name = "h" }, down = { .name = "h", .forced_down = true };
	static const struct {
		enum ins_status status;
		const char *type;
		bool map_known;
		enum ins_match match;
		const struct ins_host *host;
		int open; /* state of the open incident; -1: none */
		enum ins_verdict want;
		const char *reason;
	} cases[] = {
		{ INS_FAULT, "compute.host.down", true, INS_MATCH_ONE, &live, -1, INS_ACT,
		  "reported down by m" },
		{ INS_FAULT, "compute.host.down", true, INS_MATCH_ONE, &down, -1, INS_ACT,
		  "forced down in Nova" },
		{ INS_FAULT, "compute.host.down", true, INS_MATCH_NONE, NULL, -1, INS_REFUSE,
		  "no nova-compute" },
		{ INS_FAULT, "compute.host.down", true, INS_MATCH_MANY, NULL, -1, INS_REFUSE, "several" },
		{ INS_FAULT, "compute.host.down", false, INS_MATCH_NONE, NULL, -1, INS_RESOLVE,
		  "does not tell" },
		{ INS_FAULT, "compute.host.down", false, INS_MATCH_NONE, NULL, INS_RESOLVING, INS_COUNT,
		  "open" },
		{ INS_FAULT, "compute.host.down", true, INS_MATCH_ONE, &live, INS_FORCING, INS_COUNT,
		  "open" },
		{ INS_FAULT, "compute.host.down", true, INS_MATCH_ONE, &live, INS_MARKING, INS_COUNT,
		  "open" },
		{ INS_FAULT, "compute.host.down", true, INS_MATCH_ONE, &down, INS_MARKED, INS_COUNT, "open" },
		{ INS_FAULT, "compute.host.down", true, INS_MATCH_ONE, &down, INS_INCOMPLETE, INS_AGAIN,
		  "failed" },
		{ INS_FAULT, "compute.host.down", true, INS_MATCH_ONE, &live, INS_FAILED, INS_AGAIN,
		  "failed" },
		{ INS_FAULT, "compute.host.down", true, INS_MATCH_ONE, &live, INS_RECOVERING, INS_AGAIN,
		  "taken for over" },
		{ INS_FAULT, "compute.host.down", true, INS_MATCH_ONE, &live, INS_RESTORING, INS_AGAIN,
		  "taken for over" },
		{ INS_FAULT, "compute.host.degraded", true, INS_MATCH_ONE, &live, -1, INS_RECORD,
		  "record it" },
		{ INS_FAULT, "compute.host.degraded", true, INS_MATCH_ONE, &down, INS_RECORDED, INS_COUNT,
		  "open" },
		{ INS_FAULT, "compute.host.degraded", false, INS_MATCH_NONE, NULL, -1, INS_RECORD,
		  "record it" },
		{ INS_FAULT, "compute.host.degraded", true, INS_MATCH_NONE, NULL, -1, INS_RECORD,
		  "record it" },
		{ INS_FAULT, "compute.host.down.soon", true, INS_MATCH_ONE, &live, -1, INS_RECORD,
		  "record it" },
		{ INS_CLEARED, "compute.host.up", true, INS_MATCH_ONE, &live, -1, INS_NOTHING,
		  "no incident" },
		{ INS_CLEARED, "compute.host.up", true, INS_MATCH_ONE, &down, -1, INS_IGNORE,
		  "openstack compute service set --up h nova-compute" },
		{ INS_CLEARED, "compute.host.up", true, INS_MATCH_ONE, &down, INS_MARKED, INS_CLEAR,
		  "again" },
		{ INS_CLEARED, "compute.host.down", true, INS_MATCH_ONE, &down, INS_MARKED, INS_CLEAR,
		  "again" },
		{ INS_CLEARED, "compute.host.up", true, INS_MATCH_ONE, &down, INS_RECOVERING, INS_NOTHING,
		  "on the way back" },
		{ INS_CLEARED, "compute.host.up", true, INS_MATCH_ONE, &down, INS_RESTORING, INS_NOTHING,
		  "on the way back" },
		{ INS_CLEARED, "compute.host.degraded", true, INS_MATCH_ONE, &down, INS_RECORDED, INS_CLEAR,
		  "cleared" },
		{ INS_CLEARED, "compute.host.degraded", true, INS_MATCH_ONE, &down, -1, INS_NOTHING,
		  "no incident" },
		{ INS_CLEARED, "compute.host.degraded", true, INS_MATCH_NONE, NULL, -1, INS_NOTHING,
		  "no incident" },
		{ INS_CLEARED, "compute.host.up", true, INS_MATCH_ONE, &down, INS_FORCING, INS_CLEAR,
		  "again" },
		{ INS_CLEARED, "compute.host.up", false, INS_MATCH_NONE, NULL, INS_RESOLVING, INS_CLEAR,
		  "again" },
		{ INS_CLEARED, "compute.host.up", false, INS_MATCH_NONE, NULL, -1, INS_NOTHING,
		  "no incident" },
		{ INS_CLEARED, "compute.host.up", true, INS_MATCH_NONE, NULL, -1, INS_REFUSE,
		  "no nova-compute" },
	};

	for (size_t i = 0; i < DR_ARRAY_SIZE(cases); i++) {
		struct ins_event event = { .host = "h", .monitor = "m", .status = cases[i].status };
		struct ins_incident open = { .state = cases[i].open < 0 ? INS_CLOSED : cases[i].open };
		struct ins_case c = { .event = &event,
				      .map_known = cases[i].map_known,
				      .match = cases[i].match,
				      .host = cases[i].host,
				      .open = cases[i].open < 0 ? NULL : &open,
				      .votes = { .down = cases[i].status == INS_FAULT, .up = 1 },
				      .quorum = 1 };
		struct ins_judgement j;

		snprintf(event.type, sizeof(event.type), "%s", cases[i].type);
		c.todo = ins_event_is_host(&event) ? INS_DO_FORCE_DOWN : 0;
		j = ins_judge(&c);
		if (j.verdict != cases[i].want || !strstr(j.reason, cases[i].reason))
			fail_msg("case %zu: %d \"%s\"", i, j.verdict, j.reason);
	}
}

/* On the way back, and somebody says down: is it down again? */
static void test_judging_relapses(void **state)
{
	static const struct ins_host host = { .name = "h", .forced_down = true };
	static const struct {
		unsigned quorum, down;
		bool repeated;
		enum ins_verdict want;
	} cases[] = {
		{ 1, 1, false, INS_AGAIN }, { 1, 1, true, INS_COUNT },	{ 1, 2, false, INS_AGAIN },
		{ 2, 1, false, INS_COUNT }, { 2, 1, true, INS_COUNT },	{ 2, 2, false, INS_AGAIN },
		{ 2, 2, true, INS_COUNT },  { 3, 2, false, INS_COUNT },
	};
	const struct ins_event event = { .host = "h", .type = "compute.host.down", .status = INS_FAULT };

	for (size_t i = 0; i < 2 * DR_ARRAY_SIZE(cases); i++) {
		const struct ins_incident open = { .state = i % 2 ? INS_RECOVERING : INS_RESTORING,
						   .quorate = true };
		const struct ins_case c = { .event = &event,
					    .map_known = true,
					    .match = INS_MATCH_ONE,
					    .host = &host,
					    .open = &open,
					    .votes = { .down = cases[i / 2].down, .up = 1 },
					    .repeated = cases[i / 2].repeated,
					    .quorum = cases[i / 2].quorum,
					    .todo = INS_DO_FORCE_DOWN };
		struct ins_judgement j = ins_judge(&c);

		if (j.verdict != cases[i / 2].want)
			fail_msg("case %zu: %d \"%s\"", i / 2, j.verdict, j.reason);
	}
}

/* One monitor hears the host: is it back? */
static void test_judging_recoveries(void **state)
{
	static const struct ins_host host = { .name = "h", .forced_down = true };
	static const struct {
		unsigned quorum, down, up;
		bool quorate;
		enum ins_verdict want;
	} cases[] = {
		{ 1, 0, 1, true, INS_CLEAR },
		{ 1, 1, 1, true, INS_CLEAR }, /* who hears it proves more than who does not */
		{ 2, 1, 1, true, INS_CLEAR }, /* the quorum is gone */
		{ 2, 2, 1, true, INS_DISSENT },
		{ 2, 2, 2, true, INS_CLEAR },
		{ 2, 3, 1, true, INS_DISSENT },
		{ 3, 2, 0, true, INS_CLEAR },	 /* said up before that incident: no proof of now */
		{ 2, 1, 1, false, INS_DISSENT }, /* it never had its quorum, and still has a vote */
		{ 2, 0, 1, false, INS_CLEAR },
		{ 2, 1, 2, false, INS_CLEAR },
	};
	const struct ins_event event = { .host = "h", .type = "compute.host.up", .status = INS_CLEARED };

	for (size_t i = 0; i < DR_ARRAY_SIZE(cases); i++) {
		const struct ins_incident open = { .state = INS_MARKED, .quorate = cases[i].quorate };
		const struct ins_case c = { .event = &event,
					    .map_known = true,
					    .match = INS_MATCH_ONE,
					    .host = &host,
					    .open = &open,
					    .votes = { .down = cases[i].down, .up = cases[i].up },
					    .quorum = cases[i].quorum };
		struct ins_judgement j = ins_judge(&c);

		if (j.verdict != cases[i].want)
			fail_msg("case %zu: %d \"%s\"", i, j.verdict, j.reason);
	}
}

/* ---------------------------------------------------------------- planning */

static struct ins_incident *new_incident(void)
{
	struct ins_event e = { .host = "h" };
	struct ins_incident *i = NULL;

	assert_int_equal(ins_incident_new(&e, "h", &i), 0);
	i->todo = INS_DO_FORCE_DOWN | INS_DO_RESET;
	assert_int_equal(strlen(i->id), 36);
	assert_int_equal(strlen(i->request_id), 40);
	return i;
}

static void assert_reset(const struct ins_incident *i, const char *vm, int state)
{
	const struct ins_action *a = ins_incident_find(i, INS_RESET, vm);

	if (state < 0) {
		assert_null(a);
		return;
	}
	assert_non_null(a);
	assert_int_equal(a->state, state);
}

static struct ins_vm good[] = { { "a", "p", "active" }, { "b", "p", "error" } };
static struct ins_vm fresh[] = {
	{ "a", "p", "active" }, { "b", "p", "error" }, { "c", "p", "active" }, { "a", "p", "active" }
};
static const struct ins_vms from_map = { good, 2, 2 }, from_nova = { fresh, 4, 4 }, nothing;

/* What was decided is kept, the last of it; the same once only. */
static void test_steps(void **state)
{
	DR_AUTO(ins_incident_freep) struct ins_incident *i = new_incident();
	DR_AUTO_JSON struct dr_json *o = NULL;
	char reason[300];

	ins_incident_step(i, (struct dr_wall){ 1 }, "first");
	ins_incident_step(i, (struct dr_wall){ 2 }, "first");
	assert_int_equal(i->step_count, 1);
	i->state = INS_HELD;
	ins_incident_step(i, (struct dr_wall){ 3 }, "first");
	assert_int_equal(i->step_count, 2);
	for (int n = 0; n < 20; n++) {
		snprintf(reason, sizeof(reason), "%d", n);
		ins_incident_step(i, (struct dr_wall){ 4 + n }, reason);
	}
	assert_string_equal(i->reason, "19");
	o = ins_incident_json(i);
	assert_int_equal(dr_json_size(dr_json_get(o, "steps")), INS_STEPS_MAX);
	assert_string_equal(dr_json_str(dr_json_path(o, "steps.0.reason")), "12");
	assert_string_equal(dr_json_str(dr_json_path(o, "steps.7.reason")), "19");
	assert_string_equal(dr_json_str(dr_json_path(o, "steps.7.state")), "held");
	memset(reason, 'x', 299);
	reason[299] = '\0';
	ins_incident_step(i, (struct dr_wall){ 99 }, reason); /* too long: cut, and still the same */
	ins_incident_step(i, (struct dr_wall){ 99 }, reason);
	assert_int_equal(i->step_count, 23);
	assert_int_equal(strlen(i->reason), 250);
}

static void test_plan_from_map(void **state)
{
	DR_AUTO(ins_incident_freep) struct ins_incident *i = new_incident();
	unsigned strayed = 77;

	assert_int_equal(ins_plan(i, &from_map, INS_FROM_MAP, NULL), 0);
	assert_reset(i, "a", INS_PENDING);
	assert_reset(i, "b", -1); /* its state may have changed since: the fresh list decides */
	ins_incident_find(i, INS_RESET, "a")->state = INS_DONE;
	assert_int_equal(ins_plan(i, &from_nova, INS_FROM_AFTER, &strayed), 0);
	assert_int_equal(strayed, 0);
	assert_reset(i, "a", INS_DONE); /* not twice */
	assert_reset(i, "b", INS_ALREADY);
	assert_reset(i, "c", INS_PENDING);
	assert_int_equal(i->action_count, 3);
}

static void test_plan_narrow(void **state)
{
	static struct ins_vm now[] = { { "b", "p", "active" }, { "x", "p", "active" } };
	static const struct ins_vms present = { now, 2, 2 };
	DR_AUTO(ins_vms_done) struct ins_vms v = {}, empty = {};

	assert_int_equal(ins_plan_narrow(&from_map, &present, &v), 0);
	assert_int_equal(v.count, 1); /* "x" is new: the last word has it, with its host */
	assert_string_equal(v.items[0].id, "b");
	assert_string_equal(v.items[0].state, "error");
	assert_int_equal(ins_plan_narrow(&from_map, &nothing, &empty), 0);
	assert_int_equal(empty.count, 0);
}

static void test_plan_from_after(void **state)
{
	DR_AUTO(ins_incident_freep) struct ins_incident *i = new_incident();

	assert_int_equal(ins_plan(i, &from_nova, INS_FROM_AFTER, NULL), 0);
	assert_reset(i, "a", INS_PENDING);
	assert_reset(i, "b", INS_ALREADY);
	assert_reset(i, "c", INS_PENDING);
	assert_int_equal(i->action_count, 3);
	assert_int_equal(ins_plan(i, &nothing, INS_FROM_MAP, NULL), 0);
	assert_reset(i, "a", INS_PENDING); /* only the last word takes back */
}

static void test_plan_takes_back(void **state)
{
	static struct ins_vm many[] = { { "pending", "p", "active" }, { "paused", "p", "active" },
					{ "sent", "p", "active" },    { "done", "p", "active" },
					{ "gone", "p", "active" },    { "stays", "p", "active" },
					{ "failed", "p", "active" } };
	static struct ins_vm one[] = { { "stays", "p", "active" }, { "pending", "p", "active" } };
	static const struct ins_vms all = { many, 7, 7 }, rest = { one, 1, 1 }, back = { one, 2, 2 };
	DR_AUTO(ins_incident_freep) struct ins_incident *i = new_incident();
	unsigned strayed = 0;

	assert_int_equal(ins_plan(i, &all, INS_FROM_MAP, NULL), 0);
	ins_incident_find(i, INS_RESET, "paused")->state = INS_PAUSED;
	ins_incident_find(i, INS_RESET, "sent")->state = INS_SENT;
	ins_incident_find(i, INS_RESET, "done")->state = INS_DONE;
	ins_incident_find(i, INS_RESET, "gone")->state = INS_GONE;
	ins_incident_find(i, INS_RESET, "failed")->state = INS_ACTION_FAILED;
	assert_int_equal(ins_plan(i, &rest, INS_FROM_AFTER, &strayed), 0);
	assert_int_equal(strayed, 2);
	assert_reset(i, "pending", INS_SKIPPED);
	assert_reset(i, "paused", INS_SKIPPED);
	assert_reset(i, "failed", INS_SKIPPED);
	assert_reset(i, "sent", INS_SENT);
	assert_true(ins_incident_find(i, INS_RESET, "sent")->unwanted);
	assert_false(ins_incident_find(i, INS_RESET, "stays")->unwanted);
	assert_reset(i, "done", INS_DONE);
	assert_reset(i, "gone", INS_GONE);
	assert_reset(i, "stays", INS_PENDING);
	/* and gives again */
	assert_int_equal(ins_plan(i, &back, INS_FROM_AFTER, &strayed), 0);
	assert_reset(i, "pending", INS_PENDING);
	assert_false(ins_incident_find(i, INS_RESET, "pending")->unwanted);
}

/* Nova knows the way back to active, and to nothing else. */
static void test_plan_restore(void **state)
{
	static const struct {
		const char *prior, *now;
		enum ins_action_state want;
		const char *reason;
	} cases[] = {
		{ "active", "error", INS_PENDING, "" },
		{ "", "error", INS_PENDING, "" }, /* it is not known; the hypervisor decides */
		{ "building", "error", INS_PENDING, "" },
		{ "rescued", "error", INS_SKIPPED, "it was rescued" },
		{ "resized", "error", INS_SKIPPED, "it was resized" },
		{ "stopped", "error", INS_SKIPPED, "it was stopped" },
		{ "active", "active", INS_SKIPPED, "no longer what was set" },
		{ "active", NULL, INS_SKIPPED, "no longer on the host" },
	};

	for (size_t n = 0; n < DR_ARRAY_SIZE(cases); n++) {
		DR_AUTO(ins_incident_freep) struct ins_incident *i = new_incident();
		DR_AUTO(ins_vms_done) struct ins_vms now = {};
		struct ins_action *reset = ins_incident_add(i, INS_RESET, "a"), *back;

		reset->state = INS_DONE;
		snprintf(reset->prior, sizeof(reset->prior), "%s", cases[n].prior);
		if (cases[n].now)
			assert_int_equal(ins_vms_add(&now, "a", "p", cases[n].now), 0);
		assert_int_equal(ins_plan_restore(i, &now), 0);
		back = ins_incident_find(i, INS_RESTORE, "a");
		if (back->state != cases[n].want || !strstr(ins_action_reason(back), cases[n].reason))
			fail_msg("case %zu: %d \"%s\"", n, back->state, ins_action_reason(back));
		assert_int_equal(reset->undone, back->state == INS_SKIPPED);
	}
}

static void test_plan_finished(void **state)
{
	DR_AUTO(ins_incident_freep) struct ins_incident *i = new_incident();
	struct ins_action *list;
	enum ins_input in;

	assert_int_equal(ins_plan_finished(i, &in), 1); /* nothing is planned yet */
	i->planned = true;
	assert_int_equal(ins_plan_finished(i, &in), 1); /* the last word is missing */
	list = ins_incident_add(i, INS_LIST_AFTER, NULL);
	assert_int_equal(ins_plan_finished(i, &in), 1);
	list->state = INS_ACTION_FAILED;
	assert_int_equal(ins_plan_finished(i, &in), 0);
	assert_int_equal(in, INS_IN_PARTLY);
	list->state = INS_DONE;
	i->confirmed = true;
	assert_int_equal(ins_plan_finished(i, &in), 0);
	assert_int_equal(in, INS_IN_DONE);

	assert_int_equal(ins_plan(i, &from_nova, INS_FROM_AFTER, NULL), 0);
	for (int s = INS_PENDING; s <= INS_PAUSED; s++) {
		ins_incident_find(i, INS_RESET, "a")->state = s;
		ins_incident_find(i, INS_RESET, "c")->state = INS_DONE;
		assert_int_equal(ins_plan_finished(i, &in), 1);
	}
	for (int s = INS_DONE; s <= INS_ACTION_FAILED; s++) {
		ins_incident_find(i, INS_RESET, "a")->state = s;
		assert_int_equal(ins_plan_finished(i, &in), 0);
		assert_int_equal(in, s == INS_ACTION_FAILED ? INS_IN_PARTLY : INS_IN_DONE);
	}
}

static void test_plan_cancel_and_again(void **state)
{
	DR_AUTO(ins_incident_freep) struct ins_incident *i = new_incident();
	struct ins_action *force = ins_incident_add(i, INS_FORCE_DOWN, NULL), *a, *c;

	assert_int_equal(ins_plan(i, &from_nova, INS_FROM_AFTER, NULL), 0);
	a = ins_incident_find(i, INS_RESET, "a");
	c = ins_incident_find(i, INS_RESET, "c");
	force->state = INS_PAUSED;
	a->state = INS_SENT;
	assert_false(ins_incident_idle(i));
	ins_plan_cancel(i, "the host is back");
	assert_int_equal(force->state, INS_SKIPPED);
	assert_int_equal(a->state, INS_SENT);
	assert_int_equal(c->state, INS_SKIPPED);
	assert_string_equal(c->reason, "the host is back");
	assert_false(ins_incident_idle(i));
	a->state = INS_ACTION_FAILED;
	a->attempts = 8;
	assert_true(ins_incident_idle(i));
	a->queued = true;
	assert_false(ins_incident_idle(i));
	a->queued = false;

	ins_plan_again(i);
	assert_int_equal(a->state, INS_PENDING);
	assert_int_equal(a->tries, 0);
	assert_int_equal(c->state, INS_PENDING);
	assert_int_equal(force->state, INS_PENDING);
	/* but for what the last word took back */
	c->state = INS_SKIPPED;
	c->unwanted = true;
	ins_plan_again(i);
	assert_int_equal(c->state, INS_SKIPPED);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(test_states),
		cmocka_unit_test(test_outcomes),
		cmocka_unit_test(test_pauses),
		cmocka_unit_test(test_retry_after),
		cmocka_unit_test(test_resolve),
		cmocka_unit_test(test_map),
		cmocka_unit_test(test_judging),
		cmocka_unit_test(test_judging_relapses),
		cmocka_unit_test(test_judging_recoveries),
		cmocka_unit_test(test_steps),
		cmocka_unit_test(test_plan_from_map),
		cmocka_unit_test(test_plan_narrow),
		cmocka_unit_test(test_plan_from_after),
		cmocka_unit_test(test_plan_takes_back),
		cmocka_unit_test(test_plan_restore),
		cmocka_unit_test(test_plan_finished),
		cmocka_unit_test(test_plan_cancel_and_again),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
