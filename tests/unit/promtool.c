// SPDX-License-Identifier: Apache-2.0
#include "tests/unit/promtool.h"

#include <stdlib.h>
#include <string.h>
#include <sys/wait.h>
#include <unistd.h>

#include "tests/unit/said.h"

size_t metrics_count(const struct dr_buf *b, const char *text)
{
	return text_count(dr_buf_str(b), text);
}

void metrics_assert_line(const struct dr_buf *b, const char *line)
{
	DR_AUTO_FREE char *whole = dr_asprintf("\n%s\n", line);

	if (metrics_count(b, whole) != 1)
		fail_msg("%zu lines \"%s\"", metrics_count(b, whole), line);
}

void metrics_assert_documented(const struct dr_buf *b, const char *prefix, const char *path,
			       const char *after, size_t min_families, size_t max_families)
{
	DR_AUTO_FREE char *type = dr_asprintf("# TYPE %s", prefix);
	DR_AUTO_FCLOSE FILE *f = fopen(path, "re");
	DR_AUTO_BUF struct dr_buf docs = { 0 };
	const char *section;
	char text[4096];
	size_t families = 0;

	assert_non_null(f);
	while (fgets(text, sizeof(text), f))
		dr_buf_puts(&docs, text);
	section = strstr(dr_buf_str(&docs), after ? after : "");
	assert_non_null(section);
	for (const char *p = dr_buf_str(b); (p = strstr(p, type)); families++) {
		p += strlen(type);
		DR_AUTO_FREE char *word = dr_asprintf("`%.*s`", (int)strcspn(p, " "), p);
		if (!strstr(section, word))
			fail_msg("%s does not know %s", path, word);
	}
	assert_in_range(families, min_families, max_families);
}

bool promtool_is_there(void)
{
	return system("promtool --version >/dev/null 2>&1") == 0;
}

static int by_text(const void *a, const void *b)
{
	return strcmp(*(char *const *)a, *(char *const *)b);
}

/* promtool does not see two values of one series. */
static void assert_series_differ(const struct dr_buf *b)
{
	DR_AUTO_FREE char *text = strdup(dr_buf_str(b));
	DR_AUTO_FREE char **series = calloc(b->len / 8 + 1, sizeof(*series));
	size_t n = 0;

	assert_non_null(text);
	assert_non_null(series);
	for (char *rest = text, *line; (line = strsep(&rest, "\n"));) {
		if (*line == '\0' || *line == '#')
			continue;
		assert_non_null(strrchr(line, ' '));
		*strrchr(line, ' ') = '\0';
		series[n++] = line;
	}
	qsort(series, n, sizeof(*series), by_text);
	for (size_t i = 1; i < n; i++) {
		if (strcmp(series[i - 1], series[i]) == 0)
			fail_msg("twice: %s", series[i]);
	}
}

/* Lets promtool look at the text; what it says into said. Returns its status. */
static int ask(const char *check, const struct dr_buf *b, char said[4096])
{
	char path[] = "/tmp/test_metrics.XXXXXX";
	int fd = mkstemp(path), status;
	FILE *tool;
	size_t n;

	assert_true(fd >= 0);
	assert_int_equal(write(fd, b->data, b->len), b->len);
	close(fd);
	DR_AUTO_FREE char *command = dr_asprintf("promtool check %s%s 2>&1", check, path);
	tool = popen(command, "r");
	assert_non_null(tool);
	n = fread(said, 1, 4095, tool);
	said[n] = '\0';
	status = pclose(tool);
	unlink(path);
	return WEXITSTATUS(status);
}

void promtool_assert_clean(const struct dr_buf *b)
{
	char said[4096];
	int status;

	assert_series_differ(b);
	status = ask("metrics <", b, said);
	if (status != 0 || *said)
		fail_msg("promtool: %s(status %d)", said, status);
}

void promtool_assert_rules(const struct dr_buf *b)
{
	char said[4096];

	if (ask("rules ", b, said))
		fail_msg("promtool: %s", said);
}
