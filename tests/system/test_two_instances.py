"""Two droverd on shared subscriptions: one dies for good, or freezes for a while, in mid-rollout. The other brings everything to its end."""
import signal
import time

from fleet import FAST, check_aggregates, check_histories, check_truth, events_of, finish_fleet, start_fleet
from stack import wait_until

# Liars cost every attempt a whole verify_ms: with the usual one they alone would take a minute.
SETTINGS = {**FAST, "mqtt.share_group": "drover", "mqtt.session_expiry_s": 5, "flow.verify_ms": 6000, "flow.install_ms": 8000, "flow.start_ms": 8000,
            "flow.acknowledge_ms": 3000}


def start(stack):
    """drover-2 is there first and so does the fleet's chores, when it dies; returns it and the fleet in mid-rollout."""
    stack.start_redis()
    stack.start_broker()
    second = stack.start_droverd("drover-2", SETTINGS)
    wait_until(lambda: stack.redis().get("drover:priv:leader") == "drover-2", 20, "drover-2 to lead", alive=[second])
    stack.start_droverd("drover-1", SETTINGS)
    for ports in (stack.http_ports, stack.api_ports):
        ports["drover-2"] = ports.pop("drover-2")   # commands and questions of the test go to drover-1
    fleet = start_fleet(stack, managed=150, simple=30, profile="mixed", seed=31, max_in_flight=60)
    wait_until(lambda: both_work(stack), 30, "both to work on the rollouts", alive=[fleet.sim])
    return second, fleet


def movers(stack):
    return [event["instance"] for _, event in events_of(stack.redis()) if event["kind"] == "move"]


def both_work(stack):
    instances = movers(stack)
    return len(instances) > 150 and min(instances.count("drover-1"), instances.count("drover-2")) > 20


def finish(stack, fleet):
    truth = finish_fleet(stack, fleet, seconds=150)
    outcomes = check_truth(stack, truth)
    assert outcomes["succeeded"] > 100, outcomes
    check_histories(stack.redis())
    check_aggregates(stack.redis())
    assert not [event for _, event in events_of(stack.redis()) if event["on"] == "clash"], "old news of a boot is no second device"


def test_one_dies_for_good(stack):
    """What waits in its session comes with no one; the broker drops it after the session's expiry, and deadlines and heartbeats repair it."""
    second, fleet = start(stack)
    second.kill()
    stack.forget(second)
    before = len(movers(stack))
    finish(stack, fleet)
    assert set(movers(stack)[before + 100:]) == {"drover-1"}
    wait_until(lambda: stack.redis().get("drover:priv:leader") == "drover-1", 20, "drover-1 to lead")


def test_one_freezes_for_fifteen_seconds(stack):
    """It wakes up with old messages, a lease that is over and decisions half made; none of it does harm."""
    second, fleet = start(stack)
    second.signal(signal.SIGSTOP)
    frozen = time.monotonic()
    try:
        wait_until(lambda: time.monotonic() - frozen >= 15, 20, "fifteen seconds of frost", interval=0.2)
        assert stack.redis().get("drover:priv:leader") in (None, "drover-1"), "its lease is over"
    finally:
        second.signal(signal.SIGCONT)
    wait_until(lambda: stack.ready("drover-2"), 30, "drover-2 to be ready again", alive=[second])
    finish(stack, fleet)


def test_both_hear_everything(stack):
    """Without shared subscriptions every message comes to both: twice the work, and still each thing happens once."""
    stack.start_redis()
    stack.start_broker()
    settings = {**SETTINGS, "mqtt.share_group": ""}
    for instance in ("drover-1", "drover-2"):
        stack.start_droverd(instance, settings)
    fleet = start_fleet(stack, managed=100, simple=20, profile="hostile", seed=32, max_in_flight=60)
    truth = finish_fleet(stack, fleet, seconds=120)
    check_truth(stack, truth)
    check_histories(stack.redis())
    check_aggregates(stack.redis())
    commands = [record for record in truth.values() if record["behaviour"] == "honest" and record["kind"] == "managed"]
    assert commands and all(record["commands"] == 1 for record in commands), "only the one whose save worked may speak"
