// SPDX-License-Identifier: Apache-2.0
/* A fault that is over: how long that must last, and what is changed back then; or that it is not. */
#include <string.h>

#include "doctor/log.h"
#include "inspector/inspector_private.h"
#include "inspector/plan.h"

void ins_clear(struct ins_inspector *s, struct ins_incident *i, const char *reason)
{
	i->state = ins_state_next(i->state, INS_IN_CLEARED);
	if (ins_state_ended(i->state)) {
		dr_info("incident=%s host=%s is over: %s", i->id, i->host, reason);
		ins_end(s, i, reason);
		return;
	}
	i->back = dr_wall_now();
	i->back_since = dr_mono_now();
	ins_incident_step(i, i->back, reason);
	dr_info("host=%s is back incident=%s: %s", i->host, i->id, reason);
	ins_executor_cancel(s->executor, i, "the host is back");
	ins_schedule(s);
}

/* Another open incident of the same host, which may need what this one has changed. */
static int hand_over(struct ins_inspector *s, struct ins_incident *i)
{
	int r = 0;

	for (struct ins_incident *other = s->first; other && !r; other = other->next) {
		if (other == i || ins_state_ended(other->state) || strcmp(other->host, i->host))
			continue;
		if (other->state == INS_RECOVERING || other->state == INS_RESTORING)
			continue; /* it does not need it any more */
		r = ins_plan_hand_over(i, other);
		ins_journal_incident(s->journal, other);
	}
	return r;
}

static void close_back(struct ins_inspector *s, struct ins_incident *i, const char *reason)
{
	i->state = ins_state_next(i->state, INS_IN_RESTORED);
	ins_end(s, i, reason);
}

void ins_failed_to_restore(struct ins_inspector *s, struct ins_incident *i, int error)
{
	dr_error("host=%s is NOT set back incident=%s: %s", i->host, i->id, strerror(-error));
	close_back(s, i, "out of memory: not all was set back");
}

static void restore(struct ins_inspector *s, struct ins_incident *i)
{
	int r = hand_over(s, i);

	i->state = ins_state_next(i->state, INS_IN_BACK);
	ins_incident_step(i, dr_wall_now(), "back for long enough: what was changed is changed back");
	ins_journal_incident(s->journal, i);
	if (!r)
		r = ins_executor_restore(s->executor, i);
	if (r)
		ins_failed_to_restore(s, i, r);
}

/*
 * Another incident of its host is being acted upon: it may just be finding what this one has changed. Not one
 * that only waits to ask again, of ports say while Neutron is away: it finds what there is then.
 */
static bool is_disputed(const struct ins_inspector *s, const struct ins_incident *i)
{
	for (const struct ins_incident *other = s->first; other; other = other->next)
		if ((other->state == INS_FORCING || (other->state == INS_MARKING && ins_occupies(other))) &&
		    !strcmp(other->host, i->host))
			return true;
	return false;
}

struct dr_dur ins_recover(struct ins_inspector *s, struct ins_incident *i, struct dr_mono now, bool room)
{
	struct dr_dur left = { s->config->recovery.hold.ns - dr_mono_sub(now, i->back_since).ns };
	const struct dr_dur on_news = { -1 };

	if (!ins_incident_answered(i))
		return on_news; /* what is under way may yet change something */
	if (!ins_incident_has_ledger(i)) {
		dr_info("incident=%s host=%s is over; nothing was changed in the cloud", i->id, i->host);
		close_back(s, i, i->reason);
	} else if (!s->config->recovery.undo) {
		dr_warning("host=%s is back incident=%s; Nova has it forced down, and %zu servers were set "
			   "to error; "
			   "to undo: openstack compute service set --up %s nova-compute",
			   i->host, i->id, ins_incident_count(i, INS_RESET, INS_DONE), i->host);
		close_back(s, i, "the host is back; what was changed is left to a person (recovery.undo)");
	} else if (left.ns > 0) {
		return left;
	} else if (s->config->dry_run) {
		return on_news; /* of what was changed before it was one, nothing is changed back */
	} else if (room && !is_disputed(s, i)) { /* else: when one has settled */
		restore(s, i);
	}
	return on_news;
}

void ins_relapse(struct ins_inspector *s, struct ins_incident *i, struct dr_mono since)
{
	struct ins_action *fence = ins_incident_find(i, INS_FENCE, NULL);
	/* within the hold time it is one and the same, afterwards a new death of the host */
	bool anew = i->state != INS_RECOVERING;
	const char *reason = i->state == INS_MARKED ? "down again, and somebody has released the force-down"
			     : anew		    ? "down again while it was set back"
						    : "down again within the hold time";

	if (fence)
		fence->undone = fence->dirty = true; /* it was switched on again */
	ins_executor_cancel(s->executor, i, "the host is down again");
	i->state = ins_state_next(i->state, INS_IN_FAULT);
	i->since = since;
	i->back = (struct dr_wall){ 0 };
	i->quorate = i->released = false;
	i->acted &= !anew;
	i->braked &= !anew;
	ins_incident_step(i, dr_wall_now(), reason);
	ins_journal_incident(s->journal, i);
	dr_warning("incident=%s host=%s: %s", i->id, i->host, i->reason);
	ins_schedule(s);
}
