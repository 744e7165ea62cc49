/* SPDX-License-Identifier: Apache-2.0 */
/* The monitor's side of the kernel half (user/bpf.h): loading, pins, commands, events, reading. */
#include <stdarg.h>
#include <stddef.h>
#include <setjmp.h>
#include <stdint.h>
#include <cmocka.h>

#include <arpa/inet.h>
#include <bpf/bpf.h>
#include <dirent.h>
#include <fcntl.h>
#include <string.h>
#include <sys/stat.h>

#include "user/bpf.h"

#define LO 1
#define KEY 42

static char root[64]; /* a pin root of this run's own */

static int make_root(void **state)
{
	snprintf(root, sizeof(root), "/sys/fs/bpf/doctor-test-%d", getpid());
	return 0;
}

static struct mon_bpf *load(const char *name)
{
	struct mon_bpf *b = NULL;
	char *error = NULL;

	if (mon_bpf_new(root, name, 8, &b, &error))
		fail_msg("%s", error);
	return b;
}

static unsigned run(struct mon_bpf *b, const struct dr_command *c)
{
	enum dr_command_result result;

	assert_int_equal(mon_bpf_command(b, c, &result), 0);
	return result;
}

static struct dr_command watch_of(unsigned slot)
{
	return (struct dr_command){ .ethernet = { 1, 2, 3 }, /* is of no meaning */
				    .op = DR_CMD_WATCH,
				    .slot = slot,
				    .target = { .key = KEY,
						.interval_ns = 10000000,
						.detect_ns = 30000000,
						.multiplier = 3,
						.rise = 1,
						.ifindex = LO,
						.addr = { 0, 0, htonl(0xffff), htonl(0x7f000001) },
						.kind = DR_KIND_ECHO4 } };
}

static const struct dr_command lo = { .op = DR_CMD_IFACE, .ifindex = LO, .carrier = 1, .gap_ns = 15000000 };

static unsigned entries(const char *path)
{
	DIR *d = opendir(path);
	unsigned n = 0;

	if (!d)
		return 0;
	for (struct dirent *e; (e = readdir(d));)
		n += e->d_name[0] != '.';
	closedir(d);
	return n;
}

static void all_is_pinned_and_unpinned(void **state)
{
	static const char *const pins[] = { "dr_egress",  "dr_ingress", "dr_ingress_tc", "dr_command",
					    "dr_targets", "dr_watch",	"dr_ifaces",	 "dr_links",
					    "dr_by_addr", "dr_timers",	"dr_stats",	 "dr_events",
					    "dr_queues" };
	struct mon_bpf *b = load("one");
	char path[160];

	for (size_t i = 0; i < DR_ARRAY_SIZE(pins); i++) {
		snprintf(path, sizeof(path), "%s/one/%s", root, pins[i]);
		DR_AUTO_CLOSE int fd = bpf_obj_get(path);
		if (fd < 0)
			fail_msg("%s: %s", path, strerror(-fd));
	}
	snprintf(path, sizeof(path), "%s/one", root);
	assert_int_equal(entries(path), DR_ARRAY_SIZE(pins)); /* and nothing else */
	mon_bpf_free(b);
	assert_int_equal(access(root, F_OK), -1);
}

static void a_name_is_taken_once(void **state)
{
	struct mon_bpf *one = load("one"), *two = load("two"), *again = NULL;
	char *error = NULL;

	assert_int_equal(mon_bpf_new(root, "one", 8, &again, &error), -EBUSY);
	assert_non_null(strstr(error, "\"one\""));
	assert_null(again);
	free(error);
	mon_bpf_free(one);
	one = load("one");
	mon_bpf_free(two);
	mon_bpf_free(one);
	rmdir(root); /* the one that made it was not the last */
}

static void what_is_not_ours_is_left_alone(void **state)
{
	struct mon_bpf *b = load("one"), *again = NULL;
	char path[160], *error = NULL;

	mon_bpf_free(b);
	assert_int_equal(mkdir(root, 0700), 0);
	snprintf(path, sizeof(path), "%s/one", root);
	assert_int_equal(mkdir(path, 0700), 0);
	snprintf(path, sizeof(path), "%s/one/theirs", root);
	DR_AUTO_CLOSE int map = bpf_map_create(BPF_MAP_TYPE_ARRAY, "theirs", 4, 4, 1, NULL);
	assert_int_equal(bpf_obj_pin(map, path), 0);
	assert_int_equal(mon_bpf_new(root, "one", 8, &again, &error), -EBUSY);
	assert_non_null(strstr(error, "theirs"));
	free(error);
	assert_int_equal(unlink(path), 0);
	b = load("one"); /* an empty directory that a killed run left is taken over */
	mon_bpf_free(b);
	snprintf(path, sizeof(path), "%s/one", root);
	assert_int_equal(access(path, F_OK), -1);
	assert_int_equal(rmdir(root), 0); /* it was there before */
}

static void a_pin_root_elsewhere_is_refused(void **state)
{
	struct mon_bpf *b = NULL;
	char *error = NULL;

	assert_int_equal(mon_bpf_new("/tmp", "one", 8, &b, &error), -EINVAL);
	assert_non_null(strstr(error, "bpf file system"));
	free(error);
}

static void commands_come_back_with_their_result(void **state)
{
	struct mon_bpf *b = load("one");
	struct dr_command c = watch_of(3);
	struct dr_watch w;
	struct dr_iface i;

	assert_int_equal(run(b, &lo), DR_CMD_DONE);
	assert_int_equal(run(b, &c), DR_CMD_DONE);
	assert_int_equal(run(b, &c), DR_CMD_REFUSED);
	c.slot = 8;
	assert_int_equal(run(b, &c), DR_CMD_REFUSED);
	assert_int_equal(mon_bpf_read_watch(b, 3, &w), 0);
	assert_int_equal(w.retired, 0);
	assert_int_equal(w.track.verdict, DR_VERDICT_UNKNOWN);
	assert_true(mon_bpf_read_watch(b, 8, &w) < 0);
	assert_int_equal(mon_bpf_read_iface(b, 0, &i), 0);
	assert_int_equal(i.ifindex, LO);
	assert_int_equal(i.gap_ns, 15000000);
	assert_int_equal(mon_bpf_read_iface(b, MON_INTERFACES_MAX - 1, &i), 0);
	assert_int_equal(i.ifindex, 0);
	assert_true(mon_bpf_read_iface(b, MON_INTERFACES_MAX, &i) < 0);
	c = (struct dr_command){ .op = DR_CMD_RETIRE, .slot = 3 };
	assert_int_equal(run(b, &c), DR_CMD_DONE);
	assert_int_equal(mon_bpf_read_watch(b, 3, &w), 0);
	assert_int_equal(w.retired, 1);
	mon_bpf_free(b);
}

static void addresses_come_and_go(void **state)
{
	struct mon_bpf *b = load("one");
	struct dr_addr a = { .ifindex = LO, .kind = DR_KIND_ARP };

	for (unsigned round = 0; round < 2; round++) {
		for (unsigned n = 0; n < 8; n++) {
			a.addr[3] = n;
			assert_int_equal(mon_bpf_set_address(b, &a, n), 0);
			assert_int_equal(mon_bpf_set_address(b, &a, n), 0);
		}
		a.addr[3] = 8;
		assert_int_equal(mon_bpf_set_address(b, &a, 8), -E2BIG); /* as many as slots */
		for (unsigned n = 0; n <= 8; n++) {
			a.addr[3] = n;
			assert_int_equal(mon_bpf_remove_address(b, &a), 0);
		}
	}
	mon_bpf_free(b);
}

static void keep_event(const struct dr_event *e, void *userdata)
{
	*(struct dr_event *)userdata = *e;
}

static void events_and_counters_arrive(void **state)
{
	struct mon_bpf *b = load("one");
	struct dr_command c = watch_of(2);
	struct dr_event e = { 0 };
	struct dr_stats s;

	assert_int_equal(run(b, &lo), DR_CMD_DONE);
	assert_int_equal(run(b, &c), DR_CMD_DONE);
	c = (struct dr_command){ .op = DR_CMD_UNSENT, .slot = 2, .reason = DR_REASON_NO_ROUTE };
	assert_int_equal(run(b, &c), DR_CMD_DONE);
	assert_true(mon_bpf_event_fd(b) >= 0);
	assert_int_equal(mon_bpf_consume(b, keep_event, &e), 0);
	assert_int_equal(e.version, DR_ABI_VERSION);
	assert_int_equal(e.type, DR_EVENT_VERDICT);
	assert_int_equal(e.slot, 2);
	assert_int_equal(e.verdict, DR_VERDICT_UNREACHABLE);
	assert_int_equal(e.reason, DR_REASON_NO_ROUTE);
	assert_int_equal(mon_bpf_read_stats(b, &s), 0);
	assert_int_equal(s.events, 1);
	assert_int_equal(s.events_lost, 0);
	mon_bpf_free(b);
}

static void as_many_slots_as_a_monitor_may_have(void **state)
{
	struct mon_bpf *b = NULL;
	struct dr_command c = watch_of(MON_TARGETS_MAX - 1);
	struct dr_watch w;
	char *error = NULL;

	if (mon_bpf_new(root, "one", MON_TARGETS_MAX, &b, &error))
		fail_msg("%s", error);
	assert_int_equal(run(b, &lo), DR_CMD_DONE);
	assert_int_equal(run(b, &c), DR_CMD_DONE);
	assert_int_equal(mon_bpf_read_watch(b, MON_TARGETS_MAX - 1, &w), 0);
	mon_bpf_free(b);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(all_is_pinned_and_unpinned),
		cmocka_unit_test(a_name_is_taken_once),
		cmocka_unit_test(what_is_not_ours_is_left_alone),
		cmocka_unit_test(a_pin_root_elsewhere_is_refused),
		cmocka_unit_test(commands_come_back_with_their_result),
		cmocka_unit_test(addresses_come_and_go),
		cmocka_unit_test(events_and_counters_arrive),
		cmocka_unit_test(as_many_slots_as_a_monitor_may_have),
	};

	return cmocka_run_group_tests_name("prog: bpf", tests, make_root, NULL);
}
