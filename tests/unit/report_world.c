/* SPDX-License-Identifier: Apache-2.0 */
#include "tests/unit/report_world.h"

#include "tests/unit/http_fixture.h"
#include "tests/unit/said.h"

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

void report_release(struct inspector *i)
{
	struct dr_http_exchange *x = i->held;

	i->held = NULL;
	i->hold = false;
	dr_http_reply(x, 200, NULL, NULL, 0);
}

int report_setup(void **state)
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

int report_teardown(void **state)
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

void report_start(struct world *w)
{
	DR_AUTO_FREE char *error = NULL;

	if (mon_report_new(w->loop, &w->config, &w->report, &error))
		fail_msg("%s", error);
}

void report_push(struct world *w, enum mon_event_type type, bool on, const char *host)
{
	struct mon_event e = { .type = type, .on = on, .when = { 1795356201710436000 } };

	strcpy(e.host, host);
	e.reason = DR_REASON_SILENCE;
	mon_report_push(w->report, &e);
}

void report_push_down(struct world *w, const char *host)
{
	report_push(w, MON_EVENT_HOST, true, host);
}

void report_push_up(struct world *w, const char *host)
{
	report_push(w, MON_EVENT_HOST, false, host);
}

void report_all_delivered(struct world *w)
{
	WAIT_FOR(w->loop, mon_report_undelivered(w->report) == 0);
}

struct mon_report_stats report_stats(struct world *w, size_t i)
{
	struct mon_report_stats s[MON_INSPECTORS_MAX];

	assert_true(i < mon_report_stats(w->report, s));
	assert_string_equal(s[i].url, w->config.inspectors[i].url);
	return s[i];
}

static bool is_of(const struct inspector *i, size_t n, const char *host)
{
	char text[300];

	snprintf(text, sizeof(text), "\"hostname\":\"%s\"", host);
	return strstr(i->seen[n].body, text);
}

void report_assert_host(struct inspector *i, size_t n, const char *host)
{
	assert_true(n < i->count);
	if (!is_of(i, n, host))
		fail_msg("event %zu is not of %s: %s", n, host, i->seen[n].body);
}

bool report_was_told(const struct inspector *i, const char *host)
{
	for (size_t n = 0; n < i->count; n++) {
		if (is_of(i, n, host))
			return true;
	}
	return false;
}

/* A port where nobody listens. */
void report_make_dead(struct world *w, size_t i)
{
	uint16_t port;

	close(raw_listen(&port));
	snprintf(w->urls[i], sizeof(w->urls[i]), "http://127.0.0.1:%u/events", port);
}
