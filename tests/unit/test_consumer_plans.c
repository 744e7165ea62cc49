/* SPDX-License-Identifier: Apache-2.0 */
/*
 * The ways to recover, what is found and kept, and the inspector's word beside Aodh's: the consumer against
 * minicloud and a stand-in for the inspector, all on one loop.
 */
#include <stdarg.h>
#include <stddef.h>
#include <setjmp.h>
#include <stdint.h>
#include <cmocka.h>

#include <signal.h>
#include <string.h>
#include <sys/mman.h>
#include <sys/resource.h>
#include <sys/stat.h>

#include "consumer/consumer.h"
#include "consumer/faults.h"
#include "consumer/moves.h"
#include "consumer/notification.h"
#include "doctor/buf.h"
#include "doctor/hmac.h"
#include "doctor/http_client.h"
#include "tools/minicloud/cloud.h"

#define SERVERS 2 /* on compute-1 and on compute-2 */

struct world {
	struct dr_loop *loop;
	struct dr_http_client *mc_http, *http;
	struct dr_http_server *mc_server, *other; /* other: inspector and webhook */
	struct mc_cloud mc;
	struct dr_cloud *cloud;
	struct con_config config;
	struct con_plan plan;
	char ids[SERVERS][CON_UUID_LEN + 1];
	char standby[1][CON_UUID_LEN + 1];
	struct con_consumer *consumer;
	struct mc_server *lost[SERVERS], *spare;
	bool started;
	int log, saved_stderr;
	char text[1 << 16], dir[64], out[96], script[96];
	char secret[CON_SECRET_MAX + 1];
	unsigned subscriptions, told;
	bool in_trouble; /* the inspector knows a fault of lost[0] already */
	char last_told[2048];
};

static const char *said(struct world *w)
{
	ssize_t n = pread(w->log, w->text, sizeof(w->text) - 1, 0);

	w->text[n > 0 ? n : 0] = '\0';
	return w->text;
}

static size_t count(struct world *w, const char *what)
{
	size_t n = 0;

	for (const char *p = said(w); (p = strstr(p, what)); p += strlen(what))
		n++;
	return n;
}

#define FAIL(w, ...)                                                                                         \
	do {                                                                                                 \
		dup2((w)->saved_stderr, STDERR_FILENO);                                                      \
		fail_msg(__VA_ARGS__);                                                                       \
	} while (0)

#define WAIT_FOR(w, condition)                                                                               \
	do {                                                                                                 \
		struct dr_mono wait_end = dr_mono_add(dr_mono_now(), dr_sec(20));                            \
		while (!(condition)) {                                                                       \
			if (dr_mono_now().ns > wait_end.ns)                                                  \
				FAIL(w, "in vain: %s; it says: %s", #condition, said(w));                    \
			assert_true(dr_loop_run_once((w)->loop, dr_msec(5)) >= 0);                           \
		}                                                                                            \
	} while (0)

static void let_pass(struct world *w, struct dr_dur time)
{
	struct dr_mono end = dr_mono_add(dr_mono_now(), time);

	while (dr_mono_now().ns < end.ns)
		assert_true(dr_loop_run_once(w->loop, dr_msec(5)) >= 0);
}

/* ---- the others ---- */

static void add_known_fault(struct world *w, struct dr_json *answer)
{
	struct dr_json *fault = dr_json_push_object(dr_json_add_array(answer, "faults")), *server;

	dr_json_add_str(fault, "fault_id", "f-known");
	dr_json_add_str(fault, "fault_type", "compute.host.down");
	server = dr_json_push_object(dr_json_add_array(fault, "virtual_resource_info"));
	dr_json_add_str(server, "virtual_resource_id", w->ids[0]);
	dr_json_add_str(server, "virtual_resource_type", "server");
	dr_json_add_str(server, "virtual_resource_state", "error");
}

static void other(struct dr_http_exchange *x, void *userdata)
{
	struct world *w = userdata;
	size_t len;
	const char *body = dr_http_body(x, &len);
	DR_AUTO_JSON struct dr_json *json = NULL;
	struct dr_json *answer = dr_json_object();

	if (strcmp(dr_http_path(x), "/hook") == 0) {
		w->told++;
		snprintf(w->last_told, sizeof(w->last_told), "%s", body);
		dr_http_reply_json(x, 200, answer);
		return;
	}
	dr_json_add_str(answer, "subscription_id", "sub-1");
	if (strcmp(dr_http_method(x), "POST") == 0) {
		assert_int_equal(dr_json_parse(body, len, &json, NULL), 0);
		snprintf(w->secret, sizeof(w->secret), "%s", dr_json_get_str(json, "secret"));
		w->subscriptions++;
		if (w->in_trouble)
			add_known_fault(w, answer);
		dr_http_reply_json(x, 201, answer);
	} else {
		dr_http_reply_json(x, 200, answer);
	}
}

static void log_in(struct world *w)
{
	struct dr_cloud_conf conf = {
		.username = strdup("doctor"),
		.password = strdup("doctor"),
		.user_domain_name = strdup("Default"),
		.project_name = strdup("doctor"),
		.project_domain_name = strdup("Default"),
		.interface = strdup("public"),
	};
	char url[128];

	snprintf(url, sizeof(url), "%s/identity/v3", w->mc.url);
	conf.auth_url = strdup(url);
	assert_int_equal(dr_cloud_new(w->loop, w->http, &conf, &w->cloud), 0);
	dr_cloud_conf_done(&conf);
}

static void start_others(struct world *w)
{
	struct mc_cloud_opts opts = { .model = { .seed = { 1, 2, 3, 4 }, .hosts = 3, .vms_per_host = 1 } };

	opts.model.token_ttl = dr_sec(86400);
	assert_int_equal(dr_loop_new(&w->loop), 0);
	assert_int_equal(dr_http_client_new(w->loop, NULL, &w->mc_http), 0);
	assert_int_equal(mc_cloud_init(&w->mc, w->loop, w->mc_http, &opts), 0);
	assert_int_equal(dr_http_server_new(w->loop, NULL, mc_dispatch, &w->mc, &w->mc_server), 0);
	snprintf(w->mc.url, sizeof(w->mc.url), "http://127.0.0.1:%u", dr_http_server_port(w->mc_server));
	assert_int_equal(dr_http_server_new(w->loop, NULL, other, w, &w->other), 0);
	assert_int_equal(dr_http_client_new(w->loop, NULL, &w->http), 0);
}

static struct mc_server *server_of(struct world *w, const char *host)
{
	return mc_server_next(&w->mc.model, NULL, mc_host_by_name(&w->mc.model, host), NULL);
}

static int setup(void **state)
{
	struct world *w = calloc(1, sizeof(*w));

	assert_non_null(w);
	*state = w;
	strcpy(w->dir, "/tmp/doctor-test-plans-XXXXXX");
	assert_non_null(mkdtemp(w->dir));
	snprintf(w->out, sizeof(w->out), "%s/out", w->dir);
	snprintf(w->script, sizeof(w->script), "%s/recover", w->dir);
	w->log = memfd_create("log", MFD_CLOEXEC);
	w->saved_stderr = dup(STDERR_FILENO);
	assert_int_equal(dup2(w->log, STDERR_FILENO), STDERR_FILENO);
	start_others(w);
	log_in(w);
	w->lost[0] = server_of(w, "compute-1");
	w->lost[1] = server_of(w, "compute-2");
	w->spare = server_of(w, "compute-3");
	for (size_t i = 0; i < SERVERS; i++)
		memcpy(w->ids[i], w->lost[i]->id, sizeof(w->ids[i]));
	memcpy(w->standby[0], w->spare->id, sizeof(w->standby[0]));
	w->config = (struct con_config){
		.listen = { .address = "127.0.0.1", .loopback = true },
		.servers = { w->ids, SERVERS },
		.timeout = dr_sec(10),
		.interval = dr_sec(3600),
		.same_fault = dr_sec(600),
		.plan.retry = { .attempts = 3,
				.pause = dr_msec(20),
				.pause_max = dr_msec(50),
				.boot_timeout = dr_sec(15),
				.boot_late = dr_msec(20),
				.settle = dr_msec(200) },
		.plan.time_limit = dr_sec(20),
		.inspector.check = dr_sec(30),
	};
	return 0;
}

static void crash(struct world *w)
{
	dr_cloud_free(w->cloud);
	w->cloud = NULL;
	con_consumer_free(w->consumer);
	w->consumer = NULL;
}

static int teardown(void **state)
{
	struct world *w = *state;
	char path[128];

	crash(w);
	dr_http_client_free(w->http);
	dr_http_server_free(w->other);
	dr_http_server_free(w->mc_server);
	mc_cloud_done(&w->mc);
	dr_http_client_free(w->mc_http);
	dr_loop_free(w->loop);
	dup2(w->saved_stderr, STDERR_FILENO);
	close(w->saved_stderr);
	close(w->log);
	free(w->config.url);
	free(w->config.webhook);
	free(w->config.journal);
	free(w->config.inspector.url);
	unlink(w->out);
	unlink(w->script);
	snprintf(path, sizeof(path), "%s/journal.db", w->dir);
	unlink(path);
	snprintf(path, sizeof(path), "%s/journal.db-wal", w->dir);
	unlink(path);
	assert_int_equal(rmdir(w->dir), 0);
	free(w);
	return 0;
}

static void on_started(int error, const char *why, void *userdata)
{
	struct world *w = userdata;

	if (error)
		fail_msg("%s", why);
	w->started = true;
}

static void begin(struct world *w)
{
	char *error;

	w->started = false;
	if (!w->cloud)
		log_in(w);
	assert_int_equal(con_consumer_new(w->loop, w->cloud, &w->config, on_started, w, &w->consumer, &error),
			 0);
	if (!w->config.url) {
		w->config.url = strdup(con_consumer_url(w->consumer));
		w->config.listen.port = (uint16_t)strtoul(strrchr(w->config.url, ':') + 1, NULL, 10);
	}
}

static void start(struct world *w)
{
	begin(w);
	WAIT_FOR(w, w->started);
}

static void with_journal(struct world *w)
{
	w->config.journal = dr_asprintf("%s/journal.db", w->dir);
}

static void with_other(struct world *w, char **url, const char *path)
{
	*url = dr_asprintf("http://127.0.0.1:%u%s", dr_http_server_port(w->other), path);
}

static void lose(struct world *w, size_t i)
{
	enum mc_vm_state old = w->lost[i]->vm_state;

	mc_service_set_forced_down(&w->lost[i]->host->service, true, dr_wall_now());
	mc_server_reset_state(w->lost[i], MC_VM_ERROR, dr_wall_now());
	mc_notify_update(&w->mc, w->lost[i], old, "req-0");
}

static const struct mc_alarm *alarm_of(struct world *w, const char *id)
{
	const struct mc_alarm *a;

	TAILQ_FOREACH(a, &w->mc.model.alarms, entry)
	{
		if (strcmp(a->name + 7, id) == 0)
			return a;
	}
	return NULL;
}

static const char *ask(struct world *w, const char *method, const char *path, unsigned *ret_status)
{
	static char text[8192];
	char url[200];
	struct dr_http_request req = { .method = method, .url = url };
	struct dr_http_response r;

	snprintf(url, sizeof(url), "%s", con_consumer_url(w->consumer));
	snprintf(strstr(url, "/failure"), 100, "%s", path);
	assert_int_equal(dr_http_call(w->http, &req, &r), 0);
	*ret_status = r.status;
	snprintf(text, sizeof(text), "%s", dr_buf_str(&r.body));
	dr_http_response_done(&r);
	return text;
}

static const char *get(struct world *w, const char *path, unsigned *ret_status)
{
	return ask(w, "GET", path, ret_status);
}

/* What the inspector sends of ids[i]. */
static unsigned notify_raised(struct world *w, size_t i, const char *fault, const char *state,
			      const char *secret, const char *raised)
{
	DR_AUTO_BUF struct dr_buf b = { 0 };
	char url[200], signature[80] = "sha256=";
	struct dr_http_request req = { .method = "POST", .url = url };
	struct dr_http_response r;
	unsigned status;

	dr_buf_printf(
		&b,
		"{\"notification_id\":\"n-%s-%s\",\"subscription_id\":\"sub-1\",\"sequence\":1,\"fault\":{"
		"\"fault_id\":\"%s\",\"fault_type\":\"compute.host.down\",\"severity\":\"critical\","
		"\"state\":\"%s\",\"raised_time\":\"%s\"},\"virtual_resource_info\":[{\"virtual_resource_"
		"id\":\"%s\","
		"\"virtual_resource_type\":\"server\",\"virtual_resource_state\":\"error\"}]}",
		fault, state, fault, state, raised, w->ids[i]);
	assert_int_equal(dr_hmac_sha256(secret, strlen(secret), b.data, b.len, signature + 7), 0);
	snprintf(url, sizeof(url), "%s", con_consumer_url(w->consumer));
	snprintf(strstr(url, "/failure"), 100, "/fault");
	req.body = b.data;
	req.body_len = b.len;
	req.headers[0] = (struct dr_http_header){ "X-Doctor-Signature", signature };
	assert_int_equal(dr_http_call(w->http, &req, &r), 0);
	status = r.status;
	dr_http_response_done(&r);
	return status;
}

static unsigned notify(struct world *w, size_t i, const char *fault, const char *state, const char *secret)
{
	return notify_raised(w, i, fault, state, secret, "");
}

static void use_switchover(struct world *w)
{
	w->config.plan.kind = CON_RECOVERY_SWITCHOVER;
	w->config.plan.standbys = (struct con_ids){ w->standby, 1 };
	w->config.plan.floating = true;
}

static void use_script(struct world *w, const char *text)
{
	static char *command[2];
	FILE *f = fopen(w->script, "we");

	assert_non_null(f);
	fprintf(f, "#!/bin/sh\necho \"$DOCTOR_SERVER $DOCTOR_ATTEMPT $DOCTOR_INTERRUPTED\" >> %s\n%s\n",
		w->out, text);
	fclose(f);
	assert_int_equal(chmod(w->script, 0700), 0);
	command[0] = w->script;
	w->config.plan.kind = CON_RECOVERY_EXEC;
	w->config.plan.command = command;
}

static const char *output(struct world *w)
{
	static char text[4096];
	DR_AUTO_FCLOSE FILE *f = fopen(w->out, "re");

	text[f ? fread(text, 1, sizeof(text) - 1, f) : 0] = '\0';
	return text;
}

/* ---- recreate ---- */

static const struct mc_server *replacement(struct world *w, size_t i)
{
	const struct mc_server *s = NULL;

	while ((s = mc_server_next(&w->mc.model, s, NULL, NULL))) {
		const char *of = dr_json_get_str(s->metadata, "doctor_replaces");

		if (of && strcmp(of, w->ids[i]) == 0)
			return s;
	}
	return NULL;
}

/* The same port, group and tags; and the lost one goes when the new one is there. */
static void test_recreate_alike(void **state)
{
	struct world *w = *state;
	struct mc_model *m = &w->mc.model;
	struct mc_port *port = w->lost[0]->port;
	const struct mc_server *s;

	w->lost[0]->group =
		mc_group_create(m, "apart", "anti-affinity", w->lost[0]->project, w->lost[0]->user);
	assert_non_null(dr_json_push(w->lost[0]->tags, dr_json_string("web")));
	w->config.plan.keep_addresses = w->config.plan.delete_lost = true;
	start(w);
	lose(w, 0);
	WAIT_FOR(w, count(w, "doctor consumer handled at ") == 1);
	WAIT_FOR(w, !mc_server_find(m, w->ids[0]));
	s = replacement(w, 0);
	assert_non_null(s);
	assert_string_equal(mc_server_status(s), "ACTIVE");
	assert_ptr_equal(s->port, port);
	assert_non_null(s->group);
	assert_string_equal(dr_json_str(dr_json_at(s->tags, 0)), "web");
	assert_non_null(dr_json_get_str(s->metadata, "doctor_fault"));
	assert_int_equal(count(w, "lost server is deleted vm="), 1);
}

/* ---- switchover ---- */

static void break_cloud(struct world *w, const char *spec)
{
	assert_int_equal(mc_fails_add(&w->mc.fails, spec), 0);
}

/* What a boot makes of which Nova's answer never came. */
static void boot_late(struct world *w, size_t i)
{
	DR_AUTO_JSON struct dr_json *metadata = dr_json_object();
	const struct mc_boot boot = {
		.name = w->lost[i]->name,
		.project = w->lost[i]->project,
		.user = w->lost[i]->user,
		.image = mc_image_find(&w->mc.model, w->lost[i]->image_id),
		.networked = true,
		.metadata = metadata,
	};
	struct mc_server *s;

	assert_non_null(dr_json_add_str(metadata, "doctor_replaces", w->ids[i]));
	s = mc_server_create(&w->mc.model, &boot, dr_wall_now());
	assert_non_null(s);
	mc_job_start(&w->mc, s, "req-0", dr_msec(10));
}

static size_t replacements(struct world *w, size_t i)
{
	const struct mc_server *s = NULL;
	size_t n = 0;

	while ((s = mc_server_next(&w->mc.model, s, NULL, NULL))) {
		const char *of = dr_json_get_str(s->metadata, "doctor_replaces");

		n += of && strcmp(of, w->ids[i]) == 0;
	}
	return n;
}

/* We end while a boot is under way, and Nova carries it out only after we are back: there is no second one.
 */
static void boot_over_a_restart(struct world *w)
{
	unsigned status;

	w->config.servers.count = 1;
	w->config.plan.retry.boot_late = dr_sec(2);
	start(w);
	break_cloud(w, "compute:POST:/v2.1/servers:0:1");
	lose(w, 0);
	WAIT_FOR(w, strstr(get(w, "/v1/recoveries", &status), "\"attempts\":1"));
	let_pass(w, dr_msec(100));
	crash(w);
	start(w);
	WAIT_FOR(w, count(w, "the boot of before the restart may still be carried out") == 1);
	boot_late(w, 0);
	WAIT_FOR(w, strstr(get(w, "/v1/recoveries", &status), "\"state\":\"recovered\""));
	assert_int_equal(replacements(w, 0), 1);
}

static void test_boot_under_way_over_a_restart(void **state)
{
	with_journal(*state);
	boot_over_a_restart(*state);
}

/* All that tells of it is the alarm. */
static void test_boot_under_way_without_a_journal(void **state)
{
	boot_over_a_restart(*state);
}

static void test_switchover(void **state)
{
	struct world *w = *state;
	struct mc_floating *f = mc_floating_create(&w->mc.model, w->lost[0]->project, dr_wall_now());
	struct mc_floating *g = mc_floating_create(&w->mc.model, w->lost[0]->project, dr_wall_now());
	char *addresses[] = { "192.0.2.10" };
	struct dr_json *pair;

	f->port = w->lost[0]->port;
	g->port = w->lost[1]->port;
	pair = dr_json_push_object(w->lost[0]->port->pairs);
	dr_json_add_str(pair, "ip_address", "192.0.2.10");
	use_switchover(w);
	w->config.plan.addresses = addresses;
	w->config.plan.address_count = 1;
	start(w);
	lose(w, 0);
	WAIT_FOR(w, count(w, "standby has taken over vm=") == 1);
	assert_ptr_equal(f->port, w->spare->port);
	assert_int_equal(dr_json_size(w->lost[0]->port->pairs), 0);
	assert_string_equal(dr_json_get_str(dr_json_at(w->spare->port->pairs, 0), "ip_address"),
			    "192.0.2.10");
	assert_ptr_equal(g->port, w->lost[1]->port);
	assert_int_equal(count(w, "doctor consumer handled at "), 1);

	/* it is one for N: for the second nothing is left */
	lose(w, 1);
	WAIT_FOR(w, count(w, "has taken the place of ") == 1);
	assert_int_equal(count(w, "a person must help vm="), 1);
	assert_ptr_equal(g->port, w->lost[1]->port);
}

static void test_both_lost_at_once(void **state)
{
	struct world *w = *state;
	struct mc_floating *f = mc_floating_create(&w->mc.model, w->lost[0]->project, dr_wall_now());
	struct mc_floating *g = mc_floating_create(&w->mc.model, w->lost[0]->project, dr_wall_now());

	f->port = w->lost[0]->port;
	g->port = w->lost[1]->port;
	use_switchover(w);
	start(w);
	lose(w, 0);
	lose(w, 1);
	WAIT_FOR(w, count(w, "standby has taken over vm=") == 1 && count(w, "a person must help vm=") == 1);
	assert_int_equal((f->port == w->spare->port) + (g->port == w->spare->port), 1);
}

/* Killed between the intent and the end: the next life moves the rest. */
static void test_switchover_resumed(void **state)
{
	struct world *w = *state;
	struct mc_floating *f = mc_floating_create(&w->mc.model, w->lost[0]->project, dr_wall_now());

	f->port = w->lost[0]->port;
	use_switchover(w);
	with_journal(w);
	w->config.plan.retry.pause = w->config.plan.retry.pause_max = dr_sec(10);
	start(w);
	assert_int_equal(mc_fails_add(&w->mc.fails, "network:PUT:/v2.0/floatingips:503:1"), 0);
	lose(w, 0);
	WAIT_FOR(w, count(w, "recovery goes on in ") == 1);
	crash(w);
	assert_ptr_equal(f->port, w->lost[0]->port);
	start(w);
	WAIT_FOR(w, count(w, "standby has taken over vm=") == 1);
	assert_int_equal(count(w, "recovery is taken up vm="), 1);
	assert_int_equal(count(w, "standby takes over vm="), 1); /* decided once */
	assert_ptr_equal(f->port, w->spare->port);
}

static void test_standby_is_down(void **state)
{
	struct world *w = *state;
	struct mc_floating *f = mc_floating_create(&w->mc.model, w->lost[0]->project, dr_wall_now());

	f->port = w->lost[0]->port;
	use_switchover(w);
	start(w);
	mc_service_set_forced_down(&w->spare->host->service, true, dr_wall_now());
	lose(w, 0);
	WAIT_FOR(w, count(w, "a person must help vm=") == 1);
	assert_ptr_equal(f->port, w->lost[0]->port);
	assert_true(count(w, "on a host that is down") > 0);
}

/* POST /v1/recoveries/FAULT/back of the last fault of ids[i]. */
static unsigned ask_back(struct world *w, size_t i)
{
	char path[128], *fault;
	unsigned status;

	snprintf(path, sizeof(path), "/v1/recoveries?server=%s", w->ids[i]);
	fault = strstr(get(w, path, &status), "\"fault\":\"");
	assert_non_null(fault);
	snprintf(path, sizeof(path), "/v1/recoveries/%.36s/back", fault + strlen("\"fault\":\""));
	ask(w, "POST", path, &status);
	return status;
}

static bool is_returned(struct world *w, size_t i)
{
	char path[128];
	unsigned status;

	snprintf(path, sizeof(path), "/v1/recoveries?server=%s", w->ids[i]);
	return strstr(get(w, path, &status), "\"returned\":true");
}

static void make_well(struct world *w, size_t i)
{
	mc_service_set_forced_down(&w->lost[i]->host->service, false, dr_wall_now());
	mc_server_reset_state(w->lost[i], MC_VM_ACTIVE, dr_wall_now());
}

/* A person asks for it, whatever the plan says and nobody having said that the fault is over. */
static void test_switched_back_by_hand(void **state)
{
	struct world *w = *state;
	struct mc_floating *f = mc_floating_create(&w->mc.model, w->lost[0]->project, dr_wall_now());
	struct mc_floating *g = mc_floating_create(&w->mc.model, w->lost[0]->project, dr_wall_now());
	unsigned status;

	f->port = w->lost[0]->port;
	g->port = w->lost[1]->port;
	use_switchover(w);
	w->config.plan.retry.pause = w->config.plan.retry.pause_max = dr_msec(300);
	start(w);
	lose(w, 0);
	WAIT_FOR(w, count(w, "standby has taken over vm=") == 1);

	/* not while the server is lost */
	assert_int_equal(ask_back(w, 0), 202);
	WAIT_FOR(w, count(w, "addresses are not switched back, a person must help vm=") == 1);
	assert_ptr_equal(f->port, w->spare->port);
	assert_false(is_returned(w, 0));

	make_well(w, 0);
	assert_int_equal(mc_fails_add(&w->mc.fails, "network:GET:/v2.0/ports:503:1"), 0);
	assert_int_equal(ask_back(w, 0), 202);
	assert_int_equal(ask_back(w, 0), 503); /* it is under way, and pauses */
	WAIT_FOR(w, is_returned(w, 0));
	assert_ptr_equal(f->port, w->lost[0]->port);
	assert_int_equal(ask_back(w, 0), 409);
	ask(w, "POST", "/v1/recoveries/nobody-s/back", &status);
	assert_int_equal(status, 404);
	ask(w, "GET", "/v1/recoveries/nobody-s/back", &status);
	assert_int_equal(status, 405);
	ask(w, "POST", "/v1/recoveries/back", &status);
	assert_int_equal(status, 404);

	/* the standby is free again */
	lose(w, 1);
	WAIT_FOR(w, count(w, "standby has taken over vm=") == 2);
	assert_ptr_equal(g->port, w->spare->port);
}

/* It was well for a while and is lost again, and its standby has its place still: nobody is called for that.
 */
static void test_lost_again_before_it_is_back(void **state)
{
	struct world *w = *state;
	struct mc_floating *f = mc_floating_create(&w->mc.model, w->lost[0]->project, dr_wall_now());

	f->port = w->lost[0]->port;
	use_switchover(w);
	w->config.same_fault = dr_msec(0);
	start(w);
	lose(w, 0);
	WAIT_FOR(w, count(w, "standby has taken over vm=") == 1);
	WAIT_FOR(w, alarm_of(w, w->ids[0])->state == MC_ALARM_OK);
	make_well(w, 0);
	lose(w, 0);
	WAIT_FOR(w, count(w, "has its place already") == 1);
	assert_int_equal(count(w, "a person must help"), 0);
	assert_ptr_equal(f->port, w->spare->port);

	/* and once more, with its standby */
	WAIT_FOR(w, alarm_of(w, w->ids[0])->state == MC_ALARM_OK);
	make_well(w, 0);
	mc_service_set_forced_down(&w->spare->host->service, true, dr_wall_now());
	lose(w, 0);
	WAIT_FOR(w, count(w, "a person must help") == 1);
	assert_int_equal(count(w, "which is to take over, is ACTIVE on a host that is down"), 3);
	make_well(w, 0);
	assert_int_equal(ask_back(w, 0), 202);
	WAIT_FOR(w, is_returned(w, 0));
	assert_ptr_equal(f->port, w->lost[0]->port);
}

/* Somebody led the addresses back without a word: they are moved again when it is lost again. */
static void test_lost_again_after_it_was_led_back(void **state)
{
	struct world *w = *state;
	struct mc_floating *f = mc_floating_create(&w->mc.model, w->lost[0]->project, dr_wall_now());

	f->port = w->lost[0]->port;
	use_switchover(w);
	w->config.same_fault = dr_msec(0);
	start(w);
	lose(w, 0);
	WAIT_FOR(w, count(w, "standby has taken over vm=") == 1);
	WAIT_FOR(w, alarm_of(w, w->ids[0])->state == MC_ALARM_OK);
	make_well(w, 0);
	f->port = w->lost[0]->port;
	lose(w, 0);
	WAIT_FOR(w, count(w, "standby has taken over vm=") == 2);
	assert_ptr_equal(f->port, w->spare->port);
	assert_true(is_returned(w, 0)); /* the first */
	assert_int_equal(count(w, "a person must help"), 0);
}

/* Killed before it has ended: the next life goes on. */
static void test_switched_back_over_a_restart(void **state)
{
	struct world *w = *state;
	struct mc_floating *f = mc_floating_create(&w->mc.model, w->lost[0]->project, dr_wall_now());

	f->port = w->lost[0]->port;
	use_switchover(w);
	with_journal(w);
	w->config.plan.retry.pause = w->config.plan.retry.pause_max = dr_sec(10);
	start(w);
	lose(w, 0);
	WAIT_FOR(w, count(w, "standby has taken over vm=") == 1);
	make_well(w, 0);
	assert_int_equal(mc_fails_add(&w->mc.fails, "network:PUT:/v2.0/floatingips:503:1"), 0);
	assert_int_equal(ask_back(w, 0), 202);
	WAIT_FOR(w, count(w, "recovery goes on in ") == 1);
	crash(w);
	assert_ptr_equal(f->port, w->spare->port);
	start(w);
	WAIT_FOR(w, is_returned(w, 0));
	assert_ptr_equal(f->port, w->lost[0]->port);
}

/* Who has moved the addresses himself says so in the same way: nothing is left to be moved. */
static void test_moved_back_by_hand(void **state)
{
	struct world *w = *state;
	struct mc_floating *f = mc_floating_create(&w->mc.model, w->lost[0]->project, dr_wall_now());

	f->port = w->lost[0]->port;
	use_switchover(w);
	start(w);
	lose(w, 0);
	WAIT_FOR(w, count(w, "standby has taken over vm=") == 1);
	make_well(w, 0);
	f->port = w->lost[0]->port;
	assert_int_equal(mc_fails_add(&w->mc.fails, "network:PUT:/v2.0/floatingips:500"), 0);
	assert_int_equal(ask_back(w, 0), 202);
	WAIT_FOR(w, is_returned(w, 0));
}

/* ---- the inspector ---- */

static void test_inspector_first(void **state)
{
	struct world *w = *state;
	struct mc_floating *f = mc_floating_create(&w->mc.model, w->lost[0]->project, dr_wall_now());

	f->port = w->lost[0]->port;
	use_switchover(w);
	w->config.plan.back = true;
	with_other(w, &w->config.inspector.url, "");
	start(w);
	WAIT_FOR(w, count(w, "subscribed with the inspector subscription=sub-1") == 1);
	assert_true(strlen(w->secret) >= CON_SECRET_MIN);

	assert_int_equal(notify(w, 0, "fault-1", "raised", "somebody else's secret"), 403);
	mc_service_set_forced_down(&w->lost[0]->host->service, true, dr_wall_now());
	assert_int_equal(notify(w, 0, "fault-1", "raised", w->secret), 204);
	assert_int_equal(notify(w, 0, "fault-1", "raised", w->secret), 204); /* it may come again */
	WAIT_FOR(w, count(w, "standby has taken over vm=") == 1);
	assert_ptr_equal(f->port, w->spare->port);

	lose(w, 0); /* Aodh's word of the same */
	WAIT_FOR(w, count(w, "fault is known already vm=") == 1);
	assert_int_equal(count(w, "recovery begins"), 1);

	/* over: back to the server that is well again, as is wished */
	mc_service_set_forced_down(&w->lost[0]->host->service, false, dr_wall_now());
	mc_server_reset_state(w->lost[0], MC_VM_ACTIVE, dr_wall_now());
	assert_int_equal(notify(w, 0, "fault-1", "cleared", w->secret), 204);
	WAIT_FOR(w, count(w, "addresses are switched back vm=") == 2);
	assert_ptr_equal(f->port, w->lost[0]->port);
}

static void test_aodh_first(void **state)
{
	struct world *w = *state;
	unsigned status;

	with_other(w, &w->config.inspector.url, "/");
	with_other(w, &w->config.webhook, "/hook");
	start(w);
	WAIT_FOR(w, w->subscriptions == 1);
	lose(w, 0);
	WAIT_FOR(w, count(w, "doctor consumer handled at ") == 1);
	assert_int_equal(notify(w, 0, "fault-1", "raised", w->secret), 204);
	assert_int_equal(count(w, "recovery begins"), 1);
	assert_int_equal(notify(w, 0, "fault-1", "cleared", w->secret), 204);
	assert_int_equal(count(w, "fault is cleared vm="), 1);

	WAIT_FOR(w, w->told == 1);
	assert_non_null(strstr(w->last_told, "\"state\":\"recovered\""));
	assert_non_null(strstr(get(w, "/v1/recoveries", &status), "\"incident\":\"fault-1\""));
	assert_int_equal(status, 200);
	assert_non_null(strstr(get(w, "/v1/recoveries?server=x", &status), "{\"recoveries\":[]}"));
	assert_non_null(
		strstr(get(w, "/metrics", &status),
		       "doctor_consumer_recoveries_total{recovery=\"recreate\",outcome=\"recovered\"} 1"));
	assert_non_null(strstr(get(w, "/metrics", &status), "doctor_consumer_subscribed 1\n"));
}

/* The inspector's clock is an hour behind, or before, ours: its word is of the same fault all the same. */
static void test_clocks_differ(void **state)
{
	static const int hours[] = { -1, 1 };
	struct world *w = *state;
	char raised[DR_TIME_STR_MAX], fault[16];

	use_script(w, "exit 0");
	with_other(w, &w->config.inspector.url, "");
	start(w);
	WAIT_FOR(w, count(w, "subscribed with the inspector") == 1);
	lose(w, 0);
	WAIT_FOR(w, count(w, "recovery program has ended well vm=") == 1);
	for (size_t i = 0; i < DR_ARRAY_SIZE(hours); i++) {
		struct dr_wall then = { dr_wall_now().ns + hours[i] * 3600 * DR_NSEC_PER_SEC };

		snprintf(fault, sizeof(fault), "inc-%zu", i);
		assert_int_equal(
			notify_raised(w, 0, fault, "raised", w->secret, dr_wall_format(then, raised)), 204);
	}
	assert_int_equal(count(w, "fault is known already vm="), 2);
	let_pass(w, dr_msec(100));
	assert_int_equal(count(w, "recovery begins"), 1);
}

static void test_no_inspector(void **state)
{
	struct world *w = *state;

	start(w);
	assert_int_equal(notify(w, 0, "fault-1", "raised", "whatever secret it is"), 404);
	let_pass(w, dr_msec(30));
	assert_int_equal(count(w, "recovery begins"), 0);
}

/* ---- exec ---- */

static void test_exec(void **state)
{
	struct world *w = *state;
	char expected[200];

	use_script(w, "test $DOCTOR_ATTEMPT = 3");
	start(w);
	lose(w, 0);
	WAIT_FOR(w, count(w, "recovery program has ended well vm=") == 1);
	snprintf(expected, sizeof(expected), "%s 1 0\n%s 2 0\n%s 3 0\n", w->ids[0], w->ids[0], w->ids[0]);
	assert_string_equal(output(w), expected);
	assert_int_equal(count(w, "doctor consumer handled at "), 1);
	assert_true(count(w, " ended by status 1") > 0);
}

static void test_exec_gives_up(void **state)
{
	struct world *w = *state;

	use_script(w, "sleep 60");
	w->config.plan.time_limit = dr_msec(300);
	w->config.plan.retry.attempts = 1;
	start(w);
	lose(w, 0);
	WAIT_FOR(w, count(w, "a person must help vm=") == 1);
	assert_int_equal(count(w, "did not end within 300ms, and was killed"), 1);
}

/* Interrupted, it runs again and is told so; ended, never again, though the alarm is found as it was. */
static void test_exec_over_restarts(void **state)
{
	struct world *w = *state;
	char expected[200];
	size_t before;

	use_script(w, "test $DOCTOR_INTERRUPTED = 1 || sleep 60");
	with_journal(w);
	start(w);
	assert_int_equal(mc_fails_add(&w->mc.fails, "alarming:PUT:/v2/alarms:503"), 0);
	lose(w, 0);
	WAIT_FOR(w, output(w)[0]);
	crash(w);
	start(w);
	WAIT_FOR(w, count(w, "recovery program has ended well vm=") == 1);
	WAIT_FOR(w, count(w, "alarm is not armed yet alarm=") == 1);
	crash(w); /* and its alarm has never been armed again */
	w->mc.fails.count = 0;
	before = count(w, "alarm is that of a fault which has ended vm=");
	start(w);
	WAIT_FOR(w, count(w, "alarm is that of a fault which has ended vm=") == before + 1);
	WAIT_FOR(w, alarm_of(w, w->ids[0])->state == MC_ALARM_OK);
	snprintf(expected, sizeof(expected), "%s 1 0\n%s 2 1\n", w->ids[0], w->ids[0]);
	assert_string_equal(output(w), expected);
}

/* ---- which servers ---- */

static void test_discover(void **state)
{
	struct world *w = *state;
	struct con_pair pair = { "watch", "yes" };

	w->config.discover = true;
	w->config.servers.count = 0;
	w->config.match = (struct con_match){ .metadata = &pair, .metadata_count = 1 };
	w->config.interval = dr_msec(100);
	assert_non_null(dr_json_add_str(w->lost[0]->metadata, "watch", "yes"));
	start(w);
	assert_non_null(alarm_of(w, w->ids[0]));
	assert_null(alarm_of(w, w->ids[1]));

	assert_non_null(dr_json_add_str(w->lost[1]->metadata, "watch", "yes")); /* a new one */
	WAIT_FOR(w, alarm_of(w, w->ids[1]));
	assert_non_null(dr_json_add_str(w->lost[0]->metadata, "watch", "no")); /* and one less */
	WAIT_FOR(w, !alarm_of(w, w->ids[0]));
	lose(w, 1);
	WAIT_FOR(w, count(w, "doctor consumer handled at ") == 1);
	/* the replacement has the same metadata, and is watched as well */
	WAIT_FOR(w, replacement(w, 1) && alarm_of(w, replacement(w, 1)->id));
}

static void test_plan_of_its_own(void **state)
{
	struct world *w = *state;
	char ids[1][CON_UUID_LEN + 1];

	memcpy(ids[0], w->ids[1], sizeof(ids[0]));
	w->plan = (struct con_plan){ .servers = { ids, 1 }, .kind = CON_RECOVERY_NONE };
	w->config.plans = &w->plan;
	w->config.plan_count = 1;
	start(w);
	lose(w, 1);
	WAIT_FOR(w, count(w, "alarm armed again") == 1);
	assert_int_equal(count(w, "recovery begins"), 0);
	lose(w, 0);
	WAIT_FOR(w, count(w, "recovery begins") == 1);
	WAIT_FOR(w, count(w, "vm replaced vm=") == 1);
}

/* ---- what has to wait ---- */

/* A plan of its metadata, which Nova is to show first: for lost[0] nothing is to be done. */
static void leave_first_alone(struct world *w)
{
	static struct con_pair pair = { "plan", "none" };

	assert_non_null(dr_json_add_str(w->lost[0]->metadata, "plan", "none"));
	w->plan = (struct con_plan){ .match = { .metadata = &pair, .metadata_count = 1 },
				     .kind = CON_RECOVERY_NONE };
	w->config.plans = &w->plan;
	w->config.plan_count = 1;
	w->config.servers.count = 1;
}

static void assert_left_alone(struct world *w)
{
	unsigned status;

	WAIT_FOR(w, strstr(get(w, "/v1/recoveries", &status), "\"state\":\"heard-only\""));
	assert_int_equal(count(w, "recovery begins"), 0);
	assert_null(replacement(w, 0));
}

/* Before Nova has shown its servers nobody knows whose plan is which. */
static void test_fired_before_the_plan_is_known(void **state)
{
	struct world *w = *state;

	leave_first_alone(w);
	start(w);
	crash(w);
	lose(w, 0);
	WAIT_FOR(w, alarm_of(w, w->ids[0])->state == MC_ALARM_ALARM);
	let_pass(w, dr_msec(50)); /* its request finds nobody */
	break_cloud(w, "compute:GET:/v2.1/servers/detail:503:1");
	start(w);
	WAIT_FOR(w, count(w, "alarm has fired while nobody listened") == 1);
	assert_left_alone(w);
}

static void test_in_trouble_before_the_plan_is_known(void **state)
{
	struct world *w = *state;

	leave_first_alone(w);
	w->in_trouble = true;
	with_other(w, &w->config.inspector.url, "");
	mc_service_set_forced_down(&w->lost[0]->host->service, true, dr_wall_now());
	mc_server_reset_state(w->lost[0], MC_VM_ERROR, dr_wall_now());
	break_cloud(w, "compute:GET:/v2.1/servers/detail:503:1");
	start(w);
	assert_left_alone(w);
}

/* Its cell of Nova does not answer, so that its metadata is not shown. */
static void test_plan_is_in_a_silent_cell(void **state)
{
	struct world *w = *state;
	char *name = w->lost[0]->name;

	leave_first_alone(w);
	with_other(w, &w->config.inspector.url, "");
	w->config.interval = dr_msec(100);
	w->lost[0]->name = NULL;
	start(w);
	WAIT_FOR(w, count(w, "subscribed with the inspector") == 1);
	w->lost[0]->name = name; /* Nova's notification has it */
	lose(w, 0);
	w->lost[0]->name = NULL;
	WAIT_FOR(w, count(w, "doctor consumer notified at ") == 1);
	assert_int_equal(notify(w, 0, "inc-1", "raised", w->secret), 503); /* it comes again */
	let_pass(w, dr_msec(400));
	assert_int_equal(count(w, "recovery begins"), 0);
	w->lost[0]->name = name;
	assert_left_alone(w);
	assert_int_equal(notify(w, 0, "inc-1", "raised", w->secret), 204);
}

/* Its id alone says which plan it has: that needs no row. */
static void test_plan_of_an_id_in_a_silent_cell(void **state)
{
	static struct con_pair pair = { "plan", "other" };
	struct world *w = *state;
	struct con_plan plans[] = {
		{ .servers = { w->ids, 1 }, .kind = CON_RECOVERY_NONE },
		{ .match = { .metadata = &pair, .metadata_count = 1 }, .kind = CON_RECOVERY_NONE },
	};
	char *name = w->lost[0]->name;

	w->config.plans = plans;
	w->config.plan_count = DR_ARRAY_SIZE(plans);
	w->lost[0]->name = NULL;
	start(w);
	w->lost[0]->name = name; /* Nova's notification has it */
	lose(w, 0);
	w->lost[0]->name = NULL;
	assert_left_alone(w);
	w->lost[0]->name = name;
	crash(w); /* plans are ours */
}

/* The same over a restart: what was begun by its plan goes on by it. */
static void test_resumed_in_a_silent_cell(void **state)
{
	struct world *w = *state;
	char *name = w->lost[0]->name;
	unsigned status;

	leave_first_alone(w);
	use_script(w, "test $DOCTOR_INTERRUPTED = 1 || sleep 60");
	w->plan.kind = CON_RECOVERY_EXEC;
	w->plan.command = w->config.plan.command;
	w->plan.retry = w->config.plan.retry;
	w->plan.time_limit = dr_sec(20);
	w->config.plan.kind = CON_RECOVERY_NONE;
	w->config.interval = dr_msec(100);
	with_journal(w);
	start(w);
	lose(w, 0);
	WAIT_FOR(w, output(w)[0]);
	crash(w);
	w->lost[0]->name = NULL;
	start(w);
	let_pass(w, dr_msec(300));
	assert_int_equal(count(w, "its plan is another now"), 0);
	assert_int_equal(count(w, "recovery is taken up"), 0);
	w->lost[0]->name = name;
	WAIT_FOR(w, strstr(get(w, "/v1/recoveries", &status), "\"state\":\"recovered\""));
}

static unsigned alarm_by_hand(struct world *w, const char *message)
{
	DR_AUTO_FREE char *body = dr_asprintf(
		"{\"alarm_id\":\"a\",\"current\":\"alarm\",\"reason_data\":{\"type\":\"event\",\"event\":{"
		"\"message_id\":\"%s\",\"traits\":[[\"instance_id\",1,\"%s\"]]}}}",
		message, w->ids[0]);
	const struct dr_http_request req = {
		.method = "POST", .url = w->config.url, .body = body, .body_len = strlen(body)
	};
	struct dr_http_response r;
	unsigned status;

	assert_int_equal(dr_http_call(w->http, &req, &r), 0);
	status = r.status;
	dr_http_response_done(&r);
	return status;
}

/* Whoever reaches the port, and as long as Nova does not answer. */
static void test_too_many_wait(void **state)
{
	struct world *w = *state;
	char message[32];
	unsigned taken = 0;

	leave_first_alone(w);
	break_cloud(w, "compute:GET:/v2.1/servers/detail:503:1000");
	begin(w);
	do
		snprintf(message, sizeof(message), "m-%u", taken);
	while (alarm_by_hand(w, message) == 200 && taken++ < 6000);
	assert_int_equal(taken, 5000);
	assert_int_equal(alarm_by_hand(w, message), 503);
	assert_int_equal(count(w, "warning: alarm refused from=127.0.0.1: too many alarms are waiting"), 2);
}

/* An alarm that has to wait was answered, and Aodh does not tell it again: its state is what the next start
 * finds. */
static void test_stop_while_alarms_wait(void **state)
{
	struct world *w = *state;

	leave_first_alone(w);
	break_cloud(w, "compute:GET:/v2.1/servers/detail:503:1000");
	begin(w);
	WAIT_FOR(w, alarm_of(w, w->ids[0]));
	assert_int_equal(alarm_by_hand(w, "m-1"), 200);
	con_consumer_stop(w->consumer);
	WAIT_FOR(w, !con_consumer_busy(w->consumer));
	assert_non_null(alarm_of(w, w->ids[0]));
}

static struct rlimit limit_before;

/* Nothing more can be written to the journal. */
static void fill_disk(struct world *w)
{
	struct rlimit limit;
	char wal[128];
	struct stat st;

	snprintf(wal, sizeof(wal), "%s-wal", w->config.journal);
	assert_int_equal(stat(wal, &st), 0);
	signal(SIGXFSZ, SIG_IGN);
	assert_int_equal(getrlimit(RLIMIT_FSIZE, &limit_before), 0);
	limit = limit_before;
	limit.rlim_cur = (rlim_t)st.st_size;
	assert_int_equal(setrlimit(RLIMIT_FSIZE, &limit), 0);
}

static void empty_disk(void)
{
	assert_int_equal(setrlimit(RLIMIT_FSIZE, &limit_before), 0);
	signal(SIGXFSZ, SIG_DFL);
}

/* Aodh tells it once: what cannot be kept is heard until it can. */
static void test_journal_is_full(void **state)
{
	struct world *w = *state;
	unsigned status;

	with_journal(w);
	w->config.servers.count = 1;
	start(w);
	fill_disk(w);
	lose(w, 0);
	WAIT_FOR(w, count(w, "vm is not recovered, the journal cannot be written") == 2);
	empty_disk();
	WAIT_FOR(w, strstr(get(w, "/v1/recoveries", &status), "\"state\":\"recovered\""));
	assert_int_equal(replacements(w, 0), 1);
	assert_int_equal(count(w, "doctor consumer notified at "), 1);
}

/* The disk fills while a recovery is under way: it goes on when there is room, however long that takes. */
static void test_journal_is_full_in_a_recovery(void **state)
{
	static const enum con_recovery_kind kinds[] = { CON_RECOVERY_RECREATE, CON_RECOVERY_SWITCHOVER,
							CON_RECOVERY_EXEC };

	for (size_t i = 0; i < DR_ARRAY_SIZE(kinds); i++) {
		struct world *w = *state;
		struct mc_floating *f = mc_floating_create(&w->mc.model, w->lost[0]->project, dr_wall_now());
		unsigned status;

		f->port = w->lost[0]->port;
		if (kinds[i] == CON_RECOVERY_SWITCHOVER)
			use_switchover(w);
		else if (kinds[i] == CON_RECOVERY_EXEC)
			use_script(w, "exit 0");
		with_journal(w);
		w->config.servers.count = 1;
		start(w);
		lose(w, 0);
		WAIT_FOR(w, count(w, "recovery begins") == 1);
		fill_disk(w);
		WAIT_FOR(w, count(w, "writing the journal: ") == 6); /* more than there are attempts */
		assert_int_equal(count(w, "a person must help"), 0);
		assert_string_equal(output(w), "");
		assert_int_equal(replacements(w, 0), 0);
		assert_ptr_equal(f->port, w->lost[0]->port);
		empty_disk();
		WAIT_FOR(w, strstr(get(w, "/v1/recoveries", &status), "\"state\":\"recovered\""));
		assert_non_null(strstr(get(w, "/v1/recoveries", &status), "\"attempts\":1"));
		assert_int_equal(teardown(state), 0);
		assert_int_equal(setup(state), 0);
	}
}

/* A row that nobody understands: it is said where, rather than that the port cannot be had. */
static void test_journal_is_damaged(void **state)
{
	static const char *const made[] = { "", "" };
	struct world *w = *state;
	struct con_fault from = { .kind = CON_RECOVERY_EXEC }, *f;
	DR_AUTO_FREE char *error = NULL, *why = NULL;
	struct con_faults *faults = NULL;
	struct dr_store *store = NULL;

	with_journal(w);
	memcpy(from.server, w->ids[0], sizeof(w->ids[0]));
	assert_int_equal(con_faults_open(w->config.journal, &faults, &error), 0);
	assert_int_equal(con_faults_add(faults, &from, NULL, &f), 0);
	con_faults_free(faults);
	assert_int_equal(dr_store_open(w->config.journal, made, 2, &store, &error), 0);
	assert_int_equal(dr_store_exec(store, "UPDATE fault SET kind = 'evacuate'"), 0);
	dr_store_free(store);
	assert_int_equal(con_consumer_new(w->loop, w->cloud, &w->config, on_started, w, &w->consumer, &why),
			 -EBADMSG);
	assert_non_null(why);
	assert_non_null(strstr(why, "journal.db: the faults in it cannot be read"));
}

/* ---- pure ---- */

static void test_same_fault(void **state)
{
	const struct dr_dur minute = dr_sec(60);
	const struct {
		struct con_fault last;
		bool from_inspector;
		int64_t seconds; /* later */
		bool same;
	} cases[] = {
		{ { .state = CON_FAULT_OPEN }, false, 1000, true },
		{ { .state = CON_FAULT_OPEN }, true, 1000, true },
		{ { .state = CON_FAULT_UNNEEDED }, false, 1, false },
		{ { .state = CON_FAULT_RECOVERED, .alarm = "a" }, false, 59, true },
		{ { .state = CON_FAULT_RECOVERED, .alarm = "a" }, false, 61, false },
		{ { .state = CON_FAULT_RECOVERED, .alarm = "a" }, true, 59, true },
		{ { .state = CON_FAULT_RECOVERED, .alarm = "a" }, true, 61, false },
		{ { .state = CON_FAULT_RECOVERED, .incident = "i" }, false, 1000, true },
		{ { .state = CON_FAULT_RECOVERED, .incident = "i", .alarm = "a" }, false, 1000, false },
		{ { .state = CON_FAULT_RECOVERED, .incident = "i", .cleared = true }, true, 1, false },
		{ { .state = CON_FAULT_RECOVERED, .incident = "i", .alarm = "a", .cleared = true },
		  false,
		  1,
		  false },
		{ { .state = CON_FAULT_RECOVERED, .incident = "i", .cleared = true }, false, 1, true },
	};

	for (size_t i = 0; i < DR_ARRAY_SIZE(cases); i++) {
		struct con_fault last = cases[i].last;
		struct dr_wall when = { dr_sec(5000 + cases[i].seconds).ns };

		last.heard.ns = dr_sec(5000).ns;
		if (con_fault_is_same(&last, cases[i].from_inspector, when, minute) != cases[i].same)
			fail_msg("case %zu", i);
	}
}

/* There and back again leaves everything as it was; where the standby has no place for it, it is said. */
static void test_moves(void **state)
{
	static const char lost_text[] =
		"[{\"id\":\"p1\",\"network_id\":\"n1\",\"fixed_ips\":[{\"ip_address\":\"10.0.0.1\"}],"
		"\"allowed_address_pairs\":[{\"ip_address\":\"10.0.0.9\"},{\"ip_address\":\"10.0.0.8\"}]}]";
	static const char standby_text[] =
		"[{\"id\":\"p2\",\"network_id\":\"n1\",\"fixed_ips\":[{\"ip_address\":\"10.0.0.2\"}],"
		"\"allowed_address_pairs\":[]}]";
	static const char floating_text[] =
		"[{\"id\":\"f1\",\"port_id\":\"p1\",\"fixed_ip_address\":\"10.0.0.1\"},"
		"{\"id\":\"f2\",\"port_id\":\"p3\"}]";
	DR_AUTO_JSON struct dr_json *lost = NULL, *standby = NULL, *floating = NULL, *moves, *back, *to,
				    *from;
	char *addresses[] = { "10.0.0.9" };
	const struct con_plan plan = { .floating = true, .addresses = addresses, .address_count = 1 };
	const char *why = NULL;

	moves = back = to = from = NULL;
	assert_int_equal(dr_json_parse(lost_text, strlen(lost_text), &lost, NULL), 0);
	assert_int_equal(dr_json_parse(standby_text, strlen(standby_text), &standby, NULL), 0);
	assert_int_equal(dr_json_parse(floating_text, strlen(floating_text), &floating, NULL), 0);
	moves = con_moves_plan(&plan, lost, standby, floating, &why);
	assert_null(why);
	assert_int_equal(dr_json_size(moves), 2);
	assert_string_equal(dr_json_str(dr_json_path(moves, "0.to_address")), "10.0.0.2");
	assert_false(con_move_is_done(dr_json_at(moves, 0), floating));
	from = con_moves_pairs(moves, dr_json_at(lost, 0));
	to = con_moves_pairs(moves, dr_json_at(standby, 0));
	assert_int_equal(dr_json_size(from), 1);
	assert_string_equal(dr_json_str(dr_json_path(from, "0.ip_address")), "10.0.0.8");
	assert_string_equal(dr_json_str(dr_json_path(to, "0.ip_address")), "10.0.0.9");

	back = con_moves_reverse(moves);
	assert_string_equal(dr_json_str(dr_json_path(back, "0.to")), "p1");
	assert_true(con_move_is_done(dr_json_at(back, 0), floating));
	assert_null(con_moves_pairs(back, dr_json_at(lost, 0))); /* it has them all */

	dr_json_free(moves);
	moves = con_moves_plan(&plan, lost, NULL, floating, &why);
	assert_non_null(why);
	assert_int_equal(dr_json_size(moves), 0);
}

static void test_notifications_refused(void **state)
{
	static const struct {
		const char *text, *why;
	} cases[] = {
		{ "{", "it is not JSON at byte 1" },
		{ "{}", "notification_id is missing, or no id" },
		{ "{\"notification_id\":\"n\"}", "subscription_id is missing, or no id" },
		{ "{\"notification_id\":\"n\",\"subscription_id\":\"s\"}",
		  "virtual_resource_info is not a list" },
		{ "{\"notification_id\":\"n\",\"subscription_id\":\"s\",\"virtual_resource_info\":[]}",
		  "fault.fault_id is missing, or no id" },
		{ "{\"notification_id\":\"n\",\"subscription_id\":\"s\",\"virtual_resource_info\":[],"
		  "\"fault\":{"
		  "\"fault_id\":\"f\",\"fault_type\":\"t\",\"state\":\"x\"}}",
		  "fault.state is neither raised, changed nor cleared" },
	};
	struct con_notification n;
	char why[CON_WHY_MAX];

	for (size_t i = 0; i < DR_ARRAY_SIZE(cases); i++) {
		assert_int_equal(con_notification_parse(cases[i].text, strlen(cases[i].text), &n, why),
				 -EBADMSG);
		assert_string_equal(why, cases[i].why);
	}
	assert_false(con_signature_fits("secret", NULL, "x", 1));
	assert_false(con_signature_fits("secret", "sha256=", "x", 1));
}

#define TEST(name) cmocka_unit_test_setup_teardown(name, setup, teardown)

int main(void)
{
	const struct CMUnitTest tests[] = {
		TEST(test_recreate_alike),
		TEST(test_boot_under_way_over_a_restart),
		TEST(test_boot_under_way_without_a_journal),
		TEST(test_switchover),
		TEST(test_both_lost_at_once),
		TEST(test_switchover_resumed),
		TEST(test_standby_is_down),
		TEST(test_switched_back_by_hand),
		TEST(test_lost_again_before_it_is_back),
		TEST(test_lost_again_after_it_was_led_back),
		TEST(test_switched_back_over_a_restart),
		TEST(test_moved_back_by_hand),
		TEST(test_inspector_first),
		TEST(test_aodh_first),
		TEST(test_clocks_differ),
		TEST(test_no_inspector),
		TEST(test_exec),
		TEST(test_exec_gives_up),
		TEST(test_exec_over_restarts),
		TEST(test_discover),
		TEST(test_plan_of_its_own),
		TEST(test_fired_before_the_plan_is_known),
		TEST(test_in_trouble_before_the_plan_is_known),
		TEST(test_plan_is_in_a_silent_cell),
		TEST(test_plan_of_an_id_in_a_silent_cell),
		TEST(test_resumed_in_a_silent_cell),
		TEST(test_too_many_wait),
		TEST(test_stop_while_alarms_wait),
		TEST(test_journal_is_full),
		TEST(test_journal_is_full_in_a_recovery),
		TEST(test_journal_is_damaged),
		cmocka_unit_test(test_moves),
		cmocka_unit_test(test_same_fault),
		cmocka_unit_test(test_notifications_refused),
	};

	return cmocka_run_group_tests_name("consumer_plans", tests, NULL, NULL);
}
