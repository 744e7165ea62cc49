/* SPDX-License-Identifier: Apache-2.0 */
#ifndef SOAK_OPTS_H
#define SOAK_OPTS_H

/* The command line of doctor-soak. Pure. */

#include <stdbool.h>

#include "doctor/clock.h"
#include "doctor/mem.h"

#define SOAK_HOSTS_MAX 2000
#define SOAK_FULL_AFTER dr_sec(300) /* in shorter runs memory and journal may still fill up */

struct soak_opts {
	struct dr_dur time;
	unsigned hosts;
	unsigned seed; /* of all that happens by chance */
	const char *json;
	bool help, version;
};

extern const char soak_opts_usage[];

/* -EINVAL and *ret_error, a text for people that the caller frees. */
int soak_opts_parse(int argc, char *argv[], struct soak_opts *ret, char **ret_error) DR_MUST_USE;

#endif
