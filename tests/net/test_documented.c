/* SPDX-License-Identifier: Apache-2.0 */
/*
 * Every command in README.md and docs/operations.md is run, as it stands there, where a monitor watches, an
 * inspector holds an incident of compute-7, a consumer has heard of a server that is lost, and there is a
 * minicloud. What cannot be is in the table of ways, with why; a command that is not in it fails the test.
 */
#include <stdarg.h>
#include <stddef.h>
#include <setjmp.h>
#include <stdint.h>
#include <cmocka.h>

#include <fcntl.h>
#include <signal.h>
#include <string.h>
#include <sys/stat.h>
#include <sys/wait.h>

#include "tests/net/commands.h"
#include "tests/net/live.h"
#include "tools/ctl/check.h"
#include "tools/scenario/run.h"

#define INSPECTOR "http://127.0.0.1:12345" /* the usual place: the network namespace is ours alone */
#define CONSUMER "http://127.0.0.1:12346"
#define LOST "8f5b1c1e-2f0a-4d53-9a86-3c5d1b7f0e11" /* the server that the consumer hears of */
#define MANUAL "docs/operations.md"

/* ---------------------------------------------------------------- where they are run */

static int outside = -1; /* the network namespace that the test was started in */

struct stage {
	struct bed *bed;
	struct sc_child *cloud, *inspector, *consumer;
	struct sc_child *guarded; /* an inspector with the certificate and the tokens of the document */
	char incident[64];
	char *fault; /* of the consumer */
};

static struct sc_child *start(struct bed *b, const char *name, const char *const argv[])
{
	const struct sc_child_opts opts = { .name = name, .dir = b->dir, .argv = argv };
	struct sc_child *child;

	BED_MUST(sc_child_start(&opts, &child, &error));
	if (sc_child_wait_ready(child, BED_SOON, NULL))
		fail_msg("%s is not ready", name);
	return child;
}

static void write_at(const struct bed *b, const char *name, const char *text)
{
	DR_AUTO_FREE char *path = dr_asprintf("%s/%s", b->dir, name);
	DR_AUTO_FCLOSE FILE *f = fopen(path, "we");

	assert_non_null(f);
	assert_true(fputs(text, f) >= 0);
}

static void start_cloud(struct stage *s)
{
	char program[600], yaml[128];
	const char *argv[] = { program, "--listen", "127.0.0.1:0", "--clouds-yaml",
			       yaml,	"--hosts",  "8",	   "--vms-per-host",
			       "1",	NULL };

	snprintf(program, sizeof(program), "%s/minicloud", s->bed->bin);
	snprintf(yaml, sizeof(yaml), "%s/clouds.yaml", s->bed->dir);
	s->cloud = start(s->bed, "minicloud", argv);
	assert_int_equal(setenv("OS_CLIENT_CONFIG_FILE", yaml, 1), 0);
}

static void start_inspector(struct stage *s)
{
	char program[600], config[128];
	const char *argv[] = { program, "--config", config, NULL };

	snprintf(program, sizeof(program), "%s/doctor-inspector", s->bed->bin);
	snprintf(config, sizeof(config), "%s/inspector.yaml", s->bed->dir);
	DR_AUTO_FREE char *text = dr_asprintf(
		"cloud: admin\njournal: %s/inspector.db\nbrake: {hosts: 0, share: 0%%}\n", s->bed->dir);
	write_at(s->bed, "inspector.yaml", text);
	s->inspector = start(s->bed, "inspector", argv);
}

/* With what the commands before have made. */
static void start_guarded(struct stage *s)
{
	char program[600], config[128];
	const char *argv[] = { program, "--config", config, NULL }, *dir = s->bed->dir;
	DR_AUTO_FREE char *text = dr_asprintf("listen: 192.0.2.10:12345\ncloud: none\njournal: none\n"
					      "tls: {cert: %s/inspector.pem, key: %s/inspector.key}\n"
					      "tokens: %s/inspector.tokens\n",
					      dir, dir, dir);

	snprintf(program, sizeof(program), "%s/doctor-inspector", s->bed->bin);
	snprintf(config, sizeof(config), "%s/guarded.yaml", dir);
	write_at(s->bed, "guarded.yaml", text);
	bed_on(s->bed, SC_MONITOR, "ip address add 192.0.2.10/32 dev lo");
	s->guarded = start(s->bed, "guarded", argv);
}

static void start_consumer(struct stage *s)
{
	char program[600], config[128];
	const char *argv[] = { program, "--config", config, NULL };

	snprintf(program, sizeof(program), "%s/doctor-consumer", s->bed->bin);
	snprintf(config, sizeof(config), "%s/consumer.yaml", s->bed->dir);
	write_at(s->bed, "consumer.yaml",
		 "cloud: doctor\njournal: none\nrecovery: none\nservers: [" LOST "]\n");
	s->consumer = start(s->bed, "consumer", argv);
}

static void start_monitor(struct stage *s)
{
	DR_AUTO_BUF struct dr_buf t = { 0 };
	struct bed *b = s->bed;

	live_begin(b, &t, "inspectors: [{url: \"" INSPECTOR "/events\"}]\nattach: tc\negress: clsact\n");
	live_target(&t, "compute-7", sc_topo_address(b->topo, 0), "");
	live_target(&t, "compute-2", sc_topo_address(b->topo, 1), "");
	bed_write(b, dr_buf_str(&t));
	bed_start(b);
	live_expect_text(b, "/v1/targets?host=compute-7", "targets.0.verdict", "up");
}

/* Files of a controller, where the caller has copied them to. */
static void write_settings(struct stage *s)
{
	write_at(s->bed, "nova.conf",
		 "[notifications]\nnotify_on_state_change = vm_state\n"
		 "[oslo_messaging_notifications]\ndriver = messagingv2\n");
	write_at(s->bed, "event_pipeline.yaml",
		 "sources: [{name: s, events: [\"*\"], sinks: [e]}]\n"
		 "sinks: [{name: e, publishers: [\"notifier://?topic=alarm.all\"]}]\n");
	write_at(s->bed, "aodh.conf", "[DEFAULT]\nevent_alarm_cache_ttl = 0\n");
}

/* An incident that the brake holds. */
static void hold(struct stage *s)
{
	const struct check_question down = { .method = "PUT",
					     .url = INSPECTOR "/events",
					     .body = "[{\"type\": \"compute.host.down\", \"details\": "
						     "{\"hostname\": \"compute-7\"}}]" };
	const struct check_question list = { .method = "GET", .url = INSPECTOR "/v1/incidents?state=held" };
	struct dr_mono end = dr_mono_add(dr_mono_now(), BED_SOON);
	DR_AUTO(check_answer_done) struct check_answer told = { 0 };

	assert_int_equal(check_ask(s->bed->loop, &down, &told), 0);
	assert_int_equal(told.status, 200);
	while (!s->incident[0]) {
		DR_AUTO(check_answer_done) struct check_answer a = { 0 };
		const char *id;
		assert_true(dr_mono_before(dr_mono_now(), end));
		assert_int_equal(check_ask(s->bed->loop, &list, &a), 0);
		id = dr_json_str(dr_json_path(a.json, "incidents.0.id"));
		if (id)
			snprintf(s->incident, sizeof(s->incident), "%s", id);
	}
}

/* Nobody recovers it. */
static void lose_server(struct stage *s)
{
	const struct check_question alarm = {
		.method = "POST",
		.url = CONSUMER "/failure",
		.body = "{\"alarm_id\":\"4ac59aea-37fe-45e8-abc1-cc0956f0e454\",\"current\":\"alarm\","
			"\"reason_data\":"
			"{\"type\":\"event\",\"event\":{\"message_id\":\"1\",\"event_type\":\"compute."
			"instance.update\","
			"\"generated\":\"2026-11-22T17:06:40.465749\",\"traits\":[[\"state\",1,\"error\"],"
			"[\"instance_id\",1,\"" LOST "\"]]}}}"
	};
	const struct check_question list = { .method = "GET", .url = CONSUMER "/v1/recoveries?server=" LOST };
	struct dr_mono end = dr_mono_add(dr_mono_now(), BED_SOON);
	DR_AUTO(check_answer_done) struct check_answer told = { 0 };

	assert_int_equal(check_ask(s->bed->loop, &alarm, &told), 0);
	assert_int_equal(told.status, 200);
	while (!s->fault) {
		DR_AUTO(check_answer_done) struct check_answer a = { 0 };
		const char *fault;
		assert_true(dr_mono_before(dr_mono_now(), end));
		assert_int_equal(check_ask(s->bed->loop, &list, &a), 0);
		fault = dr_json_str(dr_json_path(a.json, "recoveries.0.fault"));
		s->fault = fault ? strdup(fault) : NULL;
	}
}

static int setup(void **state)
{
	struct stage *s = calloc(1, sizeof(*s));

	assert_non_null(s);
	*state = s;
	s->bed = bed_new(2);
	start_cloud(s);
	start_inspector(s);
	start_monitor(s);
	start_consumer(s);
	write_settings(s);
	hold(s);
	lose_server(s);
	return 0;
}

static int teardown(void **state)
{
	struct stage *s = *state;

	sc_child_free(s->guarded);
	sc_child_free(s->consumer);
	sc_child_free(s->inspector);
	sc_child_free(s->cloud);
	bed_free(s->bed);
	free(s->fault);
	free(s);
	return 0;
}

/* ---------------------------------------------------------------- running them */

/* Each `from` that stands as a word of its own becomes `to`; the caller frees it. */
static char *replace_word(const char *text, const char *from, const char *to)
{
	DR_AUTO_BUF struct dr_buf b = { 0 };
	size_t len = strlen(from);

	for (const char *p = text; *p;) {
		bool begins = p == text || p[-1] == ' ';
		if (begins && strncmp(p, from, len) == 0 && (p[len] == ' ' || p[len] == '\0')) {
			dr_buf_puts(&b, to);
			p += len;
		} else {
			dr_buf_append(&b, p++, 1);
		}
	}
	return strdup(dr_buf_str(&b));
}

static bool has_word(const char *text, const char *word)
{
	DR_AUTO_FREE char *without = replace_word(text, word, "");

	return strcmp(text, without) != 0;
}

/* Each `from` becomes `to`; the caller frees it. */
static char *replace(const char *text, const char *from, const char *to)
{
	DR_AUTO_BUF struct dr_buf b = { 0 };

	for (const char *at; (at = strstr(text, from)); text = at + strlen(from)) {
		dr_buf_append(&b, text, (size_t)(at - text));
		dr_buf_puts(&b, to);
	}
	dr_buf_puts(&b, text);
	return strdup(dr_buf_str(&b));
}

static char *of_monitor_or_check(const struct stage *s, const char *text)
{
	static const char *const of_monitor[] = { "status", "targets", "links", "counters", "top", "reload" };
	DR_AUTO_FREE char *socket = live_socket(s->bed);

	for (size_t i = 0; i < DR_ARRAY_SIZE(of_monitor); i++)
		if (has_word(text, of_monitor[i]))
			return dr_asprintf("%s --socket %s%s", text, socket,
					   has_word(text, "top") ? " --count 1" : "");
	if (has_word(text, "check") && !has_word(text, "cloud"))
		return dr_asprintf("%s --socket %s --monitor-config %s", text, socket, s->bed->config);
	return strdup(text);
}

/* These are the machine's, not the namespace's, and are set to what they are. */
static char *with_present_values(const struct stage *s, const char *text)
{
	return dr_asprintf("for s in %s; do in='nsenter --net=/proc/%d/fd/%d'; "
			   "$in sysctl -w ${s%%%%=*}=$($in sysctl -n ${s%%%%=*}) || exit; done",
			   text + strlen("sysctl -w "), (int)getpid(), outside);
}

static char *as_admin(const struct stage *s, const char *text)
{
	return dr_asprintf("export OS_CLOUD=admin; %s && echo done", text);
}

/* There is such a group where the packages are installed. */
static char *with_group(const struct stage *s, const char *text)
{
	return dr_asprintf(
		"{ cat /etc/group; echo doctor-inspector:x:64999:; } >group && "
		"unshare -m sh -c 'mount --bind group /etc/group && %s' && stat -c %%G%%a inspector.key",
		text);
}

/* And such a user. */
static char *with_user(const struct stage *s, const char *text)
{
	DR_AUTO_FREE char *here = replace(text, "/etc/doctor/", "");

	return dr_asprintf(
		"echo secret >token && { cat /etc/passwd; echo doctor-monitor:x:64998:64998::/:/bin/false; } "
		">passwd && unshare -m sh -c 'mount --bind passwd /etc/passwd && %s' && "
		"stat -c %%u%%a token | grep 64998400",
		here);
}

/* Makes itself what it needs. */
static char *as_guarded(const struct stage *s, const char *text)
{
	return dr_asprintf("TOKEN=$(awk '/^reader/ {print $3}' inspector.tokens); %s --fail "
			   "--resolve inspector-1.example.org:12345:192.0.2.10",
			   text);
}

static char *with_key(const struct stage *s, const char *text)
{
	return dr_asprintf("cp inspector.pem alice.pem; cp inspector.key alice.key; %s -passout pass:x && ls "
			   "-l alice.p12",
			   text);
}

static char *and_show(const struct stage *s, const char *text)
{
	return dr_asprintf("%s && echo done", text);
}

/* What is left of it on either side; tcx, where the kernel has it for ingress, leaves nothing. */
static char *both_ways(const struct stage *s, const char *text)
{
	DR_AUTO_FREE char *other = replace(text, "egress", "ingress");

	return dr_asprintf("left() { tc filter show dev %s $1; }; test -n \"$(left egress)\" && %s && "
			   "{ test -z \"$(left ingress)\" || %s; } && test -z \"$(left egress; left "
			   "ingress)\" && echo done",
			   live_ifname(s->bed), text, other);
}

static char *of_guarded(const struct stage *s, const char *text)
{
	return dr_asprintf("%s --config guarded.yaml && echo good", text);
}

static char *parsed_by_ssh(const struct stage *s, const char *text)
{
	return replace(text, "ssh ", "ssh -G ");
}

static char *to_nobody(const struct stage *s, const char *text)
{
	DR_AUTO_FREE char *with_password = replace(text, "-u doctor ", "-u doctor:x ");

	return dr_asprintf("%s -sS --connect-to ::127.0.0.1:9", with_password);
}

enum when {
	AT_ONCE,
	GUARDED, /* with the inspector that has the document's certificate and tokens */
	KILLED,	 /* after a SIGKILL of the monitor */
	ELSEWHERE,
};

static const struct way {
	const char *begins;
	enum when when;
	char *(*place)(const struct stage *s, const char *text); /* NULL: as it is; the caller frees it */
	int status;						 /* beside 0 */
	const char *why;					 /* not as it stands; or where it is run */
} ways[] = {
	{ "cp -a /var/lib/doctor ", ELSEWHERE, NULL, 0, "tests/packages, with the four below" },
	{ "rm -r /var/lib/doctor", ELSEWHERE, NULL, 0, "it would be this machine's" },
	{ "mv /var/lib/doctor", ELSEWHERE, NULL, 0, "the same" },
	{ "systemctl stop", ELSEWHERE, NULL, 0, "there is no systemd" },
	{ "systemctl start", ELSEWHERE, NULL, 0, "the same" },
	{ "doctorctl ", AT_ONCE, of_monitor_or_check, 0, NULL },
	{ "bpftool ", AT_ONCE, NULL, 0, NULL },
	{ "curl http://127.0.0.1:12345/", AT_ONCE, NULL, 0, NULL },
	{ "curl 'http://127.0.0.1:12346/", AT_ONCE, NULL, 0, NULL },
	{ "curl -X POST http://127.0.0.1:12346/", AT_ONCE, NULL, 0, NULL },
	{ "curl --cacert ", GUARDED, as_guarded, 0, NULL },
	{ "curl -u doctor ", AT_ONCE, to_nobody, 7,
	  "no BMC is here, so curl cannot connect; unit/inspector_redfish" },
	{ "openssl pkcs12 ", AT_ONCE, with_key, 0, NULL },
	{ "openssl ", AT_ONCE, and_show, 0, NULL },
	{ "echo ", AT_ONCE, and_show, 0, NULL },
	{ "chown doctor-monitor:", AT_ONCE, with_user, 0, NULL },
	{ "chown ", AT_ONCE, with_group, 0, NULL },
	{ "adduser ", ELSEWHERE, NULL, 0, "it would change the users of this machine" },
	{ "cp ", AT_ONCE, NULL, 0, NULL },
	{ "grep ", AT_ONCE, NULL, 0, NULL },
	{ "sysctl ", AT_ONCE, with_present_values, 0, NULL },
	{ "rm ", KILLED, and_show, 0, NULL },
	{ "tc filter show ", AT_ONCE, NULL, 0, NULL },
	{ "tc ", KILLED, both_ways, 0, NULL },
	{ "journalctl ", AT_ONCE, and_show, 0, NULL },
	{ "ssh ", AT_ONCE, parsed_by_ssh, 0, "it lasts, and wants a controller" },
	{ "openstack compute service set --disable", ELSEWHERE, NULL, 0, "a part of a command" },
	{ "openstack floating ip set --port", ELSEWHERE, NULL, 0, "a part of a command" },
	{ "openstack ", AT_ONCE, as_admin, 0, NULL },
	{ "rabbitmqctl ", AT_ONCE, NULL, 69,
	  "no broker is here, as it says when it has understood; a wrong call is 64" },
	{ "doctor-monitor ", ELSEWHERE, NULL, 0, "a drawing, and what ps shows" },
	{ "doctor-inspector --check", GUARDED, of_guarded, 0, NULL },
	{ "xdp-loader unload IF --id ID", ELSEWHERE, NULL, 0, "guest/dispatcher has programs of libxdp" },
	{ "apt install", ELSEWHERE, NULL, 0, "tests/packages" },
	{ "apt purge", ELSEWHERE, NULL, 0, "tests/packages" },
	{ "make ", ELSEWHERE, NULL, 0, "tests/docs, and scenario/demo of tests/run" },
	{ "systemctl edit ", ELSEWHERE, NULL, 0, "an editor" },
	{ "systemctl enable ", ELSEWHERE, NULL, 0, "debian/tests/consumer, there is no systemd" },
	{ "systemctl reload ", ELSEWHERE, NULL, 0, "debian/tests/first-steps, there is no systemd" },
	{ "systemd-analyze security ", ELSEWHERE, NULL, 0, "tests/docs" },
};

static const struct way *way_of(const char *text)
{
	for (size_t i = 0; i < DR_ARRAY_SIZE(ways); i++)
		if (strncmp(text, ways[i].begins, strlen(ways[i].begins)) == 0)
			return &ways[i];
	return NULL;
}

static bool has_way(const char *text)
{
	return way_of(text) != NULL;
}

/* With what this place has other than the usual: pins, hosts, files. */
static char *placed(const struct stage *s, const struct way *way, const char *command)
{
	const struct sc_child *monitor = s->bed->monitor;
	DR_AUTO_FREE char *pid = dr_asprintf("%d", monitor ? (int)sc_child_pid(monitor) : 0);
	DR_AUTO_FREE char *pins = dr_asprintf("/sys/fs/bpf/doctor/%s", s->bed->name);
	DR_AUTO_FREE char *state = dr_asprintf("%s/", s->bed->dir);
	DR_AUTO_FREE char *fault = dr_asprintf("/%s/", s->fault),
			  *copy = dr_asprintf("%s/copy/", s->bed->dir);
	const char *const words[][2] = {
		{ "HOST", "compute-7" },
		{ "ID", s->incident },
		{ "SERVER", "$(openstack server list --all-projects --name vm-7-1 -f value -c ID)" },
		{ "IF", live_ifname(s->bed) }
	};
	const char *const parts[][2] = { { "/sys/fs/bpf/doctor/doctor-monitor", pins },
					 { "/sys/fs/bpf/doctor/NAME", pins },
					 { "$(pidof doctor-monitor)", pid },
					 { "server=ID", "server=" LOST },
					 { "/FAULT/", fault },
					 { "/tmp/", copy },
					 { "/var/lib/doctor/", state } };
	char *text = strdup(command);

	for (size_t i = 0; i < DR_ARRAY_SIZE(words); i++) {
		DR_AUTO_FREE char *old = text;
		text = replace_word(old, words[i][0], words[i][1]);
	}
	for (size_t i = 0; i < DR_ARRAY_SIZE(parts); i++) {
		DR_AUTO_FREE char *old = text;
		text = replace(old, parts[i][0], parts[i][1]);
	}
	if (way->place) {
		DR_AUTO_FREE char *old = text;
		text = way->place(s, old);
	}
	return text;
}

static bool is_installed(const struct stage *s, const char *command)
{
	DR_AUTO_FREE char *test = dr_asprintf("PATH=%s:$PATH command -v %.*s >/dev/null", s->bed->bin,
					      (int)strcspn(command, " "), command);

	return system(test) == 0;
}

static void run(const struct stage *s, const struct way *way, const char *command)
{
	DR_AUTO_FREE char *text = placed(s, way, command);
	DR_AUTO_FREE char *script = dr_asprintf("%s/command", s->bed->dir);
	DR_AUTO_FREE char *line = dr_asprintf("cd %s && PATH=%s:$PATH timeout 60 bash %s 2>&1 </dev/null",
					      s->bed->dir, s->bed->bin, script);
	DR_AUTO_BUF struct dr_buf out = { 0 };
	bool ours = strncmp(text, "doctorctl ", 10) == 0;
	char part[4096];
	FILE *f;
	size_t n;
	int status;

	write_at(s->bed, "command", text);
	f = popen(line, "re");
	assert_non_null(f);
	while ((n = fread(part, 1, sizeof(part), f)) > 0)
		dr_buf_append(&out, part, n);
	status = pclose(f);
	assert_true(WIFEXITED(status));
	status = WEXITSTATUS(status);
	print_message("ran, status %d: %s\n", status, text);
	/* 1: something is wrong, as that host is; 4: something is degraded */
	if (status != way->status && status != 0 && !(ours && (status == 1 || status == 4)))
		fail_msg("%s: status %d: %s", text, status, dr_buf_str(&out));
	if (!out.len || strstr(out.data, "doctorctl: ") || strstr(out.data, "\"code\":404"))
		fail_msg("%s: %s", text, dr_buf_str(&out));
}

static void run_all(struct stage *s, const struct commands *c, enum when when)
{
	for (size_t i = 0; i < c->count; i++) {
		const struct way *way = way_of(c->texts[i]);
		if (!way)
			fail_msg("neither run nor excepted: %s", c->texts[i]);
		if (way->when != when)
			continue;
		if (when == ELSEWHERE)
			print_message("not run (%s): %s\n", way->why, c->texts[i]);
		else if (is_installed(s, c->texts[i]))
			run(s, way, c->texts[i]);
		else if (getenv("CI"))
			fail_msg("not installed: %s", c->texts[i]);
		else
			print_message("not installed: %s\n", c->texts[i]);
	}
}

/* Of a document that says nothing new a way is of no use. */
static void assert_all_used(const struct commands *c)
{
	for (size_t i = 0; i < DR_ARRAY_SIZE(ways); i++) {
		bool used = false;
		for (size_t k = 0; k < c->count; k++)
			used = used || way_of(c->texts[k]) == &ways[i];
		if (!used)
			fail_msg("no document has it: %s", ways[i].begins);
	}
}

static void documented(void **state)
{
	DR_AUTO(commands_done) struct commands c = { 0 };
	struct stage *s = *state;
	DR_AUTO_FREE char *copy = dr_asprintf("%s/copy", s->bed->dir);

	assert_int_equal(mkdir(copy, 0700), 0);
	commands_read(&c, "README.md", s->bed->bin, has_way);
	commands_read(&c, MANUAL, s->bed->bin, has_way);
	assert_true(c.count >= 40); /* else they are not found any more */
	assert_all_used(&c);
	run_all(s, &c, AT_ONCE);
	start_guarded(s);
	run_all(s, &c, GUARDED);
	assert_int_equal(kill(sc_child_pid(s->bed->monitor), SIGKILL), 0);
	sc_child_free(DR_TAKE_PTR(s->bed->monitor));
	run_all(s, &c, KILLED);
	run_all(s, &c, ELSEWHERE);
}

/* The hook for fencing: it has the host switched off, and is content when it is off. */
static void the_hook_fences(void **state)
{
	DR_AUTO(bed_freep) struct bed *b = bed_new(1);
	DR_AUTO_BUF struct dr_buf script = { 0 }, out = { 0 };
	DR_AUTO_FREE char *line =
		dr_asprintf("cd %s && chmod +x ipmitool hook && PATH=.:$PATH ./hook compute-7", b->dir);
	const char *const argv[] = { "sh", "-c", line, NULL };

	commands_script(MANUAL, &script);
	assert_true(script.len > 0);
	write_at(b, "hook", dr_buf_str(&script));
	/* answers once, and needs a look more to be off */
	write_at(b, "ipmitool",
		 "#!/bin/sh\necho \"$*\" >>asked\n"
		 "[ \"$1 $2 $3 $4 $5 $6 $7 $8\" = '-I lanplus -H compute-7-bmc.example -U doctor -f "
		 "/etc/doctor/bmc-password' ] || exit 1\n"
		 "shift 8\ncase \"$*\" in\n'chassis power off') exit 1 ;;\n"
		 "'chassis power status') [ -e seen ] && echo 'Chassis Power is off' || echo 'Chassis Power "
		 "is on'; >seen ;;\n"
		 "*) exit 1 ;;\nesac\n");
	if (sc_run(argv, NULL, &out) != 0)
		fail_msg("the hook: %s", dr_buf_str(&out));
	assert_non_null(strstr(out.data, "compute-7-bmc.example: Chassis Power is on"));
	assert_non_null(strstr(out.data, "compute-7-bmc.example: Chassis Power is off"));
}

/* Of a monitor that runs, by what the kernel, /proc and its socket say of it: nothing is broken. */
static void checked(void **state)
{
	static const char *const good[] = { "kernel.bpf_timer",	 "kernel.ring_buffer", "kernel.bpffs",
					    "monitor.interface", "monitor.running",    "monitor.attach",
					    "monitor.hearing",	 "monitor.memory",     "monitor.capabilities",
					    "monitor.inspector" };
	const struct stage *s = *state;
	DR_AUTO_FREE char *words = dr_asprintf("--json check monitor --monitor-config %s", s->bed->config);
	DR_AUTO_BUF struct dr_buf out = { 0 };
	DR_AUTO_JSON struct dr_json *doc = NULL;

	(void)!live_ctl(s->bed, &out, words);
	assert_int_equal(dr_json_parse(out.data, out.len, &doc, NULL), 0);
	for (size_t i = 0; i < DR_ARRAY_SIZE(good); i++) {
		size_t found = 0;
		for (const struct dr_json *c = dr_json_first(dr_json_get(doc, "checks")); c;
		     c = dr_json_next(c)) {
			if (strcmp(dr_json_get_str(c, "check"), good[i]) != 0)
				continue;
			found++;
			if (strcmp(dr_json_get_str(c, "state"), "ok") != 0)
				fail_msg("%s: %s", good[i], dr_json_get_str(c, "found"));
		}
		assert_true(found > 0);
	}
	assert_int_equal(dr_json_get_number(doc, "broken", -1), 0);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test_setup_teardown(checked, setup, teardown),
		cmocka_unit_test_setup_teardown(documented, setup, teardown),
		cmocka_unit_test(the_hook_fences),
	};

	outside = open("/proc/self/ns/net", O_RDONLY | O_CLOEXEC);
	unsetenv("DOCTOR_INSPECTOR");
	return cmocka_run_group_tests_name("net: documented commands", tests, bed_enter_namespace, NULL);
}
