/* SPDX-License-Identifier: Apache-2.0 */
#include "user/unsent.h"

static void begin(struct mon_unsent *g, uint64_t attempts, uint64_t sent, uint64_t now)
{
	*g = (struct mon_unsent){
		.sent = sent, .since_ns = now, .attempts = attempts, .newest = attempts, .grew_ns = now
	};
}

/* No attempt for longer than two of them are apart. */
static bool stalled(struct mon_unsent *g, uint64_t attempts, uint32_t multiplier, uint64_t detect_ns,
		    uint64_t now)
{
	if (attempts != g->newest) {
		g->newest = attempts;
		g->grew_ns = now;
		return false;
	}
	return now - g->grew_ns > 2 * (detect_ns / (multiplier ? multiplier : 1));
}

bool mon_unsent_look(struct mon_unsent *g, uint64_t attempts, uint64_t sent, uint32_t multiplier,
		     uint64_t detect_ns, uint64_t now_ns)
{
	if (g->since_ns == 0 || sent != g->sent || attempts < g->newest ||
	    stalled(g, attempts, multiplier, detect_ns, now_ns)) {
		begin(g, attempts, sent, now_ns);
		return false;
	}
	if (attempts == g->attempts || attempts - g->attempts < multiplier ||
	    now_ns - g->since_ns < detect_ns)
		return false;
	g->tries++;
	return true;
}
