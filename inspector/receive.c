// SPDX-License-Identifier: Apache-2.0
#include <string.h>
#include <sys/queue.h>

#include "doctor/log.h"
#include "inspector/alarm.h"
#include "inspector/control.h"
#include "inspector/metrics.h"
#include "inspector/page.h"
#include "inspector/receive.h"
#include "inspector/source.h"

struct ins_receiver {
	struct dr_loop *loop;
	struct ins_inspector *inspector;
	const struct ins_config *config;
	struct ins_admission *admission;
	struct ins_north *north; /* NULL: there is none */
	struct ins_live *live;	 /* the same */
	struct ins_sources sources;
	TAILQ_HEAD(, request) waiting; /* for the computes to be read */
	uint64_t refused;	       /* requests */
};

/* A body whose events are being looked at; heap, as it may have to wait for Nova's list of computes. */
struct request {
	TAILQ_ENTRY(request) entry;
	bool waiting; /* in the receiver's list */
	struct dr_http_exchange *x;
	struct ins_receiver *receiver;
	bool set;		   /* the whole set of a data source; the events are what it changes */
	struct ins_source *source; /* of a set, from when it is known to fit */
	uint64_t turn;		   /* the source's then */
	struct ins_events events;
	bool *known; /* per event: taken, or a duplicate */
	size_t accepted, duplicates;
	struct ins_barrier barrier; /* what was taken is on the disk before it is acknowledged */
};

static void request_free(struct request *q)
{
	if (!q)
		return;
	if (q->waiting)
		TAILQ_REMOVE(&q->receiver->waiting, q, entry);
	if (q->barrier.waiting)
		ins_journal_forget(ins_inspector_journal(q->receiver->inspector), &q->barrier);
	if (q->source)
		ins_sources_leave(&q->receiver->sources, q->source);
	ins_events_done(&q->events);
	free(q->known);
	free(q);
}
DR_DEFINE_FREEP(struct request, request_free)

/* ---------------------------------------------------------------- answers */

/* position may be NULL; accepted: events that were taken all the same */
static void reply_error(struct dr_http_exchange *x, struct ins_receiver *r, unsigned status,
			const char *position, const char *reason, size_t accepted)
{
	struct dr_json *body = dr_json_object(), *error = dr_json_add_object(body, "error");

	r->refused++;
	dr_json_add_int(error, "code", status);
	dr_json_add_str(error, "message", reason);
	if (position)
		dr_json_add_str(error, "position", position);
	dr_json_add_int(body, "accepted", (int64_t)accepted);
	dr_http_reply_json(x, status, body);
}

/* The same, and says so here, too: upstream's monitors do not look at the answer. */
static void refuse(struct dr_http_exchange *x, struct ins_receiver *r, unsigned status, const char *position,
		   const char *reason, size_t accepted)
{
	dr_warning("request refused %.16s %.200s: %s%s%s status=%u peer=%s", dr_http_method(x),
		   dr_http_path(x), position ? position : "", position ? ": " : "", reason, status,
		   dr_http_peer(x));
	reply_error(x, r, status, position, reason, accepted);
}

static void refuse_for_now(struct dr_http_exchange *x, struct ins_receiver *r, const char *reason,
			   size_t accepted)
{
	dr_http_set_header(x, "Retry-After", "1");
	refuse(x, r, 503, NULL, reason, accepted);
}

static void refuse_full(const struct request *q)
{
	char reason[128];

	snprintf(reason, sizeof(reason),
		 "too many events are waiting, %zu of this request were accepted: send it again",
		 q->accepted);
	refuse_for_now(q->x, q->receiver, reason, q->accepted);
}

static void on_durable(struct ins_barrier *b, int error)
{
	DR_AUTO(request_freep)
	struct request *q = (struct request *)((char *)b - offsetof(struct request, barrier));
	struct dr_json *body;

	if (error) /* the server has ended, and its exchanges with it */
		return;
	body = dr_json_object();
	dr_json_add_int(body, "accepted", (int64_t)q->accepted);
	dr_json_add_int(body, "duplicates", (int64_t)q->duplicates);
	dr_http_reply_json(q->x, 200, body);
}

/* Takes q over; its exchange has been deferred. */
static void reply_accepted(struct request *q)
{
	q->barrier.fn = on_durable;
	ins_journal_barrier(ins_inspector_journal(q->receiver->inspector), &q->barrier);
}

/* ---------------------------------------------------------------- what monitors send */

/*
 * Taken before; perhaps only a moment ago, by the same body or while this one waited. Of a set that is told
 * by the set before: a fault that was over since is there again.
 */
static bool is_known(struct request *q, size_t n)
{
	if (!q->known[n] && !q->set && ins_inspector_seen(q->receiver->inspector, &q->events.items[n])) {
		q->known[n] = true;
		q->duplicates++;
	}
	return q->known[n];
}

static void take(struct request *q, size_t n, bool fresh)
{
	const struct ins_event *e = &q->events.items[n];
	struct ins_event told = *e;

	if (q->source) {
		/* a set is one voice, whoever its rows are from: else a row that is left out left a vote
		 * behind */
		snprintf(told.monitor, sizeof(told.monitor), "%s", q->source->id);
		ins_set_apply(&q->source->set, e);
		ins_journal_row(ins_inspector_journal(q->receiver->inspector), q->source->id, e,
				e->status == INS_FAULT);
	}
	ins_inspector_take(q->receiver->inspector, &told, fresh);
	q->known[n] = true;
	q->accepted++;
}

/* That a row is there no more is taken in any case: of a host that Nova no longer knows, too. */
static bool refuses(const struct request *q, size_t n, char reason[384])
{
	return !q->events.places[n].implied &&
	       ins_inspector_refuses(q->receiver->inspector, &q->events.items[n], reason);
}

/*
 * The events that are left, of hosts not known by just this name. asked: the list of computes is fresh, so
 * what is still unknown is refused; else it is accepted, to be looked up later. Answers the request, and
 * takes it over; its exchange has been deferred.
 */
static void settle(struct request *taken, bool asked)
{
	DR_AUTO(request_freep) struct request *q = taken;
	struct ins_refusal first = { "", "" };
	char reason[384];

	for (size_t n = 0; n < q->events.count; n++) {
		const struct ins_event *e = &q->events.items[n];

		if (is_known(q, n))
			continue;
		if (asked && refuses(q, n, reason)) {
			ins_inspector_refused(q->receiver->inspector, e, reason);
			if (!first.position[0]) {
				ins_events_position(&q->events, n, first.position);
				memcpy(first.reason, reason, sizeof(first.reason));
			}
			continue;
		}
		if (!ins_inspector_room(q->receiver->inspector)) {
			/* filled up while we asked; what was taken is known, or counted, when sent again */
			refuse_full(q);
			return;
		}
		take(q, n, asked);
	}
	if (first.position[0])
		reply_error(q->x, q->receiver, 400, first.position, first.reason, q->accepted);
	else
		reply_accepted(DR_TAKE_PTR(q));
}

static void on_reread(int error, void *userdata)
{
	struct request *q = userdata;

	TAILQ_REMOVE(&q->receiver->waiting, q, entry);
	q->waiting = false;
	if (error == -ECANCELED) {
		dr_http_reply_error(q->x, 503, "the inspector is stopping");
		request_free(q);
	} else if (q->source && q->source->turn != q->turn) {
		reply_accepted(q); /* a later set has come from there, and says all that is to be said */
	} else {
		settle(q, !error);
	}
}

/* Something of this host waits already: what came later must not overtake it. */
static bool is_awaited(const struct ins_receiver *r, const struct ins_event *e)
{
	const struct request *q;

	TAILQ_FOREACH(q, &r->waiting, entry)
	{
		for (size_t n = 0; n < q->events.count; n++)
			if (!q->known[n] && !strcmp(q->events.items[n].host, e->host))
				return true;
	}
	return false;
}

/* 1: refused. -ENOMEM. */
static int read_events(struct request *q, enum ins_dialect dialect, const char *source,
		       struct ins_refusal *ret_refusal)
{
	DR_AUTO(ins_events_done) struct ins_events told = {};
	size_t len;
	const char *body = dr_http_body(q->x, &len);
	int r = ins_dialect_parse(dialect, body, len, &told, ret_refusal);

	if (r)
		return r;
	if (source) {
		r = ins_set_difference(ins_sources_set(&q->receiver->sources, source), &told, &q->events,
				       &q->duplicates);
		if (r)
			return r;
	} else {
		q->events = told;
		told = (struct ins_events){};
	}
	q->known = calloc(q->events.count + 1, sizeof(*q->known));
	return q->known ? 0 : -ENOMEM;
}

/* 0: there is room for all of it. Else it has been refused, and nothing has changed. */
static int enter(struct request *q, const char *source)
{
	size_t fresh = 0;
	int r = 0;

	for (size_t n = 0; n < q->events.count; n++)
		fresh += !is_known(q, n);
	if (fresh > ins_inspector_room(q->receiver->inspector)) {
		refuse_full(q);
		return 1;
	}
	if (source)
		r = ins_sources_enter(&q->receiver->sources, source, &q->events, &q->source);
	if (r == 1)
		refuse_for_now(q->x, q->receiver, "too many faults are in the sets of all data sources", 0);
	else if (r)
		refuse_for_now(q->x, q->receiver, "out of memory", 0);
	else if (source)
		q->turn = q->source->turn;
	return r;
}

static void wait_for_computes(struct request *q)
{
	TAILQ_INSERT_TAIL(&q->receiver->waiting, q, entry);
	q->waiting = true;
}

/* source: the id of the data source whose set this is; NULL: single events. */
static void take_events(struct dr_http_exchange *x, struct ins_receiver *r, enum ins_dialect dialect,
			const char *source)
{
	DR_AUTO(request_freep) struct request *q = calloc(1, sizeof(*q));
	struct ins_refusal why;
	size_t unknown = 0;
	int error = -ENOMEM;

	if (q) {
		*q = (struct request){ .x = x, .receiver = r, .set = source != NULL };
		error = read_events(q, dialect, source, &why);
	}
	if (error == 1) {
		refuse(x, r, 400, why.position, why.reason, 0);
		return;
	}
	if (error) {
		refuse_for_now(x, r, "out of memory", 0);
		return;
	}
	if (enter(q, source))
		return;
	for (size_t n = 0; n < q->events.count; n++) {
		if (is_known(q, n))
			continue;
		if (ins_inspector_knows(r->inspector, &q->events.items[n]) &&
		    !is_awaited(r, &q->events.items[n]))
			take(q, n, false);
		else
			unknown++;
	}
	dr_http_defer(x);
	if (!unknown)
		reply_accepted(DR_TAKE_PTR(q));
	/* the host may be new, or one of that name */
	else if (ins_nova_reread(ins_inspector_nova(r->inspector), on_reread, q))
		settle(DR_TAKE_PTR(q), false);
	else
		wait_for_computes(DR_TAKE_PTR(q));
}

/* ---------------------------------------------------------------- paths */

/* What stands for the star in the path of a route; "" where there is none. Not terminated. */
struct name {
	const char *text;
	size_t len;
};

static void take_doctor(struct dr_http_exchange *x, struct ins_receiver *r, struct name name)
{
	take_events(x, r, INS_DOCTOR, NULL);
}

static void take_vitrage(struct dr_http_exchange *x, struct ins_receiver *r, struct name name)
{
	take_events(x, r, INS_VITRAGE, NULL);
}

static void take_congress(struct dr_http_exchange *x, struct ins_receiver *r, struct name name)
{
	char source[INS_SOURCE_MAX];
	struct ins_refusal why;

	if (ins_source_id(name.text, name.len, source, &why))
		refuse(x, r, 400, why.position, why.reason, 0);
	else
		take_events(x, r, INS_CONGRESS, source);
}

/* What an alarm begins ends by itself at last: the one that says so may never come. */
static int begin_maintenance(struct dr_http_exchange *x, struct ins_receiver *r, const struct ins_alarm *a,
			     char why[384])
{
	struct dr_dur period = r->config->maintenance.alarm_for;
	struct ins_upkeep u = {
		.alarm = true,
		.reason = "maintenance alarm",
		.until = dr_mono_add(dr_mono_now(), period),
		.since = dr_wall_now(),
	};

	u.until_wall.ns = u.since.ns + period.ns;
	return ins_inspector_maintain(r->inspector, a->host, &u, dr_http_peer(x), why);
}

/* Answers as to an event; that the end of none is told is a duplicate. */
static void take_alarm(struct dr_http_exchange *x, struct ins_receiver *r, struct name name)
{
	DR_AUTO(request_freep) struct request *q = calloc(1, sizeof(*q));
	struct ins_alarm a = {};
	struct ins_refusal refusal;
	char why[384];
	size_t len;
	const char *body = dr_http_body(x, &len);
	int error = ins_alarm_parse(body, len, &a, &refusal);

	if (error == 1) {
		refuse(x, r, 400, refusal.position, refusal.reason, 0);
		return;
	}
	if (!q)
		error = -ENOMEM;
	if (!error && a.begins)
		error = begin_maintenance(x, r, &a, why);
	else if (!error)
		error = ins_inspector_maintained(r->inspector, a.host, true, dr_http_peer(x), why);
	if (error == 1) {
		refuse(x, r, 400, a.position, why, 0);
	} else if (error < 0) {
		refuse_for_now(x, r,
			       error == -ENOSPC ? "too many hosts are in maintenance" : strerror(-error), 0);
	} else {
		*q = (struct request){ .x = x, .receiver = r, .accepted = !error, .duplicates = error == 2 };
		dr_http_defer(x);
		reply_accepted(DR_TAKE_PTR(q));
	}
}

static void shut_down(struct dr_http_exchange *x, struct ins_receiver *r, struct name name)
{
	if (!r->config->remote_shutdown) {
		refuse(x, r, 403, "path", "remote_shutdown is not set", 0);
		return;
	}
	dr_info("ending, as was asked peer=%s by=%s", dr_http_peer(x), dr_http_user(x));
	dr_http_reply_json(x, 200, dr_json_object());
	dr_loop_exit(r->loop, EXIT_SUCCESS);
}

static void get_health(struct dr_http_exchange *x, struct ins_receiver *r, struct name name)
{
	bool good;
	struct dr_json *body = ins_inspector_health(r->inspector, &good);

	dr_http_reply_json(x, good ? 200 : 503, body);
}

static void get_incidents(struct dr_http_exchange *x, struct ins_receiver *r, struct name name)
{
	const char *host = dr_http_query(x, "host"), *state = dr_http_query(x, "state");
	struct dr_json *body, *counters;

	if (state && !ins_inspector_state_known(state)) {
		refuse(x, r, 400, "state", "is none of open, ended or the name of a state", 0);
		return;
	}
	body = ins_inspector_incidents_of(r->inspector, host, state);
	counters = dr_json_get(body, "counters");
	dr_json_add_int(counters, "requests_refused", (int64_t)r->refused);
	dr_json_add_int(counters, "requests_not_admitted", (int64_t)ins_admission_refused(r->admission));
	dr_http_reply_json(x, 200, body);
}

static void get_metrics(struct dr_http_exchange *x, struct ins_receiver *r, struct name name)
{
	DR_AUTO_BUF struct dr_buf text = {};

	ins_inspector_metrics(r->inspector, r->refused, ins_admission_refused(r->admission), &text);
	if (text.error)
		dr_http_reply_error(x, 503, "out of memory");
	else
		dr_http_reply_buf(x, 200, DR_METRICS_TYPE, &text);
}

static bool path_fits(const char *route, const char *path, struct name *ret)
{
	const char *star = strchr(route, '*');
	size_t before = star ? (size_t)(star - route) : strlen(route), len = strlen(path);
	size_t behind = star ? strlen(star + 1) : 0;

	if (len < before + behind || (!star && len > before) || strncmp(path, route, before) ||
	    (star && strcmp(path + len - behind, star + 1)))
		return false;
	*ret = (struct name){ path + before, len - before - behind };
	return true;
}

void ins_receive_admit(struct dr_http_exchange *x, void *userdata)
{
	struct ins_receiver *r = userdata;

	ins_admission_judge(r->admission, x);
}

void ins_receive(struct dr_http_exchange *x, void *userdata)
{
	static const struct {
		const char *path, *methods[3];
		void (*handle)(struct dr_http_exchange *x, struct ins_receiver *r, struct name name);
		const char *allow;
	} routes[] = {
		{ "/events", { "PUT", "POST" }, take_doctor, "PUT, POST" },
		{ "/v1/data-sources/*/tables/events/rows", { "PUT" }, take_congress, "PUT" },
		{ "/v1/event", { "POST" }, take_vitrage, "POST" },
		{ "/maintenance", { "POST" }, take_alarm, "POST" },
		{ "/events/shutdown", { "POST" }, shut_down, "POST" },
		{ "/healthz", { "GET" }, get_health, "GET" },
		{ "/v1/incidents", { "GET" }, get_incidents, "GET" },
		{ "/metrics", { "GET" }, get_metrics, "GET" },
	};
	struct ins_receiver *r = userdata;
	char reason[128];
	struct name name;

	for (size_t i = 0; i < DR_ARRAY_SIZE(routes); i++) {
		if (!path_fits(routes[i].path, dr_http_path(x), &name))
			continue;
		for (size_t m = 0; routes[i].methods[m]; m++)
			if (!strcmp(routes[i].methods[m], dr_http_method(x))) {
				routes[i].handle(x, r, name);
				return;
			}
		dr_http_set_header(x, "Allow", routes[i].allow);
		snprintf(reason, sizeof(reason), "%s takes %s", routes[i].path, routes[i].allow);
		refuse(x, r, 405, "method", reason, 0);
		return;
	}
	if (ins_page_handle(x) || (r->live && ins_live_handle(r->live, x)) || ins_control(x, r->inspector) ||
	    (r->north && ins_north_handle(r->north, x)))
		return;
	refuse(x, r, 404, "path", "there is nothing at this path; events go to /events", 0);
}

/* ---------------------------------------------------------------- life */

int ins_receiver_new(struct dr_loop *l, struct ins_inspector *s, const struct ins_config *c,
		     struct ins_admission *a, struct ins_receiver **ret)
{
	struct ins_receiver *r = calloc(1, sizeof(*r));

	if (!r)
		return -ENOMEM;
	*r = (struct ins_receiver){ .loop = l, .inspector = s, .config = c, .admission = a };
	TAILQ_INIT(&r->waiting);
	*ret = r;
	return 0;
}

int ins_receiver_row(const char *source, const struct ins_event *e, void *userdata)
{
	struct ins_receiver *r = userdata;
	struct ins_place place = {};
	struct ins_event row = *e;
	const struct ins_events one = { .items = &row, .places = &place, .count = 1 };
	struct ins_source *to;
	int error = ins_sources_enter(&r->sources, source, &one, &to);

	if (error)
		return error == 1 ? -ENOSPC : error;
	ins_set_apply(&to->set, e);
	ins_sources_leave(&r->sources, to);
	return 0;
}

void ins_receiver_add_north(struct ins_receiver *r, struct ins_north *n)
{
	r->north = n;
}

void ins_receiver_add_live(struct ins_receiver *r, struct ins_live *v)
{
	r->live = v;
}

void ins_receiver_free(struct ins_receiver *r)
{
	if (!r)
		return;
	ins_sources_done(&r->sources);
	free(r);
}
