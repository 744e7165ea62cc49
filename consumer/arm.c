/* SPDX-License-Identifier: Apache-2.0 */
#include "consumer/arm.h"

#include <string.h>

#include "consumer/alarm.h"
#include "doctor/cloud/aodh.h"
#include "doctor/log.h"

#define PAUSE dr_sec(1)
#define PAUSE_MAX dr_sec(30)
#define AGAIN_ATTEMPTS 10

/* The alarm of one server. */
struct item {
	struct con_arm *arm;
	const char *server;
	char name[sizeof("doctor_") + CON_UUID_LEN];
	char alarm[CON_ID_MAX + 1]; /* "" until it is there */
	struct dr_source *timer;
	unsigned attempts; /* that failed in a row */
	struct dr_source *again_timer;
	unsigned again_attempts;
	bool again; /* it is being set back to ok */
	bool busy;  /* a request is under way */
	bool deleting;
	bool keep;
};

struct con_arm {
	struct dr_loop *loop;
	struct dr_cloud *cloud;
	const char *url;
	struct dr_dur timeout;
	struct con_arm_events events;
	struct item *items;
	size_t count;
	bool started; /* the event was told */
	bool removing;
};

static void tell_started(struct con_arm *a, int error, const char *why)
{
	if (a->started || a->removing)
		return;
	a->started = true;
	a->events.started(error, why, a->events.userdata);
}

/* ---------------------------------------------------------------- deleting */

static void on_deleted(const struct dr_cloud_reply *r, void *userdata)
{
	struct item *i = userdata;

	i->busy = false;
	if (r->error == -ECANCELED)
		return;
	if (con_outcome_of(false, r->error, r->status) <= CON_OUT_GONE)
		i->alarm[0] = '\0';
	else
		dr_warning("alarm is left in Aodh alarm=%s vm=%s: %s", i->alarm, i->server, r->reason);
}

static int send(struct con_arm *a, struct dr_api_call *call, int r, dr_cloud_done_fn fn, void *userdata)
{
	if (r < 0)
		return r;
	call->req.timeout = a->timeout;
	return dr_cloud_send(a->cloud, &call->req, fn, userdata);
}

static void remove_alarm(struct item *i)
{
	DR_AUTO_CALL struct dr_api_call call = { 0 };
	int r;

	if (!i->alarm[0] || i->deleting || i->keep)
		return;
	i->deleting = true;
	r = send(i->arm, &call, dr_aodh_alarm_delete(&call, i->alarm), on_deleted, i);
	if (r < 0)
		dr_warning("alarm is left in Aodh alarm=%s vm=%s: %s", i->alarm, i->server, strerror(-r));
	i->busy = r == 0;
}

/* ---------------------------------------------------------------- creating */

static void list(struct item *i);

/* Again after a pause, or not at all: 0, or why a person must help. */
static void failed(struct item *i, const struct dr_cloud_reply *r, const char *doing)
{
	enum con_outcome outcome = con_outcome_of(false, r->error, r->status);
	char why[sizeof(r->reason) + 100], wait[DR_TIME_STR_MAX];
	struct dr_dur pause;

	snprintf(why, sizeof(why), "%s of vm=%s: %s", doing, i->server, r->reason);
	if (r->error == -EACCES || r->error == -ENOENT || outcome != CON_OUT_RETRY) {
		tell_started(i->arm, r->error ? r->error : -EPERM, why);
		return;
	}
	pause = con_pause(PAUSE, PAUSE_MAX, ++i->attempts);
	dr_warning("%s; again in %s", why, dr_dur_format(pause, wait));
	if (dr_timer_arm(i->timer, pause) < 0)
		tell_started(i->arm, -ENOMEM, why);
}

static void send_failed(struct item *i, int error, const char *doing)
{
	struct dr_cloud_reply r = { .error = error };

	snprintf(r.reason, sizeof(r.reason), "%s", strerror(-error));
	failed(i, &r, doing);
}

static void armed(struct item *i, const char *alarm)
{
	struct con_arm *a = i->arm;

	snprintf(i->alarm, sizeof(i->alarm), "%s", alarm);
	i->attempts = 0;
	if (a->removing)
		remove_alarm(i);
	else if (con_arm_count(a) == a->count)
		tell_started(a, 0, NULL);
}

static void on_created(const struct dr_cloud_reply *r, void *userdata)
{
	struct item *i = userdata;
	struct dr_aodh_alarm alarm;

	i->busy = false;
	if (r->error == -ECANCELED)
		return;
	if (con_outcome_of(false, r->error, r->status) != CON_OUT_OK) {
		failed(i, r, "creating the alarm");
		return;
	}
	if (dr_aodh_alarm_parse(r->json, &alarm) < 0) {
		send_failed(i, -EPROTO, "creating the alarm");
		return;
	}
	dr_info("alarm created vm=%s alarm=%s url=%s", i->server, alarm.id, i->arm->url);
	armed(i, alarm.id);
}

static void create(struct item *i)
{
	DR_AUTO_CALL struct dr_api_call call = { 0 };
	const struct dr_aodh_event_alarm alarm = {
		.name = i->name,
		.description = "a server is in error",
		.severity = "critical",
		.instance_id = i->server,
		.action_url = i->arm->url,
	};
	int r = send(i->arm, &call, dr_aodh_alarm_create(&call, &alarm), on_created, i);

	if (r < 0)
		send_failed(i, r, "creating the alarm");
	i->busy = r == 0;
}

static bool equal(const char *a, const char *b)
{
	return a && strcmp(a, b) == 0;
}

/* An alarm of ours from before, which fires for this server and calls us. */
static bool is_ours(const struct item *i, const struct dr_json *row, struct dr_aodh_alarm *ret)
{
	return dr_aodh_alarm_parse(row, ret) == 0 && ret->enabled && equal(ret->name, i->name) &&
	       equal(ret->type, "event") && equal(ret->instance_id, i->server) &&
	       equal(ret->action_url, i->arm->url);
}

static void reuse(struct item *i, const struct dr_aodh_alarm *alarm)
{
	struct con_arm *a = i->arm;
	bool fired = equal(alarm->state, "alarm");

	dr_info("alarm was there vm=%s alarm=%s state=%s", i->server, alarm->id,
		alarm->state ? alarm->state : "");
	armed(i, alarm->id);
	if (fired && !a->removing)
		a->events.fired(i->server, i->alarm, a->events.userdata);
}

static void on_listed(const struct dr_cloud_reply *r, void *userdata)
{
	struct item *i = userdata;

	i->busy = false;
	if (r->error == -ECANCELED)
		return;
	if (con_outcome_of(false, r->error, r->status) != CON_OUT_OK) {
		failed(i, r, "looking for the alarm");
		return;
	}
	for (const struct dr_json *row = dr_json_first(r->json); row; row = dr_json_next(row)) {
		struct dr_aodh_alarm alarm;

		if (is_ours(i, row, &alarm)) {
			reuse(i, &alarm);
			return;
		}
	}
	if (!i->arm->removing)
		create(i);
}

static void list(struct item *i)
{
	DR_AUTO_CALL struct dr_api_call call = { 0 };
	int r = send(i->arm, &call, dr_aodh_alarms_list(&call, i->name), on_listed, i);

	if (r < 0)
		send_failed(i, r, "looking for the alarm");
	i->busy = r == 0;
}

static int on_item_timer(struct dr_source *s, void *userdata)
{
	struct item *i = userdata;

	if (!i->arm->removing)
		list(i);
	return 0;
}

/* ---------------------------------------------------------------- arming again */

static void again_failed(struct item *i, enum con_outcome outcome, const char *why)
{
	struct dr_dur pause = con_pause(PAUSE, PAUSE_MAX, ++i->again_attempts);

	if (i->arm->removing)
		return; /* it is being deleted */
	if (outcome == CON_OUT_RETRY && i->again_attempts < AGAIN_ATTEMPTS &&
	    dr_timer_arm(i->again_timer, pause) == 0) {
		dr_warning("alarm is not armed yet alarm=%s, trying again: %s", i->alarm, why);
		return;
	}
	i->again = false;
	if (outcome == CON_OUT_GONE)
		dr_warning("alarm was deleted by somebody alarm=%s", i->alarm);
	else
		dr_error("alarm is not armed and will not fire again alarm=%s: %s", i->alarm, why);
}

static void on_set(const struct dr_cloud_reply *r, void *userdata)
{
	enum con_outcome outcome = con_outcome_of(false, r->error, r->status);
	struct item *i = userdata;

	if (r->error == -ECANCELED)
		return;
	if (outcome != CON_OUT_OK) {
		again_failed(i, outcome, r->reason);
		return;
	}
	i->again = false;
	dr_info("alarm armed again alarm=%s", i->alarm);
}

static int on_again_timer(struct dr_source *s, void *userdata)
{
	DR_AUTO_CALL struct dr_api_call call = { 0 };
	struct item *i = userdata;
	int r;

	if (i->arm->removing)
		return 0;
	r = send(i->arm, &call, dr_aodh_alarm_state_set(&call, i->alarm, "ok"), on_set, i);
	if (r < 0)
		again_failed(i, r == -EINVAL ? CON_OUT_REFUSED : CON_OUT_RETRY, strerror(-r));
	return 0;
}

static struct item *find(struct con_arm *a, const char *server_id)
{
	for (size_t i = 0; i < a->count; i++) {
		if (strcmp(a->items[i].server, server_id) == 0)
			return &a->items[i];
	}
	return NULL;
}

void con_arm_again(struct con_arm *a, const char *server_id)
{
	struct item *i = find(a, server_id);

	/* one that is not there yet is told of when it is found to have fired */
	if (!i || !i->alarm[0] || i->again || a->removing)
		return;
	i->again_attempts = 0;
	i->again = true;
	/* a timer that lives does not fail */
	(void)!dr_timer_arm(i->again_timer, dr_msec(0));
}

/* ---------------------------------------------------------------- all of them */

int con_arm_new(struct dr_loop *l, struct dr_cloud *cloud, const struct con_config *c, const char *url,
		const struct con_arm_events *events, struct con_arm **ret)
{
	DR_AUTO(con_arm_freep) struct con_arm *a = calloc(1, sizeof(*a));
	int r;

	if (!a)
		return -ENOMEM;
	a->loop = l;
	a->cloud = cloud;
	a->url = url;
	a->timeout = c->timeout;
	a->events = *events;
	a->items = calloc(c->server_count, sizeof(*a->items));
	if (!a->items)
		return -ENOMEM;
	while (a->count < c->server_count) {
		struct item *i = &a->items[a->count];

		i->arm = a;
		i->server = c->servers[a->count++];
		snprintf(i->name, sizeof(i->name), "doctor_%s", i->server);
		r = dr_loop_add_timer(l, on_item_timer, i, &i->timer);
		if (r == 0)
			r = dr_loop_add_timer(l, on_again_timer, i, &i->again_timer);
		if (r < 0)
			return r;
	}
	*ret = DR_TAKE_PTR(a);
	return 0;
}

void con_arm_free(struct con_arm *a)
{
	if (!a)
		return;
	for (size_t i = 0; i < a->count; i++) {
		dr_source_free(a->items[i].timer);
		dr_source_free(a->items[i].again_timer);
	}
	free(a->items);
	free(a);
}

void con_arm_start(struct con_arm *a)
{
	for (size_t i = 0; i < a->count; i++)
		list(&a->items[i]);
}

size_t con_arm_count(const struct con_arm *a)
{
	size_t n = 0;

	for (size_t i = 0; i < a->count; i++)
		n += a->items[i].alarm[0] != '\0';
	return n;
}

void con_arm_keep(struct con_arm *a, const char *server_id)
{
	struct item *i = find(a, server_id);

	if (i)
		i->keep = true;
}

void con_arm_remove(struct con_arm *a)
{
	a->removing = true;
	for (size_t i = 0; i < a->count; i++)
		remove_alarm(&a->items[i]);
}

bool con_arm_busy(const struct con_arm *a)
{
	for (size_t i = 0; i < a->count; i++) {
		if (a->items[i].busy)
			return true;
	}
	return false;
}
