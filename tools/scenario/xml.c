/* SPDX-License-Identifier: Apache-2.0 */
#include "tools/scenario/xml.h"

#include <string.h>

#include "doctor/json.h"

static const char *escape(char c)
{
	switch (c) {
	case '<':
		return "&lt;";
	case '>':
		return "&gt;";
	case '&':
		return "&amp;";
	case '"':
		return "&quot;";
	case '\n': /* kept, also in an attribute */
		return "&#10;";
	case '\t':
		return "&#9;";
	default:
		return (unsigned char)c < ' ' ? "?" : NULL;
	}
}

void sc_xml_text(struct dr_buf *out, const char *text)
{
	size_t len = strlen(text);

	while (len) {
		const char *instead = escape(*text);
		size_t n = dr_json_utf8_len(text, len);

		/* U+FFFE and U+FFFF are no characters */
		if (n == 0 || (n == 3 && memcmp(text, "\xef\xbf", 2) == 0 && (unsigned char)text[2] >= 0xbe))
			instead = "?";
		if (instead)
			dr_buf_puts(out, instead);
		else
			dr_buf_append(out, text, n);
		text += n ? n : 1;
		len -= n ? n : 1;
	}
}
