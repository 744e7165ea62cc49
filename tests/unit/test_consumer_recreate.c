/* SPDX-License-Identifier: Apache-2.0 */
/* A lost server is made anew, once, whatever the cloud does meanwhile. */
#include "tests/unit/consumer_world.h"

static int setup(void **state)
{
	struct world *w;

	consumer_setup(state);
	w = *state;
	w->config.servers.count = 1;
	return 0;
}

static void test_temporary_failures(void **state)
{
	static const char *const faults[] = {
		"compute:POST:/v2.1/servers:503:2",
		"compute:POST:/v2.1/servers:403:2", /* quota */
		"compute:POST:/v2.1/servers:409:1",
		"compute:GET:/v2.1/servers/:500:2",
		"compute:GET:/v2.1/servers/detail:503:2",
		"network:GET:/v2.0/ports:503:2",
		"compute:GET:/v2.1/:503:2",
		"alarming:PUT:/v2/alarms:503:1",
	};

	for (size_t i = 0; i < DR_ARRAY_SIZE(faults); i++) {
		struct world *w = *state;

		consumer_start(w);
		consumer_break_cloud(w, faults[i]);
		consumer_lose(w, 0);
		wait_for(w, said_count("doctor consumer handled at ") == 1);
		consumer_assert_replaced(w, 0);
		wait_for(w, consumer_is_armed(w, 0));
		assert_true(said_count("warning: ") > 0); /* it was said */
		assert_int_equal(consumer_teardown(state), 0);
		assert_int_equal(setup(state), 0);
	}
}

static void test_gives_up(void **state)
{
	static const struct {
		const char *fault, *says;
	} cases[] = {
		{ "compute:POST:/v2.1/servers:403", "failed-attempts=3: booting a replacement: " },
		{ "compute:POST:/v2.1/servers:503", "failed-attempts=3: booting a replacement: " },
		{ "compute:POST:/v2.1/servers:400", "failed-attempts=0: booting a replacement: " },
		{ "network:GET:/v2.0/ports:403", "failed-attempts=0: looking at its ports: " },
		{ "network:GET:/v2.0/ports:404", "failed-attempts=0: looking at its ports: " },
	};

	for (size_t i = 0; i < DR_ARRAY_SIZE(cases); i++) {
		struct world *w = *state;
		char line[200];

		consumer_start(w);
		consumer_break_cloud(w, cases[i].fault);
		consumer_lose(w, 0);
		wait_for(w, said_count("a person must help") == 1);
		snprintf(line, sizeof(line), "error: vm is not replaced, a person must help vm=%s %s",
			 w->ids[0], cases[i].says);
		if (said_count(line) != 1)
			fail_msg("%s: %s", cases[i].fault, said());
		assert_int_equal(consumer_replacements(w, 0, NULL), 0);
		assert_int_equal(said_count("doctor consumer handled"), 0);
		wait_for(w, consumer_is_armed(w, 0)); /* the next event is heard */
		assert_int_equal(consumer_teardown(state), 0);
		assert_int_equal(setup(state), 0);
	}
}

/* A cloud that cannot be asked, for longer than any number of attempts, is no reason to give up. */
static void test_cloud_is_away(void **state)
{
	static const char *const faults[] = {
		"compute:GET:/v2.1/servers/:503:8",
		"compute:GET:/v2.1/servers/detail:500:8",
		"network:GET:/v2.0/ports:503:8",
		"compute:GET:/v2.1/:503:12",
	};

	for (size_t i = 0; i < DR_ARRAY_SIZE(faults); i++) {
		struct world *w = *state;

		consumer_start(w);
		consumer_break_cloud(w, faults[i]);
		consumer_lose(w, 0);
		wait_for(w,
			 said_count("doctor consumer handled at ") + said_count("a person must help") == 1);
		consumer_assert_replaced(w, 0);
		if (said_count("recovery goes on in ") <= w->config.plan.retry.attempts)
			fail_msg("%s: %s", faults[i], said());
		assert_int_equal(said_count("failed-attempts=0"), 1);
		assert_int_equal(consumer_teardown(state), 0);
		assert_int_equal(setup(state), 0);
	}
}

/* No host is left: each replacement fails and is deleted; then one comes back. */
static void test_replacement_fails(void **state)
{
	struct world *w = *state;
	struct mc_host *other = mc_host_by_name(&w->mc.model, "compute-2");

	w->config.plan.retry.attempts = 50;
	consumer_start(w);
	mc_service_set_forced_down(&other->service, true, dr_wall_now());
	consumer_lose(w, 0);
	wait_for(w, said_count("replacement is deleted vm=") >= 2);
	assert_true(said_count("No valid host") >= 1);
	mc_service_set_forced_down(&other->service, false, dr_wall_now());
	wait_for(w, said_count("doctor consumer handled at ") == 1);
	wait_for(w, consumer_replacements(w, 0, NULL) == 1);
	consumer_assert_replaced(w, 0);
}

static struct mc_server *replacement(struct world *w)
{
	struct mc_server *s = NULL;

	assert_int_equal(consumer_replacements(w, 0, &s), 1);
	return s;
}

static void is_stopped(struct world *w, struct mc_server *s)
{
	s->vm_state = MC_VM_BUILDING; /* the only state here that is neither ACTIVE nor ERROR */
}

static void is_in_error(struct world *w, struct mc_server *s)
{
	mc_server_reset_state(s, MC_VM_ERROR, dr_wall_now());
}

static void loses_its_host(struct world *w, struct mc_server *s)
{
	consumer_mark_host(w, 0, false); /* there would be room for another */
	mc_service_set_forced_down(&s->host->service, true, dr_wall_now());
}

/* A replacement that was ACTIVE is its owner's, whatever becomes of it and whatever is heard of the lost one.
 */
static void test_used_replacement(void **state)
{
	static void (*const fates[])(struct world * w, struct mc_server * s) = { is_stopped, is_in_error,
										 loses_its_host };

	for (size_t i = 0; i < DR_ARRAY_SIZE(fates); i++) {
		struct world *w = *state;
		struct mc_server *s;

		w->config.plan.retry.boot_timeout = dr_msec(300);
		consumer_start(w);
		consumer_lose(w, 0);
		wait_for(w, said_count("doctor consumer handled at ") == 1);
		wait_for(w, consumer_is_armed(w, 0));
		s = replacement(w);
		fates[i](w, s);
		consumer_mark_server(w, 0);
		wait_for(w, said_count(" it is left to its owner") + said_count("is deleted vm=") == 1);
		wait_for(w, consumer_is_armed(w, 0));
		assert_ptr_equal(replacement(w), s);
		assert_int_equal(said_count("doctor consumer handled at "), 1);
		assert_int_equal(said_count("replacement is deleted"), 0);
		assert_int_equal(consumer_teardown(state), 0);
		assert_int_equal(setup(state), 0);
	}
}

/* What a boot makes of which Nova's answer never came. */
static const struct mc_server *late_boot(struct world *w)
{
	DR_AUTO_JSON struct dr_json *metadata = dr_json_object();
	struct mc_boot boot = {
		.name = w->ours[0]->name,
		.project = w->ours[0]->project,
		.user = w->ours[0]->user,
		.image = mc_image_find(&w->mc.model, w->ours[0]->image_id),
		.networked = true,
		.metadata = metadata,
	};
	struct mc_server *s;

	assert_non_null(dr_json_add_str(metadata, "doctor_replaces", w->ids[0]));
	s = mc_server_create(&w->mc.model, &boot, dr_wall_now());
	assert_non_null(s);
	mc_job_start(&w->mc, s, "req-0", dr_msec(10));
	return s;
}

/* A boot that timed out is carried out later: there is no second one before it has had its time. */
static void test_answer_lost(void **state)
{
	struct world *w = *state;

	w->config.timeout = dr_msec(200);
	w->config.plan.retry.boot_late = dr_sec(1);
	consumer_start(w);
	consumer_break_cloud(w, "compute:POST:/v2.1/servers:0:1");
	consumer_lose(w, 0);
	wait_for(w, said_count("recovery goes on in ") == 1);
	consumer_let_pass(w, dr_msec(400));
	late_boot(w);
	wait_for(w, said_count("doctor consumer handled at ") == 1);
	consumer_assert_replaced(w, 0);
	assert_int_equal(said_count("two replacements"), 0);
}

/* We end while a boot is under way, and Nova carries it out only after we are back: there is no second one.
 */
static void boot_over_a_restart(struct world *w)
{
	w->config.plan.retry.boot_late = dr_sec(2);
	consumer_start(w);
	consumer_break_cloud(w, "compute:POST:/v2.1/servers:0:1");
	consumer_lose(w, 0);
	wait_for(w, strstr(consumer_get(w, "/v1/recoveries"), "\"attempts\":1"));
	consumer_let_pass(w, dr_msec(100));
	consumer_crash(w);
	consumer_start(w);
	wait_for(w, said_count("the boot of before the restart may still be carried out") == 1);
	late_boot(w);
	wait_for(w, strstr(consumer_get(w, "/v1/recoveries"), "\"state\":\"recovered\""));
	assert_int_equal(consumer_replacements(w, 0, NULL), 1);
}

static void test_boot_under_way_over_a_restart(void **state)
{
	consumer_with_journal(*state);
	boot_over_a_restart(*state);
}

/* All that tells of it is the alarm. */
static void test_boot_under_way_without_a_journal(void **state)
{
	boot_over_a_restart(*state);
}

/* Later than anybody waits: both are named, and it is for their owner to choose. */
static void test_two_replacements(void **state)
{
	struct world *w = *state;
	const struct mc_server *first, *late;
	char line[200];

	w->config.timeout = dr_msec(300);
	consumer_start(w);
	consumer_break_cloud(w, "compute:POST:/v2.1/servers:0:1");
	consumer_lose(w, 0);
	wait_for(w, consumer_replacements(w, 0, NULL) == 1); /* the second boot */
	first = replacement(w);
	late = late_boot(w);
	wait_for(w, said_count("doctor consumer handled at ") == 1);
	assert_int_equal(consumer_replacements(w, 0, NULL), 2);
	assert_int_equal(said_count("error: vm has two replacements, one is to be deleted "), 1);
	snprintf(line, sizeof(line), " replacement=%s other=%s", first->id, late->id);
	assert_int_equal(said_count(line), 1);
	assert_int_equal(said_count("replacement is deleted"), 0);
}

/* Not to be told whether there are two is said, and no reason to hold back that there is one. */
static void test_check_fails(void **state)
{
	struct world *w = *state;

	consumer_start(w);
	consumer_lose(w, 0);
	wait_for(w, consumer_replacements(w, 0, NULL) == 1);
	consumer_break_cloud(w, "compute:GET:/v2.1/servers/detail:503:1");
	wait_for(w, said_count("doctor consumer handled at ") == 1);
	assert_int_equal(said_count("warning: whether vm has a second replacement is not known vm="), 1);
	consumer_assert_replaced(w, 0);
}

/* Of a cell that does not answer Nova tells neither name nor metadata: each of its servers may be ours. */
static void test_cell_is_silent(void **state)
{
	struct world *w = *state;
	char *name = w->ours[1]->name;

	consumer_start(w);
	w->ours[1]->name = NULL;
	consumer_lose(w, 0);
	wait_for(w, said_count("a cell of Nova does not answer") >= 4);
	assert_int_equal(consumer_replacements(w, 0, NULL), 0);
	w->ours[1]->name = name;
	wait_for(w, said_count("doctor consumer handled at ") == 1);
	consumer_assert_replaced(w, 0);
}

/* The alarm overtakes the mark on the host: no replacement goes there. */
static void test_host_is_marked_late(void **state)
{
	struct world *w = *state;

	w->config.plan.retry.settle = dr_sec(10);
	consumer_start(w);
	consumer_mark_server(w, 0);
	wait_for(w, said_count("recovery begins") == 1);
	consumer_let_pass(w, dr_msec(150));
	assert_int_equal(consumer_replacements(w, 0, NULL), 0);
	consumer_mark_host(w, 0, true);
	wait_for(w, said_count("doctor consumer handled at ") == 1);
	consumer_assert_replaced(w, 0);
}

/* A server in error for its own reason is replaced as well, wherever there is room. */
static void test_host_is_well(void **state)
{
	struct world *w = *state;

	consumer_start(w);
	consumer_mark_server(w, 0);
	wait_for(w, said_count("doctor consumer handled at ") == 1);
	assert_int_equal(consumer_replacements(w, 0, NULL), 1);
}

/* The same port, group and tags; and the lost one goes when the new one is there. */
static void test_recreate_alike(void **state)
{
	struct world *w = *state;
	struct mc_model *m = &w->mc.model;
	struct mc_port *port = w->ours[0]->port;
	const struct mc_server *s;

	w->ours[0]->group =
		mc_group_create(m, "apart", "anti-affinity", w->ours[0]->project, w->ours[0]->user);
	assert_non_null(dr_json_push(w->ours[0]->tags, dr_json_string("web")));
	w->config.plan.keep_addresses = w->config.plan.delete_lost = true;
	consumer_start(w);
	consumer_lose(w, 0);
	wait_for(w, said_count("doctor consumer handled at ") == 1);
	wait_for(w, !mc_server_find(m, w->ids[0]));
	s = replacement(w);
	assert_string_equal(mc_server_status(s), "ACTIVE");
	assert_ptr_equal(s->port, port);
	assert_non_null(s->group);
	assert_string_equal(dr_json_str(dr_json_at(s->tags, 0)), "web");
	assert_non_null(dr_json_get_str(s->metadata, "doctor_fault"));
	assert_int_equal(said_count("lost server is deleted vm="), 1);
}

#define TEST(name) cmocka_unit_test_setup_teardown(name, setup, consumer_teardown)

int main(void)
{
	const struct CMUnitTest tests[] = {
		TEST(test_temporary_failures),
		TEST(test_gives_up),
		TEST(test_cloud_is_away),
		TEST(test_replacement_fails),
		TEST(test_used_replacement),
		TEST(test_answer_lost),
		TEST(test_boot_under_way_over_a_restart),
		TEST(test_boot_under_way_without_a_journal),
		TEST(test_two_replacements),
		TEST(test_check_fails),
		TEST(test_cell_is_silent),
		TEST(test_host_is_marked_late),
		TEST(test_host_is_well),
		TEST(test_recreate_alike),
	};

	return cmocka_run_group_tests_name("consumer_recreate", tests, NULL, NULL);
}
