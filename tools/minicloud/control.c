/* SPDX-License-Identifier: Apache-2.0 */
/* /minicloud: how it is made to fail, what it was asked for, and what hypervisors see. */
#include <string.h>

#include "tools/minicloud/cloud.h"

static void error(struct mc_req *q, unsigned status, const char *message)
{
	struct dr_json *body = dr_json_object(), *e = dr_json_add_object(body, "error");

	dr_json_add_int(e, "code", status);
	dr_json_add_str(e, "message", message ? message : mc_status_title(status));
	mc_reply(q, status, body);
}

static void no_route(struct mc_req *q, bool path_known)
{
	mc_fail(q, path_known ? 405 : 404, "see tools/minicloud/README.md");
}

/* ---- faults ---- */

static void post_fault(struct mc_req *q)
{
	struct mc_fails *f = &q->cloud->fails;
	const char *why = "";

	switch (mc_fails_add_json(f, q->body, &why)) {
	case 0:
		mc_reply(q, 201, mc_fail_json(&f->items[f->count - 1]));
		break;
	case -ENOSPC:
		mc_fail(q, 409, "there are %d faults, as many as there may be", MC_FAILS_MAX);
		break;
	default:
		mc_fail(q, 400, "%s", why);
		break;
	}
}

static void get_faults(struct mc_req *q)
{
	struct dr_json *body = dr_json_object(), *list = dr_json_add_array(body, "faults");

	for (size_t i = 0; i < q->cloud->fails.count; i++)
		dr_json_push(list, mc_fail_json(&q->cloud->fails.items[i]));
	mc_reply(q, 200, body);
}

static void delete_faults(struct mc_req *q)
{
	q->cloud->fails.count = 0;
	mc_reply_empty(q, 204);
}

/* ---- requests ---- */

static void get_requests(struct mc_req *q)
{
	uint64_t after = 0;

	if (mc_query_number(q, "after", &after) < 0)
		mc_fail(q, 400, "after is the number of a request");
	else
		mc_reply(q, 200, mc_records_json(&q->cloud->records, after));
}

static void delete_requests(struct mc_req *q)
{
	mc_records_clear(&q->cloud->records);
	mc_reply_empty(q, 204);
}

/* ---- hosts and servers ---- */

/* The one boolean that may be set; false: answered. */
static bool read_flag(struct mc_req *q, const char *key, bool *ret)
{
	const struct dr_json *v = dr_json_get(q->body, key);

	if (dr_json_size(q->body) != 1 || !dr_json_is_bool(v)) {
		mc_fail(q, 400, "wanted is {\"%s\": true or false}", key);
		return false;
	}
	*ret = dr_json_get_bool(q->body, key, false);
	return true;
}

static void put_host(struct mc_req *q)
{
	struct mc_host *h = mc_host_by_name(&q->cloud->model, q->arg[0]);

	if (!h)
		mc_fail(q, 404, "there is no host %s", q->arg[0]);
	else if (dr_json_get(q->body, "silent") ? read_flag(q, "silent", &h->service.silent)
						: read_flag(q, "evacuated", &h->evacuated))
		mc_reply_empty(q, 204);
}

static void put_server(struct mc_req *q)
{
	struct mc_server *s = mc_server_find(&q->cloud->model, q->arg[0]);

	if (!s)
		mc_fail(q, 404, "there is no server %s", q->arg[0]);
	else if (read_flag(q, "halted", &s->halted))
		mc_reply_empty(q, 204);
}

static const struct mc_route routes[] = {
	{ "POST", "/faults", post_fault, MC_OPEN | MC_BODY },
	{ "GET", "/faults", get_faults, MC_OPEN },
	{ "DELETE", "/faults", delete_faults, MC_OPEN },
	{ "GET", "/requests", get_requests, MC_OPEN },
	{ "DELETE", "/requests", delete_requests, MC_OPEN },
	{ "PUT", "/hosts/{}", put_host, MC_OPEN | MC_BODY },
	{ "PUT", "/servers/{}", put_server, MC_OPEN | MC_BODY },
};

/* Without a token only an unknown path comes to this. */
static void unauthorized(struct mc_req *q)
{
	no_route(q, false);
}

const struct mc_api mc_control_api = {
	.type = "minicloud",
	.name = "minicloud",
	.prefix = "/minicloud",
	.url = "",
	.routes = routes,
	.route_count = DR_ARRAY_SIZE(routes),
	.error = error,
	.no_route = no_route,
	.unauthorized = unauthorized,
	.auth_uri = "",
	.bad_body = "the body is no JSON object",
};
