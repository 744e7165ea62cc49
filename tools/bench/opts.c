/* SPDX-License-Identifier: Apache-2.0 */
#include "tools/bench/opts.h"

#include <string.h>
#include <strings.h>

#include "doctor/buf.h"

const char bench_opts_usage[] =
	"usage: doctor-bench [COMMAND...] [OPTION...]\n"
	"\n"
	"Measures doctor-monitor beside fping, oping, FRR's bfdd and BIRD's BFD, in network namespaces of "
	"its "
	"own.\n"
	"Needs root. Leaves nothing behind. Without a command it runs all of them:\n"
	"\n"
	"  detect   how fast a silent host is noticed, on an idle and on a busy machine\n"
	"  quiet    false verdicts on live hosts while every core burns\n"
	"  cost     CPU for each probe and its answer, and memory\n"
	"  rate     100,000 probes a second\n"
	"  kernel   what a frame of others pays for our XDP program\n"
	"\n"
	"  --trials N    faults in each case of detect (default 30)\n"
	"  --seconds N   of quiet (default 600 of the monitor, 60 of its peers), cost (10 for each size) and "
	"rate (60)\n"
	"  --targets N   of quiet (default 100), cost (1, 100, 1000 and 10000) and rate (1000)\n"
	"  --tools LIST  only these: doctor,fping,oping,bfdd,bird\n"
	"  --json FILE   write all results there as well\n"
	"  --help, --version\n"
	"\n"
	"Exit status: 0 measured, whatever the figures are; 1 something could not be measured; 2 wrong "
	"usage.\n";

const char *const bench_command_names[BENCH_COMMANDS] = {
	[BENCH_DETECT] = "detect", [BENCH_QUIET] = "quiet",   [BENCH_COST] = "cost",
	[BENCH_RATE] = "rate",	   [BENCH_KERNEL] = "kernel",
};

static bool read_command(const char *arg, struct bench_opts *o)
{
	for (int i = 0; i < BENCH_COMMANDS; i++) {
		if (strcmp(arg, bench_command_names[i]) == 0) {
			o->run[i] = true;
			return true;
		}
	}
	return false;
}

static bool read_flag(const char *arg, struct bench_opts *o)
{
	bool help = strcmp(arg, "--help") == 0, version = strcmp(arg, "--version") == 0;

	o->help |= help;
	o->version |= version;
	return help || version;
}

static int read_number(const char *name, const char *value, unsigned max, unsigned *ret, char **ret_error)
{
	unsigned long n = 0;
	char *end = NULL;

	if (value[0] >= '1' && value[0] <= '9') {
		errno = 0;
		n = strtoul(value, &end, 10);
	}
	if (!end || *end || errno || n > max) {
		*ret_error = dr_asprintf("%s: \"%s\" is not a number from 1 to %u", name, value, max);
		return -EINVAL;
	}
	*ret = (unsigned)n;
	return 0;
}

static int read_value(const char *name, const char *value, struct bench_opts *o, char **ret_error)
{
	if (!value) {
		*ret_error = dr_asprintf("%s needs a value", name);
		return -EINVAL;
	}
	if (strcmp(name, "--trials") == 0)
		return read_number(name, value, 100000, &o->trials, ret_error);
	if (strcmp(name, "--seconds") == 0)
		return read_number(name, value, 86400, &o->seconds, ret_error);
	if (strcmp(name, "--targets") == 0)
		return read_number(name, value, 50000, &o->targets, ret_error);
	if (strcmp(name, "--tools") == 0)
		o->tools = value;
	else
		o->json = value;
	return 0;
}

static bool takes_value(const char *arg)
{
	static const char *const names[] = { "--trials", "--seconds", "--targets", "--tools", "--json" };

	for (size_t i = 0; i < DR_ARRAY_SIZE(names); i++) {
		if (strcmp(arg, names[i]) == 0)
			return true;
	}
	return false;
}

int bench_opts_parse(int argc, char *argv[], struct bench_opts *ret, char **ret_error)
{
	struct bench_opts o = { .trials = 30 };
	bool any = false;

	for (int i = 1; i < argc; i++) {
		if (read_command(argv[i], &o)) {
			any = true;
		} else if (takes_value(argv[i])) {
			int r = read_value(argv[i], i + 1 < argc ? argv[i + 1] : NULL, &o, ret_error);

			if (r < 0)
				return r;
			i++;
		} else if (!read_flag(argv[i], &o)) {
			*ret_error = dr_asprintf("unknown argument: %s", argv[i]);
			return -EINVAL;
		}
	}
	for (int i = 0; i < BENCH_COMMANDS && !any; i++)
		o.run[i] = true;
	*ret = o;
	return 0;
}

bool bench_opts_names(const char *list, const char *tool)
{
	while (list && *list) {
		size_t n = strcspn(list, ",");

		for (const char *at = tool; n && strlen(at) >= n; at++) {
			if (strncasecmp(at, list, n) == 0)
				return true;
		}
		list += n + (list[n] == ',');
	}
	return false;
}
