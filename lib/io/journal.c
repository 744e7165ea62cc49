/* SPDX-License-Identifier: Apache-2.0 */
#include "doctor/journal.h"

#include <ctype.h>
#define SD_JOURNAL_SUPPRESS_LOCATION /* it would be that of this file */
#include <systemd/sd-journal.h>

/* The buffer may move while it grows: iov_base is an offset until the end. */
static void begin(struct dr_journal_record *j)
{
	j->entries[j->count].iov_base = (void *)(uintptr_t)j->text.len;
}

static void end(struct dr_journal_record *j)
{
	struct iovec *v = &j->entries[j->count++];

	v->iov_len = j->text.len - (size_t)(uintptr_t)v->iov_base;
}

static void add_field(struct dr_journal_record *j, const struct dr_log_field *f)
{
	begin(j);
	dr_buf_puts(&j->text, "DOCTOR_");
	for (size_t i = 0; i < f->key_len; i++) {
		char c = (char)toupper((unsigned char)f->key[i]);
		dr_buf_append(&j->text, &c, 1);
	}
	dr_buf_puts(&j->text, "=");
	dr_buf_append(&j->text, f->value, f->value_len);
	end(j);
}

int dr_journal_record(const struct dr_log_record *r, const char *identifier, struct dr_journal_record *ret)
{
	DR_AUTO(dr_journal_record_done) struct dr_journal_record j = { 0 };

	begin(&j);
	dr_buf_printf(&j.text, "MESSAGE=%s", r->message);
	end(&j);
	begin(&j);
	dr_buf_printf(&j.text, "PRIORITY=%d", (int)r->level);
	end(&j);
	begin(&j);
	dr_buf_printf(&j.text, "SYSLOG_IDENTIFIER=%s", identifier);
	end(&j);
	for (size_t i = 0; i < r->field_count; i++)
		add_field(&j, &r->fields[i]);
	if (j.text.error)
		return j.text.error;
	for (size_t i = 0; i < j.count; i++)
		j.entries[i].iov_base = j.text.data + (uintptr_t)j.entries[i].iov_base;
	*ret = j;
	j = (struct dr_journal_record){ 0 };
	return 0;
}

void dr_journal_record_done(struct dr_journal_record *r)
{
	dr_buf_done(&r->text);
	*r = (struct dr_journal_record){ 0 };
}

static int send_record(const struct dr_log_record *r, void *userdata)
{
	DR_AUTO(dr_journal_record_done) struct dr_journal_record j = { 0 };
	int err = dr_journal_record(r, userdata, &j);

	return err < 0 ? err : sd_journal_sendv(j.entries, (int)j.count);
}

void dr_journal_start(const char *identifier)
{
	if (dr_log_stderr_is_journal())
		dr_log_set_sink(send_record, (void *)identifier);
}
