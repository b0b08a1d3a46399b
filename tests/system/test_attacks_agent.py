"""Attacks on an agent itself (docs/security.md): old notices, a swapped package, a wrong clock, a release that never comes up. Real agents, a real droverd and
Mosquitto; after each attack the next honest update succeeds. Devices played by hand are in test_attacks.py."""
import hashlib
import json
import os
import pathlib
import signal
import time

import paho.mqtt.client as mqtt
import pytest

from badnet import fails, net, untouched  # noqa: F401
from faulty_depot import honest
from stack import wait_until

FAKETIME = pathlib.Path("/usr/lib") / f"{os.uname().machine}-linux-gnu" / "faketime/libfaketimeMT.so.1"


def says(net, topic, message, retain=False):
    """An attacker who may publish what droverd publishes."""
    client = mqtt.Client("attacker", protocol=mqtt.MQTTv5)
    client.connect("127.0.0.1", net.stack.broker_port)
    client.loop_start()
    client.publish(topic, json.dumps(message), qos=1, retain=retain).wait_for_publish(10)
    client.disconnect()
    client.loop_stop()


def notice(net, model, **changes):
    return {"schema": 1, "rollout": "old", "model": model, "version": "1.1.0", "url": f"http://127.0.0.1:{net.depot.port}/firmware/latest", "size": 200_000,
            "sha256": "0" * 64, "share_pct": 100, "epoch": int(time.time() * 1000) + 1000, **changes}


def test_attack_12_old_and_foreign_notices(net):
    """Replayed, expired, or for another model: the device says why it ignores it, and does not even ask."""
    gadget = net.gadget("a12", model="a12", settings={"agent.mode": "pull"})
    content, _ = net.update_all([gadget], "1.1.0", "--spread", "0s")
    net.all_succeed([gadget], "1.1.0", content)
    before, asked = untouched(gadget), len(net.mirror.requests)
    for why, message in (("its epoch is not newer", notice(net, "a12", epoch=1_600_000_000_000)), ("for another model", notice(net, "other")),
                         ("it has expired", notice(net, "a12", expires_at=1_600_000_000_000))):
        says(net, "update/a12", message, retain=True)
        net.logged(gadget, f'event=notice_ignored instance=a12 why="{why}"', seconds=10)
    gadget.strike("crash")                            # what was seen is remembered over a start
    wait_until(lambda: gadget.starts == 3, 30, "the agent to start again")
    says(net, "update/a12", notice(net, "a12", epoch=1_600_000_000_001), retain=True)
    wait_until(lambda: gadget.log().count('why="its epoch is not newer"') >= 2, 10, "it to be ignored again")
    assert untouched(gadget) == before and not [request for request in net.mirror.requests[asked:] if "a12" in request.target]
    net.next_honest_update(gadget)


def test_attack_14_the_package_is_swapped_after_it_was_checked(net):
    """Between the download, whose every byte was proved, and the end of the installation. The slot does not become valid."""
    gadget = net.gadget("a14", model="a14")
    before = gadget.digest("a"), gadget.version(), gadget.boots
    net.update_all([gadget], "1.1.0", "--max-attempts", "1", size=30_000_000)
    wait_until(lambda: "to=installing" in gadget.log(), 30, "the installation", interval=0.002)
    gadget.agent.signal(signal.SIGSTOP)
    with open(gadget.folder / "state" / "package.dfw", "r+b") as package:
        package.seek(-70_000, os.SEEK_END)
        package.write(b"swapped")
    gadget.agent.signal(signal.SIGCONT)
    fails(net, gadget, "E_SHA256")
    assert (gadget.digest("a"), gadget.version(), gadget.boots) == before and "invalid" in gadget.ask("status").stdout
    net.next_honest_update(gadget)


def clock(when):
    """The wall clock of a process alone, from its start on; the monotonic one is as it is."""
    if not FAKETIME.exists():
        pytest.skip("libfaketime is not installed")
    return {"LD_PRELOAD": str(FAKETIME), "FAKETIME": f"@{when}", "DONT_FAKE_MONOTONIC": "1", "TZ": "UTC"}


def test_attack_16_the_clock_stands_at_1970_or_in_the_future(net):
    past = net.gadget("a16past", model="a16", environment=clock("1970-01-01 00:01:00"))
    future = net.gadget("a16future", model="a16", environment=clock("2106-01-01 00:00:00"))
    content, _ = net.update_all([past, future], "1.1.0", "--max-attempts", "2")
    net.all_succeed([past], "1.1.0", content)         # nothing better is known, and waits go by the monotonic clock
    fails(net, future, "E_TIMEOUT", "clock says 2106-01-01")
    assert future.version() == "1.0.0" and future.image("b") == b"" and not net.mirror.asked("a16future")
    # What it runs now was built after 1970: that is the floor, and what expired before it is refused, whatever the clock says.
    expired = net.stack.package("a16", "1.2.0", size=50_000, options=["--expires-at", "2020-01-01"]).read_bytes()
    sha256 = hashlib.sha256(expired).hexdigest()
    net.mirror.packages[sha256] = expired             # which droverd does not have, and would not take
    net.mirror.answers["a16past"] = honest
    says(net, "update/a16/a16past", {"schema": 1, "command": "update", "upgrade_id": "f" * 16, "attempt": 1, "version": "1.2.0", "size": len(expired),
                                     "sha256": sha256, "url": f"http://127.0.0.1:{net.depot.port}/artifacts/{sha256}?device=a16past"})
    net.logged(past, "error=E_EXPIRED")
    assert past.version() == "1.1.0" and past.image() == content
    assert 'note="not believed: the device\'s clock says 1970-01-01' in past.log(), "told with the command, and reported"
    for gadget in (past, future):
        gadget.environment = None                     # somebody has set the clock
        gadget.strike("cut")
    net.next_honest_update(past, future)


def test_attack_20_rollback_loop(net):
    """A release that never comes up, offered as often as the rollout allows: one trial, and the device is left alone with it, also when it asks by itself, and
    after each start."""
    told = net.gadget("a20told", model="a20", settings={"health.total_s": 2})
    asks = net.gadget("a20asks", model="a20", settings={"agent.mode": "pull", "health.total_s": 2})
    net.update_all([told, asks], "1.1.0", "--max-attempts", "5", "--spread", "0s", word="DEAD")
    for gadget in (told, asks):
        net.wait_state(gadget, "rolled_back")
    for _ in range(2):                                # each start sees the retained notice again
        for gadget in (told, asks):
            starts = gadget.starts
            gadget.strike("cut")
            wait_until(lambda: gadget.starts > starts, 30, "the agent to start again")
            wait_until(lambda: "event=nothing_on_offer" in gadget.log() or gadget is told, 30, "it to ask again")
            net.logged(gadget, "event=broker_reached")
    for gadget in (told, asks):
        assert gadget.upgrade()["state"] == "rolled_back" and gadget.upgrade()["attempt"] == "1", gadget.upgrade()
        assert gadget.version() == "1.0.0" and gadget.boots == 1 + 3 + 1 + 2, "one trial of three boots, and the two cuts of this test"
    net.next_honest_update(told, asks)
