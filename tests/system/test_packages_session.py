"""The session of docs/packages.md, taken out of the document and run as it stands: on packages of Debian's archive where that can be reached
(skipped, visibly, where not), and on what is installed."""
import os
import re
import subprocess

import pytest

from fleet import ROOT

MATERIAL_S, SESSION_S = 60, 100


def blocks():
    """(material or None, commands) of each block for a shell, in order."""
    text = (ROOT / "docs/packages.md").read_text()
    return re.findall(r"(?:<!-- material: (\w+) -->\n)?```sh\n(.*?)```\n", text, re.S)


def run(script, folder, build, seconds):
    environment = {"PATH": f"{build / 'cli'}:{os.environ['PATH']}", "HOME": str(folder), "LC_ALL": "C.UTF-8",
                   **{name: os.environ[name] for name in ("ASAN_OPTIONS", "UBSAN_OPTIONS") if name in os.environ}}
    return subprocess.run(["bash", "-c", "set -eux -o pipefail\n" + script], cwd=folder, env=environment, capture_output=True, text=True, timeout=seconds,
                          stdin=subprocess.DEVNULL)


@pytest.mark.parametrize("material", ["debian", "local"])
def test_the_session_runs_as_it_stands(build, tmp_path, material, record_property):
    found = blocks()
    assert {name for name, _ in found if name} == {"debian", "local"} and len(found) > 10, "the document has its blocks"
    prepared = run(next(commands for name, commands in found if name == material), tmp_path, build, MATERIAL_S)
    if prepared.returncode and material == "debian":
        pytest.skip(f"no packages of Debian's archive here: {prepared.stderr[-300:]}")
    assert prepared.returncode == 0, prepared.stderr
    record_property("material", material)
    done = run("\n".join(commands for name, commands in found if not name), tmp_path, build, SESSION_S)
    assert done.returncode == 0, done.stdout[-3000:] + done.stderr[-3000:]

    assert "Verified OK" in done.stdout, "openssl's word"
    assert "E_DOWNGRADE" in done.stderr and "drover: package verify: E_" in done.stderr, "what must be refused was"
    size = {path.name: path.stat().st_size for path in tmp_path.glob("*.dfw")}
    assert size["gateway-1.0.0-to-1.1.0.dfw"] < size["gateway-1.1.0.dfw"] * 0.8, size
    assert (tmp_path / "gets/rootfs.img").read_bytes() == (tmp_path / "rootfs-2.img").read_bytes() != (tmp_path / "rootfs-1.img").read_bytes()
    if material == "debian":
        kernel = (tmp_path / "kernel.img").read_bytes()
        assert len(kernel) > 5 << 20 and (kernel[510:512] == b"\x55\xaa" or b"ARM\x64" in kernel[:64] or kernel[:2] == b"MZ"), "a real kernel image"
