/* SPDX-License-Identifier: Apache-2.0 */
#include "tools/minicloud/fail.h"

#include <fnmatch.h>
#include <string.h>

#include "doctor/buf.h"

#define COUNT_MAX 1000000
#define RETRY_AFTER_MAX 3600
#define DELAY_MAX_MS 600000

static const char *const names[] = {
	[MC_FAIL_STATUS] = "status", [MC_FAIL_HANG] = "hang",	    [MC_FAIL_RESET] = "reset",
	[MC_FAIL_CUT] = "cut",	     [MC_FAIL_GARBAGE] = "garbage", [MC_FAIL_TRUNCATE] = "truncate",
	[MC_FAIL_DELAY] = "delay",   [MC_FAIL_EXPIRE] = "expire",
};

const char *mc_fail_name(enum mc_fail_kind k)
{
	return names[k];
}

static int append(struct mc_fails *f, const struct mc_fail *item)
{
	if (f->count == MC_FAILS_MAX)
		return -ENOSPC;
	f->items[f->count++] = *item;
	return 0;
}

/* ---------------------------------------------------------------- a line of the command */

static bool read_count(const char *text, unsigned max, unsigned *ret)
{
	char *end;
	unsigned long n;

	if (*text < '0' || *text > '9')
		return false;
	n = strtoul(text, &end, 10);
	if (*end || n > max)
		return false;
	*ret = (unsigned)n;
	return true;
}

/* Cuts the next field off *rest, up to a colon. NULL: there is none. */
static char *next_field(char **rest)
{
	return *rest ? strsep(rest, ":") : NULL;
}

int mc_fails_add(struct mc_fails *f, const char *spec)
{
	struct mc_fail item = { .left = MC_FAIL_UNLIMITED };
	DR_AUTO_FREE char *copy = strdup(spec);
	char *rest = copy, *service, *method, *prefix, *status, *count;
	int n;

	if (!copy)
		return -ENOMEM;
	service = next_field(&rest);
	method = next_field(&rest);
	prefix = next_field(&rest);
	status = next_field(&rest);
	count = next_field(&rest);
	if (!status || rest || !*service || !*method)
		return -EINVAL;
	n = snprintf(item.path, sizeof(item.path), "%s*", prefix);
	if (n < 0 || (size_t)n >= sizeof(item.path) ||
	    dr_strcpy(item.service, sizeof(item.service), service) ||
	    dr_strcpy(item.method, sizeof(item.method), method))
		return -EINVAL;
	if (!read_count(status, 599, &item.status) || (item.status && item.status < 200))
		return -EINVAL;
	if (count && (!read_count(count, COUNT_MAX, &item.left) || !item.left))
		return -EINVAL;
	item.kind = item.status ? MC_FAIL_STATUS : MC_FAIL_HANG;
	return append(f, &item);
}

/* ---------------------------------------------------------------- JSON */

/* A number from min to max, if it is there. */
static bool read_number(const struct dr_json *rule, const char *key, unsigned min, unsigned max,
			unsigned *ret)
{
	int64_t n;

	if (!dr_json_get(rule, key))
		return true;
	if (dr_json_get_i64(rule, key, &n) || n < min || n > max)
		return false;
	*ret = (unsigned)n;
	return true;
}

static bool read_flag(const struct dr_json *rule, const char *key, bool *ret)
{
	const struct dr_json *v = dr_json_get(rule, key);

	*ret = dr_json_get_bool(rule, key, *ret);
	return !v || dr_json_is_bool(v);
}

static bool read_text(const struct dr_json *rule, const char *key, const char *otherwise, char *out,
		      size_t size)
{
	const struct dr_json *v = dr_json_get(rule, key);
	const char *text = v ? dr_json_str(v) : otherwise;

	return text && *text && !dr_strcpy(out, size, text);
}

static bool read_kind(const struct dr_json *rule, struct mc_fail *item)
{
	const char *name = dr_json_get_str(rule, "fault");

	for (item->kind = 0; name && item->kind < MC_FAIL_KINDS; item->kind++)
		if (!strcmp(names[item->kind], name))
			return true;
	return false;
}

/* What comes instead of an answer comes instead of the deed; what spoils one needs one. */
static bool done_usually(enum mc_fail_kind k)
{
	return k == MC_FAIL_CUT || k == MC_FAIL_GARBAGE || k == MC_FAIL_TRUNCATE;
}

/* NULL: fine; else what it should be. */
static const char *read_rule(const struct dr_json *rule, struct mc_fail *item)
{
	unsigned delay = 0;

	if (!read_kind(rule, item))
		return "fault: status, hang, reset, cut, garbage, truncate, delay or expire";
	item->done = done_usually(item->kind);
	if (!read_text(rule, "service", "*", item->service, sizeof(item->service)) ||
	    !read_text(rule, "method", "*", item->method, sizeof(item->method)) ||
	    !read_text(rule, "path", "*", item->path, sizeof(item->path)))
		return "service, method, path: short texts";
	if (!read_number(rule, "status", 200, 599, &item->status) ||
	    (item->kind == MC_FAIL_STATUS && !item->status))
		return "status: a number from 200 to 599";
	if (!read_number(rule, "retry_after", 1, RETRY_AFTER_MAX, &item->retry_after))
		return "retry_after: seconds, up to 3600";
	if (!read_number(rule, "delay_ms", 1, DELAY_MAX_MS, &delay) ||
	    (item->kind == MC_FAIL_DELAY && !delay))
		return "delay_ms: a number from 1 to 600000";
	if (!read_number(rule, "skip", 0, COUNT_MAX, &item->skip) ||
	    !read_number(rule, "count", 1, COUNT_MAX, &item->left))
		return "skip, count: numbers up to 1000000";
	if (!read_flag(rule, "empty", &item->empty) || !read_flag(rule, "done", &item->done))
		return "empty, done: true or false";
	item->delay = dr_msec(delay);
	if (!item->status)
		item->status = 200;
	return NULL;
}

int mc_fails_add_json(struct mc_fails *f, const struct dr_json *rule, const char **ret_why)
{
	static const char *const known[] = { "fault",  "service",     "method",	  "path",
					     "status", "retry_after", "delay_ms", "skip",
					     "count",  "empty",	      "done",	  NULL };
	struct mc_fail item = { .left = MC_FAIL_UNLIMITED };
	const char *why = NULL;

	for (const struct dr_json *v = dr_json_first(rule); v && !why; v = dr_json_next(v)) {
		size_t n = 0;

		while (known[n] && strcmp(known[n], dr_json_key(v)))
			n++;
		why = known[n] ? NULL : "there is no such key of a fault";
	}
	if (!why)
		why = read_rule(rule, &item);
	if (!why)
		return append(f, &item);
	*ret_why = why;
	return -EINVAL;
}

struct dr_json *mc_fail_json(const struct mc_fail *item)
{
	struct dr_json *o = dr_json_object();

	dr_json_add_str(o, "fault", names[item->kind]);
	dr_json_add_str(o, "service", item->service);
	dr_json_add_str(o, "method", item->method);
	dr_json_add_str(o, "path", item->path);
	dr_json_add_int(o, "status", item->status);
	if (item->retry_after)
		dr_json_add_int(o, "retry_after", item->retry_after);
	if (item->delay.ns)
		dr_json_add_int(o, "delay_ms", item->delay.ns / DR_NSEC_PER_MSEC);
	dr_json_add_int(o, "skip", item->skip);
	if (item->left != MC_FAIL_UNLIMITED)
		dr_json_add_int(o, "count", item->left);
	dr_json_add_bool(o, "empty", item->empty);
	dr_json_add_bool(o, "done", item->done);
	dr_json_add_int(o, "hits", item->hits);
	return o;
}

/* ---------------------------------------------------------------- requests */

static bool matches(const char *wanted, const char *have)
{
	return !strcmp(wanted, "*") || !strcmp(wanted, have);
}

bool mc_fails_take(struct mc_fails *f, const char *service, const char *method, const char *path,
		   struct mc_fail *ret)
{
	for (size_t i = 0; i < f->count; i++) {
		struct mc_fail *item = &f->items[i];

		if (!item->left || !matches(item->service, service) || !matches(item->method, method) ||
		    fnmatch(item->path, path, 0))
			continue;
		if (item->skip) {
			item->skip--;
			continue;
		}
		if (item->left != MC_FAIL_UNLIMITED)
			item->left--;
		item->hits++;
		*ret = *item;
		return true;
	}
	return false;
}
