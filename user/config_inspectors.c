/* SPDX-License-Identifier: Apache-2.0 */
/* Where events go: inspectors, delivery, queue. */
#include <limits.h>
#include <string.h>

#include "user/config_read.h"

#define URL_STANDARD "http://127.0.0.1:12345/events"
#define QUEUE_MIN 16
#define QUEUE_MAX 65536

char *mon_url_format(const char *url, char buf[MON_URL_STR_MAX])
{
	const char *start = strstr(url, "://");
	const char *host = start ? start + 3 : url;
	const char *end = host + strcspn(host, "/?#"), *at = memrchr(host, '@', (size_t)(end - host));

	snprintf(buf, MON_URL_STR_MAX, "%.*s%s", (int)(host - url), url, at ? at + 1 : host);
	return buf;
}

static bool is_https(const char *url)
{
	return strncmp(url, "https://", 8) == 0;
}

/* Of "name:port" or "[address]:port" and what follows: is the port one, if there is any? */
static bool is_port(const char *host)
{
	const char *end = host + strcspn(host, "/?#");
	const char *colon = memrchr(host, ':', (size_t)(end - host));
	size_t digits = colon ? strspn(colon + 1, "0123456789") : 0;

	if (*host == '[' && !memchr(host, ']', (size_t)(end - host)))
		return false;
	if (!colon || (*host == '[' && memchr(colon, ']', (size_t)(end - colon))))
		return true;
	return digits > 0 && digits <= 5 && colon + 1 + digits == end &&
	       strtoul(colon + 1, NULL, 10) <= UINT16_MAX;
}

static bool is_url(const char *text)
{
	const char *host = is_https(text) ? text + 8 : strncmp(text, "http://", 7) ? "" : text + 7;
	const char *at = memrchr(host, '@', strcspn(host, "/?#"));

	host = at ? at + 1 : host;
	if (!*host || strchr("/?#:", *host) || !is_port(host))
		return false;
	for (const char *p = text; *p; p++) {
		if ((unsigned char)*p <= ' ' || *p == 0x7f)
			return false;
	}
	return true;
}

static int read_tls(struct mon_reader *r, struct dr_conf_node *map, struct mon_inspector *i)
{
	struct dr_conf_node *tls = dr_conf_map(r->conf, map, "tls");
	char shown[MON_URL_STR_MAX];
	int err;

	if ((err = mon_read_path(r, tls, "ca", NULL, PATH_MAX - 1, &i->ca_file)) ||
	    (err = mon_read_path(r, tls, "cert", NULL, PATH_MAX - 1, &i->cert_file)) ||
	    (err = mon_read_path(r, tls, "key", NULL, PATH_MAX - 1, &i->key_file)))
		return err;
	dr_conf_check_keys(r->conf, tls);
	if (!i->cert_file != !i->key_file)
		dr_conf_error(r->conf, tls, "has \"%s\" without \"%s\"", i->cert_file ? "cert" : "key",
			      i->cert_file ? "key" : "cert");
	if (tls && !is_https(i->url))
		dr_conf_error(r->conf, tls, "is for https, but the URL is %s", mon_url_format(i->url, shown));
	return 0;
}

/* standard: the URL where none is given, or DR_CONF_REQUIRED */
static int read_inspector(struct mon_reader *r, struct dr_conf_node *map, const char *standard)
{
	static const char *const dialects[] = { "doctor", "congress", "vitrage", NULL };
	struct mon_config *c = r->c;
	char shown[MON_URL_STR_MAX];
	const char *url;
	int dialect;

	if (map && !dr_conf_is_map(map)) {
		dr_conf_error(r->conf, map, "is not an inspector: \"url\" is expected");
		return 0;
	}
	dr_conf_enum(r->conf, map, "dialect", dialects, MON_DOCTOR, &dialect);
	dr_conf_str(r->conf, map, "url", dialect == MON_DOCTOR ? standard : DR_CONF_REQUIRED, &url);
	if (!url)
		url = URL_STANDARD; /* an error is in the list */
	if (!is_url(url))
		dr_conf_error(r->conf, dr_conf_get(r->conf, map, "url"),
			      "\"%s\" is not a URL, as in " URL_STANDARD, mon_url_format(url, shown));
	for (size_t i = 0; i < c->inspector_count; i++) {
		if (strcmp(c->inspectors[i].url, url) == 0 && dr_conf_get(r->conf, map, "url"))
			dr_conf_error(r->conf, dr_conf_get(r->conf, map, "url"),
				      "%s is told twice (by inspectors[%zu] too)", mon_url_format(url, shown),
				      i);
	}

	struct mon_inspector *i = &c->inspectors[c->inspector_count];
	i->dialect = (enum mon_dialect)dialect;
	i->url = strdup(url);
	if (!i->url)
		return -ENOMEM;
	c->inspector_count++;
	int err = mon_read_path(r, map, "token_file", NULL, PATH_MAX - 1, &i->token_file);
	if (err == 0)
		err = read_tls(r, map, i);
	dr_conf_check_keys(r->conf, map);
	return err;
}

static int read_list(struct mon_reader *r, struct dr_conf_node *list)
{
	size_t n = dr_conf_count(list);
	int err = 0;

	if (n == 0)
		dr_conf_error(r->conf, list,
			      "names no inspector; without it the one at " URL_STANDARD " is told");
	else if (n > MON_INSPECTORS_MAX)
		dr_conf_error(r->conf, list, "%zu inspectors, more than %d", n, MON_INSPECTORS_MAX);
	for (size_t i = 0; err == 0 && i < DR_MIN(n, (size_t)MON_INSPECTORS_MAX); i++)
		err = read_inspector(r, dr_conf_item(list, i), DR_CONF_REQUIRED);
	return err;
}

int mon_read_inspectors(struct mon_reader *r, struct dr_conf_node *root)
{
	static const char *const deliveries[] = { "all", "first", NULL };
	struct dr_conf_node *many = dr_conf_list(r->conf, root, "inspectors");
	struct dr_conf_node *one = dr_conf_map(r->conf, root, "inspector");
	int64_t queue;
	int delivery;

	dr_conf_enum(r->conf, root, "delivery", deliveries, 0, &delivery);
	r->c->all_inspectors = delivery == 0;
	dr_conf_int(r->conf, root, "queue", QUEUE_MIN, QUEUE_MAX, 0, &queue);
	r->c->queue_max = (size_t)queue;
	if (!many)
		return read_inspector(r, one, URL_STANDARD);
	if (one)
		dr_conf_error(r->conf, one, "is the short form of \"inspectors\", which is given too");
	return read_list(r, many);
}
