"""A large simulated fleet through four stages with a bad release: the story of deploy/bad_release.py, which checks that at most the canary stage was touched, that all went back
and that the next release reached everybody; then Drover's view of every device against what it really runs, and every counter against the records.

2,000 devices by default, so that it takes less than a minute beside other tests; DROVER_FLEET=10000 takes some 100 s on two quiet cores."""
import collections
import os

import bad_release
from fleet import FAST, check_aggregates, check_log, devices_of, read_truth, upgrades_of
from stack import wait_until

DEVICES = int(os.environ.get("DROVER_FLEET", 2000))
# What silence is must not depend on how busy the machine is.
SETTINGS = {**FAST, "flow.heartbeat_ms": 2000, "flow.offline_after_ms": 6000, "flow.silent_after_ms": 30000, "flow.acknowledge_ms": 20000, "flow.verify_ms": 60000,
            "flow.ready_ms": 30000, "flow.rollback_ms": 30000}


def start(stack):
    stack.start_redis()
    stack.start_broker()
    stack.start_droverd(settings={**bad_release.settings(stack), **SETTINGS})
    arguments = [str(word) for word in bad_release.sim_arguments(DEVICES)]
    arguments[arguments.index("--heartbeat-ms") + 1] = "2000"
    sim = stack.start_sim(*arguments, "--seed", 7, "--connections", 16, "--connect-rate", 2000, "--truth", stack.folder / "truth.jsonl")
    store = stack.redis()
    wait_until(lambda: int(store.hget("drover:v1:fleet", "devices") or 0) == DEVICES, 60, "the whole fleet to be known", alive=[sim])
    return sim, store


def test_the_canaries_alone_meet_the_bad_release(stack, record_property):
    sim, store = start(stack)
    bad_release.tell(stack, print, DEVICES, seconds=300)
    sim.stop(60)
    stack.forget(sim)
    truth, devices = read_truth(stack.folder / "truth.jsonl"), devices_of(store)
    assert len(truth) == DEVICES == len(devices)
    assert collections.Counter(record["version"] for record in truth.values()) == {bad_release.GOOD: DEVICES}
    assert not [name for name, record in truth.items() if devices[name]["version"] != record["version"]]
    met = [name for name, record in truth.items() if bad_release.BAD in record["installs"]]
    assert 0 < len(met) <= bad_release.canary_of(DEVICES), "nobody beyond the canary stage ever installed it"
    assert all(truth[name]["rollbacks"] == 1 for name in met)
    assert not [name for name, record in truth.items() if max(record["installs"].values()) > 1], "nobody was updated twice"
    assert {upgrade["state"] for upgrade in upgrades_of(store).values()} == {"succeeded"}
    check_aggregates(store)
    check_log(stack)
    record_property("devices", DEVICES)
