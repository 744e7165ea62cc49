/* SPDX-License-Identifier: Apache-2.0 */
/*
 * Delivery of events: in which order, again and again; with whose token. To several: test_report_several.c.
 * TLS: test_report_tls.c.
 */
#include <fcntl.h>
#include <sys/socket.h>
#include <sys/stat.h>

#include "tests/unit/http_fixture.h"
#include "tests/unit/report_world.h"
#include "tests/unit/said.h"
#include "user/report_peer.h"

#define MS 1000000ULL

/* ---------------------------------------------------------------- one inspector */

static void in_order_and_one_at_a_time(void **state)
{
	struct world *w = *state;
	struct inspector *i = &w->inspectors[0];
	char host[20];

	report_start(w);
	assert_int_equal(mon_report_undelivered(w->report), 0);
	i->hold = true;
	for (unsigned n = 0; n < 20; n++) {
		snprintf(host, sizeof(host), "host-%u", n);
		report_push_down(w, host);
	}
	WAIT_FOR(w->loop, i->held);
	assert_int_equal(fixture_turns_within(w->loop, dr_msec(50)), 0);
	assert_int_equal(i->count, 1);
	assert_int_equal(report_stats(w, 0).waiting, 20);
	report_release(i);
	report_all_delivered(w);
	assert_int_equal(i->count, 20);
	for (unsigned n = 0; n < 20; n++) {
		snprintf(host, sizeof(host), "host-%u", n);
		report_assert_host(i, n, host);
	}
	assert_string_equal(i->seen[0].method, "PUT");
	assert_string_equal(i->seen[0].path, "/events");
	assert_string_equal(i->seen[0].bearer, "");
	assert_int_equal(report_stats(w, 0).delivered, 20);
	assert_int_equal(report_stats(w, 0).retries, 0);
	assert_true(report_stats(w, 0).reachable);
}

static void id_of(const struct seen *s, char *to)
{
	const char *id = strstr(s->body, "\"monitor_event_id\":\"");

	assert_non_null(id);
	id += strlen("\"monitor_event_id\":\"");
	snprintf(to, 64, "%.*s", (int)strcspn(id, "\""), id);
}

static void ids_differ_over_restarts(void **state)
{
	struct world *w = *state;
	struct inspector *i = &w->inspectors[0];
	char ids[4][64];

	for (unsigned run = 0; run < 2; run++) {
		report_start(w);
		report_push_down(w, "a");
		report_push_down(w, "a");
		report_all_delivered(w);
		mon_report_free(w->report);
		w->report = NULL;
	}
	for (unsigned n = 0; n < 4; n++) {
		id_of(&i->seen[n], ids[n]);
		for (unsigned k = 0; k < n; k++)
			assert_string_not_equal(ids[k], ids[n]);
	}
	/* repeated by the same run, it is the same */
	i->statuses[0] = 500;
	report_start(w);
	report_push_down(w, "a");
	report_all_delivered(w);
	assert_int_equal(i->count, 6);
	assert_string_equal(i->seen[4].body, i->seen[5].body);
}

static int wait_accept(struct world *w, int fd)
{
	struct dr_mono end = dr_mono_add(dr_mono_now(), dr_sec(20));
	int c;

	while ((c = accept4(fd, NULL, NULL, SOCK_CLOEXEC)) < 0 && dr_mono_now().ns < end.ns)
		assert_true(dr_loop_run_once(w->loop, dr_msec(5)) >= 0);
	assert_true(c >= 0);
	return c;
}

static void over_one_warm_connection(void **state)
{
	struct world *w = *state;
	struct raw peer;
	uint16_t port;
	int fd = raw_listen(&port);

	snprintf(w->urls[0], sizeof(w->urls[0]), "http://127.0.0.1:%u/", port);
	report_start(w);
	report_push_down(w, "a");
	int c = wait_accept(w, fd);
	raw_adopt(&peer, w->loop, c);
	for (unsigned n = 1; n <= 3; n++) {
		WAIT_FOR(w->loop, raw_count(&peer, "PUT / HTTP/1.1") == n && raw_count(&peer, "}}]") == n);
		raw_puts(&peer, "HTTP/1.1 200 OK\r\nContent-Length: 0\r\n\r\n");
		report_all_delivered(w);
		if (n < 3)
			report_push_down(w, "b");
	}
	assert_int_equal(raw_count(&peer, "Expect:"), 0);
	assert_int_equal(accept4(fd, NULL, NULL, SOCK_CLOEXEC), -1);
	/* a server that closes it while it is idle costs a new connection, not an attempt */
	shutdown(c, SHUT_RDWR);
	raw_done(&peer);
	report_push_down(w, "c");
	c = wait_accept(w, fd);
	raw_adopt(&peer, w->loop, c);
	raw_expect(&peer, "}}]");
	raw_puts(&peer, "HTTP/1.1 200 OK\r\nContent-Length: 0\r\n\r\n");
	report_all_delivered(w);
	assert_int_equal(report_stats(w, 0).retries, 0);
	raw_done(&peer);
	close(fd);
}

static void retried_until_taken(void **state)
{
	struct world *w = *state;
	struct inspector *i = &w->inspectors[0];
	static const unsigned statuses[] = { 503, 404, 500 };

	memcpy(i->statuses, statuses, sizeof(statuses));
	report_start(w);
	report_push_down(w, "a");
	WAIT_FOR(w->loop, i->count == 2);
	assert_int_equal(mon_report_undelivered(w->report), 1);
	report_all_delivered(w);
	assert_int_equal(i->count, 4);
	assert_true(dr_mono_sub(i->seen[1].at, i->seen[0].at).ns >= (int64_t)(75 * MS));
	assert_true(dr_mono_sub(i->seen[2].at, i->seen[1].at).ns >= (int64_t)(150 * MS));
	assert_true(dr_mono_sub(i->seen[3].at, i->seen[2].at).ns >= (int64_t)(300 * MS));
	assert_int_equal(report_stats(w, 0).retries, 3);
	assert_int_equal(report_stats(w, 0).delivered, 1);
	assert_int_equal(said_count("event not delivered"), 3);
	assert_int_equal(said_count("event delivered after 4 attempts"), 1);
}

static void refused_is_given_up_loudly(void **state)
{
	struct world *w = *state;
	struct inspector *i = &w->inspectors[0];
	static const unsigned statuses[] = { 400, 413, 422 };

	memcpy(i->statuses, statuses, sizeof(statuses));
	report_start(w);
	report_push_down(w, "a");
	report_push_down(w, "b");
	report_push(w, MON_EVENT_NIC, true, "c");
	report_push_down(w, "d");
	report_all_delivered(w);
	assert_int_equal(i->count, 4);
	assert_int_equal(report_stats(w, 0).refused, 3);
	assert_int_equal(report_stats(w, 0).delivered, 1);
	assert_int_equal(report_stats(w, 0).retries, 0);
	assert_int_equal(said_count("error: the inspector refuses the event and it is given up"), 2);
	assert_int_equal(said_count("warning: the inspector refuses the event and it is given up"), 1);
}

static void a_storm_does_not_hammer_who_is_away(void **state)
{
	struct world *w = *state;
	struct dr_mono begin = dr_mono_now();
	char host[20];

	report_make_dead(w, 0);
	w->config.queue_max = 64;
	report_start(w);
	for (unsigned n = 0; n < 3000; n++) {
		snprintf(host, sizeof(host), "host-%u", n % 40);
		report_push(w, MON_EVENT_HOST, n / 40 % 2, host);
		if (n % 10 == 0)
			assert_true(dr_loop_run_once(w->loop, dr_msec(0)) >= 0);
	}
	struct mon_report_stats s = report_stats(w, 0);
	assert_true(s.retries <= 2 + (uint64_t)(dr_mono_sub(dr_mono_now(), begin).ns / (int64_t)(75 * MS)));
	assert_in_range(s.waiting, 40, 64);
	assert_int_equal(s.dropped_superseded + s.dropped_lost, 3000 - s.waiting);
	assert_int_equal(s.dropped_lost, 0); /* there was room for the last word on each host */
	WAIT_FOR(w->loop, report_stats(w, 0).retries > 0);
	assert_false(report_stats(w, 0).reachable);
	assert_true(said_count("the queue of undelivered events is full") >= 1);
	assert_true(said_count("event not delivered") <= 2); /* the same failure, once a minute */
	mon_report_free(w->report);
	w->report = NULL;
	assert_int_equal(said_count("ended with an event undelivered"), 10);
	assert_int_equal(said_count("ended with more events undelivered"), 1);
}

static void assert_type(struct inspector *i, size_t n, const char *type, const char *host)
{
	char text[100];

	report_assert_host(i, n, host);
	snprintf(text, sizeof(text), "\"type\":\"%s\"", type);
	if (!strstr(i->seen[n].body, text))
		fail_msg("event %zu is no %s: %s", n, type, i->seen[n].body);
}

/* Whoever acts on a "down" at once must not hear of one that is over: while it was away, or busy. */
static void what_is_over_is_not_told(void **state)
{
	struct world *w = *state;
	struct inspector *i = &w->inspectors[0];

	i->statuses[0] = 503;
	report_start(w);
	report_push_down(w, "a");
	WAIT_FOR(w->loop, report_stats(w, 0).retries == 1);
	report_push(w, MON_EVENT_HOST, false, "a");
	report_all_delivered(w);
	assert_int_equal(i->count, 2);
	assert_type(i, 1, "compute.host.up", "a");
	assert_int_equal(report_stats(w, 0).dropped_superseded, 1);

	i->hold = true;
	report_push_down(w, "b");
	WAIT_FOR(w->loop, i->held);
	report_push_down(w, "c");
	report_push(w, MON_EVENT_NIC, true, "d");
	report_push(w, MON_EVENT_HOST, false, "c");
	report_push(w, MON_EVENT_NIC, false, "d");
	report_push_down(w, "c"); /* and again: that one is so */
	report_push(w, MON_EVENT_HOST, false, "b");
	report_release(i);
	report_all_delivered(w);
	assert_int_equal(i->count, 7);
	assert_type(i, 2, "compute.host.down", "b");
	assert_type(i, 3, "compute.host.up", "c");
	assert_type(i, 4, "compute.host.nic.error.cleared", "d");
	assert_type(i, 5, "compute.host.down", "c");
	assert_type(i, 6, "compute.host.up", "b");
	assert_int_equal(report_stats(w, 0).dropped_superseded, 3);
}

/* An inspector that stumbles over one event hears of the others all the same, and of that one again and
 * again. */
static void one_that_is_never_taken_holds_up_nobody(void **state)
{
	struct world *w = *state;
	struct inspector *i = &w->inspectors[0];
	size_t poisoned = 0;

	i->poison = "compute.host.degraded";
	report_start(w);
	report_push(w, MON_EVENT_DEGRADED, true, "a");
	report_push_down(w, "b");
	report_push_down(w, "c");
	WAIT_FOR(w->loop, report_stats(w, 0).delivered == 2);
	assert_int_equal(mon_report_undelivered(w->report), 1);
	for (size_t n = 0; n < i->count; n++)
		poisoned += strstr(i->seen[n].body, i->poison) != NULL;
	assert_int_equal(poisoned, 3);
	report_assert_host(i, 3, "b");
	report_assert_host(i, 4, "c");
	i->poison = NULL;
	report_all_delivered(w);
	assert_type(i, i->count - 1, "compute.host.degraded", "a");
	assert_int_equal(report_stats(w, 0).dropped_superseded + report_stats(w, 0).dropped_lost, 0);

	/* one that is over goes for good, its end waits */
	i->poison = "compute.host.degraded";
	report_push(w, MON_EVENT_DEGRADED, true, "a");
	report_push(w, MON_EVENT_DEGRADED, false, "a");
	report_push_down(w, "d");
	WAIT_FOR(w->loop, report_stats(w, 0).delivered == 4);
	assert_int_equal(mon_report_undelivered(w->report), 1);
	i->poison = NULL;
	report_all_delivered(w);
	assert_type(i, i->count - 1, "compute.host.degraded.cleared", "a");
	assert_int_equal(report_stats(w, 0).dropped_superseded, 1);
}

static void news_cuts_the_pause_short(void **state)
{
	struct world *w = *state;
	struct inspector *i = &w->inspectors[0];

	for (unsigned n = 0; n < 6; n++)
		i->statuses[n] = 500;
	report_start(w);
	report_push_down(w, "a");
	WAIT_FOR(w->loop, i->count == 6); /* now its pause is more than two seconds */
	WAIT_FOR(w->loop, report_stats(w, 0).retries == 6);
	report_push_down(w, "b");
	report_all_delivered(w);
	struct dr_dur waited = dr_mono_sub(i->seen[6].at, i->seen[5].at);
	assert_true(waited.ns >= (int64_t)(95 * MS));
	assert_true(waited.ns < (int64_t)(2000 * MS));
}

static void hurry_does_not_wait(void **state)
{
	struct world *w = *state;
	struct inspector *i = &w->inspectors[0];

	for (unsigned n = 0; n < 7; n++)
		i->statuses[n] = 500;
	report_start(w);
	report_push_down(w, "a");
	WAIT_FOR(w->loop, report_stats(w, 0).retries == 7); /* 3.75 to 6.25 s */
	struct dr_mono begin = dr_mono_now();
	mon_report_hurry(w->report);
	report_all_delivered(w);
	assert_true(dr_mono_sub(dr_mono_now(), begin).ns < (int64_t)(3000 * MS));
	mon_report_hurry(w->report);
	assert_int_equal(i->count, 8);
}

static void nobody_to_tell(void **state)
{
	struct world *w = *state;

	w->config.inspector_count = 0;
	report_start(w);
	report_push_down(w, "a");
	assert_int_equal(mon_report_undelivered(w->report), 0);
}

static void a_password_of_the_url_is_not_logged(void **state)
{
	struct world *w = *state;
	struct mon_report_stats all[MON_INSPECTORS_MAX];
	char url[96];

	report_make_dead(w, 0);
	snprintf(url, sizeof(url), "http://me:secret@%s", strstr(w->urls[0], "127"));
	w->config.inspectors[0].url = url;
	report_start(w);
	report_push_down(w, "a");
	WAIT_FOR(w->loop, mon_report_stats(w->report, all) && all[0].retries > 0);
	assert_null(strstr(all[0].url, "secret"));
	mon_report_free(w->report); /* says what is left */
	w->report = NULL;
	assert_null(strstr(said(), "secret"));
	assert_non_null(strstr(said(), "url=http://127.0.0.1:"));
}

/* ---------------------------------------------------------------- the token */

static void write_token(struct world *w, const char *text, size_t len, mode_t mode)
{
	DR_AUTO_CLOSE int fd = open(w->token, O_WRONLY | O_CREAT | O_TRUNC | O_CLOEXEC, 0600);

	assert_true(fd >= 0);
	assert_int_equal(write(fd, text, len), len);
	assert_int_equal(fchmod(fd, mode), 0);
}

static void a_token_as_it_stands_in_a_file(void **state)
{
	struct world *w = *state;
	char got[MON_TOKEN_MAX + 1], large[MON_TOKEN_MAX + 10];
	mode_t mode;
	static const struct {
		const char *text, *token;
	} cases[] = {
		{ "abc", "abc" },	 { "abc\n", "abc" },
		{ "abc\r\n", "abc" },	 { "a.b-c_~+/=\n\n", "a.b-c_~+/=" },
		{ "abc \t\n", "abc" },	 { "", NULL },
		{ "\n", NULL },		 { "a\nb\n", NULL },
		{ "a b", NULL },	 { "a\x7f", NULL },
		{ "caf\xc3\xa9", NULL }, { "a\r\nX-Evil: 1", NULL },
	};

	assert_int_equal(mon_token_read(w->token, got, &mode), -ENOENT);
	for (size_t i = 0; i < DR_ARRAY_SIZE(cases); i++) {
		write_token(w, cases[i].text, strlen(cases[i].text), 0640);
		int r = mon_token_read(w->token, got, &mode);
		assert_int_equal(r, cases[i].token ? 0 : -EBADMSG);
		if (cases[i].token)
			assert_string_equal(got, cases[i].token);
	}
	write_token(w, "a\0b", 3, 0640);
	assert_int_equal(mon_token_read(w->token, got, &mode), -EBADMSG);
	memset(large, 'x', sizeof(large));
	large[MON_TOKEN_MAX] = '\n';
	write_token(w, large, MON_TOKEN_MAX + 1, 0640);
	assert_int_equal(mon_token_read(w->token, got, &mode), 0);
	assert_int_equal(strlen(got), MON_TOKEN_MAX);
	large[MON_TOKEN_MAX] = 'x';
	write_token(w, large, MON_TOKEN_MAX + 1, 0640);
	assert_int_equal(mon_token_read(w->token, got, &mode), -EMSGSIZE);
	write_token(w, large, sizeof(large), 0640);
	assert_int_equal(mon_token_read(w->token, got, &mode), -EMSGSIZE);
	assert_int_equal(mode & 0777, 0640);
	assert_int_equal(mon_token_read(w->dir, got, &mode), -EINVAL);
	unlink(w->token);
	assert_int_equal(mkfifo(w->token, 0600), 0);
	assert_int_equal(mon_token_read(w->token, got, &mode), -EINVAL); /* and does not wait */
}

/* After the change of user: what was readable before may not be now. */
static void files_that_cannot_be_read_are_said(void **state)
{
	DR_AUTO_FREE char *good = NULL, *error = NULL;
	struct world *w = *state;

	w->config.inspectors[0].token_file = w->token;
	w->config.inspectors[0].ca_file = w->token;
	write_token(w, "abc", 3, 0600);
	report_start(w);
	assert_int_equal(mon_report_check_files(w->report, &good), 0);
	assert_int_equal(said_count("token file"), 0);
	w->config.inspectors[0].ca_file = NULL;
	assert_int_equal(unlink(w->token), 0);
	assert_int_equal(mon_report_check_files(w->report, &good), 0);
	assert_int_equal(said_count("until the token file can be read"), 1);
	w->config.inspectors[0].ca_file = w->token;
	assert_int_equal(mon_report_check_files(w->report, &error), -ENOENT);
	assert_non_null(strstr(error, "the user that we are now: certificates"));
	assert_null(good);
}

static void the_token_goes_with_each_request(void **state)
{
	struct world *w = *state;

	w->config.inspector_count = 3;
	w->config.inspectors[1].dialect = MON_CONGRESS;
	w->config.inspectors[2].dialect = MON_VITRAGE;
	for (size_t i = 0; i < 3; i++)
		w->config.inspectors[i].token_file = w->token;
	write_token(w, "first\n", 6, 0600);
	report_start(w);
	report_push_down(w, "a");
	report_all_delivered(w);
	write_token(w, "second", 6, 0600);
	report_push_down(w, "b");
	report_all_delivered(w);
	assert_string_equal(w->inspectors[0].seen[0].bearer, "Bearer first");
	assert_string_equal(w->inspectors[0].seen[0].token, "");
	assert_string_equal(w->inspectors[0].seen[1].bearer, "Bearer second");
	for (size_t i = 1; i < 3; i++) {
		assert_string_equal(w->inspectors[i].seen[0].token, "first");
		assert_string_equal(w->inspectors[i].seen[0].bearer, "");
		assert_string_equal(w->inspectors[i].seen[1].token, "second");
	}
	assert_int_equal(said_count("warning"), 0);
}

static void a_refused_token_is_read_again(void **state)
{
	struct world *w = *state;
	struct inspector *i = &w->inspectors[0];

	w->config.inspectors[0].token_file = w->token;
	i->statuses[0] = 401;
	i->statuses[1] = 403;
	write_token(w, "old", 3, 0644);
	report_start(w);
	report_push_down(w, "a");
	WAIT_FOR(w->loop, report_stats(w, 0).retries == 2);
	assert_true(report_stats(w, 0).reachable);
	write_token(w, "new", 3, 0644);
	report_all_delivered(w);
	assert_string_equal(i->seen[1].bearer, "Bearer old");
	assert_string_equal(i->seen[2].bearer, "Bearer new");
	assert_int_equal(report_stats(w, 0).refused, 0);
	assert_int_equal(said_count("can be read by everybody"), 1);
	assert_null(strstr(said(), "Bearer"));
}

static void a_token_that_cannot_be_read_is_waited_for(void **state)
{
	struct world *w = *state;

	w->config.inspectors[0].token_file = w->token;
	report_start(w);
	report_push_down(w, "a");
	WAIT_FOR(w->loop, report_stats(w, 0).retries == 3);
	assert_int_equal(said_count("token: No such file or directory"), 1);
	assert_int_equal(w->inspectors[0].count, 0); /* nothing goes without it */
	assert_false(report_stats(w, 0).reachable);
	write_token(w, "\n", 1, 0600);
	WAIT_FOR(w->loop, said_count("token: is empty") == 1);
	write_token(w, "abc\n", 4, 0600);
	report_push_down(w, "b");
	report_all_delivered(w);
	assert_string_equal(w->inspectors[0].seen[0].bearer, "Bearer abc");
	report_assert_host(&w->inspectors[0], 0, "a");
}

#define TEST(name) cmocka_unit_test_setup_teardown(name, report_setup, report_teardown)

int main(void)
{
	const struct CMUnitTest tests[] = {
		TEST(in_order_and_one_at_a_time),
		TEST(ids_differ_over_restarts),
		TEST(over_one_warm_connection),
		TEST(retried_until_taken),
		TEST(refused_is_given_up_loudly),
		TEST(a_storm_does_not_hammer_who_is_away),
		TEST(what_is_over_is_not_told),
		TEST(one_that_is_never_taken_holds_up_nobody),
		TEST(news_cuts_the_pause_short),
		TEST(hurry_does_not_wait),
		TEST(nobody_to_tell),
		TEST(a_password_of_the_url_is_not_logged),
		TEST(files_that_cannot_be_read_are_said),
		TEST(a_token_as_it_stands_in_a_file),
		TEST(the_token_goes_with_each_request),
		TEST(a_refused_token_is_read_again),
		TEST(a_token_that_cannot_be_read_is_waited_for),
	};

	return cmocka_run_group_tests_name("unit: reports", tests, NULL, NULL);
}
