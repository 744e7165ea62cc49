/* SPDX-License-Identifier: Apache-2.0 */
#include "tools/scenario/bpfseen.h"

#include <dirent.h>
#include <linux/bpf.h>
#include <string.h>
#include <sys/syscall.h>

#include "doctor/buf.h"

static int add(uint32_t ids[SC_BPF_PROGRAMS_MAX], int n, uint32_t id)
{
	for (int i = 0; i < n; i++)
		if (ids[i] == id)
			return n;
	if (n < SC_BPF_PROGRAMS_MAX)
		ids[n++] = id;
	return n;
}

/* fdinfo of programs and of links has a line "prog_id:\tN". */
static int read_fdinfo(const char *dir, const char *name, uint32_t ids[SC_BPF_PROGRAMS_MAX], int n)
{
	DR_AUTO_FREE char *path = dr_asprintf("%s/%s", dir, name);
	DR_AUTO_FCLOSE FILE *f = path ? fopen(path, "re") : NULL;
	char line[256];
	uint32_t id;

	while (f && fgets(line, sizeof(line), f))
		if (sscanf(line, "prog_id: %u", &id) == 1)
			n = add(ids, n, id);
	return n;
}

int sc_bpf_programs_of(pid_t pid, uint32_t ret_ids[SC_BPF_PROGRAMS_MAX])
{
	DR_AUTO_FREE char *dir = dr_asprintf("/proc/%d/fdinfo", pid);
	struct dirent *e;
	DIR *d = dir ? opendir(dir) : NULL;
	int n = 0;

	if (!d)
		return dir ? dr_errno() : -ENOMEM;
	while ((e = readdir(d)))
		if (e->d_name[0] != '.')
			n = read_fdinfo(dir, e->d_name, ret_ids, n);
	closedir(d);
	return n;
}

int sc_bpf_program_exists(uint32_t id)
{
	union bpf_attr attr;
	long fd;

	memset(&attr, 0, sizeof(attr));
	attr.prog_id = id;
	fd = syscall(SYS_bpf, BPF_PROG_GET_FD_BY_ID, &attr, sizeof(attr));
	if (fd < 0)
		return errno == ENOENT ? 0 : dr_errno();
	close((int)fd);
	return 1;
}
