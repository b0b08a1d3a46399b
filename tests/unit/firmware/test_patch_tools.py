"""Patches across Debian's tools: what ours makes bspatch and zstd apply, what bsdiff and zstd make ours applies; random images with random
edits. And attack 15 on a real process: delta_tool is killed at random moments while it applies, and goes on to the right bytes."""
import hashlib
import os
import random
import signal
import subprocess
import time

import pytest

TOOL = os.environ["DELTA_TOOL"]
SLOWER = 4 if os.environ.get("SANITIZED") == "1" else 1


def run(*arguments):
    done = subprocess.run([str(a) for a in arguments], capture_output=True, text=True, timeout=120)
    assert done.returncode == 0, f"{arguments}: {done.stderr}"
    return done.stdout


def edited(rnd, old):
    new = bytearray(old)
    for _ in range(rnd.randrange(12)):
        at, length = rnd.randrange(len(new) + 1), 1 + rnd.randrange(rnd.choice((8, 200, 4000)))
        kind = rnd.choice(("insert", "delete", "overwrite", "move", "repeat"))
        if kind == "insert":
            new[at:at] = rnd.randbytes(length)
        elif kind == "delete":
            del new[at:at + length]
        elif kind == "overwrite":
            new[at:at + length] = rnd.randbytes(min(length, len(new) - at))
        else:
            piece = new[at:at + length]
            if kind == "move":
                del new[at:at + length]
            to = rnd.randrange(len(new) + 1)
            new[to:to] = piece
    return bytes(new)


def images(seed):
    rnd = random.Random(seed)
    words = [rnd.randbytes(rnd.randrange(2, 30)) for _ in range(200)]
    old = b"".join(rnd.choice(words) for _ in range(rnd.randrange(1, 4000)))
    return old, edited(rnd, old)


ACROSS = {
    "bsdiff40 to bspatch": ((TOOL, "make", "bsdiff40", "old", "new", "patch"), ("bspatch", "old", "out", "patch")),
    "bsdiff to ours": (("bsdiff", "old", "new", "patch"), (TOOL, "apply", "old", "patch", "out", "SIZE")),
    "zstd to zstd": ((TOOL, "make", "zstd", "old", "new", "patch"), ("zstd", "-q", "-d", "-f", "--long=31", "--patch-from=old", "patch", "-o", "out")),
    "zstd --patch-from to ours": (("zstd", "-q", "-q", "-19", "-f", "--patch-from=old", "new", "-o", "patch"), (TOOL, "apply", "old", "patch", "out", "SIZE")),
    "zstd -3 --patch-from --long=27 to ours": (("zstd", "-q", "-q", "-3", "--long=27", "-f", "--patch-from=old", "new", "-o", "patch"),
                                               (TOOL, "apply", "old", "patch", "out", "SIZE")),
}


@pytest.mark.parametrize("name", ACROSS)
def test_across_the_tools(name, tmp_path, monkeypatch):
    monkeypatch.chdir(tmp_path)
    for seed in range(25 // SLOWER):
        old, new = images(seed)
        (tmp_path / "old").write_bytes(old)
        (tmp_path / "new").write_bytes(new)
        (tmp_path / "out").unlink(missing_ok=True)
        make, apply = ACROSS[name]
        run(*make)
        run(*(str(len(new)) if word == "SIZE" else word for word in apply))
        assert (tmp_path / "out").read_bytes() == new, f"seed {seed}"


def test_no_larger_than_debian_makes_them(tmp_path, monkeypatch):
    monkeypatch.chdir(tmp_path)
    rnd = random.Random(5)
    words = [rnd.randbytes(rnd.randrange(2, 30)) for _ in range(2000)]
    old = b"".join(rnd.choice(words) for _ in range(60000))
    new = bytearray(old)
    for _ in range(300):
        at = rnd.randrange(len(new))
        new[at:at + rnd.randrange(40)] = rnd.randbytes(rnd.randrange(40))
    (tmp_path / "old").write_bytes(old)
    (tmp_path / "new").write_bytes(new)
    run("bsdiff", "old", "new", "debian")
    for form in ("bsdiff40", "bsdiff"):
        for threads in (1, 2, 4):
            ours = int(run(TOOL, "make", form, "old", "new", "patch", threads))
            assert ours <= 1.02 * (tmp_path / "debian").stat().st_size, f"{form}, {threads} threads"


@pytest.mark.parametrize("form", ["bsdiff", "bsdiff40", "zstd"])
def test_attack_15_killed_at_random_moments(form, tmp_path, monkeypatch):
    monkeypatch.chdir(tmp_path)
    rnd = random.Random(7)
    old = rnd.randbytes(20_000_000)
    new = b"".join(rnd.randbytes(20_000) + old[at:at + 500_000] for at in range(0, len(old), 500_000))
    (tmp_path / "old").write_bytes(old)
    (tmp_path / "new").write_bytes(new)
    run(TOOL, "make", form, "old", "new", "patch")
    command = [TOOL, "apply", "old", "patch", "out", str(len(new)), "journal", hashlib.sha256(new).hexdigest(), "4096"]
    began = time.monotonic()
    run(*command)
    takes = time.monotonic() - began
    (tmp_path / "out").unlink()
    kills = 0
    for _ in range(60):
        process = subprocess.Popen(command, stdout=subprocess.DEVNULL)
        try:
            status = process.wait(timeout=rnd.uniform(0.05, 0.95) * takes)
        except subprocess.TimeoutExpired:
            process.send_signal(signal.SIGKILL)
            process.wait()
            kills += 1
            continue
        assert status == 0
        break
    run(*command)
    assert kills > 0
    assert (tmp_path / "out").read_bytes() == new
    assert not (tmp_path / "journal").exists()
