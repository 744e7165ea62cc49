/* SPDX-License-Identifier: Apache-2.0 */
#include "user/prober_private.h"
#include "user/privilege.h"

#include <linux/if_ether.h>
#include <string.h>
#include <time.h>

#include "doctor/clock.h"

#define CYCLE_NS 1000000000ULL	     /* the thread looks at its work at least so often */
#define SLACK_NS 8000000ULL	     /* targets due within it share a wake-up (and see pacer.h) */
#define SOURCE_NS 10000000000ULL     /* our own addresses are asked for so often, */
#define SOURCE_RETRY_NS 250000000ULL /* or so often while there is none */

/* ---------------------------------------------------------------- one slot */

static void make_frame(const struct interface *i, uint32_t number, struct slot *s)
{
	const struct mon_prober_target *t = &s->target;
	struct mon_probe_link link;

	memcpy(link.from, i->mac, sizeof(link.from));
	memcpy(link.source, s->source, sizeof(link.source));
	if (t->kind == DR_KIND_ARP)
		mon_probe_arp(&s->probe, &link, t->address, number, t->key);
	else
		mon_probe_nd(&s->probe, &link, t->address, number, t->key);
}

void mon_prober_make(struct mon_prober *p, uint32_t number)
{
	struct slot *s = &p->slots[number];
	const struct mon_prober_target *t = &s->target;

	if (!mon_is_frame(t->kind))
		mon_probe_echo(&s->probe, t->kind, p->ident, number, t->key);
	else
		make_frame(&p->interfaces[t->interface], number, s);
}

static bool wants_source(const struct slot *s, const struct interface *i, uint64_t now)
{
	return mon_is_frame(s->target.kind) &&
	       (s->generation != i->generation ||
		now >= s->asked_ns + (s->no_source ? SOURCE_RETRY_NS : SOURCE_NS));
}

struct question mon_question_for(const struct mon_prober *p, uint32_t number,
				 const struct mon_prober_target *t)
{
	const struct interface *i = &p->interfaces[t->interface];
	struct question q = { .slot = number,
			      .key = t->key,
			      .kind = t->kind,
			      .interface = t->interface,
			      .ifindex = i->sockets.ifindex,
			      .generation = i->generation };

	memcpy(q.target, t->address, sizeof(q.target));
	return q;
}

void mon_question_ask(struct question *q)
{
	q->error = q->ifindex ? -mon_source_address(q->ifindex, q->kind, q->target, q->source) : ENODEV;
}

void mon_question_answer(struct mon_prober *p, const struct question *q, uint64_t now)
{
	struct slot *s = &p->slots[q->slot];

	if (!s->used || s->target.key != q->key || s->target.kind != q->kind ||
	    memcmp(s->target.address, q->target, sizeof(q->target)) != 0)
		return;
	s->asked_ns = now;
	s->no_source = q->error;
	s->generation = q->generation;
	memcpy(s->source, q->source, sizeof(s->source));
	mon_prober_make(p, q->slot);
}

/* ---------------------------------------------------------------- the thread */

static void attempted(struct mon_prober *p, struct slot *s, int error)
{
	p->stats.attempts++;
	if (error)
		p->stats.failed++;
	else
		p->stats.sent++;
	atomic_store_explicit(&s->error, error, memory_order_relaxed);
	atomic_fetch_add_explicit(&s->attempts, 1, memory_order_release);
}

/* The next probe of a slot, into the batch. */
static void gather(struct mon_prober *p, uint32_t number, uint64_t now)
{
	struct slot *s = &p->slots[number];
	const struct mon_prober_target *t = &s->target;
	const struct interface *i = &p->interfaces[t->interface];
	enum mon_lane lane = mon_lane_of(t->kind, s->apart);
	int fd = i->sockets.fd[lane];

	if (fd < 0) {
		attempted(p, s, i->sockets.error[lane]);
		return;
	}
	if (wants_source(s, i, now) && p->question_count < MON_SOURCES_AT_ONCE)
		p->questions[p->question_count++] = mon_question_for(p, number, t);
	if (mon_is_frame(t->kind) && (s->no_source || s->generation != i->generation)) {
		attempted(p, s, s->no_source ? s->no_source : EADDRNOTAVAIL);
		return;
	}
	if (mon_is_frame(t->kind) && memcmp(s->probe.bytes + ETH_ALEN, i->mac, ETH_ALEN) != 0)
		mon_prober_make(p, number); /* the interface has another address now */
	mon_probe_number(&s->probe, ++s->seq);
	mon_batch_add(&p->batch, fd, &s->probe, t->address, i->sockets.ifindex, number, t->key);
}

static void account(struct mon_prober *p)
{
	for (unsigned k = 0; k < p->batch.count; k++) {
		const struct mon_message *m = &p->batch.messages[k];
		struct slot *s = &p->slots[m->slot];
		if (s->used && s->target.key == m->key)
			attempted(p, s, m->error);
	}
	mon_batch_clear(&p->batch);
}

void mon_prober_note_mac(struct mon_prober *p, unsigned interface)
{
	struct interface *i = &p->interfaces[interface];

	(void)!mon_sockets_mac(&i->sockets, i->mac); /* fails, and leaves it, if the interface is gone */
}

static void take_answers(struct mon_prober *p, uint64_t now)
{
	for (unsigned k = 0; k < p->question_count; k++) {
		mon_prober_note_mac(p, p->questions[k].interface);
		mon_question_answer(p, &p->questions[k], now);
	}
	p->question_count = 0;
}

/*
 * What is due by now, and no more: an overloaded sender must hear of its end, too. Entered and left with both
 * mutexes held.
 */
static void send_due(struct mon_prober *p)
{
	uint64_t now = dr_mono_now().ns, due = mon_pacer_next(&p->pacer);
	uint32_t slots[MON_BATCH];
	size_t n;

	if (now > due)
		p->stats.late_max_ns = DR_MAX(p->stats.late_max_ns, now - due);
	do {
		n = mon_pacer_take(&p->pacer, now, SLACK_NS, slots, MON_BATCH);
		for (size_t k = 0; k < n; k++)
			gather(p, slots[k], now);
		pthread_mutex_unlock(&p->state);
		mon_batch_send(&p->batch);
		for (unsigned k = 0; k < p->question_count; k++)
			mon_question_ask(&p->questions[k]);
		pthread_mutex_lock(&p->state);
		account(p);
		take_answers(p, now);
	} while (n == MON_BATCH && !p->stop);
	p->stats.skipped = p->pacer.skipped;
}

/* Until then, or until somebody posts. */
static void sleep_until(struct mon_prober *p, uint64_t ns)
{
	struct timespec at = { .tv_sec = (time_t)(ns / 1000000000), .tv_nsec = (long)(ns % 1000000000) };

	(void)!sem_clockwait(&p->wake, CLOCK_MONOTONIC, &at); /* for whatever reason it ends, look */
}

void *mon_prober_run(void *userdata)
{
	struct mon_prober *p = userdata;
	uint64_t until;
	bool stop;

	do {
		(void)!mon_privilege_none_for_this_thread(); /* again and again, see there */
		pthread_mutex_lock(&p->sending);
		pthread_mutex_lock(&p->state);
		p->stats.last_cycle_ns = dr_mono_now().ns;
		send_due(p);
		until = DR_MIN(mon_pacer_next(&p->pacer), p->stats.last_cycle_ns + CYCLE_NS);
		p->wake_ns = until;
		stop = p->stop;
		pthread_mutex_unlock(&p->state);
		pthread_mutex_unlock(&p->sending);
		if (!stop)
			sleep_until(p, until);
	} while (!stop);
	return NULL;
}
