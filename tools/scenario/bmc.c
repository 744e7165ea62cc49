/* SPDX-License-Identifier: Apache-2.0 */
/* The BMC of a host that is a namespace. */
#include <fcntl.h>
#include <signal.h>
#include <string.h>
#include <sys/prctl.h>

#include "doctor/http_server.h"
#include "tools/scenario/redfish.h"
#include "tools/scenario/run.h"

#define SYSTEMS "/redfish/v1/Systems"
#define SYSTEM SYSTEMS "/1"
#define RESET SYSTEM "/Actions/ComputerSystem.Reset"

struct sc_bmc {
	pid_t pid;
	char url[48];
};

struct machine {
	struct sc_topo *topo;
	int host;
	bool on;
};

static void show_systems(struct dr_http_exchange *x)
{
	struct dr_json *o = dr_json_object(), *members;

	dr_json_add_int(o, "Members@odata.count", 1);
	members = dr_json_add_array(o, "Members");
	dr_json_add_str(dr_json_push_object(members), "@odata.id", SYSTEM);
	dr_http_reply_json(x, 200, o);
}

static void show_system(struct dr_http_exchange *x, const struct machine *m)
{
	struct dr_json *o = dr_json_object();

	dr_json_add_str(o, "@odata.id", SYSTEM);
	dr_json_add_str(o, "Id", "1");
	dr_json_add_str(o, "PowerState", m->on ? "On" : "Off");
	dr_json_add_str(dr_json_add_object(dr_json_add_object(o, "Actions"), "#ComputerSystem.Reset"),
			"target", RESET);
	dr_http_reply_json(x, 200, o);
}

static unsigned do_reset(struct machine *m, const char *type)
{
	bool on = type && strcmp(type, "On") == 0, off = type && strcmp(type, "ForceOff") == 0;
	int r;

	if (!on && !off)
		return 400;
	r = on ? sc_topo_link_up(m->topo, m->host, NULL) : sc_topo_link_down(m->topo, m->host, NULL);
	if (r < 0)
		return 500;
	m->on = on;
	return 204;
}

static void handle(struct dr_http_exchange *x, void *userdata)
{
	const char *method = dr_http_method(x), *path = dr_http_path(x), *body;
	DR_AUTO_JSON struct dr_json *json = NULL;
	struct machine *m = userdata;
	size_t len;

	if (strcmp(method, "GET") == 0 && strcmp(path, SYSTEMS) == 0) {
		show_systems(x);
	} else if (strcmp(method, "GET") == 0 && strcmp(path, SYSTEM) == 0) {
		show_system(x, m);
	} else if (strcmp(method, "POST") == 0 && strcmp(path, RESET) == 0) {
		body = dr_http_body(x, &len);
		if (dr_json_parse(body, len, &json, NULL) < 0)
			json = NULL;
		dr_http_reply(x, do_reset(m, dr_json_get_str(json, "ResetType")), NULL, NULL, 0);
	} else {
		dr_http_reply(x, 404, NULL, NULL, 0);
	}
}

/* The child: tells its port, and serves until it is ended. */
static int serve(struct machine *m, int tell)
{
	struct dr_http_server *server = NULL;
	struct dr_loop *loop = NULL;
	uint16_t port;
	int r = dr_loop_new(&loop);

	if (r == 0)
		r = dr_http_server_new(loop, &(struct dr_http_server_opts){ 0 }, handle, m, &server);
	if (r < 0)
		return 1;
	port = dr_http_server_port(server);
	if (write(tell, &port, sizeof(port)) != sizeof(port))
		return 1;
	close(tell);
	return dr_loop_run(loop) < 0;
}

static void become(pid_t parent)
{
	struct sigaction defaults = { .sa_handler = SIG_DFL }, ignore = { .sa_handler = SIG_IGN };

	setpgid(0, 0); /* Ctrl-C is for our maker */
	sigaction(SIGTERM, &defaults, NULL);
	sigaction(SIGPIPE, &ignore, NULL);
	prctl(PR_SET_PDEATHSIG, SIGTERM);
	prctl(PR_SET_NAME, "doctor-bmc");
	if (getppid() != parent)
		_exit(0);
}

int sc_bmc_start(struct sc_topo *t, int host, struct sc_bmc **ret)
{
	struct machine m = { .topo = t, .host = host, .on = true };
	DR_AUTO_FREE struct sc_bmc *b = calloc(1, sizeof(*b));
	pid_t parent = getpid();
	uint16_t port = 0;
	int tell[2];
	ssize_t n;

	if (!b)
		return -ENOMEM;
	if (pipe2(tell, O_CLOEXEC) < 0)
		return dr_errno();
	b->pid = fork();
	if (b->pid == 0) {
		close(tell[0]);
		become(parent);
		_exit(serve(&m, tell[1]));
	}
	close(tell[1]);
	if (b->pid < 0) {
		close(tell[0]);
		return -EAGAIN;
	}
	do
		n = read(tell[0], &port, sizeof(port));
	while (n < 0 && errno == EINTR);
	close(tell[0]);
	if (n != sizeof(port)) {
		kill(b->pid, SIGKILL);
		(void)!sc_wait(b->pid);
		return -EIO;
	}
	snprintf(b->url, sizeof(b->url), "http://127.0.0.1:%u", port);
	*ret = DR_TAKE_PTR(b);
	return 0;
}

void sc_bmc_free(struct sc_bmc *b)
{
	if (!b)
		return;
	kill(b->pid, SIGTERM);
	(void)!sc_wait(b->pid);
	free(b);
}

const char *sc_bmc_url(const struct sc_bmc *b)
{
	return b->url;
}
