/* SPDX-License-Identifier: Apache-2.0 */
#include "consumer/exec.h"

#include <signal.h>
#include <stdarg.h>
#include <string.h>
#include <sys/wait.h>
#include <time.h>

#include "doctor/buf.h"
#include "doctor/log.h"
#include "doctor/spawn.h"

#define GRACE dr_sec(2) /* between SIGTERM and SIGKILL */
#define REAP_MS 1000	/* at our own end */
#define ENV_MAX 16

struct con_exec {
	const struct con_work *work;
	const struct con_plan *plan;
	struct con_fault *fault;
	con_result_fn fn;
	void *userdata;
	pid_t pid;	  /* 0: nothing runs */
	bool late;	  /* SIGTERM has been sent */
	bool interrupted; /* an earlier life of ours did not see the end of the last attempt */
	struct dr_source *child, *timer;
	unsigned failed;
	char why[200]; /* of the last failure */
};

static void end(struct con_exec *x, enum con_fault_state state)
{
	const struct con_result r = {
		.state = state,
		.waited = true,
		.replacement = "",
		.failed = x->failed,
		.when = dr_wall_now(),
		.why = x->why,
	};

	x->fn(&r, x->userdata);
}

static void go_on(struct con_exec *x, struct dr_dur pause)
{
	char text[DR_TIME_STR_MAX];

	dr_warning("recovery goes on in %s vm=%s attempts=%u/%u: %s", dr_dur_format(pause, text),
		   x->fault->server, x->failed, x->plan->retry.attempts, x->why);
	/* a timer that lives does not fail */
	(void)!dr_timer_arm(x->timer, pause);
}

/* The last thing that a callback does. */
static void failed(struct con_exec *x)
{
	const struct con_recovery_conf *c = &x->plan->retry;

	if (++x->failed >= c->attempts)
		end(x, CON_FAULT_GAVE_UP);
	else
		go_on(x, con_pause(c->pause, c->pause_max, x->failed));
}

static int on_child(struct dr_source *s, const siginfo_t *si, void *userdata)
{
	struct con_exec *x = userdata;
	pid_t group = x->pid;

	x->pid = 0;
	kill(-group, SIGKILL); /* what it has left behind */
	dr_timer_disarm(x->timer);
	dr_source_free(DR_TAKE_PTR(x->child));
	if (x->late) {
		char text[DR_TIME_STR_MAX];

		snprintf(x->why, sizeof(x->why), "%s did not end within %s, and was killed",
			 x->plan->command[0], dr_dur_format(x->plan->time_limit, text));
		failed(x);
	} else if (si->si_code == CLD_EXITED && si->si_status == 0) {
		end(x, CON_FAULT_RECOVERED);
	} else {
		snprintf(x->why, sizeof(x->why), "%s ended by %s %d", x->plan->command[0],
			 si->si_code == CLD_EXITED ? "status" : "signal", si->si_status);
		failed(x);
	}
	return 0;
}

/* ---------------------------------------------------------------- starting it */

struct environment {
	char *items[ENV_MAX + 1]; /* ends with NULL */
	size_t count;
	bool failed;
};

static void environment_done(struct environment *e)
{
	for (size_t i = 0; i < e->count; i++)
		free(e->items[i]);
}

static void DR_PRINTF(2, 3) add(struct environment *e, const char *fmt, ...)
{
	char text[1024];
	va_list ap;

	va_start(ap, fmt);
	vsnprintf(text, sizeof(text), fmt, ap);
	va_end(ap);
	if (e->count == ENV_MAX || !(e->items[e->count] = strdup(text)))
		e->failed = true;
	else
		e->count++;
}

/* None of ours: the credentials of the cloud may be in it. */
static void fill(struct environment *e, const struct con_exec *x)
{
	const struct con_fault *f = x->fault;
	char heard[DR_TIME_STR_MAX];

	add(e, "PATH=/usr/local/sbin:/usr/local/bin:/usr/sbin:/usr/bin:/sbin:/bin");
	add(e, "LC_ALL=C.UTF-8");
	add(e, "DOCTOR_FAULT=%s", f->id);
	add(e, "DOCTOR_SERVER=%s", f->server);
	add(e, "DOCTOR_ALARM=%s", f->alarm);
	add(e, "DOCTOR_INCIDENT=%s", f->incident);
	add(e, "DOCTOR_TYPE=%s", f->type);
	add(e, "DOCTOR_HEARD=%s", dr_wall_format(f->heard, heard));
	add(e, "DOCTOR_ATTEMPT=%u", f->attempts);
	add(e, "DOCTOR_INTERRUPTED=%d", x->interrupted);
}

static int start(struct con_exec *x)
{
	DR_AUTO(environment_done) struct environment env = { 0 };
	const struct dr_spawn s = {
		.program = x->plan->command[0],
		.argv = (const char *const *)x->plan->command,
		.env = (const char *const *)env.items,
		.out = STDERR_FILENO,
		.err = -1,
	};
	int r;

	fill(&env, x);
	if (env.failed)
		return -ENOMEM;
	r = dr_timer_arm(x->timer, x->plan->time_limit);
	if (!r)
		r = dr_spawn(&s, &x->pid);
	if (r)
		return r;
	return dr_loop_add_child(x->work->loop, x->pid, on_child, x, &x->child);
}

static void stop(struct con_exec *x)
{
	unsigned ms = REAP_MS;

	if (!x->pid)
		return;
	kill(-x->pid, SIGKILL);
	while (waitpid(x->pid, NULL, WNOHANG) == 0 && ms--)
		nanosleep(&(struct timespec){ .tv_nsec = DR_NSEC_PER_MSEC }, NULL);
	x->pid = 0;
}

/* The intent first: who finds it, and no end, knows that the program may have run. */
static void attempt(struct con_exec *x)
{
	int r;

	x->late = false;
	x->fault->attempts++;
	r = con_faults_save(x->work->faults, x->fault, NULL);
	if (r) { /* nothing was tried */
		x->fault->attempts--;
		snprintf(x->why, sizeof(x->why), "writing the journal: %s", strerror(-r));
		go_on(x, x->plan->retry.pause_max);
		return;
	}
	dr_info("recovery runs %s vm=%s attempt=%u", x->plan->command[0], x->fault->server,
		x->fault->attempts);
	r = start(x);
	x->interrupted = false;
	if (!r)
		return;
	stop(x);
	dr_timer_disarm(x->timer);
	snprintf(x->why, sizeof(x->why), "%s cannot be started: %s", x->plan->command[0], strerror(-r));
	failed(x);
}

static int on_timer(struct dr_source *s, void *userdata)
{
	struct con_exec *x = userdata;

	if (!x->pid) {
		attempt(x);
		return 0;
	}
	kill(-x->pid, x->late ? SIGKILL : SIGTERM);
	x->late = true;
	return dr_timer_arm(x->timer, GRACE);
}

int con_exec_new(const struct con_work *w, const struct con_plan *plan, struct con_fault *fault,
		 con_result_fn fn, void *userdata, struct con_exec **ret)
{
	DR_AUTO(con_exec_freep) struct con_exec *x = calloc(1, sizeof(*x));
	int r;

	if (!x)
		return -ENOMEM;
	x->work = w;
	x->plan = plan;
	x->fault = fault;
	x->fn = fn;
	x->userdata = userdata;
	x->interrupted = fault->attempts > 0;
	r = dr_loop_add_timer(w->loop, on_timer, x, &x->timer);
	if (!r)
		r = dr_timer_arm(x->timer, dr_msec(0));
	if (r)
		return r;
	*ret = DR_TAKE_PTR(x);
	return 0;
}

void con_exec_free(struct con_exec *x)
{
	if (!x)
		return;
	dr_source_free(x->child);
	dr_source_free(x->timer);
	stop(x);
	free(x);
}
