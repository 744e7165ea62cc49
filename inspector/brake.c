// SPDX-License-Identifier: Apache-2.0
#include <string.h>

#include "doctor/buf.h"
#include "inspector/brake.h"

void ins_brake_done(struct ins_brake *b)
{
	free(b->items);
	*b = (struct ins_brake){};
}

size_t ins_brake_limit(const struct ins_brake_share *s, size_t hosts_known)
{
	size_t share = hosts_known * s->share_permille / 1000;

	return DR_MAX((size_t)s->hosts, share);
}

static void take_out(struct ins_brake *b, size_t i)
{
	b->count--;
	memmove(b->items + i, b->items + i + 1, (b->count - i) * sizeof(*b->items));
}

void ins_brake_expire(struct ins_brake *b, const struct ins_brake_conf *c, struct dr_mono now)
{
	size_t gone = 0;

	while (gone < b->count && dr_mono_sub(now, b->items[gone].at).ns >= c->window.ns)
		gone++;
	if (!gone)
		return;
	b->count -= gone;
	memmove(b->items, b->items + gone, b->count * sizeof(*b->items));
}

static size_t find(const struct ins_brake *b, const char *host)
{
	size_t i = 0;

	while (i < b->count && strcmp(b->items[i].host, host))
		i++;
	return i;
}

bool ins_brake_has(const struct ins_brake *b, const char *host)
{
	return find(b, host) < b->count;
}

int ins_brake_add(struct ins_brake *b, const char *host, struct dr_mono now)
{
	struct ins_braked item = { .at = now };
	size_t i = find(b, host);

	if (dr_strcpy(item.host, sizeof(item.host), host))
		return -EINVAL;
	if (i < b->count)
		take_out(b, i);
	else if (b->count == INS_BRAKE_MAX)
		take_out(b, 0);
	if (b->count == b->cap) {
		size_t cap = b->cap ? b->cap * 2 : 16;
		void *p = reallocarray(b->items, cap, sizeof(*b->items));

		if (!p)
			return -ENOMEM;
		b->items = p;
		b->cap = cap;
	}
	b->items[b->count++] = item;
	return 0;
}

/* ---------------------------------------------------------------- counts */

int ins_brake_counts_init(struct ins_brake_counts *n, const struct ins_brake_conf *conf,
			  const struct ins_brake *b, const struct ins_groups *groups, size_t hosts)
{
	size_t count = ins_groups_count(groups);
	struct ins_brake_count *of = NULL;

	if (count) {
		of = calloc(count, sizeof(*of));
		if (!of)
			return -ENOMEM;
	}
	*n = (struct ins_brake_counts){ .conf = conf, .groups = groups, .hosts = hosts, .of = of };
	for (size_t i = 0; i < b->count; i++)
		ins_brake_counts_mark(n, b->items[i].host, b->items[i].at);
	return 0;
}

void ins_brake_counts_done(struct ins_brake_counts *n)
{
	free(n->of);
	*n = (struct ins_brake_counts){};
}

void ins_brake_counts_ask(struct ins_brake_counts *n, const char *host)
{
	size_t groups[INS_GROUPS_OF_HOST_MAX], count = ins_groups_of(n->groups, host, groups);

	n->cloud.asking++;
	for (size_t i = 0; i < count; i++)
		n->of[groups[i]].asking++;
}

void ins_brake_counts_withdraw(struct ins_brake_counts *n, const char *host)
{
	size_t groups[INS_GROUPS_OF_HOST_MAX], count = ins_groups_of(n->groups, host, groups);

	n->cloud.asking--;
	for (size_t i = 0; i < count; i++)
		n->of[groups[i]].asking--;
}

static void mark(struct ins_brake_count *c, struct dr_mono at)
{
	if (!c->marked++)
		c->oldest = at;
}

void ins_brake_counts_mark(struct ins_brake_counts *n, const char *host, struct dr_mono now)
{
	size_t groups[INS_GROUPS_OF_HOST_MAX], count = ins_groups_of(n->groups, host, groups);

	mark(&n->cloud, now);
	for (size_t i = 0; i < count; i++)
		mark(&n->of[groups[i]], now);
}

static struct dr_dur left_of(const struct ins_brake_counts *n, const struct ins_brake_count *c,
			     struct dr_mono now)
{
	struct dr_dur age = dr_mono_sub(now, c->oldest);

	if (!c->marked)
		return (struct dr_dur){ -1 };
	return (struct dr_dur){ DR_MAX(n->conf->window.ns - age.ns, 0LL) };
}

static struct ins_brake_scope scope_of(const struct ins_brake_counts *n, const struct ins_brake_count *c,
				       const struct ins_brake_share *share, size_t hosts, bool asks,
				       struct dr_mono now)
{
	return (struct ins_brake_scope){
		.limit = ins_brake_limit(share, hosts),
		.marked = c->marked,
		.asking = c->asking - asks,
		.left = left_of(n, c, now),
	};
}

size_t ins_brake_scopes(const struct ins_brake_counts *n, const char *host, bool asks, struct dr_mono now,
			struct ins_brake_scope ret[INS_BRAKE_SCOPES_MAX])
{
	size_t groups[INS_GROUPS_OF_HOST_MAX], count = ins_groups_of(n->groups, host, groups);

	ret[0] = scope_of(n, &n->cloud, &n->conf->cloud, n->hosts, asks, now);
	for (size_t i = 0; i < count; i++) {
		const struct ins_group *g = ins_groups_get(n->groups, groups[i]);

		ret[1 + i] = scope_of(n, &n->of[groups[i]], &n->conf->group, g->hosts, asks, now);
		ret[1 + i].kind = n->conf->per == INS_PER_ZONE ? "zone" : "aggregate";
		ret[1 + i].name = g->name;
	}
	return 1 + count;
}
