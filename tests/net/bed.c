/* SPDX-License-Identifier: Apache-2.0 */
#include <stdarg.h>
#include <stddef.h>
#include <setjmp.h>
#include <stdint.h>
#include <cmocka.h>

#include <bpf/bpf.h>
#include <bpf/libbpf.h>
#include <linux/if_link.h>
#include <net/if.h>
#include <sched.h>
#include <signal.h>
#include <string.h>
#include <sys/stat.h>
#include <time.h>

#include "doctor/abi.h"
#include "tests/net/bed.h"
#include "tools/scenario/run.h"

static int run_text(struct dr_buf *out, const char *const argv[])
{
	return sc_run(argv, NULL, out);
}

int bed_enter_namespace(void **state)
{
	const char *const argv[] = { "ip", "link", "set", "lo", "up", NULL };

	if (geteuid() != 0) {
		print_error("the net tests need root: they make network namespaces and load programs\n");
		return -1;
	}
	return unshare(CLONE_NEWNET) || run_text(NULL, argv) ? -1 : 0;
}

/* ---------------------------------------------------------------- this machine */

#define STALL dr_msec(500)    /* half of what makes a monitor blind by default */
#define BLIND_AFTER dr_sec(5) /* a stall, at the latest */

static bool long_ago(struct dr_mono t, struct dr_dur d)
{
	return dr_mono_sub(dr_mono_now(), t).ns > d.ns;
}

static void note_stall(struct bed *b)
{
	struct dr_mono beat = { atomic_load(&b->beat_ns) };

	if (long_ago(beat, STALL))
		atomic_store(&b->stalled_ns, dr_mono_now().ns);
}

static void *watch(void *userdata)
{
	struct bed *b = userdata;

	while (!atomic_load(&b->done)) {
		nanosleep(&(struct timespec){ 0, 20000000 }, NULL);
		note_stall(b);
		atomic_store(&b->beat_ns, dr_mono_now().ns);
	}
	return NULL;
}

/* Or it did a moment ago. */
static bool stalls(struct bed *b)
{
	note_stall(b); /* we may be quicker than the watcher */
	return !long_ago((struct dr_mono){ atomic_load(&b->stalled_ns) }, BLIND_AFTER);
}

static void watch_machine(struct bed *b)
{
	sigset_t all, before;

	atomic_store(&b->beat_ns, dr_mono_now().ns);
	sigfillset(&all);
	assert_int_equal(pthread_sigmask(SIG_BLOCK, &all, &before), 0);
	assert_int_equal(pthread_create(&b->watcher, NULL, watch, b), 0);
	assert_int_equal(pthread_sigmask(SIG_SETMASK, &before, NULL), 0);
}

/* ---------------------------------------------------------------- the inspector */

static void copy_text(char *out, size_t size, const struct dr_json *event, const char *path)
{
	const char *text = dr_json_str(dr_json_path(event, path));

	snprintf(out, size, "%s", text ? text : "?");
}

static bool was_raised(const struct bed *b, const struct bed_event *e, size_t type_len)
{
	for (unsigned i = 0; i < b->nraised; i++) {
		const struct bed_event *r = &b->raised[i];
		if (strlen(r->type) == type_len && strncmp(r->type, e->type, type_len) == 0 &&
		    strcmp(r->host, e->host) == 0 && strcmp(r->subject, e->subject) == 0)
			return true;
	}
	return false;
}

/* A monitor that is stalled with all of its machine says rightly that it is blind. */
static bool is_of_a_stall(struct bed *b, const struct bed_event *e)
{
	if (strncmp(e->type, "doctor.monitor.blind", strlen("doctor.monitor.blind")) != 0)
		return false;
	if (strstr(e->type, ".cleared")) {
		bool left_out = b->blind_left_out;
		b->blind_left_out = false;
		return left_out;
	}
	b->blind_left_out = !b->blind_wanted && stalls(b);
	return b->blind_left_out;
}

/* Of what is no host. */
static void record_other(struct bed *b, const struct bed_event *e)
{
	if (is_of_a_stall(b, e))
		return;
	const char *end = strstr(e->type, ".cleared");
	size_t len = end ? (size_t)(end - e->type) : strlen(e->type);
	bool known = was_raised(b, e, len);

	if (end && !known && b->nwell < BED_EVENTS_MAX)
		b->well[b->nwell++] = *e;
	else if (b->nothers < BED_EVENTS_MAX)
		b->others[b->nothers++] = *e;
	if (!end && !known && b->nraised < BED_EVENTS_MAX)
		b->raised[b->nraised++] = *e;
}

static void record(struct bed *b, const struct dr_json *events)
{
	for (struct dr_json *e = dr_json_first(events); e; e = dr_json_next(e)) {
		struct bed_event r = { .at = dr_mono_now() };
		copy_text(r.host, sizeof(r.host), e, "details.hostname");
		copy_text(r.type, sizeof(r.type), e, "type");
		copy_text(r.status, sizeof(r.status), e, "details.status");
		copy_text(r.id, sizeof(r.id), e, "details.monitor_event_id");
		copy_text(r.reason, sizeof(r.reason), e, "details.cause");
		copy_text(r.subject, sizeof(r.subject), e, "details.interface");
		copy_text(r.details, sizeof(r.details), e, "details.reason");
		bool of_host = !strcmp(r.type, "compute.host.down") || !strcmp(r.type, "compute.host.up");
		if (of_host && b->nevents < BED_EVENTS_MAX)
			b->events[b->nevents++] = r;
		else if (!of_host)
			record_other(b, &r);
	}
}

static void on_request(struct dr_http_exchange *x, void *userdata)
{
	struct bed *b = userdata;
	DR_AUTO_JSON struct dr_json *body = NULL;
	size_t len;
	const char *text = dr_http_body(x, &len);

	if (strcmp(dr_http_method(x), "PUT") || strcmp(dr_http_path(x), "/events")) {
		dr_http_reply_error(x, 404, "not here");
		return;
	}
	b->requests++;
	if (b->refuse) {
		b->refuse--;
		dr_http_reply_error(x, b->refuse_with, "not now");
		return;
	}
	if (dr_json_parse(text, len, &body, NULL) || !dr_json_is_array(body)) {
		dr_http_reply_error(x, 400, "not an array of events");
		return;
	}
	record(b, body);
	dr_http_reply(x, 200, "application/json", "{}", 2);
}

void bed_serve(struct bed *b, bool on)
{
	struct dr_http_server_opts opts = { .port = b->port };

	if (on) {
		assert_int_equal(dr_http_server_new(b->loop, &opts, on_request, b, &b->server), 0);
		b->port = dr_http_server_port(b->server);
	} else {
		dr_http_server_free(DR_TAKE_PTR(b->server));
	}
}

/* ---------------------------------------------------------------- life */

static void find_programs(struct bed *b)
{
	const char *given = getenv("DOCTOR_BIN");
	char self[400];
	ssize_t n = readlink("/proc/self/exe", self, sizeof(self) - 1);

	assert_true(n > 0);
	self[n] = '\0';
	for (int up = 0; up < 3; up++) /* O/tests/net/test_x */
		*strrchr(self, '/') = '\0';
	snprintf(b->bin, sizeof(b->bin), "%s%s", given ? given : self, given ? "" : "/bin");
}

/* The one that is there: a test that fails leaves by longjmp(), so nobody else ends its bed. */
static struct bed *made;

static void end_left(void)
{
	bed_free(made);
}

struct bed *bed_new(unsigned hosts)
{
	static unsigned count;
	struct bed *b = calloc(1, sizeof(*b));
	struct sc_topo_opts opts = { .nhosts = hosts };
	DR_AUTO_FREE char *error = NULL;

	assert_non_null(b);
	if (count == 0)
		assert_int_equal(atexit(end_left), 0);
	end_left(); /* what it has open would stand in this one's way */
	made = b;
	find_programs(b);
	snprintf(b->name, sizeof(b->name), "test-%d-%u", (int)getpid(), ++count);
	strcpy(b->dir, "/tmp/doctor-net-XXXXXX");
	assert_non_null(mkdtemp(b->dir));
	snprintf(b->config, sizeof(b->config), "%s/monitor.yaml", b->dir);
	assert_int_equal(dr_loop_new(&b->loop), 0);
	bed_serve(b, true);
	watch_machine(b);
	if (sc_topo_new(&opts, &b->topo, &error))
		fail_msg("%s", error);
	return b;
}

static void pin_dir(const struct bed *b, char *buf, size_t size)
{
	snprintf(buf, size, "/sys/fs/bpf/doctor/%s", b->name);
}

void bed_free(struct bed *b)
{
	char pins[128], socket[64], isolated[64];
	const char *const argv[] = { "rm", "-rf", b ? b->dir : "", pins, socket, isolated, NULL };

	if (!b)
		return;
	if (b->monitor)
		(void)!bed_stop(b);
	sc_child_free(b->monitor);
	/* there if a test has killed the monitor, or it was not mighty enough to remove them */
	pin_dir(b, pins, sizeof(pins));
	snprintf(socket, sizeof(socket), "/run/doctor/%.32s.sock", b->name);
	snprintf(isolated, sizeof(isolated), "/run/doctor/%.32s.isolated", b->name);
	sc_topo_free(b->topo);
	dr_http_server_free(b->server);
	dr_loop_free(b->loop);
	atomic_store(&b->done, true);
	if (b->watcher)
		pthread_join(b->watcher, NULL);
	run_text(NULL, argv);
	made = made == b ? NULL : made;
	free(b);
}

/* ---------------------------------------------------------------- the monitor */

void bed_write(struct bed *b, const char *text)
{
	DR_AUTO_FCLOSE FILE *f = fopen(b->config, "we");

	assert_non_null(f);
	assert_true(fputs(text, f) >= 0);
}

void bed_configure(struct bed *b, const char *extra)
{
	DR_AUTO_BUF struct dr_buf t = { 0 };

	dr_buf_printf(&t, "name: %s\ninterface: %s\n%s%srise: 3\n", b->name,
		      sc_topo_ifname(b->topo, SC_MONITOR),
		      strstr(extra, "interval:") ? "" : "interval: 10ms\n",
		      strstr(extra, "multiplier:") ? "" : "multiplier: 3\n");
	dr_buf_printf(&t, "inspector:\n  url: http://127.0.0.1:%u/events\n%stargets:\n", b->port, extra);
	for (int i = 0; i < (int)sc_topo_nhosts(b->topo); i++)
		dr_buf_printf(&t, "  - host: %s\n    address: %s\n", sc_topo_name(b->topo, i),
			      sc_topo_address(b->topo, i));
	bed_write(b, dr_buf_str(&t));
}

void bed_start(struct bed *b)
{
	const char *const none[] = { NULL };

	bed_start_by(b, none);
}

void bed_start_by(struct bed *b, const char *const prefix[])
{
	char program[600];
	const char *argv[16] = { NULL };
	struct sc_child_opts opts = { .name = "monitor", .dir = b->dir, .argv = argv };
	DR_AUTO_FREE char *error = NULL;
	unsigned n = 0;

	for (; prefix[n]; n++) {
		assert_true(n < DR_ARRAY_SIZE(argv) - 4);
		argv[n] = prefix[n];
	}
	argv[n] = program;
	argv[n + 1] = "--config";
	argv[n + 2] = b->config;
	snprintf(program, sizeof(program), "%s/doctor-monitor", b->bin);
	sc_child_free(DR_TAKE_PTR(b->monitor));
	if (sc_child_start(&opts, &b->monitor, &error))
		fail_msg("%s", error);
	if (sc_child_wait_ready(b->monitor, dr_sec(60), NULL))
		bed_fail(b, "the monitor does not get ready");
}

int bed_stop(struct bed *b)
{
	return sc_child_stop(b->monitor, BED_SOON);
}

int bed_run(struct bed *b, struct dr_buf *out, const char *const args[])
{
	char program[600];
	const char *argv[16] = { program };

	snprintf(program, sizeof(program), "%s/doctor-monitor", b->bin);
	for (unsigned i = 0; args[i]; i++) {
		assert_true(i < 14);
		argv[i + 1] = args[i];
	}
	return run_text(out, argv);
}

bool bed_wait_events(struct bed *b, unsigned n, struct dr_dur max)
{
	struct dr_mono end = dr_mono_add(dr_mono_now(), max);

	while (b->nevents < n) {
		struct dr_dur left = dr_mono_sub(end, dr_mono_now());
		if (left.ns <= 0)
			return false;
		assert_true(dr_loop_run_once(b->loop, left) >= 0);
	}
	return true;
}

void bed_idle(struct bed *b, struct dr_dur time)
{
	struct dr_mono end = dr_mono_add(dr_mono_now(), time);

	for (struct dr_dur left = time; left.ns > 0; left = dr_mono_sub(end, dr_mono_now()))
		assert_true(dr_loop_run_once(b->loop, left) >= 0);
}

bool bed_wait_log(struct bed *b, const char *text, struct dr_dur max)
{
	struct dr_mono end = dr_mono_add(dr_mono_now(), max);

	while (dr_mono_sub(end, dr_mono_now()).ns > 0) {
		for (const char *line; (line = sc_child_line(b->monitor));) {
			if (strstr(line, text))
				return true;
		}
		assert_true(dr_loop_run_once(b->loop, dr_msec(5)) >= 0);
	}
	return false;
}

static int pin_of(const struct bed *b, const char *map)
{
	DR_AUTO_FREE char *path = dr_asprintf("/sys/fs/bpf/doctor/%s/%s", b->name, map);

	return bpf_obj_get(path);
}

static void dump_target(int watch, __u32 slot, const struct dr_target *t, struct dr_buf *out)
{
	struct dr_watch w;

	if (bpf_map_lookup_elem_flags(watch, &slot, &w, BPF_F_LOCK))
		return;
	const struct dr_track *k = &w.track;
	dr_buf_printf(
		out,
		"  slot %u: iface %u verdict %u reason %u sent %llu answered %llu stale %llu outstanding %u "
		"detect_ns %llu last_tx_ns %llu last_rx_ns %llu deadline_ns %llu suspect_ns %llu suspects "
		"%llu late_timers %llu starved %llu deaf %u\n",
		slot, t->iface, k->verdict, k->reason, k->sent, k->answered, k->stale, k->outstanding,
		t->detect_ns, k->last_tx_ns, k->last_rx_ns, k->deadline_ns, k->suspect_ns, k->suspects,
		k->late_timers, k->starved, k->deaf);
}

#define DUMPED_MAX 32 /* targets; what is wrong with more is so with these */

/* Of the maps what is in use. */
static void dump_maps(const struct bed *b, struct dr_buf *out)
{
	DR_AUTO_CLOSE int targets = pin_of(b, "dr_targets");
	DR_AUTO_CLOSE int watch = pin_of(b, "dr_watch");
	DR_AUTO_CLOSE int ifaces = pin_of(b, "dr_ifaces");
	struct dr_target t;
	struct dr_iface i;
	unsigned used = 0;

	dr_buf_printf(out, "  now_ns %llu\n", (unsigned long long)dr_mono_now().ns);
	for (__u32 n = 0; bpf_map_lookup_elem(ifaces, &n, &i) == 0; n++) {
		if (i.ifindex)
			dr_buf_printf(
				out,
				"  iface %u: ifindex %u carrier %u gap_ns %llu isolated_ns %llu reason %u "
				"blind_ns %llu up %u silent %u heard_ns %llu\n",
				n, i.ifindex, i.carrier, i.gap_ns, i.isolated_ns, i.reason, i.blind_ns, i.up,
				i.silent, i.all.at_ns);
	}
	for (__u32 n = 0; bpf_map_lookup_elem(targets, &n, &t) == 0; n++) {
		if (t.key && used++ < DUMPED_MAX)
			dump_target(watch, n, &t, out);
	}
	if (used > DUMPED_MAX)
		dr_buf_printf(out, "  and %u targets more\n", used - DUMPED_MAX);
}

void bed_fail(struct bed *b, const char *fmt, ...)
{
	DR_AUTO_BUF struct dr_buf out = { 0 };
	char what[512];
	va_list ap;

	va_start(ap, fmt);
	vsnprintf(what, sizeof(what), fmt, ap);
	va_end(ap);
	if (bed_pinned(b))
		dump_maps(b, &out);
	if (b->monitor)
		sc_child_tail(b->monitor, 30, "  | ", &out);
	fprintf(stderr, "%s\n", dr_buf_str(&out)); /* cmocka's own functions cut at 1 KiB */
	fail_msg("%s", what);
	abort();
}

/* ---------------------------------------------------------------- expectations */

static void expect_event(struct bed *b, unsigned n, const char *host, const char *type, const char *status)
{
	if (!bed_wait_events(b, n + 1, BED_SOON))
		bed_fail(b, "event %u about %s did not come", n + 1, host);
	assert_string_equal(b->events[n].host, host);
	assert_string_equal(b->events[n].type, type);
	assert_string_equal(b->events[n].status, status);
}

void bed_expect_down(struct bed *b, unsigned n, const char *host)
{
	expect_event(b, n, host, "compute.host.down", "down");
}

void bed_expect_up(struct bed *b, unsigned n, const char *host)
{
	expect_event(b, n, host, "compute.host.up", "up");
}

void bed_expect_all_up(struct bed *b)
{
	unsigned n = (unsigned)sc_topo_nhosts(b->topo);

	if (!bed_wait_events(b, n, BED_SOON))
		bed_fail(b, "only %u of %u hosts came up", b->nevents, n);
	for (unsigned i = 0; i < n; i++)
		assert_string_equal(b->events[i].status, "up");
	b->nevents = 0;
}

const struct bed_event *bed_expect_other(struct bed *b, const char *type)
{
	static struct bed_event found;
	struct dr_mono end = dr_mono_add(dr_mono_now(), BED_SOON);

	for (unsigned seen = 0;;) {
		for (; seen < b->nothers; seen++) {
			if (strcmp(b->others[seen].type, type))
				continue;
			found = b->others[seen];
			memmove(b->others, &b->others[seen + 1],
				(b->nothers - seen - 1) * sizeof(*b->others));
			b->nothers -= seen + 1;
			return &found;
		}
		if (dr_mono_sub(end, dr_mono_now()).ns <= 0)
			bed_fail(b, "no %s came", type);
		assert_true(dr_loop_run_once(b->loop, dr_msec(20)) >= 0);
	}
}

void bed_expect_no_other(struct bed *b)
{
	if (b->nothers)
		bed_fail(b, "%u reports too many, the first: %s %s %s (%s)", b->nothers, b->others[0].type,
			 b->others[0].host, b->others[0].subject, b->others[0].details);
}

struct bed *bed_started(unsigned hosts, const char *extra)
{
	struct bed *b = bed_new(hosts);

	bed_configure(b, extra);
	bed_start(b);
	bed_expect_all_up(b);
	return b;
}

void bed_must(int r, char *error)
{
	if (r)
		fail_msg("%s", error ? error : strerror(-r));
}

void bed_on(struct bed *b, int host, const char *fmt, ...)
{
	DR_AUTO_BUF struct dr_buf out = { 0 };
	const char *argv[32] = { NULL };
	char line[512], copy[512];
	unsigned n = 0;
	va_list ap;

	va_start(ap, fmt);
	vsnprintf(line, sizeof(line), fmt, ap);
	va_end(ap);
	strcpy(copy, line);
	for (char *rest = copy, *word; (word = strsep(&rest, " ")) && n < DR_ARRAY_SIZE(argv) - 1;)
		argv[n++] = word;
	int r = sc_topo_run(b->topo, host, argv, &out);
	if (r)
		fail_msg("%s: status %d: %s", line, r, dr_buf_str(&out));
}

/* ---------------------------------------------------------------- what is in the kernel */

static bool is_ours(__u32 id)
{
	struct bpf_prog_info info = { 0 };
	__u32 len = sizeof(info);
	DR_AUTO_CLOSE int fd = id ? bpf_prog_get_fd_by_id(id) : -1;

	return fd >= 0 && bpf_obj_get_info_by_fd(fd, &info, &len) == 0 &&
	       (!strcmp(info.name, "dr_ingress") || !strcmp(info.name, "dr_egress"));
}

static bool tcx_attached(unsigned ifindex)
{
	__u32 ids[16] = { 0 };
	LIBBPF_OPTS(bpf_prog_query_opts, q, .prog_ids = ids, .prog_cnt = 16);

	if (bpf_prog_query_opts((int)ifindex, (enum bpf_attach_type)47 /* BPF_TCX_EGRESS */, &q))
		return false;
	for (__u32 i = 0; i < q.prog_cnt && i < 16; i++) {
		if (is_ours(ids[i]))
			return true;
	}
	return false;
}

bool bed_attached(struct bed *b)
{
	const char *ifname = sc_topo_ifname(b->topo, SC_MONITOR);
	unsigned ifindex = if_nametoindex(ifname);
	const char *const filters[] = { "tc", "filter", "show", "dev", ifname, "egress", NULL };
	DR_AUTO_BUF struct dr_buf out = { 0 };
	__u32 xdp = 0;

	(void)!bpf_xdp_query_id((int)ifindex, 0, &xdp);
	run_text(&out, filters);
	return is_ours(xdp) || tcx_attached(ifindex) || strstr(dr_buf_str(&out), "dr_egress");
}

bool bed_pinned(struct bed *b)
{
	char path[128];
	struct stat st;

	pin_dir(b, path, sizeof(path));
	return stat(path, &st) == 0;
}
