/* SPDX-License-Identifier: Apache-2.0 */
#include <string.h>

#include "user/hosts.h"

struct named {
	const char *name;
	uint32_t target;
};

static int by_name(const void *a, const void *b)
{
	return strcmp(((const struct named *)a)->name, ((const struct named *)b)->name);
}

int mon_hosts_init(struct mon_hosts *h, const struct mon_config *config)
{
	size_t n = config->target_count;
	DR_AUTO_FREE struct named *sorted = calloc(n + 1, sizeof(*sorted));
	DR_AUTO(mon_hosts_done) struct mon_hosts made = { .target_count = n };

	made.hosts = calloc(n + 1, sizeof(*made.hosts));
	made.host_of = calloc(n + 1, sizeof(*made.host_of));
	made.verdict = calloc(n + 1, sizeof(*made.verdict));
	if (!sorted || !made.hosts || !made.host_of || !made.verdict)
		return -ENOMEM;
	size_t reported = 0;
	for (size_t i = 0; i < n; i++) {
		if (!config->targets[i].canary)
			sorted[reported++] = (struct named){ config->targets[i].host, (uint32_t)i };
	}
	qsort(sorted, reported, sizeof(*sorted), by_name);
	for (size_t i = 0; i < reported; i++) {
		if (i == 0 || strcmp(sorted[i - 1].name, sorted[i].name))
			made.hosts[made.count++].name = sorted[i].name;
		made.host_of[sorted[i].target] = (uint32_t)(made.count - 1);
		made.hosts[made.count - 1].targets++;
	}
	*h = made;
	made = (struct mon_hosts){ 0 };
	return 0;
}

void mon_hosts_done(struct mon_hosts *h)
{
	free(h->hosts);
	free(h->host_of);
	free(h->verdict);
	*h = (struct mon_hosts){ 0 };
}

bool mon_hosts_change(struct mon_hosts *h, size_t target, enum dr_verdict verdict,
		      const struct mon_host **ret_host)
{
	struct mon_host *host = &h->hosts[h->host_of[target]];
	enum dr_verdict old = h->verdict[target], now = host->said;

	host->up += (verdict == DR_VERDICT_UP) - (old == DR_VERDICT_UP);
	host->down += (verdict == DR_VERDICT_DOWN) - (old == DR_VERDICT_DOWN);
	h->verdict[target] = verdict;
	if (host->down == host->targets)
		now = DR_VERDICT_DOWN;
	else if (host->up == host->targets)
		now = DR_VERDICT_UP;
	if (now == host->said)
		return false;
	host->said = now;
	*ret_host = host;
	return true;
}
