/* SPDX-License-Identifier: Apache-2.0 */
/* doctor-consumer as a person starts it: options, exit statuses, what it says, how it ends. */
#include "tests/unit/program.h"

#include <signal.h>
#include <string.h>
#include <sys/socket.h>

#include "doctor/buf.h"
#include "doctor/http_client.h"
#include "tools/minicloud/cloud.h"

struct world {
	struct dr_http_client *http;
	struct dr_http_server *server;
	struct mc_cloud mc;
	char vm[MC_UUID_SIZE];
	bool impatient; /* a second is all that the service manager waits for a sign of life */
};

static int setup(void **state)
{
	struct world *w = calloc(1, sizeof(*w));
	struct mc_cloud_opts opts = { .model = { .seed = { 1, 2, 3, 4 }, .hosts = 2, .vms_per_host = 1 } };

	assert_non_null(w);
	*state = w;
	program_setup("doctor-consumer");
	assert_int_equal(dr_http_client_new(program.loop, NULL, &w->http), 0);
	opts.model.token_ttl = dr_sec(86400);
	assert_int_equal(mc_cloud_init(&w->mc, program.loop, w->http, &opts), 0);
	assert_int_equal(dr_http_server_new(program.loop, NULL, mc_dispatch, &w->mc, &w->server), 0);
	snprintf(w->mc.url, sizeof(w->mc.url), "http://127.0.0.1:%u", dr_http_server_port(w->server));
	memcpy(w->vm, mc_server_next(&w->mc.model, NULL, NULL, NULL)->id, sizeof(w->vm));
	return 0;
}

static int teardown(void **state)
{
	struct world *w = *state;

	dr_http_server_free(w->server);
	mc_cloud_done(&w->mc);
	dr_http_client_free(w->http);
	program_teardown();
	free(w);
	return 0;
}

static void configure(struct world *w, const char *more)
{
	program_configure("listen: 127.0.0.1:0\nservers: [%s]\n%s", w->vm, more);
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
				program.notify_path,
				w->impatient ? "WATCHDOG_USEC=1000000" : NULL,
				NULL };

	snprintf(url, sizeof(url), "OS_AUTH_URL=%s/identity/v3", w->mc.url);
	snprintf(secret, sizeof(secret), "OS_PASSWORD=%s", password ? password : "");
	program_spawn(argv, password ? cloud : none);
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
		program_assert_end(cases[i].status, cases[i].says);
	}
}

static void test_bad_configuration(void **state)
{
	struct world *w = *state;
	char *argv[] = { "doctor-consumer", "--config", program.config, NULL };

	configure(w, "recovery: evacuate\ntimeout: 5\n");
	spawn(w, "doctor", argv);
	program_assert_end(2, "config.yaml:3:11: recovery: ");
	assert_non_null(strstr(program_output(), "config.yaml:4:10: timeout: ")); /* every error at once */
}

static void test_credentials(void **state)
{
	struct world *w = *state;
	char *argv[] = { "doctor-consumer", "--config", program.config, NULL };

	configure(w, "");
	spawn(w, NULL, argv);
	program_assert_end(2, "OS_");
	spawn(w, "wrong", argv);
	program_assert_end(1, "error: looking for the alarm of vm=");
	configure(w, "cloud: nowhere\n");
	spawn(w, "doctor", argv);
	program_assert_end(2, "nowhere");
}

static void test_port_is_taken(void **state)
{
	struct world *w = *state;
	char *argv[] = { "doctor-consumer", "--config", program.config, NULL };

	program_configure("listen: 127.0.0.1:%u\nservers: [%s]\n", dr_http_server_port(w->server), w->vm);
	spawn(w, "doctor", argv);
	program_assert_end(1, "Address already in use");
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
	char *argv[] = { "doctor-consumer", "--config", program.config, NULL };
	static const int signals[] = { SIGTERM, SIGINT };

	configure(w, "");
	for (size_t i = 0; i < DR_ARRAY_SIZE(signals); i++) {
		spawn(w, "doctor", argv);
		wait_for(program_notified("READY=1"));
		assert_false(no_alarms(w));
		/* idle is idle: less than a tenth of the time */
		unsigned long before = cpu_ticks(program.pid);
		struct dr_mono end = dr_mono_add(dr_mono_now(), dr_msec(500));
		wait_for(dr_mono_now().ns > end.ns);
		assert_true(cpu_ticks(program.pid) - before <= 5);
		assert_int_equal(kill(program.pid, signals[i]), 0);
		program_assert_end(0, "serving url=http://127.0.0.1:");
		assert_true(no_alarms(w));
		while (recv(program.notify, (char[64]){ 0 }, 64, 0) > 0)
			;
	}
}

/* Waiting for Aodh is no failure to start: the service manager is told before its patience is over. */
static void test_start_without_cloud(void **state)
{
	struct world *w = *state;
	char *argv[] = { "doctor-consumer", "--config", program.config, NULL };

	configure(w, "");
	assert_int_equal(mc_fails_add(&w->mc.fails, "alarming:GET:/v2/alarms:503:2"), 0); /* 3 s of pauses */
	w->impatient = true;
	spawn(w, "doctor", argv);
	wait_for(program_notified("READY=1\nSTATUS=not started yet: not all alarms are in Aodh"));
	wait_for(program_notified("STATUS="));
	assert_false(no_alarms(w));
	assert_int_equal(kill(program.pid, SIGTERM), 0);
	program_assert_end(0, "warning: not started yet: ");
}

/* A cloud that is gone at the end does not hold it up for long, and a second signal not at all. */
static void test_end_without_cloud(void **state)
{
	struct world *w = *state;
	char *argv[] = { "doctor-consumer", "--config", program.config, NULL };

	configure(w, "");
	spawn(w, "doctor", argv);
	wait_for(program_notified("READY=1"));
	assert_int_equal(mc_fails_add(&w->mc.fails, "alarming:DELETE:/v2/alarms:0"), 0); /* silence */
	assert_int_equal(kill(program.pid, SIGTERM), 0);
	wait_for(program_notified("STOPPING=1"));
	assert_int_equal(kill(program.pid, SIGTERM), 0);
	program_assert_end(0, "warning: not all alarms are deleted");
}

#define TEST(name) cmocka_unit_test_setup_teardown(name, setup, teardown)

int main(void)
{
	const struct CMUnitTest tests[] = {
		TEST(test_options),
		TEST(test_bad_configuration),
		TEST(test_credentials),
		TEST(test_port_is_taken),
		TEST(test_life),
		TEST(test_start_without_cloud),
		TEST(test_end_without_cloud),
	};

	return cmocka_run_group_tests_name("consumer_program", tests, NULL, NULL);
}
