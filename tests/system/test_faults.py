"""Parts die or freeze in mid-rollout: the final picture is the same, no upgrade starts twice, no report is lost, counters stay exact."""
import signal
import time

from fleet import FAST, check_aggregates, check_histories, check_reports, check_truth, finish_fleet, start_fleet
from stack import wait_until


# A liar spends three attempts, each to the end of its proof: as short as five seconds of frost allow.
WAITS = {**FAST, "flow.verify_ms": 10000}


def moved(stack):
    return stack.redis().xlen("drover:v1:events")


def wait_for_moves(stack, more):
    target = moved(stack) + more
    wait_until(lambda: moved(stack) >= target, 60, f"{more} more moves")


def start(stack):
    redis = stack.start_redis()
    broker = stack.start_broker()
    droverd = stack.start_droverd(settings=WAITS)
    fleet = start_fleet(stack, managed=500, simple=100, profile="mixed", seed=21, max_in_flight=150)
    wait_for_moves(stack, 200)
    return redis, broker, droverd, fleet


def finish(stack, fleet):
    truth = finish_fleet(stack, fleet, seconds=240)
    check_truth(stack, truth)
    check_reports(stack, truth)
    check_histories(stack.redis())
    check_aggregates(stack.redis())


def test_droverd_killed_five_times(stack):
    _, _, droverd, fleet = start(stack)
    for _ in range(5):
        wait_for_moves(stack, 150)
        droverd.kill()
        stack.forget(droverd)
        droverd = stack.start_droverd(settings=WAITS)
    finish(stack, fleet)


def test_redis_stopped_and_started(stack):
    redis, _, _, fleet = start(stack)
    for crash in (False, True):
        wait_for_moves(stack, 150)
        if crash:
            redis.kill()
        else:
            redis.stop()
        stack.forget(redis)
        wait_until(lambda: not stack.ready(), 20, "droverd to notice")
        redis = stack.start_redis()
        wait_until(stack.ready, 30, "droverd to be ready again")
    finish(stack, fleet)


def test_mosquitto_stopped_and_started(stack):
    _, broker, _, fleet = start(stack)
    wait_for_moves(stack, 150)
    broker.stop()
    stack.forget(broker)
    wait_until(lambda: not stack.ready(), 30, "droverd to notice")
    stack.start_broker()
    wait_until(stack.ready, 180, "droverd to be ready again")   # 600 devices come back at once, on a machine that may have other work
    finish(stack, fleet)


def test_redis_frozen_for_five_seconds(stack):
    redis, _, _, fleet = start(stack)
    wait_for_moves(stack, 150)
    redis.signal(signal.SIGSTOP)
    frozen = time.monotonic()
    try:
        wait_until(lambda: time.monotonic() - frozen >= 5, 10, "five seconds of frost")
    finally:
        redis.signal(signal.SIGCONT)
    wait_until(stack.ready, 30, "droverd to be ready again")
    finish(stack, fleet)
