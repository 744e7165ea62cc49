// SPDX-License-Identifier: Apache-2.0
#include <string.h>

#include "doctor/log.h"
#include "inspector/inspector_private.h"

/* ---------------------------------------------------------------- records */

void ins_note(struct ins_inspector *s, const struct ins_event *e, const char *verdict, const char *reason)
{
	struct ins_note *n = &s->notes[s->note_next];

	*n = (struct ins_note){ .when = dr_wall_now(), .event = *e, .verdict = verdict };
	snprintf(n->reason, sizeof(n->reason), "%s", reason);
	s->note_next = (s->note_next + 1) % INS_NOTES_MAX;
	s->note_count = DR_MIN(s->note_count + 1, (size_t)INS_NOTES_MAX);
	dr_warning("event %s host=%s type=%s status=%s monitor=%s event=%s: %s", verdict, e->host, e->type,
		   e->status == INS_CLEARED ? "up" : "down", e->monitor, e->id, reason);
}

void ins_inspector_refused(struct ins_inspector *s, const struct ins_event *e, const char *reason)
{
	s->refused++;
	ins_note(s, e, "refused", reason);
}

static void unlink_incident(struct ins_inspector *s, struct ins_incident *i)
{
	if (i->prev)
		i->prev->next = i->next;
	else
		s->first = i->next;
	if (i->next)
		i->next->prev = i->prev;
	else
		s->last = i->prev;
	s->incident_count--;
}

size_t ins_count_incidents(const struct ins_inspector *s, bool (*is)(enum ins_state))
{
	size_t n = 0;

	for (const struct ins_incident *i = s->first; i; i = i->next)
		n += is(i->state);
	return n;
}

bool ins_occupies(const struct ins_incident *i)
{
	bool paused = false, moves = false;

	if (!ins_state_active(i->state))
		return false;
	for (size_t n = 0; n < i->action_count; n++) {
		const struct ins_action *a = i->actions[n];

		if (a->state == INS_PAUSED && ins_action_may_last(a))
			return false;
		paused |= a->state == INS_PAUSED;
		moves |= a->state == INS_SENT || a->queued;
	}
	return moves || !paused;
}

size_t ins_count_occupied(const struct ins_inspector *s)
{
	size_t n = 0;

	for (const struct ins_incident *i = s->first; i; i = i->next)
		n += ins_occupies(i);
	return n;
}

static bool is_recorded(enum ins_state state)
{
	return state == INS_RECORDED;
}

/* Of what nobody says is over: hosts that are no more, or monitors that tell of faults only. */
static void trim_recorded(struct ins_inspector *s)
{
	size_t recorded = ins_count_incidents(s, is_recorded);

	for (struct ins_incident *i = s->first; i && recorded > INS_RECORDED_MAX; i = i->next) {
		if (i->state != INS_RECORDED)
			continue;
		ins_clear(s, i,
			  "taken for over: as many faults as may be are recorded, and it is the oldest");
		recorded--;
	}
}

/* Forgets the oldest that have ended, beyond what is to be remembered. */
static void trim(struct ins_inspector *s)
{
	size_t ended = ins_count_incidents(s, ins_state_ended);
	struct ins_incident *next;

	for (struct ins_incident *i = s->first; i && ended > s->config->history; i = next) {
		next = i->next;
		if (!ins_state_ended(i->state) || !ins_incident_idle(i) || i->untold)
			continue;
		s->forgotten += i->told != i->changes;
		unlink_incident(s, i);
		ins_metrics_sweep(s->metrics, i);
		ins_journal_drop_incident(s->journal, i);
		ins_incident_free(i);
		ended--;
	}
}

struct ins_incident *ins_find_open(const struct ins_inspector *s, const struct ins_host *host,
				   const struct ins_event *e)
{
	char wanted[INS_FAULT_MAX], fault[INS_FAULT_MAX];

	ins_event_fault(e, wanted);
	for (struct ins_incident *i = s->last; i; i = i->prev) {
		bool by_name = !host || i->state == INS_RESOLVING;

		if (ins_state_ended(i->state) || (strcmp(i->host, host ? host->name : e->host) &&
						  !(by_name && !strcmp(i->event.host, e->host))))
			continue;
		if (!strcmp(ins_incident_fault(i, fault), wanted))
			return i;
	}
	return NULL;
}

unsigned ins_todo(const struct ins_inspector *s, const struct ins_event *e)
{
	unsigned todo = ins_policy_of(&s->config->faults, e)->actions;

	if (s->config->fence.method == INS_FENCE_NONE)
		todo &= ~(unsigned)INS_DO_FENCE;
	if (s->config->bus.shortcut == INS_SHORTCUT_OFF)
		todo &= ~(unsigned)INS_DO_NOTIFY;
	return todo;
}

unsigned ins_quorum(const struct ins_inspector *s, unsigned todo)
{
	/* of a card's fault, say, none but the host's own monitor knows */
	return ins_policy_condemns(todo) ? s->config->judge.monitors : 1;
}

void ins_schedule(struct ins_inspector *s)
{
	/* fails for invalid arguments only */
	if (dr_timer_arm(s->drain_timer, dr_msec(0)))
		abort();
}

/* ---------------------------------------------------------------- judging */

/* The vote of an event in the queue, once. */
static void count(struct ins_inspector *s, struct ins_queued *q, const struct ins_host *h,
		  const struct ins_incident *open)
{
	char fault[INS_FAULT_MAX], key[INS_KEY_MAX];
	const struct ins_vote *v = NULL;

	if (q->counted)
		return;
	ins_evidence_key(h	? h->name
			 : open ? open->host
				: q->event.host,
			 ins_event_fault(&q->event, fault), key);
	if (ins_evidence_take(s->evidence, key, &q->event, q->received, dr_wall_now(), &v) < 0)
		dr_error("out of memory: what monitor=%s says does not count host=%s", q->event.monitor,
			 q->event.host);
	else
		ins_journal_vote(s->journal, v);
	q->repeated = v && !q->old && v->since.ns != q->received.ns;
	q->counted = true;
}

static void on_forgotten(const struct ins_vote *v, void *userdata)
{
	struct ins_inspector *s = userdata;

	ins_journal_drop_vote(s->journal, v->key, v->monitor);
}

/* Of an event in the queue; without a name of Nova for its host, Nova could not be asked. */
static struct ins_judgement judge(struct ins_inspector *s, struct ins_queued *q, struct ins_host **ret_host,
				  struct ins_incident **ret_open)
{
	struct ins_case c = {
		.event = &q->event,
		.match = INS_MATCH_NONE,
		.todo = ins_todo(s, &q->event),
	};
	char fault[INS_FAULT_MAX], key[INS_KEY_MAX];

	*ret_host = q->host[0] ? ins_map_get(ins_nova_map(s->nova), q->host) : NULL;
	if (*ret_host) {
		c.match = INS_MATCH_ONE;
		c.map_known = true;
		c.host = *ret_host;
	}
	c.open = *ret_open = ins_find_open(s, *ret_host, &q->event);
	count(s, q, *ret_host, c.open);
	c.repeated = q->repeated;
	c.quorum = ins_quorum(s, c.open ? c.open->todo : c.todo);
	if (c.open) {
		const struct ins_tally t = ins_tally(s, c.open, dr_mono_now());

		ins_evidence_key(c.open->host, ins_incident_fault(c.open, fault), key);
		c.votes = ins_evidence_count(s->evidence, key, &t);
	}
	return ins_judge(&c);
}

static void apply(struct ins_inspector *s, const struct ins_queued *q, const struct ins_judgement *j,
		  const struct ins_host *h, struct ins_incident *open)
{
	const struct ins_event *e = &q->event;

	switch (j->verdict) {
	case INS_ACT:
	case INS_RESOLVE:
		ins_open(s, q, h, j);
		break;
	case INS_RECORD:
		ins_record(s, q, h, j);
		break;
	case INS_AGAIN:
		ins_again(s, open, q);
		break;
	case INS_COUNT:
		s->repeated++;
		open->reports++;
		ins_journal_incident(s->journal, open);
		dr_debug("host=%s reported again monitor=%s event=%s: %s", open->host, e->monitor, e->id,
			 j->reason);
		break;
	case INS_CLEAR:
		ins_clear(s, open, j->reason);
		break;
	case INS_DISSENT:
		dr_warning("host=%s is up monitor=%s event=%s incident=%s stays open: %s", open->host,
			   e->monitor, e->id, open->id, j->reason);
		break;
	case INS_NOTHING:
		dr_debug("host=%s is up monitor=%s event=%s: %s", e->host, e->monitor, e->id, j->reason);
		break;
	case INS_IGNORE:
		s->ignored++;
		ins_note(s, e, "ignored", j->reason);
		break;
	case INS_REFUSE:
		ins_inspector_refused(s, e, j->reason);
		break;
	}
}

/* An incident comes of it that may be worked on at once, and there may be so many of these. */
static bool needs_slot(enum ins_verdict v)
{
	return v == INS_ACT || v == INS_RESOLVE || v == INS_AGAIN;
}

/*
 * In their order; what needs a slot while there is none keeps its place, and holds up nothing behind it.
 * First all that has come is judged, then the gate is asked: it sees all of it.
 */
static int on_drain(struct dr_source *t, void *userdata)
{
	struct ins_inspector *s = userdata;
	size_t kept = 0, opened = 0;

	for (size_t n = 0; n < s->queue_count; n++) {
		struct ins_queued *q = &s->queue[n];
		struct ins_incident *open;
		struct ins_host *h;
		struct ins_judgement j = judge(s, q, &h, &open);

		if (needs_slot(j.verdict) && ins_count_occupied(s) + opened >= s->config->active) {
			s->queue[kept++] = *q; /* continued when one has settled */
			continue;
		}
		opened += j.verdict == INS_ACT;
		apply(s, q, &j, h, open);
		ins_journal_unqueued(s->journal, q->number);
	}
	s->queue_count = kept;
	ins_review(s);
	trim_recorded(s);
	trim(s);
	/* some of those opened did not take their slot */
	if (opened && kept && ins_count_occupied(s) < s->config->active)
		ins_schedule(s);
	return 0;
}

static void on_found(struct ins_incident *i, void *userdata)
{
	ins_tell(userdata, i);
}

static void on_settled(struct ins_incident *i, void *userdata)
{
	if (ins_state_ended(i->state) && !i->ended.ns)
		ins_end(userdata, i, i->reason);
	ins_schedule(userdata);
}

/* ---------------------------------------------------------------- what receive asks */

struct ins_nova *ins_inspector_nova(const struct ins_inspector *s)
{
	return s->nova;
}

struct ins_north *ins_inspector_north(const struct ins_inspector *s)
{
	return s->north;
}

struct ins_journal *ins_inspector_journal(const struct ins_inspector *s)
{
	return s->journal;
}

/* Without a cloud the hosts are those that monitors tell of. */
static void learn(struct ins_inspector *s, const struct ins_event *e)
{
	int r = s->config->no_cloud && ins_todo(s, e) ? ins_nova_learn(s->nova, e) : 0;

	if (r)
		dr_error("host=%s is none of those that are known here: %s", e->host, strerror(-r));
}

bool ins_inspector_knows(const struct ins_inspector *s, const struct ins_event *e)
{
	return s->config->no_cloud || !ins_todo(s, e) || ins_map_get(ins_nova_map(s->nova), e->host);
}

bool ins_inspector_refuses(const struct ins_inspector *s, const struct ins_event *e, char reason[384])
{
	struct ins_case c = { .event = e, .map_known = true, .todo = ins_todo(s, e) };
	struct ins_judgement j;
	struct ins_host *h = NULL;

	/* what is open here may end, whether Nova still has the host or not */
	if (e->status == INS_CLEARED && ins_find_open(s, NULL, e))
		return false;
	c.match = ins_map_resolve(ins_nova_map(s->nova), e->host, &h);
	c.host = h;
	j = ins_judge(&c);
	memcpy(reason, j.reason, sizeof(j.reason));
	return j.verdict == INS_REFUSE;
}

/* FNV-1a, 64 bits: few others have the same. */
static uint64_t mark_of(const struct ins_event *e)
{
	uint64_t h = 0xcbf29ce484222325ULL;

	for (const char *c = e->id; *c; c++)
		h = (h ^ (unsigned char)*c) * 0x100000001b3ULL;
	for (const char *c = e->time; *c; c++)
		h = (h ^ (unsigned char)*c) * 0x100000001b3ULL;
	return h;
}

bool ins_inspector_seen(const struct ins_inspector *s, const struct ins_event *e)
{
	uint64_t mark = mark_of(e);

	for (size_t n = 0; n < s->seen_count; n++)
		if (s->seen_marks[n] == mark && ins_event_same(&s->seen[n], e))
			return true;
	return false;
}

size_t ins_inspector_room(const struct ins_inspector *s)
{
	return s->queue_count < s->config->queue ? s->config->queue - s->queue_count : 0;
}

static bool same_fault(const struct ins_queued *a, const struct ins_queued *b)
{
	char fault_a[INS_FAULT_MAX], fault_b[INS_FAULT_MAX];

	if (strcmp(ins_event_fault(&a->event, fault_a), ins_event_fault(&b->event, fault_b)))
		return false;
	if (a->host[0] && b->host[0])
		return !strcmp(a->host, b->host);
	return !strcmp(a->event.host, b->event.host);
}

/*
 * Faults that still wait for a slot are over when that is said: for the monitor that says so, and for all of
 * them where one is enough to say it.
 */
static void supersede(struct ins_inspector *s, const struct ins_queued *cleared)
{
	bool alone = ins_quorum(s, ins_todo(s, &cleared->event)) == 1;
	size_t kept = 0;

	for (size_t n = 0; n < s->queue_count; n++) {
		const struct ins_queued *q = &s->queue[n];

		if (q->event.status == INS_FAULT && same_fault(q, cleared) &&
		    (alone || !strcmp(q->event.monitor, cleared->event.monitor))) {
			ins_note(s, &q->event, "superseded", "it was over before anything was done");
			s->metrics->superseded++;
			ins_journal_unqueued(s->journal, q->number);
		} else {
			s->queue[kept++] = *q;
		}
	}
	s->queue_count = kept;
}

void ins_inspector_take(struct ins_inspector *s, const struct ins_event *e, bool fresh)
{
	struct ins_queued q = { .number = ++s->numbers, .event = *e, .received = dr_mono_now() };
	struct ins_host *h;

	learn(s, e);
	fresh |= s->config->no_cloud;
	h = ins_map_get(ins_nova_map(s->nova), e->host);
	if (h || (fresh && ins_map_resolve(ins_nova_map(s->nova), e->host, &h) == INS_MATCH_ONE))
		memcpy(q.host, h->name, sizeof(q.host));
	if (e->status == INS_CLEARED)
		supersede(s, &q);
	s->queue[s->queue_count++] = q;
	s->taken++;
	/* the turn may end before it is judged */
	ins_journal_queued(s->journal, q.number, e, q.host, dr_wall_now());
	if (e->id[0] && e->time[0]) {
		s->seen[s->seen_next] = *e;
		s->seen_marks[s->seen_next] = mark_of(e);
		s->seen_next = (s->seen_next + 1) % INS_SEEN_MAX;
		s->seen_count = DR_MIN(s->seen_count + 1, (size_t)INS_SEEN_MAX);
	}
	ins_schedule(s);
}

/* ---------------------------------------------------------------- life */

int ins_inspector_new(const struct ins_inspector_opts *o, struct ins_inspector **ret)
{
	DR_AUTO(ins_inspector_freep) struct ins_inspector *s = calloc(1, sizeof(*s));
	struct ins_executor_opts executor = {
		.loop = o->loop,
		.cloud = o->cloud,
		.nova = o->nova,
		.journal = o->journal,
		.fencer = o->fencer,
		.bus = o->bus,
		.config = o->config,
		.found = on_found,
		.settled = on_settled,
		.userdata = s,
	};
	int r;

	if (!s)
		return -ENOMEM;
	s->loop = o->loop;
	s->started = dr_mono_now();
	s->nova = o->nova;
	s->journal = o->journal;
	s->config = o->config;
	s->bus = o->bus;
	s->metrics = calloc(1, sizeof(*s->metrics));
	if (!s->metrics)
		return -ENOMEM;
	ins_metrics_init(s->metrics, &s->config->faults, dr_wall_now());
	executor.metrics = s->metrics;
	s->queue_cap = s->config->queue;
	s->queue = calloc(s->queue_cap, sizeof(*s->queue));
	if (!s->queue)
		return -ENOMEM;
	s->evidence = ins_evidence_new(INS_EVIDENCE_MAX);
	if (!s->evidence)
		return -ENOMEM;
	ins_evidence_on_drop(s->evidence, on_forgotten, s);
	r = dr_loop_add_timer(s->loop, on_drain, s, &s->drain_timer);
	if (!r)
		r = dr_loop_add_timer(s->loop, on_drain, s, &s->review_timer);
	if (!r)
		r = ins_executor_new(&executor, &s->executor);
	if (!r)
		r = ins_tell_new(s);
	if (r)
		return r;
	*ret = DR_TAKE_PTR(s);
	return 0;
}

/* ---------------------------------------------------------------- what the journal has */

static int read_incident(struct ins_incident *i, void *userdata)
{
	ins_link(userdata, i);
	return 0;
}

/* Of a host as a whole, whose key is its name, it tells that there is such a host. */
static int read_vote(const struct ins_vote *v, void *userdata)
{
	struct ins_inspector *s = userdata;
	struct ins_event told = { .status = v->says };

	snprintf(told.type, sizeof(told.type), "%s", v->type);
	snprintf(told.host, sizeof(told.host), "%.*s", INS_TEXT_MAX - 1, v->key);
	if (ins_event_is_host(&told))
		learn(s, &told);
	return ins_evidence_restore(s->evidence, v);
}

/* There may be more than config->queue, if that was more before. */
static int make_room(struct ins_inspector *s)
{
	size_t cap = 2 * s->queue_cap;
	void *p;

	if (s->queue_count < s->queue_cap)
		return 0;
	p = reallocarray(s->queue, cap, sizeof(*s->queue));
	if (!p)
		return -ENOMEM;
	s->queue = p;
	s->queue_cap = cap;
	return 0;
}

static int read_queued(const struct ins_event *e, const char *host, struct dr_mono received, void *userdata)
{
	struct ins_inspector *s = userdata;
	struct ins_queued q = { .number = ++s->numbers, .event = *e, .received = received, .old = true };

	if (make_room(s))
		return -ENOMEM;
	snprintf(q.host, sizeof(q.host), "%s", host);
	s->queue[s->queue_count++] = q;
	ins_journal_queued(s->journal, q.number, e, host,
			   (struct dr_wall){ dr_wall_now().ns - dr_mono_sub(dr_mono_now(), received).ns });
	return 0;
}

static int read_upkeep(const struct ins_upkeep *u, void *userdata)
{
	struct ins_inspector *s = userdata;

	return ins_maintenance_set(&s->maintenance, u);
}

static int read_braked(const char *host, struct dr_mono when, void *userdata)
{
	struct ins_inspector *s = userdata;

	return ins_brake_add(&s->brake, host, when);
}

static int read_flap(const struct ins_flap *f, void *userdata)
{
	struct ins_inspector *s = userdata;

	return ins_flaps_restore(&s->flaps, f);
}

int ins_inspector_start(struct ins_inspector *s, ins_row_fn row, void *userdata)
{
	const struct ins_journal_reader reader = {
		.incident = read_incident,
		.vote = read_vote,
		.queued = read_queued,
		.upkeep = read_upkeep,
		.braked = read_braked,
		.flap = read_flap,
		.userdata = s,
		.row = row,
		.row_userdata = userdata,
	};
	int r = ins_journal_read(s->journal, &reader);

	if (r)
		return r;
	for (struct ins_incident *i = s->first; i; i = i->next) {
		ins_tell(s, i);
		ins_resume(s, i);
	}
	ins_schedule(s);
	return 0;
}

void ins_inspector_stop(struct ins_inspector *s)
{
	if (s)
		ins_north_stop(s->north);
}

void ins_inspector_free(struct ins_inspector *s)
{
	struct ins_incident *next;

	if (!s)
		return;
	ins_north_free(s->north);
	ins_executor_free(s->executor);
	if (s->queue_count && !ins_journal_store(s->journal))
		dr_error("stopped: %zu accepted events were not acted on", s->queue_count);
	for (struct ins_incident *i = s->first; i; i = next) {
		next = i->next;
		if (ins_state_active(i->state) || ins_state_pending(i->state))
			dr_log(ins_journal_store(s->journal) ? DR_LOG_WARNING : DR_LOG_ERROR,
			       "stopped: unfinished host=%s incident=%s state=%s", i->host, i->id,
			       ins_state_name(i->state));
		ins_incident_free(i);
	}
	dr_source_free(s->drain_timer);
	dr_source_free(s->review_timer);
	ins_evidence_free(s->evidence);
	ins_brake_done(&s->brake);
	ins_flaps_done(&s->flaps);
	ins_maintenance_done(&s->maintenance);
	free(s->queue);
	free(s->metrics);
	free(s);
}
