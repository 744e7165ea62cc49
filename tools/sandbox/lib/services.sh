# SPDX-License-Identifier: Apache-2.0
# shellcheck shell=bash
# How each service is prepared and started.

BIN=$PKG/usr/bin
KEYSTONE=(--config-file "$ETC/keystone/keystone.conf")
NOVA=(--config-file "$ETC/nova/nova.conf")
NOVA_DB=("${NOVA[@]}" --config-file "$ETC/nova/nova-db.conf")
NEUTRON=(--config-file "$ETC/neutron/neutron.conf" --config-file "$ETC/neutron/ml2_conf.ini")
AODH=(--config-file "$ETC/aodh/aodh.conf")

sql() { "${CLEAN[@]}" mariadb --no-defaults -S "$STATE/mysql.sock" -u root -N "$@"; }
cloud() { # STEP
	"${CLEAN[@]}" /usr/bin/python3 "$HERE/lib/cloud.py" "$1" || die "the cloud is not complete, logs in $LOG"
}

# Services would take another RabbitMQ or Keystone on our ports for ours.
free_ports() {
	local name p
	while read -r name; do
		! alive "$name" || continue
		stop 2 "$name" # what a killed leader left may hold the port
		for p in $(service_ports "$name"); do
			if port_open "$p"; then
				die "port $p is needed for $name but taken: $(ss -Hltnp "sport = :$p" 2>/dev/null || echo 'see ss -ltnp')"
			fi
		done
	done < <(service_names)
}

# --- MariaDB, RabbitMQ, memcached
start_infrastructure() {
	local rabbit=(HOME="$STATE/rabbitmq" ERL_EPMD_ADDRESS=127.0.0.1 ERL_EPMD_PORT=14369) d
	mkdir -p "$STATE"/{nova,nova-compute-1,nova-compute-2,glance/images,neutron,rabbitmq,lock,keystone/fernet,keystone/credential}
	start memcached /usr/bin/memcached -u root -l 127.0.0.1 -p 11211 -m 64 -t 1
	start epmd "${rabbit[@]}" /usr/bin/epmd
	start rabbitmq "${rabbit[@]}" RABBITMQ_NODENAME=sandbox@localhost \
		RABBITMQ_CONF_ENV_FILE="$ETC/rabbitmq/rabbitmq-env.conf" RABBITMQ_CONFIG_FILE="$ETC/rabbitmq/rabbitmq.conf" \
		RABBITMQ_ENABLED_PLUGINS_FILE="$ETC/rabbitmq/enabled_plugins" \
		RABBITMQ_MNESIA_BASE="$STATE/rabbitmq/mnesia" RABBITMQ_LOG_BASE="$LOG" RABBITMQ_DIST_PORT=25672 \
		RABBITMQ_SERVER_ADDITIONAL_ERL_ARGS="-kernel inet_dist_use_interface {127,0,0,1} +sbwt none +sbwtdcpu none +sbwtdio none" \
		/usr/lib/rabbitmq/lib/rabbitmq_server-*/sbin/rabbitmq-server
	if [ ! -e "$STATE/mysql/.installed" ]; then
		rm -rf "$STATE/mysql"
		"${CLEAN[@]}" mariadb-install-db --no-defaults --user=root --datadir="$STATE/mysql" --skip-test-db \
			--auth-root-authentication-method=normal --skip-name-resolve >"$LOG/mariadb-install.log" 2>&1 ||
			die "mariadb-install-db, see $LOG/mariadb-install.log"
		touch "$STATE/mysql/.installed"
	fi
	start mariadb /usr/sbin/mariadbd --defaults-file="$ETC/mariadb/my.cnf"
	wait_for 60 mariadb sql -e 'select 1'
	for d in keystone placement glance nova_api nova nova_cell0 neutron aodh; do
		echo "create database if not exists $d character set utf8mb3;"
	done | sql
	wait_ports memcached epmd rabbitmq
	say "mariadb, rabbitmq, memcached are up"
}

# --- schemas
# sync NAME PACKAGE COMMAND...: once for each version of Debian's package.
sync() {
	local name=$1 version done="$STATE/.done-$1" t=$SECONDS
	version=$(dpkg-query -W -f '${Version}' "$2")
	shift 2
	[ "$(cat "$done" 2>/dev/null)" != "$version" ] || return 0
	"${CLEAN[@]}" /usr/bin/python3 "$@" >>"$LOG/sync-$name.log" 2>&1 || die "schema of $name, see $LOG/sync-$name.log"
	say "$name: schema ready after $((SECONDS - t)) s"
	echo "$version" >"$done"
}
fernet_keys() {
	local k i
	for k in fernet credential; do
		chmod 700 "$STATE/keystone/$k"
		for i in 0 1; do
			[ -e "$STATE/keystone/$k/$i" ] || head -c 32 /dev/urandom | base64 | tr '+/' '-_' >"$STATE/keystone/$k/$i"
		done
	done
}
sync_nova() {
	local manage=("$BIN/nova-manage" "${NOVA_DB[@]}")
	sync nova-api-db python3-nova "${manage[@]}" api_db sync
	# The cells' addresses are templates, which each service fills in from its own [database] and transport_url.
	sync nova-cell0 python3-nova "${manage[@]}" cell_v2 map_cell0 --database_connection '{scheme}://{username}@{hostname}/nova_cell0?{query}'
	sync nova-db python3-nova "${manage[@]}" db sync
	if [ "$(sql -e "select count(*) from nova_api.cell_mappings where name = 'cell1'")" = 0 ]; then
		sync nova-cell1 python3-nova "${manage[@]}" cell_v2 create_cell --name cell1 \
			--database_connection '{scheme}://{username}@{hostname}/nova?{query}' \
			--transport-url '{scheme}://{username}:{password}@{hostname}:{port}/'
	fi
}
sync_schemas() {
	local jobs=() j
	fernet_keys
	# Two chains, as each step is one busy process and small machines have two cores.
	sync_nova &
	jobs+=($!)
	{
		sync keystone python3-keystone /usr/bin/keystone-manage "${KEYSTONE[@]}" db_sync
		sync identity python3-keystone /usr/bin/keystone-manage "${KEYSTONE[@]}" bootstrap --bootstrap-username admin \
			--bootstrap-password admin --bootstrap-region-id RegionOne --bootstrap-public-url http://127.0.0.1:5000/v3/ \
			--bootstrap-internal-url http://127.0.0.1:5000/v3/
		sync placement python3-placement /usr/bin/placement-manage --config-file "$ETC/placement/placement.conf" db sync
		sync neutron python3-neutron "$BIN/neutron-db-manage" "${NEUTRON[@]}" upgrade head
		sync glance python3-glance "$BIN/glance-manage" --config-file "$ETC/glance/glance-api.conf" db_sync
		sync aodh python3-aodh "$BIN/aodh-dbsync" "${AODH[@]}"
	} &
	jobs+=($!)
	for j in "${jobs[@]}"; do wait "$j" || exit 1; done
}

# --- OpenStack
# wsgi NAME WORKERS WSGI-FILE [VAR=VALUE...]: as Debian runs these APIs. uwsgi closes each connection after its answer;
# a client that is not told so may send its next request into the closing one.
wsgi() {
	local name=$1 workers=$2 file=$3
	shift 3
	start "$name" "$@" /usr/bin/uwsgi --plugin python3 --master --die-on-term --no-orphans --need-app --enable-threads \
		--lazy-apps --thunder-lock --buffer-size 65535 --listen 100 --disable-logging --add-header "Connection: close" \
		--http-socket "127.0.0.1:$(service_ports "$name")" --processes "$workers" --threads 1 --wsgi-file "$file" \
		${PYARGV:+--pyargv "$PYARGV"}
}
python() { # NAME SCRIPT ARGUMENT...
	local name=$1
	shift
	start "$name" /usr/bin/python3 "$@"
}
start_keystone() {
	wsgi keystone 2 /usr/bin/keystone-wsgi-public OS_KEYSTONE_CONFIG_DIR="$ETC/keystone"
	wait_ports keystone
	say "keystone is up"
}
start_services() {
	python nova-conductor "$BIN/nova-conductor" "${NOVA_DB[@]}"
	python nova-scheduler "$BIN/nova-scheduler" "${NOVA_DB[@]}"
	wsgi placement 1 /usr/bin/placement-api OS_PLACEMENT_CONFIG_DIR="$ETC/placement"
	wsgi nova-api 2 "$BIN/nova-api-wsgi" OS_NOVA_CONFIG_DIR="$ETC/nova" OS_NOVA_CONFIG_FILES="api-paste.ini;nova.conf;nova-db.conf"
	python neutron-server "$BIN/neutron-server" "${NEUTRON[@]}"
	wsgi glance-api 1 "$BIN/glance-wsgi-api" OS_GLANCE_CONFIG_DIR="$ETC/glance"
	wait_ports placement nova-api
	python nova-compute-1 "$BIN/nova-compute" "${NOVA[@]}" --config-file "$ETC/nova/compute-1.conf"
	python nova-compute-2 "$BIN/nova-compute" "${NOVA[@]}" --config-file "$ETC/nova/compute-2.conf"
	PYARGV="--config-file=$ETC/aodh/aodh.conf" wsgi aodh-api 1 "$BIN/aodh-api"
	python aodh-listener "$BIN/aodh-listener" "${AODH[@]}"
	python aodh-notifier "$BIN/aodh-notifier" "${AODH[@]}"
	python ceilometer-agent-notification "$BIN/ceilometer-agent-notification" --config-file "$ETC/ceilometer/ceilometer.conf"
	wait_ports glance-api neutron-server aodh-api
	agents
	say "all services are started"
}
# Neutron binds a port only where an agent of the mechanism driver is alive. A row for each host stands for it.
agents() {
	local h
	for h in compute-1 compute-2; do
		cat <<-EOF
			insert ignore into agents (id, agent_type, \`binary\`, topic, host, admin_state_up, created_at, started_at,
			  heartbeat_timestamp, configurations, \`load\`)
			values (uuid(), 'Open vSwitch agent', 'neutron-openvswitch-agent', 'N/A', '$h', 1, now(), now(), '2099-01-01',
			  '{"bridge_mappings":{},"tunnel_types":[],"integration_bridge":"br-int","datapath_type":"system"}', 0);
		EOF
	done | sql neutron || die "cannot write neutron's agents"
}
# A compute that is not mapped to its cell gets no servers.
map_hosts() {
	[ "$(sql -e "select count(*) from nova_api.host_mappings where host in ('compute-1', 'compute-2')")" = 2 ] ||
		"${CLEAN[@]}" /usr/bin/python3 "$BIN/nova-manage" "${NOVA_DB[@]}" cell_v2 discover_hosts >>"$LOG/discover-hosts.log" 2>&1 ||
		die "hosts are not mapped, see $LOG/discover-hosts.log"
}
