/* SPDX-License-Identifier: Apache-2.0 */
#include "tools/cloudbench/opts.h"

#include <string.h>

#include "doctor/buf.h"

const char cb_opts_usage[] =
	"usage: doctor-cloud-bench [PART...] [OPTION...]\n"
	"\n"
	"Measures doctor-inspector with a cloud. Needs root. Without a part it runs both:\n"
	"\n"
	"  sandbox    from a fault event to the owner's alarm, on a real OpenStack that is up "
	"(tools/sandbox)\n"
	"  minicloud  1000 hosts x 50 VMs: one incident, 40 hosts in a second, 5000 events a second\n"
	"\n"
	"  --runs N      of each case of sandbox (default 20)\n"
	"  --vms LIST    on the host that fails, of sandbox, ascending (default 1,10,25,50)\n"
	"  --seconds N   of the 5000 events a second (default 60)\n"
	"  --json FILE   write all results there as well\n"
	"  --check       look at the command line only\n"
	"  --help, --version\n"
	"\n"
	"Exit status: 0 measured, whatever the figures are; 1 something could not be measured; 2 wrong "
	"usage.\n";

/* A number from 1 to max at the beginning of text; *ret_end is behind it. */
static bool number(const char *text, unsigned max, unsigned *ret, char **ret_end)
{
	unsigned long n;

	if (text[0] < '1' || text[0] > '9')
		return false;
	errno = 0;
	n = strtoul(text, ret_end, 10);
	if (errno || n > max)
		return false;
	*ret = (unsigned)n;
	return true;
}

static int read_number(const char *name, const char *value, unsigned max, unsigned *ret, char **ret_error)
{
	char *end;

	if (number(value, max, ret, &end) && !*end)
		return 0;
	*ret_error = dr_asprintf("%s: \"%s\" is not a number from 1 to %u", name, value, max);
	return -EINVAL;
}

static int read_sizes(const char *value, struct cb_opts *o, char **ret_error)
{
	char *at = (char *)value;

	for (o->sizes = 0; o->sizes < CB_SIZES_MAX; at++) {
		unsigned *size = &o->vms[o->sizes];

		if (!number(at, CB_VMS_MAX, size, &at) || (o->sizes && size[0] <= size[-1]))
			break;
		o->sizes++;
		if (!*at)
			return 0;
		if (*at != ',')
			break;
	}
	*ret_error = dr_asprintf(
		"--vms: \"%s\" is not up to %d ascending numbers from 1 to %d with a comma between", value,
		CB_SIZES_MAX, CB_VMS_MAX);
	return -EINVAL;
}

static bool read_word(const char *arg, struct cb_opts *o)
{
	const struct {
		const char *name;
		bool *flag;
	} words[] = {
		{ "sandbox", &o->sandbox }, { "minicloud", &o->minicloud }, { "--check", &o->check },
		{ "--help", &o->help },	    { "--version", &o->version },
	};

	for (size_t i = 0; i < DR_ARRAY_SIZE(words); i++) {
		if (strcmp(arg, words[i].name) == 0) {
			*words[i].flag = true;
			return true;
		}
	}
	return false;
}

/* 1: arg is no option that takes a value. */
static int read_value(const char *arg, const char *value, struct cb_opts *o, char **ret_error)
{
	bool runs = !strcmp(arg, "--runs"), vms = !strcmp(arg, "--vms"), seconds = !strcmp(arg, "--seconds");

	if (!runs && !vms && !seconds && strcmp(arg, "--json") != 0)
		return 1;
	if (!value) {
		*ret_error = dr_asprintf("%s needs a value", arg);
		return -EINVAL;
	}
	if (runs)
		return read_number(arg, value, 1000, &o->runs, ret_error);
	if (vms)
		return read_sizes(value, o, ret_error);
	if (seconds)
		return read_number(arg, value, 86400, &o->seconds, ret_error);
	o->json = value;
	return 0;
}

int cb_opts_parse(int argc, char *argv[], struct cb_opts *ret, char **ret_error)
{
	struct cb_opts o = { .runs = 20, .vms = { 1, 10, 25, 50 }, .sizes = 4, .seconds = 60 };

	for (int i = 1; i < argc; i++) {
		int r;

		if (read_word(argv[i], &o))
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
	if (!o.sandbox && !o.minicloud)
		o.sandbox = o.minicloud = true;
	*ret = o;
	return 0;
}
