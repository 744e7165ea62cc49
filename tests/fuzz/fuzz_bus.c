/* SPDX-License-Identifier: Apache-2.0 */
/*
 * Nova's notifications as the bus brings them, and what they do to the map of servers: bodies with \xff
 * between them; behind \xfe the servers have been read anew meanwhile, as they were at first.
 */
#include "doctor/cloud/call.h"
#include "inspector/changes.h"
#include "tests/fuzz/fuzz.h"

/* Hosts and servers of the seeds. */
static const char *const hosts[] = { "compute-1", "compute-2", "doctor-sandbox" };
static const struct {
	unsigned host;
	const char *id;
} servers[] = {
	{ 0, "s1" },
	{ 0, "s2" },
	{ 1, "s3" },
	{ 2, "a26ee0d1-33bd-4b1e-8b31-8a1a2b7b1c0f" },
};

static struct ins_map *first_reading(void)
{
	struct ins_map *m = ins_map_new();

	FUZZ_CHECK(m);
	for (size_t i = 0; i < DR_ARRAY_SIZE(hosts); i++) {
		struct ins_host h = { .up = true };

		snprintf(h.name, sizeof(h.name), "%s", hosts[i]);
		FUZZ_CHECK(!ins_map_add_host(m, &h));
	}
	ins_map_sort(m);
	for (size_t i = 0; i < DR_ARRAY_SIZE(servers); i++)
		FUZZ_CHECK(!ins_map_add_vm(m, hosts[servers[i].host], servers[i].id, "p", "active"));
	return m;
}

static void check_map(const struct ins_map *m)
{
	size_t sum = 0;

	for (size_t h = 0; h < m->count; h++) {
		const struct ins_vms *v = &m->hosts[h].vms;

		sum += v->count;
		for (size_t i = 0; i < v->count; i++) {
			size_t here = 0;

			FUZZ_CHECK(dr_api_id_valid(v->items[i].id));
			for (size_t g = 0; g < m->count; g++)
				for (size_t n = 0; n < m->hosts[g].vms.count; n++)
					here += !strcmp(m->hosts[g].vms.items[n].id, v->items[i].id);
			FUZZ_CHECK(here == 1);
		}
	}
	FUZZ_CHECK(m->vm_count == sum);
}

static bool same_vm(const struct ins_vm *a, const struct ins_vm *b)
{
	return b && !strcmp(a->project, b->project) && !strcmp(a->state, b->state);
}

static void check_same(const struct ins_map *a, const struct ins_map *b)
{
	FUZZ_CHECK(a->count == b->count && a->vm_count == b->vm_count);
	for (size_t h = 0; h < a->count; h++)
		for (size_t i = 0; i < a->hosts[h].vms.count; i++) {
			const struct ins_vm *vm = &a->hosts[h].vms.items[i];

			FUZZ_CHECK(same_vm(vm, ins_vms_get(&b->hosts[h].vms, vm->id)));
		}
}

static void check_change(const struct ins_change *c)
{
	FUZZ_CHECK(memchr(c->host, '\0', sizeof(c->host)) && memchr(c->state, '\0', sizeof(c->state)));
	if (c->kind == INS_CHANGE_SERVICE)
		FUZZ_CHECK(c->host[0]);
	else
		FUZZ_CHECK(c->kind == INS_CHANGE_SERVER && dr_api_id_valid(c->server));
}

static void make(const struct ins_change *c, struct ins_map *m)
{
	struct ins_host *to = ins_map_get(m, c->host);
	int r = ins_change_make(c, m, false);

	FUZZ_CHECK(r == 0 || r == 1);
	check_map(m);
	if (c->kind != INS_CHANGE_SERVER)
		return;
	if (c->deleted || !to)
		FUZZ_CHECK(!ins_map_vm(m, NULL, c->server));
	else
		FUZZ_CHECK(!r && ins_vms_get(&to->vms, c->server));
}

/* A reading that was begun before the changes came is as good as the map once they are made to it. */
static void read_anew(const struct ins_changes *kept, struct ins_map *m)
{
	DR_AUTO(ins_map_freep) struct ins_map *reading = first_reading(), *to = first_reading();

	ins_map_move_vms(to, reading);
	FUZZ_CHECK(!reading->vm_count);
	FUZZ_CHECK(!ins_changes_make(kept, to));
	check_map(to);
	check_same(m, to);
	ins_map_move_vms(m, to);
	check_map(m);
}

/* What we send in Nova's place says nothing of where the server is. */
static void send_own(const char *text)
{
	const struct ins_notice n = { .message_id = "5d7ac2a4-0c4a-4a3e-8a1f-6a2f3e9f1b2c",
				      .host = text,
				      .project_id = text,
				      .server_id = text,
				      .state = text };

	for (int wrapped = 0; wrapped < 2; wrapped++) {
		DR_AUTO_FREE char *body = NULL;
		struct ins_change c;

		FUZZ_CHECK(!ins_notice_body(&n, wrapped, &body));
		FUZZ_CHECK(ins_notification_parse(body, strlen(body), &c) == 1);
	}
}

static void hear(const uint8_t *data, size_t len, struct ins_changes *kept, struct ins_map *m)
{
	struct ins_change c, untouched;
	int r;

	memset(&c, 0xa5, sizeof(c));
	untouched = c;
	r = ins_notification_parse((const char *)data, len, &c);
	FUZZ_CHECK(r == 0 || r == 1 || r == -EBADMSG);
	if (r) {
		FUZZ_CHECK(!memcmp(&c, &untouched, sizeof(c)));
		return;
	}
	check_change(&c);
	ins_changes_keep(kept, &c);
	FUZZ_CHECK(!kept->lost && ins_changes_name(kept, c.host));
	make(&c, m);
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
	DR_AUTO(ins_map_freep) struct ins_map *m = first_reading();
	DR_AUTO(ins_changes_done) struct ins_changes kept = {};
	DR_AUTO_FREE char *text = fuzz_text(data, DR_MIN(size, 64U));
	char cut;

	send_own(text);
	do {
		size_t len;
		const uint8_t *body = fuzz_cut(&data, &size, "\xff\xfe", &len, &cut);

		hear(body, len, &kept, m);
		if (cut == '\xfe')
			read_anew(&kept, m);
	} while (cut);
	return 0;
}
