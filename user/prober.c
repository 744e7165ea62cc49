/* SPDX-License-Identifier: Apache-2.0 */
#include "user/prober_private.h"

#include <sched.h>
#include <signal.h>
#include <string.h>

#include "doctor/buf.h"
#include "doctor/clock.h"

/* ---------------------------------------------------------------- start and stop */

static int init_mutex(pthread_mutex_t *m)
{
	pthread_mutexattr_t attr;
	int r;

	pthread_mutexattr_init(&attr);
	r = pthread_mutexattr_setprotocol(&attr, PTHREAD_PRIO_INHERIT);
	if (r == 0)
		r = pthread_mutex_init(m, &attr);
	pthread_mutexattr_destroy(&attr);
	return -r;
}

static int start_thread(struct mon_prober *p, int priority)
{
	struct sched_param param = { .sched_priority = priority };
	sigset_t all, before;
	pthread_attr_t attr;
	int r;

	sigfillset(&all);
	pthread_attr_init(&attr);
	pthread_attr_setstacksize(&attr, 256 * 1024); /* locked memory: no more than is used */
	pthread_sigmask(SIG_SETMASK, &all, &before);  /* signals are for others to handle */
	r = pthread_create(&p->thread, &attr, mon_prober_run, p);
	pthread_sigmask(SIG_SETMASK, &before, NULL);
	pthread_attr_destroy(&attr);
	if (r)
		return -r;
	p->started = true;
	pthread_setname_np(p->thread, "sender");
	r = priority ? pthread_setschedparam(p->thread, SCHED_FIFO, &param) : 0;
	if (r)
		snprintf(p->not_realtime, sizeof(p->not_realtime), "%s", strerror(r));
	return 0;
}

static int prepare(struct mon_prober *p, uint32_t room)
{
	p->slots = calloc(room ? room : 1, sizeof(*p->slots));
	if (!p->slots)
		return -ENOMEM;
	p->room = room;
	return mon_pacer_init(&p->pacer, room);
}

int mon_prober_start(const struct mon_prober_opts *o, struct mon_prober **ret, char **ret_error)
{
	DR_AUTO(mon_prober_stopp) struct mon_prober *p = calloc(1, sizeof(*p));
	int r = p ? 0 : -ENOMEM;

	if (r == 0) {
		p->ident = o->ident;
		p->start_ns = dr_mono_now().ns;
		for (size_t i = 0; i < MON_INTERFACES_MAX; i++)
			p->interfaces[i].sockets = MON_SOCKETS_CLOSED;
		sem_init(&p->wake, 0, 0);
		r = init_mutex(&p->sending);
	}
	if (r == 0)
		r = init_mutex(&p->state);
	if (r == 0)
		r = prepare(p, o->room);
	if (r == 0)
		r = start_thread(p, o->realtime_priority);
	if (r) {
		*ret_error = dr_asprintf("starting the sender: %s", strerror(-r));
		return r;
	}
	*ret = DR_TAKE_PTR(p);
	return 0;
}

void mon_prober_stop(struct mon_prober *p)
{
	if (!p)
		return;
	if (p->started) {
		pthread_mutex_lock(&p->state);
		p->stop = true;
		pthread_mutex_unlock(&p->state);
		sem_post(&p->wake);
		pthread_join(p->thread, NULL);
	}
	for (size_t i = 0; i < MON_INTERFACES_MAX; i++)
		mon_sockets_close(&p->interfaces[i].sockets);
	pthread_mutex_destroy(&p->state);
	pthread_mutex_destroy(&p->sending);
	sem_destroy(&p->wake);
	mon_pacer_done(&p->pacer);
	free(p->slots);
	free(p);
}

/* ---------------------------------------------------------------- for any thread */

/* Asks for a source address on the caller's time. state is held on entry and return, not meanwhile. */
static void ask_now(struct mon_prober *p, uint32_t number, const struct mon_prober_target *t)
{
	struct question q = mon_question_for(p, number, t);

	pthread_mutex_unlock(&p->state);
	mon_question_ask(&q);
	pthread_mutex_lock(&p->state);
	mon_question_answer(p, &q, dr_mono_now().ns);
}

static void ask_for_all(struct mon_prober *p, unsigned interface)
{
	pthread_mutex_lock(&p->state);
	for (uint32_t i = 0; i < p->room; i++) {
		struct mon_prober_target t = p->slots[i].target;
		if (p->slots[i].used && t.interface == interface && mon_is_frame(t.kind))
			ask_now(p, i, &t);
	}
	pthread_mutex_unlock(&p->state);
}

int mon_prober_set_interface(struct mon_prober *p, unsigned interface, unsigned ifindex, const char *ifname,
			     char **ret_error)
{
	DR_AUTO(mon_sockets_close) struct mon_sockets s = MON_SOCKETS_CLOSED, old = s;
	int r = 0;

	if (interface >= MON_INTERFACES_MAX) {
		*ret_error = dr_asprintf("there are %d interfaces at most", MON_INTERFACES_MAX);
		return -EINVAL;
	}
	if (ifindex)
		r = mon_sockets_open(ifindex, ifname, &s, ret_error);
	pthread_mutex_lock(&p->state);
	struct interface *i = &p->interfaces[interface];
	old = i->sockets;
	i->sockets = s;
	s = MON_SOCKETS_CLOSED;
	if (old.ifindex != i->sockets.ifindex)
		i->generation++;
	mon_prober_note_mac(p, interface);
	pthread_mutex_unlock(&p->state);
	/* who is sending may still do so by the old ones */
	pthread_mutex_lock(&p->sending);
	pthread_mutex_unlock(&p->sending);
	mon_sockets_close(&old);
	if (ifindex && r == 0)
		ask_for_all(p, interface);
	return r;
}

static bool target_ok(const struct mon_prober_target *t)
{
	return t->kind >= DR_KIND_ECHO4 && t->kind <= DR_KIND_ND && t->interface < MON_INTERFACES_MAX &&
	       t->interval_ns > 0;
}

/* Whether the probes of a slot go where they went before. */
static bool same_way(const struct slot *s, const struct mon_prober_target *t)
{
	return s->used && s->target.key == t->key && s->target.kind == t->kind &&
	       s->target.interface == t->interface &&
	       memcmp(s->target.address, t->address, sizeof(t->address)) == 0;
}

/* A slot is in use by another target than before. */
static void begin(struct slot *s)
{
	s->used = true;
	s->seq = 0;
	s->apart = true; /* until it has answered */
	atomic_store(&s->attempts, 0);
	atomic_store(&s->error, 0);
}

static int set_slot(struct mon_prober *p, uint32_t number, const struct mon_prober_target *t,
		    uint64_t phase_ns)
{
	struct slot *s = &p->slots[number];
	bool same = same_way(s, t);

	if (!s->used || s->target.key != t->key)
		begin(s);
	s->target = *t;
	if (!same) {
		s->no_source = EADDRNOTAVAIL;
		mon_prober_make(p, number);
		if (mon_is_frame(t->kind))
			ask_now(p, number, t);
	}
	if (!s->used || s->target.key != t->key) /* somebody was faster while we asked */
		return 0;
	return mon_pacer_set(&p->pacer, number, t->interval_ns, phase_ns, dr_mono_now().ns);
}

int mon_prober_set(struct mon_prober *p, uint32_t slot, const struct mon_prober_target *t, size_t index,
		   size_t n)
{
	if (slot >= p->room)
		return -ENOSPC;
	if (!target_ok(t))
		return -EINVAL;
	pthread_mutex_lock(&p->state);
	int r = set_slot(p, slot, t, mon_pacer_phase(p->start_ns, t->interval_ns, index, n));
	uint64_t next = mon_pacer_next(&p->pacer);
	bool earlier = next < p->wake_ns;
	if (earlier)
		p->wake_ns = next;
	pthread_mutex_unlock(&p->state);
	if (earlier)
		sem_post(&p->wake);
	return r;
}

void mon_prober_remove(struct mon_prober *p, uint32_t slot)
{
	if (slot >= p->room)
		return;
	pthread_mutex_lock(&p->state);
	mon_pacer_remove(&p->pacer, slot);
	p->slots[slot].used = false;
	pthread_mutex_unlock(&p->state);
}

void mon_prober_set_apart(struct mon_prober *p, uint32_t slot, bool apart)
{
	if (slot >= p->room)
		return;
	pthread_mutex_lock(&p->state);
	p->slots[slot].apart = apart;
	pthread_mutex_unlock(&p->state);
}

struct mon_prober_slot mon_prober_slot(const struct mon_prober *p, uint32_t slot)
{
	struct mon_prober_slot ret = { 0 };

	if (slot < p->room) {
		ret.attempts = atomic_load_explicit(&p->slots[slot].attempts, memory_order_acquire);
		ret.error = atomic_load_explicit(&p->slots[slot].error, memory_order_relaxed);
	}
	return ret;
}

void mon_prober_stats(struct mon_prober *p, struct mon_prober_stats *ret)
{
	pthread_mutex_lock(&p->state);
	*ret = p->stats;
	p->stats.late_max_ns = 0;
	pthread_mutex_unlock(&p->state);
}

const char *mon_prober_not_realtime(const struct mon_prober *p)
{
	return p->not_realtime[0] ? p->not_realtime : NULL;
}
