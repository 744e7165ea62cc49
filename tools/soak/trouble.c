/* SPDX-License-Identifier: Apache-2.0 */
/* A cloud that fails: minicloud is told to, in another way each few seconds. */
#include <string.h>

#include "tools/soak/soak.h"

#define PAUSE dr_sec(3)

/* Each is over when so many requests have met it, or when the next one comes. */
static const char *const faults[] = {
	"{\"fault\": \"status\", \"status\": 503, \"count\": 5}",
	"{\"fault\": \"status\", \"status\": 500, \"count\": 3, \"service\": \"compute\"}",
	"{\"fault\": \"status\", \"status\": 500, \"count\": 3, \"service\": \"compute\", \"done\": true}",
	"{\"fault\": \"status\", \"status\": 429, \"retry_after\": 1, \"count\": 3}",
	"{\"fault\": \"status\", \"status\": 409, \"count\": 2, \"method\": \"POST\"}",
	"{\"fault\": \"status\", \"status\": 503, \"count\": 2, \"service\": \"identity\"}",
	"{\"fault\": \"hang\", \"count\": 2}",
	"{\"fault\": \"hang\", \"count\": 1, \"service\": \"compute\", \"method\": \"PUT\"}",
	"{\"fault\": \"reset\", \"count\": 4}",
	"{\"fault\": \"cut\", \"count\": 3}",
	"{\"fault\": \"garbage\", \"count\": 2}",
	"{\"fault\": \"truncate\", \"count\": 2}",
	"{\"fault\": \"delay\", \"delay_ms\": 800, \"count\": 10}",
	"{\"fault\": \"expire\", \"count\": 1}",
};

static bool taken(const struct dr_http_response *r)
{
	if (r->error != -ECANCELED && (r->error || r->status >= 300))
		fprintf(stderr, "minicloud does not take a fault: status %u %s\n", r->status, r->reason);
	return !r->error && r->status < 300;
}

static int ask(struct soak *s, const char *method, const char *body, dr_http_done_fn fn)
{
	char url[64];
	struct dr_http_request req = {
		.method = method, .url = url, .body = body, .body_len = body ? strlen(body) : 0
	};

	snprintf(url, sizeof(url), "http://127.0.0.1:%u/minicloud/faults", s->cloud_port);
	return dr_http_send(s->cb.http, &req, fn, s);
}

static void on_begun(const struct dr_http_response *r, void *userdata)
{
	struct soak *s = userdata;

	s->troubles += taken(r);
}

static void on_over(const struct dr_http_response *r, void *userdata)
{
	struct soak *s = userdata;
	size_t n = (size_t)(soak_chance(s) * DR_ARRAY_SIZE(faults)) % DR_ARRAY_SIZE(faults);

	if (taken(r) && s->trouble_timer)
		s->error = ask(s, "POST", faults[n], on_begun);
}

static int on_time(struct dr_source *source, void *userdata)
{
	struct soak *s = userdata;

	s->error = ask(s, "DELETE", NULL, on_over);
	return s->error ? 0 : dr_timer_arm(source, PAUSE);
}

int soak_trouble_start(struct soak *s)
{
	int r = dr_loop_add_timer(s->cb.loop, on_time, s, &s->trouble_timer);

	return r ? r : dr_timer_arm(s->trouble_timer, PAUSE);
}

int soak_trouble_stop(struct soak *s, char **ret_error)
{
	char url[64];
	struct dr_http_request req = { .method = "DELETE", .url = url };
	struct dr_http_response response = { 0 };
	int r;

	dr_source_free(s->trouble_timer);
	s->trouble_timer = NULL;
	snprintf(url, sizeof(url), "http://127.0.0.1:%u/minicloud/faults", s->cloud_port);
	r = dr_http_call(s->cb.http, &req, &response);
	if (r == 0 && (response.error || response.status >= 300)) {
		*ret_error = dr_asprintf("minicloud does not end its faults: status %u %s", response.status,
					 response.reason);
		r = -EIO;
	}
	dr_http_response_done(&response);
	return r;
}
