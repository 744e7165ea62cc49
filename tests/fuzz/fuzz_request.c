/* SPDX-License-Identifier: Apache-2.0 */
/*
 * Requests to the inspector, one after the other with \xff between them: "METHOD PATH\nBODY". The HTTP server
 * is replaced by exchange.c, and what decides about faults by what is here, which counts: each request is
 * answered once, what is said to be accepted was taken, and what is refused as a whole changed nothing. Nova
 * knows the hosts that do not begin with x; an answer of Nova, and the end of the turn, come with a request
 * of method "N".
 */
#include "doctor/log.h"
#include "inspector/receive.h"
#include "inspector/source.h"
#include "tests/fuzz/exchange.h"

#define ROOM 12
#define WAITING_MAX 64

static struct {
	struct dr_http_exchange *exchanges;
	struct ins_event taken[ROOM];
	size_t count;
	size_t upkeep; /* maintenance that alarms have begun or ended */
	struct {
		ins_nova_reread_fn fn;
		void *userdata;
	} waiting[WAITING_MAX];
	size_t waiting_count;
} world;

/* These last. */
static struct dr_loop *loop, *asked_to_end; /* the second never runs */
static struct ins_journal *journal;	    /* nothing is kept, answers wait for the end of the turn */
static struct ins_admission *admission;

/* ---------------------------------------------------------------- the inspector */

struct ins_journal *ins_inspector_journal(const struct ins_inspector *s)
{
	return journal;
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
	FUZZ_CHECK(!u->alarm || left > 0);
	if (*host == 'x' || *host == 'y')
		return *host == 'x' ? 1 : -ENOSPC;
	snprintf(u->host, sizeof(u->host), "%s", host);
	world.upkeep += u->alarm;
	return 0;
}

int ins_inspector_maintained(struct ins_inspector *s, const char *host, bool alarm, const char *by,
			     char why[384])
{
	snprintf(why, 384, "%s was not in maintenance", host);
	if (*host == 'x' || *host == 'y')
		return *host == 'x' ? 1 : 2;
	world.upkeep += alarm;
	return 0;
}

struct dr_json *ins_inspector_maintenance(const struct ins_inspector *s)
{
	return dr_json_object();
}

bool ins_inspector_state_known(const char *state)
{
	return !strcmp(state, "open") || !strcmp(state, "ended");
}

int ins_inspector_incident(const struct ins_inspector *s, const char *id, struct dr_json **ret)
{
	if (*id == 'x')
		return 1;
	*ret = dr_json_object();
	return 0;
}

struct dr_json *ins_inspector_hosts(const struct ins_inspector *s)
{
	return dr_json_object();
}

int ins_inspector_host(const struct ins_inspector *s, const char *host, struct dr_json **ret, char why[384])
{
	snprintf(why, 384, "nothing is known of %s", host);
	return ins_inspector_incident(s, host, ret);
}

struct dr_json *ins_inspector_incidents_of(const struct ins_inspector *s, const char *host, const char *state)
{
	struct dr_json *o = dr_json_object();

	dr_json_add_object(o, "counters");
	return o;
}

void ins_inspector_metrics(struct ins_inspector *s, uint64_t requests_refused, uint64_t requests_not_admitted,
			   struct dr_buf *b)
{
	dr_buf_puts(b, "# none\n");
}

struct dr_json *ins_inspector_health(const struct ins_inspector *s, bool *ret_good)
{
	*ret_good = true;
	return dr_json_object();
}

bool ins_live_handle(struct ins_live *v, struct dr_http_exchange *x)
{
	return false;
}

/* ---------------------------------------------------------------- requests */

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

static bool is_path(const struct dr_http_exchange *x, const char *prefix)
{
	return !strncmp(x->path, prefix, strlen(prefix));
}

static void check_reply(const struct dr_http_exchange *x)
{
	const struct dr_json *error = dr_json_get(x->reply, "error");
	int64_t accepted = fuzz_number(x->reply, "accepted"),
		duplicates = fuzz_number(x->reply, "duplicates");

	fuzz_exchange_check(x);
	FUZZ_CHECK((size_t)DR_MAX(accepted, 0) >= x->took);
	if (x->status < 300 && accepted >= 0 && !is_path(x, "/v1/data-sources/")) {
		size_t told = !strcmp(x->path, "/maintenance") ? 1 : events_in(x);

		FUZZ_CHECK((size_t)(accepted + duplicates) == told);
	}
	if (x->status == 400 && accepted == 0 && events_in(x) == 0)
		FUZZ_CHECK(dr_json_get_str(error, "position"));
	if (x->status == 400 && accepted < 0)
		FUZZ_CHECK(is_path(x, "/v1/maintenance/"));
}

/* What is taken before Nova was asked counts for its request, too: which that is, is seen by the answers. */
static void settle(void)
{
	size_t count = world.waiting_count;

	world.waiting_count = 0;
	for (size_t i = 0; i < count; i++)
		world.waiting[i].fn(i % 3 == 2 ? -ETIMEDOUT : 0, world.waiting[i].userdata);
	FUZZ_CHECK(dr_loop_run_once(loop, dr_msec(0)) >= 0);
}

static void request(struct ins_receiver *r, const uint8_t *data, size_t size)
{
	struct dr_http_exchange *x = fuzz_exchange(data, size, &world.exchanges);
	size_t before = world.count + world.upkeep;

	if (!strcmp(x->method, "N")) {
		dr_http_reply_json(x, 200, dr_json_object());
		settle();
		return;
	}
	ins_receive_admit(x, r);
	if (!x->replies)
		ins_receive(x, r);
	FUZZ_CHECK(x->deferred != (x->replies == 1));
	x->took = world.count + world.upkeep - before;
	FUZZ_CHECK(x->deferred || !x->took); /* it is not acknowledged before it is written */
}

static size_t accepted_by_all(void)
{
	size_t sum = 0;

	for (const struct dr_http_exchange *x = world.exchanges; x; x = x->next) {
		check_reply(x);
		sum += (size_t)DR_MAX(fuzz_number(x->reply, "accepted"), 0);
	}
	return sum;
}

static int ignore(const struct dr_log_record *r, void *userdata)
{
	return 0;
}

static void start(void)
{
	static const struct ins_admission_conf open;
	char *why = NULL;

	dr_log_set_sink(ignore, NULL);
	FUZZ_CHECK(!dr_loop_new(&loop) && !dr_loop_new(&asked_to_end));
	FUZZ_CHECK(!ins_journal_new(loop, NULL, &journal, &why));
	FUZZ_CHECK(!ins_admission_new(&open, &admission, &why));
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
	const struct ins_config config = { .remote_shutdown = size % 2,
					   .maintenance.alarm_for = dr_sec(3600) };
	struct ins_receiver *r = NULL;
	char cut;

	if (!loop)
		start();
	FUZZ_CHECK(!ins_receiver_new(asked_to_end, NULL, &config, admission, &r));
	do {
		size_t len;
		const uint8_t *one = fuzz_cut(&data, &size, "\xff", &len, &cut);

		request(r, one, len);
	} while (cut && world.waiting_count < WAITING_MAX);
	settle();
	FUZZ_CHECK(accepted_by_all() == world.count + world.upkeep);
	fuzz_exchanges_done(&world.exchanges);
	memset(&world, 0, sizeof(world));
	ins_receiver_free(r);
	return 0;
}
