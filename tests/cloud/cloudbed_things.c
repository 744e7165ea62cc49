/* SPDX-License-Identifier: Apache-2.0 */
/* What the cases make in the cloud, and undo. */
#include "tests/cloud/cloudbed.h"

const char *cb_made(struct cb *b, const char *service, const char *path, const char *id)
{
	struct cb_made *m = &b->made[b->made_count];

	assert_true(b->made_count < CB_MADE_MAX);
	m->service = service;
	m->path = path;
	cb_copy(m->id, sizeof(m->id), id);
	b->made_count++;
	return m->id;
}

/* ---------------------------------------------------------------- undoing */

static void delete_made(struct cb *b, const struct cb_made *m)
{
	CB_ANSWER a = cb_call(b, CB_ADMIN, m->service, "DELETE", 0, cb_format("%s/%s", m->path, m->id), NULL);

	if (a.status != 204 && a.status != 200 && a.status != 404)
		print_error("left behind: %s %s/%s, status %u\n", m->service, m->path, m->id, a.status);
}

static void restore_service(struct cb *b, const struct cb_touched *t)
{
	CB_ANSWER a =
		cb_call(b, CB_ADMIN, "compute", "PUT", CB_LATEST, cb_format("/os-services/%s", t->id),
			cb_format("{\"forced_down\":%s,\"status\":\"%s\"}", t->forced_down ? "true" : "false",
				  t->disabled ? "disabled" : "enabled"));

	if (a.status != 200)
		print_error("left behind: host %s, status %u\n", t->host, a.status);
}

void cb_forget_posts(struct cb *b)
{
	while (b->post_count)
		dr_json_free(b->posts[--b->post_count].body);
}

int cb_tidy(void **state)
{
	struct cb *b = *state;
	size_t kept = 0;

	while (b->touched_count)
		restore_service(b, &b->touched[--b->touched_count]);
	for (size_t i = 0; i < b->made_count; i++) {
		if (!b->made[i].kept)
			delete_made(b, &b->made[i]);
	}
	for (size_t i = 0; i < b->made_count; i++) {
		if (b->made[i].kept)
			b->made[kept++] = b->made[i];
		else if (!strcmp(b->made[i].path, "/servers"))
			cb_wait_gone(b, b->made[i].id);
	}
	b->made_count = kept;
	cb_forget_posts(b);
	return 0;
}

/* ---------------------------------------------------------------- servers */

const char *cb_boot(struct cb *b, const char *name, const char *host, bool networked)
{
	const char *networks = networked ? cb_format("[{\"uuid\":\"%s\"}]", b->network_id) : "\"none\"";
	const char *destination = host ? cb_format(",\"host\":\"%s\"", host) : "";
	CB_ANSWER a =
		cb_call(b, CB_DOCTOR, "compute", "POST", CB_LATEST, "/servers",
			cb_format("{\"server\":{\"name\":\"%s\",\"flavorRef\":\"1\",\"imageRef\":\"%s\","
				  "\"networks\":%s%s}}",
				  name, b->image_id, networks, destination));

	cb_assert_status(a, 202);
	return cb_made(b, "compute", "/servers", cb_text(&a, "server.id"));
}

void cb_wait_status(struct cb *b, const char *server_id, const char *status)
{
	struct dr_mono end = { 0 };

	for (;;) {
		CB_ANSWER a = cb_call(b, CB_ADMIN, "compute", "GET", CB_LATEST,
				      cb_format("/servers/%s", server_id), NULL);

		cb_assert_status(a, 200);
		if (!strcmp(cb_text(&a, "server.status"), status))
			return;
		if (!strcmp(cb_text(&a, "server.status"), "ERROR"))
			fail_msg("server in ERROR: %s", cb_text(&a, "server.fault.message"));
		cb_turn(b, &end, "a server's status");
	}
}

void cb_wait_gone(struct cb *b, const char *server_id)
{
	struct dr_mono end = { 0 };

	for (;;) {
		CB_ANSWER a =
			cb_call(b, CB_ADMIN, "compute", "GET", 0, cb_format("/servers/%s", server_id), NULL);

		if (a.status == 404)
			return;
		cb_turn(b, &end, "a server's end");
	}
}

void cb_reset_state(struct cb *b, const char *server_id, const char *state)
{
	CB_ANSWER a = cb_call(b, CB_ADMIN, "compute", "POST", CB_LATEST,
			      cb_format("/servers/%s/action", server_id),
			      cb_format("{\"os-resetState\":{\"state\":\"%s\"}}", state));

	cb_assert_status(a, 202);
	assert_int_equal(a.http.body.len, 0);
}

/* ---------------------------------------------------------------- services */

const char *cb_service_id(struct cb *b, const char *host)
{
	CB_ANSWER a = cb_call(b, CB_ADMIN, "compute", "GET", CB_LATEST,
			      cb_format("/os-services?binary=nova-compute&host=%s", host), NULL);

	cb_assert_status(a, 200);
	return cb_format("%s", cb_text(&a, "services.0.id"));
}

void cb_touch(struct cb *b, const char *host)
{
	struct cb_touched *t = &b->touched[b->touched_count];
	CB_ANSWER a = { 0 };

	for (size_t i = 0; i < b->touched_count; i++) {
		if (!strcmp(b->touched[i].host, host))
			return;
	}
	assert_true(b->touched_count < DR_ARRAY_SIZE(b->touched));
	a = cb_call(b, CB_ADMIN, "compute", "GET", CB_LATEST,
		    cb_format("/os-services?binary=nova-compute&host=%s", host), NULL);
	cb_assert_status(a, 200);
	cb_copy(t->host, sizeof(t->host), host);
	cb_copy(t->id, sizeof(t->id), cb_text(&a, "services.0.id"));
	t->forced_down = cb_flag(&a, "services.0.forced_down");
	t->disabled = !strcmp(cb_text(&a, "services.0.status"), "disabled");
	b->touched_count++;
}

void cb_force_down(struct cb *b, const char *host, bool down)
{
	CB_ANSWER a = { 0 };

	cb_touch(b, host);
	a = cb_call(b, CB_ADMIN, "compute", "PUT", CB_LATEST,
		    cb_format("/os-services/%s", cb_service_id(b, host)),
		    down ? "{\"forced_down\":true}" : "{\"forced_down\":false}");
	cb_assert_status(a, 200);
}

/* ---------------------------------------------------------------- alarms */

const char *cb_alarm_url(struct cb *b)
{
	return cb_format("http://127.0.0.1:%u/failure", dr_http_server_port(b->server));
}

const char *cb_alarm_create(struct cb *b, const char *server_id, const char *more)
{
	CB_ANSWER a = cb_call(
		b, CB_DOCTOR, "alarming", "POST", 0, "/v2/alarms",
		cb_format("{\"name\":\"conformance\",\"type\":\"event\",\"event_rule\":{\"event_type\":"
			  "\"compute.instance.update\",\"query\":[{\"field\":\"traits.instance_id\","
			  "\"op\":\"eq\",\"type\":\"\",\"value\":\"%s\"},{\"field\":\"traits.state\","
			  "\"op\":\"eq\",\"type\":\"\",\"value\":\"error\"}]},\"alarm_actions\":[\"%s\"]%s}",
			  server_id, cb_alarm_url(b), more));

	cb_assert_status(a, 201);
	return cb_made(b, "alarming", "/v2/alarms", cb_text(&a, "alarm_id"));
}

const struct cb_alarm_post *cb_wait_post(struct cb *b, size_t n)
{
	struct dr_mono end = { 0 };

	while (b->post_count <= n)
		cb_turn(b, &end, "an alarm");
	return &b->posts[n];
}
