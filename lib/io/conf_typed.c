/* SPDX-License-Identifier: Apache-2.0 */
/* Typed members of configuration mappings. */
#include <inttypes.h>
#include <string.h>
#include <strings.h>

#include "doctor/buf.h"
#include "lib/io/conf_node.h"

bool dr_conf_str(struct dr_conf *c, struct dr_conf_node *map, const char *key, const char *fallback,
		 const char **ret)
{
	struct dr_conf_node *n = dr_conf_get(c, map, key);

	*ret = fallback == DR_CONF_REQUIRED ? NULL : fallback;
	if (!n) {
		if (fallback == DR_CONF_REQUIRED)
			dr_conf_error(c, map, "\"%s\" is missing", key);
		return false;
	}
	if (n->kind != SCALAR) {
		dr_conf_error(c, n, "is %s, but a single value is expected", dr_conf_kind_words(n));
		return false;
	}
	*ret = n->text;
	return true;
}

/* The text of a scalar member, with its node for complaints; NULL if absent (or no scalar: an error then). */
static const char *member(struct dr_conf *c, struct dr_conf_node *map, const char *key,
			  struct dr_conf_node **ret_node)
{
	const char *text;

	if (!dr_conf_str(c, map, key, NULL, &text))
		return NULL;
	*ret_node = dr_conf_get(c, map, key);
	return text;
}

int dr_conf_text(struct dr_conf *c, struct dr_conf_node *map, const char *key, char **ret)
{
	const char *text;

	if (!dr_conf_str(c, map, key, NULL, &text))
		return 0;
	if (!*text)
		dr_conf_error(c, dr_conf_get(c, map, key), "is empty");
	*ret = strdup(text);
	return *ret ? 0 : -ENOMEM;
}

int dr_conf_tls(struct dr_conf *c, struct dr_conf_node *root, char **ret_cert, char **ret_key,
		char **ret_client_ca)
{
	struct dr_conf_node *tls = dr_conf_map(c, root, "tls");
	int r;

	if ((r = dr_conf_text(c, tls, "cert", ret_cert)) || (r = dr_conf_text(c, tls, "key", ret_key)) ||
	    (r = dr_conf_text(c, tls, "client_ca", ret_client_ca)))
		return r;
	if (tls && !*ret_cert)
		dr_conf_error(c, tls, "\"cert\" is missing");
	if (tls && !*ret_key)
		dr_conf_error(c, tls, "\"key\" is missing");
	dr_conf_check_keys(c, tls);
	return 0;
}

bool dr_conf_bool(struct dr_conf *c, struct dr_conf_node *map, const char *key, bool fallback, bool *ret)
{
	static const char *const yes[] = { "true", "yes", "on" }, *const no[] = { "false", "no", "off" };
	struct dr_conf_node *n;
	const char *text = member(c, map, key, &n);

	*ret = fallback;
	for (size_t i = 0; text && i < DR_ARRAY_SIZE(yes); i++) {
		if (!strcasecmp(text, yes[i]) || !strcasecmp(text, no[i])) {
			*ret = !strcasecmp(text, yes[i]);
			return true;
		}
	}
	if (text)
		dr_conf_error(c, n, "\"%s\" is neither true nor false", text);
	return false;
}

bool dr_conf_int(struct dr_conf *c, struct dr_conf_node *map, const char *key, int64_t min, int64_t max,
		 int64_t fallback, int64_t *ret)
{
	struct dr_conf_node *n;
	const char *text = member(c, map, key, &n);
	char *end;

	*ret = fallback;
	if (!text)
		return false;
	errno = 0;
	long long v = strtoll(text, &end, 10);
	if (end == text || *end || strchr(" \t", *text)) {
		dr_conf_error(c, n, "\"%s\" is not a whole number (%" PRId64 " to %" PRId64 ")", text, min,
			      max);
		return false;
	}
	if (errno || v < min || v > max) {
		bool low = v < min;
		dr_conf_error(c, n, "%s is %s the %s of %" PRId64, text, low ? "below" : "above",
			      low ? "minimum" : "maximum", low ? min : max);
		return false;
	}
	*ret = v;
	return true;
}

bool dr_conf_dur(struct dr_conf *c, struct dr_conf_node *map, const char *key, struct dr_dur min,
		 struct dr_dur max, struct dr_dur fallback, struct dr_dur *ret)
{
	struct dr_conf_node *n;
	const char *text = member(c, map, key, &n);
	char limit[DR_TIME_STR_MAX];
	struct dr_dur d;

	*ret = fallback;
	if (!text)
		return false;
	int r = dr_dur_parse(text, &d);
	if (r == -EINVAL) {
		dr_conf_error(c, n,
			      "\"%s\" is not a duration: write a number with ns, us, ms, s, min or h, as in "
			      "\"10ms\"",
			      text);
		return false;
	}
	if (r == 0 && d.ns < min.ns) {
		dr_conf_error(c, n, "\"%s\" is below the minimum of %s", text, dr_dur_format(min, limit));
		return false;
	}
	if (r || d.ns > max.ns) {
		dr_conf_error(c, n, "\"%s\" is above the maximum of %s", text, dr_dur_format(max, limit));
		return false;
	}
	*ret = d;
	return true;
}

/* "12.5%" as 125; what is far too much stays so. -EINVAL: no share. */
static int parse_share(const char *text, uint32_t *ret)
{
	const char *p = text;
	uint32_t v = 0;

	for (; *p >= '0' && *p <= '9'; p++)
		v = DR_MIN(v * 10 + (uint32_t)(*p - '0'), 1000000U);
	if (p == text)
		return -EINVAL;
	v *= 10;
	if (*p == '.') {
		if (p[1] < '0' || p[1] > '9')
			return -EINVAL;
		v += (uint32_t)(p[1] - '0');
		p += 2;
	}
	if (strcmp(p, "%") && (*p || v))
		return -EINVAL;
	*ret = v;
	return 0;
}

bool dr_conf_share(struct dr_conf *c, struct dr_conf_node *map, const char *key, uint32_t max,
		   uint32_t fallback, uint32_t *ret)
{
	struct dr_conf_node *n;
	const char *text = member(c, map, key, &n);
	uint32_t v;

	*ret = fallback;
	if (!text)
		return false;
	if (parse_share(text, &v)) {
		dr_conf_error(c, n, "\"%s\" is not a share: write per cent, as in \"5%%\" or \"0.5%%\"",
			      text);
		return false;
	}
	if (v > max) {
		dr_conf_error(c, n,
			      max % 10 ? "\"%s\" is above the maximum of %u.%u%%"
				       : "\"%s\" is above the maximum of %u%%",
			      text, max / 10, max % 10);
		return false;
	}
	*ret = v;
	return true;
}

bool dr_conf_enum(struct dr_conf *c, struct dr_conf_node *map, const char *key, const char *const names[],
		  int fallback, int *ret)
{
	DR_AUTO_BUF struct dr_buf b = { 0 };
	struct dr_conf_node *n;
	const char *text = member(c, map, key, &n);

	*ret = fallback;
	for (int i = 0; text && names[i]; i++) {
		if (!strcmp(text, names[i])) {
			*ret = i;
			return true;
		}
		dr_buf_printf(&b, "%s%s", i ? ", " : "", names[i]);
	}
	if (text)
		dr_conf_error(c, n, "\"%s\" is not one of: %s", text, dr_buf_str(&b));
	return false;
}
