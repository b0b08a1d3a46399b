"""heartbeat_record: what is taken, what is stale, what is loaded, and what it counts."""
import pytest
import redis


def beat(name="d1", seq=1, at_ms=1000, **more):
    return dict(id=name, seq=seq, at_ms=at_ms, **more)


def test_first_contact_makes_the_device(drover):
    assert drover.record(beat(kind="managed", network="wifi", rssi_dbm=-60)) == ("0", [])
    device = drover.device("d1")
    assert device == {"facts": "77", "seq": "1", "model": "esp32", "version": "1.0.0", "status": "idle", "boot_id": "b1", "network": "wifi",
                      "rssi_dbm": "-60", "kind": "managed", "online": "1", "first_seen_ms": "1000"}
    assert drover.counts("fleet") == {"devices": 1, "online": 1}
    assert drover.counts("model:esp32") == {"devices": 1, "online": 1, "version:1.0.0": 1}
    assert drover.redis.zscore("drover:v1:seen", "d1") == 1000
    assert drover.redis.smembers("drover:v1:models") == {"esp32"}


def test_short_form_takes_time_and_seq(drover):
    drover.record(beat())
    assert drover.record(beat(seq=2, at_ms=2000, long=False)) == ("0", [])
    assert drover.device("d1")["seq"] == "2" and drover.redis.zscore("drover:v1:seen", "d1") == 2000


def test_short_form_of_unknown_facts_asks_for_the_long_one(drover):
    assert drover.record(beat(long=False))[0] == "F"
    assert drover.redis.keys("*") == []
    drover.record(beat())
    before = drover.snapshot()
    assert drover.record(beat(seq=2, at_ms=2000, facts=78, long=False))[0] == "F"
    assert drover.snapshot() == before


@pytest.mark.parametrize("long", [True, False])
@pytest.mark.parametrize("seq", [4, 5])
def test_stale_changes_nothing(drover, long, seq):
    drover.record(beat(seq=5))
    before = drover.snapshot()
    assert drover.record(beat(seq=seq, at_ms=2000, long=long))[0] == "S"
    assert drover.snapshot() == before


@pytest.mark.parametrize("long", [True, False])
def test_without_boot_id_only_an_equal_seq_is_a_duplicate(drover, long):
    drover.record(beat(seq=5, boot_id=""))
    assert drover.record(beat(seq=5, at_ms=2000, long=long, boot_id=""))[0] == "S"
    assert drover.record(beat(seq=1, at_ms=2000, long=long, boot_id=""))[0] == "0"


def test_without_seq_everything_is_taken(drover):
    drover.record(beat(seq=""))
    assert drover.record(beat(seq="", at_ms=2000, long=False))[0] == "0"
    assert drover.redis.zscore("drover:v1:seen", "d1") == 2000


def test_seen_never_goes_back(drover):
    drover.record(beat(at_ms=5000))
    drover.record(beat(seq=2, at_ms=4000, long=False))
    assert drover.redis.zscore("drover:v1:seen", "d1") == 5000


def test_new_version_and_model_move_the_counts(drover):
    drover.record(beat())
    drover.record(beat(seq=2, at_ms=2000, version="1.1.0", facts=78))
    assert drover.counts("model:esp32") == {"devices": 1, "online": 1, "version:1.1.0": 1}
    drover.record(beat(seq=3, at_ms=3000, version="2.0.0", model="esp8266", facts=79))
    assert drover.counts("model:esp32") == {}
    assert drover.counts("model:esp8266") == {"devices": 1, "online": 1, "version:2.0.0": 1}
    assert drover.counts("fleet") == {"devices": 1, "online": 1}


def test_absent_fields_are_removed(drover):
    drover.record(beat(network="wifi", battery_pct=50, kind="simple"))
    drover.record(beat(seq=2, at_ms=2000, facts=78))
    device = drover.device("d1")
    assert "network" not in device and "battery_pct" not in device and device["kind"] == "simple"


def test_wanted_devices_are_loaded(drover):
    codes, loaded = drover.record(beat(want=True))
    assert codes == "L" and loaded[0][0]["version"] == "1.0.0" and loaded[0][1] == {}
    codes, loaded = drover.record(beat(seq=2, at_ms=2000, want=True, long=False))
    assert codes == "L" and loaded[0][0]["seq"] == "2"


def test_live_upgrade_is_always_loaded(drover):
    drover.record(beat())
    drover.release(), drover.rollout()
    drover.open("d1", drover.upgrade())
    codes, loaded = drover.record(beat(seq=2, at_ms=2000, long=False))
    assert codes == "L" and loaded[0][1]["state"] == "pending"
    codes, loaded = drover.record(beat(seq=3, at_ms=3000, facts=78))
    assert codes == "L"
    assert drover.record(beat(seq=4, at_ms=4000, facts=78, long=False))[0] == "L"


def test_news_about_a_device_that_had_an_upgrade_are_loaded_twice(drover):
    drover.record(beat())
    drover.release(), drover.rollout()
    drover.open("d1", drover.upgrade())
    drover.move("d1", drover.upgrade(state="failed", revision=2, deadline_ms=0, token="t2", error="E_BOOT"), 1, "pending")
    assert drover.record(beat(seq=2, at_ms=2000, long=False))[0] == "0"
    assert drover.record(beat(seq=3, at_ms=3000, version="1.1.0", facts=78))[0] == "L"
    assert drover.record(beat(seq=4, at_ms=4000, version="1.1.0", facts=78, long=False))[0] == "L"
    assert drover.record(beat(seq=5, at_ms=5000, version="1.1.0", facts=78, long=False))[0] == "0"


def test_models_that_a_device_makes_up_are_forgotten(drover):
    drover.record(beat(model="m1"))
    drover.release(model="m1"), drover.rollout(model="m1")
    drover.open("d1", drover.upgrade(model="m1"))
    for number in range(2, 6):
        drover.record(beat(seq=number, at_ms=1000 * number, model=f"m{number}", facts=77 + number))
    assert drover.redis.smembers("drover:v1:models") == {"m1", "m5"}, "its upgrade still counts in the first"


def test_boots_that_alternate_are_a_clash(drover):
    drover.record(beat(boot_id="A"))
    drover.record(beat(boot_id="B", at_ms=2000, facts=78))
    assert drover.device("d1")["boot_prev"] == "A"
    for number in (1, 2):
        assert drover.record(beat(boot_id="A", seq=8 + number, at_ms=2000 + 1000 * number))[0] == "S"
        assert drover.record(beat(boot_id="B", seq=1 + number, at_ms=2500 + 1000 * number, facts=78))[0] == "0"
    assert drover.events() == []
    assert drover.record(beat(boot_id="A", seq=11, at_ms=5000))[0] == "C"
    device = drover.device("d1")
    assert device["clash_ms"] == "5000" and device["boot_id"] == "B"
    [alarm] = drover.events()
    assert alarm["kind"] == "alarm" and alarm["device"] == "d1" and alarm["on"] == "clash" and device["last_event"] == alarm["id"]
    drover.record(beat(boot_id="B", seq=9, at_ms=5500, facts=78))
    assert drover.record(beat(boot_id="A", seq=12, at_ms=6000))[0] == "C"
    assert len(drover.events()) == 1, "one alarm an hour, not one a heartbeat"
    drover.record(beat(boot_id="C", at_ms=7000, facts=79))
    assert not {"clash", "clash_seen", "clash_from"} & set(drover.device("d1")), "a new boot begins the count again"


def test_old_news_all_at_once_is_no_clash(drover):
    drover.record(beat(boot_id="A"))
    drover.record(beat(boot_id="B", at_ms=2000, facts=78))
    for seq in range(2, 30):
        assert drover.record(beat(boot_id="A", seq=seq, at_ms=3000 + seq))[0] == "S"
    assert drover.device("d1")["clash"] == "1" and drover.events() == []


def test_an_alarm_is_in_the_chain_of_the_upgrade_too(drover):
    drover.record(beat(boot_id="A"))
    drover.record(beat(boot_id="B", at_ms=2000, facts=78))
    drover.release(), drover.rollout()
    drover.open("d1", drover.upgrade())
    for number in range(3):
        drover.record(beat(boot_id="A", seq=9 + number, at_ms=3000 + 1000 * number, want=True))
        drover.record(beat(boot_id="B", seq=2 + number, at_ms=3500 + 1000 * number, facts=78))
    alarm = [event for event in drover.events() if event["kind"] == "alarm"][-1]
    assert drover.device("d1")["last_event"] == drover.redis.hget("drover:v1:upgrade:d1", "last_event") == alarm["id"]


def test_an_older_boot_that_alone_speaks_on_is_believed(drover):
    drover.record(beat(boot_id="B"))
    drover.record(beat(boot_id="A", at_ms=2000, facts=78))   # long forgotten, replayed
    assert drover.record(beat(boot_id="B", seq=2, at_ms=3000))[0] == "S"
    drover.call("offline_sweep", 2999, 10)
    assert drover.record(beat(boot_id="B", seq=3, at_ms=90000))[0] == "S", "all its old news may have come at once"
    drover.call("offline_sweep", 3000, 10)
    assert drover.record(beat(boot_id="B", seq=4, at_ms=93001))[0] == "0"
    device = drover.device("d1")
    assert device["boot_id"] == "B" and device["boot_prev"] == "A" and device["online"] == "1" and "clash" not in device
    assert drover.record(beat(boot_id="A", seq=2, at_ms=94000, facts=78))[0] == "S"


def test_offline_device_comes_back_with_a_short_form(drover):
    drover.record(beat())
    drover.call("device_online", "d1", 0, 2000)
    assert drover.record(beat(seq=2, at_ms=3000, long=False))[0] == "F"
    assert drover.record(beat(seq=2, at_ms=3000))[0] == "0"
    assert drover.counts("fleet") == {"devices": 1, "online": 1} and drover.device("d1")["online"] == "1"


def test_old_heartbeats_after_the_sweep_do_not_turn_it_on(drover):
    drover.redis.hset("drover:priv:sweep", "offline_ms", 10000)
    drover.record(beat(at_ms=9000))
    assert drover.device("d1")["online"] == "0" and drover.counts("fleet") == {"devices": 1}
    assert drover.record(beat(seq=2, at_ms=9500, long=False))[0] == "F"
    drover.record(beat(seq=3, at_ms=10001))
    assert drover.device("d1")["online"] == "1" and drover.counts("fleet") == {"devices": 1, "online": 1}


def test_a_batch_keeps_its_order(drover):
    drover.record(beat("a"), beat("b"), beat("c"))
    codes, loaded = drover.record(beat("a", 2, 2000, long=False), beat("x", 1, 2000, long=False), beat("b", 1, 2000, long=False),
                                  beat("c", 2, 2000, long=False, want=True), beat("n", 1, 2000, version="3.0.0", want=True))
    assert codes == "0FSLL"
    assert [device["version"] for device, _ in loaded] == ["1.0.0", "3.0.0"]
    assert drover.redis.zrange("drover:v1:seen", 0, -1, withscores=True) == [("b", 1000), ("a", 2000), ("c", 2000), ("n", 2000)]


def test_too_few_arguments_change_nothing(drover):
    with pytest.raises(redis.ResponseError, match="too few"):
        drover.call("heartbeat_record", "00", "drover-1", 1000, 3, 1000, 1, "d1")
    assert drover.redis.keys("*") == []


def test_an_empty_batch(drover):
    assert drover.record() == ("", [])


def on(drover, version, model="esp32"):
    return {name: int(value) for name, value in drover.redis.hgetall(f"drover:v1:model:{model}:on:{version}").items()}


def test_what_devices_do_on_each_version(drover):
    def beat(seq, **fields):
        drover.record(dict(id="d1", at_ms=1000 * seq, seq=seq, facts=seq, **fields))
    drover.record(dict(id="d2", at_ms=500, seq=1))
    beat(1, status="unhealthy")
    assert on(drover, "1.0.0") == {"devices": 2, "online": 2, "unhealthy": 1}
    beat(2)
    assert on(drover, "1.0.0") == {"devices": 2, "online": 2}
    beat(3, boot_id="b2")
    beat(4, boot_id="b2", status="unhealthy")
    assert on(drover, "1.0.0") == {"devices": 2, "online": 2, "unhealthy": 1, "reboots": 1}
    beat(5, boot_id="b3", version="1.1.0", status="unhealthy")
    assert on(drover, "1.0.0") == {"devices": 1, "online": 1, "reboots": 1}, "its new version explains that boot"
    assert on(drover, "1.1.0") == {"devices": 1, "online": 1, "unhealthy": 1}
    drover.call("device_online", "d1", 0, 6000)
    assert on(drover, "1.1.0") == {"devices": 1, "unhealthy": 1}
    drover.call("offline_sweep", 800, 10)
    assert on(drover, "1.0.0") == {"devices": 1, "reboots": 1}
    drover.record(dict(id="d2", at_ms=7000, seq=2, facts=9, version="1.1.0"))
    assert on(drover, "1.0.0") == {}, "it goes with its last device"
    assert on(drover, "1.1.0") == {"devices": 2, "online": 1, "unhealthy": 1}


def test_boots_of_an_upgrade_are_no_reboots(drover):
    drover.release(), drover.rollout()
    drover.record(dict(id="d1", at_ms=1000, seq=1))
    drover.open("d1", drover.upgrade())
    drover.record(dict(id="d1", at_ms=2000, seq=1, facts=8, boot_id="b2"))
    assert "reboots" not in on(drover, "1.0.0")
    drover.move("d1", drover.upgrade(state="failed", revision=2, token="t2"), 1, "pending")
    drover.record(dict(id="d1", at_ms=3000, seq=1, facts=9, boot_id="b3"))
    assert on(drover, "1.0.0")["reboots"] == 1
