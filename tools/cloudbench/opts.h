/* SPDX-License-Identifier: Apache-2.0 */
#ifndef CLOUDBENCH_OPTS_H
#define CLOUDBENCH_OPTS_H

/* The command line of doctor-cloud-bench. Pure. */

#include <stdbool.h>
#include <stddef.h>

#include "doctor/mem.h"

#define CB_SIZES_MAX 8
#define CB_VMS_MAX 200 /* on one host */

struct cb_opts {
	bool sandbox, minicloud; /* parts to be run */
	unsigned runs;		 /* of each case on the sandbox */
	unsigned vms[CB_SIZES_MAX];
	size_t sizes;
	unsigned seconds; /* of the flood of events */
	const char *json;
	bool check, help, version;
};

extern const char cb_opts_usage[];

/* Without a part both are run. -EINVAL and *ret_error, a text for people that the caller frees. */
int cb_opts_parse(int argc, char *argv[], struct cb_opts *ret, char **ret_error) DR_MUST_USE;

#endif
