/* SPDX-License-Identifier: Apache-2.0 */
#ifndef DOCTOR_INSPECTOR_FAULT_H
#define DOCTOR_INSPECTOR_FAULT_H

/*
 * A fault as those who own servers are told of it, in the terms of OPNFV Doctor's requirements
 * (docs/development/requirements/05-implementation.rst, "Information elements": FaultClass and
 * VirtualResourceInfoClass). Pure.
 */

#include <stdbool.h>
#include <stddef.h>

#include "doctor/clock.h"
#include "doctor/json.h"
#include "inspector/severity.h"

#define INS_FAULT_ID_MAX 65    /* with their NULs */
#define INS_FAULT_TEXT_MAX 256 /* type, host */
#define INS_FAULT_REASON_MAX 512

enum ins_fault_state {
	INS_RAISED,
	INS_CHANGED, /* its severity, its cause or the servers that it affects */
	INS_ENDED,   /* "cleared"; final */
	INS_FAULT_STATES,
};

struct ins_fault_server {
	char id[INS_FAULT_ID_MAX];
	char project[INS_FAULT_ID_MAX]; /* "": not known */
};

struct ins_fault {
	char id[INS_FAULT_ID_MAX];
	char type[INS_FAULT_TEXT_MAX]; /* "compute.host.down" */
	enum ins_severity severity;
	char host[INS_FAULT_TEXT_MAX];
	enum ins_fault_state state;
	struct dr_wall raised, changed, cleared; /* 0: not yet; changed is the last time that anything did */
	char cause[INS_FAULT_REASON_MAX];	 /* for people; "" */
	struct ins_fault_server *servers;	 /* all that it affects */
	size_t server_count;
};

/* Frees the servers. */
void ins_fault_done(struct ins_fault *f);

/* One more server. -ENOMEM; -EINVAL: an id that is empty or too long. project NULL: not known. */
int ins_fault_add_server(struct ins_fault *f, const char *id, const char *project) DR_MUST_USE;

const char *ins_fault_state_name(enum ins_fault_state s);

/*
 * VirtualResourceState and PhysicalResourceState, for a resource that this open fault concerns: a host that
 * is down is "down"; of another critical fault host and servers are in "error"; what is less severe leaves
 * them "normal". Cleared: "normal".
 */
const char *ins_fault_server_state(const struct ins_fault *f);
const char *ins_fault_host_state(const struct ins_fault *f);

/* Which of the servers; NULL: all. */
typedef bool (*ins_server_wanted_fn)(const struct ins_fault *f, const struct ins_fault_server *s,
				     const void *userdata);

/* FaultClass, without servers. NULL or incomplete when out of memory, as the next. */
struct dr_json *ins_fault_json(const struct ins_fault *f) DR_MUST_USE;

/* VirtualResourceInfo of the servers that are wanted, an array. */
struct dr_json *ins_fault_servers_json(const struct ins_fault *f, ins_server_wanted_fn wanted,
				       const void *userdata) DR_MUST_USE;

#endif
