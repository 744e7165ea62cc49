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
	INS_RESOLVING, /* Nova's services could not be read: is the host known at all? */
	INS_FORCING,   /* it is being fenced, and force-down is asked for; no server is touched */
	INS_MARKING, /* Nova took the force-down; the servers are being set to error, and the ports to DOWN */
	INS_RESTORING,	/* the host is back: what was changed is being changed back */
	INS_WAITING,	/* for other monitors to agree, for time to confirm it, or for its turn */
	INS_HELD,	/* believed, and a rule forbids to act: see ins_hold. A person may release it */
	INS_MARKED,	/* all is done; open until the host is back */
	INS_INCOMPLETE, /* the host is down in Nova, some server could not be set or listed */
	INS_FAILED,	/* force-down failed for good: no server was touched */
	INS_RECOVERING, /* the host is back, and must stay so for a while before anything is changed back */
	INS_REHEARSED,	/* dry run: what would be done is recorded; open until the host is back */
	INS_RECORDED,	/* nothing is to be done about such a fault; open until it is over */
	INS_REFUSED,	/* Nova does not know the host; ended */
	INS_CLOSED,	/* the host is back; ended */
	INS_STATES,
};

enum ins_input {
	INS_IN_KNOWN,	  /* the host is one of Nova's */
	INS_IN_UNKNOWN,	  /* it is not */
	INS_IN_GO,	  /* it may be acted upon (gate.h) */
	INS_IN_HOLD,	  /* it must not be */
	INS_IN_FORCED,	  /* Nova took the force-down, or none is needed */
	INS_IN_UNFORCED,  /* it finally did not */
	INS_IN_REHEARSED, /* dry run: nothing is sent */
	INS_IN_DONE,	  /* every server and port has been seen to */
	INS_IN_PARTLY,	  /* the same, with failures */
	INS_IN_FAULT,	  /* reported again */
	INS_IN_CLEARED,	  /* the host is back */
	INS_IN_BACK,	  /* for long enough */
	INS_IN_RESTORED,  /* all has been changed back as far as it can be, or nothing had been changed */
	INS_INPUTS,
};

/* The state after input; the same state where it means nothing there. */
enum ins_state ins_state_next(enum ins_state state, enum ins_input input);

bool ins_state_ended(enum ins_state s);	  /* REFUSED, CLOSED */
bool ins_state_active(enum ins_state s);  /* RESOLVING to RESTORING: work is going on */
bool ins_state_pending(enum ins_state s); /* WAITING, HELD: the gate has to say whether it is acted upon */
const char *ins_state_name(enum ins_state s);
bool ins_state_parse(const char *name, enum ins_state *ret); /* false: it is none */

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
bool ins_hold_parse(const char *name, enum ins_hold *ret);

#define INS_STEPS_MAX 8

/* What was decided about it, and why. */
struct ins_step {
	struct dr_wall when;
	enum ins_state state;
	char reason[256];
};

enum ins_action_kind {
	INS_FENCE,
	INS_FORCE_DOWN,
	INS_LIST_BEFORE, /* ids of the host's servers, read while force-down is on its way */
	INS_LIST_AFTER,	 /* all about them, once Nova has taken it: no server can come after that */
	INS_RESET,	 /* os-resetState of one server to error */
	INS_NOTIFY,	 /* the shortcut, of one server */
	INS_LIST_PORTS,
	INS_PORT_DOWN, /* data_plane_status of one port */

	/* the way back */
	INS_FORCE_UP,
	INS_LIST_BACK,
	INS_RESTORE, /* one server to active, if the hypervisor says that it runs */
	INS_NOTIFY_BACK,
	INS_LIST_PORTS_BACK,
	INS_PORT_BACK,
	INS_ACTION_KINDS,
};

/* What there is to know of each kind. */
struct ins_action_trait {
	const char *name; /* for people and the journal: "force_down" */
	const char *verb; /* "setting to error" */
	bool changes;	  /* something outside: the intent is in the journal before it is sent */
	bool many;	  /* one of each server or port: they take turns */
	bool back;	  /* part of the way back */
	bool port;	  /* its target is a port; else a server, if it has one */
};

const struct ins_action_trait *ins_action_trait(enum ins_action_kind k);

enum ins_action_state {
	INS_PENDING,
	INS_SENT,
	INS_PAUSED,  /* waits for its next attempt */
	INS_DONE,    /* accepted */
	INS_GONE,    /* the server or port is no more */
	INS_ALREADY, /* it was so before */
	INS_SKIPPED, /* no longer wanted: see the reason */
	INS_ACTION_FAILED,
	INS_ACTION_STATES,
};

const char *ins_action_state_name(enum ins_action_state s);

struct ins_action {
	enum ins_action_kind kind;
	enum ins_action_state state;
	char target[65]; /* a server's or port's id; "" */
	char prior[20];	 /* what it was before we changed it: vm_state, data_plane_status; "" */
	bool undone;	 /* changed back, or for good no longer ours: see the action of the way back */
	unsigned attempts;
	unsigned status;     /* HTTP, of the last attempt; 0: none came */
	char *reason;	     /* for people: why it is as it is; NULL: nothing to say */
	char request_id[64]; /* the service's, of the last attempt */
	struct dr_wall started, finished;
	struct dr_mono began; /* as started, whatever the wall clock does meanwhile */

	/* the executor's */
	struct ins_incident *incident;
	struct ins_action *next_ready;
	struct ins_action *next_out;
	bool queued;	     /* in its ready queue */
	bool outgoing;	     /* waits for the journal to have it */
	bool look;	     /* what became of it is not known: see first whether it is done */
	bool looked;	     /* INS_RESTORE: the hypervisor says that the server runs */
	bool counted;	     /* its end is among the metrics */
	bool unwanted;	     /* the last word does not have this server: no further attempt */
	bool waiting;	     /* the last outcome was INS_OUT_WAIT */
	unsigned tries;	     /* attempts since that changed */
	struct ins_vms list; /* INS_LIST_*: read so far */
	unsigned pages;	     /* and from so many */
	struct dr_source *timer;

	/* the journal's */
	unsigned number; /* within the incident */
	bool dirty;
};

bool ins_action_final(const struct ins_action *a);

/* Its incident has no more to do meanwhile: fencing, force-down, and the way back. */
bool ins_action_may_last(const struct ins_action *a);

/* Takes part in the ledger: it was changed by us, and is not changed back. */
bool ins_action_in_ledger(const struct ins_action *a);

/* Out of memory: there is no reason then. */
void ins_action_set_reason(struct ins_action *a, const char *fmt, ...) DR_PRINTF(2, 3);
const char *ins_action_reason(const struct ins_action *a); /* never NULL */

struct ins_incident {
	struct ins_incident *prev, *next;
	char id[37];	     /* a UUID */
	char request_id[41]; /* "req-" and the same: on all requests to the cloud */
	char host[256];	     /* Nova's name; the monitor's while RESOLVING */
	char service_id[65];
	enum ins_state state;
	struct ins_event event;		      /* that opened it */
	enum ins_severity severity;	      /* and what the policy makes of it */
	unsigned todo;			      /* INS_DO_* (policy.h) */
	char reason[256];		      /* of the judge, or of its end */
	unsigned reports;		      /* events about it */
	struct dr_mono since;		      /* the event that opened it came */
	struct dr_mono back_since;	      /* RECOVERING */
	bool quorate;			      /* as many monitors as are needed said down, for long enough */
	enum ins_hold hold;		      /* HELD */
	bool braked;			      /* the brake has held it: a person has to decide */
	bool released;			      /* a person wants it to be acted upon */
	bool acted;			      /* it was */
	struct ins_step steps[INS_STEPS_MAX]; /* the last ones, a ring */
	size_t step_count;		      /* of all */
	struct dr_wall received;	      /* as since, for people */
	struct dr_wall opened, back, ended;
	struct dr_wall found, forced;	      /* T02, T04; 0: not yet */
	struct dr_wall first_vm, last_vm;     /* T03 */
	struct dr_wall first_told, last_told; /* T05 */
	struct dr_wall acknowledged;	      /* northbound, for the first time; 0: not yet */
	struct dr_mono last_vm_at; /* as last_vm and last_told, until it is marked; 0: not in this process */
	struct dr_mono last_told_at;
	char *verdict;		/* JSON: what was last decided, by which votes; NULL: nothing yet */
	bool planned;		/* resets have been planned from a first list */
	bool confirmed;		/* INS_LIST_AFTER has been merged */
	bool untold;		/* subscribers could not be told of it as it is now */
	struct ins_vms servers; /* the host's, as last known */
	struct ins_action **actions;
	size_t action_count, action_cap;

	/* the executor's, or while RESOLVING the resolver's */
	void *owner;
	struct dr_source *timer;
	unsigned resolve_attempts;

	/* live.c's */
	uint64_t changes; /* counted by ins_journal_incident() */
	uint64_t told;	  /* up to this one */

	/* the journal's */
	struct ins_incident *prev_dirty, *next_dirty;
	bool dirty;
	bool written; /* it is there, and */
	size_t steps_written;
	uint64_t servers_written; /* a digest */
};

int ins_incident_new(const struct ins_event *e, const char *host, struct ins_incident **ret) DR_MUST_USE;
void ins_incident_free(struct ins_incident *i); /* frees the timers too */
DR_DEFINE_FREEP(struct ins_incident, ins_incident_free)

/* "compute.host.down", "compute.host.nic.error eth1" */
char *ins_incident_fault(const struct ins_incident *i, char ret[INS_FAULT_MAX]);

/* A new action at the end; NULL when out of memory. Owned by i. */
struct ins_action *ins_incident_add(struct ins_incident *i, enum ins_action_kind kind, const char *target);
/* The last of this kind, and of this target if it is not NULL. */
struct ins_action *ins_incident_find(const struct ins_incident *i, enum ins_action_kind kind,
				     const char *target);
size_t ins_incident_count(const struct ins_incident *i, enum ins_action_kind kind,
			  enum ins_action_state state);

/* reason is why it is as it is now; recorded, unless it is the same as before. */
void ins_incident_step(struct ins_incident *i, struct dr_wall now, const char *reason);

/* Nobody but the record holds it: no action is sent, queued or paused. */
bool ins_incident_idle(const struct ins_incident *i);
/* Nothing is under way, but perhaps the short list, whose answer may come at any time. */
bool ins_incident_answered(const struct ins_incident *i);

/* The host was forced down for it, and it is for the way back to release it. */
bool ins_incident_forced(const struct ins_incident *i);

/* Something that was changed for it is not changed back. */
bool ins_incident_has_ledger(const struct ins_incident *i);

/* As GET /v1/stream shows it: what it is, not how it became so. NULL or incomplete when out of memory. */
struct dr_json *ins_incident_brief(const struct ins_incident *i) DR_MUST_USE;

/* As GET /v1/incidents shows it. NULL or incomplete when out of memory. */
struct dr_json *ins_incident_json(const struct ins_incident *i) DR_MUST_USE;

#endif
