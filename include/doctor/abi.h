/* SPDX-License-Identifier: GPL-2.0-only OR BSD-2-Clause */
#ifndef DOCTOR_ABI_H
#define DOCTOR_ABI_H

/*
 * What the kernel programs and the monitor share through maps. Times are CLOCK_MONOTONIC in
 * nanoseconds, 0 meaning "never" or "none". Every struct is padded by name and asserted; a change
 * of any layout raises DR_ABI_VERSION.
 */

#include <linux/bpf.h>
#include <linux/types.h>

#define DR_ABI_VERSION 1

/* Probes of a target whose transmit time is remembered; a power of two. */
#define DR_RING 16

enum dr_verdict {
	DR_VERDICT_UNKNOWN = 0, /* watched, but neither risen nor condemned yet */
	DR_VERDICT_UP = 1,
	DR_VERDICT_DOWN = 2,
};

/* dr_targets[slot]: what to watch. Written by the monitor before it probes, read by the programs. */
struct dr_target {
	__u64 key;	   /* what a reply must carry; 0: the slot is not in use */
	__u64 interval_ns; /* between two probes */
	__u64 detect_ns;   /* silence that makes a verdict: multiplier intervals, or what the ears need */
	__u32 multiplier;  /* unanswered probes, and intervals of silence, that make a verdict */
	__u32 rise;	   /* answers in a row that bring a target up */
	__u32 ifindex;	   /* interface that its replies come in by */
	__u32 iface;	   /* index of that interface in dr_ifaces */
	__be32 addr;	   /* IPv4 */
	__be16 ident;	   /* ICMP identifier of this monitor */
	__u16 consume;	   /* 1: a reply that is provably ours ends in the driver (XDP_DROP) */
};
_Static_assert(sizeof(struct dr_target) == 48, "dr_target layout");

struct dr_sent {
	__u64 tx_ns; /* when it left, 0: slot never used */
	__u32 seq;
	__u32 answered; /* 1 once its reply was seen */
};
_Static_assert(sizeof(struct dr_sent) == 16, "dr_sent layout");

/* The story of one target; changed by the rules in bpf/judge.h only. */
struct dr_track {
	__u32 verdict;	   /* enum dr_verdict */
	__u32 transitions; /* changes of verdict so far */
	__u64 changed_ns;  /* when the verdict last changed */
	__u64 sent;	   /* probes that left the interface */
	__u64 answered;	   /* replies to them */
	__u64 duplicate;   /* replies to a probe that had been answered */
	__u64 stale;	   /* replies to a probe too old to be remembered, or never sent */
	__u64 last_tx_ns;
	__u64 last_rx_ns; /* when the last valid reply was handled */
	__u64 rtt_ns;	  /* of the last reply in order */
	__u64 rtt_min_ns;
	__u64 rtt_max_ns;
	__u64 first_tx_ns; /* oldest probe sent after the newest answered one */
	__u64 deadline_ns; /* when silence since then has lasted too long; 0: nothing outstanding */
	__u64 suspect_ns;  /* deadline passed, proof that we could hear is awaited since */
	__u64 suspects;	   /* times it became suspect */
	__u64 late_timers; /* deadlines looked at much too late: we were stalled */
	__u64 starved;	   /* deadlines at which too few probes had left */
	__u32 outstanding; /* probes sent after the newest answered one */
	__u32 risen;	   /* answers in a row while not up */
	__u32 last_seq;	   /* of the newest probe that left */
	__u32 newest_seq;  /* newest answered */
	__u32 timer_armed; /* 1: the timer will look at this target */
	__u32 waits;	   /* looks since it became suspect */
	__u32 queue;	   /* receive queue of the last reply, modulo DR_QUEUES */
	__u32 deaf;	   /* silences forgotten because we had not been hearing all the while */
	__u32 late;	   /* 1: a timer of this silence ran late, so its proof must be newer */
	__u32 pad;
	__u64 timer_due_ns;
	struct dr_sent ring[DR_RING]; /* by seq modulo DR_RING */
};
_Static_assert(sizeof(struct dr_track) == 440, "dr_track layout");

/* dr_watch[slot]: a story with what guards it. User space reads it with BPF_F_LOCK, and never writes it. */
struct dr_watch {
	struct bpf_timer timer;
	struct bpf_spin_lock lock;
	__be32 source; /* address that our newest probe left from: a reply must come to it */
	struct dr_track track;
};
_Static_assert(sizeof(struct dr_watch) == 464, "dr_watch layout");

/* Receive queues that are told apart; more share by their number modulo this. A power of two. */
#define DR_QUEUES 8

/* What was heard by one receive queue. Replies are handled in order within a queue only. */
struct dr_hearing {
	__u64 tx_ns;	/* newest transmit time of a probe whose reply was handled */
	__u64 at_ns;	/* when a reply was last handled */
	__u64 since_ns; /* transmit time of the reply that ended the last gap: heard without one since */
};
_Static_assert(sizeof(struct dr_hearing) == 24, "dr_hearing layout");

/* dr_ifaces[n]: what we know of our own ears on one interface. */
struct dr_iface {
	__u32 ifindex;
	__u32 pad;
	__u64 gap_ns;	   /* no reply for longer than this is a gap in hearing; set by the monitor */
	__u64 isolated_ns; /* since when no reply at all is heard although targets are suspect; 0: hearing */
	__u64 isolations;  /* times that happened */
	struct dr_hearing all; /* by any queue */
	struct dr_hearing queue[DR_QUEUES];
};
_Static_assert(sizeof(struct dr_iface) == 248, "dr_iface layout");

/* dr_stats: one per CPU. What was seen and left alone is counted, so that nothing vanishes unseen. */
struct dr_stats {
	__u64 probes;	      /* ours, seen leaving */
	__u64 probes_unknown; /* look like ours on egress, but match no target */
	__u64 replies;	      /* ours, valid */
	__u64 reply_duplicate;
	__u64 reply_stale;
	__u64 bad_slot;	   /* our magic, no such target */
	__u64 bad_key;	   /* a target, another key */
	__u64 bad_address; /* key right; identifier, address or interface not */
	__u64 bad_checksum;
	__u64 truncated;    /* an echo reply of ours that ends too early or has another length */
	__u64 events;	    /* records handed to the ring buffer */
	__u64 events_lost;  /* ring buffer full; user space finds the change in dr_watch */
	__u64 timer_errors; /* a timer that could not be set */
};
_Static_assert(sizeof(struct dr_stats) == 104, "dr_stats layout");

enum dr_event_type {
	DR_EVENT_VERDICT = 1,  /* a target changed its verdict */
	DR_EVENT_ISOLATED = 2, /* an interface hears nothing: no verdicts there */
	DR_EVENT_HEARING = 3,  /* it hears again */
};

/* One ring buffer record. */
struct dr_event {
	__u32 version; /* DR_ABI_VERSION */
	__u32 type;    /* enum dr_event_type */
	__u32 slot;    /* target; 0 for interface events */
	__u32 ifindex;
	__u32 verdict;	   /* enum dr_verdict, after the change */
	__u32 transitions; /* dr_track.transitions, after the change */
	__u64 time_ns;	   /* of the decision */
	__u64 deadline_ns; /* that had passed (down) */
	__u64 first_tx_ns; /* oldest unanswered probe (down) */
	__u64 last_rx_ns;  /* last valid reply */
	__u32 outstanding; /* unanswered probes (down) */
	__u32 pad;
};
_Static_assert(sizeof(struct dr_event) == 64, "dr_event layout");

#endif
