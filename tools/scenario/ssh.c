/* SPDX-License-Identifier: Apache-2.0 */
#include "tools/scenario/ssh.h"

#include <fcntl.h>
#include <poll.h>
#include <signal.h>
#include <string.h>
#include <sys/mman.h>
#include <sys/socket.h>

#include "tools/scenario/run.h"

#define FILE_LIMIT dr_sec(60)
#define FAILED 255 /* ssh's own exit status */
#define NO_FILE 44 /* of the command that reads one */
#define ARGS_MAX 40

void sc_ssh_done(struct sc_ssh *s)
{
	free(s->host);
	free(s->user);
	free(s->key);
	free(s->known_hosts);
	free(s->proxy);
	free(s->sudo);
	*s = (struct sc_ssh){ 0 };
}

char *sc_ssh_quote(const char *text)
{
	DR_AUTO_BUF struct dr_buf b = { 0 };

	dr_buf_puts(&b, "'");
	for (; *text; text++) {
		if (*text == '\'')
			dr_buf_puts(&b, "'\\''");
		else
			dr_buf_append(&b, text, 1);
	}
	dr_buf_puts(&b, "'");
	return b.error ? NULL : DR_TAKE_PTR(b.data);
}

/* ---------------------------------------------------------------- ssh's command line */

/* Texts that are made for it are in owned. */
struct args {
	const char *argv[ARGS_MAX];
	size_t n;
	char *owned[4];
	size_t nowned;
	bool failed;
};

static void args_done(struct args *a)
{
	for (size_t i = 0; i < a->nowned; i++)
		free(a->owned[i]);
}
#define AUTO_ARGS DR_AUTO(args_done) struct args

static void put(struct args *a, const char *text)
{
	if (a->n + 1 < ARGS_MAX)
		a->argv[a->n++] = text;
	else
		a->failed = true;
}

/* Takes text. */
static void put_owned(struct args *a, char *text)
{
	if (!text || a->nowned == DR_ARRAY_SIZE(a->owned)) {
		free(text);
		a->failed = true;
		return;
	}
	a->owned[a->nowned++] = text;
	put(a, text);
}

/* Up to where the host's name belongs. What ssh_config(5) says stays in force beside it. */
static void put_options(struct args *a, const struct sc_ssh *s)
{
	static const char *const always[] = {
		"ssh",
		"-T",
		"-oBatchMode=yes",
		"-oConnectTimeout=10",
		"-oStrictHostKeyChecking=accept-new",
		"-oServerAliveInterval=5",
		"-oServerAliveCountMax=3",
		"-oLogLevel=ERROR",
		"-oControlMaster=no",
		"-oControlPath=none",
		"-oForwardAgent=no",
		"-oForwardX11=no",
		"-oClearAllForwardings=yes",
	};

	for (size_t i = 0; i < DR_ARRAY_SIZE(always); i++)
		put(a, always[i]);
	if (s->known_hosts)
		put_owned(a, dr_asprintf("-oUserKnownHostsFile=\"%s\"", s->known_hosts));
	if (s->key) {
		put(a, "-oIdentitiesOnly=yes");
		put(a, "-i");
		put(a, s->key);
	}
	if (s->proxy)
		put_owned(a, dr_asprintf("-oProxyCommand=%s", s->proxy));
	put(a, "-l");
	put(a, s->user);
}

/* ssh(1) has a shell execute it, and takes %-sequences in it for its own. */
static char *proxy_command(const struct sc_ssh *via)
{
	DR_AUTO_BUF struct dr_buf b = { 0 };
	AUTO_ARGS a = { 0 };

	put_options(&a, via);
	put(&a, "--");
	put(&a, via->host);
	for (size_t i = 0; i < a.n; i++) {
		DR_AUTO_FREE char *word = sc_ssh_quote(a.argv[i]);

		if (strcmp(a.argv[i], "--") == 0)
			dr_buf_puts(&b, "-W '[%h]:%p' ");
		for (const char *p = word; p && *p; p++)
			dr_buf_puts(&b, *p == '%' ? "%%" : (const char[]){ *p, '\0' });
		dr_buf_puts(&b, " ");
		a.failed |= !word;
	}
	return a.failed || b.error ? NULL : DR_TAKE_PTR(b.data);
}

int sc_ssh_init(struct sc_ssh *ret, const struct sc_ssh_opts *o)
{
	struct sc_ssh s = {
		.host = strdup(o->host),
		.user = strdup(o->user),
		.key = o->key ? strdup(o->key) : NULL,
		.known_hosts = o->known_hosts ? strdup(o->known_hosts) : NULL,
		.proxy = o->via ? proxy_command(o->via) : NULL,
		.sudo = strdup(strcmp(o->user, "root") == 0 ? "" : "sudo -n "),
	};

	if (!s.host || !s.user || (o->key && !s.key) || (o->known_hosts && !s.known_hosts) ||
	    (o->via && !s.proxy) || !s.sudo) {
		sc_ssh_done(&s);
		return -ENOMEM;
	}
	*ret = s;
	return 0;
}

static int make_args(struct args *a, const struct sc_ssh *s, const char *command, bool root)
{
	DR_AUTO_FREE char *quoted = sc_ssh_quote(command);

	put_options(a, s);
	put(a, "--");
	put(a, s->host);
	put_owned(a, quoted ? dr_asprintf("%ssh -c %s", root ? s->sudo : "", quoted) : NULL);
	return a->failed ? -ENOMEM : 0;
}

/* ---------------------------------------------------------------- what went wrong */

/* The last line that says anything; "" if there is none. It is cut out of text. */
static const char *last_line(char *text)
{
	char *line = text + strlen(text);

	while (line > text && strchr("\r\n ", line[-1]))
		*--line = '\0';
	while (line > text && line[-1] != '\n')
		line--;
	return line;
}

static const struct {
	const char *said; /* by ssh */
	int error;
} failures[] = {
	{ "Host key verification failed", -EKEYREJECTED },
	{ "HOST IDENTIFICATION HAS CHANGED", -EKEYREJECTED },
	{ "Permission denied", -EACCES },
	{ "Too many authentication failures", -EACCES },
	{ "Could not resolve hostname", -EHOSTUNREACH },
	{ "Connection refused", -EHOSTUNREACH },
	{ "timed out", -EHOSTUNREACH },
	{ "No route to host", -EHOSTUNREACH },
	{ "Network is unreachable", -EHOSTUNREACH },
	{ "Connection closed", -EHOSTUNREACH },
	{ "Connection reset", -EHOSTUNREACH },
};

static char *hint(const struct sc_ssh *s, int error)
{
	if (error == -EKEYREJECTED)
		return dr_asprintf(": its host key is not the one in %s; if the host was set up anew, remove "
				   "the old one: ssh-keygen -R %s%s%s",
				   s->known_hosts ? s->known_hosts : "~/.ssh/known_hosts", s->host,
				   s->known_hosts ? " -f " : "", s->known_hosts ? s->known_hosts : "");
	if (error == -EACCES)
		return dr_asprintf(": the public part of %s must be in the authorized_keys of %s there",
				   s->key ? s->key : "a key of yours", s->user);
	return strdup(error == -EHOSTUNREACH
			      ? ": is the address right, is the host up, and does sshd run there?"
			      : "");
}

/* ssh failed, not the command. */
static int explain(const struct sc_ssh *s, const char *said, char **ret_error)
{
	DR_AUTO_FREE char *text = strdup(said), *h = NULL;
	int error = -EIO;

	for (size_t i = 0; i < DR_ARRAY_SIZE(failures); i++) {
		if (!strstr(said, failures[i].said))
			continue;
		error = failures[i].error;
		break;
	}
	h = hint(s, error);
	*ret_error = dr_asprintf("SSH to %s@%s%s fails: %s%s", s->user, s->host,
				 s->proxy ? " through the installer's node" : "",
				 text && text[0] ? last_line(text) : "it does not say why", h ? h : "");
	return error;
}

static char *too_long(const struct sc_ssh *s, const char *command, struct dr_dur limit)
{
	return dr_asprintf("%s@%s: a command is not at its end after %.0f s: %.*s", s->user, s->host,
			   dr_dur_seconds(limit), (int)DR_MIN(strcspn(command, "\n"), (size_t)60), command);
}

/* ---------------------------------------------------------------- commands */

static int run(const struct sc_ssh *s, const char *command, bool root, const void *input, size_t len,
	       struct dr_dur limit, struct dr_buf *ret_output, char **ret_error)
{
	DR_AUTO_BUF struct dr_buf err = { 0 };
	AUTO_ARGS a = { 0 };
	int r = make_args(&a, s, command, root);

	if (r == 0)
		r = sc_run_limited(a.argv, input, len, limit, ret_output, &err);
	if (r == -ETIMEDOUT)
		*ret_error = too_long(s, command, limit);
	else if (r == -ENOENT)
		*ret_error = strdup("there is no program ssh: Debian's package openssh-client has it");
	else if (r < 0)
		*ret_error = dr_asprintf("%s@%s: cannot run ssh: %s", s->user, s->host, strerror(-r));
	else if (r == FAILED)
		r = explain(s, dr_buf_str(&err), ret_error);
	else if (r > 0 && err.len)
		*ret_error = dr_asprintf("%s@%s: %s", s->user, s->host, last_line(err.data));
	return r;
}

int sc_ssh_run(const struct sc_ssh *s, const char *command, struct dr_dur limit, struct dr_buf *ret_output,
	       char **ret_error)
{
	return run(s, command, false, NULL, 0, limit, ret_output, ret_error);
}

int sc_ssh_run_root(const struct sc_ssh *s, const char *command, const void *input, size_t len,
		    struct dr_dur limit, struct dr_buf *ret_output, char **ret_error)
{
	return run(s, command, true, input, len, limit, ret_output, ret_error);
}

/* A command that does not do what it should is an error here, and says where. */
static int must(const struct sc_ssh *s, const char *what, const char *path, int r, char **ret_error)
{
	DR_AUTO_FREE char *said = NULL;

	if (r <= 0)
		return r;
	said = DR_TAKE_PTR(*ret_error);
	*ret_error = dr_asprintf("%s@%s: cannot %s %s: %s", s->user, s->host, what, path,
				 said ? said : "it does not say why");
	return -EIO;
}

int sc_ssh_get(const struct sc_ssh *s, const char *path, struct dr_buf *ret, char **ret_error)
{
	DR_AUTO_FREE char *word = sc_ssh_quote(path);
	DR_AUTO_FREE char *command =
		word ? dr_asprintf("[ -e %s ] || exit %d; exec cat %s", word, NO_FILE, word) : NULL;
	int r;

	if (!command)
		return -ENOMEM;
	r = run(s, command, true, NULL, 0, FILE_LIMIT, ret, ret_error);
	return r == NO_FILE ? 1 : must(s, "read", path, r, ret_error);
}

int sc_ssh_put(const struct sc_ssh *s, const char *path, const void *data, size_t len, char **ret_error)
{
	DR_AUTO_FREE char *word = sc_ssh_quote(path);
	DR_AUTO_FREE char *command =
		word ? dr_asprintf("set -e; umask 077; f=$(readlink -f %s); n=$f.doctor-test-new\n"
				   "rm -f \"$n\"; [ ! -e \"$f\" ] || cp -a \"$f\" \"$n\"\n"
				   "cat >\"$n\"; [ \"$(wc -c <\"$n\")\" -eq %zu ]; mv -f \"$n\" \"$f\"",
				   word, len)
		     : NULL;

	if (!command)
		return -ENOMEM;
	return must(s, "write", path, run(s, command, true, data, len, FILE_LIMIT, NULL, ret_error),
		    ret_error);
}

/* ---------------------------------------------------------------- a command that waits */

struct sc_ssh_session {
	pid_t pid;
	int fd; /* its standard input and output */
};

void sc_ssh_session_free(struct sc_ssh_session *s)
{
	if (!s)
		return;
	close(s->fd);
	kill(-s->pid, SIGKILL);
	(void)!sc_wait(s->pid);
	free(s);
}

static int start(const struct sc_ssh *s, const char *command, int err, struct sc_ssh_session **ret)
{
	DR_AUTO_FREE struct sc_ssh_session *new = calloc(1, sizeof(*new));
	AUTO_ARGS a = { 0 };
	int r = new ? make_args(&a, s, command, true) : -ENOMEM, pair[2];

	if (r < 0)
		return r;
	if (socketpair(AF_UNIX, SOCK_STREAM | SOCK_CLOEXEC, 0, pair) < 0)
		return dr_errno();
	r = sc_start(a.argv, pair[1], pair[1], err, &new->pid);
	close(pair[1]);
	if (r < 0) {
		close(pair[0]);
		return r;
	}
	new->fd = pair[0];
	*ret = DR_TAKE_PTR(new);
	return 0;
}

/* 0: it is ready. 1: it has ended. -ETIMEDOUT. */
static int wait_ready(const struct sc_ssh_session *s, struct dr_dur limit)
{
	struct dr_mono end = dr_mono_add(dr_mono_now(), limit);
	struct pollfd p = { .fd = s->fd, .events = POLLIN };
	char said[64] = "";
	size_t have = 0;

	while (!strstr(said, "ready\n")) {
		int64_t left = dr_mono_sub(end, dr_mono_now()).ns;
		ssize_t n;

		if (left <= 0)
			return -ETIMEDOUT;
		if (poll(&p, 1, (int)DR_MIN(left / DR_NSEC_PER_MSEC + 1, (int64_t)60000)) <= 0)
			continue;
		n = read(s->fd, said + have, sizeof(said) - 1 - have);
		if (n <= 0)
			return 1;
		have += (size_t)n;
		said[have] = '\0';
	}
	return 0;
}

int sc_ssh_session_new(const struct sc_ssh *s, const char *command, struct dr_dur limit,
		       struct sc_ssh_session **ret, char **ret_error)
{
	DR_AUTO_BUF struct dr_buf said = { 0 };
	DR_AUTO_CLOSE int err = memfd_create("errors", MFD_CLOEXEC);
	struct sc_ssh_session *new = NULL;
	int r = err < 0 ? dr_errno() : start(s, command, err, &new);

	if (r == 0)
		r = wait_ready(new, limit);
	if (r == 0) {
		*ret = new;
		return 0;
	}
	sc_ssh_session_free(new);
	if (err >= 0)
		sc_append_file(&said, err);
	if (r == -ETIMEDOUT)
		*ret_error = too_long(s, command, limit);
	else if (r < 0)
		*ret_error = dr_asprintf("%s@%s: cannot run ssh: %s", s->user, s->host, strerror(-r));
	else
		r = explain(s, dr_buf_str(&said), ret_error);
	return r;
}

int sc_ssh_session_go(struct sc_ssh_session *s)
{
	return send(s->fd, "go\n", 3, MSG_NOSIGNAL) == 3 ? 0 : dr_errno();
}
