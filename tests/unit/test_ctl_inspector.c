/* SPDX-License-Identifier: Apache-2.0 */
/* doctorctl and the inspector: the calls, what is sent, and the program against the inspector whole. */
#include "tests/unit/inspector_world.h"

#include <fcntl.h>
#include <limits.h>
#include <signal.h>
#include <sys/prctl.h>
#include <sys/stat.h>
#include <sys/wait.h>

#include "tools/ctl/ctl.h"

/* ---------------------------------------------------------------- calls */

/* The words of line, of which the options point into a copy. */
static int parse(const char *line, struct ctl_opts *o, char **error)
{
	static char copy[256];
	char *argv[16] = { (char *)"doctorctl" }, *rest = copy;
	int argc = 1;

	assert_true(strlen(line) < sizeof(copy));
	strcpy(copy, line);
	for (char *word; (word = strsep(&rest, " "));)
		argv[argc++] = word;
	*o = (struct ctl_opts){ 0 };
	*error = NULL;
	return ctl_opts_parse(argc, argv, o, error);
}

static void sends(void **state)
{
	static const struct {
		const char *line, *method, *url, *body;
	} cases[] = {
		{ "inspector", "GET", "http://127.0.0.1:12345/healthz", "" },
		{ "incidents", "GET", "http://127.0.0.1:12345/v1/incidents?state=open", "" },
		{ "incidents list", "GET", "http://127.0.0.1:12345/v1/incidents?state=open", "" },
		{ "incidents list --all", "GET", "http://127.0.0.1:12345/v1/incidents", "" },
		{ "incidents --all", "GET", "http://127.0.0.1:12345/v1/incidents", "" },
		{ "hosts", "GET", "http://127.0.0.1:12345/v1/hosts", "" },
		{ "incidents show 4f-1", "GET", "http://127.0.0.1:12345/v1/incidents/4f-1", "" },
		{ "incidents release 4f-1", "POST", "http://127.0.0.1:12345/v1/incidents/4f-1/release", "" },
		{ "why c/1", "GET", "http://127.0.0.1:12345/v1/hosts/c%2F1", "" },
		{ "maintenance", "GET", "http://127.0.0.1:12345/v1/maintenance", "" },
		{ "maintenance list", "GET", "http://127.0.0.1:12345/v1/maintenance", "" },
		{ "maintenance set c-1 --for 2h", "PUT", "http://127.0.0.1:12345/v1/maintenance/c-1",
		  "{\"for\":\"2h\"}" },
		{ "maintenance set --until T --reason \"ram c-1", "PUT",
		  "http://127.0.0.1:12345/v1/maintenance/c-1", "{\"until\":\"T\",\"reason\":\"\\\"ram\"}" },
		{ "maintenance clear c-1", "DELETE", "http://127.0.0.1:12345/v1/maintenance/c-1", "" },
		{ "--inspector https://[::1]:9// inspector", "GET", "https://[::1]:9/healthz", "" },
		{ "targets c-1", "GET", "http://localhost/v1/targets?host=c-1", "" },
	};

	for (size_t i = 0; i < DR_ARRAY_SIZE(cases); i++) {
		DR_AUTO(ctl_request_done) struct ctl_request q = { 0 };
		struct ctl_opts o;
		char *error;

		assert_int_equal(parse(cases[i].line, &o, &error), 0);
		assert_int_equal(ctl_request_make(&o, &q, &error), 0);
		assert_string_equal(o.verb->method, cases[i].method);
		assert_string_equal(q.url.data, cases[i].url);
		assert_string_equal(dr_buf_str(&q.body), cases[i].body);
		assert_null(q.authorization);
	}
}

static void wrong_calls(void **state)
{
	static const struct {
		const char *line, *error;
	} cases[] = {
		{ "incidents show", "incidents show: ID is missing" },
		{ "incidents release", "incidents release: ID is missing" },
		{ "incidents 1", "incidents: \"1\" is none of list, show, release" },
		{ "incidents show 1 2", "unexpected argument \"2\"" },
		{ "why", "why: HOST is missing" },
		{ "why ", "HOST is empty" },
		{ "maintenance get", "maintenance: \"get\" is none of list, set, clear" },
		{ "maintenance clear", "maintenance clear: HOST is missing" },
		{ "maintenance set c", "say how long, --for 2h or --until 2026-11-22T18:00:00Z: either" },
		{ "maintenance set c --for 1h --until T",
		  "say how long, --for 2h or --until 2026-11-22T18:00:00Z: either" },
		{ "maintenance clear c --for 1h", "--for is not for maintenance clear" },
		{ "why c --all", "--all is not for why" },
		{ "status --inspector http://x", "--inspector is not for status" },
		{ "why c --socket /x", "--socket is not for why" },
		{ "why c --key k", "--key belongs to --cert, which is missing" },
	};

	for (size_t i = 0; i < DR_ARRAY_SIZE(cases); i++) {
		struct ctl_opts o;
		char *error;

		assert_int_equal(parse(cases[i].line, &o, &error), -EINVAL);
		assert_string_equal(error, cases[i].error);
		free(error);
	}
}

static void where_the_inspector_is(void **state)
{
	struct ctl_opts o;
	char *error;

	assert_int_equal(setenv("DOCTOR_INSPECTOR", "https://there:1", 1), 0);
	assert_int_equal(parse("inspector", &o, &error), 0);
	assert_string_equal(o.inspector, "https://there:1");
	assert_int_equal(parse("inspector --inspector http://else", &o, &error), 0);
	assert_string_equal(o.inspector, "http://else");
	assert_int_equal(setenv("DOCTOR_INSPECTOR", "", 1), 0);
	assert_int_equal(parse("inspector", &o, &error), 0);
	assert_null(o.inspector);
	assert_string_equal(ctl_inspector(&o), "http://127.0.0.1:12345");
	assert_int_equal(unsetenv("DOCTOR_INSPECTOR"), 0);
}

/* What each action was about: a server, or a port. */
static void whose_actions(void **state)
{
	static const char text[] =
		"{\"id\": \"17\", \"actions\": [{\"action\": \"force_down\", \"result\": \"done\"}, "
		"{\"action\": \"reset_state\", \"server\": \"vm-1\", \"result\": \"done\"}, "
		"{\"action\": \"port_down\", \"port\": \"port-9\", \"result\": \"failed\"}]}";
	DR_AUTO_JSON struct dr_json *doc = NULL;
	DR_AUTO_BUF struct dr_buf out = { 0 };

	assert_int_equal(dr_json_parse(text, strlen(text), &doc, NULL), 0);
	(void)ctl_print_incident(doc, &out);
	assert_non_null(strstr(out.data, "force_down   -       done"));
	assert_non_null(strstr(out.data, "reset_state  vm-1    done"));
	assert_non_null(strstr(out.data, "port_down    port-9  failed"));
}

/* ---------------------------------------------------------------- the token */

static void write_file(const char *path, const char *text, mode_t mode)
{
	DR_AUTO_FCLOSE FILE *f = fopen(path, "we");

	assert_non_null(f);
	assert_true(fputs(text, f) >= 0);
	assert_int_equal(chmod(path, mode), 0);
}

static void assert_token(const char *url, const char *path, const char *authorization, const char *complaint)
{
	DR_AUTO(ctl_request_done) struct ctl_request q = { 0 };
	DR_AUTO_FREE char *line = dr_asprintf("inspector --inspector %s --token-file %s", url, path);
	DR_AUTO_FREE char *error = NULL;
	struct ctl_opts o;
	char *none;

	assert_int_equal(parse(line, &o, &none), 0);
	assert_int_equal(ctl_request_make(&o, &q, &error), authorization ? 0 : -EINVAL);
	if (authorization)
		assert_string_equal(q.authorization, authorization);
	else if (!strstr(error, complaint))
		fail_msg("\"%s\" without \"%s\"", error, complaint);
}

static void tokens(void **state)
{
	static const char *const local[] = { "http://127.0.0.1:1", "http://127.1.2.3", "http://localhost/",
					     "http://[::1]:1", "https://far:1" };
	static const char *const remote[] = { "http://far:1", "http://127.0.0.1.far:1", "http://localhosts",
					      "http://[::11]:1", "http://10.0.0.1" };
	char dir[] = "/tmp/test_ctl.XXXXXX", path[64], lengthy[4200];

	assert_non_null(mkdtemp(dir));
	snprintf(path, sizeof(path), "%s/token", dir);
	assert_token(local[0], path, NULL, "No such file");
	assert_token(local[0], dir, NULL, "is no file");
	write_file(path, "s3cret\n", 0640);
	for (size_t i = 0; i < DR_ARRAY_SIZE(local); i++)
		assert_token(local[i], path, "Bearer s3cret", NULL);
	for (size_t i = 0; i < DR_ARRAY_SIZE(remote); i++)
		assert_token(remote[i], path, NULL, "for all to read: use https://");
	write_file(path, "s3cret\n", 0604);
	assert_token(local[0], path, NULL, "is open to others: chmod o=");
	write_file(path, " \n", 0600);
	assert_token(local[0], path, NULL, "is empty");
	write_file(path, "a b", 0600);
	assert_token(local[0], path, NULL, "has more in it than a token");
	write_file(path, "a\r\nX-Forged: 1", 0600);
	assert_token(local[0], path, NULL, "has more in it than a token");
	memset(lengthy, 'x', sizeof(lengthy));
	lengthy[4097] = '\0';
	write_file(path, lengthy, 0600);
	assert_token(local[0], path, NULL, "is longer than 4096 bytes");
	assert_token("ftp://x", path, NULL, "is no URL such as");
	assert_int_equal(unlink(path), 0);
	assert_int_equal(rmdir(dir), 0);
}

/* ---------------------------------------------------------------- the program */

static struct {
	char out[16384]; /* stdout, then what stderr got */
	int status;
} said;

/* The inspector answers meanwhile, as it is on our loop. */
static void run_at(struct world *w, unsigned port, const char *arguments)
{
	const char *bin = getenv("DOCTOR_BIN");
	DR_AUTO_FREE char *command =
		dr_asprintf("DOCTOR_INSPECTOR=http://127.0.0.1:%u timeout 60 %s/doctorctl %s 2>&1", port,
			    bin ? bin : "build/bin", arguments);
	FILE *f = popen(command, "re");
	size_t n = 0;
	ssize_t got;
	int status;

	assert_non_null(f);
	assert_int_equal(fcntl(fileno(f), F_SETFL, O_NONBLOCK), 0);
	while ((got = read(fileno(f), said.out + n, sizeof(said.out) - 1 - n)) != 0) {
		if (got > 0)
			n += (size_t)got;
		else
			assert_int_equal(errno, EAGAIN);
		assert_true(dr_loop_run_once(w->loop, dr_msec(10)) >= 0);
	}
	said.out[n] = '\0';
	status = pclose(f);
	assert_true(WIFEXITED(status));
	said.status = WEXITSTATUS(status);
}

static void run(struct world *w, const char *arguments, int status)
{
	run_at(w, dr_http_server_port(w->server), arguments);
	if (said.status != status)
		fail_msg("%s: %d instead of %d: %s", arguments, said.status, status, said.out);
}

static void assert_says(const char *text)
{
	if (!strstr(said.out, text))
		fail_msg("\"%s\" is not in: %s", text, said.out);
}

static void run_id(struct world *w, const char *verb, size_t n, int status)
{
	DR_AUTO_JSON struct dr_json *all = NULL;
	DR_AUTO_FREE char *arguments =
		dr_asprintf("%s %s", verb, dr_json_get_str(world_incident(w, n, &all), "id"));

	run(w, arguments, status);
}

/* What is wrong, and keeps it from nothing. */
static void problems(void **state)
{
	struct world *w = *state;

	fake_rule(w->nova_api, "GET", "/os-aggregates", 403, UINT_MAX);
	world_start(w);
	run(w, "inspector", 0);
	assert_says("doctor-inspector: ok\nproblem: aggregates cannot be read: ");
}

static void all_is_well(void **state)
{
	struct world *w = *state;

	run(w, "incidents", 0);
	assert_string_equal(said.out, "INCIDENT  HOST  STATE  OPENED  REASON\n");
	run(w, "inspector", 0);
	assert_says("doctor-inspector: ok\nnova: 2 hosts, 3 servers, read ");
	assert_says("\nincidents: 0 worked on, 0 wait, 0 of them held (0 by the brake)\n"
		    "hosts in maintenance: 0\nevents that wait: 0\n");
	run(w, "hosts", 0);
	assert_string_equal(said.out, "HOST       ZONE  NOVA  MARKS  SERVERS  INCIDENT  STATE\n"
				      "compute-1  -     up    -            2  -         -\n"
				      "compute-2  -     up    -            1  -         -\n");
	run(w, "maintenance", 0);
	assert_string_equal(said.out, "HOST  SINCE  UNTIL  BY  REASON\n");
	run(w, "why compute-1", 0);
	assert_says("compute-1: up, 2 servers; Nova was read ");
	assert_says("zone: -; aggregates: none\nmonitors needed: 1\nflap: penalty 0, limit 1000000\n"
		    "brake: not marked down within the window\n");
}

static void held_and_released(void **state)
{
	struct world *w = *state;

	w->config.brake = (struct ins_brake_conf){ .window = dr_sec(600) };
	w->nova_api->hosts[0].zone = "east";
	w->nova_api->hosts[0].aggregate = "rack-1";
	world_reread(w);
	world_put(w, "[" DOWN_BY("compute-1", "m-1") "]", 200);
	wait_for(w, world_is_state(w, 0, "held"));

	run(w, "incidents", 1);
	assert_says("  compute-1  held: brake  2");
	assert_says("  brake: 0 hosts were marked down within 10min and 1 more are to be, where 0 may be\n");
	run_id(w, "incidents show", 0, 1);
	assert_says(" of compute-1: held, by: brake\nopened 2");
	assert_says(" by compute.host.down of m-1, reported 1 times\n");
	assert_says("  held     brake: 0 hosts");
	run(w, "hosts", 1);
	assert_says("compute-1  east  up    -            2  ");
	assert_says("  held\n");
	run(w, "why compute-1", 1);
	assert_says("\nzone: east; aggregates: none\n");
	assert_says("  m-1      down  compute.host.down\n");
	assert_says("\nincident ");
	assert_says("  held     brake: 0 hosts");
	run(w, "inspector", 1);
	assert_says("doctor-inspector: holding: 1 incidents are held until a person decides\n");
	assert_says("incidents: 0 worked on, 1 wait, 1 of them held (1 by the brake)\n");

	run_id(w, "incidents release", 0, 0);
	assert_says("released: ");
	wait_for(w, world_is_state(w, 0, "marked"));
	run_id(w, "incidents release", 0, 1);
	assert_says("doctorctl: incidents: incident ");
	assert_says(" is not held, it is marked\n");
	run_id(w, "incidents show", 0, 1);
	assert_says("\nforce_down   -     done ");
	assert_says("\nreset_state  vm-1  done ");
	run(w, "incidents show 17", 1);
	assert_string_equal(said.out, "doctorctl: incidents: there is no incident 17\n");
	run(w, "incidents release 17", 1);

	world_put(w, "[" UP("compute-1") "]", 200);
	wait_for(w, world_is_state(w, 0, "closed"));
	run(w, "incidents", 0);
	run_id(w, "incidents show", 0, 0);
	assert_says(", ended 2");
	assert_says("  m-1      down  compute.host.down\n"); /* as it was decided by */
	run(w, "incidents --all", 0);
	assert_says("  closed  2");
	run(w, "why compute-1", 0);
	assert_says("brake: it is among the hosts marked down within the window\n");
}

static void why_nothing_was_done(void **state)
{
	struct world *w = *state;

	run(w, "why nowhere", 1);
	assert_string_equal(said.out,
			    "doctorctl: why: Nova has no nova-compute on a host \"nowhere\", and no "
			    "monitor has told of it\n");
	world_put(w, "[" DOWN_BY("nowhere", "m\xc3\xb6n") "]", 400);
	run(w, "why nowhere", 0);
	assert_says("nowhere: no host of Nova's\n");
	assert_says("  refused  nowhere  m\xc3\xb6n      compute.host.down  Nova has no");
	run(w, "incidents", 0);
	assert_says("\nNOT ACTED ON ");
}

static void maintenance(void **state)
{
	struct world *w = *state;

	run(w, "maintenance set compute-1 --for 2h --reason 'new memory'", 0);
	assert_says("compute-1 is in maintenance until 2");
	run(w, "maintenance list", 0);
	assert_says("  person  new memory\n");
	run(w, "hosts", 0);
	assert_says("compute-1  -     up    maintenance        2  -         -\n");
	run(w, "why compute-1", 0);
	assert_says("maintenance: until 2");
	assert_says(", by person: new memory\n");
	run(w, "maintenance set compute-1 --for soon", 1);
	assert_string_equal(said.out,
			    "doctorctl: maintenance: for: \"soon\" is no duration such as 2h or 90min\n");
	run(w, "maintenance set nowhere --for 1h", 1);
	assert_says("Nova has no nova-compute on a host \"nowhere\"\n");
	run(w, "maintenance clear compute-1", 0);
	assert_string_equal(said.out, "compute-1 is in maintenance no more\n");
	run(w, "maintenance clear compute-1", 1);
	assert_string_equal(said.out, "doctorctl: maintenance: compute-1 is not in maintenance\n");
	run(w, "maintenance set compute-2 --until 2000-01-01T00:00:00Z", 1);
	assert_says("it would be over already\n");
}

static void json(void **state)
{
	struct world *w = *state;
	struct dr_json *doc;

	world_put(w, "[" DOWN("compute-1") "]", 200);
	wait_for(w, world_is_state(w, 0, "marked"));
	run(w, "--json why compute-1", 1);
	assert_int_equal(dr_json_parse(said.out, strlen(said.out), &doc, NULL), 0);
	assert_string_equal(dr_json_str(dr_json_path(doc, "incidents.0.state")), "marked");
	dr_json_free(doc);
	run(w, "--json incidents show 17", 1);
	assert_string_equal(said.out, "{\"error\":{\"code\":404,\"message\":\"there is no incident 17\"}}\n");
}

/* It is ill, and says so with 503: that is an answer. */
static void ill(void **state)
{
	struct world *w = *state;

	w->config.refresh = dr_msec(50);
	world_start(w);
	fake_rule(w->nova_api, "GET", "/os-services", 500, UINT_MAX);
	wait_for(w, ins_nova_health(w->nova).stale);
	run(w, "inspector", 1);
	assert_says("doctor-inspector: degraded: reading the computes from Nova: ");
	assert_says("\nnova: 2 hosts");
}

static void on_other(struct dr_http_exchange *x, void *userdata)
{
	const char *token = dr_http_header(x, "Authorization");

	snprintf(userdata, 64, "%s", token ? token : "(none)");
	dr_http_reply(x, 200, "text/plain", "hello", 5);
}

/* What is none, what is not there, and that the token goes out. */
static void others(void **state)
{
	struct world *w = *state;
	DR_AUTO(dr_http_server_freep) struct dr_http_server *server = NULL;
	struct dr_http_server_opts opts = { 0 };
	char authorization[64] = "", path[] = "/tmp/test_ctl.XXXXXX";
	DR_AUTO_CLOSE int fd = mkstemp(path);
	DR_AUTO_FREE char *arguments = dr_asprintf("inspector --token-file %s", path);
	unsigned port;

	assert_int_equal(write(fd, "s3cret\n", 7), 7);
	assert_int_equal(dr_http_server_new(w->loop, &opts, on_other, authorization, &server), 0);
	port = dr_http_server_port(server);
	run_at(w, port, "inspector");
	assert_int_equal(said.status, 3);
	assert_says(": what answers there is no doctor-inspector\n");
	assert_string_equal(authorization, "(none)");
	run_at(w, port, arguments);
	assert_string_equal(authorization, "Bearer s3cret");
	assert_int_equal(fchmod(fd, 0644), 0);
	run_at(w, port, arguments);
	assert_int_equal(said.status, 2);
	assert_says("is open to others");
	assert_null(strstr(said.out, "s3cret"));
	assert_int_equal(unlink(path), 0);

	dr_http_server_free(DR_TAKE_PTR(server));
	run_at(w, port, "incidents");
	assert_int_equal(said.status, 3);
	assert_says("doctorctl: nobody listens at http://127.0.0.1:");
}

#define MUCH (20UL << 20)

static void on_many(struct dr_http_exchange *x, void *userdata)
{
	DR_AUTO_FREE char *text = malloc(MUCH);
	int n;

	assert_non_null(text);
	memset(text, ' ', MUCH);
	n = sprintf(text, "{\"incidents\": [{\"id\": \"17\", \"ended\": \"2026-11-22T14:03:21Z\"}]");
	text[n] = ' ';
	text[MUCH - 1] = '}';
	dr_http_reply(x, 200, "application/json", text, MUCH);
}

/* A thousand incidents of hosts with many servers, and all that was done for each. */
static void many_incidents(void **state)
{
	struct world *w = *state;
	DR_AUTO(dr_http_server_freep) struct dr_http_server *server = NULL;
	struct dr_http_server_opts opts = { 0 };

	assert_int_equal(dr_http_server_new(w->loop, &opts, on_many, NULL, &server), 0);
	run_at(w, dr_http_server_port(server), "incidents list --all");
	assert_says("INCIDENT");
	assert_int_equal(said.status, 0);
}

/* ---------------------------------------------------------------- TLS */

/* ca signs; server is 127.0.0.1's, person is ours, stranger is nobody's whom the server trusts. */
static const char make_certificates[] =
	"set -e; cd %s; exec >/dev/null 2>&1\n"
	"new='-newkey ec -pkeyopt ec_paramgen_curve:prime256v1 -nodes'\n"
	"openssl req -x509 $new -subj /CN=ca -days 2 -keyout ca.key -out ca.pem\n"
	"openssl req -x509 $new -subj /CN=stranger -days 2 -keyout stranger.key -out stranger.pem\n"
	"for name in server person; do\n"
	"	openssl req $new -subj /CN=$name -addext subjectAltName=IP:127.0.0.1 -keyout $name.key -out "
	"$name.csr\n"
	"	openssl x509 -req -in $name.csr -CA ca.pem -CAkey ca.key -CAcreateserial -copy_extensions "
	"copy "
	"-days 2 -out $name.pem\n"
	"done\n";

/* openssl(1)'s s_server, which wants a certificate of ca's and answers with a page of its own. */
static pid_t start_server(const char *dir, char where[64])
{
	DR_AUTO_FREE char *command = dr_asprintf("cd %s; exec openssl s_server -accept 127.0.0.1:0 -www "
						 "-cert server.pem -key server.key -CAfile "
						 "ca.pem -Verify 1 -verify_return_error 2>/dev/null",
						 dir);
	DR_AUTO_FCLOSE FILE *f = NULL;
	char line[128];
	int ends[2];
	pid_t pid;

	assert_int_equal(pipe(ends), 0);
	pid = fork();
	assert_true(pid >= 0);
	if (!pid) {
		if (dup2(ends[1], 1) < 0 || prctl(PR_SET_PDEATHSIG, SIGKILL))
			_exit(126);
		execl("/bin/sh", "sh", "-c", command, NULL);
		_exit(127);
	}
	close(ends[1]);
	f = fdopen(ends[0], "r");
	assert_non_null(f);
	do
		assert_non_null(fgets(line, sizeof(line), f));
	while (sscanf(line, "ACCEPT %63s", where) != 1);
	return pid;
}

static void run_tls(const char *dir, const char *where, const char *arguments)
{
	DR_AUTO_FREE char *all = dr_asprintf("inspector --inspector https://%s %s", where, arguments);
	DR_AUTO_FREE char *there = dr_asprintf("cd %s; exec", dir);
	char bin[PATH_MAX];

	assert_non_null(realpath(getenv("DOCTOR_BIN") ? getenv("DOCTOR_BIN") : "build/bin", bin));
	DR_AUTO_FREE char *command = dr_asprintf("%s timeout 60 %s/doctorctl %s 2>&1", there, bin, all);
	FILE *f = popen(command, "re");

	assert_non_null(f);
	said.out[fread(said.out, 1, sizeof(said.out) - 1, f)] = '\0';
	said.status = WEXITSTATUS(pclose(f));
}

/* Who may see whom; the page is no inspector's, so that this is what is said where both are trusted. */
static void tls(void **state)
{
	static const struct {
		const char *arguments;
		bool trusted;
	} cases[] = {
		{ "--ca ca.pem --cert person.pem --key person.key", true },
		{ "--cert person.pem --key person.key", false },
		{ "--ca stranger.pem --cert person.pem --key person.key", false },
		{ "--ca ca.pem", false },
		{ "--ca ca.pem --cert stranger.pem --key stranger.key", false },
	};
	char dir[] = "/tmp/test_ctl.XXXXXX", where[64];
	DR_AUTO_FREE char *make = NULL, *remove = NULL;
	pid_t pid;

	assert_non_null(mkdtemp(dir));
	make = dr_asprintf(make_certificates, dir);
	remove = dr_asprintf("rm -r %s", dir);
	assert_int_equal(system(make), 0);
	pid = start_server(dir, where);
	for (size_t i = 0; i < DR_ARRAY_SIZE(cases); i++) {
		run_tls(dir, where, cases[i].arguments);
		assert_int_equal(said.status, 3);
		if (cases[i].trusted != !!strstr(said.out, "what answers there is no doctor-inspector"))
			fail_msg("%s: %s", cases[i].arguments, said.out);
	}
	assert_int_equal(kill(pid, SIGKILL), 0);
	assert_int_equal(waitpid(pid, NULL, 0), pid);
	assert_int_equal(system(remove), 0);
}

#define cold(test) cmocka_unit_test_setup_teardown(test, world_setup_cold, world_teardown)
#define hot(test) cmocka_unit_test_setup_teardown(test, world_setup, world_teardown)

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(sends),
		cmocka_unit_test(wrong_calls),
		cmocka_unit_test(where_the_inspector_is),
		cmocka_unit_test(whose_actions),
		cmocka_unit_test(tokens),
		cold(problems),
		hot(all_is_well),
		hot(held_and_released),
		hot(why_nothing_was_done),
		hot(maintenance),
		hot(json),
		cold(ill),
		hot(others),
		hot(many_incidents),
		cmocka_unit_test(tls),
	};

	unsetenv("DOCTOR_INSPECTOR");
	return cmocka_run_group_tests_name("unit: doctorctl and the inspector", tests, NULL, NULL);
}
