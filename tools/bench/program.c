/* SPDX-License-Identifier: Apache-2.0 */
#include "tools/bench/program.h"

#include <sched.h>
#include <string.h>

#include "tools/bench/machine.h"

#define PRIORITY 10

int bench_program_begin(const char *name, char bin[512], char dir[64])
{
	struct sched_param param = { .sched_priority = PRIORITY };
	ssize_t n = readlink("/proc/self/exe", bin, 511);

	if (n < 0)
		return dr_errno();
	bin[n] = '\0';
	*strrchr(bin, '/') = '\0';
	snprintf(dir, 64, "/tmp/%s-XXXXXX", name);
	if (!mkdtemp(dir)) {
		dir[0] = '\0';
		return dr_errno();
	}
	return sched_setscheduler(0, SCHED_FIFO | SCHED_RESET_ON_FORK, &param) < 0 ? dr_errno() : 0;
}

char *bench_program_title(const char *name, char day[DR_TIME_STR_MAX])
{
	char *machine = bench_machine_name();

	dr_wall_format(dr_wall_now(), day);
	day[10] = '\0';
	printf("%s %s, %s, %s\n", name, DR_VERSION, day, machine ? machine : "?");
	fflush(stdout);
	return machine;
}

static int write_json(struct bench_report *r, const char *path, const char *machine, const char *day)
{
	DR_AUTO_FREE char *text = bench_report_json(r, machine, day);
	DR_AUTO_FCLOSE FILE *f = text ? fopen(path, "we") : NULL;

	if (!text)
		return -ENOMEM;
	return !f || fprintf(f, "%s\n", text) < 0 || fflush(f) ? dr_errno() : 0;
}

int bench_program_end(const char *name, struct bench_report *r, const char *json, const char *machine,
		      const char *day)
{
	DR_AUTO_FREE char *summary = bench_report_summary(r);
	int error;

	printf("\n%s", summary ? summary : "out of memory\n");
	error = json ? write_json(r, json, machine, day) : 0;
	if (error)
		fprintf(stderr, "%s: cannot write %s: %s\n", name, json, strerror(-error));
	return error || bench_report_troubles(r) ? EXIT_FAILURE : EXIT_SUCCESS;
}
