/* SPDX-License-Identifier: Apache-2.0 */
/* The lives of servers between two requests: each waits for its next step on one timer. */
#include "doctor/log.h"
#include "tools/minicloud/cloud.h"

#define STEP_MS 20 /* from scheduled to spawned: about what Nova's fake driver needs at its best */

struct mc_job {
	TAILQ_ENTRY(mc_job) entry;
	char server_id[MC_UUID_SIZE];	   /* not the server: it may be gone by then */
	char request_id[MC_UUID_SIZE + 4]; /* that started it */
	struct dr_mono due;
};

static void insert(struct mc_cloud *c, struct mc_job *job)
{
	struct mc_job *before = TAILQ_LAST(&c->jobs, mc_jobs);

	while (before && before->due.ns > job->due.ns)
		before = TAILQ_PREV(before, mc_jobs, entry);
	if (before)
		TAILQ_INSERT_AFTER(&c->jobs, before, job, entry);
	else
		TAILQ_INSERT_HEAD(&c->jobs, job, entry);
}

static int arm(struct mc_cloud *c)
{
	struct mc_job *first = TAILQ_FIRST(&c->jobs);
	struct dr_dur left;

	if (!first)
		return 0;
	left = dr_mono_sub(first->due, dr_mono_now());
	return dr_timer_arm(c->job_timer, left.ns > 0 ? left : (struct dr_dur){ 0 });
}

void mc_job_start(struct mc_cloud *c, const struct mc_server *s, const char *request_id, struct dr_dur delay)
{
	struct mc_job *job = calloc(1, sizeof(*job));
	int r;

	if (!job) {
		dr_error("server stays as it is, out of memory server=%s", s->id);
		return;
	}
	snprintf(job->server_id, sizeof(job->server_id), "%s", s->id);
	snprintf(job->request_id, sizeof(job->request_id), "%s", request_id);
	job->due = dr_mono_add(dr_mono_now(), delay);
	insert(c, job);
	r = arm(c);
	if (r < 0)
		dr_error("server stays as it is server=%s error=%d", s->id, r);
}

void mc_jobs_clear(struct mc_cloud *c)
{
	for (struct mc_job *job; (job = TAILQ_FIRST(&c->jobs));) {
		TAILQ_REMOVE(&c->jobs, job, entry);
		free(job);
	}
}

static void run(struct mc_cloud *c, const struct mc_job *job)
{
	struct mc_server *s = mc_server_find(&c->model, job->server_id);
	enum mc_vm_state old_state;
	enum mc_task_state old_task;
	enum mc_step step;

	if (!s)
		return;
	old_state = s->vm_state;
	old_task = s->task_state;
	step = mc_server_step(&c->model, s, dr_wall_now());
	if (step == MC_STEP_GONE)
		return;
	if (s->vm_state != old_state || s->task_state != old_task)
		mc_notify_update(c, s, old_state, job->request_id);
	if (step == MC_STEP_AGAIN)
		mc_job_start(c, s, job->request_id, dr_msec(STEP_MS));
}

int mc_jobs_run(struct dr_source *timer, void *cloud)
{
	struct mc_cloud *c = cloud;
	struct mc_job *job;

	while ((job = TAILQ_FIRST(&c->jobs)) && dr_mono_sub(job->due, dr_mono_now()).ns <= 0) {
		TAILQ_REMOVE(&c->jobs, job, entry);
		run(c, job);
		free(job);
	}
	return arm(c);
}
