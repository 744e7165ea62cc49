/* SPDX-License-Identifier: Apache-2.0 */
/* What is looked at of the monitor: its file, interfaces, socket, process, and the inspectors that it reports
 * to. */
#include "tools/ctl/check.h"

#include <net/if.h>
#include <string.h>
#include <sys/ioctl.h>
#include <sys/socket.h>
#include <sys/stat.h>
#include <sys/un.h>

#include "user/report_peer.h"

/* ---------------------------------------------------------------- its configuration */

/* Interfaces are looked at apart from the file. */
static unsigned any_interface(const char *name)
{
	return 1;
}

static int read_config(struct check_monitor *m)
{
	DR_AUTO(dr_conf_freep) struct dr_conf *conf = NULL;
	int r = dr_conf_load(m->file.path, &conf);

	if (r == 0)
		r = mon_config_read(conf, any_interface, &m->config);
	m->has_config = r == 0;
	return r < 0 ? r : check_file_errors(&m->file, conf);
}

static void add_interface(struct check_monitor *m, const char *name)
{
	for (size_t i = 0; i < m->interface_count; i++)
		if (strcmp(m->interfaces[i].name, name) == 0)
			return;
	if (*name)
		snprintf(m->interfaces[m->interface_count++].name, sizeof(m->interfaces[0].name), "%s", name);
}

bool check_interface_flags(const char *name, unsigned *ret_flags)
{
	DR_AUTO_CLOSE int fd = socket(AF_INET, SOCK_DGRAM | SOCK_CLOEXEC, 0);
	struct ifreq request = { 0 };

	if (fd < 0 || dr_strcpy(request.ifr_name, sizeof(request.ifr_name), name) ||
	    ioctl(fd, SIOCGIFFLAGS, &request))
		return false;
	*ret_flags = (unsigned short)request.ifr_flags;
	return true;
}

static void look_at_interface(const struct check_readers *readers, struct check_interface *n)
{
	unsigned flags = 0;

	n->there = readers->interface(n->name, &flags);
	n->up = flags & IFF_UP;
	n->carrier = flags & IFF_RUNNING;
}

static void look_at_interfaces(const struct check_readers *readers, struct check_monitor *m)
{
	for (size_t i = 0; i < m->config.interface_count; i++)
		add_interface(m, m->config.interfaces[i].name);
	for (size_t i = 0; i < m->config.link_count; i++)
		add_interface(m, m->config.links[i].name);
	for (size_t i = 0; i < m->interface_count; i++)
		look_at_interface(readers, &m->interfaces[i]);
}

/* ---------------------------------------------------------------- whom it tells */

/* The token's header into value, of MON_TOKEN_MAX + 8 bytes; "": it needs none. Negative: *ret_error says
 * why. */
static int read_token(const struct mon_inspector *i, char *value, char **ret_error)
{
	size_t prefix = i->dialect == MON_DOCTOR ? strlen("Bearer ") : 0;
	mode_t mode;
	int r;

	value[0] = '\0';
	if (!i->token_file)
		return 0;
	memcpy(value, "Bearer ", prefix);
	r = mon_token_read(i->token_file, value + prefix, &mode);
	if (r == 0 && !(mode & S_IRWXO))
		return 0;
	*ret_error = r ? dr_asprintf("its token cannot be read from %s: %s", i->token_file,
				     r == -EBADMSG ? "it is empty, or has more in it" : strerror(-r))
		       : dr_asprintf("its token in %s can be read by everybody", i->token_file);
	return r ? r : -EPERM;
}

/*
 * An inspector of ours takes an empty list of events for what it is, once it knows who we are. To Congress it
 * would say that all is well, so that there it is looked only whether somebody answers; as with Vitrage.
 */
static int ask_inspector(const struct check_readers *readers, const struct mon_inspector *i,
			 struct check_told *told)
{
	char value[MON_TOKEN_MAX + 8];
	struct check_question q = {
		.method = i->dialect == MON_DOCTOR ? "PUT" : "GET",
		.url = i->url,
		.body = i->dialect == MON_DOCTOR ? "[]" : NULL,
		.ca = i->ca_file,
		.cert = i->cert_file,
		.key = i->key_file,
	};
	int r = mon_peer_check_files(i, &told->files);

	if (r == 0)
		r = read_token(i, value, &told->files);
	told->denied = r == -EACCES;
	if (r)
		return told->files ? 0 : -ENOMEM;
	if (value[0]) {
		q.header = i->dialect == MON_DOCTOR ? "Authorization" : "X-Auth-Token";
		q.value = value;
	}
	r = check_ask(readers->loop, &q, &told->answer);
	explicit_bzero(value, sizeof(value));
	return r;
}

/* ---------------------------------------------------------------- the process */

/* Who listens there: unix(7), SO_PEERCRED. 0: nobody. */
static pid_t listener(const char *path)
{
	DR_AUTO_CLOSE int fd = socket(AF_UNIX, SOCK_STREAM | SOCK_CLOEXEC, 0);
	struct sockaddr_un a = { .sun_family = AF_UNIX };
	struct ucred who;
	socklen_t len = sizeof(who);

	if (fd < 0 || dr_strcpy(a.sun_path, sizeof(a.sun_path), path) ||
	    connect(fd, (struct sockaddr *)&a, sizeof(a)) ||
	    getsockopt(fd, SOL_SOCKET, SO_PEERCRED, &who, &len))
		return 0;
	return who.pid;
}

/* proc(5): /proc/PID/status */
static void look_at_process(const struct check_readers *readers, pid_t pid, struct check_monitor *m)
{
	DR_AUTO_FREE char *path = dr_asprintf("%s/proc/%d/status", readers->root, pid);
	DR_AUTO_FCLOSE FILE *f = path ? fopen(path, "re") : NULL;
	unsigned long long permitted;
	char line[256];

	while (f && fgets(line, sizeof(line), f)) {
		if (sscanf(line, "CapPrm: %llx", &permitted) == 1) {
			m->permitted = permitted;
			m->has_process = true;
		} else {
			(void)!sscanf(line, "VmLck: %lld kB", &m->locked_kib);
		}
	}
}

static int ask_monitor(const struct check_readers *readers, struct check_monitor *m)
{
	const struct check_question q = { .method = "GET",
					  .url = "http://localhost/v1/status",
					  .unix_socket = m->socket };
	pid_t pid;
	int r = check_ask(readers->loop, &q, &m->status);

	if (r < 0 || m->status.error)
		return r;
	pid = listener(m->socket);
	if (pid > 0)
		look_at_process(readers, pid, m);
	return 0;
}

/* ---------------------------------------------------------------- all of it */

int check_read_monitor(const struct check_readers *readers, const struct ctl_opts *o, struct check_monitor *m)
{
	const char *socket;
	int r = check_file_find(readers, o->monitor_config, CHECK_MONITOR_CONFIG, &m->file);

	if (r == 0 && m->file.there)
		r = read_config(m);
	if (r < 0)
		return r;
	look_at_interfaces(readers, m);
	for (size_t i = 0; r == 0 && i < m->config.inspector_count; i++)
		r = ask_inspector(readers, &m->config.inspectors[i], &m->told[i]);
	socket = o->socket ? o->socket : m->has_config ? m->config.socket : CTL_SOCKET;
	if (r < 0 || !socket)
		return r;
	m->socket = strdup(socket);
	return m->socket ? ask_monitor(readers, m) : -ENOMEM;
}

void check_monitor_done(struct check_monitor *m)
{
	check_file_done(&m->file);
	mon_config_done(&m->config);
	for (size_t i = 0; i < DR_ARRAY_SIZE(m->told); i++) {
		free(m->told[i].files);
		check_answer_done(&m->told[i].answer);
	}
	free(m->socket);
	check_answer_done(&m->status);
}
