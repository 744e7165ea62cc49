/* SPDX-License-Identifier: Apache-2.0 */
/* Who was up when an interface became isolated, as a file tells the next run. */
#include <stdarg.h>
#include <stddef.h>
#include <setjmp.h>
#include <stdint.h>
#include <cmocka.h>

#include <string.h>
#include <sys/stat.h>

#include "user/recall.h"

#define NAME "monitor-1"
#define BOOT "11111111-2222"

static const struct {
	const char *interface, *address, *plane, *host;
	enum dr_kind kind;
} world[] = {
	{ "eth1", "192.0.2.9", "data", "compute-9", DR_KIND_ECHO4 },
	{ "eth0", "192.0.2.1", "data", "compute-1", DR_KIND_ECHO4 },
	{ "eth0", "192.0.2.1", "data", "compute-1", DR_KIND_ARP },
	{ "eth0", "2001:db8::1", "a plane", "a host", DR_KIND_ECHO6 },
	{ "eth0", "fe80::1", "data", "compute-2", DR_KIND_ND },
};

static struct mon_target target(size_t n)
{
	struct mon_target t = { .kind = world[n].kind };

	snprintf(t.host, sizeof(t.host), "%s", world[n].host);
	snprintf(t.plane, sizeof(t.plane), "%s", world[n].plane);
	assert_true(mon_address_parse(world[n].address, t.address) > 0);
	return t;
}

static void write_world(struct dr_buf *b)
{
	size_t count = 0;

	mon_recall_begin(b, NAME, BOOT);
	for (size_t n = 0; n < DR_ARRAY_SIZE(world); n++) {
		struct mon_target t = target(n);
		struct mon_recalled e = mon_recall_entry(world[n].interface, &t);
		mon_recall_add(b, &count, &e);
	}
	mon_recall_end(b, count);
	assert_int_equal(count, DR_ARRAY_SIZE(world));
	assert_int_equal(b->error, 0);
}

static int parse(const char *text, struct mon_recall *ret, const char **ret_why)
{
	DR_AUTO_FREE char *copy = strdup(text);

	return mon_recall_parse(copy, NAME, BOOT, ret, ret_why);
}

static void what_is_written_is_read(void **state)
{
	DR_AUTO_BUF struct dr_buf b = { 0 };
	DR_AUTO(mon_recall_done) struct mon_recall r = { 0 };
	const char *why = NULL;

	write_world(&b);
	assert_int_equal(parse(b.data, &r, &why), 0);
	assert_int_equal(r.count, DR_ARRAY_SIZE(world));
	for (size_t n = 0; n < DR_ARRAY_SIZE(world); n++) {
		struct mon_target t = target(n);
		struct mon_recalled e = mon_recall_entry(world[n].interface, &t), other = e;
		assert_non_null(mon_recall_find(&r, &e));
		other.interface[3]++; /* any other is another */
		assert_null(mon_recall_find(&r, &other) && strcmp(other.interface, "eth1"));
		other = e;
		other.host[0]++;
		assert_null(mon_recall_find(&r, &other));
		other = e;
		other.plane[0]++;
		assert_null(mon_recall_find(&r, &other));
		other = e;
		other.address[3]++;
		assert_null(mon_recall_find(&r, &other));
	}
}

/* At any length, and with any byte changed, it is refused or whole: an address may have become another. */
static void what_is_damaged_is_refused(void **state)
{
	DR_AUTO_BUF struct dr_buf b = { 0 };
	const char *why;

	write_world(&b);
	for (size_t len = 0; len < b.len; len++) {
		DR_AUTO_FREE char *text = strndup(b.data, len);
		struct mon_recall r = { 0 };
		why = NULL;
		assert_int_equal(mon_recall_parse(text, NAME, BOOT, &r, &why), 1);
		assert_non_null(why);
		assert_null(r.all);
	}
	for (size_t i = 0; i < b.len; i++) {
		static const char bytes[] = { '\t', '\n', '0', 'x', (char)0xff };
		for (size_t k = 0; k < sizeof(bytes); k++) {
			DR_AUTO_FREE char *text = strdup(b.data);
			DR_AUTO(mon_recall_done) struct mon_recall r = { 0 };
			text[i] = bytes[k];
			why = NULL;
			if (mon_recall_parse(text, NAME, BOOT, &r, &why) == 0)
				assert_int_equal(r.count, DR_ARRAY_SIZE(world));
			else
				assert_non_null(why);
		}
	}
}

static void what_is_not_of_now_is_refused(void **state)
{
	DR_AUTO_BUF struct dr_buf b = { 0 };
	static const struct {
		const char *name, *boot, *why;
	} golden[] = {
		{ NAME, "another", "it is of another boot" },
		{ "another", BOOT, "it is another monitor's" },
	};

	write_world(&b);
	for (size_t n = 0; n < DR_ARRAY_SIZE(golden); n++) {
		DR_AUTO_FREE char *text = strdup(b.data);
		struct mon_recall r = { 0 };
		const char *why = NULL;
		assert_int_equal(mon_recall_parse(text, golden[n].name, golden[n].boot, &r, &why), 1);
		assert_string_equal(why, golden[n].why);
	}
	const char *why = NULL;
	struct mon_recall r = { 0 };
	assert_int_equal(parse("doctor-monitor 2\n", &r, &why), 1);
	assert_string_equal(why, "it is of another version, or nothing of ours");
}

static void where_it_is(void **state)
{
	struct mon_config c = { .name = NAME, .socket = (char *)"/run/doctor/some.sock" };
	char *path;

	assert_int_equal(mon_recall_path(&c, &path), 0);
	assert_string_equal(path, "/run/doctor/" NAME ".isolated");
	free(path);
	c.socket = (char *)"/s";
	assert_int_equal(mon_recall_path(&c, &path), 0);
	assert_string_equal(path, "/" NAME ".isolated");
	free(path);
	c.socket = NULL;
	assert_int_equal(mon_recall_path(&c, &path), 0);
	assert_null(path);
}

static void a_file_of_ours_and_nothing_else(void **state)
{
	DR_AUTO_BUF struct dr_buf b = { 0 };
	char dir[] = "/tmp/doctor-recall-XXXXXX", path[64], beside[80];
	char *text = NULL;

	assert_non_null(mkdtemp(dir));
	snprintf(path, sizeof(path), "%s/file", dir);
	snprintf(beside, sizeof(beside), "%s.new", path);
	assert_int_equal(mon_recall_read(path, geteuid(), &text), 1);
	write_world(&b);
	assert_int_equal(symlink("/dev/null", beside),
			 0);	      /* of a run that was killed, or of nobody knows whom */
	for (int n = 0; n < 2; n++) { /* it takes the place of the last one */
		assert_int_equal(mon_recall_write(path, &b), 0);
		assert_int_equal(access(beside, F_OK), -1);
		assert_int_equal(mon_recall_read(path, geteuid(), &text), 0);
		assert_string_equal(text, b.data);
		free(text);
		text = NULL;
	}
	if (geteuid() == 0) {
		assert_int_equal(chown(path, 65534, 65534), 0);
		assert_int_equal(mon_recall_read(path, 0, &text), -EPERM);
		assert_int_equal(mon_recall_read(path, 65534, &text), 0); /* user: of the configuration */
		free(text);
		text = NULL;
	}
	unlink(path);
	assert_int_equal(symlink("/etc/passwd", path), 0);
	assert_int_equal(mon_recall_read(path, geteuid(), &text), -ELOOP);
	unlink(path);
	assert_int_equal(mkfifo(path, 0600), 0); /* nobody writes to it: it does not wait */
	assert_int_equal(mon_recall_read(path, geteuid(), &text), -EPERM);
	unlink(path);
	assert_int_equal(rmdir(dir), 0);
	assert_int_equal(mon_recall_write(path, &b), -ENOENT);
	assert_null(text);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(what_is_written_is_read),
		cmocka_unit_test(what_is_damaged_is_refused),
		cmocka_unit_test(what_is_not_of_now_is_refused),
		cmocka_unit_test(where_it_is),
		cmocka_unit_test(a_file_of_ours_and_nothing_else),
	};

	return cmocka_run_group_tests_name("recall", tests, NULL, NULL);
}
