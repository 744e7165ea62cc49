// SPDX-License-Identifier: Apache-2.0
#include "inspector/fence.h"

#include <stdarg.h>
#include <string.h>

#include "inspector/fence_private.h"

struct waiter {
	struct waiter *next;
	char *incident;
	ins_fence_fn fn;
	void *userdata;
};

/* One host that is being fenced, for all who wait for it. */
struct job {
	struct job *next;
	struct ins_fencer *fencer;
	char *host, *incident; /* the first that asked */
	struct waiter *waiters;
	struct dr_mono started;
	struct ins_hook *hook;
	struct ins_redfish *redfish;
	struct ins_fence_result result;
	struct dr_source *delivery; /* armed once there is a result: outside of whoever found it */
	bool delivering;
};

struct ins_fencer {
	struct dr_loop *loop;
	const struct ins_fence_conf *conf;
	struct ins_hooks hooks;
	struct job *jobs;
};

void ins_fence_failed(struct ins_fence_result *r, bool retryable, const char *fmt, ...)
{
	va_list args;

	*r = (struct ins_fence_result){ .retryable = retryable };
	va_start(args, fmt);
	vsnprintf(r->reason, sizeof(r->reason), fmt, args);
	va_end(args);
}

/* ---------------------------------------------------------------- waiters */

static void waiter_free(struct waiter *w)
{
	if (!w)
		return;
	free(w->incident);
	free(w);
}
DR_DEFINE_FREEP(struct waiter, waiter_free)

/* At the end: results are told in the order in which they were asked for. */
static int add_waiter(struct job *j, const char *incident, ins_fence_fn fn, void *userdata)
{
	DR_AUTO(waiter_freep) struct waiter *w = calloc(1, sizeof(*w));
	struct waiter **at = &j->waiters;

	if (!w)
		return -ENOMEM;
	w->fn = fn;
	w->userdata = userdata;
	w->incident = strdup(incident);
	if (!w->incident)
		return -ENOMEM;
	while (*at)
		at = &(*at)->next;
	*at = DR_TAKE_PTR(w);
	return 0;
}

static void remove_waiters(struct job *j, const char *incident)
{
	for (struct waiter **at = &j->waiters; *at;) {
		struct waiter *w = *at;

		if (strcmp(w->incident, incident) != 0) {
			at = &w->next;
			continue;
		}
		*at = w->next;
		waiter_free(w);
	}
}

/* ---------------------------------------------------------------- jobs */

static void job_unlink(struct job *j)
{
	struct job **at = &j->fencer->jobs;

	while (*at && *at != j)
		at = &(*at)->next;
	if (*at)
		*at = j->next;
}

/* Whatever is under way for it ends. */
static void job_free(struct job *j)
{
	if (!j)
		return;
	job_unlink(j);
	ins_hook_free(j->hook);
	ins_redfish_free(j->redfish);
	dr_source_free(j->delivery);
	for (struct waiter *w; (w = j->waiters);) {
		j->waiters = w->next;
		waiter_free(w);
	}
	free(j->host);
	free(j->incident);
	free(j);
}
DR_DEFINE_FREEP(struct job, job_free)

static int on_delivery(struct dr_source *s, void *userdata)
{
	struct job *j = userdata;

	j->delivering = true;
	for (struct waiter *w; (w = j->waiters);) {
		j->waiters = w->next;
		w->fn(&j->result, w->userdata);
		waiter_free(w);
	}
	job_free(j);
	return 0;
}

static int deliver(struct job *j, const struct ins_fence_result *r)
{
	j->result = *r;
	j->result.took = dr_mono_sub(dr_mono_now(), j->started);
	return dr_timer_arm(j->delivery, dr_msec(0));
}

static void on_end(const struct ins_fence_result *r, void *userdata)
{
	struct job *j = userdata;
	int error = deliver(j, r);

	if (error)
		dr_loop_exit(j->fencer->loop, error); /* nobody would hear of it any more */
}

static int job_new(struct ins_fencer *f, const char *host, const char *incident, struct job **ret)
{
	DR_AUTO(job_freep) struct job *j = calloc(1, sizeof(*j));

	if (!j)
		return -ENOMEM;
	j->fencer = f;
	j->started = dr_mono_now();
	j->host = strdup(host);
	j->incident = strdup(incident);
	if (!j->host || !j->incident)
		return -ENOMEM;
	int r = dr_loop_add_timer(f->loop, on_delivery, j, &j->delivery);
	if (r)
		return r;
	j->next = f->jobs;
	f->jobs = j;
	*ret = DR_TAKE_PTR(j);
	return 0;
}

/* 0: on_end() will be called. 1: *why says why it will not. */
static int job_start(struct job *j, struct ins_fence_result *why)
{
	const struct ins_fence_ask ask = { .loop = j->fencer->loop,
					   .conf = j->fencer->conf,
					   .host = j->host,
					   .incident = j->incident,
					   .fn = on_end,
					   .userdata = j };
	int r;

	if (!ins_fence_name_fits(j->host)) {
		ins_fence_failed(why, false, "\"%.64s\" is no name that can stand in a command or a URL",
				 j->host);
		return 1;
	}
	switch (ask.conf->method) {
	case INS_FENCE_EXEC:
		r = ins_hook_start(&j->fencer->hooks, &ask, &j->hook);
		break;
	case INS_FENCE_REDFISH:
		r = ins_redfish_start(&ask, why, &j->redfish);
		break;
	default:
		ins_fence_failed(why, false, "no way to fence a host is configured");
		return 1;
	}
	if (!r || r == 1 || r == -ENOMEM)
		return r;
	/* what is missing, or forbidden, only a person can help with */
	ins_fence_failed(why, r == -EAGAIN || r == -EMFILE || r == -ENFILE, "%.150s cannot be started: %s",
			 ask.conf->method == INS_FENCE_EXEC ? ask.conf->command[0] : "Redfish", strerror(-r));
	return 1;
}

/* ---------------------------------------------------------------- the fencer */

int ins_fencer_start(struct ins_fencer *f, const char *host, const char *incident, ins_fence_fn fn,
		     void *userdata)
{
	DR_AUTO(job_freep) struct job *j = NULL;
	struct ins_fence_result why;
	int r;

	for (struct job *other = f->jobs; other; other = other->next)
		if (!other->delivering && !strcmp(other->host, host))
			return add_waiter(other, incident, fn, userdata);
	r = job_new(f, host, incident, &j);
	if (!r)
		r = add_waiter(j, incident, fn, userdata);
	if (!r)
		r = job_start(j, &why);
	if (r == 1)
		r = deliver(j, &why);
	if (!r)
		(void)DR_TAKE_PTR(j);
	return r;
}

void ins_fencer_cancel(struct ins_fencer *f, const char *incident)
{
	for (struct job *next, *j = f->jobs; j; j = next) {
		next = j->next;
		remove_waiters(j, incident);
		if (!j->waiters && !j->delivering)
			job_free(j);
	}
}

int ins_fencer_new(struct dr_loop *l, const struct ins_fence_conf *c, struct ins_fencer **ret)
{
	struct ins_fencer *f = calloc(1, sizeof(*f));

	if (!f)
		return -ENOMEM;
	f->loop = l;
	f->conf = c;
	*ret = f;
	return 0;
}

void ins_fencer_free(struct ins_fencer *f)
{
	if (!f)
		return;
	while (f->jobs)
		job_free(f->jobs);
	ins_hooks_done(&f->hooks);
	free(f);
}
