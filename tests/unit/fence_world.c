// SPDX-License-Identifier: Apache-2.0
#include "tests/unit/fence_world.h"

#include <dirent.h>
#include <sys/stat.h>

int fence_setup(void **state)
{
	struct fence_world *w = calloc(1, sizeof(*w));

	assert_non_null(w);
	*state = w;
	strcpy(w->dir, "/tmp/test_fence.XXXXXX");
	assert_non_null(mkdtemp(w->dir));
	assert_int_equal(dr_loop_new(&w->loop), 0);
	assert_int_equal(fake_bmc_new(w->loop, &w->bmc), 0);
	return 0;
}

static void remove_dir(const char *path)
{
	DIR *d = opendir(path);

	assert_non_null(d);
	for (struct dirent *e; (e = readdir(d));)
		if (e->d_name[0] != '.')
			unlinkat(dirfd(d), e->d_name, 0);
	closedir(d);
	assert_int_equal(rmdir(path), 0);
}

int fence_teardown(void **state)
{
	struct fence_world *w = *state;

	ins_fencer_free(w->fencer);
	ins_fence_conf_done(&w->conf);
	fake_bmc_free(w->bmc);
	dr_loop_free(w->loop); /* asserts that nothing is left in it */
	remove_dir(w->dir);
	free(w);
	return 0;
}

void fence_configure(struct fence_world *w, const char *fmt, ...)
{
	DR_AUTO(dr_conf_freep) struct dr_conf *f = NULL;
	char text[1024];
	va_list args;

	va_start(args, fmt);
	int n = vsnprintf(text, sizeof(text), fmt, args);
	va_end(args);
	assert_in_range(n, 1, sizeof(text) - 1);
	ins_fencer_free(DR_TAKE_PTR(w->fencer));
	ins_fence_conf_done(&w->conf);
	assert_int_equal(dr_conf_parse("t", text, strlen(text), &f), 0);
	assert_int_equal(ins_fence_conf_read(f, dr_conf_root(f), &w->conf), 0);
	if (dr_conf_error_count(f))
		fail_msg("%s", dr_conf_error_text(f, 0));
	assert_int_equal(ins_fencer_new(w->loop, &w->conf, &w->fencer), 0);
}

void fence_answered(const struct ins_fence_result *r, void *answer)
{
	struct fence_answer *a = answer;

	a->calls++;
	a->result = *r;
}

void fence_start(struct fence_world *w, const char *host, const char *incident, struct fence_answer *a)
{
	unsigned before = a->calls;

	assert_int_equal(ins_fencer_start(w->fencer, host, incident, fence_answered, a), 0);
	assert_int_equal(a->calls, before); /* never from in there */
}

const struct ins_fence_result *fence(struct fence_world *w)
{
	w->a = (struct fence_answer){};
	fence_start(w, "h1.example", "i1", &w->a);
	WAIT_FOR(w->loop, w->a.calls);
	assert_int_equal(w->a.calls, 1);
	assert_true(w->a.result.reason[0]);
	assert_true(w->a.result.took.ns >= 0);
	assert_false(w->a.result.fenced && w->a.result.retryable);
	return &w->a.result;
}

const char *fence_path(struct fence_world *w, const char *name)
{
	static char path[128];

	snprintf(path, sizeof(path), "%s/%s", w->dir, name);
	return path;
}

const char *fence_file(struct fence_world *w, const char *name, const char *text, int mode)
{
	const char *path = fence_path(w, name);
	FILE *f = fopen(path, "we");

	assert_non_null(f);
	assert_int_equal(fputs(text, f) < 0, 0);
	assert_int_equal(fclose(f), 0);
	assert_int_equal(chmod(path, (mode_t)mode), 0);
	return path;
}

char *fence_read(struct fence_world *w, const char *name)
{
	DR_AUTO_FCLOSE FILE *f = fopen(fence_path(w, name), "re");
	DR_AUTO_FREE char *text = calloc(1, 4096);

	assert_non_null(text);
	if (!f)
		return NULL;
	assert_true(fread(text, 1, 4095, f) < 4095);
	return DR_TAKE_PTR(text);
}
