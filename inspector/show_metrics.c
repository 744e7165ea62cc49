// SPDX-License-Identifier: Apache-2.0
/* What GET /metrics shows: the state of the inspector, gathered for metrics.c. */
#include "inspector/inspector_private.h"

static void count_incidents(struct ins_inspector *s, struct ins_metrics_view *v)
{
	for (struct ins_incident *i = s->first; i; i = i->next) {
		v->states[i->state]++;
		if (i->state == INS_HELD)
			v->held[i->hold]++;
		ins_metrics_sweep(s->metrics, i);
		for (size_t n = 0; n < i->action_count; n++) {
			const struct ins_action *a = i->actions[n];

			v->sent[a->kind] += a->state == INS_SENT;
			v->waiting[a->kind] += a->state == INS_PENDING || a->state == INS_PAUSED;
		}
	}
}

static void take_map(const struct ins_inspector *s, struct ins_metrics_view *v)
{
	const struct ins_nova_health h = ins_nova_health(s->nova);
	const struct ins_map *map = ins_nova_map(s->nova);

	v->hosts = map->count;
	v->servers = map->vm_count;
	v->map_age = h.age;
	v->map_stale = h.stale;
}

/* What the brake limits: the cloud, and each zone or aggregate. NULL: out of memory. */
static struct ins_metric_scope *scopes_of(const struct ins_inspector *s,
					  const struct ins_brake_counts *counts, size_t *ret_count)
{
	const struct ins_brake_conf *c = counts->conf;
	size_t groups = ins_groups_count(counts->groups);
	struct ins_metric_scope *scopes = calloc(1 + groups, sizeof(*scopes));

	if (!scopes)
		return NULL;
	scopes[0] = (struct ins_metric_scope){ "cloud", "", counts->cloud.marked,
					       ins_brake_limit(&c->cloud, counts->hosts) };
	for (size_t n = 0; n < groups; n++) {
		const struct ins_group *g = ins_groups_get(counts->groups, n);

		scopes[1 + n] = (struct ins_metric_scope){ c->per == INS_PER_ZONE ? "zone" : "aggregate",
							   g->name, counts->of[n].marked,
							   ins_brake_limit(&c->group, g->hosts) };
	}
	*ret_count = 1 + groups;
	return scopes;
}

static void print(const struct ins_inspector *s, struct ins_metrics_view *v, struct dr_buf *b)
{
	DR_AUTO_FREE struct ins_metric_scope *scopes = NULL;
	DR_AUTO(ins_brake_counts_done) struct ins_brake_counts counts = {};
	struct ins_north_counters north;
	struct ins_bus_health bus;

	if (!ins_count_marked(s, &counts))
		scopes = scopes_of(s, &counts, &v->scope_count);
	if (!scopes) {
		b->error = -ENOMEM;
		return;
	}
	v->scopes = scopes;
	if (ins_bus_health(s->bus, &bus))
		v->bus = &bus;
	if (s->north) {
		north = ins_north_counters(s->north);
		v->north = &north;
	}
	ins_metrics_print(b, v);
}

void ins_inspector_metrics(struct ins_inspector *s, uint64_t requests_refused, uint64_t requests_not_admitted,
			   struct dr_buf *b)
{
	struct ins_metrics_view v = {
		.metrics = s->metrics,
		.healthy = ins_is_healthy(s),
		.dry_run = s->config->dry_run,
		.fence = ins_fence_method_names[s->config->fence.method],
		.taken = s->taken,
		.refused = s->refused,
		.ignored = s->ignored,
		.repeated = s->repeated,
		.queued = s->queue_count,
		.queue_limit = s->config->queue,
		.requests_refused = requests_refused,
		.requests_not_admitted = requests_not_admitted,
		.votes = ins_evidence_size(s->evidence),
		.votes_dropped = ins_evidence_dropped(s->evidence),
		.maintenance = ins_maintenance_hosts(&s->maintenance),
		.journal = ins_journal_health(s->journal),
	};

	ins_brake_expire(&s->brake, &s->config->brake, dr_mono_now());
	count_incidents(s, &v);
	take_map(s, &v);
	print(s, &v, b);
}
