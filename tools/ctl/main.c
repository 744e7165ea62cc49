/* SPDX-License-Identifier: Apache-2.0 */
/* doctorctl: composed here and nowhere else. */
#include <string.h>

#include "tools/ctl/ctl.h"

/* false: somebody did not take it all. */
static bool put(FILE *f, const struct dr_buf *b)
{
	fwrite(dr_buf_str(b), 1, b->len, f);
	return fflush(f) == 0 && !ferror(f) && !b->error;
}

int main(int argc, char **argv)
{
	DR_AUTO_FREE char *error = NULL;
	DR_AUTO_BUF struct dr_buf out = { 0 }, err = { 0 };
	struct ctl_opts o;
	enum ctl_exit status;
	int r = ctl_opts_parse(argc, argv, &o, &error);

	if (r < 0) {
		fprintf(stderr, "doctorctl: %s\n\n%s", error ? error : strerror(-r), ctl_usage);
		return CTL_USAGE;
	}
	if (o.help || o.version) {
		printf("%s", o.help ? ctl_usage : "doctorctl " DR_VERSION "\n");
		return CTL_GOOD;
	}
	status = ctl_run(&o, &out, &err);
	if (!put(stdout, &out) || !put(stderr, &err)) {
		fprintf(stderr, "doctorctl: not all could be written\n");
		return CTL_UNREACHABLE;
	}
	return status;
}
