"""Attacks with real certificates against the shipped broker and the depot: who has a good certificate and speaks for another, and a key that was copied.
What is forged changes nothing, and the next honest update succeeds."""
import signal
import ssl
import urllib.error
import urllib.request

import pytest

from hand import Device
from peer import greet
from stack import wait_until
from world import REFUSED, settings, untouched

secure = pytest.mark.parametrize("stack", [{"secure": True}], indirect=True, ids=[""])
MISMATCH = 'drover_refused_total{message="report",reason="mismatch"}'


@secure
@pytest.mark.asan
def test_attack_10_reports_and_heartbeats_for_another_device_stay_at_the_broker(world):
    victim, mallory = world.device("victim"), world.device("mallory")
    world.rollout("1.1.0", "--max-in-flight", 2)
    command = victim.command()
    victim.steps("acknowledged", "downloading")
    before, taken, said = untouched(victim), world.hand.taken(), world.hand.said
    forge = world.hand.peer("mallory").say
    report = {"schema": 1, "upgrade_id": command["upgrade_id"], "attempt": 1, "seq": 900}
    for state in ("failed", "rejected", "rolled_back", "verifying", "succeeded"):
        forge("device/victim/report", {**report, "state": state})
    for version in ("1.1.0", "0.0.1"):
        forge("device/victim/heartbeat", {"schema": 1, "model": "esp32", "version": version, "boot_id": "boot-666", "seq": 1, "managed": True})
    for online in (False, True):
        forge("device/victim/online", {"online": online}, retain=True)
    for topic in ("update/esp32", "update/esp32/victim"):
        forge(topic, {**command, "command": "cancel"}, retain=True)
    mallory.beat()
    world.hand.settle()
    assert world.hand.taken() - taken == world.hand.said - said == 1, "the broker passed on mallory's own heartbeat and nothing else"
    assert untouched(victim) == before and len(world.hand.commands("victim")) == 1
    victim.steps("installing", "verifying")
    victim.boot("1.1.0")
    victim.until("succeeded")
    mallory.obey()
    world.next_honest_update(victim, mallory)


@secure
@pytest.mark.asan
def test_attack_10_on_its_own_topic_it_gets_no_further(world):
    """The id in the topic wins; what belongs to another upgrade, to none, or leaps to the end is refused and counted."""
    victim, mallory = world.device("victim"), world.device("mallory")
    world.rollout("1.1.0", "--max-in-flight", 2)
    command, own = victim.command(), mallory.command()
    before = untouched(victim)
    mismatch, unknown = world.hand.counted(MISMATCH), world.hand.counted(REFUSED % "unknown_upgrade")
    mallory.report("succeeded", command, device_id="victim")
    mallory.report("failed", command, error="E_SIGNATURE")
    mallory.report("succeeded", {"upgrade_id": "no-such-upgrade", "attempt": 1})
    world.hand.settle()
    assert mismatch() == 1 and unknown() == 2 and mallory.state() == "dispatched"
    mallory.report("succeeded", own, version="1.1.0", progress=100)
    mallory.version = "1.1.0"                       # and heartbeats that say so, without a reboot
    for _ in range(4):
        mallory.beat()
        world.hand.settle()
    assert mallory.state() == "verifying", "its word is not enough"
    mallory.version = "1.0.0"
    assert untouched(victim) == before
    mallory.boot("1.1.0")
    mallory.until("succeeded")
    victim.obey()
    world.next_honest_update(victim, mallory)


@secure
@pytest.mark.asan
def test_attack_10_a_certificate_opens_the_depot_for_one_device(world):
    victim, mallory = world.device("victim"), world.device("mallory")
    world.rollout("1.1.0")
    command = victim.command()
    before, subjects = untouched(victim), world.hand.counted('drover_http_refused_total{reason="subject"}')
    offer = world.stack.depot_url("/firmware/latest?device_model=esp32&current_version=1.0.0&device_id=victim")
    for url in (offer, command["url"]):
        with pytest.raises(urllib.error.HTTPError) as refused:
            world.get("mallory", url)
        assert refused.value.code == 403
    assert subjects() == 2
    with pytest.raises((urllib.error.URLError, ssl.SSLError, ConnectionError)):
        world.get(None, command["url"])
    world.hand.settle()
    assert untouched(victim) == before
    assert len(world.get("victim", command["url"]).read()) == command["size"]
    victim.obey()
    mallory.obey()


@secure
@settings(clash_ms=2500)
@pytest.mark.asan
def test_attack_11_a_copied_key_is_noticed_and_revoked(world):
    """The broker cannot tell the copy from the device: they push each other off. Their boots alternate, which Drover sees; the operator revokes the key."""
    hand, security = world.hand, world.stack.security
    real = world.device("twin")
    copy = Device(hand, "twin")
    copy.boots = 700
    stolen = security.context("twin")
    for _ in range(6):
        for one in (copy, real):
            pushed_off = hand.peer("twin")
            hand.plug_in("twin")
            assert pushed_off.ended.wait(10), "one connection for one identity"
            one.beat()
            hand.settle()
    alarms = world.alarms("clash")
    assert len(alarms) == 1 and alarms[0]["device"] == "twin" and "boot ids" in alarms[0]["why"], alarms
    world.rollout()
    assert "two devices with this identity" in world.stack.drover("device", "show", "twin").stdout
    real.beat()
    hand.settle()
    assert real.state() == "none" and hand.commands("twin") == []
    hand.peer("twin").close()
    security.pki("revoke", "twin")
    security.give_broker()
    broker = next(process for process in world.stack.processes if process.name == "mosquitto")
    for process in (broker, world.droverd):
        process.signal(signal.SIGHUP)
    wait_until(lambda: greet(world.stack.broker_port, stolen) is None, 10, "the stolen key to be refused")
    security.pki("forget", "twin")
    security.pki("device", "twin")
    hand.plug_in("twin")
    wait_until(lambda: real.beat() or hand.commands("twin", "update"), 20, "the device with its new key to be taken in", interval=0.1)
    real.obey()
    assert greet(world.stack.broker_port, stolen) is None
    with pytest.raises((urllib.error.URLError, ssl.SSLError, ConnectionError)):
        urllib.request.urlopen(world.stack.depot_url("/healthz"), timeout=10, context=stolen)
    world.next_honest_update(real)
