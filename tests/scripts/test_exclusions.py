"""Devices left out of rollouts: each exclusion is listed, page by page, and each is lifted by itself; and what "why?" reads of a device in one rollout."""
import pytest

V1, PRIV = "drover:v1:", "drover:priv:"


@pytest.fixture
def two(drover):
    """A rollout that runs, and one that waits."""
    drover.release(), drover.rollout()
    drover.release(version="1.2.0"), drover.rollout("r2", version="1.2.0", waits=1, state="scheduled")
    drover.record(*[dict(id=f"d{number}", at_ms=1, seq=1) for number in range(5)])
    return drover


def hold(drover, what, device, rollout="r1", at_ms=9000, why="ann: because"):
    return drover.call("device_hold", device, what, rollout, 0, at_ms, why, "drover-1", 1000, "")


def page(drover, rollout="r1", after_ms=0, after="", most=10):
    status, *rest = drover.call("excluded_page", rollout, after_ms, after, most)
    assert status == "OK"
    return [tuple(rest[i:i + 3]) for i in range(0, len(rest), 3)]


def standing(drover, device, rollout="r1", site=""):
    return drover.call("device_standing", device, rollout, site)


def test_each_of_two_is_lifted(two):
    assert hold(two, "exclude", "d1", "r1") == ["OK"] and hold(two, "exclude", "d1", "r2") == ["OK"]
    assert two.device("d1")["excluded"] == "r2" and standing(two, "d1", "r1") == ["0", "9000"], "the older one is known, too"
    assert hold(two, "include", "d1", "r2") == ["OK"] and two.device("d1")["excluded"] == "r1", "its record names what is left"
    assert page(two, "r2") == [] and [row[0] for row in page(two, "r1")] == ["d1"]
    assert hold(two, "include", "d1", "r1") == ["OK"] and "excluded" not in two.device("d1")
    assert two.open("d1", two.upgrade())[0] == "OK", "it is taken after all"


def test_the_older_one_first(two):
    hold(two, "exclude", "d1", "r1"), hold(two, "exclude", "d1", "r2")
    assert hold(two, "include", "d1", "r1") == ["OK"] and two.device("d1")["excluded"] == "r2"
    before = two.snapshot()
    assert hold(two, "include", "d1", "r1") == ["REFUSED", "it is not excluded"] and two.snapshot() == before
    assert standing(two, "d1", "r1")[1] == "" and standing(two, "d1", "r2")[1] == "9000"


def test_pages(two):
    for number, at_ms in enumerate((5, 7, 7, 7, 9)):
        hold(two, "exclude", f"d{number}", at_ms=at_ms, why=f"ann: {number}")
    everybody = [(f"d{number}", str(at_ms), f"ann: {number}") for number, at_ms in enumerate((5, 7, 7, 7, 9))]
    assert page(two) == everybody
    for most in (1, 2, 3):
        seen, at = [], ("", "0", "")
        while part := page(two, after_ms=at[1], after=at[0], most=most):
            assert len(part) <= most
            seen, at = seen + part, part[-1]
        assert seen == everybody, f"{most} at a time, three of them at the same moment"
    assert two.call("excluded_page", "nothing", 0, "", 10) == ["NOT_FOUND"]


def test_excluded_twice_is_excluded_once(two):
    hold(two, "exclude", "d1", at_ms=5), hold(two, "exclude", "d1", at_ms=6, why="bob: still")
    assert page(two) == [("d1", "6", "bob: still")]
    assert hold(two, "include", "d1") == ["OK"] and page(two) == []


def test_they_end_with_the_rollout(two):
    hold(two, "exclude", "d1")
    two.rollout_move("r1", "cancelled", "running", on="cancel")
    assert page(two) == [] and not two.redis.exists(f"{V1}rollout:r1:excluded:why")


def test_how_many_are_under_way_at_a_site(two):
    for number in range(2):
        assert two.open(f"d{number}", two.upgrade(site="site:north", upgrade_id=f"u{number}", token=f"t{number}"), per_site=2)[0] == "OK"
    assert two.open("d2", two.upgrade(site="site:north", upgrade_id="u2", token="t2"), per_site=2) == ["FULL", "no place free at its site"]
    assert standing(two, "d2", site="site:north") == ["2", ""] and standing(two, "d2", site="site:south") == ["0", ""] and standing(two, "d2") == ["0", ""]
    two.move("d0", two.upgrade(site="site:north", upgrade_id="u0", state="failed", revision=2, token="t9", attempt=1, deadline_ms=0), 1, "pending", on="give_up")
    assert standing(two, "d2", site="site:north") == ["1", ""], "who is through leaves his place"
