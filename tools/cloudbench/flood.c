/* SPDX-License-Identifier: Apache-2.0 */
#include "tools/cloudbench/flood.h"

#include <string.h>

#include "tools/bench/machine.h"

#define ANSWER_LIMIT dr_sec(30)

/* ---------------------------------------------------------------- the mix */

void cb_flood_event(struct dr_buf *body, uint64_t n, unsigned hosts)
{
	static const char *const monitors[] = { "monitor-1", "monitor-2", "monitor-3" };
	uint64_t second = n / CB_FLOOD_RATE, at = n % CB_FLOOD_RATE;
	unsigned up = hosts - CB_FLOOD_DOWN;
	char host[32];

	if (at == 0 || at == CB_FLOOD_RATE / 2) { /* one that goes and comes back */
		snprintf(host, sizeof(host), "compute-%u", CB_FLOOD_DOWN + 1 + (unsigned)(second % up));
		cb_event(body, "compute.host.down", host, at != 0, monitors[0], n);
	} else if (n % 20 == 7) {
		snprintf(host, sizeof(host), "compute-%u",
			 CB_FLOOD_DOWN + 1 + (unsigned)(n / 20 % CB_FLOOD_DEGRADED));
		cb_event(body, "compute.host.degraded", host, false, monitors[n % 3], n);
	} else if (n % 20 == 13) {
		/* not the one that is down just now */
		snprintf(host, sizeof(host), "compute-%u",
			 CB_FLOOD_DOWN + 1 + (unsigned)((second + 1 + n / 20 % (up - 1)) % up));
		cb_event(body, "compute.host.down", host, true, monitors[n % 3], n);
	} else {
		snprintf(host, sizeof(host), "compute-%u", 1 + (unsigned)(n / 3 % CB_FLOOD_DOWN));
		cb_event(body, "compute.host.down", host, false, monitors[n % 3], n);
	}
}

/* ---------------------------------------------------------------- sending */

struct flood {
	struct cb_inspector *i;
	unsigned hosts;
	struct dr_mono begun, end;
	struct dr_source *timer;
	struct cb_flood *result;
	uint64_t answered;
	int error;
};

struct request {
	struct flood *flood;
	struct dr_mono due;
};

static void on_answer(const struct dr_http_response *r, void *userdata)
{
	DR_AUTO_FREE struct request *q = userdata;
	struct flood *f = q->flood;

	f->answered++;
	if (r->error || r->status != 200) {
		f->result->refused++;
		f->result->status = r->status;
		return;
	}
	bench_samples_add(&f->result->answers, cb_ms(dr_mono_sub(dr_mono_now(), q->due)));
}

static int send_one(struct flood *f, struct dr_mono due)
{
	DR_AUTO_FREE struct request *q = calloc(1, sizeof(*q));
	DR_AUTO_BUF struct dr_buf body = { 0 };
	char url[64];
	struct dr_http_request req = { .method = "PUT", .url = url, .timeout = ANSWER_LIMIT };
	int r;

	if (!q)
		return -ENOMEM;
	*q = (struct request){ .flood = f, .due = due };
	for (unsigned n = 0; n < CB_FLOOD_BODY; n++) {
		dr_buf_puts(&body, n ? "," : "[");
		cb_flood_event(&body, f->result->events + n, f->hosts);
	}
	dr_buf_puts(&body, "]");
	if (body.error)
		return body.error;
	snprintf(url, sizeof(url), "http://127.0.0.1:%u/events", f->i->port);
	req.body = body.data;
	req.body_len = body.len;
	r = dr_http_send(f->i->b->http, &req, on_answer, q);
	if (r == 0) {
		q = NULL; /* its answer's */
		f->result->requests++;
		f->result->events += CB_FLOOD_BODY;
	}
	return r;
}

static struct dr_mono due_of(const struct flood *f, uint64_t request)
{
	return dr_mono_add(f->begun, (struct dr_dur){ (int64_t)(request * CB_FLOOD_BODY) * DR_NSEC_PER_SEC /
						      CB_FLOOD_RATE });
}

/* All that is due, however late we are. */
static int on_due(struct dr_source *s, void *userdata)
{
	struct flood *f = userdata;
	struct dr_mono due = due_of(f, f->result->requests), now = dr_mono_now();

	while (!f->error && !dr_mono_before(now, due) && dr_mono_before(due, f->end)) {
		f->error = send_one(f, due);
		due = due_of(f, f->result->requests);
	}
	if (f->error || !dr_mono_before(due, f->end))
		return 0;
	return dr_timer_arm(s, dr_mono_sub(due, now));
}

/* ---------------------------------------------------------------- watching */

static void look(struct flood *f, int at)
{
	struct bench_memory m;

	f->result->journal[at] = cb_inspector_journal_size(f->i);
	if (bench_memory_read(sc_child_pid(f->i->child), &m) == 0)
		f->result->rss[at] = m.rss;
	cb_inspector_read_log(f->i);
	dr_buf_clear(&f->i->log);
}

static bool all_answered(void *userdata)
{
	const struct flood *f = userdata;

	return f->answered == f->result->requests;
}

/* Its log is read meanwhile, by halves of a second. */
static int pass(struct flood *f, struct dr_mono until)
{
	int r = 0;

	while (r == 0 && !f->error && dr_mono_before(dr_mono_now(), until)) {
		struct dr_dur left = dr_mono_sub(until, dr_mono_now());

		r = cb_idle(f->i->b, left.ns < dr_msec(500).ns ? left : dr_msec(500));
		cb_inspector_read_log(f->i);
		dr_buf_clear(&f->i->log);
	}
	return r ? r : f->error;
}

static int run(struct flood *f, struct dr_dur time)
{
	int r = dr_loop_add_timer(f->i->b->loop, on_due, f, &f->timer);

	if (r < 0)
		return r;
	f->begun = dr_mono_now();
	f->end = dr_mono_add(f->begun, time);
	look(f, 0);
	r = on_due(f->timer, f);
	if (r == 0)
		r = pass(f, dr_mono_add(f->begun, (struct dr_dur){ time.ns / 2 }));
	look(f, 1);
	if (r == 0)
		r = pass(f, f->end);
	look(f, 2);
	return r;
}

int cb_flood_run(struct cb_inspector *i, unsigned hosts, unsigned seconds, struct cb_flood *ret)
{
	struct flood f = { .i = i, .hosts = hosts, .result = ret };
	int r, waited;

	*ret = (struct cb_flood){ 0 };
	r = run(&f, dr_sec(seconds));
	dr_source_free(f.timer);
	/* the answers would find f gone; each comes, or has its time-out */
	do
		waited = cb_until(i->b, dr_sec(1), all_answered, &f);
	while (waited);
	return r;
}

void cb_flood_done(struct cb_flood *f)
{
	bench_samples_done(&f->answers);
}
