/* SPDX-License-Identifier: Apache-2.0 */
/* Glance: versions, images, upload, visibility, refusals in WebOb's words. */
#include "tests/cloud/cloudbed.h"

#define UNKNOWN "00000000-0000-4000-8000-000000000000"
#define TAIL "<br /><br />\n\n\n"

static struct cb_answer images(struct cb *b, enum cb_who who, const char *method, const char *rest,
			       const char *body)
{
	return cb_call(b, who, "image", method, 0, cb_format("/v2/images%s", rest), body);
}

static struct cb_answer upload(struct cb *b, const char *id, const char *type, const char *data)
{
	struct dr_http_request req = {
		.method = "PUT",
		.url = cb_url(b, "image", cb_format("/v2/images/%s/file", id)),
		.headers = { { "X-Auth-Token", b->token[CB_DOCTOR] }, { "Accept", "application/json" } },
		.body = data,
		.body_len = strlen(data),
		.content_type = type,
		.timeout = dr_sec(30),
	};
	struct cb_answer a = { 0 };

	assert_int_equal(dr_http_call(b->http, &req, &a.http), 0);
	assert_int_equal(a.http.error, 0);
	a.status = a.http.status;
	if (a.http.body.len && dr_json_parse(a.http.body.data, a.http.body.len, &a.json, NULL))
		a.json = NULL;
	return a;
}

static const char *create(struct cb *b, const char *body)
{
	CB_ANSWER a = images(b, CB_DOCTOR, "POST", "", body);

	cb_assert_status(a, 201);
	return cb_made(b, "image", "/v2/images", cb_text(&a, "id"));
}

static void test_versions(void **state)
{
	struct cb *b = *state;
	CB_ANSWER root = cb_call(b, CB_NOBODY, "image", "GET", 0, "/", NULL);
	CB_ANSWER list = cb_call(b, CB_NOBODY, "image", "GET", 0, "/versions", NULL);

	cb_assert_status(root, 300);
	cb_assert_status(list, 200);
	assert_string_equal(cb_text(&root, "versions.0.status"), "CURRENT");
	assert_string_equal(cb_text(&list, "versions.0.id"), "v2.15");
	assert_string_equal(cb_text(&list, "versions.0.links.0.href"), cb_url(b, "image", "/v2/"));
}

static void test_shared_image(void **state)
{
	struct cb *b = *state;
	CB_ANSWER list = images(b, CB_DOCTOR, "GET", "?name=tiny", NULL);
	CB_ANSWER one = images(b, CB_DOCTOR, "GET", cb_format("/%s", b->image_id), NULL);
	CB_ANSWER none = images(b, CB_DOCTOR, "GET", "?name=nope", NULL);
	int64_t n;

	cb_assert_status(list, 200);
	assert_int_equal(dr_json_size(cb_at(&list, "images")), 1);
	assert_string_equal(cb_text(&list, "first"), "/v2/images?name=tiny");
	assert_string_equal(cb_text(&list, "schema"), "/v2/schemas/images");
	cb_assert_status(one, 200);
	assert_string_equal(cb_text(&one, "name"), "tiny");
	assert_string_equal(cb_text(&one, "status"), "active");
	assert_string_equal(cb_text(&one, "visibility"), "public");
	assert_string_equal(cb_text(&one, "owner"), b->project_id[CB_ADMIN]);
	assert_string_equal(cb_text(&one, "self"), cb_format("/v2/images/%s", b->image_id));
	assert_int_equal(dr_json_get_i64(one.json, "size", &n), 0);
	assert_int_equal(n, 1024);
	assert_int_equal(dr_json_size(cb_at(&none, "images")), 0);
}

static void test_life(void **state)
{
	struct cb *b = *state;
	const char *id =
		create(b, "{\"name\":\"conformance\",\"disk_format\":\"raw\",\"container_format\":\"bare\","
			  "\"tags\":[\"x\"],\"min_disk\":1,\"foo\":\"bar\"}");
	CB_ANSWER queued = images(b, CB_DOCTOR, "GET", cb_format("/%s", id), NULL);
	CB_ANSWER wrong = upload(b, id, "text/plain", "abc"),
		  sent = upload(b, id, "application/octet-stream", "abc");
	CB_ANSWER again = upload(b, id, "application/octet-stream", "abc");
	CB_ANSWER active = images(b, CB_DOCTOR, "GET", cb_format("/%s", id), NULL), gone = { 0 },
		  after = { 0 };
	int64_t n;

	assert_string_equal(cb_text(&queued, "status"), "queued");
	assert_string_equal(cb_text(&queued, "visibility"), "shared");
	assert_string_equal(cb_text(&queued, "tags.0"), "x");
	assert_string_equal(cb_text(&queued, "foo"), "bar");
	assert_true(dr_json_is_null(cb_at(&queued, "size")));
	cb_assert_status(wrong, 415);
	cb_assert_status(sent, 204);
	cb_assert_error(&again, 409, "message",
			"Image status transition from active to saving is not allowed" TAIL);
	assert_string_equal(cb_text(&active, "status"), "active");
	assert_int_equal(dr_json_get_i64(active.json, "size", &n), 0);
	assert_int_equal(n, 3);

	gone = images(b, CB_DOCTOR, "DELETE", cb_format("/%s", id), NULL);
	cb_assert_status(gone, 204);
	after = images(b, CB_DOCTOR, "DELETE", cb_format("/%s", id), NULL);
	cb_assert_error(&after, 404, "message", cb_format("Failed to find image %s to delete" TAIL, id));
}

static void test_pages(void **state)
{
	struct cb *b = *state;
	const char *first = create(b, "{\"name\":\"conformance-page\"}"),
		   *second = create(b, "{\"name\":\"conformance-page\"}");
	CB_ANSWER one = images(b, CB_DOCTOR, "GET", "?name=conformance-page&limit=1", NULL), two = { 0 },
		  three = { 0 };

	assert_int_equal(dr_json_size(cb_at(&one, "images")), 1);
	assert_string_not_equal(first, second);
	two = cb_call(b, CB_DOCTOR, "image", "GET", 0, cb_text(&one, "next"), NULL);
	cb_assert_status(two, 200);
	assert_int_equal(dr_json_size(cb_at(&two, "images")), 1);
	assert_string_not_equal(cb_text(&one, "images.0.id"), cb_text(&two, "images.0.id"));
	three = cb_call(b, CB_DOCTOR, "image", "GET", 0, cb_text(&two, "next"), NULL);
	assert_int_equal(dr_json_size(cb_at(&three, "images")), 0);
	assert_false(cb_has(&three, "", "next"));
}

static void test_refused(void **state)
{
	struct cb *b = *state;
	const char *bare = create(b, "{}");
	CB_ANSWER unknown = images(b, CB_DOCTOR, "GET", "/" UNKNOWN, NULL);
	CB_ANSWER public =
		images(b, CB_DOCTOR, "POST", "", "{\"name\":\"conformance\",\"visibility\":\"public\"}");
	CB_ANSWER others = images(b, CB_DOCTOR, "DELETE", cb_format("/%s", b->image_id), NULL);
	CB_ANSWER broken = images(b, CB_DOCTOR, "POST", "", "{bad");
	CB_ANSWER format = images(b, CB_DOCTOR, "POST", "", "{\"disk_format\":\"foo\"}");
	CB_ANSWER number = images(b, CB_DOCTOR, "POST", "", "{\"name\":5}");
	CB_ANSWER visibility = images(b, CB_DOCTOR, "POST", "", "{\"visibility\":\"foo\"}");
	CB_ANSWER limit = images(b, CB_DOCTOR, "GET", "?limit=x", NULL),
		  negative = images(b, CB_DOCTOR, "GET", "?limit=-1", NULL);
	CB_ANSWER marker = images(b, CB_DOCTOR, "GET", "?marker=nope", NULL);
	CB_ANSWER formless = upload(b, bare, "application/octet-stream", "abc");
	CB_ANSWER nowhere = upload(b, "nope", "application/octet-stream", "abc");

	cb_assert_error(&unknown, 404, "message", "No image found with ID " UNKNOWN TAIL);
	assert_string_equal(cb_text(&unknown, "code"), "404 Not Found");
	assert_string_equal(cb_text(&unknown, "title"), "Not Found");
	cb_assert_error(&public, 403, "message",
			"You are not authorized to complete publicize_image action." TAIL);
	cb_assert_error(&others, 403, "message", "You do not own this image" TAIL);
	cb_assert_error(&broken, 400, "message", "Malformed JSON in request body." TAIL);
	cb_assert_status(format, 400);
	cb_assert_status(number, 400);
	cb_assert_status(visibility, 400);
	cb_assert_error(&limit, 400, "message", "limit param must be an integer" TAIL);
	cb_assert_error(&negative, 400, "message", "limit param must be positive" TAIL);
	cb_assert_error(&marker, 400, "message", "No image found with ID nope" TAIL);
	cb_assert_error(&formless, 400, "message",
			"Properties disk_format, container_format must be set prior to saving data." TAIL);
	cb_assert_error(&nowhere, 404, "message", "No image found with ID nope" TAIL);
}

/* The form of an error follows what the client takes. */
static void test_error_forms(void **state)
{
	struct cb *b = *state;
	static const char *const cases[][2] = {
		{ "application/json", "application/json" },
		{ "*/*", "text/html; charset=UTF-8" },
		{ "text/html", "text/html; charset=UTF-8" },
		{ "text/plain", "text/plain; charset=UTF-8" },
	};

	for (size_t i = 0; i < DR_ARRAY_SIZE(cases); i++) {
		const struct dr_http_header headers[] = {
			{ "X-Auth-Token", b->token[CB_DOCTOR] },
			{ "Accept", cases[i][0] },
			{ 0 },
		};
		CB_ANSWER a = cb_send(b, "image", "GET", "/v2/images/nope", headers, NULL);

		cb_assert_status(a, 404);
		assert_string_equal(cb_header(&a, "Content-Type"), cases[i][1]);
		assert_non_null(strstr(dr_buf_str(&a.http.body), "No image found with ID nope"));
	}
}

static void test_boot_from_queued(void **state)
{
	struct cb *b = *state;
	const char *id = create(b, "{\"name\":\"conformance-empty\"}");
	CB_ANSWER a = cb_call(b, CB_DOCTOR, "compute", "POST", CB_LATEST, "/servers",
			      cb_format("{\"server\":{\"name\":\"conformance\",\"flavorRef\":\"1\","
					"\"imageRef\":\"%s\",\"networks\":"
					"\"none\"}}",
					id));

	if (a.status == 202)
		cb_made(b, "compute", "/servers", cb_text(&a, "server.id"));
	cb_assert_error(&a, 400, "badRequest.message", cb_format("Image %s is not active.", id));
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		CB_TEST(test_versions),
		CB_TEST(test_shared_image),
		CB_TEST(test_life),
		CB_TEST(test_pages),
		CB_TEST(test_refused),
		CB_TEST(test_error_forms),
		CB_TEST(test_boot_from_queued),
	};

	return cmocka_run_group_tests(tests, cb_setup, cb_teardown);
}
