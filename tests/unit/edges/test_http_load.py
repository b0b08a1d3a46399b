"""The HTTP threads with more to do than they may: 429 and 503 with the time at which there is room, budgets of bytes, slow and greedy peers.

usage: test_http_load.py HTTP_FAKE [test name]...
"""
import contextlib
import hashlib
import json
import socket
import sys
import threading
import time

import test_http_server as base
from test_http_server import DEADLINE_S, LAST, Server, certificate, problem, put, random_bytes, request, secure_socket, until

HERE = "shared=192.0.2.0/24"   # so that 127.0.0.1 has limits
MIB = 1 << 20


def refused(server, reason):
    return server.metric(f'drover_http_refused_total{{reason="{reason}"}}')


def retry_after(answer):
    assert answer[1]["Retry-After"], "says nothing about when"
    return int(answer[1]["Retry-After"])


@contextlib.contextmanager
def downloads(server, digest, count, device=""):
    """So many downloads that are never read further."""
    with contextlib.ExitStack() as stack:
        for i in range(count):
            peer = stack.enter_context(socket.socket())
            peer.setsockopt(socket.SOL_SOCKET, socket.SO_RCVBUF, 4096)
            peer.connect(("127.0.0.1", server.devices))
            query = f"?device={device or f'd{i}'}&upgrade=u&attempt=1" if device is not None else ""
            peer.sendall(request(f"/artifacts/{digest}{query}"))
            assert peer.recv(12) == b"HTTP/1.1 200"
        yield


# --- how often ---

def test_an_address_may_ask_so_often_and_is_told_when_again():
    with Server(HERE, "address_requests_s=10") as server:
        answers = [server.ask("GET", "/api/v1/uploads/" + "0" * 64) for _ in range(40)]
        assert [answer[0] for answer in answers[:20]] == [404] * 20, "two seconds' worth at once"
        late = [answer for answer in answers if answer[0] == 429]
        assert len(late) >= 10
        for answer in late:
            problem(answer, 429)
            assert retry_after(answer) in (1, 2)
        assert refused(server, "client_requests") == len(late)
        time.sleep(retry_after(late[-1]))
        assert server.ask("GET", "/api/v1/uploads/" + "0" * 64)[0] == 404, "the wait that was said was true"


def test_who_watches_is_always_answered():
    with Server(HERE, "address_requests_s=1", "requests_s=1", "downloads=1") as server:
        digest = server.artifact(random_bytes(8 * MIB, 1))
        with downloads(server, digest, 1):
            for _ in range(60):
                assert server.ask("GET", "/healthz", port=server.devices)[0] == 200
                assert server.ask("GET", "/readyz")[0] == 200
                assert server.ask("GET", "/metrics")[0] == 200


def test_all_together_may_ask_so_often_and_come_back_one_after_the_other():
    with Server("requests_s=20") as server:
        waits = []
        for _ in range(200):
            answer = server.ask("GET", "/firmware/latest?device_model=m&current_version=1.0.0", port=server.devices)
            if answer[0] == 503:
                problem(answer, 503)
                waits.append(retry_after(answer))
        assert len(waits) >= 100 and refused(server, "requests") == len(waits)
        assert max(waits) >= len(waits) / 20 * 0.7, f"{len(waits)} cannot all be served within {max(waits)} s"
        assert max(waits) <= len(waits) / 20 * 1.5 + 3, f"{len(waits)} are served within less than {max(waits)} s"


# --- connections ---

def answered(server):
    with contextlib.suppress(ConnectionError):
        return server.ask("GET", "/healthz")[0] == 200
    return False


def test_an_address_may_open_so_many_connections():
    with Server(HERE, "address_connections=5", "request_ms=20000") as server:
        peers = [socket.create_connection(("127.0.0.1", server.devices)) for _ in range(4)]
        until(lambda: server.metric('drover_http_connections{listener="devices"}') == 4, "four are in; the one that asks is the fifth")
        more = [socket.create_connection(("127.0.0.1", server.devices), timeout=DEADLINE_S) for _ in range(5)]
        gone = 0
        for peer in more[1:]:
            with contextlib.suppress(ConnectionResetError):
                assert peer.recv(1) == b"", "closed at once"
            gone += 1
        for peer in peers + more:
            peer.close()
        assert gone == 4
        until(lambda: answered(server), "the address may connect again")
        assert refused(server, "client_connections") >= 4, "it is counted"
        until(lambda: server.metric("drover_http_connections") == 1, "all are gone")
        assert server.ask("GET", "/healthz", port=server.devices)[0] == 200


def test_with_all_connections_taken_health_is_answered_and_others_are_sent_away():
    with Server("devices=64", "threads=1", "request_ms=20000") as server:
        peers = [socket.create_connection(("127.0.0.1", server.devices)) for _ in range(64)]
        until(lambda: server.metric('drover_http_connections{listener="devices"}') == 64, "the house is full")
        for _ in range(10):
            assert server.ask("GET", "/healthz", port=server.devices)[0] == 200
            answer = server.ask("GET", "/firmware/latest?device_model=m&current_version=1.0.0", port=server.devices)
            problem(answer, 503)
            assert answer[1]["Connection"] == "close" and retry_after(answer) >= 1
        peers.pop().close()
        until(lambda: server.ask("GET", "/firmware/latest?device_model=m&current_version=1.0.0", port=server.devices)[0] == 200, "there is room again")
        silent = socket.create_connection(("127.0.0.1", server.devices), timeout=DEADLINE_S)
        second = socket.create_connection(("127.0.0.1", server.devices), timeout=DEADLINE_S)
        begun = time.monotonic()
        assert second.recv(1) == b"" and time.monotonic() - begun < 5, "who is too many and says nothing goes soon"
        for peer in peers + [silent, second]:
            peer.close()


# --- places for downloads ---

def test_when_all_places_are_taken_others_are_told_when_one_comes():
    with Server("downloads=3") as server:
        content = random_bytes(8 * MIB, 2)
        digest = server.artifact(content)
        with downloads(server, digest, 3):
            until(lambda: server.metric("drover_depot_places_used") == 3, "all places are taken")
            answer = server.ask("GET", f"/artifacts/{digest}?device=late&upgrade=u&attempt=1", port=server.devices)
            problem(answer, 503)
            assert retry_after(answer) >= 1 and "room" in json.loads(answer[2])["detail"]
            assert server.ask("HEAD", f"/artifacts/{digest}", port=server.devices)[0] == 200, "a question without bytes needs no place"
            assert server.ask("GET", f"/artifacts/{digest}", headers={"If-None-Match": f'"{digest}"'}, port=server.devices)[0] == 304
            assert server.ask("GET", f"/artifacts/{digest}?device=d1&upgrade=u&attempt=1", headers={"Range": "bytes=0-9"}, port=server.devices)[0] == 206, \
                "who is being served may fetch more"
            waits = [retry_after(server.ask("GET", f"/artifacts/{digest}", port=server.devices)) for _ in range(20)]
            assert waits[-1] > waits[0] and len(set(waits)) > 5, f"they come back one after the other: {waits}"
        assert refused(server, "downloads") == 21
        until(lambda: server.metric("drover_depot_places_used") == 0, "they have left")
        assert server.ask("GET", f"/artifacts/{digest}?device=late&upgrade=u&attempt=1", port=server.devices)[2] == content
        assert server.metric("drover_depot_replies") == 0


def test_a_device_keeps_its_place_between_two_ranges():
    with Server("downloads=1") as server:
        digest = server.artifact(random_bytes(MIB, 3))
        part, end = {"Range": "bytes=0-99"}, {"Range": "bytes=-100"}
        mine, other = (f"/artifacts/{digest}?device={name}&upgrade=u&attempt=1" for name in ("mine", "other"))
        assert server.ask("GET", mine, headers=part, port=server.devices)[0] == 206
        assert server.ask("GET", other, headers=part, port=server.devices)[0] == 503
        assert server.ask("GET", mine, headers=end, port=server.devices)[0] == 206, "and gives it back with the last byte"
        until(lambda: server.ask("GET", other, headers=part, port=server.devices)[0] == 206, "the other's turn", deadline_s=2)
        until(lambda: server.ask("GET", mine, headers=part, port=server.devices)[0] == 206, "the other did not come back")


def test_a_device_may_fetch_so_much_at_a_time():
    with Server("device_downloads=2") as server:
        digest = server.artifact(random_bytes(8 * MIB, 4))
        with downloads(server, digest, 2, device="greedy"):
            answer = server.ask("GET", f"/artifacts/{digest}?device=greedy&upgrade=u&attempt=1", port=server.devices)
            problem(answer, 429)
            assert retry_after(answer) >= 1 and refused(server, "client_downloads") == 1
            assert server.ask("GET", f"/artifacts/{digest}?device=modest&upgrade=u&attempt=1", port=server.devices)[0] == 200


# --- bytes a second ---

def fetch(server, digest, peer, size):
    peer.sendall(request(f"/artifacts/{digest}", LAST))
    got = b"".join(iter(lambda: peer.recv(65536), b""))
    assert len(got.partition(b"\r\n\r\n")[2]) == size and hashlib.sha256(got[-size:]).hexdigest() == digest


def timed(server, digest, size, count, connect):
    """Seconds that so many downloads at a time take, whole and right."""
    failures = []

    def one():
        try:
            with connect() as peer:
                fetch(server, digest, peer, size)
        except Exception as error:   # pylint: disable=broad-except
            failures.append(error)
    threads = [threading.Thread(target=one) for _ in range(count)]
    begun = time.monotonic()
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()
    assert not failures, failures
    return time.monotonic() - begun


def test_all_downloads_share_the_bytes_a_second():
    size = 2 * MIB
    with certificate() as file:
        for limits, connect in (([], lambda: socket.create_connection(("127.0.0.1", server.devices), timeout=60)),
                                ([f"tls={file}"], lambda: secure_socket(server.devices))):
            with Server(f"bytes_s={4 * MIB}", *limits) as server:
                digest = server.artifact(random_bytes(size, 5))
                took_s = timed(server, digest, size, 8, connect)
                assert 2.5 < took_s < 9, f"16 MiB at 4 MiB/s took {took_s:.1f} s ({limits})"
                before = time.monotonic()
                assert server.ask("GET", "/metrics")[0] == 200 and time.monotonic() - before < 1


def test_one_connection_has_its_own_bytes_a_second():
    size = 3 * MIB
    with Server(f"connection_bytes_s={MIB}") as server:
        digest = server.artifact(random_bytes(size, 6))
        took_s = timed(server, digest, size, 4, lambda: socket.create_connection(("127.0.0.1", server.devices), timeout=60))
        assert 2 < took_s < 6, f"3 MiB at 1 MiB/s took {took_s:.1f} s"


def test_uploads_share_the_bytes_a_second():
    content = random_bytes(12 * MIB, 7)
    digest = hashlib.sha256(content).hexdigest()
    with Server(f"upload_bytes_s={4 * MIB}", "threads=1") as server:
        connection = base.http.client.HTTPConnection("127.0.0.1", server.operators, timeout=60)
        begun = time.monotonic()
        for offset in range(0, len(content), 4 * MIB):
            connection.request("PUT", f"/api/v1/uploads/{digest}?size={len(content)}&offset={offset}", content[offset:offset + 4 * MIB], base.TOKEN)
            answer = connection.getresponse()
            assert answer.status == 200 and answer.read()
        took_s = time.monotonic() - begun
        connection.close()
        assert 1.5 < took_s < 6, f"the first part goes free, 8 MiB at 4 MiB/s took {took_s:.1f} s"
        assert put(server, digest, content, 0)[0] == 200


# --- slow peers ---

def test_who_reads_too_slowly_is_cut_and_who_reads_slowly_is_not():
    with Server("idle_ms=2000", "reader_bytes_s=20000") as server:
        digest = server.artifact(random_bytes(24 * MIB, 8))
        peers = []
        for _ in range(2):
            peer = socket.socket()
            peer.setsockopt(socket.SOL_SOCKET, socket.SO_RCVBUF, 4096)
            peer.settimeout(DEADLINE_S)
            peer.connect(("127.0.0.1", server.devices))
            peer.sendall(request(f"/artifacts/{digest}"))
            peers.append(peer)
        until(lambda: server.metric("drover_depot_replies") == 2, "both are served")
        end = time.monotonic() + 7
        while time.monotonic() < end:   # 100 kB/s, and next to nothing
            peers[0].recv(5000)
            with contextlib.suppress(ConnectionResetError):
                peers[1].recv(1)
            time.sleep(0.05)
        assert refused(server, "reader") == 1 and server.metric("drover_depot_replies") == 1
        peers[0].recv(5000)
        for peer in peers:
            peer.close()
        until(lambda: server.metric("drover_depot_places_used") == 0, "their places are free")


def test_who_is_held_back_by_the_budget_is_not_cut_for_it():
    size = 256 * 1024
    with Server("idle_ms=1000", "reader_bytes_s=50000", f"bytes_s={256 * 1024}", "threads=1") as server:
        digest = server.artifact(random_bytes(size, 9))
        timed(server, digest, size, 6, lambda: socket.create_connection(("127.0.0.1", server.devices), timeout=60))
        assert refused(server, "reader") == 0


if __name__ == "__main__":
    sys.exit(base.main(globals()))
