"""The session of docs/integrate-a-device.md as it stands: a server, a device with drover-agent that updates itself and goes back from a bad release, a simple
device in Python, and a managed one played by hand."""
from session import blocks, play
from fleet import ROOT
from stack import free_port

SESSION_S = 150


def test_a_newcomer_gets_to_devices_that_update_themselves(build, tmp_path):
    found = blocks("docs/integrate-a-device.md")
    assert len(found) > 10 and sum(block.prints is not None for block in found) >= 7, "the document has its blocks"
    play(found, tmp_path, SESSION_S, "/usr/bin", BUILD=str(build), SOURCE=str(ROOT), **{name: str(free_port()) for name in ("MQTT", "DEPOT", "API")})
