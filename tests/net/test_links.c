/* SPDX-License-Identifier: Apache-2.0 */
/* The monitor on a compute node: the links of its own machine, and the gateway behind each of them. */
#include <stdarg.h>
#include <stddef.h>
#include <setjmp.h>
#include <stdint.h>
#include <cmocka.h>

#include <bpf/bpf.h>
#include <net/if.h>
#include <string.h>

#include "doctor/abi.h"
#include "tests/net/live.h"
#include "tools/scenario/run.h"

#define NIC "dr-nic"
#define FAR "dr-nic-far" /* the other end of its cable */
#define RENAMED "dr-nic-old"
#define NIC_ERROR "compute.host.nic.error"

static void plug(struct bed *b)
{
	bed_on(b, SC_MONITOR, "ip link add " NIC " type veth peer name " FAR);
	bed_on(b, SC_MONITOR, "ip link set " NIC " up");
}

static int unplug(void **state)
{
	static const char *const names[] = { NIC, RENAMED };

	for (size_t i = 0; i < DR_ARRAY_SIZE(names); i++) {
		const char *const argv[] = { "ip", "link", "del", names[i], NULL };
		(void)!sc_run(argv, NULL, NULL); /* if it is there */
	}
	return 0;
}

static void far_end(struct bed *b, const char *way)
{
	bed_on(b, SC_MONITOR, "ip link set " FAR " %s", way);
}

/* Watches that link, and no host. */
static void start(struct bed *b)
{
	DR_AUTO_BUF struct dr_buf t = { 0 };

	live_begin(b, &t, "host: compute-7\nlinks: [{interface: " NIC ", plane: storage}]\n");
	dr_buf_printf(&t, "  []\n");
	live_start(b, &t, 0);
}

/* A cable with both ends up, and the monitor that watches it. */
static struct bed *started(void)
{
	struct bed *b = bed_new(1);

	plug(b);
	far_end(b, "up");
	start(b);
	return b;
}

static void expect_error(struct bed *b)
{
	const struct bed_event *e = bed_expect_other(b, NIC_ERROR);

	assert_string_equal(e->host, "compute-7");
	assert_string_equal(e->subject, NIC);
	assert_string_equal(e->reason, "no-carrier");
	assert_string_equal(e->status, "down");
}

static void expect_cleared(struct bed *b)
{
	const struct bed_event *e = bed_expect_other(b, NIC_ERROR ".cleared");

	assert_string_equal(e->host, "compute-7");
	assert_string_equal(e->subject, NIC);
	assert_string_equal(e->status, "?"); /* "up" would be the host's recovery to some inspectors */
}

/* doctorctl links --json: that member of the link, and the status that says whether all is well. */
static int64_t link_number(struct bed *b, const char *key, int status)
{
	DR_AUTO_BUF struct dr_buf text = { 0 };
	DR_AUTO_JSON struct dr_json *doc = NULL;
	int64_t n = -1;

	assert_int_equal(live_ctl(b, &text, "links --json"), status);
	if (dr_json_parse(dr_buf_str(&text), text.len, &doc, NULL) ||
	    dr_json_get_i64(dr_json_path(doc, "links.0"), key, &n))
		bed_fail(b, "no %s in %s", key, dr_buf_str(&text));
	return n;
}

static void carrier_lost_and_back(void **state)
{
	DR_AUTO(bed_freep) struct bed *b = started();

	assert_int_equal(live_ctl(b, NULL, "links"), 0);
	bed_expect_no_other(b);
	for (int i = 1; i <= 2; i++) {
		far_end(b, "down");
		expect_error(b);
		assert_int_equal(link_number(b, "downs", 1), i);
		live_expect_text(b, "/v1/status", "problems.0", "link " NIC " has no carrier");
		far_end(b, "up");
		expect_cleared(b);
		assert_int_equal(link_number(b, "ups", 0), i);
	}
	bed_expect_no_other(b);
	assert_int_equal(b->nevents, 0); /* a NIC is no host */
}

/* Set down by hand on our own side. */
static void set_down_and_up(void **state)
{
	DR_AUTO(bed_freep) struct bed *b = started();

	bed_on(b, SC_MONITOR, "ip link set " NIC " down");
	expect_error(b);
	bed_on(b, SC_MONITOR, "ip link set " NIC " up");
	expect_cleared(b);
	assert_int_equal(link_number(b, "downs", 0), 1);
}

/*
 * No fault before the last one has ended, and an end as the last. (A fault that is over before its turn came
 * is left out, so that there may be two ends, or no fault at all.) What is told twice (at least once) counts
 * once.
 */
static bool told_in_turn(const struct bed *b, unsigned well)
{
	bool is_fault = false, any = b->nwell > well;

	for (unsigned i = 0; i < b->nothers; i++) {
		bool was_fault = is_fault;
		if (i && strcmp(b->others[i].id, b->others[i - 1].id) == 0)
			continue;
		is_fault = strcmp(b->others[i].type, NIC_ERROR) == 0;
		if (is_fault ? was_fault : strcmp(b->others[i].type, NIC_ERROR ".cleared") != 0)
			return false;
		any = true;
	}
	return any && !is_fault;
}

/* well: how many ends of no fault there were before. */
static void expect_told_in_turn(struct bed *b, unsigned well)
{
	struct dr_mono end = dr_mono_add(dr_mono_now(), BED_SOON);

	while (!told_in_turn(b, well) || live_number(b, "/v1/status", "inspectors.0.waiting")) {
		if (dr_mono_sub(end, dr_mono_now()).ns <= 0) {
			for (unsigned i = 0; i < b->nothers; i++)
				fprintf(stderr, "%s %s\n", b->others[i].id, b->others[i].type);
			bed_fail(b, "not told in turn");
		}
		bed_idle(b, dr_msec(20));
	}
}

/* The kernel half has found a loss of the carrier, and no record of it came to the monitor. */
static void lose_unseen(struct bed *b)
{
	DR_AUTO_FREE char *path = dr_asprintf("/sys/fs/bpf/doctor/%s/dr_links", b->name);
	DR_AUTO_CLOSE int fd = bpf_obj_get(path);
	unsigned ifindex = if_nametoindex(NIC);
	struct dr_link l;

	assert_true(fd >= 0);
	assert_int_equal(bpf_map_lookup_elem(fd, &ifindex, &l), 0);
	assert_int_equal(l.carrier, 1);
	l.carrier = 0;
	l.source = DR_LINK_FENTRY;
	l.changed_ns = l.down_ns = dr_mono_now().ns;
	l.downs++;
	assert_int_equal(bpf_map_update_elem(fd, &ifindex, &l, BPF_EXIST), 0);
}

/* The ring buffer was full when the carrier went: the map has it. */
static void a_lost_record_is_made_up_for(void **state)
{
	DR_AUTO(bed_freep) struct bed *b = started();

	lose_unseen(b);
	far_end(b, "down");
	expect_error(b);
	assert_int_equal(link_number(b, "downs", 1), 1);
	far_end(b, "up");
	expect_cleared(b);
	bed_expect_no_other(b);
}

/* A return that fentry told ahead of its loss, on another CPU: the map stays wrong until it is mended. */
static void what_fentry_leaves_wrong_is_mended(void **state)
{
	DR_AUTO(bed_freep) struct bed *b = started();

	lose_unseen(b);
	expect_error(b);
	expect_cleared(b);
	assert_int_equal(link_number(b, "ups", 0), 1);
	far_end(b, "down"); /* and told of as before */
	expect_error(b);
	assert_int_equal(link_number(b, "downs", 1), 2);
}

/* However fast: none is missed, and what was said last is what is so. */
static void flaps_are_counted(void **state)
{
	DR_AUTO(bed_freep) struct bed *b = started();
	unsigned well = b->nwell;

	for (int i = 0; i < 20; i++) {
		far_end(b, "down");
		far_end(b, "up");
		bed_idle(b, dr_msec(1)); /* the inspector answers meanwhile */
	}
	live_expect_number(b, "/v1/links", "links.0.flaps", 20);
	live_expect_number(b, "/v1/links", "links.0.ups", 20);
	expect_told_in_turn(b, well);
	assert_int_equal(link_number(b, "flaps", 0), 20);
	assert_int_equal(link_number(b, "downs", 0), 20);
	assert_int_equal(link_number(b, "ups", 0), 20);
}

/* An earlier run may have told otherwise: the end of that is told, whoever told of the fault. */
static void good_from_the_beginning(void **state)
{
	DR_AUTO(bed_freep) struct bed *b = started();
	struct dr_mono end = dr_mono_add(dr_mono_now(), BED_SOON);

	while (!b->nwell && dr_mono_sub(end, dr_mono_now()).ns > 0)
		bed_idle(b, dr_msec(5));
	assert_int_equal(b->nwell, 1);
	assert_string_equal(b->well[0].type, NIC_ERROR ".cleared");
	assert_string_equal(b->well[0].host, "compute-7");
	assert_string_equal(b->well[0].subject, NIC);
	assert_string_equal(b->well[0].status, "?");
}

/* The machine was off meanwhile, say. */
static void it_is_mended_during_a_restart(void **state)
{
	DR_AUTO(bed_freep) struct bed *b = started();

	far_end(b, "down");
	expect_error(b);
	assert_int_equal(bed_stop(b), 0);
	far_end(b, "up");
	bed_start(b);
	expect_cleared(b);
	bed_expect_no_other(b);
}

static void down_at_the_start(void **state)
{
	DR_AUTO(bed_freep) struct bed *b = bed_new(1);

	plug(b);
	start(b);
	expect_error(b);
	far_end(b, "up");
	expect_cleared(b);
	bed_expect_no_other(b);
}

/* A NIC that is found late, or plugged in: it is missed until then, and watched as any other afterwards. */
static void it_comes_after_the_start(void **state)
{
	DR_AUTO(bed_freep) struct bed *b = bed_new(1);

	start(b);
	expect_error(b);
	live_expect_text(b, "/v1/status", "problems.0", "link " NIC " is not there");
	plug(b);
	far_end(b, "up");
	expect_cleared(b);
	far_end(b, "down");
	expect_error(b);
	far_end(b, "up");
	expect_cleared(b);
	assert_int_equal(link_number(b, "downs", 0), 1);
	bed_expect_no_other(b);
}

static void it_vanishes_and_comes_back(void **state)
{
	DR_AUTO(bed_freep) struct bed *b = started();

	for (int i = 0; i < 2; i++) {
		unplug(NULL);
		expect_error(b);
		live_expect_text(b, "/v1/status", "problems.0", "link " NIC " is not there");
		assert_int_equal(live_ctl(b, NULL, "links"), 1);
		plug(b); /* back, with another index, and without a carrier at first */
		bed_idle(b, dr_msec(200));
		bed_expect_no_other(b);
		far_end(b, "up");
		expect_cleared(b);
	}
	far_end(b, "down"); /* it is watched as before */
	expect_error(b);
}

/* Its name goes to another: that is the link now. */
static void it_is_renamed(void **state)
{
	DR_AUTO(bed_freep) struct bed *b = started();

	bed_on(b, SC_MONITOR, "ip link set " NIC " down");
	expect_error(b);
	bed_on(b, SC_MONITOR, "ip link set " NIC " name " RENAMED);
	bed_on(b, SC_MONITOR, "ip link set " RENAMED " up");
	live_expect_text(b, "/v1/status", "problems.0", "link " NIC " is not there");
	bed_idle(b, dr_msec(200));
	bed_expect_no_other(b); /* the old one's carrier is not its own */
	unplug(NULL);
	plug(b);
	far_end(b, "up");
	expect_cleared(b);
}

static void a_reload_keeps_what_is_known(void **state)
{
	DR_AUTO(bed_freep) struct bed *b = started();
	DR_AUTO_BUF struct dr_buf t = { 0 };

	far_end(b, "down");
	expect_error(b);
	live_begin(b, &t,
		   "host: compute-7\nlinks: [{interface: lo}, {interface: " NIC ", plane: storage}]\n");
	dr_buf_printf(&t, "  []\n");
	bed_write(b, dr_buf_str(&t));
	live_hang_up(b, "configuration taken over");
	bed_idle(b, dr_msec(200));
	bed_expect_no_other(b); /* it is not told of twice, and lo is well */
	far_end(b, "up");
	expect_cleared(b);
	live_expect_number(b, "/v1/links", "links.1.ups", 1);
}

/* The file named the wrong host. */
static void a_reload_gives_it_to_another_host(void **state)
{
	DR_AUTO(bed_freep) struct bed *b = started();
	DR_AUTO_BUF struct dr_buf t = { 0 };

	far_end(b, "down");
	expect_error(b);
	live_begin(b, &t, "host: compute-7\nlinks: [{interface: " NIC ", host: compute-8}]\n");
	dr_buf_printf(&t, "  []\n");
	bed_write(b, dr_buf_str(&t));
	live_hang_up(b, "configuration taken over");
	expect_cleared(b);
	assert_string_equal(bed_expect_other(b, NIC_ERROR)->host, "compute-8");
	far_end(b, "up");
	assert_string_equal(bed_expect_other(b, NIC_ERROR ".cleared")->host, "compute-8");
}

/* Its card was replaced, say, by one of another name. */
static void a_reload_leaves_it_out(void **state)
{
	DR_AUTO(bed_freep) struct bed *b = started();
	DR_AUTO_BUF struct dr_buf t = { 0 };

	far_end(b, "down");
	expect_error(b);
	live_begin(b, &t, "host: compute-7\nlinks: [{interface: lo}]\n");
	dr_buf_printf(&t, "  []\n");
	bed_write(b, dr_buf_str(&t));
	live_hang_up(b, "configuration taken over");
	expect_cleared(b);
	far_end(b, "up");
	bed_idle(b, dr_msec(200));
	bed_expect_no_other(b);
}

/* A link and an interface that are away for now do not hinder a reload, one that was never there does. */
static void a_reload_while_they_are_away(void **state)
{
	DR_AUTO(bed_freep) struct bed *b = bed_new(2);
	const char *const links[] = { NIC, NIC, "dr-never" };

	plug(b);
	far_end(b, "up");
	for (int i = 0; i < 3; i++) {
		DR_AUTO_FREE char *extra = dr_asprintf(
			"host: compute-7\nlinks: [{interface: %s}]\ninterval: %dms\n", links[i], i ? 20 : 10);
		DR_AUTO_BUF struct dr_buf t = { 0 }, said = { 0 };
		live_begin(b, &t, extra);
		for (int host = 0; host < 2; host++)
			live_target(&t, sc_topo_name(b->topo, host), sc_topo_address(b->topo, host), "");
		if (i == 0) {
			live_start(b, &t, 2);
			unplug(NULL);
			expect_error(b);
			BED_MUST(sc_topo_unplug(b->topo, &error));
			bed_expect_other(b, "doctor.monitor.isolated");
			continue;
		}
		bed_write(b, dr_buf_str(&t));
		int status = live_ctl(b, &said, "reload");
		if (status != i - 1)
			bed_fail(b, "reload: status %d: %s", status, dr_buf_str(&said));
	}
	plug(b);
	far_end(b, "up");
	expect_cleared(b);
	BED_MUST(sc_topo_replug(b->topo, &error));
	bed_expect_other(b, "doctor.monitor.isolated.cleared");
	live_expect_number(b, "/v1/status", "targets.up", 2);
	live_death_and_recovery(b, 1);
}

/* ---------------------------------------------------------------- the sample for compute nodes */

static char *replaced(char *text, const char *what, const char *by)
{
	DR_AUTO_BUF struct dr_buf out = { 0 };
	const char *rest = text;

	assert_non_null(strstr(text, what));
	for (const char *at; (at = strstr(rest, what)); rest = at + strlen(what)) {
		dr_buf_append(&out, rest, (size_t)(at - rest));
		dr_buf_puts(&out, by);
	}
	dr_buf_puts(&out, rest);
	free(text);
	return strdup(dr_buf_str(&out));
}

static char *sample(void)
{
	DR_AUTO_BUF struct dr_buf text = { 0 };
	DR_AUTO_FCLOSE FILE *f = fopen("etc/doctor-monitor-compute.yaml", "re"); /* as all tests run there */

	assert_non_null(f);
	sc_append_file(&text, fileno(f));
	return strdup(dr_buf_str(&text));
}

/* Two NICs: that of the bed, and another one with a switch and a gateway of its own. */
static void configure_as_compute_node(struct bed *b, struct sc_topo *second)
{
	char url[64];
	char *text = sample();

	snprintf(url, sizeof(url), "http://127.0.0.1:%u/events", b->port);
	text = replaced(text, "http://192.0.2.1:12345/events", url);
	text = replaced(text, "name: doctor-monitor-compute", b->name);
	text = replaced(text, "#host: compute-1", "host: compute-1");
	text = replaced(text, "eth1", live_ifname(b));
	text = replaced(text, "eth2", sc_topo_ifname(second, SC_MONITOR));
	text = replaced(text, "192.0.2.254", sc_topo_address(b->topo, 0));
	text = replaced(text, "198.51.100.254", sc_topo_address(second, 0));
	text = replaced(text, "metrics: 127.0.0.1:9464", "metrics: 127.0.0.1:0");
	DR_AUTO_FREE char *whole = dr_asprintf("name: %s\nsocket: %s/run/socket\n%s", b->name, b->dir,
					       strchr(strstr(text, b->name), '\n'));
	free(text);
	bed_write(b, whole);
}

static void expect_isolated(struct bed *b, const char *ifname, const char *reason)
{
	const struct bed_event *e = bed_expect_other(b, "doctor.monitor.isolated");

	assert_string_equal(e->subject, ifname);
	assert_string_equal(e->reason, reason);
}

static void a_compute_node(void **state)
{
	const struct sc_topo_opts opts = { .nhosts = 1 };
	DR_AUTO(bed_freep) struct bed *b = bed_new(1);
	DR_AUTO(sc_topo_freep) struct sc_topo *second = NULL;

	BED_MUST(sc_topo_new(&opts, &second, &error));
	configure_as_compute_node(b, second);
	bed_start(b);
	for (int i = 0; i < 2; i++) {
		if (!bed_wait_log(b, "target up host=gateway", BED_SOON))
			bed_fail(b, "not both gateways answer");
	}
	/* one gateway is silent: so is the interface, the other one is not */
	BED_MUST(sc_topo_drop(b->topo, 0, &error));
	expect_isolated(b, live_ifname(b), "deaf");
	bed_idle(b, dr_sec(1));
	bed_expect_no_other(b);
	BED_MUST(sc_topo_restore(b->topo, 0, &error));
	bed_expect_other(b, "doctor.monitor.isolated.cleared");
	/* the other one's NIC */
	BED_MUST(sc_topo_link_down(second, SC_MONITOR, &error));
	const struct bed_event *e = bed_expect_other(b, NIC_ERROR);
	assert_string_equal(e->host, "compute-1");
	assert_string_equal(e->subject, sc_topo_ifname(second, SC_MONITOR));
	bed_on(b, SC_MONITOR, "ip link set %s up", sc_topo_ifname(second, SC_MONITOR));
	bed_expect_other(b, NIC_ERROR ".cleared");
	bed_idle(b, dr_sec(1));
	if (b->nevents)
		bed_fail(b, "%s is reported as %s", b->events[0].host, b->events[0].status);
	live_expect_text(b, "/v1/status", "interfaces.1.interface", sc_topo_ifname(second, SC_MONITOR));
	live_expect_number(b, "/v1/status", "targets.up", 2);
	assert_int_equal(bed_stop(b), 0);
}

#define TEST(fn) cmocka_unit_test_teardown(fn, unplug)

int main(void)
{
	const struct CMUnitTest tests[] = {
		TEST(carrier_lost_and_back),
		TEST(set_down_and_up),
		TEST(a_lost_record_is_made_up_for),
		TEST(what_fentry_leaves_wrong_is_mended),
		TEST(flaps_are_counted),
		TEST(good_from_the_beginning),
		TEST(it_is_mended_during_a_restart),
		TEST(down_at_the_start),
		TEST(it_comes_after_the_start),
		TEST(it_vanishes_and_comes_back),
		TEST(it_is_renamed),
		TEST(a_reload_keeps_what_is_known),
		TEST(a_reload_gives_it_to_another_host),
		TEST(a_reload_leaves_it_out),
		TEST(a_reload_while_they_are_away),
		TEST(a_compute_node),
	};

	return cmocka_run_group_tests_name("net: links of a compute node", tests, bed_enter_namespace, NULL);
}
