/* SPDX-License-Identifier: Apache-2.0 */
#include <net/if.h> /* ahead of the kernel's, which then leaves its part out */
#include <linux/icmp.h>
#include <net/if_arp.h>
#include <pthread.h>
#include <sched.h>
#include <stdatomic.h>
#include <string.h>
#include <sys/ioctl.h>
#include <sys/socket.h>
#include <time.h>

#include "doctor/buf.h"
#include "user/pacer.h"
#include "user/probe.h"
#include "user/prober.h"

#define BATCH 64

struct message {
	struct dr_probe probe;
	struct sockaddr_in to;
	struct iovec iov;
	uint32_t slot;
};

struct mon_prober {
	const struct mon_config *config;
	const uint64_t *keys;
	uint16_t ident;
	struct mon_pacer pacer;
	uint64_t slack_ns;  /* targets due within it share a system call */
	uint32_t *seq;	    /* by target */
	atomic_int *errors; /* by target */
	atomic_bool *apart; /* by target: sent by the second socket */
	/*
	 * Two for each interface: probes to addresses that the kernel cannot resolve wait with it and use
	 * up their socket's buffer (ENOBUFS), which must not keep others from being sent.
	 */
	int sockets[MON_INTERFACES_MAX][2];
	struct message messages[BATCH];
	struct mmsghdr vector[BATCH];
	atomic_ullong sent, failed, skipped, late_max_ns;

	pthread_t thread;
	bool started;
	pthread_mutex_t mutex; /* guards stop; the condition is timed on CLOCK_MONOTONIC */
	pthread_cond_t wake;
	bool stop;
	char not_realtime[128];
};

/* Sends count messages; one that is refused is noted and left out. */
static void send_batch(struct mon_prober *p, int socket_fd, unsigned count)
{
	for (unsigned done = 0; done < count;) {
		int n = sendmmsg(socket_fd, &p->vector[done], count - done, MSG_DONTWAIT | MSG_NOSIGNAL);
		if (n > 0) {
			atomic_fetch_add(&p->sent, (unsigned)n);
			for (int i = 0; i < n; i++)
				atomic_store_explicit(&p->errors[p->messages[done + (unsigned)i].slot], 0,
						      memory_order_relaxed);
			done += (unsigned)n;
			continue;
		}
		if (errno == EINTR)
			continue;
		atomic_store_explicit(&p->errors[p->messages[done].slot], errno, memory_order_relaxed);
		atomic_fetch_add(&p->failed, 1);
		done++;
	}
}

static void put_message(struct mon_prober *p, unsigned at, uint32_t slot)
{
	struct message *m = &p->messages[at];

	mon_probe_fill(&m->probe, p->ident, slot, p->keys[slot], ++p->seq[slot]);
	m->to = (struct sockaddr_in){ .sin_family = AF_INET, .sin_addr = p->config->targets[slot].address };
	m->slot = slot;
}

static void send_slots(struct mon_prober *p, const uint32_t *slots, size_t n)
{
	for (unsigned i = 0; i < 2 * p->config->interface_count; i++) {
		unsigned interface = i / 2, apart = i % 2, count = 0;
		for (size_t k = 0; k < n; k++) {
			if (p->config->targets[slots[k]].interface == interface &&
			    atomic_load_explicit(&p->apart[slots[k]], memory_order_relaxed) == apart)
				put_message(p, count++, slots[k]);
		}
		send_batch(p, p->sockets[interface][apart], count);
	}
}

static void send_due(struct mon_prober *p)
{
	uint32_t slots[BATCH];
	uint64_t now = dr_mono_now().ns, due = mon_pacer_next(&p->pacer);
	size_t n;

	if (now > due && now - due > atomic_load(&p->late_max_ns))
		atomic_store(&p->late_max_ns, now - due);
	/* what is due by now, and no more: an overloaded sender must hear of its end, too */
	while ((n = mon_pacer_take(&p->pacer, now, p->slack_ns, slots, BATCH)) > 0)
		send_slots(p, slots, n);
	atomic_store(&p->skipped, p->pacer.skipped);
}

static void *run(void *arg)
{
	struct mon_prober *p = arg;

	pthread_mutex_lock(&p->mutex);
	while (!p->stop) {
		uint64_t next = mon_pacer_next(&p->pacer);
		struct timespec at = { .tv_sec = (time_t)(next / 1000000000),
				       .tv_nsec = (long)(next % 1000000000) };

		if (pthread_cond_clockwait(&p->wake, &p->mutex, CLOCK_MONOTONIC, &at) == ETIMEDOUT) {
			pthread_mutex_unlock(&p->mutex);
			send_due(p);
			pthread_mutex_lock(&p->mutex);
		}
	}
	pthread_mutex_unlock(&p->mutex);
	return NULL;
}

/* ---------------------------------------------------------------- start and stop */

/* The programs know Ethernet frames only. */
static int check_ethernet(int fd, const char *ifname)
{
	struct ifreq req = { 0 };

	strncpy(req.ifr_name, ifname, sizeof(req.ifr_name) - 1);
	if (ioctl(fd, SIOCGIFHWADDR, &req))
		return dr_errno();
	return req.ifr_hwaddr.sa_family == ARPHRD_ETHER ? 0 : -EPROTOTYPE;
}

/* Raw ICMP out of one interface; replies are the XDP program's, none is queued here. */
static int open_socket(const char *ifname)
{
	struct icmp_filter nothing = { .data = ~0u };
	DR_AUTO_CLOSE int fd = socket(AF_INET, SOCK_RAW | SOCK_CLOEXEC, IPPROTO_ICMP);

	if (fd < 0 || setsockopt(fd, SOL_RAW, ICMP_FILTER, &nothing, sizeof(nothing)) ||
	    setsockopt(fd, SOL_SOCKET, SO_BINDTODEVICE, ifname, (socklen_t)strlen(ifname) + 1))
		return dr_errno();
	int r = check_ethernet(fd, ifname);
	return r ? r : DR_TAKE_FD(fd);
}

static int fill_pacer(struct mon_prober *p)
{
	const struct mon_config *c = p->config;
	uint64_t start = dr_mono_now().ns + 2 * DR_NSEC_PER_MSEC, least = UINT64_MAX;
	int r = mon_pacer_init(&p->pacer, c->target_count);

	for (size_t i = 0; r == 0 && i < c->target_count; i++) {
		uint64_t interval = (uint64_t)c->targets[i].interval.ns;
		least = DR_MIN(least, interval);
		r = mon_pacer_add(&p->pacer, (uint32_t)i, interval,
				  mon_pacer_phase(start, interval, i, c->target_count));
	}
	p->slack_ns = DR_MIN(least / 16, 500000ULL);
	return r;
}

static int prepare(struct mon_prober *p, char **ret_error)
{
	const struct mon_config *c = p->config;

	p->seq = calloc(c->target_count + 1, sizeof(*p->seq));
	p->errors = calloc(c->target_count + 1, sizeof(*p->errors));
	p->apart = calloc(c->target_count + 1, sizeof(*p->apart));
	if (!p->seq || !p->errors || !p->apart || fill_pacer(p)) {
		*ret_error = dr_asprintf("out of memory");
		return -ENOMEM;
	}
	for (size_t i = 0; i < c->target_count; i++)
		atomic_init(&p->apart[i], true); /* until it has answered */
	for (size_t i = 0; i < 2 * c->interface_count; i++) {
		const char *ifname = c->interfaces[i / 2].name;
		int fd = open_socket(ifname);
		if (fd < 0) {
			*ret_error = fd == -EPROTOTYPE
					     ? dr_asprintf("interface %s is not Ethernet, which is all that "
							   "is understood",
							   ifname)
					     : dr_asprintf("no raw socket on %s: %s", ifname, strerror(-fd));
			return fd;
		}
		p->sockets[i / 2][i % 2] = fd;
	}
	for (unsigned i = 0; i < BATCH; i++) {
		p->messages[i].iov = (struct iovec){ &p->messages[i].probe, sizeof(struct dr_probe) };
		p->vector[i].msg_hdr = (struct msghdr){ .msg_name = &p->messages[i].to,
							.msg_namelen = sizeof(struct sockaddr_in),
							.msg_iov = &p->messages[i].iov,
							.msg_iovlen = 1 };
	}
	return 0;
}

static int start_thread(struct mon_prober *p)
{
	struct sched_param param = { .sched_priority = p->config->realtime_priority };
	pthread_attr_t attr;
	int r;

	pthread_attr_init(&attr);
	pthread_attr_setstacksize(&attr, 256 * 1024); /* locked memory: no more than is used */
	r = pthread_create(&p->thread, &attr, run, p);
	pthread_attr_destroy(&attr);
	if (r)
		return -r;
	p->started = true;
	r = param.sched_priority ? pthread_setschedparam(p->thread, SCHED_FIFO, &param) : 0;
	if (r)
		snprintf(p->not_realtime, sizeof(p->not_realtime), "%s", strerror(r));
	return 0;
}

int mon_prober_start(const struct mon_config *config, uint16_t ident, const uint64_t *keys,
		     struct mon_prober **ret, char **ret_error)
{
	DR_AUTO(mon_prober_stopp) struct mon_prober *p = calloc(1, sizeof(*p));
	int r;

	if (!p) {
		*ret_error = dr_asprintf("out of memory");
		return -ENOMEM;
	}
	p->config = config;
	p->ident = ident;
	p->keys = keys;
	for (size_t i = 0; i < MON_INTERFACES_MAX; i++)
		p->sockets[i][0] = p->sockets[i][1] = -1;
	pthread_mutex_init(&p->mutex, NULL);
	pthread_cond_init(&p->wake, NULL);
	r = prepare(p, ret_error);
	if (r)
		return r;
	r = start_thread(p);
	if (r) {
		*ret_error = dr_asprintf("starting the sender: %s", strerror(-r));
		return r;
	}
	*ret = DR_TAKE_PTR(p);
	return 0;
}

void mon_prober_stop(struct mon_prober *p)
{
	if (!p)
		return;
	if (p->started) {
		pthread_mutex_lock(&p->mutex);
		p->stop = true;
		pthread_cond_signal(&p->wake);
		pthread_mutex_unlock(&p->mutex);
		pthread_join(p->thread, NULL);
	}
	for (size_t i = 0; i < 2 * MON_INTERFACES_MAX; i++)
		dr_closep(&p->sockets[i / 2][i % 2]);
	pthread_cond_destroy(&p->wake);
	pthread_mutex_destroy(&p->mutex);
	mon_pacer_done(&p->pacer);
	free(p->seq);
	free(p->errors);
	free(p->apart);
	free(p);
}

void mon_prober_stats(struct mon_prober *p, struct mon_prober_stats *ret)
{
	ret->sent = atomic_load(&p->sent);
	ret->failed = atomic_load(&p->failed);
	ret->skipped = atomic_load(&p->skipped);
	ret->late_max_ns = atomic_exchange(&p->late_max_ns, 0);
}

void mon_prober_set_apart(struct mon_prober *p, size_t target, bool apart)
{
	atomic_store_explicit(&p->apart[target], apart, memory_order_relaxed);
}

int mon_prober_error(const struct mon_prober *p, size_t target)
{
	return atomic_load_explicit(&p->errors[target], memory_order_relaxed);
}

const char *mon_prober_not_realtime(const struct mon_prober *p)
{
	return p->not_realtime[0] ? p->not_realtime : NULL;
}
