/* SPDX-License-Identifier: Apache-2.0 */
/*
 * doctorctl check: all is well with a minicloud, an inspector with TLS and tokens, and a monitor in memory;
 * then one thing is made wrong, and that one is named, with a remedy, and no other. Files of the system are
 * below a root of ours.
 */
#include "tests/unit/ctl_monitor.h"

#include <fcntl.h>
#include <ftw.h>
#include <net/if.h>
#include <netinet/in.h>
#include <string.h>
#include <sys/socket.h>
#include <sys/stat.h>

#include "tests/unit/tls_files.h"
#include "tools/ctl/check.h"
#include "tools/scenario/child.h"

#define MONITOR_TOKEN "monitor-token-0123456789"
#define READER_TOKEN "reader-token-0123456789"
#define OPERATOR_TOKEN "operator-token-0123456789"
#define SOON dr_sec(60)

struct wrong;

static struct stage {
	char dir[40], root[64], socket[64], clouds[64], journal[64];
	struct sc_child *cloud, *inspector;
	pid_t monitor;
	unsigned port;	      /* the inspector's */
	char control[128];    /* minicloud's */
	const char *settings; /* with which the inspector runs; NULL: it does not */
	struct dr_loop *loop;
	struct mon_features features;
	int clock_state;
	unsigned flags[2]; /* of eth0 and eth1; 0: not there */
} stage;

/* ---------------------------------------------------------------- files */

static void make_parents(const char *path)
{
	DR_AUTO_FREE char *copy = strdup(path);

	for (char *p = copy + 1; (p = strchr(p, '/')); p++) {
		*p = '\0';
		assert_true(mkdir(copy, 0755) == 0 || errno == EEXIST);
		*p = '/';
	}
}

static void write_at(const char *path, const char *text)
{
	make_parents(path);
	DR_AUTO_FCLOSE FILE *f = fopen(path, "we");
	assert_non_null(f);
	assert_true(fputs(text, f) >= 0);
}

/* Below the root. */
static void put(const char *path, const char *text)
{
	DR_AUTO_FREE char *whole = dr_asprintf("%s%s", stage.root, path);

	write_at(whole, text);
}

static char *read_at(const char *path)
{
	DR_AUTO_FCLOSE FILE *f = fopen(path, "re");
	char *text = calloc(1, 16384);

	assert_non_null(f);
	assert_non_null(text);
	assert_true(fread(text, 1, 16383, f) > 0);
	return text;
}

/* Each `from` of the file becomes `to`; there has to be one. */
static void replace_at(const char *path, const char *from, const char *to)
{
	DR_AUTO_FREE char *text = read_at(path);
	DR_AUTO_BUF struct dr_buf b = { 0 };
	const char *p = text, *found = strstr(p, from);

	assert_non_null(found);
	for (; found; p = found + strlen(from), found = strstr(p, from)) {
		dr_buf_append(&b, p, (size_t)(found - p));
		dr_buf_puts(&b, to);
	}
	dr_buf_puts(&b, p);
	write_at(path, dr_buf_str(&b));
}

static void replace(const char *path, const char *from, const char *to)
{
	DR_AUTO_FREE char *whole = dr_asprintf("%s%s", stage.root, path);

	replace_at(whole, from, to);
}

static void write_token(const char *token)
{
	DR_AUTO_FREE char *path = dr_asprintf("%s/monitor.token", stage.dir);

	write_at(path, token);
	assert_int_equal(chmod(path, 0600), 0);
}

static int remove_one(const char *path, const struct stat *st, int type, struct FTW *ftw)
{
	return remove(path);
}

static void remove_below(const char *path)
{
	(void)!nftw(path, remove_one, 8, FTW_DEPTH | FTW_PHYS);
}

static void put_monitor_config(void)
{
	DR_AUTO_FREE char *text = dr_asprintf("host: node-1\n"
					      "interface: eth0\n"
					      "socket: %s\n"
					      "inspectors:\n"
					      "  - url: https://127.0.0.1:%u/events\n"
					      "    token_file: %s/monitor.token\n"
					      "    tls: {ca: %s}\n"
					      "links: [{interface: eth1}]\n"
					      "targets:\n"
					      "  - {host: compute-1, plane: data, address: 192.0.2.1}\n"
					      "  - {host: gateway, plane: data, address: 192.0.2.254}\n",
					      stage.socket, stage.port, stage.dir, tls_file("ca.pem"));

	put(CHECK_MONITOR_CONFIG, text);
}

static void put_inspector_config(const char *settings)
{
	DR_AUTO_FREE char *text = dr_asprintf("listen: 127.0.0.1:%u\n"
					      "tls: {cert: %s, key: %s}\n"
					      "tokens: %s\n"
					      "cloud: admin\n"
					      "journal: %s/inspector.db\n%s",
					      stage.port, tls_file("server.pem"), tls_file("server.key"),
					      tls_file("tokens"), stage.journal, settings);

	put(CHECK_INSPECTOR_CONFIG, text);
}

/* As on a machine where all is well. */
static void put_system(void)
{
	put("/sys/kernel/btf/vmlinux", "");
	put("/sys/kernel/security/lockdown", "[none] integrity confidentiality\n");
	put("/proc/sys/net/core/bpf_jit_enable", "1\n");
	put("/proc/self/mounts", "proc /proc proc rw 0 0\nbpf /sys/fs/bpf bpf rw,nosuid 0 0\n");
	put("/sys/devices/system/clocksource/clocksource0/current_clocksource", "tsc\n");
	stage.features = (struct mon_features){ .ringbuf = true, .timer = true, .btf = true, .tcx = true };
	stage.clock_state = TIME_OK;
	stage.flags[0] = stage.flags[1] = IFF_UP | IFF_RUNNING;
}

/* As tools/sandbox writes them. */
static void put_cloud_files(void)
{
	put(CHECK_NOVA_CONF, "[DEFAULT]\n"
			     "transport_url = rabbit://\n"
			     "[notifications]\n"
			     "notify_on_state_change = vm_state\n"
			     "notification_format = unversioned\n"
			     "[oslo_messaging_notifications]\n"
			     "driver = messagingv2\n");
	put(CHECK_CEILOMETER_CONF, "[DEFAULT]\n");
	put(CHECK_EVENT_PIPELINE, "---\n"
				  "sources:\n"
				  "  - name: event_source\n"
				  "    events: [\"compute.*\"]\n"
				  "    sinks: [event_sink]\n"
				  "sinks:\n"
				  "  - name: event_sink\n"
				  "    publishers:\n"
				  "      - notifier://?topic=alarm.all\n");
	put(CHECK_AODH_CONF, "[DEFAULT]\nevent_alarm_cache_ttl = 0\n");
}

/* ---------------------------------------------------------------- who runs */

typedef void (*spoil_world_fn)(struct world *w);
static spoil_world_fn spoil_world; /* NULL: nothing is wrong */

static void set_world(struct world *w)
{
	w->status.version = DR_VERSION;
	w->status.link_source = "fentry";
	w->status.link_source_why = NULL;
	w->status.inspectors[0].url = dr_asprintf("https://127.0.0.1:%u/events", stage.port);
	w->interfaces[0].ingress = "tcx";
	w->interfaces[0].ingress_why = "stands on others: bond";
	w->interfaces[1].ingress = "native";
	if (spoil_world)
		spoil_world(w);
}

static void put_process(const char *permitted, unsigned locked)
{
	DR_AUTO_FREE char *path = dr_asprintf("/proc/%d/status", stage.monitor);
	DR_AUTO_FREE char *text = dr_asprintf(
		"Name:\tdoctor-monitor\nVmLck:\t%8u kB\nCapInh:\t0\nCapPrm:\t%s\n", locked, permitted);

	put(path, text);
}

static void stop_monitor(void)
{
	ctl_end_process(&stage.monitor);
}

static void start_monitor(spoil_world_fn spoil)
{
	stop_monitor();
	spoil_world = spoil;
	stage.monitor = ctl_monitor_start(stage.socket, 3, set_world, NULL);
	put_process("0000000000002000", 8192);
}

static struct sc_child *start(const char *name, const char *const argv[])
{
	const struct sc_child_opts opts = { .name = name, .dir = stage.dir, .argv = argv };
	struct sc_child *child;
	char *error = NULL;
	int r = sc_child_start(&opts, &child, &error);

	if (r < 0)
		fail_msg("%s: %s", name, error ? error : strerror(-r));
	r = sc_child_wait_ready(child, SOON, NULL);
	if (r) {
		DR_AUTO_BUF struct dr_buf b = { 0 };
		sc_child_tail(child, 20, "  ", &b);
		fail_msg("%s is not ready (%d):\n%s", name, r, dr_buf_str(&b));
	}
	return child;
}

static const char *program(const char *name)
{
	static char path[512];
	const char *bin = getenv("DOCTOR_BIN");

	snprintf(path, sizeof(path), "%s/%s", bin ? bin : "build/bin", name);
	return path;
}

static void start_cloud(void)
{
	const char *argv[] = { program("minicloud"),
			       "--listen",
			       "127.0.0.1:0",
			       "--clouds-yaml",
			       stage.clouds,
			       "--hosts",
			       "2",
			       "--vms-per-host",
			       "2",
			       NULL };
	DR_AUTO_FREE char *text = NULL;
	char *url;

	stage.cloud = start("minicloud", argv);
	text = read_at(stage.clouds);
	url = strstr(text, "http://");
	assert_non_null(url);
	snprintf(stage.control, sizeof(stage.control), "%.*s/minicloud", (int)strcspn(url + 7, "/") + 7, url);
}

/* With nothing in its journal. */
static void start_inspector(const char *settings)
{
	char config[128];
	const char *argv[] = { program("doctor-inspector"), "--config", config, NULL };

	snprintf(config, sizeof(config), "%s" CHECK_INSPECTOR_CONFIG, stage.root);
	sc_child_free(stage.inspector);
	stage.inspector = NULL;
	remove_below(stage.journal);
	assert_int_equal(mkdir(stage.journal, 0700), 0);
	put_inspector_config(settings);
	stage.inspector = start("inspector", argv);
	stage.settings = settings;
}

static unsigned free_port(void)
{
	DR_AUTO_CLOSE int fd = socket(AF_INET, SOCK_STREAM | SOCK_CLOEXEC, 0);
	struct sockaddr_in a = { .sin_family = AF_INET, .sin_addr = { htonl(INADDR_LOOPBACK) } };
	socklen_t len = sizeof(a);

	assert_true(fd >= 0);
	assert_int_equal(bind(fd, (struct sockaddr *)&a, sizeof(a)), 0);
	assert_int_equal(getsockname(fd, (struct sockaddr *)&a, &len), 0);
	return ntohs(a.sin_port);
}

/* ---------------------------------------------------------------- questions of ours */

static void tell(const char *method, const char *url, const char *token, const char *body, unsigned status)
{
	DR_AUTO_FREE char *value = dr_asprintf("Bearer %s", token ? token : "");
	const struct check_question q = { .method = method,
					  .url = url,
					  .body = body,
					  .ca = tls_file("ca.pem"),
					  .header = token ? "Authorization" : NULL,
					  .value = value };
	struct check_answer a = { 0 };

	assert_int_equal(check_ask(stage.loop, &q, &a), 0);
	if (a.error || a.status != status)
		fail_msg("%s %s: %s, status %u", method, url, a.reason, a.status);
	check_answer_done(&a);
}

static void tell_inspector(const char *method, const char *path, const char *token, const char *body,
			   unsigned status)
{
	DR_AUTO_FREE char *url = dr_asprintf("https://127.0.0.1:%u%s", stage.port, path);

	tell(method, url, token, body, status);
}

/* Until that member of what the inspector says has the text ("*": any). */
static void await(const char *path, const char *member, const char *text)
{
	DR_AUTO_FREE char *url = dr_asprintf("https://127.0.0.1:%u%s", stage.port, path);
	const struct check_question q = { .method = "GET",
					  .url = url,
					  .ca = tls_file("ca.pem"),
					  .header = "Authorization",
					  .value = "Bearer " READER_TOKEN };
	struct dr_mono end = dr_mono_add(dr_mono_now(), SOON);

	for (bool there = false; !there;) {
		struct check_answer a = { 0 };
		const char *is;
		assert_int_equal(check_ask(stage.loop, &q, &a), 0);
		is = dr_json_str(dr_json_path(a.json, member));
		there = is && (*text == '*' || strcmp(is, text) == 0);
		check_answer_done(&a);
		if (!there && dr_mono_before(end, dr_mono_now()))
			fail_msg("%s of %s does not become \"%s\"", member, path, text);
		(void)!dr_loop_run_once(stage.loop, dr_msec(50));
	}
}

static void fail_at_cloud(const char *service, const char *method, const char *path, unsigned status)
{
	DR_AUTO_FREE char *url = dr_asprintf("%s/faults", stage.control);
	DR_AUTO_FREE char *body = dr_asprintf("{\"fault\": \"status\", \"status\": %u, \"service\": \"%s\", "
					      "\"method\": \"%s\", \"path\": \"%s\"}",
					      status, service, method, path);

	tell("POST", url, NULL, body, 201);
}

/* ---------------------------------------------------------------- the check */

static void features(struct mon_features *ret)
{
	*ret = stage.features;
}

static int clock_of_stage(struct timex *ret)
{
	return stage.clock_state;
}

static bool interface(const char *name, unsigned *ret_flags)
{
	if (strncmp(name, "eth", 3) != 0)
		return false;
	*ret_flags = stage.flags[name[3] - '0'];
	return *ret_flags;
}

/* With these words more on the command line. */
static void run_check(const char *words, struct check_report *r)
{
	const struct check_readers readers = { .loop = stage.loop,
					       .root = stage.root,
					       .features = features,
					       .clock = clock_of_stage,
					       .interface = interface };
	DR_AUTO_FREE char *line = dr_asprintf("doctorctl check --ca %s --token-file %s%s%s",
					      tls_file("ca.pem"), tls_file("reader.token"), *words ? " " : "",
					      words);
	DR_AUTO(check_facts_done) struct check_facts facts = { 0 };
	char *argv[32], *rest = line, *error = NULL;
	struct ctl_opts o;
	int argc = 0;

	for (char *word; (word = strsep(&rest, " "));)
		argv[argc++] = word;
	argv[argc] = NULL;
	assert_int_equal(ctl_opts_parse(argc, argv, &o, &error), 0);
	assert_int_equal(check_facts_read(&readers, &o, &facts), 0);
	check_run(&facts, r);
	assert_int_equal(r->error, 0);
}

static void fail_with(const struct check_report *r, const char *what)
{
	DR_AUTO_BUF struct dr_buf b = { 0 };

	check_print(r, &b);
	fail_msg("%s:\n%s", what, dr_buf_str(&b));
}

/* ---------------------------------------------------------------- one thing wrong */

struct wrong {
	const char *what;
	void (*spoil)(void);
	const char *check, *of; /* that has to find it; of NULL: there is one only */
	enum check_state state;
	const char *words;    /* on the command line */
	const char *settings; /* of the inspector, which is started with them */
};

static void no_bpffs(void)
{
	replace("/proc/self/mounts", "bpf /sys/fs/bpf bpf rw,nosuid 0 0\n",
		"none /sys/fs/bpf tmpfs rw 0 0\n");
}
static void no_bpf(void)
{
	stage.features.bpf_error = -ENOSYS;
}
static void no_timer(void)
{
	stage.features.timer = false;
}
static void no_ring_buffer(void)
{
	stage.features.ringbuf = false;
}
static void no_map_btf(void)
{
	stage.features.btf = false;
}
static void no_jit(void)
{
	put("/proc/sys/net/core/bpf_jit_enable", "0\n");
}
static void by_netlink(struct world *w)
{
	w->status.link_source = "netlink";
	w->status.link_source_why = "lockdown";
}
static void locked_down(void)
{
	put("/sys/kernel/security/lockdown", "none [integrity] confidentiality\n");
	start_monitor(by_netlink);
}
static void no_time(void)
{
	stage.clock_state = TIME_ERROR;
}
static void slow_clock(void)
{
	put("/sys/devices/system/clocksource/clocksource0/current_clocksource", "acpi_pm\n");
}
static void wrong_key(void)
{
	replace(CHECK_MONITOR_CONFIG, "interface: eth0", "interfase: eth0\ninterface: eth0");
}
static void no_interface(void)
{
	stage.flags[1] = 0;
}
static void interface_down(void)
{
	stage.flags[0] = IFF_BROADCAST;
}
static void no_carrier(void)
{
	stage.flags[1] = IFF_UP;
}
static void lonely(void)
{
	replace(CHECK_MONITOR_CONFIG, "  - {host: gateway, plane: data, address: 192.0.2.254}\n", "");
}
static void stale(struct world *w)
{
	w->status.cycle = (struct mon_cycle){ { WORLD_AGO(9000) }, { WORLD_AGO(9000) }, { WORLD_AGO(9000) } };
}
static void not_fresh(void)
{
	start_monitor(stale);
}
static void old(struct world *w)
{
	w->status.version = "0.0.1";
}
static void old_monitor(void)
{
	start_monitor(old);
}
static void generic(struct world *w)
{
	w->interfaces[1].ingress = "generic";
}
static void attached_generic(void)
{
	start_monitor(generic);
}
static void generic_on_others(struct world *w)
{
	w->interfaces[0].ingress_why = NULL;
	w->interfaces[1].ingress = "generic";
	w->interfaces[1].ingress_why = "stands on others: vlan; generic XDP tells apart 1 of their 4 queues";
}
static void asked_for_generic(void)
{
	replace(CHECK_MONITOR_CONFIG, "targets:\n", "attach: generic\ntargets:\n");
	start_monitor(generic_on_others);
}
static void detached(struct world *w)
{
	w->interfaces[1].attached = false;
}
static void not_attached(void)
{
	start_monitor(detached);
}
static void deaf(struct world *w)
{
	w->interfaces[0].state.isolated_ns = WORLD_AGO(2500);
	w->interfaces[0].state.reason = DR_REASON_DEAF;
}
static void isolated(void)
{
	start_monitor(deaf);
}
static void late(struct world *w)
{
	w->status.not_realtime = "Operation not permitted";
}
static void not_realtime(void)
{
	start_monitor(late);
}
static void unlocked(void)
{
	put_process("0000000000002000", 0);
}
static void powerless(void)
{
	put_process("0000000000000000", 8192);
}
static void powerful(void)
{
	put_process("000001ffffffffff", 8192);
}
static void bad_reload(struct world *w)
{
	w->status.reload_failures = 1;
	w->status.reload_error = "m.yaml:4:11: interval: \"5us\" is below the minimum of 1ms";
}
static void reload_refused(void)
{
	start_monitor(bad_reload);
}
static void away(struct world *w)
{
	w->status.inspectors[0].reachable = false;
}
static void monitor_cannot(void)
{
	start_monitor(away);
}
static void lossy(struct world *w)
{
	w->status.inspectors[0].dropped_lost = 7;
}
static void events_lost(void)
{
	start_monitor(lossy);
}
static void no_inspector(void)
{
	char url[64];

	snprintf(url, sizeof(url), "https://127.0.0.1:%u", stage.port);
	replace(CHECK_MONITOR_CONFIG, url, "https://127.0.0.1:1");
}
static void wrong_token(void)
{
	write_token("nobody-has-this-token");
}
static void readers_token(void)
{
	write_token(READER_TOKEN);
}
static void open_token(void)
{
	DR_AUTO_FREE char *path = dr_asprintf("%s/monitor.token", stage.dir);

	assert_int_equal(chmod(path, 0644), 0);
}
static void no_token(void)
{
	replace(CHECK_MONITOR_CONFIG, "monitor.token", "missing.token");
}
static void wrong_ca(void)
{
	replace(CHECK_MONITOR_CONFIG, tls_file("ca.pem"), tls_file("other.pem"));
}
static void wrong_inspector_key(void)
{
	replace(CHECK_INSPECTOR_CONFIG, "cloud: admin\n", "cloud: admin\nbrakes: {hosts: 3}\n");
}
static void no_journal_directory(void)
{
	replace(CHECK_INSPECTOR_CONFIG, stage.journal, "/nonexistent/doctor");
}
static void journal_locked(void)
{
	assert_int_equal(chmod(stage.journal, 0500), 0);
}
static void nothing(void)
{
}
static void map_stale(void)
{
	fail_at_cloud("compute", "GET", "/v2.1/servers/detail*", 500);
	await("/healthz", "status", "degraded");
}
static void no_aggregates(void)
{
	fail_at_cloud("compute", "GET", "/v2.1/os-aggregates*", 403);
	await("/healthz", "aggregates_unknown", "*");
}
static void brake_holds(void)
{
	tell_inspector("PUT", "/events", MONITOR_TOKEN,
		       "[{\"type\": \"compute.host.down\", \"details\": {\"hostname\": \"compute-1\"}}]",
		       200);
	await("/healthz", "status", "holding");
}
static void subscriber_away(void)
{
	tell_inspector("POST", "/v1/subscriptions", OPERATOR_TOKEN,
		       "{\"callback\": \"http://127.0.0.1:1/faults\", \"secret\": \"0123456789abcdef\"}",
		       201);
	tell_inspector("PUT", "/events", MONITOR_TOKEN,
		       "[{\"type\": \"example.fan.stopped\", \"details\": {\"hostname\": \"compute-1\"}}]",
		       200);
	await("/v1/subscriptions", "subscriptions.0.trouble", "*");
}

/* Credentials as they are, but for that. */
static void credentials(const char *from, const char *to)
{
	DR_AUTO_FREE char *path = dr_asprintf("%s/wrong.yaml", stage.dir), *text = read_at(stage.clouds);

	write_at(path, text);
	replace_at(path, from, to);
	assert_int_equal(setenv("OS_CLIENT_CONFIG_FILE", path, 1), 0);
}
static void wrong_password(void)
{
	credentials("password: admin", "password: forgotten");
}
static void no_keystone(void)
{
	char url[128];

	snprintf(url, sizeof(url), "%.*s", (int)(strlen(stage.control) - strlen("/minicloud")),
		 stage.control);
	credentials(url, "http://127.0.0.1:1");
}
static void no_aodh(void)
{
	fail_at_cloud("alarming", "GET", "*", 503);
}
static void no_nova(void)
{
	fail_at_cloud("compute", "GET", "/v2.1", 503);
}
static void no_state_change(void)
{
	replace(CHECK_NOVA_CONF, "notify_on_state_change = vm_state\n", "");
}
static void no_driver(void)
{
	replace(CHECK_NOVA_CONF, "driver = messagingv2\n", "");
}
static void noop_driver(void)
{
	replace(CHECK_NOVA_CONF, "driver = messagingv2\n", "driver = noop\n");
}
static void versioned(void)
{
	replace(CHECK_NOVA_CONF, "= unversioned", "= versioned");
}
static void not_ini(void)
{
	put(CHECK_NOVA_CONF, "[notifications]\nnotify_on_state_change vm_state\n");
}
static void no_publisher(void)
{
	replace(CHECK_EVENT_PIPELINE, "notifier://?topic=alarm.all", "notifier://");
}
static void no_pipeline(void)
{
	DR_AUTO_FREE char *path = dr_asprintf("%s" CHECK_EVENT_PIPELINE, stage.root);

	assert_int_equal(unlink(path), 0);
}
static void other_events(void)
{
	replace(CHECK_EVENT_PIPELINE, "compute.*", "image.*");
}
static void aodh_caches(void)
{
	replace(CHECK_AODH_CONF, "event_alarm_cache_ttl = 0\n", "");
}

#define BROKEN CHECK_BROKEN
#define DEGRADED CHECK_DEGRADED

/* Those for which the inspector has to be started with other settings come last. */
static const struct wrong wrongs[] = {
	{ "no bpf file system", no_bpffs, "kernel.bpffs", NULL, BROKEN, "", "" },
	{ "no bpf(2)", no_bpf, "kernel.bpf", NULL, BROKEN, "", "" },
	{ "no bpf_timer", no_timer, "kernel.bpf_timer", NULL, BROKEN, "", "" },
	{ "no ring buffer", no_ring_buffer, "kernel.ring_buffer", NULL, BROKEN, "", "" },
	{ "no BTF", no_map_btf, "kernel.btf", NULL, BROKEN, "", "" },
	{ "no JIT", no_jit, "kernel.jit", NULL, DEGRADED, "", "" },
	{ "lockdown", locked_down, "kernel.lockdown", NULL, DEGRADED, "", "" },
	{ "clock not synchronized", no_time, "clock.synchronized", NULL, DEGRADED, "", "" },
	{ "slow clock", slow_clock, "clock.monotonic", NULL, DEGRADED, "", "" },
	{ "monitor: wrong key", wrong_key, "monitor.configuration", NULL, BROKEN, "--socket SOCKET", "" },
	{ "interface missing", no_interface, "monitor.interface", "eth1", BROKEN, "", "" },
	{ "interface down", interface_down, "monitor.interface", "eth0", BROKEN, "", "" },
	{ "no carrier", no_carrier, "monitor.interface", "eth1", BROKEN, "", "" },
	{ "lonely interface", lonely, "monitor.targets", "eth0", DEGRADED, "", "" },
	{ "monitor not running", stop_monitor, "monitor.running", NULL, BROKEN, "", "" },
	{ "monitor hangs", not_fresh, "monitor.running", NULL, BROKEN, "", "" },
	{ "monitor of before the upgrade", old_monitor, "monitor.version", NULL, DEGRADED, "", "" },
	{ "XDP generic", attached_generic, "monitor.attach", "eth1", DEGRADED, "", "" },
	{ "generic on others", asked_for_generic, "monitor.attach", "eth1", DEGRADED, "", "" },
	{ "not attached", not_attached, "monitor.attach", "eth1", BROKEN, "", "" },
	{ "isolated", isolated, "monitor.hearing", "eth0", BROKEN, "", "" },
	{ "not real-time", not_realtime, "monitor.realtime", NULL, DEGRADED, "", "" },
	{ "memory not locked", unlocked, "monitor.memory", NULL, DEGRADED, "", "" },
	{ "capability missing", powerless, "monitor.capabilities", NULL, BROKEN, "", "" },
	{ "too many capabilities", powerful, "monitor.capabilities", NULL, DEGRADED, "", "" },
	{ "reload refused", reload_refused, "monitor.reload", NULL, DEGRADED, "", "" },
	{ "inspector reached by us only", monitor_cannot, "monitor.inspector", "https", BROKEN, "", "" },
	{ "events lost", events_lost, "monitor.inspector", "https", DEGRADED, "", "" },
	{ "inspector unreachable", no_inspector, "monitor.inspector", "https://127.0.0.1:1/", BROKEN, "",
	  "" },
	{ "wrong token", wrong_token, "monitor.inspector", "https", BROKEN, "", "" },
	{ "a reader's token", readers_token, "monitor.inspector", "https", BROKEN, "", "" },
	{ "token open to all", open_token, "monitor.inspector", "https", BROKEN, "", "" },
	{ "no token", no_token, "monitor.inspector", "https", BROKEN, "", "" },
	{ "wrong TLS authority", wrong_ca, "monitor.inspector", "https", BROKEN, "", "" },
	{ "inspector: wrong key", wrong_inspector_key, "inspector.configuration", NULL, BROKEN,
	  "--inspector HERE", "" },
	{ "no journal directory", no_journal_directory, "inspector.journal", NULL, BROKEN, "", "" },
	{ "journal directory not writable", journal_locked, "inspector.journal", NULL, BROKEN, "", "" },
	{ "inspector elsewhere", nothing, "inspector.running", NULL, BROKEN,
	  "--inspector https://127.0.0.1:1", "" },
	{ "no such token for us", nothing, "inspector.running", NULL, DEGRADED, "--token-file WRONG", "" },
	{ "wrong password", wrong_password, "cloud.credentials", NULL, BROKEN, "", "" },
	{ "Keystone unreachable", no_keystone, "cloud.credentials", NULL, BROKEN, "", "" },
	{ "no such cloud", nothing, "cloud.credentials", NULL, BROKEN, "--cloud nobody", "" },
	{ "user without the role admin", nothing, "cloud.force_down", NULL, BROKEN, "--cloud doctor", "" },
	{ "Nova unreachable", no_nova, "cloud.compute", NULL, BROKEN, "", "" },
	{ "Aodh unreachable", no_aodh, "cloud.alarming", NULL, BROKEN, "", "" },
	{ "no notify_on_state_change", no_state_change, "nova.notify_on_state_change", NULL, BROKEN, "", "" },
	{ "no driver", no_driver, "nova.driver", NULL, BROKEN, "", "" },
	{ "driver noop", noop_driver, "nova.driver", NULL, BROKEN, "", "" },
	{ "versioned notifications", versioned, "nova.notification_format", NULL, BROKEN, "", "" },
	{ "nova.conf unreadable", not_ini, "nova.notify_on_state_change", NULL, BROKEN, "", "" },
	{ "no publisher alarm.all", no_publisher, "ceilometer.publisher", NULL, BROKEN, "", "" },
	{ "no event pipeline", no_pipeline, "ceilometer.publisher", NULL, BROKEN, "", "" },
	{ "other events", other_events, "ceilometer.events", NULL, BROKEN, "", "" },
	{ "Aodh's cache", aodh_caches, "aodh.event_alarm_cache_ttl", NULL, DEGRADED, "", "" },
	{ "subscriber unreachable", subscriber_away, "inspector.subscriber", "http://127.0.0.1:1/faults",
	  DEGRADED, "", "" },
	{ "dry run", nothing, "inspector.dry_run", NULL, DEGRADED, "", "dry_run: true\n" },
	{ "brake holds", brake_holds, "inspector.held", NULL, BROKEN, "",
	  "brake: {hosts: 0, share: 0%}\nfaults: {compute.host.down: {actions: [force_down]}}\n" },
	{ "map stale", map_stale, "inspector.map", NULL, BROKEN, "", "refresh: 1s\n" },
	{ "aggregates unknown", no_aggregates, "inspector.aggregates", NULL, DEGRADED, "", "refresh: 1s\n" },
	{ "no bus", nothing, "inspector.bus", NULL, BROKEN, "",
	  "bus: {hosts: [\"127.0.0.1:1\"], user: u, password: p}\n" },
};

/* ---------------------------------------------------------------- tests */

static void set_up(const struct wrong *w)
{
	put_system();
	put_cloud_files();
	put_monitor_config();
	write_token(MONITOR_TOKEN);
	assert_int_equal(setenv("OS_CLIENT_CONFIG_FILE", stage.clouds, 1), 0);
	assert_int_equal(chmod(stage.journal, 0700), 0);
	if (!stage.settings || strcmp(stage.settings, w->settings) != 0 || *w->settings)
		start_inspector(w->settings);
	else
		put_inspector_config(w->settings);
	start_monitor(NULL);
}

/* "HERE": where the inspector listens. "SOCKET": the monitor's. "WRONG": a token that it does not know. */
static char *words_of(const struct wrong *w)
{
	if (strstr(w->words, "HERE"))
		return dr_asprintf("--inspector https://127.0.0.1:%u", stage.port);
	if (strstr(w->words, "SOCKET"))
		return dr_asprintf("--socket %s", stage.socket);
	if (strstr(w->words, "WRONG"))
		return dr_asprintf("--token-file %s",
				   tls_file_write("wrong.token", 0600, "who-knows-this-token\n"));
	return strdup(w->words);
}

static bool is_expected(const struct wrong *w, const struct check_finding *f)
{
	return strcmp(f->check, w->check) == 0 && f->state == w->state && f->remedy && *f->remedy &&
	       *f->found && (w->of ? f->of && strncmp(f->of, w->of, strlen(w->of)) == 0 : !f->of);
}

static void one_thing(void **state)
{
	const struct wrong *w = *state;
	DR_AUTO(check_report_done) struct check_report r = { 0 };
	DR_AUTO_FREE char *words = words_of(w);
	size_t bad = 0;

	set_up(w);
	w->spoil();
	run_check(words, &r);
	for (size_t i = 0; i < r.count; i++) {
		if (r.findings[i].state == CHECK_OK)
			continue;
		bad++;
		if (!is_expected(w, &r.findings[i]))
			fail_with(&r, w->what);
	}
	if (bad != 1)
		fail_with(&r, w->what);
	assert_int_equal(check_exit(&r), w->state == BROKEN ? CTL_WRONG : CTL_DEGRADED);
}

static int after(void **state)
{
	DR_AUTO_FREE char *url = dr_asprintf("%s/faults", stage.control);

	tell("DELETE", url, NULL, NULL, 204);
	return 0;
}

static bool is_found(const struct check_report *r, const char *check)
{
	for (size_t i = 0; i < r->count; i++)
		if (strcmp(r->findings[i].check, check) == 0)
			return true;
	return false;
}

/* And each check that applies has looked. */
static void all_is_well(void **state)
{
	static const struct wrong none = { .settings = "" };
	DR_AUTO(check_report_done) struct check_report r = { 0 };

	set_up(&none);
	run_check("", &r);
	if (check_exit(&r) != CTL_GOOD)
		fail_with(&r, "something is wrong");
	for (size_t i = 0; i < check_count; i++)
		if (is_found(&r, checks[i].name) == (strcmp(checks[i].name, "monitor.discovery") == 0 ||
						     strcmp(checks[i].name, "inspector.bus") == 0))
			fail_with(&r, checks[i].name);
}

/* Each check has a case above in which it finds something. */
static void each_check_can_fail(void **state)
{
	/* test_ctl_checks.c, but for tcx, which is information */
	static const char *const elsewhere[] = { "monitor.discovery", "monitor.secrets", "inspector.version",
						 "kernel.tcx" };

	for (size_t i = 0; i < check_count; i++) {
		bool found = false;
		for (size_t n = 0; n < DR_ARRAY_SIZE(wrongs); n++)
			found = found || strcmp(wrongs[n].check, checks[i].name) == 0;
		for (size_t n = 0; n < DR_ARRAY_SIZE(elsewhere); n++)
			found = found || strcmp(elsewhere[n], checks[i].name) == 0;
		if (!found)
			fail_msg("%s has no case", checks[i].name);
	}
}

/* It expects no credentials where there is to be no cloud. */
static void no_cloud(void **state)
{
	static const struct wrong none = { .settings = "" };
	DR_AUTO(check_report_done) struct check_report r = { 0 };

	set_up(&none);
	replace(CHECK_INSPECTOR_CONFIG, "cloud: admin\n", "cloud: none\n");
	assert_int_equal(setenv("OS_CLIENT_CONFIG_FILE", "/nonexistent", 1), 0);
	run_check("", &r);
	if (check_exit(&r) != CTL_GOOD || is_found(&r, "cloud.credentials"))
		fail_with(&r, "cloud: none");
}

/* What its unit reads, whatever the caller's environment says. */
static void environment_file(void **state)
{
	static const struct wrong none = { .settings = "" };
	DR_AUTO(check_report_done) struct check_report r = { 0 }, again = { 0 };
	DR_AUTO_FREE char *text =
		dr_asprintf("# the cloud\nOS_CLOUD=\"admin\"\nOS_CLIENT_CONFIG_FILE=%s\n", stage.clouds);
	DR_AUTO_FREE char *path = dr_asprintf("%s" CHECK_INSPECTOR_ENVIRONMENT, stage.root);

	set_up(&none);
	replace(CHECK_INSPECTOR_CONFIG, "cloud: admin\n", "");
	put(CHECK_INSPECTOR_ENVIRONMENT, text);
	assert_int_equal(setenv("OS_CLIENT_CONFIG_FILE", "/nonexistent", 1), 0);
	assert_int_equal(setenv("OS_REGION_NAME", "elsewhere", 1), 0);
	run_check("", &r);
	if (check_exit(&r) != CTL_GOOD || !is_found(&r, "cloud.credentials"))
		fail_with(&r, "OS_* in the unit's EnvironmentFile=");
	assert_null(getenv("OS_REGION_NAME"));

	put(CHECK_INSPECTOR_ENVIRONMENT, "# none\n");
	run_check("", &again);
	if (check_exit(&again) != CTL_DEGRADED)
		fail_with(&again, "no OS_* in the unit's EnvironmentFile=");
	assert_int_equal(unlink(path), 0);
	assert_int_equal(setenv("OS_CLOUD", "admin", 1), 0); /* as it was */
}

/* Nothing that is asked changes anything. */
static void changes_nothing(void **state)
{
	static const struct wrong none = { .settings = "" };
	DR_AUTO(check_report_done) struct check_report r = { 0 };
	DR_AUTO_FREE char *url = dr_asprintf("%s/requests", stage.control);
	const struct check_question q = { .method = "GET", .url = url };
	DR_AUTO(check_answer_done) struct check_answer a = { 0 };

	set_up(&none);
	tell("DELETE", url, NULL, NULL, 204);
	run_check("", &r);
	assert_int_equal(check_ask(stage.loop, &q, &a), 0);
	assert_int_equal(a.status, 200);
	for (const struct dr_json *n = dr_json_first(dr_json_get(a.json, "requests")); n; n = dr_json_next(n))
		assert_string_equal(dr_json_get_str(n, "service"), "identity"); /* a login */
}

/* The program: what it prints, as text and as JSON, and that parts can be chosen. */
static void run_program(const char *words, int status, struct dr_buf *out)
{
	DR_AUTO_FREE char *command = dr_asprintf("%s check --monitor-config %s" CHECK_MONITOR_CONFIG
						 " %s 2>&1",
						 program("doctorctl"), stage.root, words);
	char part[4096];
	FILE *f = popen(command, "re");
	size_t n;
	int is;

	assert_non_null(f);
	while ((n = fread(part, 1, sizeof(part), f)) > 0)
		dr_buf_append(out, part, n);
	is = WEXITSTATUS(pclose(f));
	if (is != status)
		fail_msg("%s: %d instead of %d: %s", command, is, status, dr_buf_str(out));
}

static void as_a_program(void **state)
{
	static const struct wrong none = { .settings = "" };
	DR_AUTO_BUF struct dr_buf out = { 0 };
	DR_AUTO_JSON struct dr_json *doc = NULL;
	size_t n = 0;

	set_up(&none);
	/* an interface that no machine has, so something is broken */
	replace(CHECK_MONITOR_CONFIG, "links: [{interface: eth1}]", "links: [{interface: dr-none}]");
	run_program("monitor", 1, &out);
	assert_non_null(strstr(out.data, "broken    monitor.interface dr-none: there is no such interface\n"
					 "          > \"ip link\" lists"));
	assert_non_null(strstr(out.data, "ok        monitor.running: it runs, and goes round\n"));
	assert_non_null(strstr(out.data, "ok        monitor.inspector https://127.0.0.1:"));
	assert_null(strstr(out.data, "cloud."));
	dr_buf_clear(&out);
	run_program("--json monitor", 1, &out);
	assert_int_equal(dr_json_parse(out.data, out.len, &doc, NULL), 0);
	for (const struct dr_json *c = dr_json_first(dr_json_get(doc, "checks")); c;
	     c = dr_json_next(c), n++) {
		assert_non_null(dr_json_get_str(c, "check"));
		assert_non_null(dr_json_get_str(c, "found"));
		assert_true(!strcmp(dr_json_get_str(c, "state"), "ok") == !dr_json_get_str(c, "remedy"));
	}
	assert_int_equal(n, dr_json_get_number(doc, "ok", 0) + dr_json_get_number(doc, "degraded", 0) +
				    dr_json_get_number(doc, "broken", 0));
	assert_true(dr_json_get_number(doc, "broken", 0) >= 1);
}

/* ---------------------------------------------------------------- the group */

static int group_setup(void **state)
{
	strcpy(stage.dir, "/tmp/test_check.XXXXXX");
	assert_non_null(mkdtemp(stage.dir));
	snprintf(stage.root, sizeof(stage.root), "%s/root", stage.dir);
	snprintf(stage.socket, sizeof(stage.socket), "%s/m.sock", stage.dir);
	snprintf(stage.clouds, sizeof(stage.clouds), "%s/clouds.yaml", stage.dir);
	snprintf(stage.journal, sizeof(stage.journal), "%s/journal", stage.dir);
	assert_int_equal(mkdir(stage.journal, 0700), 0);
	if (tls_files_make(state))
		return -1;
	tls_file_write("tokens", 0600,
		       "monitor mon-1 " MONITOR_TOKEN "\nreader anne " READER_TOKEN
		       "\noperator bob " OPERATOR_TOKEN "\n");
	tls_file_write("reader.token", 0600, READER_TOKEN "\n");
	assert_int_equal(dr_loop_new(&stage.loop), 0);
	stage.port = free_port();
	assert_int_equal(setenv("OS_CLIENT_CONFIG_FILE", stage.clouds, 1), 0);
	assert_int_equal(setenv("OS_CLOUD", "admin", 1), 0); /* where the configuration cannot be read */
	start_cloud();
	return 0;
}

static int group_teardown(void **state)
{
	stop_monitor();
	sc_child_free(stage.inspector);
	sc_child_free(stage.cloud);
	dr_loop_free(stage.loop);
	remove_below(stage.dir);
	return tls_files_remove(state);
}

int main(void)
{
	const struct CMUnitTest others[] = {
		cmocka_unit_test(each_check_can_fail), cmocka_unit_test(no_cloud),
		cmocka_unit_test(all_is_well),	       cmocka_unit_test(changes_nothing),
		cmocka_unit_test(as_a_program),	       cmocka_unit_test(environment_file),
	};
	struct CMUnitTest tests[DR_ARRAY_SIZE(others) + DR_ARRAY_SIZE(wrongs)] = { 0 };

	memcpy(tests, others, sizeof(others));
	for (size_t i = 0; i < DR_ARRAY_SIZE(wrongs); i++)
		tests[DR_ARRAY_SIZE(others) + i] = (struct CMUnitTest){ .name = wrongs[i].what,
									.test_func = one_thing,
									.teardown_func = after,
									.initial_state = (void *)&wrongs[i] };
	unsetenv("DOCTOR_INSPECTOR");
	return cmocka_run_group_tests_name("unit: doctorctl check", tests, group_setup, group_teardown);
}
