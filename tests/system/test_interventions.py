"""Operators in the middle of things, devices that come back late, and error budgets; devices are played by hand."""
import pytest

from fleet import check_aggregates, events_of
from stack import wait_until
from world import REFUSED, settings


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
    device.until("succeeded")   # its word does not count any more; what its heartbeats show does
    assert world.store.hget("drover:v1:model:esp32", "version:1.1.0") == "1"
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


def test_attack_19_a_spent_error_budget_pauses_the_rollout_with_the_reason_and_an_alarm(world):
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
