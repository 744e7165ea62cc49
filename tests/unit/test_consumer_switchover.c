/* SPDX-License-Identifier: Apache-2.0 */
/* A standby takes over addresses, and gives them back. */
#include "tests/unit/consumer_world.h"

#include "consumer/moves.h"

static void test_switchover(void **state)
{
	struct world *w = *state;
	struct mc_floating *f = consumer_floating(w, 0);
	struct mc_floating *g = consumer_floating(w, 1);
	char *addresses[] = { "192.0.2.10" };
	struct dr_json *pair;

	pair = dr_json_push_object(w->ours[0]->port->pairs);
	dr_json_add_str(pair, "ip_address", "192.0.2.10");
	consumer_use_standby(w);
	w->config.plan.addresses = addresses;
	w->config.plan.address_count = 1;
	consumer_start(w);
	consumer_lose(w, 0);
	wait_for(w, said_count("standby has taken over vm=") == 1);
	assert_ptr_equal(f->port, w->standby->port);
	assert_int_equal(dr_json_size(w->ours[0]->port->pairs), 0);
	assert_string_equal(dr_json_get_str(dr_json_at(w->standby->port->pairs, 0), "ip_address"),
			    "192.0.2.10");
	assert_ptr_equal(g->port, w->ours[1]->port);
	assert_int_equal(said_count("doctor consumer handled at "), 1);

	/* it is one for N: for the second nothing is left */
	consumer_lose(w, 1);
	wait_for(w, said_count("has taken the place of ") == 1);
	assert_int_equal(said_count("a person must help vm="), 1);
	assert_ptr_equal(g->port, w->ours[1]->port);
}

static void test_both_lost_at_once(void **state)
{
	struct world *w = *state;
	struct mc_floating *f = consumer_floating(w, 0);
	struct mc_floating *g = consumer_floating(w, 1);

	consumer_use_standby(w);
	consumer_start(w);
	consumer_lose(w, 0);
	consumer_lose(w, 1);
	wait_for(w,
		 said_count("standby has taken over vm=") == 1 && said_count("a person must help vm=") == 1);
	assert_int_equal((f->port == w->standby->port) + (g->port == w->standby->port), 1);
}

/* Killed between the intent and the end: the next life moves the rest. */
static void test_switchover_resumed(void **state)
{
	struct world *w = *state;
	struct mc_floating *f = consumer_floating(w, 0);

	consumer_use_standby(w);
	consumer_with_journal(w);
	w->config.plan.retry.pause = w->config.plan.retry.pause_max = dr_sec(10);
	consumer_start(w);
	consumer_break_cloud(w, "network:PUT:/v2.0/floatingips:503:1");
	consumer_lose(w, 0);
	wait_for(w, said_count("recovery goes on in ") == 1);
	consumer_crash(w);
	assert_ptr_equal(f->port, w->ours[0]->port);
	consumer_start(w);
	wait_for(w, said_count("standby has taken over vm=") == 1);
	assert_int_equal(said_count("recovery is taken up vm="), 1);
	assert_int_equal(said_count("standby takes over vm="), 1); /* decided once */
	assert_ptr_equal(f->port, w->standby->port);
}

static void test_standby_is_down(void **state)
{
	struct world *w = *state;
	struct mc_floating *f = consumer_floating(w, 0);

	consumer_use_standby(w);
	consumer_start(w);
	mc_service_set_forced_down(&w->standby->host->service, true, dr_wall_now());
	consumer_lose(w, 0);
	wait_for(w, said_count("a person must help vm=") == 1);
	assert_ptr_equal(f->port, w->ours[0]->port);
	assert_true(said_count("on a host that is down") > 0);
}

/* ---- back ---- */

/* POST /v1/recoveries/FAULT/back of the last fault of ids[i]. */
static unsigned ask_back(struct world *w, size_t i)
{
	char path[128], *fault;

	snprintf(path, sizeof(path), "/v1/recoveries?server=%s", w->ids[i]);
	fault = strstr(consumer_get(w, path), "\"fault\":\"");
	assert_non_null(fault);
	snprintf(path, sizeof(path), "/v1/recoveries/%.36s/back", fault + strlen("\"fault\":\""));
	return consumer_ask(w, "POST", path, NULL, NULL);
}

static bool is_returned(struct world *w, size_t i)
{
	char path[128];

	snprintf(path, sizeof(path), "/v1/recoveries?server=%s", w->ids[i]);
	return strstr(consumer_get(w, path), "\"returned\":true");
}

/* A person asks for it, whatever the plan says and nobody having said that the fault is over. */
static void test_switched_back_by_hand(void **state)
{
	struct world *w = *state;
	struct mc_floating *f = consumer_floating(w, 0);
	struct mc_floating *g = consumer_floating(w, 1);

	consumer_use_standby(w);
	w->config.plan.retry.pause = w->config.plan.retry.pause_max = dr_msec(300);
	consumer_start(w);
	consumer_lose(w, 0);
	wait_for(w, said_count("standby has taken over vm=") == 1);

	/* not while the server is lost */
	assert_int_equal(ask_back(w, 0), 202);
	wait_for(w, said_count("addresses are not switched back, a person must help vm=") == 1);
	assert_ptr_equal(f->port, w->standby->port);
	assert_false(is_returned(w, 0));

	consumer_make_well(w, 0);
	consumer_break_cloud(w, "network:GET:/v2.0/ports:503:1");
	assert_int_equal(ask_back(w, 0), 202);
	assert_int_equal(ask_back(w, 0), 503); /* it is under way, and pauses */
	wait_for(w, is_returned(w, 0));
	assert_ptr_equal(f->port, w->ours[0]->port);
	assert_int_equal(ask_back(w, 0), 409);
	assert_int_equal(consumer_ask(w, "POST", "/v1/recoveries/nobody-s/back", NULL, NULL), 404);
	assert_int_equal(consumer_ask(w, "GET", "/v1/recoveries/nobody-s/back", NULL, NULL), 405);
	assert_int_equal(consumer_ask(w, "POST", "/v1/recoveries/back", NULL, NULL), 404);

	/* the standby is free again */
	consumer_lose(w, 1);
	wait_for(w, said_count("standby has taken over vm=") == 2);
	assert_ptr_equal(g->port, w->standby->port);
}

/* The address of the first, which its standby has still. */
static struct mc_floating *taken_over_and_well(struct world *w)
{
	struct mc_floating *f = consumer_floating(w, 0);

	consumer_use_standby(w);
	w->config.same_fault = dr_msec(0);
	consumer_start(w);
	consumer_lose(w, 0);
	wait_for(w, said_count("standby has taken over vm=") == 1);
	wait_for(w, consumer_is_armed(w, 0));
	consumer_make_well(w, 0);
	return f;
}

/* It was well for a while and is lost again, and its standby has its place still: nobody is called for that.
 */
static void test_lost_again_before_it_is_back(void **state)
{
	struct world *w = *state;
	struct mc_floating *f = taken_over_and_well(w);

	consumer_lose(w, 0);
	wait_for(w, said_count("has its place already") == 1);
	assert_int_equal(said_count("a person must help"), 0);
	assert_ptr_equal(f->port, w->standby->port);

	/* and once more, with its standby */
	wait_for(w, consumer_is_armed(w, 0));
	consumer_make_well(w, 0);
	mc_service_set_forced_down(&w->standby->host->service, true, dr_wall_now());
	consumer_lose(w, 0);
	wait_for(w, said_count("a person must help") == 1);
	assert_int_equal(said_count("which is to take over, is ACTIVE on a host that is down"), 3);
	consumer_make_well(w, 0);
	assert_int_equal(ask_back(w, 0), 202);
	wait_for(w, is_returned(w, 0));
	assert_ptr_equal(f->port, w->ours[0]->port);
}

/* Somebody led the addresses back without a word: they are moved again when it is lost again. */
static void test_lost_again_after_it_was_led_back(void **state)
{
	struct world *w = *state;
	struct mc_floating *f = taken_over_and_well(w);

	f->port = w->ours[0]->port;
	consumer_lose(w, 0);
	wait_for(w, said_count("standby has taken over vm=") == 2);
	assert_ptr_equal(f->port, w->standby->port);
	assert_true(is_returned(w, 0)); /* the first */
	assert_int_equal(said_count("a person must help"), 0);
}

/* Killed before it has ended: the next life goes on. */
static void test_switched_back_over_a_restart(void **state)
{
	struct world *w = *state;
	struct mc_floating *f = consumer_floating(w, 0);

	consumer_use_standby(w);
	consumer_with_journal(w);
	w->config.plan.retry.pause = w->config.plan.retry.pause_max = dr_sec(10);
	consumer_start(w);
	consumer_lose(w, 0);
	wait_for(w, said_count("standby has taken over vm=") == 1);
	consumer_make_well(w, 0);
	consumer_break_cloud(w, "network:PUT:/v2.0/floatingips:503:1");
	assert_int_equal(ask_back(w, 0), 202);
	wait_for(w, said_count("recovery goes on in ") == 1);
	consumer_crash(w);
	assert_ptr_equal(f->port, w->standby->port);
	consumer_start(w);
	wait_for(w, is_returned(w, 0));
	assert_ptr_equal(f->port, w->ours[0]->port);
}

/* Who has moved the addresses himself says so in the same way: nothing is left to be moved. */
static void test_moved_back_by_hand(void **state)
{
	struct world *w = *state;
	struct mc_floating *f = consumer_floating(w, 0);

	consumer_use_standby(w);
	consumer_start(w);
	consumer_lose(w, 0);
	wait_for(w, said_count("standby has taken over vm=") == 1);
	consumer_make_well(w, 0);
	f->port = w->ours[0]->port;
	consumer_break_cloud(w, "network:PUT:/v2.0/floatingips:500");
	assert_int_equal(ask_back(w, 0), 202);
	wait_for(w, is_returned(w, 0));
}

/* ---- pure ---- */

/* There and back again leaves everything as it was; where the standby has no place for it, it is said. */
static void test_moves(void **state)
{
	static const char lost_text[] =
		"[{\"id\":\"p1\",\"network_id\":\"n1\",\"fixed_ips\":[{\"ip_address\":\"10.0.0.1\"}],"
		"\"allowed_address_pairs\":[{\"ip_address\":\"10.0.0.9\"},{\"ip_address\":\"10.0.0.8\"}]}]";
	static const char standby_text[] =
		"[{\"id\":\"p2\",\"network_id\":\"n1\",\"fixed_ips\":[{\"ip_address\":\"10.0.0.2\"}],"
		"\"allowed_address_pairs\":[]}]";
	static const char floating_text[] =
		"[{\"id\":\"f1\",\"port_id\":\"p1\",\"fixed_ip_address\":\"10.0.0.1\"},"
		"{\"id\":\"f2\",\"port_id\":\"p3\"}]";
	DR_AUTO_JSON struct dr_json *lost = NULL, *standby = NULL, *floating = NULL, *moves, *back, *to,
				    *from;
	char *addresses[] = { "10.0.0.9" };
	const struct con_plan plan = { .floating = true, .addresses = addresses, .address_count = 1 };
	const char *why = NULL;

	moves = back = to = from = NULL;
	assert_int_equal(dr_json_parse(lost_text, strlen(lost_text), &lost, NULL), 0);
	assert_int_equal(dr_json_parse(standby_text, strlen(standby_text), &standby, NULL), 0);
	assert_int_equal(dr_json_parse(floating_text, strlen(floating_text), &floating, NULL), 0);
	moves = con_moves_plan(&plan, lost, standby, floating, &why);
	assert_null(why);
	assert_int_equal(dr_json_size(moves), 2);
	assert_string_equal(dr_json_str(dr_json_path(moves, "0.to_address")), "10.0.0.2");
	assert_false(con_move_is_done(dr_json_at(moves, 0), floating));
	from = con_moves_pairs(moves, dr_json_at(lost, 0));
	to = con_moves_pairs(moves, dr_json_at(standby, 0));
	assert_int_equal(dr_json_size(from), 1);
	assert_string_equal(dr_json_str(dr_json_path(from, "0.ip_address")), "10.0.0.8");
	assert_string_equal(dr_json_str(dr_json_path(to, "0.ip_address")), "10.0.0.9");

	back = con_moves_reverse(moves);
	assert_string_equal(dr_json_str(dr_json_path(back, "0.to")), "p1");
	assert_true(con_move_is_done(dr_json_at(back, 0), floating));
	assert_null(con_moves_pairs(back, dr_json_at(lost, 0))); /* it has them all */

	dr_json_free(moves);
	moves = con_moves_plan(&plan, lost, NULL, floating, &why);
	assert_non_null(why);
	assert_int_equal(dr_json_size(moves), 0);
}

#define TEST(name) cmocka_unit_test_setup_teardown(name, consumer_setup_apart, consumer_teardown)

int main(void)
{
	const struct CMUnitTest tests[] = {
		TEST(test_switchover),
		TEST(test_both_lost_at_once),
		TEST(test_switchover_resumed),
		TEST(test_standby_is_down),
		TEST(test_switched_back_by_hand),
		TEST(test_lost_again_before_it_is_back),
		TEST(test_lost_again_after_it_was_led_back),
		TEST(test_switched_back_over_a_restart),
		TEST(test_moved_back_by_hand),
		cmocka_unit_test(test_moves),
	};

	return cmocka_run_group_tests_name("consumer_switchover", tests, NULL, NULL);
}
