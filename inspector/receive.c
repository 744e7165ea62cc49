// SPDX-License-Identifier: Apache-2.0
#include <string.h>

#include "inspector/control.h"
#include "inspector/receive.h"

/* A body whose events are being looked at; heap, as it may have to wait for Nova's list of computes. */
struct request {
	struct dr_http_exchange *x;
	struct ins_inspector *inspector;
	struct ins_events events;
	bool *known; /* per event: taken, or a duplicate */
	size_t accepted, duplicates;
};

static void request_free(struct request *q)
{
	if (!q)
		return;
	ins_events_done(&q->events);
	free(q->known);
	free(q);
}
DR_DEFINE_FREEP(struct request, request_free)

/* position may be NULL; accepted: events that were taken all the same */
static void reply_error(struct dr_http_exchange *x, unsigned status, const char *position, const char *reason,
			size_t accepted)
{
	struct dr_json *body = dr_json_object(), *error = dr_json_add_object(body, "error");

	dr_json_add_int(error, "code", status);
	dr_json_add_str(error, "message", reason);
	if (position)
		dr_json_add_str(error, "position", position);
	dr_json_add_int(body, "accepted", (int64_t)accepted);
	dr_http_reply_json(x, status, body);
}

static void reply_full(struct dr_http_exchange *x, size_t accepted)
{
	char reason[128];

	snprintf(reason, sizeof(reason),
		 "too many events are waiting, %zu of this request were accepted: send it again", accepted);
	dr_http_set_header(x, "Retry-After", "1");
	reply_error(x, 503, NULL, reason, accepted);
}

static void reply_accepted(const struct request *q)
{
	struct dr_json *body = dr_json_object();

	dr_json_add_int(body, "accepted", (int64_t)q->accepted);
	dr_json_add_int(body, "duplicates", (int64_t)q->duplicates);
	dr_http_reply_json(q->x, 200, body);
}

/* Taken before; perhaps only a moment ago, by the same body or while this one waited. */
static bool is_known(struct request *q, size_t n)
{
	if (!q->known[n] && ins_inspector_seen(q->inspector, &q->events.items[n])) {
		q->known[n] = true;
		q->duplicates++;
	}
	return q->known[n];
}

static void take(struct request *q, size_t n, bool fresh)
{
	ins_inspector_take(q->inspector, &q->events.items[n], fresh);
	q->known[n] = true;
	q->accepted++;
}

/*
 * The events that are left, of hosts not known by just this name. asked: the list of computes is fresh, so
 * what is still unknown is refused; else it is accepted, to be looked up later. Answers the request.
 */
static void settle(struct request *q, bool asked)
{
	struct ins_refusal first = { "", "" };
	char reason[384];

	for (size_t n = 0; n < q->events.count; n++) {
		const struct ins_event *e = &q->events.items[n];

		if (is_known(q, n))
			continue;
		if (asked && ins_inspector_refuses(q->inspector, e, reason)) {
			ins_inspector_refused(q->inspector, e, reason);
			if (!first.position[0]) {
				snprintf(first.position, sizeof(first.position),
					 "events[%zu].details.hostname", n);
				memcpy(first.reason, reason, sizeof(first.reason));
			}
			continue;
		}
		if (!ins_inspector_room(q->inspector)) {
			/* filled up while we asked; what was taken is known, or counted, when sent again */
			reply_full(q->x, q->accepted);
			return;
		}
		take(q, n, asked);
	}
	if (first.position[0])
		reply_error(q->x, 400, first.position, first.reason, q->accepted);
	else
		reply_accepted(q);
}

static void on_reread(int error, void *userdata)
{
	DR_AUTO(request_freep) struct request *q = userdata;

	if (error == -ECANCELED)
		dr_http_reply_error(q->x, 503, "the inspector is stopping");
	else
		settle(q, !error);
}

static void put_events(struct dr_http_exchange *x, struct ins_inspector *s)
{
	DR_AUTO(request_freep) struct request *q = calloc(1, sizeof(*q));
	struct ins_refusal why;
	size_t len, fresh = 0, unknown = 0;
	const char *body = dr_http_body(x, &len);
	int r = q ? ins_events_parse(body, len, &q->events, &why) : -ENOMEM;

	if (r == 1) {
		reply_error(x, 400, why.position, why.reason, 0);
		return;
	}
	if (!r) {
		q->known = calloc(q->events.count + 1, sizeof(*q->known));
		r = q->known ? 0 : -ENOMEM;
	}
	if (r) {
		dr_http_reply_error(x, 503, "out of memory");
		return;
	}
	q->x = x;
	q->inspector = s;

	for (size_t n = 0; n < q->events.count; n++)
		fresh += !is_known(q, n);
	if (fresh > ins_inspector_room(s)) {
		reply_full(x, 0);
		return;
	}
	for (size_t n = 0; n < q->events.count; n++) {
		if (is_known(q, n))
			continue;
		if (ins_inspector_knows(s, &q->events.items[n]))
			take(q, n, false);
		else
			unknown++;
	}
	if (!unknown) {
		reply_accepted(q);
		return;
	}
	/* the host may be new, or one of that name */
	if (ins_nova_reread(ins_inspector_nova(s), on_reread, q)) {
		settle(q, false);
		return;
	}
	dr_http_defer(x);
	(void)DR_TAKE_PTR(q);
}

static void get_health(struct dr_http_exchange *x, struct ins_inspector *s)
{
	bool good;
	struct dr_json *body = ins_inspector_health(s, &good);

	dr_http_reply_json(x, good ? 200 : 503, body);
}

static void get_incidents(struct dr_http_exchange *x, struct ins_inspector *s)
{
	dr_http_reply_json(x, 200, ins_inspector_incidents(s));
}

void ins_receive(struct dr_http_exchange *x, void *userdata)
{
	static const struct {
		const char *path, *methods[3];
		void (*handle)(struct dr_http_exchange *x, struct ins_inspector *s);
		const char *allow;
	} routes[] = {
		{ "/events", { "PUT", "POST" }, put_events, "PUT, POST" },
		{ "/healthz", { "GET" }, get_health, "GET" },
		{ "/v1/incidents", { "GET" }, get_incidents, "GET" },
	};

	for (size_t i = 0; i < DR_ARRAY_SIZE(routes); i++) {
		if (strcmp(routes[i].path, dr_http_path(x)))
			continue;
		for (size_t m = 0; routes[i].methods[m]; m++)
			if (!strcmp(routes[i].methods[m], dr_http_method(x))) {
				routes[i].handle(x, userdata);
				return;
			}
		dr_http_set_header(x, "Allow", routes[i].allow);
		dr_http_reply_error(x, 405, "%s takes %s", routes[i].path, routes[i].allow);
		return;
	}
	if (!ins_control(x, userdata))
		dr_http_reply_error(x, 404, "there is nothing at this path; events go to /events");
}
