/* SPDX-License-Identifier: Apache-2.0 */
#include "tools/bench/report.h"

#include <stdarg.h>
#include <string.h>

#include "doctor/buf.h"

struct bench_report {
	struct dr_json *root;
	unsigned troubles;
};

static const char *const outcomes[] = {
	[BENCH_HOLDS] = "holds",
	[BENCH_SHORT] = "falls short",
	[BENCH_NOT_HELD] = "not the bar's length",
	[BENCH_UNMEASURED] = "not measured",
};

int bench_report_new(struct bench_report **ret)
{
	DR_AUTO(bench_report_freep) struct bench_report *r = calloc(1, sizeof(*r));

	if (!r || !(r->root = dr_json_object()) || !dr_json_add_array(r->root, "figures"))
		return -ENOMEM;
	*ret = DR_TAKE_PTR(r);
	return 0;
}

void bench_report_free(struct bench_report *r)
{
	if (r)
		dr_json_free(r->root);
	free(r);
}

struct dr_json *bench_report_row(struct bench_report *r, const char *array)
{
	struct dr_json *a = dr_json_get(r->root, array);

	return dr_json_push_object(a ? a : dr_json_add_array(r->root, array));
}

void bench_report_figure(struct bench_report *r, const char *what, const char *bar,
			 enum bench_outcome outcome, const char *value, ...)
{
	struct dr_json *row = bench_report_row(r, "figures");
	char text[256];
	va_list ap;

	va_start(ap, value);
	vsnprintf(text, sizeof(text), value, ap);
	va_end(ap);
	dr_json_add_str(row, "what", what);
	dr_json_add_str(row, "measured", text);
	dr_json_add_str(row, "bar", bar);
	dr_json_add_str(row, "outcome", outcomes[outcome]);
}

void bench_report_trouble(struct bench_report *r, const char *what, const char *why)
{
	struct dr_json *row = bench_report_row(r, "not_measured");

	fprintf(stderr, "not measured: %s: %s\n", what, why ? why : "out of memory");
	dr_json_add_str(row, "what", what);
	dr_json_add_str(row, "why", why);
	r->troubles++;
}

unsigned bench_report_troubles(const struct bench_report *r)
{
	return r->troubles;
}

char *bench_report_summary(const struct bench_report *r)
{
	static const char *const keys[] = { "what", "measured", "bar" };
	const struct dr_json *figures = dr_json_get(r->root, "figures");
	DR_AUTO_BUF struct dr_buf b = { 0 };
	int width[3] = { 6, 8, 3 };

	if (!dr_json_size(figures))
		return strdup("No figure of these has a bar.\n");
	for (const struct dr_json *f = dr_json_first(figures); f; f = dr_json_next(f)) {
		for (int i = 0; i < 3; i++)
			width[i] = DR_MAX(width[i], (int)strlen(dr_json_get_str(f, keys[i])));
	}
	dr_buf_printf(&b, "%-*s  %-*s  %-*s  \n", width[0], "figure", width[1], "measured", width[2], "bar");
	for (const struct dr_json *f = dr_json_first(figures); f; f = dr_json_next(f)) {
		for (int i = 0; i < 3; i++)
			dr_buf_printf(&b, "%-*s  ", width[i], dr_json_get_str(f, keys[i]));
		dr_buf_printf(&b, "%s\n", dr_json_get_str(f, "outcome"));
	}
	return b.error ? NULL : DR_TAKE_PTR(b.data);
}

char *bench_report_json(struct bench_report *r, const char *machine, const char *date)
{
	dr_json_add_str(r->root, "version", DR_VERSION);
	dr_json_add_str(r->root, "machine", machine);
	dr_json_add_str(r->root, "date", date);
	return dr_json_print(r->root);
}
