/* SPDX-License-Identifier: Apache-2.0 */
/* What doctor-test reads of the consumer's metrics is what the consumer writes there. */
#include <stdarg.h>
#include <stddef.h>
#include <setjmp.h>
#include <stdint.h>
#include <cmocka.h>

#include <errno.h>
#include <string.h>

#include "consumer/answers.h"
#include "tools/scenario/answers.h"

static void test_as_written(void **state)
{
	static const int64_t took_us[] = { 90, 700, 9000, 15000 };
	DR_AUTO_BUF struct dr_buf b = { 0 };
	struct con_answers written = { 0 };
	struct sc_answers read;
	DR_AUTO_JSON struct dr_json *json = NULL;

	for (size_t i = 0; i < DR_ARRAY_SIZE(took_us); i++)
		con_answers_add(&written, (struct dr_dur){ took_us[i] * DR_NSEC_PER_USEC });
	dr_buf_puts(&b, "doctor_consumer_alarms_total{result=\"accepted\"} 4\n");
	con_answers_write(&written, &b);
	assert_int_equal(sc_answers_parse(dr_buf_str(&b), &read), 0);
	assert_int_equal(read.alarms, 4);
	assert_int_equal(read.in_10_ms, 3);
	assert_true(read.mean_ms > 6.19 && read.mean_ms < 6.21);
	json = sc_answers_json(&read);
	assert_int_equal((int)dr_json_get_number(json, "alarms", 0), 4);
	assert_int_equal((int)dr_json_get_number(json, "in_10_ms", 0), 3);
	assert_true(dr_json_get_number(json, "mean_ms", 0) > 6);
}

static void test_none(void **state)
{
	DR_AUTO_BUF struct dr_buf b = { 0 };
	const struct con_answers nothing = { 0 };
	struct sc_answers read = { .alarms = 7 };
	DR_AUTO_JSON struct dr_json *json = NULL;

	assert_int_equal(sc_answers_parse("", &read), -EBADMSG);
	assert_int_equal(sc_answers_parse("\ndoctor_consumer_alarm_answer_seconds_count x", &read), -EBADMSG);
	assert_int_equal(read.alarms, 7);
	con_answers_write(&nothing, &b);
	assert_int_equal(sc_answers_parse(dr_buf_str(&b), &read), 0);
	assert_int_equal(read.alarms, 0);
	json = sc_answers_json(&read);
	assert_true(dr_json_is_null(json));
}

static void test_nobody_there(void **state)
{
	struct sc_answers read;

	assert_true(sc_answers_get("127.0.0.1:1", &read) < 0);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(test_as_written),
		cmocka_unit_test(test_none),
		cmocka_unit_test(test_nobody_there),
	};

	return cmocka_run_group_tests_name("scenario_answers", tests, NULL, NULL);
}
