// SPDX-License-Identifier: Apache-2.0
/* Fencing by a BMC: only a PowerState "Off" that was read is success, whatever else it says. */
#include "tests/unit/fence_world.h"

#define SYSTEM "/Systems/1"
#define SYSTEMS "/redfish/v1/Systems"
#define RESET "/ComputerSystem.Reset"
#define PASSWORD "hunter2"
#define LOGIN "Basic ZG9jdG9yOmh1bnRlcjI=" /* doctor:hunter2 */

static void use_bmc(struct fence_world *w, const char *timeout, const char *more)
{
	fence_configure(w,
			"fence: {method: redfish, timeout: %s, redfish: {poll: 10ms, insecure: true, "
			"url: 'http://127.0.0.1:%u'%s}}\n",
			timeout, dr_http_server_port(w->bmc->server), more);
}

static void assert_result(const struct ins_fence_result *r, bool fenced, bool retryable, const char *reason)
{
	if (r->fenced != fenced || r->retryable != retryable || !strstr(r->reason, reason))
		fail_msg("%s%s: \"%s\", not \"%s\"", r->fenced ? "fenced" : "not fenced",
			 r->retryable ? ", retryable" : "", r->reason, reason);
}

/* The test's own BMC anew. */
static void renew(struct fence_world *w)
{
	fake_bmc_free(w->bmc);
	assert_int_equal(fake_bmc_new(w->loop, &w->bmc), 0);
}

/* ---------------------------------------------------------------- it goes well */

static void test_off(void **state)
{
	struct fence_world *w = *state;
	struct fake_system *s = fake_bmc_add(w->bmc, "1");

	s->off_after = 3;
	use_bmc(w, "20s", "");
	assert_result(fence(w), true, false, "PowerState is \"Off\"");
	assert_int_equal(s->resets, 1);
	assert_string_equal(s->reset_type, "ForceOff");
	assert_string_equal(w->bmc->asked[0], "GET " SYSTEMS);
	assert_string_equal(w->bmc->asked[1], "GET " SYSTEMS "/1");
	assert_string_equal(w->bmc->asked[2], "POST " SYSTEMS "/1/Actions" RESET);
	assert_int_equal(fake_bmc_count(w->bmc, "GET " SYSTEMS "/1"), 5);
	/* once more: nothing is left to do */
	assert_result(fence(w), true, false, "PowerState is \"Off\", as it was before");
	assert_int_equal(s->resets, 1);
}

static void test_ways_to_off(void **state)
{
	static const struct {
		const char *what;
		struct fake_system system;
		const char *more;
		unsigned reset_status;
		const char *type;
	} cases[] = {
		{ "a task", { .off_after = 2 }, "", 202, "ForceOff" },
		{ "a body", { .off_after = 2 }, "", 200, "ForceOff" },
		{ "a state between",
		  { .off_after = 2, .meanwhile = "\"PoweringOff\"" },
		  "",
		  204,
		  "ForceOff" },
		{ "no state for a while", { .off_after = 2, .meanwhile = "null" }, "", 204, "ForceOff" },
		{ "nothing said of what is allowed", { .allowable = NULL }, "", 204, "ForceOff" },
		{ "asked from any state", { .power = "\"PoweringOn\"" }, "", 204, "ForceOff" },
		{ "the state unknown before", { .power = "\"Paused\"" }, "", 204, "ForceOff" },
		{ "the path given", {}, ", system: /redfish/v1/Systems/1", 204, "ForceOff" },
		{ "gently", { .off_after = 1 }, ", reset: GracefulShutdown", 204, "GracefulShutdown" },
	};
	struct fence_world *w = *state;

	for (size_t i = 0; i < DR_ARRAY_SIZE(cases); i++) {
		struct fake_system *s;

		renew(w);
		s = fake_bmc_add(w->bmc, "1");
		s->off_after = cases[i].system.off_after;
		s->meanwhile = cases[i].system.meanwhile;
		if (cases[i].system.power)
			s->power = cases[i].system.power;
		if (!strncmp(cases[i].what, "nothing said", 12))
			s->allowable = NULL;
		w->bmc->reset_status = cases[i].reset_status;
		use_bmc(w, "20s", cases[i].more);
		if (!fence(w)->fenced)
			fail_msg("%s: %s", cases[i].what, w->a.result.reason);
		assert_int_equal(s->resets, 1);
		assert_string_equal(s->reset_type, cases[i].type);
	}
}

/* Several computers behind one BMC, each by its path; one host by an entry of its own. */
static void test_which_system(void **state)
{
	struct fence_world *w = *state;
	struct fake_system *h1 = fake_bmc_add(w->bmc, "h1"), *h2 = fake_bmc_add(w->bmc, "h2"),
			   *odd = fake_bmc_add(w->bmc, "odd");

	use_bmc(w, "20s",
		", system: '/redfish/v1/Systems/{short}', hosts: {h9.example: {system: "
		"/redfish/v1/Systems/odd}}");
	assert_true(fence(w)->fenced);
	assert_int_equal(h1->resets, 1);
	assert_int_equal(h2->resets + odd->resets, 0);
	fence_start(w, "h9.example", "i9", &w->b);
	WAIT_FOR(w->loop, w->b.calls);
	assert_true(w->b.result.fenced);
	assert_int_equal(odd->resets, 1);
	assert_int_equal(h2->resets, 0);
	assert_int_equal(fake_bmc_count(w->bmc, "GET " SYSTEMS "/h2"), 0);
}

static void test_hosts_without_a_bmc(void **state)
{
	struct fence_world *w = *state;

	fake_bmc_add(w->bmc, "1");
	fence_configure(w,
			"fence: {method: redfish, redfish: {hosts: {h2: {insecure: yes, url: "
			"'http://127.0.0.1:%u'}}}}\n",
			dr_http_server_port(w->bmc->server));
	assert_result(fence(w), false, false, "no BMC is configured for this host");
	assert_int_equal(w->bmc->asked_count, 0);
	fence_start(w, "h2", "i2", &w->b);
	WAIT_FOR(w->loop, w->b.calls);
	assert_true(w->b.result.fenced);
}

/* ---------------------------------------------------------------- it does not */

static void test_one_that_stays_on(void **state)
{
	static const char *const powers[] = { "\"On\"",		 "\"off\"",	"\"Off \"",
					      "\"PoweringOff\"", "\"Offline\"", "null",
					      "false",		 "[\"Off\"]",	"0" };
	struct fence_world *w = *state;

	for (size_t i = 0; i < DR_ARRAY_SIZE(powers); i++) {
		struct fake_system *s;

		renew(w);
		s = fake_bmc_add(w->bmc, "1");
		s->off_after = UINT_MAX - 1;
		s->meanwhile = powers[i];
		use_bmc(w, "1s", "");
		assert_result(fence(w), false, true, "not off within 1s: PowerState last read is \"");
		assert_int_equal(s->resets, 1);
		assert_true(fake_bmc_count(w->bmc, "GET " SYSTEMS "/1") > 2);
	}
	renew(w);
	fake_bmc_add(w->bmc, "1")->off_after = UINT_MAX;
	use_bmc(w, "1s", "");
	assert_result(fence(w), false, true, "not off within 1s: PowerState last read is \"On\"");
	assert_null(strstr(w->a.result.reason, ";"));
}

/* What the answers to one request lead to. resets: done by the BMC, whatever it said. */
static void test_answers(void **state)
{
	static const char garbage[] = "<html>ForceOff \"PowerState\": \"Off\"",
			  cut[] = "{\"PowerState\": \"Off\"";
	static const struct {
		struct fake_bmc_rule rule;
		bool fenced, retryable;
		unsigned resets;
		const char *reason;
	} cases[] = {
		/* the list */
		{ { "GET", "/Systems", 401, NULL, 1, 0 },
		  0,
		  0,
		  0,
		  "systems: the login is refused, status 401: As the" },
		{ { "GET", "/Systems", 403, NULL, 1, 0 },
		  0,
		  0,
		  0,
		  "systems: the login is refused, status 403: As the" },
		{ { "GET", "/Systems", 404, NULL, 1, 0 },
		  0,
		  0,
		  0,
		  "the list of systems: status 404: As the test wants it." },
		{ { "GET", "/Systems", 301, "", 1, 0 }, 0, 0, 0, "the list of systems: status 301" },
		{ { "GET", "/Systems", 500, garbage, 1, 0 }, 0, 1, 0, "the list of systems: status 500" },
		{ { "GET", "/Systems", 503, NULL, 1, 0 },
		  0,
		  1,
		  0,
		  "the list of systems: status 503: As the test wants it." },
		{ { "GET", "/Systems", 200, garbage, 1, 0 },
		  0,
		  1,
		  0,
		  "the list of systems: the answer is no JSON object" },
		{ { "GET", "/Systems", 200, "[]", 1, 0 },
		  0,
		  1,
		  0,
		  "the list of systems: the answer is no JSON object" },
		{ { "GET", "/Systems", 200, "{}", 1, 0 },
		  0,
		  0,
		  0,
		  "the BMC's list of systems has none in it" },
		{ { "GET", "/Systems", 200, "{\"Members\": []}", 1, 0 }, 0, 0, 0, "has none in it" },
		{ { "GET", "/Systems", 200, "{\"Members\": [{\"@odata.id\": \"@evil/x\"}]}", 1, 0 },
		  0,
		  0,
		  0,
		  "has none in it" },
		{ { "GET", "/Systems", 200, "{\"Members\": [{\"@odata.id\": 7}]}", 1, 0 },
		  0,
		  0,
		  0,
		  "has none in it" },
		{ { "GET", "/Systems", 200,
		    "{\"Members\": [{\"@odata.id\": \"/a\"}, {\"@odata.id\": \"/b\"}]}", 1, 0 },
		  0,
		  0,
		  0,
		  "several systems" },
		{ { "GET", "/Systems", 200,
		    "{\"Members\": [{\"@odata.id\": \"/a\"}], \"Members@odata.nextLink\": \"/b\"}", 1, 0 },
		  0,
		  0,
		  0,
		  "several systems" },
		{ { "GET", "/Systems", 0, NULL, 1, 0 },
		  0,
		  1,
		  0,
		  "the list of systems: no answer: no answer within 2s" },
		/* the system, before the reset */
		{ { "GET", SYSTEM, 401, NULL, 1, 0 },
		  0,
		  0,
		  0,
		  "the system: the login is refused, status 401" },
		{ { "GET", SYSTEM, 404, NULL, 1, 0 },
		  0,
		  0,
		  0,
		  "the system: status 404: As the test wants it." },
		{ { "GET", SYSTEM, 429, NULL, 1, 0 }, 0, 1, 0, "the system: status 429" },
		{ { "GET", SYSTEM, 500, NULL, 1, 0 }, 0, 1, 0, "the system: status 500" },
		{ { "GET", SYSTEM, 500, "{\"error\": {\"message\": \"Broken.\"}}", 1, 0 },
		  0,
		  1,
		  0,
		  "status 500: Broken." },
		{ { "GET", SYSTEM, 200, garbage, 1, 0 },
		  0,
		  1,
		  0,
		  "the system: the answer is no JSON object" },
		{ { "GET", SYSTEM, 200, cut, 1, 0 }, 0, 1, 0, "the system: the answer is no JSON object" },
		{ { "GET", SYSTEM, 200, "", 1, 0 }, 0, 1, 0, "the system: the answer is no JSON object" },
		{ { "GET", SYSTEM, 200, "{\"PowerState\": \"Off\"}", 1, 0 },
		  0,
		  0,
		  0,
		  "/redfish/v1/Systems/1 is no ComputerSystem" },
		{ { "GET", SYSTEM, 200,
		    "{\"@odata.type\": \"#Chassis.v1_0_0.Chassis\", \"PowerState\": \"Off\"}", 1, 0 },
		  0,
		  0,
		  0,
		  "is no ComputerSystem" },
		{ { "GET", SYSTEM, 200, "{\"@odata.type\": \"#ComputerSystem.v1_0_0.ComputerSystem\"}", 1,
		    0 },
		  0,
		  1,
		  0,
		  "does not say its PowerState" },
		{ { "GET", SYSTEM, 206, "{\"error\": {}}", 1, 0 }, 0, 0, 0, "is no ComputerSystem" },
		{ { "GET", SYSTEM, 0, NULL, 1, 0 }, 0, 1, 0, "the system: no answer: no answer within 2s" },
		/* the reset is refused, */
		{ { "POST", RESET, 400, NULL, 1, 0 },
		  0,
		  0,
		  0,
		  "the reset: status 400: As the test wants it." },
		{ { "POST", RESET, 401, NULL, 1, 0 },
		  0,
		  0,
		  0,
		  "the reset: the login is refused, status 401" },
		{ { "POST", RESET, 403, NULL, 1, 0 },
		  0,
		  0,
		  0,
		  "the reset: the login is refused, status 403" },
		{ { "POST", RESET, 404, NULL, 1, 0 }, 0, 0, 0, "the reset: status 404" },
		{ { "POST", RESET, 409, NULL, 1, 0 }, 0, 1, 0, "the reset: status 409" },
		{ { "POST", RESET, 500, NULL, 1, 0 }, 0, 1, 0, "the reset: status 500" },
		{ { "POST", RESET, 503, garbage, 1, 0 }, 0, 1, 0, "the reset: status 503" },
		/* and the system is off all the same; or nothing is said of it, */
		{ { "POST", RESET, 409, NULL, 1, 1 },
		  1,
		  0,
		  1,
		  "PowerState is \"Off\", though the reset was refused" },
		{ { "POST", RESET, 500, NULL, 1, 1 },
		  1,
		  0,
		  1,
		  "PowerState is \"Off\", though the reset was refused" },
		{ { "POST", RESET, 0, NULL, 1, 1 }, 1, 0, 1, "PowerState is \"Off\"" },
		/* or it was not heard, and nobody knows */
		{ { "POST", RESET, 0, NULL, 1, 0 },
		  0,
		  1,
		  0,
		  "not off within 4s: PowerState last read is \"On\"; the reset: no answer" },
		/* it is accepted, and nothing comes of it */
		{ { "POST", RESET, 200, garbage, 1, 0 },
		  0,
		  1,
		  0,
		  "not off within 1s: PowerState last read is \"On\"" },
		{ { "POST", RESET, 202, "{\"TaskState\": \"Exception\"}", 1, 0 },
		  0,
		  1,
		  0,
		  "not off within 1s: PowerState last" },
	};
	struct fence_world *w = *state;

	for (size_t i = 0; i < DR_ARRAY_SIZE(cases); i++) {
		struct fake_system *s;

		renew(w);
		s = fake_bmc_add(w->bmc, "1");
		fake_bmc_rule(w->bmc, &cases[i].rule);
		/* half of it for an answer */
		use_bmc(w, cases[i].fenced || !cases[i].rule.status ? "4s" : "1s", "");
		assert_result(fence(w), cases[i].fenced, cases[i].retryable, cases[i].reason);
		assert_int_equal(s->resets, cases[i].resets);
	}
}

/* The list shows it on; once the reset is accepted it is asked until it says Off, whatever comes between. */
static void test_trouble_while_it_goes_off(void **state)
{
	static const struct fake_bmc_rule bad[] = {
		{ "GET", SYSTEM, 503, NULL, 2, false },
		{ "GET", SYSTEM, 200, "{\"PowerState\": \"Off\"}", 1, false },
		{ "GET", SYSTEM, 200, "garbage", 1, false },
		{ "GET", SYSTEM, 401, NULL, 1, false },
		{ "GET", SYSTEM, 404, NULL, 1, false },
		{ "GET", SYSTEM, 0, NULL, 1, false },
	};
	static const char on[] =
		"{\"@odata.type\": \"#ComputerSystem.v1_0_0.ComputerSystem\", \"PowerState\": \"On\", "
		"\"Actions\": {\"#ComputerSystem.Reset\": {\"target\": \"" SYSTEMS "/1/Actions" RESET "\"}}}";
	const struct fake_bmc_rule first = { "GET", SYSTEM, 200, on, 1, false };
	struct fence_world *w = *state;
	struct fake_system *s = fake_bmc_add(w->bmc, "1");

	fake_bmc_rule(w->bmc, &first);
	for (size_t i = 0; i < DR_ARRAY_SIZE(bad); i++)
		fake_bmc_rule(w->bmc, &bad[i]);
	use_bmc(w, "4s", "");
	assert_result(fence(w), true, false, "PowerState is \"Off\"");
	assert_int_equal(s->resets, 1);

	/* to the end */
	renew(w);
	fake_bmc_add(w->bmc, "1");
	fake_bmc_rule(w->bmc, &first);
	fake_bmc_rule(w->bmc, &(struct fake_bmc_rule){ "GET", SYSTEM, 503, NULL, UINT_MAX, false });
	use_bmc(w, "1s", "");
	assert_result(
		fence(w), false, true,
		"not off within 1s: PowerState last read is \"On\"; the system: status 503: As the test");
}

/* Refused because it is on its way already. */
static void test_refused_while_it_goes_off(void **state)
{
	struct fence_world *w = *state;
	struct fake_system *s = fake_bmc_add(w->bmc, "1");

	s->off_after = 3;
	s->meanwhile = "\"PoweringOff\"";
	fake_bmc_rule(w->bmc, &(struct fake_bmc_rule){ "POST", RESET, 409, NULL, 1, true });
	use_bmc(w, "20s", "");
	assert_result(fence(w), true, false, "PowerState is \"Off\", though the reset was refused");
	assert_int_equal(fake_bmc_count(w->bmc, "POST"), 1);
}

static void test_systems_that_offer_too_little(void **state)
{
	static const struct {
		const char *allowable, *target, *reason;
	} cases[] = {
		{ "[\"On\", \"GracefulShutdown\"]", NULL,
		  "does not offer the reset ForceOff, but: On, GracefulShutdown" },
		{ "[\"forceoff\", 7]", NULL, "does not offer the reset ForceOff, but: forceoff, ?" },
		{ "[]", NULL, "does not offer the reset ForceOff, but: none" },
		{ NULL, "", "the system offers no reset, and its PowerState is \"On\"" },
		{ NULL, "http://evil.example/", "the system offers no reset" },
		{ NULL, "@evil.example/", "the system offers no reset" },
	};
	struct fence_world *w = *state;

	for (size_t i = 0; i < DR_ARRAY_SIZE(cases); i++) {
		struct fake_system *s;

		renew(w);
		s = fake_bmc_add(w->bmc, "1");
		s->allowable = cases[i].allowable;
		s->target = cases[i].target;
		use_bmc(w, "20s", "");
		assert_result(fence(w), false, false, cases[i].reason);
		assert_int_equal(fake_bmc_count(w->bmc, "POST"), 0);
	}
}

static void test_nobody_there(void **state)
{
	struct fence_world *w = *state;
	uint16_t port;
	int fd = raw_listen(&port);

	close(fd);
	fence_configure(
		w, "fence: {method: redfish, redfish: {insecure: true, url: 'http://127.0.0.1:%u'}}\n", port);
	assert_result(fence(w), false, true, "the list of systems: no answer: ");
}

/* ---------------------------------------------------------------- the login */

static void use_password(struct fence_world *w, const char *text)
{
	DR_AUTO_FREE char *more =
		dr_asprintf(", user: doctor, password_file: %s", fence_file(w, "password", text, 0600));

	assert_non_null(more);
	use_bmc(w, "20s", more);
}

static void test_login(void **state)
{
	struct fence_world *w = *state;

	fake_bmc_add(w->bmc, "1");
	w->bmc->authorization = LOGIN;
	use_password(w, "wrong\n");
	assert_result(fence(w), false, false,
		      "the list of systems: the login is refused, status 401: Who are you?");
	assert_int_equal(w->bmc->systems[0].resets, 0);
	/* the file is read anew */
	fence_file(w, "password", PASSWORD "\n", 0600);
	assert_true(fence(w)->fenced);
	fence_file(w, "password", PASSWORD "\r\nand more\n", 0600);
	assert_true(fence(w)->fenced);
}

static void test_password_files(void **state)
{
	struct fence_world *w = *state;
	char large[2048];

	memset(large, 'x', sizeof(large));
	large[sizeof(large) - 1] = '\0';
	fake_bmc_add(w->bmc, "1");
	use_password(w, "");
	assert_result(fence(w), false, false, "/password is empty");
	use_password(w, "\n" PASSWORD "\n");
	assert_result(fence(w), false, false, "/password is no password");
	use_password(w, large);
	assert_result(fence(w), false, false, "/password is no password");
	unlink(fence_path(w, "password"));
	assert_result(fence(w), false, false, "/password cannot be read: No such file or directory");
	assert_int_equal(w->bmc->asked_count, 0);
}

/* A BMC that says back what it was sent. */
static void test_no_secret_in_a_reason(void **state)
{
	static const char echo[] = "{\"error\": {\"message\": \"The password " PASSWORD " is bad.\\n" PASSWORD
				   "\"}}",
			  *const paths[] = { "/Systems", SYSTEM, RESET };
	/* where it is cut, too */
	static const char at_the_cut[] =
		"{\"error\": {\"message\": "
		"\"0123456789012345678901234567890123456789012345678901234567890123456789"
		"0123456789012345678901234567890123456789012345678901234567890123456789012345 " PASSWORD
		"\"}}";
	struct fence_world *w = *state;

	for (size_t i = 0; i < DR_ARRAY_SIZE(paths); i++) {
		const char *method = i == 2 ? "POST" : "GET";

		renew(w);
		fake_bmc_add(w->bmc, "1");
		fake_bmc_rule(w->bmc, &(struct fake_bmc_rule){ method, paths[i], 400, echo, 1, false });
		use_password(w, PASSWORD);
		assert_result(fence(w), false, false, "status 400: The password ******* is bad. *******");
		fake_bmc_rule(w->bmc, &(struct fake_bmc_rule){ method, paths[i], 400, at_the_cut, 1, false });
		assert_result(fence(w), false, false, "status 400: 0123456789");
		assert_null(strstr(w->a.result.reason, "hun"));
	}
	renew(w);
	fake_bmc_add(w->bmc, "1")->allowable = "[\"" PASSWORD "\"]";
	use_password(w, PASSWORD);
	assert_result(fence(w), false, false, "but: *******");
	fake_bmc_rule(w->bmc,
		      &(struct fake_bmc_rule){ "GET", SYSTEM, 200,
					       "{\"@odata.type\": \"#ComputerSystem.v1_0_0.ComputerSystem\", "
					       "\"PowerState\": \"" PASSWORD "\"}",
					       1, false });
	assert_result(fence(w), false, false, "its PowerState is \"*******\"");
}

/* ---------------------------------------------------------------- cancelled */

static void test_cancel_ends_what_is_pending(void **state)
{
	struct fence_world *w = *state;
	struct fake_system *s = fake_bmc_add(w->bmc, "1");

	fake_bmc_rule(w->bmc, &(struct fake_bmc_rule){ "GET", SYSTEM, 0, NULL, 1, false });
	use_bmc(w, "20s", "");
	fence_start(w, "h1", "i1", &w->a);
	WAIT_FOR(w->loop, w->bmc->held_count);
	ins_fencer_cancel(w->fencer, "i1");
	fixture_turns_within(w->loop, dr_msec(50));
	assert_int_equal(w->a.calls, 0);
	assert_int_equal(s->resets, 0);
	/* and the next is not hindered by it */
	fence_start(w, "h1", "i2", &w->a);
	WAIT_FOR(w->loop, w->a.calls);
	assert_true(w->a.result.fenced);
}

static void test_free_while_it_polls(void **state)
{
	struct fence_world *w = *state;
	size_t asked;

	fake_bmc_add(w->bmc, "1")->off_after = UINT_MAX;
	use_bmc(w, "20s", "");
	fence_start(w, "h1", "i1", &w->a);
	WAIT_FOR(w->loop, fake_bmc_count(w->bmc, "GET " SYSTEMS "/1") > 3);
	ins_fencer_free(DR_TAKE_PTR(w->fencer));
	fixture_turns_within(w->loop, dr_msec(20));
	asked = w->bmc->asked_count;
	fixture_turns_within(w->loop, dr_msec(50));
	assert_int_equal(w->bmc->asked_count, asked);
	assert_int_equal(w->a.calls, 0);
}

static void test_one_host_is_fenced_once(void **state)
{
	struct fence_world *w = *state;
	struct fake_system *s = fake_bmc_add(w->bmc, "1");

	s->off_after = 20;
	use_bmc(w, "20s", "");
	fence_start(w, "h1", "i1", &w->a);
	WAIT_FOR(w->loop, s->resets);
	fence_start(w, "h1", "i2", &w->b);
	WAIT_FOR(w->loop, w->a.calls && w->b.calls);
	assert_true(w->a.result.fenced && w->b.result.fenced);
	assert_int_equal(w->a.calls + w->b.calls, 2);
	assert_int_equal(s->resets, 1);
	assert_int_equal(fake_bmc_count(w->bmc, "POST"), 1);
}

#define CASE(test) cmocka_unit_test_setup_teardown(test, fence_setup, fence_teardown)

int main(void)
{
	const struct CMUnitTest tests[] = {
		CASE(test_off),
		CASE(test_ways_to_off),
		CASE(test_which_system),
		CASE(test_hosts_without_a_bmc),
		CASE(test_one_that_stays_on),
		CASE(test_answers),
		CASE(test_trouble_while_it_goes_off),
		CASE(test_refused_while_it_goes_off),
		CASE(test_systems_that_offer_too_little),
		CASE(test_nobody_there),
		CASE(test_login),
		CASE(test_password_files),
		CASE(test_no_secret_in_a_reason),
		CASE(test_cancel_ends_what_is_pending),
		CASE(test_free_while_it_polls),
		CASE(test_one_host_is_fenced_once),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
