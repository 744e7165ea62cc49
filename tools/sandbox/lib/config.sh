# SPDX-License-Identifier: Apache-2.0
# shellcheck shell=bash
# Writes the configuration of every service. Only what differs from the defaults, and why.

MQ=rabbit://guest:guest@127.0.0.1:5672/
db() { echo "connection = mysql+pymysql://root@localhost/$1?unix_socket=$STATE/mysql.sock&charset=utf8"; }
credentials() { # USER SECTION: how a service proves itself to Keystone
	cat <<-EOF
		[$2]
		auth_type = password
		auth_url = http://127.0.0.1:5000
		username = $1
		password = $1
		project_name = service
		user_domain_name = Default
		project_domain_name = Default
		region_name = RegionOne
	EOF
}
# Without memcached every API call would ask Keystone whether its token is valid.
authtoken() { # USER
	credentials "$1" keystone_authtoken
	cat <<-EOF
		www_authenticate_uri = http://127.0.0.1:5000
		memcached_servers = 127.0.0.1:11211
	EOF
}
cache() {
	cat <<-EOF
		[cache]
		enabled = true
		backend = dogpile.cache.memcached
		memcache_servers = 127.0.0.1:11211
	EOF
}
silent() { printf '[oslo_messaging_notifications]\ndriver = noop\n'; }
# The check points are read from these logs: epoch seconds first, levels raised for just the loggers that tell them.
checkpoint_log() { # LOGGER=LEVEL...
	cat <<-EOF
		logging_default_format_string = %(created).6f %(levelname)s %(name)s %(message)s
		logging_context_format_string = %(created).6f %(levelname)s %(name)s %(message)s
		default_log_levels = amqp=WARN,amqplib=WARN,kombu=WARN,sqlalchemy=WARN,requests=WARN,urllib3=WARN,stevedore=WARN,keystonemiddleware=WARN,oslo.messaging=INFO,oslo_db=ERROR$(printf ',%s' "$@")
	EOF
}

configure_infrastructure() { # DIRECTORY
	# Nothing here survives a power cut by design; everything survives the end of a process.
	cat >"$1/mariadb/my.cnf" <<-EOF
		[mysqld]
		user = root
		datadir = $STATE/mysql
		socket = $STATE/mysql.sock
		pid-file = $STATE/mysql.pid
		skip-networking
		skip-name-resolve
		skip-log-bin
		character-set-server = utf8mb3
		max_connections = 500
		innodb_buffer_pool_size = 128M
		innodb_flush_log_at_trx_commit = 2
		innodb_doublewrite = 0
		performance_schema = 0
	EOF
	cat >"$1/rabbitmq/rabbitmq.conf" <<-EOF
		listeners.tcp.1 = 127.0.0.1:5672
		log.file = false
		log.console = true
		log.console.level = warning
		disk_free_limit.absolute = 50MB
	EOF
	echo '[].' >"$1/rabbitmq/enabled_plugins"
	: >"$1/rabbitmq/rabbitmq-env.conf"
}

configure_keystone() { # DIRECTORY
	cat >"$1/keystone/keystone.conf" <<-EOF
		[DEFAULT]
		public_endpoint = http://127.0.0.1:5000/
		[database]
		$(db keystone)
		[token]
		provider = fernet
		expiration = 86400
		[fernet_tokens]
		key_repository = $STATE/keystone/fernet
		[fernet_receipts]
		key_repository = $STATE/keystone/fernet
		[credential]
		key_repository = $STATE/keystone/credential
		[identity]
		password_hash_rounds = 4
		$(silent)
		$(cache)
	EOF
}

configure_placement() { # DIRECTORY
	cat >"$1/placement/placement.conf" <<-EOF
		[api]
		auth_strategy = keystone
		[placement_database]
		$(db placement)
		$(authtoken placement)
	EOF
}

configure_glance() { # DIRECTORY
	cat >"$1/glance/glance-api.conf" <<-EOF
		[DEFAULT]
		enabled_backends = files:file
		[glance_store]
		default_backend = files
		[files]
		filesystem_store_datadir = $STATE/glance/images
		[database]
		$(db glance)
		[paste_deploy]
		flavor = keystone
		$(silent)
		$(authtoken glance)
	EOF
	cp "$PKG/usr/share/glance-common/glance-api-paste.ini" "$1/glance/"
}

configure_neutron() { # DIRECTORY
	cat >"$1/neutron/neutron.conf" <<-EOF
		[DEFAULT]
		transport_url = $MQ
		auth_strategy = keystone
		core_plugin = ml2
		service_plugins =
		bind_host = 127.0.0.1
		api_workers = 0
		rpc_workers = 0
		rpc_state_report_workers = 0
		state_path = $STATE/neutron
		api_paste_config = $ETC/neutron/api-paste.ini
		notify_nova_on_port_status_changes = false
		notify_nova_on_port_data_changes = false
		dhcp_agent_notification = false
		[database]
		$(db neutron)
		[oslo_concurrency]
		lock_path = $STATE/lock
		$(silent)
		$(authtoken neutron)
	EOF
	# No wires: type local, so that a port needs an agent's row to bind but no network.
	cat >"$1/neutron/ml2_conf.ini" <<-EOF
		[ml2]
		type_drivers = local
		tenant_network_types = local
		mechanism_drivers = openvswitch
		extension_drivers = data_plane_status
	EOF
	cp "$PKG/usr/share/neutron-common/api-paste.ini" "$1/neutron/"
}

configure_nova() { # DIRECTORY
	local h
	# sync_power_state_interval: else Nova sets a server that was marked "error" back to what the driver tells.
	# notify_on_state_change: else a reset of the state is not notified, and no alarm follows.
	cat >"$1/nova/nova.conf" <<-EOF
		[DEFAULT]
		transport_url = $MQ
		my_ip = 127.0.0.1
		state_path = $STATE/nova
		enabled_apis = osapi_compute
		compute_driver = fake.FakeDriver
		report_interval = 10
		service_down_time = 60
		sync_power_state_interval = -1
		[wsgi]
		api_paste_config = $ETC/nova/api-paste.ini
		[conductor]
		workers = 1
		[scheduler]
		workers = 1
		[vnc]
		enabled = false
		[glance]
		api_servers = http://127.0.0.1:9292
		[oslo_concurrency]
		lock_path = $STATE/lock
		[oslo_policy]
		policy_file = $ETC/nova/policy.yaml
		[quota]
		instances = -1
		cores = -1
		ram = -1
		[notifications]
		notify_on_state_change = vm_state
		notification_format = unversioned
		[oslo_messaging_notifications]
		driver = messagingv2
		$(authtoken nova)
		$(credentials placement placement)
		$(credentials neutron neutron)
		$(cache)
	EOF
	# Not for the computes: those reach the database through the conductor.
	cat >"$1/nova/nova-db.conf" <<-EOF
		[api_database]
		$(db nova_api)
		[database]
		$(db nova)
	EOF
	for h in 1 2; do
		printf '[DEFAULT]\nhost = compute-%s\nstate_path = %s/nova-compute-%s\n' "$h" "$STATE" "$h" >"$1/nova/compute-$h.conf"
	done
	# The owner of a server may see the state of its host, which Doctor is about; and choose the host, for tests.
	cat >"$1/nova/policy.yaml" <<-'EOF'
		"os_compute_api:servers:show:host_status": "rule:project_reader_or_admin"
		"compute:servers:create:requested_destination": "rule:project_member_or_admin"
	EOF
	cp "$PKG/usr/share/nova-common/api-paste.ini" "$1/nova/"
}

configure_ceilometer() { # DIRECTORY
	# At level TRACE the RabbitMQ driver logs each message that it publishes: the transformed event, as it leaves.
	cat >"$1/ceilometer/ceilometer.conf" <<-EOF
		[DEFAULT]
		transport_url = $MQ
		event_pipeline_cfg_file = $ETC/ceilometer/event_pipeline.yaml
		$(checkpoint_log oslo.messaging._drivers.impl_rabbit=TRACE)
		[notification]
		pipelines = event
		workers = 1
		notification_control_exchanges = nova
		[publisher]
		telemetry_secret = sandbox
	EOF
	cat >"$1/ceilometer/event_pipeline.yaml" <<-'EOF'
		---
		sources:
		  - name: event_source
		    events: ["compute.*"]
		    sinks: [event_sink]
		sinks:
		  - name: event_sink
		    publishers:
		      - notifier://?topic=alarm.all
	EOF
}

configure_aodh() { # DIRECTORY
	# event_alarm_cache_ttl: by default a new alarm would go unseen for up to a minute.
	cat >"$1/aodh/aodh.conf" <<-EOF
		[DEFAULT]
		transport_url = $MQ
		event_alarm_cache_ttl = 0
		$(checkpoint_log aodh.evaluator.event=INFO aodh.notifier.rest=INFO)
		[database]
		$(db aodh)
		[api]
		paste_config = $ETC/aodh/api-paste.ini
		[listener]
		workers = 1
		[notifier]
		workers = 1
		$(silent)
		$(authtoken aodh)
		$(credentials aodh service_credentials)
		interface = public
	EOF
	# Else the token middleware looks for /etc/aodh/aodh.conf.
	sed "s#^oslo_config_project = aodh#&\\noslo_config_file = $ETC/aodh/aodh.conf#" \
		"$PKG/usr/share/aodh-common/api-paste.ini" >"$1/aodh/api-paste.ini"
}

# Writes all anew, and stops the services whose configuration is another than the one they started with.
configure() {
	local new=$SANDBOX_DIR/etc.new dir name changed=()
	rm -rf "$new"
	mkdir -p "$new"/{mariadb,rabbitmq,keystone,placement,glance,neutron,nova,ceilometer,aodh}
	configure_infrastructure "$new"
	for dir in keystone placement glance neutron nova ceilometer aodh; do "configure_$dir" "$new"; done
	for dir in "$new"/*; do
		! diff -rq "$ETC/${dir##*/}" "$dir" >/dev/null 2>&1 || continue
		while read -r name; do
			case $name in "${dir##*/}"*) if alive "$name"; then changed+=("$name"); fi ;; esac
		done < <(service_names)
	done
	if [ ${#changed[@]} -gt 0 ]; then
		say "configuration changed, restarting ${changed[*]}"
		stop 10 "${changed[@]}"
	fi
	rm -rf "$ETC" && mv "$new" "$ETC"
}

# For users and tests: who may log in, and where the check points are logged.
write_user_files() {
	local cloud
	(
		umask 077
		echo "clouds:"
		for cloud in admin doctor; do
			cat <<-EOF
				  $cloud:
				    auth:
				      auth_url: http://127.0.0.1:5000/v3
				      username: $cloud
				      password: $cloud
				      project_name: $cloud
				      user_domain_name: Default
				      project_domain_name: Default
				    region_name: RegionOne
				    interface: public
				    identity_api_version: 3
			EOF
		done
	) >"$SANDBOX_DIR/clouds.yaml.new"
	chmod 600 "$SANDBOX_DIR/clouds.yaml.new"
	mv "$SANDBOX_DIR/clouds.yaml.new" "$SANDBOX_DIR/clouds.yaml"
	cat >"$SANDBOX_DIR/checkpoints" <<-EOF
		T06 $LOG/ceilometer-agent-notification.log Connection\._publish: sending message .*\["instance_id", 1, "{vm}"\].*\["state", 1, "error"\].* routing key alarm\.all\.sample
		T07 $LOG/aodh-listener.log Triggering the alarm {alarm} by event
		T08 $LOG/aodh-notifier.log Notifying alarm .* {alarm} with severity
	EOF
}
