// SPDX-License-Identifier: GPL-2.0-only OR BSD-2-Clause
/*
 * Carrier changes at the moment that a driver tells of them, ahead of the pause that linkwatch makes before
 * rtnetlink hears of a second one within a second; and the packets that an XDP program of anybody's ended by
 * XDP_ABORTED or with a verdict that is none. Two halves that are loaded each by itself, as a kernel may
 * refuse the first (lockdown; arm64 in 6.1) and allow the second. The only programs that look at the
 * kernel's own structures: CO-RE, by these flavours of them.
 */
#include "bpf/common.bpf.h"
#include "bpf/link.h"

#include <bpf/bpf_core_read.h>
#include <bpf/bpf_tracing.h>

char LICENSE[] SEC("license") = "Dual BSD/GPL";

/* Set by the loader: the inode number of the network namespace whose interfaces these are. */
const volatile __u32 dr_netns;

#define CO_RE __attribute__((preserve_access_index))

struct ns_common___dr {
	unsigned int inum;
} CO_RE;

struct net___dr {
	struct ns_common___dr ns;
} CO_RE;

struct net_device___dr {
	int ifindex;
	struct {
		struct net___dr *net;
	} nd_net;
} CO_RE;

/* A bit field of an enum up to 6.1 and later, a byte in 6.12. */
enum netdev_reg_state___dr {
	NETREG_UNINITIALIZED___dr = 0,
};
struct net_device___byte {
	__u8 reg_state;
} CO_RE;
struct net_device___bits {
	enum netdev_reg_state___dr reg_state : 8;
} CO_RE;

static __always_inline int is_registered(const void *dev)
{
	const struct net_device___byte *byte = dev;
	const struct net_device___bits *bits = dev;

	if (bpf_core_field_exists(byte->reg_state))
		return byte->reg_state != NETREG_UNINITIALIZED___dr;
	if (bpf_core_field_exists(bits->reg_state))
		return BPF_CORE_READ_BITFIELD(bits, reg_state) != NETREG_UNINITIALIZED___dr;
	return 1;
}

/* NULL: not one that is watched. Indices repeat in other namespaces, and before a device is registered. */
static __always_inline struct dr_link *link_of(const struct net_device___dr *dev, __u32 *ret_ifindex)
{
	__u32 ifindex = (__u32)dev->ifindex;
	struct dr_link *l = bpf_map_lookup_elem(&dr_links, &ifindex);

	if (!l || dev->nd_net.net->ns.inum != dr_netns || !is_registered(dev))
		return 0;
	*ret_ifindex = ifindex;
	return l;
}

static __always_inline int carrier_is(const struct net_device___dr *dev, __u32 carrier)
{
	__u64 now = bpf_ktime_get_ns();
	__u32 ifindex;
	struct dr_link *l = link_of(dev, &ifindex);

	if (l && dr_on_link(l, carrier, DR_LINK_FENTRY, now))
		link_changed(ifindex, l, now);
	return 0;
}

SEC("fentry/netif_carrier_off")
int BPF_PROG(dr_carrier_off, struct net_device___dr *dev)
{
	return carrier_is(dev, 0);
}

SEC("fentry/netif_carrier_on")
int BPF_PROG(dr_carrier_on, struct net_device___dr *dev)
{
	return carrier_is(dev, 1);
}

SEC("tp_btf/xdp_exception")
int BPF_PROG(dr_xdp_except, struct net_device___dr *dev)
{
	__u32 ifindex;
	struct dr_link *l = link_of(dev, &ifindex);

	if (l)
		__sync_fetch_and_add(&l->xdp_exceptions, 1);
	return 0;
}
