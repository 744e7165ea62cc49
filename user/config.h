/* SPDX-License-Identifier: Apache-2.0 */
#ifndef DOCTOR_USER_CONFIG_H
#define DOCTOR_USER_CONFIG_H

/* The monitor's configuration (doctor-monitor.yaml), checked. */

#include <netinet/in.h>
#include <stdbool.h>
#include <stdint.h>

#include "doctor/abi.h"
#include "doctor/clock.h"
#include "doctor/conf.h"
#include "doctor/http_server.h"

#define MON_TARGETS_MAX 16384
#define MON_INTERFACES_MAX 64
#define MON_INSPECTORS_MAX 8
#define MON_NAME_MAX 64 /* with the terminating NUL; of the monitor, of a plane */
#define MON_HOST_MAX 256

struct mon_interface {
	char name[16];	  /* "": a hole in the table, see mon_config_align_interfaces() */
	unsigned ifindex; /* when the file was read; MON_AWAY: not there, it is attached to when it comes */
	/*
	 * Longest pause between two answers that is no gap in its hearing: one and a half intervals of
	 * its second fastest target, as the fastest may be the dead one. 0 without targets. The running
	 * monitor leaves out those that do not answer, and the times of the others follow.
	 */
	struct dr_dur gap;
	bool gap_heard; /* some are left out, see mon_config_keep_gaps() */
};

/* `links`: an interface of this machine whose carrier is watched, and reported as a NIC error of `host`. */
struct mon_link {
	char name[16];
	char host[MON_HOST_MAX]; /* this machine as Nova names it; default: `host` of the top level */
	char plane[MON_NAME_MAX];
};

struct mon_target {
	char host[MON_HOST_MAX]; /* as Nova names it */
	char plane[MON_NAME_MAX];
	enum dr_kind kind;
	__be32 address[4];  /* as dr_target.addr: IPv6, or IPv4 mapped */
	unsigned interface; /* index in mon_config.interfaces */
	struct dr_dur interval;
	uint32_t multiplier;
	uint32_t rise;
	/*
	 * Silence that makes a verdict: multiplier intervals, but no less than two gaps of the interface,
	 * so that a gap too short to be noticed cannot hide the answers.
	 */
	struct dr_dur detect;
	bool canary;	 /* watched for proof that the interface hears; never reported */
	bool discovered; /* comes from Nova, not from the file */
};

enum mon_egress {
	MON_EGRESS_AUTO,
	MON_EGRESS_TCX,
	MON_EGRESS_CLSACT
};
enum mon_attach_mode {
	MON_ATTACH_AUTO,
	MON_ATTACH_NATIVE,
	MON_ATTACH_GENERIC,
	MON_ATTACH_TC,
	MON_ATTACH_DISPATCHER
};
enum mon_dialect {
	MON_DOCTOR,
	MON_CONGRESS,
	MON_VITRAGE
};

struct mon_inspector {
	char *url;
	enum mon_dialect dialect;
	char *token_file; /* bearer token, or X-Auth-Token for congress and vitrage; read for each request;
			     NULL: none */
	char *ca_file, *cert_file, *key_file; /* TLS; NULL: the system's, none, none */
};

struct mon_grey { /* when a target that answers is degraded all the same */
	struct dr_dur window;
	uint32_t loss_permille; /* 0: loss is not looked at */
	uint32_t rtt_factor;	/* window's median over the learnt baseline; 0: not looked at */
	struct dr_dur rtt_step; /* and at least so much more */
};

struct mon_isolation {
	uint32_t share_permille; /* dr_iface.share; 0: never */
	uint32_t share_min;
	struct dr_dur blind_after; /* the sender this late is blind */
};

struct mon_discover {
	bool nova;
	char *cloud;	 /* of clouds.yaml; NULL: OS_* */
	char *interface; /* name */
	char plane[MON_NAME_MAX];
	struct dr_dur refresh;
	struct dr_dur interval; /* this and the following: of the targets found */
	uint32_t multiplier, rise;
};

struct mon_config {
	char name[MON_NAME_MAX];
	char host[MON_HOST_MAX]; /* this machine as Nova names it; default: its host name */
	char pin_root[256];	 /* directory on bpffs; the pins go to pin_root/name */
	char user[32];		 /* run as, once started; "": stay */
	enum mon_attach_mode attach;
	enum mon_egress egress;
	bool consume_replies;  /* our own replies end in the driver */
	bool passive;	       /* other frames of a silent target count as life */
	int realtime_priority; /* SCHED_FIFO; 0: not real-time */
	struct mon_isolation isolation;
	struct mon_grey grey;
	struct mon_discover discover;
	struct mon_inspector inspectors[MON_INSPECTORS_MAX];
	size_t inspector_count;
	bool all_inspectors;	       /* each gets every event; false: the first that takes it */
	size_t queue_max;	       /* undelivered events kept, per inspector; 0: mon_config_queue() */
	struct dr_http_listen metrics; /* valid if metrics_on; port 0: the kernel chooses */
	bool metrics_on;
	char *socket; /* path of the local socket; NULL: none */
	struct mon_interface interfaces[MON_INTERFACES_MAX];
	size_t interface_count;
	struct mon_link links[MON_INTERFACES_MAX];
	size_t link_count;
	struct mon_target *targets;
	size_t target_count;
	size_t target_room;  /* slots to be made: targets of the file and those that may come by reload and
				discovery */
	size_t target_space; /* private: as many fit into targets */
	struct mon_twins *twins; /* private: finds what is watched twice; NULL: made when needed */
};

void mon_config_done(struct mon_config *c);

/* It has no targets any more. */
void mon_config_forget_targets(struct mon_config *c);

/* A configuration of its own, the targets included. -ENOMEM. */
int mon_config_copy(const struct mon_config *from, struct mon_config *ret) DR_MUST_USE;

/* Index of an interface by name: 0 if there is none, which is an error, or MON_AWAY if it may come later, of
 * which the file is warned. */
typedef unsigned (*mon_ifindex_fn)(const char *name);
#define MON_AWAY (~0U)

/*
 * 0; 1: errors were added to conf, *ret is untouched; or -ENOMEM. Besides conf and ifindex it looks at the
 * host name of this machine, where the file does not give one.
 */
int mon_config_read(struct dr_conf *conf, mon_ifindex_fn ifindex, struct mon_config *ret) DR_MUST_USE;

/* Fills interfaces[].gap and targets[].detect. Called by mon_config_read(); again after discovery added
 * targets. */
void mon_config_derive_times(struct mon_config *c);

/*
 * After that, of a configuration that takes the place of was, with its interfaces aligned: where was leaves
 * out those that do not answer, its gap holds until the running monitor looks at who answers again. By the
 * intervals of the dead each answer would be a gap, and nobody could be judged for as long.
 */
void mon_config_keep_gaps(struct mon_config *c, const struct mon_config *was);

/* The same for one interface, of some of its targets: the two shortest intervals; 0: none. */
struct mon_pulse {
	int64_t first, second;
};
void mon_pulse_add(struct mon_pulse *p, struct dr_dur interval);
struct dr_dur mon_pulse_gap(const struct mon_pulse *p);
struct dr_dur mon_detect_time(const struct mon_target *t, struct dr_dur gap);

/*
 * Adds a target (discovered). t->interface is an index of c. 0, or -ENOSPC (target_room is full), -EEXIST
 * (that host has that plane, or that address, kind and interface), -EADDRINUSE (another host has these:
 * mon_config_owner()), -EINVAL (no host, no address of a host, or no such interface), -ENOMEM.
 */
int mon_config_add_target(struct mon_config *c, const struct mon_target *t) DR_MUST_USE;
/* Whose address, kind and interface t has, after targets were added; NULL: nobody's. */
const char *mon_config_owner(const struct mon_config *c, const struct mon_target *t);

/*
 * How many undelivered events are kept for an inspector. By default as many as there can be subjects, so that
 * what was last said of each is never lost: a host and its degradation for each target that there is room
 * for, each link and interface, and ourselves.
 */
size_t mon_config_queue(const struct mon_config *c);

/* Index of the interface of that name in c->interfaces, or -1. */
int mon_config_interface(const struct mon_config *c, const char *name);

/*
 * Numbers the interfaces of fresh, and those of its targets, as old does where it knows them by name; a
 * number of old that fresh does not use is not given to another interface, so holes are left (name "").
 * -ENOSPC (fresh untouched): together they are more than MON_INTERFACES_MAX.
 */
int mon_config_align_interfaces(struct mon_config *fresh, const struct mon_config *old) DR_MUST_USE;

/* "192.0.2.1" or "2001:db8::1" <-> address[4]. 4 or 6; -EINVAL; -EAFNOSUPPORT: IPv4 mapped
 * ("::ffff:192.0.2.1"), which is written as IPv4. */
int mon_address_parse(const char *text, __be32 ret[4]) DR_MUST_USE;
#define MON_ADDRESS_STR_MAX 46
char *mon_address_format(const __be32 address[4], char buf[MON_ADDRESS_STR_MAX]);
bool mon_address_is_v4(const __be32 address[4]);
/* A URL without the name and password that may be in it, for all that others read; returns buf. */
#define MON_URL_STR_MAX 256
char *mon_url_format(const char *url, char buf[MON_URL_STR_MAX]);
/* Why it cannot be watched ("is not the address of one host"); NULL: it can. */
const char *mon_address_fault(const __be32 address[4]);

/* Does fresh differ from old in what a running monitor does not take over? */
bool mon_config_needs_restart(const struct mon_config *old, const struct mon_config *fresh);

/* An inspector, from `after` on, that gets its token or password by plain http over the network; -1: none. */
int mon_config_plain_secret(const struct mon_config *c, size_t after);
/* The first target from `after` on that is detected later than its multiplier says; -1: none. */
int mon_config_slow_target(const struct mon_config *c, size_t after);
/* The first interface from `after` on whose one target is no canary, and with none to be discovered; -1:
 * none. */
int mon_config_lonely_interface(const struct mon_config *c, size_t after);

/* "3 targets on 2 interfaces, 1 link, and what Nova knows", for people; NULL: out of memory. The caller frees
 * it. */
char *mon_config_summary(const struct mon_config *c) DR_MUST_USE;

#endif
