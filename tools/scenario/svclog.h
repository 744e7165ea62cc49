/* SPDX-License-Identifier: Apache-2.0 */
#ifndef SCENARIO_SVCLOG_H
#define SCENARIO_SVCLOG_H

/*
 * Check points that only the logs of the cloud's services tell. A file "checkpoints" beside the cloud's
 * clouds.yaml says where: lines
 *
 *   T07 LOGFILE PATTERN
 *
 * with a POSIX extended regular expression in which {vm} and {alarm} stand for the ids. A log line that
 * tells time begins with epoch seconds. The pattern reaches to the end of the line.
 */

#include <sys/types.h>

#include "tools/scenario/timeline.h"

struct sc_svclog {
	enum sc_point point; /* of VMs only: T05 to T08 */
	char *path;
	char *pattern;
	off_t from; /* where in the file this run begins */
};

struct sc_svclogs {
	struct sc_svclog *logs;
	size_t n;
};

/* Parses the text of such a file. -EBADMSG: *ret_line is the first wrong line, from 1. -ENOMEM. */
int sc_svclogs_parse(const char *text, struct sc_svclogs *ret, unsigned *ret_line) DR_MUST_USE;
/* The same from a file; none if it is absent. *ret_error: for people, freed by the caller. */
int sc_svclogs_load(const char *path, struct sc_svclogs *ret, char **ret_error) DR_MUST_USE;
void sc_svclogs_done(struct sc_svclogs *s);

/* What is in the logs now belongs to the past. */
void sc_svclogs_mark(struct sc_svclogs *s);

/* Reads what has come since and fills in the points that are unknown. A log that cannot be read tells
 * nothing. */
void sc_svclogs_read(const struct sc_svclogs *s, struct sc_timeline *t);

/* Pure: the pattern with the ids in place; NULL if it asks for one that is unknown (""), or no memory. */
char *sc_svclog_pattern(const char *pattern, const char *vm, const char *alarm) DR_MUST_USE;

#endif
