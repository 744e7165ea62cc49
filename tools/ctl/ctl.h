/* SPDX-License-Identifier: Apache-2.0 */
#ifndef DOCTOR_TOOLS_CTL_CTL_H
#define DOCTOR_TOOLS_CTL_CTL_H

/*
 * doctorctl: asks a running daemon, the monitor over its local socket or the inspector by HTTP, and prints
 * the answer; looks whether all is in order (check.h); shows targets as they change (top.h). print*.c are
 * pure: from the daemon's JSON to text for people.
 *
 * Commands and options are two tables in commands.c: the parser, --help and the completion of shells go by
 * them.
 */

#include "doctor/buf.h"
#include "doctor/clock.h"
#include "doctor/json.h"

#define CTL_SOCKET "/run/doctor/doctor-monitor.sock"
#define CTL_INSPECTOR "http://127.0.0.1:12345"

enum ctl_exit {
	CTL_GOOD = 0,
	CTL_WRONG = 1, /* something is: a target down, say, or the command was refused */
	CTL_USAGE = 2,
	CTL_UNREACHABLE = 3, /* there is no answer */
	CTL_DEGRADED = 4,    /* of check: nothing is broken, but something could be better */
};

/* Prints doc into out. CTL_GOOD or CTL_WRONG: what the document says. */
typedef enum ctl_exit (*ctl_print_fn)(const struct dr_json *doc, struct dr_buf *out);

struct ctl_opts;

/* Does it all; out and err as of ctl_run(). */
typedef enum ctl_exit (*ctl_run_fn)(const struct ctl_opts *o, struct dr_buf *out, struct dr_buf *err);

enum ctl_options { /* that some commands take */
	CTL_OPT_SOCKET = 1 << 0,
	CTL_OPT_INSPECTOR = 1 << 1, /* --inspector and what belongs to it */
	CTL_OPT_ALL = 1 << 2,
	CTL_OPT_SET = 1 << 3, /* --for, --until, --reason */
	CTL_OPT_TOP = 1 << 4,
	CTL_OPT_CHECK = 1 << 5,
};

struct ctl_verb {
	const char *name, *sub; /* "maintenance", "set"; sub NULL: none, or the one that is meant without */
	const char *help;	/* NULL: it is not told of */
	const char *method, *path;
	const char *operand; /* "HOST", "ID": takes the place of the path's '*'; NULL: none */
	const char *choices; /* what it can be, parted by blanks; NULL: anything */
	bool optional;	     /* it is, and goes to ?host= */
	bool rest;	     /* as many operands as there are */
	unsigned options;    /* CTL_OPT_SOCKET: the monitor is asked; CTL_OPT_INSPECTOR: the inspector */
	ctl_print_fn print;
	ctl_run_fn run; /* instead of a question and its answer; NULL */
};

extern const struct ctl_verb ctl_verbs[];
extern const size_t ctl_verb_count;

struct ctl_option {
	const char *name;
	const char *value; /* "PATH"; NULL: it takes none */
	bool file;	   /* its value is a file's name */
	unsigned group;	   /* enum ctl_options; 0: all commands take it */
	size_t offset;	   /* in struct ctl_opts: a const char * if it has a value, else a bool */
	const char *help;
};

extern const struct ctl_option ctl_options[];
extern const size_t ctl_option_count;

struct ctl_opts {
	const struct ctl_verb *verb; /* NULL: help or version */
	const char *operand;	     /* NULL: none */
	char *const *rest;	     /* of a verb with rest: all of them, up to NULL */
	const char *socket;	     /* NULL: not given; see ctl_socket() */
	const char *inspector; /* URL, --inspector or DOCTOR_INSPECTOR; NULL: neither, see ctl_inspector() */
	const char *ca, *cert, *key, *token_file;
	bool all;
	const char *period, *until, *reason;
	const char *interval_text, *count_text;
	struct dr_dur interval;
	unsigned count; /* 0: without end */
	const char *monitor_config, *inspector_config, *cloud, *nova_conf, *event_pipeline, *aodh_conf;
	bool json, dry_run, help, version;
};

static inline bool ctl_asks_inspector(const struct ctl_opts *o)
{
	return o->verb->options & CTL_OPT_INSPECTOR;
}

static inline const char *ctl_socket(const struct ctl_opts *o)
{
	return o->socket ? o->socket : CTL_SOCKET;
}

static inline const char *ctl_inspector(const struct ctl_opts *o)
{
	return o->inspector ? o->inspector : CTL_INSPECTOR;
}

/* For --help. */
void ctl_usage(struct dr_buf *out);

/* -EINVAL: *ret_error (freed by the caller) says what is wrong. -ENOMEM. */
int ctl_opts_parse(int argc, char **argv, struct ctl_opts *ret, char **ret_error) DR_MUST_USE;

/* What goes out. */
struct ctl_request {
	struct dr_buf url, body; /* body empty: none */
	char *authorization;	 /* header; NULL: none */
};

void ctl_request_done(struct ctl_request *r);

/*
 * The token's file is not read for a dry run. -EINVAL: *ret_error (freed by the caller) says what is wrong
 * with the URL or the token. -ENOMEM.
 */
int ctl_request_make(const struct ctl_opts *o, struct ctl_request *ret, char **ret_error) DR_MUST_USE;

/*
 * Does what is asked for; out gets what is for stdout, err what is for stderr (whole lines). Returns the exit
 * status.
 */
enum ctl_exit ctl_run(const struct ctl_opts *o, struct dr_buf *out, struct dr_buf *err);

/* Of the monitor, when it gave no answer: why, with what helps; error as of struct dr_http_response. */
void ctl_put_no_monitor(const char *socket, int error, const char *reason, struct dr_buf *err);

/* ---- completion (complete.c) ---- */

/*
 * What the last of the words, which follow the program's name, can become: a line each, with a tab and what
 * it is behind it; ":file" for names of files. Pure.
 */
void ctl_complete(const char *const words[], size_t count, struct dr_buf *out);

enum ctl_exit ctl_run_completion(const struct ctl_opts *o, struct dr_buf *out, struct dr_buf *err);
enum ctl_exit ctl_run_words(const struct ctl_opts *o, struct dr_buf *out, struct dr_buf *err);

/* ---- text for people ---- */

enum ctl_exit ctl_print_status(const struct dr_json *doc, struct dr_buf *out);
enum ctl_exit ctl_print_targets(const struct dr_json *doc, struct dr_buf *out);
enum ctl_exit ctl_print_links(const struct dr_json *doc, struct dr_buf *out);
enum ctl_exit ctl_print_counters(const struct dr_json *doc, struct dr_buf *out);
enum ctl_exit ctl_print_reload(const struct dr_json *doc, struct dr_buf *out);

/* Of a target of the monitor's: percent of the probes that were lost, without those that wait for an answer.
 */
double ctl_loss_of(const struct dr_json *target);

enum ctl_exit ctl_print_hosts(const struct dr_json *doc, struct dr_buf *out);
enum ctl_exit ctl_print_incidents(const struct dr_json *doc, struct dr_buf *out);
enum ctl_exit ctl_print_incident(const struct dr_json *doc, struct dr_buf *out);
enum ctl_exit ctl_print_released(const struct dr_json *doc, struct dr_buf *out);
enum ctl_exit ctl_print_why(const struct dr_json *doc, struct dr_buf *out);
enum ctl_exit ctl_print_maintenance(const struct dr_json *doc, struct dr_buf *out);
enum ctl_exit ctl_print_maintained(const struct dr_json *doc, struct dr_buf *out);
enum ctl_exit ctl_print_ended(const struct dr_json *doc, struct dr_buf *out);
enum ctl_exit ctl_print_health(const struct dr_json *doc, struct dr_buf *out);

#endif
