/* SPDX-License-Identifier: Apache-2.0 */
/* What is to be said of a good configuration. */
#include <string.h>

#include "doctor/buf.h"
#include "user/config.h"

int mon_config_slow_target(const struct mon_config *c, size_t after)
{
	for (size_t i = after; i < c->target_count; i++) {
		const struct mon_target *t = &c->targets[i];
		if (t->detect.ns > t->interval.ns * t->multiplier)
			return (int)i;
	}
	return -1;
}

int mon_config_lonely_interface(const struct mon_config *c, size_t after)
{
	size_t targets[MON_INTERFACES_MAX] = { 0 }, judged[MON_INTERFACES_MAX] = { 0 };

	for (size_t i = 0; i < c->target_count; i++) {
		targets[c->targets[i].interface]++;
		judged[c->targets[i].interface] += !c->targets[i].canary;
	}
	for (size_t i = after; i < c->interface_count; i++) {
		bool more = c->discover.nova && !strcmp(c->interfaces[i].name, c->discover.interface);
		if (targets[i] == 1 && judged[i] == 1 && !more)
			return (int)i;
	}
	return -1;
}

/* ---------------------------------------------------------------- what a reload leaves as it was */

static bool same_text(const char *a, const char *b)
{
	return a && b ? strcmp(a, b) == 0 : a == b;
}

static bool same_inspectors(const struct mon_config *a, const struct mon_config *b)
{
	if (a->inspector_count != b->inspector_count)
		return false;
	for (size_t i = 0; i < a->inspector_count; i++) {
		const struct mon_inspector *x = &a->inspectors[i], *y = &b->inspectors[i];
		if (x->dialect != y->dialect || !same_text(x->url, y->url) ||
		    !same_text(x->token_file, y->token_file) || !same_text(x->ca_file, y->ca_file) ||
		    !same_text(x->cert_file, y->cert_file) || !same_text(x->key_file, y->key_file))
			return false;
	}
	return true;
}

static bool same_metrics(const struct mon_config *a, const struct mon_config *b)
{
	if (!a->metrics_on || !b->metrics_on)
		return a->metrics_on == b->metrics_on;
	return a->metrics.port == b->metrics.port && strcmp(a->metrics.address, b->metrics.address) == 0;
}

bool mon_config_needs_restart(const struct mon_config *old, const struct mon_config *fresh)
{
	return strcmp(old->name, fresh->name) || strcmp(old->host, fresh->host) ||
	       strcmp(old->pin_root, fresh->pin_root) || strcmp(old->user, fresh->user) ||
	       old->attach != fresh->attach || old->egress != fresh->egress ||
	       old->realtime_priority != fresh->realtime_priority ||
	       old->all_inspectors != fresh->all_inspectors || old->queue_max != fresh->queue_max ||
	       !same_inspectors(old, fresh) || !same_metrics(old, fresh) ||
	       !same_text(old->socket, fresh->socket);
}

/* ---------------------------------------------------------------- secrets */

static bool is_local(const char *host)
{
	/* an IPv6 address stands in brackets, and has the colons itself */
	size_t len = *host == '[' ? strcspn(host, "]") + 1 : strcspn(host, ":/?#");

	return (len == strlen("localhost") && strncmp(host, "localhost", len) == 0) ||
	       (len == strlen("[::1]") && strncmp(host, "[::1]", len) == 0) ||
	       (strncmp(host, "127.", 4) == 0 && strspn(host, "0123456789.") == len);
}

int mon_config_plain_secret(const struct mon_config *c, size_t after)
{
	static const char http[] = "http://";
	char shown[MON_URL_STR_MAX];

	for (size_t i = after; i < c->inspector_count; i++) {
		const struct mon_inspector *x = &c->inspectors[i];
		if (strncmp(x->url, http, strlen(http)) != 0 ||
		    is_local(mon_url_format(x->url, shown) + strlen(http)))
			continue;
		if (x->token_file || strncmp(x->url, shown, sizeof(shown) - 1) != 0)
			return (int)i;
	}
	return -1;
}

/* ---------------------------------------------------------------- in a line */

static void put_count(struct dr_buf *b, const char *before, size_t n, const char *what)
{
	dr_buf_printf(b, "%s%zu %s%s", before, n, what, n == 1 ? "" : "s");
}

char *mon_config_summary(const struct mon_config *c)
{
	DR_AUTO_BUF struct dr_buf b = { 0 };
	size_t interfaces = 0;

	for (size_t i = 0; i < c->interface_count; i++)
		interfaces += c->interfaces[i].name[0] != '\0';
	put_count(&b, "", c->target_count, "target");
	put_count(&b, " on ", interfaces, "interface");
	if (c->link_count)
		put_count(&b, ", ", c->link_count, "link");
	if (c->discover.nova)
		dr_buf_puts(&b, ", and what Nova knows");
	return b.error ? NULL : DR_TAKE_PTR(b.data);
}
