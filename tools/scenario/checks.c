/* SPDX-License-Identifier: Apache-2.0 */
/* What must hold before, during and after the outage. */
#include <string.h>

#include "tools/scenario/checks.h"

#define QUIET dr_msec(500)
#define CHECKS_AT_LEAST dr_sec(2)
#define RECOVERY_LIMIT dr_sec(20)
#define LOOK dr_msec(2)
#define ASK dr_msec(50) /* the cloud, which is busy enough */

static struct dr_mono end_of_run(const struct sc_run *run)
{
	return dr_mono_add(run->fault_at, run->opts.timeout);
}

bool sc_wrongly_judged(struct sc_run *run)
{
	const struct sc_timeline *t = &run->timeline;

	if (t->accused[0])
		sc_problem(run, "host %s is alive and was declared failed", t->accused);
	return t->accused[0];
}

int sc_check_quiet(struct sc_run *run)
{
	struct dr_mono deadline = sc_deadline(QUIET);

	while (!sc_past(deadline)) {
		sc_pump_logs(run);
		if (run->timeline.at[SC_T01].ns) {
			sc_problem(run, "host %s was declared failed before it was", run->timeline.host);
			return SC_FAILED;
		}
		if (sc_wrongly_judged(run))
			return SC_FAILED;
		if (sc_interrupted())
			return -EINTR;
		sc_pause(LOOK);
	}
	return 0;
}

/* ---------------------------------------------------------------- the notification */

static size_t known(const struct sc_run *run, enum sc_point p)
{
	struct dr_wall first, last;

	return sc_timeline_span(&run->timeline, p, &first, &last);
}

static bool all_told(const struct sc_run *run)
{
	return known(run, SC_T01) && known(run, SC_T02) && known(run, SC_T04) &&
	       known(run, SC_T03) == run->nvms && known(run, SC_T09) == run->nvms &&
	       known(run, SC_T10) == run->nvms;
}

bool sc_all_running(struct sc_run *run)
{
	for (enum sc_program p = 0; p < SC_PROGRAMS; p++) {
		if (run->children[p] && !sc_child_running(run->children[p])) {
			sc_problem(run, "%s ended during the outage", sc_child_name(run->children[p]));
			return false;
		}
	}
	return true;
}

static void explain_silence(struct sc_run *run)
{
	static const struct {
		enum sc_point point;
		const char *text;
	} steps[] = {
		{ SC_T01, "the monitor did not detect the failure" },
		{ SC_T02, "the inspector did not find the affected VMs" },
		{ SC_T04, "the inspector did not mark the host down" },
		{ SC_T03, "the inspector did not set every VM to error" },
		{ SC_T09, "the owner was not notified of every VM" },
		{ SC_T10, "the consumer did not replace every VM" },
	};

	for (size_t i = 0; i < DR_ARRAY_SIZE(steps); i++) {
		bool of_vm = steps[i].point == SC_T03 || steps[i].point >= SC_T09;
		size_t want = of_vm ? run->nvms : 1, have = known(run, steps[i].point);

		if (have < want && want > 1)
			sc_problem(run, "%s (%s): %zu of %zu", steps[i].text, sc_point_name(steps[i].point),
				   have, want);
		else if (have < want)
			sc_problem(run, "%s (%s)", steps[i].text, sc_point_name(steps[i].point));
	}
}

static void check_limit(struct sc_run *run)
{
	struct dr_dur took = { 0 };

	if (sc_timeline_notification(&run->timeline, &took) && took.ns >= DR_NSEC_PER_SEC)
		sc_problem(run, "notification took %.3f s, it must be below 1 s", dr_dur_seconds(took));
	else if (took.ns < 0) /* by clocks that differ, as those of two machines may */
		sc_problem(run, "the owner was notified %.3f s before the failure was detected",
			   -dr_dur_seconds(took));
	if (known(run, SC_T01) && run->timeline.at[SC_T01].ns < run->timeline.at[SC_T00].ns)
		sc_problem(run, "the failure was detected before it was injected");
}

int sc_wait_handled(struct sc_run *run)
{
	while (sc_pump_logs(run), !all_told(run)) {
		if (sc_interrupted())
			return -EINTR;
		if (sc_past(end_of_run(run)) || !sc_all_running(run) || sc_wrongly_judged(run))
			break;
		sc_pause(LOOK);
	}
	sc_svclogs_read(&run->svclogs, &run->timeline);
	(void)!sc_answers_get(run->consumer, &run->answers); /* who does not answer does not tell, either */
	explain_silence(run);
	check_limit(run);
	return 0;
}

/* ---------------------------------------------------------------- the cloud's state */

int sc_wait_for(struct sc_condition *c, sc_holds_fn holds)
{
	int r;

	while ((r = holds(c)) == 0 && !sc_past(c->run->checks_until)) {
		if (sc_interrupted())
			return -EINTR;
		sc_pump_logs(c->run);
		sc_pause(ASK);
	}
	if (r == 0)
		sc_problem(c->run, "%s", c->said);
	if (r < 0)
		sc_problem_error(c->run, "asking the cloud", r, DR_TAKE_PTR(c->error));
	return 0;
}

static int host_forced_down(struct sc_condition *c)
{
	struct sc_compute computes[SC_COMPUTES_MAX];
	const char *host = c->run->computes[c->run->victim].host;
	int n = sc_cloud_computes(c->run->cloud, computes, &c->error);

	for (int i = 0; i < n; i++)
		if (strcmp(computes[i].host, host) == 0 && computes[i].forced_down)
			return 1;
	snprintf(c->said, sizeof(c->said), "host %.200s is not forced down in Nova", host);
	return n < 0 ? n : 0;
}

static int others_up(struct sc_condition *c)
{
	struct sc_compute computes[SC_COMPUTES_MAX];
	int n = sc_cloud_computes(c->run->cloud, computes, &c->error);

	for (int i = 0; i < n; i++) {
		if (strcmp(computes[i].host, c->run->computes[c->run->victim].host) == 0 ||
		    (computes[i].up && !computes[i].forced_down))
			continue;
		snprintf(c->said, sizeof(c->said), "host %.200s is alive and is %s in Nova", computes[i].host,
			 computes[i].forced_down ? "forced down" : "down");
		return 0;
	}
	return n < 0 ? n : 1;
}

static int vm_in_error(struct sc_condition *c)
{
	struct sc_server s;
	int r = sc_cloud_server(c->run->cloud, SC_OWNER, c->vm->id, &s, &c->error);

	if (r < 0)
		return r;
	if (r == 0 && strcmp(s.status, "ERROR") == 0)
		return 1;
	snprintf(c->said, sizeof(c->said), "VM %s is %s, not ERROR", c->vm->id, r ? "gone" : s.status);
	return 0;
}

static int owner_sees_host_down(struct sc_condition *c)
{
	struct sc_server s;
	int r = sc_cloud_server(c->run->cloud, SC_OWNER, c->vm->id, &s, &c->error);

	if (r < 0)
		return r;
	if (r == 0 && strcmp(s.host_status, "DOWN") == 0)
		return 1;
	snprintf(c->said, sizeof(c->said), "the owner's GET of VM %s shows host_status \"%s\", not DOWN",
		 c->vm->id, r ? "" : s.host_status);
	return 0;
}

/* The alarm fired ("alarm"), or fired and was armed again ("ok"); a new one has "insufficient data". */
static int alarm_fired(struct sc_condition *c)
{
	DR_AUTO_FREE struct sc_alarm *alarms = NULL;
	const char *state = NULL;
	size_t n = 0;
	int r = sc_cloud_alarms(c->run->cloud, &alarms, &n, &c->error);

	for (size_t i = 0; i < n; i++) {
		if (strcmp(alarms[i].instance, c->vm->id) != 0)
			continue;
		state = alarms[i].state;
		if (strcmp(state, "alarm") == 0 || strcmp(state, "ok") == 0)
			return 1;
	}
	snprintf(c->said, sizeof(c->said), "VM %s %s%s", c->vm->id,
		 state ? "has its alarm in state " : "has no alarm", state ? state : "");
	return r < 0 ? r : 0;
}

/* An ACTIVE server of the same name, or one that begins with it, elsewhere. */
static int replaced(struct sc_condition *c)
{
	const char *host = c->run->computes[c->run->victim].host;
	int r;

	free(c->servers);
	c->servers = NULL;
	c->nservers = 0;
	r = sc_cloud_servers(c->run->cloud, SC_OWNER, &c->servers, &c->nservers, &c->error);
	snprintf(c->said, sizeof(c->said), "VM %s has no ACTIVE replacement on another host", c->vm->id);
	for (size_t i = 0; i < c->nservers && r == 0; i++) {
		struct sc_server s;

		if (strcmp(c->servers[i].id, c->vm->id) == 0 ||
		    strncmp(c->servers[i].name, c->vm->name, strlen(c->vm->name)) != 0)
			continue;
		r = sc_cloud_server(c->run->cloud, SC_ADMIN, c->servers[i].id, &s, &c->error);
		if (r == 0 && strcmp(s.status, "ACTIVE") == 0 && strcmp(s.host, host) != 0)
			return 1;
		if (r == 0)
			snprintf(c->said, sizeof(c->said), "the replacement of VM %s is %s on %.64s",
				 c->vm->id, s.status, s.host);
		r = r == 1 ? 0 : r;
	}
	return r < 0 ? r : 0;
}

int sc_vm_is_active(struct sc_condition *c)
{
	struct sc_server s;
	int r = sc_cloud_server(c->run->cloud, SC_ADMIN, c->vm->id, &s, &c->error);

	if (r < 0)
		return r;
	if (r == 0 && strcmp(s.status, "ACTIVE") == 0)
		return 1;
	snprintf(c->said, sizeof(c->said), "VM %s is %s, not ACTIVE", c->vm->id, r ? "gone" : s.status);
	return 0;
}

static int bystander_untouched(struct sc_condition *c)
{
	const char *want = c->run->computes[!c->run->victim].host;
	struct sc_server s;
	int r = sc_cloud_server(c->run->cloud, SC_ADMIN, c->vm->id, &s, &c->error);

	if (r < 0)
		return r;
	if (r == 0 && strcmp(s.status, "ACTIVE") == 0 && strcmp(s.host, want) == 0)
		return 1;
	snprintf(c->said, sizeof(c->said), "VM %s on the live host is %s", c->vm->id, r ? "gone" : s.status);
	return 0;
}

/* The inspector marks the ports; a server without one has none to be marked. */
static int ports_down(struct sc_condition *c)
{
	DR_AUTO_FREE struct sc_port *ports = NULL;
	struct sc_snapshot s = { 0 };
	size_t n, such;
	int r = sc_cloud_ports(c->run->cloud, &ports, &s.nports, &c->error);

	if (r < 0)
		return r;
	s.ports = ports;
	n = sc_snapshot_ports(&s, c->vm->id, "DOWN", &such);
	if (such == n)
		return 1;
	snprintf(c->said, sizeof(c->said), "VM %s has %zu ports, %zu of them with data_plane_status DOWN",
		 c->vm->id, n, such);
	return 0;
}

/* ---------------------------------------------------------------- nothing else */

static void keep_first(const char *text, void *userdata)
{
	struct sc_condition *c = userdata;

	if (!c->said[0])
		snprintf(c->said, sizeof(c->said), "%s", text);
}

int sc_is_as_before(struct sc_condition *c)
{
	struct sc_snapshot now = { 0 };
	size_t n;
	int r = sc_snapshot_take(c->run->cloud, &now, &c->error);

	if (r < 0)
		return r;
	c->said[0] = '\0';
	n = sc_snapshot_compare(&c->run->before, &now, c->allowed, keep_first, c);
	sc_snapshot_done(&now);
	return n == 0;
}

/* At once: what was touched meanwhile and is as it was again cannot be told. */
static int check_others(struct sc_run *run)
{
	const char *host = run->computes[run->victim].host;
	struct sc_allowed allowed = { .host = host, .ports_of = host, .booted = true };
	DR_AUTO_FREE const char **ours = calloc(run->nvms, sizeof(*ours));
	struct sc_condition c = { .run = run, .allowed = &allowed };

	if (!ours)
		return -ENOMEM;
	for (size_t i = 0; i < run->nvms; i++)
		ours[i] = run->vms[i].id;
	allowed.servers = ours;
	allowed.nservers = run->nvms;
	return sc_wait_for(&c, sc_is_as_before);
}

/* Others may have started VMs on the failed host meanwhile; elsewhere nothing may be touched. */
static void check_foreign_vms(struct sc_run *run)
{
	for (size_t i = 0; i < run->timeline.nforeign; i++) {
		const char *id = run->timeline.foreign[i];
		struct sc_server s;
		char *error = NULL;
		int r = sc_cloud_server(run->cloud, SC_ADMIN, id, &s, &error);

		if (r < 0)
			sc_problem_error(run, "asking the cloud", r, error);
		else if (r == 0 && strcmp(s.host, run->timeline.host) != 0)
			sc_problem(run, "VM %s is on %s, not on the failed host, and was set to error", id,
				   s.host);
	}
}

static int check_vm(struct sc_run *run, const struct sc_vm *vm)
{
	static const sc_holds_fn all[] = { vm_in_error, owner_sees_host_down, ports_down, alarm_fired,
					   replaced };
	struct sc_condition c = { .run = run, .vm = vm };
	int r = 0;

	for (size_t i = 0; i < DR_ARRAY_SIZE(all) && r == 0; i++)
		r = sc_wait_for(&c, all[i]);
	free(c.servers);
	return r;
}

void sc_set_checks_until(struct sc_run *run, struct dr_dur at_least)
{
	struct dr_mono soon = sc_deadline(at_least);

	run->checks_until = end_of_run(run);
	if (run->checks_until.ns < soon.ns) /* waiting in vain has used it up */
		run->checks_until = soon;
}

int sc_check_cloud(struct sc_run *run)
{
	struct sc_condition hosts = { .run = run }, bystander = { .run = run, .vm = &run->bystander };
	size_t before = run->problems.n;
	int r;

	sc_set_checks_until(run, CHECKS_AT_LEAST);
	r = sc_wait_for(&hosts, host_forced_down);

	for (size_t i = 0; i < run->nvms && r == 0; i++)
		r = check_vm(run, &run->vms[i]);
	if (r == 0)
		r = sc_wait_for(&hosts, others_up);
	if (r == 0)
		r = sc_wait_for(&bystander, bystander_untouched);
	if (r == 0)
		r = check_others(run);
	if (r != 0)
		return r;
	run->installer->check_fault(run, run->opts.fault);
	sc_pump_logs(run);
	check_foreign_vms(run);
	(void)sc_wrongly_judged(run);
	if (run->problems.n == before)
		sc_step("cloud", "%s forced down, %s in error, ports and host_status DOWN, replaced on %s",
			run->timeline.host, run->nvms == 1 ? "VM" : "VMs", run->computes[!run->victim].host);
	return 0;
}

/* ---------------------------------------------------------------- the end of the outage */

/* What has failed already may well go on failing, and is not waited for so long. */
static struct dr_mono recovery_end(const struct sc_run *run)
{
	return sc_deadline(run->problems.n ? CHECKS_AT_LEAST : RECOVERY_LIMIT);
}

static int wait_heard(struct sc_run *run)
{
	struct dr_mono deadline = recovery_end(run);

	while (sc_pump_logs(run), !run->timeline.recovered) {
		if (sc_interrupted())
			return -EINTR;
		if (sc_past(deadline)) {
			sc_problem(run, "the monitor did not see host %s come back", run->timeline.host);
			break;
		}
		sc_pause(LOOK);
	}
	return 0;
}

/* Each replacement is still there, and the first ones run again: nothing is told from before but these. */
int sc_check_recovery(struct sc_run *run)
{
	struct sc_allowed replacements = { .booted = true };
	struct sc_condition c = { .run = run, .allowed = &replacements };
	size_t before = run->problems.n;
	int r = wait_heard(run);

	run->checks_until = recovery_end(run);
	if (r == 0)
		r = sc_wait_for(&c, sc_is_as_before);
	for (size_t i = 0; i < run->nvms && r == 0; i++) {
		struct sc_condition vm = { .run = run, .vm = &run->vms[i] };

		r = sc_wait_for(&vm, sc_vm_is_active);
		if (r == 0)
			r = sc_wait_for(&vm, replaced);
		free(vm.servers);
	}
	if (r == 0 && run->problems.n == before)
		sc_step("recovery", "%s is up, %s active again, ports as before; replacements kept",
			run->timeline.host, run->nvms == 1 ? "its VM" : "its VMs");
	return r;
}
