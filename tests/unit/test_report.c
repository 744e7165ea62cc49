/* SPDX-License-Identifier: Apache-2.0 */
/* Delivery of events: to whom, in which order, again and again; with whose token. TLS: test_report_tls.c. */
#include <fcntl.h>
#include <sys/socket.h>
#include <sys/stat.h>

#include "tests/unit/http_fixture.h"
#include "tests/unit/said.h"
#include "user/report.h"
#include "user/report_peer.h"
#include "user/report_rules.h"

#define MS 1000000ULL
#define SEEN_MAX 64

struct seen {
	char method[8], path[128], body[2048], bearer[128], token[128];
	struct dr_mono at;
};

struct inspector {
	struct dr_http_server *server;
	unsigned statuses[16]; /* of the next answers, up to 0; then 200 */
	const char *poison;    /* requests with this text are answered with 500 */
	unsigned next;
	bool hold; /* answers are kept back */
	struct dr_http_exchange *held;
	struct seen seen[SEEN_MAX];
	size_t count;
};

struct world {
	struct dr_loop *loop;
	struct inspector inspectors[3];
	char urls[3][64], dir[64], token[128];
	struct mon_config config;
	struct mon_report *report;
};

/* ---------------------------------------------------------------- the world */

static void keep_header(struct dr_http_exchange *x, const char *name, char *to, size_t size)
{
	const char *value = dr_http_header(x, name);

	assert_int_equal(dr_strcpy(to, size, value ? value : ""), 0);
}

static void on_event(struct dr_http_exchange *x, void *userdata)
{
	struct inspector *i = userdata;
	struct seen *s = &i->seen[i->count % SEEN_MAX];
	unsigned status = i->next < DR_ARRAY_SIZE(i->statuses) ? i->statuses[i->next] : 0;
	size_t len;

	if (i->poison && strstr(dr_http_body(x, &len), i->poison))
		status = 500;
	i->count++;
	s->at = dr_mono_now();
	assert_int_equal(dr_strcpy(s->method, sizeof(s->method), dr_http_method(x)), 0);
	assert_int_equal(dr_strcpy(s->path, sizeof(s->path), dr_http_path(x)), 0);
	assert_int_equal(dr_strcpy(s->body, sizeof(s->body), dr_http_body(x, &len)), 0);
	keep_header(x, "Authorization", s->bearer, sizeof(s->bearer));
	keep_header(x, "X-Auth-Token", s->token, sizeof(s->token));
	assert_null(dr_http_header(x, "Transfer-Encoding"));
	if (status && !i->poison)
		i->next++;
	if (i->hold) {
		assert_null(i->held);
		i->held = x;
		dr_http_defer(x);
	} else {
		dr_http_reply(x, status ? status : 200, NULL, NULL, 0);
	}
}

static void release(struct inspector *i)
{
	struct dr_http_exchange *x = i->held;

	i->held = NULL;
	i->hold = false;
	dr_http_reply(x, 200, NULL, NULL, 0);
}

static int setup(void **state)
{
	struct world *w = calloc(1, sizeof(*w));

	assert_non_null(w);
	*state = w;
	strcpy(w->dir, "/tmp/doctor-test-report-XXXXXX");
	assert_non_null(mkdtemp(w->dir));
	snprintf(w->token, sizeof(w->token), "%s/token", w->dir);
	assert_int_equal(dr_loop_new(&w->loop), 0);
	for (size_t i = 0; i < DR_ARRAY_SIZE(w->inspectors); i++) {
		struct inspector *in = &w->inspectors[i];

		assert_int_equal(dr_http_server_new(w->loop, NULL, on_event, in, &in->server), 0);
		snprintf(w->urls[i], sizeof(w->urls[i]), "http://127.0.0.1:%u/events",
			 dr_http_server_port(in->server));
		w->config.inspectors[i].url = w->urls[i];
	}
	strcpy(w->config.name, "mon");
	w->config.inspector_count = 1;
	w->config.all_inspectors = true;
	w->config.queue_max = 4096;
	said_begin();
	return 0;
}

static int teardown(void **state)
{
	struct world *w = *state;

	mon_report_free(w->report);
	for (size_t i = 0; i < DR_ARRAY_SIZE(w->inspectors); i++)
		dr_http_server_free(w->inspectors[i].server);
	dr_loop_free(w->loop);
	said_end();
	unlink(w->token);
	assert_int_equal(rmdir(w->dir), 0);
	free(w);
	return 0;
}

static void start(struct world *w)
{
	DR_AUTO_FREE char *error = NULL;

	if (mon_report_new(w->loop, &w->config, &w->report, &error))
		fail_msg("%s", error);
}

static void push(struct world *w, enum mon_event_type type, bool on, const char *host)
{
	struct mon_event e = { .type = type, .on = on, .when = { 1795356201710436000 } };

	strcpy(e.host, host);
	e.reason = DR_REASON_SILENCE;
	mon_report_push(w->report, &e);
}

static void push_down(struct world *w, const char *host)
{
	push(w, MON_EVENT_HOST, true, host);
}

static void push_up(struct world *w, const char *host)
{
	push(w, MON_EVENT_HOST, false, host);
}

static void all_delivered(struct world *w)
{
	WAIT_FOR(w->loop, mon_report_undelivered(w->report) == 0);
}

static struct mon_report_stats stats(struct world *w, size_t i)
{
	struct mon_report_stats s[MON_INSPECTORS_MAX];

	assert_true(i < mon_report_stats(w->report, s));
	assert_string_equal(s[i].url, w->config.inspectors[i].url);
	return s[i];
}

static void assert_host(struct inspector *i, size_t n, const char *host)
{
	char text[300];

	assert_true(n < i->count);
	snprintf(text, sizeof(text), "\"hostname\":\"%s\"", host);
	if (!strstr(i->seen[n].body, text))
		fail_msg("event %zu is not of %s: %s", n, host, i->seen[n].body);
}

static bool was_told(const struct inspector *i, const char *host)
{
	char text[300];

	snprintf(text, sizeof(text), "\"hostname\":\"%s\"", host);
	for (size_t n = 0; n < i->count; n++) {
		if (strstr(i->seen[n].body, text))
			return true;
	}
	return false;
}

/* ---------------------------------------------------------------- rules */

static void what_an_answer_means(void **state)
{
	static const struct {
		int error;
		unsigned status;
		enum mon_delivery expected;
	} cases[] = {
		{ 0, 200, MON_DELIVERED }, { 0, 202, MON_DELIVERED },	    { 0, 204, MON_DELIVERED },
		{ 0, 302, MON_RETRY },	   { 0, 400, MON_REFUSED },	    { 0, 413, MON_REFUSED },
		{ 0, 422, MON_REFUSED },   { 0, 401, MON_RETRY },	    { 0, 403, MON_RETRY },
		{ 0, 404, MON_RETRY },	   { 0, 429, MON_RETRY },	    { 0, 500, MON_RETRY },
		{ 0, 503, MON_RETRY },	   { -ECONNREFUSED, 0, MON_RETRY }, { -ETIMEDOUT, 200, MON_RETRY },
	};

	for (size_t i = 0; i < DR_ARRAY_SIZE(cases); i++)
		assert_int_equal(mon_delivery_of(cases[i].error, cases[i].status), cases[i].expected);
}

static void pauses_double_up_to_a_bound(void **state)
{
	assert_int_equal(mon_retry_pause(1, 25).ns, 100 * MS);
	assert_int_equal(mon_retry_pause(2, 25).ns, 200 * MS);
	assert_int_equal(mon_retry_pause(6, 25).ns, 3200 * MS);
	assert_int_equal(mon_retry_pause(7, 25).ns, 5000 * MS);
	assert_int_equal(mon_retry_pause(0xffffffff, 25).ns, 5000 * MS);
	/* jitter: any random is taken, both ends are reached, and two that pause rarely do so alike */
	int64_t least[8], most[8];
	unsigned differ = 0;
	for (unsigned n = 1; n < DR_ARRAY_SIZE(least); n++) {
		int64_t middle = mon_retry_pause(n, 25).ns, before = 0;
		least[n] = INT64_MAX;
		most[n] = 0;
		for (uint32_t random = 0; random < 1000; random++) {
			int64_t pause = mon_retry_pause(n, random * 4294967).ns;
			least[n] = DR_MIN(least[n], pause);
			most[n] = DR_MAX(most[n], pause);
			differ += pause != before;
			before = pause;
		}
		assert_int_equal(least[n], middle * 75 / 100);
		assert_int_equal(most[n], middle * 125 / 100);
	}
	assert_true(differ > 7 * 900);
}

static void who_is_asked(void **state)
{
#define FITS .fits = true
#define UNTIL(t) .fits = true, .failed = true, .again = { t }
#define NO .fits = true, .refused = true
#define HOLDS .holds = true
	static const struct {
		struct mon_choice c[3];
		int expected;
		uint64_t again;
	} cases[] = {
		{ { { FITS }, { FITS }, { FITS } }, 0, 0 },
		{ { { UNTIL(101) }, { FITS }, { FITS } }, 1, 0 },
		{ { { UNTIL(100) }, { FITS }, { FITS } }, 0, 0 }, /* back to the first: its pause is over */
		{ { { UNTIL(103) }, { UNTIL(102) }, { UNTIL(104) } }, -1, 102 },
		{ { { 0 }, { UNTIL(102) }, { FITS } }, 2, 0 },
		{ { { 0 }, { UNTIL(102) }, { 0 } }, -1, 102 },
		{ { { NO }, { FITS }, { FITS } }, 1, 0 },
		{ { { NO }, { UNTIL(102) }, { FITS } }, 2, 0 },
		{ { { NO }, { UNTIL(102) }, { NO } },
		  -2,
		  0 }, /* not to wait for one that may be gone for days */
		{ { { UNTIL(102) }, { NO }, { NO } }, -2, 0 },
		{ { { NO }, { NO }, { NO } }, -2, 0 },
		{ { { 0 }, { 0 }, { 0 } }, -2, 0 },
		{ { { FITS }, { FITS, HOLDS }, { FITS } }, 1, 0 },
		{ { { FITS }, { UNTIL(102), HOLDS }, { FITS } }, -1, 102 },
		{ { { FITS }, { UNTIL(102), HOLDS }, { FITS, HOLDS } }, 2, 0 },
		{ { { FITS }, { NO, HOLDS }, { FITS } }, 0, 0 },
	};

	for (size_t i = 0; i < DR_ARRAY_SIZE(cases); i++) {
		struct dr_mono again = { 0 };

		assert_int_equal(mon_choose(cases[i].c, 3, (struct dr_mono){ 100 }, &again),
				 cases[i].expected);
		assert_int_equal(again.ns, cases[i].again);
	}
}

/* ---------------------------------------------------------------- one inspector */

static void in_order_and_one_at_a_time(void **state)
{
	struct world *w = *state;
	struct inspector *i = &w->inspectors[0];
	char host[20];

	start(w);
	assert_int_equal(mon_report_undelivered(w->report), 0);
	i->hold = true;
	for (unsigned n = 0; n < 20; n++) {
		snprintf(host, sizeof(host), "host-%u", n);
		push_down(w, host);
	}
	WAIT_FOR(w->loop, i->held);
	assert_int_equal(fixture_turns_within(w->loop, dr_msec(50)), 0);
	assert_int_equal(i->count, 1);
	assert_int_equal(stats(w, 0).waiting, 20);
	release(i);
	all_delivered(w);
	assert_int_equal(i->count, 20);
	for (unsigned n = 0; n < 20; n++) {
		snprintf(host, sizeof(host), "host-%u", n);
		assert_host(i, n, host);
	}
	assert_string_equal(i->seen[0].method, "PUT");
	assert_string_equal(i->seen[0].path, "/events");
	assert_string_equal(i->seen[0].bearer, "");
	assert_int_equal(stats(w, 0).delivered, 20);
	assert_int_equal(stats(w, 0).retries, 0);
	assert_true(stats(w, 0).reachable);
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
		start(w);
		push_down(w, "a");
		push_down(w, "a");
		all_delivered(w);
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
	start(w);
	push_down(w, "a");
	all_delivered(w);
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
	start(w);
	push_down(w, "a");
	int c = wait_accept(w, fd);
	raw_adopt(&peer, w->loop, c);
	for (unsigned n = 1; n <= 3; n++) {
		WAIT_FOR(w->loop, raw_count(&peer, "PUT / HTTP/1.1") == n && raw_count(&peer, "}}]") == n);
		raw_puts(&peer, "HTTP/1.1 200 OK\r\nContent-Length: 0\r\n\r\n");
		all_delivered(w);
		if (n < 3)
			push_down(w, "b");
	}
	assert_int_equal(raw_count(&peer, "Expect:"), 0);
	assert_int_equal(accept4(fd, NULL, NULL, SOCK_CLOEXEC), -1);
	/* a server that closes it while it is idle costs a new connection, not an attempt */
	shutdown(c, SHUT_RDWR);
	raw_done(&peer);
	push_down(w, "c");
	c = wait_accept(w, fd);
	raw_adopt(&peer, w->loop, c);
	raw_expect(&peer, "}}]");
	raw_puts(&peer, "HTTP/1.1 200 OK\r\nContent-Length: 0\r\n\r\n");
	all_delivered(w);
	assert_int_equal(stats(w, 0).retries, 0);
	raw_done(&peer);
	close(fd);
}

static void retried_until_taken(void **state)
{
	struct world *w = *state;
	struct inspector *i = &w->inspectors[0];
	static const unsigned statuses[] = { 503, 404, 500 };

	memcpy(i->statuses, statuses, sizeof(statuses));
	start(w);
	push_down(w, "a");
	WAIT_FOR(w->loop, i->count == 2);
	assert_int_equal(mon_report_undelivered(w->report), 1);
	all_delivered(w);
	assert_int_equal(i->count, 4);
	assert_true(dr_mono_sub(i->seen[1].at, i->seen[0].at).ns >= (int64_t)(75 * MS));
	assert_true(dr_mono_sub(i->seen[2].at, i->seen[1].at).ns >= (int64_t)(150 * MS));
	assert_true(dr_mono_sub(i->seen[3].at, i->seen[2].at).ns >= (int64_t)(300 * MS));
	assert_int_equal(stats(w, 0).retries, 3);
	assert_int_equal(stats(w, 0).delivered, 1);
	assert_int_equal(said_count("event not delivered"), 3);
	assert_int_equal(said_count("event delivered after 4 attempts"), 1);
}

static void refused_is_given_up_loudly(void **state)
{
	struct world *w = *state;
	struct inspector *i = &w->inspectors[0];
	static const unsigned statuses[] = { 400, 413, 422 };

	memcpy(i->statuses, statuses, sizeof(statuses));
	start(w);
	push_down(w, "a");
	push_down(w, "b");
	push(w, MON_EVENT_NIC, true, "c");
	push_down(w, "d");
	all_delivered(w);
	assert_int_equal(i->count, 4);
	assert_int_equal(stats(w, 0).refused, 3);
	assert_int_equal(stats(w, 0).delivered, 1);
	assert_int_equal(stats(w, 0).retries, 0);
	assert_int_equal(said_count("error: the inspector refuses the event and it is given up"), 2);
	assert_int_equal(said_count("warning: the inspector refuses the event and it is given up"), 1);
}

/* A port where nobody listens. */
static void make_dead(struct world *w, size_t i)
{
	uint16_t port;

	close(raw_listen(&port));
	snprintf(w->urls[i], sizeof(w->urls[i]), "http://127.0.0.1:%u/events", port);
}

static void a_storm_does_not_hammer_who_is_away(void **state)
{
	struct world *w = *state;
	struct dr_mono begin = dr_mono_now();
	char host[20];

	make_dead(w, 0);
	w->config.queue_max = 64;
	start(w);
	for (unsigned n = 0; n < 3000; n++) {
		snprintf(host, sizeof(host), "host-%u", n % 40);
		push(w, MON_EVENT_HOST, n / 40 % 2, host);
		if (n % 10 == 0)
			assert_true(dr_loop_run_once(w->loop, dr_msec(0)) >= 0);
	}
	struct mon_report_stats s = stats(w, 0);
	assert_true(s.retries <= 2 + (uint64_t)(dr_mono_sub(dr_mono_now(), begin).ns / (int64_t)(75 * MS)));
	assert_in_range(s.waiting, 40, 64);
	assert_int_equal(s.dropped_superseded + s.dropped_lost, 3000 - s.waiting);
	assert_int_equal(s.dropped_lost, 0); /* there was room for the last word on each host */
	WAIT_FOR(w->loop, stats(w, 0).retries > 0);
	assert_false(stats(w, 0).reachable);
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

	assert_host(i, n, host);
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
	start(w);
	push_down(w, "a");
	WAIT_FOR(w->loop, stats(w, 0).retries == 1);
	push(w, MON_EVENT_HOST, false, "a");
	all_delivered(w);
	assert_int_equal(i->count, 2);
	assert_type(i, 1, "compute.host.up", "a");
	assert_int_equal(stats(w, 0).dropped_superseded, 1);

	i->hold = true;
	push_down(w, "b");
	WAIT_FOR(w->loop, i->held);
	push_down(w, "c");
	push(w, MON_EVENT_NIC, true, "d");
	push(w, MON_EVENT_HOST, false, "c");
	push(w, MON_EVENT_NIC, false, "d");
	push_down(w, "c"); /* and again: that one is so */
	push(w, MON_EVENT_HOST, false, "b");
	release(i);
	all_delivered(w);
	assert_int_equal(i->count, 7);
	assert_type(i, 2, "compute.host.down", "b");
	assert_type(i, 3, "compute.host.up", "c");
	assert_type(i, 4, "compute.host.nic.error.cleared", "d");
	assert_type(i, 5, "compute.host.down", "c");
	assert_type(i, 6, "compute.host.up", "b");
	assert_int_equal(stats(w, 0).dropped_superseded, 3);
}

/* An inspector that stumbles over one event hears of the others all the same, and of that one again and
 * again. */
static void one_that_is_never_taken_holds_up_nobody(void **state)
{
	struct world *w = *state;
	struct inspector *i = &w->inspectors[0];
	size_t poisoned = 0;

	i->poison = "compute.host.degraded";
	start(w);
	push(w, MON_EVENT_DEGRADED, true, "a");
	push_down(w, "b");
	push_down(w, "c");
	WAIT_FOR(w->loop, stats(w, 0).delivered == 2);
	assert_int_equal(mon_report_undelivered(w->report), 1);
	for (size_t n = 0; n < i->count; n++)
		poisoned += strstr(i->seen[n].body, i->poison) != NULL;
	assert_int_equal(poisoned, 3);
	assert_host(i, 3, "b");
	assert_host(i, 4, "c");
	i->poison = NULL;
	all_delivered(w);
	assert_type(i, i->count - 1, "compute.host.degraded", "a");
	assert_int_equal(stats(w, 0).dropped_superseded + stats(w, 0).dropped_lost, 0);

	/* one that is over goes for good, its end waits */
	i->poison = "compute.host.degraded";
	push(w, MON_EVENT_DEGRADED, true, "a");
	push(w, MON_EVENT_DEGRADED, false, "a");
	push_down(w, "d");
	WAIT_FOR(w->loop, stats(w, 0).delivered == 4);
	assert_int_equal(mon_report_undelivered(w->report), 1);
	i->poison = NULL;
	all_delivered(w);
	assert_type(i, i->count - 1, "compute.host.degraded.cleared", "a");
	assert_int_equal(stats(w, 0).dropped_superseded, 1);
}

static void news_cuts_the_pause_short(void **state)
{
	struct world *w = *state;
	struct inspector *i = &w->inspectors[0];

	for (unsigned n = 0; n < 6; n++)
		i->statuses[n] = 500;
	start(w);
	push_down(w, "a");
	WAIT_FOR(w->loop, i->count == 6); /* now its pause is more than two seconds */
	WAIT_FOR(w->loop, stats(w, 0).retries == 6);
	push_down(w, "b");
	all_delivered(w);
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
	start(w);
	push_down(w, "a");
	WAIT_FOR(w->loop, stats(w, 0).retries == 7); /* 3.75 to 6.25 s */
	struct dr_mono begin = dr_mono_now();
	mon_report_hurry(w->report);
	all_delivered(w);
	assert_true(dr_mono_sub(dr_mono_now(), begin).ns < (int64_t)(3000 * MS));
	mon_report_hurry(w->report);
	assert_int_equal(i->count, 8);
}

static void nobody_to_tell(void **state)
{
	struct world *w = *state;

	w->config.inspector_count = 0;
	start(w);
	push_down(w, "a");
	assert_int_equal(mon_report_undelivered(w->report), 0);
}

static void a_password_of_the_url_is_not_logged(void **state)
{
	struct world *w = *state;
	struct mon_report_stats all[MON_INSPECTORS_MAX];
	char url[96];

	make_dead(w, 0);
	snprintf(url, sizeof(url), "http://me:secret@%s", strstr(w->urls[0], "127"));
	w->config.inspectors[0].url = url;
	start(w);
	push_down(w, "a");
	WAIT_FOR(w->loop, mon_report_stats(w->report, all) && all[0].retries > 0);
	assert_null(strstr(all[0].url, "secret"));
	mon_report_free(w->report); /* says what is left */
	w->report = NULL;
	assert_null(strstr(said(), "secret"));
	assert_non_null(strstr(said(), "url=http://127.0.0.1:"));
}

/* ---------------------------------------------------------------- several */

static void all_are_told(void **state)
{
	struct world *w = *state;

	w->config.inspector_count = 3;
	make_dead(w, 1);
	start(w);
	push_down(w, "a");
	push_down(w, "b");
	WAIT_FOR(w->loop, w->inspectors[0].count == 2 && w->inspectors[2].count == 2 &&
				  stats(w, 0).delivered == 2 && stats(w, 2).delivered == 2);
	assert_string_equal(w->inspectors[0].seen[1].body, w->inspectors[2].seen[1].body);
	WAIT_FOR(w->loop, stats(w, 1).retries > 0);
	assert_int_equal(mon_report_undelivered(w->report), 2);
	assert_int_equal(stats(w, 1).waiting, 2);
	assert_int_equal(stats(w, 0).waiting, 0);
	assert_false(stats(w, 1).reachable);
	assert_true(stats(w, 2).reachable);
}

static void the_first_that_takes_it(void **state)
{
	struct world *w = *state;
	struct inspector *a = &w->inspectors[0], *b = &w->inspectors[1];

	w->config.inspector_count = 2;
	w->config.all_inspectors = false;
	a->statuses[0] = 503;
	start(w);
	push_down(w, "1");
	all_delivered(w);
	assert_int_equal(a->count, 1);
	assert_int_equal(b->count, 1);
	assert_host(b, 0, "1");
	/* back to the first when its pause is over */
	WAIT_FOR(w->loop, (push_down(w, "2"), all_delivered(w), a->count) == 2);
	assert_host(a, 1, "2");
	assert_true(dr_mono_sub(a->seen[1].at, a->seen[0].at).ns >= (int64_t)(75 * MS));
	assert_int_equal(stats(w, 0).delivered, 1);
	assert_int_equal(stats(w, 1).delivered, b->count);
}

/* Another one heard of it, as the first was away: both are told of the end, who may have heard ahead of all.
 */
static void the_end_goes_to_those_that_heard(void **state)
{
	struct world *w = *state;
	struct inspector *a = &w->inspectors[0], *b = &w->inspectors[1], *c = &w->inspectors[2];

	w->config.inspector_count = 3;
	w->config.all_inspectors = false;
	a->statuses[0] = 503; /* it says that it did not take it */
	start(w);
	push_down(w, "1");
	all_delivered(w);
	assert_host(b, 0, "1");
	WAIT_FOR(w->loop, (push_down(w, "2"), all_delivered(w), a->count) == 2);
	size_t first = a->count, second = b->count;
	push_up(w, "1");
	push_up(w, "2");
	all_delivered(w);
	assert_int_equal(b->count, second + 1 + (second > 1)); /* "2" may have been said to it as well */
	assert_host(b, second, "1");
	assert_int_equal(a->count, first + 1);
	assert_host(a, first, "2");
	assert_int_equal(c->count, 0);
	push_up(w, "1"); /* nobody holds it any more */
	all_delivered(w);
	assert_int_equal(a->count, first + 2);
}

/* The queue is full, and an end that one more is to hear goes for it: the death behind it is told. */
static void an_end_that_finds_no_room_takes_nothing_along(void **state)
{
	struct world *w = *state;
	struct inspector *a = &w->inspectors[0], *b = &w->inspectors[1];

	w->config.inspector_count = 2;
	w->config.all_inspectors = false;
	w->config.queue_max = 2;
	a->statuses[0] = 200;
	a->statuses[1] = 503;
	start(w);
	push_down(w, "x");
	all_delivered(w);
	push_down(w, "x");
	all_delivered(w);
	assert_int_equal(b->count, 1);
	push_up(w, "x");
	WAIT_FOR(w->loop, stats(w, 1).delivered == 2 || a->count > 2); /* the first pauses */
	push_down(w, "y");
	push_down(w, "z");
	all_delivered(w);
	assert_true(was_told(a, "y") || was_told(b, "y"));
	assert_true(was_told(a, "z") || was_told(b, "z"));
}

static void the_end_does_not_wait_for_who_is_away(void **state)
{
	struct world *w = *state;

	w->config.inspector_count = 2;
	w->config.all_inspectors = false;
	make_dead(w, 0); /* and may have heard it for all we know */
	start(w);
	push_down(w, "1");
	all_delivered(w);
	push_up(w, "1");
	all_delivered(w);
	assert_int_equal(w->inspectors[1].count, 2);
	assert_host(&w->inspectors[1], 1, "1");
}

static void all_of_them_away(void **state)
{
	struct world *w = *state;

	w->config.inspector_count = 3;
	w->config.all_inspectors = false;
	make_dead(w, 0);
	w->inspectors[1].statuses[0] = 500;
	w->inspectors[1].statuses[1] = 500;
	make_dead(w, 2);
	start(w);
	push_down(w, "1");
	all_delivered(w);
	assert_int_equal(w->inspectors[1].count, 3);
	assert_true(stats(w, 0).retries >= 2);
	assert_true(stats(w, 2).retries >= 2);
}

static void refused_by_one_taken_by_the_next(void **state)
{
	struct world *w = *state;

	w->config.inspector_count = 2;
	w->config.all_inspectors = false;
	w->inspectors[0].statuses[0] = 400;
	w->inspectors[0].statuses[1] = 400;
	w->inspectors[1].statuses[0] = 200;
	w->inspectors[1].statuses[1] = 422;
	start(w);
	push_down(w, "1");
	all_delivered(w);
	assert_int_equal(stats(w, 1).delivered, 1);
	assert_int_equal(said_count("given up"), 0);
	push_down(w, "2");
	all_delivered(w);
	assert_int_equal(said_count("error: event given up"), 1);
	push_down(w, "3");
	all_delivered(w);
	assert_int_equal(stats(w, 0).delivered, 1);
	assert_host(&w->inspectors[0], 2, "3");
}

static void refused_does_not_wait_for_who_is_away(void **state)
{
	struct world *w = *state;

	w->config.inspector_count = 2;
	w->config.all_inspectors = false;
	make_dead(w, 1);
	w->inspectors[0].statuses[0] = 400;
	start(w);
	push_down(w, "1");
	push_down(w, "2");
	all_delivered(w);
	assert_host(&w->inspectors[0], 1, "2");
	assert_int_equal(said_count("error: event given up"), 1);
}

/* ---------------------------------------------------------------- dialects */

static void congress_gets_the_whole_picture(void **state)
{
	struct world *w = *state;
	struct inspector *i = &w->inspectors[0];

	w->config.inspectors[0].dialect = MON_CONGRESS;
	i->hold = true;
	start(w);
	push_down(w, "a");
	WAIT_FOR(w->loop, i->held);
	push_down(w, "b");
	push_down(w, "c");
	push(w, MON_EVENT_HOST, false, "a");
	push(w, MON_EVENT_DEGRADED, true, "d"); /* no row for it */
	assert_int_equal(mon_report_undelivered(w->report), 4);
	release(i);
	all_delivered(w);
	assert_int_equal(i->count, 2); /* what was queued is in one request */
	assert_string_equal(i->seen[0].method, "PUT");
	assert_host(i, 0, "a");
	assert_host(i, 1, "b");
	assert_host(i, 1, "c");
	assert_null(strstr(i->seen[1].body, "\"a\""));
	assert_int_equal(stats(w, 0).delivered, 4);
	push(w, MON_EVENT_HOST, false, "b");
	push(w, MON_EVENT_HOST, false, "c");
	all_delivered(w);
	assert_string_equal(i->seen[i->count - 1].body, "[]");
}

/* What came while a request was on its way is not taken for delivered with it. */
static void congress_hears_of_what_came_meanwhile(void **state)
{
	struct world *w = *state;
	struct inspector *i = &w->inspectors[0];

	w->config.inspectors[0].dialect = MON_CONGRESS;
	start(w);
	push_down(w, "a");
	all_delivered(w);
	i->hold = true;
	push_down(w, "b");
	WAIT_FOR(w->loop, i->held);
	push_down(w, "c");
	release(i);
	all_delivered(w);
	assert_int_equal(i->count, 3);
	assert_host(i, 2, "c");
}

/* "first": what one picture says of the end of a fault, another one that took the fault hears as well. */
static void an_end_in_the_picture_is_told_to_who_heard(void **state)
{
	struct world *w = *state;
	struct inspector *a = &w->inspectors[0], *b = &w->inspectors[1];

	w->config.inspector_count = 2;
	w->config.all_inspectors = false;
	w->config.inspectors[0].dialect = MON_CONGRESS;
	a->statuses[0] = 503;
	start(w);
	push_down(w, "x");
	all_delivered(w);
	assert_host(b, 0, "x");
	WAIT_FOR(w->loop, (push_down(w, "v"), all_delivered(w), a->count) == 2);
	size_t heard = b->count;
	a->hold = true;
	push_down(w, "w");
	WAIT_FOR(w->loop, a->held);
	push_down(w, "y");
	push_up(w, "x");
	release(a);
	all_delivered(w);
	assert_int_equal(b->count, heard + 1);
	assert_host(b, heard, "x");
}

static void vitrage_gets_one_object(void **state)
{
	struct world *w = *state;
	struct inspector *i = &w->inspectors[0];

	w->config.inspectors[0].dialect = MON_VITRAGE;
	start(w);
	push_down(w, "a");
	push(w, MON_EVENT_BLIND, true, "us");
	push(w, MON_EVENT_HOST, false, "a");
	all_delivered(w);
	assert_int_equal(i->count, 2);
	assert_string_equal(i->seen[0].method, "POST");
	assert_int_equal(i->seen[0].body[0], '{');
	assert_non_null(strstr(i->seen[1].body, "\"type\":\"compute.host.down\""));
	assert_non_null(strstr(i->seen[1].body, "\"status\":\"up\""));
}

/* "first" with a dialect that is not told of everything: the next one hears it. */
static void what_does_not_fit_goes_to_the_next(void **state)
{
	struct world *w = *state;

	w->config.inspector_count = 2;
	w->config.all_inspectors = false;
	w->config.inspectors[0].dialect = MON_VITRAGE;
	start(w);
	push(w, MON_EVENT_NIC, true, "a");
	push_down(w, "b");
	all_delivered(w);
	assert_host(&w->inspectors[1], 0, "a");
	assert_host(&w->inspectors[0], 0, "b");
	assert_int_equal(w->inspectors[0].count + w->inspectors[1].count, 2);
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
	start(w);
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
	start(w);
	push_down(w, "a");
	all_delivered(w);
	write_token(w, "second", 6, 0600);
	push_down(w, "b");
	all_delivered(w);
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
	start(w);
	push_down(w, "a");
	WAIT_FOR(w->loop, stats(w, 0).retries == 2);
	assert_true(stats(w, 0).reachable);
	write_token(w, "new", 3, 0644);
	all_delivered(w);
	assert_string_equal(i->seen[1].bearer, "Bearer old");
	assert_string_equal(i->seen[2].bearer, "Bearer new");
	assert_int_equal(stats(w, 0).refused, 0);
	assert_int_equal(said_count("can be read by everybody"), 1);
	assert_null(strstr(said(), "Bearer"));
}

static void a_token_that_cannot_be_read_is_waited_for(void **state)
{
	struct world *w = *state;

	w->config.inspectors[0].token_file = w->token;
	start(w);
	push_down(w, "a");
	WAIT_FOR(w->loop, stats(w, 0).retries == 3);
	assert_int_equal(said_count("token: No such file or directory"), 1);
	assert_int_equal(w->inspectors[0].count, 0); /* nothing goes without it */
	assert_false(stats(w, 0).reachable);
	write_token(w, "\n", 1, 0600);
	WAIT_FOR(w->loop, said_count("token: is empty") == 1);
	write_token(w, "abc\n", 4, 0600);
	push_down(w, "b");
	all_delivered(w);
	assert_string_equal(w->inspectors[0].seen[0].bearer, "Bearer abc");
	assert_host(&w->inspectors[0], 0, "a");
}

#define TEST(name) cmocka_unit_test_setup_teardown(name, setup, teardown)

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(what_an_answer_means),
		cmocka_unit_test(pauses_double_up_to_a_bound),
		cmocka_unit_test(who_is_asked),
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
		TEST(all_are_told),
		TEST(the_first_that_takes_it),
		TEST(an_end_that_finds_no_room_takes_nothing_along),
		TEST(an_end_in_the_picture_is_told_to_who_heard),
		TEST(the_end_goes_to_those_that_heard),
		TEST(the_end_does_not_wait_for_who_is_away),
		TEST(all_of_them_away),
		TEST(refused_by_one_taken_by_the_next),
		TEST(refused_does_not_wait_for_who_is_away),
		TEST(congress_gets_the_whole_picture),
		TEST(congress_hears_of_what_came_meanwhile),
		TEST(vitrage_gets_one_object),
		TEST(what_does_not_fit_goes_to_the_next),
		TEST(a_token_as_it_stands_in_a_file),
		TEST(the_token_goes_with_each_request),
		TEST(a_refused_token_is_read_again),
		TEST(a_token_that_cannot_be_read_is_waited_for),
	};

	return cmocka_run_group_tests_name("unit: reports", tests, NULL, NULL);
}
