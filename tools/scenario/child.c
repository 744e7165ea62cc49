/* SPDX-License-Identifier: Apache-2.0 */
#include "tools/scenario/child.h"

#include <fcntl.h>
#include <poll.h>
#include <signal.h>
#include <string.h>
#include <sys/prctl.h>
#include <sys/socket.h>
#include <sys/stat.h>
#include <sys/un.h>
#include <sys/wait.h>

#include "tools/scenario/topo.h"

#define LINE_MAX_BYTES 8192
#define POLL_MS 10 /* how often we look whether it has ended, and ask stop() */

struct sc_child {
	char *name;
	char *log_path;
	char notify_path[sizeof(((struct sockaddr_un *)0)->sun_path)];
	int notify;
	bool ready; /* it has said so */
	int log;    /* for reading */
	pid_t pid;
	int status; /* once pid is 0 */
	char line[LINE_MAX_BYTES];
	size_t have;  /* bytes in line */
	size_t taken; /* of these, returned by the last call */
};

const char *sc_child_name(const struct sc_child *c)
{
	return c->name;
}

const char *sc_child_log(const struct sc_child *c)
{
	return c->log_path;
}

bool sc_child_ready(const struct sc_child *c)
{
	return c->ready;
}

pid_t sc_child_pid(const struct sc_child *c)
{
	return c->pid;
}

/* ---------------------------------------------------------------- start */

static int listen_notify(struct sc_child *c, const char *dir)
{
	struct sockaddr_un addr = { .sun_family = AF_UNIX };
	int n = snprintf(c->notify_path, sizeof(c->notify_path), "%s/%s.notify", dir, c->name);

	if (n < 0 || (size_t)n >= sizeof(c->notify_path)) {
		c->notify_path[0] = '\0';
		return -ENAMETOOLONG;
	}
	memcpy(addr.sun_path, c->notify_path, sizeof(addr.sun_path));
	unlink(c->notify_path);
	c->notify = socket(AF_UNIX, SOCK_DGRAM | SOCK_CLOEXEC, 0);
	if (c->notify < 0 || bind(c->notify, (struct sockaddr *)&addr, sizeof(addr)) < 0)
		return dr_errno();
	return 0;
}

/* The child's part, up to exec; an errno says where it failed. */
static int become(const struct sc_child_opts *opts, const struct sc_child *c, int log, pid_t parent)
{
	struct sigaction defaults = { .sa_handler = SIG_DFL };
	int null = open("/dev/null", O_RDONLY | O_CLOEXEC), error;
	sigset_t none;

	if (setpgid(0, 0) < 0 || prctl(PR_SET_PDEATHSIG, SIGTERM) < 0)
		return errno;
	if (getppid() != parent)
		return ESRCH;
	if (opts->topo && (error = sc_topo_enter(opts->topo, opts->host)) < 0)
		return -error;
	if (null < 0 || dup2(null, 0) < 0 || dup2(log, 1) < 0 || dup2(log, 2) < 0)
		return errno;
	for (int i = 1; i < NSIG; i++)
		sigaction(i, &defaults, NULL);
	sigemptyset(&none);
	sigprocmask(SIG_SETMASK, &none, NULL);
	unsetenv("JOURNAL_STREAM"); /* its log is a file */
	if (setenv("NOTIFY_SOCKET", c->notify_path, 1) < 0)
		return errno;
	execv(opts->argv[0], (char *const *)opts->argv);
	return errno;
}

/* 0, or the child's errno if it could not execute the program. */
static int spawn(const struct sc_child_opts *opts, struct sc_child *c, int log)
{
	int tell[2], error = 0;
	pid_t parent = getpid();
	ssize_t n;

	if (pipe2(tell, O_CLOEXEC) < 0)
		return dr_errno();
	c->pid = fork();
	if (c->pid == 0) {
		error = become(opts, c, log, parent);
		_exit(write(tell[1], &error, sizeof(error)) < 0 ? 126 : 127);
	}
	close(tell[1]);
	if (c->pid < 0) {
		c->pid = 0;
		error = errno;
		close(tell[0]);
		return -error;
	}
	do
		n = read(tell[0], &error, sizeof(error));
	while (n < 0 && errno == EINTR);
	close(tell[0]);
	return n > 0 ? -error : 0;
}

static int start(const struct sc_child_opts *opts, struct sc_child *c)
{
	DR_AUTO_CLOSE int log = -1;
	int r;

	c->name = strdup(opts->name);
	c->log_path = dr_asprintf("%s/%s.log", opts->dir, opts->name);
	if (!c->name || !c->log_path)
		return -ENOMEM;
	r = listen_notify(c, opts->dir);
	if (r < 0)
		return r;
	log = open(c->log_path, O_WRONLY | O_CREAT | O_TRUNC | O_APPEND | O_CLOEXEC, 0600);
	c->log = open(c->log_path, O_RDONLY | O_CLOEXEC);
	if (log < 0 || c->log < 0)
		return dr_errno();
	return spawn(opts, c, log);
}

int sc_child_start(const struct sc_child_opts *opts, struct sc_child **ret, char **ret_error)
{
	DR_AUTO(sc_child_freep) struct sc_child *c = calloc(1, sizeof(*c));
	int r = -ENOMEM;

	if (c) {
		c->notify = c->log = -1;
		r = start(opts, c);
	}
	if (r < 0) {
		if (ret_error)
			*ret_error = dr_asprintf("cannot start %s: %s", opts->argv[0], strerror(-r));
		return r;
	}
	*ret = DR_TAKE_PTR(c);
	return 0;
}

/* ---------------------------------------------------------------- end */

/* True if it has ended. */
static bool reap(struct sc_child *c)
{
	int status;

	if (c->pid == 0)
		return true;
	if (waitpid(c->pid, &status, WNOHANG) != c->pid)
		return false;
	c->status = WIFSIGNALED(status) ? 128 + WTERMSIG(status) : WEXITSTATUS(status);
	c->pid = 0;
	return true;
}

bool sc_child_running(struct sc_child *c)
{
	return !reap(c);
}

static bool reap_until(struct sc_child *c, struct dr_dur limit)
{
	struct dr_mono end = dr_mono_add(dr_mono_now(), limit);

	while (!reap(c)) {
		if (dr_mono_sub(end, dr_mono_now()).ns <= 0)
			return false;
		(void)!poll(NULL, 0, POLL_MS);
	}
	return true;
}

int sc_child_stop(struct sc_child *c, struct dr_dur limit)
{
	if (c->pid)
		kill(c->pid, SIGTERM);
	if (!reap_until(c, limit)) {
		kill(c->pid, SIGKILL);
		if (!reap_until(c, dr_sec(60)))
			return -ETIMEDOUT; /* it hangs in the kernel */
	}
	return c->status;
}

void sc_child_free(struct sc_child *c)
{
	if (!c)
		return;
	if (c->pid) {
		kill(c->pid, SIGKILL);
		(void)!reap_until(c, dr_sec(60));
	}
	if (c->notify_path[0])
		unlink(c->notify_path);
	dr_closep(&c->notify);
	dr_closep(&c->log);
	free(c->name);
	free(c->log_path);
	free(c);
}

/* ---------------------------------------------------------------- readiness */

static bool says_ready(struct sc_child *c)
{
	char text[512];
	ssize_t n = recv(c->notify, text, sizeof(text) - 1, MSG_DONTWAIT);

	if (n < 0)
		return false;
	text[n] = '\0';
	for (char *save, *line = strtok_r(text, "\n", &save); line; line = strtok_r(NULL, "\n", &save))
		if (strcmp(line, "READY=1") == 0)
			return true;
	return false;
}

int sc_child_wait_ready(struct sc_child *c, struct dr_dur limit, sc_stop_fn stop)
{
	struct dr_mono end = dr_mono_add(dr_mono_now(), limit);

	for (;;) {
		struct pollfd p = { .fd = c->notify, .events = POLLIN };
		bool ended = !sc_child_running(c); /* before the last look at what it said */

		(void)!poll(&p, 1, ended ? 0 : POLL_MS);
		if (p.revents && says_ready(c)) {
			c->ready = true;
			return 0;
		}
		if (!p.revents && ended)
			return 1;
		if (stop && stop())
			return -EINTR;
		if (dr_mono_sub(end, dr_mono_now()).ns <= 0)
			return -ETIMEDOUT;
	}
}

/* ---------------------------------------------------------------- log */

/* A daemon goes on to say how it is, and waits while nobody reads it. */
static void drain_notify(struct sc_child *c)
{
	char text[256];

	while (c->ready && recv(c->notify, text, sizeof(text), MSG_DONTWAIT) > 0)
		;
}

const char *sc_child_line(struct sc_child *c)
{
	char *end;
	ssize_t n;

	drain_notify(c);

	memmove(c->line, c->line + c->taken, c->have - c->taken);
	c->have -= c->taken;
	c->taken = 0;
	end = memchr(c->line, '\n', c->have);
	if (!end) {
		n = read(c->log, c->line + c->have, sizeof(c->line) - c->have);
		c->have += n > 0 ? (size_t)n : 0;
		end = memchr(c->line, '\n', c->have);
	}
	if (!end && c->have == sizeof(c->line)) /* too long to be of interest: in pieces */
		end = c->line + sizeof(c->line) - 1;
	if (!end)
		return NULL;
	*end = '\0';
	c->taken = (size_t)(end - c->line) + 1;
	return c->line;
}

void sc_child_tail(const struct sc_child *c, unsigned lines, const char *indent, struct dr_buf *out)
{
	char text[16384];
	struct stat st;
	off_t from;
	ssize_t n;
	char *p;

	if (fstat(c->log, &st) < 0)
		return;
	from = st.st_size > (off_t)sizeof(text) - 1 ? st.st_size - ((off_t)sizeof(text) - 1) : 0;
	n = pread(c->log, text, sizeof(text) - 1, from);
	if (n <= 0)
		return;
	n -= text[n - 1] == '\n';
	text[n] = '\0';
	for (p = text + n; p > text && lines; p--)
		lines -= p[-1] == '\n';
	p += lines == 0; /* past the line end that stopped us */
	for (char *save, *line = strtok_r(p, "\n", &save); line; line = strtok_r(NULL, "\n", &save))
		dr_buf_printf(out, "%s%s\n", indent, line);
}
