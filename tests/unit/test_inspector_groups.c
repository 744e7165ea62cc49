// SPDX-License-Identifier: Apache-2.0
/* Zones and aggregates: who is in them, and what the brake counts and says of them. Invented time. */
#include <stdarg.h>
#include <stddef.h>
#include <setjmp.h>
#include <stdint.h>
#include <cmocka.h>
#include <string.h>

#include "inspector/gate.h"

static struct dr_mono at(int64_t sec)
{
	return (struct dr_mono){ (uint64_t)dr_sec(sec).ns };
}

static void add(struct ins_groups *g, const char *group, const char *host)
{
	assert_int_equal(ins_groups_add(g, group, host), 0);
}

/* ---------------------------------------------------------------- groups */

static void assert_groups(const struct ins_groups *g, const char *host, const char *want)
{
	size_t of[INS_GROUPS_OF_HOST_MAX], n = ins_groups_of(g, host, of);
	char names[256] = "";

	for (size_t i = 0; i < n; i++) {
		strcat(names, i ? " " : "");
		strcat(names, ins_groups_get(g, of[i])->name);
	}
	assert_string_equal(names, want);
}

static void test_members(void **state)
{
	DR_AUTO(ins_groups_freep) struct ins_groups *g = ins_groups_new();

	assert_non_null(g);
	add(g, "ssd", "c-2");
	add(g, "ssd", "c-1");
	add(g, "rack", "c-1");
	add(g, "ssd", "c-10");
	add(g, "rack", "c-1"); /* said twice */
	ins_groups_sort(g);
	assert_int_equal(ins_groups_count(g), 2);
	assert_int_equal(ins_groups_get(g, 0)->hosts, 3);
	assert_int_equal(ins_groups_get(g, 1)->hosts, 1);
	assert_groups(g, "c-1", "ssd rack");
	assert_groups(g, "c-10", "ssd");
	assert_groups(g, "c-2", "ssd");
	assert_groups(g, "c", "");
	assert_groups(g, "c-3", "");
	assert_int_equal(ins_groups_count(NULL), 0);
	assert_groups(NULL, "c-1", "");
}

static void test_none(void **state)
{
	DR_AUTO(ins_groups_freep) struct ins_groups *g = ins_groups_new();

	assert_non_null(g);
	ins_groups_sort(g);
	assert_int_equal(ins_groups_count(g), 0);
	assert_groups(g, "c-1", "");
}

static void test_bounds(void **state)
{
	DR_AUTO(ins_groups_freep) struct ins_groups *g = ins_groups_new(), *many = ins_groups_new();
	size_t of[INS_GROUPS_OF_HOST_MAX];
	char name[16];

	for (unsigned n = 0; n < INS_GROUPS_MAX; n++) {
		snprintf(name, sizeof(name), "g-%u", n);
		assert_int_equal(ins_groups_add(g, name, "h"), 0);
	}
	assert_int_equal(ins_groups_add(g, "one more", "h"), -ENOSPC);
	assert_int_equal(ins_groups_add(g, "g-7", "i"), 0);
	ins_groups_sort(g);
	assert_int_equal(ins_groups_of(g, "h", of), INS_GROUPS_OF_HOST_MAX);
	assert_int_equal(of[0], 0);
	assert_int_equal(of[INS_GROUPS_OF_HOST_MAX - 1], INS_GROUPS_OF_HOST_MAX - 1);

	for (unsigned n = 0; n < 2000; n++) {
		snprintf(name, sizeof(name), "h-%u", n);
		add(many, n % 2 ? "odd" : "even", name);
	}
	ins_groups_sort(many);
	for (unsigned n = 0; n < 2000; n++) {
		snprintf(name, sizeof(name), "h-%u", n);
		assert_groups(many, name, n % 2 ? "odd" : "even");
	}
	assert_int_equal(ins_groups_get(many, 0)->hosts, 1000);
}

/* ---------------------------------------------------------------- the brake */

static const struct ins_brake_conf conf = {
	.cloud = { .hosts = 3, .share_permille = 1000 },
	.group = { .hosts = 1, .share_permille = 250 },
	.per = INS_PER_ZONE,
	.window = { 60 * DR_NSEC_PER_SEC },
};

/* Zone a: a-0 to a-7; zone b: b-0 to b-3. */
static struct ins_groups *zones(void)
{
	struct ins_groups *g = ins_groups_new();
	char name[8];

	for (int n = 0; n < 8; n++) {
		snprintf(name, sizeof(name), "a-%d", n);
		add(g, "a", name);
	}
	for (int n = 0; n < 4; n++) {
		snprintf(name, sizeof(name), "b-%d", n);
		add(g, "b", name);
	}
	ins_groups_sort(g);
	return g;
}

static void assert_scope(const struct ins_brake_scope *s, const char *name, size_t limit, size_t marked,
			 size_t asking, int64_t left_sec)
{
	int64_t left = left_sec < 0 ? -1 : dr_sec(left_sec).ns;

	if ((name ? !s->kind || strcmp(s->name, name) : s->kind != NULL) || s->limit != limit ||
	    s->marked != marked || s->asking != asking || s->left.ns != left)
		fail_msg("%s: limit %zu, marked %zu, asking %zu, left %lld ns", s->name ? s->name : "cloud",
			 s->limit, s->marked, s->asking, (long long)s->left.ns);
}

static void test_counts(void **state)
{
	DR_AUTO(ins_groups_freep) struct ins_groups *g = zones();
	DR_AUTO(ins_brake_done) struct ins_brake b = {};
	DR_AUTO(ins_brake_counts_done) struct ins_brake_counts n = {};
	struct ins_brake_scope s[INS_BRAKE_SCOPES_MAX];

	assert_int_equal(ins_brake_add(&b, "a-0", at(10)), 0);
	assert_int_equal(ins_brake_add(&b, "nowhere", at(20)), 0);
	assert_int_equal(ins_brake_add(&b, "b-1", at(30)), 0);
	assert_int_equal(ins_brake_counts_init(&n, &conf, &b, g, 20), 0);
	ins_brake_counts_ask(&n, "a-1");
	ins_brake_counts_ask(&n, "a-2");
	ins_brake_counts_ask(&n, "nowhere-2");

	assert_int_equal(ins_brake_scopes(&n, "a-1", true, at(40), s), 2);
	assert_scope(&s[0], NULL, 20, 3, 2, 30);
	assert_scope(&s[1], "a", 2, 1, 1, 30);
	assert_string_equal(s[1].kind, "zone");
	assert_int_equal(ins_brake_scopes(&n, "b-0", false, at(40), s), 2);
	assert_scope(&s[1], "b", 1, 1, 0, 50);
	assert_int_equal(ins_brake_scopes(&n, "nowhere-2", true, at(100), s), 1);
	assert_scope(&s[0], NULL, 20, 3, 2, 0); /* over, and not forgotten yet */

	ins_brake_counts_withdraw(&n, "a-1");
	ins_brake_counts_mark(&n, "a-1", at(40));
	assert_int_equal(ins_brake_scopes(&n, "a-2", true, at(40), s), 2);
	assert_scope(&s[0], NULL, 20, 4, 1, 30);
	assert_scope(&s[1], "a", 2, 2, 0, 30);
}

static void test_no_groups(void **state)
{
	DR_AUTO(ins_brake_counts_done) struct ins_brake_counts n = {};
	const struct ins_brake none = {};
	struct ins_brake_scope s[INS_BRAKE_SCOPES_MAX];

	assert_int_equal(ins_brake_counts_init(&n, &conf, &none, NULL, 2), 0);
	ins_brake_counts_ask(&n, "a-1");
	assert_int_equal(ins_brake_scopes(&n, "a-1", true, at(1), s), 1);
	assert_scope(&s[0], NULL, 3, 0, 0, -1);
}

/* What the rule says, by what the cloud and two groups have. */
static void test_rule(void **state)
{
	static const struct {
		size_t cloud[3], zone[3], other[3]; /* limit, marked, asking */
		bool resume, counted, released, braked;
		enum ins_gate_answer want;
		int64_t again;
		const char *reason;
	} cases[] = {
		{ { 9, 0, 0 }, { 2, 0, 0 }, { 2, 0, 0 }, 0, 0, 0, 0, INS_GATE_GO, -1, "said to be down" },
		{ { 9, 1, 0 }, { 2, 1, 0 }, { 2, 1, 0 }, 0, 0, 0, 0, INS_GATE_GO, -1, "said to be down" },
		{ { 9, 2, 0 },
		  { 2, 2, 0 },
		  { 2, 0, 0 },
		  0,
		  0,
		  0,
		  0,
		  INS_GATE_HOLD,
		  -1,
		  "brake: 2 hosts of zone az1 were marked down within 1min and 1 more are to be, where 2 may "
		  "be" },
		{ { 9, 2, 0 },
		  { 9, 0, 0 },
		  { 2, 2, 0 },
		  0,
		  0,
		  0,
		  0,
		  INS_GATE_HOLD,
		  -1,
		  "hosts of zone az2 were" },
		{ { 9, 0, 5 }, { 2, 0, 2 }, { 2, 0, 0 }, 0, 0, 0, 0, INS_GATE_HOLD, -1, "zone az1" },
		/* the cloud is named before its parts */
		{ { 2, 2, 0 },
		  { 1, 1, 0 },
		  { 1, 1, 0 },
		  0,
		  0,
		  0,
		  0,
		  INS_GATE_HOLD,
		  -1,
		  "brake: 2 hosts were marked" },
		/* it goes on by itself when that group has room */
		{ { 9, 2, 5 }, { 2, 2, 5 }, { 2, 0, 0 }, 1, 0, 0, 1, INS_GATE_HOLD, 22, "zone az1" },
		{ { 9, 2, 5 }, { 2, 1, 5 }, { 2, 0, 0 }, 1, 0, 0, 1, INS_GATE_GO, -1, "" },
		{ { 9, 0, 0 },
		  { 2, 0, 0 },
		  { 2, 0, 0 },
		  0,
		  0,
		  0,
		  1,
		  INS_GATE_HOLD,
		  -1,
		  "a person has to decide" },
		{ { 9, 9, 0 }, { 2, 2, 0 }, { 2, 2, 0 }, 0, 1, 0, 0, INS_GATE_GO, -1, "" },
		{ { 9, 2, 0 }, { 2, 2, 0 }, { 2, 2, 0 }, 0, 0, 1, 1, INS_GATE_GO, -1, "released" },
	};
	static const struct ins_judge_conf judge = { .monitors = 1 };

	for (size_t n = 0; n < DR_ARRAY_SIZE(cases); n++) {
		const struct ins_brake_conf brake = { .window = dr_sec(60), .resume = cases[n].resume };
		const struct ins_brake_scope scopes[] = {
			{ NULL, NULL, cases[n].cloud[0], cases[n].cloud[1], cases[n].cloud[2], dr_sec(11) },
			{ "zone", "az1", cases[n].zone[0], cases[n].zone[1], cases[n].zone[2], dr_sec(22) },
			{ "zone", "az2", cases[n].other[0], cases[n].other[1], cases[n].other[2],
			  dr_sec(33) },
		};
		const struct ins_gate_case c = {
			.judge = &judge,
			.votes = { .down = 1, .fresh = 1, .stale_in = { -1 } },
			.monitors = "m",
			.released = cases[n].released,
			.braked = cases[n].braked,
			.counted = cases[n].counted,
			.brake = &brake,
			.scopes = scopes,
			.scope_count = DR_ARRAY_SIZE(scopes),
		};
		struct ins_ruling r = ins_gate(&c);
		int64_t again = cases[n].again < 0 ? -1 : dr_sec(cases[n].again).ns;

		if (r.answer != cases[n].want || r.again.ns != again || !strstr(r.reason, cases[n].reason))
			fail_msg("case %zu: %d, again in %lld ns, \"%s\"", n, r.answer, (long long)r.again.ns,
				 r.reason);
	}
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(test_members),	  cmocka_unit_test(test_none),
		cmocka_unit_test(test_bounds),	  cmocka_unit_test(test_counts),
		cmocka_unit_test(test_no_groups), cmocka_unit_test(test_rule),
	};

	return cmocka_run_group_tests_name("unit: zones and aggregates", tests, NULL, NULL);
}
