"""devices_page, device_history, fleet_load, leader_take."""
import pytest

from conftest import pairs


def pages(drover, limit, look=2000, **filters):
    """All pages one after the other, as the store asks for them."""
    cursor, names, steps = "0:0", [], 0
    while cursor:
        reply = drover.call("devices_page", cursor, limit, look, *(filters.get(f, "") for f in ("model", "version", "state", "online")))
        assert (len(reply) - 1) / 3 <= limit
        names += reply[1::3]
        cursor, steps = reply[0], steps + 1
        assert steps < 5000
    return names


@pytest.mark.parametrize("devices", [0, 5, 700])
@pytest.mark.parametrize("limit,look", [(1, 2000), (7, 10), (100, 2000), (1000, 33)])
def test_each_device_once(drover, devices, limit, look):
    for first in range(0, devices, 100):
        drover.record(*(dict(id=f"d{n}", at_ms=n, seq=1) for n in range(first, min(first + 100, devices))))
    names = pages(drover, limit, look)
    assert sorted(names) == sorted(f"d{n}" for n in range(devices))


def test_filters(drover):
    drover.release(), drover.rollout()
    drover.record(*(dict(id=f"d{n}", at_ms=1000, seq=1, model="esp32" if n % 2 else "esp8266", version=f"1.{n % 3}.0") for n in range(30)))
    drover.open("d1", drover.upgrade())
    drover.call("device_online", "d3", 0, 2000)
    assert sorted(pages(drover, 10, model="esp8266", version="1.2.0")) == ["d14", "d2", "d20", "d26", "d8"]
    assert pages(drover, 10, state="pending") == ["d1"] and len(pages(drover, 10, state="none")) == 29
    assert pages(drover, 10, online="0") == ["d3"] and pages(drover, 10, model="x") == []


@pytest.mark.parametrize("cursor", ["", "'", "1", "-1:0", "1:", "99999999999999999999:0", "0:9999999999"])
def test_a_bad_cursor_is_refused(drover, cursor):
    assert drover.call("devices_page", cursor, 1, 1, "", "", "", "") == ["BAD_CURSOR"]


def test_history_walks_the_chain(drover):
    drover.release(), drover.rollout()
    for name in ("d1", "d2"):
        drover.record(dict(id=name, at_ms=1000, seq=1))
        drover.open(name, drover.upgrade())
    came_from = "pending"
    for revision, state in enumerate(["dispatched", "downloading", "verifying"], 2):
        for name in ("d1", "d2"):
            drover.move(name, drover.upgrade(state=state, revision=revision, token=f"t{revision}"), revision - 1, came_from)
        came_from = state
    reply = drover.call("device_history", "d1", 100)
    entries = [pairs(fields) for fields in reply[1::2]]
    assert [e["to"] for e in entries] == ["verifying", "downloading", "dispatched", "pending"] and {e["device"] for e in entries} == {"d1"}
    assert len(drover.call("device_history", "d1", 2)) == 4
    drover.redis.xdel("drover:v1:events", reply[4])
    assert len(drover.call("device_history", "d1", 100)) == 4, "it ends where the stream was trimmed"
    assert drover.call("device_history", "nobody", 10) is None


def test_fleet(drover):
    drover.record(dict(id="b", at_ms=1, seq=1, model="m2"), dict(id="a", at_ms=1, seq=1, model="m1"))
    fleet, *models = drover.call("fleet_load", 10)
    assert pairs(fleet) == {"devices": "2", "online": "2"} and models[0::2] == ["m1", "m2"]
    assert pairs(models[1]) == {"devices": "1", "online": "1", "version:1.0.0": "1"}
    assert len(drover.call("fleet_load", 1)) == 3


def test_one_leader(drover):
    assert drover.call("leader_take", "a", 60000) == 1
    assert drover.call("leader_take", "b", 60000) == 0 and drover.call("leader_take", "b", 0) == 0
    assert drover.call("leader_take", "a", 60000) == 1 and drover.redis.pttl("drover:priv:leader") > 50000
    assert drover.call("leader_take", "a", 0) == 0
    assert drover.call("leader_take", "b", 60000) == 1
