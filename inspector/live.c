// SPDX-License-Identifier: Apache-2.0
#include "inspector/live.h"

#include <string.h>

#include "doctor/log.h"
#include "inspector/inspector_private.h"
#include "inspector/page.h"

#define TURN dr_msec(250)
#define DUE_TURNS 8		  /* all is looked at, and health told: by it a viewer knows that we live */
#define LIFE dr_sec(600)	  /* of a stream, so that a credential that was withdrawn does not last */
#define WAITING_MAX (4UL << 20)	  /* bytes of one viewer: everything, of some 20,000 hosts */
#define BACKLOG_MAX (256UL << 10) /* changes are not added to more than that */
#define INCIDENTS_MAX 2000	  /* the newest, of which */
#define ENDED_MAX 100		  /* so many have ended */

struct viewer {
	struct ins_live *live;
	struct dr_http_stream *stream; /* NULL: nobody */
	struct dr_mono since;
	bool behind; /* everything is to be told */
};

/* A digest of each thing, as it was told. */
struct told {
	uint64_t health, maintenance, names;
	uint64_t *hosts; /* in the order of the map */
	size_t count;
};

struct ins_live {
	struct ins_inspector *inspector;
	struct dr_source *timer;
	struct viewer viewers[INS_VIEWERS_MAX];
	struct told told;
	uint64_t forgotten; /* of the inspector's, as it was told */
	struct dr_dur life;
	unsigned turns;
};

/* FNV-1a, 64 bits, goes on from h. */
static uint64_t digest(uint64_t h, const char *text)
{
	for (; *text; text++)
		h = (h ^ (unsigned char)*text) * 0x100000001b3ULL;
	return h;
}

#define DIGEST_OF_NOTHING 0xcbf29ce484222325ULL

/* ---------------------------------------------------------------- events */

/* JSON has no line ends: one line of data is all of it (html.spec.whatwg.org, 9.2.5). */
static void add_event(struct dr_buf *to, const char *name, const char *json)
{
	if (json)
		dr_buf_printf(to, "event: %s\ndata: %s\n\n", name, json);
	else
		to->error = -ENOMEM;
}

static void add_json(struct dr_buf *to, const char *name, struct dr_json *taken)
{
	DR_AUTO_JSON struct dr_json *o = taken;
	DR_AUTO_FREE char *text = dr_json_print(o);

	add_event(to, name, text);
}

/* Of those that are shown, newest first: all open ones and the last that have ended, up to a limit. */
static void each_incident(const struct ins_live *v, void (*fn)(struct ins_incident *i, void *to), void *to)
{
	size_t count = 0, ended = 0;

	for (struct ins_incident *i = v->inspector->last; i && count < INCIDENTS_MAX; i = i->prev) {
		if (ins_state_ended(i->state) && ended++ >= ENDED_MAX)
			continue;
		count++;
		fn(i, to);
	}
}

static void push_incident(struct ins_incident *i, void *list)
{
	dr_json_push(list, ins_incident_brief(i));
}

static void add_incidents(const struct ins_live *v, struct dr_buf *to)
{
	struct dr_json *o = dr_json_object();

	each_incident(v, push_incident, dr_json_add_array(o, "incidents"));
	add_json(to, "incidents", o);
}

static void add_everything(const struct ins_live *v, struct dr_buf *to)
{
	bool good;

	add_json(to, "health", ins_inspector_health(v->inspector, &good));
	add_json(to, "hosts", ins_inspector_hosts(v->inspector));
	add_json(to, "maintenance", ins_inspector_maintenance(v->inspector));
	add_incidents(v, to);
}

/* ---------------------------------------------------------------- what has changed */

/* The ages in it are no news: they are told when it is due. */
static void compare_health(struct ins_live *v, bool due, struct dr_buf *to)
{
	bool good;
	DR_AUTO_JSON struct dr_json *o = ins_inspector_health(v->inspector, &good);
	DR_AUTO_FREE char *problems = dr_json_print(dr_json_get(o, "problems"));
	DR_AUTO_FREE char *text = dr_json_print(o);
	uint64_t is = digest(DIGEST_OF_NOTHING, problems ? problems : "");

	if (due || is != v->told.health)
		add_event(to, "health", text);
	v->told.health = is;
}

static void compare_maintenance(struct ins_live *v, struct dr_buf *to)
{
	DR_AUTO_JSON struct dr_json *o = ins_inspector_maintenance(v->inspector);
	DR_AUTO_FREE char *text = dr_json_print(o);
	uint64_t is = digest(DIGEST_OF_NOTHING, text ? text : "");

	if (is != v->told.maintenance)
		add_event(to, "maintenance", text);
	v->told.maintenance = is;
}

static uint64_t digest_of_names(const struct dr_json *hosts)
{
	uint64_t h = DIGEST_OF_NOTHING;

	for (const struct dr_json *o = dr_json_first(hosts); o; o = dr_json_next(o)) {
		const char *name = dr_json_get_str(o, "name");

		h = digest(digest(h, name ? name : ""), "\n");
	}
	return h;
}

/* 0, or -ENOMEM. anew: other hosts than before. */
static int remember_hosts(struct told *t, const struct dr_json *hosts, bool *ret_anew)
{
	size_t count = dr_json_size(hosts);
	uint64_t names = digest_of_names(hosts), *p;

	*ret_anew = count != t->count || names != t->names;
	if (!*ret_anew)
		return 0;
	p = calloc(count + 1, sizeof(*p));
	if (!p)
		return -ENOMEM;
	free(t->hosts);
	*t = (struct told){ t->health, t->maintenance, names, p, count };
	return 0;
}

static void compare_hosts(struct ins_live *v, struct dr_buf *to)
{
	DR_AUTO_JSON struct dr_json *all = ins_inspector_hosts(v->inspector);
	const struct dr_json *hosts = dr_json_get(all, "hosts"), *o;
	DR_AUTO_FREE char *whole = NULL;
	bool anew = false;
	size_t n = 0;

	if (remember_hosts(&v->told, hosts, &anew)) {
		to->error = -ENOMEM;
		return;
	}
	for (o = dr_json_first(hosts); o; o = dr_json_next(o), n++) {
		DR_AUTO_FREE char *text = dr_json_print(o);
		uint64_t is = digest(DIGEST_OF_NOTHING, text ? text : "");

		if (!anew && is != v->told.hosts[n])
			add_event(to, "host", text);
		v->told.hosts[n] = is;
	}
	if (anew) {
		whole = dr_json_print(all);
		add_event(to, "hosts", whole);
	}
}

/* However old: one that was shown as open may end behind all others that have, and be forgotten at once. */
static void compare_incidents(struct ins_live *v, struct dr_buf *to)
{
	for (struct ins_incident *i = v->inspector->last; i; i = i->prev) {
		if (i->told == i->changes)
			continue;
		i->told = i->changes;
		add_json(to, "incident", ins_incident_brief(i));
	}
	if (v->forgotten != v->inspector->forgotten)
		add_incidents(v, to);
	v->forgotten = v->inspector->forgotten;
}

/* ---------------------------------------------------------------- viewers */

size_t ins_live_viewers(const struct ins_live *v)
{
	size_t n = 0;

	for (size_t i = 0; i < INS_VIEWERS_MAX; i++)
		n += v->viewers[i].stream != NULL;
	return n;
}

static void dismiss(struct viewer *w)
{
	dr_http_stream_end(DR_TAKE_PTR(w->stream));
}

static void on_gone(void *userdata)
{
	struct viewer *w = userdata;

	w->stream = NULL;
}

/* everything is put together once for all who need it, when the first does. */
static void tell(struct viewer *w, const struct dr_buf *changes, struct dr_buf *everything)
{
	int r = 0;

	if (!w->behind && dr_http_stream_waiting(w->stream) + changes->len > BACKLOG_MAX)
		w->behind = true;
	if (w->behind) {
		if (dr_http_stream_waiting(w->stream))
			return; /* until he has taken what he has */
		if (!everything->len && !everything->error)
			add_everything(w->live, everything);
		changes = everything;
	}
	if (changes->error)
		r = changes->error;
	else if (changes->len)
		r = dr_http_stream_write(w->stream, changes->data, changes->len);
	w->behind = false;
	if (r) {
		dr_warning("a stream of GET /v1/stream is ended: %s", strerror(-r));
		dismiss(w);
	}
}

/* Of hosts and health hardly anything changes that neither comes of an incident nor has time until it is due.
 */
static void compare(struct ins_live *v, struct dr_buf *to)
{
	bool due = !(v->turns++ % DUE_TURNS);

	compare_maintenance(v, to);
	compare_incidents(v, to);
	if (!due && !to->len)
		return;
	compare_hosts(v, to);
	compare_health(v, due, to);
}

static int on_turn(struct dr_source *source, void *userdata)
{
	struct ins_live *v = userdata;
	DR_AUTO_BUF struct dr_buf changes = {}, everything = {};
	struct dr_mono now = dr_mono_now();

	if (!ins_live_viewers(v))
		return 0;
	compare(v, &changes);
	for (size_t i = 0; i < INS_VIEWERS_MAX; i++) {
		struct viewer *w = &v->viewers[i];

		if (w->stream && dr_mono_sub(now, w->since).ns > v->life.ns)
			dismiss(w);
		if (w->stream)
			tell(w, &changes, &everything);
	}
	return dr_timer_arm(v->timer, TURN);
}

static struct viewer *free_viewer(struct ins_live *v)
{
	for (size_t i = 0; i < INS_VIEWERS_MAX; i++)
		if (!v->viewers[i].stream)
			return &v->viewers[i];
	return NULL;
}

bool ins_live_handle(struct ins_live *v, struct dr_http_exchange *x)
{
	struct viewer *w = free_viewer(v);

	if (strcmp(dr_http_path(x), INS_STREAM_PATH))
		return false;
	if (strcmp(dr_http_method(x), "GET")) {
		dr_http_set_header(x, "Allow", "GET");
		dr_http_reply_error(x, 405, INS_STREAM_PATH " takes GET");
		return true;
	}
	if (!w) {
		dr_http_set_header(x, "Retry-After", "10");
		dr_http_reply_error(x, 503, "there are %d streams, as many as may be", INS_VIEWERS_MAX);
		return true;
	}
	*w = (struct viewer){ .live = v, .since = dr_mono_now(), .behind = true };
	dr_http_set_header(x, "Cache-Control", "no-store");
	if (dr_http_reply_stream(x, "text/event-stream", WAITING_MAX, on_gone, w, &w->stream))
		dr_http_reply_error(x, 503, "out of memory");
	else
		(void)!dr_timer_arm(v->timer, dr_msec(0)); /* arming a timer that lives does not fail */
	return true;
}

void ins_live_set_life(struct ins_live *v, struct dr_dur life)
{
	v->life = life;
}

void ins_live_dismiss(struct ins_live *v)
{
	for (size_t i = 0; i < INS_VIEWERS_MAX; i++)
		dismiss(&v->viewers[i]);
}

/* ---------------------------------------------------------------- life */

int ins_live_new(struct dr_loop *l, struct ins_inspector *s, struct ins_live **ret)
{
	DR_AUTO(ins_live_freep) struct ins_live *v = calloc(1, sizeof(*v));
	int r;

	if (!v)
		return -ENOMEM;
	v->inspector = s;
	v->life = LIFE;
	r = dr_loop_add_timer(l, on_turn, v, &v->timer);
	if (!r)
		*ret = DR_TAKE_PTR(v);
	return r;
}

void ins_live_free(struct ins_live *v)
{
	if (!v)
		return;
	dr_source_free(v->timer);
	free(v->told.hosts);
	free(v);
}
