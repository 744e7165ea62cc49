/* SPDX-License-Identifier: Apache-2.0 */
/* Checks of the inspector. Pure. */
#include "tools/ctl/check.h"

#include <string.h>

#include "tools/ctl/table.h"

/* What it says of its health; NULL: nothing. It is told with 503, too. */
static const struct dr_json *health_of(const struct check_facts *f)
{
	const struct check_answer *a = &f->inspector.health;

	return !a->error && dr_json_get_str(a->json, "status") ? a->json : NULL;
}

void check_inspector_file(const struct check_facts *f, struct check_report *r)
{
	const struct check_file *file = &f->inspector.file;

	if (file->denied)
		check_bad(r, CHECK_DEGRADED, NULL, "run doctorctl check as root", "%s", file->errors);
	else if (file->errors)
		check_bad(r, CHECK_BROKEN, NULL,
			  "mend it as it says; doctor-inspector does not start with it", "%s", file->errors);
	else if (file->there)
		check_ok(r, NULL, "%s is good", file->path);
}

/* By what runs, else by its configuration: the hosts are those that monitors tell of. */
static bool has_no_cloud(const struct check_facts *f)
{
	const struct dr_json *health = health_of(f);

	return health ? dr_json_get_bool(health, "no_cloud", false) : f->inspector.config.no_cloud;
}

/* What it says of it where it runs, else whether it could be. */
void check_inspector_journal(const struct check_facts *f, struct check_report *r)
{
	const struct check_inspector *i = &f->inspector;
	const struct dr_json *said = dr_json_get(health_of(f), "journal");

	if (dr_json_get_bool(said, "failing", false))
		check_bad(r, CHECK_BROKEN, NULL,
			  "free space where it is, and look at its owner and mode; it goes on by itself",
			  "it cannot be written, so that nothing is acknowledged or done: %s",
			  ctl_text_of(said, "reason"));
	else if (i->journal_trouble)
		check_bad(r, CHECK_BROKEN, NULL,
			  "make it a directory of the inspector's user, with room (the unit's "
			  "StateDirectory= does)",
			  "its directory is not good: %s", i->journal_trouble);
	else if ((i->has_config && !i->config.journal) || (said && !dr_json_get_bool(said, "kept", true)))
		check_bad(r, CHECK_DEGRADED, NULL, "give journal: a path",
			  "there is none: what it knows, and what it has to undo, ends with the process");
	else if (i->has_config || said)
		check_ok(r, NULL, "it can be written");
}

static void refused(const struct check_inspector *i, struct check_report *r)
{
	if (i->health.status == 401 || i->health.status == 403)
		check_bad(r, CHECK_DEGRADED, NULL,
			  "name a reader's or operator's token by --token-file (or --cert), so that more can "
			  "be "
			  "looked at",
			  "it runs at %s, and does not tell us how it is", i->url);
	else
		check_bad(r, CHECK_BROKEN, NULL, "name where it listens by --inspector",
			  "what answers at %s is no doctor-inspector (status %u)", i->url, i->health.status);
}

void check_inspector_running(const struct check_facts *f, struct check_report *r)
{
	const struct check_inspector *i = &f->inspector;

	if (i->credentials)
		check_bad(r, CHECK_DEGRADED, NULL, "mend what was named on the command line", "%s",
			  i->credentials);
	else if (i->health.error == -EPROTO && strncmp(i->url, "https://", 8) == 0)
		check_bad(r, CHECK_DEGRADED, NULL,
			  "name it by --inspector as its certificate does, who signed that by --ca, and a "
			  "certificate of ours by --cert if it wants one",
			  "somebody answers at %s, and TLS keeps us out: %s", i->url, i->health.reason);
	else if (i->health.error)
		check_bad(
			r, CHECK_BROKEN, NULL,
			"systemctl start doctor-inspector; why it ended, or what it waits for: journalctl -u "
			"doctor-inspector",
			"%s: %s", i->url, *i->health.reason ? i->health.reason : strerror(-i->health.error));
	else if (!health_of(f))
		refused(i, r);
	else
		check_ok(r, NULL, "it runs at %s", i->url);
}

void check_inspector_version(const struct check_facts *f, struct check_report *r)
{
	const char *version = dr_json_get_str(health_of(f), "version");

	if (!version)
		return;
	if (strcmp(version, DR_VERSION) == 0)
		check_ok(r, NULL, "%s", version);
	else
		check_bad(r, CHECK_DEGRADED, NULL, "systemctl restart doctor-inspector",
			  "%s runs, and %s is installed here", version, DR_VERSION);
}

/* It is degraded for its journal, which it says first, or its map. NULL: the map is good. */
static const char *map_trouble(const struct dr_json *health)
{
	bool degraded = strcmp(ctl_text_of(health, "status"), "degraded") == 0;
	bool journal = dr_json_get_bool(dr_json_get(health, "journal"), "failing", false);
	const char *problem = dr_json_str(dr_json_at(dr_json_get(health, "problems"), journal ? 1 : 0));

	/* one that does not say it is an older one */
	if (!dr_json_get_bool(health, "map_stale", degraded && !journal))
		return NULL;
	return problem ? problem : ctl_text_of(health, "reason");
}

void check_inspector_map(const struct check_facts *f, struct check_report *r)
{
	const struct dr_json *health = health_of(f);
	const char *trouble = map_trouble(health);
	char age[CTL_QUANTITY_MAX];

	if (!health)
		return;
	if (trouble)
		check_bad(r, CHECK_BROKEN, NULL,
			  "see cloud.credentials and cloud.compute; until then it acts by what it last read",
			  "what it knows of Nova is stale: %s", trouble);
	else if (has_no_cloud(f))
		check_ok(r, NULL, "%lld hosts that monitors tell of, as there is no cloud",
			 ctl_int_of(health, "hosts"));
	else if (ctl_int_of(health, "hosts") == 0)
		check_bad(r, CHECK_BROKEN, NULL,
			  "openstack compute service list: is this the right cloud and region?",
			  "Nova has no nova-compute, so that nothing can be marked down");
	else
		check_ok(r, NULL, "%lld hosts, %lld servers, read %s", ctl_int_of(health, "hosts"),
			 ctl_int_of(health, "servers"),
			 ctl_duration_of(health, "map_age_seconds", " ago", age));
}

void check_inspector_aggregates(const struct check_facts *f, struct check_report *r)
{
	const char *why = dr_json_get_str(health_of(f), "aggregates_unknown");

	if (why)
		check_bad(r, CHECK_DEGRADED, NULL,
			  "let its account list them (policy os_compute_api:os-aggregates:index); a brake "
			  "for each "
			  "aggregate needs it",
			  "it cannot read aggregates: %s", why);
	else if (health_of(f) && !has_no_cloud(f))
		check_ok(r, NULL, "it can read them");
}

void check_inspector_held(const struct check_facts *f, struct check_report *r)
{
	const struct dr_json *health = health_of(f);
	long long braked = ctl_int_of(health, "held_by_brake");

	if (!health)
		return;
	if (braked || strcmp(ctl_text_of(health, "status"), "holding") == 0)
		check_bad(
			r, CHECK_BROKEN, NULL,
			"doctorctl incidents list, doctorctl why HOST; are they really dead? Then: doctorctl "
			"incidents release ID",
			"%lld incidents are held, %lld of them by the brake, until a person decides",
			ctl_int_of(health, "incidents_held"), braked);
	else
		check_ok(r, NULL, "nothing waits for a person");
}

void check_inspector_dry_run(const struct check_facts *f, struct check_report *r)
{
	const struct dr_json *health = health_of(f);
	bool dry = health ? dr_json_get_bool(health, "dry_run", false) : f->inspector.config.dry_run;

	if (has_no_cloud(f))
		check_bad(r, CHECK_DEGRADED, NULL,
			  "give cloud: of its configuration a name in clouds.yaml, or leave it out and give "
			  "OS_* "
			  "to its unit, once the incidents are those that you want",
			  "there is no cloud (cloud: none), so that nobody is marked down or told");
	else if (dry)
		check_bad(r, CHECK_DEGRADED, NULL,
			  "dry_run: false in its configuration, and restart it, once the incidents are those "
			  "that you "
			  "want",
			  "it changes nothing in the cloud");
	else if (health || f->inspector.has_config)
		check_ok(r, NULL, "it acts");
}

void check_inspector_bus(const struct check_facts *f, struct check_report *r)
{
	const struct dr_json *bus = dr_json_get(health_of(f), "bus");
	const char *deaf = dr_json_get_str(bus, "listening_reason");

	if (!bus)
		return;
	if (!dr_json_get_bool(bus, "connected", false))
		check_bad(r, CHECK_BROKEN, NULL,
			  "look at bus: of its configuration, and rabbitmqctl list_connections on the broker",
			  "it is not connected to the message bus: %s", ctl_text_of(bus, "reason"));
	else if (deaf)
		check_bad(r, CHECK_DEGRADED, NULL,
			  "rabbitmqctl set_permissions, as docs/operations.md has them",
			  "it cannot hear Nova's notifications: %s", deaf);
	else
		check_ok(r, NULL, "it is connected to %s", ctl_text_of(bus, "host"));
}

void check_inspector_subscribers(const struct check_facts *f, struct check_report *r)
{
	const struct dr_json *list = dr_json_get(f->inspector.subscriptions.json, "subscriptions");
	bool found = false;

	for (const struct dr_json *s = dr_json_first(list); s; s = dr_json_next(s)) {
		const char *trouble = dr_json_get_str(s, "trouble");
		if (!trouble)
			continue;
		found = true;
		check_bad(r, CHECK_DEGRADED, ctl_text_of(s, "callback"),
			  "its owner must look at it, and filters let it pass; it is told again by itself",
			  "the subscriber does not take what it is told (%lld wait): %s",
			  ctl_int_of(s, "pending"), trouble);
	}
	if (dr_json_is_array(list) && !found)
		check_ok(r, NULL, "%zu, and each takes what it is told", dr_json_size(list));
}
