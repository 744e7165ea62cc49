/* SPDX-License-Identifier: Apache-2.0 */
/*
 * kill -9 at random instants of an incident, from the start of the inspector until it has settled: started
 * again, it ends in the right state, and asks for nothing that the cloud has done already. DOCTOR_KILLS says
 * how many instants (200), DOCTOR_KILL_SEED which.
 */
#include <string.h>

#include "tests/faults/trial.h"

#define KILLS 200
#define HOSTS 3
#define SERVERS 10
#define LATENCY_MS 2

enum story {
	DOWN,	 /* compute-1 is down */
	TWO,	 /* compute-1 and compute-2 are */
	DOWN_UP, /* compute-1 is down, and back when it has been marked */
	STORIES,
};

static const char *const story_names[] = { "down", "two hosts down", "down and up" };

struct step {
	const char *host;
	bool down;
	const char *until; /* NULL: the next one follows at once */
};

static const struct step stories[STORIES][4] = {
	[DOWN] = { { "compute-1", true, "marked" } },
	[TWO] = { { "compute-1", true, NULL }, { "compute-2", true, "marked" } },
	[DOWN_UP] = { { "compute-1", true, "marked" }, { "compute-1", false, "closed" } },
};

static const struct trial_opts opts = { .hosts = HOSTS, .servers = SERVERS, .latency_ms = LATENCY_MS };

/* Where an incident was when the inspector was killed, as the cloud saw it. */
enum phase {
	BEFORE,	   /* nothing was asked for */
	FORCED,	   /* force-down was carried out, nothing else */
	MARKING,   /* some of servers and ports */
	MARKED,	   /* all of them */
	RELEASED,  /* force-up was carried out, nothing else */
	RESTORING, /* some are back */
	RESTORED,  /* all are */
	PHASES,
};

static const char *const phase_names[] = { "nothing done yet", "forced down", "servers and ports begun",
					   "marked",	       "released",    "restoring begun",
					   "restored" };

static enum phase phase_of(struct trial *t, enum story story)
{
	DR_AUTO_JSON struct dr_json *r = trial_get(t, "/minicloud/requests");
	unsigned hosts = story == TWO ? 2 : 1, all = hosts * SERVERS * 2;
	unsigned back =
		trial_count(r, "POST", "/action", "active") + trial_count(r, "PUT", "/ports/", "ACTIVE");
	unsigned there =
		trial_count(r, "POST", "/action", "error") + trial_count(r, "PUT", "/ports/", "DOWN");

	if (trial_count(r, "PUT", "/os-services/", "false"))
		return !back ? RELEASED : back < all ? RESTORING : RESTORED;
	if (!trial_count(r, "PUT", "/os-services/", "true"))
		return BEFORE;
	return !there ? FORCED : there < all ? MARKING : MARKED;
}

static void restart_if_killed(struct trial *t, enum story story, enum phase *phase)
{
	if (!t->killed)
		return;
	trial_reap(t);
	*phase = phase_of(t, story);
	trial_start(t); /* which says that it is not killed any more */
}

/* Through the story as a monitor goes: an event that got no 200 is sent again. *phase PHASES: not killed. */
static struct dr_dur tell(struct trial *t, enum story story, bool killed_in_time, enum phase *phase)
{
	struct dr_mono begin = dr_mono_now(), end = dr_mono_add(begin, dr_sec(60));

	*phase = PHASES;
	for (const struct step *s = stories[story]; s->host; s++) {
		bool taken = false;

		while (!taken || (s->until && strcmp(trial_state(t, s->host), s->until)) ||
		       (!s[1].host && killed_in_time && *phase == PHASES)) {
			if (dr_mono_sub(end, dr_mono_now()).ns <= 0)
				fail_msg("%s: %s is not %s", story_names[story], s->host, s->until);
			taken = taken || trial_post(t, s->host, s->down);
			assert_in_range(dr_loop_run_once(t->loop, dr_msec(1)), 0, 1);
			restart_if_killed(t, story, phase);
		}
	}
	return dr_mono_sub(dr_mono_now(), begin);
}

static void check_host(struct trial *t, const char *host, bool down)
{
	struct trial_host h = trial_look(t, host);
	unsigned all = down ? SERVERS : 0;

	if (h.forced_down != down || h.servers != SERVERS || h.error != all || h.ports != SERVERS ||
	    h.down != all)
		fail_msg("%s: forced_down=%d servers=%u error=%u ports=%u DOWN=%u", host, h.forced_down,
			 h.servers, h.error, h.ports, h.down);
}

static unsigned check(struct trial *t, enum story story)
{
	static const char *const marked[] = { "marked", NULL }, *const closed[] = { "closed", NULL };

	trial_wait(t, "compute-1", story == DOWN_UP ? closed : marked);
	if (story == TWO)
		trial_wait(t, "compute-2", marked);
	check_host(t, "compute-1", story != DOWN_UP);
	check_host(t, "compute-2", story == TWO);
	check_host(t, "compute-3", false);
	return trial_repeated(t);
}

struct measured {
	struct dr_dur start, whole;
};

/* Undisturbed; the longest of three. */
static struct measured measure(enum story story)
{
	struct measured m = { { 0 }, { 0 } };

	for (int i = 0; i < 3; i++) {
		AUTO_TRIAL struct trial *t = trial_new(&opts);
		struct dr_mono begin = dr_mono_now();
		struct dr_dur start, whole;
		enum phase phase;

		trial_start(t);
		assert_int_equal(sc_child_wait_ready(t->inspector, dr_sec(30), NULL), 0);
		start = dr_mono_sub(dr_mono_now(), begin);
		tell(t, story, false, &phase);
		whole = dr_mono_sub(dr_mono_now(), begin);
		assert_int_equal(check(t, story), 0);
		m.start.ns = DR_MAX(m.start.ns, start.ns);
		m.whole.ns = DR_MAX(m.whole.ns, whole.ns);
	}
	print_message("%s: start %.0f ms, all %.0f ms\n", story_names[story], (double)m.start.ns / 1e6,
		      (double)m.whole.ns / 1e6);
	return m;
}

/* One of five within the start, the others from there on. */
static struct dr_dur instant(const struct measured *m)
{
	double part = (double)random() / RAND_MAX;

	if (random() % 5 == 0)
		return (struct dr_dur){ (int64_t)(part * (double)m->start.ns) };
	return (struct dr_dur){ m->start.ns + (int64_t)(part * (double)(m->whole.ns - m->start.ns)) };
}

static unsigned number(const char *name, unsigned otherwise)
{
	const char *text = getenv(name);

	return text && *text ? (unsigned)strtoul(text, NULL, 10) : otherwise;
}

static void test_kill(void **state)
{
	unsigned kills = number("DOCTOR_KILLS", KILLS), hit[PHASES] = { 0 }, repeated = 0;
	unsigned seed = number("DOCTOR_KILL_SEED", (unsigned)dr_wall_now().ns);
	struct measured m[STORIES];

	print_message("DOCTOR_KILL_SEED=%u\n", seed);
	srandom(seed);
	for (enum story s = 0; s < STORIES; s++)
		m[s] = measure(s);
	for (unsigned n = 0; n < kills; n++) {
		AUTO_TRIAL struct trial *t = trial_new(&opts);
		enum story story = n % STORIES;
		struct dr_dur d = instant(&m[story]);
		enum phase phase;
		unsigned again;

		trial_start(t);
		trial_kill_after(t, d);
		tell(t, story, true, &phase);
		hit[phase]++;
		again = check(t, story);
		if (again)
			print_error("round %u, %s, killed after %.1f ms, %s: %u repeated\n", n,
				    story_names[story], (double)d.ns / 1e6, phase_names[phase], again);
		repeated += again;
	}
	for (enum phase p = 0; p < PHASES; p++)
		print_message("%4u killed with: %s\n", hit[p], phase_names[p]);
	assert_int_equal(repeated, 0);
}

int main(void)
{
	const struct CMUnitTest tests[] = { cmocka_unit_test(test_kill) };

	return cmocka_run_group_tests(tests, NULL, NULL);
}
