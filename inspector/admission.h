/* SPDX-License-Identifier: Apache-2.0 */
#ifndef DOCTOR_INSPECTOR_ADMISSION_H
#define DOCTOR_INSPECTOR_ADMISSION_H

/*
 * Who may ask what of the inspector: which role each request needs, and the files that say who has it. What
 * is refused is answered, counted, and logged as far as that does not fill the log.
 */

#include "doctor/access.h"
#include "doctor/clock.h"

struct ins_admission_conf {
	char *cert, *key,
		*client_ca; /* files; cert NULL: plain HTTP; client_ca NULL: certificates are not asked for */
	char *tokens;	    /* file; NULL: none */
	struct dr_holder *clients; /* by the names in their certificates */
	size_t client_count;
	char **names; /* by which the server is called */
	size_t name_count;
	bool open_healthz; /* for everybody */
};

void ins_admission_conf_done(struct ins_admission_conf *c);

struct ins_admission;

/* Reads the files. c must outlive it. *ret_error as dr_tokens_load() and dr_http_tls_load(); -ENOMEM: NULL.
 */
int ins_admission_new(const struct ins_admission_conf *c, struct ins_admission **ret,
		      char **ret_error) DR_MUST_USE;
void ins_admission_free(struct ins_admission *a);
DR_DEFINE_FREEP(struct ins_admission, ins_admission_free)

/* Reads the files again: all of them are good, or everything stays as it was. */
int ins_admission_reload(struct ins_admission *a, char **ret_error) DR_MUST_USE;

struct dr_http_tls *ins_admission_tls(const struct ins_admission *a); /* its own; NULL: plain HTTP */
size_t ins_admission_tokens(const struct ins_admission *a);	      /* how many there are */
bool ins_admission_open(const struct ins_admission *a);		      /* nobody need say who he is */
uint64_t ins_admission_refused(const struct ins_admission *a);	      /* requests */

/* The role that a request needs, one of enum dr_role; 0: none. Pure. */
unsigned ins_admission_role(const struct ins_admission_conf *c, const char *method, const char *path);

/* Lets x pass, with its dr_http_user() set, or answers it: 401, 403. */
void ins_admission_judge(struct ins_admission *a, struct dr_http_exchange *x);

#endif
