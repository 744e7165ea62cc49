/* SPDX-License-Identifier: Apache-2.0 */
#include "user/report_rules.h"

enum mon_delivery mon_delivery_of(int error, unsigned status)
{
	if (error)
		return MON_RETRY;
	if (status >= 200 && status < 300)
		return MON_DELIVERED;
	/* the event itself is at fault; everything else (credentials, path, load) may yet be mended */
	if (status == 400 || status == 413 || status == 422)
		return MON_REFUSED;
	return MON_RETRY;
}

struct dr_dur mon_retry_pause(unsigned n, uint32_t random)
{
	int64_t ms = n >= 7 ? 5000 : DR_MIN(5000, 100 << (n ? n - 1 : 0));

	return (struct dr_dur){ ms * DR_NSEC_PER_MSEC * (75 + random % 51) / 100 };
}

int mon_choose(const struct mon_choice *c, size_t n, struct dr_mono now, struct dr_mono *ret_again)
{
	struct dr_mono again = { UINT64_MAX };
	bool refused = false, held = false;

	for (size_t i = 0; i < n; i++)
		held |= c[i].holds && c[i].fits && !c[i].refused;
	for (size_t i = 0; i < n; i++) {
		if (!c[i].fits || (held && !c[i].holds))
			continue;
		if (c[i].refused) {
			refused = true;
			continue;
		}
		if (!c[i].failed || c[i].again.ns <= now.ns)
			return (int)i;
		again.ns = DR_MIN(again.ns, c[i].again.ns);
	}
	if (refused || again.ns == UINT64_MAX)
		return -2;
	*ret_again = again;
	return -1;
}
