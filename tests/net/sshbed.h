/* SPDX-License-Identifier: Apache-2.0 */
#ifndef TESTS_NET_SSHBED_H
#define TESTS_NET_SSHBED_H

/*
 * The nodes of an installer, each with an OpenSSH server: a network, process and mount namespace for each,
 * its own /etc, /home, /root, /run, /usr/local/bin and /var/lib, laid out as that installer does. The
 * controller has the configuration that tools/sandbox writes for its services, but for what the test case
 * needs. What belongs to OpenStack is stood in for: `openstack` and `fuel` print a list, `service` and
 * `systemctl` note what they are asked for.
 */

#include "tests/net/bed.h"
#include "tools/scenario/ssh.h"

enum sshbed_layout {
	SSHBED_APEX, /* users stack and heat-admin with sudo(8) */
	SSHBED_FUEL  /* root; other nodes let in who comes from the master */
};

enum sshbed_node {
	SSHBED_INSTALLER,
	SSHBED_CONTROLLER,
	SSHBED_COMPUTE_1, /* has nft(8) */
	SSHBED_COMPUTE_2, /* has iptables(8) */
	SSHBED_NODES
};

struct sshbed {
	enum sshbed_layout layout;
	char dir[64]; /* and below it NODE/etc ... */
	char key[96], wrong_key[96], known_hosts[96];
	struct sc_topo *topo;
	pid_t nodes[SSHBED_NODES];
	bool kept; /* as new, for the next test */
};

/* Computes have these names, in the list and in Nova. One at a time, the same for all. Fails the test. */
struct sshbed *sshbed_new(enum sshbed_layout layout, const char *const computes[2]);
void sshbed_free(struct sshbed *b);
DR_DEFINE_FREEP(struct sshbed, sshbed_free)
/* Instead of sshbed_free(), if nothing was done to the nodes but to configuration, lists and known hosts. */
void sshbed_keep(struct sshbed *b);
DR_DEFINE_FREEP(struct sshbed, sshbed_keep)
int sshbed_end(void **state); /* once, after all tests: nothing is kept any more */

const char *sshbed_address(const struct sshbed *b, enum sshbed_node node);
/* Path of a file of a node, as it is seen from here; the caller frees it. */
char *sshbed_path(const struct sshbed *b, enum sshbed_node node, const char *path);
/* A file of a node; "" if it is not there. The caller frees it. */
char *sshbed_read(const struct sshbed *b, enum sshbed_node node, const char *path);
void sshbed_write(const struct sshbed *b, enum sshbed_node node, const char *path, const char *text);
/* A command of sh(1) as the node's root, in all of its namespaces; its status. */
int sshbed_do(const struct sshbed *b, enum sshbed_node node, const char *command, struct dr_buf *ret_output);

/*
 * Until a node's outage has begun, which is after doctor-test has asked for it and said so; and until the
 * node answers again. Both fail the test after a minute.
 */
void sshbed_wait_outage(const struct sshbed *b, enum sshbed_node node);
void sshbed_wait_answer(const struct sshbed *b, enum sshbed_node node);

/* Names, contents, owners, modes and times of all files below a directory of a node; the caller frees it. */
char *sshbed_state(const struct sshbed *b, enum sshbed_node node, const char *path);

/* SSH to the installer's node by the right key. */
void sshbed_ssh(const struct sshbed *b, struct sc_ssh *ret);

#endif
