/* SPDX-License-Identifier: Apache-2.0 */
/*
 * A BMC that answers anything: answers with \xff between them, "STATUS\nBODY", or "-" for none at all. The
 * first byte of all: bit 0: the path of its system is configured.
 */
#include <sys/mman.h>

#include "doctor/json.h"
#include "inspector/fence_private.h"
#include "tests/fuzz/client.h"

#define BASE "https://bmc.example.org"
#define SYSTEM "/redfish/v1/Systems/1"

static struct dr_loop *loop;
static struct {
	bool ended, proven;
	unsigned resets;
} world;

/* The login goes to this BMC alone, and it is asked for one reset at most. */
static void on_send(const struct dr_http_request *req)
{
	FUZZ_CHECK(!world.ended);
	FUZZ_CHECK(!strncmp(req->url, BASE "/", strlen(BASE "/")));
	FUZZ_CHECK(!strcmp(req->user, "doctor") && !strcmp(req->password, "secret-of-bmc"));
	if (!strcmp(req->method, "GET")) {
		FUZZ_CHECK(!req->body);
		return;
	}
	FUZZ_CHECK(!strcmp(req->method, "POST") && !world.resets++);
	FUZZ_CHECK(!strcmp(req->body, "{\"ResetType\": \"ForceOff\"}"));
}

static void on_end(const struct ins_fence_result *r, void *userdata)
{
	FUZZ_CHECK(!world.ended);
	world.ended = true;
	FUZZ_CHECK(r->fenced == world.proven && !(r->fenced && r->retryable));
	FUZZ_CHECK(r->reason[0] && !fuzz_has_control(r->reason) && !strstr(r->reason, "secret-of-bmc"));
}

/* The answer to a question for a system, and it says that this is off. */
static bool says_off(unsigned status, const char *body, size_t len)
{
	DR_AUTO_JSON struct dr_json *o = NULL;
	const char *type, *power;

	if (!fuzz_calls || strcmp(fuzz_calls->method, "GET") != 0 || status < 200 || status > 299 ||
	    dr_json_parse(body, len, &o, NULL))
		return false;
	type = dr_json_get_str(o, "@odata.type");
	power = dr_json_get_str(o, "PowerState");
	return type && !strncmp(type, "#ComputerSystem.", 16) && power && !strcmp(power, "Off");
}

static void answer(const uint8_t *data, size_t size, bool listed)
{
	size_t len;
	char cut;
	const uint8_t *line = fuzz_cut(&data, &size, "\n", &len, &cut);
	DR_AUTO_FREE char *status = fuzz_text(line, len);
	unsigned code = (unsigned)strtoul(status, NULL, 10) % 1000;

	if (status[0] == '-') {
		fuzz_answer(-ETIMEDOUT, 0, "", 0);
		return;
	}
	world.proven = listed && says_off(code, (const char *)data, size);
	fuzz_answer(0, code, data, size);
	FUZZ_CHECK(world.ended || !world.proven);
}

/* It is read anew each time. */
static char *password_file(void)
{
	static char path[64];

	if (!path[0]) {
		int fd = memfd_create("password", 0);

		FUZZ_CHECK(fd >= 0 && write(fd, "secret-of-bmc\n", 14) == 14);
		snprintf(path, sizeof(path), "/proc/self/fd/%d", fd);
	}
	return path;
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
	char user[] = "doctor", url[] = BASE, system[] = SYSTEM;
	bool listed = size && data[0] & 1;
	const struct ins_fence_conf conf = {
		.method = INS_FENCE_REDFISH,
		.timeout = dr_sec(600),
		.bmc = { .url = url,
			 .user = user,
			 .password_file = password_file(),
			 .system = listed ? system : NULL },
	};
	struct ins_fence_ask a = { .conf = &conf, .host = "compute-1", .incident = "i", .fn = on_end };
	struct ins_redfish *f = NULL;
	struct ins_fence_result why;
	char cut = '\xff';

	if (!loop)
		FUZZ_CHECK(!dr_loop_new(&loop));
	memset(&world, 0, sizeof(world));
	fuzz_on_send = on_send;
	a.loop = loop;
	FUZZ_CHECK(!ins_redfish_start(&a, &why, &f));
	data += DR_MIN(size, 1U);
	size -= DR_MIN(size, 1U);
	while (cut && !world.ended) {
		size_t len;
		const uint8_t *one = fuzz_cut(&data, &size, "\xff", &len, &cut);

		if (!fuzz_calls) /* it looks again after a pause, of no time here */
			FUZZ_CHECK(dr_loop_run_once(loop, dr_msec(100)) >= 0);
		FUZZ_CHECK(fuzz_calls && !fuzz_calls->next);
		answer(one, len, listed);
		listed = true; /* the first answer is the list, unless the path is configured */
	}
	FUZZ_CHECK(!world.ended || !fuzz_calls);
	world.ended = true; /* nothing is said of what is cancelled */
	ins_redfish_free(f);
	FUZZ_CHECK(!fuzz_calls);
	return 0;
}
