/* SPDX-License-Identifier: Apache-2.0 */
#ifndef MC_OPTIONS_H
#define MC_OPTIONS_H

#include "doctor/clock.h"
#include "doctor/http_server.h"
#include "tools/minicloud/fail.h"

struct mc_options {
	struct dr_http_listen listen;
	const char *clouds_yaml; /* points into argv; NULL: none is written */
	unsigned hosts, vms_per_host;
	uint32_t host_ip; /* of compute-1; 0: not given */
	struct dr_dur latency, token_ttl;
	struct mc_fails fails;
};

enum mc_options_outcome {
	MC_OPTIONS_RUN,
	MC_OPTIONS_HELP,
	MC_OPTIONS_VERSION,
	MC_OPTIONS_BAD, /* error says why */
};

/* Reads the command line; sets all of *ret in any case. */
enum mc_options_outcome mc_options_read(int argc, char *const argv[], struct mc_options *ret,
					char error[256]);

extern const char mc_options_help[];

#endif
