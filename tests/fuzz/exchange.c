/* SPDX-License-Identifier: Apache-2.0 */
#include <stdarg.h>

#include "tests/fuzz/exchange.h"

/* ---------------------------------------------------------------- requests */

static void read_query(struct dr_http_exchange *x, char *text)
{
	for (char *pair; (pair = strsep(&text, "&")) && x->query_count < FUZZ_QUERY_MAX;) {
		char *value = strchrnul(pair, '=');

		if (*value)
			*value++ = '\0';
		x->names[x->query_count] = pair;
		x->values[x->query_count++] = value;
	}
}

struct dr_http_exchange *fuzz_exchange(const uint8_t *data, size_t size, struct dr_http_exchange **all)
{
	struct dr_http_exchange *x = calloc(1, sizeof(*x));
	size_t len;
	const uint8_t *first;
	char cut, *query;

	FUZZ_CHECK(x);
	first = fuzz_cut(&data, &size, " ", &len, &cut);
	x->method = fuzz_text(first, len);
	first = fuzz_cut(&data, &size, "\n", &len, &cut);
	x->path = fuzz_text(first, len);
	query = strchrnul(x->path, '?');
	if (*query) {
		*query++ = '\0';
		read_query(x, query);
	}
	x->body = calloc(1, size + 1);
	FUZZ_CHECK(x->body);
	if (size)
		memcpy(x->body, data, size);
	x->len = size;
	x->next = *all;
	*all = x;
	return x;
}

void fuzz_exchanges_done(struct dr_http_exchange **all)
{
	struct dr_http_exchange *next;

	for (struct dr_http_exchange *x = *all; x; x = next) {
		FUZZ_CHECK(x->replies == 1);
		next = x->next;
		dr_json_free(x->reply);
		free(x->method);
		free(x->path);
		free(x->body);
		free(x);
	}
	*all = NULL;
}

int64_t fuzz_number(const struct dr_json *o, const char *key)
{
	int64_t n = -1;

	return dr_json_get_i64(o, key, &n) ? -1 : n;
}

void fuzz_exchange_check(const struct dr_http_exchange *x)
{
	const struct dr_json *error = dr_json_get(x->reply, "error");

	FUZZ_CHECK(x->status >= 200 && x->status < 600);
	FUZZ_CHECK((x->status >= 400) == dr_json_is_object(error));
	FUZZ_CHECK(!error || (fuzz_number(error, "code") == x->status && dr_json_get_str(error, "message")));
}

/* ---------------------------------------------------------------- the server */

const char *dr_http_method(const struct dr_http_exchange *x)
{
	return x->method;
}

const char *dr_http_path(const struct dr_http_exchange *x)
{
	return x->path;
}

const char *dr_http_query(const struct dr_http_exchange *x, const char *name)
{
	for (size_t i = 0; i < x->query_count; i++)
		if (!strcmp(x->names[i], name))
			return x->values[i];
	return NULL;
}

const char *dr_http_query_name(const struct dr_http_exchange *x, size_t i)
{
	return i < x->query_count ? x->names[i] : NULL;
}

const char *dr_http_header(const struct dr_http_exchange *x, const char *name)
{
	return NULL;
}

const char *dr_http_body(const struct dr_http_exchange *x, size_t *ret_len)
{
	*ret_len = x->len;
	return x->body;
}

const char *dr_http_peer(const struct dr_http_exchange *x)
{
	return "192.0.2.1";
}

const struct dr_http_identity *dr_http_identity(const struct dr_http_exchange *x)
{
	static const struct dr_http_identity nobody = { .state = DR_HTTP_CERTIFICATE_NONE };

	return &nobody;
}

void dr_http_set_user(struct dr_http_exchange *x, const char *name)
{
	snprintf(x->user, sizeof(x->user), "%s", name);
}

const char *dr_http_user(const struct dr_http_exchange *x)
{
	return x->user[0] ? x->user : dr_http_peer(x);
}

void dr_http_set_header(struct dr_http_exchange *x, const char *name, const char *value)
{
	FUZZ_CHECK(!x->replies && *name && *value && !fuzz_has_control(value));
}

void dr_http_defer(struct dr_http_exchange *x)
{
	FUZZ_CHECK(!x->deferred && !x->replies);
	x->deferred = true;
}

void dr_http_reply(struct dr_http_exchange *x, unsigned status, const char *content_type, const void *body,
		   size_t len)
{
	FUZZ_CHECK(!x->replies++);
	FUZZ_CHECK(body && len && content_type);
	x->status = status;
}

void dr_http_reply_json(struct dr_http_exchange *x, unsigned status, struct dr_json *body)
{
	DR_AUTO_FREE char *text = dr_json_print(body);

	FUZZ_CHECK(text && !x->replies++);
	x->status = status;
	x->reply = body;
}

void dr_http_reply_buf(struct dr_http_exchange *x, unsigned status, const char *content_type,
		       struct dr_buf *body)
{
	FUZZ_CHECK(!x->replies++);
	FUZZ_CHECK(!body->error && content_type);
	x->status = status;
	dr_buf_clear(body);
}

void dr_http_reply_error(struct dr_http_exchange *x, unsigned status, const char *fmt, ...)
{
	struct dr_json *body = dr_json_object(), *error = dr_json_add_object(body, "error");
	DR_AUTO_FREE char *text = NULL;
	va_list ap;

	va_start(ap, fmt);
	FUZZ_CHECK(vasprintf(&text, fmt, ap) >= 0);
	va_end(ap);
	dr_json_add_int(error, "code", status);
	dr_json_add_str(error, "message", text);
	dr_http_reply_json(x, status, body);
}
