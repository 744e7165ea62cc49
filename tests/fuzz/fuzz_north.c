/* SPDX-License-Identifier: Apache-2.0 */
/*
 * The northbound interface on a database in memory: what owners of servers ask for and subscribe to, faults,
 * and the answers of those who are told. Pieces with \xff between them:
 *
 * - "METHOD PATH?QUERY\nBODY", a request
 * - F and digits: the fault of this id has come to a state, with a severity, a type, a host and a number of
 *   servers
 * - A and two digits: the oldest webhook is answered with such a status; A alone: it fails
 * - K and a digit: this one of the notifications that were sent is acknowledged in words
 * - R: the inspector starts anew
 */
#include "doctor/log.h"
#include "inspector/north_private.h"
#include "tests/fuzz/client.h"
#include "tests/fuzz/exchange.h"

#define NOTES_MAX 64

static const struct ins_north_conf conf = {
	.subscriptions = 5,
	.pending = 8,
	.parallel = 4,
	.per_subscriber = 2,
	.history = 4,
	.timeout = { 1000000000 },
	.retry = { .attempts = 3, .expire = { 3600 * 1000000000LL } },
};

static struct dr_loop *loop;
static struct dr_store *store;
static struct ins_north *north;
static struct dr_http_exchange *exchanges;
static struct {
	char id[DR_UUID_STR];
	bool acknowledged;
} notes[NOTES_MAX];
static size_t note_count;

static unsigned digit(const uint8_t *data, size_t size, size_t i)
{
	return i < size && data[i] >= '0' && data[i] <= '9' ? data[i] - '0' : 0;
}

/* ---------------------------------------------------------------- what must always be so */

static void check_subscriber(const struct north_subscriber *s)
{
	unsigned count = 0, sending = 0;

	for (const struct north_note *n = s->first; n; n = n->next) {
		FUZZ_CHECK(n->to == s && n->north == north && (n->next ? n->next->prev == n : s->last == n));
		FUZZ_CHECK(!n->sending || !n->behind || n->acknowledged);
		count++;
		sending += n->sending;
	}
	FUZZ_CHECK(count == s->pending && sending == s->sending);
	FUZZ_CHECK(s->window >= 1 && s->window <= conf.per_subscriber && sending <= conf.per_subscriber);
}

static void check_all(void)
{
	unsigned pending = 0, sending = 0, unproven = 0;

	for (size_t i = 0; i < north->count; i++) {
		const struct north_subscriber *s = north->subs[i];

		check_subscriber(s);
		pending += s->pending;
		sending += s->sending;
		unproven += s->proven ? 0 : s->sending;
	}
	FUZZ_CHECK(north->count <= conf.subscriptions && north->counters.pending == pending);
	FUZZ_CHECK(north->sending >= sending && north->sending <= conf.parallel);
	FUZZ_CHECK(north->unproven == unproven);
}

/* ---------------------------------------------------------------- webhooks */

/* Where in notes the one of this body is, or would be. */
static size_t note_of(const char *text)
{
	DR_AUTO_JSON struct dr_json *body = NULL;
	const char *id;
	size_t i = 0;

	FUZZ_CHECK(!dr_json_parse(text, strlen(text), &body, NULL));
	id = dr_json_get_str(body, "notification_id");
	FUZZ_CHECK(id && dr_json_path(body, "fault.fault_id"));
	while (i < note_count && strcmp(notes[i].id, id))
		i++;
	if (i == note_count && i < NOTES_MAX)
		snprintf(notes[note_count++].id, DR_UUID_STR, "%s", id);
	return i;
}

static void on_send(const struct dr_http_request *req)
{
	size_t i = note_of(req->body);

	FUZZ_CHECK(!ins_callback_check(req->url, &conf.callbacks));
	FUZZ_CHECK(!strcmp(req->method, "POST") && !strncmp(req->headers[0].value, "sha256=", 7));
	FUZZ_CHECK(i == NOTES_MAX || !notes[i].acknowledged);
}

/* "A20": taken, "A22": it acknowledges later */
static void answer(const uint8_t *data, size_t size)
{
	unsigned status = 100 * digit(data, size, 1) + digit(data, size, 2);
	size_t i = fuzz_calls ? note_of(fuzz_calls->body) : NOTES_MAX;

	if (i < NOTES_MAX && status >= 200 && status <= 299 && status != 202)
		notes[i].acknowledged = true;
	fuzz_answer(size > 1 ? 0 : -ECONNREFUSED, status, "", 0);
}

static void acknowledge(size_t i)
{
	char request[128];
	struct dr_http_exchange *x;

	if (i >= note_count)
		return;
	snprintf(request, sizeof(request), "POST /v1/notifications/%s/ack\n", notes[i].id);
	x = fuzz_exchange((const uint8_t *)request, strlen(request), &exchanges);
	FUZZ_CHECK(ins_north_handle(north, x));
	FUZZ_CHECK(x->deferred || x->status == 404);
	notes[i].acknowledged |= x->deferred;
}

static void after_commit(void (*fn)(void *arg), void *arg, void *userdata)
{
	fn(arg);
}

static const char *resource_state(const char *type, const char *id, void *userdata)
{
	FUZZ_CHECK(!strcmp(type, "compute.host") || !strcmp(type, "server"));
	return *id == 'n' ? "normal" : NULL;
}

static void start(void)
{
	const struct ins_north_hooks hooks = { .after_commit = after_commit,
					       .resource_state = resource_state };

	FUZZ_CHECK(!ins_north_new(loop, store, &conf, &hooks, &north));
}

/* What is acknowledged while it is under way is done with, and stays in its queue for the answer only. */
static uint64_t unacknowledged(void)
{
	uint64_t n = 0;

	for (size_t i = 0; i < north->count; i++)
		for (const struct north_note *note = north->subs[i]->first; note; note = note->next)
			n += !note->acknowledged;
	return n;
}

static void restart(void)
{
	uint64_t pending = unacknowledged();
	size_t count = north->count;

	ins_north_free(north);
	start();
	FUZZ_CHECK(north->count == count && north->counters.pending == pending);
}

/* ---------------------------------------------------------------- faults */

static void fault(const uint8_t *data, size_t size)
{
	DR_AUTO(ins_fault_done)
	struct ins_fault f = {
		.state = digit(data, size, 2) % INS_FAULT_STATES,
		.severity = digit(data, size, 3) % (INS_CRITICAL + 1),
		.raised.ns = 1795000000000000000,
	};
	char id[16];
	int r;

	if (f.state == INS_ENDED)
		f.cleared.ns = f.raised.ns + 1;
	f.changed.ns = f.raised.ns + digit(data, size, 3);
	snprintf(f.id, sizeof(f.id), "f%u", digit(data, size, 1));
	snprintf(f.type, sizeof(f.type), "compute.host.%s", digit(data, size, 4) % 2 ? "nic.error" : "down");
	snprintf(f.host, sizeof(f.host), "compute-%u", digit(data, size, 5));
	for (unsigned i = 0; i < digit(data, size, 6); i++) {
		snprintf(id, sizeof(id), "s%u", i);
		FUZZ_CHECK(!ins_fault_add_server(&f, id, i % 2 ? "p1" : NULL));
	}
	r = ins_north_fault(north, &f);
	FUZZ_CHECK(r == 0 || r == -EINVAL);
	FUZZ_CHECK(ins_north_knows(north, f.id) || f.state == INS_ENDED);
}

/* ---------------------------------------------------------------- requests */

/* What was understood is shown so that it would be understood as the same. */
static void check_filter(const struct ins_filter *f)
{
	DR_AUTO_JSON struct dr_json *shown = ins_filter_json(f), *twice = NULL;
	DR_AUTO(ins_filter_done) struct ins_filter again = {};
	DR_AUTO_FREE char *text = dr_json_print(shown), *same = NULL;
	struct ins_refusal why;

	FUZZ_CHECK(text && !ins_filter_read(shown, &again, &why));
	twice = ins_filter_json(&again);
	same = dr_json_print(twice);
	FUZZ_CHECK(same && !strcmp(text, same));
	for (size_t i = 1; i < f->ids.count; i++)
		FUZZ_CHECK(strcmp(f->ids.items[i - 1], f->ids.items[i]) < 0);
}

static void check_subscription(const struct dr_http_exchange *x)
{
	DR_AUTO(ins_subscription_done) struct ins_subscription s = {};
	struct ins_refusal why = { "", "" };
	int r = ins_subscription_parse(x->body, x->len, &conf.callbacks, &s, &why);

	FUZZ_CHECK(r == 0 || r == 1);
	if (r) {
		FUZZ_CHECK(why.reason[0] && !fuzz_has_control(why.reason));
		FUZZ_CHECK(x->status == 400 || x->status == 503);
		return;
	}
	FUZZ_CHECK(x->deferred || x->status == 503);
	FUZZ_CHECK(strlen(s.secret) >= INS_SECRET_MIN && !fuzz_has_control(s.secret));
	FUZZ_CHECK(!ins_callback_check(s.callback, &conf.callbacks));
	FUZZ_CHECK(s.filter.hosts || s.filter.servers);
	check_filter(&s.filter);
}

static void check_faults(struct dr_http_exchange *x)
{
	const struct dr_json *list = dr_json_get(x->reply, "faults");
	const char *host = dr_http_query(x, "host"), *type = dr_http_query(x, "type"),
		   *all = dr_http_query(x, "state"), *limit = dr_http_query(x, "limit");

	FUZZ_CHECK(dr_json_is_array(list));
	FUZZ_CHECK(dr_json_size(list) <= (limit ? (size_t)atol(limit) : 50));
	for (const struct dr_json *v = dr_json_first(list); v; v = dr_json_next(v)) {
		FUZZ_CHECK(!host || !strcmp(host, dr_json_get_str(v, "physical_resource_id")));
		FUZZ_CHECK(!type || !strcmp(type, dr_json_get_str(v, "fault_type")));
		FUZZ_CHECK((all && !strcmp(all, "all")) ||
			   strcmp(dr_json_get_str(v, "state"), "cleared") != 0);
	}
}

static void request(const uint8_t *data, size_t size)
{
	struct dr_http_exchange *x = fuzz_exchange(data, size, &exchanges);
	bool handled = ins_north_handle(north, x);

	FUZZ_CHECK(handled == (x->replies || x->deferred) && x->replies + x->deferred <= 1);
	if (!handled)
		dr_http_reply_error(x, 404, "there is nothing");
	if (!strcmp(x->method, "POST") && !strcmp(x->path, "/v1/subscriptions"))
		check_subscription(x);
	if (!strcmp(x->path, "/v1/faults") && x->replies && x->status == 200)
		check_faults(x);
}

static void turn(void)
{
	FUZZ_CHECK(dr_loop_run_once(loop, dr_msec(0)) >= 0);
}

static void step(const uint8_t *data, size_t size)
{
	switch (size ? data[0] : 0) {
	case 'F':
		fault(data, size);
		break;
	case 'A':
		answer(data, size);
		break;
	case 'K':
		acknowledge(digit(data, size, 1));
		break;
	case 'R':
		restart();
		break;
	default:
		request(data, size);
	}
	check_all();
	turn();
	check_all();
}

static int ignore(const struct dr_log_record *r, void *userdata)
{
	return 0;
}

static void prepare(void)
{
	static const char *const steps[] = { ins_north_schema };

	dr_log_set_sink(ignore, NULL);
	fuzz_on_send = on_send;
	FUZZ_CHECK(!dr_loop_new(&loop) && !dr_store_open(fuzz_path(""), steps, 1, &store, NULL));
	unlink(fuzz_path(""));
	unlink(fuzz_path("-wal"));
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
	char cut;

	if (!loop)
		prepare();
	FUZZ_CHECK(!dr_store_begin(store, false));
	start();
	do {
		size_t len;
		const uint8_t *one = fuzz_cut(&data, &size, "\xff", &len, &cut);

		step(one, len);
	} while (cut);
	ins_north_stop(north);
	for (const struct dr_http_exchange *x = exchanges; x; x = x->next)
		fuzz_exchange_check(x);
	fuzz_exchanges_done(&exchanges);
	ins_north_free(north);
	dr_store_rollback(store);
	memset(notes, 0, sizeof(notes));
	note_count = 0;
	return 0;
}
