// SPDX-License-Identifier: Apache-2.0
/* Answers without an end (libmicrohttpd): while there is nothing to send, their connection is suspended. */
#include "lib/io/http_stream.h"

#include <string.h>

#define BLOCK (16UL << 10)

struct dr_http_stream {
	struct http_streams *list;
	struct dr_http_stream *prev, *next;
	struct dr_source *timer;
	struct MHD_Connection *connection; /* good while it is suspended, and in read_stream() */
	struct dr_buf waiting;
	size_t taken; /* of it, by the connection */
	size_t max;
	dr_http_gone_fn gone; /* NULL: nobody wants to hear of it any more */
	void *userdata;
	bool suspended, ended;
};

static void resume(struct dr_http_stream *t)
{
	if (!t->suspended)
		return;
	t->suspended = false;
	MHD_resume_connection(t->connection);
	/* that only marks it, the next run does the rest; arming a timer that lives does not fail */
	(void)!dr_timer_arm(t->timer, dr_msec(0));
}

/* MHD_ContentReaderCallback */
static ssize_t read_stream(void *userdata, uint64_t position, char *out, size_t max)
{
	struct dr_http_stream *t = userdata;
	size_t n = DR_MIN(max, t->waiting.len - t->taken);

	if (!n && t->ended)
		return MHD_CONTENT_READER_END_OF_STREAM;
	if (!n) {
		MHD_suspend_connection(t->connection);
		t->suspended = true;
		return 0;
	}
	memcpy(out, t->waiting.data + t->taken, n);
	t->taken += n;
	if (t->taken == t->waiting.len) {
		dr_buf_done(&t->waiting);
		t->taken = 0;
	}
	return (ssize_t)n;
}

/* MHD_ContentReaderFreeCallback: the connection has ended, or never got the answer. */
static void free_stream(void *userdata)
{
	struct dr_http_stream *t = userdata;

	if (t->prev)
		t->prev->next = t->next;
	else
		t->list->first = t->next;
	if (t->next)
		t->next->prev = t->prev;
	if (t->gone)
		t->gone(t->userdata);
	dr_buf_done(&t->waiting);
	free(t);
}

int dr_http_reply_stream(struct dr_http_exchange *x, const char *content_type, size_t waiting_max,
			 dr_http_gone_fn gone, void *userdata, struct dr_http_stream **ret)
{
	struct dr_http_stream *t = calloc(1, sizeof(*t));
	struct MHD_Response *response;

	if (!t)
		return -ENOMEM;
	*t = (struct dr_http_stream){
		.list = http_server_streams(x),
		.timer = http_server_timer(x),
		.connection = http_server_connection(x),
		.max = waiting_max,
		.gone = gone,
		.userdata = userdata,
	};
	response = MHD_create_response_from_callback(MHD_SIZE_UNKNOWN, BLOCK, read_stream, t, free_stream);
	if (!response) {
		free(t);
		return -ENOMEM;
	}
	t->next = t->list->first;
	if (t->next)
		t->next->prev = t;
	t->list->first = t;
	http_server_reply(x, MHD_HTTP_OK, content_type, response);
	*ret = t;
	return 0;
}

/* What was taken makes room; so seldom that it costs nothing. */
static void forget_taken(struct dr_http_stream *t)
{
	struct dr_buf *b = &t->waiting;

	if (!t->taken)
		return;
	b->len -= t->taken;
	memmove(b->data, b->data + t->taken, b->len + 1);
	t->taken = 0;
}

int dr_http_stream_write(struct dr_http_stream *t, const void *data, size_t len)
{
	if (len > t->max - t->waiting.len)
		forget_taken(t);
	if (len > t->max - t->waiting.len)
		return -ENOBUFS;
	dr_buf_append(&t->waiting, data, len);
	if (t->waiting.error)
		return t->waiting.error;
	resume(t);
	return 0;
}

size_t dr_http_stream_waiting(const struct dr_http_stream *t)
{
	return t->waiting.len - t->taken;
}

void dr_http_stream_end(struct dr_http_stream *t)
{
	if (!t)
		return;
	t->gone = NULL;
	t->ended = true;
	resume(t);
}

void http_streams_end(struct http_streams *list)
{
	for (struct dr_http_stream *t = list->first; t; t = t->next) {
		t->ended = true;
		resume(t);
	}
}
