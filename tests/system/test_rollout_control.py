"""What operators control of a whole rollout, on a real droverd: it goes back with its permit, all is stopped, others approve."""
import base64
import json

from operators import PLAN, control  # noqa: F401: control is a fixture
from stack import wait_until


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
