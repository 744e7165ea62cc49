/* SPDX-License-Identifier: Apache-2.0 */
#ifndef DOCTOR_TESTS_FAKE_REDFISH_H
#define DOCTOR_TESTS_FAKE_REDFISH_H

/*
 * A BMC for tests of the inspector, on the test's own loop: computers with a power state that takes a while
 * to change, and answers that can be bent per request. It writes down what it is asked.
 */

#include <limits.h>

#include "doctor/http_server.h"

#define FAKE_BMC_MAX 16

struct fake_system {
	char id[32];
	const char *power;     /* PowerState as JSON; "\"On\"" */
	const char *meanwhile; /* the same, between a reset and its effect; NULL: as before */
	unsigned off_after;    /* reads after a reset that do not show "Off" yet; UINT_MAX: never */
	const char *allowable; /* ResetType@Redfish.AllowableValues as JSON; NULL: not said */
	const char *type;      /* @odata.type */
	const char *target;    /* of the reset; NULL: as it should be; "": there is no such action */
	unsigned resets;       /* accepted ones */
	char reset_type[32];   /* of the last */
};

/* The first rule that fits a request and has count left decides. */
struct fake_bmc_rule {
	const char *method, *path; /* path: how it ends */
	unsigned status;	   /* 0: no answer at all */
	const char *body;	   /* NULL: an error as DSP0266 has it */
	unsigned count;		   /* requests that it is for; UINT_MAX: all */
	bool works;		   /* what is asked for is done all the same */
};

struct fake_bmc {
	struct dr_http_server *server;
	struct fake_system systems[FAKE_BMC_MAX];
	struct fake_bmc_rule rules[FAKE_BMC_MAX];
	size_t system_count, rule_count;
	const char *authorization; /* the header that is demanded; NULL: none */
	unsigned reset_status;	   /* 204 */
	char asked[256][128];	   /* "GET /redfish/v1/Systems", in order */
	size_t asked_count;
	struct dr_http_exchange *held[FAKE_BMC_MAX];
	size_t held_count;
};

int fake_bmc_new(struct dr_loop *l, struct fake_bmc **ret);
void fake_bmc_free(struct fake_bmc *f);

struct fake_system *fake_bmc_add(struct fake_bmc *f,
				 const char *id); /* is on, and off as soon as it is told */
void fake_bmc_rule(struct fake_bmc *f, const struct fake_bmc_rule *rule);
size_t fake_bmc_count(const struct fake_bmc *f, const char *prefix); /* requests that begin with this */

#endif
