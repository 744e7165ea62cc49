// SPDX-License-Identifier: Apache-2.0
/* A program of the operator's that switches a host off: only its ending with status 0 in time is success. */
#include <fcntl.h>
#include <signal.h>
#include <string.h>
#include <sys/epoll.h>
#include <sys/wait.h>
#include <time.h>

#include "doctor/buf.h"
#include "doctor/spawn.h"
#include "inspector/fence_private.h"

#define GRACE dr_sec(2) /* between SIGTERM and SIGKILL */
#define TAIL_MAX 2048	/* bytes of its output that are kept */
#define READS_MAX 16	/* of 4 KiB, when it has ended: what a pipe holds */
#define REAP_MS 1000	/* at our own end */

struct ins_hook {
	struct ins_hook *prev, *next;
	struct ins_hooks *all;
	ins_fence_end_fn fn; /* NULL: it has been called, or nobody wants to know */
	void *userdata;
	struct dr_dur limit;
	pid_t pid; /* 0: it has been reaped */
	int fd;	   /* what it says */
	struct dr_source *child, *io, *timer;
	bool late;  /* SIGTERM has been sent */
	bool freed; /* goes when it has been reaped */
	char tail[TAIL_MAX + 1];
	size_t len;
};

/* ---------------------------------------------------------------- what it says */

static void keep(struct ins_hook *h, const char *data, size_t len)
{
	size_t new = DR_MIN(len, (size_t)TAIL_MAX), old = DR_MIN(h->len, TAIL_MAX - new);

	memmove(h->tail, h->tail + h->len - old, old);
	memcpy(h->tail + old, data + len - new, new);
	h->len = old + new;
}

/* False: nothing more is there, now or ever (*ret_end). */
static bool read_some(struct ins_hook *h, bool *ret_end)
{
	char data[4096];
	ssize_t n = read(h->fd, data, sizeof(data));

	*ret_end = n == 0 || (n < 0 && errno != EAGAIN && errno != EINTR);
	if (n <= 0)
		return false;
	keep(h, data, (size_t)n);
	return true;
}

static int on_output(struct dr_source *s, int fd, uint32_t events, void *userdata)
{
	struct ins_hook *h = userdata;
	bool end;

	if (!read_some(h, &end) && end)
		dr_source_free(DR_TAKE_PTR(h->io));
	return 0;
}

/* The last line that is not blank, "" if there is none; in place, without control characters. */
static const char *last_line(struct ins_hook *h)
{
	char *line = h->tail;

	while (h->len && strchr(" \t\r\n", h->tail[h->len - 1]))
		h->len--;
	h->tail[h->len] = '\0';
	for (char *c = h->tail; c < h->tail + h->len; c++) {
		if (*c == '\n')
			line = c + 1;
		else if ((unsigned char)*c < ' ' || *c == 0x7f)
			*c = ' ';
	}
	return line;
}

/* ---------------------------------------------------------------- its end */

static void hook_destroy(struct ins_hook *h)
{
	if (h->prev)
		h->prev->next = h->next;
	else
		h->all->first = h->next;
	if (h->next)
		h->next->prev = h->prev;
	dr_source_free(h->io);
	dr_source_free(h->child);
	dr_source_free(h->timer);
	dr_closep(&h->fd);
	free(h);
}

static void end(struct ins_hook *h, const struct ins_fence_result *r)
{
	ins_fence_end_fn fn = DR_TAKE_PTR(h->fn);

	if (fn)
		fn(r, h->userdata);
}

static void end_late(struct ins_hook *h)
{
	char text[DR_TIME_STR_MAX];
	const char *line = last_line(h);
	struct ins_fence_result r;

	ins_fence_failed(&r, true, "the hook did not end within %s, and was killed%s%.180s",
			 dr_dur_format(h->limit, text), *line ? ": " : "", line);
	end(h, &r);
}

static void end_by(struct ins_hook *h, const siginfo_t *si)
{
	struct ins_fence_result r = { .fenced = si->si_code == CLD_EXITED && si->si_status == 0 };
	const char *line = last_line(h);

	if (r.fenced)
		snprintf(r.reason, sizeof(r.reason), "the hook ended with status 0%s%.180s",
			 *line ? ": " : "", line);
	else
		ins_fence_failed(&r, true, "the hook ended by %s %d%s%.180s",
				 si->si_code == CLD_EXITED ? "status" : "signal", si->si_status,
				 *line ? ": " : "", line);
	end(h, &r);
}

static int on_child(struct dr_source *s, const siginfo_t *si, void *userdata)
{
	struct ins_hook *h = userdata;
	pid_t group = h->pid;
	bool ended;

	h->pid = 0;
	kill(-group, SIGKILL); /* what it has left behind */
	if (h->freed) {
		hook_destroy(h);
		return 0;
	}
	dr_timer_disarm(h->timer);
	for (int i = 0; i < READS_MAX && read_some(h, &ended); i++)
		;
	dr_source_free(DR_TAKE_PTR(h->io));
	if (h->late)
		end_late(h); /* whatever it says now: SIGTERM may have changed it */
	else
		end_by(h, si);
	return 0;
}

static int on_limit(struct dr_source *s, void *userdata)
{
	struct ins_hook *h = userdata;

	if (!h->late) {
		h->late = true;
		kill(-h->pid, SIGTERM);
		return dr_timer_arm(h->timer, GRACE);
	}
	/* what hangs in the kernel ends when it can, and is not waited for */
	kill(-h->pid, SIGKILL);
	end_late(h);
	return 0;
}

static void reap(struct ins_hook *h, unsigned ms)
{
	while (waitpid(h->pid, NULL, WNOHANG) == 0 && ms--)
		nanosleep(&(struct timespec){ .tv_nsec = DR_NSEC_PER_MSEC }, NULL);
}

void ins_hook_free(struct ins_hook *h)
{
	if (!h)
		return;
	if (!h->pid) {
		hook_destroy(h);
		return;
	}
	kill(-h->pid, SIGKILL);
	h->fn = NULL;
	h->freed = true;
	dr_source_free(DR_TAKE_PTR(h->io));
	dr_source_free(DR_TAKE_PTR(h->timer));
	dr_closep(&h->fd);
}

void ins_hooks_done(struct ins_hooks *all)
{
	for (struct ins_hook *h; (h = all->first);) {
		if (h->pid) {
			kill(-h->pid, SIGKILL);
			reap(h, REAP_MS);
		}
		hook_destroy(h);
	}
}

/* ---------------------------------------------------------------- its start */

static void texts_free(char ***texts)
{
	for (size_t i = 0; *texts && (*texts)[i]; i++)
		free((*texts)[i]);
	free(*texts);
}

static int make_argv(const struct ins_fence_ask *a, char ***ret)
{
	DR_AUTO(texts_free) char **argv = NULL;
	size_t n = 0;

	while (a->conf->command[n])
		n++;
	argv = calloc(n + 1, sizeof(*argv));
	if (!argv)
		return -ENOMEM;
	for (size_t i = 0; i < n; i++) {
		int r = i ? ins_fence_expand(a->conf->command[i], a->host, a->incident, &argv[i]) : 0;

		if (!i)
			argv[i] = strdup(a->conf->command[i]);
		if (r || !argv[i])
			return r ? r : -ENOMEM;
	}
	*ret = DR_TAKE_PTR(argv);
	return 0;
}

/* None of ours: credentials of the cloud may be in it. */
static int make_env(const struct ins_fence_ask *a, char ***ret)
{
	DR_AUTO(texts_free) char **env = calloc(6, sizeof(*env));

	if (!env || !(env[0] = strdup("PATH=/usr/local/sbin:/usr/local/bin:/usr/sbin:/usr/bin:/sbin:/bin")) ||
	    !(env[1] = strdup("LC_ALL=C.UTF-8")) || !(env[2] = dr_asprintf("DOCTOR_HOST=%s", a->host)) ||
	    !(env[3] = dr_asprintf("DOCTOR_INCIDENT=%s", a->incident)) ||
	    !(env[4] = strdup("DOCTOR_ACTION=off")))
		return -ENOMEM;
	*ret = DR_TAKE_PTR(env);
	return 0;
}

static int spawn(const struct ins_fence_ask *a, int out, pid_t *ret)
{
	DR_AUTO(texts_free) char **argv = NULL, **env = NULL;
	int r = make_argv(a, &argv);

	if (!r)
		r = make_env(a, &env);
	if (r)
		return r;
	const struct dr_spawn s = { .program = argv[0],
				    .argv = (const char *const *)argv,
				    .env = (const char *const *)env,
				    .out = out,
				    .err = out };

	return dr_spawn(&s, ret);
}

static int watch(struct ins_hook *h, const struct ins_fence_ask *a)
{
	DR_AUTO_CLOSE int out = -1;
	int ends[2], r;

	if (pipe2(ends, O_CLOEXEC))
		return dr_errno();
	h->fd = ends[0];
	out = ends[1];
	if (fcntl(h->fd, F_SETFL, O_NONBLOCK))
		return dr_errno();
	if ((r = dr_loop_add_timer(a->loop, on_limit, h, &h->timer)) ||
	    (r = dr_timer_arm(h->timer, h->limit)) ||
	    (r = dr_loop_add_io(a->loop, h->fd, EPOLLIN, on_output, h, &h->io)))
		return r;
	r = spawn(a, out, &h->pid);
	if (r)
		return r;
	return dr_loop_add_child(a->loop, h->pid, on_child, h, &h->child);
}

int ins_hook_start(struct ins_hooks *all, const struct ins_fence_ask *a, struct ins_hook **ret)
{
	struct ins_hook *h = calloc(1, sizeof(*h));
	int r;

	if (!h)
		return -ENOMEM;
	*h = (struct ins_hook){ .all = all,
				.next = all->first,
				.fn = a->fn,
				.userdata = a->userdata,
				.limit = a->conf->timeout,
				.fd = -1 };
	if (h->next)
		h->next->prev = h;
	all->first = h;
	r = watch(h, a);
	if (!r) {
		*ret = h;
		return 0;
	}
	if (h->pid) {
		kill(-h->pid, SIGKILL);
		reap(h, REAP_MS);
	}
	hook_destroy(h);
	return r;
}
