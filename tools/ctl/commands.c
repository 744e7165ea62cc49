/* SPDX-License-Identifier: Apache-2.0 */
/* The commands and options that there are. */
#include <string.h>

#include "tools/ctl/check.h"
#include "tools/ctl/ctl.h"
#include "tools/ctl/top.h"

#define MONITOR(path) "GET", path, .options = CTL_OPT_SOCKET
#define INSPECTOR(method, path) method, path, .options = CTL_OPT_INSPECTOR

const struct ctl_verb ctl_verbs[] = {
	{ "status", NULL, "how the monitor is, and what is wrong", MONITOR("/v1/status"),
	  .print = ctl_print_status },
	{ "targets", NULL, "what it watches, and its verdicts", MONITOR("/v1/targets"), .operand = "HOST",
	  .optional = true, .print = ctl_print_targets },
	{ "links", NULL, "carriers of the watched interfaces of this machine", MONITOR("/v1/links"),
	  .print = ctl_print_links },
	{ "counters", NULL, "what it saw, sent and delivered", MONITOR("/v1/counters"),
	  .print = ctl_print_counters },
	{ "top", NULL, "targets as they change; q quits", "GET", "/v1/targets",
	  .options = CTL_OPT_SOCKET | CTL_OPT_TOP, .run = ctl_run_top },
	{ "reload", NULL, "it reads its configuration again; an invalid one is refused and changes nothing",
	  "POST", "/v1/reload", .options = CTL_OPT_SOCKET, .print = ctl_print_reload },

	{ "inspector", NULL, "how the inspector is", INSPECTOR("GET", "/healthz"),
	  .print = ctl_print_health },
	{ "hosts", NULL, "Nova's computes as the inspector has them", INSPECTOR("GET", "/v1/hosts"),
	  .print = ctl_print_hosts },
	{ "incidents", "list", "those that are open, or all, and what was not acted on", "GET",
	  "/v1/incidents", .options = CTL_OPT_INSPECTOR | CTL_OPT_ALL, .print = ctl_print_incidents },
	{ "incidents", NULL, NULL, "GET", "/v1/incidents", .options = CTL_OPT_INSPECTOR | CTL_OPT_ALL,
	  .print = ctl_print_incidents },
	{ "incidents", "show", "one of them, with all that was done", INSPECTOR("GET", "/v1/incidents/*"),
	  .operand = "ID", .print = ctl_print_incident },
	{ "incidents", "release", "acts upon one that is held: its host is marked down",
	  INSPECTOR("POST", "/v1/incidents/*/release"), .operand = "ID", .print = ctl_print_released },
	{ "why", NULL, "what is known of a host, and what was decided, in order",
	  INSPECTOR("GET", "/v1/hosts/*"), .operand = "HOST", .print = ctl_print_why },
	{ "maintenance", "list", "hosts that are worked on", INSPECTOR("GET", "/v1/maintenance"),
	  .print = ctl_print_maintenance },
	{ "maintenance", NULL, NULL, INSPECTOR("GET", "/v1/maintenance"), .print = ctl_print_maintenance },
	{ "maintenance", "set", "one is worked on: nothing is done about it until then", "PUT",
	  "/v1/maintenance/*", .options = CTL_OPT_INSPECTOR | CTL_OPT_SET, .operand = "HOST",
	  .print = ctl_print_maintained },
	{ "maintenance", "clear", "it no longer is", INSPECTOR("DELETE", "/v1/maintenance/*"),
	  .operand = "HOST", .print = ctl_print_ended },

	{ "check", NULL, "is all in order here and in the cloud? What is not, with what helps",
	  .options = CTL_OPT_SOCKET | CTL_OPT_INSPECTOR | CTL_OPT_CHECK, .operand = "PART",
	  .choices = "monitor inspector cloud", .optional = true, .run = ctl_run_check },
	{ "completion", "words", NULL, .operand = "WORD", .rest = true, .run = ctl_run_words },
	{ "completion", NULL, "a script for that shell, which completes commands and options",
	  .operand = "SHELL", .choices = "bash zsh", .run = ctl_run_completion },
};
const size_t ctl_verb_count = DR_ARRAY_SIZE(ctl_verbs);

#define TEXT(name, value, group, member, help)                                                               \
	{                                                                                                    \
		name, value, false, group, offsetof(struct ctl_opts, member), help                           \
	}
#define PATH(name, value, group, member, help)                                                               \
	{                                                                                                    \
		name, value, true, group, offsetof(struct ctl_opts, member), help                            \
	}
#define FLAG(name, group, member, help)                                                                      \
	{                                                                                                    \
		name, NULL, false, group, offsetof(struct ctl_opts, member), help                            \
	}

const struct ctl_option ctl_options[] = {
	FLAG("json", 0, json, "print the daemon's JSON as it is"),
	FLAG("dry-run", 0, dry_run, "say what would be asked, and ask nobody"),
	PATH("socket", "PATH", CTL_OPT_SOCKET, socket, "the monitor's local socket (" CTL_SOCKET ")"),
	TEXT("inspector", "URL", CTL_OPT_INSPECTOR, inspector,
	     "where the inspector listens ($DOCTOR_INSPECTOR, or " CTL_INSPECTOR ")"),
	PATH("ca", "FILE", CTL_OPT_INSPECTOR, ca, "who signed its certificate (whom the system trusts)"),
	PATH("cert", "FILE", CTL_OPT_INSPECTOR, cert, "the certificate that we show to it"),
	PATH("key", "FILE", CTL_OPT_INSPECTOR, key, "its key (in the same file)"),
	PATH("token-file", "FILE", CTL_OPT_INSPECTOR, token_file,
	     "the token that it wants; must not be for others to read"),
	FLAG("all", CTL_OPT_ALL, all, "also incidents that have ended"),
	TEXT("for", "DURATION", CTL_OPT_SET, period, "how long (2h, 90min)"),
	TEXT("until", "TIME", CTL_OPT_SET, until, "or until when (2026-11-22T18:00:00Z)"),
	TEXT("reason", "TEXT", CTL_OPT_SET, reason, "for the others"),
	TEXT("interval", "DURATION", CTL_OPT_TOP, interval_text, "between two looks (1s)"),
	TEXT("count", "N", CTL_OPT_TOP, count_text, "so many looks (without end)"),
	PATH("monitor-config", "FILE", CTL_OPT_CHECK, monitor_config, "(" CHECK_MONITOR_CONFIG ")"),
	PATH("inspector-config", "FILE", CTL_OPT_CHECK, inspector_config, "(" CHECK_INSPECTOR_CONFIG ")"),
	TEXT("cloud", "NAME", CTL_OPT_CHECK, cloud, "of clouds.yaml (as the inspector's configuration says)"),
	PATH("nova-conf", "FILE", CTL_OPT_CHECK, nova_conf, "Nova's (" CHECK_NOVA_CONF ")"),
	PATH("event-pipeline", "FILE", CTL_OPT_CHECK, event_pipeline,
	     "Ceilometer's (" CHECK_EVENT_PIPELINE ")"),
	PATH("aodh-conf", "FILE", CTL_OPT_CHECK, aodh_conf, "Aodh's (" CHECK_AODH_CONF ")"),
	FLAG("help", 0, help, "print this"),
	FLAG("version", 0, version, "print the version"),
};
const size_t ctl_option_count = DR_ARRAY_SIZE(ctl_options);

/* ---------------------------------------------------------------- help */

/* "maintenance set HOST" */
static void put_call(const struct ctl_verb *v, char buf[64])
{
	snprintf(buf, 64, "%s%s%s%s%s%s%s", v->name, v->sub ? " " : "", v->sub ? v->sub : "",
		 v->operand ? " " : "", v->optional ? "[" : "", v->operand ? v->operand : "",
		 v->optional ? "]" : "");
}

static void put_verbs(struct dr_buf *out)
{
	char call[64];

	for (size_t i = 0; i < ctl_verb_count; i++) {
		if (!ctl_verbs[i].help)
			continue;
		put_call(&ctl_verbs[i], call);
		dr_buf_printf(out, "  %-24s  %s\n", call, ctl_verbs[i].help);
	}
}

/* group 0: those of all commands. */
static void put_options(unsigned group, struct dr_buf *out)
{
	char call[64];

	for (size_t i = 0; i < ctl_option_count; i++) {
		const struct ctl_option *o = &ctl_options[i];
		if (o->group != group)
			continue;
		snprintf(call, sizeof(call), "--%s%s%s", o->name, o->value ? " " : "",
			 o->value ? o->value : "");
		dr_buf_printf(out, "  %-24s  %s\n", call, o->help);
	}
}

void ctl_usage(struct dr_buf *out)
{
	static const struct {
		unsigned group;
		const char *of;
	} groups[] = {
		{ 0, "Options:" },
		{ CTL_OPT_SOCKET, "Of what asks the monitor:" },
		{ CTL_OPT_TOP, "Of top:" },
		{ CTL_OPT_INSPECTOR, "Of what asks the inspector:" },
		{ CTL_OPT_ALL, "Of incidents list:" },
		{ CTL_OPT_SET, "Of maintenance set, --for or --until:" },
		{ CTL_OPT_CHECK, "Of check, what is looked at:" },
	};

	dr_buf_puts(out, "usage: doctorctl [OPTION...] COMMAND\n\n");
	put_verbs(out);
	for (size_t i = 0; i < DR_ARRAY_SIZE(groups); i++) {
		dr_buf_printf(out, "\n%s\n", groups[i].of);
		put_options(groups[i].group, out);
	}
	dr_buf_puts(out, "\nExit status: 0 all is well, 1 something is wrong or refused, 2 wrong usage, 3 no "
			 "answer;\nof check 1 something is broken, 4 something is degraded.\n");
}
