"""upgrade_move: compare-and-set, and everything that hangs on the state."""
import json

import pytest
import redis


@pytest.fixture
def ready(drover):
    drover.release(), drover.rollout()
    drover.record(dict(id="d1", at_ms=1000, seq=1))
    drover.open("d1", drover.upgrade())
    return drover


def test_moves(ready):
    result = ready.move("d1", ready.upgrade(state="dispatched", attempt=1, revision=2, token="t2", deadline_ms=12000, why="told"), 1, "pending")
    assert result[:2] == ["OK", "2"]
    upgrade = ready.redis.hgetall("drover:v1:upgrade:d1")
    assert (upgrade["state"], upgrade["revision"], upgrade["token"], upgrade["why"], upgrade["last_event"]) == ("dispatched", "2", "t2", "told", result[2])
    assert ready.counts("rollout:r1") == {"opened": 1, "state:dispatched": 1}
    assert ready.counts("model:esp32")["state:dispatched"] == 1
    assert ready.redis.zscore("drover:priv:deadlines", "d1") == 12000
    assert (ready.device("d1")["state"], ready.device("d1")["attempt"]) == ("dispatched", "1")
    first, second = [event for event in ready.events() if event["kind"] == "move"]
    assert (second["from"], second["to"], second["revision"], second["prev"]) == ("pending", "dispatched", "2", first["id"])


def test_a_leg_is_in_the_log(drover):
    drover.release(), drover.rollout()
    drover.record(dict(id="d1", at_ms=1000, seq=1))
    drover.open("d1", drover.upgrade(via="1.0.5"))
    assert json.loads(drover.events()[-1]["facts"]) == {"set": ["from_version", "1.0.0", "via", "1.0.5"]}
    drover.move("d1", dict(upgrade_id="u-r1", state="verifying", revision=2, token="t2", deadline_ms=1), 1, "pending", on="target_seen")
    assert drover.events()[-1]["facts"] == "-", "what does not change is not said again"
    drover.move("d1", dict(upgrade_id="u-r1", state="pending", revision=3, token="t3", deadline_ms=1, from_version="1.0.5", via=""), 2, "verifying",
                on="stepped", alarm=1)
    move, alarm = drover.events()[-2:]
    assert move["facts"] == '{"set":["from_version","1.0.5"],"unset":["via"]}' and (alarm["kind"], alarm["facts"]) == ("alarm", "-")
    upgrade = drover.redis.hgetall("drover:v1:upgrade:d1")
    assert "via" not in upgrade and upgrade["from_version"] == drover.device("d1")["from_version"] == "1.0.5" and upgrade["version"] == "1.1.0"
    assert drover.counts("rollout:r1") == {"opened": 1, "state:pending": 1}


@pytest.mark.parametrize("expected,came_from,upgrade_id", [(2, "pending", "u-r1"), (0, "pending", "u-r1"), (1, "lost", "u-r1"), (1, "pending", "u-r9")])
def test_conflicts_change_nothing(ready, expected, came_from, upgrade_id):
    before = ready.snapshot()
    upgrade = ready.upgrade(state="dispatched", revision=expected + 1, token="t2", upgrade_id=upgrade_id)
    assert ready.move("d1", upgrade, expected, came_from) == ["CONFLICT"]
    assert ready.move("nobody", upgrade, expected, came_from) == ["CONFLICT"]
    assert ready.snapshot() == before


def test_an_unknown_outcome_tried_again_is_one_move(ready):
    upgrade = ready.upgrade(state="dispatched", attempt=1, revision=2, token="t2")
    first = ready.move("d1", upgrade, 1, "pending")
    before = ready.snapshot()
    assert ready.move("d1", upgrade, 1, "pending") == ["REPEAT", "2", first[2]]
    assert ready.move("d1", dict(upgrade, token="somebody else"), 1, "pending") == ["CONFLICT"]
    assert ready.snapshot() == before


def test_settled_upgrades_leave_the_live_set(ready):
    ready.move("d1", ready.upgrade(state="succeeded", revision=2, token="t2", deadline_ms=0), 1, "pending")
    assert ready.redis.exists("drover:priv:rollout:r1:live", "drover:priv:deadlines") == 0
    assert ready.redis.smembers("drover:priv:rollout:r1:done") == {"d1"}
    assert ready.device("d1")["facts"] == "77"
    ready.move("d1", ready.upgrade(state="rolling_back", revision=3, token="t3", deadline_ms=20000), 2, "succeeded")
    assert ready.redis.smembers("drover:priv:rollout:r1:live") == {"d1"}
    assert not ready.redis.exists("drover:priv:rollout:r1:done")
    assert ready.device("d1")["facts"] == "L77"


def test_errors_and_retries_are_counted_once(ready):
    steps = [("retry_wait", 1, "E_SHA256"), ("dispatched", 2, "E_SHA256"), ("lost", 2, "E_LOST"), ("failed", 2, "E_BOOT"), ("succeeded", 2, "")]
    seen, came_from = [], "pending"
    for revision, (state, attempt, error) in enumerate(steps, 2):
        ready.move("d1", ready.upgrade(state=state, attempt=attempt, error=error, revision=revision, token=f"t{revision}"), revision - 1, came_from)
        seen.append({name: n for name, n in ready.counts("rollout:r1").items() if name.startswith("error") or name == "retried"})
        came_from = state
    assert seen == [{}, {"retried": 1}, {"retried": 1, "error:E_LOST": 1}, {"retried": 1, "error:E_BOOT": 1}, {"retried": 1}]


def test_notes_alarms_and_silence(ready):
    base = len(ready.events())
    ready.move("d1", ready.upgrade(revision=2, token="t2", progress=40), 1, "pending", silent=1)
    assert len(ready.events()) == base and ready.redis.hget("drover:v1:upgrade:d1", "progress") == "40"
    assert ready.counts("rollout:r1") == {"opened": 1, "state:pending": 1}
    ready.move("d1", ready.upgrade(state="failed", revision=3, token="t3", deadline_ms=0), 2, "pending", alarm=1, kind="simple")
    move, alarm = ready.events()[base:]
    assert (move["kind"], alarm["kind"], alarm["prev"]) == ("move", "alarm", move["id"])
    assert ready.device("d1")["last_event"] == ready.redis.hget("drover:v1:upgrade:d1", "last_event") == alarm["id"]
    assert ready.device("d1")["kind"] == "simple"


def test_a_cancelled_rollout_is_ending_until_its_last_upgrade_is_final(ready):
    ready.rollout_move("r1", "cancelled", "running,paused", on="cancel")
    assert ready.redis.smembers("drover:priv:ending") == {"r1"}
    ready.move("d1", ready.upgrade(state="cancelled", revision=2, token="t2", deadline_ms=0), 1, "pending")
    assert not ready.redis.exists("drover:priv:ending")


def test_only_what_changed_is_said_and_what_is_gone(ready):
    whole = ready.upgrade(revision=2, token="t2", error="E_CRC", note="odd", report_seq=4)
    assert ready.move("d1", whole, 1, "pending")[0] == "OK"
    result = ready.move("d1", dict(upgrade_id="u-r1", state="dispatched", attempt=1, revision=3, token="t3", deadline_ms=9000, note="", error="", report_seq=5), 2, "pending")
    assert result[0] == "OK"
    stored = ready.redis.hgetall("drover:v1:upgrade:d1")
    assert stored == {**{name: str(value) for name, value in whole.items() if name not in ("note", "error")}, "state": "dispatched", "attempt": "1",
                      "revision": "3", "token": "t3", "report_seq": "5", "last_event": result[2]}
    move = ready.events()[-1]
    assert (move["model"], move["version"], move["error"], move["from"], move["to"]) == ("esp32", "1.1.0", "-", "pending", "dispatched")


def test_bad_fields_change_nothing(ready):
    before = ready.snapshot()
    for broken in ({"upgrade_id": ""}, {"state": ""}, {"revision": "x"}, {"token": ""}, {"deadline_ms": "soon"}):
        assert ready.move("d1", ready.upgrade(**broken), 1, "pending")[0] == "ERR"
    good = ready.move_said("d1", ready.upgrade(state="failed", revision=2, token="t2"), 1, "pending")
    for broken in (good[:-1], [*good[:21], 1, "note"], [*good[:21], "x"], [*good[:21], -2], good + good[:5]):
        with pytest.raises(redis.ResponseError, match="pairs"):
            ready.moves(broken)
    assert ready.snapshot() == before


def fleet(drover, count, **fields):
    drover.release(), drover.rollout(max_in_flight=100)
    names = [f"d{n}" for n in range(count)]
    for name in names:
        drover.record(dict(id=name, at_ms=1000, seq=1))
        drover.open(name, drover.upgrade(upgrade_id=f"u-{name}", **fields), max_in_flight=100)
    return names


def test_a_batch_is_its_moves_one_by_one(drover):
    names = fleet(drover, 6, stage=1)
    said = [drover.move_said(name, drover.upgrade(upgrade_id=f"u-{name}", state=state, revision=2, token="t", attempt=1, error=error, stage=1), expected, "pending")
            for name, state, expected, error in zip(names, ("dispatched", "dispatched", "failed", "dispatched", "succeeded", "lost"), (1, 1, 1, 7, 1, 1),
                                                    ("", "", "E_BOOT", "", "", "E_LOST"))]
    assert [result[0] for result in drover.moves(*said)] == ["OK", "OK", "OK", "CONFLICT", "OK", "OK"]
    counts = {"opened": 6, "state:pending": 1, "state:dispatched": 2, "state:failed": 1, "state:succeeded": 1, "state:lost": 1, "error:E_BOOT": 1, "error:E_LOST": 1}
    assert drover.counts("rollout:r1") == drover.counts("rollout:r1:stage:1") == counts
    assert drover.redis.smembers("drover:priv:rollout:r1:done") == {"d2", "d4"}
    assert [event["device"] for event in drover.events()[-5:]] == ["d0", "d1", "d2", "d4", "d5"]
    assert [result[0] for result in drover.moves(*said)] == ["REPEAT", "REPEAT", "REPEAT", "CONFLICT", "REPEAT", "REPEAT"]
    assert drover.counts("rollout:r1") == counts


def test_limits_see_what_the_batch_did_before(drover):
    names = fleet(drover, 4, state="held")
    said = [drover.move_said(name, drover.upgrade(upgrade_id=f"u-{name}", state="dispatched", revision=2, token="t"), 1, "held", max_in_flight=2) for name in names]
    assert [result[0] for result in drover.moves(*said)] == ["OK", "OK", "FULL", "FULL"]
    assert drover.counts("rollout:r1") == {"opened": 4, "state:dispatched": 2, "state:held": 2}


def test_a_move_that_redis_refuses_does_not_hold_up_the_others(drover):
    names = fleet(drover, 3)
    drover.redis.delete("drover:v1:device:d1")
    drover.redis.set("drover:v1:device:d1", "not a hash")
    said = [drover.move_said(name, drover.upgrade(upgrade_id=f"u-{name}", state="dispatched", revision=2, token="t"), 1, "pending") for name in names]
    results = drover.moves(*said)
    assert [result[0] for result in results] == ["OK", "ERR", "OK"] and "WRONGTYPE" in results[1][1]
    assert drover.counts("rollout:r1") == {"opened": 3, "state:dispatched": 3}, "counted as it was half done: its upgrade says so, too"
    assert drover.redis.hget("drover:v1:upgrade:d1", "state") == "dispatched"


def test_a_malformed_move_does_not_hold_up_the_others(drover):
    names = fleet(drover, 3)
    said = [drover.move_said(name, drover.upgrade(upgrade_id=f"u-{name}", state="dispatched", revision=2, token="t"), 1, "pending") for name in names]
    said[1][7] = ""   # its model
    assert [result[0] for result in drover.moves(*said)] == ["OK", "ERR", "OK"]
    assert drover.counts("rollout:r1") == {"opened": 3, "state:dispatched": 2, "state:pending": 1}


def test_a_count_that_is_none_costs_no_other_one(drover):
    names = fleet(drover, 3, stage=1)
    drover.redis.delete("drover:v1:model:esp32")
    drover.redis.set("drover:v1:model:esp32", "not a hash")
    said = [drover.move_said(name, drover.upgrade(upgrade_id=f"u-{name}", state=state, revision=2, token="t", stage=1), 1, "pending", bytes_places=places)
            for name, state, places in zip(names, ("dispatched", "failed", "dispatched"), (0, 0, 9))]
    assert [result[0] for result in drover.moves(*said)] == ["OK", "OK", "OK"]
    counts = {"opened": 3, "state:dispatched": 2, "state:failed": 1}
    assert drover.counts("rollout:r1") == drover.counts("rollout:r1:stage:1") == counts


def test_a_silent_move_of_an_upgrade_without_an_event_leaves_the_devices_last_one(ready):
    ready.redis.hdel("drover:v1:upgrade:d1", "last_event")
    had = ready.device("d1")["last_event"]
    assert ready.move("d1", ready.upgrade(revision=2, token="t2", progress=40), 1, "pending", silent=1) == ["OK", "2", ""]
    assert ready.device("d1")["last_event"] == had and "last_event" not in ready.redis.hgetall("drover:v1:upgrade:d1")
