// SPDX-License-Identifier: Apache-2.0
/* The bus of the inspector: its settings, the map that it keeps fresh, the shortcut, with a real RabbitMQ. */
#include "inspector/bus.h"
#include "tests/unit/broker.h"
#include "tests/unit/inspector_world.h"

static struct broker broker;

/* ---------------------------------------------------------------- settings */

static void read_bus(const char *text, struct ins_config *ret, char *errors, size_t size)
{
	DR_AUTO(dr_conf_freep) struct dr_conf *f = NULL;

	errors[0] = '\0';
	assert_int_equal(dr_conf_parse("f", text, strlen(text), &f), 0);
	assert_int_equal(ins_config_read(f, ret), 0);
	for (size_t i = 0; i < dr_conf_error_count(f); i++) {
		size_t len = strlen(errors);

		snprintf(errors + len, size - len, "%s\n", dr_conf_error_text(f, i));
	}
}

/* The sample shows every default, and a file without the section means the same. */
static void test_defaults(void **state)
{
	DR_AUTO(dr_conf_freep) struct dr_conf *sample = NULL;

	assert_int_equal(dr_conf_load("etc/doctor-inspector.yaml", &sample), 0);
	for (int n = 0; n < 2; n++) {
		DR_AUTO(ins_config_done) struct ins_config c = {};
		char errors[1024] = "";

		if (n)
			read_bus("listen: 127.0.0.1:1", &c, errors, sizeof(errors));
		else
			assert_int_equal(ins_config_read(sample, &c), 0);
		assert_string_equal(errors, "");
		assert_int_equal(c.bus.host_count, 0);
		assert_string_equal(c.bus.vhost, "/");
		assert_null(c.bus.user);
		assert_string_equal(c.bus.exchange, "nova");
		assert_int_equal(c.bus.topic_count, 1);
		assert_string_equal(c.bus.topics[0], "notifications");
		assert_true(c.bus.listen);
		assert_false(c.bus.tls || c.bus.durable);
		assert_int_equal(c.bus.shortcut, INS_SHORTCUT_OFF);
		assert_int_equal(c.bus.timeout.ns, dr_sec(5).ns);
	}
	assert_int_equal(dr_conf_error_count(sample), 0);
}

static void test_all_settings(void **state)
{
	DR_AUTO(ins_config_done) struct ins_config c = {};
	char errors[1024];

	read_bus("bus:\n  hosts: [rabbit-1, 'rabbit-2:5000', '[2001:db8::1]:5001', '2001:db8::2']\n"
		 "  vhost: cloud\n  user: doctor\n  password_file: /etc/secret\n  tls: true\n  ca_file: "
		 "/etc/ca\n"
		 "  exchange: nova2\n  durable: true\n  topics: [notifications, versioned_notifications]\n"
		 "  listen: false\n  shortcut: beside\n  timeout: 2s\n",
		 &c, errors, sizeof(errors));
	assert_string_equal(errors, "");
	assert_int_equal(c.bus.host_count, 4);
	assert_string_equal(c.bus.hosts[0].name, "rabbit-1");
	assert_int_equal(c.bus.hosts[0].port, 5671);
	assert_string_equal(c.bus.hosts[1].name, "rabbit-2");
	assert_int_equal(c.bus.hosts[1].port, 5000);
	assert_string_equal(c.bus.hosts[2].name, "2001:db8::1");
	assert_int_equal(c.bus.hosts[2].port, 5001);
	assert_string_equal(c.bus.hosts[3].name, "2001:db8::2");
	assert_string_equal(c.bus.vhost, "cloud");
	assert_string_equal(c.bus.user, "doctor");
	assert_string_equal(c.bus.password_file, "/etc/secret");
	assert_string_equal(c.bus.ca_file, "/etc/ca");
	assert_string_equal(c.bus.topics[1], "versioned_notifications");
	assert_int_equal(c.bus.topic_count, 2);
	assert_true(c.bus.tls && c.bus.durable && !c.bus.listen);
	assert_int_equal(c.bus.shortcut, INS_SHORTCUT_BESIDE);
	assert_int_equal(c.bus.timeout.ns, dr_sec(2).ns);
}

static void test_wrong_settings(void **state)
{
	static const struct {
		const char *text, *want;
	} cases[] = {
		{ "bus: {shortcut: before}", "bus.shortcut: needs hosts" },
		{ "bus: {shortcut: often}", "bus.shortcut" },
		{ "bus: {hosts: [a], password: x}", "has hosts and no user" },
		{ "bus: {hosts: [a], user: x}", "has hosts and no password_file" },
		{ "bus: {hosts: [a], user: u, password: secret, password_file: f}", "are both given" },
		{ "bus: {hosts: [a], user: u, password: x, ca_file: f}", "bus.ca_file: is for tls: true" },
		{ "bus: {hosts: ['a:0'], user: u, password: x}", "bus.hosts[0]: \"a:0\" is no host" },
		{ "bus: {hosts: [b, 'a:65536'], user: u, password: x}", "bus.hosts[1]" },
		{ "bus: {hosts: ['a:'], user: u, password: x}", "bus.hosts[0]" },
		{ "bus: {hosts: ['a:+1'], user: u, password: x}", "bus.hosts[0]" },
		{ "bus: {hosts: ['[::1'], user: u, password: x}", "bus.hosts[0]" },
		{ "bus: {hosts: [')::1]:5672'], user: u, password: x}", "bus.hosts[0]" },
		{ "bus: {hosts: ['u@a'], user: u, password: x}", "bus.hosts[0]" },
		{ "bus: {hosts: [':1'], user: u, password: x}", "bus.hosts[0]" },
		{ "bus: {hosts: ['[::1]x'], user: u, password: x}", "bus.hosts[0]" },
		{ "bus: {hosts: [{}], user: u, password: x}", "bus.hosts[0]" },
		{ "bus: {hosts: [1,2,3,4,5,6,7,8,9,10,11,12,13,14,15,16,17]}", "more than 16 hosts" },
		{ "bus: {topics: []}", "has 0 topics" },
		{ "bus: {topics: [a,b,c,d,e,f,g,h,i]}", "has 9 topics" },
		{ "bus: {topics: ['a.*']}", "bus.topics[0]: is no topic" },
		{ "bus: {hots: [a]}", "hots" },
	};

	for (size_t i = 0; i < DR_ARRAY_SIZE(cases); i++) {
		DR_AUTO(ins_config_done) struct ins_config c = {};
		char errors[1024];

		read_bus(cases[i].text, &c, errors, sizeof(errors));
		if (!strstr(errors, cases[i].want))
			fail_msg("%s: \"%s\" instead of \"%s\"", cases[i].text, errors, cases[i].want);
		assert_null(strstr(errors, "secret"));
	}
}

/* ---------------------------------------------------------------- the map and the rounds */

static struct ins_change change(const char *server, const char *host, bool deleted)
{
	struct ins_change c = { .kind = INS_CHANGE_SERVER, .state = "active", .deleted = deleted };

	snprintf(c.server, sizeof(c.server), "%s", server);
	snprintf(c.host, sizeof(c.host), "%s", host);
	return c;
}

static bool is_on(const struct world *w, const char *host, const char *server)
{
	const struct ins_host *h = ins_map_get(ins_nova_map(w->nova), host);

	return h && ins_vms_get(&h->vms, server);
}

static void test_projects(void **state)
{
	struct world *w = *state;

	assert_string_equal(ins_map_vm(ins_nova_map(w->nova), "compute-1", "vm-1")->project, "p-vm-1");
	assert_string_equal(ins_map_vm(ins_nova_map(w->nova), NULL, "vm-3")->project, "p-vm-3");
}

/* What comes while pages are read is in the map that they make, although the pages are older. */
static void test_change_in_round(void **state)
{
	struct world *w = *state;
	const struct ins_change moved = change("vm-1", "compute-2", false), gone = change("vm-2", "", false),
				born = change("vm-9", "compute-1", false),
				dead = change("vm-3", "compute-2", true);

	ins_nova_change(w->nova, &moved); /* nothing was read yet: nothing to do */
	w->nova_api->page = 2;
	fake_rule(w->nova_api, "GET", "/servers/detail", 0, 1);
	world_begin(w);
	wait_for(w, w->nova_api->held_count == 1);
	ins_nova_change(w->nova, &moved);
	ins_nova_change(w->nova, &born);
	assert_true(fake_release(w->nova_api)); /* with vm-1 and vm-2 where they were */
	ins_nova_change(w->nova, &gone);
	ins_nova_change(w->nova, &dead);
	wait_for(w, w->started);
	assert_true(is_on(w, "compute-2", "vm-1"));
	assert_false(is_on(w, "compute-1", "vm-1"));
	assert_true(is_on(w, "compute-1", "vm-9"));
	assert_false(is_on(w, "compute-1", "vm-2"));
	assert_false(is_on(w, "compute-2", "vm-3"));
	assert_int_equal(ins_nova_map(w->nova)->vm_count, 2);
}

/* A host that registered after the last reading: the computes are read, and its server is on it. */
static void test_new_host(void **state)
{
	struct world *w = *state;
	const struct ins_change born = change("vm-9", "compute-3", false),
				other = change("vm-8", "compute-3", false),
				nowhere = change("vm-7", "compute-4", false);
	size_t readings = fake_count(w->nova_api, "GET /os-services");

	fake_add_host(w->nova_api, "compute-3", "svc-3");
	ins_nova_change(w->nova, &born);
	ins_nova_change(w->nova, &nowhere);
	ins_nova_change(w->nova, &other);
	wait_for(w, is_on(w, "compute-3", "vm-9"));
	assert_true(is_on(w, "compute-3", "vm-8"));
	assert_null(ins_map_vm(ins_nova_map(w->nova), NULL, "vm-7"));

	/* one that stays unknown is asked for once, until all is read again */
	ins_nova_change(w->nova, &nowhere);
	world_turn(w, 20);
	assert_in_range(fake_count(w->nova_api, "GET /os-services") - readings, 1, 2);
}

static void test_service(void **state)
{
	struct world *w = *state;
	const struct ins_change c = { .kind = INS_CHANGE_SERVICE, .host = "compute-1" };

	w->nova_api->hosts[0].disabled = true;
	ins_nova_change(w->nova, &c);
	wait_for(w, ins_map_get(ins_nova_map(w->nova), "compute-1")->disabled);
}

/* ---------------------------------------------------------------- with the broker */

static struct ins_bus_conf conf_of(struct dr_amqp_host *host, bool listen)
{
	struct ins_bus_conf c = { .hosts = host,
				  .host_count = 1,
				  .vhost = (char *)"/",
				  .user = (char *)BROKER_USER,
				  .password = (char *)BROKER_PASSWORD,
				  .exchange = (char *)"nova",
				  .topics = { (char *)"notifications", (char *)"versioned_notifications" },
				  .topic_count = 2,
				  .listen = listen,
				  .timeout = dr_sec(30) };

	*host = (struct dr_amqp_host){ "127.0.0.1", broker.port };
	return c;
}

static bool says(const struct ins_bus *b, const char *key)
{
	DR_AUTO_JSON struct dr_json *o = ins_bus_json(b);

	return dr_json_get_bool(o, key, false);
}

static int64_t number(const struct ins_bus *b, const char *key)
{
	DR_AUTO_JSON struct dr_json *o = ins_bus_json(b);
	int64_t n = -1;

	return dr_json_get_i64(o, key, &n) ? -1 : n;
}

static void on_sent(int error, const char *text, void *userdata)
{
	int *ret = userdata;

	assert_int_equal(*ret, 1);
	*ret = error;
}

static int send_notice(struct world *w, struct ins_bus *b, int *ret)
{
	const struct ins_notice n = { .message_id = "0f4e1a2b-3c4d-4e5f-8a9b-0c1d2e3f4a5b",
				      .host = "compute-1",
				      .project_id = "p",
				      .server_id = "vm-1",
				      .state = "error",
				      .when = dr_wall_now() };
	int r;

	*ret = 1;
	r = ins_bus_send(b, &n, on_sent, ret);
	if (!r)
		wait_for(w, *ret != 1);
	return r;
}

static void publish(struct world *w, struct dr_amqp *a, const char *key, const char *body)
{
	const struct dr_amqp_message m = { "nova", key, body, strlen(body), dr_sec(30) };
	int result = 1;

	assert_int_equal(dr_amqp_publish(a, &m, on_sent, &result), 0);
	wait_for(w, result != 1);
	assert_int_equal(result, 0);
}

static void test_listen(void **state)
{
	struct world *w = *state;
	struct dr_amqp_host host;
	const struct ins_bus_conf c = conf_of(&host, true);
	const struct dr_amqp_conf nova = {
		.hosts = &host, .host_count = 1, .user = BROKER_USER, .password = BROKER_PASSWORD
	};
	DR_AUTO(dr_amqp_freep) struct dr_amqp *a = NULL;
	DR_AUTO(ins_bus_freep) struct ins_bus *b = NULL;
	int result;

	assert_int_equal(ins_bus_new(w->loop, &c, w->nova, &b), 0);
	assert_int_equal(dr_amqp_new(w->loop, &nova, &a), 0);
	wait_for(w, says(b, "listening"));
	assert_true(says(b, "connected"));
	publish(w, a, "notifications.info",
		"{\"event_type\": \"compute.instance.live_migration.post.dest.end\", \"payload\": {\"host\": "
		"\"compute-2\", \"instance_id\": \"vm-1\", \"tenant_id\": \"p\", \"state\": \"active\"}}");
	wait_for(w, is_on(w, "compute-2", "vm-1"));
	assert_false(is_on(w, "compute-1", "vm-1"));
	publish(w, a, "versioned_notifications.info",
		"{\"event_type\": \"instance.delete.end\", \"payload\": {\"nova_object.data\": {\"host\": "
		"\"compute-1\", \"uuid\": \"vm-2\", \"tenant_id\": \"p\", \"state\": \"deleted\"}}}");
	wait_for(w, !is_on(w, "compute-1", "vm-2"));
	publish(w, a, "notifications.info", "no JSON");
	wait_for(w, number(b, "unreadable") == 1);

	/* the shortcut is routed, as we hear it ourselves, and changes nothing in the map */
	assert_int_equal(send_notice(w, b, &result), 0);
	assert_int_equal(result, 0);
	wait_for(w, number(b, "heard") == 4);
	assert_string_not_equal(ins_map_vm(ins_nova_map(w->nova), NULL, "vm-1")->state, "error");
	assert_int_equal(number(b, "changes"), 2);
	assert_int_equal(number(b, "sent"), 1);
}

/* An exchange that nobody listens on: the caller is told. */
static void test_nobody_listens(void **state)
{
	struct world *w = *state;
	struct dr_amqp_host host;
	struct ins_bus_conf c = conf_of(&host, false);
	DR_AUTO(ins_bus_freep) struct ins_bus *b = NULL;
	int result;

	c.exchange = (char *)"openstack";
	assert_int_equal(ins_bus_new(w->loop, &c, w->nova, &b), 0);
	assert_int_equal(send_notice(w, b, &result), 0);
	assert_int_equal(result, -ENXIO);
	assert_int_equal(number(b, "unrouted"), 1);
	assert_false(says(b, "listening"));
}

static void test_no_bus(void **state)
{
	struct world *w = *state;
	DR_AUTO(ins_bus_freep) struct ins_bus *b = NULL;
	int result;

	assert_int_equal(ins_bus_new(w->loop, &w->config.bus, w->nova, &b), 0);
	assert_int_equal(send_notice(w, b, &result), -ENODEV);
	assert_int_equal(result, 1);
	assert_null(ins_bus_json(b));
}

static int start(void **state)
{
	broker_init(&broker);
	return 0;
}

static int stop(void **state)
{
	broker_done(&broker);
	return 0;
}

#define WORLD(fn) cmocka_unit_test_setup_teardown(fn, world_setup, world_teardown)

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(test_defaults),
		cmocka_unit_test(test_all_settings),
		cmocka_unit_test(test_wrong_settings),
		WORLD(test_projects),
		cmocka_unit_test_setup_teardown(test_change_in_round, world_setup_cold, world_teardown),
		WORLD(test_new_host),
		WORLD(test_service),
		WORLD(test_listen),
		WORLD(test_nobody_listens),
		WORLD(test_no_bus),
	};

	return cmocka_run_group_tests(tests, start, stop);
}
