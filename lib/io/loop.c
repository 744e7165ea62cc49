/* SPDX-License-Identifier: Apache-2.0 */
#include "doctor/loop.h"

#include <assert.h>
#include <poll.h>
#include <stddef.h>
#include <string.h>
#include <sys/socket.h>
#include <sys/un.h>
#include <sys/wait.h>
#include <systemd/sd-daemon.h>
#include <systemd/sd-event.h>

#define NSEC_PER_USEC ((uint64_t)DR_NSEC_PER_USEC)
#define NOTIFY_WAIT_MS 100

/*
 * sd_event_exit() is not used: it ends the sd_event for good, while programs run the loop again to
 * clean up. The wish to end is kept here instead.
 */
struct dr_loop {
	sd_event *event;
	unsigned sources;
	bool exiting;
	int exit_code;
	struct dr_source *watchdog; /* NULL: nobody expects pings */
	struct dr_dur ping;	    /* this far apart */
};

struct dr_source {
	struct dr_loop *loop;
	sd_event_source *event_source;
	union {
		dr_io_fn io;
		dr_timer_fn timer;
		dr_signal_fn signal;
		dr_child_fn child;
	} fn;
	void *userdata;
};

int dr_loop_new(struct dr_loop **ret)
{
	struct dr_loop *l = calloc(1, sizeof(*l));
	int r;

	if (!l)
		return -ENOMEM;
	r = sd_event_new(&l->event);
	if (r < 0) {
		free(l);
		return r;
	}
	*ret = l;
	return 0;
}

void dr_loop_free(struct dr_loop *l)
{
	if (!l)
		return;
	dr_source_free(l->watchdog);
	assert(l->sources == 0);
	sd_event_unref(l->event);
	free(l);
}

void dr_loop_exit(struct dr_loop *l, int code)
{
	l->exiting = true;
	l->exit_code = code;
}

/* Says once, to whoever runs the loop, that it shall end. */
static bool take_exit(struct dr_loop *l)
{
	bool exiting = l->exiting;

	l->exiting = false;
	return exiting;
}

int dr_loop_run(struct dr_loop *l)
{
	while (!take_exit(l)) {
		int r = sd_event_run(l->event, UINT64_MAX);

		if (r < 0)
			return r;
	}
	return l->exit_code;
}

int dr_loop_run_once(struct dr_loop *l, struct dr_dur max_wait)
{
	uint64_t usec = max_wait.ns > 0 ? ((uint64_t)max_wait.ns + NSEC_PER_USEC - 1) / NSEC_PER_USEC : 0;
	int r = 0;

	if (!l->exiting)
		r = sd_event_run(l->event, usec);
	if (take_exit(l))
		return l->exit_code < 0 ? l->exit_code : -ECANCELED;
	return r;
}

/*
 * The end of every callback. The source may be gone by now, the loop is not. sd-event itself would only
 * disable a source that failed.
 */
static int finish(struct dr_loop *l, int r)
{
	if (r < 0)
		dr_loop_exit(l, r);
	return 0;
}

static int on_io(sd_event_source *es, int fd, uint32_t events, void *userdata)
{
	struct dr_source *s = userdata;
	struct dr_loop *l = s->loop;

	return finish(l, s->fn.io(s, fd, events, s->userdata));
}

static int on_timer(sd_event_source *es, uint64_t usec, void *userdata)
{
	struct dr_source *s = userdata;
	struct dr_loop *l = s->loop;

	return finish(l, s->fn.timer(s, s->userdata));
}

static int on_signal(sd_event_source *es, const struct signalfd_siginfo *si, void *userdata)
{
	struct dr_source *s = userdata;
	struct dr_loop *l = s->loop;

	return finish(l, s->fn.signal(s, (int)si->ssi_signo, s->userdata));
}

static int on_child(sd_event_source *es, const siginfo_t *si, void *userdata)
{
	struct dr_source *s = userdata;
	struct dr_loop *l = s->loop;
	siginfo_t reaped = { 0 };

	/* sd-event reaps only after the callback, which may be a long time if it runs a loop of its own */
	waitid(P_PID, (id_t)si->si_pid, &reaped, WEXITED | WNOHANG);
	return finish(l, s->fn.child(s, si, s->userdata));
}

static int source_new(struct dr_loop *l, void *userdata, struct dr_source **ret)
{
	struct dr_source *s = calloc(1, sizeof(*s));

	if (!s)
		return -ENOMEM;
	s->loop = l;
	s->userdata = userdata;
	l->sources++;
	*ret = s;
	return 0;
}

void dr_source_free(struct dr_source *s)
{
	if (!s)
		return;
	sd_event_source_disable_unref(s->event_source);
	s->loop->sources--;
	free(s);
}

int dr_source_set_idle(struct dr_source *s)
{
	int r = sd_event_source_set_priority(s->event_source, SD_EVENT_PRIORITY_IDLE);

	return r < 0 ? r : 0;
}

int dr_loop_add_io(struct dr_loop *l, int fd, uint32_t events, dr_io_fn fn, void *userdata,
		   struct dr_source **ret)
{
	DR_AUTO(dr_source_freep) struct dr_source *s = NULL;
	int r;

	r = source_new(l, userdata, &s);
	if (r < 0)
		return r;
	s->fn.io = fn;
	r = sd_event_add_io(l->event, &s->event_source, fd, events, on_io, s);
	if (r < 0)
		return r;
	*ret = DR_TAKE_PTR(s);
	return 0;
}

int dr_source_set_io_events(struct dr_source *s, uint32_t events)
{
	int r = sd_event_source_set_io_events(s->event_source, events);

	return r < 0 ? r : 0;
}

int dr_loop_add_timer(struct dr_loop *l, dr_timer_fn fn, void *userdata, struct dr_source **ret)
{
	DR_AUTO(dr_source_freep) struct dr_source *s = NULL;
	int r;

	r = source_new(l, userdata, &s);
	if (r < 0)
		return r;
	s->fn.timer = fn;
	r = sd_event_add_time(l->event, &s->event_source, CLOCK_MONOTONIC, UINT64_MAX, 1, on_timer, s);
	if (r < 0)
		return r;
	r = sd_event_source_set_enabled(s->event_source, SD_EVENT_OFF);
	if (r < 0)
		return r;
	*ret = DR_TAKE_PTR(s);
	return 0;
}

int dr_timer_arm(struct dr_source *s, struct dr_dur from_now)
{
	/* rounded up, so that it never fires early */
	uint64_t ns = dr_mono_now().ns + (uint64_t)DR_MAX(from_now.ns, 0) + NSEC_PER_USEC - 1;
	int r;

	r = sd_event_source_set_time(s->event_source, ns / NSEC_PER_USEC);
	if (r < 0)
		return r;
	r = sd_event_source_set_enabled(s->event_source, SD_EVENT_ONESHOT);
	return r < 0 ? r : 0;
}

void dr_timer_disarm(struct dr_source *s)
{
	sd_event_source_set_enabled(s->event_source, SD_EVENT_OFF);
}

static int block_signal(int signo)
{
	sigset_t set;

	if (sigemptyset(&set) < 0 || sigaddset(&set, signo) < 0)
		return dr_errno();
	return -pthread_sigmask(SIG_BLOCK, &set, NULL);
}

int dr_loop_add_signal(struct dr_loop *l, int signo, dr_signal_fn fn, void *userdata, struct dr_source **ret)
{
	DR_AUTO(dr_source_freep) struct dr_source *s = NULL;
	int r;

	r = source_new(l, userdata, &s);
	if (r < 0)
		return r;
	s->fn.signal = fn;
	r = block_signal(signo);
	if (r < 0)
		return r;
	r = sd_event_add_signal(l->event, &s->event_source, signo, on_signal, s);
	if (r < 0)
		return r;
	*ret = DR_TAKE_PTR(s);
	return 0;
}

int dr_loop_add_child(struct dr_loop *l, pid_t pid, dr_child_fn fn, void *userdata, struct dr_source **ret)
{
	DR_AUTO(dr_source_freep) struct dr_source *s = NULL;
	int r;

	r = source_new(l, userdata, &s);
	if (r < 0)
		return r;
	s->fn.child = fn;
	r = block_signal(SIGCHLD);
	if (r < 0)
		return r;
	r = sd_event_add_child(l->event, &s->event_source, pid, WEXITED, on_child, s);
	if (r < 0)
		return r;
	*ret = DR_TAKE_PTR(s);
	return 0;
}

/* Not by sd_notify(3): while the service manager does not read, that does not return. */
void dr_notify(const char *state)
{
	const char *path = getenv("NOTIFY_SOCKET");
	struct sockaddr_un to = { .sun_family = AF_UNIX };
	size_t len = path ? strlen(path) : 0;
	DR_AUTO_CLOSE int fd = -1;

	if (len < 2 || len >= sizeof(to.sun_path) || (path[0] != '/' && path[0] != '@'))
		return;
	memcpy(to.sun_path, path, len);
	if (path[0] == '@') /* an abstract name */
		to.sun_path[0] = '\0';
	fd = socket(AF_UNIX, SOCK_DGRAM | SOCK_CLOEXEC | SOCK_NONBLOCK, 0);
	if (fd < 0 ||
	    connect(fd, (struct sockaddr *)&to, (socklen_t)(offsetof(struct sockaddr_un, sun_path) + len)))
		return;
	if (poll(&(struct pollfd){ .fd = fd, .events = POLLOUT }, 1, NOTIFY_WAIT_MS) > 0)
		(void)!send(fd, state, strlen(state), MSG_NOSIGNAL);
}

static int on_watchdog(struct dr_source *s, void *userdata)
{
	const struct dr_loop *l = userdata;

	dr_notify("WATCHDOG=1");
	return dr_timer_arm(s, l->ping);
}

int dr_loop_ping_watchdog(struct dr_loop *l)
{
	int r;

	l->ping = (struct dr_dur){ dr_watchdog_period().ns / 2 };
	if (l->ping.ns == 0)
		return 0;
	r = dr_loop_add_timer(l, on_watchdog, l, &l->watchdog);
	return r ? r : on_watchdog(l->watchdog, l);
}

struct dr_dur dr_watchdog_period(void)
{
	uint64_t usec;

	if (sd_watchdog_enabled(0, &usec) <= 0 || usec > INT64_MAX / NSEC_PER_USEC)
		return dr_sec(0);
	return (struct dr_dur){ (int64_t)(usec * NSEC_PER_USEC) };
}
