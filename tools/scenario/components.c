/* SPDX-License-Identifier: Apache-2.0 */
/* minicloud, inspector, consumer and monitor: configured, started, listened to, stopped. */
#include <arpa/inet.h>
#include <fcntl.h>
#include <string.h>
#include <sys/socket.h>
#include <sys/stat.h>

#include "tools/scenario/scenario.h"

#define READY_LIMIT dr_sec(30)
#define STOP_LIMIT dr_sec(10)
#define GONE_LIMIT dr_sec(5)
#define LOOK dr_msec(10)
#define PIN_ROOT "/sys/fs/bpf/doctor"

static const struct {
	const char *name; /* short: names log and configuration */
	const char *binary;
	enum sc_log log;
} programs[SC_PROGRAMS] = {
	[SC_MINICLOUD] = { "minicloud", "minicloud", SC_LOG_MINICLOUD },
	[SC_INSPECTOR] = { "inspector", "doctor-inspector", SC_LOG_INSPECTOR },
	[SC_CONSUMER] = { "consumer", "doctor-consumer", SC_LOG_CONSUMER },
	[SC_DOCTOR_MONITOR] = { "monitor", "doctor-monitor", SC_LOG_MONITOR },
	[SC_COMPUTE_MONITOR] = { "compute-monitor", "doctor-monitor", SC_LOGS },
};

static int write_config(struct sc_run *run, enum sc_program p, const struct dr_buf *text,
			char path[SC_PATH_MAX + 32])
{
	DR_AUTO_CLOSE int fd = -1;
	int r = text->error;

	snprintf(path, SC_PATH_MAX + 32, "%s/%s.yaml", run->dir, programs[p].name);
	if (r == 0) {
		fd = open(path, O_WRONLY | O_CREAT | O_TRUNC | O_CLOEXEC, 0600);
		if (fd < 0 || write(fd, text->data, text->len) != (ssize_t)text->len)
			r = dr_errno();
	}
	return r < 0 ? sc_env_error(run, r, dr_asprintf("cannot write %s: %s", path, strerror(-r))) : 0;
}

/* ---------------------------------------------------------------- start */

/* A port of the address that is free now, as "ADDRESS:PORT"; *ret_fd holds it until it is closed. */
static int free_port(struct in_addr address, int *ret_fd, char ret[static SC_LISTEN_MAX])
{
	struct sockaddr_in addr = { .sin_family = AF_INET, .sin_addr = address };
	DR_AUTO_CLOSE int fd = socket(AF_INET, SOCK_STREAM | SOCK_CLOEXEC, 0);
	socklen_t len = sizeof(addr);
	char text[INET_ADDRSTRLEN];

	if (fd < 0 || bind(fd, (struct sockaddr *)&addr, sizeof(addr)) < 0 ||
	    getsockname(fd, (struct sockaddr *)&addr, &len) < 0)
		return dr_errno();
	snprintf(ret, SC_LISTEN_MAX, "%s:%u", inet_ntop(AF_INET, &address, text, sizeof(text)),
		 ntohs(addr.sin_port));
	*ret_fd = DR_TAKE_FD(fd);
	return 0;
}

/* The address from which this machine reaches another one, by its routes; nothing is sent. */
static int address_towards(const char *to, struct in_addr *ret)
{
	struct sockaddr_in addr = { .sin_family = AF_INET, .sin_port = htons(9) };
	DR_AUTO_CLOSE int fd = socket(AF_INET, SOCK_DGRAM | SOCK_CLOEXEC, 0);
	socklen_t len = sizeof(addr);

	if (inet_pton(AF_INET, to, &addr.sin_addr) != 1)
		return -EINVAL;
	if (fd < 0 || connect(fd, (struct sockaddr *)&addr, sizeof(addr)) < 0 ||
	    getsockname(fd, (struct sockaddr *)&addr, &len) < 0)
		return dr_errno();
	*ret = addr.sin_addr;
	return 0;
}

/* Built, all are in one directory; installed, the daemons are in the sbin beside it. */
static void find_program(const struct sc_run *run, enum sc_program p, char path[SC_PATH_MAX + 32])
{
	snprintf(path, SC_PATH_MAX + 32, "%s/%s", run->bin, programs[p].binary);
	if (access(path, X_OK) && errno == ENOENT)
		snprintf(path, SC_PATH_MAX + 32, "%s/../sbin/%s", run->bin, programs[p].binary);
}

static int start(struct sc_run *run, enum sc_program p, const char *const args[], struct sc_child **ret)
{
	char path[SC_PATH_MAX + 32];
	const char *argv[8] = { path };
	struct sc_child_opts opts = { .name = programs[p].name,
				      .dir = run->dir,
				      .argv = argv,
				      .topo = p == SC_COMPUTE_MONITOR ? run->topo : NULL,
				      .host = run->victim };
	char *error = NULL;
	int r;

	find_program(run, p, path);
	for (size_t i = 0; args[i] && i + 2 < DR_ARRAY_SIZE(argv); i++)
		argv[i + 1] = args[i];
	r = sc_child_start(&opts, ret, &error);
	return r < 0 ? sc_env_error(run, r, error) : 0;
}

/* That a component of ours does not get ready is its failure, not the environment's. */
static int wait_ready(struct sc_run *run, enum sc_program p)
{
	struct sc_child *c = run->children[p];
	int r = sc_child_wait_ready(c, READY_LIMIT, sc_interrupted);

	if (r == 1)
		sc_problem(run, "%s ended with status %d before it was ready", programs[p].binary,
			   sc_child_stop(c, STOP_LIMIT));
	else if (r == -ETIMEDOUT)
		sc_problem(run, "%s is not ready after %.0f s", programs[p].binary,
			   dr_dur_seconds(READY_LIMIT));
	return r == 0 || r == -EINTR ? r : SC_FAILED;
}

int sc_start_minicloud(struct sc_run *run)
{
	char yaml[SC_PATH_MAX + 32];
	const char *const args[] = { "--listen", "127.0.0.1:0", "--clouds-yaml", yaml, NULL };
	int r;

	snprintf(yaml, sizeof(yaml), "%s/clouds.yaml", run->dir);
	r = start(run, SC_MINICLOUD, args, &run->children[SC_MINICLOUD]);
	return r ? r : wait_ready(run, SC_MINICLOUD);
}

static int start_configured(struct sc_run *run, enum sc_program p, const struct dr_buf *config)
{
	char path[SC_PATH_MAX + 32];
	const char *const args[] = { "--config", path, NULL };
	int r = write_config(run, p, config, path);

	if (r == 0)
		r = start(run, p, args, &run->children[p]);
	return r ? r : wait_ready(run, p);
}

static void monitor_config(struct sc_run *run, const char *inspector, struct dr_buf *out)
{
	static const char *const planes[] = { "management", "data" };
	struct sc_config_target targets[2 * SC_COMPUTES_MAX];
	unsigned nplanes = run->topo ? sc_topo_planes(run->topo) : 1;
	size_t n = 0;

	for (int i = 0; i < run->ncomputes; i++)
		for (unsigned plane = 0; plane < nplanes; plane++)
			targets[n++] = (struct sc_config_target){
				.host = run->computes[i].host,
				.address = run->installer->address(run, i, plane),
				.plane = nplanes > 1 ? planes[plane] : NULL,
				.ifname = plane ? sc_topo_plane_ifname(run->topo, SC_MONITOR, plane) : NULL,
			};
	snprintf(run->monitor_name, sizeof(run->monitor_name), "doctor-test-%d", getpid());
	sc_config_monitor(out, run->monitor_name, run->ifname, &run->opts, inspector, targets, n);
}

static int init_timeline(struct sc_run *run)
{
	const char **ids = calloc(run->nvms, sizeof(*ids));
	int r = -ENOMEM;

	for (size_t i = 0; ids && i < run->nvms; i++)
		ids[i] = run->vms[i].id;
	if (ids)
		r = sc_timeline_init(&run->timeline, run->computes[run->victim].host, ids, run->nvms);
	free(ids);
	return r;
}

/* Where the components listen: the consumer at the address by which this machine reaches the compute, the
 * inspector too where a compute's own monitor reports, else on loopback. */
struct places {
	char inspector[SC_LISTEN_MAX], consumer[SC_LISTEN_MAX];
};

static int find_places(struct sc_run *run, struct places *ret)
{
	const char *compute = run->installer->address(run, run->victim, 0);
	struct in_addr loopback = { htonl(INADDR_LOOPBACK) }, address;
	bool afar = run->opts.scenario == SC_NETWORK_FAILURE;
	DR_AUTO_CLOSE int inspector_fd = -1, consumer_fd = -1;
	int r = address_towards(compute, &address);

	if (r < 0)
		return sc_env_error(run, r,
				    dr_asprintf("there is no route to compute %s at %s: %s",
						run->timeline.host, compute, strerror(-r)));
	r = free_port(afar ? address : loopback, &inspector_fd, ret->inspector);
	return r < 0 ? r : free_port(address, &consumer_fd, ret->consumer);
}

static int start_monitors(struct sc_run *run, const struct places *at)
{
	DR_AUTO_BUF struct dr_buf monitor = { 0 }, compute = { 0 };
	char name[sizeof(run->monitor_name) + 16];
	int r;

	monitor_config(run, at->inspector, &monitor);
	r = start_configured(run, SC_DOCTOR_MONITOR, &monitor);
	if (r != 0 || run->opts.scenario != SC_NETWORK_FAILURE)
		return r;
	snprintf(name, sizeof(name), "%s-compute", run->monitor_name);
	sc_config_compute_monitor(&compute, name, run->timeline.host,
				  sc_topo_plane_ifname(run->topo, run->victim, SC_DATA_PLANE), at->inspector);
	return start_configured(run, SC_COMPUTE_MONITOR, &compute);
}

static int start_all(struct sc_run *run, const struct places *at)
{
	DR_AUTO_BUF struct dr_buf inspector = { 0 }, consumer = { 0 };
	int r;

	sc_config_inspector(&inspector, at->inspector, run->dir, &run->opts);
	sc_config_consumer(&consumer, at->consumer, run->vms, run->nvms);
	r = start_configured(run, SC_INSPECTOR, &inspector);
	if (r == 0)
		r = start_configured(run, SC_CONSUMER, &consumer);
	return r ? r : start_monitors(run, at);
}

int sc_start_components(struct sc_run *run)
{
	struct places at;
	int r = init_timeline(run);

	if (r == 0)
		r = find_places(run, &at);
	if (r == 0)
		r = start_all(run, &at);
	if (r != 0)
		return r;
	run->nbpf_programs =
		sc_bpf_programs_of(sc_child_pid(run->children[SC_DOCTOR_MONITOR]), run->bpf_programs);
	if (run->nbpf_programs <= 0)
		sc_problem(run, "the monitor is ready and holds no BPF program");
	memcpy(run->consumer, at.consumer, sizeof(run->consumer));
	sc_step("programs", "inspector, consumer (%s) and monitor are ready, %d BPF programs", at.consumer,
		run->nbpf_programs);
	return 0;
}

/* ---------------------------------------------------------------- logs */

/* The lines have no time of their own: it is when they are read, within some ms. */
static void feed_compute(struct sc_timeline *t, const char *line)
{
	if (strstr(line, "link down, the inspector is told "))
		sc_timeline_set(t, SC_T01, NULL, dr_wall_now());
	else if (strncmp(line, "link up ", 8) == 0 && t->at[SC_T01].ns)
		t->recovered = true;
}

static void pump(struct sc_run *run, enum sc_program p)
{
	struct sc_child *c = run->children[p];
	const char *line;

	while (c && (line = sc_child_line(c))) {
		if (run->opts.verbose)
			fprintf(stderr, "%9s| %s\n", programs[p].name, line);
		if (p == SC_COMPUTE_MONITOR)
			feed_compute(&run->timeline, line);
		else if (run->timeline.vms)
			sc_timeline_feed(&run->timeline, programs[p].log, line);
	}
}

void sc_pump_logs(struct sc_run *run)
{
	for (enum sc_program p = 0; p < SC_PROGRAMS; p++)
		pump(run, p);
}

/* ---------------------------------------------------------------- stop */

static void stop(struct sc_run *run, enum sc_program p)
{
	struct sc_child *c = run->children[p];
	bool ran;
	int status;

	if (!c)
		return;
	ran = sc_child_running(c);
	status = sc_child_stop(c, STOP_LIMIT);
	pump(run, p);
	if (ran && !sc_child_ready(c) && status == 128 + SIGTERM)
		return; /* it does not handle signals yet */
	if (ran && status)
		sc_problem(run, "%s ended with status %d on SIGTERM", programs[p].binary, status);
	else if (!ran && run->problems.n == 0)
		sc_problem(run, "%s ended by itself with status %d", programs[p].binary, status);
}

static void check_no_programs(struct sc_run *run)
{
	struct dr_mono deadline = sc_deadline(GONE_LIMIT);

	for (int i = 0; i < run->nbpf_programs; i++) {
		int r;

		while ((r = sc_bpf_program_exists(run->bpf_programs[i])) == 1 && !sc_past(deadline))
			sc_pause(LOOK);
		if (r == 1)
			sc_problem(run, "BPF program %u of the monitor is still in the kernel",
				   run->bpf_programs[i]);
		else if (r < 0)
			sc_problem(run, "cannot look for BPF program %u: %s", run->bpf_programs[i],
				   strerror(-r));
	}
}

static void check_no_pins(struct sc_run *run)
{
	char path[SC_PATH_MAX];
	struct stat st;

	snprintf(path, sizeof(path), PIN_ROOT "/%s", run->monitor_name);
	if (run->monitor_name[0] && lstat(path, &st) == 0)
		sc_problem(run, "the monitor has left its pins in %s", path);
}

void sc_stop_components(struct sc_run *run)
{
	stop(run, SC_COMPUTE_MONITOR);
	stop(run, SC_DOCTOR_MONITOR);
	stop(run, SC_INSPECTOR);
	stop(run, SC_CONSUMER);
	check_no_programs(run);
	check_no_pins(run);
}

void sc_stop_minicloud(struct sc_run *run)
{
	stop(run, SC_MINICLOUD);
}
