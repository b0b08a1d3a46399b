"""Parts that are absent, late, read-only or full: droverd waits, says so, speaks of nothing it could not save, and ends cleanly."""
import json
import resource
import signal
import urllib.error
import urllib.request

import pytest
import paho.mqtt.client as mqtt

from fleet import FAST
from stack import StackError, free_port, wait_until


def readiness(stack):
    try:
        with urllib.request.urlopen(stack.url("/readyz"), timeout=3) as answer:
            return answer.status, answer.read().decode()
    except urllib.error.HTTPError as error:
        return error.code, error.read().decode()
    except OSError:
        return None, ""


def publish(stack, topic, message):
    client = mqtt.Client("probe-" + topic.replace("/", "-"), protocol=mqtt.MQTTv5)
    client.connect("127.0.0.1", stack.broker_port)
    client.loop_start()
    client.publish(topic, json.dumps(message), qos=1).wait_for_publish(20)
    client.loop_stop()
    client.disconnect()


def beat(seq, version="1.0.0", boot="boot-1"):
    return {"schema": 1, "model": "esp32", "version": version, "status": "idle", "boot_id": boot, "seq": seq, "managed": True}


@pytest.mark.asan
def test_it_waits_for_redis_and_broker_and_says_so(stack):
    stack.broker_port = free_port()
    droverd = stack.start_droverd(wait_ready=False)
    wait_until(lambda: readiness(stack)[0] == 503, 20, "the answer that it is not ready", alive=[droverd])
    assert "redis" in readiness(stack)[1].lower() and "mqtt" in readiness(stack)[1].lower()
    stack.start_redis()
    wait_until(lambda: readiness(stack)[0] == 503 and "redis" not in readiness(stack)[1].lower(), 20, "only the broker to be missing", alive=[droverd])
    stack.start_broker()
    wait_until(lambda: readiness(stack)[0] == 200, 30, "droverd to be ready", alive=[droverd])
    publish(stack, "device/d1/heartbeat", beat(1))
    wait_until(lambda: stack.redis().hget("drover:v1:device:d1", "version") == "1.0.0", 20, "the heartbeat in Redis")
    assert droverd.stop() == 0


@pytest.mark.asan
@pytest.mark.parametrize("fault", ["out of memory", "read-only", "script error"])
def test_nothing_is_spoken_that_redis_refused_to_save(stack, fault):
    stack.start_redis()
    stack.start_broker()
    droverd = stack.start_droverd(settings=FAST)
    store = stack.redis()
    heard = []
    listener = mqtt.Client("listener", protocol=mqtt.MQTTv5)
    listener.on_message = lambda _client, _data, message: heard.append(message.topic)
    listener.connect("127.0.0.1", stack.broker_port)
    listener.subscribe("update/esp32/+", qos=1)
    listener.loop_start()
    stack.add_release("esp32", "1.1.0")
    stack.drover("rollout", "start", "esp32", "1.1.0")

    if fault == "out of memory":
        store.config_set("maxmemory", "1")
    elif fault == "read-only":
        store.execute_command("REPLICAOF", "127.0.0.1", "1")
    else:
        store.execute_command("ACL", "SETUSER", "default", "-xadd")
    publish(stack, "device/d1/heartbeat", beat(1))
    wait_until(lambda: sum(value for name, value in stack.metrics().items() if name.startswith("drover_store_refused_total")) > 0,
               20, "the refusal to be counted", alive=[droverd])
    assert heard == []
    wait_until(lambda: "store_refused" in droverd.log_path.read_text(), 20, "the alarm in the log", alive=[droverd])

    if fault == "out of memory":
        store.config_set("maxmemory", "0")
    elif fault == "read-only":
        store.execute_command("REPLICAOF", "NO", "ONE")
    else:
        store.execute_command("ACL", "SETUSER", "default", "+xadd")
    publish(stack, "device/d1/heartbeat", beat(2))
    wait_until(lambda: "update/esp32/d1" in heard, 30, "the command once Redis takes it", alive=[droverd])
    listener.loop_stop()


def test_a_full_disk_refuses_the_upload_and_leaves_nothing(stack):
    stack.start_redis()
    stack.start_broker()
    droverd = stack.start_droverd()
    # Files of this process may not grow beyond 3 MB from now on: what a full disk looks like from inside.
    resource.prlimit(droverd.pid, resource.RLIMIT_FSIZE, (3_000_000, 3_000_000))
    with pytest.raises(StackError, match="507|space"):
        stack.add_release("esp32", "1.1.0", size=6_000_000)
    droverd.check_alive()
    data = stack.folder / "data"
    assert [path for path in data.rglob("*") if path.is_file() and not path.name.endswith(".ring")] == []
    stack.add_release("esp32", "1.0.1", size=100_000)
    assert [release["version"] for release in stack.drover_json("release", "list")["items"]] == ["1.0.1"]


def test_sighup_reloads_and_a_bad_file_changes_nothing(stack, tmp_path):
    stack.start_redis()
    stack.start_broker()
    config = tmp_path / "droverd.conf"
    config.write_text("[log]\nlevel = info\n")
    droverd = stack.start_droverd(settings={"flow.ready_ms": 30000})
    stack.forget(droverd)
    droverd.stop()
    arguments = droverd.arguments + ["--config", config]
    droverd = stack.start("droverd-with-file", arguments)
    wait_until(stack.ready, 30, "droverd to be ready", alive=[droverd])
    config.write_text("[log]\nlevel = nonsense\n")
    droverd.signal(signal.SIGHUP)
    wait_until(lambda: "nonsense" in droverd.log_path.read_text() or "log.level" in droverd.log_path.read_text(), 10, "the bad file to be named", alive=[droverd])
    config.write_text("[log]\nlevel = debug\n")
    droverd.signal(signal.SIGHUP)
    wait_until(lambda: "level=debug" in droverd.log_path.read_text() or "to=debug" in droverd.log_path.read_text(), 10, "the new level to be used", alive=[droverd])
    assert droverd.stop() == 0
