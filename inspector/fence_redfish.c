// SPDX-License-Identifier: Apache-2.0
/*
 * Power off by a BMC that speaks Redfish (DMTF DSP0266; ComputerSystem, its PowerState and its action Reset
 * as in DSP0268):
 *
 *   the system is found (the only member of /redfish/v1/Systems, unless its path is configured) and read
 *   "Off" already: fenced
 *   POST {"ResetType": "ForceOff"} to the target that its action #ComputerSystem.Reset names
 *   read again and again until PowerState is "Off": fenced; or until the time is over: not
 *
 * What the POST is answered proves nothing: 2xx may be a task that fails later, an error may mean that
 * somebody was quicker. One read follows it in any case.
 */
#include <fcntl.h>
#include <string.h>

#include "doctor/buf.h"
#include "doctor/http_client.h"
#include "doctor/json.h"
#include "inspector/fence_private.h"

#define SYSTEMS "/redfish/v1/Systems"
#define REQUEST_MAX dr_sec(10) /* for one answer; BMCs are slow */
#define PASSWORD_MAX 1024

struct ins_redfish {
	const struct ins_fence_bmc *bmc;
	ins_fence_end_fn fn; /* NULL: it has been called */
	void *userdata;
	struct dr_dur limit, poll;
	struct dr_http_client *http;	 /* of its own: it ends with us, and what is pending in it */
	char *base, *system;		 /* URL of the BMC; path, NULL until it is found */
	char *password;			 /* NULL: no login */
	bool asked;			 /* the reset has been sent */
	bool refused;			 /* and it was not accepted: see trouble */
	char power[32];			 /* as last read; "": never */
	struct ins_fence_result trouble; /* the last; reason "": there was none */
	struct dr_source *deadline, *pause;
};

static void ask_system(struct ins_redfish *f);

/* ---------------------------------------------------------------- its end */

/* A BMC may say back what it was sent. */
static void clean(const struct ins_redfish *f, char *text)
{
	size_t len = f->password ? strlen(f->password) : 0;

	for (char *c = text; *c; c++)
		if ((unsigned char)*c < ' ' || *c == 0x7f)
			*c = ' ';
	for (char *c = text; len && (c = strstr(c, f->password)); c += len)
		memset(c, '*', len);
}

static void end(struct ins_redfish *f, const struct ins_fence_result *r)
{
	ins_fence_end_fn fn = DR_TAKE_PTR(f->fn);
	struct ins_fence_result cleaned = *r;

	dr_timer_disarm(f->deadline);
	dr_timer_disarm(f->pause);
	clean(f, cleaned.reason);
	if (fn)
		fn(&cleaned, f->userdata);
}

static void end_fenced(struct ins_redfish *f)
{
	struct ins_fence_result r = { .fenced = true };

	snprintf(r.reason, sizeof(r.reason), "PowerState is \"Off\"%s",
		 !f->asked    ? ", as it was before"
		 : f->refused ? ", though the reset was refused"
			      : "");
	end(f, &r);
}

static int on_deadline(struct dr_source *s, void *userdata)
{
	struct ins_redfish *f = userdata;
	char text[DR_TIME_STR_MAX];
	struct ins_fence_result r;

	dr_dur_format(f->limit, text);
	ins_fence_failed(&r, true, "not off within %s: %s%s%s%s%.120s", text,
			 f->power[0] ? "PowerState last read is \"" : "PowerState was never read", f->power,
			 f->power[0] ? "\"" : "", f->trouble.reason[0] ? "; " : "", f->trouble.reason);
	end(f, &r);
	return 0;
}

/* ---------------------------------------------------------------- what it answers */

/* ": " and its message for people, DSP0266's error response; "" if there is none. The caller frees it. */
static char *message_of(const struct ins_redfish *f, const struct dr_json *body)
{
	const struct dr_json *error = dr_json_get(body, "error");
	const struct dr_json *info = dr_json_first(dr_json_get(error, "@Message.ExtendedInfo"));
	const char *text = dr_json_get_str(info, "Message");
	char *message;

	if (!text)
		text = dr_json_get_str(error, "message");
	message = dr_asprintf("%s%s", text ? ": " : "", text ? text : "");
	if (message)
		clean(f, message); /* before anything is cut */
	return message;
}

static void answered_badly(const struct ins_redfish *f, const char *what, unsigned status,
			   const struct dr_json *body, struct ins_fence_result *why)
{
	DR_AUTO_FREE char *message = message_of(f, body);
	bool login = status == 401 || status == 403;

	ins_fence_failed(why, status == 408 || status == 409 || status == 429 || status >= 500,
			 "%s: %sstatus %u%.150s", what, login ? "the login is refused, " : "", status,
			 message ? message : "");
}

/* True: *ret_json is what it says, NULL only if that may be. Else why says what is wrong with it. */
static bool is_good(const struct ins_redfish *f, const struct dr_http_response *r, const char *what,
		    bool may_be_empty, struct dr_json **ret_json, struct ins_fence_result *why)
{
	DR_AUTO_JSON struct dr_json *body = NULL;

	if (r->error) {
		ins_fence_failed(why, true, "%s: no answer: %.150s", what, r->reason);
		return false;
	}
	if (dr_json_parse(dr_buf_str(&r->body), r->body.len, &body, NULL))
		body = NULL;
	if (r->status < 200 || r->status >= 300) {
		answered_badly(f, what, r->status, body, why);
		return false;
	}
	if (!may_be_empty && !dr_json_is_object(body)) {
		ins_fence_failed(why, true, "%s: the answer is no JSON object", what);
		return false;
	}
	*ret_json = DR_TAKE_PTR(body);
	return true;
}

/* A path that its BMC names; the rest of the URL is ours, so that the login goes nowhere else. */
static const char *path_of(const struct dr_json *o, const char *key)
{
	const char *path = dr_json_get_str(o, key);

	return path && path[0] == '/' && strlen(path) < INS_FENCE_PATTERN_MAX ? path : NULL;
}

/* ---------------------------------------------------------------- asking */

static int send_to(struct ins_redfish *f, const char *method, const char *path, const char *body,
		   dr_http_done_fn fn)
{
	DR_AUTO_FREE char *url = dr_asprintf("%s%s", f->base, path);
	struct dr_dur limit = { DR_MIN(f->limit.ns / 2, REQUEST_MAX.ns) };
	const struct dr_http_request req = {
		.method = method,
		.url = url,
		.headers = { { "Accept", "application/json" }, { "OData-Version", "4.0" } },
		.body = body,
		.body_len = body ? strlen(body) : 0,
		.user = f->password ? f->bmc->user : NULL,
		.password = f->password,
		.timeout = limit,
		.connect_timeout = limit,
	};

	return url ? dr_http_send(f->http, &req, fn, f) : -ENOMEM;
}

static void not_sent(struct ins_redfish *f, const char *what, int error)
{
	struct ins_fence_result r;

	ins_fence_failed(&r, error != -EINVAL, "%s cannot be sent: %s", what, strerror(-error));
	end(f, &r);
}

/* ---------------------------------------------------------------- the reset */

static void on_reset(const struct dr_http_response *r, void *userdata)
{
	DR_AUTO_JSON struct dr_json *body = NULL;
	struct ins_redfish *f = userdata;

	if (!f->fn)
		return;
	if (!is_good(f, r, "the reset", true, &body, &f->trouble))
		f->refused = !r->error; /* without an answer it may have been taken all the same */
	ask_system(f);
}

/* May it be asked for this reset? A system that does not say what it takes is asked. */
static bool is_allowed(const struct dr_json *action, const char *type, struct ins_fence_result *why)
{
	const struct dr_json *list = dr_json_get(action, "ResetType@Redfish.AllowableValues");
	DR_AUTO_BUF struct dr_buf offered = {};

	for (const struct dr_json *v = dr_json_first(list); v; v = dr_json_next(v)) {
		const char *text = dr_json_str(v);

		if (text && !strcmp(text, type))
			return true;
		dr_buf_printf(&offered, "%s%s", offered.len ? ", " : "", text ? text : "?");
	}
	if (!dr_json_is_array(list))
		return true;
	ins_fence_failed(why, false, "the system does not offer the reset %s, but: %.150s", type,
			 offered.len ? dr_buf_str(&offered) : "none");
	return false;
}

static void reset(struct ins_redfish *f, const struct dr_json *system)
{
	const char *type = ins_fence_reset_names[f->bmc->reset];
	const struct dr_json *action = dr_json_get(dr_json_get(system, "Actions"), "#ComputerSystem.Reset");
	const char *target = path_of(action, "target");
	DR_AUTO_FREE char *body = dr_asprintf("{\"ResetType\": \"%s\"}", type);
	struct ins_fence_result why;
	int r;

	if (!target) {
		ins_fence_failed(&why, false, "the system offers no reset, and its PowerState is \"%s\"",
				 f->power);
		end(f, &why);
		return;
	}
	if (!is_allowed(action, type, &why)) {
		end(f, &why);
		return;
	}
	f->asked = true;
	r = body ? send_to(f, "POST", target, body, on_reset) : -ENOMEM;
	if (r)
		not_sent(f, "the reset", r);
}

/* ---------------------------------------------------------------- the system */

/* A last word about the reset, or another look after a pause. */
static void look_again(struct ins_redfish *f)
{
	int r;

	if (f->refused && strcmp(f->power, "PoweringOff") != 0) {
		end(f, &f->trouble);
		return;
	}
	r = dr_timer_arm(f->pause, f->poll);
	if (r)
		not_sent(f, "the next question for the system", r);
}

/* PowerState into power; false: it is none, see why. */
static bool take_power(struct ins_redfish *f, const struct dr_json *system, struct ins_fence_result *why)
{
	const char *type = dr_json_get_str(system, "@odata.type"),
		   *power = dr_json_get_str(system, "PowerState");

	if (!type || strncmp(type, "#ComputerSystem.", strlen("#ComputerSystem.")) != 0)
		ins_fence_failed(why, false, "%.120s is no ComputerSystem", f->system);
	else if (!power || dr_strcpy(f->power, sizeof(f->power), power))
		ins_fence_failed(why, true, "the system does not say its PowerState");
	else
		return true;
	return false;
}

static void on_system(const struct dr_http_response *r, void *userdata)
{
	DR_AUTO_JSON struct dr_json *system = NULL;
	struct ins_redfish *f = userdata;
	struct ins_fence_result why;

	if (!f->fn)
		return;
	if (!is_good(f, r, "the system", false, &system, &why) || !take_power(f, system, &why)) {
		/* the first word of it is awaited here; later it may be busy with what we asked for */
		if (!f->asked) {
			end(f, &why);
			return;
		}
		if (!f->refused)
			f->trouble = why;
		look_again(f);
		return;
	}
	if (!strcmp(f->power, "Off"))
		end_fenced(f);
	else if (!f->asked)
		reset(f, system);
	else
		look_again(f);
}

static void ask_system(struct ins_redfish *f)
{
	int r = send_to(f, "GET", f->system, NULL, on_system);

	if (r)
		not_sent(f, "the question for the system", r);
}

static int on_pause(struct dr_source *s, void *userdata)
{
	ask_system(userdata);
	return 0;
}

static void on_systems(const struct dr_http_response *r, void *userdata)
{
	DR_AUTO_JSON struct dr_json *body = NULL;
	struct ins_redfish *f = userdata;
	struct ins_fence_result why;
	const struct dr_json *members;
	const char *path;

	if (!f->fn)
		return;
	if (!is_good(f, r, "the list of systems", false, &body, &why)) {
		end(f, &why);
		return;
	}
	members = dr_json_get(body, "Members");
	path = path_of(dr_json_first(members), "@odata.id");
	if (dr_json_size(members) > 1 || dr_json_get(body, "Members@odata.nextLink"))
		ins_fence_failed(&why, false, "the BMC has several systems: say which it is by `system`");
	else if (!dr_json_is_array(members) || !path)
		ins_fence_failed(&why, false, "the BMC's list of systems has none in it");
	else if (!(f->system = strdup(path)))
		ins_fence_failed(&why, true, "out of memory");
	if (f->system)
		ask_system(f);
	else
		end(f, &why);
}

/* ---------------------------------------------------------------- its start */

/* The first line of the file. 1: why says what is wrong with it. */
static int read_password(const char *path, char **ret, struct ins_fence_result *why)
{
	DR_AUTO_CLOSE int fd = open(path, O_RDONLY | O_CLOEXEC | O_NONBLOCK);
	char text[PASSWORD_MAX];
	ssize_t n = fd < 0 ? -1 : read(fd, text, sizeof(text) - 1);

	if (n < 0) {
		ins_fence_failed(why, false, "password_file %.120s cannot be read: %s", path,
				 strerror(errno));
		return 1;
	}
	text[n] = '\0';
	text[strcspn(text, "\r\n")] = '\0';
	if (text[0] && n < (ssize_t)sizeof(text) - 1) {
		*ret = strdup(text);
		explicit_bzero(text, sizeof(text));
		return *ret ? 0 : -ENOMEM;
	}
	explicit_bzero(text, sizeof(text));
	ins_fence_failed(why, false, "password_file %.120s is %s", path, n ? "no password" : "empty");
	return 1;
}

static int make_client(struct ins_redfish *f, struct dr_loop *l)
{
	const struct dr_http_client_opts opts = { .user_agent = "doctor-inspector/" DR_VERSION,
						  .ca_file = f->bmc->ca_file,
						  .insecure = f->bmc->insecure };
	int r;

	if ((r = dr_loop_add_timer(l, on_deadline, f, &f->deadline)) ||
	    (r = dr_timer_arm(f->deadline, f->limit)) || (r = dr_loop_add_timer(l, on_pause, f, &f->pause)))
		return r;
	return dr_http_client_new(l, &opts, &f->http);
}

static int make_urls(struct ins_redfish *f, const char *host)
{
	int r = ins_fence_expand(f->bmc->url, host, NULL, &f->base);

	if (!r && f->bmc->system)
		r = ins_fence_expand(f->bmc->system, host, NULL, &f->system);
	return r;
}

int ins_redfish_start(const struct ins_fence_ask *a, struct ins_fence_result *why, struct ins_redfish **ret)
{
	DR_AUTO(ins_redfish_freep) struct ins_redfish *f = NULL;
	const struct ins_fence_bmc *bmc = ins_fence_bmc_of(a->conf, a->host);
	int r;

	if (!bmc) {
		ins_fence_failed(why, false, "no BMC is configured for this host");
		return 1;
	}
	f = calloc(1, sizeof(*f));
	if (!f)
		return -ENOMEM;
	f->bmc = bmc;
	f->fn = a->fn;
	f->userdata = a->userdata;
	f->limit = a->conf->timeout;
	f->poll = a->conf->poll;
	if (bmc->password_file && (r = read_password(bmc->password_file, &f->password, why)))
		return r;
	if ((r = make_urls(f, a->host)) || (r = make_client(f, a->loop)))
		return r;
	r = f->system ? send_to(f, "GET", f->system, NULL, on_system)
		      : send_to(f, "GET", SYSTEMS, NULL, on_systems);
	if (r == -EINVAL) {
		ins_fence_failed(why, false, "%.120s is no URL", f->base);
		return 1;
	}
	if (!r)
		*ret = DR_TAKE_PTR(f);
	return r;
}

void ins_redfish_free(struct ins_redfish *f)
{
	if (!f)
		return;
	f->fn = NULL; /* what ends now is not listened to */
	dr_http_client_free(f->http);
	dr_source_free(f->deadline);
	dr_source_free(f->pause);
	if (f->password)
		explicit_bzero(f->password, strlen(f->password));
	free(f->password);
	free(f->base);
	free(f->system);
	free(f);
}
