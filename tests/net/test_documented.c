/* SPDX-License-Identifier: Apache-2.0 */
/*
 * Every doctorctl and bpftool command in README.md and docs/operations.md is run, as it stands there, where a
 * monitor watches, an inspector holds an incident of compute-7, and there is a minicloud. (tests/docs has the
 * parser accept those of all documents, and make know its targets.)
 */
#include <stdarg.h>
#include <stddef.h>
#include <setjmp.h>
#include <stdint.h>
#include <cmocka.h>

#include <string.h>
#include <sys/stat.h>
#include <sys/wait.h>

#include "tests/net/live.h"
#include "tools/ctl/check.h"

#define INSPECTOR "http://127.0.0.1:12345" /* the usual place: the network namespace is ours alone */
#define COMMANDS_MAX 100

/* ---------------------------------------------------------------- what the documents say */

struct commands {
	char *texts[COMMANDS_MAX];
	size_t count;
};

static void commands_done(struct commands *c)
{
	for (size_t i = 0; i < c->count; i++)
		free(c->texts[i]);
}

static bool is_command(const char *text, size_t len)
{
	static const char *const programs[] = { "doctorctl ", "bpftool " };

	for (size_t i = 0; i < DR_ARRAY_SIZE(programs); i++)
		if (len > strlen(programs[i]) && strncmp(text, programs[i], strlen(programs[i])) == 0)
			return true;
	return false;
}

/* Once, however often it is there. */
static void add(struct commands *c, const char *text, size_t len)
{
	if (!is_command(text, len))
		return;
	for (size_t i = 0; i < c->count; i++)
		if (strlen(c->texts[i]) == len && strncmp(c->texts[i], text, len) == 0)
			return;
	assert_true(c->count < COMMANDS_MAX);
	c->texts[c->count] = strndup(text, len);
	assert_non_null(c->texts[c->count++]);
}

/* A line of a block is indented by four blanks or more; a prompt, and a comment at its end, are not its own.
 */
static void add_block_line(struct commands *c, const char *line)
{
	size_t indent = strspn(line, " ");
	const char *text = line + indent, *comment;

	if (indent < 4)
		return;
	if (strncmp(text, "# ", 2) == 0 || strncmp(text, "$ ", 2) == 0)
		text += 2;
	comment = strstr(text, "  #");
	size_t len = comment ? (size_t)(comment - text) : strlen(text);
	while (len > 0 && text[len - 1] == ' ')
		len--;
	add(c, text, len);
}

/* `doctorctl reload` within a sentence */
static void add_inline(struct commands *c, const char *line)
{
	for (const char *begin = line, *end; (begin = strchr(begin, '`')); begin = end + 1) {
		end = strchr(++begin, '`');
		if (!end)
			return;
		add(c, begin, (size_t)(end - begin));
	}
}

static void read_document(struct commands *c, const char *path)
{
	DR_AUTO_FCLOSE FILE *f = fopen(path, "re");
	char line[1024];

	if (!f)
		fail_msg("%s: %s; tests are run from the top of the tree", path, strerror(errno));
	while (fgets(line, sizeof(line), f)) {
		line[strcspn(line, "\n")] = '\0';
		add_block_line(c, line);
		add_inline(c, line);
	}
}

/* ---------------------------------------------------------------- where they are run */

struct stage {
	struct bed *bed;
	struct sc_child *cloud, *inspector;
	char incident[64];
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
	const char *argv[] = {
		program, "--listen", "127.0.0.1:0", "--clouds-yaml", yaml, "--hosts", "8", NULL
	};

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
	write_at(s->bed, "inspector.yaml", "cloud: admin\njournal: none\nbrake: {hosts: 0, share: 0%}\n");
	s->inspector = start(s->bed, "inspector", argv);
}

static void start_monitor(struct stage *s)
{
	DR_AUTO_BUF struct dr_buf t = { 0 };
	struct bed *b = s->bed;

	live_begin(b, &t, "inspectors: [{url: \"" INSPECTOR "/events\"}]\n");
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

static int setup(void **state)
{
	struct stage *s = calloc(1, sizeof(*s));

	assert_non_null(s);
	*state = s;
	s->bed = bed_new(2);
	start_cloud(s);
	start_inspector(s);
	start_monitor(s);
	write_settings(s);
	hold(s);
	return 0;
}

static int teardown(void **state)
{
	struct stage *s = *state;

	sc_child_free(s->inspector);
	sc_child_free(s->cloud);
	bed_free(s->bed);
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

/* What this place has other than the usual: the monitor's socket, its pins, a terminal. */
static char *placed(const struct stage *s, const char *command)
{
	static const char *const of_monitor[] = { "status", "targets", "links", "counters", "top", "reload" };
	static const char usual_pins[] = "/sys/fs/bpf/doctor/doctor-monitor/";
	DR_AUTO_FREE char *host = replace_word(command, "HOST", "compute-7");
	DR_AUTO_FREE char *text = replace_word(host, "ID", s->incident);
	DR_AUTO_FREE char *socket = live_socket(s->bed);
	const char *pins = strstr(text, usual_pins);

	if (pins)
		return dr_asprintf("%.*s%s/%s/%s", (int)(pins - text), text, "/sys/fs/bpf/doctor",
				   s->bed->name, pins + strlen(usual_pins));
	for (size_t i = 0; i < DR_ARRAY_SIZE(of_monitor); i++)
		if (has_word(text, of_monitor[i]))
			return dr_asprintf("%s --socket %s%s", text, socket,
					   has_word(text, "top") ? " --count 1" : "");
	if (has_word(text, "check") && !has_word(text, "cloud"))
		return dr_asprintf("%s --socket %s --monitor-config %s", text, socket, s->bed->config);
	return strdup(text);
}

static void run(const struct stage *s, const char *command)
{
	DR_AUTO_FREE char *text = placed(s, command);
	DR_AUTO_FREE char *line =
		dr_asprintf("cd %s && PATH=%s:$PATH && timeout 60 %s 2>&1", s->bed->dir, s->bed->bin, text);
	DR_AUTO_BUF struct dr_buf out = { 0 };
	bool ours = strncmp(text, "doctorctl ", 10) == 0;
	char part[4096];
	FILE *f = popen(line, "re");
	size_t n;
	int status;

	assert_non_null(f);
	while ((n = fread(part, 1, sizeof(part), f)) > 0)
		dr_buf_append(&out, part, n);
	status = pclose(f);
	assert_true(WIFEXITED(status));
	status = WEXITSTATUS(status);
	print_message("ran, status %d: %s\n", status, text);
	/* 1: something is wrong, as that host is; 4: something is degraded */
	if (status != 0 && !(ours && (status == 1 || status == 4)))
		fail_msg("%s: status %d: %s", text, status, dr_buf_str(&out));
	if (!out.len || strstr(out.data, "doctorctl: "))
		fail_msg("%s: %s", text, dr_buf_str(&out));
}

static void documented(void **state)
{
	DR_AUTO(commands_done) struct commands c = { 0 };

	read_document(&c, "README.md");
	read_document(&c, "docs/operations.md");
	assert_true(c.count >= 20); /* else they are not found any more */
	for (size_t i = 0; i < c.count; i++)
		run(*state, c.texts[i]);
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
	};

	unsetenv("DOCTOR_INSPECTOR");
	return cmocka_run_group_tests_name("net: documented commands", tests, bed_enter_namespace, NULL);
}
