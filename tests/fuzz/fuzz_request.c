/* SPDX-License-Identifier: Apache-2.0 */
/*
 * Requests to the inspector, one after the other with \xff between them: "METHOD PATH\nBODY". The HTTP server
 * and the inspector behind it are replaced by what is here, which counts: each request is answered once, what
 * is said to be accepted was taken, and what is refused as a whole changed nothing. Nova knows the hosts that
 * do not begin with x; an answer of Nova comes with a request of method "N".
 */
#include <stdarg.h>

#include "doctor/json.h"
#include "doctor/log.h"
#include "inspector/receive.h"
#include "inspector/source.h"
#include "tests/fuzz/fuzz.h"

#define ROOM 12
#define WAITING_MAX 64

struct dr_http_exchange {
	struct dr_http_exchange *next;
	char *method, *path;
	const char *body;
	size_t len;
	bool deferred;
	unsigned replies, status;
	struct dr_json *reply;
};

static struct {
	struct dr_http_exchange *exchanges;
	struct ins_event taken[ROOM];
	size_t count;
	struct {
		ins_nova_reread_fn fn;
		void *userdata;
	} waiting[WAITING_MAX];
	size_t waiting_count;
} world;

/* ---------------------------------------------------------------- the server */

const char *dr_http_method(const struct dr_http_exchange *x)
{
	return x->method;
}

const char *dr_http_path(const struct dr_http_exchange *x)
{
	return x->path;
}

const char *dr_http_body(const struct dr_http_exchange *x, size_t *ret_len)
{
	*ret_len = x->len;
	return x->body;
}

const char *dr_http_peer(const struct dr_http_exchange *x)
{
	return "192.0.2.1";
}

void dr_http_set_header(struct dr_http_exchange *x, const char *name, const char *value)
{
	FUZZ_CHECK(!x->replies && *name && *value && !fuzz_has_control(value));
}

void dr_http_defer(struct dr_http_exchange *x)
{
	FUZZ_CHECK(!x->deferred && !x->replies);
	x->deferred = true;
}

void dr_http_reply_json(struct dr_http_exchange *x, unsigned status, struct dr_json *body)
{
	DR_AUTO_FREE char *text = dr_json_print(body);

	FUZZ_CHECK(text && !x->replies++);
	x->status = status;
	x->reply = body;
}

void dr_http_reply_error(struct dr_http_exchange *x, unsigned status, const char *fmt, ...)
{
	struct dr_json *body = dr_json_object(), *error = dr_json_add_object(body, "error");
	char text[1024];
	va_list ap;

	va_start(ap, fmt);
	vsnprintf(text, sizeof(text), fmt, ap);
	va_end(ap);
	dr_json_add_int(error, "code", status);
	dr_json_add_str(error, "message", text);
	dr_http_reply_json(x, status, body);
}

/* ---------------------------------------------------------------- the inspector */

void dr_log(enum dr_log_level level, const char *fmt, ...)
{
}

void dr_loop_exit(struct dr_loop *l, int code)
{
}

struct ins_nova *ins_inspector_nova(const struct ins_inspector *s)
{
	return NULL;
}

int ins_nova_reread(struct ins_nova *n, ins_nova_reread_fn fn, void *userdata)
{
	if (world.waiting_count == WAITING_MAX)
		return -ENOMEM;
	world.waiting[world.waiting_count].fn = fn;
	world.waiting[world.waiting_count++].userdata = userdata;
	return 0;
}

bool ins_inspector_seen(const struct ins_inspector *s, const struct ins_event *e)
{
	for (size_t i = 0; i < world.count; i++)
		if (ins_event_same(&world.taken[i], e))
			return true;
	return false;
}

bool ins_inspector_knows(const struct ins_inspector *s, const struct ins_event *e)
{
	return e->host[0] != 'x' && e->host[0] != 'y';
}

bool ins_inspector_refuses(const struct ins_inspector *s, const struct ins_event *e, char reason[384])
{
	snprintf(reason, 384, "Nova has no host %s", e->host);
	return e->host[0] == 'x';
}

size_t ins_inspector_room(const struct ins_inspector *s)
{
	return ROOM - world.count;
}

void ins_inspector_take(struct ins_inspector *s, const struct ins_event *e, bool fresh)
{
	FUZZ_CHECK(world.count < ROOM);
	FUZZ_CHECK(e->host[0] && e->type[0] && !fuzz_has_control(e->type));
	world.taken[world.count++] = *e;
}

void ins_inspector_refused(struct ins_inspector *s, const struct ins_event *e, const char *reason)
{
	FUZZ_CHECK(e->host[0] == 'x');
}

int ins_inspector_release(struct ins_inspector *s, const char *id, const char *by, const char **ret_state)
{
	FUZZ_CHECK(*id && strlen(id) < 256 && !strchr(id, '/'));
	*ret_state = "done";
	return *id == 'h' ? 0 : *id == 'd' ? 2 : 1;
}

int ins_inspector_maintain(struct ins_inspector *s, const char *host, struct ins_upkeep *u, const char *by,
			   char why[384])
{
	int64_t left = dr_mono_sub(u->until, dr_mono_now()).ns;

	FUZZ_CHECK(*host && strlen(host) < 256 && !strchr(host, '/'));
	FUZZ_CHECK(left <= INS_MAINTENANCE_LONGEST.ns && !fuzz_has_control(u->reason));
	snprintf(why, 384, "Nova has no host %s", host);
	if (*host == 'x')
		return 1;
	snprintf(u->host, sizeof(u->host), "%s", host);
	return 0;
}

bool ins_inspector_maintained(struct ins_inspector *s, const char *host, const char *by)
{
	return *host != 'x';
}

struct dr_json *ins_inspector_maintenance(const struct ins_inspector *s)
{
	return dr_json_object();
}

struct dr_json *ins_inspector_incidents(const struct ins_inspector *s)
{
	struct dr_json *o = dr_json_object();

	dr_json_add_object(o, "counters");
	return o;
}

struct dr_json *ins_inspector_health(const struct ins_inspector *s, bool *ret_good)
{
	*ret_good = true;
	return dr_json_object();
}

/* ---------------------------------------------------------------- requests */

static int64_t number(const struct dr_json *o, const char *key)
{
	int64_t n = -1;

	return dr_json_get_i64(o, key, &n) ? -1 : n;
}

/* The events that its body has; 0 if it has none that can be read. */
static size_t events_in(const struct dr_http_exchange *x)
{
	DR_AUTO(ins_events_done) struct ins_events e = {};
	struct ins_refusal why;
	enum ins_dialect dialect = !strcmp(x->path, "/events")	   ? INS_DOCTOR
				   : !strcmp(x->path, "/v1/event") ? INS_VITRAGE
								   : INS_CONGRESS;

	return ins_dialect_parse(dialect, x->body, x->len, &e, &why) ? 0 : e.count;
}

/* took: events that were taken for it */
static void check_reply(const struct dr_http_exchange *x, size_t took)
{
	const struct dr_json *error = dr_json_get(x->reply, "error");
	int64_t accepted = number(x->reply, "accepted"), duplicates = number(x->reply, "duplicates");

	FUZZ_CHECK(x->replies == 1);
	FUZZ_CHECK((x->status >= 400) == dr_json_is_object(error));
	FUZZ_CHECK(!error || (number(error, "code") == x->status && dr_json_get_str(error, "message")));
	FUZZ_CHECK((accepted < 0 ? 0 : (size_t)accepted) == took);
	if (x->status < 300 && accepted >= 0 && !strstr(x->path, "/v1/data-sources/"))
		FUZZ_CHECK((size_t)(accepted + duplicates) == events_in(x));
	if (x->status == 400 && !took && events_in(x) == 0)
		FUZZ_CHECK(dr_json_get_str(error, "position") || strstr(x->path, "/v1/maintenance/"));
}

/* What is taken before Nova was asked counts for its request, too: which that is, is seen by the answers. */
static void settle(void)
{
	size_t count = world.waiting_count;

	world.waiting_count = 0;
	for (size_t i = 0; i < count; i++)
		world.waiting[i].fn(i % 3 == 2 ? -ETIMEDOUT : 0, world.waiting[i].userdata);
}

static void request(struct ins_receiver *r, const uint8_t *data, size_t size)
{
	struct dr_http_exchange *x = calloc(1, sizeof(*x));
	size_t before = world.count, len;
	const uint8_t *first;
	char cut;

	FUZZ_CHECK(x);
	first = fuzz_cut(&data, &size, " ", &len, &cut);
	x->method = fuzz_text(first, len);
	first = fuzz_cut(&data, &size, "\n", &len, &cut);
	x->path = fuzz_text(first, len);
	x->body = (const char *)data;
	x->len = size;
	x->next = world.exchanges;
	world.exchanges = x;
	if (!strcmp(x->method, "N")) {
		dr_http_reply_json(x, 200, dr_json_object());
		settle();
		return;
	}
	ins_receive(x, r);
	FUZZ_CHECK(x->deferred != (x->replies == 1));
	if (x->replies)
		check_reply(x, world.count - before);
}

static size_t accepted_by_all(void)
{
	size_t sum = 0;

	for (const struct dr_http_exchange *x = world.exchanges; x; x = x->next) {
		int64_t n = number(x->reply, "accepted");

		FUZZ_CHECK(x->replies == 1);
		sum += n > 0 ? (size_t)n : 0;
	}
	return sum;
}

static void forget(void)
{
	struct dr_http_exchange *next;

	for (struct dr_http_exchange *x = world.exchanges; x; x = next) {
		next = x->next;
		dr_json_free(x->reply);
		free(x->method);
		free(x->path);
		free(x);
	}
	memset(&world, 0, sizeof(world));
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
	const struct ins_config config = { .remote_shutdown = size % 2 };
	struct ins_receiver *r = NULL;
	char cut;

	FUZZ_CHECK(!ins_receiver_new(NULL, NULL, &config, &r));
	do {
		size_t len;
		const uint8_t *one = fuzz_cut(&data, &size, "\xff", &len, &cut);

		request(r, one, len);
	} while (cut && world.waiting_count < WAITING_MAX);
	settle();
	FUZZ_CHECK(accepted_by_all() == world.count);
	forget();
	ins_receiver_free(r);
	return 0;
}
