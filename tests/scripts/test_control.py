"""What operators control: going back and another turn part by part, guarded moves, devices held back, the stop of all, moves that race."""
import pytest

V1, PRIV = "drover:v1:", "drover:priv:"


def settle(drover, number, state, rollout="r1", online=True, state_ms=7000, **fields):
    """A device whose upgrade has come to this end."""
    name = f"d{number}"
    upgrade = drover.upgrade(rollout, upgrade_id=f"u-{rollout}")
    drover.record(dict(id=name, at_ms=1000 + number, seq=1))
    drover.open(name, upgrade, max_in_flight=1000000)
    if state == "succeeded":
        drover.record(dict(id=name, at_ms=1100 + number, seq=2, version=upgrade["version"]))
    drover.move(name, drover.upgrade(rollout, state=state, revision=2, token="t2", attempt=1, deadline_ms=0, state_ms=state_ms, **fields), 1, "pending", on="confirmed")
    if not online:
        drover.redis.hset(f"{V1}device:{name}", "online", "0")
    return name


@pytest.fixture
def ready(drover):
    drover.release(), drover.rollout()
    return drover


def take(drover, what="back", most=10, now_ms=10000, rest_ms=1, states=None, before=0):
    states = states or {"back": ",succeeded,", "again": ",failed,rolled_back,rejected,cancelled,"}[what]
    reply = drover.call("done_take", "r1", what, states, before, now_ms, rest_ms, most)
    return [reply[i] for i in range(0, len(reply), 4)]


def round_of(drover, what="back", most=10, **options):
    """All that one round finds; it has ended when the rest has begun."""
    seen = []
    for _ in range(1000):
        seen += take(drover, what, most, rest_ms=60000, **options)
        if drover.redis.exists(f"{PRIV}rollout:r1:{what}:rest"):
            drover.redis.delete(f"{PRIV}rollout:r1:{what}:rest")
            return seen
    raise AssertionError("no round ever ended")


def left(drover):
    return drover.redis.hmget(f"{V1}rollout:r1", "back_left", "back_offline")


# --- going back ---

@pytest.mark.parametrize("most", [1, 3, 100])
def test_one_round_through_those_that_succeeded(ready, most):
    wanted = [settle(ready, number, "succeeded") for number in range(7)]
    settle(ready, 7, "failed", error="E_BOOT"), settle(ready, 8, "succeeded", online=False)
    assert sorted(round_of(ready, most=most)) == wanted
    assert left(ready) == ["8", "1"], "those that were taken and have not moved count, and who is offline"


def test_nobody_is_left_when_a_round_finds_nobody(ready):
    name = settle(ready, 1, "succeeded")
    assert round_of(ready) == [name]
    ready.move(name, ready.upgrade(state="rolling_back", revision=3, token="t3", attempt=1), 2, "succeeded", on="rollback_asked")
    assert round_of(ready) == [] and left(ready) == ["1", "0"], "one was on its way when the round began"
    ready.move(name, ready.upgrade(state="rolled_back", revision=4, token="t4", attempt=1, deadline_ms=0), 3, "rolling_back", on="old_seen")
    assert round_of(ready) == [] and left(ready) == ["0", "0"]
    assert ready.redis.hget(f"{V1}rollout:r1", "back_ms") == "10000"


def test_who_runs_another_version_by_now_is_not_waited_for(ready):
    name = settle(ready, 1, "succeeded")
    ready.record(dict(id=name, at_ms=5000, seq=9, version="9.0.0"))
    assert round_of(ready) == [] and left(ready) == ["0", "0"]


def test_a_lost_one_is_not_waited_for(ready):
    name = settle(ready, 1, "succeeded")
    ready.move(name, ready.upgrade(state="lost", revision=3, token="t3", attempt=1), 2, "succeeded", on="silent")
    assert round_of(ready) == [] and left(ready) == ["0", "0"]


def test_a_device_of_another_rollout_by_now_is_left_alone(ready):
    settle(ready, 1, "succeeded")
    ready.redis.hset(f"{V1}upgrade:d1", "rollout", "r9")
    assert round_of(ready) == [] and left(ready) == ["0", "0"]


def test_two_get_different_parts_and_the_cursor_is_remembered(ready):
    wanted = [settle(ready, number, "succeeded") for number in range(6)]
    parts = take(ready, most=2), take(ready, most=2), take(ready, most=2)
    assert sorted(sum(parts, [])) == wanted


def test_a_round_of_many_bounded_calls(ready):
    ready.redis.sadd(f"{PRIV}rollout:r1:done", *(f"x{number}" for number in range(5000)))
    for number in range(0, 5000, 10):
        ready.redis.hset(f"{V1}upgrade:x{number}", mapping={"rollout": "r1", "state": "succeeded", "state_ms": 1})
        ready.redis.hset(f"{V1}device:x{number}", mapping={"model": "esp32", "online": "1"})
    seen = round_of(ready, most=7)
    assert len(seen) == len(set(seen)) == 500 and left(ready) == ["500", "0"]


def test_what_is_remembered_goes_with_the_rollout(ready):
    for number in range(3):
        settle(ready, number, "succeeded")
    take(ready, most=1), take(ready, "again", most=1)
    ready.rollout_move("r1", "rolled_back", "running", on="back")
    assert [key for key in ready.redis.keys(f"{PRIV}rollout:r1*")] == []


# --- another turn ---

def test_another_turn_for_those_that_did_not_get_it(ready):
    ready.redis.hset(f"{V1}rollout:r1", "retry_ms", 8000)
    wanted = [settle(ready, number, state, error="E_BOOT") for number, state in enumerate(("failed", "rolled_back", "rejected", "cancelled"))]
    settle(ready, 5, "succeeded"), settle(ready, 6, "superseded")
    late = settle(ready, 7, "failed", state_ms=8001, error="E_BOOT")
    offline = settle(ready, 8, "failed", online=False, error="E_BOOT")
    assert sorted(round_of(ready, "again", before=8000)) == sorted(wanted + [offline]) and late not in wanted
    assert ready.redis.hget(f"{V1}rollout:r1", "retry_ms") == "8000"


def test_it_is_over_when_nobody_is_left_or_nothing_goes_on(ready):
    name = settle(ready, 1, "failed", error="E_BOOT")
    ready.redis.hset(f"{V1}rollout:r1", "retry_ms", 8000)
    assert round_of(ready, "again", before=8000) == [name]
    assert ready.redis.hget(f"{V1}rollout:r1", "retry_ms") == "8000", "it may be decided on just now"
    assert round_of(ready, "again", before=8000) == [name]
    assert ready.redis.hget(f"{V1}rollout:r1", "retry_ms") is None, "nothing holds it up, and it was not given one: something is against it"
    ready.redis.hset(f"{V1}rollout:r1", "retry_ms", 6000)
    assert round_of(ready, "again", before=6000) == [] and ready.redis.hget(f"{V1}rollout:r1", "retry_ms") is None


@pytest.mark.parametrize("what", ["in flight", "paced"])
def test_it_is_not_over_while_limits_hold_it_up(ready, what):
    settle(ready, 1, "failed", error="E_BOOT")
    ready.redis.hset(f"{V1}rollout:r1", "retry_ms", 8000)
    if what == "paced":
        ready.redis.set(f"{PRIV}rollout:r1:pace", "20000.5")
    else:
        ready.record(dict(id="d9", at_ms=1, seq=1))
        ready.open("d9", ready.upgrade())
    for _ in range(3):
        round_of(ready, "again", before=8000)
        assert ready.redis.hget(f"{V1}rollout:r1", "retry_ms") == "8000"


# --- guarded moves ---

def back(drover, name, **guard):
    return drover.move(name, drover.upgrade(state="rolling_back", revision=3, token="t3", attempt=1), 2, "succeeded", on="rollback_asked", **guard)


def test_a_move_counts_only_in_the_states_it_was_decided_in(ready):
    name = settle(ready, 1, "succeeded")
    before = ready.snapshot()
    assert back(ready, name, states=",rolling_back,rolled_back,") == ["REFUSED", "its rollout is running"]
    assert back(ready, name, states=",rolling_back,") == ["REFUSED", "its rollout is running"] and ready.snapshot() == before
    ready.rollout_move("r1", "rolling_back", "running", on="roll_back", place="keep")
    ready.rollout_move("r1", "rollback_paused", "rolling_back", place="keep")
    assert back(ready, name, states=",rolling_back,rolled_back,")[0] == "REFUSED", "paused: at once"
    ready.rollout_move("r1", "rolling_back", "rollback_paused", on="resume", place="keep")
    assert back(ready, name, states=",rolling_back,rolled_back,")[0] == "OK"
    assert back(ready, name, states=",nothing,")[0] == "REPEAT", "the first try had worked, whatever the rollout does since"


def test_who_holds_a_place_already_counts_among_those_that_go_back(ready):
    """Devices that come late to the bad version are in flight at once, however many; they are told one after the other all the same."""
    names = [settle(ready, number, "succeeded") for number in range(3)]
    for name in names:
        assert ready.move(name, ready.upgrade(state="verifying", revision=3, token="t3", attempt=1), 2, "succeeded", on="target_seen")[0] == "OK"

    def sent_back(name):
        return ready.move(name, ready.upgrade(state="rolling_back", revision=4, token="t4", attempt=1), 3, "verifying", on="rollback_asked", max_in_flight=1)
    assert sent_back(names[0])[0] == "OK"
    before = ready.snapshot()
    assert sent_back(names[1]) == ["FULL", "no place free"] and ready.snapshot() == before
    ready.move(names[0], ready.upgrade(state="rolled_back", revision=5, token="t5", attempt=1, deadline_ms=0), 4, "rolling_back", on="old_seen")
    assert sent_back(names[1])[0] == "OK"


def test_places_and_pace_hold_for_moves_too(ready):
    names = [settle(ready, number, "succeeded") for number in range(3)]
    assert back(ready, names[0], max_in_flight=1)[0] == "OK"
    before = ready.snapshot()
    assert back(ready, names[1], max_in_flight=1) == ["FULL", "no place free"] and ready.snapshot() == before
    assert back(ready, names[1], max_in_flight=5, per_minute=1)[0] == "OK"
    before = ready.snapshot()
    assert back(ready, names[2], max_in_flight=5, per_minute=1) == ["FULL", "as many a minute as allowed"] and ready.snapshot() == before


def test_a_quarantine_comes_and_goes_with_a_move(ready):
    name = settle(ready, 1, "verifying")
    ready.move(name, ready.upgrade(state="rolled_back", revision=3, token="t3", attempt=1, deadline_ms=0), 2, "verifying", on="old_seen", quarantine_ms=99000)
    device = ready.device(name)
    assert (device["quarantine"], device["quarantine_ms"], device["quarantine_auto"]) == ("1.1.0", "99000", "1")
    ready.move(name, ready.upgrade(state="pending", revision=4, token="t4", attempt=1), 3, "rolled_back", on="retry_asked", quarantine_ms=-1)
    assert not [field for field in ready.device(name) if field.startswith("quarantine")]
    assert ready.redis.smembers(f"{PRIV}rollout:r1:done") == set() and ready.redis.smembers(f"{PRIV}rollout:r1:live") == {name}


# --- devices ---

def hold(drover, name, what, about="", until_ms=0, actor=""):
    return drover.call("device_hold", name, what, about, until_ms, 9000, "ann: because", "drover-1", 1000, actor)


def test_quarantine_and_readmit(ready):
    ready.record(dict(id="d1", at_ms=1, seq=1, facts=77))
    assert hold(ready, "d9", "quarantine", "1.1.0") == ["NOT_FOUND", "device"]
    assert hold(ready, "d1", "readmit") == ["REFUSED", "it is not in quarantine"]
    assert hold(ready, "d1", "quarantine", "1.1.0", 99000) == ["OK"]
    device = ready.device("d1")
    assert (device["quarantine"], device["quarantine_ms"]) == ("1.1.0", "99000") and "quarantine_auto" not in device
    assert hold(ready, "d1", "readmit") == ["OK"] and "quarantine" not in ready.device("d1")
    events = ready.events()[-2:]
    assert [(event["kind"], event["on"], event["device"], event["version"], event["why"]) for event in events] == [
        ("audit", "quarantine", "d1", "1.1.0", "ann: because"), ("audit", "readmit", "d1", "1.1.0", "ann: because")]
    assert events[1]["prev"] == events[0]["id"] and ready.device("d1")["last_event"] == events[1]["id"]


def test_a_held_device_is_looked_at_once_more(ready):
    ready.record(dict(id="d1", at_ms=1, seq=1, facts=77))
    hold(ready, "d1", "quarantine", "1.1.0")
    assert ready.record(dict(id="d1", at_ms=2, seq=2, facts=77, long=False))[0] == "L", "though it says nothing new"
    assert ready.record(dict(id="d1", at_ms=3, seq=3, facts=77, long=False))[0] == "0"


def test_who_is_excluded_had_his_turn(ready):
    ready.record(dict(id="d1", at_ms=1, seq=1))
    assert hold(ready, "d1", "include", "r1") == ["REFUSED", "it is not excluded"]
    assert hold(ready, "d1", "exclude", "r9") == ["NOT_FOUND", "rollout"]
    assert hold(ready, "d1", "exclude", "r1") == ["OK"] and ready.device("d1")["excluded"] == "r1"
    assert ready.open("d1", ready.upgrade()) == ["REFUSED", "the device had its turn"]
    assert hold(ready, "d1", "include", "r1") == ["OK"] and "excluded" not in ready.device("d1")
    assert ready.open("d1", ready.upgrade())[0] == "OK"
    assert hold(ready, "d1", "exclude", "r1") == ["OK"]
    assert ready.redis.smembers(f"{PRIV}rollout:r1:done") == set(), "what is under way is called back by a move"
    ready.rollout_move("r1", "cancelled", "running", on="cancel")
    assert hold(ready, "d1", "exclude", "r1") == ["REFUSED", "the rollout is over"]


def test_excluded_while_the_rollout_waits(drover):
    drover.release(), drover.rollout(waits=1, state="scheduled"), drover.record(dict(id="d1", at_ms=1, seq=1))
    assert hold(drover, "d1", "exclude", "r1") == ["OK"]
    assert drover.rollout_move("r1", "running", "scheduled", on="start", place="take")[0] == "OK"
    assert drover.open("d1", drover.upgrade()) == ["REFUSED", "the device had its turn"]


# --- the stop of all ---

def stop(drover, on=1, why="ann: fire"):
    return drover.call("stop_all", on, 9000, "ann", why, "drover-1", 1000, "")


def test_nothing_begins_while_all_are_stopped(ready):
    ready.record(dict(id="d1", at_ms=1, seq=1), dict(id="d2", at_ms=2, seq=1))
    ready.open("d1", ready.upgrade())
    name = settle(ready, 3, "succeeded")
    assert stop(ready) == 1 and ready.redis.hgetall(f"{V1}stop") == {"at_ms": "9000", "who": "ann", "why": "ann: fire"}
    before = ready.snapshot()
    assert stop(ready, why="bob: me too") == 0 and ready.snapshot() == before, "the first one's word stands"
    assert ready.open("d2", ready.upgrade()) == ["REFUSED", "all rollouts are stopped"]
    dispatched = ready.upgrade(state="dispatched", revision=2, token="t2", attempt=1)
    assert ready.move("d1", dispatched, 1, "pending", states=",running,completed,") == ["REFUSED", "all rollouts are stopped"]
    assert back(ready, name, states=",rolling_back,") == ["REFUSED", "all rollouts are stopped"] and ready.snapshot() == before
    assert ready.move("d1", ready.upgrade(state="verifying", revision=2, token="t2"), 1, "pending", on="target_seen")[0] == "OK", "what is under way goes on"
    assert stop(ready, on=0) == 1 and stop(ready, on=0) == 0
    assert ready.open("d2", ready.upgrade())[0] == "OK"
    assert [(event["kind"], event["on"]) for event in ready.events() if event["on"].endswith("_all")] == [("alarm", "stop_all"), ("alarm", "start_all")]


# --- moves that race ---

def test_pause_while_promoting(ready):
    """An operator and the engine have read the same revision; the second to save is told, and changes nothing."""
    assert ready.rollout_move("r1", "running", "running,paused", revision=1, on="promote", stage=2)[0] == "OK"
    before = ready.snapshot()
    assert ready.rollout_move("r1", "paused", "running,completed", revision=1) == ["CONFLICT", "2"] and ready.snapshot() == before
    assert ready.rollout_move("r1", "paused", "running,completed", revision=2)[0] == "OK"
    assert ready.rollout_move("r1", "running", "running,paused", revision=2, on="promote", stage=3) == ["CONFLICT", "3"]
    assert ready.redis.hmget(f"{V1}rollout:r1", "state", "stage", "revision") == ["paused", "2", "3"]


def test_abort_while_the_last_one_comes_back(ready):
    ready.rollout_move("r1", "rolling_back", "running", revision=1, on="roll_back", place="keep")
    assert ready.rollout_move("r1", "cancelled", "rolling_back", revision=2, on="cancel")[0] == "OK"
    assert ready.rollout_move("r1", "rolled_back", "rolling_back", revision=2, on="back") == ["CONFLICT", "3"]
    assert ready.rollout_move("r1", "rolled_back", "rolling_back", on="back") == ["REFUSED", "cancelled"]
    assert ready.redis.get(f"{PRIV}model:esp32:running") is None


def test_two_approve_at_once(drover):
    drover.release(), drover.rollout(waits=1, state="awaiting_approval", author="ann")
    first = drover.rollout_move("r1", "awaiting_approval", "awaiting_approval", revision=1, on="endorse", place="keep", approvals=1, approver1="bob")
    assert first[0] == "OK"
    assert drover.rollout_move("r1", "awaiting_approval", "awaiting_approval", revision=1, on="endorse", place="keep", approvals=1,
                               approver1="cleo") == ["CONFLICT", "2"], "cleo reads again, and is the second"
    assert drover.redis.hmget(f"{V1}rollout:r1", "approvals", "approver1") == ["1", "bob"]
