/* SPDX-License-Identifier: Apache-2.0 */
/* Where log records go, and what is a field of them. */
#include <stdarg.h>
#include <stddef.h>
#include <setjmp.h>
#include <stdint.h>
#include <cmocka.h>

#include <string.h>
#include <sys/stat.h>

#include "doctor/buf.h"
#include "doctor/journal.h"
#include "doctor/log.h"

/* ---- stderr ---- */

enum stream {
	NO_STREAM,
	THIS_STREAM,
	ANOTHER_STREAM,
	NONSENSE
};

/* What fn writes on a stderr of its own; JOURNAL_STREAM names it, or not. */
static void capture(enum stream stream, void (*fn)(void), char *buf, size_t size)
{
	int fds[2], saved = dup(STDERR_FILENO);
	struct stat st;
	char text[80];

	assert_int_equal(pipe(fds), 0);
	assert_int_equal(fstat(fds[1], &st), 0);
	snprintf(text, sizeof(text), "%llu:%llu%s", (unsigned long long)st.st_dev,
		 (unsigned long long)st.st_ino + (stream == ANOTHER_STREAM), stream == NONSENSE ? "x" : "");
	dup2(fds[1], STDERR_FILENO);
	close(fds[1]);
	if (stream == NO_STREAM)
		unsetenv("JOURNAL_STREAM");
	else
		setenv("JOURNAL_STREAM", text, 1);
	fn();
	unsetenv("JOURNAL_STREAM");
	dup2(saved, STDERR_FILENO);
	close(saved);
	ssize_t n = read(fds[0], buf, size - 1);
	close(fds[0]);
	assert_true(n >= 0);
	buf[n] = '\0';
}

static void log_some(void)
{
	dr_info("attached interface=%s", "eth0");
	dr_error("c\n<0>forged");
	dr_log_checkpoint((struct dr_wall){ 1795356201710436999 }, "doctor monitor detected");
}

/* Priorities are for the journal only: a file that stderr was sent to meanwhile gets plain lines. */
static void priorities_only_for_the_journal(void **state)
{
	static const char plain[] = "attached interface=eth0\nerror: c <0>forged\n"
				    "doctor monitor detected at 1795356201.710436\n";
	char out[512];

	capture(NO_STREAM, log_some, out, sizeof(out));
	assert_string_equal(out, plain);
	capture(ANOTHER_STREAM, log_some, out, sizeof(out));
	assert_string_equal(out, plain);
	capture(NONSENSE, log_some, out, sizeof(out));
	assert_string_equal(out, plain);
	capture(THIS_STREAM, log_some, out, sizeof(out));
	assert_string_equal(out, "<6>attached interface=eth0\n<3>c <0>forged\n"
				 "doctor monitor detected at 1795356201.710436\n");
}

static void log_c1(void)
{
	dr_info("a \xc2\x9b"
		"2J host=%s",
		"b\xc2\x85"
		"c\xc2\xa0");
	dr_log_checkpoint((struct dr_wall){ 1795356201710436999 }, "x\xc2\x9by");
}

/* C1 as UTF-8 has it: terminals take U+009B for the beginning of a sequence, U+0085 for a line's end. */
static void nothing_moves_the_cursor(void **state)
{
	char out[512];

	capture(NO_STREAM, log_c1, out, sizeof(out));
	assert_string_equal(out, "a   2J host=b  c\xc2\xa0\nx  y at 1795356201.710436\n");
}

/* ---- a sink ---- */

static struct {
	struct dr_buf seen; /* "level|message|key=value|key=value\n" */
	int answer;
} records;

static int on_record(const struct dr_log_record *r, void *userdata)
{
	assert_ptr_equal(userdata, &records);
	dr_buf_printf(&records.seen, "%d|%s", (int)r->level, r->message);
	for (size_t i = 0; i < r->field_count; i++)
		dr_buf_printf(&records.seen, "|%.*s=%.*s", (int)r->fields[i].key_len, r->fields[i].key,
			      (int)r->fields[i].value_len, r->fields[i].value);
	dr_buf_puts(&records.seen, "\n");
	return records.answer;
}

static int with_sink(void **state)
{
	records.answer = 0;
	dr_log_set_sink(on_record, &records);
	return 0;
}

static int without_sink(void **state)
{
	dr_log_set_sink(NULL, NULL);
	dr_buf_done(&records.seen);
	return 0;
}

#define EXPECT(text, ...)                                                                                    \
	do {                                                                                                 \
		dr_buf_clear(&records.seen);                                                                 \
		dr_log(__VA_ARGS__);                                                                         \
		assert_string_equal(dr_buf_str(&records.seen), text "\n");                                   \
	} while (0)

static void fields_are_the_words_at_the_end(void **state)
{
	EXPECT("4|target down host=c-1 unanswered=3|host=c-1|unanswered=3", DR_LOG_WARNING,
	       "target down host=%s unanswered=%u", "c-1", 3U);
	EXPECT("6|a=1|a=1", DR_LOG_INFO, "a=%d", 1);
	EXPECT("6|nothing", DR_LOG_INFO, "nothing");
	EXPECT("6|", DR_LOG_INFO, "%s", "");
	EXPECT("6|x host=a is 3 late_ms=1.5|late_ms=1.5", DR_LOG_INFO, "x host=%s is %d late_ms=%.1f", "a", 3,
	       1.5);
	EXPECT("6|x host=a, and on", DR_LOG_INFO, "x host=%s, and on", "a");
	EXPECT("6|pins=/a/b|pins=/a/b", DR_LOG_INFO, "pins=%s/%s", "/a", "b");
	EXPECT("6|x why=\"two words\" n=1|why=two words|n=1", DR_LOG_INFO, "x why=\"%s\" n=%d", "two words",
	       1);
	EXPECT("6|x why=\"|why=\"", DR_LOG_INFO, "x why=%s", "\"");
	EXPECT("6|x empty= n=1|empty=|n=1", DR_LOG_INFO, "x empty=%s n=%d", "", 1);
	EXPECT("6|x Upper=1 _low=2 9=3 =4", DR_LOG_INFO, "x Upper=%d _low=%d 9=%d =%d", 1, 2, 3, 4);
	EXPECT("6|100% of n=1|n=1", DR_LOG_INFO, "100%% of n=%d", 1);
}

static void values_never_pass_for_fields(void **state)
{
	EXPECT("4|down host=x priority=0 message=y plane=data|host=x priority=0 message=y|plane=data",
	       DR_LOG_WARNING, "down host=%s plane=%s", "x priority=0 message=y", "data");
	EXPECT("4|down host=x MESSAGE=y n=1|host=x MESSAGE=y|n=1", DR_LOG_WARNING, "down host=%s n=%d",
	       "x\nMESSAGE=y", 1);
	EXPECT("3|host=a b=c", DR_LOG_ERROR, "%s", "host=a b=c");
	EXPECT("3|bad: host=a url=u|url=u", DR_LOG_ERROR, "bad: %s url=%s", "host=a", "u");
}

static void fields_are_bounded(void **state)
{
	DR_AUTO_FREE char *big = malloc(100001);
	const char *p;
	size_t n = 0;

	dr_log(DR_LOG_INFO, "a=1 a=2 a=3 a=4 a=5 a=6 a=7 a=8 a=9 a=10 a=11 a=12 a=13 a=14 a=15 a=16 a=17 "
			    "a=18 a=19 a=20 a=21 a=22 a=23 a=24 a=25 a=26");
	for (p = dr_buf_str(&records.seen); (p = strchr(p, '|')); p++)
		n++;
	assert_int_equal(n, 1 + DR_LOG_FIELDS_MAX);

	assert_non_null(big);
	memset(big, 'x', 100000);
	big[100000] = '\0';
	dr_buf_clear(&records.seen);
	dr_log(DR_LOG_INFO, "big=%s", big);
	assert_int_equal(records.seen.len, 2 + 4 + 100000 + 1 + 4 + 100000 + 1);
}

static void log_one(void)
{
	dr_warning("x host=%s", "a");
}

static void what_a_sink_does_not_take_is_written(void **state)
{
	char out[128];

	capture(THIS_STREAM, log_one, out, sizeof(out));
	assert_string_equal(out, "");
	capture(THIS_STREAM, log_some, out, sizeof(out));
	assert_string_equal(out, "");
	assert_string_equal(dr_buf_str(&records.seen),
			    "4|x host=a|host=a\n6|attached interface=eth0|interface=eth0\n3|c <0>forged\n"
			    "6|doctor monitor detected at 1795356201.710436\n");
	records.answer = -ENOENT;
	capture(THIS_STREAM, log_one, out, sizeof(out));
	assert_string_equal(out, "<4>x host=a\n");
}

/* ---- the journal ---- */

static void assert_entry(const struct dr_journal_record *j, size_t i, const char *text)
{
	assert_true(i < j->count);
	assert_int_equal(j->entries[i].iov_len, strlen(text));
	assert_memory_equal(j->entries[i].iov_base, text, strlen(text));
}

static int on_journal(const struct dr_log_record *r, void *userdata)
{
	return dr_journal_record(r, "doctor-monitor", userdata);
}

static void journal_entries(void **state)
{
	DR_AUTO(dr_journal_record_done) struct dr_journal_record j = { 0 };

	dr_log_set_sink(on_journal, &j);
	dr_log(DR_LOG_WARNING, "down host=%s late_us=%d", "x\nPRIORITY=0 _UID=0", 12);
	dr_log_set_sink(NULL, NULL);
	assert_int_equal(j.count, 5);
	assert_entry(&j, 0, "MESSAGE=down host=x PRIORITY=0 _UID=0 late_us=12");
	assert_entry(&j, 1, "PRIORITY=4");
	assert_entry(&j, 2, "SYSLOG_IDENTIFIER=doctor-monitor");
	assert_entry(&j, 3, "DOCTOR_HOST=x PRIORITY=0 _UID=0");
	assert_entry(&j, 4, "DOCTOR_LATE_US=12");
}

static void start_and_log(void)
{
	dr_journal_start("test");
	dr_info("still here");
}

static void no_journal_no_change(void **state)
{
	char out[128];

	capture(ANOTHER_STREAM, start_and_log, out, sizeof(out));
	assert_string_equal(out, "still here\n");
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(priorities_only_for_the_journal),
		cmocka_unit_test(nothing_moves_the_cursor),
		cmocka_unit_test_setup_teardown(fields_are_the_words_at_the_end, with_sink, without_sink),
		cmocka_unit_test_setup_teardown(values_never_pass_for_fields, with_sink, without_sink),
		cmocka_unit_test_setup_teardown(fields_are_bounded, with_sink, without_sink),
		cmocka_unit_test_setup_teardown(what_a_sink_does_not_take_is_written, with_sink,
						without_sink),
		cmocka_unit_test(journal_entries),
		cmocka_unit_test(no_journal_no_change),
	};

	return cmocka_run_group_tests_name("unit: log", tests, NULL, NULL);
}
