// SPDX-License-Identifier: Apache-2.0
/*
 * Webhooks: which notification is sent when, and what its answer means. A subscriber begins with one at a
 * time, and gets more as it answers; of those that failed last, all together have half of what may be under
 * way, so that the others are never held up.
 */
#include <string.h>

#include "doctor/hmac.h"
#include "doctor/log.h"
#include "inspector/north_private.h"

/* ---------------------------------------------------------------- queues */

static void sooner(struct dr_mono *wake, struct dr_mono t)
{
	if (!wake->ns || t.ns < wake->ns)
		*wake = t;
}

void north_expire_at(struct north_note *note, struct dr_mono t)
{
	sooner(&note->expires, t);
	sooner(&note->to->expiry, note->expires);
}

void north_queue(struct north_subscriber *s, struct north_note *note)
{
	for (struct north_note *before = s->last; before && !note->behind; before = before->prev)
		if (!strcmp(before->fault, note->fault))
			note->behind = before;
	note->prev = s->last;
	note->next = NULL;
	*(s->last ? &s->last->next : &s->first) = note;
	s->last = note;
	sooner(&s->expiry, note->expires);
	s->pending++;
	note->north->counters.pending++;
}

void north_unqueue(struct north_note *note)
{
	struct north_subscriber *s = note->to;

	for (struct north_note *after = note->next; after; after = after->next)
		if (after->behind == note)
			after->behind = note->behind;
	*(note->prev ? &note->prev->next : &s->first) = note->next;
	*(note->next ? &note->next->prev : &s->last) = note->prev;
	s->pending--;
	note->north->counters.pending--;
	free(note);
}

int north_acknowledge(struct north_note *note)
{
	struct ins_north *n = note->north;
	int r;

	if (note->acknowledged)
		return 0;
	r = north_store_drop(n->store, note->id);
	if (r)
		return r;
	n->counters.acknowledged++;
	note->to->acknowledged++;
	if (note->state != INS_ENDED && n->hooks.acknowledged)
		n->hooks.acknowledged(note->fault, n->hooks.userdata);
	if (note->sending)
		note->acknowledged = true; /* leaves the queue when the answer comes */
	else
		north_unqueue(note);
	north_written(n);
	north_wake(n, dr_msec(0));
	return 0;
}

static void expire(struct north_note *note, const char *why)
{
	struct ins_north *n = note->north;
	int r = north_store_drop(n->store, note->id);

	if (r)
		dr_error("northbound: an expired notification stays in the database: %s notification=%s",
			 strerror(-r), note->id);
	dr_error("northbound: notification given up: %s subscription=%s notification=%s fault=%s state=%s "
		 "attempts=%u",
		 why, note->to->about.id, note->id, note->fault, ins_fault_state_name(note->state),
		 note->attempts);
	n->counters.expired++;
	note->to->expired++;
	north_unqueue(note);
	north_written(n);
}

/* ---------------------------------------------------------------- answers */

static struct dr_dur pause_after(const struct ins_north_retry *c, unsigned failures)
{
	struct dr_dur pause = c->pause;

	for (unsigned i = 1; i < failures && pause.ns < c->pause_max.ns; i++)
		pause.ns *= 2;
	pause.ns = DR_MIN(pause.ns, c->pause_max.ns);
	return pause;
}

static void answered_well(struct north_subscriber *s)
{
	struct ins_north *n = s->first->north;

	if (s->failures)
		dr_info("northbound: the subscriber answers again subscription=%s failures=%u", s->about.id,
			s->failures);
	if (!s->proven)
		n->unproven -= s->sending;
	s->proven = true;
	s->failures = 0;
	s->trouble[0] = '\0';
	s->due = (struct dr_mono){};
	if (s->window < n->conf->per_subscriber)
		s->window++;
}

static void answered_badly(struct north_note *note, const struct dr_http_response *r, struct dr_mono now)
{
	struct north_subscriber *s = note->to;
	struct ins_north *n = note->north;

	n->counters.failures++;
	if (r->error)
		snprintf(s->trouble, sizeof(s->trouble), "%.180s", r->reason);
	else
		snprintf(s->trouble, sizeof(s->trouble), "it answers with %u", r->status);
	note->due = dr_mono_add(now, pause_after(&n->conf->retry, note->attempts));
	s->window = 1;
	if (s->proven)
		n->unproven += s->sending;
	s->proven = false;
	/* several that fail at once are one failure */
	if (s->failures && s->due.ns > now.ns)
		return;
	if (!s->failures)
		dr_warning("northbound: the subscriber does not take notifications: %s subscription=%s",
			   s->trouble, s->about.id);
	s->failures++;
	s->due = dr_mono_add(now, pause_after(&n->conf->retry, s->failures));
}

static void take_answer(struct north_note *note, const struct dr_http_response *r)
{
	struct dr_mono now = dr_mono_now();
	bool good = !r->error && r->status >= 200 && r->status <= 299;
	int error = 0;

	if (good)
		answered_well(note->to);
	else
		answered_badly(note, r, now);
	if (note->acknowledged) {
		north_unqueue(note);
	} else if (good && r->status != 202) {
		error = north_acknowledge(note);
		if (error)
			note->due = dr_mono_add(now, note->north->conf->retry.pause);
	} else {
		if (good)
			note->due = dr_mono_add(now, note->north->conf->retry.acknowledge);
		/* the last attempt leaves time to be acknowledged in words */
		if (note->attempts >= note->north->conf->retry.attempts)
			north_expire_at(note, note->due);
		else
			north_expire_at(note, note->expires);
	}
	if (error)
		dr_error("northbound: an acknowledged notification is sent again: %s", strerror(-error));
}

static void on_answer(const struct dr_http_response *r, void *userdata)
{
	struct north_note *note = userdata;
	struct ins_north *n = note->north;

	note->sending = false;
	n->sending--;
	if (!note->to) {
		free(note);
		return;
	}
	note->to->sending--;
	if (!note->to->proven)
		n->unproven--;
	if (n->http) /* else it is being stopped */
		take_answer(note, r);
	north_wake(n, dr_msec(0));
}

/* ---------------------------------------------------------------- sending */

static int post(struct north_note *note)
{
	struct ins_north *n = note->north;
	const struct ins_subscription *about = &note->to->about;
	DR_AUTO_FREE char *body = NULL;
	char hex[DR_HMAC_HEX], signature[DR_HMAC_HEX + 8];
	struct dr_http_request request = {
		.method = "POST",
		.url = about->callback,
		.headers = { { "X-Doctor-Signature", signature } },
		.timeout = n->conf->timeout,
	};
	int r = north_store_body(n->store, note->id, &body);

	if (r)
		return r < 0 ? r : -ENOENT;
	request.body = body;
	request.body_len = strlen(body);
	r = dr_hmac_sha256(about->secret, strlen(about->secret), body, request.body_len, hex);
	if (r)
		return r;
	snprintf(signature, sizeof(signature), "sha256=%s", hex);
	return dr_http_send(n->http, &request, on_answer, note);
}

static void send(struct north_note *note, struct dr_mono now)
{
	struct ins_north *n = note->north;
	int r = post(note);

	note->attempts++;
	n->counters.attempts++;
	if (r) {
		dr_error("northbound: sending, tried again later: %s subscription=%s notification=%s",
			 strerror(-r), note->to->about.id, note->id);
		n->counters.failures++;
		note->due = dr_mono_add(now, pause_after(&n->conf->retry, note->attempts));
		if (note->attempts >= n->conf->retry.attempts)
			north_expire_at(note, note->due);
		return;
	}
	note->sending = true;
	note->to->sending++;
	n->sending++;
	if (!note->to->proven)
		n->unproven++;
}

/* Whose time is over, and what is too much: the oldest go. One that is under way waits for its answer. */
static void expire_old(struct north_subscriber *s, unsigned max, struct dr_mono now)
{
	struct north_note *note, *next;

	s->expiry = (struct dr_mono){};
	for (note = s->first; note; note = next) {
		next = note->next;
		if (note->sending)
			continue;
		if (note->expires.ns <= now.ns)
			expire(note, s->trouble[0] ? s->trouble : "it was not acknowledged");
		else if (s->pending > max)
			expire(note, "too many wait for this subscriber");
		else
			sooner(&s->expiry, note->expires);
	}
}

/*
 * The one that may be sent now and has been due for longest, so that one that fails each time is behind the
 * others; or NULL: then *wake is no later than when one may be.
 */
static struct north_note *next_due(struct ins_north *n, struct north_subscriber *s, struct dr_mono now,
				   struct dr_mono *wake)
{
	struct north_note *best = NULL;

	if (!s->first || s->sending >= s->window ||
	    (!s->proven && n->unproven >= (n->conf->parallel + 1) / 2))
		return NULL;
	if (s->due.ns > now.ns) {
		sooner(wake, s->due);
		return NULL;
	}
	for (struct north_note *note = s->first; note; note = note->next)
		if (note->turn < n->turn && !note->sending && !note->behind &&
		    (!best || note->due.ns < best->due.ns))
			best = note;
	if (!best || best->due.ns <= now.ns)
		return best;
	sooner(wake, best->due);
	return NULL;
}

/* Each subscriber gets one after the other. */
static void send_due(struct ins_north *n, struct dr_mono now, struct dr_mono *wake)
{
	size_t idle = 0;

	while (n->sending < n->conf->parallel && idle < n->count) {
		struct north_subscriber *s = n->subs[n->cursor++ % n->count];
		struct north_note *note = next_due(n, s, now, wake);

		n->cursor %= n->count;
		if (note)
			send(note, now);
		idle = note ? 0 : idle + 1;
	}
}

void north_pump(struct ins_north *n)
{
	struct dr_mono now = dr_mono_now(), wake = {};

	if (!n->http)
		return;
	for (size_t i = 0; i < n->count; i++) {
		struct north_subscriber *s = n->subs[i];

		if (s->pending > n->conf->pending || (s->expiry.ns && s->expiry.ns <= now.ns))
			expire_old(s, n->conf->pending, now);
		if (s->expiry.ns)
			sooner(&wake, s->expiry);
	}
	send_due(n, now, &wake);
	if (wake.ns)
		north_wake(n, dr_mono_sub(wake, now).ns > 0 ? dr_mono_sub(wake, now) : dr_msec(0));
}
