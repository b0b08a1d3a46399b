"""Devices that replay, forge, lie, loop and vanish, played by hand against the whole system: what is not true changes nothing and is
counted, what goes wrong ends with its reason, and the next honest update succeeds."""
import json
import string
import threading
import urllib.error
import urllib.parse
import urllib.request

import paho.mqtt.client
import pytest

from fleet import FAST, check_aggregates, check_histories, events_of
from hand import Device, Hand
from stack import wait_until

SETTINGS = {**FAST, "flow.pending_ms": 200, "flow.retry_base_ms": 50, "flow.retry_cap_ms": 200}
REFUSED = 'drover_flow_refused_total{why="%s"}'
STALE = 'drover_heartbeats_total{outcome="stale"}'


class World:
    """A running Drover, a hand for its devices, and rollouts."""

    def __init__(self, stack, settings=None):
        self.stack, self.settings = stack, {**SETTINGS, **(settings or {})}
        stack.start_redis()
        stack.start_broker()
        self.droverd = stack.start_droverd(settings=self.settings)
        self.hand = Hand(stack)
        self.store = self.hand.store

    def device(self, name="d1", **facts):
        return Device(self.hand, name, **facts).known()

    def rollout(self, version="1.1.0", *options, model="esp32", size=5000):
        self.stack.add_release(model, version, size=size)
        return self.stack.drover("rollout", "start", model, version, "--spread", "0s", "-o", "name", *options).stdout.strip()

    def restart_droverd(self):
        self.droverd.kill()
        self.stack.forget(self.droverd)
        self.droverd = self.stack.start_droverd(settings=self.settings)
        self.hand.droverd_is_new()

    def alarms(self, on):
        return [event for _, event in events_of(self.store) if event["kind"] == "alarm" and event["on"] == on]

    def ask(self, device):
        """GET /firmware/latest as this device; None: nothing for it."""
        query = urllib.parse.urlencode({"device_model": device.model, "current_version": device.version, "device_id": device.name})
        try:
            with urllib.request.urlopen(f"http://127.0.0.1:{self.stack.http_ports['drover-1']}/firmware/latest?{query}", timeout=10) as answer:
                return json.loads(answer.read())
        except urllib.error.HTTPError as error:
            assert error.code == 304, error
            return None

    def next_honest_update(self, *devices, version="1.9.0", model="esp32"):
        """After the attack everything works as ever."""
        had = {device: len(self.hand.commands(device.name, "update")) for device in devices}
        self.rollout(version, "--supersede", model=model)
        for device in devices:
            device.obey(number=had[device] + 1)

    def check(self):
        self.hand.settle()
        check_aggregates(self.store)
        check_histories(self.store)
        self.droverd.check_alive()
        log = self.droverd.log_path.read_text()
        assert "script_error" not in log and self.hand.counter('drover_store_refused_total{kind="script"}') == 0


@pytest.fixture
def world(stack, request):
    world = World(stack, getattr(request, "param", None))
    yield world
    world.check()
    world.hand.close()


def settings(**values):
    """The settings of one test's droverd."""
    return pytest.mark.parametrize("world", [{"flow." + name: value for name, value in values.items()}], indirect=True, ids=[""])


def untouched(device):
    """What no old news may change: all but the notes about the old news itself, and whether it is heard now."""
    notes = {"clash", "clash_seen", "clash_from", "online"}
    return {name: value for name, value in device.record().items() if name not in notes}, device.upgrade()


# --- old news ---

@pytest.mark.asan
def test_replayed_and_reordered_heartbeats_change_nothing(world):
    device = world.device()
    device.boot()
    device.known()
    world.rollout()
    device.obey()
    before, seen = untouched(device), world.store.zscore("drover:v1:seen", "d1")
    stale, merged = world.hand.counted(STALE), world.hand.counted("drover_heartbeats_merged_total")
    old = [message for kind, message in device.sent if kind == "heartbeat" and message["boot_id"] != "boot-1"]
    for message in reversed(old):
        device.say("heartbeat", message)
        world.hand.settle()
    for message in old:
        world.hand.publish("device/d1/heartbeat", message)
    world.hand.settle()
    assert stale() + merged() == 2 * len(old)
    assert untouched(device) == before and world.store.zscore("drover:v1:seen", "d1") == seen
    assert not world.alarms("clash"), "a replay is no second device"
    world.next_honest_update(device)


@settings(heartbeat_ms=300, offline_after_ms=1200)
def test_a_heartbeat_of_a_boot_long_ago_harms_only_for_a_while(world):
    """Only the newest boot and the one before are remembered: an older one looks like a reboot. The device must not be deaf for that."""
    device = world.device()
    first = device.sent[0][1]
    for _ in range(3):
        device.boot()
        device.known()
    device.say("heartbeat", first)
    world.hand.settle()
    assert device.record()["boot_id"] == "boot-1"
    wait_until(lambda: device.beat() or device.record()["boot_id"] == "boot-4", 20, "the living boot to be believed again", interval=0.3)
    assert not world.alarms("clash")
    world.next_honest_update(device)


@pytest.mark.asan
def test_replayed_stale_and_forged_reports_change_nothing(world):
    device, victim = world.device("d1"), world.device("d2")
    world.rollout("1.1.0", "--max-in-flight", 2)
    device.command()
    command = victim.command()
    device.steps("acknowledged", "downloading")
    device.report("failed", error="E_CRC")
    second = device.command(number=2)
    assert second["attempt"] == 2
    device.steps("acknowledged", "downloading", "installing", command=second)
    victim.steps("acknowledged")
    before = untouched(device), untouched(victim)
    attacks = {
        "stale_attempt": [(device, {"attempt": 1, "state": "failed", "error": "E_SIGNATURE", "seq": 900}),
                          (device, {"attempt": 3, "state": "succeeded", "seq": 901}), (device, {"attempt": 1000, "state": "rejected", "seq": 902})],
        "stale_seq": [(device, {"state": "failed", "error": "E_SIGNATURE", "seq": device.report_seq}), (device, {"state": "installing", "seq": 0})],
        "unknown_upgrade": [(device, {"upgrade_id": command["upgrade_id"], "state": "succeeded", "seq": 903}),
                            (victim, {"upgrade_id": second["upgrade_id"], "state": "rejected", "seq": 904}),
                            (device, {"upgrade_id": "no-such-upgrade", "state": "failed", "seq": 905})],
        "stale_step": [(device, {"state": "acknowledged", "seq": device.report_seq + 1}), (device, {"state": "downloading", "seq": device.report_seq + 2})],
    }
    for why, reports in attacks.items():
        counted = world.hand.counted(REFUSED % why)
        for sender, changes in reports:
            own = second if sender is device else command
            sender.say("report", {"schema": 1, "upgrade_id": own["upgrade_id"], "attempt": own["attempt"], **changes})
        world.hand.settle()
        assert counted() == len(reports), why
    mismatch = world.hand.counted('drover_refused_total{message="report",reason="mismatch"}')
    victim.say("report", {"schema": 1, "device_id": "d1", "upgrade_id": second["upgrade_id"], "attempt": 2, "seq": 906, "state": "failed"})
    unknown = world.hand.counted(REFUSED % "unknown_device")
    world.hand.publish("device/nobody/report", {"schema": 1, "upgrade_id": second["upgrade_id"], "attempt": 2, "seq": 907, "state": "failed"})
    world.hand.settle()
    assert mismatch() == 1 and unknown() == 1
    assert (untouched(device), untouched(victim)) == before
    for honest, own in ((device, second), (victim, command)):
        honest.report("verifying", own)
        honest.boot("1.1.0")
        honest.until("succeeded")


@pytest.mark.asan
def test_what_was_retained_is_old_news_after_a_restart(world):
    device = world.device()
    heartbeat = device.sent[0][1]
    world.hand.publish("device/d1/heartbeat", {**heartbeat, "seq": 1000}, retain=True)
    world.hand.publish("device/ghost/online", '{"online":true}', retain=True)
    device.seq = 1000
    world.rollout()
    command = device.command()
    world.hand.publish("device/d1/report", {"schema": 1, "upgrade_id": command["upgrade_id"], "attempt": 1, "seq": 5000, "state": "acknowledged"},
                       retain=True)
    device.report_seq = 5000
    device.obey()
    world.hand.settle()
    before = untouched(device)
    world.restart_droverd()
    # A new session: as after a crash of the broker, which gives out everything retained.
    world.stack.forget(world.droverd)
    world.droverd.stop()
    world.settings = {**world.settings, "instance": "drover-2"}
    world.droverd = world.stack.start_droverd(settings=world.settings)
    wait_until(lambda: sum(value for name, value in world.stack.metrics().items() if name.startswith("drover_mqtt_received_total")) >= 3,
               20, "the retained messages", alive=[world.droverd])
    world.hand.droverd_is_new()
    world.hand.settle()
    assert untouched(device) == before
    assert not world.store.exists("drover:v1:device:ghost")
    world.next_honest_update(device)


# --- lies and failures on the new version ---

@settings(verify_ms=1200, install_ms=1500)
@pytest.mark.asan
def test_a_liar_is_failed_with_the_reason(world):
    device = world.device()
    world.rollout("1.1.0", "--max-attempts", 2)
    for number in (1, 2):
        command = device.command(number=number)
        assert command["attempt"] == number
        device.report("succeeded", command, progress=100, version="1.1.0")
        world.hand.settle()
        assert device.state() == "verifying", "its word is not enough"
        if number == 1:
            wait_until(lambda: device.beat() or device.report("succeeded", command) or device.state() in ("retry_wait", "dispatched"),
                       20, "the first lie to be found out", interval=0.1)
    device.until("failed")
    upgrade = device.upgrade()
    assert upgrade["error"] == "E_BOOT" and upgrade["why"] == "said done, still runs 1.0.0", upgrade
    assert device.record()["version"] == "1.0.0"
    over = world.hand.counted(REFUSED % "upgrade_over")
    device.report("downloading")
    world.hand.settle()
    assert over() == 1 and device.state() == "failed"
    world.next_honest_update(device)


def test_a_silent_fallback_is_called_rolled_back_and_the_version_can_be_offered_again(world):
    device = world.device()
    world.rollout()
    device.command()
    device.steps()
    device.boot()   # into the slot it came from, and not a word about it
    device.until("rolled_back")
    assert device.upgrade()["error"] == "E_ROLLED_BACK"
    asked = world.ask(device)
    device.known()
    assert asked is None and len(world.hand.commands("d1")) == 1, "it had its turn in this rollout"
    again = world.stack.drover("rollout", "start", "esp32", "1.1.0", "--supersede", "--spread", "0s", "-o", "name").stdout.strip()
    device.obey(number=2)
    assert device.upgrade()["rollout"] == again


def test_a_boot_loop_is_taken_back(world):
    device = world.device()
    world.rollout("1.1.0", "--soak", "5s")
    device.command()
    device.steps()
    device.version = "1.1.0"

    def boots_on():
        device.boot()
        device.beat()
        return device.state() == "rolling_back"
    wait_until(boots_on, 20, "the boot loop to be seen", interval=0.1)
    command = device.command("rollback", beats=False)
    assert command["version"] == "1.0.0" and device.boots >= 5
    device.boot("1.0.0")
    device.until("rolled_back")
    upgrade = device.upgrade()
    assert upgrade["error"] == "E_BOOT" and upgrade["why"] == "back on 1.0.0: the new version boots again and again", upgrade
    world.next_honest_update(device)


def test_an_unhealthy_version_is_taken_back_and_says_why(world):
    device = world.device()
    world.rollout()
    device.command()
    device.steps()
    device.boot("1.1.0")
    device.status = "unhealthy"
    device.until("rolling_back")
    device.command("rollback", beats=False)
    device.report("rolled_back")
    device.boot("1.0.0")
    device.status = "idle"
    device.until("rolled_back")
    upgrade = device.upgrade()
    assert upgrade["error"] == "E_HEALTHCHECK" and upgrade["why"] == "back on 1.0.0: unhealthy on the new version", upgrade
    world.next_honest_update(device)


@settings(clash_ms=2500)
@pytest.mark.asan
def test_two_devices_with_one_identity_are_noticed_and_not_updated(world):
    one = world.device("twin")
    other = Device(world.hand, "twin")
    other.boots = 700
    for _ in range(6):
        other.beat()
        world.hand.settle()
        one.beat()
        world.hand.settle()
    alarms = world.alarms("clash")
    assert len(alarms) == 1 and alarms[0]["device"] == "twin" and "boot ids" in alarms[0]["why"], alarms
    world.rollout()
    assert "two devices with this identity" in world.stack.drover("device", "show", "twin").stdout
    other.beat()
    world.hand.settle()
    assert one.state() == "none" and world.hand.commands("twin") == []
    # One of them is taken away; after a while the other is a device like any.
    wait_until(lambda: other.beat() or world.hand.commands("twin", "update"), 20, "the one that stayed to be taken in", interval=0.1)
    other.obey()
    world.next_honest_update(other)


# --- floods, odd names, changes of identity ---

@pytest.mark.asan
def test_a_storm_of_one_device_delays_nobody(world):
    device, storm = world.device("d1"), world.device("storm")
    world.rollout("1.1.0", "--share", 100, "--max-in-flight", 1)
    device.command()
    for _ in range(10_000):
        storm.beat()
    device.obey()
    world.hand.settle(60)
    assert storm.record()["seq"] == str(storm.seq)
    metrics = world.stack.metrics()
    assert metrics["drover_heartbeats_dropped_total"] == 0
    storm.obey()


def test_a_device_that_changes_its_model(world):
    idle, busy = world.device("idle"), world.device("busy")
    world.rollout()
    for device in (idle, busy):
        device.command()
        device.steps("acknowledged", "downloading")
    idle.report("rejected", error="E_REJECTED")
    for device in (idle, busy):
        device.model = "gateway"
        device.boot()
        device.known()
    check_aggregates(world.store)
    # The update it is in the middle of still ends as what it shows says; then it belongs to its new model.
    busy.steps("installing", "verifying")
    busy.boot("1.1.0")
    busy.until("succeeded", "superseded")
    check_aggregates(world.store)
    world.next_honest_update(idle, busy, model="gateway")
    assert world.store.hget("drover:v1:model:gateway", "version:1.9.0") == "2"


@pytest.mark.asan
def test_a_device_that_makes_up_models_hides_no_real_one(world):
    other, rogue = world.device("other", model="zebra"), world.device("rogue")
    for number in range(1500):
        rogue.model = f"model-{number}"
        rogue.beat()
    world.hand.settle()
    status = world.stack.drover_json("status")
    assert [model["model"] for model in status["models"]] == [rogue.model, "zebra"]
    world.next_honest_update(other, model="zebra")


@pytest.mark.asan
def test_every_legal_character_in_ids(world):
    letters = string.ascii_letters + string.digits
    names = ["a", "Z", "0", "x" * 64, "9" + "._-" * 21, "a.b-c_d", "A..", "0--", "none", "device", letters[:31] + "._-" + letters[31:61]]
    models = {"m": "1.0.0", "M.o-d_e.l" + "-" * 55: "1.0.0-rc.1+build.7", "0": "0.0.1"}
    devices = [world.device(name, model=model, version=version) for model, version in models.items() for name in [names.pop() for _ in range(len(names) // 2 + 1) if names]]
    assert not names and len(devices) == 11
    for model in models:
        world.rollout("1.1.0-x.y-z.0+a-b", model=model)
    for device in devices:
        device.obey()
        assert world.stack.drover_json("device", "show", device.name)["device"]["device_id"] == device.name
        assert world.stack.drover("device", "history", device.name, "-o", "name").stdout.count("\n") >= 4


@pytest.mark.asan
def test_an_older_version_is_never_offered(world):
    versions = ["2.0.0", "1.1.1", "1.1.0+other.build", "1.1.0", "1.2.0-alpha"]
    devices = [world.device(f"d{number}", version=version) for number, version in enumerate(versions)]
    simple = [Device(world.hand, f"s{number}", version=version, managed=False).known() for number, version in enumerate(versions)]
    behind = world.device("behind", version="1.1.0-rc.9")
    world.rollout("1.1.0")
    for _ in range(3):
        for device in devices + simple:
            device.beat()
    assert [world.ask(device) for device in simple] == [None] * len(simple)
    behind.obey()
    world.hand.settle()
    assert {device.state() for device in devices + simple} == {"none"}
    assert all(world.hand.commands(device.name) == [] for device in devices + simple)


@pytest.mark.asan
def test_questions_and_downloads_in_another_name(world):
    """Whoever reaches the devices' listener may ask for anybody; it makes no device, moves no managed one's download and proves nothing."""
    managed, simple = world.device("managed"), Device(world.hand, "simple", managed=False).known()
    world.rollout("1.1.0", size=40_000)
    command = managed.command()
    keys = set(world.store.keys("drover:*"))
    for number in range(200):
        world.ask(Device(world.hand, f"nobody-{number}"))
    assert {key for key in world.store.keys("drover:*") if "nobody" in key} == set() and len(world.store.keys("drover:*")) == len(keys)
    managed.version = "1.1.0"
    assert world.ask(managed) is None and world.ask(Device(world.hand, "simple", model="gateway")) is None, "what contradicts the heartbeats"
    managed.version = "1.0.0"
    for url in (command["url"], command["url"].replace("attempt=1", "attempt=2"), command["url"].replace(command["upgrade_id"], "f" * 16)):
        assert len(urllib.request.urlopen(url, timeout=10).read()) == 40_000
    world.hand.settle()
    assert managed.state() == "dispatched", "a managed device's download is what it reports"
    offer = world.ask(simple)
    assert len(urllib.request.urlopen(offer["url"], timeout=10).read()) == 40_000
    simple.until("installing")
    for _ in range(4):
        simple.known()
    assert simple.state() == "installing", "somebody else's download proves nothing"
    assert world.ask(simple)["sha256"] == offer["sha256"]
    simple.boot("1.1.0")
    simple.until("succeeded")
    managed.obey()


# --- the ground moves ---

def test_redis_forgets_its_scripts_and_then_everything(world):
    device = world.device()
    world.rollout()
    device.command()
    world.store.script_flush()
    device.steps()
    world.store.script_flush()
    device.boot("1.1.0")
    device.until("succeeded")
    world.store.flushall()
    unknown = world.hand.counted(REFUSED % "unknown_device")
    device.report("succeeded")
    world.hand.settle()
    assert unknown() == 1
    device.known()
    assert world.store.hgetall("drover:v1:fleet") == {"devices": "1", "online": "1"}, "heartbeats rebuild the fleet"
    world.next_honest_update(device)


def retained(world, topic):
    """The retained message of a topic, None when there is none; a marker behind it says that nothing else is coming."""
    got, ended = [], threading.Event()
    client = paho.mqtt.client.Client("reader", protocol=paho.mqtt.client.MQTTv5)

    def heard(_client, _data, message):
        if message.topic == "marker":
            ended.set()
        else:
            got.append(message.payload)
    client.on_message = heard
    client.on_subscribe = lambda *_: client.publish("marker", b"x", qos=1)
    client.connect("127.0.0.1", world.stack.broker_port)
    client.subscribe([(topic, 1), ("marker", 1)])
    client.loop_start()
    assert ended.wait(10)
    client.disconnect()
    client.loop_stop()
    return json.loads(got[0]) if got else None


def test_an_old_notice_does_not_outlive_its_rollout(world):
    """Killed before it could clear the notice, or an old one replayed by somebody: the next droverd sets it right."""
    world.device()
    rollout = world.rollout()
    notice = wait_until(lambda: retained(world, "update/esp32"), 10, "the notice")
    assert notice["rollout"] == rollout and notice["version"] == "1.1.0"
    world.stack.drover("rollout", "cancel", rollout)
    wait_until(lambda: retained(world, "update/esp32") is None, 10, "the notice to be cleared")
    world.hand.publish("update/esp32", notice, retain=True).wait_for_publish(10)
    world.restart_droverd()
    wait_until(lambda: retained(world, "update/esp32") is None, 20, "the old notice to be cleared")
    second = world.rollout("1.2.0")
    assert wait_until(lambda: retained(world, "update/esp32"), 10, "the new notice")["rollout"] == second
    world.hand.publish("update/esp32", notice, retain=True).wait_for_publish(10)
    world.restart_droverd()
    wait_until(lambda: retained(world, "update/esp32")["rollout"] == second, 20, "the true notice to be back")


# --- operators in between ---

def test_a_cancelled_device_that_goes_on_anyway(world):
    device = world.device()
    rollout = world.rollout()
    command = device.command()
    device.steps("acknowledged", "downloading")
    world.stack.drover("rollout", "cancel", rollout)
    device.command("cancel")
    wait_until(lambda: device.state() == "cancelled", 10, "the upgrade to be cancelled")
    over = world.hand.counted(REFUSED % "upgrade_over")
    device.steps("installing", "verifying", "succeeded", command=command)
    assert over() == 3 and device.state() == "cancelled"
    device.boot("1.1.0")
    for _ in range(3):
        device.known()
    assert device.state() == "cancelled" and world.store.hget("drover:v1:model:esp32", "version:1.1.0") == "1"
    world.next_honest_update(device)


def test_an_operator_takes_a_succeeded_device_back(world):
    device = world.device()
    world.rollout()
    device.obey()
    world.stack.drover("device", "rollback", "d1")
    command = device.command("rollback")
    assert command["version"] == "1.0.0" and device.state() == "rolling_back"
    again = world.stack.drover("device", "rollback", "d1", check=False)
    assert again.returncode == 4 and "going back already" in again.stderr
    device.boot("1.0.0")
    device.until("rolled_back")
    assert device.upgrade()["why"] == "back on 1.0.0: operator wants the old version"
    device.known()
    assert len(world.hand.commands("d1", "update")) == 1, "the same rollout does not take it again"
    world.next_honest_update(device)


def test_a_rollout_is_superseded_in_mid_flight(world):
    busy, waiting, fresh = world.device("busy"), world.device("waiting"), world.device("fresh")
    first = world.rollout("1.1.0", "--max-in-flight", 2)
    busy.command()
    busy.steps("acknowledged", "downloading")
    waiting.command()
    waiting.report("failed", error="E_NO_SPACE")
    world.hand.settle()
    second = world.rollout("1.2.0", "--supersede")
    fresh.obey()
    assert fresh.upgrade()["rollout"] == second and fresh.version == "1.2.0"
    busy.steps("installing", "verifying")
    busy.boot("1.1.0")
    wait_until(lambda: busy.beat() or busy.upgrade()["rollout"] == second, 20, "the busy one to end and be taken in again", interval=0.1)
    busy.obey(number=2)
    # The other one may have been told its second attempt at the very moment; it ends either way and is then taken in.
    wait_until(lambda: waiting.beat() or any(command["version"] == "1.2.0" for command in world.hand.commands("waiting", "update")) or
               (waiting.upgrade()["rollout"] == first and waiting.state() == "dispatched"), 20, "the waiting one to be moved on", interval=0.1)
    if waiting.upgrade()["rollout"] == first:
        waiting.steps()
        waiting.boot("1.1.0")
        wait_until(lambda: waiting.beat() or waiting.upgrade()["rollout"] == second, 20, "the waiting one to be taken in", interval=0.1)
    waiting.obey(number=len([1 for command in world.hand.commands("waiting", "update") if command["version"] == "1.1.0"]) + 1)
    assert [event["to"] for _, event in events_of(world.store) if event["kind"] == "rollout" and event["rollout"] == first][-1] == "superseded"


@pytest.mark.asan
def test_late_success_after_failed(world):
    device = world.device()
    world.rollout()
    command = device.command()
    device.report("failed", error="E_SIGNATURE", text="bad signature")
    device.until("failed", beats=False)
    device.boot("1.1.0")
    device.until("succeeded")
    assert command["attempt"] == 1 and device.upgrade()["attempt"] == "1" and device.upgrade().get("error", "E_NONE") in ("E_NONE", "none", "")
    world.next_honest_update(device)


@settings(silent_after_ms=1500, acknowledge_ms=700, start_ms=700, download_stall_ms=700, offline_after_ms=1200)
def test_a_lost_device_that_returns_with_each_version(world):
    devices = {version: world.device("d-" + version) for version in ("1.0.0", "1.1.0", "1.0.5")}
    rollout = world.rollout()
    for device in devices.values():
        device.command()
        device.report("acknowledged")
    for device in devices.values():
        device.until("lost", beats=False)
        assert device.upgrade()["error"] == "E_LOST" and device.upgrade()["why"].startswith("no sign of life for")
    assert world.store.hget(f"drover:v1:rollout:{rollout}", "error:E_LOST") == "3"
    check_aggregates(world.store)
    for version, device in devices.items():
        device.boot(version)
    devices["1.0.5"].until("superseded")
    assert "1.0.5" in devices["1.0.5"].upgrade()["why"]
    devices["1.1.0"].until("succeeded")
    devices["1.0.0"].obey(number=2)
    assert devices["1.0.0"].upgrade()["attempt"] == "2"
    assert world.store.hget(f"drover:v1:rollout:{rollout}", "error:E_LOST") in (None, "0")


# --- error budget ---

def failing(device):
    device.command()
    device.report("failed", error="E_SIGNATURE")


def test_a_spent_error_budget_pauses_the_rollout_with_the_reason_and_an_alarm(world):
    devices = [world.device(f"d{number:02}") for number in range(14)]
    rollout = world.rollout("1.1.0", "--error-budget", 20, "--max-in-flight", 10)
    for device in devices[:3]:
        failing(device)
    for device in devices[3:10]:
        device.obey()
    paused = wait_until(lambda: world.store.hget(f"drover:v1:rollout:{rollout}", "state") == "paused", 20, "the rollout to be paused")
    assert paused and world.store.hget(f"drover:v1:rollout:{rollout}", "why") == "error budget spent: 3 of 10 ended badly, over 20 %"
    alarms = wait_until(lambda: world.alarms("budget_spent"), 10, "the alarm")
    assert len(alarms) == 1 and alarms[0]["rollout"] == rollout and "3 of 10" in alarms[0]["why"]
    shown = world.stack.drover("rollout", "show", rollout).stdout
    assert "paused" in shown and "error budget spent" in shown
    for device in devices[10:]:
        device.known()
        assert device.state() == "none", "a paused rollout takes nobody in"
    world.stack.drover("rollout", "resume", rollout)
    for device in devices[10:]:
        device.obey()
    assert world.store.hget(f"drover:v1:rollout:{rollout}", "state") == "running", "what was known at the resume is not counted again"


@settings(silent_after_ms=1000, acknowledge_ms=400, acknowledge_repeats=0, heartbeat_ms=300, offline_after_ms=800)
def test_a_flapping_device_counts_once_in_the_error_budget(world):
    """Lost and back, lost and back: one device, one failure, however often; 1 of 10 is within 10 %."""
    devices = [world.device(f"d{number:02}") for number in range(9)]
    flapping = world.device("flapping")
    rollout = world.rollout("1.1.0", "--error-budget", 10, "--max-attempts", 20)
    flapping.command()
    for device in devices:
        device.obey()
    for number in range(2, 4):
        flapping.until("lost", beats=False)
        assert world.store.hget(f"drover:v1:rollout:{rollout}", "error:E_LOST") == "1"
        flapping.until("dispatched")
        assert flapping.command(number=number)["attempt"] == number
    flapping.until("lost", beats=False)
    assert world.store.hget(f"drover:v1:rollout:{rollout}", "state") == "running" and not world.alarms("budget_spent")
    assert world.store.hget(f"drover:v1:rollout:{rollout}", "opened") == "10"
    assert world.store.hget(f"drover:v1:rollout:{rollout}", "retried") == "1"
    flapping.until("dispatched")
    flapping.command(number=4)
    flapping.obey(number=4)


@pytest.mark.asan
def test_a_device_that_rejected_is_not_asked_again(world):
    device = world.device()
    world.rollout()
    device.command()
    device.report("rejected", error="E_REJECTED", text="not on Sundays")
    device.until("rejected", beats=False)
    assert device.upgrade()["note"] == "not on Sundays"
    for _ in range(5):
        device.boot()
        device.known()
    assert len(world.hand.commands("d1")) == 1 and device.state() == "rejected"
    assert world.ask(device) is None
    assert "had its turn" in world.stack.drover("device", "show", "d1").stdout
    world.next_honest_update(device)
