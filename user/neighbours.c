/* SPDX-License-Identifier: Apache-2.0 */
#include "user/neighbours.h"

#include <arpa/inet.h>
#include <ifaddrs.h>
#include <stdio.h>
#include <string.h>

#include "doctor/log.h"

#define PREFIXES_MAX 256

/* ---------------------------------------------------------------- counting */

static bool is_in(const __be32 address[4], const struct mon_prefix *p)
{
	for (unsigned i = 0, left = p->length; i < 4 && left; i++) {
		unsigned bits = DR_MIN(left, 32u);

		if (ntohl(address[i] ^ p->address[i]) >> (32 - bits))
			return false;
		left -= bits;
	}
	return true;
}

static bool is_neighbour(const struct mon_config *c, const struct mon_target *t, const struct mon_prefix *p,
			 size_t n)
{
	for (size_t i = 0; i < n; i++) {
		if (strcmp(p[i].interface, c->interfaces[t->interface].name) == 0 && is_in(t->address, &p[i]))
			return true;
	}
	return false;
}

size_t mon_neighbours_count(const struct mon_config *c, const struct mon_prefix *p, size_t n, bool v4)
{
	enum dr_kind kind = v4 ? DR_KIND_ECHO4 : DR_KIND_ECHO6;
	size_t count = 0;

	for (size_t i = 0; i < c->target_count; i++)
		count += c->targets[i].kind == kind && is_neighbour(c, &c->targets[i], p, n);
	return count;
}

/* ---------------------------------------------------------------- this machine */

static unsigned length_of(const void *mask, size_t size)
{
	const uint8_t *bytes = mask;
	unsigned bits = 0;

	for (size_t i = 0; i < size; i++)
		bits += (unsigned)__builtin_popcount(bytes[i]);
	return bits;
}

static bool prefix_of(const struct ifaddrs *a, struct mon_prefix *ret)
{
	struct mon_prefix p = { 0 };

	if (!a->ifa_addr || !a->ifa_netmask)
		return false;
	if (a->ifa_addr->sa_family == AF_INET) {
		p.address[2] = htonl(0xffff);
		p.address[3] = ((struct sockaddr_in *)a->ifa_addr)->sin_addr.s_addr;
		p.length = 96 + length_of(&((struct sockaddr_in *)a->ifa_netmask)->sin_addr, 4);
	} else if (a->ifa_addr->sa_family == AF_INET6) {
		memcpy(p.address, &((struct sockaddr_in6 *)a->ifa_addr)->sin6_addr, sizeof(p.address));
		p.length = length_of(&((struct sockaddr_in6 *)a->ifa_netmask)->sin6_addr, 16);
	} else {
		return false;
	}
	snprintf(p.interface, sizeof(p.interface), "%s", a->ifa_name);
	*ret = p;
	return true;
}

static size_t prefixes_of_machine(struct mon_prefix p[PREFIXES_MAX])
{
	struct ifaddrs *all = NULL;
	size_t n = 0;

	if (getifaddrs(&all))
		return 0;
	for (const struct ifaddrs *a = all; a && n < PREFIXES_MAX; a = a->ifa_next)
		n += prefix_of(a, &p[n]);
	freeifaddrs(all);
	return n;
}

/* 0: not to be seen, as in network namespaces, which share the first one's. */
static size_t room_of(bool v4)
{
	DR_AUTO_FCLOSE FILE *f = fopen(v4 ? "/proc/sys/net/ipv4/neigh/default/gc_thresh3"
					  : "/proc/sys/net/ipv6/neigh/default/gc_thresh3",
				       "re");
	size_t room;

	return f && fscanf(f, "%zu", &room) == 1 ? room : 0;
}

void mon_neighbours_warn(const struct mon_config *c)
{
	struct mon_prefix p[PREFIXES_MAX];
	size_t n = prefixes_of_machine(p);

	for (int v4 = 1; v4 >= 0; v4--) {
		size_t count = mon_neighbours_count(c, p, n, v4), room = room_of(v4);

		if (room && count >= room)
			dr_warning("%zu targets are neighbours on our own links, and the kernel's table has "
				   "room for %zu: probes to others vanish; raise "
				   "net.ipv%d.neigh.default.gc_thresh3 to %zu",
				   count, room, v4 ? 4 : 6, 2 * count);
	}
}
