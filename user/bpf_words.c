/* SPDX-License-Identifier: Apache-2.0 */
#include <bpf/libbpf.h>
#include <string.h>

#include "doctor/buf.h"
#include "user/bpf_private.h"

static char last_words[512];

static int keep(enum libbpf_print_level level, const char *fmt, va_list ap) DR_PRINTF(2, 0);
static int keep(enum libbpf_print_level level, const char *fmt, va_list ap)
{
	if (level == LIBBPF_WARN && !last_words[0])
		vsnprintf(last_words, sizeof(last_words), fmt, ap);
	return 0;
}

void bpf_words_forget(void)
{
	libbpf_set_print(keep);
	last_words[0] = '\0';
}

int bpf_words_fail(char **ret_error, int err, const char *what)
{
	last_words[strcspn(last_words, "\n")] = '\0';
	*ret_error = dr_asprintf("%s: %s%s%s%s", what, strerror(-err), last_words[0] ? " (" : "", last_words,
				 last_words[0] ? ")" : "");
	return err;
}
