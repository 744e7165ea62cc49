/* SPDX-License-Identifier: Apache-2.0 */
#include "lib/io/json_check.h"

#include <stdbool.h>
#include <string.h>

#include "doctor/json.h"

#define WIDE_DIGITS 15 /* %.15g is what cJSON prints without an exponent */

struct scan {
	const char *text;
	size_t len, pos;
	unsigned depth;
	size_t numbers;
	struct dr_json_wides *wides;
};

void dr_json_wides_done(struct dr_json_wides *w)
{
	free(w->items);
	*w = (struct dr_json_wides){ 0 };
}

static int wides_add(struct dr_json_wides *w, struct dr_json_wide item)
{
	if (w->count == w->cap) {
		size_t cap = w->cap ? 2 * w->cap : 8;
		struct dr_json_wide *items = reallocarray(w->items, cap, sizeof(*items));

		if (!items)
			return -ENOMEM;
		w->items = items;
		w->cap = cap;
	}
	w->items[w->count++] = item;
	return 0;
}

/* The byte at pos; 0 at the end, which no grammar rule accepts. */
static unsigned char peek(const struct scan *s)
{
	return s->pos < s->len ? (unsigned char)s->text[s->pos] : 0;
}

static bool accept(struct scan *s, char c)
{
	if (s->pos >= s->len || s->text[s->pos] != c)
		return false;
	s->pos++;
	return true;
}

static void skip_space(struct scan *s)
{
	while (s->pos < s->len && memchr(" \t\r\n", s->text[s->pos], 4))
		s->pos++;
}

static bool is_digit(unsigned char c)
{
	return c >= '0' && c <= '9';
}

static int scan_digits(struct scan *s)
{
	if (!is_digit(peek(s)))
		return -EBADMSG;
	while (is_digit(peek(s)))
		s->pos++;
	return 0;
}

static int scan_number(struct scan *s)
{
	size_t start = s->pos, ordinal = s->numbers++;
	bool whole = true;
	int r;

	accept(s, '-');
	if (!accept(s, '0')) {
		r = scan_digits(s);
		if (r < 0)
			return r;
	}
	size_t end = s->pos;
	if (accept(s, '.')) {
		whole = false;
		r = scan_digits(s);
		if (r < 0)
			return r;
	}
	if (accept(s, 'e') || accept(s, 'E')) {
		whole = false;
		if (!accept(s, '+'))
			accept(s, '-');
		r = scan_digits(s);
		if (r < 0)
			return r;
	}
	if (!whole || end - start <= WIDE_DIGITS)
		return 0;
	return wides_add(s->wides, (struct dr_json_wide){ ordinal, start, end - start });
}

size_t dr_json_utf8_len(const char *text, size_t len)
{
	const unsigned char *u = (const unsigned char *)text;
	size_t n;

	if (len == 0)
		return 0;
	if (u[0] < 0x80)
		return 1;
	n = u[0] >= 0xc2 && u[0] <= 0xdf   ? 2
	    : (u[0] & 0xf0) == 0xe0	   ? 3
	    : u[0] >= 0xf0 && u[0] <= 0xf4 ? 4
					   : 0;
	if (n == 0 || n > len)
		return 0;
	for (size_t i = 1; i < n; i++)
		if ((u[i] & 0xc0) != 0x80)
			return 0;
	/* overlong forms, surrogates, beyond U+10FFFF: told by the second byte */
	if ((u[0] == 0xe0 && u[1] < 0xa0) || (u[0] == 0xed && u[1] > 0x9f) || (u[0] == 0xf0 && u[1] < 0x90) ||
	    (u[0] == 0xf4 && u[1] > 0x8f))
		return 0;
	return n;
}

static int scan_hex4(struct scan *s, unsigned *ret)
{
	unsigned v = 0;

	for (int i = 0; i < 4; i++, s->pos++) {
		unsigned char c = peek(s);

		if (is_digit(c))
			v = v << 4 | (unsigned)(c - '0');
		else if ((c | 0x20) >= 'a' && (c | 0x20) <= 'f')
			v = v << 4 | (unsigned)((c | 0x20) - 'a' + 10);
		else
			return -EBADMSG;
	}
	*ret = v;
	return 0;
}

/* Behind "\u". Zero is refused: values are C strings here, and what follows would be lost unseen. */
static int scan_unicode_escape(struct scan *s)
{
	size_t start = s->pos;
	unsigned high, low;
	int r;

	r = scan_hex4(s, &high);
	if (r < 0)
		return r;
	if (high == 0 || (high >= 0xdc00 && high <= 0xdfff)) {
		s->pos = start;
		return -EBADMSG;
	}
	if (high < 0xd800 || high > 0xdbff)
		return 0;
	if (!accept(s, '\\') || !accept(s, 'u'))
		return -EBADMSG;
	start = s->pos;
	r = scan_hex4(s, &low);
	if (r < 0)
		return r;
	if (low < 0xdc00 || low > 0xdfff) {
		s->pos = start;
		return -EBADMSG;
	}
	return 0;
}

static int scan_string(struct scan *s)
{
	if (!accept(s, '"'))
		return -EBADMSG;
	while (!accept(s, '"')) {
		if (accept(s, '\\')) {
			if (accept(s, 'u')) {
				int r = scan_unicode_escape(s);

				if (r < 0)
					return r;
			} else if (peek(s) && strchr("\"\\/bfnrt", peek(s))) {
				s->pos++;
			} else {
				return -EBADMSG;
			}
			continue;
		}
		size_t n = peek(s) < 0x20 ? 0 : dr_json_utf8_len(s->text + s->pos, s->len - s->pos);

		if (n == 0)
			return -EBADMSG;
		s->pos += n;
	}
	return 0;
}

static int scan_word(struct scan *s, const char *word)
{
	for (; *word; word++)
		if (!accept(s, *word))
			return -EBADMSG;
	return 0;
}

static int scan_value(struct scan *s);

static int scan_member(struct scan *s)
{
	int r = scan_string(s);

	if (r < 0)
		return r;
	skip_space(s);
	return accept(s, ':') ? scan_value(s) : -EBADMSG;
}

static int scan_container(struct scan *s, int (*scan_item)(struct scan *s), char close)
{
	int r;

	if (s->depth == DR_JSON_DEPTH_MAX)
		return -EBADMSG;
	s->depth++;
	s->pos++;
	skip_space(s);
	if (!accept(s, close)) {
		for (;;) {
			skip_space(s);
			r = scan_item(s);
			if (r < 0)
				return r;
			if (accept(s, close))
				break;
			if (!accept(s, ','))
				return -EBADMSG;
		}
	}
	s->depth--;
	return 0;
}

static int scan_value(struct scan *s)
{
	int r;

	skip_space(s);
	switch (peek(s)) {
	case '{':
		r = scan_container(s, scan_member, '}');
		break;
	case '[':
		r = scan_container(s, scan_value, ']');
		break;
	case '"':
		r = scan_string(s);
		break;
	case 't':
		r = scan_word(s, "true");
		break;
	case 'f':
		r = scan_word(s, "false");
		break;
	case 'n':
		r = scan_word(s, "null");
		break;
	default:
		r = scan_number(s);
		break;
	}
	if (r < 0)
		return r;
	skip_space(s);
	return 0;
}

int dr_json_check(const char *text, size_t len, struct dr_json_wides *wides, size_t *ret_offset)
{
	struct scan s = { .text = text, .len = len, .wides = wides };
	int r;

	r = scan_value(&s);
	if (r == 0 && s.pos < len)
		r = -EBADMSG;
	if (r == -EBADMSG)
		*ret_offset = s.pos;
	return r;
}
