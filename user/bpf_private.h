/* SPDX-License-Identifier: Apache-2.0 */
#ifndef DOCTOR_USER_BPF_PRIVATE_H
#define DOCTOR_USER_BPF_PRIVATE_H

/* What the files user/bpf*.c share; nobody else includes it. */

#include <bpf/libbpf.h>

#include "probe.skel.h"

#include "user/bpf.h"
#include "user/bpf_attach.h"

struct bpf_links; /* user/bpf_link.c */

struct mon_bpf {
	struct dr_probe_bpf *skel;
	struct ring_buffer *ring;
	char dir[320];	 /* our pin directory, "" until it is ours */
	int dir_fd;	 /* locked while we run */
	int root_fd;	 /* the pin root */
	char *made_root; /* the pin root, if it was not there before us */
	/* by index in dr_ifaces; ifindex 0: not attached, and all else is zero then */
	struct bpf_attachment attachments[MON_INTERFACES_MAX];
	struct bpf_links *links;   /* NULL: not started, or refused */
	mon_bpf_event_fn event_fn; /* during mon_bpf_consume() */
	void *event_userdata;
};

/* Detaches and unloads the link programs. NULL-safe. */
void bpf_links_free(struct bpf_links *l);

/* -- libbpf's own words of the last failure, for messages (user/bpf_words.c) -- */
void bpf_words_forget(void); /* before what may fail; also makes libbpf talk to us */

/* Makes *ret_error of what, the error and libbpf's words. Returns err (negative). */
int bpf_words_fail(char **ret_error, int err, const char *what);

/* -- pins (user/bpf_pins.c) -- */
bool bpf_pins_is_bpffs(const char *path);

/* Makes pin_root/name ours alone (b->dir, b->dir_fd) and empties it of what a killed run left. -EBUSY. */
int bpf_pins_claim(struct mon_bpf *b, const char *pin_root, const char *name, char **ret_error) DR_MUST_USE;
int bpf_pins_make(struct mon_bpf *b, char **ret_error) DR_MUST_USE;
void bpf_pins_done(struct mon_bpf *b); /* unpins all that is ours and removes the directories */

#endif
