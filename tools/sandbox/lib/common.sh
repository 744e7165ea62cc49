# SPDX-License-Identifier: Apache-2.0
# shellcheck shell=bash disable=SC2034
# Names, paths, messages and the care of processes, for all commands of the sandbox.

SANDBOX_DIR=$(realpath -m "${DOCTOR_SANDBOX_DIR:-/var/lib/doctor-sandbox}")
ETC="$SANDBOX_DIR/etc" LOG="$SANDBOX_DIR/log" RUN="$SANDBOX_DIR/run" STATE="$SANDBOX_DIR/state" PKG="$SANDBOX_DIR/pkg"

# Every service in the order in which it starts, with the ports that it listens on (127.0.0.1 only).
# shellcheck disable=SC2054
SERVICES=(
	memcached:11211
	epmd:14369
	rabbitmq:5672,25672
	mariadb
	keystone:5000
	placement:8778
	glance-api:9292
	neutron-server:9696
	nova-conductor
	nova-scheduler
	nova-api:8774
	nova-compute-1
	nova-compute-2
	aodh-api:8042
	aodh-listener
	aodh-notifier
	ceilometer-agent-notification
)

# The services see Debian's python3 only, and neither proxies nor PYTHON* variables of the caller.
CLEAN=(env -i PATH=/usr/sbin:/usr/bin:/sbin:/bin HOME="$SANDBOX_DIR/home" LANG=C.UTF-8 TMPDIR="$SANDBOX_DIR/tmp")

T0=${EPOCHREALTIME/[.,]/}
say() {
	local ds=$(((${EPOCHREALTIME/[.,]/} - T0) / 100000))
	printf '[%4d.%d s] %s\n' $((ds / 10)) $((ds % 10)) "$*"
}
die() {
	say "FAILED: $*" >&2
	exit 1
}

service_names() { printf '%s\n' "${SERVICES[@]%%:*}"; }
service_ports() { # NAME
	local s
	for s in "${SERVICES[@]}"; do
		[ "${s%%:*}" = "$1" ] && [ "$s" != "$1" ] && echo "${s#*:}" | tr ',' '\n'
	done
	return 0
}
port_open() { (exec 3<>"/dev/tcp/127.0.0.1/$1") 2>/dev/null; }

# --- processes
# Each service is the leader of its own session. run/NAME holds its pid, the start time of that process and the
# id of this boot, which together tell it from a later process that got the same pid, and a sum of its command.
BOOT=$(cat /proc/sys/kernel/random/boot_id)

# proc_stat PID: sets ST_STATE, ST_SESSION, ST_START; fails when there is no such process.
proc_stat() {
	local line f
	{ read -r line <"/proc/$1/stat"; } 2>/dev/null || return 1
	read -ra f <<<"${line##*) }" # the name, in parentheses, may hold blanks
	ST_STATE=${f[0]} ST_SESSION=${f[3]} ST_START=${f[19]}
}
# recorded NAME: sets PID, START and SUM of the service as it was started, dead or alive, in this boot.
recorded() {
	local boot
	{ read -r PID START boot SUM <"$RUN/$1"; } 2>/dev/null && [ "$boot" = "$BOOT" ]
}
alive() { # NAME
	recorded "$1" && proc_stat "$PID" && [ "$ST_START" = "$START" ] && [ "$ST_STATE" != Z ]
}
# members NAME: the pids of the service and of everything that it started. A dead leader's id is not
# given to another process as long as its session has members, so that these are surely ours.
members() {
	local d pid
	recorded "$1" || return 0
	if proc_stat "$PID" && [ "$ST_START" != "$START" ]; then return 0; fi
	for d in /proc/[0-9]*; do
		pid=${d#/proc/}
		if proc_stat "$pid" && [ "$ST_SESSION" = "$PID" ] && [ "$ST_STATE" != Z ]; then echo "$pid"; fi
	done
}
signal() { # SIGNAL NAME...
	local sig=$1 n pid
	shift
	for n in "$@"; do
		for pid in $(members "$n"); do kill -"$sig" "$pid" 2>/dev/null || true; done
	done
}
# stop SECONDS NAME...: ask them all to end, insist after SECONDS, return when nothing of them is left.
stop() {
	local seconds=$1 n i left
	shift
	signal TERM "$@"
	for ((i = 0; i < (seconds + 10) * 10; i++)); do
		left=
		for n in "$@"; do [ -z "$(members "$n")" ] || left="$left $n"; done
		[ -n "$left" ] || break
		# shellcheck disable=SC2086
		if ((i >= seconds * 10)); then signal KILL $left; fi
		sleep 0.1
	done
	[ -z "$left" ] || die "cannot end$left"
	for n in "$@"; do rm -f "$RUN/$n"; done
}
# start NAME [VAR=VALUE...] COMMAND...: unless it runs; first ends what a killed leader left behind.
start() {
	local name=$1 sum
	shift
	sum=$(cksum <<<"$*")
	sum=${sum%% *}
	if alive "$name"; then
		[ "$SUM" != "$sum" ] || return 0
		say "$name is started in another way now, restarting"
	fi
	stop 10 "$name"
	if [ "$(stat -c %s "$LOG/$name.log" 2>/dev/null || echo 0)" -gt 50000000 ]; then mv "$LOG/$name.log" "$LOG/$name.log.1"; fi
	# fd 9 is the lock of `up`
	setsid "${CLEAN[@]}" "$@" >>"$LOG/$name.log" 2>&1 </dev/null 9>&- &
	proc_stat $! || die "$name ended at once, see $LOG/$name.log"
	echo "$! $ST_START $BOOT $sum" >"$RUN/$name"
}
# wait_for SECONDS NAME TEST...: until TEST succeeds; gives up early when service NAME has ended.
wait_for() {
	local seconds=$1 name=$2 end=$((SECONDS + $1))
	shift 2
	until "$@" >/dev/null 2>&1; do
		alive "$name" || die "$name has ended, see $LOG/$name.log: $(tail -n 2 "$LOG/$name.log")"
		((SECONDS < end)) || die "$name is not ready after $seconds s, see $LOG/$name.log: $(tail -n 2 "$LOG/$name.log")"
		sleep 0.1
	done
}
wait_ports() { # NAME...
	local n p
	for n in "$@"; do
		for p in $(service_ports "$n"); do wait_for 240 "$n" port_open "$p"; done
	done
}
