/* SPDX-License-Identifier: Apache-2.0 */
#ifndef DOCTOR_TESTS_BROKER_H
#define DOCTOR_TESTS_BROKER_H

/*
 * A RabbitMQ of the test's own: Debian's rabbitmq-server on loopback, with ports, a name and a directory
 * that nobody else has. Users, all of vhost "/": doctor (password "se cret"), who may do anything, and
 * reader, who may only read and make queues. There is a fanout exchange "fanned".
 */

#include <stdint.h>
#include <sys/types.h>

struct broker {
	char dir[64]; /* ca.pem in it is who signed the TLS side */
	uint16_t port, tls_port;
	uint16_t epmd_port, dist_port;
	pid_t epmd, server; /* 0: not running; each leads a process group */
};

#define BROKER_USER "doctor"
#define BROKER_PASSWORD "se cret"

void broker_init(struct broker *b); /* and starts it */
void broker_start(struct broker *b);
void broker_stop(struct broker *b);
void broker_done(struct broker *b);

/* A port of 127.0.0.1 that nobody listens on now. */
uint16_t broker_free_port(void);

#endif
