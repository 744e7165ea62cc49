// SPDX-License-Identifier: Apache-2.0
/* What may be asked: which faults there are, and in what state a host or a server is. */
#include <string.h>

#include "inspector/north_private.h"

#define STATE_FAULTS_MAX 1000 /* of one host or server */

/* ---------------------------------------------------------------- query parameters */

static bool read_severity(struct dr_http_exchange *x, enum ins_severity *ret)
{
	const char *text = dr_http_query(x, "severity");

	if (!text || ins_severity_parse(text, ret))
		return true;
	north_refuse(x, 400, "severity", "must be info, warning or critical");
	return false;
}

static bool read_state(struct dr_http_exchange *x, bool *ret_all)
{
	const char *text = dr_http_query(x, "state");

	*ret_all = text && !strcmp(text, "all");
	if (!text || *ret_all || !strcmp(text, "open"))
		return true;
	north_refuse(x, 400, "state", "must be open or all");
	return false;
}

static bool read_since(struct dr_http_exchange *x, struct dr_wall *ret)
{
	const char *text = dr_http_query(x, "since");
	bool zoned = true;

	if (!text || (!dr_wall_parse(text, ret, &zoned) && zoned))
		return true;
	north_refuse(x, 400, "since", "is no ISO 8601 time with a zone, such as 2026-11-22T18:00:00Z");
	return false;
}

/* ---------------------------------------------------------------- faults */

static bool is_asked_for(const struct ins_fault *f, const struct ins_fault_server *s, const void *userdata)
{
	const struct north_query *q = userdata;

	return (!q->server || !strcmp(q->server, s->id)) && (!q->project || !strcmp(q->project, s->project));
}

struct dr_json *north_fault_json(const struct ins_fault *f, ins_server_wanted_fn wanted, const void *userdata)
{
	struct dr_json *o = ins_fault_json(f);

	dr_json_add(o, "virtual_resource_info", ins_fault_servers_json(f, wanted, userdata));
	return o;
}

struct page {
	const struct north_query *query;
	struct dr_json *list;
	unsigned limit;
	char last[INS_FAULT_ID_MAX];
	bool more;
};

static int add_fault(const struct ins_fault *f, void *userdata)
{
	struct page *p = userdata;

	if (dr_json_size(p->list) == p->limit) {
		p->more = true;
		return 0;
	}
	memcpy(p->last, f->id, sizeof(p->last));
	dr_json_push(p->list, north_fault_json(f, is_asked_for, p->query));
	return 0;
}

void north_get_faults(struct ins_north *n, struct dr_http_exchange *x, const char *unused)
{
	static const char *const names[] = { "host",  "server", "project", "type",  "severity",
					     "state", "since",	"marker",  "limit", NULL };
	struct north_query q = {
		.host = dr_http_query(x, "host"),
		.server = dr_http_query(x, "server"),
		.project = dr_http_query(x, "project"),
		.type = dr_http_query(x, "type"),
		.marker = dr_http_query(x, "marker"),
	};
	DR_AUTO_JSON struct dr_json *body = NULL;
	struct page page = { .query = &q };
	int r;

	if (!north_has_only(x, names) || !read_severity(x, &q.severity) || !read_state(x, &q.all) ||
	    !read_since(x, &q.since) || !north_read_limit(x, &page.limit))
		return;
	q.limit = page.limit + 1;
	body = dr_json_object();
	page.list = dr_json_add_array(body, "faults");
	r = north_store_query(n->store, &q, add_fault, &page);
	if (r) {
		north_fail(x, r);
		return;
	}
	if (page.more)
		dr_json_add_str(body, "next", page.last);
	dr_http_reply_json(x, 200, DR_TAKE_PTR(body));
}

void north_get_fault(struct ins_north *n, struct dr_http_exchange *x, const char *id)
{
	DR_AUTO(ins_fault_done) struct ins_fault f = {};
	int r = north_store_fault(n->store, id, &f);

	if (r < 0)
		north_fail(x, r);
	else if (r)
		north_refuse(x, 404, NULL, "there is no fault %s", id);
	else
		dr_http_reply_json(x, 200, north_fault_json(&f, NULL, NULL));
}

/* ---------------------------------------------------------------- states */

struct state {
	bool host; /* else it is of a server */
	const char *state;
	struct dr_wall changed;
	struct dr_json *faults; /* the open ones */
};

static unsigned rank(const char *state)
{
	static const char *const ranks[] = { "normal", "error", "down" };
	unsigned i = 0;

	while (i < DR_ARRAY_SIZE(ranks) - 1 && strcmp(ranks[i], state))
		i++;
	return i;
}

static int add_state(const struct ins_fault *f, void *userdata)
{
	struct state *s = userdata;
	const char *state = s->host ? ins_fault_host_state(f) : ins_fault_server_state(f);

	if (!s->state || rank(state) > rank(s->state))
		s->state = state;
	if (f->changed.ns > s->changed.ns)
		s->changed = f->changed;
	if (f->state != INS_ENDED)
		dr_json_push(s->faults, ins_fault_json(f));
	return 0;
}

/* Takes s->faults. */
static void reply_state(struct dr_http_exchange *x, struct state *s, const char *id)
{
	struct dr_json *body = dr_json_object(), *o;
	char text[DR_TIME_STR_MAX];

	o = dr_json_push_object(
		dr_json_add_array(body, s->host ? "physical_resource_info" : "virtual_resource_info"));
	dr_json_add_str(o, s->host ? "physical_resource_id" : "virtual_resource_id", id);
	dr_json_add_str(o, s->host ? "physical_resource_type" : "virtual_resource_type",
			s->host ? "compute.host" : "server");
	dr_json_add_str(o, s->host ? "physical_resource_state" : "virtual_resource_state", s->state);
	dr_json_add_str(o, "changed_time", s->changed.ns ? dr_wall_format(s->changed, text) : NULL);
	dr_json_add(o, "faults", DR_TAKE_PTR(s->faults));
	dr_http_reply_json(x, 200, body);
}

/* What an open fault says; else what is known beside the faults; else, where nothing is, what there was. */
static const char *decide_state(const struct ins_north *n, const struct state *s, const char *id)
{
	const char *known;

	if ((s->state && rank(s->state)) || !n->hooks.resource_state)
		return s->state;
	known = n->hooks.resource_state(s->host ? "compute.host" : "server", id, n->hooks.userdata);
	return known || !dr_json_size(s->faults) ? known : s->state;
}

void north_get_state(struct ins_north *n, struct dr_http_exchange *x, const char *unused)
{
	static const char *const names[] = { "host", "server", NULL };
	struct north_query q = { .host = dr_http_query(x, "host"),
				 .server = dr_http_query(x, "server"),
				 .limit = STATE_FAULTS_MAX };
	DR_AUTO_JSON struct dr_json *faults = dr_json_array();
	struct state s = { .host = q.host, .faults = faults };
	const char *id = q.host ? q.host : q.server;
	int r;

	if (!north_has_only(x, names))
		return;
	if (!q.host == !q.server) {
		north_refuse(x, 400, q.host ? "server" : "host", "either host or server must be there");
		return;
	}
	r = north_store_query(n->store, &q, add_state, &s);
	if (!r && !s.state) {
		q.all = true;
		r = north_store_query(n->store, &q, add_state, &s);
	}
	if (r) {
		north_fail(x, r);
		return;
	}
	s.state = decide_state(n, &s, id);
	if (!s.state) {
		north_refuse(x, 404, q.host ? "host" : "server", "no such is known: %.256s", id);
		return;
	}
	faults = NULL;
	reply_state(x, &s, id);
}
