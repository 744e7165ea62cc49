/* SPDX-License-Identifier: Apache-2.0 */
#ifndef DOCTOR_INSPECTOR_FENCE_H
#define DOCTOR_INSPECTOR_FENCE_H

/*
 * Fencing: a host is switched off before it is forced down, as Nova takes "forced down" as proof that it is
 * fenced, and a wrong one means two copies of a VM that write to one volume. So fenced is said only where it
 * is proven: a hook that ended with status 0 within its time, or a BMC that was read and says PowerState
 * "Off".
 *
 * It does not log: the result's reason is for the record of the incident.
 */

#include "doctor/conf.h"
#include "doctor/loop.h"

#define INS_FENCE_REASON_MAX 256

enum ins_fence_method {
	INS_FENCE_NONE,
	INS_FENCE_EXEC,
	INS_FENCE_REDFISH,
};

extern const char *const ins_fence_method_names[]; /* by enum ins_fence_method; ends with NULL */

/* How a BMC is reached. Texts of url and system may have {host} and {short} in them. */
struct ins_fence_bmc {
	char *host;	     /* Nova's name; NULL: for those that have no entry */
	char *url;	     /* http or https, up to the path, without a "/" at its end; NULL: none */
	char *system;	     /* path of the ComputerSystem; NULL: the only one there is */
	char *user;	     /* NULL: no login */
	char *password_file; /* read anew each time */
	char *ca_file;	     /* NULL: the system's */
	bool insecure;	     /* certificates are not verified; http:// may be used */
	int reset;	     /* of ins_fence_reset_names */
};

extern const char *const ins_fence_reset_names[]; /* Redfish's ResetType; ends with NULL */

struct ins_fence_conf {
	enum ins_fence_method method;
	bool required; /* without being fenced a host is not forced down; false of INS_FENCE_NONE */
	struct dr_dur timeout;
	char **command; /* ends with NULL; texts may have {host}, {short} and {incident} in them; NULL: none
			 */
	struct dr_dur poll;
	struct ins_fence_bmc bmc, *hosts;
	size_t host_count;
};

/* Section "fence" of root; complaints gather in f. 0 also then, or -ENOMEM. *ret is to be ended in any case.
 */
int ins_fence_conf_read(struct dr_conf *f, struct dr_conf_node *root, struct ins_fence_conf *ret) DR_MUST_USE;
void ins_fence_conf_done(struct ins_fence_conf *c);

struct ins_fence_result {
	bool fenced;	    /* proven */
	bool retryable;	    /* not fenced, and a further attempt may do better without a person's help */
	struct dr_dur took; /* from when the host's fencing began */
	char reason[INS_FENCE_REASON_MAX]; /* for people, in any case; without secrets */
};

struct ins_fencer;

/* From the loop. May start and cancel others; must not free the fencer. */
typedef void (*ins_fence_fn)(const struct ins_fence_result *r, void *userdata);

/* c must outlive it. */
int ins_fencer_new(struct dr_loop *l, const struct ins_fence_conf *c, struct ins_fencer **ret) DR_MUST_USE;
void ins_fencer_free(struct ins_fencer *f); /* as if all were cancelled */
DR_DEFINE_FREEP(struct ins_fencer, ins_fencer_free)

/*
 * Fences host (Nova's name) for an incident (its id). 0: fn will be called exactly once, from the loop, never
 * from in here, unless that is cancelled; -ENOMEM. It takes a few seconds longer than the configured time
 * limit at most. A host that is being fenced already is not fenced a second time: both get the one result.
 */
int ins_fencer_start(struct ins_fencer *f, const char *host, const char *incident, ins_fence_fn fn,
		     void *userdata) DR_MUST_USE;

/*
 * What was started for this incident is not wanted any more: fn is not called. If nobody else waits for the
 * host its hook is killed, with its process group, and nothing more is sent to its BMC; what that has taken
 * already, it may still do. Nothing, if there is none.
 */
void ins_fencer_cancel(struct ins_fencer *f, const char *incident);

#endif
