/* SPDX-License-Identifier: Apache-2.0 */
#include <string.h>

#include "doctor/http_client.h"
#include "tools/ctl/ctl.h"
#include "tools/ctl/table.h"

#define TIMEOUT dr_sec(60) /* a reload attaches to interfaces, and the daemon may be busy */

static const char *place_of(const struct ctl_opts *o)
{
	return ctl_asks_inspector(o) ? o->inspector : o->socket;
}

static enum ctl_exit no_inspector(const struct ctl_opts *o, int error, const char *reason, struct dr_buf *err)
{
	if (error == -ECONNREFUSED)
		ctl_put(err,
			"doctorctl: nobody listens at %s: start doctor-inspector, or name what its "
			"configuration says (listen) with --inspector\n",
			o->inspector);
	else
		ctl_put(err, "doctorctl: %s: %s\n", o->inspector, *reason ? reason : strerror(-error));
	return CTL_UNREACHABLE;
}

static enum ctl_exit unreachable(const struct ctl_opts *o, int error, const char *reason, struct dr_buf *err)
{
	if (ctl_asks_inspector(o))
		return no_inspector(o, error, reason, err);
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

static int call(struct dr_loop *loop, const struct ctl_opts *o, const struct ctl_request *q,
		struct dr_http_response *ret)
{
	const struct dr_http_client_opts opts = {
		.unix_socket = ctl_asks_inspector(o) ? NULL : o->socket,
		.ca_file = o->ca,
		.cert_file = o->cert,
		.key_file = o->key,
		.user_agent = "doctorctl/" DR_VERSION,
	};
	DR_AUTO(dr_http_client_freep) struct dr_http_client *client = NULL;
	struct dr_http_request req = {
		.method = o->verb->method,
		.url = q->url.data,
		.body = q->body.data,
		.body_len = q->body.len,
		.timeout = TIMEOUT,
	};
	int r = dr_http_client_new(loop, &opts, &client);

	if (r < 0)
		return r;
	if (q->authorization)
		req.headers[0] = (struct dr_http_header){ "Authorization", q->authorization };
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
		ctl_put(err, "doctorctl: %s: what answers there is no %s\n", place_of(o),
			ctl_asks_inspector(o) ? "doctor-inspector" : "doctor-monitor");
		return CTL_UNREACHABLE;
	}
	if (o->json) {
		dr_buf_append(out, r->body.data, r->body.len);
		dr_buf_puts(out, "\n");
	}
	/* an inspector that is ill says so in full, with 503 */
	if (r->status / 100 != 2 && (r->status != 503 || !dr_json_get_str(doc, "status")))
		return o->json ? CTL_WRONG : refused(o, doc, r->status, err);
	status = o->verb->print(doc, o->json ? &text : out);
	if (o->operand && o->verb->optional && dr_json_size(dr_json_get(doc, "targets")) == 0)
		ctl_put(err, "doctorctl: no target is of host \"%s\"\n", o->operand);
	return status;
}

enum ctl_exit ctl_run(const struct ctl_opts *o, struct dr_buf *out, struct dr_buf *err)
{
	DR_AUTO(dr_loop_freep) struct dr_loop *loop = NULL;
	DR_AUTO(dr_http_response_done) struct dr_http_response response = { 0 };
	DR_AUTO(ctl_request_done) struct ctl_request request = { 0 };
	DR_AUTO_FREE char *error = NULL;
	int r = ctl_request_make(o, &request, &error);

	if (r < 0) {
		ctl_put(err, "doctorctl: %s\n", error ? error : strerror(-r));
		return CTL_USAGE;
	}
	r = dr_loop_new(&loop);
	if (r == 0)
		r = call(loop, o, &request, &response);
	if (r < 0)
		return unreachable(o, r, "", err);
	if (response.error)
		return unreachable(o, response.error, response.reason, err);
	return answered(o, &response, out, err);
}
