/* SPDX-License-Identifier: Apache-2.0 */
#ifndef DOCTOR_CLOUD_AMQP_H
#define DOCTOR_CLOUD_AMQP_H

/*
 * The message bus of OpenStack: AMQP 0-9-1 with RabbitMQ's confirms (librabbitmq, in lib/cloud/amqp_link.c).
 * The library blocks, so a thread of its own holds the connection: it connects to the hosts in turn, again
 * after a pause when that fails, and says on the loop what became of each message. All functions are called,
 * and call back, on the loop's thread.
 */

#include "doctor/loop.h"

#define DR_AMQP_PORT 5672
#define DR_AMQP_TLS_PORT 5671
#define DR_AMQP_BODY_MAX (1U << 20) /* bytes; what comes in and is longer is dropped, and counted */
#define DR_AMQP_TEXT_MAX 256

struct dr_amqp_host {
	char name[256]; /* or a numeric address; with TLS, the name in the broker's certificate */
	uint16_t port;
};

struct dr_amqp_health {
	bool connected;
	char host[272];		    /* connected to, or tried last: "name:port" */
	char why[DR_AMQP_TEXT_MAX]; /* not connected: for people */
	struct dr_mono since;	    /* it is as it is */
	bool consuming;
	char consume_why[DR_AMQP_TEXT_MAX]; /* connected and not consuming; "" also when nobody asked */
	unsigned waiting;		    /* messages that have not ended */
	uint64_t confirmed, unrouted, failed;
	uint64_t delivered, dropped; /* bodies that came; of them, too long or no memory */
};

/* Connected, no longer connected, still not connected for another reason, or the same of consuming. */
typedef void (*dr_amqp_state_fn)(const struct dr_amqp_health *h, void *userdata);

/* All is copied. Zero means the default of that setting. */
struct dr_amqp_conf {
	const struct dr_amqp_host *hosts; /* of one cluster, tried in this order */
	size_t host_count;		  /* at least 1 */
	const char *vhost;		  /* NULL: "/" */
	const char *user;
	const char *password;	   /* or, */
	const char *password_file; /* read before each login; a line end at its end is none of it */
	bool tls;
	const char *ca_file;	       /* NULL: Debian's, /etc/ssl/certs/ca-certificates.crt */
	bool durable;		       /* the exchanges are (amqp_durable_queues of oslo.messaging) */
	unsigned queue_max;	       /* messages that have not ended; 1000 */
	struct dr_dur connect_timeout; /* for connecting, for the login, and for each later question: 5 s */
	struct dr_dur heartbeat; /* whole seconds; a broker that is silent for twice that is lost: 10 s */
	struct dr_dur pause, pause_max; /* after all hosts have failed, doubled each time: 200 ms, 10 s */
	dr_amqp_state_fn on_state;	/* may be NULL */
	void *userdata;
};

struct dr_amqp;

/* Starts to connect. -EINVAL: no host or no user. -ENOMEM, -EAGAIN (no thread) ... */
int dr_amqp_new(struct dr_loop *l, const struct dr_amqp_conf *conf, struct dr_amqp **ret) DR_MUST_USE;

/*
 * Not from within one of its callbacks. Messages that have not ended do so with -ECANCELED. Returns within a
 * second: a thread that the resolver keeps longer ends by itself afterwards, and touches nothing of the
 * caller's.
 */
void dr_amqp_free(struct dr_amqp *a);
DR_DEFINE_FREEP(struct dr_amqp, dr_amqp_free)

struct dr_amqp_message {
	const char *exchange; /* topic; made, not durable unless the setting says so, if it is not there */
	const char *routing_key;
	const char *body;      /* JSON; copied */
	size_t len;	       /* up to DR_AMQP_BODY_MAX */
	struct dr_dur timeout; /* in all; 0: 10 s */
};

/*
 * error, from the loop, once:
 *
 *   0            the broker has it in a queue at least
 *   -ENXIO       no queue takes messages with this exchange and routing key: nobody would get it
 *   -EPROTOTYPE  the exchange is of another kind than a topic, or as durable as it should not be
 *   -EACCES      the user may not
 *   -ENOENT      there is no such exchange, and the user may not make it
 *   -EIO         the broker refused it for another reason
 *   -ENOTCONN    the time is over, and it was never sent
 *   -ETIMEDOUT   the time is over, and it is not known whether it arrived
 *   -ECANCELED   dr_amqp_free()
 *
 * text says it for people; "" on 0. A message that was sent when the connection broke is sent again: it may
 * arrive twice.
 */
typedef void (*dr_amqp_done_fn)(int error, const char *text, void *userdata);

/* -ENOBUFS: queue_max of them wait. -EMSGSIZE, -EINVAL, -ENOMEM. fn is not called then. fn may be NULL. */
int dr_amqp_publish(struct dr_amqp *a, const struct dr_amqp_message *m, dr_amqp_done_fn fn,
		    void *userdata) DR_MUST_USE;

#define DR_AMQP_KEYS_MAX 8

/* All is copied. */
struct dr_amqp_subscription {
	const char *exchange;
	const char *keys[DR_AMQP_KEYS_MAX]; /* patterns, "notifications.*"; ends with NULL if shorter */
	const char *queue;		    /* its name; what follows if it is not durable is random */
	bool durable;	     /* stays when nobody listens, bounded as it is; else ends with the connection */
	unsigned max_length; /* bodies; the oldest make room; 0: 10000 */
	struct dr_dur ttl;   /* of a body in it; 0: 10 min */
};

/* body is only valid during the call; NUL-terminated, len excludes that. It is acknowledged afterwards. */
typedef void (*dr_amqp_body_fn)(const char *body, size_t len, void *userdata);

/* One per dr_amqp: -EBUSY. Tried again every pause_max while the broker refuses it. -EINVAL, -ENOMEM. */
int dr_amqp_consume(struct dr_amqp *a, const struct dr_amqp_subscription *s, dr_amqp_body_fn fn,
		    void *userdata) DR_MUST_USE;

struct dr_amqp_health dr_amqp_health(struct dr_amqp *a);

#endif
