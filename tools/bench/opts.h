/* SPDX-License-Identifier: Apache-2.0 */
#ifndef BENCH_OPTS_H
#define BENCH_OPTS_H

/* The command line of doctor-bench. Pure. */

#include <stdbool.h>

#include "doctor/mem.h"

enum bench_command {
	BENCH_DETECT,
	BENCH_QUIET,
	BENCH_COST,
	BENCH_RATE,
	BENCH_KERNEL,
	BENCH_COMMANDS,
};
extern const char *const bench_command_names[BENCH_COMMANDS];

struct bench_opts {
	bool run[BENCH_COMMANDS];
	unsigned trials;   /* of detect, in each of its cases */
	unsigned seconds;  /* of quiet, cost, rate; 0: each its own default */
	unsigned targets;  /* of quiet, rate, and the only size of cost; 0: theirs */
	const char *tools; /* names with a comma between, or NULL: all */
	const char *json;
	bool help, version;
};

extern const char bench_opts_usage[];

/* Without a command all are run. -EINVAL and *ret_error, a text for people that the caller frees. */
int bench_opts_parse(int argc, char *argv[], struct bench_opts *ret, char **ret_error) DR_MUST_USE;

/* Is a tool of that name meant by the list? "bfdd" means "FRR bfdd" too. */
bool bench_opts_names(const char *list, const char *tool);

#endif
