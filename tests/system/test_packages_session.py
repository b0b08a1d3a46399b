"""The session of docs/packages.md, taken out of the document and run as it stands: on packages of Debian's archive where that can be reached
(skipped, visibly, where not), and on what is installed."""
import pytest

from session import blocks, play, run

MATERIAL_S, SESSION_S = 60, 100


@pytest.mark.parametrize("material", ["debian", "local"])
def test_the_session_runs_as_it_stands(build, tmp_path, material, record_property):
    found = blocks("docs/packages.md")
    assert {block.material for block in found if block.material} == {"debian", "local"} and len(found) > 10, "the document has its blocks"
    prepared = run(next(block.commands for block in found if block.material == material), tmp_path, MATERIAL_S, build / "cli")
    if prepared.returncode and material == "debian":
        pytest.skip(f"no packages of Debian's archive here: {prepared.stderr[-300:]}")
    assert prepared.returncode == 0, prepared.stderr
    record_property("material", material)
    done = play([block for block in found if not block.material], tmp_path, SESSION_S, build / "cli")

    assert "Verified OK" in done.stdout, "openssl's word"
    assert "E_DOWNGRADE" in done.stderr and "drover: package verify: E_" in done.stderr, "what must be refused was"
    size = {path.name: path.stat().st_size for path in tmp_path.glob("*.dfw")}
    assert size["gateway-1.0.0-to-1.1.0.dfw"] < size["gateway-1.1.0.dfw"] * 0.8, size
    assert (tmp_path / "gets/rootfs.img").read_bytes() == (tmp_path / "rootfs-2.img").read_bytes() != (tmp_path / "rootfs-1.img").read_bytes()
    if material == "debian":
        kernel = (tmp_path / "kernel.img").read_bytes()
        assert len(kernel) > 5 << 20 and (kernel[510:512] == b"\x55\xaa" or b"ARM\x64" in kernel[:64] or kernel[:2] == b"MZ"), "a real kernel image"
