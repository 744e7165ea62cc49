/* SPDX-License-Identifier: Apache-2.0 */
/* doctor-consumer as a person starts it: options, exit statuses, what it says, how it ends. */
#include <stdarg.h>
#include <stddef.h>
#include <setjmp.h>
#include <stdint.h>
#include <cmocka.h>

#include <fcntl.h>
#include <signal.h>
#include <string.h>
#include <sys/socket.h>
#include <sys/un.h>
#include <sys/wait.h>

#include "doctor/buf.h"
#include "doctor/http_client.h"
#include "tools/minicloud/cloud.h"

#define DEADLINE dr_sec(30)

static char program[512];

struct world {
	struct dr_loop *loop;
	struct dr_http_client *http;
	struct dr_http_server *server;
	struct mc_cloud mc;
	struct dr_source *child;
	char dir[64], config[128], output[128], vm[MC_UUID_SIZE];
	pid_t pid; /* 0: it has ended */
	int status;
	int notify;
	char notify_path[64];
};

static void listen_for_notifications(struct world *w)
{
	struct sockaddr_un sun = { .sun_family = AF_UNIX };
	socklen_t len = sizeof(sun);

	w->notify = socket(AF_UNIX, SOCK_DGRAM | SOCK_CLOEXEC | SOCK_NONBLOCK, 0);
	assert_true(w->notify >= 0);
	assert_int_equal(bind(w->notify, (struct sockaddr *)&sun, sizeof(sa_family_t)), 0);
	assert_int_equal(getsockname(w->notify, (struct sockaddr *)&sun, &len), 0);
	snprintf(w->notify_path, sizeof(w->notify_path), "NOTIFY_SOCKET=@%.*s",
		 (int)(len - sizeof(sa_family_t) - 1), sun.sun_path + 1);
}

static int setup(void **state)
{
	struct world *w = calloc(1, sizeof(*w));
	struct mc_cloud_opts opts = { .model = { .seed = { 1, 2, 3, 4 }, .hosts = 2, .vms_per_host = 1 } };

	assert_non_null(w);
	*state = w;
	strcpy(w->dir, "/tmp/doctor-test-consumer-XXXXXX");
	assert_non_null(mkdtemp(w->dir));
	snprintf(w->config, sizeof(w->config), "%s/config.yaml", w->dir);
	snprintf(w->output, sizeof(w->output), "%s/output", w->dir);
	assert_int_equal(dr_loop_new(&w->loop), 0);
	assert_int_equal(dr_http_client_new(w->loop, NULL, &w->http), 0);
	opts.model.token_ttl = dr_sec(86400);
	assert_int_equal(mc_cloud_init(&w->mc, w->loop, w->http, &opts), 0);
	assert_int_equal(dr_http_server_new(w->loop, NULL, mc_dispatch, &w->mc, &w->server), 0);
	snprintf(w->mc.url, sizeof(w->mc.url), "http://127.0.0.1:%u", dr_http_server_port(w->server));
	memcpy(w->vm, mc_server_next(&w->mc.model, NULL, NULL, NULL)->id, sizeof(w->vm));
	listen_for_notifications(w);
	return 0;
}

static int teardown(void **state)
{
	struct world *w = *state;

	if (w->pid) {
		kill(w->pid, SIGKILL);
		waitpid(w->pid, NULL, 0);
	}
	close(w->notify);
	dr_source_free(w->child);
	dr_http_server_free(w->server);
	mc_cloud_done(&w->mc);
	dr_http_client_free(w->http);
	dr_loop_free(w->loop);
	unlink(w->config);
	unlink(w->output);
	assert_int_equal(rmdir(w->dir), 0);
	free(w);
	return 0;
}

static void configure(struct world *w, const char *more)
{
	DR_AUTO_FCLOSE FILE *f = fopen(w->config, "we");

	assert_non_null(f);
	assert_true(fprintf(f, "listen: 127.0.0.1:0\nservers: [%s]\n%s", w->vm, more) > 0);
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

/* password NULL: an environment without any credentials. */
static void spawn(struct world *w, const char *password, char *const argv[])
{
	char url[160], secret[80];
	char *const none[] = { "HOME=/nonexistent", NULL };
	char *const cloud[] = { "HOME=/nonexistent",
				url,
				secret,
				"OS_USERNAME=doctor",
				"OS_USER_DOMAIN_NAME=Default",
				"OS_PROJECT_NAME=doctor",
				"OS_PROJECT_DOMAIN_NAME=Default",
				w->notify_path,
				NULL };
	int fd = open(w->output, O_WRONLY | O_CREAT | O_TRUNC | O_CLOEXEC, 0600);

	assert_true(fd >= 0);
	snprintf(url, sizeof(url), "OS_AUTH_URL=%s/identity/v3", w->mc.url);
	snprintf(secret, sizeof(secret), "OS_PASSWORD=%s", password ? password : "");
	dr_source_free(w->child);
	w->child = NULL;
	w->pid = fork();
	assert_true(w->pid >= 0);
	if (!w->pid) {
		sigset_t none_blocked;

		sigemptyset(&none_blocked);
		sigprocmask(SIG_SETMASK, &none_blocked, NULL);
		if (dup2(fd, 1) < 0 || dup2(fd, 2) < 0)
			_exit(126);
		execve(program, argv, password ? cloud : none);
		_exit(127);
	}
	close(fd);
	assert_int_equal(dr_loop_add_child(w->loop, w->pid, on_end, w, &w->child), 0);
}

#define WAIT_FOR(w, condition)                                                                               \
	do {                                                                                                 \
		struct dr_mono wait_end = dr_mono_add(dr_mono_now(), DEADLINE);                              \
		while (!(condition)) {                                                                       \
			if (dr_mono_now().ns > wait_end.ns)                                                  \
				fail_msg("in vain: %s; it says: %s", #condition, output(w));                 \
			assert_true(dr_loop_run_once((w)->loop, dr_msec(20)) >= 0);                          \
		}                                                                                            \
	} while (0)

static void assert_end(struct world *w, int status, const char *says)
{
	WAIT_FOR(w, !w->pid);
	if (w->status != status || !strstr(output(w), says))
		fail_msg("status %d instead of %d; \"%s\" without \"%s\"", w->status, status, output(w),
			 says);
}

static bool notified(struct world *w, const char *what)
{
	char text[64];
	ssize_t n = recv(w->notify, text, sizeof(text) - 1, 0);

	if (n <= 0)
		return false;
	text[n] = '\0';
	return strcmp(text, what) == 0;
}

static void test_options(void **state)
{
	struct world *w = *state;
	static const struct {
		char *argv[5];
		int status;
		const char *says;
	} cases[] = {
		{ { "doctor-consumer", "--help" }, 0, "usage: doctor-consumer" },
		{ { "doctor-consumer", "--version" }, 0, "doctor-consumer " DR_VERSION "\n" },
		{ { "doctor-consumer", "--bogus" }, 2, "usage: " },
		{ { "doctor-consumer", "--config" }, 2, "usage: " },
		{ { "doctor-consumer", "--check", "extra" }, 2, "unexpected argument \"extra\"" },
		{ { "doctor-consumer", "--check", "--config", "etc/doctor-consumer.yaml" }, 0, "good" },
		{ { "doctor-consumer", "--check", "--config", "/nonexistent" }, 2, "/nonexistent" },
		{ { "doctor-consumer", "--config", "/etc" }, 2, "/etc" },
	};

	for (size_t i = 0; i < DR_ARRAY_SIZE(cases); i++) {
		spawn(w, NULL, cases[i].argv);
		assert_end(w, cases[i].status, cases[i].says);
	}
}

static void test_bad_configuration(void **state)
{
	struct world *w = *state;
	char *argv[] = { "doctor-consumer", "--config", w->config, NULL };

	configure(w, "recovery: evacuate\ntimeout: 5\n");
	spawn(w, "doctor", argv);
	assert_end(w, 2, "config.yaml:3:11: recovery: ");
	assert_non_null(strstr(output(w), "config.yaml:4:10: timeout: ")); /* every error at once */
}

static void test_credentials(void **state)
{
	struct world *w = *state;
	char *argv[] = { "doctor-consumer", "--config", w->config, NULL };

	configure(w, "");
	spawn(w, NULL, argv);
	assert_end(w, 2, "OS_");
	spawn(w, "wrong", argv);
	assert_end(w, 1, "error: looking for the alarm of vm=");
	configure(w, "cloud: nowhere\n");
	spawn(w, "doctor", argv);
	assert_end(w, 2, "nowhere");
}

static void test_port_is_taken(void **state)
{
	struct world *w = *state;
	char *argv[] = { "doctor-consumer", "--config", w->config, NULL };
	DR_AUTO_FCLOSE FILE *f = fopen(w->config, "we");

	assert_non_null(f);
	fprintf(f, "listen: 127.0.0.1:%u\nservers: [%s]\n", dr_http_server_port(w->server), w->vm);
	fflush(f);
	spawn(w, "doctor", argv);
	assert_end(w, 1, "Address already in use");
}

static bool no_alarms(struct world *w)
{
	return TAILQ_EMPTY(&w->mc.model.alarms);
}

/* CPU time of the process so far, from /proc/PID/stat, in ticks. */
static unsigned long cpu_ticks(pid_t pid)
{
	char path[64];
	unsigned long user = 0, system = 0;

	snprintf(path, sizeof(path), "/proc/%d/stat", (int)pid);
	DR_AUTO_FCLOSE FILE *f = fopen(path, "re");
	assert_non_null(f);
	assert_int_equal(
		fscanf(f, "%*d (%*[^)]) %*c %*d %*d %*d %*d %*d %*u %*u %*u %*u %*u %lu %lu", &user, &system),
		2);
	return user + system;
}

static void test_life(void **state)
{
	struct world *w = *state;
	char *argv[] = { "doctor-consumer", "--config", w->config, NULL };
	static const int signals[] = { SIGTERM, SIGINT };

	configure(w, "");
	for (size_t i = 0; i < DR_ARRAY_SIZE(signals); i++) {
		spawn(w, "doctor", argv);
		WAIT_FOR(w, notified(w, "READY=1"));
		assert_false(no_alarms(w));
		/* idle is idle: less than a tenth of the time */
		unsigned long before = cpu_ticks(w->pid);
		struct dr_mono end = dr_mono_add(dr_mono_now(), dr_msec(500));
		WAIT_FOR(w, dr_mono_now().ns > end.ns);
		assert_true(cpu_ticks(w->pid) - before <= 5);
		assert_int_equal(kill(w->pid, signals[i]), 0);
		assert_end(w, 0, "serving url=http://127.0.0.1:");
		assert_true(no_alarms(w));
		while (recv(w->notify, (char[64]){ 0 }, 64, 0) > 0)
			;
	}
}

/* A cloud that is gone at the end does not hold it up for long, and a second signal not at all. */
static void test_end_without_cloud(void **state)
{
	struct world *w = *state;
	char *argv[] = { "doctor-consumer", "--config", w->config, NULL };

	configure(w, "");
	spawn(w, "doctor", argv);
	WAIT_FOR(w, notified(w, "READY=1"));
	assert_int_equal(mc_fails_add(&w->mc.fails, "alarming:DELETE:/v2/alarms:0"), 0); /* silence */
	assert_int_equal(kill(w->pid, SIGTERM), 0);
	WAIT_FOR(w, notified(w, "STOPPING=1"));
	assert_int_equal(kill(w->pid, SIGTERM), 0);
	assert_end(w, 0, "warning: not all alarms are deleted");
}

#define TEST(name) cmocka_unit_test_setup_teardown(name, setup, teardown)

int main(void)
{
	const struct CMUnitTest tests[] = {
		TEST(test_options),	TEST(test_bad_configuration),
		TEST(test_credentials), TEST(test_port_is_taken),
		TEST(test_life),	TEST(test_end_without_cloud),
	};
	const char *bin = getenv("DOCTOR_BIN");

	if (bin) {
		snprintf(program, sizeof(program), "%s/doctor-consumer", bin);
	} else { /* beside us: BUILD/tests/unit/test_x and BUILD/bin */
		ssize_t n = readlink("/proc/self/exe", program, sizeof(program) - 64);

		program[n > 0 ? n : 0] = '\0';
		for (int up = 0; up < 3; up++)
			*(strrchr(program, '/') ?: program) = '\0';
		strcat(program, "/bin/doctor-consumer");
	}
	return cmocka_run_group_tests_name("consumer_program", tests, NULL, NULL);
}
