/* SPDX-License-Identifier: Apache-2.0 */
/*
 * What a cloud is prepared with: projects, users and roles, flavors, quota, networks; and how doctor-test
 * makes them, and gives them back.
 */
#include "tests/cloud/cloudbed.h"

#include <time.h>

#include "tools/scenario/owner.h"

#define PREFIX "conformance-"
#define OWNER PREFIX "owner"
#define TENANT PREFIX "tenant"
#define UNKNOWN "00000000000040008000000000000000"

/* ---------------------------------------------------------------- who */

static struct cb_answer identity(struct cb *b, enum cb_who who, const char *method, const char *path,
				 const char *body)
{
	return cb_call(b, who, "identity", method, 0, path, body);
}

static const char *make_project(struct cb *b, const char *name)
{
	CB_ANSWER a =
		identity(b, CB_ADMIN, "POST", "/projects",
			 cb_format("{\"project\":{\"name\":\"%s\",\"description\":\"for a test\"}}", name));

	cb_assert_status(a, 201);
	assert_string_equal(cb_text(&a, "project.name"), name);
	assert_string_equal(cb_text(&a, "project.description"), "for a test");
	return cb_made(b, "identity", "/projects", cb_text(&a, "project.id"));
}

static const char *make_user(struct cb *b, const char *name, const char *password)
{
	CB_ANSWER a = identity(b, CB_ADMIN, "POST", "/users",
			       cb_format("{\"user\":{\"name\":\"%s\",\"password\":\"%s\","
					 "\"description\":\"for a test\"}}",
					 name, password));

	cb_assert_status(a, 201);
	assert_string_equal(cb_text(&a, "user.name"), name);
	assert_string_equal(cb_text(&a, "user.description"), "for a test");
	assert_false(cb_has(&a, "user", "password"));
	return cb_made(b, "identity", "/users", cb_text(&a, "user.id"));
}

static const char *role_id(struct cb *b, const char *name)
{
	CB_ANSWER a = identity(b, CB_ADMIN, "GET", cb_format("/roles?name=%s", name), NULL);

	cb_assert_status(a, 200);
	assert_int_equal(dr_json_size(cb_at(&a, "roles")), 1);
	assert_string_equal(cb_text(&a, "roles.0.name"), name);
	return cb_format("%s", cb_text(&a, "roles.0.id"));
}

static void grant(struct cb *b, const char *project, const char *user, const char *role)
{
	CB_ANSWER a = identity(b, CB_ADMIN, "PUT",
			       cb_format("/projects/%s/users/%s/roles/%s", project, user, role_id(b, role)),
			       NULL);

	cb_assert_status(a, 204);
}

static struct cb_answer log_in(struct cb *b, const char *user, const char *password, const char *project)
{
	return identity(
		b, CB_NOBODY, "POST", "/auth/tokens",
		cb_format("{\"auth\":{\"identity\":{\"methods\":[\"password\"],\"password\":{\"user\":"
			  "{\"id\":\"%s\",\"password\":\"%s\"}}},\"scope\":{\"project\":{\"id\":\"%s\"}}}}",
			  user, password, project));
}

static unsigned logs_in(struct cb *b, const char *user, const char *password, const char *project)
{
	CB_ANSWER a = log_in(b, user, password, project);

	return a.status;
}

static void test_people(void **state)
{
	struct cb *b = *state;
	const char *project = make_project(b, OWNER), *user = make_user(b, OWNER, "first-secret");
	CB_ANSWER projects = identity(b, CB_ADMIN, "GET", "/projects?name=" OWNER, NULL);
	CB_ANSWER users = identity(b, CB_ADMIN, "GET", "/users?name=" OWNER, NULL);
	CB_ANSWER member = { 0 }, patched = { 0 };

	assert_string_equal(cb_text(&projects, "projects.0.id"), project);
	assert_string_equal(cb_text(&users, "users.0.id"), user);
	assert_string_equal(cb_text(&users, "users.0.description"), "for a test");
	assert_int_equal(logs_in(b, user, "first-secret", project), 401); /* without a role */
	grant(b, project, user, "member");
	grant(b, project, user, "member"); /* once more is no error */
	member = log_in(b, user, "first-secret", project);
	cb_assert_status(member, 201);
	assert_string_equal(cb_text(&member, "token.project.name"), OWNER);

	patched = identity(b, CB_ADMIN, "PATCH", cb_format("/users/%s", user),
			   "{\"user\":{\"password\":\"second-secret\"}}");
	cb_assert_status(patched, 200);
	assert_int_equal(logs_in(b, user, "first-secret", project), 401);
	assert_int_equal(logs_in(b, user, "second-secret", project), 201);
}

static void test_people_deleted(void **state)
{
	struct cb *b = *state;
	const char *project = make_project(b, OWNER), *user = make_user(b, OWNER, "secret");
	CB_ANSWER token = { 0 }, gone_user = { 0 }, gone_project = { 0 }, servers = { 0 }, show = { 0 },
		  again = { 0 };
	char id[512];

	grant(b, project, user, "member");
	token = log_in(b, user, "secret", project);
	cb_copy(id, sizeof(id), cb_header(&token, "X-Subject-Token"));
	const struct dr_http_header headers[] = { { "X-Auth-Token", id }, { "X-Subject-Token", id }, { 0 } };

	gone_user = identity(b, CB_ADMIN, "DELETE", cb_format("/users/%s", user), NULL);
	cb_assert_status(gone_user, 204);
	assert_int_equal(logs_in(b, user, "secret", project), 401);
	servers = cb_send(b, "identity", "GET", "/auth/tokens", headers, NULL);
	/* his token goes with him; Keystone itself misses the user first */
	assert_true(servers.status == 401 || servers.status == 404);
	gone_project = identity(b, CB_ADMIN, "DELETE", cb_format("/projects/%s", project), NULL);
	cb_assert_status(gone_project, 204);
	show = identity(b, CB_ADMIN, "GET", cb_format("/projects/%s", project), NULL);
	cb_assert_status(show, 404);
	again = identity(b, CB_ADMIN, "DELETE", cb_format("/users/%s", user), NULL);
	cb_assert_error(&again, 404, "error.message", cb_format("Could not find user: %s.", user));
}

static void test_people_refused(void **state)
{
	static const struct {
		const char *method, *path, *body, *action;
	} cases[] = {
		{ "POST", "/projects", "{\"project\":{\"name\":\"x\"}}", "create_project" },
		{ "POST", "/users", "{\"user\":{\"name\":\"x\",\"password\":\"y\"}}", "create_user" },
		{ "GET", "/users?name=x", NULL, "list_users" },
	};
	struct cb *b = *state;
	CB_ANSWER twice = { 0 }, user_twice = { 0 };

	for (size_t i = 0; i < DR_ARRAY_SIZE(cases); i++) {
		CB_ANSWER a = identity(b, CB_DOCTOR, cases[i].method, cases[i].path, cases[i].body);

		cb_assert_error(
			&a, 403, "error.message",
			cb_format("You are not authorized to perform the requested action: identity:%s.",
				  cases[i].action));
	}
	make_project(b, OWNER);
	make_user(b, OWNER, "secret");
	twice = identity(b, CB_ADMIN, "POST", "/projects", "{\"project\":{\"name\":\"" OWNER "\"}}");
	cb_assert_status(twice, 409);
	user_twice = identity(b, CB_ADMIN, "POST", "/users",
			      "{\"user\":{\"name\":\"" OWNER "\",\"password\":\"y\"}}");
	cb_assert_status(user_twice, 409);
	assert_string_equal(cb_text(&user_twice, "error.title"), "Conflict");
}

/* ---------------------------------------------------------------- flavors */

static struct cb_answer compute(struct cb *b, enum cb_who who, const char *method, const char *path,
				const char *body)
{
	return cb_call(b, who, "compute", method, CB_LATEST, path, body);
}

static bool flavor_listed(struct cb *b, const char *id)
{
	CB_ANSWER list = compute(b, CB_DOCTOR, "GET", "/flavors/detail", NULL);

	cb_assert_status(list, 200);
	for (const struct dr_json *f = dr_json_first(cb_at(&list, "flavors")); f; f = dr_json_next(f)) {
		if (!strcmp(dr_json_get_str(f, "id"), id))
			return dr_json_get_number(f, "ram", 0) == 128 &&
			       dr_json_get_number(f, "vcpus", 0) == 2;
	}
	return false;
}

static void test_flavors(void **state)
{
	static const char body[] = "{\"flavor\":{\"name\":\"" PREFIX
				   "flavor\",\"ram\":128,\"vcpus\":2,\"disk\":1}}";
	struct cb *b = *state;
	CB_ANSWER refused = compute(b, CB_DOCTOR, "POST", "/flavors", body);
	CB_ANSWER made = compute(b, CB_ADMIN, "POST", "/flavors", body), twice = { 0 }, gone = { 0 },
		  show = { 0 };
	const char *id;

	cb_assert_error(&refused, 403, "forbidden.message",
			"Policy doesn't allow os_compute_api:os-flavor-manage:create to be performed.");
	cb_assert_status(made, 200);
	id = cb_made(b, "compute", "/flavors", cb_text(&made, "flavor.id"));
	assert_string_equal(cb_text(&made, "flavor.name"), PREFIX "flavor");
	assert_true(cb_flag(&made, "flavor.os-flavor-access:is_public"));
	assert_true(flavor_listed(b, id));
	twice = compute(b, CB_ADMIN, "POST", "/flavors", body);
	cb_assert_error(&twice, 409, "conflictingRequest.message",
			"Flavor with name " PREFIX "flavor already exists.");
	gone = compute(b, CB_ADMIN, "DELETE", cb_format("/flavors/%s", id), NULL);
	cb_assert_status(gone, 202);
	assert_false(flavor_listed(b, id));
	show = compute(b, CB_DOCTOR, "GET", cb_format("/flavors/%s", id), NULL);
	cb_assert_error(&show, 404, "itemNotFound.message", cb_format("Flavor %s could not be found.", id));
}

/* ---------------------------------------------------------------- quota */

static int64_t limit_of(struct cb *b, const char *project)
{
	CB_ANSWER a = compute(b, CB_ADMIN, "GET", cb_format("/os-quota-sets/%s", project), NULL);
	int64_t n = 0;

	cb_assert_status(a, 200);
	assert_string_equal(cb_text(&a, "quota_set.id"), project);
	assert_int_equal(dr_json_get_i64(cb_at(&a, "quota_set"), "instances", &n), 0);
	return n;
}

static void test_quota(void **state)
{
	struct cb *b = *state;
	const char *project = make_project(b, OWNER), *path = cb_format("/os-quota-sets/%s", project);
	char kept[128];

	cb_copy(kept, sizeof(kept), path);
	CB_ANSWER refused = compute(b, CB_DOCTOR, "PUT", kept, "{\"quota_set\":{\"instances\":3}}");
	CB_ANSWER set = compute(b, CB_ADMIN, "PUT", kept,
				"{\"quota_set\":{\"instances\":3,\"cores\":5,\"ram\":640}}");
	CB_ANSWER unknown =
		compute(b, CB_ADMIN, "PUT", "/os-quota-sets/" UNKNOWN, "{\"quota_set\":{\"cores\":3}}");
	CB_ANSWER gone = { 0 };
	int64_t n = 0;

	cb_assert_error(&refused, 403, "forbidden.message",
			"Policy doesn't allow os_compute_api:os-quota-sets:update to be performed.");
	cb_assert_status(set, 200);
	assert_int_equal(dr_json_get_i64(cb_at(&set, "quota_set"), "cores", &n), 0);
	assert_int_equal(n, 5);
	assert_int_equal(limit_of(b, project), 3);
	cb_assert_error(&unknown, 400, "badRequest.message",
			"Project ID " UNKNOWN " is not a valid project.");
	gone = compute(b, CB_ADMIN, "DELETE", kept, NULL);
	cb_assert_status(gone, 202);
	assert_int_equal(limit_of(b, project), -1); /* as both clouds are configured */
}

/* ---------------------------------------------------------------- networks */

static struct cb_answer network(struct cb *b, const char *method, const char *path, const char *body)
{
	return cb_call(b, CB_DOCTOR, "network", method, 0, cb_format("/v2.0%s", path), body);
}

static struct cb_answer boot_there(struct cb *b, const char *network_id)
{
	return compute(b, CB_DOCTOR, "POST", "/servers",
		       cb_format("{\"server\":{\"name\":\"" PREFIX
				 "there\",\"flavorRef\":\"1\",\"imageRef\":\"%s\","
				 "\"networks\":[{\"uuid\":\"%s\"}]}}",
				 b->image_id, network_id));
}

static void delete_when_unused(struct cb *b, const char *id)
{
	struct dr_mono end = { 0 };

	for (;;) {
		CB_ANSWER a = network(b, "DELETE", cb_format("/networks/%s", id), NULL);

		if (a.status == 204)
			return;
		cb_assert_status(a, 409);
		cb_turn(b, &end, "an unused network");
	}
}

static void test_networks(void **state)
{
	struct cb *b = *state;
	CB_ANSWER made = network(b, "POST", "/networks", "{\"network\":{\"name\":\"" PREFIX "network\"}}");
	CB_ANSWER early = { 0 }, subnet = { 0 }, list = { 0 }, ports = { 0 }, used = { 0 }, boot = { 0 },
		  show = { 0 };
	const char *id, *server;

	cb_assert_status(made, 201);
	id = cb_made(b, "network", "/v2.0/networks", cb_text(&made, "network.id"));
	assert_string_equal(cb_text(&made, "network.project_id"), b->project_id[CB_DOCTOR]);
	assert_int_equal(dr_json_size(cb_at(&made, "network.subnets")), 0);
	early = boot_there(b, id);
	cb_assert_error(&early, 400, "badRequest.message",
			cb_format("Network %s requires a subnet in order to boot instances on.", id));
	subnet = network(b, "POST", "/subnets",
			 cb_format("{\"subnet\":{\"name\":\"s\",\"network_id\":\"%s\",\"ip_version\":4,"
				   "\"cidr\":\"192.168.28.0/22\",\"enable_dhcp\":false}}",
				   id));
	cb_assert_status(subnet, 201);
	assert_string_equal(cb_text(&subnet, "subnet.cidr"), "192.168.28.0/22");
	assert_string_equal(cb_text(&subnet, "subnet.gateway_ip"), "192.168.28.1");
	assert_string_equal(cb_text(&subnet, "subnet.network_id"), id);
	list = network(b, "GET", "/networks?name=" PREFIX "network", NULL);
	assert_int_equal(dr_json_size(cb_at(&list, "networks")), 1);
	assert_string_equal(cb_text(&list, "networks.0.subnets.0"), cb_text(&subnet, "subnet.id"));

	boot = boot_there(b, id);
	cb_assert_status(boot, 202);
	server = cb_made(b, "compute", "/servers", cb_text(&boot, "server.id"));
	cb_wait_status(b, server, "ACTIVE");
	ports = network(b, "GET", cb_format("/ports?device_id=%s", server), NULL);
	assert_string_equal(cb_text(&ports, "ports.0.network_id"), id);
	used = network(b, "DELETE", cb_format("/networks/%s", id), NULL);
	cb_assert_status(used, 409);
	assert_string_equal(cb_text(&used, "NeutronError.type"), "NetworkInUse");

	boot = (cb_answer_done(&boot),
		compute(b, CB_DOCTOR, "DELETE", cb_format("/servers/%s", server), NULL));
	cb_assert_status(boot, 204);
	delete_when_unused(b, id);
	show = network(b, "GET", cb_format("/networks/%s", id), NULL);
	cb_assert_status(show, 404);
}

/* ---------------------------------------------------------------- as doctor-test does it */

struct bench {
	struct sc_cloud *cloud;
	struct dr_cloud_conf account;
	struct sc_owner owner;
};

static void bench_done(struct bench *t)
{
	sc_cloud_free(t->cloud);
	dr_cloud_conf_done(&t->account);
}

/* A call that writes its `error`. */
#define OK(call)                                                                                             \
	do {                                                                                                 \
		int result = call;                                                                           \
		if (result)                                                                                  \
			fail_msg("%s: %d, %s", #call, result, error ? error : "?");                          \
	} while (0)

/* Everything of ours goes, also what a test that failed has left. */
static void remove_owner(struct bench *t)
{
	char *error = NULL;

	OK(sc_owner_find(t->cloud, TENANT, &t->owner, &error));
	OK(sc_owner_delete(t->cloud, &t->owner, &error));
	OK(sc_cloud_delete_flavors(t->cloud, PREFIX, &error));
}

static void wait_server(struct bench *t, const char *id, const char *status, struct sc_server *ret)
{
	struct dr_mono end = dr_mono_add(dr_mono_now(), dr_sec(60));
	int r = 0;

	while (r == 0 && dr_mono_before(dr_mono_now(), end)) {
		char *error = NULL;

		r = sc_cloud_server(t->cloud, SC_OWNER, id, ret, &error);
		assert_true(r >= 0);
		if (status && r == 0 && !strcmp(ret->status, status))
			return;
		nanosleep(&(struct timespec){ 0, 50000000 }, NULL);
	}
	if (status || r == 0)
		fail_msg("server %s is %s, not %s", id, r ? "gone" : ret->status, status ? status : "gone");
}

static void test_owner(void **state)
{
	struct cb *b = *state;
	DR_AUTO(bench_done) struct bench t = { 0 };
	struct sc_parts parts, found;
	struct sc_server s;
	char *error = NULL, id[64], denied[64];

	OK(sc_cloud_open(&b->conf[CB_ADMIN], &t.cloud, &error));
	remove_owner(&t);
	OK(sc_owner_find(t.cloud, TENANT, &t.owner, &error));
	assert_string_equal(t.owner.project, "");
	assert_string_equal(t.owner.user, "");
	assert_false(sc_cloud_has(t.cloud, SC_OWNER));
	OK(sc_owner_make(t.cloud, &b->conf[CB_ADMIN], TENANT, &t.owner, &t.account, &error));
	assert_true(t.owner.our_project && t.owner.our_user);
	assert_true(sc_cloud_has(t.cloud, SC_OWNER) && sc_cloud_has(t.cloud, SC_BOOTER));

	/* a project that is new has no network */
	assert_int_equal(sc_cloud_parts(t.cloud, NULL, NULL, &parts, &error), -ENOENT);
	free(error);
	error = NULL;
	OK(sc_cloud_parts(t.cloud, NULL, PREFIX, &parts, &error));
	assert_true(parts.made_network);
	assert_false(parts.made_flavor);
	OK(sc_cloud_parts(t.cloud, NULL, PREFIX, &found, &error));
	assert_false(found.made_network);
	assert_string_equal(found.network, parts.network);

	OK(sc_owner_set_quota(t.cloud, &t.owner, 1, &parts, &error));
	assert_int_equal(sc_cloud_room(t.cloud, &error), 1);
	OK(sc_cloud_boot(t.cloud, &parts, PREFIX "vm", "compute-2", id, &error));
	wait_server(&t, id, "ACTIVE", &s);
	assert_string_equal(s.host_status, "UP"); /* which its owner sees */
	OK(sc_cloud_server(t.cloud, SC_ADMIN, id, &s, &error));
	assert_string_equal(s.host, "compute-2");
	assert_int_equal(sc_cloud_room(t.cloud, &error), 0);
	assert_int_equal(sc_cloud_boot(t.cloud, &parts, PREFIX "vm", "compute-2", denied, &error),
			 -EREMOTEIO);
	if (!strstr(error, "Maximum number of ports exceeded"))
		fail_msg("%s", error);
	free(error);
	error = NULL;

	/* whoever finds them later takes them for his own: nobody knows the password any more */
	dr_cloud_conf_done(&t.account);
	OK(sc_owner_find(t.cloud, TENANT, &t.owner, &error));
	assert_true(t.owner.our_project && t.owner.our_user);
	OK(sc_owner_make(t.cloud, &b->conf[CB_ADMIN], TENANT, &t.owner, &t.account, &error));
	OK(sc_cloud_delete_server(t.cloud, id, &error));
	wait_server(&t, id, NULL, &s);
	OK(sc_cloud_delete_networks(t.cloud, PREFIX, &error));
	OK(sc_owner_delete(t.cloud, &t.owner, &error));
	OK(sc_owner_find(t.cloud, TENANT, &t.owner, &error));
	assert_string_equal(t.owner.project, "");
	assert_string_equal(t.owner.user, "");
}

/* Somebody else's is not touched. */
static void test_owner_found(void **state)
{
	struct cb *b = *state;
	DR_AUTO(bench_done) struct bench t = { 0 };
	char *error = NULL;

	OK(sc_cloud_open(&b->conf[CB_ADMIN], &t.cloud, &error));
	OK(sc_owner_find(t.cloud, "doctor", &t.owner, &error));
	assert_string_equal(t.owner.project, b->project_id[CB_DOCTOR]);
	assert_string_equal(t.owner.user, b->user_id[CB_DOCTOR]);
	assert_false(t.owner.our_project || t.owner.our_user);
	assert_int_equal(sc_owner_make(t.cloud, &b->conf[CB_ADMIN], "doctor", &t.owner, &t.account, &error),
			 -EEXIST);
	assert_non_null(strstr(error, "its password is not known"));
	free(error);
	OK(sc_owner_delete(t.cloud, &t.owner, &error));
	OK(sc_owner_find(t.cloud, "doctor", &t.owner, &error));
	assert_string_equal(t.owner.project, b->project_id[CB_DOCTOR]);
	OK(sc_owner_set_quota(t.cloud, &t.owner, 1, &(struct sc_parts){ .vcpus = 1 }, &error));
	assert_int_equal(limit_of(b, b->project_id[CB_DOCTOR]), -1);
}

/* A user who is missing is made in a project that is somebody's, and goes alone. */
static void test_owner_in_a_project_that_was_there(void **state)
{
	struct cb *b = *state;
	const char *project = make_project(b, OWNER);
	DR_AUTO(bench_done) struct bench t = { 0 };
	char *error = NULL;

	OK(sc_cloud_open(&b->conf[CB_ADMIN], &t.cloud, &error));
	OK(sc_owner_find(t.cloud, OWNER, &t.owner, &error));
	OK(sc_owner_make(t.cloud, &b->conf[CB_ADMIN], OWNER, &t.owner, &t.account, &error));
	assert_false(t.owner.our_project);
	assert_true(t.owner.our_user);
	assert_false(sc_cloud_has(t.cloud, SC_BOOTER));
	assert_string_equal(t.owner.project, project);
	OK(sc_owner_delete(t.cloud, &t.owner, &error));
	OK(sc_owner_find(t.cloud, OWNER, &t.owner, &error));
	assert_string_equal(t.owner.project, project);
	assert_string_equal(t.owner.user, "");
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		CB_TEST(test_people),
		CB_TEST(test_people_deleted),
		CB_TEST(test_people_refused),
		CB_TEST(test_flavors),
		CB_TEST(test_quota),
		CB_TEST(test_networks),
		CB_TEST(test_owner),
		CB_TEST(test_owner_found),
		CB_TEST(test_owner_in_a_project_that_was_there),
	};

	return cmocka_run_group_tests(tests, cb_setup, cb_teardown);
}
