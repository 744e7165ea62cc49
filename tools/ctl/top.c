/* SPDX-License-Identifier: Apache-2.0 */
#include "tools/ctl/top.h"

#include <string.h>

#include "tools/ctl/table.h"

void top_done(struct top *t)
{
	for (size_t i = 0; i < t->series_count; i++)
		free(t->series[i].name);
	free(t->series);
	dr_json_free(t->doc);
	*t = (struct top){ 0 };
}

/* ---------------------------------------------------------------- what is remembered */

#define SLOTS_MAX 65536

static int reserve(struct top *t, size_t slot)
{
	size_t count = DR_MAX(t->series_count * 2, slot + 1);
	struct top_series *series;

	if (slot < t->series_count)
		return 0;
	series = reallocarray(t->series, count, sizeof(*series));
	if (!series)
		return -ENOMEM;
	memset(series + t->series_count, 0, (count - t->series_count) * sizeof(*series));
	t->series = series;
	t->series_count = count;
	return 0;
}

static const struct top_sample *sample(const struct top_series *s, size_t ago)
{
	return &s->samples[(s->next + TOP_SAMPLES - 1 - ago) % TOP_SAMPLES];
}

/* Since the sample before; it is probed less often than we look. */
static bool none_was_due(const struct top_series *s, const struct dr_json *target, const struct top_sample *n)
{
	return n->settled == sample(s, 0)->settled && ctl_int_of(target, "outstanding") == 0 &&
	       strcmp(ctl_text_of(target, "verdict"), "up") == 0;
}

static void add_sample(struct top_series *s, const struct dr_json *target)
{
	struct top_sample n = {
		.rtt = dr_json_get_number(dr_json_get(target, "rtt"), "last_seconds", -1),
		.settled = ctl_int_of(target, "sent") - ctl_int_of(target, "outstanding"),
		.answered = ctl_int_of(target, "answered"),
	};

	if (s->count > 0 && n.answered < sample(s, 0)->answered)
		s->count = 0; /* the monitor was restarted */
	if (s->count > 0 && n.answered == sample(s, 0)->answered)
		n.rtt = none_was_due(s, target, &n) ? sample(s, 0)->rtt : -1;
	s->samples[s->next] = n;
	s->next = (s->next + 1) % TOP_SAMPLES;
	s->count = DR_MIN(s->count + 1, (size_t)TOP_SAMPLES);
}

/* Of another target than before it begins anew. */
static int take_target(struct top *t, const struct dr_json *target)
{
	long long slot = ctl_int_of(target, "slot");
	DR_AUTO_FREE char *name = dr_asprintf("%s %s %s", ctl_text_of(target, "host"),
					      ctl_text_of(target, "plane"), ctl_text_of(target, "address"));
	struct top_series *s;

	if (slot < 0 || slot >= SLOTS_MAX)
		return -EBADMSG;
	if (!name || reserve(t, (size_t)slot))
		return -ENOMEM;
	s = &t->series[slot];
	if (!s->name || strcmp(s->name, name) != 0) {
		free(s->name);
		*s = (struct top_series){ .name = DR_TAKE_PTR(name) };
	}
	add_sample(s, target);
	return 0;
}

int top_take(struct top *t, struct dr_json *doc)
{
	const struct dr_json *targets = dr_json_get(doc, "targets");
	int r = dr_json_is_array(targets) ? 0 : -EBADMSG;

	for (const struct dr_json *v = dr_json_first(targets); v && r == 0; v = dr_json_next(v))
		r = take_target(t, v);
	if (r < 0) {
		dr_json_free(doc);
		return r;
	}
	dr_json_free(t->doc);
	t->doc = doc;
	t->trouble[0] = '\0';
	return 0;
}

/* ---------------------------------------------------------------- columns */

enum column {
	HOST,
	PLANE,
	STATE,
	RTT,
	TREND,
	LOSS,
	CHANGED,
	COLUMNS
};

static const struct {
	const char *head;
	bool right; /* aligned */
	unsigned width;
} columns[COLUMNS] = {
	[HOST] = { "HOST", false, 14 },	     [PLANE] = { "PLANE", false, 9 },
	[STATE] = { "STATE", false, 11 },    [RTT] = { "RTT", true, 8 },
	[TREND] = { "TREND", false, 14 },    [LOSS] = { "LOSS", true, 6 },
	[CHANGED] = { "CHANGED", true, 12 },
};
#define NEEDED 80 /* by all of these, with a blank between each two */
#define HOST_MAX 40
#define TREND_MIN 4

/* In less than 80 columns the trend shrinks, in more the host's name is longer, then the trend. */
static void share_out(unsigned available, unsigned widths[COLUMNS])
{
	unsigned more = available > NEEDED ? available - NEEDED : 0;
	unsigned less = available < NEEDED ? NEEDED - available : 0;
	unsigned host = DR_MIN(more, HOST_MAX - columns[HOST].width);

	for (int c = 0; c < COLUMNS; c++)
		widths[c] = columns[c].width;
	widths[HOST] += host;
	widths[TREND] = DR_MIN(widths[TREND] + more - host, (unsigned)TOP_SAMPLES);
	widths[TREND] -= DR_MIN(less, widths[TREND] - TREND_MIN);
}

/* text in exactly that many columns: cut, or filled with blanks. */
static void put_fitted(const char *text, unsigned width, bool right, struct dr_buf *out)
{
	DR_AUTO_BUF struct dr_buf clean = { 0 };
	size_t bytes = 0, used = 0;

	ctl_put(&clean, "%s", text);
	for (const char *p = dr_buf_str(&clean); p[bytes] && used < width; used++) {
		size_t len = dr_json_utf8_len(p + bytes, strlen(p + bytes));
		bytes += len ? len : 1;
	}
	if (right)
		dr_buf_printf(out, "%*s", (int)(width - used), "");
	dr_buf_append(out, dr_buf_str(&clean), bytes);
	if (!right)
		dr_buf_printf(out, "%*s", (int)(width - used), "");
}

/* ---------------------------------------------------------------- cells */

/* A sign for each sample, the newest at the right: how high it is among those that are seen; "x": no answer.
 */
static void put_trend(const struct top_series *s, unsigned width, bool utf8, struct dr_buf *out)
{
	static const char *const bars[] = { "▁", "▂", "▃", "▄", "▅", "▆", "▇", "█" };
	static const char *const plain[] = { "_", ".", "-", ":", "=", "+", "*", "#" };
	size_t n = DR_MIN(s->count, (size_t)width);
	double most = 0;

	for (size_t i = 0; i < n; i++)
		most = DR_MAX(most, sample(s, i)->rtt);
	dr_buf_printf(out, "%*s", (int)(width - n), "");
	for (size_t i = n; i-- > 0;) {
		double rtt = sample(s, i)->rtt;
		int level = rtt > 0 ? (int)(7 * (rtt / most) + 0.5) : 0;
		dr_buf_puts(out, rtt < 0 ? "x" : utf8 ? bars[level] : plain[level]);
	}
}

/* Of the samples that are remembered; "-" while none of their probes is decided. */
static void loss_text(const struct top_series *s, const struct dr_json *target, char buf[32])
{
	const struct top_sample *last = sample(s, 0), *first = sample(s, s->count - 1);
	long long settled = last->settled - first->settled, lost;

	lost = settled - (last->answered - first->answered);
	if (s->count < 2)
		snprintf(buf, 32, "%.1f%%", ctl_loss_of(target));
	else if (settled <= 0)
		snprintf(buf, 32, "-");
	else
		snprintf(buf, 32, "%.1f%%", lost > 0 ? 100.0 * (double)lost / (double)settled : 0);
}

static const struct {
	const char *verdict, *colour;
} states[] = { /* the worst first */
	       { "down", "\x1b[1;31m" },
	       { "degraded", "\x1b[33m" },
	       { "unreachable", "\x1b[35m" },
	       { "unknown", "\x1b[36m" },
	       { "up", "\x1b[32m" }
};

static size_t rank(const struct dr_json *target)
{
	const char *verdict = ctl_text_of(target, "verdict");
	size_t i = 0;

	while (i < DR_ARRAY_SIZE(states) && strcmp(states[i].verdict, verdict) != 0)
		i++;
	/* up, but it loses or delays too much */
	return i == DR_ARRAY_SIZE(states) - 1 && dr_json_get_str(target, "grey") ? 1 : i;
}

static void put_state(const struct dr_json *target, unsigned width, const struct top_view *v,
		      struct dr_buf *out)
{
	size_t i = rank(target);

	if (v->colour && i < DR_ARRAY_SIZE(states))
		dr_buf_puts(out, states[i].colour);
	put_fitted(i == 1 ? "degraded" : ctl_text_of(target, "verdict"), width, false, out);
	if (v->colour && i < DR_ARRAY_SIZE(states))
		dr_buf_puts(out, "\x1b[0m");
}

static void put_row(const struct top *t, const struct dr_json *target, const unsigned widths[COLUMNS],
		    const struct top_view *v, struct dr_buf *out)
{
	const struct top_series *s = &t->series[ctl_int_of(target, "slot")];
	char text[CTL_QUANTITY_MAX];

	put_fitted(ctl_text_of(target, "host"), widths[HOST], false, out);
	dr_buf_puts(out, " ");
	put_fitted(ctl_text_of(target, "plane"), widths[PLANE], false, out);
	dr_buf_puts(out, " ");
	put_state(target, widths[STATE], v, out);
	dr_buf_puts(out, " ");
	ctl_duration_of(dr_json_get(target, "rtt"), "last_seconds", "", text);
	put_fitted(text, widths[RTT], true, out);
	dr_buf_puts(out, " ");
	put_trend(s, widths[TREND], v->utf8, out);
	dr_buf_puts(out, " ");
	loss_text(s, target, text);
	put_fitted(text, widths[LOSS], true, out);
	dr_buf_puts(out, " ");
	put_fitted(ctl_duration_of(target, "changed_age_seconds", "", text), widths[CHANGED], true, out);
}

/* ---------------------------------------------------------------- the whole */

static void end_line(const struct top_view *v, struct dr_buf *out)
{
	dr_buf_puts(out, v->terminal ? "\x1b[0m\x1b[K\r\n" : "\n");
}

/* "4 targets: 1 down, 3 up", then the time; or why there is no answer. */
static void put_title(const struct top *t, const struct top_view *v, struct dr_buf *out)
{
	const struct dr_json *targets = dr_json_get(t->doc, "targets");
	size_t counts[DR_ARRAY_SIZE(states) + 1] = { 0 };
	DR_AUTO_BUF struct dr_buf text = { 0 };

	for (const struct dr_json *n = dr_json_first(targets); n; n = dr_json_next(n))
		counts[rank(n)]++;
	ctl_put(&text, "%zu targets", dr_json_size(targets));
	for (size_t i = 0, shown = 0; i < DR_ARRAY_SIZE(states); i++)
		if (counts[i])
			ctl_put(&text, "%s %zu %s", shown++ ? "," : ":", counts[i], states[i].verdict);
	if (t->trouble[0])
		ctl_put(&text, "; NO ANSWER: %s", t->trouble);
	else
		ctl_put(&text, "; %s", ctl_text_of(t->doc, "time"));
	if (v->terminal && t->trouble[0])
		dr_buf_puts(out, "\x1b[7m");
	put_fitted(dr_buf_str(&text), v->columns, false, out);
	end_line(v, out);
}

static void put_heads(const unsigned widths[COLUMNS], const struct top_view *v, struct dr_buf *out)
{
	for (int c = 0; c < COLUMNS; c++) {
		dr_buf_puts(out, c ? " " : "");
		put_fitted(columns[c].head, widths[c], columns[c].right, out);
	}
	end_line(v, out);
}

static size_t page(const struct top_view *v, size_t targets)
{
	return v->rows == 0 ? targets : v->rows > 3 ? v->rows - 3 : 0;
}

/* Rows begin..end of the targets in their order: by how bad they are, else as the monitor has them. */
static void put_rows(const struct top *t, const struct top_view *v, size_t begin, size_t end,
		     struct dr_buf *out)
{
	const struct dr_json *targets = dr_json_get(t->doc, "targets");
	unsigned widths[COLUMNS];
	size_t row = 0;

	share_out(v->columns, widths);
	put_heads(widths, v, out);
	for (size_t i = 0; i <= DR_ARRAY_SIZE(states) && row < end; i++)
		for (const struct dr_json *n = dr_json_first(targets); n && row < end; n = dr_json_next(n)) {
			if (rank(n) != i || row++ < begin)
				continue;
			put_row(t, n, widths, v, out);
			end_line(v, out);
		}
}

static void scroll_within(struct top *t, const struct top_view *v)
{
	size_t targets = dr_json_size(dr_json_get(t->doc, "targets")), rows = page(v, targets);

	t->scroll = DR_MIN(t->scroll, targets > rows ? targets - rows : 0);
}

void top_draw(struct top *t, const struct top_view *v, struct dr_buf *out)
{
	size_t targets = dr_json_size(dr_json_get(t->doc, "targets")), end;
	char place[64] = "";

	scroll_within(t, v);
	end = DR_MIN(t->scroll + page(v, targets), targets);
	dr_buf_puts(out, v->terminal ? "\x1b[H" : "");
	put_title(t, v, out);
	put_rows(t, v, t->scroll, end, out);
	if (!v->terminal)
		return;
	if (end - t->scroll < targets)
		snprintf(place, sizeof(place), ", %zu to %zu of %zu: up and down scroll", t->scroll + 1, end,
			 targets);
	dr_buf_puts(out, "\x1b[J");
	if (v->rows > 2) {
		dr_buf_printf(out, "\x1b[%u;1H", v->rows);
		DR_AUTO_FREE char *last = dr_asprintf("q quits%s", place);
		put_fitted(last ? last : "", v->columns > 1 ? v->columns - 1 : 0, false, out);
	}
}

static void scroll_by(struct top *t, long rows)
{
	if (rows < 0 && t->scroll < (size_t)-rows)
		t->scroll = 0;
	else
		t->scroll = (size_t)((long)t->scroll + rows);
}

bool top_key(struct top *t, const struct top_view *v, const char *keys, size_t len)
{
	long whole = (long)page(v, 0);
	const struct {
		const char *key;
		long rows;
	} moves[] = { { "\x1b[A", -1 },	       { "\x1bOA", -1 },       { "k", -1 },
		      { "\x1b[B", 1 },	       { "\x1bOB", 1 },	       { "j", 1 },
		      { "\x1b[5~", -whole },   { "\x1b[6~", whole },   { " ", whole },
		      { "\x1b[H", INT32_MIN }, { "\x1b[F", INT32_MAX } };

	for (size_t i = 0, used; i < len; i += used) {
		used = 1;
		if (keys[i] == 'q' || keys[i] == 'Q')
			return false;
		for (size_t m = 0; m < DR_ARRAY_SIZE(moves); m++) {
			size_t n = strlen(moves[m].key);
			if (n > len - i || memcmp(keys + i, moves[m].key, n) != 0)
				continue;
			scroll_by(t, moves[m].rows);
			used = n;
			break;
		}
	}
	scroll_within(t, v);
	return true;
}
