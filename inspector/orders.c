// SPDX-License-Identifier: Apache-2.0
/* What people order: to act on what is held, and that hosts are worked on. */
#include <string.h>

#include "doctor/log.h"
#include "inspector/inspector_private.h"

struct ins_incident *ins_find_id(const struct ins_inspector *s, const char *id)
{
	struct ins_incident *i = s->first;

	while (i && strcmp(i->id, id))
		i = i->next;
	return i;
}

int ins_inspector_release(struct ins_inspector *s, const char *id, const char *by, const char **ret_state)
{
	struct ins_incident *i = ins_find_id(s, id);
	char reason[128];

	if (!i)
		return 1;
	*ret_state = ins_state_name(i->state);
	if (i->state != INS_HELD)
		return 2;
	if (i->released)
		return 0;
	i->released = true;
	s->metrics->releases++;
	snprintf(reason, sizeof(reason), "released by a person (%.64s)", by);
	ins_incident_step(i, dr_wall_now(), reason);
	ins_journal_incident(s->journal, i);
	dr_warning("host=%s incident=%s is released by=%s and marked down, although it was held", i->host,
		   i->id, by);
	ins_schedule(s);
	return 0;
}

/* The host that a person means, by Nova's name. */
static bool host_of(const struct ins_inspector *s, const char *named, const char **ret_name, char why[384])
{
	struct ins_host *h = NULL;

	switch (ins_map_resolve(ins_nova_map(s->nova), named, &h)) {
	case INS_MATCH_ONE:
		*ret_name = h->name;
		return true;
	case INS_MATCH_NONE:
		snprintf(why, 384, "Nova has no nova-compute on a host \"%.256s\"", named);
		break;
	case INS_MATCH_MANY:
		snprintf(why, 384, "\"%.256s\" fits several hosts of Nova: name it in full", named);
		break;
	}
	return false;
}

int ins_inspector_maintain(struct ins_inspector *s, const char *host, struct ins_upkeep *u, const char *by,
			   char why[384])
{
	char until[DR_TIME_STR_MAX];
	const char *name;
	int r;

	if (!host_of(s, host, &name, why))
		return 1;
	snprintf(u->host, sizeof(u->host), "%s", name);
	r = ins_maintenance_set(&s->maintenance, u);
	if (r)
		return r;
	dr_info("maintenance host=%s until=%s by=%s: %s", u->host, dr_wall_format(u->until_wall, until), by,
		u->reason);
	ins_journal_upkeep(s->journal, u);
	for (struct ins_incident *i = s->first; i; i = i->next)
		if (i->released && !ins_state_ended(i->state) && !strcmp(i->host, u->host)) {
			i->released = false; /* who released it did not know of this */
			ins_journal_incident(s->journal, i);
		}
	ins_schedule(s);
	return 0;
}

int ins_inspector_maintained(struct ins_inspector *s, const char *host, bool alarm, const char *by,
			     char why[384])
{
	bool known = host_of(s, host, &host, why), ended;

	/* one that Nova has forgotten meanwhile by the name that it had */
	ended = ins_maintenance_end(&s->maintenance, host, true);
	if (!alarm)
		ended |= ins_maintenance_end(&s->maintenance, host, false);
	if (ended) {
		ins_journal_drop_upkeep(s->journal, host, true);
		if (!alarm)
			ins_journal_drop_upkeep(s->journal, host, false);
		dr_info("maintenance is over host=%s by=%s", host, by);
		ins_schedule(s);
		return 0;
	}
	if (!known)
		return 1;
	snprintf(why, 384, "%.256s is not in maintenance", host);
	return 2;
}
