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
	char why[600]; /* of the last failure */

	/* the look under way */
	unsigned pending;
	unsigned pages;
	enum con_outcome worst;
	bool gone;
	struct dr_json *lost, *ports;
	bool found;
	enum con_event found_event;
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

static void looked(struct con_recreate *x)
{
	if (--x->pending > 0)
		return;
	/* a replacement counts whatever else failed, the lost server may be deleted by now */
	if (x->found)
		step(x, x->found_event);
	else if (x->worst == CON_OUT_REFUSED)
		step(x, CON_REFUSED);
	else if (x->worst == CON_OUT_RETRY)
		step(x, CON_RETRY);
	else
		step(x, x->gone ? CON_GONE : con_judge_lost(x->lost));
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

/* The same of a replacement: what became of it is kept for people. */
static enum con_event judge_replacement(struct con_recreate *x, const struct dr_json *server)
{
	enum con_event event = con_judge_replacement(server);
	const char *fault = dr_json_str(dr_json_path(server, "fault.message"));
	const char *status = dr_json_get_str(server, "status");

	if (event == CON_FAILED)
		snprintf(x->why, sizeof(x->why), "replacement %s failed: %s", x->replacement,
			 fault ? fault : "no reason is told");
	else if (event == CON_WAS_ACTIVE)
		snprintf(x->why, sizeof(x->why),
			 "its replacement %s was in use and is %s now, perhaps on a host that is down: "
			 "it is left to its owner",
			 x->replacement, status ? status : "in a state that Nova does not tell");
	return event;
}

static void on_page(const struct dr_cloud_reply *r, void *userdata)
{
	DR_AUTO_CALL struct dr_api_call call = { 0 };
	struct con_recreate *x = userdata;
	const struct dr_json *found;
	const char *next;

	if (r->error == -ECANCELED)
		return;
	found = con_find_replacement(listed(x, r, "servers", "looking for a replacement"), x->server);
	if (found) {
		snprintf(x->replacement, sizeof(x->replacement), "%s", dr_json_get_str(found, "id"));
		x->found = true;
		x->found_event = judge_replacement(x, found);
	}
	next = dr_nova_servers_next(r->json);
	if (next && ++x->pages < PAGES_MAX && (!x->found || x->found_event == CON_FAILED)) {
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

static void look(struct con_recreate *x)
{
	DR_AUTO_CALL struct dr_api_call call = { 0 };

	dr_json_free(DR_TAKE_PTR(x->lost));
	dr_json_free(DR_TAKE_PTR(x->ports));
	x->pages = 0;
	x->worst = CON_OUT_OK;
	x->gone = x->found = false;
	if (x->api->use)
		look_at_all(x);
	else if (send(x, &call, dr_nova_version_get(&call), on_version) < 0)
		step(x, CON_RETRY);
}

/* ---------------------------------------------------------------- booting */

static void on_booted(const struct dr_cloud_reply *r, void *userdata)
{
	struct con_recreate *x = userdata;
	const char *id = dr_json_str(dr_json_path(r->json, "server.id"));
	enum con_outcome outcome;

	if (r->error == -ECANCELED)
		return;
	outcome = judge(x, true, r, "booting a replacement");
	if (outcome != CON_OUT_OK) {
		step(x, outcome == CON_OUT_RETRY ? CON_RETRY : CON_REFUSED);
		return;
	}
	if (!dr_api_id_valid(id)) {
		snprintf(x->why, sizeof(x->why), "booting a replacement: the answer names no server");
		step(x, CON_RETRY); /* the next look finds it */
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

	if (r->error == -ECANCELED)
		return;
	switch (judge(x, false, r, "looking at the replacement")) {
	case CON_OUT_OK:
		step(x, judge_replacement(x, server));
		break;
	case CON_OUT_GONE:
		step(x, CON_VANISHED);
		break;
	case CON_OUT_RETRY:
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

static void end(struct con_recreate *x, enum con_event event)
{
	struct con_recreated result = {
		.state = x->machine.state,
		.replacement = x->replacement,
		.attempts = x->machine.attempts,
		.waited = x->machine.waited,
		.why = x->why,
	};

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
	free(x);
}

const char *con_recreate_replacement(const struct con_recreate *x)
{
	return x->replacement;
}
