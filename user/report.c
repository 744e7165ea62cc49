/* SPDX-License-Identifier: Apache-2.0 */
#include <string.h>
#include <sys/random.h>

#include "doctor/buf.h"
#include "doctor/log.h"
#include "user/queue.h"
#include "user/report.h"
#include "user/report_faults.h"
#include "user/report_peer.h"
#include "user/report_rules.h"

#define WHY_MAX 512
#define SAY_AGAIN dr_sec(60) /* the same failure of one inspector */
#define PATIENCE 3	     /* answers in a row that take nothing, before others are told first */
#define AWAY dr_sec(60)	     /* for so long nobody waits for who has not answered PATIENCE times */
#define LEFT_SAID_MAX 10     /* undelivered events that are named at the end */

struct receiver { /* an inspector */
	struct mon_peer peer;
	struct mon_report_stats stats;
	char url[MON_URL_STR_MAX]; /* as it may be shown */
	unsigned failures;	   /* in a row */
	struct dr_mono failed_at, again;
	struct dr_mono said_at;
	char said[WHY_MAX]; /* the failure last logged */
	struct mon_faults
		held; /* that it, one of several, took, or may have taken: their ends are its, too */
};

struct lane { /* a queue with those that it is for: one, or the first that takes the event */
	struct mon_report *report;
	struct receiver *receivers;
	size_t count;
	struct mon_queue queue;
	struct dr_source *timer;
	struct receiver *busy; /* has the first of the queue on its way; NULL */
	unsigned not_taken;    /* answers in a row that neither took an event nor refused it */
	uint64_t newest;       /* event that the request on its way knows of */
	bool refused[MON_INSPECTORS_MAX];
	bool taken; /* the first of the queue was, and is for another one as well */
	struct dr_mono drop_said_at;
};

struct mon_report {
	const struct mon_config *config;
	char run[20]; /* of this start, in event ids */
	uint64_t number;
	bool congress;
	struct mon_faults faults; /* kept if congress */
	struct receiver receivers[MON_INSPECTORS_MAX];
	struct lane lanes[MON_INSPECTORS_MAX];
	size_t lane_count;
};

static void advance(struct lane *l);

static uint64_t random_u64(void)
{
	uint64_t v;

	if (getrandom(&v, sizeof(v), 0) != sizeof(v))
		v = dr_mono_now().ns;
	return v;
}

static bool is_over(struct dr_mono since, struct dr_dur time, struct dr_mono now)
{
	return since.ns == 0 || dr_mono_sub(now, since).ns >= time.ns;
}

/* ---------------------------------------------------------------- who knows of what */

static void note_held(const struct lane *l, struct receiver *to)
{
	const struct mon_event *e = mon_queue_first(&l->queue);

	if (l->count > 1 && mon_faults_apply(&to->held, e))
		dr_error("out of memory: the end of this may be told to another inspector url=%s type=%s "
			 "host=%s",
			 to->url, mon_event_type_name(e), e->host);
}

static bool holds(const struct receiver *to, const struct mon_event *e, struct dr_mono now)
{
	bool away = to->failures >= PATIENCE && !is_over(to->failed_at, AWAY, now);

	return !e->on && !away && mon_faults_has(&to->held, e);
}

static bool is_held(const struct lane *l, const struct mon_event *e)
{
	for (size_t i = 0; i < l->count; i++) {
		if (!l->refused[i] && holds(&l->receivers[i], e, dr_mono_now()))
			return true;
	}
	return false;
}

/* ---------------------------------------------------------------- what became of an attempt */

/* Another one is the first of the queue now. */
static void begin_first(struct lane *l)
{
	memset(l->refused, 0, sizeof(l->refused));
	l->taken = false;
}

static void drop_first(struct lane *l)
{
	mon_queue_pop(&l->queue);
	begin_first(l);
}

/*
 * Who answers, and does not take it, may never do so: with an event that he cannot read he would never hear
 * of a host's death behind it. So the first goes last, unless something newer of its subject waits anyway.
 */
static void step_aside(struct lane *l)
{
	struct mon_event e = *mon_queue_first(&l->queue), dropped;
	bool superseded = mon_queue_first_is_superseded(&l->queue);

	if (l->queue.count < 2)
		return;
	drop_first(l);
	if (superseded)
		l->queue.superseded++;
	else /* into the place that it has left */
		(void)mon_queue_push(&l->queue, &e, false, &dropped);
}

/* The first has been taken. False: it is for another one as well. */
static bool take_first(struct lane *l, struct receiver *to)
{
	to->stats.delivered++;
	note_held(l, to);
	l->taken = is_held(l, mon_queue_first(&l->queue));
	if (!l->taken)
		drop_first(l);
	return !l->taken;
}

static void delivered(struct lane *l, struct receiver *to)
{
	const struct mon_event *e = mon_queue_first(&l->queue);

	if (to->failures)
		dr_info("event delivered after %u attempts url=%s type=%s host=%s", to->failures + 1,
			to->stats.url, mon_event_type_name(e), e->host);
	to->failures = 0;
	to->said_at = (struct dr_mono){ 0 };
	if (!take_first(l, to) || to->peer.inspector->dialect != MON_CONGRESS)
		return;
	/* it has the whole picture, with what was queued behind */
	while ((e = mon_queue_first(&l->queue)) && e->type == MON_EVENT_HOST && e->number <= l->newest) {
		if (!take_first(l, to))
			return;
	}
}

static void refused(struct lane *l, struct receiver *to, const char *why)
{
	const struct mon_event *e = mon_queue_first(&l->queue);

	to->failures = 0;
	to->stats.refused++;
	l->refused[to - l->receivers] = true;
	/* that a host is down must not be lost; what is told beside it, not everybody wants to know */
	dr_log(e->type == MON_EVENT_HOST ? DR_LOG_ERROR : DR_LOG_WARNING,
	       "the inspector refuses the event%s: %s url=%s type=%s host=%s",
	       l->count > 1 ? "" : " and it is given up", why, to->stats.url, mon_event_type_name(e),
	       e->host);
}

static void failed(struct lane *l, struct receiver *to, const char *why)
{
	struct dr_mono now = dr_mono_now();
	struct dr_dur pause = mon_retry_pause(++to->failures, (uint32_t)random_u64());
	char pause_text[DR_TIME_STR_MAX];

	to->failed_at = now;
	to->again = dr_mono_add(now, pause);
	to->stats.retries++;
	if (strncmp(why, to->said, WHY_MAX - 1) == 0 && !is_over(to->said_at, SAY_AGAIN, now))
		return;
	snprintf(to->said, sizeof(to->said), "%s", why);
	to->said_at = now;
	pause.ns -= pause.ns % DR_NSEC_PER_MSEC;
	dr_warning("event not delivered, kept and retried in %s: %s url=%s attempt=%u waiting=%zu",
		   dr_dur_format(pause, pause_text), why, to->stats.url, to->failures, l->queue.count);
}

static void on_answer(const struct dr_http_response *a, void *userdata)
{
	struct lane *l = userdata;
	struct receiver *to = l->busy;
	char why[WHY_MAX];

	if (a->error == -ECANCELED)
		return; /* we are ending */
	if (a->error)
		snprintf(why, sizeof(why), "%s", a->reason);
	else
		snprintf(why, sizeof(why), "status %u %.400s", a->status, dr_buf_str(&a->body));
	l->busy = NULL;
	to->stats.reachable = a->error == 0;
	switch (mon_delivery_of(a->error, a->status)) {
	case MON_RETRY:
		failed(l, to, why);
		if (a->error && mon_queue_first(&l->queue)->on)
			note_held(l, to);
		if (!a->error && ++l->not_taken >= PATIENCE)
			step_aside(l);
		break;
	case MON_REFUSED:
		l->not_taken = 0;
		refused(l, to, why);
		break;
	case MON_DELIVERED:
		l->not_taken = 0;
		delivered(l, to);
		break;
	}
	advance(l);
}

/* ---------------------------------------------------------------- an attempt */

static char *body_for(struct lane *l, const struct receiver *to)
{
	const struct mon_event *e = mon_queue_first(&l->queue);
	const char *name = l->report->config->name, *run = l->report->run;
	const struct mon_faults *f = &l->report->faults;
	DR_AUTO_JSON struct dr_json *json = NULL;

	switch (to->peer.inspector->dialect) {
	case MON_DOCTOR:
		json = mon_event_doctor(e, name, run);
		break;
	case MON_CONGRESS:
		json = mon_event_congress((const struct mon_event *const *)f->items, f->count, name, run);
		break;
	case MON_VITRAGE:
		json = mon_event_vitrage(e, name, run);
		break;
	}
	return dr_json_print(json);
}

static void attempt(struct lane *l, struct receiver *to)
{
	DR_AUTO_FREE char *body = body_for(l, to);
	char why[WHY_MAX] = "out of memory";

	l->newest = l->report->number;
	l->busy = to;
	if (body && mon_peer_send(&to->peer, body, l->count > 1, on_answer, l, why) == 0)
		return;
	l->busy = NULL;
	to->stats.reachable = false;
	failed(l, to, why);
}

static void give_up(struct lane *l)
{
	const struct mon_event *e = mon_queue_first(&l->queue);

	if (l->count > 1)
		dr_log(e->type == MON_EVENT_HOST ? DR_LOG_ERROR : DR_LOG_WARNING,
		       "event given up: no inspector that can be reached takes it type=%s host=%s",
		       mon_event_type_name(e), e->host);
	drop_first(l);
}

static int choose(const struct lane *l, struct dr_mono now, struct dr_mono *ret_again)
{
	struct mon_choice choices[MON_INSPECTORS_MAX];

	for (size_t i = 0; i < l->count; i++) {
		const struct receiver *to = &l->receivers[i];

		choices[i] = (struct mon_choice){
			.fits = mon_event_fits(mon_queue_first(&l->queue), to->peer.inspector->dialect),
			.refused = l->refused[i],
			.holds = holds(to, mon_queue_first(&l->queue), now),
			.failed = to->failures > 0,
			.again = to->again,
		};
	}
	return mon_choose(choices, l->count, now, ret_again);
}

/*
 * A fault that is over by now, or has been again since: whoever acts on it would mark down a host that lives.
 * The end of one is told, superseded or not: the fault may have been taken although we heard no answer.
 */
static bool is_overtaken(const struct lane *l)
{
	const struct mon_event *e = mon_queue_first(&l->queue);

	return e && e->on && mon_queue_first_is_superseded(&l->queue);
}

static void skip_overtaken(struct lane *l)
{
	while (is_overtaken(l)) {
		mon_queue_skip(&l->queue);
		begin_first(l);
	}
}

/* Sends the first of the queue to whom it is to go now; else waits until it may. */
static void advance(struct lane *l)
{
	struct dr_mono again;

	dr_timer_disarm(l->timer);
	while (!l->busy) {
		struct dr_mono now = dr_mono_now();

		skip_overtaken(l);
		if (l->taken && !is_held(l, mon_queue_first(&l->queue))) {
			drop_first(l); /* the other one is away, or refuses it */
			continue;
		}
		if (!mon_queue_first(&l->queue))
			return;
		int to = choose(l, now, &again);
		if (to >= 0) {
			attempt(l, &l->receivers[to]);
		} else if (to == -2) {
			give_up(l);
		} else {
			if (dr_timer_arm(l->timer, dr_mono_sub(again, now)))
				dr_error("no timer for the next attempt; it is made with the next event");
			return;
		}
	}
}

static int on_again(struct dr_source *s, void *userdata)
{
	advance(userdata);
	return 0;
}

/* Cuts pauses short: those that failed are tried when so much time has passed since. */
static void hurry(struct lane *l, struct dr_dur since_failure)
{
	advance(l);
	if (l->busy)
		return;
	for (size_t i = 0; i < l->count; i++) {
		struct receiver *to = &l->receivers[i];
		struct dr_mono soon = dr_mono_add(to->failed_at, since_failure);

		to->again.ns = DR_MIN(to->again.ns, soon.ns);
	}
	advance(l);
}

/* ---------------------------------------------------------------- the whole */

static int init_lane(struct mon_report *r, struct dr_loop *loop, size_t first, size_t count)
{
	struct lane *l = &r->lanes[r->lane_count++];
	int err = mon_queue_init(&l->queue, mon_config_queue(r->config));

	l->report = r;
	l->receivers = &r->receivers[first];
	l->count = count;
	return err ? err : dr_loop_add_timer(loop, on_again, l, &l->timer);
}

static int init_receivers(struct mon_report *r, struct dr_loop *loop, char **ret_error)
{
	for (size_t i = 0; i < r->config->inspector_count; i++) {
		const struct mon_inspector *inspector = &r->config->inspectors[i];
		struct receiver *to = &r->receivers[i];
		DR_AUTO_FREE char *error = NULL;
		int err = mon_peer_init(&to->peer, loop, inspector, &error);

		mon_url_format(inspector->url, to->url);
		if (err) {
			*ret_error = dr_asprintf("inspector %s: %s", to->url, error ? error : strerror(-err));
			return err;
		}
		to->stats = (struct mon_report_stats){ .url = to->url, .reachable = true };
		r->congress |= inspector->dialect == MON_CONGRESS;
	}
	return 0;
}

int mon_report_new(struct dr_loop *loop, const struct mon_config *config, struct mon_report **ret,
		   char **ret_error)
{
	DR_AUTO(mon_report_freep) struct mon_report *r = calloc(1, sizeof(*r));
	size_t n = config->inspector_count;

	*ret_error = NULL;
	if (!r)
		return -ENOMEM;
	r->config = config;
	snprintf(r->run, sizeof(r->run), "%016llx", (unsigned long long)random_u64());
	int err = init_receivers(r, loop, ret_error);
	for (size_t i = 0; !err && i < (config->all_inspectors ? n : DR_MIN(n, (size_t)1)); i++)
		err = init_lane(r, loop, i, config->all_inspectors ? 1 : n);
	if (err)
		return err;
	*ret = DR_TAKE_PTR(r);
	return 0;
}

int mon_report_check_files(const struct mon_report *r, char **ret_error)
{
	for (size_t i = 0; i < r->config->inspector_count; i++) {
		const struct receiver *to = &r->receivers[i];
		const char *token = to->peer.inspector->token_file;
		DR_AUTO_FREE char *error = NULL;
		int err = mon_peer_check_files(to->peer.inspector, &error);

		if (err) {
			*ret_error = dr_asprintf("inspector %s: as the user that we are now: %s", to->url,
						 error ? error : strerror(-err));
			return err;
		}
		if (token && access(token, R_OK))
			dr_error("nothing can be told until the token file can be read: %s: %s url=%s", token,
				 strerror(errno), to->url);
	}
	return 0;
}

static void say_left(struct lane *l)
{
	const struct mon_event *e;

	for (size_t said = 0; said < LEFT_SAID_MAX && (e = mon_queue_first(&l->queue)); said++) {
		dr_error("ended with an event undelivered: url=%s type=%s host=%s", l->receivers[0].stats.url,
			 mon_event_type_name(e), e->host);
		mon_queue_pop(&l->queue);
	}
	if (l->queue.count)
		dr_error("ended with more events undelivered: url=%s events=%zu", l->receivers[0].stats.url,
			 l->queue.count);
}

void mon_report_free(struct mon_report *r)
{
	if (!r)
		return;
	/* first, as their calls end with it */
	for (size_t i = 0; i < MON_INSPECTORS_MAX; i++)
		mon_peer_done(&r->receivers[i].peer);
	for (size_t i = 0; i < MON_INSPECTORS_MAX; i++)
		mon_faults_done(&r->receivers[i].held);
	for (size_t i = 0; i < r->lane_count; i++) {
		say_left(&r->lanes[i]);
		dr_source_free(r->lanes[i].timer);
		mon_queue_done(&r->lanes[i].queue);
	}
	mon_faults_done(&r->faults);
	free(r);
}

static void say_dropped(struct lane *l, enum mon_queue_drop how, const struct mon_event *e)
{
	struct dr_mono now = dr_mono_now();

	if (how == MON_QUEUE_KEPT || !is_over(l->drop_said_at, dr_sec(1), now))
		return;
	l->drop_said_at = now;
	dr_log(how == MON_QUEUE_LOST ? DR_LOG_ERROR : DR_LOG_WARNING,
	       "the queue of undelivered events is full, %s: url=%s type=%s host=%s superseded=%llu "
	       "lost=%llu",
	       how == MON_QUEUE_LOST ? "the oldest is lost"
				     : "an old one of a host heard of since is dropped",
	       l->receivers[0].stats.url, mon_event_type_name(e), e->host,
	       (unsigned long long)l->queue.superseded, (unsigned long long)l->queue.lost);
}

static bool fits_any(const struct lane *l, const struct mon_event *e)
{
	for (size_t i = 0; i < l->count; i++) {
		if (mon_event_fits(e, l->receivers[i].peer.inspector->dialect))
			return true;
	}
	return false;
}

/* While nobody has the first on its way, it is what may go for want of room. */
static void queue_event(struct lane *l, const struct mon_event *e)
{
	const struct mon_event *first = mon_queue_first(&l->queue);
	uint64_t was = first ? first->number : 0;
	struct mon_event dropped;

	say_dropped(l, mon_queue_push(&l->queue, e, l->busy, &dropped), &dropped);
	if (mon_queue_first(&l->queue)->number != was)
		begin_first(l);
}

void mon_report_push(struct mon_report *r, const struct mon_event *event)
{
	struct mon_event e = *event;

	e.number = ++r->number;
	if (r->congress && e.type == MON_EVENT_HOST && mon_faults_apply(&r->faults, &e))
		dr_error("out of memory: Congress is not told of host=%s", e.host);
	for (size_t i = 0; i < r->lane_count; i++) {
		struct lane *l = &r->lanes[i];

		if (!fits_any(l, &e))
			continue;
		queue_event(l, &e);
		hurry(l, MON_RETRY_MIN); /* news does not wait for an old event's pause */
	}
}

void mon_report_hurry(struct mon_report *r)
{
	for (size_t i = 0; i < r->lane_count; i++)
		hurry(&r->lanes[i], dr_msec(0));
}

size_t mon_report_undelivered(const struct mon_report *r)
{
	size_t n = 0;

	for (size_t i = 0; i < r->lane_count; i++)
		n += r->lanes[i].queue.count;
	return n;
}

size_t mon_report_stats(const struct mon_report *r, struct mon_report_stats ret[MON_INSPECTORS_MAX])
{
	for (size_t i = 0; i < r->config->inspector_count; i++) {
		const struct mon_queue *q = &r->lanes[r->config->all_inspectors ? i : 0].queue;

		ret[i] = r->receivers[i].stats;
		ret[i].dropped_superseded = q->superseded;
		ret[i].dropped_lost = q->lost;
		ret[i].waiting = q->count;
	}
	return r->config->inspector_count;
}
