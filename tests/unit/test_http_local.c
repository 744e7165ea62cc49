/* SPDX-License-Identifier: Apache-2.0 */
/* HTTP over a local socket: whose it is, who may come, and what is left behind. */
#include "tests/unit/http_fixture.h"

#include <fcntl.h>
#include <sys/file.h>
#include <sys/socket.h>
#include <sys/stat.h>
#include <sys/un.h>
#include <sys/wait.h>

struct place {
	struct fixture *f;
	char dir[32], path[64];
};

static int setup(void **state)
{
	struct place *p = calloc(1, sizeof(*p));

	assert_non_null(p);
	memcpy(p->dir, "/tmp/http_local.XXXXXX", sizeof("/tmp/http_local.XXXXXX"));
	assert_non_null(mkdtemp(p->dir));
	snprintf(p->path, sizeof(p->path), "%s/run/it.sock", p->dir);
	assert_int_equal(fixture_setup((void **)&p->f), 0);
	*state = p;
	return 0;
}

static int teardown(void **state)
{
	struct place *p = *state;
	char run[48];

	fixture_teardown((void **)&p->f);
	snprintf(run, sizeof(run), "%s/run", p->dir);
	unlink(p->path);
	rmdir(run);
	assert_int_equal(rmdir(p->dir), 0); /* nothing else was left */
	free(p);
	return 0;
}

static struct dr_http_server_opts at(const struct place *p)
{
	return (struct dr_http_server_opts){ .unix_path = p->path };
}

static void never(struct dr_http_exchange *x, void *userdata)
{
	fail_msg("a request came to the wrong server");
}

static int try_another(struct place *p)
{
	const struct dr_http_server_opts o = at(p);
	DR_AUTO(dr_http_server_freep) struct dr_http_server *s = NULL;

	return dr_http_server_new(p->f->loop, &o, never, NULL, &s);
}

static void make_run_directory(const struct place *p)
{
	char run[48];

	snprintf(run, sizeof(run), "%s/run", p->dir);
	assert_int_equal(mkdir(run, 0700), 0);
}

static void assert_gone(const struct place *p)
{
	assert_int_equal(access(p->path, F_OK), -1);
	assert_int_equal(errno, ENOENT);
}

static void use(struct place *p)
{
	const struct dr_http_server_opts server = at(p);
	const struct dr_http_client_opts client = { .unix_socket = p->path };

	fixture_server(p->f, &server);
	fixture_client(p->f, &client);
}

static void test_serves(void **state)
{
	struct place *p = *state;
	struct dr_http_request req = {
		.method = "PUT", .url = "http://doctor/v1/x?q=1", .body = "abc", .body_len = 3
	};
	struct dr_http_response r;

	use(p);
	assert_int_equal(dr_http_server_port(p->f->server), 0);
	for (int i = 0; i < 3; i++) {
		assert_int_equal(dr_http_call(p->f->client, &req, &r), 0);
		assert_string_equal(r.reason, "");
		assert_int_equal(r.status, 200);
		assert_non_null(strstr(dr_buf_str(&r.body), "PUT /v1/x q=1 "));
		assert_non_null(strstr(dr_buf_str(&r.body), " peer=local len=3\nabc"));
		dr_http_response_done(&r);
	}
	dr_http_server_free(DR_TAKE_PTR(p->f->server));
	assert_gone(p);
}

static void test_proxy_of_the_environment(void **state)
{
	struct place *p = *state;
	struct dr_http_request req = { .method = "GET", .url = "http://doctor/" };
	struct dr_http_response r;

	setenv("http_proxy", "http://192.0.2.1:1/", 1);
	use(p);
	assert_int_equal(dr_http_call(p->f->client, &req, &r), 0);
	unsetenv("http_proxy");
	assert_int_equal(r.status, 200);
	dr_http_response_done(&r);
}

/* Owner and group, whatever the umask; the directory is for all to enter. */
static void test_modes(void **state)
{
	struct place *p = *state;
	const mode_t masks[] = { 0, 022, 077 };
	struct stat st;
	char run[48];

	snprintf(run, sizeof(run), "%s/run", p->dir);
	for (size_t i = 0; i < DR_ARRAY_SIZE(masks); i++) {
		mode_t before = umask(masks[i]);
		use(p);
		umask(before);
		assert_int_equal(stat(p->path, &st), 0);
		assert_int_equal(st.st_mode, S_IFSOCK | 0660);
		assert_int_equal(stat(run, &st), 0);
		assert_int_equal(st.st_mode, S_IFDIR | (0755 & ~masks[0]));
		assert_int_equal(st.st_uid, geteuid());
		dr_http_server_free(DR_TAKE_PTR(p->f->server));
	}
}

/* Whoever the process becomes owns the socket, and can remove it. */
static void test_given_to_another_user(void **state)
{
	struct place *p = *state;
	struct stat st;
	char run[48];

	if (geteuid() != 0) {
		print_message("skipped: not root, so it cannot be another user's\n");
		skip();
	}
	snprintf(run, sizeof(run), "%s/run", p->dir);
	assert_int_equal(chmod(p->dir, 0755), 0);
	use(p);
	assert_int_equal(dr_http_server_give(p->f->server, 12345, 54321), 0);
	assert_int_equal(stat(p->path, &st), 0);
	assert_int_equal(st.st_uid, 12345);
	assert_int_equal(st.st_gid, 54321);
	assert_int_equal(st.st_mode, S_IFSOCK | 0660);
	assert_int_equal(stat(run, &st), 0);
	assert_int_equal(st.st_uid, 12345);
	assert_int_equal(seteuid(12345), 0);
	dr_http_server_free(DR_TAKE_PTR(p->f->server));
	assert_int_equal(seteuid(0), 0);
	assert_gone(p);
}

/* A directory that was there belongs to whom it belonged; a path that is another's by now is left alone. */
static void test_only_ours_is_given(void **state)
{
	struct place *p = *state;
	struct stat st;
	char run[48];

	if (geteuid() != 0) {
		print_message("skipped: not root, so it cannot be another user's\n");
		skip();
	}
	snprintf(run, sizeof(run), "%s/run", p->dir);
	make_run_directory(p);
	use(p);
	assert_int_equal(dr_http_server_give(p->f->server, 12345, 54321), 0);
	assert_int_equal(stat(run, &st), 0);
	assert_int_equal(st.st_uid, 0);
	assert_int_equal(unlink(p->path), 0);
	assert_int_equal(symlink("/dev/null", p->path), 0);
	assert_int_equal(dr_http_server_give(p->f->server, 12345, 54321), -ESTALE);
	assert_int_equal(stat("/dev/null", &st), 0);
	assert_int_equal(st.st_uid, 0);
	assert_int_equal(unlink(p->path), 0);
}

static void test_living_is_refused(void **state)
{
	struct place *p = *state;

	use(p);
	assert_int_equal(try_another(p), -EADDRINUSE);
	test_serves(state); /* fixture_server() frees the first one before */
}

/* A socket that was bound but whose process has ended. */
static void leave_dead(const struct place *p)
{
	struct sockaddr_un sun = { .sun_family = AF_UNIX };
	int status;
	pid_t pid = fork();

	assert_true(pid >= 0);
	if (pid == 0) {
		int fd = socket(AF_UNIX, SOCK_STREAM, 0);
		memcpy(sun.sun_path, p->path, sizeof(p->path));
		_exit(bind(fd, (struct sockaddr *)&sun, sizeof(sun)) || listen(fd, 1));
	}
	assert_int_equal(waitpid(pid, &status, 0), pid);
	assert_int_equal(status, 0);
	assert_int_equal(access(p->path, F_OK), 0);
}

static void test_dead_is_replaced(void **state)
{
	struct place *p = *state;

	make_run_directory(p);
	leave_dead(p);
	test_serves(state);
}

static void test_what_is_no_socket_stays(void **state)
{
	struct place *p = *state;
	char target[64];
	int fd;

	make_run_directory(p);
	fd = open(p->path, O_CREAT | O_WRONLY | O_CLOEXEC, 0600);
	assert_true(fd >= 0);
	assert_int_equal(write(fd, "precious", 8), 8);
	close(fd);
	assert_int_equal(try_another(p), -EEXIST);
	assert_int_equal(access(p->path, F_OK), 0);
	unlink(p->path);

	/* nor is a link followed, to a dead socket even */
	snprintf(target, sizeof(target), "%s/target", p->dir);
	leave_dead(p);
	assert_int_equal(rename(p->path, target), 0);
	assert_int_equal(symlink(target, p->path), 0);
	assert_int_equal(try_another(p), -EEXIST);
	assert_int_equal(access(target, F_OK), 0);
	unlink(target);
}

/* Somebody has removed our socket and taken the path: it stays his. */
static void test_another_took_the_path(void **state)
{
	struct place *p = *state;

	use(p);
	unlink(p->path);
	leave_dead(p);
	dr_http_server_free(DR_TAKE_PTR(p->f->server));
	assert_int_equal(access(p->path, F_OK), 0);
}

static void test_refused_paths(void **state)
{
	struct place *p = *state;
	char path[200];
	const struct dr_http_server_opts o = { .unix_path = path };
	struct dr_http_server *s = NULL;

	memset(path, 'x', sizeof(path) - 1);
	path[sizeof(path) - 1] = '\0';
	path[0] = '/';
	assert_int_equal(dr_http_server_new(p->f->loop, &o, never, NULL, &s), -ENAMETOOLONG);
	path[0] = '\0';
	assert_int_equal(dr_http_server_new(p->f->loop, &o, never, NULL, &s), -EINVAL);
	snprintf(path, sizeof(path), "%s/no/such/it.sock", p->dir); /* one directory is made, not two */
	assert_int_equal(dr_http_server_new(p->f->loop, &o, never, NULL, &s), -ENOENT);
	snprintf(path, sizeof(path), "/dev/null/it.sock");
	assert_int_equal(dr_http_server_new(p->f->loop, &o, never, NULL, &s), -ENOTDIR);
}

/* Whoever locks the directory does not keep us out. */
static void test_locked_directory(void **state)
{
	struct place *p = *state;
	char run[48];
	int fd;

	make_run_directory(p);
	snprintf(run, sizeof(run), "%s/run", p->dir);
	fd = open(run, O_RDONLY | O_DIRECTORY | O_CLOEXEC);
	assert_int_equal(flock(fd, LOCK_EX), 0);
	test_serves(state);
	close(fd);
}

static void test_client_without_server(void **state)
{
	struct place *p = *state;
	const struct dr_http_client_opts client = { .unix_socket = p->path };
	struct dr_http_request req = { .method = "GET", .url = "http://doctor/" };
	struct dr_http_response r;

	fixture_client(p->f, &client);
	assert_int_equal(dr_http_call(p->f->client, &req, &r), 0);
	assert_int_equal(r.error, -ENOENT);
	dr_http_response_done(&r);

	make_run_directory(p);
	leave_dead(p);
	assert_int_equal(dr_http_call(p->f->client, &req, &r), 0);
	assert_int_equal(r.error, -ECONNREFUSED);
	dr_http_response_done(&r);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test_setup_teardown(test_serves, setup, teardown),
		cmocka_unit_test_setup_teardown(test_proxy_of_the_environment, setup, teardown),
		cmocka_unit_test_setup_teardown(test_modes, setup, teardown),
		cmocka_unit_test_setup_teardown(test_given_to_another_user, setup, teardown),
		cmocka_unit_test_setup_teardown(test_only_ours_is_given, setup, teardown),
		cmocka_unit_test_setup_teardown(test_living_is_refused, setup, teardown),
		cmocka_unit_test_setup_teardown(test_dead_is_replaced, setup, teardown),
		cmocka_unit_test_setup_teardown(test_what_is_no_socket_stays, setup, teardown),
		cmocka_unit_test_setup_teardown(test_another_took_the_path, setup, teardown),
		cmocka_unit_test_setup_teardown(test_refused_paths, setup, teardown),
		cmocka_unit_test_setup_teardown(test_locked_directory, setup, teardown),
		cmocka_unit_test_setup_teardown(test_client_without_server, setup, teardown),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
