/* SPDX-License-Identifier: Apache-2.0 */
#ifndef TESTS_PROG_FIXTURE_H
#define TESTS_PROG_FIXTURE_H

/* The programs loaded and attached nowhere; targets are watched as the monitor does it, by dr_command. */

#include <stdarg.h>
#include <stddef.h>
#include <setjmp.h>
#include <stdint.h>
#include <cmocka.h>

#include <bpf/bpf.h>
#include <bpf/libbpf.h>
#include <linux/pkt_cls.h>
#include <string.h>

#include "probe.skel.h"

#include "doctor/clock.h"
#include "doctor/mem.h"
#include "doctor/wire.h"
#include "tests/prog/packets.h"

#define LO 1 /* BPF_PROG_TEST_RUN presents frames as if they came in on the loopback interface */
#define KEY 0x0123456789abcdefULL
#define IDENT 0x4242
#define MS 1000000ULL
#define SLOTS 32
#define NEXT ((unsigned)-1) /* what a tc program returns to let a frame go on */

struct fixture {
	struct dr_probe_bpf *skel;
	struct ring_buffer *ring;
	struct dr_event events[256];
	unsigned nevents;
	uint32_t ifindex, queue;     /* where frames leave and come in: LO and 0 at first */
	unsigned tags;		     /* VLAN tags of what probe() and reply() make */
	struct bpf_program *ingress; /* that reply() uses; dr_ingress at first */
	enum dr_kind kinds[SLOTS];
	uint32_t seq[SLOTS]; /* of the newest probe by send() */
	uint8_t mac_last;    /* of slot 0's card: the last byte of its address; those of the others follow */
	uint8_t alone; /* the card that the newest frame was sent on to instead of all of them; 0: none */
};

int setup(void **state);
int setup_small_ring(void **state); /* for some fifty events */
int teardown(void **state);

/* -- commands -- */
unsigned command(struct fixture *f, const struct dr_command *c);
unsigned set_iface(struct fixture *f, uint32_t ifindex, uint32_t carrier, uint32_t share, uint32_t share_min);
unsigned set_blind(struct fixture *f, uint32_t blind);
struct dr_target target_of(enum dr_kind kind, unsigned slot, uint64_t interval_ns);
unsigned watch_target(struct fixture *f, unsigned slot, const struct dr_target *t);
void watch(struct fixture *f, unsigned slot, enum dr_kind kind, uint64_t interval_ns); /* 3 missed, 2 rise */
unsigned retire(struct fixture *f, unsigned slot);

/* -- frames -- */
struct packet packet_of(const struct fixture *f, unsigned slot, bool reply, uint32_t seq);
/* Runs a program over a frame, which must come out untouched. -errno: the kernel makes no such frame. */
int try_run(struct fixture *f, struct bpf_program *prog, const struct frame *frame, int repeat,
	    unsigned *ret);
unsigned run(struct fixture *f, struct bpf_program *prog, const struct frame *frame);
void probe(struct fixture *f, unsigned slot, uint32_t seq);
void reply(struct fixture *f, unsigned slot, uint32_t seq);
void send_probe(struct fixture *f, unsigned slot); /* the next one */
void answer(struct fixture *f, unsigned slot);	   /* sends, and its answer comes */
void bring_up(struct fixture *f, unsigned slot);

/* -- state -- */
struct dr_watch watched(struct fixture *f, unsigned slot);
struct dr_track track(struct fixture *f, unsigned slot);
struct dr_stats stats(struct fixture *f);
struct dr_iface iface(struct fixture *f);
uint64_t listening(struct fixture *f); /* dr_listen_until_ns */

/* -- events -- */
void drain(struct fixture *f, int max_ms);
/* The newest event of that type (and slot, for verdicts); NULL: there is none within wait_ms. */
const struct dr_event *find_event(struct fixture *f, enum dr_event_type type, unsigned slot, int wait_ms);
/* The same, of one that there is to be. */
const struct dr_event *newest_event(struct fixture *f, enum dr_event_type type, unsigned slot);

/*
 * Every few ms the targets in answering send and are answered, those in silent send only (bit by slot),
 * until done(f) or max_ms have passed. Returns whether done.
 */
bool go_on(struct fixture *f, uint32_t answering, uint32_t silent, bool (*done)(struct fixture *f),
	   int max_ms);

/* Runs each test of a program with this fixture. */
#define T(name) cmocka_unit_test_setup_teardown(name, setup, teardown)

#endif
