// SPDX-License-Identifier: Apache-2.0
#include <stdarg.h>
#include <string.h>
#include <strings.h>

#include "doctor/buf.h"
#include "doctor/cloud/call.h"

void dr_api_call_done(struct dr_api_call *call)
{
	dr_json_free(call->body);
	free(call->path);
	*call = (struct dr_api_call){};
}

int dr_api_call_init(struct dr_api_call *call, const char *service, const char *method, struct dr_json *body,
		     const char *fmt, ...)
{
	char *text = NULL;
	va_list ap;
	int r;

	dr_api_call_done(call);
	call->body = body;

	va_start(ap, fmt);
	r = vasprintf(&text, fmt, ap);
	va_end(ap);
	if (r < 0)
		return -ENOMEM;
	call->path = text;

	call->req = (struct dr_cloud_request){
		.service = service,
		.method = method,
		.path = call->path,
		.body = call->body,
	};
	return 0;
}

char *dr_api_escape(const char *text)
{
	static const char plain[] = "ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz0123456789-._~";
	DR_AUTO_BUF struct dr_buf b = {};

	for (const char *p = text; *p; p++) {
		if (strchr(plain, *p))
			dr_buf_append(&b, p, 1);
		else
			dr_buf_printf(&b, "%%%02X", (unsigned char)*p);
	}
	if (b.error)
		return NULL;
	return b.data ? DR_TAKE_PTR(b.data) : strdup("");
}

bool dr_api_id_valid(const char *id)
{
	size_t len;

	if (!id || !strcmp(id, ".") || !strcmp(id, ".."))
		return false;
	len = strlen(id);
	return len >= 1 && len <= 64 &&
	       strspn(id, "ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz0123456789-_.") == len;
}

const struct dr_json *dr_api_find_by_name(const struct dr_json *body, const char *collection,
					  const char *name, size_t *ret_count)
{
	const struct dr_json *list = dr_json_get(body, collection), *found = NULL;
	size_t n = 0;

	for (const struct dr_json *v = dr_json_first(list); v; v = dr_json_next(v)) {
		const char *s = dr_json_get_str(v, "name");

		if (!s || strcmp(s, name))
			continue;
		if (!found)
			found = v;
		n++;
	}
	if (ret_count)
		*ret_count = n;
	return found;
}

const char *dr_api_link_next(const struct dr_json *body, const char *links)
{
	const struct dr_json *v = dr_json_first(dr_json_get(body, links));

	for (; v; v = dr_json_next(v)) {
		const char *rel = dr_json_get_str(v, "rel");

		if (rel && !strcmp(rel, "next"))
			return dr_json_get_str(v, "href");
	}
	return NULL;
}

const char *dr_api_link_query(const char *url)
{
	const char *query = strchr(url, '?');

	if (!query || !strstr(query, "marker="))
		return NULL;
	for (const char *p = query; *p; p++)
		if (*p <= ' ' || *p >= 0x7f)
			return NULL;
	return query;
}

/* Length of "scheme://host:port"; 0 if url has no scheme. */
static size_t origin_len(const char *url)
{
	const char *p = strstr(url, "://");

	if (!p || p == url || strcspn(url, "/") < (size_t)(p - url))
		return 0;
	p += 3;
	return (size_t)(p - url) + strcspn(p, "/?#");
}

/* "v2", "v2.0", "v3" of len bytes */
static bool is_version(const char *s, size_t len)
{
	return len >= 2 && s[0] == 'v' && strspn(s + 1, "0123456789.") >= len - 1;
}

char *dr_api_url(const char *endpoint, const char *path)
{
	size_t origin = origin_len(endpoint), len = strlen(endpoint), seg;
	const char *last;
	char *url;

	if (!origin || (path[0] != '/' && !origin_len(path)))
		goto invalid;
	if (path[0] != '/') {
		if (origin_len(path) != origin || strncasecmp(endpoint, path, origin))
			goto invalid;
		url = strdup(path);
		goto out;
	}

	while (len > origin && endpoint[len - 1] == '/')
		len--;
	last = memrchr(endpoint + origin, '/', len - origin);
	if (last) {
		seg = (size_t)(endpoint + len - last); /* with its slash */
		if (is_version(last + 1, seg - 1) && !strncmp(last, path, seg) &&
		    (path[seg] == '/' || !path[seg]))
			path += seg;
	}
	url = dr_asprintf("%.*s%s", (int)len, endpoint, path);
out:
	if (!url)
		errno = ENOMEM;
	return url;
invalid:
	errno = EINVAL;
	return NULL;
}
