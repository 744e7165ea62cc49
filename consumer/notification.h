/* SPDX-License-Identifier: Apache-2.0 */
#ifndef DOCTOR_CONSUMER_NOTIFICATION_H
#define DOCTOR_CONSUMER_NOTIFICATION_H

/* What the inspector's northbound interface sends and takes (docs/api.md, "Northbound"). Pure. */

#include "consumer/alarm.h"
#include "consumer/plan.h"
#include "doctor/json.h"

#define CON_SECRET_MIN 16
#define CON_SECRET_MAX 256

struct con_notification {
	struct dr_json *root;	       /* what the rest points into */
	const char *id, *subscription; /* of the notification */
	const char *fault, *type;
	bool cleared;
	struct dr_wall raised;	       /* 0: not told */
	const struct dr_json *servers; /* virtual_resource_info */
};

void con_notification_done(struct con_notification *n);

/* -EBADMSG: it is none, why says what is wrong with it. */
int con_notification_parse(const char *body, size_t len, struct con_notification *ret,
			   char why[CON_WHY_MAX]) DR_MUST_USE;

/*
 * The id of the server that an item of n->servers says is in error (cleared: any); NULL: it says something
 * else.
 */
const char *con_notification_server(const struct con_notification *n, const struct dr_json *item);

/* Is "sha256=HEX" the body's, with this secret? Takes as long for each. */
bool con_signature_fits(const char *secret, const char *signature, const void *body, size_t len);

/* The body of POST /v1/subscriptions. project NULL: servers, instead. NULL: out of memory. */
struct dr_json *con_subscription_body(const char *callback, const char *secret, const char *project,
				      const struct con_ids *servers);

/* Whether a subscription, as GET /v1/subscriptions/ID shows it, is what that body asks for. */
bool con_subscription_fits(const struct dr_json *shown, const char *callback, const char *project,
			   const struct con_ids *servers);

#endif
