/* SPDX-License-Identifier: Apache-2.0 */
#include <string.h>

#include "user/hosts.h"

int mon_hosts_init(struct mon_hosts *h, uint32_t room)
{
	DR_AUTO(mon_hosts_done) struct mon_hosts made = { .room = room };

	made.hosts = calloc((size_t)room + 1, sizeof(*made.hosts));
	made.host_of = calloc((size_t)room + 1, sizeof(*made.host_of));
	made.verdict = calloc((size_t)room + 1, sizeof(*made.verdict));
	made.free = calloc((size_t)room + 1, sizeof(*made.free));
	if (!made.hosts || !made.host_of || !made.verdict || !made.free ||
	    mon_index_init(&made.by_name, room))
		return -ENOMEM;
	for (uint32_t i = 0; i < room; i++) {
		made.host_of[i] = MON_INDEX_NONE;
		made.free[i] = room - 1 - i;
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
	free(h->free);
	mon_index_done(&h->by_name);
	*h = (struct mon_hosts){ 0 };
}

/* Its number; one of its own if the name is new. There is always room: a host has a slot. */
static uint32_t find_host(struct mon_hosts *h, const char *name)
{
	uint32_t hash = mon_hash_str(MON_HASH, name), i;

	for (i = mon_index_first(&h->by_name, hash); i != MON_INDEX_NONE;
	     i = mon_index_next(&h->by_name, i)) {
		if (strcmp(h->hosts[i].name, name) == 0)
			return i;
	}
	i = h->free[h->room - ++h->count];
	h->hosts[i] = (struct mon_host){ 0 };
	strcpy(h->hosts[i].name, name);
	mon_index_add(&h->by_name, hash, i);
	return i;
}

int mon_hosts_add(struct mon_hosts *h, uint32_t slot, const char *host)
{
	if (slot >= h->room || h->host_of[slot] != MON_INDEX_NONE || !*host || strlen(host) >= MON_HOST_MAX)
		return -EINVAL;
	h->host_of[slot] = find_host(h, host);
	h->verdict[slot] = DR_VERDICT_UNKNOWN;
	h->hosts[h->host_of[slot]].targets++;
	return 0;
}

static bool lives(enum dr_verdict v)
{
	return v == DR_VERDICT_UP || v == DR_VERDICT_DEGRADED;
}

static void count(struct mon_host *host, enum dr_verdict v, uint32_t n)
{
	host->up += lives(v) ? n : 0;
	host->down += v == DR_VERDICT_DOWN ? n : 0;
	host->unreachable += v == DR_VERDICT_UNREACHABLE ? n : 0;
}

/* Says what is so now; true if that is new. */
static bool say(struct mon_host *host)
{
	enum dr_verdict now = host->said;

	if (host->up + host->down + host->unreachable < host->targets)
		return false; /* one is awaited */
	if (host->up && !host->down)
		now = DR_VERDICT_UP;
	else if (host->down && !host->up && !host->sight_lost)
		now = DR_VERDICT_DOWN;
	if (now == host->said)
		return false;
	host->said = now;
	return true;
}

bool mon_hosts_review(struct mon_hosts *h, uint32_t slot, const struct mon_host **ret_host)
{
	if (slot >= h->room || h->host_of[slot] == MON_INDEX_NONE || !say(&h->hosts[h->host_of[slot]]))
		return false;
	*ret_host = &h->hosts[h->host_of[slot]];
	return true;
}

bool mon_hosts_change(struct mon_hosts *h, uint32_t slot, enum dr_verdict verdict,
		      const struct mon_host **ret_host)
{
	if (slot >= h->room || h->host_of[slot] == MON_INDEX_NONE)
		return false;

	struct mon_host *host = &h->hosts[h->host_of[slot]];
	enum dr_verdict old = h->verdict[slot];

	if (verdict == old)
		return false;
	count(host, old, -1U);
	count(host, verdict, 1);
	h->verdict[slot] = verdict;
	if (verdict == DR_VERDICT_DOWN)
		host->sight_lost = false;
	else if (lives(old) && !lives(verdict))
		host->sight_lost = true;
	return mon_hosts_review(h, slot, ret_host);
}

static void forget(struct mon_hosts *h, uint32_t i)
{
	mon_index_remove(&h->by_name, i);
	h->free[h->room - h->count--] = i;
}

void mon_hosts_remove(struct mon_hosts *h, uint32_t slot)
{
	if (slot >= h->room || h->host_of[slot] == MON_INDEX_NONE)
		return;

	uint32_t i = h->host_of[slot];
	struct mon_host *host = &h->hosts[i];
	h->host_of[slot] = MON_INDEX_NONE;
	count(host, h->verdict[slot], -1U);
	if (lives(h->verdict[slot]))
		host->sight_lost = true;
	if (--host->targets == 0)
		forget(h, i);
}

const struct mon_host *mon_hosts_of(const struct mon_hosts *h, uint32_t slot)
{
	if (slot >= h->room || h->host_of[slot] == MON_INDEX_NONE)
		return NULL;
	return &h->hosts[h->host_of[slot]];
}
