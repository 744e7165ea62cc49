# SPDX-License-Identifier: Apache-2.0
# shellcheck shell=bash
# What the sandbox takes from Debian.

INSTALL=(python3-nova python3-keystone python3-placement python3-glance python3-neutron python3-aodh python3-ceilometer
	python3-pymysql python3-memcache python3-openstackclient python3-aodhclient
	rabbitmq-server mariadb-server-core mariadb-client-core memcached uwsgi-core uwsgi-plugin-python3)
# The packages of the services themselves would create users, ask for databases and start daemons. They are only
# unpacked, for their commands and paste files.
UNPACK=(nova-common nova-api nova-conductor nova-scheduler nova-compute neutron-common glance-common aodh-common
	ceilometer-agent-notification)

apt() {
	env DEBIAN_FRONTEND=noninteractive apt-get -y -o DPkg::Lock::Timeout=900 -o Acquire::Retries=3 -o Dpkg::Use-Pty=0 "$@" \
		>>"$LOG/apt.log" 2>&1
}

# Fresh images come without package lists, or with lists that name files which are gone.
apt_with_lists() {
	apt "$@" || { apt update && apt "$@"; } || die "apt-get $1, see $LOG/apt.log"
}

packages() {
	local need=() p policy=/usr/sbin/policy-rc.d ours='' f
	for p in "${INSTALL[@]}"; do
		[ "$(dpkg-query -W -f '${db:Status-Status}' "$p" 2>/dev/null)" = installed ] || need+=("$p")
	done
	if [ ${#need[@]} -gt 0 ]; then
		say "installing ${need[*]}"
		# Debian starts a service as soon as it is installed, unless policy-rc.d forbids it.
		if [ ! -e $policy ]; then
			ours=1
			printf '#!/bin/sh\nexit 101\n' >$policy && chmod 755 $policy
			trap 'rm -f /usr/sbin/policy-rc.d' EXIT
		fi
		apt_with_lists install --no-install-recommends "${need[@]}"
		if [ -n "$ours" ]; then rm -f $policy && trap - EXIT; fi
		# Nor at the next boot, where there is systemd: they would take our ports.
		if [ -d /run/systemd/system ]; then
			for p in rabbitmq-server memcached; do
				case " ${need[*]} " in *" $p "*) systemctl disable "$p" >>"$LOG/apt.log" 2>&1 || true ;; esac
			done
		fi
		say "installed"
	fi
	if [ ! -e "$PKG/.complete" ]; then
		rm -rf "$PKG" && mkdir -p "$PKG/deb"
		(cd "$PKG/deb" && apt_with_lists download "${UNPACK[@]}") || exit 1
		for f in "$PKG"/deb/*.deb; do dpkg-deb -x "$f" "$PKG" || die "cannot unpack $f"; done
		rm -rf "$PKG/deb"
		touch "$PKG/.complete"
		say "unpacked ${UNPACK[*]}"
	fi
}
