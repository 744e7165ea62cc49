/* SPDX-License-Identifier: Apache-2.0 */
/* From nothing to VMs that run: directory, cloud, computes, network. */
#include <fcntl.h>
#include <string.h>
#include <sys/file.h>
#include <sys/stat.h>

#include "tools/scenario/scenario.h"

#define LOCK_LIMIT dr_sec(120)
#define BOOT_LIMIT dr_sec(120)
#define SANDBOX_DIR "/var/lib/doctor-sandbox"
#define LOOK dr_msec(100)
#define PING_WAIT dr_msec(500)

/* ---------------------------------------------------------------- directory */

static int keep_directory(struct sc_run *run, const char *path)
{
	DR_AUTO_FREE char *real = NULL;

	if (mkdir(path, 0700) < 0 && errno != EEXIST)
		return dr_errno();
	real = realpath(path, NULL);
	return real ? dr_strcpy(run->dir, sizeof(run->dir), real) : dr_errno();
}

const char *sc_temporary_directory(void)
{
	const char *tmp = getenv("TMPDIR");

	return tmp && *tmp ? tmp : "/tmp";
}

static int temporary_directory(struct sc_run *run)
{
	int n = snprintf(run->dir, sizeof(run->dir), "%s/" SC_DIRECTORY ".XXXXXX", sc_temporary_directory());

	if (n < 0 || (size_t)n >= sizeof(run->dir))
		return -ENAMETOOLONG;
	if (!mkdtemp(run->dir))
		return dr_errno();
	run->own_dir = true;
	/* `doctor-test cleanup` sees that somebody is in there */
	run->dir_lock = open(run->dir, O_RDONLY | O_DIRECTORY | O_CLOEXEC);
	return run->dir_lock < 0 || flock(run->dir_lock, LOCK_SH | LOCK_NB) < 0 ? dr_errno() : 0;
}

int sc_setup_directory(struct sc_run *run)
{
	const char *keep = run->opts.keep_logs;
	int r = keep ? keep_directory(run, keep) : temporary_directory(run);

	if (r < 0)
		return sc_env_error(
			run, r,
			dr_asprintf("cannot make a directory %s: %s", keep ? keep : run->dir, strerror(-r)));
	return 0;
}

/* ---------------------------------------------------------------- cloud */

/*
 * Waits for another run that uses the same cloud: the directory of its clouds.yaml is the lock; where there
 * is none, the directory of directories is.
 */
static int lock_cloud(struct sc_run *run)
{
	struct dr_mono deadline = sc_deadline(LOCK_LIMIT);
	char dir[SC_PATH_MAX], *slash;
	bool told = false;

	if (!run->clouds_yaml[0]) {
		snprintf(dir, sizeof(dir), "%s/", sc_temporary_directory());
	} else {
		memcpy(dir, run->clouds_yaml, sizeof(dir));
	}
	slash = strrchr(dir, '/');
	if (slash)
		slash[slash == dir] = '\0';
	run->lock = open(slash ? dir : ".", O_RDONLY | O_DIRECTORY | O_CLOEXEC);
	if (run->lock < 0)
		return sc_env_error(run, dr_errno(), dr_asprintf("cannot open %s: %s", dir, strerror(errno)));
	while (flock(run->lock, LOCK_EX | LOCK_NB) < 0) {
		if (errno != EWOULDBLOCK && errno != EINTR)
			return sc_env_error(run, dr_errno(),
					    dr_asprintf("cannot lock %s: %s", dir, strerror(errno)));
		if (!told)
			sc_step("wait", "another doctor-test uses this cloud");
		told = true;
		if (sc_interrupted())
			return -EINTR;
		if (sc_past(deadline))
			return sc_env_error(run, -EBUSY, dr_asprintf("another doctor-test uses this cloud"));
		sc_pause(LOOK);
	}
	return 0;
}

/* NULL: the environment says which cloud it is, and where its clouds.yaml is, if there is any. */
static char *path_of_clouds_yaml(const struct sc_run *run)
{
	const char *sandbox = getenv("DOCTOR_SANDBOX_DIR"), *given = getenv("OS_CLIENT_CONFIG_FILE");

	if (run->opts.clouds_yaml)
		return strdup(run->opts.clouds_yaml);
	if (run->opts.cloud == SC_CLOUD_SANDBOX)
		return dr_asprintf("%s/clouds.yaml", sandbox && *sandbox ? sandbox : SANDBOX_DIR);
	if (run->opts.cloud == SC_CLOUD_ENV)
		return given && *given ? strdup(given) : NULL;
	return dr_asprintf("%s/clouds.yaml", run->dir);
}

static int choose_clouds_yaml(struct sc_run *run)
{
	DR_AUTO_FREE char *path = path_of_clouds_yaml(run), *real = NULL;

	if (!path)
		return run->opts.cloud == SC_CLOUD_ENV ? 0 : -ENOMEM;
	real = realpath(path, NULL);
	if (!real)
		return sc_env_error(
			run, dr_errno(),
			dr_asprintf("%s: %s%s", path, strerror(errno),
				    run->opts.cloud == SC_CLOUD_SANDBOX
					    ? " (is the sandbox up? tools/sandbox/up brings it up)"
					    : ""));
	return dr_strcpy(run->clouds_yaml, sizeof(run->clouds_yaml), real);
}

static int load_svclogs(struct sc_run *run)
{
	char path[SC_PATH_MAX + 16], *slash, *error = NULL;
	int r;

	if (run->opts.cloud == SC_CLOUD_MINICLOUD)
		return 0; /* its own log tells */
	if (run->installer->remote)
		return 0; /* other clocks */
	memcpy(path, run->clouds_yaml, sizeof(run->clouds_yaml));
	slash = strrchr(path, '/');
	if (!slash)
		return 0;
	strcpy(slash, "/checkpoints");
	r = sc_svclogs_load(path, &run->svclogs, &error);
	return r < 0 ? sc_env_error(run, r, error) : 0;
}

/* For us and for our children. */
static int use_clouds_yaml(struct sc_run *run, const char *path)
{
	const char *before = getenv("OS_CLIENT_CONFIG_FILE");

	if (!run->config_file_set && before) {
		run->config_file = strdup(before);
		if (!run->config_file)
			return -ENOMEM;
	}
	run->config_file_set = true;
	return setenv("OS_CLIENT_CONFIG_FILE", path, 1) < 0 ? dr_errno() : 0;
}

static int log_in(struct sc_run *run)
{
	bool env = run->opts.cloud == SC_CLOUD_ENV;
	struct sc_accounts *a = &run->accounts;
	char *error = NULL;
	int r = env ? 0 : use_clouds_yaml(run, run->clouds_yaml);

	if (r == 0)
		r = sc_accounts_load(env, run->opts.owner, a, &error);
	if (r == 0)
		r = sc_cloud_open(&a->admin, &run->cloud, &error);
	if (r == 0 && a->has_owner)
		r = sc_cloud_log_in(run->cloud, SC_OWNER, &a->owner, &error);
	return r < 0 ? sc_env_error(run, r, error) : 0;
}

/* Where clouds.yaml has none. For a cleanup only one that a run has made is of interest. */
static int provide_owner(struct sc_run *run)
{
	bool cleanup = run->opts.scenario == SC_CLEANUP;
	struct sc_owner *o = &run->owner;
	char *error = NULL;
	int r = sc_owner_find(run->cloud, run->opts.owner, o, &error);

	if (r < 0)
		return sc_env_error(run, r, error);
	if (cleanup && !o->our_user)
		return 0;
	run->cloud_touched = !cleanup;
	r = sc_owner_make(run->cloud, &run->accounts.admin, run->opts.owner, o, &run->accounts.owner, &error);
	if (r < 0)
		return sc_env_error(run, r, error);
	run->accounts.has_owner = true;
	if (!cleanup)
		sc_step("owner", "user %s is made, member of project %s, which %s", run->opts.owner,
			run->opts.owner, o->our_project ? "is made too" : "was there");
	return 0;
}

/* The programs find `admin` and `doctor` there. */
static int publish_accounts(struct sc_run *run)
{
	bool as_they_are = run->opts.cloud != SC_CLOUD_ENV && !run->owner.our_user &&
			   strcmp(run->opts.owner, "doctor") == 0;
	char path[SC_PATH_MAX + 16], *error = NULL;
	int r;

	if (as_they_are || !run->accounts.has_owner)
		return 0;
	snprintf(path, sizeof(path), "%s/" SC_ACCOUNTS, run->dir);
	r = sc_accounts_write(&run->accounts, path, &error);
	return r < 0 ? sc_env_error(run, r, error) : use_clouds_yaml(run, path);
}

int sc_setup_cloud(struct sc_run *run)
{
	int r = 0;

	if (run->opts.cloud == SC_CLOUD_MINICLOUD)
		r = sc_start_minicloud(run);
	if (r == 0)
		r = choose_clouds_yaml(run);
	if (r == 0 && run->opts.cloud != SC_CLOUD_MINICLOUD) /* which is ours alone */
		r = lock_cloud(run);
	if (r == 0)
		r = load_svclogs(run);
	if (r == 0)
		r = log_in(run);
	if (r == 0 && !run->accounts.has_owner)
		r = provide_owner(run);
	return r ? r : publish_accounts(run);
}

/* ---------------------------------------------------------------- computes */

static int check_compute(struct sc_run *run, const struct sc_compute *c)
{
	if (c->forced_down)
		return sc_env_error(
			run, -EHOSTDOWN,
			dr_asprintf("compute %s is forced down in Nova, not by us: openstack compute service "
				    "set --up %s nova-compute",
				    c->host, c->host));
	if (!c->up || !c->enabled)
		return sc_env_error(
			run, -EHOSTDOWN,
			dr_asprintf("compute %s is %s in Nova", c->host, c->up ? "disabled" : "down"));
	return 0;
}

/* The host that fails carries no VM of others: they would be set to error, and stay so. */
static int choose_victim(struct sc_run *run)
{
	char *error = NULL;

	for (run->victim = 0; run->victim < 2; run->victim++) {
		int r = sc_cloud_is_used(run->cloud, run->computes[run->victim].host, &error);

		if (r < 0)
			return sc_env_error(run, r, error);
		if (r == 0)
			return 0;
	}
	run->victim = 0;
	return sc_env_error(
		run, -EBUSY,
		dr_asprintf("computes %s and %s both carry VMs of others, which the outage would hit",
			    run->computes[0].host, run->computes[1].host));
}

int sc_setup_computes(struct sc_run *run)
{
	char *error = NULL;
	int r = sc_remove_leftovers(run);

	if (r < 0)
		return r;
	run->ncomputes = sc_cloud_computes(run->cloud, run->computes, &error);
	if (run->ncomputes < 0)
		return sc_env_error(run, run->ncomputes, error);
	if (run->ncomputes < 2)
		return sc_env_error(run, -ENOENT,
				    dr_asprintf("the cloud has %d compute host%s, two are needed",
						run->ncomputes, run->ncomputes == 1 ? "" : "s"));
	for (int i = 0; i < 2 && r == 0; i++)
		r = check_compute(run, &run->computes[i]);
	if (r == 0)
		r = choose_victim(run);
	if (r == 0)
		sc_step("cloud", "%s%s, computes %s and %s are up", sc_cloud_kind_name(run->opts.cloud),
			run->opts.cloud == SC_CLOUD_MINICLOUD ? " in place of Nova, Ceilometer and Aodh" : "",
			run->computes[0].host, run->computes[1].host);
	return r;
}

int sc_setup_hosts(struct sc_run *run)
{
	return run->installer->open(run);
}

/* ---------------------------------------------------------------- VMs */

static int boot_all(struct sc_run *run, const struct sc_parts *parts)
{
	const char *host = run->computes[run->victim].host, *other = run->computes[!run->victim].host;
	char *error = NULL;
	int r;

	run->vms = calloc(run->opts.vms, sizeof(run->vms[0]));
	if (!run->vms)
		return -ENOMEM;
	run->cloud_touched = true;
	snprintf(run->bystander.name, sizeof(run->bystander.name), SC_PREFIX "%d-bystander", getpid());
	r = sc_cloud_boot(run->cloud, parts, run->bystander.name, other, run->bystander.id, &error);
	for (unsigned i = 0; i < run->opts.vms && r == 0; i++) {
		struct sc_vm *vm = &run->vms[i];

		if (sc_interrupted())
			return -EINTR;
		snprintf(vm->name, sizeof(vm->name), SC_PREFIX "%d-%03u", getpid(), i + 1);
		r = sc_cloud_boot(run->cloud, parts, vm->name, host, vm->id, &error);
		run->nvms += r == 0;
	}
	return r < 0 ? sc_env_error(run, r, error) : 0;
}

/* Each VM and its replacement, and the bystander. */
static unsigned servers_needed(const struct sc_run *run)
{
	return 2 * run->opts.vms + 1;
}

static int check_room(struct sc_run *run)
{
	int need = (int)servers_needed(run);
	char *error = NULL;
	int room = sc_cloud_room(run->cloud, &error);

	if (room < 0)
		return sc_env_error(run, room, error);
	if (room < need)
		return sc_env_error(
			run, -EDQUOT,
			dr_asprintf(
				"the quota leaves room for %d servers, %u VMs and their replacements need %d",
				room, run->opts.vms, need));
	return 0;
}

static int wait_active(struct sc_run *run, const struct sc_vm *vm, const char *host, struct dr_mono deadline)
{
	struct sc_server s;
	char *error = NULL;
	int r;

	for (;;) {
		r = sc_cloud_server(run->cloud, SC_ADMIN, vm->id, &s, &error);
		if (r < 0)
			return sc_env_error(run, r, error);
		if (r == 1 || strcmp(s.status, "ERROR") == 0)
			return sc_env_error(
				run, -EIO,
				dr_asprintf("VM %s did not start: %s", vm->name, r ? "it is gone" : s.fault));
		if (strcmp(s.status, "ACTIVE") == 0)
			break;
		if (sc_interrupted())
			return -EINTR;
		if (sc_past(deadline))
			return sc_env_error(run, -ETIMEDOUT,
					    dr_asprintf("VM %s is still %s", vm->name, s.status));
		sc_pause(LOOK);
	}
	if (strcmp(s.host, host) != 0)
		return sc_env_error(
			run, -EIO,
			dr_asprintf("VM %s was asked for on %s and is on %s", vm->name, host, s.host));
	return 0;
}

static int upload_image(struct sc_run *run, char ret_id[64])
{
	char name[64], *error = NULL;
	int r;

	if (!run->opts.image)
		return 0;
	run->cloud_touched = true;
	snprintf(name, sizeof(name), SC_PREFIX "%d-image", getpid());
	r = sc_cloud_upload(run->cloud, run->opts.image, name, ret_id, &error);
	if (r < 0)
		return sc_env_error(run, r, error);
	sc_step("image", "%s is uploaded as %s", run->opts.image, name);
	return 0;
}

static int choose_parts(struct sc_run *run, struct sc_parts *ret)
{
	char image[64], prefix[64], *error = NULL;
	int r = upload_image(run, image);

	if (r < 0)
		return r;
	run->cloud_touched = true;
	snprintf(prefix, sizeof(prefix), SC_PREFIX "%d-", getpid());
	r = sc_cloud_parts(run->cloud, run->opts.image ? image : NULL, prefix, ret, &error);
	if (r == 0)
		r = sc_owner_set_quota(run->cloud, &run->owner, servers_needed(run), ret, &error);
	if (r < 0)
		return sc_env_error(run, r, error);
	if (ret->made_flavor || ret->made_network)
		sc_step("parts", "%s%s%s made as %s*", ret->made_flavor ? "a flavor" : "",
			ret->made_flavor && ret->made_network ? " and " : "",
			ret->made_network ? "a network" : "", prefix);
	return 0;
}

/* That the owner sees the state of his VMs' host is a part of what is checked; a cloud may not show it. */
static int check_sight(struct sc_run *run)
{
	struct sc_server s;
	char *error = NULL;
	int r;

	if (run->opts.scenario != SC_FAULT_MANAGEMENT)
		return 0;
	r = sc_cloud_server(run->cloud, SC_OWNER, run->vms[0].id, &s, &error);
	if (r < 0)
		return sc_env_error(run, r, error);
	if (r == 0 && !s.host_status[0])
		return sc_env_error(run, -EACCES,
				    dr_asprintf("the VMs' owner is not shown host_status: Nova's policy "
						"os_compute_api:servers:show:host_status is to allow it"));
	return 0;
}

int sc_setup_vms(struct sc_run *run)
{
	struct dr_mono deadline = sc_deadline(BOOT_LIMIT);
	const char *host = run->computes[run->victim].host;
	struct sc_parts parts;
	int r = choose_parts(run, &parts);

	if (r == 0)
		r = check_room(run);
	if (r == 0)
		r = boot_all(run, &parts);
	if (r == 0)
		r = wait_active(run, &run->bystander, run->computes[!run->victim].host, deadline);
	for (size_t i = 0; i < run->nvms && r == 0; i++)
		r = wait_active(run, &run->vms[i], host, deadline);
	if (r == 0)
		r = check_sight(run);
	if (r != 0)
		return r;
	r = run->installer->answers(run, run->victim, PING_WAIT);
	if (r != 0)
		return sc_env_error(run, -EHOSTUNREACH, dr_asprintf("host %s does not answer", host));
	if (run->nvms == 1)
		sc_step("VM", "%s is ACTIVE on %s, which answers", run->vms[0].id, host);
	else
		sc_step("VMs", "%zu are ACTIVE on %s, which answers", run->nvms, host);
	return 0;
}
