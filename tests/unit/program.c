/* SPDX-License-Identifier: Apache-2.0 */
#include "tests/unit/program.h"

#include <fcntl.h>
#include <signal.h>
#include <stdlib.h>
#include <string.h>
#include <sys/socket.h>
#include <sys/un.h>
#include <sys/wait.h>
#include <unistd.h>

#define NOBODY 65534

struct program program;

static char path[512], output[128];
static struct dr_source *watch;

/* DOCTOR_BIN, or beside us: BUILD/tests/unit/test_x and BUILD/bin. */
static void find(const char *name)
{
	const char *bin = getenv("DOCTOR_BIN");
	char self[256];
	ssize_t n = readlink("/proc/self/exe", self, sizeof(self) - 1);

	self[n > 0 ? n : 0] = '\0';
	for (int up = 0; up < 3; up++)
		*(strrchr(self, '/') ?: self) = '\0';
	snprintf(path, sizeof(path), "%s%s/%s", bin ? bin : self, bin ? "" : "/bin", name);
}

static void listen_for_notifications(void)
{
	struct sockaddr_un sun = { .sun_family = AF_UNIX };
	socklen_t len = sizeof(sun);

	program.notify = socket(AF_UNIX, SOCK_DGRAM | SOCK_CLOEXEC | SOCK_NONBLOCK, 0);
	assert_true(program.notify >= 0);
	assert_int_equal(bind(program.notify, (struct sockaddr *)&sun, sizeof(sa_family_t)), 0);
	assert_int_equal(getsockname(program.notify, (struct sockaddr *)&sun, &len), 0);
	snprintf(program.notify_path, sizeof(program.notify_path), "NOTIFY_SOCKET=@%.*s",
		 (int)(len - sizeof(sa_family_t) - 1), sun.sun_path + 1);
}

bool program_notified(const char *what)
{
	char text[256];

	for (;;) {
		ssize_t n = recv(program.notify, text, sizeof(text) - 1, 0);

		if (n <= 0)
			return false;
		text[n] = '\0';
		if (strcmp(text, "WATCHDOG=1"))
			return strcmp(text, what) == 0;
	}
}

void program_setup(const char *name)
{
	program = (struct program){ 0 };
	listen_for_notifications();
	find(name);
	strcpy(program.dir, "/tmp/doctor-test-program-XXXXXX");
	assert_non_null(mkdtemp(program.dir));
	snprintf(program.config, sizeof(program.config), "%s/config.yaml", program.dir);
	snprintf(output, sizeof(output), "%s/output", program.dir);
	assert_int_equal(dr_loop_new(&program.loop), 0);
}

void program_teardown(void)
{
	if (program.pid) {
		kill(program.pid, SIGKILL);
		waitpid(program.pid, NULL, 0);
	}
	close(program.notify);
	dr_source_free(DR_TAKE_PTR(watch));
	dr_loop_free(program.loop);
	unlink(program.config);
	unlink(output);
	assert_int_equal(rmdir(program.dir), 0);
}

void program_configure(const char *fmt, ...)
{
	DR_AUTO_FCLOSE FILE *f = fopen(program.config, "we");
	va_list ap;

	assert_non_null(f);
	va_start(ap, fmt);
	assert_true(vfprintf(f, fmt, ap) > 0);
	va_end(ap);
}

static int on_end(struct dr_source *s, const siginfo_t *si, void *userdata)
{
	program.pid = 0;
	program.status = si->si_code == CLD_EXITED ? si->si_status : 128 + si->si_status;
	return 0;
}

static void spawn(char *const argv[], char *const env[], bool as_user)
{
	DR_AUTO_CLOSE int exe = open(path, O_PATH | O_CLOEXEC);
	DR_AUTO_CLOSE int in = open(as_user ? program.config : "/dev/null", O_RDONLY | O_CLOEXEC);
	DR_AUTO_CLOSE int out = open(output, O_WRONLY | O_CREAT | O_TRUNC | O_CLOEXEC, 0600);
	bool drop = as_user && geteuid() == 0;

	assert_true(exe >= 0 && in >= 0 && out >= 0);
	dr_source_free(DR_TAKE_PTR(watch));
	program.pid = fork();
	assert_true(program.pid >= 0);
	if (!program.pid) {
		sigset_t none;

		sigemptyset(&none);
		sigprocmask(SIG_SETMASK, &none, NULL);
		if (drop && (setresgid(NOBODY, NOBODY, NOBODY) || setresuid(NOBODY, NOBODY, NOBODY)))
			_exit(125);
		if (dup2(in, 0) < 0 || dup2(out, 1) < 0 || dup2(out, 2) < 0)
			_exit(126);
		fexecve(exe, argv, env);
		_exit(127);
	}
	assert_int_equal(dr_loop_add_child(program.loop, program.pid, on_end, NULL, &watch), 0);
}

void program_spawn(char *const argv[], char *const env[])
{
	spawn(argv, env, false);
}

void program_spawn_as_user(char *const argv[], char *const env[])
{
	if (geteuid() == 0) /* whose folder it is now */
		assert_int_equal(chown(program.dir, NOBODY, NOBODY), 0);
	spawn(argv, env, true);
}

const char *program_output(void)
{
	static char text[16384];
	DR_AUTO_FCLOSE FILE *f = fopen(output, "re");

	assert_non_null(f);
	text[fread(text, 1, sizeof(text) - 1, f)] = '\0';
	return text;
}

void program_assert_end(int status, const char *says)
{
	wait_for(!program.pid);
	if (program.status != status || !strstr(program_output(), says))
		fail_msg("status %d instead of %d; \"%s\" without \"%s\"", program.status, status,
			 program_output(), says);
}
