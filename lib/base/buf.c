/* SPDX-License-Identifier: Apache-2.0 */
#include <stdint.h>
#include <string.h>

#include "doctor/buf.h"

void dr_buf_done(struct dr_buf *b)
{
	free(b->data);
	*b = (struct dr_buf){ 0 };
}

void dr_buf_clear(struct dr_buf *b)
{
	b->len = 0;
	b->error = 0;
	if (b->data)
		b->data[0] = '\0';
}

static bool reserve(struct dr_buf *b, size_t more)
{
	if (b->error)
		return false;
	if (more >= SIZE_MAX / 2 - b->len || (b->limit && b->len + more > b->limit)) {
		b->error = -EMSGSIZE;
		return false;
	}

	size_t want = b->len + more + 1;
	if (want <= b->cap)
		return true;

	size_t cap = DR_MAX(DR_MAX(want, b->cap * 2), (size_t)64);
	char *data = realloc(b->data, cap);
	if (!data) {
		b->error = -ENOMEM;
		return false;
	}
	b->data = data;
	b->cap = cap;
	return true;
}

void dr_buf_append(struct dr_buf *b, const void *data, size_t len)
{
	if (!reserve(b, len))
		return;
	if (len)
		memcpy(b->data + b->len, data, len);
	b->len += len;
	b->data[b->len] = '\0';
}

void dr_buf_puts(struct dr_buf *b, const char *text)
{
	dr_buf_append(b, text, strlen(text));
}

static void append_va(struct dr_buf *b, const char *fmt, va_list ap) DR_PRINTF(2, 0);
static void append_va(struct dr_buf *b, const char *fmt, va_list ap)
{
	va_list again;
	va_copy(again, ap);
	int n = vsnprintf(NULL, 0, fmt, ap);
	if (n < 0) {
		b->error = b->error ? b->error : -EINVAL;
	} else if (reserve(b, (size_t)n)) {
		vsnprintf(b->data + b->len, (size_t)n + 1, fmt, again);
		b->len += (size_t)n;
	}
	va_end(again);
}

void dr_buf_printf(struct dr_buf *b, const char *fmt, ...)
{
	va_list ap;
	va_start(ap, fmt);
	append_va(b, fmt, ap);
	va_end(ap);
}

const char *dr_buf_str(const struct dr_buf *b)
{
	return b->data ? b->data : "";
}

char *dr_asprintf(const char *fmt, ...)
{
	struct dr_buf b = { 0 };
	va_list ap;

	va_start(ap, fmt);
	append_va(&b, fmt, ap);
	va_end(ap);
	if (b.error) {
		dr_buf_done(&b);
		return NULL;
	}
	return b.data;
}

int dr_strcpy(char *dst, size_t size, const char *src)
{
	size_t len = strlen(src);
	if (len >= size) {
		if (size)
			dst[0] = '\0';
		return -ENAMETOOLONG;
	}
	memcpy(dst, src, len + 1);
	return 0;
}

/* Bytes of the control character that text begins with; 0: it begins with none. */
static size_t control_length(const char *text)
{
	const unsigned char *u = (const unsigned char *)text;

	if (u[0] == 0xc2 && u[1] >= 0x80 && u[1] <= 0x9f)
		return 2;
	return u[0] < 0x20 || u[0] == 0x7f;
}

bool dr_has_control(const char *text)
{
	for (; *text; text++)
		if (control_length(text))
			return true;
	return false;
}

void dr_blank_controls(char *text, char with)
{
	while (*text) {
		size_t len = control_length(text);

		memset(text, with, len);
		text += len ? len : 1;
	}
}
