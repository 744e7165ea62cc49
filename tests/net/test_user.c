/* SPDX-License-Identifier: Apache-2.0 */
/* The monitor as a user of its own: all that it does it can do with what it keeps, to its end. */
#include <stdarg.h>
#include <stddef.h>
#include <setjmp.h>
#include <stdint.h>
#include <cmocka.h>

#include <pwd.h>
#include <string.h>
#include <sys/stat.h>

#include "tests/net/live.h"
#include "tools/scenario/run.h"

#define MORE "dr-more" /* an interface that comes later */
#define MORE_US "198.51.100.1"

static int unplug_more(void **state)
{
	const char *const argv[] = { "ip", "link", "del", MORE, NULL };

	(void)!sc_run(argv, NULL, NULL); /* if it is there */
	return 0;
}

/* To compute-1, which answers at 198.51.100.2 to .4. */
static void plug_more(struct bed *b)
{
	bed_on(b, 0, "ip link add " MORE "-far type veth peer name " MORE " netns %d", (int)getpid());
	bed_on(b, 0, "ip link set " MORE "-far up");
	bed_on(b, SC_MONITOR, "ip link set " MORE " up");
	bed_on(b, SC_MONITOR, "ip address add " MORE_US "/24 dev " MORE);
	for (int i = 2; i <= 4; i++)
		bed_on(b, 0, "ip address add 198.51.100.%d/24 dev " MORE "-far", i);
}

static struct bed *started(const char *extra)
{
	static const char *const directly[] = { NULL };
	struct bed *b = bed_new(3);
	/* a root of its own: in one of root's the directory would stay, empty */
	DR_AUTO_FREE char *lines =
		dr_asprintf("user: nobody\npin_root: /sys/fs/bpf/root-%s\n%s", b->name, extra);
	DR_AUTO_BUF struct dr_buf t = { 0 };
	mode_t before = umask(0);

	DR_AUTO_FREE char *run = dr_asprintf("%s/run", b->dir); /* of the local socket */
	const struct passwd *nobody = getpwnam("nobody");

	assert_non_null(nobody);
	assert_int_equal(chmod(b->dir, 0711), 0); /* let it pass, and tell READY=1 */
	assert_int_equal(mkdir(run, 0755), 0);
	assert_int_equal(chown(run, nobody->pw_uid, nobody->pw_gid), 0);
	live_begin(b, &t, lines);
	for (int i = 0; i < 3; i++)
		live_target(&t, sc_topo_name(b->topo, i), sc_topo_address(b->topo, i), "");
	bed_write(b, dr_buf_str(&t));
	bed_start_by(b, directly);
	umask(before);
	bed_expect_all_up(b);
	return b;
}

static void expect_user(struct bed *b)
{
	DR_AUTO_FREE char *path = dr_asprintf("/proc/%d", (int)sc_child_pid(b->monitor));
	const struct passwd *nobody = getpwnam("nobody");
	struct stat st;

	assert_non_null(nobody);
	assert_int_equal(stat(path, &st), 0);
	DR_AUTO_FREE char *status = dr_asprintf("%s/status", path), *uid = NULL;
	DR_AUTO_FCLOSE FILE *f = fopen(status, "re");
	DR_AUTO_BUF struct dr_buf text = { 0 };
	assert_non_null(f);
	sc_append_file(&text, fileno(f));
	uid = dr_asprintf("Uid:\t%u\t%u\t%u\t%u\n", nobody->pw_uid, nobody->pw_uid, nobody->pw_uid,
			  nobody->pw_uid);
	if (!strstr(dr_buf_str(&text), uid))
		bed_fail(b, "it is somebody else: %s", dr_buf_str(&text));
}

static void another_interface_by_reload(struct bed *b)
{
	DR_AUTO_BUF struct dr_buf said = { 0 };
	DR_AUTO_FCLOSE FILE *f = fopen(b->config, "ae");

	plug_more(b);
	assert_non_null(f);
	for (int i = 2; i <= 4; i++)
		fprintf(f, "  - {host: more-%d, address: 198.51.100.%d, interface: " MORE "}\n", i, i);
	assert_int_equal(fflush(f), 0);
	int status = live_ctl(b, &said, "reload");
	if (status || !strstr(dr_buf_str(&said), "6 targets on 2 interfaces"))
		bed_fail(b, "reload: status %d: %s", status, dr_buf_str(&said));
	if (!bed_wait_events(b, 3, BED_SOON))
		bed_fail(b, "only %u of 3 came up on the new interface", b->nevents);
	b->nevents = 0;
	bed_on(b, 0, "ip address del 198.51.100.3/24 dev " MORE "-far");
	bed_expect_down(b, 0, "more-3");
	b->nevents = 0;
}

static void the_interface_is_made_again(struct bed *b)
{
	BED_MUST(sc_topo_unplug(b->topo, &error));
	bed_expect_other(b, "doctor.monitor.isolated");
	BED_MUST(sc_topo_replug(b->topo, &error));
	bed_expect_other(b, "doctor.monitor.isolated.cleared");
	live_expect_number(b, "/v1/status", "targets.up", 5);
	live_death_and_recovery(b, 2);
}

static bool there(const char *fmt, ...) DR_PRINTF(1, 2);
static bool there(const char *fmt, ...)
{
	struct stat st;
	char path[256];
	va_list ap;

	va_start(ap, fmt);
	vsnprintf(path, sizeof(path), fmt, ap);
	va_end(ap);
	return lstat(path, &st) == 0;
}

static bool has_qdisc(const char *ifname)
{
	const char *const show[] = { "tc", "qdisc", "show", "dev", ifname, NULL };
	DR_AUTO_BUF struct dr_buf out = { 0 };

	assert_int_equal(sc_run(show, NULL, &out), 0);
	return strstr(dr_buf_str(&out), "clsact");
}

static void a_life(const char *extra)
{
	DR_AUTO(bed_freep) struct bed *b = started(extra);

	expect_user(b);
	live_death_and_recovery(b, 1);
	another_interface_by_reload(b);
	the_interface_is_made_again(b);
	expect_user(b);
	assert_int_equal(bed_stop(b), 0);
	assert_false(bed_attached(b));
	bool pinned = there("/sys/fs/bpf/root-%s/%s", b->name, b->name);
	DR_AUTO_FREE char *root = dr_asprintf("/sys/fs/bpf/root-%s", b->name);
	(void)rmdir(root); /* is left where /sys/fs/bpf is root's alone */
	assert_false(pinned);
	assert_false(has_qdisc(live_ifname(b)));
	assert_false(has_qdisc(MORE));
	if (there("%s/run/socket", b->dir))
		bed_fail(b, "its socket is left");
}

static void with_links(void **state)
{
	a_life("");
}

static void with_filters(void **state)
{
	a_life("attach: tc\negress: clsact\n");
}

#define TEST(fn) cmocka_unit_test_teardown(fn, unplug_more)

int main(void)
{
	const struct CMUnitTest tests[] = {
		TEST(with_links),
		TEST(with_filters),
	};

	return cmocka_run_group_tests_name("net: the monitor as a user", tests, bed_enter_namespace, NULL);
}
