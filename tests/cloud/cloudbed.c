/* SPDX-License-Identifier: Apache-2.0 */
/* The bed itself: which cloud, who we are there, one call. What is made in the cloud: cloudbed_things.c. */
#include "tests/cloud/cloudbed.h"

#include <libgen.h>
#include <limits.h>
#include <sys/stat.h>

#define PATIENCE_S 60

/* ---------------------------------------------------------------- small texts */

const char *cb_format(const char *fmt, ...)
{
	static char texts[64][2048];
	static unsigned next;
	char *text = texts[next++ % DR_ARRAY_SIZE(texts)];
	va_list ap;
	int n;

	va_start(ap, fmt);
	n = vsnprintf(text, sizeof(texts[0]), fmt, ap);
	va_end(ap);
	assert_in_range(n, 0, sizeof(texts[0]) - 1);
	return text;
}

void cb_copy(char *out, size_t size, const char *text)
{
	assert_int_equal(dr_strcpy(out, size, text), 0);
}

void cb_turn(struct cb *b, struct dr_mono *end, const char *what)
{
	struct dr_mono now = dr_mono_now();

	if (!end->ns)
		*end = dr_mono_add(now, dr_sec(PATIENCE_S));
	if (dr_mono_sub(*end, now).ns <= 0)
		fail_msg("waited in vain for: %s", what);
	assert_in_range(dr_loop_run_once(b->loop, dr_msec(50)), 0, 1);
}

/* ---------------------------------------------------------------- calls */

void cb_answer_done(struct cb_answer *a)
{
	dr_json_free(a->json);
	dr_http_response_done(&a->http);
}

static const char *endpoint(struct cb *b, const char *service)
{
	for (const struct dr_json *s = dr_json_first(b->catalog); s; s = dr_json_next(s)) {
		const char *type = dr_json_get_str(s, "type");

		if (!type || strcmp(type, service))
			continue;
		for (const struct dr_json *e = dr_json_first(dr_json_get(s, "endpoints")); e;
		     e = dr_json_next(e)) {
			if (!strcmp(dr_json_get_str(e, "interface"), "public"))
				return dr_json_get_str(e, "url");
		}
	}
	fail_msg("the catalogue has no service of type %s", service);
	return NULL;
}

const char *cb_url(struct cb *b, const char *service, const char *path)
{
	static char url[2048];
	const char *base = endpoint(b, service);
	size_t len = strlen(base);

	while (len && base[len - 1] == '/')
		len--;
	assert_in_range(snprintf(url, sizeof(url), "%.*s%s", (int)len, base, path), 0, sizeof(url) - 1);
	return url;
}

struct cb_answer cb_send(struct cb *b, const char *service, const char *method, const char *path,
			 const struct dr_http_header *headers, const char *body)
{
	struct dr_http_request req = {
		.method = method,
		.url = strncmp(path, "http", 4) ? cb_url(b, service, path) : path,
		.body = body,
		.body_len = body ? strlen(body) : 0,
		.timeout = dr_sec(PATIENCE_S),
	};
	struct cb_answer a = { 0 };

	for (size_t i = 0; headers && headers[i].name; i++)
		req.headers[i] = headers[i];
	assert_int_equal(dr_http_call(b->http, &req, &a.http), 0);
	if (a.http.error)
		fail_msg("%s %s: %s", method, req.url, a.http.reason);
	a.status = a.http.status;
	if (a.http.body.len && dr_json_parse(a.http.body.data, a.http.body.len, &a.json, NULL))
		a.json = NULL; /* no JSON */
	return a;
}

struct cb_answer cb_call(struct cb *b, enum cb_who who, const char *service, const char *method,
			 unsigned minor, const char *path, const char *body)
{
	struct dr_http_header headers[DR_HTTP_HEADERS_MAX] = { { "Accept", "application/json" } };
	char version[16], pair[32];
	size_t n = 1;

	if (who != CB_NOBODY)
		headers[n++] = (struct dr_http_header){ "X-Auth-Token", b->token[who] };
	if (minor) {
		snprintf(version, sizeof(version), "2.%u", minor);
		snprintf(pair, sizeof(pair), "compute %s", version);
		headers[n++] = (struct dr_http_header){ "X-OpenStack-Nova-API-Version", version };
		headers[n++] = (struct dr_http_header){ "OpenStack-API-Version", pair };
	}
	return cb_send(b, service, method, path, headers, body);
}

const char *cb_header(const struct cb_answer *a, const char *name)
{
	static char value[2048];

	return dr_http_response_header(&a->http, name, value, sizeof(value)) ? value : "";
}

const struct dr_json *cb_at(const struct cb_answer *a, const char *dotted)
{
	return *dotted ? dr_json_path(a->json, dotted) : a->json;
}

const char *cb_text(const struct cb_answer *a, const char *dotted)
{
	const char *text = dr_json_str(cb_at(a, dotted));

	return text ? text : "(none)";
}

bool cb_has(const struct cb_answer *a, const char *object, const char *key)
{
	return dr_json_get(cb_at(a, object), key);
}

bool cb_flag(const struct cb_answer *a, const char *dotted)
{
	DR_AUTO_FREE char *text = dr_json_print(cb_at(a, dotted));

	if (!text || (strcmp(text, "true") && strcmp(text, "false")))
		fail_msg("%s is %s, no boolean, in: %s", dotted, text ? text : "absent",
			 dr_buf_str(&a->http.body));
	return !strcmp(text, "true");
}

void cb_assert_error(const struct cb_answer *a, unsigned status, const char *dotted, const char *message)
{
	cb_assert_status(*a, status);
	if (strcmp(cb_text(a, dotted), message))
		fail_msg("%s is not \"%s\" in: %s", dotted, message, dr_buf_str(&a->http.body));
}

/* ---------------------------------------------------------------- our own minicloud */

static void find_program(char out[PATH_MAX])
{
	const char *bin = getenv("DOCTOR_BIN");
	char self[PATH_MAX] = "";

	if (bin && *bin) {
		snprintf(out, PATH_MAX, "%s/minicloud", bin);
		return;
	}
	assert_true(readlink("/proc/self/exe", self, sizeof(self) - 1) > 0);
	snprintf(out, PATH_MAX, "%.*s/../../bin/minicloud", PATH_MAX - 32, dirname(self));
}

static void start_minicloud(struct cb *b)
{
	char program[PATH_MAX], yaml[96];
	const char *argv[] = { program, "--listen", "127.0.0.1:0", "--clouds-yaml", yaml, NULL };
	struct sc_child_opts opts = { .name = "minicloud", .dir = b->dir, .argv = argv };
	DR_AUTO_FREE char *error = NULL;

	strcpy(b->dir, "/tmp/doctor-cloud-XXXXXX");
	assert_non_null(mkdtemp(b->dir));
	find_program(program);
	snprintf(yaml, sizeof(yaml), "%s/clouds.yaml", b->dir);
	if (sc_child_start(&opts, &b->child, &error))
		fail_msg("%s", error);
	if (sc_child_wait_ready(b->child, dr_sec(PATIENCE_S), NULL))
		fail_msg("%s did not get ready", program);
	assert_int_equal(setenv("OS_CLIENT_CONFIG_FILE", yaml, 1), 0);
}

static int stop_minicloud(struct cb *b)
{
	DR_AUTO_FREE char *command = NULL;
	int status;

	if (!b->child)
		return 0;
	status = sc_child_stop(b->child, dr_sec(10));
	sc_child_free(b->child);
	command = dr_asprintf("rm -rf '%s'", b->dir);
	if (status)
		print_error("minicloud ended with status %d\n", status);
	return status || !command || system(command);
}

/* ---------------------------------------------------------------- who we are there */

static char *login_body(const struct dr_cloud_conf *c)
{
	return dr_asprintf(
		"{\"auth\":{\"identity\":{\"methods\":[\"password\"],\"password\":{\"user\":{\"name\":\"%s\","
		"\"domain\":{\"name\":\"%s\"},\"password\":\"%s\"}}},\"scope\":{\"project\":{\"name\":\"%s\","
		"\"domain\":{\"name\":\"%s\"}}}}}",
		c->username, c->user_domain_name, c->password, c->project_name, c->project_domain_name);
}

static void login(struct cb *b, enum cb_who who, const char *cloud)
{
	DR_AUTO_FREE char *error = NULL, *body = NULL;
	CB_ANSWER a = { 0 };

	if (dr_cloud_conf_load(cloud, &b->conf[who], &error))
		fail_msg("%s", error);
	body = login_body(&b->conf[who]);
	a = cb_send(b, NULL, "POST", cb_format("%s/auth/tokens", b->conf[who].auth_url), NULL, body);
	cb_assert_status(a, 201);
	cb_copy(b->token[who], sizeof(b->token[who]), cb_header(&a, "X-Subject-Token"));
	cb_copy(b->project_id[who], sizeof(b->project_id[who]), cb_text(&a, "token.project.id"));
	cb_copy(b->user_id[who], sizeof(b->user_id[who]), cb_text(&a, "token.user.id"));
	if (!b->catalog)
		b->catalog = dr_json_copy(cb_at(&a, "token.catalog"));
}

/* What every server here is booted from. */
static void find_defaults(struct cb *b)
{
	CB_ANSWER image = cb_call(b, CB_DOCTOR, "image", "GET", 0, "/v2/images?name=tiny", NULL);
	CB_ANSWER network =
		cb_call(b, CB_DOCTOR, "network", "GET", 0, "/v2.0/networks?name=doctor-net", NULL);

	cb_copy(b->image_id, sizeof(b->image_id), cb_text(&image, "images.0.id"));
	cb_copy(b->network_id, sizeof(b->network_id), cb_text(&network, "networks.0.id"));
}

static void receive(struct dr_http_exchange *x, void *userdata)
{
	struct cb *b = userdata;
	struct cb_alarm_post *p = &b->posts[b->post_count];
	const char *type = dr_http_header(x, "Content-Type"),
		   *id = dr_http_header(x, "x-openstack-request-id");
	size_t len;
	const char *body = dr_http_body(x, &len);

	if (b->post_count < DR_ARRAY_SIZE(b->posts) && !dr_json_parse(body, len, &p->body, NULL)) {
		snprintf(p->path, sizeof(p->path), "%s %s", dr_http_method(x), dr_http_path(x));
		cb_copy(p->content_type, sizeof(p->content_type), type ? type : "");
		cb_copy(p->request_id, sizeof(p->request_id), id ? id : "");
		b->post_count++;
	}
	dr_http_reply(x, 200, NULL, "", 0);
}

int cb_setup(void **state)
{
	const char *kind = getenv("DOCTOR_TEST_CLOUD"), *file = getenv("OS_CLIENT_CONFIG_FILE");
	struct dr_http_client_opts client = { .per_host_max = 16 };
	struct dr_http_server_opts server = { 0 };
	struct cb *b = calloc(1, sizeof(*b));

	assert_non_null(b);
	*state = b;
	b->real = kind && !strcmp(kind, "sandbox");
	if (kind && *kind && !b->real && strcmp(kind, "minicloud"))
		fail_msg("DOCTOR_TEST_CLOUD=%s is neither minicloud nor sandbox", kind);
	assert_int_equal(dr_loop_new(&b->loop), 0);
	assert_int_equal(dr_http_client_new(b->loop, &client, &b->http), 0);
	assert_int_equal(dr_http_server_new(b->loop, &server, receive, b, &b->server), 0);
	if (!file || !*file) {
		if (b->real)
			fail_msg("OS_CLIENT_CONFIG_FILE does not name the sandbox's clouds.yaml");
		start_minicloud(b);
	}
	login(b, CB_ADMIN, "admin");
	login(b, CB_DOCTOR, "doctor");
	find_defaults(b);
	return 0;
}

int cb_teardown(void **state)
{
	struct cb *b = *state;
	int status;

	if (!b)
		return 0;
	for (size_t i = 0; i < b->made_count; i++)
		b->made[i].kept = false;
	if (b->catalog)
		cb_tidy(state);
	status = stop_minicloud(b);
	if (b->child)
		unsetenv("OS_CLIENT_CONFIG_FILE");
	dr_http_server_free(b->server);
	dr_http_client_free(b->http);
	dr_loop_free(b->loop);
	for (size_t i = 0; i < CB_WHO_COUNT; i++)
		dr_cloud_conf_done(&b->conf[i]);
	dr_json_free(b->catalog);
	free(b);
	*state = NULL;
	return status;
}
