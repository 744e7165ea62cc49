/* SPDX-License-Identifier: Apache-2.0 */
#ifndef SCENARIO_OUTAGE_H
#define SCENARIO_OUTAGE_H

/*
 * The network of a host that is reached by SSH fails for a time that is known before: nobody could tell the
 * host to come back. A script on it makes the fault and ends it; beside it a process of its own, the dead
 * man's switch, ends it some seconds later whatever has become of the script, of SSH and of us. Both are
 * detached from the session. What is lost with a link, its routes and IPv6 addresses, comes back, too.
 *
 * Functions return 0 or a negative errno with *ret_error, which the caller frees.
 */

#include "tools/scenario/ssh.h"

enum sc_outage_kind {
	SC_OUTAGE_SILENT, /* the interface drops all IP packets and answers no ARP; its carrier stays */
	SC_OUTAGE_LINK,	  /* the interface is set down */
	SC_OUTAGE_FLAP,	  /* three times, and it stays down */
	SC_OUTAGE_BLINK,  /* three times, and it stays up */
};

struct sc_outage {
	const struct sc_ssh *ssh;
	struct sc_ssh_session *session;
	bool armed;
};

/*
 * Puts the script there, with the switch running: of the interface that has the address by which ssh reaches
 * the host. The fault is to last for so long; the switch acts 10 s later than that, counted from now, and so
 * go() is to follow within that. Returns when the switch is seen to run, and the script waits for go().
 */
int sc_outage_arm(struct sc_outage *ret, const struct sc_ssh *ssh, enum sc_outage_kind kind,
		  struct dr_dur limit, char **ret_error) DR_MUST_USE;
/* The fault begins after this call has begun, by some milliseconds and the way to the host. */
int sc_outage_go(struct sc_outage *o, char **ret_error) DR_MUST_USE;
/*
 * Once the host is reached again: ends the fault if it is still there, and removes the script. Also of
 * another process's fault, and when there was none. *ret_log: what script and switch have said; the caller
 * frees it.
 */
int sc_outage_end(const struct sc_ssh *ssh, char **ret_log, char **ret_error) DR_MUST_USE;
void sc_outage_done(struct sc_outage *o); /* our side only */

#define SC_OUTAGE_SLACK dr_sec(10)

#endif
