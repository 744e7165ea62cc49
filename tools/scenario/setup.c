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
 * Waits for another run that uses the same cloud: the directory of its clouds.yaml is the lock; where that is
 * ours alone, as for a cloud of the environment, the directory of directories is.
 */
static int lock_cloud(struct sc_run *run)
{
	struct dr_mono deadline = sc_deadline(LOCK_LIMIT);
	char dir[SC_PATH_MAX], *slash;
	bool told = false;

	if (run->opts.cloud == SC_CLOUD_ENV) {
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

static int choose_clouds_yaml(struct sc_run *run)
{
	const char *sandbox = getenv("DOCTOR_SANDBOX_DIR");
	DR_AUTO_FREE char *path = NULL, *real = NULL;

	if (run->opts.clouds_yaml)
		path = strdup(run->opts.clouds_yaml);
	else if (run->opts.cloud == SC_CLOUD_SANDBOX)
		path = dr_asprintf("%s/clouds.yaml", sandbox && *sandbox ? sandbox : SANDBOX_DIR);
	else
		path = dr_asprintf("%s/clouds.yaml", run->dir);
	if (!path)
		return -ENOMEM;
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

/* Into our directory, where minicloud's is, too. */
static int write_given(struct sc_run *run)
{
	char path[SC_PATH_MAX + 16], *error = NULL;
	int r;

	snprintf(path, sizeof(path), "%s/clouds.yaml", run->dir);
	r = sc_cloud_write_given(path, &error);
	return r < 0 ? sc_env_error(run, r, error) : 0;
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

int sc_setup_cloud(struct sc_run *run)
{
	char *error = NULL;
	int r = 0;

	if (run->opts.cloud == SC_CLOUD_MINICLOUD)
		r = sc_start_minicloud(run);
	if (r == 0 && run->opts.cloud == SC_CLOUD_ENV)
		r = write_given(run);
	if (r == 0)
		r = choose_clouds_yaml(run);
	if (r == 0 && run->opts.cloud != SC_CLOUD_MINICLOUD) /* which is ours alone */
		r = lock_cloud(run);
	if (r == 0)
		r = load_svclogs(run);
	if (r != 0)
		return r;
	if (setenv("OS_CLIENT_CONFIG_FILE", run->clouds_yaml, 1) < 0) /* for our children too */
		return dr_errno();
	r = sc_cloud_open(&run->cloud, &error);
	return r < 0 ? sc_env_error(run, r, error) : 0;
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
static int check_room(struct sc_run *run)
{
	int need = 2 * (int)run->opts.vms + 1;
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

int sc_setup_vms(struct sc_run *run)
{
	struct dr_mono deadline = sc_deadline(BOOT_LIMIT);
	const char *host = run->computes[run->victim].host;
	struct sc_parts parts;
	char *error = NULL;
	char image[64];
	int r = upload_image(run, image);

	if (r < 0)
		return r;
	r = sc_cloud_parts(run->cloud, run->opts.image ? image : NULL, &parts, &error);
	if (r < 0)
		return sc_env_error(run, r, error);
	r = check_room(run);
	if (r == 0)
		r = boot_all(run, &parts);
	if (r == 0)
		r = wait_active(run, &run->bystander, run->computes[!run->victim].host, deadline);
	for (size_t i = 0; i < run->nvms && r == 0; i++)
		r = wait_active(run, &run->vms[i], host, deadline);
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
