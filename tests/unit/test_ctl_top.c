/* SPDX-License-Identifier: Apache-2.0 */
/* doctorctl top: what is drawn, and the program on a terminal, whose screen is read. */
#include "tests/unit/ctl_monitor.h"

#include <poll.h>
#include <pty.h>
#include <signal.h>
#include <string.h>
#include <sys/ioctl.h>
#include <sys/wait.h>

#include "tools/ctl/top.h"

/* ---------------------------------------------------------------- a screen */

#define ROWS 30
#define COLUMNS 120

/* A terminal: it knows what top sends, and fails at anything else. */
struct screen {
	unsigned rows, columns, row, column;
	char cells[ROWS][COLUMNS][5]; /* a character of UTF-8 each */
	bool second;		      /* screen */
	bool cursor, coloured;
	char escape[16]; /* that is not whole yet */
	size_t escape_len;
};

static void clear_row(struct screen *s, unsigned row, unsigned from)
{
	for (unsigned c = from; c < COLUMNS; c++)
		strcpy(s->cells[row][c], " ");
}

static void screen_init(struct screen *s, unsigned rows, unsigned columns)
{
	*s = (struct screen){ .rows = rows, .columns = columns, .cursor = true };
	for (unsigned r = 0; r < ROWS; r++)
		clear_row(s, r, 0);
}

static void do_mode(struct screen *s, const char *mode, bool on)
{
	if (strcmp(mode, "?1049") == 0)
		s->second = on;
	else if (strcmp(mode, "?25") == 0)
		s->cursor = on;
	else if (strcmp(mode, "?7") != 0)
		fail_msg("mode %s", mode);
}

/* CSI and what follows, without its last character. */
static void do_escape(struct screen *s, const char *arguments, char last)
{
	unsigned row = 1, column = 1;

	switch (last) {
	case 'H':
		(void)!sscanf(arguments, "%u;%u", &row, &column);
		s->row = row - 1;
		s->column = column - 1;
		break;
	case 'K':
		clear_row(s, s->row, s->column);
		break;
	case 'J':
		for (unsigned r = strcmp(arguments, "2") == 0 ? 0 : s->row; r < ROWS; r++)
			clear_row(s, r, r == s->row && *arguments == '\0' ? s->column : 0);
		break;
	case 'm':
		s->coloured = s->coloured || strchr(arguments, '3');
		break;
	case 'h':
	case 'l':
		do_mode(s, arguments, last == 'h');
		break;
	default:
		fail_msg("escape %s%c", arguments, last);
	}
}

static void put_character(struct screen *s, const char *text, size_t len)
{
	assert_true(s->row < s->rows);
	if (s->column < s->columns) /* else it ends at the edge */
		snprintf(s->cells[s->row][s->column], 5, "%.*s", (int)len, text);
	s->column++;
}

static void feed_escape(struct screen *s, char c)
{
	assert_true(s->escape_len + 1 < sizeof(s->escape));
	if (s->escape_len < 2 || !((c >= 'a' && c <= 'z') || (c >= 'A' && c <= 'Z'))) {
		s->escape[s->escape_len++] = c;
		return;
	}
	s->escape[s->escape_len] = '\0';
	s->escape_len = 0;
	do_escape(s, s->escape + 2, c);
}

/* Whole characters; returns how many bytes were taken. */
static size_t feed(struct screen *s, const char *text, size_t len)
{
	size_t i = 0;

	while (i < len) {
		size_t n = (text[i] & 0x80) ? dr_json_utf8_len(text + i, len - i) : 1;
		if (n == 0 && len - i < 4)
			break;
		assert_true(n > 0);
		if (s->escape_len || text[i] == '\x1b')
			feed_escape(s, text[i]);
		else if (text[i] == '\r')
			s->column = 0;
		else if (text[i] == '\n')
			s->row++;
		else
			put_character(s, text + i, n);
		i += n;
	}
	return i;
}

/* A row without the blanks at its end. */
static const char *row_text(const struct screen *s, unsigned row)
{
	static char text[COLUMNS * 4 + 1];

	text[0] = '\0';
	for (unsigned c = 0; c < s->columns; c++)
		strcat(text, s->cells[row][c]);
	for (size_t len = strlen(text); len > 0 && text[len - 1] == ' ';)
		text[--len] = '\0';
	return text;
}

static int find_row(const struct screen *s, const char *text)
{
	for (unsigned r = 0; r < s->rows; r++)
		if (strstr(row_text(s, r), text))
			return (int)r;
	return -1;
}

/* ---------------------------------------------------------------- what is drawn */

static struct dr_json *target(unsigned slot, const char *host, const char *verdict, long long sent,
			      long long answered, double rtt)
{
	struct dr_json *o = dr_json_object(), *r;

	dr_json_add_int(o, "slot", slot);
	dr_json_add_str(o, "host", host);
	dr_json_add_str(o, "plane", "data");
	dr_json_add_str(o, "address", "192.0.2.1");
	dr_json_add_str(o, "verdict", verdict);
	dr_json_add_int(o, "sent", sent);
	dr_json_add_int(o, "answered", answered);
	dr_json_add_int(o, "outstanding", 0);
	dr_json_add(o, "changed_age_seconds", dr_json_number(75));
	r = dr_json_add_object(o, "rtt");
	dr_json_add(r, "last_seconds", dr_json_number(rtt));
	return o;
}

static void take(struct top *t, struct dr_json *a, struct dr_json *b)
{
	struct dr_json *doc = dr_json_object(), *list = dr_json_add_array(doc, "targets");

	dr_json_add_str(doc, "time", "2026-11-22T20:34:28Z");
	dr_json_push(list, a);
	if (b)
		dr_json_push(list, b);
	assert_int_equal(top_take(t, doc), 0);
}

/* The worst first; the trend grows from the right; loss is of what was seen. */
static void drawn(void **state)
{
	const struct top_view v = { .columns = 80 };
	DR_AUTO(top_done) struct top t = { 0 };
	DR_AUTO_BUF struct dr_buf b = { 0 };

	take(&t, target(3, "compute-1", "up", 100, 100, 0.001),
	     target(7, "compute-2", "down", 50, 40, 0.002));
	top_draw(&t, &v, &b);
	assert_string_equal(
		b.data, "2 targets: 1 down, 1 up; 2026-11-22T20:34:28Z                                   \n"
			"HOST           PLANE     STATE            RTT TREND            LOSS      CHANGED\n"
			"compute-2      data      down         2.00 ms              #  20.0%   1 min 15 s\n"
			"compute-1      data      up           1.00 ms              #   0.0%   1 min 15 s\n");
	take(&t, target(3, "compute-1", "up", 110, 105, 0.0005),
	     target(7, "compute-2", "down", 50, 40, 0.002));
	take(&t, target(3, "compute-1", "up", 120, 115, 0.00001),
	     target(7, "compute-2", "down", 50, 40, 0.002));
	dr_buf_clear(&b);
	top_draw(&t, &v, &b);
	assert_non_null(
		strstr(b.data, "\ncompute-2      data      down         2.00 ms            #xx      -"));
	assert_non_null(
		strstr(b.data, "\ncompute-1      data      up           10.0 us            #=_  25.0%"));
}

/* It is probed less often than we look: where no probe was due, none was lost. */
static void probed_less_often(void **state)
{
	const struct top_view v = { .columns = 80 };
	DR_AUTO(top_done) struct top t = { 0 };
	DR_AUTO_BUF struct dr_buf b = { 0 };
	struct dr_json *waits = target(0, "compute-1", "up", 102, 101, 0.001);

	dr_json_add_int(waits, "outstanding", 1);
	take(&t, target(0, "compute-1", "up", 100, 100, 0.001), NULL);
	take(&t, target(0, "compute-1", "up", 100, 100, 0.001), NULL);
	take(&t, target(0, "compute-1", "up", 101, 101, 0.001), NULL);
	take(&t, target(0, "compute-1", "up", 101, 101, 0.001), NULL);
	take(&t, waits, NULL);
	take(&t, target(0, "compute-1", "up", 103, 102, 0.001), NULL);
	top_draw(&t, &v, &b);
	assert_non_null(strstr(b.data, "####x#  33.3%"));
}

/* The monitor was restarted, and counts anew: what it lost before is not what it loses now. */
static void counts_anew(void **state)
{
	const struct top_view v = { .columns = 80 };
	DR_AUTO(top_done) struct top t = { 0 };
	DR_AUTO_BUF struct dr_buf b = { 0 };

	take(&t, target(0, "compute-1", "up", 60, 60, 0.001), NULL);
	take(&t, target(0, "compute-1", "up", 80, 20, 0.001), NULL);
	take(&t, target(0, "compute-1", "up", 100, 30, 0.001), NULL);
	top_draw(&t, &v, &b);
	assert_non_null(strstr(b.data, " ##  50.0%"));
}

static void take_text(struct top *t, const char *sent, const char *rtt)
{
	DR_AUTO_FREE char *text =
		dr_asprintf("{\"targets\":[{\"slot\":0,\"host\":\"compute-1\",\"verdict\":\"up\",\"sent\":%s,"
			    "\"answered\":%s,\"rtt\":{\"last_seconds\":%s}}]}",
			    sent, sent, rtt);
	struct dr_json *doc;

	assert_non_null(text);
	assert_int_equal(dr_json_parse(text, strlen(text), &doc, NULL), 0);
	assert_int_equal(top_take(t, doc), 0);
}

/* Valid numbers that no round trip takes: infinite is none, and what is finite is drawn. */
static void absurd_round_trips(void **state)
{
	const struct top_view v = { .columns = 80 };
	DR_AUTO(top_done) struct top t = { 0 };
	DR_AUTO_BUF struct dr_buf b = { 0 };

	take_text(&t, "1", "1e999");
	take_text(&t, "2", "-1e308");
	take_text(&t, "3", "1e308");
	take_text(&t, "4", "1e-320");
	take_text(&t, "5", "1.7e308");
	top_draw(&t, &v, &b);
	assert_non_null(strstr(b.data, " xx=_#   0.0%"));
}

/* A slot that somebody else has now begins anew. */
static void slot_of_another(void **state)
{
	const struct top_view v = { .columns = 80 };
	DR_AUTO(top_done) struct top t = { 0 };
	DR_AUTO_BUF struct dr_buf b = { 0 };

	take(&t, target(0, "compute-1", "up", 100, 100, 0.001), NULL);
	take(&t, target(0, "compute-1", "up", 110, 110, 0.001), NULL);
	take(&t, target(0, "compute-9", "up", 10, 10, 0.002), NULL);
	top_draw(&t, &v, &b);
	assert_non_null(
		strstr(b.data, "\ncompute-9      data      up           2.00 ms              #   0.0%"));
}

static void widths(void **state)
{
	static const unsigned columns[] = { 72, 80, 100, 120, 200 };

	for (size_t i = 0; i < DR_ARRAY_SIZE(columns); i++) {
		const struct top_view v = { .columns = columns[i] };
		DR_AUTO(top_done) struct top t = { 0 };
		DR_AUTO_BUF struct dr_buf b = { 0 };

		take(&t,
		     target(0, "h\xc3\xb6st-with-a-name-that-is-longer-than-its-column", "up", 1, 1, 0.001),
		     target(1, "b\x1b[2J\n", "unreachable", 1, 1, 12345));
		top_draw(&t, &v, &b);
		for (char *line = b.data, *end; (end = strchr(line, '\n')); line = end + 1) {
			size_t n = 0;
			for (char *p = line; p < end; p++) {
				assert_true(*p != '\x1b');
				n += (*p & 0xc0) != 0x80;
			}
			if (columns[i] <= 120)
				assert_int_equal(n, columns[i]);
			else
				assert_in_range(n, 120, columns[i]); /* as much as is of use */
		}
	}
}

static void scrolls(void **state)
{
	const struct top_view v = {
		.terminal = true, .rows = 8, .columns = 80, .colour = true, .utf8 = true
	};
	DR_AUTO(top_done) struct top t = { 0 };
	struct dr_json *doc = dr_json_object(), *list = dr_json_add_array(doc, "targets");
	struct screen s;
	DR_AUTO_BUF struct dr_buf b = { 0 };

	for (unsigned i = 0; i < 12; i++) {
		char host[16];
		snprintf(host, sizeof(host), "host-%02u", i);
		dr_json_push(list, target(i, host, i == 9 ? "degraded" : "up", 10, 10, 0.001));
	}
	assert_int_equal(top_take(&t, doc), 0);
	screen_init(&s, 8, 80);
	top_draw(&t, &v, &b);
	assert_int_equal(feed(&s, b.data, b.len), b.len);
	assert_true(s.coloured);
	assert_int_equal(find_row(&s, "host-09"), 2); /* it is the worst */
	assert_int_equal(find_row(&s, "host-03"), 6);
	assert_int_equal(find_row(&s, "host-04"), -1);
	assert_int_equal(find_row(&s, "q quits, 1 to 5 of 12"), 7);
	assert_non_null(strstr(row_text(&s, 2), "\xe2\x96\x88"));
	assert_true(top_key(&t, &v, "\x1b[B\x1b[Bj\x1b[A", 10));
	assert_int_equal(t.scroll, 2);
	assert_true(top_key(&t, &v, "\x1b[6~\x1b[6~", 8));
	assert_int_equal(t.scroll, 7); /* the last page */
	dr_buf_clear(&b);
	top_draw(&t, &v, &b);
	assert_int_equal(feed(&s, b.data, b.len), b.len);
	assert_int_equal(find_row(&s, "host-11"), 6);
	assert_true(top_key(&t, &v, "\x1b[5~\x1b[Hk", 8));
	assert_int_equal(t.scroll, 0);
	assert_false(top_key(&t, &v, "xq", 2));
}

static void not_ours(void **state)
{
	DR_AUTO(top_done) struct top t = { 0 };
	struct dr_json *doc;

	assert_int_equal(top_take(&t, dr_json_object()), -EBADMSG);
	assert_int_equal(dr_json_parse("{\"targets\":[{\"slot\":99999999}]}", 31, &doc, NULL), 0);
	assert_int_equal(top_take(&t, doc), -EBADMSG);
	assert_null(t.doc);
}

/* ---------------------------------------------------------------- on a terminal */

struct stage {
	char dir[32], socket[64];
	pid_t monitor, top;
	int terminal;
	struct screen screen;
	char rest[8]; /* of a character that is not whole yet */
	size_t rest_len;
};

static void one_is_down(struct world *w)
{
	world_set_verdict(w, world_slot(3), DR_VERDICT_DOWN, DR_REASON_SILENCE);
}

static int setup(void **state)
{
	struct stage *s = calloc(1, sizeof(*s));

	assert_non_null(s);
	*state = s;
	s->terminal = -1;
	strcpy(s->dir, "/tmp/test_top.XXXXXX");
	assert_non_null(mkdtemp(s->dir));
	snprintf(s->socket, sizeof(s->socket), "%s/m.sock", s->dir);
	s->monitor = ctl_monitor_start(s->socket, 4, one_is_down, NULL);
	return 0;
}

static int teardown(void **state)
{
	struct stage *s = *state;

	ctl_end_process(&s->top);
	ctl_end_process(&s->monitor);
	if (s->terminal >= 0)
		close(s->terminal);
	unlink(s->socket);
	assert_int_equal(rmdir(s->dir), 0);
	free(s);
	return 0;
}

static void start_top(struct stage *s, unsigned rows, unsigned columns, const char *no_color)
{
	struct winsize size = { .ws_row = (unsigned short)rows, .ws_col = (unsigned short)columns };
	const char *bin = getenv("DOCTOR_BIN");
	char path[512];

	snprintf(path, sizeof(path), "%s/doctorctl", bin ? bin : "build/bin");
	screen_init(&s->screen, rows, columns);
	s->top = forkpty(&s->terminal, NULL, NULL, &size);
	assert_true(s->top >= 0);
	if (s->top == 0) {
		setenv("TERM", "xterm", 1);
		setenv("LC_ALL", "C.UTF-8", 1);
		setenv("NO_COLOR", no_color, 1);
		execl(path, path, "top", "--socket", s->socket, "--interval", "100ms", NULL);
		_exit(127);
	}
}

/* False: the program has ended. */
static bool read_terminal(struct stage *s)
{
	struct pollfd p = { .fd = s->terminal, .events = POLLIN };
	char bytes[4096];
	size_t used;
	ssize_t n;

	if (poll(&p, 1, 100) <= 0)
		return true;
	memcpy(bytes, s->rest, s->rest_len);
	n = read(s->terminal, bytes + s->rest_len, sizeof(bytes) - s->rest_len);
	if (n <= 0)
		return false; /* EIO: nobody has the other side open */
	n += (ssize_t)s->rest_len;
	used = feed(&s->screen, bytes, (size_t)n);
	s->rest_len = (size_t)n - used;
	memcpy(s->rest, bytes + used, s->rest_len);
	return true;
}

static void fail_with_screen(const struct stage *s, const char *text)
{
	for (unsigned r = 0; r < s->screen.rows; r++)
		print_error("%s\n", row_text(&s->screen, r));
	fail_msg("\"%s\" is not seen", text);
}

/* Reads until the text is in that row (-1: in any). */
static void await(struct stage *s, int row, const char *text)
{
	struct dr_mono end = dr_mono_add(dr_mono_now(), dr_sec(60));

	for (;;) {
		if (row < 0 ? find_row(&s->screen, text) >= 0
			    : strstr(row_text(&s->screen, (unsigned)row), text) != NULL)
			return;
		if (!read_terminal(s) || dr_mono_before(end, dr_mono_now()))
			fail_with_screen(s, text);
	}
}

static void await_end(struct stage *s, int expected)
{
	struct dr_mono end = dr_mono_add(dr_mono_now(), dr_sec(60));
	int status;

	while (read_terminal(s))
		assert_true(dr_mono_before(dr_mono_now(), end));
	assert_int_equal(waitpid(s->top, &status, 0), s->top);
	s->top = 0;
	assert_true(WIFEXITED(status));
	assert_int_equal(WEXITSTATUS(status), expected);
}

static void type(struct stage *s, const char *keys)
{
	assert_int_equal(write(s->terminal, keys, strlen(keys)), strlen(keys));
}

static void on_a_terminal(void **state)
{
	struct stage *s = *state;

	start_top(s, 24, 80, "");
	await(s, 0, "4 targets: 1 down, 3 up; 2026-");
	await(s, 1, "HOST           PLANE     STATE            RTT TREND            LOSS      CHANGED");
	await(s, 2, "host-1         storage   down");
	await(s, 3, "host-0         data      up           0.21 ms");
	await(s, 3, "xxx"); /* this monitor's time stands still, so no new answer comes */
	await(s, 23, "q quits");
	assert_true(s->screen.second);
	assert_true(s->screen.coloured);
	assert_false(s->screen.cursor);
	type(s, "q");
	await_end(s, 0);
	assert_false(s->screen.second);
	assert_true(s->screen.cursor);
}

static void other_size_and_no_colour(void **state)
{
	struct winsize size = { .ws_row = 6, .ws_col = 100 };
	struct stage *s = *state;

	start_top(s, 24, 80, "1");
	await(s, 23, "q quits");
	assert_int_equal(ioctl(s->terminal, TIOCSWINSZ, &size), 0);
	s->screen.rows = 24; /* what was drawn before may still come */
	s->screen.columns = 100;
	await(s, 5, "q quits, 1 to 3 of 4: up and down scroll");
	await(s, 1, "HOST                               PLANE");
	type(s, "\x1b[B");
	await(s, 5, "q quits, 2 to 4 of 4");
	assert_false(s->screen.coloured);
	type(s, "\x03");
	await_end(s, 0);
	assert_true(s->screen.cursor);
}

/* The monitor ends: that is said, and what was known stays. */
static void monitor_ends(void **state)
{
	struct stage *s = *state;

	start_top(s, 24, 80, "");
	await(s, 2, "host-1         storage   down");
	ctl_end_process(&s->monitor);
	await(s, 0, "NO ANSWER");
	await(s, 2, "host-1         storage   down");
	type(s, "Q");
	await_end(s, 0);
}

static void no_monitor(void **state)
{
	struct stage *s = *state;

	ctl_end_process(&s->monitor);
	start_top(s, 24, 80, "");
	await(s, -1, "doctorctl: nobody listens at");
	await_end(s, 3);
	assert_false(s->screen.second);
}

/* Where there is no terminal: so many tables, or documents. */
static void into_a_pipe(void **state)
{
	const char *bin = getenv("DOCTOR_BIN");
	struct stage *s = *state;
	static const char *const more[] = { "", "--json " };

	for (size_t i = 0; i < DR_ARRAY_SIZE(more); i++) {
		DR_AUTO_FREE char *command =
			dr_asprintf("timeout 60 %s/doctorctl %stop --socket %s --interval 100ms --count 2",
				    bin ? bin : "build/bin", more[i], s->socket);
		static char text[32768];
		struct dr_json *doc;
		FILE *f = popen(command, "re");

		assert_non_null(f);
		text[fread(text, 1, sizeof(text) - 1, f)] = '\0';
		assert_int_equal(pclose(f), 0);
		assert_null(strchr(text, '\x1b'));
		if (i == 0) {
			assert_non_null(strstr(strstr(text, "4 targets") + 1, "4 targets"));
			continue;
		}
		assert_int_equal(dr_json_parse(text, strcspn(text, "\n"), &doc, NULL), 0);
		assert_int_equal(dr_json_size(dr_json_get(doc, "targets")), 4);
		dr_json_free(doc);
	}
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(drawn),
		cmocka_unit_test(probed_less_often),
		cmocka_unit_test(counts_anew),
		cmocka_unit_test(absurd_round_trips),
		cmocka_unit_test(slot_of_another),
		cmocka_unit_test(widths),
		cmocka_unit_test(scrolls),
		cmocka_unit_test(not_ours),
		cmocka_unit_test_setup_teardown(on_a_terminal, setup, teardown),
		cmocka_unit_test_setup_teardown(other_size_and_no_colour, setup, teardown),
		cmocka_unit_test_setup_teardown(monitor_ends, setup, teardown),
		cmocka_unit_test_setup_teardown(no_monitor, setup, teardown),
		cmocka_unit_test_setup_teardown(into_a_pipe, setup, teardown),
	};

	return cmocka_run_group_tests_name("unit: doctorctl top", tests, NULL, NULL);
}
