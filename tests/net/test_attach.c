/* SPDX-License-Identifier: Apache-2.0 */
/* The monitor beside other users of the same kernel: what it takes, what it leaves alone, what it may. */
#include <stdarg.h>
#include <stddef.h>
#include <setjmp.h>
#include <stdint.h>
#include <cmocka.h>

#include <bpf/bpf.h>
#include <string.h>
#include <sys/stat.h>

#include "tests/net/bed.h"
#include "tools/scenario/run.h"

/*
 * Runs a monitor with these capabilities (of setpriv(1)) that is to refuse; one that does not is
 * ended by timeout(1), with its status 124.
 */
static int run_refused(struct bed *b, const char *capabilities, struct dr_buf *out)
{
	char program[600];
	const char *const argv[] = { "timeout",	       "10",	     "setpriv",
				     "--bounding-set", capabilities, program,
				     "--config",       b->config,    NULL };

	snprintf(program, sizeof(program), "%s/doctor-monitor", b->bin);
	return sc_run(argv, NULL, out);
}

/* ---------------------------------------------------------------- pins */

struct pins {
	char root[64], dir[128], theirs[160], ours[160];
};

/* A pin root of this bed, configured and not there yet. */
static struct pins configure_pins(struct bed *b)
{
	struct pins p;

	snprintf(p.root, sizeof(p.root), "/sys/fs/bpf/root-%.32s", b->name);
	snprintf(p.dir, sizeof(p.dir), "%s/%s", p.root, b->name);
	snprintf(p.theirs, sizeof(p.theirs), "%s/their_map", p.dir);
	snprintf(p.ours, sizeof(p.ours), "%s/dr_watch", p.dir);
	DR_AUTO_FREE char *line = dr_asprintf("pin_root: %s\n", p.root);
	bed_configure(b, line);
	return p;
}

static void pin_map(const char *path)
{
	DR_AUTO_CLOSE int fd = bpf_map_create(BPF_MAP_TYPE_ARRAY, "theirs", 4, 4, 1, NULL);

	assert_true(fd >= 0);
	assert_int_equal(bpf_obj_pin(fd, path), 0);
}

static bool exists(const char *path)
{
	struct stat st;

	return stat(path, &st) == 0;
}

static void a_directory_with_pins_of_others_is_refused(void **state)
{
	DR_AUTO(bed_freep) struct bed *b = bed_new(2);
	struct pins p = configure_pins(b);
	DR_AUTO_BUF struct dr_buf out = { 0 };

	assert_int_equal(mkdir(p.root, 0700), 0);
	assert_int_equal(mkdir(p.dir, 0700), 0);
	pin_map(p.theirs);
	pin_map(p.ours); /* a name of ours beside it proves nothing */
	int status = run_refused(b, "+all", &out);
	bool both = exists(p.theirs) && exists(p.ours);
	unlink(p.theirs);
	unlink(p.ours);
	rmdir(p.dir);
	rmdir(p.root);
	if (status != 1 || !strstr(dr_buf_str(&out), "holds \"their_map\""))
		bed_fail(b, "status %d: %s", status, dr_buf_str(&out));
	assert_true(both);
	assert_false(bed_attached(b));
}

static void what_others_pin_meanwhile_stays(void **state)
{
	DR_AUTO(bed_freep) struct bed *b = bed_new(2);
	struct pins p = configure_pins(b);

	bed_start(b);
	assert_true(exists(p.ours));
	pin_map(p.theirs);
	int status = bed_stop(b);
	bool theirs = exists(p.theirs), ours = exists(p.ours);
	unlink(p.theirs);
	rmdir(p.dir);
	rmdir(p.root);
	assert_int_equal(status, 0);
	assert_true(theirs);
	assert_false(ours);
}

static void the_pin_root_goes_with_the_run_that_made_it(void **state)
{
	DR_AUTO(bed_freep) struct bed *b = bed_new(2);
	struct pins p = configure_pins(b);

	bed_start(b);
	assert_true(exists(p.ours));
	assert_int_equal(bed_stop(b), 0);
	assert_false(exists(p.root));
	assert_int_equal(mkdir(p.root, 0700), 0);
	bed_start(b);
	assert_int_equal(bed_stop(b), 0);
	bool dir = exists(p.dir);
	assert_int_equal(rmdir(p.root), 0); /* it was there, so it stayed */
	assert_false(dir);
}

/* ---------------------------------------------------------------- capabilities */

/* As docs/operations.md names them. */
#define CAPABILITIES "-all,+bpf,+perfmon,+net_admin,+net_raw,+sys_nice,+ipc_lock"

static void the_documented_capabilities_suffice(void **state)
{
	static const char *const setpriv[] = { "/usr/bin/setpriv", "--bounding-set", CAPABILITIES,
					       "--inh-caps=-all", NULL };
	static const char *const egress[] = { "", "egress: clsact\n" };

	for (size_t i = 0; i < DR_ARRAY_SIZE(egress); i++) {
		DR_AUTO(bed_freep) struct bed *b = bed_new(2);
		bed_configure(b, egress[i]);
		bed_start_by(b, setpriv);
		if (!bed_wait_events(b, 2, dr_sec(10)))
			bed_fail(b, "hosts did not come up");
		assert_int_equal(bed_stop(b), 0);
		assert_false(bed_pinned(b));
	}
}

static void each_capability_is_missed_by_name(void **state)
{
	static const struct {
		const char *set, *text;
	} cases[] = {
		{ CAPABILITIES ",-bpf", "missing CAP_BPF" },
		{ CAPABILITIES ",-perfmon", "missing CAP_PERFMON" },
		{ CAPABILITIES ",-net_admin", "missing CAP_NET_ADMIN" },
		{ CAPABILITIES ",-net_raw", "missing CAP_NET_RAW" },
		{ CAPABILITIES ",-sys_nice", "missing CAP_SYS_NICE" },
	};
	DR_AUTO(bed_freep) struct bed *b = bed_new(2);

	bed_configure(b, "");
	for (size_t i = 0; i < DR_ARRAY_SIZE(cases); i++) {
		DR_AUTO_BUF struct dr_buf out = { 0 };
		int status = run_refused(b, cases[i].set, &out);
		if (status != 1 || !strstr(dr_buf_str(&out), cases[i].text))
			bed_fail(b, "%s: status %d: %s", cases[i].set, status, dr_buf_str(&out));
	}
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(a_directory_with_pins_of_others_is_refused),
		cmocka_unit_test(what_others_pin_meanwhile_stays),
		cmocka_unit_test(the_pin_root_goes_with_the_run_that_made_it),
		cmocka_unit_test(the_documented_capabilities_suffice),
		cmocka_unit_test(each_capability_is_missed_by_name),
	};

	return cmocka_run_group_tests_name("net: attach", tests, bed_enter_namespace, NULL);
}
