/* SPDX-License-Identifier: Apache-2.0 */
#include <stdarg.h>
#include <string.h>
#include <sys/stat.h>

#include "doctor/buf.h"
#include "doctor/log.h"

static enum dr_log_level threshold = DR_LOG_INFO;
static dr_log_sink_fn sink;
static void *sink_userdata;

void dr_log_set_level(enum dr_log_level level)
{
	threshold = level;
}

void dr_log_set_sink(dr_log_sink_fn fn, void *userdata)
{
	sink = fn;
	sink_userdata = userdata;
}

bool dr_log_stderr_is_journal(void)
{
	const char *stream = getenv("JOURNAL_STREAM");
	unsigned long long dev, ino;
	struct stat st;
	char *end;

	if (!stream)
		return false;
	dev = strtoull(stream, &end, 10);
	if (end == stream || *end != ':')
		return false;
	stream = end + 1;
	ino = strtoull(stream, &end, 10);
	return end > stream && *end == '\0' && fstat(STDERR_FILENO, &st) == 0 && st.st_dev == dev &&
	       st.st_ino == ino;
}

/* ---------------------------------------------------------------- lines */

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

static void write_record(const struct dr_log_record *r)
{
	DR_AUTO_BUF struct dr_buf b = { 0 };

	if (dr_log_stderr_is_journal())
		dr_buf_printf(&b, "<%d>", (int)r->level);
	else if (r->level <= DR_LOG_WARNING)
		dr_buf_puts(&b, r->level <= DR_LOG_ERROR ? "error: " : "warning: ");
	dr_buf_puts(&b, r->message);
	write_line(&b);
}

/* ---------------------------------------------------------------- fields */

/* Length of the key if text begins with "key=", else 0. */
static size_t key_length(const char *text)
{
	size_t n = 0;

	if (*text < 'a' || *text > 'z')
		return 0;
	while ((text[n] >= 'a' && text[n] <= 'z') || (text[n] >= '0' && text[n] <= '9') || text[n] == '_')
		n++;
	return text[n] == '=' && n <= DR_LOG_KEY_MAX ? n : 0;
}

/* Where the key=value words at the end of a format begin; its end if there are none. */
static const char *first_key(const char *fmt)
{
	const char *first = fmt + strlen(fmt), *word = first;

	while (word > fmt) {
		do
			word--;
		while (word > fmt && word[-1] != ' ');
		if (!key_length(word))
			break;
		first = word;
		word -= word > fmt; /* the space before it */
	}
	return first;
}

static void trim_quotes(struct dr_log_field *f)
{
	if (f->value_len < 2 || f->value[0] != '"' || f->value[f->value_len - 1] != '"')
		return;
	f->value++;
	f->value_len -= 2;
}

/* Bytes that the first len bytes of the format make; arguments beyond them are left over, which is fine. */
static size_t length_of_part(const char *fmt, size_t len, va_list ap) DR_PRINTF(1, 0);
static size_t length_of_part(const char *fmt, size_t len, va_list ap)
{
	DR_AUTO_FREE char *part = strndup(fmt, len);
	va_list again;
	int n;

	if (!part)
		return SIZE_MAX;
	va_copy(again, ap);
#pragma GCC diagnostic push
#pragma GCC diagnostic ignored "-Wformat-nonliteral"
	n = vsnprintf(NULL, 0, part, again);
#pragma GCC diagnostic pop
	va_end(again);
	return n < 0 ? SIZE_MAX : (size_t)n;
}

/* The fields are found by where their keys stand in the format; r->message was made of it. */
static void find_fields(struct dr_log_record *r, const char *fmt, va_list ap) DR_PRINTF(2, 0);
static void find_fields(struct dr_log_record *r, const char *fmt, va_list ap)
{
	size_t message_len = strlen(r->message);

	for (const char *word = first_key(fmt); *word && r->field_count < DR_LOG_FIELDS_MAX;) {
		const char *next = strchrnul(word, ' ');
		size_t key = key_length(word);
		size_t start = length_of_part(fmt, (size_t)(word - fmt), ap);
		size_t end = *next ? length_of_part(fmt, (size_t)(next - fmt), ap) : message_len;

		if (key == 0 || start > message_len || end > message_len || end < start + key + 1)
			return;
		struct dr_log_field *f = &r->fields[r->field_count++];
		*f = (struct dr_log_field){ .key = r->message + start,
					    .key_len = key,
					    .value = r->message + start + key + 1,
					    .value_len = end - start - key - 1 };
		trim_quotes(f);
		word = *next ? next + 1 : next;
	}
}

/* ---------------------------------------------------------------- records */

void dr_log(enum dr_log_level level, const char *fmt, ...)
{
	struct dr_log_record r = { .level = level, .message = fmt };
	DR_AUTO_FREE char *text = NULL;
	va_list ap, again;

	if (level > threshold)
		return;
	va_start(ap, fmt);
	va_copy(again, ap);
	if (vasprintf(&text, fmt, ap) < 0)
		text = NULL;
	va_end(ap);
	if (text) {
		dr_blank_controls(text, ' '); /* what came from outside cannot forge a second record */
		r.message = text;
		if (sink)
			find_fields(&r, fmt, again);
	}
	va_end(again);
	if (!sink || sink(&r, sink_userdata) < 0)
		write_record(&r);
}

void dr_log_checkpoint(struct dr_wall when, const char *fmt, ...)
{
	DR_AUTO_BUF struct dr_buf b = { 0 };
	char what[512];
	va_list ap;

	va_start(ap, fmt);
	vsnprintf(what, sizeof(what), fmt, ap);
	va_end(ap);
	dr_blank_controls(what, ' ');
	dr_buf_printf(&b, "%s at %lld.%06lld", what, (long long)(when.ns / DR_NSEC_PER_SEC),
		      (long long)(when.ns % DR_NSEC_PER_SEC / 1000));
	const struct dr_log_record r = { .level = DR_LOG_INFO, .message = dr_buf_str(&b) };
	if (!sink || sink(&r, sink_userdata) < 0)
		write_line(&b);
}
