// SPDX-License-Identifier: Apache-2.0
#include <assert.h>
#include <string.h>

#include "inspector/source.h"

/* ---------------------------------------------------------------- a set */

static bool same_fault(const struct ins_event *a, const struct ins_event *b)
{
	return !strcmp(a->host, b->host) && !strcmp(a->type, b->type) && !strcmp(a->subject, b->subject);
}

static bool same_row(const struct ins_event *a, const struct ins_event *b)
{
	return same_fault(a, b) && !strcmp(a->monitor, b->monitor);
}

static struct ins_event *find_row(struct ins_event *rows, size_t count, const struct ins_event *like)
{
	for (size_t n = 0; n < count; n++)
		if (same_row(&rows[n], like))
			return &rows[n];
	return NULL;
}

/* Sent before, word for word. */
static bool unchanged(const struct ins_set *last, const struct ins_event *e)
{
	const struct ins_event *row = find_row(last->rows, last->count, e);

	return row && row->status == e->status && !strcmp(row->id, e->id) && !strcmp(row->time, e->time);
}

/* No monitor has this fault any more, and its own does not say so itself. */
static bool left_out(const struct ins_events *now, const struct ins_event *row)
{
	for (size_t n = 0; n < now->count; n++)
		if (same_row(&now->items[n], row) ||
		    (now->items[n].status == INS_FAULT && same_fault(&now->items[n], row)))
			return false;
	return true;
}

int ins_set_difference(const struct ins_set *last, const struct ins_events *now, struct ins_events *ret,
		       size_t *ret_same)
{
	struct ins_events d;
	size_t same = 0;
	int r = ins_events_alloc(last->count + now->count, &d);

	if (r)
		return r;
	for (size_t n = 0; n < last->count; n++) {
		if (!left_out(now, &last->rows[n]))
			continue;
		d.items[d.count] = last->rows[n];
		d.items[d.count].status = INS_CLEARED;
		d.items[d.count].time[0] = '\0'; /* of the fault, not of its end */
		d.places[d.count++].implied = true;
	}
	for (size_t n = 0; n < now->count; n++) {
		if (unchanged(last, &now->items[n])) {
			same++;
			continue;
		}
		d.items[d.count] = now->items[n];
		d.places[d.count++] = now->places[n];
	}
	*ret = d;
	*ret_same = same;
	return 0;
}

void ins_set_apply(struct ins_set *set, const struct ins_event *e)
{
	struct ins_event *row = find_row(set->rows, set->count, e);

	if (e->status == INS_CLEARED) {
		if (row)
			*row = set->rows[--set->count];
		return;
	}
	if (!row) {
		assert(set->count < set->cap);
		row = &set->rows[set->count++];
	}
	*row = *e;
}

/* ---------------------------------------------------------------- all of them */

static struct ins_source *find_source(const struct ins_sources *s, const char *id)
{
	for (struct ins_source *source = s->first; source; source = source->next)
		if (!strcmp(source->id, id))
			return source;
	return NULL;
}

const struct ins_set *ins_sources_set(const struct ins_sources *s, const char *id)
{
	static const struct ins_set empty;
	const struct ins_source *source = find_source(s, id);

	return source ? &source->set : &empty;
}

static void source_free(struct ins_source *source)
{
	free(source->set.rows);
	free(source);
}

void ins_sources_done(struct ins_sources *s)
{
	struct ins_source *next;

	for (struct ins_source *source = s->first; source; source = next) {
		next = source->next;
		source_free(source);
	}
	*s = (struct ins_sources){};
}

static size_t count_rows(const struct ins_sources *s)
{
	size_t count = 0;

	for (const struct ins_source *source = s->first; source; source = source->next)
		count += source->set.count;
	return count;
}

static size_t count_added(const struct ins_set *set, const struct ins_events *changes)
{
	size_t count = 0;

	for (size_t n = 0; n < changes->count; n++)
		count += changes->items[n].status == INS_FAULT &&
			 !find_row(set->rows, set->count, &changes->items[n]);
	return count;
}

static int reserve(struct ins_set *set, size_t cap)
{
	void *rows;

	if (cap <= set->cap)
		return 0;
	rows = reallocarray(set->rows, cap, sizeof(*set->rows));
	if (!rows)
		return -ENOMEM;
	set->rows = rows;
	set->cap = cap;
	return 0;
}

int ins_sources_enter(struct ins_sources *s, const char *id, const struct ins_events *changes,
		      struct ins_source **ret)
{
	size_t added = count_added(ins_sources_set(s, id), changes);
	struct ins_source *source = find_source(s, id), *fresh = NULL;

	if (added && count_rows(s) + added > INS_ROWS_MAX)
		return 1;
	if (!source) {
		source = fresh = calloc(1, sizeof(*source));
		if (!source)
			return -ENOMEM;
		snprintf(source->id, sizeof(source->id), "%s", id);
	}
	if (reserve(&source->set, source->set.count + added)) {
		if (fresh)
			source_free(fresh);
		return -ENOMEM;
	}
	if (fresh) {
		fresh->next = s->first;
		s->first = fresh;
	}
	source->turn++;
	source->requests++;
	*ret = source;
	return 0;
}

/* Memory that many faults once needed is not kept for the few that are left. */
static void shrink(struct ins_set *set)
{
	void *rows = reallocarray(set->rows, set->count, sizeof(*set->rows));

	if (!rows)
		return;
	set->rows = rows;
	set->cap = set->count;
}

void ins_sources_leave(struct ins_sources *s, struct ins_source *source)
{
	struct ins_source **link = &s->first;

	if (--source->requests)
		return;
	if (source->set.count) {
		shrink(&source->set);
		return;
	}
	while (*link != source)
		link = &(*link)->next;
	*link = source->next;
	source_free(source);
}

static int refuse_id(struct ins_refusal *to, const char *reason)
{
	snprintf(to->position, sizeof(to->position), "path");
	snprintf(to->reason, sizeof(to->reason), "%s", reason);
	return 1;
}

int ins_source_id(const char *text, size_t len, char ret[INS_SOURCE_MAX], struct ins_refusal *ret_refusal)
{
	static const char allowed[] = "ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz0123456789-._";

	if (!len || len >= INS_SOURCE_MAX)
		return refuse_id(ret_refusal, "the id of a data source has 1 to 64 characters");
	if (strspn(text, allowed) < len)
		return refuse_id(ret_refusal,
				 "the id of a data source has letters, digits, '-', '.' and '_' only");
	memcpy(ret, text, len);
	ret[len] = '\0';
	return 0;
}
