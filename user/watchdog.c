/* SPDX-License-Identifier: Apache-2.0 */
#include "user/watchdog.h"

#include "doctor/log.h"
#include "doctor/loop.h"

#define TICK dr_sec(1)

/* Rounds are a second apart; what a loaded machine adds is below one. */
const struct mon_fresh_limits mon_fresh_limits = {
	.sender = { 5 * DR_NSEC_PER_SEC },
	.ring = { 5 * DR_NSEC_PER_SEC },
	.tick = { 5 * DR_NSEC_PER_SEC },
};

static bool is_fresh(const char *what, struct dr_mono last, struct dr_mono now, struct dr_dur limit,
		     char why[MON_STALE_MAX])
{
	struct dr_dur age = dr_mono_sub(now, last);

	if (last.ns != 0 && age.ns <= limit.ns)
		return true;
	if (why && last.ns == 0)
		snprintf(why, MON_STALE_MAX, "%s has not begun", what);
	else if (why)
		snprintf(why, MON_STALE_MAX, "%s has stood still for %.1f s", what, dr_dur_seconds(age));
	return false;
}

bool mon_fresh(const struct mon_cycle *c, struct dr_mono now, const struct mon_fresh_limits *limits,
	       char why[MON_STALE_MAX])
{
	if (why)
		why[0] = '\0';
	return is_fresh("the sender", c->sender, now, limits->sender, why) &&
	       is_fresh("the reading of events", c->ring, now, limits->ring, why) &&
	       is_fresh("the round of checks", c->tick, now, limits->tick, why);
}

void mon_watchdog_init(struct mon_watchdog *w)
{
	*w = (struct mon_watchdog){ .period = dr_watchdog_period() };
	if (w->period.ns > 0 && w->period.ns < 3 * TICK.ns)
		dr_warning("the watchdog of the service manager is too short for rounds of a second "
			   "watchdog_seconds=%.1f",
			   dr_dur_seconds(w->period));
}

bool mon_watchdog_due(const struct mon_watchdog *w, struct dr_mono now, struct dr_dur tick)
{
	if (w->period.ns == 0)
		return false;
	/* the next chance would be past the half */
	return w->pinged.ns == 0 || dr_mono_sub(now, w->pinged).ns + tick.ns > w->period.ns / 2;
}

void mon_watchdog_tick(struct mon_watchdog *w, const struct mon_cycle *c, struct dr_mono now)
{
	char why[MON_STALE_MAX];
	bool fresh = mon_fresh(c, now, &mon_fresh_limits, why);

	if (!fresh && !w->stale)
		dr_error("stale: %s%s", why,
			 w->period.ns ? "; the service manager is told nothing until that is over" : "");
	if (fresh && w->stale)
		dr_warning("no longer stale");
	w->stale = !fresh;
	if (!fresh || !mon_watchdog_due(w, now, TICK))
		return;
	dr_notify("WATCHDOG=1");
	w->pinged = now;
}
