// SPDX-License-Identifier: Apache-2.0
#include <string.h>

#include "doctor/buf.h"
#include "inspector/evidence.h"

#define BUCKETS 4096

struct ins_evidence {
	struct ins_vote *buckets[BUCKETS]; /* by key */
	size_t count, max;
	uint64_t dropped;
	ins_evidence_drop_fn on_drop;
	void *userdata;
};

struct ins_evidence *ins_evidence_new(size_t max)
{
	struct ins_evidence *e = calloc(1, sizeof(*e));

	if (e)
		e->max = max;
	return e;
}

void ins_evidence_free(struct ins_evidence *e)
{
	struct ins_vote *next;

	if (!e)
		return;
	for (size_t n = 0; n < BUCKETS; n++)
		for (struct ins_vote *v = e->buckets[n]; v; v = next) {
			next = v->next;
			free(v);
		}
	free(e);
}

char *ins_evidence_key(const char *host, const char *fault, char ret[INS_KEY_MAX])
{
	bool whole = !strcmp(fault, INS_HOST_DOWN);

	snprintf(ret, INS_KEY_MAX, "%s%s%s", host, whole ? "" : " ", whole ? "" : fault);
	return ret;
}

/* FNV-1a */
static size_t bucket_of(const char *key)
{
	uint32_t h = 2166136261U;

	for (; *key; key++)
		h = (h ^ (unsigned char)*key) * 16777619U;
	return h % BUCKETS;
}

/* The link that leads to this vote, or to the end of its bucket. */
static struct ins_vote **find(struct ins_evidence *e, const char *key, const char *monitor)
{
	struct ins_vote **p = &e->buckets[bucket_of(key)];

	while (*p && (strcmp((*p)->key, key) || strcmp((*p)->monitor, monitor)))
		p = &(*p)->next;
	return p;
}

static void drop(struct ins_evidence *e, struct ins_vote **p)
{
	struct ins_vote *v = *p;

	*p = v->next;
	if (e->on_drop)
		e->on_drop(v, e->userdata);
	free(v);
	e->count--;
}

void ins_evidence_on_drop(struct ins_evidence *e, ins_evidence_drop_fn fn, void *userdata)
{
	e->on_drop = fn;
	e->userdata = userdata;
}

/* "Up" says hardly more than nothing does; "down" may be what an incident stands on. */
static bool goes_before(const struct ins_vote *a, const struct ins_vote *b)
{
	if (a->says != b->says)
		return a->says == INS_CLEARED;
	return dr_mono_before(a->received, b->received);
}

static void drop_one(struct ins_evidence *e)
{
	struct ins_vote **first = NULL;

	for (size_t n = 0; n < BUCKETS; n++)
		for (struct ins_vote **p = &e->buckets[n]; *p; p = &(*p)->next)
			if (!first || goes_before(*p, *first))
				first = p;
	if (!first)
		return;
	drop(e, first);
	e->dropped++;
}

static struct ins_vote *add(struct ins_evidence *e, const char *key, const char *monitor)
{
	DR_AUTO_FREE struct ins_vote *v = calloc(1, sizeof(*v));
	struct ins_vote **bucket = &e->buckets[bucket_of(key)];

	if (!v || dr_strcpy(v->key, sizeof(v->key), key))
		return NULL;
	snprintf(v->monitor, sizeof(v->monitor), "%s", monitor);
	if (e->count >= e->max)
		drop_one(e);
	v->next = *bucket;
	*bucket = v;
	e->count++;
	return DR_TAKE_PTR(v);
}

int ins_evidence_take(struct ins_evidence *e, const char *key, const struct ins_event *event,
		      struct dr_mono received, struct dr_wall when, const struct ins_vote **ret_vote)
{
	struct ins_vote *v = *find(e, key, event->monitor);
	bool fresh = !v;

	if (fresh)
		v = add(e, key, event->monitor);
	if (!v)
		return -ENOMEM;
	if (ret_vote)
		*ret_vote = v;
	if (!fresh && dr_mono_before(received, v->received))
		return 0;
	if (fresh || v->says != event->status)
		v->since = received;
	v->says = event->status;
	v->received = received;
	v->when = when;
	memcpy(v->type, event->type, sizeof(v->type));
	return 0;
}

int ins_evidence_restore(struct ins_evidence *e, const struct ins_vote *vote)
{
	struct ins_vote *v = *find(e, vote->key, vote->monitor), *next;

	if (!v)
		v = add(e, vote->key, vote->monitor);
	if (!v)
		return -ENOMEM;
	next = v->next;
	*v = *vote;
	v->next = next;
	return 0;
}

void ins_evidence_rename(struct ins_evidence *e, const char *from, const char *to)
{
	struct ins_vote **p = &e->buckets[bucket_of(from)], **known, *v, *moved = NULL;

	if (!strcmp(from, to))
		return;
	while ((v = *p)) {
		if (strcmp(v->key, from)) {
			p = &v->next;
			continue;
		}
		*p = v->next;
		v->next = moved;
		moved = v;
	}
	while ((v = moved)) {
		moved = v->next;
		known = find(e, to, v->monitor);
		if (*known && !dr_mono_before((*known)->received, v->received)) {
			free(v);
			e->count--;
			continue;
		}
		if (*known)
			drop(e, known);
		if (dr_strcpy(v->key, sizeof(v->key), to)) { /* no name of Nova is that long */
			free(v);
			e->count--;
			continue;
		}
		v->next = e->buckets[bucket_of(to)];
		e->buckets[bucket_of(to)] = v;
	}
}

const struct ins_vote *ins_evidence_next(const struct ins_evidence *e, const char *key,
					 const struct ins_vote *prev)
{
	const struct ins_vote *v = prev ? prev->next : e->buckets[bucket_of(key)];

	while (v && strcmp(v->key, key))
		v = v->next;
	return v;
}

/* Until this vote is stale; negative: never. 0: it is. */
static struct dr_dur left(const struct ins_vote *v, const struct ins_tally *t)
{
	struct dr_dur age = dr_mono_sub(t->now, v->received);

	if (!t->forget.ns)
		return (struct dr_dur){ -1 };
	return (struct dr_dur){ age.ns < t->forget.ns ? t->forget.ns - age.ns : 0 };
}

static bool counts_as_down(const struct ins_vote *v, const struct ins_tally *t)
{
	return v->says == INS_FAULT && (t->keep || left(v, t).ns != 0);
}

struct ins_votes ins_evidence_count(const struct ins_evidence *e, const char *key, const struct ins_tally *t)
{
	struct ins_votes r = { .stale_in = { -1 } };
	struct dr_mono first[INS_QUORUM_MAX]; /* the earliest `quorum` of them, in order */
	size_t n = 0, quorum = DR_MIN(DR_MAX(t->quorum, 1U), (unsigned)INS_QUORUM_MAX);

	for (const struct ins_vote *v = ins_evidence_next(e, key, NULL); v;
	     v = ins_evidence_next(e, key, v)) {
		struct dr_dur stale = left(v, t);
		size_t at;

		if (v->says == INS_CLEARED) {
			r.up += !dr_mono_before(v->received, t->opened);
			continue;
		}
		if (!counts_as_down(v, t))
			continue;
		if (!r.down++ || dr_mono_before(r.last, v->received))
			r.last = v->received;
		r.fresh += stale.ns != 0;
		if (stale.ns > 0 && (r.stale_in.ns < 0 || stale.ns < r.stale_in.ns))
			r.stale_in = stale;
		at = DR_MIN(n, quorum - 1);
		if (n == quorum && !dr_mono_before(v->since, first[at]))
			continue;
		for (; at > 0 && dr_mono_before(v->since, first[at - 1]); at--)
			first[at] = first[at - 1];
		first[at] = v->since;
		n = DR_MIN(n + 1, quorum);
	}
	if (n == quorum)
		r.quorum_since = first[quorum - 1];
	return r;
}

bool ins_votes_back(const struct ins_votes *v, unsigned quorum, bool had_quorum)
{
	return v->up >= quorum || v->down < (had_quorum ? quorum : 1);
}

char *ins_evidence_names(const struct ins_evidence *e, const char *key, const struct ins_tally *t, char *buf,
			 size_t size)
{
	size_t len = 0;

	buf[0] = '\0';
	for (const struct ins_vote *v = ins_evidence_next(e, key, NULL); v && len < size;
	     v = ins_evidence_next(e, key, v))
		if (counts_as_down(v, t))
			len += (size_t)snprintf(buf + len, size - len, "%s%s", len ? ", " : "",
						v->monitor[0] ? v->monitor : "(no name)");
	return buf;
}

size_t ins_evidence_size(const struct ins_evidence *e)
{
	return e->count;
}

uint64_t ins_evidence_dropped(const struct ins_evidence *e)
{
	return e->dropped;
}
