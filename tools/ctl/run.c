/* SPDX-License-Identifier: Apache-2.0 */
#include <string.h>

#include "doctor/http_client.h"
#include "tools/ctl/ctl.h"
#include "tools/ctl/table.h"

#define TIMEOUT dr_sec(60) /* a reload attaches to interfaces, and the daemon may be busy */
/* A thousand incidents, each with some hundred actions, are 64 MiB. */
#define ANSWER_MAX ((size_t)256 << 20)

static const char *place_of(const struct ctl_opts *o)
{
	return ctl_asks_inspector(o) ? ctl_inspector(o) : ctl_socket(o);
}

static void put_no_inspector(const char *inspector, int error, const char *reason, struct dr_buf *err)
{
	if (error == -ECONNREFUSED)
		ctl_put(err,
			"doctorctl: nobody listens at %s: start doctor-inspector, or name what its "
			"configuration says (listen) with --inspector\n",
			inspector);
	else
		ctl_put(err, "doctorctl: %s: %s\n", inspector, *reason ? reason : strerror(-error));
}

void ctl_put_no_monitor(const char *socket, int error, const char *reason, struct dr_buf *err)
{
	switch (error) {
	case -ENOENT:
		ctl_put(err,
			"doctorctl: there is no %s: start doctor-monitor, or name the socket of its "
			"configuration with --socket\n",
			socket);
		break;
	case -ECONNREFUSED:
		ctl_put(err,
			"doctorctl: nobody listens at %s: doctor-monitor has ended without cleaning up; "
			"start it\n",
			socket);
		break;
	case -EACCES:
	case -EPERM:
		ctl_put(err,
			"doctorctl: %s: permission denied: it is for its owner and group only, so be root or "
			"of that group\n",
			socket);
		break;
	default:
		ctl_put(err, "doctorctl: %s: %s\n", socket, *reason ? reason : strerror(-error));
	}
}

static enum ctl_exit unreachable(const struct ctl_opts *o, int error, const char *reason, struct dr_buf *err)
{
	if (ctl_asks_inspector(o))
		put_no_inspector(ctl_inspector(o), error, reason, err);
	else
		ctl_put_no_monitor(ctl_socket(o), error, reason, err);
	return CTL_UNREACHABLE;
}

static int call(struct dr_loop *loop, const struct ctl_opts *o, const struct ctl_request *q,
		struct dr_http_response *ret)
{
	const struct dr_http_client_opts opts = {
		.unix_socket = ctl_asks_inspector(o) ? NULL : ctl_socket(o),
		.ca_file = o->ca,
		.cert_file = o->cert,
		.key_file = o->key,
		.user_agent = "doctorctl/" DR_VERSION,
		.answer_max = ANSWER_MAX,
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

static enum ctl_exit say_only(const struct ctl_opts *o, const struct ctl_request *q, struct dr_buf *out)
{
	DR_AUTO_JSON struct dr_json *doc = NULL;
	DR_AUTO_FREE char *text = NULL;

	if (!o->json) {
		ctl_put(out, "%s %s%s%s%s%s\n", o->verb->method, q->url.data,
			ctl_asks_inspector(o) ? "" : " by ", ctl_asks_inspector(o) ? "" : ctl_socket(o),
			q->body.len ? " " : "", dr_buf_str(&q->body));
		return CTL_GOOD;
	}
	doc = dr_json_object();
	dr_json_add_str(doc, "method", o->verb->method);
	dr_json_add_str(doc, "url", q->url.data);
	dr_json_add_str(doc, "socket", ctl_asks_inspector(o) ? NULL : ctl_socket(o));
	dr_json_add_str(doc, "body", q->body.len ? q->body.data : NULL);
	text = dr_json_print(doc);
	if (text)
		dr_buf_printf(out, "%s\n", text);
	else
		out->error = -ENOMEM;
	return CTL_GOOD;
}

static enum ctl_exit ask(const struct ctl_opts *o, const struct ctl_request *q, struct dr_buf *out,
			 struct dr_buf *err)
{
	DR_AUTO(dr_loop_freep) struct dr_loop *loop = NULL;
	DR_AUTO(dr_http_response_done) struct dr_http_response response = { 0 };
	int r = dr_loop_new(&loop);

	if (r == 0)
		r = call(loop, o, q, &response);
	if (r < 0)
		return unreachable(o, r, "", err);
	if (response.error)
		return unreachable(o, response.error, response.reason, err);
	return answered(o, &response, out, err);
}

enum ctl_exit ctl_run(const struct ctl_opts *o, struct dr_buf *out, struct dr_buf *err)
{
	DR_AUTO(ctl_request_done) struct ctl_request request = { 0 };
	DR_AUTO_FREE char *error = NULL;
	int r;

	if (o->verb->run && o->dry_run) {
		ctl_put(out, o->json ? "{\"command\": \"%s\"}\n" : "%s: understood\n", o->verb->name);
		return CTL_GOOD;
	}
	if (o->verb->run)
		return o->verb->run(o, out, err);
	r = ctl_request_make(o, &request, &error);
	if (r < 0) {
		ctl_put(err, "doctorctl: %s\n", error ? error : strerror(-r));
		return CTL_USAGE;
	}
	return o->dry_run ? say_only(o, &request, out) : ask(o, &request, out, err);
}
