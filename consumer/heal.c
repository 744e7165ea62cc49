/* SPDX-License-Identifier: Apache-2.0 */
/* From what is heard to what is done: one recovery a fault, whoever tells of it and however often. */
#include <string.h>

#include "consumer/consumer_private.h"
#include "doctor/log.h"

static void arm_again(struct con_server *s)
{
	con_arm_again(s->consumer->arm, s->id);
}

static int save(struct con_server *s, struct con_fault *f, const char *word)
{
	int r = con_faults_save(s->consumer->work.faults, f, word);

	if (r < 0)
		dr_error("journal cannot be written vm=%s fault=%s: %s", s->id, f->id, strerror(-r));
	return r;
}

/* ---------------------------------------------------------------- how it ends */

static void free_recovery(struct con_server *s)
{
	con_recreate_free(DR_TAKE_PTR(s->recreate));
	con_switchover_free(DR_TAKE_PTR(s->switchover));
	con_exec_free(DR_TAKE_PTR(s->exec));
	s->fault = NULL;
}

void con_server_stop(struct con_server *s)
{
	free_recovery(s);
	TAILQ_REMOVE(&s->consumer->servers, s, entry);
	s->consumer->server_count--;
	free(s);
}

const char *con_server_replacement(const struct con_server *s)
{
	return s->recreate ? con_recreate_replacement(s->recreate) : s->fault ? s->fault->replacement : "";
}

static void log_recovered(const struct con_server *s, const struct con_fault *f, const struct con_result *r)
{
	if (f->kind == CON_RECOVERY_SWITCHOVER)
		dr_info("standby has taken over vm=%s standby=%s failed-attempts=%u", s->id, r->replacement,
			r->failed);
	else if (f->kind == CON_RECOVERY_EXEC)
		dr_info("recovery program has ended well vm=%s failed-attempts=%u", s->id, r->failed);
	else if (r->waited)
		dr_info("vm replaced vm=%s replacement=%s failed-attempts=%u", s->id, r->replacement,
			r->failed);
	else
		dr_info("vm has a replacement already vm=%s replacement=%s", s->id, r->replacement);
	if (r->waited)
		dr_log_checkpoint(r->when, "doctor consumer handled");
}

static void log_result(const struct con_server *s, const struct con_fault *f, const struct con_result *r)
{
	const char *what = f->kind == CON_RECOVERY_RECREATE ? "replaced" : "recovered";

	if (r->state == CON_FAULT_RECOVERED)
		log_recovered(s, f, r);
	else if (r->state == CON_FAULT_UNNEEDED)
		dr_warning("vm is not %s vm=%s: %s", what, s->id, r->why);
	else
		dr_error("vm is not %s, a person must help vm=%s failed-attempts=%u: %s", what, s->id,
			 r->failed, r->why);
}

static void ended(struct con_server *s, struct con_fault *f, enum con_fault_state state,
		  const char *replacement, const char *why)
{
	struct con_consumer *c = s->consumer;

	f->state = state;
	f->ended = dr_wall_now();
	f->told = false;
	snprintf(f->why, sizeof(f->why), "%s", why);
	if (replacement[0] && replacement != f->replacement)
		snprintf(f->replacement, sizeof(f->replacement), "%s", replacement);
	c->counts.ended[f->kind][state]++;
	if (state == CON_FAULT_RECOVERED)
		c->counts.recovering.ns += f->ended.ns - f->heard.ns;
	(void)save(s, f, NULL);
	con_tell_look(c->tell, f);
	arm_again(s);
}

static void begin(struct con_server *s, struct con_fault *f);
static void give_back(struct con_server *s, struct con_fault *f);

static void on_result(const struct con_result *r, void *userdata)
{
	struct con_server *s = userdata;
	struct con_fault *f = s->fault;

	log_result(s, f, r);
	ended(s, f, r->state, r->replacement, r->state == CON_FAULT_RECOVERED ? "" : r->why);
	free_recovery(s);
	give_back(s, f); /* it may have been cleared meanwhile */
}

/* ---------------------------------------------------------------- back again */

static void on_returned(const struct con_result *r, void *userdata)
{
	struct con_server *s = userdata;
	struct con_consumer *c = s->consumer;
	struct con_fault *f = s->fault;

	if (r->state == CON_FAULT_RECOVERED) {
		dr_info("addresses are switched back vm=%s standby=%s", s->id, f->replacement);
		c->counts.returned++;
		f->returned = true;
	} else {
		dr_error("addresses are not switched back, a person must help vm=%s standby=%s: %s", s->id,
			 f->replacement, r->why);
		c->counts.not_returned++;
		snprintf(f->why, sizeof(f->why), "not switched back: %s", r->why);
	}
	f->told = f->back_wanted = false;
	(void)save(s, f, NULL);
	con_tell_look(c->tell, f);
	free_recovery(s);
	f = con_faults_last(c->work.faults, s->id);
	if (f && f->state == CON_FAULT_OPEN)
		begin(s, f);
}

/* A standby has taken over, and has it still. */
static bool is_taken(const struct con_fault *f)
{
	return f->kind == CON_RECOVERY_SWITCHOVER && f->state == CON_FAULT_RECOVERED && !f->returned;
}

static int switch_back(struct con_server *s, struct con_fault *f)
{
	int r;

	s->fault = f;
	r = con_switchover_new(&s->consumer->work, s->plan, f, true, on_returned, s, &s->switchover);
	if (r < 0) {
		dr_error("addresses are not switched back, a person must help vm=%s: %s", s->id,
			 strerror(-r));
		s->fault = NULL;
	}
	return r;
}

/* The server gets back what the standby took over: a person wants it, or the plan does, and the fault is
 * over. */
static void give_back(struct con_server *s, struct con_fault *f)
{
	bool planned = f->cleared && s->plan->back && s->plan->kind == CON_RECOVERY_SWITCHOVER;

	if ((!planned && !f->back_wanted) || !is_taken(f) || s->fault)
		return;
	dr_info("%s, addresses are switched back vm=%s standby=%s",
		f->back_wanted ? "a person wants it" : "fault is cleared", s->id, f->replacement);
	(void)switch_back(s, f);
}

int con_switch_back(struct con_consumer *c, const char *fault)
{
	struct con_fault *f = con_faults_find(c->work.faults, fault);
	struct con_server *s;
	int r;

	if (!f)
		return CON_BACK_UNKNOWN;
	if (!is_taken(f))
		return CON_BACK_NOTHING;
	s = con_find_server(c, f->server);
	if (!c->ready || c->stopping || (s && s->fault))
		return CON_BACK_BUSY;
	if (!s)
		s = con_add_server(c, f->server);
	if (!s)
		return -ENOMEM;
	if (!s->planned)
		return CON_BACK_BUSY;
	f->back_wanted = true;
	r = save(s, f, NULL);
	if (r < 0) {
		f->back_wanted = false;
		return r;
	}
	dr_info("a person wants it, addresses are switched back vm=%s standby=%s", s->id, f->replacement);
	return switch_back(s, f); /* 0: CON_BACK_BEGUN */
}

/* ---------------------------------------------------------------- how it begins */

static void begin(struct con_server *s, struct con_fault *f)
{
	const struct con_work *w = &s->consumer->work;
	int r = -EINVAL;

	s->fault = f;
	switch (f->kind) {
	case CON_RECOVERY_RECREATE:
		r = con_recreate_new(w, s->plan, f, on_result, s, &s->recreate);
		break;
	case CON_RECOVERY_SWITCHOVER:
		r = con_switchover_new(w, s->plan, f, false, on_result, s, &s->switchover);
		break;
	case CON_RECOVERY_EXEC:
		r = con_exec_new(w, s->plan, f, on_result, s, &s->exec);
		break;
	case CON_RECOVERY_NONE:
		s->fault = NULL;
		ended(s, f, CON_FAULT_HEARD_ONLY, "", "");
		return;
	}
	if (r == 0) {
		dr_info("recovery begins vm=%s recovery=%s fault=%s", s->id, con_recovery_kind_name(f->kind),
			f->id);
		return;
	}
	dr_error("vm is not recovered, a person must help vm=%s: %s", s->id, strerror(-r));
	s->fault = NULL;
	ended(s, f, CON_FAULT_GAVE_UP, "", strerror(-r));
}

/* "aodh SERVER MESSAGE", "inspector SERVER FAULT"; NULL: it has no name. */
static const char *name_word(const struct con_word *w, char *text, size_t size)
{
	if (!w->id[0])
		return NULL;
	snprintf(text, size, "%s %s %s", w->from_inspector ? "inspector" : "aodh", w->server, w->id);
	return text;
}

#define WORD_MAX (sizeof("inspector  ") + CON_ID_MAX + CON_MESSAGE_ID_MAX)

/* Another word of a fault that is known. */
static int hear_again(struct con_server *s, struct con_fault *f, const struct con_word *w, const char *name)
{
	char *first = w->from_inspector ? f->incident : f->alarm; /* of its kind, if that is empty */
	int r;

	if (first[0])
		first = NULL;
	if (first && w->from_inspector) {
		memcpy(f->incident, w->id, sizeof(f->incident));
		memcpy(f->type, w->type, sizeof(f->type));
	} else if (first) {
		memcpy(f->alarm, w->alarm, sizeof(f->alarm));
	}
	r = save(s, f, name);
	if (r < 0) { /* it is heard again, as what it was */
		if (first)
			first[0] = '\0';
		return r;
	}
	s->consumer->counts.same++;
	if (s->fault)
		dr_info("recovery is under way already vm=%s fault=%s", s->id, f->id);
	else
		dr_info("fault is known already vm=%s fault=%s state=%s", s->id, f->id,
			con_fault_state_name(f->state));
	if (!w->from_inspector && !s->fault)
		arm_again(s);
	return 0;
}

/* It may come late, or the inspector's clock may differ from ours: one of the two times has to fit. */
static bool is_same(const struct con_consumer *c, const struct con_fault *last, const struct con_word *w)
{
	struct dr_dur same = c->config->same_fault;

	return con_fault_is_same(last, w->from_inspector, w->received, same) ||
	       (w->raised.ns && con_fault_is_same(last, w->from_inspector, w->raised, same));
}

int con_hear(struct con_consumer *c, const struct con_word *w)
{
	struct con_server *s = con_find_server(c, w->server);
	struct con_fault new = { .heard = w->received }, *f;
	char text[WORD_MAX];
	const char *name = name_word(w, text, sizeof(text));
	int r;

	if (!s && w->from_inspector && !c->listed)
		return -EAGAIN; /* an alarm that has fired is found in Aodh when its server is known */
	if (!s) {
		c->counts.unknown++;
		return 1;
	}
	if (!s->planned)
		return -EAGAIN;
	if (name && con_faults_heard(c->work.faults, name)) {
		c->counts.repeated++;
		dr_info("%s repeats an event that was heard vm=%s",
			w->from_inspector ? "notification" : "alarm", s->id);
		if (!w->from_inspector && !s->fault)
			arm_again(s);
		return 0;
	}
	f = con_faults_last(c->work.faults, s->id);
	if (f && is_same(c, f, w))
		return hear_again(s, f, w, name);
	new.kind = s->plan->kind;
	memcpy(new.server, s->id, sizeof(new.server));
	memcpy(new.type, w->type, sizeof(new.type));
	if (w->from_inspector)
		memcpy(new.incident, w->id, sizeof(new.incident));
	else
		memcpy(new.alarm, w->alarm, sizeof(new.alarm));
	r = con_faults_add(c->work.faults, &new, name, &f);
	if (r < 0) {
		dr_error("vm is not recovered, the journal cannot be written vm=%s: %s", s->id, strerror(-r));
		return r;
	}
	f->before = w->before;
	if (!s->fault) /* else it follows when the return from an earlier one has ended */
		begin(s, f);
	return 0;
}

int con_hear_cleared(struct con_consumer *c, const char *server, const char *incident)
{
	const struct con_word w = { .from_inspector = true };
	struct con_word word = w;
	struct con_server *s = con_find_server(c, server);
	struct con_fault *f;
	char text[WORD_MAX];
	int r;

	snprintf(word.server, sizeof(word.server), "%s", server);
	snprintf(word.id, sizeof(word.id), "%s", incident);
	f = con_faults_heard(c->work.faults, name_word(&word, text, sizeof(text)));
	if (!s || !f)
		return 1;
	if (!s->planned)
		return -EAGAIN;
	if (f->cleared)
		return 0;
	f->cleared = true;
	c->counts.cleared++;
	r = save(s, f, NULL);
	if (r < 0) {
		f->cleared = false;
		return r;
	}
	dr_info("fault is cleared vm=%s fault=%s state=%s", s->id, f->id, con_fault_state_name(f->state));
	give_back(s, f);
	return 0;
}

void con_hear_late(struct con_consumer *c, const char *server, const char *alarm, bool before)
{
	struct con_fault *last = con_faults_last(c->work.faults, server);
	struct con_word w = { .logged = true,
			      .before = before && !c->config->journal,
			      .received = dr_wall_now() };
	int r;

	if (last && last->state != CON_FAULT_OPEN && !last->armed) {
		dr_info("alarm is that of a fault which has ended vm=%s alarm=%s fault=%s", server, alarm,
			last->id);
		con_arm_again(c->arm, server);
		return;
	}
	dr_warning("alarm has fired while nobody listened vm=%s alarm=%s", server, alarm);
	snprintf(w.server, sizeof(w.server), "%s", server);
	snprintf(w.alarm, sizeof(w.alarm), "%s", alarm);
	r = con_keep_word(c, &w);
	if (r < 0)
		dr_error("vm is not recovered, a person must help vm=%s: %s", server, strerror(-r));
}

/* ---------------------------------------------------------------- after a restart */

/* False: its server's plan is not known yet. */
static bool resume(struct con_consumer *c, struct con_fault *f)
{
	struct con_server *s = con_find_server(c, f->server);

	if (!s)
		s = con_add_server(c, f->server);
	if (!s) {
		dr_error("recovery is not taken up, out of memory vm=%s fault=%s", f->server, f->id);
		return true;
	}
	if (!s->planned)
		return false;
	if (s->fault)
		return true;
	if (f->state != CON_FAULT_OPEN) {
		give_back(s, f);
	} else if (s->plan->kind != f->kind) {
		dr_error(
			"vm is not recovered, its plan is another now, a person must help vm=%s was=%s is=%s",
			s->id, con_recovery_kind_name(f->kind), con_recovery_kind_name(s->plan->kind));
		ended(s, f, CON_FAULT_GAVE_UP, "", "the plan was changed");
	} else {
		dr_info("recovery is taken up vm=%s fault=%s", s->id, f->id);
		begin(s, f);
	}
	return true;
}

bool con_resume(struct con_consumer *c)
{
	struct con_fault *f = NULL;
	bool all = true;

	while ((f = con_faults_next(c->work.faults, f))) {
		if (f->state == CON_FAULT_OPEN || (is_taken(f) && (f->cleared || f->back_wanted)))
			all &= resume(c, f);
	}
	return all;
}
