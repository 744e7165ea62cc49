/* SPDX-License-Identifier: Apache-2.0 */
/* doctor-test: the Doctor test case. */
#include <locale.h>
#include <signal.h>
#include <string.h>

#include "tools/scenario/scenario.h"

static void on_signal(int signo)
{
	sc_signal = signo;
}

static void handle_signals(void)
{
	struct sigaction note = { .sa_handler = on_signal }, ignore = { .sa_handler = SIG_IGN };

	sigaction(SIGINT, &note, NULL);
	sigaction(SIGTERM, &note, NULL);
	sigaction(SIGHUP, &note, NULL);
	sigaction(SIGPIPE, &ignore, NULL); /* `doctor-test | head` cleans up as well */
}

/* The directory of this program, where the others are too. */
static int own_directory(char *buf, size_t size)
{
	ssize_t n = readlink("/proc/self/exe", buf, size - 1);
	char *slash;

	if (n < 0)
		return dr_errno();
	buf[n] = '\0';
	slash = strrchr(buf, '/');
	if (!slash)
		return -EINVAL;
	*slash = '\0';
	return 0;
}

int main(int argc, char *argv[])
{
	DR_AUTO_FREE char *error = NULL;
	char bin[SC_PATH_MAX];
	struct sc_opts opts;
	int r = sc_opts_parse(argc, argv, &opts, &error);

	setlocale(LC_CTYPE, "");
	if (r < 0) {
		fprintf(stderr, "doctor-test: %s\n\n%s", error ? error : strerror(-r), sc_opts_usage);
		return SC_EXIT_USAGE;
	}
	if (opts.help || opts.version) {
		printf("%s", opts.help ? sc_opts_usage : "doctor-test " DR_VERSION "\n");
		return EXIT_SUCCESS;
	}
	if (geteuid() != 0) {
		fprintf(stderr, "doctor-test: must be run by root, as it makes network namespaces\n");
		return SC_EXIT_USAGE;
	}
	r = own_directory(bin, sizeof(bin));
	if (r < 0) {
		fprintf(stderr, "doctor-test: cannot find its own directory: %s\n", strerror(-r));
		return SC_EXIT_USAGE;
	}
	handle_signals();
	return opts.scenario == SC_CLEANUP ? sc_scenario_cleanup(&opts, bin) : sc_scenario_run(&opts, bin);
}
