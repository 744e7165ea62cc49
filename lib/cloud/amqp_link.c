// SPDX-License-Identifier: Apache-2.0
/* The only file that knows librabbitmq. https://www.rabbitmq.com/amqp-0-9-1-reference.html */
#include <amqp.h>
#include <amqp_ssl_socket.h>
#include <amqp_tcp_socket.h>
#include <string.h>
#include <sys/random.h>

#include "doctor/buf.h"
#include "lib/cloud/amqp_private.h"

#define CA_FILE "/etc/ssl/certs/ca-certificates.crt"
#define CHANNELS_MAX 16
#define FRAME_MAX 131072
#define PREFETCH 100 /* bodies that the loop may lag behind */
#define DECLARED_MAX 8
#define DECLARED_NAME_MAX 256

/* An exception ends one channel and leaves the others. */
enum channel {
	CHANNEL_PUBLISH = 1,
	CHANNEL_CONSUME,
	CHANNEL_ASK, /* what may be refused */
};

/* A method that has a content behind it, basic.return or basic.deliver: header and body come in frames. */
struct content {
	bool open;
	uint64_t tag;
	uint64_t left; /* bytes of the body */
	bool too_long;
	struct dr_buf body;
	char text[DR_AMQP_TEXT_MAX];
};

struct amqp_link {
	amqp_connection_state_t conn;
	bool durable;
	bool open[CHANNEL_ASK + 1]; /* channels */
	uint64_t tag;		    /* of the last message on this channel */
	char declared[DECLARED_MAX][DECLARED_NAME_MAX];
	unsigned declared_next;
	struct content returned, delivered;
	char why[DR_AMQP_TEXT_MAX];
};

static amqp_bytes_t bytes(const char *text)
{
	return amqp_cstring_bytes(text);
}

static struct timeval timeval(struct dr_dur d)
{
	return (struct timeval){ .tv_sec = d.ns / DR_NSEC_PER_SEC,
				 .tv_usec = d.ns % DR_NSEC_PER_SEC / DR_NSEC_PER_USEC };
}

static void copy_text(char dst[DR_AMQP_TEXT_MAX], amqp_bytes_t text)
{
	snprintf(dst, DR_AMQP_TEXT_MAX, "%.*s", (int)DR_MIN(text.len, (size_t)DR_AMQP_TEXT_MAX),
		 (const char *)text.bytes);
}

/* ---------------------------------------------------------------- what went wrong */

/* reply-code of channel.close and connection.close */
static int code_errno(unsigned code)
{
	switch (code) {
	case AMQP_ACCESS_REFUSED:
	case AMQP_NOT_ALLOWED:
		return -EACCES;
	case AMQP_NOT_FOUND:
		return -ENOENT;
	case AMQP_PRECONDITION_FAILED:
		return -EPROTOTYPE;
	}
	return -EIO;
}

/* The library says so: the connection is of no use any more. */
static int lost(struct amqp_link *l, int status)
{
	snprintf(l->why, sizeof(l->why), "%s", amqp_error_string2(status));
	return status == AMQP_STATUS_NO_MEMORY ? -ENOMEM : -ECONNRESET;
}

static int connection_closed(struct amqp_link *l, const amqp_connection_close_t *m)
{
	int error = code_errno(m->reply_code);

	copy_text(l->why, m->reply_text);
	return error == -EACCES ? error : -ECONNRESET;
}

/* The broker's word on a channel, which may be opened again afterwards. */
static int accept_close(struct amqp_link *l, amqp_channel_t channel, const amqp_channel_close_t *m,
			int *ret_error)
{
	amqp_channel_close_ok_t ok = {};
	int status;

	copy_text(l->why, m->reply_text);
	*ret_error = code_errno(m->reply_code);
	if (channel <= CHANNEL_ASK)
		l->open[channel] = false;
	status = amqp_send_method(l->conn, channel, AMQP_CHANNEL_CLOSE_OK_METHOD, &ok);
	return status ? lost(l, status) : 0;
}

/* How the last question went: 0, 1 (refused, the channel is closed), or the connection is lost. */
static int answer(struct amqp_link *l, amqp_channel_t channel, int *ret_error)
{
	amqp_rpc_reply_t reply = amqp_get_rpc_reply(l->conn);
	int r;

	if (reply.reply_type == AMQP_RESPONSE_NORMAL)
		return 0;
	if (reply.reply_type != AMQP_RESPONSE_SERVER_EXCEPTION)
		return lost(l, reply.library_error);
	if (reply.reply.id == AMQP_CONNECTION_CLOSE_METHOD)
		return connection_closed(l, reply.reply.decoded);
	r = accept_close(l, channel, reply.reply.decoded, ret_error);
	return r ? r : 1;
}

/* The same of a question that nobody can refuse. */
static int must(struct amqp_link *l, amqp_channel_t channel)
{
	int error, r = answer(l, channel, &error);

	return r > 0 ? -ECONNRESET : r;
}

static int open_channel(struct amqp_link *l, enum channel channel)
{
	int r;

	if (l->open[channel])
		return 0;
	amqp_channel_open(l->conn, (amqp_channel_t)channel);
	r = must(l, (amqp_channel_t)channel);
	l->open[channel] = !r;
	return r;
}

/* ---------------------------------------------------------------- connecting */

static amqp_socket_t *make_socket(struct amqp_link *l, const struct amqp_conf *conf)
{
	const char *ca_file = conf->ca_file ? conf->ca_file : CA_FILE;
	amqp_socket_t *s;

	if (!conf->tls)
		return amqp_tcp_socket_new(l->conn);
	s = amqp_ssl_socket_new(l->conn);
	if (!s || amqp_ssl_socket_set_cacert(s, ca_file)) {
		snprintf(l->why, sizeof(l->why), "%.200s: cannot be read as certificates", ca_file);
		return NULL;
	}
	amqp_ssl_socket_set_verify_peer(s, 1);
	amqp_ssl_socket_set_verify_hostname(s, 1);
	return s;
}

static int connect_to(struct amqp_link *l, const struct amqp_conf *conf, const struct dr_amqp_host *host)
{
	struct timeval limit = timeval(conf->connect_timeout);
	amqp_socket_t *s;
	int status;

	l->conn = amqp_new_connection();
	if (!l->conn)
		return -ENOMEM;
	s = make_socket(l, conf);
	if (!s)
		return -EINVAL;
	if (amqp_set_handshake_timeout(l->conn, &limit) || amqp_set_rpc_timeout(l->conn, &limit))
		return -ENOMEM;
	status = amqp_socket_open_noblock(s, host->name, host->port, &limit);
	return status ? lost(l, status) : 0;
}

static int login(struct amqp_link *l, const struct amqp_conf *conf, const char *password)
{
	int heartbeat = (int)(conf->heartbeat.ns / DR_NSEC_PER_SEC);
	amqp_rpc_reply_t reply = amqp_login(l->conn, conf->vhost, CHANNELS_MAX, FRAME_MAX, heartbeat,
					    AMQP_SASL_METHOD_PLAIN, conf->user, password);

	if (reply.reply_type == AMQP_RESPONSE_NORMAL)
		return 0;
	if (reply.reply_type == AMQP_RESPONSE_SERVER_EXCEPTION &&
	    reply.reply.id == AMQP_CONNECTION_CLOSE_METHOD)
		return connection_closed(l, reply.reply.decoded);
	return lost(l, reply.library_error);
}

int amqp_link_open(const struct amqp_conf *conf, const struct dr_amqp_host *host, const char *password,
		   amqp_socket_fn fn, void *userdata, struct amqp_link **ret, char why[DR_AMQP_TEXT_MAX])
{
	struct amqp_link *l = calloc(1, sizeof(*l));
	int r;

	if (!l)
		return -ENOMEM;
	l->durable = conf->durable;
	l->returned.body.limit = l->delivered.body.limit = DR_AMQP_BODY_MAX;
	r = connect_to(l, conf, host);
	if (!r)
		r = fn(amqp_get_sockfd(l->conn), userdata);
	if (!r)
		r = login(l, conf, password);
	if (r) {
		snprintf(why, DR_AMQP_TEXT_MAX, "%s", l->why[0] ? l->why : strerror(-r));
		fn(-1, userdata);
		amqp_link_close(l);
		return r;
	}
	*ret = l;
	return 0;
}

/* Without a word to the broker, which might not answer: it notices. */
void amqp_link_close(struct amqp_link *l)
{
	if (!l)
		return;
	if (l->conn)
		amqp_destroy_connection(l->conn);
	dr_buf_done(&l->returned.body);
	dr_buf_done(&l->delivered.body);
	free(l);
}

int amqp_link_fd(const struct amqp_link *l)
{
	return amqp_get_sockfd(l->conn);
}

const char *amqp_link_why(const struct amqp_link *l)
{
	return l->why;
}

/* ---------------------------------------------------------------- asking */

static int declare(struct amqp_link *l, const char *exchange, bool passive, int *ret_error)
{
	int r = open_channel(l, CHANNEL_ASK);

	if (r)
		return r;
	amqp_exchange_declare(l->conn, CHANNEL_ASK, bytes(exchange), bytes("topic"), passive, l->durable, 0,
			      0, amqp_empty_table);
	return answer(l, CHANNEL_ASK, ret_error);
}

/* Makes the exchange, or sees that it is as it should be. Who may not make one may still see that it is
 * there. */
static int need_exchange(struct amqp_link *l, const char *exchange, int *ret_error)
{
	int r;

	for (unsigned i = 0; i < DECLARED_MAX; i++)
		if (!strcmp(l->declared[i], exchange))
			return 0;
	r = declare(l, exchange, false, ret_error);
	if (r == 1 && *ret_error == -EACCES)
		r = declare(l, exchange, true, ret_error);
	if (r)
		return r;
	snprintf(l->declared[l->declared_next++ % DECLARED_MAX], DECLARED_NAME_MAX, "%s", exchange);
	return 0;
}

static int open_publishing(struct amqp_link *l)
{
	int r;

	if (l->open[CHANNEL_PUBLISH])
		return 0;
	r = open_channel(l, CHANNEL_PUBLISH);
	if (r)
		return r;
	amqp_confirm_select(l->conn, CHANNEL_PUBLISH);
	r = must(l, CHANNEL_PUBLISH);
	if (r)
		return r;
	l->returned.open = false;
	l->tag = 0;
	return 0;
}

/* As oslo.messaging has it; the correlation id tells, in what is returned, what it was. */
int amqp_link_publish(struct amqp_link *l, const struct amqp_message *m, uint64_t *ret_tag, int *ret_error)
{
	char id[24];
	amqp_basic_properties_t properties = {
		._flags = AMQP_BASIC_CONTENT_TYPE_FLAG | AMQP_BASIC_CONTENT_ENCODING_FLAG |
			  AMQP_BASIC_DELIVERY_MODE_FLAG | AMQP_BASIC_PRIORITY_FLAG |
			  AMQP_BASIC_CORRELATION_ID_FLAG,
		.content_type = bytes("application/json"),
		.content_encoding = bytes("utf-8"),
		.delivery_mode = AMQP_DELIVERY_PERSISTENT,
		.priority = 0,
	};
	int r = need_exchange(l, m->exchange, ret_error), status;

	if (!r)
		r = open_publishing(l);
	if (r)
		return r;
	snprintf(id, sizeof(id), "%llu", (unsigned long long)++l->tag);
	properties.correlation_id = bytes(id);
	status = amqp_basic_publish(l->conn, CHANNEL_PUBLISH, bytes(m->exchange), bytes(m->key), 1, 0,
				    &properties, (amqp_bytes_t){ m->len, m->body });
	if (status)
		return lost(l, status);
	*ret_tag = l->tag;
	return 0;
}

/* A queue that is not durable is one connection's: the next one need not wait until this one's is gone. */
static int queue_name(const struct amqp_subscription *s, char ret[DR_AMQP_TEXT_MAX])
{
	uint64_t n = 0;

	if (s->durable) {
		snprintf(ret, DR_AMQP_TEXT_MAX, "%s", s->queue);
		return 0;
	}
	if (getrandom(&n, sizeof(n), 0) != sizeof(n))
		return dr_errno();
	snprintf(ret, DR_AMQP_TEXT_MAX, "%.200s.%016llx", s->queue, (unsigned long long)n);
	return 0;
}

static int declare_queue(struct amqp_link *l, const struct amqp_subscription *s, const char *name)
{
	amqp_table_entry_t limits[] = {
		{ bytes("x-max-length"), { AMQP_FIELD_KIND_I32, { .i32 = (int32_t)s->max_length } } },
		{ bytes("x-message-ttl"),
		  { AMQP_FIELD_KIND_I32, { .i32 = (int32_t)(s->ttl.ns / DR_NSEC_PER_MSEC) } } },
	};
	const amqp_table_t arguments = { DR_ARRAY_SIZE(limits), limits };
	int error;

	amqp_queue_declare(l->conn, CHANNEL_CONSUME, bytes(name), 0, s->durable, !s->durable, !s->durable,
			   arguments);
	return answer(l, CHANNEL_CONSUME, &error);
}

int amqp_link_consume(struct amqp_link *l, const struct amqp_subscription *s)
{
	char name[DR_AMQP_TEXT_MAX];
	int error, r = queue_name(s, name);

	if (!r)
		r = need_exchange(l, s->exchange, &error);
	if (!r)
		r = open_channel(l, CHANNEL_CONSUME);
	if (!r)
		r = declare_queue(l, s, name);
	for (size_t i = 0; !r && i < DR_AMQP_KEYS_MAX && s->keys[i]; i++) {
		amqp_queue_bind(l->conn, CHANNEL_CONSUME, bytes(name), bytes(s->exchange), bytes(s->keys[i]),
				amqp_empty_table);
		r = answer(l, CHANNEL_CONSUME, &error);
	}
	if (r)
		return r;
	amqp_basic_qos(l->conn, CHANNEL_CONSUME, 0, PREFETCH, 0);
	r = answer(l, CHANNEL_CONSUME, &error);
	if (r)
		return r;
	l->delivered.open = false;
	amqp_basic_consume(l->conn, CHANNEL_CONSUME, bytes(name), amqp_empty_bytes, 0, 0, !s->durable,
			   amqp_empty_table);
	return answer(l, CHANNEL_CONSUME, &error);
}

int amqp_link_ack(struct amqp_link *l, uint64_t tag)
{
	int status = amqp_basic_ack(l->conn, CHANNEL_CONSUME, tag, 1);

	return status ? lost(l, status) : 0;
}

/* ---------------------------------------------------------------- what comes */

static uint64_t returned_tag(const amqp_basic_properties_t *p)
{
	char id[24];

	if (!(p->_flags & AMQP_BASIC_CORRELATION_ID_FLAG))
		return 0;
	snprintf(id, sizeof(id), "%.*s", (int)DR_MIN(p->correlation_id.len, sizeof(id)),
		 (const char *)p->correlation_id.bytes);
	return strtoull(id, NULL, 10);
}

static void begin_content(struct content *c, uint64_t tag)
{
	c->open = true;
	c->tag = tag;
	c->too_long = false;
	dr_buf_clear(&c->body);
}

static int closed_channel(struct amqp_link *l, amqp_channel_t channel, const amqp_channel_close_t *m,
			  struct amqp_event *e)
{
	int r = accept_close(l, channel, m, &e->error);

	if (r)
		return r;
	snprintf(e->text, sizeof(e->text), "%s", l->why);
	e->kind = channel == CHANNEL_PUBLISH ? AMQP_EVENT_PUBLISH_CLOSED : AMQP_EVENT_CONSUME_CLOSED;
	if (e->error == -ENOENT) /* an exchange that was there is gone: the next message makes it anew */
		memset(l->declared, 0, sizeof(l->declared));
	return channel == CHANNEL_ASK ? 0 : 1;
}

static int take_method(struct amqp_link *l, const amqp_frame_t *f, struct amqp_event *e)
{
	const amqp_method_t *m = &f->payload.method;
	const amqp_basic_ack_t *ack = m->decoded;
	const amqp_basic_nack_t *nack = m->decoded;
	const amqp_basic_return_t *returned = m->decoded;
	const amqp_basic_deliver_t *deliver = m->decoded;

	switch (m->id) {
	case AMQP_BASIC_ACK_METHOD:
		e->kind = AMQP_EVENT_CONFIRMED;
		e->tag = ack->delivery_tag;
		e->multiple = ack->multiple;
		return 1;
	case AMQP_BASIC_NACK_METHOD:
		e->kind = AMQP_EVENT_REFUSED;
		e->tag = nack->delivery_tag;
		e->multiple = nack->multiple;
		return 1;
	case AMQP_BASIC_RETURN_METHOD:
		begin_content(&l->returned, 0);
		copy_text(l->returned.text, returned->reply_text);
		return 0;
	case AMQP_BASIC_DELIVER_METHOD:
		begin_content(&l->delivered, deliver->delivery_tag);
		return 0;
	case AMQP_BASIC_CANCEL_METHOD:
		*e = (struct amqp_event){ .kind = AMQP_EVENT_CONSUME_CLOSED, .error = -ENOENT };
		snprintf(e->text, sizeof(e->text), "the queue was deleted");
		return 1;
	case AMQP_CHANNEL_CLOSE_METHOD:
		return closed_channel(l, f->channel, m->decoded, e);
	case AMQP_CONNECTION_CLOSE_METHOD:
		return connection_closed(l, m->decoded);
	}
	return 0;
}

static int content_done(struct content *c, struct amqp_event *e)
{
	c->open = false;
	*e = (struct amqp_event){
		.kind = c->too_long || c->body.error ? AMQP_EVENT_TOO_LONG : AMQP_EVENT_DELIVERY,
		.tag = c->tag,
		.body = dr_buf_str(&c->body),
		.len = c->body.len,
	};
	return 1;
}

static int take_header(struct amqp_link *l, const amqp_frame_t *f, struct amqp_event *e)
{
	if (f->channel == CHANNEL_PUBLISH && l->returned.open) {
		l->returned.open = false; /* its body is our own */
		*e = (struct amqp_event){ .kind = AMQP_EVENT_RETURNED, .error = -ENXIO };
		e->tag = returned_tag(f->payload.properties.decoded);
		snprintf(e->text, sizeof(e->text), "%s", l->returned.text);
		return 1;
	}
	if (f->channel != CHANNEL_CONSUME || !l->delivered.open)
		return 0;
	l->delivered.left = f->payload.properties.body_size;
	l->delivered.too_long = l->delivered.left > DR_AMQP_BODY_MAX;
	return l->delivered.left ? 0 : content_done(&l->delivered, e);
}

static int take_body(struct amqp_link *l, const amqp_frame_t *f, struct amqp_event *e)
{
	struct content *c = &l->delivered;
	const amqp_bytes_t *part = &f->payload.body_fragment;

	if (f->channel != CHANNEL_CONSUME || !c->open)
		return 0;
	if (!c->too_long)
		dr_buf_append(&c->body, part->bytes, part->len);
	c->left -= DR_MIN(c->left, part->len);
	return c->left ? 0 : content_done(c, e);
}

static int take_frame(struct amqp_link *l, const amqp_frame_t *f, struct amqp_event *e)
{
	switch (f->frame_type) {
	case AMQP_FRAME_METHOD:
		return take_method(l, f, e);
	case AMQP_FRAME_HEADER:
		return take_header(l, f, e);
	case AMQP_FRAME_BODY:
		return take_body(l, f, e);
	}
	return 0;
}

int amqp_link_next(struct amqp_link *l, struct amqp_event *ret)
{
	int r = 0;

	while (!r) {
		struct timeval none = {};
		struct amqp_event e = {};
		amqp_frame_t frame;
		int status;

		amqp_maybe_release_buffers(l->conn);
		status = amqp_simple_wait_frame_noblock(l->conn, &frame, &none);
		if (status == AMQP_STATUS_TIMEOUT)
			return 0;
		if (status)
			return lost(l, status);
		r = take_frame(l, &frame, &e);
		if (r > 0)
			*ret = e;
	}
	return r;
}
