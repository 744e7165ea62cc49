// SPDX-License-Identifier: Apache-2.0
/* When the journal is written: once a turn, before what waits for it, again after a failure, whole or not at
 * all. */
#include <stdarg.h>
#include <stddef.h>
#include <setjmp.h>
#include <stdint.h>
#include <cmocka.h>
#include <fcntl.h>
#include <poll.h>
#include <signal.h>
#include <string.h>
#include <sys/epoll.h>
#include <sys/eventfd.h>
#include <sys/resource.h>
#include <sys/stat.h>
#include <sys/wait.h>
#include <time.h>

#include "journal_world.h"

static uint64_t commits(const struct journal_world *w)
{
	return ins_journal_health(w->journal).commits;
}

static off_t size_of(const struct journal_world *w, const char *ending)
{
	char path[80];
	struct stat st = {};

	snprintf(path, sizeof(path), "%s%s", w->path, ending);
	if (stat(path, &st))
		assert_int_equal(errno, ENOENT);
	return st.st_size;
}

/* ---------------------------------------------------------------- turns */

static void test_one_commit(void **state)
{
	struct journal_world *w = *state;
	struct ins_incident *many[20];
	struct ins_vote v = { .key = "h" };
	struct ins_event e = { .host = "h" };

	journal_open(w);
	for (size_t n = 0; n < DR_ARRAY_SIZE(many); n++)
		many[n] = journal_incident("h", 10);
	for (unsigned n = 0; n < 400; n++) {
		struct ins_incident *i = many[n % DR_ARRAY_SIZE(many)];

		i->reports = n;
		ins_journal_incident(w->journal, i);
		ins_journal_vote(w->journal, &v);
		ins_journal_queued(w->journal, n, &e, "h", dr_wall_now());
	}
	assert_int_equal(commits(w), 0);
	journal_settle(w);
	assert_int_equal(commits(w), 1);
	assert_true(ins_journal_health(w->journal).slowest.ns > 0);
	assert_int_equal(journal_ask(w, "SELECT count(*) FROM queue"), 400);

	/* without a barrier as well */
	ins_journal_unqueued(w->journal, 7);
	while (commits(w) < 2)
		assert_int_equal(dr_loop_run_once(w->loop, dr_sec(10)), 1);
	assert_int_equal(journal_ask(w, "SELECT count(*) FROM queue"), 399);
	assert_int_equal(dr_loop_run_once(w->loop, dr_msec(50)), 0); /* there is no more to do */
	journal_exec(w, "DELETE FROM queue");
	journal_reopen(w);
	assert_int_equal(w->incident_count, DR_ARRAY_SIZE(many));
	for (size_t n = 0; n < DR_ARRAY_SIZE(many); n++) {
		journal_assert_same(many[n], w->incidents[n]);
		ins_incident_free(many[n]);
	}
}

struct waiter {
	struct ins_barrier barrier;
	struct journal_world *w;
	char name;
	uint64_t at; /* commits then */
	int error;
	struct waiter *also, *again, *forget;
};

static char order[32];

static void on_open(struct ins_barrier *b, int error)
{
	struct waiter *me = (struct waiter *)b;

	me->error = error;
	order[strlen(order)] = me->name;
	me->at = commits(me->w);
	if (me->also) {
		ins_journal_queued(me->w->journal, (uint64_t)me->name, &(struct ins_event){}, "",
				   dr_wall_now());
		ins_journal_barrier(me->w->journal, &DR_TAKE_PTR(me->also)->barrier);
	}
	if (me->again)
		ins_journal_barrier(me->w->journal, &DR_TAKE_PTR(me->again)->barrier);
	if (me->forget)
		ins_journal_forget(me->w->journal, &DR_TAKE_PTR(me->forget)->barrier);
}

static void test_order(void **state)
{
	struct journal_world *w = *state;
	struct waiter v[8];

	memset(order, 0, sizeof(order));
	journal_open(w);
	for (size_t n = 0; n < DR_ARRAY_SIZE(v); n++)
		v[n] = (struct waiter){ .barrier.fn = on_open, .w = w, .name = (char)('a' + n) };
	v[0].also = &v[7];   /* a new one */
	v[1].also = &v[3];   /* one that is about to be called, and has to wait for what was noted now */
	v[2].again = &v[2];  /* itself */
	v[4].forget = &v[5]; /* the next one */
	for (size_t n = 0; n < 7; n++)
		ins_journal_barrier(w->journal, &v[n].barrier);
	ins_journal_barrier(w->journal, &v[0].barrier); /* it is in the list already */
	ins_journal_forget(w->journal, &v[6].barrier);
	ins_journal_forget(w->journal, &v[7].barrier); /* not there */
	assert_string_equal(order, "");
	journal_settle(w);
	journal_settle(w);
	assert_string_equal(order, "abcehdc");
	assert_int_equal(v[0].at, 1);
	assert_int_equal(v[4].at, 1);
	assert_int_equal(v[7].at, 2);
	assert_int_equal(v[3].at, 2);
	for (size_t n = 0; n < DR_ARRAY_SIZE(v); n++)
		assert_false(v[n].barrier.waiting);

	assert_int_equal(v[3].error, 0);
}

/* At the end all is written, and who waits is told; one that asks again then is not listed. */
static void test_stopped(void **state)
{
	struct journal_world *w = *state;
	DR_AUTO(ins_incident_freep) struct ins_incident *i = journal_incident("one", 5);
	struct waiter v[3];

	memset(order, 0, sizeof(order));
	journal_open(w);
	for (size_t n = 0; n < DR_ARRAY_SIZE(v); n++)
		v[n] = (struct waiter){ .barrier.fn = on_open, .w = w, .name = (char)('a' + n) };
	v[0].again = &v[0];
	for (size_t n = 0; n < DR_ARRAY_SIZE(v); n++)
		ins_journal_barrier(w->journal, &v[n].barrier);
	ins_journal_forget(w->journal, &v[2].barrier); /* the last one: the list has an end all the same */
	ins_journal_incident(w->journal, i);
	ins_journal_barrier(w->journal, &v[2].barrier);
	ins_journal_stop(w->journal);
	assert_string_equal(order, "abc");
	for (size_t n = 0; n < DR_ARRAY_SIZE(v); n++) {
		assert_int_equal(v[n].error, -ECANCELED);
		assert_false(v[n].barrier.waiting);
	}
	i->reports++;
	ins_journal_incident(w->journal, i);
	assert_false(i->dirty);
	assert_int_equal(dr_loop_run_once(w->loop, dr_msec(50)), 0);
	journal_reopen(w);
	assert_int_equal(w->incidents[0]->reports, 7);
	assert_string_equal(order, "abc");
}

/* A client that sends its next request when it has the answer to the one before. */
struct client {
	struct ins_barrier barrier;
	struct journal_world *w;
	int fd;
	struct dr_source *source;
	unsigned answers;
	uint64_t number;
};

static int on_request(struct dr_source *s, int fd, uint32_t events, void *userdata)
{
	struct client *c = userdata;
	uint64_t n;

	assert_int_equal(read(fd, &n, sizeof(n)), sizeof(n));
	ins_journal_queued(c->w->journal, c->number++, &(struct ins_event){ .host = "h" }, "", dr_wall_now());
	ins_journal_barrier(c->w->journal, &c->barrier);
	return 0;
}

static void request(struct client *c)
{
	const uint64_t one = 1;

	assert_int_equal(write(c->fd, &one, sizeof(one)), sizeof(one));
}

static void on_answer(struct ins_barrier *b, int error)
{
	struct client *c = (struct client *)b;

	if (++c->answers < 10)
		request(c);
}

#define CLIENTS 400

/* The more there is to do, the more is done by one commit. */
static void test_batches(void **state)
{
	struct journal_world *w = *state;
	struct client *clients = calloc(CLIENTS, sizeof(*clients));
	struct dr_mono start;
	int64_t turns;
	unsigned done = 0;

	journal_open(w);
	for (unsigned n = 0; n < CLIENTS; n++) {
		struct client *c = &clients[n];

		*c = (struct client){ .barrier.fn = on_answer, .w = w, .number = n * 1000 };
		c->fd = eventfd(0, EFD_NONBLOCK | EFD_CLOEXEC);
		assert_int_equal(dr_loop_add_io(w->loop, c->fd, EPOLLIN, on_request, c, &c->source), 0);
		request(c);
	}
	start = dr_mono_now();
	while (done < CLIENTS) {
		assert_true(dr_loop_run_once(w->loop, dr_sec(10)) > 0);
		done = 0;
		for (unsigned n = 0; n < CLIENTS; n++)
			done += clients[n].answers == 10;
	}
	/* ten rounds; one that takes longer than a turn may is cut */
	turns = 10 + dr_mono_sub(dr_mono_now(), start).ns / dr_msec(20).ns;
	print_message("%u answers, %llu commits\n", 10 * CLIENTS, (unsigned long long)commits(w));
	assert_true((int64_t)commits(w) <= turns);
	assert_int_equal(journal_ask(w, "SELECT count(*) FROM queue"), 10 * CLIENTS);
	for (unsigned n = 0; n < CLIENTS; n++) {
		dr_source_free(clients[n].source);
		close(clients[n].fd);
	}
	free(clients);
}

struct busy {
	struct journal_world *w;
	uint64_t calls, most;
};

/* Has something to note each time, until it has been called so often. */
static int on_busy(struct dr_source *s, int fd, uint32_t events, void *userdata)
{
	struct busy *b = userdata;

	ins_journal_queued(b->w->journal, ++b->calls, &(struct ins_event){}, "", dr_wall_now());
	return b->calls < b->most ? 0 : dr_source_set_io_events(s, 0);
}

static void test_busy(void **state)
{
	struct journal_world *w = *state;
	struct busy b = { .w = w, .most = 300 };
	int fd = eventfd(1, EFD_CLOEXEC);
	struct dr_source *s = NULL;
	struct dr_mono start;
	int64_t turns;

	/* the turn lasts as long as there is something to do */
	journal_open(w);
	assert_int_equal(dr_loop_add_io(w->loop, fd, EPOLLIN, on_busy, &b, &s), 0);
	start = dr_mono_now();
	while (b.calls < b.most)
		assert_int_equal(dr_loop_run_once(w->loop, dr_sec(10)), 1);
	turns = dr_mono_sub(dr_mono_now(), start).ns / dr_msec(20).ns;
	assert_true((int64_t)commits(w) <= turns);
	journal_settle(w);
	assert_int_equal(journal_ask(w, "SELECT count(*) FROM queue"), b.most);

	/* and ends all the same where there always is */
	b.most = UINT64_MAX;
	assert_int_equal(dr_source_set_io_events(s, EPOLLIN), 0);
	journal_settle(w);
	assert_true(b.calls > 300);
	dr_source_free(s);
	close(fd);
}

/* What came and went in one turn is not written. */
static void test_came_and_went(void **state)
{
	struct journal_world *w = *state;
	struct ins_incident *i = journal_incident("one", 5);
	off_t before;

	journal_open(w);
	ins_journal_queued(w->journal, 1, &(struct ins_event){}, "", dr_wall_now());
	journal_settle(w);
	before = size_of(w, "-wal");
	ins_journal_queued(w->journal, 2, &(struct ins_event){}, "", dr_wall_now());
	ins_journal_queued(w->journal, 2, &(struct ins_event){}, "resolved", dr_wall_now());
	ins_journal_unqueued(w->journal, 2);
	ins_journal_incident(w->journal, i);
	ins_journal_drop_incident(w->journal, i);
	ins_incident_free(i);
	assert_int_equal(ins_journal_health(w->journal).pending, 0);
	journal_settle(w);
	assert_int_equal(commits(w), 2);
	assert_int_equal(size_of(w, "-wal"), before);
}

/* ---------------------------------------------------------------- failures */

static void run_for(struct journal_world *w, struct dr_dur d)
{
	struct dr_mono end = dr_mono_add(dr_mono_now(), d);

	while (dr_mono_now().ns < end.ns)
		assert_true(dr_loop_run_once(w->loop, dr_mono_sub(end, dr_mono_now())) >= 0);
}

struct trouble {
	void (*begin)(struct journal_world *w);
	void (*end)(struct journal_world *w);
	const char *why;
};

/* All of this happens while nothing can be written. */
static void fail_and_recover(struct journal_world *w, const struct trouble *t)
{
	DR_AUTO(ins_incident_freep) struct ins_incident *a = journal_incident("one", 50);
	DR_AUTO(ins_incident_freep) struct ins_incident *b = journal_incident("two", 50);
	DR_AUTO(ins_incident_freep) struct ins_incident *c = journal_incident("three", 50);
	struct waiter waiter = { .barrier.fn = on_open, .w = w, .name = 'x' };
	struct ins_journal_health h;

	memset(order, 0, sizeof(order));
	journal_open(w);
	ins_journal_incident(w->journal, a);
	journal_settle(w);
	t->begin(w);
	a->state = INS_MARKED;
	ins_journal_incident(w->journal, a);
	ins_journal_incident(w->journal, b);
	ins_journal_incident(w->journal, c);
	ins_journal_barrier(w->journal, &waiter.barrier);
	run_for(w, dr_msec(200));
	h = ins_journal_health(w->journal);
	assert_true(h.failing);
	if (!strstr(h.trouble, t->why))
		fail_msg("%s", h.trouble);
	assert_int_equal(h.commits, 1);

	b->actions[3]->attempts = 1000;
	b->actions[3]->dirty = true;
	ins_journal_incident(w->journal, b);
	ins_journal_queued(w->journal, 1, &(struct ins_event){}, "", dr_wall_now());
	ins_journal_drop_incident(w->journal, c);
	assert_int_equal(ins_journal_health(w->journal).pending, 1);
	run_for(w, dr_msec(2500)); /* two attempts more */
	assert_string_equal(order, "");
	assert_true(waiter.barrier.waiting);
	assert_int_equal(w->errors, 1);

	t->end(w);
	journal_settle(w);
	assert_string_equal(order, "x");
	assert_int_equal(w->errors, 1);
	assert_int_equal(w->warnings, 1);
	assert_non_null(strstr(w->last, "again"));
	h = ins_journal_health(w->journal);
	assert_false(h.failing);
	assert_int_equal(h.commits, 2);
	assert_int_equal(h.pending, 0);
	journal_reopen(w);
	assert_int_equal(w->incident_count, 2);
	journal_assert_same(a, w->incidents[0]);
	journal_assert_same(b, w->incidents[1]);
	assert_int_equal(w->queued_count, 1);
}

static void begin_full(struct journal_world *w)
{
	char sql[64];

	snprintf(sql, sizeof(sql), "PRAGMA max_page_count = %lld",
		 (long long)journal_ask(w, "PRAGMA page_count"));
	journal_exec(w, sql);
}

static void end_full(struct journal_world *w)
{
	journal_exec(w, "PRAGMA max_page_count = 1000000");
}

/* SQLite finds that there is no room while it changes rows. */
static void test_full(void **state)
{
	fail_and_recover(*state, &(struct trouble){ begin_full, end_full, "full" });
}

static struct rlimit limit_before;

static void begin_limit(struct journal_world *w)
{
	struct rlimit limit;

	signal(SIGXFSZ, SIG_IGN);
	assert_int_equal(getrlimit(RLIMIT_FSIZE, &limit_before), 0);
	limit = limit_before;
	limit.rlim_cur = (rlim_t)size_of(w, "-wal") + 5000; /* some of it can be written */
	assert_int_equal(setrlimit(RLIMIT_FSIZE, &limit), 0);
}

static void end_limit(struct journal_world *w)
{
	assert_int_equal(setrlimit(RLIMIT_FSIZE, &limit_before), 0);
	signal(SIGXFSZ, SIG_DFL);
}

/* The system refuses to write what is to be committed. */
static void test_not_written(void **state)
{
	fail_and_recover(*state, &(struct trouble){ begin_limit, end_limit, "disk I/O error" });
}

/* What fails until the end is said then; the file has what was committed. */
static void test_ends_failing(void **state)
{
	struct journal_world *w = *state;
	DR_AUTO(ins_incident_freep) struct ins_incident *a = journal_incident("one", 50);
	DR_AUTO(ins_incident_freep) struct ins_incident *b = journal_incident("two", 50);

	journal_open(w);
	ins_journal_incident(w->journal, a);
	journal_settle(w);
	begin_full(w);
	ins_journal_incident(w->journal, b);
	journal_close(w);
	assert_int_equal(w->errors, 1);
	assert_false(b->dirty);
	journal_open(w);
	journal_read(w);
	assert_int_equal(w->incident_count, 1);
	journal_assert_same(a, w->incidents[0]);
}

/* ---------------------------------------------------------------- killed */

struct said {
	enum {
		IS_THERE, /* with so many reports at least */
		TO_GO,	  /* not said to be on disk: it will be dropped */
		IS_GONE,
	} what;
	unsigned reports;
	char id[37];
};

struct speaker {
	struct ins_barrier barrier;
	int fd;
	struct said said;
};

static void say(int fd, struct said said)
{
	if (write(fd, &said, sizeof(said)) != sizeof(said))
		_exit(1);
}

static void on_speak(struct ins_barrier *b, int error)
{
	struct speaker *s = (struct speaker *)b;

	say(s->fd, s->said);
	free(s);
}

static void speak(struct journal_world *w, int fd, const struct ins_incident *i, bool gone)
{
	struct speaker *s = calloc(1, sizeof(*s));

	if (!s)
		_exit(1);
	s->barrier.fn = on_speak;
	s->fd = fd;
	s->said.reports = i->reports;
	memcpy(s->said.id, i->id, sizeof(s->said.id));
	if (gone) {
		s->said.what = TO_GO;
		say(fd, s->said);
		s->said.what = IS_GONE;
	}
	ins_journal_barrier(w->journal, &s->barrier);
}

/* Each change is made to the incident and to all its actions: they are always of one turn. */
static void change(struct journal_world *w, struct ins_incident *i)
{
	i->reports++;
	for (size_t n = 0; n < i->action_count; n++) {
		i->actions[n]->attempts = i->reports;
		i->actions[n]->dirty = true;
	}
	ins_journal_incident(w->journal, i);
}

/* Opens incidents, changes them and drops them, until it is killed. */
static void write_until_killed(struct journal_world *w, int fd)
{
	struct ins_incident *open[8] = {};

	/* a loop is of one process */
	if (dr_loop_new(&w->loop) || ins_journal_new(w->loop, w->path, &w->journal, NULL))
		_exit(1);
	for (unsigned n = 0;; n++) {
		struct ins_incident **i = &open[n % DR_ARRAY_SIZE(open)];

		if (*i && n % 5 == 0) {
			ins_journal_drop_incident(w->journal, *i);
			speak(w, fd, *i, true);
			ins_incident_free(DR_TAKE_PTR(*i));
		} else {
			if (!*i)
				*i = journal_incident("h", 6);
			change(w, *i);
			speak(w, fd, *i, false);
		}
		if (n % 3 == 0 && dr_loop_run_once(w->loop, dr_sec(1)) < 0)
			_exit(1);
	}
}

static const struct ins_incident *read_incident(const struct journal_world *w, const char *id)
{
	for (size_t n = 0; n < w->incident_count; n++)
		if (!strcmp(w->incidents[n]->id, id))
			return w->incidents[n];
	return NULL;
}

static bool was_said(const struct said *said, size_t count, const char *id, int what)
{
	for (size_t n = 0; n < count; n++)
		if ((int)said[n].what == what && !strcmp(said[n].id, id))
			return true;
	return false;
}

static void check_said(const struct journal_world *w, const struct said *said, size_t count)
{
	for (size_t n = 0; n < count; n++) {
		const struct ins_incident *i = read_incident(w, said[n].id);

		if (said[n].what == IS_GONE)
			assert_null(i);
		if (said[n].what == IS_THERE && i)
			assert_true(i->reports >= said[n].reports);
		if (said[n].what == IS_THERE && !i)
			assert_true(was_said(said, count, said[n].id, TO_GO));
	}
	for (size_t n = 0; n < w->incident_count; n++) {
		const struct ins_incident *i = w->incidents[n];

		assert_int_equal(i->action_count, 6);
		for (size_t a = 0; a < i->action_count; a++)
			assert_int_equal(i->actions[a]->attempts, i->reports);
	}
}

/* Returns what was said until it was killed, so long after it said something for the first time. */
static size_t kill_after(struct journal_world *w, long usec, struct said *said, size_t max)
{
	int fds[2], status;
	struct pollfd p;
	size_t count = 0;
	pid_t pid;

	assert_int_equal(pipe(fds), 0);
	pid = fork();
	assert_true(pid >= 0);
	if (!pid) {
		close(fds[0]);
		write_until_killed(w, fds[1]);
	}
	close(fds[1]);
	p = (struct pollfd){ .fd = fds[0], .events = POLLIN };
	assert_int_equal(poll(&p, 1, 30000), 1);
	nanosleep(&(struct timespec){ .tv_nsec = usec * 1000 }, NULL);
	assert_int_equal(kill(pid, SIGKILL), 0);
	assert_int_equal(waitpid(pid, &status, 0), pid);
	assert_true(WIFSIGNALED(status));
	while (count < max && read(fds[0], &said[count], sizeof(*said)) == sizeof(*said))
		count++;
	close(fds[0]);
	assert_true(count < max);
	return count;
}

#define SAID_MAX 4000 /* more than a pipe holds */
#define KILLS 200

static void test_killed(void **state)
{
	struct journal_world *w = *state;
	struct said *said = calloc(SAID_MAX, sizeof(*said));
	size_t all = 0;

	srand(20261122);
	for (unsigned n = 0; n < KILLS; n++) {
		size_t count = kill_after(w, rand() % 8000, said, SAID_MAX);

		journal_open(w);
		journal_read(w);
		check_said(w, said, count);
		/* an end in good order, every other time; else the next one has its log to read */
		if (n % 2)
			for (size_t i = 0; i < w->incident_count; i++)
				ins_journal_drop_incident(w->journal, w->incidents[i]);
		journal_close(w);
		all += count;
	}
	print_message("%u times killed, %zu things said\n", KILLS, all);
	assert_int_equal(w->errors + w->warnings, 0);
	free(said);
}

/* ---------------------------------------------------------------- size */

/* *ret_high (may be NULL): the file's size when as many are open as ever. */
static void open_and_drop(struct journal_world *w, unsigned count, unsigned kept, off_t *ret_high)
{
	struct ins_incident **ring = calloc(kept, sizeof(struct ins_incident *));

	for (unsigned n = 0; n < count + kept; n++) {
		struct ins_incident **i = &ring[n % kept];

		if (*i)
			ins_journal_drop_incident(w->journal, *i);
		ins_incident_free(DR_TAKE_PTR(*i));
		if (n < count) {
			*i = journal_incident("h", 30);
			ins_journal_incident(w->journal, *i);
		}
		if (n % 8 == 0)
			journal_settle(w);
		if (n == count && ret_high)
			*ret_high = size_of(w, "");
	}
	journal_settle(w);
	free(ring);
}

static void test_size(void **state)
{
	struct journal_world *w = *state;
	off_t early, high;

	journal_open(w);
	open_and_drop(w, 300, 50, NULL);
	early = size_of(w, "");
	open_and_drop(w, 3000, 50, NULL);
	assert_true(size_of(w, "") <= 2 * early);
	assert_true(size_of(w, "-wal") <= 6 << 20);

	/* all at once, and none of them later */
	open_and_drop(w, 1500, 1500, &high);
	journal_reopen(w);
	print_message("%lld KiB, at most %lld KiB\n", (long long)size_of(w, "") >> 10, (long long)high >> 10);
	assert_true(size_of(w, "") < high / 4);
	assert_int_equal(w->incident_count, 0);
}

#define with_world(test) cmocka_unit_test_setup_teardown(test, journal_setup, journal_teardown)

int main(void)
{
	const struct CMUnitTest tests[] = {
		with_world(test_one_commit), with_world(test_order),	   with_world(test_stopped),
		with_world(test_batches),    with_world(test_busy),	   with_world(test_came_and_went),
		with_world(test_full),	     with_world(test_not_written), with_world(test_ends_failing),
		with_world(test_killed),     with_world(test_size),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
