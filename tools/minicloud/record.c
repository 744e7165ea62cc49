/* SPDX-License-Identifier: Apache-2.0 */
#include "tools/minicloud/record.h"

#include <stdio.h>
#include <string.h>

static void record_free(struct mc_record *r)
{
	if (!r)
		return;
	free(r->service);
	free(r->method);
	free(r->path);
	free(r->caller_id);
	free(r);
}
DR_DEFINE_FREEP(struct mc_record, record_free)

void mc_records_init(struct mc_records *r)
{
	*r = (struct mc_records){ 0 };
	TAILQ_INIT(&r->list);
}

static void drop_first(struct mc_records *r)
{
	struct mc_record *first = TAILQ_FIRST(&r->list);

	TAILQ_REMOVE(&r->list, first, entry);
	r->count--;
	record_free(first);
}

void mc_records_clear(struct mc_records *r)
{
	while (r->count)
		drop_first(r);
}

uint64_t mc_records_add(struct mc_records *r, const struct mc_request_seen *q)
{
	DR_AUTO(record_freep) struct mc_record *n = calloc(1, sizeof(*n));

	if (!n)
		return 0;
	n->received = q->received;
	n->service = strdup(q->service);
	n->method = strdup(q->method);
	n->path = strdup(q->path);
	n->caller_id = strdup(q->caller_id ? q->caller_id : "");
	if (!n->service || !n->method || !n->path || !n->caller_id)
		return 0;
	snprintf(n->body, sizeof(n->body), "%s", q->body);
	n->number = ++r->numbers;
	TAILQ_INSERT_TAIL(&r->list, n, entry);
	n = NULL;
	if (++r->count > MC_RECORDS_MAX)
		drop_first(r);
	return r->numbers;
}

struct mc_record *mc_records_find(struct mc_records *r, uint64_t number)
{
	struct mc_record *n;

	if (!number)
		return NULL;
	TAILQ_FOREACH_REVERSE(n, &r->list, mc_record_list, entry) /* it is one of the last */
	if (n->number == number)
		return n;
	return NULL;
}

struct dr_json *mc_records_json(const struct mc_records *r, uint64_t after)
{
	struct dr_json *body = dr_json_object(), *list = dr_json_add_array(body, "requests");
	const struct mc_record *n;
	char time[DR_TIME_STR_MAX];

	TAILQ_FOREACH(n, &r->list, entry)
	{
		struct dr_json *o;

		if (n->number <= after)
			continue;
		o = dr_json_push_object(list);
		dr_json_add_int(o, "number", (int64_t)n->number);
		dr_json_add_str(o, "received", dr_wall_format(n->received, time));
		dr_json_add_str(o, "service", n->service);
		dr_json_add_str(o, "method", n->method);
		dr_json_add_str(o, "path", n->path);
		dr_json_add_str(o, "request_id", n->caller_id);
		dr_json_add_str(o, "body", n->body);
		dr_json_add_int(o, "status", n->status);
		dr_json_add_int(o, "answer", n->answer);
		dr_json_add_str(o, "fault", n->fault);
	}
	return body;
}
