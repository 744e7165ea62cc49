/* SPDX-License-Identifier: Apache-2.0 */
#include "tools/bench/proc.h"

#include <fcntl.h>
#include <poll.h>
#include <signal.h>
#include <string.h>
#include <sys/epoll.h>
#include <sys/prctl.h>
#include <sys/wait.h>
#include <termios.h>

#define LINES_MAX 16384 /* bytes of output that are held: one line at least */
#define TAIL 800
#define END_WAIT dr_sec(5)

struct bench_proc {
	pid_t pid; /* 0: reaped */
	int terminal;
	struct dr_source *source;
	bench_proc_line_fn line;
	void *userdata;
	size_t have;
	char text[LINES_MAX];
	char tail[TAIL]; /* the last output, without its first, broken line */
	size_t tail_len;
};

pid_t bench_proc_pid(const struct bench_proc *p)
{
	return p->pid;
}

/* ---------------------------------------------------------------- output */

static void remember(struct bench_proc *p, const char *line, size_t len)
{
	if (len + 1 > TAIL / 2)
		len = TAIL / 2 - 1;
	while (p->tail_len + len + 1 > TAIL) {
		size_t first = (size_t)((char *)memchr(p->tail, '\n', p->tail_len) - p->tail) + 1;

		memmove(p->tail, p->tail + first, p->tail_len - first);
		p->tail_len -= first;
	}
	memcpy(p->tail + p->tail_len, line, len);
	p->tail[p->tail_len + len] = '\n';
	p->tail_len += len + 1;
}

static void split(struct bench_proc *p, struct dr_mono at)
{
	char *line = p->text, *end;

	while ((end = memchr(line, '\n', p->have - (size_t)(line - p->text)))) {
		*end = '\0';
		remember(p, line, (size_t)(end - line));
		p->line(line, at, p->userdata);
		line = end + 1;
	}
	p->have -= (size_t)(line - p->text);
	memmove(p->text, line, p->have);
	if (p->have == LINES_MAX - 1)
		p->have = 0; /* no line of ours is so long */
}

static int on_output(struct dr_source *s, int fd, uint32_t events, void *userdata)
{
	struct bench_proc *p = userdata;
	ssize_t n = read(fd, p->text + p->have, LINES_MAX - 1 - p->have);

	if (n > 0) {
		p->have += (size_t)n;
		split(p, dr_mono_now());
	} else if (n == 0 || (errno != EAGAIN && errno != EINTR)) {
		dr_source_free(DR_TAKE_PTR(p->source)); /* it has ended */
	}
	return 0;
}

void bench_proc_tail(const struct bench_proc *p, struct dr_buf *out)
{
	dr_buf_append(out, p->tail, p->tail_len);
}

/* ---------------------------------------------------------------- life */

/* Both ends of a terminal that changes nothing of what passes. */
static int open_terminal(int *ret_master, int *ret_slave)
{
	DR_AUTO_CLOSE int master = posix_openpt(O_RDWR | O_NOCTTY | O_CLOEXEC | O_NONBLOCK);
	DR_AUTO_CLOSE int slave = -1;
	struct termios t;
	char name[64];

	if (master < 0 || grantpt(master) < 0 || unlockpt(master) < 0 ||
	    ptsname_r(master, name, sizeof(name)))
		return dr_errno();
	slave = open(name, O_RDWR | O_NOCTTY | O_CLOEXEC);
	if (slave < 0 || tcgetattr(slave, &t) < 0)
		return dr_errno();
	cfmakeraw(&t);
	if (tcsetattr(slave, TCSANOW, &t) < 0)
		return dr_errno();
	*ret_master = DR_TAKE_FD(master);
	*ret_slave = DR_TAKE_FD(slave);
	return 0;
}

static void become(const struct bench_proc_opts *o, int slave, pid_t parent)
{
	struct sigaction defaults = { .sa_handler = SIG_DFL };
	int null = open("/dev/null", O_RDWR | O_CLOEXEC);
	sigset_t none;

	setpgid(0, 0);
	prctl(PR_SET_PDEATHSIG, SIGTERM);
	if (getppid() != parent || null < 0 || dup2(null, 0) < 0 || dup2(o->discard ? null : slave, 1) < 0 ||
	    dup2(slave, 2) < 0)
		_exit(127);
	for (int i = 1; i < NSIG; i++)
		sigaction(i, &defaults, NULL);
	sigemptyset(&none);
	sigprocmask(SIG_SETMASK, &none, NULL);
	unsetenv("JOURNAL_STREAM");
	unsetenv("NOTIFY_SOCKET");
	if (bench_net_enter(o->net, o->side) < 0)
		_exit(127);
	execvp(o->argv[0], (char *const *)o->argv);
	dprintf(2, "%s: %s\n", o->argv[0], strerror(errno));
	_exit(127);
}

int bench_proc_start(const struct bench_proc_opts *o, struct bench_proc **ret)
{
	struct bench_proc *p = calloc(1, sizeof(*p));
	DR_AUTO_CLOSE int slave = -1;
	pid_t parent = getpid();
	int r;

	if (!p)
		return -ENOMEM;
	p->terminal = -1;
	p->line = o->line;
	p->userdata = o->userdata;
	r = open_terminal(&p->terminal, &slave);
	if (r == 0)
		r = dr_loop_add_io(o->loop, p->terminal, EPOLLIN, on_output, p, &p->source);
	if (r == 0) {
		p->pid = fork();
		if (p->pid == 0)
			become(o, slave, parent);
		if (p->pid < 0) {
			r = dr_errno();
			p->pid = 0;
		}
	}
	if (r < 0) {
		bench_proc_free(p);
		return r;
	}
	*ret = p;
	return 0;
}

bool bench_proc_running(struct bench_proc *p)
{
	int status;

	if (p->pid && waitpid(p->pid, &status, WNOHANG) == p->pid)
		p->pid = 0;
	return p->pid != 0;
}

/* What it still says must be taken, or it cannot end. */
static void drain(struct bench_proc *p)
{
	struct pollfd f = { .fd = p->terminal, .events = POLLIN };
	char text[4096];

	(void)!poll(&f, 1, 10);
	while (read(p->terminal, text, sizeof(text)) > 0)
		;
}

void bench_proc_free(struct bench_proc *p)
{
	struct dr_mono end = dr_mono_add(dr_mono_now(), END_WAIT);

	if (!p)
		return;
	if (bench_proc_running(p))
		kill(p->pid, SIGTERM);
	while (bench_proc_running(p)) {
		drain(p);
		if (dr_mono_sub(end, dr_mono_now()).ns < 0)
			kill(p->pid, SIGKILL);
	}
	dr_source_free(p->source);
	dr_closep(&p->terminal);
	free(p);
}
