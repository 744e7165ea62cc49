/* SPDX-License-Identifier: Apache-2.0 */
#include "user/rtt.h"

#include <string.h>

static bool is_group(const struct mon_rtt_group *g, const char *interface, const char *plane)
{
	return strcmp(g->plane, plane) == 0 && strcmp(g->interface, interface) == 0;
}

static struct mon_rtt_group *new_group(struct mon_rtt *r, const char *interface, const char *plane)
{
	struct mon_rtt_group *groups = reallocarray(r->groups, r->count + 1, sizeof(*groups));

	if (!groups) {
		r->error = -ENOMEM;
		return NULL;
	}
	r->groups = groups;
	r->last = r->count++;
	groups[r->last] = (struct mon_rtt_group){ 0 };
	snprintf(groups[r->last].interface, sizeof(groups->interface), "%s", interface);
	snprintf(groups[r->last].plane, sizeof(groups->plane), "%s", plane);
	return &groups[r->last];
}

/* Neighbours in the list of targets are mostly of one group: the last one is tried first. */
static struct mon_rtt_group *find_group(struct mon_rtt *r, const char *interface, const char *plane)
{
	if (r->count > 0 && is_group(&r->groups[r->last], interface, plane))
		return &r->groups[r->last];
	for (size_t i = 0; i < r->count; i++) {
		if (is_group(&r->groups[i], interface, plane)) {
			r->last = i;
			return &r->groups[i];
		}
	}
	if (r->count == MON_RTT_GROUPS_MAX)
		return &r->groups[MON_RTT_GROUPS_MAX - 1];
	if (r->count == MON_RTT_GROUPS_MAX - 1)
		return new_group(r, "", ""); /* all others */
	return new_group(r, interface, plane);
}

void mon_rtt_add(struct mon_rtt *r, const char *interface, const char *plane, const struct dr_track *track)
{
	struct mon_rtt_group *g = find_group(r, interface, plane);

	if (!g || !track)
		return;
	for (size_t i = 0; i < DR_RTT_BUCKETS; i++)
		g->buckets[i] += track->rtt_log2[i];
	g->sum_ns += track->rtt_sum_ns;
}

void mon_rtt_copy(const struct mon_rtt *from, struct mon_rtt *ret)
{
	ret->error = from->error;
	if (from->count == 0)
		return;
	ret->groups = reallocarray(NULL, from->count, sizeof(*ret->groups));
	if (!ret->groups) {
		ret->error = -ENOMEM;
		return;
	}
	memcpy(ret->groups, from->groups, from->count * sizeof(*ret->groups));
	ret->count = from->count;
}

void mon_rtt_done(struct mon_rtt *r)
{
	free(r->groups);
	*r = (struct mon_rtt){ 0 };
}
