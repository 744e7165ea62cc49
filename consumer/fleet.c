/* SPDX-License-Identifier: Apache-2.0 */
#include "consumer/fleet.h"

#include <string.h>

#include "doctor/log.h"

#define PAGES_MAX 1000
#define PAUSE dr_sec(1) /* after a look that failed, doubled up to the interval */

struct con_fleet {
	const struct con_work *work;
	struct dr_dur interval;
	struct con_fleet_events events;
	struct dr_source *timer;
	unsigned failed, pages;
	bool partial, stopped;
};

static void again(struct con_fleet *f, struct dr_dur pause)
{
	/* a timer that lives does not fail */
	if (!f->stopped)
		(void)!dr_timer_arm(f->timer, pause);
}

static void failed(struct con_fleet *f, const char *why)
{
	struct dr_dur pause = con_pause(PAUSE, f->interval, ++f->failed);
	char text[DR_TIME_STR_MAX];

	dr_warning("which servers there are is not known; again in %s: %s", dr_dur_format(pause, text), why);
	again(f, pause);
}

static int send(struct con_fleet *f, struct dr_api_call *call, int r, dr_cloud_done_fn fn)
{
	if (r == 0) {
		call->req.timeout = f->work->timeout;
		r = dr_cloud_send(f->work->cloud, &call->req, fn, f);
	}
	if (r < 0)
		failed(f, strerror(-r));
	return r;
}

static void take_rows(struct con_fleet *f, const struct dr_json *rows)
{
	for (const struct dr_json *row = dr_json_first(rows); row; row = dr_json_next(row)) {
		struct dr_nova_server s;
		int r = dr_nova_server_parse(row, &s);

		if (r == 0)
			f->events.server(s.id, row, f->events.userdata);
		else
			f->partial = true;
	}
}

static void on_page(const struct dr_cloud_reply *r, void *userdata)
{
	DR_AUTO_CALL struct dr_api_call call = { 0 };
	const struct dr_json *rows = dr_json_get(r->json, "servers");
	struct con_fleet *f = userdata;
	const char *next;

	if (r->error == -ECANCELED || f->stopped)
		return;
	if (con_outcome_of(false, r->error, r->status) != CON_OUT_OK || !dr_json_is_array(rows)) {
		failed(f, r->reason[0] ? r->reason : "the answer is not understood");
		return;
	}
	take_rows(f, rows);
	next = dr_nova_servers_next(r->json);
	if (next && ++f->pages < PAGES_MAX) {
		(void)!send(f, &call, dr_nova_servers_more(&call, f->work->api, next), on_page);
		return;
	}
	f->failed = 0;
	f->events.end(f->partial, f->events.userdata);
	again(f, f->interval);
}

static void begin(struct con_fleet *f)
{
	DR_AUTO_CALL struct dr_api_call call = { 0 };

	f->pages = 0;
	f->partial = false;
	(void)!send(f, &call, dr_nova_servers_list(&call, f->work->api, false, NULL, 0), on_page);
}

static void on_version(const struct dr_cloud_reply *r, void *userdata)
{
	struct con_fleet *f = userdata;
	char why[600];

	if (r->error == -ECANCELED || f->stopped)
		return;
	if (con_take_version(r, f->work->api, why, sizeof(why)) == CON_OUT_OK)
		begin(f);
	else
		failed(f, why);
}

static int on_timer(struct dr_source *s, void *userdata)
{
	DR_AUTO_CALL struct dr_api_call call = { 0 };
	struct con_fleet *f = userdata;

	if (f->work->api->use)
		begin(f);
	else
		(void)!send(f, &call, dr_nova_version_get(&call), on_version);
	return 0;
}

int con_fleet_new(const struct con_work *w, struct dr_dur first, struct dr_dur interval,
		  const struct con_fleet_events *events, struct con_fleet **ret)
{
	DR_AUTO(con_fleet_freep) struct con_fleet *f = calloc(1, sizeof(*f));
	int r;

	if (!f)
		return -ENOMEM;
	f->work = w;
	f->interval = interval;
	f->events = *events;
	r = dr_loop_add_timer(w->loop, on_timer, f, &f->timer);
	if (r == 0)
		r = dr_timer_arm(f->timer, first);
	if (r < 0)
		return r;
	*ret = DR_TAKE_PTR(f);
	return 0;
}

void con_fleet_stop(struct con_fleet *f)
{
	f->stopped = true;
	dr_timer_disarm(f->timer);
}

void con_fleet_free(struct con_fleet *f)
{
	if (!f)
		return;
	dr_source_free(f->timer);
	free(f);
}
