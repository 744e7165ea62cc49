# SPDX-License-Identifier: Apache-2.0
# shellcheck shell=sh
# What the tests have in common; read by them.

fail() {
	echo "$*" >&2
	exit 1
}

# WHAT COMMAND...: it succeeds within 20 s
await() {
	what=$1
	shift
	for _ in $(seq 100); do
		! "$@" >/dev/null 2>&1 || return 0
		sleep 0.2
	done
	"$@" || :
	fail "in vain: $what"
}

# SERVICE: it runs as its user, and has said that it is ready
is_as_its_unit_says() {
	systemctl is-active "$1" || {
		systemctl status --no-pager "$1" || :
		journalctl --no-pager -u "$1" || :
		fail "$1 does not run"
	}
	pid=$(systemctl show --value -p MainPID "$1")
	[ "$(stat -c %U "/proc/$pid")" = "$1" ] || fail "$1 runs as $(stat -c %U "/proc/$pid")"
	[ "$(systemctl show --value -p Type "$1")" = notify ] || fail "$1 need not be ready"
}
