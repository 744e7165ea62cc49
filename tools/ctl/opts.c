/* SPDX-License-Identifier: Apache-2.0 */
#include <getopt.h>
#include <string.h>

#include "tools/ctl/ctl.h"

const char ctl_usage[] =
	"usage: doctorctl [OPTION...] COMMAND\n"
	"\n"
	"Asks the running doctor-monitor of this machine:\n"
	"\n"
	"  status          how it is, and what is wrong\n"
	"  targets [HOST]  what is watched, and its verdicts\n"
	"  links           carriers of the watched interfaces of this machine\n"
	"  counters        what was seen, sent and delivered\n"
	"  reload          reads its configuration again; an invalid one is refused and changes nothing\n"
	"\n"
	"or doctor-inspector:\n"
	"\n"
	"  inspector                how it is\n"
	"  incidents [--all]        those that are open, or all, and what was not acted on\n"
	"  incident ID              one of them, with all that was done\n"
	"  incident release ID      acts upon one that is held: its host is marked down\n"
	"  why HOST                 what is known of a host, and what was decided, in order\n"
	"  maintenance [list]       hosts that are worked on\n"
	"  maintenance set HOST --for DURATION|--until TIME [--reason TEXT]\n"
	"                           HOST is worked on: nothing is done about it until then\n"
	"  maintenance end HOST     it no longer is\n"
	"\n"
	"  --json             prints the daemon's JSON as it is\n"
	"  --socket PATH      the monitor's local socket (default " CTL_SOCKET ")\n"
	"  --inspector URL    where the inspector listens (default $DOCTOR_INSPECTOR or " CTL_INSPECTOR ")\n"
	"  --ca FILE          who signed its certificate (default: the system's)\n"
	"  --cert FILE, --key FILE  what we show to it\n"
	"  --token-file FILE  the token that it wants; FILE must not be for others to read\n"
	"  --help, --version\n"
	"\n"
	"Exit status: 0 all is well, 1 something is wrong or refused, 2 wrong usage, 3 no answer.\n";

#define VERBS "status, targets, links, counters, reload, inspector, incidents, incident, why"

static const struct ctl_verb verbs[] = {
	{ "status", NULL, "GET", "/v1/status", NULL, false, CTL_OPT_SOCKET, ctl_print_status },
	{ "targets", NULL, "GET", "/v1/targets", "HOST", true, CTL_OPT_SOCKET, ctl_print_targets },
	{ "links", NULL, "GET", "/v1/links", NULL, false, CTL_OPT_SOCKET, ctl_print_links },
	{ "counters", NULL, "GET", "/v1/counters", NULL, false, CTL_OPT_SOCKET, ctl_print_counters },
	{ "reload", NULL, "POST", "/v1/reload", NULL, false, CTL_OPT_SOCKET, ctl_print_reload },
	{ "inspector", NULL, "GET", "/healthz", NULL, false, CTL_OPT_INSPECTOR, ctl_print_health },
	{ "incidents", NULL, "GET", "/v1/incidents", NULL, false, CTL_OPT_INSPECTOR | CTL_OPT_ALL,
	  ctl_print_incidents },
	{ "incident", "release", "POST", "/v1/incidents/*/release", "ID", false, CTL_OPT_INSPECTOR,
	  ctl_print_released },
	{ "incident", NULL, "GET", "/v1/incidents/*", "ID", false, CTL_OPT_INSPECTOR, ctl_print_incident },
	{ "why", NULL, "GET", "/v1/hosts/*", "HOST", false, CTL_OPT_INSPECTOR, ctl_print_why },
	{ "maintenance", "list", "GET", "/v1/maintenance", NULL, false, CTL_OPT_INSPECTOR,
	  ctl_print_maintenance },
	{ "maintenance", "set", "PUT", "/v1/maintenance/*", "HOST", false, CTL_OPT_INSPECTOR | CTL_OPT_SET,
	  ctl_print_maintained },
	{ "maintenance", "end", "DELETE", "/v1/maintenance/*", "HOST", false, CTL_OPT_INSPECTOR,
	  ctl_print_ended },
	{ "maintenance", NULL, "GET", "/v1/maintenance", NULL, false, CTL_OPT_INSPECTOR,
	  ctl_print_maintenance },
};

static int fail(char **ret_error, char *text)
{
	if (!text)
		return -ENOMEM;
	*ret_error = text;
	return -EINVAL;
}

/* ---------------------------------------------------------------- options */

enum {
	SOCKET = 1,
	INSPECTOR,
	CA,
	CERT,
	KEY,
	TOKEN_FILE,
	ALL,
	FOR,
	UNTIL,
	REASON,
	JSON,
	VERSION,
	HELP,
};

static const struct option longs[] = {
	{ "socket", required_argument, NULL, SOCKET },
	{ "inspector", required_argument, NULL, INSPECTOR },
	{ "ca", required_argument, NULL, CA },
	{ "cert", required_argument, NULL, CERT },
	{ "key", required_argument, NULL, KEY },
	{ "token-file", required_argument, NULL, TOKEN_FILE },
	{ "all", no_argument, NULL, ALL },
	{ "for", required_argument, NULL, FOR },
	{ "until", required_argument, NULL, UNTIL },
	{ "reason", required_argument, NULL, REASON },
	{ "json", no_argument, NULL, JSON },
	{ "version", no_argument, NULL, VERSION },
	{ "help", no_argument, NULL, HELP },
	{ 0 },
};

/* Which verbs take it; 0: all. */
static unsigned group_of(int option)
{
	if (option == SOCKET)
		return CTL_OPT_SOCKET;
	if (option >= INSPECTOR && option <= TOKEN_FILE)
		return CTL_OPT_INSPECTOR;
	if (option >= FOR && option <= REASON)
		return CTL_OPT_SET;
	return option == ALL ? CTL_OPT_ALL : 0;
}

static void read_option(int option, const char *value, struct ctl_opts *o)
{
	const char **const texts[] = {
		[SOCKET] = &o->socket, [INSPECTOR] = &o->inspector,   [CA] = &o->ca,	  [CERT] = &o->cert,
		[KEY] = &o->key,       [TOKEN_FILE] = &o->token_file, [FOR] = &o->period, [UNTIL] = &o->until,
		[REASON] = &o->reason,
	};

	if (option == ALL)
		o->all = true;
	else if (option == JSON)
		o->json = true;
	else if (option == VERSION)
		o->version = true;
	else if (option == HELP)
		o->help = true;
	else
		*texts[option] = value;
}

/* given: the options, a bit each. */
static int check_options(const struct ctl_opts *o, unsigned given, char **ret_error)
{
	for (const struct option *l = longs; l->name; l++) {
		unsigned group = group_of(l->val);
		if (group && (given & 1U << l->val) && !(o->verb->options & group))
			return fail(ret_error,
				    dr_asprintf("--%s is not for %s%s%s", l->name, o->verb->name,
						o->verb->sub ? " " : "", o->verb->sub ? o->verb->sub : ""));
	}
	if (o->key && !o->cert)
		return fail(ret_error, dr_asprintf("--key belongs to --cert, which is missing"));
	if ((o->verb->options & CTL_OPT_SET) && !o->period == !o->until)
		return fail(ret_error,
			    dr_asprintf("say how long, --for 2h or --until 2026-11-22T18:00:00Z: either"));
	return 0;
}

/* ---------------------------------------------------------------- words */

static const struct ctl_verb *find_verb(const char *name, const char *sub)
{
	const struct ctl_verb *found = NULL;

	for (size_t i = 0; i < DR_ARRAY_SIZE(verbs); i++) {
		const struct ctl_verb *v = &verbs[i];
		if (strcmp(v->name, name) != 0)
			continue;
		if (v->sub && sub && strcmp(v->sub, sub) == 0)
			return v;
		if (!v->sub)
			found = v;
	}
	return found;
}

static int read_words(int argc, char **argv, struct ctl_opts *o, char **ret_error)
{
	if (optind == argc)
		return fail(ret_error, dr_asprintf("say what: " VERBS " or maintenance"));
	o->verb = find_verb(argv[optind], optind + 1 < argc ? argv[optind + 1] : NULL);
	if (!o->verb)
		return fail(ret_error, dr_asprintf("\"%s\" is none of " VERBS ", maintenance", argv[optind]));
	optind += o->verb->sub ? 2 : 1;
	if (optind < argc && o->verb->operand)
		o->operand = argv[optind++];
	if (optind < argc)
		return fail(ret_error, dr_asprintf("unexpected argument \"%s\"", argv[optind]));
	if (o->operand && !*o->operand)
		return fail(ret_error, dr_asprintf("%s is empty", o->verb->operand));
	if (o->verb->operand && !o->operand && !o->verb->optional)
		return fail(ret_error,
			    dr_asprintf("%s%s%s: %s is missing", o->verb->name, o->verb->sub ? " " : "",
					o->verb->sub ? o->verb->sub : "", o->verb->operand));
	return 0;
}

int ctl_opts_parse(int argc, char **argv, struct ctl_opts *ret, char **ret_error)
{
	const char *environment = getenv("DOCTOR_INSPECTOR");
	struct ctl_opts o = {
		.socket = CTL_SOCKET,
		.inspector = environment && *environment ? environment : CTL_INSPECTOR,
	};
	unsigned given = 0;
	int r = 0;

	optind = 0; /* begin anew; tests call it more than once */
	opterr = 0;
	for (int c; (c = getopt_long(argc, argv, ":", longs, NULL)) != -1;) {
		if (c == ':')
			return fail(ret_error, dr_asprintf("%s needs a value", argv[optind - 1]));
		if (c == '?')
			return fail(ret_error, dr_asprintf("unknown option %s", argv[optind - 1]));
		read_option(c, optarg, &o);
		given |= 1U << c;
	}
	if (!o.help && !o.version)
		r = read_words(argc, argv, &o, ret_error);
	if (r == 0 && o.verb)
		r = check_options(&o, given, ret_error);
	if (r == 0)
		*ret = o;
	return r;
}
