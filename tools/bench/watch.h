/* SPDX-License-Identifier: Apache-2.0 */
#ifndef BENCH_WATCH_H
#define BENCH_WATCH_H

/* One tool that watches the hosts of one network, whichever tool it is. */

#include "tools/bench/lines.h"
#include "tools/bench/net.h"
#include "tools/bench/proc.h"
#include "tools/bench/samples.h"

struct bench_watch;
struct bench_inspector;

struct bench_tool {
	const char *name;
	const char *program; /* what must be there, with its path; NULL: ours */
	bool bfd;	     /* both sides run it; else it sends echo requests */
	size_t hosts_max;    /* more it cannot do, or takes minutes to start; 0: no limit known */
	const char *limit;   /* and why */
	/* Starts its processes, the watching ones first; adds them to w. */
	int (*start)(struct bench_watch *w, char **ret_error);
	bench_line_fn line; /* NULL: says its verdicts otherwise */
};

extern const struct bench_tool bench_consuming; /* our monitor with consume_replies, for cost alone */
extern const struct bench_tool bench_doctor, bench_fping, bench_oping, bench_bfdd, bench_bird;
extern const struct bench_tool *const bench_tools[]; /* in the order of printing; ends with NULL */

struct bench_seen { /* a host, as the tool sees it */
	struct bench_streak streak;
	bool up;		/* by its last verdict */
	unsigned ups, downs;	/* verdicts so far */
	struct dr_mono down_at; /* when its last "down" was read */
	struct dr_mono decided; /* Doctor: when the kernel decided so */
	double late_us;		/* Doctor: that long after its deadline */
	unsigned lates;		/* log lines with a late_us so far */
};

struct bench_watch_opts {
	struct dr_loop *loop;
	const struct bench_net *net;
	const char *dir; /* for configurations and sockets; others may read it */
	const char *bin; /* where our programs are */
	struct dr_dur interval;
	unsigned multiplier;
	bool answers; /* the echo tools are to print each answer: needed for verdicts, costly */
};

#define BENCH_PROCS_MAX 16
#define BENCH_NAME_MAX 48

struct bench_watch {
	const struct bench_tool *tool;
	struct bench_watch_opts o;
	unsigned number; /* of this watch, for names */
	struct bench_proc *procs[BENCH_PROCS_MAX];
	unsigned nprocs, nours;		   /* of these, so many on the watching side */
	struct bench_seen *seen;	   /* by host */
	size_t hosts_seen;		   /* have been up */
	unsigned downs;			   /* verdicts so far */
	struct bench_inspector *inspector; /* Doctor's */
	char name[BENCH_NAME_MAX];	   /* Doctor's, and of its pins */
	double skipped;			   /* Doctor: probes that its sender left out, as its log says */
};

int bench_watch_start(const struct bench_tool *tool, const struct bench_watch_opts *o,
		      struct bench_watch **ret, char **ret_error) DR_MUST_USE;
void bench_watch_free(struct bench_watch *w);
DR_DEFINE_FREEP(struct bench_watch, bench_watch_free)

/* Handles what happens until every host has been up; 1: not all within that time, or a process has ended. */
int bench_watch_wait_up(struct bench_watch *w, struct dr_dur limit) DR_MUST_USE;
/* Do all its processes run? */
bool bench_watch_running(struct bench_watch *w);
/* "tool: what happened", and its last words. */
char *bench_watch_trouble(struct bench_watch *w, const char *what) DR_MUST_USE;

/* CPU time so far of the watching side's processes, and of those of the other sides. */
int bench_watch_cpu_ns(struct bench_watch *w, uint64_t *ret, uint64_t *ret_others) DR_MUST_USE;
/* Memory now of the watching side's processes. */
int bench_watch_memory(struct bench_watch *w, uint64_t *ret_rss, uint64_t *ret_pss) DR_MUST_USE;

/* Handles what happens for that long. */
int bench_idle(struct dr_loop *loop, struct dr_dur time) DR_MUST_USE;

/* -- for the tools -- */

/* Starts one process of the tool; its lines are fed to the tool's reader if it is ours. */
int bench_watch_spawn(struct bench_watch *w, int side, const char *const argv[], bool discard,
		      char **ret_error) DR_MUST_USE;
/* dir/NAME with that text, owned by nobody else than the reader of its name (NULL: root). */
int bench_watch_write(struct bench_watch *w, const char *name, const struct dr_buf *text, char *ret_path,
		      size_t size, char **ret_error) DR_MUST_USE;
void bench_watch_verdict(struct bench_watch *w, size_t host, bool up, struct dr_mono at);

/* -- Doctor's own (doctor.c) -- */
void bench_inspector_free(struct bench_inspector *i);
/* The monitor's log; the others have bench_tool.line. */
void bench_doctor_line(struct bench_watch *w, const char *line);
/* Removes what a killed monitor of that name has left pinned; "": none. */
void bench_monitor_clean(const char *name);

#endif
