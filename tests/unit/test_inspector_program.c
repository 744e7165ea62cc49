// SPDX-License-Identifier: Apache-2.0
/* doctor-inspector as a person starts it: options, exit statuses, what it says, how it ends. */
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

#include "doctor/buf.h"
#include "doctor/http_client.h"
#include "tests/unit/fake_nova.h"
#include "tests/unit/tls_files.h"

static char program[512];
static char dir[] = "/tmp/doctor-test-inspector-XXXXXX";

struct world {
	struct dr_loop *loop;
	struct fake *cloud;
	struct dr_source *watch;
	char config[128], output[128];
	pid_t pid; /* 0: it has ended */
	int status;
};

static int setup(void **state)
{
	struct world *w = calloc(1, sizeof(*w));

	assert_non_null(w);
	strcpy(strrchr(dir, '-') + 1, "XXXXXX");
	assert_non_null(mkdtemp(dir));
	snprintf(w->config, sizeof(w->config), "%s/config.yaml", dir);
	snprintf(w->output, sizeof(w->output), "%s/output", dir);
	assert_int_equal(dr_loop_new(&w->loop), 0);
	assert_int_equal(fake_new(w->loop, &w->cloud), 0);
	fake_add_host(w->cloud, "compute-1", "svc-1");
	*state = w;
	return 0;
}

static int teardown(void **state)
{
	static const char *const files[] = { "/inspector.db", "/inspector.db-wal", "/inspector.db-shm", "" };
	struct world *w = *state;
	char path[192];

	if (w->pid) {
		kill(w->pid, SIGKILL);
		waitpid(w->pid, NULL, 0);
	}
	dr_source_free(w->watch);
	fake_free(w->cloud);
	dr_loop_free(w->loop);
	unlink(w->config);
	unlink(w->output);
	for (size_t n = 0; n < DR_ARRAY_SIZE(files); n++) {
		snprintf(path, sizeof(path), "%s/journal%s", dir, files[n]);
		remove(path);
	}
	assert_int_equal(rmdir(dir), 0);
	free(w);
	return 0;
}

static void configure(struct world *w, const char *text)
{
	DR_AUTO_FCLOSE FILE *f = fopen(w->config, "we");

	assert_non_null(f);
	assert_true(fputs(text, f) >= 0);
	fprintf(f, "journal: %s/journal/inspector.db\n", dir); /* its folder is made */
}

static const char *output(struct world *w)
{
	static char text[16384];
	DR_AUTO_FCLOSE FILE *f = fopen(w->output, "re");

	assert_non_null(f);
	text[fread(text, 1, sizeof(text) - 1, f)] = '\0';
	return text;
}

static int on_end(struct dr_source *s, const siginfo_t *si, void *userdata)
{
	struct world *w = userdata;

	w->pid = 0;
	w->status = si->si_code == CLD_EXITED ? si->si_status : 128 + si->si_status;
	return 0;
}

/* with_cloud: the environment has credentials for the fake one; else none at all. */
static void spawn(struct world *w, bool with_cloud, char *const argv[])
{
	DR_AUTO_CLOSE int fd = -1;
	char url[64];
	char *const none[] = { "HOME=/nonexistent", NULL };
	char *const cloud[] = { "HOME=/nonexistent", url, "OS_USER_ID=u", "OS_PASSWORD=p",
				"OS_PROJECT_ID=p",   NULL };

	snprintf(url, sizeof(url), "OS_AUTH_URL=http://127.0.0.1:%u", dr_http_server_port(w->cloud->server));
	dr_source_free(w->watch);
	w->watch = NULL;
	fd = open(w->output, O_WRONLY | O_CREAT | O_TRUNC | O_CLOEXEC, 0600);
	assert_true(fd >= 0);
	w->pid = fork();
	assert_true(w->pid >= 0);
	if (!w->pid) {
		sigset_t all;

		sigemptyset(&all);
		sigprocmask(SIG_SETMASK, &all, NULL);
		if (dup2(fd, 1) < 0 || dup2(fd, 2) < 0)
			_exit(126);
		execve(program, argv, with_cloud ? cloud : none);
		_exit(127);
	}
	assert_int_equal(dr_loop_add_child(w->loop, w->pid, on_end, w, &w->watch), 0);
}

#define wait_for(w, condition)                                                                               \
	do {                                                                                                 \
		struct dr_mono wait_since = dr_mono_now();                                                   \
		while (!(condition)) {                                                                       \
			assert_true(dr_loop_run_once((w)->loop, dr_msec(20)) >= 0);                          \
			if (dr_mono_sub(dr_mono_now(), wait_since).ns > dr_sec(20).ns)                       \
				fail_msg("in vain: %s; it says: %s", #condition, output(w));                 \
		}                                                                                            \
	} while (0)

static void assert_end(struct world *w, int status, const char *says)
{
	wait_for(w, !w->pid);
	if (w->status != status || !strstr(output(w), says))
		fail_msg("status %d instead of %d, \"%s\" without \"%s\"", w->status, status, output(w),
			 says);
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
		assert_end(w, cases[i].status, cases[i].says);
	}
}

static void test_bad_config(void **state)
{
	struct world *w = *state;
	char *const argv[] = { "doctor-inspector", "-c", w->config, NULL };

	configure(w, "listen: 127.0.0.1:0\nrefresh: soon\nparallel: 0\n");
	spawn(w, true, argv);
	assert_end(w, 2, "config.yaml:2:10: refresh: ");
	assert_non_null(strstr(output(w), "config.yaml:3:11: parallel: "));
	configure(w, "listen: 0.0.0.0:0\n");
	spawn(w, true, argv);
	assert_end(w, 2, "config.yaml:1:9: listen: ");
}

static void test_dry_run(void **state)
{
	struct world *w = *state;
	char *const check[] = { "doctor-inspector", "--check", "-c", w->config, NULL };
	char *const argv[] = { "doctor-inspector", "-c", w->config, NULL };

	configure(w, "listen: 127.0.0.1:0\ndry_run: true\n");
	spawn(w, false, check);
	assert_end(w, 0, ", dry run\n");
	spawn(w, true, argv);
	wait_for(w, strstr(output(w), "warning: dry run: "));
	assert_true(w->pid > 0);
	kill(w->pid, SIGTERM);
	assert_end(w, 0, "dry run");
}

static void test_credentials(void **state)
{
	struct world *w = *state;
	char *const argv[] = { "doctor-inspector", "-c", w->config, NULL };

	configure(w, "listen: 127.0.0.1:0\n");
	spawn(w, false, argv);
	assert_end(w, 2, "set OS_CLOUD");
	configure(w, "listen: 127.0.0.1:0\ncloud: nowhere\n");
	spawn(w, true, argv);
	assert_end(w, 2, "cloud \"nowhere\": no clouds.yaml in ");
}

/* It is said loudly, and not believed of who has credentials. */
static void test_no_cloud(void **state)
{
	struct world *w = *state;
	char *const check[] = { "doctor-inspector", "--check", "-c", w->config, NULL };
	char *const argv[] = { "doctor-inspector", "-c", w->config, NULL };

	configure(w, "listen: 127.0.0.1:0\ncloud: none\n");
	spawn(w, false, check);
	assert_end(w, 0, "cloud none, dry run\n");
	spawn(w, false, argv);
	wait_for(w, strstr(output(w), "warning: no cloud is configured"));
	assert_true(w->pid > 0);
	kill(w->pid, SIGTERM);
	assert_end(w, 0, "hosts=0 servers=0");
	spawn(w, true, argv);
	assert_end(w, 2, "the environment has OS_AUTH_URL");
}

static void test_login_refused(void **state)
{
	struct world *w = *state;
	char *const argv[] = { "doctor-inspector", "-c", w->config, NULL };

	configure(w, "listen: 127.0.0.1:0\n");
	fake_rule(w->cloud, "POST", "/v3/auth/tokens", 401, UINT_MAX);
	spawn(w, true, argv);
	assert_end(w, 1, "refused the login: HTTP 401: as the test wants it");
}

static void test_port_in_use(void **state)
{
	struct world *w = *state;
	char *const argv[] = { "doctor-inspector", "-c", w->config, NULL };
	char text[64];

	snprintf(text, sizeof(text), "listen: 127.0.0.1:%u\n", dr_http_server_port(w->cloud->server));
	configure(w, text);
	spawn(w, true, argv);
	assert_end(w, 1, "Address already in use");
}

static void test_life(void **state)
{
	static const int signals[] = { SIGTERM, SIGINT };
	struct world *w = *state;
	char *const argv[] = { "doctor-inspector", "-c", w->config, NULL };

	configure(w, "listen: 127.0.0.1:0\n");
	for (size_t i = 0; i < DR_ARRAY_SIZE(signals); i++) {
		spawn(w, true, argv);
		wait_for(w, strstr(output(w), "listening on=127.0.0.1"));
		assert_true(w->pid > 0);
		kill(w->pid, signals[i]);
		assert_end(w, 0, "hosts=1 servers=0");
	}

	/* and while it still waits for its cloud */
	fake_rule(w->cloud, "POST", "/v3/auth/tokens", 503, UINT_MAX);
	spawn(w, true, argv);
	wait_for(w, strstr(output(w), "trying again"));
	kill(w->pid, SIGTERM);
	assert_end(w, 0, "HTTP 503");
}

static unsigned post_shutdown(struct world *w)
{
	DR_AUTO(dr_http_client_freep) struct dr_http_client *client = NULL;
	const char *port = strstr(output(w), " port=");
	DR_AUTO_FREE char *url = NULL;
	struct dr_http_request req = { .method = "POST", .body = "" };
	struct dr_http_response r;
	unsigned status;

	assert_non_null(port);
	url = dr_asprintf("http://127.0.0.1:%lu/events/shutdown", strtoul(port + 6, NULL, 10));
	req.url = url;
	assert_int_equal(dr_http_client_new(w->loop, NULL, &client), 0);
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
	char *const argv[] = { "doctor-inspector", "-c", w->config, NULL };

	configure(w, "listen: 127.0.0.1:0\nremote_shutdown: true\n");
	spawn(w, true, argv);
	wait_for(w, strstr(output(w), "listening on=127.0.0.1"));
	assert_int_equal(post_shutdown(w), 200);
	assert_end(w, 0, "ending, as was asked peer=127.0.0.1");

	configure(w, "listen: 127.0.0.1:0\n");
	spawn(w, true, argv);
	wait_for(w, strstr(output(w), "listening on=127.0.0.1"));
	assert_int_equal(post_shutdown(w), 403);
	assert_int_equal(post_shutdown(w), 403); /* it is still there */
	kill(w->pid, SIGTERM);
	assert_end(w, 0, "remote_shutdown is not set");
}

/* ---------------------------------------------------------------- secrets */

/* The program as an ordinary user (whom root becomes), with a configuration on its standard input. */
static void spawn_as_user(struct world *w, const char *text)
{
	DR_AUTO_CLOSE int fd = open(program, O_PATH | O_CLOEXEC), in = -1, out = -1;
	char *const argv[] = { "doctor-inspector", "-c", "-", NULL };
	char url[64];
	char *const cloud[] = { url, "OS_USER_ID=u", "OS_PASSWORD=p", "OS_PROJECT_ID=p", NULL };

	snprintf(url, sizeof(url), "OS_AUTH_URL=http://127.0.0.1:%u", dr_http_server_port(w->cloud->server));
	configure(w, text);
	if (!geteuid()) /* its journal's folder */
		assert_int_equal(chown(dir, 65534, 65534), 0);
	in = open(w->config, O_RDONLY | O_CLOEXEC);
	out = open(w->output, O_WRONLY | O_CREAT | O_TRUNC | O_CLOEXEC, 0600);
	assert_true(fd >= 0 && in >= 0 && out >= 0);
	w->pid = fork();
	assert_true(w->pid >= 0);
	if (!w->pid) {
		sigset_t all;

		sigemptyset(&all);
		sigprocmask(SIG_SETMASK, &all, NULL);
		if (!geteuid() && (setresgid(65534, 65534, 65534) || setresuid(65534, 65534, 65534)))
			_exit(125);
		if (dup2(in, 0) < 0 || dup2(out, 1) < 0 || dup2(out, 2) < 0)
			_exit(126);
		fexecve(fd, argv, cloud);
		_exit(127);
	}
	assert_int_equal(dr_loop_add_child(w->loop, w->pid, on_end, w, &w->watch), 0);
}

/* What there is of a process that may not be dumped is root's, proc(5). */
static void test_not_dumped(void **state)
{
	struct world *w = *state;
	char path[64];
	struct stat st;

	spawn_as_user(w, "listen: 127.0.0.1:0\n");
	wait_for(w, strstr(output(w), "listening on=127.0.0.1"));
	snprintf(path, sizeof(path), "/proc/%d/environ", w->pid);
	assert_int_equal(stat(path, &st), 0);
	assert_int_equal(st.st_uid, 0);
	kill(w->pid, SIGTERM);
	assert_end(w, 0, "listening");
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
	char *const check[] = { "doctor-inspector", "--check", "-c", w->config, NULL };
	char *const argv[] = { "doctor-inspector", "-c", w->config, NULL };

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
		configure(w, text);
		spawn(w, true, check);
		assert_end(w, 2, cases[i].says);
		spawn(w, true, argv);
		assert_end(w, 2, cases[i].says);
		assert_null(strstr(output(w), "secret"));
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
			  strtoul(strstr(output(w), " port=") + 6, NULL, 10));
	req.url = url;
	assert_int_equal(dr_http_client_new(w->loop, &opts, &client), 0);
	assert_int_equal(dr_http_call(client, &req, &r), 0);
	if (r.error)
		fail_msg("%s; it says: %s", r.reason, output(w));
	return r.status;
}

/* Reached from elsewhere, with TLS and tokens; both are read again on SIGHUP, and kept if they are bad. */
static void test_access(void **state)
{
	struct world *w = *state;
	char *const argv[] = { "doctor-inspector", "-c", w->config, NULL };
	char text[512];

	tls_file_write("tokens", 0600, "reader r " OLD_TOKEN "\n");
	snprintf(text, sizeof(text), "listen: 0.0.0.0:0\ntokens: %s\ntls: {cert: %s, key: %s}\n",
		 tls_file("tokens"), tls_file("server.pem"), tls_file("server.key"));
	configure(w, text);
	spawn(w, true, argv);
	wait_for(w, strstr(output(w), "listening on=0.0.0.0"));
	assert_non_null(strstr(output(w), "tls=yes"));
	assert_int_equal(get_incidents(w, OLD_TOKEN), 200);
	assert_int_equal(get_incidents(w, NEW_TOKEN), 401);
	tls_file_write("tokens", 0600, "reader r " NEW_TOKEN "\nreader q " NEW_TOKEN "\n");
	kill(w->pid, SIGHUP);
	wait_for(w,
		 strstr(output(w), "/tokens:2: the token is that of an earlier line; tokens and certificates "
				   "stay as they were"));
	assert_int_equal(get_incidents(w, OLD_TOKEN), 200);
	tls_file_write("tokens", 0600, "reader r " NEW_TOKEN "\n");
	kill(w->pid, SIGHUP);
	wait_for(w, strstr(output(w), "were read again tokens=1"));
	assert_int_equal(get_incidents(w, OLD_TOKEN), 401);
	assert_int_equal(get_incidents(w, NEW_TOKEN), 200);
	assert_true(w->pid > 0);
	kill(w->pid, SIGTERM);
	assert_end(w, 0, "were read again");
	assert_null(strstr(output(w), "secret"));
	assert_null(strstr(output(w), "insecure"));

	configure(w, "listen: 0.0.0.0:0\ninsecure_listen: true\n");
	spawn(w, true, argv);
	wait_for(w, strstr(output(w),
			   "warning: insecure_listen: whoever reaches this port can take hosts down"));
	kill(w->pid, SIGTERM);
	assert_end(w, 0, "tls=no");
}

#define with_world(test) cmocka_unit_test_setup_teardown(test, setup, teardown)

int main(void)
{
	const struct CMUnitTest tests[] = {
		with_world(test_options),      with_world(test_bad_config),	 with_world(test_credentials),
		with_world(test_no_cloud),     with_world(test_login_refused),	 with_world(test_port_in_use),
		with_world(test_life),	       with_world(test_remote_shutdown), with_world(test_dry_run),
		with_world(test_access_files), with_world(test_access),		 with_world(test_not_dumped),
	};
	const char *bin = getenv("DOCTOR_BIN");
	ssize_t n;

	if (bin) {
		snprintf(program, sizeof(program), "%s/doctor-inspector", bin);
	} else { /* beside us: BUILD/tests/unit/test_x and BUILD/bin */
		n = readlink("/proc/self/exe", program, sizeof(program) - 64);
		program[n > 0 ? n : 0] = '\0';
		for (int up = 0; up < 3; up++)
			*(strrchr(program, '/') ?: program) = '\0';
		strcat(program, "/bin/doctor-inspector");
	}
	return cmocka_run_group_tests(tests, tls_files_make, tls_files_remove);
}
