/* SPDX-License-Identifier: Apache-2.0 */
#ifndef SCENARIO_CONFEDIT_H
#define SCENARIO_CONFEDIT_H

/*
 * Changes to the configuration files of a cloud's services, such that comments, order and all that is not
 * concerned stay as they are. Pure. Functions return 0 with the whole new text appended to out, 1: the text
 * does already what is wanted; -EBADMSG: it is not understood, *ret_error says where (the caller frees it);
 * -ENOMEM.
 */

#include "doctor/buf.h"

/* An option of oslo.config. False: it is not set. The last of several goes; too long a value is cut. */
bool sc_ini_get(const char *text, const char *section, const char *key, char *ret, size_t size);
/* Sets it where it stands, or below the section's head, or in a new section at the end. */
int sc_ini_set(const char *text, const char *section, const char *key, const char *value,
	       struct dr_buf *out) DR_MUST_USE;

/* nova.conf: changes of state are notified, in the old format (that of Ceilometer), onto the bus. */
int sc_edit_nova(const char *text, struct dr_buf *out, char **ret_error) DR_MUST_USE;

/* event_pipeline.yaml: the sink event_sink has the publisher that Aodh listens to. */
#define SC_PUBLISHER "notifier://?topic=alarm.all"
int sc_edit_pipeline(const char *text, struct dr_buf *out, char **ret_error) DR_MUST_USE;

/* Nova's policy, in YAML or JSON ("": a new file): a server's owner sees host_status. */
int sc_edit_policy(const char *text, struct dr_buf *out, char **ret_error) DR_MUST_USE;

#endif
