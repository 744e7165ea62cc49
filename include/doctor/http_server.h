/* SPDX-License-Identifier: Apache-2.0 */
#ifndef DOCTOR_HTTP_SERVER_H
#define DOCTOR_HTTP_SERVER_H

/*
 * HTTP/1.1 server on the loop (libmicrohttpd, in lib/io/http_server.c): keep-alive, bounded bodies,
 * bounded connections, idle time-out. The handler runs on the loop's thread once a whole request is there.
 * With TLS by GnuTLS (lib/io/http_tls.c); a handshake is a matter of its connection only.
 */

#include "doctor/buf.h"
#include "doctor/json.h"
#include "doctor/loop.h"
#include "doctor/mem.h"

struct dr_http_server;
struct dr_http_exchange; /* one request and its answer */

/* Must call dr_http_reply*() exactly once, now or later (dr_http_defer() first). */
typedef void (*dr_http_handler_fn)(struct dr_http_exchange *x, void *userdata);

/*
 * Called when the headers are there, before any of the body is kept. Lets the request pass by doing nothing;
 * refuses it with a reply, never a deferred one: its body is thrown away, and the handler not called.
 */
typedef void (*dr_http_admit_fn)(struct dr_http_exchange *x, void *userdata);

/* What a server shows to clients, and whose certificates it believes. Counted references. */
struct dr_http_tls;

struct dr_http_tls_files {
	const char *cert; /* PEM: the server's certificate, then those between it and the authority */
	const char *key;  /* PEM, without a passphrase; as dr_secret_read() wants it */
	const char
		*client_ca; /* PEM: the authorities of clients, who are asked for a certificate; NULL: not */
};

/* *ret_error names the file and the reason, is for people and the caller's; NULL when out of memory. */
int dr_http_tls_load(const struct dr_http_tls_files *files, struct dr_http_tls **ret,
		     char **ret_error) DR_MUST_USE;
void dr_http_tls_unref(struct dr_http_tls *t);
DR_DEFINE_FREEP(struct dr_http_tls, dr_http_tls_unref)

/* Who a client is, by the certificate that it has shown. */
struct dr_http_identity {
	enum {
		DR_HTTP_CERTIFICATE_NONE, /* it showed none, or was not asked */
		DR_HTTP_CERTIFICATE_GOOD,
		DR_HTTP_CERTIFICATE_BAD,
	} state;
	char why[256]; /* of a bad one, for people */
	/* Of a good one: its common name and alternative names (DNS, mail, URI, address), the first of them
	 */
	char names[16][256];
	size_t count;
};

struct dr_http_server_opts {
	const char *address;	    /* numeric IPv4 or IPv6; NULL: 127.0.0.1 */
	uint16_t port;		    /* 0: the kernel chooses */
	const char *unix_path;	    /* instead of the two: a local socket, see below; NULL: none */
	size_t body_max;	    /* bytes; 0: 1 MiB. Larger: 413 without the handler */
	size_t bodies_max;	    /* of all requests together, see below; 0: 64 MiB */
	unsigned connections_max;   /* 0: 256 */
	struct dr_dur idle_timeout; /* 0: 30 s */
	const char *server_name;    /* Server: header; NULL: "doctor" */
	unsigned per_peer_max;	    /* connections from one address; 0: no limit */
	struct dr_http_tls *tls;    /* the server takes a reference; NULL: plain HTTP */
	dr_http_admit_fn admit;	    /* with the handler's userdata; NULL: everybody */
};

/* A "listen" setting, "127.0.0.1:12345" or "[::1]:12345": numeric, port 0 lets the kernel choose. */
struct dr_http_listen {
	char address[64]; /* without brackets */
	uint16_t port;
	bool ipv6;
	bool loopback; /* nobody else can reach it */
	bool any;      /* the unspecified address: good to listen on, not to be called at */
};

int dr_http_listen_parse(const char *text, struct dr_http_listen *ret) DR_MUST_USE; /* -EINVAL */

/*
 * -EADDRINUSE, -EADDRNOTAVAIL, -EINVAL (address), ...
 *
 * A body is kept until its answer begins. What each has beyond 16 KiB is counted: the one that would take the
 * sum above bodies_max is thrown away, and answered with 503 and Retry-After without the handler. A body of
 * up to 16 KiB never is.
 *
 * A local socket has mode 0660, so that its owner and group say who may come. Its directory is made (0755) if
 * it is missing. What a process that has ended left there is replaced; -EADDRINUSE if somebody listens,
 * -EEXIST if something else than a socket is in the way, -ENAMETOOLONG. It is removed at the end.
 */
int dr_http_server_new(struct dr_loop *l, const struct dr_http_server_opts *opts, dr_http_handler_fn fn,
		       void *userdata, struct dr_http_server **ret) DR_MUST_USE;
void dr_http_server_free(struct dr_http_server *s); /* answers deferred exchanges with 503 */
DR_DEFINE_FREEP(struct dr_http_server, dr_http_server_free)
/*
 * Of a local socket, before the process becomes that user: hands over the socket, and its directory if that
 * was made, so that the socket is the user's and can be removed at the end.
 */
int dr_http_server_give(const struct dr_http_server *s, uid_t uid, gid_t gid) DR_MUST_USE;
uint16_t dr_http_server_port(const struct dr_http_server *s); /* 0 of a local socket */
/* How many requests it refused for bodies_max. */
uint64_t dr_http_server_refused(const struct dr_http_server *s);

/*
 * Of a server with TLS, takes a reference: new connections are shown the new certificate, and the clients of
 * all connections are held against the new authorities, from their next request.
 */
void dr_http_server_set_tls(struct dr_http_server *s, struct dr_http_tls *t);

const char *dr_http_method(const struct dr_http_exchange *x);
const char *dr_http_path(const struct dr_http_exchange *x); /* percent-decoded, no query */
const char *dr_http_query(const struct dr_http_exchange *x,
			  const char *name); /* decoded; NULL if absent, "" if bare */
const char *dr_http_query_name(const struct dr_http_exchange *x,
			       size_t i); /* of the i-th; NULL past the end */
const char *dr_http_header(const struct dr_http_exchange *x, const char *name); /* any case; NULL */
const char *dr_http_body(const struct dr_http_exchange *x, size_t *ret_len); /* NUL-terminated, never NULL */
const char *dr_http_peer(const struct dr_http_exchange *x); /* numeric address of the client; "local" */

/* When its first line was read, before anything was done about it. */
struct dr_wall dr_http_since(const struct dr_http_exchange *x);

/*
 * Hears how long it took from then until the whole answer was handed to the kernel; not, where the connection
 * ended before. To be said before the reply; userdata must outlive the server.
 */
typedef void (*dr_http_answered_fn)(struct dr_dur took, void *userdata);
void dr_http_on_answered(struct dr_http_exchange *x, dr_http_answered_fn fn, void *userdata);

/* Never NULL; valid until the next call. Verified anew once a minute, as a certificate's time passes. */
const struct dr_http_identity *dr_http_identity(const struct dr_http_exchange *x);

/* Who asks, as far as is known: what dr_http_set_user() was told, else the peer's address. */
void dr_http_set_user(struct dr_http_exchange *x, const char *name);
const char *dr_http_user(const struct dr_http_exchange *x);

/* Adds a response header; call before the reply. */
void dr_http_set_header(struct dr_http_exchange *x, const char *name, const char *value);

/* The exchange outlives the handler until a reply (or the server's end). */
void dr_http_defer(struct dr_http_exchange *x);
void dr_http_reply(struct dr_http_exchange *x, unsigned status, const char *content_type, const void *body,
		   size_t len);
/* Takes what is in body (which is empty then) for the answer, without a copy; 500 if body->error is set. */
void dr_http_reply_buf(struct dr_http_exchange *x, unsigned status, const char *content_type,
		       struct dr_buf *body);
/* Prints and frees body; 500 if it is NULL or incomplete. */
void dr_http_reply_json(struct dr_http_exchange *x, unsigned status, struct dr_json *body);
/*
 * For tools that play a server in trouble: promises len bytes, sends the first `sent` of them and resets the
 * connection. With sent 0 nothing is sent, no status either.
 */
void dr_http_reply_cut(struct dr_http_exchange *x, unsigned status, const char *content_type,
		       const void *body, size_t len, size_t sent);
/*
 * An answer without an end, of status 200 (lib/io/http_stream.c): what is written to it is sent as fast as
 * the client takes it. gone is called once, from the loop or the server's end, when the client has gone, has
 * taken nothing for the idle time-out while something waited, or the server ends: the stream is no more then.
 * That a client went is noticed by writing. At most waiting_max bytes wait to be sent. -ENOMEM: nothing was
 * answered.
 */
struct dr_http_stream;
typedef void (*dr_http_gone_fn)(void *userdata);
int dr_http_reply_stream(struct dr_http_exchange *x, const char *content_type, size_t waiting_max,
			 dr_http_gone_fn gone, void *userdata, struct dr_http_stream **ret) DR_MUST_USE;
/* All of it, or nothing: -ENOBUFS when there is no room, -ENOMEM, after which nothing can be written. */
int dr_http_stream_write(struct dr_http_stream *t, const void *data, size_t len) DR_MUST_USE;
size_t dr_http_stream_waiting(const struct dr_http_stream *t); /* bytes that the connection has not taken */
/* The answer ends behind what was written. t is not the caller's any more, and gone not called. NULL-safe. */
void dr_http_stream_end(struct dr_http_stream *t);

/* {"error": {"code": status, "message": "..."}} */
void dr_http_reply_error(struct dr_http_exchange *x, unsigned status, const char *fmt, ...) DR_PRINTF(3, 4);

#endif
