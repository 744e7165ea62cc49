/* SPDX-License-Identifier: Apache-2.0 */
#include "tests/unit/status_world.h"

#include <string.h>

static bool get_target(void *userdata, uint32_t slot, struct mon_status_target *ret)
{
	struct world *w = userdata;
	uint64_t end = dr_mono_now().ns + w->target_pause_ns;

	assert_in_range(slot, 0, w->status.slot_count - 1);
	w->target_calls++;
	while (w->target_pause_ns && dr_mono_now().ns < end)
		;
	if (!w->targets[slot].target)
		return false;
	*ret = w->targets[slot];
	return true;
}

static void set_target(struct world *w, uint32_t i)
{
	uint32_t slot = world_slot(i);
	struct mon_target *t = &w->settings[slot];
	char address[MON_ADDRESS_STR_MAX];

	*t = (struct mon_target){ .kind = i % 3 == 0   ? DR_KIND_ECHO4
					  : i % 3 == 1 ? DR_KIND_ECHO6
						       : DR_KIND_ARP,
				  .interface = i % 2,
				  .interval = dr_msec(10),
				  .multiplier = 3,
				  .rise = 2,
				  .detect = dr_msec(30) };
	snprintf(t->host, sizeof(t->host), "host-%u", i / 2);
	snprintf(t->plane, sizeof(t->plane), "%s", i % 2 ? "storage" : "data");
	snprintf(address, sizeof(address), i % 3 == 1 ? "2001:db8::%x" : "192.0.2.%u", i % 250 + 1);
	assert_true(mon_address_parse(address, t->address) > 0);
	w->targets[slot] = (struct mon_status_target){
		.target = t,
		.interface = w->interfaces[i % 2].name,
		.slot = slot,
		.attempts = 105,
		.track = { .verdict = DR_VERDICT_UP,
			   .reason = DR_REASON_ANSWERS,
			   .transitions = 1,
			   .changed_ns = WORLD_AGO(60000),
			   .sent = 100,
			   .answered = 99,
			   .outstanding = 1,
			   .last_tx_ns = WORLD_AGO(5),
			   .last_rx_ns = WORLD_AGO(15),
			   .rtt_ns = 210000,
			   .rtt_min_ns = 100000,
			   .rtt_max_ns = 5000000,
			   .rtt_sum_ns = 99 * 200000,
			   .rtt_log2 = { [7] = 90, [8] = 8, [DR_RTT_BUCKETS - 1] = 1 } },
	};
	w->status.targets_by_verdict[DR_VERDICT_UP]++;
}

static void set_places(struct world *w)
{
	static const char *const names[] = { "eth0", "eth1" };

	for (unsigned i = 0; i < 2; i++) {
		w->interfaces[i] = (struct mon_status_interface){
			.name = names[i],
			.ifindex = i + 2,
			.ingress = i ? "generic" : "native",
			.egress = "tcx",
			.attached = true,
			.state = { .ifindex = i + 2, .carrier = 1, .up = 3 },
			.lost = { .xdp_exceptions = 4, .rx_dropped = 1, .rx_missed = 2, .rx_errors = 3 },
		};
		snprintf(w->link_settings[i].name, sizeof(w->link_settings[i].name), "%s", names[i]);
		snprintf(w->link_settings[i].host, sizeof(w->link_settings[i].host), "node-1");
		snprintf(w->link_settings[i].plane, sizeof(w->link_settings[i].plane), "data");
		w->links[i] = (struct mon_status_link){
			.link = &w->link_settings[i],
			.ifindex = i + 2,
			.state = { .carrier = 1,
				   .source = DR_LINK_NETLINK,
				   .ups = 2 + i,
				   .downs = 1,
				   .flaps = 1,
				   .changed_ns = WORLD_AGO(3000),
				   .down_ns = WORLD_AGO(4000) },
			.lost = { .xdp_exceptions = 7, .rx_dropped = 11, .rx_missed = 12, .rx_errors = 13 },
		};
	}
}

void world_init(struct world *w, uint32_t targets)
{
	struct mon_status *s = &w->status;

	*w = (struct world){ 0 };
	set_places(w);
	*s = (struct mon_status){
		.name = "doctor-monitor",
		.version = "1.2.3",
		.host = "node-1",
		.link_source = "netlink",
		.link_source_why = "lockdown",
		.now = { WORLD_NOW },
		.wall_now = { 1795356201710436000 },
		.uptime = dr_sec(90),
		.cycle = { { WORLD_AGO(100) }, { WORLD_AGO(100) }, { WORLD_AGO(100) } },
		.interface_count = 2,
		.link_count = 2,
		.inspector_count = 1,
		.interfaces = w->interfaces,
		.links = w->links,
		.sender = { .attempts = 1000,
			    .sent = 990,
			    .failed = 9,
			    .skipped = 1,
			    .late_max_ns = 20500,
			    .last_cycle_ns = WORLD_AGO(100) },
		.unseen = 7,
		.inspectors = { { .url = "http://user:secret@inspector:12345/events",
				  .delivered = 5,
				  .reachable = true } },
		.slot_count = world_slot(targets) + 1,
		.target = get_target,
		.userdata = w,
	};
	for (size_t i = 0; i < sizeof(s->counters) / sizeof(uint64_t); i++)
		((uint64_t *)&s->counters)[i] = 1000 + i;
	w->targets = calloc(s->slot_count, sizeof(*w->targets));
	w->settings = calloc(s->slot_count, sizeof(*w->settings));
	assert_non_null(w->targets);
	assert_non_null(w->settings);
	for (uint32_t i = 0; i < targets; i++)
		set_target(w, i);
}

void world_done(struct world *w)
{
	free(w->targets);
	free(w->settings);
}

void world_set_verdict(struct world *w, uint32_t slot, enum dr_verdict verdict, enum dr_reason reason)
{
	struct dr_track *t = &w->targets[slot].track;

	w->status.targets_by_verdict[t->verdict]--;
	w->status.targets_by_verdict[verdict]++;
	t->verdict = verdict;
	t->reason = reason;
}

void world_snapshot(void *userdata, struct mon_status *ret)
{
	struct world *w = userdata;

	w->snapshots++;
	*ret = w->status;
}

void world_read_docs(struct dr_buf *ret)
{
	DR_AUTO_FCLOSE FILE *f = fopen("docs/status.md", "re");
	char chunk[4096];
	size_t n;

	assert_non_null(f);
	while ((n = fread(chunk, 1, sizeof(chunk), f)) > 0)
		dr_buf_append(ret, chunk, n);
	assert_int_equal(ret->error, 0);
}
