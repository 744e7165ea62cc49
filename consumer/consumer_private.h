/* SPDX-License-Identifier: Apache-2.0 */
#ifndef DOCTOR_CONSUMER_CONSUMER_PRIVATE_H
#define DOCTOR_CONSUMER_CONSUMER_PRIVATE_H

/* What the parts of the consumer share: consumer.c composes, heal.c recovers, receive.c answers. */

#include <sys/queue.h>

#include "consumer/arm.h"
#include "consumer/consumer.h"
#include "consumer/exec.h"
#include "consumer/fleet.h"
#include "consumer/metrics.h"
#include "consumer/notification.h"
#include "consumer/recreate.h"
#include "consumer/subscribe.h"
#include "consumer/switchover.h"
#include "consumer/tell.h"
#include "doctor/buf.h"

/* A server that we hear of. */
struct con_server {
	TAILQ_ENTRY(con_server) entry;
	struct con_consumer *consumer;
	char id[CON_ID_MAX + 1];
	const struct con_plan *plan;
	bool configured;
	bool seen;		 /* in the look under way */
	bool planned;		 /* plan is its own, or can be no other */
	struct con_fault *fault; /* whose recovery, or return, is under way; NULL */
	struct con_recreate *recreate;
	struct con_switchover *switchover;
	struct con_exec *exec;
};

/* What was heard of one server. */
struct con_word {
	TAILQ_ENTRY(con_word) entry;
	bool from_inspector;
	bool logged;
	bool before; /* an earlier life without a journal may have heard it, and begun */
	char server[CON_ID_MAX + 1];
	char alarm[CON_ID_MAX + 1];	   /* of Aodh */
	char id[CON_MESSAGE_ID_MAX + 1];   /* of Aodh's event, or the inspector's fault; "": not known */
	char type[CON_MESSAGE_ID_MAX + 1]; /* as the inspector calls it */
	struct dr_wall received;
	struct dr_wall raised; /* as the inspector says, or Nova; 0: not told */
};

struct con_consumer {
	struct con_work work;
	const struct con_config *config;
	struct dr_nova_api api;
	struct dr_http_tls *tls;
	struct dr_http_server *http;
	struct con_arm *arm;
	struct con_fleet *fleet;
	struct con_subscribe *subscribe; /* NULL: no inspector is configured */
	struct con_tell *tell;		 /* NULL: no webhook is */
	TAILQ_HEAD(con_server_list, con_server) servers;
	size_t server_count;
	bool ready;   /* the plan of each server is known, but for those that Nova does not show just now */
	bool planned; /* of those, too */
	bool listed;  /* who is not among servers is not ours, as of the last look */
	bool resumed; /* what an earlier life left open, of all of them */
	TAILQ_HEAD(con_word_list, con_word) words;
	size_t word_count;
	struct dr_source *hear; /* when there is nothing more urgent to do, or the journal failed */
	char *url, *callback;	/* what Aodh and the inspector are told */
	con_started_fn started;
	void *userdata;
	bool stopping;
	struct con_counts counts;
};

/* ---- consumer.c ---- */

struct con_server *con_find_server(const struct con_consumer *c, const char *id);
struct con_server *con_add_server(struct con_consumer *c, const char *id); /* NULL: out of memory */

/* ---- heal.c ---- */

/*
 * 0: it is in the journal, and its recovery has begun where it needs one. 1: the server is not ours.
 * -EAGAIN: its plan is not known yet, or, where the inspector tells of it, whether it is ours. Negative: the
 * journal cannot be written. Nothing was begun then.
 */
int con_hear(struct con_consumer *c, const struct con_word *w) DR_MUST_USE;

/* The inspector says that its fault is over; as con_hear(). 1: there is none that we know. */
int con_hear_cleared(struct con_consumer *c, const char *server, const char *incident) DR_MUST_USE;

/* An alarm has fired that nobody heard; before: it was so at the start. */
void con_hear_late(struct con_consumer *c, const char *server, const char *alarm, bool before);

enum con_back {
	CON_BACK_BEGUN,	  /* the log and the fault say how it ends */
	CON_BACK_UNKNOWN, /* there is no such fault */
	CON_BACK_NOTHING, /* no standby has anything for it */
	CON_BACK_BUSY,	  /* with its server, or still starting */
};
/* A person wants back what a standby took over for this fault. Negative: nothing was begun. */
int con_switch_back(struct con_consumer *c, const char *fault) DR_MUST_USE; /* an enum con_back */

/* What an earlier life left open, of servers whose plan is known. False: there are others. */
bool con_resume(struct con_consumer *c);
void con_server_stop(struct con_server *s);			/* its recovery ends where it is; frees it */
const char *con_server_replacement(const struct con_server *s); /* so far; "" */

/* ---- receive.c ---- */

void con_request(struct dr_http_exchange *x, void *userdata); /* a dr_http_handler_fn */

/* Heard as soon as the plan of each server is known, and again until it is in the journal. */
int con_keep_word(struct con_consumer *c,
		  const struct con_word *w) DR_MUST_USE; /* -ENOMEM; -ENOBUFS: too many */
void con_hear_all(struct con_consumer *c);		 /* what waits in words */

#endif
