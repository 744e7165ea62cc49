// SPDX-License-Identifier: Apache-2.0
#include <stdarg.h>
#include <stddef.h>
#include <setjmp.h>
#include <stdint.h>
#include <cmocka.h>
#include <fcntl.h>
#include <signal.h>
#include <string.h>
#include <sys/stat.h>
#include <sys/wait.h>

#include "doctor/store.h"

static const char *const steps[] = {
	"CREATE TABLE things(name TEXT PRIMARY KEY, n INTEGER)",
	"ALTER TABLE things ADD COLUMN note TEXT; UPDATE things SET note = 'old'",
	"CREATE TABLE broken(a); NONSENSE",
};

struct place {
	char dir[32];
	char path[64];
};

static int setup(void **state)
{
	struct place *p = calloc(1, sizeof(*p));

	strcpy(p->dir, "/tmp/doctor-store-XXXXXX");
	if (!mkdtemp(p->dir))
		return -1;
	snprintf(p->path, sizeof(p->path), "%s/db", p->dir);
	*state = p;
	return 0;
}

static int teardown(void **state)
{
	static const char *const endings[] = { "", "-wal", "-shm", "-journal" };
	struct place *p = *state;
	char path[80];

	for (size_t i = 0; i < DR_ARRAY_SIZE(endings); i++) {
		snprintf(path, sizeof(path), "%s%s", p->path, endings[i]);
		unlink(path);
	}
	rmdir(p->dir);
	free(p);
	return 0;
}

static struct dr_store *open_at(const struct place *p, unsigned version)
{
	struct dr_store *s = NULL;
	char *why = NULL;

	if (dr_store_open(p->path, steps, version, &s, &why))
		fail_msg("%s", why);
	return s;
}

static void put(struct dr_store *s, const char *name, int64_t n)
{
	DR_AUTO(dr_query_freep) struct dr_query *q = NULL;

	assert_int_equal(dr_query_new(s, "INSERT INTO things(name, n) VALUES(?, ?)", &q), 0);
	dr_query_bind_text(q, 1, name);
	dr_query_bind_int(q, 2, n);
	assert_int_equal(dr_query_run(q), 0);
}

static int64_t count(struct dr_store *s)
{
	DR_AUTO(dr_query_freep) struct dr_query *q = NULL;
	int64_t n;

	assert_int_equal(dr_query_new(s, "SELECT count(*) FROM things", &q), 0);
	assert_int_equal(dr_query_step(q), 1);
	n = dr_query_int(q, 0);
	assert_int_equal(dr_query_step(q), 0);
	return n;
}

static void test_kept(void **state)
{
	const struct place *p = *state;
	struct dr_store *s = open_at(p, 1);
	struct dr_query *q;
	struct stat st;

	assert_int_equal(stat(p->path, &st), 0);
	assert_int_equal(st.st_mode & 0777, 0600);
	put(s, "a", 1);
	assert_int_equal(dr_store_begin(s, true), 0);
	put(s, "b", INT64_MIN);
	put(s, "c", 3);
	assert_int_equal(dr_store_commit(s), 0);
	assert_int_equal(dr_store_begin(s, true), 0);
	put(s, "taken back", 4);
	dr_store_rollback(s);
	dr_store_free(s);

	s = open_at(p, 1);
	assert_int_equal(count(s), 3);
	assert_int_equal(dr_query_new(s, "SELECT name, n FROM things WHERE n < ? ORDER BY name", &q), 0);
	for (int again = 0; again < 2; again++) {
		dr_query_bind_int(q, 1, 2);
		assert_int_equal(dr_query_step(q), 1);
		assert_string_equal(dr_query_text(q, 0), "a");
		assert_int_equal(dr_query_step(q), 1);
		assert_string_equal(dr_query_text(q, 0), "b");
		assert_true(dr_query_int(q, 1) == INT64_MIN);
		assert_int_equal(dr_query_step(q), 0);
	}
	assert_int_equal(dr_query_step(q), 0); /* n < null */
	dr_query_free(q);
	dr_store_free(s);
}

/* No file is made for it, where it is run from, say. */
static void test_in_memory(void **state)
{
	const struct place *p = *state;
	DR_AUTO(dr_store_freep) struct dr_store *s = NULL;
	DR_AUTO_CLOSE int here = open(".", O_RDONLY | O_DIRECTORY | O_CLOEXEC);
	char *why = NULL;

	assert_true(here >= 0);
	assert_int_equal(chdir(p->dir), 0);
	int r = dr_store_open(NULL, steps, 2, &s, &why);
	assert_int_equal(fchdir(here), 0);
	if (r)
		fail_msg("%s", why);
	assert_int_equal(dr_store_exec(s, "INSERT INTO things VALUES('a', 1, '')"), 0);
	assert_int_equal(rmdir(p->dir), 0); /* it is empty */
	assert_int_equal(mkdir(p->dir, 0700), 0);
}

static void test_schema(void **state)
{
	const struct place *p = *state;
	struct dr_store *s = open_at(p, 1), *none = NULL;
	DR_AUTO(dr_query_freep) struct dr_query *q = NULL;
	DR_AUTO_FREE char *why = NULL, *newer = NULL;

	put(s, "a", 1);
	dr_store_free(s);
	s = open_at(p, 2);
	assert_int_equal(dr_query_new(s, "SELECT note, n, NULL FROM things", &q), 0);
	assert_int_equal(dr_query_step(q), 1);
	assert_string_equal(dr_query_text(q, 0), "old");
	assert_string_equal(dr_query_text(q, 2), "");
	assert_int_equal(dr_query_int(q, 2), 0);
	dr_query_free(DR_TAKE_PTR(q));
	dr_store_free(s);

	/* a step that fails leaves what was there */
	assert_int_equal(dr_store_open(p->path, steps, 3, &none, &why), -EINVAL);
	assert_non_null(strstr(why, p->path));
	assert_non_null(strstr(why, "NONSENSE"));
	s = open_at(p, 2);
	assert_int_equal(count(s), 1);
	dr_store_free(s);

	assert_int_equal(dr_store_open(p->path, steps, 1, &none, &newer), -EPROTO);
	assert_non_null(strstr(newer, "newer"));
}

static void write_file(const char *path, const char *text)
{
	DR_AUTO_FCLOSE FILE *f = fopen(path, "w");

	assert_non_null(f);
	fputs(text, f);
}

static void test_refused(void **state)
{
	const struct place *p = *state;
	struct dr_store *s = NULL, *first;
	DR_AUTO_FREE char *missing = NULL, *garbage = NULL, *busy = NULL;

	assert_int_equal(dr_store_open("/nonexistent/db", steps, 1, &s, &missing), -ENOENT);
	assert_non_null(strstr(missing, "/nonexistent/db"));
	write_file(p->path,
		   "This is no database, but a text that is long enough to be taken for the header of one, "
		   "which has a hundred bytes.\n");
	assert_int_equal(dr_store_open(p->path, steps, 1, &s, &garbage), -EBADMSG);
	assert_non_null(strstr(garbage, "not a database"));
	unlink(p->path);

	first = open_at(p, 1);
	assert_int_equal(dr_store_open(p->path, steps, 1, &s, &busy), -EBUSY);
	assert_non_null(strstr(busy, "another process"));
	dr_store_free(first);
	dr_store_free(open_at(p, 1));
}

static void test_errors(void **state)
{
	const struct place *p = *state;
	struct dr_store *s = open_at(p, 1);
	struct dr_query *q = NULL;

	assert_int_equal(dr_query_new(s, "SELECT x FROM nowhere", &q), -EINVAL);
	assert_non_null(strstr(dr_store_error(s), "nowhere"));
	put(s, "a", 1);
	assert_int_equal(dr_query_new(s, "INSERT INTO things(name, n) VALUES(?, 1)", &q), 0);
	dr_query_bind_text(q, 1, "a");
	assert_int_equal(dr_query_run(q), -EEXIST);
	dr_query_bind_text(q, 7, "there is no such parameter");
	assert_true(dr_query_run(q) < 0);
	dr_query_bind_text(q, 1, "b"); /* good again */
	assert_int_equal(dr_query_run(q), 0);
	assert_int_equal(count(s), 2);
	dr_query_free(q);
	dr_store_free(s);
}

/* What was committed is there after the process was killed, and nothing else. */
static void test_killed(void **state)
{
	const struct place *p = *state;
	struct dr_store *s;
	int status;
	pid_t pid = fork();

	assert_true(pid >= 0);
	if (!pid) {
		s = open_at(p, 1);
		put(s, "committed", 1);
		if (dr_store_begin(s, true))
			_exit(1);
		put(s, "not committed", 2);
		kill(getpid(), SIGKILL);
	}
	assert_int_equal(waitpid(pid, &status, 0), pid);
	assert_true(WIFSIGNALED(status));
	s = open_at(p, 1);
	assert_int_equal(count(s), 1);
	dr_store_free(s);
}

static off_t size_of(const struct place *p, const char *ending)
{
	char path[80];
	struct stat st;

	snprintf(path, sizeof(path), "%s%s", p->path, ending);
	assert_int_equal(stat(path, &st), 0);
	return st.st_size;
}

static void commit(struct dr_store *s, bool synced, const char *name)
{
	assert_int_equal(dr_store_begin(s, synced), 0);
	if (name)
		put(s, name, 1);
	assert_int_equal(dr_store_commit(s), 0);
}

/* A commit of nothing writes something, to be synced, where what was committed before was not. */
static void test_synced(void **state)
{
	const struct place *p = *state;
	struct dr_store *s = open_at(p, 1);
	off_t before;

	commit(s, false, "a");
	before = size_of(p, "-wal");
	commit(s, false, NULL);
	assert_int_equal(size_of(p, "-wal"), before);
	commit(s, true, NULL);
	assert_true(size_of(p, "-wal") > before);
	before = size_of(p, "-wal");
	commit(s, true, NULL);
	assert_int_equal(size_of(p, "-wal"), before);
	commit(s, true, "b");
	assert_int_equal(count(s), 2);
	dr_store_free(s);
	s = open_at(p, 1); /* the version is what it was */
	dr_store_free(s);
}

/* A commit that failed, for want of room here, has changed nothing; the next one may. */
static void test_failed(void **state)
{
	const struct place *p = *state;
	struct dr_store *s = open_at(p, 1);
	char large[20000] = "";

	commit(s, true, "a");
	assert_int_equal(dr_store_exec(s, "PRAGMA max_page_count = 5"), 0);
	memset(large, 'x', sizeof(large) - 1);
	assert_int_equal(dr_store_begin(s, true), 0);
	put(s, "b", 1);
	{
		DR_AUTO(dr_query_freep) struct dr_query *q = NULL;

		assert_int_equal(dr_query_new(s, "INSERT INTO things(name, n) VALUES(?, 1.5)", &q), 0);
		dr_query_bind_text(q, 1, large);
		assert_int_equal(dr_query_run(q), -ENOSPC);
		assert_non_null(strstr(dr_store_error(s), "full"));
		dr_store_rollback(s);
		assert_int_equal(count(s), 1);

		assert_int_equal(dr_store_exec(s, "PRAGMA max_page_count = 1000"), 0);
		assert_int_equal(dr_store_begin(s, false), 0);
		dr_query_bind_text(q, 1, large);
		assert_int_equal(dr_query_run(q), 0);
		assert_int_equal(dr_store_commit(s), 0);
	}
	assert_int_equal(count(s), 2);
	dr_store_free(s);
}

static void test_reals(void **state)
{
	struct dr_store *s = open_at(*state, 1);
	DR_AUTO(dr_query_freep) struct dr_query *q = NULL;
	const double x = 1234.5678901234567;

	assert_int_equal(dr_query_new(s, "SELECT ?, NULL", &q), 0);
	dr_query_bind_real(q, 1, x);
	assert_int_equal(dr_query_step(q), 1);
	assert_true(dr_query_real(q, 0) == x && dr_query_real(q, 1) == 0);
	dr_query_free(DR_TAKE_PTR(q));
	dr_store_free(s);
}

/* What is deleted is given back, by and by. */
static void test_shrink(void **state)
{
	const struct place *p = *state;
	struct dr_store *s = open_at(p, 1);
	off_t full;

	assert_int_equal(dr_store_exec(s,
				       "WITH RECURSIVE c(x) AS (SELECT 1 UNION ALL SELECT x + 1 FROM c"
				       " WHERE x < 500) INSERT INTO things SELECT x, zeroblob(8000) FROM c"),
			 0);
	dr_store_free(s);
	full = size_of(p, "");
	s = open_at(p, 1);
	assert_int_equal(dr_store_begin(s, false), 0);
	assert_int_equal(dr_store_exec(s, "DELETE FROM things"), 0);
	assert_int_equal(dr_store_shrink(s, 100), 0);
	assert_int_equal(dr_store_commit(s), 0);
	dr_store_free(s);
	assert_int_equal(full - size_of(p, ""), 100 * 4096);
}

#define with_place(test) cmocka_unit_test_setup_teardown(test, setup, teardown)

int main(void)
{
	const struct CMUnitTest tests[] = {
		with_place(test_kept),	    with_place(test_schema), with_place(test_refused),
		with_place(test_synced),    with_place(test_failed), with_place(test_reals),
		with_place(test_shrink),    with_place(test_errors), with_place(test_killed),
		with_place(test_in_memory),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
