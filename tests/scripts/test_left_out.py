"""What gates leave out since a rollout was resumed or completed, and what of that counts again.

By hand: /usr/bin/python3 -m pytest tests/scripts/test_left_out.py
"""
from conftest import V1


def stage_of(drover, number=1):
    return drover.redis.hgetall(f"{V1}rollout:r1:stage:{number}")


def test_who_leaves_a_state_counts_when_it_comes_there_again(drover):
    drover.release(), drover.rollout("r1", plan="{}", plan_revision=1, stage=1)
    left_out = lambda: {name[7:]: value for name, value in stage_of(drover).items() if name.startswith("before:") and "pending" not in name}

    def failed(name, revision, state_was):
        return drover.move(name, drover.upgrade(stage=1, upgrade_id=f"u-{name}", state="failed", error="E_CRC", revision=revision, token=f"f{revision}"), revision - 1, state_was)

    def again(name, revision):
        return drover.move(name, drover.upgrade(stage=1, upgrade_id=f"u-{name}", state="pending", revision=revision, token=f"p{revision}"), revision - 1, "failed")

    for name in ("d1", "d2"):
        drover.record(dict(id=name, at_ms=1000, seq=1))
        drover.open(name, drover.upgrade(stage=1, upgrade_id=f"u-{name}", token=name))
        assert failed(name, 2, "pending")[0] == "OK"
    drover.rollout_move("r1", "running", "running", on="resume", before="stage", at_ms=7000)
    assert left_out() == {"opened": "2", "state:failed": "2", "error:E_CRC": "2"}
    assert again("d1", 3)[0] == "OK" and left_out() == {"opened": "2", "state:failed": "1", "error:E_CRC": "1"}
    assert failed("d1", 4, "pending")[0] == "OK" and left_out()["state:failed"] == "1", "the one that failed anew is not left out"
    drover.rollout_move("r1", "completed", "running", on="complete", before="all")
    assert left_out()["state:failed"] == "2" and stage_of(drover)["before_of"] == "all"
    assert again("d1", 5)[0] == "OK" and left_out()["state:failed"] == "1"
    drover.rollout_move("r1", "running", "completed", on="reopen", at_ms=9000)
    assert left_out()["state:failed"] == "1" and stage_of(drover)["before_of"] == "all", "whoever was given another turn counts, of whatever stage"
    drover.rollout_move("r1", "running", "running", on="resume", before="stage", at_ms=9500)
    assert stage_of(drover)["resumed_ms"] == "9500" and "before_of" not in stage_of(drover)
