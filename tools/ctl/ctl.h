/* SPDX-License-Identifier: Apache-2.0 */
#ifndef DOCTOR_TOOLS_CTL_CTL_H
#define DOCTOR_TOOLS_CTL_CTL_H

/*
 * doctorctl: asks a running daemon, the monitor over its local socket or the inspector by HTTP, and prints
 * the answer. print*.c are pure: from the daemon's JSON to text for people.
 */

#include "doctor/buf.h"
#include "doctor/json.h"

#define CTL_SOCKET "/run/doctor/doctor-monitor.sock"
#define CTL_INSPECTOR "http://127.0.0.1:12345"

enum ctl_exit {
	CTL_GOOD = 0,
	CTL_WRONG = 1, /* something is: a target down, say, or the command was refused */
	CTL_USAGE = 2,
	CTL_UNREACHABLE = 3, /* there is no answer */
};

/* Prints doc into out. CTL_GOOD or CTL_WRONG: what the document says. */
typedef enum ctl_exit (*ctl_print_fn)(const struct dr_json *doc, struct dr_buf *out);

enum ctl_options { /* that some verbs take */
	CTL_OPT_SOCKET = 1 << 0,
	CTL_OPT_INSPECTOR = 1 << 1, /* --inspector and what belongs to it */
	CTL_OPT_ALL = 1 << 2,
	CTL_OPT_SET = 1 << 3, /* --for, --until, --reason */
};

struct ctl_verb {
	const char *name, *sub; /* "maintenance", "set"; sub NULL: none */
	const char *method, *path;
	const char *operand; /* "HOST", "ID": takes the place of the path's '*'; NULL: none */
	bool optional;	     /* it is, and goes to ?host= */
	unsigned options;    /* CTL_OPT_SOCKET: the monitor is asked; CTL_OPT_INSPECTOR: the inspector */
	ctl_print_fn print;
};

struct ctl_opts {
	const struct ctl_verb *verb; /* NULL: help or version */
	const char *operand;	     /* NULL: none */
	const char *socket;
	const char *inspector; /* URL, --inspector or DOCTOR_INSPECTOR */
	const char *ca, *cert, *key, *token_file;
	bool all;
	const char *period, *until, *reason;
	bool json, help, version;
};

extern const char ctl_usage[];

static inline bool ctl_asks_inspector(const struct ctl_opts *o)
{
	return o->verb->options & CTL_OPT_INSPECTOR;
}

/* -EINVAL: *ret_error (freed by the caller) says what is wrong. -ENOMEM. */
int ctl_opts_parse(int argc, char **argv, struct ctl_opts *ret, char **ret_error) DR_MUST_USE;

/* What goes out. */
struct ctl_request {
	struct dr_buf url, body; /* body empty: none */
	char *authorization;	 /* header; NULL: none */
};

void ctl_request_done(struct ctl_request *r);

/* -EINVAL: *ret_error (freed by the caller) says what is wrong with the URL or the token. -ENOMEM. */
int ctl_request_make(const struct ctl_opts *o, struct ctl_request *ret, char **ret_error) DR_MUST_USE;

/*
 * Makes the call; out gets what is for stdout, err what is for stderr (whole lines). Returns the exit status.
 */
enum ctl_exit ctl_run(const struct ctl_opts *o, struct dr_buf *out, struct dr_buf *err);

enum ctl_exit ctl_print_status(const struct dr_json *doc, struct dr_buf *out);
enum ctl_exit ctl_print_targets(const struct dr_json *doc, struct dr_buf *out);
enum ctl_exit ctl_print_links(const struct dr_json *doc, struct dr_buf *out);
enum ctl_exit ctl_print_counters(const struct dr_json *doc, struct dr_buf *out);
enum ctl_exit ctl_print_reload(const struct dr_json *doc, struct dr_buf *out);

enum ctl_exit ctl_print_incidents(const struct dr_json *doc, struct dr_buf *out);
enum ctl_exit ctl_print_incident(const struct dr_json *doc, struct dr_buf *out);
enum ctl_exit ctl_print_released(const struct dr_json *doc, struct dr_buf *out);
enum ctl_exit ctl_print_why(const struct dr_json *doc, struct dr_buf *out);
enum ctl_exit ctl_print_maintenance(const struct dr_json *doc, struct dr_buf *out);
enum ctl_exit ctl_print_maintained(const struct dr_json *doc, struct dr_buf *out);
enum ctl_exit ctl_print_ended(const struct dr_json *doc, struct dr_buf *out);
enum ctl_exit ctl_print_health(const struct dr_json *doc, struct dr_buf *out);

#endif
