/* SPDX-License-Identifier: Apache-2.0 */
/* What the inspector says, for people. */
#include <string.h>

#include "tools/ctl/ctl.h"
#include "tools/ctl/table.h"

#define AUTO_TABLE DR_AUTO(ctl_table_done)
#define TABLE(t, heads) ctl_table_init(t, heads, DR_ARRAY_SIZE(heads))

static bool is_open(const struct dr_json *incident)
{
	return dr_json_get_str(incident, "id") && !dr_json_get_str(incident, "ended");
}

/* "held: brake" */
static void put_state(struct ctl_table *t, const struct dr_json *incident)
{
	const char *rule = dr_json_get_str(incident, "held_by");

	ctl_table_cell(t, "%s%s%s", ctl_text_of(incident, "state"), rule ? ": " : "", rule ? rule : "");
}

/* ---------------------------------------------------------------- parts */

static void print_votes(const struct dr_json *votes, struct dr_buf *out)
{
	static const char *const heads[] = { "LAST SAID", "SINCE", "MONITOR", "SAYS", "TYPE" };
	AUTO_TABLE struct ctl_table t;

	TABLE(&t, heads);
	if (dr_json_size(votes) == 0)
		return;
	for (const struct dr_json *v = dr_json_first(votes); v; v = dr_json_next(v)) {
		const char *monitor = ctl_text_of(v, "monitor");
		ctl_table_cell(&t, "%s", ctl_text_of(v, "time"));
		ctl_table_cell(&t, "%s", ctl_text_of(v, "since"));
		ctl_table_cell(&t, "%s", *monitor ? monitor : "(no name)");
		ctl_table_cell(&t, "%s", ctl_text_of(v, "says"));
		ctl_table_cell(&t, "%s", ctl_text_of(v, "type"));
	}
	dr_buf_puts(out, "\n");
	ctl_table_print(&t, out);
}

static void print_notes(const struct dr_json *notes, struct dr_buf *out)
{
	static const char *const heads[] = { "NOT ACTED ON", "VERDICT", "HOST", "MONITOR", "TYPE", "REASON" };
	static const char *const keys[] = { "time", "verdict", "host", "monitor", "type", "reason" };
	AUTO_TABLE struct ctl_table t;

	TABLE(&t, heads);
	if (dr_json_size(notes) == 0)
		return;
	for (const struct dr_json *n = dr_json_first(notes); n; n = dr_json_next(n))
		for (size_t i = 0; i < DR_ARRAY_SIZE(keys); i++)
			ctl_table_cell(&t, "%s", ctl_text_of(n, keys[i]));
	dr_buf_puts(out, "\n");
	ctl_table_print(&t, out);
}

static void print_steps(const struct dr_json *steps, struct dr_buf *out)
{
	static const char *const heads[] = { "TIME", "STATE", "REASON" };
	AUTO_TABLE struct ctl_table t;

	TABLE(&t, heads);
	for (const struct dr_json *s = dr_json_first(steps); s; s = dr_json_next(s)) {
		ctl_table_cell(&t, "%s", ctl_text_of(s, "time"));
		ctl_table_cell(&t, "%s", ctl_text_of(s, "state"));
		ctl_table_cell(&t, "%s", ctl_text_of(s, "reason"));
	}
	ctl_table_print(&t, out);
}

static void print_actions(const struct dr_json *actions, struct dr_buf *out)
{
	static const char *const heads[] = { "ACTION",	"OF",	    "RESULT",  ">ATTEMPTS", ">STATUS",
					     "STARTED", "FINISHED", "REQUEST", "REASON" };
	AUTO_TABLE struct ctl_table t;

	TABLE(&t, heads);
	if (dr_json_size(actions) == 0)
		return;
	for (const struct dr_json *a = dr_json_first(actions); a; a = dr_json_next(a)) {
		ctl_table_cell(&t, "%s", ctl_text_of(a, "action"));
		ctl_table_cell(&t, "%s", ctl_text_of(a, dr_json_get(a, "port") ? "port" : "server"));
		ctl_table_cell(&t, "%s", ctl_text_of(a, "result"));
		ctl_table_cell(&t, "%lld", ctl_int_of(a, "attempts"));
		ctl_table_cell(&t, "%lld", ctl_int_of(a, "status"));
		ctl_table_cell(&t, "%s", ctl_text_of(a, "started"));
		ctl_table_cell(&t, "%s", ctl_text_of(a, "finished"));
		ctl_table_cell(&t, "%s", ctl_text_of(a, "request_id"));
		ctl_table_cell(&t, "%s", ctl_text_of(a, "reason"));
	}
	dr_buf_puts(out, "\n");
	ctl_table_print(&t, out);
}

/* ---------------------------------------------------------------- incidents */

enum ctl_exit ctl_print_incidents(const struct dr_json *doc, struct dr_buf *out)
{
	static const char *const heads[] = { "INCIDENT", "HOST", "STATE", "OPENED", "REASON" };
	const struct dr_json *list = dr_json_get(doc, "incidents");
	enum ctl_exit status = dr_json_is_array(list) ? CTL_GOOD : CTL_WRONG;
	AUTO_TABLE struct ctl_table t;

	TABLE(&t, heads);
	for (const struct dr_json *i = dr_json_first(list); i; i = dr_json_next(i)) {
		ctl_table_cell(&t, "%s", ctl_text_of(i, "id"));
		ctl_table_cell(&t, "%s", ctl_text_of(i, "host"));
		put_state(&t, i);
		ctl_table_cell(&t, "%s", ctl_text_of(i, "opened"));
		ctl_table_cell(&t, "%s", ctl_text_of(i, "reason"));
		if (is_open(i))
			status = CTL_WRONG;
	}
	ctl_table_print(&t, out);
	print_notes(dr_json_get(doc, "not_acted_on"), out);
	return status;
}

static void print_heading(const struct dr_json *i, struct dr_buf *out)
{
	const char *rule = dr_json_get_str(i, "held_by"), *ended = dr_json_get_str(i, "ended");
	const struct dr_json *event = dr_json_get(i, "event");
	const char *monitor = dr_json_get_str(event, "monitor");

	ctl_put(out, "incident %s of %s: %s%s%s%s\n", ctl_text_of(i, "id"), ctl_text_of(i, "host"),
		ctl_text_of(i, "state"), rule ? ", by: " : "", rule ? rule : "",
		dr_json_get_bool(i, "released", false) ? ", released" : "");
	ctl_put(out, "opened %s%s%s by %s of %s, reported %lld times\n", ctl_text_of(i, "opened"),
		ended ? ", ended " : "", ended ? ended : "", ctl_text_of(event, "type"),
		monitor ? monitor : "(no name)", ctl_int_of(i, "reports"));
}

enum ctl_exit ctl_print_incident(const struct dr_json *doc, struct dr_buf *out)
{
	const struct dr_json *votes = dr_json_get(doc, "monitors");

	print_heading(doc, out);
	ctl_put(out, "requests to the cloud: %s\n", ctl_text_of(doc, "request_id"));
	/* of one that has ended those by which it was decided */
	print_votes(votes ? votes : dr_json_path(doc, "verdict.votes"), out);
	dr_buf_puts(out, "\n");
	print_steps(dr_json_get(doc, "steps"), out);
	print_actions(dr_json_get(doc, "actions"), out);
	return dr_json_get_str(doc, "id") && !is_open(doc) ? CTL_GOOD : CTL_WRONG;
}

enum ctl_exit ctl_print_released(const struct dr_json *doc, struct dr_buf *out)
{
	ctl_put(out, "released: %s is acted upon\n", ctl_text_of(doc, "id"));
	return dr_json_get_bool(doc, "released", false) ? CTL_GOOD : CTL_WRONG;
}

/* ---------------------------------------------------------------- why */

static void print_nova(const struct dr_json *doc, struct dr_buf *out)
{
	const struct dr_json *list = dr_json_get(doc, "aggregates");
	char age[CTL_QUANTITY_MAX];

	if (!dr_json_get_bool(doc, "in_nova", false)) {
		ctl_put(out, "%s: no host of Nova's\n", ctl_text_of(doc, "name"));
		return;
	}
	ctl_put(out, "%s: %s%s%s, %lld servers; Nova was read %s\n", ctl_text_of(doc, "name"),
		dr_json_get_bool(doc, "up", false) ? "up" : "down",
		dr_json_get_bool(doc, "forced_down", false) ? ", forced down" : "",
		dr_json_get_bool(doc, "disabled", false) ? ", disabled" : "", ctl_int_of(doc, "servers"),
		ctl_duration_of(doc, "read_age_seconds", " ago", age));
	ctl_put(out, "zone: %s; aggregates:%s", ctl_text_of(doc, "zone"), dr_json_size(list) ? "" : " none");
	for (const struct dr_json *a = dr_json_first(list); a; a = dr_json_next(a))
		ctl_put(out, "%s%s", a == dr_json_first(list) ? " " : ", ",
			dr_json_str(a) ? dr_json_str(a) : "?");
	dr_buf_puts(out, "\n");
}

static void print_rules(const struct dr_json *doc, struct dr_buf *out)
{
	const struct dr_json *list = dr_json_get(doc, "maintenance"), *flap = dr_json_get(doc, "flap");
	char left[CTL_QUANTITY_MAX];

	ctl_put(out, "monitors needed: %lld\n", ctl_int_of(doc, "monitors_needed"));
	for (const struct dr_json *m = dr_json_first(list); m; m = dr_json_next(m))
		ctl_put(out, "maintenance: until %s, by %s: %s\n", ctl_text_of(m, "until"),
			ctl_text_of(m, "by"), ctl_text_of(m, "reason"));
	ctl_put(out, "flap: penalty %lld, limit %lld", ctl_int_of(flap, "penalty"),
		ctl_int_of(flap, "limit"));
	if (dr_json_get_bool(flap, "held", false))
		ctl_put(out, ", holds for %s", ctl_duration_of(flap, "left_seconds", "", left));
	dr_buf_puts(out, "\n");
	ctl_put(out, "brake: %s\n",
		dr_json_get_bool(doc, "counted_by_brake", false)
			? "it is among the hosts marked down within the window"
			: "not marked down within the window");
}

enum ctl_exit ctl_print_why(const struct dr_json *doc, struct dr_buf *out)
{
	enum ctl_exit status = dr_json_get_str(doc, "name") ? CTL_GOOD : CTL_WRONG;

	print_nova(doc, out);
	print_rules(doc, out);
	print_votes(dr_json_get(doc, "monitors"), out);
	print_notes(dr_json_get(doc, "not_acted_on"), out);
	for (const struct dr_json *i = dr_json_first(dr_json_get(doc, "incidents")); i; i = dr_json_next(i)) {
		dr_buf_puts(out, "\n");
		print_heading(i, out);
		print_steps(dr_json_get(i, "steps"), out);
		if (is_open(i))
			status = CTL_WRONG;
	}
	return status;
}

/* ---------------------------------------------------------------- hosts */

/* "forced down, disabled, maintenance" */
static void put_marks(struct ctl_table *t, const struct dr_json *h)
{
	static const struct {
		const char *key, *word;
	} marks[] = {
		{ "forced_down", "forced down" },
		{ "disabled", "disabled" },
		{ "maintenance", "maintenance" },
	};
	char text[64] = "";

	for (size_t i = 0; i < DR_ARRAY_SIZE(marks); i++) {
		if (!dr_json_get_bool(h, marks[i].key, false))
			continue;
		strcat(text, *text ? ", " : "");
		strcat(text, marks[i].word);
	}
	ctl_table_cell(t, "%s", *text ? text : "-");
}

enum ctl_exit ctl_print_hosts(const struct dr_json *doc, struct dr_buf *out)
{
	static const char *const heads[] = {
		"HOST", "ZONE", "NOVA", "MARKS", ">SERVERS", "INCIDENT", "STATE"
	};
	const struct dr_json *list = dr_json_get(doc, "hosts");
	enum ctl_exit status = dr_json_size(list) > 0 ? CTL_GOOD : CTL_WRONG;
	AUTO_TABLE struct ctl_table t;

	TABLE(&t, heads);
	for (const struct dr_json *h = dr_json_first(list); h; h = dr_json_next(h)) {
		bool up = dr_json_get_bool(h, "up", false);
		ctl_table_cell(&t, "%s", ctl_text_of(h, "name"));
		ctl_table_cell(&t, "%s", ctl_text_of(h, "zone"));
		ctl_table_cell(&t, "%s", up ? "up" : "down");
		put_marks(&t, h);
		ctl_table_cell(&t, "%lld", ctl_int_of(h, "servers"));
		ctl_table_cell(&t, "%s", ctl_text_of(h, "incident"));
		ctl_table_cell(&t, "%s", ctl_text_of(h, "incident_state"));
		if (!up || dr_json_get_str(h, "incident"))
			status = CTL_WRONG;
	}
	ctl_table_print(&t, out);
	return status;
}

/* ---------------------------------------------------------------- maintenance */

enum ctl_exit ctl_print_maintenance(const struct dr_json *doc, struct dr_buf *out)
{
	static const char *const heads[] = { "HOST", "SINCE", "UNTIL", "BY", "REASON" };
	static const char *const keys[] = { "host", "since", "until", "by", "reason" };
	const struct dr_json *list = dr_json_get(doc, "maintenance");
	AUTO_TABLE struct ctl_table t;

	TABLE(&t, heads);
	for (const struct dr_json *m = dr_json_first(list); m; m = dr_json_next(m))
		for (size_t i = 0; i < DR_ARRAY_SIZE(keys); i++)
			ctl_table_cell(&t, "%s", ctl_text_of(m, keys[i]));
	ctl_table_print(&t, out);
	return dr_json_is_array(list) ? CTL_GOOD : CTL_WRONG;
}

enum ctl_exit ctl_print_maintained(const struct dr_json *doc, struct dr_buf *out)
{
	ctl_put(out, "%s is in maintenance until %s\n", ctl_text_of(doc, "host"), ctl_text_of(doc, "until"));
	return dr_json_get_str(doc, "until") ? CTL_GOOD : CTL_WRONG;
}

enum ctl_exit ctl_print_ended(const struct dr_json *doc, struct dr_buf *out)
{
	ctl_put(out, "%s is in maintenance no more\n", ctl_text_of(doc, "host"));
	return dr_json_get_str(doc, "host") ? CTL_GOOD : CTL_WRONG;
}

/* ---------------------------------------------------------------- health */

/* All but the one that was said. */
static void print_problems(const struct dr_json *problems, const char *said, struct dr_buf *out)
{
	for (const struct dr_json *p = dr_json_first(problems); p; p = dr_json_next(p))
		if (!said || strcmp(dr_json_str(p) ? dr_json_str(p) : "", said) != 0)
			ctl_put(out, "problem: %s\n", dr_json_str(p) ? dr_json_str(p) : "");
}

enum ctl_exit ctl_print_health(const struct dr_json *doc, struct dr_buf *out)
{
	const char *status = ctl_text_of(doc, "status"), *reason = dr_json_get_str(doc, "reason");
	char age[CTL_QUANTITY_MAX];

	ctl_put(out, "doctor-inspector: %s%s%s\n", status, reason ? ": " : "", reason ? reason : "");
	print_problems(dr_json_get(doc, "problems"), reason, out);
	if (dr_json_get_bool(doc, "dry_run", false))
		dr_buf_puts(out, "dry run: nothing is changed in the cloud\n");
	ctl_put(out, "nova: %lld hosts, %lld servers, read %s\n", ctl_int_of(doc, "hosts"),
		ctl_int_of(doc, "servers"), ctl_duration_of(doc, "map_age_seconds", " ago", age));
	ctl_put(out, "incidents: %lld worked on, %lld wait, %lld of them held (%lld by the brake)\n",
		ctl_int_of(doc, "incidents_active"), ctl_int_of(doc, "incidents_pending"),
		ctl_int_of(doc, "incidents_held"), ctl_int_of(doc, "held_by_brake"));
	ctl_put(out, "hosts in maintenance: %lld\n", ctl_int_of(doc, "hosts_in_maintenance"));
	ctl_put(out, "events that wait: %lld\n", ctl_int_of(doc, "events_queued"));
	return strcmp(status, "ok") == 0 ? CTL_GOOD : CTL_WRONG;
}
