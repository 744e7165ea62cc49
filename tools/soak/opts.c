/* SPDX-License-Identifier: Apache-2.0 */
#include "tools/soak/opts.h"

#include <string.h>

#include "doctor/buf.h"

const char soak_opts_usage[] =
	"usage: doctor-soak [OPTION...]\n"
	"\n"
	"Lets hosts of a cloud in memory die and come back at random for a long time, under faults of the "
	"cloud, before\n"
	"a monitor and an inspector. Needs root.\n"
	"\n"
	"  --time TIME   so long, \"10min\" (the default), \"1h\"; below 5min memory and journal may still "
	"fill up\n"
	"  --hosts N     (default 200)\n"
	"  --seed N      what happens by chance happens as in another run with that number (default 1)\n"
	"  --json FILE   write the results there as well\n"
	"  --help, --version\n"
	"\n"
	"Exit status: 0 all faults found, none that was not there, all put back, nothing grown; 1 not so, or "
	"it could\n"
	"not be run; 2 wrong usage.\n";

static int read_number(const char *name, const char *value, unsigned min, unsigned max, unsigned *ret,
		       char **ret_error)
{
	char *end;
	unsigned long n;

	errno = 0;
	n = strtoul(value, &end, 10);
	if (value[0] < '0' || value[0] > '9' || *end || errno || n < min || n > max) {
		*ret_error = dr_asprintf("%s: \"%s\" is not a number from %u to %u", name, value, min, max);
		return -EINVAL;
	}
	*ret = (unsigned)n;
	return 0;
}

static int read_time(const char *value, struct dr_dur *ret, char **ret_error)
{
	if (dr_dur_parse(value, ret) == 0 && ret->ns >= dr_sec(20).ns && ret->ns <= dr_sec(7 * 86400).ns)
		return 0;
	*ret_error = dr_asprintf("--time: \"%s\" is not a time from 20s to 168h", value);
	return -EINVAL;
}

/* 1: arg is no option that takes a value. */
static int read_value(const char *arg, const char *value, struct soak_opts *o, char **ret_error)
{
	bool time = !strcmp(arg, "--time"), hosts = !strcmp(arg, "--hosts"), seed = !strcmp(arg, "--seed");

	if (!time && !hosts && !seed && strcmp(arg, "--json") != 0)
		return 1;
	if (!value) {
		*ret_error = dr_asprintf("%s needs a value", arg);
		return -EINVAL;
	}
	if (time)
		return read_time(value, &o->time, ret_error);
	if (hosts)
		return read_number(arg, value, 10, SOAK_HOSTS_MAX, &o->hosts, ret_error);
	if (seed)
		return read_number(arg, value, 0, 1U << 31, &o->seed, ret_error);
	o->json = value;
	return 0;
}

int soak_opts_parse(int argc, char *argv[], struct soak_opts *ret, char **ret_error)
{
	struct soak_opts o = { .time = dr_sec(600), .hosts = 200, .seed = 1 };

	for (int i = 1; i < argc; i++) {
		int r;

		o.help |= !strcmp(argv[i], "--help");
		o.version |= !strcmp(argv[i], "--version");
		if (!strcmp(argv[i], "--help") || !strcmp(argv[i], "--version"))
			continue;
		r = read_value(argv[i], i + 1 < argc ? argv[i + 1] : NULL, &o, ret_error);
		if (r == 1) {
			*ret_error = dr_asprintf("unknown argument: %s", argv[i]);
			r = -EINVAL;
		}
		if (r < 0)
			return r;
		i++;
	}
	*ret = o;
	return 0;
}
