/* SPDX-License-Identifier: Apache-2.0 */
/* The JSON documents, and the freshness of what they show. */
#include "tests/unit/status_world.h"

#include <string.h>

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

/* ---- what is compared: the value at a path, as JSON ---- */

static void assert_at(const struct dr_json *doc, const char *path, const char *expected)
{
	struct dr_json *copy = dr_json_copy(*path ? dr_json_path(doc, path) : doc);
	DR_AUTO_FREE char *text = copy ? dr_json_print(copy) : strdup("(absent)");

	dr_json_free(copy);
	assert_non_null(text);
	if (strcmp(text, expected) != 0)
		fail_msg("%s is %s, not %s", path, text, expected);
}

static void assert_problems(struct world *w, const char *expected)
{
	DR_AUTO_JSON struct dr_json *doc = mon_status_json(&w->status);

	assert_at(doc, "problems", expected);
}

static struct dr_json *targets_of(struct world *w)
{
	DR_AUTO_BUF struct dr_buf b = { 0 };
	struct mon_status_target t;
	struct dr_json *doc;

	mon_status_targets_begin(&b, &w->status);
	for (uint32_t i = 0; i < w->status.slot_count; i++) {
		if (w->status.target(w, i, &t))
			mon_status_targets_add(&b, &w->status, &t, t.slot == world_slot(0));
	}
	mon_status_targets_end(&b);
	assert_int_equal(b.error, 0);
	assert_int_equal(dr_json_parse(b.data, b.len, &doc, NULL), 0);
	return doc;
}

/* ---- documents ---- */

static void status_of_good_health(void **state)
{
	struct world *w = *state;
	DR_AUTO_JSON struct dr_json *doc = mon_status_json(&w->status);

	assert_at(doc, "name", "\"doctor-monitor\"");
	assert_at(doc, "version", "\"1.2.3\"");
	assert_at(doc, "host", "\"node-1\"");
	assert_at(doc, "time", "\"2026-11-22T14:03:21.710436Z\"");
	assert_at(doc, "uptime_seconds", "90");
	assert_at(doc, "problems", "[]");
	assert_at(doc, "fresh", "true");
	assert_at(doc, "blind", "false");
	assert_at(doc, "realtime", "true");
	assert_at(doc, "realtime_why", "null");
	assert_at(doc, "targets",
		  "{\"unknown\":0,\"up\":3,\"down\":0,\"degraded\":0,\"unreachable\":0,\"grey\":0,"
		  "\"total\":3}");
	assert_at(
		doc, "interfaces.0",
		"{\"interface\":\"eth0\",\"ifindex\":2,\"attached\":true,\"ingress\":\"native\","
		"\"ingress_why\":null,\"egress\":\"tcx\",\"carrier\":true,\"isolated\":false,\"reason\":null,"
		"\"isolated_age_seconds\":null,\"isolations\":0,\"taken_over\":0,\"blind\":false,"
		"\"blind_age_seconds\":null,"
		"\"up\":3,\"silent\":0,\"xdp_exceptions\":4,\"rx_dropped\":1,\"rx_missed\":2,\"rx_errors\":"
		"3}");
	assert_at(doc, "links",
		  "{\"source\":\"netlink\",\"source_why\":\"lockdown\",\"xdp_exceptions_counted\":true,"
		  "\"xdp_exceptions_why\":null,\"total\":2,\"down\":0}");
	assert_at(doc, "inspectors.0.url", "\"http://inspector:12345/events\"");
	assert_at(doc, "inspectors.0.delivered", "5");
	assert_at(doc, "reload", "{\"done\":0,\"incomplete\":0,\"failed\":0,\"error\":null}");
}

static void isolated_interface(void **state)
{
	struct world *w = *state;
	struct dr_iface *f = &w->interfaces[1].state;

	f->isolated_ns = WORLD_AGO(2500);
	f->isolations = 4;
	f->reason = DR_REASON_SHARE;
	f->blind_ns = WORLD_NOW + 5; /* after the snapshot began: now */
	DR_AUTO_JSON struct dr_json *doc = mon_status_json(&w->status);
	assert_at(doc, "interfaces.1.isolated", "true");
	assert_at(doc, "interfaces.1.reason", "\"share\"");
	assert_at(doc, "interfaces.1.isolated_age_seconds", "2.5");
	assert_at(doc, "interfaces.1.isolations", "4");
	assert_at(doc, "interfaces.1.blind_age_seconds", "0");
	assert_problems(w, "[\"interface eth1 is isolated: share\"]");
}

static void isolated_since_before_the_start(void **state)
{
	struct world *w = *state;
	struct mon_status_interface *n = &w->interfaces[1];

	n->state.isolated_ns = WORLD_AGO(2500);
	n->state.reason = DR_REASON_SHARE;
	n->taken_over = 10;
	DR_AUTO_JSON struct dr_json *doc = mon_status_json(&w->status);
	assert_at(doc, "interfaces.1.taken_over", "10");
	assert_problems(w, "[\"interface eth1 is isolated: share, as before the restart (10 targets were up "
			   "then)\"]");
	n->taken_over = 1;
	assert_problems(w, "[\"interface eth1 is isolated: share, as before the restart (1 target was up "
			   "then)\"]");
	n->state.isolated_ns = 0; /* not yet, or no more */
	assert_problems(w, "[]");
}

static void problems_of_targets(void **state)
{
	struct world *w = *state;

	world_set_verdict(w, world_slot(0), DR_VERDICT_UNKNOWN, DR_REASON_NONE);
	assert_problems(w, "[]"); /* it has just begun */
	world_set_verdict(w, world_slot(0), DR_VERDICT_DOWN, DR_REASON_SILENCE);
	assert_problems(w, "[\"1 target is down\"]");
	world_set_verdict(w, world_slot(1), DR_VERDICT_DOWN, DR_REASON_SILENCE);
	world_set_verdict(w, world_slot(2), DR_VERDICT_DEGRADED, DR_REASON_TALKING);
	assert_problems(w, "[\"2 targets are down\",\"1 target is degraded\"]");
	world_set_verdict(w, world_slot(2), DR_VERDICT_UNREACHABLE, DR_REASON_NO_ROUTE);
	w->status.grey_count = 1;
	assert_problems(w, "[\"2 targets are down\",\"1 target is unreachable\","
			   "\"1 target answers and loses or delays too much\"]");
	world_set_verdict(w, world_slot(0), DR_VERDICT_UP, DR_REASON_ANSWERS);
	world_set_verdict(w, world_slot(1), DR_VERDICT_UP, DR_REASON_ANSWERS);
	world_set_verdict(w, world_slot(2), DR_VERDICT_UNKNOWN, DR_REASON_NONE);
	w->status.grey_count = 0;
	w->status.late_count = 1;
	assert_problems(w, "[\"1 target answers too late to be recognised: longer intervals are needed\"]");
}

static void problems_of_places(void **state)
{
	struct world *w = *state;

	w->interfaces[0].attached = false;
	w->interfaces[1].ifindex = 0;
	w->links[0].state.carrier = 0;
	w->links[1].ifindex = 0;
	assert_problems(w, "[\"nothing is attached to interface eth0\",\"interface eth1 is not there\","
			   "\"link eth0 has no carrier\",\"link eth1 is not there\"]");
	DR_AUTO_JSON struct dr_json *doc = mon_status_json(&w->status);
	assert_at(doc, "links.down", "2");
}

static void problems_of_the_monitor(void **state)
{
	struct world *w = *state;

	w->status.blind = true;
	w->status.inspectors[0].reachable = false;
	w->status.reload_error = "a.yaml:1: \"bad\"\na.yaml:2: worse";
	w->status.cycle.sender.ns = WORLD_AGO(9900);
	assert_problems(w, "[\"the monitor is stale: the sender has stood still for 9.9 s\","
			   "\"the monitor is blind: its sender is too late to judge by\","
			   "\"inspector http://inspector:12345/events does not answer\","
			   "\"the new configuration was refused: a.yaml:1: \\\"bad\\\", and more\"]");
	DR_AUTO_JSON struct dr_json *doc = mon_status_json(&w->status);
	assert_at(doc, "fresh", "false");
	assert_at(doc, "blind", "true");
	assert_at(doc, "inspectors.0.reachable", "false");
}

/* A reload to an empty list is taken: it is said for as long as it is so. */
static void nothing_to_watch(void **state)
{
	struct world *w = *state;

	memset(w->status.targets_by_verdict, 0, sizeof(w->status.targets_by_verdict));
	assert_problems(w, "[]"); /* links are something */
	w->status.link_count = 0;
	assert_problems(w, "[\"nothing is watched: the configuration has no targets and no links\"]");
	w->status.discovery = (struct mon_status_discovery){ .on = true, .since = w->status.now };
	assert_problems(w, "[]");
}

static void discovered_hosts_that_are_left_out(void **state)
{
	struct world *w = *state;

	w->status.left_out = 1;
	w->status.left_out_why = "the file gives its address 192.0.2.1 to b host=a\n";
	assert_problems(w, "[\"1 discovered host is not watched: the file gives its address 192.0.2.1 to b "
			   "host=a\"]");
	w->status.left_out = 5;
	w->status.left_out_why = "there is no room\nor whatever\n";
	assert_problems(w, "[\"5 discovered hosts are not watched: there is no room, and more\"]");
	DR_AUTO_JSON struct dr_json *doc = mon_status_json(&w->status);
	assert_at(doc, "discovery",
		  "{\"on\":false,\"hosts\":0,\"listed_age_seconds\":null,\"stale\":false,\"left_out\":5,"
		  "\"left_out_why\":\"there is no room\\nor whatever\\n\"}");
}

/* Two refreshes and a minute without a list, or since the beginning. */
static void nova_lists_nothing(void **state)
{
	struct world *w = *state;
	struct mon_status_discovery *d = &w->status.discovery;

	*d = (struct mon_status_discovery){ .on = true,
					    .hosts = 3,
					    .listed.ns = WORLD_AGO(120000),
					    .since.ns = WORLD_AGO(500000),
					    .refresh = dr_sec(30) };
	assert_problems(w, "[]");
	d->listed.ns = WORLD_AGO(120001);
	assert_problems(w, "[\"Nova has not listed its hypervisors for 120 s: new ones are not watched\"]");
	DR_AUTO_JSON struct dr_json *doc = mon_status_json(&w->status);
	assert_at(doc, "discovery.hosts", "3");
	assert_at(doc, "discovery.stale", "true");
	assert_at(doc, "discovery.listed_age_seconds", "120.001");
	d->listed.ns = 0;
	d->hosts = 0;
	assert_problems(w,
			"[\"Nova has not listed its hypervisors since the start: none of them is watched\"]");
	d->since.ns = WORLD_AGO(120000);
	assert_problems(w, "[]");
	d->listed.ns = WORLD_AGO(1000);
	assert_problems(w, "[\"Nova lists no hypervisors: none is watched\"]");
	d->on = false;
	assert_problems(w, "[]");
}

/* Half of it is in force: neither a refusal nor a success. */
static void a_reload_that_was_half_done(void **state)
{
	struct world *w = *state;

	w->status.reloads_incomplete = 1;
	w->status.reload_incomplete = true;
	w->status.reload_error = "interface eth9: busy";
	assert_problems(
		w, "[\"the new configuration was taken over, but not as a whole: interface eth9: busy\"]");
	DR_AUTO_JSON struct dr_json *doc = mon_status_json(&w->status);
	assert_at(doc, "reload",
		  "{\"done\":0,\"incomplete\":1,\"failed\":0,\"error\":\"interface eth9: busy\"}");
}

static void links_document(void **state)
{
	struct world *w = *state;

	w->links[1].state.carrier = 1;
	w->links[1].ifindex = 0; /* gone: what the map last said does not count */
	w->links[1].state.changed_ns = w->links[1].state.down_ns = 0;
	w->links[1].state.source = 0;
	DR_AUTO_JSON struct dr_json *doc = mon_status_links_json(&w->status);
	assert_at(doc, "source", "\"netlink\"");
	assert_at(doc, "source_why", "\"lockdown\"");
	assert_at(doc, "links.0",
		  "{\"interface\":\"eth0\",\"ifindex\":2,\"host\":\"node-1\",\"plane\":\"data\","
		  "\"carrier\":true,\"source\":\"netlink\",\"ups\":2,\"downs\":1,\"flaps\":1,"
		  "\"changed\":\"2026-11-22T14:03:18.710436Z\",\"changed_age_seconds\":3,"
		  "\"down_age_seconds\":4,\"xdp_exceptions\":7,\"rx_dropped\":11,\"rx_missed\":12,"
		  "\"rx_errors\":13}");
	assert_at(doc, "links.1.carrier", "false");
	assert_at(doc, "links.1.source", "null");
	assert_at(doc, "links.1.changed", "null");
	assert_at(doc, "links.1.changed_age_seconds", "null");
}

static void exceptions_that_are_not_counted(void **state)
{
	struct world *w = *state;

	w->status.xdp_uncounted = "missing CAP_PERFMON";
	DR_AUTO_JSON struct dr_json *doc = mon_status_json(&w->status);
	DR_AUTO_JSON struct dr_json *links = mon_status_links_json(&w->status);
	assert_at(doc, "links.xdp_exceptions_counted", "false");
	assert_at(doc, "links.xdp_exceptions_why", "\"missing CAP_PERFMON\"");
	assert_at(links, "xdp_exceptions_counted", "false");
	assert_at(links, "xdp_exceptions_why", "\"missing CAP_PERFMON\"");
}

static void counters_document(void **state)
{
	struct world *w = *state;
	DR_AUTO_JSON struct dr_json *doc = mon_status_counters_json(&w->status);
	const struct dr_json *kernel = dr_json_get(doc, "kernel"), *c;
	int64_t n = 1000;

	/* all of dr_stats, in its order, each under a name of its own */
	for (c = dr_json_first(kernel); c; c = dr_json_next(c), n++) {
		int64_t value;
		assert_int_equal(dr_json_get_i64(kernel, dr_json_key(c), &value), 0);
		assert_int_equal(value, n);
	}
	assert_int_equal(n - 1000, sizeof(struct dr_stats) / sizeof(uint64_t));
	assert_at(doc, "sender",
		  "{\"attempts\":1000,\"sent\":990,\"failed\":9,\"skipped\":1,\"unseen\":7,"
		  "\"late_max_seconds\":2.05e-05,\"cycle_age_seconds\":0.1}");
	assert_at(doc, "inspectors.0.waiting", "0");
}

static void targets_document(void **state)
{
	struct world *w = *state;
	struct mon_status_target *t = &w->targets[world_slot(1)];

	t->send_error = ENETUNREACH;
	t->late = true;
	t->grey = true;
	t->grey_details = "loss 12.5 % of 80 probes in 10 s";
	DR_AUTO_JSON struct dr_json *doc = targets_of(w);
	assert_at(doc, "time", "\"2026-11-22T14:03:21.710436Z\"");
	assert_int_equal(dr_json_size(dr_json_get(doc, "targets")), 3);
	assert_at(doc, "targets.0.host", "\"host-0\"");
	assert_at(doc, "targets.0.plane", "\"data\"");
	assert_at(doc, "targets.0.address", "\"192.0.2.1\"");
	assert_at(doc, "targets.0.kind", "\"echo\"");
	assert_at(doc, "targets.0.interface", "\"eth0\"");
	assert_at(doc, "targets.0.slot", "1");
	assert_at(doc, "targets.0.verdict", "\"up\"");
	assert_at(doc, "targets.0.reason", "\"answers\"");
	assert_at(doc, "targets.0.interval_seconds", "0.01");
	assert_at(doc, "targets.0.detect_seconds", "0.03");
	assert_at(doc, "targets.0.changed", "\"2026-11-22T14:02:21.710436Z\"");
	assert_at(doc, "targets.0.changed_age_seconds", "60");
	assert_at(doc, "targets.0.last_rx_age_seconds", "0.015");
	assert_at(doc, "targets.0.seen_age_seconds", "null");
	assert_at(doc, "targets.0.rtt.last_seconds", "0.00021");
	assert_at(doc, "targets.0.rtt.mean_seconds", "0.0002");
	assert_at(doc, "targets.0.rtt.log2", "[0,0,0,0,0,0,0,90,8,0,0,0,0,0,0,0,0,0,0,0,0,0,0,1]");
	assert_at(doc, "targets.0.grey", "null");
	assert_at(doc, "targets.0.late", "false");
	assert_at(doc, "targets.1.late", "true");
	assert_at(doc, "targets.0.send_error", "null");
	assert_at(doc, "targets.1.rtt.max_seconds", "0.005");
	assert_at(doc, "targets.1.rtt.log2", "(absent)"); /* it was not asked for the whole */
	assert_at(doc, "targets.1.address", "\"2001:db8::2\"");
	assert_at(doc, "targets.1.grey", "\"loss 12.5 % of 80 probes in 10 s\"");
	assert_at(doc, "targets.1.send_error", "\"Network is unreachable\"");
	assert_at(doc, "targets.2.kind", "\"arp\"");
}

/* What never was is null and not zero. */
static void a_target_without_a_story(void **state)
{
	struct world *w = *state;
	struct mon_status_target *t = &w->targets[world_slot(0)];

	t->track = (struct dr_track){ 0 };
	DR_AUTO_JSON struct dr_json *doc = targets_of(w);
	assert_at(doc, "targets.0.verdict", "\"unknown\"");
	assert_at(doc, "targets.0.reason", "null");
	assert_at(doc, "targets.0.rtt", "null");
	assert_at(doc, "targets.0.changed", "null");
	assert_at(doc, "targets.0.last_tx_age_seconds", "null");
}

static void hostile_names(void **state)
{
	struct world *w = *state;

	snprintf(w->settings[world_slot(0)].host, MON_HOST_MAX, "a\"},{\"host\":\"b\\\n\xff");
	DR_AUTO_JSON struct dr_json *doc = targets_of(w);
	assert_int_equal(dr_json_size(dr_json_get(doc, "targets")), 3);
	assert_string_equal(dr_json_str(dr_json_path(doc, "targets.0.host")),
			    "a\"},{\"host\":\"b\\\n\xef\xbf\xbd");
}

static void no_targets(void **state)
{
	struct world *w = *state;

	w->status.slot_count = 0;
	DR_AUTO_JSON struct dr_json *doc = targets_of(w);
	assert_at(doc, "targets", "[]");
}

static void words(void **state)
{
	static const struct {
		const char *url, *shown;
	} urls[] = {
		{ "http://a/b", "http://a/b" },
		{ "http://u:p@a/b", "http://a/b" },
		{ "https://u:p@x@[::1]:1/b@c?d=e@f", "https://[::1]:1/b@c?d=e@f" },
		{ "http://a?x=@", "http://a?x=@" },
		{ "u:p@a", "a" },
		{ "", "" },
	};
	char buf[MON_URL_STR_MAX], big[400];

	for (size_t i = 0; i < DR_ARRAY_SIZE(urls); i++)
		assert_string_equal(mon_url_format(urls[i].url, buf), urls[i].shown);
	memset(big, 'x', sizeof(big) - 1);
	big[sizeof(big) - 1] = '\0';
	assert_int_equal(strlen(mon_url_format(big, buf)), MON_URL_STR_MAX - 1);
	assert_string_equal(mon_verdict_name(DR_VERDICT_UNREACHABLE), "unreachable");
	assert_string_equal(mon_verdict_name(99), "?");
	assert_string_equal(mon_kind_name(DR_KIND_ND), "nd");
	assert_string_equal(mon_kind_name((enum dr_kind)0), "?");
}

/* Each member stands in the document, in a sample or in its words. */
static void look_up(const struct dr_json *v, const char *docs)
{
	for (const struct dr_json *c = dr_json_first(v); c; c = dr_json_next(c)) {
		const char *key = dr_json_key(c);
		DR_AUTO_FREE char *sample = dr_asprintf("\"%s\": ", key ? key : ""),
				  *word = dr_asprintf("`%s`", key ? key : "");
		if (key && !strstr(docs, sample) && !strstr(docs, word))
			fail_msg("docs/status.md does not know \"%s\"", key);
		look_up(c, docs);
	}
}

static void documented(void **state)
{
	struct world *w = *state;
	DR_AUTO_BUF struct dr_buf docs = { 0 };
	DR_AUTO_JSON struct dr_json *all = dr_json_array();

	world_read_docs(&docs);
	dr_json_push(all, mon_status_json(&w->status));
	dr_json_push(all, mon_status_links_json(&w->status));
	dr_json_push(all, mon_status_counters_json(&w->status));
	dr_json_push(all, targets_of(w));
	assert_int_equal(dr_json_size(all), 4);
	look_up(all, docs.data);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test_setup_teardown(status_of_good_health, setup, teardown),
		cmocka_unit_test_setup_teardown(isolated_interface, setup, teardown),
		cmocka_unit_test_setup_teardown(isolated_since_before_the_start, setup, teardown),
		cmocka_unit_test_setup_teardown(problems_of_targets, setup, teardown),
		cmocka_unit_test_setup_teardown(problems_of_places, setup, teardown),
		cmocka_unit_test_setup_teardown(problems_of_the_monitor, setup, teardown),
		cmocka_unit_test_setup_teardown(nothing_to_watch, setup, teardown),
		cmocka_unit_test_setup_teardown(discovered_hosts_that_are_left_out, setup, teardown),
		cmocka_unit_test_setup_teardown(nova_lists_nothing, setup, teardown),
		cmocka_unit_test_setup_teardown(a_reload_that_was_half_done, setup, teardown),
		cmocka_unit_test_setup_teardown(links_document, setup, teardown),
		cmocka_unit_test_setup_teardown(exceptions_that_are_not_counted, setup, teardown),
		cmocka_unit_test_setup_teardown(counters_document, setup, teardown),
		cmocka_unit_test_setup_teardown(targets_document, setup, teardown),
		cmocka_unit_test_setup_teardown(a_target_without_a_story, setup, teardown),
		cmocka_unit_test_setup_teardown(hostile_names, setup, teardown),
		cmocka_unit_test_setup_teardown(no_targets, setup, teardown),
		cmocka_unit_test_setup_teardown(documented, setup, teardown),
		cmocka_unit_test(words),
	};

	return cmocka_run_group_tests_name("unit: status", tests, NULL, NULL);
}
