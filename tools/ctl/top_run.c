/* SPDX-License-Identifier: Apache-2.0 */
/* top on a terminal: ANSI sequences that all of them know (ECMA-48, and xterm's second screen). */
#include <langinfo.h>
#include <locale.h>
#include <string.h>
#include <sys/epoll.h>
#include <sys/ioctl.h>
#include <termios.h>

#include "doctor/http_client.h"
#include "tools/ctl/table.h"
#include "tools/ctl/top.h"

#define TIMEOUT dr_sec(5)
/* The second screen, without a cursor; lines end at its edge. */
#define ENTER "\x1b[?1049h\x1b[?25l\x1b[?7l\x1b[2J"
#define LEAVE "\x1b[0m\x1b[?7h\x1b[?25h\x1b[?1049l"
#define SIGNALS 4

struct live {
	const struct ctl_opts *o;
	struct dr_buf *err;
	struct dr_loop *loop;
	struct dr_http_client *http;
	struct dr_source *timer, *keys, *signals[SIGNALS];
	struct top top;
	struct top_view view;
	bool raw;
	struct termios before; /* if raw */
	unsigned looks;
	enum ctl_exit status;
};

/* ---------------------------------------------------------------- the terminal */

/* False: nobody reads it any more. */
static bool put(const char *text, size_t len)
{
	while (len > 0) {
		ssize_t n = write(STDOUT_FILENO, text, len);
		if (n < 0 && errno != EINTR && errno != EAGAIN)
			return false;
		text += DR_MAX(n, 0);
		len -= (size_t)DR_MAX(n, 0);
	}
	return true;
}

static unsigned of_environment(const char *name, unsigned fallback)
{
	const char *text = getenv(name);
	unsigned long n = text ? strtoul(text, NULL, 10) : 0;

	return n > 0 && n < 10000 ? (unsigned)n : fallback;
}

static void measure(struct top_view *v)
{
	struct winsize size = { 0 };

	if (v->terminal && ioctl(STDOUT_FILENO, TIOCGWINSZ, &size) == 0 && size.ws_col && size.ws_row) {
		v->columns = size.ws_col;
		v->rows = size.ws_row;
		return;
	}
	v->columns = of_environment("COLUMNS", 80);
	v->rows = v->terminal ? of_environment("LINES", 24) : 0;
}

/* https://no-color.org: set and not empty is none. */
static void look_at_terminal(const struct ctl_opts *o, struct top_view *v)
{
	const char *term = getenv("TERM"), *no_color = getenv("NO_COLOR");

	setlocale(LC_CTYPE, "");
	v->terminal = !o->json && isatty(STDOUT_FILENO) && term && *term && strcmp(term, "dumb") != 0;
	v->colour = v->terminal && !(no_color && *no_color);
	v->utf8 = strcmp(nl_langinfo(CODESET), "UTF-8") == 0;
	measure(v);
}

static void enter(struct live *l)
{
	struct termios now;

	if (!l->view.terminal)
		return;
	if (tcgetattr(STDIN_FILENO, &l->before) == 0) {
		now = l->before;
		now.c_lflag &= ~(tcflag_t)(ICANON | ECHO);
		now.c_cc[VMIN] = 1;
		now.c_cc[VTIME] = 0;
		now.c_cc[VSUSP] = _POSIX_VDISABLE;
		l->raw = tcsetattr(STDIN_FILENO, TCSANOW, &now) == 0;
	}
	put(ENTER, strlen(ENTER));
}

static void leave(struct live *l)
{
	if (!l->view.terminal)
		return;
	put(LEAVE, strlen(LEAVE));
	if (l->raw)
		(void)!tcsetattr(STDIN_FILENO, TCSANOW, &l->before);
}

static void draw(struct live *l)
{
	DR_AUTO_BUF struct dr_buf b = { 0 };

	if (!l->top.doc)
		return;
	top_draw(&l->top, &l->view, &b);
	if (b.error || !put(dr_buf_str(&b), b.len))
		dr_loop_exit(l->loop, 0);
}

/* ---------------------------------------------------------------- the monitor */

static void end(struct live *l, enum ctl_exit status)
{
	l->status = status;
	dr_loop_exit(l->loop, 0);
}

static void failed(struct live *l, int error, const char *reason)
{
	if (!l->top.doc && !l->looks) {
		leave(l);
		l->view.terminal = false;
		ctl_put_no_monitor(ctl_socket(l->o), error, reason, l->err);
		end(l, CTL_UNREACHABLE);
		return;
	}
	snprintf(l->top.trouble, sizeof(l->top.trouble), "%s", *reason ? reason : strerror(-error));
}

static void take(struct live *l, const struct dr_http_response *r)
{
	struct dr_json *doc;
	int error = dr_json_parse(dr_buf_str(&r->body), r->body.len, &doc, NULL);

	if (error == 0)
		error = top_take(&l->top, doc);
	if (error)
		failed(l, error, "what answers there is no doctor-monitor");
	else if (l->o->json && (!put(r->body.data, r->body.len) || !put("\n", 1)))
		end(l, CTL_UNREACHABLE);
}

static void on_answer(const struct dr_http_response *r, void *userdata)
{
	struct live *l = userdata;

	if (r->error == -ECANCELED)
		return;
	if (r->error)
		failed(l, r->error, r->reason);
	else
		take(l, r);
	l->looks++;
	if (!l->o->json)
		draw(l);
	if (l->o->count && l->looks >= l->o->count)
		end(l, l->top.trouble[0] ? CTL_UNREACHABLE : l->status);
	else
		(void)!dr_timer_arm(l->timer, l->o->interval); /* of a timer that lives: does not fail */
}

static int ask(struct live *l)
{
	const struct dr_http_request req = { .method = l->o->verb->method,
					     .url = "http://localhost/v1/targets",
					     .timeout = TIMEOUT };

	return dr_http_send(l->http, &req, on_answer, l);
}

static int on_timer(struct dr_source *s, void *userdata)
{
	return ask(userdata);
}

/* ---------------------------------------------------------------- the person */

static int on_keys(struct dr_source *s, int fd, uint32_t events, void *userdata)
{
	struct live *l = userdata;
	char keys[64];
	ssize_t n = read(fd, keys, sizeof(keys));

	if (n <= 0 || !top_key(&l->top, &l->view, keys, (size_t)n))
		dr_loop_exit(l->loop, 0);
	else
		draw(l);
	return 0;
}

static int on_signal(struct dr_source *s, int signo, void *userdata)
{
	struct live *l = userdata;

	if (signo != SIGWINCH) {
		dr_loop_exit(l->loop, 0);
		return 0;
	}
	measure(&l->view);
	draw(l);
	return 0;
}

static int listen_to_person(struct live *l)
{
	static const int signals[SIGNALS] = { SIGWINCH, SIGINT, SIGTERM, SIGHUP };
	int r = 0;

	for (size_t i = 0; i < SIGNALS && r == 0; i++)
		r = dr_loop_add_signal(l->loop, signals[i], on_signal, l, &l->signals[i]);
	if (r == 0 && l->raw)
		r = dr_loop_add_io(l->loop, STDIN_FILENO, EPOLLIN, on_keys, l, &l->keys);
	return r;
}

/* ---------------------------------------------------------------- the whole */

static void live_done(struct live *l)
{
	leave(l);
	dr_http_client_free(l->http);
	dr_source_free(l->timer);
	dr_source_free(l->keys);
	for (size_t i = 0; i < SIGNALS; i++)
		dr_source_free(l->signals[i]);
	top_done(&l->top);
	dr_loop_free(l->loop);
}

static int live_start(struct live *l)
{
	const struct dr_http_client_opts opts = { .unix_socket = ctl_socket(l->o),
						  .user_agent = "doctorctl/" DR_VERSION };
	int r = dr_loop_new(&l->loop);

	if (r == 0)
		r = dr_http_client_new(l->loop, &opts, &l->http);
	if (r == 0)
		r = dr_loop_add_timer(l->loop, on_timer, l, &l->timer);
	if (r < 0)
		return r;
	look_at_terminal(l->o, &l->view);
	enter(l);
	r = listen_to_person(l);
	return r < 0 ? r : ask(l);
}

enum ctl_exit ctl_run_top(const struct ctl_opts *o, struct dr_buf *out, struct dr_buf *err)
{
	DR_AUTO(live_done) struct live l = { .o = o, .err = err };
	int r = live_start(&l);

	if (r == 0)
		r = dr_loop_run(l.loop);
	if (r < 0) {
		ctl_put(err, "doctorctl: top: %s\n", strerror(-r));
		return CTL_UNREACHABLE;
	}
	return l.status;
}
