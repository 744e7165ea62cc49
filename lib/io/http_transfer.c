/* SPDX-License-Identifier: Apache-2.0 */
#include "lib/io/http_transfer.h"

#include <ctype.h>
#include <string.h>

#define BODY_MAX (16UL << 20)
#define HEADERS_MAX (1UL << 20)
#define IDLE_AGE_SECONDS 600L

/* ---------------------------------------------------------------- responses */

void dr_http_response_done(struct dr_http_response *r)
{
	dr_buf_done(&r->body);
	dr_buf_done(&r->headers);
	*r = (struct dr_http_response){ 0 };
}

char *dr_http_response_header(const struct dr_http_response *r, const char *name, char *buf, size_t size)
{
	size_t name_len = strlen(name);
	const char *line = dr_buf_str(&r->headers);

	for (; *line; line += strcspn(line, "\n"), line += *line == '\n') {
		if (strncasecmp(line, name, name_len) != 0 || line[name_len] != ':')
			continue;
		const char *value = line + name_len + 1;

		value += strspn(value, " \t");
		size_t len = strcspn(value, "\r\n");

		while (len > 0 && isblank((unsigned char)value[len - 1]))
			len--;
		if (len >= size)
			return NULL;
		memcpy(buf, value, len);
		buf[len] = '\0';
		return buf;
	}
	return NULL;
}

/* ---------------------------------------------------------------- what curl gives */

/* What curl's refusals are in errno's terms; os_errno is that of the socket call that failed, 0 if none. */
static int error_of_curl(CURLcode code, long os_errno)
{
	switch (code) {
	case CURLE_OK:
		return 0;
	case CURLE_OPERATION_TIMEDOUT:
		return -ETIMEDOUT;
	case CURLE_COULDNT_CONNECT:
		return os_errno ? -(int)os_errno : -ECONNREFUSED;
	case CURLE_COULDNT_RESOLVE_HOST:
	case CURLE_COULDNT_RESOLVE_PROXY:
		return -EHOSTUNREACH;
	case CURLE_GOT_NOTHING:
		return -ECONNRESET;
	case CURLE_SEND_ERROR:
	case CURLE_RECV_ERROR:
		return os_errno ? -(int)os_errno : -EPROTO;
	case CURLE_OUT_OF_MEMORY:
		return -ENOMEM;
	case CURLE_PARTIAL_FILE:
	case CURLE_WEIRD_SERVER_REPLY:
	case CURLE_UNSUPPORTED_PROTOCOL:
	case CURLE_BAD_CONTENT_ENCODING:
	case CURLE_SSL_CONNECT_ERROR:
	case CURLE_PEER_FAILED_VERIFICATION:
		return -EPROTO;
	default:
		return -EIO;
	}
}

static bool headers_ended(const struct dr_buf *headers)
{
	const char *end = dr_buf_str(headers) + headers->len;

	return (headers->len > 2 && memcmp(end - 2, "\n\n", 2) == 0) ||
	       (headers->len > 4 && memcmp(end - 4, "\r\n\r\n", 4) == 0);
}

int dr_http_transfer_error(const struct dr_http_transfer *c, CURLcode code, const char **ret_reason)
{
	const struct dr_http_response *r = &c->response;
	long os_errno = 0;

	if (r->body.error == -EMSGSIZE || r->headers.error == -EMSGSIZE) {
		*ret_reason = "the answer is too large";
		return -EMSGSIZE;
	}
	if (r->body.error || r->headers.error) {
		*ret_reason = "out of memory";
		return -ENOMEM;
	}
	/* to curl 7.88 a connection that ends within the headers is an answer without a body */
	if (code == CURLE_OK && !headers_ended(&r->headers)) {
		*ret_reason = "the answer ends within its headers";
		return -EPROTO;
	}
	curl_easy_getinfo(c->easy, CURLINFO_OS_ERRNO, &os_errno);
	*ret_reason = c->curl_error[0] ? c->curl_error : curl_easy_strerror(code);
	return error_of_curl(code, os_errno);
}

static size_t on_body(char *data, size_t size, size_t n, void *userdata)
{
	struct dr_http_transfer *c = userdata;

	dr_buf_append(&c->response.body, data, size * n);
	return c->response.body.error ? 0 : size * n;
}

static size_t on_header(char *data, size_t size, size_t n, void *userdata)
{
	struct dr_http_transfer *c = userdata;
	struct dr_buf *headers = &c->response.headers;

	/* an interim answer (1xx) is followed by the final one */
	if (size * n > 5 && memcmp(data, "HTTP/", 5) == 0)
		dr_buf_clear(headers);
	dr_buf_append(headers, data, size * n);
	return headers->error ? 0 : size * n;
}

/* ---------------------------------------------------------------- what curl gets */

static bool is_token(const char *text)
{
	const char *c = text;

	while (isalnum((unsigned char)*c) || (*c && strchr("!#$%&'*+-.^_`|~", *c)))
		c++;
	return c > text && *c == '\0';
}

/* curl would look at the URL only when the transfer starts; the caller hears of it at once. */
static int check_url(const char *url)
{
	CURLU *u = curl_url();
	char *scheme = NULL;
	int r = -EINVAL;

	if (!u)
		return -ENOMEM;
	if (!curl_url_set(u, CURLUPART_URL, url, 0) && !curl_url_get(u, CURLUPART_SCHEME, &scheme, 0) &&
	    (strcmp(scheme, "http") == 0 || strcmp(scheme, "https") == 0))
		r = 0;
	curl_free(scheme);
	curl_url_cleanup(u);
	return r;
}

static int add_line(struct dr_http_transfer *c, const char *line)
{
	struct curl_slist *headers = line ? curl_slist_append(c->headers, line) : NULL;

	if (!headers)
		return -ENOMEM;
	c->headers = headers;
	return 0;
}

static int add_header(struct dr_http_transfer *c, const char *name, const char *value)
{
	if (!is_token(name) || !value || strpbrk(value, "\r\n"))
		return -EINVAL;
	/* to curl "Name:" is the wish to leave it out and "Name;" an empty value */
	DR_AUTO_FREE char *line = *value ? dr_asprintf("%s: %s", name, value) : dr_asprintf("%s;", name);

	return add_line(c, line);
}

static int add_headers(struct dr_http_transfer *c, const struct dr_http_request *req)
{
	int r;

	for (size_t i = 0; i < DR_HTTP_HEADERS_MAX && req->headers[i].name; i++) {
		r = add_header(c, req->headers[i].name, req->headers[i].value);
		if (r < 0)
			return r;
	}
	if (req->body)
		r = add_header(c, "Content-Type", req->content_type ? req->content_type : "application/json");
	else
		r = add_line(c, "Content-Type:");
	if (r < 0)
		return r;
	return add_line(c, "Expect:"); /* waiting for a 100 would cost a round trip */
}

/* Results of curl_easy_setopt() are gathered: memory is all that can be missing, the options are known. */
static int set_method(struct dr_http_transfer *c, const struct dr_http_request *req)
{
	CURL *e = c->easy;
	int bad = curl_easy_setopt(e, CURLOPT_CUSTOMREQUEST, req->method);

	if (!req->body && strcmp(req->method, "HEAD") == 0)
		return bad | curl_easy_setopt(e, CURLOPT_NOBODY, 1L) ? -ENOMEM : 0;
	/* methods that carry a body say so also when it is empty: Content-Length: 0 */
	if (!req->body && strcmp(req->method, "POST") != 0 && strcmp(req->method, "PUT") != 0 &&
	    strcmp(req->method, "PATCH") != 0)
		return bad ? -ENOMEM : 0;
	size_t len = req->body ? req->body_len : 0;

	c->body = malloc(len + 1);
	if (!c->body)
		return -ENOMEM;
	if (len > 0)
		memcpy(c->body, req->body, len);
	c->body[len] = '\0';
	bad |= curl_easy_setopt(e, CURLOPT_POST, 1L);
	bad |= curl_easy_setopt(e, CURLOPT_POSTFIELDSIZE_LARGE, (curl_off_t)len);
	bad |= curl_easy_setopt(e, CURLOPT_POSTFIELDS, c->body);
	return bad ? -ENOMEM : 0;
}

static int set_tls(CURL *e, const struct dr_http_settings *settings)
{
	int bad = 0;

	if (settings->ca_file) {
		bad |= curl_easy_setopt(e, CURLOPT_CAINFO, settings->ca_file);
		/* else the system's directory is trusted beside it */
		bad |= curl_easy_setopt(e, CURLOPT_CAPATH, NULL);
		/* one that is replaced is believed from the next connection on, not a day later */
		bad |= curl_easy_setopt(e, CURLOPT_CA_CACHE_TIMEOUT, 0L);
	}
	if (settings->cert_file) {
		bad |= curl_easy_setopt(e, CURLOPT_SSLCERT, settings->cert_file);
		/* a passphrase would be asked for at the terminal, with the whole loop waiting */
		bad |= curl_easy_setopt(e, CURLOPT_KEYPASSWD, "");
		if (settings->key_file)
			bad |= curl_easy_setopt(e, CURLOPT_SSLKEY, settings->key_file);
	}
	if (settings->insecure) {
		bad |= curl_easy_setopt(e, CURLOPT_SSL_VERIFYPEER, 0L);
		bad |= curl_easy_setopt(e, CURLOPT_SSL_VERIFYHOST, 0L);
	}
	return bad;
}

static int set_options(struct dr_http_transfer *c, const struct dr_http_settings *settings,
		       const struct dr_http_request *req)
{
	struct dr_dur connect = req->connect_timeout.ns > 0 ? req->connect_timeout : dr_sec(3);
	CURL *e = c->easy;
	int bad = 0;

	bad |= curl_easy_setopt(e, CURLOPT_PRIVATE, c);
	bad |= curl_easy_setopt(e, CURLOPT_URL, req->url);
	bad |= curl_easy_setopt(e, CURLOPT_HTTPHEADER, c->headers);
	if (req->user) {
		bad |= curl_easy_setopt(e, CURLOPT_USERNAME, req->user);
		bad |= curl_easy_setopt(e, CURLOPT_PASSWORD, req->password ? req->password : "");
	}
	bad |= curl_easy_setopt(e, CURLOPT_USERAGENT, settings->user_agent);
	bad |= curl_easy_setopt(e, CURLOPT_NOPROXY, settings->no_proxy);
	bad |= curl_easy_setopt(e, CURLOPT_HTTP_VERSION, (long)CURL_HTTP_VERSION_1_1);
	bad |= curl_easy_setopt(e, CURLOPT_NOSIGNAL, 1L);
	/* else the end of a call waits for the thread that resolves its name, and the whole loop with it */
	bad |= curl_easy_setopt(e, CURLOPT_QUICK_EXIT, 1L);
	bad |= curl_easy_setopt(e, CURLOPT_TCP_NODELAY, 1L);
	bad |= curl_easy_setopt(e, CURLOPT_TCP_KEEPALIVE, 1L);
	bad |= curl_easy_setopt(e, CURLOPT_MAXAGE_CONN, IDLE_AGE_SECONDS);
	bad |= curl_easy_setopt(e, CURLOPT_CONNECTTIMEOUT_MS,
				(long)((connect.ns + DR_NSEC_PER_MSEC - 1) / DR_NSEC_PER_MSEC));
	bad |= curl_easy_setopt(e, CURLOPT_ERRORBUFFER, c->curl_error);
	bad |= curl_easy_setopt(e, CURLOPT_WRITEFUNCTION, on_body);
	bad |= curl_easy_setopt(e, CURLOPT_WRITEDATA, c);
	bad |= curl_easy_setopt(e, CURLOPT_HEADERFUNCTION, on_header);
	bad |= curl_easy_setopt(e, CURLOPT_HEADERDATA, c);
	if (settings->unix_socket)
		bad |= curl_easy_setopt(e, CURLOPT_UNIX_SOCKET_PATH, settings->unix_socket);
	return bad | set_tls(e, settings) ? -ENOMEM : 0;
}

void dr_http_transfer_free(struct dr_http_transfer *c)
{
	if (!c)
		return;
	if (c->easy)
		curl_easy_cleanup(c->easy);
	curl_slist_free_all(c->headers);
	dr_source_free(c->deadline);
	dr_http_response_done(&c->response);
	free(c->body);
	free(c);
}

int dr_http_transfer_new(const struct dr_http_settings *settings, const struct dr_http_request *req,
			 struct dr_http_transfer **ret)
{
	DR_AUTO(dr_http_transfer_freep) struct dr_http_transfer *c = NULL;
	int r;

	if (!req->method || !is_token(req->method) || !req->url)
		return -EINVAL;
	r = check_url(req->url);
	if (r < 0)
		return r;
	c = calloc(1, sizeof(*c));
	if (!c)
		return -ENOMEM;
	c->response.body.limit = settings->answer_max ? settings->answer_max : BODY_MAX;
	c->response.headers.limit = HEADERS_MAX;
	c->timeout = req->timeout.ns > 0 ? req->timeout : dr_sec(10);
	c->start = dr_mono_now();
	c->easy = curl_easy_init();
	if (!c->easy)
		return -ENOMEM;
	r = add_headers(c, req);
	if (r < 0)
		return r;
	r = set_options(c, settings, req);
	if (r < 0)
		return r;
	r = set_method(c, req);
	if (r < 0)
		return r;
	*ret = DR_TAKE_PTR(c);
	return 0;
}
