// SPDX-License-Identifier: Apache-2.0
#include <string.h>

#include "inspector/event.h"

size_t ins_host_span(const char *name)
{
	return strspn(name, "ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz0123456789-._");
}

bool ins_event_is_recovery(const struct ins_event *e)
{
	return e->status == INS_CLEARED &&
	       (!strcmp(e->type, "compute.host.up") || !strcmp(e->type, "compute.host.down"));
}

bool ins_event_same(const struct ins_event *a, const struct ins_event *b)
{
	/* there are monitors whose ids never change */
	return a->id[0] && a->time[0] && a->status == b->status && !strcmp(a->id, b->id) &&
	       !strcmp(a->time, b->time) && !strcmp(a->type, b->type) && !strcmp(a->host, b->host) &&
	       !strcmp(a->monitor, b->monitor);
}
