"""The agent's fetch against a depot that lies. Attacks are numbered as in the project's list of attacks: 6 slow retrieval, 8 malicious mirror, 15 power cut,
17 tricks of HTTP. After each refused attack an honest depot must still succeed with what lies in the staging file."""
import itertools
import os
import signal
import subprocess

import pytest
from faulty_depot import CUT, Depot, Wait, by_number, head, honest, in_steps, part, without_ranges
from fetch_world import CHUNK, ENVIRONMENT, LIMIT_S, SANITIZED, arguments, fetch, honest_succeeds, is_whole, make, refused, survived

pytestmark = pytest.mark.asan


# Attack 6: slow retrieval

def test_attack_6_one_byte_a_second(small, tmp_path):
    result, _ = refused(small, tmp_path, in_steps(honest, 1, Wait(0.2)), "E_DOWNLOAD_TIMEOUT", stall_ms=1000, min=1000, failures=2)
    assert "minimum rate" in result.why and result.seconds < 15


def test_attack_6_silence(small, tmp_path):
    def silence(_):
        yield Wait(60)
    result, _ = refused(small, tmp_path, silence, "E_DOWNLOAD_TIMEOUT", stall_ms=300, failures=2)
    assert result.seconds < 15


def test_attack_6_silence_in_the_middle_of_a_chunk(package, tmp_path):
    def sleepy(request):
        yield part(request)
        yield request.body[:30000]
        yield Wait(60)
    result, _ = refused(package, tmp_path, by_number(1, 99, sleepy), "E_DOWNLOAD_TIMEOUT", stall_ms=300, failures=2, total_ms=3000)
    assert result.seconds < 15


def test_attack_6_absolute_deadline(package, tmp_path):
    result, _ = refused(package, tmp_path, in_steps(honest, 2000, Wait(0.1)), "E_DOWNLOAD_TIMEOUT", total_ms=1500)
    assert "not complete" in result.why and 1.4 < result.seconds < 10


def test_attack_6_one_stalled_request_does_not_stop_the_others(package, tmp_path):
    def stalls(request):
        yield part(request)
        yield request.body[:1000]
        yield Wait(60)
    result, _ = survived(package, tmp_path, by_number(2, 2, stalls), stall_ms=400)
    assert result.seconds < 15


# Attack 8: malicious mirror

def test_attack_8_wrong_bytes_in_a_chunk_are_fetched_again(package, tmp_path):
    flipped = bytearray(package.bytes)
    flipped[package.chunk(20) + 5] ^= 1
    seen = []

    def poisoned_cache(request):
        yield part(request)
        seen.append(request.headers.get("cache-control"))
        yield request.body if seen[-1] == "no-cache" else bytes(flipped[slice(*request.span)])

    _, depot = survived(package, tmp_path, poisoned_cache)
    assert "no-cache" in seen
    assert depot.sent < len(package.bytes) + 2 * 512 * 1024


def test_attack_8_wrong_bytes_for_ever(package, tmp_path):
    flipped = bytearray(package.bytes)
    flipped[package.chunk(20) + 5] ^= 1

    def mirror(request):
        yield part(request)
        yield bytes(flipped[slice(*request.span)])

    staging = tmp_path / "staging"
    with Depot(package.bytes, package.sha256, mirror) as depot:
        result = fetch(package, depot, staging)
    assert result.code == "E_SHA256" and "chunk 20" in result.why
    assert sum(1 for start, stop in depot.spans if start <= package.chunk(20) < stop) <= 4
    assert honest_succeeds(package, staging) < len(package.bytes)    # what was right was kept


def test_attack_8_another_package_with_the_same_etag(package, tmp_path):
    """A mirror sends a well-made package of its own, signed by nobody we know."""
    forged = make(tmp_path / "forged", app=3 << 20, signer="stranger", seed=9)
    forged_bytes = forged.bytes[:len(package.bytes)].ljust(len(package.bytes), b"\0")

    def mirror(request):
        yield part(request)
        yield forged_bytes[slice(*request.span)]

    result, depot = refused(package, tmp_path, mirror, "E_SIGNATURE")
    assert all(stop <= 16384 for _, stop in depot.spans)


def test_attack_8_a_mirror_that_forges_the_head_once(package, tmp_path):
    forged = make(tmp_path / "forged", app=3 << 20, signer="stranger", seed=9)

    def poisoned_cache(request):
        yield part(request)
        bytes_ = request.body if request.headers.get("cache-control") == "no-cache" else forged.bytes[slice(*request.span)]
        yield bytes_

    survived(package, tmp_path, poisoned_cache)


def test_attack_8_wrong_bytes_where_no_chunk_proves_them(package, tmp_path):
    """The last four bytes: only the SHA-256 of everything sees them."""
    flipped = bytearray(package.bytes)
    flipped[-1] ^= 1

    def mirror(request):
        yield part(request)
        yield bytes(flipped[slice(*request.span)])

    staging = tmp_path / "staging"
    with Depot(package.bytes, package.sha256, mirror) as depot:
        assert fetch(package, depot, staging).code == "E_SHA256"
    assert not staging.exists() and not (tmp_path / "staging.id").exists()
    honest_succeeds(package, staging)


def test_attack_8_headers_without_end(small, tmp_path):
    def endless(request):
        yield b"HTTP/1.1 206 X\r\n"
        while True:
            yield b"X-More: " + b"a" * 1000 + b"\r\n"
    result, _ = refused(small, tmp_path, endless, "E_DOWNLOAD_HTTP", failures=2)
    assert "headers are too large" in result.why


def test_attack_8_an_error_page_without_end(small, tmp_path):
    def endless(request):
        yield head(404)
        while True:
            yield b"no " * 5000
    refused(small, tmp_path, endless, "E_DOWNLOAD_HTTP")


# Attack 17: tricks of HTTP

def other_range(request):
    start, stop = request.span
    yield part(request, span=(max(start - 1, 0), max(start - 1, 0) + stop - start))
    yield request.body


def wrong_bytes_honest_header(request):
    """The header says what was asked for; the bytes are those of another place."""
    start, stop = request.span
    yield part(request)
    yield request.depot.package[max(start - 100, 0):][:stop - start]


def other_total(request):
    yield part(request, total=len(request.depot.package) + 1)
    yield request.body


def shorter_range(request):
    start, stop = request.span
    yield part(request, span=(start, stop - 1))
    yield request.body[:-1]


def no_content_range(request):
    yield head(206, f"Content-Length: {len(request.body)}")
    yield request.body


def two_content_ranges(request):
    yield part(request, more=["Content-Range: bytes 0-1/2"])
    yield request.body


def other_length(request):
    yield part(request, length=len(request.body) + 10)
    yield request.body + b"0123456789"


def gzipped(request):
    yield part(request, more=["Content-Encoding: gzip"])
    yield request.body


def multipart(request):
    yield head(206, "Content-Type: multipart/byteranges; boundary=x", f"Content-Length: {len(request.body)}")
    yield request.body


def chunked(request, more=b""):
    start, stop = request.span
    yield head(206, f"Content-Range: bytes {start}-{stop - 1}/{len(request.depot.package)}", "Transfer-Encoding: chunked")
    body = request.body + more
    for at in range(0, len(body), 10000):
        piece = body[at:at + 10000]
        yield f"{len(piece):x}\r\n".encode() + piece + b"\r\n"
    yield b"0\r\nX-Trailer: 1\r\n\r\n"


def chunked_too_much(request):
    return chunked(request, b"more than was asked for")


def until_close_too_much(request):
    start, stop = request.span
    yield head(206, f"Content-Range: bytes {start}-{stop - 1}/{len(request.depot.package)}", "Connection: close")
    yield request.body
    yield b"more" * 100


def not_http(_):
    yield b"SSH-2.0-OpenSSH_9.2\r\n"
    yield CUT


def two_hundred_of_something_else(_):
    yield head(200, "Content-Length: 11", "Content-Type: text/html")
    yield b"please pay!"


LIES = [other_range, other_total, shorter_range, no_content_range, two_content_ranges, other_length, gzipped, multipart, chunked_too_much, until_close_too_much,
        not_http, two_hundred_of_something_else, wrong_bytes_honest_header]

TOO_MUCH = [chunked_too_much, until_close_too_much]


@pytest.mark.parametrize("lie", LIES, ids=lambda lie: lie.__name__)
def test_attack_17_for_some_requests(package, tmp_path, lie):
    survived(package, tmp_path, by_number(2, 3, lie), failures=5)


@pytest.mark.parametrize("lie", [lie for lie in LIES if lie not in (wrong_bytes_honest_header, *TOO_MUCH)], ids=lambda lie: lie.__name__)
def test_attack_17_for_ever(package, tmp_path, lie):
    refused(package, tmp_path, by_number(1, 999, lie), "E_DOWNLOAD_HTTP", failures=2, total_ms=20000)


@pytest.mark.parametrize("lie", TOO_MUCH, ids=lambda lie: lie.__name__)
def test_attack_17_more_than_was_asked_for_goes_nowhere(package, tmp_path, lie):
    """Each request is held against the server, but the right bytes before the surplus count."""
    _, depot = survived(package, tmp_path, by_number(1, 999, lie), window=1)
    assert sum(stop - start for start, stop in depot.spans) <= len(package.bytes) + CHUNK


def test_attack_17_chunked_without_a_length_counts_by_its_bytes(package, tmp_path):
    survived(package, tmp_path, chunked)


def test_attack_17_the_etag_changes_on_the_way(package, tmp_path):
    """It starts again, with an emptied file."""
    def changing(request):
        yield part(request, etag='"new"' if request.number >= 3 else '"old"')
        yield request.body
    _, depot = survived(package, tmp_path, changing)
    assert depot.spans.count((0, 16384)) == 2
    assert [request.headers.get("if-range") for request in depot.requests if request.span[0] == 0] == [None, None]


def test_attack_17_the_etag_never_stays(package, tmp_path):
    def changing(request):
        yield part(request, etag=f'"{request.number}"')
        yield request.body
    result, depot = refused(package, tmp_path, changing, "E_DOWNLOAD_HTTP")
    assert "ETag" in result.why and depot.spans.count((0, 16384)) == 4


def test_attack_17_200_to_a_range(package, tmp_path):
    """A server without ranges: everything comes in one answer from byte 0 and is proved chunk by chunk."""
    _, depot = survived(package, tmp_path, without_ranges)
    assert len(depot.requests) == 1


def test_attack_17_200_to_a_range_further_on(package, tmp_path):
    _, depot = survived(package, tmp_path, by_number(2, 99, without_ranges))
    assert depot.spans[-1] == (0, len(package.bytes))


def test_attack_17_200_that_is_always_cut(package, tmp_path):
    staging = tmp_path / "staging"
    with Depot(package.bytes, package.sha256, in_steps(without_ranges, 300000, CUT)) as depot:
        result = fetch(package, depot, staging, failures=3)
        assert result.code == "E_DOWNLOAD_TIMEOUT" and len(depot.requests) <= 20   # a reset takes a different number of bytes with it each time
    assert honest_succeeds(package, staging) < len(package.bytes) - 2 * CHUNK


# Attack 15: the power goes at any change of the disk (tests/fault)

def shimmed(tmp_path, **variables):
    return {**ENVIRONMENT, "LD_PRELOAD": os.environ["DROVER_FAULT_SHIM"], "DROVER_FAULT_ROOT": str(tmp_path.resolve()),
            **{f"DROVER_FAULT_{name.upper()}": str(value) for name, value in variables.items()}}


@pytest.mark.skipif(SANITIZED, reason="the preloaded library comes before the sanitizer's")
@pytest.mark.parametrize("mode", ["torn", "data", "all"])
def test_attack_15_power_cut_at_every_change_of_the_disk(tmp_path, small, mode):
    """As many points as there are; how many differs a little, with the blocks in which the bytes come."""
    folder = tmp_path / "disk"
    folder.mkdir()
    with Depot(small.bytes, small.sha256) as depot:
        words = arguments(small, depot, folder / "staging", window=1)
        for at in itertools.count(1, 2 if mode == "torn" else 3):
            for leftover in folder.iterdir():
                leftover.unlink()
            cut = subprocess.run(words, capture_output=True, timeout=LIMIT_S, env=shimmed(folder, at=at, mode=mode))
            if cut.returncode == 0:
                assert at > 20
                break
            assert cut.returncode == -signal.SIGKILL, at
            again = subprocess.run(words, capture_output=True, text=True, timeout=LIMIT_S, env=ENVIRONMENT)
            assert again.returncode == 0, (at, again.stdout)
            assert is_whole(small, folder / "staging"), at
