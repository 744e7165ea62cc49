/* SPDX-License-Identifier: Apache-2.0 */
#include "doctor/http_client.h"

#include <signal.h>
#include <string.h>
#include <sys/epoll.h>

#include "lib/io/http_transfer.h"

#define PER_HOST_DEFAULT 8
#define IDLE_DEFAULT 32

struct socket_watch {
	struct socket_watch *prev, *next; /* in client->sockets */
	struct dr_source *source;
};

struct dr_http_client {
	struct dr_loop *loop;
	CURLM *multi;
	struct dr_source *timer; /* curl's */
	struct dr_http_transfer *calls;
	struct socket_watch *sockets;
	unsigned pending;
	struct dr_http_settings settings;
	bool closing;
};

/* ---------------------------------------------------------------- calls */

static void call_link(struct dr_http_transfer *c)
{
	struct dr_http_client *client = c->client;

	c->next = client->calls;
	if (c->next)
		c->next->prev = c;
	client->calls = c;
	client->pending++;
}

static void call_unlink(struct dr_http_transfer *c)
{
	if (c->prev)
		c->prev->next = c->next;
	else
		c->client->calls = c->next;
	if (c->next)
		c->next->prev = c->prev;
	c->client->pending--;
}

/* The end of every call: out of curl and the list first, so that fn may start others. */
static void call_finish(struct dr_http_transfer *c, int error, const char *reason)
{
	struct dr_http_response *r = &c->response;
	long status = 0;

	curl_multi_remove_handle(c->client->multi, c->easy);
	call_unlink(c);
	curl_easy_getinfo(c->easy, CURLINFO_RESPONSE_CODE, &status);
	r->error = error;
	r->status = error ? 0 : (unsigned)status;
	r->took = dr_mono_sub(dr_mono_now(), c->start);
	if (error)
		snprintf(r->reason, sizeof(r->reason), "%s", reason);
	c->fn(r, c->userdata);
	dr_http_transfer_free(c);
}

static void call_done(struct dr_http_transfer *c, CURLcode code)
{
	const char *reason;
	int error = dr_http_transfer_error(c, code, &reason);

	call_finish(c, error, reason);
}

static int on_deadline(struct dr_source *s, void *userdata)
{
	struct dr_http_transfer *c = userdata;
	char duration[DR_TIME_STR_MAX], reason[80];

	snprintf(reason, sizeof(reason), "no answer within %s", dr_dur_format(c->timeout, duration));
	call_finish(c, -ETIMEDOUT, reason);
	return 0;
}

int dr_http_send(struct dr_http_client *client, const struct dr_http_request *req, dr_http_done_fn fn,
		 void *userdata)
{
	DR_AUTO(dr_http_transfer_freep) struct dr_http_transfer *c = NULL;
	int r;

	if (client->closing)
		return -ECANCELED;
	r = dr_http_transfer_new(&client->settings, req, &c);
	if (r < 0)
		return r;
	c->client = client;
	c->fn = fn;
	c->userdata = userdata;
	r = dr_loop_add_timer(client->loop, on_deadline, c, &c->deadline);
	if (r < 0)
		return r;
	/* curl's own limit does not run while a request waits for a connection */
	r = dr_timer_arm(c->deadline, c->timeout);
	if (r < 0)
		return r;
	if (curl_multi_add_handle(client->multi, c->easy))
		return -ENOMEM;
	call_link(DR_TAKE_PTR(c));
	return 0;
}

unsigned dr_http_client_pending(const struct dr_http_client *c)
{
	return c->pending;
}

/* ---------------------------------------------------------------- one call, waited for */

struct waited {
	struct dr_http_response *response;
	bool done;
};

static void on_waited(const struct dr_http_response *r, void *userdata)
{
	/* every response is a call's own, and the call is over */
	struct dr_http_response *mine = (struct dr_http_response *)r;
	struct waited *w = userdata;

	*w->response = *mine;
	*mine = (struct dr_http_response){ 0 };
	w->done = true;
}

static void cancel_waited(struct dr_http_client *client, struct waited *w)
{
	for (struct dr_http_transfer *c = client->calls; c; c = c->next) {
		if (c->userdata == w) {
			call_finish(c, -ECANCELED, "canceled");
			return;
		}
	}
}

int dr_http_call(struct dr_http_client *c, const struct dr_http_request *req, struct dr_http_response *ret)
{
	struct dr_http_response response = { 0 };
	struct waited w = { .response = &response };
	int r;

	r = dr_http_send(c, req, on_waited, &w);
	if (r < 0)
		return r;
	while (!w.done) {
		r = dr_loop_run_once(c->loop, dr_sec(3600));
		if (r < 0) {
			cancel_waited(c, &w);
			dr_http_response_done(&response);
			return r;
		}
	}
	*ret = response;
	return 0;
}

/* ---------------------------------------------------------------- curl in the loop */

/* Hands out what curl has finished. Callbacks may send: the messages are read one at a time. */
static void drain(struct dr_http_client *client)
{
	CURLMsg *m;
	int left;

	while ((m = curl_multi_info_read(client->multi, &left))) {
		CURLcode code = m->data.result;
		struct dr_http_transfer *c = NULL;

		if (m->msg != CURLMSG_DONE)
			continue;
		curl_easy_getinfo(m->easy_handle, CURLINFO_PRIVATE, (char **)&c);
		call_done(c, code);
	}
}

static int on_curl_timer(struct dr_source *s, void *userdata)
{
	struct dr_http_client *client = userdata;
	int running;

	curl_multi_socket_action(client->multi, CURL_SOCKET_TIMEOUT, 0, &running);
	drain(client);
	return 0;
}

static int on_socket(struct dr_source *s, int fd, uint32_t events, void *userdata)
{
	struct dr_http_client *client = userdata;
	int mask = 0, running;

	if (events & EPOLLIN)
		mask |= CURL_CSELECT_IN;
	if (events & EPOLLOUT)
		mask |= CURL_CSELECT_OUT;
	if (events & (EPOLLERR | EPOLLHUP))
		mask |= CURL_CSELECT_ERR;
	curl_multi_socket_action(client->multi, fd, mask, &running);
	drain(client);
	return 0;
}

static void unwatch(struct dr_http_client *client, struct socket_watch *w)
{
	if (w->prev)
		w->prev->next = w->next;
	else
		client->sockets = w->next;
	if (w->next)
		w->next->prev = w->prev;
	dr_source_free(w->source);
	free(w);
}

static int watch(struct dr_http_client *client, curl_socket_t fd, uint32_t events)
{
	struct socket_watch *w = calloc(1, sizeof(*w));

	if (!w)
		return -1;
	if (dr_loop_add_io(client->loop, fd, events, on_socket, client, &w->source) < 0) {
		free(w);
		return -1;
	}
	w->next = client->sockets;
	if (w->next)
		w->next->prev = w;
	client->sockets = w;
	curl_multi_assign(client->multi, fd, w);
	return 0;
}

/* CURLMOPT_SOCKETFUNCTION; -1 ends all transfers with an error. */
static int on_curl_socket(CURL *easy, curl_socket_t fd, int what, void *userdata, void *socket_data)
{
	struct dr_http_client *client = userdata;
	struct socket_watch *w = socket_data;
	uint32_t events = (what & CURL_POLL_IN ? EPOLLIN : 0) | (what & CURL_POLL_OUT ? EPOLLOUT : 0);

	if (what == CURL_POLL_REMOVE) {
		if (w)
			unwatch(client, w);
		return 0;
	}
	if (!w)
		return watch(client, fd, events);
	return dr_source_set_io_events(w->source, events) < 0 ? -1 : 0;
}

/* CURLMOPT_TIMERFUNCTION */
static int on_curl_timeout(CURLM *multi, long timeout_ms, void *userdata)
{
	struct dr_http_client *client = userdata;

	if (timeout_ms < 0) {
		dr_timer_disarm(client->timer);
		return 0;
	}
	return dr_timer_arm(client->timer, dr_msec(timeout_ms)) < 0 ? -1 : 0;
}

/* ---------------------------------------------------------------- the client */

/* A proxy of the environment is for the world outside, never for this machine. */
static char *no_proxy_list(void)
{
	const char *env = getenv("no_proxy");

	if (!env)
		env = getenv("NO_PROXY");
	if (!env)
		return strdup("localhost,127.0.0.1,::1");
	return strcmp(env, "*") == 0 ? strdup(env) : dr_asprintf("localhost,127.0.0.1,::1,%s", env);
}

static int set_multi(struct dr_http_client *c, const struct dr_http_client_opts *opts)
{
	int bad = 0;

	c->multi = curl_multi_init();
	if (!c->multi)
		return -ENOMEM;
	bad |= curl_multi_setopt(c->multi, CURLMOPT_SOCKETFUNCTION, on_curl_socket);
	bad |= curl_multi_setopt(c->multi, CURLMOPT_SOCKETDATA, c);
	bad |= curl_multi_setopt(c->multi, CURLMOPT_TIMERFUNCTION, on_curl_timeout);
	bad |= curl_multi_setopt(c->multi, CURLMOPT_TIMERDATA, c);
	bad |= curl_multi_setopt(c->multi, CURLMOPT_MAX_HOST_CONNECTIONS,
				 (long)(opts->per_host_max ? opts->per_host_max : PER_HOST_DEFAULT));
	bad |= curl_multi_setopt(c->multi, CURLMOPT_MAXCONNECTS,
				 (long)(opts->idle_max ? opts->idle_max : IDLE_DEFAULT));
	return bad ? -ENOMEM : 0;
}

/* A copy that may be none. */
static int copy_text(const char *from, char **to)
{
	*to = from ? strdup(from) : NULL;
	return from && !*to ? -ENOMEM : 0;
}

static int set_texts(struct dr_http_client *c, const struct dr_http_client_opts *opts)
{
	struct dr_http_settings *s = &c->settings;

	s->no_proxy = no_proxy_list();
	if (!s->no_proxy ||
	    copy_text(opts->user_agent ? opts->user_agent : "doctor/" DR_VERSION, &s->user_agent) ||
	    copy_text(opts->ca_file, &s->ca_file) || copy_text(opts->cert_file, &s->cert_file) ||
	    copy_text(opts->key_file, &s->key_file) || copy_text(opts->unix_socket, &s->unix_socket))
		return -ENOMEM;
	s->insecure = opts->insecure;
	s->answer_max = opts->answer_max;
	return 0;
}

/* OpenSSL writes without MSG_NOSIGNAL. A handler that somebody installed stays. */
static void ignore_sigpipe(void)
{
	struct sigaction sa;

	if (sigaction(SIGPIPE, NULL, &sa) == 0 && !(sa.sa_flags & SA_SIGINFO) && sa.sa_handler == SIG_DFL)
		signal(SIGPIPE, SIG_IGN);
}

int dr_http_client_new(struct dr_loop *l, const struct dr_http_client_opts *opts, struct dr_http_client **ret)
{
	static const struct dr_http_client_opts defaults;
	DR_AUTO(dr_http_client_freep) struct dr_http_client *c = NULL;
	int r;

	if (curl_global_init(CURL_GLOBAL_DEFAULT))
		return -ENOMEM;
	c = calloc(1, sizeof(*c));
	if (!c) {
		curl_global_cleanup();
		return -ENOMEM;
	}
	c->loop = l;
	ignore_sigpipe();
	r = set_texts(c, opts ? opts : &defaults);
	if (r < 0)
		return r;
	r = dr_loop_add_timer(l, on_curl_timer, c, &c->timer);
	if (r < 0)
		return r;
	r = set_multi(c, opts ? opts : &defaults);
	if (r < 0)
		return r;
	*ret = DR_TAKE_PTR(c);
	return 0;
}

void dr_http_client_free(struct dr_http_client *c)
{
	if (!c)
		return;
	c->closing = true;
	while (c->calls)
		call_finish(c->calls, -ECANCELED, "canceled");
	if (c->multi)
		curl_multi_cleanup(c->multi);
	while (c->sockets)
		unwatch(c, c->sockets);
	dr_source_free(c->timer);
	free(c->settings.user_agent);
	free(c->settings.ca_file);
	free(c->settings.cert_file);
	free(c->settings.key_file);
	free(c->settings.no_proxy);
	free(c->settings.unix_socket);
	free(c);
	curl_global_cleanup();
}
