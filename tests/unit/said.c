/* SPDX-License-Identifier: Apache-2.0 */
#include "tests/unit/said.h"

#include <fcntl.h>
#include <setjmp.h>
#include <stdarg.h>
#include <stdint.h>
#include <string.h>
#include <sys/mman.h>
#include <unistd.h>

#include <cmocka.h>

static int file = -1, before = -1;

int said_begin(void)
{
	file = memfd_create("log", MFD_CLOEXEC);
	before = fcntl(STDERR_FILENO, F_DUPFD_CLOEXEC, 0);
	assert_true(file >= 0 && before >= 0);
	assert_int_equal(dup2(file, STDERR_FILENO), STDERR_FILENO);
	return file;
}

void said_end(void)
{
	dup2(before, STDERR_FILENO);
	close(before);
	close(file);
}

const char *said(void)
{
	static char text[1 << 16];
	ssize_t n = pread(file, text, sizeof(text) - 1, 0);

	text[n > 0 ? n : 0] = '\0';
	return text;
}

size_t said_count(const char *what)
{
	return text_count(said(), what);
}

size_t text_count(const char *text, const char *what)
{
	size_t n = 0;

	for (; (text = strstr(text, what)); text += strlen(what))
		n++;
	return n;
}
