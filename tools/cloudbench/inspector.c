/* SPDX-License-Identifier: Apache-2.0 */
#include "tools/cloudbench/inspector.h"

#include <arpa/inet.h>
#include <fcntl.h>
#include <inttypes.h>
#include <string.h>
#include <sys/socket.h>
#include <sys/stat.h>

#define READY_LIMIT dr_sec(60)
#define STOP_LIMIT dr_sec(20)
#define LOOK dr_msec(20)
#define ANSWER_LIMIT dr_sec(30)

int cb_free_port(void)
{
	struct sockaddr_in addr = { .sin_family = AF_INET, .sin_addr.s_addr = htonl(INADDR_LOOPBACK) };
	DR_AUTO_CLOSE int fd = socket(AF_INET, SOCK_STREAM | SOCK_CLOEXEC, 0);
	socklen_t len = sizeof(addr);

	if (fd < 0 || bind(fd, (struct sockaddr *)&addr, sizeof(addr)) < 0 ||
	    getsockname(fd, (struct sockaddr *)&addr, &len) < 0)
		return dr_errno();
	return ntohs(addr.sin_port);
}

/* ---------------------------------------------------------------- start and stop */

static int write_config(const struct cb_inspector *i, const char *path, const char *settings)
{
	DR_AUTO_FCLOSE FILE *f = fopen(path, "we");

	if (!f ||
	    fprintf(f, "listen: 127.0.0.1:%u\ncloud: admin\njournal: %s\n%s", i->port, i->journal, settings) <
		    0 ||
	    fflush(f))
		return dr_errno();
	return 0;
}

static int start(struct cb_inspector *i, const char *name, const char *settings, char **ret_error)
{
	char binary[600], config[128];
	const char *const argv[] = { binary, "--config", config, NULL };
	const struct sc_child_opts child = { .name = name, .dir = i->b->dir, .argv = argv };
	int r = cb_free_port();

	if (r < 0)
		return r;
	i->port = (unsigned)r;
	snprintf(binary, sizeof(binary), "%s/doctor-inspector", i->b->bin);
	snprintf(config, sizeof(config), "%s/%s.yaml", i->b->dir, name);
	snprintf(i->journal, sizeof(i->journal), "%s/%s.db", i->b->dir, name);
	r = write_config(i, config, settings);
	if (r == 0)
		r = sc_child_start(&child, &i->child, ret_error);
	if (r == 0)
		r = sc_child_wait_ready(i->child, READY_LIMIT, NULL);
	return r;
}

int cb_inspector_start(struct cb *b, const char *name, const char *settings, struct cb_inspector *ret,
		       char **ret_error)
{
	struct cb_inspector i = { .b = b };
	DR_AUTO_BUF struct dr_buf tail = { 0 };
	int r = start(&i, name, settings, ret_error);

	if (r == 0) {
		*ret = i;
		return 0;
	}
	if (i.child)
		sc_child_tail(i.child, 5, "  ", &tail);
	if (!*ret_error)
		*ret_error = dr_asprintf("doctor-inspector does not get ready: %s\n%s",
					 r < 0 ? strerror(-r) : "it has ended", dr_buf_str(&tail));
	cb_inspector_done(&i);
	return r < 0 ? r : -EIO;
}

int cb_inspector_stop(struct cb_inspector *i, char **ret_error)
{
	bool ran = sc_child_running(i->child);
	int status = sc_child_stop(i->child, STOP_LIMIT);

	if (!ran || status)
		*ret_error = dr_asprintf("doctor-inspector ended%s with status %d", ran ? "" : " by itself",
					 status);
	return !ran || status ? -EIO : 0;
}

void cb_inspector_done(struct cb_inspector *i)
{
	sc_child_free(i->child);
	dr_buf_done(&i->log);
	*i = (struct cb_inspector){ 0 };
}

void cb_inspector_read_log(struct cb_inspector *i)
{
	const char *line;

	while ((line = sc_child_line(i->child)))
		dr_buf_printf(&i->log, "%s\n", line);
}

uint64_t cb_inspector_journal_size(const struct cb_inspector *i)
{
	char wal[160];
	struct stat st;
	uint64_t size = 0;

	snprintf(wal, sizeof(wal), "%s-wal", i->journal);
	if (stat(i->journal, &st) == 0)
		size += (uint64_t)st.st_size;
	if (stat(wal, &st) == 0)
		size += (uint64_t)st.st_size;
	return size;
}

/* ---------------------------------------------------------------- events */

void cb_event(struct dr_buf *body, const char *type, const char *host, bool up, const char *monitor,
	      uint64_t number)
{
	char now[DR_TIME_STR_MAX];

	dr_buf_printf(body,
		      "{\"time\":\"%s\",\"type\":\"%s\",\"details\":{\"hostname\":\"%s\",\"status\":\"%s\","
		      "\"monitor\":\"%s\",\"monitor_event_id\":\"%" PRIu64 "\"}}",
		      dr_wall_format(dr_wall_now(), now), type, host, up ? "up" : "down", monitor, number);
}

static void on_answer(const struct dr_http_response *r, void *userdata)
{
	if (r->error != -ECANCELED && (r->error || r->status != 200))
		fprintf(stderr, "an event was not taken: status %u %s\n", r->status, r->reason);
}

int cb_inspector_put(struct cb_inspector *i, const struct dr_buf *body, struct dr_wall *ret_sent)
{
	char url[64];
	struct dr_http_request req = { .method = "PUT",
				       .url = url,
				       .body = body->data,
				       .body_len = body->len,
				       .timeout = ANSWER_LIMIT };

	if (body->error)
		return body->error;
	snprintf(url, sizeof(url), "http://127.0.0.1:%u/events", i->port);
	*ret_sent = dr_wall_now();
	return dr_http_send(i->b->http, &req, on_answer, NULL);
}

int cb_inspector_report(struct cb_inspector *i, const char *host, bool up, struct dr_wall *ret_sent)
{
	DR_AUTO_BUF struct dr_buf body = { 0 };

	dr_buf_puts(&body, "[");
	cb_event(&body, "compute.host.down", host, up, "doctor-cloud-bench", ++i->events);
	dr_buf_puts(&body, "]");
	return cb_inspector_put(i, &body, ret_sent);
}

/* ---------------------------------------------------------------- questions */

int cb_inspector_get(struct cb_inspector *i, const char *path, struct dr_json **ret, char **ret_error)
{
	DR_AUTO_FREE char *url = dr_asprintf("http://127.0.0.1:%u%s", i->port, path);
	struct dr_http_request req = { .method = "GET", .url = url, .timeout = ANSWER_LIMIT };
	struct dr_http_response response = { 0 };
	int r = url ? dr_http_call(i->b->http, &req, &response) : -ENOMEM;

	if (r < 0)
		return r;
	if (response.error || response.status != 200) {
		*ret_error = dr_asprintf("GET %s: %s (status %u)", path, response.reason, response.status);
		r = response.error == -ECANCELED ? -ECANCELED : -EIO;
	} else {
		r = dr_json_parse(dr_buf_str(&response.body), response.body.len, ret, NULL);
	}
	dr_http_response_done(&response);
	return r;
}

static bool among(const char *words, const char *word)
{
	size_t len = strlen(word);

	for (const char *at = words; (at = strstr(at, word)); at += len) {
		if ((at == words || at[-1] == ' ') && (at[len] == ' ' || !at[len]))
			return true;
	}
	return false;
}

/* The newest incident of the answer, as an own tree; NULL: there is none. */
static struct dr_json *newest(const struct dr_json *body)
{
	const struct dr_json *list = dr_json_get(body, "incidents");
	size_t n = dr_json_size(list);

	return n ? dr_json_copy(dr_json_at(list, n - 1)) : NULL;
}

int cb_inspector_await(struct cb_inspector *i, const char *host, const char *states, struct dr_dur limit,
		       struct dr_json **ret, char **ret_error)
{
	struct dr_mono end = dr_mono_add(dr_mono_now(), limit);
	DR_AUTO_FREE char *path = dr_asprintf("/v1/incidents?host=%s", host);
	const char *state = NULL;
	int r;

	if (!path)
		return -ENOMEM;
	for (;;) {
		DR_AUTO_JSON struct dr_json *body = NULL, *incident = NULL;

		r = cb_inspector_get(i, path, &body, ret_error);
		if (r < 0)
			return r;
		incident = newest(body);
		state = dr_json_get_str(incident, "state");
		if (state && among(states, state)) {
			*ret = DR_TAKE_PTR(incident);
			return 0;
		}
		if (dr_mono_sub(end, dr_mono_now()).ns <= 0) {
			*ret_error = dr_asprintf("incident of %s is %s, not %s, after %.0f s", host,
						 state ? state : "not there", states, dr_dur_seconds(limit));
			return 1;
		}
		r = cb_idle(i->b, LOOK);
		if (r < 0)
			return r;
	}
}

bool cb_time(const struct dr_json *o, const char *key, struct dr_wall *ret)
{
	const char *text = dr_json_get_str(o, key);

	return text && dr_wall_parse(text, ret, NULL) == 0;
}
