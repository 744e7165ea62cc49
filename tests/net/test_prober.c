/* SPDX-License-Identifier: Apache-2.0 */
/* The sender while targets and interfaces come and go, with many of them, and what it costs. */
#include <stdarg.h>
#include <stddef.h>
#include <setjmp.h>
#include <stdint.h>
#include <cmocka.h>

#include <net/if.h>
#include <poll.h>
#include <pthread.h>
#include <stdatomic.h>
#include <string.h>
#include <sys/resource.h>
#include <sys/socket.h>
#include <time.h>

#include "tests/net/cable.h"
#include "user/config.h"
#include "user/probe.h"

#define MS 1000000ULL

/* ---------------------------------------------------------------- errors */

static void refused_settings(void **state)
{
	struct cable *w = *state;
	struct mon_prober_target t = { .kind = DR_KIND_ECHO4, .key = 1, .interval_ns = MS };
	char *error = NULL;

	assert_int_equal(mon_prober_set(w->p, CABLE_ROOM, &t, 0, 1), -ENOSPC);
	t.interval_ns = 0;
	assert_int_equal(mon_prober_set(w->p, 0, &t, 0, 1), -EINVAL);
	t.interval_ns = MS;
	t.interface = MON_INTERFACES_MAX;
	assert_int_equal(mon_prober_set(w->p, 0, &t, 0, 1), -EINVAL);
	t.interface = 0;
	t.kind = 0;
	assert_int_equal(mon_prober_set(w->p, 0, &t, 0, 1), -EINVAL);
	t.kind = DR_KIND_ND + 1;
	assert_int_equal(mon_prober_set(w->p, 0, &t, 0, 1), -EINVAL);
	mon_prober_remove(w->p, CABLE_ROOM);
	mon_prober_remove(w->p, 0);
	mon_prober_set_apart(w->p, CABLE_ROOM, true);
	assert_int_equal(mon_prober_slot(w->p, CABLE_ROOM).attempts, 0);

	assert_int_equal(mon_prober_set_interface(w->p, MON_INTERFACES_MAX, 1, "m0", &error), -EINVAL);
	free(DR_TAKE_PTR(error));
	assert_int_equal(mon_prober_set_interface(w->p, 1, if_nametoindex("lo"), "lo", &error), -EPROTOTYPE);
	assert_non_null(strstr(error, "interface lo is not Ethernet"));
	free(DR_TAKE_PTR(error));
	assert_int_equal(mon_prober_set_interface(w->p, 1, 4711, "none0", &error), -ENODEV);
	assert_non_null(strstr(error, "none0"));
	free(DR_TAKE_PTR(error));
}

static void a_new_target_in_a_slot_begins_anew(void **state)
{
	struct cable *w = *state;
	struct mon_prober_target t = { .kind = DR_KIND_ECHO4, .key = 99, .interval_ns = 5 * MS };
	struct cable_frame f;

	cable_add(w, 3, DR_KIND_ECHO4, "198.18.5.2", 5 * MS);
	do
		f = cable_wait_frame(w, 3);
	while (f.seq < 10);
	cable_add(w, 3, DR_KIND_ECHO4, "198.18.5.2", 4 * MS); /* the same with another interval: goes on */
	f = cable_wait_frame(w, 3);
	assert_true(f.seq > 10);
	assert_true(mon_prober_slot(w->p, 3).attempts >= 9);
	cable_address("198.18.5.2", t.address);
	assert_int_equal(mon_prober_set(w->p, 3, &t, 0, 1), 0);
	do
		f = cable_wait_frame(w, 3);
	while (f.tag.key == htobe64(CABLE_KEY + 3));
	assert_true(f.tag.key == htobe64(99));
	assert_int_equal(f.seq, 1);
}

static void it_looks_at_its_work_without_any(void **state)
{
	struct cable *w = *state;
	struct mon_prober_stats s;
	struct dr_mono start = dr_mono_now();
	uint64_t last = 0;

	for (unsigned seen = 0; seen < 3; cable_pause()) {
		mon_prober_stats(w->p, &s);
		seen += s.last_cycle_ns != last;
		last = s.last_cycle_ns;
		assert_true(cable_in_time(start));
		assert_true(s.last_cycle_ns <= dr_mono_now().ns);
	}
	assert_int_equal(s.attempts, 0);
}

/* Bytes that wait to be read from raw ICMP sockets of this namespace. */
static unsigned long unread(void)
{
	DR_AUTO_FCLOSE FILE *f = fopen("/proc/thread-self/net/raw", "re");
	unsigned long sum = 0, rx;
	char line[256];

	assert_non_null(f);
	while (fgets(line, sizeof(line), f)) {
		if (sscanf(line, "%*u: %*s %*s %*x %*x:%lx", &rx) == 1)
			sum += rx;
	}
	return sum;
}

/* An ICMP message of that type comes in, with a right checksum. */
static void icmp_comes_in(struct cable *w, uint8_t type)
{
	uint8_t b[14 + 20 + 8] = { [12] = 0x08, [14] = 0x45, [17] = 28, [22] = 64, [23] = IPPROTO_ICMP };
	uint16_t sum;

	memcpy(b, cable_our_mac, 6);
	memcpy(b + 6, cable_far_mac, 6);
	memcpy(b + 26, (const uint8_t[]){ 198, 18, 5, 2, 198, 18, 5, 1 }, 8);
	sum = mon_checksum(b + 14, 20);
	memcpy(b + 24, &sum, 2);
	b[34] = type;
	sum = mon_checksum(b + 34, 8);
	memcpy(b + 36, &sum, 2);
	assert_int_equal(send(w->rx, b, sizeof(b), 0), sizeof(b));
}

static void nothing_is_received(void **state)
{
	struct cable *w = *state;
	DR_AUTO_CLOSE int other = socket(AF_INET, SOCK_RAW | SOCK_CLOEXEC, IPPROTO_ICMP);
	static const uint8_t types[] = { 0, 42, 3,
					 255 }; /* an echo reply, and some that the filter cannot name */

	assert_true(other >= 0);
	assert_int_equal(setsockopt(other, SOL_SOCKET, SO_RCVTIMEO, &(struct timeval){ .tv_sec = 20 },
				    sizeof(struct timeval)),
			 0);
	for (size_t i = 0; i < sizeof(types); i++) {
		uint8_t b[64];
		icmp_comes_in(w, types[i]);
		assert_int_equal(recv(other, b, sizeof(b), 0), 28); /* another one does receive it */
		assert_int_equal(b[20], types[i]);
	}
	icmp_comes_in(w, 42);
	for (struct dr_mono start = dr_mono_now(); unread() == 0; cable_pause())
		assert_true(cable_in_time(start)); /* and where it waits, it is seen */
	uint8_t b[64];
	assert_int_equal(recv(other, b, sizeof(b), 0), 28);
	assert_int_equal(unread(), 0);
}

/* ---------------------------------------------------------------- interfaces */

static void an_interface_that_goes_and_comes(void **state)
{
	static const uint8_t other_mac[6] = { 2, 0, 0, 0, 0, 9 };
	struct cable *w = *state;
	char *error = NULL;
	struct cable_frame f;

	cable_add(w, 1, DR_KIND_ECHO4, "198.18.5.2", 5 * MS);
	cable_add(w, 2, DR_KIND_ARP, "198.18.5.3", 5 * MS);
	cable_add(w, 3, DR_KIND_ND, "fd00:5::3", 5 * MS);
	cable_wait_frame(w, 1);
	cable_wait_frame(w, 2);
	cable_wait_frame(w, 3);
	cable_ip(w, "link del m0\n");
	cable_wait_error(w, 2, ENXIO);
	assert_int_not_equal(mon_prober_slot(w->p, 1).error, 0);
	assert_int_equal(mon_prober_set_interface(w->p, 0, 0, NULL, &error), 0);
	for (uint32_t slot = 1; slot <= 3; slot++)
		cable_wait_error(w, slot, ENODEV);

	cable_plug(w);
	cable_ip(w, "link set m0 address 02:00:00:00:00:09\n");
	cable_set_interface(w);
	cable_wait_error(w, 2, EADDRNOTAVAIL); /* it has none yet */
	cable_addresses(w);
	f = cable_wait_frame(w, 1);
	assert_memory_equal(f.bytes + 6, other_mac, 6);
	assert_true(f.seq > 1);
	f = cable_wait_frame(w, 2);
	assert_memory_equal(f.bytes + 22, other_mac, 6);
	cable_expect_address(&f, 28, "198.18.5.1");
	f = cable_wait_frame(w, 3);
	assert_memory_equal(f.bytes + 80, other_mac, 6);
	cable_expect_address(&f, 22, "fd00:5::1");
	cable_wait_error(w, 2, 0);
	cable_set_interface(w); /* once more, while all is well: nothing is lost by it */
	uint32_t seq = cable_wait_frame(w, 2).seq;
	for (unsigned i = 1; i <= 10; i++)
		assert_int_equal(cable_wait_frame(w, 2).seq, seq + i);
}

static void our_address_changes(void **state)
{
	static const uint8_t other_mac[6] = { 2, 0, 0, 0, 0, 9 };
	struct cable *w = *state;
	struct cable_frame f;

	cable_add(w, 2, DR_KIND_ARP, "198.18.5.3", 5 * MS);
	cable_wait_frame(w, 2);
	cable_ip(w, "addr del 198.18.5.1/24 dev m0\naddr add 198.18.5.200/24 dev m0\n"
		    "link set m0 address 02:00:00:00:00:09\n");
	/* nobody says so; it asks now and then */
	do {
		f = cable_wait_frame(w, 2);
	} while (memcmp(f.bytes + 6, other_mac, 6) != 0 || f.bytes[31] != 200);
	assert_memory_equal(f.bytes + 22, other_mac, 6);
}

/* ---------------------------------------------------------------- many */

struct churn {
	struct cable *w;
	atomic_bool stop;
	unsigned rounds;
};

static void *come_and_go(void *arg)
{
	struct churn *c = arg;
	struct mon_prober_target t = { .kind = DR_KIND_ECHO4, .interval_ns = 3 * MS };

	for (; !c->stop; c->rounds++) {
		for (uint32_t slot = 100; slot < 200; slot++) {
			static const char *const to[] = { [DR_KIND_ECHO4] = "198.18.5.2",
							  [DR_KIND_ECHO6] = "fd00:5::2",
							  [DR_KIND_ARP] = "198.18.5.44",
							  [DR_KIND_ND] = "fd00:5::44" };
			t.kind = DR_KIND_ECHO4 + (slot + c->rounds) % 4;
			t.key = slot * 1000 + c->rounds;
			if (mon_address_parse(to[t.kind], t.address) < 0 ||
			    mon_prober_set(c->w->p, slot, &t, slot, 200))
				abort();
			mon_prober_set_apart(c->w->p, slot, slot & 1);
			(void)mon_prober_slot(c->w->p, slot);
			if ((slot ^ c->rounds) & 4)
				mon_prober_remove(c->w->p, slot);
		}
		DR_AUTO_FREE char *error = NULL;
		unsigned ifindex = c->rounds & 1 ? if_nametoindex("m0") : 0;
		if (mon_prober_set_interface(c->w->p, 1, ifindex, "m0", &error))
			abort();
		cable_pause();
	}
	return NULL;
}

static void others_go_on_while_targets_come_and_go(void **state)
{
	struct cable *w = *state;
	struct churn c = { .w = w };
	pthread_t thread;

	cable_add(w, 1, DR_KIND_ECHO4, "198.18.5.2", 5 * MS);
	cable_add(w, 2, DR_KIND_ARP, "198.18.5.3", 5 * MS);
	mon_prober_set_apart(w->p, 1, false);
	assert_int_equal(pthread_create(&thread, NULL, come_and_go, &c), 0);
	uint32_t next[3] = { 0, 1, 1 };
	for (struct dr_mono start = dr_mono_now(); next[1] < 200 || next[2] < 200;) {
		struct cable_frame f;
		if (!cable_read_frame(w, &f)) {
			assert_true(cable_in_time(start));
			cable_pause();
			continue;
		}
		if (f.slot < 3) /* none is missing, none comes twice */
			assert_int_equal(f.seq, next[f.slot]++);
		else
			assert_in_range(f.slot, 100, 199);
	}
	c.stop = true;
	pthread_join(thread, NULL);
	assert_true(c.rounds > 3);
	assert_int_equal(mon_prober_slot(w->p, 1).error, 0);

	for (uint32_t slot = 100; slot < 200; slot++)
		mon_prober_remove(w->p, slot);
	/* what was being sent at that moment is through when a later probe is here; then there is no more */
	uint32_t seq = cable_wait_frame(w, 1).seq;
	while (cable_wait_frame(w, 1).seq < seq + 3)
		;
	cable_drain(w);
	for (struct cable_frame f; f = cable_wait_frame(w, 1), f.seq < seq + 10;)
		;
	struct mon_prober_slot before = mon_prober_slot(w->p, 100);
	cable_wait_frame(w, 1);
	assert_int_equal(mon_prober_slot(w->p, 100).attempts, before.attempts);
}

/* Most probes of one interval in any of its tenths. */
static unsigned densest(struct cable *w, unsigned n, uint64_t interval_ns)
{
	uint64_t at[64];
	unsigned most = 0;

	cable_drain(w);
	for (unsigned i = 0; i < n; i++) {
		struct cable_frame f;
		while (!cable_read_frame(w, &f)) {
			struct pollfd p = { .fd = w->rx, .events = POLLIN };
			(void)!poll(&p, 1, 100);
		}
		at[i] = f.at.ns;
	}
	for (unsigned i = 0; i < n; i++) {
		unsigned within = 0;
		for (unsigned k = i; k < n && at[k] - at[i] < interval_ns / 10; k++)
			within++;
		most = DR_MAX(most, within);
	}
	return most;
}

static void targets_are_spread_over_their_interval(void **state)
{
	struct cable *w = *state;
	struct mon_prober_target t = { .kind = DR_KIND_ECHO4, .key = 1, .interval_ns = 200 * MS };
	struct dr_mono start = dr_mono_now();

	cable_address("198.18.5.2", t.address);
	for (uint32_t slot = 0; slot < 50; slot++)
		assert_int_equal(mon_prober_set(w->p, slot, &t, slot, 50), 0);
	/* 5 in a tenth; a busy machine bunches them now and then, but not each time */
	unsigned most;
	while ((most = densest(w, 50, t.interval_ns)) > 10) {
		if (!cable_in_time(start))
			fail_msg("%u of 50 probes within a tenth of their interval", most);
	}
}

/*
 * A neighbour that does not resolve. The kernel's table of them is shared by all namespaces, and where it is
 * full (gc_thresh3) a probe vanishes instead of waiting; an entry that is there before does not count.
 */
static void add_unresolved(struct cable *w, uint32_t slot)
{
	char lines[96], to[32];

	snprintf(to, sizeof(to), "198.18.5.%u", slot);
	snprintf(lines, sizeof(lines), "neigh add %s dev m0 nud none extern_learn\n", to);
	cable_ip(w, lines);
	cable_add(w, slot, DR_KIND_ECHO4, to, MS);
}

static void the_unresolved_do_not_hinder_others(void **state)
{
	struct cable *w = *state;
	struct dr_mono start = dr_mono_now();
	uint32_t next = 1, full = 0;
	struct cable_frame f;

	cable_add(w, 1, DR_KIND_ECHO4, "198.18.5.2", 5 * MS);
	mon_prober_set_apart(w->p, 1, false);
	for (uint32_t slot = 100; slot < 180; slot++)
		add_unresolved(w, slot);
	/* until their socket is full, and for a while after that */
	for (uint32_t until = UINT32_MAX; next < until;) {
		if (!cable_read_frame(w, &f)) {
			if (!cable_in_time(start))
				fail_msg("%u probes came, and the others' socket is %s", next - 1,
					 full ? "full" : "not full");
			cable_pause();
			continue;
		}
		assert_int_equal(f.slot, 1); /* nothing of the others leaves */
		assert_int_equal(f.seq, next++);
		assert_int_equal(mon_prober_slot(w->p, 1).error, 0);
		for (uint32_t slot = 100; slot < 180 && !full; slot++)
			full = mon_prober_slot(w->p, slot).error == ENOBUFS;
		if (full && until == UINT32_MAX)
			until = next + 100;
	}
	assert_int_equal(full, 1);
}

/* ---------------------------------------------------------------- cost */

static double cpu_seconds(void)
{
	struct rusage r;

	getrusage(RUSAGE_SELF, &r); /* the test itself sleeps */
	return (double)(r.ru_utime.tv_sec + r.ru_stime.tv_sec) +
	       (double)(r.ru_utime.tv_usec + r.ru_stime.tv_usec) / 1e6;
}

static void measure(struct cable *w, enum dr_kind kind, const char *to, unsigned n, uint64_t interval_ns)
{
	struct mon_prober_target t = { .kind = kind, .interval_ns = interval_ns };
	struct mon_prober_stats a, b;

	cable_address(to, t.address);
	for (uint32_t slot = 0; slot < n; slot++) {
		t.key = slot + 1;
		assert_int_equal(mon_prober_set(w->p, slot, &t, slot, n), 0);
		mon_prober_set_apart(w->p, slot, false);
	}
	mon_prober_stats(w->p, &a);
	double cpu = cpu_seconds();
	struct dr_mono start = dr_mono_now();
	const double seconds = 1;
	do {
		nanosleep(&(struct timespec){ 0, 100000000 }, NULL);
		mon_prober_stats(w->p, &b);
	} while (dr_dur_seconds(dr_mono_sub(dr_mono_now(), start)) < seconds ||
		 (b.sent == a.sent && cable_in_time(start)));
	cpu = cpu_seconds() - cpu;
	double took = dr_dur_seconds(dr_mono_sub(dr_mono_now(), start));
	print_message(
		"  kind %u, %4u targets each %3lu ms: %7.0f probes/s, %5.2f us of CPU each, %lu skipped, "
		"%lu failed, late at worst %.2f ms\n",
		kind, n, (unsigned long)(interval_ns / MS), (double)(b.sent - a.sent) / took,
		cpu * 1e6 / (double)DR_MAX(b.sent - a.sent, 1), b.skipped - a.skipped, b.failed - a.failed,
		(double)b.late_max_ns / 1e6);
	assert_true(b.sent > a.sent);
	assert_int_equal(b.failed, a.failed);
	for (uint32_t slot = 0; slot < n; slot++)
		mon_prober_remove(w->p, slot);
}

static void what_a_probe_costs(void **state)
{
	struct cable *w = *state;

	dr_closep(&w->rx); /* copies cost, too */
	measure(w, DR_KIND_ECHO4, "198.18.5.2", 1, 10 * MS);
	measure(w, DR_KIND_ECHO4, "198.18.5.2", 100, 100 * MS);
	measure(w, DR_KIND_ECHO4, "198.18.5.2", 1000, 100 * MS);
	measure(w, DR_KIND_ECHO4, "198.18.5.2", 1000, 10 * MS);
	measure(w, DR_KIND_ECHO6, "fd00:5::2", 1000, 10 * MS);
	measure(w, DR_KIND_ARP, "198.18.5.2", 1000, 10 * MS);
	measure(w, DR_KIND_ND, "fd00:5::2", 1000, 10 * MS);
}

#define TEST(fn) cmocka_unit_test_setup_teardown(fn, cable_setup, cable_teardown)

int main(void)
{
	const struct CMUnitTest tests[] = {
		TEST(refused_settings),
		TEST(a_new_target_in_a_slot_begins_anew),
		TEST(it_looks_at_its_work_without_any),
		TEST(nothing_is_received),
		TEST(an_interface_that_goes_and_comes),
		TEST(our_address_changes),
		TEST(others_go_on_while_targets_come_and_go),
		TEST(targets_are_spread_over_their_interval),
		TEST(the_unresolved_do_not_hinder_others),
		TEST(what_a_probe_costs),
	};

	return cmocka_run_group_tests_name("net: the sender", tests, bed_enter_namespace, NULL);
}
