/* SPDX-License-Identifier: Apache-2.0 */
#ifndef TESTS_NET_CABLE_H
#define TESTS_NET_CABLE_H

/*
 * The sender (user/prober.h) at one end of a cable. At the other one, in a namespace without addresses where
 * nobody answers, all that comes out is read.
 *
 *   m0 02:00:00:00:00:01 ──── p0 02:00:00:00:00:02
 *   198.18.5.1/24 198.18.6.1/24 fd00:5::1/64 fe80::5/64
 *
 * The neighbours 198.18.5.2, fd00:5::2 and fe80::2 are known to be p0, no others are. The test program runs
 * in a namespace of its own (bed_enter_namespace()); an error fails the test.
 */

#include "doctor/wire.h"
#include "tests/net/bed.h"
#include "tools/scenario/netns.h"
#include "user/prober.h"

#define CABLE_IDENT 0x4321
#define CABLE_KEY 0x1122334455667788ULL /* of slot n: this plus n */
#define CABLE_ROOM 2048

static const uint8_t cable_our_mac[6] DR_UNUSED = { 2, 0, 0, 0, 0, 1 };
static const uint8_t cable_far_mac[6] DR_UNUSED = { 2, 0, 0, 0, 0, 2 };

struct cable {
	struct sc_netns here, far;
	int rx; /* all frames that come out of the far end */
	struct mon_prober *p;
};

struct cable_frame {
	uint8_t bytes[256];
	size_t len;
	struct dr_tag tag;
	uint32_t slot, seq;
	struct dr_mono at; /* when it was read */
};

/* For cmocka: makes it, *state is a struct cable. */
int cable_setup(void **state);
int cable_teardown(void **state);

void cable_plug(struct cable *w); /* m0 and p0, up; without addresses */
void cable_addresses(struct cable *w);
void cable_ip(struct cable *w, const char *lines); /* of ip(8)'s batch language, on our side */
void cable_set_interface(struct cable *w);	   /* the sender's interface 0 is m0 */
void cable_address(const char *text, __be32 ret[4]);
void cable_add(struct cable *w, uint32_t slot, enum dr_kind kind, const char *to, uint64_t interval_ns);

/* A condition is waited for with a deadline, by looking again after a short pause. */
bool cable_in_time(struct dr_mono start);
void cable_pause(void);

/* The next frame with a tag of ours; false: there is none now. */
bool cable_read_frame(struct cable *w, struct cable_frame *f);
struct cable_frame cable_wait_frame(struct cable *w, uint32_t slot);
void cable_drain(struct cable *w);
/* Until attempts of the slot end with that errno, or 0. */
void cable_wait_error(struct cable *w, uint32_t slot, int error);

/* An address, IPv4 or IPv6, stands at that place of the frame. */
void cable_expect_address(const struct cable_frame *f, size_t at, const char *text);

#endif
