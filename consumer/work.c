/* SPDX-License-Identifier: Apache-2.0 */
#include "consumer/work.h"

#include <string.h>

#include "consumer/replacement.h"

struct dr_nova_api con_show_api(const struct dr_nova_api *api)
{
	struct dr_nova_api shown = *api;

	shown.use = DR_MIN(shown.use, (unsigned)CON_SHOW_VERSION_MAX);
	return shown;
}

enum con_outcome con_take_version(const struct dr_cloud_reply *r, struct dr_nova_api *api, char *why,
				  size_t size)
{
	enum con_outcome outcome = con_outcome_of(false, r->error, r->status);
	int error;

	if (outcome != CON_OUT_OK) {
		snprintf(why, size, "asking Nova for its version: %s", r->reason);
		return outcome == CON_OUT_RETRY ? CON_OUT_RETRY : CON_OUT_REFUSED;
	}
	error = dr_nova_version_parse(r->json, api);
	if (error < 0)
		snprintf(why, size, "Nova's version is not understood: %s", strerror(-error));
	return error < 0 ? CON_OUT_REFUSED : CON_OUT_OK;
}
