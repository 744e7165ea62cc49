/* SPDX-License-Identifier: Apache-2.0 */
#include "doctor/http_client.h"

#include <ctype.h>
#include <curl/curl.h>
#include <signal.h>
#include <string.h>
#include <sys/epoll.h>

#define BODY_MAX (16UL << 20)
#define HEADERS_MAX (1UL << 20)
#define PER_HOST_DEFAULT 8
#define IDLE_DEFAULT 32
#define IDLE_AGE_SECONDS 600L

struct call {
	struct dr_http_client *client;
	struct call *prev, *next; /* in client->calls */
	CURL *easy;
	struct curl_slist *headers;
	char *body;
	struct dr_source *deadline;
	struct dr_dur timeout;
	struct dr_mono start;
	dr_http_done_fn fn;
	void *userdata;
	struct dr_http_response response;
	char curl_error[CURL_ERROR_SIZE];
};

struct socket_watch {
	struct socket_watch *prev, *next; /* in client->sockets */
	struct dr_source *source;
};

struct dr_http_client {
	struct dr_loop *loop;
	CURLM *multi;
	struct dr_source *timer; /* curl's */
	struct call *calls;
	struct socket_watch *sockets;
	unsigned pending;
	char *user_agent, *ca_file, *no_proxy;
	bool insecure;
	bool closing;
};

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
		return os_errno ? -(int)os_errno : -ECONNRESET;
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

/* ---------------------------------------------------------------- calls */

static void call_free(struct call *c)
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
DR_DEFINE_FREEP(struct call, call_free)

static void call_link(struct call *c)
{
	struct dr_http_client *client = c->client;

	c->next = client->calls;
	if (c->next)
		c->next->prev = c;
	client->calls = c;
	client->pending++;
}

static void call_unlink(struct call *c)
{
	if (c->prev)
		c->prev->next = c->next;
	else
		c->client->calls = c->next;
	if (c->next)
		c->next->prev = c->prev;
	c->client->pending--;
}

/* The end of every call: out of curl and the list first, so that fn may start others. */
static void call_finish(struct call *c, int error, const char *reason)
{
	struct dr_http_response *r = &c->response;
	long status = 0;

	curl_multi_remove_handle(c->client->multi, c->easy);
	call_unlink(c);
	curl_easy_getinfo(c->easy, CURLINFO_RESPONSE_CODE, &status);
	r->error = error;
	r->status = error ? 0 : (unsigned)status;
	r->took = dr_mono_sub(dr_mono_now(), c->start);
	if (error)
		snprintf(r->reason, sizeof(r->reason), "%s", reason);
	c->fn(r, c->userdata);
	call_free(c);
}

static void call_done(struct call *c, CURLcode code)
{
	struct dr_http_response *r = &c->response;
	long os_errno = 0;

	if (r->body.error == -EMSGSIZE || r->headers.error == -EMSGSIZE) {
		call_finish(c, -EMSGSIZE, "the answer is too large");
		return;
	}
	if (r->body.error || r->headers.error) {
		call_finish(c, -ENOMEM, "out of memory");
		return;
	}
	curl_easy_getinfo(c->easy, CURLINFO_OS_ERRNO, &os_errno);
	call_finish(c, error_of_curl(code, os_errno),
		    c->curl_error[0] ? c->curl_error : curl_easy_strerror(code));
}

static int on_deadline(struct dr_source *s, void *userdata)
{
	struct call *c = userdata;
	char duration[DR_TIME_STR_MAX], reason[80];

	snprintf(reason, sizeof(reason), "no answer within %s", dr_dur_format(c->timeout, duration));
	call_finish(c, -ETIMEDOUT, reason);
	return 0;
}

static size_t on_body(char *data, size_t size, size_t n, void *userdata)
{
	struct call *c = userdata;

	dr_buf_append(&c->response.body, data, size * n);
	return c->response.body.error ? 0 : size * n;
}

static size_t on_header(char *data, size_t size, size_t n, void *userdata)
{
	struct call *c = userdata;
	struct dr_buf *headers = &c->response.headers;

	/* an interim answer (1xx) is followed by the final one */
	if (size * n > 5 && memcmp(data, "HTTP/", 5) == 0)
		dr_buf_clear(headers);
	dr_buf_append(headers, data, size * n);
	return headers->error ? 0 : size * n;
}

/* ---------------------------------------------------------------- requests */

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

static int add_line(struct call *c, const char *line)
{
	struct curl_slist *headers = line ? curl_slist_append(c->headers, line) : NULL;

	if (!headers)
		return -ENOMEM;
	c->headers = headers;
	return 0;
}

static int add_header(struct call *c, const char *name, const char *value)
{
	if (!is_token(name) || !value || strpbrk(value, "\r\n"))
		return -EINVAL;
	/* to curl "Name:" is the wish to leave it out and "Name;" an empty value */
	DR_AUTO_FREE char *line = *value ? dr_asprintf("%s: %s", name, value) : dr_asprintf("%s;", name);

	return add_line(c, line);
}

static int add_headers(struct call *c, const struct dr_http_request *req)
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
static int set_method(struct call *c, const struct dr_http_request *req)
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

static int set_options(struct call *c, const struct dr_http_request *req)
{
	const struct dr_http_client *client = c->client;
	struct dr_dur connect = req->connect_timeout.ns > 0 ? req->connect_timeout : dr_sec(3);
	CURL *e = c->easy;
	int bad = 0;

	bad |= curl_easy_setopt(e, CURLOPT_PRIVATE, c);
	bad |= curl_easy_setopt(e, CURLOPT_URL, req->url);
	bad |= curl_easy_setopt(e, CURLOPT_HTTPHEADER, c->headers);
	bad |= curl_easy_setopt(e, CURLOPT_USERAGENT, client->user_agent);
	bad |= curl_easy_setopt(e, CURLOPT_NOPROXY, client->no_proxy);
	bad |= curl_easy_setopt(e, CURLOPT_HTTP_VERSION, (long)CURL_HTTP_VERSION_1_1);
	bad |= curl_easy_setopt(e, CURLOPT_NOSIGNAL, 1L);
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
	if (client->ca_file)
		bad |= curl_easy_setopt(e, CURLOPT_CAINFO, client->ca_file);
	if (client->insecure) {
		bad |= curl_easy_setopt(e, CURLOPT_SSL_VERIFYPEER, 0L);
		bad |= curl_easy_setopt(e, CURLOPT_SSL_VERIFYHOST, 0L);
	}
	return bad ? -ENOMEM : 0;
}

static int call_new(struct dr_http_client *client, const struct dr_http_request *req, struct call **ret)
{
	DR_AUTO(call_freep) struct call *c = calloc(1, sizeof(*c));
	int r;

	if (!c)
		return -ENOMEM;
	c->client = client;
	c->response.body.limit = BODY_MAX;
	c->response.headers.limit = HEADERS_MAX;
	c->timeout = req->timeout.ns > 0 ? req->timeout : dr_sec(10);
	c->easy = curl_easy_init();
	if (!c->easy)
		return -ENOMEM;
	r = add_headers(c, req);
	if (r < 0)
		return r;
	r = set_options(c, req);
	if (r < 0)
		return r;
	r = set_method(c, req);
	if (r < 0)
		return r;
	r = dr_loop_add_timer(client->loop, on_deadline, c, &c->deadline);
	if (r < 0)
		return r;
	/* curl's own limit does not run while a request waits for a connection */
	r = dr_timer_arm(c->deadline, c->timeout);
	if (r < 0)
		return r;
	*ret = DR_TAKE_PTR(c);
	return 0;
}

int dr_http_send(struct dr_http_client *client, const struct dr_http_request *req, dr_http_done_fn fn,
		 void *userdata)
{
	DR_AUTO(call_freep) struct call *c = NULL;
	int r;

	if (client->closing)
		return -ECANCELED;
	if (!req->method || !is_token(req->method) || !req->url)
		return -EINVAL;
	r = check_url(req->url);
	if (r < 0)
		return r;
	r = call_new(client, req, &c);
	if (r < 0)
		return r;
	c->start = dr_mono_now();
	c->fn = fn;
	c->userdata = userdata;
	if (curl_multi_add_handle(client->multi, c->easy))
		return -ENOMEM;
	call_link(c);
	c = NULL; /* the list's now */
	return 0;
}

unsigned dr_http_client_pending(const struct dr_http_client *c)
{
	return c->pending;
}

/* ---------------------------------------------------------------- one call, waited for */

struct waited {
	struct dr_http_response *response;
	bool done;
};

static void on_waited(const struct dr_http_response *r, void *userdata)
{
	/* every response is a call's own, and the call is over */
	struct dr_http_response *mine = (struct dr_http_response *)r;
	struct waited *w = userdata;

	*w->response = *mine;
	*mine = (struct dr_http_response){ 0 };
	w->done = true;
}

static void cancel_waited(struct dr_http_client *client, struct waited *w)
{
	for (struct call *c = client->calls; c; c = c->next) {
		if (c->userdata == w) {
			call_finish(c, -ECANCELED, "canceled");
			return;
		}
	}
}

int dr_http_call(struct dr_http_client *c, const struct dr_http_request *req, struct dr_http_response *ret)
{
	struct dr_http_response response = { 0 };
	struct waited w = { .response = &response };
	int r;

	r = dr_http_send(c, req, on_waited, &w);
	if (r < 0)
		return r;
	while (!w.done) {
		r = dr_loop_run_once(c->loop, dr_sec(3600));
		if (r < 0) {
			cancel_waited(c, &w);
			dr_http_response_done(&response);
			return r;
		}
	}
	*ret = response;
	return 0;
}

/* ---------------------------------------------------------------- curl in the loop */

/* Hands out what curl has finished. Callbacks may send: the messages are read one at a time. */
static void drain(struct dr_http_client *client)
{
	CURLMsg *m;
	int left;

	while ((m = curl_multi_info_read(client->multi, &left))) {
		CURLcode code = m->data.result;
		struct call *c = NULL;

		if (m->msg != CURLMSG_DONE)
			continue;
		curl_easy_getinfo(m->easy_handle, CURLINFO_PRIVATE, (char **)&c);
		call_done(c, code);
	}
}

static int on_curl_timer(struct dr_source *s, void *userdata)
{
	struct dr_http_client *client = userdata;
	int running;

	curl_multi_socket_action(client->multi, CURL_SOCKET_TIMEOUT, 0, &running);
	drain(client);
	return 0;
}

static int on_socket(struct dr_source *s, int fd, uint32_t events, void *userdata)
{
	struct dr_http_client *client = userdata;
	int mask = 0, running;

	if (events & EPOLLIN)
		mask |= CURL_CSELECT_IN;
	if (events & EPOLLOUT)
		mask |= CURL_CSELECT_OUT;
	if (events & (EPOLLERR | EPOLLHUP))
		mask |= CURL_CSELECT_ERR;
	curl_multi_socket_action(client->multi, fd, mask, &running);
	drain(client);
	return 0;
}

static void unwatch(struct dr_http_client *client, struct socket_watch *w)
{
	if (w->prev)
		w->prev->next = w->next;
	else
		client->sockets = w->next;
	if (w->next)
		w->next->prev = w->prev;
	dr_source_free(w->source);
	free(w);
}

static int watch(struct dr_http_client *client, curl_socket_t fd, uint32_t events)
{
	struct socket_watch *w = calloc(1, sizeof(*w));

	if (!w)
		return -1;
	if (dr_loop_add_io(client->loop, fd, events, on_socket, client, &w->source) < 0) {
		free(w);
		return -1;
	}
	w->next = client->sockets;
	if (w->next)
		w->next->prev = w;
	client->sockets = w;
	curl_multi_assign(client->multi, fd, w);
	return 0;
}

/* CURLMOPT_SOCKETFUNCTION; -1 ends all transfers with an error. */
static int on_curl_socket(CURL *easy, curl_socket_t fd, int what, void *userdata, void *socket_data)
{
	struct dr_http_client *client = userdata;
	struct socket_watch *w = socket_data;
	uint32_t events = (what & CURL_POLL_IN ? EPOLLIN : 0) | (what & CURL_POLL_OUT ? EPOLLOUT : 0);

	if (what == CURL_POLL_REMOVE) {
		if (w)
			unwatch(client, w);
		return 0;
	}
	if (!w)
		return watch(client, fd, events);
	return dr_source_set_io_events(w->source, events) < 0 ? -1 : 0;
}

/* CURLMOPT_TIMERFUNCTION */
static int on_curl_timeout(CURLM *multi, long timeout_ms, void *userdata)
{
	struct dr_http_client *client = userdata;

	if (timeout_ms < 0) {
		dr_timer_disarm(client->timer);
		return 0;
	}
	return dr_timer_arm(client->timer, dr_msec(timeout_ms)) < 0 ? -1 : 0;
}

/* ---------------------------------------------------------------- the client */

/* A proxy of the environment is for the world outside, never for this machine. */
static char *no_proxy_list(void)
{
	const char *env = getenv("no_proxy");

	if (!env)
		env = getenv("NO_PROXY");
	if (!env)
		return strdup("localhost,127.0.0.1,::1");
	return strcmp(env, "*") == 0 ? strdup(env) : dr_asprintf("localhost,127.0.0.1,::1,%s", env);
}

static int set_multi(struct dr_http_client *c, const struct dr_http_client_opts *opts)
{
	int bad = 0;

	c->multi = curl_multi_init();
	if (!c->multi)
		return -ENOMEM;
	bad |= curl_multi_setopt(c->multi, CURLMOPT_SOCKETFUNCTION, on_curl_socket);
	bad |= curl_multi_setopt(c->multi, CURLMOPT_SOCKETDATA, c);
	bad |= curl_multi_setopt(c->multi, CURLMOPT_TIMERFUNCTION, on_curl_timeout);
	bad |= curl_multi_setopt(c->multi, CURLMOPT_TIMERDATA, c);
	bad |= curl_multi_setopt(c->multi, CURLMOPT_MAX_HOST_CONNECTIONS,
				 (long)(opts->per_host_max ? opts->per_host_max : PER_HOST_DEFAULT));
	bad |= curl_multi_setopt(c->multi, CURLMOPT_MAXCONNECTS,
				 (long)(opts->idle_max ? opts->idle_max : IDLE_DEFAULT));
	return bad ? -ENOMEM : 0;
}

static int set_texts(struct dr_http_client *c, const struct dr_http_client_opts *opts)
{
	c->user_agent = strdup(opts->user_agent ? opts->user_agent : "doctor/" DR_VERSION);
	c->no_proxy = no_proxy_list();
	if (!c->user_agent || !c->no_proxy)
		return -ENOMEM;
	if (opts->ca_file) {
		c->ca_file = strdup(opts->ca_file);
		if (!c->ca_file)
			return -ENOMEM;
	}
	c->insecure = opts->insecure;
	return 0;
}

/* OpenSSL writes without MSG_NOSIGNAL. A handler that somebody installed stays. */
static void ignore_sigpipe(void)
{
	struct sigaction sa;

	if (sigaction(SIGPIPE, NULL, &sa) == 0 && !(sa.sa_flags & SA_SIGINFO) && sa.sa_handler == SIG_DFL)
		signal(SIGPIPE, SIG_IGN);
}

int dr_http_client_new(struct dr_loop *l, const struct dr_http_client_opts *opts, struct dr_http_client **ret)
{
	static const struct dr_http_client_opts defaults;
	DR_AUTO(dr_http_client_freep) struct dr_http_client *c = NULL;
	int r;

	if (curl_global_init(CURL_GLOBAL_DEFAULT))
		return -ENOMEM;
	c = calloc(1, sizeof(*c));
	if (!c) {
		curl_global_cleanup();
		return -ENOMEM;
	}
	c->loop = l;
	ignore_sigpipe();
	r = set_texts(c, opts ? opts : &defaults);
	if (r < 0)
		return r;
	r = dr_loop_add_timer(l, on_curl_timer, c, &c->timer);
	if (r < 0)
		return r;
	r = set_multi(c, opts ? opts : &defaults);
	if (r < 0)
		return r;
	*ret = DR_TAKE_PTR(c);
	return 0;
}

void dr_http_client_free(struct dr_http_client *c)
{
	if (!c)
		return;
	c->closing = true;
	while (c->calls)
		call_finish(c->calls, -ECANCELED, "canceled");
	if (c->multi)
		curl_multi_cleanup(c->multi);
	while (c->sockets)
		unwatch(c, c->sockets);
	dr_source_free(c->timer);
	free(c->user_agent);
	free(c->ca_file);
	free(c->no_proxy);
	free(c);
	curl_global_cleanup();
}
