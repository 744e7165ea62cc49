/* SPDX-License-Identifier: Apache-2.0 */
#ifndef DOCTOR_TESTS_FENCE_WORLD_H
#define DOCTOR_TESTS_FENCE_WORLD_H

/* A fencer with a configuration in words, a BMC and a folder beside it, for the tests of inspector/fence*.c.
 */

#include "tests/unit/http_fixture.h"

#include "inspector/fence.h"
#include "tests/unit/fake_redfish.h"

struct fence_answer {
	unsigned calls;
	struct ins_fence_result result; /* of the last */
};

struct fence_world {
	char dir[32];
	struct dr_loop *loop;
	struct fake_bmc *bmc;
	struct ins_fence_conf conf;
	struct ins_fencer *fencer;
	struct fence_answer a, b;
};

int fence_setup(void **state);
int fence_teardown(void **state);

/* The fencer of this section, which must be right. */
void fence_configure(struct fence_world *w, const char *fmt, ...) DR_PRINTF(2, 3);

void fence_answered(const struct ins_fence_result *r,
		    void *answer); /* ins_fence_fn for a struct fence_answer */
void fence_start(struct fence_world *w, const char *host, const char *incident, struct fence_answer *a);

/* Fences "h1.example" to the end. */
const struct ins_fence_result *fence(struct fence_world *w);

/* A file in the folder; its path, valid until the next call. */
const char *fence_path(struct fence_world *w, const char *name);
const char *fence_file(struct fence_world *w, const char *name, const char *text, int mode);
char *fence_read(struct fence_world *w, const char *name); /* NULL: it is not there; the caller frees it */

#endif
