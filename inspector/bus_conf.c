// SPDX-License-Identifier: Apache-2.0
#include <string.h>

#include "doctor/buf.h"
#include "inspector/bus_conf.h"

#define HOSTS_MAX 16

void ins_bus_conf_done(struct ins_bus_conf *c)
{
	free(c->hosts);
	free(c->vhost);
	free(c->user);
	if (c->password)
		explicit_bzero(c->password, strlen(c->password));
	free(c->password);
	free(c->password_file);
	free(c->ca_file);
	free(c->exchange);
	for (size_t i = 0; i < c->topic_count; i++)
		free(c->topics[i]);
	*c = (struct ins_bus_conf){};
}

/* "name", "name:port", "[address]:port", "address". -EINVAL. */
static int parse_host(const char *text, uint16_t port, struct dr_amqp_host *ret)
{
	bool bracket = text[0] == '[';
	const char *begin = text + bracket, *end = strchr(text, bracket ? ']' : ':'), *rest;
	unsigned long n = port;
	char *stop;

	if (bracket && !end)
		return -EINVAL;
	if (!bracket && end && strchr(end + 1, ':')) /* an address of IPv6 */
		end = NULL;
	if (!end)
		end = begin + strlen(begin);
	rest = end + bracket;
	if (*rest) {
		if (rest[0] != ':' || rest[1] < '0' || rest[1] > '9')
			return -EINVAL;
		n = strtoul(rest + 1, &stop, 10);
		if (*stop)
			return -EINVAL;
	}
	if (!n || n > UINT16_MAX || end == begin || (size_t)(end - begin) >= sizeof(ret->name))
		return -EINVAL;
	*ret = (struct dr_amqp_host){ .port = (uint16_t)n };
	memcpy(ret->name, begin, (size_t)(end - begin));
	return strpbrk(ret->name, "[]/@ ") ? -EINVAL : 0;
}

static int read_hosts(struct dr_conf *f, struct dr_conf_node *bus, struct ins_bus_conf *c)
{
	struct dr_conf_node *list = dr_conf_list(f, bus, "hosts");
	size_t count = dr_conf_count(list);

	if (count > HOSTS_MAX) {
		dr_conf_error(f, list, "has more than %d hosts", HOSTS_MAX);
		return 0;
	}
	if (!count)
		return 0;
	c->hosts = calloc(count, sizeof(*c->hosts));
	if (!c->hosts)
		return -ENOMEM;
	for (; c->host_count < count; c->host_count++) {
		struct dr_conf_node *item = dr_conf_item(list, c->host_count);
		const char *text = dr_conf_scalar(item);

		if (!text ||
		    parse_host(text, c->tls ? DR_AMQP_TLS_PORT : DR_AMQP_PORT, &c->hosts[c->host_count]))
			dr_conf_error(f, item,
				      "\"%s\" is no host such as rabbit-1, rabbit-1:5672 or [::1]:5672",
				      text ? text : "");
	}
	return 0;
}

static int read_topics(struct dr_conf *f, struct dr_conf_node *bus, struct ins_bus_conf *c)
{
	struct dr_conf_node *list = dr_conf_list(f, bus, "topics");
	size_t count = list ? dr_conf_count(list) : 1;

	if (!count || count > INS_TOPICS_MAX) {
		dr_conf_error(f, list, "has %zu topics; it takes 1 to %d", count, INS_TOPICS_MAX);
		return 0;
	}
	for (size_t i = 0; i < count; i++) {
		const char *text = list ? dr_conf_scalar(dr_conf_item(list, i)) : "notifications";

		if (!text || !text[0] || strlen(text) > 100 || strpbrk(text, "*# ")) {
			dr_conf_error(f, dr_conf_item(list, i), "is no topic such as notifications");
			continue;
		}
		c->topics[c->topic_count] = strdup(text);
		if (!c->topics[c->topic_count])
			return -ENOMEM;
		c->topic_count++;
	}
	return 0;
}

static int read_text(struct dr_conf *f, struct dr_conf_node *bus, const char *key, const char *fallback,
		     char **ret)
{
	const char *text;

	dr_conf_str(f, bus, key, fallback, &text);
	if (!text)
		return 0;
	*ret = strdup(text);
	return *ret ? 0 : -ENOMEM;
}

/* What does not go together. */
static void check(struct dr_conf *f, struct dr_conf_node *bus, const struct ins_bus_conf *c)
{
	if (!c->host_count) {
		if (c->shortcut != INS_SHORTCUT_OFF)
			dr_conf_error(f, dr_conf_get(f, bus, "shortcut"), "needs hosts to send it to");
		return;
	}
	if (!c->user)
		dr_conf_error(f, bus, "has hosts and no user");
	if (!c->password && !c->password_file)
		dr_conf_error(f, bus, "has hosts and no password_file");
	if (c->password && c->password_file)
		dr_conf_error(f, dr_conf_get(f, bus, "password"), "and password_file are both given");
	if (c->ca_file && !c->tls)
		dr_conf_error(f, dr_conf_get(f, bus, "ca_file"), "is for tls: true");
}

int ins_bus_conf_read(struct dr_conf *f, struct dr_conf_node *root, struct ins_bus_conf *ret)
{
	static const char *const shortcuts[] = { "off", "before", "beside", NULL };
	DR_AUTO(ins_bus_conf_done) struct ins_bus_conf c = {};
	struct dr_conf_node *bus = dr_conf_map(f, root, "bus");
	int shortcut, r;

	dr_conf_bool(f, bus, "tls", false, &c.tls);
	dr_conf_bool(f, bus, "durable", false, &c.durable);
	dr_conf_bool(f, bus, "listen", true, &c.listen);
	dr_conf_enum(f, bus, "shortcut", shortcuts, INS_SHORTCUT_OFF, &shortcut);
	c.shortcut = (enum ins_shortcut)shortcut;
	dr_conf_dur(f, bus, "timeout", dr_msec(10), dr_sec(3600), dr_sec(5), &c.timeout);
	if ((r = read_hosts(f, bus, &c)) || (r = read_topics(f, bus, &c)) ||
	    (r = read_text(f, bus, "vhost", "/", &c.vhost)) ||
	    (r = read_text(f, bus, "user", NULL, &c.user)) ||
	    (r = read_text(f, bus, "password", NULL, &c.password)) ||
	    (r = read_text(f, bus, "password_file", NULL, &c.password_file)) ||
	    (r = read_text(f, bus, "ca_file", NULL, &c.ca_file)) ||
	    (r = read_text(f, bus, "exchange", "nova", &c.exchange)))
		return r;
	check(f, bus, &c);
	dr_conf_check_keys(f, bus);
	*ret = c;
	c = (struct ins_bus_conf){};
	return 0;
}
