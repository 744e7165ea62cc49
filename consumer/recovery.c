/* SPDX-License-Identifier: Apache-2.0 */
#include "consumer/recovery.h"

#include <errno.h>

/* doubled each time: when many servers are lost at once, Nova is busy enough */
#define SETTLE_POLL dr_msec(100)
#define SETTLE_POLL_MAX dr_sec(1)
#define POLL_FIRST dr_msec(200)
#define POLL_LATER dr_sec(2)
#define POLL_FIRST_FOR dr_sec(20)

/* What follows; TRY_AGAIN and SETTLE depend on what was tried so far. */
enum follow {
	IGNORE,
	BOOT,
	BUILD, /* poll; when it takes too long discard, or look if nobody says that it still builds */
	DISCARD,
	LOOK,
	LOOK_LATER, /* not before a boot that is late has shown */
	LOOK_AGAIN, /* pause: nothing was tried that counts */
	TRY_AGAIN,  /* pause, or give up after the last attempt */
	SETTLE_OR_BOOT,
	SETTLE_OR_LEAVE,
	LEAVE,
	CHECK,
	REPLACED,
	GIVE_UP,
};

static const enum follow table[CON_STATE_COUNT][CON_EVENT_COUNT] = {
	[CON_LOOKING] = {
		[CON_LOST] = BOOT,
		[CON_UNSETTLED] = SETTLE_OR_BOOT,
		[CON_ALIVE] = SETTLE_OR_LEAVE,
		[CON_GONE] = LEAVE,
		[CON_BUILDS] = BUILD,
		[CON_IS_ACTIVE] = REPLACED,
		[CON_WAS_ACTIVE] = LEAVE,
		[CON_FAILED] = DISCARD,
		[CON_RETRY] = LOOK_AGAIN,
		[CON_REFUSED] = GIVE_UP,
	},
	[CON_BOOTING] = {
		[CON_ACCEPTED] = BUILD,
		[CON_UNCLEAR] = LOOK_LATER,
		[CON_UNSENT] = LOOK_AGAIN,
		[CON_RETRY] = TRY_AGAIN,
		[CON_REFUSED] = GIVE_UP,
	},
	[CON_BUILDING] = {
		[CON_BUILDS] = BUILD,
		[CON_IS_ACTIVE] = CHECK,
		[CON_WAS_ACTIVE] = LEAVE,
		[CON_FAILED] = DISCARD,
		[CON_VANISHED] = TRY_AGAIN,
		/* not to know is no failure of the replacement */
		[CON_RETRY] = BUILD,
		[CON_REFUSED] = BUILD,
	},
	[CON_CHECKING] = {
		[CON_CHECKED] = REPLACED,
	},
	[CON_DISCARDING] = {
		[CON_DISCARDED] = TRY_AGAIN,
	},
	[CON_PAUSED] = {
		[CON_TIMER] = LOOK,
	},
};

void con_recovery_init(struct con_recovery *r, struct dr_mono now)
{
	*r = (struct con_recovery){ .state = CON_LOOKING, .start = now };
}

struct dr_dur con_pause(struct dr_dur pause, struct dr_dur pause_max, unsigned attempts)
{
	for (unsigned i = 1; i < attempts && pause.ns < pause_max.ns; i++)
		pause.ns *= 2;
	return pause.ns < pause_max.ns ? pause : pause_max;
}

static struct con_step enter(struct con_recovery *r, enum con_state state, enum con_action action)
{
	r->state = state;
	return (struct con_step){ .action = action };
}

static struct con_step pause_for(struct con_recovery *r, struct dr_dur wait)
{
	r->state = CON_PAUSED;
	return (struct con_step){ CON_DO_PAUSE, wait };
}

/* No boot is tried after the last attempt, but what it may have made is looked for. */
static struct con_step boot(struct con_recovery *r, const struct con_recovery_conf *conf)
{
	if (r->sent_before) {
		r->sent_before = false;
		return pause_for(r, conf->boot_late);
	}
	if (r->attempts >= conf->attempts)
		return enter(r, CON_GAVE_UP, CON_DO_END);
	r->waited = true;
	return enter(r, CON_BOOTING, CON_DO_BOOT);
}

static struct con_step build(struct con_recovery *r, const struct con_recovery_conf *conf,
			     enum con_event event, struct dr_mono now)
{
	struct dr_dur since;

	if (event == CON_ACCEPTED || !r->building_since.ns)
		r->building_since = now;
	r->waited = true;
	since = dr_mono_sub(now, r->building_since);
	if (since.ns >= conf->boot_timeout.ns)
		return event == CON_BUILDS ? enter(r, CON_DISCARDING, CON_DO_DISCARD)
					   : enter(r, CON_LOOKING, CON_DO_LOOK);
	r->state = CON_BUILDING;
	return (struct con_step){ CON_DO_POLL, since.ns < POLL_FIRST_FOR.ns ? POLL_FIRST : POLL_LATER };
}

struct con_step con_recovery_next(struct con_recovery *r, const struct con_recovery_conf *conf,
				  enum con_event event, struct dr_mono now)
{
	enum follow follow = table[r->state][event];
	struct dr_dur pause;
	bool settling;

	if (r->unanswered && r->state == CON_LOOKING && follow != IGNORE && follow != LOOK_AGAIN) {
		r->unanswered = 0;
		r->start = now; /* it could not agree meanwhile */
	}
	settling = dr_mono_sub(now, r->start).ns < conf->settle.ns;
	switch (follow) {
	case SETTLE_OR_BOOT:
		if (settling)
			return pause_for(r, con_pause(SETTLE_POLL, SETTLE_POLL_MAX, ++r->settles));
		return boot(r, conf);
	case SETTLE_OR_LEAVE:
		if (settling)
			return pause_for(r, con_pause(SETTLE_POLL, SETTLE_POLL_MAX, ++r->settles));
		return enter(r, CON_UNNEEDED, CON_DO_END);
	case LOOK_LATER:
		pause = con_pause(conf->pause, conf->pause_max, ++r->attempts);
		return pause_for(r, pause.ns > conf->boot_late.ns ? pause : conf->boot_late);
	case LOOK_AGAIN:
		return pause_for(r, con_pause(conf->pause, conf->pause_max, ++r->unanswered));
	case TRY_AGAIN:
		r->building_since = (struct dr_mono){ 0 };
		r->attempts++;
		if (r->attempts >= conf->attempts)
			return enter(r, CON_GAVE_UP, CON_DO_END);
		return pause_for(r, con_pause(conf->pause, conf->pause_max, r->attempts));
	case BOOT:
		return boot(r, conf);
	case BUILD:
		return build(r, conf, event, now);
	case DISCARD:
		return enter(r, CON_DISCARDING, CON_DO_DISCARD);
	case LOOK:
		return enter(r, CON_LOOKING, CON_DO_LOOK);
	case LEAVE:
		return enter(r, CON_UNNEEDED, CON_DO_END);
	case CHECK:
		return enter(r, CON_CHECKING, CON_DO_CHECK);
	case REPLACED:
		return enter(r, CON_REPLACED, CON_DO_END);
	case GIVE_UP:
		return enter(r, CON_GAVE_UP, CON_DO_END);
	case IGNORE:
		break;
	}
	return (struct con_step){ CON_DO_NOTHING, { 0 } };
}

const char *con_state_name(enum con_state state)
{
	static const char *const names[] = {
		[CON_LOOKING] = "looking",	 [CON_BOOTING] = "booting",   [CON_BUILDING] = "building",
		[CON_DISCARDING] = "discarding", [CON_PAUSED] = "paused",     [CON_REPLACED] = "replaced",
		[CON_UNNEEDED] = "unneeded",	 [CON_CHECKING] = "checking", [CON_GAVE_UP] = "gave-up",
	};

	return names[state];
}

const char *con_event_name(enum con_event event)
{
	static const char *const names[] = {
		[CON_LOST] = "lost",
		[CON_UNSETTLED] = "unsettled",
		[CON_ALIVE] = "alive",
		[CON_GONE] = "gone",
		[CON_BUILDS] = "builds",
		[CON_IS_ACTIVE] = "is-active",
		[CON_WAS_ACTIVE] = "was-active",
		[CON_FAILED] = "failed",
		[CON_VANISHED] = "vanished",
		[CON_ACCEPTED] = "accepted",
		[CON_DISCARDED] = "discarded",
		[CON_RETRY] = "retry",
		[CON_REFUSED] = "refused",
		[CON_TIMER] = "timer",
		[CON_UNCLEAR] = "unclear",
		[CON_UNSENT] = "unsent",
		[CON_CHECKED] = "checked",
	};

	return names[event];
}

/*
 * The first row that fits. 401 comes here only after a new login has been tried. 403 of a boot is the quota
 * as a rule, and others free it. 409: busy, or an ambiguous name in the making. 413 and 429 are limits.
 * A boot that timed out on the way, or ended in a failure of the server's, may be carried out all the same.
 * The other refusals come from the request or from policy, and waiting changes neither.
 */
static const struct {
	unsigned from, to; /* status */
	enum con_outcome boot, other;
} answers[] = {
	{ 200, 299, CON_OUT_OK, CON_OUT_OK },	      { 401, 401, CON_OUT_RETRY, CON_OUT_RETRY },
	{ 403, 403, CON_OUT_RETRY, CON_OUT_REFUSED }, { 404, 404, CON_OUT_REFUSED, CON_OUT_GONE },
	{ 408, 408, CON_OUT_UNCLEAR, CON_OUT_RETRY }, { 409, 409, CON_OUT_RETRY, CON_OUT_RETRY },
	{ 413, 413, CON_OUT_RETRY, CON_OUT_RETRY },   { 429, 429, CON_OUT_RETRY, CON_OUT_RETRY },
	{ 500, 599, CON_OUT_UNCLEAR, CON_OUT_RETRY }, { 0, 999, CON_OUT_REFUSED, CON_OUT_REFUSED },
};

enum con_outcome con_outcome_of(bool boot, int error, unsigned status)
{
	size_t i = 0;

	/* time-outs, lost connections, a login refused, a catalogue in the making: none says "never" */
	if (error == -EACCES || error == -ENOENT)
		return CON_OUT_RETRY; /* and the request was not sent */
	if (error)
		return boot ? CON_OUT_UNCLEAR : CON_OUT_RETRY;
	while (answers[i].to != 999 && (status < answers[i].from || status > answers[i].to))
		i++;
	return boot ? answers[i].boot : answers[i].other;
}
