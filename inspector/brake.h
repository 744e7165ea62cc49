/* SPDX-License-Identifier: Apache-2.0 */
#ifndef DOCTOR_INSPECTOR_BRAKE_H
#define DOCTOR_INSPECTOR_BRAKE_H

/*
 * The blast-radius brake: so many hosts may be marked down within a window, no more. Hosts die one by one;
 * when many seem to, it is likelier that we, or the network between, are wrong. Counted for the cloud as a
 * whole, and where that is wanted for each availability zone or aggregate. Pure: time comes from outside.
 */

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include "doctor/clock.h"
#include "inspector/groups.h"

#define INS_BRAKE_MAX 65536 /* hosts remembered; of more the oldest is forgotten */

enum ins_brake_per {   /* what is limited beside the cloud */
	INS_PER_CLOUD, /* nothing */
	INS_PER_ZONE,
	INS_PER_AGGREGATE,
};

struct ins_brake_share {
	unsigned hosts;		 /* so many, or */
	uint32_t share_permille; /* this share of those that there are, whichever is more */
};

struct ins_brake_conf {
	struct ins_brake_share cloud, group; /* of Nova's computes; of those of a zone or aggregate */
	enum ins_brake_per per;
	struct dr_dur window;
	bool resume; /* what was held goes on by itself as the window lets it */
};

struct ins_braked {
	char host[256];
	struct dr_mono at;
};

struct ins_brake {
	struct ins_braked *items; /* each host once, in the order of time */
	size_t count, cap;
};

void ins_brake_done(struct ins_brake *b);

size_t ins_brake_limit(const struct ins_brake_share *s, size_t hosts_known);

/* Forgets the hosts that have left the window: those marked that long ago, or longer. */
void ins_brake_expire(struct ins_brake *b, const struct ins_brake_conf *c, struct dr_mono now);

bool ins_brake_has(const struct ins_brake *b, const char *host);

/* host is being marked down now; now is never earlier than the last time. -ENOMEM. */
int ins_brake_add(struct ins_brake *b, const char *host, struct dr_mono now) DR_MUST_USE;

/* ---- what a decision is made of ---- */

struct ins_brake_count {
	size_t marked;	       /* hosts marked down within the window */
	size_t asking;	       /* hosts that would be acted upon now, but for the brake */
	struct dr_mono oldest; /* with marked: the first of these was */
};

/* Of the cloud and of each group, for the time of one review. */
struct ins_brake_counts {
	const struct ins_brake_conf *conf;
	const struct ins_groups *groups; /* NULL: none are known, or none are limited */
	size_t hosts;			 /* Nova's computes */
	struct ins_brake_count cloud;
	struct ins_brake_count *of; /* by the group's index */
};

/* Counts what was marked; groups, kept by the caller, are those of conf->per. -ENOMEM. */
int ins_brake_counts_init(struct ins_brake_counts *n, const struct ins_brake_conf *conf,
			  const struct ins_brake *b, const struct ins_groups *groups,
			  size_t hosts) DR_MUST_USE;
void ins_brake_counts_done(struct ins_brake_counts *n);

void ins_brake_counts_ask(struct ins_brake_counts *n, const char *host);
void ins_brake_counts_withdraw(struct ins_brake_counts *n, const char *host); /* asks no more */
void ins_brake_counts_mark(struct ins_brake_counts *n, const char *host, struct dr_mono now);

/* What one host is limited by: the cloud first, then its groups. */
struct ins_brake_scope {
	const char *kind, *name; /* "zone" and Nova's name of it; kind NULL: the cloud */
	size_t limit;
	size_t marked;
	size_t asking;	    /* others than this host */
	struct dr_dur left; /* until the first of those marked leaves the window; negative: there is none */
};

#define INS_BRAKE_SCOPES_MAX (1 + INS_GROUPS_OF_HOST_MAX)

/* asks: the host is among those that ask. Returns how many there are. */
size_t ins_brake_scopes(const struct ins_brake_counts *n, const char *host, bool asks, struct dr_mono now,
			struct ins_brake_scope ret[INS_BRAKE_SCOPES_MAX]);

#endif
