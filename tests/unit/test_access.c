/* SPDX-License-Identifier: Apache-2.0 */
/* Roles, the file of tokens, memory for secrets, and who may do what. */
#include <fcntl.h>
#include <string.h>
#include <sys/prctl.h>
#include <sys/stat.h>
#include <sys/wait.h>

#include "doctor/access.h"
#include "doctor/buf.h"
#include "doctor/secret.h"
#include "tests/unit/tls_files.h"

#define M DR_ROLE_MONITOR
#define R DR_ROLE_READER
#define O DR_ROLE_OPERATOR

static void test_roles(void **state)
{
	static const struct {
		const char *text;
		unsigned roles; /* 0: none */
	} cases[] = {
		{ "monitor", M },
		{ "reader", R },
		{ "operator", O | R },
		{ "monitor,reader", M | R },
		{ " operator , monitor ", O | R | M },
		{ "reader,reader", R },
		{ "", 0 },
		{ ",", 0 },
		{ "reader,", 0 },
		{ ",reader", 0 },
		{ "reader monitor", 0 },
		{ "Reader", 0 },
		{ "read", 0 },
		{ "readers", 0 },
		{ "all", 0 },
	};

	for (size_t i = 0; i < DR_ARRAY_SIZE(cases); i++) {
		unsigned roles = 99;

		assert_int_equal(dr_roles_parse(cases[i].text, &roles), cases[i].roles ? 0 : -EINVAL);
		assert_int_equal(roles, cases[i].roles ? cases[i].roles : 99);
	}
	assert_string_equal(dr_role_name(O), "operator");
}

/* ---------------------------------------------------------------- tokens */

#define T1 "0123456789abcdef"
#define T2 "0123456789abcdeF"
#define T3 "0123456789abcdef0"

static void test_tokens(void **state)
{
	DR_AUTO(dr_tokens_freep) struct dr_tokens *t = NULL;
	DR_AUTO_FREE char *error = NULL;
	char longest[DR_TOKEN_MAX + 2];
	DR_AUTO_FREE char *text = NULL;

	memset(longest, 'x', DR_TOKEN_MAX);
	longest[DR_TOKEN_MAX] = '\0';
	text = dr_asprintf("# ours\n\n  \t\nmonitor mon-1 " T1 "\r\n\toperator,monitor  alice\t" T2
			   "  \n#reader old xxxxxxxxxxxxxxxxxxxxx\nreader mon-1 %s",
			   longest);
	assert_int_equal(dr_tokens_load(tls_file_write("tokens", 0640, text), &t, &error), 0);
	assert_int_equal(dr_tokens_count(t), 3);
	assert_int_equal(dr_tokens_find(t, T1)->roles, M);
	assert_string_equal(dr_tokens_find(t, T1)->name, "mon-1");
	assert_int_equal(dr_tokens_find(t, T2)->roles, O | R | M);
	assert_string_equal(dr_tokens_find(t, T2)->name, "alice");
	assert_int_equal(dr_tokens_find(t, longest)->roles, R);
	assert_null(dr_tokens_find(t, T3));
	assert_null(dr_tokens_find(t, "0123456789abcde"));
	assert_null(dr_tokens_find(t, ""));
	assert_null(dr_tokens_find(t, "xxxxxxxxxxxxxxxxxxxxx"));
	longest[DR_TOKEN_MAX] = 'x';
	longest[DR_TOKEN_MAX + 1] = '\0';
	assert_null(dr_tokens_find(t, longest));
	assert_null(dr_tokens_find(NULL, T1));
	assert_int_equal(dr_tokens_count(NULL), 0);
}

static void test_bad_tokens(void **state)
{
	static const struct {
		const char *text, *says;
	} cases[] = {
		{ "monitor mon-1\n", ":1: is not \"ROLE[,ROLE] NAME TOKEN\"" },
		{ "#\n\nmonitor\n", ":3: is not" },
		{ "monitor mon-1 SECRETSECRETSECRET more\n", ":1: is not" },
		{ "monitor, reader mon-1 SECRETSECRETSECRET\n", ":1: is not" },
		{ "SECRETSECRETSECRET\n", ":1: is not" },
		{ "SECRETSECRETSECRET mon-1 monitor\n", ":1: the roles (first word)" },
		{ "admin mon-1 SECRETSECRETSECRET\n", ":1: the roles (first word)" },
		{ "monitor mon-1 SECRETSECRETSEC\n", ":1: the token is too short" },
		{ "monitor mon-1 SECRETSECRETS\303\244CRET\n", ":1: the token has a character" },
		{ "monitor m\303\266n SECRETSECRETSECRET\n", ":1: the name (second word)" },
		{ "reader a SECRETSECRETSECRET\nmonitor b SECRETSECRETSECRET\n",
		  ":2: the token is that of an earlier line" },
	};

	for (size_t i = 0; i < DR_ARRAY_SIZE(cases); i++) {
		const char *path = tls_file_write("tokens", 0600, cases[i].text);
		struct dr_tokens *t = NULL;
		DR_AUTO_FREE char *error = NULL;

		assert_int_equal(dr_tokens_load(path, &t, &error), -EINVAL);
		assert_null(t);
		if (strncmp(error, path, strlen(path)) ||
		    strncmp(error + strlen(path), cases[i].says, strlen(cases[i].says)))
			fail_msg("\"%s\" instead of \"%s\"", error, cases[i].says);
		assert_null(strstr(error, "SECRET"));
	}
}

static void test_too_long(void **state)
{
	char longer[DR_TOKEN_MAX + 2], text[600];
	struct dr_tokens *t = NULL;
	DR_AUTO_FREE char *error = NULL, *again = NULL;

	memset(longer, 'x', sizeof(longer) - 1);
	longer[sizeof(longer) - 1] = '\0';
	snprintf(text, sizeof(text), "reader a %s\n", longer);
	assert_int_equal(dr_tokens_load(tls_file_write("tokens", 0600, text), &t, &error), -EINVAL);
	assert_non_null(strstr(error, "the token is too long"));
	snprintf(text, sizeof(text), "reader %s " T1 "\n", longer);
	assert_int_equal(dr_tokens_load(tls_file_write("tokens", 0600, text), &t, &again), -EINVAL);
	assert_non_null(strstr(again, "the name (second word) is too long"));
}

static void test_too_many(void **state)
{
	DR_AUTO_BUF struct dr_buf text = { 0 };
	DR_AUTO(dr_tokens_freep) struct dr_tokens *t = NULL;
	struct dr_tokens *none = NULL;
	DR_AUTO_FREE char *error = NULL, *again = NULL;

	for (unsigned i = 0; i < DR_TOKENS_MAX; i++)
		dr_buf_printf(&text, "reader r%u %016u\n", i, i);
	assert_int_equal(dr_tokens_load(tls_file_write("tokens", 0600, text.data), &t, &error), 0);
	assert_int_equal(dr_tokens_count(t), DR_TOKENS_MAX);
	assert_string_equal(dr_tokens_find(t, "0000000000000999")->name, "r999");
	dr_buf_puts(&text, "reader more ffffffffffffffff\n");
	assert_int_equal(dr_tokens_load(tls_file_write("tokens", 0600, text.data), &none, &again), -EINVAL);
	assert_non_null(strstr(again, ":1001: too many tokens"));
}

static void test_files(void **state)
{
	static const struct {
		mode_t mode;
		int error;
	} modes[] = { { 0600, 0 },	{ 0400, 0 },	  { 0440, 0 },	    { 0640, 0 },     { 0644, -EPERM },
		      { 0660, -EPERM }, { 0604, -EPERM }, { 0602, -EPERM }, { 0620, -EPERM } };
	struct dr_tokens *none = NULL;
	DR_AUTO_FREE char *missing = NULL, *directory = NULL, *zero = NULL;
	FILE *f;

	for (size_t i = 0; i < DR_ARRAY_SIZE(modes); i++) {
		const char *path = tls_file_write("tokens", modes[i].mode, "reader a " T1 "\n");
		DR_AUTO(dr_tokens_freep) struct dr_tokens *t = NULL;
		DR_AUTO_FREE char *error = NULL;

		assert_int_equal(dr_tokens_load(path, &t, &error), modes[i].error);
		assert_true(!modes[i].error || strstr(error, "others than its owner can read or change it"));
		assert_int_equal(unlink(path), 0);
	}
	assert_int_equal(dr_tokens_load(tls_file("none"), &none, &missing), -ENOENT);
	assert_non_null(strstr(missing, "none: No such file"));
	assert_int_equal(dr_tokens_load(tls_file(""), &none, &directory), -EINVAL);
	assert_non_null(strstr(directory, "is no regular file"));
	f = fopen(tls_file_write("tokens", 0600, ""), "we");
	assert_non_null(f);
	assert_int_equal(fwrite("reader a\0b " T1, 1, 27, f), 27);
	fclose(f);
	assert_int_equal(dr_tokens_load(tls_file("tokens"), &none, &zero), -EINVAL);
	assert_non_null(strstr(zero, "zero byte"));
	assert_null(none);
}

static void test_too_large(void **state)
{
	DR_AUTO(dr_secret_done) struct dr_secret s = { 0 };
	DR_AUTO_FREE char *error = NULL, *none = NULL;

	assert_int_equal(dr_secret_read(tls_file_write("secret", 0600, "1234"), 3, &s, &error), -EFBIG);
	assert_null(s.data);
	assert_int_equal(dr_secret_read(tls_file("secret"), 4, &s, &none), 0);
	assert_string_equal(s.data, "1234");
	assert_int_equal(s.len, 4);
}

/* The flags of the mapping that p is in, as /proc/self/smaps has them. */
static void flags_of(const void *p, char ret[256])
{
	DR_AUTO_FCLOSE FILE *f = fopen("/proc/self/smaps", "re");
	unsigned long from, to;
	char line[512];
	bool here = false;

	assert_non_null(f);
	ret[0] = '\0';
	while (fgets(line, sizeof(line), f)) {
		if (sscanf(line, "%lx-%lx ", &from, &to) == 2)
			here = from <= (uintptr_t)p && (uintptr_t)p < to;
		if (here && !strncmp(line, "VmFlags:", 8))
			snprintf(ret, 256, "%.200s", line + 8);
	}
}

static void test_memory(void **state)
{
	DR_AUTO(dr_secret_done) struct dr_secret s = { 0 };
	char flags[256];

	assert_int_equal(dr_secret_new(10000, &s), 0);
	flags_of(s.data, flags);
	assert_non_null(strstr(flags, " dd ")); /* not in a core dump */
	dr_secret_done(&s);
	assert_null(s.data);
}

static void test_process(void **state)
{
	pid_t pid = fork();
	int status;

	assert_true(pid >= 0);
	if (!pid)
		_exit(dr_secret_process() ? 1 : prctl(PR_GET_DUMPABLE) ? 2 : 0);
	assert_int_equal(waitpid(pid, &status, 0), pid);
	assert_int_equal(status, 0);
}

/* ---------------------------------------------------------------- the decision */

enum world {
	OPEN,
	TOKENS,
	CLIENTS,
	BOTH
};
enum shown {
	NOTHING,
	MONITOR,
	ALICE,
	STRANGER,
	BAD
};

struct judged {
	enum world world;
	unsigned role;
	const char *authorization, *x_auth_token;
	enum shown shown;
	unsigned status;
	const char *says; /* of the reason; of who, where it may */
};

static const struct judged judged[] = {
	/* open: whatever comes */
	{ OPEN, O, NULL, NULL, NOTHING, 0, "" },
	{ OPEN, M, NULL, "of Keystone, to be left alone", NOTHING, 0, "" },
	{ OPEN, M, "Basic x", NULL, NOTHING, 0, "" },
	/* tokens */
	{ TOKENS, M, NULL, NULL, NOTHING, 401, "a token is needed" },
	{ TOKENS, 0, NULL, NULL, NOTHING, 0, "" },
	{ TOKENS, 0, "Bearer " T3, NULL, NOTHING, 0, "" },
	{ TOKENS, M, "Bearer " T1, NULL, NOTHING, 0, "mon-1" },
	{ TOKENS, M, "bEARER   " T1, NULL, NOTHING, 0, "mon-1" },
	{ TOKENS, M, NULL, T1, NOTHING, 0, "mon-1" },
	{ TOKENS, M, "Bearer wrong", T1, NOTHING, 0, "mon-1" },
	{ TOKENS, R, "Bearer " T1, NULL, NOTHING, 403, "mon-1 needs the role reader for this" },
	{ TOKENS, O, NULL, T1, NOTHING, 403, "mon-1 needs the role operator for this" },
	{ TOKENS, O, "Bearer " T2, NULL, NOTHING, 0, "alice" },
	{ TOKENS, R, "Bearer " T2, NULL, NOTHING, 0, "alice" },
	{ TOKENS, M, "Bearer " T2, NULL, NOTHING, 403, "alice needs the role monitor" },
	{ TOKENS, O, "Bearer " T2, T1, NOTHING, 0, "alice+mon-1" },
	{ TOKENS, M, "Bearer " T3, NULL, NOTHING, 401, "the token is nobody's" },
	{ TOKENS, M, "Bearer ", NULL, NOTHING, 401, "the token is nobody's" },
	{ TOKENS, M, NULL, "", NOTHING, 401, "the token is nobody's" },
	{ TOKENS, M, T1, NULL, NOTHING, 401, "a token is needed" },
	{ TOKENS, M, "Basic " T1, NULL, NOTHING, 401, "a token is needed" },
	{ TOKENS, M, "Bearer", NULL, NOTHING, 401, "a token is needed" },
	{ TOKENS, M, "Bearer " T1 " ", NULL, NOTHING, 401, "the token is nobody's" },
	/* certificates */
	{ CLIENTS, M, NULL, NULL, NOTHING, 401, "a certificate is needed" },
	{ CLIENTS, M, "Bearer " T1, NULL, NOTHING, 401, "a certificate is needed" },
	{ CLIENTS, M, NULL, NULL, MONITOR, 0, "monitor.example.org" },
	{ CLIENTS, M, NULL, "of Keystone", MONITOR, 0, "monitor.example.org" },
	{ CLIENTS, O, NULL, NULL, MONITOR, 403, "monitor.example.org needs the role operator" },
	{ CLIENTS, O, NULL, NULL, ALICE, 0, "alice" },
	{ CLIENTS, M, NULL, NULL, STRANGER, 401, "the certificate, of stranger, is nobody's" },
	{ CLIENTS, M, NULL, NULL, BAD, 401, "the certificate is not good: it has expired" },
	/* both: each gives what it gives */
	{ BOTH, M, NULL, NULL, NOTHING, 401, "a token or a certificate is needed" },
	{ BOTH, M, NULL, T1, NOTHING, 0, "mon-1" },
	{ BOTH, M, NULL, T1, BAD, 0, "mon-1" },
	{ BOTH, M, NULL, T1, STRANGER, 0, "mon-1" },
	{ BOTH, M, NULL, T3, MONITOR, 0, "monitor.example.org" },
	{ BOTH, M, NULL, T1, ALICE, 0, "mon-1+alice" },
	{ BOTH, O, NULL, T1, ALICE, 0, "mon-1+alice" },
	{ BOTH, O, NULL, T1, MONITOR, 403, "mon-1+monitor.example.org needs the role operator" },
	{ BOTH, M, NULL, T3, BAD, 401, "the certificate is not good" },
	{ BOTH, M, NULL, T3, NOTHING, 401, "the token is nobody's" },
};

static const struct dr_holder clients[] = { { "monitor.example.org", M }, { "alice", O | R } };

static void identify(enum shown shown, struct dr_http_identity *ret)
{
	static const char *const names[][2] = {
		[MONITOR] = { "whatever", "monitor.example.org" },
		[ALICE] = { "alice", "ALICE" },
		[STRANGER] = { "stranger", "Monitor.example.org" },
	};

	*ret = (struct dr_http_identity){ .state = DR_HTTP_CERTIFICATE_NONE };
	if (shown == BAD)
		*ret = (struct dr_http_identity){ .state = DR_HTTP_CERTIFICATE_BAD,
						  .why = "it has expired",
						  .names = { "alice" },
						  .count = 1 };
	if (shown == NOTHING || shown == BAD)
		return;
	ret->state = DR_HTTP_CERTIFICATE_GOOD;
	ret->count = 2;
	strcpy(ret->names[0], names[shown][0]);
	strcpy(ret->names[1], names[shown][1]);
}

static void test_judged(void **state)
{
	DR_AUTO(dr_tokens_freep) struct dr_tokens *t = NULL;
	DR_AUTO_FREE char *error = NULL;

	tls_file_write("tokens", 0600, "monitor mon-1 " T1 "\noperator alice " T2 "\n");
	assert_int_equal(dr_tokens_load(tls_file("tokens"), &t, &error), 0);
	for (size_t i = 0; i < DR_ARRAY_SIZE(judged); i++) {
		const struct judged *c = &judged[i];
		bool by_token = c->world == TOKENS || c->world == BOTH;
		bool by_name = c->world == CLIENTS || c->world == BOTH;
		struct dr_access_rules rules = { .tokens_wanted = by_token,
						 .tokens = by_token ? t : NULL,
						 .clients = by_name ? clients : NULL,
						 .client_count = by_name ? DR_ARRAY_SIZE(clients) : 0 };
		struct dr_http_identity id;
		struct dr_access_request q = { .role = c->role,
					       .changes = true,
					       .authorization = c->authorization,
					       .x_auth_token = c->x_auth_token,
					       .identity = &id,
					       .host = "127.0.0.1:12345" };
		struct dr_access_verdict v;

		identify(c->shown, &id);
		dr_access_judge(&rules, &q, &v);
		if (v.status != c->status || strncmp(v.status ? v.reason : v.who, c->says, strlen(c->says)) ||
		    (!c->says[0] && v.who[0]))
			fail_msg("case %zu: %u \"%s\" by \"%s\"", i, v.status, v.reason, v.who);
	}
}

/* A file without a token lets nobody in; it does not open the door. */
static void test_no_tokens(void **state)
{
	DR_AUTO(dr_tokens_freep) struct dr_tokens *t = NULL;
	DR_AUTO_FREE char *error = NULL;
	const struct dr_http_identity nobody = { .state = DR_HTTP_CERTIFICATE_NONE };
	struct dr_access_rules rules = { .tokens_wanted = true };
	struct dr_access_request q = { .role = R, .identity = &nobody, .host = "localhost" };
	struct dr_access_verdict v;

	assert_int_equal(dr_tokens_load(tls_file_write("tokens", 0600, ""), &t, &error), 0);
	assert_int_equal(dr_tokens_count(t), 0);
	rules.tokens = t;
	dr_access_judge(&rules, &q, &v);
	assert_int_equal(v.status, 401);
	rules.tokens = NULL;
	dr_access_judge(&rules, &q, &v);
	assert_int_equal(v.status, 401);
}

static void test_browsers(void **state)
{
	static const struct {
		bool changes;
		const char *host, *origin, *site;
		unsigned open, closed; /* status */
	} cases[] = {
		{ true, "127.0.0.1:12345", NULL, NULL, 0, 0 },
		{ true, "[::1]:12345", NULL, NULL, 0, 0 },
		{ true, "[::1]", NULL, NULL, 0, 0 },
		{ true, "192.0.2.1", NULL, NULL, 0, 0 },
		{ true, "localhost:12345", NULL, NULL, 0, 0 },
		{ true, "LocalHost.:12345", NULL, NULL, 0, 0 },
		{ true, "Inspector.example.org:12345", NULL, NULL, 0, 0 },
		{ true, NULL, NULL, NULL, 0, 0 },
		{ true, "localhost", NULL, "none", 0, 0 },
		{ true, "localhost", NULL, "same-origin", 0, 0 },
		/* another's page */
		{ true, "127.0.0.1:12345", "https://evil.example", NULL, 403, 403 },
		{ true, "127.0.0.1:12345", "null", NULL, 403, 403 },
		{ true, "127.0.0.1:12345", "", NULL, 403, 403 },
		{ true, "127.0.0.1:12345", NULL, "cross-site", 403, 403 },
		{ true, "127.0.0.1:12345", NULL, "same-site", 403, 403 },
		{ false, "127.0.0.1:12345", "https://evil.example", "cross-site", 0, 0 },
		/* its name was made to point at us */
		{ true, "evil.example:12345", NULL, NULL, 403, 0 },
		{ false, "evil.example:12345", NULL, NULL, 403, 0 },
		{ false, "localhost.evil.example", NULL, NULL, 403, 0 },
		{ false, "127.0.0.1.evil.example", NULL, NULL, 403, 0 },
		{ false, "inspector.example.org.evil.example", NULL, NULL, 403, 0 },
		{ false, "", NULL, NULL, 403, 0 },
		{ false, ".", NULL, NULL, 403, 0 },
		{ false, "[", NULL, NULL, 403, 0 },
		{ false, "[evil.example]", NULL, NULL, 403, 0 },
	};
	static char name[] = "inspector.example.org";
	char *const names[] = { name };
	struct dr_http_identity id;

	identify(ALICE, &id);
	for (size_t i = 0; i < DR_ARRAY_SIZE(cases); i++) {
		struct dr_access_rules rules = { .names = names, .name_count = 1 };
		struct dr_access_request q = { .role = O,
					       .changes = cases[i].changes,
					       .identity = &id,
					       .host = cases[i].host,
					       .origin = cases[i].origin,
					       .sec_fetch_site = cases[i].site };
		struct dr_access_verdict v;

		dr_access_judge(&rules, &q, &v);
		if (v.status != cases[i].open)
			fail_msg("case %zu, open: %u \"%s\"", i, v.status, v.reason);
		rules.clients = clients;
		rules.client_count = DR_ARRAY_SIZE(clients);
		dr_access_judge(&rules, &q, &v);
		if (v.status != cases[i].closed)
			fail_msg("case %zu, closed: %u \"%s\"", i, v.status, v.reason);
	}
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(test_roles),	   cmocka_unit_test(test_tokens),
		cmocka_unit_test(test_bad_tokens), cmocka_unit_test(test_too_long),
		cmocka_unit_test(test_too_many),   cmocka_unit_test(test_files),
		cmocka_unit_test(test_too_large),  cmocka_unit_test(test_memory),
		cmocka_unit_test(test_process),	   cmocka_unit_test(test_judged),
		cmocka_unit_test(test_no_tokens),  cmocka_unit_test(test_browsers),
	};

	return cmocka_run_group_tests_name("unit: access", tests, tls_files_make, tls_files_remove);
}
