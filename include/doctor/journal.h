/* SPDX-License-Identifier: Apache-2.0 */
#ifndef DOCTOR_JOURNAL_H
#define DOCTOR_JOURNAL_H

/*
 * Structured records for the journal (libsystemd, in lib/io/journal.c): MESSAGE, PRIORITY, SYSLOG_IDENTIFIER
 * and a DOCTOR_KEY for each key=value of log.h, so that `journalctl DOCTOR_HOST=compute-1` finds them.
 */

#include <sys/uio.h>

#include "doctor/buf.h"
#include "doctor/log.h"

/*
 * From now on records go to the journal, if that is what stderr is connected to; else nothing changes. A
 * record that the journal does not take is written to stderr. identifier must live as long as there is
 * logging.
 */
void dr_journal_start(const char *identifier);

/* The entries of a record, each "NAME=value"; pure. */
#define DR_JOURNAL_ENTRIES_MAX (3 + DR_LOG_FIELDS_MAX)
struct dr_journal_record {
	struct dr_buf text; /* all entries, one behind the other */
	struct iovec entries[DR_JOURNAL_ENTRIES_MAX];
	size_t count;
};

int dr_journal_record(const struct dr_log_record *r, const char *identifier,
		      struct dr_journal_record *ret) DR_MUST_USE; /* -ENOMEM */
void dr_journal_record_done(struct dr_journal_record *r);

#endif
