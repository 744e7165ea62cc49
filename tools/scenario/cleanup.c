/* SPDX-License-Identifier: Apache-2.0 */
/* Giving everything back, also what an earlier run that was killed has left. */
#include <dirent.h>
#include <fcntl.h>
#include <string.h>
#include <sys/file.h>
#include <sys/stat.h>

#include "tools/scenario/scenario.h"

#define DELETE_LIMIT dr_sec(60)
#define ASK dr_msec(100)

static bool begins(const char *text, const char *prefix)
{
	return strncmp(text, prefix, strlen(prefix)) == 0;
}

/* ---------------------------------------------------------------- cloud */

/* Keeps the servers whose names begin with prefix. */
static int servers_of(struct sc_cloud *c, const char *prefix, struct sc_server **ret, size_t *ret_n,
		      char **error)
{
	struct sc_server *list = NULL;
	size_t n = 0, kept = 0;
	int r = sc_cloud_servers(c, SC_OWNER, &list, &n, error);

	if (r < 0)
		return r;
	for (size_t i = 0; i < n; i++)
		if (begins(list[i].name, prefix))
			list[kept++] = list[i];
	*ret = list;
	*ret_n = kept;
	return 0;
}

static int delete_alarms_of(struct sc_cloud *c, const struct sc_server *servers, size_t n, char **error)
{
	DR_AUTO_FREE struct sc_alarm *alarms = NULL;
	size_t nalarms = 0;
	int r = sc_cloud_alarms(c, &alarms, &nalarms, error);

	for (size_t a = 0; a < nalarms && r == 0; a++)
		for (size_t i = 0; i < n && r == 0; i++)
			if (strcmp(alarms[a].instance, servers[i].id) == 0)
				r = sc_cloud_delete_alarm(c, alarms[a].id, error);
	return r;
}

static int wait_gone(struct sc_cloud *c, const char *id, struct dr_mono deadline, char **error)
{
	struct sc_server s;
	int r;

	while ((r = sc_cloud_server(c, SC_OWNER, id, &s, error)) == 0 && !sc_past(deadline))
		sc_pause(ASK);
	if (r == 0)
		*error = dr_asprintf("VM %s is still there %.0f s after its deletion", id,
				     dr_dur_seconds(DELETE_LIMIT));
	return r == 1 ? 0 : r < 0 ? r : -ETIMEDOUT;
}

/* Alarms first: they are found by their servers, should we be interrupted. */
static int delete_servers(struct sc_cloud *c, const struct sc_server *servers, size_t n, char **error)
{
	struct dr_mono deadline;
	int r = n ? delete_alarms_of(c, servers, n, error) : 0;

	for (size_t i = 0; i < n && r == 0; i++)
		r = sc_cloud_delete_server(c, servers[i].id, error);
	deadline = sc_deadline(DELETE_LIMIT);
	for (size_t i = 0; i < n && r == 0; i++)
		r = wait_gone(c, servers[i].id, deadline, error);
	return r;
}

static int force_up(struct sc_cloud *c, const char *host, char **error)
{
	struct sc_compute computes[SC_COMPUTES_MAX];
	int n = sc_cloud_computes(c, computes, error), r = n < 0 ? n : 0;

	for (int i = 0; i < n && r == 0; i++)
		if (computes[i].forced_down && strcmp(computes[i].host, host) == 0)
			r = sc_cloud_force_down(c, &computes[i], false, error);
	return r;
}

/*
 * A run that was killed leaves its VMs. One of them in error on a host that is forced down tells that it
 * was this run that had the host forced down.
 */
static int remove_vms(struct sc_run *run, char **error)
{
	DR_AUTO_FREE struct sc_server *servers = NULL;
	size_t n = 0;
	int r = servers_of(run->cloud, SC_PREFIX, &servers, &n, error);

	for (size_t i = 0; i < n && r == 0; i++) {
		struct sc_server s;

		if (strcmp(servers[i].status, "ERROR") != 0)
			continue;
		r = sc_cloud_server(run->cloud, SC_ADMIN, servers[i].id, &s, error);
		if (r == 0 && s.host[0])
			r = force_up(run->cloud, s.host, error);
		r = r == 1 ? 0 : r;
	}
	if (r == 0 && n)
		sc_step("leftovers", "%zu VMs of an earlier run are deleted", n);
	if (r == 0)
		r = delete_servers(run->cloud, servers, n, error);
	return r;
}

/* Without an owner there is nothing of his. */
static int remove_parts(struct sc_run *run, const char *prefix, char **error)
{
	int r = 0;

	if (sc_cloud_has(run->cloud, SC_OWNER)) {
		r = sc_cloud_delete_images(run->cloud, prefix, error);
		if (r == 0)
			r = sc_cloud_delete_networks(run->cloud, prefix, error);
	}
	return r < 0 ? r : sc_cloud_delete_flavors(run->cloud, prefix, error);
}

int sc_remove_leftovers(struct sc_run *run)
{
	char *error = NULL;
	int r = sc_cloud_has(run->cloud, SC_OWNER) ? remove_vms(run, &error) : 0;

	if (r == 0)
		r = remove_parts(run, SC_PREFIX, &error);
	return r < 0 ? sc_env_error(run, r, error) : 0;
}

int sc_remove_owner(struct sc_run *run)
{
	const struct sc_owner *o = &run->owner;
	char *error = NULL;
	int r;

	if (!o->our_user && !o->our_project)
		return 0;
	r = sc_owner_delete(run->cloud, o, &error);
	if (r < 0)
		return sc_env_error(run, r, error);
	sc_step("leftovers", "project and user %s of an earlier run are deleted", run->opts.owner);
	return 0;
}

static int restore_cloud(struct sc_run *run, char **error)
{
	DR_AUTO_FREE struct sc_server *servers = NULL;
	char prefix[64];
	size_t n = 0;
	int r = force_up(run->cloud, run->computes[run->victim].host, error);

	snprintf(prefix, sizeof(prefix), SC_PREFIX "%d-", getpid());
	if (r == 0 && sc_cloud_has(run->cloud, SC_OWNER))
		r = servers_of(run->cloud, prefix, &servers, &n, error);
	if (r == 0)
		r = delete_servers(run->cloud, servers, n, error);
	if (r == 0)
		r = remove_parts(run, prefix, error);
	return r < 0 ? r : sc_owner_delete(run->cloud, &run->owner, error);
}

/* ---------------------------------------------------------------- network */

static void end_fault(struct sc_run *run)
{
	if (run->installer && run->installer->restore(run) < 0) {
		sc_problem(run, "the outage cannot be ended: %s", run->error ? run->error : "?");
		run->fault_on = false;
	}
	(void)!sc_deadman_disarm(DR_TAKE_PTR(run->deadman)); /* of a fault that did not come to be */
}

void sc_cleanup(struct sc_run *run)
{
	char *error = NULL;
	int r;

	end_fault(run);
	sc_stop_components(run);
	if (run->cloud_touched) {
		r = restore_cloud(run, &error);
		if (r < 0)
			sc_problem_error(run, "restoring the cloud", r, error);
	}
	sc_cloud_free(run->cloud);
	run->cloud = NULL;
	sc_stop_minicloud(run);
	if (run->installer)
		run->installer->close(run);
}

/* ---------------------------------------------------------------- directory, memory */

static void remove_directory(const char *path)
{
	DIR *d = opendir(path);
	struct dirent *e;

	while (d && (e = readdir(d)))
		if (e->d_name[0] != '.')
			(void)!unlinkat(dirfd(d), e->d_name, 0);
	if (d)
		closedir(d);
	(void)!rmdir(path);
}

/* A run holds a lock on its directory for as long as it lives. */
static void remove_if_abandoned(const char *path)
{
	DR_AUTO_CLOSE int fd = open(path, O_RDONLY | O_DIRECTORY | O_NOFOLLOW | O_CLOEXEC);
	struct stat st;

	if (fd < 0 || fstat(fd, &st) < 0 || st.st_uid != geteuid() || flock(fd, LOCK_EX | LOCK_NB) < 0)
		return;
	sc_step("leftovers", "directory %s is removed", path);
	remove_directory(path);
}

int sc_remove_directories(void)
{
	const char *tmp = sc_temporary_directory();
	DIR *d = opendir(tmp);
	struct dirent *e;

	if (!d)
		return dr_errno();
	while ((e = readdir(d))) {
		DR_AUTO_FREE char *path = dr_asprintf("%s/%s", tmp, e->d_name);

		if (path && begins(e->d_name, SC_DIRECTORY ".") &&
		    strlen(e->d_name) == strlen(SC_DIRECTORY ".XXXXXX"))
			remove_if_abandoned(path);
	}
	closedir(d);
	return 0;
}

/* The next run looks there again. */
static void restore_environment(struct sc_run *run)
{
	if (run->config_file_set && run->config_file)
		(void)!setenv("OS_CLIENT_CONFIG_FILE", run->config_file, 1);
	else if (run->config_file_set)
		(void)!unsetenv("OS_CLIENT_CONFIG_FILE");
	free(run->config_file);
}

/* Accounts are not for keeping, wherever the directory is. */
static void remove_accounts(struct sc_run *run)
{
	char path[SC_PATH_MAX + 16];

	snprintf(path, sizeof(path), "%s/" SC_ACCOUNTS, run->dir);
	if (run->dir[0])
		(void)!unlink(path);
}

void sc_done(struct sc_run *run)
{
	for (enum sc_program p = 0; p < SC_PROGRAMS; p++)
		sc_child_free(run->children[p]);
	remove_accounts(run);
	if (run->own_dir)
		remove_directory(run->dir);
	sc_timeline_done(&run->timeline);
	sc_svclogs_done(&run->svclogs);
	sc_snapshot_done(&run->before);
	sc_accounts_done(&run->accounts);
	restore_environment(run);
	for (size_t i = 0; i < run->problems.n; i++)
		free(run->problems.texts[i]);
	free(run->problems.texts);
	free(run->vms);
	free(run->error);
	dr_closep(&run->lock);
	dr_closep(&run->dir_lock);
}
