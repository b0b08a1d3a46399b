"""Devices that replay, forge, lie, loop and vanish, played by hand against the whole system: what is not true changes nothing and is
counted, what goes wrong ends with its reason, and the next honest update succeeds."""
import pytest

from fleet import check_aggregates, events_of
from hand import Device
from stack import wait_until
from world import REFUSED, STALE, settings, untouched


# --- old news ---

@pytest.mark.asan
def test_attack_09_replayed_and_reordered_heartbeats_change_nothing(world):
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
def test_attack_09_a_heartbeat_of_a_boot_long_ago_harms_only_for_a_while(world):
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
def test_attack_09_10_replayed_stale_and_forged_reports_change_nothing(world):
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
def test_attack_09_what_was_retained_is_old_news_after_a_restart(world):
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
def test_attack_10_a_liar_is_failed_with_the_reason(world):
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


@settings(quarantine_ms=0)   # by default it would be kept from this version for a day, or until an operator readmits it
def test_attack_20_a_silent_fallback_is_called_rolled_back_and_the_version_can_be_offered_again(world):
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


def test_attack_20_a_boot_loop_is_taken_back(world):
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
def test_attack_11_two_devices_with_one_identity_are_noticed_and_not_updated(world):
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
