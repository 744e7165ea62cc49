/* SPDX-License-Identifier: Apache-2.0 */
#include <stdarg.h>
#include <string.h>

#include "doctor/buf.h"
#include "doctor/log.h"

static enum dr_log_level threshold = DR_LOG_INFO;

void dr_log_set_level(enum dr_log_level level)
{
	threshold = level;
}

/* One write(2) a line, so that lines of several threads or processes do not mix. */
static void write_line(struct dr_buf *b)
{
	dr_buf_puts(b, "\n");
	if (b->error)
		return;
	for (size_t done = 0; done < b->len;) {
		ssize_t n = write(STDERR_FILENO, b->data + done, b->len - done);
		if (n < 0 && errno != EINTR)
			return; /* nobody left to tell */
		if (n > 0)
			done += (size_t)n;
	}
}

static bool under_journal(void)
{
	static int known = -1;
	if (known < 0)
		known = getenv("JOURNAL_STREAM") ? 1 : 0;
	return known;
}

void dr_log(enum dr_log_level level, const char *fmt, ...)
{
	DR_AUTO_BUF struct dr_buf b = { 0 };
	va_list ap, again;

	if (level > threshold)
		return;
	if (under_journal())
		dr_buf_printf(&b, "<%d>", (int)level);
	else if (level <= DR_LOG_WARNING)
		dr_buf_puts(&b, level <= DR_LOG_ERROR ? "error: " : "warning: ");

	va_start(ap, fmt);
	va_copy(again, ap);
	int n = vsnprintf(NULL, 0, fmt, ap);
	va_end(ap);
	DR_AUTO_FREE char *text = n < 0 ? NULL : malloc((size_t)n + 1);
	if (text) {
		vsnprintf(text, (size_t)n + 1, fmt, again);
		/* what came from outside cannot forge a second record or move the cursor */
		for (char *p = text; *p; p++) {
			if ((unsigned char)*p < 0x20 || *p == 0x7f)
				*p = ' ';
		}
		dr_buf_puts(&b, text);
	} else {
		dr_buf_puts(&b, fmt);
	}
	va_end(again);
	write_line(&b);
}

void dr_log_checkpoint(struct dr_wall when, const char *fmt, ...)
{
	DR_AUTO_BUF struct dr_buf b = { 0 };
	char what[512];
	va_list ap;

	va_start(ap, fmt);
	vsnprintf(what, sizeof(what), fmt, ap);
	va_end(ap);
	for (char *p = what; *p; p++) {
		if ((unsigned char)*p < 0x20 || *p == 0x7f)
			*p = ' ';
	}
	dr_buf_printf(&b, "%s at %lld.%06lld", what, (long long)(when.ns / DR_NSEC_PER_SEC),
		      (long long)(when.ns % DR_NSEC_PER_SEC / 1000));
	write_line(&b);
}
