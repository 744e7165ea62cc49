/* SPDX-License-Identifier: Apache-2.0 */
#ifndef DOCTOR_TOOLS_CTL_CHECK_H
#define DOCTOR_TOOLS_CTL_CHECK_H

/*
 * doctorctl check: is all that Doctor needs in order, on this machine and in the cloud?
 *
 *   readers -> facts (check_facts*.c)    what is looked at, before anything is judged
 *   facts -> findings (check_*.c)	  the checks, a table of pure functions
 *
 * Nothing is changed anywhere. What is asked of the inspectors is an empty list of events, and Nova is asked
 * for its services.
 */

#include <sys/timex.h>

#include "doctor/cloud/cloud.h"
#include "doctor/loop.h"
#include "inspector/config.h"
#include "tools/ctl/ctl.h"
#include "tools/ctl/ini.h"
#include "user/config.h"
#include "user/features.h"

#define CHECK_MONITOR_CONFIG "/etc/doctor/doctor-monitor.yaml"
#define CHECK_INSPECTOR_CONFIG "/etc/doctor/doctor-inspector.yaml"
#define CHECK_INSPECTOR_ENVIRONMENT "/etc/doctor/doctor-inspector.env"
#define CHECK_NOVA_CONF "/etc/nova/nova.conf"
#define CHECK_EVENT_PIPELINE "/etc/ceilometer/event_pipeline.yaml"
#define CHECK_CEILOMETER_CONF "/etc/ceilometer/ceilometer.conf"
#define CHECK_AODH_CONF "/etc/aodh/aodh.conf"

enum check_part {
	CHECK_MONITOR = 1 << 0,
	CHECK_INSPECTOR = 1 << 1,
	CHECK_CLOUD = 1 << 2,
};

/* ---------------------------------------------------------------- facts */

/* Where they come from; tests have a root and readers of their own. */
struct check_readers {
	struct dr_loop *loop;
	const char *root; /* before the paths of files that were not named by the caller; "": none */
	void (*features)(struct mon_features *ret);		  /* mon_features_probe() */
	int (*clock)(struct timex *ret);			  /* adjtimex(2) */
	bool (*interface)(const char *name, unsigned *ret_flags); /* check_interface_flags() */
};

/* A file that may be there. */
struct check_file {
	char *path;
	bool there;   /* or this user may not look whether it is */
	bool denied;  /* it may be good, but this user may not read it */
	char *errors; /* a line each; NULL: it is good, or not there */
};

/* Of a question by HTTP. */
struct check_answer {
	bool asked;
	int error; /* 0: there is an answer */
	char reason[512];
	unsigned status;
	struct dr_json *json; /* NULL: none */
};

struct check_kernel {
	struct mon_features features;
	bool btf;	      /* of the kernel itself, which fentry needs */
	bool bpffs;	      /* mounted at /sys/fs/bpf */
	int jit;	      /* net.core.bpf_jit_enable; -1: not to be seen */
	char lockdown[32];    /* "none", "integrity"; "": the kernel has no such thing */
	char clocksource[32]; /* "": not to be seen */
	bool clock_synchronized;
};

struct check_interface {
	char name[16];
	bool there, up, carrier;
};

/* An inspector that the monitor reports to, in the order of its configuration, asked as the monitor would. */
struct check_told {
	char *files; /* what is wrong with its token or certificates; NULL: nothing */
	bool denied; /* they may be good, but we may not look */
	struct check_answer answer;
};

struct check_monitor {
	struct check_file file;
	struct mon_config config; /* if the file is good */
	bool has_config;
	struct check_interface interfaces[2 * MON_INTERFACES_MAX]; /* probed by, or watched as links */
	size_t interface_count;
	struct check_told told[MON_INSPECTORS_MAX];
	char *socket; /* NULL: it has none */
	struct check_answer status;
	bool has_process;   /* what follows could be read */
	uint64_t permitted; /* capabilities */
	long long locked_kib;
};

struct check_inspector {
	struct check_file file;
	struct ins_config config; /* if the file is good */
	bool has_config;
	char *journal_trouble; /* of its directory; NULL: none */
	char *url;
	char *credentials; /* what is wrong with those that we show; NULL: nothing */
	struct check_answer health, subscriptions;
};

struct check_cloud {
	bool there;    /* there are credentials, or there should be */
	bool named;    /* which ones, so that it is known where they have to be */
	bool denied;   /* the unit's EnvironmentFile=, which may have them, is not for us to read */
	char *missing; /* why there are none; NULL: there are */
	struct check_answer login, version, services, alarms;
};

/* Settings of the cloud's services, if their files are here. */
struct check_settings {
	struct check_file nova_file, pipeline_file, aodh_file;
	struct ini nova, aodh;
	struct dr_conf *pipeline;
	bool ceilometer; /* it is configured on this machine, so that without a pipeline it has its own */
};

struct check_facts {
	unsigned parts; /* that are here, or were asked for; enum check_part */
	struct check_kernel kernel;
	struct check_monitor monitor;
	struct check_inspector inspector;
	struct check_cloud cloud;
	struct check_settings settings;
};

/* Reads all of it. Negative: not even that could be done. */
int check_facts_read(const struct check_readers *readers, const struct ctl_opts *o,
		     struct check_facts *ret) DR_MUST_USE;
void check_facts_done(struct check_facts *f);

/* Its parts (check_facts_*.c). */
int check_read_kernel(const struct check_readers *readers, struct check_kernel *k) DR_MUST_USE;
int check_read_monitor(const struct check_readers *readers, const struct ctl_opts *o,
		       struct check_monitor *m) DR_MUST_USE;
void check_monitor_done(struct check_monitor *m);
/* Its file and its journal's directory; then it is asked how it is. */
int check_read_inspector(const struct check_readers *readers, const struct ctl_opts *o,
			 struct check_inspector *i) DR_MUST_USE;
int check_ask_inspector(const struct check_readers *readers, const struct ctl_opts *o,
			struct check_inspector *i) DR_MUST_USE;
void check_inspector_done(struct check_inspector *i);
/*
 * Takes OS_* and all else from the EnvironmentFile= of the inspector's unit into our environment, in place of
 * what OS_* it has: these are what the inspector gets. Without such a file nothing changes.
 */
int check_take_environment(const struct check_readers *readers, struct check_cloud *c) DR_MUST_USE;
/* cloud: entry of clouds.yaml; NULL: OS_CLOUD, or OS_* */
int check_read_cloud(const struct check_readers *readers, const char *cloud,
		     struct check_cloud *c) DR_MUST_USE;
void check_cloud_done(struct check_cloud *c);
int check_read_settings(const struct check_readers *readers, const struct ctl_opts *o,
			struct check_settings *s) DR_MUST_USE;
void check_settings_done(struct check_settings *s);

/* root + fallback, or the path that was given. NULL: out of memory. */
char *check_path(const struct check_readers *readers, const char *given, const char *fallback) DR_MUST_USE;
/* Below the root. */
bool check_is_there(const struct check_readers *readers, const char *path);
/* The first line of a file below the root, without its end; "" if it cannot be read. */
void check_read_line(const struct check_readers *readers, const char *path, char *buf, size_t size);

/* Adds a line to what is wrong with a file. -ENOMEM. */
int check_file_error(struct check_file *file, const char *text) DR_MUST_USE;
/* All that conf complains of. -ENOMEM. */
int check_file_errors(struct check_file *file, const struct dr_conf *conf) DR_MUST_USE;
/* Its path as check_path(), and whether it is there. -ENOMEM. */
int check_file_find(const struct check_readers *readers, const char *given, const char *fallback,
		    struct check_file *ret) DR_MUST_USE;
void check_file_done(struct check_file *file);
void check_answer_done(struct check_answer *a);

/* IFF_UP, IFF_RUNNING, ... as netdevice(7) has them. False: there is no such interface. */
bool check_interface_flags(const char *name, unsigned *ret_flags);

/* One question, and its answer into *ret. Negative: not even that could be done. */
struct check_question {
	const char *method, *url, *body; /* body NULL: none */
	const char *unix_socket;
	const char *ca, *cert, *key;
	const char *header, *value; /* NULL: none */
};
int check_ask(struct dr_loop *loop, const struct check_question *q, struct check_answer *ret) DR_MUST_USE;

/* ---------------------------------------------------------------- findings */

enum check_state {
	CHECK_OK,
	CHECK_DEGRADED,
	CHECK_BROKEN,
};

struct check_finding {
	const char *check; /* its name in the table */
	char *of;	   /* which interface, say; NULL: there is one only */
	enum check_state state;
	char *found, *remedy; /* remedy NULL: it is ok */
};

struct check_report {
	struct check_finding *findings;
	size_t count, space;
	const char *check; /* that is under way */
	int error;
};

void check_report_done(struct check_report *r);

/* What a check found; of and remedy may be NULL. */
void check_ok(struct check_report *r, const char *of, const char *fmt, ...) DR_PRINTF(3, 4);
void check_bad(struct check_report *r, enum check_state state, const char *of, const char *remedy,
	       const char *fmt, ...) DR_PRINTF(5, 6);

typedef void (*check_fn)(const struct check_facts *f, struct check_report *r);

struct check {
	const char *name;
	unsigned part; /* that it is of */
	check_fn fn;
};

/* All of them, in the order in which they are told. */
extern const struct check checks[];
extern const size_t check_count;

/* Pure: all checks of the parts. */
void check_run(const struct check_facts *f, struct check_report *r);
enum ctl_exit check_exit(const struct check_report *r);
void check_print(const struct check_report *r, struct dr_buf *out);
void check_print_json(const struct check_report *r, struct dr_buf *out);

enum ctl_exit ctl_run_check(const struct ctl_opts *o, struct dr_buf *out, struct dr_buf *err);

/* The checks. */
void check_bpf(const struct check_facts *f, struct check_report *r);
void check_timer(const struct check_facts *f, struct check_report *r);
void check_ringbuf(const struct check_facts *f, struct check_report *r);
void check_btf(const struct check_facts *f, struct check_report *r);
void check_jit(const struct check_facts *f, struct check_report *r);
void check_bpffs(const struct check_facts *f, struct check_report *r);
void check_lockdown(const struct check_facts *f, struct check_report *r);
void check_tcx(const struct check_facts *f, struct check_report *r);
void check_clock(const struct check_facts *f, struct check_report *r);
void check_clocksource(const struct check_facts *f, struct check_report *r);

void check_monitor_file(const struct check_facts *f, struct check_report *r);
void check_monitor_interfaces(const struct check_facts *f, struct check_report *r);
void check_monitor_targets(const struct check_facts *f, struct check_report *r);
void check_monitor_running(const struct check_facts *f, struct check_report *r);
void check_monitor_version(const struct check_facts *f, struct check_report *r);
void check_monitor_attach(const struct check_facts *f, struct check_report *r);
void check_monitor_hearing(const struct check_facts *f, struct check_report *r);
void check_monitor_realtime(const struct check_facts *f, struct check_report *r);
void check_monitor_memory(const struct check_facts *f, struct check_report *r);
void check_monitor_capabilities(const struct check_facts *f, struct check_report *r);
void check_monitor_reload(const struct check_facts *f, struct check_report *r);
void check_monitor_discovery(const struct check_facts *f, struct check_report *r);
void check_monitor_inspectors(const struct check_facts *f, struct check_report *r);
void check_monitor_secrets(const struct check_facts *f, struct check_report *r);

void check_inspector_file(const struct check_facts *f, struct check_report *r);
void check_inspector_journal(const struct check_facts *f, struct check_report *r);
void check_inspector_running(const struct check_facts *f, struct check_report *r);
void check_inspector_version(const struct check_facts *f, struct check_report *r);
void check_inspector_map(const struct check_facts *f, struct check_report *r);
void check_inspector_aggregates(const struct check_facts *f, struct check_report *r);
void check_inspector_held(const struct check_facts *f, struct check_report *r);
void check_inspector_dry_run(const struct check_facts *f, struct check_report *r);
void check_inspector_bus(const struct check_facts *f, struct check_report *r);
void check_inspector_subscribers(const struct check_facts *f, struct check_report *r);

void check_credentials(const struct check_facts *f, struct check_report *r);
void check_compute_api(const struct check_facts *f, struct check_report *r);
void check_force_down(const struct check_facts *f, struct check_report *r);
void check_alarming(const struct check_facts *f, struct check_report *r);
void check_nova_state_change(const struct check_facts *f, struct check_report *r);
void check_nova_driver(const struct check_facts *f, struct check_report *r);
void check_nova_format(const struct check_facts *f, struct check_report *r);
void check_publisher(const struct check_facts *f, struct check_report *r);
void check_event_source(const struct check_facts *f, struct check_report *r);
void check_aodh_cache(const struct check_facts *f, struct check_report *r);

#endif
