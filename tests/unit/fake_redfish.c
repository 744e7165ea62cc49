// SPDX-License-Identifier: Apache-2.0
#include <stdarg.h>
#include <stddef.h>
#include <setjmp.h>
#include <stdint.h>
#include <cmocka.h>
#include <string.h>

#include "doctor/buf.h"
#include "tests/unit/fake_redfish.h"

#define ROOT "/redfish/v1/Systems"
#define RESET "/Actions/ComputerSystem.Reset"

static void reply_text(struct dr_http_exchange *x, unsigned status, const char *text)
{
	dr_http_reply(x, status, "application/json", text, strlen(text));
}

/* The error response of DSP0266. */
static void reply_error(struct dr_http_exchange *x, unsigned status, const char *message)
{
	DR_AUTO_FREE char *text = dr_asprintf(
		"{\"error\": {\"code\": \"Base.1.8.GeneralError\", \"message\": \"See the info.\", "
		"\"@Message.ExtendedInfo\": [{\"MessageId\": \"Base.1.8.GeneralError\", \"Message\": "
		"\"%s\"}]}}",
		message);

	assert_non_null(text);
	reply_text(x, status, text);
}

static void list_systems(struct fake_bmc *f, struct dr_http_exchange *x)
{
	DR_AUTO_BUF struct dr_buf b = {};

	dr_buf_puts(&b, "{\"@odata.id\": \"" ROOT "\", \"@odata.type\": "
			"\"#ComputerSystemCollection.ComputerSystemCollection\", \"Members\": [");
	for (size_t i = 0; i < f->system_count; i++)
		dr_buf_printf(&b, "%s{\"@odata.id\": \"" ROOT "/%s\"}", i ? ", " : "", f->systems[i].id);
	dr_buf_printf(&b, "], \"Members@odata.count\": %zu}", f->system_count);
	assert_int_equal(b.error, 0);
	reply_text(x, 200, b.data);
}

/* Each read of a system brings it nearer to what it was told. */
static const char *power_now(struct fake_system *s)
{
	if (!s->resets || s->off_after == UINT_MAX)
		return s->power;
	if (!s->off_after) {
		s->power = "\"Off\"";
		return s->power;
	}
	s->off_after--;
	return s->meanwhile ? s->meanwhile : s->power;
}

static void show_system(struct fake_system *s, struct dr_http_exchange *x)
{
	DR_AUTO_BUF struct dr_buf b = {};

	dr_buf_printf(&b, "{\"@odata.id\": \"" ROOT "/%s\", \"@odata.type\": \"%s\", \"Id\": \"%s\", ", s->id,
		      s->type, s->id);
	dr_buf_printf(&b, "\"Status\": {\"State\": \"Enabled\"}, \"PowerState\": %s, \"Actions\": {",
		      power_now(s));
	if (!s->target)
		dr_buf_printf(&b, "\"#ComputerSystem.Reset\": {\"target\": \"" ROOT "/%s" RESET "\"", s->id);
	else if (*s->target)
		dr_buf_printf(&b, "\"#ComputerSystem.Reset\": {\"target\": \"%s\"", s->target);
	if (s->allowable)
		dr_buf_printf(&b, ", \"ResetType@Redfish.AllowableValues\": %s", s->allowable);
	dr_buf_printf(&b, "%s}}", s->target && !*s->target ? "" : "}");
	assert_int_equal(b.error, 0);
	reply_text(x, 200, b.data);
}

/* True if it was asked for as it should be. */
static bool take_reset(struct fake_system *s, struct dr_http_exchange *x)
{
	size_t len;
	const char *body = dr_http_body(x, &len), *type;
	DR_AUTO_JSON struct dr_json *json = NULL;

	if (dr_json_parse(body, len, &json, NULL))
		return false;
	type = dr_json_get_str(json, "ResetType");
	if (!type || dr_strcpy(s->reset_type, sizeof(s->reset_type), type))
		return false;
	s->resets++;
	return true;
}

/* quiet: it is done, and somebody else answers. */
static void answer(struct fake_bmc *f, struct dr_http_exchange *x, bool quiet)
{
	const char *path = dr_http_path(x), *id = path + strlen(ROOT "/");
	bool post = !strcmp(dr_http_method(x), "POST");

	if (!post && !strcmp(path, ROOT) && !quiet) {
		list_systems(f, x);
		return;
	}
	for (size_t i = 0; i < f->system_count; i++) {
		struct fake_system *s = &f->systems[i];
		size_t len = strlen(s->id);

		if (strncmp(path, ROOT "/", strlen(ROOT "/")) || strncmp(id, s->id, len) ||
		    strcmp(id + len, post ? RESET : ""))
			continue;
		if (post && !take_reset(s, x))
			fail_msg("no reset: %s", dr_http_body(x, NULL));
		else if (post && !quiet)
			dr_http_reply(x, f->reset_status, NULL, "", 0);
		else if (!quiet)
			show_system(s, x);
		return;
	}
	if (!quiet)
		reply_error(x, 404, "There is no such resource.");
}

static struct fake_bmc_rule *find_rule(struct fake_bmc *f, const char *method, const char *path)
{
	for (size_t i = 0; i < f->rule_count; i++) {
		struct fake_bmc_rule *r = &f->rules[i];
		size_t len = strlen(r->path);

		if (!r->count || strcmp(r->method, method) || strlen(path) < len ||
		    strcmp(path + strlen(path) - len, r->path))
			continue;
		r->count -= r->count != UINT_MAX;
		return r;
	}
	return NULL;
}

static void on_request(struct dr_http_exchange *x, void *userdata)
{
	struct fake_bmc *f = userdata;
	const char *method = dr_http_method(x), *path = dr_http_path(x);
	const char *authorization = dr_http_header(x, "Authorization");
	struct fake_bmc_rule *rule = find_rule(f, method, path);

	if (f->asked_count < DR_ARRAY_SIZE(f->asked))
		snprintf(f->asked[f->asked_count++], sizeof(f->asked[0]), "%s %.100s", method, path);
	if (f->authorization && (!authorization || strcmp(authorization, f->authorization))) {
		reply_error(x, 401, "Who are you?");
		return;
	}
	if (!rule) {
		answer(f, x, false);
		return;
	}
	if (rule->works)
		answer(f, x, true);
	if (!rule->status) {
		assert_true(f->held_count < FAKE_BMC_MAX);
		dr_http_defer(x);
		f->held[f->held_count++] = x;
	} else if (rule->body) {
		reply_text(x, rule->status, rule->body);
	} else {
		reply_error(x, rule->status, "As the test wants it.");
	}
}

int fake_bmc_new(struct dr_loop *l, struct fake_bmc **ret)
{
	struct dr_http_server_opts opts = {};
	struct fake_bmc *f = calloc(1, sizeof(*f));

	assert_non_null(f);
	f->reset_status = 204;
	*ret = f;
	return dr_http_server_new(l, &opts, on_request, f, &f->server);
}

void fake_bmc_free(struct fake_bmc *f)
{
	dr_http_server_free(f->server);
	free(f);
}

struct fake_system *fake_bmc_add(struct fake_bmc *f, const char *id)
{
	struct fake_system *s = &f->systems[f->system_count++];

	assert_true(f->system_count <= FAKE_BMC_MAX);
	*s = (struct fake_system){ .power = "\"On\"",
				   .allowable = "[\"On\", \"ForceOff\", \"GracefulShutdown\"]",
				   .type = "#ComputerSystem.v1_13_0.ComputerSystem" };
	assert_int_equal(dr_strcpy(s->id, sizeof(s->id), id), 0);
	return s;
}

void fake_bmc_rule(struct fake_bmc *f, const struct fake_bmc_rule *rule)
{
	assert_true(f->rule_count < FAKE_BMC_MAX);
	f->rules[f->rule_count++] = *rule;
}

size_t fake_bmc_count(const struct fake_bmc *f, const char *prefix)
{
	size_t n = 0;

	for (size_t i = 0; i < f->asked_count; i++)
		n += !strncmp(f->asked[i], prefix, strlen(prefix));
	return n;
}
