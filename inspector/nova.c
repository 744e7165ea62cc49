// SPDX-License-Identifier: Apache-2.0
#include <string.h>

#include "doctor/buf.h"
#include "doctor/log.h"
#include "inspector/nova.h"

#define REREAD_MIN dr_sec(1)
#define WARM_MAX 8 /* connections */

struct waiter {
	struct waiter *next;
	ins_nova_reread_fn fn;
	void *userdata;
};

/*
 * A round reads the services, the aggregates, then the servers page by page; the first has login and version
 * ahead of it.
 */
enum step {
	STEP_IDLE,
	STEP_LOGIN,
	STEP_VERSION,
	STEP_SERVICES,
	STEP_AGGREGATES,
	STEP_SERVERS,
};

struct ins_nova {
	struct dr_loop *loop;
	struct dr_cloud *cloud;
	const struct ins_config *config;
	struct dr_source *timer; /* the next round, or the next try of this one */
	struct dr_nova_api api;
	struct ins_map *map;
	struct ins_groups *zones, *aggregates;
	char no_aggregates[256]; /* why the last reading of them failed */

	enum step step;
	struct ins_map *filling; /* STEP_SERVERS */
	unsigned pages;		 /* read into it */
	struct ins_changes kept; /* since that began, and what could not be made */
	unsigned tries;		 /* failed rounds in a row */
	char trouble[512];
	struct dr_mono map_read;

	bool services_busy;
	struct dr_mono services_read;	/* the end of the last attempt */
	struct dr_source *reread_timer; /* armed: waiters wait for their reading to begin */
	bool reread_due;
	struct waiter *waiters;	     /* for the reading under way, if any, */
	struct waiter *next_waiters; /* and for the one after it: began after they asked */

	ins_nova_started_fn started; /* NULL once called */
	void *userdata;
};

static void run_step(struct ins_nova *n);

/* ---------------------------------------------------------------- rounds */

static int start_without_cloud(struct ins_nova *n);

static int on_timer(struct dr_source *s, void *userdata)
{
	struct ins_nova *n = userdata;

	if (n->config->no_cloud)
		return start_without_cloud(n);
	if (n->step == STEP_IDLE)
		n->step = STEP_SERVICES;
	run_step(n);
	return 0;
}

static void arm(struct ins_nova *n, struct dr_dur pause)
{
	/* fails for invalid arguments only */
	if (dr_timer_arm(n->timer, pause))
		abort();
}

static void report_start(struct ins_nova *n, int error, const char *why)
{
	ins_nova_started_fn fn = n->started;

	if (!fn)
		return;
	n->started = NULL;
	fn(error, why, n->userdata);
}

/* Waiting does not help: the account, the catalogue or the version is wrong. */
static bool is_fatal(const struct dr_cloud_reply *r)
{
	return r->error == -EACCES || r->error == -ENOENT || (!r->error && r->status == 403);
}

static void round_failed(struct ins_nova *n, const char *what, const char *why, bool fatal)
{
	struct dr_dur pause = ins_retry_pause(&n->config->retry, INS_OUT_WAIT, ++n->tries);
	char text[DR_TIME_STR_MAX];

	snprintf(n->trouble, sizeof(n->trouble), "%s: %.400s", what, why);
	ins_map_free(DR_TAKE_PTR(n->filling));
	if (n->started && fatal) {
		report_start(n, -EACCES, n->trouble);
		return;
	}
	/* once it runs, the first failure of a row is told, and that it ended; health has the rest */
	if (n->started || n->tries == 1)
		dr_warning("%s; trying again, first in %s", n->trouble, dr_dur_format(pause, text));
	if (n->step == STEP_SERVERS)
		n->step = STEP_SERVICES;
	arm(n, pause);
}

static void on_warm(const struct dr_cloud_reply *r, void *userdata)
{
}

/* Resets go out in parallel: so many connections should be open by then. */
static void warm_up(struct ins_nova *n)
{
	DR_AUTO_CALL struct dr_api_call call = {};

	if (dr_nova_version_get(&call))
		return;
	call.req.timeout = n->config->timeout;
	for (unsigned i = 0; i < DR_MIN(n->config->parallel, (unsigned)WARM_MAX); i++)
		if (dr_cloud_send(n->cloud, &call.req, on_warm, NULL))
			return;
}

static void round_done(struct ins_nova *n)
{
	bool lost;

	ins_map_move_vms(n->map, n->filling);
	ins_map_free(DR_TAKE_PTR(n->filling));
	lost = ins_changes_make(&n->kept, n->map) || n->kept.lost;
	ins_changes_clear(&n->kept);
	n->map_read = dr_mono_now();
	n->step = STEP_IDLE;
	if (n->tries && !n->started)
		dr_info("the host map is fresh again hosts=%zu servers=%zu", n->map->count, n->map->vm_count);
	n->tries = 0;
	n->trouble[0] = '\0';
	arm(n, lost ? REREAD_MIN : n->config->refresh);
	warm_up(n);
	report_start(n, 0, NULL);
}

/* ---------------------------------------------------------------- services */

/* What Nova's libvirt driver writes when it disables a host by itself, as its hypervisor is out of reach. */
#define BY_NOVA "AUTO:"

static bool is_disabled(const struct dr_nova_service *s)
{
	return s->status && !strcmp(s->status, "disabled") &&
	       (!s->disabled_reason || strncmp(s->disabled_reason, BY_NOVA, strlen(BY_NOVA)));
}

static int read_row(const struct dr_json *row, const struct dr_nova_api *api, struct ins_map *map,
		    struct ins_groups *zones)
{
	struct dr_nova_service s;
	struct ins_host h = {};

	if (dr_nova_service_parse(row, &s) < 0 || strcmp(s.binary, "nova-compute"))
		return 0;
	if (api->use >= DR_NOVA_SERVICE_UUID && !dr_api_id_valid(s.id))
		return 0;
	/* a row without a name is none of a host, and no reason to do without the others */
	if (!s.host[0] || dr_strcpy(h.name, sizeof(h.name), s.host) ||
	    dr_strcpy(h.service_id, sizeof(h.service_id), s.id ? s.id : ""))
		return 0;
	h.forced_down = s.forced_down;
	h.disabled = is_disabled(&s);
	h.up = s.state && !strcmp(s.state, "up");
	if (s.zone && ins_groups_add(zones, s.zone, s.host) == -ENOMEM)
		return -ENOMEM;
	return ins_map_add_host(map, &h);
}

/* What was done while it was read. */
static void keep_newer(struct ins_map *map, const struct ins_map *before)
{
	for (size_t i = 0; before && i < before->count; i++) {
		const struct ins_host *was = &before->hosts[i];
		struct ins_host *h = was->newer ? ins_map_get(map, was->name) : NULL;

		if (h)
			h->forced_down = was->forced_down;
	}
}

static int take_services(struct ins_nova *n, const struct dr_json *body)
{
	DR_AUTO(ins_map_freep) struct ins_map *map = ins_map_new();
	DR_AUTO(ins_groups_freep) struct ins_groups *zones = ins_groups_new();
	const struct dr_json *rows = dr_json_get(body, "services");

	if (!map || !zones)
		return -ENOMEM;
	if (!dr_json_is_array(rows))
		return -EBADMSG;
	for (const struct dr_json *v = dr_json_first(rows); v; v = dr_json_next(v)) {
		int r = read_row(v, &n->api, map, zones);

		if (r)
			return r;
	}
	ins_map_sort(map);
	ins_groups_sort(zones);
	ins_groups_free(n->zones);
	n->zones = DR_TAKE_PTR(zones);
	keep_newer(map, n->map);
	if (n->map)
		ins_map_move_vms(map, n->map);
	ins_map_free(n->map);
	n->map = DR_TAKE_PTR(map);
	return ins_changes_make(&n->kept, n->map);
}

static void tell_waiters(struct waiter **waiters, int error)
{
	struct waiter *w = DR_TAKE_PTR(*waiters);

	while (w) {
		struct waiter *next = w->next;

		if (w->fn)
			w->fn(error, w->userdata);
		free(w);
		w = next;
	}
}

static void plan_reread(struct ins_nova *n);

static void on_services(const struct dr_cloud_reply *r, void *userdata)
{
	struct ins_nova *n = userdata;
	int error = r->error;

	if (error == -ECANCELED)
		return;
	n->services_busy = false;
	if (!error && r->status != 200)
		error = -EIO;
	if (!error)
		error = take_services(n, r->json);
	n->services_read = dr_mono_now();
	if (n->reread_due)
		plan_reread(n);

	if (n->step == STEP_SERVICES) {
		if (error) {
			round_failed(n, "reading the computes from Nova",
				     r->reason[0] ? r->reason : strerror(-error), is_fatal(r));
		} else {
			dr_timer_disarm(n->timer); /* of a round that failed, if someone else had it read */
			n->step = STEP_AGGREGATES;
			run_step(n);
		}
	}
	tell_waiters(&n->waiters, error);
}

static int read_services(struct ins_nova *n)
{
	DR_AUTO_CALL struct dr_api_call call = {};
	int r;

	if (n->services_busy)
		return 0;
	r = dr_nova_services_list(&call, &n->api, NULL, "nova-compute");
	if (r)
		return r;
	call.req.timeout = n->config->timeout;
	r = dr_cloud_send(n->cloud, &call.req, on_services, n);
	if (r)
		return r;
	n->services_busy = true;
	for (size_t i = 0; n->map && i < n->map->count; i++)
		n->map->hosts[i].newer = false;
	return 0;
}

static void begin_reread(struct ins_nova *n)
{
	int r;

	n->reread_due = false;
	n->waiters = DR_TAKE_PTR(n->next_waiters);
	r = read_services(n);
	if (r)
		tell_waiters(&n->waiters, r);
}

static void plan_reread(struct ins_nova *n)
{
	struct dr_dur since = dr_mono_sub(dr_mono_now(), n->services_read);
	struct dr_dur pause = { since.ns < REREAD_MIN.ns ? REREAD_MIN.ns - since.ns : 0 };

	/* fails for invalid arguments only */
	if (dr_timer_arm(n->reread_timer, pause))
		abort();
	n->reread_due = true;
}

static int on_reread_due(struct dr_source *s, void *userdata)
{
	struct ins_nova *n = userdata;

	if (!n->services_busy) /* else on_services() plans it anew */
		begin_reread(n);
	return 0;
}

int ins_nova_reread(struct ins_nova *n, ins_nova_reread_fn fn, void *userdata)
{
	struct waiter *w = calloc(1, sizeof(*w)), **end = &n->next_waiters;

	if (!w)
		return -ENOMEM;
	*w = (struct waiter){ NULL, fn, userdata };
	while (*end)
		end = &(*end)->next;
	*end = w;
	if (!n->reread_due)
		plan_reread(n);
	return 0;
}

/* ---------------------------------------------------------------- aggregates */

static int add_hosts(struct ins_groups *to, const struct dr_nova_aggregate *a)
{
	for (const struct dr_json *v = dr_json_first(a->hosts); v; v = dr_json_next(v)) {
		int r = dr_json_str(v) ? ins_groups_add(to, a->name, dr_json_str(v)) : 0;

		if (r)
			return r;
	}
	return 0;
}

static int take_aggregates(struct ins_nova *n, const struct dr_json *body)
{
	DR_AUTO(ins_groups_freep) struct ins_groups *groups = ins_groups_new();
	const struct dr_json *rows = dr_json_get(body, "aggregates");
	struct dr_nova_aggregate a;

	if (!groups)
		return -ENOMEM;
	if (!dr_json_is_array(rows))
		return -EBADMSG;
	for (const struct dr_json *v = dr_json_first(rows); v; v = dr_json_next(v)) {
		int r = dr_nova_aggregate_parse(v, &a) ? 0 : add_hosts(groups, &a);

		if (r)
			return r;
	}
	ins_groups_sort(groups);
	ins_groups_free(n->aggregates);
	n->aggregates = DR_TAKE_PTR(groups);
	return 0;
}

/* The round goes on in any case: they only narrow what the brake of the whole cloud lets through. */
static void aggregates_read(struct ins_nova *n, int error, const char *why)
{
	bool known = !n->no_aggregates[0];

	if (error)
		snprintf(n->no_aggregates, sizeof(n->no_aggregates), "%.255s",
			 why[0] ? why : strerror(-error));
	else
		n->no_aggregates[0] = '\0';
	if (error && known)
		dr_warning("reading the aggregates from Nova: %s; %s", n->no_aggregates,
			   n->aggregates
				   ? "those read before count"
				   : "the brake knows the whole cloud only, where it is for each of them");
	else if (!error && !known)
		dr_info("the aggregates of Nova are known again");
	n->step = STEP_SERVERS;
	run_step(n);
}

static void on_aggregates(const struct dr_cloud_reply *r, void *userdata)
{
	int error = r->error;

	if (error == -ECANCELED)
		return;
	if (!error && r->status != 200)
		error = -EIO;
	if (!error)
		error = take_aggregates(userdata, r->json);
	aggregates_read(userdata, error, r->reason);
}

static int read_aggregates(struct ins_nova *n)
{
	DR_AUTO_CALL struct dr_api_call call = {};
	int r = dr_nova_aggregates_list(&call, &n->api);

	if (r)
		return r;
	call.req.timeout = n->config->timeout;
	return dr_cloud_send(n->cloud, &call.req, on_aggregates, n);
}

/* ---------------------------------------------------------------- servers */

static int read_servers(struct ins_nova *n, const char *next);

static const char *explain(const struct dr_cloud_reply *r, int error)
{
	if (r->reason[0])
		return r->reason;
	return error == -ELOOP ? INS_PAGES_ENDLESS : strerror(-error);
}

static int take_servers(struct ins_nova *n, const struct dr_json *body)
{
	const struct dr_json *rows = dr_json_get(body, "servers");
	struct dr_nova_server s;
	int r;

	if (!dr_json_is_array(rows))
		return -EBADMSG;
	for (const struct dr_json *v = dr_json_first(rows); v; v = dr_json_next(v)) {
		/* unscheduled ones have no host; those of a cell that does not answer show none */
		if (dr_nova_server_parse(v, &s) || !s.host)
			continue;
		r = ins_map_add_vm(n->filling, s.host, s.id, s.tenant_id, s.vm_state);
		if (r)
			return r;
	}
	return 0;
}

static void on_servers(const struct dr_cloud_reply *r, void *userdata)
{
	struct ins_nova *n = userdata;
	const char *next = NULL;
	int error = r->error;

	if (error == -ECANCELED)
		return;
	if (!error && r->status != 200)
		error = -EIO;
	if (!error)
		error = take_servers(n, r->json);
	if (dr_json_size(dr_json_get(r->json, "servers"))) /* an empty page leads nowhere */
		next = dr_nova_servers_next(r->json);
	if (!error && next)
		error = ++n->pages < INS_PAGES_MAX ? read_servers(n, next) : -ELOOP;
	if (error)
		round_failed(n, "reading the servers from Nova", explain(r, error), is_fatal(r));
	else if (!next)
		round_done(n);
}

/* The page behind this link; NULL: the first. */
static int read_servers(struct ins_nova *n, const char *next)
{
	DR_AUTO_CALL struct dr_api_call call = {};
	int r;

	r = next ? dr_nova_servers_more(&call, &n->api, next)
		 : dr_nova_servers_list(&call, &n->api, true, NULL, 0);
	if (r)
		return r;
	call.req.timeout = n->config->timeout;
	return dr_cloud_send(n->cloud, &call.req, on_servers, n);
}

/* The known hosts, without their servers. */
static int begin_servers(struct ins_nova *n)
{
	ins_map_free(n->filling);
	n->filling = ins_map_new();
	n->pages = 0;
	ins_changes_clear(&n->kept); /* what comes from now on may be newer than its page */
	if (!n->filling)
		return -ENOMEM;
	for (size_t i = 0; i < n->map->count; i++)
		if (ins_map_add_host(n->filling, &n->map->hosts[i]))
			return -ENOMEM;
	return read_servers(n, NULL);
}

/* ---------------------------------------------------------------- changes from the bus */

static void reread_for(struct ins_nova *n, const char *host)
{
	if (ins_nova_reread(n, NULL, NULL))
		dr_error("out of memory: the computes are not read again for host=%s", host);
}

void ins_nova_change(struct ins_nova *n, const struct ins_change *change)
{
	int r;

	if (!n->map)
		return; /* the first reading is still to come */
	if (change->kind == INS_CHANGE_SERVICE) {
		reread_for(n, change->host);
		return;
	}
	r = ins_change_make(change, n->map, false);
	if (r == 1 && !ins_changes_name(&n->kept, change->host))
		reread_for(n, change->host);
	if (r || n->filling || n->kept.count)
		ins_changes_keep(&n->kept, change);
}

void ins_nova_forced(struct ins_nova *n, const char *host, bool down)
{
	struct ins_host *h = ins_map_get(n->map, host);

	if (h) {
		h->forced_down = down;
		h->newer = n->services_busy;
	}
	/* what is being read may be older; and whether one that was released is up, only Nova knows */
	if (n->services_busy || !down)
		reread_for(n, host);
}

/* ---------------------------------------------------------------- the first round */

static void on_version(const struct dr_cloud_reply *r, void *userdata)
{
	struct ins_nova *n = userdata;
	int error = r->error;

	if (error == -ECANCELED)
		return;
	if (!error && r->status != 200)
		error = -EIO;
	if (!error)
		error = dr_nova_version_parse(r->json, &n->api);
	if (error == -ENOTSUP) {
		round_failed(n, "Nova's microversions",
			     "it offers none from 2.11 (force-down) to 2.93 (the newest known here)", true);
	} else if (error) {
		round_failed(n, "reading Nova's version", r->reason[0] ? r->reason : "this is no Nova",
			     is_fatal(r));
	} else {
		dr_info("nova min=2.%u max=2.%u use=2.%u", n->api.min, n->api.max, n->api.use);
		n->step = STEP_SERVICES;
		run_step(n);
	}
}

static void on_login(const struct dr_cloud_reply *r, void *userdata)
{
	struct ins_nova *n = userdata;

	if (r->error == -ECANCELED)
		return;
	if (r->error) {
		round_failed(n, "logging in", r->reason, is_fatal(r));
		return;
	}
	n->step = STEP_VERSION;
	run_step(n);
}

static int ask_version(struct ins_nova *n)
{
	DR_AUTO_CALL struct dr_api_call call = {};
	int r = dr_nova_version_get(&call);

	if (r)
		return r;
	call.req.timeout = n->config->timeout;
	return dr_cloud_send(n->cloud, &call.req, on_version, n);
}

static void run_step(struct ins_nova *n)
{
	int r = 0;

	switch (n->step) {
	case STEP_IDLE:
		break;
	case STEP_LOGIN:
		r = dr_cloud_login(n->cloud, on_login, n);
		break;
	case STEP_VERSION:
		r = ask_version(n);
		break;
	case STEP_SERVICES:
		r = read_services(n);
		break;
	case STEP_AGGREGATES:
		r = read_aggregates(n);
		if (r)
			aggregates_read(n, r, "");
		return;
	case STEP_SERVERS:
		r = begin_servers(n);
		break;
	}
	if (r)
		round_failed(n, "asking Nova", strerror(-r), false);
}

/* ---------------------------------------------------------------- without a cloud */

static int start_without_cloud(struct ins_nova *n)
{
	n->map = ins_map_new();
	if (!n->map)
		return -ENOMEM;
	n->step = STEP_IDLE;
	report_start(n, 0, NULL);
	return 0;
}

int ins_nova_learn(struct ins_nova *n, const struct ins_event *e)
{
	struct ins_host *h = NULL, fresh = { .up = true };

	if (ins_map_resolve(n->map, e->host, &h) == INS_MATCH_NONE) {
		int r = n->map->count < INS_LEARNT_MAX ? 0 : -ENOSPC;

		snprintf(fresh.name, sizeof(fresh.name), "%s", e->host);
		if (!r)
			r = ins_map_add_host(n->map, &fresh);
		if (r)
			return r;
		ins_map_sort(n->map);
		h = ins_map_get(n->map, e->host);
	}
	if (h && ins_event_is_host(e))
		h->up = e->status == INS_CLEARED;
	return 0;
}

/* ---------------------------------------------------------------- the rest */

int ins_nova_new(struct dr_loop *l, struct dr_cloud *cloud, const struct ins_config *c, struct ins_nova **ret)
{
	DR_AUTO(ins_nova_freep) struct ins_nova *n = calloc(1, sizeof(*n));
	int r;

	if (!n)
		return -ENOMEM;
	n->loop = l;
	n->cloud = cloud;
	n->config = c;
	r = dr_loop_add_timer(l, on_timer, n, &n->timer);
	if (!r)
		r = dr_loop_add_timer(l, on_reread_due, n, &n->reread_timer);
	if (r)
		return r;
	*ret = DR_TAKE_PTR(n);
	return 0;
}

void ins_nova_stop(struct ins_nova *n)
{
	if (!n)
		return;
	dr_timer_disarm(n->timer);
	dr_timer_disarm(n->reread_timer);
	tell_waiters(&n->waiters, -ECANCELED);
	tell_waiters(&n->next_waiters, -ECANCELED);
}

void ins_nova_free(struct ins_nova *n)
{
	if (!n)
		return;
	if (n->reread_timer)
		ins_nova_stop(n);
	dr_source_free(n->timer);
	dr_source_free(n->reread_timer);
	ins_map_free(n->map);
	ins_map_free(n->filling);
	ins_changes_done(&n->kept);
	ins_groups_free(n->zones);
	ins_groups_free(n->aggregates);
	free(n);
}

int ins_nova_start(struct ins_nova *n, ins_nova_started_fn fn, void *userdata)
{
	n->started = fn;
	n->userdata = userdata;
	n->step = STEP_LOGIN;
	return dr_timer_arm(n->timer, dr_msec(0));
}

const struct dr_nova_api *ins_nova_api(const struct ins_nova *n)
{
	return &n->api;
}

const struct ins_map *ins_nova_map(const struct ins_nova *n)
{
	return n->started ? NULL : n->map;
}

const struct ins_groups *ins_nova_zones(const struct ins_nova *n)
{
	return n->zones;
}

const struct ins_groups *ins_nova_aggregates(const struct ins_nova *n)
{
	return n->aggregates;
}

const char *ins_nova_aggregates_trouble(const struct ins_nova *n)
{
	return n->no_aggregates;
}

struct ins_nova_health ins_nova_health(const struct ins_nova *n)
{
	struct dr_dur age = dr_mono_sub(dr_mono_now(), n->map_read);

	if (n->config->no_cloud) /* it is as the monitors say, always */
		return (struct ins_nova_health){ .trouble = "" };
	return (struct ins_nova_health){
		.stale = n->trouble[0] || age.ns > 3 * n->config->refresh.ns,
		.age = age,
		.trouble = n->trouble,
	};
}
