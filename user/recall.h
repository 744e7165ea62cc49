/* SPDX-License-Identifier: Apache-2.0 */
#ifndef DOCTOR_USER_RECALL_H
#define DOCTOR_USER_RECALL_H

/*
 * The file that tells the next run of the monitor who was up when an interface became isolated. Lines of
 * fields, parted by tabs:
 *
 *   doctor-monitor 1
 *   boot	ID OF THE BOOT
 *   name	NAME OF THE MONITOR
 *   up	INTERFACE	KIND (echo, arp, nd)	ADDRESS	PLANE	HOST
 *   end	NUMBER OF up LINES
 */

#include "doctor/buf.h"
#include "user/config.h"

#define MON_BOOT_MAX 64

struct mon_recalled {
	char interface[16];
	char host[MON_HOST_MAX], plane[MON_NAME_MAX];
	enum dr_kind kind;
	__be32 address[4];
	bool taken; /* by a target that is watched; the caller's */
};

struct mon_recall {
	struct mon_recalled *all; /* sorted */
	size_t count;
};

void mon_recall_done(struct mon_recall *r);

/* -- the text -- */
void mon_recall_begin(struct dr_buf *b, const char *name, const char *boot);
/* One with control characters is left out. */
void mon_recall_add(struct dr_buf *b, size_t *count, const struct mon_recalled *t);
void mon_recall_end(struct dr_buf *b, size_t count);

struct mon_recalled mon_recall_entry(const char *interface, const struct mon_target *t);

/*
 * 0, or 1: it is no such text as a whole, or of another boot or monitor, *ret_why (a literal) says which.
 * -ENOMEM. text is cut to pieces.
 */
int mon_recall_parse(char *text, const char *name, const char *boot, struct mon_recall *ret,
		     const char **ret_why) DR_MUST_USE;

struct mon_recalled *mon_recall_find(const struct mon_recall *r, const struct mon_recalled *wanted);

/* -- the file -- */
/* Beside the local socket: DIRECTORY/NAME.isolated; NULL without a socket. -ENOMEM. */
int mon_recall_path(const struct mon_config *c, char **ret) DR_MUST_USE;
/* As a whole, or not at all (a file beside it that takes its place). Negative errno. */
int mon_recall_write(const char *path, const struct dr_buf *text) DR_MUST_USE;
/*
 * The text, freed by the caller, if it is a file of root's, ours or owner's. 1: there is none; -EPERM:
 * somebody else's, or no file; -EFBIG; other negative errno.
 */
int mon_recall_read(const char *path, uid_t owner, char **ret) DR_MUST_USE;
int mon_recall_boot(char ret[MON_BOOT_MAX]) DR_MUST_USE; /* the id of this boot */

#endif
