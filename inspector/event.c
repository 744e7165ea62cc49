// SPDX-License-Identifier: Apache-2.0
#include <string.h>

#include "inspector/event.h"

bool ins_event_is_host(const struct ins_event *e)
{
	return !strcmp(e->type, "compute.host.up") || !strcmp(e->type, INS_HOST_DOWN);
}

size_t ins_host_span(const char *name)
{
	return strspn(name, "ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz0123456789-._");
}

bool ins_event_is_recovery(const struct ins_event *e)
{
	return e->status == INS_CLEARED && ins_event_is_host(e);
}

char *ins_event_fault(const struct ins_event *e, char ret[INS_FAULT_MAX])
{
	if (ins_event_is_host(e))
		snprintf(ret, INS_FAULT_MAX, "%s", INS_HOST_DOWN);
	else
		snprintf(ret, INS_FAULT_MAX, "%s%s%s", e->type, e->subject[0] ? " " : "", e->subject);
	return ret;
}

bool ins_event_same(const struct ins_event *a, const struct ins_event *b)
{
	/* there are monitors whose ids never change */
	return a->id[0] && a->time[0] && a->status == b->status && !strcmp(a->id, b->id) &&
	       !strcmp(a->time, b->time) && !strcmp(a->type, b->type) && !strcmp(a->subject, b->subject) &&
	       !strcmp(a->host, b->host) && !strcmp(a->monitor, b->monitor);
}
