/* SPDX-License-Identifier: Apache-2.0 */
#ifndef TESTS_VM_GUEST_H
#define TESTS_VM_GUEST_H

/*
 * A guest in qemu that does what it is told: commands over a serial port (tests/vm/guest-init), its
 * virtual processors stopped by QMP, or taken away from it as a busy hypervisor does. What goes wrong
 * fails the test.
 *
 * DOCTOR_VM_KERNEL and DOCTOR_VM_INITRD name what it boots; tests/vm/run sets them.
 */

#include <sys/types.h>

#include "doctor/buf.h"
#include "doctor/clock.h"

#define GUEST_CABLES_MAX 2

struct guest;

/* A cable: a connected pair of sockets, one for each guest. Each end is closed by the guest that gets it. */
void guest_cable(int ret_ends[2]);

/*
 * Boots; cables[i] (-1: none) becomes eth<i> with the address 52:54:00:00:<i>:<number>. Returns at once;
 * guest_wait_boot() waits.
 */
struct guest *guest_new(const char *name, unsigned number, int cables[GUEST_CABLES_MAX]);
void guest_wait_boot(struct guest *g);
void guest_free(struct guest *g); /* NULL-safe; pulls its plug */

/* Runs a shell's command there, on one line; its status. Output is appended to out (NULL: not wanted). */
int guest_run(struct guest *g, struct dr_buf *out, const char *fmt, ...) DR_PRINTF(3, 4);
/* The same; fails the test, with the output, if the status is not 0. */
void guest_must(struct guest *g, const char *fmt, ...) DR_PRINTF(2, 3);

enum guest_pause {
	GUEST_STOPPED, /* QMP stop and cont: its clocks stand still, while the world goes on */
	GUEST_STOLEN,  /* SIGSTOP and SIGCONT of qemu: its clocks jump, as with stolen time */
};
void guest_pause(struct guest *g, enum guest_pause how);
void guest_resume(struct guest *g, enum guest_pause how);

#endif
