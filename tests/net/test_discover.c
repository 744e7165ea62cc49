/* SPDX-License-Identifier: Apache-2.0 */
/* The monitor with targets from Nova (minicloud), whose hypervisors have the addresses of the bed's hosts. */
#include <stdarg.h>
#include <stddef.h>
#include <setjmp.h>
#include <stdint.h>
#include <cmocka.h>

#include <string.h>

#include "tests/net/live.h"

#define LISTEN "127.0.0.1:18774" /* in a namespace of our own all are free; the same after a restart */

struct stage {
	struct bed *bed;
	struct sc_child *nova;
	char clouds[128];
};

/* Nova as it is from now on: so many hypervisors, the first of the bed's hosts. */
static void start_nova(struct stage *s, unsigned hypervisors)
{
	DR_AUTO_FREE char *program = dr_asprintf("%s/minicloud", s->bed->bin), *error = NULL;
	char number[16];
	const char *const argv[] = { program,	  "--listen", LISTEN,	 "--clouds-yaml", s->clouds,
				     "--host-ip", NULL,	      "--hosts", number,	  NULL };
	const char *args[DR_ARRAY_SIZE(argv)];
	const struct sc_child_opts opts = { .name = "nova", .dir = s->bed->dir, .argv = args };

	memcpy(args, argv, sizeof(args));
	args[6] = sc_topo_address(s->bed->topo, 0);
	snprintf(number, sizeof(number), "%u", hypervisors);
	if (sc_child_start(&opts, &s->nova, &error))
		fail_msg("%s", error);
	assert_int_equal(sc_child_wait_ready(s->nova, dr_sec(20), NULL), 0);
}

static void stop_nova(struct stage *s)
{
	assert_int_equal(sc_child_stop(s->nova, dr_sec(10)), 0);
	sc_child_free(DR_TAKE_PTR(s->nova));
}

static int set_up(void **state)
{
	struct stage *s = calloc(1, sizeof(*s));

	assert_non_null(s);
	s->bed = bed_new(4);
	snprintf(s->clouds, sizeof(s->clouds), "%s/clouds.yaml", s->bed->dir);
	setenv("OS_CLIENT_CONFIG_FILE", s->clouds, 1);
	*state = s;
	return 0;
}

static int tear_down(void **state)
{
	struct stage *s = *state;

	sc_child_free(s->nova);
	bed_free(s->bed);
	free(s);
	return 0;
}

/* A configuration that discovers; targets: those of the file. */
static void begin(struct stage *s, struct dr_buf *t, const char *targets)
{
	DR_AUTO_FREE char *discover = dr_asprintf(
		"discover:\n  nova: {cloud: admin, interface: %s, refresh: 1s}\n", live_ifname(s->bed));

	live_begin(s->bed, t, discover);
	dr_buf_puts(t, targets);
}

static void start(struct stage *s, const char *targets, unsigned hosts)
{
	DR_AUTO_BUF struct dr_buf t = { 0 };

	begin(s, &t, targets);
	live_start(s->bed, &t, hosts);
}

static void expect_log(struct stage *s, const char *text)
{
	if (!bed_wait_log(s->bed, text, BED_SOON))
		bed_fail(s->bed, "no \"%s\"", text);
}

static void hypervisors_are_watched(void **state)
{
	struct stage *s = *state;

	start_nova(s, 3);
	start(s, "  []\n", 3);
	live_expect_text(s->bed, "/v1/targets?host=compute-2", "targets.0.address",
			 sc_topo_address(s->bed->topo, 1));
	live_expect_text(s->bed, "/v1/targets?host=compute-2", "targets.0.plane", "management");
	live_death_and_recovery(s->bed, 1);
	assert_int_equal(bed_stop(s->bed), 0);
}

static void nova_may_be_away_from_the_beginning(void **state)
{
	struct stage *s = *state;

	start_nova(s, 2); /* it writes the clouds.yaml */
	stop_nova(s);
	start(s, "  []\n", 0);
	expect_log(s, "the hypervisors stay as they were");
	assert_int_equal(live_number(s->bed, "/v1/status", "discovery.hosts"), 0);
	start_nova(s, 2);
	if (!bed_wait_events(s->bed, 2, BED_SOON))
		bed_fail(s->bed, "only %u of 2 hosts came up", s->bed->nevents);
	live_expect_number(s->bed, "/v1/status", "discovery.hosts", 2);
	DR_AUTO_JSON struct dr_json *doc = live_json(s->bed, "/v1/status");
	assert_true(dr_json_get_bool(dr_json_get(doc, "discovery"), "on", false));
	assert_false(dr_json_is_null(dr_json_path(doc, "discovery.listed_age_seconds")));
}

static void hypervisors_come_and_go(void **state)
{
	struct stage *s = *state;
	struct bed *b = s->bed;

	start_nova(s, 3);
	start(s, "  []\n", 3);
	/* Nova is away: the hosts are watched as before */
	stop_nova(s);
	expect_log(s, "the hypervisors stay as they were");
	live_death_and_recovery(b, 2);
	/* it is back, with one less: that one may die */
	start_nova(s, 2);
	expect_log(s, "target no longer watched host=compute-3");
	BED_MUST(sc_topo_drop(b->topo, 2, &error));
	bed_idle(b, dr_msec(300));
	assert_int_equal(b->nevents, 0);
	live_death_and_recovery(b, 1);
	BED_MUST(sc_topo_restore(b->topo, 2, &error));
	/* and with two more */
	stop_nova(s);
	start_nova(s, 4);
	if (!bed_wait_events(b, 2, BED_SOON))
		bed_fail(b, "the new ones do not come up");
	for (unsigned i = 0; i < 2; i++) {
		assert_string_equal(b->events[i].status, "up");
		assert_true(!strcmp(b->events[i].host, "compute-3") ||
			    !strcmp(b->events[i].host, "compute-4"));
	}
	b->nevents = 0;
	live_death_and_recovery(b, 3);
}

/* What the file names stays the file's, also over a reload, and what Nova names stays with it. */
static void beside_targets_of_the_file(void **state)
{
	struct stage *s = *state;
	struct bed *b = s->bed;
	DR_AUTO_FREE char *targets = dr_asprintf("  - {host: compute-1, plane: data, address: %s}\n"
						 "  - {host: compute-4, plane: data, address: %s}\n",
						 sc_topo_address(b->topo, 0), sc_topo_address(b->topo, 3));

	start_nova(s, 3);
	start(s, targets, 4);
	for (int i = 0; i < 2; i++) {
		DR_AUTO_JSON struct dr_json *doc = live_json(b, "/v1/targets?host=compute-1");
		assert_int_equal(dr_json_size(dr_json_get(doc, "targets")), 1);
		assert_false(dr_json_get_bool(dr_json_path(doc, "targets.0"), "discovered", true));
		live_expect_number(b, "/v1/status", "targets.up", 4);
		if (i == 0)
			live_hang_up(b, "configuration taken over targets=4");
	}
	live_death_and_recovery(b, 0);
	live_death_and_recovery(b, 2);
	live_death_and_recovery(b, 3);
}

/* A hypervisor whose address the file gives to another host is not watched as itself, and that is said once.
 */
static void an_address_that_is_another_hosts(void **state)
{
	struct stage *s = *state;
	struct bed *b = s->bed;
	DR_AUTO_FREE char *targets = dr_asprintf("  - {host: other, address: %s}\n",
						 sc_topo_address(b->topo, 0)),
			  *why = dr_asprintf("the file gives its address %s to other host=compute-1",
					     sc_topo_address(b->topo, 0)),
			  *problem = dr_asprintf("1 discovered host is not watched: %s", why);
	DR_AUTO_BUF struct dr_buf t = { 0 };

	start_nova(s, 3);
	start(s, targets, 3); /* with the two others of Nova */
	expect_log(s, why);
	live_expect_text(b, "/v1/status", "problems.0", problem);
	assert_int_equal(live_number(b, "/v1/status", "discovery.left_out"), 1);
	if (bed_wait_log(b, why, dr_sec(3))) /* with three refreshes */
		bed_fail(b, "it is said again and again");
	begin(s, &t, "  []\n");
	bed_write(b, dr_buf_str(&t));
	live_hang_up(b, "configuration taken over");
	assert_int_equal(live_number(b, "/v1/status", "discovery.left_out"), 0);
	live_expect_number(b, "/v1/status", "targets.up", 3);
}

/* The file decides, also of a running monitor, whether Nova is asked. */
static void a_reload_ends_and_begins_it(void **state)
{
	struct stage *s = *state;
	struct bed *b = s->bed;
	DR_AUTO_FREE char *targets = dr_asprintf("  - {host: compute-3, plane: data, address: %s}\n"
						 "  - {host: compute-4, plane: data, address: %s}\n",
						 sc_topo_address(b->topo, 2), sc_topo_address(b->topo, 3));
	DR_AUTO_BUF struct dr_buf with = { 0 }, without = { 0 };

	start_nova(s, 2);
	begin(s, &with, targets);
	live_start(b, &with, 4);
	live_begin(b, &without, "");
	dr_buf_puts(&without, targets);
	bed_write(b, dr_buf_str(&without));
	live_hang_up(b, "configuration taken over targets=2");
	assert_int_equal(live_number(b, "/v1/status", "targets.total"), 2);
	live_death_and_recovery(b, 3);
	bed_write(b, dr_buf_str(&with));
	live_hang_up(b, "configuration taken over targets=2");
	if (!bed_wait_events(b, 2, BED_SOON))
		bed_fail(b, "what Nova lists is not watched again");
	b->nevents = 0;
	live_death_and_recovery(b, 1);
	assert_int_equal(bed_stop(b), 0);
}

#define TEST(fn) cmocka_unit_test_setup_teardown(fn, set_up, tear_down)

int main(void)
{
	const struct CMUnitTest tests[] = {
		TEST(hypervisors_are_watched),	   TEST(nova_may_be_away_from_the_beginning),
		TEST(hypervisors_come_and_go),	   TEST(beside_targets_of_the_file),
		TEST(a_reload_ends_and_begins_it), TEST(an_address_that_is_another_hosts),
	};

	return cmocka_run_group_tests_name("net: targets from Nova", tests, bed_enter_namespace, NULL);
}
