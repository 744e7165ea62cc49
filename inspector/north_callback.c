// SPDX-License-Identifier: Apache-2.0
#include <arpa/inet.h>
#include <string.h>
#include <strings.h>

#include "doctor/buf.h"
#include "inspector/north_callback.h"

static const char name_chars[] = "ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz0123456789-._";

static bool is_name(const char *text)
{
	return *text && !text[strspn(text, name_chars)];
}

/* The family of an address, its bytes in ret; 0: it is none. */
static int read_address(const char *text, unsigned char ret[16])
{
	if (inet_pton(AF_INET, text, ret) == 1)
		return AF_INET;
	return inet_pton(AF_INET6, text, ret) == 1 ? AF_INET6 : 0;
}

/* ---------------------------------------------------------------- rules */

int ins_callback_rule_parse(const char *text, struct ins_callback_rule *ret)
{
	struct ins_callback_rule rule = {};
	char address[INS_CALLBACK_HOST_MAX], *slash, *end;
	unsigned long bits;

	if (dr_strcpy(address, sizeof(address), text))
		return -EINVAL;
	slash = strchr(address, '/');
	if (slash)
		*slash = '\0';
	rule.family = read_address(address, rule.address);
	rule.bits = rule.family == AF_INET ? 32 : 128;
	if (!rule.family && (slash || !is_name(address) || !address[strspn(address, ".")]))
		return -EINVAL;
	if (slash) {
		bits = strtoul(slash + 1, &end, 10);
		if (slash[1] < '0' || slash[1] > '9' || *end || bits > rule.bits)
			return -EINVAL;
		rule.bits = (unsigned)bits;
	}
	if (!rule.family)
		memcpy(rule.host, address, sizeof(rule.host));
	*ret = rule;
	return 0;
}

static bool in_network(const struct ins_callback_rule *rule, const unsigned char address[16])
{
	unsigned whole = rule->bits / 8, rest = rule->bits % 8;

	if (memcmp(rule->address, address, whole))
		return false;
	return !rest || !((rule->address[whole] ^ address[whole]) >> (8 - rest));
}

static bool fits(const struct ins_callback_rule *rule, const char *host)
{
	unsigned char address[16] = {};
	int family = read_address(host, address);
	size_t len = strlen(host), rule_len = strlen(rule->host);

	if (rule->family || family)
		return family == rule->family && in_network(rule, address);
	if (rule->host[0] != '.')
		return !strcasecmp(host, rule->host);
	return len > rule_len && !strcasecmp(host + len - rule_len, rule->host);
}

static bool allowed(const struct ins_callback_rules *rules, const char *host)
{
	for (size_t i = 0; i < rules->count; i++)
		if (fits(&rules->items[i], host))
			return true;
	return !rules->count;
}

/* ---------------------------------------------------------------- URLs */

static bool is_port(const char *text)
{
	size_t digits = strspn(text, "0123456789");
	unsigned long n = strtoul(text, NULL, 10);

	return digits && digits <= 5 && !text[digits] && n >= 1 && n <= 65535;
}

/* "host", "host:port", "[v6]", "[v6]:port": cuts it down to the host, without brackets. */
static const char *read_host(char *authority)
{
	bool bracket = authority[0] == '[';
	char *host = authority + bracket, *end = host + strcspn(host, bracket ? "]" : ":");
	unsigned char address[16];
	char *port = end + bracket;

	if (bracket && *end != ']')
		return NULL;
	if (*port && (*port != ':' || !is_port(port + 1)))
		return NULL;
	*end = '\0';
	if (bracket ? inet_pton(AF_INET6, host, address) == 1 : is_name(host))
		return host;
	return NULL;
}

const char *ins_callback_check(const char *url, const struct ins_callback_rules *rules)
{
	size_t scheme = !strncmp(url, "http://", 7) ? 7 : !strncmp(url, "https://", 8) ? 8 : 0;
	char authority[INS_CALLBACK_HOST_MAX + 16];
	const char *host;
	size_t len;

	if (!scheme)
		return "is no http:// or https:// URL";
	len = strcspn(url + scheme, "/?#");
	for (const char *c = url; *c; c++)
		if (*c <= ' ' || *c >= 0x7f || strchr("\"<>\\^`{|}#", *c))
			return "has a character that a URL must not have, or a fragment";
	if (len >= sizeof(authority))
		return "has a host that is too long";
	memcpy(authority, url + scheme, len);
	authority[len] = '\0';
	if (strchr(authority, '@'))
		return "has a user name in it: messages are signed with the secret instead";
	host = read_host(authority);
	if (!host)
		return "has no good host and port";
	return allowed(rules, host) ? NULL : "leads to a host that northbound.callbacks does not allow";
}
