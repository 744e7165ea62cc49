// SPDX-License-Identifier: Apache-2.0
/* The session against a Keystone and a service made from our HTTP server, on one loop. */
#include <stdarg.h>
#include <stddef.h>
#include <setjmp.h>
#include <stdint.h>
#include <cmocka.h>
#include <string.h>

#include "doctor/buf.h"
#include "doctor/cloud/cloud.h"
#include "doctor/http_server.h"

#define DEADLINE dr_sec(30)

struct world {
	struct dr_loop *loop;
	struct dr_http_server *server;
	struct dr_http_client *http;
	struct dr_cloud *cloud;

	/* what Keystone does */
	unsigned login_status;	/* 201, or a refusal */
	bool login_silent;	/* it never answers */
	bool login_no_token;	/* 201 without X-Subject-Token */
	const char *login_body; /* instead of a token's */
	int lifetime_sec;
	uint16_t compute_port; /* in the catalogue; 0: ours */
	unsigned logins;
	char last_login[1024];
	struct dr_http_exchange *held;

	/* what the service does */
	unsigned accepts_from; /* refuses older tokens with 401; 0: all */
	unsigned requests, refused;
	char last_token[32], last_version[32], last_nova_version[32], last_request_id[64], last_path[256];
	char last_body[256], last_type[64];
};

static void keystone(struct world *w, struct dr_http_exchange *x)
{
	uint16_t port = dr_http_server_port(w->server);
	DR_AUTO_FREE char *body = NULL;
	char token[32], issued[DR_TIME_STR_MAX], expires[DR_TIME_STR_MAX];
	struct dr_wall now = dr_wall_now();

	w->logins++;
	snprintf(w->last_login, sizeof(w->last_login), "%s", dr_http_body(x, NULL));
	if (w->login_silent) {
		dr_http_defer(x);
		w->held = x;
		return;
	}
	if (w->login_status != 201) {
		dr_http_reply_error(x, w->login_status, "The request you have made requires authentication.");
		return;
	}
	/* the clock of the cloud may be wrong, by an hour here */
	now.ns -= dr_sec(3600).ns;
	dr_wall_format(now, issued);
	now.ns += dr_sec(w->lifetime_sec).ns;
	dr_wall_format(now, expires);
	body = dr_asprintf(
		"{\"token\": {\"issued_at\": \"%s\", \"expires_at\": \"%s\", \"project\": {\"id\": "
		"\"p1\"}, \"catalog\": [{\"type\": \"compute\", \"endpoints\": [{\"interface\": "
		"\"public\", \"region_id\": \"R\", \"url\": \"http://127.0.0.1:%u/compute/v2.1/p1\"}]},"
		" {\"type\": \"image\", \"endpoints\": [{\"interface\": \"public\", \"region_id\": "
		"\"R\", \"url\": \"http://127.0.0.1:%u/image\"}]}]}}",
		issued, expires, w->compute_port ? w->compute_port : port, port);
	assert_non_null(body);
	snprintf(token, sizeof(token), "token-%u", w->logins);
	if (!w->login_no_token)
		dr_http_set_header(x, "X-Subject-Token", token);
	if (w->login_body)
		dr_http_reply(x, 201, "application/json", w->login_body, strlen(w->login_body));
	else
		dr_http_reply(x, 201, "application/json", body, strlen(body));
}

static void copy_header(struct dr_http_exchange *x, const char *name, char *to, size_t size)
{
	const char *value = dr_http_header(x, name);

	snprintf(to, size, "%s", value ? value : "");
}

static void service(struct world *w, struct dr_http_exchange *x)
{
	struct dr_json *body;

	w->requests++;
	snprintf(w->last_path, sizeof(w->last_path), "%s", dr_http_path(x));
	copy_header(x, "x-auth-token", w->last_token, sizeof(w->last_token));
	copy_header(x, "openstack-api-version", w->last_version, sizeof(w->last_version));
	copy_header(x, "x-openstack-nova-api-version", w->last_nova_version, sizeof(w->last_nova_version));
	copy_header(x, "x-openstack-request-id", w->last_request_id, sizeof(w->last_request_id));
	copy_header(x, "content-type", w->last_type, sizeof(w->last_type));
	snprintf(w->last_body, sizeof(w->last_body), "%s", dr_http_body(x, NULL));
	dr_http_set_header(x, "x-openstack-request-id", "req-answer");
	if (strncmp(w->last_token, "token-", 6) || strtoul(w->last_token + 6, NULL, 10) < w->accepts_from) {
		w->refused++;
		dr_http_reply_error(x, 401, "The request you have made requires authentication.");
		return;
	}
	if (strstr(w->last_path, "missing")) {
		dr_http_reply_error(x, 404, "No image found with ID nope<br /><br />\n\n\n");
		return;
	}
	if (strstr(w->last_path, "html")) {
		dr_http_reply(x, 503, "text/html", "<html>busy</html>", 17);
		return;
	}
	if (strstr(w->last_path, "empty")) {
		dr_http_reply(x, 202, NULL, "", 0);
		return;
	}
	if (strstr(w->last_path, "silent")) {
		dr_http_defer(x);
		w->held = x;
		return;
	}
	body = dr_json_object();
	dr_json_add_int(body, "n", (int64_t)w->requests);
	dr_http_reply_json(x, 200, body);
}

static void on_request(struct dr_http_exchange *x, void *userdata)
{
	if (!strcmp(dr_http_path(x), "/v3/auth/tokens"))
		keystone(userdata, x);
	else
		service(userdata, x);
}

static void new_session(struct world *w)
{
	struct dr_cloud_conf conf = {};

	conf.auth_url = dr_asprintf("http://127.0.0.1:%u/v3", dr_http_server_port(w->server));
	conf.user_id = strdup("u1");
	conf.password = strdup("secret");
	conf.project_id = strdup("p1");
	conf.region_name = strdup("R");
	assert_int_equal(dr_cloud_new(w->loop, w->http, &conf, &w->cloud), 0);
	assert_null(conf.auth_url); /* taken over */
}

static int setup(void **state)
{
	struct world *w = calloc(1, sizeof(*w));
	struct dr_http_server_opts server = {};
	struct dr_http_client_opts client = {};

	assert_non_null(w);
	w->login_status = 201;
	w->lifetime_sec = 3600;
	assert_int_equal(dr_loop_new(&w->loop), 0);
	assert_int_equal(dr_http_server_new(w->loop, &server, on_request, w, &w->server), 0);
	assert_int_equal(dr_http_client_new(w->loop, &client, &w->http), 0);
	new_session(w);
	*state = w;
	return 0;
}

static int teardown(void **state)
{
	struct world *w = *state;

	dr_cloud_free(w->cloud);
	dr_http_client_free(w->http);
	dr_http_server_free(w->server);
	dr_loop_free(w->loop);
	free(w);
	return 0;
}

/* What a callback heard. */
struct heard {
	unsigned calls;
	int error;
	unsigned status;
	char reason[512], request_id[64];
	int64_t n;
	bool json;
	struct world *free_in_callback;
};

static void on_reply(const struct dr_cloud_reply *r, void *userdata)
{
	struct heard *h = userdata;

	h->calls++;
	h->error = r->error;
	h->status = r->status;
	h->json = r->json != NULL;
	snprintf(h->reason, sizeof(h->reason), "%s", r->reason);
	snprintf(h->request_id, sizeof(h->request_id), "%s", r->request_id);
	if (dr_json_get_i64(r->json, "n", &h->n))
		h->n = -1;
	if (h->free_in_callback) {
		dr_cloud_free(h->free_in_callback->cloud);
		h->free_in_callback->cloud = NULL;
	}
}

static bool passed(struct dr_mono since)
{
	return dr_mono_sub(dr_mono_now(), since).ns > DEADLINE.ns;
}

#define wait_for(w, condition)                                                                               \
	do {                                                                                                 \
		struct dr_mono wait_since = dr_mono_now();                                                   \
		while (!(condition)) {                                                                       \
			assert_true(dr_loop_run_once((w)->loop, dr_msec(50)) >= 0);                          \
			if (passed(wait_since))                                                              \
				fail_msg("in vain: %s", #condition);                                         \
		}                                                                                            \
	} while (0)

static void send_to(struct world *w, const char *service_type, const char *path, struct heard *h)
{
	struct dr_cloud_request req = { .service = service_type, .method = "GET", .path = path };

	assert_int_equal(dr_cloud_send(w->cloud, &req, on_reply, h), 0);
	assert_int_equal(h->calls, 0); /* never from within */
}

static void get(struct world *w, const char *path, struct heard *h)
{
	*h = (struct heard){};
	send_to(w, "compute", path, h);
	wait_for(w, h->calls);
}

static void test_one_call(void **state)
{
	struct world *w = *state;
	DR_AUTO_JSON struct dr_json *body = dr_json_object();
	struct dr_cloud_request req = { .service = "compute",
					.method = "PUT",
					.path = "/os-services/1",
					.microversion = "2.53",
					.request_id = "req-of-the-incident",
					.body = body };
	struct heard h = {};

	dr_json_add_bool(body, "forced_down", true);
	assert_null(dr_cloud_project_id(w->cloud));
	assert_int_equal(dr_cloud_send(w->cloud, &req, on_reply, &h), 0);
	wait_for(w, h.calls);
	assert_int_equal(h.error, 0);
	assert_int_equal(h.status, 200);
	assert_int_equal(h.n, 1);
	assert_string_equal(h.reason, "");
	assert_string_equal(h.request_id, "req-answer");
	assert_string_equal(w->last_path, "/compute/v2.1/os-services/1"); /* the project's id is gone */
	assert_string_equal(w->last_token, "token-1");
	assert_string_equal(w->last_version, "compute 2.53");
	assert_string_equal(w->last_nova_version, "2.53");
	assert_string_equal(w->last_request_id, "req-of-the-incident");
	assert_string_equal(w->last_body, "{\"forced_down\":true}");
	assert_string_equal(w->last_type, "application/json");
	assert_string_equal(dr_cloud_project_id(w->cloud), "p1");
	assert_string_equal(
		w->last_login,
		"{\"auth\":{\"identity\":{\"methods\":[\"password\"],\"password\":{\"user\":{"
		"\"id\":\"u1\",\"password\":\"secret\"}}},\"scope\":{\"project\":{\"id\":\"p1\"}}}}");

	get(w, "/servers", &h);
	assert_int_equal(w->logins, 1);
	assert_string_equal(w->last_version, "");
	assert_int_equal(strlen(w->last_request_id), 40); /* one of its own */
	assert_memory_equal(w->last_request_id, "req-", 4);
}

static void test_raw_body(void **state)
{
	struct world *w = *state;
	struct dr_cloud_request req = { .service = "image",
					.method = "PUT",
					.path = "/v2/images/1/file",
					.raw_body = "bytes",
					.raw_len = 5,
					.content_type = "application/octet-stream" };
	struct heard h = {};

	assert_int_equal(dr_cloud_send(w->cloud, &req, on_reply, &h), 0);
	wait_for(w, h.calls);
	assert_int_equal(h.status, 200);
	assert_string_equal(w->last_path, "/image/v2/images/1/file");
	assert_string_equal(w->last_body, "bytes");
	assert_string_equal(w->last_type, "application/octet-stream");
}

/* However many calls wait, there is one login. */
static void test_shared_login(void **state)
{
	struct world *w = *state;
	struct heard h[20] = {}, login = {};

	assert_int_equal(dr_cloud_login(w->cloud, on_reply, &login), 0);
	assert_int_equal(dr_cloud_login(w->cloud, NULL, NULL), 0);
	for (size_t i = 0; i < DR_ARRAY_SIZE(h); i++)
		send_to(w, "compute", "/x", &h[i]);
	wait_for(w, w->requests == DR_ARRAY_SIZE(h));
	for (size_t i = 0; i < DR_ARRAY_SIZE(h); i++) {
		wait_for(w, h[i].calls);
		assert_int_equal(h[i].error, 0);
		assert_int_equal(h[i].status, 200);
	}
	assert_int_equal(login.calls, 1);
	assert_int_equal(login.error, 0);
	assert_int_equal(login.status, 201);
	assert_int_equal(w->logins, 1);

	login = (struct heard){};
	assert_int_equal(dr_cloud_login(w->cloud, on_reply, &login), 0);
	assert_int_equal(login.calls, 0);
	wait_for(w, login.calls);
	assert_int_equal(login.status, 201);
	assert_int_equal(w->logins, 1); /* the token is good */
}

static void test_answers(void **state)
{
	struct world *w = *state;
	struct heard h;

	get(w, "/missing", &h);
	assert_int_equal(h.error, 0);
	assert_int_equal(h.status, 404);
	assert_string_equal(h.reason, "HTTP 404: No image found with ID nope");
	assert_true(h.json);
	get(w, "/html", &h);
	assert_int_equal(h.error, 0);
	assert_int_equal(h.status, 503);
	assert_string_equal(h.reason, "HTTP 503");
	assert_false(h.json);
	get(w, "/empty", &h);
	assert_int_equal(h.error, 0);
	assert_int_equal(h.status, 202);
	assert_string_equal(h.reason, "");
	assert_false(h.json);
}

static void test_no_endpoint(void **state)
{
	struct world *w = *state;
	struct heard h = {};

	send_to(w, "volumev3", "/volumes", &h);
	wait_for(w, h.calls);
	assert_int_equal(h.error, -ENOENT);
	assert_string_equal(h.reason, "the catalogue has no public endpoint of service type \"volumev3\" in "
				      "region R");
	h = (struct heard){};
	send_to(w, "compute", "http://evil.example/servers", &h); /* with our token? no */
	wait_for(w, h.calls);
	assert_int_equal(h.error, -EINVAL);
	assert_int_equal(w->requests, 0);
}

static void test_bad_arguments(void **state)
{
	struct world *w = *state;
	struct dr_cloud_request req = { .service = "compute", .method = "GET" };

	assert_int_equal(dr_cloud_send(w->cloud, &req, on_reply, NULL), -EINVAL);
	req.path = "/";
	req.request_id = "req-0123456789012345678901234567890123456789012345678901234567890123456789";
	assert_int_equal(dr_cloud_send(w->cloud, &req, on_reply, NULL), -EINVAL);
}

/* The service stops taking our token (Keystone's was revoked): one new login, each call repeated once. */
static void test_401_once(void **state)
{
	struct world *w = *state;
	struct heard h[5] = {}, first;

	get(w, "/x", &first);
	w->accepts_from = 2;
	for (size_t i = 0; i < DR_ARRAY_SIZE(h); i++)
		send_to(w, "compute", "/x", &h[i]);
	for (size_t i = 0; i < DR_ARRAY_SIZE(h); i++) {
		wait_for(w, h[i].calls);
		assert_int_equal(h[i].error, 0);
		assert_int_equal(h[i].status, 200);
	}
	assert_int_equal(w->logins, 2);
	assert_string_equal(w->last_token, "token-2");
	assert_int_equal(w->refused, 5);
}

/* It takes no token at all: the caller hears 401, and we do not go on for ever. */
static void test_401_for_good(void **state)
{
	struct world *w = *state;
	struct heard h;

	w->accepts_from = 1000;
	get(w, "/x", &h);
	assert_int_equal(h.error, 0);
	assert_int_equal(h.status, 401);
	assert_string_equal(h.reason, "HTTP 401: The request you have made requires authentication.");
	assert_int_equal(w->requests, 2);
	assert_int_equal(w->logins, 2);
}

/* The new login after a 401 is refused: that is what the caller hears. */
static void test_401_then_refused(void **state)
{
	struct world *w = *state;
	struct heard h;

	get(w, "/x", &h);
	w->accepts_from = 2;
	w->login_status = 401;
	get(w, "/x", &h);
	assert_int_equal(h.error, -EACCES);
	assert_int_equal(h.status, 401);
	assert_non_null(strstr(h.reason, "refused the login"));
	assert_int_equal(w->logins, 2);
}

static void test_refused_login(void **state)
{
	struct world *w = *state;
	struct heard h[3] = {};
	char want[256];

	w->login_status = 401;
	for (size_t i = 0; i < DR_ARRAY_SIZE(h); i++)
		send_to(w, "compute", "/x", &h[i]);
	for (size_t i = 0; i < DR_ARRAY_SIZE(h); i++)
		wait_for(w, h[i].calls);
	snprintf(want, sizeof(want),
		 "Keystone at http://127.0.0.1:%u/v3 refused the login: HTTP 401: The request you have made "
		 "requires authentication.",
		 dr_http_server_port(w->server));
	for (size_t i = 0; i < DR_ARRAY_SIZE(h); i++) {
		assert_int_equal(h[i].error, -EACCES);
		assert_int_equal(h[i].status, 401);
		assert_string_equal(h[i].reason, want);
	}
	assert_int_equal(w->logins, 1);
	assert_int_equal(w->requests, 0);

	/* a later call tries again */
	w->login_status = 201;
	get(w, "/x", &h[0]);
	assert_int_equal(h[0].status, 200);
	assert_int_equal(w->logins, 2);
}

static void test_bad_logins(void **state)
{
	static const struct {
		unsigned status;
		bool no_token;
		const char *body;
		int error;
		const char *reason;
	} cases[] = {
		{ 400, false, NULL, -EACCES, "refused the login: HTTP 400" },
		{ 403, false, NULL, -EACCES, "refused the login: HTTP 403" },
		{ 404, false, NULL, -EPROTO, "answered: HTTP 404" },
		{ 401, false, NULL, -EACCES, "refused the login: HTTP 401" },
		{ 408, false, NULL, -EPROTO, "answered: HTTP 408" }, /* they pass */
		{ 409, false, NULL, -EPROTO, "answered: HTTP 409" },
		{ 413, false, NULL, -EPROTO, "answered: HTTP 413" },
		{ 429, false, NULL, -EPROTO, "answered: HTTP 429" },
		{ 500, false, NULL, -EIO, "answered: HTTP 500" },
		{ 503, false, NULL, -EIO, "answered: HTTP 503" },
		{ 300, false, NULL, -EPROTO, "answered: HTTP 300" },
		{ 201, true, NULL, -EBADMSG, "answered: no token" },
		{ 201, false, "{}", -EBADMSG, "answered: no token" },
		{ 201, false, "not JSON", -EBADMSG, "answered: no token" },
	};
	struct world *w = *state;

	for (size_t i = 0; i < DR_ARRAY_SIZE(cases); i++) {
		struct heard h;

		w->login_status = cases[i].status;
		w->login_no_token = cases[i].no_token;
		w->login_body = cases[i].body;
		get(w, "/x", &h);
		assert_int_equal(h.error, cases[i].error);
		if (!strstr(h.reason, cases[i].reason))
			fail_msg("\"%s\" instead of \"%s\"", h.reason, cases[i].reason);
	}
	assert_int_equal(w->requests, 0);
}

static void test_unreachable(void **state)
{
	struct world *w = *state;
	struct heard h;

	dr_http_server_free(w->server);
	w->server = NULL;
	get(w, "/x", &h);
	assert_int_equal(h.error, -ECONNREFUSED);
	assert_non_null(strstr(h.reason, "Keystone at http://127.0.0.1:"));
	assert_non_null(strstr(h.reason, "is not reached"));
}

static void test_timeout(void **state)
{
	struct world *w = *state;
	struct dr_cloud_request req = {
		.service = "compute", .method = "GET", .path = "/silent", .timeout = dr_msec(100)
	};
	struct heard h = {};

	assert_int_equal(dr_cloud_send(w->cloud, &req, on_reply, &h), 0);
	wait_for(w, h.calls);
	assert_int_equal(h.error, -ETIMEDOUT);
	assert_string_not_equal(h.reason, "");
	assert_int_equal(w->requests, 1); /* repeating is the caller's business */
}

/* The service moves within the life of a token: the catalogue is asked for again, once for many failures. */
static void test_endpoint_moves(void **state)
{
	struct world *w = *state;
	struct heard h;

	w->compute_port = 1; /* nobody listens there */
	for (int i = 0; i < 3; i++) {
		get(w, "/x", &h);
		assert_int_equal(h.error, -ECONNREFUSED);
	}
	wait_for(w, !dr_http_client_pending(w->http));
	assert_int_equal(w->logins, 2);
	get(w, "/x", &h);
	assert_int_equal(h.error, -ECONNREFUSED);
	wait_for(w, !dr_http_client_pending(w->http));
	assert_int_equal(w->logins, 2);
}

/* Nobody waits for that, and the first answer has it. */
static void test_endpoint_has_moved(void **state)
{
	struct world *w = *state;
	struct heard h;

	w->compute_port = 1;
	get(w, "/x", &h);
	assert_int_equal(h.error, -ECONNREFUSED);
	w->compute_port = 0;
	wait_for(w, w->logins == 2 && !dr_http_client_pending(w->http));
	get(w, "/x", &h);
	assert_int_equal(h.status, 200);
	assert_string_equal(w->last_token, "token-2");
	assert_int_equal(w->logins, 2);
}

static int on_end(struct dr_source *s, void *userdata)
{
	*(bool *)userdata = true;
	return 0;
}

/* A new token comes well before the old one ends, and nobody waits for it. */
static void test_renewal(void **state)
{
	struct world *w = *state;
	struct dr_mono since = dr_mono_now();
	struct dr_source *end;
	bool ended = false;
	struct heard h;

	assert_int_equal(dr_loop_add_timer(w->loop, on_end, &ended, &end), 0);
	w->lifetime_sec = 10;
	get(w, "/x", &h);
	w->lifetime_sec = 3600;
	assert_int_equal(dr_timer_arm(end, dr_sec(10)), 0);
	wait_for(w, w->logins == 2 && !dr_http_client_pending(w->http));
	assert_false(ended);
	assert_true(dr_mono_sub(dr_mono_now(), since).ns > dr_sec(5).ns); /* nor all the time */
	assert_int_equal(w->requests, 1);
	get(w, "/x", &h);
	assert_string_equal(w->last_token, "token-2");
	assert_int_equal(w->logins, 2);
	assert_int_equal(w->refused, 0);
	dr_source_free(end);
}

/* A renewal that fails takes nothing away; after the token's end a call logs in itself. */
static void test_failed_renewal(void **state)
{
	struct world *w = *state;
	struct dr_mono start;
	struct heard h;

	w->lifetime_sec = 10;
	get(w, "/x", &h);
	start = dr_mono_now();
	w->login_status = 500;
	wait_for(w, w->logins == 2 && !dr_http_client_pending(w->http));
	get(w, "/x", &h);
	assert_int_equal(h.status, 200);
	assert_string_equal(w->last_token, "token-1");
	wait_for(w, dr_mono_sub(dr_mono_now(), start).ns > dr_sec(10).ns);
	w->login_status = 201;
	w->lifetime_sec = 3600;
	get(w, "/x", &h);
	assert_int_equal(h.status, 200);
	assert_string_equal(w->last_token, "token-3");
	assert_int_equal(w->refused, 0);
}

/* The session ends while calls wait for a login, for an answer, and for delivery. */
static void test_end_with_calls(void **state)
{
	struct world *w = *state;
	struct heard h[3] = {}, first;

	w->login_silent = true;
	send_to(w, "compute", "/x", &h[0]);
	wait_for(w, w->held);
	dr_cloud_free(w->cloud);
	assert_int_equal(h[0].calls, 1);
	assert_int_equal(h[0].error, -ECANCELED);

	w->login_silent = false;
	new_session(w);
	get(w, "/x", &first);
	w->held = NULL;
	send_to(w, "compute", "/silent", &h[1]);
	wait_for(w, w->held);
	send_to(w, "volumev3", "/x", &h[2]);
	dr_cloud_free(w->cloud);
	w->cloud = NULL;
	assert_int_equal(h[1].calls, 1);
	assert_int_equal(h[1].error, -ECANCELED);
	assert_int_equal(h[2].calls, 1);
	assert_int_equal(h[2].error, -ECANCELED);

	/* the late answer finds nobody */
	dr_http_reply(w->held, 200, NULL, "{}", 2);
	wait_for(w, dr_http_client_pending(w->http) <= 1); /* Keystone's first is still held */
	assert_int_equal(h[1].calls, 1);
}

/* A callback may end the session. */
static void test_end_in_callback(void **state)
{
	struct world *w = *state;
	struct heard h[3] = { { .free_in_callback = w } };

	for (size_t i = 0; i < DR_ARRAY_SIZE(h); i++)
		send_to(w, "volumev3", "/x", &h[i]);
	wait_for(w, h[0].calls && h[1].calls && h[2].calls);
	assert_int_equal(h[0].error, -ENOENT);
	assert_int_equal(h[1].error, -ECANCELED);
	assert_null(w->cloud);

	new_session(w);
	h[0] = (struct heard){ .free_in_callback = w };
	send_to(w, "compute", "/x", &h[0]);
	wait_for(w, h[0].calls);
	assert_int_equal(h[0].status, 200);
	assert_null(w->cloud);
}

static void test_waiting_call(void **state)
{
	struct world *w = *state;
	struct dr_cloud_request req = { .service = "compute", .method = "GET", .path = "/x" };
	DR_AUTO_JSON struct dr_json *json = NULL, *error_json = NULL;
	DR_AUTO_FREE char *why = NULL, *refused = NULL;

	assert_int_equal(dr_cloud_call(w->cloud, &req, &json, &why), 0);
	assert_non_null(json);
	assert_null(why);
	req.path = "/missing";
	assert_int_equal(dr_cloud_call(w->cloud, &req, &error_json, &why), 404);
	assert_string_equal(why, "HTTP 404: No image found with ID nope");
	assert_int_equal(dr_cloud_call(w->cloud, &req, NULL, NULL), 404);
	req.service = "volumev3";
	assert_int_equal(dr_cloud_call(w->cloud, &req, NULL, &refused), -ENOENT);
	assert_non_null(strstr(refused, "volumev3"));
}

/* Of a conf without an address of Keystone nothing is sent. */
static void test_no_cloud(void **state)
{
	struct world *w = *state;
	DR_AUTO(dr_cloud_conf_done) struct dr_cloud_conf none = {};
	DR_AUTO(dr_cloud_freep) struct dr_cloud *cloud = NULL;
	const struct dr_cloud_request req = { .service = "compute", .method = "GET", .path = "/servers" };
	DR_AUTO_FREE char *why = NULL;

	assert_int_equal(dr_cloud_new(w->loop, w->http, &none, &cloud), 0);
	assert_int_equal(dr_cloud_call(cloud, &req, NULL, &why), -ENOTCONN);
	assert_string_equal(why, "no cloud is configured");
	assert_int_equal(w->logins + w->requests, 0);
}

#define with_world(test) cmocka_unit_test_setup_teardown(test, setup, teardown)

int main(void)
{
	const struct CMUnitTest tests[] = {
		with_world(test_no_cloud),
		with_world(test_one_call),
		with_world(test_raw_body),
		with_world(test_shared_login),
		with_world(test_answers),
		with_world(test_no_endpoint),
		with_world(test_bad_arguments),
		with_world(test_401_once),
		with_world(test_401_for_good),
		with_world(test_401_then_refused),
		with_world(test_refused_login),
		with_world(test_bad_logins),
		with_world(test_unreachable),
		with_world(test_timeout),
		with_world(test_renewal),
		with_world(test_failed_renewal),
		with_world(test_end_with_calls),
		with_world(test_end_in_callback),
		with_world(test_waiting_call),
		with_world(test_endpoint_moves),
		with_world(test_endpoint_has_moved),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
