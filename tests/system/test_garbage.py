"""Bad input over MQTT and HTTP: every piece is refused and counted by reason, and nothing else changes."""
import http.client
import json
import random
import socket

import paho.mqtt.client as mqtt
import pytest

from stack import wait_until

VALID = {"schema": 1, "model": "esp32", "version": "1.0.0", "hw_rev": "a1", "status": "idle", "slot": "a", "boot_id": "b-1",
         "uptime_s": 10, "seq": 1, "network": "wifi", "rssi_dbm": -60, "battery_pct": 80, "priority": "normal", "tags": "lab,north"}
REPORT = {"schema": 1, "upgrade_id": "0123456789abcdef", "attempt": 1, "seq": 1, "state": "downloading", "progress": 10}


def broken_objects(random_, valid, integers, texts):
    """Endless variations of a valid message, each with exactly one thing wrong."""
    while True:
        message = dict(valid)
        kind = random_.randrange(10)
        if kind == 0:
            message[random_.choice(integers)] = random_.choice(["7", 1e30, -(2 ** 60), 3.5, True, [], {}])
        elif kind == 1:
            message[random_.choice(texts)] = random_.choice([7, True, [], {"a": 1}, "x" * 600])
        elif kind == 2:
            message["schema"] = random_.choice([0, 2, "1", None, -1])
        elif kind == 3:
            del message[random_.choice([name for name in ("schema", *valid) if name in ("schema", "model", "version", "upgrade_id", "attempt", "seq", "state")
                                        and name in message and not (name == "seq" and "model" in message)])]
        elif kind == 4:
            depth = random_.randrange(5, 60)
            yield (json.dumps(message)[:-1] + ',"x":' + "[" * depth + "]" * depth + "}").encode()
            continue
        elif kind == 5:
            text = json.dumps(message)
            yield text[:random_.randrange(1, len(text))].encode()
            continue
        elif kind == 6:
            text = json.dumps(message).encode()
            at = text.index(b'"model"' if b'"model"' in text else b'"state"')
            yield text[:at] + b'"note":"' + bytes([random_.choice([0xff, 0xc0, 0x80, 0xfe])]) + b'",' + text[at:]
            continue
        elif kind == 7:
            yield json.dumps({**message, "filler": "y" * random_.randrange(8192, 30000)}).encode()
            continue
        elif kind == 8:
            name = random_.choice(list(valid))
            yield (json.dumps(message)[:-1] + f',"{name}":{json.dumps(valid[name])}}}').encode()
            continue
        else:
            yield random_.choice([b"[]", b"null", b"1", b'"x"', b"{}x", b"{'a':1}", b"\xef\xbb\xbf{}", b'{"a":01}', b'{"a":"\\u0000"}',
                                  b'{"a":"\\ud800"}', bytes(random_.randrange(256) for _ in range(random_.randrange(1, 200)))])
            continue
        yield json.dumps(message).encode()


def bad_topics(random_):
    while True:
        yield random_.choice(["device/-x/heartbeat", "device/a b/heartbeat", "device/" + "x" * 65 + "/report", "device/ü/heartbeat",
                              "device/.hidden/online", "device/a$b/report", "device/a:b/heartbeat"])


def snapshot(store):
    """Every key with its content, but what the clock alone moves, and the audit, which tells of refused orders, too."""
    content = {}
    for key in store.scan_iter("*", count=1000):
        if key in ("drover:v1:series", "drover:v1:seals", "drover:v1:audit", "drover:priv:leader", "drover:priv:sweep"):
            continue
        content[key] = store.dump(key)
    return content


def connect(stack):
    client = mqtt.Client("garbage", protocol=mqtt.MQTTv5)
    client.max_inflight_messages_set(500)
    client.max_queued_messages_set(0)
    client.connect("127.0.0.1", stack.broker_port)
    client.loop_start()
    return client


def refused(stack):
    return sum(value for name, value in stack.metrics().items() if name.startswith("drover_refused_total"))


@pytest.mark.asan
def test_attack_18_ten_thousand_bad_messages_change_nothing_but_the_counters(stack):
    stack.start_redis()
    stack.start_broker()
    droverd = stack.start_droverd(settings={"flow.offline_after_ms": 3600000})
    client = connect(stack)
    client.publish("device/good/heartbeat", json.dumps(VALID), qos=1)
    store = stack.redis()
    wait_until(lambda: store.zscore("drover:v1:seen", "good"), 20, "the good device to be known")
    before, refused_before = snapshot(store), refused(stack)

    random_ = random.Random(20260101)
    heartbeats = broken_objects(random_, VALID, ["seq", "uptime_s", "rssi_dbm", "battery_pct"], ["version", "model", "status", "boot_id", "slot", "tags"])
    reports = broken_objects(random_, REPORT, ["attempt", "seq", "progress"], ["upgrade_id", "state"])
    topics = bad_topics(random_)
    sent = 10_000
    last = None
    for number in range(sent):
        kind = number % 10
        if kind < 5:
            last = client.publish("device/bad%d/heartbeat" % (number % 7), next(heartbeats), qos=1)
        elif kind < 8:
            last = client.publish("device/bad%d/report" % (number % 7), next(reports), qos=1)
        elif kind < 9:
            last = client.publish("device/bad/online", random_.choice([b"", b"{}", b'{"online":1}', b'{"online":"yes"}', b"true", b'{"online":true}{'][1:]), qos=1)
        else:
            last = client.publish(next(topics), json.dumps(VALID), qos=1)
    last.wait_for_publish(60)
    wait_until(lambda: refused(stack) - refused_before >= sent, 60, "every bad message to be counted", alive=[droverd])

    assert refused(stack) - refused_before == sent
    reasons = {name for name, value in stack.metrics().items() if name.startswith("drover_refused_total") and value > 0}
    assert len(reasons) >= 8, f"counted by reason: {reasons}"
    assert snapshot(store) == before
    client.publish("device/good/heartbeat", json.dumps({**VALID, "seq": 2}), qos=1)
    wait_until(lambda: store.hget("drover:v1:device:good", "seq") == "2", 20, "an honest heartbeat afterwards")
    client.loop_stop()


def raw_http(port, request):
    with socket.create_connection(("127.0.0.1", port), timeout=10) as peer:
        peer.sendall(request)
        peer.shutdown(socket.SHUT_WR)
        answer = b""
        while True:
            try:
                part = peer.recv(65536)
            except ConnectionResetError:
                break
            if not part:
                break
            answer += part
    return answer


@pytest.mark.asan
def test_bad_http_requests_are_refused_with_what_and_where(stack):
    stack.start_redis()
    stack.start_broker()
    droverd = stack.start_droverd()
    store = stack.redis()
    before = snapshot(store)
    device_port, api_port = stack.http_ports["drover-1"], stack.api_ports["drover-1"]
    token = stack.token_file.read_text().strip()

    def ask(port, method, path, body=None, headers=None):
        connection = http.client.HTTPConnection("127.0.0.1", port, timeout=10)
        connection.request(method, path, body=body, headers={"Authorization": f"Bearer {token}", **(headers or {})})
        answer = connection.getresponse()
        content = answer.read()
        connection.close()
        return answer.status, content

    for path, where in [("/firmware/latest", "device_model"), ("/firmware/latest?device_model=esp32", "current_version"),
                        ("/firmware/latest?device_model=a%20b&current_version=1.0.0", "device_model"),
                        ("/firmware/latest?device_model=esp32&current_version=1.x", "current_version"),
                        ("/firmware/latest?device_model=esp32&current_version=1.0.0&device_id=..%2fetc", "device_id")]:
        status, content = ask(device_port, "GET", path)
        assert status == 400, path
        assert json.loads(content)["where"] == where, content
    for path in ["/artifacts/../../etc/passwd", "/artifacts/%2e%2e/x", "/artifacts/" + "g" * 64, "/artifacts/" + "a" * 63, "/artifacts/" + "A" * 64, "/nothing"]:
        assert ask(device_port, "GET", path)[0] in (400, 404), path
    assert ask(device_port, "GET", "/api/v1/devices")[0] == 404, "the operators' API is not on the devices' listener"
    assert ask(device_port, "DELETE", "/firmware/latest")[0] == 405
    for body, where in [(b"{", None), (b"[]", None), (b'{"model":"esp32"}', "version"), (b'{"model":7,"version":"1.0.0"}', "model"),
                        (b'{"model":"esp32","version":"1.0.0","share_pct":0}', "share_pct"), (b'{"model":"esp32","version":"1.0.0","nonsense":1}', "nonsense"),
                        (b'{"model":"esp32","model":"esp32","version":"1.0.0"}', "model")]:
        status, content = ask(api_port, "POST", "/api/v1/rollouts", body)
        assert status == 400, (body, content)
        assert where is None or json.loads(content)["where"] == where, content
    assert ask(api_port, "POST", "/api/v1/rollouts", b'{"model":"esp32","version":"9.9.9"}')[0] == 404
    for authorization in ["", "Bearer", "Bearer wrong", "Basic " + token, "Bearer " + token + "x"]:
        assert ask(api_port, "GET", "/api/v1/devices", headers={"Authorization": authorization})[0] in (401, 403), authorization

    for request in [b"GET / HTTP/9.9\r\n\r\n", b"\x00\x01\x02\r\n\r\n", b"GET /healthz HTTP/1.1\r\nHost: x\r\nX: " + b"y" * 100_000 + b"\r\n\r\n",
                    b"POST /api/v1/rollouts HTTP/1.1\r\nHost: x\r\nContent-Length: 99999999999\r\n\r\n",
                    b"POST /api/v1/rollouts HTTP/1.1\r\nHost: x\r\nContent-Length: 2\r\nContent-Length: 3\r\n\r\n{}}",
                    b"POST /api/v1/rollouts HTTP/1.1\r\nHost: x\r\nContent-Length: 2\r\nTransfer-Encoding: chunked\r\n\r\n0\r\n\r\n"]:
        answer = raw_http(api_port, request)
        assert b" 200 " not in answer.split(b"\r\n")[0] and b" 201 " not in answer.split(b"\r\n")[0], (request[:60], answer[:80])
    random_ = random.Random(7)
    for _ in range(200):
        raw_http(random_.choice([device_port, api_port]), bytes(random_.randrange(256) for _ in range(random_.randrange(1, 400))) + b"\r\n\r\n")
    droverd.check_alive()
    assert stack.ready()
    assert snapshot(store) == before
