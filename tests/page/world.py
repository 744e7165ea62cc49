# SPDX-License-Identifier: Apache-2.0
"""The inspector as it is installed, on a minicloud of its own: what the page is a page of."""
import json
import os
import resource
import shutil
import signal
import socket
import ssl
import subprocess
import tempfile
import time
import urllib.error
import urllib.request

PATIENCE = 30  # seconds, for whatever must come
BIN = os.environ.get("DOCTOR_BIN", "build/bin")
LOGIN = {"auth": {"identity": {"methods": ["password"], "password": {"user": {
    "name": "admin", "domain": {"id": "default"}, "password": "admin"}}},
    "scope": {"project": {"name": "admin", "domain": {"name": "Default"}}}}}


def wait(what, condition):
    """Returns what the condition does as soon as that is true."""
    end = time.monotonic() + PATIENCE
    while True:
        value = condition()
        if value:
            return value
        if time.monotonic() > end:
            raise AssertionError(f"in vain: {what}")
        time.sleep(0.02)


def call(method, url, body=None, headers=None, timeout=PATIENCE, context=None):
    """(status, body as JSON or None, headers); status 0: no answer."""
    data = None if body is None else json.dumps(body).encode()
    request = urllib.request.Request(url, data=data, method=method, headers=headers or {})
    try:
        with urllib.request.urlopen(request, timeout=timeout, context=context) as r:
            text, status, fields = r.read(), r.status, r.headers
    except urllib.error.HTTPError as e:
        text, status, fields = e.read(), e.code, e.headers
    except OSError:
        return 0, None, {}
    try:
        return status, json.loads(text) if text else None, fields
    except ValueError:
        return status, None, fields


def free_port():
    with socket.socket() as s:
        s.bind(("127.0.0.1", 0))
        return s.getsockname()[1]


class World:
    def __init__(self, hosts=8, servers=2, zones=None, settings="", tokens=None, tls=False, client=None, cloud="admin"):
        """zones: hosts by the name of their zone; the others are in Nova's own, "nova". cloud "none": as it is installed.
        client: who has a certificate, in browser_home(), and is a reader."""
        self.dir = tempfile.mkdtemp(prefix="doctor-page-")
        self.children = {}
        self.cloud = f"http://127.0.0.1:{free_port()}"
        port = free_port()
        self.url = f"http{'s' if tls else ''}://127.0.0.1:{port}"
        self.context = None
        self.start("minicloud", "--listen", self.cloud[7:], "--clouds-yaml", f"{self.dir}/clouds.yaml",
                   "--hosts", str(hosts), "--vms-per-host", str(servers), "--latency", "2")
        wait("minicloud", lambda: call("GET", self.cloud + "/minicloud/faults")[0] == 200)
        for name, members in (zones or {}).items():
            self.add_zone(name, members)
        if tls:
            settings += self.make_certificate(client)
        if tokens:
            self.write_tokens(tokens)
            settings += f"tokens: {self.dir}/tokens\n"
        with open(f"{self.dir}/inspector.yaml", "w", encoding="utf-8") as f:
            f.write(f"listen: 127.0.0.1:{port}\ncloud: {cloud}\njournal: {self.dir}/journal.db\n"
                    "timeout: 2s\nretry: {attempts: 5, pause: 20ms, pause_max: 100ms}\n"
                    "recovery: {hold: 20ms}\nflap: {limit: 1000000}\n" + settings)
        self.start_inspector()

    def nova(self, method, path, body=None):
        """As administrator."""
        if not hasattr(self, "token"):
            self.token = call("POST", self.cloud + "/identity/v3/auth/tokens", LOGIN)[2]["X-Subject-Token"]
        headers = {"X-Auth-Token": self.token, "Content-Type": "application/json"}
        status, answer, _ = call(method, self.cloud + "/compute/v2.1" + path, body, headers)
        assert status == 200, (status, answer)
        return answer

    def add_zone(self, name, members):
        made = self.nova("POST", "/os-aggregates", {"aggregate": {"name": f"zone-{name}", "availability_zone": name}})
        for host in members:
            self.nova("POST", f"/os-aggregates/{made['aggregate']['id']}/action", {"add_host": {"host": host}})

    def run(self, *command):
        subprocess.run(command, check=True, capture_output=True, cwd=self.dir)

    def make_certificate(self, client):
        key = ["-newkey", "ec", "-pkeyopt", "ec_paramgen_curve:prime256v1", "-nodes", "-days", "2"]
        self.run("openssl", "req", "-x509", *key, "-subj", "/CN=inspector", "-addext", "subjectAltName=IP:127.0.0.1",
                 "-keyout", "key.pem", "-out", "cert.pem")
        self.context = ssl.create_default_context(cafile=f"{self.dir}/cert.pem")
        if not client:
            return f"tls: {{cert: {self.dir}/cert.pem, key: {self.dir}/key.pem}}\n"
        self.run("openssl", "req", "-x509", *key, "-subj", "/CN=authority", "-keyout", "ca.key", "-out", "ca.pem")
        self.run("openssl", "req", *key, "-subj", f"/CN={client}", "-keyout", "client.key", "-out", "client.csr")
        self.run("openssl", "x509", "-req", "-in", "client.csr", "-CA", "ca.pem", "-CAkey", "ca.key", "-CAcreateserial",
                 "-days", "2", "-out", "client.pem")
        self.context.load_cert_chain(f"{self.dir}/client.pem", f"{self.dir}/client.key")
        return (f"tls: {{cert: {self.dir}/cert.pem, key: {self.dir}/key.pem, client_ca: {self.dir}/ca.pem}}\n"
                f"clients: {{{client}: \"reader, monitor\"}}\n")

    def browser_home(self):
        """A home directory whose browser has the client's certificate, put into it as docs/operations.md says."""
        home = f"{self.dir}/home"
        os.makedirs(f"{home}/.pki/nssdb")
        store = f"sql:{home}/.pki/nssdb"
        self.run("openssl", "pkcs12", "-export", "-in", "client.pem", "-inkey", "client.key", "-passout", "pass:", "-out", "client.p12")
        self.run("certutil", "-N", "-d", store, "--empty-password")
        self.run("pk12util", "-i", "client.p12", "-d", store, "-W", "", "-K", "")
        return home

    def write_tokens(self, text):
        with open(os.open(f"{self.dir}/tokens", os.O_WRONLY | os.O_CREAT | os.O_TRUNC, 0o600), "w", encoding="utf-8") as f:
            f.write(text)

    # ---- programs

    def start(self, name, *arguments):
        environment = dict(os.environ, OS_CLIENT_CONFIG_FILE=f"{self.dir}/clouds.yaml")
        with open(f"{self.dir}/{name}.log", "ab") as log:
            self.children[name] = subprocess.Popen(
                [os.path.join(BIN, name), *arguments], env=environment, stdout=log, stderr=log,
                preexec_fn=lambda: signal.signal(signal.SIGXFSZ, signal.SIG_IGN))  # what limit_files() leads to

    def stop(self, name):
        child = self.children.pop(name)
        child.terminate()
        try:
            return child.wait(PATIENCE)
        except subprocess.TimeoutExpired:
            child.kill()
            return child.wait()

    def start_inspector(self):
        self.start("doctor-inspector", "--config", f"{self.dir}/inspector.yaml")
        wait("the inspector", lambda: self.ask("GET", "/healthz")[0] in (200, 401, 503))

    def reload(self):
        self.children["doctor-inspector"].send_signal(signal.SIGHUP)

    def limit_files(self, size):
        """The inspector writes no file larger than that: a full disk, to its journal."""
        _, hard = resource.prlimit(self.children["doctor-inspector"].pid, resource.RLIMIT_FSIZE)
        resource.prlimit(self.children["doctor-inspector"].pid, resource.RLIMIT_FSIZE,
                         (hard if size is None else size, hard))

    def log(self):
        out = []
        for name in ("minicloud", "doctor-inspector"):
            with open(f"{self.dir}/{name}.log", encoding="utf-8", errors="replace") as f:
                out += [f"{name}: {line}" for line in f.read().splitlines()[-25:]]
        return "\n".join(out)

    def close(self):
        for name in list(self.children)[::-1]:
            self.stop(name)
        shutil.rmtree(self.dir)

    # ---- what happens

    def ask(self, method, path, body=None, token=None, timeout=PATIENCE):
        """The inspector."""
        return call(method, self.url + path, body, {"X-Auth-Token": token} if token else {}, timeout, self.context)

    def post(self, host, kind="compute.host.down", monitor="monitor-1", timeout=PATIENCE, token=None, **more):
        event = {"type": kind, "details": {"hostname": host, "monitor": monitor, **more}}
        return self.ask("PUT", "/events", [event], token, timeout)[0]

    def down(self, host, **more):
        assert self.post(host, **more) == 200

    def up(self, host):
        assert self.post(host, "compute.host.up", status="up") == 200

    def maintain(self, host, reason):
        status, body, _ = self.ask("PUT", f"/v1/maintenance/{host}", {"for": "1h", "reason": reason})
        assert status == 200, body

    def end_maintenance(self, host):
        assert self.ask("DELETE", f"/v1/maintenance/{host}")[0] in (200, 204)

    def disable(self, host):
        """As a person does it, in Nova."""
        self.nova("PUT", "/os-services/disable", {"host": host, "binary": "nova-compute"})

    def silence(self, host, silent=True):
        """Nova hears nothing of its nova-compute."""
        assert call("PUT", f"{self.cloud}/minicloud/hosts/{host}", {"silent": silent})[0] == 204

    def incident(self, host, state):
        """The id of its only incident, once it is in this state."""
        def find():
            found = self.ask("GET", f"/v1/incidents?host={host}&state={state}")[1]["incidents"]
            return found and found[0]["id"]
        return wait(f"{host} {state}", find)

    def fail(self, **fault):
        status, body, _ = call("POST", self.cloud + "/minicloud/faults", fault)
        assert status == 201, body

    def mend(self):
        assert call("DELETE", self.cloud + "/minicloud/faults")[0] in (200, 204)
