/* SPDX-License-Identifier: Apache-2.0 */
#include "user/recall.h"

#include <arpa/inet.h>
#include <fcntl.h>
#include <string.h>
#include <sys/stat.h>

#include "user/status.h"

#define HEAD "doctor-monitor 1"
#define FIELDS 6
#define FILE_MAX (MON_TARGETS_MAX * 512L)

void mon_recall_done(struct mon_recall *r)
{
	free(r->all);
	*r = (struct mon_recall){ 0 };
}

/* ---------------------------------------------------------------- the text */

void mon_recall_begin(struct dr_buf *b, const char *name, const char *boot)
{
	dr_buf_printf(b, HEAD "\nboot\t%s\nname\t%s\n", boot, name);
}

void mon_recall_add(struct dr_buf *b, size_t *count, const struct mon_recalled *t)
{
	char address[MON_ADDRESS_STR_MAX];

	if (dr_has_control(t->host) || dr_has_control(t->plane))
		return;
	dr_buf_printf(b, "up\t%s\t%s\t%s\t%s\t%s\n", t->interface, mon_kind_name(t->kind),
		      mon_address_format(t->address, address), t->plane, t->host);
	++*count;
}

void mon_recall_end(struct dr_buf *b, size_t count)
{
	dr_buf_printf(b, "end\t%zu\n", count);
}

struct mon_recalled mon_recall_entry(const char *interface, const struct mon_target *t)
{
	struct mon_recalled e = { .kind = t->kind };

	/* the sizes are the same */
	(void)!dr_strcpy(e.interface, sizeof(e.interface), interface);
	(void)!dr_strcpy(e.host, sizeof(e.host), t->host);
	(void)!dr_strcpy(e.plane, sizeof(e.plane), t->plane);
	memcpy(e.address, t->address, sizeof(e.address));
	return e;
}

/* Of an address in that family; 0: there is no such kind. */
static enum dr_kind kind_of(const char *name, const __be32 address[4])
{
	bool v4 = address[0] == 0 && address[1] == 0 && address[2] == htonl(0xffff);

	if (strcmp(name, "echo") == 0)
		return v4 ? DR_KIND_ECHO4 : DR_KIND_ECHO6;
	if (strcmp(name, "arp") == 0 && v4)
		return DR_KIND_ARP;
	return strcmp(name, "nd") == 0 && !v4 ? DR_KIND_ND : (enum dr_kind)0;
}

/* Cuts a line at its tabs; the number of fields, or 0 for too many. */
static size_t cut(char *line, char *fields[FIELDS])
{
	size_t n = 0;

	for (char *field; (field = strsep(&line, "\t"));) {
		if (n == FIELDS)
			return 0;
		fields[n++] = field;
	}
	return n;
}

static bool parse_entry(char *line, struct mon_recalled *ret)
{
	struct mon_recalled e = { 0 };
	char *f[FIELDS];

	if (cut(line, f) != FIELDS || strcmp(f[0], "up") != 0 || !*f[1] || !*f[4] || !*f[5] ||
	    mon_address_parse(f[3], e.address) < 0 || !(e.kind = kind_of(f[2], e.address)) ||
	    dr_strcpy(e.interface, sizeof(e.interface), f[1]) || dr_strcpy(e.plane, sizeof(e.plane), f[4]) ||
	    dr_strcpy(e.host, sizeof(e.host), f[5]))
		return false;
	*ret = e;
	return true;
}

/* The rest of line after a first field of that name; NULL: it is another line, or there is none. */
static const char *value_of(const char *line, const char *name)
{
	size_t len = strlen(name);

	return line && strncmp(line, name, len) == 0 && line[len] == '\t' ? line + len + 1 : NULL;
}

static int compare(const void *va, const void *vb)
{
	const struct mon_recalled *a = va, *b = vb;
	int d = memcmp(a->address, b->address, sizeof(a->address));

	d = d ? d : (int)a->kind - (int)b->kind;
	d = d ? d : strcmp(a->host, b->host);
	d = d ? d : strcmp(a->plane, b->plane);
	return d ? d : strcmp(a->interface, b->interface);
}

static int refuse(const char *why, const char **ret_why)
{
	*ret_why = why;
	return 1;
}

int mon_recall_parse(char *text, const char *name, const char *boot, struct mon_recall *ret,
		     const char **ret_why)
{
	static const char damaged[] = "it is damaged";
	DR_AUTO(mon_recall_done) struct mon_recall r = { 0 };
	size_t lines = 0;
	const char *value;
	char *line, number[24];

	for (const char *p = text; *p; p++)
		lines += *p == '\n';
	line = strsep(&text, "\n");
	if (!line || strcmp(line, HEAD) != 0)
		return refuse("it is of another version, or nothing of ours", ret_why);
	if (!(value = value_of(strsep(&text, "\n"), "boot")))
		return refuse(damaged, ret_why);
	if (strcmp(value, boot) != 0)
		return refuse("it is of another boot", ret_why);
	if (!(value = value_of(strsep(&text, "\n"), "name")))
		return refuse(damaged, ret_why);
	if (strcmp(value, name) != 0)
		return refuse("it is another monitor's", ret_why);
	r.all = calloc(lines + 1, sizeof(*r.all));
	if (!r.all)
		return -ENOMEM;
	while ((line = strsep(&text, "\n")) && !value_of(line, "end")) {
		if (r.count == MON_TARGETS_MAX || !parse_entry(line, &r.all[r.count++]))
			return refuse(damaged, ret_why);
	}
	snprintf(number, sizeof(number), "end\t%zu", r.count);
	if (!line || strcmp(line, number) != 0 || !text || *text)
		return refuse(damaged, ret_why);
	qsort(r.all, r.count, sizeof(*r.all), compare);
	*ret = r;
	r = (struct mon_recall){ 0 };
	return 0;
}

struct mon_recalled *mon_recall_find(const struct mon_recall *r, const struct mon_recalled *wanted)
{
	return r->count ? bsearch(wanted, r->all, r->count, sizeof(*r->all), compare) : NULL;
}

/* ---------------------------------------------------------------- the file */

int mon_recall_path(const struct mon_config *c, char **ret)
{
	char *path = NULL;

	if (c->socket) {
		path = dr_asprintf("%.*s/%s.isolated", (int)(strrchr(c->socket, '/') - c->socket), c->socket,
				   c->name);
		if (!path)
			return -ENOMEM;
	}
	*ret = path;
	return 0;
}

static int write_all(int fd, const struct dr_buf *text)
{
	for (size_t done = 0; done < text->len;) {
		ssize_t n = write(fd, text->data + done, text->len - done);
		if (n < 0 && errno != EINTR)
			return dr_errno();
		done += n > 0 ? (size_t)n : 0;
	}
	return 0;
}

/* Not synced: what the machine loses with its power is of another boot. */
int mon_recall_write(const char *path, const struct dr_buf *text)
{
	DR_AUTO_FREE char *beside = dr_asprintf("%s.new", path);
	DR_AUTO_CLOSE int fd = -1;

	if (!beside || text->error)
		return -ENOMEM;
	if (unlink(beside) && errno != ENOENT)
		return dr_errno();
	fd = open(beside, O_WRONLY | O_CREAT | O_EXCL | O_NOFOLLOW | O_CLOEXEC, 0640);
	if (fd < 0)
		return dr_errno();
	int r = write_all(fd, text);
	if (r == 0 && rename(beside, path))
		r = dr_errno();
	if (r)
		unlink(beside);
	return r;
}

int mon_recall_read(const char *path, uid_t owner, char **ret)
{
	DR_AUTO_CLOSE int fd = open(path, O_RDONLY | O_NOFOLLOW | O_NONBLOCK | O_CLOEXEC);
	DR_AUTO_FREE char *text = NULL;
	struct stat st;
	size_t len = 0;

	if (fd < 0)
		return errno == ENOENT ? 1 : dr_errno();
	if (fstat(fd, &st))
		return dr_errno();
	if (!S_ISREG(st.st_mode) || (st.st_uid != 0 && st.st_uid != geteuid() && st.st_uid != owner))
		return -EPERM;
	if (st.st_size > FILE_MAX)
		return -EFBIG;
	text = calloc(1, (size_t)st.st_size + 1);
	if (!text)
		return -ENOMEM;
	while (len < (size_t)st.st_size) {
		ssize_t n = read(fd, text + len, (size_t)st.st_size - len);
		if (n < 0 && errno != EINTR)
			return dr_errno();
		if (n == 0)
			break;
		len += n > 0 ? (size_t)n : 0;
	}
	*ret = DR_TAKE_PTR(text);
	return 0;
}

int mon_recall_boot(char ret[MON_BOOT_MAX])
{
	DR_AUTO_CLOSE int fd = open("/proc/sys/kernel/random/boot_id", O_RDONLY | O_CLOEXEC);
	ssize_t n = fd < 0 ? -1 : read(fd, ret, MON_BOOT_MAX - 1);

	if (n < 0)
		return dr_errno();
	ret[n] = '\0';
	ret[strcspn(ret, "\n")] = '\0';
	return 0;
}
