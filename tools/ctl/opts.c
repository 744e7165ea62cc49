/* SPDX-License-Identifier: Apache-2.0 */
#include <getopt.h>
#include <string.h>

#include "tools/ctl/ctl.h"

static int fail(char **ret_error, char *text)
{
	if (!text)
		return -ENOMEM;
	*ret_error = text;
	return -EINVAL;
}

/* ---------------------------------------------------------------- options */

#define OPTIONS_MAX 32
#define OPTION 256 /* getopt's value of the first one */

static void make_longs(struct option longs[OPTIONS_MAX])
{
	memset(longs, 0, OPTIONS_MAX * sizeof(*longs));
	for (size_t i = 0; i < DR_MIN(ctl_option_count, (size_t)OPTIONS_MAX - 1); i++)
		longs[i] = (struct option){ ctl_options[i].name,
					    ctl_options[i].value ? required_argument : no_argument, NULL,
					    OPTION + (int)i };
}

static void take_option(const struct ctl_option *option, const char *value, struct ctl_opts *o)
{
	void *to = (char *)o + option->offset;

	if (option->value)
		*(const char **)to = value;
	else
		*(bool *)to = true;
}

/* given: the options, a bit each. */
static int check_groups(const struct ctl_opts *o, unsigned given, char **ret_error)
{
	for (size_t i = 0; i < ctl_option_count; i++) {
		unsigned group = ctl_options[i].group;
		if (group && (given & 1U << i) && !(o->verb->options & group))
			return fail(ret_error,
				    dr_asprintf("--%s is not for %s%s%s", ctl_options[i].name, o->verb->name,
						o->verb->sub ? " " : "", o->verb->sub ? o->verb->sub : ""));
	}
	return 0;
}

static int read_pace(struct ctl_opts *o, char **ret_error)
{
	const char *text = o->count_text;

	o->interval = dr_sec(1);
	if (o->interval_text &&
	    (dr_dur_parse(o->interval_text, &o->interval) || o->interval.ns < DR_NSEC_PER_SEC / 10 ||
	     o->interval.ns > 3600 * DR_NSEC_PER_SEC))
		return fail(ret_error,
			    dr_asprintf("--interval %s: is none from 100ms to 1h", o->interval_text));
	if (!text)
		return 0;
	if (strspn(text, "0123456789") != strlen(text) || strlen(text) > 9 ||
	    !(o->count = (unsigned)atoi(text)))
		return fail(ret_error, dr_asprintf("--count %s: is no number from 1 on", text));
	return 0;
}

static int check_options(struct ctl_opts *o, unsigned given, char **ret_error)
{
	int r = check_groups(o, given, ret_error);

	if (r < 0)
		return r;
	if (o->key && !o->cert)
		return fail(ret_error, dr_asprintf("--key belongs to --cert, which is missing"));
	if ((o->verb->options & CTL_OPT_SET) && !o->period == !o->until)
		return fail(ret_error,
			    dr_asprintf("say how long, --for 2h or --until 2026-11-22T18:00:00Z: either"));
	return read_pace(o, ret_error);
}

/* ---------------------------------------------------------------- words */

/* "status, targets, why": the first words, or those that can follow this one. */
static void put_names(const char *of, struct dr_buf *out)
{
	for (size_t i = 0; i < ctl_verb_count; i++) {
		const struct ctl_verb *v = &ctl_verbs[i];
		bool again = i > 0 && strcmp(v->name, ctl_verbs[i - 1].name) == 0;
		if (of ? !v->sub || !v->help || strcmp(v->name, of) != 0 : again)
			continue;
		dr_buf_printf(out, "%s%s", out->len ? ", " : "", of ? v->sub : v->name);
	}
}

static int unknown(const char *of, const char *word, char **ret_error)
{
	DR_AUTO_BUF struct dr_buf names = { 0 };

	put_names(of, &names);
	if (!word)
		return fail(ret_error, dr_asprintf("say what: %s", dr_buf_str(&names)));
	return fail(ret_error, dr_asprintf("%s%s\"%s\" is none of %s", of ? of : "", of ? ": " : "", word,
					   dr_buf_str(&names)));
}

static bool has_subs(const char *name)
{
	for (size_t i = 0; i < ctl_verb_count; i++)
		if (ctl_verbs[i].sub && ctl_verbs[i].help && strcmp(ctl_verbs[i].name, name) == 0)
			return true;
	return false;
}

/* sub NULL: there is no second word. */
static int find_verb(const char *name, const char *sub, const struct ctl_verb **ret, char **ret_error)
{
	const struct ctl_verb *found = NULL;

	for (size_t i = 0; i < ctl_verb_count; i++) {
		const struct ctl_verb *v = &ctl_verbs[i];
		if (strcmp(v->name, name) != 0)
			continue;
		if (v->sub && sub && strcmp(v->sub, sub) == 0) {
			*ret = v;
			return 0;
		}
		if (!v->sub)
			found = v;
	}
	if (!found)
		return unknown(NULL, name, ret_error);
	if (sub && has_subs(name))
		return unknown(name, sub, ret_error);
	*ret = found;
	return 0;
}

static bool is_choice(const char *choices, const char *word)
{
	size_t len = strlen(word);

	for (const char *p = choices; (p = strstr(p, word)); p += len)
		if (len > 0 && !strchr(word, ' ') && (p == choices || p[-1] == ' ') &&
		    (p[len] == ' ' || p[len] == '\0'))
			return true;
	return false;
}

static int check_operand(const struct ctl_opts *o, char **ret_error)
{
	const struct ctl_verb *v = o->verb;

	if (o->operand && !*o->operand)
		return fail(ret_error, dr_asprintf("%s is empty", v->operand));
	if (v->operand && !o->operand && !v->optional)
		return fail(ret_error, dr_asprintf("%s%s%s: %s is missing", v->name, v->sub ? " " : "",
						   v->sub ? v->sub : "", v->operand));
	if (v->choices && o->operand && !is_choice(v->choices, o->operand))
		return fail(ret_error,
			    dr_asprintf("%s: \"%s\" is none of: %s", v->name, o->operand, v->choices));
	return 0;
}

static int read_words(int argc, char **argv, struct ctl_opts *o, char **ret_error)
{
	int r;

	if (optind == argc)
		return unknown(NULL, NULL, ret_error);
	r = find_verb(argv[optind], optind + 1 < argc ? argv[optind + 1] : NULL, &o->verb, ret_error);
	if (r < 0)
		return r;
	optind += o->verb->sub ? 2 : 1;
	o->rest = argv + optind;
	if (o->verb->rest)
		return 0;
	if (optind < argc && o->verb->operand)
		o->operand = argv[optind++];
	if (optind < argc)
		return fail(ret_error, dr_asprintf("unexpected argument \"%s\"", argv[optind]));
	return check_operand(o, ret_error);
}

int ctl_opts_parse(int argc, char **argv, struct ctl_opts *ret, char **ret_error)
{
	const char *environment = getenv("DOCTOR_INSPECTOR");
	struct ctl_opts o = { .inspector = environment && *environment ? environment : NULL };
	struct option longs[OPTIONS_MAX];
	unsigned given = 0;
	int r = 0;

	make_longs(longs);
	optind = 0; /* begin anew; tests call it more than once */
	opterr = 0;
	for (int c; (c = getopt_long(argc, argv, ":", longs, NULL)) != -1;) {
		if (c == ':')
			return fail(ret_error, dr_asprintf("%s needs a value", argv[optind - 1]));
		if (c == '?')
			return fail(ret_error, dr_asprintf("unknown option %s", argv[optind - 1]));
		take_option(&ctl_options[c - OPTION], optarg, &o);
		given |= 1U << (c - OPTION);
	}
	if (!o.help && !o.version)
		r = read_words(argc, argv, &o, ret_error);
	if (r == 0 && o.verb)
		r = check_options(&o, given, ret_error);
	if (r == 0)
		*ret = o;
	return r;
}
