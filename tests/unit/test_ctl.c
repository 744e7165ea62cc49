/* SPDX-License-Identifier: Apache-2.0 */
/* doctorctl's text for people, from documents as the monitor writes them. */
#include "tests/unit/status_world.h"

#include <string.h>

#include "tools/ctl/ctl.h"
#include "tools/ctl/table.h"

/* ---- calls ---- */

#define COMMANDS                                                                                             \
	"status, targets, links, counters, top, reload, inspector, hosts, incidents, why, maintenance, "     \
	"check, completion"

static int parse(struct ctl_opts *o, char **error, const char *a, const char *b, const char *c)
{
	static char texts[4][64]; /* the options point into them */
	char *argv[5] = { NULL };
	const char *const given[] = { "doctorctl", a, b, c };
	int argc = 0;

	for (; argc < 4 && given[argc]; argc++) {
		snprintf(texts[argc], sizeof(texts[argc]), "%s", given[argc]);
		argv[argc] = texts[argc];
	}
	*o = (struct ctl_opts){ 0 };
	*error = NULL;
	return ctl_opts_parse(argc, argv, o, error);
}

static void good_calls(void **state)
{
	struct ctl_opts o;
	char *error;

	assert_int_equal(parse(&o, &error, "status", NULL, NULL), 0);
	assert_string_equal(o.verb->path, "/v1/status");
	assert_null(o.socket);
	assert_string_equal(ctl_socket(&o), "/run/doctor/doctor-monitor.sock");
	assert_false(o.json);
	assert_int_equal(parse(&o, &error, "targets", "compute-1", "--json"), 0);
	assert_string_equal(o.verb->name, "targets");
	assert_string_equal(o.operand, "compute-1");
	assert_true(o.json);
	assert_int_equal(parse(&o, &error, "--socket", "/x/y", "reload"), 0);
	assert_string_equal(o.verb->method, "POST");
	assert_string_equal(o.socket, "/x/y");
	assert_null(o.operand);
	assert_int_equal(parse(&o, &error, "--help", NULL, NULL), 0);
	assert_true(o.help);
	assert_int_equal(parse(&o, &error, "--version", NULL, NULL), 0);
	assert_true(o.version);
}

static void wrong_calls(void **state)
{
	static const struct {
		const char *a, *b, *c, *error;
	} cases[] = {
		{ NULL, NULL, NULL, "say what: " COMMANDS },
		{ "statuss", NULL, NULL, "\"statuss\" is none of " COMMANDS },
		{ "status", "host", NULL, "unexpected argument \"host\"" },
		{ "targets", "a", "b", "unexpected argument \"b\"" },
		{ "targets", "", NULL, "HOST is empty" },
		{ "status", "--socket", NULL, "--socket needs a value" },
		{ "status", "--jsom", NULL, "unknown option --jsom" },
		{ "status", "-x", NULL, "unknown option -x" },
		{ "check", "nothing", NULL, "check: \"nothing\" is none of: monitor inspector cloud" },
		{ "check", "monitor inspector", NULL,
		  "check: \"monitor inspector\" is none of: monitor inspector cloud" },
		{ "completion", NULL, NULL, "completion: SHELL is missing" },
		{ "completion", "fish", NULL, "completion: \"fish\" is none of: bash zsh" },
		{ "top", "--interval", "1us", "--interval 1us: is none from 100ms to 1h" },
		{ "top", "--count", "0", "--count 0: is no number from 1 on" },
		{ "status", "--count=1", NULL, "--count is not for status" },
	};

	for (size_t i = 0; i < DR_ARRAY_SIZE(cases); i++) {
		struct ctl_opts o;
		char *error;
		assert_int_equal(parse(&o, &error, cases[i].a, cases[i].b, cases[i].c), -EINVAL);
		assert_string_equal(error, cases[i].error);
		free(error);
	}
}

static void pace(void **state)
{
	struct ctl_opts o;
	char *error;

	assert_int_equal(parse(&o, &error, "top", NULL, NULL), 0);
	assert_int_equal(o.interval.ns, DR_NSEC_PER_SEC);
	assert_int_equal(o.count, 0);
	assert_int_equal(parse(&o, &error, "top", "--interval=250ms", "--count=3"), 0);
	assert_int_equal(o.interval.ns, 250 * DR_NSEC_PER_MSEC);
	assert_int_equal(o.count, 3);
}

/* Each command and option is told of, and none twice. */
static void usage(void **state)
{
	DR_AUTO_BUF struct dr_buf b = { 0 };

	ctl_usage(&b);
	for (size_t i = 0; i < ctl_verb_count; i++) {
		char call[64];
		snprintf(call, sizeof(call), "\n  %s%s%s", ctl_verbs[i].name, ctl_verbs[i].sub ? " " : "",
			 ctl_verbs[i].sub ? ctl_verbs[i].sub : "");
		if (ctl_verbs[i].help)
			assert_non_null(strstr(b.data, call));
	}
	for (size_t i = 0; i < ctl_option_count; i++) {
		char call[64];
		snprintf(call, sizeof(call), "\n  --%s ", ctl_options[i].name);
		assert_non_null(strstr(b.data, call));
		assert_null(strstr(strstr(b.data, call) + 1, call));
	}
}

/* ---- completion ---- */

/* The words of line, the last of which is completed ("" after a blank). */
static void assert_completes(const char *line, const char *candidates)
{
	DR_AUTO_BUF struct dr_buf all = { 0 }, names = { 0 };
	DR_AUTO_FREE char *copy = strdup(line);
	const char *words[8];
	size_t count = 0;

	for (char *rest = copy, *word; (word = strsep(&rest, " "));)
		words[count++] = word;
	ctl_complete(words, count, &all);
	for (const char *p = dr_buf_str(&all); *p; p += strcspn(p, "\n") + 1) {
		dr_buf_puts(&names, names.len ? " " : "");
		dr_buf_append(&names, p, strcspn(p, "\t\n"));
	}
	assert_string_equal(dr_buf_str(&names), candidates);
}

static void completes(void **state)
{
	assert_completes("", "status targets links counters top reload inspector hosts incidents why "
			     "maintenance check completion");
	assert_completes("st", "status");
	assert_completes("in", "inspector incidents");
	assert_completes("nothing", "");
	assert_completes("incidents ", "list show release");
	assert_completes("--json incidents r", "release");
	assert_completes("incidents show ", "");
	assert_completes("check ", "monitor inspector cloud");
	assert_completes("completion ", "bash zsh");
	assert_completes("completion w", "");
	assert_completes("why ", "");
	assert_completes("status --s", "--socket");
	assert_completes("status --c", "");
	assert_completes("why h --c", "--ca --cert");
	assert_completes("maintenance set h --", "--json --dry-run --inspector --ca --cert --key "
						 "--token-file --for --until --reason --help --version");
	assert_completes("maintenance clear h --f", "");
	assert_completes("--token-file ", ":file");
	assert_completes("--for ", "");
	assert_completes("--ca x inc", "incidents");
	assert_completes("--ca=x inc", "incidents");
	assert_completes("--ca=x", ":file");
	assert_completes("--for=", "");
	assert_completes("--nothing=", "");
}

/* ---- quantities and tables ---- */

static void durations(void **state)
{
	static const struct {
		double seconds;
		const char *text;
	} cases[] = {
		{ 0, "0.00 ms" },	  { 0.0000145, "14.5 us" },   { 0.00021, "0.21 ms" },
		{ 0.0999, "99.90 ms" },	  { 0.12, "120 ms" },	      { 1, "1.0 s" },
		{ 9.96, "10.0 s" },	  { 59.4, "59 s" },	      { 60, "1 min 0 s" },
		{ 3599, "59 min 59 s" },  { 3600, "1 h 0 min" },      { 11520, "3 h 12 min" },
		{ 86399, "23 h 59 min" }, { 86400 * 4.1, "4 d 2 h" }, { 86400e3, "1000 d 0 h" },
	};
	char buf[CTL_QUANTITY_MAX];

	for (size_t i = 0; i < DR_ARRAY_SIZE(cases); i++)
		assert_string_equal(ctl_duration(cases[i].seconds, buf), cases[i].text);
	assert_true(strlen(ctl_duration(1e300, buf)) < CTL_QUANTITY_MAX);
	assert_string_equal(ctl_duration_of(NULL, "x", " ago", buf), "-");
}

static void columns(void **state)
{
	static const char *const heads[] = { "NAME", ">N", "NOTE" };
	DR_AUTO_BUF struct dr_buf b = { 0 };
	struct ctl_table t;

	ctl_table_init(&t, heads, 3);
	ctl_table_print(&t, &b);
	assert_string_equal(dr_buf_str(&b), "NAME  N  NOTE\n");
	dr_buf_clear(&b);
	ctl_table_cell(&t, "%s", "h\xc3\xb6st");
	ctl_table_cell(&t, "%d", 12345);
	ctl_table_cell(&t, "%s", "");
	ctl_table_cell(&t, "%s",
		       "a\x1b[2J\n\xc2\x9b"
		       "1m");
	ctl_table_cell(&t, "%d", 7);
	ctl_table_cell(&t, "%s", "x y");
	ctl_table_print(&t, &b);
	assert_string_equal(dr_buf_str(&b), "NAME            N  NOTE\n"
					    "h\xc3\xb6st        12345\n"
					    "a?[2J???1m      7  x y\n");
	ctl_table_cell(&t, "a row that is not full");
	ctl_table_print(&t, &b);
	assert_int_equal(b.error, -EINVAL);
	ctl_table_done(&t);
}

/* ---- documents ---- */

static int setup(void **state)
{
	struct world *w = malloc(sizeof(*w));

	assert_non_null(w);
	world_init(w, 3);
	*state = w;
	return 0;
}

static int teardown(void **state)
{
	world_done(*state);
	free(*state);
	return 0;
}

/* Prints what the monitor would say; takes doc over. */
static enum ctl_exit print(ctl_print_fn fn, struct dr_json *doc, struct dr_buf *b)
{
	enum ctl_exit status;

	dr_buf_clear(b);
	status = fn(doc, b);
	dr_json_free(doc);
	assert_int_equal(b->error, 0);
	return status;
}

static struct dr_json *targets_of(struct world *w)
{
	DR_AUTO_BUF struct dr_buf b = { 0 };
	struct mon_status_target t;
	struct dr_json *doc;

	mon_status_targets_begin(&b, &w->status);
	for (uint32_t i = 0; i < w->status.slot_count; i++) {
		if (w->status.target(w, i, &t))
			mon_status_targets_add(&b, &w->status, &t, false);
	}
	mon_status_targets_end(&b);
	assert_int_equal(dr_json_parse(b.data, b.len, &doc, NULL), 0);
	return doc;
}

static void status_when_all_is_well(void **state)
{
	struct world *w = *state;
	DR_AUTO_BUF struct dr_buf b = { 0 };

	assert_int_equal(print(ctl_print_status, mon_status_json(&w->status), &b), CTL_GOOD);
	assert_string_equal(
		b.data,
		"doctor-monitor 1.2.3 on node-1, up 1 min 30 s\n"
		"all is well\n"
		"\n"
		"targets: 3: 3 up\n"
		"links: 2, 0 of them down; told by netlink (lockdown)\n"
		"reloads: 0, 0 incomplete, 0 refused\n"
		"\n"
		"INTERFACE  CARRIER  INGRESS  EGRESS  UP  SILENT  XDP EXC  DROPPED  STATE\n"
		"eth0       yes      native   tcx      3       0        4        3  hears\n"
		"eth1       yes      generic  tcx      3       0        4        3  hears\n"
		"\n"
		"INSPECTOR                      ANSWERS  WAITING  DELIVERED  REFUSED  RETRIES  DROPPED\n"
		"http://inspector:12345/events  yes            0          5        0        0        0\n");
}

/* What says nothing of problems is no monitor, or another one: not "all is well". */
static void status_that_says_nothing(void **state)
{
	DR_AUTO_BUF struct dr_buf b = { 0 };

	assert_int_equal(print(ctl_print_status, dr_json_object(), &b), CTL_WRONG);
	assert_null(strstr(b.data, "all is well"));
	assert_non_null(strstr(b.data, "! it does not say how it is\n"));
}

static void status_when_it_is_not(void **state)
{
	struct world *w = *state;
	DR_AUTO_BUF struct dr_buf b = { 0 };

	world_set_verdict(w, world_slot(0), DR_VERDICT_DOWN, DR_REASON_SILENCE);
	w->interfaces[0].state.isolated_ns = WORLD_AGO(2500);
	w->interfaces[0].state.reason = DR_REASON_DEAF;
	w->interfaces[1].attached = false;
	w->interfaces[1].ingress = w->interfaces[1].egress = NULL;
	w->status.not_realtime = "not permitted";
	assert_int_equal(print(ctl_print_status, mon_status_json(&w->status), &b), CTL_WRONG);
	assert_non_null(strstr(b.data, "\n! 1 target is down\n! interface eth0 is isolated: deaf\n"
				       "! nothing is attached to interface eth1\n\n"
				       "targets: 3: 2 up, 1 down\n"));
	assert_non_null(strstr(b.data, "\nsender: not real-time (not permitted)\n"));
	assert_non_null(strstr(b.data, "  isolated for 2.5 s: deaf\n"));
	assert_non_null(strstr(
		b.data, "eth1       yes      -        -        3       0        4        3  not attached\n"));
	assert_null(strstr(b.data, "all is well"));
}

/* What is no status does not pass for a good one. */
static void status_of_something_else(void **state)
{
	DR_AUTO_BUF struct dr_buf b = { 0 };

	assert_int_equal(print(ctl_print_status, dr_json_object(), &b), CTL_WRONG);
}

static void targets(void **state)
{
	struct world *w = *state;
	DR_AUTO_BUF struct dr_buf b = { 0 };

	world_set_verdict(w, world_slot(2), DR_VERDICT_UNKNOWN, DR_REASON_NONE);
	w->targets[world_slot(2)].track = (struct dr_track){ 0 };
	w->settings[world_slot(2)].canary = true;
	w->targets[world_slot(0)].track.answered = 94; /* of 99 that are not awaited */
	assert_int_equal(print(ctl_print_targets, targets_of(w), &b), CTL_GOOD);
	assert_string_equal(b.data, "HOST    PLANE    ADDRESS      KIND  INTERFACE  VERDICT  REASON         "
				    "CHANGED      RTT  SENT"
				    "    LOSS  NOTE\n"
				    "host-0  data     192.0.2.1    echo  eth0       up       answers  1 min "
				    "0 s ago  0.21 ms   100"
				    "  5.05 %\n"
				    "host-0  storage  2001:db8::2  echo  eth1       up       answers  1 min "
				    "0 s ago  0.21 ms   100"
				    "  0.00 %\n"
				    "host-1  data     192.0.2.3    arp   eth0       unknown  -               "
				    "     -        -     0"
				    "  0.00 %  canary\n");
}

static void targets_in_trouble(void **state)
{
	static const enum dr_verdict bad[] = { DR_VERDICT_DOWN, DR_VERDICT_DEGRADED, DR_VERDICT_UNREACHABLE };
	struct world *w = *state;
	DR_AUTO_BUF struct dr_buf b = { 0 };

	for (size_t i = 0; i < DR_ARRAY_SIZE(bad); i++) {
		world_set_verdict(w, world_slot(1), bad[i], DR_REASON_SILENCE);
		assert_int_equal(print(ctl_print_targets, targets_of(w), &b), CTL_WRONG);
	}
	w->targets[world_slot(1)].send_error = ENETUNREACH;
	assert_int_equal(print(ctl_print_targets, targets_of(w), &b), CTL_WRONG);
	assert_non_null(strstr(b.data, "%  Network is unreachable\n"));
	world_set_verdict(w, world_slot(1), DR_VERDICT_UP, DR_REASON_ANSWERS);
	w->targets[world_slot(1)].grey = true;
	w->targets[world_slot(1)].grey_details = "loss 12 %";
	assert_int_equal(print(ctl_print_targets, targets_of(w), &b), CTL_WRONG);
	assert_non_null(strstr(b.data, "%  loss 12 %\n"));
	w->targets[world_slot(1)].grey = false;
	assert_int_equal(print(ctl_print_targets, targets_of(w), &b), CTL_GOOD);
	world_set_verdict(w, world_slot(1), DR_VERDICT_UNKNOWN, DR_REASON_NONE);
	w->targets[world_slot(1)].late = true;
	assert_int_equal(print(ctl_print_targets, targets_of(w), &b), CTL_WRONG);
	assert_non_null(strstr(b.data, "%  answers too late: needs a longer interval\n"));
	w->status.slot_count = 0;
	assert_int_equal(print(ctl_print_targets, targets_of(w), &b), CTL_WRONG);
}

static void links(void **state)
{
	struct world *w = *state;
	DR_AUTO_BUF struct dr_buf b = { 0 };

	assert_int_equal(print(ctl_print_links, mon_status_links_json(&w->status), &b), CTL_GOOD);
	assert_string_equal(
		b.data,
		"INTERFACE  HOST    PLANE  CARRIER  TOLD BY    CHANGED  UPS  DOWNS  FLAPS  XDP EXC  DROPPED"
		"  MISSED  ERRORS\n"
		"eth0       node-1  data   yes      netlink  3.0 s ago    2      1      1        7       11"
		"      12      13\n"
		"eth1       node-1  data   yes      netlink  3.0 s ago    3      1      1        7       11"
		"      12      13\n");
	w->links[1].ifindex = 0;
	assert_int_equal(print(ctl_print_links, mon_status_links_json(&w->status), &b), CTL_WRONG);
	assert_non_null(strstr(b.data, "not there"));
	w->links[1].ifindex = 3;
	w->links[1].state.carrier = 0;
	assert_int_equal(print(ctl_print_links, mon_status_links_json(&w->status), &b), CTL_WRONG);
}

/* Not counted is no zero, and says why. */
static void exceptions_that_are_not_counted(void **state)
{
	struct world *w = *state;
	DR_AUTO_BUF struct dr_buf b = { 0 };

	w->status.xdp_uncounted = "kernel lockdown";
	assert_int_equal(print(ctl_print_status, mon_status_json(&w->status), &b), CTL_GOOD);
	assert_non_null(strstr(b.data, "XDP exceptions: not counted (kernel lockdown)\n"));
	assert_non_null(strstr(b.data, "tcx      3       0        -        3  hears\n"));
	assert_int_equal(print(ctl_print_links, mon_status_links_json(&w->status), &b), CTL_GOOD);
	assert_non_null(strstr(b.data, "      1        -       11"));
}

static void counters(void **state)
{
	struct world *w = *state;
	DR_AUTO_BUF struct dr_buf b = { 0 };

	assert_int_equal(print(ctl_print_counters, mon_status_counters_json(&w->status), &b), CTL_GOOD);
	assert_non_null(strstr(b.data, "\nkernel                         probes                 1000\n"));
	assert_non_null(strstr(b.data, "\nsender                         late_max            20.5 us\n"));
	assert_non_null(strstr(b.data, "\nhttp://inspector:12345/events  reachable                 1\n"));
	assert_non_null(strstr(b.data, "\nhttp://inspector:12345/events  delivered                 5\n"));
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(good_calls),
		cmocka_unit_test(wrong_calls),
		cmocka_unit_test(pace),
		cmocka_unit_test(usage),
		cmocka_unit_test(completes),
		cmocka_unit_test(durations),
		cmocka_unit_test(columns),
		cmocka_unit_test_setup_teardown(status_when_all_is_well, setup, teardown),
		cmocka_unit_test(status_that_says_nothing),
		cmocka_unit_test_setup_teardown(status_when_it_is_not, setup, teardown),
		cmocka_unit_test(status_of_something_else),
		cmocka_unit_test_setup_teardown(targets, setup, teardown),
		cmocka_unit_test_setup_teardown(targets_in_trouble, setup, teardown),
		cmocka_unit_test_setup_teardown(links, setup, teardown),
		cmocka_unit_test_setup_teardown(exceptions_that_are_not_counted, setup, teardown),
		cmocka_unit_test_setup_teardown(counters, setup, teardown),
	};

	return cmocka_run_group_tests_name("unit: doctorctl", tests, NULL, NULL);
}
