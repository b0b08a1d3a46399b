"""device_online and offline_sweep."""
import pytest


@pytest.fixture
def ready(drover):
    for number in range(6):
        drover.record(dict(id=f"d{number}", at_ms=1000 * (number + 1), seq=1))
    return drover


def online(drover):
    names = [f"d{number}" for number in range(6) if drover.device(f"d{number}").get("online") == "1"]
    assert drover.counts("fleet").get("online", 0) == drover.counts("model:esp32").get("online", 0) == len(names)
    return names


def test_last_will_and_return(ready):
    assert ready.call("device_online", "d5", 0, 6000) == 1
    assert ready.call("device_online", "d5", 0, 6000) == 0
    assert online(ready) == ["d0", "d1", "d2", "d3", "d4"]
    assert ready.call("device_online", "d5", 1, 6500) == 1
    assert len(online(ready)) == 6


def test_an_old_last_will_and_an_unknown_device_change_nothing(ready):
    before = ready.snapshot()
    assert ready.call("device_online", "d5", 0, 5999) == 0
    assert ready.call("device_online", "nobody", 1, 6000) == 0
    assert ready.snapshot() == before


def test_the_sweep_goes_on_where_it_ended(ready):
    assert ready.call("offline_sweep", 4000, 2) == 2
    assert online(ready) == ["d1", "d2", "d3", "d4", "d5"], "the last one looked at waits: others may have its time"
    assert ready.call("offline_sweep", 4000, 2) == 2
    assert ready.call("offline_sweep", 4000, 100) == 2
    assert online(ready) == ["d4", "d5"]
    assert ready.call("offline_sweep", 4000, 100) == 0
    assert ready.redis.hget("drover:priv:sweep", "offline_ms") == "4000"


def test_many_with_one_time(drover):
    for number in range(10):
        drover.record(dict(id=f"x{number}", at_ms=1000, seq=1))
    assert drover.call("offline_sweep", 2000, 3) == 3
    assert drover.counts("fleet") == {"devices": 10}
    assert drover.call("offline_sweep", 2000, 3) == 0


def test_what_was_swept_comes_back_by_heartbeat_only(ready):
    ready.call("offline_sweep", 3000, 100)
    assert ready.call("device_online", "d0", 1, 9000) == 0
    ready.record(dict(id="d0", at_ms=9000, seq=2))
    assert "d0" in online(ready)


def test_a_clock_that_was_set_back(ready):
    ready.call("offline_sweep", 100000, 100)
    assert online(ready) == []
    ready.call("offline_sweep", 3000, 100)
    ready.record(dict(id="d5", at_ms=7000, seq=2))
    assert online(ready) == ["d5"]
