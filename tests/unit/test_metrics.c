/* SPDX-License-Identifier: Apache-2.0 */
/* The Prometheus text: what is in it, and what promtool says of it. */
#include "tests/unit/status_world.h"

#include <string.h>

#include "tests/unit/promtool.h"
#include "user/metrics.h"

static int setup(void **state)
{
	struct world *w = malloc(sizeof(*w));

	assert_non_null(w);
	world_init(w, 6);
	*state = w;
	return 0;
}

static int teardown(void **state)
{
	world_done(*state);
	free(*state);
	return 0;
}

static void print(struct world *w, struct dr_buf *ret)
{
	DR_AUTO(mon_metrics_done) struct mon_metrics m = { 0 };
	struct mon_status_target t;

	mon_metrics_begin(&m, &w->status);
	for (uint32_t i = 0; i < w->status.slot_count; i++) {
		if (w->status.target(w, i, &t))
			mon_metrics_add(&m, &t);
	}
	mon_metrics_end(&m, ret);
	assert_int_equal(ret->error, 0);
}

/* A whole line, without the prefix of all names. */
#define assert_line(b, line) metrics_assert_line(b, "doctor_monitor_" line)

/* ---- promtool ---- */

static void promtool_is_content(void **state)
{
	DR_AUTO_BUF struct dr_buf b = { 0 };

	PROMTOOL_OR_SKIP();
	print(*state, &b);
	promtool_assert_clean(&b);
}

/* The check can fail: promtool is asked, and hears what we print. */
static void promtool_would_complain(void **state)
{
	DR_AUTO_BUF struct dr_buf b = { 0 };
	char path[] = "/tmp/test_metrics.XXXXXX";
	int fd = mkstemp(path);

	PROMTOOL_OR_SKIP();
	print(*state, &b);
	dr_buf_puts(&b, "# HELP flaps Flaps.\n# TYPE flaps counter\nflaps 1\n"); /* not flaps_total */
	assert_int_equal(write(fd, b.data, b.len), b.len);
	close(fd);
	DR_AUTO_FREE char *command = dr_asprintf("promtool check metrics <%s >/dev/null 2>&1", path);
	assert_int_not_equal(system(command), 0);
	unlink(path);
}

static void hostile_names(void **state)
{
	struct world *w = *state;
	DR_AUTO_BUF struct dr_buf b = { 0 };

	snprintf(w->settings[world_slot(0)].host, MON_HOST_MAX, "a\"} 1\ndoctor_monitor_blind{x=\"\\");
	snprintf(w->settings[world_slot(0)].plane, MON_NAME_MAX, "\xc3\xa4 \xff\xc3 \xed\xa0\x80");
	w->status.name = "\n# TYPE x counter";
	w->status.inspectors[0].url = "http://\"\\\n/";
	w->interfaces[0].name = "e\"0";
	print(w, &b);
	assert_line(&b, "target_up{host=\"a\\\"} 1\\ndoctor_monitor_blind{x=\\\"\\\\\",plane=\"\xc3\xa4 "
			"\xef\xbf\xbd\xef\xbf\xbd \xef\xbf\xbd\xef\xbf\xbd\xef\xbf\xbd\"} 1");
	assert_int_equal(metrics_count(&b, "\n# TYPE x"), 0);
	PROMTOOL_OR_SKIP();
	promtool_assert_clean(&b);
}

static void nothing_configured(void **state)
{
	struct world *w = *state;
	DR_AUTO_BUF struct dr_buf b = { 0 };

	w->status.slot_count = 0;
	w->status.interface_count = w->status.link_count = w->status.inspector_count = 0;
	print(w, &b);
	assert_int_equal(metrics_count(&b, "target_"), 0);
	PROMTOOL_OR_SKIP();
	promtool_assert_clean(&b);
}

/* ---- values ---- */

static void of_the_monitor(void **state)
{
	struct world *w = *state;
	DR_AUTO_BUF struct dr_buf b = { 0 };

	w->status.blind = true;
	w->status.not_realtime = "refused";
	w->status.reloads = 3;
	w->status.reloads_incomplete = 2;
	w->status.reload_failures = 1;
	w->status.reload_error = "x";
	w->status.grey_count = 2;
	w->status.left_out = 3;
	w->status.discovery = (struct mon_status_discovery){
		.on = true, .hosts = 5, .since.ns = WORLD_AGO(200000), .refresh = dr_sec(30)
	};
	print(w, &b);
	assert_line(&b, "build_info{version=\"1.2.3\",monitor=\"doctor-monitor\",host=\"node-1\"} 1");
	assert_line(&b, "uptime_seconds 90.000000000");
	assert_line(&b, "fresh 1");
	assert_line(&b, "blind 1");
	assert_line(&b, "realtime 0");
	assert_line(&b, "reloads_total{result=\"done\"} 3");
	assert_line(&b, "reloads_total{result=\"incomplete\"} 2");
	assert_line(&b, "reloads_total{result=\"refused\"} 1");
	assert_line(&b, "last_reload_successful 0");
	assert_line(&b, "targets{verdict=\"up\"} 6");
	assert_line(&b, "targets{verdict=\"unreachable\"} 0");
	assert_line(&b, "targets_grey 2");
	assert_line(&b, "discovered_left_out 3");
	assert_line(&b, "discovered_hosts 5");
	assert_line(&b, "discovery_stale 1");
	assert_line(&b, "sender_attempts_total 1000");
	assert_line(&b, "sender_skipped_total 1");
	assert_line(&b, "sender_unseen 7");
	assert_line(&b, "sender_late_seconds 0.000020500");
	assert_line(&b, "sender_cycle_age_seconds 0.100000000");
}

static void a_stale_monitor(void **state)
{
	struct world *w = *state;
	DR_AUTO_BUF struct dr_buf b = { 0 };

	w->status.cycle.tick.ns = WORLD_AGO(60000);
	print(w, &b);
	assert_line(&b, "fresh 0");
}

/* Each counter of the kernel half, once: they are 1000, 1001, ... */
static void of_the_kernel(void **state)
{
	DR_AUTO_BUF struct dr_buf b = { 0 };
	char value[16];

	print(*state, &b);
	for (unsigned i = 0; i < sizeof(struct dr_stats) / sizeof(uint64_t); i++) {
		snprintf(value, sizeof(value), " %u\n", 1000 + i);
		assert_int_equal(metrics_count(&b, value), i == 0 ? 2 : 1); /* sender_attempts_total, too */
	}
	assert_line(&b, "events_lost_total 1011");
	assert_line(&b, "replies_ignored_total{reason=\"bad_key\"} 1006");
}

static void of_places(void **state)
{
	struct world *w = *state;
	DR_AUTO_BUF struct dr_buf b = { 0 };

	w->interfaces[1].state.isolated_ns = WORLD_AGO(5);
	w->interfaces[1].state.isolations = 4;
	w->interfaces[1].state.reason = DR_REASON_DEAF;
	w->interfaces[0].attached = false;
	w->links[1].ifindex = 0;
	w->status.xdp_uncounted = "lockdown";
	print(w, &b);
	assert_line(&b, "xdp_exceptions_counted 0");
	assert_line(&b, "interface_xdp_exceptions_total{interface=\"eth1\"} 4");
	assert_line(&b, "interface_receive_dropped_total{interface=\"eth0\"} 1");
	assert_line(&b, "interface_receive_missed_total{interface=\"eth0\"} 2");
	assert_line(&b, "interface_receive_errors_total{interface=\"eth0\"} 3");
	assert_line(&b, "interface_info{interface=\"eth0\",ingress=\"none\",egress=\"none\",reason=\"\"} 1");
	assert_line(
		&b,
		"interface_info{interface=\"eth1\",ingress=\"generic\",egress=\"tcx\",reason=\"deaf\"} 1");
	assert_line(&b, "interface_attached{interface=\"eth0\"} 0");
	assert_line(&b, "interface_isolated{interface=\"eth1\"} 1");
	assert_line(&b, "interface_isolations_total{interface=\"eth1\"} 4");
	assert_line(&b, "link_source_info{source=\"netlink\"} 1");
	assert_line(&b, "link_carrier{interface=\"eth0\",host=\"node-1\",plane=\"data\"} 1");
	assert_line(&b, "link_carrier{interface=\"eth1\",host=\"node-1\",plane=\"data\"} 0");
	assert_line(
		&b,
		"link_carrier_changes_total{interface=\"eth1\",host=\"node-1\",plane=\"data\",to=\"up\"} 3");
	assert_line(&b, "link_flaps_total{interface=\"eth0\",host=\"node-1\",plane=\"data\"} 1");
	assert_line(&b, "link_xdp_exceptions_total{interface=\"eth0\",host=\"node-1\",plane=\"data\"} 7");
	assert_line(&b, "link_receive_missed_total{interface=\"eth0\",host=\"node-1\",plane=\"data\"} 12");
}

static void of_inspectors(void **state)
{
	struct world *w = *state;
	DR_AUTO_BUF struct dr_buf b = { 0 };

	w->status.inspectors[1] = w->status.inspectors[0]; /* the same URL: still series of their own */
	w->status.inspectors[1].reachable = false;
	w->status.inspectors[1].dropped_superseded = 9;
	w->status.inspectors[1].waiting = 4096;
	w->status.inspector_count = 2;
	print(w, &b);
	assert_int_equal(metrics_count(&b, "secret"), 0);
#define SECOND "inspector=\"1\",url=\"http://inspector:12345/events\""
	assert_line(&b, "inspector_delivered_total{inspector=\"0\",url=\"http://inspector:12345/events\"} 5");
	assert_line(&b, "inspector_reachable{" SECOND "} 0");
	assert_line(&b, "inspector_waiting{" SECOND "} 4096");
	assert_line(&b, "inspector_dropped_total{" SECOND ",reason=\"superseded\"} 9");
	assert_line(&b, "inspector_dropped_total{" SECOND ",reason=\"lost\"} 0");
	PROMTOOL_OR_SKIP();
	promtool_assert_clean(&b);
}

static void of_targets(void **state)
{
	struct world *w = *state;
	DR_AUTO_BUF struct dr_buf b = { 0 };

	world_set_verdict(w, world_slot(1), DR_VERDICT_DOWN, DR_REASON_SILENCE);
	w->targets[world_slot(2)].grey = true;
	w->targets[world_slot(3)].track = (struct dr_track){ 0 };
	print(w, &b);
	assert_line(&b, "target_info{host=\"host-0\",plane=\"storage\",interface=\"eth1\","
			"address=\"2001:db8::2\",kind=\"echo\",canary=\"false\"} 1");
	assert_line(&b, "target_up{host=\"host-0\",plane=\"data\"} 1");
	assert_line(&b, "target_up{host=\"host-0\",plane=\"storage\"} 0");
	assert_line(&b,
		    "target_not_up{host=\"host-0\",plane=\"storage\",verdict=\"down\",reason=\"silence\"} "
		    "1");
	assert_line(&b,
		    "target_not_up{host=\"host-1\",plane=\"storage\",verdict=\"unknown\",reason=\"none\"} 1");
	assert_int_equal(metrics_count(&b, "\ndoctor_monitor_target_not_up{"), 2);
	assert_line(&b, "target_grey{host=\"host-1\",plane=\"data\"} 1");
	assert_line(&b, "target_sent_total{host=\"host-0\",plane=\"data\"} 100");
	assert_line(&b, "target_answered_total{host=\"host-0\",plane=\"data\"} 99");
	assert_line(&b, "target_rtt_seconds{host=\"host-0\",plane=\"data\"} 0.000210000");
	assert_int_equal(metrics_count(&b, "\ndoctor_monitor_target_rtt_seconds{"),
			 5); /* not of the silent one */
	PROMTOOL_OR_SKIP();
	promtool_assert_clean(&b);
}

static void histogram(void **state)
{
	struct world *w = *state;
	DR_AUTO_BUF struct dr_buf b = { 0 };

	/* six targets: three on eth0 for data, three on eth1 for storage */
	w->targets[world_slot(0)].track.rtt_log2[0] = 5;
	print(w, &b);
#define DATA "interface=\"eth0\",plane=\"data\""
	assert_line(&b, "rtt_seconds_bucket{" DATA ",le=\"0.000001024\"} 5");
	assert_line(&b, "rtt_seconds_bucket{" DATA ",le=\"0.000065536\"} 5"); /* bucket 6 */
	assert_line(&b, "rtt_seconds_bucket{" DATA ",le=\"0.000131072\"} 275");
	assert_line(&b, "rtt_seconds_bucket{" DATA ",le=\"0.000262144\"} 299");
	assert_line(&b, "rtt_seconds_bucket{" DATA ",le=\"4.294967296\"} 299");
	assert_line(&b, "rtt_seconds_bucket{" DATA ",le=\"+Inf\"} 302");
	assert_line(&b, "rtt_seconds_count{" DATA "} 302");
	assert_line(&b, "rtt_seconds_sum{" DATA "} 0.059400000");
	assert_line(&b, "rtt_seconds_count{interface=\"eth1\",plane=\"storage\"} 297");
	assert_int_equal(metrics_count(&b, "rtt_seconds_bucket{"), 2 * DR_RTT_BUCKETS);
}

/* A counter does not fall: the answers of a target that went stay. */
static void answers_of_retired_targets(void **state)
{
	struct world *w = *state;
	struct mon_status_target *gone = &w->targets[world_slot(0)];
	DR_AUTO(mon_rtt_done) struct mon_rtt retired = { 0 };
	DR_AUTO_BUF struct dr_buf b = { 0 }, whole = { 0 };

	w->status.retired = &retired;
	print(w, &whole);
	assert_line(&whole, "rtt_seconds_count{" DATA "} 297");
	mon_rtt_add(&retired, "eth0", "data", &gone->track);
	mon_rtt_add(&retired, "eth9", "data", &gone->track); /* nothing of that pair is left */
	gone->target = NULL;
	print(w, &b);
	assert_line(&b, "rtt_seconds_count{" DATA "} 297");
	assert_line(&b, "rtt_seconds_sum{" DATA "} 0.059400000");
	assert_line(&b, "rtt_seconds_bucket{" DATA ",le=\"0.000131072\"} 270");
	assert_line(&b, "rtt_seconds_count{interface=\"eth9\",plane=\"data\"} 99");
	assert_int_equal(retired.groups[0].buckets[7], 90); /* printing adds nothing to it */
	PROMTOOL_OR_SKIP();
	promtool_assert_clean(&b);
}

/* Those that have had a place keep it when others go, or what they count would jump to the shared one. */
static void pairs_keep_their_place(void **state)
{
	DR_AUTO(mon_rtt_done) struct mon_rtt all = { 0 }, copy = { 0 };
	struct dr_track track = { .rtt_log2 = { 1 }, .rtt_sum_ns = 7 };
	char plane[MON_NAME_MAX];

	for (unsigned i = 0; i < 300; i++) {
		snprintf(plane, sizeof(plane), "plane-%u", i);
		mon_rtt_add(&all, "eth0", plane, NULL);
	}
	assert_int_equal(all.count, MON_RTT_GROUPS_MAX);
	mon_rtt_copy(&all, &copy);
	mon_rtt_add(&copy, "eth0", "plane-299", &track);
	mon_rtt_add(&copy, "eth0", "plane-254", &track);
	assert_int_equal(copy.count, MON_RTT_GROUPS_MAX);
	assert_int_equal(copy.groups[MON_RTT_GROUPS_MAX - 1].sum_ns, 7);
	assert_int_equal(copy.groups[254].sum_ns, 7);
	assert_int_equal(all.groups[254].sum_ns + all.error + copy.error, 0);
}

/* More pairs of interface and plane than are told apart share the last histogram; nothing is lost. */
static void too_many_planes(void **state)
{
	struct world w;
	DR_AUTO_BUF struct dr_buf b = { 0 };

	world_init(&w, 400);
	for (uint32_t i = 0; i < 400; i++)
		snprintf(w.settings[world_slot(i)].plane, MON_NAME_MAX, "plane-%u", i);
	print(&w, &b);
	assert_int_equal(metrics_count(&b, "\ndoctor_monitor_rtt_seconds_count{"), MON_RTT_GROUPS_MAX);
	assert_line(&b, "rtt_seconds_count{interface=\"\",plane=\"\"} 14355"); /* (400 - 255) * 99 */
	assert_line(&b, "rtt_seconds_count{interface=\"eth0\",plane=\"plane-254\"} 99");
	world_done(&w);
}

static void as_many_targets_as_there_may_be(void **state)
{
	struct world w;
	DR_AUTO_BUF struct dr_buf b = { 0 };

	world_init(&w, MON_TARGETS_MAX);
	print(&w, &b);
	assert_int_equal(metrics_count(&b, "\ndoctor_monitor_target_up{"), MON_TARGETS_MAX);
	assert_in_range(b.len, 1, 8 << 20);
	PROMTOOL_OR_SKIP();
	promtool_assert_clean(&b);
	world_done(&w);
}

/* Each family stands in the document. */
static void documented(void **state)
{
	struct world *w = *state;
	DR_AUTO_BUF struct dr_buf b = { 0 };

	world_set_verdict(w, world_slot(0), DR_VERDICT_DOWN, DR_REASON_SILENCE);
	w->targets[world_slot(1)].grey = true;
	print(w, &b);
	metrics_assert_documented(&b, "doctor_monitor_", "docs/status.md", NULL, 40, 80);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test_setup_teardown(promtool_is_content, setup, teardown),
		cmocka_unit_test_setup_teardown(promtool_would_complain, setup, teardown),
		cmocka_unit_test_setup_teardown(hostile_names, setup, teardown),
		cmocka_unit_test_setup_teardown(nothing_configured, setup, teardown),
		cmocka_unit_test_setup_teardown(of_the_monitor, setup, teardown),
		cmocka_unit_test_setup_teardown(a_stale_monitor, setup, teardown),
		cmocka_unit_test_setup_teardown(of_the_kernel, setup, teardown),
		cmocka_unit_test_setup_teardown(of_places, setup, teardown),
		cmocka_unit_test_setup_teardown(of_inspectors, setup, teardown),
		cmocka_unit_test_setup_teardown(of_targets, setup, teardown),
		cmocka_unit_test_setup_teardown(histogram, setup, teardown),
		cmocka_unit_test_setup_teardown(answers_of_retired_targets, setup, teardown),
		cmocka_unit_test(pairs_keep_their_place),
		cmocka_unit_test_setup_teardown(documented, setup, teardown),
		cmocka_unit_test(too_many_planes),
		cmocka_unit_test(as_many_targets_as_there_may_be),
	};

	return cmocka_run_group_tests_name("unit: metrics", tests, NULL, NULL);
}
