/* SPDX-License-Identifier: Apache-2.0 */
/* From targets to hosts. */
#include <stdarg.h>
#include <stddef.h>
#include <setjmp.h>
#include <stdint.h>
#include <cmocka.h>

#include <string.h>
#include <time.h>

#include "doctor/clock.h"
#include "user/hosts.h"

#define UNKNOWN DR_VERDICT_UNKNOWN
#define UP DR_VERDICT_UP
#define DOWN DR_VERDICT_DOWN
#define DEGRADED DR_VERDICT_DEGRADED
#define UNREACHABLE DR_VERDICT_UNREACHABLE
#define NOTHING ((enum dr_verdict) - 1)

/* The slot's new verdict makes its host be reported as said, or not at all. */
static void change(struct mon_hosts *h, uint32_t slot, enum dr_verdict verdict, enum dr_verdict said)
{
	const struct mon_host *host = NULL;

	if (mon_hosts_change(h, slot, verdict, &host) != (said != NOTHING))
		fail_msg("slot %u verdict %d: %s", slot, verdict, host ? "reported" : "not reported");
	if (said == NOTHING)
		return;
	assert_int_equal(host->said, said);
	assert_ptr_equal(host, mon_hosts_of(h, slot));
}

static void review(struct mon_hosts *h, uint32_t slot, enum dr_verdict said)
{
	const struct mon_host *host = NULL;

	assert_int_equal(mon_hosts_review(h, slot, &host), said != NOTHING);
	if (said == NOTHING)
		return;
	assert_int_equal(host->said, said);
	assert_false(mon_hosts_review(h, slot, &host)); /* once */
}

/* n slots, all of one host */
static void set_up(struct mon_hosts *h, uint32_t n)
{
	assert_int_equal(mon_hosts_init(h, 8), 0);
	for (uint32_t i = 0; i < n; i++)
		assert_int_equal(mon_hosts_add(h, i, "a"), 0);
}

static void hosts_are_down_when_all_their_planes_are(void **state)
{
	struct mon_hosts h;

	set_up(&h, 0);
	assert_int_equal(mon_hosts_add(&h, 0, "a"), 0);
	assert_int_equal(mon_hosts_add(&h, 1, "b"), 0);
	assert_int_equal(mon_hosts_add(&h, 2, "a"), 0);
	assert_int_equal(h.count, 2);
	change(&h, 0, UP, NOTHING);
	change(&h, 2, UP, UP);
	assert_string_equal(mon_hosts_of(&h, 2)->name, "a");
	change(&h, 0, DOWN, NOTHING);
	change(&h, 0, DOWN, NOTHING);
	change(&h, 2, DOWN, DOWN);
	change(&h, 2, UP, NOTHING);   /* one plane back is not the host */
	change(&h, 2, DOWN, NOTHING); /* and it is not down a second time */
	change(&h, 0, UP, NOTHING);
	change(&h, 2, UP, UP);
	change(&h, 1, DOWN, DOWN);
	assert_string_equal(mon_hosts_of(&h, 1)->name, "b");
	mon_hosts_done(&h);
}

/* Two planes that stand so from the beginning: what is said of the host? */
static void what_two_planes_say(void **state)
{
	static const enum dr_verdict said[5][5] = {
		/*		   UNKNOWN  UP	     DOWN     DEGRADED UNREACHABLE */
		[UNKNOWN] = { NOTHING, NOTHING, NOTHING, NOTHING, NOTHING },
		[UP] = { NOTHING, UP, NOTHING, UP, UP },
		[DOWN] = { NOTHING, NOTHING, DOWN, NOTHING, DOWN },
		[DEGRADED] = { NOTHING, UP, NOTHING, UP, UP },
		[UNREACHABLE] = { NOTHING, UP, DOWN, UP, NOTHING },
	};

	for (unsigned a = 0; a < 5; a++) {
		for (unsigned b = 0; b < 5; b++) {
			struct mon_hosts h;

			set_up(&h, 2);
			change(&h, 0, (enum dr_verdict)a, NOTHING);
			change(&h, 1, (enum dr_verdict)b, b == UNKNOWN ? NOTHING : said[a][b]);
			mon_hosts_done(&h);
		}
	}
}

/* A plane that answers slowly must not be outrun by one that is judged sooner. */
static void a_host_that_is_still_awaited_is_not_condemned(void **state)
{
	struct mon_hosts h;

	set_up(&h, 2);
	change(&h, 0, DOWN, NOTHING);
	change(&h, 1, UP, NOTHING);
	mon_hosts_done(&h);
	set_up(&h, 2);
	change(&h, 0, DOWN, NOTHING);
	change(&h, 1, UNREACHABLE,
	       DOWN); /* nothing more will come of it, and nothing ever spoke for the host */
	mon_hosts_done(&h);
}

static void our_own_loss_of_sight_is_no_death(void **state)
{
	struct mon_hosts h;

	set_up(&h, 2);
	change(&h, 0, UP, NOTHING);
	change(&h, 1, UP, UP);
	change(&h, 0, DOWN, NOTHING);
	change(&h, 1, UNREACHABLE, NOTHING); /* it lived when last seen */
	review(&h, 1, NOTHING);
	change(&h, 1, UNKNOWN, NOTHING);
	change(&h, 1, UNREACHABLE, NOTHING);
	change(&h, 0, UP, NOTHING);
	change(&h, 0, DOWN, DOWN); /* a death seen after that */
	change(&h, 0, DEGRADED, UP);
	change(&h, 1, DEGRADED, NOTHING);
	change(&h, 0, DOWN, NOTHING);
	change(&h, 1, DOWN, DOWN);
	mon_hosts_done(&h);
}

static void the_retired_are_not_dead(void **state)
{
	struct mon_hosts h;

	set_up(&h, 3);
	change(&h, 0, UP, NOTHING);
	change(&h, 1, UP, NOTHING);
	change(&h, 2, UP, UP);
	change(&h, 0, DOWN, NOTHING);
	change(&h, 1, DOWN, NOTHING);
	mon_hosts_remove(&h, 2);
	mon_hosts_remove(&h, 2);
	mon_hosts_remove(&h, 1000);
	assert_null(mon_hosts_of(&h, 2));
	review(&h, 0, NOTHING);
	review(&h, 2, NOTHING);
	change(&h, 1, UP, NOTHING);
	change(&h, 1, DOWN, DOWN);
	mon_hosts_remove(&h, 0);
	review(&h, 1, NOTHING);
	mon_hosts_remove(&h, 1); /* the host is gone: neither down nor up */
	assert_int_equal(h.count, 0);
	assert_int_equal(mon_hosts_add(&h, 1, "a"), 0); /* and unknown when it comes back */
	assert_int_equal(mon_hosts_of(&h, 1)->said, UNKNOWN);
	change(&h, 1, UP, UP);
	mon_hosts_done(&h);
}

static void what_a_retired_target_leaves_is_looked_at_again(void **state)
{
	struct mon_hosts h;

	set_up(&h, 2);
	change(&h, 0, DOWN, NOTHING);
	change(&h, 1, DOWN, DOWN);
	change(&h, 0, UP, NOTHING);
	mon_hosts_remove(&h, 1); /* the plane that was down */
	review(&h, 0, UP);
	mon_hosts_done(&h);

	set_up(&h, 2);
	change(&h, 0, DOWN, NOTHING);
	mon_hosts_remove(&h, 1); /* awaited, and nothing ever spoke for the host */
	assert_int_equal(mon_hosts_add(&h, 2, "a"), 0);
	review(&h, 0, NOTHING); /* replaced by another that is */
	change(&h, 2, UP, NOTHING);
	mon_hosts_remove(&h, 2);
	review(&h, 0, NOTHING);
	mon_hosts_done(&h);

	set_up(&h, 2);
	change(&h, 0, DOWN, NOTHING);
	mon_hosts_remove(&h, 1);
	review(&h, 0, DOWN);
	mon_hosts_done(&h);
}

static void what_cannot_be_added(void **state)
{
	char name[MON_HOST_MAX + 1];
	struct mon_hosts h;

	memset(name, 'x', MON_HOST_MAX);
	name[MON_HOST_MAX] = '\0';
	set_up(&h, 1);
	assert_int_equal(mon_hosts_add(&h, 0, "b"), -EINVAL);
	assert_int_equal(mon_hosts_add(&h, 8, "b"), -EINVAL);
	assert_int_equal(mon_hosts_add(&h, 1, ""), -EINVAL);
	assert_int_equal(mon_hosts_add(&h, 1, name), -EINVAL);
	assert_int_equal(mon_hosts_add(&h, 1, name + 1), 0);
	assert_int_equal(h.count, 2);
	change(&h, 2, DOWN, NOTHING); /* nor has it a host to be changed */
	change(&h, 8, DOWN, NOTHING);
	mon_hosts_done(&h);
	assert_int_equal(mon_hosts_init(&h, 0), 0);
	assert_int_equal(mon_hosts_add(&h, 0, "a"), -EINVAL);
	mon_hosts_done(&h);
}

/* ---------------------------------------------------------------- against a simple model */

#define SLOTS 12
#define HOSTS 5

struct model {
	int host[SLOTS]; /* -1: free */
	enum dr_verdict verdict[SLOTS];
	enum dr_verdict said[HOSTS];
	bool sight_lost[HOSTS];
};

static enum dr_verdict model_of(const struct model *m, int host)
{
	bool up = false, down = false;

	for (int i = 0; i < SLOTS; i++) {
		if (m->host[i] != host)
			continue;
		if (m->verdict[i] == UNKNOWN)
			return m->said[host];
		up |= m->verdict[i] == UP || m->verdict[i] == DEGRADED;
		down |= m->verdict[i] == DOWN;
	}
	if (up == down)
		return m->said[host];
	return up ? UP : m->sight_lost[host] ? m->said[host] : DOWN;
}

static void model_change(struct model *m, int slot, enum dr_verdict v)
{
	enum dr_verdict was = m->verdict[slot];

	if (v == DOWN && was != DOWN)
		m->sight_lost[m->host[slot]] = false;
	else if ((was == UP || was == DEGRADED) && v != UP && v != DEGRADED)
		m->sight_lost[m->host[slot]] = true;
	m->verdict[slot] = v;
}

static void model_remove(struct model *m, int slot)
{
	int host = m->host[slot];

	model_change(m, slot, m->verdict[slot] == DOWN ? DOWN : UNKNOWN);
	m->host[slot] = -1;
	for (int i = 0; i < SLOTS; i++) {
		if (m->host[i] == host)
			return;
	}
	m->said[host] = UNKNOWN;
	m->sight_lost[host] = false;
}

static void a_random_life_as_the_model_says(void **state)
{
	struct model m = { 0 };
	struct mon_hosts h;
	uint32_t seed = 3, reports = 0;

	for (int i = 0; i < SLOTS; i++)
		m.host[i] = -1;
	assert_int_equal(mon_hosts_init(&h, SLOTS), 0);
	for (int step = 0; step < 100000; step++) {
		const struct mon_host *host = NULL;
		seed = seed * 1664525U + 1013904223U;
		int slot = (int)(seed >> 8) % SLOTS, what = (int)(seed >> 16) % 40, of = m.host[slot];
		bool told = false;
		if (of < 0) {
			char name[] = { (char)('a' + what % HOSTS), '\0' };
			m.host[slot] = of = what % HOSTS;
			m.verdict[slot] = UNKNOWN;
			assert_int_equal(mon_hosts_add(&h, (uint32_t)slot, name), 0);
		} else if (what < 5) {
			model_remove(&m, slot);
			mon_hosts_remove(&h, (uint32_t)slot);
			for (slot = 0; slot < SLOTS - 1 && m.host[slot] != of; slot++)
				;
			told = mon_hosts_review(&h, (uint32_t)slot, &host);
		} else {
			model_change(&m, slot, (enum dr_verdict)(what % 5));
			told = mon_hosts_change(&h, (uint32_t)slot, (enum dr_verdict)(what % 5), &host);
		}
		enum dr_verdict now = model_of(&m, of);
		assert_int_equal(told, now != m.said[of]);
		if (told) {
			assert_int_equal(host->name[0], 'a' + of);
			assert_int_equal(host->said, now);
		}
		m.said[of] = now;
		reports += told;
	}
	assert_true(reports > 1000);
	mon_hosts_done(&h);
}

/* Something quadratic would take minutes. */
static void many_hosts_are_quick(void **state)
{
	const clock_t begin = clock(); /* of this process alone: a busy machine is not slow code */
	const struct mon_host *host;
	struct mon_hosts h;
	char name[32];

	assert_int_equal(mon_hosts_init(&h, MON_TARGETS_MAX), 0);
	for (int round = 0; round < 3; round++) {
		for (uint32_t i = 0; i < MON_TARGETS_MAX; i++) {
			snprintf(name, sizeof(name), "host-%u", i);
			assert_int_equal(mon_hosts_add(&h, i, name), 0);
			assert_true(mon_hosts_change(&h, i, DOWN, &host));
		}
		assert_int_equal(h.count, MON_TARGETS_MAX);
		for (uint32_t i = 0; i < MON_TARGETS_MAX; i++)
			mon_hosts_remove(&h, (i * 7919) % MON_TARGETS_MAX);
		assert_int_equal(h.count, 0);
	}
	mon_hosts_done(&h);
	assert_true(clock() - begin < 3 * CLOCKS_PER_SEC);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(hosts_are_down_when_all_their_planes_are),
		cmocka_unit_test(what_two_planes_say),
		cmocka_unit_test(a_host_that_is_still_awaited_is_not_condemned),
		cmocka_unit_test(our_own_loss_of_sight_is_no_death),
		cmocka_unit_test(the_retired_are_not_dead),
		cmocka_unit_test(what_a_retired_target_leaves_is_looked_at_again),
		cmocka_unit_test(what_cannot_be_added),
		cmocka_unit_test(a_random_life_as_the_model_says),
		cmocka_unit_test(many_hosts_are_quick),
	};

	return cmocka_run_group_tests_name("unit: hosts", tests, NULL, NULL);
}
