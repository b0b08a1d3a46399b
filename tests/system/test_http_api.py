"""The operators' API and /firmware/latest on a real droverd: every answer against proto/openapi.yaml, refusals by name, faults."""
import hashlib
import http.client
import json
import threading
import time

import contract
import pytest
from contract import fits
from fleet import FAST
from stack import wait_until


class Api:
    def __init__(self, stack):
        self.ports = {"api": stack.api_ports["drover-1"], "http": stack.http_ports["drover-1"]}
        self.token = stack.token_file.read_text().strip()
        self.stack = stack

    def ask(self, method, path, body=None, listener="api", timeout=20, headers=None):
        connection = http.client.HTTPConnection("127.0.0.1", self.ports[listener], timeout=timeout)
        content = json.dumps(body).encode() if isinstance(body, dict) else body
        connection.request(method, path, content, {"Authorization": "Bearer " + self.token, **(headers or {})})
        answer = connection.getresponse()
        text = answer.read()
        connection.close()
        if method != "HEAD" and not (listener == "http" and answer.status == 404):   # operators' paths are not there
            contract.check(method, path, answer.status, answer.headers, text)
        return answer.status, json.loads(text) if "json" in (answer.headers["Content-Type"] or "") else text, answer.headers

    def get(self, path, schema=None, status=200):
        got, value, _ = self.ask("GET", path)
        assert got == status, (path, got, value)
        if schema:
            fits(value, schema)
        return value

    def post(self, path, body=None, schema=None, status=200):
        got, value, _ = self.ask("POST", path, body if body is not None else {})
        assert got == status, (path, got, value)
        if schema:
            fits(value, schema)
        return value

    def refused(self, method, path, status, where=None, body=None, listener="api"):
        got, value, headers = self.ask(method, path, body, listener)
        assert got == status, (path, body, got, value)
        assert headers["Content-Type"] == "application/problem+json", headers.items()
        fits(value, "Problem")
        assert where is None or value.get("where") == where, (path, value)
        return value

    def upload(self, content):
        digest = hashlib.sha256(content).hexdigest()
        status, value, _ = self.ask("PUT", f"/api/v1/uploads/{digest}?size={len(content)}&offset=0", content)
        assert status == 200 and value["complete"], value
        fits(value, "Upload")
        return digest

    def release(self, model, version, image=b"x", **more):
        """A signed package in the depot, and the body that makes it a release."""
        return {"sha256": self.upload(self.stack.package(model, version, image=image).read_bytes()), **more}

    def add(self, body, status=201):
        """Asks until the packages are verified."""
        def answered():
            got, value, headers = self.ask("POST", "/api/v1/releases", body)
            if got == 202:
                assert headers["Retry-After"] == "1"
                fits(value, "Verifying")
            return got != 202 and (got, value)
        got, value = wait_until(answered, 20, "the release to be verified")
        assert got == status, (got, value)
        fits(value, "Release" if status < 400 else "Problem")
        return value


@pytest.fixture
def api(stack):
    stack.start_redis()
    stack.start_broker()
    stack.start_droverd(settings=FAST)
    return Api(stack)


def heartbeats(stack, count, model="esp32", version="1.0.0"):
    """Some managed devices that only speak once, and the store has heard them."""
    import paho.mqtt.client
    client = paho.mqtt.client.Client("test-http-api", protocol=paho.mqtt.client.MQTTv5)
    client.connect("127.0.0.1", stack.broker_port)
    client.loop_start()
    for i in range(count):
        body = {"schema": 1, "version": version, "model": model, "status": "idle", "seq": 1, "boot_id": f"boot-{i}", "uptime_s": 5,
                "managed": True, "rssi_dbm": -60, "battery_pct": 80, "network": "wifi", "slot": "a"}
        client.publish(f"device/{model}-{i}/heartbeat", json.dumps(body), qos=1).wait_for_publish(10)
    client.loop_stop()
    client.disconnect()
    store = stack.redis()
    wait_until(lambda: int(store.hget(f"drover:v1:model:{model}", "devices") or 0) == count, 20, "the devices to be known")


def test_releases(stack, api):
    old, new = stack.package("esp32", "1.0.0", image=bytes(50_000) + b"old"), stack.package("esp32", "v1.1.0", image=bytes(50_000) + b"new")
    first = {"model": "esp32", "version": "v1.1.0", "sha256": api.upload(new.read_bytes())}
    delta = stack.delta(old, new).read_bytes()
    body = {**first, "deltas": [{"base_version": "1.0.0", "sha256": api.upload(delta)}]}
    made = api.add(body)
    assert made["version"] == "1.1.0" and made["size"] == new.stat().st_size and made["deltas"][0]["size"] == len(delta), made
    assert made["deltas"][0]["state"] == "given" and not made["encrypted"], made
    assert api.add(body, 200) == made
    api.add(first, 409)
    assert api.get("/api/v1/releases/esp32/v1.1.0", "Release") == made
    assert api.add({**first, "version": "1.1.1"}, 422)["code"] == "E_INCOMPATIBLE"
    api.refused("GET", "/api/v1/releases/esp32/9.9.9", 404)
    api.refused("GET", "/api/v1/releases/esp32/x", 404, "version")
    for version in ("1.2.0+b.1", "1.3.0", "1.4.0"):
        api.add(api.release("esp32", version))
    api.add(api.release("other", "1.0.0"))
    assert api.get("/api/v1/releases/esp32/1.2.0%2Bb.1")["version"] == "1.2.0+b.1"
    assert len(api.get("/api/v1/releases", "Page")["items"]) == 5
    seen, cursor = [], ""
    while True:
        page = api.get(f"/api/v1/releases?model=esp32&limit=3&cursor={cursor.replace('+', '%2B')}", "Page")
        seen += [item["version"] for item in page["items"]]
        cursor = page["next"]
        if not cursor:
            break
    assert sorted(seen) == ["1.1.0", "1.2.0+b.1", "1.3.0", "1.4.0"], seen


def test_rollouts(stack, api):
    heartbeats(stack, 6)
    for version in ("1.1.0", "1.2.0+x"):
        api.add(api.release("esp32", version))
    body = {"model": "esp32", "version": "1.1.0", "max_in_flight": 2, "soak_ms": 5}
    for name, value, where in (("share_pct", 0, "share_pct"), ("share_pct", 101, "share_pct"), ("max_in_flight", 0, "max_in_flight"),
                               ("confirmations", "2", "confirmations"), ("soak_ms", -1, "soak_ms"), ("spread_s", 1.5, "spread_s"),
                               ("supersede", 1, "supersede"), ("id", "a b", "id"), ("version", "1.1", "version"), ("model", None, "model"),
                               ("colour", "red", "colour")):
        api.refused("POST", "/api/v1/rollouts", 400, where, {**body, name: value})
    api.refused("POST", "/api/v1/rollouts", 400, body=b"[1]")
    api.refused("POST", "/api/v1/rollouts", 404, body={**body, "version": "9.9.9"})
    made = api.post("/api/v1/rollouts", body, "Rollout", 201)
    assert made["id"] == "esp32-1.1.0" and made["state"] == "running" and made["devices"] == 6 and made["remaining"] == 6, made
    assert not made["settled"] and made["max_in_flight"] == 2 and made["soak_ms"] == 5 and made["share_pct"] == 100, made
    api.refused("POST", "/api/v1/rollouts", 409, body=body)
    api.refused("POST", "/api/v1/rollouts/esp32-1.1.0/resume", 409)
    api.refused("POST", "/api/v1/rollouts/esp32-1.1.0/pause", 400, "colour", {"colour": "x"})
    assert api.post("/api/v1/rollouts/esp32-1.1.0/pause", schema="Rollout")["state"] == "paused"
    api.refused("POST", "/api/v1/rollouts/esp32-1.1.0/pause", 409)
    assert api.post("/api/v1/rollouts/esp32-1.1.0/resume", schema="Rollout")["state"] == "running"
    ended = api.post("/api/v1/rollouts/esp32-1.1.0/cancel", schema="Rollout")
    assert ended["state"] == "cancelled" and ended["why"] == "operator", ended
    api.refused("POST", "/api/v1/rollouts/esp32-1.1.0/cancel", 409)
    api.refused("POST", "/api/v1/rollouts/nothing/cancel", 404)
    wait_until(lambda: api.get("/api/v1/rollouts/esp32-1.1.0", "Rollout")["settled"], 20, "the cancelled rollout to settle")
    assert api.post("/api/v1/rollouts", body, "Rollout", 201)["id"] == "esp32-1.1.0-2"
    newer = api.post("/api/v1/rollouts", {"model": "esp32", "version": "1.2.0+x", "supersede": True}, "Rollout", 201)
    assert newer["id"] == "esp32-1.2.0-x", newer
    api.refused("POST", "/api/v1/rollouts", 409, body={**body, "id": "esp32-1.1.0", "supersede": True})
    items = api.get("/api/v1/rollouts", "Page")["items"]
    assert [(item["id"], item["state"]) for item in items] == [("esp32-1.2.0-x", "running"), ("esp32-1.1.0-2", "superseded"), ("esp32-1.1.0", "cancelled")]
    page = api.get("/api/v1/rollouts?limit=2", "Page")
    assert [item["id"] for item in api.get(f"/api/v1/rollouts?limit=2&cursor={page['next']}")["items"]] == ["esp32-1.1.0"]
    assert [item["id"] for item in api.get("/api/v1/rollouts?state=running")["items"]] == ["esp32-1.2.0-x"]
    api.refused("GET", "/api/v1/rollouts?state=odd", 400, "state")


def test_plans(stack, api):
    heartbeats(stack, 6)
    heartbeats(stack, 2, "other")
    api.add(api.release("esp32", "1.1.0"))
    plan = {"schema": 1, "model": "esp32", "version": "1.1.0", "stages": [{"name": "canary", "count": 2}, {"name": "half", "percent": 50, "promote": "manual"}, {"name": "rest"}],
            "gates": [{"measure": "failure_rate", "max_pct": 5}], "limits": {"per_minute": 60}}
    bad = {**plan, "stages": [{"percent": 20}, {"percent": 10}], "limits": {"per_minit": 1}}
    problem = api.refused("POST", "/api/v1/rollouts", 400, body=bad)
    fits(problem, "PlanProblem")
    assert [error["pointer"] for error in problem["errors"]] == ["/limits/per_minit", "/stages/1/percent"], problem
    api.refused("POST", "/api/v1/rollouts", 404, body={**plan, "version": "9.9.9"})
    api.refused("POST", "/api/v1/rollouts?dry_run=maybe", 400, "dry_run", plan)
    api.refused("POST", "/api/v1/rollouts?dry_run=true", 404, body={**plan, "version": "9.9.9"})

    # nothing is changed by a dry run, of a plan or of flat numbers
    events = stack.redis().xlen("drover:v1:events")
    dry = api.post("/api/v1/rollouts?dry_run=true&upgrade_s=60", plan, "Forecast")
    assert dry["devices"] == dry["looked"] == dry["taken"] == 6 and not dry["sample"] and dry["versions"] == {"1.0.0": 6} and dry["networks"] == {"wifi": 6}, dry
    assert dry["stages"][0]["devices"] == 2 and sum(stage["devices"] for stage in dry["stages"]) == 6 and dry["stages"][1]["manual"], dry
    assert 60 <= dry["stages"][0]["duration_s"] <= 120 and dry["upgrade_s"] == 60, dry
    assert api.post("/api/v1/rollouts?dry_run=true", {"model": "esp32", "version": "1.1.0", "share_pct": 100}, "Forecast")["taken"] == 6

    # a stage that does not pass by itself says why
    lab = {**plan, "stages": [{"name": "canary", "count": 2}, {"name": "lab", "filter": {"tags_any": ["lab"]}}, {"name": "many", "count": 7}]}
    dry = api.post("/api/v1/rollouts?dry_run=true&upgrade_s=60", lab, "Forecast")
    stages = [("note" in stage, "duration_s" in stage, stage["manual"]) for stage in dry["stages"]]
    assert stages == [(False, True, False), (True, False, True), (True, False, False)] and dry["longer"], dry
    assert "no device fits" in dry["stages"][1]["note"] and "its count" in dry["stages"][2]["note"] and "people approve and promote at once" in dry["assumed"], dry

    # windows and a start of its own count: a day that is three days away, and the same two weeks later
    day = time.strftime("%a", time.gmtime(time.time() + 3 * 86400)).lower()
    nightly = {**plan, "windows": {"time_zone": "UTC", "weekly": [{"days": [day], "from": "00:00", "to": "24:00"}]}}
    dry = api.post("/api/v1/rollouts?dry_run=true&upgrade_s=60", nightly, "Forecast")
    assert 2 * 86400 < dry["duration_s"] < 3 * 86400 + 600 and dry["held_now"] == {"window": 6} and not dry["longer"], dry
    assert dry["stages"][0]["duration_s"] > 2 * 86400 and dry["stages"][1]["duration_s"] < 600, dry
    starts_ms = (int(time.time()) + 14 * 86400) * 1000
    dry = api.post("/api/v1/rollouts?dry_run=true&upgrade_s=60", {**nightly, "start": starts_ms}, "Forecast")
    assert dry["begins_ms"] == dry["stages"][0]["begins_ms"] == starts_ms and 16 * 86400 < dry["duration_s"] < 17 * 86400 + 600, dry
    assert api.get("/api/v1/rollouts")["items"] == [] and stack.redis().xlen("drover:v1:events") == events

    made = api.post("/api/v1/rollouts", plan, "Rollout", 201)
    assert made["id"] == "esp32-1.1.0" and made["state"] == "running" and made["stage"] == made["plan_revision"] == 1, made
    assert [stage["name"] for stage in made["stages"]] == ["canary", "half", "rest"] and made["plan"]["limits"]["per_minute"] == 60, made
    assert made["plan"]["stages"][2]["gates"][0]["max_pct"] == 5 and made["plan"]["id"] == made["id"]
    shown = api.get("/api/v1/rollouts/esp32-1.1.0", "Rollout")
    assert shown["plan"] == made["plan"] == api.get("/api/v1/rollouts/esp32-1.1.0/plan", "Plan")
    assert "plan" not in api.get("/api/v1/rollouts", "Page")["items"][0]
    assert api.post("/api/v1/rollouts?dry_run=true", plan, "Forecast")["other_rollout"] == "esp32-1.1.0"

    # an edit is held against the revision that was looked at
    path, edited = "/api/v1/rollouts/esp32-1.1.0/plan", {**shown["plan"], "limits": {"per_minute": 30, "max_in_flight": 3}}
    api.refused("PUT", path, 428, body=edited)
    api.refused("PUT", f"{path}?revision={shown['revision'] + 1}", 412, body=edited)
    for change, pointer in (({"model": "other"}, "/model"), ({"version": "1.0.9"}, "/version"), ({"id": "x"}, "/id")):
        problem = api.refused("PUT", f"{path}?revision={shown['revision']}", 400, body={**edited, **change})
        assert [error["pointer"] for error in problem["errors"]] == [pointer], problem
    status, value, _ = api.ask("PUT", f"{path}?revision={shown['revision']}", edited)
    assert status == 200 and value["plan_revision"] == 2 and value["revision"] > shown["revision"] and value["max_in_flight"] == 3 and value["stage"] == 1, value
    fits(value, "Rollout")
    assert api.get(path, "Plan")["limits"]["per_minute"] == 30
    api.refused("PUT", f"{path}?revision={shown['revision']}", 412, body=edited)

    # whom a passed stage took stays as it is; what its gates say does not matter any more
    api.post("/api/v1/rollouts/esp32-1.1.0/promote")
    now = api.get("/api/v1/rollouts/esp32-1.1.0", "Rollout")
    assert now["stage"] == 2, now
    for stages, pointer in (([{"name": "canary", "count": 3}, *edited["stages"][1:]], "/stages/0"), (edited["stages"][:1], "/stages")):
        problem = api.refused("PUT", f"{path}?revision={now['revision']}", 400, body={**edited, "stages": stages})
        assert [error["pointer"] for error in problem["errors"]] == [pointer], problem
    stages = [{**edited["stages"][0], "gates": []}, {**edited["stages"][1], "percent": 60}, edited["stages"][2]]
    status, value, _ = api.ask("PUT", f"{path}?revision={now['revision']}", {**edited, "stages": stages})
    assert status == 200 and value["plan_revision"] == 3 and value["share_pct"] == 60, value

    api.add(api.release("other", "1.1.0"))
    api.post("/api/v1/rollouts", {"model": "other", "version": "1.1.0"}, "Rollout", 201)
    api.refused("GET", "/api/v1/rollouts/other-1.1.0/plan", 409)
    api.refused("PUT", "/api/v1/rollouts/other-1.1.0/plan?revision=1", 409, body={**plan, "model": "other"})


def test_a_rollout_to_a_share_settles_when_it_is_quiet(stack, api):
    """Nobody has a place below 1 % among these: nothing opens, and after a while that is known."""
    api.add(api.release("esp32", "1.1.0"))
    store = stack.redis()
    api.post("/api/v1/rollouts", {"id": "share", "model": "esp32", "version": "1.1.0", "share_pct": 1, "max_in_flight": 1}, status=201)
    heartbeats(stack, 3)
    if int(store.hget("drover:v1:rollout:share", "opened") or 0) > 0:
        pytest.fail("one of three devices has a place below 1 % of this rollout: choose another id")
    standing = api.get("/api/v1/rollouts/share", "Rollout")
    assert standing["remaining"] == 3 and not standing["settled"], standing
    wait_until(lambda: api.get("/api/v1/rollouts/share")["settled"], 30, "the quiet rollout to settle")


def test_devices(stack, api):
    heartbeats(stack, 7)
    heartbeats(stack, 2, model="cam", version="2.0.0")
    api.add(api.release("esp32", "1.1.0"))
    seen, cursor = set(), ""
    while True:
        page = api.get(f"/api/v1/devices?limit=2&cursor={cursor}", "Page")
        for item in page["items"]:
            fits(item, "DeviceRow")
            seen.add(item["device_id"])
        cursor = page["next"]
        if not cursor:
            break
    assert seen == {f"esp32-{i}" for i in range(7)} | {"cam-0", "cam-1"}, seen
    assert len(api.get("/api/v1/devices?model=cam&version=v2.0.0&online=true&state=none")["items"]) == 2
    assert api.get("/api/v1/devices?model=cam&online=false")["items"] == []
    for query, where in (("limit=0", "limit"), ("limit=1001", "limit"), ("state=odd", "state"), ("online=maybe", "online"), ("version=1", "version"),
                         ("model=a%20b", "model"), ("cursor=%27", "cursor"), ("colour=red", "colour")):
        api.refused("GET", "/api/v1/devices?" + query, 400, where)
    before = api.get("/api/v1/devices/esp32-3", "DeviceAndUpgrade")
    assert before["upgrade"] is None and before["device"]["battery_pct"] == 80 and before["explain"]["now"], before
    api.refused("POST", "/api/v1/devices/esp32-3/rollback", 409)
    api.refused("POST", "/api/v1/devices/unknown/rollback", 404)
    api.refused("GET", "/api/v1/devices/unknown", 404)
    api.refused("GET", "/api/v1/devices/..", 404, "device")
    api.post("/api/v1/rollouts", {"model": "esp32", "version": "1.1.0"}, status=201)
    heartbeats_again(stack, 7)
    wait_until(lambda: api.get("/api/v1/devices/esp32-3")["upgrade"], 20, "the rollout to reach the device")
    after = api.get("/api/v1/devices/esp32-3", "DeviceAndUpgrade")
    assert after["upgrade"]["version"] == "1.1.0" and after["explain"]["next"], after
    history = api.get("/api/v1/devices/esp32-3/history?limit=50")["items"]
    for event in history:
        fits(event, "Event")
    assert history and history[-1]["to"] == "pending" and all(event["device"] == "esp32-3" for event in history), history
    assert [event["prev"] for event in history[:-1]] == [event["id"] for event in history[1:]], history
    assert len(api.get("/api/v1/devices/esp32-3/history?limit=1")["items"]) == 1


def test_events(stack, api):
    heartbeats(stack, 3)
    begin = time.monotonic()
    end = api.get("/api/v1/events?after=$&wait_ms=0", "Page")
    assert end["items"] == [] and time.monotonic() - begin < 5, end
    begin = time.monotonic()
    assert api.get(f"/api/v1/events?after={end['next']}&wait_ms=1200", "Page")["items"] == []
    assert 1.0 < time.monotonic() - begin < 8
    for query, where in (("after=x", "after"), ("after=1-", "after"), ("wait_ms=30001", "wait_ms"), ("limit=0", "limit"), ("rollout=a:b", "rollout")):
        api.refused("GET", "/api/v1/events?" + query, 400, where)
    answers = []
    waiting = threading.Thread(target=lambda: answers.append(api.get("/api/v1/events?after=$&wait_ms=20000&rollout=one")))
    waiting.start()
    time.sleep(0.5)   # so that `$` is before what follows; the assertions hold for any length of it
    api.add(api.release("esp32", "1.1.0"))
    api.post("/api/v1/rollouts", {"id": "one", "model": "esp32", "version": "1.1.0"}, status=201)
    waiting.join(30)
    assert answers and answers[0]["items"] and all(event["rollout"] == "one" for event in answers[0]["items"]), answers
    heartbeats_again(stack, 3)
    wait_until(lambda: len(api.get("/api/v1/events?device=esp32-1")["items"]) >= 2, 20, "the device's events")
    everything = api.get("/api/v1/events", "Page")
    pages, after = [], ""
    while True:
        page = api.get(f"/api/v1/events?limit=2&after={after}", "Page")
        if not page["items"]:
            break
        pages += page["items"]
        after = page["next"]
    assert [event["id"] for event in pages][:len(everything["items"])] == [event["id"] for event in everything["items"]]
    for event in pages:
        fits(event, "Event")


def heartbeats_again(stack, count):
    """The same devices once more, so that a rollout can take them in."""
    import paho.mqtt.publish
    messages = [{"topic": f"device/esp32-{i}/heartbeat", "qos": 1,
                 "payload": json.dumps({"schema": 1, "version": "1.0.0", "model": "esp32", "status": "idle", "seq": 2, "boot_id": f"boot-{i}",
                                        "uptime_s": 6, "managed": True})} for i in range(count)]
    paho.mqtt.publish.multiple(messages, hostname="127.0.0.1", port=stack.broker_port)


def test_firmware_latest(stack, api):
    ask = "/firmware/latest?device_model=esp32&current_version=v1.0.0"
    assert api.ask("GET", ask, listener="http")[0] == 304
    release = api.release("esp32", "1.1.0", b"firmware" * 1000)
    made = api.add(release)
    api.post("/api/v1/rollouts", {"model": "esp32", "version": "1.1.0"}, status=201)
    status, offer, _ = api.ask("GET", ask, listener="http")
    assert status == 200, offer
    fits(offer, "Offer")
    assert offer["sha256"] == release["sha256"] and offer["size"] == made["size"] and offer["manifest_sha256"] == made["manifest_sha256"] and offer["model"] == "esp32", offer
    assert api.ask("GET", "/firmware/latest?device_model=esp32&current_version=1.1.0", listener="http")[0] == 304
    path = offer["url"].split("/", 3)[3]
    assert hashlib.sha256(api.ask("GET", "/" + path, listener="http")[1]).hexdigest() == made["sha256"]
    for query, where in (("current_version=1.0.0", "device_model"), ("device_model=esp32", "current_version"), ("device_model=esp32&current_version=1", "current_version"),
                         ("device_model=a%20b&current_version=1.0.0", "device_model"), ("device_model=esp32&current_version=1.0.0&device_id=..", "device_id")):
        api.refused("GET", "/firmware/latest?" + query, 400, where, listener="http")


def test_without_redis(stack, api):
    status = api.get("/api/v1/status", "Status")
    assert status["ready"] and status["fleet"] == {"devices": 0, "online": 0}, status
    redis = next(process for process in stack.processes if process.name == "redis")
    redis.stop()
    stack.forget(redis)

    def missing():
        got, value, headers = api.ask("GET", "/readyz")
        return got == 503 and "redis" in value["detail"].lower() and headers["Retry-After"]
    wait_until(missing, 20, "/readyz to say what is missing")
    assert api.ask("GET", "/healthz")[0] == 200
    for path in ("/api/v1/devices", "/api/v1/rollouts", "/api/v1/releases", "/api/v1/events?wait_ms=500", "/api/v1/devices/x", "/api/v1/rollouts/x"):
        api.refused("GET", path, 503)
    value = api.refused("GET", "/firmware/latest?device_model=m&current_version=1.0.0&device_id=d", 503, listener="http")
    assert value["status"] == 503
    status = api.get("/api/v1/status", "Status")
    assert not status["ready"] and "fleet" not in status, status
    assert b"drover_http_requests_total" in api.get("/metrics")
    stack.start_redis()
    wait_until(stack.ready, 30, "droverd to be ready again")
    assert api.get("/api/v1/devices", "Page")["items"] == []


def test_it_ends_while_long_polls_wait(stack, api):
    answers = []
    polls = [threading.Thread(target=lambda: answers.append(api.get("/api/v1/events?after=$&wait_ms=25000", "Page"))) for _ in range(5)]
    for poll in polls:
        poll.start()
    droverd = next(process for process in stack.processes if process.name == "drover-1")
    wait_until(lambda: stack.metrics().get('drover_http_connections{listener="operators"}', 0) >= 6, 20, "the polls and this question to be there")
    begin = time.monotonic()
    droverd.stop(seconds=25)
    stack.forget(droverd)
    assert time.monotonic() - begin < 20
    for poll in polls:
        poll.join(10)
    assert len(answers) == 5 and all(answer["items"] == [] for answer in answers), answers
