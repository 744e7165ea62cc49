// SPDX-License-Identifier: Apache-2.0
/* Nova's notifications, the shortcut, and the map that is kept fresh by them: the pure part. */
#include <stdarg.h>
#include <stddef.h>
#include <setjmp.h>
#include <stdint.h>
#include <cmocka.h>
#include <string.h>

#include "doctor/buf.h"
#include "doctor/json.h"
#include "inspector/changes.h"
#include "tests/unit/recorded.h"

#define ID "8a2c1d7e-30b9-4c5f-9d0a-6f1c2b3a4d5e"

/* ---------------------------------------------------------------- reading */

/* As nova.notifications.base.info_from_instance() and oslo.messaging's notifier make them, shortened. */
#define UNVERSIONED(event, host, state)                                                                      \
	"{\"message_id\": \"m\", \"publisher_id\": \"compute.c1\", \"event_type\": "                         \
	"\"compute.instance." event                                                                          \
	"\", \"priority\": \"INFO\", \"payload\": {\"tenant_id\": \"p1\", \"user_id\": \"u\", "              \
	"\"instance_id\": \"" ID "\", \"display_name\": \"vm\", \"host\": " host                             \
	", \"node\": \"n1\", \"deleted_at\": \"\", \"state\": \"" state                                      \
	"\", \"state_description\": \"\"}, \"timestamp\": \"2026-11-22 14:03:21.710436\"}"

/* As nova.notifications.objects.instance makes them. */
#define VERSIONED(event, host, state, deleted_at)                                                            \
	"{\"event_type\": \"" event "\", \"payload\": {\"nova_object.data\": {\"uuid\": \"" ID               \
	"\", \"tenant_id\": \"p1\", \"host\": " host ", \"node\": \"n1\", \"state\": \"" state               \
	"\", \"deleted_at\": " deleted_at "}, \"nova_object.name\": \"InstanceActionPayload\", "             \
	"\"nova_object.namespace\": \"nova\", \"nova_object.version\": \"1.8\"}, \"priority\": \"INFO\", "   \
	"\"publisher_id\": \"nova-compute:c1\"}"

#define SERVICE(event, binary)                                                                               \
	"{\"event_type\": \"" event                                                                          \
	"\", \"payload\": {\"nova_object.data\": {\"host\": \"c1\", \"binary\": "                            \
	"\"" binary "\", \"forced_down\": true}, \"nova_object.name\": \"ServiceStatusPayload\"}}"

static const struct {
	const char *body;
	int want;
	const char *host, *state;
	bool deleted;
	int kind;
} parsed[] = {
	{ UNVERSIONED("update", "\"c1\"", "active"), 0, "c1", "active", false, INS_CHANGE_SERVER },
	{ UNVERSIONED("update", "\"c1\"", "error"), 0, "c1", "error", false, INS_CHANGE_SERVER },
	{ UNVERSIONED("update", "null", "building"), 0, "", "building", false, INS_CHANGE_SERVER },
	{ UNVERSIONED("update", "\"c1\"", "deleted"), 0, "c1", "deleted", true, INS_CHANGE_SERVER },
	{ UNVERSIONED("create.end", "\"c1\"", "active"), 0, "c1", "active", false, INS_CHANGE_SERVER },
	{ UNVERSIONED("create.start", "\"c1\"", "building"), 1, NULL, NULL, false, 0 },
	{ UNVERSIONED("create.error", "\"c1\"", "building"), 1, NULL, NULL, false, 0 },
	{ UNVERSIONED("resize.end", "\"c2\"", "active"), 0, "c2", "active", false, INS_CHANGE_SERVER },
	{ UNVERSIONED("finish_resize.end", "\"c2\"", "resized"), 0, "c2", "resized", false,
	  INS_CHANGE_SERVER },
	{ UNVERSIONED("resize.revert.end", "\"c1\"", "active"), 0, "c1", "active", false, INS_CHANGE_SERVER },
	{ UNVERSIONED("resize.prep.end", "\"c1\"", "active"), 1, NULL, NULL, false, 0 },
	{ UNVERSIONED("live_migration.post.dest.end", "\"c2\"", "active"), 0, "c2", "active", false,
	  INS_CHANGE_SERVER },
	/* the source, which says last and wrongly where it was */
	{ UNVERSIONED("live_migration._post.end", "\"c1\"", "active"), 1, NULL, NULL, false, 0 },
	{ UNVERSIONED("live_migration.pre.end", "\"c1\"", "active"), 1, NULL, NULL, false, 0 },
	{ UNVERSIONED("live_migration._rollback.end", "\"c1\"", "active"), 0, "c1", "active", false,
	  INS_CHANGE_SERVER },
	/* an evacuation, from the old host to the publisher */
	{ UNVERSIONED("rebuild.end", "\"c0\"", "active"), 0, "c1", "active", false, INS_CHANGE_SERVER },
	{ VERSIONED("instance.rebuild.end", "\"c0\"", "active", "null"), 0, "c1", "active", false,
	  INS_CHANGE_SERVER },
	{ "{\"event_type\": \"compute.instance.rebuild.end\", \"payload\": {\"host\": \"c1\", "
	  "\"instance_id\": "
	  "\"" ID "\"}}",
	  1, NULL, NULL, false, 0 },
	{ UNVERSIONED("shelve_offload.end", "null", "shelved_offloaded"), 0, "", "shelved_offloaded", false,
	  INS_CHANGE_SERVER },
	{ UNVERSIONED("unshelve.end", "\"c2\"", "active"), 0, "c2", "active", false, INS_CHANGE_SERVER },
	{ UNVERSIONED("delete.start", "\"c1\"", "active"), 1, NULL, NULL, false, 0 },
	{ UNVERSIONED("delete.end", "\"c1\"", "deleted"), 0, "c1", "deleted", true, INS_CHANGE_SERVER },
	{ UNVERSIONED("delete.end", "\"c1\"", "active"), 0, "c1", "active", true, INS_CHANGE_SERVER },
	{ UNVERSIONED("exists", "\"c1\"", "active"), 1, NULL, NULL, false, 0 },
	{ VERSIONED("instance.update", "\"c1\"", "error", "null"), 0, "c1", "error", false,
	  INS_CHANGE_SERVER },
	{ VERSIONED("instance.create.end", "\"c1\"", "active", "null"), 0, "c1", "active", false,
	  INS_CHANGE_SERVER },
	{ VERSIONED("instance.create.start", "\"c1\"", "building", "null"), 1, NULL, NULL, false, 0 },
	{ VERSIONED("instance.delete.end", "\"c1\"", "deleted", "\"2026-11-22T14:03:21Z\""), 0, "c1",
	  "deleted", true, INS_CHANGE_SERVER },
	{ VERSIONED("instance.update", "\"c1\"", "active", "\"2026-11-22T14:03:21Z\""), 0, "c1", "active",
	  true, INS_CHANGE_SERVER },
	{ VERSIONED("instance.resize_finish.end", "\"c2\"", "resized", "null"), 0, "c2", "resized", false,
	  INS_CHANGE_SERVER },
	{ VERSIONED("instance.live_migration_post_dest.end", "\"c2\"", "active", "null"), 0, "c2", "active",
	  false, INS_CHANGE_SERVER },
	{ VERSIONED("instance.live_migration_post.end", "\"c1\"", "active", "null"), 1, NULL, NULL, false,
	  0 },
	{ VERSIONED("instance.shelve_offload.end", "null", "shelved_offloaded", "null"), 0, "",
	  "shelved_offloaded", false, INS_CHANGE_SERVER },
	{ VERSIONED("keypair.create.end", "null", "", "null"), 1, NULL, NULL, false, 0 },
	{ SERVICE("service.update", "nova-compute"), 0, "c1", "", false, INS_CHANGE_SERVICE },
	{ SERVICE("service.create", "nova-compute"), 0, "c1", "", false, INS_CHANGE_SERVICE },
	{ SERVICE("service.update", "nova-scheduler"), 1, NULL, NULL, false, 0 },
	/* the shortcut, by us or another: no host in it */
	{ "{\"event_type\": \"compute.instance.update\", \"payload\": {\"tenant_id\": \"p1\", "
	  "\"instance_id\": \"" ID "\", \"state\": \"error\"}}",
	  1, NULL, NULL, false, 0 },
	{ "{\"event_type\": \"compute.instance.update\", \"payload\": {\"host\": \"c1\", \"instance_id\": "
	  "\"../x\"}}",
	  -EBADMSG, NULL, NULL, false, 0 },
	{ "{\"event_type\": \"compute.instance.update\", \"payload\": {\"host\": 7, \"instance_id\": \"" ID
	  "\"}}",
	  -EBADMSG, NULL, NULL, false, 0 },
	{ "{\"event_type\": \"compute.instance.update\", \"payload\": []}", -EBADMSG, NULL, NULL, false, 0 },
	{ "{\"event_type\": \"instance.update\", \"payload\": {}}", 1, NULL, NULL, false, 0 },
	{ "{\"payload\": {}}", -EBADMSG, NULL, NULL, false, 0 },
	{ "[]", -EBADMSG, NULL, NULL, false, 0 },
	{ "{\"oslo.version\": \"2.0\", \"oslo.message\": \"{\"}", -EBADMSG, NULL, NULL, false, 0 },
	{ "{\"oslo.version\": \"2.0\", \"oslo.message\": \"\"}", -EBADMSG, NULL, NULL, false, 0 },
	{ "", -EBADMSG, NULL, NULL, false, 0 },
};

static void check(size_t i, const char *body)
{
	struct ins_change c, untouched;
	int r;

	memset(&c, 'x', sizeof(c));
	untouched = c;
	r = ins_notification_parse(body, strlen(body), &c);
	if (r != parsed[i].want)
		fail_msg("%s: %d instead of %d", body, r, parsed[i].want);
	if (r) {
		assert_memory_equal(&c, &untouched, sizeof(c));
		return;
	}
	if (strcmp(c.host, parsed[i].host) || strcmp(c.state, parsed[i].state) ||
	    c.deleted != parsed[i].deleted || (int)c.kind != parsed[i].kind)
		fail_msg("%s: host \"%s\" state \"%s\" deleted %d", body, c.host, c.state, c.deleted);
	if (c.kind == INS_CHANGE_SERVER) {
		assert_string_equal(c.server, ID);
		assert_string_equal(c.project, "p1");
	}
}

/* Each as it is, and in oslo.messaging's envelope. */
static void test_parse(void **state)
{
	for (size_t i = 0; i < DR_ARRAY_SIZE(parsed); i++) {
		DR_AUTO_JSON struct dr_json *o = dr_json_object();
		DR_AUTO_FREE char *wrapped = NULL;

		check(i, parsed[i].body);
		if (strstr(parsed[i].body, "oslo"))
			continue;
		dr_json_add_str(o, "oslo.version", "2.0");
		dr_json_add_str(o, "oslo.message", parsed[i].body);
		wrapped = dr_json_print(o);
		check(i, wrapped);
	}
}

/* As Nova 26 sent them. */
static void test_recorded(void **state)
{
	static const struct {
		const char *name, *server, *host;
	} cases[] = {
		{ "notification", "6b81ba50-a668-44ed-968b-2d261e29a002", "compute-2" },
		{ "notification_evacuated", "1dca791a-", "compute-2" },
	};

	for (size_t i = 0; i < DR_ARRAY_SIZE(cases); i++) {
		DR_AUTO_JSON struct dr_json *o = recorded(cases[i].name);
		DR_AUTO_FREE char *body = dr_json_print(o);
		struct ins_change c;

		assert_int_equal(ins_notification_parse(body, strlen(body), &c), 0);
		assert_int_equal(c.kind, INS_CHANGE_SERVER);
		assert_memory_equal(c.server, cases[i].server, strlen(cases[i].server));
		assert_string_equal(c.host, cases[i].host);
		assert_string_equal(c.project, "0d8c7cca78dc499ca98aa634fdd6e051");
		assert_string_equal(c.state, "active");
		assert_false(c.deleted);
	}
}

/* Of a body that ends too early nothing is believed. */
static void test_truncated(void **state)
{
	static const char body[] = UNVERSIONED("update", "\"c1\"", "active");
	struct ins_change c;

	for (size_t len = 0; len < strlen(body); len++)
		assert_int_equal(ins_notification_parse(body, len, &c), -EBADMSG);
}

static void test_long(void **state)
{
	char name[400], body[1024];
	struct ins_change c;

	memset(name, 'h', sizeof(name));
	for (size_t len = 255; len <= 256; len++) {
		snprintf(
			body, sizeof(body),
			"{\"event_type\": \"compute.instance.update\", \"payload\": {\"instance_id\": \"i\", "
			"\"host\": \"%.*s\"}}",
			(int)len, name);
		assert_int_equal(ins_notification_parse(body, strlen(body), &c), len > 255 ? -EBADMSG : 0);
	}
}

/* No state is taken from a notification that the map has no room for: its server would be on no host. */
static void test_long_state(void **state)
{
	static const struct ins_host host = { .name = "c1" };
	DR_AUTO(ins_map_freep) struct ins_map *m = ins_map_new();
	char name[] = "hhhhhhhhhhhhhhhhhhhhhhhh", body[1024];
	struct ins_change c;

	assert_non_null(m);
	assert_int_equal(ins_map_add_host(m, &host), 0);
	for (int len = 1; len <= (int)strlen(name); len++) {
		snprintf(
			body, sizeof(body),
			"{\"event_type\": \"compute.instance.update\", \"payload\": {\"instance_id\": \"i\", "
			"\"host\": \"c1\", \"state\": \"%.*s\"}}",
			len, name);
		if (ins_notification_parse(body, strlen(body), &c))
			assert_true(len > (int)strlen("shelved_offloaded"));
		else
			assert_int_equal(ins_change_make(&c, m, true), 0);
		assert_int_equal(m->vm_count, 1);
	}
}

/* ---------------------------------------------------------------- the shortcut */

static const struct ins_notice notice = {
	.message_id = "0f4e1a2b-3c4d-4e5f-8a9b-0c1d2e3f4a5b",
	.host = "compute-1",
	.project_id = "p1",
	.server_id = ID,
	.state = "error",
	.when = { 1795356201710436000 },
};

static const char plain[] =
	"{\"message_id\":\"0f4e1a2b-3c4d-4e5f-8a9b-0c1d2e3f4a5b\",\"publisher_id\":\"compute.compute-1\","
	"\"event_type\":\"compute.instance.update\",\"priority\":\"INFO\",\"payload\":{\"tenant_id\":\"p1\","
	"\"instance_id\":\"" ID "\",\"state\":\"error\"},\"timestamp\":\"2026-11-22 14:03:21.710436\","
	"\"_unique_id\":\"0f4e1a2b3c4d4e5f8a9b0c1d2e3f4a5b\"}";

static void test_notice(void **state)
{
	DR_AUTO_FREE char *body = NULL, *wrapped = NULL, *other = NULL;
	DR_AUTO_JSON struct dr_json *o = NULL;
	struct ins_notice n = notice;

	assert_int_equal(ins_notice_body(&notice, false, &body), 0);
	assert_string_equal(body, plain);
	assert_int_equal(ins_notice_body(&notice, true, &wrapped), 0);
	assert_int_equal(dr_json_parse(wrapped, strlen(wrapped), &o, NULL), 0);
	assert_int_equal(dr_json_size(o), 2);
	assert_string_equal(dr_json_get_str(o, "oslo.version"), "2.0");
	assert_string_equal(dr_json_get_str(o, "oslo.message"), plain);

	n.event_type = "compute.instance.other";
	assert_int_equal(ins_notice_body(&n, false, &other), 0);
	assert_non_null(strstr(other, "\"event_type\":\"compute.instance.other\""));
}

static void test_notice_id(void **state)
{
	static const char *const bad[] = { "",
					   "x",
					   "0f4e1a2b3c4d4e5f8a9b0c1d2e3f4a5b",
					   "0f4e1a2b-3c4d-4e5f-8a9b-0c1d2e3f4a5g",
					   "0f4e1a2b-3c4d-4e5f-8a9b00c1d2e3f4a5b",
					   "0f4e1a2b-3c4d-4e5f-8a9b-0c1d2e3f4a5b0" };
	struct ins_notice n = notice;
	char *body = NULL;

	for (size_t i = 0; i < DR_ARRAY_SIZE(bad); i++) {
		n.message_id = bad[i];
		assert_int_equal(ins_notice_body(&n, false, &body), -EINVAL);
		assert_null(body);
	}
}

/* ---------------------------------------------------------------- the map */

static struct ins_map *map_of(const char *const hosts[])
{
	struct ins_map *m = ins_map_new();

	for (size_t i = 0; hosts[i]; i++) {
		struct ins_host h = {};

		snprintf(h.name, sizeof(h.name), "%s", hosts[i]);
		assert_int_equal(ins_map_add_host(m, &h), 0);
	}
	ins_map_sort(m);
	return m;
}

/* "a:1,2 b:3" as it is; servers in their order on the host. */
static void assert_map(const struct ins_map *m, const char *want)
{
	DR_AUTO_BUF struct dr_buf b = {};
	size_t count = 0;

	for (size_t i = 0; i < m->count; i++) {
		const struct ins_vms *v = &m->hosts[i].vms;

		dr_buf_printf(&b, "%s%s:", i ? " " : "", m->hosts[i].name);
		for (size_t n = 0; n < v->count; n++)
			dr_buf_printf(&b, "%s%s%s", n ? "," : "", v->items[n].id,
				      !strcmp(v->items[n].state, "error") ? "!" : "");
		count += v->count;
	}
	assert_string_equal(dr_buf_str(&b), want);
	assert_int_equal(m->vm_count, count);
}

static const char *const two[] = { "a", "b", NULL };

static void test_put(void **state)
{
	DR_AUTO(ins_map_freep) struct ins_map *m = map_of(two);
	char id[80] = "";

	assert_int_equal(ins_map_put(m, "a", "1", "p", "active"), 0);
	assert_int_equal(ins_map_put(m, "a", "2", "p", "active"), 0);
	assert_int_equal(ins_map_put(m, "b", "3", "p", "active"), 0);
	assert_map(m, "a:1,2 b:3");
	assert_int_equal(ins_map_put(m, "a", "1", "p2", "error"), 0); /* as it is now */
	assert_map(m, "a:1!,2 b:3");
	assert_string_equal(ins_map_vm(m, NULL, "1")->project, "p2");
	assert_int_equal(ins_map_put(m, "b", "1", "p2", "active"), 0); /* moved */
	assert_map(m, "a:2 b:3,1");
	assert_int_equal(ins_map_put(m, "nowhere", "3", "p", "active"), 1);
	assert_map(m, "a:2 b:1");
	assert_int_equal(ins_map_put(m, "nowhere", "9", "p", "active"), 1);
	memset(id, 'x', 70);
	assert_int_equal(ins_map_put(m, "a", id, "p", "active"), -EINVAL);
	assert_int_equal(ins_map_put(m, "a", "4", id, "active"), -EINVAL);
	assert_map(m, "a:2 b:1");
	assert_null(ins_map_vm(m, "a", "9"));
	assert_string_equal(ins_map_vm(m, "a", "1")->id, "1");

	assert_true(ins_map_drop(m, "a", "1")); /* said to be elsewhere */
	assert_false(ins_map_drop(m, "b", "1"));
	assert_true(ins_map_drop(m, NULL, "2"));
	assert_map(m, "a: b:");
}

static struct ins_change change(const char *server, const char *host, const char *vm_state, bool deleted)
{
	struct ins_change c = { .kind = INS_CHANGE_SERVER, .deleted = deleted };

	snprintf(c.server, sizeof(c.server), "%s", server);
	snprintf(c.project, sizeof(c.project), "p");
	snprintf(c.host, sizeof(c.host), "%s", host);
	snprintf(c.state, sizeof(c.state), "%s", vm_state);
	return c;
}

static void test_changes(void **state)
{
	DR_AUTO(ins_map_freep) struct ins_map *m = map_of(two);
	DR_AUTO(ins_changes_done) struct ins_changes kept = {};
	const struct ins_change service = { .kind = INS_CHANGE_SERVICE, .host = "a" };
	struct ins_change c;

	/* a page had 1 on a; then it moved to b, 2 came, 3 was deleted, 4 went away, 5 failed */
	assert_int_equal(ins_map_add_vm(m, "a", "1", "p", false), 0);
	assert_int_equal(ins_map_add_vm(m, "b", "1", "p", false), 0); /* on a later page */
	assert_int_equal(ins_map_add_vm(m, "a", "3", "p", false), 0);
	assert_int_equal(ins_map_add_vm(m, "a", "4", "p", false), 0);
	assert_int_equal(ins_map_add_vm(m, "a", "5", "p", false), 0);
	c = change("1", "b", "active", false), ins_changes_keep(&kept, &c);
	c = change("2", "a", "building", false), ins_changes_keep(&kept, &c);
	c = change("2", "b", "active", false), ins_changes_keep(&kept, &c);
	c = change("3", "a", "deleted", true), ins_changes_keep(&kept, &c);
	c = change("4", "", "shelved_offloaded", false), ins_changes_keep(&kept, &c);
	c = change("5", "a", "error", false), ins_changes_keep(&kept, &c);
	c = change("6", "new", "active", false), ins_changes_keep(&kept, &c);
	ins_changes_keep(&kept, &service);
	assert_int_equal(ins_changes_make(&kept, m), 0);
	assert_map(m, "a:5! b:1,2");
	assert_int_equal(ins_changes_make(&kept, m), 0); /* again is the same */
	assert_int_equal(m->vm_count, 3);
	assert_true(ins_changes_name(&kept, "new"));
	assert_false(ins_changes_name(&kept, "c"));
	c = change("6", "new", "active", false);
	assert_int_equal(ins_change_make(&c, m, false), 1);
}

static void test_changes_bounded(void **state)
{
	DR_AUTO(ins_changes_done) struct ins_changes kept = {};
	const struct ins_change c = change("1", "a", "active", false);

	for (int n = 0; n < INS_CHANGES_MAX; n++)
		ins_changes_keep(&kept, &c);
	assert_false(kept.lost);
	ins_changes_keep(&kept, &c);
	assert_true(kept.lost);
	assert_int_equal(kept.count, INS_CHANGES_MAX);
	ins_changes_clear(&kept);
	assert_false(kept.lost);
	assert_int_equal(kept.count, 0);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(test_parse),	   cmocka_unit_test(test_recorded),
		cmocka_unit_test(test_truncated),  cmocka_unit_test(test_long),
		cmocka_unit_test(test_long_state), cmocka_unit_test(test_notice),
		cmocka_unit_test(test_notice_id),  cmocka_unit_test(test_put),
		cmocka_unit_test(test_changes),	   cmocka_unit_test(test_changes_bounded),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
