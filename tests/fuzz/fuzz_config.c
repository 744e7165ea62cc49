/* SPDX-License-Identifier: Apache-2.0 */
/* Configuration files. The first byte says whose: '0' inspector, '1' consumer, '2' monitor, '3' clouds.yaml.
 */
#include <sys/mman.h>

#include "consumer/config.h"
#include "doctor/cloud/cloud.h"
#include "inspector/config.h"
#include "tests/fuzz/fuzz.h"
#include "user/config.h"

/* Each complaint begins with the place of what it is about. */
static void check_texts(const struct dr_conf *f)
{
	for (size_t i = 0; i < DR_MIN(dr_conf_error_count(f), (size_t)DR_CONF_ERRORS_MAX); i++)
		FUZZ_CHECK(!strncmp(dr_conf_error_text(f, i), "fuzz:", 5) &&
			   !fuzz_has_control(dr_conf_error_text(f, i)));
	for (size_t i = 0; i < DR_MIN(dr_conf_warning_count(f), (size_t)DR_CONF_ERRORS_MAX); i++)
		FUZZ_CHECK(dr_conf_warning_text(f, i)[0]);
}

static bool within(struct dr_dur d, struct dr_dur min, struct dr_dur max)
{
	return d.ns >= min.ns && d.ns <= max.ns;
}

static void check_bus(const struct ins_bus_conf *b)
{
	FUZZ_CHECK(b->topic_count >= 1 && b->topic_count <= INS_TOPICS_MAX);
	for (size_t i = 0; i < b->topic_count; i++)
		FUZZ_CHECK(b->topics[i] && b->topics[i][0]);
	if (!b->host_count) {
		FUZZ_CHECK(b->shortcut == INS_SHORTCUT_OFF);
		return;
	}
	for (size_t i = 0; i < b->host_count; i++)
		FUZZ_CHECK(b->hosts[i].name[0] && b->hosts[i].port && !strpbrk(b->hosts[i].name, "[]"));
	FUZZ_CHECK(b->user && !b->password != !b->password_file && b->vhost && b->exchange);
	FUZZ_CHECK(within(b->timeout, dr_msec(10), dr_sec(3600)));
}

static void read_inspector(struct dr_conf *f)
{
	DR_AUTO(ins_config_done) struct ins_config c = {};

	FUZZ_CHECK(!ins_config_read(f, &c));
	if (dr_conf_error_count(f))
		return;
	FUZZ_CHECK(c.listen.address[0] && c.parallel && c.queue && c.active && c.history);
	FUZZ_CHECK(within(c.refresh, dr_sec(1), dr_sec(3600)) &&
		   within(c.timeout, dr_msec(100), dr_sec(300)));
	FUZZ_CHECK(c.retry.attempts && c.retry.pause.ns <= c.retry.pause_max.ns);
	FUZZ_CHECK(c.judge.monitors && c.judge.confirm.ns < c.judge.forget.ns);
	FUZZ_CHECK(c.brake.cloud.share_permille <= 1000 && c.brake.group.share_permille <= 1000 &&
		   c.flap.reuse < c.flap.limit);
	check_bus(&c.bus);
	FUZZ_CHECK(c.north.parallel && c.north.per_subscriber && c.north.retry.attempts &&
		   c.north.retry.pause.ns <= c.north.retry.pause_max.ns);
	FUZZ_CHECK(!c.fence.required || c.fence.method != INS_FENCE_NONE);
}

static void read_consumer(struct dr_conf *f)
{
	DR_AUTO(con_config_done) struct con_config c = { 0 };

	FUZZ_CHECK(!con_config_read(f, &c));
	if (dr_conf_error_count(f))
		return;
	FUZZ_CHECK(c.servers.count <= CON_SERVERS_MAX && c.listen.address[0]);
	for (size_t i = 0; i < c.servers.count; i++)
		FUZZ_CHECK(con_is_uuid(c.servers.ids[i]));
	FUZZ_CHECK(c.plan.retry.attempts && (c.plan.kind != CON_RECOVERY_EXEC || c.plan.command));
	for (size_t i = 0; i < c.plan_count; i++)
		FUZZ_CHECK(c.plans[i].kind != CON_RECOVERY_SWITCHOVER || c.plans[i].standbys.count);
}

static unsigned ifindex(const char *name)
{
	return !strcmp(name, "none") ? 0 : !strcmp(name, "away") ? MON_AWAY : 2;
}

static void check_monitor(const struct mon_config *c)
{
	DR_AUTO_FREE char *summary = mon_config_summary(c);

	FUZZ_CHECK(summary && c->name[0] && c->host[0]);
	FUZZ_CHECK(c->target_count <= c->target_room && c->target_room <= MON_TARGETS_MAX);
	FUZZ_CHECK(c->interface_count <= MON_INTERFACES_MAX && c->inspector_count <= MON_INSPECTORS_MAX);
	FUZZ_CHECK(mon_config_queue(c) > 0);
	for (size_t i = 0; i < c->target_count; i++) {
		const struct mon_target *t = &c->targets[i];

		FUZZ_CHECK(t->host[0] && t->interface < c->interface_count && !mon_address_fault(t->address));
		FUZZ_CHECK(t->interval.ns > 0 && t->multiplier && t->rise);
		FUZZ_CHECK(t->detect.ns >= t->interval.ns * t->multiplier);
	}
}

static void read_monitor(struct dr_conf *f)
{
	DR_AUTO(mon_config_done) struct mon_config c = { 0 }, copy = { 0 };
	int r = mon_config_read(f, ifindex, &c);

	FUZZ_CHECK(r == (dr_conf_error_count(f) ? 1 : 0));
	if (r)
		return;
	check_monitor(&c);
	FUZZ_CHECK(!mon_config_copy(&c, &copy));
	check_monitor(&copy);
	FUZZ_CHECK(!mon_config_needs_restart(&c, &copy));
}

static void read_clouds(const uint8_t *data, size_t size)
{
	DR_AUTO(dr_cloud_conf_done) struct dr_cloud_conf c = {};
	DR_AUTO_CLOSE int fd = memfd_create("clouds.yaml", MFD_CLOEXEC);
	DR_AUTO_FREE char *error = NULL;
	char path[64];
	int r;

	FUZZ_CHECK(fd >= 0 && write(fd, data, size) == (ssize_t)size);
	snprintf(path, sizeof(path), "/proc/self/fd/%d", fd);
	setenv("OS_CLIENT_CONFIG_FILE", path, 1);
	r = dr_cloud_conf_load("doctor", &c, &error);
	FUZZ_CHECK(r == 0 || r == -EINVAL || r == -ENOENT);
	FUZZ_CHECK(!r == !error);
	FUZZ_CHECK(r || (c.auth_url && !strncmp(c.auth_url, "http", 4) && c.interface));
	FUZZ_CHECK(r || c.user_id || c.username || c.application_credential_id);
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
	static void (*const readers[])(struct dr_conf * f) = { read_inspector, read_consumer, read_monitor };
	DR_AUTO(dr_conf_freep) struct dr_conf *f = NULL;

	if (!size)
		return 0;
	if (data[0] % 4 == 3) {
		read_clouds(data + 1, size - 1);
		return 0;
	}
	FUZZ_CHECK(!dr_conf_parse("fuzz", (const char *)data + 1, size - 1, &f));
	readers[data[0] % 4](f);
	check_texts(f);
	return 0;
}
