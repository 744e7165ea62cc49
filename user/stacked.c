/* SPDX-License-Identifier: Apache-2.0 */
#include "user/stacked.h"

#include <stdio.h>
#include <string.h>

#include "doctor/mem.h"

#define DEPTH_MAX 8 /* MAX_NEST_DEV of linux/netdevice.h */

static bool is_one_of(const char *kind, const char *const kinds[])
{
	for (; *kinds; kinds++) {
		if (strcmp(kind, *kinds) == 0)
			return true;
	}
	return false;
}

/* IFLA_LINK of these is the other end of a cable. */
static bool is_cable(const struct mon_rtnl_device *d)
{
	static const char *const kinds[] = { "veth", "netkit", "vxcan", NULL };

	return is_one_of(d->kind, kinds);
}

/* Whose ports name them as their master, or (the port of a switch in software) have no such relation at all.
 */
static bool is_master(const struct mon_rtnl_device *d)
{
	static const char *const kinds[] = { "bond", "team", "bridge", "hsr", "batadv", "openvswitch", NULL };

	return is_one_of(d->kind, kinds);
}

static bool hands_xdp_down(const struct mon_rtnl_device *d)
{
	static const char *const kinds[] = { "bond", "team", NULL };

	return is_one_of(d->kind, kinds);
}

bool mon_stacked_is(const struct mon_rtnl_device *d)
{
	return is_master(d) || (d->linked && !is_cable(d));
}

static bool is_on(const struct mon_rtnl_device *d, const struct mon_rtnl_device *lower)
{
	return lower->master == d->ifindex || (d->link == lower->ifindex && !is_cable(d));
}

static uint32_t most_below(const struct mon_rtnl_device *d, const struct mon_rtnl_device *all, size_t n,
			   unsigned depth)
{
	uint32_t most = 0;

	for (size_t i = 0; depth && i < n; i++) {
		if (is_on(d, &all[i]))
			most = DR_MAX(most, DR_MAX(all[i].queues, most_below(&all[i], all, n, depth - 1)));
	}
	return most;
}

uint32_t mon_stacked_queues(const struct mon_rtnl_device *d, const struct mon_rtnl_device *all, size_t n)
{
	return most_below(d, all, n, DEPTH_MAX);
}

/* A dispatcher is attached in the driver, else in generic mode. */
bool mon_stacked_asks(const struct mon_rtnl_device *d, enum mon_attach_mode asked)
{
	return mon_stacked_is(d) && (asked == MON_ATTACH_GENERIC || asked == MON_ATTACH_DISPATCHER);
}

static struct mon_stacked_way say(enum mon_attach_mode mode, enum mon_stacked_word word,
				  const struct mon_rtnl_device *d, const char *more)
{
	struct mon_stacked_way way = { .mode = mode, .word = word };

	snprintf(way.text, sizeof(way.text), "stands on others: %s%s", d->kind[0] ? d->kind : "linked", more);
	return way;
}

struct mon_stacked_way mon_stacked_decide(const struct mon_rtnl_device *d, uint32_t queues,
					  enum mon_attach_mode asked)
{
	char more[160];

	if (!mon_stacked_is(d))
		return (struct mon_stacked_way){ .mode = asked };
	if (asked == MON_ATTACH_AUTO)
		return say(MON_ATTACH_TC, MON_STACKED_REASON, d, "");
	if (hands_xdp_down(d) && (asked == MON_ATTACH_NATIVE || asked == MON_ATTACH_DISPATCHER))
		return say(asked, MON_STACKED_REFUSAL, d,
			   "; XDP in the driver runs on these, where no reply is known as one of ours: say "
			   "attach: auto or tc");
	if (mon_stacked_asks(d, asked) && queues > d->queues) {
		snprintf(more, sizeof(more),
			 "; generic XDP tells apart %u of their up to %u receive queues, so that hearing by "
			 "one may pass for hearing by another: say attach: auto or tc",
			 d->queues, queues);
		return say(asked, MON_STACKED_WARNING, d, more);
	}
	return (struct mon_stacked_way){ .mode = asked };
}
