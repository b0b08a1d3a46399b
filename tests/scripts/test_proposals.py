"""Orders for approved rollouts that wait for another person: made for one revision, counted, rejected, carried out once, gone when they expire or the rollout ends."""
import json
import time

import pytest

V1, PRIV = "drover:v1:", "drover:priv:"
KEY = f"{V1}rollout:r1:proposal"


@pytest.fixture
def ready(drover):
    drover.release(), drover.rollout(plan='{"old":1}', stage=1, plan_revision=1)
    return drover


def now_ms():
    return int(time.time() * 1000)


def actor(who, **more):
    return json.dumps({"who": who, "key": "k1", "role": "operator", "action": "rollout_edit", "request": "q1", "keep": 1000, **more})


def propose(drover, who="ann", revision=1, order="edit", plan='{"new":1}', lives_ms=60000, rollout="r1", needed=1):
    at_ms = now_ms()
    return drover.call("proposal_make", rollout, revision, at_ms, at_ms + lives_ms, "drover-1", 1000, who, order, f"{who}: faster", plan,
                       actor(who, before='{"/a":1}', after='{"/a":2}'), "needed", needed)


def decide(drover, what, stamp, who="bob"):
    return drover.call("proposal_decide", "r1", stamp, what, who, now_ms(), "drover-1", 1000, f"{who}: fine", actor(who))


def carry_out(drover, stamp, revision=1, **fields):
    return drover.rollout_move("r1", "running", "running", revision=revision, on="edit", place="keep", plan='{"new":1}', proposal=stamp, plan_revision=2, **fields)


def load(drover):
    fields, plan = drover.call("proposal_load", "r1")
    return dict(zip(fields[::2], fields[1::2])), plan


def stamp_of(drover):
    fields, _ = load(drover)
    return f"{fields['number']}.{fields.get('approvals', 0)}"


def test_it_stands_beside_the_rollout(ready):
    before = ready.redis.hgetall(f"{V1}rollout:r1")
    status, number = propose(ready)
    assert status == "OK" and ready.redis.hgetall(f"{V1}rollout:r1") == before, "the rollout itself is untouched, its revision too"
    fields, plan = load(ready)
    assert (fields["number"], fields["on"], fields["who"], fields["revision"], fields["needed"], plan) == (number, "edit", "ann", "1", "1", '{"new":1}')
    assert ready.redis.get(f"{V1}rollout:r1:plan") == '{"old":1}'
    event = ready.redis.xrevrange(f"{V1}events", count=1)[0][1]
    assert (event["kind"], event["on"], event["rollout"], event["why"]) == ("alarm", "proposed", "r1", "ann: faster")
    entry = ready.redis.xrevrange(f"{V1}audit", count=1)[0][1]
    assert (entry["who"], entry["outcome"], entry["before"], entry["after"]) == ("ann", "done", '{"/a":1}', '{"/a":2}')
    assert entry["why"] == f"proposal {number}: waits for approval"


def test_it_is_made_for_the_revision_that_was_read(ready):
    before = ready.snapshot()
    assert propose(ready, revision=7) == ["CONFLICT", "1"] and propose(ready, rollout="nothing") == ["NOT_FOUND"]
    assert ready.snapshot() == before


def test_the_last_approval_carries_it_out_once(ready):
    propose(ready)
    stamp = stamp_of(ready)
    assert carry_out(ready, stamp)[0] == "OK"
    assert ready.redis.get(f"{V1}rollout:r1:plan") == '{"new":1}' and ready.redis.hget(f"{V1}rollout:r1", "revision") == "2"
    assert not ready.redis.exists(KEY, KEY + ":plan")
    before = ready.snapshot()
    assert carry_out(ready, stamp, revision=2) == ["CONFLICT", ""] and ready.snapshot() == before, "a second approval finds nothing"


def test_a_rollout_that_moved_meanwhile_keeps_its_plan(ready):
    propose(ready)
    stamp = stamp_of(ready)
    ready.rollout_move("r1", "paused", "running")
    before = ready.snapshot()
    assert carry_out(ready, stamp) == ["CONFLICT", "2"] and ready.snapshot() == before


def test_two_people_approve(ready):
    propose(ready, needed=2)
    stamp = stamp_of(ready)
    assert decide(ready, "endorse", stamp, "bob") == ["OK"]
    before = ready.snapshot()
    assert decide(ready, "endorse", stamp, "cleo") == ["CONFLICT"], "she has not seen that bob approved"
    assert carry_out(ready, stamp)[0] == "CONFLICT" and ready.snapshot() == before
    fields, _ = load(ready)
    assert (fields["approvals"], fields["approver1"]) == ("1", "bob")
    assert carry_out(ready, stamp_of(ready))[0] == "OK"


def test_rejected(ready):
    number = propose(ready)[1]
    stamp = stamp_of(ready)
    assert decide(ready, "reject", stamp) == ["OK"] and not ready.redis.exists(KEY, KEY + ":plan")
    entry = ready.redis.xrevrange(f"{V1}audit", count=1)[0][1]
    assert (entry["who"], entry["after"], entry["why"]) == ("bob", "rejected", f"proposal {number} of ann: edit")
    before = ready.snapshot()
    assert decide(ready, "endorse", stamp) == ["NOT_FOUND"] and carry_out(ready, stamp)[0] == "CONFLICT" and ready.snapshot() == before


def test_one_at_a_time(ready):
    first = propose(ready)[1]
    before = ready.snapshot()
    assert propose(ready, who="cleo") == ["DUPLICATE", "ann"] and ready.snapshot() == before
    second = propose(ready, order="promote", plan="")[1]
    assert int(second) > int(first) and not ready.redis.exists(KEY + ":plan"), "her own takes the place, and has no plan"
    assert carry_out(ready, f"{first}.0")[0] == "CONFLICT", "who has looked at the first one cannot approve the second"


def test_one_that_can_no_longer_be_approved_is_in_nobodys_way(ready):
    propose(ready)
    ready.rollout_move("r1", "paused", "running")
    assert propose(ready, who="cleo", revision=2)[0] == "OK" and load(ready)[0]["who"] == "cleo"


def test_it_expires(ready):
    propose(ready, lives_ms=1500)
    stamp = stamp_of(ready)
    deadline = time.monotonic() + 10
    while ready.redis.exists(KEY, KEY + ":plan"):
        assert time.monotonic() < deadline, "it is still there"
        time.sleep(0.01)
    assert decide(ready, "endorse", stamp) == ["NOT_FOUND"] and carry_out(ready, stamp)[0] == "CONFLICT"


@pytest.mark.parametrize("end", ["cancelled", "superseded"])
def test_it_ends_with_its_rollout(ready, end):
    propose(ready)
    if end == "cancelled":
        ready.rollout_move("r1", "cancelled", "running", on="cancel")
    else:
        ready.release(version="1.2.0"), ready.rollout("r2", version="1.2.0", supersede=1)
    assert ready.redis.hget(f"{V1}rollout:r1", "state") == end and not ready.redis.exists(KEY, KEY + ":plan")
