/* SPDX-License-Identifier: Apache-2.0 */
#ifndef DOCTOR_CONSUMER_CONFIG_H
#define DOCTOR_CONSUMER_CONFIG_H

/* The configuration of doctor-consumer; etc/doctor-consumer.yaml describes every setting. */

#include "consumer/plan.h"
#include "doctor/conf.h"
#include "doctor/http_server.h"

#define CON_SERVERS_MAX 10000

struct con_tls_conf {
	char *cert, *key, *client_ca; /* files; cert NULL: plain HTTP */
};

struct con_inspector_conf {
	char *url;	     /* NULL: none */
	char *token_file;    /* NULL: none */
	char *ca;	     /* NULL: the system's */
	char *callback;	     /* what it is told to call; NULL: from url or the listening socket */
	struct dr_dur check; /* whether the subscription is still there */
};

struct con_config {
	struct dr_http_listen listen;
	struct con_tls_conf tls;
	char *url;   /* what Aodh is told; NULL: from the listening socket */
	char *cloud; /* entry of clouds.yaml; NULL: OS_CLOUD or OS_* */
	struct con_ids servers;
	bool discover; /* beside servers: those of the project that match */
	struct con_match match;
	struct dr_dur interval; /* of looking which servers there are */
	struct con_plan plan;	/* the default */
	struct con_plan *plans;
	size_t plan_count;
	struct dr_dur same_fault; /* what is heard of a server so soon after a fault of it is the same */
	char *journal;		  /* file; NULL: in memory only */
	char *webhook;		  /* NULL: none */
	struct con_inspector_conf inspector;
	bool keep_alarms;
	struct dr_dur timeout; /* of one request */
};

void con_config_done(struct con_config *c);

/* Reads all of it; complaints gather in f. 0 also then (the caller counts them), or -ENOMEM. */
int con_config_read(struct dr_conf *f, struct con_config *ret) DR_MUST_USE;

/* Whether no row can make it another plan than its id does. */
bool con_config_plan_is_known(const struct con_config *c, const char *server_id);

/* The first plan that is the server's, else the default. row as in con_plan_is_for(). */
const struct con_plan *con_config_plan(const struct con_config *c, const char *server_id,
				       const struct dr_json *row);

#endif
