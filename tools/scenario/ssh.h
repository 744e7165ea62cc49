/* SPDX-License-Identifier: Apache-2.0 */
#ifndef SCENARIO_SSH_H
#define SCENARIO_SSH_H

/*
 * Commands and files on another machine, by OpenSSH's client: a process for each command, nothing stays open
 * in between. It asks nobody anything: who is let in is let in by a key without a passphrase, or by an agent.
 *
 * Host keys are those of known_hosts. One that is not in there yet is taken and noted there; one that has
 * changed is refused, always.
 *
 * Functions return a negative errno with *ret_error, which names the host and what would be right (the caller
 * frees it): -EHOSTUNREACH: there is no connection; -EACCES: we are not let in; -EKEYREJECTED: its host key
 * is another one; -ETIMEDOUT: what was to be done there took too long, and may go on there.
 */

#include "doctor/buf.h"
#include "doctor/clock.h"

struct sc_ssh {
	char *host, *user;
	char *key;	   /* a file; NULL: as ssh(1) finds them */
	char *known_hosts; /* a file; NULL: as ssh(1) finds them */
	char *proxy;	   /* a command that connects to it; NULL: directly */
	char *sudo;	   /* what commands begin with; "" for root */
};

struct sc_ssh_opts {
	const char *host, *user;
	const char *key, *known_hosts; /* may be NULL */
	const struct sc_ssh *via;      /* connect through that machine; NULL: directly */
};

int sc_ssh_init(struct sc_ssh *ret, const struct sc_ssh_opts *opts) DR_MUST_USE; /* copies; -ENOMEM */
void sc_ssh_done(struct sc_ssh *s);

/*
 * Runs a command of sh(1) there as that user; with sc_ssh_run_root() as root, by sudo(8) if he is another
 * one. input: len bytes, for its standard input. ret_output: what it wrote on standard output; NULL: not
 * wanted. Its exit status (255 passes for a failure of SSH); where that is not 0, *ret_error is what it said
 * on standard error, if that is anything.
 */
int sc_ssh_run(const struct sc_ssh *s, const char *command, struct dr_dur limit, struct dr_buf *ret_output,
	       char **ret_error) DR_MUST_USE;
int sc_ssh_run_root(const struct sc_ssh *s, const char *command, const void *input, size_t len,
		    struct dr_dur limit, struct dr_buf *ret_output, char **ret_error) DR_MUST_USE;

/* Reads a file as root. 0; 1: there is none of this name. */
int sc_ssh_get(const struct sc_ssh *s, const char *path, struct dr_buf *ret, char **ret_error) DR_MUST_USE;
/*
 * Writes a file as root: there is the old one or the new one at any time. It keeps owner, group, mode and
 * attributes; one that is new is root's and has mode 0600.
 */
int sc_ssh_put(const struct sc_ssh *s, const char *path, const void *data, size_t len,
	       char **ret_error) DR_MUST_USE;

/* A text as one word of sh(1); the caller frees it. NULL: no memory. */
char *sc_ssh_quote(const char *text) DR_MUST_USE;

/*
 * A command that waits for a word from us, as root: started, and seen to have printed a line "ready" within
 * the limit. sc_ssh_session_go() sends it the line "go".
 */
struct sc_ssh_session;

int sc_ssh_session_new(const struct sc_ssh *s, const char *command, struct dr_dur limit,
		       struct sc_ssh_session **ret, char **ret_error) DR_MUST_USE;
int sc_ssh_session_go(struct sc_ssh_session *s) DR_MUST_USE;
void sc_ssh_session_free(struct sc_ssh_session *s); /* ends our side of it */

#endif
