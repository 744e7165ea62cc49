/* SPDX-License-Identifier: Apache-2.0 */
#include "consumer/tell.h"

#include <string.h>

#include "doctor/http_client.h"
#include "doctor/log.h"

#define PAUSE dr_sec(1)
#define PAUSE_MAX dr_sec(60)
#define ATTEMPTS 10

struct con_tell {
	struct con_faults *faults;
	const char *url;
	struct dr_http_client *http;
	struct dr_source *timer;
	char fault[DR_UUID_STR]; /* that is being told; "": none */
	bool stale;		 /* it has changed meanwhile */
	unsigned attempts;
};

static void add_time(struct dr_json *o, const char *key, struct dr_wall t)
{
	char text[DR_TIME_STR_MAX];

	dr_json_add_str(o, key, t.ns ? dr_wall_format(t, text) : NULL);
}

static void add_text(struct dr_json *o, const char *key, const char *text)
{
	dr_json_add_str(o, key, text[0] ? text : NULL);
}

struct dr_json *con_fault_json(const struct con_fault *f)
{
	struct dr_json *o = dr_json_object();

	dr_json_add_str(o, "fault", f->id);
	dr_json_add_str(o, "server", f->server);
	add_text(o, "alarm", f->alarm);
	add_text(o, "incident", f->incident);
	add_text(o, "type", f->type);
	dr_json_add_bool(o, "cleared", f->cleared);
	add_time(o, "heard", f->heard);
	add_time(o, "ended", f->ended);
	dr_json_add_str(o, "recovery", con_recovery_kind_name(f->kind));
	dr_json_add_str(o, "state", con_fault_state_name(f->state));
	dr_json_add_int(o, "attempts", f->attempts);
	add_text(o, "replacement", f->replacement);
	dr_json_add_bool(o, "returned", f->returned);
	add_text(o, "reason", f->why);
	return o;
}

static void told(struct con_tell *t, struct con_fault *f)
{
	t->fault[0] = '\0';
	t->attempts = 0;
	if (f && !t->stale) {
		f->told = true;
		int r = con_faults_save(t->faults, f, NULL);
		if (r < 0)
			dr_warning("outcome may be told again fault=%s: writing the journal: %s", f->id,
				   strerror(-r));
	}
	t->stale = false;
	con_tell_look(t, NULL);
}

static void on_told(const struct dr_http_response *r, void *userdata)
{
	struct con_tell *t = userdata;
	struct con_fault *f;
	char status[32];

	if (r->error == -ECANCELED)
		return;
	f = con_faults_find(t->faults, t->fault);
	if (r->error == 0 && r->status >= 200 && r->status < 300) {
		told(t, f);
		return;
	}
	snprintf(status, sizeof(status), "status %u", r->status);
	if (++t->attempts < ATTEMPTS) {
		dr_warning("webhook is not told yet fault=%s: %s", t->fault, r->error ? r->reason : status);
		/* a timer that lives does not fail */
		(void)!dr_timer_arm(t->timer, con_pause(PAUSE, PAUSE_MAX, t->attempts));
		return;
	}
	dr_error("webhook is not told fault=%s: %s", t->fault, r->error ? r->reason : status);
	told(t, f);
}

static int send(struct con_tell *t, const struct con_fault *f)
{
	DR_AUTO_JSON struct dr_json *json = con_fault_json(f);
	DR_AUTO_FREE char *body = dr_json_print(json);
	const struct dr_http_request req = {
		.method = "POST",
		.url = t->url,
		.body = body,
		.body_len = body ? strlen(body) : 0,
	};

	return body ? dr_http_send(t->http, &req, on_told, t) : -ENOMEM;
}

static int on_timer(struct dr_source *s, void *userdata)
{
	struct con_tell *t = userdata;
	struct con_fault *f = NULL;
	int r;

	if (t->fault[0]) {
		f = con_faults_find(t->faults, t->fault);
	} else {
		do
			f = con_faults_next(t->faults, f);
		while (f && (f->state == CON_FAULT_OPEN || f->told));
	}
	if (!f) {
		t->fault[0] = '\0';
		return 0;
	}
	memcpy(t->fault, f->id, sizeof(t->fault));
	t->stale = false;
	r = send(t, f);
	if (r < 0) {
		dr_error("webhook is not told fault=%s: %s", f->id, strerror(-r));
		told(t, f);
	}
	return 0;
}

void con_tell_look(struct con_tell *t, const struct con_fault *changed)
{
	if (!t)
		return;
	if (!t->fault[0])
		(void)!dr_timer_arm(t->timer, dr_msec(0));
	else if (changed && strcmp(changed->id, t->fault) == 0)
		t->stale = true;
}

int con_tell_new(struct dr_loop *l, struct con_faults *faults, const char *url, struct con_tell **ret)
{
	DR_AUTO(con_tell_freep) struct con_tell *t = calloc(1, sizeof(*t));
	int r;

	if (!t)
		return -ENOMEM;
	t->faults = faults;
	t->url = url;
	r = dr_http_client_new(l, NULL, &t->http);
	if (!r)
		r = dr_loop_add_timer(l, on_timer, t, &t->timer);
	if (r < 0)
		return r;
	con_tell_look(t, NULL);
	*ret = DR_TAKE_PTR(t);
	return 0;
}

void con_tell_free(struct con_tell *t)
{
	if (!t)
		return;
	dr_http_client_free(t->http);
	dr_source_free(t->timer);
	free(t);
}
