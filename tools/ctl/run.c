/* SPDX-License-Identifier: Apache-2.0 */
#include <string.h>

#include "doctor/http_client.h"
#include "tools/ctl/ctl.h"
#include "tools/ctl/table.h"

#define TIMEOUT dr_sec(60) /* a reload attaches to interfaces, and the daemon may be busy */

static enum ctl_exit unreachable(const struct ctl_opts *o, int error, const char *reason, struct dr_buf *err)
{
	switch (error) {
	case -ENOENT:
		ctl_put(err,
			"doctorctl: there is no %s: start doctor-monitor, or name the socket of its "
			"configuration with --socket\n",
			o->socket);
		break;
	case -ECONNREFUSED:
		ctl_put(err,
			"doctorctl: nobody listens at %s: doctor-monitor has ended without cleaning up; "
			"start "
			"it\n",
			o->socket);
		break;
	case -EACCES:
	case -EPERM:
		ctl_put(err,
			"doctorctl: %s: permission denied: it is for its owner and group only, so be root or "
			"of that group\n",
			o->socket);
		break;
	default:
		ctl_put(err, "doctorctl: %s: %s\n", o->socket, *reason ? reason : strerror(-error));
	}
	return CTL_UNREACHABLE;
}

static void append_encoded(struct dr_buf *b, const char *text)
{
	static const char plain[] = "abcdefghijklmnopqrstuvwxyzABCDEFGHIJKLMNOPQRSTUVWXYZ0123456789-._~";

	for (; *text; text++) {
		if (strchr(plain, *text))
			dr_buf_append(b, text, 1);
		else
			dr_buf_printf(b, "%%%02X", (unsigned char)*text);
	}
}

static int call(struct dr_loop *loop, const struct ctl_opts *o, struct dr_http_response *ret)
{
	const struct dr_http_client_opts opts = { .unix_socket = o->socket,
						  .user_agent = "doctorctl/" DR_VERSION };
	DR_AUTO(dr_http_client_freep) struct dr_http_client *client = NULL;
	DR_AUTO_BUF struct dr_buf url = { 0 };
	int r = dr_http_client_new(loop, &opts, &client);

	if (r < 0)
		return r;
	dr_buf_printf(&url, "http://localhost%s", o->verb->path);
	if (o->host) {
		dr_buf_puts(&url, "?host=");
		append_encoded(&url, o->host);
	}
	if (url.error)
		return url.error;
	const struct dr_http_request req = { .method = o->verb->method, .url = url.data, .timeout = TIMEOUT };

	return dr_http_call(client, &req, ret);
}

/* Each line of what was refused, as the daemon says it. */
static enum ctl_exit refused(const struct ctl_opts *o, const struct dr_json *doc, unsigned status,
			     struct dr_buf *err)
{
	const char *message = dr_json_str(dr_json_path(doc, "error.message"));
	DR_AUTO_FREE char *text = NULL;

	if (!message) {
		ctl_put(err, "doctorctl: %s: it answers with status %u\n", o->verb->name, status);
		return CTL_WRONG;
	}
	text = strdup(message);
	if (!text)
		err->error = -ENOMEM;
	for (char *rest = text, *line; (line = strsep(&rest, "\n"));) {
		if (*line)
			ctl_put(err, "doctorctl: %s: %s\n", o->verb->name, line);
	}
	return CTL_WRONG;
}

static enum ctl_exit answered(const struct ctl_opts *o, const struct dr_http_response *r, struct dr_buf *out,
			      struct dr_buf *err)
{
	DR_AUTO_JSON struct dr_json *doc = NULL;
	DR_AUTO_BUF struct dr_buf text = { 0 };
	enum ctl_exit status;

	if (dr_json_parse(dr_buf_str(&r->body), r->body.len, &doc, NULL) || !dr_json_is_object(doc)) {
		ctl_put(err, "doctorctl: %s: what answers there is no doctor-monitor\n", o->socket);
		return CTL_UNREACHABLE;
	}
	if (o->json) {
		dr_buf_append(out, r->body.data, r->body.len);
		dr_buf_puts(out, "\n");
	}
	if (r->status != 200)
		return o->json ? CTL_WRONG : refused(o, doc, r->status, err);
	status = o->verb->print(doc, o->json ? &text : out);
	if (o->host && dr_json_size(dr_json_get(doc, "targets")) == 0)
		ctl_put(err, "doctorctl: no target is of host \"%s\"\n", o->host);
	return status;
}

enum ctl_exit ctl_run(const struct ctl_opts *o, struct dr_buf *out, struct dr_buf *err)
{
	DR_AUTO(dr_loop_freep) struct dr_loop *loop = NULL;
	DR_AUTO(dr_http_response_done) struct dr_http_response response = { 0 };
	int r = dr_loop_new(&loop);

	if (r == 0)
		r = call(loop, o, &response);
	if (r < 0)
		return unreachable(o, r, "", err);
	if (response.error)
		return unreachable(o, response.error, response.reason, err);
	return answered(o, &response, out, err);
}
