/* SPDX-License-Identifier: Apache-2.0 */
#ifndef DOCTOR_LOG_H
#define DOCTOR_LOG_H

/*
 * One line per record on stderr, unbuffered. Under the journal (JOURNAL_STREAM set) each line
 * carries its "<n>" syslog priority and nothing else is added; elsewhere warnings and errors begin
 * with "warning: " or "error: ". Messages end in key=value pairs where there are values.
 * Only programs log; see mem.h.
 */

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

#endif
