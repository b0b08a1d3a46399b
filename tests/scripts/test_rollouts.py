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
        drover.call("release_add", model, version, number, "model", model, "version", version)
    assert [pairs(r)["version"] for r in drover.call("releases_load", "a", 10)] == ["2.0.0", "1.0.0"]
    assert [pairs(r)["model"] for r in drover.call("releases_load", "", 2)] == ["a", "ab"]


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

    def names(*arguments):
        reply = drover.call("rollouts_load", *arguments)
        return [pairs(reply[i])["id"] for i in range(0, len(reply), 2)]
    assert names("active", 10) == ["r3"] and names("ending", 10) == ["r1"] and sorted(names("known", 10)) == ["r1", "r3"]
    assert names("all", 2) == ["r3", "r2"] and names("one", 1, "r2") == ["r2"] and names("one", 1, "r9") == []
    with pytest.raises(redis.ResponseError, match="no such list"):
        names("some", 1)


def test_bad_arguments_change_nothing(drover):
    for name, arguments in (("rollout_open", ["r1", "m", "v", 0, "x", "i", 10, "why"]), ("release_add", ["m", "v", 1, "odd"]),
                            ("rollout_move", ["r1", "paused", "running", 0, "on", "why", "x", "i", 1, 1])):
        with pytest.raises(redis.ResponseError, match="bad arguments"):
            drover.call(name, *arguments)
    assert drover.redis.keys("*") == []
