"""How changes behave: once for each idempotency key, only on what was seen (If-Match), each in the audit; and why things stand still."""
import json
import threading
import time

import pytest
from fleet import FAST
from stack import wait_until
from test_http_api import Api, fits, heartbeats

PLAN = {"schema": 1, "id": "staged", "model": "esp32", "version": "1.1.0", "limits": {"max_in_flight": 5},
        "stages": [{"name": "canary", "count": 1, "soak_s": 3600}, {"name": "all"}]}


class Person(Api):
    """An Api whose answers are looked at with their headers."""

    def say(self, method, path, body=None, status=200, **headers):
        headers = {name.replace("_", "-"): value for name, value in headers.items()}
        got, value, found = self.ask(method, path, body, headers=headers)
        assert got == status, (method, path, headers, got, value)
        return value, found


@pytest.fixture
def api(stack):
    stack.start_redis()
    stack.start_broker()
    stack.start_droverd(settings=FAST)
    return Person(stack)


@pytest.fixture
def released(api):
    api.add(api.release("esp32", "1.1.0"))
    return api


def test_once_for_each_key(stack, released):
    api, body = released, {"model": "esp32", "version": "1.1.0"}
    first, headers = api.say("POST", "/api/v1/rollouts", body, 201, Idempotency_Key='"k-1"', X_Request_Id="req-1")
    assert headers["X-Request-Id"] == "req-1" and "Idempotency-Replayed" not in headers
    for key in ('"k-1"', "k-1"):
        again, headers = api.say("POST", "/api/v1/rollouts", body, 201, Idempotency_Key=key)
        assert again == first and headers["Idempotency-Replayed"] == "true" and headers["ETag"] == '"1"', headers.items()
    assert len(api.get("/api/v1/rollouts")["items"]) == 1
    value, headers = api.say("POST", "/api/v1/rollouts", {**body, "max_in_flight": 3}, 422, Idempotency_Key="k-1")
    assert value["where"] == "Idempotency-Key" and headers["Content-Type"] == "application/problem+json"
    refused, _ = api.say("POST", "/api/v1/rollouts", body, 409, Idempotency_Key="k-2")
    api.say("POST", f"/api/v1/rollouts/{first['id']}/cancel", {})
    again, headers = api.say("POST", "/api/v1/rollouts", body, 409, Idempotency_Key="k-2")
    assert again == refused and headers["Idempotency-Replayed"] == "true", "a refusal is remembered, too"
    for bad in ('""', "x" * 129, 'a"b'):
        api.say("POST", "/api/v1/rollouts", body, 400, Idempotency_Key=bad)
    assert stack.redis().pttl(stack.redis().keys("drover:priv:change:*")[0]) > 23 * 3600 * 1000


def test_one_of_many_at_a_time(stack, released):
    """The same key from eight clients: it happens once, and whoever did not do it is told so, or given the answer."""
    answers = []

    def start():
        answers.append(released.ask("POST", "/api/v1/rollouts", {"model": "esp32", "version": "1.1.0"}, headers={"Idempotency-Key": "same"})[:2])
    threads = [threading.Thread(target=start) for _ in range(8)]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join(30)
    assert {status for status, _ in answers} <= {201, 409} and sum(status == 201 for status, _ in answers) >= 1, answers
    assert all(value.get("where") == "Idempotency-Key" for status, value in answers if status == 409), answers
    assert len({value["id"] for status, value in answers if status == 201}) == 1 and len(released.get("/api/v1/rollouts")["items"]) == 1, answers


def test_only_what_was_seen(released):
    api = released
    made, headers = api.say("POST", "/api/v1/rollouts", PLAN, 201)
    assert headers["ETag"] == f'"{made["revision"]}"'
    seen = api.say("GET", "/api/v1/rollouts/staged")[1]["ETag"]
    assert api.say("GET", "/api/v1/rollouts/staged", If_None_Match=seen)[0]["id"] == "staged", "counts change without the revision"
    api.say("POST", "/api/v1/rollouts/staged/pause", {}, If_Match=seen)
    value, _ = api.say("POST", "/api/v1/rollouts/staged/resume", {}, 412, If_Match=seen)
    assert value["where"] == "If-Match", value
    for tag, status in (('W/"2"', 412), ("2", 400), ('"1", "2"', 400)):
        api.say("POST", "/api/v1/rollouts/staged/resume", {}, status, If_Match=tag)
    api.say("POST", "/api/v1/rollouts/staged/resume", {}, If_Match="*")
    edited = {**PLAN, "limits": {"max_in_flight": 9}}
    value, _ = api.say("PUT", "/api/v1/rollouts/staged/plan", edited, 428)
    assert value["where"] == "If-Match", value
    api.say("PUT", "/api/v1/rollouts/staged/plan", edited, 412, If_Match='"1"')
    now = api.say("GET", "/api/v1/rollouts/staged/plan")[1]["ETag"]
    done, headers = api.say("PUT", "/api/v1/rollouts/staged/plan", edited, If_Match=now)
    assert done["plan"]["limits"]["max_in_flight"] == 9 and headers["ETag"] == f'"{done["revision"]}"', done


def test_every_change_is_in_the_audit(stack, released):
    api = released
    api.say("POST", "/api/v1/rollouts", PLAN, 201, X_Request_Id="start-1")
    api.say("POST", "/api/v1/rollouts/staged/pause", {})
    api.say("POST", "/api/v1/rollouts/staged/pause", {}, 409)
    etag = api.say("GET", "/api/v1/rollouts/staged")[1]["ETag"]
    api.say("PUT", "/api/v1/rollouts/staged/plan", {**PLAN, "limits": {"max_in_flight": 9}}, If_Match=etag)
    api.say("POST", "/api/v1/devices/nobody/rollback", {}, 404)
    page = api.get("/api/v1/audit", "Page")
    for entry in page["items"]:
        fits(entry, "AuditEntry")
    told = [(entry["action"], entry.get("target"), entry["outcome"], entry.get("before"), entry.get("after")) for entry in reversed(page["items"])]
    assert told[0][:3] == ("release_add", None, "done"), told
    assert told[1:] == [
        ("rollout_open", "staged", "done", None, "running, revision 1: esp32 1.1.0"),
        ("rollout_pause", "staged", "done", "running, revision 1, stage 1", "paused, revision 2, stage 1"),
        ("rollout_pause", "staged", "refused", None, None),
        ("rollout_edit", "staged", "done", '{"/limits/max_in_flight":5}', '{"/limits/max_in_flight":9}'),
        ("device_rollback", "nobody", "refused", None, None)], told
    assert all(entry["who"] == "operator" and entry["key"] == "api.token_file" and entry["role"] == "admin" for entry in page["items"])
    opened = next(entry for entry in page["items"] if entry["action"] == "rollout_open")
    refused = next(entry for entry in page["items"] if entry["outcome"] == "refused" and entry["action"] == "rollout_pause")
    assert opened["request"] == "start-1" and refused["status"] == 409 and refused["why"], page
    assert len(api.get("/api/v1/audit?action=rollout_pause")["items"]) == 2
    assert [entry["action"] for entry in api.get("/api/v1/audit?target=nobody&who=operator")["items"]] == ["device_rollback"]
    seen, cursor = [], ""
    while not seen or cursor:
        part = api.get(f"/api/v1/audit?limit=2&cursor={cursor}", "Page")
        seen, cursor = seen + part["items"], part["next"]
    assert seen == page["items"]
    api.refused("GET", "/api/v1/audit?cursor=x", 400, "cursor")


def test_why(stack, released):
    api = released
    heartbeats(stack, 2)
    alone = api.get("/api/v1/devices/esp32-0/why", "DeviceWhy")
    assert alone["held_by"] == "rollout" and alone["predicates"][-1]["answer"] == "not_asked", alone
    api.say("POST", "/api/v1/rollouts", PLAN, 201)
    wait_until(lambda: api.get("/api/v1/devices/esp32-0/why").get("held_by") != "rollout", 20, "droverd to know of the rollout")
    for device in ("esp32-0", "esp32-1"):
        api.get(f"/api/v1/devices/{device}/why", "DeviceWhy")
    api.say("POST", "/api/v1/rollouts/staged/pause", {})
    wait_until(lambda: api.get("/api/v1/devices/esp32-0/why").get("held_by") == "state", 20, "the pause to be what holds it back")
    held = next(row for row in api.get("/api/v1/devices/esp32-0/why")["predicates"] if row["holder"])
    assert held["refusal"] == "the rollout is paused" and held["value"] == "paused: operator", held
    rollout = api.get("/api/v1/rollouts/staged/why", "RolloutWhy")
    assert rollout["held_by"] == "state" and rollout["stage"]["name"] == "canary" and rollout["max_in_flight"] == 5, rollout
    api.refused("GET", "/api/v1/devices/unknown/why", 404)
    api.refused("GET", "/api/v1/rollouts/unknown/why", 404)
