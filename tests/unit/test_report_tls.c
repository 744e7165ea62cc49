/* SPDX-License-Identifier: Apache-2.0 */
/*
 * Reports over TLS: to whom they go and to whom they do not. The inspector is openssl(1)'s s_server, whose
 * terminal this test plays; the certificates are made by openssl(1), too.
 */
#include <fcntl.h>
#include <signal.h>
#include <sys/epoll.h>
#include <sys/wait.h>

#include "tests/unit/http_fixture.h"
#include "tests/unit/said.h"
#include "tests/unit/tls_files.h"
#include "user/report.h"

/* ---------------------------------------------------------------- the world */

struct world {
	struct dr_loop *loop;
	struct dr_source *source;
	struct mon_config config;
	struct mon_report *report;
	char url[64];
	pid_t pid;
	int in, out; /* of the server */
	struct dr_buf heard;
};

static int on_heard(struct dr_source *s, int fd, uint32_t events, void *userdata)
{
	struct world *w = userdata;
	char data[4096];
	ssize_t n = read(fd, data, sizeof(data));

	if (n > 0)
		dr_buf_append(&w->heard, data, (size_t)n);
	else
		dr_source_free(DR_TAKE_PTR(w->source));
	return 0;
}

static size_t heard(struct world *w, const char *what)
{
	return text_count(dr_buf_str(&w->heard), what);
}

static int setup(void **state)
{
	struct world *w = calloc(1, sizeof(*w));

	assert_non_null(w);
	*state = w;
	assert_int_equal(dr_loop_new(&w->loop), 0);
	w->in = w->out = -1;
	w->config.inspectors[0].url = w->url;
	w->config.inspectors[0].ca_file = (char *)tls_file("ca.pem");
	w->config.inspector_count = 1;
	w->config.all_inspectors = true;
	w->config.queue_max = 16;
	strcpy(w->config.name, "mon");
	said_begin();
	return 0;
}

static int teardown(void **state)
{
	struct world *w = *state;

	mon_report_free(w->report);
	if (w->pid) {
		kill(w->pid, SIGKILL);
		waitpid(w->pid, NULL, 0);
	}
	dr_source_free(w->source);
	dr_closep(&w->in);
	dr_closep(&w->out);
	dr_buf_done(&w->heard);
	dr_loop_free(w->loop);
	said_end();
	free(w);
	return 0;
}

/* name: of its certificate. strict: it wants one of ca's from us. */
static void serve(struct world *w, const char *name, bool strict)
{
	char cert[32], key[32];
	int in[2], out[2];

	snprintf(cert, sizeof(cert), "%s.pem", name);
	snprintf(key, sizeof(key), "%s.key", name);
	char *argv[] = { "openssl",
			 "s_server",
			 "-accept",
			 "127.0.0.1:0",
			 "-cert",
			 (char *)tls_file(cert),
			 "-key",
			 (char *)tls_file(key),
			 "-CAfile",
			 (char *)tls_file("ca.pem"),
			 strict ? "-Verify" : NULL,
			 "1",
			 "-verify_return_error",
			 NULL };

	assert_int_equal(pipe2(in, O_CLOEXEC), 0);
	assert_int_equal(pipe2(out, O_CLOEXEC), 0);
	w->pid = tls_run(argv, (const int[]){ in[0], out[1] });
	close(in[0]);
	close(out[1]);
	w->in = in[1];
	w->out = out[0];
	assert_int_equal(dr_loop_add_io(w->loop, w->out, EPOLLIN, on_heard, w, &w->source), 0);
	WAIT_FOR(w->loop, heard(w, "ACCEPT 127.0.0.1:") && strchr(strstr(w->heard.data, "ACCEPT"), '\n'));
	unsigned long port =
		strtoul(strstr(w->heard.data, "ACCEPT 127.0.0.1:") + strlen("ACCEPT 127.0.0.1:"), NULL, 10);
	snprintf(w->url, sizeof(w->url), "https://127.0.0.1:%lu/events", port);
}

static void start(struct world *w)
{
	DR_AUTO_FREE char *error = NULL;

	if (mon_report_new(w->loop, &w->config, &w->report, &error))
		fail_msg("%s", error);
}

static void push(struct world *w)
{
	struct mon_event e = { .type = MON_EVENT_HOST, .on = true, .host = "compute-1" };

	mon_report_push(w->report, &e);
}

static void answer(struct world *w, unsigned nth)
{
	static const char ok[] = "HTTP/1.1 200 OK\r\nContent-Length: 0\r\n\r\n";

	WAIT_FOR(w->loop, heard(w, "}}]") == nth);
	assert_int_equal(write(w->in, ok, strlen(ok)), strlen(ok));
	WAIT_FOR(w->loop, mon_report_undelivered(w->report) == 0);
}

/* An event that must not get through. */
static void expect_failure(struct world *w, const char *why)
{
	struct mon_report_stats s[MON_INSPECTORS_MAX];

	start(w);
	push(w);
	WAIT_FOR(w->loop, mon_report_stats(w->report, s) == 1 && s[0].retries >= 2);
	if (!said_count(why))
		fail_msg("\"%s\" is not what it says; the server: %s", why, dr_buf_str(&w->heard));
	assert_int_equal(heard(w, "compute-1"), 0);
	assert_false(s[0].reachable);
	assert_int_equal(mon_report_undelivered(w->report), 1);
}

static void show(struct world *w, const char *cert, const char *key)
{
	w->config.inspectors[0].cert_file = (char *)tls_file(cert);
	w->config.inspectors[0].key_file = key ? (char *)tls_file(key) : NULL;
}

/* ---------------------------------------------------------------- tests */

static void both_know_each_other(void **state)
{
	struct world *w = *state;

	serve(w, "server", true);
	show(w, "monitor.pem", "monitor.key");
	start(w);
	for (unsigned n = 1; n <= 3; n++) {
		push(w);
		answer(w, n);
	}
	assert_int_equal(heard(w, "CIPHER is"), 1); /* one handshake for all */
	assert_int_equal(said_count("warning"), 0);
}

static void key_and_certificate_in_one_file(void **state)
{
	struct world *w = *state;

	serve(w, "server", true);
	show(w, "both.pem", NULL);
	start(w);
	push(w);
	answer(w, 1);
}

static void a_server_that_wants_no_certificate(void **state)
{
	struct world *w = *state;

	serve(w, "server", false);
	start(w);
	push(w);
	answer(w, 1);
}

static void another_authority(void **state)
{
	struct world *w = *state;

	serve(w, "server", false);
	w->config.inspectors[0].ca_file = (char *)tls_file("other.pem");
	expect_failure(w, "SSL certificate problem");
}

static void the_systems_authorities(void **state)
{
	struct world *w = *state;

	serve(w, "server", false);
	w->config.inspectors[0].ca_file = NULL;
	expect_failure(w, "SSL certificate problem");
}

static void an_expired_certificate(void **state)
{
	struct world *w = *state;

	serve(w, "expired", false);
	expect_failure(w, "certificate has expired");
}

static void the_certificate_of_somebody_else(void **state)
{
	struct world *w = *state;

	serve(w, "elsewhere", false);
	expect_failure(w, "127.0.0.1");
}

static void without_the_certificate_that_is_wanted(void **state)
{
	struct world *w = *state;

	serve(w, "server", true);
	expect_failure(w, "event not delivered");
}

static void a_certificate_that_is_mended(void **state)
{
	struct world *w = *state;

	assert_int_equal(rename(tls_file("foreign.pem"), tls_file("mine.pem")), 0);
	assert_int_equal(rename(tls_file("foreign.key"), tls_file("mine.key")), 0);
	serve(w, "server", true);
	show(w, "mine.pem", "mine.key");
	expect_failure(w, "event not delivered");
	/* read anew for each connection */
	assert_int_equal(rename(tls_file("mine.pem"), tls_file("foreign.pem")), 0);
	assert_int_equal(rename(tls_file("mine.key"), tls_file("foreign.key")), 0);
	assert_int_equal(link(tls_file("monitor.pem"), tls_file("mine.pem")), 0);
	assert_int_equal(link(tls_file("monitor.key"), tls_file("mine.key")), 0);
	answer(w, 1);
	assert_int_equal(unlink(tls_file("mine.pem")), 0);
	assert_int_equal(unlink(tls_file("mine.key")), 0);
}

static void a_key_with_a_passphrase_is_not_waited_for(void **state)
{
	struct world *w = *state;

	serve(w, "server", true);
	show(w, "monitor.pem", "locked.key");
	expect_failure(w, "key");
}

static void files_that_are_not_there(void **state)
{
	struct world *w = *state;
	static const struct {
		const char *ca, *cert, *key, *says;
	} cases[] = {
		{ "none.pem", NULL, NULL, "none.pem: No such file or directory" },
		{ "ca.pem", "none.crt", "monitor.key", "none.crt: No such file or directory" },
		{ "ca.pem", "monitor.pem", "none.key", "none.key: No such file or directory" },
	};

	strcpy(w->url, "https://127.0.0.1:1/events");
	for (size_t i = 0; i < DR_ARRAY_SIZE(cases); i++) {
		struct mon_inspector *in = &w->config.inspectors[0];
		DR_AUTO_FREE char *error = NULL;

		in->ca_file = (char *)tls_file(cases[i].ca);
		in->cert_file = cases[i].cert ? (char *)tls_file(cases[i].cert) : NULL;
		in->key_file = cases[i].key ? (char *)tls_file(cases[i].key) : NULL;
		assert_int_equal(mon_report_new(w->loop, &w->config, &w->report, &error), -ENOENT);
		assert_null(w->report);
		assert_non_null(strstr(error, cases[i].says));
		assert_non_null(strstr(error, w->url));
	}
}

#define TEST(name) cmocka_unit_test_setup_teardown(name, setup, teardown)

int main(void)
{
	const struct CMUnitTest tests[] = {
		TEST(both_know_each_other),
		TEST(key_and_certificate_in_one_file),
		TEST(a_server_that_wants_no_certificate),
		TEST(another_authority),
		TEST(the_systems_authorities),
		TEST(an_expired_certificate),
		TEST(the_certificate_of_somebody_else),
		TEST(without_the_certificate_that_is_wanted),
		TEST(a_certificate_that_is_mended),
		TEST(a_key_with_a_passphrase_is_not_waited_for),
		TEST(files_that_are_not_there),
	};

	return cmocka_run_group_tests_name("unit: reports over TLS", tests, tls_files_make, tls_files_remove);
}
