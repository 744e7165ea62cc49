// SPDX-License-Identifier: Apache-2.0
#include <stdarg.h>
#include <string.h>

#include "inspector/judge.h"

static struct ins_judgement judgement(enum ins_verdict verdict, const char *fmt, ...) DR_PRINTF(2, 3);
static struct ins_judgement judgement(enum ins_verdict verdict, const char *fmt, ...)
{
	struct ins_judgement j = { .verdict = verdict };
	va_list ap;

	va_start(ap, fmt);
	vsnprintf(j.reason, sizeof(j.reason), fmt, ap);
	va_end(ap);
	return j;
}

static struct ins_judgement judge_cleared(const struct ins_case *c)
{
	bool host = ins_event_is_host(c->event);

	if (c->open && (c->open->state == INS_RECOVERING || c->open->state == INS_RESTORING))
		return judgement(INS_NOTHING, "incident %s is on the way back", c->open->id);
	if (c->open &&
	    ins_votes_back(&c->votes, c->quorum, c->open->quorate || ins_incident_has_ledger(c->open)))
		return judgement(INS_CLEAR,
				 host ? "the monitor hears the host again" : "the fault is cleared");
	if (c->open)
		return judgement(INS_DISSENT,
				 "one monitor hears the host, %u say that it is down, %u are needed",
				 c->votes.down, c->quorum);
	if (host && c->host && c->host->forced_down)
		return judgement(INS_IGNORE,
				 "no incident is open here, but Nova has the host forced down: openstack "
				 "compute service set --up %s nova-compute",
				 c->host->name);
	return judgement(INS_NOTHING, "no incident is open");
}

static struct ins_judgement judge_open(const struct ins_case *c)
{
	const struct ins_incident *open = c->open;

	switch (open->state) {
	case INS_MARKED:
		if (ins_incident_forced(open) && c->host && !c->host->forced_down)
			return judgement(INS_AGAIN,
					 "reported again, and somebody has released the force-down");
		break;
	case INS_FAILED:
	case INS_INCOMPLETE:
		return judgement(INS_AGAIN, "reported again, and what was tried before failed");
	case INS_RECOVERING:
	case INS_RESTORING:
		if (c->repeated || c->votes.down < c->quorum)
			return judgement(INS_COUNT,
					 "incident %s is on the way back: %s, %u say down, %u are needed",
					 open->id, c->repeated ? "nothing new" : "one more monitor",
					 c->votes.down, c->quorum);
		return judgement(INS_AGAIN, "reported again, before it was taken for over");
	default:
		break;
	}
	return judgement(INS_COUNT, "incident %s is open", open->id);
}

struct ins_judgement ins_judge(const struct ins_case *c)
{
	const struct ins_event *event = c->event;

	if (c->map_known && c->todo && c->match == INS_MATCH_NONE)
		return judgement(INS_REFUSE, "Nova has no nova-compute on a host \"%s\"", event->host);
	if (c->map_known && c->todo && c->match == INS_MATCH_MANY)
		return judgement(INS_REFUSE, "\"%s\" fits several hosts of Nova: name it in full",
				 event->host);
	if (event->status == INS_CLEARED)
		return judge_cleared(c);
	if (c->open)
		return judge_open(c);
	if (!c->todo)
		return judgement(INS_RECORD, "the policy of \"%.64s\" is to record it", event->type);
	if (!c->map_known)
		return judgement(INS_RESOLVE, "not among the hosts last read, and Nova does not tell now");
	if (ins_event_is_host(event) && c->host->forced_down)
		return judgement(INS_ACT, "reported down; forced down in Nova before, its servers are seen "
					  "to all the same");
	return judgement(INS_ACT, "reported %s by %s", ins_event_is_host(event) ? "down" : event->type,
			 event->monitor[0] ? event->monitor : "a monitor");
}
