/* SPDX-License-Identifier: Apache-2.0 */
#include "tests/fuzz/client.h"

struct fuzz_call *fuzz_calls;
size_t fuzz_sent;
void (*fuzz_on_send)(const struct dr_http_request *req);

static bool closing;

static char *copy(const char *text)
{
	char *p = strdup(text);

	FUZZ_CHECK(p);
	return p;
}

int dr_http_send(struct dr_http_client *c, const struct dr_http_request *req, dr_http_done_fn fn,
		 void *userdata)
{
	struct fuzz_call *call, **end = &fuzz_calls;

	FUZZ_CHECK(c && fn && req->timeout.ns > 0);
	if (closing)
		return -ECANCELED;
	FUZZ_CHECK(!req->body == !req->body_len);
	FUZZ_CHECK(!req->body || strlen(req->body) == req->body_len);
	call = calloc(1, sizeof(*call));
	FUZZ_CHECK(call);
	*call = (struct fuzz_call){ .method = copy(req->method),
				    .url = copy(req->url),
				    .body = req->body ? copy(req->body) : NULL,
				    .fn = fn,
				    .userdata = userdata };
	while (*end)
		end = &(*end)->next;
	*end = call;
	fuzz_sent++;
	if (fuzz_on_send)
		fuzz_on_send(req);
	return 0;
}

void fuzz_answer(int error, unsigned status, const void *body, size_t len)
{
	struct dr_http_response r = { .error = error, .status = status };
	struct fuzz_call *call = fuzz_calls;

	if (!call)
		return;
	fuzz_calls = call->next;
	if (error)
		snprintf(r.reason, sizeof(r.reason), "%s", strerror(-error));
	dr_buf_append(&r.body, body, len);
	call->fn(&r, call->userdata);
	dr_buf_done(&r.body);
	free(call->method);
	free(call->url);
	free(call->body);
	free(call);
}

int dr_http_client_new(struct dr_loop *l, const struct dr_http_client_opts *opts, struct dr_http_client **ret)
{
	*ret = malloc(1);
	return *ret ? 0 : -ENOMEM;
}

void dr_http_client_free(struct dr_http_client *c)
{
	if (!c)
		return;
	closing = true;
	while (fuzz_calls)
		fuzz_answer(-ECANCELED, 0, "", 0);
	closing = false;
	free(c);
}
