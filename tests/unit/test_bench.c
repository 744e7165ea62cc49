/* SPDX-License-Identifier: Apache-2.0 */
/* The pure parts of doctor-bench: what it reads, and what it makes of it. */
#include <stdarg.h>
#include <stddef.h>
#include <setjmp.h>
#include <stdint.h>
#include <cmocka.h>

#include <arpa/inet.h>
#include <math.h>
#include <string.h>

#include "doctor/buf.h"
#include "doctor/wire.h"
#include "tools/bench/frames.h"
#include "tools/bench/lines.h"
#include "tools/bench/machine.h"
#include "tools/bench/net.h"
#include "tools/bench/opts.h"
#include "tools/bench/report.h"
#include "tools/bench/samples.h"

/* ---------------------------------------------------------------- samples */

static struct bench_summary summary_of(unsigned n)
{
	struct bench_samples s = { 0 };
	struct bench_summary sum;

	for (unsigned i = 0; i < n; i++) /* 1 .. n, in another order */
		bench_samples_add(&s, (double)((i * 7919) % n + 1));
	sum = bench_samples_summary(&s);
	assert_false(s.lost);
	bench_samples_done(&s);
	return sum;
}

static void percentiles_are_values_that_were_measured(void **state)
{
	struct bench_summary s = summary_of(1);

	assert_true(s.count == 1 && s.min == 1 && s.median == 1 && s.p99 == 1 && s.max == 1);
	s = summary_of(30);
	assert_true(s.count == 30 && s.min == 1 && s.median == 15 && s.p99 == 30 && s.max == 30);
	s = summary_of(100);
	assert_true(s.median == 50 && s.p99 == 99 && s.max == 100);
	s = summary_of(1000);
	assert_true(s.median == 500 && s.p99 == 990 && s.max == 1000);
}

static void no_samples_have_no_summary(void **state)
{
	struct bench_samples s = { 0 };
	struct bench_summary sum = bench_samples_summary(&s);

	assert_int_equal(sum.count, 0);
	assert_true(isnan(sum.min) && isnan(sum.median) && isnan(sum.p99) && isnan(sum.max));
}

/* ---------------------------------------------------------------- lines */

#define A 0x0a020001U /* 10.2.0.1 */

struct line {
	const char *text;
	enum bench_said said;
};

static void check_lines(bench_line_fn fn, const struct line *lines, size_t n)
{
	for (size_t i = 0; i < n; i++) {
		uint32_t address = 0;

		if (fn(lines[i].text, &address) != lines[i].said)
			fail_msg("\"%s\" is taken for something else", lines[i].text);
		if (lines[i].said != BENCH_SAID_NOTHING)
			assert_int_equal(address, A);
	}
}

static void lines_of_fping(void **state)
{
	static const struct line lines[] = {
		{ "10.2.0.1 : [0], 64 bytes, 0.080 ms (0.080 avg, 0% loss)", BENCH_SAID_ANSWER },
		{ "10.2.0.1  : [12], 64 bytes, 10.1 ms (0.080 avg, 0% loss)", BENCH_SAID_ANSWER },
		{ "10.2.0.1 : [3], timed out (0.1 avg, 25% loss)", BENCH_SAID_TIMEOUT },
		{ "10.2.0.1 : [3], timed out (NaN avg, 100% loss)", BENCH_SAID_TIMEOUT },
		{ "10.2.0.1 : xmt/rcv/%loss = 30/29/3%, min/avg/max = 0.03/0.04/0.1", BENCH_SAID_NOTHING },
		{ "10.2.0.1.5 : [3], timed out (NaN avg, 100% loss)", BENCH_SAID_NOTHING },
		{ "10.2.0.1: error while sending ping: Network is unreachable", BENCH_SAID_NOTHING },
		{ "", BENCH_SAID_NOTHING },
		{ " : [", BENCH_SAID_NOTHING },
	};

	check_lines(bench_line_fping, lines, DR_ARRAY_SIZE(lines));
}

static void lines_of_oping(void **state)
{
	static const struct line lines[] = {
		{ "56 bytes from 10.2.0.1 (10.2.0.1): icmp_seq=1 ttl=64 time=0.04 ms", BENCH_SAID_ANSWER },
		{ "echo reply from 10.2.0.1 (10.2.0.1): icmp_seq=1 timeout", BENCH_SAID_TIMEOUT },
		{ "PING 10.2.0.1 (10.2.0.1) 56 bytes of data.", BENCH_SAID_NOTHING },
		{ "--- 10.2.0.1 ping statistics ---", BENCH_SAID_NOTHING },
		{ "6 packets transmitted, 6 received, 0.00% packet loss, time 0.3ms", BENCH_SAID_NOTHING },
		{ "56 bytes from example (10.2.0.1): icmp_seq=1 ttl=64 time=0.04 ms", BENCH_SAID_NOTHING },
		{ "", BENCH_SAID_NOTHING },
	};

	check_lines(bench_line_oping, lines, DR_ARRAY_SIZE(lines));
}

#define BFDD "2026/11/22 20:24:40 BFD: [SEY1D-NT8EQ] state-change: [mhop:no peer:10.2.0.1 local:10.1.0.1 "
#define REST "vrf:default ifname:v0] "

static void lines_of_bfdd(void **state)
{
	static const struct line lines[] = {
		{ BFDD REST "init -> up", BENCH_SAID_UP },
		{ BFDD REST "down -> up", BENCH_SAID_UP },
		{ BFDD REST "up -> down reason:control-expired", BENCH_SAID_DOWN },
		{ BFDD REST "up -> down reason:neighbor-down", BENCH_SAID_DOWN },
		{ BFDD REST "down -> init", BENCH_SAID_NOTHING },
		{ BFDD REST "init -> down reason:path-down", BENCH_SAID_NOTHING },
		{ "2026/11/22 20:24:39 BFD: [PSB4R-8T1TJ] session-new: mhop:no peer:10.2.0.1 local:10.1.0.1 ",
		  BENCH_SAID_NOTHING },
		{ "", BENCH_SAID_NOTHING },
	};

	check_lines(bench_line_bfdd, lines, DR_ARRAY_SIZE(lines));
}

#define BIRD "2026-11-22 20:24:09.054 <TRACE> b: Session to 10.2.0.1 "

static void lines_of_bird(void **state)
{
	static const struct line lines[] = {
		{ BIRD "changed state from Init to Up", BENCH_SAID_UP },
		{ BIRD "changed state from Down to Up", BENCH_SAID_UP },
		{ BIRD "changed state from Up to Down", BENCH_SAID_DOWN },
		{ BIRD "changed state from Up to AdminDown", BENCH_SAID_DOWN },
		{ BIRD "changed state from Down to Init", BENCH_SAID_NOTHING },
		{ BIRD "expired", BENCH_SAID_NOTHING },
		{ BIRD "added", BENCH_SAID_NOTHING },
		{ "2026-11-22 20:24:08.149 <INFO> Started", BENCH_SAID_NOTHING },
	};

	check_lines(bench_line_bird, lines, DR_ARRAY_SIZE(lines));
}

static void the_monitors_verdicts(void **state)
{
	char host[64] = "";
	double late = -1;

	assert_true(
		bench_line_verdict("warning: target down host=h17 plane=data address=10.2.0.18 interface=w "
				   "unanswered=4 silent_ms=34.1 late_us=12",
				   host, &late));
	assert_string_equal(host, "h17");
	assert_true(late == 12);
	assert_false(bench_line_verdict("target up host=h17 late_us=12", host, &late));
	assert_false(bench_line_verdict("target down host=h17 unanswered=4", host, &late));
	assert_false(bench_line_verdict("target down late_us=4", host, &late));
	assert_false(bench_line_verdict("target down host=h1 not_late_us=4", host, &late));
	assert_true(bench_line_number("the sender is late skipped=40 late_max_ms=1.5", "late_max_ms", &late));
	assert_true(late == 1.5);
	assert_false(bench_line_number("skipped=many", "skipped", &late));
	assert_false(bench_line_number("skipped=", "skipped", &late));
	assert_false(bench_line_number("skipped=4x", "skipped", &late));
}

static void three_in_a_row_are_a_verdict(void **state)
{
	static const struct {
		const char *fed; /* a: answered, t: timed out, U, D: verdicts */
		const char *said;
	} cases[] = {
		{ "aaa", "--U" },   { "aaaaaa", "--U---" },	  { "aataaa", "-----U" },
		{ "ttt", "--D" },   { "aaattt", "--U--D" },	  { "aaattattatt", "--U--------" },
		{ "UDDU", "UD-U" }, { "aaatttaaa", "--U--D--U" }, { "Uttt", "U--D" },
	};

	for (size_t i = 0; i < DR_ARRAY_SIZE(cases); i++) {
		struct bench_streak s = { 0 };

		for (size_t k = 0; cases[i].fed[k]; k++) {
			char c = cases[i].fed[k];
			enum bench_said said = bench_streak_feed(&s,
								 c == 'a'   ? BENCH_SAID_ANSWER
								 : c == 't' ? BENCH_SAID_TIMEOUT
								 : c == 'U' ? BENCH_SAID_UP
									    : BENCH_SAID_DOWN,
								 3);
			char is = said == BENCH_SAID_UP ? 'U' : said == BENCH_SAID_DOWN ? 'D' : '-';

			if (is != cases[i].said[k])
				fail_msg("%s: %c at %zu", cases[i].fed, is, k);
		}
	}
}

/* ---------------------------------------------------------------- machine */

static void cpu_time_is_what_was_not_idle(void **state)
{
	struct bench_cpu a = { 0 }, b = { 0 };

	assert_true(
		bench_cpu_parse("cpu  100 0 50 1000 20 1 2 30 0 0\ncpu0 1 2\ncpu1 1 2\nintr 5 6\n", 100, &a));
	assert_int_equal(a.cpus, 2);
	assert_int_equal(a.idle_ns, 1050 * 10000000LL);
	b = a;
	b.at = dr_mono_add(a.at, dr_sec(10));
	b.idle_ns += 15 * DR_NSEC_PER_SEC;
	assert_true(fabs(bench_cpu_busy(&a, &b) - 0.5) < 1e-9);
	b.idle_ns += 6 * DR_NSEC_PER_SEC; /* read a little later than the clock */
	assert_true(bench_cpu_busy(&a, &b) == 0);
	assert_true(bench_cpu_busy(&a, &a) == 0);
	assert_false(bench_cpu_parse("", 100, &a));
	assert_false(bench_cpu_parse("cpu  100 0 50\ncpu0 1 2\n", 100, &a));
	assert_false(bench_cpu_parse("cpu  100 0 50 1000 20 1 2 30 0 0\nintr 5 6\n", 100, &a));
}

static void memory_is_read_in_bytes(void **state)
{
	const char *text = "Name:\tx\nVmHWM:\t   99 kB\nVmRSS:\t   12 kB\nVmRSSx:\t 5 kB\n";
	uint64_t n = 0;

	assert_true(bench_kib_parse(text, "VmRSS", &n));
	assert_int_equal(n, 12 * 1024);
	assert_false(bench_kib_parse(text, "RSS", &n));
	assert_false(bench_kib_parse(text, "Name", &n));
	assert_false(bench_kib_parse("", "VmRSS", &n));
}

static void packets_are_read_of_one_interface(void **state)
{
	const char *text =
		"Inter-|   Receive                                                |  Transmit\n"
		" face |bytes    packets errs drop fifo frame compressed multicast|bytes    packets errs\n"
		"    lo: 1 2 0 0 0 0 0 0 3 4 0 0 0 0 0 0\n"
		"watch01: 1 7 0 0 0 0 0 0 3 8 0 0 0 0 0 0\n"
		"watch0: 500 10 0 0 0 0 0 0 600 11 0 0 0 0 0 0\n";
	uint64_t rx, tx;

	assert_true(bench_packets_parse(text, "watch0", &rx, &tx));
	assert_true(rx == 10 && tx == 11);
	assert_true(bench_packets_parse(text, "lo", &rx, &tx));
	assert_true(rx == 2 && tx == 4);
	assert_false(bench_packets_parse(text, "eth0", &rx, &tx));
	assert_false(bench_packets_parse("watch0: 1 2\n", "watch0", &rx, &tx));
}

static void a_host_is_found_by_its_address(void **state)
{
	struct bench_host hosts[5];
	struct bench_net n = { .hosts = hosts };

	assert_int_equal(bench_net_find(&n, 10), -1);
	for (uint32_t i = 0; i < 5; i++) {
		hosts[i].address = 10 * (i + 1);
		n.nhosts = i + 1;
		for (uint32_t k = 0; k <= i; k++)
			assert_int_equal(bench_net_find(&n, 10 * (k + 1)), k);
		assert_int_equal(bench_net_find(&n, 5), -1);
		assert_int_equal(bench_net_find(&n, 10 * (i + 1) + 1), -1);
	}
}

/* ---------------------------------------------------------------- frames */

/* With its checksum in it, the sum of a whole packet is zero. */
static void frames_are_valid(void **state)
{
	for (int kind = 0; kind <= BENCH_FRAME_PROBE; kind++) {
		struct bench_frame f;
		bool ip;

		bench_frame_make((enum bench_frame_kind)kind, &f);
		ip = f.data[12] == 8 && f.data[13] == 0;
		assert_true(f.len >= 60 || ip);
		assert_non_null(bench_frame_names[kind]);
		if (!ip)
			continue;
		assert_int_equal(f.data[16] << 8 | f.data[17], f.len - 14);
		assert_int_equal(bench_checksum(f.data + 14, 20), 0);
		if (f.data[23] == IPPROTO_ICMP)
			assert_int_equal(bench_checksum(f.data + 34, f.len - 34), 0);
	}
}

static void the_reply_answers_the_probe(void **state)
{
	struct bench_frame reply, probe;
	struct dr_probe r, p;

	bench_frame_make(BENCH_FRAME_REPLY, &reply);
	bench_frame_make(BENCH_FRAME_PROBE, &probe);
	memcpy(&r, reply.data + 34, sizeof(r));
	memcpy(&p, probe.data + 34, sizeof(p));
	assert_int_equal(p.type, DR_ICMP_ECHO);
	assert_int_equal(r.type, DR_ICMP_ECHO_REPLY);
	assert_int_equal(ntohl(r.tag.magic), DR_PROBE_MAGIC);
	assert_memory_equal(&r.tag, &p.tag, sizeof(p.tag));
	assert_int_equal(r.ident, p.ident);
	assert_memory_equal(reply.data + 26, probe.data + 30, 4);
	assert_memory_equal(reply.data + 30, probe.data + 26, 4);
}

/* ---------------------------------------------------------------- options, report */

static int parse(struct bench_opts *o, char **ret_error, const char *const args[])
{
	char *argv[16] = { (char *)"doctor-bench" };
	int argc = 1;

	*ret_error = NULL;
	for (; args[argc - 1]; argc++)
		argv[argc] = (char *)args[argc - 1];
	return bench_opts_parse(argc, argv, o, ret_error);
}

#define ARGS(...)                                                                                            \
	(const char *const[])                                                                                \
	{                                                                                                    \
		__VA_ARGS__, NULL                                                                            \
	}

static void options(void **state)
{
	struct bench_opts o;
	char *error;

	assert_int_equal(parse(&o, &error, (const char *const[]){ NULL }), 0);
	for (int i = 0; i < BENCH_COMMANDS; i++)
		assert_true(o.run[i]);
	assert_true(o.trials == 30 && !o.seconds && !o.targets && !o.tools && !o.json);
	assert_int_equal(parse(&o, &error, ARGS("cost", "--seconds", "5", "--targets", "7", "rate")), 0);
	assert_true(o.run[BENCH_COST] && o.run[BENCH_RATE]);
	assert_false(o.run[BENCH_DETECT] || o.run[BENCH_QUIET] || o.run[BENCH_KERNEL]);
	assert_true(o.seconds == 5 && o.targets == 7);
	assert_int_equal(parse(&o, &error, ARGS("--json", "x", "--tools", "doctor", "--trials", "2")), 0);
	assert_true(o.trials == 2 && !strcmp(o.json, "x") && !strcmp(o.tools, "doctor"));
	assert_int_equal(parse(&o, &error, ARGS("--help")), 0);
	assert_true(o.help && !o.version);
}

static void wrong_options_are_explained(void **state)
{
	static const char *const wrong[][3] = {
		{ "speed" },	      { "--trials" },	  { "--trials", "0" },	    { "--trials", "-1" },
		{ "--trials", "2x" }, { "--trials", "" }, { "--targets", "50001" }, { "--seconds", "1.5" },
	};

	for (size_t i = 0; i < DR_ARRAY_SIZE(wrong); i++) {
		struct bench_opts o;
		char *error;

		assert_int_equal(parse(&o, &error, wrong[i]), -EINVAL);
		assert_non_null(strstr(error, wrong[i][0]));
		free(error);
	}
}

static void tools_are_named_in_a_list(void **state)
{
	assert_true(bench_opts_names("doctor,bfdd", "FRR bfdd"));
	assert_true(bench_opts_names("doctor,bfdd", "doctor-monitor"));
	assert_true(bench_opts_names("bird", "BIRD"));
	assert_true(bench_opts_names(",bird,", "BIRD"));
	assert_false(bench_opts_names("doctor,bfdd", "BIRD"));
	assert_false(bench_opts_names("", "BIRD"));
	assert_false(bench_opts_names("fping", "oping"));
}

static void the_report_says_what_holds(void **state)
{
	DR_AUTO(bench_report_freep) struct bench_report *r = NULL;
	DR_AUTO_FREE char *summary = NULL, *json = NULL;
	DR_AUTO_JSON struct dr_json *back = NULL;

	assert_int_equal(bench_report_new(&r), 0);
	bench_report_figure(r, "one", "<= 3", BENCH_HOLDS, "%d", 2);
	bench_report_figure(r, "another one", "<= 3", BENCH_SHORT, "%.1f", 3.5);
	dr_json_add_int(bench_report_row(r, "rows"), "n", 1);
	dr_json_add_int(bench_report_row(r, "rows"), "n", 2);
	assert_int_equal(bench_report_troubles(r), 0);
	summary = bench_report_summary(r);
	assert_non_null(strstr(summary, "one          2         <= 3  holds\n"));
	assert_non_null(strstr(summary, "another one  3.5       <= 3  falls short\n"));
	json = bench_report_json(r, "a machine", "2026-11-22");
	assert_int_equal(dr_json_parse(json, strlen(json), &back, NULL), 0);
	assert_int_equal(dr_json_size(dr_json_get(back, "rows")), 2);
	assert_int_equal(dr_json_size(dr_json_get(back, "figures")), 2);
	assert_string_equal(dr_json_str(dr_json_path(back, "figures.1.outcome")), "falls short");
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(percentiles_are_values_that_were_measured),
		cmocka_unit_test(no_samples_have_no_summary),
		cmocka_unit_test(lines_of_fping),
		cmocka_unit_test(lines_of_oping),
		cmocka_unit_test(lines_of_bfdd),
		cmocka_unit_test(lines_of_bird),
		cmocka_unit_test(the_monitors_verdicts),
		cmocka_unit_test(three_in_a_row_are_a_verdict),
		cmocka_unit_test(cpu_time_is_what_was_not_idle),
		cmocka_unit_test(memory_is_read_in_bytes),
		cmocka_unit_test(packets_are_read_of_one_interface),
		cmocka_unit_test(a_host_is_found_by_its_address),
		cmocka_unit_test(frames_are_valid),
		cmocka_unit_test(the_reply_answers_the_probe),
		cmocka_unit_test(options),
		cmocka_unit_test(wrong_options_are_explained),
		cmocka_unit_test(tools_are_named_in_a_list),
		cmocka_unit_test(the_report_says_what_holds),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
