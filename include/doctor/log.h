/* SPDX-License-Identifier: Apache-2.0 */
#ifndef DOCTOR_LOG_H
#define DOCTOR_LOG_H

/*
 * One line per record on stderr, unbuffered. Where stderr is the journal's, each line carries its "<n>"
 * syslog priority and nothing else is added; elsewhere warnings and errors begin with "warning: " or
 * "error: ". A sink (journal.h) gets the record with its fields instead.
 *
 * Messages end in key=value words where there are values: "target down host=%s unanswered=%u". Those words of
 * the format, not of the finished text, are the fields, so that a value never passes for a field of its own.
 * Only programs log; see mem.h.
 */

#include <stdbool.h>

#include "doctor/clock.h"
#include "doctor/mem.h"

enum dr_log_level {
	DR_LOG_ERROR = 3, /* syslog's numbers */
	DR_LOG_WARNING = 4,
	DR_LOG_INFO = 6,
	DR_LOG_DEBUG = 7,
};

/* The least important level that is written; DR_LOG_INFO at start. */
void dr_log_set_level(enum dr_log_level level);

void dr_log(enum dr_log_level level, const char *fmt, ...) DR_PRINTF(2, 3);

#define dr_error(...) dr_log(DR_LOG_ERROR, __VA_ARGS__)
#define dr_warning(...) dr_log(DR_LOG_WARNING, __VA_ARGS__)
#define dr_info(...) dr_log(DR_LOG_INFO, __VA_ARGS__)
#define dr_debug(...) dr_log(DR_LOG_DEBUG, __VA_ARGS__)

/*
 * A check point of the Doctor profiler: "TEXT at EPOCH.FRACTION" first on the line, without any
 * prefix, because upstream's calculators look for it there. Keep the words: "doctor monitor
 * detected", "doctor mark host(H) down", "doctor mark vm(V) error", "doctor consumer notified".
 */
void dr_log_checkpoint(struct dr_wall when, const char *fmt, ...) DR_PRINTF(2, 3);

/* Is stderr connected to the journal (JOURNAL_STREAM, see systemd.exec(5))? */
bool dr_log_stderr_is_journal(void);

#define DR_LOG_FIELDS_MAX 24 /* further ones are in the message only */
#define DR_LOG_KEY_MAX 48

struct dr_log_field {
	const char *key; /* a-z, 0-9 and _, begins with a letter; not terminated */
	size_t key_len;
	const char *value; /* without the quotes around it; without control characters; not terminated */
	size_t value_len;
};

struct dr_log_record {
	enum dr_log_level level;
	const char *message; /* the whole line, fields included, without prefix or control characters */
	struct dr_log_field fields[DR_LOG_FIELDS_MAX];
	size_t field_count;
};

/* Valid during the call. 0: taken; negative: it is written to stderr as if there were no sink. */
typedef int (*dr_log_sink_fn)(const struct dr_log_record *r, void *userdata);

void dr_log_set_sink(dr_log_sink_fn fn, void *userdata); /* NULL: none, as at start */

#endif
