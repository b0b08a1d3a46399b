"""rollout_health: updated devices against all others of their model, since the stage began. gates_write."""
import pytest
import redis

from conftest import pairs

DAY_MS = 86400000


def health(drover, since, at_ms, model="esp32", version="1.1.0", most=100):
    fields = pairs(drover.call("rollout_health", "r1", model, version, since, at_ms, most, DAY_MS))
    return {name: int(value) for name, value in fields.items() if ":" in name and not name.startswith("seen:")}


def group(reading, name):
    return {field.split(":")[1]: value for field, value in reading.items() if field.startswith(name) and value}


@pytest.fixture
def fleet(drover):
    for n in range(6):
        drover.record(dict(id=f"d{n}", at_ms=1000, seq=1, version="1.1.0" if n < 2 else "1.0.0" if n < 4 else "0.9.0"))
    return drover


def beat(drover, name, seq, **fields):
    drover.record(dict(id=name, at_ms=1000 * seq, seq=seq, facts=seq, **fields))


def test_what_was_so_before_is_told_apart(fleet):
    fleet.call("device_online", "d4", 0, 2000)
    beat(fleet, "d0", 2, version="1.1.0", status="unhealthy")
    reading = health(fleet, 5000, 5000)
    assert group(reading, "updated") == {"devices": 2, "unhealthy": 1, "unhealthy_before": 1}
    assert group(reading, "control") == {"devices": 4, "offline": 1, "offline_before": 1}
    fleet.call("device_online", "d1", 0, 6000)
    beat(fleet, "d2", 6, status="unhealthy")
    reading = health(fleet, 5000, 6000)
    assert group(reading, "updated") == {"devices": 2, "offline": 1, "unhealthy": 1, "unhealthy_before": 1, "device_ms": 2000}
    assert group(reading, "control") == {"devices": 4, "offline": 1, "offline_before": 1, "unhealthy": 1, "device_ms": 4000}


def test_reboots_and_time_add_up(fleet):
    beat(fleet, "d0", 2, version="1.1.0", boot_id="b2")
    assert group(health(fleet, 5000, 5000), "updated") == {"devices": 2}, "that was before"
    beat(fleet, "d0", 6, version="1.1.0", boot_id="b3")
    beat(fleet, "d4", 6, version="0.9.0", boot_id="b2")
    reading = health(fleet, 5000, 7000)
    assert group(reading, "updated") == {"devices": 2, "reboots": 1, "device_ms": 4000}
    assert group(reading, "control") == {"devices": 4, "reboots": 1, "device_ms": 8000}
    beat(fleet, "d2", 8, version="1.1.0", boot_id="b2")         # updated meanwhile: no reboot, and it counts on the other side from now on
    reading = health(fleet, 5000, 10000)
    assert group(reading, "updated") == {"devices": 3, "reboots": 1, "device_ms": 4000 + 3 * 3000}
    assert group(reading, "control") == {"devices": 3, "reboots": 1, "device_ms": 8000 + 3 * 3000}
    assert health(fleet, 5000, 9000) == reading, "a clock that goes back takes no time away"


def test_it_begins_anew_with_the_stage(fleet):
    health(fleet, 5000, 5000)
    beat(fleet, "d0", 6, version="1.1.0", boot_id="b3")
    fleet.call("device_online", "d1", 0, 6000)
    health(fleet, 5000, 7000)
    assert group(health(fleet, 8000, 8000), "updated") == {"devices": 2, "offline": 1, "offline_before": 1}


def test_a_version_that_comes_and_goes(fleet):
    beat(fleet, "d4", 2, version="0.9.0", boot_id="b2")
    beat(fleet, "d4", 3, version="0.9.0", boot_id="b3")
    health(fleet, 5000, 5000)
    for name in ("d4", "d5"):
        beat(fleet, name, 6, version="1.0.0", boot_id="b9")
    health(fleet, 5000, 6000)
    beat(fleet, "d4", 7, version="0.9.0", boot_id="b10")
    beat(fleet, "d4", 8, version="0.9.0", boot_id="b11")
    assert group(health(fleet, 5000, 8000), "control")["reboots"] == 1, "its count began again with the version"


def test_it_looks_at_so_many_versions_and_always_at_its_own(fleet):
    assert group(health(fleet, 1, 1, most=0), "control") == {} and group(health(fleet, 1, 1, most=0), "updated") == {"devices": 2}
    assert group(health(fleet, 1, 1, most=1), "control") == {"devices": 2}


def test_nobody_is_there(drover):
    assert set(health(drover, 1, 1).values()) == {0}
    assert 0 < drover.redis.pttl("drover:priv:rollout:r1:health") <= DAY_MS
    with pytest.raises(redis.ResponseError, match="not a number"):
        drover.call("rollout_health", "r1", "esp32", "1.1.0", 1, "x", 1, 1)


def test_gates_are_written_whole(drover):
    assert drover.call("gates_write", "r1", "at_ms", 1) == 0 and not drover.redis.keys("*")
    drover.release(), drover.rollout("r1")
    drover.call("gates_write", "r1", "at_ms", 1, "1", "failure_rate", "2", "lost_rate")
    drover.call("gates_write", "r1", "at_ms", 2, "1", "failure_rate")
    assert drover.redis.hgetall("drover:v1:rollout:r1:gates") == {"at_ms": "2", "1": "failure_rate"}
    with pytest.raises(redis.ResponseError, match="bad arguments"):
        drover.call("gates_write", "r1", "at_ms")
