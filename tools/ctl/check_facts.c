/* SPDX-License-Identifier: Apache-2.0 */
/* What is looked at: which parts are here, files, the kernel. */
#include "tools/ctl/check.h"

#include <string.h>
#include <sys/timex.h>

#include "doctor/http_client.h"

#define TIMEOUT dr_sec(10)

/* ---------------------------------------------------------------- files and questions */

char *check_path(const struct check_readers *readers, const char *given, const char *fallback)
{
	return given ? strdup(given) : dr_asprintf("%s%s", readers->root, fallback);
}

bool check_is_there(const struct check_readers *readers, const char *path)
{
	DR_AUTO_FREE char *whole = dr_asprintf("%s%s", readers->root, path);

	return whole && access(whole, F_OK) == 0;
}

void check_read_line(const struct check_readers *readers, const char *path, char *buf, size_t size)
{
	DR_AUTO_FREE char *whole = dr_asprintf("%s%s", readers->root, path);
	DR_AUTO_FCLOSE FILE *f = whole ? fopen(whole, "re") : NULL;

	buf[0] = '\0';
	if (!f || !fgets(buf, (int)size, f))
		return;
	buf[strcspn(buf, "\n")] = '\0';
}

int check_file_error(struct check_file *file, const char *text)
{
	char *errors =
		dr_asprintf("%s%s%s", file->errors ? file->errors : "", file->errors ? "\n" : "", text);

	if (!errors)
		return -ENOMEM;
	free(file->errors);
	file->errors = errors;
	return 0;
}

int check_file_errors(struct check_file *file, const struct dr_conf *conf)
{
	int r = 0;

	for (size_t i = 0; r == 0 && i < DR_MIN(dr_conf_error_count(conf), (size_t)DR_CONF_ERRORS_MAX); i++)
		r = check_file_error(file, dr_conf_error_text(conf, i));
	return r;
}

int check_file_find(const struct check_readers *readers, const char *given, const char *fallback,
		    struct check_file *ret)
{
	ret->path = check_path(readers, given, fallback);
	if (!ret->path)
		return -ENOMEM;
	ret->denied = access(ret->path, R_OK) != 0 && errno == EACCES;
	ret->there = given || ret->denied || access(ret->path, F_OK) == 0; /* one that was named has to be */
	return 0;
}

void check_file_done(struct check_file *file)
{
	free(file->path);
	free(file->errors);
	*file = (struct check_file){ 0 };
}

void check_answer_done(struct check_answer *a)
{
	dr_json_free(a->json);
	*a = (struct check_answer){ 0 };
}

int check_ask(struct dr_loop *loop, const struct check_question *q, struct check_answer *ret)
{
	const struct dr_http_client_opts opts = {
		.unix_socket = q->unix_socket,
		.ca_file = q->ca,
		.cert_file = q->cert,
		.key_file = q->key,
		.user_agent = "doctorctl/" DR_VERSION,
	};
	const struct dr_http_request req = {
		.method = q->method,
		.url = q->url,
		.headers = { { q->header, q->value } },
		.body = q->body,
		.body_len = q->body ? strlen(q->body) : 0,
		.timeout = TIMEOUT,
	};
	DR_AUTO(dr_http_client_freep) struct dr_http_client *client = NULL;
	DR_AUTO(dr_http_response_done) struct dr_http_response response = { 0 };
	int r = dr_http_client_new(loop, &opts, &client);

	if (r == 0)
		r = dr_http_call(client, &req, &response);
	if (r < 0 && r != -EINVAL)
		return r;
	ret->asked = true;
	ret->error = r < 0 ? r : response.error;
	snprintf(ret->reason, sizeof(ret->reason), "%s", r < 0 ? strerror(-r) : response.reason);
	ret->status = response.status;
	if (dr_json_parse(dr_buf_str(&response.body), response.body.len, &ret->json, NULL))
		ret->json = NULL;
	return 0;
}

/* ---------------------------------------------------------------- the kernel */

/* proc(5): the second word is where, the third what. */
static bool has_bpffs(const struct check_readers *readers)
{
	DR_AUTO_FREE char *path = dr_asprintf("%s/proc/self/mounts", readers->root);
	DR_AUTO_FCLOSE FILE *f = path ? fopen(path, "re") : NULL;
	char line[1024], where[512], what[64];

	while (f && fgets(line, sizeof(line), f))
		if (sscanf(line, "%*s %511s %63s", where, what) == 2 && strcmp(where, "/sys/fs/bpf") == 0 &&
		    strcmp(what, "bpf") == 0)
			return true;
	return false;
}

/* "none [integrity] confidentiality": the one in brackets. */
static void read_lockdown(const struct check_readers *readers, char *buf, size_t size)
{
	char line[128], *begin, *end;

	buf[0] = '\0';
	check_read_line(readers, "/sys/kernel/security/lockdown", line, sizeof(line));
	begin = strchr(line, '[');
	end = begin ? strchr(begin, ']') : NULL;
	if (end)
		snprintf(buf, size, "%.*s", (int)(end - begin - 1), begin + 1);
}

int check_read_kernel(const struct check_readers *readers, struct check_kernel *k)
{
	struct timex clock = { 0 };
	char jit[16];
	int state;

	readers->features(&k->features);
	k->btf = check_is_there(readers, "/sys/kernel/btf/vmlinux");
	k->bpffs = has_bpffs(readers);
	check_read_line(readers, "/proc/sys/net/core/bpf_jit_enable", jit, sizeof(jit));
	k->jit = *jit ? atoi(jit) : -1;
	read_lockdown(readers, k->lockdown, sizeof(k->lockdown));
	check_read_line(readers, "/sys/devices/system/clocksource/clocksource0/current_clocksource",
			k->clocksource, sizeof(k->clocksource));
	state = readers->clock(&clock);
	if (state < 0)
		return dr_errno();
	k->clock_synchronized = state != TIME_ERROR && !(clock.status & STA_UNSYNC);
	return 0;
}

/* ---------------------------------------------------------------- all of it */

static unsigned part_of(const char *word)
{
	if (strcmp(word, "monitor") == 0)
		return CHECK_MONITOR;
	return strcmp(word, "inspector") == 0 ? CHECK_INSPECTOR : CHECK_CLOUD;
}

/* A part is here if its configuration is, or if the caller says where something of it is. */
static unsigned parts_here(const struct check_readers *readers, const struct ctl_opts *o)
{
	unsigned parts = 0;

	if (o->monitor_config || o->socket || check_is_there(readers, CHECK_MONITOR_CONFIG))
		parts |= CHECK_MONITOR;
	if (o->inspector_config || o->inspector || check_is_there(readers, CHECK_INSPECTOR_CONFIG))
		parts |= CHECK_INSPECTOR;
	if (o->inspector_config || check_is_there(readers, CHECK_INSPECTOR_CONFIG) || o->cloud ||
	    o->nova_conf || o->event_pipeline || o->aodh_conf || check_is_there(readers, CHECK_NOVA_CONF) ||
	    check_is_there(readers, CHECK_EVENT_PIPELINE) || check_is_there(readers, CHECK_AODH_CONF))
		parts |= CHECK_CLOUD;
	return parts;
}

/* Where credentials are expected: with an inspector that has a cloud, or where somebody asks for it. */
static bool has_credentials(const struct check_facts *f, const struct ctl_opts *o)
{
	return (f->inspector.file.there && !f->inspector.config.no_cloud) || o->cloud || o->operand;
}

int check_facts_read(const struct check_readers *readers, const struct ctl_opts *o, struct check_facts *ret)
{
	DR_AUTO(check_facts_done) struct check_facts f = { 0 };
	int r = 0;

	f.parts = o->operand ? part_of(o->operand) : parts_here(readers, o);
	if (f.parts & (CHECK_MONITOR | CHECK_INSPECTOR))
		r = check_read_kernel(readers, &f.kernel);
	if (r == 0 && (f.parts & CHECK_MONITOR))
		r = check_read_monitor(readers, o, &f.monitor);
	if (r == 0 && (f.parts & (CHECK_INSPECTOR | CHECK_CLOUD))) /* which names the cloud */
		r = check_read_inspector(readers, o, &f.inspector);
	if (r == 0 && (f.parts & CHECK_INSPECTOR))
		r = check_ask_inspector(readers, o, &f.inspector);
	/* those of the inspector that runs here, unless the caller names others */
	if (r == 0 && (f.parts & CHECK_CLOUD) && f.inspector.file.there && !o->inspector_config && !o->cloud)
		r = check_take_environment(readers, &f.cloud);
	if (r == 0 && (f.parts & CHECK_CLOUD) && has_credentials(&f, o))
		r = check_read_cloud(readers, o->cloud ? o->cloud : f.inspector.config.cloud, &f.cloud);
	if (r == 0 && (f.parts & CHECK_CLOUD))
		r = check_read_settings(readers, o, &f.settings);
	if (r < 0)
		return r;
	*ret = f;
	f = (struct check_facts){ 0 };
	return 0;
}

void check_facts_done(struct check_facts *f)
{
	check_monitor_done(&f->monitor);
	check_inspector_done(&f->inspector);
	check_cloud_done(&f->cloud);
	check_settings_done(&f->settings);
	*f = (struct check_facts){ 0 };
}
