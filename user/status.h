/* SPDX-License-Identifier: Apache-2.0 */
#ifndef DOCTOR_USER_STATUS_H
#define DOCTOR_USER_STATUS_H
/*
 * What the monitor shows of itself. monitor.c fills a struct mon_status (a snapshot, pointers valid during
 * the call); metrics.c prints it as Prometheus text, status.c as JSON; both pure. show.c serves them: HTTP on
 * `metrics` (GET /metrics, /healthz) and on the local socket (GET /v1/status, /v1/targets, /v1/links,
 * /v1/counters, /metrics; POST /v1/reload).
 */
#include "user/bpf.h"
#include "user/config.h"
#include "user/prober.h"
#include "user/report.h"
struct mon_status_target {
	const struct mon_target *target;
	const char *interface;
	uint32_t slot;
	struct dr_track track;
	uint64_t attempts;
	int send_error;
	bool grey;
	const char *grey_details;
};
struct mon_status_interface {
	const char *name;
	unsigned ifindex;
	const char *ingress, *egress;
	struct dr_iface state;
	bool attached;
};
struct mon_status_link {
	const struct mon_link *link;
	unsigned ifindex;
	struct dr_link state;
	uint64_t rx_dropped, rx_missed, rx_errors;
};
struct mon_status {
	const char *name, *version, *host;
	const char *link_source;     /* "fentry" or "netlink" */
	const char *link_source_why; /* why not fentry; NULL */
	struct dr_mono now;
	struct dr_dur uptime;
	bool blind;
	const char *not_realtime;
	uint64_t reloads, reload_failures;
	const char *reload_error; /* of the last one; NULL: good */
	size_t target_count, interface_count, link_count, inspector_count;
	size_t targets_by_verdict[5];
	const struct mon_status_interface *interfaces;
	const struct mon_status_link *links;
	struct dr_stats counters;
	struct mon_prober_stats sender;
	struct mon_report_stats inspectors[MON_INSPECTORS_MAX];
	/* targets are read one by one: returns false past the end */
	bool (*target)(void *userdata, size_t i, struct mon_status_target *ret);
	void *userdata;
};
#endif
