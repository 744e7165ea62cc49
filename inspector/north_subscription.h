/* SPDX-License-Identifier: Apache-2.0 */
#ifndef DOCTOR_INSPECTOR_NORTH_SUBSCRIPTION_H
#define DOCTOR_INSPECTOR_NORTH_SUBSCRIPTION_H

/*
 * Who wants to hear of which faults: SubscribeRequest and SubscribeFilterClass of OPNFV Doctor's requirements
 * (05-implementation.rst, "Fault management interface"). Pure.
 *
 *   {"callback": "http://192.0.2.7:8080/faults", "secret": "at least 16 bytes", "filter": {
 *      "resource_types": ["compute.host", "server"], "ids": ["compute-1", "SERVER"], "project": "ID",
 *      "fault_types": ["compute.host.down"], "severity": "warning"}}
 *
 * What a filter does not say, it does not narrow down. Unknown keys are refused: with a filter that is
 * misspelt somebody would hear of too much, or wait in vain.
 */

#include "doctor/uuid.h"
#include "inspector/dialect.h"
#include "inspector/fault.h"
#include "inspector/north_callback.h"

#define INS_FILTER_IDS_MAX 1000
#define INS_FILTER_TYPES_MAX 64
#define INS_SECRET_MIN 16
#define INS_SECRET_MAX 256

/* Sorted, each once. */
struct ins_names {
	char **items;
	size_t count;
};

struct ins_filter {
	bool hosts, servers; /* resource_types */
	struct ins_names ids;
	struct ins_names types;
	char project[INS_FAULT_ID_MAX]; /* "": of any */
	enum ins_severity severity;	/* the least */
};

void ins_filter_done(struct ins_filter *f);

/* json NULL: nothing is narrowed down. 1: refused, *ret_refusal says why. -ENOMEM. */
int ins_filter_read(const struct dr_json *json, struct ins_filter *ret,
		    struct ins_refusal *ret_refusal) DR_MUST_USE;
struct dr_json *ins_filter_json(const struct ins_filter *f) DR_MUST_USE;

/* The fault is severe enough, of a type that is wanted, and concerns a host or a server that is. */
bool ins_filter_takes(const struct ins_filter *f, const struct ins_fault *fault);

/* An ins_server_wanted_fn; userdata is the filter. A server is wanted by its own id or by that of its host.
 */
bool ins_filter_takes_server(const struct ins_fault *fault, const struct ins_fault_server *s,
			     const void *userdata);

struct ins_subscription {
	char id[DR_UUID_STR];
	char callback[INS_CALLBACK_MAX + 1];
	char secret[INS_SECRET_MAX + 1];
	struct dr_wall created;
	struct ins_filter filter;
};

void ins_subscription_done(struct ins_subscription *s);

/* The body of POST /v1/subscriptions; id and created are left to the caller. 1: refused. -ENOMEM. */
int ins_subscription_parse(const char *body, size_t len, const struct ins_callback_rules *rules,
			   struct ins_subscription *ret, struct ins_refusal *ret_refusal) DR_MUST_USE;

/* As it is shown: without the secret. */
struct dr_json *ins_subscription_json(const struct ins_subscription *s) DR_MUST_USE;

#endif
