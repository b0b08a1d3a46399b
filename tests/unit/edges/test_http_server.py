"""The HTTP threads and the depot over real sockets: framing tricks, slow peers, limits, Range, uploads, answers that come late.

usage: test_http_server.py HTTP_FAKE [test name]...
"""
import contextlib
import email
import email.policy
import hashlib
import http.client
import json
import os
import pathlib
import re
import socket
import ssl
import subprocess
import sys
import tempfile
import threading
import time

FAKE = sys.argv[1]
TOKEN = {"Authorization": "Bearer secret-token"}
DEADLINE_S = 20


def until(condition, what, deadline_s=DEADLINE_S):
    """Polls a condition; what it waits for is part of the failure."""
    end = time.monotonic() + deadline_s
    while time.monotonic() < end:
        value = condition()
        if value:
            return value
        time.sleep(0.02)
    raise AssertionError(f"not within {deadline_s} s: {what}")


class Server:
    def __init__(self, *limits, wrapper=()):
        self.wrapper = wrapper
        self.folder = tempfile.TemporaryDirectory(prefix="drover-http-")
        self.limits = limits
        self.observed = []
        self.start()

    def start(self):
        command = [part.replace("FOLDER", self.folder.name) for part in self.wrapper]
        self.process = subprocess.Popen([*command, FAKE, self.folder.name, *self.limits], stdin=subprocess.PIPE, stdout=subprocess.PIPE, text=True)
        words = self.process.stdout.readline().split()
        assert words and words[0] == "ports", "http_fake did not start"
        self.devices, self.operators = int(words[1]), int(words[2])
        self.reader = threading.Thread(target=self.read, daemon=True)
        self.reader.start()

    def read(self):
        for line in self.process.stdout:
            self.observed.append(line.split()[1:])

    def stop(self):
        self.process.stdin.close()
        status = self.process.wait(DEADLINE_S)
        self.reader.join(DEADLINE_S)
        assert status == 0, f"http_fake ended with {status}"

    def __enter__(self):
        return self

    def __exit__(self, kind, error, trace):
        try:
            if kind is None:
                self.stop()
            else:
                self.process.kill()
                self.process.wait()
        finally:
            self.folder.cleanup()

    def ask(self, method, path, body=None, headers=None, port=None):
        connection = http.client.HTTPConnection("127.0.0.1", port or self.operators, timeout=DEADLINE_S)
        connection.request(method, path, body, {**TOKEN, **(headers or {})})
        response = connection.getresponse()
        content = response.read()
        connection.close()
        return response.status, response.headers, content

    def raw(self, data, port=None):
        """Sends bytes and reads until the server closes (or the deadline)."""
        peer = socket.create_connection(("127.0.0.1", port or self.devices), timeout=DEADLINE_S)
        peer.sendall(data)
        return read_all(peer)

    def artifact(self, content):
        digest = hashlib.sha256(content).hexdigest()
        path = os.path.join(self.folder.name, "artifacts", digest[:2])
        os.makedirs(path, exist_ok=True)
        with open(os.path.join(path, digest), "wb") as file:
            file.write(content)
        return digest

    def metric(self, name):
        text = self.ask("GET", "/metrics")[2].decode()
        return sum(float(line.rsplit(" ", 1)[1]) for line in text.splitlines() if line.startswith(name))

    def uploads(self):
        return os.listdir(os.path.join(self.folder.name, "uploads"))


def read_all(peer):
    parts = []
    try:
        while True:
            part = peer.recv(65536)
            if not part:
                break
            parts.append(part)
    except ConnectionResetError:
        pass
    peer.close()
    return b"".join(parts)


def problem(answer, status, where=None):
    assert answer[0] == status, (answer[0], answer[2])
    assert answer[1]["Content-Type"] == "application/problem+json", answer[1].items()
    body = json.loads(answer[2])
    assert body["status"] == status and body["title"] and body["detail"] and body["type"] == "about:blank", body
    assert where is None or body["where"] == where, body


def request(path, *headers, method="GET"):
    return "\r\n".join([f"{method} {path} HTTP/1.1", "Host: x", *headers, "", ""]).encode()


LAST = "Connection: close"


def random_bytes(size, seed):
    blocks = (hashlib.sha256(b"%d-%d" % (seed, i)).digest() for i in range(size // 32 + 1))
    return b"".join(blocks)[:size]


# --- routes, tokens, queries ---

def test_a_call_reaches_the_loop_and_comes_back():
    with Server() as server:
        status, headers, body = server.ask("GET", "/firmware/latest?device_model=esp32&current_version=1.0.0%2Bb&x=1", port=server.devices)
        answer = json.loads(body)
        assert status == 200 and headers["Content-Type"] == "application/json", (status, headers.items())
        assert answer["query"][:3] == ["esp32", "1.0.0+b", "-"] and answer["token"] is False, answer
        status, _, body = server.ask("POST", "/api/v1/rollouts", b'{"model":"m"}')
        assert status == 200 and json.loads(body)["body"] == '{"model":"m"}'
        status, _, body = server.ask("GET", "/api/v1/releases/m/1.0.0%2Bb")
        assert json.loads(body)["params"] == ["m", "1.0.0+b"], body


def test_what_is_not_there():
    with Server() as server:
        problem(server.ask("GET", "/nowhere"), 404)
        problem(server.ask("GET", "/api/v1/devices/..%2f..", port=server.operators), 404, "device")
        problem(server.ask("GET", "/api/v1/status", port=server.devices), 404)
        problem(server.ask("GET", "/metrics", port=server.devices), 404)
        answer = server.ask("DELETE", "/api/v1/rollouts")
        problem(answer, 405)
        assert answer[1]["Allow"] == "POST, GET, HEAD", answer[1]["Allow"]
        problem(server.ask("GET", "/api/v1/devices?modle=x"), 400, "modle")
        problem(server.ask("GET", "/api/v1/devices?model=x&model=y"), 400, "model")
        problem(server.ask("GET", "/api/v1/devices?model=%zz"), 400, "model")
        problem(server.ask("GET", "/api/v1/devices?model=a%00b"), 400, "model")
        assert server.metric('drover_http_refused_total{reason="route"}') == 5
        assert server.metric('drover_http_refused_total{reason="query"}') == 4


def test_tokens():
    with Server() as server:
        for wrong in ("", "Bearer", "Bearer ", "Bearer secret-tokex", "Bearer secret-token2", "Basic secret-token", "bearer\tsecret-token"):
            answer = server.ask("GET", "/api/v1/status", headers={"Authorization": wrong})
            problem(answer, 401, "Authorization")
            assert answer[1]["WWW-Authenticate"].startswith("Bearer"), answer[1].items()
        assert server.ask("GET", "/api/v1/status", headers={"Authorization": "bearer secret-token"})[0] == 200
        assert server.ask("GET", "/healthz", headers={"Authorization": ""})[0] == 200
        assert server.metric('drover_http_refused_total{reason="token"}') == 7


# --- framing ---

def test_two_content_lengths_are_refused():
    with Server() as server:
        data = request("/api/v1/rollouts", "Content-Length: 2", "Content-Length: 40", *map(": ".join, TOKEN.items()), method="POST")
        answer = server.raw(data + b"{}GET /api/v1/status HTTP/1.1\r\nHost: x\r\n\r\n", server.operators)
        assert answer.startswith(b"HTTP/1.1 400") and answer.count(b"HTTP/1.1 ") == 1, answer


def test_a_body_where_none_belongs_is_not_the_next_request():
    with Server() as server:
        smuggled = b"GET /firmware/latest?device_model=smuggled&current_version=1.0.0 HTTP/1.1\r\nHost: x\r\n\r\n"
        for header in (f"Content-Length: {len(smuggled)}", "Transfer-Encoding: chunked"):
            answer = server.raw(request("/healthz", header) + smuggled)
            assert answer.startswith(b"HTTP/1.1 4") and answer.count(b"HTTP/1.1 ") == 1 and b"smuggled" not in answer, answer


def test_no_host_and_two_hosts():
    with Server() as server:
        assert server.raw(b"GET /healthz HTTP/1.1\r\n\r\n").startswith(b"HTTP/1.1 400")
        assert server.raw(request("/healthz", "Host: y")).startswith(b"HTTP/1.1 400")
        assert server.raw(b"GET /healthz HTTP/1.0\r\n\r\n").startswith(b"HTTP/1.0 200")


def test_only_http_1_is_spoken():
    with Server() as server:
        for version, wanted in [(b"0.9", b"1.1 505"), (b"1.2", b"1.1 200"), (b"1.-1", b"1.1 505"), (b"1.0", b"1.0 200")]:
            answer = server.raw(b"GET /healthz HTTP/" + version + b"\r\nHost: x\r\nConnection: close\r\n\r\n")
            assert answer.startswith(b"HTTP/" + wanted), (version, answer)


def test_pipelined_requests_are_answered_in_order():
    with Server() as server:
        ask = "/firmware/latest?device_model=m{}&current_version=1.0.0&device_id={}"
        data = b"".join(request(ask.format(i, "later" if i % 2 == 0 else "now")) for i in range(6)) + request(ask.format(6, "now"), LAST)
        answer = server.raw(data)
        places = [answer.find(b'"m%d"' % i) for i in range(7)]
        assert answer.count(b"HTTP/1.1 200") == 7 and -1 not in places and places == sorted(places), (places, answer)


def test_too_much():
    with Server() as server:
        answer = server.raw(request("/healthz", "X: " + "a" * 20000))
        assert answer == b"" or answer.startswith(b"HTTP/1.1 400") or answer.startswith(b"HTTP/1.1 413"), answer
        for path, most in (("/api/v1/rollouts/r1/pause", 256 * 1024), ("/api/v1/rollouts", 1024 * 1024)):   # a plan may be larger
            problem(server.ask("POST", path, b"x" * (most + 1)), 413, "body")
            assert server.ask("POST", path, b"x" * most)[0] == 200
        headers = (LAST, *map(": ".join, TOKEN.items()))
        for length in (5 << 20, 1 << 40, 1 << 62):
            answer = server.raw(request("/api/v1/rollouts", f"Content-Length: {length}", *headers, method="POST"), server.operators)
            assert answer.startswith(b"HTTP/1.1 413"), answer
        for length in ("-1", "1x", "", "99999999999999999999999"):
            answer = server.raw(request("/api/v1/rollouts", f"Content-Length: {length}", *headers, method="POST"), server.operators)
            assert answer.startswith(b"HTTP/1.1 4"), (length, answer)
        problem(server.ask("GET", "/api/v1/devices?model=" + "a" * 1000), 400, "model")


def test_garbage_never_stops_it():
    with Server() as server:
        for i in range(200):
            junk = random_bytes(1 + i * 7 % 400, i)
            data = (b"", b"GET ", b"GET / HTTP/1.1\r\n", request("/artifacts/" + "a" * 64)[:-2])[i % 4] + junk + b"\r\n\r\n"
            peer = socket.create_connection(("127.0.0.1", server.devices if i % 2 else server.operators), timeout=DEADLINE_S)
            peer.sendall(data)
            peer.shutdown(socket.SHUT_WR)
            read_all(peer)
        assert server.ask("GET", "/healthz")[0] == 200
        until(lambda: server.metric("drover_http_connections") == 1, "all connections but our own are gone")


# --- slow peers and full houses ---

def trickle(server, port):
    """One byte every 100 ms; returns after how long the server has closed the connection."""
    peer = socket.create_connection(("127.0.0.1", port), timeout=DEADLINE_S)
    begin = time.monotonic()
    try:
        for byte in request("/healthz", "X: " + "a" * 2000):
            peer.sendall(bytes([byte]))
            peer.settimeout(0.1)
            try:
                if not peer.recv(1):
                    break
            except TimeoutError:
                pass
    except (BrokenPipeError, ConnectionResetError):
        pass
    peer.close()
    return time.monotonic() - begin


def test_a_trickling_request_is_cut():
    with Server("request_ms=1000") as server:
        took = trickle(server, server.devices)
        assert 0.9 < took < 5, took
        until(lambda: server.metric('drover_http_refused_total{reason="slow"}') == 1, "it was counted")
        until(lambda: server.metric("drover_http_connections") == 1, "its connection is gone")


def test_silent_connections_are_cut():
    with Server("request_ms=500") as server:
        peers = [socket.create_connection(("127.0.0.1", server.devices)) for _ in range(50)]
        for peer in peers:
            assert read_all(peer) == b""
        until(lambda: server.metric("drover_http_connections") == 1, "all are gone")


def test_the_connection_cap_holds_and_opens_again():
    with Server("devices=4", "threads=1", "request_ms=1500") as server:
        peers = [socket.create_connection(("127.0.0.1", server.devices)) for _ in range(12)]
        until(lambda: server.metric('drover_http_connections{listener="devices"}') == 5, "four are in, and one to be told to come again")
        assert server.metric('drover_http_refused_total{reason="connections"}') >= 1
        for peer in peers:
            peer.close()
        until(lambda: server.ask("GET", "/healthz", port=server.devices)[0] == 200, "there is room again")


def test_an_answer_that_does_not_come_is_503():
    with Server("call_ms=400") as server:
        begin = time.monotonic()
        answer = server.ask("GET", "/firmware/latest?device_model=m&current_version=1.0.0&device_id=held")
        problem(answer, 503)
        assert int(answer[1]["Retry-After"]) >= 1 and 0.3 < time.monotonic() - begin < 5
        assert server.metric('drover_http_refused_total{reason="late"}') == 1


def test_too_many_calls_are_503():
    with Server("calls=8", "call_ms=3000") as server:
        held = "/firmware/latest?device_model=m&current_version=1.0.0&device_id=held"
        peers = []

        def refused():
            """One more call that is held, until there is no room for an honest one."""
            peer = socket.create_connection(("127.0.0.1", server.devices))
            peer.sendall(request(held))
            peers.append(peer)
            answer = server.ask("GET", "/healthz")
            return answer if answer[0] == 503 else None
        answer = until(refused, "one call more is refused")
        assert len(peers) >= 8, len(peers)
        problem(answer, 503)
        assert answer[1]["Retry-After"]
        for peer in peers:
            peer.close()


def test_a_peer_that_leaves_while_its_call_waits():
    with Server("call_ms=1000") as server:
        for i in range(60):
            peer = socket.create_connection(("127.0.0.1", server.devices))
            peer.sendall(request(f"/firmware/latest?device_model=m&current_version=1.0.0&device_id={'held' if i % 3 == 0 else 'later'}"))
            if i % 2 == 0:
                peer.setsockopt(socket.SOL_SOCKET, socket.SO_LINGER, b"\1\0\0\0\0\0\0\0")   # a reset instead of an end
            peer.close()
        until(lambda: server.metric("drover_http_connections") == 1, "all are gone")
        assert server.ask("GET", "/healthz")[0] == 200


def resume(server, digest, content, have):
    question = {"offset": have, "sha256": hashlib.sha256(content[:have]).hexdigest()}
    return server.ask("POST", f"/artifacts/{digest}/resume", json.dumps(question), port=server.devices)


def test_what_a_package_takes_to_hash_is_done_over_several_tries():
    content = random_bytes(96 << 20, 3)
    with Server("call_ms=20") as server:
        digest = server.artifact(content)
        statuses = []
        while statuses[-1:] != [200]:
            status, headers, answer = resume(server, digest, content, len(content) - 1)
            assert status == 200 or (status == 503 and int(headers["Retry-After"]) > 0), (status, answer)
            statuses.append(status)
            assert len(statuses) < 500, "it begins anew each time"
        assert json.loads(answer)["offset"] == len(content) - 1
        assert 503 in statuses, "it was too fast to be stopped"
        assert server.metric("drover_http_hashed_bytes_total") < 2 * len(content)
        begin = time.monotonic()
        assert server.ask("GET", "/healthz")[0] == 200 and time.monotonic() - begin < 5


def test_it_stops_while_a_package_is_hashed():
    with Server("call_ms=20000") as server:
        content = random_bytes(64 << 20, 2)
        digest = server.artifact(content)
        body = json.dumps({"offset": len(content), "sha256": digest}).encode()
        peers = []
        for _ in range(20):
            peer = socket.create_connection(("127.0.0.1", server.devices))
            peer.sendall(request(f"/artifacts/{digest}/resume", f"Content-Length: {len(body)}", method="POST") + body)
            peers.append(peer)
        until(lambda: server.metric("drover_http_connections") == 21, "all have come")
    for peer in peers:
        peer.close()


def test_it_stops_while_calls_wait_and_downloads_run():
    with Server("call_ms=20000") as server:
        digest = server.artifact(random_bytes(8 << 20, 1))
        peers = []
        for path in ("/firmware/latest?device_model=m&current_version=1.0.0&device_id=held", f"/artifacts/{digest}") * 5:
            peer = socket.create_connection(("127.0.0.1", server.devices))
            peer.sendall(request(path))
            peers.append(peer)
        until(lambda: server.metric("drover_http_connections") == 11, "all have come")
    for peer in peers:
        peer.close()


def test_drain_refuses_new_connections_and_ends_old_ones():
    with Server() as server:
        old = http.client.HTTPConnection("127.0.0.1", server.devices, timeout=DEADLINE_S)
        old.request("GET", "/healthz")
        assert old.getresponse().read()
        server.process.stdin.write("d\n")
        server.process.stdin.flush()

        def refused():
            try:
                socket.create_connection(("127.0.0.1", server.devices), timeout=1).close()
                return False
            except ConnectionRefusedError:
                return True
            except ConnectionResetError:   # let in while the door was closing
                return False
        until(refused, "it stops listening")
        old.request("GET", "/healthz")
        response = old.getresponse()
        assert response.status == 200 and response.headers["Connection"] == "close", response.headers.items()


def test_pushing_bytes_during_a_reply_does_not_fill_memory():
    with Server() as server:
        digest = server.artifact(random_bytes(32 << 20, 2))
        peer = socket.create_connection(("127.0.0.1", server.devices))
        peer.sendall(request(f"/artifacts/{digest}"))
        peer.setblocking(False)
        pushed, end = 0, time.monotonic() + 2
        while time.monotonic() < end:
            try:
                pushed += peer.send(b"x" * 65536)
            except BlockingIOError:
                time.sleep(0.02)
        with open(f"/proc/{server.process.pid}/statm", encoding="ascii") as file:
            resident = int(file.read().split()[1]) * 4096
        peer.close()
        assert pushed < 16 << 20, pushed   # what the kernel's socket buffers take
        assert server.ask("GET", "/healthz")[0] == 200
        assert resident < 400 << 20, resident


# --- packages ---

def test_a_package_whole_and_in_ranges():
    content = random_bytes(10 * 1024 * 1024 + 17, 3)
    with Server() as server:
        digest = server.artifact(content)
        path = f"/artifacts/{digest}"
        status, headers, body = server.ask("GET", path, port=server.devices)
        assert status == 200 and body == content
        assert headers["ETag"] == f'"{digest}"' and headers["Accept-Ranges"] == "bytes" and "immutable" in headers["Cache-Control"]
        assert headers["Content-Type"] == "application/octet-stream" and int(headers["Content-Length"]) == len(content)
        size = len(content)
        for text, start, end in (("0-0", 0, 1), ("0-", 0, size), ("1-65536", 1, 65537), (f"{size - 1}-", size - 1, size), ("-1", size - 1, size),
                                 (f"-{size + 5}", 0, size), ("5242880-99999999999999999999", 5242880, size), ("777777-9999999", 777777, 10000000)):
            status, headers, body = server.ask("GET", path, headers={"Range": "bytes=" + text}, port=server.devices)
            assert status == 206 and body == content[start:end], (text, status, len(body))
            assert headers["Content-Range"] == f"bytes {start}-{end - 1}/{size}", headers["Content-Range"]
        pieces, step = b"", 1 << 20
        for start in range(0, size, step):
            pieces += server.ask("GET", path, headers={"Range": f"bytes={start}-{start + step - 1}"}, port=server.devices)[2]
        assert pieces == content


def test_ranges_that_are_none():
    with Server() as server:
        digest = server.artifact(b"0123456789")
        path = f"/artifacts/{digest}"
        for text in ("bytes=10-", "bytes=10-20", "bytes=-0", "bytes=99999999999999999999-"):
            answer = server.ask("GET", path, headers={"Range": text})
            problem(answer, 416, "Range")
            assert answer[1]["Content-Range"] == "bytes */10", answer[1].items()
        for text in ("bytes=0-1,5-1", "bytes=0-0" + ",2-2" * 16, "bytes=5-1", "bytes=", "bytes=-", "items=0-1", "bytes=a-b", "bytes=0-1x", "bytes 0-1", "bytes=1--2"):
            status, _, body = server.ask("GET", path, headers={"Range": text})
            assert status == 200 and body == b"0123456789", (text, status)


def parts_of(answer, size):
    """The parts of a multipart/byteranges answer as (first byte, bytes), read as RFC 2046 has it."""
    status, headers, body = answer
    assert status == 206 and headers.get("Content-Range") is None and int(headers["Content-Length"]) == len(body), headers.items()
    message = email.message_from_bytes(b"Content-Type: " + headers["Content-Type"].encode() + b"\r\n\r\n" + body, policy=email.policy.HTTP)
    assert message.get_content_type() == "multipart/byteranges" and not message.defects, message.defects
    parts = []
    for head, data in ((part, part.get_payload(decode=True)) for part in message.iter_parts()):
        assert head["Content-Type"] == "application/octet-stream", head.items()
        first, last, whole = re.fullmatch(r"bytes (\d+)-(\d+)/(\d+)", head["Content-Range"]).groups()
        assert int(whole) == size and len(data) == int(last) - int(first) + 1
        parts.append((int(first), data))
    return parts


def test_several_ranges():
    content = bytes(range(33, 127)) * 4000   # printable: what email's reader gives back byte for byte
    size = len(content)
    with Server() as server:
        digest = server.artifact(content)
        path = f"/artifacts/{digest}"
        for text, expected in (("0-9,100000-165535", [(0, 10), (100000, 65536)]), (f"{size - 1}-,0-0, 7-9", [(size - 1, 1), (0, 1), (7, 3)]),
                               ("-5,0-4", [(size - 5, 5), (0, 5)]), ("0-99,50-149,50-60,1000-,2000-3000", [(0, 150), (1000, size - 1000)]),
                               (",".join(f"{n * 20000}-{n * 20000 + 9999}" for n in range(16)), [(n * 20000, 10000) for n in range(16)])):
            parts = parts_of(server.ask("GET", path, headers={"Range": "bytes=" + text}, port=server.devices), size)
            assert [(first, len(data)) for first, data in parts] == expected, text
            assert all(data == content[first:first + len(data)] for first, data in parts), text
        for text, start, end in (("0-4,5-9", 0, 10), ("5-9,0-5", 0, 10), (f"3-4,{size}-", 3, 5), ("0-," * 15 + "0-", 0, size)):
            status, headers, body = server.ask("GET", path, headers={"Range": "bytes=" + text}, port=server.devices)
            assert status == 206 and body == content[start:end] and headers["Content-Range"] == f"bytes {start}-{end - 1}/{size}", text
        problem(server.ask("GET", path, headers={"Range": f"bytes={size}-,-0"}), 416, "Range")
        several = {"Range": "bytes=0-1,4-5"}
        assert server.ask("GET", path, headers={**several, "If-Range": '"other"'})[0] == 200
        assert server.ask("GET", path, headers={**several, "If-Range": f'"{digest}"'})[0] == 206
        assert server.ask("GET", path, headers={**several, "If-None-Match": f'"{digest}"'})[0] == 304
        assert server.ask("HEAD", path, headers=several)[0] == 200
        pair = server.raw(request(path, "Range: bytes=0-1,4-5") + request(path, "Range: bytes=2-3", LAST))
        assert pair.count(b"HTTP/1.1 206") == 2 and pair.endswith(content[2:4]), "the connection goes on behind several parts"


def test_what_the_loop_hears_of_several_ranges():
    size = 1 << 20
    with Server() as server:
        digest = server.artifact(random_bytes(size, 6))
        path = f"/artifacts/{digest}?device=d1&upgrade=0123&attempt=2"
        server.ask("GET", path, headers={"Range": f"bytes={size // 4 * 3}-,0-{size // 4 - 1}"})
        until(lambda: len(server.observed) == 2, "begin and end")
        assert [words[3:] for words in server.observed] == [["part", "0"], ["part", "50"]], server.observed
        server.ask("GET", path, headers={"Range": f"bytes={size // 2}-{size // 4 * 3},{size // 4 * 3 + 2}-"})
        until(lambda: len(server.observed) == 4, "and of the others")
        assert [words[3] for words in server.observed[2:]] == ["part", "part"], "a byte is missing: not the whole rest"


def test_conditions():
    with Server() as server:
        digest = server.artifact(b"0123456789")
        path, etag = f"/artifacts/{digest}", f'"{digest}"'
        for text, status in ((etag, 206), ('"other"', 200), ("W/" + etag, 200), ("Wed, 21 Oct 2015 07:28:00 GMT", 200)):
            assert server.ask("GET", path, headers={"Range": "bytes=2-3", "If-Range": text})[0] == status, text
        for text, status in ((etag, 304), ("*", 304), (f'"x", W/{etag}', 304), ('"x"', 200), (digest, 200)):
            answer = server.ask("GET", path, headers={"If-None-Match": text})
            assert answer[0] == status and (status == 200 or (answer[2] == b"" and answer[1]["ETag"] == etag)), (text, answer)


def test_head():
    with Server() as server:
        digest = server.artifact(random_bytes(100000, 4))
        data = request(f"/artifacts/{digest}?device=d&upgrade=u&attempt=1", method="HEAD") + request("/healthz", LAST, method="HEAD")
        answer = server.raw(data)
        first, second, rest = answer.split(b"\r\n\r\n")
        assert b"HTTP/1.1 200" in first and b"Content-Length: 100000" in first and b"ETag" in first, first
        assert b"HTTP/1.1 200" in second and rest == b"", answer
        assert server.ask("HEAD", f"/artifacts/{digest}", headers={"Range": "bytes=0-1"})[0] == 200
        assert server.observed == [], server.observed


def test_paths_that_want_out():
    with Server() as server:
        digest = server.artifact(b"good")
        os.symlink("/etc/passwd", os.path.join(server.folder.name, "artifacts", "aa"))
        os.makedirs(os.path.join(server.folder.name, "artifacts", "bb"))
        os.symlink("/etc/passwd", os.path.join(server.folder.name, "artifacts", "bb", "b" * 64))
        os.mkfifo(os.path.join(server.folder.name, "artifacts", "bb", "bb" + "c" * 62))
        for path in ("/artifacts/../../../../etc/passwd", "/artifacts/%2e%2e/%2e%2e/etc/passwd", "/artifacts/..%2f..%2fetc%2fpasswd",
                     f"/artifacts/{digest}/", f"/artifacts//{digest}", f"//artifacts/{digest}", f"/artifacts/{digest.upper()}", "/artifacts/",
                     f"/artifacts/{digest[:63]}", f"/artifacts/{digest}0", f"/artifacts/{digest}%00", f"/artifacts/./{digest}",
                     f"/artifacts/{digest[:2]}/{digest}", "/artifacts/" + "a" * 64, "/artifacts/" + "b" * 64, "/artifacts/bb" + "c" * 62,
                     "/artifacts/" + "%61" * 64):
            answer = server.raw(request(path, LAST))
            assert answer.startswith(b"HTTP/1.1 404"), (path, answer[:100])
        assert b"good" in server.raw(request("http://x/artifacts/" + digest, LAST))


def test_what_the_loop_hears_of_downloads():
    size = 1 << 20
    with Server() as server:
        digest = server.artifact(random_bytes(size, 5))
        path = f"/artifacts/{digest}?device=d1&upgrade=0123&attempt=2"
        assert server.ask("GET", path, port=server.devices)[0] == 200
        until(lambda: ["d1", "0123", "2", "whole", "100"] in server.observed, "the end was told")
        assert server.observed[0] == ["d1", "0123", "2", "part", "0"], server.observed
        server.observed.clear()
        server.ask("GET", path, headers={"Range": f"bytes=0-{size // 2 - 1}"})
        until(lambda: len(server.observed) == 2, "begin and end of the first half")
        server.ask("GET", path, headers={"Range": f"bytes={size // 2}-"})
        until(lambda: len(server.observed) == 4, "and of the second")
        assert [words[3:] for words in server.observed] == [["part", "0"], ["part", "50"], ["part", "50"], ["whole", "100"]], server.observed
        for query, where in (("device=../x", "device"), ("upgrade=a%20b", "upgrade"), ("attempt=0", "attempt"), ("attempt=x", "attempt")):
            problem(server.ask("GET", f"/artifacts/{digest}?{query}"), 400, where)
        assert server.ask("GET", f"/artifacts/{digest}?device=d1")[0] == 200
        assert len(server.observed) == 4, server.observed


def test_a_slow_download_is_told_on_the_way_and_when_it_breaks():
    with Server() as server:
        digest = server.artifact(random_bytes(24 << 20, 6))
        peer = socket.socket()
        peer.setsockopt(socket.SOL_SOCKET, socket.SO_RCVBUF, 65536)
        peer.connect(("127.0.0.1", server.devices))
        peer.sendall(request(f"/artifacts/{digest}?device=d&upgrade=u&attempt=1"))
        got = 0
        while got < 14 << 20:
            got += len(peer.recv(65536))
            if got % (1 << 20) < 65536:
                time.sleep(0.05)
        until(lambda: any(20 <= int(words[4]) < 100 for words in server.observed), "progress on the way")
        peer.close()
        until(lambda: server.metric("drover_http_connections") == 1, "it is gone")
        assert all(words[3] == "part" for words in server.observed), server.observed


def test_a_stalled_download_is_cut():
    with Server("idle_ms=700") as server:
        digest = server.artifact(random_bytes(24 << 20, 7))
        peer = socket.create_connection(("127.0.0.1", server.devices))
        peer.sendall(request(f"/artifacts/{digest}"))
        until(lambda: server.metric("drover_http_connections") == 2, "it is open")
        until(lambda: server.metric("drover_http_connections") == 1, "it was cut")
        peer.close()


@contextlib.contextmanager
def certificate():
    """A self-signed certificate and its key, in one file."""
    with tempfile.TemporaryDirectory(prefix="drover-tls-") as folder:
        file = pathlib.Path(folder, "both.pem")
        subprocess.run(["openssl", "req", "-x509", "-newkey", "ec", "-pkeyopt", "ec_paramgen_curve:P-256", "-nodes", "-days", "2", "-subj", "/CN=localhost",
                        "-keyout", f"{folder}/key.pem", "-out", file], check=True, capture_output=True)
        file.write_bytes(file.read_bytes() + pathlib.Path(folder, "key.pem").read_bytes())
        yield file


def secure_socket(port, buffer_bytes=65536):
    context = ssl.SSLContext(ssl.PROTOCOL_TLS_CLIENT)
    context.check_hostname, context.verify_mode = False, ssl.CERT_NONE   # who it is does not matter here
    raw = socket.socket()
    raw.setsockopt(socket.SOL_SOCKET, socket.SO_RCVBUF, buffer_bytes)
    raw.settimeout(DEADLINE_S)
    raw.connect(("127.0.0.1", port))
    return context.wrap_socket(raw)


def read_slowly(peer, seconds):
    """Reads to the end, with pauses in which nothing comes near idle_ms, so that the whole takes several times as long."""
    got, step, size = bytearray(), 0, None
    while size is None or len(got) < size:
        chunk = peer.recv(1 << 18)
        assert chunk, f"cut after {len(got)} bytes"
        got += chunk
        if size is None and b"\r\n\r\n" in got:
            head, rest = bytes(got).split(b"\r\n\r\n", 1)
            size, got = int(re.search(rb"Content-Length: (\d+)", head).group(1)), bytearray(rest)
        if size and len(got) * 12 // size > step:
            step = len(got) * 12 // size
            time.sleep(seconds / 12)
    return bytes(got)


def test_a_slow_download_over_tls_may_take_longer_than_the_idle_time():
    content = random_bytes(24 << 20, 8)
    with certificate() as file, Server("idle_ms=2000", f"tls={file}") as server:
        digest = server.artifact(content)
        with secure_socket(server.devices) as peer:
            peer.sendall(request(f"/artifacts/{digest}?device=d&upgrade=u&attempt=1"))
            begun = time.monotonic()
            assert read_slowly(peer, 6) == content and time.monotonic() - begun > 5
        until(lambda: server.observed and server.observed[-1][3] == "whole", "the whole of it was told")
        steps = [int(words[4]) for words in server.observed]
        assert steps == sorted(steps) and len(steps) >= 5, "and steps on the way"


def test_a_stalled_download_over_tls_is_cut():
    with certificate() as file, Server("idle_ms=700", f"tls={file}") as server:
        digest = server.artifact(random_bytes(24 << 20, 7))
        with secure_socket(server.devices) as peer:
            peer.sendall(request(f"/artifacts/{digest}"))
            until(lambda: server.metric("drover_http_connections") == 2, "it is open")
            until(lambda: server.metric("drover_http_connections") == 1, "it was cut")


def test_handshakes_count_as_connections():
    with certificate() as file, Server("handshake_ms=1500", "devices=4", "threads=2", f"tls={file}") as server:
        with contextlib.ExitStack() as stack:
            silent = [stack.enter_context(socket.create_connection(("127.0.0.1", server.devices))) for _ in range(12)]
            until(lambda: server.metric('drover_http_refused_total{reason="connections"}') >= 1, "the house is full")
            assert server.metric('drover_http_connections{listener="devices"}') <= 6, "with one a thread that is told to come again"
            for peer in silent:
                peer.settimeout(DEADLINE_S)
                with contextlib.suppress(OSError):
                    assert peer.recv(1) == b"", "each is cut in its turn"
        until(lambda: server.metric('drover_http_refused_total{reason="handshake"}') == 12, "each was counted")
        with secure_socket(server.devices) as peer:
            peer.sendall(request("/healthz"))
            assert peer.recv(15) == b"HTTP/1.1 200 OK"[:15]


def test_a_slow_download_may_take_longer_than_the_idle_time():
    content = random_bytes(24 << 20, 8)
    with Server("idle_ms=2000") as server:
        digest = server.artifact(content)
        with socket.socket() as peer:
            peer.setsockopt(socket.SOL_SOCKET, socket.SO_RCVBUF, 65536)
            peer.settimeout(DEADLINE_S)
            peer.connect(("127.0.0.1", server.devices))
            peer.sendall(request(f"/artifacts/{digest}"))
            begun = time.monotonic()
            assert read_slowly(peer, 6) == content and time.monotonic() - begun > 5


def open_files(pid):
    """What a process has open. A file closed between the listing and the look at it is not open."""
    files = []
    for fd in os.listdir(f"/proc/{pid}/fd"):
        with contextlib.suppress(FileNotFoundError):
            files.append(os.readlink(f"/proc/{pid}/fd/{fd}"))
    return files


def test_many_downloads_share_a_descriptor():
    with Server() as server:
        content = random_bytes(8 << 20, 8)
        digest = server.artifact(content)
        peers = []
        for _ in range(100):
            peer = socket.create_connection(("127.0.0.1", server.devices))
            peer.sendall(request(f"/artifacts/{digest}", LAST))
            peers.append(peer)
        until(lambda: server.metric("drover_http_connections") == 101, "all are open")
        assert sum(digest in file for file in open_files(server.process.pid)) <= 2, open_files(server.process.pid)
        for peer in peers[::10]:
            assert read_all(peer).split(b"\r\n\r\n", 1)[1] == content
        for peer in peers:
            peer.close()


# --- uploads ---

def put(server, digest, content, offset, size=None):
    return server.ask("PUT", f"/api/v1/uploads/{digest}?size={len(content) if size is None else size}&offset={offset}", content[offset:offset + (4 << 20)])


def test_an_upload_in_parts_and_over_a_restart():
    content = random_bytes((9 << 20) + 5, 9)
    digest = hashlib.sha256(content).hexdigest()
    with Server() as server:
        problem(server.ask("GET", f"/api/v1/uploads/{digest}"), 404)
        problem(put(server, digest, content, 4 << 20), 409, "offset")
        assert server.uploads() == []
        assert json.loads(put(server, digest, content, 0)[2]) == {"offset": 4 << 20, "size": len(content), "complete": False}
        answer = put(server, digest, content, 0)
        problem(answer, 409, "offset")
        assert json.loads(answer[2])["offset"] == 4 << 20
        server.stop()
        server.start()
        assert json.loads(server.ask("GET", f"/api/v1/uploads/{digest}")[2])["offset"] == 4 << 20
        assert json.loads(put(server, digest, content, 4 << 20)[2])["offset"] == 8 << 20
        assert server.ask("GET", f"/artifacts/{digest}")[0] == 404
        assert json.loads(put(server, digest, content, 8 << 20)[2]) == {"offset": len(content), "size": len(content), "complete": True}
        assert server.ask("GET", f"/artifacts/{digest}")[2] == content
        assert server.uploads() == []
        assert json.loads(put(server, digest, content, 0)[2])["complete"] is True
        assert json.loads(server.ask("GET", f"/api/v1/uploads/{digest}")[2]) == {"offset": len(content), "size": len(content), "complete": True}


def test_wrong_bytes_are_removed_and_the_right_ones_taken_next():
    with Server("package_bytes=1000") as server:
        digest = hashlib.sha256(b"right").hexdigest()
        problem(put(server, digest, b"wrong", 0), 422, "sha256")
        assert server.uploads() == []
        problem(server.ask("GET", f"/api/v1/uploads/{digest}"), 404)
        problem(put(server, digest, b"right", 0, size=3), 400, "size")
        problem(put(server, digest, b"right", 0, size=2000), 400, "size")
        problem(put(server, digest, b"", 0, size=5), 400, "size")
        problem(server.ask("PUT", f"/api/v1/uploads/{digest}?size=5", b"right"), 400, "offset")
        problem(server.ask("PUT", f"/api/v1/uploads/{digest}?size=-5&offset=0", b"right"), 400, "size")
        problem(server.ask("PUT", "/api/v1/uploads/xyz?size=5&offset=0", b"right"), 404, "sha256")
        assert put(server, digest, b"right", 0)[0] == 200
        assert server.ask("GET", f"/artifacts/{digest}")[2] == b"right"


def test_a_full_disk_refuses_the_upload_and_keeps_nothing():
    """The depot on a tmpfs of 8 MiB that only http_fake sees."""
    mount = ("unshare", "--map-root-user", "--mount", "sh", "-c", 'mount -t tmpfs -o size=8m none FOLDER && exec "$@"', "sh")
    if subprocess.run([*mount[:3], "sh", "-c", "mount -t tmpfs none /mnt"], check=False, capture_output=True).returncode != 0:
        print("       (skipped: this machine allows no mount namespaces)")
        return
    large, small = random_bytes(12 << 20, 11), random_bytes(5 << 20, 12)
    digests = [hashlib.sha256(content).hexdigest() for content in (large, small)]
    with Server(wrapper=mount) as server:
        inside = f"/proc/{server.process.pid}/root{server.folder.name}"
        problem(put(server, digests[0], large, 0), 507)
        assert os.listdir(inside + "/uploads") == []
        assert put(server, digests[1], small, 0)[0] == 200
        problem(put(server, digests[0], large, 0), 507)
        assert os.listdir(inside + "/uploads") == [digests[1] + ".part"]
        assert json.loads(put(server, digests[1], small, 4 << 20)[2])["complete"] is True
        assert server.ask("GET", f"/artifacts/{digests[1]}")[2] == small
        problem(put(server, digests[0], large, 0), 507)
        assert os.listdir(inside + "/uploads") == []


def test_two_uploads_of_the_same_package_at_once():
    content = random_bytes(12 << 20, 10)
    digest = hashlib.sha256(content).hexdigest()
    with Server() as server:
        statuses = []

        def upload():
            offset = 0
            while offset < len(content):
                status, _, body = put(server, digest, content, offset)
                statuses.append(status)
                assert status in (200, 409), (status, body)
                offset = json.loads(body)["offset"]
                if status == 409:
                    time.sleep(0.01)
        threads = [threading.Thread(target=upload) for _ in range(3)]
        for thread in threads:
            thread.start()
        for thread in threads:
            thread.join(DEADLINE_S)
        assert not any(thread.is_alive() for thread in threads)
        assert server.ask("GET", f"/artifacts/{digest}")[2] == content and statuses.count(200) >= 3, statuses


def test_a_release_names_packages_that_are_there():
    with Server() as server:
        digest, delta = server.artifact(b"x" * 100), server.artifact(b"y" * 10)
        good = {"model": "m", "version": "v1.1.0", "sha256": digest, "deltas": [{"base_version": "1.0.0", "sha256": delta}]}

        def post(**changes):
            return server.ask("POST", "/api/v1/releases", json.dumps({**good, **changes}).encode())
        assert post()[0] == 200
        problem(post(sha256="0" * 64), 404, "sha256")
        problem(post(sha256="../../etc/passwd"), 400, "sha256")
        problem(post(version="1.1"), 400, "version")
        problem(post(model="a/b"), 400, "model")
        problem(post(colour="red"), 400, "colour")
        problem(post(deltas={}), 400, "deltas")
        problem(post(deltas=[1]), 400, "deltas")
        problem(post(deltas=[{"base_version": "1.x", "sha256": delta}]), 400, "base_version")
        problem(post(deltas=[{"sha256": "f" * 64}]), 404, "sha256")
        assert server.ask("POST", "/api/v1/releases", json.dumps({"sha256": digest}).encode())[0] == 200, "the package says the rest"
        problem(post(deltas=[{"base_version": f"1.0.{i}", "sha256": delta} for i in range(9)]), 400, "deltas")
        problem(server.ask("POST", "/api/v1/releases", b'{"model":"m"'), 400)
        problem(server.ask("POST", "/api/v1/releases", b""), 400, "sha256")


def main(module):
    tests = {name: test for name, test in module.items() if name.startswith("test_")}
    wanted = sys.argv[2:] or list(tests)
    failed = 0
    for name in wanted:
        begin = time.monotonic()
        try:
            tests[name]()
            print(f"ok     {name} {time.monotonic() - begin:.1f} s", flush=True)
        except Exception as error:   # pylint: disable=broad-except
            failed += 1
            print(f"FAILED {name}: {type(error).__name__}: {str(error)[:2000]}", flush=True)
            if len(wanted) == 1:
                raise
    print(f"{len(wanted) - failed} of {len(wanted)} passed")
    return 1 if failed else 0


if __name__ == "__main__":
    sys.exit(main(globals()))
