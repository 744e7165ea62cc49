/* SPDX-License-Identifier: Apache-2.0 */
#ifndef DOCTOR_CONSUMER_RECOVERY_H
#define DOCTOR_CONSUMER_RECOVERY_H

/*
 * How a lost server is recreated: a state machine, pure. Whoever drives it does what it says and tells it
 * what came of that. It looks before it boots, each time: whether the server is lost indeed, and whether a
 * replacement exists already (from before a restart, or from a request whose answer got lost). So it can
 * be started as often as one likes without a second replacement; where an earlier life has sent a boot that
 * no look shows, it gives that its time. It deletes only what is known never to have been ACTIVE.
 */

#include <stdbool.h>

#include "doctor/clock.h"

struct con_recovery_conf {
	unsigned attempts;		/* in all, the first included; at least 1 */
	struct dr_dur pause, pause_max; /* between attempts, doubled each time */
	struct dr_dur boot_timeout;	/* from the accepted request to ACTIVE, or from when it is found */
	struct dr_dur boot_late; /* for how long a boot whose answer is missing may still be carried out */
	struct dr_dur settle;	 /* how long the cloud may take to agree that server and host are lost */
};

enum con_state {
	CON_LOOKING,	/* at the lost server, its ports, and for a replacement */
	CON_BOOTING,	/* the request is under way */
	CON_BUILDING,	/* accepted: until it is ACTIVE */
	CON_CHECKING,	/* it is ACTIVE: whether it is the only one */
	CON_DISCARDING, /* a replacement that never came up is being deleted */
	CON_PAUSED,	/* until the next look */
	CON_REPLACED,	/* end: a replacement is ACTIVE */
	CON_UNNEEDED,	/* end: the server is not lost, its owner deleted it, or has used its replacement */
	CON_GAVE_UP,	/* end: a person must help */
	CON_STATE_COUNT
};

enum con_event {
	/* of a look at the lost server, where there is no replacement */
	CON_LOST,      /* it is lost, and so is its host, as far as we are shown */
	CON_UNSETTLED, /* in error, but its host is up: perhaps not marked down yet, perhaps its own fault */
	CON_ALIVE,     /* it is not in error, its host not down: perhaps not yet */
	CON_GONE,      /* it does not exist any more */
	/* of a look at the replacement */
	CON_BUILDS,
	CON_IS_ACTIVE,
	CON_WAS_ACTIVE, /* once, and is not now: its owner's, whatever became of it */
	CON_FAILED,	/* before it was ever ACTIVE: in error, or on a host that is down */
	CON_VANISHED,	/* deleted by somebody */
	/* of a request */
	CON_ACCEPTED,  /* of the boot */
	CON_UNCLEAR,   /* of the boot: it may be carried out, now or later */
	CON_UNSENT,    /* of the boot: the journal could not be written before it */
	CON_CHECKED,   /* of the check, however it ended */
	CON_DISCARDED, /* of the deletion, however it ended */
	CON_RETRY,     /* it failed, and may work later; a look: it is not known */
	CON_REFUSED,   /* it failed, and would again */
	/* of time */
	CON_TIMER, /* a pause is over */
	CON_EVENT_COUNT
};

enum con_action {
	CON_DO_NOTHING,
	CON_DO_LOOK,
	CON_DO_BOOT,
	CON_DO_POLL,	/* look at the replacement after `wait` */
	CON_DO_CHECK,	/* list the replacements */
	CON_DO_DISCARD, /* delete the replacement */
	CON_DO_PAUSE,	/* tell CON_TIMER after `wait` */
	CON_DO_END,
};

struct con_recovery {
	enum con_state state;
	unsigned attempts;    /* boots and builds that failed */
	unsigned unanswered;  /* looks in a row that the cloud did not answer */
	unsigned settles;     /* looks that found the cloud not yet agreed */
	bool sent_before;     /* a boot of an earlier life may still be carried out; set after init */
	bool waited;	      /* for a replacement: it was not there already at the first look */
	struct dr_mono start; /* since when the cloud answers */
	struct dr_mono building_since; /* of the replacement that is being built; 0: none */
};

struct con_step {
	enum con_action action;
	struct dr_dur wait; /* of CON_DO_POLL and CON_DO_PAUSE */
};

/* Begins with CON_DO_LOOK. */
void con_recovery_init(struct con_recovery *r, struct dr_mono now);

/* What is to be done after the event. An event that has no meaning in the state changes nothing. */
struct con_step con_recovery_next(struct con_recovery *r, const struct con_recovery_conf *conf,
				  enum con_event event, struct dr_mono now);

const char *con_state_name(enum con_state state);
const char *con_event_name(enum con_event event);

/* ---- what an answer of the cloud means ---- */

enum con_outcome {
	CON_OUT_OK,
	CON_OUT_GONE,	 /* 404: what was asked for is not there */
	CON_OUT_RETRY,	 /* may work later */
	CON_OUT_UNCLEAR, /* only of a boot: perhaps it works */
	CON_OUT_REFUSED	 /* would fail again */
};

/* error and status as in struct dr_cloud_reply; a boot (POST /servers) is judged apart from the rest. */
enum con_outcome con_outcome_of(bool boot, int error, unsigned status);

/* The pause before the next attempt after `attempts` have failed: doubled each time up to the maximum. */
struct dr_dur con_pause(struct dr_dur pause, struct dr_dur pause_max, unsigned attempts);

#endif
