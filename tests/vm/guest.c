/* SPDX-License-Identifier: Apache-2.0 */
#include <stdarg.h>
#include <stddef.h>
#include <setjmp.h>
#include <stdint.h>
#include <cmocka.h>

#include "tests/vm/guest.h"

#include <fcntl.h>
#include <poll.h>
#include <signal.h>
#include <string.h>
#include <sys/prctl.h>
#include <sys/socket.h>
#include <sys/wait.h>

#include "doctor/json.h"
#include "tools/scenario/run.h"

#define BOOT_MAX dr_sec(120)
#define COMMAND_MAX dr_sec(120)
#define QMP_MAX dr_sec(30)
#define KERNEL_ARGUMENTS                                                                                     \
	"console=ttyS0 quiet loglevel=3 rdinit=/init panic=-1 oops=panic tsc=reliable no_timer_check "       \
	"mitigations=off audit=0 apparmor=0 net.ifnames=0 doctor.commands"

struct line_reader {
	int fd;
	size_t used;
	char data[65536];
};

struct guest {
	char name[32];
	pid_t pid;
	char console[64]; /* a file with what its kernel says */
	struct line_reader port, qmp;
};

/* ---------------------------------------------------------------- lines */

/* The next line without its end; valid until the next call. NULL: none within the time, or no more. */
static char *read_line(struct line_reader *r, struct dr_dur max, char *line, size_t size)
{
	struct dr_mono end = dr_mono_add(dr_mono_now(), max);

	for (;;) {
		char *stop = memchr(r->data, '\n', r->used);
		if (stop || r->used == sizeof(r->data)) {
			size_t len = stop ? (size_t)(stop - r->data) : r->used, skip = len + (stop != NULL);
			size_t n = DR_MIN(len, size - 1);
			memcpy(line, r->data, n);
			line[n] = '\0';
			line[strcspn(line, "\r")] = '\0';
			memmove(r->data, r->data + skip, r->used - skip);
			r->used -= skip;
			return line;
		}
		struct dr_dur left = dr_mono_sub(end, dr_mono_now());
		struct pollfd p = { .fd = r->fd, .events = POLLIN };
		if (left.ns <= 0 || poll(&p, 1, (int)(left.ns / DR_NSEC_PER_MSEC) + 1) <= 0)
			return NULL;
		ssize_t n = read(r->fd, r->data + r->used, sizeof(r->data) - r->used);
		if (n <= 0)
			return NULL;
		r->used += (size_t)n;
	}
}

static void fail_with_console(const struct guest *g, const char *what)
{
	DR_AUTO_BUF struct dr_buf text = { 0 };
	DR_AUTO_CLOSE int fd = open(g->console, O_RDONLY | O_CLOEXEC);

	if (fd >= 0)
		sc_append_file(&text, fd);
	fprintf(stderr, "console of guest %s:\n%s\n", g->name, dr_buf_str(&text));
	fail_msg("guest %s: %s", g->name, what);
	abort();
}

static void say(const struct guest *g, int fd, const char *text)
{
	size_t len = strlen(text);

	if (send(fd, text, len, MSG_NOSIGNAL) != (ssize_t)len)
		fail_with_console(g, "is gone");
}

/* ---------------------------------------------------------------- life */

void guest_cable(int ret_ends[2])
{
	assert_int_equal(socketpair(AF_UNIX, SOCK_STREAM | SOCK_CLOEXEC, 0, ret_ends), 0);
}

/* In the child: descriptors for qemu, from first on, that survive exec(). */
static void hand_over(const int fds[], int n, int first)
{
	int high[8];

	for (int i = 0; i < n; i++)
		high[i] = fds[i] < 0 ? -1 : fcntl(fds[i], F_DUPFD_CLOEXEC, first + n);
	for (int i = 0; i < n; i++) {
		if (high[i] >= 0 && dup2(high[i], first + i) < 0)
			_exit(126);
	}
}

#define FD_PORT 3
#define FD_QMP 4
#define FD_CABLE 5
#define ARGUMENTS_MAX 64

static void run_qemu(const struct guest *g, unsigned number, const int fds[], unsigned cables)
{
	const char *accel = getenv("DOCTOR_VM_ACCEL"), *kernel = getenv("DOCTOR_VM_KERNEL"),
		   *initrd = getenv("DOCTOR_VM_INITRD");
	DR_AUTO_FREE char *console = dr_asprintf("file:%s", g->console);
	const char *argv[ARGUMENTS_MAX] = { "qemu-system-x86_64",
					    "-nodefaults",
					    "-no-user-config",
					    "-display",
					    "none",
					    "-no-reboot",
					    "-M",
					    "q35",
					    "-cpu",
					    "max",
					    "-smp",
					    "2",
					    "-m",
					    "768",
					    "-kernel",
					    kernel,
					    "-initrd",
					    initrd,
					    "-append",
					    KERNEL_ARGUMENTS,
					    "-serial",
					    console,
					    "-chardev",
					    "socket,id=port,fd=3",
					    "-serial",
					    "chardev:port",
					    "-chardev",
					    "socket,id=qmp,fd=4",
					    "-mon",
					    "chardev=qmp,mode=control",
					    "-accel",
					    accel ? accel : "tcg,thread=multi" };
	char netdev[GUEST_CABLES_MAX][64], device[GUEST_CABLES_MAX][128];
	unsigned n = 0;

	while (argv[n])
		n++;
	for (unsigned i = 0; i < cables; i++) {
		snprintf(netdev[i], sizeof(netdev[i]), "socket,id=n%u,fd=%u", i, FD_CABLE + i);
		snprintf(device[i], sizeof(device[i]),
			 "virtio-net-pci,netdev=n%u,mac=52:54:00:00:%02x:%02x,romfile=", i, i, number);
		argv[n++] = "-netdev";
		argv[n++] = netdev[i];
		argv[n++] = "-device";
		argv[n++] = device[i];
	}
	hand_over(fds, FD_CABLE - FD_PORT + (int)cables, FD_PORT);
	execvp(argv[0], (char *const *)argv);
	_exit(127);
}

struct guest *guest_new(const char *name, unsigned number, int cables[GUEST_CABLES_MAX])
{
	struct guest *g = calloc(1, sizeof(*g));
	int port[2], qmp[2];
	unsigned n = 0;

	assert_non_null(g);
	if (!getenv("DOCTOR_VM_KERNEL") || !getenv("DOCTOR_VM_INITRD"))
		fail_msg("started by tests/vm/run, which says what to boot");
	snprintf(g->name, sizeof(g->name), "%s", name);
	strcpy(g->console, "/tmp/doctor-guest-XXXXXX");
	DR_AUTO_CLOSE int console = mkostemp(g->console, O_CLOEXEC);
	assert_true(console >= 0);
	guest_cable(port);
	guest_cable(qmp);
	while (n < GUEST_CABLES_MAX && cables[n] >= 0)
		n++;
	const int fds[] = { port[1], qmp[1], cables[0], cables[1] };
	g->pid = fork();
	assert_true(g->pid >= 0);
	if (g->pid == 0) {
		prctl(PR_SET_PDEATHSIG, SIGKILL);
		setsid();
		run_qemu(g, number, fds, n);
	}
	for (unsigned i = 0; i < 2 + n; i++)
		close(fds[i]);
	g->port.fd = port[0];
	g->qmp.fd = qmp[0];
	return g;
}

/* Sends a command and waits for its answer; events that come between are passed over. */
static void qmp(struct guest *g, const char *command)
{
	DR_AUTO_FREE char *request = dr_asprintf("{\"execute\": \"%s\"}\n", command);
	char line[4096];

	say(g, g->qmp.fd, request);
	while (read_line(&g->qmp, QMP_MAX, line, sizeof(line))) {
		DR_AUTO_JSON struct dr_json *answer = NULL;
		if (dr_json_parse(line, strlen(line), &answer, NULL))
			continue;
		if (dr_json_get(answer, "return"))
			return;
		if (dr_json_get(answer, "error"))
			fail_with_console(g, line);
	}
	fail_with_console(g, "qemu does not answer");
}

void guest_wait_boot(struct guest *g)
{
	char line[256];

	do {
		if (!read_line(&g->port, BOOT_MAX, line, sizeof(line)))
			fail_with_console(g, "does not boot");
	} while (strcmp(line, "ready"));
	qmp(g, "qmp_capabilities");
}

void guest_free(struct guest *g)
{
	if (!g)
		return;
	kill(g->pid, SIGKILL);
	(void)!sc_wait(g->pid);
	close(g->port.fd);
	close(g->qmp.fd);
	unlink(g->console);
	free(g);
}

/* ---------------------------------------------------------------- what it is told */

static int run(struct guest *g, struct dr_buf *out, const char *command)
{
	char line[4096];
	int status;

	say(g, g->port.fd, command);
	say(g, g->port.fd, "\n");
	while (read_line(&g->port, COMMAND_MAX, line, sizeof(line))) {
		if (sscanf(line, "status %d", &status) == 1)
			return status;
		if (out)
			dr_buf_printf(out, "%s\n", line);
	}
	print_error("no answer to: %s\n", command);
	fail_with_console(g, "does not answer");
	return -1;
}

int guest_run(struct guest *g, struct dr_buf *out, const char *fmt, ...)
{
	char command[2048];
	va_list ap;

	va_start(ap, fmt);
	int n = vsnprintf(command, sizeof(command), fmt, ap);
	va_end(ap);
	assert_in_range(n, 0, sizeof(command) - 1);
	return run(g, out, command);
}

void guest_must(struct guest *g, const char *fmt, ...)
{
	DR_AUTO_BUF struct dr_buf out = { 0 };
	char command[2048];
	va_list ap;

	va_start(ap, fmt);
	int n = vsnprintf(command, sizeof(command), fmt, ap);
	va_end(ap);
	assert_in_range(n, 0, sizeof(command) - 1);
	int status = run(g, &out, command);
	if (status)
		fail_msg("guest %s: %s: status %d: %s", g->name, command, status, dr_buf_str(&out));
}

void guest_pause(struct guest *g, enum guest_pause how)
{
	if (how == GUEST_STOPPED)
		qmp(g, "stop");
	else
		assert_int_equal(kill(g->pid, SIGSTOP), 0);
}

void guest_resume(struct guest *g, enum guest_pause how)
{
	if (how == GUEST_STOPPED)
		qmp(g, "cont");
	else
		assert_int_equal(kill(g->pid, SIGCONT), 0);
}
