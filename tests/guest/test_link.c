/* SPDX-License-Identifier: Apache-2.0 */
/*
 * Carrier changes by fentry, on kernels that allow it: each is told once, at the moment of netif_carrier_off,
 * and so ahead of rtnetlink, as linkwatch lets it tell of one loss a second. On a dummy that wait really
 * happens; veth is exempt from it.
 */
#include <stdarg.h>
#include <stddef.h>
#include <setjmp.h>
#include <stdint.h>
#include <cmocka.h>

#include <fcntl.h>
#include <net/if.h>
#include <sched.h>
#include <string.h>
#include <sys/epoll.h>
#include <sys/mount.h>

#include "tools/scenario/netns.h"
#include "user/bpf.h"
#include "user/features.h"
#include "user/rtnl.h"

#define OURS "dr0"
#define PEERS "dr1"
#define DUMMY "dr2"
#define INDEX 60 /* of dr0 */
#define LIMIT dr_sec(60)
#define EVENTS_MAX 1024

struct world {
	struct sc_netns here, other;
	struct mon_bpf *bpf;
	struct dr_loop *loop;
	struct dr_source *source;
	struct mon_rtnl *rtnl;
	struct dr_event events[EVENTS_MAX];
	unsigned nevents;
	unsigned listen;	   /* to what rtnetlink tells of this interface: */
	struct mon_rtnl_link told; /* the last of it */
	struct dr_mono told_at;
};

static void ip_in(const struct sc_netns *n, const char *commands)
{
	DR_AUTO_FREE char *error = NULL;

	if (sc_netns_ip(n, &error, "%s", commands))
		fail_msg("%s", error);
}

static void on_event(const struct dr_event *e, void *userdata)
{
	struct world *w = userdata;

	assert_true(w->nevents < EVENTS_MAX);
	w->events[w->nevents++] = *e;
}

static int on_ring(struct dr_source *s, int fd, uint32_t epoll_events, void *userdata)
{
	struct world *w = userdata;

	return mon_bpf_consume(w->bpf, on_event, w);
}

static void on_link(const struct mon_rtnl_link *l, void *userdata)
{
	struct world *w = userdata;

	if (l->ifindex != w->listen)
		return;
	w->told = *l;
	w->told_at = dr_mono_now();
}

/* A dummy's carrier is set in sysfs, which shows the network namespace that it was mounted in. */
static int enter_namespace(void **state)
{
	if (unshare(CLONE_NEWNET | CLONE_NEWNS) || mount("none", "/", NULL, MS_REC | MS_PRIVATE, NULL))
		return -1;
	return mount("sysfs", "/sys", "sysfs", 0, NULL) || mount("bpf", "/sys/fs/bpf", "bpf", 0, NULL) ? -1
												       : 0;
}

static void make_pair(const struct sc_netns *n)
{
	char commands[200];

	snprintf(commands, sizeof(commands),
		 "link add index %d name " OURS " type veth peer name " PEERS "\n"
		 "link set " OURS " up\nlink set " PEERS " up\n",
		 INDEX);
	ip_in(n, commands);
}

static void start(struct world *w)
{
	DR_AUTO_FREE char *error = NULL, *why = NULL;

	if (mon_bpf_new("/sys/fs/bpf/doctor", "test-link", 1, &w->bpf, &error))
		fail_msg("%s", error);
	if (mon_bpf_links_start(w->bpf, &why))
		fail_msg("fentry is refused: %s", why);
	assert_null(mon_bpf_links_uncounted(w->bpf));
	assert_int_equal(dr_loop_add_io(w->loop, mon_bpf_event_fd(w->bpf), EPOLLIN, on_ring, w, &w->source),
			 0);
}

static int setup(void **state)
{
	struct world *w = calloc(1, sizeof(*w));
	DR_AUTO_FREE char *error = NULL;

	assert_non_null(w);
	assert_int_equal(sc_netns_init_current(&w->here), 0);
	if (sc_netns_init(&w->other, &error))
		fail_msg("%s", error);
	make_pair(&w->here);
	assert_int_equal(dr_loop_new(&w->loop), 0);
	start(w);
	w->listen = INDEX;
	assert_int_equal(mon_rtnl_new(w->loop, on_link, w, &w->rtnl), 0);
	*state = w;
	return 0;
}

static int teardown(void **state)
{
	struct world *w = *state;

	mon_rtnl_free(w->rtnl);
	dr_source_free(w->source);
	dr_loop_free(w->loop);
	mon_bpf_free(w->bpf);
	ip_in(&w->here, "link del " OURS "\n");
	sc_netns_done(&w->other);
	sc_netns_done(&w->here);
	free(w);
	return 0;
}

static void watch(struct world *w, unsigned iface)
{
	const struct dr_link initial = { .carrier = 1, .iface = iface };

	assert_int_equal(mon_bpf_link_add(w->bpf, w->listen, &initial), 0);
}

static struct dr_link link_now(struct world *w)
{
	struct dr_link l;

	assert_int_equal(mon_bpf_read_link(w->bpf, w->listen, &l), 0);
	return l;
}

#define wait_until(w, condition)                                                                             \
	do {                                                                                                 \
		struct dr_mono end_ = dr_mono_add(dr_mono_now(), LIMIT);                                     \
		while (!(condition)) {                                                                       \
			if (dr_mono_sub(end_, dr_mono_now()).ns < 0)                                         \
				fail_msg("line %d: waited in vain for: %s", __LINE__, #condition);           \
			assert_true(dr_loop_run_once((w)->loop, dr_msec(100)) >= 0);                         \
		}                                                                                            \
	} while (0)

/* ---------------------------------------------------------------- what is told */

static void assert_event(const struct dr_event *e, enum dr_verdict verdict, unsigned transitions)
{
	assert_int_equal(e->version, DR_ABI_VERSION);
	assert_int_equal(e->type, DR_EVENT_LINK);
	assert_int_equal(e->ifindex, INDEX);
	assert_int_equal(e->verdict, verdict);
	assert_int_equal(e->reason, DR_LINK_FENTRY);
	assert_int_equal(e->transitions, transitions);
}

static void a_loss_is_told_and_its_return(void **state)
{
	struct world *w = *state;
	uint64_t before = dr_mono_now().ns;

	watch(w, ~0U);
	assert_int_equal(sc_netns_set_up(&w->here, PEERS, false), 0);
	wait_until(w, w->nevents >= 1);
	assert_event(&w->events[0], DR_VERDICT_DOWN, 1);
	assert_true(w->events[0].time_ns >= before && w->events[0].time_ns <= dr_mono_now().ns);
	struct dr_link l = link_now(w);
	assert_int_equal(l.carrier, 0);
	assert_int_equal(l.source, DR_LINK_FENTRY);
	assert_int_equal(l.downs, 1);
	assert_int_equal(l.down_ns, w->events[0].time_ns);

	assert_int_equal(sc_netns_set_up(&w->here, PEERS, true), 0);
	wait_until(w, w->nevents >= 2);
	assert_event(&w->events[1], DR_VERDICT_UP, 2);
	l = link_now(w);
	assert_int_equal(l.carrier, 1);
	assert_int_equal(l.ups, 1);
	assert_int_equal(l.changed_ns, w->events[1].time_ns);
	assert_int_equal(l.flaps, l.changed_ns - l.down_ns <= DR_FLAP_NS);
	assert_int_equal(w->nevents, 2);
}

static void the_probed_interface_learns_of_it(void **state)
{
	struct world *w = *state;
	const struct dr_command c = {
		.op = DR_CMD_IFACE, .iface = 5, .ifindex = INDEX, .gap_ns = 1000000000, .carrier = 1
	};
	enum dr_command_result result;
	struct dr_iface i;

	assert_int_equal(mon_bpf_command(w->bpf, &c, &result), 0);
	assert_int_equal(result, DR_CMD_DONE);
	watch(w, 5);
	assert_int_equal(sc_netns_set_up(&w->here, PEERS, false), 0);
	wait_until(w, w->nevents >= 1);
	assert_int_equal(mon_bpf_read_iface(w->bpf, 5, &i), 0);
	assert_int_equal(i.carrier, 0);
	assert_int_equal(sc_netns_set_up(&w->here, PEERS, true), 0);
	wait_until(w, link_now(w).carrier);
	assert_int_equal(mon_bpf_read_iface(w->bpf, 5, &i), 0);
	assert_int_equal(i.carrier, 1);
}

static void what_rtnetlink_says_afterwards_is_no_news(void **state)
{
	struct world *w = *state;
	struct dr_command c = { .op = DR_CMD_LINK, .ifindex = INDEX, .value = 0 };
	enum dr_command_result result;

	watch(w, ~0U);
	assert_int_equal(sc_netns_set_up(&w->here, PEERS, false), 0);
	wait_until(w, w->nevents >= 1 && w->told.ifindex && !w->told.carrier);
	c.time_ns = w->told_at.ns;
	assert_int_equal(mon_bpf_command(w->bpf, &c, &result), 0);
	assert_int_equal(mon_bpf_consume(w->bpf, on_event, w), 0);
	assert_int_equal(w->nevents, 1);
	assert_int_equal(link_now(w).downs, 1);
	assert_int_equal(link_now(w).source, DR_LINK_FENTRY);
}

/* ---------------------------------------------------------------- what is not */

static void flap(const struct sc_netns *n, unsigned times)
{
	while (times--) {
		assert_int_equal(sc_netns_set_up(n, PEERS, false), 0);
		assert_int_equal(sc_netns_set_up(n, PEERS, true), 0);
	}
}

static void links_that_are_not_watched_are_left_alone(void **state)
{
	struct world *w = *state;
	struct dr_link l;

	flap(&w->here, 3);
	assert_int_equal(mon_bpf_consume(w->bpf, on_event, w), 0);
	assert_int_equal(w->nevents, 0);
	assert_int_equal(mon_bpf_read_link(w->bpf, INDEX, &l), -ENOENT);
}

static void the_same_index_elsewhere_is_another_link(void **state)
{
	struct world *w = *state;

	watch(w, ~0U);
	make_pair(&w->other);
	flap(&w->other, 3);
	assert_int_equal(link_now(w).ups + link_now(w).downs, 0);
	flap(&w->here, 1);
	wait_until(w, w->nevents >= 2);
	assert_int_equal(w->nevents, 2);
}

static void flaps_are_counted_exactly(void **state)
{
	struct world *w = *state;

	watch(w, ~0U);
	flap(&w->here, 200);
	struct dr_link l = link_now(w);
	assert_int_equal(l.downs, 200);
	assert_int_equal(l.ups, 200);
	assert_int_equal(l.carrier, 1);
	wait_until(w, w->nevents >= 400);
	assert_int_equal(w->nevents, 400);
}

/* ---------------------------------------------------------------- ahead of netlink */

static void set_carrier(bool on)
{
	DR_AUTO_CLOSE int fd = open("/sys/class/net/" DUMMY "/carrier", O_WRONLY | O_CLOEXEC);

	assert_true(fd >= 0);
	assert_int_equal(write(fd, on ? "1" : "0", 1), 1);
}

/* A loss, and how much later rtnetlink told of it; negative: it was first. */
static struct dr_dur lose(struct world *w)
{
	w->nevents = 0;
	set_carrier(false);
	wait_until(w, w->nevents >= 1 && !w->told.carrier);
	assert_int_equal(w->events[0].verdict, DR_VERDICT_DOWN);
	return dr_mono_sub(w->told_at, (struct dr_mono){ w->events[0].time_ns });
}

/*
 * linkwatch runs a second after its last run at the earliest, unless something is urgent, as a loss on a
 * dummy is not: a loss so long after the one before is told what is left of that second later, a jiffy or two
 * less.
 */
#define LINKWATCH dr_sec(1)
#define LEAD_MIN dr_msec(50)
#define APART_MAX dr_msec(900)

static void a_second_loss_within_a_second_is_told_ahead_of_netlink(void **state)
{
	struct world *w = *state;
	struct dr_dur first, second, apart = { 0 };

	ip_in(&w->here, "link add " DUMMY " type dummy\nlink set " DUMMY " up\n");
	w->listen = if_nametoindex(DUMMY);
	wait_until(w, w->told.ifindex == w->listen && w->told.carrier);
	watch(w, ~0U);
	for (int tries = 0; apart.ns == 0 || apart.ns > APART_MAX.ns; tries++) {
		if (tries == 20)
			fail_msg("no two losses within %lld ms: the last two were %lld ms apart",
				 (long long)(APART_MAX.ns / DR_NSEC_PER_MSEC),
				 (long long)(apart.ns / DR_NSEC_PER_MSEC));
		first = lose(w);
		struct dr_mono one = { w->events[0].time_ns };
		set_carrier(true);
		wait_until(w, w->told.carrier);
		second = lose(w);
		apart = dr_mono_sub((struct dr_mono){ w->events[0].time_ns }, one);
		set_carrier(true);
		wait_until(w, w->told.carrier);
	}
	print_message(
		"carrier lost: told %.1f ms ahead of rtnetlink; lost again %.1f ms later: %.1f ms ahead\n",
		(double)first.ns / 1e6, (double)apart.ns / 1e6, (double)second.ns / 1e6);
	assert_true(first.ns > 0);
	assert_true(second.ns > LEAD_MIN.ns);
	assert_true(second.ns > LINKWATCH.ns - apart.ns - LEAD_MIN.ns);
	ip_in(&w->here, "link del " DUMMY "\n");
}

/* ---------------------------------------------------------------- */

static char *missing_here(void)
{
	struct mon_features f;

	mon_features_probe(&f);
	return mon_features_missing(&f, false);
}

/* Before 5.15 none of it loads, and doctor-monitor does not start. */
static void a_kernel_that_is_not_served_lacks_the_timer(void **state)
{
	DR_AUTO_FREE char *missing = missing_here();

	print_message("%s\n", missing);
	assert_non_null(strstr(missing, "bpf_timer"));
}

int main(void)
{
#define WITH_WORLD(f) cmocka_unit_test_setup_teardown(f, setup, teardown)
	const struct CMUnitTest tests[] = {
		WITH_WORLD(a_loss_is_told_and_its_return),
		WITH_WORLD(the_probed_interface_learns_of_it),
		WITH_WORLD(what_rtnetlink_says_afterwards_is_no_news),
		WITH_WORLD(links_that_are_not_watched_are_left_alone),
		WITH_WORLD(the_same_index_elsewhere_is_another_link),
		WITH_WORLD(flaps_are_counted_exactly),
		WITH_WORLD(a_second_loss_within_a_second_is_told_ahead_of_netlink),
	};
	const struct CMUnitTest none[] = { cmocka_unit_test(a_kernel_that_is_not_served_lacks_the_timer) };
	DR_AUTO_FREE char *missing = missing_here();

	if (missing)
		return cmocka_run_group_tests_name("guest: link", none, NULL, NULL);
	return cmocka_run_group_tests_name("guest: link", tests, enter_namespace, NULL);
}
