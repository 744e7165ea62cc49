/* SPDX-License-Identifier: Apache-2.0 */
/* Checks of the cloud: what its API lets us do, and the settings without which no owner is told. Pure. */
#include "tools/ctl/check.h"

#include <fnmatch.h>
#include <string.h>

#include "doctor/cloud/nova.h"

/* ---------------------------------------------------------------- by its API */

void check_credentials(const struct check_facts *f, struct check_report *r)
{
	const struct check_cloud *c = &f->cloud;

	if (!c->there)
		return;
	if (c->missing && !c->named && c->denied)
		check_bad(r, CHECK_DEGRADED, NULL,
			  "run this as root: only who may read " CHECK_INSPECTOR_ENVIRONMENT
			  " knows what the inspector has",
			  "they cannot be looked at: %s", c->missing);
	else if (c->missing && !c->named)
		check_bad(r, CHECK_DEGRADED, NULL,
			  "run this with the inspector's OS_* variables, or name an entry of clouds.yaml by "
			  "--cloud",
			  "they cannot be looked at: %s", c->missing);
	else if (c->missing)
		check_bad(
			r, CHECK_BROKEN, NULL,
			"look at cloud: of the inspector's configuration, and clouds.yaml that its unit sees",
			"%s", c->missing);
	else if (c->login.error == -EACCES)
		check_bad(r, CHECK_BROKEN, NULL,
			  "openstack --os-cloud NAME token issue must work: look at user, password, project "
			  "and domains",
			  "Keystone refuses the login: %s", c->login.reason);
	else if (c->login.error)
		check_bad(r, CHECK_BROKEN, NULL, "is auth_url right, and does the way to it let us pass?",
			  "Keystone cannot be asked: %s",
			  *c->login.reason ? c->login.reason : strerror(-c->login.error));
	else
		check_ok(r, NULL, "Keystone gives a token for them");
}

/* What became of a question, where it is not the login that failed. False: it was told. */
static bool is_good(const struct check_answer *a, const char *whom, const char *refused,
		    struct check_report *r)
{
	if (a->error == -ENOENT)
		check_bad(r, CHECK_BROKEN, NULL,
			  "openstack catalog list: look at region_name and interface of the credentials",
			  "%s is not in the catalogue: %s", whom, a->reason);
	else if (a->error)
		check_bad(r, CHECK_BROKEN, NULL, "is its endpoint right, and does the way to it let us pass?",
			  "%s cannot be asked: %s", whom, *a->reason ? a->reason : strerror(-a->error));
	else if (a->status == 403)
		check_bad(r, CHECK_BROKEN, NULL, refused, "%s refuses it to this account: %s", whom,
			  a->reason);
	else if (a->status / 100 != 2)
		check_bad(r, CHECK_BROKEN, NULL, "its log has more; our requests are by doctorctl",
			  "%s answers with status %u: %s", whom, a->status, a->reason);
	else
		return true;
	return false;
}

void check_compute_api(const struct check_facts *f, struct check_report *r)
{
	const struct check_answer *a = &f->cloud.version;
	struct dr_nova_api api;
	int err;

	if (!a->asked || !is_good(a, "Nova", "give the account a role in this project", r))
		return;
	err = dr_nova_version_parse(a->json, &api);
	if (err == -ENOTSUP)
		check_bad(r, CHECK_BROKEN, NULL, "Nova must be Liberty (2.11) or later",
			  "its API cannot force a host down");
	else if (err)
		check_bad(r, CHECK_BROKEN, NULL, "look at the compute endpoint of the catalogue",
			  "what answers there is no Nova");
	else
		check_ok(r, NULL, "Nova answers, and 2.%u is used", api.use);
}

/* Who may list services may force one down: both are an administrator's (nova/policies/services.py). */
void check_force_down(const struct check_facts *f, struct check_report *r)
{
	static const char remedy[] =
		"give the account the role admin (openstack role add), or the policies "
		"os_compute_api:os-services and os_compute_api:os-admin-actions:reset_state";
	const struct check_answer *a = &f->cloud.services;

	if (!a->asked || !is_good(a, "Nova", remedy, r))
		return;
	if (dr_json_size(dr_json_get(a->json, "services")) == 0)
		check_bad(r, CHECK_BROKEN, NULL, "openstack compute service list: is this the right region?",
			  "Nova has no nova-compute");
	else
		check_ok(r, NULL,
			 "this account may see services, %zu of nova-compute, and so force them down",
			 dr_json_size(dr_json_get(a->json, "services")));
}

void check_alarming(const struct check_facts *f, struct check_report *r)
{
	const struct check_answer *a = &f->cloud.alarms;

	if (a->asked && is_good(a, "Aodh", "give the account a role in this project", r))
		check_ok(r, NULL, "Aodh answers");
}

/* ---------------------------------------------------------------- by its files */

/* False: it is not here, or was told to be bad. */
static bool is_readable(const struct check_file *file, struct check_report *r)
{
	if (!file->there)
		return false;
	if (!file->errors)
		return true;
	if (file->denied)
		check_bad(r, CHECK_DEGRADED, NULL, "run doctorctl check as root, or name a copy of it", "%s",
			  file->errors);
	else
		check_bad(r, CHECK_BROKEN, NULL, "mend it, or name another file", "%s", file->errors);
	return false;
}

void check_nova_state_change(const struct check_facts *f, struct check_report *r)
{
	const struct check_settings *s = &f->settings;
	const char *value = ini_get(&s->nova, "notifications", "notify_on_state_change");

	if (!is_readable(&s->nova_file, r))
		return;
	if (!value)
		value = ini_get(&s->nova, "DEFAULT", "notify_on_state_change"); /* before Pike */
	if (value && (strcmp(value, "vm_state") == 0 || strcmp(value, "vm_and_task_state") == 0))
		check_ok(r, NULL, "%s", value);
	else
		check_bad(r, CHECK_BROKEN, NULL,
			  "[notifications] notify_on_state_change = vm_state in nova.conf of API and "
			  "computes, and "
			  "restart them",
			  "it is %s, so that nobody is told of a server that is set to error",
			  value ? value : "not set");
}

/* oslo.messaging's MultiStrOpt: all that are there count. */
static bool has_driver(const struct ini *i, const char *section, const char *key, const char **ret_other)
{
	const char *value;

	for (size_t n = 0; (value = ini_get_nth(i, section, key, n)); n++) {
		if (strcmp(value, "messagingv2") == 0 || strcmp(value, "messaging") == 0)
			return true;
		*ret_other = value;
	}
	return false;
}

void check_nova_driver(const struct check_facts *f, struct check_report *r)
{
	const struct check_settings *s = &f->settings;
	const char *other = NULL;

	if (!s->nova_file.there || s->nova_file.errors)
		return; /* said above */
	if (has_driver(&s->nova, "oslo_messaging_notifications", "driver", &other) ||
	    has_driver(&s->nova, "DEFAULT", "notification_driver", &other))
		check_ok(r, NULL, "Nova's notifications go to the message bus");
	else
		check_bad(r, CHECK_BROKEN, NULL,
			  "[oslo_messaging_notifications] driver = messagingv2 in nova.conf of API and "
			  "computes, and "
			  "restart them",
			  "[oslo_messaging_notifications] driver is %s, so that Nova notifies nobody",
			  other ? other : "not set");
}

void check_nova_format(const struct check_facts *f, struct check_report *r)
{
	const struct check_settings *s = &f->settings;
	const char *value = ini_get(&s->nova, "notifications", "notification_format");

	if (!s->nova_file.there || s->nova_file.errors)
		return;
	if (value && strcmp(value, "versioned") == 0)
		check_bad(r, CHECK_BROKEN, NULL, "[notifications] notification_format = unversioned, or both",
			  "Nova sends versioned notifications only, which Ceilometer does not understand");
	else
		check_ok(r, NULL, "%s", value ? value : "unversioned");
}

/* Of a list of the pipeline's, each item's member key: is there one whose texts fit? */
static bool any_texts(const struct dr_conf *conf, const char *list, const char *key,
		      bool (*fit)(struct dr_conf_node *texts))
{
	struct dr_conf *c = (struct dr_conf *)conf; /* looking marks what was looked at */
	struct dr_conf_node *items = dr_conf_get(c, dr_conf_root(c), list);

	for (size_t i = 0; i < dr_conf_count(items); i++) {
		struct dr_conf_node *item = dr_conf_item(items, i);
		struct dr_conf_node *texts = dr_conf_is_map(item) ? dr_conf_get(c, item, key) : NULL;
		if (!dr_conf_is_map(texts) && fit(texts))
			return true;
	}
	return false;
}

/* "notifier://?topic=alarm.all", and more parameters in any order */
static bool is_publisher(const char *text)
{
	const char *topic = strstr(text, "topic=alarm.all");

	return strncmp(text, "notifier://", 11) == 0 && topic && strchr("?&", topic[-1]) &&
	       (topic[15] == '\0' || topic[15] == '&');
}

static bool any_publisher(struct dr_conf_node *texts)
{
	for (size_t n = 0; n < dr_conf_count(texts); n++) {
		const char *text = dr_conf_scalar(dr_conf_item(texts, n));
		if (text && is_publisher(text))
			return true;
	}
	return false;
}

void check_publisher(const struct check_facts *f, struct check_report *r)
{
	static const char remedy[] =
		"- notifier://?topic=alarm.all among publishers: of event_pipeline.yaml, and "
		"restart ceilometer-agent-notification";
	const struct check_settings *s = &f->settings;

	if (!s->pipeline_file.there && s->ceilometer)
		check_bad(r, CHECK_BROKEN, NULL, remedy,
			  "there is no %s, and Ceilometer's own pipeline does not publish to alarm.all",
			  s->pipeline_file.path);
	if (!is_readable(&s->pipeline_file, r))
		return;
	if (any_texts(s->pipeline, "sinks", "publishers", any_publisher))
		check_ok(r, NULL, "events are published to alarm.all");
	else
		check_bad(r, CHECK_BROKEN, NULL, remedy,
			  "no sink publishes to alarm.all, which is where Aodh hears");
}

/* As ceilometer.agent.Source: what one with "!" fits stays out; else what another fits, or all if there is
 * none. */
static bool let_updates_in(struct dr_conf_node *patterns)
{
	static const char type[] = "compute.instance.update";
	bool in = false, others = false;

	for (size_t n = 0; n < dr_conf_count(patterns); n++) {
		const char *pattern = dr_conf_scalar(dr_conf_item(patterns, n));
		if (pattern && *pattern == '!' && fnmatch(pattern + 1, type, 0) == 0)
			return false;
		if (!pattern || *pattern == '!')
			continue;
		others = true;
		in = in || fnmatch(pattern, type, 0) == 0;
	}
	return in || (!others && dr_conf_count(patterns) > 0);
}

void check_event_source(const struct check_facts *f, struct check_report *r)
{
	const struct check_settings *s = &f->settings;

	if (!s->pipeline_file.there || s->pipeline_file.errors)
		return;
	if (any_texts(s->pipeline, "sources", "events", let_updates_in))
		check_ok(r, NULL, "compute.instance.update is let in");
	else
		check_bad(r, CHECK_BROKEN, NULL,
			  "events: [\"compute.*\"], or \"*\", for a source of event_pipeline.yaml",
			  "no source of the event pipeline lets compute.instance.update in");
}

void check_aodh_cache(const struct check_facts *f, struct check_report *r)
{
	const struct check_settings *s = &f->settings;
	const char *value = ini_get(&s->aodh, "DEFAULT", "event_alarm_cache_ttl");

	if (!is_readable(&s->aodh_file, r))
		return;
	if (value && strcmp(value, "0") == 0)
		check_ok(r, NULL, "0: alarms count from when they are made");
	else
		check_bad(r, CHECK_DEGRADED, NULL,
			  "[DEFAULT] event_alarm_cache_ttl = 0 in aodh.conf, and restart aodh-listener; or "
			  "wait so long after an alarm was made",
			  "an alarm that was just made, or set back, is not seen for up to %s s",
			  value ? value : "60");
}
