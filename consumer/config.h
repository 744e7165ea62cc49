/* SPDX-License-Identifier: Apache-2.0 */
#ifndef DOCTOR_CONSUMER_CONFIG_H
#define DOCTOR_CONSUMER_CONFIG_H

/* The configuration of doctor-consumer; etc/doctor-consumer.yaml describes every setting. */

#include "consumer/recovery.h"
#include "doctor/conf.h"
#include "doctor/http_server.h"

#define CON_UUID_LEN 36
#define CON_SERVERS_MAX 10000

enum con_recovery_kind {
	CON_RECOVERY_RECREATE,
	CON_RECOVERY_NONE, /* alarms are received and logged */
};

struct con_config {
	struct dr_http_listen listen;
	char *url;   /* what Aodh is told; NULL: from the listening socket */
	char *cloud; /* entry of clouds.yaml; NULL: OS_CLOUD or OS_* */
	char (*servers)[CON_UUID_LEN + 1];
	size_t server_count;
	enum con_recovery_kind recovery;
	struct con_recovery_conf recreate;
	bool keep_alarms;
	struct dr_dur timeout; /* of one request to the cloud */
};

void con_config_done(struct con_config *c);

/* Reads all of it; complaints gather in f. 0 also then (the caller counts them), or -ENOMEM. */
int con_config_read(struct dr_conf *f, struct con_config *ret) DR_MUST_USE;

/* "aaaaaaaa-bbbb-cccc-dddd-eeeeeeeeeeee", hexadecimal, lower case as Nova writes it. */
bool con_is_uuid(const char *text);

#endif
