/* SPDX-License-Identifier: Apache-2.0 */
#ifndef DOCTOR_INSPECTOR_INCIDENT_H
#define DOCTOR_INSPECTOR_INCIDENT_H

/*
 * An incident: one fault of one host, what is done about it and how that went. Its state machine is a
 * table; the rest is a record. Pure, but for ids.
 */

#include "doctor/json.h"
#include "inspector/event.h"
#include "inspector/map.h"

enum ins_state {
	INS_RESOLVING,	/* Nova's services could not be read: is the host known at all? */
	INS_FORCING,	/* force-down is asked for; no server is touched */
	INS_MARKING,	/* Nova took the force-down; the servers are being set to error */
	INS_WAITING,	/* for other monitors to agree, for time to confirm it, or for its turn */
	INS_HELD,	/* believed, and a rule forbids to act: see ins_hold. A person may release it */
	INS_MARKED,	/* all is done; open until the host is back */
	INS_INCOMPLETE, /* the host is down in Nova, some server could not be set or listed */
	INS_FAILED,	/* force-down failed for good: no server was touched */
	INS_REHEARSED,	/* dry run: what would be done is recorded; open until the host is back */
	INS_REFUSED,	/* Nova does not know the host; ended */
	INS_CLOSED,	/* the host is back; ended */
	INS_STATES,
};

enum ins_input {
	INS_IN_KNOWN,	  /* the host is one of Nova's */
	INS_IN_UNKNOWN,	  /* it is not */
	INS_IN_GO,	  /* it may be acted upon (gate.h) */
	INS_IN_HOLD,	  /* it must not be */
	INS_IN_FORCED,	  /* Nova took the force-down */
	INS_IN_UNFORCED,  /* it finally did not */
	INS_IN_REHEARSED, /* dry run: nothing is sent */
	INS_IN_DONE,	  /* every server has been seen to */
	INS_IN_PARTLY,	  /* the same, with failures */
	INS_IN_FAULT,	  /* reported again */
	INS_IN_CLEARED,	  /* the host is back */
	INS_INPUTS,
};

/* The state after input; the same state where it means nothing there. */
enum ins_state ins_state_next(enum ins_state state, enum ins_input input);

bool ins_state_ended(enum ins_state s);	  /* REFUSED, CLOSED */
bool ins_state_active(enum ins_state s);  /* RESOLVING, FORCING, MARKING: work is going on */
bool ins_state_pending(enum ins_state s); /* WAITING, HELD: the gate has to say whether it is acted upon */
const char *ins_state_name(enum ins_state s);

/* The rule that holds an incident. */
enum ins_hold {
	INS_HOLD_NONE,
	INS_HOLD_MAINTENANCE, /* somebody works on the host, we were told, */
	INS_HOLD_DISABLED,    /* or Nova was */
	INS_HOLD_FLAP,	      /* this host too often */
	INS_HOLD_STALE,	      /* it could not be acted upon for long, and nobody said so again */
	INS_HOLD_BRAKE,	      /* too many hosts at once */
	INS_HOLDS,
};

const char *ins_hold_name(enum ins_hold h);

#define INS_STEPS_MAX 8

/* What was decided about it, and why. */
struct ins_step {
	struct dr_wall when;
	enum ins_state state;
	char reason[256];
};

enum ins_action_kind {
	INS_FORCE_DOWN,
	INS_LIST_BEFORE, /* ids of the host's servers, read while force-down is on its way */
	INS_LIST_AFTER,	 /* all about them, once Nova has taken it: no server can come after that */
	INS_RESET,	 /* os-resetState of one server */
};

enum ins_action_state {
	INS_PENDING,
	INS_SENT,
	INS_PAUSED,  /* waits for its next attempt */
	INS_DONE,    /* accepted */
	INS_GONE,    /* the server is no more */
	INS_ALREADY, /* it was in error before */
	INS_SKIPPED, /* no longer wanted: see the reason */
	INS_ACTION_FAILED,
};

struct ins_action {
	enum ins_action_kind kind;
	enum ins_action_state state;
	char vm[65]; /* INS_RESET */
	unsigned attempts;
	unsigned status;     /* HTTP, of the last attempt; 0: none came */
	char reason[256];    /* for people: why it is as it is */
	char request_id[64]; /* Nova's, of the last attempt */
	struct dr_wall started, finished;

	/* the executor's */
	struct ins_incident *incident;
	struct ins_action *next_ready;
	bool queued;	     /* in its ready queue */
	bool unwanted;	     /* the last word does not have this server: no further attempt */
	bool waiting;	     /* the last outcome was INS_OUT_WAIT */
	unsigned tries;	     /* attempts since that changed */
	struct ins_vms list; /* INS_LIST_*: read so far */
	unsigned pages;	     /* and from so many */
	struct dr_source *timer;
};

bool ins_action_final(const struct ins_action *a);

struct ins_incident {
	struct ins_incident *prev, *next;
	char id[37];	     /* a UUID */
	char request_id[41]; /* "req-" and the same: on all requests to the cloud */
	char host[256];	     /* Nova's name; the monitor's while RESOLVING */
	char service_id[65];
	enum ins_state state;
	struct ins_event event;		      /* that opened it */
	char reason[256];		      /* of the judge, or of its end */
	unsigned reports;		      /* events about it */
	struct dr_mono since;		      /* the event that opened it came */
	bool quorate;			      /* as many monitors as are needed said down, for long enough */
	enum ins_hold hold;		      /* HELD */
	bool braked;			      /* the brake has held it: a person has to decide */
	bool released;			      /* a person wants it to be acted upon */
	bool acted;			      /* it was */
	struct ins_step steps[INS_STEPS_MAX]; /* the last ones, a ring */
	size_t step_count;		      /* of all */
	struct dr_wall opened, ended;
	struct dr_wall found, forced;	  /* T02, T04; 0: not yet */
	struct dr_wall first_vm, last_vm; /* T03 */
	bool planned;			  /* resets have been planned from a first list */
	bool confirmed;			  /* INS_LIST_AFTER has been merged */
	struct ins_action **actions;
	size_t action_count, action_cap;

	/* the executor's, or while RESOLVING the resolver's */
	void *owner;
	struct dr_source *timer;
	unsigned resolve_attempts;
};

int ins_incident_new(const struct ins_event *e, const char *host, struct ins_incident **ret) DR_MUST_USE;
void ins_incident_free(struct ins_incident *i); /* frees the timers too */
DR_DEFINE_FREEP(struct ins_incident, ins_incident_free)

/* A new action at the end; NULL when out of memory. Owned by i. */
struct ins_action *ins_incident_add(struct ins_incident *i, enum ins_action_kind kind, const char *vm);
/* The last of this kind, and of this server if vm is not NULL. */
struct ins_action *ins_incident_find(const struct ins_incident *i, enum ins_action_kind kind, const char *vm);
size_t ins_incident_count(const struct ins_incident *i, enum ins_action_kind kind,
			  enum ins_action_state state);

/* reason is why it is as it is now; recorded, unless it is the same as before. */
void ins_incident_step(struct ins_incident *i, struct dr_wall now, const char *reason);

/* Nobody but the record holds it: no action is sent, queued or paused. */
bool ins_incident_idle(const struct ins_incident *i);

/* As GET /v1/incidents shows it. NULL or incomplete when out of memory. */
struct dr_json *ins_incident_json(const struct ins_incident *i) DR_MUST_USE;

#endif
