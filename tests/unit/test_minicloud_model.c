/* SPDX-License-Identifier: Apache-2.0 */
/* minicloud's model: who may what, hosts, the lives of servers, addresses, lists in order. */
#include <stdarg.h>
#include <stddef.h>
#include <setjmp.h>
#include <stdint.h>
#include <cmocka.h>

#include <string.h>

#include "tools/minicloud/model.h"

static const struct dr_wall start = { 1795368574 * DR_NSEC_PER_SEC };

static struct dr_wall after(int seconds)
{
	return (struct dr_wall){ start.ns + seconds * DR_NSEC_PER_SEC };
}

static struct mc_model_opts opts_of(unsigned hosts, unsigned vms)
{
	return (struct mc_model_opts){
		.seed = { 1, 2, 3, 4 },
		.hosts = hosts,
		.vms_per_host = vms,
		.token_ttl = dr_sec(60),
	};
}

static struct mc_model *new_model(unsigned hosts, unsigned vms)
{
	struct mc_model_opts opts = opts_of(hosts, vms);
	struct mc_model *m = calloc(1, sizeof(*m));

	assert_non_null(m);
	assert_int_equal(mc_model_init(m, &opts, start), 0);
	return m;
}

static void free_model(struct mc_model *m)
{
	if (m)
		mc_model_done(m);
	free(m);
}
DR_DEFINE_FREEP(struct mc_model, free_model)
#define AUTO_MODEL DR_AUTO(free_modelp)

static struct mc_server *boot(struct mc_model *m, const char *name, const char *host, bool networked)
{
	struct mc_boot b = {
		.name = name,
		.requested_host = host,
		.project = mc_project_find(m, "doctor"),
		.user = mc_user_by_name(m, "doctor"),
		.image = TAILQ_FIRST(&m->images),
		.networked = networked,
	};
	struct mc_server *s = mc_server_create(m, &b, after(1));

	assert_non_null(s);
	return s;
}

static struct mc_server *run(struct mc_model *m, const char *name, const char *host)
{
	struct mc_server *s = boot(m, name, host, true);

	assert_int_equal(mc_server_step(m, s, after(2)), MC_STEP_AGAIN);
	assert_int_equal(mc_server_step(m, s, after(3)), MC_STEP_DONE);
	return s;
}

/* ---- the whole ---- */

static void test_init(void **state)
{
	AUTO_MODEL struct mc_model *m = new_model(2, 0), *same = new_model(2, 0);

	assert_int_equal(m->host_count, 2);
	assert_string_equal(m->hosts[0].service.host, "compute-1");
	assert_string_equal(m->hosts[1].service.host, "compute-2");
	assert_ptr_equal(mc_host_by_name(m, "compute-2"), &m->hosts[1]);
	assert_ptr_equal(mc_host_by_service(m, m->hosts[0].service.uuid), &m->hosts[0]);
	assert_ptr_equal(mc_host_by_hypervisor(m, m->hosts[0].hypervisor_uuid), &m->hosts[0]);
	assert_null(mc_host_by_name(m, "compute-3"));
	assert_null(mc_host_by_name(m, NULL));
	assert_null(mc_host_by_service(m, m->control[0].uuid));
	assert_int_equal(m->server_count, 0);
	/* the same seed makes the same cloud */
	assert_string_equal(m->hosts[0].service.uuid, same->hosts[0].service.uuid);
	assert_string_not_equal(m->hosts[0].service.uuid, m->hosts[1].service.uuid);
}

static void test_init_refuses(void **state)
{
	struct mc_model m;
	struct mc_model_opts opts = opts_of(MC_HOSTS_MAX + 1, 0);

	assert_int_equal(mc_model_init(&m, &opts, start), -EINVAL);
	opts = opts_of(1, MC_VMS_PER_HOST_MAX + 1);
	assert_int_equal(mc_model_init(&m, &opts, start), -EINVAL);
	opts = opts_of(1, 0);
	memset(opts.seed, 0, sizeof(opts.seed));
	assert_int_equal(mc_model_init(&m, &opts, start), -EINVAL);
}

static void test_no_hosts(void **state)
{
	AUTO_MODEL struct mc_model *m = new_model(0, 5);
	struct mc_server *s = boot(m, "a", NULL, true);

	assert_int_equal(mc_server_step(m, s, after(2)), MC_STEP_DONE);
	assert_int_equal(s->vm_state, MC_VM_ERROR);
}

static void test_uuid(void **state)
{
	AUTO_MODEL struct mc_model *m = new_model(1, 0);
	char uuid[MC_UUID_SIZE], hex[MC_HEX_SIZE];

	for (int i = 0; i < 1000; i++) {
		mc_new_uuid(m, uuid);
		assert_true(mc_is_uuid(uuid));
		assert_int_equal(uuid[14], '4');
		assert_non_null(strchr("89ab", uuid[19]));
	}
	mc_new_hex(m, hex);
	assert_int_equal(strspn(hex, "0123456789abcdef"), 32);
	assert_true(mc_is_uuid("00000000-0000-0000-0000-00000000000F"));
	assert_false(mc_is_uuid("00000000-0000-0000-0000-00000000000g"));
	assert_false(mc_is_uuid("00000000-0000-0000-0000-0000000000000"));
	assert_false(mc_is_uuid("00000000-0000-0000-0000-00000000000"));
	assert_false(mc_is_uuid("000000000000-0000-0000-0000-00000000"));
	assert_false(mc_is_uuid(""));
	assert_false(mc_is_uuid(NULL));
}

/* ---- who ---- */

static void test_roles(void **state)
{
	AUTO_MODEL struct mc_model *m = new_model(1, 0);
	const struct mc_user *admin = mc_user_by_name(m, "admin"), *doctor = mc_user_by_name(m, "doctor");

	assert_int_equal(mc_role_of(admin, mc_project_find(m, "admin")), MC_ROLE_ADMIN);
	assert_int_equal(mc_role_of(admin, mc_project_find(m, "doctor")), MC_ROLE_NONE);
	assert_int_equal(mc_role_of(doctor, mc_project_find(m, "doctor")), MC_ROLE_MEMBER);
	assert_int_equal(mc_role_of(doctor, mc_project_find(m, "admin")), MC_ROLE_NONE);
	assert_int_equal(mc_role_of(doctor, mc_project_find(m, "service")), MC_ROLE_NONE);
	assert_ptr_equal(mc_user_by_id(m, doctor->id), doctor);
	assert_null(mc_user_by_id(m, "doctor"));
	assert_null(mc_user_by_name(m, "Doctor"));
	assert_null(mc_user_by_name(m, NULL));
	assert_null(mc_project_find(m, "nobody"));
	assert_null(mc_project_find(m, NULL));
	assert_ptr_equal(mc_project_find(m, mc_project_find(m, "doctor")->id), mc_project_find(m, "doctor"));
}

static void test_tokens(void **state)
{
	AUTO_MODEL struct mc_model *m = new_model(1, 0);
	const struct mc_user *doctor = mc_user_by_name(m, "doctor");
	struct mc_token *a = mc_token_issue(m, doctor, mc_project_find(m, "doctor"), after(0));
	struct mc_token *b = mc_token_issue(m, doctor, NULL, after(30));
	char first[MC_TOKEN_SIZE];

	assert_non_null(a);
	assert_non_null(b);
	assert_string_not_equal(a->id, b->id);
	assert_int_equal(strlen(a->id), MC_TOKEN_SIZE - 1);
	assert_int_equal(a->role, MC_ROLE_MEMBER);
	assert_int_equal(b->role, MC_ROLE_NONE);
	assert_ptr_equal(mc_token_find(m, a->id, after(59)), a);
	assert_null(mc_token_find(m, a->id, after(60))); /* the last moment is over */
	assert_ptr_equal(mc_token_find(m, b->id, after(60)), b);
	assert_null(mc_token_find(m, "gAAAA", after(0)));
	assert_null(mc_token_find(m, "", after(0)));
	assert_null(mc_token_find(m, NULL, after(0)));

	mc_token_revoke(m, b);
	strcpy(first, a->id);
	assert_non_null(mc_token_issue(m, doctor, NULL, after(61))); /* the expired one goes */
	assert_null(mc_index_get(&m->token_index, first));
	assert_int_equal(m->token_index.count, 1);
}

/* ---- hosts ---- */

static void test_host_status(void **state)
{
	AUTO_MODEL struct mc_model *m = new_model(1, 0);
	struct mc_host *h = &m->hosts[0];

	assert_int_equal(mc_host_status(NULL), MC_HOST_STATUS_NONE);
	assert_int_equal(mc_host_status(h), MC_HOST_STATUS_UP);
	assert_int_equal(mc_service_set_disabled(&h->service, true, "why", after(1)), 0);
	assert_int_equal(mc_host_status(h), MC_HOST_STATUS_MAINTENANCE);
	assert_string_equal(h->service.disabled_reason, "why");
	mc_service_set_forced_down(&h->service, true, after(2));
	assert_int_equal(mc_host_status(h), MC_HOST_STATUS_DOWN); /* goes before disabled */
	assert_int_equal(mc_service_set_disabled(&h->service, false, "not kept", after(3)), 0);
	assert_null(h->service.disabled_reason);
	assert_int_equal(mc_host_status(h), MC_HOST_STATUS_DOWN);
	mc_service_set_forced_down(&h->service, false, after(4));
	assert_int_equal(mc_host_status(h), MC_HOST_STATUS_UP);
	assert_int_equal(h->service.changed.ns, after(4).ns);
	assert_string_equal(mc_host_status_name(MC_HOST_STATUS_NONE), "");
	assert_string_equal(mc_host_status_name(MC_HOST_STATUS_MAINTENANCE), "MAINTENANCE");
}

/* ---- servers ---- */

static void test_life(void **state)
{
	AUTO_MODEL struct mc_model *m = new_model(2, 0);
	struct mc_server *s = boot(m, "vm", NULL, true);
	char id[MC_UUID_SIZE];

	assert_string_equal(mc_server_status(s), "BUILD");
	assert_int_equal(s->task_state, MC_TASK_SCHEDULING);
	assert_null(s->host);
	assert_int_equal(mc_server_step(m, s, after(2)), MC_STEP_AGAIN);
	assert_ptr_equal(s->host, &m->hosts[0]);
	assert_int_equal(s->task_state, MC_TASK_SPAWNING);
	assert_null(s->port);
	assert_int_equal(mc_server_step(m, s, after(3)), MC_STEP_DONE);
	assert_string_equal(mc_server_status(s), "ACTIVE");
	assert_int_equal(s->launched.ns, after(3).ns);
	assert_int_equal(s->created.ns, after(1).ns);
	assert_non_null(s->port);
	assert_int_equal(mc_server_step(m, s, after(4)), MC_STEP_DONE);
	assert_int_equal(s->updated.ns, after(3).ns);

	mc_server_reset_state(s, MC_VM_ERROR, after(5));
	assert_string_equal(mc_server_status(s), "ERROR");
	assert_int_equal(s->fault.code, 0);
	mc_server_reset_state(s, MC_VM_ACTIVE, after(6));
	assert_string_equal(mc_server_status(s), "ACTIVE");

	strcpy(id, s->id);
	mc_server_mark_deleting(s, after(7));
	assert_string_equal(mc_server_status(s), "ACTIVE");
	assert_ptr_equal(mc_server_find(m, id), s);
	assert_int_equal(mc_server_step(m, s, after(8)), MC_STEP_GONE);
	assert_null(mc_server_find(m, id));
	assert_int_equal(m->server_count, 0);
	assert_int_equal(m->hosts[0].server_count, 0);
	assert_true(TAILQ_EMPTY(&m->ports));
}

static void test_deleted_while_building(void **state)
{
	AUTO_MODEL struct mc_model *m = new_model(1, 0);
	struct mc_server *s = boot(m, "vm", NULL, true);

	mc_server_mark_deleting(s, after(2));
	assert_int_equal(mc_server_step(m, s, after(3)), MC_STEP_GONE);
	assert_int_equal(m->server_count, 0);
}

static void test_scheduling(void **state)
{
	AUTO_MODEL struct mc_model *m = new_model(3, 0);
	struct mc_server *s;

	/* spread by load, the first of equals */
	assert_ptr_equal(run(m, "a", NULL)->host, &m->hosts[0]);
	assert_ptr_equal(run(m, "b", NULL)->host, &m->hosts[1]);
	assert_ptr_equal(run(m, "c", NULL)->host, &m->hosts[2]);
	assert_ptr_equal(run(m, "d", "compute-2")->host, &m->hosts[1]);

	mc_service_set_forced_down(&m->hosts[0].service, true, after(4));
	assert_int_equal(mc_service_set_disabled(&m->hosts[2].service, true, NULL, after(4)), 0);
	assert_ptr_equal(run(m, "e", NULL)->host, &m->hosts[1]);

	s = boot(m, "f", "compute-1", true); /* asked for, but down */
	assert_int_equal(mc_server_step(m, s, after(5)), MC_STEP_DONE);
	assert_string_equal(mc_server_status(s), "ERROR");
	assert_null(s->host);
	assert_int_equal(s->fault.code, 500);
	assert_string_equal(s->fault.message,
			    "No valid host was found. There are not enough hosts available.");
	assert_int_equal(s->fault.created.ns, after(5).ns);

	mc_service_set_forced_down(&m->hosts[1].service, true, after(6));
	s = boot(m, "g", NULL, true);
	assert_int_equal(mc_server_step(m, s, after(7)), MC_STEP_DONE);
	assert_string_equal(mc_server_status(s), "ERROR");
}

static void test_lists(void **state)
{
	AUTO_MODEL struct mc_model *m = new_model(2, 0);
	const struct mc_project *doctor = mc_project_find(m, "doctor"), *admin = mc_project_find(m, "admin");
	struct mc_server *a = run(m, "a", "compute-1"), *b = run(m, "b", "compute-2");
	struct mc_server *c = run(m, "c", "compute-1"), *late, *early;

	/* newest first */
	assert_ptr_equal(mc_server_next(m, NULL, NULL, NULL), c);
	assert_ptr_equal(mc_server_next(m, c, NULL, NULL), b);
	assert_ptr_equal(mc_server_next(m, b, NULL, doctor), a);
	assert_null(mc_server_next(m, a, NULL, NULL));
	assert_null(mc_server_next(m, NULL, NULL, admin));
	/* of a host; the marker may be elsewhere */
	assert_ptr_equal(mc_server_next(m, NULL, &m->hosts[0], NULL), c);
	assert_ptr_equal(mc_server_next(m, c, &m->hosts[0], NULL), a);
	assert_ptr_equal(mc_server_next(m, b, &m->hosts[0], doctor), a);
	assert_null(mc_server_next(m, a, &m->hosts[0], NULL));
	assert_null(mc_server_next(m, b, &m->hosts[1], NULL));
	assert_null(mc_server_next(m, NULL, &m->hosts[0], admin));

	/* scheduled out of turn: the host's list stays in the order of age */
	early = boot(m, "d", "compute-2", false);
	late = boot(m, "e", "compute-2", false);
	assert_int_equal(mc_server_step(m, late, after(4)), MC_STEP_AGAIN);
	assert_int_equal(mc_server_step(m, early, after(5)), MC_STEP_AGAIN);
	assert_ptr_equal(mc_server_next(m, NULL, &m->hosts[1], NULL), late);
	assert_ptr_equal(mc_server_next(m, late, &m->hosts[1], NULL), early);
	assert_ptr_equal(mc_server_next(m, early, &m->hosts[1], NULL), b);
}

static void test_addresses(void **state)
{
	AUTO_MODEL struct mc_model *m = new_model(1, 0);
	struct mc_server *s, *last = NULL;
	uint32_t first;
	char text[18];

	s = run(m, "first", NULL);
	first = s->port->address;
	assert_string_equal(mc_ip_format(first, text), "192.168.30.2");
	assert_int_equal(strlen(mc_mac_format(s->port->mac, text)), 17);
	assert_memory_equal(text, "fa:16:3e:", 9);
	for (int i = 0; i < 252; i++)
		last = run(m, "more", NULL);
	assert_string_equal(mc_ip_format(last->port->address, text), "192.168.30.254");

	s = boot(m, "too many", NULL, true);
	assert_int_equal(mc_server_step(m, s, after(2)), MC_STEP_AGAIN);
	assert_int_equal(mc_server_step(m, s, after(3)), MC_STEP_DONE);
	assert_string_equal(mc_server_status(s), "ERROR");
	s = boot(m, "needs none", NULL, false);
	assert_int_equal(mc_server_step(m, s, after(2)), MC_STEP_AGAIN);
	assert_int_equal(mc_server_step(m, s, after(3)), MC_STEP_DONE);
	assert_string_equal(mc_server_status(s), "ACTIVE");
	assert_null(s->port);

	/* an address comes back with its server's end */
	s = TAILQ_FIRST(&m->servers);
	mc_server_mark_deleting(s, after(4));
	assert_int_equal(mc_server_step(m, s, after(5)), MC_STEP_GONE);
	assert_int_equal(run(m, "again", NULL)->port->address, first);
}

static void test_ports(void **state)
{
	AUTO_MODEL struct mc_model *m = new_model(1, 0);
	struct mc_port *a = run(m, "a", NULL)->port, *b = run(m, "b", NULL)->port;

	assert_ptr_equal(mc_port_find(m, a->id), a);
	assert_null(mc_port_find(m, "x"));
	assert_ptr_equal(mc_port_next(m, NULL, NULL), a);
	assert_ptr_equal(mc_port_next(m, a, mc_project_find(m, "doctor")), b);
	assert_null(mc_port_next(m, b, NULL));
	assert_null(mc_port_next(m, NULL, mc_project_find(m, "admin")));
	mc_port_touch(a, after(9));
	assert_int_equal(a->revision, 2);
	assert_int_equal(a->updated.ns, after(9).ns);
}

static void test_images(void **state)
{
	AUTO_MODEL struct mc_model *m = new_model(1, 0);
	const struct mc_project *doctor = mc_project_find(m, "doctor"), *admin = mc_project_find(m, "admin");
	struct mc_image *tiny = TAILQ_FIRST(&m->images), *own = mc_image_create(m, NULL, doctor, after(1));

	assert_string_equal(tiny->name, "tiny");
	assert_true(mc_image_visible(tiny, doctor, false));
	assert_non_null(own);
	assert_null(own->name);
	assert_true(mc_image_visible(own, doctor, false));
	assert_false(mc_image_visible(own, admin, false));
	assert_true(mc_image_visible(own, admin, true));
	assert_ptr_equal(mc_image_find(m, own->id), own);
	mc_image_delete(m, own);
	assert_ptr_equal(TAILQ_LAST(&m->images, mc_images), tiny);
}

/* What is deleted is found no more; who points to it may go on. */
static void test_people(void **state)
{
	AUTO_MODEL struct mc_model *m = new_model(1, 0);
	struct mc_project *p = mc_project_create(m, "tenant", "made");
	struct mc_user *u = mc_user_create(m, "tenant", "secret", NULL);
	struct mc_token *t;
	char id[MC_TOKEN_SIZE];

	assert_non_null(p);
	assert_non_null(u);
	assert_ptr_equal(mc_project_find(m, p->id), p);
	assert_ptr_equal(mc_user_by_name(m, "tenant"), u);
	assert_int_equal(mc_role_of(u, p), MC_ROLE_NONE);
	assert_int_equal(mc_user_grant(u, p, MC_ROLE_MEMBER), 0);
	assert_int_equal(mc_user_grant(u, p, MC_ROLE_READER), 0); /* the higher one has it */
	assert_int_equal(mc_role_of(u, p), MC_ROLE_MEMBER);
	assert_int_equal(mc_role_of(u, mc_project_find(m, "doctor")), MC_ROLE_NONE);
	assert_int_equal(mc_user_set_password(u, "other"), 0);
	assert_string_equal(u->password, "other");

	t = mc_token_issue(m, u, p, after(0));
	assert_non_null(t);
	strcpy(id, t->id);
	mc_project_delete(m, p);
	assert_null(mc_project_find(m, "tenant"));
	assert_null(mc_token_find(m, id, after(1)));
	t = mc_token_issue(m, u, NULL, after(2));
	strcpy(id, t->id);
	mc_user_delete(m, u);
	assert_null(mc_user_by_name(m, "tenant"));
	assert_null(mc_user_by_id(m, u->id));
	assert_null(mc_token_find(m, id, after(3)));
	assert_non_null(mc_project_create(m, "tenant", NULL)); /* another of this name */
	assert_ptr_not_equal(mc_project_find(m, "tenant"), p);
}

static void test_flavors(void **state)
{
	AUTO_MODEL struct mc_model *m = new_model(1, 0);
	struct mc_flavor *b = mc_flavor_create(m, "b", "second"), *a = mc_flavor_create(m, "a", "first");
	struct mc_quota used;

	assert_ptr_equal(mc_flavor_next(m, mc_flavor_find(m, "1")), a); /* by id */
	assert_ptr_equal(mc_flavor_next(m, a), b);
	assert_null(mc_flavor_next(m, b));
	assert_ptr_equal(mc_flavor_by_name(m, "second"), b);
	a->deleted = true;
	assert_null(mc_flavor_find(m, "a"));
	assert_ptr_equal(mc_flavor_next(m, mc_flavor_find(m, "1")), b);

	run(m, "one", NULL);
	run(m, "two", NULL);
	mc_quota_used(m, mc_project_find(m, "doctor"), &used);
	assert_int_equal(used.instances, 2);
	assert_int_equal(used.cores, 2);
	assert_int_equal(used.ram_mb, 128);
	assert_int_equal(used.ports, 2);
	mc_quota_used(m, mc_project_find(m, "admin"), &used);
	assert_int_equal(used.instances, 0);
}

static void test_networks(void **state)
{
	AUTO_MODEL struct mc_model *m = new_model(1, 0);
	const struct mc_project *doctor = mc_project_find(m, "doctor");
	struct mc_network *first = mc_network_next(m, NULL, NULL),
			  *n = mc_network_create(m, "n", doctor, after(0));
	struct mc_server *s = run(m, "one", NULL), *other = boot(m, "two", NULL, true);
	struct mc_port *p;

	assert_ptr_equal(s->port->network, first);
	assert_int_equal(first->ports, 1);
	assert_ptr_equal(mc_network_find(m, n->id), n);
	assert_null(mc_network_by_subnet(m, n->subnet_id)); /* it has none yet */
	other->network = n;
	assert_null(mc_port_create(m, other, after(1))); /* and so no address */
	assert_int_equal(mc_subnet_create(m, n, "s", 0x0a000000, 30), 0);
	assert_int_equal(mc_subnet_create(m, n, "s", 0x0a000000, 30), -EEXIST);
	assert_ptr_equal(mc_network_by_subnet(m, n->subnet_id), n);

	p = mc_port_create(m, other, after(2));
	assert_non_null(p);
	assert_int_equal(p->address, 0x0a000002); /* its only one */
	assert_null(mc_port_create(m, other, after(3)));
	assert_int_equal(n->ports, 1);
	mc_port_free(m, p);
	assert_int_equal(n->ports, 0);
	p = mc_port_create(m, other, after(4));
	assert_non_null(p);
	mc_port_free(m, p);
	n->deleted = true;
	assert_null(mc_network_find(m, n->id));
	assert_null(mc_port_create(m, other, after(5)));
	assert_int_equal(mc_server_step(m, other, after(6)), MC_STEP_AGAIN);
	assert_int_equal(mc_server_step(m, other, after(7)), MC_STEP_DONE); /* deleted while it was built */
	assert_string_equal(mc_server_status(other), "ERROR");
}

static void test_scale(void **state)
{
	AUTO_MODEL struct mc_model *m = new_model(1000, 50);
	const struct mc_server *s = NULL;
	size_t n = 0;

	assert_int_equal(m->server_count, 50000);
	while ((s = mc_server_next(m, s, NULL, NULL)))
		n++;
	assert_int_equal(n, 50000);
	for (s = NULL, n = 0; (s = mc_server_next(m, s, &m->hosts[999], NULL)); n++)
		assert_int_equal(s->vm_state, MC_VM_ACTIVE);
	assert_int_equal(n, 50);
	assert_non_null(run(m, "one more", NULL)->port);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(test_init),
		cmocka_unit_test(test_init_refuses),
		cmocka_unit_test(test_no_hosts),
		cmocka_unit_test(test_uuid),
		cmocka_unit_test(test_roles),
		cmocka_unit_test(test_tokens),
		cmocka_unit_test(test_host_status),
		cmocka_unit_test(test_life),
		cmocka_unit_test(test_deleted_while_building),
		cmocka_unit_test(test_scheduling),
		cmocka_unit_test(test_lists),
		cmocka_unit_test(test_addresses),
		cmocka_unit_test(test_ports),
		cmocka_unit_test(test_images),
		cmocka_unit_test(test_people),
		cmocka_unit_test(test_flavors),
		cmocka_unit_test(test_networks),
		cmocka_unit_test(test_scale),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
