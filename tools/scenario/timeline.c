/* SPDX-License-Identifier: Apache-2.0 */
#include "tools/scenario/timeline.h"

#include <ctype.h>
#include <string.h>

static const struct {
	const char *name, *text, *who;
	bool of_host;
} points[SC_POINTS] = {
	[SC_T00] = { "T00", "fault injected", "doctor-test", true },
	[SC_T01] = { "T01", "failure detected", "monitor", true },
	[SC_T02] = { "T02", "affected VMs found", "inspector", true },
	[SC_T03] = { "T03", "VM set to error", "inspector", false },
	[SC_T04] = { "T04", "host marked down", "inspector", true },
	[SC_T05] = { "T05", "VM's error announced", "Nova", false },
	[SC_T06] = { "T06", "event transformed", "Ceilometer", false },
	[SC_T07] = { "T07", "event evaluated", "Aodh", false },
	[SC_T08] = { "T08", "alarm fired", "Aodh", false },
	[SC_T09] = { "T09", "owner notified", "consumer", false },
	[SC_T10] = { "T10", "VM replaced", "consumer", false },
};

const char *sc_point_name(enum sc_point p)
{
	return points[p].name;
}

const char *sc_point_text(enum sc_point p)
{
	return points[p].text;
}

const char *sc_point_who(enum sc_point p)
{
	return points[p].who;
}

/* ---------------------------------------------------------------- memory */

int sc_timeline_init(struct sc_timeline *t, const char *host, const char *const vms[], size_t nvms)
{
	struct sc_timeline new = { .nvms = nvms };
	int r = dr_strcpy(new.host, sizeof(new.host), host);

	if (r < 0)
		return r;
	new.vms = calloc(nvms ? nvms : 1, sizeof(*new.vms));
	if (!new.vms)
		return -ENOMEM;
	for (size_t i = 0; i < nvms && r == 0; i++)
		r = dr_strcpy(new.vms[i].id, sizeof(new.vms[i].id), vms[i]);
	if (r < 0) {
		sc_timeline_done(&new);
		return r;
	}
	*t = new;
	return 0;
}

void sc_timeline_done(struct sc_timeline *t)
{
	free(t->vms);
	*t = (struct sc_timeline){ 0 };
}

static struct sc_vm_line *find_vm(struct sc_timeline *t, const char *id)
{
	for (size_t i = 0; i < t->nvms; i++)
		if (strcmp(t->vms[i].id, id) == 0)
			return &t->vms[i];
	return NULL;
}

static void set_once(struct dr_wall *at, struct dr_wall when)
{
	if (at->ns == 0)
		*at = when;
}

void sc_timeline_set(struct sc_timeline *t, enum sc_point p, const char *vm, struct dr_wall at)
{
	if (points[p].of_host) {
		set_once(&t->at[p], at);
	} else {
		struct sc_vm_line *v = vm ? find_vm(t, vm) : NULL;

		if (v)
			set_once(&v->at[p], at);
	}
}

/* ---------------------------------------------------------------- reading logs */

int sc_epoch_parse(const char *text, struct dr_wall *ret)
{
	int64_t seconds = 0, fraction = 0, unit = DR_NSEC_PER_SEC;
	const char *p = text;

	for (; isdigit((unsigned char)*p); p++) {
		if (p - text == 10) /* until the year 2286 */
			return -EINVAL;
		seconds = seconds * 10 + (*p - '0');
	}
	if (p == text)
		return -EINVAL;
	if (*p == '.') {
		const char *start = ++p;

		for (; isdigit((unsigned char)*p); p++) {
			unit /= 10;
			if (unit == 0)
				return -EINVAL;
			fraction += (*p - '0') * unit;
		}
		if (p == start)
			return -EINVAL;
	}
	if (*p)
		return -EINVAL;
	*ret = (struct dr_wall){ seconds * DR_NSEC_PER_SEC + fraction };
	return 0;
}

/* The value of " key=" in a record, up to the next blank; "" if there is none that fits. */
static void value_of(const char *line, const char *key, char ret[static SC_NAME_MAX])
{
	size_t klen = strlen(key);

	ret[0] = '\0';
	for (const char *p = line; (p = strstr(p, key)); p += klen) {
		size_t len;

		if ((p != line && p[-1] != ' ') || p[klen] != '=')
			continue;
		p += klen + 1;
		len = strcspn(p, " ,;");
		if (len > 1 && *p == '"') {
			p++;
			len = strcspn(p, "\"");
		}
		if (len < SC_NAME_MAX) {
			memcpy(ret, p, len);
			ret[len] = '\0';
		}
		return;
	}
}

/* Matches "PREFIX(ARG)SUFFIX" or, without parentheses in shape, the text itself. */
static bool matches(const char *text, const char *prefix, const char *suffix, char arg[static SC_NAME_MAX])
{
	size_t plen = strlen(prefix), slen = strlen(suffix), len = strlen(text);

	if (len < plen + slen || len - plen - slen >= SC_NAME_MAX || strncmp(text, prefix, plen) != 0 ||
	    strcmp(text + len - slen, suffix) != 0)
		return false;
	memcpy(arg, text + plen, len - plen - slen);
	arg[len - plen - slen] = '\0';
	return true;
}

static const struct {
	enum sc_log from;
	enum sc_point point;
	const char *prefix, *suffix;
	bool named; /* what stands between prefix and suffix is the host or the VM */
} shapes[] = {
	{ SC_LOG_MONITOR, SC_T01, "doctor monitor detected", "", false },
	{ SC_LOG_INSPECTOR, SC_T02, "doctor found affected vms of host(", ")", true },
	{ SC_LOG_INSPECTOR, SC_T03, "doctor mark vm(", ") error", true },
	{ SC_LOG_INSPECTOR, SC_T04, "doctor mark host(", ") down", true },
	{ SC_LOG_CONSUMER, SC_T09, "doctor consumer notified", "", false },
	{ SC_LOG_CONSUMER, SC_T10, "doctor consumer handled", "", false },
	{ SC_LOG_MINICLOUD, SC_T05, "minicloud T05 vm(", ")", true },
	{ SC_LOG_MINICLOUD, SC_T06, "minicloud T06 vm(", ")", true },
	{ SC_LOG_MINICLOUD, SC_T07, "minicloud T07 vm(", ")", true },
	{ SC_LOG_MINICLOUD, SC_T08, "minicloud T08 vm(", ")", true },
};

static void host_point(struct sc_timeline *t, enum sc_point p, const char *host, struct dr_wall at)
{
	if (!host[0] || strcmp(host, t->host) == 0)
		set_once(&t->at[p], at);
	else if (!t->accused[0])
		(void)!dr_strcpy(t->accused, sizeof(t->accused), host);
}

/* Without a name it is the first VM that has not got there: right for one VM, and for first and last of many.
 */
static void vm_point(struct sc_timeline *t, enum sc_point p, const char *vm, struct dr_wall at)
{
	if (vm[0]) {
		struct sc_vm_line *v = find_vm(t, vm);

		if (v)
			set_once(&v->at[p], at);
		else if (p == SC_T03 && t->nforeign < SC_FOREIGN_MAX)
			(void)!dr_strcpy(t->foreign[t->nforeign++], SC_NAME_MAX, vm);
		return;
	}
	for (size_t i = 0; i < t->nvms; i++) {
		if (t->vms[i].at[p].ns == 0) {
			t->vms[i].at[p] = at;
			return;
		}
	}
}

static bool feed_port(struct sc_timeline *t, enum sc_log from, const char *text, struct dr_wall at)
{
	char port[SC_NAME_MAX];

	if (from != SC_LOG_INSPECTOR || !matches(text, "doctor set port(", ") down", port))
		return false;
	t->nports++;
	t->ports_at = at;
	return true;
}

static bool feed_checkpoint(struct sc_timeline *t, enum sc_log from, const char *text, struct dr_wall at)
{
	if (feed_port(t, from, text, at))
		return true;
	for (size_t i = 0; i < DR_ARRAY_SIZE(shapes); i++) {
		char arg[SC_NAME_MAX];
		enum sc_point p = shapes[i].point;

		if (shapes[i].from != from || !matches(text, shapes[i].prefix, shapes[i].suffix, arg) ||
		    (!shapes[i].named && arg[0]))
			continue;
		if (points[p].of_host)
			host_point(t, p, shapes[i].named ? arg : t->said_host, at);
		else
			vm_point(t, p, shapes[i].named ? arg : t->said_vm[from], at);
		return true;
	}
	return false;
}

/* A record that names what the next check point is about. */
static void feed_record(struct sc_timeline *t, enum sc_log from, const char *line)
{
	char alarm[SC_NAME_MAX], generated[SC_NAME_MAX];
	struct sc_vm_line *v;

	if (from == SC_LOG_MONITOR) {
		value_of(line, "host", t->said_host);
		if (strncmp(line, "target up ", 10) == 0 && strcmp(t->said_host, t->host) == 0 &&
		    t->at[SC_T01].ns)
			t->recovered = true;
	}
	value_of(line, "vm", t->said_vm[from]);
	v = t->said_vm[from][0] ? find_vm(t, t->said_vm[from]) : NULL;
	if (!v || from != SC_LOG_CONSUMER)
		return;
	value_of(line, "alarm", alarm);
	value_of(line, "generated", generated);
	if (alarm[0] && !v->alarm[0])
		memcpy(v->alarm, alarm, sizeof(v->alarm));
	if (generated[0] && v->generated.ns == 0 && dr_wall_parse(generated, &v->generated, NULL) < 0)
		v->generated.ns = 0;
}

void sc_timeline_feed(struct sc_timeline *t, enum sc_log from, const char *line)
{
	const char *at = NULL;
	struct dr_wall when;

	for (const char *p = line; (p = strstr(p, " at ")); p++)
		at = p;
	if (at && sc_epoch_parse(at + 4, &when) == 0) {
		DR_AUTO_FREE char *text = strndup(line, (size_t)(at - line));

		if (text && feed_checkpoint(t, from, text, when))
			return;
	}
	feed_record(t, from, line);
}

/* ---------------------------------------------------------------- figures */

/* Nova's own word stands in where no log tells T05. */
static struct dr_wall vm_at(const struct sc_vm_line *v, enum sc_point p)
{
	return p == SC_T05 && v->at[p].ns == 0 ? v->generated : v->at[p];
}

size_t sc_timeline_span(const struct sc_timeline *t, enum sc_point p, struct dr_wall *ret_first,
			struct dr_wall *ret_last)
{
	struct dr_wall first = { 0 }, last = { 0 };
	size_t known = 0;

	for (size_t i = 0; i < (points[p].of_host ? 1 : t->nvms); i++) {
		struct dr_wall at = points[p].of_host ? t->at[p] : vm_at(&t->vms[i], p);

		if (at.ns == 0)
			continue;
		if (!known || at.ns < first.ns)
			first = at;
		if (!known || at.ns > last.ns)
			last = at;
		known++;
	}
	if (known) {
		*ret_first = first;
		*ret_last = last;
	}
	return known;
}

bool sc_timeline_notification(const struct sc_timeline *t, struct dr_dur *ret)
{
	struct dr_wall first, last;

	if (t->at[SC_T01].ns == 0 || !sc_timeline_span(t, SC_T09, &first, &last))
		return false;
	*ret = (struct dr_dur){ last.ns - t->at[SC_T01].ns };
	return true;
}

static const struct sc_vm_line *last_notified(const struct sc_timeline *t)
{
	const struct sc_vm_line *last = NULL;

	for (size_t i = 0; i < t->nvms; i++)
		if (t->vms[i].at[SC_T09].ns && (!last || t->vms[i].at[SC_T09].ns > last->at[SC_T09].ns))
			last = &t->vms[i];
	return last;
}

bool sc_timeline_at(const struct sc_timeline *t, enum sc_point p, struct dr_wall *ret)
{
	const struct sc_vm_line *v = points[p].of_host ? NULL : last_notified(t);
	struct dr_wall at = points[p].of_host ? t->at[p] : v ? vm_at(v, p) : (struct dr_wall){ 0 };

	if (at.ns)
		*ret = at;
	return at.ns != 0;
}

size_t sc_timeline_shares(const struct sc_timeline *t, struct sc_share ret[SC_SHARES_MAX])
{
	/* T03 and T04 are the answers of Nova, which often come after it has announced the error: no bounds
	 */
	static const struct {
		enum sc_point end;
		const char *who;
	} bounds[SC_SHARES_MAX] = {
		{ SC_T02, "inspector" }, { SC_T05, "Nova" },	 { SC_T06, "Ceilometer" },
		{ SC_T08, "Aodh" },	 { SC_T09, "delivery" },
	};
	const struct sc_vm_line *v = last_notified(t);
	struct dr_wall since = t->at[SC_T01];
	size_t n = 0;

	if (!v || since.ns == 0)
		return 0;
	ret[0].who[0] = '\0';
	for (size_t i = 0; i < SC_SHARES_MAX; i++) {
		enum sc_point p = bounds[i].end;
		struct dr_wall at = points[p].of_host ? t->at[p] : vm_at(v, p);
		size_t len = strlen(ret[n].who);

		snprintf(ret[n].who + len, SC_NAME_MAX - len, "%s%s", len ? " + " : "", bounds[i].who);
		if (at.ns == 0)
			continue;
		/* out of order: nothing, and nobody pays twice */
		if (p != SC_T09 && at.ns > v->at[SC_T09].ns)
			at = v->at[SC_T09];
		ret[n].took = (struct dr_dur){ DR_MAX(at.ns - since.ns, (int64_t)0) };
		if (at.ns > since.ns)
			since = at;
		if (++n < SC_SHARES_MAX)
			ret[n].who[0] = '\0';
	}
	return n;
}

/* ---------------------------------------------------------------- JSON */

static double ms_after(struct dr_wall at, struct dr_wall zero)
{
	return (double)(at.ns - zero.ns) / 1e6;
}

struct dr_json *sc_timeline_json(const struct sc_timeline *t)
{
	struct dr_json *root = dr_json_object(), *vms, *all;
	struct dr_wall zero = t->at[SC_T01];
	struct dr_dur took;

	dr_json_add_str(root, "host", t->host);
	vms = dr_json_add_array(root, "vms");
	for (size_t i = 0; i < t->nvms; i++)
		dr_json_push(vms, dr_json_string(t->vms[i].id));
	all = dr_json_add_object(root, "points");
	for (enum sc_point p = 0; p < SC_POINTS; p++) {
		struct dr_json *o = dr_json_add_object(all, points[p].name);
		struct dr_wall first, last;
		size_t known = sc_timeline_span(t, p, &first, &last);

		dr_json_add_str(o, "component", points[p].who);
		dr_json_add_int(o, "count", (int64_t)known);
		if (!known || zero.ns == 0)
			continue;
		dr_json_add(o, "first_ms", dr_json_number(ms_after(first, zero)));
		dr_json_add(o, "last_ms", dr_json_number(ms_after(last, zero)));
	}
	dr_json_add(root, "notification_ms",
		    sc_timeline_notification(t, &took) ? dr_json_number((double)took.ns / 1e6)
						       : dr_json_null());
	return root;
}
