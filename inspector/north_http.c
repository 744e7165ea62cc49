// SPDX-License-Identifier: Apache-2.0
/* The routes of the northbound interface; docs/api.md has them for people. */
#include <stdarg.h>
#include <string.h>

#include "doctor/log.h"
#include "inspector/north_private.h"

#define PAGE_DEFAULT 50
#define PAGE_MAX 200
#define STATE_FAULTS_MAX 1000 /* of one host or server */

/* ---------------------------------------------------------------- answers */

static void refuse(struct dr_http_exchange *x, unsigned status, const char *position, const char *fmt, ...)
	DR_PRINTF(4, 5);
static void refuse(struct dr_http_exchange *x, unsigned status, const char *position, const char *fmt, ...)
{
	struct dr_json *body = dr_json_object(), *error = dr_json_add_object(body, "error");
	char reason[512];
	va_list ap;

	va_start(ap, fmt);
	vsnprintf(reason, sizeof(reason), fmt, ap);
	va_end(ap);
	dr_json_add_int(error, "code", status);
	dr_json_add_str(error, "message", reason);
	if (position)
		dr_json_add_str(error, "position", position);
	dr_http_reply_json(x, status, body);
}

/* What the database or the memory has to do with it: nobody's fault who asks. */
static void fail(struct dr_http_exchange *x, int error)
{
	dr_error("northbound: %.16s %.200s: %s", dr_http_method(x), dr_http_path(x), strerror(-error));
	dr_http_set_header(x, "Retry-After", "1");
	refuse(x, 503, NULL, "%s", strerror(-error));
}

/* ---------------------------------------------------------------- query parameters */

/* Answers 400 if there is one that this path does not have, or an empty one. */
static bool has_only(struct dr_http_exchange *x, const char *const names[])
{
	const char *name;

	for (size_t i = 0; (name = dr_http_query_name(x, i)); i++) {
		size_t k = 0;

		while (names[k] && strcmp(names[k], name))
			k++;
		if (!names[k]) {
			refuse(x, 400, name, "is no parameter of %s", dr_http_path(x));
			return false;
		}
		if (!*dr_http_query(x, name)) {
			refuse(x, 400, name, "is empty");
			return false;
		}
	}
	return true;
}

static bool read_limit(struct dr_http_exchange *x, unsigned *ret)
{
	const char *text = dr_http_query(x, "limit");
	char *end = NULL;
	unsigned long n = text && *text >= '0' && *text <= '9' ? strtoul(text, &end, 10) : 0;

	*ret = text ? (unsigned)DR_MIN(n, PAGE_MAX) : PAGE_DEFAULT;
	if (!text || (n > 0 && n <= PAGE_MAX && !*end))
		return true;
	refuse(x, 400, "limit", "must be a number from 1 to %d", PAGE_MAX);
	return false;
}

static bool read_severity(struct dr_http_exchange *x, enum ins_severity *ret)
{
	const char *text = dr_http_query(x, "severity");

	if (!text || ins_severity_parse(text, ret))
		return true;
	refuse(x, 400, "severity", "must be info, warning or critical");
	return false;
}

static bool read_state(struct dr_http_exchange *x, bool *ret_all)
{
	const char *text = dr_http_query(x, "state");

	*ret_all = text && !strcmp(text, "all");
	if (!text || *ret_all || !strcmp(text, "open"))
		return true;
	refuse(x, 400, "state", "must be open or all");
	return false;
}

static bool read_since(struct dr_http_exchange *x, struct dr_wall *ret)
{
	const char *text = dr_http_query(x, "since");
	bool zoned = true;

	if (!text || (!dr_wall_parse(text, ret, &zoned) && zoned))
		return true;
	refuse(x, 400, "since", "is no ISO 8601 time with a zone, such as 2026-11-22T18:00:00Z");
	return false;
}

/* ---------------------------------------------------------------- faults */

static bool is_asked_for(const struct ins_fault *f, const struct ins_fault_server *s, const void *userdata)
{
	const struct north_query *q = userdata;

	return (!q->server || !strcmp(q->server, s->id)) && (!q->project || !strcmp(q->project, s->project));
}

static struct dr_json *fault_and_servers(const struct ins_fault *f, ins_server_wanted_fn wanted,
					 const void *userdata)
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
	dr_json_push(p->list, fault_and_servers(f, is_asked_for, p->query));
	return 0;
}

static void get_faults(struct ins_north *n, struct dr_http_exchange *x, const char *unused)
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

	if (!has_only(x, names) || !read_severity(x, &q.severity) || !read_state(x, &q.all) ||
	    !read_since(x, &q.since) || !read_limit(x, &page.limit))
		return;
	q.limit = page.limit + 1;
	body = dr_json_object();
	page.list = dr_json_add_array(body, "faults");
	r = north_store_query(n->store, &q, add_fault, &page);
	if (r) {
		fail(x, r);
		return;
	}
	if (page.more)
		dr_json_add_str(body, "next", page.last);
	dr_http_reply_json(x, 200, DR_TAKE_PTR(body));
}

static void get_fault(struct ins_north *n, struct dr_http_exchange *x, const char *id)
{
	DR_AUTO(ins_fault_done) struct ins_fault f = {};
	int r = north_store_fault(n->store, id, &f);

	if (r < 0)
		fail(x, r);
	else if (r)
		refuse(x, 404, NULL, "there is no fault %s", id);
	else
		dr_http_reply_json(x, 200, fault_and_servers(&f, NULL, NULL));
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

static void get_state(struct ins_north *n, struct dr_http_exchange *x, const char *unused)
{
	static const char *const names[] = { "host", "server", NULL };
	struct north_query q = { .host = dr_http_query(x, "host"),
				 .server = dr_http_query(x, "server"),
				 .limit = STATE_FAULTS_MAX };
	DR_AUTO_JSON struct dr_json *faults = dr_json_array();
	struct state s = { .host = q.host, .faults = faults };
	const char *id = q.host ? q.host : q.server;
	int r;

	if (!has_only(x, names))
		return;
	if (!q.host == !q.server) {
		refuse(x, 400, q.host ? "server" : "host", "either host or server must be there");
		return;
	}
	r = north_store_query(n->store, &q, add_state, &s);
	if (!r && !s.state) {
		q.all = true;
		r = north_store_query(n->store, &q, add_state, &s);
	}
	if (r) {
		fail(x, r);
		return;
	}
	s.state = decide_state(n, &s, id);
	if (!s.state) {
		refuse(x, 404, q.host ? "host" : "server", "no such is known: %.256s", id);
		return;
	}
	faults = NULL;
	reply_state(x, &s, id);
}

/* ---------------------------------------------------------------- subscriptions */

static struct dr_json *show(const struct north_subscriber *s)
{
	struct dr_json *o = ins_subscription_json(&s->about);

	dr_json_add_int(o, "pending", s->pending);
	dr_json_add_int(o, "acknowledged", (int64_t)s->acknowledged);
	dr_json_add_int(o, "expired", (int64_t)s->expired);
	dr_json_add_str(o, "trouble", s->trouble[0] ? s->trouble : NULL);
	return o;
}

static void get_subscriptions(struct ins_north *n, struct dr_http_exchange *x, const char *unused)
{
	static const char *const names[] = { "marker", "limit", NULL };
	const char *marker = dr_http_query(x, "marker");
	struct dr_json *body, *list;
	unsigned limit;
	size_t i = 0;

	if (!has_only(x, names) || !read_limit(x, &limit))
		return;
	while (marker && i < n->count && strcmp(n->subs[i++]->about.id, marker))
		;
	body = dr_json_object();
	list = dr_json_add_array(body, "subscriptions");
	for (; i < n->count && dr_json_size(list) < limit; i++)
		dr_json_push(list, show(n->subs[i]));
	if (i && i < n->count)
		dr_json_add_str(body, "next", n->subs[i - 1]->about.id);
	dr_http_reply_json(x, 200, body);
}

static void get_subscription(struct ins_north *n, struct dr_http_exchange *x, const char *id)
{
	const struct north_subscriber *s = north_find(n, id);

	if (s)
		dr_http_reply_json(x, 200, show(s));
	else
		refuse(x, 404, NULL, "there is no subscription %s", id);
}

/* SubscribeResponse tells what is wrong with the resources already; later notifications go on from there. */
struct welcome {
	struct ins_north *north;
	struct ins_subscription *to;
	struct dr_json *faults;
};

static int add_open(const struct ins_fault *f, void *userdata)
{
	struct welcome *w = userdata;

	if (!ins_filter_takes(&w->to->filter, f))
		return 0;
	dr_json_push(w->faults, fault_and_servers(f, ins_filter_takes_server, &w->to->filter));
	return north_store_tell(w->north->store, w->to->id, f->id, 0);
}

static int write_subscription(struct welcome *w)
{
	const struct north_query open = { .limit = UINT32_MAX };
	int r = north_store_subscribe(w->north->store, w->to);

	if (!r)
		r = north_store_query(w->north->store, &open, add_open, w);
	return r ? r : north_add_subscriber(w->north, w->to);
}

static int enter(struct ins_north *n, struct ins_subscription *s, struct dr_json **ret)
{
	DR_AUTO_JSON struct dr_json *body = NULL;
	struct welcome w = { .north = n, .to = s };
	int r = dr_uuid_new(s->id);

	if (r)
		return r;
	s->created = dr_wall_now();
	body = ins_subscription_json(s);
	w.faults = dr_json_add_array(body, "faults");
	r = north_store_begin(n->store);
	if (!r)
		r = north_store_end(n->store, write_subscription(&w));
	if (r) {
		if (north_find(n, s->id))
			north_remove_subscriber(n, north_find(n, s->id));
		return r;
	}
	*ret = DR_TAKE_PTR(body);
	return 0;
}

static void post_subscription(struct ins_north *n, struct dr_http_exchange *x, const char *unused)
{
	DR_AUTO(ins_subscription_done) struct ins_subscription s = {};
	struct dr_json *answer = NULL;
	struct ins_refusal why;
	char location[64];
	size_t len;
	const char *body = dr_http_body(x, &len);
	int r;

	if (n->count >= n->conf->subscriptions) {
		refuse(x, 503, NULL, "there are %zu subscriptions, as many as may be", n->count);
		return;
	}
	r = ins_subscription_parse(body, len, &n->conf->callbacks, &s, &why);
	if (r == 1) {
		refuse(x, 400, why.position, "%s", why.reason);
		return;
	}
	if (!r)
		r = enter(n, &s, &answer);
	if (r) {
		fail(x, r);
		return;
	}
	dr_info("northbound: subscribed subscription=%s peer=%s", s.id, dr_http_peer(x));
	snprintf(location, sizeof(location), "/v1/subscriptions/%s", s.id);
	dr_http_set_header(x, "Location", location);
	north_reply_later(n, x, 201, answer);
}

static void delete_subscription(struct ins_north *n, struct dr_http_exchange *x, const char *id)
{
	struct north_subscriber *s = north_find(n, id);
	struct dr_json *o;
	int r;

	if (!s) {
		refuse(x, 404, NULL, "there is no subscription %s", id);
		return;
	}
	r = north_store_unsubscribe(n->store, id);
	if (r) {
		fail(x, r);
		return;
	}
	dr_info("northbound: subscription ended subscription=%s pending=%u peer=%s", id, s->pending,
		dr_http_peer(x));
	north_remove_subscriber(n, s);
	o = dr_json_object();
	dr_json_add_str(o, "subscription_id", id);
	north_reply_later(n, x, 200, o);
}

/* ---------------------------------------------------------------- notifications */

static struct north_note *find_note(const struct ins_north *n, const char *id)
{
	for (size_t i = 0; i < n->count; i++)
		for (struct north_note *note = n->subs[i]->first; note; note = note->next)
			if (!strcmp(note->id, id))
				return note;
	return NULL;
}

/* Acknowledged before, or never sent: either way there is nothing left to acknowledge. */
static void acknowledge(struct ins_north *n, struct dr_http_exchange *x, const char *id)
{
	struct north_note *note = find_note(n, id);
	struct dr_json *o;
	int r;

	if (!note) {
		refuse(x, 404, NULL, "no notification %s waits to be acknowledged", id);
		return;
	}
	r = north_acknowledge(note);
	if (r) {
		fail(x, r);
		return;
	}
	o = dr_json_object();
	dr_json_add_str(o, "notification_id", id);
	dr_json_add_bool(o, "acknowledged", true);
	north_reply_later(n, x, 200, o);
}

/* ---------------------------------------------------------------- routes */

/* "PREFIX ID SUFFIX": the ID, of one segment, into buf. */
static bool path_fits(const char *path, const char *prefix, const char *suffix, char buf[INS_FAULT_ID_MAX])
{
	size_t before = strlen(prefix), len;

	if (strncmp(path, prefix, before))
		return false;
	path += before;
	if (!suffix)
		return !*path;
	len = strcspn(path, "/");
	if (!len || len >= INS_FAULT_ID_MAX || strcmp(path + len, suffix))
		return false;
	memcpy(buf, path, len);
	buf[len] = '\0';
	return true;
}

bool ins_north_handle(struct ins_north *n, struct dr_http_exchange *x)
{
	static const struct {
		const char *prefix, *suffix; /* suffix NULL: no ID */
		const char *method, *allow;
		void (*handle)(struct ins_north *n, struct dr_http_exchange *x, const char *id);
	} routes[] = {
		{ "/v1/subscriptions", NULL, "GET", "GET, POST", get_subscriptions },
		{ "/v1/subscriptions", NULL, "POST", "GET, POST", post_subscription },
		{ "/v1/subscriptions/", "", "GET", "GET, DELETE", get_subscription },
		{ "/v1/subscriptions/", "", "DELETE", "GET, DELETE", delete_subscription },
		{ "/v1/notifications/", "/ack", "POST", "POST", acknowledge },
		{ "/v1/faults", NULL, "GET", "GET", get_faults },
		{ "/v1/faults/", "", "GET", "GET", get_fault },
		{ "/v1/states", NULL, "GET", "GET", get_state },
	};
	const char *allow = NULL;
	char id[INS_FAULT_ID_MAX] = "";

	for (size_t i = 0; i < DR_ARRAY_SIZE(routes); i++) {
		if (!path_fits(dr_http_path(x), routes[i].prefix, routes[i].suffix, id))
			continue;
		if (!strcmp(dr_http_method(x), routes[i].method)) {
			routes[i].handle(n, x, id);
			return true;
		}
		allow = routes[i].allow;
	}
	if (!allow)
		return false;
	dr_http_set_header(x, "Allow", allow);
	refuse(x, 405, "method", "%s takes %s", dr_http_path(x), allow);
	return true;
}
