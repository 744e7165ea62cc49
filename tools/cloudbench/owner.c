/* SPDX-License-Identifier: Apache-2.0 */
#include "tools/cloudbench/owner.h"

#include <poll.h>
#include <string.h>

#include "doctor/cloud/aodh.h"
#include "doctor/cloud/nova.h"

#define PREFIX "doctor-cloud-bench-"
#define SENTINEL "00000000-0000-4000-8000-00000000cb00" /* a server that there is not */
#define BOOT_LIMIT dr_sec(300)
#define GONE_LIMIT dr_sec(300)
#define DRAIN_LIMIT dr_sec(60)
#define QUIET dr_msec(200)
#define LOOK_MS 200
#define REARM_PARALLEL 4

static int fail(char **ret_error, int r, const char *what)
{
	if (!*ret_error)
		*ret_error = dr_asprintf("%s: %s", what, strerror(-r));
	return r;
}

/* ---------------------------------------------------------------- the consumer */

static struct cb_vm *vm_of_alarm(struct cb_owner *o, const char *alarm)
{
	if (strcmp(o->sentinel.alarm, alarm) == 0)
		return &o->sentinel;
	for (size_t i = 0; i < o->count; i++) {
		if (strcmp(o->vms[i].alarm, alarm) == 0)
			return &o->vms[i];
	}
	return NULL;
}

static void on_alarm(struct dr_http_exchange *x, void *userdata)
{
	struct dr_wall now = dr_wall_now();
	struct cb_owner *o = userdata;
	DR_AUTO_JSON struct dr_json *body = NULL;
	const char *generated, *alarm;
	struct cb_vm *vm = NULL;
	size_t len;
	const char *text = dr_http_body(x, &len);
	int r = dr_json_parse(text, len, &body, NULL);

	dr_http_reply(x, 200, NULL, NULL, 0);
	alarm = r == 0 ? dr_json_get_str(body, "alarm_id") : NULL;
	if (alarm)
		vm = vm_of_alarm(o, alarm);
	if (!vm || vm->heard.ns)
		return;
	vm->heard = now;
	o->heard += vm != &o->sentinel;
	generated = dr_json_str(dr_json_path(body, "reason_data.event.generated"));
	if (!generated || dr_wall_parse(generated, &vm->generated, NULL) < 0)
		vm->generated = (struct dr_wall){ 0 };
}

void cb_owner_expect(struct cb_owner *o)
{
	for (size_t i = 0; i < o->count; i++)
		o->vms[i].heard = o->vms[i].generated = (struct dr_wall){ 0 };
	o->heard = 0;
}

bool cb_owner_heard_all(void *owner)
{
	const struct cb_owner *o = owner;

	return o->heard == o->count;
}

const struct cb_vm *cb_owner_last(const struct cb_owner *o)
{
	const struct cb_vm *last = NULL;

	for (size_t i = 0; i < o->count; i++) {
		if (o->vms[i].heard.ns && (!last || o->vms[i].heard.ns > last->heard.ns))
			last = &o->vms[i];
	}
	return last;
}

/* ---------------------------------------------------------------- calls, many at once */

struct batch {
	struct cb_owner *o;
	struct dr_cloud *session;
	int (*make)(struct dr_api_call *call, const struct cb_vm *vm, const char *arg);
	const char *arg;
	size_t next, pending;
	char *error;
	int result;
};

static int send_next(struct batch *s);

static void on_batch(const struct dr_cloud_reply *r, void *userdata)
{
	struct batch *s = userdata;

	s->pending--;
	if ((r->error || r->status >= 300) && !s->result) {
		s->result = r->error ? r->error : -EREMOTEIO;
		s->error = dr_asprintf("setting \"%s\": status %u: %s", s->arg, r->status, r->reason);
	}
	if (!s->result && s->next < s->o->count)
		s->result = send_next(s);
}

static int send_next(struct batch *s)
{
	DR_AUTO_CALL struct dr_api_call call = {};
	int r = s->make(&call, &s->o->vms[s->next], s->arg);

	if (r == 0)
		r = dr_cloud_send(s->session, &call.req, on_batch, s);
	s->next += r == 0;
	s->pending += r == 0;
	return r;
}

static bool batch_ended(void *userdata)
{
	return ((struct batch *)userdata)->pending == 0;
}

/* One call for each server; the calls end in any case before we do. */
static int run_batch(struct batch *s, unsigned parallel, char **ret_error)
{
	int r;

	while (!s->result && s->next < s->o->count && s->pending < parallel)
		s->result = send_next(s);
	do
		r = cb_until(s->o->b, dr_sec(300), batch_ended, s);
	while (r == 1);
	if (r < 0 && s->pending) /* the answers would find s gone */
		while (!batch_ended(s) && dr_loop_run_once(s->o->b->loop, dr_sec(60)) >= 0)
			;
	r = r < 0 ? r : s->result;
	if (r < 0 && s->error && !*ret_error)
		*ret_error = DR_TAKE_PTR(s->error);
	free(s->error);
	return r < 0 ? fail(ret_error, r, s->arg) : 0;
}

static int make_reset(struct dr_api_call *call, const struct cb_vm *vm, const char *arg)
{
	static const struct dr_nova_api api = { 0 };

	return dr_nova_reset_state(call, &api, vm->id, arg);
}

int cb_owner_reset(struct cb_owner *o, const char *state, unsigned parallel, struct dr_wall *ret_answered,
		   char **ret_error)
{
	struct batch s = { .o = o, .session = o->admin, .make = make_reset, .arg = state };
	int r = run_batch(&s, parallel, ret_error);

	if (r == 0 && ret_answered)
		*ret_answered = dr_wall_now();
	return r;
}

static int make_alarm_state(struct dr_api_call *call, const struct cb_vm *vm, const char *arg)
{
	return dr_aodh_alarm_state_set(call, vm->alarm, arg);
}

/* ---------------------------------------------------------------- settling */

static void on_published(int error, const char *text, void *userdata)
{
	((struct cb_owner *)userdata)->published = error;
}

static bool is_published(void *userdata)
{
	return ((struct cb_owner *)userdata)->published <= 0;
}

static bool sentinel_heard(void *owner)
{
	return ((struct cb_owner *)owner)->sentinel.heard.ns != 0;
}

/* Says of a server that there is not that it is in error, as Nova would. */
static int publish_sentinel(struct cb_owner *o)
{
	static unsigned count;
	char now[DR_TIME_STR_MAX];
	DR_AUTO_FREE char *body = NULL;
	struct dr_amqp_message m = { .exchange = "nova", .routing_key = "notifications.info" };
	int r;

	dr_wall_format(dr_wall_now(), now);
	now[10] = ' ';
	now[26] = '\0'; /* no zone */
	count++;
	body = dr_asprintf("{\"message_id\": \"%08x-0000-4000-8000-00000000cb01\", \"publisher_id\": "
			   "\"compute.nowhere\", \"event_type\": \"compute.instance.update\", \"priority\": "
			   "\"INFO\", \"payload\": {\"tenant_id\": \"%s\", \"instance_id\": \"" SENTINEL
			   "\", \"state\": \"error\"}, \"timestamp\": \"%s\", \"_unique_id\": \"%032x\"}",
			   count, dr_cloud_project_id(o->tenant), now, count);
	if (!body)
		return -ENOMEM;
	m.body = body;
	m.len = strlen(body);
	o->published = 1;
	r = dr_amqp_publish(o->bus, &m, on_published, o);
	if (r == 0)
		r = cb_until(o->b, dr_sec(30), is_published, o);
	return r < 0 ? r : r == 1 ? -ETIMEDOUT : o->published;
}

int cb_owner_settle(struct cb_owner *o, char **ret_error)
{
	struct batch s = { .o = o, .session = o->tenant, .make = make_alarm_state, .arg = "ok" };
	int r;

	o->sentinel.heard = (struct dr_wall){ 0 };
	r = publish_sentinel(o);
	if (r == 0)
		r = cb_until(o->b, DRAIN_LIMIT, sentinel_heard, o);
	if (r == 0)
		r = cb_idle(o->b, QUIET);
	if (r != 0)
		return fail(ret_error, r < 0 ? r : -ETIMEDOUT, "waiting until Ceilometer and Aodh are idle");
	r = run_batch(&s, REARM_PARALLEL, ret_error);
	cb_owner_expect(o);
	return r;
}

/* ---------------------------------------------------------------- servers and alarms */

static int make_alarm(struct cb_owner *o, struct cb_vm *vm, char **ret_error)
{
	char url[64], name[128];
	struct dr_aodh_event_alarm alarm = {
		.name = name,
		.instance_id = vm->id,
		.action_url = url,
		.repeat_actions = vm == &o->sentinel,
	};
	DR_AUTO_CALL struct dr_api_call call = {};
	DR_AUTO_JSON struct dr_json *body = NULL;
	struct dr_aodh_alarm made;
	int r;

	snprintf(name, sizeof(name), PREFIX "%s", vm->id);
	snprintf(url, sizeof(url), "http://127.0.0.1:%u/failure", dr_http_server_port(o->server));
	r = dr_aodh_alarm_create(&call, &alarm);
	if (r == 0)
		r = dr_cloud_call(o->tenant, &call.req, &body, ret_error);
	if (r == 0)
		r = dr_aodh_alarm_parse(body, &made);
	if (r != 0)
		return fail(ret_error, r < 0 ? r : -EREMOTEIO, "making an alarm");
	snprintf(vm->alarm, sizeof(vm->alarm), "%s", made.id);
	return 0;
}

static int await_active(struct cb_owner *o, const struct cb_vm *vm, struct dr_mono end, char **ret_error)
{
	struct sc_server s;
	int r;

	while ((r = sc_cloud_server(o->cloud, SC_ADMIN, vm->id, &s, ret_error)) == 0 &&
	       strcmp(s.status, "ACTIVE") != 0) {
		if (strcmp(s.status, "ERROR") == 0 || dr_mono_sub(end, dr_mono_now()).ns < 0) {
			*ret_error =
				dr_asprintf("server %s does not start: %s %s", vm->id, s.status, s.fault);
			return -EIO;
		}
		r = cb_idle(o->b, dr_msec(LOOK_MS));
		if (r < 0)
			return r;
	}
	return r < 0 ? r : r == 1 ? fail(ret_error, -ENOENT, "a server is gone") : 0;
}

int cb_owner_grow(struct cb_owner *o, size_t count, char **ret_error)
{
	struct dr_mono end = dr_mono_add(dr_mono_now(), BOOT_LIMIT);
	size_t first = o->count;
	struct sc_parts parts;
	int r = sc_cloud_parts(o->cloud, NULL, NULL, &parts, ret_error);

	for (size_t i = first; i < count && r == 0; i++) {
		struct cb_vm *vm = &o->vms[i];
		char name[64];

		snprintf(name, sizeof(name), PREFIX "%03zu", i + 1);
		*vm = (struct cb_vm){ 0 };
		r = sc_cloud_boot(o->cloud, &parts, name, o->host.host, vm->id, ret_error);
		if (r == 0)
			r = make_alarm(o, vm, ret_error);
		o->count += r == 0;
		if (r == 0)
			r = cb_idle(o->b, (struct dr_dur){ 1 }); /* a signal is heard */
	}
	for (size_t i = first; i < o->count && r == 0; i++)
		r = await_active(o, &o->vms[i], end, ret_error);
	return r;
}

static bool ours(const char *name)
{
	return strncmp(name, PREFIX, strlen(PREFIX)) == 0;
}

static bool among(const struct sc_server *servers, size_t n, const char *id)
{
	for (size_t i = 0; i < n; i++) {
		if (ours(servers[i].name) && strcmp(servers[i].id, id) == 0)
			return true;
	}
	return false;
}

static int remove_alarms(struct cb_owner *o, const struct sc_server *servers, size_t n, char **ret_error)
{
	DR_AUTO_FREE struct sc_alarm *alarms = NULL;
	size_t count = 0;
	int r = sc_cloud_alarms(o->cloud, &alarms, &count, ret_error);

	for (size_t i = 0; i < count && r == 0; i++) {
		if (strcmp(alarms[i].instance, SENTINEL) == 0 || among(servers, n, alarms[i].instance))
			r = sc_cloud_delete_alarm(o->cloud, alarms[i].id, ret_error);
	}
	return r;
}

/* How many of ours there are; or negative. */
static int count_ours(struct cb_owner *o, char **ret_error)
{
	DR_AUTO_FREE struct sc_server *list = NULL;
	size_t n = 0;
	int count = 0, r = sc_cloud_servers(o->cloud, SC_OWNER, &list, &n, ret_error);

	for (size_t i = 0; i < n; i++)
		count += ours(list[i].name);
	return r < 0 ? r : count;
}

/* Alarms first, as they are found by their servers. Needs no loop: a signal may have ended ours. */
static int remove_all(struct cb_owner *o, char **ret_error)
{
	struct dr_mono end = dr_mono_add(dr_mono_now(), GONE_LIMIT);
	DR_AUTO_FREE struct sc_server *list = NULL;
	size_t n = 0;
	int r = sc_cloud_servers(o->cloud, SC_OWNER, &list, &n, ret_error);

	if (r == 0)
		r = remove_alarms(o, list, n, ret_error);
	for (size_t i = 0; i < n && r == 0; i++) {
		if (ours(list[i].name))
			r = sc_cloud_delete_server(o->cloud, list[i].id, ret_error);
	}
	while (r == 0 && (r = count_ours(o, ret_error)) > 0) {
		if (dr_mono_sub(end, dr_mono_now()).ns < 0)
			return fail(ret_error, -ETIMEDOUT, "deleting servers");
		(void)!poll(NULL, 0, LOOK_MS);
		r = 0;
	}
	return r;
}

/* ---------------------------------------------------------------- life */

static int open_session(struct cb_owner *o, const char *entry, struct dr_cloud **ret, char **ret_error)
{
	struct dr_cloud_conf conf = { 0 };
	int r = dr_cloud_conf_load(entry, &conf, ret_error);

	if (r < 0)
		return r;
	r = dr_cloud_new(o->b->loop, o->b->http, &conf, ret);
	dr_cloud_conf_done(&conf);
	return r;
}

/* The first that carries no servers. */
static int choose_host(struct cb_owner *o, char **ret_error)
{
	struct sc_compute all[SC_COMPUTES_MAX];
	int n = sc_cloud_computes(o->cloud, all, ret_error);

	for (int i = 0; i < n; i++) {
		int r = sc_cloud_is_used(o->cloud, all[i].host, ret_error);

		if (r < 0)
			return r;
		if (r == 0 && all[i].up && all[i].enabled && !all[i].forced_down) {
			o->host = all[i];
			return 0;
		}
	}
	return n < 0 ? n : fail(ret_error, -EBUSY, "no compute is up and without servers");
}

static int check_room(struct cb_owner *o, char **ret_error)
{
	size_t need = o->b->opts.vms[o->b->opts.sizes - 1];
	int room = sc_cloud_room(o->cloud, ret_error);

	if (room >= 0 && (size_t)room < need)
		*ret_error = dr_asprintf("the quota leaves room for %d servers, %zu are needed", room, need);
	return room < 0 ? room : (size_t)room < need ? -EDQUOT : 0;
}

static int open_bus(struct cb_owner *o)
{
	static const struct dr_amqp_host host = { "127.0.0.1", DR_AMQP_PORT };
	const struct dr_amqp_conf conf = {
		.hosts = &host, .host_count = 1, .user = "guest", .password = "guest"
	};

	return dr_amqp_new(o->b->loop, &conf, &o->bus);
}

int cb_owner_new(struct cb *b, struct cb_owner *o, char **ret_error)
{
	int r;

	*o = (struct cb_owner){ .b = b, .sentinel.id = SENTINEL };
	if ((r = sc_cloud_open_entries(&o->cloud, ret_error)) ||
	    (r = open_session(o, "admin", &o->admin, ret_error)) ||
	    (r = open_session(o, "doctor", &o->tenant, ret_error)) || (r = remove_all(o, ret_error)) ||
	    (r = choose_host(o, ret_error)) || (r = check_room(o, ret_error)) ||
	    (r = dr_http_server_new(b->loop, &(struct dr_http_server_opts){ 0 }, on_alarm, o, &o->server)) ||
	    (r = open_bus(o)))
		return fail(ret_error, r, "using the cloud");
	return make_alarm(o, &o->sentinel, ret_error);
}

int cb_owner_done(struct cb_owner *o, char **ret_error)
{
	int r = 0;

	if (o->cloud && o->host.host[0])
		r = sc_cloud_force_down(o->cloud, &o->host, false, ret_error);
	if (o->cloud && r == 0)
		r = remove_all(o, ret_error);
	dr_amqp_free(o->bus);
	dr_cloud_free(o->admin);
	dr_cloud_free(o->tenant);
	dr_http_server_free(o->server);
	sc_cloud_free(o->cloud);
	*o = (struct cb_owner){ 0 };
	return r;
}
