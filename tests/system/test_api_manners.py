"""How changes behave: once for each idempotency key, only on what was seen (If-Match), each in the audit; and why things stand still."""
import http.client
import json
import re
import socket
import threading

import pytest
from fleet import FAST
from stack import wait_until
from test_http_api import Api, fits, heartbeats, heartbeats_again

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


class Stream:
    """An event stream, read line by line on a thread of its own."""

    def __init__(self, api, query="", **headers):
        self.connection = http.client.HTTPConnection("127.0.0.1", api.ports["api"], timeout=40)
        self.connection.request("GET", "/api/v1/events/stream" + query, headers={"Authorization": "Bearer " + api.token, **{k.replace("_", "-"): v for k, v in headers.items()}})
        self.answer = self.connection.getresponse()
        assert self.answer.status == 200 and self.answer.headers["Content-Type"] == "text/event-stream", (self.answer.status, self.answer.read())
        self.events, self.gaps, self.comments, self.ended = [], [], 0, False
        self.thread = threading.Thread(target=self.read, daemon=True)
        self.thread.start()

    def read(self):
        fields = {}
        try:
            for line in self.answer:
                line = line.rstrip(b"\n").decode()
                self.comments += line.startswith(":")
                if line:
                    name, _, value = line.partition(": ")
                    fields[name] = value
                    continue
                if fields.get("event") == "gap":
                    self.gaps.append((fields["id"], json.loads(fields["data"])))
                elif "data" in fields:
                    event = json.loads(fields["data"])
                    assert event["id"] == fields["id"] and event["kind"] == fields["event"]
                    self.events.append(event)
                fields = {}
            self.ended = True
        except (OSError, http.client.HTTPException):
            pass

    def close(self):
        self.connection.sock and self.connection.sock.shutdown(socket.SHUT_RDWR)
        self.thread.join(10)
        self.connection.close()


def test_events_are_streamed_and_resumed(stack, released):
    """Several clients, each with its filter; one that comes again with the last id it saw misses nothing and gets nothing twice."""
    api = released
    begun = api.get("/api/v1/events?after=$", "Page")["next"]
    every, alarms, rollouts = Stream(api), Stream(api, "?kind=alarm"), Stream(api, "?kind=rollout&rollout=staged&model=esp32")
    api.say("POST", "/api/v1/rollouts", PLAN, 201)
    heartbeats(stack, 3)
    heartbeats_again(stack, 3)
    api.say("POST", "/api/v1/rollouts/staged/pause", {})
    wait_until(lambda: [event["to"] for event in rollouts.events][-1:] == ["paused"], 20, "the pause to reach its stream")
    everything = api.get("/api/v1/events?after=" + begun, "Page")["items"]
    wait_until(lambda: len(every.events) == len(everything), 20, "all events")
    assert every.events == everything and alarms.events == []
    assert rollouts.events == [event for event in everything if event["kind"] == "rollout"] and len(rollouts.events) == 2
    for event in every.events:
        fits(event, "Event")
    late = Stream(api, "?after=" + everything[0]["id"])
    again = Stream(api, "?after=" + everything[-1]["id"], Last_Event_ID=everything[1]["id"])
    wait_until(lambda: len(late.events) == len(everything) - 1 and len(again.events) == len(everything) - 2, 20, "the past")
    api.say("POST", "/api/v1/rollouts/staged/resume", {})
    for stream in (every, late, again):
        wait_until(lambda: stream.events[-1]["to"] == "running", 20, "what comes after the past")
    assert [event["id"] for event in late.events] == [event["id"] for event in every.events[1:]]
    assert [event["id"] for event in again.events] == [event["id"] for event in every.events[2:]]
    assert stack.metrics()["drover_event_streams"] == 5
    api.refused("GET", "/api/v1/events/stream?after=x", 400, "after")
    api.refused("GET", "/api/v1/events/stream?kind=odd", 400, "kind")
    api.say("GET", "/api/v1/events/stream", None, 400, Last_Event_ID="x")
    for stream in (every, alarms, rollouts, late, again):
        stream.close()
    wait_until(lambda: stack.metrics()["drover_event_streams"] == 0, 20, "the streams to be gone")


def test_who_resumes_behind_what_was_trimmed_is_told(stack, released):
    """Not the one who was at the last trimmed event, nor whoever begins at 0: those miss nothing that they could have asked for."""
    api, store = released, stack.redis()
    api.say("POST", "/api/v1/rollouts", PLAN, 201)
    heartbeats(stack, 3)
    heartbeats_again(stack, 3)
    wait_until(lambda: store.xlen("drover:v1:events") >= 5, 20, "some events")
    api.say("POST", "/api/v1/rollouts/staged/pause", {})
    ids = [entry_id for entry_id, _ in store.xrange("drover:v1:events")]
    before = Stream(api, Last_Event_ID=ids[0])
    wait_until(lambda: len(before.events) == len(ids) - 1, 20, "all that came after it")
    store.xtrim("drover:v1:events", maxlen=2, approximate=False)
    first = ids[-2]
    late, beside = Stream(api, Last_Event_ID=ids[0]), Stream(api, "?kind=alarm&after=" + ids[1])
    wait_until(lambda: len(late.events) == 2 and beside.gaps, 20, "what is left")
    resume, said = late.gaps[0]
    assert said == {"after": ids[0], "first": first} and beside.gaps[0][1] == {"after": ids[1], "first": first}
    again, whole = Stream(api, Last_Event_ID=resume), Stream(api, "?after=0")
    wait_until(lambda: len(again.events) == len(whole.events) == 2, 20, "the same to both")
    assert [event["id"] for event in late.events] == ids[-2:] and len(late.gaps) == len(beside.gaps) == 1 and not before.gaps + again.gaps + whole.gaps
    page = api.get("/api/v1/events?after=" + ids[0], "Page")
    assert page["gap"] == {"resume": resume, "first": first} and len(page["items"]) == 2
    fits(page["gap"], "Gap")
    assert "gap" not in api.get("/api/v1/events?after=" + resume) and "gap" not in api.get("/api/v1/events")
    api.say("POST", "/api/v1/rollouts/staged/resume", {})
    for stream in (late, beside, again, whole):
        wait_until(lambda: stream is beside or stream.events[-1]["to"] == "running", 20, "what comes after the gap")
    assert stack.metrics()["drover_event_streams_gaps_total"] == 2
    for stream in (before, late, beside, again, whole):
        stream.close()


def test_streams_end_when_droverd_does(stack, api):
    streams = [Stream(api) for _ in range(3)]
    droverd = next(process for process in stack.processes if process.name == "drover-1")
    droverd.stop(seconds=25)
    stack.forget(droverd)
    for stream in streams:
        stream.thread.join(10)
    assert all(stream.ended for stream in streams), "each with its last chunk"


def test_only_so_many_streams(stack, api):
    streams = [Stream(api) for _ in range(64)]
    value, headers = api.say("GET", "/api/v1/events/stream", None, 503)
    assert int(headers["Retry-After"]) > 0, value
    streams.pop().close()
    wait_until(lambda: stack.metrics()["drover_event_streams"] == 63, 20, "the one that went to be counted out")
    streams.append(Stream(api))
    for stream in streams:
        stream.close()


def test_who_does_not_read_is_cut_and_the_others_are_not(stack, released):
    """A client that takes nothing of some megabytes for 10 s loses its connection; one beside it gets every event, though they came faster than it reads."""
    api, store = released, stack.redis()
    lazy = socket.socket()
    lazy.setsockopt(socket.SOL_SOCKET, socket.SO_RCVBUF, 4096)
    lazy.connect(("127.0.0.1", api.ports["api"]))
    lazy.sendall(f"GET /api/v1/events/stream HTTP/1.1\r\nHost: x\r\nAuthorization: Bearer {api.token}\r\n\r\n".encode())
    eager = Stream(api, "?kind=alarm")
    wait_until(lambda: stack.metrics()["drover_event_streams"] == 2, 20, "both")
    fields = {name: "-" for name in "device model rollout upgrade on version error prev".split()}
    fields = {"at_ms": 1, "kind": "alarm", **fields, "from": "none", "to": "none", "attempt": 0, "revision": 0, "why": "w" * 120, "instance": "test"}
    with store.pipeline(transaction=False) as pipeline:
        for number in range(12000):
            pipeline.xadd("drover:v1:events", {**fields, "revision": number})
        pipeline.execute()
    wait_until(lambda: stack.metrics()["drover_event_streams_dropped_total"] == 1, 60, "who does not read to be cut")
    assert stack.metrics()["drover_event_streams"] == 1
    wait_until(lambda: len(eager.events) == 12000, 60, "the other one to get everything")
    assert [event["revision"] for event in eager.events] == list(range(12000))
    assert stack.metrics()['drover_http_refused_total{reason="stream"}'] == 1
    eager.close()
    lazy.close()


class Forgetful(threading.Thread):
    """Between drover and droverd: lets every request through, and keeps the answers to the first `lost` POSTs to itself."""

    def __init__(self, port, lost):
        super().__init__(daemon=True)
        self.port, self.lost, self.posts = port, lost, 0
        self.listener = socket.create_server(("127.0.0.1", 0))
        self.url = f"http://127.0.0.1:{self.listener.getsockname()[1]}"
        self.start()

    def run(self):
        while True:
            try:
                client, _ = self.listener.accept()
            except OSError:
                return
            with client, socket.create_connection(("127.0.0.1", self.port)) as server:
                self.exchange(client, server)

    def exchange(self, client, server):
        request = self.message(client)
        server.sendall(request.replace(b"\r\n\r\n", b"\r\nConnection: close\r\n\r\n", 1))
        answer = self.message(server)
        self.posts += request.startswith(b"POST")
        if not request.startswith(b"POST") or self.posts > self.lost:
            client.sendall(answer)

    @staticmethod
    def message(connection):
        found = b""
        wanted = None
        while wanted is None or len(found) < wanted:
            piece = connection.recv(65536)
            if not piece:
                return found
            found += piece
            if wanted is None and b"\r\n\r\n" in found:
                length = re.search(rb"(?i)content-length: (\d+)", found)
                wanted = found.index(b"\r\n\r\n") + 4 + int(length[1] if length else 0)
        return found


def test_drover_promotes_once_when_the_answer_is_lost(stack, released):
    file = stack.folder / "plan.json"
    file.write_text(json.dumps({**PLAN, "stages": [{"name": name, "count": 1, "soak_s": 3600} for name in ("one", "two", "three")]}))
    stack.drover("rollout", "start", file)
    forgetful = Forgetful(stack.api_ports["drover-1"], 2)
    stack.drover("--api", forgetful.url, "rollout", "promote", "staged")
    forgetful.listener.close()
    assert forgetful.posts == 3 and stack.drover_json("rollout", "show", "staged")["stage"] == 2
