"""The agent's fetch against a depot that lies. Attacks are numbered as in the project's list of attacks: 6 slow retrieval, 8 malicious mirror, 15 power cut,
17 tricks of HTTP. After each refused attack an honest depot must still succeed with what lies in the staging file."""
import itertools
import os
import signal
import subprocess

import pytest
from faulty_depot import CUT, Depot, Wait, by_number, head, honest, in_steps, part, without_ranges
from fetch_world import CHUNK, ENVIRONMENT, LIMIT_S, SANITIZED, arguments, fetch, honest_succeeds, is_whole, make, refused, survived
from lies import LIES, TOO_MUCH, chunked, wrong_bytes_honest_header

pytestmark = pytest.mark.asan


# Attack 6: slow retrieval

def test_attack_06_one_byte_a_second(small, tmp_path):
    result, _ = refused(small, tmp_path, in_steps(honest, 1, Wait(0.2)), "E_DOWNLOAD_TIMEOUT", stall_ms=1000, min=1000, failures=2)
    assert "minimum rate" in result.why and result.seconds < 15


def test_attack_06_silence(small, tmp_path):
    def silence(_):
        yield Wait(60)
    result, _ = refused(small, tmp_path, silence, "E_DOWNLOAD_TIMEOUT", stall_ms=300, failures=2)
    assert result.seconds < 15


def test_attack_06_silence_in_the_middle_of_a_chunk(package, tmp_path):
    def sleepy(request):
        yield part(request)
        yield request.body[:30000]
        yield Wait(60)
    result, _ = refused(package, tmp_path, by_number(1, 99, sleepy), "E_DOWNLOAD_TIMEOUT", stall_ms=300, failures=2, total_ms=3000)
    assert result.seconds < 15


def test_attack_06_absolute_deadline(package, tmp_path):
    result, _ = refused(package, tmp_path, in_steps(honest, 2000, Wait(0.1)), "E_DOWNLOAD_TIMEOUT", total_ms=1500)
    assert "not complete" in result.why and 1.4 < result.seconds < 10


def test_attack_06_one_stalled_request_does_not_stop_the_others(package, tmp_path):
    def stalls(request):
        yield part(request)
        yield request.body[:1000]
        yield Wait(60)
    result, _ = survived(package, tmp_path, by_number(2, 2, stalls), stall_ms=400)
    assert result.seconds < 15


# Attack 8: malicious mirror

def test_attack_08_wrong_bytes_in_a_chunk_are_fetched_again(package, tmp_path):
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


def test_attack_08_wrong_bytes_for_ever(package, tmp_path):
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


def test_attack_08_another_package_with_the_same_etag(package, tmp_path):
    """A mirror sends a well-made package of its own, signed by nobody we know."""
    forged = make(tmp_path / "forged", app=3 << 20, signer="stranger", seed=9)
    forged_bytes = forged.bytes[:len(package.bytes)].ljust(len(package.bytes), b"\0")

    def mirror(request):
        yield part(request)
        yield forged_bytes[slice(*request.span)]

    result, depot = refused(package, tmp_path, mirror, "E_SIGNATURE")
    assert all(stop <= 16384 for _, stop in depot.spans)


def test_attack_08_a_mirror_that_forges_the_head_once(package, tmp_path):
    forged = make(tmp_path / "forged", app=3 << 20, signer="stranger", seed=9)

    def poisoned_cache(request):
        yield part(request)
        bytes_ = request.body if request.headers.get("cache-control") == "no-cache" else forged.bytes[slice(*request.span)]
        yield bytes_

    survived(package, tmp_path, poisoned_cache)


def test_attack_08_wrong_bytes_where_no_chunk_proves_them(package, tmp_path):
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


def test_attack_08_wrong_bytes_where_no_chunk_proves_them_from_a_cache(package, tmp_path):
    """Once more, past the caches."""
    flipped = bytearray(package.bytes)
    flipped[-1] ^= 1

    def poisoned_cache(request):
        yield part(request)
        yield request.body if request.headers.get("cache-control") == "no-cache" else bytes(flipped[slice(*request.span)])

    _, depot = survived(package, tmp_path, poisoned_cache)
    assert depot.sent <= 2 * len(package.bytes)


def test_attack_08_headers_without_end(small, tmp_path):
    def endless(request):
        yield b"HTTP/1.1 206 X\r\n"
        while True:
            yield b"X-More: " + b"a" * 1000 + b"\r\n"
    result, _ = refused(small, tmp_path, endless, "E_DOWNLOAD_HTTP", failures=2)
    assert "headers are too large" in result.why


def test_attack_08_an_error_page_without_end(small, tmp_path):
    def endless(request):
        yield head(404)
        while True:
            yield b"no " * 5000
    refused(small, tmp_path, endless, "E_DOWNLOAD_HTTP")


# Attack 17: tricks of HTTP

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
    def cut(request):
        first, body = without_ranges(request)
        yield first + body[:300000]
        yield Wait(0.3)   # a reset takes with it what was not read yet
        yield CUT
    staging = tmp_path / "staging"
    with Depot(package.bytes, package.sha256, cut) as depot:
        result = fetch(package, depot, staging, failures=3)
        assert result.code == "E_DOWNLOAD_TIMEOUT" and len(depot.requests) <= 20
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
