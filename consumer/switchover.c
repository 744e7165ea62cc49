/* SPDX-License-Identifier: Apache-2.0 */
#include "consumer/switchover.h"

#include <string.h>

#include "consumer/moves.h"
#include "consumer/replacement.h"
#include "doctor/cloud/neutron.h"
#include "doctor/log.h"

#define SETTLE_POLL dr_msec(100)
#define SETTLE_POLL_MAX dr_sec(1)

/* What a look asks for. */
enum part {
	LOST,
	STANDBY,
	LOST_PORTS,
	STANDBY_PORTS,
	FLOATING,
	PARTS,
};

struct part_call {
	struct con_switchover *x;
	enum part part;
};

struct con_switchover {
	const struct con_work *work;
	const struct con_plan *plan;
	struct con_fault *fault;
	bool back;
	con_result_fn fn;
	void *userdata;
	struct dr_source *timer;
	struct dr_mono start;
	unsigned failed, settles, unanswered;
	bool waited;
	struct con_fault *before; /* an earlier one, for which the standby has its place still; NULL */
	char standby[CON_ID_MAX + 1];
	char why[600];

	/* of the look, or of the changes, that are under way */
	unsigned pending;
	enum con_outcome worst;
	struct part_call calls[PARTS];
	struct dr_json *parts[PARTS];
	bool gone; /* the server does not exist any more */
};

const struct con_fault *con_standby_user(const struct con_faults *f, const char *standby,
					 const struct con_fault *except)
{
	const struct con_fault *x = NULL;

	while ((x = con_faults_next(f, x))) {
		if (x != except && x->kind == CON_RECOVERY_SWITCHOVER && !x->returned &&
		    (x->state == CON_FAULT_OPEN || x->state == CON_FAULT_RECOVERED) &&
		    strcmp(x->replacement, standby) == 0)
			return x;
	}
	return NULL;
}

static void look(struct con_switchover *x);

static void end(struct con_switchover *x, enum con_fault_state state)
{
	const struct con_result r = {
		.state = state,
		.waited = x->waited,
		.replacement = state == CON_FAULT_RECOVERED ? x->fault->replacement : "",
		.failed = x->failed,
		.when = dr_wall_now(),
		.why = x->why,
	};

	x->fn(&r, x->userdata);
}

static void wait_for(struct con_switchover *x, struct dr_dur pause)
{
	/* a timer that lives does not fail */
	(void)!dr_timer_arm(x->timer, pause);
}

/* An attempt came to nothing; the next begins with a look. The last thing that a callback does. */
static void failed(struct con_switchover *x)
{
	const struct con_recovery_conf *c = &x->plan->retry;
	char text[DR_TIME_STR_MAX];
	struct dr_dur pause;

	if (++x->failed >= c->attempts) {
		end(x, CON_FAULT_GAVE_UP);
		return;
	}
	pause = con_pause(c->pause, c->pause_max, x->failed);
	dr_warning("recovery goes on in %s vm=%s attempts=%u/%u: %s", dr_dur_format(pause, text),
		   x->fault->server, x->failed, c->attempts, x->why);
	wait_for(x, pause);
}

/* The cloud does not answer, or the journal cannot be written: that is no attempt. */
static void unanswered(struct con_switchover *x)
{
	struct dr_dur pause = con_pause(x->plan->retry.pause, x->plan->retry.pause_max, ++x->unanswered);
	char text[DR_TIME_STR_MAX];

	dr_warning("recovery goes on in %s vm=%s attempts=%u/%u: %s", dr_dur_format(pause, text),
		   x->fault->server, x->failed, x->plan->retry.attempts, x->why);
	wait_for(x, pause);
}

static int send(struct con_switchover *x, struct dr_api_call *call, int r, dr_cloud_done_fn fn,
		void *userdata)
{
	if (r == 0) {
		call->req.timeout = x->work->timeout;
		r = dr_cloud_send(x->work->cloud, &call->req, fn, userdata);
	}
	if (r == 0) {
		x->pending++;
	} else {
		snprintf(x->why, sizeof(x->why), "cannot send: %s", strerror(-r));
		x->worst = DR_MAX(x->worst, CON_OUT_RETRY);
	}
	return r;
}

/* ---------------------------------------------------------------- moving */

static void moved(struct con_switchover *x)
{
	if (--x->pending > 0)
		return;
	if (x->worst == CON_OUT_OK)
		end(x, CON_FAULT_RECOVERED);
	else if (x->worst == CON_OUT_REFUSED)
		end(x, CON_FAULT_GAVE_UP);
	else
		failed(x);
}

static void on_moved(const struct dr_cloud_reply *r, void *userdata)
{
	struct con_switchover *x = userdata;
	enum con_outcome outcome;

	if (r->error == -ECANCELED)
		return;
	outcome = con_outcome_of(false, r->error, r->status);
	if (outcome != CON_OUT_OK)
		snprintf(x->why, sizeof(x->why), "moving an address: %s", r->reason);
	if (outcome == CON_OUT_GONE) /* the next look sees what is left */
		outcome = CON_OUT_RETRY;
	x->worst = DR_MAX(x->worst, outcome);
	moved(x);
}

static void move_pairs(struct con_switchover *x, const struct dr_json *moves, const struct dr_json *ports)
{
	for (const struct dr_json *p = dr_json_first(ports); p; p = dr_json_next(p)) {
		DR_AUTO_CALL struct dr_api_call call = { 0 };
		DR_AUTO_JSON struct dr_json *pairs = con_moves_pairs(moves, p);

		if (pairs)
			(void)send(x, &call, dr_neutron_port_pairs(&call, dr_json_get_str(p, "id"), pairs),
				   on_moved, x);
	}
}

static void move(struct con_switchover *x)
{
	DR_AUTO_JSON struct dr_json *back = x->back ? con_moves_reverse(x->fault->moves) : NULL;
	const struct dr_json *moves = x->back ? back : x->fault->moves;

	x->worst = CON_OUT_OK;
	x->pending = 1; /* until all are sent */
	for (const struct dr_json *m = dr_json_first(moves); m; m = dr_json_next(m)) {
		DR_AUTO_CALL struct dr_api_call call = { 0 };
		const char *floating = dr_json_get_str(m, "floating");

		if (floating && !con_move_is_done(m, x->parts[FLOATING]))
			(void)send(x, &call,
				   dr_neutron_floating_move(&call, floating, dr_json_get_str(m, "to"),
							    dr_json_get_str(m, "to_address")),
				   on_moved, x);
	}
	/* who takes over first */
	move_pairs(x, moves, x->parts[x->back ? LOST_PORTS : STANDBY_PORTS]);
	move_pairs(x, moves, x->parts[x->back ? STANDBY_PORTS : LOST_PORTS]);
	x->waited = x->waited || x->pending > 1;
	moved(x);
}

/* What is to be moved is decided once, and kept before anything is. */
static void decide(struct con_switchover *x)
{
	struct con_fault *f = x->fault;
	const char *why = NULL;
	struct dr_json *moves;
	int r;

	if (!f->moves && con_standby_user(x->work->faults, x->standby, f)) {
		look(x); /* meanwhile it was needed elsewhere */
		return;
	}
	if (!f->moves) {
		moves = con_moves_plan(x->plan, x->parts[LOST_PORTS], x->parts[STANDBY_PORTS],
				       x->parts[FLOATING], &why);
		if (why || dr_json_size(moves) == 0) {
			snprintf(x->why, sizeof(x->why), "%s",
				 why ? why : "the server has none of the addresses that are to be moved");
			dr_json_free(moves);
			failed(x);
			return;
		}
		f->moves = moves;
		snprintf(f->replacement, sizeof(f->replacement), "%s", x->standby);
		f->attempts++;
		r = con_faults_save(x->work->faults, f, NULL);
		if (r) {
			dr_json_free(DR_TAKE_PTR(f->moves));
			f->replacement[0] = '\0';
			f->attempts--;
			snprintf(x->why, sizeof(x->why), "writing the journal: %s", strerror(-r));
			unanswered(x);
			return;
		}
		dr_info("standby takes over vm=%s standby=%s addresses=%zu", f->server, x->standby,
			dr_json_size(f->moves));
	}
	move(x);
}

/* ---------------------------------------------------------------- looking */

static bool may_take_over(struct con_switchover *x, const struct dr_json *server, const char *id)
{
	const char *status = dr_json_get_str(server, "status"),
		   *host = dr_json_get_str(server, "host_status");

	if (status && strcmp(status, "ACTIVE") == 0 && !(host && strcmp(host, "DOWN") == 0))
		return true;
	snprintf(x->why, sizeof(x->why), "server %s, which is to take over, is %s%s", id,
		 status ? status : "unknown",
		 host && strcmp(host, "DOWN") == 0 ? " on a host that is down" : "");
	return false;
}

/* The server has the addresses again, and not by us. */
static void led_back(struct con_switchover *x)
{
	int r;

	dr_info("addresses were led back by others vm=%s standby=%s", x->fault->server, x->standby);
	x->before->returned = true;
	r = con_faults_save(x->work->faults, x->before, NULL);
	if (r == 0) {
		look(x);
		return;
	}
	x->before->returned = false;
	snprintf(x->why, sizeof(x->why), "writing the journal: %s", strerror(-r));
	unanswered(x);
}

/* Nothing is left to be moved; a person has to know where that standby is lost as well. */
static void judge_taken(struct con_switchover *x)
{
	const char *why = NULL;
	DR_AUTO_JSON struct dr_json *moves = con_moves_plan(
		x->plan, x->parts[LOST_PORTS], x->parts[STANDBY_PORTS], x->parts[FLOATING], &why);

	if (why || dr_json_size(moves) > 0) {
		led_back(x);
	} else if (!may_take_over(x, x->parts[STANDBY], x->standby)) {
		failed(x);
	} else {
		snprintf(x->why, sizeof(x->why), "standby %s has its place already", x->standby);
		end(x, CON_FAULT_UNNEEDED);
	}
}

/* Whether the server is lost at all; a server may be said to be before Nova agrees. */
static void judge(struct con_switchover *x)
{
	enum con_event event = x->gone ? CON_GONE : con_judge_lost(x->parts[LOST]);
	bool settling = dr_mono_sub(dr_mono_now(), x->start).ns < x->plan->retry.settle.ns;

	if (x->back) {
		if (x->gone)
			snprintf(x->why, sizeof(x->why), "it was deleted");
		if (x->gone)
			end(x, CON_FAULT_UNNEEDED);
		else if (may_take_over(x, x->parts[LOST], x->fault->server))
			move(x);
		else
			failed(x);
		return;
	}
	if (x->before) {
		judge_taken(x);
	} else if (x->fault->moves) { /* begun in an earlier life: half of it is no state to stay in */
		move(x);
	} else if (event == CON_GONE) {
		snprintf(x->why, sizeof(x->why), "it was deleted");
		end(x, CON_FAULT_UNNEEDED);
	} else if (event != CON_LOST && settling) {
		wait_for(x, con_pause(SETTLE_POLL, SETTLE_POLL_MAX, ++x->settles));
	} else if (event == CON_ALIVE) {
		snprintf(x->why, sizeof(x->why), "it is not in error in Nova");
		end(x, CON_FAULT_UNNEEDED);
	} else if (may_take_over(x, x->parts[STANDBY], x->standby)) {
		decide(x);
	} else {
		failed(x);
	}
}

static void looked(struct con_switchover *x)
{
	if (--x->pending > 0)
		return;
	if (x->worst == CON_OUT_OK) {
		x->unanswered = 0;
		judge(x);
	} else if (x->worst == CON_OUT_REFUSED) {
		end(x, CON_FAULT_GAVE_UP);
	} else {
		unanswered(x);
	}
}

static void on_part(const struct dr_cloud_reply *r, void *userdata)
{
	static const struct {
		const char *key, *doing;
	} what[PARTS] = {
		[LOST] = { "server", "looking at the server" },
		[STANDBY] = { "server", "looking at the standby" },
		[LOST_PORTS] = { "ports", "looking at its ports" },
		[STANDBY_PORTS] = { "ports", "looking at the standby's ports" },
		[FLOATING] = { "floatingips", "looking at the floating addresses" },
	};
	const struct part_call *c = userdata;
	struct con_switchover *x = c->x;
	enum con_outcome outcome;

	if (r->error == -ECANCELED)
		return;
	outcome = con_outcome_of(false, r->error, r->status);
	if (outcome == CON_OUT_OK) {
		x->parts[c->part] = dr_json_copy(dr_json_get(r->json, what[c->part].key));
		if (!x->parts[c->part])
			outcome = CON_OUT_RETRY;
	} else if (outcome == CON_OUT_GONE && c->part == LOST) {
		x->gone = true;
		outcome = CON_OUT_OK;
	} else if (outcome == CON_OUT_GONE) { /* another standby may be there; a cloud may have no routers */
		outcome = c->part == STANDBY || c->part == FLOATING ? CON_OUT_OK : CON_OUT_REFUSED;
	}
	if (outcome != CON_OUT_OK)
		snprintf(x->why, sizeof(x->why), "%s: %s", what[c->part].doing,
			 r->reason[0] ? r->reason : "the answer is not understood");
	x->worst = DR_MAX(x->worst, outcome);
	looked(x);
}

static void ask(struct con_switchover *x, enum part part)
{
	DR_AUTO_CALL struct dr_api_call call = { 0 };
	struct dr_nova_api shown = con_show_api(x->work->api);
	const char *server = x->fault->server;
	int r = 0;

	x->calls[part] = (struct part_call){ x, part };
	switch (part) {
	case LOST:
		r = dr_nova_server_show(&call, &shown, server);
		break;
	case STANDBY:
		r = dr_nova_server_show(&call, &shown, x->standby);
		break;
	case LOST_PORTS:
		r = dr_neutron_ports_list(&call, NULL, server);
		break;
	case STANDBY_PORTS:
		r = dr_neutron_ports_list(&call, NULL, x->standby);
		break;
	case FLOATING:
		r = dr_neutron_floating_list(&call);
		break;
	case PARTS:
		return;
	}
	(void)send(x, &call, r, on_part, &x->calls[part]);
}

static void look_at_all(struct con_switchover *x)
{
	x->pending = 1; /* until all are sent */
	for (enum part p = LOST; p < PARTS; p++) {
		if (p != FLOATING || x->plan->floating)
			ask(x, p);
	}
	looked(x);
}

static void on_version(const struct dr_cloud_reply *r, void *userdata)
{
	struct con_switchover *x = userdata;

	if (r->error == -ECANCELED)
		return;
	x->pending = 0;
	switch (con_take_version(r, x->work->api, x->why, sizeof(x->why))) {
	case CON_OUT_OK:
		look_at_all(x);
		break;
	case CON_OUT_REFUSED:
		end(x, CON_FAULT_GAVE_UP);
		break;
	default:
		unanswered(x);
		break;
	}
}

/* An earlier fault for which a standby has the server's place still: there is nothing more to move. */
static struct con_fault *taken_before(const struct con_switchover *x)
{
	struct con_fault *f = NULL;

	while ((f = con_faults_next(x->work->faults, f))) {
		if (f != x->fault && f->kind == CON_RECOVERY_SWITCHOVER && !f->returned &&
		    f->state == CON_FAULT_RECOVERED && strcmp(f->server, x->fault->server) == 0)
			return f;
	}
	return NULL;
}

/* The one that was chosen, or the next that is free: another than last time after each failure. */
static bool choose_standby(struct con_switchover *x)
{
	const struct con_ids *standbys = &x->plan->standbys;
	const struct con_fault *f = x->fault, *user = NULL;

	if (f->replacement[0])
		return dr_strcpy(x->standby, sizeof(x->standby), f->replacement) == 0;
	x->before = taken_before(x);
	if (x->before)
		return dr_strcpy(x->standby, sizeof(x->standby), x->before->replacement) == 0;
	for (size_t i = 0; i < standbys->count; i++) {
		const char *id = standbys->ids[(i + x->failed) % standbys->count];

		user = con_standby_user(x->work->faults, id, f);
		if (!user)
			return dr_strcpy(x->standby, sizeof(x->standby), id) == 0;
		snprintf(x->why, sizeof(x->why), "standby %s has taken the place of %s already", id,
			 user->server);
	}
	return false;
}

static void look(struct con_switchover *x)
{
	DR_AUTO_CALL struct dr_api_call call = { 0 };

	for (enum part p = LOST; p < PARTS; p++)
		dr_json_free(DR_TAKE_PTR(x->parts[p]));
	x->gone = false;
	x->worst = CON_OUT_OK;
	x->pending = 0;
	if (!choose_standby(x))
		end(x, CON_FAULT_GAVE_UP);
	else if (x->work->api->use)
		look_at_all(x);
	else if (send(x, &call, dr_nova_version_get(&call), on_version, x) < 0)
		unanswered(x);
}

static int on_timer(struct dr_source *s, void *userdata)
{
	look(userdata);
	return 0;
}

int con_switchover_new(const struct con_work *w, const struct con_plan *plan, struct con_fault *fault,
		       bool back, con_result_fn fn, void *userdata, struct con_switchover **ret)
{
	DR_AUTO(con_switchover_freep) struct con_switchover *x = calloc(1, sizeof(*x));
	int r;

	if (!x)
		return -ENOMEM;
	x->work = w;
	x->plan = plan;
	x->fault = fault;
	x->back = back;
	x->fn = fn;
	x->userdata = userdata;
	x->start = dr_mono_now();
	r = dr_loop_add_timer(w->loop, on_timer, x, &x->timer);
	if (!r)
		r = dr_timer_arm(x->timer, dr_msec(0));
	if (r)
		return r;
	*ret = DR_TAKE_PTR(x);
	return 0;
}

void con_switchover_free(struct con_switchover *x)
{
	if (!x)
		return;
	dr_source_free(x->timer);
	for (enum part p = LOST; p < PARTS; p++)
		dr_json_free(x->parts[p]);
	free(x);
}
