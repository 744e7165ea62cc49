/* SPDX-License-Identifier: Apache-2.0 */
#ifndef DOCTOR_CLOUD_CLOUD_H
#define DOCTOR_CLOUD_CLOUD_H

/*
 * A session with an OpenStack cloud: credentials, token, catalogue, and calls to its services over
 * one HTTP client. Keystone v3: https://docs.openstack.org/api-ref/identity/v3/
 */

#include "doctor/conf.h"
#include "doctor/http_client.h"
#include "doctor/json.h"
#include "doctor/loop.h"

/* Credentials and choice of endpoints. Strings are owned. */
struct dr_cloud_conf {
	char *auth_url; /* with or without /v3 */
	char *username, *user_id, *password;
	char *user_domain_name, *user_domain_id;
	char *project_name, *project_id;
	char *project_domain_name, *project_domain_id;
	char *application_credential_id, *application_credential_name, *application_credential_secret;
	char *region_name;
	char *interface; /* "public", "internal" or "admin" */
	char *cacert;
	bool insecure; /* no verification of certificates */
};

void dr_cloud_conf_done(struct dr_cloud_conf *c);
int dr_cloud_conf_copy(const struct dr_cloud_conf *from, struct dr_cloud_conf *ret) DR_MUST_USE; /* -ENOMEM */

/*
 * As the OpenStack clients do: with cloud_name (or OS_CLOUD) that entry of clouds.yaml, looked for in
 * $OS_CLIENT_CONFIG_FILE, ./, ~/.config/openstack, /etc/openstack (and secure.yaml beside it merged
 * over it); else OS_* of the environment. A refusal names the missing or wrong setting and, for a
 * file, its place: *ret_error (the caller frees it) says what, with -EINVAL or -ENOENT.
 */
int dr_cloud_conf_load(const char *cloud_name, struct dr_cloud_conf *ret, char **ret_error) DR_MUST_USE;

struct dr_cloud;

/* Takes over conf's strings. http must outlive the session; make it with ca_file = conf.cacert and insecure =
 * conf.insecure. Nothing is sent yet; never of a conf without auth_url: each call ends with -ENOTCONN. */
int dr_cloud_new(struct dr_loop *l, struct dr_http_client *http, struct dr_cloud_conf *conf,
		 struct dr_cloud **ret) DR_MUST_USE;
void dr_cloud_free(struct dr_cloud *s); /* pending calls end with -ECANCELED */
DR_DEFINE_FREEP(struct dr_cloud, dr_cloud_free)

struct dr_cloud_reply {
	int error;	  /* 0: the service answered, see status; -EACCES: Keystone refused the login;
			     -ENOENT: no such service in the catalogue; else as dr_http_response.error */
	char reason[512]; /* for people: the transport's or the service's own message; "" on 2xx */
	unsigned status;
	struct dr_json *json; /* NULL if the body is empty or no JSON; freed after the callback */
	char request_id[64];  /* x-openstack-request-id, "" if none */
	const struct dr_http_response *http; /* NULL if nothing was sent */
	struct dr_dur took;
};

typedef void (*dr_cloud_done_fn)(const struct dr_cloud_reply *r, void *userdata);

struct dr_cloud_request {
	const char *service; /* catalogue type: "compute", "image", "network", "alarming", "identity" */
	const char *method;
	const char *path; /* appended to the endpoint, "/servers/..." ; or a full URL of that service ("next"
			     links) */
	const char *microversion;   /* compute: both headers are sent; NULL: none */
	const struct dr_json *body; /* NULL: none; copied */
	const void *raw_body;	    /* or bytes (image upload) */
	size_t raw_len;
	const char *content_type; /* of raw_body */
	const char *request_id;	  /* "req-UUID", one for all calls of an incident: ties the services' logs to
				     it; NULL: a new one */
	struct dr_dur timeout;	  /* 0: 30 s; a login before it is not counted */
};

/*
 * Logs in first when there is no token, again well before it expires, and once more on 401 (then the
 * request is repeated once). Calls made meanwhile wait for that one login. fn is called exactly once,
 * from the loop.
 */
int dr_cloud_send(struct dr_cloud *s, const struct dr_cloud_request *req, dr_cloud_done_fn fn,
		  void *userdata) DR_MUST_USE;

/* Fetches token and catalogue ahead of time; fn (may be NULL) hears how it went. Connections to a service are
 * warm after calls to it. */
int dr_cloud_login(struct dr_cloud *s, dr_cloud_done_fn fn, void *userdata) DR_MUST_USE;

/*
 * For tools and tests: sends and runs the loop until the answer is there. The caller frees *ret_json
 * (may be NULL). Returns 0 on 2xx; the HTTP status (positive, >= 300) otherwise; negative if there was
 * no answer. *ret_error, if not NULL, is a text for people then, freed by the caller.
 */
int dr_cloud_call(struct dr_cloud *s, const struct dr_cloud_request *req, struct dr_json **ret_json,
		  char **ret_error) DR_MUST_USE;

const char *dr_cloud_project_id(const struct dr_cloud *s); /* NULL before the first login */
const char *dr_cloud_user_id(const struct dr_cloud *s);	   /* the same */

/* The message in an OpenStack error body of any of its services' shapes; NULL if there is none. */
const char *dr_cloud_error_message(const struct dr_json *body);

#endif
