/* SPDX-License-Identifier: Apache-2.0 */
/* Errors that come from below the services: WebOb's and keystonemiddleware's. */
#include <string.h>

#include "tools/minicloud/cloud.h"

const char *mc_status_title(unsigned status)
{
	static const struct {
		unsigned status;
		const char *title;
	} titles[] = {
		{ 400, "Bad Request" },
		{ 401, "Unauthorized" },
		{ 403, "Forbidden" },
		{ 404, "Not Found" },
		{ 405, "Method Not Allowed" },
		{ 406, "Not Acceptable" },
		{ 409, "Conflict" },
		{ 413, "Request Entity Too Large" },
		{ 415, "Unsupported Media Type" },
		{ 429, "Too Many Requests" },
		{ 501, "Not Implemented" },
		{ 502, "Bad Gateway" },
		{ 503, "Service Unavailable" },
		{ 504, "Gateway Timeout" },
	};

	for (size_t i = 0; i < DR_ARRAY_SIZE(titles); i++) {
		if (titles[i].status == status)
			return titles[i].title;
	}
	return "Internal Server Error";
}

void mc_unauthorized_by_middleware(struct mc_req *q)
{
	struct dr_json *body = dr_json_object(), *error = dr_json_add_object(body, "error");

	dr_json_add_int(error, "code", 401);
	dr_json_add_str(error, "title", "Unauthorized");
	dr_json_add_str(error, "message", "The request you have made requires authentication.");
	mc_reply(q, 401, body);
}

static void reply_json(struct mc_req *q, unsigned status, const char *code, const char *explanation)
{
	DR_AUTO_FREE char *message = dr_asprintf("%s<br /><br />\n\n\n", explanation);
	struct dr_json *body = dr_json_object();

	dr_json_add_str(body, "message", message);
	dr_json_add_str(body, "code", code);
	dr_json_add_str(body, "title", mc_status_title(status));
	mc_reply(q, status, body);
}

void mc_webob_error(struct mc_req *q, unsigned status, const char *explanation)
{
	const char *accept = dr_http_header(q->x, "Accept");
	DR_AUTO_FREE char *text = NULL;
	char code[64];

	if (!explanation)
		explanation = status == 404 ? "The resource could not be found." : mc_status_title(status);
	snprintf(code, sizeof(code), "%u %s", status, mc_status_title(status));
	if (accept && strstr(accept, "application/json")) {
		reply_json(q, status, code, explanation);
		return;
	}
	if (accept && (strstr(accept, "text/html") || strstr(accept, "*/*"))) {
		text = dr_asprintf(
			"<html>\n <head>\n  <title>%s</title>\n </head>\n <body>\n  <h1>%s</h1>\n  "
			"%s<br /><br />\n\n\n\n </body>\n</html>",
			code, code, explanation);
		mc_reply_text(q, status, "text/html; charset=UTF-8", text ? text : code);
		return;
	}
	text = dr_asprintf("%s\n\n%s\n\n   ", code, explanation);
	mc_reply_text(q, status, "text/plain; charset=UTF-8", text ? text : code);
}
