// SPDX-License-Identifier: Apache-2.0
#include <stdarg.h>

#include "inspector/gate.h"

static struct ins_ruling ruling(enum ins_gate_answer answer, struct dr_dur again, const char *fmt, ...)
	DR_PRINTF(3, 4);
static struct ins_ruling ruling(enum ins_gate_answer answer, struct dr_dur again, const char *fmt, ...)
{
	struct ins_ruling r = { .answer = answer, .again = again };
	va_list ap;

	va_start(ap, fmt);
	vsnprintf(r.reason, sizeof(r.reason), fmt, ap);
	va_end(ap);
	return r;
}

static const struct dr_dur on_news = { -1 };

static struct dr_dur sooner(struct dr_dur a, struct dr_dur b)
{
	if (a.ns < 0 || b.ns < 0)
		return a.ns < 0 ? b : a;
	return a.ns < b.ns ? a : b;
}

/* Quorum and confirmation. */
static struct ins_ruling rule_evidence(const struct ins_gate_case *c)
{
	struct dr_dur held = dr_mono_sub(c->now, c->votes.quorum_since);
	char text[DR_TIME_STR_MAX];

	if (c->votes.down < c->judge->monitors)
		return ruling(INS_GATE_WAIT, c->votes.stale_in, "%u of %u monitors say down: %.200s",
			      c->votes.down, c->judge->monitors, c->monitors);
	if (!c->quorate && held.ns < c->judge->confirm.ns)
		return ruling(INS_GATE_WAIT,
			      sooner((struct dr_dur){ c->judge->confirm.ns - held.ns }, c->votes.stale_in),
			      "must last for %s: %.200s", dr_dur_format(c->judge->confirm, text),
			      c->monitors);
	return ruling(INS_GATE_GO, on_news, "%s", "");
}

static struct ins_ruling rule_maintenance(const struct ins_gate_case *c)
{
	struct ins_ruling r;
	char text[DR_TIME_STR_MAX];

	if (c->upkeep) {
		r = ruling(INS_GATE_HOLD, dr_mono_sub(c->upkeep->until, c->now),
			   "maintenance until %s%s%.160s", dr_wall_format(c->upkeep->until_wall, text),
			   c->upkeep->reason[0] ? ": " : "", c->upkeep->reason);
		r.hold = INS_HOLD_MAINTENANCE;
		return r;
	}
	if (c->disabled) {
		r = ruling(INS_GATE_HOLD, c->refresh, "disabled in Nova: somebody works on it");
		r.hold = INS_HOLD_DISABLED;
		return r;
	}
	return ruling(INS_GATE_GO, on_news, "%s", "");
}

static struct ins_ruling rule_flap(const struct ins_gate_case *c)
{
	struct dr_dur whole = dr_sec((c->flap.left.ns + DR_NSEC_PER_SEC - 1) / DR_NSEC_PER_SEC);
	struct ins_ruling r;
	char text[DR_TIME_STR_MAX];

	if (!c->flap.held)
		return ruling(INS_GATE_GO, on_news, "%s", "");
	r = ruling(INS_GATE_HOLD, c->flap.left,
		   "flap: marked down too often of late, its penalty is %u and must fall below %u, in %s",
		   c->flap.penalty, c->reuse, dr_dur_format(whole, text));
	r.hold = INS_HOLD_FLAP;
	return r;
}

static struct ins_ruling braked_by(const struct ins_gate_case *c, const struct ins_brake_scope *s)
{
	struct ins_ruling r;
	char text[DR_TIME_STR_MAX];

	r = ruling(INS_GATE_HOLD, c->brake->resume ? s->left : on_news,
		   "brake: %zu hosts%s%s%s%.120s were marked down within %s and %zu more are to be, where "
		   "%zu may "
		   "be",
		   s->marked, s->kind ? " of " : "", s->kind ? s->kind : "", s->kind ? " " : "",
		   s->kind ? s->name : "", dr_dur_format(c->brake->window, text), s->asking + 1, s->limit);
	r.hold = INS_HOLD_BRAKE;
	return r;
}

/*
 * Everything that asks at once counts, not only what was marked already, and what is held goes on asking: so
 * a rack that falls silent is held as a whole, and not after the first few. That a window has passed makes
 * nothing true, so what was held stays so; unless resume says that the brake is there to slow down, not to
 * stop.
 */
static struct ins_ruling rule_brake(const struct ins_gate_case *c)
{
	struct ins_ruling r;

	if (!c->brake || c->counted)
		return ruling(INS_GATE_GO, on_news, "%s", "");
	for (size_t i = 0; i < c->scope_count; i++) {
		const struct ins_brake_scope *s = &c->scopes[i];

		if (s->marked + 1 + (c->brake->resume ? 0 : s->asking) > s->limit)
			return braked_by(c, s);
	}
	if (!c->braked || c->brake->resume)
		return ruling(INS_GATE_GO, on_news, "%s", "");
	r = ruling(INS_GATE_HOLD, on_news,
		   "brake: it was among too many at once, and a person has to decide");
	r.hold = INS_HOLD_BRAKE;
	return r;
}

/*
 * What held it is over, and meanwhile the monitors may have been lost that would say that the host is back:
 * as they tell of changes only, what they said long ago may be so or not. So may what they said before we
 * were away ourselves.
 */
static struct ins_ruling rule_stale(const struct ins_gate_case *c)
{
	struct ins_ruling r;
	char text[DR_TIME_STR_MAX];

	if (c->votes.fresh < c->judge->monitors)
		r = ruling(INS_GATE_HOLD, on_news,
			   "stale: what was said is older than %s, and may no longer be so: %.160s",
			   dr_dur_format(c->judge->forget, text), c->monitors);
	else if (c->heard)
		r = ruling(INS_GATE_HOLD, c->refresh,
			   "stale: said before the program was restarted, and Nova has heard the host since: "
			   "%.160s",
			   c->monitors);
	else
		return ruling(INS_GATE_GO, on_news, "%s", "");
	r.hold = INS_HOLD_STALE;
	return r;
}

/* What holds an incident that is believed. */
static struct ins_ruling rule_holds(const struct ins_gate_case *c)
{
	struct ins_ruling r;

	if (c->released)
		return ruling(INS_GATE_GO, on_news, "released by a person");
	r = rule_maintenance(c);
	if (r.answer != INS_GATE_GO || c->acted)
		return r;
	r = rule_flap(c);
	if (r.answer == INS_GATE_GO)
		r = rule_brake(c);
	return r.answer == INS_GATE_GO ? rule_stale(c) : r;
}

struct ins_ruling ins_gate(const struct ins_gate_case *c)
{
	struct ins_ruling r, holds;

	if (c->votes.up >= c->judge->monitors)
		return ruling(INS_GATE_CLOSE, on_news, "the host is heard again");
	if (!c->votes.down)
		return ruling(INS_GATE_CLOSE, on_news, "no monitor says down any more");
	if (ins_votes_back(&c->votes, c->judge->monitors, c->quorate || c->changed))
		return ruling(INS_GATE_CLOSE, on_news, "only %u monitors still say down: %.200s",
			      c->votes.down, c->monitors);
	r = rule_evidence(c);
	if (r.answer != INS_GATE_GO)
		return r;
	holds = rule_holds(c);
	if (holds.answer != INS_GATE_GO || holds.reason[0])
		return holds;
	if (c->judge->monitors > 1)
		return ruling(INS_GATE_GO, on_news, "%u monitors say down: %.200s", c->votes.down,
			      c->monitors);
	return ruling(INS_GATE_GO, on_news, "said to be down by %.200s", c->monitors);
}
