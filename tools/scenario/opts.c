/* SPDX-License-Identifier: Apache-2.0 */
#include "tools/scenario/opts.h"

#include <string.h>

#include "doctor/buf.h"

const char sc_opts_usage[] =
	"usage: doctor-test [SCENARIO] [OPTION...]\n"
	"\n"
	"Runs the Doctor test case on an OpenStack, checks what Doctor does and measures how fast the VMs' "
	"owner\n"
	"is told. Hosts are network namespaces on this machine. Needs root. Leaves nothing behind.\n"
	"\n"
	"  fault_management           a host with VMs fails (default)\n"
	"  network_failure            a host loses its data-plane NIC and lives\n"
	"  false_alarm                load, an isolated monitor, a flap, one lost plane: nothing may be "
	"done\n"
	"  cleanup                    removes what killed runs have left\n"
	"\n"
	"  --cloud minicloud|sandbox|env\n"
	"                             an OpenStack in memory, started for the run (default); the real one "
	"that\n"
	"                             tools/sandbox/up has brought up; the one that OS_* say, as its "
	"administrator\n"
	"  --clouds-yaml FILE         another cloud: its entry `admin`\n"
	"  --owner NAME               of the VMs: an entry of clouds.yaml, or else project and user of this "
	"name,\n"
	"                             made for the run where they are missing (default doctor)\n"
	"  --installer local|apex|fuel\n"
	"                             how its hosts are reached (or INSTALLER_TYPE): they are namespaces of "
	"this "
	"machine,\n"
	"                             or by SSH, as the undercloud or the Fuel master knows them\n"
	"  --installer-ip ADDRESS     of that (or INSTALLER_IP)\n"
	"  --installer-user NAME      who logs in there (or INSTALLER_USER; default apex: stack, fuel: "
	"root)\n"
	"  --ssh-key FILE             by which (or SSH_KEY; default as ssh(1) finds it)\n"
	"  --known-hosts FILE         host keys; new ones are added, changed ones refused (default "
	"ssh(1)'s)\n"
	"  --bmc HOST=URL[,...]       for --fault power-off by SSH installers: Redfish, "
	"https://USER:PASSWORD@...\n"
	"                             (or DOCTOR_TEST_BMC)\n"
	"  --image FILE               boot this, uploaded for the run\n"
	"  --vms N                    VMs on the host that fails (or VM_COUNT; default 1)\n"
	"  --interval DUR             between the monitor's probes (default 10ms)\n"
	"  --multiplier N             so many unanswered probes are a failure (default 3)\n"
	"  --fault NAME               how it fails: silent-drop (default), link-down, freeze, power-off, "
	"flap;\n"
	"                             with false_alarm load, isolated, flap, one-plane (default: one after "
	"another)\n"
	"  --outage DUR               the shortest outage (default 180s; false_alarm 5s each)\n"
	"  --timeout DUR              time limit from the fault to the last check (default 30s)\n"
	"  --repeat N                 run it N times; the notification times' min, median, p99, max\n"
	"  --json FILE, --junit FILE, --functest FILE, --svg FILE, --profiler FILE\n"
	"                             write the result there as well: all of it, as JUnit's XML, as "
	"Functest's\n"
	"                             record, the time-line as a picture, as variables of upstream's "
	"profiler\n"
	"  --keep-logs DIR            keep configurations and logs of all programs there\n"
	"  --verbose                  show the programs' logs while it runs\n"
	"  --help, --version\n"
	"\n"
	"Exit status: 0 PASS, 1 FAIL, 2 wrong usage or environment, 128 + N after signal N.\n";

static const char *const scenario_names[] = {
	[SC_FAULT_MANAGEMENT] = "fault_management",
	[SC_NETWORK_FAILURE] = "network_failure",
	[SC_FALSE_ALARM] = "false_alarm",
	[SC_CLEANUP] = "cleanup",
};
static const char *const cloud_names[] = { [SC_CLOUD_MINICLOUD] = "minicloud",
					   [SC_CLOUD_SANDBOX] = "sandbox",
					   [SC_CLOUD_ENV] = "env",
					   [SC_CLOUD_GIVEN] = "cloud" };

#define OF(scenario) (1U << (scenario))

static const struct {
	const char *name;
	unsigned scenarios;
} faults[SC_FAULTS] = {
	[SC_FAULT_SILENT_DROP] = { "silent-drop", OF(SC_FAULT_MANAGEMENT) },
	[SC_FAULT_LINK_DOWN] = { "link-down", OF(SC_FAULT_MANAGEMENT) | OF(SC_NETWORK_FAILURE) },
	[SC_FAULT_FREEZE] = { "freeze", OF(SC_FAULT_MANAGEMENT) },
	[SC_FAULT_POWER_OFF] = { "power-off", OF(SC_FAULT_MANAGEMENT) },
	[SC_FAULT_FLAP] = { "flap", OF(SC_FAULT_MANAGEMENT) | OF(SC_FALSE_ALARM) },
	[SC_FAULT_ONE_PLANE] = { "one-plane", OF(SC_FALSE_ALARM) },
	[SC_FAULT_LOAD] = { "load", OF(SC_FALSE_ALARM) },
	[SC_FAULT_ISOLATED] = { "isolated", OF(SC_FALSE_ALARM) },
};

const char *sc_scenario_name(enum sc_scenario s)
{
	return scenario_names[s];
}

const char *sc_cloud_kind_name(enum sc_cloud_kind k)
{
	return cloud_names[k];
}

const char *sc_fault_name(enum sc_fault f)
{
	return f < SC_FAULTS ? faults[f].name : "all";
}

bool sc_fault_fits(enum sc_fault f, enum sc_scenario s)
{
	return f < SC_FAULTS ? (faults[f].scenarios & OF(s)) != 0 : s == SC_FALSE_ALARM;
}

/* ---------------------------------------------------------------- values: NULL, or what would be right */

static const char *read_cloud(const char *value, enum sc_cloud_kind *ret)
{
	for (enum sc_cloud_kind k = SC_CLOUD_MINICLOUD; k < SC_CLOUD_GIVEN; k++) {
		if (strcmp(value, cloud_names[k]) == 0) {
			*ret = k;
			return NULL;
		}
	}
	return "minicloud, sandbox or env";
}

static const char *read_fault(const char *value, enum sc_fault *ret)
{
	for (enum sc_fault f = 0; f < SC_FAULTS; f++) {
		if (strcmp(value, faults[f].name) == 0) {
			*ret = f;
			return NULL;
		}
	}
	return "one of silent-drop, link-down, freeze, power-off, flap, one-plane, load, isolated";
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

static const char *read_vms(const char *value, unsigned *ret)
{
	return read_count(value, SC_VMS_MAX, "a number from 1 to 500", ret);
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

static const char *read_text(const char *value, const char *right, const char **ret)
{
	if (!*value)
		return right;
	*ret = value;
	return NULL;
}

/* ---------------------------------------------------------------- options */

enum option {
	CLOUD,
	CLOUDS_YAML,
	OWNER,
	INSTALLER,
	INSTALLER_IP,
	INSTALLER_USER,
	SSH_KEY,
	KNOWN_HOSTS,
	BMC,
	IMAGE,
	VMS,
	INTERVAL,
	MULTIPLIER,
	FAULT,
	OUTAGE,
	TIMEOUT,
	REPEAT,
	KEEP_LOGS,
	JSON,
	JUNIT,
	FUNCTEST,
	SVG,
	PROFILER,
	FLAGS
};
static const char *const option_names[] = {
	[CLOUD] = "--cloud",
	[CLOUDS_YAML] = "--clouds-yaml",
	[OWNER] = "--owner",
	[INSTALLER] = "--installer",
	[INSTALLER_IP] = "--installer-ip",
	[INSTALLER_USER] = "--installer-user",
	[SSH_KEY] = "--ssh-key",
	[KNOWN_HOSTS] = "--known-hosts",
	[BMC] = "--bmc",
	[IMAGE] = "--image",
	[VMS] = "--vms",
	[INTERVAL] = "--interval",
	[MULTIPLIER] = "--multiplier",
	[FAULT] = "--fault",
	[OUTAGE] = "--outage",
	[TIMEOUT] = "--timeout",
	[REPEAT] = "--repeat",
	[KEEP_LOGS] = "--keep-logs",
	[JSON] = "--json",
	[JUNIT] = "--junit",
	[FUNCTEST] = "--functest",
	[SVG] = "--svg",
	[PROFILER] = "--profiler",
};

/* What was said, and not only taken for granted. */
struct said {
	bool options[FLAGS];
	bool scenario;
};

static const char *read_value(struct sc_opts *o, enum option option, const char *value)
{
	switch (option) {
	case CLOUD:
		return read_cloud(value, &o->cloud);
	case CLOUDS_YAML:
		return read_text(value, "a path", &o->clouds_yaml);
	case OWNER:
		return read_text(value, "a name", &o->owner);
	case INSTALLER:
		return read_text(value, "the name of an installer", &o->installer);
	case INSTALLER_IP:
		return read_text(value, "an address", &o->installer_ip);
	case INSTALLER_USER:
		return read_text(value, "a user's name", &o->installer_user);
	case SSH_KEY:
		return read_text(value, "a path", &o->ssh_key);
	case KNOWN_HOSTS:
		return read_text(value, "a path", &o->known_hosts);
	case BMC:
		return read_text(value, "HOST=URL", &o->bmcs);
	case IMAGE:
		return read_text(value, "a path", &o->image);
	case VMS:
		return read_vms(value, &o->vms);
	case INTERVAL:
		return read_dur(value, dr_msec(1), dr_sec(60), "a duration from 1ms to 60s", &o->interval);
	case MULTIPLIER:
		return read_count(value, 15, "a number from 1 to 15", &o->multiplier); /* as the monitor */
	case FAULT:
		return read_fault(value, &o->fault);
	case OUTAGE:
		return read_dur(value, dr_msec(0), dr_sec(3600), "a duration up to 1h", &o->outage);
	case TIMEOUT:
		return read_dur(value, dr_sec(1), dr_sec(3600), "a duration from 1s to 1h", &o->timeout);
	case REPEAT:
		return read_count(value, SC_REPEAT_MAX, "a number from 1 to 1000", &o->repeat);
	case KEEP_LOGS:
		return read_text(value, "a path", &o->keep_logs);
	case JSON:
		return read_text(value, "a path", &o->json);
	case JUNIT:
		return read_text(value, "a path", &o->junit);
	case FUNCTEST:
		return read_text(value, "a path", &o->functest);
	case SVG:
		return read_text(value, "a path", &o->svg);
	case PROFILER:
		return read_text(value, "a path", &o->profiler);
	case FLAGS:
		break;
	}
	return NULL;
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

static bool read_scenario(struct sc_opts *o, struct said *said, const char *arg)
{
	for (enum sc_scenario s = 0; s < SC_SCENARIOS && !said->scenario; s++) {
		if (strcmp(arg, scenario_names[s]) == 0) {
			o->scenario = s;
			said->scenario = true;
			return true;
		}
	}
	return false;
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

static int read_environment(struct sc_opts *o, char **ret_error)
{
	const struct {
		const char *name, **ret;
	} texts[] = {
		{ "INSTALLER_TYPE", &o->installer },	  { "INSTALLER_IP", &o->installer_ip },
		{ "INSTALLER_USER", &o->installer_user }, { "SSH_KEY", &o->ssh_key },
		{ "DOCTOR_TEST_BMC", &o->bmcs },
	};
	const char *vms = getenv("VM_COUNT"), *right;

	for (size_t i = 0; i < DR_ARRAY_SIZE(texts); i++) {
		const char *text = getenv(texts[i].name);

		if (text && *text)
			*texts[i].ret = text;
	}
	right = vms && *vms ? read_vms(vms, &o->vms) : NULL;
	return right ? complain(ret_error, dr_asprintf("VM_COUNT: \"%s\" is not %s", vms, right)) : 0;
}

/* One argument, with its value in the next one if need be. */
static int read_argument(int argc, char *argv[], int *i, struct sc_opts *o, struct said *said,
			 char **ret_error)
{
	const char *arg = argv[*i], *value, *right;
	size_t len = strcspn(arg, "=");
	enum option option = find_option(arg, len);

	if (option == FLAGS && (read_flag(o, arg) || read_scenario(o, said, arg)))
		return 0;
	if (option == FLAGS)
		return complain(ret_error, dr_asprintf("unknown argument: %s", arg));
	value = arg[len] ? arg + len + 1 : *i + 1 < argc ? argv[++*i] : NULL;
	if (!value)
		return complain(ret_error, dr_asprintf("%s needs a value", option_names[option]));
	right = read_value(o, option, value);
	if (right)
		return complain(ret_error,
				dr_asprintf("%s: \"%s\" is not %s", option_names[option], value, right));
	said->options[option] = true;
	return 0;
}

/* What follows from what was said, and what does not go together. */
static int complete(struct sc_opts *o, const struct said *said, char **ret_error)
{
	if (!said->options[FAULT])
		o->fault = o->scenario == SC_FALSE_ALARM       ? SC_FAULTS
			   : o->scenario == SC_NETWORK_FAILURE ? SC_FAULT_LINK_DOWN
							       : SC_FAULT_SILENT_DROP;
	if (!said->options[OUTAGE])
		o->outage = dr_sec(o->scenario == SC_FALSE_ALARM ? 5 : 180);
	if (said->options[FAULT] && !sc_fault_fits(o->fault, o->scenario))
		return complain(ret_error, dr_asprintf("--fault %s does not go with %s",
						       sc_fault_name(o->fault), scenario_names[o->scenario]));
	if (o->clouds_yaml && said->options[CLOUD] && o->cloud != SC_CLOUD_SANDBOX)
		return complain(ret_error,
				dr_asprintf("--clouds-yaml does not go with --cloud %s, which writes its own",
					    cloud_names[o->cloud]));
	if (o->clouds_yaml && !said->options[CLOUD])
		o->cloud = SC_CLOUD_GIVEN;
	return 0;
}

int sc_opts_parse(int argc, char *argv[], struct sc_opts *ret, char **ret_error)
{
	struct sc_opts o = { .installer = "local",
			     .owner = "doctor",
			     .vms = 1,
			     .interval = dr_msec(10),
			     .multiplier = 3,
			     .timeout = dr_sec(30),
			     .repeat = 1 };
	struct said said = { 0 };
	int r = read_environment(&o, ret_error);

	for (int i = 1; i < argc && r == 0; i++)
		r = read_argument(argc, argv, &i, &o, &said, ret_error);
	if (r == 0)
		r = complete(&o, &said, ret_error);
	if (r == 0)
		*ret = o;
	return r;
}
