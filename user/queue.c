/* SPDX-License-Identifier: Apache-2.0 */
#include <string.h>

#include "doctor/buf.h"
#include "user/queue.h"

int mon_queue_init(struct mon_queue *q, size_t cap)
{
	*q = (struct mon_queue){ .cap = cap };
	q->faults = calloc(cap, sizeof(*q->faults));
	return q->faults ? 0 : -ENOMEM;
}

void mon_queue_done(struct mon_queue *q)
{
	free(q->faults);
	*q = (struct mon_queue){ 0 };
}

static void remove_at(struct mon_queue *q, size_t i)
{
	memmove(&q->faults[i], &q->faults[i + 1], (q->count - i - 1) * sizeof(*q->faults));
	q->count--;
}

static bool superseded(const struct mon_queue *q, size_t i, const struct mon_fault *newest)
{
	if (strcmp(q->faults[i].host, newest->host) == 0)
		return true;
	for (size_t k = i + 1; k < q->count; k++) {
		if (strcmp(q->faults[i].host, q->faults[k].host) == 0)
			return true;
	}
	return false;
}

bool mon_queue_push(struct mon_queue *q, const struct mon_fault *f, bool keep_first,
		    struct mon_fault *ret_dropped)
{
	bool full = q->count == q->cap;

	if (full) {
		size_t begin = keep_first && q->count > 1 ? 1 : 0, i = begin;
		while (i < q->count && !superseded(q, i, f))
			i++;
		if (i == q->count)
			i = begin;
		*ret_dropped = q->faults[i];
		remove_at(q, i);
		q->dropped++;
	}
	q->faults[q->count++] = *f;
	return full;
}

const struct mon_fault *mon_queue_first(const struct mon_queue *q)
{
	return q->count ? &q->faults[0] : NULL;
}

void mon_queue_pop(struct mon_queue *q)
{
	remove_at(q, 0);
}

struct dr_json *mon_fault_json(const struct mon_fault *f, const char *monitor, const char *run)
{
	bool up = f->verdict == DR_VERDICT_UP;
	char when[DR_TIME_STR_MAX], id[MON_NAME_MAX + 64];
	struct dr_json *events = dr_json_array(), *e = dr_json_push_object(events), *details;

	snprintf(id, sizeof(id), "%s-%s-%llu", monitor, run, (unsigned long long)f->number);
	dr_json_add_str(e, "time", dr_wall_format(f->when, when));
	dr_json_add_str(e, "type", up ? "compute.host.up" : "compute.host.down");
	details = dr_json_add_object(e, "details");
	dr_json_add_str(details, "hostname", f->host);
	dr_json_add_str(details, "status", up ? "up" : "down");
	dr_json_add_str(details, "monitor", monitor);
	dr_json_add_str(details, "monitor_event_id", id);
	return events;
}

enum mon_delivery mon_delivery_of(int error, unsigned status)
{
	if (error)
		return MON_RETRY;
	if (status >= 200 && status < 300)
		return MON_DELIVERED;
	/* the event itself is at fault; everything else (credentials, path, load) may yet be mended */
	if (status == 400 || status == 413 || status == 422)
		return MON_REFUSED;
	return MON_RETRY;
}

struct dr_dur mon_retry_pause(unsigned n, uint32_t random)
{
	int64_t ms = n >= 7 ? 5000 : DR_MIN(5000, 100 << (n ? n - 1 : 0));

	return (struct dr_dur){ ms * DR_NSEC_PER_MSEC * (75 + random % 51) / 100 };
}
