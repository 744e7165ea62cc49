/* SPDX-License-Identifier: Apache-2.0 */
/* Completion of command lines: the shells ask us, so that there is nothing in their scripts that could be
 * wrong. */
#include <string.h>

#include "tools/ctl/ctl.h"

/* A command line up to the word that is completed. */
struct line {
	const char *words[3]; /* what is no option */
	size_t count;
	const struct ctl_option *wants; /* the option whose value is completed; NULL: none */
};

static const struct ctl_option *find_option(const char *word)
{
	if (strncmp(word, "--", 2) != 0)
		return NULL;
	for (size_t i = 0; i < ctl_option_count; i++)
		if (strcmp(ctl_options[i].name, word + 2) == 0)
			return &ctl_options[i];
	return NULL;
}

static struct line read_line(const char *const words[], size_t count)
{
	struct line l = { .count = 0 };

	for (size_t i = 0; i + 1 < count; i++) {
		const struct ctl_option *option = find_option(words[i]);
		if (l.wants)
			l.wants = NULL;
		else if (option && option->value)
			l.wants = option;
		else if (words[i][0] != '-' && l.count < DR_ARRAY_SIZE(l.words))
			l.words[l.count++] = words[i];
	}
	return l;
}

/* Commands that it can be so far; their options. */
static unsigned options_of(const struct line *l)
{
	unsigned options = 0;

	for (size_t i = 0; i < ctl_verb_count; i++) {
		const struct ctl_verb *v = &ctl_verbs[i];
		if (l->count > 0 && strcmp(v->name, l->words[0]) != 0)
			continue;
		if (l->count > 1 && v->sub && strcmp(v->sub, l->words[1]) != 0)
			continue;
		options |= v->options;
	}
	return options;
}

static void put(const char *text, size_t len, const char *prefix, const char *help, struct dr_buf *out)
{
	size_t given = strlen(prefix);

	if (given <= len && strncmp(text, prefix, given) == 0)
		dr_buf_printf(out, "%.*s%s%s\n", (int)len, text, help ? "\t" : "", help ? help : "");
}

static void put_options(const struct line *l, const char *prefix, struct dr_buf *out)
{
	unsigned options = options_of(l);

	for (size_t i = 0; i < ctl_option_count; i++) {
		const struct ctl_option *o = &ctl_options[i];
		char name[32];
		if (o->group && !(o->group & options))
			continue;
		snprintf(name, sizeof(name), "--%s", o->name);
		put(name, strlen(name), prefix, o->help, out);
	}
}

static void put_choices(const char *choices, const char *prefix, struct dr_buf *out)
{
	for (const char *p = choices; *p; p += strspn(p, " ")) {
		size_t len = strcspn(p, " ");
		put(p, len, prefix, NULL, out);
		p += len;
	}
}

static void put_words(const struct line *l, const char *prefix, struct dr_buf *out)
{
	for (size_t i = 0; i < ctl_verb_count; i++) {
		const struct ctl_verb *v = &ctl_verbs[i];
		bool again = i > 0 && strcmp(v->name, ctl_verbs[i - 1].name) == 0;
		if (l->count == 0) {
			if (!again)
				put(v->name, strlen(v->name), prefix, v->sub ? NULL : v->help, out);
		} else if (l->count == 1 && strcmp(v->name, l->words[0]) == 0) {
			if (v->sub && v->help)
				put(v->sub, strlen(v->sub), prefix, v->help, out);
			else if (v->choices)
				put_choices(v->choices, prefix, out);
		}
	}
}

/* "--ca=docs/op": the value of a word that has its option, too. */
static bool is_file_of(const char *word)
{
	size_t len = strcspn(word, "=");
	DR_AUTO_FREE char *name = word[len] ? strndup(word, len) : NULL;
	const struct ctl_option *option = name ? find_option(name) : NULL;

	return option && option->file;
}

void ctl_complete(const char *const words[], size_t count, struct dr_buf *out)
{
	struct line l = read_line(words, count);
	const char *last = count ? words[count - 1] : "";

	if (l.wants ? l.wants->file : is_file_of(last)) {
		dr_buf_puts(out, ":file\n");
	} else if (l.wants) {
		return;
	} else if (*last == '-') {
		put_options(&l, last, out);
	} else {
		put_words(&l, last, out);
	}
}

enum ctl_exit ctl_run_words(const struct ctl_opts *o, struct dr_buf *out, struct dr_buf *err)
{
	size_t count = 0;

	while (o->rest[count])
		count++;
	ctl_complete((const char *const *)o->rest, count, out);
	return CTL_GOOD;
}

/* ---------------------------------------------------------------- scripts */

/* bash breaks words at ":" and "=", too: they are put together again where no blank is between. */
static const char bash_script[] =
	"# bash completion of doctorctl; once: . <(doctorctl completion bash)\n"
	"_doctorctl() {\n"
	"	local line rest cur=${COMP_WORDS[COMP_CWORD]#=} left=${COMP_LINE-} i words=()\n"
	"	for ((i = 0; i <= COMP_CWORD; i++)); do\n"
	"		rest=${left#\"${left%%[![:space:]]*}\"}\n"
	"		if [[ $i -gt 0 && $rest && $rest == \"$left\" ]]; then\n"
	"			words[-1]+=${COMP_WORDS[i]}\n"
	"		else\n"
	"			words+=(\"${COMP_WORDS[i]}\")\n"
	"		fi\n"
	"		left=${rest#\"${COMP_WORDS[i]}\"}\n"
	"	done\n"
	"	COMPREPLY=()\n"
	"	while IFS= read -r line; do\n"
	"		case $line in\n"
	"		:file)\n"
	"			compopt -o filenames 2>/dev/null\n"
	"			mapfile -t COMPREPLY < <(compgen -f -- \"$cur\")\n"
	"			;;\n"
	"		*) COMPREPLY+=(\"${line%%$'\\t'*}\") ;;\n"
	"		esac\n"
	"	done < <(\"${COMP_WORDS[0]}\" completion words -- "
	"\"${words[@]:1}\" 2>/dev/null)\n"
	"}\n"
	"complete -F _doctorctl doctorctl\n";

static const char zsh_script[] = "#compdef doctorctl\n"
				 "# zsh completion of doctorctl; once: . <(doctorctl completion zsh), or as "
				 "_doctorctl in a directory of $fpath\n"
				 "_doctorctl() {\n"
				 "	local line\n"
				 "	local -a found\n"
				 "	for line in \"${(@f)$(\"${(Q)words[1]}\" completion words -- "
				 "\"${(@)words[2,CURRENT]}\" 2>/dev/null)}\"; do\n"
				 "		case $line in\n"
				 "		'') ;;\n"
				 "		:file)\n"
				 "			[[ $words[CURRENT] != --*=* ]] || compset -P '--*='\n"
				 "			_files\n"
				 "			;;\n"
				 "		*$'\\t'*) found+=(\"${line%%$'\\t'*}:${line#*$'\\t'}\") ;;\n"
				 "		*) found+=(\"$line\") ;;\n"
				 "		esac\n"
				 "	done\n"
				 "	(( $#found )) && _describe doctorctl found\n"
				 "}\n"
				 "if [[ $funcstack[1] == _doctorctl ]]; then _doctorctl \"$@\"; else compdef "
				 "_doctorctl doctorctl; fi\n";

enum ctl_exit ctl_run_completion(const struct ctl_opts *o, struct dr_buf *out, struct dr_buf *err)
{
	dr_buf_puts(out, strcmp(o->operand, "zsh") == 0 ? zsh_script : bash_script);
	return CTL_GOOD;
}
