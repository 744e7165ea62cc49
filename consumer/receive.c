/* SPDX-License-Identifier: Apache-2.0 */
/* What others ask of the consumer over HTTP. Alarms are answered before anything is done about them. */
#include <string.h>

#include "consumer/consumer_private.h"
#include "consumer/notification.h"
#include "doctor/access.h"
#include "doctor/log.h"

#define LIST_DEFAULT 100
#define WORDS_MAX 5000	     /* that wait, while Nova or the journal does not answer */
#define HEAR_AGAIN dr_sec(1) /* after the journal could not be written */

/* ---------------------------------------------------------------- alarms */

static void log_alarm(const struct con_word *w, struct dr_wall generated_at)
{
	char generated[DR_TIME_STR_MAX] = "unknown";

	if (generated_at.ns)
		dr_wall_format(generated_at, generated);
	dr_info("alarm received vm=%s alarm=%s generated=%s", w->server, w->alarm, generated);
	dr_log_checkpoint(w->received, "doctor consumer notified");
}

/* Negative: it is not in the journal. */
static int hear(struct con_consumer *c, struct con_word *w)
{
	struct con_word told = *w;
	int r;

	if (!w->logged)
		log_alarm(w, w->raised);
	w->logged = true;
	if (!w->from_inspector)
		told.raised.ns = 0; /* Nova's clock is another's */
	r = con_hear(c, &told);
	if (r > 0 && !w->from_inspector) /* it tells of all of a project */
		dr_warning("alarm for a server that is not ours, nothing is done vm=%s alarm=%s", w->server,
			   w->alarm);
	return DR_MIN(r, 0);
}

void con_hear_all(struct con_consumer *c)
{
	size_t left = c->ready ? c->word_count : 0;
	int r = 0;

	for (; left && (!r || r == -EAGAIN); left--) {
		struct con_word *w = TAILQ_FIRST(&c->words);
		int heard = hear(c, w);

		TAILQ_REMOVE(&c->words, w, entry);
		if (heard < 0) { /* who told it will not do so again */
			TAILQ_INSERT_TAIL(&c->words, w, entry);
			r = heard;
			continue;
		}
		c->word_count--;
		free(w);
	}
	/* a timer that lives does not fail */
	if (r)
		(void)!dr_timer_arm(c->hear, HEAR_AGAIN);
}

int con_keep_word(struct con_consumer *c, const struct con_word *w)
{
	struct con_word *kept;

	if (c->word_count >= WORDS_MAX)
		return -ENOBUFS;
	kept = malloc(sizeof(*kept));
	if (!kept)
		return -ENOMEM;
	*kept = *w;
	TAILQ_INSERT_TAIL(&c->words, kept, entry);
	c->word_count++;
	/* a timer that lives does not fail */
	(void)!dr_timer_arm(c->hear, dr_msec(0));
	return 0;
}

/* It is heard when the answer is on its way. */
static int keep_alarm(struct con_consumer *c, const struct con_alarm *a, struct dr_wall received)
{
	struct con_word w = { .received = received, .raised = a->generated };

	memcpy(w.server, a->server_id, sizeof(w.server));
	memcpy(w.alarm, a->alarm_id, sizeof(w.alarm));
	memcpy(w.id, a->message_id, sizeof(w.id));
	return con_keep_word(c, &w);
}

static void on_answered(struct dr_dur took, void *userdata)
{
	struct con_consumer *c = userdata;

	con_answers_add(&c->counts.answers, took);
}

static void on_failure(struct con_consumer *c, struct dr_http_exchange *x)
{
	struct con_alarm alarm;
	char why[CON_WHY_MAX] = "";
	size_t len;
	const char *body = dr_http_body(x, &len);
	struct dr_json *answer;
	int r;

	dr_http_on_answered(x, on_answered, c);
	r = con_alarm_parse(body, len, &alarm, why);
	if (r == 0)
		r = keep_alarm(c, &alarm, dr_http_since(x));
	if (r < 0) {
		bool bad = r == -EBADMSG;

		c->counts.refused++;
		if (r == -ENOBUFS)
			snprintf(why, sizeof(why), "too many alarms are waiting");
		else if (!bad)
			snprintf(why, sizeof(why), "out of memory");
		dr_warning("alarm refused from=%s: %s", dr_http_peer(x), why);
		dr_http_reply_error(x, bad ? 400 : 503, "%s", why);
		return;
	}
	c->counts.received++;
	answer = dr_json_object();
	dr_json_add_str(answer, "status", r == 0 ? "accepted" : "ignored");
	dr_http_reply_json(x, 200, answer);
	if (r > 0) {
		c->counts.ignored++;
		dr_info("alarm tells of no failure alarm=%s: %s", alarm.alarm_id, why);
	}
}

/* ---------------------------------------------------------------- the inspector */

/* Each server of it that is ours; negative: not all of that is in the journal. */
static int hear_servers(struct con_consumer *c, const struct con_notification *n, struct dr_wall when)
{
	int worst = 0;

	for (const struct dr_json *v = dr_json_first(n->servers); v; v = dr_json_next(v)) {
		const char *id = con_notification_server(n, v);
		struct con_word w = { .from_inspector = true, .received = when, .raised = n->raised };
		int r;

		if (!id)
			continue;
		snprintf(w.server, sizeof(w.server), "%s", id);
		snprintf(w.id, sizeof(w.id), "%s", n->fault);
		snprintf(w.type, sizeof(w.type), "%s", n->type);
		r = n->cleared ? con_hear_cleared(c, id, n->fault) : con_hear(c, &w);
		worst = r < 0 ? r : worst;
	}
	return worst;
}

/* Who was told of a fault hears of its end, and be it that none of his servers is in it any more. */
static int hear_end(struct con_consumer *c, const struct con_notification *n)
{
	struct con_fault *f = NULL;
	int worst = 0;

	while ((f = con_faults_next(c->work.faults, f))) {
		int r = 0;

		if (strcmp(f->incident, n->fault) == 0)
			r = con_hear_cleared(c, f->server, n->fault);
		worst = r < 0 ? r : worst;
	}
	return worst;
}

static bool is_signed(const struct con_consumer *c, struct dr_http_exchange *x, const char *body, size_t len)
{
	return con_signature_fits(con_subscribe_secret(c->subscribe), dr_http_header(x, "X-Doctor-Signature"),
				  body, len);
}

static void on_fault(struct con_consumer *c, struct dr_http_exchange *x)
{
	struct dr_wall when = dr_http_since(x);
	DR_AUTO(con_notification_done) struct con_notification n = { 0 };
	char why[CON_WHY_MAX] = "";
	size_t len;
	const char *body = dr_http_body(x, &len);
	unsigned status = 0;
	int r;

	if (!c->subscribe) {
		dr_http_reply_error(x, 404, "no inspector is configured");
		return;
	}
	if (!is_signed(c, x, body, len)) {
		status = 403;
		snprintf(why, sizeof(why), "the signature is not of our secret");
	} else if (con_notification_parse(body, len, &n, why) < 0) {
		status = 400;
	}
	if (status) {
		c->counts.notifications_refused++;
		dr_warning("notification refused from=%s: %s", dr_http_peer(x), why);
		dr_http_reply_error(x, status, "%s", why);
		return;
	}
	c->counts.notified++;
	if (!c->ready) { /* it comes again */
		dr_http_reply_error(x, 503, "which servers are ours is not known yet");
		return;
	}
	dr_info("notification received fault=%s type=%s state=%s", n.fault, n.type,
		n.cleared ? "cleared" : "raised");
	if (!n.cleared)
		dr_log_checkpoint(when, "doctor consumer notified");
	r = hear_servers(c, &n, when);
	if (n.cleared && r >= 0)
		r = hear_end(c, &n);
	if (r < 0) /* not acknowledged, so it comes again */
		dr_http_reply_error(x, 503,
				    r == -EAGAIN ? "whether a server is ours, or its plan, is not known yet"
						 : "the journal cannot be written");
	else
		dr_http_reply(x, 204, NULL, NULL, 0);
}

/* ---------------------------------------------------------------- what is shown */

static size_t recovering(const struct con_consumer *c)
{
	const struct con_server *s;
	size_t n = 0;

	TAILQ_FOREACH(s, &c->servers, entry)
	n += s->fault != NULL;
	return n;
}

static uint64_t all_ended(const struct con_consumer *c, enum con_fault_state state)
{
	uint64_t n = 0;

	for (size_t k = 0; k < DR_ARRAY_SIZE(c->counts.ended); k++)
		n += c->counts.ended[k][state];
	return n;
}

static bool is_well(const struct con_consumer *c)
{
	return c->ready && con_arm_count(c->arm) == con_arm_wanted(c->arm) &&
	       (!c->subscribe || con_subscribe_is(c->subscribe));
}

static void on_health(struct con_consumer *c, struct dr_http_exchange *x)
{
	const struct con_counts *n = &c->counts;
	struct dr_json *o = dr_json_object();

	dr_json_add_str(o, "status", is_well(c) ? "ok" : "starting");
	dr_json_add_int(o, "servers", (int64_t)c->server_count);
	dr_json_add_int(o, "alarms", (int64_t)con_arm_count(c->arm));
	dr_json_add_int(o, "recovering", (int64_t)recovering(c));
	dr_json_add_int(o, "received", (int64_t)n->received);
	dr_json_add_int(o, "refused", (int64_t)n->refused);
	dr_json_add_int(o, "unknown", (int64_t)n->unknown);
	dr_json_add_int(o, "repeated", (int64_t)n->repeated);
	dr_json_add_int(o, "same", (int64_t)n->same);
	dr_json_add_int(o, "replaced", (int64_t)all_ended(c, CON_FAULT_RECOVERED));
	dr_json_add_int(o, "gave_up", (int64_t)all_ended(c, CON_FAULT_GAVE_UP));
	dr_json_add_bool(o, "subscribed", con_subscribe_is(c->subscribe));
	dr_http_reply_json(x, 200, o);
}

static void on_recoveries(struct con_consumer *c, struct dr_http_exchange *x)
{
	const char *server = dr_http_query(x, "server"), *limit = dr_http_query(x, "limit");
	struct dr_json *o = dr_json_object(), *list = dr_json_add_array(o, "recoveries");
	unsigned long max = limit ? strtoul(limit, NULL, 10) : LIST_DEFAULT;
	const struct con_fault *f = NULL;
	unsigned long skip = 0;

	while ((f = con_faults_next(c->work.faults, f)))
		skip += !server || strcmp(f->server, server) == 0;
	skip = skip > max ? skip - max : 0;
	while ((f = con_faults_next(c->work.faults, f))) {
		if (server && strcmp(f->server, server) != 0)
			continue;
		if (skip)
			skip--;
		else
			dr_json_push(list, con_fault_json(f));
	}
	dr_http_reply_json(x, 200, o);
}

static void on_metrics(struct con_consumer *c, struct dr_http_exchange *x)
{
	const struct con_gauges now = {
		.servers = c->server_count,
		.alarms = con_arm_count(c->arm),
		.recovering = recovering(c),
		.subscribed = con_subscribe_is(c->subscribe),
		.bodies_refused = dr_http_server_refused(c->http),
	};
	DR_AUTO_BUF struct dr_buf b = { 0 };

	con_metrics_print(&b, &now, &c->counts);
	dr_http_reply_buf(x, 200, "text/plain; version=0.0.4", &b);
}

/* ---------------------------------------------------------------- what a person asks for */

#define RECOVERIES "/v1/recoveries/"
#define BACK "/back"

/* POST /v1/recoveries/FAULT/back */
static void on_back(struct con_consumer *c, struct dr_http_exchange *x)
{
	static const struct {
		unsigned status;
		const char *text;
	} refusals[] = {
		[CON_BACK_UNKNOWN] = { 404, "no such fault is known" },
		[CON_BACK_NOTHING] = { 409,
				       "no standby has anything of its server: it is no switchover that has "
				       "succeeded, or it was switched back" },
		[CON_BACK_BUSY] = { 503, "its server is being recovered, or we are still starting" },
	};
	const char *id = dr_http_path(x) + strlen(RECOVERIES);
	char fault[DR_UUID_STR] = "";
	size_t len = strlen(id) - strlen(BACK);
	struct dr_json *answer;
	int r = CON_BACK_UNKNOWN;

	if (len < sizeof(fault)) {
		memcpy(fault, id, len);
		fault[len] = '\0';
		r = con_switch_back(c, fault);
	}
	if (r < 0) {
		dr_http_reply_error(x, 500, "%s", strerror(-r));
	} else if (r != CON_BACK_BEGUN) {
		dr_http_reply_error(x, refusals[r].status, "%s", refusals[r].text);
	} else {
		answer = dr_json_object();
		dr_json_add_str(answer, "status", "begun");
		dr_http_reply_json(x, 202, answer);
	}
}

/* ---------------------------------------------------------------- routes */

static const struct route {
	const char *path, *method;
	void (*fn)(struct con_consumer *c, struct dr_http_exchange *x);
	bool open;	 /* whoever asks: it is signed, or nothing is in it */
	const char *end; /* of the path, with something in between; NULL: path is all of it */
} routes[] = {
	{ "/failure", "POST", on_failure, false, NULL },
	{ "/fault", "POST", on_fault, true, NULL },
	{ "/healthz", "GET", on_health, true, NULL },
	{ "/metrics", "GET", on_metrics, false, NULL },
	{ "/v1/recoveries", "GET", on_recoveries, false, NULL },
	{ RECOVERIES, "POST", on_back, false, BACK },
};

/*
 * Where certificates of clients are asked for, one must be shown; nothing else says who calls. A browser of
 * this machine reaches us on behalf of any web page.
 */
static bool is_admitted(const struct con_consumer *c, const struct route *r, struct dr_http_exchange *x)
{
	const struct dr_http_identity *who;

	if (strcmp(r->method, "GET") != 0 &&
	    dr_access_is_web_page(dr_http_header(x, "Origin"), dr_http_header(x, "Sec-Fetch-Site"))) {
		dr_warning("request of a web page in a browser is refused path=%s from=%s", r->path,
			   dr_http_peer(x));
		dr_http_reply_error(x, 403, "a web page in a browser asks for this (Origin, Sec-Fetch-Site)");
		return false;
	}
	if (!c->config->tls.client_ca || r->open)
		return true;
	who = dr_http_identity(x);
	if (who->state == DR_HTTP_CERTIFICATE_GOOD)
		return true;
	dr_http_reply_error(x, 401, "a certificate of our authority is wanted%s%s", who->why[0] ? ": " : "",
			    who->why);
	return false;
}

static void take(struct con_consumer *c, const struct route *r, struct dr_http_exchange *x)
{
	if (strcmp(dr_http_method(x), r->method) != 0) {
		dr_http_set_header(x, "Allow", r->method);
		dr_http_reply_error(x, 405, "%s takes %s", dr_http_path(x), r->method);
	} else if (is_admitted(c, r, x)) {
		r->fn(c, x);
	}
}

static bool leads(const struct route *r, const char *path)
{
	size_t begin = strlen(r->path), end = r->end ? strlen(r->end) : 0, len = strlen(path);

	if (!r->end)
		return strcmp(path, r->path) == 0;
	return len > begin + end && strncmp(path, r->path, begin) == 0 &&
	       strcmp(path + len - end, r->end) == 0;
}

void con_request(struct dr_http_exchange *x, void *userdata)
{
	for (size_t i = 0; i < DR_ARRAY_SIZE(routes); i++) {
		if (leads(&routes[i], dr_http_path(x))) {
			take(userdata, &routes[i], x);
			return;
		}
	}
	dr_http_reply_error(x, 404, "there is nothing here; alarms go to POST /failure");
}
