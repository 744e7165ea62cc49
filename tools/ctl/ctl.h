/* SPDX-License-Identifier: Apache-2.0 */
#ifndef DOCTOR_TOOLS_CTL_CTL_H
#define DOCTOR_TOOLS_CTL_CTL_H

/*
 * doctorctl: asks a running daemon over its local socket and prints the answer. print*.c are pure: from the
 * daemon's JSON to text for people.
 */

#include "doctor/buf.h"
#include "doctor/json.h"

#define CTL_SOCKET "/run/doctor/doctor-monitor.sock"

enum ctl_exit {
	CTL_GOOD = 0,
	CTL_WRONG = 1, /* something is: a target down, say, or the command was refused */
	CTL_USAGE = 2,
	CTL_UNREACHABLE = 3, /* there is no answer */
};

/* Prints doc into out. CTL_GOOD or CTL_WRONG: what the document says. */
typedef enum ctl_exit (*ctl_print_fn)(const struct dr_json *doc, struct dr_buf *out);

struct ctl_verb {
	const char *name;
	const char *method, *path;
	bool takes_host; /* an optional operand */
	ctl_print_fn print;
};

struct ctl_opts {
	const struct ctl_verb *verb; /* NULL: help or version */
	const char *host;	     /* NULL: all */
	const char *socket;
	bool json, help, version;
};

extern const char ctl_usage[];

/* -EINVAL: *ret_error (freed by the caller) says what is wrong. -ENOMEM. */
int ctl_opts_parse(int argc, char **argv, struct ctl_opts *ret, char **ret_error) DR_MUST_USE;

/*
 * Makes the call; out gets what is for stdout, err what is for stderr (whole lines). Returns the exit status.
 */
enum ctl_exit ctl_run(const struct ctl_opts *o, struct dr_buf *out, struct dr_buf *err);

enum ctl_exit ctl_print_status(const struct dr_json *doc, struct dr_buf *out);
enum ctl_exit ctl_print_targets(const struct dr_json *doc, struct dr_buf *out);
enum ctl_exit ctl_print_links(const struct dr_json *doc, struct dr_buf *out);
enum ctl_exit ctl_print_counters(const struct dr_json *doc, struct dr_buf *out);
enum ctl_exit ctl_print_reload(const struct dr_json *doc, struct dr_buf *out);

#endif
