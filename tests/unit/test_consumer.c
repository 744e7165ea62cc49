/* SPDX-License-Identifier: Apache-2.0 */
/* The consumer against minicloud, both on one loop: what happens in the cloud, and what is said of it. */
#include <stdarg.h>
#include <stddef.h>
#include <setjmp.h>
#include <stdint.h>
#include <cmocka.h>

#include <string.h>
#include <sys/mman.h>

#include "consumer/consumer.h"
#include "doctor/buf.h"
#include "doctor/http_client.h"
#include "tools/minicloud/cloud.h"

#define SERVERS 2 /* on compute-1; as many on compute-2 */

struct world {
	struct dr_loop *loop;
	struct dr_http_client *mc_http, *http;
	struct dr_http_server *mc_server;
	struct mc_cloud mc;
	struct dr_cloud *cloud;
	struct con_config config;
	char ids[SERVERS][CON_UUID_LEN + 1];
	struct con_consumer *consumer;
	struct mc_host *host; /* of ours */
	struct mc_server *lost[SERVERS];
	bool started;
	int start_error;
	char why[700];
	int log, saved_stderr;
	char text[1 << 16];
};

/* ---- the log ---- */

static const char *said(struct world *w)
{
	ssize_t n = pread(w->log, w->text, sizeof(w->text) - 1, 0);

	w->text[n > 0 ? n : 0] = '\0';
	return w->text;
}

static size_t count(struct world *w, const char *what)
{
	size_t n = 0;

	for (const char *p = said(w); (p = strstr(p, what)); p += strlen(what))
		n++;
	return n;
}

#define FAIL(w, ...)                                                                                         \
	do {                                                                                                 \
		dup2((w)->saved_stderr, STDERR_FILENO);                                                      \
		fail_msg(__VA_ARGS__);                                                                       \
	} while (0)

#define WAIT_FOR(w, condition)                                                                               \
	do {                                                                                                 \
		struct dr_mono wait_end = dr_mono_add(dr_mono_now(), dr_sec(20));                            \
		while (!(condition)) {                                                                       \
			if (dr_mono_now().ns > wait_end.ns)                                                  \
				FAIL(w, "in vain: %s; it says: %s", #condition, said(w));                    \
			assert_true(dr_loop_run_once((w)->loop, dr_msec(5)) >= 0);                           \
		}                                                                                            \
	} while (0)

/* Turns the loop for a while, for what must not happen. */
static void let_pass(struct world *w, struct dr_dur time)
{
	struct dr_mono end = dr_mono_add(dr_mono_now(), time);

	while (dr_mono_now().ns < end.ns)
		assert_true(dr_loop_run_once(w->loop, dr_msec(5)) >= 0);
}

/* ---- the world ---- */

static void start_minicloud(struct world *w)
{
	struct mc_cloud_opts opts = { .model = {
					      .seed = { 1, 2, 3, 4 }, .hosts = 2, .vms_per_host = SERVERS } };
	struct dr_http_server_opts server = { .server_name = "minicloud" };

	opts.model.token_ttl = dr_sec(86400);
	assert_int_equal(dr_http_client_new(w->loop, NULL, &w->mc_http), 0);
	assert_int_equal(mc_cloud_init(&w->mc, w->loop, w->mc_http, &opts), 0);
	assert_int_equal(dr_http_server_new(w->loop, &server, mc_dispatch, &w->mc, &w->mc_server), 0);
	snprintf(w->mc.url, sizeof(w->mc.url), "http://127.0.0.1:%u", dr_http_server_port(w->mc_server));
}

static void log_in(struct world *w, const char *password)
{
	struct dr_cloud_conf conf = {
		.username = strdup("doctor"),
		.password = strdup(password),
		.user_domain_name = strdup("Default"),
		.project_name = strdup("doctor"),
		.project_domain_name = strdup("Default"),
		.interface = strdup("public"),
	};
	char url[128];

	snprintf(url, sizeof(url), "%s/identity/v3", w->mc.url);
	conf.auth_url = strdup(url);
	assert_int_equal(dr_cloud_new(w->loop, w->http, &conf, &w->cloud), 0);
	dr_cloud_conf_done(&conf);
}

static void configure(struct world *w)
{
	w->config = (struct con_config){
		.listen = { .address = "127.0.0.1", .loopback = true },
		.servers = { w->ids, SERVERS },
		.timeout = dr_sec(10),
		.interval = dr_sec(3600),
		.plan.retry = { .attempts = 3,
				.pause = dr_msec(20),
				.pause_max = dr_msec(50),
				.boot_timeout = dr_sec(15),
				.boot_late = dr_msec(20),
				.settle = dr_msec(400) },
	};
}

static int setup(void **state)
{
	struct world *w = calloc(1, sizeof(*w));
	struct mc_server *s = NULL;

	assert_non_null(w);
	*state = w;
	w->log = memfd_create("log", MFD_CLOEXEC);
	w->saved_stderr = dup(STDERR_FILENO);
	assert_true(w->log >= 0 && w->saved_stderr >= 0);
	assert_int_equal(dup2(w->log, STDERR_FILENO), STDERR_FILENO);
	assert_int_equal(dr_loop_new(&w->loop), 0);
	start_minicloud(w);
	assert_int_equal(dr_http_client_new(w->loop, NULL, &w->http), 0);
	log_in(w, "doctor");
	configure(w);
	w->host = mc_host_by_name(&w->mc.model, "compute-1");
	for (size_t i = 0; i < SERVERS; i++) {
		s = mc_server_next(&w->mc.model, s, w->host, NULL);
		assert_non_null(s);
		w->lost[i] = s;
		memcpy(w->ids[i], s->id, sizeof(w->ids[i]));
	}
	return 0;
}

/* Ends the consumer without a word to the cloud, as a crash does. */
static void crash(struct world *w)
{
	dr_cloud_free(w->cloud);
	w->cloud = NULL;
	con_consumer_free(w->consumer);
	w->consumer = NULL;
}

static int teardown(void **state)
{
	struct world *w = *state;

	crash(w);
	dr_http_client_free(w->http);
	dr_http_server_free(w->mc_server);
	mc_cloud_done(&w->mc);
	dr_http_client_free(w->mc_http);
	dr_loop_free(w->loop);
	dup2(w->saved_stderr, STDERR_FILENO);
	close(w->saved_stderr);
	close(w->log);
	free(w->config.url);
	free(w);
	return 0;
}

static void on_started(int error, const char *why, void *userdata)
{
	struct world *w = userdata;

	assert_false(w->started);
	w->started = true;
	w->start_error = error;
	if (why)
		snprintf(w->why, sizeof(w->why), "%s", why);
}

static void begin(struct world *w)
{
	char *error;

	w->started = false;
	assert_int_equal(con_consumer_new(w->loop, w->cloud, &w->config, on_started, w, &w->consumer, &error),
			 0);
}

static void start(struct world *w)
{
	begin(w);
	WAIT_FOR(w, w->started);
	if (w->start_error)
		fail_msg("%s", w->why);
}

static void stop(struct world *w)
{
	con_consumer_stop(w->consumer);
	WAIT_FOR(w, !con_consumer_busy(w->consumer));
}

static void break_cloud(struct world *w, const char *spec)
{
	assert_int_equal(mc_fails_add(&w->mc.fails, spec), 0);
}

/* ---- what happens in the cloud ---- */

static void mark_server(struct world *w, size_t i)
{
	enum mc_vm_state old = w->lost[i]->vm_state;

	mc_server_reset_state(w->lost[i], MC_VM_ERROR, dr_wall_now());
	mc_notify_update(&w->mc, w->lost[i], old, "req-0");
}

static void mark_host(struct world *w, bool down)
{
	mc_service_set_forced_down(&w->host->service, down, dr_wall_now());
}

static void lose(struct world *w)
{
	mark_host(w, true);
	for (size_t i = 0; i < w->config.servers.count; i++)
		mark_server(w, i);
}

static size_t alarm_count(struct world *w)
{
	const struct mc_alarm *a;
	size_t n = 0;

	TAILQ_FOREACH(a, &w->mc.model.alarms, entry)
	n++;
	return n;
}

static const struct mc_alarm *alarm_of(struct world *w, size_t i)
{
	const struct mc_alarm *a;
	char name[64];

	snprintf(name, sizeof(name), "doctor_%s", w->ids[i]);
	TAILQ_FOREACH(a, &w->mc.model.alarms, entry)
	{
		if (strcmp(a->name, name) == 0)
			return a;
	}
	return NULL;
}

static bool armed_again(struct world *w, size_t i)
{
	return alarm_of(w, i)->state == MC_ALARM_OK;
}

/* The replacements of a server; *ret_last is one of them. */
static size_t replacements(struct world *w, size_t i, const struct mc_server **ret_last)
{
	const struct mc_server *s = NULL;
	size_t n = 0;

	while ((s = mc_server_next(&w->mc.model, s, NULL, NULL))) {
		const char *of = dr_json_get_str(s->metadata, "doctor_replaces");

		if (!of || strcmp(of, w->ids[i]) != 0)
			continue;
		n++;
		if (ret_last)
			*ret_last = s;
	}
	return n;
}

static void assert_replaced(struct world *w, size_t i)
{
	const struct mc_server *s = NULL;
	char line[200];

	assert_int_equal(replacements(w, i, &s), 1);
	assert_string_equal(mc_server_status(s), "ACTIVE");
	assert_string_equal(s->host->service.host, "compute-2");
	assert_string_equal(s->name, w->lost[i]->name);
	assert_string_equal(s->image_id, w->lost[i]->image_id);
	assert_ptr_equal(s->flavor, w->lost[i]->flavor);
	assert_non_null(s->port);
	snprintf(line, sizeof(line), "vm replaced vm=%s replacement=%s ", w->ids[i], s->id);
	assert_int_equal(count(w, line), 1);
}

static void one_server(struct world *w)
{
	w->config.servers.count = 1;
}

/* ---- tests ---- */

static void test_whole_way(void **state)
{
	struct world *w = *state;
	const struct mc_alarm *a;
	char line[200];

	start(w);
	assert_int_equal(alarm_count(w), SERVERS);
	a = alarm_of(w, 0);
	assert_non_null(a);
	assert_string_equal(dr_json_str(dr_json_at(a->actions[MC_ALARM_ALARM], 0)),
			    con_consumer_url(w->consumer));

	lose(w);
	WAIT_FOR(w, count(w, "doctor consumer handled at ") == SERVERS);
	for (size_t i = 0; i < SERVERS; i++) {
		assert_replaced(w, i);
		snprintf(line, sizeof(line), "alarm received vm=%s alarm=%s generated=2", w->ids[i],
			 alarm_of(w, i)->id);
		assert_int_equal(count(w, line), 1);
		WAIT_FOR(w, armed_again(w, i));
	}
	assert_int_equal(count(w, "doctor consumer notified at "), SERVERS);

	/* the same server once more: heard, and found replaced */
	mark_server(w, 0);
	WAIT_FOR(w, count(w, "vm has a replacement already") == 1);
	assert_int_equal(count(w, "doctor consumer notified at "), SERVERS + 1);
	assert_int_equal(count(w, "doctor consumer handled at "), SERVERS);
	assert_replaced(w, 0);
	WAIT_FOR(w, armed_again(w, 0));

	stop(w);
	assert_int_equal(alarm_count(w), 0);
}

/* In the log the check point follows the record that names server and alarm. */
static void test_check_points(void **state)
{
	struct world *w = *state;
	const char *record, *point;
	double t;

	one_server(w);
	start(w);
	struct dr_wall before = dr_wall_now();
	lose(w);
	WAIT_FOR(w, count(w, "doctor consumer handled at ") == 1);
	record = strstr(said(w), "alarm received vm=");
	point = strstr(record, "\n") + 1;
	assert_int_equal(sscanf(point, "doctor consumer notified at %lf\n", &t), 1);
	assert_true(t >= dr_wall_seconds(before) - 0.001 && t <= dr_wall_seconds(dr_wall_now()));
	record = strstr(said(w), "vm replaced vm=");
	point = strstr(record, "\n") + 1;
	assert_int_equal(sscanf(point, "doctor consumer handled at %lf\n", &t), 1);
}

static void test_alarms_are_reused(void **state)
{
	struct world *w = *state;
	char id[40];

	one_server(w);
	w->config.keep_alarms = true;
	start(w);
	w->config.url = strdup(con_consumer_url(w->consumer));
	snprintf(id, sizeof(id), "%s", alarm_of(w, 0)->id);
	stop(w);
	assert_int_equal(alarm_count(w), 1); /* kept */
	crash(w);

	log_in(w, "doctor");
	start(w);
	assert_int_equal(alarm_count(w), 1);
	assert_string_equal(alarm_of(w, 0)->id, id);
	crash(w);

	/* for another URL it is not the same */
	free(w->config.url);
	w->config.url = strdup("http://127.0.0.1:9/failure");
	log_in(w, "doctor");
	start(w);
	assert_int_equal(alarm_count(w), 2);
}

/* Aodh sends once. What fired while nobody listened is found at the next start. */
static void test_fired_while_away(void **state)
{
	struct world *w = *state;
	struct dr_http_listen *listen = &w->config.listen;

	one_server(w);
	start(w);
	w->config.url = strdup(con_consumer_url(w->consumer));
	listen->port = (uint16_t)strtoul(strrchr(w->config.url, ':') + 1, NULL, 10);
	crash(w);
	lose(w);
	WAIT_FOR(w, alarm_of(w, 0)->state == MC_ALARM_ALARM);
	let_pass(w, dr_msec(50)); /* its request finds nobody */

	log_in(w, "doctor");
	start(w);
	WAIT_FOR(w, count(w, "alarm has fired while nobody listened") == 1);
	WAIT_FOR(w, count(w, "doctor consumer handled at ") == 1);
	assert_replaced(w, 0);
	WAIT_FOR(w, armed_again(w, 0));
	stop(w);
	assert_int_equal(alarm_count(w), 0);
}

/* The recovery of an earlier life is taken up, not done again. */
static void test_restart_in_the_middle(void **state)
{
	struct world *w = *state;

	one_server(w);
	start(w);
	w->config.url = strdup(con_consumer_url(w->consumer));
	w->config.listen.port = (uint16_t)strtoul(strrchr(w->config.url, ':') + 1, NULL, 10);
	lose(w);
	WAIT_FOR(w, replacements(w, 0, NULL) == 1);
	crash(w);
	log_in(w, "doctor");
	start(w);
	WAIT_FOR(w, count(w, "vm has a replacement already") + count(w, "doctor consumer handled at ") == 1);
	assert_int_equal(replacements(w, 0, NULL), 1);
	WAIT_FOR(w, armed_again(w, 0));
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

		one_server(w);
		start(w);
		break_cloud(w, faults[i]);
		lose(w);
		WAIT_FOR(w, count(w, "doctor consumer handled at ") == 1);
		assert_replaced(w, 0);
		WAIT_FOR(w, armed_again(w, 0));
		assert_true(count(w, "warning: ") > 0); /* it was said */
		assert_int_equal(teardown(state), 0);
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

		one_server(w);
		start(w);
		break_cloud(w, cases[i].fault);
		lose(w);
		WAIT_FOR(w, count(w, "a person must help") == 1);
		snprintf(line, sizeof(line), "error: vm is not replaced, a person must help vm=%s %s",
			 w->ids[0], cases[i].says);
		if (count(w, line) != 1)
			fail_msg("%s: %s", cases[i].fault, said(w));
		assert_int_equal(replacements(w, 0, NULL), 0);
		assert_int_equal(count(w, "doctor consumer handled"), 0);
		WAIT_FOR(w, armed_again(w, 0)); /* the next event is heard */
		assert_int_equal(teardown(state), 0);
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

		one_server(w);
		start(w);
		break_cloud(w, faults[i]);
		lose(w);
		WAIT_FOR(w, count(w, "doctor consumer handled at ") + count(w, "a person must help") == 1);
		assert_replaced(w, 0);
		if (count(w, "recovery goes on in ") <= w->config.plan.retry.attempts)
			FAIL(w, "%s: %s", faults[i], said(w));
		assert_int_equal(count(w, "failed-attempts=0"), 1);
		assert_int_equal(teardown(state), 0);
		assert_int_equal(setup(state), 0);
	}
}

/* No host is left: each replacement fails and is deleted; then one comes back. */
static void test_replacement_fails(void **state)
{
	struct world *w = *state;
	struct mc_host *other = mc_host_by_name(&w->mc.model, "compute-2");

	one_server(w);
	w->config.plan.retry.attempts = 50;
	start(w);
	mc_service_set_forced_down(&other->service, true, dr_wall_now());
	lose(w);
	WAIT_FOR(w, count(w, "replacement is deleted vm=") >= 2);
	assert_true(count(w, "No valid host") >= 1);
	mc_service_set_forced_down(&other->service, false, dr_wall_now());
	WAIT_FOR(w, count(w, "doctor consumer handled at ") == 1);
	WAIT_FOR(w, replacements(w, 0, NULL) == 1);
	assert_replaced(w, 0);
}

static struct mc_server *replacement(struct world *w)
{
	const struct mc_server *s = NULL;

	assert_int_equal(replacements(w, 0, &s), 1);
	return (struct mc_server *)s;
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
	mark_host(w, false); /* there would be room for another */
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

		one_server(w);
		w->config.plan.retry.boot_timeout = dr_msec(300);
		start(w);
		lose(w);
		WAIT_FOR(w, count(w, "doctor consumer handled at ") == 1);
		WAIT_FOR(w, armed_again(w, 0));
		s = replacement(w);
		fates[i](w, s);
		mark_server(w, 0);
		WAIT_FOR(w, count(w, " it is left to its owner") + count(w, "is deleted vm=") == 1);
		WAIT_FOR(w, armed_again(w, 0));
		assert_ptr_equal(replacement(w), s);
		assert_int_equal(count(w, "doctor consumer handled at "), 1);
		assert_int_equal(count(w, "replacement is deleted"), 0);
		assert_int_equal(teardown(state), 0);
		assert_int_equal(setup(state), 0);
	}
}

/* What a boot makes of which Nova's answer never came. */
static const struct mc_server *late_boot(struct world *w)
{
	DR_AUTO_JSON struct dr_json *metadata = dr_json_object();
	struct mc_boot boot = {
		.name = w->lost[0]->name,
		.project = w->lost[0]->project,
		.user = w->lost[0]->user,
		.image = mc_image_find(&w->mc.model, w->lost[0]->image_id),
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

	one_server(w);
	w->config.timeout = dr_msec(200);
	w->config.plan.retry.boot_late = dr_sec(1);
	start(w);
	break_cloud(w, "compute:POST:/v2.1/servers:0:1");
	lose(w);
	WAIT_FOR(w, count(w, "recovery goes on in ") == 1);
	let_pass(w, dr_msec(400));
	late_boot(w);
	WAIT_FOR(w, count(w, "doctor consumer handled at ") == 1);
	assert_replaced(w, 0);
	assert_int_equal(count(w, "two replacements"), 0);
}

/* Later than anybody waits: both are named, and it is for their owner to choose. */
static void test_two_replacements(void **state)
{
	struct world *w = *state;
	const struct mc_server *first, *late;
	char line[200];

	one_server(w);
	w->config.timeout = dr_msec(300);
	start(w);
	break_cloud(w, "compute:POST:/v2.1/servers:0:1");
	lose(w);
	WAIT_FOR(w, replacements(w, 0, NULL) == 1); /* the second boot */
	first = replacement(w);
	late = late_boot(w);
	WAIT_FOR(w, count(w, "doctor consumer handled at ") == 1);
	assert_int_equal(replacements(w, 0, NULL), 2);
	assert_int_equal(count(w, "error: vm has two replacements, one is to be deleted "), 1);
	snprintf(line, sizeof(line), " replacement=%s other=%s", first->id, late->id);
	assert_int_equal(count(w, line), 1);
	assert_int_equal(count(w, "replacement is deleted"), 0);
}

/* Not to be told whether there are two is said, and no reason to hold back that there is one. */
static void test_check_fails(void **state)
{
	struct world *w = *state;

	one_server(w);
	start(w);
	lose(w);
	WAIT_FOR(w, replacements(w, 0, NULL) == 1);
	break_cloud(w, "compute:GET:/v2.1/servers/detail:503:1");
	WAIT_FOR(w, count(w, "doctor consumer handled at ") == 1);
	assert_int_equal(count(w, "warning: whether vm has a second replacement is not known vm="), 1);
	assert_replaced(w, 0);
}

/* Of a cell that does not answer Nova tells neither name nor metadata: each of its servers may be ours. */
static void test_cell_is_silent(void **state)
{
	struct world *w = *state;
	char *name = w->lost[1]->name;

	one_server(w);
	start(w);
	w->lost[1]->name = NULL;
	lose(w);
	WAIT_FOR(w, count(w, "a cell of Nova does not answer") >= 4);
	assert_int_equal(replacements(w, 0, NULL), 0);
	w->lost[1]->name = name;
	WAIT_FOR(w, count(w, "doctor consumer handled at ") == 1);
	assert_replaced(w, 0);
}

/* The alarm overtakes the mark on the host: no replacement goes there. */
static void test_host_is_marked_late(void **state)
{
	struct world *w = *state;

	one_server(w);
	w->config.plan.retry.settle = dr_sec(10);
	start(w);
	mark_server(w, 0);
	WAIT_FOR(w, count(w, "recovery begins") == 1);
	let_pass(w, dr_msec(150));
	assert_int_equal(replacements(w, 0, NULL), 0);
	mark_host(w, true);
	WAIT_FOR(w, count(w, "doctor consumer handled at ") == 1);
	assert_replaced(w, 0);
}

/* A server in error for its own reason is replaced as well, wherever there is room. */
static void test_host_is_well(void **state)
{
	struct world *w = *state;

	one_server(w);
	start(w);
	mark_server(w, 0);
	WAIT_FOR(w, count(w, "doctor consumer handled at ") == 1);
	assert_int_equal(replacements(w, 0, NULL), 1);
}

/* ---- requests by hand ---- */

static unsigned ask(struct world *w, const char *method, const char *path, const char *body,
		    struct dr_buf *ret_body)
{
	char url[200];
	struct dr_http_request req = {
		.method = method, .url = url, .body = body, .body_len = body ? strlen(body) : 0
	};
	struct dr_http_response r;
	unsigned status;

	snprintf(url, sizeof(url), "%s", con_consumer_url(w->consumer));
	snprintf(strstr(url, "/failure"), 100, "%s", path);
	assert_int_equal(dr_http_call(w->http, &req, &r), 0);
	assert_int_equal(r.error, 0);
	status = r.status;
	if (ret_body) {
		*ret_body = r.body;
		r.body = (struct dr_buf){ 0 };
	}
	dr_http_response_done(&r);
	return status;
}

static unsigned alarm_by_hand(struct world *w, const char *server, const char *message_id)
{
	DR_AUTO_BUF struct dr_buf b = { 0 };
	const struct mc_alarm *a = alarm_of(w, 0);

	dr_buf_printf(
		&b,
		"{\"alarm_id\":\"%s\",\"current\":\"alarm\",\"reason_data\":{\"type\":\"event\",\"event\":{"
		"\"message_id\":\"%s\",\"traits\":[[\"instance_id\",1,\"%s\"],[\"state\",1,\"error\"]]}}}",
		a->id, message_id, server);
	return ask(w, "POST", "/failure", b.data, NULL);
}

/* Whoever can reach us cannot make us replace a server that is well. */
static void test_false_alarm(void **state)
{
	struct world *w = *state;

	one_server(w);
	start(w);
	assert_int_equal(alarm_by_hand(w, w->ids[0], "m-1"), 200);
	WAIT_FOR(w, count(w, "vm is not replaced vm=") == 1);
	assert_int_equal(count(w, "it is not in error in Nova"), 1);
	assert_int_equal(replacements(w, 0, NULL), 0);
}

static void test_deleted_server(void **state)
{
	struct world *w = *state;

	one_server(w);
	w->ids[0][0] = w->ids[0][0] == 'a' ? 'b' : 'a'; /* as if the owner had deleted it */
	start(w);
	assert_int_equal(alarm_by_hand(w, w->ids[0], "m"), 200);
	WAIT_FOR(w, count(w, "vm is not replaced vm=") == 1);
	assert_int_equal(count(w, ": it was deleted"), 1);
	WAIT_FOR(w, count(w, "alarm armed again alarm=") == 1);
}

static void test_repeated_and_unknown(void **state)
{
	struct world *w = *state;

	one_server(w);
	start(w);
	lose(w);
	WAIT_FOR(w, count(w, "recovery begins") == 1);
	assert_int_equal(alarm_by_hand(w, w->ids[0], "m-1"), 200);
	assert_int_equal(alarm_by_hand(w, w->ids[0], "m-1"), 200);
	WAIT_FOR(w, count(w, "alarm repeats an event") == 1);
	assert_int_equal(count(w, "recovery is under way already"), 1);
	WAIT_FOR(w, count(w, "doctor consumer handled at ") == 1);
	assert_int_equal(alarm_by_hand(w, w->ids[0], "m-1"), 200);
	WAIT_FOR(w, count(w, "alarm repeats an event") == 2);
	assert_int_equal(count(w, "recovery begins"), 1);

	assert_int_equal(alarm_by_hand(w, "somebody-elses", "m-2"), 200);
	WAIT_FOR(w, count(w, "alarm for a server that is not ours, nothing is done vm=somebody-elses") == 1);
	assert_replaced(w, 0);
}

static void test_recovery_none(void **state)
{
	struct world *w = *state;

	one_server(w);
	w->config.plan.kind = CON_RECOVERY_NONE;
	start(w);
	lose(w);
	WAIT_FOR(w, count(w, "doctor consumer notified at ") == 1);
	WAIT_FOR(w, armed_again(w, 0));
	let_pass(w, dr_msec(100));
	assert_int_equal(replacements(w, 0, NULL), 0);
	assert_int_equal(count(w, "recovery begins"), 0);
}

/* Alarm ids come from whoever reaches the port: however many, only our own alarm is set, and once at a time.
 */
static void test_foreign_alarms(void **state)
{
	struct world *w = *state;
	char line[100];

	one_server(w);
	w->config.plan.kind = CON_RECOVERY_NONE;
	start(w);
	break_cloud(w, "alarming:PUT:/v2/alarms:503:1");
	for (int n = 0; n < 50; n++) {
		char body[300];

		snprintf(body, sizeof(body),
			 "{\"alarm_id\":\"a%d\",\"current\":\"alarm\",\"reason_data\":{\"type\":\"event\","
			 "\"event\":{\"message_id\":\"m%d\",\"traits\":[[\"instance_id\",1,\"%s\"]]}}}",
			 n, n / 2, w->ids[0]);
		assert_int_equal(ask(w, "POST", "/failure", body, NULL), 200);
	}
	snprintf(line, sizeof(line), "alarm is not armed yet alarm=%s, ", alarm_of(w, 0)->id);
	WAIT_FOR(w, count(w, "alarm armed again alarm=") > 0);
	assert_int_equal(count(w, line), 1);
	assert_int_equal(count(w, "is not armed yet"), 1);
	snprintf(line, sizeof(line), "alarm armed again alarm=%s", alarm_of(w, 0)->id);
	assert_int_equal(count(w, "alarm armed again"), count(w, line));
	assert_int_equal(count(w, "deleted by somebody"), 0);
}

static void test_http(void **state)
{
	struct world *w = *state;
	static const struct {
		const char *method, *path, *body;
		unsigned status;
		const char *says;
	} cases[] = {
		{ "GET", "/failure", NULL, 405, "/failure takes POST" },
		{ "PUT", "/failure", "{}", 405, "/failure takes POST" },
		{ "POST", "/healthz", "{}", 405, "/healthz takes GET" },
		{ "GET", "/", NULL, 404, "alarms go to POST /failure" },
		{ "POST", "/failure/", "{}", 404, "alarms go to POST /failure" },
		{ "POST", "/failure", NULL, 400, "it is not JSON at byte 0" },
		{ "POST", "/failure", "{\"alarm_id\"", 400, "it is not JSON at byte 11" },
		{ "POST", "/failure", "[]", 400, "it is not a JSON object" },
		{ "POST", "/failure", "{\"alarm_id\":\"a\"}", 400, "current is missing" },
		{ "POST", "/failure", "{\"alarm_id\":\"a\",\"current\":\"ok\"}", 200, "ignored" },
		{ "GET", "/healthz", NULL, 200,
		  "{\"status\":\"ok\",\"servers\":1,\"alarms\":1,\"recovering\":0,\"received\":1,\"refused\":"
		  "4," },
	};

	one_server(w);
	start(w);
	for (size_t i = 0; i < DR_ARRAY_SIZE(cases); i++) {
		DR_AUTO_BUF struct dr_buf body = { 0 };
		unsigned status = ask(w, cases[i].method, cases[i].path, cases[i].body, &body);

		if (status != cases[i].status || !strstr(dr_buf_str(&body), cases[i].says))
			fail_msg("%s %s: %u %s", cases[i].method, cases[i].path, status, dr_buf_str(&body));
	}
	assert_int_equal(count(w, "doctor consumer notified"), 0);
	assert_int_equal(count(w, "warning: alarm refused from=127.0.0.1: "), 4);
}

/* ---- what Aodh does not tell ---- */

static struct mc_alarm *found_alarm(struct world *w, size_t i)
{
	struct mc_alarm *a = (struct mc_alarm *)alarm_of(w, i);

	assert_non_null(a);
	return a;
}

/* Aodh calls once: of a call that gets lost the alarm's state tells. */
static void test_call_is_lost(void **state)
{
	struct world *w = *state;

	one_server(w);
	w->config.interval = dr_msec(100);
	start(w);
	mark_host(w, true);
	mc_server_reset_state(w->lost[0], MC_VM_ERROR, dr_wall_now());
	found_alarm(w, 0)->state = MC_ALARM_ALARM;
	WAIT_FOR(w, count(w, "doctor consumer handled at ") == 1);
	assert_replaced(w, 0);
	WAIT_FOR(w, armed_again(w, 0));
	let_pass(w, dr_msec(400));
	assert_int_equal(count(w, "recovery begins"), 1);
	assert_int_equal(count(w, "alarm has fired while nobody listened"), 1);
}

/* The alarms are looked at, too, while a cell of Nova does not answer; only nothing is cleared away then. */
static void test_call_is_lost_and_a_cell_is_silent(void **state)
{
	struct world *w = *state;
	char *name = w->lost[1]->name;

	w->config.interval = dr_msec(100);
	w->config.plan.kind = CON_RECOVERY_NONE;
	start(w);
	w->lost[1]->name = NULL;
	found_alarm(w, 0)->state = MC_ALARM_ALARM;
	WAIT_FOR(w, count(w, "alarm has fired while nobody listened") == 1);
	WAIT_FOR(w, armed_again(w, 0));
	assert_int_equal(alarm_count(w), SERVERS);
	w->lost[1]->name = name;
}

/* While its recovery is under way an alarm has fired, and nothing is wrong with that. */
static void test_fired_while_it_recovers(void **state)
{
	struct world *w = *state;

	one_server(w);
	w->config.interval = dr_msec(100);
	w->config.plan.retry.pause = w->config.plan.retry.pause_max = dr_msec(600);
	start(w);
	break_cloud(w, "compute:POST:/v2.1/servers:403:1");
	lose(w);
	WAIT_FOR(w, count(w, "doctor consumer handled at ") == 1);
	WAIT_FOR(w, armed_again(w, 0));
	assert_int_equal(count(w, "alarm has fired while nobody listened"), 0);
	assert_int_equal(count(w, "recovery begins"), 1);
}

static void test_alarm_is_deleted(void **state)
{
	struct world *w = *state;
	struct mc_alarm *a;

	one_server(w);
	w->config.interval = dr_msec(100);
	start(w);
	a = found_alarm(w, 0);
	TAILQ_REMOVE(&w->mc.model.alarms, a, entry);
	mc_alarm_free(a);
	WAIT_FOR(w, alarm_of(w, 0));
	WAIT_FOR(w, count(w, "alarm created vm=") == 2);
	lose(w);
	WAIT_FOR(w, count(w, "doctor consumer handled at ") == 1);
	assert_replaced(w, 0);
	assert_int_equal(alarm_count(w), 1);
}

/* Aodh does not let it be set, and later does. */
static void test_armed_at_last(void **state)
{
	struct world *w = *state;

	one_server(w);
	w->config.interval = dr_msec(100);
	start(w);
	break_cloud(w, "alarming:PUT:/v2/alarms:403:1");
	lose(w);
	WAIT_FOR(w, count(w, "error: alarm is not armed and does not fire until it is alarm=") == 1);
	WAIT_FOR(w, armed_again(w, 0));
	assert_int_equal(count(w, "recovery begins"), 1);
}

/* ---- step 0 ---- */

static void test_aodh_comes_later(void **state)
{
	struct world *w = *state;

	one_server(w);
	break_cloud(w, "alarming:GET:/v2/alarms:503:1");
	break_cloud(w, "alarming:POST:/v2/alarms:500:1");
	start(w);
	assert_int_equal(alarm_count(w), 1);
	assert_int_equal(count(w, "warning: looking for the alarm of vm="), 1);
	assert_int_equal(count(w, "warning: creating the alarm of vm="), 1);
}

static void test_start_needs_a_person(void **state)
{
	struct world *w = *state;
	static const char *const faults[] = { "alarming:GET:/v2/alarms:403", "alarming:POST:/v2/alarms:400" };

	for (size_t i = 0; i < DR_ARRAY_SIZE(faults); i++) {
		w->mc.fails.count = 0;
		break_cloud(w, faults[i]);
		begin(w);
		WAIT_FOR(w, w->started);
		assert_true(w->start_error < 0);
		assert_non_null(strstr(w->why, "the alarm of vm="));
		crash(w);
		log_in(w, "doctor");
	}
	w->mc.fails.count = 0;
	crash(w);
	log_in(w, "wrong");
	begin(w);
	WAIT_FOR(w, w->started);
	assert_int_equal(w->start_error, -EACCES);
}

/* The end comes while alarms are being created: none is left behind. */
static void test_stop_at_once(void **state)
{
	struct world *w = *state;

	for (int turns = 0; turns < 40; turns += 3) {
		begin(w);
		for (int i = 0; i < turns; i++)
			assert_true(dr_loop_run_once(w->loop, dr_msec(1)) >= 0);
		stop(w);
		if (alarm_count(w) != 0)
			fail_msg("after %d turns: %s", turns, said(w));
		crash(w);
		log_in(w, "doctor");
	}
}

/* What fired is the only trace of a recovery that the next start has. */
static void test_stop_in_a_recovery(void **state)
{
	struct world *w = *state;

	start(w);
	w->config.url = strdup(con_consumer_url(w->consumer));
	w->config.listen.port = (uint16_t)strtoul(strrchr(w->config.url, ':') + 1, NULL, 10);
	break_cloud(w, "compute:POST:/v2.1/servers:403:1");
	w->config.plan.retry.pause = w->config.plan.retry.pause_max = dr_sec(10);
	mark_host(w, true);
	mark_server(w, 0);
	WAIT_FOR(w, count(w, "recovery goes on in") == 1);
	stop(w);
	assert_int_equal(count(w, "warning: recovery is left unfinished, "), 1);
	assert_non_null(alarm_of(w, 0));
	assert_null(alarm_of(w, 1)); /* nothing is under way there */
	crash(w);

	log_in(w, "doctor");
	start(w);
	WAIT_FOR(w, count(w, "doctor consumer handled at ") == 1);
	assert_replaced(w, 0);
	WAIT_FOR(w, armed_again(w, 0));
	stop(w);
	assert_int_equal(alarm_count(w), 0);
}

static void test_port_is_taken(void **state)
{
	struct world *w = *state;
	struct con_consumer *c = NULL;
	char *error = NULL;

	w->config.listen.port = dr_http_server_port(w->mc_server);
	assert_int_equal(con_consumer_new(w->loop, w->cloud, &w->config, on_started, w, &c, &error),
			 -EADDRINUSE);
	assert_null(error);
	assert_null(c);
}

#define TEST(name) cmocka_unit_test_setup_teardown(name, setup, teardown)

int main(void)
{
	const struct CMUnitTest tests[] = {
		TEST(test_whole_way),
		TEST(test_check_points),
		TEST(test_alarms_are_reused),
		TEST(test_fired_while_away),
		TEST(test_restart_in_the_middle),
		TEST(test_temporary_failures),
		TEST(test_gives_up),
		TEST(test_cloud_is_away),
		TEST(test_replacement_fails),
		TEST(test_used_replacement),
		TEST(test_answer_lost),
		TEST(test_two_replacements),
		TEST(test_check_fails),
		TEST(test_cell_is_silent),
		TEST(test_host_is_marked_late),
		TEST(test_host_is_well),
		TEST(test_false_alarm),
		TEST(test_deleted_server),
		TEST(test_repeated_and_unknown),
		TEST(test_recovery_none),
		TEST(test_foreign_alarms),
		TEST(test_http),
		TEST(test_call_is_lost),
		TEST(test_call_is_lost_and_a_cell_is_silent),
		TEST(test_fired_while_it_recovers),
		TEST(test_alarm_is_deleted),
		TEST(test_armed_at_last),
		TEST(test_aodh_comes_later),
		TEST(test_start_needs_a_person),
		TEST(test_stop_at_once),
		TEST(test_stop_in_a_recovery),
		TEST(test_port_is_taken),
	};

	return cmocka_run_group_tests_name("consumer", tests, NULL, NULL);
}
