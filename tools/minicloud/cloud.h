/* SPDX-License-Identifier: Apache-2.0 */
#ifndef MC_CLOUD_H
#define MC_CLOUD_H

/*
 * The cloud as its services see it: the model, what is under way, and how a request is taken and
 * answered. Each service is a table of routes and a way to word errors; dispatch.c does what they share:
 * injected faults, tokens, request ids, bodies. How it is made to fail, and asked what it did: control.c.
 */

#include "doctor/http_client.h"
#include "doctor/http_server.h"
#include "doctor/json.h"
#include "doctor/loop.h"
#include "tools/minicloud/fail.h"
#include "tools/minicloud/model.h"
#include "tools/minicloud/record.h"

#define MC_REGION "RegionOne"
#define MC_PAGE_MAX 1000 /* items of a page: Nova's, Glance's and Neutron's limit as in the sandbox */

struct mc_reply; /* waits for its time, see dispatch.c */
struct mc_job;	 /* the next step of a server, see jobs.c */

struct mc_cloud {
	struct dr_loop *loop;
	struct dr_http_client *http; /* for alarm actions */
	struct mc_model model;
	struct mc_fails fails;
	struct mc_records records;
	struct dr_dur latency;
	char url[96]; /* "http://127.0.0.1:PORT" */
	TAILQ_HEAD(mc_replies, mc_reply) replies;
	TAILQ_HEAD(mc_jobs, mc_job) jobs; /* soonest first */
	struct dr_source *reply_timer, *job_timer;
};

struct mc_cloud_opts {
	struct mc_model_opts model;
	struct dr_dur latency;
	struct mc_fails fails;
};

/* loop and http must outlive it. */
int mc_cloud_init(struct mc_cloud *c, struct dr_loop *loop, struct dr_http_client *http,
		  const struct mc_cloud_opts *opts) DR_MUST_USE;
void mc_cloud_done(struct mc_cloud *c); /* after the server is gone */

/* The handler of the HTTP server; userdata is the cloud. */
void mc_dispatch(struct dr_http_exchange *x, void *userdata);

/* ---- a request ---- */

#define MC_ARG_SIZE 80

struct mc_req {
	struct mc_cloud *cloud;
	struct dr_http_exchange *x;
	const struct mc_api *api;
	const char *method, *path; /* the path without the service's prefix and without slashes at its end */
	char arg[3][MC_ARG_SIZE];  /* what stood in the place of each {} */
	const struct mc_token *token; /* NULL on routes that are open */
	bool is_admin;
	unsigned minor;	      /* compute: of microversion 2.X, the X */
	struct dr_json *body; /* NULL without one */
	char request_id[MC_UUID_SIZE + 4];
	struct dr_wall now;
	uint64_t record;	    /* its number; 0: it has none */
	bool replaced;		    /* an injected fault comes instead of what was asked for */
	const struct mc_fail *fail; /* injected, and not yet taken account of; NULL: none */
};

typedef void (*mc_handler_fn)(struct mc_req *q); /* answers exactly once */

enum {
	MC_OPEN = 1,	 /* no token needed */
	MC_BODY = 2,	 /* a JSON object is needed */
	MC_ANY_BODY = 4, /* JSON of any kind is needed */
};

struct mc_route {
	const char *method, *pattern; /* "/v2.1/servers/{}"; HEAD is taken as GET */
	mc_handler_fn handle;
	unsigned flags;
};

struct mc_api {
	const char *type;   /* in the catalogue */
	const char *name;   /* in the catalogue */
	const char *prefix; /* of the path on our port: "/compute" */
	const char *url;    /* of the endpoint below the prefix */
	const struct mc_route *routes;
	size_t route_count;
	/* Before the handler; true: go on, false: answered. NULL: nothing to do. */
	bool (*prepare)(struct mc_req *q);
	/* Answers an error in this service's own shape. */
	void (*error)(struct mc_req *q, unsigned status, const char *message); /* NULL: the status' title */
	/* Answers a path that is not there, or not for this method. */
	void (*no_route)(struct mc_req *q, bool path_known);
	/* Answers a request without a good token; WWW-Authenticate is set. */
	void (*unauthorized)(struct mc_req *q);
	const char *auth_uri;	      /* of WWW-Authenticate, below our address */
	const char *request_id_alias; /* one more header for the request id; NULL: none */
	/* What the service says of a body that is no JSON object. */
	const char *bad_body;
};

extern const struct mc_api mc_keystone_api, mc_nova_api, mc_glance_api, mc_neutron_api, mc_aodh_api;
extern const struct mc_api *const mc_apis[]; /* ends with NULL */
extern const struct mc_api mc_control_api;   /* not in the catalogue, open to all, never failing */

/* Answers now, or after the latency. json is freed; NULL or incomplete: 500. */
void mc_reply(struct mc_req *q, unsigned status, struct dr_json *json);
void mc_reply_typed(struct mc_req *q, unsigned status, const char *content_type, struct dr_json *json);
void mc_reply_empty(struct mc_req *q, unsigned status);
void mc_reply_nothing(struct mc_req *q, unsigned status); /* the same, and calls it JSON, as Nova does */
void mc_reply_text(struct mc_req *q, unsigned status, const char *content_type, const char *text);
void mc_fail(struct mc_req *q, unsigned status, const char *fmt, ...) DR_PRINTF(3, 4); /* by api->error */

/* As keystonemiddleware refuses, the same before Nova, Neutron and Aodh. */
void mc_unauthorized_by_middleware(struct mc_req *q);
/* An error as WebOb words it, as the client accepts: JSON, HTML or plain text. */
void mc_webob_error(struct mc_req *q, unsigned status, const char *explanation);
const char *mc_status_title(unsigned status); /* "Not Found" */

/* The scheme and authority that the client used, for links: "http://127.0.0.1:8774". */
void mc_base_url(const struct mc_req *q, char *out, size_t size);

/* text percent-encoded for a query. */
void mc_url_escape(struct dr_buf *b, const char *text);

/* A query parameter as a whole number >= 0; 0 if absent (*ret untouched), 1 if there, -EINVAL. */
int mc_query_number(const struct mc_req *q, const char *name, uint64_t *ret) DR_MUST_USE;
/* The first query parameter whose name is not in names (ends with NULL); NULL: all are known. */
const char *mc_unknown_query(const struct mc_req *q, const char *const names[]);
/* As oslo's bool_from_string: 1, t, true, on, y, yes (and a bare name) are true. */
bool mc_true_text(const char *text);

/* ---- times as the services write them ---- */

enum mc_time_form {
	MC_TIME_SECONDS_Z, /* 2026-11-22T14:03:21Z */
	MC_TIME_SECONDS,   /* 2026-11-22T14:03:21 */
	MC_TIME_MICROS_Z,  /* 2026-11-22T14:03:21.710436Z */
	MC_TIME_MICROS,	   /* 2026-11-22T14:03:21.710436 */
	MC_TIME_SPACED,	   /* 2026-11-22 14:03:21.710436 */
};

char *mc_time(struct dr_wall when, enum mc_time_form form, char out[DR_TIME_STR_MAX]);
void mc_add_time(struct dr_json *object, const char *key, struct dr_wall when, enum mc_time_form form);

/* ---- what happens later ---- */

/* After `delay` the server takes its next step (and the ones after it, each after a while). */
void mc_job_start(struct mc_cloud *c, const struct mc_server *s, const char *request_id, struct dr_dur delay);
void mc_jobs_clear(struct mc_cloud *c);
int mc_jobs_run(struct dr_source *timer, void *cloud); /* the timer's callback */

/*
 * Nova tells the world that a server has changed, and what follows from it (check points T05 to T08).
 * request_id: whose doing it was.
 */
void mc_notify_update(struct mc_cloud *c, const struct mc_server *s, enum mc_vm_state old_state,
		      const char *request_id);

#endif
