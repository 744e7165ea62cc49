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
};

/* ---------------------------------------------------------------- configurations */

void sc_config_monitor(struct dr_buf *out, const char *name, const char *ifname, const struct sc_opts *opts,
		       unsigned inspector_port, const struct sc_config_target *targets, size_t n)
{
	char interval[DR_TIME_STR_MAX];

	dr_buf_printf(out,
		      "name: %s\n"
		      "interface: %s\n"
		      "interval: %s\n"
		      "multiplier: %u\n"
		      "inspector:\n"
		      "  url: http://127.0.0.1:%u/events\n"
		      "targets:\n",
		      name, ifname, dr_dur_format(opts->interval, interval), opts->multiplier,
		      inspector_port);
	for (size_t i = 0; i < n; i++)
		dr_buf_printf(out, "  - host: \"%s\"\n    address: %s\n", targets[i].host,
			      targets[i].address);
}

void sc_config_inspector(struct dr_buf *out, unsigned port, const char *dir)
{
	dr_buf_printf(out, "listen: 127.0.0.1:%u\ncloud: admin\njournal: %s/inspector.db\n", port, dir);
}

void sc_config_consumer(struct dr_buf *out, unsigned port, const struct sc_vm *vms, size_t n)
{
	dr_buf_printf(out, "listen: 127.0.0.1:%u\ncloud: doctor\nrecovery: recreate\nservers:\n", port);
	for (size_t i = 0; i < n; i++)
		dr_buf_printf(out, "  - %s\n", vms[i].id);
}

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

/* A port of 127.0.0.1 that is free now; *ret_fd holds it until it is closed. */
static int free_port(int *ret_fd, unsigned *ret_port)
{
	struct sockaddr_in addr = { .sin_family = AF_INET, .sin_addr.s_addr = htonl(INADDR_LOOPBACK) };
	DR_AUTO_CLOSE int fd = socket(AF_INET, SOCK_STREAM | SOCK_CLOEXEC, 0);
	socklen_t len = sizeof(addr);

	if (fd < 0 || bind(fd, (struct sockaddr *)&addr, sizeof(addr)) < 0 ||
	    getsockname(fd, (struct sockaddr *)&addr, &len) < 0)
		return dr_errno();
	*ret_port = ntohs(addr.sin_port);
	*ret_fd = DR_TAKE_FD(fd);
	return 0;
}

static int start(struct sc_run *run, enum sc_program p, const char *const args[], struct sc_child **ret)
{
	char path[SC_PATH_MAX + 32];
	const char *argv[8] = { path };
	struct sc_child_opts opts = { .name = programs[p].name, .dir = run->dir, .argv = argv };
	char *error = NULL;
	int r;

	snprintf(path, sizeof(path), "%s/%s", run->bin, programs[p].binary);
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

static void monitor_config(struct sc_run *run, unsigned inspector_port, struct dr_buf *out)
{
	struct sc_config_target targets[SC_COMPUTES_MAX];
	size_t n = sc_topo_nhosts(run->topo);

	for (size_t i = 0; i < n; i++)
		targets[i] = (struct sc_config_target){ sc_topo_name(run->topo, (int)i),
							sc_topo_address(run->topo, (int)i) };
	snprintf(run->monitor_name, sizeof(run->monitor_name), "doctor-test-%d", getpid());
	sc_config_monitor(out, run->monitor_name, run->ifname, &run->opts, inspector_port, targets, n);
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

int sc_start_components(struct sc_run *run)
{
	DR_AUTO_BUF struct dr_buf inspector = { 0 }, consumer = { 0 }, monitor = { 0 };
	DR_AUTO_CLOSE int inspector_fd = -1, consumer_fd = -1;
	unsigned inspector_port = 0, consumer_port = 0;
	int r = free_port(&inspector_fd, &inspector_port);

	if (r == 0)
		r = free_port(&consumer_fd, &consumer_port);
	if (r == 0)
		r = init_timeline(run);
	if (r < 0)
		return r;
	sc_config_inspector(&inspector, inspector_port, run->dir);
	sc_config_consumer(&consumer, consumer_port, run->vms, run->nvms);
	monitor_config(run, inspector_port, &monitor);
	dr_closep(&inspector_fd);
	dr_closep(&consumer_fd);
	r = start_configured(run, SC_INSPECTOR, &inspector);
	if (r == 0)
		r = start_configured(run, SC_CONSUMER, &consumer);
	if (r == 0)
		r = start_configured(run, SC_DOCTOR_MONITOR, &monitor);
	if (r != 0)
		return r;
	run->nbpf_programs =
		sc_bpf_programs_of(sc_child_pid(run->children[SC_DOCTOR_MONITOR]), run->bpf_programs);
	if (run->nbpf_programs <= 0)
		sc_problem(run, "the monitor is ready and holds no BPF program");
	sc_step("programs", "inspector, consumer and monitor are ready, %d BPF programs", run->nbpf_programs);
	return 0;
}

/* ---------------------------------------------------------------- logs */

static void pump(struct sc_run *run, enum sc_program p)
{
	struct sc_child *c = run->children[p];
	const char *line;

	while (c && (line = sc_child_line(c))) {
		if (run->opts.verbose)
			fprintf(stderr, "%9s| %s\n", programs[p].name, line);
		if (run->timeline.vms)
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
