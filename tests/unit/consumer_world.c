/* SPDX-License-Identifier: Apache-2.0 */
#include "tests/unit/consumer_world.h"

#include <sys/stat.h>

static void start_minicloud(struct world *w, unsigned hosts, unsigned vms_per_host)
{
	struct mc_cloud_opts opts = {
		.model = { .seed = { 1, 2, 3, 4 }, .hosts = hosts, .vms_per_host = vms_per_host },
	};
	struct mc_server *s = NULL;

	opts.model.token_ttl = dr_sec(86400);
	assert_int_equal(dr_http_client_new(w->loop, NULL, &w->mc_http), 0);
	assert_int_equal(mc_cloud_init(&w->mc, w->loop, w->mc_http, &opts), 0);
	assert_int_equal(dr_http_server_new(w->loop, NULL, mc_dispatch, &w->mc, &w->mc_server), 0);
	snprintf(w->mc.url, sizeof(w->mc.url), "http://127.0.0.1:%u", dr_http_server_port(w->mc_server));
	for (size_t i = 0; i < CONSUMER_SERVERS; i++) {
		const struct mc_host *host = &w->mc.model.hosts[i / vms_per_host];

		w->ours[i] = s = mc_server_next(&w->mc.model, i % vms_per_host ? s : NULL, host, NULL);
		assert_non_null(s);
		memcpy(w->ids[i], s->id, sizeof(w->ids[i]));
	}
}

static int setup(void **state, unsigned hosts, unsigned vms_per_host)
{
	struct world *w = calloc(1, sizeof(*w));

	assert_non_null(w);
	*state = w;
	strcpy(w->dir, "/tmp/doctor-test-consumer-XXXXXX");
	assert_non_null(mkdtemp(w->dir));
	said_begin();
	assert_int_equal(dr_loop_new(&w->loop), 0);
	start_minicloud(w, hosts, vms_per_host);
	assert_int_equal(dr_http_client_new(w->loop, NULL, &w->cloud_http), 0);
	assert_int_equal(dr_http_client_new(w->loop, NULL, &w->http), 0);
	w->config = (struct con_config){
		.listen = { .address = "127.0.0.1", .loopback = true },
		.servers = { w->ids, CONSUMER_SERVERS },
		.timeout = dr_sec(10),
		.interval = dr_sec(3600),
		.plan.retry = { .attempts = 3,
				.pause = dr_msec(20),
				.pause_max = dr_msec(50),
				.boot_timeout = dr_sec(15),
				.boot_late = dr_msec(20),
				.settle = dr_msec(400) },
		.plan.time_limit = dr_sec(20),
		.inspector.check = dr_sec(30),
	};
	return 0;
}

int consumer_setup(void **state)
{
	return setup(state, 2, CONSUMER_SERVERS);
}

int consumer_setup_apart(void **state)
{
	struct world *w;

	setup(state, 3, 1);
	w = *state;
	w->config.same_fault = dr_sec(600);
	w->standby = mc_server_next(&w->mc.model, NULL, &w->mc.model.hosts[2], NULL);
	assert_non_null(w->standby);
	memcpy(w->standby_id[0], w->standby->id, sizeof(w->standby_id[0]));
	return 0;
}

int consumer_teardown(void **state)
{
	static const char *const files[] = { "journal.db", "journal.db-wal", "journal.db-shm", "out",
					     "recover" };
	struct world *w = *state;

	consumer_crash(w);
	dr_http_client_free(w->http);
	dr_http_client_free(w->cloud_http);
	dr_http_server_free(w->mc_server);
	mc_cloud_done(&w->mc);
	dr_http_client_free(w->mc_http);
	dr_loop_free(w->loop);
	said_end();
	free(w->config.url);
	free(w->config.webhook);
	free(w->config.journal);
	free(w->config.inspector.url);
	for (size_t i = 0; i < DR_ARRAY_SIZE(files); i++)
		unlink(consumer_path(w, files[i]));
	assert_int_equal(rmdir(w->dir), 0);
	free(w);
	return 0;
}

void consumer_let_pass(struct world *w, struct dr_dur time)
{
	struct dr_mono end = dr_mono_add(dr_mono_now(), time);

	while (dr_mono_now().ns < end.ns)
		assert_true(dr_loop_run_once(w->loop, dr_msec(5)) >= 0);
}

/* ---- its lives ---- */

void consumer_log_in(struct world *w, const char *password)
{
	DR_AUTO(dr_cloud_conf_done)
	struct dr_cloud_conf conf = {
		.auth_url = dr_asprintf("%s/identity/v3", w->mc.url),
		.username = strdup("doctor"),
		.password = strdup(password),
		.user_domain_name = strdup("Default"),
		.project_name = strdup("doctor"),
		.project_domain_name = strdup("Default"),
		.interface = strdup("public"),
	};

	assert_int_equal(dr_cloud_new(w->loop, w->cloud_http, &conf, &w->cloud), 0);
}

static void on_started(int error, const char *why, void *userdata)
{
	struct world *w = userdata;

	assert_false(w->started);
	w->started = true;
	w->start_error = error;
	if (why)
		snprintf(w->why, sizeof(w->why), "%s", why);
}

void consumer_begin(struct world *w)
{
	char *error;

	w->started = false;
	if (!w->cloud)
		consumer_log_in(w, "doctor");
	assert_int_equal(con_consumer_new(w->loop, w->cloud, &w->config, on_started, w, &w->consumer, &error),
			 0);
}

void consumer_start(struct world *w)
{
	consumer_begin(w);
	wait_for(w, w->started);
	if (w->start_error)
		fail_msg("%s", w->why);
	if (!w->config.url) {
		w->config.url = strdup(con_consumer_url(w->consumer));
		w->config.listen.port = consumer_port(w);
	}
}

void consumer_stop(struct world *w)
{
	con_consumer_stop(w->consumer);
	wait_for(w, !con_consumer_busy(w->consumer));
}

void consumer_crash(struct world *w)
{
	dr_cloud_free(DR_TAKE_PTR(w->cloud));
	con_consumer_free(DR_TAKE_PTR(w->consumer));
}

void consumer_with_journal(struct world *w)
{
	w->config.journal = strdup(consumer_path(w, "journal.db"));
}

void consumer_use_standby(struct world *w)
{
	w->config.plan.kind = CON_RECOVERY_SWITCHOVER;
	w->config.plan.standbys = (struct con_ids){ w->standby_id, 1 };
	w->config.plan.floating = true;
}

void consumer_use_script(struct world *w, const char *text)
{
	static char script[80], *command[] = { script, NULL };
	FILE *f = fopen(consumer_path(w, "recover"), "we");

	assert_non_null(f);
	fprintf(f, "#!/bin/sh\necho \"$DOCTOR_SERVER $DOCTOR_ATTEMPT $DOCTOR_INTERRUPTED\" >> %s/out\n%s\n",
		w->dir, text);
	fclose(f);
	snprintf(script, sizeof(script), "%s", consumer_path(w, "recover"));
	assert_int_equal(chmod(script, 0700), 0);
	w->config.plan.kind = CON_RECOVERY_EXEC;
	w->config.plan.command = command;
}

void consumer_leave_first_alone(struct world *w)
{
	static struct con_pair pair = { "plan", "none" };

	assert_non_null(dr_json_add_str(w->ours[0]->metadata, "plan", "none"));
	w->plan = (struct con_plan){ .match = { .metadata = &pair, .metadata_count = 1 },
				     .kind = CON_RECOVERY_NONE };
	w->config.plans = &w->plan;
	w->config.plan_count = 1;
	w->config.servers.count = 1;
}

const char *consumer_path(struct world *w, const char *name)
{
	static char path[sizeof(w->dir) + 32];

	snprintf(path, sizeof(path), "%s/%s", w->dir, name);
	return path;
}

/* ---- what happens in the cloud ---- */

void consumer_break_cloud(struct world *w, const char *spec)
{
	assert_int_equal(mc_fails_add(&w->mc.fails, spec), 0);
}

void consumer_mark_host(struct world *w, size_t i, bool down)
{
	mc_service_set_forced_down(&w->ours[i]->host->service, down, dr_wall_now());
}

void consumer_mark_server(struct world *w, size_t i)
{
	enum mc_vm_state old = w->ours[i]->vm_state;

	mc_server_reset_state(w->ours[i], MC_VM_ERROR, dr_wall_now());
	mc_notify_update(&w->mc, w->ours[i], old, "req-0");
}

void consumer_lose(struct world *w, size_t i)
{
	consumer_mark_host(w, i, true);
	consumer_mark_server(w, i);
}

void consumer_make_well(struct world *w, size_t i)
{
	consumer_mark_host(w, i, false);
	mc_server_reset_state(w->ours[i], MC_VM_ACTIVE, dr_wall_now());
}

struct mc_floating *consumer_floating(struct world *w, size_t i)
{
	struct mc_floating *f = mc_floating_create(&w->mc.model, w->ours[i]->project, dr_wall_now());

	assert_non_null(f);
	f->port = w->ours[i]->port;
	return f;
}

/* ---- what is there ---- */

size_t consumer_alarm_count(struct world *w)
{
	const struct mc_alarm *a;
	size_t n = 0;

	TAILQ_FOREACH(a, &w->mc.model.alarms, entry)
	n++;
	return n;
}

struct mc_alarm *consumer_alarm_of(struct world *w, const char *server)
{
	struct mc_alarm *a;
	char name[64];

	snprintf(name, sizeof(name), "doctor_%s", server);
	TAILQ_FOREACH(a, &w->mc.model.alarms, entry)
	{
		if (strcmp(a->name, name) == 0)
			return a;
	}
	return NULL;
}

bool consumer_is_armed(struct world *w, size_t i)
{
	return consumer_alarm_of(w, w->ids[i])->state == MC_ALARM_OK;
}

const char *consumer_script_output(struct world *w)
{
	static char text[4096];
	DR_AUTO_FCLOSE FILE *f = fopen(consumer_path(w, "out"), "re");

	text[f ? fread(text, 1, sizeof(text) - 1, f) : 0] = '\0';
	return text;
}

size_t consumer_replacements(struct world *w, size_t i, struct mc_server **ret_last)
{
	struct mc_server *s = NULL;
	size_t n = 0;

	while ((s = mc_server_next(&w->mc.model, s, NULL, NULL))) {
		const char *of = dr_json_get_str(s->metadata, "doctor_replaces");

		if (!of || strcmp(of, w->ids[i]) != 0)
			continue;
		n++;
		if (ret_last)
			*ret_last = s;
	}
	return n;
}

void consumer_assert_replaced(struct world *w, size_t i)
{
	struct mc_server *s = NULL;
	char line[200];

	assert_int_equal(consumer_replacements(w, i, &s), 1);
	assert_string_equal(mc_server_status(s), "ACTIVE");
	assert_string_equal(s->host->service.host, "compute-2");
	assert_string_equal(s->name, w->ours[i]->name);
	assert_string_equal(s->image_id, w->ours[i]->image_id);
	assert_ptr_equal(s->flavor, w->ours[i]->flavor);
	assert_non_null(s->port);
	snprintf(line, sizeof(line), "vm replaced vm=%s replacement=%s ", w->ids[i], s->id);
	assert_int_equal(said_count(line), 1);
}

void consumer_assert_left_alone(struct world *w)
{
	wait_for(w, strstr(consumer_get(w, "/v1/recoveries"), "\"state\":\"heard-only\""));
	assert_int_equal(said_count("recovery begins"), 0);
	assert_int_equal(consumer_replacements(w, 0, NULL), 0);
}

/* ---- requests to it ---- */

uint16_t consumer_port(const struct world *w)
{
	return (uint16_t)strtoul(strrchr(con_consumer_url(w->consumer), ':') + 1, NULL, 10);
}

unsigned consumer_send(struct world *w, struct dr_http_request *req, const char *path,
		       struct dr_buf *ret_body)
{
	DR_AUTO(dr_http_response_done) struct dr_http_response r = { 0 };
	char url[200];

	snprintf(url, sizeof(url), "%s", con_consumer_url(w->consumer));
	snprintf(strstr(url, "/failure"), 100, "%s", path);
	req->url = url;
	assert_int_equal(dr_http_call(w->http, req, &r), 0);
	assert_int_equal(r.error, 0);
	if (ret_body) {
		*ret_body = r.body;
		r.body = (struct dr_buf){ 0 };
	}
	return r.status;
}

unsigned consumer_ask(struct world *w, const char *method, const char *path, const char *body,
		      struct dr_buf *ret_body)
{
	struct dr_http_request req = { .method = method, .body = body, .body_len = body ? strlen(body) : 0 };

	return consumer_send(w, &req, path, ret_body);
}

const char *consumer_get(struct world *w, const char *path)
{
	static char text[1 << 14];
	DR_AUTO_BUF struct dr_buf body = { 0 };

	assert_int_equal(consumer_ask(w, "GET", path, NULL, &body), 200);
	assert_in_range(body.len, 1, sizeof(text) - 1);
	snprintf(text, sizeof(text), "%s", dr_buf_str(&body));
	return text;
}
