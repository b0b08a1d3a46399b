"""Floods, odd names, changed identities, questions in another name, and ground that moves under the whole system."""
import json
import string
import threading
import urllib.request

import paho.mqtt.client
import pytest

from fleet import check_aggregates
from hand import Device
from stack import wait_until
from world import REFUSED


# --- floods, odd names, changes of identity ---

@pytest.mark.asan
def test_attack_13_a_storm_of_one_device_delays_nobody(world):
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
def test_attack_18_every_legal_character_in_ids(world):
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
def test_attack_02_an_older_version_is_never_offered(world):
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
def test_attack_10_questions_and_downloads_in_another_name(world):
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
        assert len(urllib.request.urlopen(url, timeout=10).read()) == command["size"]
    world.hand.settle()
    assert managed.state() == "dispatched", "a managed device's download is what it reports"
    offer = world.ask(simple)
    assert len(urllib.request.urlopen(offer["url"], timeout=10).read()) == command["size"]
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


def test_attack_12_an_old_notice_does_not_outlive_its_rollout(world):
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
