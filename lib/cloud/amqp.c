// SPDX-License-Identifier: Apache-2.0
/* The loop's side of the bus: what waits, until when, and who is told. */
#include <signal.h>
#include <string.h>
#include <sys/epoll.h>
#include <sys/eventfd.h>
#include <sys/socket.h>
#include <time.h>

#include "lib/cloud/amqp_private.h"

#define END_MAX dr_msec(900)
#define NAME_MAX_BYTES 200 /* of exchanges, keys and queues; the protocol allows 255 */

struct dr_amqp {
	struct dr_loop *loop;
	struct amqp_shared *shared;
	struct dr_source *note, *timer;
	pthread_t thread;
	bool running;
	unsigned queue_max;
	dr_amqp_state_fn on_state;
	void *state_userdata;
	dr_amqp_body_fn on_body;
	void *body_userdata;
};

/* ---------------------------------------------------------------- memory */

static void message_free(struct amqp_message *m)
{
	free(m->exchange);
	free(m->key);
	free(m->body);
	free(m);
}

static void messages_free(struct amqp_message *m)
{
	while (m) {
		struct amqp_message *next = m->next;

		message_free(m);
		m = next;
	}
}

static void subscription_free(struct amqp_subscription *s)
{
	if (!s)
		return;
	free(s->exchange);
	free(s->queue);
	for (size_t i = 0; i < DR_AMQP_KEYS_MAX; i++)
		free(s->keys[i]);
	free(s);
}

DR_DEFINE_FREEP(struct amqp_subscription, subscription_free)

static void secret_free(char *text)
{
	if (text)
		explicit_bzero(text, strlen(text));
	free(text);
}

static void shared_free(struct amqp_shared *s)
{
	messages_free(s->messages.first);
	messages_free(s->done.first);
	subscription_free(s->sub);
	while (s->arrived) {
		struct amqp_delivery *next = s->arrived->next;

		free(s->arrived);
		s->arrived = next;
	}
	free(s->conf.hosts);
	free(s->conf.vhost);
	free(s->conf.user);
	secret_free(s->conf.password);
	free(s->conf.password_file);
	free(s->conf.ca_file);
	dr_closep(&s->socket);
	dr_closep(&s->wake_fd);
	dr_closep(&s->note_fd);
	pthread_mutex_destroy(&s->lock);
	free(s);
}

void amqp_shared_unref(struct amqp_shared *s)
{
	bool last;

	pthread_mutex_lock(&s->lock);
	last = --s->refs == 0;
	pthread_mutex_unlock(&s->lock);
	if (last)
		shared_free(s);
}

/* ---------------------------------------------------------------- what the thread has to tell */

/* Counts, too. NULL: none (any more). */
static struct amqp_message *take_done(struct amqp_shared *s)
{
	struct amqp_message *m;

	pthread_mutex_lock(&s->lock);
	m = s->done.first;
	if (m) {
		s->done.first = m->next;
		if (!m->next)
			s->done.end = &s->done.first;
		s->count--;
		s->health.confirmed += !m->error;
		s->health.unrouted += m->error == -ENXIO;
		s->health.failed += m->error && m->error != -ENXIO;
	}
	pthread_mutex_unlock(&s->lock);
	return m;
}

static struct amqp_delivery *take_arrived(struct amqp_shared *s)
{
	struct amqp_delivery *d;

	pthread_mutex_lock(&s->lock);
	d = s->arrived;
	if (d) {
		s->arrived = d->next;
		if (!d->next)
			s->arrived_end = &s->arrived;
	}
	pthread_mutex_unlock(&s->lock);
	return d;
}

static bool take_state(struct amqp_shared *s, struct dr_amqp_health *ret)
{
	bool changed;

	pthread_mutex_lock(&s->lock);
	changed = s->state_changed;
	s->state_changed = false;
	*ret = s->health;
	ret->waiting = s->count;
	pthread_mutex_unlock(&s->lock);
	return changed;
}

static void tell_state(struct dr_amqp *a)
{
	struct dr_amqp_health h;

	if (take_state(a->shared, &h) && a->on_state)
		a->on_state(&h, a->state_userdata);
}

static void tell_done(struct dr_amqp *a)
{
	struct amqp_message *m;

	while ((m = take_done(a->shared))) {
		if (m->fn)
			m->fn(m->error, m->text, m->userdata);
		message_free(m);
	}
}

static void tell_bodies(struct dr_amqp *a)
{
	struct amqp_shared *s = a->shared;
	struct amqp_delivery *d;

	while ((d = take_arrived(s))) {
		if (!d->dropped)
			a->on_body(d->body, d->len, a->body_userdata);
		pthread_mutex_lock(&s->lock);
		s->handed = d->tag;
		s->handed_by = d->consumer;
		pthread_mutex_unlock(&s->lock);
		amqp_notify(s->wake_fd);
		free(d);
	}
}

static int on_note(struct dr_source *source, int fd, uint32_t events, void *userdata)
{
	struct dr_amqp *a = userdata;
	uint64_t n;

	if (read(fd, &n, sizeof(n)) < 0 && errno != EAGAIN)
		return dr_errno();
	tell_state(a);
	tell_done(a);
	tell_bodies(a);
	return 0;
}

/* ---------------------------------------------------------------- time limits */

/* Of one that is late: whom to tell what. */
struct late {
	dr_amqp_done_fn fn;
	void *userdata;
	bool was_sent;
	char why[DR_AMQP_TEXT_MAX];
};

/* The first that is late leaves the list, unless the thread reads it just now: nobody asks for it any more.
 */
static bool take_late(struct amqp_shared *s, struct dr_mono now, struct late *ret)
{
	struct amqp_message **at = &s->messages.first, *m;

	while ((m = *at) && (!m->fn || m->deadline.ns > now.ns))
		at = &m->next;
	if (!m)
		return false;
	*ret = (struct late){ m->fn, m->userdata, m->was_sent || m->state == AMQP_SENDING, "" };
	if (!s->health.connected)
		snprintf(ret->why, sizeof(ret->why), "%s", s->health.why);
	m->fn = NULL;
	if (m->state == AMQP_SENDING)
		return true;
	*at = m->next;
	if (!*at)
		s->messages.end = at;
	s->count--;
	s->health.failed++;
	message_free(m);
	return true;
}

static bool take_late_locked(struct amqp_shared *s, struct dr_mono now, struct late *ret)
{
	bool found;

	pthread_mutex_lock(&s->lock);
	found = take_late(s, now, ret);
	pthread_mutex_unlock(&s->lock);
	return found;
}

static void arm(struct dr_amqp *a)
{
	struct dr_mono now = dr_mono_now();
	int64_t first = INT64_MAX;

	pthread_mutex_lock(&a->shared->lock);
	for (const struct amqp_message *m = a->shared->messages.first; m; m = m->next)
		if (m->fn)
			first = DR_MIN(first, dr_mono_sub(m->deadline, now).ns);
	pthread_mutex_unlock(&a->shared->lock);
	if (first == INT64_MAX)
		dr_timer_disarm(a->timer);
	else if (dr_timer_arm(a->timer, (struct dr_dur){ first }))
		abort(); /* fails for invalid arguments only */
}

static int on_timer(struct dr_source *source, void *userdata)
{
	struct dr_amqp *a = userdata;
	struct late l;

	while (take_late_locked(a->shared, dr_mono_now(), &l)) {
		char text[DR_AMQP_TEXT_MAX];

		snprintf(text, sizeof(text), "%s%s%.200s",
			 l.was_sent ? "no confirmation in time" : "not sent in time", l.why[0] ? ": " : "",
			 l.why);
		l.fn(l.was_sent ? -ETIMEDOUT : -ENOTCONN, text, l.userdata);
	}
	arm(a);
	return 0;
}

/* ---------------------------------------------------------------- making and ending */

static char *copy(const char *text, int *r)
{
	char *p = text ? strdup(text) : NULL;

	if (text && !p)
		*r = -ENOMEM;
	return p;
}

static struct dr_dur or_default(struct dr_dur d, struct dr_dur fallback)
{
	return d.ns > 0 ? d : fallback;
}

static int copy_conf(struct amqp_conf *c, const struct dr_amqp_conf *from)
{
	int r = 0;

	c->hosts = calloc(from->host_count, sizeof(*c->hosts));
	if (!c->hosts)
		return -ENOMEM;
	memcpy(c->hosts, from->hosts, from->host_count * sizeof(*c->hosts));
	c->host_count = from->host_count;
	c->vhost = copy(from->vhost ? from->vhost : "/", &r);
	c->user = copy(from->user, &r);
	c->password = copy(from->password ? from->password : "", &r);
	c->password_file = copy(from->password_file, &r);
	c->ca_file = copy(from->ca_file, &r);
	c->tls = from->tls;
	c->durable = from->durable;
	c->connect_timeout = or_default(from->connect_timeout, dr_sec(5));
	c->heartbeat = or_default(from->heartbeat, dr_sec(10));
	c->pause = or_default(from->pause, dr_msec(200));
	c->pause_max = or_default(from->pause_max, dr_sec(10));
	return r;
}

static int shared_new(const struct dr_amqp_conf *conf, struct amqp_shared **ret)
{
	struct amqp_shared *s = calloc(1, sizeof(*s));
	int r;

	if (!s)
		return -ENOMEM;
	s->refs = 1;
	s->socket = -1;
	s->messages.end = &s->messages.first;
	s->done.end = &s->done.first;
	s->arrived_end = &s->arrived;
	s->health.since = dr_mono_now();
	snprintf(s->health.why, sizeof(s->health.why), "not connected yet");
	pthread_mutex_init(&s->lock, NULL);
	s->wake_fd = eventfd(0, EFD_NONBLOCK | EFD_CLOEXEC);
	s->note_fd = eventfd(0, EFD_NONBLOCK | EFD_CLOEXEC);
	r = s->wake_fd < 0 || s->note_fd < 0 ? dr_errno() : copy_conf(&s->conf, conf);
	if (r) {
		shared_free(s);
		return r;
	}
	*ret = s;
	return 0;
}

/* Signals stay with the loop's thread. */
static int start_thread(struct dr_amqp *a)
{
	sigset_t all, before;
	int r;

	sigfillset(&all);
	r = -pthread_sigmask(SIG_SETMASK, &all, &before);
	if (r)
		return r;
	a->shared->refs++;
	r = -pthread_create(&a->thread, NULL, amqp_thread, a->shared);
	if (r)
		a->shared->refs--;
	pthread_sigmask(SIG_SETMASK, &before, NULL);
	a->running = !r;
	return r;
}

int dr_amqp_new(struct dr_loop *l, const struct dr_amqp_conf *conf, struct dr_amqp **ret)
{
	DR_AUTO(dr_amqp_freep) struct dr_amqp *a = NULL;
	int r;

	if (!conf->host_count || !conf->user)
		return -EINVAL;
	a = calloc(1, sizeof(*a));
	if (!a)
		return -ENOMEM;
	a->loop = l;
	a->queue_max = conf->queue_max ? conf->queue_max : 1000;
	a->on_state = conf->on_state;
	a->state_userdata = conf->userdata;
	if ((r = shared_new(conf, &a->shared)) || (r = dr_loop_add_timer(l, on_timer, a, &a->timer)) ||
	    (r = dr_loop_add_io(l, a->shared->note_fd, EPOLLIN, on_note, a, &a->note)) ||
	    (r = start_thread(a)))
		return r;
	*ret = DR_TAKE_PTR(a);
	return 0;
}

static void end_thread(struct dr_amqp *a)
{
	struct amqp_shared *s = a->shared;
	struct dr_mono until = dr_mono_add(dr_mono_now(), END_MAX);
	struct timespec ts = { .tv_sec = (time_t)(until.ns / DR_NSEC_PER_SEC),
			       .tv_nsec = (long)(until.ns % DR_NSEC_PER_SEC) };

	pthread_mutex_lock(&s->lock);
	s->stop = true;
	if (s->socket >= 0)
		shutdown(s->socket, SHUT_RDWR);
	pthread_mutex_unlock(&s->lock);
	amqp_notify(s->wake_fd);
	if (pthread_clockjoin_np(a->thread, NULL, CLOCK_MONOTONIC, &ts))
		pthread_detach(a->thread);
}

/* What has ended is told as it is. */
static void cancel_all(struct dr_amqp *a)
{
	const struct dr_mono never = { UINT64_MAX };
	struct late l;

	tell_done(a);
	while (take_late_locked(a->shared, never, &l))
		l.fn(-ECANCELED, "the bus is being ended", l.userdata);
}

void dr_amqp_free(struct dr_amqp *a)
{
	if (!a)
		return;
	if (a->running)
		end_thread(a);
	dr_source_free(a->note);
	dr_source_free(a->timer);
	if (a->shared) {
		cancel_all(a);
		amqp_shared_unref(a->shared);
	}
	free(a);
}

/* ---------------------------------------------------------------- asking */

static bool good_name(const char *text)
{
	return text && strlen(text) <= NAME_MAX_BYTES;
}

static int message_new(const struct dr_amqp_message *from, struct amqp_message **ret)
{
	struct amqp_message *m = calloc(1, sizeof(*m));
	int r = 0;

	if (!m)
		return -ENOMEM;
	m->exchange = copy(from->exchange, &r);
	m->key = copy(from->routing_key, &r);
	m->body = malloc(from->len + 1);
	if (r || !m->body) {
		message_free(m);
		return -ENOMEM;
	}
	memcpy(m->body, from->body, from->len);
	m->len = from->len;
	m->deadline = dr_mono_add(dr_mono_now(), or_default(from->timeout, dr_sec(10)));
	*ret = m;
	return 0;
}

static void on_nobody(int error, const char *text, void *userdata)
{
}

int dr_amqp_publish(struct dr_amqp *a, const struct dr_amqp_message *from, dr_amqp_done_fn fn, void *userdata)
{
	struct amqp_shared *s = a->shared;
	struct amqp_message *m = NULL;
	bool full;
	int r;

	if (!good_name(from->exchange) || !from->exchange[0] || !good_name(from->routing_key))
		return -EINVAL;
	if (from->len > DR_AMQP_BODY_MAX)
		return -EMSGSIZE;
	r = message_new(from, &m);
	if (r)
		return r;
	m->fn = fn ? fn : on_nobody;
	m->userdata = userdata;
	pthread_mutex_lock(&s->lock);
	full = s->count >= a->queue_max;
	if (!full) {
		amqp_messages_push(&s->messages, m);
		s->count++;
	}
	pthread_mutex_unlock(&s->lock);
	if (full) {
		message_free(m);
		return -ENOBUFS;
	}
	amqp_notify(s->wake_fd);
	arm(a);
	return 0;
}

static int subscription_new(const struct dr_amqp_subscription *from, struct amqp_subscription **ret)
{
	DR_AUTO(subscription_freep) struct amqp_subscription *s = calloc(1, sizeof(*s));
	int r = 0;

	if (!s)
		return -ENOMEM;
	s->exchange = copy(from->exchange, &r);
	s->queue = copy(from->queue, &r);
	for (size_t i = 0; i < DR_AMQP_KEYS_MAX && from->keys[i]; i++) {
		if (!good_name(from->keys[i]))
			return -EINVAL;
		s->keys[i] = copy(from->keys[i], &r);
	}
	s->durable = from->durable;
	s->max_length = from->max_length ? DR_MIN(from->max_length, (unsigned)INT32_MAX) : 10000;
	s->ttl = or_default(from->ttl, dr_sec(600));
	s->ttl.ns = DR_MIN(s->ttl.ns, dr_sec(7 * 86400).ns);
	if (r)
		return r;
	*ret = DR_TAKE_PTR(s);
	return 0;
}

int dr_amqp_consume(struct dr_amqp *a, const struct dr_amqp_subscription *from, dr_amqp_body_fn fn,
		    void *userdata)
{
	struct amqp_subscription *s = NULL;
	int r;

	if (!fn || !good_name(from->exchange) || !from->exchange[0] || !good_name(from->queue))
		return -EINVAL;
	if (a->on_body)
		return -EBUSY;
	r = subscription_new(from, &s);
	if (r)
		return r;
	a->on_body = fn;
	a->body_userdata = userdata;
	pthread_mutex_lock(&a->shared->lock);
	a->shared->sub = s;
	pthread_mutex_unlock(&a->shared->lock);
	amqp_notify(a->shared->wake_fd);
	return 0;
}

struct dr_amqp_health dr_amqp_health(struct dr_amqp *a)
{
	struct dr_amqp_health h;

	pthread_mutex_lock(&a->shared->lock);
	h = a->shared->health;
	h.waiting = a->shared->count;
	pthread_mutex_unlock(&a->shared->lock);
	return h;
}
