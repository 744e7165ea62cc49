/* SPDX-License-Identifier: Apache-2.0 */
#include "tools/scenario/redfish.h"

#include <string.h>
#include <time.h>

#include "doctor/http_client.h"
#include "doctor/json.h"

#define SYSTEMS "/redfish/v1/Systems"
#define LIMIT dr_sec(30)
#define LOOK dr_msec(50)

static const struct {
	const char *reset, *state;
} powers[] = { [SC_POWER_OFF] = { "ForceOff", "Off" }, [SC_POWER_ON] = { "On", "On" } };

/* An URL for messages, without a login; the caller frees it. */
static char *shown(const char *url)
{
	const char *host = strstr(url, "://");
	size_t scheme = host ? (size_t)(host - url) + 3 : 0, login = strcspn(url + scheme, "/");
	const char *at = memrchr(url + scheme, '@', login);

	return dr_asprintf("%.*s%s", (int)scheme, url, at ? at + 1 : url + scheme);
}

/* One request; 0 with the answer of a 2xx as JSON (NULL: empty), else negative with *ret_error. */
static int call(struct dr_http_client *http, const char *method, const char *url, const char *path,
		const char *body, struct dr_json **ret, char **ret_error)
{
	DR_AUTO_FREE char *whole = dr_asprintf("%s%s", url, path), *name = shown(url);
	struct dr_http_request req = {
		.method = method, .url = whole, .body = body, .body_len = body ? strlen(body) : 0
	};
	struct dr_http_response r = { 0 };
	int error = whole ? dr_http_call(http, &req, &r) : -ENOMEM;

	if (error == 0)
		error = r.error;
	if (error == 0 && (r.status < 200 || r.status > 299))
		error = -EREMOTEIO;
	if (error < 0)
		*ret_error = dr_asprintf("BMC %s: %s %s: %s, status %u", name, method, path,
					 r.reason[0] ? r.reason : strerror(-error), r.status);
	else if (ret && r.body.len && dr_json_parse(r.body.data, r.body.len, ret, NULL) < 0) {
		*ret_error = dr_asprintf("BMC %s: %s is no JSON", name, path);
		error = -EBADMSG;
	}
	dr_http_response_done(&r);
	return error;
}

static int find_system(struct dr_http_client *http, const char *url, char **ret_path, char **ret_error)
{
	DR_AUTO_JSON struct dr_json *all = NULL;
	const char *path;
	int r = call(http, "GET", url, SYSTEMS, NULL, &all, ret_error);

	if (r < 0)
		return r;
	path = dr_json_get_str(dr_json_first(dr_json_get(all, "Members")), "@odata.id");
	if (!path || dr_json_size(dr_json_get(all, "Members")) != 1) {
		DR_AUTO_FREE char *name = shown(url);

		*ret_error = dr_asprintf("BMC %s does not have one system", name);
		return -EBADMSG;
	}
	*ret_path = strdup(path);
	return *ret_path ? 0 : -ENOMEM;
}

/* 1: the system is in that state. */
static int is_in(struct dr_http_client *http, const char *url, const char *path, enum sc_power power,
		 char **ret_target, char **ret_error)
{
	DR_AUTO_JSON struct dr_json *system = NULL;
	const char *state, *target;
	int r = call(http, "GET", url, path, NULL, &system, ret_error);

	if (r < 0)
		return r;
	state = dr_json_get_str(system, "PowerState");
	target = dr_json_get_str(dr_json_get(dr_json_get(system, "Actions"), "#ComputerSystem.Reset"),
				 "target");
	if (!state || !target) {
		DR_AUTO_FREE char *name = shown(url);

		*ret_error = dr_asprintf("BMC %s: %s has no PowerState or no reset", name, path);
		return -EBADMSG;
	}
	if (!*ret_target)
		*ret_target = strdup(target);
	return *ret_target ? strcmp(state, powers[power].state) == 0 : -ENOMEM;
}

static int reset(struct dr_http_client *http, const char *url, enum sc_power power, char **ret_error)
{
	DR_AUTO_FREE char *path = NULL, *target = NULL, *body = NULL;
	struct dr_mono end = dr_mono_add(dr_mono_now(), LIMIT);
	int r = find_system(http, url, &path, ret_error);

	if (r == 0)
		r = is_in(http, url, path, power, &target, ret_error);
	if (r != 0)
		return r < 0 ? r : 0;
	body = dr_asprintf("{\"ResetType\": \"%s\"}", powers[power].reset);
	r = body ? call(http, "POST", url, target, body, NULL, ret_error) : -ENOMEM;
	while (r == 0) {
		r = is_in(http, url, path, power, &target, ret_error);
		if (r == 0 && dr_mono_sub(end, dr_mono_now()).ns <= 0) {
			DR_AUTO_FREE char *name = shown(url);

			*ret_error = dr_asprintf("BMC %s: %s is not %s after %.0f s", name, path,
						 powers[power].state, dr_dur_seconds(LIMIT));
			return -ETIMEDOUT;
		}
		if (r == 0)
			nanosleep(&(struct timespec){ 0, LOOK.ns }, NULL);
	}
	return r < 0 ? r : 0;
}

int sc_redfish_power(const char *url, enum sc_power power, char **ret_error)
{
	struct dr_http_client *http = NULL;
	struct dr_loop *loop = NULL;
	int r = dr_loop_new(&loop);

	if (r == 0)
		r = dr_http_client_new(loop, &(struct dr_http_client_opts){ 0 }, &http);
	if (r == 0)
		r = reset(http, url, power, ret_error);
	dr_http_client_free(http);
	dr_loop_free(loop);
	return r;
}
