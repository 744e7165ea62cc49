/* SPDX-License-Identifier: Apache-2.0 */
/* The process that asks Nova for its hypervisors, see discover.h. */
#include <errno.h>
#include <grp.h>
#include <linux/capability.h>
#include <pwd.h>
#include <signal.h>
#include <string.h>
#include <sys/prctl.h>
#include <sys/syscall.h>

#include "doctor/cloud/nova.h"
#include "doctor/daemon.h"
#include "doctor/log.h"
#include "doctor/secret.h"
#include "user/discover_list.h"

#define AGAIN_MAX dr_sec(10) /* after a refresh that failed */
#define PAGES_MAX 1000
#define CAPABILITIES 64

struct asker {
	const struct mon_config *config;
	struct dr_loop *loop;
	struct dr_cloud *cloud;
	struct dr_source *timer;
	struct dr_nova_api api;
	struct mon_hypervisors list; /* read so far */
	unsigned pages;
	uint32_t complaints; /* hash of those last said */
	char failure[256];   /* last said; "": it went well */
};

/* ---------------------------------------------------------------- privileges */

static int become(const char *user)
{
	const struct passwd *p;

	if (!user[0] || geteuid() != 0)
		return 0; /* the monitor, whose child we are, has become it already */
	errno = 0;
	p = getpwnam(user);
	if (!p)
		return errno ? dr_errno() : -ENOENT;
	if (initgroups(user, p->pw_gid) || setresgid(p->pw_gid, p->pw_gid, p->pw_gid) ||
	    setresuid(p->pw_uid, p->pw_uid, p->pw_uid) || setenv("HOME", p->pw_dir, 1))
		return dr_errno();
	return 0;
}

static int drop_capabilities(void)
{
	struct __user_cap_header_struct header = { .version = _LINUX_CAPABILITY_VERSION_3 };
	struct __user_cap_data_struct none[2] = { { 0 } };

	if (prctl(PR_CAP_AMBIENT, PR_CAP_AMBIENT_CLEAR_ALL, 0, 0, 0) || syscall(SYS_capset, &header, none) ||
	    prctl(PR_SET_NO_NEW_PRIVS, 1, 0, 0, 0))
		return dr_errno();
	return 0;
}

static int drop_privileges(const char *user)
{
	/* what cannot be dropped without CAP_SETPCAP cannot be gained without new privileges either */
	for (int n = 0; n < CAPABILITIES; n++)
		(void)prctl(PR_CAPBSET_DROP, n, 0, 0, 0);
	int r = become(user);
	if (!r)
		r = drop_capabilities();
	/* after all that, as a change of identity forgets it */
	if (!r && prctl(PR_SET_PDEATHSIG, SIGKILL))
		r = dr_errno();
	return r;
}

/* ---------------------------------------------------------------- the line */

static int write_all(const char *text)
{
	size_t len = strlen(text);

	while (len) {
		ssize_t n = write(STDOUT_FILENO, text, len);

		if (n < 0 && errno == EINTR)
			continue;
		if (n < 0)
			return dr_errno();
		text += n;
		len -= (size_t)n;
	}
	return 0;
}

static void say(struct asker *a, const char *line, struct dr_dur next)
{
	int r = write_all(line);

	if (!r)
		r = dr_timer_arm(a->timer, next);
	if (r == -EPIPE)
		dr_loop_exit(a->loop, EXIT_SUCCESS); /* the monitor is no more */
	else if (r)
		dr_loop_exit(a->loop, r);
}

static void failed(struct asker *a, const char *what, const char *why)
{
	char text[sizeof(a->failure)];

	snprintf(text, sizeof(text), "%s: %.200s", what, why);
	if (strcmp(text, a->failure) != 0)
		dr_warning("discovery: %s; the hypervisors stay as they were, and are asked for again", text);
	memcpy(a->failure, text, sizeof(text));
	say(a, "null\n", (struct dr_dur){ DR_MIN(a->config->discover.refresh.ns, AGAIN_MAX.ns) });
}

/* Once, and again when they change. */
static void pass_complaints(struct asker *a)
{
	uint32_t hash = 2166136261u;
	char *rest = a->list.complaints.data, *line;

	for (const char *p = dr_buf_str(&a->list.complaints); *p; p++)
		hash = (hash ^ (uint8_t)*p) * 16777619u;
	while (hash != a->complaints && (line = strsep(&rest, "\n"))) {
		if (*line)
			dr_warning("discovery: %s", line);
	}
	a->complaints = hash;
}

static void list_complete(struct asker *a)
{
	int r = mon_hypervisors_tidy(&a->list);
	DR_AUTO_FREE char *line = r ? NULL : mon_hypervisors_line(&a->list);

	if (!line) {
		failed(a, "the list of hypervisors", r ? strerror(-r) : "too long for the monitor");
		return;
	}
	pass_complaints(a);
	if (a->failure[0])
		dr_info("discovery: Nova answers again hypervisors=%zu", a->list.count);
	a->failure[0] = '\0';
	say(a, line, a->config->discover.refresh);
}

/* ---------------------------------------------------------------- Nova */

static void on_page(const struct dr_cloud_reply *reply, void *userdata);

static bool is_answer(struct asker *a, const struct dr_cloud_reply *r, const char *what)
{
	char text[sizeof(r->reason) + 32];

	if (r->error == -ECANCELED)
		return false; /* we are ending */
	if (!r->error && r->status >= 200 && r->status < 300)
		return true;
	if (r->error)
		snprintf(text, sizeof(text), "%s", r->reason);
	else
		snprintf(text, sizeof(text), "status %u %s", r->status, r->reason);
	if (r->status == 404 || r->status == 406)
		a->api.use = 0; /* another Nova than that which told of its versions? */
	failed(a, what, text);
	return false;
}

/* The query of the link to the next page; NULL: this was the last. The rest of it is often wrong behind a
 * proxy. */
static const char *next_page(const struct dr_json *body)
{
	const struct dr_json *v = dr_json_first(dr_json_get(body, "hypervisors_links"));

	for (; v; v = dr_json_next(v)) {
		const char *rel = dr_json_get_str(v, "rel"), *href = dr_json_get_str(v, "href");

		if (rel && href && strcmp(rel, "next") == 0)
			return strchr(href, '?');
	}
	return NULL;
}

/* query: of the next page, NULL for the first one */
static void ask_page(struct asker *a, const char *query)
{
	DR_AUTO_CALL struct dr_api_call call = { 0 };
	int r = dr_nova_hypervisors_list(&call, &a->api);

	if (!r && query) {
		char *path = dr_asprintf("%s%s", call.path, query);

		free(call.path);
		call.req.path = call.path = path;
		r = path ? 0 : -ENOMEM;
	}
	if (!r)
		r = dr_cloud_send(a->cloud, &call.req, on_page, a);
	if (r)
		failed(a, "asking Nova for its hypervisors", strerror(-r));
}

static void on_page(const struct dr_cloud_reply *reply, void *userdata)
{
	struct asker *a = userdata;
	const struct dr_json *list = dr_json_get(reply->json, "hypervisors");
	const char *query = next_page(reply->json);

	if (!is_answer(a, reply, "asking Nova for its hypervisors"))
		return;
	if (!dr_json_is_array(list)) {
		failed(a, "Nova's hypervisors", "no list of them in its answer");
		return;
	}
	for (const struct dr_json *v = dr_json_first(list); v; v = dr_json_next(v)) {
		int r = mon_hypervisors_add(&a->list, v);

		if (r) {
			failed(a, "Nova's hypervisors",
			       r == -ENOSPC ? "more than can be watched" : strerror(-r));
			return;
		}
	}
	if (query && (!dr_json_size(list) || ++a->pages == PAGES_MAX))
		failed(a, "Nova's hypervisors", "the pages do not end");
	else if (query)
		ask_page(a, query);
	else
		list_complete(a);
}

static void on_version(const struct dr_cloud_reply *reply, void *userdata)
{
	struct asker *a = userdata;

	if (!is_answer(a, reply, "asking Nova for its versions"))
		return;
	int r = dr_nova_version_parse(reply->json, &a->api);
	if (r)
		failed(a, "Nova's versions", r == -EBADMSG ? "no answer of Nova's" : "none that we know");
	else
		ask_page(a, NULL);
}

static int on_refresh(struct dr_source *s, void *userdata)
{
	DR_AUTO_CALL struct dr_api_call call = { 0 };
	struct asker *a = userdata;

	mon_hypervisors_done(&a->list);
	a->pages = 0;
	if (a->api.use) {
		ask_page(a, NULL);
		return 0;
	}
	int r = dr_nova_version_get(&call);
	if (!r)
		r = dr_cloud_send(a->cloud, &call.req, on_version, a);
	if (r)
		failed(a, "asking Nova for its versions", strerror(-r));
	return 0;
}

/* ---------------------------------------------------------------- the process */

static int on_reader_gone(struct dr_source *s, int fd, uint32_t events, void *userdata)
{
	dr_loop_exit(userdata, EXIT_SUCCESS);
	return 0;
}

static int serve(struct asker *a)
{
	DR_AUTO(dr_daemon_signals_done) struct dr_daemon_signals signals = { 0 };
	DR_AUTO(dr_source_freep) struct dr_source *reader = NULL;
	int r = dr_daemon_signals_init(&signals, a->loop);

	if (!r)
		r = dr_loop_add_timer(a->loop, on_refresh, a, &a->timer);
	if (!r)
		r = dr_timer_arm(a->timer, dr_sec(0));
	/* of a pipe whose reader is gone an error is told; a file, in the hand of a person, has no such thing
	 */
	if (!r && dr_loop_add_io(a->loop, STDOUT_FILENO, 0, on_reader_gone, a->loop, &reader))
		reader = NULL;
	if (!r)
		r = dr_loop_run(a->loop);
	dr_source_free(DR_TAKE_PTR(a->timer));
	return r;
}

static int run(const struct mon_config *c, struct dr_cloud_conf *access)
{
	const struct dr_http_client_opts opts = { .user_agent = "doctor-monitor/" DR_VERSION,
						  .ca_file = access->cacert,
						  .insecure = access->insecure };
	DR_AUTO(dr_loop_freep) struct dr_loop *loop = NULL;
	DR_AUTO(dr_http_client_freep) struct dr_http_client *http = NULL;
	DR_AUTO(dr_cloud_freep) struct dr_cloud *cloud = NULL;
	struct asker a = { .config = c };
	int r = dr_loop_new(&loop);

	if (!r)
		r = dr_http_client_new(loop, &opts, &http);
	if (!r)
		r = dr_cloud_new(loop, http, access, &cloud);
	a.loop = loop;
	a.cloud = cloud;
	if (!r)
		r = serve(&a);
	mon_hypervisors_done(&a.list);
	if (r < 0)
		dr_error("discovery: %s", strerror(-r));
	return r < 0 ? EXIT_FAILURE : r;
}

int mon_discover_main(const struct mon_config *c)
{
	DR_AUTO(dr_cloud_conf_done) struct dr_cloud_conf access = { 0 };
	DR_AUTO_FREE char *error = NULL;
	int r = drop_privileges(c->user);

	if (r) {
		dr_error("discovery: privileges cannot be dropped: %s", strerror(-r));
		return EXIT_FAILURE;
	}
	/* of the monitor, too, whose user it shares */
	r = dr_secret_process();
	if (r)
		dr_warning("discovery: this process may be looked into, and has secrets: %s", strerror(-r));
	if (!c->discover.nova) {
		dr_error("discovery: the configuration has none");
		return DR_EXIT_USAGE;
	}
	r = dr_cloud_conf_load(c->discover.cloud, &access, &error);
	if (r) {
		if (error)
			dr_daemon_errors(error);
		else
			dr_error("discovery: reading the credentials: %s", strerror(-r));
		return DR_EXIT_USAGE;
	}
	return run(c, &access);
}
