"""The depot of a real droverd: downloads that break and go on, slow readers by the dozen, uploads through kill -9, lies about bytes."""
import hashlib
import http.client
import json
import os
import selectors
import socket
import subprocess
import threading
import time

import pytest

from fleet import FAST, check_aggregates, check_histories
from hand import Device, Hand
from stack import wait_until

PART = 4 << 20


class Depot:
    def __init__(self, stack):
        self.stack = stack
        stack.start_redis()
        stack.start_broker()
        self.droverd = stack.start_droverd(settings=FAST)
        self.port, self.api_port = stack.http_ports["drover-1"], stack.api_ports["drover-1"]
        self.token = stack.token_file.read_text().strip()

    def restart(self):
        self.droverd.kill()
        self.stack.forget(self.droverd)
        self.droverd = self.stack.start_droverd(settings=FAST)

    def ask(self, method, path, body=None, port=None, **headers):
        connection = http.client.HTTPConnection("127.0.0.1", port or self.port, timeout=20)
        connection.request(method, path, body, {name.replace("_", "-"): value for name, value in headers.items()})
        answer = connection.getresponse()
        content = answer.read()
        connection.close()
        return answer.status, answer.headers, content

    def upload(self, digest, size, offset, content):
        status, _, answer = self.ask("PUT", f"/api/v1/uploads/{digest}?size={size}&offset={offset}", content, self.api_port,
                                     Authorization="Bearer " + self.token)
        return status, json.loads(answer)

    def standing(self, digest):
        status, _, answer = self.ask("GET", f"/api/v1/uploads/{digest}", None, self.api_port, Authorization="Bearer " + self.token)
        return status, json.loads(answer)

    def put(self, content):
        digest = hashlib.sha256(content).hexdigest()
        for offset in range(0, len(content), PART):
            status, answer = self.upload(digest, len(content), offset, content[offset:offset + PART])
            assert status == 200, answer
        assert answer["complete"]
        return digest

    def part_path(self, digest):
        return self.stack.folder / "data" / "uploads" / f"{digest}.part"

    def files(self):
        return sorted(path.name for path in (self.stack.folder / "data").rglob("*") if path.is_file() and path.suffix != ".ring")


@pytest.fixture
def depot(stack):
    depot = Depot(stack)
    yield depot
    depot.droverd.check_alive()


# --- downloads ---

@pytest.mark.asan
def test_conditions_and_ranges(depot):
    content = os.urandom(1_000_003)
    digest = depot.put(content)
    path, size, etag = f"/artifacts/{digest}", len(content), f'"{digest}"'
    status, headers, body = depot.ask("GET", path)
    assert status == 200 and body == content and headers["ETag"] == etag and headers["Accept-Ranges"] == "bytes"
    status, headers, body = depot.ask("HEAD", path)
    assert status == 200 and body == b"" and headers["Content-Length"] == str(size) and headers["ETag"] == etag
    assert depot.ask("HEAD", path, Range="bytes=5-9")[1]["Content-Length"] == str(size), "Range counts only with GET"
    for header, first, last in [("bytes=0-0", 0, 0), ("bytes=5-9", 5, 9), ("bytes=1000000-", 1_000_000, size - 1), ("bytes=-3", size - 3, size - 1),
                                ("bytes=999999-99999999999999999999", 999_999, size - 1), ("bytes=-9999999", 0, size - 1)]:
        status, headers, body = depot.ask("GET", path, Range=header)
        assert status == 206 and headers["Content-Range"] == f"bytes {first}-{last}/{size}" and body == content[first:last + 1], header
    for header in [f"bytes={size}-", "bytes=-0", "bytes=99999999999999999999-"]:
        status, headers, _ = depot.ask("GET", path, Range=header)
        assert status == 416 and headers["Content-Range"] == f"bytes */{size}", header
    for header in ["bytes=9-5", "lines=1-2", "bytes=a-b", "bytes=-"]:
        status, _, body = depot.ask("GET", path, Range=header)
        assert status == 200 and body == content, header
    status, headers, body = depot.ask("GET", path, Range="bytes=1-2,5-6,-1")
    boundary = headers["Content-Type"].partition("boundary=")[2]
    parts = [part.partition(b"\r\n\r\n")[2] for part in body.split(b"--" + boundary.encode())[1:-1]]
    assert status == 206 and [part[:-2] for part in parts] == [content[1:3], content[5:7], content[-1:]], headers
    assert depot.ask("GET", path, Range="bytes=5-9", If_Range=etag)[0] == 206
    for other in [f'W/{etag}', '"' + "0" * 64 + '"', digest, "Sun, 06 Nov 1994 08:49:37 GMT", '""']:
        status, _, body = depot.ask("GET", path, Range="bytes=5-9", If_Range=other)
        assert status == 200 and body == content, f"{other} is not what is here: nothing may be appended"
    for match in [etag, f"W/{etag}", "*", f'"x", {etag}']:
        status, headers, body = depot.ask("GET", path, If_None_Match=match)
        assert status == 304 and body == b"" and headers["ETag"] == etag, match
    assert depot.ask("GET", path, If_None_Match='"x"')[0] == 200
    assert depot.ask("GET", "/artifacts/" + "0" * 64)[0] == 404


@pytest.mark.asan
def test_a_download_that_is_cut_again_and_again_is_resumed(depot):
    content = os.urandom(6_000_000)
    digest = depot.put(content)
    got, cuts = b"", 0
    while len(got) < len(content):
        with socket.create_connection(("127.0.0.1", depot.port), timeout=10) as peer:
            peer.sendall(f'GET /artifacts/{digest} HTTP/1.1\r\nHost: x\r\nRange: bytes={len(got)}-\r\nIf-Range: "{digest}"\r\n\r\n'.encode())
            answer = peer.makefile("rb")
            assert answer.readline().split()[1] == b"206"
            while answer.readline() != b"\r\n":
                pass
            part = answer.read(min(777_777, len(content) - len(got)))
            got += part
            answer.close()   # the peer resets: bytes are still on their way
            cuts += 1
    assert got == content and cuts == 8
    connections = 'drover_http_connections{listener="devices"}'
    wait_until(lambda: depot.stack.metrics()[connections] == 0, 10, "the cut connections to be gone")


def sha256(content):
    return hashlib.sha256(content).hexdigest()


def resume(depot, digest, question=None, **headers):
    status, _, answer = depot.ask("POST", f"/artifacts/{digest}/resume", json.dumps(question) if question is not None else None, **headers)
    return status, json.loads(answer)


@pytest.mark.asan
def test_what_is_right_of_a_download_that_was_cut(depot):
    content = os.urandom(1_000_003)
    digest, size, chunk = depot.put(content), len(content), 65536
    status, answer = resume(depot, digest)
    assert status == 200 and answer == {"size": size, "chunk_bytes": chunk, "skip": [], "offset": 0, "complete": False, "range": f"bytes=0-{size - 1}"}
    for have in (1, chunk - 1, chunk, 300_000, size - 1):
        status, answer = resume(depot, digest, {"offset": have, "sha256": sha256(content[:have])})
        assert status == 200 and answer["offset"] == have and answer["skip"] == list(range(have // chunk)) and not answer["complete"]
        status, _, rest = depot.ask("GET", f"/artifacts/{digest}", Range=answer["range"], If_Range=f'"{digest}"')
        assert status == 206 and content[:have] + rest == content
    assert resume(depot, digest, {"offset": size, "sha256": digest})[1]["complete"]
    assert resume(depot, digest, {"offset": 300_000, "sha256": sha256(content[:299_999])})[1]["offset"] == 0
    # A hole, and a byte that flipped: only those two chunks are fetched again.
    mine = bytearray(content)
    mine[5 * chunk + 17] ^= 1
    question = {"chunk_bytes": chunk, "chunks": [sha256(mine[at:at + chunk]) for at in range(0, size, chunk)]}
    question["chunks"][9] = None
    status, answer = resume(depot, digest, {"offset": 4 * chunk, "sha256": sha256(mine[:4 * chunk]), **question})
    assert status == 200 and answer["offset"] == 5 * chunk and set(range(16)) - set(answer["skip"]) == {5, 9}
    assert answer["range"] == f"bytes={5 * chunk}-{6 * chunk - 1},{9 * chunk}-{10 * chunk - 1}"
    assert resume(depot, digest, question)[1]["skip"] == answer["skip"], "the chunks alone say the same"
    hashed = depot.stack.metrics()["drover_http_hashed_bytes_total"]
    assert resume(depot, digest, question)[1]["skip"] == answer["skip"]
    assert depot.stack.metrics()["drover_http_hashed_bytes_total"] == hashed, "what was hashed once is remembered"


@pytest.mark.asan
def test_questions_that_are_none(depot):
    content = os.urandom(200_000)
    digest = depot.put(content)
    refused = depot.stack.metrics()['drover_http_refused_total{reason="body"}']
    for question, status, where in [({"offset": 200_001, "sha256": digest}, 400, "offset"), ({"offset": 1}, 400, "offset, sha256"),
                                    ({"chunk_bytes": 65536, "chunks": [None] * 5}, 400, "chunks"), ({"offset": 1, "sha256": digest[:-1]}, 400, "sha256"),
                                    ({"chunk_bytes": 4096, "chunks": []}, 409, "chunk_bytes"), ([], 400, None)]:
        got, answer = resume(depot, digest, question)
        assert got == status and (where is None or answer["where"] == where), (question, answer)
        assert status != 409 or answer["chunk_bytes"] == 65536 and answer["size"] == 200_000
    assert depot.stack.metrics()['drover_http_refused_total{reason="body"}'] == refused + 5
    assert depot.ask("POST", f"/artifacts/{digest}/resume", json.dumps({"more": "x" * 20_000}))[0] == 413
    assert resume(depot, "0" * 64, {})[0] == 404
    assert depot.ask("GET", f"/artifacts/{digest}/resume")[0] == 405
    assert depot.ask("POST", f"/artifacts/{digest}", "{}")[0] == 405
    # By many at once: each is answered, or told to come again, and the loop goes on.
    answers = []
    threads = [threading.Thread(target=lambda: answers.append(resume(depot, digest, {"offset": 100_000, "sha256": sha256(content[:100_000])}))) for _ in range(100)]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join(30)
    assert len(answers) == 100 and all(status == 503 or answer["offset"] == 100_000 for status, answer in answers)
    assert sum(status == 200 for status, _ in answers) >= 30


def test_slow_readers_do_not_delay_decisions(depot):
    digest = depot.put(os.urandom(3_000_000))
    hand = Hand(depot.stack)
    device = Device(hand, "d1").known()
    selector = selectors.DefaultSelector()
    readers = []
    for _ in range(150):
        peer = socket.socket()
        peer.setsockopt(socket.SOL_SOCKET, socket.SO_RCVBUF, 4096)
        peer.connect(("127.0.0.1", depot.port))
        peer.sendall(f"GET /artifacts/{digest} HTTP/1.1\r\nHost: x\r\n\r\n".encode())
        peer.setblocking(False)
        selector.register(peer, selectors.EVENT_READ)
        readers.append(peer)
    enough, taken = threading.Event(), [0]

    def read_slowly():
        while not enough.wait(0.02):
            for key, _ in selector.select(0):
                taken[0] += len(key.fileobj.recv(1024))
    thread = threading.Thread(target=read_slowly)
    thread.start()
    try:
        wait_until(lambda: taken[0] > 150_000 and depot.stack.metrics()['drover_http_connections{listener="devices"}'] == len(readers), 20,
                   "every reader to be served")
        before = depot.stack.metrics()
        depot.stack.add_release("esp32", "1.1.0", size=5000)
        depot.stack.drover("rollout", "start", "esp32", "1.1.0", "--spread", "0s")
        begun = time.monotonic()
        device.obey()
        took_s = time.monotonic() - begun
        wait_until(lambda: depot.stack.metrics()["drover_loop_lag_seconds_count"] >= before["drover_loop_lag_seconds_count"] + 30, 20, "30 looks at the loop")
        after = depot.stack.metrics()
    finally:
        enough.set()
        thread.join()
        for peer in readers:
            peer.close()
    beats = after["drover_loop_lag_seconds_count"] - before["drover_loop_lag_seconds_count"]
    lag_s = (after["drover_loop_lag_seconds_sum"] - before["drover_loop_lag_seconds_sum"]) / beats
    assert after['drover_http_connections{listener="devices"}'] >= len(readers), "they are still being served"
    assert lag_s < 0.05, f"the loop is late by {lag_s:.3f} s on average"
    assert took_s < 10, f"an update took {took_s:.1f} s"
    hand.settle()
    check_aggregates(hand.store)
    check_histories(hand.store)
    hand.close()


# --- uploads ---

def test_the_command_line_uploads_through_three_kills(depot):
    package = depot.stack.package("esp32", "1.1.0", 30_000_000)
    content = package.read_bytes()
    digest = hashlib.sha256(content).hexdigest()
    command = subprocess.Popen([depot.stack.program("drover"), "release", "add", package], stderr=subprocess.PIPE, text=True,
                               env={**os.environ, "DROVER_API": depot.stack.url(""), "DROVER_TOKEN_FILE": str(depot.stack.token_file)})
    killed_under_way = 0
    try:
        for bytes_there in (1, 9_000_000, 20_000_000):
            part = depot.part_path(digest)
            wait_until(lambda: (part.exists() and part.stat().st_size >= bytes_there) or command.poll() is not None, 60, "more of the upload", interval=0.002)
            killed_under_way += command.poll() is None
            depot.restart()
        assert command.wait(60) == 0, command.stderr.read()
        assert killed_under_way >= 2, "it was too fast to be hit"
    finally:
        command.kill()
        command.wait()
        command.stderr.close()
    assert depot.ask("GET", f"/artifacts/{digest}")[2] == content
    assert depot.files() == [digest]


@pytest.mark.asan
@pytest.mark.parametrize("bytes_there", [0, 1, PART - 1, PART + 5, 5_000_000])
def test_an_upload_goes_on_where_a_killed_droverd_stood(depot, bytes_there):
    """0: the file was made; all: every byte was written, and droverd was killed before it moved the file into its place."""
    package = depot.stack.package("esp32", "1.1.0", 5_000_000)
    content = package.read_bytes()
    digest = hashlib.sha256(content).hexdigest()
    depot.droverd.kill()
    depot.stack.forget(depot.droverd)
    depot.part_path(digest).parent.mkdir(parents=True, exist_ok=True)
    depot.part_path(digest).write_bytes(content[:bytes_there])
    depot.droverd = depot.stack.start_droverd(settings=FAST)
    status, answer = depot.standing(digest)
    assert status == 200 and answer["offset"] == bytes_there and not answer["complete"]
    done = depot.stack.drover("release", "add", package)
    assert bytes_there == 0 or f"going on at byte {bytes_there}" in done.stderr
    assert depot.ask("GET", f"/artifacts/{digest}")[2] == content
    assert depot.files() == [digest]


def test_two_uploads_of_the_same_package_at_once(depot):
    package = depot.stack.package("esp32", "1.1.0", 20_000_000)
    results = []
    threads = [threading.Thread(target=lambda: results.append(depot.stack.drover("release", "add", package, check=False))) for _ in range(2)]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join(100)
    assert [done.returncode for done in results] == [0, 0], [done.stderr for done in results]
    digest = hashlib.sha256(package.read_bytes()).hexdigest()
    assert depot.ask("GET", f"/artifacts/{digest}")[2] == package.read_bytes()
    assert depot.files() == [digest]
    assert len(depot.stack.drover_json("release", "list")["items"]) == 1


@pytest.mark.asan
def test_bytes_that_are_not_what_was_promised(depot):
    content = os.urandom(100_000)
    digest = hashlib.sha256(content).hexdigest()
    forged = bytes([content[0] ^ 1]) + content[1:]
    status, answer = depot.upload(digest, len(content), 0, forged)
    assert status == 422 and answer["where"] == "sha256", answer
    assert depot.files() == [] and depot.ask("GET", f"/artifacts/{digest}")[0] == 404 and depot.standing(digest)[0] == 404
    # A part left by a droverd that was killed is no better: what is wrong in it is found at the end.
    assert depot.upload(digest, len(content), 0, forged[:50_000])[0] == 200
    depot.restart()
    status, answer = depot.upload(digest, len(content), 50_000, content[50_000:])
    assert status == 422 and depot.files() == []
    for size, offset, body in [(100_000, 0, b""), (100_000, 99_999, b"xx"), (0, 0, b"x"), (-1, 0, b"x"), (3 << 30, 0, b"x"), (100_000, -1, b"x")]:
        assert depot.upload(digest, size, offset, body)[0] == 400, (size, offset)
    assert depot.upload(digest, 100_000, 100_000, b"")[0] == 409
    assert depot.files() == []
    # The honest upload afterwards.
    assert depot.put(content) == digest and depot.ask("GET", f"/artifacts/{digest}")[2] == content
