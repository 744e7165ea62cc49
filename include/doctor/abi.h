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

#define DR_ABI_VERSION 5

#define DR_IFACES 64 /* entries of dr_ifaces */

/* Probes of a target whose transmit time is remembered; a power of two. */
#define DR_RING 16

/* Round trip times are counted by their binary logarithm: bucket n holds [2^(n+9), 2^(n+10)) ns. */
#define DR_RTT_BUCKETS 24
#define DR_RTT_SHIFT 9 /* bucket 0 is everything below 1024 ns, the last one everything from 4.3 s */

enum dr_kind {		   /* how a target is probed */
	DR_KIND_ECHO4 = 1, /* ICMP echo, RFC 792 */
	DR_KIND_ECHO6 = 2, /* ICMPv6 echo, RFC 4443 */
	DR_KIND_ARP = 3,   /* RFC 826 request */
	DR_KIND_ND = 4,	   /* neighbour solicitation, RFC 4861 */
};

enum dr_verdict {
	DR_VERDICT_UNKNOWN = 0, /* watched, but neither risen nor condemned yet */
	DR_VERDICT_UP = 1,
	DR_VERDICT_DOWN = 2,
	DR_VERDICT_DEGRADED = 3,    /* silent to probes, yet talking */
	DR_VERDICT_UNREACHABLE = 4, /* probes cannot leave: says nothing of the host */
};

enum dr_reason { /* of a verdict */
	DR_REASON_NONE = 0,
	DR_REASON_ANSWERS = 1,	    /* up: it answers */
	DR_REASON_SILENCE = 2,	    /* down: probes left and were not answered */
	DR_REASON_NO_NEIGHBOUR = 3, /* down: it does not even answer ARP or ND */
	DR_REASON_TALKING = 4,	    /* degraded: other frames of it were seen */
	DR_REASON_NO_ROUTE = 5,	    /* unreachable */
	DR_REASON_NO_GATEWAY = 6,   /* unreachable: the next hop is not the target, and does not resolve */
	DR_REASON_NO_CARRIER = 7,   /* unreachable; of isolation too */
	DR_REASON_SEND_ERROR = 8,   /* unreachable: the socket refuses the probes */
	DR_REASON_DEAF = 9,	    /* of isolation: nothing at all is heard */
	DR_REASON_SHARE = 10,	    /* of isolation: too many targets fell silent in the same breath */
	DR_REASON_MUTE =
		11, /* unreachable; of isolation too: nothing keeps probes back, and none is seen leaving */
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
	__be32 addr[4];	   /* IPv6; an IPv4 address mapped into it (::ffff:a.b.c.d) */
	__be16 ident;	   /* ICMP identifier of this monitor */
	__u8 kind;	   /* enum dr_kind */
	__u8 flags;	   /* DR_TARGET_* */
	__u32 pad;
};
_Static_assert(sizeof(struct dr_target) == 64, "dr_target layout");

#define DR_TARGET_CONSUME 1 /* a reply that is provably ours ends in the driver (XDP_DROP) */
#define DR_TARGET_PASSIVE 2 /* any frame from it counts as life while it is silent */

/* Key of dr_by_addr: which target an address is, for ARP, ND and passive proof of life. Value: __u32 slot. */
struct dr_addr {
	__u32 ifindex;
	__u32 kind;
	__be32 addr[4]; /* as dr_target.addr */
};
_Static_assert(sizeof(struct dr_addr) == 24, "dr_addr layout");

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
	__u64 rtt_sum_ns;  /* of all answers */
	__u64 seen_ns;	   /* when another frame of it was last seen; looked for only while it is silent */
	__u64 first_tx_ns; /* oldest probe sent after the newest answered one */
	__u64 unsent_ns; /* since when it is known not to answer ARP or ND, so that no probe leaves; 0: not so
			  */
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
	__u32 queue;	   /* receive queue of the last reply; DR_QUEUE_UNKNOWN: none has come */
	__u32 deaf;	   /* silences forgotten because we had not been hearing all the while */
	__u16 late;	   /* 1: a timer of this silence ran late, so its proof must be newer */
	__u16 cut_off;	   /* 1: unreachable, and was counted up before: is again when a probe leaves */
	__u32 reason;	   /* enum dr_reason of the verdict */
	__u64 timer_due_ns;
	__u32 counted_up;	      /* 1: counted in dr_iface.up */
	__u32 counted_silent;	      /* 1: counted in dr_iface.silent */
	struct dr_sent ring[DR_RING]; /* by seq modulo DR_RING */
	__u64 rtt_log2[DR_RTT_BUCKETS];
};
_Static_assert(sizeof(struct dr_track) == 664, "dr_track layout");

/* dr_watch[slot]: a story with what guards it. User space reads it with BPF_F_LOCK, and never writes it. */
struct dr_watch {
	struct bpf_spin_lock lock;
	__u32 retired;	  /* 1: no longer watched; what is late for it is not counted as foreign */
	__be32 source[4]; /* address that our newest probe left from, as dr_target.addr: a reply must come to
			     it */
	__u8 mac[6];	  /* that its newest reply came from */
	__u16 pad;
	__u64 vlans; /* that our newest probe left in: ids of 12 bits, the innermost last; 0: in none */
	struct dr_track track;
};
_Static_assert(sizeof(struct dr_watch) == 704, "dr_watch layout");

/*
 * Neighbouring slots that share a timer. Setting the hardware's timer costs more than looking at a target,
 * most of all in a virtual machine, and neighbours are probed at about the same time.
 */
#define DR_TIMER_SLOTS 16

/* dr_timers[slot / DR_TIMER_SLOTS] */
struct dr_timer {
	struct bpf_timer timer;
	struct bpf_spin_lock lock;
	__u32 pad;
	__u64 due_ns; /* when it will run, 0: not at all */
	__u64 runs;   /* times that it ran */
};
_Static_assert(sizeof(struct dr_timer) == 40, "dr_timer layout");

/* What was heard, by one receive queue or by all. Replies are handled in order within a queue only. */
struct dr_hearing {
	__u64 tx_ns;	/* newest transmit time of a probe whose reply was handled */
	__u64 at_ns;	/* when a reply was last handled */
	__u64 since_ns; /* when the reply that ended the last gap was handled: heard without one since */
};
_Static_assert(sizeof(struct dr_hearing) == 24, "dr_hearing layout");

/* dr_ifaces[n]: what we know of our own ears on one interface. */
struct dr_iface {
	__u32 ifindex;	   /* 0: not in use */
	__u32 carrier;	   /* 1: it has one */
	__u64 gap_ns;	   /* no reply for longer than this is a gap in hearing; set by the monitor */
	__u64 isolated_ns; /* since when no host is condemned here; 0: hearing */
	__u64 isolations;  /* times that happened */
	__u64 blind_ns;	   /* since when our sender is too late to judge by; 0: it is not */
	__u32 reason;	   /* enum dr_reason of the isolation */
	__u32 share; /* more than this many per mille of up targets silent at once is isolation; 0: never */
	__u32 share_min; /* but only from so many silent targets on */
	__u32 up; /* targets that are up or degraded, or were up before and are not judged (dr_on_recall()) */
	__u32 silent; /* of these, those that have missed more than one answer in a row, and none came since
		       */
	__u32 pad;
	__u64 resumed_ns;      /* when an isolation last ended: an older silence counts anew */
	struct dr_hearing all; /* by any queue */
};
_Static_assert(sizeof(struct dr_iface) == 96, "dr_iface layout");

/* Key of dr_queues, whose values are what each receive queue heard. */
struct dr_queue {
	__u32 iface; /* index of the interface in dr_ifaces */
	__u32 queue; /* as the driver numbers them; 0 where it does not say */
};
_Static_assert(sizeof(struct dr_queue) == 8, "dr_queue layout");

#define DR_QUEUE_UNKNOWN (~0U)
#define DR_QUEUES 4096 /* entries of dr_queues; the replies of a queue without one prove nothing of it */

enum dr_link_source { /* who told of a link's last change */
	DR_LINK_FENTRY = 1,
	DR_LINK_NETLINK = 2,
};

#define DR_FLAP_NS 10000000000ULL /* down and up again within this time is a flap */

/* dr_links[ifindex]: the carrier of a watched link. Changed by the programs only. */
struct dr_link {
	__u32 carrier; /* 1: it has one */
	__u32 source;  /* enum dr_link_source of the last change; 0: none yet */
	__u32 iface;   /* its index in dr_ifaces, ~0: it is not probed by */
	__u32 pad;
	__u64 ups, downs, flaps;
	__u64 changed_ns;     /* last change */
	__u64 down_ns;	      /* last loss */
	__u64 xdp_exceptions; /* tracepoint xdp:xdp_exception */
};
_Static_assert(sizeof(struct dr_link) == 64, "dr_link layout");

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
	__u64 timers;	    /* times that one ran */
	__u64 timers_late;  /* of these, later than it was set to by DR_LATE_NS */
	__u64 timer_errors; /* one that could not be set */
	__u64 consumed;	    /* replies that ended in the driver, as configured */
	__u64 passive;	    /* frames that counted as life of a silent target */
	__u64 retired;	    /* replies for a target that is no longer watched */
};
_Static_assert(sizeof(struct dr_stats) == 144, "dr_stats layout");

enum dr_event_type {
	DR_EVENT_VERDICT = 1,  /* a target changed its verdict */
	DR_EVENT_ISOLATED = 2, /* an interface is isolated, see reason: no verdicts there */
	DR_EVENT_HEARING = 3,  /* it no longer is */
	DR_EVENT_LINK = 4,     /* carrier changed: verdict UP or DOWN, reason enum dr_link_source */
};

/* One ring buffer record. */
struct dr_event {
	__u32 version; /* DR_ABI_VERSION */
	__u32 type;    /* enum dr_event_type */
	__u32 slot;    /* target; 0 for interface events */
	__u32 ifindex;
	__u32 verdict;	   /* enum dr_verdict, after the change */
	__u32 transitions; /* dr_track.transitions, after the change; of a link: ups + downs */
	__u64 time_ns;	   /* of the decision */
	__u64 deadline_ns; /* that had passed (down) */
	__u64 first_tx_ns; /* oldest unanswered probe (down) */
	__u64 last_rx_ns;  /* last valid reply */
	__u32 outstanding; /* unanswered probes (down) */
	__u32 reason;	   /* enum dr_reason; of a link enum dr_link_source */
};
_Static_assert(sizeof(struct dr_event) == 64, "dr_event layout");

/*
 * What the monitor asks of the kernel half: the program dr_command takes one of these as its "packet"
 * (BPF_PROG_TEST_RUN), so that the maps' stories have one writer, under their locks. Its return
 * value is enum dr_command_result.
 */
enum dr_command_op {
	DR_CMD_WATCH = 1,  /* slot, target: a new target with a story of its own, whose transitions count from
			      0;  events of the slot that are older than this tell of the former target;
			      value: DR_WATCH_* */
	DR_CMD_RETIME = 2, /* slot, target: interval, detect, multiplier, rise, flags, ifindex change; the
			      story goes on */
	DR_CMD_RETIRE = 3, /* slot: no longer watched; its timer ends */
	DR_CMD_UNSENT = 4, /* slot, reason, time_ns, count: dr_track.sent has stood at count since time_ns
			      although probes were due all the while; reason NO_NEIGHBOUR makes it down
			      (if we hear), the others unreachable */
	DR_CMD_IFACE = 5,  /* iface, ifindex, gap, share, share_min, carrier: sets these, forgets nothing else
			      unless ifindex changes; ifindex 0: no longer in use; carrier
			      DR_CARRIER_AS_IS: that one is left to others */
	DR_CMD_BLIND = 6,  /* iface, value 1 or 0 */
	DR_CMD_LINK = 7,   /* ifindex, value: rtnetlink says that the carrier is 1 or 0 since time_ns */
};

#define DR_CARRIER_AS_IS (~0U)

#define DR_WATCH_TIMER 1 /* only if its timer can be made, else each probe will try to */
#define DR_WATCH_UP_BEFORE                                                                                   \
	2 /* up before the monitor was restarted: counted up, and silent until it answers */

enum dr_command_result {
	DR_CMD_DONE = 0,
	DR_CMD_REFUSED = 1,   /* no such slot, interface or op */
	DR_CMD_UNPROVED = 2,  /* UNSENT: not taken, as we cannot tell that we hear, or are isolated or blind,
				 or it is counted silent from now on: ask again an interval later */
	DR_CMD_OVERTAKEN = 3, /* UNSENT: probes have left meanwhile, or the verdict stands already */
	DR_CMD_NO_TIMER = 4,  /* WATCH: not taken, as the kernel had no memory at hand for its timer */
};

/* skb->mark with which dr_command is run (bpf_test_run_opts.ctx_in): frames of the network are no commands.
 */
#define DR_COMMAND_MARK 0x446f6343

struct dr_command {
	__u8 ethernet[16]; /* zeros, where a frame has its header */
	__u32 op;	   /* enum dr_command_op */
	__u32 slot;
	__u32 iface;
	__u32 ifindex;
	__u32 reason; /* enum dr_reason */
	__u32 value;
	__u64 time_ns;
	__u64 count;
	__u64 gap_ns;
	__u32 share;
	__u32 share_min;
	__u32 carrier;
	__u32 pad;
	struct dr_target target;
};
_Static_assert(sizeof(struct dr_command) == 144, "dr_command layout");

#endif
