/* SPDX-License-Identifier: Apache-2.0 */
#ifndef DOCTOR_INSPECTOR_BUS_CONF_H
#define DOCTOR_INSPECTOR_BUS_CONF_H

/* The section "bus" of the configuration; etc/doctor-inspector.yaml describes it. */

#include "doctor/cloud/amqp.h"
#include "doctor/conf.h"

#define INS_TOPICS_MAX DR_AMQP_KEYS_MAX

/* When owners are told by the bus, at once, of what they are told by way of Nova as well. */
enum ins_shortcut {
	INS_SHORTCUT_OFF,
	INS_SHORTCUT_BEFORE, /* the reset of a server waits for it */
	INS_SHORTCUT_BESIDE,
};

struct ins_bus_conf {
	struct dr_amqp_host *hosts;
	size_t host_count; /* 0: there is no bus */
	char *vhost, *user, *password, *password_file, *ca_file;
	bool tls, durable;
	char *exchange;
	char *topics[INS_TOPICS_MAX]; /* the first is the shortcut's */
	size_t topic_count;
	bool listen;
	enum ins_shortcut shortcut;
	struct dr_dur timeout; /* of one message */
};

void ins_bus_conf_done(struct ins_bus_conf *c);

/* Complaints gather in f. -ENOMEM. */
int ins_bus_conf_read(struct dr_conf *f, struct dr_conf_node *root, struct ins_bus_conf *ret) DR_MUST_USE;

#endif
