"""deadlines_take and live_take: what is due, leased."""
import pytest


@pytest.fixture
def ready(drover):
    drover.release(), drover.rollout()
    for number in range(5):
        drover.record(dict(id=f"d{number}", at_ms=1000 + number, seq=1))
        drover.open(f"d{number}", drover.upgrade(deadline_ms=9000 + number))
    return drover


def due(drover, now_ms, most=10, lease_ms=1000):
    reply = drover.call("deadlines_take", now_ms, lease_ms, most)
    return [(reply[i], reply[i + 3]) for i in range(0, len(reply), 4)]


def test_due_ones_in_order_and_leased(ready):
    assert due(ready, 8999) == []
    assert due(ready, 9002, most=2) == [("d0", "1000"), ("d1", "1001")]
    assert due(ready, 9002) == [("d2", "1002")]
    assert due(ready, 9002) == []
    assert [name for name, _ in due(ready, 10002)] == ["d3", "d4", "d0", "d1", "d2"], "due again when the lease is over"


def test_a_move_ends_the_lease(ready):
    due(ready, 9000)
    ready.move("d0", ready.upgrade(state="dispatched", revision=2, token="t2", deadline_ms=9001), 1, "pending")
    assert sorted(name for name, _ in due(ready, 9001)) == ["d0", "d1"]


def test_an_index_entry_without_upgrade_is_dropped(ready):
    ready.redis.zadd("drover:priv:deadlines", {"ghost": 1})
    assert [name for name, _ in due(ready, 9000)] == ["d0"]
    assert ready.redis.zscore("drover:priv:deadlines", "ghost") is None


def taken(drover, most, lease_ms=60000):
    reply = drover.call("live_take", "r1", lease_ms, most)
    return [reply[i] for i in range(0, len(reply), 4)]


@pytest.mark.parametrize("most", [1, 2, 3, 5, 100])
def test_one_round_through_the_live_ones(ready, most):
    seen = []
    for _ in range(20):
        part = taken(ready, most)
        assert len(part) <= most
        seen += part
    assert sorted(seen) == ["d0", "d1", "d2", "d3", "d4"]


def test_a_round_of_many(drover):
    drover.redis.sadd("drover:priv:rollout:r1:live", *(f"x{n}" for n in range(1000)))
    seen = []
    for _ in range(200):
        part = taken(drover, 13)
        assert len(part) <= 13
        seen += part
    assert sorted(set(seen)) == sorted(f"x{n}" for n in range(1000))
