// SPDX-License-Identifier: Apache-2.0
#include <string.h>

#include "inspector/policy.h"

#define OTHER "other"

/* What a site need not say. */
static const struct {
	const char *type;
	enum ins_severity severity;
	unsigned actions;
} defaults[] = {
	{ INS_HOST_DOWN, INS_CRITICAL,
	  INS_DO_FENCE | INS_DO_FORCE_DOWN | INS_DO_RESET | INS_DO_PORTS | INS_DO_NOTIFY },
	{ "compute.host.nic.error", INS_CRITICAL, INS_DO_PORTS | INS_DO_NOTIFY },
	{ "compute.host.degraded", INS_WARNING, 0 },
	{ "doctor.monitor.isolated", INS_WARNING, 0 },
	{ "doctor.monitor.blind", INS_WARNING, 0 },
};

static const struct {
	const char *name;
	unsigned flag;
} actions[] = {
	{ "fence", INS_DO_FENCE }, { "force_down", INS_DO_FORCE_DOWN }, { "reset_state", INS_DO_RESET },
	{ "ports", INS_DO_PORTS }, { "notify", INS_DO_NOTIFY },
};

void ins_policies_done(struct ins_policies *p)
{
	for (size_t i = 0; i < p->count; i++)
		free(p->items[i].type);
	free(p->items);
	*p = (struct ins_policies){};
}

static unsigned read_actions(struct dr_conf *f, struct dr_conf_node *map, unsigned fallback)
{
	struct dr_conf_node *list = dr_conf_list(f, map, "actions");
	unsigned flags = 0;

	if (!list)
		return fallback;
	for (size_t i = 0; i < dr_conf_count(list); i++) {
		const char *name = dr_conf_scalar(dr_conf_item(list, i));
		size_t n = 0;

		while (n < DR_ARRAY_SIZE(actions) && (!name || strcmp(name, actions[n].name)))
			n++;
		if (n < DR_ARRAY_SIZE(actions))
			flags |= actions[n].flag;
		else
			dr_conf_error(f, dr_conf_item(list, i),
				      "\"%s\" is none of fence, force_down, reset_state, ports, notify",
				      name ? name : "");
	}
	if ((flags & INS_DO_FENCE) && !(flags & INS_DO_FORCE_DOWN))
		dr_conf_error(f, list, "a host that is fenced is down: force_down is missing");
	return flags;
}

static void read_policy(struct dr_conf *f, struct dr_conf_node *faults, const char *key, struct ins_policy *p)
{
	static const char *const names[] = { "info", "warning", "critical", "monitor", NULL };
	struct dr_conf_node *map = dr_conf_map(f, faults, key);
	int severity = p->own_severity ? (int)p->severity : 3;

	dr_conf_enum(f, map, "severity", names, severity, &severity);
	p->own_severity = severity != 3;
	p->severity = p->own_severity ? (enum ins_severity)severity : INS_WARNING;
	p->actions = read_actions(f, map, p->actions);
	dr_conf_check_keys(f, map);
}

static int add(struct ins_policies *p, const char *type, const struct ins_policy *like)
{
	struct ins_policy *to = &p->items[p->count];

	*to = *like;
	to->type = NULL;
	if (type) {
		to->type = strdup(type);
		if (!to->type)
			return -ENOMEM;
	}
	p->count++;
	return 0;
}

static bool is_default(const char *type)
{
	for (size_t i = 0; i < DR_ARRAY_SIZE(defaults); i++)
		if (!strcmp(type, defaults[i].type))
			return true;
	return false;
}

/* Of a type of its own; those that are known without it have been read. */
static int read_more(struct dr_conf *f, struct dr_conf_node *faults, const char *key, struct ins_policies *p)
{
	static const struct ins_policy recorded = { .severity = INS_WARNING };
	int r;

	if (!strcmp(key, OTHER) || is_default(key))
		return 0;
	r = add(p, key, &recorded);
	if (!r)
		read_policy(f, faults, key, &p->items[p->count - 1]);
	if (!strcmp(key, "compute.host.up"))
		dr_conf_error(f, dr_conf_get(f, faults, key), "is no fault but the end of " INS_HOST_DOWN);
	return r;
}

int ins_policies_read(struct dr_conf *f, struct dr_conf_node *root, struct ins_policies *ret)
{
	static const struct ins_policy other = { .severity = INS_WARNING };
	struct dr_conf_node *faults = dr_conf_map(f, root, "faults");
	DR_AUTO(ins_policies_done) struct ins_policies p = {};
	int r = 0;

	p.items = calloc(DR_ARRAY_SIZE(defaults) + dr_conf_count(faults) + 1, sizeof(*p.items));
	if (!p.items)
		return -ENOMEM;
	for (size_t i = 0; !r && i < DR_ARRAY_SIZE(defaults); i++) {
		const struct ins_policy like = { .severity = defaults[i].severity,
						 .own_severity = true,
						 .actions = defaults[i].actions };

		r = add(&p, defaults[i].type, &like);
		if (!r)
			read_policy(f, faults, defaults[i].type, &p.items[i]);
	}
	for (size_t i = 0; !r && i < dr_conf_count(faults); i++)
		r = read_more(f, faults, dr_conf_key(faults, i), &p);
	if (!r)
		r = add(&p, NULL, &other);
	if (r)
		return r;
	read_policy(f, faults, OTHER, &p.items[p.count - 1]);
	dr_conf_check_keys(f, faults);
	*ret = p;
	p = (struct ins_policies){};
	return 0;
}

const struct ins_policy *ins_policy_of(const struct ins_policies *p, const struct ins_event *e)
{
	const char *type = ins_event_is_host(e) ? INS_HOST_DOWN : e->type;
	size_t i = 0;

	while (p->items[i].type && strcmp(p->items[i].type, type))
		i++;
	return &p->items[i];
}
