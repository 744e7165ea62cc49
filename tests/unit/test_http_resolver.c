// SPDX-License-Identifier: Apache-2.0
/* The HTTP client and a name service that does not answer: only who asked it waits. */
#include "tests/unit/http_fixture.h"

#include <curl/curl.h>
#include <dlfcn.h>
#include <netdb.h>
#include <semaphore.h>
#include <stdatomic.h>
#include <time.h>

#define RESOLVER_DEADLINE_SEC 10

static sem_t answer; /* of the name service, one for each question */
static sem_t end;    /* of its threads */
static atomic_uint asked, answered;

/* In place of libc's, which libcurl calls on a thread of its own. */
int getaddrinfo(const char *name, const char *service, const struct addrinfo *hints, struct addrinfo **ret)
{
	int (*real)(const char *, const char *, const struct addrinfo *, struct addrinfo **);
	struct timespec until;

	if (!name || strcmp(name, "dead.example")) {
		real = (__typeof__(real))dlsym(RTLD_NEXT, "getaddrinfo");
		return real(name, service, hints, ret);
	}
	asked++;
	clock_gettime(CLOCK_REALTIME, &until);
	until.tv_sec += RESOLVER_DEADLINE_SEC;
	while (sem_timedwait(&answer, &until) && errno == EINTR)
		;
	answered++;
	sem_post(&end);
	return EAI_AGAIN;
}

struct heard {
	unsigned calls;
	int error;
};

static void on_answer(const struct dr_http_response *r, void *userdata)
{
	struct heard *h = userdata;

	h->calls++;
	h->error = r->error;
}

static void send_nowhere(struct fixture *f, struct dr_dur timeout, struct heard *h)
{
	struct dr_http_request req = { .method = "GET", .url = "http://dead.example/", .timeout = timeout };

	assert_int_equal(dr_http_send(f->client, &req, on_answer, h), 0);
}

static int setup(void **state)
{
	assert_int_equal(sem_init(&answer, 0, 0), 0);
	assert_int_equal(sem_init(&end, 0, 0), 0);
	asked = answered = 0;
	return fixture_setup(state);
}

/* The threads end before what they use does. */
static int teardown(void **state)
{
	for (unsigned n = asked; n > 0; n--)
		sem_post(&answer);
	for (unsigned n = asked; n > 0; n--)
		while (sem_wait(&end))
			assert_int_equal(errno, EINTR);
	fixture_teardown(state);
	return sem_destroy(&answer) | sem_destroy(&end);
}

static void skip_without_threads(void)
{
	if (curl_version_info(CURLVERSION_NOW)->ares) {
		print_message("libcurl resolves names by c-ares, not on threads\n");
		skip();
	}
}

/* The call ends in its time, and others are served while the name service hangs. */
static void test_timeout(void **state)
{
	struct fixture *f = *state;
	struct heard dead = {}, live = {};
	struct dr_http_request req = { .method = "GET", .url = fixture_url(f, "/") };

	skip_without_threads();
	send_nowhere(f, dr_sec(1), &dead);
	WAIT_FOR(f->loop, dead.calls);
	assert_int_equal(dead.error, -ETIMEDOUT);
	assert_int_equal(asked, 1);
	assert_int_equal(answered, 0);
	assert_int_equal(dr_http_send(f->client, &req, on_answer, &live), 0);
	WAIT_FOR(f->loop, live.calls);
	assert_int_equal(live.error, 0);
	assert_int_equal(answered, 0);
}

/* Nor does a program that ends wait for it. */
static void test_end(void **state)
{
	struct fixture *f = *state;
	struct heard dead = {};

	skip_without_threads();
	send_nowhere(f, dr_sec(60), &dead);
	WAIT_FOR(f->loop, asked == 1);
	fixture_client(f, NULL);
	assert_int_equal(dead.calls, 1);
	assert_int_equal(dead.error, -ECANCELED);
	assert_int_equal(answered, 0);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test_setup_teardown(test_timeout, setup, teardown),
		cmocka_unit_test_setup_teardown(test_end, setup, teardown),
	};

	return cmocka_run_group_tests_name("http_resolver", tests, NULL, NULL);
}
