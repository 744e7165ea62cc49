/* SPDX-License-Identifier: Apache-2.0 */
#include "doctor/http_server.h"

#include <assert.h>
#include <gnutls/abstract.h>
#include <limits.h>
#include <microhttpd.h>
#include <netdb.h>
#include <string.h>
#include <sys/epoll.h>
#include <sys/socket.h>

#include "lib/io/http_stream.h"
#include "lib/io/http_tls.h"
#include "lib/io/unix_listen.h"

#define BODY_DEFAULT (1UL << 20)
#define BODIES_DEFAULT (64UL << 20)
#define BODY_SHARE (16UL << 10) /* each body may have that much, whatever the others have */
#define BODIES_AGAIN "1"	/* s, after that */
#define CONNECTIONS_DEFAULT 256
#define CONNECTION_MEMORY (64UL << 10) /* request line and headers; more: 431 */
#define SET_HEADERS_MAX 32
#define CLOSING_ROUNDS 16
#define IDENTITY_LIFE dr_sec(60)

/*
 * A body that is too large is read to its end and thrown away up to this many bytes beyond the limit, so
 * that the client sees the 413 rather than a reset, and the connection stays. Beyond: closed.
 */
#define DISCARD_MAX (4UL << 20)

struct dr_http_exchange {
	struct dr_http_server *server;
	struct MHD_Connection *connection; /* NULL until the headers are there */
	const char *method, *path;	   /* the connection's memory */
	struct dr_buf body;
	size_t received;
	struct dr_mono since; /* its first line */
	struct dr_wall since_wall;
	dr_http_answered_fn answered; /* NULL: nobody wants to know */
	void *answered_userdata;
	struct {
		char *name, *value;
	} headers[SET_HEADERS_MAX];
	size_t header_count;
	struct MHD_Response *response; /* of dr_http_reply() until it is queued */
	unsigned status;
	char peer[NI_MAXHOST];
	char *user;
	bool nul_in_uri;
	bool handled;  /* the handler has been called, or need not be */
	bool replied;  /* dr_http_reply() was called */
	bool deferred; /* dr_http_defer() was called */
	bool suspended;
	struct dr_http_exchange *prev, *next; /* in server->suspended */
};

/* One with TLS, from its start to its end. */
struct connection {
	struct dr_http_tls *tls; /* what its session uses */
	struct dr_http_identity *identity;
	unsigned verified_by; /* the server's tls_count then; 0: not yet */
	struct dr_mono verified;
};

struct dr_http_server {
	struct MHD_Daemon *daemon;
	struct dr_http_tls *tls; /* NULL: plain HTTP */
	unsigned tls_count;	 /* it is the how manieth */
	dr_http_admit_fn admit;
	struct dr_source *epoll, *timer;
	dr_http_handler_fn fn;
	void *userdata;
	size_t body_max, bodies_max;
	size_t bodies;	  /* bytes of all that are kept, beyond the share of each */
	uint64_t refused; /* for their sake */
	char *server_name;
	uint16_t port;
	struct dr_unix_path local;
	struct dr_http_exchange *suspended;
	struct http_streams streams;
	bool closing;
};

/* ---------------------------------------------------------------- exchanges */

static size_t beyond_share(const struct dr_buf *body)
{
	return body->len > BODY_SHARE ? body->len - BODY_SHARE : 0;
}

static void body_append(struct dr_http_exchange *x, const char *data, size_t len)
{
	x->server->bodies -= beyond_share(&x->body);
	dr_buf_append(&x->body, data, len);
	x->server->bodies += beyond_share(&x->body);
}

static void body_free(struct dr_http_exchange *x)
{
	x->server->bodies -= beyond_share(&x->body);
	dr_buf_done(&x->body);
}

static void exchange_free(struct dr_http_exchange *x)
{
	for (size_t i = 0; i < x->header_count; i++) {
		free(x->headers[i].name);
		free(x->headers[i].value);
	}
	if (x->response)
		MHD_destroy_response(x->response);
	body_free(x);
	free(x->user);
	free(x);
}

static void suspend(struct dr_http_exchange *x)
{
	struct dr_http_server *s = x->server;

	MHD_suspend_connection(x->connection);
	x->suspended = true;
	x->prev = NULL;
	x->next = s->suspended;
	if (x->next)
		x->next->prev = x;
	s->suspended = x;
}

static void resume(struct dr_http_exchange *x)
{
	struct dr_http_server *s = x->server;

	if (x->prev)
		x->prev->next = x->next;
	else
		s->suspended = x->next;
	if (x->next)
		x->next->prev = x->prev;
	x->suspended = false;
	MHD_resume_connection(x->connection);
	/* that only marks it, the next run does the rest; arming a timer that lives does not fail */
	(void)!dr_timer_arm(s->timer, dr_msec(0));
}

struct dr_wall dr_http_since(const struct dr_http_exchange *x)
{
	return x->since_wall;
}

void dr_http_on_answered(struct dr_http_exchange *x, dr_http_answered_fn fn, void *userdata)
{
	x->answered = fn;
	x->answered_userdata = userdata;
}

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
	const char *value = NULL;

	if (!MHD_lookup_connection_value_n(x->connection, MHD_GET_ARGUMENT_KIND, name, strlen(name), &value,
					   NULL))
		return NULL;
	return value ? value : "";
}

struct nth_name {
	size_t left;
	const char *name;
};

static enum MHD_Result find_nth_name(void *userdata, enum MHD_ValueKind kind, const char *name,
				     const char *value)
{
	struct nth_name *nth = userdata;

	if (nth->left--)
		return MHD_YES;
	nth->name = name;
	return MHD_NO;
}

const char *dr_http_query_name(const struct dr_http_exchange *x, size_t i)
{
	struct nth_name nth = { .left = i };

	MHD_get_connection_values(x->connection, MHD_GET_ARGUMENT_KIND, find_nth_name, &nth);
	return nth.name;
}

const char *dr_http_header(const struct dr_http_exchange *x, const char *name)
{
	return MHD_lookup_connection_value(x->connection, MHD_HEADER_KIND, name);
}

const char *dr_http_body(const struct dr_http_exchange *x, size_t *ret_len)
{
	if (ret_len)
		*ret_len = x->body.len;
	return dr_buf_str(&x->body);
}

const char *dr_http_peer(const struct dr_http_exchange *x)
{
	return x->peer;
}

static void set_peer(struct dr_http_exchange *x)
{
	const union MHD_ConnectionInfo *info =
		MHD_get_connection_info(x->connection, MHD_CONNECTION_INFO_CLIENT_ADDRESS);
	socklen_t len;

	if (x->server->local.path)
		memcpy(x->peer, "local", sizeof("local"));
	if (x->server->local.path || !info || !info->client_addr)
		return;
	len = info->client_addr->sa_family == AF_INET6 ? sizeof(struct sockaddr_in6)
						       : sizeof(struct sockaddr_in);
	if (getnameinfo(info->client_addr, len, x->peer, sizeof(x->peer), NULL, 0, NI_NUMERICHOST))
		x->peer[0] = '\0';
}

void dr_http_set_user(struct dr_http_exchange *x, const char *name)
{
	free(x->user);
	x->user = strdup(name);
}

const char *dr_http_user(const struct dr_http_exchange *x)
{
	return x->user ? x->user : x->peer;
}

/* ---------------------------------------------------------------- TLS */

/* microhttpd wants a source of certificates; what a session uses is set by on_connection(). */
static int no_certificate(gnutls_session_t session, const struct gnutls_cert_retr_st *info,
			  gnutls_pcert_st **certs, unsigned *cert_count, gnutls_ocsp_data_st **ocsp,
			  unsigned *ocsp_count, gnutls_privkey_t *key, unsigned *flags)
{
	return -1;
}

static void connection_free(struct connection *c)
{
	if (!c)
		return;
	dr_http_tls_unref(c->tls);
	free(c->identity);
	free(c);
}

static void *session_of(struct MHD_Connection *connection)
{
	const union MHD_ConnectionInfo *info =
		MHD_get_connection_info(connection, MHD_CONNECTION_INFO_GNUTLS_SESSION);

	return info ? info->tls_session : NULL;
}

/* Before the handshake, and when the session has been ended. Without memory the handshake fails. */
static void on_connection(void *userdata, struct MHD_Connection *connection, void **context,
			  enum MHD_ConnectionNotificationCode code)
{
	struct dr_http_server *s = userdata;
	struct connection *c = *context;
	void *session;

	if (code == MHD_CONNECTION_NOTIFY_CLOSED) {
		connection_free(c);
		*context = NULL;
		return;
	}
	session = session_of(connection);
	c = session ? calloc(1, sizeof(*c)) : NULL;
	if (!c)
		return;
	c->tls = http_tls_ref(s->tls);
	http_tls_use(c->tls, session);
	*context = c;
}

void dr_http_server_set_tls(struct dr_http_server *s, struct dr_http_tls *t)
{
	assert(s->tls && t);
	http_tls_ref(t);
	dr_http_tls_unref(s->tls);
	s->tls = t;
	s->tls_count++;
}

const struct dr_http_identity *dr_http_identity(const struct dr_http_exchange *x)
{
	static const struct dr_http_identity none = { .state = DR_HTTP_CERTIFICATE_NONE };
	static const struct dr_http_identity broke = { .state = DR_HTTP_CERTIFICATE_BAD,
						       .why = "out of memory" };
	const struct dr_http_tls *tls = x->server->tls;
	const union MHD_ConnectionInfo *info;
	struct connection *c;
	struct dr_mono now;

	if (!tls || !http_tls_asks(tls))
		return &none;
	info = MHD_get_connection_info(x->connection, MHD_CONNECTION_INFO_SOCKET_CONTEXT);
	c = info ? info->socket_context : NULL;
	if (c && !c->identity)
		c->identity = calloc(1, sizeof(*c->identity));
	if (!c || !c->identity)
		return &broke;
	now = dr_mono_now();
	if (c->verified_by != x->server->tls_count || dr_mono_sub(now, c->verified).ns > IDENTITY_LIFE.ns) {
		http_tls_identify(tls, session_of(x->connection), c->identity);
		c->verified_by = x->server->tls_count;
		c->verified = now;
	}
	return c->identity;
}

/* ---------------------------------------------------------------- replies */

void dr_http_set_header(struct dr_http_exchange *x, const char *name, const char *value)
{
	char *n = strdup(name), *v = strdup(value);

	assert(x->header_count < SET_HEADERS_MAX);
	if (!n || !v) {
		free(n);
		free(v);
		return;
	}
	x->headers[x->header_count].name = n;
	x->headers[x->header_count++].value = v;
}

void dr_http_defer(struct dr_http_exchange *x)
{
	x->deferred = true;
}

/* response may be NULL: no memory for it, the connection is closed then */
static void reply(struct dr_http_exchange *x, unsigned status, const char *content_type,
		  struct MHD_Response *response)
{
	assert(!x->replied);
	x->replied = true;
	x->response = response;
	x->status = status >= 200 && status <= 599 ? status : MHD_HTTP_INTERNAL_SERVER_ERROR;
	if (response) {
		if (content_type)
			MHD_add_response_header(response, MHD_HTTP_HEADER_CONTENT_TYPE, content_type);
		MHD_add_response_header(response, MHD_HTTP_HEADER_SERVER, x->server->server_name);
		for (size_t i = 0; i < x->header_count; i++)
			MHD_add_response_header(response, x->headers[i].name, x->headers[i].value);
	}
	if (x->suspended)
		resume(x);
}

void dr_http_reply(struct dr_http_exchange *x, unsigned status, const char *content_type, const void *body,
		   size_t len)
{
	/* the body is copied */
	reply(x, status, content_type,
	      MHD_create_response_from_buffer(len, (void *)body, MHD_RESPMEM_MUST_COPY));
}

/* The part of a body that is sent before its connection is reset. */
struct cut {
	size_t sent;
	char data[];
};

static ssize_t read_cut(void *userdata, uint64_t position, char *out, size_t max)
{
	const struct cut *c = userdata;
	size_t n = DR_MIN(max, c->sent - (size_t)position);

	if (!n)
		return MHD_CONTENT_READER_END_WITH_ERROR;
	memcpy(out, c->data + position, n);
	return (ssize_t)n;
}

void dr_http_reply_cut(struct dr_http_exchange *x, unsigned status, const char *content_type,
		       const void *body, size_t len, size_t sent)
{
	const union MHD_ConnectionInfo *info =
		MHD_get_connection_info(x->connection, MHD_CONNECTION_INFO_CONNECTION_FD);
	const struct linger at_once = { .l_onoff = 1 };
	struct MHD_Response *response = NULL;
	struct cut *c = sent ? malloc(sizeof(*c) + sent) : NULL;

	/* if it does not work, the end is an orderly one, which is as good */
	if (info)
		(void)!setsockopt(info->connect_fd, SOL_SOCKET, SO_LINGER, &at_once, sizeof(at_once));
	if (c) {
		c->sent = sent;
		memcpy(c->data, body, sent);
		response = MHD_create_response_from_callback(len, sent, read_cut, c, free);
		if (!response)
			free(c);
	}
	reply(x, status, content_type, response);
}

static void reply_out_of_memory(struct dr_http_exchange *x)
{
	static const char failed[] = "{\"error\":{\"code\":500,\"message\":\"out of memory\"}}";

	dr_http_reply(x, MHD_HTTP_INTERNAL_SERVER_ERROR, "application/json", failed, sizeof(failed) - 1);
}

static void reply_taken(struct dr_http_exchange *x, unsigned status, const char *content_type, char *text,
			size_t len)
{
	struct MHD_Response *response = MHD_create_response_from_buffer(len, text, MHD_RESPMEM_MUST_FREE);

	if (!response)
		free(text);
	reply(x, status, content_type, response);
}

void dr_http_reply_buf(struct dr_http_exchange *x, unsigned status, const char *content_type,
		       struct dr_buf *body)
{
	size_t len = body->len;

	if (body->error)
		reply_out_of_memory(x);
	else if (!body->data)
		dr_http_reply(x, status, content_type, "", 0);
	else
		reply_taken(x, status, content_type, DR_TAKE_PTR(body->data), len);
	dr_buf_done(body);
}

void dr_http_reply_json(struct dr_http_exchange *x, unsigned status, struct dr_json *body)
{
	char *text = dr_json_print(body);

	dr_json_free(body);
	if (text)
		reply_taken(x, status, "application/json", text, strlen(text));
	else
		reply_out_of_memory(x);
}

void dr_http_reply_error(struct dr_http_exchange *x, unsigned status, const char *fmt, ...)
{
	DR_AUTO_FREE char *message = NULL;
	struct dr_json *body = dr_json_object();
	struct dr_json *error = dr_json_add_object(body, "error");
	va_list args;

	va_start(args, fmt);
	if (vasprintf(&message, fmt, args) < 0)
		message = NULL;
	va_end(args);
	dr_json_add_int(error, "code", status);
	dr_json_add_str(error, "message", message);
	dr_http_reply_json(x, status, body);
}

static void reply_too_large(struct dr_http_exchange *x)
{
	struct dr_json *body = dr_json_object(), *error = dr_json_add_object(body, "error");
	char text[64];

	dr_json_add_int(error, "code", MHD_HTTP_CONTENT_TOO_LARGE);
	snprintf(text, sizeof(text), "the body is larger than %zu bytes", x->server->body_max);
	dr_json_add_str(error, "message", text);
	snprintf(text, sizeof(text), "byte %zu", x->server->body_max);
	dr_json_add_str(error, "position", text);
	dr_http_reply_json(x, MHD_HTTP_CONTENT_TOO_LARGE, body);
}

static void refuse_for_now(struct dr_http_exchange *x)
{
	x->server->refused++;
	dr_http_set_header(x, "Retry-After", BODIES_AGAIN);
	dr_http_reply_error(x, MHD_HTTP_SERVICE_UNAVAILABLE,
			    "the bodies of other requests take all the memory that there is for them");
}

/* ---- what http_stream.c needs ---- */

struct http_streams *http_server_streams(struct dr_http_exchange *x)
{
	return &x->server->streams;
}

struct dr_source *http_server_timer(struct dr_http_exchange *x)
{
	return x->server->timer;
}

struct MHD_Connection *http_server_connection(struct dr_http_exchange *x)
{
	return x->connection;
}

void http_server_reply(struct dr_http_exchange *x, unsigned status, const char *content_type,
		       struct MHD_Response *response)
{
	reply(x, status, content_type, response);
}

static enum MHD_Result queue_reply(struct dr_http_exchange *x)
{
	struct MHD_Response *response = DR_TAKE_PTR(x->response);
	enum MHD_Result r;

	body_free(x); /* nobody needs it any more, and who takes his answer may be slow */
	if (!response)
		return MHD_NO;
	r = MHD_queue_response(x->connection, x->status, response);
	MHD_destroy_response(response);
	return r;
}

/* ---------------------------------------------------------------- requests */

/* The first sight of a request: microhttpd keeps what is returned here until on_completed(). */
static void *on_uri(void *userdata, const char *uri, struct MHD_Connection *connection)
{
	struct dr_http_exchange *x = calloc(1, sizeof(*x));

	if (!x)
		return NULL;
	x->server = userdata;
	x->since = dr_mono_now();
	x->since_wall = dr_wall_now();
	x->nul_in_uri = strstr(uri, "%00") != NULL;
	return x;
}

static void on_completed(void *userdata, struct MHD_Connection *connection, void **request,
			 enum MHD_RequestTerminationCode code)
{
	struct dr_http_exchange *x = *request;

	if (x && x->answered && code == MHD_REQUEST_TERMINATED_COMPLETED_OK)
		x->answered(dr_mono_sub(dr_mono_now(), x->since), x->answered_userdata);
	if (x)
		exchange_free(x);
	*request = NULL;
}

/* How often what says where a request ends, and for whom it is, is there. */
struct framing {
	unsigned lengths, encodings, hosts;
	bool bad_name;
};

static bool is_token(const char *text)
{
	return *text && !text[strspn(text, "!#$%&'*+-.^_`|~0123456789"
					   "ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz")];
}

static enum MHD_Result count_header(void *userdata, enum MHD_ValueKind kind, const char *name,
				    const char *value)
{
	struct framing *f = userdata;

	f->lengths += !strcasecmp(name, MHD_HTTP_HEADER_CONTENT_LENGTH);
	f->encodings += !strcasecmp(name, MHD_HTTP_HEADER_TRANSFER_ENCODING);
	f->hosts += !strcasecmp(name, MHD_HTTP_HEADER_HOST);
	f->bad_name |= !is_token(name);
	return MHD_YES;
}

/*
 * What a proxy before us may read otherwise than microhttpd, which takes the first and ignores the rest: a
 * request within another's body would be heard (RFC 9112, 5.1, 6.1, 6.3, 3.2). NULL: there is nothing.
 */
static const char *ambiguity(const struct dr_http_exchange *x)
{
	struct framing f = { 0 };

	MHD_get_connection_values(x->connection, MHD_HEADER_KIND, count_header, &f);
	if (f.bad_name)
		return "the name of a header is none";
	if (f.lengths > 1 || f.encodings > 1 || f.hosts > 1)
		return "Content-Length, Transfer-Encoding or Host is there twice";
	return f.lengths && f.encodings ? "both Content-Length and Transfer-Encoding are there" : NULL;
}

/*
 * The headers are there. What cannot be read is answered before a body comes, and the connection closed. Who
 * is not admitted gets his answer at the end of the request, so that it is not lost in a reset.
 */
static enum MHD_Result on_headers(struct dr_http_exchange *x, struct MHD_Connection *connection,
				  const char *url, const char *method)
{
	const char *length, *encoding, *bad;
	size_t limit = x->server->body_max;

	x->connection = connection;
	x->path = url;
	x->method = method;
	set_peer(x);
	bad = ambiguity(x);
	length = dr_http_header(x, MHD_HTTP_HEADER_CONTENT_LENGTH);
	encoding = dr_http_header(x, MHD_HTTP_HEADER_TRANSFER_ENCODING);
	/* one who waits for 100 Continue has sent nothing that would need to be discarded */
	if (!dr_http_header(x, MHD_HTTP_HEADER_EXPECT))
		limit += DISCARD_MAX;
	if (x->nul_in_uri)
		dr_http_reply_error(x, MHD_HTTP_BAD_REQUEST, "the URL contains a zero byte");
	else if (bad)
		dr_http_reply_error(x, MHD_HTTP_BAD_REQUEST, "%s", bad);
	else if (encoding && strcasecmp(encoding, "chunked") != 0)
		dr_http_reply_error(x, MHD_HTTP_NOT_IMPLEMENTED,
				    "Transfer-Encoding: only chunked is supported");
	else if (length && strtoull(length, NULL, 10) > limit)
		reply_too_large(x);
	if (x->replied)
		return queue_reply(x);
	if (x->server->admit)
		x->server->admit(x, x->server->userdata);
	x->handled = x->replied;
	return x->replied && dr_http_header(x, MHD_HTTP_HEADER_EXPECT) ? queue_reply(x) : MHD_YES;
}

static enum MHD_Result on_body(struct dr_http_exchange *x, const char *data, size_t len)
{
	size_t limit = x->server->body_max;

	x->received += len;
	if (x->replied || x->received > limit) {
		body_free(x);
		return x->received > limit + DISCARD_MAX ? MHD_NO : MHD_YES;
	}
	body_append(x, data, len);
	if (x->server->bodies > x->server->bodies_max && beyond_share(&x->body)) {
		body_free(x);
		refuse_for_now(x);
		x->handled = true;
	}
	return x->body.error ? MHD_NO : MHD_YES;
}

static void handle(struct dr_http_exchange *x)
{
	struct dr_http_server *s = x->server;

	x->handled = true;
	if (s->closing) {
		dr_http_reply_error(x, MHD_HTTP_SERVICE_UNAVAILABLE, "shutting down");
	} else if (x->received > s->body_max) {
		reply_too_large(x);
	} else {
		s->fn(x, s->userdata);
		assert(x->replied || x->deferred);
	}
}

/*
 * MHD_AccessHandlerCallback: called when the headers are there, for each piece of the body, at the end of
 * the request, and once more after a resume.
 */
static enum MHD_Result on_request(void *userdata, struct MHD_Connection *connection, const char *url,
				  const char *method, const char *version, const char *data, size_t *len,
				  void **request)
{
	struct dr_http_exchange *x = *request;

	if (!x)
		return MHD_NO;
	if (!x->connection)
		return on_headers(x, connection, url, method);
	if (*len > 0) {
		size_t n = *len;

		*len = 0;
		return on_body(x, data, n);
	}
	if (!x->handled)
		handle(x);
	if (x->replied)
		return queue_reply(x);
	suspend(x);
	return MHD_YES;
}

/* ---------------------------------------------------------------- the loop */

static unsigned connection_count(struct dr_http_server *s)
{
	const union MHD_DaemonInfo *info =
		MHD_get_daemon_info(s->daemon, MHD_DAEMON_INFO_CURRENT_CONNECTIONS);

	return info ? info->num_connections : 0;
}

static int run(struct dr_http_server *s)
{
	unsigned before = connection_count(s);
	MHD_UNSIGNED_LONG_LONG ms;

	if (!MHD_run(s->daemon))
		return -EIO;
	/* after a connection went, only the next run would listen again if the limit had been reached */
	if (connection_count(s) < before)
		return dr_timer_arm(s->timer, dr_msec(0));
	if (MHD_get_timeout(s->daemon, &ms))
		return dr_timer_arm(s->timer, dr_msec((int64_t)DR_MIN(ms, (MHD_UNSIGNED_LONG_LONG)INT_MAX)));
	dr_timer_disarm(s->timer);
	return 0;
}

static int on_epoll(struct dr_source *source, int fd, uint32_t events, void *userdata)
{
	return run(userdata);
}

static int on_timer(struct dr_source *source, void *userdata)
{
	return run(userdata);
}

/* ---------------------------------------------------------------- the server */

static int listen_on(const char *address, uint16_t port, int *ret_family, int *ret_fd)
{
	const struct addrinfo hints = { .ai_flags = AI_NUMERICHOST | AI_NUMERICSERV,
					.ai_socktype = SOCK_STREAM };
	DR_AUTO_CLOSE int fd = -1;
	struct addrinfo *ai;
	char service[8];
	int r = 0;

	snprintf(service, sizeof(service), "%u", port);
	if (getaddrinfo(address, service, &hints, &ai))
		return -EINVAL;
	fd = socket(ai->ai_family, SOCK_STREAM | SOCK_CLOEXEC | SOCK_NONBLOCK, 0);
	if (fd < 0 || setsockopt(fd, SOL_SOCKET, SO_REUSEADDR, &(int){ 1 }, sizeof(int)) < 0 ||
	    bind(fd, ai->ai_addr, ai->ai_addrlen) < 0 || listen(fd, SOMAXCONN) < 0)
		r = dr_errno();
	*ret_family = ai->ai_family;
	freeaddrinfo(ai);
	if (r == 0)
		*ret_fd = DR_TAKE_FD(fd);
	return r;
}

static int port_of(int fd, uint16_t *ret)
{
	struct sockaddr_storage ss;
	socklen_t len = sizeof(ss);
	char service[8];

	if (getsockname(fd, (struct sockaddr *)&ss, &len) < 0)
		return dr_errno();
	if (getnameinfo((struct sockaddr *)&ss, len, NULL, 0, service, sizeof(service), NI_NUMERICSERV))
		return -EINVAL;
	*ret = (uint16_t)strtoul(service, NULL, 10);
	return 0;
}

static int listen_as(struct dr_http_server *s, const struct dr_http_server_opts *o, int *ret_family,
		     int *ret_fd)
{
	DR_AUTO_CLOSE int fd = -1;
	int r;

	if (o->unix_path) {
		*ret_family = AF_UNIX;
		return dr_unix_listen(o->unix_path, ret_fd, &s->local);
	}
	r = listen_on(o->address ? o->address : "127.0.0.1", o->port, ret_family, &fd);
	if (r < 0)
		return r;
	r = port_of(fd, &s->port);
	if (r < 0)
		return r;
	*ret_fd = DR_TAKE_FD(fd);
	return 0;
}

static int start(struct dr_http_server *s, const struct dr_http_server_opts *o)
{
	struct dr_dur idle = o->idle_timeout.ns > 0 ? o->idle_timeout : dr_sec(30);
	unsigned idle_seconds = (unsigned)((idle.ns + DR_NSEC_PER_SEC - 1) / DR_NSEC_PER_SEC);
	DR_AUTO_CLOSE int fd = -1;
	int family, r;

	r = listen_as(s, o, &family, &fd);
	if (r < 0)
		return r;
	s->daemon = MHD_start_daemon(
		MHD_USE_EPOLL | MHD_ALLOW_SUSPEND_RESUME | (family == AF_INET6 ? MHD_USE_IPv6 : 0) |
			(s->tls ? MHD_USE_TLS : 0),
		0, NULL, NULL, on_request, s, MHD_OPTION_LISTEN_SOCKET, fd, MHD_OPTION_URI_LOG_CALLBACK,
		on_uri, s, MHD_OPTION_NOTIFY_COMPLETED, on_completed, s, MHD_OPTION_CONNECTION_LIMIT,
		o->connections_max ? o->connections_max : (unsigned)CONNECTIONS_DEFAULT,
		MHD_OPTION_CONNECTION_TIMEOUT, idle_seconds, MHD_OPTION_CONNECTION_MEMORY_LIMIT,
		(size_t)CONNECTION_MEMORY, MHD_OPTION_STRICT_FOR_CLIENT, 1,
		MHD_OPTION_PER_IP_CONNECTION_LIMIT, o->per_peer_max,
		s->tls ? MHD_OPTION_NOTIFY_CONNECTION : MHD_OPTION_END, on_connection, s,
		MHD_OPTION_HTTPS_PRIORITIES, HTTP_TLS_PRIORITIES, MHD_OPTION_HTTPS_CERT_CALLBACK2,
		no_certificate, MHD_OPTION_END);
	if (!s->daemon)
		return -EIO;
	fd = -1; /* the daemon's now */
	return 0;
}

static int watch(struct dr_http_server *s, struct dr_loop *l)
{
	const union MHD_DaemonInfo *info = MHD_get_daemon_info(s->daemon, MHD_DAEMON_INFO_EPOLL_FD);
	int r;

	if (!info)
		return -EIO;
	r = dr_loop_add_timer(l, on_timer, s, &s->timer);
	if (r < 0)
		return r;
	r = dr_loop_add_io(l, info->epoll_fd, EPOLLIN, on_epoll, s, &s->epoll);
	if (r < 0)
		return r;
	return run(s); /* puts the listening socket into the epoll set */
}

int dr_http_server_new(struct dr_loop *l, const struct dr_http_server_opts *opts, dr_http_handler_fn fn,
		       void *userdata, struct dr_http_server **ret)
{
	static const struct dr_http_server_opts defaults;
	const struct dr_http_server_opts *o = opts ? opts : &defaults;
	DR_AUTO(dr_http_server_freep) struct dr_http_server *s = calloc(1, sizeof(*s));
	int r;

	if (!s)
		return -ENOMEM;
	s->fn = fn;
	s->userdata = userdata;
	s->tls = http_tls_ref(o->tls);
	s->tls_count = 1;
	s->admit = o->admit;
	s->body_max = o->body_max ? o->body_max : BODY_DEFAULT;
	s->bodies_max = o->bodies_max ? o->bodies_max : BODIES_DEFAULT;
	s->server_name = strdup(o->server_name ? o->server_name : "doctor");
	if (!s->server_name)
		return -ENOMEM;
	r = start(s, o);
	if (r < 0)
		return r;
	r = watch(s, l);
	if (r < 0)
		return r;
	*ret = DR_TAKE_PTR(s);
	return 0;
}

/* Answers what is deferred, ends streams, and gives small answers the rounds that they need to leave. */
static void flush(struct dr_http_server *s)
{
	MHD_UNSIGNED_LONG_LONG ms;

	s->closing = true;
	http_streams_end(&s->streams);
	while (s->suspended)
		dr_http_reply_error(s->suspended, MHD_HTTP_SERVICE_UNAVAILABLE, "shutting down");
	for (int i = 0; i < CLOSING_ROUNDS; i++) {
		if (!MHD_run(s->daemon) || !MHD_get_timeout(s->daemon, &ms) || ms > 0)
			return;
	}
}

void dr_http_server_free(struct dr_http_server *s)
{
	if (!s)
		return;
	dr_unix_path_done(&s->local); /* first: while we hold its inode, nobody else can have the same */
	if (s->daemon) {
		flush(s);
		dr_source_free(s->epoll);
		dr_source_free(s->timer);
		MHD_stop_daemon(s->daemon);
		assert(!s->bodies);
	}
	dr_http_tls_unref(s->tls);
	free(s->server_name);
	free(s);
}

int dr_http_server_give(const struct dr_http_server *s, uid_t uid, gid_t gid)
{
	return dr_unix_path_give(&s->local, uid, gid);
}

uint16_t dr_http_server_port(const struct dr_http_server *s)
{
	return s->port;
}

uint64_t dr_http_server_refused(const struct dr_http_server *s)
{
	return s->refused;
}
