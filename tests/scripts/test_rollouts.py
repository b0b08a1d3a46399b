"""release_add, releases_load, rollout_open, rollout_move, rollouts_load."""
import pytest
import redis

from conftest import pairs


def test_a_release_is_written_once(drover):
    assert drover.release() == ["OK"]
    before = drover.snapshot()
    result, stored = drover.release()
    assert result == "EXISTS" and pairs(stored)["sha256"] == "a" * 64
    assert drover.snapshot() == before


def test_releases_newest_first_by_model(drover):
    for number, (model, version) in enumerate([("a", "1.0.0"), ("ab", "1.0.0"), ("a", "2.0.0")]):
        drover.call("release_add", model, version, number, 0, "drover-1", 1000, "model", model, "version", version)
    assert [pairs(r)["version"] for r in drover.call("releases_load", "a", 10)] == ["2.0.0", "1.0.0"]
    assert [pairs(r)["model"] for r in drover.call("releases_load", "", 2)] == ["a", "ab"]


def test_what_does_not_verify_is_not_rolled_out(drover):
    drover.call("release_add", "esp32", "1.1.0", 1, 0, "drover-1", 1000, "model", "esp32", "version", "1.1.0")
    before = drover.snapshot()
    assert drover.rollout() == ["REFUSED", ""], "made before packages were verified"
    assert drover.snapshot() == before
    drover.release("esp32", "1.2.0")
    assert drover.release_judge("1.2.0", 2, "d" * 64, 5, "E_SIGNATURE: 0 of 1")[0] == "OK"
    assert drover.rollout("r2", version="1.2.0") == ["REFUSED", "E_SIGNATURE: 0 of 1"]


def test_a_trust_store_judges(drover):
    assert drover.release_judge("1.1.0", 1, "c" * 64, 5, "") == ["NOT_FOUND"]
    drover.release(**{"delta:1.0.0": "d" * 64, "delta_size:1.0.0": 9, "delta:0.9.0": "9" * 64, "delta_state:0.9.0": "derived", "delta:0.8.0": "8" * 64})
    due = lambda version, sha256, since=0: [pairs(r)["version"] for r in drover.call("releases_due", "unproved", 10, version, sha256, since)]
    assert due(1, "c" * 64) == [] and due(1, "f" * 64) == ["1.1.0"] and due(2, "c" * 64) == ["1.1.0"] and due(0, "0" * 64) == []
    _, fields = drover.release_judge("1.1.0", 3, "f" * 64, 500, "E_SIGNATURE: revoked", "1.0.0", "d" * 64, "failed", "E_SIGNATURE: too",
                            "0.9.0", "9" * 64, "queued", "E_SIGNATURE: as well", "0.8.0", "7" * 64, "queued", "it is another one by now")
    release = pairs(fields)
    assert (release["trust_version"], release["trust_sha256"], release["refused"]) == ("3", "f" * 64, "E_SIGNATURE: revoked")
    assert (release["delta_state:1.0.0"], release["delta_why:1.0.0"]) == ("failed", "E_SIGNATURE: too")
    assert "delta:1.0.0" not in release and "delta_size:1.0.0" not in release
    assert release["delta_state:0.9.0"] == "queued" and drover.redis.smembers("drover:priv:deltas") == {"esp32:1.1.0"}
    assert release["delta:0.8.0"] == "8" * 64 and "delta_state:0.8.0" not in release
    assert due(3, "f" * 64, 500) == [] and due(3, "f" * 64, 501) == ["1.1.0"] and due(2, "f" * 64, 501) == [], "a key has begun or ended since"
    before = drover.snapshot()
    assert drover.release_judge("1.1.0", 2, "c" * 64, 5, "") == ["STALE"]
    assert drover.snapshot() == before and due(2, "c" * 64) == [], "an older trust store has nothing to say"
    assert "refused" not in pairs(drover.release_judge("1.1.0", 4, "a" * 64, 5, "")[1])


def test_deltas_are_settled_once(drover):
    drover.release(wants=1, **{"delta_state:1.0.0": "queued", "delta_state:0.9.0": "queued"})
    assert [pairs(r)["version"] for r in drover.call("releases_due", "deltas", 10, 0, "", 0)] == ["1.1.0"]
    settle = lambda base, state, sha256="", why="": drover.release_delta("1.1.0", base, state, sha256, why=why)
    assert drover.release_delta("9.9.9", "1.0.0", "derived") == ["NOT_FOUND"]
    assert settle("1.0.0", "running")[0] == "OK"
    release = pairs(settle("1.0.0", "derived", "d" * 64)[1])
    assert (release["delta:1.0.0"], release["delta_size:1.0.0"], release["delta_state:1.0.0"]) == ("d" * 64, "7", "derived")
    before = drover.snapshot()
    assert settle("1.0.0", "failed") == ["CONFLICT", "derived"] and settle("0.1.0", "derived") == ["CONFLICT", ""]
    assert drover.snapshot() == before and drover.redis.smembers("drover:priv:deltas") == {"esp32:1.1.0"}
    assert settle("0.9.0", "not_worth", why="99 %")[0] == "OK"
    assert not drover.redis.exists("drover:priv:deltas") and "delta:0.9.0" not in drover.redis.hgetall("drover:v1:release:esp32:1.1.0")


def test_deltas_are_tried_again_once_a_condition(drover):
    states = {"0.1.0": "skipped", "0.2.0": "failed", "0.3.0": "not_worth", "0.4.0": "derived"}
    drover.release(**{f"delta_state:{base}": state for base, state in states.items()}, **{f"delta_why:{base}": "why" for base in states})
    drover.release(version="0.9.0", at_ms=1, **{"delta_state:0.1.0": "failed"})
    again = drover.deltas_again
    assert again("a") == 2
    release = drover.redis.hgetall("drover:v1:release:esp32:1.1.0")
    assert [release[f"delta_state:{base}"] for base in states] == ["queued", "queued", "not_worth", "derived"]
    assert [base for base in states if f"delta_why:{base}" in release] == ["0.3.0", "0.4.0"]
    assert drover.redis.smembers("drover:priv:deltas") == {"esp32:1.1.0"}, "of the newest only"
    drover.redis.hset("drover:v1:release:esp32:1.1.0", "delta_state:0.1.0", "failed")
    before = drover.snapshot()
    assert again("a") == 0 and drover.snapshot() == before, "nothing has changed"
    assert again("a", anyway=1) == 1
    drover.redis.hset("drover:v1:release:esp32:1.1.0", "delta_state:0.1.0", "skipped")
    assert again("b") == 1


def test_one_rollout_a_model(drover):
    assert drover.rollout() == ["NOT_FOUND"]
    drover.release()
    result, rollout, release = drover.rollout()
    assert result == "OK" and pairs(rollout)["state"] == "running" and pairs(release)["version"] == "1.1.0"
    before = drover.snapshot()
    assert drover.rollout() == ["DUPLICATE"]
    assert drover.rollout("r2") == ["CONFLICT", "r1"]
    assert drover.snapshot() == before
    drover.rollout_move("r1", "paused", "running")
    assert drover.rollout("r2") == ["CONFLICT", "r1"], "a paused one keeps its place"


def test_supersede(drover):
    drover.release(), drover.rollout()
    drover.record(dict(id="d1", at_ms=1000, seq=1))
    drover.open("d1", drover.upgrade())
    assert drover.rollout("r2", supersede=1, at_ms=2000)[0] == "OK"
    old = drover.redis.hgetall("drover:v1:rollout:r1")
    assert (old["state"], old["why"], old["revision"], old["epoch"]) == ("superseded", "overtaken", "2", "2001")
    assert drover.redis.smembers("drover:priv:running") == {"r2"} and drover.redis.get("drover:priv:model:esp32:running") == "r2"
    assert drover.redis.smembers("drover:priv:ending") == {"r1"}
    assert [(e["rollout"], e["from"], e["to"], e["on"]) for e in drover.events() if e["kind"] == "rollout"] == \
        [("r1", "none", "running", "open"), ("r1", "running", "superseded", "supersede"), ("r2", "none", "running", "open")]


def test_pause_resume_cancel(drover):
    assert drover.rollout_move("r1", "paused", "running") == ["NOT_FOUND"]
    drover.release(), drover.rollout()
    assert drover.rollout_move("r1", "running", "paused")[:2] == ["REFUSED", "running"]
    assert drover.rollout_move("r1", "paused", "running", revision=7) == ["CONFLICT", "1"]
    assert pairs(drover.rollout_move("r1", "paused", "running", revision=1)[1])["revision"] == "2"
    assert drover.rollout_move("r1", "running", "paused", on="resume")[0] == "OK"
    assert drover.rollout_move("r1", "cancelled", "running,paused", on="cancel")[0] == "OK"
    assert drover.rollout_move("r1", "running", "paused")[:2] == ["REFUSED", "cancelled"]
    assert drover.redis.exists("drover:priv:running", "drover:priv:model:esp32:running", "drover:priv:ending") == 0
    assert drover.rollout("r2")[0] == "OK", "the place is free"


def test_lists(drover):
    drover.release(), drover.rollout("r1", at_ms=1)
    drover.record(dict(id="d1", at_ms=1000, seq=1))
    drover.open("d1", drover.upgrade())
    drover.rollout("r2", supersede=1, at_ms=2)
    drover.rollout("r3", supersede=1, at_ms=3)

    def names(which, most, name=""):
        reply = drover.call("rollouts_load", which, most, name)
        return [pairs(reply[i])["id"] for i in range(0, len(reply), 7)]
    assert names("active", 10) == ["r3"] and names("ending", 10) == ["r1"] and sorted(names("known", 10)) == ["r1", "r3"]
    assert names("all", 2) == ["r3", "r2"] and names("one", 1, "r2") == ["r2"] and names("one", 1, "r9") == []
    with pytest.raises(redis.ResponseError, match="no such list"):
        names("some", 1)


def test_one_that_waits_holds_no_place(drover):
    drover.release(), drover.rollout("r1", at_ms=1)
    assert drover.rollout("r2", at_ms=2, waits=1, state="scheduled")[0] == "OK"
    assert drover.redis.get("drover:priv:model:esp32:running") == "r1" and drover.redis.smembers("drover:priv:waiting") == {"r2"}
    assert drover.rollout_move("r2", "running", "scheduled", on="start", place="take") == ["CONFLICT", "r1"]
    assert drover.rollout_move("r2", "running", "scheduled", on="start", place="supersede")[0] == "OK"
    assert drover.redis.get("drover:priv:model:esp32:running") == "r2" and drover.redis.exists("drover:priv:waiting") == 0
    assert drover.redis.hget("drover:v1:rollout:r1", "state") == "superseded"
    drover.rollout("r3", at_ms=3, waits=1, state="scheduled")
    assert drover.rollout_move("r3", "cancelled", "scheduled", on="cancel")[0] == "OK"
    assert drover.redis.exists("drover:priv:waiting") == 0 and drover.redis.get("drover:priv:model:esp32:running") == "r2"


def test_a_completed_one_makes_room(drover):
    drover.release(), drover.rollout("r1", at_ms=1)
    drover.rollout_move("r1", "completed", "running", on="complete", place="keep")
    assert drover.rollout("r2", at_ms=2)[0] == "OK"
    assert drover.redis.hget("drover:v1:rollout:r1", "state") == "superseded"


def test_a_plan_comes_once_and_with_the_counts_of_the_stage(drover):
    drover.release(), drover.rollout("r1", plan='{"a":1}', plan_revision=1, stage=2)
    drover.record(dict(id="d1", at_ms=1000, seq=1))
    drover.open("d1", drover.upgrade(stage=2))
    _, _, stage, plan, waiting, pace, stones = drover.call("rollouts_load", "known", 10, "")
    assert pairs(stage) == {"opened": "1", "state:pending": "1", "opened_ms": "5000"} and plan == '{"a":1}' and waiting == 0 and pace == "" and stones == []
    assert drover.call("rollouts_load", "known", 10, "", "r1", 1, "")[3] == ""
    drover.rollout_move("r1", "running", "running", on="edit", plan='{"a":2}', plan_revision=2, stage=3)
    drover.redis.zadd("drover:priv:rollout:r1:queue", {"d2": 1})
    drover.redis.set("drover:priv:rollout:r1:pace", "5000.500")
    _, _, stage, plan, waiting, pace, _ = drover.call("rollouts_load", "one", 10, "r1", "r1", 1, "")
    assert waiting == 1 and pace == "5000.500" and stage == [] and plan == '{"a":2}'
    assert drover.call("rollouts_load", "all", 10, "")[3] == "", "a list of all comes without them"


def test_the_stones_of_a_plan(drover):
    drover.release(), drover.rollout("r1", plan='{"stepping_stones":["0.5.0","1.0.0"]}', plan_revision=1, stage=1)
    assert drover.call("rollouts_load", "known", 10, "")[6] == [[], []], "neither is there yet"
    drover.call("release_add", "esp32", "1.0.0", 1, 0, "drover-1", 1000, "model", "esp32", "version", "1.0.0")
    drover.call("release_add", "other", "0.5.0", 1, 0, "drover-1", 1000, "model", "other", "version", "0.5.0")
    for known in ((), ("r1", 1, "0.5.0,1.0.0"), ("r1", 0, "0.1.0")):
        first, second = drover.call("rollouts_load", "one", 1, "r1", *known)[6]
        assert first == [] and pairs(second)["version"] == "1.0.0", known
    assert drover.call("rollouts_load", "one", 1, "r1", "r1", 1, "")[6] == [], "the caller knows of none"
    assert drover.call("rollouts_load", "all", 1, "")[6] == [], "a list of all comes without them"


def test_the_counts_of_all_stages(drover):
    drover.release(), drover.rollout("r1", plan='{"a":1}', plan_revision=1, stage=2)
    drover.record(dict(id="d1", at_ms=1000, seq=1))
    drover.open("d1", drover.upgrade(stage=2))
    first, second, third = drover.call("rollout_stages", "r1", 3)
    assert first == third == [] and pairs(second)["opened"] == "1" and pairs(second)["state:pending"] == "1"
    assert drover.call("rollout_stages", "nothing", 2) == [[], []]


def stage_of(drover, number=1):
    return drover.redis.hgetall(f"drover:v1:rollout:r1:stage:{number}")


def test_a_stage_remembers_when_it_last_took_and_settled_a_device(drover):
    drover.release(), drover.rollout("r1", plan="{}", plan_revision=1, stage=1)
    drover.record(dict(id="d1", at_ms=1000, seq=1))
    upgrade = drover.upgrade(stage=1)
    drover.open("d1", upgrade, at_ms=5000)
    at = {"dispatched": 6000, "lost": 7000, "dispatched again": 8000, "succeeded": 9000, "rolled_back": 9500}
    had, revision, seen = "pending", 1, []
    for word, at_ms in at.items():
        state = word.split()[0]
        upgrade = dict(upgrade, state=state, revision=revision + 1, token=word, deadline_ms=1)
        assert drover.move("d1", upgrade, revision, had, at_ms=at_ms)[0] == "OK"
        had, revision = state, revision + 1
        seen.append(stage_of(drover).get("settled_ms"))
    assert seen == [None, "7000", "7000", "9000", "9500"] and stage_of(drover)["opened_ms"] == "5000"


def test_what_gates_leave_out(drover):
    drover.release(), drover.rollout("r1", plan="{}", plan_revision=1, stage=1)
    for name in ("d1", "d2"):
        drover.record(dict(id=name, at_ms=1000, seq=1))
        drover.open(name, drover.upgrade(stage=1, upgrade_id=f"u-{name}", token=name))
    drover.move("d1", drover.upgrade(stage=1, upgrade_id="u-d1", state="failed", error="E_CRC", revision=2, token="x"), 1, "pending")
    before = lambda number=1: {name[7:]: value for name, value in stage_of(drover, number).items() if name.startswith("before:")}
    drover.rollout_move("r1", "paused", "running")
    assert before() == {} and "resumed_ms" not in stage_of(drover)
    drover.rollout_move("r1", "running", "paused", on="resume", before="stage", at_ms=7000)
    assert before() == {"opened": "2", "state:failed": "1", "state:pending": "1", "error:E_CRC": "1"} and stage_of(drover)["resumed_ms"] == "7000"
    drover.move("d1", drover.upgrade(stage=1, upgrade_id="u-d1", state="succeeded", revision=3, token="y"), 2, "failed")
    drover.rollout_move("r1", "running", "running", on="resume", before="stage", at_ms=8000)
    assert before() == {"opened": "2", "state:succeeded": "1", "state:pending": "1"}, "the older ones are gone"
    drover.rollout_move("r1", "running", "running", on="promote", stage=2)
    assert stage_of(drover, 2) == {}, "the next stage begins with nothing left out"
    drover.rollout_move("r1", "completed", "running", on="complete", before="all")
    assert before(2) == {"opened": "2", "state:succeeded": "1", "state:pending": "1"} and "resumed_ms" not in stage_of(drover, 2)


def test_a_flat_rollout_has_nothing_to_leave_out(drover):
    drover.release(), drover.rollout("r1")
    drover.rollout_move("r1", "running", "running", on="resume", before="stage")
    assert not drover.redis.keys("drover:v1:rollout:r1:*")


def test_bad_arguments_change_nothing(drover):
    for name, arguments in (("rollout_open", ["r1", "m", "v", 0, "x", "i", 10, "why", 0, "", "", "state", "running"]), ("release_add", ["m", "v", 1, 0, "odd"]), ("release_add", ["m", "v", 1, 0]),
                            ("release_delta", ["m", "v"]), ("release_judge", ["m", "v", "x", "y", 1, ""]), ("releases_due", ["some", 1, 1, "", 0]), ("releases_due", ["unproved", 1, 1, ""]), ("deltas_again", ["a", 0]),
                            ("rollout_move", ["r1", "paused", "running", 0, "on", "why", "x", "i", 1, "keep", "", "keep", ""])):
        with pytest.raises(redis.ResponseError, match="bad arguments"):
            drover.call(name, *arguments)
    assert drover.redis.keys("*") == []
