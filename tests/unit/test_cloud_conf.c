// SPDX-License-Identifier: Apache-2.0
#include <stdarg.h>
#include <stddef.h>
#include <setjmp.h>
#include <stdint.h>
#include <cmocka.h>
#include <string.h>
#include <sys/stat.h>

#include "doctor/buf.h"
#include "doctor/cloud/cloud.h"

/* Every test runs in a directory of its own, without any OS_* variable. */
static char dir[] = "/tmp/doctor-test-cloud-XXXXXX";
static char *top;

static const char *const variables[] = {
	"OS_CLOUD",
	"OS_CLIENT_CONFIG_FILE",
	"OS_AUTH_URL",
	"OS_USERNAME",
	"OS_USER_ID",
	"OS_PASSWORD",
	"OS_USER_DOMAIN_NAME",
	"OS_USER_DOMAIN_ID",
	"OS_PROJECT_NAME",
	"OS_PROJECT_ID",
	"OS_TENANT_NAME",
	"OS_TENANT_ID",
	"OS_PROJECT_DOMAIN_NAME",
	"OS_PROJECT_DOMAIN_ID",
	"OS_APPLICATION_CREDENTIAL_ID",
	"OS_APPLICATION_CREDENTIAL_NAME",
	"OS_APPLICATION_CREDENTIAL_SECRET",
	"OS_REGION_NAME",
	"OS_INTERFACE",
	"OS_ENDPOINT_TYPE",
	"OS_CACERT",
	"OS_INSECURE",
	"XDG_CONFIG_HOME",
};

static int setup(void **state)
{
	strcpy(strrchr(dir, '-') + 1, "XXXXXX");
	assert_non_null(mkdtemp(dir));
	assert_int_equal(chdir(dir), 0);
	setenv("HOME", dir, 1);
	for (size_t i = 0; i < DR_ARRAY_SIZE(variables); i++)
		unsetenv(variables[i]);
	return 0;
}

static int teardown(void **state)
{
	static const char *const files[] = { "clouds.yaml",
					     "secure.yaml",
					     ".config/openstack/clouds.yaml",
					     ".config/openstack/secure.yaml",
					     "other.yaml",
					     ".config/openstack",
					     ".config" };

	for (size_t i = 0; i < DR_ARRAY_SIZE(files); i++)
		remove(files[i]);
	assert_int_equal(chdir(top), 0);
	assert_int_equal(rmdir(dir), 0);
	return 0;
}

static void put(const char *path, const char *text)
{
	DR_AUTO_FCLOSE FILE *f = fopen(path, "we");

	assert_non_null(f);
	assert_true(fputs(text, f) >= 0);
}

static void assert_refused(const char *cloud, int error, const char *text)
{
	struct dr_cloud_conf c = { .insecure = true };
	DR_AUTO_FREE char *why = NULL;
	int r = dr_cloud_conf_load(cloud, &c, &why);

	assert_non_null(why);
	if (r != error || !strstr(why, text))
		fail_msg("%d \"%s\" instead of %d \"%s\"", r, why, error, text);
	assert_true(c.insecure); /* untouched */
	assert_null(c.auth_url);
}

#define LOAD(cloud, c)                                                                                       \
	DR_AUTO(dr_cloud_conf_done) struct dr_cloud_conf c = {};                                             \
	do {                                                                                                 \
		DR_AUTO_FREE char *why = NULL;                                                               \
		if (dr_cloud_conf_load(cloud, &c, &why))                                                     \
			fail_msg("refused: %s", why);                                                        \
	} while (0)

static const char good[] = "clouds:\n"
			   "  admin:\n"
			   "    auth:\n"
			   "      auth_url: http://127.0.0.1:5000/v3\n"
			   "      username: admin\n"
			   "      password: 12345\n"
			   "      project_name: admin\n"
			   "      user_domain_name: Default\n"
			   "      project_domain_name: Default\n"
			   "    region_name: RegionOne\n"
			   "    interface: internal\n"
			   "    identity_api_version: 3\n"
			   "    verify: false\n"
			   "  app:\n"
			   "    auth_type: v3applicationcredential\n"
			   "    auth:\n"
			   "      auth_url: https://keystone.example/identity\n"
			   "      application_credential_id: a1\n"
			   "      application_credential_secret: \"s3\"\n"
			   "    endpoint_type: adminURL\n"
			   "    cacert: /etc/ssl/x.pem\n";

static void test_file(void **state)
{
	put("clouds.yaml", good);
	LOAD("admin", c);
	assert_string_equal(c.auth_url, "http://127.0.0.1:5000/v3");
	assert_string_equal(c.username, "admin");
	assert_string_equal(c.password, "12345");
	assert_string_equal(c.project_name, "admin");
	assert_string_equal(c.user_domain_name, "Default");
	assert_string_equal(c.project_domain_name, "Default");
	assert_string_equal(c.region_name, "RegionOne");
	assert_string_equal(c.interface, "internal");
	assert_true(c.insecure);
	assert_null(c.cacert);

	setenv("OS_CLOUD", "app", 1);
	LOAD(NULL, d);
	assert_string_equal(d.application_credential_id, "a1");
	assert_string_equal(d.application_credential_secret, "s3");
	assert_string_equal(d.interface, "admin");
	assert_string_equal(d.cacert, "/etc/ssl/x.pem");
	assert_false(d.insecure);
	assert_null(d.username);
}

static void test_places(void **state)
{
	assert_refused("admin", -ENOENT, ".config/openstack/");
	assert_int_equal(mkdir(".config", 0700), 0);
	assert_int_equal(mkdir(".config/openstack", 0700), 0);
	put(".config/openstack/clouds.yaml", good);
	LOAD("admin", home);
	put("clouds.yaml", "clouds: {admin: {auth: {auth_url: 'http://here'}}}\n");
	assert_refused("admin", -EINVAL, "./clouds.yaml:1:24: clouds.admin.auth: username is missing");
	put("other.yaml", good);
	setenv("OS_CLIENT_CONFIG_FILE", "other.yaml", 1);
	LOAD("admin", named);
	setenv("OS_CLIENT_CONFIG_FILE", "absent.yaml", 1);
	assert_refused("admin", -EINVAL, "absent.yaml: cannot be read");
}

static void test_secure(void **state)
{
	put("clouds.yaml", "clouds:\n  a:\n    auth: {auth_url: 'http://k', username: u, user_domain_id: d,"
			   " project_id: p, password: old}\n    verify: false\n");
	put("secure.yaml", "clouds:\n  b: {auth: {password: other}}\n");
	LOAD("a", unmerged);
	assert_string_equal(unmerged.password, "old");
	assert_string_equal(unmerged.interface, "public");

	put("secure.yaml", "clouds:\n  a:\n    auth:\n      password: new\n");
	LOAD("a", c);
	assert_string_equal(c.password, "new");
	assert_string_equal(c.username, "u");
	assert_true(c.insecure);

	put("secure.yaml", "clouds:\n  a:\n    auth:\n      password: [1]\n");
	assert_refused("a", -EINVAL, "./secure.yaml:4:17: clouds.a.auth.password: must be a text");
	put("secure.yaml", "clouds: {\n");
	assert_refused("a", -EINVAL, "./secure.yaml:");
}

static void test_bad_files(void **state)
{
	static const struct {
		const char *text;
		int error;
		const char *why;
	} cases[] = {
		{ "clouds:\n  b: {}\n  c: {}\n", -ENOENT, "there is no cloud \"a\" in it (it has: b, c)" },
		{ "", -ENOENT, "(it has: none)" },
		{ "clouds: 3\n", -EINVAL, "clouds.yaml:1:9: clouds: " },
		{ "clouds:\n  a: 3\n", -EINVAL, "clouds.yaml:2:6: clouds.a: " },
		{ "clouds:\n\ta: 3\n", -EINVAL, "clouds.yaml:2:" },
		{ "clouds:\n  a:\n    auth: {}\n", -EINVAL,
		  "clouds.yaml:3:11: clouds.a.auth: auth_url is missing" },
		{ "clouds:\n  a:\n    region_name: R\n", -EINVAL, "auth_url is missing (below auth:)" },
		{ "clouds:\n  a:\n    auth: {auth_url: ftp://x, user_id: u, password: p, project_id: q}\n",
		  -EINVAL, "clouds.a.auth.auth_url: \"ftp://x\" is no http:// or https:// URL" },
		{ "clouds:\n  a:\n    auth: {auth_url: 'http://', user_id: u, password: p, project_id: q}\n",
		  -EINVAL, "is no http:// or https:// URL" },
		{ "clouds:\n  a:\n    auth: {auth_url: http://x, user_id: u, password: p, project_id: q}\n"
		  "    interface: pubic\n",
		  -EINVAL,
		  "clouds.yaml:4:16: clouds.a.interface: \"pubic\" is not public, internal or admin" },
		{ "clouds:\n  a:\n    auth: {auth_url: http://x, user_id: u, password: p, project_id: q}\n"
		  "    verify: perhaps\n",
		  -EINVAL, "clouds.yaml:4:13: clouds.a.verify: " },
		{ "clouds:\n  a:\n    auth: {auth_url: {}, user_id: [u]}\n", -EINVAL,
		  "clouds.a.auth.user_id: must be a text" },
		{ "clouds:\n  a:\n    auth: {auth_url: http://x, username: u, user_domain_id: d, password: "
		  "p}\n",
		  -EINVAL, "project_name is missing" },
		{ "clouds:\n  a:\n    auth: {auth_url: http://x, username: u, password: p, project_id: q}\n",
		  -EINVAL, "user_domain_name is missing" },
		{ "clouds:\n  a:\n    auth: {auth_url: http://x, user_id: u, project_id: q}\n", -EINVAL,
		  "password is missing" },
		{ "clouds:\n  a:\n    auth: {auth_url: http://x, user_id: u, password: p, project_name: q}\n",
		  -EINVAL, "project_domain_name is missing" },
		{ "clouds:\n  a:\n    auth: {auth_url: http://x, application_credential_id: q}\n", -EINVAL,
		  "application_credential_secret is missing" },
		{ "clouds:\n  a:\n    auth: {auth_url: http://x, application_credential_secret: q}\n",
		  -EINVAL, "application_credential_id is missing" },
		{ "clouds:\n  a:\n    auth: {auth_url: http://x, application_credential_secret: q, "
		  "application_credential_name: n}\n",
		  -EINVAL, "username is missing" },
	};

	for (size_t i = 0; i < DR_ARRAY_SIZE(cases); i++) {
		put("clouds.yaml", cases[i].text);
		assert_refused("a", cases[i].error, cases[i].why);
	}
}

/* One look must show all that is wrong. */
static void test_all_errors(void **state)
{
	struct dr_cloud_conf c = {};
	DR_AUTO_FREE char *why = NULL;

	put("clouds.yaml", "clouds:\n  a:\n    auth: {auth_url: [], password: {}}\n    verify: 7x\n");
	assert_int_equal(dr_cloud_conf_load("a", &c, &why), -EINVAL);
	assert_non_null(strstr(why, "auth_url"));
	assert_non_null(strstr(why, "password"));
	assert_non_null(strstr(why, "verify"));
}

static void test_environment(void **state)
{
	assert_refused(NULL, -ENOENT, "set OS_CLOUD to an entry of clouds.yaml");
	setenv("OS_CLOUD", "", 1); /* empty is unset */
	assert_refused(NULL, -ENOENT, "set OS_CLOUD to an entry of clouds.yaml");
	setenv("OS_AUTH_URL", "127.0.0.1:5000", 1);
	assert_refused(NULL, -EINVAL, "lacks OS_USERNAME");
	setenv("OS_USERNAME", "u", 1);
	assert_refused(NULL, -EINVAL, "lacks OS_USER_DOMAIN_NAME");
	setenv("OS_USER_DOMAIN_NAME", "Default", 1);
	assert_refused(NULL, -EINVAL, "lacks OS_PASSWORD");
	setenv("OS_PASSWORD", "p", 1);
	assert_refused(NULL, -EINVAL, "lacks OS_PROJECT_NAME");
	setenv("OS_TENANT_NAME", "x", 1);
	assert_refused(NULL, -EINVAL, "lacks OS_PROJECT_DOMAIN_NAME");
	setenv("OS_PROJECT_DOMAIN_ID", "default", 1);
	assert_refused(NULL, -EINVAL, "OS_AUTH_URL: \"127.0.0.1:5000\" is no http");
	setenv("OS_AUTH_URL", "http://127.0.0.1:5000", 1);
	setenv("OS_INTERFACE", "secret", 1);
	assert_refused(NULL, -EINVAL, "OS_INTERFACE: \"secret\"");
	setenv("OS_INTERFACE", "internalURL", 1);
	setenv("OS_INSECURE", "True", 1);
	LOAD(NULL, c);
	assert_string_equal(c.auth_url, "http://127.0.0.1:5000");
	assert_string_equal(c.project_name, "x");
	assert_string_equal(c.project_domain_id, "default");
	assert_string_equal(c.interface, "internal");
	assert_true(c.insecure);
	assert_null(c.region_name);
}

static void test_copy(void **state)
{
	const struct dr_cloud_conf from = {
		.auth_url = (char *)"http://k",
		.username = (char *)"u",
		.password = (char *)"p",
		.project_id = (char *)"i",
		.cacert = (char *)"c",
		.insecure = true,
	};
	DR_AUTO(dr_cloud_conf_done) struct dr_cloud_conf c = {};

	assert_int_equal(dr_cloud_conf_copy(&from, &c), 0);
	assert_string_equal(c.auth_url, from.auth_url);
	assert_ptr_not_equal(c.auth_url, from.auth_url);
	assert_string_equal(c.username, from.username);
	assert_string_equal(c.password, from.password);
	assert_string_equal(c.project_id, from.project_id);
	assert_string_equal(c.cacert, from.cacert);
	assert_true(c.insecure);
	assert_null(c.project_name);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test_setup_teardown(test_file, setup, teardown),
		cmocka_unit_test_setup_teardown(test_places, setup, teardown),
		cmocka_unit_test_setup_teardown(test_secure, setup, teardown),
		cmocka_unit_test_setup_teardown(test_bad_files, setup, teardown),
		cmocka_unit_test_setup_teardown(test_all_errors, setup, teardown),
		cmocka_unit_test_setup_teardown(test_environment, setup, teardown),
		cmocka_unit_test(test_copy),
	};
	int r;

	top = getcwd(NULL, 0);
	r = cmocka_run_group_tests(tests, NULL, NULL);
	free(top);
	return r;
}
