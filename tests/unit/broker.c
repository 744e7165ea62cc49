// SPDX-License-Identifier: Apache-2.0
#include <stdarg.h>
#include <stddef.h>
#include <setjmp.h>
#include <stdint.h>
#include <cmocka.h>
#include <arpa/inet.h>
#include <fcntl.h>
#include <ftw.h>
#include <glob.h>
#include <signal.h>
#include <string.h>
#include <sys/prctl.h>
#include <sys/socket.h>
#include <sys/wait.h>
#include <time.h>

#include "doctor/buf.h"
#include "doctor/clock.h"
#include "tests/unit/broker.h"

#define START_MAX dr_sec(120)
#define STOP_MAX dr_sec(30)

static const char make_certificates[] =
	"set -e; cd \"$0\"\n"
	"new='-newkey ec -pkeyopt ec_paramgen_curve:prime256v1'\n"
	"openssl req -x509 $new -nodes -subj /CN=ca -days 2 -keyout ca.key -out ca.pem\n"
	"openssl req -x509 $new -nodes -subj /CN=other -days 2 -keyout other.key -out other.pem\n"
	"openssl req $new -nodes -subj /CN=broker -addext subjectAltName=DNS:localhost -keyout broker.key "
	"-out "
	"broker.csr\n"
	"openssl x509 -req -in broker.csr -CA ca.pem -CAkey ca.key -CAcreateserial -copy_extensions copy "
	"-days 2 "
	"-out broker.pem\n";

static const char definitions[] =
	"{\"users\": [{\"name\": \"doctor\", \"password\": \"se cret\", \"tags\": \"\"}, "
	"{\"name\": \"reader\", \"password\": \"reader\", \"tags\": \"\"}], "
	"\"vhosts\": [{\"name\": \"/\"}], \"permissions\": ["
	"{\"user\": \"doctor\", \"vhost\": \"/\", \"configure\": \".*\", \"write\": \".*\", \"read\": "
	"\".*\"}, "
	"{\"user\": \"reader\", \"vhost\": \"/\", \"configure\": \"^q\", \"write\": \"^q\", \"read\": "
	"\".*\"}], "
	"\"exchanges\": [{\"name\": \"fanned\", \"vhost\": \"/\", \"type\": \"fanout\", \"durable\": true, "
	"\"auto_delete\": false, \"internal\": false, \"arguments\": {}}]}\n";

uint16_t broker_free_port(void)
{
	struct sockaddr_in a = { .sin_family = AF_INET, .sin_addr.s_addr = htonl(INADDR_LOOPBACK) };
	DR_AUTO_CLOSE int fd = socket(AF_INET, SOCK_STREAM | SOCK_CLOEXEC, 0);
	socklen_t len = sizeof(a);

	assert_true(fd >= 0);
	assert_int_equal(bind(fd, (struct sockaddr *)&a, sizeof(a)), 0);
	assert_int_equal(getsockname(fd, (struct sockaddr *)&a, &len), 0);
	return ntohs(a.sin_port);
}

static void write_file(const struct broker *b, const char *name, const char *text)
{
	DR_AUTO_FREE char *path = dr_asprintf("%s/%s", b->dir, name);
	DR_AUTO_FCLOSE FILE *f = fopen(path, "w");

	assert_non_null(f);
	assert_true(fputs(text, f) >= 0);
}

static void write_files(const struct broker *b)
{
	DR_AUTO_FREE char *conf =
		dr_asprintf("listeners.tcp.1 = 127.0.0.1:%u\nlisteners.ssl.1 = 127.0.0.1:%u\n"
			    "ssl_options.cacertfile = %s/ca.pem\nssl_options.certfile = %s/broker.pem\n"
			    "ssl_options.keyfile = %s/broker.key\nssl_options.verify = verify_none\n"
			    "load_definitions = %s/definitions.json\nlog.file = false\nlog.console = true\n"
			    "log.console.level = warning\ndisk_free_limit.absolute = 1MB\n"
			    "vm_memory_high_watermark.absolute = 1GB\n",
			    b->port, b->tls_port, b->dir, b->dir, b->dir, b->dir);

	write_file(b, "rabbitmq.conf", conf);
	write_file(b, "definitions.json", definitions);
	write_file(b, "plugins", "[].\n");
	write_file(b, "env", "");
}

static void set(const char *name, const char *value)
{
	if (setenv(name, value, 1))
		_exit(126);
}

static void set_path(const struct broker *b, const char *name, const char *file)
{
	char path[128];

	snprintf(path, sizeof(path), "%s/%s", b->dir, file);
	set(name, path);
}

static void set_number(const char *name, unsigned n)
{
	char text[16];

	snprintf(text, sizeof(text), "%u", n);
	set(name, text);
}

static void set_environment(const struct broker *b)
{
	char node[64];

	snprintf(node, sizeof(node), "doctor-%u@localhost", b->port);
	set("HOME", b->dir);
	set("ERL_EPMD_ADDRESS", "127.0.0.1");
	set_number("ERL_EPMD_PORT", b->epmd_port);
	set("RABBITMQ_NODENAME", node);
	set_number("RABBITMQ_DIST_PORT", b->dist_port);
	set("RUNNING_UNDER_SYSTEMD", "1"); /* no shell stays between us and the broker */
	set_path(b, "RABBITMQ_CONF_ENV_FILE", "env");
	set_path(b, "RABBITMQ_CONFIG_FILE", "rabbitmq.conf");
	set_path(b, "RABBITMQ_ENABLED_PLUGINS_FILE", "plugins");
	set_path(b, "RABBITMQ_MNESIA_BASE", "mnesia");
	set_path(b, "RABBITMQ_LOG_BASE", "log");
	set("RABBITMQ_SERVER_ADDITIONAL_ERL_ARGS",
	    "-kernel inet_dist_use_interface {127,0,0,1} +sbwt none +sbwtdcpu none +sbwtdio none");
}

/* A child that leads a group, ends with us, and whose output goes into the directory. */
static pid_t run(const struct broker *b, char *const argv[])
{
	DR_AUTO_FREE char *log = dr_asprintf("%s/output", b->dir);
	pid_t pid = fork();
	sigset_t none;
	int null, out;

	assert_true(pid >= 0);
	if (pid)
		return pid;
	setpgid(0, 0);
	prctl(PR_SET_PDEATHSIG, SIGKILL);
	sigemptyset(&none);
	sigprocmask(SIG_SETMASK, &none, NULL);
	null = open("/dev/null", O_RDONLY | O_CLOEXEC);
	out = open(log, O_WRONLY | O_CREAT | O_APPEND | O_CLOEXEC, 0600);
	if (dup2(null, 0) < 0 || dup2(out, 1) < 0 || dup2(out, 2) < 0)
		_exit(126);
	set_environment(b);
	execvp(argv[0], argv);
	_exit(127);
}

static void print_output(const struct broker *b)
{
	DR_AUTO_FREE char *path = dr_asprintf("%s/output", b->dir);
	DR_AUTO_FCLOSE FILE *f = fopen(path, "r");
	char line[512];

	while (f && fgets(line, sizeof(line), f))
		print_message("broker: %s", line);
}

static bool listens(uint16_t port)
{
	struct sockaddr_in a = { .sin_family = AF_INET,
				 .sin_addr.s_addr = htonl(INADDR_LOOPBACK),
				 .sin_port = htons(port) };
	DR_AUTO_CLOSE int fd = socket(AF_INET, SOCK_STREAM | SOCK_CLOEXEC, 0);

	return !connect(fd, (struct sockaddr *)&a, sizeof(a));
}

static void wait_port(const struct broker *b, pid_t pid, uint16_t port)
{
	struct dr_mono since = dr_mono_now();

	while (!listens(port)) {
		if (waitpid(pid, NULL, WNOHANG) || dr_mono_sub(dr_mono_now(), since).ns > START_MAX.ns) {
			print_output(b);
			fail_msg("port %u is not there", port);
		}
		nanosleep(&(struct timespec){ .tv_nsec = 20000000 }, NULL);
	}
}

void broker_start(struct broker *b)
{
	char *epmd[] = { "epmd", NULL }, *server[] = { NULL, NULL };
	glob_t found;

	if (glob("/usr/lib/rabbitmq/lib/rabbitmq_server-*/sbin/rabbitmq-server", 0, NULL, &found))
		fail_msg("there is no rabbitmq-server: tools/deps all --install");
	if (!b->epmd)
		b->epmd = run(b, epmd);
	wait_port(b, b->epmd, b->epmd_port);
	server[0] = found.gl_pathv[0];
	b->server = run(b, server);
	globfree(&found);
	wait_port(b, b->server, b->port);
	wait_port(b, b->server, b->tls_port);
}

static void end(pid_t *group, int signo)
{
	struct dr_mono since = dr_mono_now();

	if (!*group)
		return;
	kill(-*group, signo);
	kill(-*group, SIGCONT);
	while (!waitpid(*group, NULL, WNOHANG)) {
		if (dr_mono_sub(dr_mono_now(), since).ns > STOP_MAX.ns)
			kill(-*group, SIGKILL);
		nanosleep(&(struct timespec){ .tv_nsec = 20000000 }, NULL);
	}
	kill(-*group, SIGKILL); /* what the leader left */
	*group = 0;
}

void broker_stop(struct broker *b)
{
	end(&b->server, SIGTERM);
}

void broker_init(struct broker *b)
{
	char *argv[] = { "sh", "-c", (char *)make_certificates, b->dir, NULL };
	int status;
	pid_t pid;

	*b = (struct broker){ .dir = "/tmp/doctor-broker-XXXXXX" };
	assert_non_null(mkdtemp(b->dir));
	b->port = broker_free_port();
	b->tls_port = broker_free_port();
	b->epmd_port = broker_free_port();
	b->dist_port = broker_free_port();
	write_files(b);
	pid = run(b, argv);
	assert_int_equal(waitpid(pid, &status, 0), pid);
	if (status)
		print_output(b);
	assert_int_equal(status, 0);
	broker_start(b);
}

static int remove_one(const char *path, const struct stat *st, int type, struct FTW *ftw)
{
	return remove(path);
}

void broker_done(struct broker *b)
{
	end(&b->server, SIGKILL);
	end(&b->epmd, SIGTERM);
	nftw(b->dir, remove_one, 8, FTW_DEPTH | FTW_PHYS);
}
