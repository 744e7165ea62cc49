/* SPDX-License-Identifier: Apache-2.0 */
#ifndef SCENARIO_CLOUD_PRIVATE_H
#define SCENARIO_CLOUD_PRIVATE_H

/* What the files of cloud.h share. */

#include "tools/scenario/cloud.h"

struct sc_cloud {
	struct dr_loop *loop;
	struct dr_http_client *http[SC_ROLES]; /* each believes the authority of its account */
	struct dr_cloud *session[SC_ROLES];
	struct dr_nova_api nova;
};

/* dr_cloud_call() of a call that was made with result made: 0, the status (>= 300), or negative. */
int sc_call(struct sc_cloud *c, enum sc_role as, int made, struct dr_api_call *call, struct dr_json **ret,
	    char **ret_error) DR_MUST_USE;
/* The same, where every status but 2xx is an error: 0, or negative with *ret_error. */
int sc_call_must(struct sc_cloud *c, enum sc_role as, int made, struct dr_api_call *call,
		 struct dr_json **ret, char **ret_error) DR_MUST_USE;
/* The same, but 1 on 404: what was asked for is not there. */
int sc_call_may_lack(struct sc_cloud *c, enum sc_role as, int made, struct dr_api_call *call,
		     struct dr_json **ret, char **ret_error) DR_MUST_USE;

void sc_copy(char *to, size_t size, const char *from); /* NULL: "" */
#define COPY(to, from) sc_copy(to, sizeof(to), from)

#endif
