/* SPDX-License-Identifier: Apache-2.0 */
#include <stdarg.h>
#include <stddef.h>
#include <setjmp.h>
#include <stdint.h>
#include <cmocka.h>

#include <bpf/bpf.h>
#include <bpf/libbpf.h>
#include <dirent.h>
#include <net/if.h>
#include <string.h>
#include <unistd.h>

#include "tests/net/maps.h"
#include "user/config.h"

static int open_map(struct bed *b, const char *map)
{
	DR_AUTO_FREE char *path = dr_asprintf("/sys/fs/bpf/doctor/%s/%s", b->name, map);
	int fd = bpf_obj_get(path);

	if (fd < 0)
		bed_fail(b, "%s: %s", path, strerror(errno));
	return fd;
}

struct dr_track maps_track(struct bed *b, int host, struct dr_target *ret)
{
	DR_AUTO_CLOSE int targets = open_map(b, "dr_targets"), watches = open_map(b, "dr_watch");
	struct dr_target t;
	struct dr_watch w;
	__be32 address[4];

	assert_true(mon_address_parse(sc_topo_address(b->topo, host), address) > 0);
	for (uint32_t slot = 0; bpf_map_lookup_elem(targets, &slot, &t) == 0; slot++) {
		if (!t.key || memcmp(t.addr, address, sizeof(address)))
			continue;
		assert_int_equal(bpf_map_lookup_elem_flags(watches, &slot, &w, BPF_F_LOCK), 0);
		if (ret)
			*ret = t;
		return w.track;
	}
	bed_fail(b, "%s is not watched", sc_topo_name(b->topo, host));
}

struct dr_iface maps_iface(struct bed *b)
{
	DR_AUTO_CLOSE int fd = open_map(b, "dr_ifaces");
	struct dr_iface i;
	uint32_t zero = 0;

	assert_int_equal(bpf_map_lookup_elem(fd, &zero, &i), 0);
	return i;
}

struct dr_link maps_link(struct bed *b)
{
	DR_AUTO_CLOSE int fd = open_map(b, "dr_links");
	uint32_t ifindex = if_nametoindex(sc_topo_ifname(b->topo, SC_MONITOR));
	struct dr_link l;

	assert_int_equal(bpf_map_lookup_elem(fd, &ifindex, &l), 0);
	return l;
}

/* Each CPU's; freed by the caller. */
static struct dr_stats *read_stats(struct bed *b, int fd, int *ret_cpus)
{
	const uint32_t zero = 0;
	struct dr_stats *each;

	*ret_cpus = libbpf_num_possible_cpus();
	assert_true(*ret_cpus > 0);
	each = calloc((size_t)*ret_cpus, sizeof(*each));
	assert_non_null(each);
	assert_int_equal(bpf_map_lookup_elem(fd, &zero, each), 0);
	return each;
}

struct dr_stats maps_stats(struct bed *b)
{
	DR_AUTO_CLOSE int fd = open_map(b, "dr_stats");
	int cpus;
	DR_AUTO_FREE struct dr_stats *each = read_stats(b, fd, &cpus);
	struct dr_stats sum = { 0 };

	for (int c = 0; c < cpus; c++) {
		for (size_t i = 0; i < sizeof(sum) / sizeof(uint64_t); i++)
			((uint64_t *)&sum)[i] += ((const uint64_t *)&each[c])[i];
	}
	return sum;
}

void maps_make_timers_late(struct bed *b)
{
	DR_AUTO_CLOSE int fd = open_map(b, "dr_stats");
	const uint32_t zero = 0;
	int cpus;
	DR_AUTO_FREE struct dr_stats *each = read_stats(b, fd, &cpus);

	each[0].timers += 1000;
	each[0].timers_late += 1000;
	assert_int_equal(bpf_map_update_elem(fd, &zero, each, BPF_ANY), 0);
}

/* ---------------------------------------------------------------- what is held */

static unsigned entries(struct bed *b, const char *map)
{
	DR_AUTO_CLOSE int fd = open_map(b, map);
	unsigned char key[sizeof(struct dr_addr)], next[sizeof(struct dr_addr)];
	unsigned n = 0;

	for (void *after = NULL; bpf_map_get_next_key(fd, after, next) == 0; after = key, n++)
		memcpy(key, next, sizeof(key));
	return n;
}

/* Is it the inode of a TCP socket, listening or not? (proc(5), /proc/net/tcp) */
static bool is_tcp(struct bed *b, unsigned long inode)
{
	static const char *const tables[] = { "tcp", "tcp6" };
	char line[512];
	unsigned long n;

	for (size_t i = 0; i < DR_ARRAY_SIZE(tables); i++) {
		DR_AUTO_FREE char *path =
			dr_asprintf("/proc/%d/net/%s", (int)sc_child_pid(b->monitor), tables[i]);
		DR_AUTO_FCLOSE FILE *f = fopen(path, "re");

		while (f && fgets(line, sizeof(line), f))
			if (sscanf(line, "%*s %*s %*s %*s %*s %*s %*s %*s %*s %lu", &n) == 1 && n == inode)
				return true;
	}
	return false;
}

static void count_descriptors(struct bed *b, struct maps_held *h)
{
	DR_AUTO_FREE char *path = dr_asprintf("/proc/%d/fd", (int)sc_child_pid(b->monitor));
	DIR *d = opendir(path);
	char to[64];

	assert_non_null(d);
	for (const struct dirent *e; (e = readdir(d));) {
		ssize_t len = readlinkat(dirfd(d), e->d_name, to, sizeof(to) - 1);
		unsigned long inode;

		to[len > 0 ? len : 0] = '\0';
		if (len > 0 && sscanf(to, "socket:[%lu]", &inode) == 1 && is_tcp(b, inode))
			h->connections++;
		else
			h->descriptors += len > 0;
	}
	closedir(d);
}

static long resident_kib(struct bed *b)
{
	DR_AUTO_FREE char *path = dr_asprintf("/proc/%d/statm", (int)sc_child_pid(b->monitor));
	DR_AUTO_FCLOSE FILE *f = fopen(path, "re");
	long pages = 0;

	assert_non_null(f);
	assert_int_equal(fscanf(f, "%*d %ld", &pages), 1);
	return pages * (sysconf(_SC_PAGESIZE) / 1024);
}

struct maps_held maps_held(struct bed *b)
{
	struct maps_held h = { .links = entries(b, "dr_links"),
			       .addresses = entries(b, "dr_by_addr"),
			       .resident_kib = resident_kib(b) };

	count_descriptors(b, &h);
	return h;
}

void maps_expect_held(struct bed *b, const struct maps_held *before)
{
	struct dr_mono end = dr_mono_add(dr_mono_now(), BED_SOON);

	for (;;) {
		struct maps_held now = maps_held(b);
		if (now.descriptors == before->descriptors && now.connections <= before->connections &&
		    now.links == before->links && now.addresses == before->addresses &&
		    now.resident_kib <= before->resident_kib + before->resident_kib / 4)
			return;
		if (dr_mono_sub(end, dr_mono_now()).ns <= 0)
			bed_fail(b,
				 "left behind: descriptors %u, were %u; connections %u, were %u; links %u, "
				 "were "
				 "%u; addresses %u, were %u; resident %ld KiB, were %ld",
				 now.descriptors, before->descriptors, now.connections, before->connections,
				 now.links, before->links, now.addresses, before->addresses, now.resident_kib,
				 before->resident_kib);
		bed_idle(b, dr_msec(20)); /* a connection may just be opened or closed */
	}
}
