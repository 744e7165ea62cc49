# SPDX-License-Identifier: Apache-2.0
"""What `up` asks of the OpenStack APIs. Every step may be repeated.

  cloud.py identity   service users, the tenant doctor, the endpoints
  cloud.py content    image tiny, flavor m1.tiny, network doctor-net
  cloud.py ready      wait until both computes are usable and every service listens to its queue
"""
import http.client
import json
import sys
import time
import urllib.error
import urllib.parse
import urllib.request

import amqp

KEYSTONE = 'http://127.0.0.1:5000'
PLACEMENT = 'http://127.0.0.1:8778'
GLANCE = 'http://127.0.0.1:9292'
NEUTRON = 'http://127.0.0.1:9696'
NOVA = 'http://127.0.0.1:8774/v2.1'
AODH = 'http://127.0.0.1:8042'
ENDPOINTS = (('nova', 'compute', NOVA), ('placement', 'placement', PLACEMENT), ('glance', 'image', GLANCE),
             ('neutron', 'network', NEUTRON), ('aodh', 'alarming', AODH))
COMPUTES = {'compute-1', 'compute-2'}
# Who consumes what, in RabbitMQ: without a consumer a call is lost, or an alarm late.
QUEUES = {'conductor': 'nova-conductor', 'scheduler': 'nova-scheduler', 'compute.compute-1': 'nova-compute-1',
          'compute.compute-2': 'nova-compute-2', 'notifications.info': 'ceilometer-agent-notification',
          'alarm.all.sample': 'aodh-listener', 'alarming.sample': 'aodh-notifier'}

# No proxy of the environment may come between.
OPENER = urllib.request.build_opener(urllib.request.ProxyHandler({}))


class ApiError(Exception):
    """The API answered, but not with success."""


def call(method, url, body=None, token=None, headers=None):
    """One request; returns (headers, decoded body). bytes are sent as they are, all else as JSON."""
    h = {'Accept': 'application/json', **(headers or {})}
    if token:
        h['X-Auth-Token'] = token
    if body is not None and not isinstance(body, bytes):
        body = json.dumps(body).encode()
        h['Content-Type'] = 'application/json'
    try:
        with OPENER.open(urllib.request.Request(url, body, h, method=method), timeout=60) as r:
            text = r.read()
            return r.headers, json.loads(text) if text else None
    except urllib.error.HTTPError as e:
        raise ApiError('%s %s: %s %s' % (method, url, e.code, e.read()[:600].decode(errors='replace'))) from None


def wait(what, test, seconds=240):
    """Until test() returns something; errors meanwhile belong to a service that is still starting."""
    end = time.monotonic() + seconds
    last = 'not yet'
    while time.monotonic() < end:
        try:
            found = test()
            if found:
                return found
        except (ApiError, OSError, http.client.HTTPException, ValueError) as e:
            last = e
        time.sleep(0.2)
    raise SystemExit('%s: not ready after %d s (%s)' % (what, seconds, last))


class Session:
    """A session of the user admin in the project admin, or of doctor in doctor."""

    def __init__(self, user='admin'):
        domain = {'name': 'Default'}
        headers, _ = call('POST', KEYSTONE + '/v3/auth/tokens', {'auth': {
            'identity': {'methods': ['password'],
                         'password': {'user': {'name': user, 'password': user, 'domain': domain}}},
            'scope': {'project': {'name': user, 'domain': domain}}}})
        self.token = headers['X-Subject-Token']

    def get(self, url, **headers):
        return call('GET', url, token=self.token, headers=headers)[1]

    def post(self, url, body, **headers):
        return call('POST', url, body, self.token, headers)[1]

    def put(self, url, body=None, **headers):
        return call('PUT', url, body, self.token, headers)[1]

    def delete(self, url):
        return call('DELETE', url, token=self.token)[1]

    def keystone_id(self, kind, name):
        found = self.get('%s/v3/%ss?name=%s' % (KEYSTONE, kind, urllib.parse.quote(name)))[kind + 's']
        return found[0]['id'] if found else None

    def ensure(self, kind, name, **more):
        return self.keystone_id(kind, name) or \
            self.post('%s/v3/%ss' % (KEYSTONE, kind), {kind: dict(name=name, **more)})[kind]['id']

    def grant(self, project, user, role):
        self.put('%s/v3/projects/%s/users/%s/roles/%s' % (KEYSTONE, project, user, self.ensure('role', role)))


def identity():
    admin = wait('keystone', Session)
    service = admin.ensure('project', 'service', domain_id='default')
    for name in ('nova', 'placement', 'glance', 'neutron', 'aodh'):
        user = admin.ensure('user', name, domain_id='default', password=name)
        for role in ('admin', 'service'):
            admin.grant(service, user, role)
    project = admin.ensure('project', 'doctor', domain_id='default')
    admin.grant(project, admin.ensure('user', 'doctor', domain_id='default', password='doctor'), 'member')

    have = {e['url'] for e in admin.get(KEYSTONE + '/v3/endpoints')['endpoints']}
    for name, kind, url in ENDPOINTS:
        if url not in have:
            sid = admin.ensure('service', name, type=kind)
            for interface in ('public', 'internal', 'admin'):
                admin.post(KEYSTONE + '/v3/endpoints', {'endpoint': {
                    'service_id': sid, 'interface': interface, 'region_id': 'RegionOne', 'url': url}})


def image(admin):
    images = wait('glance', lambda: admin.get(GLANCE + '/v2/images?name=tiny'))['images']
    if not any(i['status'] == 'active' for i in images):
        i = admin.post(GLANCE + '/v2/images', {'name': 'tiny', 'disk_format': 'raw', 'container_format': 'bare',
                                               'visibility': 'public'})
        admin.put('%s/v2/images/%s/file' % (GLANCE, i['id']), bytes(1024), **{'Content-Type': 'application/octet-stream'})


def flavor(admin):
    flavors = wait('nova-api', lambda: admin.get(NOVA + '/flavors'))['flavors']
    if not any(f['name'] == 'm1.tiny' for f in flavors):
        admin.post(NOVA + '/flavors', {'flavor': {'name': 'm1.tiny', 'id': '1', 'ram': 64, 'vcpus': 1, 'disk': 1}})


def network(admin):
    networks = wait('neutron', lambda: admin.get(NEUTRON + '/v2.0/networks?name=doctor-net'))['networks']
    project = admin.keystone_id('project', 'doctor')
    net = networks[0] if networks else admin.post(
        NEUTRON + '/v2.0/networks', {'network': {'name': 'doctor-net', 'project_id': project}})['network']
    if not net['subnets']:
        admin.post(NEUTRON + '/v2.0/subnets', {'subnet': {
            'name': 'doctor-subnet', 'network_id': net['id'], 'ip_version': 4, 'cidr': '192.168.30.0/24',
            'enable_dhcp': False, 'project_id': project}})


def content():
    """Also waits until everything that a first server needs is there, as the hosts can only be mapped then."""
    admin = Session()
    image(admin)
    flavor(admin)
    network(admin)

    def computes():
        # A host that somebody has forced down stays so: that is theirs to undo.
        services = admin.get(NOVA + '/os-services?binary=nova-compute', **{'X-OpenStack-Nova-API-Version': '2.53'})['services']
        return COMPUTES <= {s['host'] for s in services if s['state'] == 'up' or s['forced_down']}

    def providers():
        found = admin.get(PLACEMENT + '/resource_providers', **{'OpenStack-API-Version': 'placement 1.36'})
        return len(found['resource_providers']) >= len(COMPUTES)

    wait('two computes', computes)
    wait('two resource providers', providers)
    wait('aodh', lambda: admin.get(AODH + '/v2/alarms') is not None)


def consumed(queue):
    """True when somebody reads this queue. A queue that does not exist ends the channel."""
    with amqp.Connection('127.0.0.1:5672', userid='guest', password='guest', connect_timeout=10) as connection:
        try:
            return connection.channel().queue_declare(queue, passive=True).consumer_count > 0
        except amqp.NotFound:
            return False


def ready():
    admin = Session()
    for queue, service in QUEUES.items():
        wait(service, lambda: consumed(queue))
    wait('two hypervisors', lambda: len(admin.get(NOVA + '/os-hypervisors')['hypervisors']) >= len(COMPUTES))


if __name__ == '__main__':
    {'identity': identity, 'content': content, 'ready': ready}[sys.argv[1]]()
