/* SPDX-License-Identifier: Apache-2.0 */
#include "tools/minicloud/options.h"

#include <arpa/inet.h>
#include <getopt.h>
#include <string.h>

#include "doctor/buf.h"
#include "tools/minicloud/model.h"

const char mc_options_help[] =
	"usage: minicloud [OPTION]...\n"
	"An OpenStack in memory: the parts of Keystone, Nova, Glance, Neutron and Aodh that fault management "
	"uses,\n"
	"on one port. Users admin/admin and doctor/doctor. For trials and tests; nothing is kept.\n"
	"\n"
	"  --listen ADDRESS:PORT    where to serve (default 127.0.0.1:0, port 0: any free one)\n"
	"  --clouds-yaml FILE       write the clouds 'admin' and 'doctor' there once it serves\n"
	"  --hosts N                compute hosts, compute-1 to compute-N (default 2)\n"
	"  --host-ip ADDRESS        IPv4 address of the first hypervisor, those of the others follow "
	"(default: "
	"127.0.0.1 for all)\n"
	"  --vms-per-host N         servers that run on each from the start (default 0)\n"
	"  --latency MS             delay of each answer\n"
	"  --token-ttl SECONDS      life of a token (default 86400)\n"
	"  --fail SERVICE:METHOD:PATHPREFIX:STATUS[:COUNT]\n"
	"                           the next COUNT (default: all) matching requests get that status; 0: no "
	"answer.\n"
	"                           SERVICE as in the catalogue (compute, identity, ...), it and METHOD may "
	"be '*';\n"
	"                           compute:PUT:/v2.1/os-services:503:2. May be given again\n"
	"  --help, --version\n";

enum {
	OPT_LISTEN = 256,
	OPT_CLOUDS_YAML,
	OPT_HOSTS,
	OPT_HOST_IP,
	OPT_VMS,
	OPT_LATENCY,
	OPT_TOKEN_TTL,
	OPT_FAIL,
	OPT_HELP,
	OPT_VERSION,
};

static const struct option options[] = {
	{ "listen", required_argument, NULL, OPT_LISTEN },
	{ "clouds-yaml", required_argument, NULL, OPT_CLOUDS_YAML },
	{ "hosts", required_argument, NULL, OPT_HOSTS },
	{ "host-ip", required_argument, NULL, OPT_HOST_IP },
	{ "vms-per-host", required_argument, NULL, OPT_VMS },
	{ "latency", required_argument, NULL, OPT_LATENCY },
	{ "token-ttl", required_argument, NULL, OPT_TOKEN_TTL },
	{ "fail", required_argument, NULL, OPT_FAIL },
	{ "help", no_argument, NULL, OPT_HELP },
	{ "version", no_argument, NULL, OPT_VERSION },
	{ 0 },
};

static bool read_number(const char *text, unsigned long max, unsigned long *ret)
{
	char *end;
	unsigned long n;

	if (*text < '0' || *text > '9')
		return false;
	errno = 0;
	n = strtoul(text, &end, 10);
	if (*end || errno || n > max)
		return false;
	*ret = n;
	return true;
}

/* NULL: fine; else what it should be. */
static const char *read_option(int opt, const char *text, struct mc_options *o)
{
	struct in_addr address;
	unsigned long n;

	switch (opt) {
	case OPT_LISTEN:
		return dr_http_listen_parse(text, &o->listen) ? "ADDRESS:PORT, the address numeric" : NULL;
	case OPT_CLOUDS_YAML:
		o->clouds_yaml = text;
		return *text ? NULL : "a file";
	case OPT_HOSTS:
		if (!read_number(text, MC_HOSTS_MAX, &n))
			return "a number up to 10000";
		o->hosts = (unsigned)n;
		return NULL;
	case OPT_HOST_IP:
		if (inet_pton(AF_INET, text, &address) != 1 || !address.s_addr)
			return "an IPv4 address";
		o->host_ip = ntohl(address.s_addr);
		return NULL;
	case OPT_VMS:
		if (!read_number(text, MC_VMS_PER_HOST_MAX, &n))
			return "a number up to 1000";
		o->vms_per_host = (unsigned)n;
		return NULL;
	case OPT_LATENCY:
		if (!read_number(text, 600000, &n))
			return "milliseconds up to 600000";
		o->latency = dr_msec((int64_t)n);
		return NULL;
	case OPT_TOKEN_TTL:
		if (!read_number(text, 31536000, &n) || !n)
			return "seconds from 1 to 31536000";
		o->token_ttl = dr_sec((int64_t)n);
		return NULL;
	case OPT_FAIL:
		switch (mc_fails_add(&o->fails, text)) {
		case 0:
			return NULL;
		case -ENOSPC:
			return "given at most 32 times";
		default:
			return "SERVICE:METHOD:PATHPREFIX:STATUS[:COUNT]";
		}
	default:
		return "known";
	}
}

static const char *name_of(int opt)
{
	for (size_t i = 0; options[i].name; i++) {
		if (options[i].val == opt)
			return options[i].name;
	}
	return "";
}

enum mc_options_outcome mc_options_read(int argc, char *const argv[], struct mc_options *ret, char error[256])
{
	int opt;

	*ret = (struct mc_options){ .listen.address = "127.0.0.1", .hosts = 2, .token_ttl = dr_sec(86400) };
	optind = 0; /* glibc: start anew */
	opterr = 0;
	while ((opt = getopt_long(argc, argv, "+", options, NULL)) != -1) {
		const char *wanted;

		if (opt == OPT_HELP)
			return MC_OPTIONS_HELP;
		if (opt == OPT_VERSION)
			return MC_OPTIONS_VERSION;
		if (opt == '?') {
			snprintf(error, 256, "%s: unknown option, or its value is missing", argv[optind - 1]);
			return MC_OPTIONS_BAD;
		}
		wanted = read_option(opt, optarg, ret);
		if (wanted) {
			snprintf(error, 256, "--%s: \"%s\" is not %s", name_of(opt), optarg, wanted);
			return MC_OPTIONS_BAD;
		}
	}
	if (optind < argc) {
		snprintf(error, 256, "%s: no arguments are expected", argv[optind]);
		return MC_OPTIONS_BAD;
	}
	return MC_OPTIONS_RUN;
}
