/* SPDX-License-Identifier: Apache-2.0 */
/* What is looked at of the inspector and of the cloud. */
#include "tools/ctl/check.h"

#include <libgen.h>
#include <limits.h>
#include <string.h>
#include <sys/stat.h>
#include <sys/statvfs.h>

#include "doctor/cloud/nova.h"
#include "doctor/http_client.h"
#include "tools/ctl/envfile.h"

#define ROOM_LEAST (64ULL << 20) /* bytes: a journal of some thousand incidents */

#define FILE_MAX (4 << 20)

static int read_whole(const char *path, struct dr_buf *ret)
{
	DR_AUTO_FCLOSE FILE *f = fopen(path, "re");
	char part[4096];
	size_t n;

	if (!f)
		return dr_errno();
	ret->limit = FILE_MAX;
	while ((n = fread(part, 1, sizeof(part), f)) > 0)
		dr_buf_append(ret, part, n);
	return ferror(f) ? -EIO : ret->error;
}

/* ---------------------------------------------------------------- the inspector */

static int read_config(struct check_inspector *i)
{
	DR_AUTO(dr_conf_freep) struct dr_conf *conf = NULL;
	int r = dr_conf_load(i->file.path, &conf);

	if (r == 0)
		r = ins_config_read(conf, &i->config);
	i->has_config = r == 0 && dr_conf_error_count(conf) == 0;
	return r < 0 ? r : check_file_errors(&i->file, conf);
}

/* A text for people; NULL: nothing. Root may write everywhere, the inspector's user may not. */
static char *what_is_wrong(const char *dir)
{
	struct statvfs fs;
	struct stat st;

	if (stat(dir, &st))
		return dr_asprintf("%s: %s", dir, strerror(errno));
	if (!S_ISDIR(st.st_mode))
		return dr_asprintf("%s is no directory", dir);
	if (!(st.st_mode & S_IWUSR))
		return dr_asprintf("%s may not be written by its owner", dir);
	if (statvfs(dir, &fs))
		return dr_asprintf("%s: %s", dir, strerror(errno));
	if (fs.f_flag & ST_RDONLY)
		return dr_asprintf("%s is on a file system that is mounted read-only", dir);
	if ((unsigned long long)fs.f_bavail * fs.f_frsize < ROOM_LEAST)
		return dr_asprintf("%s: %llu MiB are left there", dir,
				   (unsigned long long)fs.f_bavail * fs.f_frsize >> 20);
	return NULL;
}

static int look_at_journal(struct check_inspector *i)
{
	char path[PATH_MAX];

	if (!i->config.journal)
		return 0;
	if (dr_strcpy(path, sizeof(path), i->config.journal))
		return -ENAMETOOLONG;
	i->journal_trouble = what_is_wrong(dirname(path));
	return 0;
}

/* As its configuration says where it listens. */
static char *own_url(const struct ins_config *c)
{
	const struct dr_http_listen *l = &c->listen;
	const char *address = l->any ? l->ipv6 ? "::1" : "127.0.0.1" : l->address;

	return dr_asprintf("http%s://%s%s%s:%u", c->access.cert ? "s" : "", l->ipv6 ? "[" : "", address,
			   l->ipv6 ? "]" : "", l->port);
}

static int ask(const struct check_readers *readers, const struct ctl_opts *o, struct check_inspector *i,
	       const char *path, struct check_answer *ret)
{
	static const struct ctl_verb any = { "check", .path = "", .options = CTL_OPT_INSPECTOR };
	struct ctl_opts as = *o;
	DR_AUTO(ctl_request_done) struct ctl_request request = { 0 };
	struct check_question q = { .method = "GET", .ca = o->ca, .cert = o->cert, .key = o->key };
	int r;

	as.verb = &any;
	as.operand = NULL;
	as.inspector = i->url;
	r = ctl_request_make(&as, &request, &i->credentials);
	if (r < 0)
		return i->credentials ? 0 : r;
	dr_buf_puts(&request.url, path);
	if (request.url.error)
		return request.url.error;
	q.url = request.url.data;
	q.header = request.authorization ? "Authorization" : NULL;
	q.value = request.authorization;
	return check_ask(readers->loop, &q, ret);
}

int check_read_inspector(const struct check_readers *readers, const struct ctl_opts *o,
			 struct check_inspector *i)
{
	int r = check_file_find(readers, o->inspector_config, CHECK_INSPECTOR_CONFIG, &i->file);

	if (r == 0 && i->file.there)
		r = read_config(i);
	return r == 0 && i->has_config ? look_at_journal(i) : r;
}

int check_ask_inspector(const struct check_readers *readers, const struct ctl_opts *o,
			struct check_inspector *i)
{
	int r;

	i->url = o->inspector || !i->has_config ? strdup(ctl_inspector(o)) : own_url(&i->config);
	if (!i->url)
		return -ENOMEM;
	r = ask(readers, o, i, "/healthz", &i->health);
	if (r == 0 && i->health.status / 100 == 2)
		r = ask(readers, o, i, "/v1/subscriptions", &i->subscriptions);
	return r;
}

void check_inspector_done(struct check_inspector *i)
{
	check_file_done(&i->file);
	ins_config_done(&i->config);
	free(i->journal_trouble);
	free(i->url);
	free(i->credentials);
	check_answer_done(&i->health);
	check_answer_done(&i->subscriptions);
}

/* ---------------------------------------------------------------- the cloud */

struct wait {
	struct check_answer *to;
	bool done;
};

static void on_reply(const struct dr_cloud_reply *r, void *userdata)
{
	struct wait *w = userdata;

	w->to->asked = w->done = true;
	w->to->error = r->error;
	w->to->status = r->status;
	snprintf(w->to->reason, sizeof(w->to->reason), "%s", r->reason);
	w->to->json = r->json ? dr_json_copy(r->json) : NULL;
}

static int wait_for(struct dr_loop *loop, const struct wait *w)
{
	int r = 0;

	while (r >= 0 && !w->done)
		r = dr_loop_run_once(loop, dr_sec(1));
	return r < 0 ? r : 0;
}

static int ask_cloud(struct dr_loop *loop, struct dr_cloud *cloud, const struct dr_cloud_request *q,
		     struct check_answer *ret)
{
	struct wait w = { .to = ret };
	int r = q ? dr_cloud_send(cloud, q, on_reply, &w) : dr_cloud_login(cloud, on_reply, &w);

	return r < 0 ? r : wait_for(loop, &w);
}

/* Nova's services, which only an administrator may list, as only he may force one down. */
static int ask_nova(struct dr_loop *loop, struct dr_cloud *cloud, struct check_cloud *c)
{
	DR_AUTO_CALL struct dr_api_call call = { 0 };
	struct dr_nova_api api = { 0 };
	int r = dr_nova_version_get(&call);

	if (r == 0)
		r = ask_cloud(loop, cloud, &call.req, &c->version);
	if (r < 0 || c->version.status != 200 || dr_nova_version_parse(c->version.json, &api) < 0)
		return r;
	r = dr_nova_services_list(&call, &api, NULL, "nova-compute");
	return r < 0 ? r : ask_cloud(loop, cloud, &call.req, &c->services);
}

static int ask_services(struct dr_loop *loop, struct dr_cloud *cloud, struct check_cloud *c)
{
	const struct dr_cloud_request alarms = { .service = "alarming",
						 .method = "GET",
						 .path = "/v2/alarms?limit=1" };
	int r = ask_cloud(loop, cloud, NULL, &c->login);

	if (r < 0 || c->login.error)
		return r;
	r = ask_nova(loop, cloud, c);
	return r < 0 ? r : ask_cloud(loop, cloud, &alarms, &c->alarms);
}

static void forget_ours(void)
{
	char name[128];

	for (size_t i = 0; environ[i];) {
		size_t len = strcspn(environ[i], "=");

		if (strncmp(environ[i], "OS_", 3) != 0 || len >= sizeof(name)) {
			i++;
			continue;
		}
		snprintf(name, sizeof(name), "%.*s", (int)len, environ[i]);
		if (unsetenv(name)) /* which moves the others up */
			i++;
	}
}

int check_take_environment(const struct check_readers *readers, struct check_cloud *c)
{
	DR_AUTO(check_file_done) struct check_file file = { 0 };
	DR_AUTO_BUF struct dr_buf text = { 0 }, name = { 0 }, value = { 0 };
	int r = check_file_find(readers, NULL, CHECK_INSPECTOR_ENVIRONMENT, &file);
	const char *at;

	c->denied = file.denied;
	if (r < 0 || !file.there || file.denied)
		return r;
	r = read_whole(file.path, &text);
	if (r < 0)
		return r;
	forget_ours();
	at = dr_buf_str(&text);
	while ((r = envfile_next(&at, &name, &value)) == 0)
		if (setenv(dr_buf_str(&name), dr_buf_str(&value), 1))
			return dr_errno();
	return r < 0 ? r : 0;
}

int check_read_cloud(const struct check_readers *readers, const char *name, struct check_cloud *c)
{
	DR_AUTO(dr_cloud_conf_done) struct dr_cloud_conf conf = { 0 };
	DR_AUTO(dr_http_client_freep) struct dr_http_client *http = NULL;
	DR_AUTO(dr_cloud_freep) struct dr_cloud *cloud = NULL;
	struct dr_http_client_opts opts = { 0 };
	int r = dr_cloud_conf_load(name, &conf, &c->missing);

	c->there = true;
	c->named = name;
	if (r < 0)
		return c->missing ? 0 : r;
	opts.ca_file = conf.cacert;
	opts.insecure = conf.insecure;
	r = dr_http_client_new(readers->loop, &opts, &http);
	if (r == 0)
		r = dr_cloud_new(readers->loop, http, &conf, &cloud);
	return r < 0 ? r : ask_services(readers->loop, cloud, c);
}

void check_cloud_done(struct check_cloud *c)
{
	free(c->missing);
	check_answer_done(&c->login);
	check_answer_done(&c->version);
	check_answer_done(&c->services);
	check_answer_done(&c->alarms);
}

/* ---------------------------------------------------------------- settings of its services */

static int read_ini(struct check_file *file, struct ini *ret)
{
	DR_AUTO_BUF struct dr_buf text = { 0 };
	DR_AUTO_FREE char *error = NULL;
	size_t line = 0;
	int r;

	if (!file->there)
		return 0;
	r = read_whole(file->path, &text);
	if (r == 0)
		r = ini_parse(dr_buf_str(&text), text.len, ret, &line);
	if (r == 0 || r == -ENOMEM)
		return r;
	error = r == -EBADMSG ? dr_asprintf("%s:%zu: is neither a section nor a setting", file->path, line)
			      : dr_asprintf("%s: %s", file->path, strerror(-r));
	return error ? check_file_error(file, error) : -ENOMEM;
}

static int read_pipeline(const struct check_readers *readers, struct check_settings *s)
{
	int r;

	s->ceilometer = check_is_there(readers, CHECK_CEILOMETER_CONF);
	if (!s->pipeline_file.there)
		return 0;
	r = dr_conf_load(s->pipeline_file.path, &s->pipeline);
	return r < 0 ? r : check_file_errors(&s->pipeline_file, s->pipeline);
}

int check_read_settings(const struct check_readers *readers, const struct ctl_opts *o,
			struct check_settings *s)
{
	int r = check_file_find(readers, o->nova_conf, CHECK_NOVA_CONF, &s->nova_file);

	if (r == 0)
		r = check_file_find(readers, o->event_pipeline, CHECK_EVENT_PIPELINE, &s->pipeline_file);
	if (r == 0)
		r = check_file_find(readers, o->aodh_conf, CHECK_AODH_CONF, &s->aodh_file);
	if (r == 0)
		r = read_ini(&s->nova_file, &s->nova);
	if (r == 0)
		r = read_ini(&s->aodh_file, &s->aodh);
	return r < 0 ? r : read_pipeline(readers, s);
}

void check_settings_done(struct check_settings *s)
{
	check_file_done(&s->nova_file);
	check_file_done(&s->pipeline_file);
	check_file_done(&s->aodh_file);
	ini_done(&s->nova);
	ini_done(&s->aodh);
	dr_conf_free(s->pipeline);
}
