/* SPDX-License-Identifier: Apache-2.0 */
/* Small things that handlers ask of a request, and times in the services' forms. */
#include <limits.h>
#include <string.h>
#include <time.h>

#include "tools/minicloud/cloud.h"

void mc_base_url(const struct mc_req *q, char *out, size_t size)
{
	const char *host = dr_http_header(q->x, "Host");

	if (host && *host && strlen(host) + strlen("http://") < size)
		snprintf(out, size, "http://%s", host);
	else
		snprintf(out, size, "%s", q->cloud->url);
}

void mc_url_escape(struct dr_buf *b, const char *text)
{
	for (; *text; text++) {
		unsigned char ch = (unsigned char)*text;

		if ((ch >= '0' && ch <= '9') || (ch >= 'A' && ch <= 'Z') || (ch >= 'a' && ch <= 'z') ||
		    strchr("-._~", ch))
			dr_buf_append(b, text, 1);
		else
			dr_buf_printf(b, "%%%02X", ch);
	}
}

int mc_query_number(const struct mc_req *q, const char *name, uint64_t *ret)
{
	const char *text = dr_http_query(q->x, name);
	unsigned long long n;
	char *end;

	if (!text)
		return 0;
	if (*text < '0' || *text > '9')
		return -EINVAL;
	errno = 0;
	n = strtoull(text, &end, 10);
	if (*end || errno || n > INT_MAX)
		return -EINVAL;
	*ret = n;
	return 1;
}

const char *mc_unknown_query(const struct mc_req *q, const char *const names[])
{
	const char *name;

	for (size_t i = 0; (name = dr_http_query_name(q->x, i)); i++) {
		if (mc_name_index(names, name) < 0)
			return name;
	}
	return NULL;
}

bool mc_true_text(const char *text)
{
	static const char *const names[] = { "1", "t", "true", "on", "y", "yes", "" };

	for (size_t i = 0; text && i < DR_ARRAY_SIZE(names); i++) {
		if (!strcasecmp(text, names[i]))
			return true;
	}
	return false;
}

char *mc_time(struct dr_wall when, enum mc_time_form form, char out[DR_TIME_STR_MAX])
{
	time_t seconds = when.ns / DR_NSEC_PER_SEC;
	long micros = (long)(when.ns % DR_NSEC_PER_SEC / DR_NSEC_PER_USEC);
	bool zone = form == MC_TIME_SECONDS_Z || form == MC_TIME_MICROS_Z;
	struct tm tm;
	size_t n;

	gmtime_r(&seconds, &tm);
	n = strftime(out, DR_TIME_STR_MAX, form == MC_TIME_SPACED ? "%Y-%m-%d %H:%M:%S" : "%Y-%m-%dT%H:%M:%S",
		     &tm);
	if (form == MC_TIME_SECONDS_Z || form == MC_TIME_SECONDS)
		snprintf(out + n, DR_TIME_STR_MAX - n, "%s", zone ? "Z" : "");
	else
		snprintf(out + n, DR_TIME_STR_MAX - n, ".%06ld%s", micros, zone ? "Z" : "");
	return out;
}

void mc_add_time(struct dr_json *object, const char *key, struct dr_wall when, enum mc_time_form form)
{
	char text[DR_TIME_STR_MAX];

	dr_json_add_str(object, key, mc_time(when, form, text));
}
