/* SPDX-License-Identifier: Apache-2.0 */
#include "tools/scenario/svclog.h"

#include <regex.h>
#include <string.h>
#include <sys/stat.h>

void sc_svclogs_done(struct sc_svclogs *s)
{
	for (size_t i = 0; i < s->n; i++) {
		free(s->logs[i].path);
		free(s->logs[i].pattern);
	}
	free(s->logs);
	*s = (struct sc_svclogs){ 0 };
}

/* ---------------------------------------------------------------- the file */

static int find_point(const char *name)
{
	for (enum sc_point p = SC_T05; p <= SC_T08; p++)
		if (strcmp(sc_point_name(p), name) == 0)
			return (int)p;
	return -EBADMSG;
}

/* line is cut into pieces. 1: nothing in it. */
static int parse_line(char *line, struct sc_svclog *ret)
{
	char *save, *name = strtok_r(line, " \t", &save);
	char *path = name ? strtok_r(NULL, " \t", &save) : NULL;
	char *pattern = path ? strtok_r(NULL, "", &save) : NULL;
	regex_t regex;
	int p;

	if (!name || name[0] == '#')
		return 1;
	p = find_point(name);
	if (p < 0 || !pattern || path[0] != '/')
		return -EBADMSG;
	pattern += strspn(pattern, " \t");
	DR_AUTO_FREE char *sample = sc_svclog_pattern(pattern, "id", "id");
	if (!sample)
		return -ENOMEM;
	if (!sample[0] || regcomp(&regex, sample, REG_EXTENDED | REG_NOSUB) != 0)
		return -EBADMSG;
	regfree(&regex);
	*ret = (struct sc_svclog){ .point = (enum sc_point)p,
				   .path = strdup(path),
				   .pattern = strdup(pattern) };
	if (ret->path && ret->pattern)
		return 0;
	free(ret->path);
	free(ret->pattern);
	return -ENOMEM;
}

int sc_svclogs_parse(const char *text, struct sc_svclogs *ret, unsigned *ret_line)
{
	DR_AUTO(sc_svclogs_done) struct sc_svclogs s = { 0 };
	DR_AUTO_FREE char *copy = strdup(text);
	unsigned number = 0;

	if (!copy)
		return -ENOMEM;
	for (char *rest = copy, *line; (line = strsep(&rest, "\n"));) {
		struct sc_svclog *grown = reallocarray(s.logs, s.n + 1, sizeof(*grown));
		int r;

		if (!grown)
			return -ENOMEM;
		s.logs = grown;
		number++;
		r = parse_line(line, &s.logs[s.n]);
		if (r == -EBADMSG && ret_line)
			*ret_line = number;
		if (r < 0)
			return r;
		s.n += r == 0;
	}
	*ret = s;
	s = (struct sc_svclogs){ 0 };
	return 0;
}

int sc_svclogs_load(const char *path, struct sc_svclogs *ret, char **ret_error)
{
	DR_AUTO_FCLOSE FILE *f = fopen(path, "re");
	char text[16384];
	unsigned line = 0;
	size_t len;
	int r;

	if (!f && errno == ENOENT) {
		*ret = (struct sc_svclogs){ 0 };
		return 0;
	}
	r = f ? 0 : dr_errno();
	if (r == 0) {
		len = fread(text, 1, sizeof(text) - 1, f);
		text[len] = '\0';
		r = ferror(f) ? -EIO : sc_svclogs_parse(text, ret, &line);
	}
	if (r == -EBADMSG && ret_error)
		*ret_error = dr_asprintf("%s:%u: not of the form \"T05|T06|T07|T08 /LOGFILE PATTERN\"", path,
					 line);
	else if (r < 0 && ret_error)
		*ret_error = dr_asprintf("cannot read %s: %s", path, strerror(-r));
	return r;
}

/* ---------------------------------------------------------------- the logs */

void sc_svclogs_mark(struct sc_svclogs *s)
{
	struct stat st;

	for (size_t i = 0; i < s->n; i++)
		s->logs[i].from = stat(s->logs[i].path, &st) == 0 ? st.st_size : 0;
}

char *sc_svclog_pattern(const char *pattern, const char *vm, const char *alarm)
{
	DR_AUTO_BUF struct dr_buf b = { 0 };

	for (const char *p = pattern; *p;) {
		bool is_vm = strncmp(p, "{vm}", 4) == 0, is_alarm = strncmp(p, "{alarm}", 7) == 0;

		if ((is_vm && !vm[0]) || (is_alarm && !alarm[0]))
			return NULL;
		if (is_vm || is_alarm)
			dr_buf_puts(&b, is_vm ? vm : alarm);
		else
			dr_buf_append(&b, p, 1);
		p += is_vm ? 4 : is_alarm ? 7 : 1;
	}
	return b.error ? NULL : strdup(dr_buf_str(&b));
}

static bool line_time(const char *line, struct dr_wall *ret)
{
	char epoch[32];
	size_t len = strcspn(line, " \t");

	if (len >= sizeof(epoch))
		return false;
	memcpy(epoch, line, len);
	epoch[len] = '\0';
	return sc_epoch_parse(epoch, ret) == 0;
}

/* The time of the first line that matches. */
static bool scan(FILE *f, const struct sc_svclog *log, const regex_t *regex, struct dr_wall *ret)
{
	DR_AUTO_FREE char *line = NULL;
	size_t size = 0;

	if (fseeko(f, log->from, SEEK_SET) < 0)
		return false;
	while (getline(&line, &size, f) >= 0)
		if (regexec(regex, line, 0, NULL, 0) == 0 && line_time(line, ret))
			return true;
	return false;
}

static void read_vm(FILE *f, const struct sc_svclog *log, const struct sc_vm_line *vm, struct sc_timeline *t)
{
	DR_AUTO_FREE char *pattern = sc_svclog_pattern(log->pattern, vm->id, vm->alarm);
	struct dr_wall at;
	regex_t regex;

	if (!pattern || vm->at[log->point].ns || regcomp(&regex, pattern, REG_EXTENDED | REG_NOSUB) != 0)
		return;
	if (scan(f, log, &regex, &at))
		sc_timeline_set(t, log->point, vm->id, at);
	regfree(&regex);
}

void sc_svclogs_read(const struct sc_svclogs *s, struct sc_timeline *t)
{
	for (size_t i = 0; i < s->n; i++) {
		DR_AUTO_FCLOSE FILE *f = fopen(s->logs[i].path, "re");

		for (size_t v = 0; f && v < t->nvms; v++)
			read_vm(f, &s->logs[i], &t->vms[v], t);
	}
}
