// SPDX-License-Identifier: Apache-2.0
#include <stdarg.h>
#include <string.h>

#include "doctor/buf.h"
#include "doctor/json.h"
#include "inspector/maintenance.h"

void ins_maintenance_done(struct ins_maintenance *m)
{
	free(m->items);
	*m = (struct ins_maintenance){};
}

static size_t find(const struct ins_maintenance *m, const char *host, bool alarm)
{
	size_t i = 0;

	while (i < m->count && (m->items[i].alarm != alarm || strcmp(m->items[i].host, host)))
		i++;
	return i;
}

bool ins_maintenance_end(struct ins_maintenance *m, const char *host, bool alarm)
{
	size_t i = find(m, host, alarm);

	if (i == m->count)
		return false;
	m->count--;
	memmove(m->items + i, m->items + i + 1, (m->count - i) * sizeof(*m->items));
	return true;
}

int ins_maintenance_set(struct ins_maintenance *m, const struct ins_upkeep *u)
{
	size_t i = find(m, u->host, u->alarm);

	if (i < m->count) {
		m->items[i] = *u;
		return 0;
	}
	if (m->count == INS_MAINTENANCE_MAX)
		return -ENOSPC;
	if (m->count == m->cap) {
		size_t cap = m->cap ? m->cap * 2 : 16;
		void *p = reallocarray(m->items, cap, sizeof(*m->items));

		if (!p)
			return -ENOMEM;
		m->items = p;
		m->cap = cap;
	}
	m->items[m->count++] = *u;
	return 0;
}

size_t ins_maintenance_hosts(const struct ins_maintenance *m)
{
	size_t hosts = 0;

	for (size_t i = 0; i < m->count; i++)
		hosts += !m->items[i].alarm || find(m, m->items[i].host, false) == m->count;
	return hosts;
}

void ins_maintenance_expire(struct ins_maintenance *m, struct dr_mono now)
{
	size_t kept = 0;

	for (size_t i = 0; i < m->count; i++)
		if (m->items[i].until.ns > now.ns)
			m->items[kept++] = m->items[i];
	m->count = kept;
}

const struct ins_upkeep *ins_maintenance_get(const struct ins_maintenance *m, const char *host,
					     struct dr_mono now)
{
	const struct ins_upkeep *found = NULL;

	for (size_t i = 0; i < m->count; i++) {
		const struct ins_upkeep *u = &m->items[i];

		if (u->until.ns > now.ns && (!found || u->until.ns > found->until.ns) &&
		    !strcmp(u->host, host))
			found = u;
	}
	return found;
}

/* ---------------------------------------------------------------- the request */

static int refuse(char why[256], const char *fmt, ...) DR_PRINTF(2, 3);
static int refuse(char why[256], const char *fmt, ...)
{
	va_list ap;

	va_start(ap, fmt);
	vsnprintf(why, 256, fmt, ap);
	va_end(ap);
	return 1;
}

static int read_reason(const struct dr_json *root, struct ins_upkeep *u, char why[256])
{
	const struct dr_json *v = dr_json_get(root, "reason");
	const char *text = dr_json_str(v);

	if (!v || dr_json_is_null(v))
		return 0;
	if (!text)
		return refuse(why, "reason: must be a string");
	if (dr_has_control(text))
		return refuse(why, "reason: has a control character in it");
	if (dr_strcpy(u->reason, sizeof(u->reason), text))
		return refuse(why, "reason: is longer than %zu bytes", sizeof(u->reason) - 1);
	return 0;
}

static int read_end(const struct dr_json *root, struct dr_wall wall, struct dr_dur *ret, char why[256])
{
	const char *until = dr_json_get_str(root, "until"), *period = dr_json_get_str(root, "for");
	struct dr_wall end;
	bool zoned;

	if (!until == !period)
		return refuse(why, "says neither or both of \"until\" (a time) and \"for\" (a duration)");
	if (dr_has_control(until ? until : period))
		return refuse(why, "%s: has a control character in it", until ? "until" : "for");
	if (period) {
		if (dr_dur_parse(period, ret))
			return refuse(why, "for: \"%.40s\" is no duration such as 2h or 90min", period);
		return 0;
	}
	if (dr_wall_parse(until, &end, &zoned) || !zoned)
		return refuse(
			why, "until: \"%.40s\" is no ISO 8601 time with a zone, such as 2026-11-22T18:00:00Z",
			until);
	ret->ns = end.ns - wall.ns;
	return 0;
}

int ins_maintenance_parse(const char *body, size_t len, struct dr_mono now, struct dr_wall wall,
			  struct ins_upkeep *ret, char why[256])
{
	DR_AUTO_JSON struct dr_json *root = NULL;
	struct ins_upkeep u = { .since = wall };
	struct dr_dur left = {};
	int r = dr_json_parse(body, len, &root, NULL);

	if (r == -EBADMSG || (!r && !dr_json_is_object(root)))
		return refuse(why,
			      "must be a JSON object such as {\"for\": \"2h\", \"reason\": \"new memory\"}");
	if (r)
		return r;
	if (read_reason(root, &u, why) || read_end(root, wall, &left, why))
		return 1;
	if (left.ns <= 0)
		return refuse(why, "it would be over already");
	if (left.ns > INS_MAINTENANCE_LONGEST.ns)
		return refuse(why, "it would last for more than 31 days");
	u.until = dr_mono_add(now, left);
	u.until_wall.ns = wall.ns + left.ns;
	memcpy(ret->reason, u.reason, sizeof(ret->reason));
	ret->since = u.since;
	ret->until = u.until;
	ret->until_wall = u.until_wall;
	return 0;
}
