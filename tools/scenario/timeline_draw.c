/* SPDX-License-Identifier: Apache-2.0 */
/* The time-line as text: a table with a bar for each check point, and a line of shares. */
#include <string.h>

#include "tools/scenario/timeline.h"

#define WIDTH 100
#define INDENT 2
#define COL_TEXT 22
#define COL_WHO 12
#define COL_MS 10

struct glyphs {
	const char *bar, *spread, *beyond;
	const char *share[SC_SHARES_MAX];
};

static const struct glyphs unicode = { "█", "░", "»", { "█", "▒", "▓", "░", "·" } };
static const struct glyphs ascii = { "#", "-", ">", { "#", "-", "=", ":", "." } };

/* What each point follows from: where its bar begins. */
static const enum sc_point cause[SC_POINTS] = {
	[SC_T00] = SC_T00, [SC_T01] = SC_T00, [SC_T02] = SC_T01, [SC_T03] = SC_T02,
	[SC_T04] = SC_T02, [SC_T05] = SC_T02, [SC_T06] = SC_T05, [SC_T07] = SC_T06,
	[SC_T08] = SC_T07, [SC_T09] = SC_T08, [SC_T10] = SC_T09,
};

struct scale {
	struct dr_wall zero;	   /* of the figures */
	enum sc_point zero_point;  /* which one that is */
	struct dr_wall start, end; /* of the bars */
	unsigned columns;
};

/* From the first check point to the last notification: the replacement takes seconds and is left out. */
static bool make_scale(const struct sc_timeline *t, unsigned columns, struct scale *ret)
{
	struct dr_wall first, last;
	bool any = false;

	ret->columns = columns;
	for (enum sc_point p = SC_T00; p < SC_POINTS; p++) {
		if (!sc_timeline_span(t, p, &first, &last) || (p == SC_T10 && any))
			continue;
		if (!any || first.ns < ret->start.ns)
			ret->start = first;
		if (!any || last.ns > ret->end.ns)
			ret->end = last;
		if (!any || p == SC_T01) {
			ret->zero = first;
			ret->zero_point = p;
		}
		any = true;
	}
	return any;
}

/* 0 .. columns - 1; columns: past the end. */
static unsigned column(const struct scale *s, struct dr_wall at)
{
	double span = (double)(s->end.ns - s->start.ns);

	if (at.ns > s->end.ns)
		return s->columns;
	return span > 0 ? (unsigned)((double)(at.ns - s->start.ns) / span * (s->columns - 1) + 0.5) : 0;
}

static void repeat(struct dr_buf *out, const char *text, unsigned n)
{
	while (n--)
		dr_buf_puts(out, text);
}

/* When the nearest known cause happened; the point's own first time if that is later or there is none. */
static struct dr_wall cause_time(const struct sc_timeline *t, enum sc_point p, struct dr_wall own)
{
	struct dr_wall first, last;

	while (cause[p] != p) {
		p = cause[p];
		if (sc_timeline_span(t, p, &first, &last))
			return first.ns < own.ns ? first : own;
	}
	return own;
}

static void draw_bar(const struct sc_timeline *t, const struct scale *s, const struct glyphs *g,
		     enum sc_point p, struct dr_wall first, struct dr_wall last, struct dr_buf *out)
{
	unsigned from = column(s, cause_time(t, p, first)), to = column(s, first), end = column(s, last);
	unsigned rightmost = s->columns - 1;

	if (to > rightmost) {
		dr_buf_printf(out, "%*s%s", (int)rightmost, "", g->beyond);
		return;
	}
	from = DR_MIN(from, to);
	dr_buf_printf(out, "%*s", (int)from, "");
	repeat(out, g->bar, to - from + 1);
	if (end > rightmost && to < rightmost) {
		repeat(out, g->spread, rightmost - to - 1);
		dr_buf_puts(out, g->beyond);
	} else {
		repeat(out, g->spread, DR_MIN(end, rightmost) - to);
	}
}

static void ms(struct dr_buf *out, bool known, struct dr_wall at, struct dr_wall zero)
{
	if (known)
		dr_buf_printf(out, "%*.1f", COL_MS, (double)(at.ns - zero.ns) / 1e6);
	else
		dr_buf_printf(out, "%*s", COL_MS, "-");
}

static void draw_row(const struct sc_timeline *t, const struct scale *s, const struct glyphs *g,
		     enum sc_point p, struct dr_buf *out)
{
	struct dr_wall first = { 0 }, last = { 0 };
	size_t known = sc_timeline_span(t, p, &first, &last);

	dr_buf_printf(out, "%*s%s  %-*s%-*s", INDENT, "", sc_point_name(p), COL_TEXT, sc_point_text(p),
		      COL_WHO, sc_point_who(p));
	ms(out, known, first, s->zero);
	if (t->nvms > 1)
		ms(out, known, last, s->zero);
	if (known) {
		dr_buf_puts(out, "  ");
		draw_bar(t, s, g, p, first, last, out);
	}
	dr_buf_puts(out, "\n");
}

static void draw_head(const struct sc_timeline *t, const struct scale *s, struct dr_buf *out)
{
	const char *zero = sc_point_name(s->zero_point);

	dr_buf_printf(out, "%*s%-*s%-*s", INDENT, "", COL_TEXT + 5, "check point", COL_WHO, "by");
	if (t->nvms > 1)
		dr_buf_printf(out, "%*s%*s  ms after %s, first and last of %zu VMs\n", COL_MS, "first",
			      COL_MS, "last", zero, t->nvms);
	else
		dr_buf_printf(out, "%*s%s\n", COL_MS - 3, "ms - ", zero);
}

static void draw_legend(const struct sc_share *shares, size_t n, double total, const struct glyphs *g,
			struct dr_buf *out)
{
	size_t used = 0;

	for (size_t i = 0; i < n; i++) {
		char item[SC_NAME_MAX + 48];
		double took = (double)shares[i].took.ns / 1e6;
		size_t len = (size_t)snprintf(item, sizeof(item), " %s %.1f ms, %.0f %%", shares[i].who, took,
					      total > 0 ? 100 * took / total : 0);

		if (used && used + 3 + 1 + len > WIDTH) {
			dr_buf_puts(out, "\n");
			used = 0;
		}
		dr_buf_printf(out, "%*s%s%s", used ? 3 : INDENT, "", g->share[i], item);
		used += (used ? 3 : INDENT) + 1 + len;
	}
	dr_buf_puts(out, "\n");
}

static void draw_shares(const struct sc_timeline *t, const struct glyphs *g, struct dr_buf *out)
{
	struct sc_share shares[SC_SHARES_MAX];
	size_t n = sc_timeline_shares(t, shares);
	double total = 0, sum = 0;
	unsigned done = 0;

	if (!n)
		return;
	for (size_t i = 0; i < n; i++)
		total += (double)shares[i].took.ns / 1e6;
	dr_buf_printf(out, "\n%*sfrom T01 to T09%s\n%*s", INDENT, "",
		      t->nvms > 1 ? ", of the VM whose owner was notified last" : "", INDENT, "");
	for (size_t i = 0; i < n; i++) {
		unsigned end;

		sum += (double)shares[i].took.ns / 1e6;
		end = total > 0 ? (unsigned)(sum / total * (WIDTH - 2 * INDENT) + 0.5) : 0;
		repeat(out, g->share[i], end - done);
		done = end;
	}
	dr_buf_puts(out, "\n");
	draw_legend(shares, n, total, g, out);
}

void sc_timeline_draw(const struct sc_timeline *t, bool utf8, struct dr_buf *out)
{
	const struct glyphs *g = utf8 ? &unicode : &ascii;
	unsigned left = INDENT + 5 + COL_TEXT + COL_WHO + COL_MS * (t->nvms > 1 ? 2 : 1) + 2;
	struct scale s = { 0 };

	if (!make_scale(t, WIDTH - left, &s)) {
		dr_buf_printf(out, "%*sno check point is known\n", INDENT, "");
		return;
	}
	draw_head(t, &s, out);
	for (enum sc_point p = SC_T00; p < SC_POINTS; p++)
		draw_row(t, &s, g, p, out);
	draw_shares(t, g, out);
}
