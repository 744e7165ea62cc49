/* SPDX-License-Identifier: Apache-2.0 */
#ifndef SCENARIO_REMOTECONF_H
#define SCENARIO_REMOTECONF_H

/*
 * Configuration of a cloud's services on its controllers: changed for the test, and put back byte for byte,
 * with owner, mode and times, by whoever comes first, this process or one that cleans up after it. The
 * original lies beside the file as FILE.doctor-test-saved (where there was no file, FILE.doctor-test-absent)
 * until the services have been restarted with it.
 *
 * Functions return 0, 1 or a negative errno with *ret_error, which the caller frees.
 */

#include "tools/scenario/ssh.h"

#define SC_CONF_PATHS 2
#define SC_CONF_SERVICES 4

/* One file. */
struct sc_conf_change {
	const char *paths[SC_CONF_PATHS];	/* the first one that is there; NULL: Nova's policy file */
	const char *services[SC_CONF_SERVICES]; /* that read it */
	/* As in confedit.h. */
	int (*edit)(const char *text, struct dr_buf *out, char **ret_error);
};

/* What an installer's clouds need; ends with a change without edit. */
struct sc_conf_plan {
	const struct sc_conf_change *changes;
	const char *restart; /* function of sh(1) that restarts the service $1 */
};

/*
 * 0; 1: all was as wanted, nothing is touched. ret_done: names of what was changed, one each line.
 * After a failure some may be changed: sc_conf_restore().
 */
int sc_conf_apply(const struct sc_ssh *ssh, const struct sc_conf_plan *plan, struct dr_buf *ret_done,
		  char **ret_error) DR_MUST_USE;

/* 0; 1: there was nothing to put back. ret_done: what was. */
int sc_conf_restore(const struct sc_ssh *ssh, const struct sc_conf_plan *plan, struct dr_buf *ret_done,
		    char **ret_error) DR_MUST_USE;

#endif
