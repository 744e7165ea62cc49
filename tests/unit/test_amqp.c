// SPDX-License-Identifier: Apache-2.0
/* The message bus, with a real RabbitMQ. */
#include <stdarg.h>
#include <stddef.h>
#include <setjmp.h>
#include <stdint.h>
#include <cmocka.h>
#include <arpa/inet.h>
#include <signal.h>
#include <string.h>
#include <sys/socket.h>
#include <sys/stat.h>

#include "doctor/buf.h"
#include "lib/cloud/amqp_private.h"
#include "tests/unit/broker.h"

#define OUTCOMES_MAX 64

static struct broker broker;

struct bus {
	struct dr_loop *loop;
	struct dr_amqp *a;
	unsigned ended; /* publishes */
	int errors[OUTCOMES_MAX];
	char text[DR_AMQP_TEXT_MAX]; /* of the last */
	unsigned heard;
	char bodies[OUTCOMES_MAX][32];
	unsigned states; /* told */
	struct dr_amqp_health health;
};

static int setup(void **state)
{
	struct bus *b = calloc(1, sizeof(*b));

	assert_int_equal(dr_loop_new(&b->loop), 0);
	*state = b;
	return 0;
}

static int teardown(void **state)
{
	struct bus *b = *state;

	dr_amqp_free(b->a);
	dr_loop_free(b->loop);
	free(b);
	return 0;
}

#define WAIT(b, condition)                                                                                   \
	do {                                                                                                 \
		struct dr_mono wait_since = dr_mono_now();                                                   \
		while (!(condition)) {                                                                       \
			assert_true(dr_loop_run_once((b)->loop, dr_msec(20)) >= 0);                          \
			if (dr_mono_sub(dr_mono_now(), wait_since).ns > dr_sec(30).ns)                       \
				fail_msg("in vain: %s; the bus: %s; %s", #condition,                         \
					 (b)->a ? dr_amqp_health((b)->a).why : "",                           \
					 (b)->a ? dr_amqp_health((b)->a).consume_why : "");                  \
		}                                                                                            \
	} while (0)

static void on_state(const struct dr_amqp_health *h, void *userdata)
{
	struct bus *b = userdata;

	b->states++;
	b->health = *h;
}

static void on_done(int error, const char *text, void *userdata)
{
	struct bus *b = userdata;

	assert_true(b->ended < OUTCOMES_MAX);
	b->errors[b->ended++] = error;
	assert_int_equal(!error, !text[0]);
	snprintf(b->text, sizeof(b->text), "%s", text);
}

static void on_body(const char *body, size_t len, void *userdata)
{
	struct bus *b = userdata;

	assert_int_equal(body[len], '\0');
	snprintf(b->bodies[b->heard++ % OUTCOMES_MAX], sizeof(b->bodies[0]), "%s", body);
}

/* To the broker, as the user who may do anything; what is set in conf goes before. */
static void open_bus(struct bus *b, struct dr_amqp_conf conf)
{
	const struct dr_amqp_host host = { "127.0.0.1", conf.tls ? broker.tls_port : broker.port };

	if (!conf.hosts) {
		conf.hosts = &host;
		conf.host_count = 1;
	}
	if (!conf.user) {
		conf.user = BROKER_USER;
		conf.password = conf.password ? conf.password : BROKER_PASSWORD;
	}
	conf.pause = dr_msec(20);
	conf.pause_max = conf.pause_max.ns ? conf.pause_max : dr_msec(100);
	conf.on_state = on_state;
	conf.userdata = b;
	assert_int_equal(dr_amqp_new(b->loop, &conf, &b->a), 0);
}

static int publish(struct bus *b, const char *exchange, const char *key, const char *body,
		   struct dr_dur timeout)
{
	const struct dr_amqp_message m = { exchange, key, body, strlen(body), timeout };

	return dr_amqp_publish(b->a, &m, on_done, b);
}

static void must_publish(struct bus *b, const char *exchange, const char *key, const char *body)
{
	assert_int_equal(publish(b, exchange, key, body, dr_sec(30)), 0);
}

static void consume(struct bus *b, const char *exchange, const char *queue, bool durable)
{
	const struct dr_amqp_subscription s = { .exchange = exchange,
						.keys = { "notifications.*", "versioned_notifications.*" },
						.queue = queue,
						.durable = durable,
						.max_length = 5 };

	assert_int_equal(dr_amqp_consume(b->a, &s, on_body, b), 0);
	WAIT(b, dr_amqp_health(b->a).consuming);
}

/* ---------------------------------------------------------------- publishing, consuming */

static void test_publish(void **state)
{
	struct bus *b = *state;
	struct dr_amqp_health h;
	struct dr_mono since;

	open_bus(b, (struct dr_amqp_conf){});
	consume(b, "nova-a", "q", false);
	since = dr_mono_now();
	for (int n = 0; n < 50; n++) {
		char body[32];

		snprintf(body, sizeof(body), "{\"n\": %d}", n);
		must_publish(b, "nova-a", n % 2 ? "notifications.info" : "versioned_notifications.error",
			     body);
	}
	WAIT(b, b->ended == 50);
	print_message("50 messages confirmed in %.1f ms\n",
		      dr_dur_seconds(dr_mono_sub(dr_mono_now(), since)) * 1e3);
	WAIT(b, b->heard == 50);
	for (int n = 0; n < 50; n++) {
		char body[32];

		snprintf(body, sizeof(body), "{\"n\": %d}", n);
		assert_string_equal(b->bodies[n], body);
		assert_int_equal(b->errors[n], 0);
	}
	h = dr_amqp_health(b->a);
	assert_true(h.connected);
	assert_int_equal(h.confirmed, 50);
	assert_int_equal(h.unrouted + h.failed + h.waiting + h.dropped, 0);
	assert_int_equal(h.delivered, 50);
	assert_true(b->health.connected);
	assert_true(b->health.consuming);
}

static void on_one(int error, const char *text, void *userdata)
{
	int *ret = userdata;

	assert_int_equal(*ret, 1);
	*ret = error;
}

static bool all_ended(const int *errors, size_t count)
{
	for (size_t n = 0; n < count; n++)
		if (errors[n] == 1)
			return false;
	return true;
}

/* Nobody listens, then somebody does; and each outcome is the right message's. */
static void test_unrouted(void **state)
{
	struct bus *b = *state;
	int errors[20];

	open_bus(b, (struct dr_amqp_conf){});
	must_publish(b, "nova-b", "notifications.info", "{}");
	WAIT(b, b->ended == 1);
	assert_int_equal(b->errors[0], -ENXIO);
	assert_non_null(strstr(b->text, "no queue takes notifications.info of exchange nova-b"));
	consume(b, "nova-b", "q", false);
	for (int n = 0; n < 20; n++) {
		const struct dr_amqp_message m = { "nova-b", n % 3 ? "notifications.info" : "elsewhere.info",
						   "{}", 2, dr_sec(30) };

		errors[n] = 1;
		assert_int_equal(dr_amqp_publish(b->a, &m, on_one, &errors[n]), 0);
	}
	WAIT(b, all_ended(errors, 20));
	for (int n = 0; n < 20; n++)
		assert_int_equal(errors[n], n % 3 ? 0 : -ENXIO);
	assert_int_equal(dr_amqp_health(b->a).unrouted, 8);
}

static void test_acknowledged(void **state)
{
	struct bus *b = *state;

	open_bus(b, (struct dr_amqp_conf){});
	consume(b, "nova-c", "q-acked", true);
	for (int n = 0; n < 60; n++)
		must_publish(b, "nova-c", "notifications.info", "first");
	WAIT(b, b->heard == 60);
	dr_amqp_free(DR_TAKE_PTR(b->a));

	/* what was handed over is not given again; of what came meanwhile, the last five are there */
	b->heard = b->ended = 0;
	open_bus(b, (struct dr_amqp_conf){});
	for (int n = 0; n < 20; n++) {
		char body[32];

		snprintf(body, sizeof(body), "%d", n);
		must_publish(b, "nova-c", "notifications.info", body);
	}
	WAIT(b, b->ended == 20);
	consume(b, "nova-c", "q-acked", true);
	WAIT(b, b->heard == 5);
	assert_string_equal(b->bodies[0], "15");
	must_publish(b, "nova-c", "notifications.info", "last");
	WAIT(b, b->heard == 6);
	assert_string_equal(b->bodies[5], "last");
}

static int no_socket(int fd, void *userdata)
{
	return 0;
}

/* More than is taken at once: of the same queue, before and after what is not. */
static void test_too_long(void **state)
{
	struct bus *b = *state;
	DR_AUTO_FREE char *big = malloc(DR_AMQP_BODY_MAX + 1);
	char host[] = "127.0.0.1", user[] = BROKER_USER, vhost[] = "/", why[DR_AMQP_TEXT_MAX] = "";
	const struct dr_amqp_host to = { "127.0.0.1", broker.port };
	const struct amqp_conf conf = {
		.vhost = vhost, .user = user, .connect_timeout = { 5000000000 }, .heartbeat = { 10000000000 }
	};
	struct amqp_message m = { .exchange = host, .len = DR_AMQP_BODY_MAX + 1 };
	struct amqp_link *link;
	uint64_t tag;
	int error;

	memset(big, 'x', DR_AMQP_BODY_MAX + 1);
	m.exchange = "nova-d";
	m.key = "notifications.info";
	m.body = big;
	open_bus(b, (struct dr_amqp_conf){});
	consume(b, "nova-d", "q", false);
	assert_int_equal(amqp_link_open(&conf, &to, BROKER_PASSWORD, no_socket, NULL, &link, why), 0);
	must_publish(b, "nova-d", "notifications.info", "before");
	WAIT(b, b->heard == 1);
	assert_int_equal(amqp_link_publish(link, &m, &tag, &error), 0);
	WAIT(b, dr_amqp_health(b->a).dropped == 1);
	must_publish(b, "nova-d", "notifications.info", "after");
	WAIT(b, b->heard == 2);
	assert_string_equal(b->bodies[1], "after");
	amqp_link_close(link);

	m.len = DR_AMQP_BODY_MAX;
	assert_int_equal(dr_amqp_publish(b->a,
					 &(struct dr_amqp_message){ "nova-d", "notifications.info", big,
								    DR_AMQP_BODY_MAX + 1, dr_sec(1) },
					 on_done, b),
			 -EMSGSIZE);
	assert_int_equal(dr_amqp_publish(b->a,
					 &(struct dr_amqp_message){ "nova-d", "notifications.info", big,
								    DR_AMQP_BODY_MAX, dr_sec(30) },
					 on_done, b),
			 0);
	WAIT(b, b->heard == 3);
}

/* ---------------------------------------------------------------- refusals */

static void test_wrong_exchange(void **state)
{
	struct bus *b = *state;

	open_bus(b, (struct dr_amqp_conf){});
	must_publish(b, "fanned", "notifications.info", "{}");
	WAIT(b, b->ended == 1);
	assert_int_equal(b->errors[0], -EPROTOTYPE);
	assert_non_null(strstr(b->text, "inequivalent arg 'type' for exchange 'fanned'"));

	/* the others go on */
	consume(b, "nova-e", "q", false);
	must_publish(b, "nova-e", "notifications.info", "{}");
	WAIT(b, b->heard == 1);
	assert_true(b->health.connected);
}

static void test_wrong_durability(void **state)
{
	struct bus *b = *state;

	open_bus(b, (struct dr_amqp_conf){});
	must_publish(b, "nova-f", "notifications.info", "{}");
	WAIT(b, b->ended == 1);
	assert_int_equal(b->errors[0], -ENXIO);
	dr_amqp_free(DR_TAKE_PTR(b->a));
	open_bus(b, (struct dr_amqp_conf){ .durable = true });
	must_publish(b, "nova-f", "notifications.info", "{}");
	WAIT(b, b->ended == 2);
	assert_int_equal(b->errors[1], -EPROTOTYPE);
	assert_non_null(strstr(b->text, "inequivalent arg 'durable' for exchange 'nova-f'"));
}

/* A queue cannot be had: it says why, and goes on trying. */
static void test_consume_refused(void **state)
{
	struct bus *b = *state;
	const struct dr_amqp_subscription s = { .exchange = "fanned", .keys = { "#" }, .queue = "q" };

	open_bus(b, (struct dr_amqp_conf){});
	assert_int_equal(dr_amqp_consume(b->a, &s, on_body, b), 0);
	assert_int_equal(dr_amqp_consume(b->a, &s, on_body, b), -EBUSY);
	WAIT(b, strstr(b->health.consume_why, "inequivalent arg 'type' for exchange 'fanned'"));
	assert_true(b->health.connected);
	assert_false(b->health.consuming);
}

static void test_rights(void **state)
{
	struct bus *b = *state, *owner;

	setup((void **)&owner);
	open_bus(owner, (struct dr_amqp_conf){});
	consume(owner, "nova-g", "q", false);

	/* may not make the exchange, sees that it is there, may listen and not speak */
	open_bus(b, (struct dr_amqp_conf){ .user = "reader", .password = "reader" });
	consume(b, "nova-g", "q-reader", false);
	must_publish(b, "nova-g", "notifications.info", "{}");
	WAIT(b, b->ended == 1);
	assert_int_equal(b->errors[0], -EACCES);
	assert_non_null(strstr(b->text, "ACCESS_REFUSED"));
	must_publish(owner, "nova-g", "notifications.info", "{}");
	WAIT(b, b->heard == 1);
	must_publish(b, "nova-g", "notifications.info", "{}"); /* by a channel made anew */
	WAIT(b, b->ended == 2);
	assert_int_equal(b->errors[1], -EACCES);
	must_publish(b, "not-there", "notifications.info", "{}");
	WAIT(b, b->ended == 3);
	assert_int_equal(b->errors[2], -ENOENT);
	teardown((void **)&owner);
}

static void write_secret(const char *path, const char *text)
{
	DR_AUTO_FCLOSE FILE *f = fopen(path, "w");

	assert_non_null(f);
	assert_true(fputs(text, f) >= 0);
}

static void test_password(void **state)
{
	struct bus *b = *state;
	DR_AUTO_FREE char *path = dr_asprintf("%s/secret", broker.dir);

	open_bus(b, (struct dr_amqp_conf){ .user = BROKER_USER, .password_file = path });
	WAIT(b, strstr(b->health.why, "No such file"));
	write_secret(path, "not this one\n");
	WAIT(b, strstr(b->health.why, "ACCESS_REFUSED"));
	assert_null(strstr(b->health.why, "not this one"));
	assert_int_equal(publish(b, "nova", "notifications.info", "{}", dr_msec(50)), 0);
	WAIT(b, b->ended == 1);
	assert_int_equal(b->errors[0], -ENOTCONN);
	assert_non_null(strstr(b->text, "not sent in time: ACCESS_REFUSED"));
	write_secret(path, BROKER_PASSWORD "\n");
	WAIT(b, b->health.connected);
}

static void test_vhost(void **state)
{
	struct bus *b = *state;

	open_bus(b, (struct dr_amqp_conf){ .vhost = "elsewhere" });
	WAIT(b, strstr(b->health.why, "vhost elsewhere not found"));
}

/* ---------------------------------------------------------------- hosts, TLS */

static void test_hosts(void **state)
{
	struct bus *b = *state;
	const struct dr_amqp_host hosts[] = { { "127.0.0.1", broker_free_port() },
					      { "127.0.0.1", broker.port } };
	char want[64];

	open_bus(b, (struct dr_amqp_conf){ .hosts = hosts, .host_count = 2 });
	WAIT(b, b->health.connected);
	snprintf(want, sizeof(want), "127.0.0.1:%u", broker.port);
	assert_string_equal(b->health.host, want);
}

static void test_tls(void **state)
{
	struct bus *b = *state;
	DR_AUTO_FREE char *ca = dr_asprintf("%s/ca.pem", broker.dir);
	DR_AUTO_FREE char *other = dr_asprintf("%s/other.pem", broker.dir);
	const struct dr_amqp_host named = { "localhost", broker.tls_port };

	open_bus(b, (struct dr_amqp_conf){ .tls = true, .ca_file = ca, .hosts = &named, .host_count = 1 });
	consume(b, "nova-h", "q", false);
	for (int n = 0; n < 50; n++)
		must_publish(b, "nova-h", "notifications.info", "{}");
	WAIT(b, b->heard == 50 && b->ended == 50);
	dr_amqp_free(DR_TAKE_PTR(b->a));

	open_bus(b, (struct dr_amqp_conf){ .tls = true, .ca_file = other });
	WAIT(b, strstr(b->health.why, "SSL peer cert verification failed"));
	dr_amqp_free(DR_TAKE_PTR(b->a));
	open_bus(b, (struct dr_amqp_conf){ .tls = true }); /* Debian's authorities know nothing of it */
	b->health.why[0] = '\0';
	WAIT(b, b->health.why[0]);
	assert_false(b->health.connected);
	dr_amqp_free(DR_TAKE_PTR(b->a));
	open_bus(b, (struct dr_amqp_conf){ .tls = true, .ca_file = ca });
	WAIT(b, strstr(b->health.why, "hostname")); /* the certificate is localhost's */
	dr_amqp_free(DR_TAKE_PTR(b->a));
	open_bus(b, (struct dr_amqp_conf){ .tls = true, .ca_file = "/nowhere" });
	WAIT(b, strstr(b->health.why, "/nowhere: cannot be read as certificates"));
}

/* ---------------------------------------------------------------- the broker in trouble */

static int teardown_hang(void **state)
{
	kill(-broker.server, SIGCONT);
	return teardown(state);
}

/* Silent: what is asked of it ends in time, and the connection by its heartbeat. */
static void test_hang(void **state)
{
	struct bus *b = *state;
	struct dr_mono since;

	open_bus(b, (struct dr_amqp_conf){ .heartbeat = dr_sec(1), .connect_timeout = dr_sec(1) });
	consume(b, "nova-i", "q", false);
	must_publish(b, "nova-i", "notifications.info", "first");
	WAIT(b, b->ended == 1);
	kill(-broker.server, SIGSTOP);
	assert_int_equal(publish(b, "nova-i", "notifications.info", "late", dr_msec(200)), 0);
	must_publish(b, "nova-i", "notifications.info", "kept");
	WAIT(b, b->ended == 2);
	assert_int_equal(b->errors[1], -ETIMEDOUT);
	assert_string_equal(b->text, "no confirmation in time");
	WAIT(b, !b->health.connected);
	assert_non_null(strstr(b->health.why, "heartbeat"));
	since = dr_mono_now();
	dr_amqp_free(DR_TAKE_PTR(b->a));
	assert_true(dr_mono_sub(dr_mono_now(), since).ns < dr_sec(10).ns);
	assert_int_equal(b->ended, 3);
	assert_int_equal(b->errors[2], -ECANCELED);
}

/* Stopped and started again: what was asked for meanwhile arrives, and so does what comes. */
static void test_restart(void **state)
{
	struct bus *b = *state;

	open_bus(b, (struct dr_amqp_conf){});
	consume(b, "nova-j", "q", true);
	must_publish(b, "nova-j", "notifications.info", "before");
	WAIT(b, b->ended == 1 && b->heard == 1);
	broker_stop(&broker);
	WAIT(b, !b->health.connected);
	assert_false(b->health.consuming);
	assert_int_equal(publish(b, "nova-j", "notifications.info", "lost", dr_msec(50)), 0);
	assert_int_equal(dr_amqp_publish(b->a,
					 &(struct dr_amqp_message){ "nova-j", "notifications.info",
								    "meanwhile", 9, dr_sec(120) },
					 on_done, b),
			 0);
	WAIT(b, b->ended == 2);
	assert_int_equal(b->errors[1], -ENOTCONN);
	broker_start(&broker);
	WAIT(b, b->ended == 3);
	/* the exchange is made anew, as it is not durable; its queue is bound as soon as it is asked for */
	assert_true(b->errors[2] == 0 || b->errors[2] == -ENXIO);
	WAIT(b, b->health.consuming);
	must_publish(b, "nova-j", "notifications.info", "after");
	WAIT(b, b->heard && !strcmp(b->bodies[b->heard - 1], "after"));
}

/* ---------------------------------------------------------------- limits, the end */

static void test_bounded(void **state)
{
	struct bus *b = *state;
	const struct dr_amqp_host nobody = { "127.0.0.1", broker_free_port() };

	open_bus(b, (struct dr_amqp_conf){ .hosts = &nobody, .host_count = 1, .queue_max = 3 });
	for (int n = 0; n < 3; n++)
		must_publish(b, "nova", "notifications.info", "{}");
	assert_int_equal(publish(b, "nova", "notifications.info", "{}", dr_sec(1)), -ENOBUFS);
	assert_int_equal(publish(b, "", "notifications.info", "{}", dr_sec(1)), -EINVAL);
	assert_int_equal(publish(b, NULL, "notifications.info", "{}", dr_sec(1)), -EINVAL);
	assert_int_equal(dr_amqp_health(b->a).waiting, 3);
	WAIT(b, strstr(b->health.why, "socket error") || strstr(b->health.why, "refused"));
	assert_int_equal(b->ended, 0);
	dr_amqp_free(DR_TAKE_PTR(b->a));
	assert_int_equal(b->ended, 3);
	for (int n = 0; n < 3; n++)
		assert_int_equal(b->errors[n], -ECANCELED);
}

/* One that takes connections and says nothing does not hold the end up. */
static void test_end_in_login(void **state)
{
	struct bus *b = *state;
	struct sockaddr_in at = { .sin_family = AF_INET, .sin_addr.s_addr = htonl(INADDR_LOOPBACK) };
	DR_AUTO_CLOSE int fd = socket(AF_INET, SOCK_STREAM | SOCK_CLOEXEC, 0);
	DR_AUTO_CLOSE int peer = -1;
	struct dr_amqp_host host = { .name = "127.0.0.1" };
	socklen_t len = sizeof(at);
	struct dr_mono since;
	char hello[8];

	assert_int_equal(bind(fd, (struct sockaddr *)&at, sizeof(at)), 0);
	assert_int_equal(listen(fd, 1), 0);
	assert_int_equal(getsockname(fd, (struct sockaddr *)&at, &len), 0);
	host.port = ntohs(at.sin_port);
	open_bus(b, (struct dr_amqp_conf){ .hosts = &host, .host_count = 1, .connect_timeout = dr_sec(60) });
	must_publish(b, "nova", "notifications.info", "{}");
	peer = accept(fd, NULL, NULL);
	assert_true(peer >= 0);
	assert_int_equal(read(peer, hello, sizeof(hello)), sizeof(hello)); /* "AMQP" and its version */
	since = dr_mono_now();
	dr_amqp_free(DR_TAKE_PTR(b->a));
	assert_true(dr_mono_sub(dr_mono_now(), since).ns < dr_sec(10).ns);
	assert_int_equal(b->ended, 1);
	assert_int_equal(b->errors[0], -ECANCELED);
}

static void test_end_in_pause(void **state)
{
	struct bus *b = *state;
	const struct dr_amqp_host nobody = { "127.0.0.1", broker_free_port() };
	struct dr_mono since;

	open_bus(b, (struct dr_amqp_conf){ .hosts = &nobody, .host_count = 1, .pause_max = dr_sec(60) });
	WAIT(b, b->states);
	since = dr_mono_now();
	dr_amqp_free(DR_TAKE_PTR(b->a));
	assert_true(dr_mono_sub(dr_mono_now(), since).ns < dr_sec(10).ns);
}

static void test_arguments(void **state)
{
	struct bus *b = *state;
	const struct dr_amqp_host host = { "127.0.0.1", 1 };
	const struct dr_amqp_conf nowhere = { .user = "u" }, nobody = { .hosts = &host, .host_count = 1 };

	assert_int_equal(dr_amqp_new(b->loop, &nowhere, &b->a), -EINVAL);
	assert_int_equal(dr_amqp_new(b->loop, &nobody, &b->a), -EINVAL);
	assert_null(b->a);
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

#define TEST(fn) cmocka_unit_test_setup_teardown(fn, setup, teardown)

int main(void)
{
	const struct CMUnitTest tests[] = {
		TEST(test_publish),
		TEST(test_unrouted),
		TEST(test_acknowledged),
		TEST(test_too_long),
		TEST(test_wrong_exchange),
		TEST(test_wrong_durability),
		TEST(test_consume_refused),
		TEST(test_rights),
		TEST(test_password),
		TEST(test_vhost),
		TEST(test_hosts),
		TEST(test_tls),
		cmocka_unit_test_setup_teardown(test_hang, setup, teardown_hang),
		TEST(test_restart),
		TEST(test_bounded),
		TEST(test_end_in_login),
		TEST(test_end_in_pause),
		TEST(test_arguments),
	};

	return cmocka_run_group_tests(tests, start, stop);
}
