// SPDX-License-Identifier: Apache-2.0
/* The routes of the northbound interface; docs/api.md has them for people. */
#include <stdarg.h>
#include <string.h>

#include "doctor/log.h"
#include "inspector/north_private.h"

#define PAGE_DEFAULT 50
#define PAGE_MAX 200

/* ---------------------------------------------------------------- answers */

void north_refuse(struct dr_http_exchange *x, unsigned status, const char *position, const char *fmt, ...)
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

void north_fail(struct dr_http_exchange *x, int error)
{
	dr_error("northbound: %.16s %.200s: %s", dr_http_method(x), dr_http_path(x), strerror(-error));
	dr_http_set_header(x, "Retry-After", "1");
	north_refuse(x, 503, NULL, "%s", strerror(-error));
}

/* ---------------------------------------------------------------- query parameters */

bool north_has_only(struct dr_http_exchange *x, const char *const names[])
{
	const char *name;

	for (size_t i = 0; (name = dr_http_query_name(x, i)); i++) {
		size_t k = 0;

		while (names[k] && strcmp(names[k], name))
			k++;
		if (!names[k]) {
			north_refuse(x, 400, name, "is no parameter of %s", dr_http_path(x));
			return false;
		}
		if (!*dr_http_query(x, name)) {
			north_refuse(x, 400, name, "is empty");
			return false;
		}
	}
	return true;
}

bool north_read_limit(struct dr_http_exchange *x, unsigned *ret)
{
	const char *text = dr_http_query(x, "limit");
	char *end = NULL;
	unsigned long n = text && *text >= '0' && *text <= '9' ? strtoul(text, &end, 10) : 0;

	*ret = text ? (unsigned)DR_MIN(n, PAGE_MAX) : PAGE_DEFAULT;
	if (!text || (n > 0 && n <= PAGE_MAX && !*end))
		return true;
	north_refuse(x, 400, "limit", "must be a number from 1 to %d", PAGE_MAX);
	return false;
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

	if (!north_has_only(x, names) || !north_read_limit(x, &limit))
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
		north_refuse(x, 404, NULL, "there is no subscription %s", id);
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
	dr_json_push(w->faults, north_fault_json(f, ins_filter_takes_server, &w->to->filter));
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
		north_refuse(x, 503, NULL, "there are %zu subscriptions, as many as may be", n->count);
		return;
	}
	r = ins_subscription_parse(body, len, &n->conf->callbacks, &s, &why);
	if (r == 1) {
		north_refuse(x, 400, why.position, "%s", why.reason);
		return;
	}
	if (!r)
		r = enter(n, &s, &answer);
	if (r) {
		north_fail(x, r);
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
		north_refuse(x, 404, NULL, "there is no subscription %s", id);
		return;
	}
	r = north_store_unsubscribe(n->store, id);
	if (r) {
		north_fail(x, r);
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
		north_refuse(x, 404, NULL, "no notification %s waits to be acknowledged", id);
		return;
	}
	r = north_acknowledge(note);
	if (r) {
		north_fail(x, r);
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
		{ "/v1/faults", NULL, "GET", "GET", north_get_faults },
		{ "/v1/faults/", "", "GET", "GET", north_get_fault },
		{ "/v1/states", NULL, "GET", "GET", north_get_state },
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
	north_refuse(x, 405, "method", "%s takes %s", dr_http_path(x), allow);
	return true;
}
