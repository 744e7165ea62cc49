/* SPDX-License-Identifier: Apache-2.0 */
#ifndef DOCTOR_USER_MONITOR_PRIVATE_H
#define DOCTOR_USER_MONITOR_PRIVATE_H

/*
 * The state that the parts of the running monitor share:
 *
 *   monitor.c   start, stop, reload
 *   targets.c   makes the kernel half and the sender follow the configuration
 *   recalled.c  who was up when an interface became isolated, for the next start
 *   ifaces.c    interfaces and links as they come, go and change
 *   verdicts.c  the kernel's events become hosts' states and reports
 *   health.c    once a second: what events did not tell, what cannot leave, grey failures, how we are
 *   snapshot.c  what is shown of all that
 */

#include "user/bpf.h"
#include "user/discover.h"
#include "user/grey.h"
#include "user/hosts.h"
#include "user/late.h"
#include "user/monitor.h"
#include "user/prober.h"
#include "user/recall.h"
#include "user/report.h"
#include "user/rtnl.h"
#include "user/show.h"
#include "user/slots.h"
#include "user/stacked.h"
#include "user/unsent.h"

struct monitor_target {	      /* by slot */
	uint64_t key;	      /* 0: the kernel half does not know of it (yet) */
	struct dr_mono since; /* events from before are of the slot's last target */
	uint32_t transitions; /* of dr_track, as far as we have followed them */
	enum dr_verdict verdict;
	enum dr_reason reason;
	int send_error;	   /* errno last logged; 0: probes leave */
	char *degraded;	   /* what was reported as degraded; NULL: nothing */
	bool talking;	   /* degraded by its verdict, else by its numbers */
	bool up_before;	   /* when its interface became isolated, in this run or before it */
	uint64_t accepted; /* attempts, as last compared with what left */
	struct mon_unsent unsent;
	struct mon_unsent mute; /* the same, of what nothing keeps from leaving */
	struct mon_late late;
	struct mon_grey_state grey;
};

struct monitor_iface {	  /* by index of mon_config.interfaces, dr_ifaces and the sender */
	char name[16];	  /* "": not in use */
	unsigned present; /* index of the interface that has this name now; 0: none */
	bool carrier;	  /* of that one */
	unsigned ifindex; /* that we hang on, or hung on last; 0: never */
	bool attached;
	bool unmoved;	      /* some of its targets are still on the one before that */
	bool isolated;	      /* reported so */
	bool told;	      /* that was reported, or that it is over */
	bool remembered;      /* who was up when it became isolated stands in the file */
	unsigned taken_over;  /* its targets that were up before the start, as long as that counts */
	uint64_t heard_ns;    /* when something was last heard, as last looked at */
	unsigned heard_ticks; /* looks in a row that found it newer */
	unsigned silent;      /* of its targets, as last looked at */
	uint64_t mute_ns;     /* since when its probes leave unseen, and nothing is heard; 0: they do not */
	uint64_t mutes;	      /* times that began */
	unsigned odd_ticks;   /* looks in a row that found another carrier than rtnetlink tells of */
	bool grey;	      /* most of its targets are degraded by their numbers: it is not they */
	struct mon_bpf_attached modes;
	char ingress_why[sizeof(((struct mon_stacked_way *)NULL)->text)]; /* as mon_status_interface */
	char *trouble; /* last reason why it is not attached, as logged */
};

struct monitor_link {	    /* by index of mon_config.links */
	unsigned ifindex;   /* 0: not there */
	bool carrier;	    /* as rtnetlink tells of it */
	unsigned odd_ticks; /* as of an interface */
	bool broken;	    /* reported so */
	bool told;	    /* that was reported, or the contrary */
};

struct monitor {
	struct dr_loop *loop;
	const char *config_path;
	struct mon_config config;     /* targets, interfaces and links are those of now */
	struct mon_config file;	      /* with discovery: what the file alone says */
	struct mon_discovered *found; /* last */
	size_t found_count;
	struct dr_mono listed_at;	/* when that came; 0: nothing has yet */
	struct dr_mono discovers_since; /* 0: there is no discovery */
	size_t left_out;		/* of these, those that should be watched and are not */
	char *left_out_why;		/* in lines; NULL: none is */
	struct mon_bpf *bpf;
	struct mon_prober *prober;
	struct mon_report *report;
	struct mon_rtnl *rtnl;
	struct mon_discovery *discovery;
	struct mon_show *show;
	struct mon_slots slots;
	struct mon_hosts hosts;
	struct monitor_target *targets;
	const char **leavers; /* while targets are changed: hosts of those retired that were up, sorted */
	size_t leaver_count;
	struct monitor_iface ifaces[MON_INTERFACES_MAX];
	struct monitor_link links[MON_INTERFACES_MAX];
	uint16_t ident;
	char *recall_path; /* who was up when an interface became isolated; NULL: nothing is remembered */
	struct mon_recall recall; /* what the last run has left there */
	bool recall_written;	  /* there is a file */
	int recall_error;	  /* of the last writing, as logged */
	bool started;		  /* from then on trouble with one interface is no reason to end */
	char *no_fentry;	  /* why links are told of by rtnetlink; NULL: by fentry */
	struct dr_source *ring, *tick, *reload;
	struct dr_mono started_at, last_tick, last_ring;
	uint64_t events_lost, timer_errors, timers, timers_late; /* as last seen in dr_stats */
	uint64_t unseen;  /* probes that the sockets took and that were not seen leaving, as last looked at */
	uint64_t skipped; /* as last seen of the sender */
	struct mon_prober_stats sender; /* of the last tick, with its worst lateness */
	uint32_t grey_cursor, ask_from, asked;
	bool blind;
	bool breathless;	/* most timers of the kernel half run late: so are answers handled */
	struct mon_rtt retired; /* round trip times of targets that are no longer watched */
	uint64_t reloads, reloads_incomplete, reload_failures;
	char *reload_error;	/* of the last one; NULL: it was good */
	bool reload_incomplete; /* reload_error says what of it could not be done; else it was refused */
	struct mon_status_interface shown_ifaces[MON_INTERFACES_MAX];
	struct mon_status_link shown_links[MON_INTERFACES_MAX];
};

/* Is there a target in that slot, and do the kernel half and the sender know of it? */
static inline bool monitor_watches(const struct monitor *m, uint32_t slot)
{
	return m->slots.targets[slot].host[0] && m->targets[slot].key;
}

/* The kernel counts it for the share, or will when its probes leave again: it is up, or was and is not
 * condemned.
 */
static inline bool monitor_counts(const struct dr_track *t)
{
	return t->counted_up || t->cut_off;
}

/* Its answers come too late to be recognised. */
static inline bool monitor_is_late(const struct monitor *m, uint32_t slot)
{
	return m->targets[slot].late.told && m->targets[slot].verdict != DR_VERDICT_UP;
}

/* ---- targets.c ---- */
int monitor_add_target(struct monitor *m, uint32_t slot, size_t index, size_t n) DR_MUST_USE;
/*
 * Makes the kernel half, the sender and the attachments follow m->config. Negative: some of it could not be
 * done (logged once m->started; *ret_error says what of the interfaces).
 */
int monitor_apply(struct monitor *m, char **ret_error) DR_MUST_USE;
/* The kernel's and the sender's idea of that slot's target, anew: its interface has another index, or it is
 * retimed. */
int monitor_refresh_target(struct monitor *m, uint32_t slot) DR_MUST_USE;
void monitor_refresh_all(struct monitor *m);
int monitor_set_interface(struct monitor *m, unsigned iface, unsigned ifindex, bool carrier) DR_MUST_USE;
/* Its gap and the share, without a change of the rest. */
int monitor_tune_interface(struct monitor *m, unsigned iface) DR_MUST_USE;

/* ---- recalled.c ---- */
/* Before the first target is watched: what the last run has left. Trouble with it is logged, and no reason to
 * end. */
int monitor_recall(struct monitor *m) DR_MUST_USE; /* -ENOMEM */
/* Was the slot's target up, as the last run has left it? For one that is new; once it is watched: */
bool monitor_was_up(const struct monitor *m, uint32_t slot);
void monitor_recalled(struct monitor *m, uint32_t slot);
/* It has become isolated: who is up there now is written down for the next start. */
void monitor_remember(struct monitor *m, unsigned iface);
/* Each second: what is over is forgotten. */
void monitor_forget_what_is_over(struct monitor *m);

/* ---- ifaces.c ---- */
/*
 * Takes over the names in the configuration, gives up interfaces that are in it no more, looks where the
 * others are and attaches to them. What is not there is reported, and attached to when it comes.
 */
int monitor_find_interfaces(struct monitor *m, char **ret_error) DR_MUST_USE;
/* Attaches what is not attached although its interface is there. Each that fails is logged once; the first
 * failure is returned with its text. */
int monitor_attach_interfaces(struct monitor *m, char **ret_error) DR_MUST_USE;
void monitor_on_rtnl(const struct mon_rtnl_link *l, void *userdata);
/* rtnetlink says so of that interface. */
void monitor_command_link(struct monitor *m, unsigned ifindex, const char *name, bool carrier);
/* Forgets the carrier of an interface, unless it is probed by or a link of the configuration. */
void monitor_unwatch_link(struct monitor *m, unsigned ifindex);
void monitor_on_link_event(struct monitor *m, const struct dr_event *e);
/* Counters are truth, events are hints: reports what link i of the configuration is, by its map. */
void monitor_follow_link(struct monitor *m, size_t i, const struct dr_link *l);
void monitor_report_interface(struct monitor *m, unsigned iface, bool isolated, enum dr_reason reason,
			      struct dr_wall when);

/* Since then its probes leave unseen and nothing is heard, so that it cannot judge; 0: no longer. */
void monitor_set_mute(struct monitor *m, unsigned iface, uint64_t since_ns);

/* ---- verdicts.c ---- */
void monitor_on_event(const struct dr_event *e, void *userdata);
/* After targets were changed: hosts that are to be reported for it. */
void monitor_review_hosts(struct monitor *m);
/* Counters are truth, events are hints: follows the story in w. */
void monitor_follow(struct monitor *m, uint32_t slot, const struct dr_watch *w);
/* Reports it as degraded, with words, or as no longer so (NULL). */
void monitor_report_degraded(struct monitor *m, uint32_t slot, enum dr_reason reason, const char *words,
			     struct dr_wall when);
void monitor_report(struct monitor *m, enum mon_event_type type, bool on, const char *host,
		    const char *subject, enum dr_reason reason, const char *details, struct dr_wall when);

/* ---- health.c ---- */
int monitor_on_tick(struct dr_source *s, void *userdata);

/* ---- monitor.c ---- */
/* mon_reload_fn */
int monitor_reload(void *userdata, char **ret_text);

/* ---- snapshot.c ---- */
void monitor_snapshot(void *userdata, struct mon_status *ret); /* mon_snapshot_fn */

#endif
