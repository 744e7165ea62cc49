/* SPDX-License-Identifier: Apache-2.0 */
/* The time-line as a picture, and as variables for upstream's profiler. */
#include <string.h>

#include "tools/scenario/timeline.h"
#include "tools/scenario/xml.h"

#define WIDTH 960
#define ROW 26
#define TOP 64
#define LEFT 300 /* of the bars */
#define RIGHT 20
#define SHARES_HEIGHT 92

static const char *const colours[SC_SHARES_MAX] = { "#2b6cb0", "#dd6b20", "#38a169", "#805ad5", "#718096" };

/* What each point follows from: where its bar begins. */
static const enum sc_point cause[SC_POINTS] = {
	[SC_T00] = SC_T00, [SC_T01] = SC_T00, [SC_T02] = SC_T01, [SC_T03] = SC_T02,
	[SC_T04] = SC_T01, [SC_T05] = SC_T02, [SC_T06] = SC_T05, [SC_T07] = SC_T06,
	[SC_T08] = SC_T07, [SC_T09] = SC_T08, [SC_T10] = SC_T09,
};

static const char *colour_of(enum sc_point p)
{
	static const char *const whose[] = { "doctor-test", "monitor",	  "inspector",
					     "Nova",	    "Ceilometer", "Aodh" };
	static const char *const of[] = { "#1a202c", "#c53030", "#2b6cb0", "#dd6b20", "#38a169", "#805ad5" };

	for (size_t i = 0; i < DR_ARRAY_SIZE(whose); i++)
		if (strcmp(sc_point_who(p), whose[i]) == 0)
			return of[i];
	return "#718096";
}

static void text(struct dr_buf *out, int x, int y, const char *more, const char *words)
{
	dr_buf_printf(out, "<text x=\"%d\" y=\"%d\"%s>", x, y, more);
	sc_xml_text(out, words);
	dr_buf_puts(out, "</text>\n");
}

/* From the first point that is known to the last one before the replacement, which takes seconds. */
static bool extent(const struct sc_timeline *t, struct dr_wall *start, struct dr_wall *end)
{
	bool any = false;

	for (enum sc_point p = SC_T00; p < SC_T10; p++) {
		struct dr_wall at;

		if (!sc_timeline_at(t, p, &at))
			continue;
		if (!any || at.ns < start->ns)
			*start = at;
		if (!any || at.ns > end->ns)
			*end = at;
		any = true;
	}
	return any;
}

static double place(struct dr_wall at, struct dr_wall start, struct dr_wall end)
{
	double span = (double)(end.ns - start.ns), part = span > 0 ? (double)(at.ns - start.ns) / span : 0;

	return LEFT + DR_MIN(DR_MAX(part, 0.0), 1.0) * (WIDTH - LEFT - RIGHT - 80);
}

static void draw_point(const struct sc_timeline *t, enum sc_point p, struct dr_wall start, struct dr_wall end,
		       struct dr_buf *out)
{
	int y = TOP + (int)p * ROW;
	struct dr_wall at, since, zero;
	double x, from;

	text(out, 16, y, "", sc_point_name(p));
	text(out, 56, y, "", sc_point_text(p));
	text(out, 206, y, " fill=\"#718096\"", sc_point_who(p));
	if (!sc_timeline_at(t, p, &at))
		return;
	x = place(at, start, end);
	from = sc_timeline_at(t, cause[p], &since) && since.ns < at.ns ? place(since, start, end) : x;
	dr_buf_printf(out, "<rect x=\"%.1f\" y=\"%d\" width=\"%.1f\" height=\"14\" fill=\"%s\"/>\n", from,
		      y - 12, DR_MAX(x - from, 3.0), colour_of(p));
	if (!sc_timeline_at(t, SC_T01, &zero))
		zero = start;
	dr_buf_printf(out, "<text x=\"%.1f\" y=\"%d\">%.1f ms%s</text>\n", DR_MAX(x, from + 3) + 6, y,
		      (double)(at.ns - zero.ns) / 1e6, at.ns > end.ns ? " »" : "");
}

static void draw_shares(const struct sc_timeline *t, int y, struct dr_buf *out)
{
	struct sc_share shares[SC_SHARES_MAX];
	size_t n = sc_timeline_shares(t, shares);
	double total = 0, x = 16;
	int legend = 16;

	for (size_t i = 0; i < n; i++)
		total += (double)shares[i].took.ns;
	if (n)
		text(out, 16, y, " font-weight=\"bold\"", "from T01 to T09");
	for (size_t i = 0; i < n; i++) {
		double part = total > 0 ? (double)shares[i].took.ns / total : 0, wide = part * (WIDTH - 32);
		char words[400];

		dr_buf_printf(out, "<rect x=\"%.1f\" y=\"%d\" width=\"%.1f\" height=\"18\" fill=\"%s\"/>\n",
			      x, y + 10, wide, colours[i]);
		x += wide;
		snprintf(words, sizeof(words), "%.63s %.1f ms, %.0f %%", shares[i].who,
			 (double)shares[i].took.ns / 1e6, 100 * part);
		dr_buf_printf(out, "<rect x=\"%d\" y=\"%d\" width=\"10\" height=\"10\" fill=\"%s\"/>\n",
			      legend, y + 41, colours[i]);
		text(out, legend + 15, y + 50, "", words);
		legend += (WIDTH - 32) / SC_SHARES_MAX;
	}
}

void sc_timeline_svg(const struct sc_timeline *t, const char *title, struct dr_buf *out)
{
	int height = TOP + SC_POINTS * ROW + SHARES_HEIGHT;
	struct dr_wall start, end;

	dr_buf_printf(out,
		      "<?xml version=\"1.0\" encoding=\"UTF-8\"?>\n"
		      "<svg xmlns=\"http://www.w3.org/2000/svg\" version=\"1.1\" width=\"%d\" height=\"%d\" "
		      "viewBox=\"0 0 %d %d\" font-family=\"sans-serif\" font-size=\"13\">\n"
		      "<rect width=\"%d\" height=\"%d\" fill=\"white\"/>\n",
		      WIDTH, height, WIDTH, height, WIDTH, height);
	text(out, 16, 28, " font-size=\"17\" font-weight=\"bold\"", title);
	if (!extent(t, &start, &end))
		text(out, 16, TOP, "", "no check point is known");
	for (enum sc_point p = SC_T00; p < SC_POINTS && extent(t, &start, &end); p++)
		draw_point(t, p, start, end, out);
	draw_shares(t, TOP + SC_POINTS * ROW + 4, out);
	dr_buf_puts(out, "</svg>\n");
}

void sc_timeline_profiler(const struct sc_timeline *t, struct dr_buf *out)
{
	struct dr_wall zero, at;

	if (!sc_timeline_at(t, SC_T00, &zero))
		return;
	for (enum sc_point p = SC_T00; p <= SC_T09; p++)
		if (sc_timeline_at(t, p, &at))
			dr_buf_printf(out, "export DOCTOR_PROFILER_%s=%lld\n", sc_point_name(p),
				      (long long)(at.ns - zero.ns) / DR_NSEC_PER_MSEC);
}
