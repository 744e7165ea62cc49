// SPDX-License-Identifier: Apache-2.0
#include <string.h>

#include "doctor/log.h"
#include "inspector/north_private.h"

/* ---------------------------------------------------------------- commits */

void north_wake(struct ins_north *n, struct dr_dur from_now)
{
	struct dr_mono then = dr_mono_add(dr_mono_now(), from_now);
	int r;

	if (!n->timer || (n->wake.ns && n->wake.ns <= then.ns))
		return;
	n->wake = then;
	r = dr_timer_arm(n->timer, from_now);
	if (r)
		dr_error("northbound: no timer, notifications wait for the next event: %s", strerror(-r));
}

static void on_committed(void *userdata)
{
	struct ins_north *n = userdata;

	n->asked = false;
	n->turn++;
	north_wake(n, dr_msec(0));
}

void north_written(struct ins_north *n)
{
	if (n->asked || !n->http)
		return;
	n->asked = true;
	n->hooks.after_commit(on_committed, n, n->hooks.userdata);
}

/* ---------------------------------------------------------------- answers that wait for a commit */

void north_reply_later(struct ins_north *n, struct dr_http_exchange *x, unsigned status, struct dr_json *body)
{
	struct north_reply *reply = calloc(1, sizeof(*reply)), **end = &n->replies;

	if (!reply) {
		dr_json_free(body);
		dr_http_reply_error(x, 503, "out of memory");
		return;
	}
	*reply = (struct north_reply){ .x = x, .body = body, .status = status, .turn = n->turn };
	while (*end)
		end = &(*end)->next;
	*end = reply;
	dr_http_defer(x);
	north_written(n);
}

static void reply_first(struct ins_north *n, bool stopping)
{
	struct north_reply *reply = n->replies;

	n->replies = reply->next;
	if (stopping) {
		dr_json_free(reply->body);
		dr_http_reply_error(reply->x, 503, "the inspector is stopping");
	} else {
		dr_http_reply_json(reply->x, reply->status, reply->body);
	}
	free(reply);
}

static int on_timer(struct dr_source *s, void *userdata)
{
	struct ins_north *n = userdata;

	n->wake = (struct dr_mono){};
	while (n->replies && n->replies->turn < n->turn)
		reply_first(n, false);
	north_pump(n);
	return 0;
}

/* ---------------------------------------------------------------- subscribers */

struct north_subscriber *north_find(const struct ins_north *n, const char *id)
{
	for (size_t i = 0; i < n->count; i++)
		if (!strcmp(n->subs[i]->about.id, id))
			return n->subs[i];
	return NULL;
}

int north_add_subscriber(struct ins_north *n, struct ins_subscription *s)
{
	DR_AUTO_FREE struct north_subscriber *sub = calloc(1, sizeof(*sub));
	struct north_subscriber **grown;

	if (!sub)
		return -ENOMEM;
	if (n->count == n->cap) {
		grown = reallocarray(n->subs, n->cap ? 2 * n->cap : 8, sizeof(*grown));
		if (!grown)
			return -ENOMEM;
		n->subs = grown;
		n->cap = n->cap ? 2 * n->cap : 8;
	}
	sub->about = *s;
	sub->window = 1;
	s->filter = (struct ins_filter){};
	n->subs[n->count++] = DR_TAKE_PTR(sub);
	return 0;
}

static void subscriber_free(struct north_subscriber *s)
{
	struct north_note *note, *next;

	for (note = s->first; note; note = next) {
		next = note->next;
		if (note->sending)
			note->to = NULL; /* freed when its answer comes */
		else
			free(note);
	}
	ins_subscription_done(&s->about);
	free(s);
}

void north_remove_subscriber(struct ins_north *n, struct north_subscriber *s)
{
	size_t i = 0;

	while (n->subs[i] != s)
		i++;
	memmove(&n->subs[i], &n->subs[i + 1], (n->count - i - 1) * sizeof(*n->subs));
	n->count--;
	n->counters.pending -= s->pending;
	if (!s->proven)
		n->unproven -= s->sending;
	subscriber_free(s);
}

/* ---------------------------------------------------------------- a fault, and who hears of it */

/* What one fault puts into the queues; entered there once all of it is written. */
struct batch {
	struct ins_north *north;
	const struct ins_fault *fault;
	struct dr_wall now;
	struct north_note *notes; /* linked by next */
};

static void batch_done(struct batch *b)
{
	struct north_note *next;

	for (; b->notes; b->notes = next) {
		next = b->notes->next;
		free(b->notes);
	}
}

static struct dr_json *notification(const struct ins_subscription *about, const struct north_row *row,
				    const struct ins_fault *f, uint64_t sequence)
{
	struct dr_json *o = dr_json_object();

	dr_json_add_str(o, "notification_id", row->id);
	dr_json_add_str(o, "subscription_id", about->id);
	dr_json_add_int(o, "sequence", (int64_t)sequence);
	dr_json_add(o, "fault", ins_fault_json(f));
	dr_json_add(o, "virtual_resource_info",
		    ins_fault_servers_json(f, ins_filter_takes_server, &about->filter));
	return o;
}

static struct north_note *new_note(struct ins_north *n, struct north_subscriber *to,
				   const struct north_row *row, struct dr_wall now)
{
	struct north_note *note = calloc(1, sizeof(*note));
	struct dr_dur left = { n->conf->retry.expire.ns - (now.ns - row->created.ns) };
	struct dr_mono mono = dr_mono_now();

	if (!note)
		return NULL;
	/* whatever the wall clock did meanwhile */
	left.ns = DR_MAX(0, DR_MIN(left.ns, n->conf->retry.expire.ns));
	*note = (struct north_note){ .north = n,
				     .to = to,
				     .state = row->state,
				     .turn = n->turn,
				     .due = mono,
				     .expires = dr_mono_add(mono, left) };
	memcpy(note->id, row->id, sizeof(note->id));
	memcpy(note->fault, row->fault, sizeof(note->fault));
	return note;
}

static int write_note(struct batch *b, struct north_subscriber *to, uint64_t sequence)
{
	struct ins_north *n = b->north;
	DR_AUTO_JSON struct dr_json *body = NULL;
	DR_AUTO_FREE struct north_note *note = NULL;
	DR_AUTO_FREE char *text = NULL;
	struct north_row row = { .state = b->fault->state, .created = b->now };
	int r = dr_uuid_new(row.id);

	if (r)
		return r;
	memcpy(row.subscription, to->about.id, sizeof(row.subscription));
	memcpy(row.fault, b->fault->id, sizeof(row.fault));
	body = notification(&to->about, &row, b->fault, sequence);
	text = dr_json_print(body);
	note = new_note(n, to, &row, b->now);
	if (!text || !note)
		return -ENOMEM;
	if ((r = north_store_push(n->store, &row, text)) ||
	    (r = north_store_tell(n->store, to->about.id, b->fault->id, sequence)))
		return r;
	note->next = b->notes;
	b->notes = DR_TAKE_PTR(note);
	return 0;
}

/* It was told before, or the fault is one that it wants; a fault that it never heard of does not end for it.
 */
static int tell(struct batch *b, struct north_subscriber *to)
{
	uint64_t sequence = 0;
	int r = north_store_told(b->north->store, to->about.id, b->fault->id, &sequence);

	if (r < 0)
		return r;
	if (r && (b->fault->state == INS_ENDED || !ins_filter_takes(&to->about.filter, b->fault)))
		return 0;
	return write_note(b, to, sequence + 1);
}

/* Waits, was never under way, and says nothing that the next one of its fault does not say. */
static bool is_superseded(const struct north_note *note, const char *fault)
{
	return note->state == INS_CHANGED && !note->sending && !note->attempts && !strcmp(note->fault, fault);
}

static int drop_superseded(struct batch *b)
{
	struct north_note *first = b->notes;

	for (struct north_note *fresh = first; fresh; fresh = fresh->next)
		for (struct north_note *note = fresh->to->first; note; note = note->next) {
			int r = is_superseded(note, b->fault->id)
					? north_store_drop(b->north->store, note->id)
					: 0;
			if (r)
				return r;
		}
	return 0;
}

static void forget_superseded(struct ins_north *n, struct north_subscriber *s, const char *fault)
{
	struct north_note *note, *next;

	for (note = s->first; note; note = next) {
		next = note->next;
		if (!is_superseded(note, fault))
			continue;
		north_unqueue(note);
		n->counters.superseded++;
	}
}

static void enter(struct batch *b)
{
	struct north_note *note;

	while ((note = b->notes)) {
		b->notes = note->next;
		forget_superseded(b->north, note->to, note->fault);
		north_queue(note->to, note);
	}
}

static int compare_ids(const void *id, const void *server)
{
	return strcmp(id, ((const struct ins_fault_server *)server)->id);
}

/* before's are sorted by their ids, as the database has them. */
static bool same_servers(const struct ins_fault *before, const struct ins_fault *f)
{
	if (before->server_count != f->server_count)
		return false;
	for (size_t i = 0; i < f->server_count; i++) {
		const struct ins_fault_server *s = &f->servers[i];
		const struct ins_fault_server *same =
			bsearch(s->id, before->servers, before->server_count, sizeof(*s), compare_ids);

		if (!same || strcmp(same->project, s->project))
			return false;
	}
	return true;
}

static bool same_but_times(const struct ins_fault *a, const struct ins_fault *b)
{
	return a->severity == b->severity && !strcmp(a->type, b->type) && !strcmp(a->host, b->host) &&
	       !strcmp(a->cause, b->cause) && same_servers(a, b);
}

bool ins_north_knows(struct ins_north *n, const char *id)
{
	DR_AUTO(ins_fault_done) struct ins_fault f = {};

	return !north_store_fault(n->store, id, &f);
}

/* 1: the same was told before. */
static int compare(struct ins_north *n, const struct ins_fault *f)
{
	DR_AUTO(ins_fault_done) struct ins_fault before = {};
	int r = north_store_fault(n->store, f->id, &before);

	if (r)
		return r < 0 ? r : 0;
	if (f->state == INS_CHANGED && before.state != INS_ENDED && same_but_times(&before, f))
		return 1;
	if (before.state == f->state && before.raised.ns == f->raised.ns &&
	    before.changed.ns == f->changed.ns && before.cleared.ns == f->cleared.ns &&
	    same_but_times(&before, f))
		return 1;
	return before.state == INS_ENDED ? -EINVAL : 0;
}

static int write_batch(struct batch *b)
{
	struct ins_north *n = b->north;
	int r = north_store_put_fault(n->store, b->fault);

	for (size_t i = 0; i < n->count && !r; i++)
		r = tell(b, n->subs[i]);
	if (!r)
		r = drop_superseded(b);
	if (!r && b->fault->state == INS_ENDED)
		r = north_store_prune(n->store, n->conf->history);
	return r;
}

int ins_north_fault(struct ins_north *n, const struct ins_fault *given)
{
	struct ins_fault f = *given;
	DR_AUTO(batch_done) struct batch b = { .north = n, .fault = &f, .now = dr_wall_now() };
	int r;

	if (!f.id[0])
		return -EINVAL;
	f.changed.ns = DR_MAX(f.changed.ns, DR_MAX(f.raised.ns, f.cleared.ns));
	r = compare(n, &f);
	if (r)
		return r < 0 ? r : 0;
	r = north_store_begin(n->store);
	if (!r)
		r = north_store_end(n->store, write_batch(&b));
	if (r)
		return r;
	enter(&b);
	north_written(n);
	return 0;
}

struct ins_north_counters ins_north_counters(const struct ins_north *n)
{
	struct ins_north_counters c = n->counters;

	c.subscriptions = n->count;
	return c;
}

/* ---------------------------------------------------------------- life */

static int load_subscription(struct ins_subscription *s, void *userdata)
{
	return north_add_subscriber(userdata, s);
}

static int load_note(const struct north_row *row, void *userdata)
{
	struct ins_north *n = userdata;
	struct north_subscriber *to = north_find(n, row->subscription);
	struct north_note *note = to ? new_note(n, to, row, dr_wall_now()) : NULL;

	if (!note)
		return to ? -ENOMEM : -EBADMSG;
	north_queue(to, note);
	return 0;
}

int ins_north_new(struct dr_loop *l, struct dr_store *s, const struct ins_north_conf *c,
		  const struct ins_north_hooks *hooks, struct ins_north **ret)
{
	DR_AUTO(ins_north_freep) struct ins_north *n = calloc(1, sizeof(*n));
	const struct dr_http_client_opts opts = {
		.per_host_max = c->parallel,
		.idle_max = c->parallel,
		.answer_max = 64 << 10,
		.user_agent = "doctor-inspector/" DR_VERSION,
		.ca_file = c->ca_file,
	};
	int r;

	if (!n)
		return -ENOMEM;
	n->loop = l;
	n->conf = c;
	n->hooks = *hooks;
	if ((r = north_store_new(s, &n->store)) || (r = dr_loop_add_timer(l, on_timer, n, &n->timer)) ||
	    (r = dr_http_client_new(l, &opts, &n->http)) ||
	    (r = north_store_subscriptions(n->store, load_subscription, n)) ||
	    (r = north_store_pending(n->store, load_note, n)))
		return r;
	n->turn++; /* what was loaded is on the disk */
	if (n->counters.pending) {
		dr_info("northbound: going on with notifications of before pending=%llu",
			(unsigned long long)n->counters.pending);
		north_wake(n, dr_msec(0));
	}
	*ret = DR_TAKE_PTR(n);
	return 0;
}

void ins_north_stop(struct ins_north *n)
{
	struct dr_http_client *http;

	if (!n || !n->http)
		return;
	http = n->http;
	n->http = NULL;
	dr_http_client_free(http); /* what is under way waits for the next start */
	dr_source_free(n->timer);
	n->timer = NULL;
	while (n->replies)
		reply_first(n, true);
}

void ins_north_free(struct ins_north *n)
{
	if (!n)
		return;
	ins_north_stop(n);
	for (size_t i = 0; i < n->count; i++)
		subscriber_free(n->subs[i]);
	free(n->subs);
	dr_source_free(n->timer);
	north_store_free(n->store);
	free(n);
}
