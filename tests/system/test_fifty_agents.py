"""Fifty real agents, each a process with slots and a record of its own: a release that is no good sends every one of them back, the next one stays."""
import collections
import hashlib
import threading

import paho.mqtt.client as mqtt

from fleet import devices_of, events_of, upgrades_of
from gadget import Gadget
from shop import WAIT_S, shop  # noqa: F401
from stack import wait_until

AGENTS = 50
# As on a device, with shorter waits; few health checks, because each is a process and there are fifty of them at a time on this machine.
CALM = {"health.interval_ms": 500, "health.passes": 2, "health.total_s": 2, "mqtt.heartbeat_s": 2, "reboot.delay_ms": 500}
FACTORY = "GOOD 1.0.0\n"
AT_REST = {"device.json", "device.json.copy", "history.log", "upgrade.log"}     # docs/agent.md: the record, and what is remembered for ever
SLOTS = {"a", "b", "boot.state", "boot.state.copy"}


def outcomes(shop, version):
    """How many upgrades to this version are in which state; a gadget that failed by itself fails the test."""
    for gadget in shop.gadgets:
        gadget.check()
    return collections.Counter(upgrade["state"] for upgrade in upgrades_of(shop.store).values() if upgrade["version"] == version)


def wait_for_all(shop, version, state):
    try:
        wait_until(lambda: outcomes(shop, version) == {state: AGENTS}, WAIT_S, f"{AGENTS} upgrades to {version} to be {state}", interval=0.2)
    except Exception:
        other = next((gadget for gadget in shop.gadgets if gadget.state() != state), shop.gadgets[0])
        print(f"--- {outcomes(shop, version)}; {other.name}: {other.upgrade()}\n{other.log()[-6000:]}")
        raise


def wait_for_heartbeats(shop, count):
    """Until every device was heard `count` more times."""
    def heard():
        return {name: (device["boot_id"], int(device["seq"])) for name, device in devices_of(shop.store).items()}
    before = heard()

    def all_heard():
        return all(boot == before[name][0] and seq >= before[name][1] + count for name, (boot, seq) in heard().items())
    wait_until(all_heard, WAIT_S, f"{count} heartbeats of everybody", interval=0.2)


def attempts(shop, rollout):
    """How often each device was told to update."""
    return collections.Counter(event["device"] for _, event in events_of(shop.store) if event["rollout"] == rollout and event["on"] == "dispatch")


def sha256(content):
    return hashlib.sha256(content).hexdigest()


def check_at_rest(gadget, **slots):
    """What is on the device when nothing is under way: its record, its slots, and nothing that was left behind."""
    assert {path.name for path in (gadget.folder / "state").iterdir()} == AT_REST, gadget.name
    assert {path.name for path in gadget.slots.iterdir()} == SLOTS, gadget.name
    for slot, content in slots.items():
        assert sorted(path.name for path in (gadget.slots / slot).iterdir()) == ["app"] and gadget.digest(slot) == sha256(content), f"{gadget.name}, slot {slot}"


def retained(stack, topics):
    """Topics under which the broker keeps a message. It sends those before it answers the next subscription."""
    found, answered = set(), collections.deque([threading.Event(), threading.Event()])
    both = list(answered)
    client = mqtt.Client("whoever-looks", protocol=mqtt.MQTTv5)
    client.on_message = lambda _client, _data, message: found.add(message.topic)
    client.on_subscribe = lambda *_: answered.popleft().set()
    client.connect("127.0.0.1", stack.broker_port)
    client.loop_start()
    for filter_, event in zip((topics, "update/nobody"), both):
        client.subscribe(filter_)
        assert event.wait(WAIT_S), "the broker did not answer"
    client.disconnect()
    client.loop_stop()
    return found


def each_once(shop):
    return {gadget.name: 1 for gadget in shop.gadgets}


def test_a_bad_release_sends_all_of_them_back_and_the_next_one_stays(shop):
    for number in range(AGENTS):
        shop.gadgets.append(Gadget(shop.stack, f"g{number:02}", settings=CALM, factory=FACTORY))
    wait_until(lambda: shop.store.hget("drover:v1:model:gear", "version:1.0.0") == str(AGENTS), WAIT_S, "all of them to be known")

    bad = shop.release("1.1.0", "SICK")
    rollout = shop.rollout("1.1.0", "--max-in-flight", str(AGENTS), "--max-attempts", "3")
    wait_for_all(shop, "1.1.0", "rolled_back")
    assert shop.store.hgetall(f"drover:v1:rollout:{rollout}")["error:E_HEALTHCHECK"] == str(AGENTS)
    # Once was enough: E_HEALTHCHECK is permanent, so nobody is told again, however long they go on.
    wait_for_heartbeats(shop, 3)
    assert outcomes(shop, "1.1.0") == {"rolled_back": AGENTS} and attempts(shop, rollout) == each_once(shop)
    assert shop.stack.drover_json("rollout", "show", rollout)["settled"]
    for gadget in shop.gadgets:
        upgrade = gadget.upgrade()
        assert upgrade["error"] == "E_HEALTHCHECK" and upgrade["attempt"] == "1", upgrade
        assert gadget.version() == "1.0.0" and gadget.boots == 3, f"{gadget.name}: there and back, and no further"
        assert "on=TIME_OVER" in gadget.log() and "exit code 1" in gadget.log()
        check_at_rest(gadget, a=FACTORY.encode(), b=bad)
    assert shop.store.hget("drover:v1:model:gear", "version:1.0.0") == str(AGENTS)

    # The power goes everywhere at once: nobody tries the bad slot again.
    for gadget in shop.gadgets:
        gadget.strike("cut")
    wait_until(lambda: all(gadget.boots == 4 for gadget in shop.gadgets), WAIT_S, "all of them to boot again")
    wait_until(lambda: all(device["boot_id"] == (shop.stack.folder / name / "boot_id").read_text().strip() and device["version"] == "1.0.0"
                           for name, device in devices_of(shop.store).items()), WAIT_S, "all of them to be heard from the old slot")

    good = shop.release("1.2.0")
    rollout = shop.rollout("1.2.0", "--max-in-flight", str(AGENTS))
    wait_for_all(shop, "1.2.0", "succeeded")
    assert attempts(shop, rollout) == each_once(shop)
    wait_until(lambda: all("on=CONFIRMED" in gadget.log() for gadget in shop.gadgets), WAIT_S, "all of them to confirm")
    for gadget in shop.gadgets:
        assert gadget.version() == "1.2.0" and gadget.boots == 5
        check_at_rest(gadget, a=FACTORY.encode(), b=good)

    # What is over is over, at the broker and in Redis.
    shop.stack.drover("rollout", "cancel", rollout)
    wait_until(lambda: not retained(shop.stack, "update/#"), WAIT_S, "the notice to be taken back")
    assert retained(shop.stack, "device/#") == {f"device/{gadget.name}/online" for gadget in shop.gadgets}
    under_way = {key for key in shop.store.scan_iter("drover:priv:*") if key.rsplit(":", 1)[1] in ("live", "done", "running", "ending", "deadlines")}
    assert not under_way and shop.stack.metrics()["drover_work_under_way"] == 0, under_way
