/* SPDX-License-Identifier: Apache-2.0 */
/* What the last run of the monitor has written down: who was up when an interface became isolated. */
#include "tests/fuzz/fuzz.h"
#include "user/recall.h"

#define NAME "m"
#define BOOT "b"

/* What was read, as it would be written. */
static char *write_down(const struct mon_recall *r, size_t *ret_count)
{
	struct dr_buf text = { 0 };

	*ret_count = 0;
	mon_recall_begin(&text, NAME, BOOT);
	for (size_t i = 0; i < r->count; i++)
		mon_recall_add(&text, ret_count, &r->all[i]);
	mon_recall_end(&text, *ret_count);
	FUZZ_CHECK(!text.error);
	return text.data;
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
	DR_AUTO_FREE char *text = fuzz_text(data, size), *written = NULL;
	DR_AUTO(mon_recall_done) struct mon_recall r = { 0 }, again = { 0 };
	const char *why = NULL;
	size_t count;

	if (mon_recall_parse(text, NAME, BOOT, &r, &why)) {
		FUZZ_CHECK(why && !r.all && !r.count);
		return 0;
	}
	FUZZ_CHECK(r.count <= MON_TARGETS_MAX);
	for (size_t i = 0; i < r.count; i++)
		FUZZ_CHECK(mon_recall_find(&r, &r.all[i]) && r.all[i].host[0] && !r.all[i].taken);
	written = write_down(&r, &count);
	FUZZ_CHECK(mon_recall_parse(written, NAME, BOOT, &again, &why) == 0 && again.count == count);
	for (size_t i = 0; i < again.count; i++)
		FUZZ_CHECK(mon_recall_find(&r, &again.all[i]));
	return 0;
}
