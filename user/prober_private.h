/* SPDX-License-Identifier: Apache-2.0 */
#ifndef DOCTOR_USER_PROBER_PRIVATE_H
#define DOCTOR_USER_PROBER_PRIVATE_H

/* The sender from within: prober.c is what others call, prober_thread.c what its thread does. */

#include <pthread.h>
#include <semaphore.h>
#include <stdatomic.h>

#include "user/config.h"
#include "user/pacer.h"
#include "user/prober.h"
#include "user/prober_batch.h"
#include "user/prober_sockets.h"

#define MON_SOURCES_AT_ONCE 4 /* source addresses asked for with one batch */

struct slot {
	bool used, apart;
	struct mon_prober_target target;
	struct mon_probe probe;
	uint32_t seq;
	/* of ARP and ND */
	__be32 source[4];
	int no_source;	     /* errno, 0: there is one */
	uint64_t asked_ns;   /* when the source was last asked for */
	uint32_t generation; /* of the interface that source was asked of */

	atomic_ullong attempts;
	atomic_int error;
};

struct interface {
	struct mon_sockets sockets;
	uint8_t mac[6];
	uint32_t generation; /* counts the interfaces that had this place */
};

/* A source address to be asked for, once the probes are on their way. */
struct question {
	uint32_t slot;
	uint64_t key;
	enum dr_kind kind;
	unsigned interface;
	unsigned ifindex;
	uint32_t generation;
	__be32 target[4];
	__be32 source[4]; /* the answer */
	int error;
};

struct mon_prober {
	uint32_t room;
	uint16_t ident;
	uint64_t start_ns; /* all grids are placed from here */
	pthread_t thread;
	bool started;
	char not_realtime[128];
	sem_t wake;

	/*
	 * sending is held by the thread from taking descriptors until it has used them, and waited for by
	 * whoever closes them; it is taken ahead of state. state guards all below, for no longer than a
	 * batch is gathered. Both lend the thread's priority to who holds them.
	 */
	pthread_mutex_t sending, state;
	bool stop;
	uint64_t wake_ns; /* when the thread wakes by itself */
	struct slot *slots;
	struct mon_pacer pacer;
	struct interface interfaces[MON_INTERFACES_MAX];
	struct mon_prober_stats stats;

	/* the thread's own */
	struct mon_batch batch;
	struct question questions[MON_SOURCES_AT_ONCE];
	unsigned question_count;
};

static inline bool mon_is_frame(enum dr_kind kind)
{
	return kind == DR_KIND_ARP || kind == DR_KIND_ND;
}

/* The thread; userdata: the prober. */
void *mon_prober_run(void *userdata);

/* All of these with state held. */

/* (Re)makes a slot's probe from its target and what is known of the interface. */
void mon_prober_make(struct mon_prober *p, uint32_t number);

/* A question may be asked without any lock; its answer is taken if it still matters. */
struct question mon_question_for(const struct mon_prober *p, uint32_t number,
				 const struct mon_prober_target *t);
void mon_question_ask(struct question *q);
void mon_question_answer(struct mon_prober *p, const struct question *q, uint64_t now);

/* An interface's own address may change under us, and nobody says so. */
void mon_prober_note_mac(struct mon_prober *p, unsigned interface);

#endif
