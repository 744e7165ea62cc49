/* SPDX-License-Identifier: Apache-2.0 */
#include "tests/faults/trial.h"

#include <arpa/inet.h>
#include <libgen.h>
#include <limits.h>
#include <signal.h>
#include <string.h>
#include <sys/socket.h>

#define PATIENCE_S 30
#define LOGIN                                                                                                \
	"{\"auth\":{\"identity\":{\"methods\":[\"password\"],\"password\":{\"user\":{\"name\":\"admin\","    \
	"\"domain\":{\"id\":\"default\"},\"password\":\"admin\"}}},\"scope\":{\"project\":{\"name\":"        \
	"\"admin\",\"domain\":{\"name\":\"Default\"}}}}}"

/* ---------------------------------------------------------------- programs */

static char *program(const char *name)
{
	const char *bin = getenv("DOCTOR_BIN");
	char self[PATH_MAX] = "";

	if (bin && *bin)
		return dr_asprintf("%s/%s", bin, name);
	assert_true(readlink("/proc/self/exe", self, sizeof(self) - 1) > 0);
	return dr_asprintf("%s/../../bin/%s", dirname(self), name);
}

static uint16_t free_port(void)
{
	struct sockaddr_in a = { .sin_family = AF_INET, .sin_addr.s_addr = htonl(INADDR_LOOPBACK) };
	DR_AUTO_CLOSE int fd = socket(AF_INET, SOCK_STREAM | SOCK_CLOEXEC, 0);
	socklen_t len = sizeof(a);

	assert_true(fd >= 0);
	assert_int_equal(bind(fd, (struct sockaddr *)&a, sizeof(a)), 0);
	assert_int_equal(getsockname(fd, (struct sockaddr *)&a, &len), 0);
	return ntohs(a.sin_port);
}

static void start(struct trial *t, const char *name, const char *const *argv, struct sc_child **ret)
{
	struct sc_child_opts opts = { .name = name, .dir = t->dir, .argv = argv };
	DR_AUTO_FREE char *error = NULL;

	if (sc_child_start(&opts, ret, &error))
		fail_msg("%s", error);
}

static void start_minicloud(struct trial *t, const struct trial_opts *o)
{
	DR_AUTO_FREE char *path = program("minicloud"), *yaml = dr_asprintf("%s/clouds.yaml", t->dir);
	char listen[32], hosts[16], servers[16], latency[16];
	const char *argv[] = { path,  "--listen",	listen,	 "--clouds-yaml", yaml,	   "--hosts",
			       hosts, "--vms-per-host", servers, "--latency",	  latency, NULL };
	unsigned port = free_port();

	snprintf(listen, sizeof(listen), "127.0.0.1:%u", port);
	snprintf(t->cloud_url, sizeof(t->cloud_url), "http://127.0.0.1:%u", port);
	snprintf(hosts, sizeof(hosts), "%u", o->hosts);
	snprintf(servers, sizeof(servers), "%u", o->servers);
	snprintf(latency, sizeof(latency), "%u", o->latency_ms);
	start(t, "minicloud", argv, &t->minicloud);
	if (sc_child_wait_ready(t->minicloud, dr_sec(PATIENCE_S), NULL))
		fail_msg("minicloud did not get ready");
	assert_int_equal(setenv("OS_CLIENT_CONFIG_FILE", yaml, 1), 0);
}

static void write_config(struct trial *t, const struct trial_opts *o)
{
	DR_AUTO_FREE char *path = dr_asprintf("%s/inspector.yaml", t->dir);
	FILE *f = fopen(path, "we");
	unsigned port = free_port();

	assert_non_null(f);
	snprintf(t->inspector_url, sizeof(t->inspector_url), "http://127.0.0.1:%u", port);
	fprintf(f,
		"listen: 127.0.0.1:%u\ncloud: admin\njournal: %s/journal.db\nrefresh: 10min\nparallel: 4\n"
		"timeout: %ums\nretry: {attempts: 5, pause: 20ms, pause_max: 100ms}\n"
		"brake: {hosts: 1000, share: 100%%}\nrecovery: {hold: 20ms}\n%s",
		port, t->dir, o->timeout_ms ? o->timeout_ms : 10000, o->more ? o->more : "");
	assert_int_equal(fclose(f), 0);
}

void trial_start(struct trial *t)
{
	DR_AUTO_FREE char *path = program("doctor-inspector"),
			  *config = dr_asprintf("%s/inspector.yaml", t->dir);
	const char *argv[] = { path, "--config", config, NULL };

	assert_null(t->inspector);
	t->killed = false;
	start(t, "inspector", argv, &t->inspector);
}

static int on_kill(struct dr_source *s, void *userdata)
{
	struct trial *t = userdata;

	assert_int_equal(kill(sc_child_pid(t->inspector), SIGKILL), 0);
	t->killed = true;
	return 0;
}

void trial_kill_after(struct trial *t, struct dr_dur d)
{
	if (!t->killer)
		assert_int_equal(dr_loop_add_timer(t->loop, on_kill, t, &t->killer), 0);
	assert_int_equal(dr_timer_arm(t->killer, d), 0);
}

void trial_reap(struct trial *t)
{
	sc_child_free(DR_TAKE_PTR(t->inspector));
}

struct trial *trial_new(const struct trial_opts *o)
{
	struct dr_http_client_opts client = { 0 };
	struct trial *t = calloc(1, sizeof(*t));

	assert_non_null(t);
	strcpy(t->dir, "/tmp/doctor-trial-XXXXXX");
	assert_non_null(mkdtemp(t->dir));
	assert_int_equal(dr_loop_new(&t->loop), 0);
	assert_int_equal(dr_http_client_new(t->loop, &client, &t->http), 0);
	start_minicloud(t, o);
	write_config(t, o);
	trial_log_in(t);
	return t;
}

static void complain(const struct sc_child *c)
{
	DR_AUTO_BUF struct dr_buf tail = { 0 };

	sc_child_tail(c, 40, "    ", &tail);
	print_error("%s:\n%s\n", sc_child_name(c), dr_buf_str(&tail));
}

void trial_free(struct trial *t)
{
	DR_AUTO_FREE char *command = NULL;

	if (!t)
		return;
	sc_child_free(t->inspector);
	sc_child_free(t->minicloud);
	dr_source_free(t->killer);
	dr_http_client_free(t->http);
	dr_loop_free(t->loop);
	command = dr_asprintf("rm -rf '%s'", t->dir);
	if (!command || system(command))
		print_error("%s is left\n", t->dir);
	free(t);
}

/* ---------------------------------------------------------------- calls */

unsigned trial_call(struct trial *t, const char *method, const char *url, const char *body,
		    struct dr_json **ret_json)
{
	struct dr_http_request req = {
		.method = method,
		.url = url,
		.headers = { { "X-Auth-Token", t->token }, { "OpenStack-API-Version", "compute 2.53" } },
		.body = body,
		.body_len = body ? strlen(body) : 0,
		.timeout = dr_sec(PATIENCE_S),
	};
	struct dr_http_response r;
	unsigned status;

	if (ret_json)
		*ret_json = NULL;
	assert_int_equal(dr_http_call(t->http, &req, &r), 0);
	status = r.error ? 0 : r.status;
	if (status && ret_json && r.body.len && dr_json_parse(r.body.data, r.body.len, ret_json, NULL))
		fail_msg("%s %s: no JSON: %s", method, url, dr_buf_str(&r.body));
	dr_http_response_done(&r);
	return status;
}

void trial_log_in(struct trial *t)
{
	DR_AUTO_FREE char *url = dr_asprintf("%s/identity/v3/auth/tokens", t->cloud_url);
	struct dr_http_request req = {
		.method = "POST", .url = url, .body = LOGIN, .body_len = strlen(LOGIN), .timeout = dr_sec(10)
	};
	struct dr_http_response r;

	assert_int_equal(dr_http_call(t->http, &req, &r), 0);
	assert_int_equal(r.status, 201);
	assert_non_null(dr_http_response_header(&r, "X-Subject-Token", t->token, sizeof(t->token)));
	dr_http_response_done(&r);
}

struct dr_json *trial_get(struct trial *t, const char *path)
{
	DR_AUTO_FREE char *url = dr_asprintf("%s%s", t->cloud_url, path);
	struct dr_json *json;
	unsigned status = trial_call(t, "GET", url, NULL, &json);

	if (status != 200)
		fail_msg("GET %s: %u", url, status);
	return json;
}

void trial_put(struct trial *t, const char *method, const char *path, const char *body)
{
	DR_AUTO_FREE char *url = dr_asprintf("%s%s", t->cloud_url, path);
	unsigned status = trial_call(t, method, url, body, NULL);

	if (status < 200 || status > 299)
		fail_msg("%s %s %s: %u", method, url, body ? body : "", status);
}

bool trial_post(struct trial *t, const char *host, bool down)
{
	DR_AUTO_FREE char *url = dr_asprintf("%s/events", t->inspector_url);
	DR_AUTO_FREE char *body = dr_asprintf(
		"[{\"time\": \"2026-11-22T14:03:2%d\", \"type\": \"compute.host.down\", \"details\": "
		"{\"hostname\": \"%s\", \"status\": \"%s\", \"monitor\": \"m\", "
		"\"monitor_event_id\": \"%s-%d\"}}]",
		down ? 1 : 2, host, down ? "down" : "up", host, down);

	return trial_call(t, "PUT", url, body, NULL) == 200;
}

const char *trial_state(struct trial *t, const char *host)
{
	static char state[32];
	DR_AUTO_FREE char *url = dr_asprintf("%s/v1/incidents?host=%s", t->inspector_url, host);
	DR_AUTO_JSON struct dr_json *body = NULL;
	const struct dr_json *list;
	const char *text;

	if (trial_call(t, "GET", url, NULL, &body) != 200)
		return "";
	list = dr_json_get(body, "incidents");
	if (dr_json_size(list) > 1)
		fail_msg("%s has had %zu incidents", host, dr_json_size(list));
	text = dr_json_get_str(dr_json_at(list, 0), "state");
	snprintf(state, sizeof(state), "%s", text ? text : "");
	return state;
}

void trial_wait(struct trial *t, const char *host, const char *const states[])
{
	struct dr_mono end = dr_mono_add(dr_mono_now(), dr_sec(PATIENCE_S));
	const char *state = "";

	while (dr_mono_sub(end, dr_mono_now()).ns > 0) {
		state = trial_state(t, host);
		for (size_t i = 0; states[i]; i++)
			if (!strcmp(states[i], state))
				return;
		assert_in_range(dr_loop_run_once(t->loop, dr_msec(2)), 0, 1);
	}
	complain(t->inspector);
	fail_msg("%s: \"%s\" instead of \"%s\"", host, state, states[0]);
}

/* ---------------------------------------------------------------- what the cloud says */

struct trial_host trial_look(struct trial *t, const char *host)
{
	DR_AUTO_FREE char *a = dr_asprintf("/compute/v2.1/os-services?host=%s", host),
			  *b = dr_asprintf("/compute/v2.1/servers/detail?all_tenants=1&host=%s", host),
			  *c = dr_asprintf("/network/v2.0/ports?binding:host_id=%s", host);
	DR_AUTO_JSON struct dr_json *services = trial_get(t, a), *servers = trial_get(t, b),
				    *ports = trial_get(t, c);
	struct trial_host h = { 0 };

	h.forced_down = dr_json_get_bool(dr_json_path(services, "services.0"), "forced_down", false);
	for (const struct dr_json *v = dr_json_first(dr_json_get(servers, "servers")); v;
	     v = dr_json_next(v)) {
		h.servers++;
		h.error += !strcmp(dr_json_get_str(v, "OS-EXT-STS:vm_state"), "error");
	}
	for (const struct dr_json *v = dr_json_first(dr_json_get(ports, "ports")); v; v = dr_json_next(v)) {
		const char *status = dr_json_get_str(v, "data_plane_status");

		h.ports++;
		h.down += status && !strcmp(status, "DOWN");
	}
	return h;
}

static bool carried_out(const struct dr_json *request)
{
	int64_t status;

	return !dr_json_get_i64(request, "status", &status) && status >= 200 && status <= 299;
}

/* And whoever asked has been told so. */
static bool confirmed(const struct dr_json *request)
{
	const char *fault = dr_json_get_str(request, "fault");

	return carried_out(request) && (!fault || !strcmp(fault, "delay"));
}

static bool same(const struct dr_json *a, const struct dr_json *b)
{
	return !strcmp(dr_json_get_str(a, "method"), dr_json_get_str(b, "method")) &&
	       !strcmp(dr_json_get_str(a, "path"), dr_json_get_str(b, "path")) &&
	       !strcmp(dr_json_get_str(a, "body"), dr_json_get_str(b, "body"));
}

unsigned trial_repeated(struct trial *t)
{
	DR_AUTO_JSON struct dr_json *body = trial_get(t, "/minicloud/requests");
	unsigned repeated = 0;
	bool forced = false;

	for (const struct dr_json *v = dr_json_first(dr_json_get(body, "requests")); v; v = dr_json_next(v)) {
		const char *path = dr_json_get_str(v, "path");

		if (!carried_out(v) || !strcmp(path, "/v3/auth/tokens"))
			continue;
		if (strstr(path, "/os-services/"))
			forced = true;
		else if (!forced)
			fail_msg("%s before force-down", path);
		for (const struct dr_json *w = dr_json_first(dr_json_get(body, "requests")); w != v;
		     w = dr_json_next(w)) {
			if (!confirmed(w) || !same(v, w))
				continue;
			repeated++;
			print_error("carried out again: %s %s\n", path, dr_json_get_str(v, "body"));
			break;
		}
	}
	return repeated;
}

unsigned trial_count(const struct dr_json *requests, const char *method, const char *path_part,
		     const char *body_part)
{
	unsigned n = 0;

	for (const struct dr_json *v = dr_json_first(dr_json_get(requests, "requests")); v;
	     v = dr_json_next(v))
		n += carried_out(v) && !strcmp(dr_json_get_str(v, "method"), method) &&
		     strstr(dr_json_get_str(v, "path"), path_part) &&
		     strstr(dr_json_get_str(v, "body"), body_part);
	return n;
}
