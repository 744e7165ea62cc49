// SPDX-License-Identifier: Apache-2.0
#include "doctor/metrics.h"

#include <inttypes.h>
#include <string.h>

#include "doctor/json.h"

void dr_metric_family(struct dr_buf *b, const char *prefix, const char *name, const char *type,
		      const char *help)
{
	dr_buf_printf(b, "# HELP %s%s %s\n# TYPE %s%s %s\n", prefix, name, help, prefix, name, type);
}

static void append_escaped(struct dr_buf *b, const char *value)
{
	for (const char *p = value; *p;) {
		size_t plain = strcspn(p, "\\\"\n"), good = 0, n;

		while (good < plain && (n = dr_json_utf8_len(p + good, plain - good)) > 0)
			good += n;
		dr_buf_append(b, p, good);
		p += good;
		if (!*p)
			return;
		if (good < plain)
			dr_buf_puts(b, "\xef\xbf\xbd");
		else
			dr_buf_puts(b, *p == '\n' ? "\\n" : *p == '"' ? "\\\"" : "\\\\");
		p++;
	}
}

void dr_labels_clear(struct dr_labels *l)
{
	dr_buf_clear(&l->text);
}

void dr_labels_add(struct dr_labels *l, const char *name, const char *value)
{
	if (l->text.len > 0)
		dr_buf_puts(&l->text, ",");
	dr_buf_puts(&l->text, name);
	dr_buf_puts(&l->text, "=\"");
	append_escaped(&l->text, value ? value : "");
	dr_buf_puts(&l->text, "\"");
}

void dr_labels_done(struct dr_labels *l)
{
	dr_buf_done(&l->text);
}

static void append_series(struct dr_buf *b, const char *prefix, const char *name,
			  const struct dr_labels *labels, const char *value)
{
	dr_buf_puts(b, prefix);
	dr_buf_puts(b, name);
	if (labels && labels->text.error)
		b->error = b->error ? b->error : labels->text.error;
	if (labels && labels->text.len > 0) {
		dr_buf_puts(b, "{");
		dr_buf_append(b, labels->text.data, labels->text.len);
		dr_buf_puts(b, "}");
	}
	dr_buf_puts(b, value);
}

void dr_metric_uint(struct dr_buf *b, const char *prefix, const char *name, const struct dr_labels *labels,
		    uint64_t n)
{
	char value[24];

	snprintf(value, sizeof(value), " %" PRIu64 "\n", n);
	append_series(b, prefix, name, labels, value);
}

void dr_metric_seconds(struct dr_buf *b, const char *prefix, const char *name, const struct dr_labels *labels,
		       uint64_t ns)
{
	char value[40];

	snprintf(value, sizeof(value), " %" PRIu64 ".%09" PRIu64 "\n", ns / 1000000000, ns % 1000000000);
	append_series(b, prefix, name, labels, value);
}
