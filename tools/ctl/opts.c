/* SPDX-License-Identifier: Apache-2.0 */
#include <getopt.h>
#include <string.h>

#include "tools/ctl/ctl.h"

const char ctl_usage[] =
	"usage: doctorctl [OPTION...] status|targets [HOST]|links|counters|reload\n"
	"\n"
	"Asks the running doctor-monitor of this machine.\n"
	"\n"
	"  status          how it is, and what is wrong\n"
	"  targets [HOST]  what is watched, and its verdicts\n"
	"  links           carriers of the watched interfaces of this machine\n"
	"  counters        what was seen, sent and delivered\n"
	"  reload          reads its configuration again; an invalid one is refused and changes nothing\n"
	"\n"
	"  --json          prints the daemon's JSON as it is\n"
	"  --socket PATH   its local socket (default " CTL_SOCKET ")\n"
	"  --help, --version\n"
	"\n"
	"Exit status: 0 all is well, 1 something is wrong or refused, 2 wrong usage, 3 no answer.\n";

static const struct ctl_verb verbs[] = {
	{ "status", "GET", "/v1/status", false, ctl_print_status },
	{ "targets", "GET", "/v1/targets", true, ctl_print_targets },
	{ "links", "GET", "/v1/links", false, ctl_print_links },
	{ "counters", "GET", "/v1/counters", false, ctl_print_counters },
	{ "reload", "POST", "/v1/reload", false, ctl_print_reload },
};

static int fail(char **ret_error, char *text)
{
	if (!text)
		return -ENOMEM;
	*ret_error = text;
	return -EINVAL;
}

static int read_operands(int argc, char **argv, struct ctl_opts *o, char **ret_error)
{
	if (optind == argc)
		return fail(ret_error, dr_asprintf("say what: status, targets, links, counters or reload"));
	for (size_t i = 0; i < DR_ARRAY_SIZE(verbs); i++) {
		if (strcmp(argv[optind], verbs[i].name) == 0)
			o->verb = &verbs[i];
	}
	if (!o->verb)
		return fail(ret_error,
			    dr_asprintf("\"%s\" is none of status, targets, links, counters, reload",
					argv[optind]));
	optind++;
	if (optind < argc && o->verb->takes_host)
		o->host = argv[optind++];
	if (optind < argc)
		return fail(ret_error, dr_asprintf("unexpected argument \"%s\"", argv[optind]));
	if (o->host && !*o->host)
		return fail(ret_error, dr_asprintf("the name of a host is empty"));
	return 0;
}

int ctl_opts_parse(int argc, char **argv, struct ctl_opts *ret, char **ret_error)
{
	static const struct option longs[] = {
		{ "json", no_argument, NULL, 'j' },
		{ "socket", required_argument, NULL, 's' },
		{ "version", no_argument, NULL, 'V' },
		{ "help", no_argument, NULL, 'h' },
		{ 0 },
	};
	struct ctl_opts o = { .socket = CTL_SOCKET };
	int r = 0;

	optind = 0; /* begin anew; tests call it more than once */
	opterr = 0;
	for (int c; (c = getopt_long(argc, argv, ":", longs, NULL)) != -1;) {
		if (c == 'j')
			o.json = true;
		else if (c == 's')
			o.socket = optarg;
		else if (c == 'V')
			o.version = true;
		else if (c == 'h')
			o.help = true;
		else if (c == ':')
			return fail(ret_error, dr_asprintf("%s needs a value", argv[optind - 1]));
		else
			return fail(ret_error, dr_asprintf("unknown option %s", argv[optind - 1]));
	}
	if (!o.help && !o.version)
		r = read_operands(argc, argv, &o, ret_error);
	if (r == 0)
		*ret = o;
	return r;
}
