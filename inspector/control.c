// SPDX-License-Identifier: Apache-2.0
#include <string.h>

#include "inspector/control.h"

/* Answers 405 unless the method is this one of those that are allowed. */
static bool has_method(struct dr_http_exchange *x, const char *method, const char *allowed)
{
	if (!strcmp(dr_http_method(x), method))
		return true;
	dr_http_set_header(x, "Allow", allowed);
	dr_http_reply_error(x, 405, "%s takes %s", dr_http_path(x), allowed);
	return false;
}

/* What was ordered is in the journal before it is acknowledged. */
struct answer {
	struct ins_barrier barrier;
	struct dr_http_exchange *x;
	struct dr_json *body;
	unsigned status;
};

static void on_durable(struct ins_barrier *b, int error)
{
	DR_AUTO_FREE struct answer *a = (struct answer *)b;

	if (error) /* the server has ended, and its exchanges with it */
		dr_json_free(a->body);
	else
		dr_http_reply_json(a->x, a->status, a->body);
}

static void reply_durably(struct dr_http_exchange *x, struct ins_inspector *s, unsigned status,
			  struct dr_json *body)
{
	struct answer *a = calloc(1, sizeof(*a));

	if (!a) {
		dr_json_free(body);
		dr_http_reply_error(x, 503, "out of memory: it is done, and may be asked for");
		return;
	}
	*a = (struct answer){ .barrier.fn = on_durable, .x = x, .body = body, .status = status };
	dr_http_defer(x);
	ins_journal_barrier(ins_inspector_journal(s), &a->barrier);
}

/* ---------------------------------------------------------------- incidents */

static void release(struct dr_http_exchange *x, struct ins_inspector *s, const char *id)
{
	const char *state = NULL;
	struct dr_json *o;

	switch (ins_inspector_release(s, id, dr_http_user(x), &state)) {
	case 0:
		o = dr_json_object();
		dr_json_add_str(o, "id", id);
		dr_json_add_bool(o, "released", true);
		reply_durably(x, s, 202, o);
		break;
	case 1:
		dr_http_reply_error(x, 404, "there is no incident %s", id);
		break;
	default:
		dr_http_reply_error(x, 409, "incident %s is not held, it is %s", id, state);
	}
}

static void get_incident(struct dr_http_exchange *x, struct ins_inspector *s, const char *id)
{
	struct dr_json *o = NULL;

	if (ins_inspector_incident(s, id, &o))
		dr_http_reply_error(x, 404, "there is no incident %s", id);
	else
		dr_http_reply_json(x, 200, o);
}

/* ---------------------------------------------------------------- hosts */

static void get_host(struct dr_http_exchange *x, struct ins_inspector *s, const char *host)
{
	struct dr_json *o = NULL;
	char why[384];

	if (ins_inspector_host(s, host, &o, why))
		dr_http_reply_error(x, 404, "%s", why);
	else
		dr_http_reply_json(x, 200, o);
}

/* ---------------------------------------------------------------- maintenance */

static void get_maintenance(struct dr_http_exchange *x, struct ins_inspector *s)
{
	dr_http_reply_json(x, 200, ins_inspector_maintenance(s));
}

static void put_maintenance(struct dr_http_exchange *x, struct ins_inspector *s, const char *host)
{
	struct ins_upkeep u = {};
	char bad[256], why[384], text[DR_TIME_STR_MAX];
	struct dr_json *o;
	size_t len;
	const char *body = dr_http_body(x, &len);
	int r = ins_maintenance_parse(body, len, dr_mono_now(), dr_wall_now(), &u, bad);

	if (r == 1) {
		dr_http_reply_error(x, 400, "%s", bad);
		return;
	}
	if (!r)
		r = ins_inspector_maintain(s, host, &u, dr_http_user(x), why);
	if (r == 1) {
		dr_http_reply_error(x, 404, "%s", why);
	} else if (r) {
		dr_http_reply_error(x, 503, "%s",
				    r == -ENOSPC ? "too many hosts are in maintenance" : strerror(-r));
	} else {
		o = dr_json_object();
		dr_json_add_str(o, "host", u.host);
		dr_json_add_str(o, "until", dr_wall_format(u.until_wall, text));
		reply_durably(x, s, 200, o);
	}
}

static void delete_maintenance(struct dr_http_exchange *x, struct ins_inspector *s, const char *host)
{
	char why[384];
	struct dr_json *o;

	if (ins_inspector_maintained(s, host, false, dr_http_user(x), why)) {
		dr_http_reply_error(x, 404, "%s", why);
		return;
	}
	o = dr_json_object();
	dr_json_add_str(o, "host", host);
	reply_durably(x, s, 200, o);
}

static void maintenance_of(struct dr_http_exchange *x, struct ins_inspector *s, const char *host)
{
	if (!strcmp(dr_http_method(x), "DELETE"))
		delete_maintenance(x, s, host);
	else if (has_method(x, "PUT", "PUT, DELETE"))
		put_maintenance(x, s, host);
}

/* ---------------------------------------------------------------- routes */

/* "PREFIX WHAT SUFFIX": WHAT, of one segment, into buf; false: the path is another. */
static bool segment(const char *path, const char *prefix, const char *suffix, char buf[256])
{
	size_t len = strlen(prefix), rest;
	const char *end;

	if (strncmp(path, prefix, len))
		return false;
	path += len;
	end = strchrnul(path, '/');
	rest = (size_t)(end - path);
	if (!rest || rest >= 256 || strcmp(end, suffix))
		return false;
	memcpy(buf, path, rest);
	buf[rest] = '\0';
	return true;
}

bool ins_control(struct dr_http_exchange *x, struct ins_inspector *s)
{
	char what[256];

	if (segment(dr_http_path(x), "/v1/incidents/", "/release", what)) {
		if (has_method(x, "POST", "POST"))
			release(x, s, what);
		return true;
	}
	if (segment(dr_http_path(x), "/v1/incidents/", "", what)) {
		if (has_method(x, "GET", "GET"))
			get_incident(x, s, what);
		return true;
	}
	if (segment(dr_http_path(x), "/v1/hosts/", "", what)) {
		if (has_method(x, "GET", "GET"))
			get_host(x, s, what);
		return true;
	}
	if (!strcmp(dr_http_path(x), "/v1/hosts")) {
		if (has_method(x, "GET", "GET"))
			dr_http_reply_json(x, 200, ins_inspector_hosts(s));
		return true;
	}
	if (segment(dr_http_path(x), "/v1/maintenance/", "", what)) {
		maintenance_of(x, s, what);
		return true;
	}
	if (!strcmp(dr_http_path(x), "/v1/maintenance")) {
		if (has_method(x, "GET", "GET"))
			get_maintenance(x, s);
		return true;
	}
	return false;
}
