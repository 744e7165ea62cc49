/* SPDX-License-Identifier: Apache-2.0 */
#ifndef DOCTOR_INSPECTOR_CONFIG_H
#define DOCTOR_INSPECTOR_CONFIG_H

/* The configuration of doctor-inspector; etc/doctor-inspector.yaml describes every setting. */

#include "doctor/conf.h"
#include "doctor/http_server.h"
#include "inspector/bus_conf.h"
#include "inspector/fence.h"
#include "inspector/admission.h"
#include "inspector/gate.h"
#include "inspector/north_conf.h"
#include "inspector/outcome.h"
#include "inspector/policy.h"

struct ins_recovery_conf {
	bool undo;	    /* what was changed is changed back */
	struct dr_dur hold; /* the host must be back for so long first */
};

struct ins_config {
	struct dr_http_listen listen;
	struct ins_admission_conf access;
	bool remote_shutdown; /* whoever reaches listen may end the program */
	char *cloud;	      /* entry of clouds.yaml; NULL: OS_CLOUD or OS_* */
	bool no_cloud;	      /* nothing but what monitors say; a dry run then */
	struct dr_dur refresh;
	struct dr_dur verify;
	unsigned parallel;
	struct dr_dur timeout;
	struct ins_retry_conf retry;
	struct ins_judge_conf judge;
	struct ins_brake_conf brake;
	struct ins_flap_conf flap;
	struct ins_maintenance_conf maintenance;
	struct ins_fence_conf fence;
	struct ins_bus_conf bus;
	struct ins_north_conf north;
	bool dry_run; /* judge and record, and change nothing */
	struct ins_policies faults;
	struct ins_recovery_conf recovery;
	char *journal; /* file; NULL: nothing outlives the process */
	unsigned queue;
	unsigned active; /* incidents worked on at once */
	unsigned history;
};

void ins_config_done(struct ins_config *c);

/* Reads all of it; complaints gather in f. 0 also then (the caller counts them), or -ENOMEM. */
int ins_config_read(struct dr_conf *f, struct ins_config *ret) DR_MUST_USE;

#endif
