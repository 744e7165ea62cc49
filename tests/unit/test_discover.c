/* SPDX-License-Identifier: Apache-2.0 */
/*
 * Hypervisors as targets: what is believed of a list, and the child that asks for it, against minicloud. The
 * child is this program again; DISCOVER_CHILD in its environment says how it behaves.
 */
#include <fcntl.h>
#include <grp.h>
#include <pwd.h>
#include <signal.h>
#include <sys/prctl.h>
#include <sys/stat.h>
#include <sys/wait.h>

#include "tests/unit/http_fixture.h"
#include "tests/unit/said.h"
#include "tools/minicloud/cloud.h"
#include "user/discover_list.h"

#define HOSTS_MAX 8

/* ---------------------------------------------------------------- lists, pure */

static int parse(const char *line, struct mon_discovered **list, size_t *n, char *why)
{
	why[0] = '\0';
	return mon_discovered_parse(line, strlen(line), list, n, why);
}

static void what_is_believed(void **state)
{
	static const char good[] = "[{\"host\":\"a\",\"address\":\"192.0.2.1\"},"
				   "{\"address\":\"2001:db8::1\",\"host\":\"b.example.org\"}]";
	struct mon_discovered *list = NULL;
	char why[128], text[MON_ADDRESS_STR_MAX];
	size_t n = 7;

	assert_int_equal(parse(good, &list, &n, why), 0);
	assert_int_equal(n, 2);
	assert_string_equal(list[0].host, "a");
	assert_string_equal(mon_address_format(list[0].address, text), "192.0.2.1");
	assert_string_equal(list[1].host, "b.example.org");
	assert_string_equal(mon_address_format(list[1].address, text), "2001:db8::1");
	free(list);
	assert_int_equal(parse("[]", &list, &n, why), 0);
	assert_int_equal(n, 0);
	free(list);
	assert_int_equal(parse("null", &list, &n, why), 1);
}

#define ITEM(host, address) "{\"host\":\"" host "\",\"address\":\"" address "\"}"

static void what_is_not(void **state)
{
	static const struct {
		const char *line, *why;
	} cases[] = {
		{ "", "no JSON" },
		{ "hello", "no JSON" },
		{ "[", "no JSON" },
		{ "[]x", "no JSON" },
		{ "{}", "no list" },
		{ "0", "no list" },
		{ "\"null\"", "no list" },
		{ "[1]", "no pair" },
		{ "[null]", "no pair" },
		{ "[{}]", "no pair" },
		{ "[[\"a\",\"192.0.2.1\"]]", "no pair" },
		{ "[{\"host\":\"a\"}]", "no pair" },
		{ "[{\"host\":\"a\",\"address\":\"192.0.2.1\",\"x\":1}]", "no pair" },
		{ "[{\"host\":\"a\",\"addres\":\"192.0.2.1\"}]", "no address" },
		{ "[{\"host\":1,\"address\":\"192.0.2.1\"}]", "no name" },
		{ "[{\"host\":\"a\",\"address\":3221225985}]", "no address" },
		{ "[" ITEM("", "192.0.2.1") "]", "no name" },
		{ "[" ITEM("a b", "192.0.2.1") "]", "no name" },
		{ "[" ITEM("a/../b", "192.0.2.1") "]", "no name" },
		{ "[" ITEM("a\\nb", "192.0.2.1") "]", "no name" },
		{ "[" ITEM("\xc3\xa4", "192.0.2.1") "]", "no name" },
		{ "[" ITEM("a", "") "]", "address that is none" },
		{ "[" ITEM("a", "192.0.2.1/24") "]", "address that is none" },
		{ "[" ITEM("a", "192.0.2") "]", "address that is none" },
		{ "[" ITEM("a", "compute-1") "]", "address that is none" },
		{ "[" ITEM("a", "::ffff:192.0.2.1") "]", "address that is none" },
		{ "[" ITEM("a", "127.0.0.1") "]", "this machine" },
		{ "[" ITEM("a", "0.0.0.0") "]", "not the address" },
		{ "[" ITEM("a", "224.0.0.1") "]", "not the address" },
		{ "[" ITEM("a", "255.255.255.255") "]", "not the address" },
		{ "[" ITEM("a", "ff02::1") "]", "not the address" },
		{ "[" ITEM("a", "::1") "]", "this machine" },
		{ "[" ITEM("a", "192.0.2.1") "," ITEM("a", "192.0.2.2") "]", "there twice" },
		{ "[" ITEM("b", "192.0.2.1") "," ITEM("a", "192.0.2.2") "]", "out of order" },
		{ "[" ITEM("a", "192.0.2.1") "," ITEM("b", "192.0.2.2") "," ITEM("c", "192.0.2.1") "]",
		  "item 2 has an address that is there twice" },
	};
	struct mon_discovered *list = (void *)1;
	char why[128];
	size_t n = 7;

	for (size_t i = 0; i < DR_ARRAY_SIZE(cases); i++) {
		int r = parse(cases[i].line, &list, &n, why);

		if (r != -EBADMSG || !strstr(why, cases[i].why))
			fail_msg("%s: %d, \"%s\"", cases[i].line, r, why);
		assert_true(list == (void *)1 && n == 7);
	}
}

static void add(struct mon_hypervisors *h, const char *row, int expected)
{
	DR_AUTO_JSON struct dr_json *json = NULL;

	assert_int_equal(dr_json_parse(row, strlen(row), &json, NULL), 0);
	assert_int_equal(mon_hypervisors_add(h, json), expected);
}

#define ROW(host, address)                                                                                   \
	"{\"hypervisor_hostname\":\"x\",\"status\":\"disabled\",\"state\":\"down\","                         \
	"\"service\":{\"host\":\"" host "\"},\"host_ip\":\"" address "\"}"

static void rows_become_a_line(void **state)
{
	struct mon_hypervisors h = { 0 };
	struct mon_discovered *list = NULL;
	char why[128] = "";
	size_t n;

	add(&h, ROW("d", "192.0.2.4"), 0);
	add(&h, ROW("ironic", "192.0.2.9"), 0);
	add(&h, ROW("c", "192.0.2.3"), 0);
	add(&h, ROW("ironic", "192.0.2.9"), 0); /* one service, many nodes */
	add(&h, ROW("c", "192.0.2.33"), 0);
	add(&h, ROW("b", "192.0.2.4"), 0);
	add(&h, ROW("v6", "2001:db8::1"), 0);
	add(&h, ROW("self", "127.0.0.1"), 0);
	add(&h, ROW("evil\\nerror: all is lost", "1.2.3.4"), 0);
	add(&h, "{\"hypervisor_hostname\":\"x\",\"service\":{\"host\":\"n\"},\"host_ip\":null}", 0);
	add(&h, "{\"hypervisor_hostname\":\"x\"}", 0);
	add(&h, "17", 0);
	assert_int_equal(mon_hypervisors_tidy(&h), 0);
	DR_AUTO_FREE char *line = mon_hypervisors_line(&h);
	assert_string_equal(line, "[{\"host\":\"c\",\"address\":\"192.0.2.3\"},"
				  "{\"host\":\"d\",\"address\":\"192.0.2.4\"},"
				  "{\"host\":\"ironic\",\"address\":\"192.0.2.9\"},"
				  "{\"host\":\"v6\",\"address\":\"2001:db8::1\"}]\n");
	assert_int_equal(mon_discovered_parse(line, strlen(line) - 1, &list, &n, why), 0);
	assert_int_equal(n, 4);
	free(list);
	assert_string_equal(dr_buf_str(&h.complaints),
			    "hypervisor left out, it is this machine itself: host=self address=127.0.0.1\n"
			    "hypervisor left out, it has no name that a host can have: "
			    "host=evil?error:?all?is?lost address=1.2.3.4\n"
			    "hypervisor left out, it has no address: host=n address=\n"
			    "hypervisor left out, it has no service: host= address=\n"
			    "hypervisor left out, it has no service: host= address=\n"
			    "hypervisor left out, it is listed before with another address: host=c "
			    "address=192.0.2.33\n"
			    "hypervisor left out, it has the address of another host: host=b "
			    "address=192.0.2.4\n");
	mon_hypervisors_done(&h);
}

/* The most that can be, through both ends. */
static void bounds(void **state)
{
	struct mon_hypervisors h = { 0 };
	struct mon_discovered *list = NULL;
	char row[600], name[MON_HOST_MAX + 1], why[128] = "";
	size_t n;

	memset(name, 'x', MON_HOST_MAX);
	name[MON_HOST_MAX] = '\0';
	snprintf(row, sizeof(row),
		 "{\"hypervisor_hostname\":\"x\",\"service\":{\"host\":\"%s\"},\"host_ip\":\"192.0.2.1\"}",
		 name);
	add(&h, row, 0);
	assert_int_equal(h.count, 0); /* a byte too long */
	for (unsigned i = 0; i < MON_TARGETS_MAX; i++) {
		snprintf(row, sizeof(row), ROW("compute-%u.example.org", "10.0.%u.%u"), i, i / 256, i % 256);
		add(&h, row, 0);
	}
	assert_int_equal(h.count, MON_TARGETS_MAX);
	add(&h, ROW("one", "10.1.0.1"), -ENOSPC);
	assert_int_equal(mon_hypervisors_tidy(&h), 0);
	assert_int_equal(h.count, MON_TARGETS_MAX);
	DR_AUTO_FREE char *line = mon_hypervisors_line(&h);
	assert_non_null(line);
	assert_int_equal(mon_discovered_parse(line, strlen(line) - 1, &list, &n, why), 0);
	assert_int_equal(n, MON_TARGETS_MAX);
	free(list);
	mon_hypervisors_done(&h);
	for (unsigned i = 0; i < 1000; i++)
		add(&h, ROW("", ""), 0);
	assert_true(h.complaints.len < 5000);
	mon_hypervisors_done(&h);
}

static void the_target_that_it_is(void **state)
{
	struct mon_config c = {
		.discover = { .interface = "eth1",
			      .plane = "management",
			      .interval = dr_msec(50),
			      .multiplier = 4,
			      .rise = 2 },
		.interfaces = { { .name = "eth0" }, { .name = "eth1" } },
		.interface_count = 2,
	};
	struct mon_discovered d = { .host = "a" };
	struct mon_target t;

	assert_int_equal(mon_address_parse("192.0.2.1", d.address), 4);
	assert_int_equal(mon_discovered_target(&c, &d, &t), 0);
	assert_string_equal(t.host, "a");
	assert_string_equal(t.plane, "management");
	assert_int_equal(t.kind, DR_KIND_ECHO4);
	assert_int_equal(t.interface, 1);
	assert_int_equal(t.interval.ns, 50000000);
	assert_int_equal(t.multiplier, 4);
	assert_int_equal(t.rise, 2);
	assert_true(t.discovered);
	assert_false(t.canary);
	assert_int_equal(mon_address_parse("2001:db8::1", d.address), 6);
	assert_int_equal(mon_discovered_target(&c, &d, &t), 0);
	assert_int_equal(t.kind, DR_KIND_ECHO6);
	c.discover.interface = "eth2";
	assert_int_equal(mon_discovered_target(&c, &d, &t), -ENODEV);
	c.discover.interface = NULL; /* nothing is to be discovered any more */
	assert_int_equal(mon_discovered_target(&c, &d, &t), -ENODEV);
}

/* ---------------------------------------------------------------- the world */

struct world {
	struct dr_loop *loop;
	struct dr_http_client *http;
	struct dr_http_server *server;
	struct mc_cloud mc;
	struct mon_config config;
	struct mon_discover_opts opts;
	struct mon_discovery *discovery;
	int log;

	/* what Nova lists */
	struct {
		const char *host, *address;
	} hosts[HOSTS_MAX];
	size_t host_count, page; /* page: rows of one; 0: all */
	bool endless;
	unsigned status; /* instead; 0: none */
	unsigned asked;

	/* what came of it */
	unsigned lists;
	struct mon_discovered last[HOSTS_MAX];
	size_t last_count;
};

static void list_hypervisors(struct world *w, struct dr_http_exchange *x)
{
	struct dr_json *body = dr_json_object(), *list = dr_json_add_array(body, "hypervisors"), *link;
	const char *marker = dr_http_query(x, "marker");
	size_t i = marker ? strtoul(marker, NULL, 10) : 0, end = w->page ? i + w->page : w->host_count;
	char href[128];

	for (; i < DR_MIN(end, w->host_count); i++) {
		struct dr_json *o = dr_json_push_object(list);

		dr_json_add_str(o, "hypervisor_hostname", w->hosts[i].host);
		dr_json_add_str(o, "status", i % 2 ? "disabled" : "enabled");
		dr_json_add_str(o, "host_ip", w->hosts[i].address);
		dr_json_add_str(dr_json_add_object(o, "service"), "host", w->hosts[i].host);
	}
	if (i < w->host_count || w->endless) {
		link = dr_json_push_object(dr_json_add_array(body, "hypervisors_links"));
		snprintf(href, sizeof(href), "http://wrong.example.org/os-hypervisors/detail?marker=%zu",
			 w->endless ? 0 : i);
		dr_json_add_str(link, "rel", "next");
		dr_json_add_str(link, "href", href);
	}
	dr_http_reply_json(x, 200, body);
}

/* minicloud's hypervisors have all the same address, so this list is ours. */
static void on_request(struct dr_http_exchange *x, void *userdata)
{
	struct world *w = userdata;

	if (!strstr(dr_http_path(x), "/os-hypervisors/detail")) {
		mc_dispatch(x, &w->mc);
		return;
	}
	w->asked++;
	assert_non_null(dr_http_header(x, "X-Auth-Token"));
	assert_non_null(dr_http_header(x, "X-OpenStack-Nova-API-Version"));
	if (w->status)
		dr_http_reply_error(x, w->status, "out of order");
	else
		list_hypervisors(w, x);
}

static void listen_at(struct world *w, uint16_t port)
{
	const struct dr_http_server_opts opts = { .port = port };

	assert_int_equal(dr_http_server_new(w->loop, &opts, on_request, w, &w->server), 0);
}

static void set_environment(struct world *w)
{
	char url[128];

	snprintf(url, sizeof(url), "%s/identity/v3", w->mc.url);
	setenv("OS_AUTH_URL", url, 1);
	setenv("OS_USERNAME", "admin", 1);
	setenv("OS_PASSWORD", "admin", 1);
	setenv("OS_PROJECT_NAME", "admin", 1);
	setenv("OS_USER_DOMAIN_NAME", "Default", 1);
	setenv("OS_PROJECT_DOMAIN_NAME", "Default", 1);
	setenv("NOTIFY_SOCKET", "/nonexistent", 1);
	unsetenv("OS_CLOUD");
	unsetenv("DISCOVER_CHILD");
	unsetenv("DISCOVER_USER");
}

static int setup(void **state)
{
	struct world *w = calloc(1, sizeof(*w));
	struct mc_cloud_opts opts = { .model = { .seed = { 1, 2, 3, 4 }, .hosts = 2 } };

	assert_non_null(w);
	*state = w;
	assert_int_equal(dr_loop_new(&w->loop), 0);
	assert_int_equal(dr_http_client_new(w->loop, NULL, &w->http), 0);
	opts.model.token_ttl = dr_sec(86400);
	assert_int_equal(mc_cloud_init(&w->mc, w->loop, w->http, &opts), 0);
	listen_at(w, 0);
	snprintf(w->mc.url, sizeof(w->mc.url), "http://127.0.0.1:%u", dr_http_server_port(w->server));
	set_environment(w);
	w->config.discover = (struct mon_discover){ .nova = true, .refresh = dr_msec(20) };
	w->opts = (struct mon_discover_opts){ .pause_min = dr_msec(20), .pause_max = dr_msec(100) };
	w->hosts[0].host = "compute-2";
	w->hosts[0].address = "192.0.2.2";
	w->hosts[1].host = "compute-1";
	w->hosts[1].address = "192.0.2.1";
	w->host_count = 2;
	w->log = said_begin();
	return 0;
}

static int teardown(void **state)
{
	struct world *w = *state;

	mon_discover_stop(w->discovery);
	dr_http_server_free(w->server);
	mc_cloud_done(&w->mc);
	dr_http_client_free(w->http);
	dr_loop_free(w->loop);
	said_end();
	free(w);
	assert_int_equal(waitpid(-1, NULL, WNOHANG), -1); /* no child is left */
	return 0;
}

static void on_list(const struct mon_discovered *list, size_t n, void *userdata)
{
	struct world *w = userdata;

	assert_in_range(n, 0, HOSTS_MAX);
	w->lists++;
	if (n)
		memcpy(w->last, list, n * sizeof(*list));
	w->last_count = n;
}

static void start(struct world *w, const char *behaviour)
{
	setenv("DISCOVER_CHILD", behaviour, 1);
	assert_int_equal(mon_discover_start_with(w->loop, &w->config, "/etc/some.yaml", on_list, w, &w->opts,
						 &w->discovery),
			 0);
}

#define wait_for(w, condition)                                                                               \
	do {                                                                                                 \
		struct dr_mono wait_end = dr_mono_add(dr_mono_now(), dr_sec(20));                            \
		while (!(condition)) {                                                                       \
			if (dr_mono_now().ns > wait_end.ns)                                                  \
				fail_msg("in vain: %s; it says: %s", #condition, said());                    \
			assert_true(dr_loop_run_once((w)->loop, dr_msec(20)) >= 0);                          \
		}                                                                                            \
	} while (0)

/* ---------------------------------------------------------------- with Nova */

static void hypervisors_come_and_go(void **state)
{
	struct world *w = *state;

	start(w, "ask");
	wait_for(w, w->lists);
	assert_int_equal(w->last_count, 2);
	assert_string_equal(w->last[0].host, "compute-1");
	assert_string_equal(w->last[1].host, "compute-2");
	w->hosts[2].host = "compute-3";
	w->hosts[2].address = "2001:db8::3";
	w->host_count = 3;
	wait_for(w, w->last_count == 3);
	assert_string_equal(w->last[2].host, "compute-3");
	w->host_count = 1;
	wait_for(w, w->last_count == 1);
	assert_string_equal(w->last[0].host, "compute-2");
	w->hosts[0].address = "127.0.0.1"; /* one that cannot be watched is no list without any */
	w->hosts[1].address = "192.0.2.9";
	w->host_count = 2;
	wait_for(w, said_count("host=compute-2 address=127.0.0.1"));
	wait_for(w, strcmp(w->last[0].host, "compute-1") == 0);
	unsigned lists = w->lists;
	wait_for(w, w->lists > lists + 3);
	assert_int_equal(said_count("host=compute-2 address=127.0.0.1"), 1); /* said once */
}

static void list_five(struct world *w)
{
	static const char *const hosts[] = { "a", "b", "c", "d", "e" };
	static const char *const addresses[] = { "192.0.2.1", "192.0.2.2", "192.0.2.3", "192.0.2.4",
						 "192.0.2.5" };

	for (size_t i = 0; i < 5; i++) {
		w->hosts[i].host = hosts[i];
		w->hosts[i].address = addresses[i];
	}
	w->host_count = 5;
}

static void all_pages_are_read(void **state)
{
	struct world *w = *state;

	list_five(w);
	w->page = 2;
	start(w, "ask");
	wait_for(w, w->lists);
	assert_int_equal(w->last_count, 5);
	w->endless = true;
	w->page = 0;
	w->host_count = 0;
	wait_for(w, said_count("the pages do not end"));
	assert_int_equal(w->last_count, 5);
}

static void while_nova_is_away_all_stays(void **state)
{
	struct world *w = *state;
	uint16_t port = dr_http_server_port(w->server);

	start(w, "ask");
	wait_for(w, w->lists);
	w->status = 503;
	wait_for(w, said_count("out of order"));
	unsigned lists = w->lists, asked = w->asked;
	wait_for(w, w->asked > asked + 3);
	assert_int_equal(w->lists, lists);
	assert_int_equal(said_count("out of order"), 1); /* said once */
	pid_t pid = mon_discover_pid(w->discovery);
	dr_http_server_free(w->server);
	w->server = NULL;
	wait_for(w, said_count("asking Nova for its hypervisors") == 2);
	assert_int_equal(w->lists, lists);
	listen_at(w, port);
	w->status = 0;
	w->host_count = 1;
	wait_for(w, w->last_count == 1);
	assert_int_equal(mon_discover_pid(w->discovery), pid); /* the same child all the time */
	assert_int_equal(said_count("Nova answers again"), 1);
}

static void none_is_believed_when_said_twice(void **state)
{
	struct world *w = *state;

	start(w, "ask");
	wait_for(w, w->lists && w->last_count == 2);
	w->host_count = 0;
	wait_for(w, w->last_count == 0);
	assert_int_equal(said_count("again hypervisors=0 before=2"), 1);
}

/* Nor is it believed at once that most of them have gone. */
static void a_list_of_few_is_believed_when_said_twice(void **state)
{
	struct world *w = *state;

	list_five(w);
	start(w, "ask");
	wait_for(w, w->lists && w->last_count == 5);
	w->host_count = 3;
	wait_for(w, w->last_count == 3);
	assert_int_equal(said_count("believed when it says so again"), 0);
	w->host_count = 1;
	wait_for(w, w->last_count == 1);
	assert_int_equal(said_count("again hypervisors=1 before=3"), 1);
	w->host_count = 4;
	wait_for(w, w->last_count == 4);
	assert_int_equal(said_count("believed when it says so again"), 1);
}

static void refused_credentials_are_said(void **state)
{
	struct world *w = *state;

	setenv("OS_PASSWORD", "wrong", 1);
	start(w, "ask");
	wait_for(w, said_count("discovery: asking Nova for its versions"));
	assert_int_equal(w->lists, 0);
	mon_discover_stop(w->discovery);
	w->discovery = NULL;
	unsetenv("OS_AUTH_URL");
	start(w, "ask");
	wait_for(w, said_count("discovery ended by status 2") >= 2);
	assert_true(said_count("OS_AUTH_URL") >= 2);
}

/* ---------------------------------------------------------------- what the child may do */

static void proc_text(pid_t pid, const char *name, char *text, size_t size)
{
	char path[64];

	snprintf(path, sizeof(path), "/proc/%d/%s", (int)pid, name);
	DR_AUTO_CLOSE int fd = open(path, O_RDONLY | O_CLOEXEC);
	assert_true(fd >= 0);
	ssize_t n = read(fd, text, size - 1);
	assert_true(n > 0);
	for (ssize_t i = 0; i < n; i++) {
		if (!text[i])
			text[i] = ' ';
	}
	text[n] = '\0';
}

static void the_child_has_no_power(void **state)
{
	struct world *w = *state;
	const struct passwd *nobody = getpwnam("nobody");
	char text[16384], uid[64];

	if (geteuid() == 0)
		setenv("DISCOVER_USER", "nobody", 1);
	start(w, "ask");
	wait_for(w, w->lists);
	pid_t pid = mon_discover_pid(w->discovery);
	proc_text(pid, "status", text, sizeof(text));
	assert_non_null(strstr(text, "CapPrm:\t0000000000000000"));
	assert_non_null(strstr(text, "CapEff:\t0000000000000000"));
	assert_non_null(strstr(text, "CapInh:\t0000000000000000"));
	assert_non_null(strstr(text, "CapAmb:\t0000000000000000"));
	assert_non_null(strstr(text, "NoNewPrivs:\t1"));
	if (geteuid() == 0) {
		assert_non_null(nobody);
		snprintf(uid, sizeof(uid), "Uid:\t%u\t%u\t%u\t%u\n", nobody->pw_uid, nobody->pw_uid,
			 nobody->pw_uid, nobody->pw_uid);
		assert_non_null(strstr(text, uid));
		assert_non_null(strstr(text, "CapBnd:\t0000000000000000"));
		assert_null(strstr(text, "Groups:\t0"));
	}
	proc_text(pid, "cmdline", text, sizeof(text));
	assert_string_equal(text, "doctor-monitor --discover --config /etc/some.yaml ");
}

static int ask(void);

/* Neither its memory nor its environment are for others of the same user, the monitor say. */
static void nobody_looks_into_the_child(void **state)
{
	struct world *w = *state;
	const struct passwd *nobody = getpwnam("nobody");
	char first, path[64];
	int ends[2], status;
	struct stat st;

	assert_non_null(nobody);
	assert_int_equal(pipe2(ends, O_CLOEXEC), 0);
	pid_t pid = fork();
	assert_true(pid >= 0);
	if (!pid) {
		/* as the monitor's user; a program that has just been executed may be looked into */
		if (geteuid() == 0 &&
		    (setgroups(0, NULL) || setgid(nobody->pw_gid) || setuid(nobody->pw_uid)))
			_exit(126);
		close(ends[0]);
		dup2(ends[1], STDOUT_FILENO);
		_exit(prctl(PR_SET_DUMPABLE, 1) ? 125 : ask());
	}
	close(ends[1]);
	assert_int_equal(fcntl(ends[0], F_SETFL, O_NONBLOCK), 0);
	wait_for(w, read(ends[0], &first, 1) == 1);
	snprintf(path, sizeof(path), "/proc/%d/environ", (int)pid);
	assert_int_equal(stat(path, &st), 0);
	close(ends[0]);
	wait_for(w, waitpid(pid, &status, WNOHANG) == pid);
	assert_int_equal(st.st_uid, 0);
}

static void the_child_gets_nothing_that_is_ours(void **state)
{
	struct world *w = *state;
	char path[64], text[16384];
	struct stat st;

	start(w, "list");
	wait_for(w, w->lists);
	pid_t pid = mon_discover_pid(w->discovery);
	proc_text(pid, "environ", text, sizeof(text));
	assert_non_null(strstr(text, "OS_USERNAME=admin"));
	assert_null(strstr(text, "NOTIFY_SOCKET"));
	snprintf(path, sizeof(path), "/proc/%d/fd/%d", (int)pid, w->log);
	/* that file, the log, is its stderr only */
	if (stat(path, &st) == 0) {
		struct stat log;

		assert_int_equal(fstat(w->log, &log), 0);
		assert_false(st.st_ino == log.st_ino && st.st_dev == log.st_dev);
	}
}

static void the_child_ends_with_its_reader(void **state)
{
	struct world *w = *state;
	char first;
	int ends[2], status;

	setenv("DISCOVER_CHILD", "ask", 1);
	assert_int_equal(pipe2(ends, O_CLOEXEC), 0);
	pid_t pid = fork();
	assert_true(pid >= 0);
	if (!pid) {
		dup2(ends[1], STDOUT_FILENO);
		execl("/proc/self/exe", "doctor-monitor", "--discover", (char *)NULL);
		_exit(127);
	}
	close(ends[1]);
	assert_int_equal(fcntl(ends[0], F_SETFL, O_NONBLOCK), 0);
	wait_for(w, read(ends[0], &first, 1) == 1);
	assert_int_equal(first, '[');
	close(ends[0]);
	wait_for(w, waitpid(pid, &status, WNOHANG) == pid);
	assert_true(WIFEXITED(status) && WEXITSTATUS(status) == 0);
}

/* ---------------------------------------------------------------- a child that misbehaves */

static void garbage_is_not_listened_to(void **state)
{
	struct world *w = *state;

	start(w, "garbage");
	wait_for(w, said_count("discovery says what it must not: no JSON from byte 0 on") >= 3);
	assert_int_equal(w->lists, 3); /* what was good before it; nothing after it */
	assert_int_equal(w->last_count, 1);
}

static void lines_without_end_are_cut(void **state)
{
	struct world *w = *state;

	start(w, "endless");
	wait_for(w, said_count("discovery does not end its line") >= 2);
	assert_int_equal(w->lists, 0);
}

static void silence_has_an_end(void **state)
{
	struct world *w = *state;

	w->opts.patience = dr_msec(100);
	start(w, "hang");
	pid_t pid = mon_discover_pid(w->discovery);
	assert_true(pid > 0);
	wait_for(w, said_count("discovery has fallen silent") >= 2);
	assert_int_equal(kill(pid, 0), -1); /* ended, and reaped */
}

static void death_is_not_the_end(void **state)
{
	struct world *w = *state;

	start(w, "die");
	wait_for(w, said_count("discovery ended by status 3") >= 4);
	if (said_count("tried again in 20ms") != 1 || said_count("tried again in 40ms") != 1)
		fail_msg("pauses do not double; it says: %s", said());
	wait_for(w, said_count("tried again in 100ms") >= 2); /* the most */
	setenv("DISCOVER_CHILD", "ask", 1);
	wait_for(w, w->lists);
	kill(mon_discover_pid(w->discovery), SIGKILL);
	wait_for(w, said_count("discovery ended by signal 9"));
	assert_int_equal(said_count("tried again in 20ms"), 2); /* from the beginning */
	unsigned lists = w->lists;
	wait_for(w, w->lists > lists);
}

static void closed_output_is_death(void **state)
{
	struct world *w = *state;

	start(w, "close");
	wait_for(w, said_count("discovery ended by signal 9") >= 2);
}

static void no_program(void **state)
{
	struct world *w = *state;

	w->opts.program = "/nonexistent";
	start(w, "ask");
	assert_int_equal(mon_discover_pid(w->discovery), 0);
	wait_for(w, said_count("discovery cannot be started: No such file or directory") >= 2);
}

static void stopped_while_it_runs(void **state)
{
	struct world *w = *state;

	start(w, "hang");
	pid_t pid = mon_discover_pid(w->discovery);
	mon_discover_stop(w->discovery);
	w->discovery = NULL;
	assert_int_equal(kill(pid, 0), -1);
	mon_discover_stop(NULL);
}

/* ---------------------------------------------------------------- the child */

static int ask(void)
{
	struct mon_config c = { .discover = { .nova = true, .refresh = dr_msec(20) } };
	const char *user = getenv("DISCOVER_USER");

	if (user && dr_strcpy(c.user, sizeof(c.user), user))
		return 1;
	return mon_discover_main(&c);
}

static int child(const char *behaviour)
{
	static char much[65536];

	if (strcmp(behaviour, "ask") == 0)
		return ask();
	if (strcmp(behaviour, "die") == 0)
		return 3;
	if (strcmp(behaviour, "garbage") == 0) {
		puts("[{\"host\":\"a\",\"address\":\"192.0.2.1\"}]\nGARBAGE\n"
		     "[{\"host\":\"b\",\"address\":\"192.0.2.1\"},{\"host\":\"c\",\"address\":\"192.0.2.2\"}"
		     "]");
		fflush(stdout);
	}
	if (strcmp(behaviour, "list") == 0) {
		puts("[{\"host\":\"a\",\"address\":\"192.0.2.1\"}]");
		fflush(stdout);
	}
	memset(much, '[', sizeof(much));
	while (strcmp(behaviour, "endless") == 0) {
		if (fwrite(much, 1, sizeof(much), stdout) < sizeof(much))
			return 1;
	}
	if (strcmp(behaviour, "close") == 0)
		close(STDOUT_FILENO);
	alarm(60); /* hang, but not for ever */
	for (;;)
		pause();
}

#define TEST(name) cmocka_unit_test_setup_teardown(name, setup, teardown)

int main(int argc, char **argv)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(what_is_believed),
		cmocka_unit_test(what_is_not),
		cmocka_unit_test(rows_become_a_line),
		cmocka_unit_test(bounds),
		cmocka_unit_test(the_target_that_it_is),
		TEST(hypervisors_come_and_go),
		TEST(all_pages_are_read),
		TEST(while_nova_is_away_all_stays),
		TEST(none_is_believed_when_said_twice),
		TEST(a_list_of_few_is_believed_when_said_twice),
		TEST(refused_credentials_are_said),
		TEST(the_child_has_no_power),
		TEST(nobody_looks_into_the_child),
		TEST(the_child_gets_nothing_that_is_ours),
		TEST(the_child_ends_with_its_reader),
		TEST(garbage_is_not_listened_to),
		TEST(lines_without_end_are_cut),
		TEST(silence_has_an_end),
		TEST(death_is_not_the_end),
		TEST(closed_output_is_death),
		TEST(no_program),
		TEST(stopped_while_it_runs),
	};

	if (argc > 1 && strcmp(argv[1], "--discover") == 0)
		return child(getenv("DISCOVER_CHILD"));
	return cmocka_run_group_tests_name("unit: discovery", tests, NULL, NULL);
}
