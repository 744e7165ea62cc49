/* SPDX-License-Identifier: Apache-2.0 */
/* doctorctl check cloud: what it says of accounts and, where there are any, of the services' own files. */
#include "tests/cloud/cloudbed.h"

#include <libgen.h>
#include <limits.h>
#include <sys/wait.h>

/* What it prints, with these words more; *ret_status is its exit status. The caller frees it. */
static struct dr_json *run_check(const char *words, int *ret_status)
{
	const char *bin = getenv("DOCTOR_BIN");
	char command[2048], text[32768];
	struct dr_json *doc;
	FILE *f;
	int status;

	snprintf(command, sizeof(command), "timeout 120 %s/doctorctl --json check cloud %s",
		 bin ? bin : "build/bin", words);
	f = popen(command, "re");
	assert_non_null(f);
	text[fread(text, 1, sizeof(text) - 1, f)] = '\0';
	status = pclose(f);
	assert_true(WIFEXITED(status));
	*ret_status = WEXITSTATUS(status);
	if (dr_json_parse(text, strlen(text), &doc, NULL))
		fail_msg("%s: %s", command, text);
	return doc;
}

static void assert_state(const struct dr_json *doc, const char *check, const char *state)
{
	for (const struct dr_json *c = dr_json_first(dr_json_get(doc, "checks")); c; c = dr_json_next(c)) {
		if (strcmp(dr_json_get_str(c, "check"), check))
			continue;
		if (strcmp(dr_json_get_str(c, "state"), state))
			fail_msg("%s is not %s: %s", check, state, dr_json_get_str(c, "found"));
		return;
	}
	fail_msg("%s is not looked at", check);
}

/* An administrator may do all that is needed; an owner of servers may not. */
static void test_accounts(void **state)
{
	static const char *const api[] = { "cloud.credentials", "cloud.compute", "cloud.alarming" };
	DR_AUTO_JSON struct dr_json *admin = NULL, *doctor = NULL;
	int status;

	admin = run_check("--cloud admin", &status);
	assert_int_equal(status, 0);
	doctor = run_check("--cloud doctor", &status);
	assert_int_equal(status, 1);
	for (size_t i = 0; i < DR_ARRAY_SIZE(api); i++) {
		assert_state(admin, api[i], "ok");
		assert_state(doctor, api[i], "ok");
	}
	assert_state(admin, "cloud.force_down", "ok");
	assert_state(doctor, "cloud.force_down", "broken");
}

/* Those with which a real cloud runs, beside its clouds.yaml; on minicloud there are none. */
static void test_settings(void **state)
{
	static const char *const settings[] = { "nova.notify_on_state_change", "nova.driver",
						"nova.notification_format",    "ceilometer.publisher",
						"ceilometer.events",	       "aodh.event_alarm_cache_ttl" };
	struct cb *b = *state;
	char where[PATH_MAX];
	const char *words = "--cloud admin", *dir;
	DR_AUTO_JSON struct dr_json *doc = NULL;
	int status;

	cb_copy(where, sizeof(where), getenv("OS_CLIENT_CONFIG_FILE"));
	dir = dirname(where);
	if (b->real)
		words = cb_format(
			"--cloud admin --nova-conf %s/etc/nova/nova.conf --aodh-conf %s/etc/aodh/aodh.conf "
			"--event-pipeline %s/etc/ceilometer/event_pipeline.yaml",
			dir, dir, dir);
	doc = run_check(words, &status);
	assert_int_equal(status, 0);
	assert_int_equal(dr_json_size(dr_json_get(doc, "checks")), b->real ? 10 : 4);
	for (size_t i = 0; b->real && i < DR_ARRAY_SIZE(settings); i++)
		assert_state(doc, settings[i], "ok");
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		CB_TEST(test_accounts),
		CB_TEST(test_settings),
	};

	return cmocka_run_group_tests_name("cloud: doctorctl check", tests, cb_setup, cb_teardown);
}
