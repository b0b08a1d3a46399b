"""2,000 managed and 500 simple devices, every fault in the mix: Drover's picture ends exactly as the simulator's truth."""
import collections

from fleet import FAST, check_aggregates, check_histories, check_truth, finish_fleet, start_fleet
from stack import wait_until


def test_a_mixed_fleet_ends_exactly_as_the_truth_says(stack):
    stack.start_redis()
    stack.start_broker()
    stack.start_droverd(settings=FAST)
    fleet = start_fleet(stack, managed=2000, simple=500, profile="mixed", seed=11)
    truth = finish_fleet(stack, fleet, seconds=240)
    outcomes = check_truth(stack, truth)
    moves = check_histories(stack.redis())
    check_aggregates(stack.redis())
    # The mix must have met what it is there for.
    for state in ("succeeded", "rolled_back", "failed", "rejected", "lost"):
        assert outcomes[state] > 0, outcomes
    behaviours = collections.Counter(record["behaviour"] for record in truth.values())
    assert len(behaviours) >= 10, behaviours
    assert moves > 2500 * 5
    metrics = stack.metrics()
    assert sum(value for name, value in metrics.items() if name.startswith("drover_refused_total")) > 0, "the garbage was counted"


def test_two_instances_share_the_work(stack):
    stack.start_redis()
    stack.start_broker()
    for instance in ("drover-1", "drover-2"):
        stack.start_droverd(instance, settings={**FAST, "mqtt.share_group": "drover"})
    fleet = start_fleet(stack, managed=800, simple=200, profile="mixed", seed=12)
    truth = finish_fleet(stack, fleet, seconds=240)
    check_truth(stack, truth)
    check_histories(stack.redis())
    check_aggregates(stack.redis())
    instances = collections.Counter(event["instance"] for _, event in stack.redis().xrange("drover:v1:events") if event["kind"] == "move")
    assert set(instances) == {"drover-1", "drover-2"} and min(instances.values()) > 500, instances


def test_attack_19_pause_resume_and_cancel_in_the_middle(stack):
    stack.start_redis()
    stack.start_broker()
    stack.start_droverd(settings=FAST)
    store = stack.redis()
    fleet = start_fleet(stack, managed=300, simple=0, profile="honest", seed=13, max_in_flight=20)
    rollout = fleet.rollouts[0]
    counts = lambda: store.hgetall(f"drover:v1:rollout:{rollout}")  # noqa: E731
    wait_until(lambda: int(counts().get("state:succeeded", 0)) >= 20, 60, "the first devices to be done")
    stack.drover("rollout", "pause", rollout)
    live = ("pending", "dispatched", "acknowledged", "downloading", "installing", "verifying", "retry_wait", "held", "rolling_back")
    wait_until(lambda: sum(int(counts().get(f"state:{state}", 0)) for state in live) == int(counts().get("state:pending", 0)),
               60, "those under way to finish")
    opened = int(counts()["opened"])
    seen = stack.metrics()["drover_heartbeats_recorded_total"]
    wait_until(lambda: stack.metrics()["drover_heartbeats_recorded_total"] > seen + 900, 60, "three heartbeats of everybody")
    assert int(counts()["opened"]) == opened, "a paused rollout opens nothing"
    stack.drover("rollout", "resume", rollout)
    wait_until(lambda: int(counts()["opened"]) > opened + 20, 60, "it to go on")
    stack.drover("rollout", "cancel", rollout)
    assert stack.drover("rollout", "resume", rollout, check=False).returncode == 4
    wait_until(lambda: sum(int(counts().get(f"state:{state}", 0)) for state in live) == 0, 60, "nothing to be live any more")
    fleet.stop()
    check_histories(store)
    check_aggregates(store)
    assert int(counts().get("state:succeeded", 0)) + int(counts().get("state:cancelled", 0)) == int(counts()["opened"]) < 300
