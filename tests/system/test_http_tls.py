"""TLS of a real droverd: versions, bytes, client certificates of every wrong kind, certificates and lists that change under load, and who
dawdles in the handshake."""
import hashlib
import http.client
import json
import os
import re
import socket
import ssl
import subprocess
import threading
import time

import pytest

from fleet import FAST
from pki import Authority
from proof import Keys
from stack import accepts, wait_until

LATEST = "/firmware/latest?device_model=esp32&current_version=1.0.0"
REFUSED = 'drover_http_refused_total{reason="%s"}'


class Secure:
    """droverd with TLS on http.listen; api.listen stays plain unless a test says otherwise."""

    def __init__(self, stack, clients=None, **settings):
        self.stack, self.ca = stack, Authority(stack.folder / "pki")
        self.server_file, self.server = self.ca.issue("localhost", "server", server=True)
        stack.start_redis()
        stack.start_broker()
        values = {**FAST, "http.tls_certificate": self.server_file, **settings}
        if clients:
            values.update({"http.tls_client": clients, "http.tls_client_ca": self.ca.file, "http.tls_client_crl": self.ca.revoke()})
        self.droverd = stack.start_droverd(settings=values)
        self.port, self.api_port = stack.http_ports["drover-1"], stack.api_ports["drover-1"]
        self.token = "Bearer " + stack.token_file.read_text().strip()

    def connect(self, context=None, port=None):
        return http.client.HTTPSConnection("localhost", port or self.port, timeout=20, context=context or self.ca.client())

    def ask(self, target, context=None, method="GET", **headers):
        connection = self.connect(context)
        try:
            connection.request(method, target, headers={name.replace("_", "-"): value for name, value in headers.items()})
            answer = connection.getresponse()
            return answer.status, answer.headers, answer.read()
        finally:
            connection.close()

    def put(self, content):
        digest = hashlib.sha256(content).hexdigest()
        for offset in range(0, len(content), 4 << 20):
            connection = http.client.HTTPConnection("127.0.0.1", self.api_port, timeout=20)
            connection.request("PUT", f"/api/v1/uploads/{digest}?size={len(content)}&offset={offset}", content[offset:offset + (4 << 20)],
                               {"Authorization": self.token})
            assert connection.getresponse().status == 200
            connection.close()
        return "/artifacts/" + digest

    def refused(self, reason):
        return self.stack.metrics()[REFUSED % reason]

    def reload(self, word="event=reloaded"):
        before = self.droverd.log_path.read_text().count(word)
        self.droverd.signal(1)
        wait_until(lambda: self.droverd.log_path.read_text().count(word) > before, 10, word)

    def handshake_fails(self, context, reason):
        """TLS 1.3 tells a client only with its first read that its certificate was refused."""
        before = self.refused(reason)
        with pytest.raises((ssl.SSLError, OSError, http.client.BadStatusLine)):
            self.ask("/healthz", context)
        wait_until(lambda: self.refused(reason) == before + 1, 10, f"{reason} to be counted")


@pytest.fixture
def secure(stack, request):
    secure = Secure(stack, **getattr(request, "param", {}))
    yield secure
    secure.droverd.check_alive()


def with_settings(**settings):
    return pytest.mark.parametrize("secure", [{name.replace("__", "."): value for name, value in settings.items()}], indirect=True, ids=[""])


# --- versions and bytes ---

@pytest.mark.asan
def test_tls_1_3_and_nothing_older(secure):
    with secure.ca.client().wrap_socket(socket.create_connection(("127.0.0.1", secure.port), 10), server_hostname="localhost") as peer:
        peer.sendall(b"GET /healthz HTTP/1.1\r\nHost: x\r\n\r\n")
        assert peer.version() == "TLSv1.3" and peer.recv(100).startswith(b"HTTP/1.1 200")
    two = ssl.TLSVersion.TLSv1_2
    secure.handshake_fails(secure.ca.client(versions=(two, two)), "handshake")
    with pytest.raises((http.client.BadStatusLine, OSError)):
        connection = http.client.HTTPConnection("127.0.0.1", secure.port, timeout=20)
        connection.request("GET", "/healthz")
        connection.getresponse()
    wait_until(lambda: secure.refused("handshake") == 2, 10, "plain HTTP to be counted")
    context = secure.ca.client()
    context.set_alpn_protocols(["h2"])
    secure.handshake_fails(context, "handshake")
    context.set_alpn_protocols(["h2", "http/1.1"])
    assert secure.ask("/healthz", context)[0] == 200
    assert abs(secure.stack.metrics()['drover_http_certificate_expires_seconds{listener="devices"}'] - time.time() - 10 * 86400) < 600


@with_settings(http__tls_min="1.2")
def test_tls_1_2_by_setting(secure):
    two = ssl.TLSVersion.TLSv1_2
    context = secure.ca.client(versions=(two, two))
    assert secure.ask("/healthz", context)[0] == 200 and secure.ask("/healthz")[0] == 200
    context.set_ciphers("AES128-SHA256:AES128-GCM-SHA256:@SECLEVEL=0")   # no forward secrecy
    with pytest.raises(ssl.SSLError):
        secure.ask("/healthz", context)


@pytest.mark.asan
def test_the_bytes_are_the_packages(secure):
    """By sendfile they would be somebody else's memory: also when the same file goes out on a plain socket meanwhile."""
    content = os.urandom(20_000_003)
    path = secure.put(content)
    size = len(content)
    connection = secure.connect()
    for header, first, last in [(None, 0, size - 1), ("bytes=0-0", 0, 0), ("bytes=131071-131073", 131071, 131073), ("bytes=-3", size - 3, size - 1),
                                ("bytes=1000000-17000000", 1_000_000, 17_000_000)]:
        connection.request("GET", path, headers={"Range": header} if header else {})
        answer = connection.getresponse()
        assert answer.status == (206 if header else 200) and answer.read() == content[first:last + 1], header
        plain = http.client.HTTPConnection("127.0.0.1", secure.api_port, timeout=20)
        plain.request("GET", path, headers={"Range": header} if header else {})
        assert plain.getresponse().read() == content[first:last + 1], header
        plain.close()
    connection.request("GET", path, headers={"Range": "bytes=5-9,300000-700000,-7"})
    answer = connection.getresponse()
    boundary = re.search("boundary=(.*)", answer.headers["Content-Type"]).group(1).encode()
    parts = [part.split(b"\r\n\r\n", 1)[1][:-2] for part in answer.read().split(b"--" + boundary)[1:-1]]
    assert parts == [content[5:10], content[300_000:700_001], content[-7:]]
    connection.request("HEAD", path)
    answer = connection.getresponse()
    assert answer.headers["Content-Length"] == str(size) and answer.read() == b""
    connection.close()


def test_a_slow_reader_gets_all_of_it_and_is_seen_to_move(secure):
    content = os.urandom(12_000_000)
    path = secure.put(content)
    raw = socket.socket()
    raw.setsockopt(socket.SOL_SOCKET, socket.SO_RCVBUF, 65536)
    raw.connect(("127.0.0.1", secure.port))
    with secure.ca.client().wrap_socket(raw, server_hostname="localhost") as peer:
        peer.sendall(f"GET {path} HTTP/1.1\r\nHost: x\r\nConnection: close\r\n\r\n".encode())
        got = b""
        begun = time.monotonic()
        while chunk := peer.recv(65536):
            got += chunk
            time.sleep(0.005)
        assert got.split(b"\r\n\r\n", 1)[1] == content and time.monotonic() - begun > 0.5


# --- client certificates ---

@pytest.mark.asan
@with_settings(clients="required")
def test_who_has_no_good_certificate_comes_not_in(secure):
    ca, stranger = secure.ca, Authority(secure.stack.folder / "pki2", "stranger")
    good, _ = ca.issue("d1")
    gone, certificate = ca.issue("d2")
    ca.revoke(certificate)
    secure.reload()
    assert secure.ask("/healthz", ca.client(good))[0] == 200
    for context in (ca.client(), ca.client(ca.issue("d3", days=-1)[0]), ca.client(stranger.issue("d1")[0]), ca.client(gone),
                    ca.client(ca.issue("d4", server=True)[0])):
        secure.handshake_fails(context, "certificate")
    assert secure.refused("certificate") == 5 and "event=handshake_refused" in secure.droverd.log_path.read_text()
    # A list that is out of date says nothing about anybody: nobody comes in, until there is a new one.
    ca.revoke(until_days=-1)
    secure.reload()
    secure.handshake_fails(ca.client(good), "certificate")
    ca.revoke()
    secure.reload()
    assert secure.ask("/healthz", ca.client(good))[0] == 200


@pytest.mark.asan
@with_settings(clients="required")
def test_attack_10_a_certificate_speaks_for_one_device(secure):
    ca, path = secure.ca, secure.put(b"x" * 1000)
    named = {
        "common name": ca.client(ca.issue("d1")[0]),
        "spiffe": ca.client(ca.issue("something else entirely", "s1", ["https://example.org/d9", "spiffe://fleet.example/site/7/d1"])[0]),
        "spiffe before name": ca.client(ca.issue("d2", "s2", ["spiffe://fleet.example/d1"])[0]),
    }
    for what, context in named.items():
        assert secure.ask(LATEST + "&device_id=d1", context)[0] == 304, what
        assert secure.ask(LATEST, context)[0] == 304 and secure.ask(path, context)[0] == 200, what
        for target, where in ((LATEST + "&device_id=d2", "device_id"), (path + "?device=d2", "device")):
            status, _, content = secure.ask(target, context)
            assert (status, json.loads(content)["where"]) == (403, where), what
    nameless = [ca.issue("no id at all")[0], ca.issue("d1", "n1", ["spiffe://a/d1", "spiffe://a/d2"])[0], ca.issue("d1", "n2", ["spiffe://a/"])[0],
                ca.issue("d1", "n3", ["spiffe://d1"])[0], ca.issue("d1", "n4", ["spiffe://a/d1%00"])[0]]
    for file in nameless:
        status, _, content = secure.ask(LATEST + "&device_id=d1", ca.client(file))
        assert (status, json.loads(content)["where"]) == (403, "certificate"), file
        assert secure.ask("/healthz", ca.client(file))[0] == 200
    assert secure.refused("subject") == 6 + len(nameless)


def test_certificates_and_tokens_together(stack):
    keys = Keys(stack.folder / "auth")
    secure = Secure(stack, clients="optional", **{"auth.keys_file": keys.file, "auth.devices": "required"})
    one, target = secure.ca.client(secure.ca.issue("d1")[0]), LATEST + "&device_id=d1"
    assert secure.ask(target)[0] == 401, "neither"
    assert secure.ask(target, one)[0] == 304, "a certificate proves a device"
    assert secure.ask(target, Authorization=keys.bearer("d1"))[0] == 304, "and so does a token"
    assert secure.ask(target, one, Authorization=keys.bearer("d1"))[0] == 304
    for who in ("d1", "d2"):
        status, _, content = secure.ask(LATEST + "&device_id=" + who, one, Authorization=keys.bearer("d2"))
        assert (status, json.loads(content)["where"]) == (403, "certificate"), "who has both must be one"
    assert secure.ask(target, one, Authorization="Bearer nonsense")[0] == 401
    secure.droverd.check_alive()


# --- files that change ---

@pytest.mark.asan
def test_certificates_change_under_load(secure):
    content = os.urandom(3_000_000)
    path = secure.put(content)
    serials, failures, enough = set(), [], threading.Event()

    def reader():
        context = secure.ca.client()
        while not enough.is_set():
            try:
                connection = secure.connect(context)
                connection.connect()
                serials.add(ssl.DER_cert_to_PEM_cert(connection.sock.getpeercert(True)))
                while not enough.is_set():
                    connection.request("GET", path)
                    answer = connection.getresponse()
                    if answer.status != 200 or answer.read() != content:
                        failures.append(answer.status)
                    if answer.headers["Connection"] == "close":
                        break
                connection.close()
            except Exception as error:   # noqa: BLE001: whatever it is, a reload must not be the cause of it
                failures.append(error)
    threads = [threading.Thread(target=reader) for _ in range(3)]
    for thread in threads:
        thread.start()
    try:
        for count in range(1, 6):
            wait_until(lambda: len(serials) >= count or failures, 20, "readers with the new certificate")
            secure.ca.issue("localhost", "server", server=True)
            secure.reload()
        wait_until(lambda: len(serials) == 6 or failures, 20, "readers with the last certificate")
        # Half a file changes nothing, and says so.
        secure.server_file.write_bytes(secure.server_file.read_bytes()[:300])
        secure.reload("event=reload_failed")
        assert "http.tls_certificate" in secure.droverd.log_path.read_text()
        assert secure.ask("/healthz")[0] == 200
    finally:
        enough.set()
        for thread in threads:
            thread.join(30)
    assert not failures and len(serials) == 6, (failures[:3], len(serials))


# --- who dawdles ---

@pytest.mark.asan
def test_who_dawdles_in_the_handshake_is_cut(secure):
    peers = [socket.create_connection(("127.0.0.1", secure.port), 10) for _ in range(3)]
    # The beginning of a ClientHello that announces 512 bytes, then one byte at a time; one that says nothing; one half-way.
    peers[0].sendall(b"\x16\x03\x01\x02\x00\x01\x00\x01\xfc\x03\x03")
    incoming, outgoing = ssl.MemoryBIO(), ssl.MemoryBIO()
    half = secure.ca.client().wrap_bio(incoming, outgoing, server_hostname="localhost")
    with pytest.raises(ssl.SSLWantReadError):
        half.do_handshake()
    peers[2].sendall(outgoing.read())
    begun, closed = time.monotonic(), {}

    def all_closed():
        for number, peer in enumerate(peers):
            if number in closed:
                continue
            peer.setblocking(False)
            try:
                if number == 0:
                    peer.send(b"\0")
                while data := peer.recv(65536):
                    assert data
                closed[number] = time.monotonic() - begun
            except BlockingIOError:
                pass
            except OSError:
                closed[number] = time.monotonic() - begun
        return len(closed) == 3
    wait_until(all_closed, 20, "the dawdlers to be cut", interval=0.2)
    assert all(9 < seconds < 14 for seconds in closed.values()), closed
    wait_until(lambda: secure.stack.metrics()['drover_http_connections{listener="devices"}'] == 0, 10, "their places to be free")
    assert secure.refused("handshake") == 3
    assert secure.ask("/healthz")[0] == 200


# --- the operators' listener, and settings ---

def test_the_operators_listener_over_tls(stack):
    ca = Authority(stack.folder / "pki")
    server, _ = ca.issue("localhost", "server", server=True)
    stack.start_redis()
    stack.start_broker()
    people = Authority(stack.folder / "people", "people")
    droverd = stack.start_droverd(wait_ready=False, settings={
        **FAST, "api.tls_certificate": server, "api.tls_client": "required", "api.tls_client_ca": people.file})
    wait_until(lambda: accepts(stack.api_ports["drover-1"]), 20, "droverd to listen", alive=[droverd])

    def ask(target, own=None, **headers):
        connection = http.client.HTTPSConnection("localhost", stack.api_ports["drover-1"], timeout=20, context=ca.client(own))
        try:
            connection.request("GET", target, headers=headers)
            return connection.getresponse().status
        finally:
            connection.close()
    eve, token = people.issue("eve")[0], "Bearer " + stack.token_file.read_text().strip()
    wait_until(lambda: ask("/readyz", eve) == 200, 20, "droverd to be ready", alive=[droverd])
    assert ask("/api/v1/status", eve, Authorization=token) == 200 and ask("/api/v1/status", eve) == 401
    with pytest.raises((ssl.SSLError, OSError, http.client.BadStatusLine)):
        ask("/api/v1/status", Authorization=token)
    environment = {**os.environ, "DROVER_API": f"https://localhost:{stack.api_ports['drover-1']}", "DROVER_TOKEN_FILE": str(stack.token_file),
                   "DROVER_CA_FILE": str(ca.file), "DROVER_CERTIFICATE_FILE": str(eve)}
    status = [stack.program("drover"), "status"]
    assert subprocess.run(status, env=environment, capture_output=True, timeout=60).returncode == 0
    for name in ("DROVER_CA_FILE", "DROVER_CERTIFICATE_FILE"):
        without = {key: value for key, value in environment.items() if key != name}
        assert subprocess.run(status, env=without, capture_output=True, timeout=60).returncode != 0, name
    assert ask(LATEST + "&device_id=d1", eve) == 304, "a person's certificate names no device"
    with socket.create_connection(("127.0.0.1", stack.http_ports["drover-1"]), 10) as plain:
        plain.sendall(b"GET /healthz HTTP/1.1\r\nHost: x\r\nConnection: close\r\n\r\n")
        assert plain.recv(100).startswith(b"HTTP/1.1 200"), "devices' listener stays plain"


def test_settings_that_cannot_be_meant(stack):
    ca = Authority(stack.folder / "pki")
    server, _ = ca.issue("localhost", "server", server=True)
    other, _ = ca.issue("other")
    stack.start_redis()
    stack.start_broker()
    for settings, word in (({"http.tls_key": server}, "http.tls_certificate"),
                           ({"http.tls_certificate": server, "http.tls_client": "required"}, "http.tls_client"),
                           ({"http.tls_certificate": server, "http.tls_client_ca": ca.file}, "http.tls_client"),
                           ({"http.tls_certificate": server, "http.tls_key": other}, "http.tls_key"),
                           ({"api.tls_certificate": stack.folder / "nowhere.pem"}, "api.tls_certificate"),
                           ({"http.tls_certificate": server, "http.tls_client": "optional", "http.tls_client_ca": ca.file,
                             "http.tls_client_crl": server}, "http.tls_client_crl")):
        droverd = stack.start_droverd(settings={**FAST, **settings}, wait_ready=False)
        assert droverd.popen.wait(20) != 0 and word in droverd.log_path.read_text(), settings
        stack.forget(droverd)
