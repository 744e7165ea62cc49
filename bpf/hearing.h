/* SPDX-License-Identifier: GPL-2.0-only OR BSD-2-Clause */
#ifndef DOCTOR_BPF_HEARING_H
#define DOCTOR_BPF_HEARING_H

/*
 * What an interface must hear before a host on it is condemned, pure.
 *
 *   proof     a probe to ANY target on this interface, sent close to or after the deadline, has been
 *             answered. Replies are handled in the order in which they came in, so one to a later
 *             probe shows that an earlier reply does not sit unread in the receive ring. That holds
 *             within a receive queue. "Some frame was handled after the deadline" would not do: after
 *             a stall that frame may itself be an old one.
 *   share     too many targets silent in the same breath accuse the network or us, not the hosts.
 *             They are counted as they miss their second answer, which is before any deadline passes:
 *             no host of a mass loss is condemned, not even the first. That wants a detection time of
 *             three intervals (two where single losses may count, see dr_missed_ns()); with less,
 *             as with multiplier 1 on a target alone, nobody is counted ahead of the first deadline.
 *             Targets are compared that are probed about equally often: a slow one is not yet silent
 *             when a fast one is judged. Those that were up before the monitor was restarted, while this
 *             interface was isolated, count as silent until they answer (dr_on_recall()).
 */

#include "bpf/pure.h"
#include "doctor/abi.h"

#define DR_READ_ONCE(x) (*(const volatile __typeof__(x) *)&(x))

/* What the rules know of an interface at one moment. */
struct dr_ears {
	struct dr_hearing own; /* by the receive queue of the target's last reply */
	struct dr_hearing any; /* by any queue */
	__u64 gap_ns, isolated_ns, blind_ns, resumed_ns;
	__u32 carrier, share, share_min, up, silent;
	__u32 pad;
};

DR_PURE void dr_listen_by(struct dr_hearing *ret, const struct dr_hearing *h)
{
	ret->tx_ns = h ? DR_READ_ONCE(h->tx_ns) : 0;
	ret->at_ns = h ? DR_READ_ONCE(h->at_ns) : 0;
	ret->since_ns = h ? DR_READ_ONCE(h->since_ns) : 0;
}

/* A count that one CPU has taken from before another has added to it: for a moment it is below none. */
DR_PURE __u32 dr_settled(__u32 count)
{
	return (__s32)count < 0 ? 0 : count;
}

/*
 * own: of the queue of the target's last reply; NULL: nothing is known of it, as of one that never answered.
 * The order matters: an isolation ends after the share has fallen, and resumed_ns is set before isolated_ns
 * is cleared, so whoever sees a share that is fine sees one of these too.
 */
DR_PURE void dr_listen(struct dr_ears *ret, const struct dr_iface *i, const struct dr_hearing *own)
{
	dr_listen_by(&ret->own, own);
	dr_listen_by(&ret->any, &i->all);
	ret->gap_ns = i->gap_ns;
	ret->carrier = DR_READ_ONCE(i->carrier);
	ret->share = i->share;
	ret->share_min = i->share_min;
	ret->up = dr_settled(DR_READ_ONCE(i->up));
	ret->silent = dr_settled(DR_READ_ONCE(i->silent));
	ret->blind_ns = DR_READ_ONCE(i->blind_ns);
	ret->isolated_ns = DR_READ_ONCE(i->isolated_ns);
	ret->resumed_ns = DR_READ_ONCE(i->resumed_ns);
	ret->pad = 0;
}

/*
 * A reply to a probe that left at tx_ns was handled. One that ends a gap may have been under way ahead of it,
 * from far away, or have waited here while what came behind it overran the ring: it tells nothing of the gap.
 */
DR_PURE void dr_on_heard(struct dr_hearing *h, __u64 gap_ns, __u64 tx_ns, __u64 now)
{
	if (h->at_ns == 0 || now > h->at_ns + gap_ns) /* another CPU may have been here later than now */
		h->since_ns = now;
	if (h->tx_ns < tx_ns)
		h->tx_ns = tx_ns;
	if (h->at_ns < now)
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

/* more: silent targets that are not counted yet. */
DR_PURE int dr_share_exceeded(const struct dr_ears *e, __u32 more)
{
	__u64 silent = (__u64)e->silent + more;

	return e->share && silent >= e->share_min && silent * 1000 > (__u64)e->share * e->up;
}

/* Something was heard just now: is the isolation over by that? */
DR_PURE int dr_hears_again(const struct dr_ears *e)
{
	return e->isolated_ns && e->carrier && !dr_share_exceeded(e, 0);
}

#endif
