// SPDX-License-Identifier: Apache-2.0
#include "tests/unit/north_world.h"

#include "doctor/hmac.h"

static const char *const steps[] = { ins_north_schema };

/* ---------------------------------------------------------------- the subscriber */

static bool is_signed(struct dr_http_exchange *x)
{
	const char *signature = dr_http_header(x, "X-Doctor-Signature");
	char hex[DR_HMAC_HEX];
	size_t len;
	const char *body = dr_http_body(x, &len);

	assert_int_equal(dr_hmac_sha256(SECRET, strlen(SECRET), body, len, hex), 0);
	return signature && !strncmp(signature, "sha256=", 7) && !strcmp(signature + 7, hex);
}

static void hear(struct north_world *w, struct dr_http_exchange *x)
{
	struct heard *h = &w->heard[w->heard_count++];
	size_t len;
	const char *body = dr_http_body(x, &len);

	assert_in_range(w->heard_count, 1, HEARD_MAX);
	assert_string_equal(dr_http_method(x), "POST");
	assert_string_equal(dr_http_header(x, "Content-Type"), "application/json");
	assert_int_equal(dr_json_parse(body, len, &h->body, NULL), 0);
	h->fault = dr_json_str(dr_json_path(h->body, "fault.fault_id"));
	h->state = dr_json_str(dr_json_path(h->body, "fault.state"));
	snprintf(h->path, sizeof(h->path), "%s", dr_http_path(x));
	snprintf(h->id, sizeof(h->id), "%s", dr_json_get_str(h->body, "notification_id"));
	h->signed_well = is_signed(x);
}

static bool begins(const char *path, const char *with)
{
	return with && !strncmp(path, with, strlen(with));
}

static void on_webhook(struct dr_http_exchange *x, void *userdata)
{
	struct north_world *w = userdata;
	unsigned status = w->status;
	DR_AUTO_FREE char *text = calloc(1, w->huge + 1);

	assert_non_null(text);
	hear(w, x);
	if (w->dice)
		status = (const unsigned[]){ 200, 202, 500 }[random() % 3];
	if (begins(dr_http_path(x), w->fails) ||
	    (w->poison && !strcmp(w->poison, w->heard[w->heard_count - 1].fault)))
		status = 500;
	if (!status || begins(dr_http_path(x), w->hangs)) {
		assert_in_range(w->waiting_count, 0, DR_ARRAY_SIZE(w->waiting) - 1);
		w->waiting[w->waiting_count++] = x;
		dr_http_defer(x);
		return;
	}
	if (w->location)
		dr_http_set_header(x, "Location", w->location);
	memset(text, '{', w->huge); /* no JSON, and nobody reads it */
	dr_http_reply(x, status, "application/json", text, w->huge);
}

unsigned north_heard(const struct north_world *w, const char *path, const char *fault, const char *state)
{
	unsigned count = 0;

	for (unsigned i = 0; i < w->heard_count; i++) {
		const struct heard *h = &w->heard[i];

		count += (!path || !strcmp(path, h->path)) && (!fault || !strcmp(fault, h->fault)) &&
			 (!state || !strcmp(state, h->state));
	}
	return count;
}

/* ---------------------------------------------------------------- the inspector's side */

static void after_commit(void (*fn)(void *arg), void *arg, void *userdata)
{
	struct north_world *w = userdata;

	assert_null(w->committed);
	if (!w->held) {
		fn(arg);
		return;
	}
	w->committed = fn;
	w->committed_arg = arg;
}

static const char *resource_state(const char *type, const char *id, void *userdata)
{
	const struct north_world *w = userdata;

	return w->known;
}

void north_commit(struct north_world *w)
{
	void (*fn)(void *arg) = w->committed;

	assert_non_null(fn);
	w->committed = NULL;
	fn(w->committed_arg);
}

static void on_request(struct dr_http_exchange *x, void *userdata)
{
	struct north_world *w = userdata;

	if (!ins_north_handle(w->north, x))
		dr_http_reply_error(x, 404, "none of its paths");
}

static void start(struct north_world *w)
{
	const struct ins_north_hooks hooks = { .after_commit = after_commit,
					       .resource_state = resource_state,
					       .userdata = w };
	char *why = NULL;

	if (dr_store_open(w->path, steps, DR_ARRAY_SIZE(steps), &w->store, &why))
		fail_msg("%s", why);
	assert_int_equal(ins_north_new(w->loop, w->store, &w->conf, &hooks, &w->north), 0);
	assert_int_equal(dr_http_server_new(w->loop, NULL, on_request, w, &w->server), 0);
}

static void end(struct north_world *w)
{
	ins_north_stop(w->north);
	dr_http_server_free(w->server);
	ins_north_free(w->north);
	dr_store_free(w->store);
	w->committed = NULL;
}

void north_restart(struct north_world *w)
{
	end(w);
	start(w);
}

int north_world_setup(void **state)
{
	struct north_world *w = calloc(1, sizeof(*w));
	DR_AUTO(dr_conf_freep) struct dr_conf *f = NULL;
	static const char conf[] = "northbound: {timeout: 10s, retry: {pause: 10ms, pause_max: 40ms, "
				   "acknowledge: 50ms, attempts: 100000}}";

	assert_non_null(w);
	*state = w;
	assert_int_equal(dr_conf_parse("t", conf, strlen(conf), &f), 0);
	assert_int_equal(ins_north_conf_read(f, dr_conf_root(f), &w->conf), 0);
	assert_int_equal(dr_conf_error_count(f), 0);
	strcpy(w->dir, "/tmp/doctor-north-XXXXXX");
	assert_non_null(mkdtemp(w->dir));
	snprintf(w->path, sizeof(w->path), "%s/db", w->dir);
	w->status = 204;
	assert_int_equal(dr_loop_new(&w->loop), 0);
	assert_int_equal(dr_http_server_new(w->loop, NULL, on_webhook, w, &w->subscriber), 0);
	assert_int_equal(dr_http_client_new(w->loop, &(struct dr_http_client_opts){}, &w->http), 0);
	start(w);
	return 0;
}

int north_world_teardown(void **state)
{
	static const char *const endings[] = { "", "-wal", "-shm", "-journal" };
	struct north_world *w = *state;
	char path[96];

	end(w);
	dr_http_client_free(w->http);
	dr_http_server_free(w->subscriber);
	for (unsigned i = 0; i < w->heard_count; i++)
		dr_json_free(w->heard[i].body);
	dr_json_free(w->answer);
	dr_loop_free(w->loop);
	ins_north_conf_done(&w->conf);
	for (size_t i = 0; i < DR_ARRAY_SIZE(endings); i++) {
		snprintf(path, sizeof(path), "%s%s", w->path, endings[i]);
		unlink(path);
	}
	rmdir(w->dir);
	free(w);
	return 0;
}

void north_turn(struct north_world *w, struct dr_dur time)
{
	struct dr_mono end_of = dr_mono_add(dr_mono_now(), time);

	while (dr_mono_now().ns < end_of.ns)
		assert_true(dr_loop_run_once(w->loop, dr_msec(5)) >= 0);
}

int64_t north_rows(struct north_world *w, const char *table)
{
	DR_AUTO(dr_query_freep) struct dr_query *q = NULL;
	char sql[96];
	int64_t n;

	snprintf(sql, sizeof(sql), "SELECT count(*) FROM %s", table);
	assert_int_equal(dr_query_new(w->store, sql, &q), 0);
	assert_int_equal(dr_query_step(q), 1);
	n = dr_query_int(q, 0);
	dr_query_reset(q);
	return n;
}

/* ---------------------------------------------------------------- requests */

static void on_answer(const struct dr_http_response *r, void *userdata)
{
	struct north_world *w = userdata;

	assert_int_equal(r->error, 0);
	w->answered = r->status;
	snprintf(w->answer_text, sizeof(w->answer_text), "%s", dr_buf_str(&r->body));
	dr_json_free(w->answer);
	w->answer = NULL;
	assert_int_equal(dr_json_parse(dr_buf_str(&r->body), r->body.len, &w->answer, NULL), 0);
}

void north_ask(struct north_world *w, const char *method, const char *path, const char *body, unsigned status)
{
	char url[2200];
	const struct dr_http_request request = {
		.method = method, .url = url, .body = body, .body_len = body ? strlen(body) : 0
	};

	snprintf(url, sizeof(url), "http://127.0.0.1:%u%s", dr_http_server_port(w->server), path);
	w->answered = 0;
	assert_int_equal(dr_http_send(w->http, &request, on_answer, w), 0);
	north_wait(w, w->answered);
	if (w->answered != status)
		fail_msg("%s %s %s: %u, not %u: %s", method, path, body ? body : "", w->answered, status,
			 w->answer_text);
}

void north_subscribe(struct north_world *w, const char *path, const char *filter, char id[64])
{
	char body[2048];

	snprintf(body, sizeof(body),
		 "{\"callback\": \"http://127.0.0.1:%u%s\", \"secret\": \"" SECRET "\", \"filter\": %s}",
		 dr_http_server_port(w->subscriber), path, filter ? filter : "null");
	north_ask(w, "POST", "/v1/subscriptions", body, 201);
	snprintf(id, 64, "%s", dr_json_get_str(w->answer, "subscription_id"));
}

/* ---------------------------------------------------------------- faults */

static void tell(struct north_world *w, const struct ins_fault *start_of, unsigned servers)
{
	DR_AUTO(ins_fault_done) struct ins_fault f = *start_of;
	char id[64];

	for (unsigned i = 1; i <= servers; i++) {
		snprintf(id, sizeof(id), "%.40s-%u", f.host, i);
		assert_int_equal(ins_fault_add_server(&f, id, i % 2 ? "p1" : "p2"), 0);
	}
	assert_int_equal(ins_north_fault(w->north, &f), 0);
}

static struct ins_fault fault(const char *id, const char *host)
{
	struct ins_fault f = { .type = "compute.host.down",
			       .severity = INS_CRITICAL,
			       .raised.ns = 1000 * DR_NSEC_PER_SEC,
			       .cause = "no answer" };

	snprintf(f.id, sizeof(f.id), "%s", id);
	snprintf(f.host, sizeof(f.host), "%s", host);
	return f;
}

void north_raise(struct north_world *w, const char *id, const char *host, unsigned servers)
{
	struct ins_fault f = fault(id, host);

	tell(w, &f, servers);
}

void north_change(struct north_world *w, const char *id, const char *host, unsigned servers, int64_t when)
{
	struct ins_fault f = fault(id, host);

	f.state = INS_CHANGED;
	f.changed.ns = when * DR_NSEC_PER_SEC;
	snprintf(f.cause, sizeof(f.cause), "no answer, as of %lld", (long long)f.changed.ns);
	tell(w, &f, servers);
}

void north_clear(struct north_world *w, const char *id, const char *host, unsigned servers)
{
	struct ins_fault f = fault(id, host);

	f.state = INS_ENDED;
	f.cleared.ns = 2000 * DR_NSEC_PER_SEC;
	tell(w, &f, servers);
}
