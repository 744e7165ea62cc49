// SPDX-License-Identifier: Apache-2.0
/* Which faults matter how much, and what is done about them: the settings, and the inspector whole. */
#include "inspector/policy.h"
#include "tests/unit/inspector_world.h"

#define ALL (INS_DO_FENCE | INS_DO_FORCE_DOWN | INS_DO_RESET | INS_DO_PORTS | INS_DO_NOTIFY)

#define EVENT(type, subject, more)                                                                           \
	"[{\"type\": \"" type "\", \"details\": {\"hostname\": \"compute-1\", \"interface\": \"" subject     \
	"\", \"monitor\": \"m1\"" more "}}]"
#define NIC(card) EVENT("compute.host.nic.error", card, "")
#define NIC_OVER(card) EVENT("compute.host.nic.error", card, ", \"cleared\": true")

/* ---------------------------------------------------------------- settings */

static void read_faults(const char *text, struct ins_policies *ret, char *errors, size_t size)
{
	DR_AUTO(dr_conf_freep) struct dr_conf *f = NULL;

	errors[0] = '\0';
	assert_int_equal(dr_conf_parse("f", text, strlen(text), &f), 0);
	assert_int_equal(ins_policies_read(f, dr_conf_root(f), ret), 0);
	for (size_t i = 0; i < dr_conf_error_count(f); i++) {
		size_t len = strlen(errors);

		snprintf(errors + len, size - len, "%s\n", dr_conf_error_text(f, i));
	}
}

static const struct ins_policy *policy_of(const struct ins_policies *p, const char *type)
{
	struct ins_event e = {};

	snprintf(e.type, sizeof(e.type), "%s", type);
	return ins_policy_of(p, &e);
}

static void assert_policy(const struct ins_policies *p, const char *type, int severity, unsigned actions)
{
	const struct ins_policy *is = policy_of(p, type);

	if (is->actions != actions || (severity < 0 ? is->own_severity : (int)is->severity != severity))
		fail_msg("%s: severity %d (own: %d), actions %#x", type, is->severity, is->own_severity,
			 is->actions);
}

static void test_defaults(void **state)
{
	DR_AUTO(ins_policies_done) struct ins_policies p = {};
	char errors[256];

	read_faults("listen: x", &p, errors, sizeof(errors));
	assert_string_equal(errors, "");
	assert_policy(&p, "compute.host.down", INS_CRITICAL, ALL);
	assert_policy(&p, "compute.host.up", INS_CRITICAL, ALL); /* the same fault, its end */
	assert_policy(&p, "compute.host.nic.error", INS_CRITICAL, INS_DO_PORTS | INS_DO_NOTIFY);
	assert_policy(&p, "compute.host.degraded", INS_WARNING, 0);
	assert_policy(&p, "doctor.monitor.isolated", INS_WARNING, 0);
	assert_policy(&p, "doctor.monitor.blind", INS_WARNING, 0);
	assert_policy(&p, "anything.else", -1, 0);
}

static void test_every_line(void **state)
{
	DR_AUTO(ins_policies_done) struct ins_policies p = {};
	char errors[256];

	read_faults("faults:\n"
		    "  compute.host.down: {actions: [force_down, reset_state]}\n"
		    "  compute.host.nic.error: {severity: warning, actions: []}\n"
		    "  compute.host.degraded: {severity: critical, actions: [ports]}\n"
		    "  compute.host.isolated: {severity: info, actions: [fence, force_down, notify]}\n"
		    "  compute.host.hot: {severity: monitor}\n"
		    "  other: {severity: info, actions: [reset_state]}\n",
		    &p, errors, sizeof(errors));
	assert_string_equal(errors, "");
	assert_policy(&p, "compute.host.down", INS_CRITICAL, INS_DO_FORCE_DOWN | INS_DO_RESET);
	assert_policy(&p, "compute.host.nic.error", INS_WARNING, 0);
	assert_policy(&p, "compute.host.degraded", INS_CRITICAL, INS_DO_PORTS);
	assert_policy(&p, "compute.host.isolated", INS_INFO,
		      INS_DO_FENCE | INS_DO_FORCE_DOWN | INS_DO_NOTIFY);
	assert_policy(&p, "compute.host.hot", -1, 0);
	assert_policy(&p, "compute.host.cold", INS_INFO, INS_DO_RESET);
}

static void test_wrong_settings(void **state)
{
	static const struct {
		const char *text, *want;
	} cases[] = {
		{ "faults: {compute.host.down: {actions: [reboot]}}",
		  "faults.compute.host.down.actions[0]: \"reboot\" is none of fence, force_down" },
		{ "faults: {a: {actions: [ports, {}]}}", "faults.a.actions[1]" },
		{ "faults: {a: {actions: ports}}", "faults.a.actions" },
		{ "faults: {a: {actions: [fence]}}", "force_down is missing" },
		{ "faults: {a: {severity: fatal}}", "faults.a.severity" },
		{ "faults: {a: {severty: info}}", "severty" },
		{ "faults: {other: {action: []}}", "action" },
		{ "faults: {a: critical}", "faults.a" },
		{ "faults: [a]", "faults" },
		{ "faults: {compute.host.up: {actions: []}}",
		  "is no fault but the end of compute.host.down" },
	};

	for (size_t i = 0; i < DR_ARRAY_SIZE(cases); i++) {
		DR_AUTO(ins_policies_done) struct ins_policies p = {};
		char errors[1024];

		read_faults(cases[i].text, &p, errors, sizeof(errors));
		if (!strstr(errors, cases[i].want))
			fail_msg("%s: \"%s\" instead of \"%s\"", cases[i].text, errors, cases[i].want);
	}
}

/* ---------------------------------------------------------------- whole */

static int setup(void **state)
{
	struct world *w;

	world_setup_with(state, "faults:\n  compute.host.hot: {severity: critical}\n"
				"  compute.host.isolated: {actions: [force_down]}\n");
	w = *state;
	w->config.recovery.undo = true;
	w->config.recovery.hold = dr_msec(0);
	w->nova_api->network = true;
	fake_add_port(w->nova_api, "port-1", "compute-1", "ACTIVE");
	fake_add_port(w->nova_api, "port-2", "compute-1", "");
	fake_add_port(w->nova_api, "port-3", "compute-2", "ACTIVE");
	return 0;
}

static int setup_hot(void **state)
{
	setup(state);
	world_start(*state);
	return 0;
}

static bool ports_are(struct world *w, const char *status)
{
	return !strcmp(w->nova_api->ports[0].status, status) && !strcmp(w->nova_api->ports[1].status, status);
}

static void assert_only_ports(struct world *w)
{
	world_turn(w, 5);
	assert_int_equal(fake_count(w->nova_api, "PUT /os-services"), 0);
	assert_int_equal(fake_count(w->nova_api, "POST /servers/"), 0);
	assert_string_equal(w->nova_api->ports[2].status, "ACTIVE");
}

static void test_host_down(void **state)
{
	struct world *w = *state;

	world_put(w, "[" DOWN("compute-1") "]", 200);
	wait_for(w, world_is_state(w, 0, "marked"));
	assert_true(w->nova_api->hosts[0].forced_down);
	assert_int_equal(world_resets(w, "vm-1") + world_resets(w, "vm-2"), 2);
	assert_true(ports_are(w, "DOWN"));
	assert_string_equal(w->nova_api->ports[2].status, "ACTIVE");
	/* nothing of a server or a port before Nova has taken the force-down */
	assert_true(fake_first(w->nova_api, "PUT /os-services/") < fake_first(w->nova_api, "POST /servers/"));
	assert_true(fake_first(w->nova_api, "PUT /os-services/") <
		    fake_first(w->nova_api, "PUT /v2.0/ports"));
}

static void test_nic(void **state)
{
	struct world *w = *state;
	DR_AUTO_JSON struct dr_json *all = NULL;
	const struct dr_json *i;

	world_put(w, NIC("eth0"), 200);
	wait_for(w, world_is_state(w, 0, "marked"));
	assert_true(ports_are(w, "DOWN"));
	i = world_incident(w, 0, &all);
	assert_string_equal(dr_json_get_str(i, "fault"), "compute.host.nic.error eth0");
	assert_string_equal(dr_json_get_str(i, "severity"), "critical");
	world_put(w, EVENT("compute.host.nic.error.cleared", "eth0", ""), 200);
	wait_for(w, world_is_state(w, 0, "closed"));
	assert_true(ports_are(w, "ACTIVE"));
	assert_only_ports(w);
}

/* Two cards, two faults: the ports stay DOWN until both are well. */
static void test_two_cards(void **state)
{
	struct world *w = *state;

	world_put(w, NIC("eth0"), 200);
	wait_for(w, world_is_state(w, 0, "marked"));
	world_put(w, NIC("eth1"), 200);
	wait_for(w, world_is_state(w, 1, "marked"));
	world_put(w, NIC_OVER("eth0"), 200);
	wait_for(w, world_is_state(w, 0, "closed"));
	world_turn(w, 10);
	assert_true(ports_are(w, "DOWN"));
	assert_true(world_is_state(w, 1, "marked"));
	world_assert_action(w, 0, "port_back", "port-1", "skipped: left to incident");
	world_assert_action(w, 1, "port_down", "port-1", "done: taken over from incident");
	world_put(w, NIC_OVER("eth1"), 200);
	wait_for(w, world_is_state(w, 1, "closed"));
	assert_true(ports_are(w, "ACTIVE"));
	assert_only_ports(w);
}

/* Neutron cuts its lists where pagination_max_limit is set: those of the second page are ports, too. */
static void test_ports_in_pages(void **state)
{
	struct world *w = *state;

	w->nova_api->port_page = 1;
	world_put(w, NIC("eth0"), 200);
	wait_for(w, world_is_state(w, 0, "marked"));
	assert_true(ports_are(w, "DOWN"));
	world_put(w, NIC_OVER("eth0"), 200);
	wait_for(w, world_is_state(w, 0, "closed"));
	assert_true(ports_are(w, "ACTIVE"));
	assert_only_ports(w);
}

/* The host goes down behind its card: what is set back belongs to the last of the two that ends. */
static void test_card_then_host(void **state)
{
	struct world *w = *state;

	for (int host_first = 0; host_first < 2; host_first++) {
		size_t n = world_incidents(w);

		world_put(w, NIC("eth0"), 200);
		wait_for(w, world_is_state(w, n, "marked"));
		world_put(w, "[" DOWN("compute-1") "]", 200);
		wait_for(w, world_is_state(w, n + 1, "marked"));
		world_assert_action(w, n + 1, "port_down", "port-1", "already");
		if (host_first)
			world_put(w, "[" UP("compute-1") "]", 200);
		else
			world_put(w, NIC_OVER("eth0"), 200);
		wait_for(w, world_is_state(w, n + (host_first ? 1 : 0), "closed"));
		world_turn(w, 10);
		assert_true(ports_are(w, "DOWN"));
		assert_int_equal(w->nova_api->hosts[0].forced_down, !host_first);
		if (host_first)
			world_put(w, NIC_OVER("eth0"), 200);
		else
			world_put(w, "[" UP("compute-1") "]", 200);
		wait_for(w, world_is_state(w, n + (host_first ? 0 : 1), "closed"));
		assert_true(ports_are(w, "ACTIVE"));
		assert_false(w->nova_api->hosts[0].forced_down);
		assert_false(w->nova_api->vms[0].error);
	}
}

/* Both are over at once, and wait for the hold time together: each takes care of what it has changed. */
static void test_card_and_host_are_back(void **state)
{
	struct world *w = *state;

	w->config.recovery.hold = dr_msec(100);
	world_put(w, "[" DOWN("compute-1") "]", 200);
	wait_for(w, world_is_state(w, 0, "marked"));
	world_put(w, NIC("eth0"), 200);
	wait_for(w, world_is_state(w, 1, "marked"));
	world_put(w, "[" UP("compute-1") "]", 200);
	world_put(w, NIC_OVER("eth0"), 200);
	wait_for(w, world_is_state(w, 0, "closed") && world_is_state(w, 1, "closed"));
	assert_true(ports_are(w, "ACTIVE"));
	assert_false(w->nova_api->hosts[0].forced_down);
}

/* While the host is being forced down the card's ports are not set back: it may just be finding them DOWN. */
static void test_card_is_over_while_forcing(void **state)
{
	struct world *w = *state;

	world_put(w, NIC("eth0"), 200);
	wait_for(w, world_is_state(w, 0, "marked"));
	fake_rule(w->nova_api, "PUT", "/os-services/svc-1", 0, 1);
	world_put(w, "[" DOWN("compute-1") "]", 200);
	wait_for(w, w->nova_api->held_count == 1);
	world_put(w, NIC_OVER("eth0"), 200);
	wait_for(w, world_is_state(w, 0, "recovering"));
	world_turn(w, 10);
	assert_true(ports_are(w, "DOWN"));
	fake_release(w->nova_api);
	wait_for(w, world_is_state(w, 0, "closed"));
	wait_for(w, world_is_state(w, 1, "marked"));
	assert_true(ports_are(w, "DOWN"));
	world_put(w, "[" UP("compute-1") "]", 200);
	wait_for(w, world_is_state(w, 1, "closed"));
	assert_true(ports_are(w, "ACTIVE"));
}

/* Two faults that both force the host down: it is released when the last one is over. */
static void test_two_force_downs(void **state)
{
	static const char isolated[] = EVENT("compute.host.isolated", "", ""),
			  over[] = EVENT("compute.host.isolated", "", ", \"status\": \"up\"");
	struct world *w = *state;

	world_put(w, "[" DOWN("compute-1") "]", 200);
	wait_for(w, world_is_state(w, 0, "marked"));
	world_put(w, isolated, 200);
	wait_for(w, world_is_state(w, 1, "marked"));
	world_put(w, "[" UP("compute-1") "]", 200);
	wait_for(w, world_is_state(w, 0, "closed"));
	assert_true(w->nova_api->hosts[0].forced_down);
	world_assert_action(w, 0, "force_up", NULL, "skipped: left to incident");
	assert_false(w->nova_api->vms[0].error);
	world_put(w, over, 200);
	wait_for(w, world_is_state(w, 1, "closed"));
	assert_false(w->nova_api->hosts[0].forced_down);
}

/* ---------------------------------------------------------------- Neutron as it may be */

static void test_no_network(void **state)
{
	struct world *w = *state;

	w->nova_api->network = false;
	world_start(w);
	world_put(w, NIC("eth0"), 200);
	wait_for(w, world_is_state(w, 0, "marked"));
	world_assert_action(w, 0, "list_ports", NULL, "skipped: the cloud has no network service");
}

static void test_no_extension(void **state)
{
	struct world *w = *state;

	w->nova_api->no_data_plane = true;
	world_put(w, NIC("eth0"), 200);
	wait_for(w, world_is_state(w, 0, "marked"));
	world_assert_action(w, 0, "list_ports", NULL,
			    "skipped: Neutron does not have the extension data-plane-status");
	assert_int_equal(fake_count(w->nova_api, "PUT /v2.0"), 0);
}

/* Whose ports these are is not shown: none is touched. */
static void test_hidden_hosts(void **state)
{
	struct world *w = *state;

	w->nova_api->hide_hosts = true;
	world_put(w, NIC("eth0"), 200);
	wait_for(w, world_is_state(w, 0, "incomplete"));
	world_assert_action(w, 0, "list_ports", NULL, "failed: Neutron does not show binding:host_id");
	assert_int_equal(fake_count(w->nova_api, "PUT /v2.0"), 0);
}

/* Of what failed there is another attempt when it is reported again, by the list as it is then. */
static void test_port_fails(void **state)
{
	struct world *w = *state;

	fake_rule(w->nova_api, "PUT", "/v2.0/ports/", 403, 2);
	world_put(w, NIC("eth0"), 200);
	wait_for(w, world_is_state(w, 0, "incomplete"));
	world_assert_action(w, 0, "port_down", "port-1", "failed");
	strcpy(w->nova_api->ports[1].host, "compute-2");
	world_put(w, NIC("eth0"), 200);
	wait_for(w, world_is_state(w, 0, "marked"));
	assert_string_equal(w->nova_api->ports[0].status, "DOWN");
	assert_string_equal(w->nova_api->ports[1].status, ""); /* it has moved */
	world_assert_action(w, 0, "port_down", "port-2", "skipped: no longer on the host");
}

/* ---------------------------------------------------------------- recorded only */

static void test_recorded(void **state)
{
	static const struct {
		const char *event, *severity;
	} cases[] = {
		{ EVENT("compute.host.degraded", "", ", \"severity\": \"critical\""), "warning" },
		{ EVENT("compute.host.hot", "", ", \"severity\": \"info\""), "critical" },
		{ EVENT("fan.broken", "", ", \"severity\": \"info\""), "info" },
		{ EVENT("fan.broken", "2", ""), "warning" },
		{ "[{\"type\": \"fan.broken\", \"details\": {\"hostname\": \"nowhere\"}}]", "warning" },
	};
	struct world *w = *state;
	DR_AUTO_JSON struct dr_json *all = NULL;

	for (size_t n = 0; n < DR_ARRAY_SIZE(cases); n++) {
		world_put(w, cases[n].event, 200);
		wait_for(w, world_is_state(w, n, "recorded"));
		assert_string_equal(dr_json_get_str(world_incident(w, n, &all), "severity"),
				    cases[n].severity);
	}
	world_put(w, cases[0].event, 200);
	world_turn(w, 5);
	assert_int_equal(world_incidents(w), DR_ARRAY_SIZE(cases));
	world_put(w, EVENT("fan.broken.cleared", "2", ""), 200);
	wait_for(w, world_is_state(w, 3, "closed"));
	assert_true(world_is_state(w, 2, "recorded"));
	assert_int_equal(fake_count(w->nova_api, "PUT"), 0);
	assert_int_equal(fake_count(w->nova_api, "POST /servers/"), 0);
}

/* ---------------------------------------------------------------- judging, by type */

/* Of a card none but the host's own monitor knows: no quorum, no confirmation, no brake. */
static void test_quorum_by_type(void **state)
{
	struct world *w = *state;

	w->config.judge.monitors = 2;
	w->config.judge.confirm = dr_sec(600);
	w->config.brake.cloud = (struct ins_brake_share){};
	world_put(w, NIC("eth0"), 200);
	wait_for(w, world_is_state(w, 0, "marked"));
	world_put(w, "[" DOWN_BY("compute-1", "m1") "]", 200);
	wait_for(w, world_is_state(w, 1, "waiting"));
	world_put(w, NIC_OVER("eth0"), 200);
	wait_for(w, world_is_state(w, 0, "closed"));
	assert_true(world_is_state(w, 1, "waiting"));
	assert_only_ports(w);
}

/* Each card flaps for itself. */
static void test_flap(void **state)
{
	struct world *w = *state;

	w->config.flap.limit = 1500;
	for (size_t n = 0; n < 2; n++) {
		world_put(w, NIC("eth0"), 200);
		wait_for(w, world_is_state(w, n, n ? "held" : "marked"));
		if (n)
			break;
		world_put(w, NIC_OVER("eth0"), 200);
		wait_for(w, world_is_state(w, n, "closed"));
	}
	assert_true(ports_are(w, "ACTIVE"));
	world_put(w, NIC("eth1"), 200);
	wait_for(w, world_is_state(w, 2, "marked"));
	assert_true(ports_are(w, "DOWN"));
	assert_only_ports(w);
}

static void test_maintenance(void **state)
{
	struct world *w = *state;
	struct ins_upkeep u = { .until = dr_mono_add(dr_mono_now(), dr_sec(600)) };
	char why[384];

	u.until_wall.ns = dr_wall_now().ns + dr_sec(600).ns;
	assert_int_equal(ins_inspector_maintain(w->inspector, "compute-1", &u, "me", why), 0);
	world_put(w, NIC("eth0"), 200);
	wait_for(w, world_is_state(w, 0, "held"));
	world_turn(w, 5);
	assert_int_equal(fake_count(w->nova_api, "PUT"), 0);
	assert_int_equal(ins_inspector_maintained(w->inspector, "compute-1", false, "me", why), 0);
	wait_for(w, world_is_state(w, 0, "marked"));
	assert_true(ports_are(w, "DOWN"));
}

#define hot(test) cmocka_unit_test_setup_teardown(test, setup_hot, world_teardown)
#define cold(test) cmocka_unit_test_setup_teardown(test, setup, world_teardown)

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(test_defaults),
		cmocka_unit_test(test_every_line),
		cmocka_unit_test(test_wrong_settings),
		hot(test_host_down),
		hot(test_nic),
		hot(test_two_cards),
		hot(test_card_then_host),
		hot(test_card_and_host_are_back),
		hot(test_card_is_over_while_forcing),
		hot(test_two_force_downs),
		hot(test_ports_in_pages),
		cold(test_no_network),
		hot(test_no_extension),
		hot(test_hidden_hosts),
		hot(test_port_fails),
		hot(test_recorded),
		hot(test_quorum_by_type),
		hot(test_flap),
		hot(test_maintenance),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
