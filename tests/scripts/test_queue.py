"""The line of those who wait for a place: queue_wait.lua and queue_take.lua, and what upgrade_open.lua and the end of a rollout do to it."""
import random

import pytest

from conftest import PRIV, V1

QUEUE, TURNS = f"{PRIV}rollout:r1:queue", f"{PRIV}rollout:r1:turns"


def beat(name, **fields):
    return dict({"id": name, "at_ms": 1000, "seq": 1}, **fields)


@pytest.fixture
def fleet(drover):
    """r1 runs for four devices."""
    drover.release()
    drover.rollout()
    drover.record(*[beat(f"d{i}") for i in range(4)])
    return drover


def wait(drover, *waiters, most=100, rollout="r1", returns=0):
    return drover.call("queue_wait", most, *[item for name, score in waiters for item in (rollout, name, score, returns)])


def take(drover, most, now_ms=10000, lease_ms=1000):
    reply = drover.call("queue_take", "r1", now_ms, lease_ms, most)
    return reply[::4]


def test_the_smallest_score_comes_first(fleet):
    assert wait(fleet, ("d0", 5000), ("d1", -3000), ("d2", 4000)) == "WWW"
    assert take(fleet, 2) == ["d1", "d2"]


def test_what_is_taken_comes_with_its_record(fleet):
    wait(fleet, ("d0", 1))
    name, device, upgrade, seen = fleet.call("queue_take", "r1", 10000, 1000, 5)
    assert name == "d0" and "version" in device and upgrade == [] and seen == "1000"


def test_a_lease_keeps_others_away_until_it_ends(fleet):
    wait(fleet, ("d0", 1), ("d1", 2))
    assert take(fleet, 1) == ["d0"]
    assert take(fleet, 5) == ["d1"]
    assert take(fleet, 5, now_ms=10999) == []
    assert take(fleet, 5, now_ms=11000) == ["d0", "d1"]


def test_a_lease_of_before_the_clock_was_set_back_is_none(fleet):
    wait(fleet, ("d0", 1), ("d1", 2))
    assert take(fleet, 1, now_ms=3610000) == ["d0"]
    assert take(fleet, 2, now_ms=10000) == ["d0", "d1"]


def test_two_that_take_at_a_time_get_different_devices(fleet):
    wait(fleet, *[(f"d{i}", i) for i in range(4)])
    first, second = take(fleet, 2), take(fleet, 2)
    assert first == ["d0", "d1"] and second == ["d2", "d3"]


def test_who_waits_keeps_the_better_place(fleet):
    wait(fleet, ("d0", 5000))
    wait(fleet, ("d0", 9000))
    assert fleet.redis.zscore(QUEUE, "d0") == 5000
    wait(fleet, ("d0", 1000))
    assert fleet.redis.zscore(QUEUE, "d0") == 1000


def test_a_full_line_takes_nobody_but_those_in_it(fleet):
    assert wait(fleet, ("d0", 1), ("d1", 2), ("d2", 3), most=2) == "WWF"
    assert wait(fleet, ("d1", 0), most=2) == "W"
    assert fleet.redis.zcard(QUEUE) == 2


def test_who_leaves_is_gone_with_its_lease(fleet):
    wait(fleet, ("d0", 1), ("d1", 2))
    take(fleet, 2)
    assert wait(fleet, ("d0", "")) == "L"
    assert take(fleet, 5, now_ms=99999) == ["d1"] and not fleet.redis.zscore(TURNS, "d0")


def test_a_live_upgrade_does_not_wait(fleet):
    fleet.open("d0", fleet.upgrade())
    assert wait(fleet, ("d0", 1)) == "T" and not fleet.redis.exists(QUEUE)


def test_who_had_its_turn_does_not_wait(fleet):
    fleet.open("d0", fleet.upgrade())
    fleet.move("d0", fleet.upgrade(state="failed", revision=2, token="t2", error="E_SHA256"), 1, "pending")
    assert wait(fleet, ("d0", 1)) == "T" and not fleet.redis.exists(QUEUE)


def test_an_opened_upgrade_leaves_the_line(fleet):
    wait(fleet, ("d0", 1), ("d1", 2))
    take(fleet, 1)
    fleet.open("d0", fleet.upgrade())
    assert fleet.redis.zrange(QUEUE, 0, -1) == ["d1"] and not fleet.redis.exists(TURNS)


def test_a_refused_open_stays_in_line(fleet):
    wait(fleet, ("d0", 1))
    assert fleet.open("d0", fleet.upgrade(), max_in_flight=0)[0] == "FULL"
    assert fleet.redis.zrange(QUEUE, 0, -1) == ["d0"]


def test_who_is_live_meanwhile_is_passed_over(fleet):
    wait(fleet, ("d0", 1), ("d1", 2))
    fleet.redis.sadd(f"{PRIV}rollout:r1:live", "d0")
    assert take(fleet, 5) == ["d1"] and fleet.redis.zrange(QUEUE, 0, -1) == ["d1"]


def test_an_unknown_device_is_dropped(fleet):
    wait(fleet, ("nobody", 1), ("d1", 2))
    assert take(fleet, 1) == [] and take(fleet, 1) == ["d1"]


@pytest.mark.parametrize("state", ["cancelled", "superseded"])
def test_the_line_goes_with_its_rollout(fleet, state):
    wait(fleet, ("d0", 1), ("d1", 2))
    take(fleet, 1)
    fleet.rollout_move("r1", state, "running", on="cancel")
    assert not fleet.redis.exists(QUEUE) and not fleet.redis.exists(TURNS)
    assert wait(fleet, ("d0", 1)) == "E" and not fleet.redis.exists(QUEUE)


def test_a_pause_keeps_the_line(fleet):
    wait(fleet, ("d0", 1))
    fleet.rollout_move("r1", "paused", "running")
    assert wait(fleet, ("d1", 2)) == "W" and take(fleet, 5) == ["d0", "d1"]


def test_bad_arguments_write_nothing(fleet):
    before = fleet.snapshot()
    for arguments in ((100, "r1", "d0", 1), ("many", "r1", "d0", 1, 0), (100, "r1", "d0", 1, 0, "r1", "d1", "soon", 0)):
        with pytest.raises(Exception, match="queue_wait"):
            fleet.call("queue_wait", *arguments)
    assert fleet.snapshot() == before


def test_bytes_in_flight_are_a_limit(fleet):
    assert fleet.open("d0", fleet.upgrade(), bytes_places=1)[0] == "OK"
    assert fleet.open("d1", fleet.upgrade(upgrade_id="u2"), bytes_places=1)[0] == "FULL"
    for revision, state, free in ((2, "dispatched", False), (3, "downloading", False), (4, "retry_wait", False), (5, "dispatched", False), (6, "installing", True)):
        was = fleet.redis.hget("drover:v1:upgrade:d0", "state")
        assert fleet.move("d0", fleet.upgrade(state=state, revision=revision, token=f"t{revision}"), revision - 1, was)[0] == "OK"
        before = fleet.snapshot()
        if not free:
            assert fleet.open("d1", fleet.upgrade(upgrade_id="u2"), bytes_places=1)[0] == "FULL" and fleet.snapshot() == before
    assert fleet.open("d1", fleet.upgrade(upgrade_id="u2"), bytes_places=1)[0] == "OK"


def test_nobody_waits_for_longer_than_the_bound(fleet):
    """Random arrivals of three weights, more important ones than can be served; one is served each second. Whoever waits is served at the latest when those
    who stood in line (or took a better place) up to (90 - weight) x ageing after it came have been: docs/rollouts.md, Order."""
    dice, ageing_ms, waiting, longest = random.Random(20260704), 1000, {}, {30: 0, 60: 0, 90: 0}
    for second in range(600):
        now_ms = 1_000_000 + 1000 * second
        for _ in range(dice.choice((0, 1, 1, 2, 2) if second < 300 else (0, 0, 1))):
            name, weight = f"w{len(waiting)}", dice.choice((30, 60, 90, 90, 90))
            fleet.record(beat(name))
            wait(fleet, (name, now_ms - weight * ageing_ms), most=1000)
            waiting[name] = (now_ms, weight, None)
        for name in take(fleet, 1, now_ms=now_ms):
            came_ms, weight, _ = waiting[name]
            waiting[name] = (came_ms, weight, now_ms)
            wait(fleet, (name, ""))
    for name, (came_ms, weight, served_ms) in waiting.items():
        closes_ms = came_ms + (90 - weight) * ageing_ms
        ahead = sum(1 for c, w, s in waiting.values() if c <= closes_ms and (s is None or s >= came_ms))
        if came_ms + 1000 * ahead + (90 - weight) * ageing_ms < 1_000_000 + 1000 * 599:
            assert served_ms is not None and served_ms - came_ms <= (90 - weight) * ageing_ms + 1000 * ahead, name
            longest[weight] = max(longest[weight], served_ms - came_ms)
    assert longest[30] > longest[60] > longest[90] > 0


# --- those that are held until a window opens ---

def hold(drover, name, **fields):
    drover.open(name, drover.upgrade(**fields))
    assert drover.move(name, drover.upgrade(state="held", revision=2, token="t2", attempt=1, **fields), 1, "pending", on="hold")[0] == "OK"


def told(drover, name, revision=3, **limits):
    return drover.move(name, drover.upgrade(state="dispatched", revision=revision, token=f"t{revision}", attempt=2), revision - 1, "held", **limits)


def test_who_is_held_gives_its_place_to_another(fleet):
    hold(fleet, "d0")
    assert fleet.open("d1", fleet.upgrade(), max_in_flight=1)[0] == "OK"
    before = fleet.snapshot()
    assert told(fleet, "d0", max_in_flight=1) == ["FULL", "no place free"] and fleet.snapshot() == before
    fleet.move("d1", fleet.upgrade(state="failed", revision=2, token="t2", deadline_ms=0), 1, "pending", on="fail")
    assert told(fleet, "d0", max_in_flight=1)[0] == "OK"
    assert fleet.open("d2", fleet.upgrade(), max_in_flight=1) == ["FULL", "no place free"]


def test_its_site_is_free_meanwhile_and_has_the_last_word(fleet):
    hold(fleet, "d0", site="paris")
    assert fleet.redis.hget(f"{V1}rollout:r1:sites", "paris") is None
    assert fleet.open("d1", fleet.upgrade(site="paris"), per_site=1)[0] == "OK"
    before = fleet.snapshot()
    assert told(fleet, "d0", per_site=1) == ["FULL", "no place free at its site"] and fleet.snapshot() == before
    assert told(fleet, "d0", per_site=2)[0] == "OK" and fleet.redis.hget(f"{V1}rollout:r1:sites", "paris") == "2"


def test_bytes_and_pace_count_when_it_returns(fleet):
    hold(fleet, "d0"), hold(fleet, "d1")
    fleet.open("d2", fleet.upgrade())
    before = fleet.snapshot()
    assert told(fleet, "d0", bytes_places=1) == ["FULL", "as many bytes as allowed are being downloaded"] and fleet.snapshot() == before
    assert told(fleet, "d0", bytes_places=2, per_minute=1)[0] == "OK"
    assert told(fleet, "d1", per_minute=1) == ["FULL", "as many a minute as allowed"]


def test_it_stands_in_line_for_its_place_only(fleet):
    hold(fleet, "d0")
    assert wait(fleet, ("d0", 1)) == "T", "it needs no first turn"
    assert wait(fleet, ("d0", 1), returns=1) == "W" and wait(fleet, ("d1", 2), returns=1) == "T"
    assert take(fleet, 5) == ["d0"]
    told(fleet, "d0")
    assert not fleet.redis.exists(QUEUE) and not fleet.redis.exists(TURNS)
    assert wait(fleet, ("d0", 1), returns=1) == "T"


def test_who_was_told_otherwise_is_dropped_in_its_turn(fleet):
    hold(fleet, "d0")
    wait(fleet, ("d0", 1), returns=1)
    fleet.redis.hset(f"{V1}upgrade:d0", "state", "dispatched")
    assert take(fleet, 5) == [] and not fleet.redis.exists(QUEUE)
