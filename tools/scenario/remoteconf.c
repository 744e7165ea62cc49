/* SPDX-License-Identifier: Apache-2.0 */
#include "tools/scenario/remoteconf.h"

#include <string.h>

#include "tools/scenario/confedit.h"

#define NOVA_DIR "/etc/nova"
#define NOVA_CONF NOVA_DIR "/nova.conf"
#define LIMIT dr_sec(30)
#define RESTART_LIMIT dr_sec(180)
#define PATH_SIZE 512

static int must(const struct sc_ssh *ssh, const char *what, int r, char **ret_error)
{
	DR_AUTO_FREE char *said = NULL;

	if (r <= 0)
		return r;
	said = DR_TAKE_PTR(*ret_error);
	*ret_error = dr_asprintf("%s: %s", what, said ? said : ssh->host);
	return -EIO;
}

/* ---------------------------------------------------------------- where files are */

/* A file and its path. */
struct file {
	char path[PATH_SIZE];
	struct dr_buf text;
	bool absent;
};

static void file_done(struct file *f)
{
	dr_buf_done(&f->text);
}
#define AUTO_FILE DR_AUTO(file_done) struct file

static int read_file(const struct sc_ssh *ssh, const char *path, struct file *f, char **ret_error)
{
	int r = dr_strcpy(f->path, sizeof(f->path), path);

	if (r == 0)
		r = sc_ssh_get(ssh, path, &f->text, ret_error);
	f->absent = r == 1;
	return r < 0 ? r : 0;
}

/*
 * The one that nova.conf names; else policy.yaml if it is there, else policy.json, which old releases look
 * for and new ones read where there is no other.
 */
static int read_policy(const struct sc_ssh *ssh, struct file *f, char **ret_error)
{
	AUTO_FILE conf = { 0 };
	char name[PATH_SIZE / 2], path[PATH_SIZE];
	int r = read_file(ssh, NOVA_CONF, &conf, ret_error);

	if (r < 0)
		return r;
	if (sc_ini_get(dr_buf_str(&conf.text), "oslo_policy", "policy_file", name, sizeof(name))) {
		snprintf(path, sizeof(path), "%s%s", name[0] == '/' ? "" : NOVA_DIR "/", name);
		return read_file(ssh, path, f, ret_error);
	}
	r = read_file(ssh, NOVA_DIR "/policy.yaml", f, ret_error);
	return r == 0 && f->absent ? read_file(ssh, NOVA_DIR "/policy.json", f, ret_error) : r;
}

static int find(const struct sc_ssh *ssh, const struct sc_conf_change *c, struct file *f, char **ret_error)
{
	int r = 0;

	if (!c->paths[0])
		return read_policy(ssh, f, ret_error);
	f->absent = true;
	for (size_t i = 0; i < SC_CONF_PATHS && c->paths[i] && r == 0 && f->absent; i++)
		r = read_file(ssh, c->paths[i], f, ret_error);
	if (r == 0 && f->absent) {
		*ret_error = dr_asprintf("%s@%s: there is no file %s: is this host a controller?", ssh->user,
					 ssh->host, f->path);
		return -ENOENT;
	}
	return r;
}

/* ---------------------------------------------------------------- change */

/* Also for a file that is not there: an empty one, which whoever reads nova.conf can read. */
static int save(const struct sc_ssh *ssh, const char *path, char **ret_error)
{
	DR_AUTO_FREE char *word = sc_ssh_quote(path);
	DR_AUTO_FREE char *command =
		word ? dr_asprintf("set -e; f=$(readlink -f %s)\n"
				   "if [ -e \"$f\" ]; then\n"
				   "	cp -a \"$f\" \"$f.doctor-test-saving\"\n"
				   "	mv \"$f.doctor-test-saving\" \"$f.doctor-test-saved\"\n"
				   "else\n"
				   "	: >\"$f.doctor-test-absent\"; : >\"$f\"\n"
				   "	chown --reference=" NOVA_CONF " \"$f\"\n"
				   "	chmod --reference=" NOVA_CONF " \"$f\"\n"
				   "fi",
				   word)
		     : NULL;

	if (!command)
		return -ENOMEM;
	return must(ssh, "cannot save a configuration",
		    sc_ssh_run_root(ssh, command, NULL, 0, LIMIT, NULL, ret_error), ret_error);
}

static int explain(const struct sc_ssh *ssh, const char *path, int r, char **ret_error)
{
	DR_AUTO_FREE char *said = DR_TAKE_PTR(*ret_error);

	*ret_error = dr_asprintf("%s@%s: cannot change %s: %s", ssh->user, ssh->host, path,
				 said ? said : strerror(-r));
	return r;
}

/* 0; 1: nothing is to be changed. */
static int change(const struct sc_ssh *ssh, const struct sc_conf_change *c, struct dr_buf *ret_done,
		  char **ret_error)
{
	DR_AUTO_BUF struct dr_buf changed = { 0 };
	AUTO_FILE f = { 0 };
	const char *text;
	int r = find(ssh, c, &f, ret_error);

	if (r < 0)
		return r;
	text = dr_buf_str(&f.text);
	r = strlen(text) == f.text.len ? c->edit(text, &changed, ret_error) : -EBADMSG;
	if (r < 0)
		return explain(ssh, f.path, r, ret_error);
	if (r == 0)
		r = save(ssh, f.path, ret_error);
	if (r == 0)
		r = sc_ssh_put(ssh, f.path, changed.data, changed.len, ret_error);
	if (r == 0)
		dr_buf_printf(ret_done, "%s\n", f.path);
	return r;
}

static void put_services(struct dr_buf *b, const struct sc_conf_change *c)
{
	for (size_t i = 0; i < SC_CONF_SERVICES && c->services[i]; i++)
		dr_buf_printf(b, " %s", c->services[i]);
}

/* Each service in $due, once. */
static void put_restart(struct dr_buf *b, const struct sc_conf_plan *plan)
{
	dr_buf_printf(b,
		      "%s\n"
		      "for s in $(printf '%%s\\n' $due | sort -u); do restart \"$s\" >&2; done\n",
		      plan->restart);
}

int sc_conf_apply(const struct sc_ssh *ssh, const struct sc_conf_plan *plan, struct dr_buf *ret_done,
		  char **ret_error)
{
	DR_AUTO_BUF struct dr_buf script = { 0 };
	bool changed = false;
	int r = 0;

	dr_buf_puts(&script, "set -e; due='");
	for (const struct sc_conf_change *c = plan->changes; c->edit && r >= 0; c++) {
		r = change(ssh, c, ret_done, ret_error);
		if (r == 0) {
			put_services(&script, c);
			changed = true;
		}
	}
	dr_buf_puts(&script, "'\n");
	put_restart(&script, plan);
	if (r < 0 || !changed)
		return r < 0 ? r : 1;
	if (script.error)
		return script.error;
	return must(ssh, "cannot restart the services",
		    sc_ssh_run_root(ssh, script.data, NULL, 0, RESTART_LIMIT, NULL, ret_error), ret_error);
}

/* ---------------------------------------------------------------- put back */

static int put_file(struct dr_buf *b, const char *path, const struct sc_conf_change *c)
{
	DR_AUTO_FREE char *word = sc_ssh_quote(path);

	if (!word)
		return -ENOMEM;
	dr_buf_printf(b, "back %s", word);
	put_services(b, c);
	dr_buf_puts(b, "\n");
	return b->error;
}

static int put_files(const struct sc_ssh *ssh, const struct sc_conf_change *c, struct dr_buf *b,
		     char **ret_error)
{
	AUTO_FILE policy = { 0 };
	int r = 0;

	if (!c->paths[0]) {
		r = read_policy(ssh, &policy, ret_error);
		return r < 0 ? r : put_file(b, policy.path, c);
	}
	for (size_t i = 0; i < SC_CONF_PATHS && c->paths[i] && r == 0; i++)
		r = put_file(b, c->paths[i], c);
	return r;
}

/* Whatever ends this, and whenever: what is saved is there until all is done, and it can be done again. */
static const char put_back[] = "set -e\n"
			       "due=\n"
			       "back() {\n"
			       "	f=$(readlink -f \"$1\" || echo \"$1\")\n"
			       "	shift\n"
			       "	if [ -e \"$f.doctor-test-saved\" ]; then\n"
			       "		cp -a \"$f.doctor-test-saved\" \"$f.doctor-test-new\"\n"
			       "		mv -f \"$f.doctor-test-new\" \"$f\"\n"
			       "	elif [ -e \"$f.doctor-test-absent\" ]; then\n"
			       "		rm -f \"$f\"\n"
			       "	else\n"
			       "		rm -f \"$f.doctor-test-new\" \"$f.doctor-test-saving\"\n"
			       "		return 0\n"
			       "	fi\n"
			       "	due=\"$due $*\"\n"
			       "	echo \"$f\"\n"
			       "}\n"
			       "forget() {\n"
			       "	f=$(readlink -f \"$1\" || echo \"$1\")\n"
			       "	rm -f \"$f.doctor-test-saved\" \"$f.doctor-test-absent\"\n"
			       "}\n";

int sc_conf_restore(const struct sc_ssh *ssh, const struct sc_conf_plan *plan, struct dr_buf *ret_done,
		    char **ret_error)
{
	DR_AUTO_BUF struct dr_buf script = { 0 }, files = { 0 }, done = { 0 };
	int r = 0;

	for (const struct sc_conf_change *c = plan->changes; c->edit && r == 0; c++)
		r = put_files(ssh, c, &files, ret_error);
	if (r < 0)
		return r;
	dr_buf_printf(&script, "%s%s", put_back, dr_buf_str(&files));
	put_restart(&script, plan);
	dr_buf_printf(&script, "back() { forget \"$1\"; }\n%s", dr_buf_str(&files));
	if (script.error || files.error)
		return -ENOMEM;
	r = sc_ssh_run_root(ssh, script.data, NULL, 0, RESTART_LIMIT, &done, ret_error);
	if (r == 0 && ret_done)
		dr_buf_append(ret_done, dr_buf_str(&done), done.len);
	return r == 0 ? !done.len : must(ssh, "cannot put a configuration back", r, ret_error);
}
