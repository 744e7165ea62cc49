/* SPDX-License-Identifier: Apache-2.0 */
/* What is sent: where to, with what body, and with whose word that we may. */
#include <fcntl.h>
#include <string.h>
#include <sys/stat.h>

#include "tools/ctl/ctl.h"

#define TOKEN_MAX 4096

static int fail(char **ret_error, char *text)
{
	if (!text)
		return -ENOMEM;
	*ret_error = text;
	return -EINVAL;
}

void ctl_request_done(struct ctl_request *r)
{
	dr_buf_done(&r->url);
	dr_buf_done(&r->body);
	if (r->authorization)
		explicit_bzero(r->authorization, strlen(r->authorization));
	free(r->authorization);
	*r = (struct ctl_request){ 0 };
}

/* ---------------------------------------------------------------- where to */

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

static void append_path(const struct ctl_opts *o, struct dr_buf *b)
{
	const char *path = o->verb->path, *star = strchr(path, '*');

	if (star) {
		dr_buf_append(b, path, (size_t)(star - path));
		append_encoded(b, o->operand);
		path = star + 1;
	}
	dr_buf_puts(b, path);
	if (!star && o->operand) {
		dr_buf_puts(b, "?host=");
		append_encoded(b, o->operand);
	}
	if ((o->verb->options & CTL_OPT_ALL) && !o->all)
		dr_buf_puts(b, "?state=open");
}

static int make_url(const struct ctl_opts *o, struct dr_buf *b, char **ret_error)
{
	const char *inspector = ctl_inspector(o);
	size_t len = strlen(inspector);

	if (!ctl_asks_inspector(o)) {
		dr_buf_puts(b, "http://localhost");
	} else {
		if (strncmp(inspector, "http://", 7) != 0 && strncmp(inspector, "https://", 8) != 0)
			return fail(ret_error, dr_asprintf("\"%s\" is no URL such as " CTL_INSPECTOR
							   " or https://inspector:12345",
							   inspector));
		while (inspector[len - 1] == '/')
			len--;
		dr_buf_append(b, inspector, len);
	}
	append_path(o, b);
	return b->error;
}

/* ---------------------------------------------------------------- what is said */

static int make_body(const struct ctl_opts *o, struct dr_buf *b)
{
	DR_AUTO_JSON struct dr_json *body = NULL;
	DR_AUTO_FREE char *text = NULL;

	if (!(o->verb->options & CTL_OPT_SET))
		return 0;
	body = dr_json_object();
	dr_json_add_str(body, o->period ? "for" : "until", o->period ? o->period : o->until);
	if (o->reason)
		dr_json_add_str(body, "reason", o->reason);
	text = dr_json_print(body);
	if (!text)
		return -ENOMEM;
	dr_buf_puts(b, text);
	return b->error;
}

/* ---------------------------------------------------------------- the token */

/* An http:// URL of this machine. */
static bool is_local(const char *url)
{
	static const char *const local[] = { "127.", "localhost", "[::1]" };

	for (size_t i = 0; i < DR_ARRAY_SIZE(local); i++) {
		size_t len = strlen(local[i]);
		const char *rest = url + strlen("http://");

		if (strncmp(rest, local[i], len) != 0)
			continue;
		rest += len;
		if (i == 0)
			rest += strspn(rest, "0123456789.");
		return *rest == '\0' || *rest == ':' || *rest == '/';
	}
	return false;
}

/* Into token, of TOKEN_MAX + 1 bytes. */
static int read_token(const char *path, char *token, char **ret_error)
{
	DR_AUTO_CLOSE int fd = open(path, O_RDONLY | O_CLOEXEC | O_NOCTTY | O_NONBLOCK);
	struct stat st;
	ssize_t n;

	if (fd < 0 || fstat(fd, &st))
		return fail(ret_error, dr_asprintf("%s: %s", path, strerror(errno)));
	if (!S_ISREG(st.st_mode))
		return fail(ret_error, dr_asprintf("%s: is no file", path));
	if (st.st_mode & S_IRWXO)
		return fail(ret_error, dr_asprintf("%s: is open to others: chmod o= %s", path, path));
	n = read(fd, token, TOKEN_MAX + 1);
	if (n < 0)
		return fail(ret_error, dr_asprintf("%s: %s", path, strerror(errno)));
	while (n > 0 && strchr(" \t\r\n", token[n - 1]))
		n--;
	if (n > TOKEN_MAX)
		return fail(ret_error, dr_asprintf("%s: is longer than %d bytes", path, TOKEN_MAX));
	token[n] = '\0';
	if (n == 0)
		return fail(ret_error, dr_asprintf("%s: is empty", path));
	for (const char *p = token; p < token + n; p++)
		if (*p <= ' ' || *p > '~')
			return fail(ret_error, dr_asprintf("%s: has more in it than a token", path));
	return 0;
}

static int make_authorization(const struct ctl_opts *o, char **ret, char **ret_error)
{
	const char *inspector = ctl_inspector(o);
	char token[TOKEN_MAX + 1];
	int r;

	if (!o->token_file || o->dry_run)
		return 0;
	if (strncmp(inspector, "http://", 7) == 0 && !is_local(inspector))
		return fail(ret_error,
			    dr_asprintf("the token would go to %s for all to read: use https://", inspector));
	r = read_token(o->token_file, token, ret_error);
	if (r == 0) {
		*ret = dr_asprintf("Bearer %s", token);
		r = *ret ? 0 : -ENOMEM;
	}
	explicit_bzero(token, sizeof(token));
	return r;
}

int ctl_request_make(const struct ctl_opts *o, struct ctl_request *ret, char **ret_error)
{
	DR_AUTO(ctl_request_done) struct ctl_request q = { 0 };
	int r = make_url(o, &q.url, ret_error);

	if (r == 0)
		r = make_body(o, &q.body);
	if (r == 0)
		r = make_authorization(o, &q.authorization, ret_error);
	if (r < 0)
		return r;
	*ret = q;
	q = (struct ctl_request){ 0 };
	return 0;
}
