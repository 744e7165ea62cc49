// SPDX-License-Identifier: Apache-2.0
#include <stdarg.h>
#include <string.h>

#include "doctor/buf.h"
#include "inspector/north_subscription.h"

#define RESOURCE_TYPES_MAX 2

/* ---------------------------------------------------------------- names */

static void names_done(struct ins_names *n)
{
	for (size_t i = 0; i < n->count; i++)
		free(n->items[i]);
	free(n->items);
	*n = (struct ins_names){};
}

static int compare(const void *a, const void *b)
{
	return strcmp(*(char *const *)a, *(char *const *)b);
}

static bool names_have(const struct ins_names *n, const char *name)
{
	return n->count && bsearch(&name, n->items, n->count, sizeof(*n->items), compare);
}

static void names_sort(struct ins_names *n)
{
	size_t kept = 0;

	if (n->count)
		qsort(n->items, n->count, sizeof(*n->items), compare);
	for (size_t i = 0; i < n->count; i++) {
		if (kept && !strcmp(n->items[kept - 1], n->items[i]))
			free(n->items[i]);
		else
			n->items[kept++] = n->items[i];
	}
	n->count = kept;
}

static struct dr_json *names_json(const struct ins_names *n)
{
	struct dr_json *list = dr_json_array();

	for (size_t i = 0; i < n->count; i++)
		dr_json_push(list, dr_json_string(n->items[i]));
	return list;
}

/* ---------------------------------------------------------------- parts of a body */

static int refuse(struct ins_refusal *why, const char *position, const char *fmt, ...) DR_PRINTF(3, 4);
static int refuse(struct ins_refusal *why, const char *position, const char *fmt, ...)
{
	va_list ap;

	snprintf(why->position, sizeof(why->position), "%s", position);
	va_start(ap, fmt);
	vsnprintf(why->reason, sizeof(why->reason), fmt, ap);
	va_end(ap);
	return 1;
}

/*
 * Takes an object apart: ret[i] is the member keys[i], NULL for an absent one and for null. Others, and one
 * that is there twice, are refused. path: where it is, "filter." or "".
 */
static int take_apart(const struct dr_json *object, const char *path, const char *const keys[], size_t count,
		      const struct dr_json *ret[], struct ins_refusal *why)
{
	char position[INS_POSITION_MAX];
	size_t i;

	memset(ret, 0, count * sizeof(*ret));
	for (const struct dr_json *v = dr_json_first(object); v; v = dr_json_next(v)) {
		snprintf(position, sizeof(position), "%s%.64s", path, dr_json_key(v));
		for (i = 0; i < count && strcmp(keys[i], dr_json_key(v)); i++)
			;
		if (i == count)
			return refuse(why, position, "is no key that a subscription has");
		if (ret[i])
			return refuse(why, position, "is there twice");
		ret[i] = v;
	}
	for (i = 0; i < count; i++)
		if (dr_json_is_null(ret[i]))
			ret[i] = NULL;
	return 0;
}

static int read_text(const struct dr_json *v, const char *position, size_t min, char *to, size_t size,
		     struct ins_refusal *why)
{
	const char *text = dr_json_str(v);

	if (!v)
		return refuse(why, position, "is missing");
	if (!text)
		return refuse(why, position, "must be a string");
	if (dr_has_control(text))
		return refuse(why, position, "has a control character in it");
	if (strlen(text) < min)
		return min == 1 ? refuse(why, position, "is empty")
				: refuse(why, position, "is shorter than %zu bytes", min);
	if (dr_strcpy(to, size, text))
		return refuse(why, position, "is longer than %zu bytes", size - 1);
	return 0;
}

/* An array of texts. An empty one would never fit anything, and is not what somebody wants. */
static int read_names(const struct dr_json *v, const char *key, size_t max, struct ins_names *ret,
		      struct ins_refusal *why)
{
	DR_AUTO(names_done) struct ins_names n = {};
	char position[INS_POSITION_MAX], text[INS_FAULT_TEXT_MAX];

	if (!v)
		return 0;
	snprintf(position, sizeof(position), "filter.%s", key);
	if (!dr_json_is_array(v) || !dr_json_size(v))
		return refuse(why, position, "must be an array of strings, with one at least");
	if (dr_json_size(v) > max)
		return refuse(why, position, "has more than %zu items", max);
	n.items = calloc(dr_json_size(v), sizeof(*n.items));
	if (!n.items)
		return -ENOMEM;
	for (const struct dr_json *item = dr_json_first(v); item; item = dr_json_next(item)) {
		snprintf(position, sizeof(position), "filter.%s[%zu]", key, n.count);
		if (read_text(item, position, 1, text, sizeof(text), why))
			return 1;
		n.items[n.count] = strdup(text);
		if (!n.items[n.count])
			return -ENOMEM;
		n.count++;
	}
	names_sort(&n);
	*ret = n;
	n = (struct ins_names){};
	return 0;
}

/* ---------------------------------------------------------------- filters */

void ins_filter_done(struct ins_filter *f)
{
	names_done(&f->ids);
	names_done(&f->types);
}

static int read_resource_types(const struct dr_json *v, struct ins_filter *f, struct ins_refusal *why)
{
	DR_AUTO(names_done) struct ins_names names = {};
	int r = read_names(v, "resource_types", RESOURCE_TYPES_MAX, &names, why);

	if (r)
		return r;
	for (size_t i = 0; i < names.count; i++)
		if (strcmp(names.items[i], "compute.host") && strcmp(names.items[i], "server"))
			return refuse(why, "filter.resource_types",
				      "\"%.40s\" is neither \"compute.host\" nor \"server\"", names.items[i]);
	f->hosts = !v || names_have(&names, "compute.host");
	f->servers = !v || names_have(&names, "server");
	return 0;
}

static int read_severity(const struct dr_json *v, struct ins_filter *f, struct ins_refusal *why)
{
	const char *text = dr_json_str(v);

	if (!v || (text && ins_severity_parse(text, &f->severity)))
		return 0;
	return refuse(why, "filter.severity", "must be \"info\", \"warning\" or \"critical\"");
}

int ins_filter_read(const struct dr_json *json, struct ins_filter *ret, struct ins_refusal *ret_refusal)
{
	enum {
		TYPES,
		IDS,
		PROJECT,
		FAULTS,
		SEVERITY,
		KEYS
	};
	static const char *const keys[KEYS] = { "resource_types", "ids", "project", "fault_types",
						"severity" };
	DR_AUTO(ins_filter_done) struct ins_filter f = {};
	const struct dr_json *v[KEYS];
	int r;

	if (json && !dr_json_is_object(json))
		return refuse(ret_refusal, "filter", "must be an object");
	if ((r = take_apart(json, "filter.", keys, KEYS, v, ret_refusal)) ||
	    (r = read_resource_types(v[TYPES], &f, ret_refusal)) ||
	    (r = read_names(v[IDS], "ids", INS_FILTER_IDS_MAX, &f.ids, ret_refusal)) ||
	    (r = read_names(v[FAULTS], "fault_types", INS_FILTER_TYPES_MAX, &f.types, ret_refusal)) ||
	    (r = read_severity(v[SEVERITY], &f, ret_refusal)))
		return r;
	if (v[PROJECT] &&
	    read_text(v[PROJECT], "filter.project", 1, f.project, sizeof(f.project), ret_refusal))
		return 1;
	if (f.project[0] && !f.servers)
		return refuse(ret_refusal, "filter.project", "no compute.host is of a project");
	*ret = f;
	f = (struct ins_filter){};
	return 0;
}

struct dr_json *ins_filter_json(const struct ins_filter *f)
{
	struct dr_json *o = dr_json_object(), *types = dr_json_add_array(o, "resource_types");

	if (f->hosts)
		dr_json_push(types, dr_json_string("compute.host"));
	if (f->servers)
		dr_json_push(types, dr_json_string("server"));
	if (f->ids.count)
		dr_json_add(o, "ids", names_json(&f->ids));
	if (f->project[0])
		dr_json_add_str(o, "project", f->project);
	if (f->types.count)
		dr_json_add(o, "fault_types", names_json(&f->types));
	dr_json_add_str(o, "severity", ins_severity_name(f->severity));
	return o;
}

bool ins_filter_takes_server(const struct ins_fault *fault, const struct ins_fault_server *s,
			     const void *userdata)
{
	const struct ins_filter *f = userdata;

	if (!f->servers || (f->project[0] && strcmp(f->project, s->project)))
		return false;
	return !f->ids.count || names_have(&f->ids, s->id) || names_have(&f->ids, fault->host);
}

/* A host is of no project. */
static bool takes_host(const struct ins_filter *f, const struct ins_fault *fault)
{
	return f->hosts && !f->project[0] && (!f->ids.count || names_have(&f->ids, fault->host));
}

bool ins_filter_takes(const struct ins_filter *f, const struct ins_fault *fault)
{
	if (fault->severity < f->severity || (f->types.count && !names_have(&f->types, fault->type)))
		return false;
	if (takes_host(f, fault))
		return true;
	for (size_t i = 0; i < fault->server_count; i++)
		if (ins_filter_takes_server(fault, &fault->servers[i], f))
			return true;
	return false;
}

/* ---------------------------------------------------------------- subscriptions */

void ins_subscription_done(struct ins_subscription *s)
{
	ins_filter_done(&s->filter);
	explicit_bzero(s->secret, sizeof(s->secret));
}

static int read_callback(const struct dr_json *v, const struct ins_callback_rules *rules,
			 struct ins_subscription *s, struct ins_refusal *why)
{
	const char *bad;

	if (read_text(v, "callback", 1, s->callback, sizeof(s->callback), why))
		return 1;
	bad = ins_callback_check(s->callback, rules);
	return bad ? refuse(why, "callback", "%s", bad) : 0;
}

int ins_subscription_parse(const char *body, size_t len, const struct ins_callback_rules *rules,
			   struct ins_subscription *ret, struct ins_refusal *ret_refusal)
{
	enum {
		CALLBACK,
		SECRET,
		FILTER,
		KEYS
	};
	static const char *const keys[KEYS] = { "callback", "secret", "filter" };
	DR_AUTO(ins_subscription_done) struct ins_subscription s = {};
	DR_AUTO_JSON struct dr_json *root = NULL;
	const struct dr_json *v[KEYS];
	size_t offset = 0;
	int r = dr_json_parse(body, len, &root, &offset);

	if (r == -EBADMSG)
		return ins_refuse_bytes(body, len, offset, ret_refusal);
	if (r)
		return r;
	if (!dr_json_is_object(root))
		return refuse(ret_refusal, "byte 0", "must be an object");
	if ((r = take_apart(root, "", keys, KEYS, v, ret_refusal)) ||
	    (r = read_callback(v[CALLBACK], rules, &s, ret_refusal)) ||
	    (r = read_text(v[SECRET], "secret", INS_SECRET_MIN, s.secret, sizeof(s.secret), ret_refusal)) ||
	    (r = ins_filter_read(v[FILTER], &s.filter, ret_refusal)))
		return r;
	*ret = s;
	s.filter = (struct ins_filter){};
	return 0;
}

struct dr_json *ins_subscription_json(const struct ins_subscription *s)
{
	struct dr_json *o = dr_json_object();
	char text[DR_TIME_STR_MAX];

	dr_json_add_str(o, "subscription_id", s->id);
	dr_json_add_str(o, "callback", s->callback);
	dr_json_add(o, "filter", ins_filter_json(&s->filter));
	dr_json_add_str(o, "created", dr_wall_format(s->created, text));
	return o;
}
