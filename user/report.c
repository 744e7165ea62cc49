/* SPDX-License-Identifier: Apache-2.0 */
#include <string.h>
#include <sys/random.h>

#include "doctor/buf.h"
#include "doctor/log.h"
#include "user/report.h"

#define QUEUE_MIN 4096

struct mon_report {
	struct dr_http_client *http;
	const char *url, *monitor;
	char run[20]; /* of this start, in event ids */
	struct mon_queue queue;
	struct dr_source *timer;
	bool sending; /* the first of the queue is on its way */
	unsigned attempts;
};

static void send_first(struct mon_report *r);

static uint64_t random_u64(void)
{
	uint64_t v;

	if (getrandom(&v, sizeof(v), 0) != sizeof(v))
		v = dr_mono_now().ns;
	return v;
}

static int on_retry(struct dr_source *s, void *userdata)
{
	send_first(userdata);
	return 0;
}

static void retry_later(struct mon_report *r, const char *why)
{
	char pause_text[DR_TIME_STR_MAX];
	struct dr_dur pause = mon_retry_pause(++r->attempts, (uint32_t)random_u64());

	r->sending = false;
	pause.ns -= pause.ns % DR_NSEC_PER_MSEC;
	dr_warning("event not delivered, kept and retried in %s: %s url=%s attempt=%u waiting=%zu",
		   dr_dur_format(pause, pause_text), why, r->url, r->attempts, r->queue.count);
	if (dr_timer_arm(r->timer, pause))
		dr_error("no timer for the next attempt; it is made with the next event");
}

static void on_answer(const struct dr_http_response *a, void *userdata)
{
	struct mon_report *r = userdata;
	const struct mon_fault *f = mon_queue_first(&r->queue);
	char why[512];

	if (a->error == -ECANCELED)
		return;
	if (a->error)
		snprintf(why, sizeof(why), "%s", a->reason);
	else
		snprintf(why, sizeof(why), "status %u %.400s", a->status, dr_buf_str(&a->body));

	switch (mon_delivery_of(a->error, a->status)) {
	case MON_RETRY:
		retry_later(r, why);
		return;
	case MON_REFUSED:
		dr_error("the inspector refuses the event and it is given up: %s url=%s host=%s", why, r->url,
			 f->host);
		break;
	case MON_DELIVERED:
		if (r->attempts)
			dr_info("event delivered after %u attempts url=%s host=%s", r->attempts + 1, r->url,
				f->host);
		break;
	}
	mon_queue_pop(&r->queue);
	r->attempts = 0;
	r->sending = false;
	if (r->queue.count)
		send_first(r);
}

static void send_first(struct mon_report *r)
{
	struct dr_json *json = mon_fault_json(mon_queue_first(&r->queue), r->monitor, r->run);
	DR_AUTO_FREE char *body = dr_json_print(json);
	struct dr_http_request req = {
		.method = "PUT",
		.url = r->url,
		.body = body,
		.body_len = body ? strlen(body) : 0,
		.timeout = dr_sec(5),
		.connect_timeout = dr_sec(1),
	};

	dr_json_free(json);
	r->sending = true;
	int err = body ? dr_http_send(r->http, &req, on_answer, r) : -ENOMEM;
	if (err)
		retry_later(r, strerror(-err));
}

int mon_report_new(struct dr_loop *loop, struct dr_http_client *http, const char *url, const char *monitor,
		   size_t room, struct mon_report **ret)
{
	DR_AUTO(mon_report_freep) struct mon_report *r = calloc(1, sizeof(*r));

	if (!r)
		return -ENOMEM;
	r->http = http;
	r->url = url;
	r->monitor = monitor;
	snprintf(r->run, sizeof(r->run), "%016llx", (unsigned long long)random_u64());
	int err = mon_queue_init(&r->queue, DR_MAX(room, (size_t)QUEUE_MIN));
	if (!err)
		err = dr_loop_add_timer(loop, on_retry, r, &r->timer);
	if (err)
		return err;
	*ret = DR_TAKE_PTR(r);
	return 0;
}

void mon_report_free(struct mon_report *r)
{
	if (!r)
		return;
	for (size_t i = 0; i < r->queue.count; i++)
		dr_error("ended with an event undelivered: host=%s is %s", r->queue.faults[i].host,
			 r->queue.faults[i].verdict == DR_VERDICT_UP ? "up" : "down");
	dr_source_free(r->timer);
	mon_queue_done(&r->queue);
	free(r);
}

void mon_report_push(struct mon_report *r, const char *host, enum dr_verdict verdict, struct dr_wall when)
{
	static uint64_t number;
	struct mon_fault f = { .number = ++number, .verdict = verdict, .when = when }, dropped;

	(void)!dr_strcpy(f.host, sizeof(f.host), host); /* as long as the configuration's */
	if (mon_queue_push(&r->queue, &f, r->sending, &dropped))
		dr_error(
			"the queue of undelivered events is full, one is dropped: host=%s is %s dropped=%llu",
			dropped.host, dropped.verdict == DR_VERDICT_UP ? "up" : "down",
			(unsigned long long)r->queue.dropped);
	mon_report_hurry(r); /* news does not wait for an old event's pause */
}

void mon_report_hurry(struct mon_report *r)
{
	if (r->sending || !r->queue.count)
		return;
	dr_timer_disarm(r->timer);
	send_first(r);
}

size_t mon_report_undelivered(const struct mon_report *r)
{
	return r->queue.count;
}
