/* SPDX-License-Identifier: Apache-2.0 */
#include "consumer/recreate.h"

#include <string.h>

#include "consumer/alarm.h"
#include "consumer/replacement.h"
#include "doctor/cloud/neutron.h"
#include "doctor/log.h"

#define PAGES_MAX 1000 /* of the owner's servers */

struct con_recreate {
	const struct con_work *work;
	struct dr_nova_api *api;
	const struct con_plan *plan;
	struct con_fault *fault;
	con_result_fn fn;
	void *userdata;
	const char *server; /* the lost one */
	struct con_recovery machine;
	struct dr_source *timer;
	bool polling;  /* the timer is for the next look at the replacement */
	bool deleting; /* it is for deleting the lost server */
	unsigned delete_attempts;
	char replacement[CON_ID_MAX + 1];
	char why[600];	       /* of the last failure */
	struct dr_wall active; /* when the replacement was seen to be */

	/* the look under way */
	unsigned pending;
	unsigned pages;
	enum con_outcome worst;
	bool gone;
	struct dr_json *lost, *ports, *groups;
	struct con_replacements list;
	struct dr_json *best; /* the row of list.id */
};

static void step(struct con_recreate *x, enum con_event event);

/* The outcome of a call; what went wrong is kept for people. */
static enum con_outcome judge(struct con_recreate *x, bool boot, const struct dr_cloud_reply *r,
			      const char *doing)
{
	enum con_outcome outcome = con_outcome_of(boot, r->error, r->status);

	if (outcome != CON_OUT_OK)
		snprintf(x->why, sizeof(x->why), "%s: %s", doing, r->reason);
	return outcome;
}

static int send(struct con_recreate *x, struct dr_api_call *call, int r, dr_cloud_done_fn fn)
{
	if (r == 0) {
		call->req.timeout = x->work->timeout;
		r = dr_cloud_send(x->work->cloud, &call->req, fn, x);
	}
	if (r < 0)
		snprintf(x->why, sizeof(x->why), "cannot send: %s", strerror(-r));
	return r;
}

/* ---------------------------------------------------------------- looking */

static void checked(struct con_recreate *x);

static void judge_lost(struct con_recreate *x)
{
	enum con_event event = x->gone ? CON_GONE : con_judge_lost(x->lost);

	if (event == CON_RETRY)
		snprintf(x->why, sizeof(x->why), "somebody rebuilds or evacuates it");
	step(x, event);
}

static void looked(struct con_recreate *x)
{
	if (--x->pending > 0)
		return;
	if (x->machine.state == CON_CHECKING) {
		checked(x);
		return;
	}
	/* a replacement counts whatever else failed, the lost server may be deleted by now */
	if (x->list.id[0]) {
		memcpy(x->replacement, x->list.id, sizeof(x->replacement));
		con_replacement_why(x->list.event, x->best, x->replacement, x->why, sizeof(x->why));
		step(x, x->list.event);
	} else if (x->worst == CON_OUT_REFUSED) {
		step(x, CON_REFUSED);
	} else if (x->worst != CON_OUT_OK) {
		step(x, CON_RETRY);
	} else if (x->list.partial) {
		snprintf(x->why, sizeof(x->why),
			 "a cell of Nova does not answer, a replacement may be there");
		step(x, CON_RETRY);
	} else {
		judge_lost(x);
	}
}

static void note(struct con_recreate *x, enum con_outcome outcome)
{
	x->worst = DR_MAX(x->worst, outcome);
}

/* The list in a good answer; anything else is noted, and NULL. */
static const struct dr_json *listed(struct con_recreate *x, const struct dr_cloud_reply *r, const char *key,
				    const char *doing)
{
	const struct dr_json *list = dr_json_get(r->json, key);
	enum con_outcome outcome = judge(x, false, r, doing);

	if (outcome == CON_OUT_GONE) /* the list itself */
		outcome = CON_OUT_REFUSED;
	if (outcome == CON_OUT_OK && dr_json_is_array(list))
		return list;
	if (outcome == CON_OUT_OK) {
		snprintf(x->why, sizeof(x->why), "%s: the answer is not understood", doing);
		outcome = CON_OUT_RETRY;
	}
	note(x, outcome);
	return NULL;
}

static void on_lost(const struct dr_cloud_reply *r, void *userdata)
{
	struct con_recreate *x = userdata;
	enum con_outcome outcome;

	if (r->error == -ECANCELED)
		return;
	outcome = judge(x, false, r, "looking at the server");
	if (outcome == CON_OUT_OK) {
		x->lost = dr_json_copy(dr_json_get(r->json, "server"));
		if (!dr_json_is_object(x->lost))
			note(x, CON_OUT_RETRY);
	} else if (outcome == CON_OUT_GONE) {
		x->gone = true;
	} else {
		note(x, outcome);
	}
	looked(x);
}

static void on_ports(const struct dr_cloud_reply *r, void *userdata)
{
	struct con_recreate *x = userdata;

	if (r->error == -ECANCELED)
		return;
	x->ports = dr_json_copy(listed(x, r, "ports", "looking at its ports"));
	looked(x);
}

/* A cloud without groups, or one that does not let us see them, is none that keeps servers in groups for us.
 */
static void on_groups(const struct dr_cloud_reply *r, void *userdata)
{
	struct con_recreate *x = userdata;
	enum con_outcome outcome;

	if (r->error == -ECANCELED)
		return;
	outcome = con_outcome_of(false, r->error, r->status);
	if (outcome == CON_OUT_OK)
		x->groups = dr_json_copy(dr_json_get(r->json, "server_groups"));
	else if (outcome == CON_OUT_RETRY)
		note(x, judge(x, false, r, "looking at the server groups"));
	looked(x);
}

static void on_page(const struct dr_cloud_reply *r, void *userdata)
{
	DR_AUTO_CALL struct dr_api_call call = { 0 };
	struct con_recreate *x = userdata;
	const struct dr_json *best;
	const char *next;

	if (r->error == -ECANCELED)
		return;
	best = con_replacements_add(&x->list, listed(x, r, "servers", "looking for a replacement"),
				    x->server);
	if (best) {
		dr_json_free(x->best);
		x->best = dr_json_copy(best);
	}
	next = dr_nova_servers_next(r->json);
	if (next && ++x->pages < PAGES_MAX) {
		if (send(x, &call, dr_nova_servers_more(&call, x->api, next), on_page) == 0)
			return;
		note(x, CON_OUT_RETRY);
	}
	looked(x);
}

/* Counts a part of the look that could not even be sent. */
static void begin(struct con_recreate *x, int r)
{
	if (r == 0)
		x->pending++;
	else
		note(x, CON_OUT_RETRY);
}

static void look_at_all(struct con_recreate *x)
{
	DR_AUTO_CALL struct dr_api_call show = { 0 }, ports = { 0 }, list = { 0 }, groups = { 0 };
	struct dr_nova_api shown = con_show_api(x->api);

	x->pending = 1; /* until all are sent */
	begin(x, send(x, &show, dr_nova_server_show(&show, &shown, x->server), on_lost));
	begin(x, send(x, &ports, dr_neutron_ports_list(&ports, NULL, x->server), on_ports));
	begin(x, send(x, &list, dr_nova_servers_list(&list, x->api, false, NULL, 0), on_page));
	begin(x, send(x, &groups, dr_nova_server_groups_list(&groups, x->api), on_groups));
	looked(x);
}

static void on_version(const struct dr_cloud_reply *r, void *userdata)
{
	struct con_recreate *x = userdata;
	enum con_outcome outcome;

	if (r->error == -ECANCELED)
		return;
	outcome = con_take_version(r, x->api, x->why, sizeof(x->why));
	if (outcome == CON_OUT_OK)
		look_at_all(x);
	else
		step(x, outcome == CON_OUT_RETRY ? CON_RETRY : CON_REFUSED);
}

static void forget(struct con_recreate *x)
{
	dr_json_free(DR_TAKE_PTR(x->lost));
	dr_json_free(DR_TAKE_PTR(x->ports));
	dr_json_free(DR_TAKE_PTR(x->groups));
	dr_json_free(DR_TAKE_PTR(x->best));
	x->pages = 0;
	x->worst = CON_OUT_OK;
	x->gone = false;
	x->list = (struct con_replacements){ 0 };
}

static void look(struct con_recreate *x)
{
	DR_AUTO_CALL struct dr_api_call call = { 0 };

	forget(x);
	if (x->api->use)
		look_at_all(x);
	else if (send(x, &call, dr_nova_version_get(&call), on_version) < 0)
		step(x, CON_RETRY);
}

/* ---------------------------------------------------------------- booting */

/* False: the journal cannot be written, and nothing may be done that it would not know of. */
static bool keep(struct con_recreate *x)
{
	int r = con_faults_save(x->work->faults, x->fault, NULL);

	if (r < 0)
		snprintf(x->why, sizeof(x->why), "writing the journal: %s", strerror(-r));
	return r == 0;
}

static void on_booted(const struct dr_cloud_reply *r, void *userdata)
{
	static const enum con_event failures[] = {
		[CON_OUT_GONE] = CON_REFUSED,
		[CON_OUT_RETRY] = CON_RETRY,
		[CON_OUT_UNCLEAR] = CON_UNCLEAR,
		[CON_OUT_REFUSED] = CON_REFUSED,
	};
	struct con_recreate *x = userdata;
	const char *id = dr_json_str(dr_json_path(r->json, "server.id"));
	enum con_outcome outcome;

	if (r->error == -ECANCELED)
		return;
	outcome = judge(x, true, r, "booting a replacement");
	if (outcome == CON_OUT_OK && !dr_api_id_valid(id)) {
		snprintf(x->why, sizeof(x->why), "booting a replacement: the answer names no server");
		outcome = CON_OUT_UNCLEAR; /* a look finds it */
	}
	if (outcome != CON_OUT_OK) {
		step(x, failures[outcome]);
		return;
	}
	snprintf(x->replacement, sizeof(x->replacement), "%s", id);
	snprintf(x->fault->replacement, sizeof(x->fault->replacement), "%s", id);
	dr_info("replacement is being built vm=%s replacement=%s", x->server, x->replacement);
	step(x, CON_ACCEPTED);
}

/* Ports that were taken from the lost server are listed as its no more. */
static const struct dr_json *boot_ports(const struct con_recreate *x)
{
	return x->plan->keep_addresses && x->fault->moves ? x->fault->moves : x->ports;
}

/* The intent is in the journal before anything is asked for. */
static void boot(struct con_recreate *x)
{
	DR_AUTO_CALL struct dr_api_call call = { 0 };
	const struct con_boot b = {
		.server = x->lost,
		.ports = boot_ports(x),
		.groups = x->groups,
		.fault = x->fault->id,
		.keep_addresses = x->plan->keep_addresses,
		.microversion = x->api->use,
	};
	const char *why = "Nova's answer is not understood";
	struct dr_json *body = NULL;
	int r;

	x->replacement[0] = '\0';
	r = con_boot_body(&b, &body, &why);
	if (r < 0) {
		snprintf(x->why, sizeof(x->why), "it cannot be recreated: %s", why);
		step(x, CON_REFUSED);
		return;
	}
	x->fault->attempts++;
	if (!keep(x)) {
		x->fault->attempts--;
		dr_json_free(body);
		step(x, CON_UNSENT);
		return;
	}
	r = dr_api_call_init(&call, "compute", "POST", body, "/servers");
	snprintf(call.microversion, sizeof(call.microversion), "2.%u", x->api->use);
	call.req.microversion = call.microversion;
	if (send(x, &call, r, on_booted) < 0)
		step(x, CON_RETRY);
}

static void released(struct con_recreate *x)
{
	if (--x->pending > 0)
		return;
	if (x->worst == CON_OUT_OK)
		boot(x);
	else
		step(x, x->worst == CON_OUT_REFUSED ? CON_REFUSED : CON_RETRY);
}

static void on_released(const struct dr_cloud_reply *r, void *userdata)
{
	struct con_recreate *x = userdata;

	if (r->error == -ECANCELED)
		return;
	note(x, judge(x, false, r, "taking a port from the server") == CON_OUT_GONE
			? CON_OUT_REFUSED
			: con_outcome_of(false, r->error, r->status));
	released(x);
}

/* Those that an earlier recovery of the server took, which then gave up; else those that it has. */
static struct dr_json *ports_to_take(const struct con_recreate *x)
{
	const struct con_fault *f = NULL, *last = NULL;

	while ((f = con_faults_next(x->work->faults, f))) {
		if (f != x->fault && f->kind == CON_RECOVERY_RECREATE && f->moves &&
		    strcmp(f->server, x->server) == 0)
			last = f;
	}
	return dr_json_copy(dr_json_size(x->ports) == 0 && last ? last->moves : x->ports);
}

/* The lost server's ports are to be the replacement's: they are noted before they are taken from it. */
static void take_ports(struct con_recreate *x)
{
	if (!x->fault->moves) {
		x->fault->moves = ports_to_take(x);
		if (!keep(x)) {
			dr_json_free(DR_TAKE_PTR(x->fault->moves));
			step(x, CON_UNSENT);
			return;
		}
	}
	x->worst = CON_OUT_OK;
	x->pending = 1; /* until all are sent */
	for (const struct dr_json *p = dr_json_first(x->ports); p; p = dr_json_next(p)) {
		DR_AUTO_CALL struct dr_api_call call = { 0 };

		begin(x,
		      send(x, &call, dr_neutron_port_release(&call, dr_json_get_str(p, "id")), on_released));
	}
	released(x);
}

/* ---------------------------------------------------------------- the replacement */

static void on_polled(const struct dr_cloud_reply *r, void *userdata)
{
	struct con_recreate *x = userdata;
	const struct dr_json *server = dr_json_get(r->json, "server");
	enum con_event event;

	if (r->error == -ECANCELED)
		return;
	switch (judge(x, false, r, "looking at the replacement")) {
	case CON_OUT_OK:
		event = con_judge_replacement(server);
		con_replacement_why(event, server, x->replacement, x->why, sizeof(x->why));
		step(x, event);
		break;
	case CON_OUT_GONE:
		step(x, CON_VANISHED);
		break;
	case CON_OUT_RETRY:
	case CON_OUT_UNCLEAR:
		step(x, CON_RETRY);
		break;
	case CON_OUT_REFUSED:
		step(x, CON_REFUSED);
		break;
	}
}

static void poll(struct con_recreate *x)
{
	DR_AUTO_CALL struct dr_api_call call = { 0 };

	if (send(x, &call, dr_nova_server_show(&call, x->api, x->replacement), on_polled) < 0)
		step(x, CON_RETRY);
}

/* A boot that was given up for lost may have been carried out after the look for it. */
static void check(struct con_recreate *x)
{
	DR_AUTO_CALL struct dr_api_call call = { 0 };

	forget(x);
	x->pending = 1;
	begin(x, send(x, &call, dr_nova_servers_list(&call, x->api, false, NULL, 0), on_page));
	looked(x);
}

static void checked(struct con_recreate *x)
{
	if (x->worst != CON_OUT_OK)
		dr_warning("whether vm has a second replacement is not known vm=%s replacement=%s: %s",
			   x->server, x->replacement, x->why);
	step(x, CON_CHECKED);
}

static void on_discarded(const struct dr_cloud_reply *r, void *userdata)
{
	struct con_recreate *x = userdata;

	if (r->error == -ECANCELED)
		return;
	/* whether it worked, the next look tells */
	if (con_outcome_of(false, r->error, r->status) > CON_OUT_GONE)
		dr_warning("replacement that failed is not deleted vm=%s replacement=%s: %s", x->server,
			   x->replacement, r->reason);
	x->replacement[0] = '\0';
	step(x, CON_DISCARDED);
}

static void discard(struct con_recreate *x, enum con_event event)
{
	DR_AUTO_CALL struct dr_api_call call = { 0 };

	if (event == CON_BUILDS)
		snprintf(x->why, sizeof(x->why), "replacement %s was not ACTIVE within the time",
			 x->replacement);
	dr_warning("replacement is deleted vm=%s replacement=%s: %s", x->server, x->replacement, x->why);
	if (send(x, &call, dr_nova_server_delete(&call, x->api, x->replacement), on_discarded) < 0)
		step(x, CON_DISCARDED);
}

/* ---------------------------------------------------------------- the machine */

static void wait_for(struct con_recreate *x, struct dr_dur wait, bool polling)
{
	x->polling = polling;
	/* a timer that lives does not fail */
	(void)!dr_timer_arm(x->timer, wait);
}

/* late: for a boot of an earlier life. */
static void pause_for(struct con_recreate *x, struct dr_dur wait, enum con_event event, bool late)
{
	char text[DR_TIME_STR_MAX];

	if (late)
		snprintf(x->why, sizeof(x->why), "the boot of before the restart may still be carried out");
	if (!late && (event == CON_UNSETTLED || event == CON_ALIVE))
		dr_debug("waiting for the cloud to agree that the server is lost vm=%s", x->server);
	else
		dr_warning("recovery goes on in %s vm=%s attempts=%u/%u: %s", dr_dur_format(wait, text),
			   x->server, x->machine.attempts, x->plan->retry.attempts, x->why);
	wait_for(x, wait, false);
}

/* Which of them is the right one only their owner knows. */
static void report_surplus(const struct con_recreate *x)
{
	const struct con_replacements *l = &x->list;
	const char *other = strcmp(l->id, x->replacement) == 0 ? l->other
			    : l->event != CON_FAILED	       ? l->id
							       : "";

	if (x->replacement[0] && other[0])
		dr_error("vm has two replacements, one is to be deleted vm=%s replacement=%s other=%s",
			 x->server, x->replacement, other);
}

static void end(struct con_recreate *x)
{
	static const enum con_fault_state states[CON_STATE_COUNT] = {
		[CON_REPLACED] = CON_FAULT_RECOVERED,
		[CON_UNNEEDED] = CON_FAULT_UNNEEDED,
		[CON_GAVE_UP] = CON_FAULT_GAVE_UP,
	};
	const struct con_result result = {
		.state = states[x->machine.state],
		.replacement = x->replacement,
		.failed = x->machine.attempts,
		.when = x->active,
		.waited = x->machine.waited,
		.why = x->why,
	};

	x->fn(&result, x->userdata);
}

/* ---------------------------------------------------------------- the lost server */

static void on_deleted(const struct dr_cloud_reply *r, void *userdata)
{
	const struct con_recovery_conf *c;
	struct con_recreate *x = userdata;
	enum con_outcome outcome;

	if (r->error == -ECANCELED)
		return;
	c = &x->plan->retry;
	outcome = con_outcome_of(false, r->error, r->status);
	if (outcome == CON_OUT_RETRY && ++x->delete_attempts < c->attempts) {
		dr_warning("lost server is not deleted yet vm=%s: %s", x->server, r->reason);
		wait_for(x, con_pause(c->pause, c->pause_max, x->delete_attempts), false);
		return;
	}
	if (outcome <= CON_OUT_GONE)
		dr_info("lost server is deleted vm=%s replacement=%s", x->server, x->replacement);
	else
		dr_error("lost server is not deleted, a person must help vm=%s: %s", x->server, r->reason);
	end(x);
}

static void delete_lost(struct con_recreate *x)
{
	DR_AUTO_CALL struct dr_api_call call = { 0 };
	int r;

	x->deleting = true;
	r = send(x, &call, dr_nova_server_delete(&call, x->api, x->server), on_deleted);
	if (r == 0)
		return;
	dr_error("lost server is not deleted, a person must help vm=%s: %s", x->server, strerror(-r));
	end(x);
}

static void finish(struct con_recreate *x, enum con_event event)
{
	report_surplus(x);
	if (event == CON_GONE)
		snprintf(x->why, sizeof(x->why), "it was deleted");
	else if (event == CON_ALIVE)
		snprintf(x->why, sizeof(x->why), "it is not in error in Nova");
	if (x->machine.state == CON_REPLACED && x->plan->delete_lost)
		delete_lost(x);
	else
		end(x);
}

/* The last thing that a callback does: x may be gone behind it. */
static void step(struct con_recreate *x, enum con_event event)
{
	enum con_state before = x->machine.state;
	bool sent_before = x->machine.sent_before;

	if (event == CON_IS_ACTIVE)
		x->active = dr_wall_now();
	struct con_step s = con_recovery_next(&x->machine, &x->plan->retry, event, dr_mono_now());

	dr_debug("recovery vm=%s %s: %s, now %s", x->server, con_state_name(before), con_event_name(event),
		 con_state_name(x->machine.state));
	switch (s.action) {
	case CON_DO_NOTHING:
		break;
	case CON_DO_LOOK:
		look(x);
		break;
	case CON_DO_BOOT:
		if (x->plan->keep_addresses)
			take_ports(x);
		else
			boot(x);
		break;
	case CON_DO_POLL:
		x->why[0] = '\0';
		wait_for(x, s.wait, true);
		break;
	case CON_DO_CHECK:
		check(x);
		break;
	case CON_DO_DISCARD:
		discard(x, event);
		break;
	case CON_DO_PAUSE:
		pause_for(x, s.wait, event, sent_before && !x->machine.sent_before);
		break;
	case CON_DO_END:
		finish(x, event);
		break;
	}
}

static int on_timer(struct dr_source *s, void *userdata)
{
	struct con_recreate *x = userdata;

	if (x->deleting)
		delete_lost(x);
	else if (x->machine.state == CON_LOOKING)
		look(x);
	else if (x->polling)
		poll(x);
	else
		step(x, CON_TIMER);
	return 0;
}

int con_recreate_new(const struct con_work *w, const struct con_plan *plan, struct con_fault *fault,
		     con_result_fn fn, void *userdata, struct con_recreate **ret)
{
	DR_AUTO(con_recreate_freep) struct con_recreate *x = calloc(1, sizeof(*x));
	int r;

	if (!x)
		return -ENOMEM;
	x->work = w;
	x->api = w->api;
	x->plan = plan;
	x->fault = fault;
	x->server = fault->server;
	x->fn = fn;
	x->userdata = userdata;
	r = dr_loop_add_timer(w->loop, on_timer, x, &x->timer);
	if (r < 0)
		return r;
	con_recovery_init(&x->machine, dr_mono_now());
	x->machine.sent_before = fault->attempts > 0 || fault->before;
	r = dr_timer_arm(x->timer, dr_msec(0));
	if (r < 0)
		return r;
	*ret = DR_TAKE_PTR(x);
	return 0;
}

void con_recreate_free(struct con_recreate *x)
{
	if (!x)
		return;
	dr_source_free(x->timer);
	dr_json_free(x->lost);
	dr_json_free(x->ports);
	dr_json_free(x->groups);
	dr_json_free(x->best);
	free(x);
}

const char *con_recreate_replacement(const struct con_recreate *x)
{
	return x->replacement;
}
