/* SPDX-License-Identifier: Apache-2.0 */
#ifndef DOCTOR_CONSUMER_ALARM_H
#define DOCTOR_CONSUMER_ALARM_H

/*
 * What Aodh POSTs when an event alarm fires (aodh/notifier/rest.py). Pure.
 */

#include "doctor/clock.h"
#include "doctor/mem.h"

#define CON_ID_MAX 64
#define CON_MESSAGE_ID_MAX 255

struct con_alarm {
	char alarm_id[CON_ID_MAX + 1];
	char server_id[CON_ID_MAX + 1];
	char message_id[CON_MESSAGE_ID_MAX + 1]; /* of the event; printable */
	struct dr_wall generated;		 /* when Nova told it; 0: not told, or no time */
};

#define CON_WHY_MAX 200

/*
 * 0: a server is in error, *ret says which. 1: an alarm that tells of something else (another state than
 * "alarm", an event whose trait `state` is not "error"); why says of what, *ret is filled as far as it goes.
 * -EBADMSG: it is no alarm, why says what is wrong with it.
 */
int con_alarm_parse(const char *body, size_t len, struct con_alarm *ret, char why[CON_WHY_MAX]) DR_MUST_USE;

#endif
