/* SPDX-License-Identifier: Apache-2.0 */
#include "tools/bench/kernel.h"

#include <arpa/inet.h>
#include <bpf/bpf.h>
#include <bpf/libbpf.h>
#include <net/if.h>
#include <string.h>

#include "doctor/abi.h"
#include "doctor/buf.h"
#include "echo.skel.h"
#include "probe.skel.h"

#define LO 1 /* a frame of BPF_PROG_TEST_RUN comes in there */

__attribute__((format(printf, 2, 0))) static int quiet_libbpf(enum libbpf_print_level level,
							      const char *format, va_list ap)
{
	return level == LIBBPF_WARN ? vfprintf(stderr, format, ap) : 0;
}

static int explain(int r, char **ret_error, const char *what)
{
	if (r < 0 && !*ret_error)
		*ret_error = dr_asprintf("cannot %s: %s", what, strerror(-r));
	return r;
}

/* ---------------------------------------------------------------- responder */

struct bench_echo {
	struct dr_echo_bpf *skel; /* the namespace it hangs in takes its filter along */
};

/* The sum of a counter of 64 bits over all CPUs: the words-th part of each value. */
static int sum_up(int fd, size_t words, uint64_t *ret)
{
	int cpus = libbpf_num_possible_cpus();
	uint32_t zero = 0;
	DR_AUTO_FREE uint64_t *each = NULL;

	if (cpus <= 0)
		return -EIO;
	each = calloc((size_t)cpus, words * 8);
	if (!each)
		return -ENOMEM;
	if (bpf_map_lookup_elem(fd, &zero, each) < 0)
		return dr_errno();
	memset(ret, 0, words * 8);
	for (size_t i = 0; i < (size_t)cpus * words; i++)
		ret[i % words] += each[i];
	return 0;
}

static int hang(int ifindex, enum bpf_tc_attach_point at, const struct bpf_program *prog)
{
	LIBBPF_OPTS(bpf_tc_hook, hook, .ifindex = ifindex, .attach_point = at);
	LIBBPF_OPTS(bpf_tc_opts, opts, .prog_fd = bpf_program__fd(prog));

	return bpf_tc_attach(&hook, &opts);
}

static int hang_all(int ifindex, const struct dr_echo_bpf *skel, bool bfd)
{
	LIBBPF_OPTS(bpf_tc_hook, clsact, .ifindex = ifindex, .attach_point = BPF_TC_INGRESS | BPF_TC_EGRESS);
	int r = ifindex ? bpf_tc_hook_create(&clsact) : -ENODEV;

	if (r == 0)
		r = hang(ifindex, BPF_TC_INGRESS, bfd ? skel->progs.bench_alias : skel->progs.bench_echo);
	if (r == 0 && bfd)
		r = hang(ifindex, BPF_TC_EGRESS, skel->progs.bench_unalias);
	return r;
}

static int attach(const struct bench_net *n, const struct dr_echo_bpf *skel, bool bfd)
{
	int back, r = bench_net_visit(n, 0, &back);

	if (r < 0)
		return r;
	r = hang_all((int)if_nametoindex(n->peername), skel, bfd);
	bench_net_leave(back);
	return r;
}

int bench_echo_start(const struct bench_net *n, bool bfd, struct bench_echo **ret, char **ret_error)
{
	struct bench_echo *e = calloc(1, sizeof(*e));
	int r = -ENOMEM;

	libbpf_set_print(quiet_libbpf);
	if (e) {
		e->skel = dr_echo_bpf__open_and_load();
		r = e->skel ? attach(n, e->skel, bfd) : dr_errno();
	}
	if (r < 0) {
		bench_echo_free(e);
		return explain(r, ret_error, "attach the responder");
	}
	*ret = e;
	return 0;
}

void bench_echo_free(struct bench_echo *e)
{
	if (!e)
		return;
	dr_echo_bpf__destroy(e->skel);
	free(e);
}

int bench_echo_count(const struct bench_echo *e, uint64_t *ret)
{
	return sum_up(bpf_map__fd(e->skel->maps.bench_count), 1, ret);
}

/* ---------------------------------------------------------------- the monitor's counters */

int bench_monitor_counts(const char *name, uint64_t *ret_sent, uint64_t *ret_answered)
{
	DR_AUTO_FREE char *path = dr_asprintf("/sys/fs/bpf/doctor/%s/dr_stats", name);
	DR_AUTO_CLOSE int fd = path ? bpf_obj_get(path) : -1;
	struct dr_stats s;
	struct bpf_map_info info = { 0 };
	uint32_t len = sizeof(info);
	int r;

	if (fd < 0 || bpf_obj_get_info_by_fd(fd, &info, &len) < 0)
		return dr_errno();
	if (info.value_size != sizeof(s))
		return -EPROTO; /* a monitor of another version */
	r = sum_up(fd, sizeof(s) / 8, (uint64_t *)&s);
	if (r < 0)
		return r;
	*ret_sent = s.probes;
	*ret_answered = s.replies;
	return 0;
}

static int count_entries(const char *name, const char *map, uint64_t *sum)
{
	DR_AUTO_FREE char *path = dr_asprintf("/sys/fs/bpf/doctor/%s/%s", name, map);
	DR_AUTO_CLOSE int fd = path ? bpf_obj_get(path) : -1;
	unsigned char key[64], next[64];
	struct bpf_map_info info = { 0 };
	uint32_t len = sizeof(info);
	void *last = NULL;

	if (fd < 0 || bpf_obj_get_info_by_fd(fd, &info, &len) < 0)
		return dr_errno();
	if (info.key_size > sizeof(key))
		return -EPROTO;
	for (uint32_t n = 0; n < info.max_entries && bpf_map_get_next_key(fd, last, next) == 0; n++) {
		memcpy(key, next, sizeof(key));
		last = key;
		++*sum;
	}
	return 0;
}

int bench_monitor_entries(const char *name, uint64_t *ret)
{
	uint64_t sum = 0;
	int r = count_entries(name, "dr_by_addr", &sum);

	if (r == 0)
		r = count_entries(name, "dr_links", &sum);
	if (r == 0)
		*ret = sum;
	return r;
}

/* ---------------------------------------------------------------- runs over frames */

struct bench_xdp {
	struct dr_echo_bpf *empty;
	struct dr_probe_bpf *ours;
};

static int set_up(struct bench_xdp *x)
{
	struct dr_iface iface = { .ifindex = LO, .gap_ns = 10000000000ULL, .carrier = 1 };
	struct dr_target t = {
		.key = BENCH_FRAME_KEY,
		.interval_ns = 60000000000ULL,
		.detect_ns = 180000000000ULL,
		.multiplier = 3,
		.rise = 3,
		.ifindex = LO,
		.addr = { 0, 0, htonl(0xffff), htonl(BENCH_FRAME_HOST) },
		.ident = htons(BENCH_FRAME_IDENT),
		.kind = DR_KIND_ECHO4,
	};
	uint32_t zero = 0;

	x->empty = dr_echo_bpf__open_and_load();
	if (!x->empty || !(x->ours = dr_probe_bpf__open_and_load()))
		return dr_errno();
	if (bpf_map__update_elem(x->ours->maps.dr_ifaces, &zero, 4, &iface, sizeof(iface), BPF_ANY) < 0 ||
	    bpf_map__update_elem(x->ours->maps.dr_targets, &zero, 4, &t, sizeof(t), BPF_ANY) < 0)
		return dr_errno();
	return 0;
}

int bench_xdp_new(struct bench_xdp **ret, char **ret_error)
{
	struct bench_xdp *x = calloc(1, sizeof(*x));
	int r;

	libbpf_set_print(quiet_libbpf);
	r = x ? set_up(x) : -ENOMEM;
	if (r < 0) {
		bench_xdp_free(x);
		return explain(r, ret_error, "load the programs");
	}
	*ret = x;
	return 0;
}

void bench_xdp_free(struct bench_xdp *x)
{
	if (!x)
		return;
	dr_echo_bpf__destroy(x->empty);
	dr_probe_bpf__destroy(x->ours);
	free(x);
}

/*
 * By the kernel's own figure, though it is a whole number: around the call we would see how long the kernel
 * waits to take the program out of its dispatcher as well, some ticks.
 */
int bench_xdp_run(struct bench_xdp *x, bool empty, const struct bench_frame *f, unsigned repeat,
		  double *ret_ns)
{
	const struct bpf_program *prog = empty ? x->empty->progs.bench_empty : x->ours->progs.dr_ingress;
	LIBBPF_OPTS(bpf_test_run_opts, opts, .data_in = f->data, .data_size_in = (uint32_t)f->len,
		    .repeat = (int)repeat);

	if (bpf_prog_test_run_opts(bpf_program__fd(prog), &opts) < 0)
		return dr_errno();
	*ret_ns = opts.duration;
	return opts.retval == XDP_PASS ? 0 : -EBADMSG;
}

int bench_xdp_probe(struct bench_xdp *x)
{
	struct bench_frame f;
	struct __sk_buff skb = { .ifindex = LO };
	LIBBPF_OPTS(bpf_test_run_opts, opts, .data_in = f.data, .ctx_in = &skb, .ctx_size_in = sizeof(skb),
		    .repeat = 1);

	bench_frame_make(BENCH_FRAME_PROBE, &f);
	opts.data_size_in = (uint32_t)f.len;
	return bpf_prog_test_run_opts(bpf_program__fd(x->ours->progs.dr_egress), &opts) < 0 ? dr_errno() : 0;
}

void bench_xdp_listen(struct bench_xdp *x, bool on)
{
	x->ours->bss->dr_listen_until_ns = on ? UINT64_MAX : 0;
}

int bench_xdp_replies(const struct bench_xdp *x, uint64_t *ret)
{
	struct dr_stats s;
	int r = sum_up(bpf_map__fd(x->ours->maps.dr_stats), sizeof(s) / 8, (uint64_t *)&s);

	if (r == 0)
		*ret = s.replies + s.reply_duplicate + s.reply_stale;
	return r;
}
