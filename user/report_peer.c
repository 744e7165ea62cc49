/* SPDX-License-Identifier: Apache-2.0 */
#include <fcntl.h>
#include <string.h>
#include <sys/stat.h>

#include "doctor/log.h"
#include "user/report_peer.h"

#define WHY_MAX 256

/* ---------------------------------------------------------------- the token */

static int read_all(int fd, char *to, size_t size, size_t *ret_len)
{
	size_t len = 0;

	while (len < size) {
		ssize_t n = read(fd, to + len, size - len);

		if (n < 0 && errno == EINTR)
			continue;
		if (n < 0)
			return dr_errno();
		if (n == 0)
			break;
		len += (size_t)n;
	}
	*ret_len = len;
	return 0;
}

int mon_token_read(const char *path, char ret[MON_TOKEN_MAX + 1], mode_t *ret_mode)
{
	/* not to wait for the writer of a fifo */
	DR_AUTO_CLOSE int fd = open(path, O_RDONLY | O_CLOEXEC | O_NONBLOCK | O_NOCTTY);
	char text[MON_TOKEN_MAX + 8]; /* and the end of a line or two */
	struct stat st;
	size_t len;

	if (fd < 0 || fstat(fd, &st))
		return dr_errno();
	if (!S_ISREG(st.st_mode))
		return -EINVAL;
	int r = read_all(fd, text, sizeof(text), &len);
	if (r)
		return r;
	while (len && strchr(" \t\r\n", text[len - 1]) && text[len - 1])
		len--;
	if (len > MON_TOKEN_MAX)
		return -EMSGSIZE;
	for (size_t i = 0; i < len; i++) {
		if (text[i] <= ' ' || text[i] > '~')
			return -EBADMSG;
	}
	if (!len)
		return -EBADMSG;
	memcpy(ret, text, len);
	ret[len] = '\0';
	*ret_mode = st.st_mode;
	return 0;
}

static const char *token_error(int error)
{
	switch (error) {
	case -EMSGSIZE:
		return "is too large";
	case -EBADMSG:
		return "is empty, or has bytes in it that no token has";
	case -EINVAL:
		return "is no regular file";
	default:
		return strerror(-error);
	}
}

/* value: room for "Bearer " and a token. */
static int add_token(struct mon_peer *p, struct dr_http_header *ret, char *value, char *why)
{
	const char *path = p->inspector->token_file;
	bool bearer = p->inspector->dialect == MON_DOCTOR;
	size_t prefix = bearer ? strlen("Bearer ") : 0;
	mode_t mode;

	memcpy(value, "Bearer ", prefix);
	int r = mon_token_read(path, value + prefix, &mode);
	if (r) {
		snprintf(why, WHY_MAX, "token file %.180s: %s", path, token_error(r));
		return r;
	}
	if (mode & S_IROTH && !p->mode_said) {
		dr_warning("token file %s can be read by everybody on this machine: chmod 600 it", path);
		p->mode_said = true;
	}
	ret->name = bearer ? "Authorization" : "X-Auth-Token";
	ret->value = value;
	return 0;
}

/* ---------------------------------------------------------------- the peer */

static int check_file(const char *what, const char *path, char **ret_error)
{
	if (!path || access(path, R_OK) == 0)
		return 0;
	int r = dr_errno();
	*ret_error = dr_asprintf("%s %s: %s", what, path, strerror(-r));
	return r;
}

int mon_peer_check_files(const struct mon_inspector *inspector, char **ret_error)
{
	int r;

	if ((r = check_file("certificates", inspector->ca_file, ret_error)) ||
	    (r = check_file("certificate", inspector->cert_file, ret_error)))
		return r;
	return check_file("key", inspector->key_file, ret_error);
}

int mon_peer_init(struct mon_peer *p, struct dr_loop *loop, const struct mon_inspector *inspector,
		  char **ret_error)
{
	const struct dr_http_client_opts opts = {
		.per_host_max = 1, /* upstream's inspector takes one request at a time */
		.idle_max = 1,
		.user_agent = "doctor-monitor/" DR_VERSION,
		.ca_file = inspector->ca_file,
		.cert_file = inspector->cert_file,
		.key_file = inspector->key_file,
	};
	*p = (struct mon_peer){ .inspector = inspector };
	*ret_error = NULL;
	int r = mon_peer_check_files(inspector, ret_error);
	if (r)
		return r;
	return dr_http_client_new(loop, &opts, &p->http);
}

void mon_peer_done(struct mon_peer *p)
{
	dr_http_client_free(p->http);
	*p = (struct mon_peer){ 0 };
}

int mon_peer_send(struct mon_peer *p, const char *body, bool hurried, dr_http_done_fn fn, void *userdata,
		  char *why)
{
	char token[MON_TOKEN_MAX + 16];
	struct dr_http_request req = {
		.method = p->inspector->dialect == MON_VITRAGE ? "POST" : "PUT",
		.url = p->inspector->url,
		.body = body,
		.body_len = strlen(body),
		.timeout = hurried ? dr_sec(2) : dr_sec(5),
		.connect_timeout = hurried ? dr_msec(500) : dr_sec(1),
	};
	int r = p->inspector->token_file ? add_token(p, &req.headers[0], token, why) : 0;

	if (r)
		return r;
	r = dr_http_send(p->http, &req, fn, userdata);
	if (r)
		snprintf(why, WHY_MAX, "%s", strerror(-r));
	explicit_bzero(token, sizeof(token));
	return r;
}
