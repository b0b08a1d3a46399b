"""Drover for another machine (CROSS_MACHINE): it compiles, its unit tests pass under qemu, its packages are ours, its agent updates a device.

Skipped, with the reason, where the compiler or the libraries cannot be had.
"""
import os
import pathlib
import subprocess
import sys

import pytest

ROOT = pathlib.Path(__file__).resolve().parents[2]
sys.path[:0] = [str(ROOT / "deploy"), str(ROOT / "tests" / "system")]

from cross import PROGRAMS, Machine, Unavailable, call  # noqa: E402
from shop import Shop  # noqa: E402
from stack import Stack  # noqa: E402

NATIVE = pathlib.Path(os.environ["DROVER_BUILD"])
BITS_32 = ("armhf", "mipsel")
# What would hand a time_t of ours to a library that was built with another one, or take one from it.
TIMES_OF_LIBRARIES = {"curl_getdate", "zip_stat", "zip_stat_index", "zip_fstat", "zip_source_stat", "zip_file_set_mtime", "ASN1_TIME_set", "ASN1_TIME_adj",
                      "ASN1_UTCTIME_set", "ASN1_GENERALIZEDTIME_set", "X509_cmp_time", "X509_cmp_timeframe", "X509_time_adj", "X509_time_adj_ex", "X509_gmtime_adj"}


@pytest.fixture(scope="module")
def machine():
    machine = Machine(os.environ["CROSS_MACHINE"])
    try:
        machine.prepare()
    except Unavailable as error:
        pytest.skip(f"no cross build for {machine.name} here: {error}")
    return machine


@pytest.fixture(scope="module")
def built(machine):
    """The build folder and the names of its unit tests."""
    return machine.build_tests()


@pytest.fixture
def commands(machine, built):
    """The command line: as it runs here, and as it runs there."""
    return [[NATIVE / "cli" / "drover"], [*machine.emulator, built[0] / "cli" / "drover"]]


def names(machine, kind, path):
    lines = call([f"{machine.triple}-nm", "-D", kind, path]).splitlines()
    return {line.split()[-1].split("@")[0] for line in lines}


def test_unit_tests(machine, built):
    build, tests = built
    assert len(tests) > 50
    machine.run_tests(build, tests)


def test_times_and_offsets_have_64_bits(machine, built):
    libc = names(machine, "--defined-only", machine.sysroot / "lib" / machine.triple / "libc.so.6")
    for program in PROGRAMS.values():
        used = names(machine, "--undefined-only", built[0] / program)
        narrow = {name for name in used if machine.name in BITS_32 and ({f"{name}64", f"__{name}64", f"__{name}_time64"} & libc)}
        assert not narrow and not used & TIMES_OF_LIBRARIES
        assert machine.name not in BITS_32 or "__clock_gettime64" in used


def test_packages_are_the_same_there(commands, tmp_path):
    """Both make the same bytes of the same images, and each verifies and unpacks what the other made."""
    image, packed = tmp_path / "image", tmp_path / "packed"
    image.write_bytes(os.urandom(150_000))
    packed.write_bytes(b"".join(b"line %d of a text\n" % i for i in range(20_000)))
    key, public, trust = tmp_path / "key.pem", tmp_path / "key.pub", tmp_path / "trust.json"
    call([*commands[0], "key", "generate", key, "--public", public, "-q"])
    call([*commands[1], "key", "trust", public, "--trust", trust, "--role", "package", "--name", "release", "-q"])
    create = ["--model", "gear", "--version", "1.0.0", "--build-time", "2026-01-31T10:00:00Z", "--key", key, "-q", "--component"]
    plain = [tmp_path / "here.dfw", tmp_path / "there.dfw"]
    zstd = [tmp_path / "here.zstd.dfw", tmp_path / "there.zstd.dfw"]
    for command, one, other in zip(commands, plain, zstd):
        call([*command, "package", "create", one, *create, f"app={image},compression=none"])
        call([*command, "package", "create", other, *create, f"app={packed}"])
    assert plain[0].read_bytes() == plain[1].read_bytes()
    for number, command in enumerate(commands):
        made_by_other = zstd[1 - number]
        call([*command, "package", "verify", made_by_other, "--trust", trust])
        images = tmp_path / f"images{number}"
        call([*command, "package", "extract", made_by_other, images, "--trust", trust, "-q"])
        assert (images / "app.img").read_bytes() == packed.read_bytes()
        bent = bytearray(plain[0].read_bytes())
        bent[-1000] ^= 1
        (tmp_path / "bent.dfw").write_bytes(bent)
        assert subprocess.run([*command, "package", "verify", tmp_path / "bent.dfw", "--trust", trust], capture_output=True, check=False).returncode == 9


def test_secrets_are_read_there(commands, tmp_path):
    secret, image, package = tmp_path / "model.key", tmp_path / "image", tmp_path / "plain.dfw"
    image.write_bytes(os.urandom(150_000))
    call([*commands[0], "key", "generate", "--type", "model", secret, "-q"])
    call([*commands[0], "package", "create", package, "--model", "gear", "--version", "1.0.0", "--component", f"app={image}", "-q"])
    for number, command in enumerate(commands):
        call([*command, "package", "encrypt", package, tmp_path / "secret.dfw", "--model-key", secret, "--force", "-q"])
        call([*commands[1 - number], "package", "decrypt", tmp_path / "secret.dfw", tmp_path / "again.dfw", "--decrypt-key", secret, "--force", "-q"])
        assert (tmp_path / "again.dfw").read_bytes() == package.read_bytes()


@pytest.mark.parametrize("form", ["bsdiff", "bsdiff40", "zstd"])
def test_deltas_are_read_there(commands, tmp_path, form):
    old, new, patch, out = (tmp_path / name for name in ("old", "new", "patch", "out"))
    content = bytearray(os.urandom(200_000))
    old.write_bytes(content)
    content[50_000:50_100] = os.urandom(100)
    new.write_bytes(content[:120_000] + os.urandom(3_000) + content[110_000:])
    for number, command in enumerate(commands):
        call([*command, "package", "delta", old, new, patch, "--format", form, "--force", "-q"])
        assert patch.stat().st_size < 20_000
        call([*commands[1 - number], "package", "apply", patch, out, "--base", old, "--force", "-q"])
        assert out.read_bytes() == new.read_bytes()


class ForeignStack(Stack):
    """A private Drover of this machine whose devices are of the other one."""

    def __init__(self, machine, folder):
        super().__init__(NATIVE)
        self.agent = folder / "drover-agent"
        self.agent.write_text(f"#!/bin/sh\nexec {' '.join(machine.emulator)} {machine.folder}/tests/agent/drover-agent \"$@\"\n")
        self.agent.chmod(0o755)

    def program(self, name):
        return self.agent if name == "drover-agent" else super().program(name)


def test_an_agent_updates_and_goes_back(machine, built, tmp_path):
    with ForeignStack(machine, tmp_path) as stack:
        shop = Shop(stack, {})
        gadget = shop.gadget("g0", settings={"health.total_s": 10})
        first = shop.good_update(gadget, "1.1.0")
        shop.release("1.2.0", "SICK")
        shop.rollout("1.2.0")
        shop.wait_state(gadget, "rolled_back", version="1.2.0")
        assert gadget.version() == "1.1.0" and gadget.image() == first
        assert gadget.upgrade()["error"] == "E_HEALTHCHECK"
        shop.close()
