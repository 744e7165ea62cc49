/* SPDX-License-Identifier: GPL-2.0-only OR BSD-2-Clause */
#ifndef DOCTOR_BPF_JUDGE_H
#define DOCTOR_BPF_JUDGE_H

/*
 * The rules of detection, pure: a target's story, what happened, and the time go in; a changed
 * story and what is to be done come out. The kernel programs run them under the target's lock (so:
 * no calls, bounded loops), the unit tests run ten minutes of flapping in microseconds.
 *
 *   sent      a probe left: it is remembered; the first one without an answer sets the deadline
 *             first_tx + detection time + the last round trip time (at most as long again), but
 *             at least DR_FIRST_NS while there has been no answer at all.
 *   reply     the newest answer clears what was outstanding up to its probe. `rise` answers in a
 *             row, none further apart than the detection time, bring a target up.
 *   deadline  silence has lasted too long. DOWN wants all of:
 *             - as many probes really left as the multiplier says, and the last of them had the time
 *               of an interval and a round trip (a starved sender accuses nobody);
 *             - proof that we could hear (bpf/hearing.h); one from another receive queue is taken
 *               only when the silence has lasted DR_OTHER_QUEUE_NS longer, and so is any of a target that
 *               never answered, as its queue is not known;
 *             - that we heard all the while: a silence that began before or during a gap in our own
 *               hearing, or before an isolation ended, is forgotten, and counts anew from the next
 *               probe;
 *             - carrier, a sender that is not blind, and no more than a share of the targets silent
 *               at once. Otherwise the verdict is held back, and the interface isolated (but for
 *               blindness, which user space has found itself and tells of).
 *             Until then the target is suspect and looked at again.
 *   seen      a silent target with DR_TARGET_PASSIVE that sends other frames is DEGRADED, until it
 *             answers again or has been quiet for the detection time as well. The frames are looked
 *             for once an answer or two are missing, so a target that is judged by its first
 *             missing answer (multiplier 1) is not seen before its verdict. Where our timer ran late
 *             the silence counts anew from the next probe: an answer that waited here until its probe
 *             was forgotten is such a frame, too.
 *   unsent    probes were due, and none left. UNREACHABLE says nothing of the host. That it does not
 *             even answer ARP or ND is DOWN, by the same standards of hearing, unless other frames of it
 *             are seen. One that was up when it became unreachable counts for the share as soon as its
 *             probes leave again, as silent until it answers: behind a gateway or a cable of ours that is
 *             back, hosts come back one by one.
 */

#include "bpf/hearing.h"
#include "bpf/pure.h"
#include "doctor/abi.h"

/* A timer later than this tells of a stall: the proof must then be newer than the deadline itself. */
#define DR_LATE_NS 1000000ULL

/* Of a target that has never answered the round trip is not known: it gets the time of a long one. */
#define DR_FIRST_NS 1000000000ULL

/* Longer than a CPU that serves a receive queue is away: stolen, starved, in firmware. */
#define DR_OTHER_QUEUE_NS 3000000000ULL

/*
 * No probe has left for so long, and 8 detection times: nobody sends any more (the monitor is gone, and its
 * pins keep the timers), or user space will say why not.
 */
#define DR_UNSENT_NS 10000000000ULL

/* Without any proof for so long (at least, and 8 detection times) the interface is isolated. */
#define DR_ISOLATED_NS 1000000000ULL

enum dr_outcome {
	DR_NOTHING = 0,
	DR_ARM, /* set the timer to track->timer_due_ns; of a timer look: timer_armed says so for all outcomes
		 */
	DR_WENT_DOWN, /* the verdict changed */
	DR_WENT_UP,
	DR_WENT_DEGRADED,
	DR_WENT_UNREACHABLE,
	DR_NO_PROOF,	 /* nothing has been heard for long enough to call it isolation (DEAF) */
	DR_HELD_CARRIER, /* no verdict: isolated (NO_CARRIER) */
	DR_HELD_SHARE,	 /* no verdict: isolated (SHARE) */
	DR_HELD_BLIND,	 /* no verdict, no isolation */
	DR_OVER,	 /* the cause of the isolation is gone */
	DR_UNHEARD,	 /* unsent: not proved, ask again */
};

enum dr_reply_kind {
	DR_REPLY_ANSWER = 0,
	DR_REPLY_DUPLICATE,
	DR_REPLY_STALE,
};

/* The last round trip, as far as a deadline is stretched by it. */
DR_PURE __u64 dr_rtt_ns(const struct dr_track *t, const struct dr_target *c)
{
	return t->rtt_ns < c->detect_ns ? t->rtt_ns : c->detect_ns;
}

DR_PURE __u64 dr_deadline(const struct dr_track *t, const struct dr_target *c, __u64 first_tx_ns)
{
	__u64 silence = c->detect_ns + dr_rtt_ns(t, c);

	if (!t->answered && silence < DR_FIRST_NS)
		silence = DR_FIRST_NS;
	return first_tx_ns + silence;
}

/*
 * A probe outstanding for longer is missing. That is more than one answer in a row as the next but
 * one leaves; where the detection time leaves no room for two, it is the first.
 */
DR_PURE __u64 dr_missed_ns(const struct dr_track *t, const struct dr_target *c)
{
	return (c->detect_ns >= 3 * c->interval_ns ? c->interval_ns : c->interval_ns >> 1) + dr_rtt_ns(t, c);
}

DR_PURE int dr_has_missed(const struct dr_track *t, const struct dr_target *c, __u64 now)
{
	return t->first_tx_ns && now > t->first_tx_ns + dr_missed_ns(t, c);
}

/* Are frames of it to be looked for? */
DR_PURE int dr_wants_seen(const struct dr_track *t, const struct dr_target *c, __u64 now)
{
	if (!(c->flags & DR_TARGET_PASSIVE) || t->verdict == DR_VERDICT_DOWN)
		return 0;
	if (t->unsent_ns)
		return 1;
	if (t->first_tx_ns == 0)
		return 0;
	return t->verdict == DR_VERDICT_DEGRADED || t->suspect_ns || dr_has_missed(t, c, now);
}

/* Its probes cannot leave, so it is not compared with the others; it is remembered whether it was. */
DR_PURE void dr_cut_off(struct dr_track *t)
{
	if (t->counted_up)
		t->cut_off = 1;
	t->counted_up = 0;
	t->counted_silent = 0;
}

/* dr_iface.up and .silent change by what these do while a rule runs. */
DR_PURE void dr_change(struct dr_track *t, __u32 verdict, __u32 reason, __u64 now)
{
	t->verdict = verdict;
	t->reason = reason;
	t->transitions++;
	t->changed_ns = now;
	t->suspect_ns = 0;
	t->waits = 0;
	t->late = 0;
	t->risen = 0;
	if (verdict == DR_VERDICT_UNREACHABLE) {
		dr_cut_off(t);
		return;
	}
	t->cut_off = 0;
	t->counted_up = verdict == DR_VERDICT_UP || verdict == DR_VERDICT_DEGRADED;
	t->counted_silent = verdict == DR_VERDICT_DEGRADED;
}

DR_PURE enum dr_outcome dr_look_again(struct dr_track *t, __u64 when)
{
	t->timer_armed = 1;
	t->timer_due_ns = when;
	return DR_ARM;
}

/*
 * A new story, of a target that was up before the monitor was restarted or that takes the place of one that
 * was up, or one that was up before it became unreachable: it counts for the share from the beginning, and as
 * silent until it answers. So a loss of many from before is one of many again, ahead of the first deadline,
 * however often each of them is probed.
 */
DR_PURE void dr_on_recall(struct dr_track *t)
{
	t->cut_off = 0;
	t->counted_up = 1;
	t->counted_silent = 1;
}

/* A probe with this sequence number leaves now. Returns DR_ARM or DR_NOTHING. */
DR_PURE enum dr_outcome dr_on_sent(struct dr_track *t, const struct dr_target *c, __u32 seq, __u64 now)
{
	struct dr_sent *s = &t->ring[seq & (DR_RING - 1)];

	s->tx_ns = now;
	s->seq = seq;
	s->answered = 0;
	t->last_seq = seq;
	t->last_tx_ns = now;
	t->unsent_ns = 0;
	t->sent++;
	t->outstanding++;
	if (t->cut_off)
		dr_on_recall(t);
	if (t->first_tx_ns == 0) {
		t->first_tx_ns = now;
		t->deadline_ns = dr_deadline(t, c, now);
	}
	if (t->counted_up && dr_has_missed(t, c, now))
		t->counted_silent = 1;
	/* the last probe that a verdict counts gets its time, however late it left */
	if (t->outstanding == c->multiplier && t->deadline_ns < now + c->interval_ns + dr_rtt_ns(t, c))
		t->deadline_ns = now + c->interval_ns + dr_rtt_ns(t, c);
	if (t->verdict == DR_VERDICT_DOWN)
		return DR_NOTHING;
	/* one that is set may have been for a longer time: the round trip was, or was not known */
	if (t->timer_armed && (t->timer_due_ns <= t->deadline_ns || t->deadline_ns <= now))
		return DR_NOTHING;
	return dr_look_again(t, t->deadline_ns);
}

/* What is outstanding begins with the probe that left at first (0: nothing is). */
DR_PURE void dr_outstanding(struct dr_track *t, const struct dr_target *c, __u32 count, __u64 first)
{
	t->outstanding = count;
	t->first_tx_ns = first;
	t->deadline_ns = first ? dr_deadline(t, c, first) : 0;
	t->suspect_ns = 0;
	t->waits = 0;
	t->late = 0;
}

/* What is outstanding after probe seq has been answered: the probes sent behind it. */
DR_PURE void dr_clear_until(struct dr_track *t, const struct dr_target *c, __u32 seq)
{
	__u32 behind = t->last_seq - seq, found = 0;
	__u64 first = 0;

	t->newest_seq = seq;
	for (__u32 i = 1; i < DR_RING; i++) {
		const struct dr_sent *s = &t->ring[(seq + i) & (DR_RING - 1)];
		if (i > behind)
			break;
		if (s->seq != seq + i)
			continue; /* never left */
		if (!first)
			first = s->tx_ns;
		found++;
	}
	dr_outstanding(t, c, found, first);
	t->counted_silent = 0;
}

DR_PURE __u32 dr_log2_bucket(__u64 rtt_ns)
{
	__u64 r = rtt_ns >> DR_RTT_SHIFT;
	__u32 n = 0;

	if (r >> 32)
		return DR_RTT_BUCKETS - 1;
	for (__u32 step = 16; step; step >>= 1) {
		if (r >> step) {
			r >>= step;
			n += step;
		}
	}
	return n < DR_RTT_BUCKETS ? n : DR_RTT_BUCKETS - 1;
}

DR_PURE void dr_measure(struct dr_track *t, __u64 rtt)
{
	t->rtt_ns = rtt;
	t->rtt_sum_ns += rtt;
	if (t->rtt_min_ns == 0 || rtt < t->rtt_min_ns)
		t->rtt_min_ns = rtt;
	if (rtt > t->rtt_max_ns)
		t->rtt_max_ns = rtt;
	t->rtt_log2[dr_log2_bucket(rtt)]++;
}

/* An answer was counted; the one before it was handled at before. Returns DR_WENT_UP or DR_NOTHING. */
DR_PURE enum dr_outcome dr_rise(struct dr_track *t, const struct dr_target *c, __u64 before, __u64 now)
{
	if (t->verdict == DR_VERDICT_UP)
		return DR_NOTHING;
	if (before == 0 || now > before + c->detect_ns)
		t->risen = 0;
	if (++t->risen < c->rise)
		return DR_NOTHING;
	dr_change(t, DR_VERDICT_UP, DR_REASON_ANSWERS, now);
	return DR_WENT_UP;
}

/*
 * Is the reply that was just counted, to probe seq, the first to any as new? Numbers wrap: where half of them
 * were not answered, those from now on pass for older than the newest that was.
 */
DR_PURE int dr_is_newest(const struct dr_track *t, __u32 seq)
{
	return t->answered == 1 || (__s32)(seq - t->newest_seq) > 0 || (t->last_seq - t->newest_seq) >> 31;
}

/*
 * A valid reply to probe seq is handled now. *ret_kind says what it was; *ret_tx_ns is when its probe
 * left (0 unless DR_REPLY_ANSWER). Returns DR_WENT_UP or DR_NOTHING.
 */
DR_PURE enum dr_outcome dr_on_reply(struct dr_track *t, const struct dr_target *c, __u32 seq, __u64 now,
				    enum dr_reply_kind *ret_kind, __u64 *ret_tx_ns)
{
	struct dr_sent *s = &t->ring[seq & (DR_RING - 1)];
	__u64 before = t->last_rx_ns;

	*ret_tx_ns = 0;
	if (s->seq != seq || s->tx_ns == 0) {
		t->stale++;
		*ret_kind = DR_REPLY_STALE;
		return DR_NOTHING;
	}
	if (s->answered) {
		t->duplicate++;
		*ret_kind = DR_REPLY_DUPLICATE;
		return DR_NOTHING;
	}
	s->answered = 1;
	*ret_kind = DR_REPLY_ANSWER;
	*ret_tx_ns = s->tx_ns;
	t->answered++;
	t->last_rx_ns = now;
	dr_measure(t, now - s->tx_ns);
	if (dr_is_newest(t, seq))
		dr_clear_until(t, c, seq);
	return dr_rise(t, c, before, now);
}

/*
 * An ARP or ND reply is handled now. It does not say which probe it answers: for the proof it is the
 * oldest (it cannot be older), for the round trip time the newest (the others' answers are lost
 * rather than late on one's own link), and nothing is outstanding any more. As dr_on_reply().
 */
DR_PURE enum dr_outcome dr_on_neighbour(struct dr_track *t, const struct dr_target *c, __u64 now,
					enum dr_reply_kind *ret_kind, __u64 *ret_tx_ns)
{
	__u64 before = t->last_rx_ns, tx = t->last_tx_ns;

	*ret_tx_ns = t->first_tx_ns;
	if (t->first_tx_ns == 0 || now < t->first_tx_ns) {
		*ret_tx_ns = 0;
		t->duplicate++;
		*ret_kind = DR_REPLY_DUPLICATE;
		return DR_NOTHING;
	}
	if (tx > now) /* another CPU has just sent it */
		tx = t->first_tx_ns;
	*ret_kind = DR_REPLY_ANSWER;
	t->answered++;
	t->last_rx_ns = now;
	t->newest_seq = t->last_seq;
	t->ring[t->last_seq & (DR_RING - 1)].answered = 1;
	dr_measure(t, now - tx);
	dr_outstanding(t, c, 0, 0);
	t->counted_silent = 0;
	return dr_rise(t, c, before, now);
}

/* Another frame of it came in. Returns 1 if that counts as life. */
DR_PURE int dr_on_seen(struct dr_track *t, const struct dr_target *c, __u64 now)
{
	if (!dr_wants_seen(t, c, now))
		return 0;
	t->seen_ns = now;
	return 1;
}

/* A suspect is looked at soon at first, then once an interval. */
DR_PURE __u64 dr_wait_ns(const struct dr_track *t, const struct dr_target *c)
{
	return t->waits < 3 ? (c->interval_ns >> 3) << t->waits : c->interval_ns;
}

/* The silence so far says nothing: it counts anew from the next probe. It stays counted until an answer. */
DR_PURE enum dr_outcome dr_forget(struct dr_track *t, const struct dr_target *c)
{
	t->deaf++;
	dr_outstanding(t, c, 0, 0);
	return DR_NOTHING;
}

DR_PURE enum dr_outcome dr_hold(struct dr_track *t, const struct dr_target *c, enum dr_outcome why, __u64 now)
{
	dr_look_again(t, now + c->interval_ns);
	return why;
}

/* Silence is proved. */
DR_PURE enum dr_outcome dr_condemn(struct dr_track *t, const struct dr_target *c, const struct dr_ears *e,
				   __u64 now)
{
	if (dr_share_exceeded(e, t->counted_up && !t->counted_silent))
		return dr_hold(t, c, DR_HELD_SHARE, now);
	if (e->isolated_ns) {
		if (e->any.at_ns <= e->isolated_ns)
			return dr_hold(t, c, DR_ARM, now);
		dr_forget(t, c);
		return DR_OVER;
	}
	/* seen within the detection time is seen since the silence began: it is older */
	if (c->flags & DR_TARGET_PASSIVE && now < t->seen_ns + c->detect_ns) {
		if (t->late) /* what was seen may be its answers, which we have left waiting too long */
			return dr_forget(t, c);
		dr_change(t, DR_VERDICT_DEGRADED, DR_REASON_TALKING, now);
		dr_look_again(t, t->seen_ns + c->detect_ns);
		return DR_WENT_DEGRADED;
	}
	dr_change(t, DR_VERDICT_DOWN, DR_REASON_SILENCE, now);
	return DR_WENT_DOWN;
}

/* When the silence of t is to be judged: while it talks, not before it has been quiet as well. */
DR_PURE __u64 dr_judgement_ns(const struct dr_track *t, const struct dr_target *c)
{
	__u64 quiet = t->seen_ns + c->detect_ns;

	return t->verdict == DR_VERDICT_DEGRADED && quiet > t->deadline_ns ? quiet : t->deadline_ns;
}

/*
 * May the target be looked at, as its timer runs? By its time, yes; ahead of that, for a neighbour's sake,
 * only where a look just puts it off or ends it: what is judged is judged in its time.
 */
DR_PURE int dr_may_look(const struct dr_track *t, const struct dr_target *c, __u64 now)
{
	return now >= t->timer_due_ns || t->deadline_ns == 0 || now < dr_judgement_ns(t, c);
}

/* The timer runs. Any outcome but WENT_UP and the like; timer_armed says whether the timer goes on. */
DR_PURE enum dr_outcome dr_on_timer(struct dr_track *t, const struct dr_target *c, const struct dr_ears *e,
				    __u64 now)
{
	__u64 late = now > t->timer_due_ns ? now - t->timer_due_ns : 0;
	__u64 deadline = dr_judgement_ns(t, c), needed = deadline;
	enum dr_proof proof;

	t->timer_armed = 0;
	if (t->deadline_ns == 0 || t->verdict == DR_VERDICT_DOWN)
		return DR_NOTHING;
	if (now < deadline) {
		t->suspect_ns = 0; /* it talks again */
		t->waits = 0;
		t->late = 0;
		return dr_look_again(t, deadline);
	}
	if (e->resumed_ns > t->first_tx_ns)
		return dr_forget(t, c);

	if (late > DR_LATE_NS) {
		t->late_timers++;
		t->late = 1; /* for the rest of this suspicion */
	}
	if (now > t->last_tx_ns + DR_UNSENT_NS + 8 * c->detect_ns) {
		dr_outstanding(t, c, 0, 0);
		return DR_NOTHING;
	}
	if (t->outstanding < c->multiplier) {
		t->starved++;
		return dr_look_again(t, now + c->interval_ns);
	}
	if (t->suspect_ns == 0) {
		t->suspect_ns = now;
		t->suspects++;
	}
	if (e->blind_ns)
		return dr_hold(t, c, DR_HELD_BLIND, now);
	if (!e->carrier)
		return dr_hold(t, c, DR_HELD_CARRIER, now);

	if (!t->late)
		needed -= (c->interval_ns >> 1) + (c->interval_ns >> 3);
	proof = dr_prove(&e->any, needed, t->first_tx_ns);
	if (proof == DR_DEAF)
		return dr_forget(t, c);
	if (dr_prove(&e->own, needed, t->first_tx_ns) == DR_PROVED ||
	    (proof == DR_PROVED && now - deadline >= DR_OTHER_QUEUE_NS))
		return dr_condemn(t, c, e, now);
	dr_look_again(t, now + dr_wait_ns(t, c));
	t->waits++;
	/* some answer, from whatever queue, and it is not isolation */
	if (proof == DR_UNPROVED && now - t->suspect_ns >= DR_ISOLATED_NS &&
	    now - t->suspect_ns >= 8 * c->detect_ns)
		return DR_NO_PROOF;
	return DR_ARM;
}

/* One that does not resolve is asked about each second: so long may be between two frames that show life. */
#define DR_UNSENT_QUIET_NS 2000000000ULL

/*
 * Could we hear the answers to what the kernel has asked since then? No isolation has ended since, and until
 * about now we heard, without a gap of late. One before that says nothing: it asks each second.
 */
DR_PURE int dr_heard_since(const struct dr_ears *e, __u64 since_ns, __u64 now)
{
	const struct dr_hearing *h = &e->any;

	return h->at_ns && h->at_ns + 2 * e->gap_ns >= now && e->resumed_ns <= since_ns &&
	       (h->since_ns <= since_ns || h->since_ns + 2 * e->gap_ns <= now);
}

/* Has it been seen of late, while no probe could leave? */
DR_PURE int dr_talks_unsent(const struct dr_track *t, const struct dr_target *c, __u64 now)
{
	return c->flags & DR_TARGET_PASSIVE && t->seen_ns >= t->unsent_ns &&
	       now < t->seen_ns + c->detect_ns + DR_UNSENT_QUIET_NS;
}

/*
 * Nothing has left since since_ns, t->sent having been count then, for this reason. Returns DR_NOTHING
 * (overtaken, or said already), DR_WENT_*, DR_HELD_* or DR_UNHEARD. One that was not counted silent is from
 * now on, and judged when asked again: by then its fellows are counted, and its own frames looked for.
 */
DR_PURE enum dr_outcome dr_on_unsent(struct dr_track *t, const struct dr_target *c, const struct dr_ears *e,
				     __u32 reason, __u64 since_ns, __u64 count, __u64 now)
{
	if (t->sent != count || t->verdict == DR_VERDICT_DOWN)
		return DR_NOTHING;
	if (reason != DR_REASON_NO_NEIGHBOUR) {
		if (t->verdict == DR_VERDICT_UNREACHABLE) {
			dr_cut_off(t); /* once more: some probes left meanwhile */
			return DR_NOTHING;
		}
		dr_outstanding(t, c, 0, 0);
		t->unsent_ns = 0;
		dr_change(t, DR_VERDICT_UNREACHABLE, reason, now);
		return DR_WENT_UNREACHABLE;
	}
	if (!t->unsent_ns)
		t->unsent_ns = now;
	if (t->cut_off) {
		dr_on_recall(t);
		return DR_UNHEARD;
	}
	if (e->blind_ns)
		return DR_HELD_BLIND;
	if (!e->carrier)
		return DR_HELD_CARRIER;
	if (e->isolated_ns || !dr_heard_since(e, since_ns, now))
		return DR_UNHEARD;
	if (t->counted_up && !t->counted_silent) {
		t->counted_silent = 1;
		return DR_UNHEARD;
	}
	if (dr_share_exceeded(e, 0))
		return DR_HELD_SHARE;
	if (c->flags & DR_TARGET_PASSIVE && t->unsent_ns == now)
		return DR_UNHEARD;
	if (dr_talks_unsent(t, c, now)) {
		if (t->verdict == DR_VERDICT_DEGRADED)
			return DR_UNHEARD;
		dr_change(t, DR_VERDICT_DEGRADED, DR_REASON_TALKING, now);
		return DR_WENT_DEGRADED;
	}
	dr_change(t, DR_VERDICT_DOWN, DR_REASON_NO_NEIGHBOUR, now);
	return DR_WENT_DOWN;
}

/* c has changed its times. Returns DR_ARM (the timer is to be set again) or DR_NOTHING. */
DR_PURE enum dr_outcome dr_on_retime(struct dr_track *t, const struct dr_target *c, __u64 now)
{
	__u64 last = t->last_tx_ns + c->interval_ns + dr_rtt_ns(t, c);

	if (t->first_tx_ns) {
		t->deadline_ns = dr_deadline(t, c, t->first_tx_ns);
		if (t->outstanding >= c->multiplier && t->deadline_ns < last)
			t->deadline_ns = last;
	}
	if (t->verdict == DR_VERDICT_DOWN || (!t->first_tx_ns && !t->timer_armed))
		return DR_NOTHING;
	return dr_look_again(t, t->first_tx_ns ? t->deadline_ns : now + c->detect_ns);
}

/* No longer watched. The story stays to be read; it counts for nothing any more. */
DR_PURE void dr_on_retire(struct dr_track *t, const struct dr_target *c)
{
	dr_outstanding(t, c, 0, 0);
	t->unsent_ns = 0;
	t->timer_armed = 0;
	t->cut_off = 0;
	t->counted_up = 0;
	t->counted_silent = 0;
}

#endif
