/* SPDX-License-Identifier: Apache-2.0 */
#ifndef DOCTOR_USER_STATUS_H
#define DOCTOR_USER_STATUS_H

/*
 * What the monitor shows of itself. The running monitor fills a struct mon_status; status.c prints it as JSON
 * and metrics.c as Prometheus text, both pure; show.c serves them. Names are those of abi.h in lower case;
 * docs/status.md shows the documents.
 */

#include "doctor/buf.h"
#include "doctor/json.h"
#include "user/bpf.h"
#include "user/config.h"
#include "user/prober.h"
#include "user/report.h"
#include "user/rtt.h"
#include "user/watchdog.h"

#define MON_VERDICTS (DR_VERDICT_UNREACHABLE + 1)

struct mon_status_target {
	const struct mon_target *target;
	const char *interface;
	uint32_t slot;
	struct dr_track track;
	uint64_t attempts;	  /* of the sender; track.sent is what left */
	int send_error;		  /* errno of the newest refusal; 0: accepted */
	bool grey;		  /* degraded by its numbers */
	const char *grey_details; /* NULL: none */
	bool late;		  /* answers, but too late to be recognised */
};

struct mon_status_lost {			   /* frames, on an interface that is watched */
	uint64_t xdp_exceptions;		   /* 0 where they are not counted */
	uint64_t rx_dropped, rx_missed, rx_errors; /* of its device since it was made */
};

struct mon_status_interface {
	const char *name;
	unsigned ifindex;	      /* 0: not there */
	const char *ingress, *egress; /* as mon_bpf_attached; NULL: not attached */
	const char *ingress_why; /* why another way than on a network card, or what is wrong with it; NULL */
	struct dr_iface state;
	struct mon_status_lost lost;
	bool attached;
	unsigned taken_over; /* targets that were up before a restart while it was isolated, as long as that
				counts */
};

struct mon_status_link {
	const struct mon_link *link;
	unsigned ifindex; /* 0: not there */
	struct dr_link state;
	struct mon_status_lost lost;
};

struct mon_status_discovery {
	bool on;	       /* Nova is asked for its hypervisors; without, the rest is 0 */
	size_t hosts;	       /* that it has listed last */
	struct dr_mono listed; /* when that was; 0: never */
	struct dr_mono since;  /* it has been asked */
	struct dr_dur refresh;
};

/* A snapshot. Its pointers are good until control goes back to the loop; target and userdata always. */
struct mon_status {
	const char *name, *version, *host;
	const char *link_source;     /* "fentry" or "netlink" */
	const char *link_source_why; /* why not fentry; NULL */
	const char *xdp_uncounted;   /* why XDP exceptions are not counted; NULL: they are */
	struct dr_mono now;
	struct dr_wall wall_now; /* the same moment */
	struct dr_dur uptime;
	struct mon_cycle cycle;
	bool blind;
	const char *not_realtime; /* why; NULL: it is */
	uint64_t reloads, reloads_incomplete, reload_failures;
	const char *reload_error; /* of the last one; NULL: good */
	bool reload_incomplete;	  /* the last one was taken over but for that; else it was refused */
	struct mon_status_discovery discovery;
	size_t left_out;	  /* discovered hosts that are not watched */
	const char *left_out_why; /* in lines; NULL */
	size_t interface_count, link_count, inspector_count;
	size_t targets_by_verdict[MON_VERDICTS];
	size_t grey_count, late_count;
	const struct mon_status_interface *interfaces;
	const struct mon_status_link *links;
	const struct mon_rtt *retired; /* of targets that are no longer watched; NULL: there were none */
	struct dr_stats counters;
	struct mon_prober_stats sender;
	uint64_t unseen; /* of sender.sent, those that the kernel half has not seen leaving */
	struct mon_report_stats inspectors[MON_INSPECTORS_MAX];
	/* Targets are read slot by slot, over several turns of the loop if there are many. false: that slot
	 * has none. */
	uint32_t slot_count;
	bool (*target)(void *userdata, uint32_t slot, struct mon_status_target *ret);
	void *userdata;
};

const char *mon_verdict_name(uint32_t verdict); /* "up"; "?" */
const char *mon_kind_name(enum dr_kind kind);	/* "echo", "arp", "nd"; "?" */

/* Has Nova not told of its hypervisors for so long that it matters? Two refreshes and a minute. */
bool mon_status_discovery_is_stale(const struct mon_status *s);

/*
 * The documents; NULL: out of memory. What is wrong stands in "problems" of the status, in words; an empty
 * list means that all is well.
 */
struct dr_json *mon_status_json(const struct mon_status *s);
struct dr_json *mon_status_links_json(const struct mon_status *s);
struct dr_json *mon_status_counters_json(const struct mon_status *s);

/*
 * The document of targets is written one by one: begin, add, ..., end. Failures are kept in b. whole: with
 * the histogram of round trip times, for a few of them.
 */
void mon_status_targets_begin(struct dr_buf *b, const struct mon_status *s);
void mon_status_targets_add(struct dr_buf *b, const struct mon_status *s, const struct mon_status_target *t,
			    bool whole);
void mon_status_targets_end(struct dr_buf *b);

#endif
