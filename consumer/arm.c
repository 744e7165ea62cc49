/* SPDX-License-Identifier: Apache-2.0 */
#include "consumer/arm.h"

#include <string.h>
#include <sys/queue.h>

#include "consumer/alarm.h"
#include "doctor/buf.h"
#include "doctor/cloud/aodh.h"
#include "doctor/log.h"

#define PAUSE dr_sec(1)
#define PAUSE_MAX dr_sec(30)
#define AGAIN_ATTEMPTS 10
#define LOOKS 2 /* that must agree: a list may be older than what was asked for since */

/* The alarm of one server. */
struct item {
	TAILQ_ENTRY(item) entry;
	struct con_arm *arm;
	char server[CON_ID_MAX + 1];
	char name[sizeof("doctor_") + CON_ID_MAX];
	char alarm[CON_ID_MAX + 1]; /* "" until it is there */
	struct dr_source *timer;
	unsigned attempts; /* that failed in a row */
	struct dr_source *again_timer;
	unsigned again_attempts;
	bool again;   /* it is being set back to ok */
	bool setting; /* and the request is under way */
	bool busy;    /* another request is under way */
	bool deleting;
	bool keep;
	bool dropped;		 /* goes when nothing is under way */
	bool seen, in_alarm;	 /* in the look under way */
	unsigned missing, fired; /* in how many looks at all alarms in a row it was so */
};

struct con_arm {
	struct dr_loop *loop;
	struct dr_cloud *cloud;
	const char *url;
	struct dr_dur timeout;
	struct con_arm_events events;
	TAILQ_HEAD(item_list, item) items;
	size_t count;  /* that are not dropped */
	bool complete; /* con_arm_start() was called */
	bool started;  /* the event was told */
	bool removing;
	bool looking;
	bool sweep; /* in the look under way: what earlier runs have left */
};

static void item_free(struct item *i)
{
	TAILQ_REMOVE(&i->arm->items, i, entry);
	dr_source_free(i->timer);
	dr_source_free(i->again_timer);
	free(i);
}

static void tell_started(struct con_arm *a, int error, const char *why)
{
	if (a->started || a->removing)
		return;
	a->started = true;
	a->events.started(error, why, a->events.userdata);
}

/* The last thing that a callback does: a dropped item goes with its last request. */
static void reap(struct item *i)
{
	if (i->dropped && !i->busy && !i->setting)
		item_free(i);
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
	reap(i);
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

/*
 * Nothing can be done before a person helps. Once there is an alarm, one that is refused (a quota, say) takes
 * no others along, nor does a moment in which the cloud refuses us while that is tried again.
 */
static bool is_hopeless(const struct con_arm *a, const struct dr_cloud_reply *r, enum con_outcome outcome)
{
	return con_arm_count(a) == 0 &&
	       (r->error == -EACCES || r->error == -ENOENT || outcome != CON_OUT_RETRY);
}

/* Again after a pause, or not at all: 0, or why a person must help. */
static void failed(struct item *i, const struct dr_cloud_reply *r, const char *doing)
{
	enum con_outcome outcome = con_outcome_of(false, r->error, r->status);
	char why[sizeof(r->reason) + 100], wait[DR_TIME_STR_MAX];
	struct dr_dur pause;

	snprintf(why, sizeof(why), "%s of vm=%s: %s", doing, i->server, r->reason);
	if (i->dropped)
		return;
	if (!i->arm->started && is_hopeless(i->arm, r, outcome)) {
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

static void tell_if_complete(struct con_arm *a)
{
	if (a->complete && con_arm_count(a) == a->count)
		tell_started(a, 0, NULL);
}

static void armed(struct item *i, const char *alarm)
{
	struct con_arm *a = i->arm;

	snprintf(i->alarm, sizeof(i->alarm), "%s", alarm);
	i->attempts = 0;
	if (a->removing || i->dropped)
		remove_alarm(i);
	else
		tell_if_complete(a);
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
	} else if (dr_aodh_alarm_parse(r->json, &alarm) < 0) {
		send_failed(i, -EPROTO, "creating the alarm");
	} else {
		dr_info("alarm created vm=%s alarm=%s url=%s", i->server, alarm.id, i->arm->url);
		armed(i, alarm.id);
	}
	reap(i);
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

/* An alarm as we make them for this server: it fires for it and calls us. */
static bool is_ours(const struct con_arm *a, const char *server, const struct dr_aodh_alarm *alarm)
{
	return equal(alarm->type, "event") && equal(alarm->instance_id, server) &&
	       equal(alarm->action_url, a->url) && alarm->name && strncmp(alarm->name, "doctor_", 7) == 0 &&
	       strcmp(alarm->name + 7, server) == 0;
}

static void reuse(struct item *i, const struct dr_aodh_alarm *alarm)
{
	struct con_arm *a = i->arm;
	bool fired = equal(alarm->state, "alarm");

	dr_info("alarm was there vm=%s alarm=%s state=%s", i->server, alarm->id,
		alarm->state ? alarm->state : "");
	armed(i, alarm->id);
	if (fired && !a->removing && !i->dropped)
		a->events.fired(i->server, i->alarm, a->events.userdata);
}

static bool reuse_one(struct item *i, const struct dr_json *rows)
{
	for (const struct dr_json *row = dr_json_first(rows); row; row = dr_json_next(row)) {
		struct dr_aodh_alarm alarm;

		if (dr_aodh_alarm_parse(row, &alarm) == 0 && alarm.enabled &&
		    is_ours(i->arm, i->server, &alarm)) {
			reuse(i, &alarm);
			return true;
		}
	}
	return false;
}

static void on_listed(const struct dr_cloud_reply *r, void *userdata)
{
	struct item *i = userdata;

	i->busy = false;
	if (r->error == -ECANCELED)
		return;
	if (con_outcome_of(false, r->error, r->status) != CON_OUT_OK)
		failed(i, r, "looking for the alarm");
	else if (!reuse_one(i, r->json) && !i->arm->removing && !i->dropped)
		create(i);
	reap(i);
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
	/* the looks at all alarms find either */
	if (outcome == CON_OUT_GONE)
		dr_warning("alarm was deleted by somebody alarm=%s", i->alarm);
	else
		dr_error("alarm is not armed and does not fire until it is alarm=%s: %s", i->alarm, why);
}

static void on_set(const struct dr_cloud_reply *r, void *userdata)
{
	enum con_outcome outcome = con_outcome_of(false, r->error, r->status);
	struct item *i = userdata;
	const struct con_arm_events *e = &i->arm->events;

	i->setting = false;
	if (r->error == -ECANCELED)
		return;
	if (i->dropped) {
		reap(i);
	} else if (outcome != CON_OUT_OK) {
		again_failed(i, outcome, r->reason);
	} else {
		i->again = false;
		dr_info("alarm armed again alarm=%s", i->alarm);
		if (e->armed_again)
			e->armed_again(i->server, e->userdata);
	}
}

static int on_again_timer(struct dr_source *s, void *userdata)
{
	DR_AUTO_CALL struct dr_api_call call = { 0 };
	struct item *i = userdata;
	int r;

	if (i->arm->removing)
		return 0;
	r = send(i->arm, &call, dr_aodh_alarm_state_set(&call, i->alarm, "ok"), on_set, i);
	i->setting = r == 0;
	if (r < 0)
		again_failed(i, r == -EINVAL ? CON_OUT_REFUSED : CON_OUT_RETRY, strerror(-r));
	return 0;
}

static struct item *find(struct con_arm *a, const char *server_id)
{
	struct item *i;

	TAILQ_FOREACH(i, &a->items, entry)
	{
		if (!i->dropped && strcmp(i->server, server_id) == 0)
			return i;
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

/* ---------------------------------------------------------------- looking at all of them */

static void on_swept(const struct dr_cloud_reply *r, void *userdata)
{
	if (r->error != -ECANCELED && con_outcome_of(false, r->error, r->status) > CON_OUT_GONE)
		dr_warning("alarm of a server that is gone is left in Aodh: %s", r->reason);
}

static void sweep(struct con_arm *a, const struct dr_aodh_alarm *alarm)
{
	DR_AUTO_CALL struct dr_api_call call = { 0 };

	dr_info("alarm of a server that is gone is deleted vm=%s alarm=%s", alarm->instance_id, alarm->id);
	if (send(a, &call, dr_aodh_alarm_delete(&call, alarm->id), on_swept, NULL) < 0)
		dr_warning("alarm is left in Aodh alarm=%s vm=%s", alarm->id, alarm->instance_id);
}

/* Aodh calls us once, and whether we heard it only the alarm's state shows. */
static void look_after(struct item *i)
{
	struct con_arm *a = i->arm;
	bool quiet = !i->dropped && i->alarm[0] && !i->busy && !i->deleting && !i->again && !i->setting;

	i->missing = quiet && !i->seen ? i->missing + 1 : 0;
	i->fired = quiet && i->seen && i->in_alarm ? i->fired + 1 : 0;
	if (i->missing == LOOKS) {
		dr_warning("alarm is not there any more, it is made again vm=%s alarm=%s", i->server,
			   i->alarm);
		i->missing = 0;
		i->alarm[0] = '\0';
		list(i);
	} else if (i->fired == LOOKS) {
		i->fired = 0;
		a->events.unheard(i->server, i->alarm, a->events.userdata);
	}
}

static void note_listed(struct con_arm *a, const struct dr_aodh_alarm *alarm)
{
	struct item *i = alarm->instance_id ? find(a, alarm->instance_id) : NULL;

	if (i && strcmp(i->alarm, alarm->id) == 0) {
		i->seen = true;
		i->in_alarm = equal(alarm->state, "alarm");
	} else if (!i && a->sweep && alarm->instance_id && is_ours(a, alarm->instance_id, alarm)) {
		sweep(a, alarm);
	}
}

static void on_all_listed(const struct dr_cloud_reply *r, void *userdata)
{
	struct con_arm *a = userdata;
	struct item *i;

	a->looking = false;
	if (r->error == -ECANCELED || a->removing)
		return;
	if (con_outcome_of(false, r->error, r->status) != CON_OUT_OK) {
		dr_debug("looking for alarms of servers that are gone: %s", r->reason);
		return; /* the next time */
	}
	TAILQ_FOREACH(i, &a->items, entry)
	i->seen = false;
	for (const struct dr_json *row = dr_json_first(r->json); row; row = dr_json_next(row)) {
		struct dr_aodh_alarm alarm;

		if (dr_aodh_alarm_parse(row, &alarm) == 0)
			note_listed(a, &alarm);
	}
	TAILQ_FOREACH(i, &a->items, entry)
	look_after(i);
}

void con_arm_look(struct con_arm *a, bool complete)
{
	DR_AUTO_CALL struct dr_api_call call = { 0 };

	if (a->looking || a->removing)
		return;
	a->sweep = complete;
	a->looking = send(a, &call, dr_aodh_alarms_list(&call, NULL), on_all_listed, a) == 0;
}

/* ---------------------------------------------------------------- all of them */

int con_arm_new(struct dr_loop *l, struct dr_cloud *cloud, struct dr_dur timeout, const char *url,
		const struct con_arm_events *events, struct con_arm **ret)
{
	struct con_arm *a = calloc(1, sizeof(*a));

	if (!a)
		return -ENOMEM;
	TAILQ_INIT(&a->items);
	a->loop = l;
	a->cloud = cloud;
	a->url = url;
	a->timeout = timeout;
	a->events = *events;
	*ret = a;
	return 0;
}

void con_arm_free(struct con_arm *a)
{
	struct item *i;

	if (!a)
		return;
	while ((i = TAILQ_FIRST(&a->items)))
		item_free(i);
	free(a);
}

int con_arm_add(struct con_arm *a, const char *server_id)
{
	struct item *i;
	int r;

	if (find(a, server_id) || a->removing)
		return 0;
	i = calloc(1, sizeof(*i));
	if (!i)
		return -ENOMEM;
	i->arm = a;
	TAILQ_INSERT_TAIL(&a->items, i, entry);
	r = dr_strcpy(i->server, sizeof(i->server), server_id);
	if (r == 0)
		r = dr_loop_add_timer(a->loop, on_item_timer, i, &i->timer);
	if (r == 0)
		r = dr_loop_add_timer(a->loop, on_again_timer, i, &i->again_timer);
	if (r < 0) {
		item_free(i);
		return r;
	}
	snprintf(i->name, sizeof(i->name), "doctor_%s", i->server);
	a->count++;
	list(i);
	return 0;
}

void con_arm_drop(struct con_arm *a, const char *server_id)
{
	struct item *i = find(a, server_id);

	if (!i)
		return;
	i->dropped = true;
	a->count--;
	dr_timer_disarm(i->timer);
	dr_timer_disarm(i->again_timer);
	remove_alarm(i);
	reap(i);
}

void con_arm_start(struct con_arm *a)
{
	a->complete = true;
	tell_if_complete(a);
}

size_t con_arm_count(const struct con_arm *a)
{
	const struct item *i;
	size_t n = 0;

	TAILQ_FOREACH(i, &a->items, entry)
	n += i->alarm[0] && !i->dropped;
	return n;
}

size_t con_arm_wanted(const struct con_arm *a)
{
	return a->count;
}

void con_arm_keep(struct con_arm *a, const char *server_id)
{
	struct item *i = find(a, server_id);

	if (i)
		i->keep = true;
}

void con_arm_remove(struct con_arm *a)
{
	struct item *i, *next;

	a->removing = true;
	for (i = TAILQ_FIRST(&a->items); i; i = next) {
		next = TAILQ_NEXT(i, entry);
		remove_alarm(i);
	}
}

bool con_arm_busy(const struct con_arm *a)
{
	const struct item *i;

	TAILQ_FOREACH(i, &a->items, entry)
	{
		if (i->busy)
			return true;
	}
	return false;
}
