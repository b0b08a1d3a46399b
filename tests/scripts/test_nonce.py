"""nonce_take: once each, bounded for each holder, gone by itself."""
import threading

import redis

NONCE, COUNT = "drover:priv:nonce:", "drover:priv:nonces:"


def take(drover, nonce, holder="h", keep_ms=60000, window_ms=30000, most=5):
    return drover.call("nonce_take", nonce, keep_ms, holder, window_ms, most)


def test_once(drover):
    assert take(drover, "a") == 1
    assert take(drover, "a") == 0 and take(drover, "a", holder="other") == 0
    assert take(drover, "b") == 1
    assert 59000 < drover.redis.pttl(NONCE + "a") <= 60000


def test_a_second_use_writes_nothing(drover):
    take(drover, "a")
    drover.redis.pexpire(NONCE + "a", 5000)
    before = {key: (drover.redis.type(key), drover.redis.get(key)) for key in drover.redis.keys()}
    assert take(drover, "a", keep_ms=90000) == 0
    assert {key: (drover.redis.type(key), drover.redis.get(key)) for key in drover.redis.keys()} == before
    assert drover.redis.pttl(NONCE + "a") <= 5000, "its life is not prolonged by whoever repeats it"


def test_only_so_many_for_each_holder(drover):
    assert [take(drover, f"n{number}") for number in range(7)] == [1] * 5 + [2] * 2
    assert drover.redis.exists(NONCE + "n5") == 0 and drover.redis.get(COUNT + "h") == "5"
    assert take(drover, "n0") == 0, "used before is said first"
    assert take(drover, "n5", holder="other") == 1
    assert 29000 < drover.redis.pttl(COUNT + "h") <= 30000
    drover.redis.delete(COUNT + "h")   # as when the window is over
    assert take(drover, "n6") == 1


def test_both_keys_expire(drover):
    take(drover, "a", keep_ms=1, window_ms=1)
    deadline = drover.redis.time()[0] + 10
    while drover.redis.exists(NONCE + "a", COUNT + "h") and drover.redis.time()[0] < deadline:
        pass
    assert drover.redis.exists(NONCE + "a", COUNT + "h") == 0
    assert take(drover, "a") == 1


def test_many_at_a_time_one_wins(drover, server):
    take(drover, "warm")   # registers the script
    script = drover.scripts["nonce_take"]
    path, results = server.connection_pool.connection_kwargs["path"], []

    def ask():
        client = redis.Redis(unix_socket_path=path, decode_responses=True)
        results.append(client.evalsha(script.sha, 2, "drover:v1:", "drover:priv:", "contested", 60000, "h", 30000, 100))
        client.close()
    threads = [threading.Thread(target=ask) for _ in range(16)]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()
    assert sorted(results) == [0] * 15 + [1]
