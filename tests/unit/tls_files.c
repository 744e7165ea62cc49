/* SPDX-License-Identifier: Apache-2.0 */
#include "tests/unit/tls_files.h"

#include <fcntl.h>
#include <ftw.h>
#include <signal.h>
#include <string.h>
#include <sys/stat.h>
#include <sys/wait.h>

#include "doctor/mem.h"

static char dir[] = "/tmp/doctor-test-tls-XXXXXX";

static const char make_certificates[] =
	"set -e; cd \"$0\"\n"
	"new='-newkey ec -pkeyopt ec_paramgen_curve:prime256v1'\n"
	"for ca in ca other; do openssl req -x509 $new -nodes -subj /CN=$ca -days 2 -keyout $ca.key -out "
	"$ca.pem; done\n"
	"leaf() { # NAME CA SAN DAYS [MORE]\n"
	"	openssl req $new -nodes -subj /CN=$1 -addext subjectAltName=$3 $5 -keyout $1.key -out "
	"$1.csr\n"
	"	openssl x509 -req -in $1.csr -CA $2.pem -CAkey $2.key -CAcreateserial -copy_extensions copy "
	"-days $4 -out $1.pem\n"
	"}\n"
	"leaf server ca IP:127.0.0.1 2; leaf renewed ca IP:127.0.0.1 2\n"
	"leaf elsewhere ca DNS:elsewhere.example.org 2; leaf expired ca IP:127.0.0.1 -1\n"
	"leaf monitor ca DNS:monitor 2; leaf foreign other DNS:monitor 2; leaf outdated ca DNS:monitor -1\n"
	"leaf operator ca DNS:operator.example.org 2; leaf reader ca DNS:reader.example.org 2\n"
	"leaf served ca DNS:monitor 2 '-addext extendedKeyUsage=serverAuth'\n"
	"leaf named ca DNS:a.example.org,email:b@example.org,URI:urn:c,IP:192.0.2.1,IP:2001:db8::1 2\n"
	"openssl ec -in monitor.key -aes128 -passout pass:secret -out locked.key\n"
	"cat monitor.pem monitor.key >both.pem; cat ca.pem other.pem >authorities.pem; : >empty.pem\n";

const char *tls_file(const char *name)
{
	static char paths[64][128];
	static unsigned next;
	char *path = paths[next++ % DR_ARRAY_SIZE(paths)];

	snprintf(path, sizeof(paths[0]), "%s/%s", dir, name);
	return path;
}

const char *tls_file_write(const char *name, mode_t mode, const char *text)
{
	const char *path = tls_file(name);
	DR_AUTO_FCLOSE FILE *f = fopen(path, "we");

	assert_non_null(f);
	assert_true(fputs(text, f) >= 0);
	assert_int_equal(fchmod(fileno(f), mode), 0);
	return path;
}

pid_t tls_run(char *const argv[], const int *to)
{
	pid_t pid = fork();

	assert_true(pid >= 0);
	if (pid)
		return pid;
	int null = open("/dev/null", O_RDWR | O_CLOEXEC);
	sigset_t none;

	sigemptyset(&none);
	sigprocmask(SIG_SETMASK, &none, NULL);
	if (dup2(to ? to[0] : null, 0) < 0 || dup2(to ? to[1] : null, 1) < 0 || dup2(null, 2) < 0)
		_exit(126);
	execvp(argv[0], argv);
	_exit(127);
}

int tls_files_make(void **state)
{
	char *argv[] = { "sh", "-c", (char *)make_certificates, dir, NULL };
	int status;

	if (!mkdtemp(dir))
		return -1;
	pid_t pid = tls_run(argv, NULL);
	if (waitpid(pid, &status, 0) != pid || status != 0)
		fail_msg("openssl(1) cannot make certificates: status %d", status);
	return 0;
}

static int remove_one(const char *path, const struct stat *st, int type, struct FTW *ftw)
{
	return remove(path);
}

int tls_files_remove(void **state)
{
	return nftw(dir, remove_one, 8, FTW_DEPTH | FTW_PHYS);
}
