// SPDX-License-Identifier: Apache-2.0
/* Webhooks: one for each fault and subscription, at least once, in order, and nobody holds up another. */
#include <sys/epoll.h>
#include <sys/socket.h>

#include "tests/unit/http_fixture.h"
#include "tests/unit/north_world.h"

/* ---------------------------------------------------------------- what is sent */

static void test_one_message_for_all_servers(void **state)
{
	struct north_world *w = *state;
	const struct dr_json *body, *servers;
	char id[64];

	north_subscribe(w, "/hook", "{\"project\": \"p1\"}", id);
	north_raise(w, "f1", "compute-1", 50);
	north_wait(w, w->heard_count == 1);
	body = w->heard[0].body;
	servers = dr_json_get(body, "virtual_resource_info");
	assert_true(w->heard[0].signed_well);
	assert_string_equal(dr_json_get_str(body, "subscription_id"), id);
	assert_int_equal(dr_json_get_number(body, "sequence", 0), 1);
	assert_int_equal(dr_json_size(servers), 25);
	assert_string_equal(dr_json_get_str(dr_json_first(servers), "virtual_resource_id"), "compute-1-1");
	assert_string_equal(dr_json_get_str(dr_json_first(servers), "virtual_resource_state"), "error");
	assert_string_equal(dr_json_get_str(dr_json_first(servers), "project_id"), "p1");
	assert_string_equal(dr_json_str(dr_json_path(body, "fault.fault_type")), "compute.host.down");
	assert_string_equal(dr_json_str(dr_json_path(body, "fault.severity")), "critical");
	assert_string_equal(dr_json_str(dr_json_path(body, "fault.physical_resource_id")), "compute-1");
	assert_string_equal(dr_json_str(dr_json_path(body, "fault.physical_resource_state")), "down");
	assert_string_equal(dr_json_str(dr_json_path(body, "fault.raised_time")),
			    "1970-01-01T00:16:40.000000Z");
	assert_true(dr_json_is_null(dr_json_path(body, "fault.cleared_time")));
	assert_string_equal(dr_json_str(dr_json_path(body, "fault.probable_cause")), "no answer");
	/* acknowledged by 204: nothing is left, and nothing comes again */
	north_wait(w, north_rows(w, "north_pending") == 0);
	assert_int_equal(ins_north_counters(w->north).acknowledged, 1);
	assert_int_equal(ins_north_counters(w->north).pending, 0);
}

static void test_whole_life(void **state)
{
	static const char *const states[] = { "raised", "changed", "cleared" };
	struct north_world *w = *state;
	char id[64];

	north_subscribe(w, "/hook", NULL, id);
	north_raise(w, "f1", "compute-1", 1);
	north_wait(w, w->heard_count == 1);
	north_change(w, "f1", "compute-1", 2, 1500);
	north_wait(w, w->heard_count == 2);
	north_clear(w, "f1", "compute-1", 2);
	north_wait(w, w->heard_count == 3);
	for (unsigned i = 0; i < 3; i++) {
		assert_string_equal(w->heard[i].state, states[i]);
		assert_string_equal(w->heard[i].fault, "f1");
		assert_int_equal(dr_json_get_number(w->heard[i].body, "sequence", 0), i + 1);
	}
	assert_string_not_equal(w->heard[0].id, w->heard[1].id);
	assert_string_equal(dr_json_str(dr_json_path(w->heard[1].body, "fault.changed_time")),
			    "1970-01-01T00:25:00.000000Z");
	assert_string_equal(dr_json_str(dr_json_path(w->heard[2].body, "fault.cleared_time")),
			    "1970-01-01T00:33:20.000000Z");
	assert_string_equal(
		dr_json_str(dr_json_path(w->heard[2].body, "virtual_resource_info.0.virtual_resource_state")),
		"normal");
}

/* What is told again, in whatever order its servers are, is nothing new; nor does a cleared fault come back.
 */
static void test_told_again(void **state)
{
	struct north_world *w = *state;
	DR_AUTO(ins_fault_done)
	struct ins_fault f = { .id = "f1",
			       .type = "compute.host.down",
			       .severity = INS_CRITICAL,
			       .host = "compute-1",
			       .raised.ns = 1000 * DR_NSEC_PER_SEC,
			       .cause = "no answer" };
	char id[64];

	north_subscribe(w, "/hook", NULL, id);
	north_raise(w, "f1", "compute-1", 2);
	north_wait(w, ins_north_counters(w->north).acknowledged == 1);
	assert_int_equal(ins_fault_add_server(&f, "compute-1-2", "p2"), 0);
	assert_int_equal(ins_fault_add_server(&f, "compute-1-1", "p1"), 0);
	assert_int_equal(ins_north_fault(w->north, &f), 0);
	north_restart(w);
	assert_int_equal(ins_north_fault(w->north, &f), 0);
	assert_int_equal(ins_north_counters(w->north).pending, 0);
	strcpy(f.servers[0].project, "p3");
	f.state = INS_CHANGED;
	assert_int_equal(ins_north_fault(w->north, &f), 0);
	assert_int_equal(ins_north_counters(w->north).pending, 1);
	north_clear(w, "f1", "compute-1", 2);
	north_wait(w, north_heard(w, NULL, "f1", "cleared") == 1);
	assert_int_equal(ins_north_fault(w->north, &f), -EINVAL);
	f.id[0] = '\0';
	assert_int_equal(ins_north_fault(w->north, &f), -EINVAL);
}

/* Who was told of it is told of its end, though it is no longer one of his; who never was is not. */
static void test_who_was_told(void **state)
{
	struct north_world *w = *state;
	char id[64];

	north_raise(w, "f1", "compute-1", 1);
	north_subscribe(w, "/early", "{\"ids\": [\"compute-1-2\"]}", id);
	assert_int_equal(dr_json_size(dr_json_get(w->answer, "faults")), 0);
	north_change(w, "f1", "compute-1", 2, 1500);
	north_wait(w, north_heard(w, "/early", "f1", "changed") == 1);
	/* the answer to a subscription tells what is open, and is the first to tell it */
	north_subscribe(w, "/late", "{\"ids\": [\"compute-1-1\"]}", id);
	assert_int_equal(dr_json_size(dr_json_get(w->answer, "faults")), 1);
	assert_int_equal(dr_json_size(dr_json_path(w->answer, "faults.0.virtual_resource_info")), 1);
	north_subscribe(w, "/never", "{\"ids\": [\"compute-9\"]}", id);
	north_clear(w, "f1", "compute-1", 0);
	north_wait(w, ins_north_counters(w->north).acknowledged == 3);
	assert_int_equal(north_heard(w, "/late", "f1", "cleared"), 1);
	assert_int_equal(north_heard(w, "/early", "f1", "cleared"), 1);
	assert_int_equal(north_heard(w, "/never", NULL, NULL), 0);
	/* nor does one end that nobody ever heard of */
	north_clear(w, "f2", "compute-9", 1);
	assert_int_equal(ins_north_counters(w->north).pending, 0);
	assert_int_equal(dr_json_get_number(w->heard[w->heard_count - 1].body, "sequence", 0) +
				 dr_json_get_number(w->heard[w->heard_count - 2].body, "sequence", 0),
			 3);
}

/* ---------------------------------------------------------------- at least once */

/* However it fails, the same notification comes again until it is taken. */
static void assert_comes_again(struct north_world *w)
{
	char id[64];

	north_subscribe(w, "/hook", NULL, id);
	north_raise(w, "f1", "compute-1", 1);
	north_wait(w, w->heard_count >= 3);
	assert_int_equal(ins_north_counters(w->north).acknowledged, 0);
	assert_true(ins_north_counters(w->north).failures >= 2);
	w->status = 200;
	w->huge = 0;
	north_wait(w, north_rows(w, "north_pending") == 0);
	for (unsigned i = 1; i < w->heard_count; i++) {
		assert_string_equal(w->heard[i].id, w->heard[0].id);
		assert_int_equal(dr_json_get_number(w->heard[i].body, "sequence", 0), 1);
		assert_true(w->heard[i].signed_well);
	}
	assert_int_equal(ins_north_counters(w->north).acknowledged, 1);
}

static void test_trouble(void **state)
{
	static const unsigned statuses[] = { 500, 503, 400, 401, 404, 410, 429, 304 };

	for (size_t i = 0; i < DR_ARRAY_SIZE(statuses); i++) {
		struct north_world *w = *state;

		w->status = statuses[i];
		assert_comes_again(w);
		north_world_teardown(state);
		north_world_setup(state);
	}
}

static void test_huge_answer(void **state)
{
	struct north_world *w = *state;

	w->status = 200;
	w->huge = 1 << 20;
	assert_comes_again(w);
}

/* What the answer says beside its status is nobody's business. */
static void test_body_of_the_answer(void **state)
{
	struct north_world *w = *state;
	char id[64];

	w->status = 200;
	w->huge = 1000;
	north_subscribe(w, "/hook", NULL, id);
	north_raise(w, "f1", "compute-1", 1);
	north_wait(w, ins_north_counters(w->north).acknowledged == 1);
	assert_int_equal(w->heard_count, 1);
}

static int on_connection(struct dr_source *s, int fd, uint32_t events, void *userdata)
{
	DR_AUTO_CLOSE int c = accept4(fd, NULL, NULL, SOCK_CLOEXEC);
	unsigned *connections = userdata;

	++*connections;
	assert_int_equal(send(c, "\0\377no HTTP\r\n\r\n", 13, MSG_NOSIGNAL), 13);
	return 0;
}

static void test_answer_that_is_none(void **state)
{
	struct north_world *w = *state;
	uint16_t port;
	DR_AUTO_CLOSE int fd = raw_listen(&port);
	DR_AUTO(dr_source_freep) struct dr_source *source = NULL;
	unsigned connections = 0;
	char body[256];

	assert_int_equal(dr_loop_add_io(w->loop, fd, EPOLLIN, on_connection, &connections, &source), 0);
	snprintf(body, sizeof(body), "{\"callback\": \"http://127.0.0.1:%u/\", \"secret\": \"" SECRET "\"}",
		 port);
	north_ask(w, "POST", "/v1/subscriptions", body, 201);
	north_raise(w, "f1", "compute-1", 1);
	north_wait(w, ins_north_counters(w->north).failures >= 2);
	assert_true(connections >= 2);
	assert_int_equal(north_rows(w, "north_pending"), 1);
}

static void test_redirect(void **state)
{
	struct north_world *w = *state;

	w->status = 307;
	w->location = "/elsewhere";
	assert_comes_again(w);
	assert_int_equal(north_heard(w, "/elsewhere", NULL, NULL), 0);
}

static void test_subscriber_is_down(void **state)
{
	struct north_world *w = *state;
	char id[64];

	north_ask(w, "POST", "/v1/subscriptions",
		  "{\"callback\": \"http://127.0.0.1:1/hook\", \"secret\": \"" SECRET "\"}", 201);
	snprintf(id, sizeof(id), "/v1/subscriptions/%.36s", dr_json_get_str(w->answer, "subscription_id"));
	north_raise(w, "f1", "compute-1", 1);
	north_wait(w, ins_north_counters(w->north).failures >= 3);
	north_ask(w, "GET", id, NULL, 200);
	assert_int_equal(dr_json_get_number(w->answer, "pending", 0), 1);
	assert_non_null(dr_json_get_str(w->answer, "trouble"));
	assert_null(strstr(w->answer_text, SECRET));
}

static void test_restart(void **state)
{
	struct north_world *w = *state;
	char id[64];

	north_subscribe(w, "/hook", "{\"severity\": \"warning\", \"ids\": [\"compute-1\"]}", id);
	w->status = 500;
	north_raise(w, "f1", "compute-1", 2);
	north_wait(w, w->heard_count >= 1);
	north_clear(w, "f1", "compute-1", 2);
	north_restart(w);
	assert_int_equal(ins_north_counters(w->north).pending, 2);
	assert_int_equal(ins_north_counters(w->north).subscriptions, 1);
	w->status = 200;
	north_wait(w, ins_north_counters(w->north).pending == 0);
	assert_int_equal(north_heard(w, NULL, "f1", "cleared"), 1);
	for (unsigned i = 1; i + 1 < w->heard_count; i++)
		assert_string_equal(w->heard[i].id, w->heard[0].id);
	/* and the filter is what it was */
	north_raise(w, "f2", "compute-2", 1);
	assert_int_equal(ins_north_counters(w->north).pending, 0);
}

/* In the middle of a webhook: it comes again, though it may have been taken. */
static void test_restart_under_way(void **state)
{
	struct north_world *w = *state;
	char id[64];

	north_subscribe(w, "/hook", NULL, id);
	w->status = 0;
	north_raise(w, "f1", "compute-1", 2);
	north_wait(w, w->waiting_count == 1);
	north_restart(w);
	dr_http_reply(w->waiting[0], 200, NULL, NULL, 0);
	w->status = 200;
	north_wait(w, ins_north_counters(w->north).acknowledged == 1);
	assert_int_equal(w->heard_count, 2);
	assert_string_equal(w->heard[0].id, w->heard[1].id);
}

/* ---------------------------------------------------------------- commits */

/* Something fails and is tried again all the time, so that it is not for want of an occasion. */
static void keep_busy(struct north_world *w)
{
	char id[64];

	w->fails = "/busy";
	north_subscribe(w, "/busy", "{\"ids\": [\"busy\"]}", id);
	north_raise(w, "busy", "busy", 1);
	north_wait(w, ins_north_counters(w->north).failures >= 1);
}

static void test_nothing_before_the_commit(void **state)
{
	struct north_world *w = *state;
	uint64_t attempts;
	char id[64];

	north_subscribe(w, "/hook", "{\"ids\": [\"compute-1\", \"compute-2\"]}", id);
	keep_busy(w);
	attempts = ins_north_counters(w->north).attempts;
	w->held = true;
	assert_int_equal(dr_store_begin(w->store, true), 0);
	north_raise(w, "f1", "compute-1", 1);
	north_raise(w, "f2", "compute-2", 1);
	north_wait(w, ins_north_counters(w->north).attempts >= attempts + 3);
	assert_int_equal(north_heard(w, "/hook", NULL, NULL), 0);
	assert_int_equal(dr_store_commit(w->store), 0);
	north_commit(w);
	north_wait(w, north_heard(w, "/hook", NULL, NULL) == 2);
}

static void test_answer_waits_for_the_commit(void **state)
{
	struct north_world *w = *state;
	struct dr_http_response none = {};
	char url[128];
	const char body[] = "{\"callback\": \"http://127.0.0.1:1/\", \"secret\": \"" SECRET "\"}";
	struct dr_http_request request = {
		.method = "POST", .url = url, .body = body, .body_len = strlen(body), .timeout = dr_msec(200)
	};

	keep_busy(w);
	snprintf(url, sizeof(url), "http://127.0.0.1:%u/v1/subscriptions", dr_http_server_port(w->server));
	w->held = true;
	assert_int_equal(dr_http_call(w->http, &request, &none), 0);
	assert_int_equal(none.error, -ETIMEDOUT);
	dr_http_response_done(&none);
	assert_non_null(w->committed);
	/* the end of the program answers those who still wait; and this one is gone */
	north_restart(w);
	assert_int_equal(ins_north_counters(w->north).subscriptions, 2);
}

/* Rolled back, it was never told. */
static void test_rolled_back_whole(void **state)
{
	struct north_world *w = *state;
	struct ins_fault bad = { .id = "f1", .type = "compute.host.down", .host = "compute-1" };
	char id[64];

	north_subscribe(w, "/hook", NULL, id);
	assert_int_equal(dr_store_exec(w->store, "CREATE TRIGGER full BEFORE INSERT ON north_pending BEGIN "
						 "SELECT RAISE(ABORT, 'no'); END"),
			 0);
	assert_int_equal(dr_store_begin(w->store, true), 0);
	assert_true(ins_north_fault(w->north, &bad) < 0);
	assert_int_equal(dr_store_commit(w->store), 0);
	assert_int_equal(north_rows(w, "north_faults"), 0);
	assert_int_equal(north_rows(w, "north_told"), 0);
	assert_int_equal(ins_north_counters(w->north).pending, 0);
	assert_int_equal(dr_store_exec(w->store, "DROP TRIGGER full"), 0);
	assert_int_equal(ins_north_fault(w->north, &bad), 0);
	north_wait(w, w->heard_count == 1);
}

/* ---------------------------------------------------------------- order */

static void test_order(void **state)
{
	struct north_world *w = *state;
	char id[64];

	north_subscribe(w, "/hook", NULL, id);
	w->status = 500;
	north_raise(w, "f1", "compute-1", 1);
	for (int64_t i = 0; i < 20; i++)
		north_change(w, "f1", "compute-1", 1, 1100 + i);
	north_wait(w, w->heard_count >= 2);
	north_clear(w, "f1", "compute-1", 1);
	/* what only says "changed" is covered by what came later */
	assert_int_equal(north_rows(w, "north_pending"), 2);
	assert_int_equal(ins_north_counters(w->north).superseded, 20);
	north_turn(w, dr_msec(50));
	assert_int_equal(north_heard(w, NULL, NULL, "raised"), w->heard_count);
	w->status = 200;
	north_wait(w, ins_north_counters(w->north).pending == 0);
	assert_int_equal(north_heard(w, NULL, NULL, "changed"), 0);
	assert_int_equal(north_heard(w, NULL, NULL, "cleared"), 1);
	assert_string_equal(w->heard[w->heard_count - 1].state, "cleared");
	assert_int_equal(dr_json_get_number(w->heard[w->heard_count - 1].body, "sequence", 0), 22);
}

/* One that is under way is not superseded, and what comes after it waits. */
static void test_order_under_way(void **state)
{
	struct north_world *w = *state;
	char id[64];

	north_subscribe(w, "/hook", NULL, id);
	north_raise(w, "f1", "compute-1", 1);
	north_wait(w, ins_north_counters(w->north).acknowledged == 1);
	w->status = 0;
	north_change(w, "f1", "compute-1", 1, 1100);
	north_wait(w, w->waiting_count == 1);
	north_change(w, "f1", "compute-1", 1, 1200);
	north_clear(w, "f1", "compute-1", 1);
	north_turn(w, dr_msec(30));
	assert_int_equal(w->heard_count, 2);
	w->status = 200;
	dr_http_reply(w->waiting[0], 200, NULL, NULL, 0);
	north_wait(w, ins_north_counters(w->north).pending == 0);
	assert_int_equal(w->heard_count, 3);
	assert_string_equal(w->heard[1].state, "changed");
	assert_string_equal(w->heard[2].state, "cleared");
}

#define FAULTS 12

/* Of each fault the subscriber hears in order, its beginning and its end at least, once or more often. */
static void assert_heard_in_order(const struct north_world *w, const char *path, const char *fault)
{
	double last = 0;
	const char *first = NULL, *end = NULL;

	for (unsigned i = 0; i < w->heard_count; i++) {
		const struct heard *h = &w->heard[i];
		double sequence = dr_json_get_number(h->body, "sequence", 0);

		if (strcmp(h->fault, fault) || strcmp(h->path, path))
			continue;
		if (sequence < last)
			fail_msg("%s: %s: %g after %g", path, fault, sequence, last);
		last = sequence;
		first = first ? first : h->state;
		end = h->state;
	}
	assert_string_equal(first, "raised");
	assert_string_equal(end, "cleared");
}

/* Whatever the subscribers answer, and however often the inspector is started anew. */
static void test_any_order_of_things(void **state)
{
	struct north_world *w = *state;
	unsigned at[FAULTS] = {}; /* steps of each: raised, three changes, cleared */
	unsigned open = FAULTS, restarts = 0;
	char id[64], fault[32];

	srandom(4711);
	w->dice = true;
	north_subscribe(w, "/a", NULL, id);
	north_subscribe(w, "/b", NULL, id);
	while (open || restarts < 5) {
		unsigned i = (unsigned)random() % FAULTS;

		snprintf(fault, sizeof(fault), "f%u", i);
		if (at[i] == 0)
			north_raise(w, fault, "compute-1", 1);
		else if (at[i] < 4)
			north_change(w, fault, "compute-1", 1, 1000 + at[i]);
		else if (at[i] == 4)
			north_clear(w, fault, "compute-1", 1);
		open -= at[i]++ == 4;
		if (random() % 4 == 0)
			north_turn(w, dr_msec(random() % 8));
		if (random() % 10 == 0) {
			north_restart(w);
			restarts++;
		}
	}
	north_turn(w, dr_msec(100));
	w->dice = false;
	north_wait(w, ins_north_counters(w->north).pending == 0);
	for (unsigned i = 0; i < FAULTS; i++) {
		snprintf(fault, sizeof(fault), "f%u", i);
		assert_heard_in_order(w, "/a", fault);
		assert_heard_in_order(w, "/b", fault);
	}
}

/* ---------------------------------------------------------------- acknowledgement */

static void test_acknowledged_in_words(void **state)
{
	struct north_world *w = *state;
	char id[64], path[128];

	north_subscribe(w, "/hook", NULL, id);
	w->status = 202;
	north_raise(w, "f1", "compute-1", 1);
	north_clear(w, "f1", "compute-1", 1);
	/* received, and not acknowledged: again, with the same id, and nothing overtakes it */
	north_wait(w, w->heard_count >= 2);
	assert_int_equal(north_heard(w, NULL, NULL, "raised"), w->heard_count);
	assert_int_equal(ins_north_counters(w->north).acknowledged, 0);
	assert_int_equal(ins_north_counters(w->north).failures, 0);
	snprintf(path, sizeof(path), "/v1/notifications/%.36s/ack", w->heard[0].id);
	north_ask(w, "POST", path, NULL, 200);
	north_wait(w, north_heard(w, NULL, NULL, "cleared") >= 1);
	north_ask(w, "POST", path, NULL, 404);
	assert_int_equal(ins_north_counters(w->north).acknowledged, 1);
	assert_int_equal(north_rows(w, "north_pending"), 1);
}

/* Acknowledged before the webhook itself is answered. */
static void test_acknowledged_under_way(void **state)
{
	struct north_world *w = *state;
	char id[64], path[128];

	north_subscribe(w, "/hook", NULL, id);
	w->status = 0;
	north_raise(w, "f1", "compute-1", 1);
	north_clear(w, "f1", "compute-1", 1);
	north_wait(w, w->waiting_count == 1);
	snprintf(path, sizeof(path), "/v1/notifications/%.36s/ack", w->heard[0].id);
	north_ask(w, "POST", path, NULL, 200);
	north_ask(w, "POST", path, NULL, 200);
	assert_int_equal(ins_north_counters(w->north).acknowledged, 1);
	w->status = 200;
	dr_http_reply(w->waiting[0], 500, NULL, NULL, 0);
	north_wait(w, north_heard(w, NULL, NULL, "cleared") == 1);
	assert_int_equal(north_heard(w, NULL, NULL, "raised"), 1);
}

/* ---------------------------------------------------------------- bounds */

static void test_attempts(void **state)
{
	struct north_world *w = *state;
	char id[64];

	w->conf.retry.attempts = 3;
	north_subscribe(w, "/hook", NULL, id);
	w->status = 500;
	north_raise(w, "f1", "compute-1", 1);
	north_clear(w, "f1", "compute-1", 1);
	north_wait(w, ins_north_counters(w->north).expired == 2);
	assert_int_equal(north_heard(w, NULL, NULL, "raised"), 3);
	assert_int_equal(north_heard(w, NULL, NULL, "cleared"), 3);
	assert_string_equal(w->heard[2].state, "raised");
	assert_int_equal(north_rows(w, "north_pending"), 0);
}

static void test_expiry(void **state)
{
	struct north_world *w = *state;
	char id[64];

	w->conf.retry.expire = dr_msec(200);
	north_subscribe(w, "/hook", NULL, id);
	w->status = 202;
	north_raise(w, "f1", "compute-1", 1);
	north_wait(w, ins_north_counters(w->north).expired == 1);
	assert_true(w->heard_count >= 2);
	assert_int_equal(north_rows(w, "north_pending"), 0);
}

/* While the inspector was not there, time passed as well. */
static void test_expiry_over_a_restart(void **state)
{
	struct north_world *w = *state;
	char id[64];

	north_subscribe(w, "/hook", NULL, id);
	w->held = true;
	north_raise(w, "f1", "compute-1", 1);
	assert_int_equal(
		dr_store_exec(w->store, "UPDATE north_pending SET created = created - 7200000000000"), 0);
	w->held = false;
	north_restart(w);
	north_wait(w, ins_north_counters(w->north).expired == 1);
	assert_int_equal(w->heard_count, 0);
	assert_int_equal(north_rows(w, "north_pending"), 0);
}

/* Too many wait: the oldest are given up. */
static void test_pending(void **state)
{
	struct north_world *w = *state;
	char id[64], fault[32];

	w->conf.pending = 5;
	north_subscribe(w, "/hook", NULL, id);
	w->status = 500;
	for (unsigned i = 0; i < 20; i++) {
		snprintf(fault, sizeof(fault), "f%u", i);
		north_raise(w, fault, "compute-1", 1);
	}
	north_wait(w, ins_north_counters(w->north).expired == 15);
	assert_int_equal(north_rows(w, "north_pending"), 5);
	w->status = 200;
	north_wait(w, ins_north_counters(w->north).pending == 0);
	assert_true(north_heard(w, NULL, "f19", NULL) >= 1);
}

static void test_history(void **state)
{
	struct north_world *w = *state;
	char id[32];

	w->conf.history = 3;
	north_raise(w, "open", "compute-1", 2);
	for (unsigned i = 0; i < 10; i++) {
		snprintf(id, sizeof(id), "f%u", i);
		north_clear(w, id, "compute-1", 2);
	}
	assert_int_equal(north_rows(w, "north_faults"), 4);
	assert_int_equal(north_rows(w, "north_fault_servers"), 8);
	north_ask(w, "GET", "/v1/faults/f9", NULL, 200);
	north_ask(w, "GET", "/v1/faults/f6", NULL, 404);
	north_ask(w, "GET", "/v1/faults/open", NULL, 200);
}

/* ---------------------------------------------------------------- several subscribers */

static void test_slow_holds_up_nobody(void **state)
{
	struct north_world *w = *state;
	char id[64], path[32], fault[32];

	w->conf.parallel = 4;
	w->hangs = "/slow";
	w->fails = "/bad";
	north_subscribe(w, "/slow", NULL, id);
	north_subscribe(w, "/bad", NULL, id);
	for (unsigned i = 0; i < 3; i++) {
		snprintf(path, sizeof(path), "/good-%u", i);
		north_subscribe(w, path, NULL, id);
	}
	for (unsigned i = 0; i < 20; i++) {
		snprintf(fault, sizeof(fault), "f%u", i);
		north_raise(w, fault, "compute-1", 1);
	}
	north_wait(w, ins_north_counters(w->north).acknowledged == 60);
	/* one at a time to who has not answered yet */
	assert_int_equal(w->waiting_count, 1);
	assert_int_equal(north_heard(w, "/slow", NULL, NULL), 1);
	for (unsigned i = 0; i < 3; i++) {
		snprintf(path, sizeof(path), "/good-%u", i);
		assert_int_equal(north_heard(w, path, NULL, NULL), 20);
	}
	dr_http_reply(w->waiting[0], 200, NULL, NULL, 0);
}

/* Be there ever so many that do not answer. */
static void test_many_slow_ones(void **state)
{
	struct north_world *w = *state;
	char id[64], path[32], fault[32];

	w->conf.parallel = 4;
	w->hangs = "/slow";
	for (unsigned i = 0; i < 8; i++) {
		snprintf(path, sizeof(path), "/slow-%u", i);
		north_subscribe(w, path, NULL, id);
	}
	north_subscribe(w, "/good", NULL, id);
	/* it has proven itself before the others came into trouble */
	w->hangs = NULL;
	north_raise(w, "f", "compute-1", 1);
	north_wait(w, ins_north_counters(w->north).acknowledged == 9);
	w->fails = "/slow";
	north_raise(w, "g", "compute-1", 1);
	north_wait(w, ins_north_counters(w->north).failures >= 8);
	w->hangs = "/slow";
	w->fails = NULL;
	for (unsigned i = 0; i < 20; i++) {
		snprintf(fault, sizeof(fault), "f%u", i);
		north_raise(w, fault, "compute-1", 1);
	}
	north_wait(w, ins_north_counters(w->north).acknowledged == 30);
	north_turn(w, dr_msec(60));
	assert_int_equal(w->waiting_count, 2);
	for (unsigned i = 0; i < 2; i++)
		dr_http_reply(w->waiting[i], 200, NULL, NULL, 0);
}

/* No more at once than is allowed, neither of one nor of all. */
static void test_parallel(void **state)
{
	struct north_world *w = *state;
	char id[64], fault[32];

	w->conf.parallel = 3;
	w->conf.per_subscriber = 2;
	north_subscribe(w, "/a", NULL, id);
	north_subscribe(w, "/b", NULL, id);
	for (unsigned i = 0; i < 4; i++) {
		snprintf(fault, sizeof(fault), "f%u", i);
		north_raise(w, fault, "compute-1", 1);
	}
	/* both have answered well: they are trusted with two at once */
	north_wait(w, ins_north_counters(w->north).acknowledged == 8);
	w->status = 0;
	for (unsigned i = 4; i < 12; i++) {
		snprintf(fault, sizeof(fault), "f%u", i);
		north_raise(w, fault, "compute-1", 1);
	}
	north_wait(w, w->waiting_count == 3);
	north_turn(w, dr_msec(50));
	assert_int_equal(w->waiting_count, 3);
	w->status = 200;
	for (unsigned i = 0; i < 3; i++)
		dr_http_reply(w->waiting[i], 200, NULL, NULL, 0);
	north_wait(w, ins_north_counters(w->north).pending == 0);
	assert_int_equal(w->heard_count, 24);
}

/* One notification that is never taken does not keep its subscriber from the others. */
static void test_poison(void **state)
{
	struct north_world *w = *state;
	char id[64], fault[32];

	w->poison = "f0";
	north_subscribe(w, "/hook", NULL, id);
	for (unsigned i = 0; i < 10; i++) {
		snprintf(fault, sizeof(fault), "f%u", i);
		north_raise(w, fault, "compute-1", 1);
	}
	north_wait(w, ins_north_counters(w->north).acknowledged == 9);
	assert_int_equal(north_rows(w, "north_pending"), 1);
	w->poison = NULL;
	north_wait(w, ins_north_counters(w->north).acknowledged == 10);
}

static void test_unsubscribed_under_way(void **state)
{
	struct north_world *w = *state;
	char id[64], path[128];

	north_subscribe(w, "/hook", NULL, id);
	w->status = 0;
	north_raise(w, "f1", "compute-1", 1);
	north_raise(w, "f2", "compute-1", 1);
	north_wait(w, w->waiting_count == 1);
	snprintf(path, sizeof(path), "/v1/subscriptions/%.36s", id);
	north_ask(w, "DELETE", path, NULL, 200);
	assert_int_equal(north_rows(w, "north_pending"), 0);
	assert_int_equal(north_rows(w, "north_told"), 0);
	w->status = 200;
	dr_http_reply(w->waiting[0], 200, NULL, NULL, 0);
	north_turn(w, dr_msec(50));
	assert_int_equal(w->heard_count, 1);
	assert_int_equal(ins_north_counters(w->north).pending, 0);
	north_ask(w, "DELETE", path, NULL, 404);
	/* and what is under way when the program ends */
	north_subscribe(w, "/hook", NULL, id);
	w->status = 0;
	north_raise(w, "f3", "compute-1", 1);
	north_wait(w, w->waiting_count == 2);
	snprintf(path, sizeof(path), "/v1/subscriptions/%.36s", id);
	north_ask(w, "DELETE", path, NULL, 200);
	north_restart(w);
	dr_http_reply(w->waiting[1], 200, NULL, NULL, 0);
}

#define world(test) cmocka_unit_test_setup_teardown(test, north_world_setup, north_world_teardown)

int main(void)
{
	const struct CMUnitTest tests[] = {
		world(test_one_message_for_all_servers),
		world(test_whole_life),
		world(test_told_again),
		world(test_who_was_told),
		world(test_trouble),
		world(test_huge_answer),
		world(test_body_of_the_answer),
		world(test_answer_that_is_none),
		world(test_redirect),
		world(test_subscriber_is_down),
		world(test_restart),
		world(test_restart_under_way),
		world(test_nothing_before_the_commit),
		world(test_answer_waits_for_the_commit),
		world(test_rolled_back_whole),
		world(test_order),
		world(test_order_under_way),
		world(test_any_order_of_things),
		world(test_acknowledged_in_words),
		world(test_acknowledged_under_way),
		world(test_attempts),
		world(test_expiry),
		world(test_expiry_over_a_restart),
		world(test_pending),
		world(test_history),
		world(test_slow_holds_up_nobody),
		world(test_many_slow_ones),
		world(test_parallel),
		world(test_poison),
		world(test_unsubscribed_under_way),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
