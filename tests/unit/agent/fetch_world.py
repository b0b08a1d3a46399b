"""What the tests of the agent's fetch share: packages, a run of fetch_tool, and the two ways a test can end: survived or refused."""
import dataclasses
import os
import pathlib
import subprocess
import sys
import time

sys.path.insert(0, str(pathlib.Path(__file__).resolve().parents[2] / "fault"))

from faulty_depot import Depot  # noqa: E402

TOOL = os.environ["FETCH_TOOL"]
SANITIZED = os.environ.get("SANITIZED") == "1"
CHUNK = 65536
LIMIT_S = 60
ENVIRONMENT = {name: value for name, value in os.environ.items() if not name.lower().endswith("_proxy")}


@dataclasses.dataclass
class Package:
    folder: pathlib.Path
    sha256: str
    bytes: bytes
    trust: pathlib.Path

    @property
    def metadata_end(self):
        return 64 + int.from_bytes(self.bytes[24:28], "little")

    def chunk(self, number):
        """Offset of a chunk of the first component."""
        return self.metadata_end + 16 + number * CHUNK


def make(folder, trust=None, **options):
    folder.mkdir(exist_ok=True)
    words = subprocess.run([TOOL, "make", folder, *(f"{name}={value}" for name, value in options.items())], check=True, capture_output=True, text=True,
                           timeout=LIMIT_S).stdout.split()
    made = Package(folder, words[0], (folder / "package.dfw").read_bytes(), trust or folder / f"{options.get('signer', 'key')}.trust.json")
    assert len(made.bytes) == int(words[1])
    return made


@dataclasses.dataclass
class Result:
    code: str
    retry_after_ms: int
    why: str
    lines: list
    seconds: float


def arguments(package, depot, staging, **options):
    given = {"url": depot.url, "sha256": package.sha256, "size": len(package.bytes), "staging": staging, "trust": package.trust, **options}
    return [TOOL, "fetch", *(f"{name}={value}" for name, value in given.items())]


def read(output, seconds):
    lines = output.splitlines()
    done = next((line for line in lines if line.startswith("done ")), "done NEVER 0 ")
    _, code, retry_after_ms, why = done.split(" ", 3)
    return Result(code, int(retry_after_ms), why, lines, seconds)


def fetch(package, depot, staging, before=(), **options):
    began = time.monotonic()
    ran = subprocess.run([*before, *arguments(package, depot, staging, **options)], capture_output=True, text=True, timeout=LIMIT_S, env=ENVIRONMENT)
    assert ran.returncode in (0, 1), ran.stderr
    assert "ERROR: " not in ran.stderr, ran.stderr     # of a sanitizer
    return read(ran.stdout, time.monotonic() - began)


def is_whole(package, staging):
    return staging.read_bytes() == package.bytes


def honest_succeeds(package, staging):
    """The next honest update; says how many bytes it asked for."""
    with Depot(package.bytes, package.sha256) as depot:
        result = fetch(package, depot, staging)
        assert result.code == "E_NONE", result.why
        assert is_whole(package, staging)
        return sum(stop - start for start, stop in depot.spans)


def refused(package, tmp_path, answer, code, **options):
    """The attack ends in this code, and the next honest update succeeds."""
    staging = tmp_path / "staging"
    with Depot(package.bytes, package.sha256, answer) as depot:
        result = fetch(package, depot, staging, **options)
    assert result.code == code, result
    assert result.why.strip(": ")
    honest_succeeds(package, staging)
    return result, depot


def survived(package, tmp_path, answer, **options):
    """It ends well in spite of it."""
    staging = tmp_path / "staging"
    with Depot(package.bytes, package.sha256, answer) as depot:
        result = fetch(package, depot, staging, **options)
    assert result.code == "E_NONE", result
    assert is_whole(package, staging)
    return result, depot
