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
		fprintf(stderr, "doctorctl: %s\nSee doctorctl --help.\n", error ? error : strerror(-r));
		return CTL_USAGE;
	}
	status = CTL_GOOD;
	if (o.help)
		ctl_usage(&out);
	else if (o.version)
		dr_buf_puts(&out, "doctorctl " DR_VERSION "\n");
	else
		status = ctl_run(&o, &out, &err);
	if (!put(stdout, &out) || !put(stderr, &err)) {
		fprintf(stderr, "doctorctl: not all could be written\n");
		return CTL_UNREACHABLE;
	}
	return status;
}
