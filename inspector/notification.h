/* SPDX-License-Identifier: Apache-2.0 */
#ifndef DOCTOR_INSPECTOR_NOTIFICATION_H
#define DOCTOR_INSPECTOR_NOTIFICATION_H

/*
 * Nova's notifications: what its bus tells of servers, and the one that we send in its place, the shortcut.
 * Formats: nova/notifications/base.py (unversioned), nova/notifications/objects/ (versioned), and the
 * envelope of oslo_messaging/_drivers/common.py. Pure.
 */

#include <stdbool.h>

#include "doctor/clock.h"

/* That a server's state has changed, as if Nova said it. */
struct ins_notice {
	const char *message_id; /* a UUID: the same for each repetition */
	const char *host;	/* Nova's name */
	const char *project_id, *server_id;
	const char *state;	/* "error", "active" */
	const char *event_type; /* NULL: "compute.instance.update" */
	struct dr_wall when;
};

/* wrapped: in oslo.messaging's envelope. -EINVAL: the message id is no UUID. -ENOMEM. The caller frees *ret.
 */
int ins_notice_body(const struct ins_notice *n, bool wrapped, char **ret) DR_MUST_USE;

/* What a notification says of where things are. */
struct ins_change {
	enum {
		INS_CHANGE_SERVER,
		INS_CHANGE_SERVICE, /* of this host's nova-compute: registered, disabled, forced down ... */
	} kind;
	char host[256]; /* of a server: "" when it is on none */
	char server[65], project[65];
	char state[20]; /* vm_state; nothing here is longer than what the map keeps */
	bool deleted;
};

/*
 * 1: no such thing, or of a state that is not the last one (the source's word on a live migration that has
 * ended, say); also the shortcut, which names no host in its payload. -EBADMSG: no notification. -ENOMEM.
 */
int ins_notification_parse(const char *body, size_t len, struct ins_change *ret) DR_MUST_USE;

#endif
