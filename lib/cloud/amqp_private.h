/* SPDX-License-Identifier: Apache-2.0 */
#ifndef DOCTOR_LIB_CLOUD_AMQP_PRIVATE_H
#define DOCTOR_LIB_CLOUD_AMQP_PRIVATE_H

/*
 * Between amqp.c (the loop's side), amqp_thread.c (the thread: which host, when, and what of the queue) and
 * amqp_link.c (one connection; the only file that knows librabbitmq).
 */

#include <pthread.h>

#include "doctor/cloud/amqp.h"

struct amqp_message {
	struct amqp_message *next;
	char *exchange, *key, *body;
	size_t len;
	dr_amqp_done_fn fn; /* NULL: nobody asks (any more) */
	void *userdata;
	struct dr_mono deadline;
	enum {
		AMQP_QUEUED,
		AMQP_SENDING, /* the thread reads it, without the lock */
		AMQP_SENT,
	} state;
	uint64_t tag;  /* SENT: of this connection's channel */
	bool was_sent; /* on this or an earlier connection */
	int error;
	char text[DR_AMQP_TEXT_MAX];
};

struct amqp_messages {
	struct amqp_message *first, **end;
};

struct amqp_delivery {
	struct amqp_delivery *next;
	uint64_t tag;
	unsigned consumer; /* that it came by */
	bool dropped;	   /* its body is not here */
	size_t len;
	char body[]; /* NUL-terminated */
};

struct amqp_conf {
	struct dr_amqp_host *hosts;
	size_t host_count;
	char *vhost, *user, *password, *password_file, *ca_file;
	bool tls, durable;
	struct dr_dur connect_timeout, heartbeat, pause, pause_max;
};

struct amqp_subscription {
	char *exchange, *queue, *keys[DR_AMQP_KEYS_MAX];
	bool durable;
	unsigned max_length;
	struct dr_dur ttl;
};

/* What both threads know; freed by the last of them. */
struct amqp_shared {
	struct amqp_conf conf; /* constant */
	int wake_fd;	       /* for the thread: there is something to do */
	int note_fd;	       /* for the loop: there is something to tell */

	pthread_mutex_t lock; /* what follows */
	unsigned refs;
	bool stop;
	int socket; /* the connection's, a copy of ours; -1: none. Shut down to end what blocks */
	struct amqp_messages messages, done;
	unsigned count;		       /* of both */
	struct amqp_subscription *sub; /* NULL: nobody asked; constant once it is there */
	struct amqp_delivery *arrived, **arrived_end;
	unsigned consumer; /* how many were tried */
	uint64_t handed;   /* tag of the last body that was handed over */
	unsigned handed_by;
	bool state_changed;
	struct dr_amqp_health health;
};

void amqp_notify(int fd); /* makes an eventfd readable */
void amqp_messages_push(struct amqp_messages *l, struct amqp_message *m);
void amqp_shared_unref(struct amqp_shared *s);
void *amqp_thread(void *shared);

/* ---- amqp_link.c ---- */

struct amqp_link;

enum amqp_event_kind {
	AMQP_EVENT_CONFIRMED,
	AMQP_EVENT_REFUSED,	   /* basic.nack */
	AMQP_EVENT_RETURNED,	   /* no queue takes it; CONFIRMED follows */
	AMQP_EVENT_PUBLISH_CLOSED, /* the channel was closed by the broker; all that was not confirmed is open
				    */
	AMQP_EVENT_DELIVERY,
	AMQP_EVENT_TOO_LONG, /* a delivery without its body */
	AMQP_EVENT_CONSUME_CLOSED,
};

struct amqp_event {
	enum amqp_event_kind kind;
	uint64_t tag;
	bool multiple; /* CONFIRMED, REFUSED: all up to tag */
	int error;     /* *_CLOSED, RETURNED */
	char text[DR_AMQP_TEXT_MAX];
	const char *body; /* DELIVERY; until the next event */
	size_t len;
};

/* The socket, as soon as there is one; -1: it is about to be closed. Negative: give up. */
typedef int (*amqp_socket_fn)(int fd, void *userdata);

/*
 * Connects and logs in. Negative errno, with what for people in why, which has no password. Every other
 * function below that fails ends the link, too: close it.
 */
int amqp_link_open(const struct amqp_conf *conf, const struct dr_amqp_host *host, const char *password,
		   amqp_socket_fn fn, void *userdata, struct amqp_link **ret,
		   char why[DR_AMQP_TEXT_MAX]) DR_MUST_USE;
void amqp_link_close(struct amqp_link *l);
int amqp_link_fd(const struct amqp_link *l);
const char *amqp_link_why(const struct amqp_link *l); /* of the last failure */

/* 0: sent as *ret_tag. 1: the broker refuses it; *ret_error and amqp_link_why() say how. */
int amqp_link_publish(struct amqp_link *l, const struct amqp_message *m, uint64_t *ret_tag,
		      int *ret_error) DR_MUST_USE;

/* 1: the broker refuses it; amqp_link_why(). */
int amqp_link_consume(struct amqp_link *l, const struct amqp_subscription *s) DR_MUST_USE;
int amqp_link_ack(struct amqp_link *l, uint64_t tag) DR_MUST_USE; /* all up to tag */

/* 1: an event is there. 0: nothing (any more). Never waits. Sends heartbeats, too. */
int amqp_link_next(struct amqp_link *l, struct amqp_event *ret) DR_MUST_USE;

#endif
