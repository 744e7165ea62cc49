/* SPDX-License-Identifier: Apache-2.0 */
#include "tools/scenario/outage.h"

#include <string.h>

#define DIR "/run/doctor-test"
#define LIMIT dr_sec(30)

static const char *const kinds[] = {
	[SC_OUTAGE_SILENT] = "silent",
	[SC_OUTAGE_LINK] = "link",
	[SC_OUTAGE_FLAP] = "flap",
	[SC_OUTAGE_BLINK] = "blink",
};

/*
 * sh(1), with nothing but iproute2, util-linux, coreutils and nftables or iptables. `ip route restore`
 * complains about what is still there; that is as it should be.
 */
static const char script[] =
	"# The failure of this host's network, and its end. Made by doctor-test, which removes it.\n"
	"set -u\n"
	"PATH=$PATH:/usr/sbin:/sbin\n"
	"cd " DIR " || exit 1\n"
	"dev() { cat dev; }\n"
	"say() { echo \"$*\" >>log; }\n"
	"save() {\n"
	"	ip -4 route save dev \"$(dev)\" >routes4 && ip -6 route save dev \"$(dev)\" >routes6 &&\n"
	"		ip -6 address save dev \"$(dev)\" >addresses6\n"
	"}\n"
	"up() {\n"
	"	ip link set dev \"$(dev)\" up || return 1\n"
	"	[ ! -s addresses6 ] || ip -6 address restore <addresses6 2>/dev/null\n"
	"	ip -4 route restore <routes4 2>/dev/null\n"
	"	ip -6 route restore <routes6 2>/dev/null\n"
	"	:\n"
	"}\n"
	"down() { ip link set dev \"$(dev)\" down; }\n"
	"nft_rules() {\n"
	"	echo \"table inet doctor_test {\"\n"
	"	echo \" chain in { type filter hook prerouting priority -400; iifname \\\"$(dev)\\\" drop; "
	"}\"\n"
	"	echo \" chain out { type filter hook postrouting priority 400; oifname \\\"$(dev)\\\" drop; "
	"}\"\n"
	"	echo \"}\"\n"
	"}\n"
	"iptables_rules() { # -I or -D\n"
	"	for t in iptables ip6tables; do\n"
	"		command -v $t >/dev/null || continue\n"
	"		$t -w -t raw $1 PREROUTING -i \"$(dev)\" -m comment --comment doctor-test -j DROP "
	"&&\n"
	"			$t -w -t mangle $1 POSTROUTING -o \"$(dev)\" -m comment --comment "
	"doctor-test -j DROP || return 1\n"
	"	done\n"
	"}\n"
	"filter() { if command -v nft >/dev/null; then echo nft; elif command -v iptables >/dev/null; then "
	"echo iptables; fi; }\n"
	"silence() {\n"
	"	ip link set dev \"$(dev)\" arp off || return 1\n"
	"	case $(cat filter) in nft) nft_rules | nft -f - ;; *) iptables_rules -I ;; esac\n"
	"}\n"
	"unsilence() {\n"
	"	case $(cat filter) in\n"
	"	nft) ! nft list table inet doctor_test >/dev/null 2>&1 || nft delete table inet doctor_test "
	";;\n"
	"	*) while iptables -w -t raw -C PREROUTING -i \"$(dev)\" -m comment --comment doctor-test -j "
	"DROP 2>/dev/null; do\n"
	"		iptables_rules -D || return 1; done ;;\n"
	"	esac && ip link set dev \"$(dev)\" arp on\n"
	"}\n"
	"flap() {\n"
	"	down && sleep 0.2 && up && sleep 0.25 && down && sleep 0.2 && up && sleep 0.25 && down\n"
	"}\n"
	"begin() {\n"
	"	case $(cat kind) in\n"
	"	silent) silence ;;\n"
	"	link) down ;;\n"
	"	flap) flap ;;\n"
	"	blink) flap && sleep 0.2 && up ;;\n"
	"	esac\n"
	"}\n"
	"restore() { # WHO: as often as it is called\n"
	"	[ ! -e ended ] || return 0\n"
	"	case $(cat kind) in silent) unsilence ;; *) up ;; esac || { say \"$1 cannot end it\"; return "
	"1; }\n"
	"	say \"ended by $1\"\n"
	"	: >ended\n"
	"}\n"
	"running() { # NAME\n"
	"	[ -e \"$1\" ] && grep -q " DIR " \"/proc/$(cat \"$1\")/cmdline\" 2>/dev/null\n"
	"}\n"
	"finish() { # NAME: ends a process and what it waits for\n"
	"	! running \"$1\" || kill -9 \"-$(cat \"$1\")\"\n"
	"}\n"
	"case $1 in\n"
	"arm) # KIND ADDRESS SECONDS\n"
	"	ip -o address show to \"$3\" | awk '{ print $2; exit }' >dev\n"
	"	[ -s dev ] || { echo \"no interface has the address $3\" >&2; exit 1; }\n"
	"	echo \"$2\" >kind\n"
	"	filter >filter\n"
	"	[ \"$2\" != silent ] || [ -s filter ] || { echo \"neither nft nor iptables is there\" >&2; "
	"exit 1; }\n"
	"	[ \"$2/$(cat filter)\" != silent/nft ] || nft_rules | nft -c -f - || exit 1\n"
	"	save || exit 1\n"
	"	setsid sh " DIR "/host.sh guard \"$4\" </dev/null >/dev/null 2>>log &\n"
	"	i=0; while [ $i -lt 50 ]; do ! running guard || exit 0; sleep 0.1; i=$((i + 1)); done\n"
	"	echo \"the dead man's switch does not start: $(cat log)\" >&2\n"
	"	exit 1 ;;\n"
	"guard) # SECONDS\n"
	"	trap '' HUP INT TERM PIPE\n"
	"	echo $$ >guard.new && mv guard.new guard\n"
	"	sleep \"$2\"\n"
	"	for i in 1 2 3; do ! restore \"the dead man's switch\" || exit 0; sleep 1; done ;;\n"
	"wait) # SECONDS\n"
	"	running guard || { echo \"the dead man's switch does not run\" >&2; exit 1; }\n"
	"	echo ready\n"
	"	read -r word && [ \"$word\" = go ] && running guard || exit 1\n"
	"	trap '' HUP PIPE\n"
	"	setsid sh " DIR "/host.sh fail \"$2\" </dev/null >/dev/null 2>>log & ;;\n"
	"fail) # SECONDS\n"
	"	trap '' HUP INT TERM PIPE\n"
	"	echo $$ >failing\n"
	"	if begin; then say begun; sleep \"$2\"; else say \"the fault does not begin\"; fi\n"
	"	restore \"its time\" ;;\n"
	"end) # it may be about to end it\n"
	"	n=0; while running failing && [ ! -e ended ] && [ $n -lt 30 ]; do sleep 0.1; n=$((n + 1)); "
	"done\n"
	"	finish failing\n"
	"	[ ! -e guard ] || restore \"request\" || exit 1\n"
	"	finish guard\n"
	"	cat log 2>/dev/null\n"
	"	cd / && rm -rf " DIR " ;;\n"
	"esac\n";

static int failed(const struct sc_ssh *ssh, const char *what, int r, char **ret_error)
{
	DR_AUTO_FREE char *said = NULL;

	if (r <= 0)
		return r;
	said = DR_TAKE_PTR(*ret_error);
	*ret_error = dr_asprintf("%s: %s", what, said ? said : ssh->host);
	return -EIO;
}

static int install(const struct sc_ssh *ssh, char **ret_error)
{
	int r = sc_ssh_run_root(ssh, "umask 077; mkdir -p " DIR, NULL, 0, LIMIT, NULL, ret_error);

	if (r != 0)
		return failed(ssh, "cannot make " DIR, r, ret_error);
	return sc_ssh_put(ssh, DIR "/host.sh", script, sizeof(script) - 1, ret_error);
}

static int arm(const struct sc_ssh *ssh, enum sc_outage_kind kind, struct dr_dur limit, char **ret_error)
{
	DR_AUTO_FREE char *command = dr_asprintf("exec sh " DIR "/host.sh arm %s %s %.3f", kinds[kind],
						 ssh->host,
						 dr_dur_seconds(limit) + dr_dur_seconds(SC_OUTAGE_SLACK));
	int r;

	if (!command)
		return -ENOMEM;
	r = sc_ssh_run_root(ssh, command, NULL, 0, LIMIT, NULL, ret_error);
	return failed(ssh, "cannot arm a dead man's switch", r, ret_error);
}

/* The script verifies the switch once more before it says that it is ready. */
static int get_ready(struct sc_outage *o, struct dr_dur limit, char **ret_error)
{
	DR_AUTO_FREE char *command = dr_asprintf("exec sh " DIR "/host.sh wait %.3f", dr_dur_seconds(limit));

	if (!command)
		return -ENOMEM;
	return sc_ssh_session_new(o->ssh, command, LIMIT, &o->session, ret_error);
}

int sc_outage_arm(struct sc_outage *ret, const struct sc_ssh *ssh, enum sc_outage_kind kind,
		  struct dr_dur limit, char **ret_error)
{
	DR_AUTO_FREE char *left = NULL;
	int r;

	*ret = (struct sc_outage){ .ssh = ssh };
	r = sc_outage_end(ssh, &left, ret_error); /* of a run that was killed */
	ret->armed = r == 0;			  /* it may be, whatever we hear of it */
	if (r == 0)
		r = install(ssh, ret_error);
	if (r == 0)
		r = arm(ssh, kind, limit, ret_error);
	return r < 0 ? r : get_ready(ret, limit, ret_error);
}

int sc_outage_go(struct sc_outage *o, char **ret_error)
{
	int r = sc_ssh_session_go(o->session);

	if (r < 0)
		*ret_error = dr_asprintf("%s@%s: the connection is lost: %s", o->ssh->user, o->ssh->host,
					 strerror(-r));
	return r;
}

int sc_outage_end(const struct sc_ssh *ssh, char **ret_log, char **ret_error)
{
	DR_AUTO_BUF struct dr_buf log = { 0 };
	int r = sc_ssh_run_root(ssh, "[ ! -e " DIR "/host.sh ] || exec sh " DIR "/host.sh end", NULL, 0,
				LIMIT, &log, ret_error);

	if (r != 0)
		return failed(ssh, "cannot end the outage", r, ret_error);
	*ret_log = strdup(dr_buf_str(&log));
	return *ret_log ? 0 : -ENOMEM;
}

void sc_outage_done(struct sc_outage *o)
{
	sc_ssh_session_free(o->session);
	*o = (struct sc_outage){ 0 };
}
