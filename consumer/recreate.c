/* SPDX-License-Identifier: Apache-2.0 */
#include "consumer/recreate.h"

#include <string.h>

#include "consumer/alarm.h"
#include "consumer/replacement.h"
#include "doctor/cloud/neutron.h"
#include "doctor/log.h"

#define PAGES_MAX 1000 /* of the owner's servers */

struct con_recreate {
	struct dr_cloud *cloud;
	struct dr_nova_api *api;
	const struct con_config *config;
	con_recreate_fn fn;
	void *userdata;
	char server[CON_ID_MAX + 1];
	struct con_recovery machine;
	struct dr_source *timer;
	bool polling; /* the timer is for the next look at the replacement */
	char replacement[CON_ID_MAX + 1];
	char why[600];	       /* of the last failure */
	struct dr_wall active; /* when the replacement was seen to be */

	/* the look under way */
	unsigned pending;
	unsigned pages;
	enum con_outcome worst;
	bool gone;
	struct dr_json *lost, *ports;
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
		call->req.timeout = x->config->timeout;
		r = dr_cloud_send(x->cloud, &call->req, fn, x);
	}
	if (r < 0)
		snprintf(x->why, sizeof(x->why), "cannot send: %s", strerror(-r));
	return r;
}

/* ---------------------------------------------------------------- looking */

static void checked(struct con_recreate *x);

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
		step(x, x->gone ? CON_GONE : con_judge_lost(x->lost));
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
	struct dr_nova_api shown = *x->api;
	DR_AUTO_CALL struct dr_api_call show = { 0 }, ports = { 0 }, list = { 0 };

	shown.use = DR_MIN(shown.use, (unsigned)CON_SHOW_VERSION_MAX);
	x->pending = 1; /* until all three are sent */
	begin(x, send(x, &show, dr_nova_server_show(&show, &shown, x->server), on_lost));
	begin(x, send(x, &ports, dr_neutron_ports_list(&ports, NULL, x->server), on_ports));
	begin(x, send(x, &list, dr_nova_servers_list(&list, x->api, false, NULL, 0), on_page));
	looked(x);
}

static void on_version(const struct dr_cloud_reply *r, void *userdata)
{
	struct con_recreate *x = userdata;
	enum con_outcome outcome;
	int error;

	if (r->error == -ECANCELED)
		return;
	outcome = judge(x, false, r, "asking Nova for its version");
	if (outcome != CON_OUT_OK) {
		step(x, outcome == CON_OUT_RETRY ? CON_RETRY : CON_REFUSED);
		return;
	}
	error = dr_nova_version_parse(r->json, x->api);
	if (error < 0) {
		snprintf(x->why, sizeof(x->why), "Nova's version is not understood: %s", strerror(-error));
		step(x, CON_REFUSED);
		return;
	}
	look_at_all(x);
}

static void forget(struct con_recreate *x)
{
	dr_json_free(DR_TAKE_PTR(x->lost));
	dr_json_free(DR_TAKE_PTR(x->ports));
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
	dr_info("replacement is being built vm=%s replacement=%s", x->server, x->replacement);
	step(x, CON_ACCEPTED);
}

static void boot(struct con_recreate *x)
{
	DR_AUTO_CALL struct dr_api_call call = { 0 };
	const char *why = "Nova's answer is not understood";
	struct dr_json *body = NULL;
	int r;

	x->replacement[0] = '\0';
	r = con_boot_body(x->lost, x->ports, x->api->use, &body, &why);
	if (r < 0) {
		snprintf(x->why, sizeof(x->why), "it cannot be recreated: %s", why);
		step(x, CON_REFUSED);
		return;
	}
	r = dr_api_call_init(&call, "compute", "POST", body, "/servers");
	snprintf(call.microversion, sizeof(call.microversion), "2.%u", x->api->use);
	call.req.microversion = call.microversion;
	if (send(x, &call, r, on_booted) < 0)
		step(x, CON_RETRY);
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

static void pause_for(struct con_recreate *x, struct dr_dur wait, enum con_event event)
{
	char text[DR_TIME_STR_MAX];

	if (event == CON_UNSETTLED || event == CON_ALIVE)
		dr_debug("waiting for the cloud to agree that the server is lost vm=%s", x->server);
	else
		dr_warning("recovery goes on in %s vm=%s attempts=%u/%u: %s", dr_dur_format(wait, text),
			   x->server, x->machine.attempts, x->config->recreate.attempts, x->why);
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

static void end(struct con_recreate *x, enum con_event event)
{
	struct con_recreated result = {
		.state = x->machine.state,
		.replacement = x->replacement,
		.attempts = x->machine.attempts,
		.active = x->active,
		.waited = x->machine.waited,
		.why = x->why,
	};

	report_surplus(x);
	if (event == CON_GONE)
		result.why = "it was deleted";
	else if (event == CON_ALIVE)
		result.why = "it is not in error in Nova";
	x->fn(&result, x->userdata);
}

/* The last thing that a callback does: x may be gone behind it. */
static void step(struct con_recreate *x, enum con_event event)
{
	enum con_state before = x->machine.state;

	if (event == CON_IS_ACTIVE)
		x->active = dr_wall_now();
	struct con_step s = con_recovery_next(&x->machine, &x->config->recreate, event, dr_mono_now());

	dr_debug("recovery vm=%s %s: %s, now %s", x->server, con_state_name(before), con_event_name(event),
		 con_state_name(x->machine.state));
	switch (s.action) {
	case CON_DO_NOTHING:
		break;
	case CON_DO_LOOK:
		look(x);
		break;
	case CON_DO_BOOT:
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
		pause_for(x, s.wait, event);
		break;
	case CON_DO_END:
		end(x, event);
		break;
	}
}

static int on_timer(struct dr_source *s, void *userdata)
{
	struct con_recreate *x = userdata;

	if (x->machine.state == CON_LOOKING)
		look(x);
	else if (x->polling)
		poll(x);
	else
		step(x, CON_TIMER);
	return 0;
}

int con_recreate_new(struct dr_loop *l, struct dr_cloud *cloud, struct dr_nova_api *api,
		     const struct con_config *c, const char *server_id, con_recreate_fn fn, void *userdata,
		     struct con_recreate **ret)
{
	DR_AUTO(con_recreate_freep) struct con_recreate *x = calloc(1, sizeof(*x));
	int r;

	if (!x)
		return -ENOMEM;
	x->cloud = cloud;
	x->api = api;
	x->config = c;
	x->fn = fn;
	x->userdata = userdata;
	r = dr_strcpy(x->server, sizeof(x->server), server_id);
	if (r < 0)
		return r;
	r = dr_loop_add_timer(l, on_timer, x, &x->timer);
	if (r < 0)
		return r;
	con_recovery_init(&x->machine, dr_mono_now());
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
	dr_json_free(x->best);
	free(x);
}

const char *con_recreate_replacement(const struct con_recreate *x)
{
	return x->replacement;
}
