// SPDX-License-Identifier: Apache-2.0
#include "tests/unit/inspector_world.h"

#include <unistd.h>

bool world_passed(struct dr_mono since)
{
	return dr_mono_sub(dr_mono_now(), since).ns > dr_sec(30).ns;
}

static void on_started(int error, const char *why, void *userdata)
{
	struct world *w = userdata;

	assert_false(w->started);
	w->started = true;
	w->start_error = error;
	snprintf(w->start_why, sizeof(w->start_why), "%s", why ? why : "");
}

/* What an inspector is made of. */
static void world_compose(struct world *w)
{
	struct dr_http_server_opts server = { .admit = ins_receive_admit };
	struct ins_inspector_opts inspector = { .loop = w->loop, .config = &w->config };
	struct dr_http_client_opts client = { .per_host_max = 32 };
	DR_AUTO(dr_cloud_conf_done) struct dr_cloud_conf credentials = {};
	char *why = NULL;

	fake_conf(w->nova_api, &credentials);
	assert_int_equal(dr_http_client_new(w->loop, &client, &w->http), 0);
	assert_int_equal(dr_http_client_new(w->loop, &client, &w->monitor), 0);
	assert_int_equal(dr_cloud_new(w->loop, w->http, &credentials, &w->cloud), 0);
	assert_int_equal(ins_nova_new(w->loop, w->cloud, &w->config, &w->nova), 0);
	inspector.cloud = w->cloud;
	inspector.nova = w->nova;
	if (ins_journal_new(w->loop, w->config.journal, &w->journal, &why) ||
	    ins_admission_new(&w->config.access, &w->admission, &why))
		fail_msg("%s", why);
	assert_int_equal(ins_fencer_new(w->loop, &w->config.fence, &w->fencer), 0);
	assert_int_equal(ins_bus_new(w->loop, &w->config.bus, w->nova, &w->bus), 0);
	inspector.journal = w->journal;
	inspector.fencer = w->fencer;
	inspector.bus = w->bus;
	assert_int_equal(ins_inspector_new(&inspector, &w->inspector), 0);
	assert_int_equal(ins_receiver_new(w->loop, w->inspector, &w->config, w->admission, &w->receiver), 0);
	assert_int_equal(ins_live_new(w->loop, w->inspector, &w->live), 0);
	ins_receiver_add_live(w->receiver, w->live);
	ins_receiver_add_north(w->receiver, ins_inspector_north(w->inspector));
	server.tls = ins_admission_tls(w->admission);
	assert_int_equal(dr_http_server_new(w->loop, &server, ins_receive, w->receiver, &w->server), 0);
}

static int setup(void **state, const char *settings, bool kept)
{
	/* each host may be marked down here, and as often as it likes; tests of these rules set them */
	static const char defaults[] = "refresh: 60s\nverify: 2s\ntimeout: 5s\nactive: 4\nqueue: 8\n"
				       "brake: {share: 100%}\nflap: {limit: 1000000}\n"
				       "retry: {attempts: 3, pause: 5ms, pause_max: 20ms}\n"
				       "recovery: {undo: false}\n";
	struct world *w = calloc(1, sizeof(*w));
	DR_AUTO_FREE char *text = NULL;
	DR_AUTO(dr_conf_freep) struct dr_conf *conf = NULL;

	assert_non_null(w);
	/* in memory where that is possible: the disk's part is the store's test */
	if (kept) {
		snprintf(w->dir, sizeof(w->dir), "%s/doctor-world-XXXXXX",
			 access("/dev/shm", W_OK) ? "/tmp" : "/dev/shm");
		assert_non_null(mkdtemp(w->dir));
	}
	if (strstr(settings, "journal:"))
		text = dr_asprintf("%s%s", defaults, settings);
	else
		text = dr_asprintf("%sjournal: %s%s\n%s", defaults, kept ? w->dir : "none", kept ? "/db" : "",
				   settings);
	assert_non_null(text);
	assert_int_equal(dr_conf_parse("test", text, strlen(text), &conf), 0);
	assert_int_equal(ins_config_read(conf, &w->config), 0);
	if (dr_conf_error_count(conf))
		fail_msg("%s", dr_conf_error_text(conf, 0));
	assert_int_equal(dr_loop_new(&w->loop), 0);
	assert_int_equal(fake_new(w->loop, &w->nova_api), 0);
	fake_add_host(w->nova_api, "compute-1", "svc-1");
	fake_add_host(w->nova_api, "compute-2", "svc-2");
	fake_add_vm(w->nova_api, "vm-1", "compute-1");
	fake_add_vm(w->nova_api, "vm-2", "compute-1");
	fake_add_vm(w->nova_api, "vm-3", "compute-2");
	world_compose(w);
	*state = w;
	return 0;
}

int world_setup_with(void **state, const char *settings)
{
	return setup(state, settings, false);
}

int world_setup_kept(void **state, const char *settings)
{
	return setup(state, settings, true);
}

int world_setup_cold(void **state)
{
	return world_setup_with(state, "");
}

void world_begin(struct world *w)
{
	assert_int_equal(ins_nova_start(w->nova, on_started, w), 0);
}

void world_turn(struct world *w, unsigned times)
{
	for (unsigned n = 0; n < times; n++)
		assert_true(dr_loop_run_once(w->loop, dr_msec(5)) >= 0);
}

void world_start(struct world *w)
{
	world_begin(w);
	wait_for(w, w->started);
	assert_string_equal(w->start_why, "");
	assert_int_equal(w->start_error, 0);
	assert_int_equal(ins_inspector_start(w->inspector, ins_receiver_row, w->receiver), 0);
}

int world_setup(void **state)
{
	world_setup_cold(state);
	world_start(*state);
	return 0;
}

/* In the order of the program. */
static void world_end(struct world *w)
{
	dr_cloud_free(w->cloud);
	ins_nova_stop(w->nova);
	ins_inspector_stop(w->inspector);
	dr_http_server_free(w->server);
	ins_bus_free(w->bus);
	ins_fencer_free(w->fencer);
	ins_journal_stop(w->journal);
	ins_receiver_free(w->receiver);
	ins_live_free(w->live);
	ins_admission_free(w->admission);
	ins_inspector_free(w->inspector);
	ins_journal_free(w->journal);
	ins_nova_free(w->nova);
	dr_http_client_free(w->http);
	dr_http_client_free(w->monitor);
}

void world_restart(struct world *w)
{
	world_end(w);
	w->started = w->answered = false;
	world_compose(w);
	world_start(w);
}

int world_teardown(void **state)
{
	static const char *const endings[] = { "", "-wal", "-shm", "-journal" };
	struct world *w = *state;
	char path[80];

	world_end(w);
	fake_free(w->nova_api);
	dr_loop_free(w->loop);
	for (size_t i = 0; w->dir[0] && i < DR_ARRAY_SIZE(endings); i++) {
		snprintf(path, sizeof(path), "%s/db%s", w->dir, endings[i]);
		unlink(path);
	}
	if (w->dir[0])
		rmdir(w->dir);
	ins_config_done(&w->config);
	free(w);
	return 0;
}

/* ---------------------------------------------------------------- the monitor's side */

static void on_answer(const struct dr_http_response *r, void *userdata)
{
	struct world *w = userdata;

	w->answered = true;
	w->answers++;
	w->status = r->status;
	snprintf(w->body, sizeof(w->body), "%s", dr_buf_str(&r->body));
}

void world_send(struct world *w, const char *method, const char *path, const char *body)
{
	DR_AUTO_FREE char *url = dr_asprintf("http://127.0.0.1:%u%s", dr_http_server_port(w->server), path);
	struct dr_http_request req = {
		.method = method, .url = url, .body = body, .body_len = body ? strlen(body) : 0
	};

	w->answered = false;
	assert_int_equal(dr_http_send(w->monitor, &req, on_answer, w), 0);
}

void world_put(struct world *w, const char *body, unsigned status)
{
	world_send(w, "PUT", "/events", body);
	wait_for(w, w->answered);
	if (w->status != status)
		fail_msg("%u instead of %u: %s", w->status, status, w->body);
}

const struct dr_json *world_incident(struct world *w, size_t n, struct dr_json **ret_all)
{
	dr_json_free(*ret_all);
	*ret_all = ins_inspector_incidents(w->inspector);
	return dr_json_at(dr_json_get(*ret_all, "incidents"), n);
}

bool world_is_state(struct world *w, size_t n, const char *state)
{
	DR_AUTO_JSON struct dr_json *all = NULL;
	const char *is = dr_json_get_str(world_incident(w, n, &all), "state");

	return is && !strcmp(is, state);
}

size_t world_incidents(struct world *w)
{
	DR_AUTO_JSON struct dr_json *all = ins_inspector_incidents(w->inspector);

	return dr_json_size(dr_json_get(all, "incidents"));
}

const char *world_result(struct world *w, const char *server, char buf[32])
{
	DR_AUTO_JSON struct dr_json *all = NULL;
	const struct dr_json *v = dr_json_first(dr_json_get(world_incident(w, 0, &all), "actions"));

	snprintf(buf, 32, "none");
	for (; v; v = dr_json_next(v)) {
		const char *id = dr_json_get_str(v, "server"), *action = dr_json_get_str(v, "action");

		if (server ? id && !strcmp(id, server) : !strcmp(action, "force_down"))
			snprintf(buf, 32, "%s", dr_json_get_str(v, "result"));
	}
	return buf;
}

void world_assert_result(struct world *w, const char *server, const char *want)
{
	char buf[32];

	assert_string_equal(world_result(w, server, buf), want);
}

const char *world_action(struct world *w, size_t n, const char *action, const char *target, char buf[512])
{
	DR_AUTO_JSON struct dr_json *all = NULL;
	const struct dr_json *v = dr_json_first(dr_json_get(world_incident(w, n, &all), "actions"));

	snprintf(buf, 512, "none");
	for (; v; v = dr_json_next(v)) {
		const char *id = dr_json_get_str(v, "server"), *why = dr_json_get_str(v, "reason");

		if (!id)
			id = dr_json_get_str(v, "port");
		if (!strcmp(dr_json_get_str(v, "action"), action) && (!target || (id && !strcmp(id, target))))
			snprintf(buf, 512, "%s: %s", dr_json_get_str(v, "result"), why ? why : "");
	}
	return buf;
}

void world_assert_action(struct world *w, size_t n, const char *action, const char *target, const char *want)
{
	char buf[512];

	if (!strstr(world_action(w, n, action, target, buf), want))
		fail_msg("%s %s: \"%s\" instead of \"%s\"", action, target ? target : "", buf, want);
}

unsigned world_resets(struct world *w, const char *id)
{
	for (size_t i = 0; i < w->nova_api->vm_count; i++)
		if (!strcmp(w->nova_api->vms[i].id, id))
			return w->nova_api->vms[i].resets;
	fail_msg("no %s", id);
	return 0;
}

static void on_reread(int error, void *userdata)
{
	*(int *)userdata = error;
}

void world_reread(struct world *w)
{
	int error = 1;

	assert_int_equal(ins_nova_reread(w->nova, on_reread, &error), 0);
	wait_for(w, error != 1);
	assert_int_equal(error, 0);
}
