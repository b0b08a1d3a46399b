"""upgrade_open: one turn a device and rollout, one live upgrade a device, places in flight."""
import pytest
import redis


@pytest.fixture
def ready(drover):
    drover.release(), drover.rollout()
    for name in ("d1", "d2", "d3"):
        drover.record(dict(id=name, at_ms=1000, seq=1))
    return drover


def refused(drover, device, upgrade, why, **more):
    before = drover.snapshot()
    assert drover.open(device, upgrade, **more) == ["REFUSED", why]
    assert drover.snapshot() == before


def test_opens(ready):
    result, revision, last = ready.open("d1", ready.upgrade(), kind="managed")
    assert (result, revision) == ("OK", "1")
    assert ready.counts("rollout:r1") == {"opened": 1, "state:pending": 1}
    assert ready.counts("model:esp32")["state:pending"] == 1
    device = ready.device("d1")
    assert [device[f] for f in ("rollout", "upgrade", "state", "attempt", "from_version", "target", "last_event", "kind", "facts")] == \
        ["r1", "u-r1", "pending", "0", "1.0.0", "1.1.0", last, "managed", "L77"]
    assert ready.redis.zscore("drover:priv:deadlines", "d1") == 9000
    assert ready.redis.smembers("drover:priv:rollout:r1:live") == {"d1"}
    event = ready.events()[-1]
    assert list(event) == ["at_ms", "kind", "device", "model", "rollout", "upgrade", "from", "to", "on", "attempt", "revision", "version", "error",
                           "why", "prev", "instance", "stage", "facts", "id"]
    assert (event["from"], event["to"], event["on"], event["prev"], event["error"]) == ("none", "pending", "open", "-", "-")
    assert ready.redis.hget("drover:v1:upgrade:d1", "last_event") == event["id"]


def test_the_same_token_again_is_no_second_one(ready):
    first = ready.open("d1", ready.upgrade())
    before = ready.snapshot()
    assert ready.open("d1", ready.upgrade()) == ["REPEAT", "1", first[2]]
    assert ready.snapshot() == before


def full(drover, device, upgrade, why, **options):
    before = drover.snapshot()
    assert drover.open(device, upgrade, **options) == ["FULL", why]
    assert drover.snapshot() == before


def more_devices(drover, count):
    for number in range(3, 3 + count):
        drover.record(dict(id=f"d{number}", at_ms=1000, seq=1, long=True))
    return [f"d{number}" for number in range(1, 3 + count)]


def test_a_stage_counts_its_own_and_has_room_for_so_many(ready):
    d1, d2, d3, d4 = more_devices(ready, 2)
    for device, stratum in ((d1, "A"), (d2, "B")):
        assert ready.open(device, ready.upgrade(stage=2), stage_max=1, stratum=stratum)[0] == "OK"
    refused(ready, d3, ready.upgrade(stage=2), "its stage has enough devices", stage_max=1, stratum="A")
    assert ready.open(d3, ready.upgrade(stage=3), stage_max=1)[0] == "OK"
    refused(ready, d4, ready.upgrade(stage=3), "its stage has enough devices", stage_max=1)
    ready.move(d1, ready.upgrade(state="failed", revision=2, token="t2", deadline_ms=0, error="E_BOOT"), 1, "pending")
    assert ready.counts("rollout:r1:stage:2") == {"opened": 2, "state:pending": 1, "state:failed": 1, "error:E_BOOT": 1}
    assert ready.redis.hmget("drover:v1:rollout:r1:stage:2", "opened@A", "opened@B") == ["1", "1"]
    assert ready.counts("rollout:r1:stage:3") == {"opened": 1, "state:pending": 1}
    assert ready.counts("rollout:r1") == {"opened": 3, "state:pending": 2, "state:failed": 1, "error:E_BOOT": 1}


def test_the_plan_it_was_decided_by_is_the_one_that_holds(ready):
    """Another droverd may have read the plan before the edit: what it takes by then is asked again, by the new one."""
    ready.redis.hset("drover:v1:rollout:r1", "plan_revision", 2)
    full(ready, "d1", ready.upgrade(stage=1), "the plan was edited", plan_revision=1)
    full(ready, "d1", ready.upgrade(stage=1), "the plan was edited", plan_revision=1, stage_max=1, max_in_flight=0)
    full(ready, "d1", ready.upgrade(), "the plan was edited", plan_revision=0)
    first = ready.open("d1", ready.upgrade(stage=1), plan_revision=2)
    assert first[0] == "OK"
    ready.redis.hset("drover:v1:rollout:r1", "plan_revision", 3)
    assert ready.open("d1", ready.upgrade(stage=1), plan_revision=2) == ["REPEAT", "1", first[2]], "it was taken before the edit"


def test_places_of_a_site(ready):
    d1, d2 = more_devices(ready, 0)
    assert ready.open(d1, ready.upgrade(site="site-a"), per_site=1)[0] == "OK"
    full(ready, d2, ready.upgrade(site="site-a"), "no place free at its site", per_site=1)
    ready.move(d1, ready.upgrade(state="lost", revision=2, token="t2"), 1, "pending")
    assert ready.redis.hgetall("drover:v1:rollout:r1:sites") == {}
    assert ready.open(d2, ready.upgrade(site="site-a"), per_site=1)[0] == "OK"
    ready.move(d2, ready.upgrade(state="failed", revision=2, token="t3", deadline_ms=0), 1, "pending")
    assert ready.redis.hgetall("drover:v1:rollout:r1:sites") == {}


def test_so_many_a_minute_evenly(ready):
    """60 a minute: one a second, with five seconds' worth at once."""
    devices = more_devices(ready, 8)
    opened = [ready.open(device, ready.upgrade(), per_minute=60)[0] for device in devices]
    assert opened == ["OK"] * 5 + ["FULL"] * 5
    full(ready, devices[5], ready.upgrade(), "as many a minute as allowed", per_minute=60)
    assert ready.open(devices[5], ready.upgrade(), per_minute=60, at_ms=6000)[0] == "OK"
    full(ready, devices[6], ready.upgrade(), "as many a minute as allowed", per_minute=60, at_ms=6000)
    ready.redis.set("drover:priv:rollout:r1:pace", "3606000.000")
    assert ready.open(devices[6], ready.upgrade(), per_minute=60, at_ms=6000)[0] == "OK", "the clock was set back by an hour"


def test_refusals(ready):
    ready.open("d1", ready.upgrade())
    refused(ready, "d1", ready.upgrade(token="other"), "the device has a live upgrade")
    full(ready, "d2", ready.upgrade(), "no place free", max_in_flight=1)
    refused(ready, "nobody", ready.upgrade(), "the device is unknown")
    refused(ready, "d2", ready.upgrade(rollout="r9"), "the rollout does not run")
    ready.move("d1", ready.upgrade(state="rejected", revision=2, token="t2", deadline_ms=0, error="E_REJECTED"), 1, "pending")
    refused(ready, "d1", ready.upgrade(token="other"), "the device had its turn")
    ready.rollout_move("r1", "paused", "running")
    refused(ready, "d2", ready.upgrade(), "the rollout does not run")


def test_a_lost_device_holds_no_place(ready):
    ready.open("d1", ready.upgrade(), max_in_flight=1)
    ready.move("d1", ready.upgrade(state="lost", revision=2, token="t2", error="E_LOST"), 1, "pending")
    assert ready.open("d2", ready.upgrade(token="t3"), max_in_flight=1)[0] == "OK"


def test_the_next_rollout_replaces_the_finished_upgrade(ready):
    ready.open("d1", ready.upgrade())
    ready.move("d1", ready.upgrade(state="failed", revision=2, token="t2", deadline_ms=0, error="E_BOOT"), 1, "pending")
    ready.release(version="1.2.0"), ready.rollout("r2", version="1.2.0", supersede=1)
    assert ready.open("d1", ready.upgrade("r2", version="1.2.0", token="t3"))[0] == "OK"
    assert ready.counts("model:esp32") == {"devices": 3, "online": 3, "version:1.0.0": 3, "state:pending": 1}
    assert ready.counts("rollout:r1") == {"opened": 1, "state:failed": 1, "error:E_BOOT": 1}
    assert "error" not in ready.redis.hgetall("drover:v1:upgrade:d1"), "nothing of the old one stays"


@pytest.mark.parametrize("broken", [{"token": ""}, {"state": ""}, {"attempt": "x"}, {"deadline_ms": "soon"}])
def test_bad_fields_change_nothing(ready, broken):
    before = ready.snapshot()
    with pytest.raises(redis.ResponseError):
        ready.open("d1", ready.upgrade(**broken))
    assert ready.snapshot() == before
