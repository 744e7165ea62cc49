// SPDX-License-Identifier: Apache-2.0
#include <string.h>

#include "doctor/buf.h"
#include "inspector/north.h"
#include "inspector/north_store.h"

const char ins_north_schema[] =
	"CREATE TABLE north_subscriptions("
	" n INTEGER PRIMARY KEY AUTOINCREMENT, id TEXT NOT NULL UNIQUE, callback TEXT NOT NULL,"
	" secret TEXT NOT NULL, filter TEXT NOT NULL, created INTEGER NOT NULL);"
	"CREATE TABLE north_faults("
	" n INTEGER PRIMARY KEY AUTOINCREMENT, id TEXT NOT NULL UNIQUE, type TEXT NOT NULL,"
	" severity INTEGER NOT NULL, host TEXT NOT NULL, state INTEGER NOT NULL, raised INTEGER NOT NULL,"
	" changed INTEGER NOT NULL, cleared INTEGER NOT NULL, cause TEXT NOT NULL);"
	"CREATE INDEX north_faults_host ON north_faults(host);"
	"CREATE TABLE north_fault_servers("
	" fault TEXT NOT NULL REFERENCES north_faults(id) ON DELETE CASCADE,"
	" id TEXT NOT NULL, project TEXT NOT NULL);"
	"CREATE INDEX north_fault_servers_fault ON north_fault_servers(fault);"
	"CREATE INDEX north_fault_servers_id ON north_fault_servers(id);"
	"CREATE TABLE north_told("
	" subscription TEXT NOT NULL REFERENCES north_subscriptions(id) ON DELETE CASCADE,"
	" fault TEXT NOT NULL REFERENCES north_faults(id) ON DELETE CASCADE, sequence INTEGER NOT NULL,"
	" PRIMARY KEY(subscription, fault)) WITHOUT ROWID;"
	"CREATE INDEX north_told_fault ON north_told(fault);"
	"CREATE TABLE north_pending("
	" n INTEGER PRIMARY KEY AUTOINCREMENT, id TEXT NOT NULL UNIQUE,"
	" subscription TEXT NOT NULL REFERENCES north_subscriptions(id) ON DELETE CASCADE,"
	" fault TEXT NOT NULL, state INTEGER NOT NULL, created INTEGER NOT NULL, body TEXT NOT NULL);"
	"CREATE INDEX north_pending_subscription ON north_pending(subscription);";

enum statement {
	GET_FAULT,
	PUT_FAULT,
	GET_SERVERS,
	DROP_SERVERS,
	ADD_SERVER,
	PRUNE,
	QUERY,
	SUBSCRIPTIONS,
	SUBSCRIBE,
	UNSUBSCRIBE,
	TOLD,
	TELL,
	PENDING,
	PUSH,
	BODY,
	DROP,
	STATEMENTS,
};

#define FAULT_COLUMNS "f.id, f.type, f.severity, f.host, f.state, f.raised, f.changed, f.cleared, f.cause"

static const char *const statements[STATEMENTS] = {
	[GET_FAULT] = "SELECT " FAULT_COLUMNS " FROM north_faults f WHERE id = ?1",
	[PUT_FAULT] =
		"INSERT INTO north_faults(id, type, severity, host, state, raised, changed, cleared, cause)"
		" VALUES(?1, ?2, ?3, ?4, ?5, ?6, ?7, ?8, ?9) ON CONFLICT(id) DO UPDATE SET type = ?2,"
		" severity = ?3, host = ?4, state = ?5, raised = ?6, changed = ?7, cleared = ?8, cause = ?9",
	[GET_SERVERS] = "SELECT id, project FROM north_fault_servers WHERE fault = ?1 ORDER BY id",
	[DROP_SERVERS] = "DELETE FROM north_fault_servers WHERE fault = ?1",
	[ADD_SERVER] = "INSERT INTO north_fault_servers(fault, id, project) VALUES(?1, ?2, ?3)",
	[PRUNE] = "DELETE FROM north_faults WHERE id IN (SELECT id FROM north_faults WHERE state = ?1"
		  " ORDER BY cleared DESC, n DESC LIMIT -1 OFFSET ?2)",
	[QUERY] = "SELECT " FAULT_COLUMNS " FROM north_faults f WHERE (?1 IS NULL OR f.host = ?1)"
		  " AND ((?2 IS NULL AND ?3 IS NULL) OR EXISTS(SELECT 1 FROM north_fault_servers s"
		  " WHERE s.fault = f.id AND (?2 IS NULL OR s.id = ?2) AND (?3 IS NULL OR s.project = ?3)))"
		  " AND (?4 IS NULL OR f.type = ?4) AND f.severity >= ?5 AND (?6 OR f.state != ?7)"
		  " AND f.changed >= ?8"
		  " AND (?9 IS NULL OR f.n > (SELECT n FROM north_faults WHERE id = ?9))"
		  " ORDER BY f.n LIMIT ?10",
	[SUBSCRIPTIONS] = "SELECT id, callback, secret, filter, created FROM north_subscriptions ORDER BY n",
	[SUBSCRIBE] = "INSERT INTO north_subscriptions(id, callback, secret, filter, created)"
		      " VALUES(?1, ?2, ?3, ?4, ?5)",
	[UNSUBSCRIBE] = "DELETE FROM north_subscriptions WHERE id = ?1",
	[TOLD] = "SELECT sequence FROM north_told WHERE subscription = ?1 AND fault = ?2",
	[TELL] = "INSERT INTO north_told(subscription, fault, sequence) VALUES(?1, ?2, ?3)"
		 " ON CONFLICT(subscription, fault) DO UPDATE SET sequence = ?3",
	[PENDING] = "SELECT id, subscription, fault, state, created FROM north_pending ORDER BY n",
	[PUSH] = "INSERT INTO north_pending(id, subscription, fault, state, created, body)"
		 " VALUES(?1, ?2, ?3, ?4, ?5, ?6)",
	[BODY] = "SELECT body FROM north_pending WHERE id = ?1",
	[DROP] = "DELETE FROM north_pending WHERE id = ?1",
};

struct north_store {
	struct dr_store *store;
	struct dr_query *q[STATEMENTS];
};

int north_store_new(struct dr_store *s, struct north_store **ret)
{
	DR_AUTO(north_store_freep) struct north_store *n = calloc(1, sizeof(*n));
	int r;

	if (!n)
		return -ENOMEM;
	n->store = s;
	for (size_t i = 0; i < STATEMENTS; i++) {
		r = dr_query_new(s, statements[i], &n->q[i]);
		if (r)
			return r;
	}
	*ret = DR_TAKE_PTR(n);
	return 0;
}

void north_store_free(struct north_store *s)
{
	if (!s)
		return;
	for (size_t i = 0; i < STATEMENTS; i++)
		dr_query_free(s->q[i]);
	free(s);
}

/* https://sqlite.org/lang_savepoint.html: alone it is a transaction, within one it nests */
int north_store_begin(struct north_store *s)
{
	return dr_store_exec(s->store, "SAVEPOINT north");
}

int north_store_end(struct north_store *s, int result)
{
	int r = result ? result : dr_store_exec(s->store, "RELEASE north");

	if (!r)
		return 0;
	/* where even this fails, the commit will */
	if (dr_store_exec(s->store, "ROLLBACK TO north; RELEASE north"))
		return result ? result : r;
	return r;
}

static struct dr_query *bind(struct north_store *s, enum statement which, const char *first)
{
	dr_query_bind_text(s->q[which], 1, first);
	return s->q[which];
}

/* A column into a text of the size that it had when it was written. */
static int copy(struct dr_query *q, int i, char *to, size_t size)
{
	return dr_strcpy(to, size, dr_query_text(q, i)) ? -EBADMSG : 0;
}

/* ---------------------------------------------------------------- faults */

static int read_fault(struct dr_query *q, struct ins_fault *f)
{
	int64_t severity = dr_query_int(q, 2), state = dr_query_int(q, 4);

	if (severity < 0 || severity >= INS_SEVERITIES || state < 0 || state >= INS_FAULT_STATES ||
	    copy(q, 0, f->id, sizeof(f->id)) || copy(q, 1, f->type, sizeof(f->type)) ||
	    copy(q, 3, f->host, sizeof(f->host)) || copy(q, 8, f->cause, sizeof(f->cause)))
		return -EBADMSG;
	f->severity = (enum ins_severity)severity;
	f->state = (enum ins_fault_state)state;
	f->raised.ns = dr_query_int(q, 5);
	f->changed.ns = dr_query_int(q, 6);
	f->cleared.ns = dr_query_int(q, 7);
	return 0;
}

static int read_servers(struct north_store *s, struct ins_fault *f)
{
	struct dr_query *q = bind(s, GET_SERVERS, f->id);
	int r;

	while ((r = dr_query_step(q)) == 1) {
		r = ins_fault_add_server(f, dr_query_text(q, 0), dr_query_text(q, 1));
		if (r) {
			dr_query_reset(q);
			return r;
		}
	}
	return r;
}

int north_store_fault(struct north_store *s, const char *id, struct ins_fault *ret)
{
	DR_AUTO(ins_fault_done) struct ins_fault f = {};
	struct dr_query *q = bind(s, GET_FAULT, id);
	int r = dr_query_step(q);

	if (r < 0)
		return r;
	if (!r)
		return 1;
	r = read_fault(q, &f);
	dr_query_reset(q);
	if (!r)
		r = read_servers(s, &f);
	if (r)
		return r;
	*ret = f;
	f = (struct ins_fault){};
	return 0;
}

static int put_servers(struct north_store *s, const struct ins_fault *f)
{
	int r = dr_query_run(bind(s, DROP_SERVERS, f->id));

	for (size_t i = 0; i < f->server_count && !r; i++) {
		struct dr_query *q = bind(s, ADD_SERVER, f->id);

		dr_query_bind_text(q, 2, f->servers[i].id);
		dr_query_bind_text(q, 3, f->servers[i].project);
		r = dr_query_run(q);
	}
	return r;
}

int north_store_put_fault(struct north_store *s, const struct ins_fault *f)
{
	struct dr_query *q = bind(s, PUT_FAULT, f->id);
	int r;

	dr_query_bind_text(q, 2, f->type);
	dr_query_bind_int(q, 3, f->severity);
	dr_query_bind_text(q, 4, f->host);
	dr_query_bind_int(q, 5, f->state);
	dr_query_bind_int(q, 6, f->raised.ns);
	dr_query_bind_int(q, 7, f->changed.ns);
	dr_query_bind_int(q, 8, f->cleared.ns);
	dr_query_bind_text(q, 9, f->cause);
	r = dr_query_run(q);
	return r ? r : put_servers(s, f);
}

int north_store_prune(struct north_store *s, unsigned keep)
{
	dr_query_bind_int(s->q[PRUNE], 1, INS_ENDED);
	dr_query_bind_int(s->q[PRUNE], 2, keep);
	return dr_query_run(s->q[PRUNE]);
}

static int hand_out(struct north_store *s, struct dr_query *q, north_fault_fn fn, void *userdata)
{
	DR_AUTO(ins_fault_done) struct ins_fault f = {};
	int r = read_fault(q, &f);

	if (!r)
		r = read_servers(s, &f);
	return r ? r : fn(&f, userdata);
}

int north_store_query(struct north_store *s, const struct north_query *query, north_fault_fn fn,
		      void *userdata)
{
	struct dr_query *q = bind(s, QUERY, query->host);
	int r;

	dr_query_bind_text(q, 2, query->server);
	dr_query_bind_text(q, 3, query->project);
	dr_query_bind_text(q, 4, query->type);
	dr_query_bind_int(q, 5, query->severity);
	dr_query_bind_int(q, 6, query->all);
	dr_query_bind_int(q, 7, INS_ENDED);
	dr_query_bind_int(q, 8, query->since.ns);
	dr_query_bind_text(q, 9, query->marker);
	dr_query_bind_int(q, 10, query->limit);
	while ((r = dr_query_step(q)) == 1) {
		r = hand_out(s, q, fn, userdata);
		if (r) {
			dr_query_reset(q);
			return r;
		}
	}
	return r;
}

/* ---------------------------------------------------------------- subscriptions */

static int read_subscription(struct dr_query *q, struct ins_subscription *sub)
{
	DR_AUTO_JSON struct dr_json *filter = NULL;
	struct ins_refusal why;
	const char *text = dr_query_text(q, 3);
	int r = dr_json_parse(text, strlen(text), &filter, NULL);

	if (!r)
		r = ins_filter_read(filter, &sub->filter, &why);
	if (r == -ENOMEM)
		return r;
	if (r || copy(q, 0, sub->id, sizeof(sub->id)) || copy(q, 1, sub->callback, sizeof(sub->callback)) ||
	    copy(q, 2, sub->secret, sizeof(sub->secret)))
		return -EBADMSG;
	sub->created.ns = dr_query_int(q, 4);
	return 0;
}

int north_store_subscriptions(struct north_store *s, north_subscription_fn fn, void *userdata)
{
	struct dr_query *q = s->q[SUBSCRIPTIONS];
	int r;

	while ((r = dr_query_step(q)) == 1) {
		DR_AUTO(ins_subscription_done) struct ins_subscription sub = {};

		r = read_subscription(q, &sub);
		if (!r)
			r = fn(&sub, userdata);
		if (r) {
			dr_query_reset(q);
			return r;
		}
	}
	return r;
}

int north_store_subscribe(struct north_store *s, const struct ins_subscription *sub)
{
	DR_AUTO_JSON struct dr_json *filter = ins_filter_json(&sub->filter);
	DR_AUTO_FREE char *text = dr_json_print(filter);
	struct dr_query *q;

	if (!text)
		return -ENOMEM;
	q = bind(s, SUBSCRIBE, sub->id);
	dr_query_bind_text(q, 2, sub->callback);
	dr_query_bind_text(q, 3, sub->secret);
	dr_query_bind_text(q, 4, text);
	dr_query_bind_int(q, 5, sub->created.ns);
	return dr_query_run(q);
}

int north_store_unsubscribe(struct north_store *s, const char *id)
{
	return dr_query_run(bind(s, UNSUBSCRIBE, id));
}

int north_store_told(struct north_store *s, const char *subscription, const char *fault,
		     uint64_t *ret_sequence)
{
	struct dr_query *q = bind(s, TOLD, subscription);
	int r;

	dr_query_bind_text(q, 2, fault);
	r = dr_query_step(q);
	if (r < 0)
		return r;
	if (!r)
		return 1;
	*ret_sequence = (uint64_t)dr_query_int(q, 0);
	dr_query_reset(q);
	return 0;
}

int north_store_tell(struct north_store *s, const char *subscription, const char *fault, uint64_t sequence)
{
	struct dr_query *q = bind(s, TELL, subscription);

	dr_query_bind_text(q, 2, fault);
	dr_query_bind_int(q, 3, (int64_t)sequence);
	return dr_query_run(q);
}

/* ---------------------------------------------------------------- notifications */

static int read_row(struct dr_query *q, struct north_row *row)
{
	int64_t state = dr_query_int(q, 3);

	if (state < 0 || state >= INS_FAULT_STATES || copy(q, 0, row->id, sizeof(row->id)) ||
	    copy(q, 1, row->subscription, sizeof(row->subscription)) ||
	    copy(q, 2, row->fault, sizeof(row->fault)))
		return -EBADMSG;
	row->state = (enum ins_fault_state)state;
	row->created.ns = dr_query_int(q, 4);
	return 0;
}

int north_store_pending(struct north_store *s, north_row_fn fn, void *userdata)
{
	struct dr_query *q = s->q[PENDING];
	struct north_row row;
	int r;

	while ((r = dr_query_step(q)) == 1) {
		r = read_row(q, &row);
		if (!r)
			r = fn(&row, userdata);
		if (r) {
			dr_query_reset(q);
			return r;
		}
	}
	return r;
}

int north_store_push(struct north_store *s, const struct north_row *row, const char *body)
{
	struct dr_query *q = bind(s, PUSH, row->id);

	dr_query_bind_text(q, 2, row->subscription);
	dr_query_bind_text(q, 3, row->fault);
	dr_query_bind_int(q, 4, row->state);
	dr_query_bind_int(q, 5, row->created.ns);
	dr_query_bind_text(q, 6, body);
	return dr_query_run(q);
}

int north_store_body(struct north_store *s, const char *id, char **ret)
{
	struct dr_query *q = bind(s, BODY, id);
	char *body;
	int r = dr_query_step(q);

	if (r < 0)
		return r;
	if (!r)
		return 1;
	body = strdup(dr_query_text(q, 0));
	dr_query_reset(q);
	if (!body)
		return -ENOMEM;
	*ret = body;
	return 0;
}

int north_store_drop(struct north_store *s, const char *id)
{
	return dr_query_run(bind(s, DROP, id));
}
