"""What operators control of single devices in a rollout, on a real droverd: another turn, exclusion, quarantine; and who waits for its window or its site."""
import json
import time

from hand import Device
from operators import PLAN, control  # noqa: F401: control is a fixture
from stack import wait_until


def test_who_waits_for_its_window_holds_no_place(control):
    """Two devices and one place: both download by day; an edit opens the window, and they install one after the other."""
    opens = time.gmtime(time.time() + 12 * 3600)
    window = {"use": "install", "from": time.strftime("%H:00", opens), "to": time.strftime("%H:30", opens)}
    plan = {"schema": 1, "id": "night", "model": "esp32", "version": "1.1.0", "confirmations": 1, "spread_s": 0, "limits": {"max_in_flight": 1},
            "windows": {"weekly": [window]}}
    file = control.stack.folder / "night.json"
    file.write_text(json.dumps(plan))
    control.drover("rollout", "start", file)
    devices = [control.device(f"d{number}") for number in range(2)]
    wait_until(lambda: [device.beat() for device in devices] and any(control.hand.commands(device.name) for device in devices), 20, "the first command")
    first, second = sorted(devices, key=lambda device: not control.hand.commands(device.name))
    for device in (first, second):
        told = device.command()
        assert told["install_after_ms"] > (time.time() + 7 * 24 * 3600) * 1000, "kept until it is told again"
        device.report("downloading", progress=100)
        wait_until(lambda name=device: name.state() == "held", 20, "it gives its place back")
    assert control.rollout("night")["states"]["held"] == 2 and "window" in control.why("d0")
    control.droverd.kill()
    control.droverd = control.stack.start_droverd(settings=control.settings)
    control.hand.droverd_is_new()
    del plan["windows"]
    file.write_text(json.dumps(plan))
    control.drover("rollout", "edit", "night", file)
    wait_until(lambda: [device.beat() for device in devices] and any(len(control.hand.commands(device.name)) > 1 for device in devices), 20, "the window to be open")
    first, second = sorted(devices, key=lambda device: len(control.hand.commands(device.name)), reverse=True)
    again = first.command(number=2)
    assert again["attempt"] == 2 and "install_after_ms" not in again
    second.beat()
    control.hand.settle()
    assert second.state() == "held" and len(control.hand.commands(second.name)) == 1, "one place"
    for device in (first, second):
        device.obey(number=2)
        assert device.upgrade()["attempt"] == "2"
    assert control.rollout("night")["states"]["succeeded"] == 2


def test_another_turn_exclusion_and_quarantine(control):
    rollout, failed, left_out, kept = control.start("--max-attempts", 1), control.device("failed"), control.device("out"), control.device("kept")
    failed.command()
    failed.report("failed", error="E_SIGNATURE")
    left_out.command()
    left_out.steps("acknowledged")
    control.drover("rollout", "exclude", rollout, "out", "--why", "on a bench", who="ann")
    left_out.command("cancel")
    kept.command()
    kept.steps()
    kept.boot("1.0.0")
    kept.until("rolled_back")
    assert kept.record()["quarantine"] == "1.1.0" and kept.record()["quarantine_auto"] == "1", "it came back by itself"
    control.drover("device", "quarantine", "failed", "1.1.0", "--for", "1h")
    assert "in quarantine" in control.why("failed")
    control.drover("rollout", "retry", rollout)
    kept.obey(number=2)
    assert "quarantine" not in kept.record(), "another turn lifts what came by itself"
    wait_until(lambda: "retry_ms" not in control.rollout(rollout), 90, "the round to end")
    assert (failed.state(), left_out.state()) == ("failed", "cancelled") and "excluded" in control.why("out")
    control.drover("device", "readmit", "failed")
    control.drover("rollout", "include", rollout, "out")
    control.drover("rollout", "retry", rollout)
    failed.obey(number=2)
    left_out.obey(number=2)
    assert failed.upgrade()["attempt"] == "2" and failed.upgrade()["attempts_before"] == "1"
    assert control.drover("device", "readmit", "failed", check=False).returncode == 4


def test_every_exclusion_is_listed_and_lifted(control):
    control.stack.add_release("esp32", "1.2.0", size=5000)
    rollout = control.start()
    later = {"schema": 1, "id": "later", "model": "esp32", "version": "1.2.0", "start": "2099-01-01T00:00:00Z", "stages": [{"name": "all"}]}
    file = control.stack.folder / "later.json"
    file.write_text(json.dumps(later))
    control.drover("rollout", "start", file)
    control.drover("rollout", "pause", rollout)
    names = [f"d{number}" for number in range(3)]
    devices = {name: control.device(name) for name in names}
    for name in names:
        control.drover("rollout", "exclude", rollout, name, "--why", f"bench {name}", who="ann")
    control.drover("rollout", "exclude", "later", "d0")
    control.drover("rollout", "resume", rollout)
    devices["d0"].known()
    assert "excluded" in control.why("d0").split("> held")[1], "the exclusion that is not its last one"
    listed = control.stack.drover_json("rollout", "excluded", rollout)["items"]
    assert [(item["device_id"], item["why"]) for item in listed] == [(name, f"ann: bench {name}") for name in names], listed
    assert control.drover("rollout", "excluded", "later", "-o", "name").stdout == "d0\n"
    for name in names[:2]:
        control.drover("rollout", "include", rollout, name)
        devices[name].obey()
    assert control.drover("rollout", "excluded", rollout, "-o", "name").stdout == "d2\n" and control.drover("rollout", "excluded", "later", "-o", "name").stdout == "d0\n"
    control.drover("rollout", "cancel", "later")


def test_why_when_the_site_is_full(control):
    file = control.stack.folder / "sites.json"
    file.write_text(json.dumps({**PLAN, "id": "sites", "approvals": 0, "limits": {"per_site": 1, "site_tag": "site-"}, "stages": [{"name": "all"}]}))
    control.drover("rollout", "start", file)
    first, second, elsewhere = (Device(control.hand, name) for name in ("n1", "n2", "s1"))
    for device, site in ((first, "site-north"), (second, "site-north"), (elsewhere, "site-south")):
        device.more = {"tags": site}
        device.known()
    assert first.command() and elsewhere.command()
    held = control.why("n2").split("> held")[1]
    assert held.split()[0] == "site" and "site-north: 1 of 1 under way" in held, held
    first.obey()
    wait_until(lambda: second.beat() or control.hand.commands("n2", "update"), 40, "the place to be the second one's", interval=0.2)
    second.obey()
