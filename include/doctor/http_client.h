/* SPDX-License-Identifier: Apache-2.0 */
#ifndef DOCTOR_HTTP_CLIENT_H
#define DOCTOR_HTTP_CLIENT_H

/*
 * HTTP client on the loop (libcurl multi, in lib/io/http_client.c): many requests at once over warm,
 * kept connections, each with its time limit. No retry and no redirect here: what an answer means, the caller
 * knows. Proxies are those of the environment (http_proxy, https_proxy, no_proxy), never for this machine
 * itself. SIGPIPE is ignored from the first client on.
 */

#include "doctor/buf.h"
#include "doctor/clock.h"
#include "doctor/loop.h"
#include "doctor/mem.h"

struct dr_http_client;

struct dr_http_client_opts {
	unsigned per_host_max;	/* parallel connections to one host; more requests wait; 0: 8 */
	unsigned idle_max;	/* warm connections kept; 0: 32 */
	size_t answer_max;	/* bytes of an answer's body; 0: 16 MiB */
	const char *user_agent; /* NULL: "doctor/VERSION" */
	const char *ca_file;	/* PEM; NULL: the system's */
	/* What we show the server, PEM, read for each connection; key_file NULL: the key is in cert_file. A
	 * key with a passphrase is refused. */
	const char *cert_file, *key_file;
	bool insecure;		 /* no verification of the server's certificate */
	const char *unix_socket; /* path of the local socket that all calls go to, whatever their URL says;
				    NULL */
};

struct dr_http_header {
	const char *name;
	const char *value;
};

#define DR_HTTP_HEADERS_MAX 16

/* Everything is copied by dr_http_send(). */
struct dr_http_request {
	const char *method; /* "GET", "PUT", ... */
	const char *url;
	struct dr_http_header headers[DR_HTTP_HEADERS_MAX]; /* up to the first name that is NULL */
	const char *body;				    /* NULL: none */
	size_t body_len;
	const char *content_type;      /* NULL with a body: application/json */
	const char *user, *password;   /* Basic authentication (RFC 7617), no ":" in user; NULL: none */
	struct dr_dur timeout;	       /* for everything, the wait for a connection included; 0: 10 s */
	struct dr_dur connect_timeout; /* 0: 3 s */
};

struct dr_http_response {
	int error;	  /* 0: an answer came, see status; else -ETIMEDOUT, -ECONNREFUSED, -EHOSTUNREACH,
			     -ECANCELED, -EMSGSIZE (answer too large), -EPROTO, -EIO ... */
	char reason[256]; /* for people; "" if error is 0 */
	unsigned status;
	struct dr_buf body;
	struct dr_buf headers; /* the raw header lines of the final answer */
	struct dr_dur took;
};

void dr_http_response_done(struct dr_http_response *r);
/* Value of a header of the answer, any case, into buf; returns buf, or NULL if absent or too long. */
char *dr_http_response_header(const struct dr_http_response *r, const char *name, char *buf, size_t size);

/* r is valid during the call only. May send further requests; must not free the client. */
typedef void (*dr_http_done_fn)(const struct dr_http_response *r, void *userdata);

int dr_http_client_new(struct dr_loop *l, const struct dr_http_client_opts *opts,
		       struct dr_http_client **ret) DR_MUST_USE;
void dr_http_client_free(struct dr_http_client *c); /* pending calls end with -ECANCELED */
DR_DEFINE_FREEP(struct dr_http_client, dr_http_client_free)

/*
 * 0: fn will be called exactly once, from the loop, never from in here. -EINVAL: the URL (http or https), the
 * method or a header is none; -ECANCELED: the client is being freed; -ENOMEM.
 */
int dr_http_send(struct dr_http_client *c, const struct dr_http_request *req, dr_http_done_fn fn,
		 void *userdata) DR_MUST_USE;

/*
 * For tools and tests: sends and runs the loop until the answer is there. *ret is filled in any case
 * where 0 is returned (also with ret->error set); the caller ends it with dr_http_response_done(). Negative
 * as dr_http_send() and dr_loop_run_once(): the call is over then, too.
 */
int dr_http_call(struct dr_http_client *c, const struct dr_http_request *req,
		 struct dr_http_response *ret) DR_MUST_USE;

unsigned dr_http_client_pending(const struct dr_http_client *c);

#endif
