/* SPDX-License-Identifier: Apache-2.0 */
#include <string.h>

#include "tools/ctl/ctl.h"
#include "tools/ctl/table.h"

#define AUTO_TABLE DR_AUTO(ctl_table_done)
#define TABLE(t, heads) ctl_table_init(t, heads, DR_ARRAY_SIZE(heads))

static const char *yes_no(const struct dr_json *o, const char *key)
{
	return dr_json_get_bool(o, key, false) ? "yes" : "no";
}

/* ---------------------------------------------------------------- status */

static void print_problems(const struct dr_json *problems, struct dr_buf *out)
{
	const struct dr_json *p;

	if (!dr_json_is_array(problems))
		ctl_put(out, "! it does not say how it is\n");
	else if (dr_json_size(problems) == 0)
		ctl_put(out, "all is well\n");
	for (p = dr_json_first(problems); p; p = dr_json_next(p))
		ctl_put(out, "! %s\n", dr_json_str(p) ? dr_json_str(p) : "?");
}

/* "6 targets: 4 up, 1 down" */
static void print_target_sums(const struct dr_json *targets, struct dr_buf *out)
{
	const struct dr_json *v;
	const char *comma = ":";

	ctl_put(out, "targets: %lld", ctl_int_of(targets, "total"));
	for (v = dr_json_first(targets); v; v = dr_json_next(v)) {
		const char *key = dr_json_key(v);
		long long n = ctl_int_of(targets, key);
		if (n == 0 || strcmp(key, "total") == 0)
			continue;
		ctl_put(out, "%s %lld %s", comma, n, key);
		comma = ",";
	}
	dr_buf_puts(out, "\n");
}

/* What is not counted is not zero. */
static void exceptions_cell(struct ctl_table *t, const struct dr_json *o, bool counted)
{
	if (counted)
		ctl_table_cell(t, "%lld", ctl_int_of(o, "xdp_exceptions"));
	else
		ctl_table_cell(t, "-");
}

static void print_interfaces(const struct dr_json *interfaces, bool counted, struct dr_buf *out)
{
	static const char *const heads[] = { "INTERFACE", "CARRIER",  "INGRESS",  "EGRESS", ">UP",
					     ">SILENT",	  ">XDP EXC", ">DROPPED", "STATE" };
	AUTO_TABLE struct ctl_table t;
	const struct dr_json *n;

	TABLE(&t, heads);
	for (n = dr_json_first(interfaces); n; n = dr_json_next(n)) {
		char age[CTL_QUANTITY_MAX];
		ctl_table_cell(&t, "%s", ctl_text_of(n, "interface"));
		ctl_table_cell(&t, "%s", yes_no(n, "carrier"));
		ctl_table_cell(&t, "%s", ctl_text_of(n, "ingress"));
		ctl_table_cell(&t, "%s", ctl_text_of(n, "egress"));
		ctl_table_cell(&t, "%lld", ctl_int_of(n, "up"));
		ctl_table_cell(&t, "%lld", ctl_int_of(n, "silent"));
		exceptions_cell(&t, n, counted);
		ctl_table_cell(&t, "%lld", ctl_int_of(n, "rx_dropped") + ctl_int_of(n, "rx_missed"));
		if (!dr_json_get_bool(n, "attached", false))
			ctl_table_cell(&t, "%s", ctl_int_of(n, "ifindex") ? "not attached" : "not there");
		else if (dr_json_get_bool(n, "isolated", false))
			ctl_table_cell(&t, "isolated for %s: %s",
				       ctl_duration_of(n, "isolated_age_seconds", "", age),
				       ctl_text_of(n, "reason"));
		else
			ctl_table_cell(&t, "%s", dr_json_get_bool(n, "blind", false) ? "blind" : "hears");
	}
	if (t.count > 0 || t.error) {
		dr_buf_puts(out, "\n");
		ctl_table_print(&t, out);
	}
}

static void print_inspectors(const struct dr_json *inspectors, struct dr_buf *out)
{
	static const char *const heads[] = { "INSPECTOR", "ANSWERS",  ">WAITING", ">DELIVERED",
					     ">REFUSED",  ">RETRIES", ">DROPPED" };
	AUTO_TABLE struct ctl_table t;
	const struct dr_json *i;

	TABLE(&t, heads);
	for (i = dr_json_first(inspectors); i; i = dr_json_next(i)) {
		ctl_table_cell(&t, "%s", ctl_text_of(i, "url"));
		ctl_table_cell(&t, "%s", yes_no(i, "reachable"));
		ctl_table_cell(&t, "%lld", ctl_int_of(i, "waiting"));
		ctl_table_cell(&t, "%lld", ctl_int_of(i, "delivered"));
		ctl_table_cell(&t, "%lld", ctl_int_of(i, "refused"));
		ctl_table_cell(&t, "%lld", ctl_int_of(i, "retries"));
		ctl_table_cell(&t, "%lld",
			       ctl_int_of(i, "dropped_superseded") + ctl_int_of(i, "dropped_lost"));
	}
	if (t.count > 0 || t.error) {
		dr_buf_puts(out, "\n");
		ctl_table_print(&t, out);
	}
}

enum ctl_exit ctl_print_status(const struct dr_json *doc, struct dr_buf *out)
{
	const struct dr_json *problems = dr_json_get(doc, "problems"), *links = dr_json_get(doc, "links");
	const struct dr_json *reload = dr_json_get(doc, "reload");
	char up[CTL_QUANTITY_MAX];

	ctl_put(out, "%s %s on %s, up %s\n", ctl_text_of(doc, "name"), ctl_text_of(doc, "version"),
		ctl_text_of(doc, "host"), ctl_duration_of(doc, "uptime_seconds", "", up));
	print_problems(problems, out);
	dr_buf_puts(out, "\n");
	print_target_sums(dr_json_get(doc, "targets"), out);
	ctl_put(out, "links: %lld, %lld of them down; told by %s", ctl_int_of(links, "total"),
		ctl_int_of(links, "down"), ctl_text_of(links, "source"));
	if (dr_json_get_str(links, "source_why"))
		ctl_put(out, " (%s)", dr_json_get_str(links, "source_why"));
	dr_buf_puts(out, "\n");
	if (dr_json_get_str(links, "xdp_exceptions_why"))
		ctl_put(out, "XDP exceptions: not counted (%s)\n",
			dr_json_get_str(links, "xdp_exceptions_why"));
	if (dr_json_get_str(doc, "realtime_why"))
		ctl_put(out, "sender: not real-time (%s)\n", dr_json_get_str(doc, "realtime_why"));
	ctl_put(out, "reloads: %lld, %lld incomplete, %lld refused\n", ctl_int_of(reload, "done"),
		ctl_int_of(reload, "incomplete"), ctl_int_of(reload, "failed"));
	print_interfaces(dr_json_get(doc, "interfaces"),
			 dr_json_get_bool(links, "xdp_exceptions_counted", true), out);
	print_inspectors(dr_json_get(doc, "inspectors"), out);
	/* a document without the list is none that we know: not good */
	return dr_json_is_array(problems) && dr_json_size(problems) == 0 ? CTL_GOOD : CTL_WRONG;
}

/* ---------------------------------------------------------------- targets */

double ctl_loss_of(const struct dr_json *t)
{
	long long sent = ctl_int_of(t, "sent") - ctl_int_of(t, "outstanding"), lost;

	lost = sent - ctl_int_of(t, "answered");
	return sent > 0 && lost > 0 ? 100.0 * (double)lost / (double)sent : 0;
}

static const char *note_of(const struct dr_json *t)
{
	if (dr_json_get_str(t, "grey"))
		return dr_json_get_str(t, "grey");
	if (dr_json_get_bool(t, "late", false))
		return "answers too late: needs a longer interval";
	if (dr_json_get_str(t, "send_error"))
		return dr_json_get_str(t, "send_error");
	if (dr_json_get_bool(t, "suspect", false))
		return "suspect";
	return dr_json_get_bool(t, "canary", false) ? "canary" : "";
}

static bool target_is_wrong(const struct dr_json *t)
{
	const char *verdict = ctl_text_of(t, "verdict");

	return dr_json_get_str(t, "grey") || dr_json_get_bool(t, "late", false) ||
	       (strcmp(verdict, "up") != 0 && strcmp(verdict, "unknown") != 0);
}

static void target_row(struct ctl_table *table, const struct dr_json *t)
{
	char age[CTL_QUANTITY_MAX], rtt[CTL_QUANTITY_MAX];

	ctl_table_cell(table, "%s", ctl_text_of(t, "host"));
	ctl_table_cell(table, "%s", ctl_text_of(t, "plane"));
	ctl_table_cell(table, "%s", ctl_text_of(t, "address"));
	ctl_table_cell(table, "%s", ctl_text_of(t, "kind"));
	ctl_table_cell(table, "%s", ctl_text_of(t, "interface"));
	ctl_table_cell(table, "%s", ctl_text_of(t, "verdict"));
	ctl_table_cell(table, "%s", ctl_text_of(t, "reason"));
	ctl_table_cell(table, "%s", ctl_duration_of(t, "changed_age_seconds", " ago", age));
	ctl_table_cell(table, "%s", ctl_duration_of(dr_json_get(t, "rtt"), "last_seconds", "", rtt));
	ctl_table_cell(table, "%lld", ctl_int_of(t, "sent"));
	ctl_table_cell(table, "%.2f %%", ctl_loss_of(t));
	ctl_table_cell(table, "%s", note_of(t));
}

enum ctl_exit ctl_print_targets(const struct dr_json *doc, struct dr_buf *out)
{
	static const char *const heads[] = { "HOST",   "PLANE",	   "ADDRESS", "KIND",  "INTERFACE", "VERDICT",
					     "REASON", ">CHANGED", ">RTT",    ">SENT", ">LOSS",	    "NOTE" };
	const struct dr_json *targets = dr_json_get(doc, "targets"), *t;
	enum ctl_exit status = dr_json_size(targets) > 0 ? CTL_GOOD : CTL_WRONG;
	AUTO_TABLE struct ctl_table table;

	TABLE(&table, heads);
	for (t = dr_json_first(targets); t; t = dr_json_next(t)) {
		target_row(&table, t);
		if (target_is_wrong(t))
			status = CTL_WRONG;
	}
	ctl_table_print(&table, out);
	return status;
}

/* ---------------------------------------------------------------- links, counters, reload */

enum ctl_exit ctl_print_links(const struct dr_json *doc, struct dr_buf *out)
{
	static const char *const heads[] = { "INTERFACE", "HOST",    "PLANE",  "CARRIER", "TOLD BY",
					     ">CHANGED",  ">UPS",    ">DOWNS", ">FLAPS",  ">XDP EXC",
					     ">DROPPED",  ">MISSED", ">ERRORS" };
	static const char *const numbers[] = { "ups",	     "downs",	  "flaps",    "xdp_exceptions",
					       "rx_dropped", "rx_missed", "rx_errors" };
	enum ctl_exit status = CTL_GOOD;
	bool counted = dr_json_get_bool(doc, "xdp_exceptions_counted", true);
	AUTO_TABLE struct ctl_table t;
	const struct dr_json *l;

	TABLE(&t, heads);
	for (l = dr_json_first(dr_json_get(doc, "links")); l; l = dr_json_next(l)) {
		char age[CTL_QUANTITY_MAX];
		bool there = ctl_int_of(l, "ifindex") != 0;
		ctl_table_cell(&t, "%s", ctl_text_of(l, "interface"));
		ctl_table_cell(&t, "%s", ctl_text_of(l, "host"));
		ctl_table_cell(&t, "%s", ctl_text_of(l, "plane"));
		ctl_table_cell(&t, "%s", there ? yes_no(l, "carrier") : "not there");
		ctl_table_cell(&t, "%s", ctl_text_of(l, "source"));
		ctl_table_cell(&t, "%s", ctl_duration_of(l, "changed_age_seconds", " ago", age));
		for (size_t i = 0; i < DR_ARRAY_SIZE(numbers); i++) {
			if (strcmp(numbers[i], "xdp_exceptions") == 0)
				exceptions_cell(&t, l, counted);
			else
				ctl_table_cell(&t, "%lld", ctl_int_of(l, numbers[i]));
		}
		if (!dr_json_get_bool(l, "carrier", false))
			status = CTL_WRONG;
	}
	ctl_table_print(&t, out);
	return status;
}

static void counter_rows(struct ctl_table *t, const char *group, const struct dr_json *o)
{
	char seconds[CTL_QUANTITY_MAX];

	for (const struct dr_json *c = dr_json_first(o); c; c = dr_json_next(c)) {
		const char *key = dr_json_key(c), *unit = key ? strstr(key, "_seconds") : NULL;
		if (dr_json_str(c) || !key)
			continue; /* a name */
		ctl_table_cell(t, "%s", group);
		if (unit) {
			ctl_table_cell(t, "%.*s", (int)(unit - key), key);
			ctl_table_cell(t, "%s", ctl_duration_of(o, key, "", seconds));
		} else {
			ctl_table_cell(t, "%s", key);
			ctl_table_cell(t, "%lld",
				       (long long)dr_json_get_bool(o, key, false) + ctl_int_of(o, key));
		}
	}
}

enum ctl_exit ctl_print_counters(const struct dr_json *doc, struct dr_buf *out)
{
	static const char *const heads[] = { "OF", "COUNTER", ">VALUE" };
	AUTO_TABLE struct ctl_table t;
	const struct dr_json *i;

	TABLE(&t, heads);
	counter_rows(&t, "kernel", dr_json_get(doc, "kernel"));
	counter_rows(&t, "sender", dr_json_get(doc, "sender"));
	for (i = dr_json_first(dr_json_get(doc, "inspectors")); i; i = dr_json_next(i))
		counter_rows(&t, ctl_text_of(i, "url"), i);
	ctl_table_print(&t, out);
	return CTL_GOOD;
}

enum ctl_exit ctl_print_reload(const struct dr_json *doc, struct dr_buf *out)
{
	const char *changes = dr_json_get_str(doc, "changes");

	ctl_put(out, "reloaded: %s\n", changes && *changes ? changes : "nothing to say");
	return CTL_GOOD;
}
