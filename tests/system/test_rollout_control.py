"""What operators control, on a real droverd: a rollout goes back with its permit, devices get another turn, are excluded, in quarantine, all is stopped, others approve."""
import base64
import json
import threading
import time

import paho.mqtt.client as mqtt
import pytest

from fleet import FAST, check_histories, check_log
from hand import Device, Hand
from proof import Keys
from stack import wait_until

SETTINGS = {**FAST, "flow.pending_ms": 200, "flow.retry_base_ms": 50, "flow.retry_cap_ms": 200}
PLAN = {"schema": 1, "id": "staged", "model": "esp32", "version": "1.1.0", "approvals": 1, "spread_s": 0,
        "stages": [{"name": "canary", "count": 1, "promote": "manual"}, {"name": "all"}]}


class Ear:
    """Everything below update/, in the order in which the broker gave it."""

    def __init__(self, stack):
        self.heard, subscribed = [], threading.Event()
        self.client = mqtt.Client("ear", protocol=mqtt.MQTTv5)
        self.client.on_message = lambda _client, _data, message: self.heard.append((message.topic, message.payload))
        self.client.on_connect = lambda client, *_: client.subscribe("update/#", qos=1)
        self.client.on_subscribe = lambda *_: subscribed.set()
        self.client.connect("127.0.0.1", stack.broker_port)
        self.client.loop_start()
        assert subscribed.wait(20)

    def close(self):
        self.client.disconnect()
        self.client.loop_stop()


class Control:
    def __init__(self, stack):
        self.stack = stack
        self.keys = Keys(stack.folder / "auth")
        stack.start_redis()
        stack.start_broker()
        self.settings = {**SETTINGS, "release.permit_key": stack.signer.permit_key(), "auth.keys_file": self.keys.file}
        self.droverd = stack.start_droverd(settings=self.settings)
        self.hand, self.ear = Hand(stack), Ear(stack)
        self.store = self.hand.store
        stack.add_release("esp32", "1.1.0", size=5000)

    def drover(self, *arguments, who=None, **options):
        if who:
            file = self.stack.folder / f"{who}.jwt"
            file.write_text(self.keys.token(who, "people") + "\n")
            arguments = (*arguments, "--token-file", file)
        return self.stack.drover(*arguments, **options)

    def start(self, *options):
        return self.drover("rollout", "start", "esp32", "1.1.0", "--spread", "0s", "--confirmations", 1, "-o", "name", *options).stdout.strip()

    def rollout(self, name):
        return self.stack.drover_json("rollout", "show", name)

    def device(self, name):
        return Device(self.hand, name).known()

    def why(self, device):
        return self.stack.drover("device", "why", device).stdout


@pytest.fixture
def control(stack):
    control = Control(stack)
    yield control
    control.hand.settle()
    check_histories(control.store)
    check_log(control.stack)
    control.droverd.check_alive()
    control.ear.close()
    control.hand.close()


def payload(jws):
    text = json.loads(jws)["payload"]
    return json.loads(base64.urlsafe_b64decode(text + "=" * (-len(text) % 4)))


def test_a_rollout_goes_back(control):
    rollout, devices = control.start(), [control.device(f"d{number}") for number in range(3)]
    for device in devices[:2]:
        device.obey()
    late = devices[2]
    late.command()
    late.steps("acknowledged", "downloading")
    control.hand.settle()
    control.drover("rollout", "rollback", rollout, "--why", "batteries drain", who="ann")
    assert late.command("cancel")
    for device in devices[:2]:
        device.command("rollback")
    for device in devices[:2]:
        wait_until(lambda: any("permit" in command for command in control.hand.commands(device.name, "rollback")), 20, "a rollback with its permit")
        permit = payload(control.hand.commands(device.name, "rollback")[0]["permit"])
        assert (permit["rollout"], permit["model"], permit["from_version"], permit["to_version"]) == (rollout, "esp32", "1.1.0", "1.0.0"), permit
        assert permit["expires_at"] - permit["not_before"] < 25 * 3600 * 1000
    cleared = control.ear.heard.index(("update/esp32", b""))
    told = min(i for i, (topic, text) in enumerate(control.ear.heard) if topic.count("/") == 2 and b'"rollback"' in text)
    assert cleared < told, "the notice is withdrawn before the first device is told"
    assert control.rollout(rollout)["state"] == "rolling_back"
    for device in devices[:2]:
        device.boot("1.0.0")
        device.until("rolled_back")
    wait_until(lambda: control.rollout(rollout)["state"] == "rolled_back", 40, "the rollout to end going back")
    shown = control.rollout(rollout)
    assert shown["states"]["rolled_back"] == 2 and shown["back_left"] == 0 and late.state() == "cancelled", shown
    assert devices[0].upgrade()["why"].startswith("back on 1.0.0: its rollout goes back: ann: batteries")
    assert control.drover("rollout", "rollback", rollout, check=False).returncode == 4
    late.boot("1.1.0")   # it was rebooting when it was called back
    permit = payload(late.command("rollback")["permit"])
    assert (permit["rollout"], permit["from_version"], permit["to_version"]) == (rollout, "1.1.0", "1.0.0"), permit
    late.boot("1.0.0")
    late.until("rolled_back")
    assert control.rollout(rollout)["states"]["rolled_back"] == 3


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


def test_the_stop_of_all(control):
    rollout = control.start()
    control.drover("rollout", "stop-all", "--why", "fire", who="ann")
    assert "stopped" in control.drover("rollout", "stop-all", "-o", "name").stdout
    device = control.device("d1")
    for _ in range(5):
        device.known()
    assert not control.hand.commands("d1") and device.record().get("state", "none") == "none"
    assert "all rollouts are stopped" in control.why("d1")
    status = control.stack.drover_json("status")
    assert (status["stopped"], status["stopped_by"], status["stopped_why"]) == (True, "ann", "ann: fire"), status
    control.drover("rollout", "start-all")
    wait_until(lambda: device.beat() or control.hand.commands("d1", "update"), 20, "the device to be told", interval=0.2)
    assert control.rollout(rollout)["state"] == "running"


def test_somebody_else_approves(control):
    file = control.stack.folder / "plan.json"
    file.write_text(json.dumps(PLAN))
    assert "needs a name" in control.drover("rollout", "start", file, check=False).stderr, "or whoever made it could approve it"
    control.drover("rollout", "start", file, who="ann")
    assert control.rollout("staged")["state"] == "awaiting_approval"
    for who, word in (("ann", "who made the plan"), (None, "needs a name")):
        refused = control.drover("rollout", "approve", "staged", who=who, check=False)
        assert refused.returncode != 0 and word in refused.stderr, refused
    control.drover("rollout", "approve", "staged", who="bob")
    wait_until(lambda: control.rollout("staged")["state"] == "running", 20, "the rollout to begin")
    shown = control.rollout("staged")
    assert (shown["author"], shown["approvers"], shown["stage"]) == ("ann", ["bob"], 1), shown
    assert "does not wait for an approval" in control.drover("rollout", "approve", "staged", who="cleo", check=False).stderr
    control.drover("rollout", "pause", "staged", who="ann")
    assert "not done yet" in control.drover("rollout", "promote", "staged", who="bob").stderr and control.rollout("staged")["state"] == "paused"
    control.drover("rollout", "approve", "staged", who="ann")
    shown = control.rollout("staged")
    assert (shown["state"], shown["stage"], shown["why"]) == ("running", 2, "bob; approved by ann"), shown
    assert "last stage" in control.drover("rollout", "promote", "staged", who="ann", check=False).stderr


def approved(control, **more):
    """A rollout of ann's that bob has approved."""
    file = control.stack.folder / "plan.json"
    file.write_text(json.dumps({**PLAN, "limits": {"max_in_flight": 2}, **more}))
    control.drover("rollout", "start", file, who="ann")
    control.drover("rollout", "approve", "staged", who="bob")
    wait_until(lambda: control.rollout("staged")["state"] == "running", 20, "the rollout to begin")
    return file


def test_who_was_approved_narrow_is_not_wide_by_one_person(control):
    file = approved(control)
    narrow = control.stack.drover_json("rollout", "plan", "staged")
    file.write_text(json.dumps({**PLAN, "approvals": 0, "limits": {"max_in_flight": 5000}}))
    assert "needs a name" in control.drover("rollout", "edit", "staged", file, check=False).stderr, "the shared token is nobody"
    said = control.drover("rollout", "edit", "staged", file, who="ann").stderr
    assert "waits for the approval of another person" in said, said
    shown = control.rollout("staged")
    assert control.stack.drover_json("rollout", "plan", "staged") == narrow and shown["max_in_flight"] == 2 and shown["approvers"] == ["bob"], "nothing has changed"
    proposal = shown["proposal"]
    assert (proposal["order"], proposal["who"], proposal["stands"], proposal["needed"], proposal["approvals"]) == ("edit", "ann", True, 1, 0), proposal
    assert proposal["before"]["/limits/max_in_flight"] == 2 and proposal["after"]["/limits/max_in_flight"] == 5000, proposal
    assert "/limits/max_in_flight: 2 -> 5000" in control.drover("rollout", "show", "staged").stdout
    for who, word in (("ann", "who proposed it"), (None, "needs a name")):
        assert word in control.drover("rollout", "approve", "staged", who=who, check=False).stderr
    assert "another person's proposal" in control.drover("rollout", "edit", "staged", file, who="cleo", check=False).stderr
    assert control.drover("rollout", "approve", "staged", "--proposal", proposal["number"] + 1, who="cleo", check=False).returncode == 4
    control.drover("rollout", "approve", "staged", "--proposal", proposal["number"], who="cleo", check=True)
    shown = control.rollout("staged")
    assert (shown["max_in_flight"], shown["author"], shown["approvers"], "proposal" in shown) == (5000, "ann", ["cleo"], False), shown
    entries = control.stack.drover_json("audit", "--target", "staged")["items"][::-1]
    told = [(entry["who"], entry["action"]) for entry in entries if entry["outcome"] == "done"][-2:]
    assert told == [("ann", "rollout_edit"), ("cleo", "proposal_approve")], entries
    for entry in [entry for entry in entries if entry["outcome"] == "done"][-2:]:
        assert '"/limits/max_in_flight":2' in entry["before"] and '"/limits/max_in_flight":5000' in entry["after"], entry
    assert entries[-1]["why"] == f"proposal {proposal['number']} of ann: edit"


def test_what_needs_two_people_and_what_does_not(control):
    approved(control)
    device = control.device("d1")
    device.command()
    device.report("failed", error="E_SIGNATURE")
    control.drover("rollout", "pause", "staged", who="cleo")
    for order in ("resume", "promote", "retry"):
        assert "not done yet" in control.drover("rollout", order, "staged", who="ann").stderr
        shown = control.rollout("staged")
        assert (shown["state"], shown["stage"], shown["proposal"]["order"]) == ("paused", 1, order) and "retry_ms" not in shown, shown
    control.drover("rollout", "reject", "staged", "--why", "look at it first", who="ann")
    assert "proposal" not in control.rollout("staged")
    assert control.drover("rollout", "reject", "staged", who="ann", check=False).returncode == 4
    control.drover("rollout", "resume", "staged", who="ann")
    control.drover("rollout", "exclude", "staged", "d1", who="ann")
    control.drover("rollout", "include", "staged", "d1", who="ann")
    assert control.rollout("staged")["proposal"]["stands"], "neither changed the rollout"
    control.drover("rollout", "approve", "staged", who="bob")
    assert control.rollout("staged")["state"] == "running"
    control.drover("rollout", "promote", "staged", who="ann")
    control.drover("rollout", "pause", "staged", who="cleo")
    assert control.rollout("staged")["proposal"]["stands"] is False
    assert "has changed since" in control.drover("rollout", "approve", "staged", who="bob", check=False).stderr, "bob was asked about a rollout that ran"
    control.drover("rollout", "rollback", "staged", who="cleo")
    control.drover("rollout", "cancel", "staged", who="cleo")
    shown = control.rollout("staged")
    assert shown["state"] in ("cancelled", "rolled_back") and "proposal" not in shown, shown


def test_a_permit_of_the_plans_own_is_proved_first(control):
    signer, file = control.stack.signer, control.stack.folder / "plan.json"
    made = {"good": ("--model", "esp32", "--to-version", "1.0.0", "--rollout", "staged", "--expires-in", "1h"),
            "foreign": ("--model", "esp32", "--to-version", "1.0.0", "--rollout", "other", "--expires-in", "1h"),
            "expired": ("--model", "esp32", "--to-version", "1.0.0", "--rollout", "staged", "--not-before", "2020-01-01", "--expires-at", "2020-01-02")}
    permits = {name: signer.permit(*options) for name, options in made.items()}
    permits["forged"] = permits["good"].replace('"payload":"e', '"payload":"f')
    for name, word in (("foreign", "not for staged"), ("expired", "expired"), ("forged", "/rollback/permit")):
        file.write_text(json.dumps({**PLAN, "approvals": 0, "rollback": {"permit": permits[name]}}))
        refused = control.drover("rollout", "start", file, check=False)
        assert refused.returncode != 0 and word in refused.stderr, (name, refused.stderr)
    file.write_text(json.dumps({**PLAN, "approvals": 0, "rollback": {"permit": permits["good"]}}))
    control.drover("rollout", "start", file)
    device = control.device("d1")
    device.obey()
    control.drover("rollout", "rollback", "staged")
    assert device.command("rollback")["permit"] == permits["good"]
