"""The list of attacks (docs/security.md) against real agents, a real droverd and Mosquitto. After each the next honest update succeeds. What needs no network
is in tests/unit, what needs no agent in test_attacks.py."""
import hashlib
import json
import os
import pathlib
import time

import paho.mqtt.client as mqtt
import pytest

from badnet import net  # noqa: F401
from faulty_depot import CUT, Wait, head, honest, in_steps, part, without_ranges
from lies import chunked, other_range, two_content_ranges, two_hundred_of_something_else, until_close_too_much
from mirror import pass_on
from stack import wait_until

SETTINGS = {"flow.silent_after_ms": 4000, "flow.offline_after_ms": 3000}
QUICK = {"depot.failures": 3, "depot.stall_s": 1}
FAKETIME = pathlib.Path("/usr/lib") / os.uname().machine.join(("", "-linux-gnu")) / "faketime/libfaketimeMT.so.1"


def says(net, topic, message, retain=False):
    """An attacker who may publish what droverd publishes."""
    client = mqtt.Client("attacker", protocol=mqtt.MQTTv5)
    client.connect("127.0.0.1", net.stack.broker_port)
    client.loop_start()
    client.publish(topic, json.dumps(message), qos=1, retain=retain).wait_for_publish(10)
    client.disconnect()
    client.loop_stop()


def untouched(gadget):
    return gadget.digest("a"), gadget.digest("b"), gadget.version(), gadget.boots


def fails(net, gadget, code, *whys):
    """The upgrade ends in this code, and nothing of the device is another than before."""
    net.wait_state(gadget, "failed")
    upgrade = gadget.upgrade()
    assert upgrade["error"] == code and all(why in upgrade["note"] for why in whys), upgrade


def test_attack_06_slow_retrieval(net):
    """One byte a second is under the minimum rate; what is just above it meets the absolute deadline. Both pass, so they are tried again."""
    gadgets = {"drip": net.gadget("a06drip", model="a06", settings=QUICK),
               "trickle": net.gadget("a06trickle", model="a06", settings={"depot.total_s": 2, "depot.stall_s": 1, "depot.min_bytes_s": 100})}
    net.mirror.answers.update({"a06drip": in_steps(honest, 1, Wait(1)), "a06trickle": in_steps(honest, 200, Wait(0.1))})
    before = [untouched(gadget) for gadget in gadgets.values()]
    net.update_all(gadgets.values(), "1.1.0", "--max-attempts", "2")
    fails(net, gadgets["drip"], "E_DOWNLOAD_TIMEOUT", "minimum rate")
    fails(net, gadgets["trickle"], "E_DOWNLOAD_TIMEOUT", "not complete after 2 s")
    assert [gadget.upgrade()["attempt"] for gadget in gadgets.values()] == ["2", "2"], "transient: tried again"
    assert [untouched(gadget) for gadget in gadgets.values()] == before
    net.next_honest_update(*gadgets.values())


def test_attack_07_nobody_is_reachable(net):
    """The broker is away: tries are capped and jittered, the device stays on its image, the server calls it lost in time. Then the depot is away."""
    link = net.proxy()
    gadget = net.behind(link, "a07", model="a07", settings={**QUICK, "mqtt.retry_max_s": 2, "depot.bandwidth_bytes_s": 20_000, "depot.min_bytes_s": 0})
    before = untouched(gadget)
    net.update_all([gadget], "1.1.0", "--max-attempts", "2", size=400_000)
    net.wait_state(gadget, "downloading")
    came = len(link.came_at)
    with link.being(refuse=True):
        net.mirror.answers["a07"] = lambda _: iter([CUT])
        net.depot.cut()
        net.wait_state(gadget, "lost", seconds=30)
        wait_until(lambda: len(link.came_at) >= came + 5, 30, "five tries")
    gaps = [later - earlier for earlier, later in zip(link.came_at[came:], link.came_at[came + 1:])]
    assert max(gaps) < 4 and len({round(gap, 1) for gap in gaps}) > 2, f"capped at 2 s, with jitter: {gaps}"
    assert untouched(gadget) == before
    net.logged(gadget, "error=E_DOWNLOAD_TIMEOUT")
    assert len(net.mirror.asked("a07")) < 40
    gadget.settings["depot.bandwidth_bytes_s"] = 0
    gadget.strike("crash")
    net.next_honest_update(gadget)


def flipped(request):
    """The same length, the same ETag, another byte near the end."""
    body = bytearray(request.body)
    if request.span[1] > len(request.package) - 70_000:
        body[-1] ^= 1
    yield part(request, more=["Content-Type: application/octet-stream", "Cache-Control: immutable"])
    yield bytes(body)


FORGED_BYTES = 200_000


def of_a_stranger(net, version):
    """A whole package by a key that nobody knows, in place of the one asked for."""
    stranger = net.stack.package("a08", version, size=FORGED_BYTES, key=net.stack.signer.stranger()).read_bytes()

    def answer(request):
        start, stop = request.span
        body = stranger[start:stop].ljust(stop - start, b"\0")
        yield part(request)
        yield body
    return answer


def test_attack_08_malicious_mirror(net):
    gadgets = [net.gadget(f"a08{name}", model="a08", settings=QUICK) for name in ("bytes", "package", "once")]
    net.mirror.answers.update({"a08bytes": flipped, "a08package": of_a_stranger(net, "1.1.0"), "a08once": by_cache(flipped)})
    before = [untouched(gadget) for gadget in gadgets]
    content, _ = net.update_all(gadgets, "1.1.0", "--max-attempts", "2", size=FORGED_BYTES - len("GOOD 1.1.0\n"))
    fails(net, gadgets[0], "E_SHA256")
    fails(net, gadgets[1], "E_SIGNATURE")
    assert [untouched(gadget) for gadget in gadgets[:2]] == before[:2]
    assert gadgets[1].upgrade()["attempt"] == "1", "a wrong signature is permanent"
    net.all_succeed(gadgets[2:], "1.1.0", content)
    net.next_honest_update(*gadgets)


def by_cache(answer):
    """A poisoned cache: who asks past it gets the truth."""
    return lambda request: (pass_on if request.headers.get("cache-control") == "no-cache" else answer)(request)


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


def etag_changes(request):
    """Midway, with a lie about the bytes: the new ones must not be appended to the old."""
    if request.number % 2:
        yield part(request)
        yield request.body
    else:
        yield part(request, etag=f'"{request.number}"')
        yield request.body[::-1]


def truncated(request):
    yield part(request)
    yield request.body[:-len(request.body) // 2]
    yield CUT


def in_circles(request):
    yield head(302, f"Location: {request.target}", "Content-Length: 0")


LIES = {"range": other_range, "ranges": two_content_ranges, "portal": two_hundred_of_something_else, "circle": in_circles, "etag": etag_changes}
HARMLESS = {"whole": without_ranges, "chunked": chunked, "surplus": until_close_too_much}


def test_attack_17_http_tricks(net):
    """All of them at once, a device each. tests/unit/agent/test_fetch_attacks.py has every trick byte by byte."""
    liars = {name: net.gadget(f"a17{name}", model="a17", settings=QUICK) for name in LIES}
    others = {name: net.gadget(f"a17{name}", model="a17", settings=QUICK) for name in HARMLESS}
    cut = net.gadget("a17cut", model="a17")
    net.mirror.answers.update({f"a17{name}": answer for name, answer in {**LIES, **HARMLESS}.items()})
    net.mirror.answers["a17cut"] = lambda request: (truncated if len(net.mirror.asked("a17cut")) % 2 else pass_on)(request)
    content, _ = net.update_all([*liars.values(), *others.values(), cut], "1.1.0", "--max-attempts", "2", "--max-in-flight", "20")
    for name, gadget in liars.items():
        net.wait_state(gadget, "failed")
        assert gadget.upgrade()["error"] in ("E_DOWNLOAD_HTTP", "E_SIGNATURE", "E_SHA256", "E_INCOMPATIBLE", "E_CRC"), (name, gadget.upgrade())
        assert gadget.image("b") == b"" and gadget.version() == "1.0.0" and len(net.mirror.asked(gadget.name)) <= 40, name
    net.all_succeed([*others.values(), cut], "1.1.0", content)
    net.next_honest_update(*liars.values(), *others.values(), cut)


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
