"""change_begin, change_end and the audit: one answer a key, and an entry in the very script that changes something."""
import json

import pytest
import redis

CHANGE, HELD, AUDIT = "drover:priv:change:", "drover:priv:changes:", "drover:v1:audit"
DAY_MS, BUSY_MS = 86400000, 60000
ACTOR = {"who": "alice", "key": "people", "role": "operator", "action": "rollout_pause", "request": "q-1", "keep": "1000"}


def begin(drover, name="k", fingerprint="f", holder="h", most=10000):
    return drover.call("change_begin", name, holder, fingerprint, BUSY_MS, most, DAY_MS)


def end(drover, name="k", actor="", status=200, why="", holder="h", keep=DAY_MS, body="{}"):
    return drover.call("change_end", actor, 5000, "drover-1", status, why, name, holder, keep, "application/json", '"7"', body)


def audit(drover):
    return [fields for _, fields in drover.redis.xrange(AUDIT)]


def test_one_answer_for_one_key(drover):
    assert begin(drover) == ["NEW"]
    assert begin(drover) == ["BUSY"] and begin(drover, fingerprint="g") == ["OTHER"]
    assert BUSY_MS - 5000 < drover.redis.pttl(CHANGE + "k") <= BUSY_MS, "droverd may be killed before it ends"
    end(drover, status=201, body='{"id":"r1"}')
    assert begin(drover) == ["DONE", "201", "application/json", '"7"', '{"id":"r1"}'] and begin(drover, fingerprint="g") == ["OTHER"]
    assert DAY_MS - 5000 < drover.redis.pttl(CHANGE + "k") <= DAY_MS
    assert audit(drover) == []


def test_a_key_that_is_forgotten_is_new_again(drover):
    begin(drover)
    end(drover, keep=0, status=503)
    assert begin(drover, fingerprint="g") == ["NEW"]


def test_an_answer_that_comes_too_late_is_not_kept(drover):
    begin(drover)
    drover.redis.delete(CHANGE + "k")   # as when its time is over
    end(drover)
    assert drover.redis.exists(CHANGE + "k") == 0 and drover.redis.get(HELD + "h") == "512"


def test_only_so_many_bytes_for_each_holder(drover):
    assert begin(drover, "a", most=1000) == ["NEW"]
    end(drover, "a", body="x" * 600)
    before = drover.snapshot()
    assert begin(drover, "b", most=1000) == ["FULL"] and begin(drover, "a", most=1000)[0] == "DONE"
    assert drover.snapshot() == before
    assert begin(drover, "b", holder="other", most=1000) == ["NEW"]
    assert DAY_MS - 5000 < drover.redis.pttl(HELD + "h") <= DAY_MS
    drover.redis.pexpire(HELD + "h", 5000)
    end(drover, "a")
    begin(drover, "c", most=10000)
    assert drover.redis.pttl(HELD + "h") <= 5000, "a window is not prolonged"


def test_the_entry_of_a_change_is_written_with_it(drover):
    drover.release()
    drover.rollout(actor=json.dumps({**ACTOR, "action": "rollout_open"}), at_ms=2000)
    drover.rollout_move("r1", "paused", "running", actor=json.dumps(ACTOR), at_ms=3000)
    drover.rollout_move("r1", "running", "paused", on="edit", at_ms=4000, stage=2, actor=json.dumps({**ACTOR, "before": '{"a":1}', "after": '{"a":2}'}))
    same = {"who": "alice", "key": "people", "role": "operator", "request": "q-1", "target": "r1", "outcome": "done", "status": "-", "why": "-", "instance": "drover-1"}
    assert audit(drover) == [
        {**same, "at_ms": "2000", "action": "rollout_open", "before": "-", "after": "running, revision 1: esp32 1.1.0"},
        {**same, "at_ms": "3000", "action": "rollout_pause", "before": "running, revision 1", "after": "paused, revision 2"},
        {**same, "at_ms": "4000", "action": "rollout_pause", "before": '{"a":1}', "after": '{"a":2}'}]


def test_what_is_refused_writes_no_entry_in_the_change_and_one_at_its_end(drover):
    drover.release()
    drover.rollout()
    assert drover.rollout_move("r1", "running", "paused", actor=json.dumps(ACTOR))[0] == "REFUSED" and audit(drover) == []
    assert drover.rollout_move("r1", "paused", "running", revision=9, actor=json.dumps(ACTOR))[0] == "CONFLICT" and audit(drover) == []
    end(drover, name="", actor=json.dumps({**ACTOR, "target": "r1"}), status=409, why="not in a state that allows it")
    (entry,) = audit(drover)
    assert (entry["outcome"], entry["status"], entry["why"], entry["target"]) == ("refused", "409", "not in a state that allows it", "r1")
    assert drover.redis.keys(CHANGE + "*") == []


def test_the_engine_is_no_operator(drover):
    drover.release()
    drover.rollout()
    drover.rollout_move("r1", "paused", "running")
    assert audit(drover) == []


def test_bad_arguments_change_nothing(drover):
    for name, arguments in (("change_begin", ["k", "h", "f", "x", 1, 1]), ("change_end", ["", 1, "i", 200, "", "k", "h", 1]), ("change_end", ["", "x", "i", 200, "", "k", "h", 1, "", "", ""])):
        with pytest.raises(redis.ResponseError, match="bad arguments"):
            drover.call(name, *arguments)
    assert drover.redis.keys("*") == []
