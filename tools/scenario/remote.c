/* SPDX-License-Identifier: Apache-2.0 */
/* The nodes of an installer: reached, configured, and put back. */
#include "tools/scenario/remote_private.h"

#include <arpa/inet.h>
#include <fcntl.h>
#include <ifaddrs.h>
#include <string.h>
#include <sys/socket.h>

#define LIST_LIMIT dr_sec(120)
#define LOGIN_LIMIT dr_sec(30)
#define CLOUD_LIMIT dr_sec(120)
#define LOOK dr_msec(500)
#define KEY_FILE "node_key"

/* ---------------------------------------------------------------- the installer's node */

static int login(struct sc_run *run, const struct sc_ssh *ssh)
{
	char *error = NULL;
	int r = sc_ssh_run(ssh, "true", LOGIN_LIMIT, NULL, &error);

	if (r > 0) {
		free(error);
		error = dr_asprintf("%s@%s cannot run a command: %d", ssh->user, ssh->host, r);
		r = -EIO;
	}
	return r < 0 ? sc_env_error(run, r, error) : 0;
}

static int connect_installer(struct sc_run *run)
{
	const struct sc_opts *o = &run->opts;
	const struct sc_ssh_opts opts = { .host = o->installer_ip,
					  .user = o->installer_user ? o->installer_user
								    : run->remote->kind->user,
					  .key = o->ssh_key,
					  .known_hosts = o->known_hosts };
	int r = sc_ssh_init(&run->remote->installer, &opts);

	return r < 0 ? r : login(run, &run->remote->installer);
}

/* What a command on it says; that it fails is the environment's fault. */
static int ask(struct sc_run *run, const char *what, const char *command, struct dr_buf *ret)
{
	const struct sc_ssh *ssh = &run->remote->installer;
	char *said = NULL;
	int r = sc_ssh_run(ssh, command, LIST_LIMIT, ret, &said);

	if (r > 0) {
		r = sc_env_error(run, -EIO,
				 dr_asprintf("the %s at %s cannot %s (%s): %s", run->remote->kind->node,
					     ssh->host, what, command, said ? said : "it does not say why"));
		free(said);
		return r;
	}
	return r < 0 ? sc_env_error(run, r, said) : 0;
}

static int fetch_key(struct sc_run *run)
{
	struct sc_remote *m = run->remote;
	DR_AUTO_FREE char *command = dr_asprintf("cat %s", m->kind->key_path);
	DR_AUTO_BUF struct dr_buf key = { 0 };
	DR_AUTO_CLOSE int fd = -1;
	int r;

	if (!command)
		return -ENOMEM;
	r = ask(run, "give the key to its nodes", command, &key);
	if (r < 0)
		return r;
	snprintf(m->key, sizeof(m->key), "%s/" KEY_FILE, run->dir);
	(void)!unlink(m->key);
	fd = open(m->key, O_WRONLY | O_CREAT | O_EXCL | O_CLOEXEC, 0600);
	if (fd < 0 || write(fd, dr_buf_str(&key), key.len) != (ssize_t)key.len)
		return sc_env_error(run, dr_errno(),
				    dr_asprintf("cannot write %s: %s", m->key, strerror(errno)));
	return 0;
}

static int list_nodes(struct sc_run *run)
{
	struct sc_remote *m = run->remote;
	DR_AUTO_BUF struct dr_buf text = { 0 };
	int r = ask(run, "list its nodes", m->kind->list, &text);

	if (r < 0)
		return r;
	m->nnodes = m->kind->parse(dr_buf_str(&text), m->nodes);
	if (m->nnodes > 0)
		return 0;
	r = m->nnodes < 0 ? m->nnodes : -ENOENT;
	m->nnodes = 0;
	return sc_env_error(run, r,
			    dr_asprintf("the %s at %s %s: %s", m->kind->node, m->installer.host,
					r == -ENOENT ? "has no nodes" : "lists its nodes in an unknown way",
					m->kind->list));
}

static int connect_all(struct sc_run *run)
{
	int r;

	run->remote = calloc(1, sizeof(*run->remote));
	if (!run->remote)
		return -ENOMEM;
	run->remote->kind = run->installer->remote;
	r = connect_installer(run);
	if (r == 0)
		r = fetch_key(run);
	return r == 0 ? list_nodes(run) : r;
}

/* ---------------------------------------------------------------- nodes */

static int login_node(struct sc_run *run, int node)
{
	struct sc_remote *m = run->remote;
	const struct sc_ssh_opts opts = { .host = m->nodes[node].address,
					  .user = m->kind->node_user,
					  .key = m->key,
					  .known_hosts = run->opts.known_hosts,
					  .via = m->kind->through ? &m->installer : NULL };
	char *error = NULL;
	int r = m->ssh[node].host ? 0 : sc_ssh_init(&m->ssh[node], &opts);

	if (r < 0)
		return r;
	r = sc_ssh_run_root(&m->ssh[node], "true", NULL, 0, LOGIN_LIMIT, NULL, &error);
	if (r > 0) {
		char *said = error;

		error = dr_asprintf("node %s: %s cannot become root by sudo without a password: %s",
				    m->nodes[node].name, m->kind->node_user, said ? said : "no reason");
		free(said);
		r = -EPERM;
	}
	return r < 0 ? sc_env_error(run, r, error) : 0;
}

static int unknown_host(struct sc_run *run, const char *host)
{
	const struct sc_remote *m = run->remote;
	DR_AUTO_BUF struct dr_buf names = { 0 };

	for (int i = 0; i < m->nnodes; i++)
		dr_buf_printf(&names, "%s%s", i ? ", " : "", m->nodes[i].name);
	return sc_env_error(run, -ENOENT,
			    dr_asprintf("compute %s is none of the nodes of the %s at %s: %s", host,
					m->kind->node, m->installer.host, dr_buf_str(&names)));
}

static int match_computes(struct sc_run *run)
{
	struct sc_remote *m = run->remote;

	for (int i = 0; i < run->ncomputes; i++) {
		m->of_compute[i] = sc_nodes_find(m->nodes, m->nnodes, run->computes[i].host);
		if (m->of_compute[i] < 0)
			return unknown_host(run, run->computes[i].host);
	}
	return 0;
}

/* Those of the cloud that the host is in, which fails. */
static bool is_controller(const struct sc_run *run, int node)
{
	const struct sc_remote *m = run->remote;
	const char *cloud = m->nodes[m->of_compute[run->victim]].cloud;

	return m->nodes[node].controller && strcmp(m->nodes[node].cloud, cloud) == 0;
}

/* Everything can be reached before anything is touched. */
static int login_all(struct sc_run *run)
{
	const struct sc_remote *m = run->remote;
	int r = login_node(run, m->of_compute[run->victim]), controllers = 0;

	for (int i = 0; i < m->nnodes && r == 0; i++) {
		if (!is_controller(run, i))
			continue;
		controllers++;
		r = login_node(run, i);
	}
	if (r == 0 && !controllers)
		return sc_env_error(
			run, -ENOENT,
			dr_asprintf("the %s at %s lists no controller", m->kind->node, m->installer.host));
	return r;
}

/* ---------------------------------------------------------------- configuration */

static void tell(const char *what, const struct sc_node *node, struct dr_buf *done)
{
	char *rest = done->data;

	for (char *path; rest && (path = strsep(&rest, "\n"));)
		if (*path)
			sc_step("config", "%s on %s is %s", path, node->name, what);
}

static int put_back(struct sc_run *run, int node, char **ret_error)
{
	struct sc_remote *m = run->remote;
	DR_AUTO_BUF struct dr_buf done = { 0 };
	int r = sc_conf_restore(&m->ssh[node], m->kind->conf, &done, ret_error);

	tell("as it was", &m->nodes[node], &done);
	if (r < 0)
		return r;
	m->touched[node] = false;
	return 0;
}

/* What a killed run has left there is no original of ours. */
static int configure(struct sc_run *run, int node)
{
	struct sc_remote *m = run->remote;
	DR_AUTO_BUF struct dr_buf done = { 0 };
	char *error = NULL;
	int r = put_back(run, node, &error);

	if (r < 0)
		return sc_env_error(run, r, error);
	m->touched[node] = true;
	r = sc_conf_apply(&m->ssh[node], m->kind->conf, &done, &error);
	tell("changed for the test", &m->nodes[node], &done);
	if (r == 0)
		m->restarted = true;
	return r < 0 ? sc_env_error(run, r, error) : 0;
}

/* Nova's API has been restarted. */
static int wait_cloud(struct sc_run *run)
{
	struct dr_mono deadline = sc_deadline(CLOUD_LIMIT);
	struct sc_compute computes[SC_COMPUTES_MAX];

	for (;;) {
		char *error = NULL;
		int n = sc_cloud_computes(run->cloud, computes, &error);

		if (n >= 0)
			return 0;
		if (sc_past(deadline))
			return sc_env_error(run, n, error);
		free(error);
		if (sc_interrupted())
			return -EINTR;
		sc_pause(LOOK);
	}
}

static int configure_all(struct sc_run *run)
{
	int r = 0;

	for (int i = 0; i < run->remote->nnodes && r == 0; i++)
		if (is_controller(run, i))
			r = sc_interrupted() ? -EINTR : configure(run, i);
	return r == 0 && run->remote->restarted && run->cloud ? wait_cloud(run) : r;
}

/* ---------------------------------------------------------------- open, close */

/* The interface by which this machine reaches an address, by its routes; nothing is sent. */
static int interface_towards(const char *to, char ret[16])
{
	struct sockaddr_in addr = { .sin_family = AF_INET, .sin_port = htons(9) };
	DR_AUTO_CLOSE int fd = socket(AF_INET, SOCK_DGRAM | SOCK_CLOEXEC, 0);
	socklen_t len = sizeof(addr);
	struct ifaddrs *all = NULL;
	int r = -ENODEV;

	if (inet_pton(AF_INET, to, &addr.sin_addr) != 1)
		return -EAFNOSUPPORT;
	if (fd < 0 || connect(fd, (struct sockaddr *)&addr, sizeof(addr)) < 0 ||
	    getsockname(fd, (struct sockaddr *)&addr, &len) < 0 || getifaddrs(&all) < 0)
		return dr_errno();
	for (struct ifaddrs *a = all; a && r == -ENODEV; a = a->ifa_next) {
		const struct sockaddr_in *in = (const struct sockaddr_in *)a->ifa_addr;

		if (in && in->sin_family == AF_INET && in->sin_addr.s_addr == addr.sin_addr.s_addr)
			r = dr_strcpy(ret, 16, a->ifa_name);
	}
	freeifaddrs(all);
	return r;
}

static int find_interface(struct sc_run *run)
{
	const char *address = sc_remote_address(run, run->victim, 0);
	int r = interface_towards(address, run->ifname);

	return r < 0 ? sc_env_error(run, r,
				    dr_asprintf("there is no route by IPv4 to compute %s at %s: %s",
						run->computes[run->victim].host, address, strerror(-r)))
		     : 0;
}

int sc_remote_open(struct sc_run *run)
{
	const struct sc_remote *m;
	int r = connect_all(run);

	if (r == 0)
		r = sc_remote_find_bmc(run);
	if (r == 0)
		r = match_computes(run);
	if (r == 0)
		r = find_interface(run);
	if (r == 0)
		r = login_all(run);
	if (r < 0)
		return r;
	m = run->remote;
	sc_step("network", "%d nodes of the %s at %s, %s at %s, watched through %s", m->nnodes, m->kind->node,
		m->installer.host, run->computes[run->victim].host, sc_remote_address(run, run->victim, 0),
		run->ifname);
	return configure_all(run);
}

void sc_remote_close(struct sc_run *run)
{
	struct sc_remote *m = run->remote;

	if (!m)
		return;
	for (int i = 0; i < m->nnodes; i++) {
		char *error = NULL;
		int r = m->touched[i] ? put_back(run, i, &error) : 0;

		if (r < 0)
			sc_problem(
				run,
				"the configuration of %s is not put back (doctor-test cleanup does it): %s",
				m->nodes[i].name, error ? error : strerror(-r));
		free(error);
		sc_ssh_done(&m->ssh[i]);
	}
	sc_outage_done(&m->outage);
	sc_ssh_done(&m->installer);
	if (m->key[0])
		(void)!unlink(m->key);
	free(m->bmc);
	free(m);
	run->remote = NULL;
}

const char *sc_remote_address(const struct sc_run *run, int host, unsigned plane)
{
	return run->remote->nodes[run->remote->of_compute[host]].address;
}

/* ---------------------------------------------------------------- after killed runs */

static int clean_node(struct sc_run *run, int node)
{
	struct sc_remote *m = run->remote;
	DR_AUTO_FREE char *log = NULL;
	char *error = NULL;
	int r = login_node(run, node);

	if (r == 0)
		r = sc_outage_end(&m->ssh[node], &log, &error);
	if (r == 0 && log[0])
		sc_step("leftovers", "the outage of %s is over, its script removed", m->nodes[node].name);
	if (r == 0 && m->nodes[node].controller)
		r = put_back(run, node, &error);
	return r < 0 ? sc_env_error(run, r, error) : 0;
}

/* One that is out of reach does not keep the others as they are. */
int sc_remote_cleanup(struct sc_run *run)
{
	int r = connect_all(run), first = r;

	for (int i = 0; r == 0 && i < run->remote->nnodes; i++) {
		int r2 = clean_node(run, i);

		first = first ? first : r2;
	}
	return first;
}
