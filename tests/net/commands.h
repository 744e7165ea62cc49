/* SPDX-License-Identifier: Apache-2.0 */
#ifndef TESTS_NET_COMMANDS_H
#define TESTS_NET_COMMANDS_H

/* The commands that a document has: lines of a block, with what continues them, and `such` within a sentence.
 */

#include <stddef.h>

#include "doctor/mem.h"
#include <stdbool.h>
#include "doctor/buf.h"

#define COMMANDS_MAX 200

struct commands {
	char *texts[COMMANDS_MAX];
	size_t count;
};

void commands_done(struct commands *c);

/*
 * Adds those of a document, each once. A command begins with the name of a program that is installed here, is
 * in `bin`, or is known by `is_ours`; scripts are not looked into. Fails the test if the document cannot be
 * read.
 */
void commands_read(struct commands *c, const char *path, const char *bin, bool (*is_ours)(const char *text));

/* The script in a block that begins with "#!", without its indent. */
void commands_script(const char *path, struct dr_buf *ret);

#endif
