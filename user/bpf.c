/* SPDX-License-Identifier: Apache-2.0 */
#include <bpf/bpf.h>
#include <bpf/libbpf.h>
#include <fcntl.h>
#include <string.h>

#include "doctor/buf.h"
#include "user/bpf_private.h"
#include "user/privilege.h"

_Static_assert(MON_INTERFACES_MAX == DR_IFACES, "as many interfaces as the map has entries");

/* ---------------------------------------------------------------- life */

static int on_record(void *userdata, void *data, size_t size)
{
	struct mon_bpf *b = userdata;
	const struct dr_event *e = data;

	if (size >= sizeof(*e) && b->event_fn)
		b->event_fn(e, b->event_userdata);
	return 0;
}

static int open_programs(struct mon_bpf *b, char **ret_error)
{
	b->skel = dr_probe_bpf__open();
	return b->skel ? 0 : bpf_words_fail(ret_error, dr_errno(), "opening the programs");
}

static int load(struct mon_bpf *b, unsigned targets, char **ret_error)
{
	int r;

	if ((r = bpf_map__set_max_entries(b->skel->maps.dr_targets, targets)) ||
	    (r = bpf_map__set_max_entries(b->skel->maps.dr_watch, targets)) ||
	    (r = bpf_map__set_max_entries(b->skel->maps.dr_timers,
					  (targets + DR_TIMER_SLOTS - 1) / DR_TIMER_SLOTS)) ||
	    (r = bpf_map__set_max_entries(b->skel->maps.dr_by_addr, targets)))
		return bpf_words_fail(ret_error, r, "sizing the maps");
	if (b->skel->rodata->dr_abi_version != DR_ABI_VERSION) {
		*ret_error = dr_asprintf("the programs speak version %u of the layout, this monitor %u",
					 b->skel->rodata->dr_abi_version, DR_ABI_VERSION);
		return -EPROTO;
	}
	r = dr_probe_bpf__load(b->skel);
	if (r)
		return bpf_words_fail(ret_error, r, "loading the programs");
	b->ring = ring_buffer__new(bpf_map__fd(b->skel->maps.dr_events), on_record, b, NULL);
	return b->ring ? 0 : bpf_words_fail(ret_error, dr_errno(), "mapping the ring buffer");
}

int mon_bpf_new(const char *pin_root, const char *name, unsigned targets, struct mon_bpf **ret,
		char **ret_error)
{
	DR_AUTO(mon_bpf_freep) struct mon_bpf *b = calloc(1, sizeof(*b));
	int r;

	bpf_words_forget();
	if (!b)
		return bpf_words_fail(ret_error, -ENOMEM, "monitor");
	b->dir_fd = b->root_fd = -1;
	if ((r = open_programs(b, ret_error)) || (r = bpf_pins_claim(b, pin_root, name, ret_error)) ||
	    (r = load(b, targets ? targets : 1, ret_error)) || (r = bpf_pins_make(b, ret_error)))
		return r;
	*ret = DR_TAKE_PTR(b);
	return 0;
}

void mon_bpf_free(struct mon_bpf *b)
{
	if (!b)
		return;
	for (unsigned i = 0; i < MON_INTERFACES_MAX; i++)
		mon_bpf_detach(b, i);
	bpf_links_free(b->links);
	ring_buffer__free(b->ring);
	bpf_pins_done(b);
	dr_probe_bpf__destroy(b->skel);
	free(b);
}

/* ---------------------------------------------------------------- writing */

int mon_bpf_command(struct mon_bpf *b, const struct dr_command *c, enum dr_command_result *ret_result)
{
	struct dr_command m = *c; /* the kernel takes it for a frame */
	struct __sk_buff skb = { .mark = DR_COMMAND_MARK };
	LIBBPF_OPTS(bpf_test_run_opts, opts, .data_in = &m, .data_size_in = sizeof(m), .ctx_in = &skb,
		    .ctx_size_in = sizeof(skb), .repeat = 1);

	memset(m.ethernet, 0, sizeof(m.ethernet));
	MON_AUTO_PRIVILEGE(MON_PRIVILEGE_BPF);
	int r = bpf_prog_test_run_opts(bpf_program__fd(b->skel->progs.dr_command), &opts);
	if (r)
		return r;
	*ret_result = (enum dr_command_result)opts.retval;
	return 0;
}

/*
 * Kernels from 6.18 on take a timer's memory from what lies free in their slabs (kmalloc_nolock()), and may
 * get no new page for them: while a lock is busy, and for as long as memory is still being initialised
 * (alloc_frozen_pages_nolock(), deferred_pages_enabled()). A pipe's struct pipe_inode_info is of the same
 * size class, and gets a new page as anybody does; that page lies free for a while after the pipe is gone.
 */
void mon_bpf_stir_memory(void)
{
	int fds[32][2];
	size_t n = 0;

	while (n < DR_ARRAY_SIZE(fds) && pipe2(fds[n], O_CLOEXEC) == 0)
		n++;
	while (n-- > 0) {
		close(fds[n][0]);
		close(fds[n][1]);
	}
}

int mon_bpf_set_address(struct mon_bpf *b, const struct dr_addr *a, uint32_t slot)
{
	MON_AUTO_PRIVILEGE(MON_PRIVILEGE_BPF);
	return bpf_map__update_elem(b->skel->maps.dr_by_addr, a, sizeof(*a), &slot, sizeof(slot), BPF_ANY);
}

int mon_bpf_remove_address(struct mon_bpf *b, const struct dr_addr *a)
{
	MON_AUTO_PRIVILEGE(MON_PRIVILEGE_BPF);
	int r = bpf_map__delete_elem(b->skel->maps.dr_by_addr, a, sizeof(*a), 0);

	return r == -ENOENT ? 0 : r;
}

/* ---------------------------------------------------------------- reading */

int mon_bpf_event_fd(const struct mon_bpf *b)
{
	return ring_buffer__epoll_fd(b->ring);
}

int mon_bpf_consume(struct mon_bpf *b, mon_bpf_event_fn fn, void *userdata)
{
	b->event_fn = fn;
	b->event_userdata = userdata;
	int r = ring_buffer__consume(b->ring);
	b->event_fn = NULL;
	return r < 0 ? r : 0;
}

int mon_bpf_read_watch(const struct mon_bpf *b, unsigned slot, struct dr_watch *ret)
{
	MON_AUTO_PRIVILEGE(MON_PRIVILEGE_BPF);
	struct dr_watch w;
	int r = bpf_map__lookup_elem(b->skel->maps.dr_watch, &slot, sizeof(slot), &w, sizeof(w), BPF_F_LOCK);

	if (r == 0)
		*ret = w;
	return r;
}

int mon_bpf_read_iface(const struct mon_bpf *b, unsigned iface, struct dr_iface *ret)
{
	MON_AUTO_PRIVILEGE(MON_PRIVILEGE_BPF);
	struct dr_iface i;
	int r = bpf_map__lookup_elem(b->skel->maps.dr_ifaces, &iface, sizeof(iface), &i, sizeof(i), 0);

	if (r == 0)
		*ret = i;
	return r;
}

int mon_bpf_read_stats(const struct mon_bpf *b, struct dr_stats *ret)
{
	MON_AUTO_PRIVILEGE(MON_PRIVILEGE_BPF);
	int cpus = libbpf_num_possible_cpus();
	DR_AUTO_FREE struct dr_stats *each = cpus > 0 ? calloc((size_t)cpus, sizeof(*each)) : NULL;
	struct dr_stats sum = { 0 };
	unsigned zero = 0;

	if (!each)
		return cpus < 0 ? cpus : -ENOMEM;
	int r = bpf_map__lookup_elem(b->skel->maps.dr_stats, &zero, sizeof(zero), each,
				     (size_t)cpus * sizeof(*each), 0);
	if (r)
		return r;
	for (int cpu = 0; cpu < cpus; cpu++) {
		for (size_t i = 0; i < sizeof(sum) / sizeof(__u64); i++)
			((__u64 *)&sum)[i] += ((__u64 *)&each[cpu])[i];
	}
	*ret = sum;
	return 0;
}
