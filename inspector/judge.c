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
	if (c->open && ins_votes_back(&c->votes, c->quorum, c->open->quorate))
		return judgement(INS_CLEAR, "the monitor hears the host again");
	if (c->open)
		return judgement(INS_DISSENT,
				 "one monitor hears the host, %u say that it is down, %u are needed",
				 c->votes.down, c->quorum);
	if (c->host && c->host->forced_down)
		return judgement(INS_IGNORE,
				 "no incident is open here, but Nova has the host forced down: openstack "
				 "compute service set --up %s nova-compute",
				 c->host->name);
	return judgement(INS_NOTHING, "no incident is open");
}

struct ins_judgement ins_judge(const struct ins_case *c)
{
	const struct ins_event *event = c->event;

	if (c->map_known && c->match == INS_MATCH_NONE)
		return judgement(INS_REFUSE, "Nova has no nova-compute on a host \"%s\"", event->host);
	if (c->map_known && c->match == INS_MATCH_MANY)
		return judgement(INS_REFUSE, "\"%s\" fits several hosts of Nova: name it in full",
				 event->host);
	if (ins_event_is_recovery(event))
		return judge_cleared(c);
	if (event->status == INS_CLEARED || strcmp(event->type, "compute.host.down"))
		return judgement(INS_IGNORE, "type \"%.64s\" is no verdict on the host as a whole",
				 event->type);
	if (c->open && (c->open->state == INS_FAILED || c->open->state == INS_INCOMPLETE))
		return judgement(INS_AGAIN, "reported again, and what was tried before failed");
	if (c->open)
		return judgement(INS_COUNT, "incident %s is open", c->open->id);
	if (!c->map_known)
		return judgement(INS_RESOLVE, "not among the hosts last read, and Nova does not tell now");
	if (c->host->forced_down)
		return judgement(INS_ACT, "reported down; forced down in Nova before, its servers are seen "
					  "to all the same");
	return judgement(INS_ACT, "reported down by %s", event->monitor[0] ? event->monitor : "a monitor");
}
