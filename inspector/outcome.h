/* SPDX-License-Identifier: Apache-2.0 */
#ifndef DOCTOR_INSPECTOR_OUTCOME_H
#define DOCTOR_INSPECTOR_OUTCOME_H

/* What an answer of the cloud means for what we asked, and when to ask again: one table. Pure. */

#include "doctor/clock.h"

enum ins_request {
	INS_REQ_FORCE_DOWN,
	INS_REQ_FORCE_UP,
	INS_REQ_RESET, /* of a server, either way */
	INS_REQ_LIST,  /* services, or servers of a host */
	INS_REQ_DIAGNOSE,
	INS_REQ_PORTS, /* of a host */
	INS_REQ_PORT,  /* its data_plane_status */
	INS_REQUESTS,
};

enum ins_outcome {
	INS_OUT_OK,    /* accepted */
	INS_OUT_GONE,  /* the server is no more: nothing left to do */
	INS_OUT_RETRY, /* again after a pause, a bounded number of times */
	INS_OUT_STALE, /* as RETRY, after reading the services anew: ours has another id now */
	INS_OUT_WAIT,  /* again after a pause, as long as it is wanted: the cloud is in trouble, or the login
			  is refused until a person helps */
	INS_OUT_FAIL,  /* asking again would not help */
};

/* error and status as in struct dr_cloud_reply. */
enum ins_outcome ins_outcome_of(enum ins_request request, int error, unsigned status);

struct ins_retry_conf {
	unsigned attempts; /* in all, the first included; at least 1 */
	struct dr_dur pause, pause_max;
	struct dr_dur expire; /* nothing is tried for longer; 0: as long as it is wanted */
};

/*
 * The pause before the next attempt, doubled each time up to pause_max, after `attempts` have been made;
 * negative: there is none any more. INS_OUT_WAIT ends by `expire` only, which is not looked at here.
 */
struct dr_dur ins_retry_pause(const struct ins_retry_conf *c, enum ins_outcome outcome, unsigned attempts);

/* What Retry-After asks for in seconds (RFC 9110 §10.2.3), at most a minute; 0: nothing, or by a date. */
struct dr_dur ins_retry_after(const char *value);

#endif
