/* SPDX-License-Identifier: Apache-2.0 */
#ifndef DOCTOR_INSPECTOR_FENCE_PRIVATE_H
#define DOCTOR_INSPECTOR_FENCE_PRIVATE_H

/* Between the files of fence.h: the fencer, and the two ways to fence one host. */

#include "inspector/fence.h"

#define INS_FENCE_PATTERN_MAX 1024 /* bytes of what a pattern becomes */

/* Called once, from the loop; must neither end what calls it nor cancel it. took is not filled in. */
typedef void (*ins_fence_end_fn)(const struct ins_fence_result *r, void *userdata);

struct ins_fence_ask {
	struct dr_loop *loop;
	const struct ins_fence_conf *conf;
	const char *host, *incident; /* both outlive it */
	ins_fence_end_fn fn;
	void *userdata;
};

/* A name that can stand in a command line and in a URL: letters, digits, ".", "_" and "-", not first. */
bool ins_fence_name_fits(const char *host);

/*
 * pattern with its placeholders filled in; the caller frees it. incident NULL: {incident} is none of them.
 * -EINVAL: another thing in braces; -ENAMETOOLONG; -ENOMEM.
 */
int ins_fence_expand(const char *pattern, const char *host, const char *incident, char **ret) DR_MUST_USE;

/* NULL: there is no BMC for it. */
const struct ins_fence_bmc *ins_fence_bmc_of(const struct ins_fence_conf *c, const char *host);

/* The result of a failure that is told about in words. */
void ins_fence_failed(struct ins_fence_result *r, bool retryable, const char *fmt, ...) DR_PRINTF(3, 4);

/* ---- a hook ---- */

struct ins_hook;

/* All that have been started, the ones included that were killed and are still to be reaped. */
struct ins_hooks {
	struct ins_hook *first;
};

/* 0: a->fn will be called. Negative, of the program or the system: nothing runs. */
int ins_hook_start(struct ins_hooks *all, const struct ins_fence_ask *a, struct ins_hook **ret) DR_MUST_USE;
void ins_hook_free(struct ins_hook *h); /* kills it if it runs, and does not wait for its end; NULL-safe */
void ins_hooks_done(struct ins_hooks *all); /* kills all, and waits a little for their end */

/* ---- a BMC ---- */

struct ins_redfish;

/* 0: a->fn will be called. 1: *why says why it cannot be asked. -ENOMEM and such. */
int ins_redfish_start(const struct ins_fence_ask *a, struct ins_fence_result *why,
		      struct ins_redfish **ret) DR_MUST_USE;
void ins_redfish_free(struct ins_redfish *r); /* pending requests end; NULL-safe */
DR_DEFINE_FREEP(struct ins_redfish, ins_redfish_free)

#endif
