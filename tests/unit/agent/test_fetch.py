"""The agent's fetch: the plain way, loss, redirects, restarts, limits and TLS. The attacks are in test_fetch_attacks.py."""
import email.utils
import os
import signal
import ssl
import subprocess
import time

import pytest
from faulty_depot import CUT, Depot, Wait, by_number, honest, in_steps, part, status
from fetch_world import CHUNK, ENVIRONMENT, LIMIT_S, SANITIZED, arguments, fetch, honest_succeeds, is_whole, make, refused, survived

pytestmark = pytest.mark.asan


# The plain way

def test_head_first_then_chunks_each_byte_once(package, tmp_path):
    result, depot = survived(package, tmp_path, honest)
    assert depot.spans[0] == (0, 16384)
    spans = sorted(depot.spans)
    assert spans[0][0] == 0 and spans[-1][1] == len(package.bytes)
    assert all(one[1] == two[0] for one, two in zip(spans, spans[1:]))
    assert all(request.headers["accept-encoding"] == "identity" and "range" in request.headers for request in depot.requests)
    assert all(request.headers.get("if-range") == f'"{package.sha256}"' for request in depot.requests[1:])
    assert "head 1.1.0" in result.lines
    assert any(line.startswith("progress ") for line in result.lines)


def test_head_larger_than_the_first_request(tmp_path):
    package = make(tmp_path / "p", app=4 << 20, chunk=4096)
    assert package.metadata_end > 2 * 16384
    _, depot = survived(package, tmp_path, honest)
    assert depot.spans[:2] == [(0, 16384), (16384, package.metadata_end)]


def test_window_opens_and_keeps_to_its_limit(tmp_path):
    package = make(tmp_path / "p", app=14 << 20)
    slow = in_steps(honest, 262144, Wait(0.02))
    _, depot = survived(package, tmp_path, slow, window=3)
    assert depot.open_most == 3
    (tmp_path / "staging").unlink()
    _, depot = survived(package, tmp_path, slow, window=1)
    assert depot.open_most == 1


def test_encrypted_chunks_are_proved(tmp_path):
    package = make(tmp_path / "p", app=1 << 20, encrypted=1)
    key = tmp_path / "p/model.key"
    flipped = bytearray(package.bytes)
    flipped[package.metadata_end + 16 + CHUNK + 16 + 100] ^= 1

    def damaged_once(request):
        yield part(request)
        start, stop = request.span
        is_first = "cache-control" not in request.headers
        yield bytes(flipped[start:stop]) if is_first else request.body

    _, depot = survived(package, tmp_path, damaged_once, model_key=key)
    assert sum(1 for start, stop in depot.spans if start <= package.metadata_end + 16 + CHUNK + 16 < stop) == 2
    with Depot(package.bytes, package.sha256) as depot:
        result = fetch(package, depot, tmp_path / "other")
        assert result.code == "E_DECRYPT"
        assert depot.spans == [(0, 16384)]


@pytest.mark.skipif(SANITIZED, reason="a sanitizer has memory of its own")
def test_memory_while_downloading(tmp_path):
    package = make(tmp_path / "p", app=24 << 20)
    result, _ = survived(package, tmp_path, honest)
    before, peak = map(int, next(line for line in result.lines if line.startswith("memory ")).split()[1:])
    assert peak - before < 4096


# Refused before a chunk is asked for

@pytest.mark.parametrize("options, code", [({"model": "esp8266"}, "E_INCOMPATIBLE"), ({"signer": "stranger"}, "E_SIGNATURE")])
def test_policy_is_asked_before_any_chunk(tmp_path, options, code, small):
    package = make(tmp_path / "p", app=300000, **options)
    package.trust = package.trust if "model" in options else small.trust
    with Depot(package.bytes, package.sha256) as depot:
        result = fetch(package, depot, tmp_path / "staging")
        assert result.code == code
        assert all(stop <= 16384 for _, stop in depot.spans)
    assert (tmp_path / "staging").stat().st_size == 0


def test_no_space_is_said_before_the_download(package, tmp_path):
    """On a file system of 1 MiB of its own, where the kernel lets us have one."""
    inside = tmp_path / "full"
    inside.mkdir()
    mount = f'mount -t tmpfs -o size=1m none {inside} && exec "$@"'
    before = ["unshare", "-rm", "sh", "-c", mount, "sh"]
    if subprocess.run([*before, "true"], capture_output=True, timeout=LIMIT_S).returncode:
        pytest.skip("no mount namespaces here")
    with Depot(package.bytes, package.sha256) as depot:
        result = fetch(package, depot, inside / "staging", before=before)
        assert result.code == "E_NO_SPACE", result
        assert depot.spans == [(0, 16384)]


# Loss

def test_connections_cut_every_100_kb(package, tmp_path):
    _, depot = survived(package, tmp_path, in_steps(honest, 100000, CUT), window=8)
    assert depot.sent < 2 * len(package.bytes)


def test_server_errors_end(small, tmp_path):
    result, depot = refused(small, tmp_path, status(500), "E_DOWNLOAD_HTTP", failures=3)
    assert len(depot.requests) == 3 and "500" in result.why


def test_a_few_errors_in_the_middle_are_survived(package, tmp_path):
    survived(package, tmp_path, by_number(3, 4, status(502)))


@pytest.mark.parametrize("url", ["ftp://127.0.0.1/x", "file:///etc/passwd", "http://127.0.0.1/" + "a" * 5000, "nonsense", "http://user:secret@127.0.0.1/"])
def test_addresses_that_are_not_for_us(small, tmp_path, url):
    with Depot(small.bytes, small.sha256) as depot:
        result = fetch(small, depot, tmp_path / "staging", url=url)
    assert result.code == "E_DOWNLOAD_HTTP" and "secret" not in result.why


def test_nobody_listens(small, tmp_path):
    with Depot(small.bytes, small.sha256) as depot:
        pass
    result = fetch(small, depot, tmp_path / "staging", failures=3)
    assert result.code == "E_DOWNLOAD_TIMEOUT" and result.why.startswith("depot: ")
    honest_succeeds(small, tmp_path / "staging")


@pytest.mark.parametrize("number", [400, 403, 404, 410, 416, 451])
def test_client_errors_are_not_tried_again(small, tmp_path, number):
    result, depot = refused(small, tmp_path, status(number), "E_DOWNLOAD_HTTP")
    assert len(depot.requests) == 1 and str(number) in result.why and result.retry_after_ms == 0


@pytest.mark.parametrize("answer, code", [(honest, "E_NONE"), (status(404), "E_DOWNLOAD_HTTP")])
def test_it_may_be_freed_when_it_says_that_it_is_done(small, tmp_path, answer, code):
    with Depot(small.bytes, small.sha256, answer) as depot:
        assert fetch(small, depot, tmp_path / "staging", free_in_done=1).code == code


def test_404_in_the_middle_ends_at_once(package, tmp_path):
    _, depot = refused(package, tmp_path, by_number(1, 99, status(404)), "E_DOWNLOAD_HTTP")
    assert len(depot.requests) <= 3


@pytest.mark.parametrize("number", [429, 503])
def test_retry_after_is_handed_on(small, tmp_path, number):
    result, depot = refused(small, tmp_path, status(number, "Retry-After: 120"), "E_DOWNLOAD_HTTP")
    assert result.retry_after_ms == 120000 and len(depot.requests) == 1


def test_retry_after_as_a_date_counts_by_the_servers_clock(small, tmp_path):
    at = 86400    # a server in 1970: only the difference counts
    lines = [f"Date: {email.utils.formatdate(at, usegmt=True)}", f"Retry-After: {email.utils.formatdate(at + 90, usegmt=True)}"]
    result, _ = refused(small, tmp_path, status(503, *lines), "E_DOWNLOAD_HTTP")
    assert result.retry_after_ms == 90000


def test_retry_after_is_capped(small, tmp_path):
    result, _ = refused(small, tmp_path, status(503, "Retry-After: 99999999"), "E_DOWNLOAD_HTTP")
    assert result.retry_after_ms == 24 * 3600 * 1000


def test_a_new_token_is_asked_for_once(package, tmp_path):
    def guarded(request):
        return honest(request) if request.headers.get("authorization") == "Bearer good" else status(401)(request)
    _, depot = survived(package, tmp_path, guarded, token="stale", token2="good")
    assert depot.requests[0].headers["authorization"] == "Bearer stale"
    (tmp_path / "staging").unlink()
    result, depot = refused(package, tmp_path, by_number(0, 99, status(401)), "E_DOWNLOAD_HTTP", token="bad", token2="worse")
    assert len(depot.requests) == 2 and "401" in result.why


# Redirects

def redirected(times, where):
    """/artifacts/... leads to where(1), that to where(2) and so on, and the last one answers."""
    def answer(request):
        hop = int(request.target.rpartition("-")[2]) if "-" in request.target else 0
        if hop == times:
            return honest(request)
        return status(302, f"Location: {where(request, hop + 1)}", body=b"elsewhere")(request)
    return answer


def here(request, hop):
    return f"/elsewhere-{hop}"


def test_redirects_up_to_three(small, tmp_path):
    _, depot = survived(small, tmp_path, redirected(3, here), token="t", token2="t")
    assert all(request.headers["authorization"] == "Bearer t" for request in depot.requests)
    (tmp_path / "staging").unlink()
    result, _ = refused(small, tmp_path, redirected(4, here), "E_DOWNLOAD_HTTP", failures=2)
    assert "redirected too often" in result.why


@pytest.mark.parametrize("to", ["ftp://127.0.0.1/x", "file:///etc/passwd", "gopher://127.0.0.1:1/x"])
def test_redirects_leave_http_never(small, tmp_path, to):
    result, _ = refused(small, tmp_path, redirected(1, lambda *_: to), "E_DOWNLOAD_HTTP", failures=2)
    assert "not HTTP" in result.why


def test_the_token_stays_with_the_depot_that_was_named(small, tmp_path):
    with Depot(small.bytes, small.sha256) as other:
        survived(small, tmp_path, redirected(1, lambda *_: other.url), token="secret", token2="secret", header="X-Device: d1")
        assert other.requests
        assert all("authorization" not in request.headers and "x-device" not in request.headers for request in other.requests)


# Over restarts

def complete_chunks(package, staging):
    """Chunks of the package that lie in the file as they should."""
    there = staging.read_bytes() if staging.exists() else b""
    count = (3 << 20) // CHUNK
    return sum(1 for number in range(count) if there[package.chunk(number):package.chunk(number) + CHUNK] ==
               package.bytes[package.chunk(number):package.chunk(number) + CHUNK])


def test_killed_at_any_moment_it_goes_on(package, tmp_path):
    staging = tmp_path / "staging"
    paced = in_steps(honest, 16384, Wait(0.01))
    kept = 0
    for goal in (1, 6, 13, 25, 40):
        with Depot(package.bytes, package.sha256, paced) as depot:
            process = subprocess.Popen(arguments(package, depot, staging), stdout=subprocess.DEVNULL, env=ENVIRONMENT)
            try:
                end = time.monotonic() + LIMIT_S
                while complete_chunks(package, staging) < goal:
                    assert time.monotonic() < end and process.poll() is None
                    time.sleep(0.005)
            finally:
                process.send_signal(signal.SIGKILL)
                process.wait()
            assert sum(stop - start for start, stop in depot.spans if start >= 16384) <= len(package.bytes) - kept * CHUNK
        kept = complete_chunks(package, staging)
        assert kept >= goal
    with Depot(package.bytes, package.sha256) as depot:
        assert fetch(package, depot, staging).code == "E_NONE"
        asked = sum(stop - start for start, stop in depot.spans)
        assert asked <= len(package.bytes) - kept * CHUNK
    assert is_whole(package, staging)


def test_a_complete_file_needs_no_network(small, tmp_path):
    staging = tmp_path / "staging"
    assert honest_succeeds(small, staging) == len(small.bytes)
    assert honest_succeeds(small, staging) == 0


def test_a_damaged_chunk_is_fetched_again_and_nothing_else(package, tmp_path):
    staging = tmp_path / "staging"
    honest_succeeds(package, staging)
    with staging.open("r+b") as file:
        file.seek(package.chunk(7) + 1)
        file.write(b"damage")
    assert honest_succeeds(package, staging) == CHUNK


def test_a_damaged_head_is_fetched_again(small, tmp_path):
    staging = tmp_path / "staging"
    honest_succeeds(small, staging)
    with staging.open("r+b") as file:
        file.seek(100)
        file.write(b"damage")
    honest_succeeds(small, staging)


@pytest.mark.parametrize("cut_to", [0, 10, 64, 1000, 150000])
def test_a_file_cut_short(small, tmp_path, cut_to):
    staging = tmp_path / "staging"
    honest_succeeds(small, staging)
    os.truncate(staging, cut_to)
    honest_succeeds(small, staging)


def test_bytes_behind_the_end_of_the_file(small, tmp_path):
    staging = tmp_path / "staging"
    honest_succeeds(small, staging)
    with staging.open("ab") as file:
        file.write(b"more")
    assert honest_succeeds(small, staging) == 0


def test_the_file_of_another_package_is_thrown_away(package, small, tmp_path):
    staging = tmp_path / "staging"
    honest_succeeds(package, staging)
    assert honest_succeeds(small, staging) == len(small.bytes)


def test_attack_14_a_symlink_in_its_place_is_not_followed(small, tmp_path):
    staging, victim = tmp_path / "staging", tmp_path / "victim"
    victim.write_text("precious")
    (tmp_path / "staging.id").write_text(f"{small.sha256} {len(small.bytes)}\n")
    staging.symlink_to(victim)
    with Depot(small.bytes, small.sha256) as depot:
        assert fetch(small, depot, staging).code == "E_INSTALL"
    assert victim.read_text() == "precious"


# Limits and cancelling

def test_bandwidth_limit_counts_for_all_requests_together(package, tmp_path):
    limit = 1 << 20
    result, _ = survived(package, tmp_path, honest, bandwidth=limit)
    assert 0.8 < result.seconds * limit / len(package.bytes) < 2.5


def test_cancel_is_immediate(package, tmp_path):
    def slow(request):
        yield part(request)
        yield request.body[:5000]
        yield Wait(60)
    with Depot(package.bytes, package.sha256, by_number(1, 99, slow)) as depot:
        result = fetch(package, depot, tmp_path / "staging", cancel_ms=300, stall_ms=30000)
    assert result.code == "NEVER"
    took_ms = int(next(line for line in result.lines if line.startswith("cancelled ")).split()[1])
    assert took_ms < 1000
    honest_succeeds(package, tmp_path / "staging")


# TLS

def openssl(*words, cwd):
    subprocess.run(["openssl", *words], check=True, capture_output=True, cwd=cwd, timeout=LIMIT_S)


@pytest.fixture(scope="session")
def certificates(tmp_path_factory):
    """ca.pem and, signed by it, server.pem and client.pem; foreign.pem is a CA that signed nothing."""
    folder = tmp_path_factory.mktemp("certificates")
    for name in ("ca", "foreign"):
        openssl("req", "-x509", "-newkey", "ec", "-pkeyopt", "ec_paramgen_curve:P-256", "-nodes", "-keyout", f"{name}.key", "-out", f"{name}.pem", "-days", "2",
                "-subj", f"/CN={name}", cwd=folder)
    for name, san in (("server", "IP:127.0.0.1"), ("client", "DNS:d1"), ("elsewhere", "DNS:other.example")):
        openssl("req", "-newkey", "ec", "-pkeyopt", "ec_paramgen_curve:P-256", "-nodes", "-keyout", f"{name}.key", "-out", f"{name}.csr", "-subj", f"/CN={name}",
                cwd=folder)
        (folder / "san").write_text(f"subjectAltName={san}\n")
        openssl("x509", "-req", "-in", f"{name}.csr", "-CA", "ca.pem", "-CAkey", "ca.key", "-CAcreateserial", "-days", "2", "-extfile", "san", "-out", f"{name}.pem",
                cwd=folder)
    return folder


def tls(certificates, name="server", wants_client=False):
    context = ssl.SSLContext(ssl.PROTOCOL_TLS_SERVER)
    context.load_cert_chain(certificates / f"{name}.pem", certificates / f"{name}.key")
    if wants_client:
        context.verify_mode = ssl.CERT_REQUIRED
        context.load_verify_locations(certificates / "ca.pem")
    return context


def test_tls_with_a_client_certificate(small, tmp_path, certificates):
    with Depot(small.bytes, small.sha256, tls=tls(certificates, wants_client=True)) as depot:
        result = fetch(small, depot, tmp_path / "staging", ca=certificates / "ca.pem", cert=certificates / "client.pem", key=certificates / "client.key")
        assert result.code == "E_NONE", result
        without = fetch(small, depot, tmp_path / "other", ca=certificates / "ca.pem", failures=2)
        assert without.code != "E_NONE" and not any(request.target for request in depot.requests if request.span is None)


@pytest.mark.parametrize("server, ca", [("server", "foreign"), ("elsewhere", "ca")])
def test_tls_of_somebody_else_ends_at_once(small, tmp_path, certificates, server, ca):
    with Depot(small.bytes, small.sha256, tls=tls(certificates, server)) as depot:
        result = fetch(small, depot, tmp_path / "staging", ca=certificates / f"{ca}.pem")
        assert result.code == "E_DOWNLOAD_HTTP" and not depot.requests, result


def test_tls_is_not_left_by_a_redirect(small, tmp_path, certificates):
    with Depot(small.bytes, small.sha256) as plain:
        with Depot(small.bytes, small.sha256, redirected(1, lambda *_: plain.url), tls=tls(certificates)) as depot:
            result = fetch(small, depot, tmp_path / "staging", ca=certificates / "ca.pem", failures=2)
        assert result.code == "E_DOWNLOAD_HTTP" and "weaker" in result.why and not plain.requests
        with Depot(small.bytes, small.sha256, redirected(1, lambda *_: secure.url)) as upwards:
            with Depot(small.bytes, small.sha256, tls=tls(certificates)) as secure:
                assert fetch(small, upwards, tmp_path / "staging", ca=certificates / "ca.pem").code == "E_NONE"
