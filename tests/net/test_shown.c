/* SPDX-License-Identifier: Apache-2.0 */
/* What the running monitor shows of itself, and that it is true. */
#include <stdarg.h>
#include <stddef.h>
#include <setjmp.h>
#include <stdint.h>
#include <cmocka.h>

#include <bpf/bpf.h>
#include <bpf/libbpf.h>
#include <dirent.h>
#include <fcntl.h>
#include <net/if.h>
#include <signal.h>
#include <string.h>
#include <sys/ptrace.h>
#include <sys/socket.h>
#include <sys/stat.h>
#include <sys/syscall.h>
#include <sys/un.h>
#include <sys/wait.h>

#include "doctor/abi.h"
#include "doctor/http_client.h"
#include "tests/net/live.h"
#include "tools/scenario/run.h"

#define PORT 19464 /* in a namespace of our own all are free */
#define METRICS "metrics: 127.0.0.1:19464\n"

static void configure(struct bed *b, unsigned hosts, const char *extra)
{
	DR_AUTO_BUF struct dr_buf t = { 0 };

	live_begin(b, &t, extra);
	for (int i = 0; i < (int)hosts; i++)
		live_target(&t, sc_topo_name(b->topo, i), sc_topo_address(b->topo, i), "");
	bed_write(b, dr_buf_str(&t));
}

static struct bed *started(const char *extra)
{
	struct bed *b = bed_new(4);

	configure(b, 4, extra);
	bed_start(b);
	bed_expect_all_up(b);
	return b;
}

/* ---------------------------------------------------------------- metrics */

static void scrape(struct bed *b, const char *path, unsigned status, struct dr_buf *ret)
{
	const struct dr_http_client_opts opts = { 0 };
	DR_AUTO_FREE char *url = dr_asprintf("http://127.0.0.1:%d%s", PORT, path);
	const struct dr_http_request req = { .method = "GET", .url = url };
	DR_AUTO(dr_http_client_freep) struct dr_http_client *client = NULL;
	DR_AUTO(dr_http_response_done) struct dr_http_response response = { 0 };

	assert_int_equal(dr_http_client_new(b->loop, &opts, &client), 0);
	assert_int_equal(dr_http_call(client, &req, &response), 0);
	if (response.error || response.status != status)
		bed_fail(b, "GET %s: status %u %s", url, response.status, response.reason);
	dr_buf_append(ret, dr_buf_str(&response.body), response.body.len);
}

/* The value of the series of that family with that label ("" if it has none). */
static uint64_t metric(struct bed *b, const struct dr_buf *text, const char *family, const char *label)
{
	DR_AUTO_FREE char *copy = strdup(dr_buf_str(text)), *name = dr_asprintf("doctor_monitor_%s", family);
	size_t len = strlen(name);

	for (char *rest = copy, *line; (line = strsep(&rest, "\n"));) {
		if (strncmp(line, name, len) == 0 && (line[len] == '{' || line[len] == ' ') &&
		    strstr(line, label))
			return strtoull(strrchr(line, ' ') + 1, NULL, 10);
	}
	bed_fail(b, "no %s with %s in\n%s", name, label, dr_buf_str(text));
}

static void prometheus_likes_the_metrics(void **state)
{
	DR_AUTO(bed_freep) struct bed *b = started(METRICS "links: [{interface: lo}]\n");
	const char *const argv[] = { "promtool", "check", "metrics", NULL };

	for (int dead = 0; dead < 2; dead++) {
		DR_AUTO_BUF struct dr_buf text = { 0 }, said = { 0 };
		if (dead) {
			BED_MUST(sc_topo_drop(b->topo, 3, &error));
			bed_expect_down(b, 0, "compute-4");
		}
		scrape(b, "/metrics", 200, &text);
		if (getenv("DOCTOR_IN_GUEST"))
			continue; /* promtool is not there, and no kernel changes what it says */
		int status = sc_run(argv, dr_buf_str(&text), &said);
		if (status || said.len)
			bed_fail(b, "promtool: status %d: %s", status, dr_buf_str(&said));
	}
}

static int pin_of(struct bed *b, const char *map)
{
	DR_AUTO_FREE char *path = dr_asprintf("/sys/fs/bpf/doctor/%s/%s", b->name, map);
	int fd = bpf_obj_get(path);

	if (fd < 0)
		bed_fail(b, "%s: %s", path, strerror(errno));
	return fd;
}

/* The kernel's own story of a host. */
static struct dr_track story_of(struct bed *b, const char *host)
{
	DR_AUTO_CLOSE int fd = pin_of(b, "dr_watch");
	DR_AUTO_FREE char *path = dr_asprintf("/v1/targets?host=%s", host);
	__u32 slot = (__u32)live_number(b, path, "targets.0.slot");
	struct dr_watch w;

	assert_int_equal(bpf_map_lookup_elem_flags(fd, &slot, &w, BPF_F_LOCK), 0);
	return w.track;
}

static uint64_t probes_seen(struct bed *b)
{
	DR_AUTO_CLOSE int fd = pin_of(b, "dr_stats");
	int cpus = libbpf_num_possible_cpus();
	DR_AUTO_FREE struct dr_stats *all = calloc((size_t)cpus, sizeof(*all));
	uint64_t n = 0;
	__u32 zero = 0;

	assert_int_equal(bpf_map_lookup_elem(fd, &zero, all), 0);
	for (int i = 0; i < cpus; i++)
		n += all[i].probes;
	return n;
}

#define BETWEEN(low, n, high)                                                                                \
	do {                                                                                                 \
		assert_true((uint64_t)(low) <= (uint64_t)(n));                                               \
		assert_true((uint64_t)(n) <= (uint64_t)(high));                                              \
	} while (0)

static void what_is_shown_is_what_the_maps_say(void **state)
{
	DR_AUTO(bed_freep) struct bed *b = started(METRICS);
	DR_AUTO_BUF struct dr_buf text = { 0 };
	const char *const t = "/v1/targets?host=compute-2";

	bed_idle(b, dr_msec(300));
	struct dr_track before = story_of(b, "compute-2");
	uint64_t probes = probes_seen(b);
	assert_true(before.sent > 3 && before.answered > 3);
	int64_t sent = live_number(b, t, "targets.0.sent"),
		answered = live_number(b, t, "targets.0.answered");
	int64_t counted = live_number(b, "/v1/counters", "kernel.probes");
	scrape(b, "/metrics", 200, &text);
	struct dr_track after = story_of(b, "compute-2");
	BETWEEN(before.sent, sent, after.sent);
	BETWEEN(before.answered, answered, after.answered);
	BETWEEN(sent, metric(b, &text, "target_sent_total", "host=\"compute-2\""), after.sent);
	BETWEEN(answered, metric(b, &text, "target_answered_total", "host=\"compute-2\""), after.answered);
	BETWEEN(probes, counted, probes_seen(b));
	assert_int_equal(metric(b, &text, "target_up", "host=\"compute-2\""), 1);
	assert_int_equal(metric(b, &text, "targets", "verdict=\"up\""), 4);
}

/* Three of four are no longer watched: what they have answered stays counted. */
static void counters_do_not_fall_when_targets_go(void **state)
{
	DR_AUTO(bed_freep) struct bed *b = started(METRICS);
	DR_AUTO_BUF struct dr_buf t = { 0 }, before = { 0 }, after = { 0 };

	bed_idle(b, dr_sec(1));
	scrape(b, "/metrics", 200, &before);
	live_begin(b, &t, METRICS);
	live_target(&t, sc_topo_name(b->topo, 0), sc_topo_address(b->topo, 0), "");
	bed_write(b, dr_buf_str(&t));
	live_hang_up(b, "configuration taken over targets=1");
	scrape(b, "/metrics", 200, &after);
	BETWEEN(metric(b, &before, "rtt_seconds_count", "plane=\"data\""),
		metric(b, &after, "rtt_seconds_count", "plane=\"data\""), UINT64_MAX);
	assert_int_equal(metric(b, &after, "targets", "verdict=\"up\""), 1);
}

static void a_death_is_shown(void **state)
{
	DR_AUTO(bed_freep) struct bed *b = started(METRICS);
	DR_AUTO_BUF struct dr_buf text = { 0 }, health = { 0 };

	BED_MUST(sc_topo_drop(b->topo, 1, &error));
	bed_expect_down(b, 0, "compute-2");
	assert_int_equal(story_of(b, "compute-2").verdict, DR_VERDICT_DOWN);
	scrape(b, "/metrics", 200, &text);
	assert_int_equal(metric(b, &text, "target_up", "host=\"compute-2\""), 0);
	assert_int_equal(metric(b, &text, "target_not_up", "verdict=\"down\",reason=\"silence\""), 1);
	assert_int_equal(metric(b, &text, "targets", "verdict=\"down\""), 1);
	assert_int_equal(metric(b, &text, "targets", "verdict=\"up\""), 3);
	live_expect_text(b, "/v1/targets?host=compute-2", "targets.0.verdict", "down");
	live_expect_text(b, "/v1/status", "problems.0", "1 target is down");
	live_expect_number(b, "/v1/status", "inspectors.0.delivered", 5); /* four up, one down */
	scrape(b, "/healthz", 200, &health);				  /* the monitor itself is well */
	scrape(b, "/v1/status", 404, &health);				  /* that is for the local socket */
}

/* ---------------------------------------------------------------- doctorctl */

static void expect_ctl(struct bed *b, const char *words, int status, const char *said)
{
	DR_AUTO_BUF struct dr_buf out = { 0 };
	int r = live_ctl(b, &out, words);

	if (r != status || !strstr(dr_buf_str(&out), said))
		bed_fail(b, "doctorctl %s: status %d and not %d with \"%s\":\n%s", words, r, status, said,
			 dr_buf_str(&out));
}

static void doctorctl_tells_how_it_is(void **state)
{
	DR_AUTO(bed_freep) struct bed *b = started("links: [{interface: lo}]\n");

	expect_ctl(b, "status", 0, "4 up"); /* from the beginning */
	expect_ctl(b, "targets", 0, "compute-4");
	expect_ctl(b, "targets compute-2", 0, sc_topo_address(b->topo, 1));
	expect_ctl(b, "links", 0, "lo");
	expect_ctl(b, "counters", 0, "replies");
	expect_ctl(b, "--json status", 0, "\"problems\":[]");
	BED_MUST(sc_topo_drop(b->topo, 1, &error));
	bed_expect_down(b, 0, "compute-2");
	expect_ctl(b, "status", 1, "1 target is down");
	expect_ctl(b, "--json status", 1, "1 target is down");
	expect_ctl(b, "targets", 1, "silence");
	expect_ctl(b, "targets compute-2", 1, "down");
	expect_ctl(b, "targets compute-3", 0, "up");
	expect_ctl(b, "counters", 0, "replies");
	expect_ctl(b, "nonsense", 2, "nonsense");
	expect_ctl(b, "status --socket /nowhere/socket", 3, "/nowhere/socket");
}

/* Of an interface that is probed by, and no link of the configuration. */
static void exceptions_of_a_probed_interface(void **state)
{
	DR_AUTO(bed_freep) struct bed *b = started(METRICS);
	DR_AUTO_CLOSE int fd = pin_of(b, "dr_links");
	DR_AUTO_FREE char *label = dr_asprintf("interface=\"%s\"", live_ifname(b));
	DR_AUTO_BUF struct dr_buf text = { 0 };
	unsigned ifindex = if_nametoindex(live_ifname(b));
	struct dr_link l;

	assert_int_equal(bpf_map_lookup_elem(fd, &ifindex, &l), 0);
	l.xdp_exceptions += 1234; /* as prog/link really causes them */
	assert_int_equal(bpf_map_update_elem(fd, &ifindex, &l, BPF_EXIST), 0);
	live_expect_number(b, "/v1/status", "interfaces.0.xdp_exceptions", 1234);
	assert_int_equal(live_number(b, "/v1/status", "links.total"), 0);
	scrape(b, "/metrics", 200, &text);
	assert_true(metric(b, &text, "interface_xdp_exceptions_total", label) >= 1234);
	/* whether they are counted is said, and if not why */
	DR_AUTO_JSON struct dr_json *doc = live_json(b, "/v1/status");
	const struct dr_json *links = dr_json_get(doc, "links");
	bool counted = metric(b, &text, "xdp_exceptions_counted", "");
	assert_int_equal(dr_json_get_bool(links, "xdp_exceptions_counted", !counted), counted);
	assert_int_equal(dr_json_get_str(links, "xdp_exceptions_why") == NULL, counted);
}

/* A new interface that cannot be attached to: what could be done is in force, and nobody says that all is
 * well. */
static void a_reload_that_is_half_done_is_no_success(void **state)
{
	DR_AUTO(bed_freep) struct bed *b = started("attach: native\n" METRICS);
	DR_AUTO_BUF struct dr_buf t = { 0 }, before = { 0 }, after = { 0 };

	live_begin(b, &t, "attach: native\n" METRICS);
	for (int i = 0; i < 3; i++)
		live_target(&t, sc_topo_name(b->topo, i), sc_topo_address(b->topo, i), "");
	live_target(&t, "elsewhere", "192.0.2.77", ", interface: lo"); /* which has no native XDP */
	bed_write(b, dr_buf_str(&t));
	expect_ctl(b, "reload", 1, "taken over, but not as a whole: nothing can be attached to interface lo");
	expect_ctl(b, "status", 1, "taken over, but not as a whole: nothing can be attached to interface lo");
	if (!bed_wait_log(
		    b,
		    "configuration taken over, but not as a whole: nothing can be attached to interface lo",
		    BED_SOON))
		bed_fail(b, "the log does not say so");
	scrape(b, "/metrics", 200, &before);
	assert_int_equal(metric(b, &before, "last_reload_successful", ""), 0);
	assert_int_equal(metric(b, &before, "reloads_total", "result=\"incomplete\""), 1);
	assert_int_equal(metric(b, &before, "reloads_total", "result=\"done\""), 0);
	live_death_and_recovery(b, 1); /* the others are watched as before */
	configure(b, 3, "attach: native\n" METRICS);
	expect_ctl(b, "reload", 0, "3 targets on 1 interfaces");
	scrape(b, "/metrics", 200, &after);
	assert_int_equal(metric(b, &after, "last_reload_successful", ""), 1);
	assert_int_equal(metric(b, &after, "reloads_total", "result=\"done\""), 1);
	expect_ctl(b, "status", 0, "all is well");
}

static void the_inspector_that_is_away_is_shown(void **state)
{
	DR_AUTO(bed_freep) struct bed *b = started("");

	bed_serve(b, false);
	BED_MUST(sc_topo_drop(b->topo, 1, &error));
	live_expect_text(b, "/v1/targets?host=compute-2", "targets.0.verdict", "down");
	live_expect_number(b, "/v1/status", "inspectors.0.waiting", 1);
	live_expect_number(b, "/v1/status", "inspectors.0.retries", 1);
	expect_ctl(b, "status", 1, "does not answer");
	bed_serve(b, true);
	bed_expect_down(b, 0, "compute-2");
	live_expect_number(b, "/v1/status", "inspectors.0.delivered", 5);
	live_expect_zero(b, "/v1/status", "inspectors.0.waiting");
}

static void doctorctl_reloads(void **state)
{
	DR_AUTO(bed_freep) struct bed *b = bed_new(4);
	DR_AUTO_FREE char *place = dr_asprintf("%s:2:", b->config);

	configure(b, 3, "");
	bed_start(b);
	if (!bed_wait_events(b, 3, BED_SOON))
		bed_fail(b, "only %u came up", b->nevents);
	b->nevents = 0;
	configure(b, 4, "");
	expect_ctl(b, "reload", 0, "reloaded: 4 targets");
	bed_expect_up(b, 0, "compute-4");
	b->nevents = 0;
	/* a wrong one is refused, with the place, and the old one stays */
	bed_write(b, "name: x\ninterval: 5us\ntargets: []\n");
	expect_ctl(b, "reload", 1, place);
	expect_ctl(b, "reload --json", 1, "\"code\":422");
	expect_ctl(b, "status", 1, "the new configuration was refused");
	assert_int_equal(live_number(b, "/v1/status", "reload.failed"), 2);
	assert_int_equal(live_number(b, "/v1/status", "targets.up"), 4);
	live_death_and_recovery(b, 3);
	configure(b, 4, "");
	expect_ctl(b, "reload", 0, "4 targets");
	expect_ctl(b, "status", 0, "");
}

/* The socket is for its owner and group, and goes with the monitor. */
static void the_socket(void **state)
{
	DR_AUTO(bed_freep) struct bed *b = started("");
	DR_AUTO_FREE char *path = live_socket(b);
	struct stat st;

	assert_int_equal(stat(path, &st), 0);
	assert_true(S_ISSOCK(st.st_mode));
	assert_int_equal(st.st_mode & 07777, 0660);
	assert_int_equal(live_get(b, "/v1/nothing", NULL), 404);
	assert_int_equal(live_get(b, "/v1/targets?hots=compute-1", NULL), 400);
	assert_int_equal(bed_stop(b), 0);
	assert_int_not_equal(stat(path, &st), 0);
	expect_ctl(b, "status", 3, "start doctor-monitor");
}

/* ---------------------------------------------------------------- the service manager */

struct manager {
	int fd;
	struct bed *b;
};

static void manager_done(struct manager *m)
{
	close(m->fd);
}

/* The bed's monitor, as a service that is expected to ping each two seconds, and us as its manager. */
static struct manager managed(struct bed *b)
{
	struct manager m = { .fd = socket(AF_UNIX, SOCK_DGRAM | SOCK_CLOEXEC | SOCK_NONBLOCK, 0), .b = b };
	struct sockaddr_un name = { .sun_family = AF_UNIX };
	DR_AUTO_FREE char *where = NULL, *program = dr_asprintf("%s/doctor-monitor", b->bin), *error = NULL;

	snprintf(name.sun_path, sizeof(name.sun_path), "%s/notify", b->dir);
	assert_int_equal(bind(m.fd, (struct sockaddr *)&name, sizeof(name)), 0);
	where = dr_asprintf("NOTIFY_SOCKET=%s", name.sun_path);
	const char *const argv[] = { "/usr/bin/env", where, "WATCHDOG_USEC=2000000", program, "--config",
				     b->config,	     NULL };
	const struct sc_child_opts opts = { .name = "monitor", .dir = b->dir, .argv = argv };
	if (sc_child_start(&opts, &b->monitor, &error))
		fail_msg("%s", error);
	return m;
}

/* How often it has been told so by now. */
static unsigned told(struct manager *m, const char *what)
{
	char text[256];
	unsigned count = 0;

	for (ssize_t n; (n = recv(m->fd, text, sizeof(text) - 1, 0)) >= 0;) {
		text[n] = '\0';
		count += strstr(text, what) != NULL;
	}
	return count;
}

static void expect_told(struct manager *m, const char *what)
{
	struct dr_mono end = dr_mono_add(dr_mono_now(), BED_SOON);

	while (!told(m, what)) {
		if (dr_mono_sub(end, dr_mono_now()).ns <= 0)
			bed_fail(m->b, "the service manager is not told %s", what);
		bed_idle(m->b, dr_msec(20));
	}
}

/* A text of the process information file system. */
static void read_proc(char buf[128], const char *fmt, ...) DR_PRINTF(2, 3);
static void read_proc(char buf[128], const char *fmt, ...)
{
	char path[128];
	va_list ap;

	va_start(ap, fmt);
	vsnprintf(path, sizeof(path), fmt, ap);
	va_end(ap);
	DR_AUTO_CLOSE int fd = open(path, O_RDONLY | O_CLOEXEC);
	ssize_t n = fd < 0 ? 0 : read(fd, buf, 127);
	buf[n > 0 ? n : 0] = '\0';
}

static pid_t sender_of(struct bed *b)
{
	DR_AUTO_FREE char *tasks = dr_asprintf("/proc/%d/task", (int)sc_child_pid(b->monitor));
	DIR *d = opendir(tasks);
	pid_t found = 0;
	char name[128];

	assert_non_null(d);
	for (struct dirent *e; (e = readdir(d));) {
		read_proc(name, "%s/%s/comm", tasks, e->d_name);
		if (strcmp(name, "sender\n") == 0)
			found = (pid_t)atoi(e->d_name);
	}
	closedir(d);
	assert_int_not_equal(found, 0);
	return found;
}

/* Stops that thread alone, as it waits for its next probes: elsewhere it may hold what the others need. */
static void stop_thread(struct bed *b, pid_t tid)
{
	DR_AUTO_FREE char *waits = dr_asprintf("%d ", SYS_futex);
	char call[128];

	for (int i = 0; i < 1000; i++) {
		assert_int_equal(ptrace(PTRACE_SEIZE, tid, 0, 0), 0);
		assert_int_equal(ptrace(PTRACE_INTERRUPT, tid, 0, 0), 0);
		assert_int_equal(waitpid(tid, NULL, __WALL), tid);
		read_proc(call, "/proc/%d/task/%d/syscall", (int)sc_child_pid(b->monitor), (int)tid);
		if (strncmp(call, waits, strlen(waits)) == 0)
			return;
		assert_int_equal(ptrace(PTRACE_DETACH, tid, 0, 0), 0);
		bed_idle(b, dr_msec(1));
	}
	bed_fail(b, "the sender never waits: %s", call);
}

static void the_watchdog_is_told_while_all_is_fresh(void **state)
{
	DR_AUTO(bed_freep) struct bed *b = bed_new(3);

	configure(b, 3, METRICS);
	DR_AUTO(manager_done) struct manager m = managed(b);
	DR_AUTO_BUF struct dr_buf health = { 0 };

	expect_told(&m, "READY=1");
	bed_expect_all_up(b);
	expect_told(&m, "WATCHDOG=1");
	expect_told(&m, "WATCHDOG=1");
	assert_int_equal(kill(sc_child_pid(b->monitor), SIGHUP), 0);
	expect_told(&m, "RELOADING=1");
	expect_told(&m, "WATCHDOG=1");
	/* the sender alone stands still: that is found, no host is accused, and the pings end */
	pid_t sender = sender_of(b);
	b->blind_wanted = true;
	stop_thread(b, sender);
	assert_string_equal(bed_expect_other(b, "doctor.monitor.blind")->status, "down");
	if (!bed_wait_log(b, "stale: the sender", BED_SOON))
		bed_fail(b, "it is not seen that the sender stands still");
	(void)told(&m, "");
	bed_idle(b, dr_msec(2500));
	assert_int_equal(told(&m, "WATCHDOG=1"), 0);
	scrape(b, "/healthz", 503, &health);
	assert_int_equal(ptrace(PTRACE_DETACH, sender, 0, 0), 0);
	expect_told(&m, "WATCHDOG=1");
	bed_expect_other(b, "doctor.monitor.blind.cleared");
	assert_int_equal(b->nevents, 0);
	live_death_and_recovery(b, 1);
	assert_int_equal(bed_stop(b), 0);
	expect_told(&m, "STOPPING=1");
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(prometheus_likes_the_metrics),
		cmocka_unit_test(what_is_shown_is_what_the_maps_say),
		cmocka_unit_test(counters_do_not_fall_when_targets_go),
		cmocka_unit_test(a_death_is_shown),
		cmocka_unit_test(doctorctl_tells_how_it_is),
		cmocka_unit_test(exceptions_of_a_probed_interface),
		cmocka_unit_test(a_reload_that_is_half_done_is_no_success),
		cmocka_unit_test(the_inspector_that_is_away_is_shown),
		cmocka_unit_test(doctorctl_reloads),
		cmocka_unit_test(the_socket),
		cmocka_unit_test(the_watchdog_is_told_while_all_is_fresh),
	};

	return cmocka_run_group_tests_name("net: what the monitor shows", tests, bed_enter_namespace, NULL);
}
