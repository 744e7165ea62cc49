/* SPDX-License-Identifier: Apache-2.0 */
/* The pure parts of doctor-cloud-bench. */
#include <stdarg.h>
#include <stddef.h>
#include <setjmp.h>
#include <stdint.h>
#include <cmocka.h>

#include <string.h>

#include "doctor/buf.h"
#include "doctor/json.h"
#include "tools/cloudbench/flood.h"
#include "tools/cloudbench/upstream.h"

/* ---------------------------------------------------------------- options */

#define ARGS_MAX 8

static int parse(const char *const args[], struct cb_opts *o, char **error)
{
	char *argv[ARGS_MAX + 2] = { (char *)"doctor-cloud-bench" };
	int argc = 1;

	for (; args[argc - 1]; argc++)
		argv[argc] = (char *)args[argc - 1];
	return cb_opts_parse(argc, argv, o, error);
}

#define PARSE(o, error, ...) parse((const char *const[]){ __VA_ARGS__ __VA_OPT__(, ) NULL }, o, error)

static void both_parts_are_measured_by_default(void **state)
{
	DR_AUTO_FREE char *error = NULL;
	struct cb_opts o;

	assert_int_equal(PARSE(&o, &error), 0);
	assert_true(o.sandbox && o.minicloud);
	assert_true(o.runs == 20 && o.seconds == 60 && o.sizes == 4);
	assert_true(o.vms[0] == 1 && o.vms[3] == 50);
	assert_false(o.check || o.help || o.version || o.json);
}

static void options_are_read(void **state)
{
	DR_AUTO_FREE char *error = NULL;
	struct cb_opts o;

	assert_int_equal(PARSE(&o, &error, "sandbox", "--runs", "3", "--vms", "2,50,200", "--json", "f"), 0);
	assert_true(o.sandbox && !o.minicloud && o.runs == 3 && o.sizes == 3);
	assert_true(o.vms[0] == 2 && o.vms[1] == 50 && o.vms[2] == 200);
	assert_string_equal(o.json, "f");
	assert_int_equal(PARSE(&o, &error, "minicloud", "--seconds", "86400", "--check"), 0);
	assert_true(!o.sandbox && o.minicloud && o.seconds == 86400 && o.check);
	assert_int_equal(PARSE(&o, &error, "--vms", "1,2,3,4,5,6,7,8"), 0);
	assert_int_equal(o.sizes, 8);
}

static void wrong_options_are_refused_by_name(void **state)
{
	static const struct {
		const char *args[3];
		const char *says;
	} wrong[] = {
		{ { "cloud" }, "unknown argument: cloud" },
		{ { "--runs" }, "--runs needs a value" },
		{ { "--runs", "0" }, "not a number from 1 to 1000" },
		{ { "--runs", "1001" }, "not a number from 1 to 1000" },
		{ { "--runs", "2x" }, "\"2x\" is not a number" },
		{ { "--runs", "-1" }, "\"-1\" is not a number" },
		{ { "--seconds", "99999999999999999999" }, "is not a number" },
		{ { "--vms", "" }, "ascending numbers" },
		{ { "--vms", "1," }, "ascending numbers" },
		{ { "--vms", "10,1" }, "ascending numbers" },
		{ { "--vms", "1,1" }, "ascending numbers" },
		{ { "--vms", "1;2" }, "ascending numbers" },
		{ { "--vms", "201" }, "ascending numbers" },
		{ { "--vms", "1,2,3,4,5,6,7,8,9" }, "ascending numbers" },
	};

	for (size_t i = 0; i < DR_ARRAY_SIZE(wrong); i++) {
		DR_AUTO_FREE char *error = NULL;
		struct cb_opts o = { .runs = 7 };

		assert_int_equal(parse(wrong[i].args, &o, &error), -EINVAL);
		assert_non_null(strstr(error, wrong[i].says));
		assert_int_equal(o.runs, 7);
	}
}

/* ---------------------------------------------------------------- the flood */

struct mix {
	unsigned down, up, degraded, fresh;
	bool known_down[1001]; /* those that are, at the start and later */
};

static void count(struct mix *m, uint64_t n)
{
	DR_AUTO_BUF struct dr_buf text = { 0 };
	DR_AUTO_JSON struct dr_json *e = NULL;
	const char *type, *status, *host;
	unsigned number;

	cb_flood_event(&text, n, 1000);
	assert_int_equal(dr_json_parse(text.data, text.len, &e, NULL), 0);
	type = dr_json_get_str(e, "type");
	host = dr_json_str(dr_json_path(e, "details.hostname"));
	status = dr_json_str(dr_json_path(e, "details.status"));
	assert_int_equal(sscanf(host, "compute-%u", &number), 1);
	assert_in_range(number, 1, 1000);
	if (strcmp(type, "compute.host.degraded") == 0) {
		m->degraded++;
	} else if (strcmp(status, "up") == 0) {
		assert_in_range(number, CB_FLOOD_DOWN + 1, 1000);
		/* one that is down comes back half a second after it went only */
		if (m->known_down[number])
			assert_int_equal(n % CB_FLOOD_RATE, CB_FLOOD_RATE / 2);
		m->known_down[number] = false;
		m->up++;
	} else {
		m->fresh += !m->known_down[number];
		m->known_down[number] = true;
		m->down++;
	}
}

static void the_flood_is_mixed_as_it_says(void **state)
{
	struct mix m = { 0 };

	for (unsigned host = 1; host <= CB_FLOOD_DOWN; host++)
		m.known_down[host] = true;
	for (uint64_t n = 0; n < 10 * CB_FLOOD_RATE; n++)
		count(&m, n);
	assert_int_equal(m.fresh, 10);
	assert_int_equal(m.degraded, 10 * CB_FLOOD_RATE / 20);
	assert_int_equal(m.up, 10 * CB_FLOOD_RATE / 20 + 10);
	assert_int_equal(m.down + m.up + m.degraded, 10 * CB_FLOOD_RATE);
}

/* ---------------------------------------------------------------- upstream */

static void upstream_has_figures_of_four_sizes(void **state)
{
	assert_true(cb_upstream(1)->nova_serial == 0.337 && cb_upstream(50)->shortcut_parallel == 0.584);
	assert_non_null(cb_upstream(10));
	assert_non_null(cb_upstream(25));
	assert_null(cb_upstream(2));
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(both_parts_are_measured_by_default),
		cmocka_unit_test(options_are_read),
		cmocka_unit_test(wrong_options_are_refused_by_name),
		cmocka_unit_test(the_flood_is_mixed_as_it_says),
		cmocka_unit_test(upstream_has_figures_of_four_sizes),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
