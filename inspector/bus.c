// SPDX-License-Identifier: Apache-2.0
#include <string.h>

#include "doctor/buf.h"
#include "doctor/log.h"
#include "inspector/bus.h"

#define QUEUE "doctor-inspector" /* what follows is random */

struct ins_bus {
	const struct ins_bus_conf *config;
	struct ins_nova *nova;
	struct dr_amqp *amqp; /* NULL: none is configured */
	char key[128];	      /* of the shortcut */
	bool connected;	      /* as told last */
	bool told;	      /* that it is not */
	char refused[DR_AMQP_TEXT_MAX];
	uint64_t changes, unreadable;
};

static void on_state(const struct dr_amqp_health *h, void *userdata)
{
	struct ins_bus *b = userdata;

	if (h->connected && !b->connected)
		dr_info("the bus is there host=%s", h->host);
	else if (!h->connected && (b->connected || !b->told))
		dr_warning("the bus is not there, trying again host=%s: %s", h->host, h->why);
	if (h->connected && h->consume_why[0] && strcmp(h->consume_why, b->refused))
		dr_error("Nova's notifications cannot be heard, the map is only refreshed host=%s: %s",
			 h->host, h->consume_why);
	b->told = b->told || !h->connected;
	b->connected = h->connected;
	memcpy(b->refused, h->consume_why, sizeof(b->refused));
}

static void on_body(const char *body, size_t len, void *userdata)
{
	struct ins_bus *b = userdata;
	struct ins_change change;
	int r = ins_notification_parse(body, len, &change);

	if (r < 0 && !b->unreadable++)
		dr_warning("a notification cannot be read, further ones are only counted: %s", strerror(-r));
	if (r)
		return;
	b->changes++;
	ins_nova_change(b->nova, &change);
}

static int listen_to(struct ins_bus *b, const struct ins_bus_conf *c)
{
	struct dr_amqp_subscription s = { .exchange = c->exchange, .queue = QUEUE };
	char keys[INS_TOPICS_MAX][128];

	for (size_t i = 0; i < c->topic_count; i++) {
		snprintf(keys[i], sizeof(keys[i]), "%s.*", c->topics[i]);
		s.keys[i] = keys[i];
	}
	return dr_amqp_consume(b->amqp, &s, on_body, b);
}

static int connect_to(struct ins_bus *b, struct dr_loop *l, const struct ins_bus_conf *c)
{
	const struct dr_amqp_conf conf = {
		.hosts = c->hosts,
		.host_count = c->host_count,
		.vhost = c->vhost,
		.user = c->user,
		.password = c->password,
		.password_file = c->password_file,
		.tls = c->tls,
		.ca_file = c->ca_file,
		.durable = c->durable,
		.queue_max = 10000,
		.on_state = on_state,
		.userdata = b,
	};
	int r = dr_amqp_new(l, &conf, &b->amqp);

	return r || !c->listen ? r : listen_to(b, c);
}

int ins_bus_new(struct dr_loop *l, const struct ins_bus_conf *c, struct ins_nova *nova, struct ins_bus **ret)
{
	DR_AUTO(ins_bus_freep) struct ins_bus *b = calloc(1, sizeof(*b));
	int r;

	if (!b)
		return -ENOMEM;
	b->config = c;
	b->nova = nova;
	if (c->host_count) {
		snprintf(b->key, sizeof(b->key), "%s.info", c->topics[0]);
		r = connect_to(b, l, c);
		if (r)
			return r;
	}
	*ret = DR_TAKE_PTR(b);
	return 0;
}

void ins_bus_free(struct ins_bus *b)
{
	if (!b)
		return;
	dr_amqp_free(b->amqp);
	free(b);
}

int ins_bus_send(struct ins_bus *b, const struct ins_notice *n, dr_amqp_done_fn fn, void *userdata)
{
	DR_AUTO_FREE char *body = NULL;
	struct dr_amqp_message m = { .exchange = b->config->exchange,
				     .routing_key = b->key,
				     .timeout = b->config->timeout };
	int r;

	if (!b->amqp)
		return -ENODEV;
	r = ins_notice_body(n, true, &body);
	if (r)
		return r;
	m.body = body;
	m.len = strlen(body);
	return dr_amqp_publish(b->amqp, &m, fn, userdata);
}

bool ins_bus_health(const struct ins_bus *b, struct ins_bus_health *ret)
{
	if (!b->amqp)
		return false;
	*ret = (struct ins_bus_health){
		.amqp = dr_amqp_health(b->amqp),
		.changes = b->changes,
		.unreadable = b->unreadable,
	};
	return true;
}

struct dr_json *ins_bus_json(const struct ins_bus *b)
{
	struct dr_amqp_health h;
	struct dr_json *o;

	if (!b->amqp)
		return NULL;
	h = dr_amqp_health(b->amqp);
	o = dr_json_object();
	dr_json_add_bool(o, "connected", h.connected);
	dr_json_add_str(o, "host", h.host);
	dr_json_add(o, "since_seconds", dr_json_number(dr_dur_seconds(dr_mono_sub(dr_mono_now(), h.since))));
	if (!h.connected)
		dr_json_add_str(o, "reason", h.why);
	dr_json_add_bool(o, "listening", h.consuming);
	if (h.connected && h.consume_why[0])
		dr_json_add_str(o, "listening_reason", h.consume_why);
	dr_json_add_int(o, "sent", (int64_t)h.confirmed);
	dr_json_add_int(o, "unrouted", (int64_t)h.unrouted);
	dr_json_add_int(o, "failed", (int64_t)h.failed);
	dr_json_add_int(o, "waiting", (int64_t)h.waiting);
	dr_json_add_int(o, "heard", (int64_t)h.delivered);
	dr_json_add_int(o, "too_long", (int64_t)h.dropped);
	dr_json_add_int(o, "unreadable", (int64_t)b->unreadable);
	dr_json_add_int(o, "changes", (int64_t)b->changes);
	return o;
}
