// SPDX-License-Identifier: Apache-2.0
/* doctor-inspector as a person starts it: options, exit statuses, what it says, how it ends. */
#include "tests/unit/program.h"

#include <signal.h>
#include <string.h>
#include <sys/stat.h>

#include "doctor/buf.h"
#include "doctor/http_client.h"
#include "tests/unit/fake_nova.h"
#include "tests/unit/tls_files.h"

struct world {
	struct fake *cloud;
	bool impatient; /* a second is all that the service manager waits for a sign of life */
};

static int setup(void **state)
{
	struct world *w = calloc(1, sizeof(*w));

	assert_non_null(w);
	program_setup("doctor-inspector");
	assert_int_equal(fake_new(program.loop, &w->cloud), 0);
	fake_add_host(w->cloud, "compute-1", "svc-1");
	*state = w;
	return 0;
}

static int teardown(void **state)
{
	static const char *const files[] = { "/inspector.db", "/inspector.db-wal", "/inspector.db-shm", "" };
	struct world *w = *state;
	char path[192];

	fake_free(w->cloud);
	for (size_t n = 0; n < DR_ARRAY_SIZE(files); n++) {
		snprintf(path, sizeof(path), "%s/journal%s", program.dir, files[n]);
		remove(path);
	}
	program_teardown();
	free(w);
	return 0;
}

static void configure(const char *text)
{
	program_configure("%sjournal: %s/journal/inspector.db\n", text, program.dir); /* its folder is made */
}

/* With credentials for the fake one. */
static char *const *environment(const struct world *w)
{
	static char url[64];
	static char *cloud[8];

	memcpy(cloud,
	       (char *[8]){ "HOME=/nonexistent", url, "OS_USER_ID=u", "OS_PASSWORD=p", "OS_PROJECT_ID=p",
			    program.notify_path, w->impatient ? "WATCHDOG_USEC=1000000" : NULL },
	       sizeof(cloud));
	snprintf(url, sizeof(url), "OS_AUTH_URL=http://127.0.0.1:%u", dr_http_server_port(w->cloud->server));
	return cloud;
}

static void spawn(struct world *w, bool with_cloud, char *const argv[])
{
	char *const none[] = { "HOME=/nonexistent", NULL };

	program_spawn(argv, with_cloud ? environment(w) : none);
}

static void test_options(void **state)
{
	struct world *w = *state;
	static const struct {
		char *argv[5];
		int status;
		const char *says;
	} cases[] = {
		{ { "doctor-inspector", "--help" }, 0, "usage: doctor-inspector" },
		{ { "doctor-inspector", "--version" }, 0, "doctor-inspector " },
		{ { "doctor-inspector", "--bogus" }, 2, "usage: " },
		{ { "doctor-inspector", "--config" }, 2, "usage: " },
		{ { "doctor-inspector", "--check", "extra" }, 2, "unexpected argument \"extra\"" },
		{ { "doctor-inspector", "--check", "--config", "etc/doctor-inspector.yaml" }, 0, "good" },
		{ { "doctor-inspector", "--config", "/nonexistent" }, 2, "/nonexistent: cannot be read" },
		{ { "doctor-inspector", "--config", "/" }, 2, "cannot be read" },
	};

	for (size_t i = 0; i < DR_ARRAY_SIZE(cases); i++) {
		spawn(w, false, (char *const *)cases[i].argv);
		program_assert_end(cases[i].status, cases[i].says);
	}
}

static void test_bad_config(void **state)
{
	struct world *w = *state;
	char *const argv[] = { "doctor-inspector", "-c", program.config, NULL };

	configure("listen: 127.0.0.1:0\nrefresh: soon\nparallel: 0\n");
	spawn(w, true, argv);
	program_assert_end(2, "config.yaml:2:10: refresh: ");
	assert_non_null(strstr(program_output(), "config.yaml:3:11: parallel: "));
	configure("listen: 0.0.0.0:0\n");
	spawn(w, true, argv);
	program_assert_end(2, "config.yaml:1:9: listen: ");
}

static void test_dry_run(void **state)
{
	struct world *w = *state;
	char *const check[] = { "doctor-inspector", "--check", "-c", program.config, NULL };
	char *const argv[] = { "doctor-inspector", "-c", program.config, NULL };

	configure("listen: 127.0.0.1:0\ndry_run: true\n");
	spawn(w, false, check);
	program_assert_end(0, ", dry run\n");
	spawn(w, true, argv);
	wait_for(strstr(program_output(), "warning: dry run: "));
	assert_true(program.pid > 0);
	kill(program.pid, SIGTERM);
	program_assert_end(0, "dry run");
}

static void test_credentials(void **state)
{
	struct world *w = *state;
	char *const argv[] = { "doctor-inspector", "-c", program.config, NULL };

	configure("listen: 127.0.0.1:0\n");
	spawn(w, false, argv);
	program_assert_end(2, "set OS_CLOUD");
	configure("listen: 127.0.0.1:0\ncloud: nowhere\n");
	spawn(w, true, argv);
	program_assert_end(2, "cloud \"nowhere\": no clouds.yaml in ");
}

/* It is said loudly, and not believed of who has credentials. */
static void test_no_cloud(void **state)
{
	struct world *w = *state;
	char *const check[] = { "doctor-inspector", "--check", "-c", program.config, NULL };
	char *const argv[] = { "doctor-inspector", "-c", program.config, NULL };

	configure("listen: 127.0.0.1:0\ncloud: none\n");
	spawn(w, false, check);
	program_assert_end(0, "cloud none, dry run\n");
	spawn(w, false, argv);
	wait_for(strstr(program_output(), "warning: no cloud is configured"));
	assert_true(program.pid > 0);
	kill(program.pid, SIGTERM);
	program_assert_end(0, "hosts=0 servers=0");
	spawn(w, true, argv);
	program_assert_end(2, "the environment has OS_AUTH_URL");
}

static void test_login_refused(void **state)
{
	struct world *w = *state;
	char *const argv[] = { "doctor-inspector", "-c", program.config, NULL };

	configure("listen: 127.0.0.1:0\n");
	fake_rule(w->cloud, "POST", "/v3/auth/tokens", 401, UINT_MAX);
	spawn(w, true, argv);
	program_assert_end(1, "refused the login: HTTP 401: as the test wants it");
}

static void test_port_in_use(void **state)
{
	struct world *w = *state;
	char *const argv[] = { "doctor-inspector", "-c", program.config, NULL };
	char text[64];

	snprintf(text, sizeof(text), "listen: 127.0.0.1:%u\n", dr_http_server_port(w->cloud->server));
	configure(text);
	spawn(w, true, argv);
	program_assert_end(1, "Address already in use");
}

static void test_life(void **state)
{
	static const int signals[] = { SIGTERM, SIGINT };
	struct world *w = *state;
	char *const argv[] = { "doctor-inspector", "-c", program.config, NULL };

	configure("listen: 127.0.0.1:0\n");
	for (size_t i = 0; i < DR_ARRAY_SIZE(signals); i++) {
		spawn(w, true, argv);
		wait_for(strstr(program_output(), "listening on=127.0.0.1"));
		assert_true(program.pid > 0);
		kill(program.pid, signals[i]);
		program_assert_end(0, "hosts=1 servers=0");
	}

	/* and while it still waits for its cloud */
	fake_rule(w->cloud, "POST", "/v3/auth/tokens", 503, UINT_MAX);
	spawn(w, true, argv);
	wait_for(strstr(program_output(), "trying again"));
	kill(program.pid, SIGTERM);
	program_assert_end(0, "HTTP 503");
}

/* Waiting for Nova is no failure to start: the service manager is told before its patience is over. */
static void test_start_without_cloud(void **state)
{
	struct world *w = *state;
	char *const argv[] = { "doctor-inspector", "-c", program.config, NULL };

	configure("listen: 127.0.0.1:0\n");
	fake_rule(w->cloud, "POST", "/v3/auth/tokens", 503, UINT_MAX);
	w->impatient = true;
	spawn(w, true, argv);
	wait_for(program_notified("READY=1\nSTATUS=not started yet: Nova has not been read, and nobody is "
				  "listened to before"));
	assert_null(strstr(program_output(), "listening"));
	fake_rules_clear(w->cloud);
	wait_for(program_notified("STATUS="));
	assert_non_null(strstr(program_output(), "listening on=127.0.0.1"));
	kill(program.pid, SIGTERM);
	program_assert_end(0, "warning: not started yet: ");

	w->impatient = false;
	spawn(w, true, argv);
	wait_for(program_notified("READY=1"));
	kill(program.pid, SIGTERM);
	program_assert_end(0, "listening");
	assert_null(strstr(program_output(), "not started yet"));
}

static unsigned post_shutdown(struct world *w)
{
	DR_AUTO(dr_http_client_freep) struct dr_http_client *client = NULL;
	const char *port = strstr(program_output(), " port=");
	DR_AUTO_FREE char *url = NULL;
	struct dr_http_request req = { .method = "POST", .body = "" };
	struct dr_http_response r;
	unsigned status;

	assert_non_null(port);
	url = dr_asprintf("http://127.0.0.1:%lu/events/shutdown", strtoul(port + 6, NULL, 10));
	req.url = url;
	assert_int_equal(dr_http_client_new(program.loop, NULL, &client), 0);
	assert_int_equal(dr_http_call(client, &req, &r), 0);
	assert_int_equal(r.error, 0);
	status = r.status;
	dr_http_response_done(&r);
	return status;
}

/* Upstream's harness ends an inspector so: it is answered, and all ends as after a signal. */
static void test_remote_shutdown(void **state)
{
	struct world *w = *state;
	char *const argv[] = { "doctor-inspector", "-c", program.config, NULL };

	configure("listen: 127.0.0.1:0\nremote_shutdown: true\n");
	spawn(w, true, argv);
	wait_for(strstr(program_output(), "listening on=127.0.0.1"));
	assert_int_equal(post_shutdown(w), 200);
	program_assert_end(0, "ending, as was asked peer=127.0.0.1");

	configure("listen: 127.0.0.1:0\n");
	spawn(w, true, argv);
	wait_for(strstr(program_output(), "listening on=127.0.0.1"));
	assert_int_equal(post_shutdown(w), 403);
	assert_int_equal(post_shutdown(w), 403); /* it is still there */
	kill(program.pid, SIGTERM);
	program_assert_end(0, "remote_shutdown is not set");
}

/* ---------------------------------------------------------------- secrets */

/* What there is of a process that may not be dumped is root's, proc(5). */
static void test_not_dumped(void **state)
{
	struct world *w = *state;
	char *const argv[] = { "doctor-inspector", "-c", "-", NULL };
	char path[64];
	struct stat st;

	configure("listen: 127.0.0.1:0\n");
	program_spawn_as_user(argv, environment(w));
	wait_for(strstr(program_output(), "listening on=127.0.0.1"));
	snprintf(path, sizeof(path), "/proc/%d/environ", program.pid);
	assert_int_equal(stat(path, &st), 0);
	assert_int_equal(st.st_uid, 0);
	kill(program.pid, SIGTERM);
	program_assert_end(0, "listening");
}

/* ---------------------------------------------------------------- who may come */

#define OLD_TOKEN "old-secret-0123456789"
#define NEW_TOKEN "new-secret-0123456789"

static void test_access_files(void **state)
{
	static const struct {
		const char *tls, *tokens, *says; /* NULL tokens: the file is not there */
		mode_t mode;
	} cases[] = {
		{ "", NULL, "/tokens: No such file or directory", 0 },
		{ "", "monitor m " OLD_TOKEN, "/tokens: others than its owner can read or change it", 0644 },
		{ "", "monitor m " OLD_TOKEN "\nmonitor " OLD_TOKEN, "/tokens:2: is not \"ROLE", 0600 },
		{ "server.pem/monitor.key", "", "/monitor.key: is not the key of the certificate", 0600 },
		{ "empty.pem/server.key", "", "/empty.pem: ", 0600 },
	};
	struct world *w = *state;
	char *const check[] = { "doctor-inspector", "--check", "-c", program.config, NULL };
	char *const argv[] = { "doctor-inspector", "-c", program.config, NULL };

	for (size_t i = 0; i < DR_ARRAY_SIZE(cases); i++) {
		char cert[32], text[512];
		const char *key = strchr(cases[i].tls, '/');
		int n = snprintf(text, sizeof(text), "tokens: %s\n", tls_file("tokens"));

		unlink(tls_file("tokens"));
		if (cases[i].tokens)
			tls_file_write("tokens", cases[i].mode, cases[i].tokens);
		if (key) {
			snprintf(cert, sizeof(cert), "%.*s", (int)(key - cases[i].tls), cases[i].tls);
			snprintf(text + n, sizeof(text) - (size_t)n, "tls: {cert: %s, key: %s}\n",
				 tls_file(cert), tls_file(key + 1));
		}
		configure(text);
		spawn(w, true, check);
		program_assert_end(2, cases[i].says);
		spawn(w, true, argv);
		program_assert_end(2, cases[i].says);
		assert_null(strstr(program_output(), "secret"));
	}
}

/* What is in the configuration itself is no less secret. */
static void test_password_for_all_to_read(void **state)
{
	struct world *w = *state;
	char *const check[] = { "doctor-inspector", "--check", "-c", program.config, NULL };
	static const mode_t modes[] = { 0644, 0640 };

	configure("cloud: none\nbus: {hosts: [127.0.0.1], user: u, password: secret}\n");
	for (size_t i = 0; i < DR_ARRAY_SIZE(modes); i++) {
		assert_int_equal(chmod(program.config, modes[i]), 0);
		spawn(w, false, check);
		program_assert_end(0, "good");
		assert_int_equal(strstr(program_output(), "can read bus.password") != NULL, i == 0);
		assert_null(strstr(program_output(), "secret"));
	}
}

static unsigned get_incidents(struct world *w, const char *token)
{
	const struct dr_http_client_opts opts = { .ca_file = tls_file("ca.pem") };
	DR_AUTO(dr_http_client_freep) struct dr_http_client *client = NULL;
	DR_AUTO(dr_http_response_done) struct dr_http_response r = { 0 };
	DR_AUTO_FREE char *url = NULL;
	struct dr_http_request req = { .method = "GET", .headers = { { "X-Auth-Token", token } } };

	url = dr_asprintf("https://127.0.0.1:%lu/v1/incidents",
			  strtoul(strstr(program_output(), " port=") + 6, NULL, 10));
	req.url = url;
	assert_int_equal(dr_http_client_new(program.loop, &opts, &client), 0);
	assert_int_equal(dr_http_call(client, &req, &r), 0);
	if (r.error)
		fail_msg("%s; it says: %s", r.reason, program_output());
	return r.status;
}

/* Reached from elsewhere, with TLS and tokens; both are read again on SIGHUP, and kept if they are bad. */
static void test_access(void **state)
{
	struct world *w = *state;
	char *const argv[] = { "doctor-inspector", "-c", program.config, NULL };
	char text[512];

	tls_file_write("tokens", 0600, "reader r " OLD_TOKEN "\n");
	snprintf(text, sizeof(text), "listen: 0.0.0.0:0\ntokens: %s\ntls: {cert: %s, key: %s}\n",
		 tls_file("tokens"), tls_file("server.pem"), tls_file("server.key"));
	configure(text);
	spawn(w, true, argv);
	wait_for(strstr(program_output(), "listening on=0.0.0.0"));
	assert_non_null(strstr(program_output(), "tls=yes"));
	assert_int_equal(get_incidents(w, OLD_TOKEN), 200);
	assert_int_equal(get_incidents(w, NEW_TOKEN), 401);
	tls_file_write("tokens", 0600, "reader r " NEW_TOKEN "\nreader q " NEW_TOKEN "\n");
	kill(program.pid, SIGHUP);
	wait_for(strstr(program_output(),
			"/tokens:2: the token is that of an earlier line; tokens and certificates "
			"stay as they were"));
	assert_int_equal(get_incidents(w, OLD_TOKEN), 200);
	tls_file_write("tokens", 0600, "reader r " NEW_TOKEN "\n");
	kill(program.pid, SIGHUP);
	wait_for(strstr(program_output(), "were read again tokens=1"));
	assert_int_equal(get_incidents(w, OLD_TOKEN), 401);
	assert_int_equal(get_incidents(w, NEW_TOKEN), 200);
	assert_true(program.pid > 0);
	kill(program.pid, SIGTERM);
	program_assert_end(0, "were read again");
	assert_null(strstr(program_output(), "secret"));
	assert_null(strstr(program_output(), "insecure"));

	configure("listen: 0.0.0.0:0\ninsecure_listen: true\n");
	spawn(w, true, argv);
	wait_for(strstr(program_output(),
			"warning: insecure_listen: whoever reaches this port can take hosts down"));
	kill(program.pid, SIGTERM);
	program_assert_end(0, "tls=no");
}

#define with_world(test) cmocka_unit_test_setup_teardown(test, setup, teardown)

int main(void)
{
	const struct CMUnitTest tests[] = {
		with_world(test_options),
		with_world(test_bad_config),
		with_world(test_credentials),
		with_world(test_no_cloud),
		with_world(test_login_refused),
		with_world(test_port_in_use),
		with_world(test_life),
		with_world(test_remote_shutdown),
		with_world(test_dry_run),
		with_world(test_access_files),
		with_world(test_access),
		with_world(test_not_dumped),
		with_world(test_start_without_cloud),
		with_world(test_password_for_all_to_read),
	};

	return cmocka_run_group_tests(tests, tls_files_make, tls_files_remove);
}
