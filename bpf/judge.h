/* SPDX-License-Identifier: GPL-2.0-only OR BSD-2-Clause */
#ifndef DOCTOR_BPF_JUDGE_H
#define DOCTOR_BPF_JUDGE_H

/*
 * The rules of detection, pure: a target's story, what happened, and the time go in; a changed
 * story and what is to be done come out. The kernel programs run them under the target's lock (so:
 * no calls, bounded loops), the unit tests run ten minutes of flapping in microseconds.
 *
 *   sent      a probe left: it is remembered; the first one without an answer sets the deadline
 *             first_tx + multiplier * interval + the last round trip time (at most as long again).
 *   reply     the newest answer clears what was outstanding up to its probe. `rise` answers in a
 *             row, none further apart than multiplier * interval, bring a target up.
 *   deadline  silence has lasted too long. A verdict wants all of:
 *             - as many probes really left as the multiplier says, and the last of them had the time
 *               of an interval and a round trip (a starved sender accuses nobody);
 *             - proof that we could hear: a probe to ANY target on this interface, sent close to or
 *               after the deadline, has been answered. Replies are handled in the order in which
 *               they came in, so one to a later probe shows that an earlier reply does not sit
 *               unread in the receive ring. That holds within a receive queue: a proof from another
 *               one is taken only when the silence has lasted DR_OTHER_QUEUE_NS longer. "Some frame
 *               was handled after the deadline" would not do: after a stall that frame may itself be
 *               an old one;
 *             - that we heard all the while: a silence that began before or during a gap in our own
 *               hearing is forgotten, and counts anew from the next probe.
 *             Until then the target is suspect and looked at again.
 */

#include "bpf/pure.h"
#include "doctor/abi.h"

/* A timer later than this tells of a stall: the proof must then be newer than the deadline itself. */
#define DR_LATE_NS 1000000ULL

/* Longer than a CPU that serves a receive queue is away: stolen, starved, in firmware. */
#define DR_OTHER_QUEUE_NS 1000000000ULL

/* Without any proof for so long (at least, and 8 detection times) the interface is isolated. */
#define DR_ISOLATED_NS 1000000000ULL

enum dr_outcome {
	DR_NOTHING = 0,
	DR_ARM,	      /* set the timer to track->timer_due_ns */
	DR_WENT_DOWN, /* the verdict changed */
	DR_WENT_UP,
	DR_NO_PROOF, /* as DR_ARM, and nothing has been heard for long enough to call it isolation */
};

enum dr_reply_kind {
	DR_REPLY_ANSWER = 0,
	DR_REPLY_DUPLICATE,
	DR_REPLY_STALE,
};

DR_PURE __u64 dr_detect_ns(const struct dr_target *c)
{
	return c->detect_ns;
}

/* The last round trip, as far as a deadline is stretched by it. */
DR_PURE __u64 dr_rtt_ns(const struct dr_track *t, const struct dr_target *c)
{
	return t->rtt_ns < dr_detect_ns(c) ? t->rtt_ns : dr_detect_ns(c);
}

DR_PURE __u64 dr_deadline(const struct dr_track *t, const struct dr_target *c, __u64 first_tx_ns)
{
	return first_tx_ns + dr_detect_ns(c) + dr_rtt_ns(t, c);
}

DR_PURE void dr_change(struct dr_track *t, __u32 verdict, __u64 now)
{
	t->verdict = verdict;
	t->transitions++;
	t->changed_ns = now;
	t->suspect_ns = 0;
	t->waits = 0;
	t->late = 0;
	t->risen = 0;
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
	t->sent++;
	t->outstanding++;
	if (t->first_tx_ns == 0) {
		t->first_tx_ns = now;
		t->deadline_ns = dr_deadline(t, c, now);
	}
	/* the last probe that a verdict counts gets its time, however late it left */
	if (t->outstanding == c->multiplier && t->deadline_ns < now + c->interval_ns + dr_rtt_ns(t, c))
		t->deadline_ns = now + c->interval_ns + dr_rtt_ns(t, c);
	if (t->timer_armed || t->verdict == DR_VERDICT_DOWN)
		return DR_NOTHING;
	t->timer_armed = 1;
	t->timer_due_ns = t->deadline_ns;
	return DR_ARM;
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
	t->outstanding = found;
	t->first_tx_ns = first;
	t->deadline_ns = first ? dr_deadline(t, c, first) : 0;
	t->suspect_ns = 0;
	t->waits = 0;
	t->late = 0;
}

/*
 * A valid reply to probe seq is handled now. *ret_kind says what it was; *ret_tx_ns is when its probe
 * left (0 unless DR_REPLY_ANSWER). Returns DR_WENT_UP or DR_NOTHING.
 */
DR_PURE enum dr_outcome dr_on_reply(struct dr_track *t, const struct dr_target *c, __u32 seq, __u64 now,
				    enum dr_reply_kind *ret_kind, __u64 *ret_tx_ns)
{
	struct dr_sent *s = &t->ring[seq & (DR_RING - 1)];
	__u64 before = t->last_rx_ns, rtt;

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
	rtt = now - s->tx_ns;
	t->rtt_ns = rtt;
	if (t->rtt_min_ns == 0 || rtt < t->rtt_min_ns)
		t->rtt_min_ns = rtt;
	if (rtt > t->rtt_max_ns)
		t->rtt_max_ns = rtt;
	if (t->answered == 1 || (__s32)(seq - t->newest_seq) > 0)
		dr_clear_until(t, c, seq);

	if (t->verdict == DR_VERDICT_UP)
		return DR_NOTHING;
	if (before == 0 || now - before > dr_detect_ns(c))
		t->risen = 0;
	if (++t->risen < c->rise)
		return DR_NOTHING;
	dr_change(t, DR_VERDICT_UP, now);
	return DR_WENT_UP;
}

DR_PURE enum dr_outcome dr_look_again(struct dr_track *t, __u64 when)
{
	t->timer_armed = 1;
	t->timer_due_ns = when;
	return DR_ARM;
}

/* A suspect is looked at soon at first, then once an interval. */
DR_PURE __u64 dr_wait_ns(const struct dr_track *t, const struct dr_target *c)
{
	return t->waits < 3 ? (c->interval_ns >> 3) << t->waits : c->interval_ns;
}

/* A reply to a probe that left at tx_ns was handled. */
DR_PURE void dr_on_heard(struct dr_hearing *h, __u64 gap_ns, __u64 tx_ns, __u64 now)
{
	if (h->at_ns == 0 || now - h->at_ns > gap_ns)
		h->since_ns = tx_ns;
	if (h->tx_ns < tx_ns)
		h->tx_ns = tx_ns;
	h->at_ns = now;
}

enum dr_proof {
	DR_UNPROVED = 0,
	DR_PROVED, /* we heard what was sent until about the deadline, and all the while since first_tx */
	DR_DEAF,   /* we hear now, but did not all the while */
};

DR_PURE enum dr_proof dr_prove(const struct dr_hearing *h, __u64 needed, __u64 first_tx_ns)
{
	if (h->tx_ns < needed)
		return DR_UNPROVED;
	return h->since_ns <= first_tx_ns ? DR_PROVED : DR_DEAF;
}

/* The silence so far says nothing: it counts anew from the next probe. */
DR_PURE void dr_forget(struct dr_track *t)
{
	t->deaf++;
	t->outstanding = 0;
	t->first_tx_ns = 0;
	t->deadline_ns = 0;
	t->suspect_ns = 0;
	t->waits = 0;
	t->late = 0;
}

/*
 * The timer runs. own: what was heard by the receive queue of the target's last reply; any: by any
 * queue of its interface. Returns DR_NOTHING (the timer rests), DR_ARM, DR_NO_PROOF or DR_WENT_DOWN.
 */
DR_PURE enum dr_outcome dr_on_timer(struct dr_track *t, const struct dr_target *c,
				    const struct dr_hearing *own, const struct dr_hearing *any, __u64 now)
{
	__u64 late = now > t->timer_due_ns ? now - t->timer_due_ns : 0;
	enum dr_proof proof;
	__u64 needed;

	t->timer_armed = 0;
	if (t->deadline_ns == 0 || t->verdict == DR_VERDICT_DOWN)
		return DR_NOTHING;
	if (now < t->deadline_ns)
		return dr_look_again(t, t->deadline_ns);

	if (late > DR_LATE_NS) {
		t->late_timers++;
		t->late = 1; /* for the rest of this suspicion */
	}
	if (t->outstanding < c->multiplier) {
		t->starved++;
		return dr_look_again(t, now + c->interval_ns);
	}
	if (t->suspect_ns == 0) {
		t->suspect_ns = now;
		t->suspects++;
	}

	needed = t->deadline_ns;
	if (!t->late)
		needed -= (c->interval_ns >> 1) + (c->interval_ns >> 3);
	proof = dr_prove(any, needed, t->first_tx_ns);
	if (proof == DR_DEAF) {
		dr_forget(t);
		return DR_NOTHING;
	}
	if (dr_prove(own, needed, t->first_tx_ns) == DR_PROVED ||
	    (proof == DR_PROVED && now - t->deadline_ns >= DR_OTHER_QUEUE_NS)) {
		dr_change(t, DR_VERDICT_DOWN, now);
		return DR_WENT_DOWN;
	}
	dr_look_again(t, now + dr_wait_ns(t, c));
	t->waits++;
	/* some answer, from whatever queue, and it is not isolation */
	if (proof == DR_UNPROVED && now - t->suspect_ns >= DR_ISOLATED_NS &&
	    now - t->suspect_ns >= 8 * dr_detect_ns(c))
		return DR_NO_PROOF;
	return DR_ARM;
}

#endif
