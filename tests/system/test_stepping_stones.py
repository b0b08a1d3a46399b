"""A plan's stepping stones on a real droverd: one rollout takes devices over a release that they must run first."""
import json
import urllib.request

from fleet import check_aggregates
from hand import Device
from operators import control  # noqa: F401: control is a fixture
from stack import wait_until


def test_a_stepping_stone(control):  # noqa: F811
    """1.0.0 to 1.1.0 by way of 1.0.5, in one rollout: not before the stone is there, over a restart between the legs, and for one that only asks over HTTP."""
    file = control.stack.folder / "stones.json"
    file.write_text(json.dumps({"schema": 1, "id": "stones", "model": "esp32", "version": "1.1.0", "confirmations": 1, "spread_s": 0, "stepping_stones": ["1.0.5"]}))
    control.drover("rollout", "start", file)
    device = control.device("d1")
    wait_until(lambda: device.beat() or "via 1.0.5: its stepping stone has no release" in " ".join(control.why("d1").split()), 20, "why: the stone is missing")
    assert device.state() == "none"
    control.stack.add_release("esp32", "1.0.5", size=5000)
    told = device.command()
    assert (told["version"], told["attempt"]) == ("1.0.5", 1)
    assert told["manifest_sha256"] == control.store.hget("drover:v1:release:esp32:1.0.5", "manifest_sha256")
    shown = control.stack.drover("device", "show", "d1").stdout
    assert "via" in shown and "1.0.5" in shown and "via 1.0.5 (1 of 1 stones)" in control.why("d1"), shown
    device.steps(command=told)
    control.drover("rollout", "pause", "stones")
    device.boot("1.0.5")
    device.until("pending")
    upgrade = device.upgrade()
    assert (upgrade["from_version"], upgrade["version"], upgrade["attempt"]) == ("1.0.5", "1.1.0", "1") and "via" not in upgrade
    control.droverd.kill()
    control.stack.forget(control.droverd)
    control.droverd = control.stack.start_droverd(settings=control.settings)
    control.hand.droverd_is_new()
    control.drover("rollout", "resume", "stones")
    told = device.obey(number=2)
    assert (told["version"], told["attempt"]) == ("1.1.0", 2)
    moves = [event["on"] for _, event in control.store.xrange("drover:v1:events") if event["device"] == "d1" and event["kind"] == "move"]
    assert moves.count("stepped") == 1 and moves.count("open") == 1 and moves[-1] == "confirmed", moves
    asking = Device(control.hand, "d2", managed=False).known()
    for version in ("1.0.5", "1.1.0"):
        query = f"/firmware/latest?device_model=esp32&current_version={asking.version}&device_id=d2"
        with urllib.request.urlopen(control.stack.depot_url(query), timeout=10) as answer:
            offer = json.loads(answer.read())
        assert offer["version"] == version
        with urllib.request.urlopen(offer["url"], timeout=10) as answer:
            assert answer.read()
        asking.boot(version)
        asking.until("succeeded" if version == "1.1.0" else "pending", "dispatched", "succeeded")
    counts = control.rollout("stones")
    assert counts["opened"] == 2 and counts["states"]["succeeded"] == 2, counts
    check_aggregates(control.store)
