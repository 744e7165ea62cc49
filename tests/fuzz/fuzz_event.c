/* SPDX-License-Identifier: Apache-2.0 */
/*
 * Bodies of events. The first byte says of which dialect ('0' Doctor, '1' Congress, '2' Vitrage), the rest is
 * the body. Of Congress several, which no JSON has: behind \xff comes the next set of the same data source,
 * behind \xfe one of another source. Events of hosts that begin with x are not taken from a set.
 */
#include "doctor/json.h"
#include "inspector/source.h"
#include "tests/fuzz/fuzz.h"

/* What stands at "events[2].details.hostname"; NULL: nothing. */
static const struct dr_json *stands_at(const struct dr_json *root, const char *position)
{
	const struct dr_json *v = root;
	char name[INS_POSITION_MAX];
	size_t i;
	int n;

	if (sscanf(position, "events[%zu]%n", &i, &n) == 1) {
		v = dr_json_at(dr_json_is_array(root) ? root : dr_json_get(root, "events"), i);
		position += n + (position[n] == '.');
	}
	while (v && sscanf(position, "%95[^.]%n", name, &n) == 1) {
		v = dr_json_get(v, name);
		position += n + (position[n] == '.');
	}
	return v;
}

static bool is_cleared(const char *type)
{
	static const char ending[] = ".cleared";
	size_t len = strlen(type), cut = strlen(ending);

	return len > cut && !strcmp(type + len - cut, ending);
}

static void check_event(const struct dr_json *root, const struct ins_events *e, size_t n)
{
	static const char allowed[] = "ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz0123456789-._";
	const struct ins_event *item = &e->items[n];
	char position[INS_POSITION_MAX];
	struct dr_wall time;

	FUZZ_CHECK(item->host[0] && strspn(item->host, allowed) == strlen(item->host));
	FUZZ_CHECK(item->type[0]);
	FUZZ_CHECK(!fuzz_has_control(item->type) && !fuzz_has_control(item->monitor) &&
		   !fuzz_has_control(item->id));
	FUZZ_CHECK(!item->time[0] || !dr_wall_parse(item->time, &time, NULL));
	FUZZ_CHECK(item->status == INS_CLEARED || strcmp(item->type, "compute.host.up"));
	FUZZ_CHECK(!is_cleared(item->type) && item->severity <= INS_CRITICAL);
	FUZZ_CHECK(!item->subject[0] || (!ins_event_is_host(item) && !fuzz_has_control(item->subject)));
	FUZZ_CHECK(!e->places[n].implied);
	ins_events_position(e, n, position);
	FUZZ_CHECK(!strcmp(item->host, dr_json_str(stands_at(root, position))));
}

/* Spaces and escapes mean nothing. */
static void check_printed(enum ins_dialect dialect, const struct dr_json *root, const struct ins_events *e)
{
	DR_AUTO(ins_events_done) struct ins_events again = {};
	DR_AUTO_FREE char *text = dr_json_print(root);
	struct ins_refusal why;

	FUZZ_CHECK(text && !ins_dialect_parse(dialect, text, strlen(text), &again, &why));
	FUZZ_CHECK(again.count == e->count && !memcmp(again.items, e->items, e->count * sizeof(*e->items)));
}

static void check_refusal(const char *body, size_t len, const struct ins_refusal *why)
{
	DR_AUTO_JSON struct dr_json *root = NULL;
	const struct dr_json *v;
	size_t offset;

	FUZZ_CHECK(why->position[0] && why->reason[0]);
	FUZZ_CHECK(!fuzz_has_control(why->position) && !fuzz_has_control(why->reason));
	if (sscanf(why->position, "byte %zu", &offset) == 1) {
		FUZZ_CHECK(offset <= len);
		return;
	}
	FUZZ_CHECK(!dr_json_parse(body, len, &root, NULL));
	v = stands_at(root, why->position);
	if (!strcmp(why->reason, "is missing"))
		FUZZ_CHECK(!v || dr_json_is_null(v));
	else if (strncmp(why->reason, "contradicts",
			 strlen("contradicts"))) /* a status may go without saying */
		FUZZ_CHECK(v);
}

/* As ins_dialect_parse(). */
static int parse(enum ins_dialect dialect, const uint8_t *data, size_t len, struct ins_events *ret)
{
	DR_AUTO_JSON struct dr_json *root = NULL;
	const char *body = (const char *)data;
	struct ins_refusal why;
	int r;

	memset(&why, 0, sizeof(why));
	r = ins_dialect_parse(dialect, body, len, ret, &why);
	FUZZ_CHECK(r == 0 || r == 1);
	if (r) {
		FUZZ_CHECK(!ret->items && !ret->places && !ret->count);
		check_refusal(body, len, &why);
		return r;
	}
	FUZZ_CHECK(ret->count <= INS_EVENTS_MAX);
	FUZZ_CHECK(!dr_json_parse(body, len, &root, NULL));
	for (size_t n = 0; n < ret->count; n++)
		check_event(root, ret, n);
	check_printed(dialect, root, ret);
	return 0;
}

/* ---------------------------------------------------------------- sets */

static bool same_fault(const struct ins_event *a, const struct ins_event *b)
{
	return !strcmp(a->host, b->host) && !strcmp(a->type, b->type) && !strcmp(a->subject, b->subject);
}

static bool same_row(const struct ins_event *a, const struct ins_event *b)
{
	return same_fault(a, b) && !strcmp(a->monitor, b->monitor);
}

/* Each row is a fault that the set told, and each that was taken has its one row. */
static void check_set(const struct ins_set *set, const struct ins_events *told)
{
	for (size_t i = 0; i < set->count; i++) {
		size_t here = 0, n = 0;

		for (size_t j = 0; j < set->count; j++)
			here += same_row(&set->rows[i], &set->rows[j]);
		while (n < told->count && !same_fault(&told->items[n], &set->rows[i]))
			n++;
		FUZZ_CHECK(here == 1 && n < told->count && told->items[n].status == INS_FAULT);
		FUZZ_CHECK(set->rows[i].host[0] != 'x');
	}
	for (size_t n = 0; n < told->count; n++) {
		size_t i = 0;

		while (i < set->count && !same_row(&set->rows[i], &told->items[n]))
			i++;
		FUZZ_CHECK((i < set->count) ==
			   (told->items[n].status == INS_FAULT && told->items[n].host[0] != 'x'));
	}
}

/* A set that leaves out a fault ends it, unless another monitor of that set has it. */
static void check_implied(const struct ins_events *changes, const struct ins_events *told)
{
	for (size_t i = 0; i < changes->count; i++)
		for (size_t n = 0; changes->places[i].implied && n < told->count; n++)
			FUZZ_CHECK(told->items[n].status != INS_FAULT ||
				   !same_fault(&told->items[n], &changes->items[i]));
}

static bool has_twins(const struct ins_events *e)
{
	for (size_t i = 0; i < e->count; i++)
		for (size_t j = 0; j < i; j++)
			if (same_row(&e->items[i], &e->items[j]))
				return true;
	return false;
}

/* The same set, sent again, tells of no fault but of those that were not taken, and of no end of one. */
static void check_repetition(const struct ins_set *set, const struct ins_events *told)
{
	DR_AUTO(ins_events_done) struct ins_events changes = {};
	size_t same;

	FUZZ_CHECK(!ins_set_difference(set, told, &changes, &same));
	for (size_t n = 0; n < changes.count; n++)
		FUZZ_CHECK(changes.items[n].status == INS_CLEARED ? !changes.places[n].implied
								  : changes.items[n].host[0] == 'x');
}

static void send_set(struct ins_sources *all, const char *id, const struct ins_events *told)
{
	DR_AUTO(ins_events_done) struct ins_events changes = {};
	struct ins_source *source = NULL;
	size_t same;

	FUZZ_CHECK(!ins_set_difference(ins_sources_set(all, id), told, &changes, &same));
	FUZZ_CHECK(same <= told->count && changes.count + same >= told->count);
	check_implied(&changes, told);
	/* never more than INS_ROWS_MAX: two sources of at most 1000 events, and libFuzzer's inputs are short
	 */
	FUZZ_CHECK(!ins_sources_enter(all, id, &changes, &source));
	for (size_t n = 0; n < changes.count; n++)
		if (changes.places[n].implied || changes.items[n].host[0] != 'x')
			ins_set_apply(&source->set, &changes.items[n]);
	check_set(&source->set, told);
	if (!has_twins(told))
		check_repetition(&source->set, told);
	ins_sources_leave(all, source);
}

static void send_sets(const uint8_t *data, size_t size)
{
	DR_AUTO(ins_sources_done) struct ins_sources all = {};
	char id[2] = "a", cut;

	do {
		DR_AUTO(ins_events_done) struct ins_events told = {};
		size_t len;
		const uint8_t *body = fuzz_cut(&data, &size, "\xff\xfe", &len, &cut);

		if (!parse(INS_CONGRESS, body, len, &told))
			send_set(&all, id, &told);
		if (cut == '\xfe')
			id[0] ^= 'a' ^ 'b';
	} while (cut);
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
	DR_AUTO(ins_events_done) struct ins_events e = {};

	if (!size)
		return 0;
	if (data[0] % 3 == INS_CONGRESS)
		send_sets(data + 1, size - 1);
	else
		(void)!parse(data[0] % 3, data + 1, size - 1, &e);
	return 0;
}
