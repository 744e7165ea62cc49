/* SPDX-License-Identifier: Apache-2.0 */
#include "tools/scenario/opts.h"

#include <string.h>

#include "doctor/buf.h"

const char sc_opts_usage[] =
	"usage: doctor-test [OPTION...]\n"
	"\n"
	"Runs the Doctor scenario: boots a VM, makes its host fail, and measures how fast the VM's owner is "
	"told.\n"
	"Hosts are network namespaces on this machine. Needs root. Leaves nothing behind.\n"
	"\n"
	"  --cloud minicloud|sandbox  an OpenStack in memory, started for the run (default), or the real one "
	"that\n"
	"                             tools/sandbox/up has brought up\n"
	"  --clouds-yaml FILE         another cloud: its entries `admin` and `doctor` are used\n"
	"  --vms N                    VMs on the host that fails (default 1)\n"
	"  --interval DUR             between the monitor's probes (default 10ms)\n"
	"  --multiplier N             so many unanswered probes are a failure (default 3)\n"
	"  --fault silent-drop|link-down\n"
	"                             the host falls silent with its carrier up (default), or loses its "
	"link\n"
	"  --outage DUR               the shortest outage (default 3s)\n"
	"  --timeout DUR              time limit from the fault to the last check (default 30s)\n"
	"  --keep-logs DIR            keep configurations and logs of all programs there\n"
	"  --json FILE                write the result there as well\n"
	"  --verbose                  show the programs' logs while it runs\n"
	"  --help, --version\n"
	"\n"
	"Exit status: 0 PASS, 1 FAIL, 2 wrong usage or environment, 128 + N after signal N.\n";

static const char *const cloud_names[] = {
	[SC_CLOUD_MINICLOUD] = "minicloud", [SC_CLOUD_SANDBOX] = "sandbox", [SC_CLOUD_GIVEN] = "cloud"
};
static const char *const fault_names[] = {
	[SC_FAULT_SILENT_DROP] = "silent-drop", [SC_FAULT_LINK_DOWN] = "link-down"
};

const char *sc_cloud_kind_name(enum sc_cloud_kind k)
{
	return cloud_names[k];
}

const char *sc_fault_name(enum sc_fault f)
{
	return fault_names[f];
}

/* Value readers: NULL, or what would be right. */
static const char *read_name(const char *value, const char *const names[2], unsigned *ret)
{
	for (unsigned i = 0; i < 2; i++) {
		if (strcmp(value, names[i]) == 0) {
			*ret = i;
			return NULL;
		}
	}
	return names == cloud_names ? "minicloud or sandbox" : "silent-drop or link-down";
}

static const char *read_count(const char *value, unsigned max, const char *right, unsigned *ret)
{
	unsigned long n;
	char *end;

	if (value[0] < '1' || value[0] > '9')
		return right;
	errno = 0;
	n = strtoul(value, &end, 10);
	if (errno || *end || n > max)
		return right;
	*ret = (unsigned)n;
	return NULL;
}

static const char *read_dur(const char *value, struct dr_dur min, struct dr_dur max, const char *right,
			    struct dr_dur *ret)
{
	struct dr_dur d;

	if (dr_dur_parse(value, &d) < 0 || d.ns < min.ns || d.ns > max.ns)
		return right;
	*ret = d;
	return NULL;
}

static const char *read_text(const char *value, const char **ret)
{
	if (!*value)
		return "a path";
	*ret = value;
	return NULL;
}

enum option {
	CLOUD,
	CLOUDS_YAML,
	VMS,
	INTERVAL,
	MULTIPLIER,
	FAULT,
	OUTAGE,
	TIMEOUT,
	KEEP_LOGS,
	JSON,
	FLAGS
};
static const char *const option_names[] = {
	[CLOUD] = "--cloud",	   [CLOUDS_YAML] = "--clouds-yaml", [VMS] = "--vms",
	[INTERVAL] = "--interval", [MULTIPLIER] = "--multiplier",   [FAULT] = "--fault",
	[OUTAGE] = "--outage",	   [TIMEOUT] = "--timeout",	    [KEEP_LOGS] = "--keep-logs",
	[JSON] = "--json",
};

static const char *read_value(struct sc_opts *o, enum option option, const char *value)
{
	const char *wrong = NULL;
	unsigned name = 0;

	switch (option) {
	case CLOUD:
		wrong = read_name(value, cloud_names, &name);
		o->cloud = (enum sc_cloud_kind)name;
		break;
	case CLOUDS_YAML:
		return read_text(value, &o->clouds_yaml);
	case VMS:
		return read_count(value, SC_VMS_MAX, "a number from 1 to 500", &o->vms);
	case INTERVAL:
		return read_dur(value, dr_msec(1), dr_sec(60), "a duration from 1ms to 60s", &o->interval);
	case MULTIPLIER:
		return read_count(value, 100, "a number from 1 to 100", &o->multiplier);
	case FAULT:
		wrong = read_name(value, fault_names, &name);
		o->fault = (enum sc_fault)name;
		break;
	case OUTAGE:
		return read_dur(value, dr_msec(0), dr_sec(3600), "a duration up to 1h", &o->outage);
	case TIMEOUT:
		return read_dur(value, dr_sec(1), dr_sec(3600), "a duration from 1s to 1h", &o->timeout);
	case KEEP_LOGS:
		return read_text(value, &o->keep_logs);
	case JSON:
		return read_text(value, &o->json);
	case FLAGS:
		break;
	}
	return wrong;
}

static bool read_flag(struct sc_opts *o, const char *arg)
{
	bool *flag = strcmp(arg, "--verbose") == 0   ? &o->verbose
		     : strcmp(arg, "--help") == 0    ? &o->help
		     : strcmp(arg, "--version") == 0 ? &o->version
						     : NULL;

	if (flag)
		*flag = true;
	return flag;
}

/* "--name", or "--name=": the length of the name; FLAGS if it is none of them. */
static enum option find_option(const char *arg, size_t len)
{
	for (enum option i = 0; i < FLAGS; i++)
		if (strlen(option_names[i]) == len && strncmp(option_names[i], arg, len) == 0)
			return i;
	return FLAGS;
}

static int complain(char **ret_error, char *text)
{
	*ret_error = text;
	return -EINVAL;
}

int sc_opts_parse(int argc, char *argv[], struct sc_opts *ret, char **ret_error)
{
	struct sc_opts o = {
		.vms = 1, .interval = dr_msec(10), .multiplier = 3, .outage = dr_sec(3), .timeout = dr_sec(30)
	};
	bool cloud_given = false;

	for (int i = 1; i < argc; i++) {
		size_t len = strcspn(argv[i], "=");
		enum option option = find_option(argv[i], len);
		const char *value, *right;

		if (option == FLAGS && read_flag(&o, argv[i]))
			continue;
		if (option == FLAGS)
			return complain(ret_error, dr_asprintf("unknown argument: %s", argv[i]));
		value = argv[i][len] ? argv[i] + len + 1 : i + 1 < argc ? argv[++i] : NULL;
		if (!value)
			return complain(ret_error, dr_asprintf("%s needs a value", option_names[option]));
		right = read_value(&o, option, value);
		if (right)
			return complain(ret_error, dr_asprintf("%s: \"%s\" is not %s", option_names[option],
							       value, right));
		cloud_given |= option == CLOUD;
	}
	if (o.clouds_yaml && cloud_given && o.cloud == SC_CLOUD_MINICLOUD)
		return complain(
			ret_error,
			dr_asprintf(
				"--clouds-yaml does not go with --cloud minicloud, which writes its own"));
	if (o.clouds_yaml && !cloud_given)
		o.cloud = SC_CLOUD_GIVEN;
	*ret = o;
	return 0;
}
