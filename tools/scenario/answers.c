/* SPDX-License-Identifier: Apache-2.0 */
#include "tools/scenario/answers.h"

#include <string.h>

#include "doctor/buf.h"
#include "doctor/http_client.h"

#define NAME "\ndoctor_consumer_alarm_answer_seconds"
#define LIMIT dr_sec(2)

/* The number after a series' name. */
static int read_value(const char *text, const char *name, double *ret)
{
	const char *at = strstr(text, name);
	char *end;

	if (!at)
		return -EBADMSG;
	at += strlen(name);
	*ret = strtod(at, &end);
	return end == at ? -EBADMSG : 0;
}

int sc_answers_parse(const char *metrics, struct sc_answers *ret)
{
	double count, quick, sum;

	if (read_value(metrics, NAME "_count ", &count) < 0 || read_value(metrics, NAME "_sum ", &sum) < 0 ||
	    read_value(metrics, NAME "_bucket{le=\"0.01\"} ", &quick) < 0 || count < 0 || quick < 0)
		return -EBADMSG;
	*ret = (struct sc_answers){ .alarms = (uint64_t)count,
				    .in_10_ms = (uint64_t)quick,
				    .mean_ms = count > 0 ? 1e3 * sum / count : 0 };
	return 0;
}

static int ask(struct dr_http_client *http, const char *url, struct sc_answers *ret)
{
	const struct dr_http_request req = { .method = "GET", .url = url, .timeout = LIMIT };
	DR_AUTO(dr_http_response_done) struct dr_http_response response = { 0 };
	int r = dr_http_call(http, &req, &response);

	if (r == 0 && (response.error || response.status != 200))
		r = response.error ? response.error : -EREMOTEIO;
	return r ? r : sc_answers_parse(dr_buf_str(&response.body), ret);
}

int sc_answers_get(const char *address, struct sc_answers *ret)
{
	DR_AUTO(dr_loop_freep) struct dr_loop *loop = NULL;
	DR_AUTO(dr_http_client_freep) struct dr_http_client *http = NULL;
	DR_AUTO_FREE char *url = dr_asprintf("http://%s/metrics", address);
	int r = url ? dr_loop_new(&loop) : -ENOMEM;

	if (r == 0)
		r = dr_http_client_new(loop, NULL, &http);
	return r ? r : ask(http, url, ret);
}

struct dr_json *sc_answers_json(const struct sc_answers *a)
{
	struct dr_json *o;

	if (!a->alarms)
		return dr_json_null();
	o = dr_json_object();
	dr_json_add_int(o, "alarms", (int64_t)a->alarms);
	dr_json_add_int(o, "in_10_ms", (int64_t)a->in_10_ms);
	dr_json_add(o, "mean_ms", dr_json_number(a->mean_ms));
	return o;
}
