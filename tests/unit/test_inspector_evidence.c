// SPDX-License-Identifier: Apache-2.0
/* Who says what of a host, how many agree and for how long: pure, with a clock of our own. */
#include <stdarg.h>
#include <stddef.h>
#include <setjmp.h>
#include <stdint.h>
#include <cmocka.h>
#include <string.h>

#include "inspector/gate.h"

#define DOWN "compute.host.down"
#define UP "compute.host.up"

/* ---------------------------------------------------------------- votes */

static struct dr_mono at(int64_t sec)
{
	return dr_mono_add((struct dr_mono){ 0 }, dr_sec(sec));
}

static int say(struct ins_evidence *e, int64_t sec, const char *host, const char *monitor, const char *type,
	       enum ins_status status)
{
	struct ins_event event = { .status = status };

	snprintf(event.monitor, sizeof(event.monitor), "%s", monitor);
	snprintf(event.type, sizeof(event.type), "%s", type);
	return ins_evidence_take(e, host, &event, at(sec), (struct dr_wall){ sec }, NULL);
}

static void down(struct ins_evidence *e, int64_t sec, const char *host, const char *monitor)
{
	assert_int_equal(say(e, sec, host, monitor, DOWN, INS_FAULT), 0);
}

static void up(struct ins_evidence *e, int64_t sec, const char *host, const char *monitor)
{
	assert_int_equal(say(e, sec, host, monitor, UP, INS_CLEARED), 0);
}

static struct ins_votes votes(const struct ins_evidence *e, const char *host, unsigned quorum, int64_t now,
			      int64_t forget, int64_t opened)
{
	const struct ins_tally t = {
		.quorum = quorum, .now = at(now), .forget = dr_sec(forget), .opened = at(opened)
	};

	return ins_evidence_count(e, host, &t);
}

static void test_votes(void **state)
{
	DR_AUTO(ins_evidence_freep) struct ins_evidence *e = ins_evidence_new(100);
	struct ins_votes v;

	assert_int_equal(votes(e, "h", 1, 1, 0, 0).down, 0);
	down(e, 1, "h", "a");
	down(e, 2, "h", "a"); /* repeated: one vote */
	down(e, 3, "other", "b");
	v = votes(e, "h", 2, 9, 0, 0);
	assert_int_equal(v.down, 1);
	assert_int_equal(v.up, 0);
	down(e, 4, "h", ""); /* no name is a name */
	v = votes(e, "h", 2, 9, 0, 0);
	assert_int_equal(v.down, 2);
	assert_int_equal(v.quorum_since.ns, at(4).ns);
	up(e, 5, "h", "a"); /* withdraws */
	v = votes(e, "h", 2, 9, 0, 0);
	assert_int_equal(v.down, 1);
	assert_int_equal(v.up, 1);
	down(e, 6, "h", "a");
	v = votes(e, "h", 2, 9, 0, 0);
	assert_int_equal(v.down, 2);
	assert_int_equal(v.up, 0);
	assert_int_equal(v.quorum_since.ns, at(6).ns); /* it was interrupted */
	up(e, 5, "h", "a");			       /* comes late */
	assert_int_equal(votes(e, "h", 2, 9, 0, 0).down, 2);
	assert_int_equal(ins_evidence_size(e), 3);
}

/* Faults of one host are voted on one by one. */
static void test_keys(void **state)
{
	DR_AUTO(ins_evidence_freep) struct ins_evidence *e = ins_evidence_new(100);
	char whole[INS_KEY_MAX], nic[INS_KEY_MAX];

	assert_string_equal(ins_evidence_key("h", INS_HOST_DOWN, whole), "h");
	assert_string_equal(ins_evidence_key("h", "compute.host.nic.error eth1", nic),
			    "h compute.host.nic.error eth1");
	assert_int_equal(say(e, 1, whole, "a", DOWN, INS_FAULT), 0);
	assert_int_equal(say(e, 2, nic, "a", "compute.host.nic.error", INS_FAULT), 0);
	assert_int_equal(say(e, 3, nic, "a", "compute.host.nic.error", INS_CLEARED), 0);
	assert_int_equal(ins_evidence_size(e), 2);
	assert_int_equal(votes(e, whole, 1, 5, 0, 0).down, 1);
	assert_int_equal(votes(e, nic, 1, 5, 0, 0).down, 0);
	assert_int_equal(votes(e, nic, 1, 5, 0, 0).up, 1);
}

/* The quorum is there from its last vote on, in whatever order they came and however many there are. */
static void test_quorum_since(void **state)
{
	static const int orders[][4] = { { 1, 2, 3, 4 }, { 4, 3, 2, 1 }, { 2, 4, 1, 3 }, { 3, 1, 4, 2 } };

	for (size_t o = 0; o < DR_ARRAY_SIZE(orders); o++) {
		DR_AUTO(ins_evidence_freep) struct ins_evidence *e = ins_evidence_new(100);

		for (int n = 0; n < 4; n++)
			down(e, orders[o][n], "h", (const char *[]){ "a", "b", "c", "d" }[n]);
		for (unsigned quorum = 1; quorum <= 4; quorum++)
			assert_int_equal(votes(e, "h", quorum, 9, 0, 0).quorum_since.ns, at(quorum).ns);
		assert_int_equal(votes(e, "h", 5, 9, 0, 0).down, 4);
		assert_int_equal(votes(e, "h", 5, 9, 0, 0).quorum_since.ns, 0);
	}
}

static void test_forgotten(void **state)
{
	DR_AUTO(ins_evidence_freep) struct ins_evidence *e = ins_evidence_new(100);

	down(e, 10, "h", "a");
	down(e, 15, "h", "b");
	assert_int_equal(votes(e, "h", 1, 15, 10, 0).stale_in.ns, dr_sec(5).ns);
	assert_int_equal(votes(e, "h", 1, 19, 10, 0).down, 2);
	assert_int_equal(votes(e, "h", 1, 19, 10, 0).stale_in.ns, dr_sec(1).ns);
	assert_int_equal(votes(e, "h", 1, 20, 10, 0).down, 1); /* at that very age */
	assert_int_equal(votes(e, "h", 1, 20, 10, 0).stale_in.ns, dr_sec(5).ns);
	assert_int_equal(votes(e, "h", 1, 25, 10, 0).down, 0);
	assert_int_equal(votes(e, "h", 1, 25, 10, 0).stale_in.ns, -1);
	assert_int_equal(votes(e, "h", 1, 1000, 0, 0).down, 2); /* never */
	assert_int_equal(votes(e, "h", 1, 1000, 0, 0).stale_in.ns, -1);
	down(e, 24, "h", "a"); /* said again: young again, and it began when it began */
	assert_int_equal(votes(e, "h", 1, 25, 10, 0).down, 1);
	assert_int_equal(votes(e, "h", 1, 25, 10, 0).quorum_since.ns, at(10).ns);
}

/* Of an incident that had its quorum all of it counts, and it is known what is stale. */
static void test_kept(void **state)
{
	DR_AUTO(ins_evidence_freep) struct ins_evidence *e = ins_evidence_new(100);
	struct ins_tally t = { .quorum = 2, .now = at(20), .forget = dr_sec(10), .keep = true };
	struct ins_votes v;
	char buf[64];

	down(e, 10, "h", "a");
	down(e, 15, "h", "b");
	v = ins_evidence_count(e, "h", &t);
	assert_int_equal(v.down, 2);
	assert_int_equal(v.fresh, 1);
	assert_int_equal(v.stale_in.ns, dr_sec(5).ns);
	assert_int_equal(v.quorum_since.ns, at(15).ns);
	t.now = at(25);
	v = ins_evidence_count(e, "h", &t);
	assert_int_equal(v.down, 2);
	assert_int_equal(v.fresh, 0);
	assert_int_equal(v.stale_in.ns, -1);
	assert_int_equal(strlen(ins_evidence_names(e, "h", &t, buf, sizeof(buf))), strlen("a, b"));
	up(e, 26, "h", "a");
	assert_int_equal(ins_evidence_count(e, "h", &t).down, 1);
}

/* That the host was up before is no proof that it is now. */
static void test_up_of_old(void **state)
{
	DR_AUTO(ins_evidence_freep) struct ins_evidence *e = ins_evidence_new(100);

	up(e, 10, "h", "a");
	assert_int_equal(votes(e, "h", 1, 20, 0, 11).up, 0);
	assert_int_equal(votes(e, "h", 1, 20, 0, 10).up, 1);
	up(e, 12, "h", "a");
	assert_int_equal(votes(e, "h", 1, 20, 0, 11).up, 1);
}

static void test_back(void **state)
{
	static const struct {
		unsigned quorum, down, up;
		bool had, never; /* the answer for an incident that had its quorum, and for one that never did
				  */
	} cases[] = {
		{ 1, 1, 0, false, false }, { 1, 0, 0, true, true },  { 1, 1, 1, true, true },
		{ 2, 2, 0, false, false }, { 2, 1, 0, true, false }, { 2, 0, 0, true, true },
		{ 2, 2, 1, false, false }, { 2, 2, 2, true, true },  { 2, 1, 1, true, false },
		{ 3, 5, 2, false, false }, { 3, 5, 3, true, true },  { 3, 2, 2, true, false },
	};

	for (size_t n = 0; n < DR_ARRAY_SIZE(cases); n++) {
		const struct ins_votes v = { .down = cases[n].down, .up = cases[n].up };

		assert_int_equal(ins_votes_back(&v, cases[n].quorum, true), cases[n].had);
		assert_int_equal(ins_votes_back(&v, cases[n].quorum, false), cases[n].never);
	}
}

/* A short name turns out to be a host that others told of in full. */
static void test_rename(void **state)
{
	DR_AUTO(ins_evidence_freep) struct ins_evidence *e = ins_evidence_new(100);

	down(e, 1, "h", "a");
	down(e, 2, "h", "b");
	up(e, 3, "h", "c");
	up(e, 5, "h.example", "b");   /* later than what it said of the short name */
	down(e, 1, "h.example", "c"); /* earlier */
	down(e, 1, "g", "a");
	ins_evidence_rename(e, "h", "h");
	assert_int_equal(ins_evidence_size(e), 6);
	ins_evidence_rename(e, "h", "h.example");
	assert_int_equal(ins_evidence_size(e), 4);
	assert_null(ins_evidence_next(e, "h", NULL));
	assert_int_equal(votes(e, "h.example", 1, 9, 0, 0).down, 1);
	assert_int_equal(votes(e, "h.example", 1, 9, 0, 0).up, 2);
	assert_int_equal(votes(e, "g", 1, 9, 0, 0).down, 1);
	ins_evidence_rename(e, "none", "g");
	assert_int_equal(ins_evidence_size(e), 4);
}

/* It stays in its bounds: what was said longest ago goes. */
static void test_bounded(void **state)
{
	DR_AUTO(ins_evidence_freep) struct ins_evidence *e = ins_evidence_new(3);
	char monitor[16];

	down(e, 1, "h", "a");
	down(e, 2, "h", "b");
	down(e, 3, "g", "c");
	down(e, 4, "h", "a"); /* no new one */
	assert_int_equal(ins_evidence_dropped(e), 0);
	down(e, 5, "g", "d");
	assert_int_equal(ins_evidence_dropped(e), 1);
	assert_int_equal(ins_evidence_size(e), 3);
	assert_int_equal(votes(e, "h", 1, 9, 0, 0).down, 1);
	assert_string_equal(ins_evidence_next(e, "h", NULL)->monitor, "a");
	for (int n = 0; n < 1000; n++) {
		snprintf(monitor, sizeof(monitor), "m-%d", n);
		down(e, 10 + n, n % 2 ? "h" : "g", monitor);
	}
	assert_int_equal(ins_evidence_size(e), 3);
	assert_int_equal(ins_evidence_dropped(e), 1001);
}

/* Hosts that are well do not make it forget one that is not. */
static void test_bounded_by_ups(void **state)
{
	DR_AUTO(ins_evidence_freep) struct ins_evidence *e = ins_evidence_new(3);
	char host[16];

	down(e, 1, "h", "a");
	for (int n = 0; n < 10; n++) {
		snprintf(host, sizeof(host), "g-%d", n);
		up(e, 10 + n, host, "a");
	}
	assert_int_equal(ins_evidence_size(e), 3);
	assert_int_equal(votes(e, "h", 1, 30, 0, 0).down, 1);
	assert_int_equal(votes(e, "g-9", 1, 30, 0, 0).up, 1);
	assert_int_equal(votes(e, "g-7", 1, 30, 0, 0).up, 0);
}

static void test_names(void **state)
{
	DR_AUTO(ins_evidence_freep) struct ins_evidence *e = ins_evidence_new(100);
	const struct ins_tally t = { .quorum = 1, .now = at(9), .forget = dr_sec(8) };
	char buf[64], small[8];

	assert_string_equal(ins_evidence_names(e, "h", &t, buf, sizeof(buf)), "");
	down(e, 1, "h", "old");
	up(e, 5, "h", "hears");
	down(e, 5, "h", "");
	assert_string_equal(ins_evidence_names(e, "h", &t, buf, sizeof(buf)), "(no name)");
	down(e, 5, "h", "monitor-2");
	assert_int_equal(strlen(ins_evidence_names(e, "h", &t, buf, sizeof(buf))),
			 strlen("(no name), monitor-2"));
	assert_non_null(strstr(buf, "monitor-2"));
	assert_int_equal(strlen(ins_evidence_names(e, "h", &t, small, sizeof(small))), 7);
}

/* ---------------------------------------------------------------- the gate */

static void test_gate_evidence(void **state)
{
	static const struct {
		unsigned quorum;
		int64_t confirm; /* s */
		unsigned down, up;
		int64_t since, stale; /* s; stale -1: never */
		bool quorate;
		enum ins_gate_answer want;
		int64_t again; /* s; -1: on news */
		const char *reason;
	} cases[] = {
		/* now is 100 */
		{ 1, 0, 1, 0, 100, 60, false, INS_GATE_GO, -1, "said to be down by a" },
		{ 1, 0, 0, 0, 0, -1, false, INS_GATE_CLOSE, -1, "no monitor says down any more" },
		{ 1, 0, 1, 1, 90, 60, false, INS_GATE_CLOSE, -1, "heard again" },
		{ 2, 0, 1, 0, 0, 60, false, INS_GATE_WAIT, 60, "1 of 2 monitors say down: a" },
		{ 2, 0, 1, 1, 0, 60, false, INS_GATE_WAIT, 60, "1 of 2 monitors say down: a" },
		{ 2, 0, 2, 0, 100, 60, false, INS_GATE_GO, -1, "2 monitors say down: a" },
		{ 2, 0, 3, 1, 100, 60, false, INS_GATE_GO, -1, "3 monitors say down: a" },
		{ 2, 0, 3, 2, 100, 60, false, INS_GATE_CLOSE, -1, "heard again" },
		{ 3, 0, 2, 0, 0, 1, false, INS_GATE_WAIT, 1, "2 of 3 monitors" },
		/* confirmation, and its boundary */
		{ 1, 5, 1, 0, 100, 60, false, INS_GATE_WAIT, 5, "must last for 5s: a" },
		{ 1, 5, 1, 0, 96, 60, false, INS_GATE_WAIT, 1, "must last for 5s: a" },
		{ 1, 5, 1, 0, 96, -1, false, INS_GATE_WAIT, 1, "must last for 5s: a" },
		{ 1, 5, 1, 0, 95, 60, false, INS_GATE_GO, -1, "" },
		{ 1, 5, 1, 0, 90, 60, false, INS_GATE_GO, -1, "" },
		{ 2, 5, 2, 0, 98, 2, false, INS_GATE_WAIT, 2, "must last" }, /* a vote ends before */
		/* it had been confirmed: not again */
		{ 1, 5, 1, 0, 100, 60, true, INS_GATE_GO, -1, "" },
		{ 2, 5, 1, 0, 0, 60, true, INS_GATE_CLOSE, -1, "only 1 monitors still" },
	};
	static const struct ins_judge_conf two = { .monitors = 2 };
	struct ins_gate_case relapsed = {
		.now = at(100), .judge = &two, .votes = { .down = 1, .stale_in = { -1 } }, .monitors = "a"
	};

	for (size_t n = 0; n < DR_ARRAY_SIZE(cases); n++) {
		const struct ins_judge_conf judge = { .monitors = cases[n].quorum,
						      .confirm = dr_sec(cases[n].confirm) };
		const struct ins_gate_case c = {
			.now = at(100),
			.judge = &judge,
			.votes = { .down = cases[n].down,
				   .fresh = cases[n].down,
				   .up = cases[n].up,
				   .quorum_since = at(cases[n].since),
				   .stale_in = { cases[n].stale < 0 ? -1 : dr_sec(cases[n].stale).ns } },
			.monitors = "a",
			.quorate = cases[n].quorate,
		};
		const struct ins_ruling r = ins_gate(&c);
		int64_t again = cases[n].again < 0 ? -1 : dr_sec(cases[n].again).ns;

		if (r.answer != cases[n].want || r.again.ns != again || !strstr(r.reason, cases[n].reason))
			fail_msg("case %zu: %d, again in %lld ns, \"%s\"", n, r.answer, (long long)r.again.ns,
				 r.reason);
	}
	/* what is changed in the cloud does not stay so for the word of too few */
	assert_int_equal(ins_gate(&relapsed).answer, INS_GATE_WAIT);
	relapsed.changed = true;
	assert_int_equal(ins_gate(&relapsed).answer, INS_GATE_CLOSE);
}

/* ---------------------------------------------------------------- the brake */

static void test_brake_limit(void **state)
{
	static const struct {
		unsigned hosts;
		uint32_t permille;
		size_t known, want;
	} cases[] = {
		{ 3, 50, 0, 3 },	 { 3, 50, 2, 3 },	    { 3, 50, 79, 3 },  { 3, 50, 80, 4 },
		{ 3, 50, 1000, 50 },	 { 0, 50, 19, 0 },	    { 0, 50, 20, 1 },  { 0, 0, 100000, 0 },
		{ 3, 1000, 2, 3 },	 { 3, 1000, 7, 7 },	    { 3, 25, 199, 4 }, { 3, 25, 200, 5 },
		{ 10000, 1, 10, 10000 }, { 0, 1000, 16384, 16384 },
	};

	for (size_t n = 0; n < DR_ARRAY_SIZE(cases); n++) {
		const struct ins_brake_share c = { .hosts = cases[n].hosts,
						   .share_permille = cases[n].permille };

		assert_int_equal(ins_brake_limit(&c, cases[n].known), cases[n].want);
	}
}

/* Until the window has room again, in the whole cloud. */
static int64_t left_at(const struct ins_brake *b, const struct ins_brake_conf *c, struct dr_mono now)
{
	struct ins_brake_scope scopes[INS_BRAKE_SCOPES_MAX];
	struct ins_brake_counts n;

	assert_int_equal(ins_brake_counts_init(&n, c, b, NULL, 10), 0);
	assert_int_equal(ins_brake_scopes(&n, "a", false, now, scopes), 1);
	assert_int_equal(scopes[0].marked, b->count);
	ins_brake_counts_done(&n);
	return scopes[0].left.ns;
}

static void test_brake_window(void **state)
{
	static const struct ins_brake_conf c = { .window = { 10 * DR_NSEC_PER_SEC } };
	DR_AUTO(ins_brake_done) struct ins_brake b = {};
	char host[16];

	ins_brake_expire(&b, &c, at(1));
	assert_int_equal(left_at(&b, &c, at(1)), -1);
	assert_false(ins_brake_has(&b, "a"));
	assert_int_equal(ins_brake_add(&b, "a", at(1)), 0);
	assert_int_equal(ins_brake_add(&b, "b", at(2)), 0);
	assert_int_equal(left_at(&b, &c, at(2)), dr_sec(9).ns);
	assert_int_equal(ins_brake_add(&b, "a", at(5)), 0); /* again: one host, and for longer */
	assert_int_equal(b.count, 2);
	ins_brake_expire(&b, &c, at(11));
	assert_int_equal(b.count, 2);
	ins_brake_expire(&b, &c, at(12)); /* b is out at just that time */
	assert_int_equal(b.count, 1);
	assert_true(ins_brake_has(&b, "a"));
	assert_false(ins_brake_has(&b, "b"));
	assert_int_equal(left_at(&b, &c, at(12)), dr_sec(3).ns);
	ins_brake_expire(&b, &c, at(1000));
	assert_int_equal(b.count, 0);
	for (int n = 0; n < 100; n++) {
		snprintf(host, sizeof(host), "h-%d", n);
		assert_int_equal(ins_brake_add(&b, host, at(1000 + n)), 0);
	}
	assert_int_equal(b.count, 100);
	assert_true(ins_brake_has(&b, "h-0"));
	ins_brake_expire(&b, &c, at(1099));
	assert_int_equal(b.count, 10);
	assert_true(ins_brake_has(&b, "h-90"));
	assert_false(ins_brake_has(&b, "h-89"));
}

static void test_gate_brake(void **state)
{
	static const struct {
		unsigned hosts;
		bool resume;
		size_t marked, asking;
		bool counted, acted, released;
		bool braked;
		enum ins_gate_answer want;
		int64_t again;
		const char *reason;
	} cases[] = {
		{ 3, false, 0, 0, false, false, false, false, INS_GATE_GO, -1, "said to be down" },
		{ 3, false, 2, 0, false, false, false, false, INS_GATE_GO, -1, "said to be down" },
		{ 3, false, 3, 0, false, false, false, false, INS_GATE_HOLD, -1,
		  "3 hosts were marked down within 10min and 1 more are to be, where 3 may be" },
		/* those that ask as well count: none of them goes */
		{ 3, false, 0, 2, false, false, false, false, INS_GATE_GO, -1, "" },
		{ 3, false, 0, 3, false, false, false, false, INS_GATE_HOLD, -1, "4 more are to be" },
		{ 3, false, 1, 2, false, false, false, false, INS_GATE_HOLD, -1, "brake" },
		/* nobody at all without a person */
		{ 0, false, 0, 0, false, false, false, false, INS_GATE_HOLD, -1, "where 0 may be" },
		/* held stays held, though the window has room again */
		{ 3, false, 0, 0, false, false, false, true, INS_GATE_HOLD, -1, "" },
		{ 3, true, 0, 0, false, false, false, true, INS_GATE_GO, -1, "" },
		{ 3, true, 2, 9, false, false, false, true, INS_GATE_GO, -1, "" },
		{ 3, true, 3, 0, false, false, false, true, INS_GATE_HOLD, 7, "brake" },
		{ 3, true, 3, 9, false, false, false, false, INS_GATE_HOLD, 7, "10 more are to be" },
		/* a host that is in the count already adds nothing to it */
		{ 3, false, 3, 5, true, false, false, false, INS_GATE_GO, -1, "" },
		{ 3, false, 3, 5, false, true, false, false, INS_GATE_GO, -1, "" },
		{ 3, false, 3, 5, false, false, true, true, INS_GATE_GO, -1, "released" },
	};
	static const struct ins_judge_conf judge = { .monitors = 1 };

	for (size_t n = 0; n < DR_ARRAY_SIZE(cases); n++) {
		const struct ins_brake_conf brake = { .window = dr_sec(600), .resume = cases[n].resume };
		const struct ins_brake_scope cloud = { .limit = cases[n].hosts,
						       .marked = cases[n].marked,
						       .asking = cases[n].asking,
						       .left = dr_sec(7) };
		struct ins_gate_case c = {
			.now = at(100),
			.judge = &judge,
			.votes = { .down = 1, .fresh = 1, .quorum_since = at(100), .stale_in = { -1 } },
			.monitors = "a",
			.acted = cases[n].acted,
			.released = cases[n].released,
			.braked = cases[n].braked,
			.brake = &brake,
			.counted = cases[n].counted,
			.scopes = &cloud,
			.scope_count = 1,
		};
		struct ins_ruling r = ins_gate(&c);
		int64_t again = cases[n].again < 0 ? -1 : dr_sec(cases[n].again).ns;

		if (r.answer != cases[n].want || r.again.ns != again || !strstr(r.reason, cases[n].reason) ||
		    r.hold != (r.answer == INS_GATE_HOLD ? INS_HOLD_BRAKE : INS_HOLD_NONE))
			fail_msg("case %zu: %d, hold %d, again in %lld ns, \"%s\"", n, r.answer, r.hold,
				 (long long)r.again.ns, r.reason);
		/* nothing of this is asked where the quorum is missing, or the host is back */
		c.votes.down = 0;
		assert_int_equal(ins_gate(&c).answer, INS_GATE_CLOSE);
		c.brake = NULL;
		c.votes.down = 1;
		assert_int_equal(ins_gate(&c).answer, INS_GATE_GO);
	}
}

/* ---------------------------------------------------------------- flaps */

static const struct ins_flap_conf flap_conf = { { 100 * DR_NSEC_PER_SEC }, 2000, 750 };

static void act_on(struct ins_flaps *f, const char *host, int64_t sec)
{
	const struct ins_flap *flap = NULL;

	assert_int_equal(ins_flaps_acted(f, &flap_conf, host, at(sec), &flap), 0);
	assert_string_equal(flap->host, host);
}

static void assert_flap(const struct ins_flaps *f, const char *host, int64_t sec, unsigned penalty, bool held)
{
	struct ins_flap_state s = ins_flaps_look(f, &flap_conf, host, at(sec));

	if (s.penalty != penalty || s.held != held)
		fail_msg("%s at %lld s: penalty %u instead of %u, %sheld", host, (long long)sec, s.penalty,
			 penalty, s.held ? "" : "not ");
}

static void test_flap_decays(void **state)
{
	DR_AUTO(ins_flaps_done) struct ins_flaps f = {};

	assert_flap(&f, "h", 0, 0, false);
	act_on(&f, "h", 0);
	assert_flap(&f, "h", 0, 1000, false); /* one more: exactly at the limit, and not above */
	assert_flap(&f, "h", 100, 500, false);
	assert_flap(&f, "h", 300, 125, false);
	assert_flap(&f, "other", 0, 0, false);
	act_on(&f, "h", 100);
	assert_flap(&f, "h", 100, 1500, true);
	assert_flap(&f, "other", 100, 0, false);
}

/* Held at 1500; without a held incident it is free at 1000, with one not before it is below 750. */
static void test_flap_reuse(void **state)
{
	DR_AUTO(ins_flaps_done) struct ins_flaps f = {};
	struct ins_flap_state s;

	act_on(&f, "h", 0);
	act_on(&f, "h", 100);
	assert_flap(&f, "h", 158, 1003, true);
	assert_flap(&f, "h", 159, 996, false); /* nobody asked meanwhile */
	ins_flaps_suppress(&f, "h");
	ins_flaps_suppress(&f, "nobody");
	assert_flap(&f, "h", 159, 996, true);
	s = ins_flaps_look(&f, &flap_conf, "h", at(100)); /* 1500 to 750: one half-life */
	assert_true(s.left.ns >= dr_sec(100).ns && s.left.ns <= dr_sec(101).ns);
	assert_flap(&f, "h", 199, 755, true);
	assert_true(ins_flaps_look(&f, &flap_conf, "h", at(200)).held); /* at 750 */
	assert_false(ins_flaps_look(&f, &flap_conf, "h", dr_mono_add(at(100), s.left)).held);
	/* then it is like any other */
	act_on(&f, "h", 201);
	assert_flap(&f, "h", 201, 1744, true);
	assert_flap(&f, "h", 282, 995, false);
}

/* What an older journal has, of a higher limit or of nobody, is over as soon as the most that there may be.
 */
static void test_flap_restored(void **state)
{
	static const struct ins_flap was = { .host = "h", .penalty = 1e300 };
	DR_AUTO(ins_flaps_done) struct ins_flaps f = {};

	assert_int_equal(ins_flaps_restore(&f, &was), 0);
	assert_flap(&f, "h", 0, 3000, true);
	assert_flap(&f, "h", 200, 750, false);
	act_on(&f, "h", 200);
	assert_flap(&f, "h", 200, 1750, true);
}

/* Released by a person again and again: it is still over after so many half-lives. */
static void test_flap_ceiling(void **state)
{
	DR_AUTO(ins_flaps_done) struct ins_flaps f = {};

	for (int n = 0; n < 50; n++) {
		act_on(&f, "h", 0);
		ins_flaps_suppress(&f, "h");
	}
	assert_flap(&f, "h", 0, 3000, true);
	assert_flap(&f, "h", 200, 750, true);
	assert_flap(&f, "h", 201, 744, false);
}

static void test_flap_bounded(void **state)
{
	DR_AUTO(ins_flaps_done) struct ins_flaps f = {};
	char host[16];

	act_on(&f, "small", 0);
	for (int n = 0; n < INS_FLAP_MAX + 10; n++) {
		snprintf(host, sizeof(host), "h-%d", n);
		act_on(&f, host, 10);
	}
	assert_int_equal(f.count, INS_FLAP_MAX);
	assert_flap(&f, "small", 10, 0, false);
	act_on(&f, "late", 10 + 100 * 12); /* the rest has decayed to nothing */
	assert_int_equal(f.count, 1);
}

static void test_gate_flap(void **state)
{
	static const struct ins_judge_conf judge = { .monitors = 1 };
	static const struct ins_brake_conf brake = {};
	static const struct ins_brake_scope cloud = { .limit = 0, .left = { -1 } };
	struct ins_gate_case c = {
		.judge = &judge,
		.votes = { .down = 1, .fresh = 1, .stale_in = { -1 } },
		.monitors = "a",
		.flap = { .held = true, .penalty = 1500, .left = { 90500 * DR_NSEC_PER_MSEC } },
		.reuse = 750,
		.brake = &brake,
		.scopes = &cloud,
		.scope_count = 1,
	};
	struct ins_ruling r = ins_gate(&c);

	assert_int_equal(r.answer, INS_GATE_HOLD);
	assert_int_equal(r.hold, INS_HOLD_FLAP); /* before the brake */
	assert_int_equal(r.again.ns, dr_msec(90500).ns);
	assert_string_equal(r.reason,
			    "flap: marked down too often of late, its penalty is 1500 and must fall "
			    "below 750, in 91s");
	c.flap.held = false;
	assert_int_equal(ins_gate(&c).hold, INS_HOLD_BRAKE);
	c.flap.held = c.acted = true; /* what failed once is tried again */
	assert_int_equal(ins_gate(&c).answer, INS_GATE_GO);
	c.acted = false;
	c.released = true;
	assert_int_equal(ins_gate(&c).answer, INS_GATE_GO);
}

/* ---------------------------------------------------------------- maintenance */

static void set(struct ins_maintenance *m, const char *host, int64_t until)
{
	struct ins_upkeep u = { .until = at(until) };

	snprintf(u.host, sizeof(u.host), "%s", host);
	assert_int_equal(ins_maintenance_set(m, &u), 0);
}

static void test_maintenance(void **state)
{
	DR_AUTO(ins_maintenance_done) struct ins_maintenance m = {};
	char host[16];

	assert_null(ins_maintenance_get(&m, "h", at(0)));
	assert_false(ins_maintenance_end(&m, "h", false));
	set(&m, "h", 10);
	set(&m, "g", 20);
	assert_non_null(ins_maintenance_get(&m, "h", at(9)));
	assert_null(ins_maintenance_get(&m, "h", at(10))); /* at its end */
	assert_non_null(ins_maintenance_get(&m, "g", at(10)));
	assert_null(ins_maintenance_get(&m, "hg", at(0)));
	set(&m, "h", 30); /* longer, and once */
	assert_int_equal(m.count, 2);
	assert_non_null(ins_maintenance_get(&m, "h", at(29)));
	ins_maintenance_expire(&m, at(20));
	assert_int_equal(m.count, 1);
	assert_true(ins_maintenance_end(&m, "h", false));
	assert_int_equal(m.count, 0);
	for (int n = 0; n < 100; n++) {
		snprintf(host, sizeof(host), "h-%d", n);
		set(&m, host, 100 + n);
	}
	assert_int_equal(ins_maintenance_get(&m, "h-7", at(50))->until.ns, at(107).ns);
	ins_maintenance_expire(&m, at(199));
	assert_int_equal(m.count, 0);
}

/* What a person says and what an alarm says: the longer one holds, and each ends its own. */
static void test_maintenance_by_both(void **state)
{
	DR_AUTO(ins_maintenance_done) struct ins_maintenance m = {};
	struct ins_upkeep alarm = { .host = "h", .alarm = true, .until = at(10) };

	set(&m, "h", 20);
	assert_int_equal(ins_maintenance_set(&m, &alarm), 0);
	assert_int_equal(m.count, 2);
	assert_int_equal(ins_maintenance_hosts(&m), 1);
	assert_false(ins_maintenance_get(&m, "h", at(5))->alarm);
	alarm.until = at(30);
	assert_int_equal(ins_maintenance_set(&m, &alarm), 0);
	assert_int_equal(m.count, 2);
	assert_true(ins_maintenance_get(&m, "h", at(5))->alarm);
	assert_true(ins_maintenance_end(&m, "h", true));
	assert_false(ins_maintenance_end(&m, "h", true));
	assert_false(ins_maintenance_get(&m, "h", at(5))->alarm);
	assert_int_equal(ins_maintenance_set(&m, &alarm), 0);
	assert_true(ins_maintenance_end(&m, "h", false));
	assert_true(ins_maintenance_get(&m, "h", at(5))->alarm);
	assert_int_equal(ins_maintenance_hosts(&m), 1);
	ins_maintenance_expire(&m, at(30));
	assert_int_equal(ins_maintenance_hosts(&m), 0);
}

static void test_maintenance_request(void **state)
{
	static const struct {
		const char *body, *why; /* NULL: good */
		int64_t left;		/* s */
	} cases[] = {
		{ "{\"for\": \"2h\"}", NULL, 7200 },
		{ "{\"for\": \"2h\", \"reason\": \"new memory\"}", NULL, 7200 },
		{ "{\"for\": \"2h\", \"reason\": null, \"more\": 1}", NULL, 7200 },
		{ "{\"until\": \"2026-11-22T12:00:10Z\"}", NULL, 10 },
		{ "{\"until\": \"2026-11-22T13:00:10+01:00\"}", NULL, 10 },
		{ "{\"for\": \"744h\"}", NULL, 31 * 86400 },
		{ "", "must be a JSON object", 0 },
		{ "[]", "must be a JSON object", 0 },
		{ "{\"for\": \"2h\"", "must be a JSON object", 0 },
		{ "{}", "neither or both", 0 },
		{ "{\"reason\": \"x\"}", "neither or both", 0 },
		{ "{\"for\": 7200}", "neither or both", 0 },
		{ "{\"for\": \"2h\", \"until\": \"2026-11-22T12:00:10Z\"}", "neither or both", 0 },
		{ "{\"for\": \"2\"}", "for: \"2\" is no duration", 0 },
		{ "{\"for\": \"-2h\"}", "is no duration", 0 },
		{ "{\"for\": \"0s\"}", "over already", 0 },
		{ "{\"for\": \"745h\"}", "31 days", 0 },
		{ "{\"until\": \"tomorrow\"}", "until: \"tomorrow\" is no ISO 8601 time", 0 },
		{ "{\"until\": \"2026-11-22T12:00:10\"}", "with a zone", 0 },
		{ "{\"until\": \"2026-11-22T12:00:00Z\"}", "over already", 0 },
		{ "{\"until\": \"2026-11-22T11:00:00Z\"}", "over already", 0 },
		{ "{\"until\": \"2027-11-22T11:00:00Z\"}", "31 days", 0 },
		{ "{\"for\": \"2h\", \"reason\": 1}", "reason: must be a string", 0 },
		{ "{\"for\": \"2\\nh\"}", "for: has a control character", 0 },
		{ "{\"until\": \"\x7f\"}", "until: has a control character", 0 },
		{ "{\"for\": \"2h\", \"reason\": \"a\\nb\"}", "reason: has a control character", 0 },
	};
	struct dr_wall wall;

	assert_int_equal(dr_wall_parse("2026-11-22T12:00:00Z", &wall, NULL), 0);
	for (size_t n = 0; n < DR_ARRAY_SIZE(cases); n++) {
		struct ins_upkeep u = { .host = "h" };
		char why[256] = "";
		int r = ins_maintenance_parse(cases[n].body, strlen(cases[n].body), at(50), wall, &u, why);

		if (r != (cases[n].why ? 1 : 0) || (r && !strstr(why, cases[n].why)))
			fail_msg("%s: %d \"%s\"", cases[n].body, r, why);
		if (!r) {
			assert_int_equal(u.until.ns, at(50 + cases[n].left).ns);
			assert_int_equal(u.until_wall.ns, wall.ns + dr_sec(cases[n].left).ns);
			assert_string_equal(u.reason, n == 1 ? "new memory" : "");
		} else {
			assert_int_equal(u.until.ns, 0);
		}
		assert_string_equal(u.host, "h");
	}
}

static void test_gate_maintenance(void **state)
{
	static const struct ins_judge_conf judge = { .monitors = 1 };
	const struct ins_upkeep upkeep = { .reason = "new memory", .until = at(107), .until_wall = { 0 } };
	static const struct {
		bool upkeep, disabled, flap, acted, released;
		enum ins_gate_answer want;
		enum ins_hold hold;
		int64_t again; /* s */
	} cases[] = {
		{ false, false, false, false, false, INS_GATE_GO, INS_HOLD_NONE, -1 },
		{ true, false, false, false, false, INS_GATE_HOLD, INS_HOLD_MAINTENANCE, 7 },
		{ false, true, false, false, false, INS_GATE_HOLD, INS_HOLD_DISABLED, 30 },
		{ true, true, true, false, false, INS_GATE_HOLD, INS_HOLD_MAINTENANCE, 7 },
		{ false, true, true, false, false, INS_GATE_HOLD, INS_HOLD_DISABLED, 30 },
		/* not even what has begun, and failed, is tried again */
		{ true, false, false, true, false, INS_GATE_HOLD, INS_HOLD_MAINTENANCE, 7 },
		{ false, true, false, true, false, INS_GATE_HOLD, INS_HOLD_DISABLED, 30 },
		{ false, false, true, true, false, INS_GATE_GO, INS_HOLD_NONE, -1 },
		{ true, true, true, false, true, INS_GATE_GO, INS_HOLD_NONE, -1 },
	};

	for (size_t n = 0; n < DR_ARRAY_SIZE(cases); n++) {
		const struct ins_gate_case c = {
			.now = at(100),
			.judge = &judge,
			.votes = { .down = 1, .fresh = 1, .quorum_since = at(100), .stale_in = { -1 } },
			.monitors = "a",
			.upkeep = cases[n].upkeep ? &upkeep : NULL,
			.disabled = cases[n].disabled,
			.refresh = dr_sec(30),
			.flap = { .held = cases[n].flap, .left = dr_sec(5) },
			.acted = cases[n].acted,
			.released = cases[n].released,
		};
		struct ins_ruling r = ins_gate(&c);

		if (r.answer != cases[n].want || r.hold != cases[n].hold ||
		    r.again.ns != (cases[n].again < 0 ? -1 : dr_sec(cases[n].again).ns))
			fail_msg("case %zu: %d, hold %d, \"%s\"", n, r.answer, r.hold, r.reason);
		if (r.hold == INS_HOLD_MAINTENANCE)
			assert_string_equal(r.reason,
					    "maintenance until 1970-01-01T00:00:00.000000Z: new memory");
	}
}

/* ---------------------------------------------------------------- old evidence */

static void test_gate_stale(void **state)
{
	static const struct {
		unsigned quorum, down, fresh;
		bool acted, released, braked;
		enum ins_gate_answer want;
		enum ins_hold hold;
	} cases[] = {
		{ 1, 1, 1, false, false, false, INS_GATE_GO, INS_HOLD_NONE },
		{ 1, 1, 0, false, false, false, INS_GATE_HOLD, INS_HOLD_STALE },
		{ 2, 2, 1, false, false, false, INS_GATE_HOLD, INS_HOLD_STALE },
		{ 2, 2, 2, false, false, false, INS_GATE_GO, INS_HOLD_NONE },
		{ 2, 3, 2, false, false, false, INS_GATE_GO, INS_HOLD_NONE },
		{ 1, 1, 0, false, true, false, INS_GATE_GO, INS_HOLD_NONE },
		{ 1, 1, 0, true, false, false, INS_GATE_GO, INS_HOLD_NONE },
		{ 1, 1, 0, false, false, true, INS_GATE_HOLD,
		  INS_HOLD_BRAKE }, /* that is why, and stays so */
	};
	static const struct ins_brake_conf brake = {};
	static const struct ins_brake_scope cloud = { .limit = 3, .left = { -1 } };

	for (size_t n = 0; n < DR_ARRAY_SIZE(cases); n++) {
		const struct ins_judge_conf judge = { .monitors = cases[n].quorum, .forget = dr_sec(3600) };
		const struct ins_gate_case c = {
			.judge = &judge,
			.votes = { .down = cases[n].down, .fresh = cases[n].fresh, .stale_in = { -1 } },
			.monitors = "a",
			.quorate = true,
			.acted = cases[n].acted,
			.released = cases[n].released,
			.braked = cases[n].braked,
			.brake = &brake,
			.scopes = &cloud,
			.scope_count = 1,
		};
		struct ins_ruling r = ins_gate(&c);

		if (r.answer != cases[n].want || r.hold != cases[n].hold || r.again.ns != -1)
			fail_msg("case %zu: %d, hold %d, \"%s\"", n, r.answer, r.hold, r.reason);
		if (r.hold == INS_HOLD_STALE)
			assert_string_equal(r.reason,
					    "stale: what was said is older than 1h, and may no longer "
					    "be so: a");
	}
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(test_votes),
		cmocka_unit_test(test_keys),
		cmocka_unit_test(test_quorum_since),
		cmocka_unit_test(test_forgotten),
		cmocka_unit_test(test_up_of_old),
		cmocka_unit_test(test_back),
		cmocka_unit_test(test_rename),
		cmocka_unit_test(test_bounded),
		cmocka_unit_test(test_bounded_by_ups),
		cmocka_unit_test(test_names),
		cmocka_unit_test(test_gate_evidence),
		cmocka_unit_test(test_brake_limit),
		cmocka_unit_test(test_brake_window),
		cmocka_unit_test(test_gate_brake),
		cmocka_unit_test(test_flap_decays),
		cmocka_unit_test(test_flap_reuse),
		cmocka_unit_test(test_flap_restored),
		cmocka_unit_test(test_flap_ceiling),
		cmocka_unit_test(test_flap_bounded),
		cmocka_unit_test(test_gate_flap),
		cmocka_unit_test(test_maintenance),
		cmocka_unit_test(test_maintenance_by_both),
		cmocka_unit_test(test_maintenance_request),
		cmocka_unit_test(test_gate_maintenance),
		cmocka_unit_test(test_kept),
		cmocka_unit_test(test_gate_stale),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
