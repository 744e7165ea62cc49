// SPDX-License-Identifier: Apache-2.0
/* The thread that holds the connection: which host, when, and what of the queue goes out. */
#include <fcntl.h>
#include <poll.h>
#include <string.h>
#include <sys/eventfd.h>

#include "lib/cloud/amqp_private.h"

#define CALM dr_sec(5) /* a connection that held so long begins the pauses anew */

struct thread {
	struct amqp_shared *shared;
	struct amqp_link *link;
	size_t next_host;
	unsigned failed; /* hosts in a row */
	bool consuming;
	struct dr_mono consume_next; /* the broker refused it: not before */
	uint64_t acked;
};

void amqp_notify(int fd)
{
	const uint64_t one = 1;

	/* fails only if it is readable already */
	if (write(fd, &one, sizeof(one)) < 0 && errno != EAGAIN)
		abort();
}

void amqp_messages_push(struct amqp_messages *l, struct amqp_message *m)
{
	m->next = NULL;
	*l->end = m;
	l->end = &m->next;
}

/* ---------------------------------------------------------------- what the loop sees */

static bool stopping(struct amqp_shared *s)
{
	bool stop;

	pthread_mutex_lock(&s->lock);
	stop = s->stop;
	pthread_mutex_unlock(&s->lock);
	return stop;
}

static void set_state(struct thread *t, bool connected, const struct dr_amqp_host *host, const char *why)
{
	struct amqp_shared *s = t->shared;
	struct dr_amqp_health *h = &s->health;

	pthread_mutex_lock(&s->lock);
	if (connected != h->connected || strcmp(why, h->why)) {
		h->since = connected != h->connected ? dr_mono_now() : h->since;
		h->connected = connected;
		snprintf(h->host, sizeof(h->host), "%s:%u", host->name, host->port);
		snprintf(h->why, sizeof(h->why), "%s", why);
		s->state_changed = true;
	}
	if (!connected && h->consuming) {
		h->consuming = false;
		s->state_changed = true;
	}
	pthread_mutex_unlock(&s->lock);
	amqp_notify(s->note_fd);
}

static void set_consuming(struct thread *t, bool consuming, const char *why)
{
	struct amqp_shared *s = t->shared;
	struct dr_amqp_health *h = &s->health;

	t->consuming = consuming;
	pthread_mutex_lock(&s->lock);
	if (consuming != h->consuming || strcmp(why, h->consume_why)) {
		h->consuming = consuming;
		snprintf(h->consume_why, sizeof(h->consume_why), "%s", why);
		s->state_changed = true;
	}
	pthread_mutex_unlock(&s->lock);
	amqp_notify(s->note_fd);
}

/* ---------------------------------------------------------------- messages; under the lock */

/* Takes the message at *at out of the list. */
static struct amqp_message *unlink_at(struct amqp_messages *l, struct amqp_message **at)
{
	struct amqp_message *m = *at;

	*at = m->next;
	if (!*at)
		l->end = at;
	return m;
}

/* A message that was returned keeps that error when it is confirmed afterwards. */
static void end_at(struct amqp_shared *s, struct amqp_message **at, int error, const char *text)
{
	struct amqp_message *m = unlink_at(&s->messages, at);

	if (error) {
		m->error = error;
		snprintf(m->text, sizeof(m->text), "%s", text);
	}
	amqp_messages_push(&s->done, m);
}

/* What the broker said of what was sent as tag, or up to it. */
static void settle(struct amqp_shared *s, uint64_t tag, bool multiple, int error, const char *text)
{
	struct amqp_message **at = &s->messages.first, *m;

	while ((m = *at)) {
		if (m->state != AMQP_SENT || (multiple ? m->tag > tag : m->tag != tag))
			at = &m->next;
		else
			end_at(s, at, error, text);
	}
}

static void mark_returned(struct amqp_shared *s, const struct amqp_event *e)
{
	for (struct amqp_message *m = s->messages.first; m; m = m->next) {
		if (m->state != AMQP_SENT || m->tag != e->tag)
			continue;
		m->error = e->error;
		snprintf(m->text, sizeof(m->text), "no queue takes %.100s of exchange %.100s (%.20s)", m->key,
			 m->exchange, e->text);
	}
}

/* All that was sent and not answered goes out again, if somebody still asks. */
static void unsend(struct amqp_shared *s)
{
	struct amqp_message **at = &s->messages.first, *m;

	while ((m = *at)) {
		m->state = AMQP_QUEUED;
		m->error = 0;
		m->text[0] = '\0';
		if (m->fn)
			at = &m->next;
		else
			end_at(s, at, -ETIMEDOUT, "no confirmation in time");
	}
}

/* The broker closed the channel, and does not say because of which message. */
static void publish_closed(struct amqp_shared *s, const struct amqp_event *e)
{
	if (e->error == -ENOENT)
		unsend(s);
	else
		settle(s, UINT64_MAX, true, e->error, e->text);
}

static struct amqp_message *take_queued(struct amqp_shared *s)
{
	struct amqp_message *m;

	pthread_mutex_lock(&s->lock);
	for (m = s->messages.first; m && m->state != AMQP_QUEUED; m = m->next)
		;
	if (m)
		m->state = AMQP_SENDING;
	pthread_mutex_unlock(&s->lock);
	return m;
}

/* ---------------------------------------------------------------- going out */

/* r as amqp_link_publish(). Who asked may have given up meanwhile: it ends as the others. */
static void sent(struct thread *t, struct amqp_message *m, int r, uint64_t tag, int error)
{
	struct amqp_shared *s = t->shared;
	struct amqp_message **at = &s->messages.first;

	pthread_mutex_lock(&s->lock);
	m->state = r ? AMQP_QUEUED : AMQP_SENT;
	m->was_sent |= r <= 0;
	m->tag = tag;
	while (*at != m)
		at = &(*at)->next;
	if (r > 0)
		end_at(s, at, error, amqp_link_why(t->link));
	pthread_mutex_unlock(&s->lock);
	if (r > 0)
		amqp_notify(s->note_fd);
}

static int send_queued(struct thread *t)
{
	struct amqp_message *m;

	while ((m = take_queued(t->shared))) {
		uint64_t tag = 0;
		int error = 0, r = amqp_link_publish(t->link, m, &tag, &error);

		sent(t, m, r, tag, error);
		if (r < 0)
			return r;
	}
	return 0;
}

static int send_acks(struct thread *t)
{
	struct amqp_shared *s = t->shared;
	uint64_t tag;

	pthread_mutex_lock(&s->lock);
	tag = s->handed_by == s->consumer ? s->handed : 0;
	pthread_mutex_unlock(&s->lock);
	if (!t->consuming || tag <= t->acked)
		return 0;
	t->acked = tag;
	return amqp_link_ack(t->link, tag);
}

static int consume(struct thread *t)
{
	struct amqp_shared *s = t->shared;
	struct amqp_subscription *sub;
	int r;

	if (t->consuming || dr_mono_now().ns < t->consume_next.ns)
		return 0;
	pthread_mutex_lock(&s->lock);
	sub = s->sub;
	s->consumer++; /* tags begin anew */
	pthread_mutex_unlock(&s->lock);
	if (!sub)
		return 0;
	r = amqp_link_consume(t->link, sub);
	if (r < 0)
		return r;
	t->consume_next = dr_mono_add(dr_mono_now(), s->conf.pause_max);
	t->acked = 0;
	set_consuming(t, !r, r ? amqp_link_why(t->link) : "");
	return 0;
}

/* ---------------------------------------------------------------- coming in */

static void arrived(struct thread *t, const struct amqp_event *e)
{
	struct amqp_shared *s = t->shared;
	size_t len = e->kind == AMQP_EVENT_DELIVERY ? e->len : 0;
	struct amqp_delivery *d = malloc(sizeof(*d) + len + 1);

	pthread_mutex_lock(&s->lock);
	s->health.delivered++;
	if (d) {
		*d = (struct amqp_delivery){ .tag = e->tag, .consumer = s->consumer, .len = len };
		memcpy(d->body, e->body ? e->body : "", len);
		d->body[len] = '\0';
		d->dropped = e->kind == AMQP_EVENT_TOO_LONG;
		*s->arrived_end = d;
		s->arrived_end = &d->next;
	}
	s->health.dropped += !d || d->dropped; /* without memory: acknowledged with the next one */
	pthread_mutex_unlock(&s->lock);
}

static void handle(struct thread *t, const struct amqp_event *e)
{
	struct amqp_shared *s = t->shared;

	if (e->kind == AMQP_EVENT_DELIVERY || e->kind == AMQP_EVENT_TOO_LONG) {
		arrived(t, e);
		return;
	}
	if (e->kind == AMQP_EVENT_CONSUME_CLOSED) {
		t->consume_next = dr_mono_add(dr_mono_now(), s->conf.pause_max);
		set_consuming(t, false, e->text);
		return;
	}
	pthread_mutex_lock(&s->lock);
	if (e->kind == AMQP_EVENT_CONFIRMED)
		settle(s, e->tag, e->multiple, 0, "");
	else if (e->kind == AMQP_EVENT_REFUSED)
		settle(s, e->tag, e->multiple, -EIO, "the broker could not take it");
	else if (e->kind == AMQP_EVENT_RETURNED)
		mark_returned(s, e);
	else
		publish_closed(s, e);
	pthread_mutex_unlock(&s->lock);
}

static int receive(struct thread *t)
{
	struct amqp_event e;
	bool any = false;
	int r;

	while ((r = amqp_link_next(t->link, &e)) > 0) {
		handle(t, &e);
		any = true;
	}
	if (any)
		amqp_notify(t->shared->note_fd);
	return r;
}

/* ---------------------------------------------------------------- connections */

/* Until fd (-1: none) is readable, somebody calls, or the time is over. */
static void wait_for(struct amqp_shared *s, int fd, struct dr_dur limit)
{
	struct pollfd fds[] = { { .fd = s->wake_fd, .events = POLLIN }, { .fd = fd, .events = POLLIN } };
	uint64_t n;

	if (poll(fds, DR_ARRAY_SIZE(fds), (int)(limit.ns / DR_NSEC_PER_MSEC) + 1) <= 0)
		return;
	if (fds[0].revents && read(s->wake_fd, &n, sizeof(n)) < 0 && errno != EAGAIN)
		abort();
}

static bool has_queued(struct amqp_shared *s)
{
	bool any = false;

	pthread_mutex_lock(&s->lock);
	for (const struct amqp_message *m = s->messages.first; m && !any; m = m->next)
		any = m->state == AMQP_QUEUED;
	pthread_mutex_unlock(&s->lock);
	return any;
}

/* Until the connection is lost, or the end. */
static void serve(struct thread *t)
{
	/* often enough for heartbeats, which the library sends when it is asked for events */
	struct dr_dur tick = { DR_MIN(t->shared->conf.heartbeat.ns / 4, t->shared->conf.pause_max.ns) };
	int r = 0;

	while (!r && !stopping(t->shared)) {
		r = send_queued(t);
		if (!r)
			r = consume(t);
		if (!r)
			r = send_acks(t);
		if (!r)
			r = receive(t);
		if (!r && !has_queued(t->shared)) /* a closed channel makes some */
			wait_for(t->shared, amqp_link_fd(t->link), tick);
	}
}

/* Keeps a copy, as the library closes its own when it likes. */
static int keep_socket(int fd, void *userdata)
{
	struct amqp_shared *s = userdata;
	int copy = fd < 0 ? -1 : fcntl(fd, F_DUPFD_CLOEXEC, 0), r = fd >= 0 && copy < 0 ? dr_errno() : 0;

	pthread_mutex_lock(&s->lock);
	dr_closep(&s->socket);
	s->socket = copy;
	if (s->stop)
		r = -ECANCELED;
	pthread_mutex_unlock(&s->lock);
	return r;
}

/* Up to the first line end. -ENAMETOOLONG, or why it cannot be read. */
static int read_password(const char *path, char *ret, size_t size)
{
	DR_AUTO_CLOSE int fd = open(path, O_RDONLY | O_CLOEXEC);
	ssize_t n = fd < 0 ? -1 : read(fd, ret, size);

	if (n < 0)
		return dr_errno();
	if ((size_t)n == size)
		return -ENAMETOOLONG;
	ret[n] = '\0';
	ret[strcspn(ret, "\r\n")] = '\0';
	return 0;
}

static int connect_host(struct thread *t, const struct dr_amqp_host *host, char why[DR_AMQP_TEXT_MAX])
{
	const struct amqp_conf *c = &t->shared->conf;
	char password[1024] = "";
	int r = 0;

	if (c->password_file) {
		r = read_password(c->password_file, password, sizeof(password));
		if (r)
			snprintf(why, DR_AMQP_TEXT_MAX, "%.180s: %s", c->password_file, strerror(-r));
	}
	if (!r)
		r = amqp_link_open(c, host, c->password_file ? password : c->password, keep_socket, t->shared,
				   &t->link, why);
	explicit_bzero(password, sizeof(password));
	return r;
}

/* After all hosts have failed, doubled each time. */
static void pause_after(struct thread *t)
{
	const struct amqp_conf *c = &t->shared->conf;
	struct dr_mono until;
	int64_t ns = c->pause.ns;

	if (t->failed % c->host_count)
		return;
	for (size_t n = t->failed / c->host_count; n > 1 && ns < c->pause_max.ns; n--)
		ns *= 2;
	until = dr_mono_add(dr_mono_now(), (struct dr_dur){ DR_MIN(ns, c->pause_max.ns) });
	while (!stopping(t->shared)) {
		struct dr_dur left = dr_mono_sub(until, dr_mono_now());

		if (left.ns <= 0)
			return;
		wait_for(t->shared, -1, left);
	}
}

static void disconnect(struct thread *t, const struct dr_amqp_host *host)
{
	pthread_mutex_lock(&t->shared->lock);
	unsend(t->shared);
	pthread_mutex_unlock(&t->shared->lock);
	t->consuming = false;
	t->consume_next = (struct dr_mono){};
	set_state(t, false, host, amqp_link_why(t->link));
	keep_socket(-1, t->shared);
	amqp_link_close(DR_TAKE_PTR(t->link));
}

/* One connection, or the attempt of one. */
static void try_host(struct thread *t, const struct dr_amqp_host *host)
{
	char why[DR_AMQP_TEXT_MAX] = "";
	struct dr_mono since;

	if (connect_host(t, host, why)) {
		t->failed++;
		set_state(t, false, host, why);
		pause_after(t);
		return;
	}
	since = dr_mono_now();
	set_state(t, true, host, "");
	serve(t);
	disconnect(t, host);
	if (dr_mono_sub(dr_mono_now(), since).ns > CALM.ns)
		t->failed = 0;
	else
		t->failed++;
	pause_after(t);
}

void *amqp_thread(void *shared)
{
	struct thread t = { .shared = shared };

	while (!stopping(t.shared)) {
		try_host(&t, &t.shared->conf.hosts[t.next_host]);
		t.next_host = (t.next_host + 1) % t.shared->conf.host_count;
	}
	amqp_shared_unref(t.shared);
	return NULL;
}
