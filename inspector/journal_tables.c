// SPDX-License-Identifier: Apache-2.0
/* What the journal keeps: its tables, and where their columns are in the program. */
#include <string.h>

#include "inspector/journal_private.h"
#include "inspector/north.h"
#include "inspector/policy.h"

/* ---------------------------------------------------------------- the file */

/* Version 1. What is not said to be text, a flag or a number is a time, in ns of the wall clock; 0: none. */
static const char schema_first[] =
	"CREATE TABLE incidents("
	" number INTEGER PRIMARY KEY," /* in the order in which they were opened */
	" id TEXT NOT NULL UNIQUE, request_id TEXT, host TEXT, service_id TEXT, state TEXT, reason TEXT,"
	" severity TEXT, fence INTEGER, force_down INTEGER, reset_state INTEGER, ports INTEGER,"
	" notify INTEGER," /* flags: what the policy wants */
	" reports INTEGER, since INTEGER, quorate INTEGER, hold TEXT, braked INTEGER, released INTEGER,"
	" acted INTEGER, steps INTEGER, received INTEGER, opened INTEGER, back INTEGER, back_since INTEGER,"
	" ended INTEGER,"
	" found INTEGER, forced INTEGER, first_vm INTEGER, last_vm INTEGER, first_told INTEGER,"
	" last_told INTEGER, planned INTEGER, confirmed INTEGER,"
	" event_host TEXT, event_type TEXT, event_subject TEXT, event_monitor TEXT, event_id TEXT,"
	" event_time TEXT, event_status TEXT, event_severity TEXT);"
	"CREATE TABLE steps("
	" incident TEXT NOT NULL REFERENCES incidents(id) ON DELETE CASCADE, number INTEGER NOT NULL,"
	" made INTEGER, state TEXT, reason TEXT, PRIMARY KEY(incident, number)) WITHOUT ROWID;"
	"CREATE TABLE servers("
	" incident TEXT NOT NULL REFERENCES incidents(id) ON DELETE CASCADE, number INTEGER NOT NULL,"
	" id TEXT, project TEXT, state TEXT, PRIMARY KEY(incident, number)) WITHOUT ROWID;"
	"CREATE TABLE actions("
	" incident TEXT NOT NULL REFERENCES incidents(id) ON DELETE CASCADE, number INTEGER NOT NULL,"
	" kind TEXT, state TEXT, target TEXT, prior TEXT, undone INTEGER, look INTEGER, attempts INTEGER,"
	" status INTEGER, reason TEXT, request_id TEXT, started INTEGER, finished INTEGER,"
	" PRIMARY KEY(incident, number)) WITHOUT ROWID;"
	"CREATE TABLE votes("
	" fault TEXT NOT NULL, monitor TEXT NOT NULL, type TEXT, says TEXT, since INTEGER,"
	" received INTEGER, said INTEGER, PRIMARY KEY(fault, monitor));"
	"CREATE TABLE queue("
	" number INTEGER PRIMARY KEY, nova_host TEXT, received INTEGER, host TEXT, type TEXT, subject TEXT,"
	" monitor TEXT, id TEXT, time TEXT, status TEXT, severity TEXT);"
	"CREATE TABLE rows("
	" source TEXT NOT NULL, host TEXT NOT NULL, type TEXT NOT NULL, subject TEXT NOT NULL,"
	" monitor TEXT NOT NULL, id TEXT, time TEXT, status TEXT, severity TEXT,"
	" PRIMARY KEY(source, host, type, subject, monitor));"
	"CREATE TABLE maintenance("
	" host TEXT NOT NULL, alarm INTEGER NOT NULL, reason TEXT, since INTEGER, until INTEGER,"
	" PRIMARY KEY(host, alarm));"
	"CREATE TABLE brake(host TEXT PRIMARY KEY, marked INTEGER);"
	"CREATE TABLE flap(host TEXT PRIMARY KEY, penalty REAL, acted INTEGER, suppressed INTEGER);";

/* Version 3 (2 is northbound's): what was decided, and when a subscriber had it. */
static const char schema_verdicts[] = "ALTER TABLE incidents ADD COLUMN verdict TEXT;"
				      "ALTER TABLE incidents ADD COLUMN acknowledged INTEGER;";

/* Steps are only added, also by modules that have tables of their own (const char ins_..._schema[]). */
const char *const ins_journal_schema[] = {
	schema_first,
	ins_north_schema,
	schema_verdicts,
};

const unsigned ins_journal_version = DR_ARRAY_SIZE(ins_journal_schema);

/* ---------------------------------------------------------------- words */

static const char *state_name(unsigned n)
{
	return ins_state_name((enum ins_state)n);
}

static const char *hold_name(unsigned n)
{
	return ins_hold_name((enum ins_hold)n);
}

static const char *severity_name(unsigned n)
{
	return ins_severity_name((enum ins_severity)n);
}

static const char *status_name(unsigned n)
{
	return n == INS_CLEARED ? "up" : "down";
}

static const char *kind_name(unsigned n)
{
	return ins_action_trait((enum ins_action_kind)n)->name;
}

static const char *action_state_name(unsigned n)
{
	return ins_action_state_name((enum ins_action_state)n);
}

static const struct ins_words states = { state_name, INS_STATES };
static const struct ins_words holds = { hold_name, INS_HOLDS };
static const struct ins_words severities = { severity_name, INS_CRITICAL + 1 };
static const struct ins_words statuses = { status_name, INS_CLEARED + 1 };
static const struct ins_words kinds = { kind_name, INS_ACTION_KINDS };
static const struct ins_words action_states = { action_state_name, INS_ACTION_STATES };

/* ---------------------------------------------------------------- columns */

#define FIELD(column, what, member) .name = (column), .kind = (what), .offset = offsetof(RECORD, member)
#define TEXT(column, member)                                                                                 \
	{                                                                                                    \
		FIELD(column, INS_COL_TEXT, member), .size = sizeof(((RECORD *)0)->member)                   \
	}
#define STRING(column, member)                                                                               \
	{                                                                                                    \
		FIELD(column, INS_COL_STRING, member)                                                        \
	}
#define FLAG(column, member)                                                                                 \
	{                                                                                                    \
		FIELD(column, INS_COL_FLAG, member)                                                          \
	}
#define BIT(column, member, value)                                                                           \
	{                                                                                                    \
		FIELD(column, INS_COL_BIT, member), .bit = (value)                                           \
	}
#define UNSIGNED(column, member)                                                                             \
	{                                                                                                    \
		FIELD(column, INS_COL_UNSIGNED, member)                                                      \
	}
#define NUMBER(column, member)                                                                               \
	{                                                                                                    \
		FIELD(column, INS_COL_NUMBER, member)                                                        \
	}
#define REAL(column, member)                                                                                 \
	{                                                                                                    \
		FIELD(column, INS_COL_REAL, member)                                                          \
	}
#define WORD(column, member, list)                                                                           \
	{                                                                                                    \
		FIELD(column, INS_COL_WORD, member), .words = &(list)                                        \
	}
#define WALL(column, member)                                                                                 \
	{                                                                                                    \
		FIELD(column, INS_COL_WALL, member)                                                          \
	}
#define AGE(column, member)                                                                                  \
	{                                                                                                    \
		FIELD(column, INS_COL_AGE, member)                                                           \
	}

#define TABLE(table, in, key_count, ...)                                                                     \
	const struct ins_table ins_table_##table = { .name = #table,                                         \
						     .columns = (in),                                        \
						     .count = DR_ARRAY_SIZE(in),                             \
						     .keys = (key_count),                                    \
						     .size = sizeof(RECORD),                                 \
						     __VA_ARGS__ }

_Static_assert(sizeof(size_t) == sizeof(uint64_t), "NUMBER is either");

#define RECORD struct ins_incident
static const struct ins_column incident_columns[] = {
	TEXT("id", id),
	TEXT("request_id", request_id),
	TEXT("host", host),
	TEXT("service_id", service_id),
	WORD("state", state, states),
	TEXT("reason", reason),
	WORD("severity", severity, severities),
	BIT("fence", todo, INS_DO_FENCE),
	BIT("force_down", todo, INS_DO_FORCE_DOWN),
	BIT("reset_state", todo, INS_DO_RESET),
	BIT("ports", todo, INS_DO_PORTS),
	BIT("notify", todo, INS_DO_NOTIFY),
	UNSIGNED("reports", reports),
	AGE("since", since),
	FLAG("quorate", quorate),
	WORD("hold", hold, holds),
	FLAG("braked", braked),
	FLAG("released", released),
	FLAG("acted", acted),
	NUMBER("steps", step_count),
	WALL("received", received),
	WALL("opened", opened),
	WALL("back", back),
	AGE("back_since", back_since),
	WALL("ended", ended),
	WALL("found", found),
	WALL("forced", forced),
	WALL("first_vm", first_vm),
	WALL("last_vm", last_vm),
	WALL("first_told", first_told),
	WALL("last_told", last_told),
	WALL("acknowledged", acknowledged),
	STRING("verdict", verdict),
	FLAG("planned", planned),
	FLAG("confirmed", confirmed),
	TEXT("event_host", event.host),
	TEXT("event_type", event.type),
	TEXT("event_subject", event.subject),
	TEXT("event_monitor", event.monitor),
	TEXT("event_id", event.id),
	TEXT("event_time", event.time),
	WORD("event_status", event.status, statuses),
	WORD("event_severity", event.severity, severities),
};
TABLE(incidents, incident_columns, 1, .order = "number");
#undef RECORD

#define RECORD struct ins_step_record
static const struct ins_column step_columns[] = {
	TEXT("incident", incident),	   NUMBER("number", number),	WALL("made", step.when),
	WORD("state", step.state, states), TEXT("reason", step.reason),
};
TABLE(steps, step_columns, 2, .order = "number");
#undef RECORD

#define RECORD struct ins_server_record
static const struct ins_column server_columns[] = {
	TEXT("incident", incident),  UNSIGNED("number", number), TEXT("id", vm.id),
	TEXT("project", vm.project), TEXT("state", vm.state),
};
TABLE(servers, server_columns, 2, .order = "number");
#undef RECORD

#define RECORD struct ins_action_record
static const struct ins_column action_columns[] = {
	TEXT("incident", incident),
	UNSIGNED("number", action.number),
	WORD("kind", action.kind, kinds),
	WORD("state", action.state, action_states),
	TEXT("target", action.target),
	TEXT("prior", action.prior),
	FLAG("undone", action.undone),
	FLAG("look", action.look),
	UNSIGNED("attempts", action.attempts),
	UNSIGNED("status", action.status),
	STRING("reason", action.reason),
	TEXT("request_id", action.request_id),
	WALL("started", action.started),
	WALL("finished", action.finished),
};
TABLE(actions, action_columns, 2, .order = "number");
#undef RECORD

#define RECORD struct ins_vote
static const struct ins_column vote_columns[] = {
	TEXT("fault", key),  TEXT("monitor", monitor),	TEXT("type", type), WORD("says", says, statuses),
	AGE("since", since), AGE("received", received), WALL("said", when),
};
TABLE(votes, vote_columns, 2, .order = "rowid");
#undef RECORD

#define RECORD struct ins_queue_record
static const struct ins_column queue_columns[] = {
	NUMBER("number", number),
	TEXT("nova_host", host),
	AGE("received", received),
	TEXT("host", event.host),
	TEXT("type", event.type),
	TEXT("subject", event.subject),
	TEXT("monitor", event.monitor),
	TEXT("id", event.id),
	TEXT("time", event.time),
	WORD("status", event.status, statuses),
	WORD("severity", event.severity, severities),
};
TABLE(queue, queue_columns, 1, .order = "number", .once = true);
#undef RECORD

#define RECORD struct ins_row_record
static const struct ins_column row_columns[] = {
	TEXT("source", source),
	TEXT("host", event.host),
	TEXT("type", event.type),
	TEXT("subject", event.subject),
	TEXT("monitor", event.monitor),
	TEXT("id", event.id),
	TEXT("time", event.time),
	WORD("status", event.status, statuses),
	WORD("severity", event.severity, severities),
};
TABLE(rows, row_columns, 5, .order = "rowid");
#undef RECORD

#define RECORD struct ins_upkeep
static const struct ins_column upkeep_columns[] = {
	TEXT("host", host),   FLAG("alarm", alarm),	 TEXT("reason", reason),
	WALL("since", since), WALL("until", until_wall),
};
TABLE(maintenance, upkeep_columns, 2, .order = "rowid");
#undef RECORD

#define RECORD struct ins_braked
static const struct ins_column braked_columns[] = { TEXT("host", host), AGE("marked", at) };
TABLE(brake, braked_columns, 1, .order = "marked");
#undef RECORD

#define RECORD struct ins_flap
static const struct ins_column flap_columns[] = {
	TEXT("host", host),
	REAL("penalty", penalty),
	AGE("acted", at),
	FLAG("suppressed", suppressed),
};
TABLE(flap, flap_columns, 1, .order = "acted DESC"); /* there may be more than are remembered */
#undef RECORD

/* FNV-1a of all ids, projects and states, each with its NUL */
uint64_t ins_servers_digest(const struct ins_vms *v)
{
	uint64_t h = 14695981039346656037U;

	for (size_t i = 0; i < v->count; i++) {
		const char *const texts[] = { v->items[i].id, v->items[i].project, v->items[i].state };

		for (size_t n = 0; n < DR_ARRAY_SIZE(texts); n++)
			for (const char *p = texts[n];; p++) {
				h = (h ^ (unsigned char)*p) * 1099511628211U;
				if (!*p)
					break;
			}
	}
	return h;
}
