"""A small server with the operator API of docs/decisions/001, in memory, that can be told to misbehave.

server.faults is a list of pairs (fits, act) of functions of the handler: the first that fits a request is used up and acts
instead of the server."""
import hashlib
import http.server
import json
import socket
import struct
import threading
import time
import urllib.parse

TOKEN = "sesame"
STATES = ("pending dispatched acknowledged downloading installing verifying retry_wait held rolling_back lost succeeded rolled_back "
          "failed rejected cancelled superseded").split()
PLAN = {"share_pct": 100, "max_in_flight": 500, "max_attempts": 3, "error_budget_pct": 20, "confirmations": 2, "soak_ms": 60000, "spread_s": 60}


def now_ms():
    return int(time.time() * 1000)


def documents(package):
    """The manifest of a package, and the description of a delta (None: it is a full one), without any proof."""
    found, at = {}, 64
    for _ in range(struct.unpack_from("<H", package, 48)[0]):
        kind, _, _, length = struct.unpack_from("<HHIQ", package, at)
        if kind in (1, 3):
            found[kind] = json.loads(package[at + 16:at + 16 + length])
        at += 16 + length
    return found[1], found.get(3)


class Api(http.server.ThreadingHTTPServer):
    daemon_threads = True

    def __init__(self):
        super().__init__(("127.0.0.1", 0), Handler)
        self.url = f"http://127.0.0.1:{self.server_port}"
        self.lock = threading.Condition()
        self.requests, self.faults = [], []
        self.keys, self.answers = [], {}       # of every request (None: it had none); what was answered under each
        self.uploads, self.releases, self.rollouts, self.devices, self.events = {}, {}, {}, {}, []
        self.steps = {}        # rollout id -> list of changes, one taken at each GET
        self.feeds, self.feed_events = None, 0   # how many streams were opened (None: the server has none), after how many events each ends
        self.feed_gap = None   # told at the beginning of each
        self.entries = []      # of the audit
        self.whys = {}         # id of a device or rollout -> answer to why
        self.ready = True
        self.page = 1000       # most items of a page

    def handle_error(self, request, client_address):
        pass                   # broken connections are part of the tests

    def add_event(self, **members):
        event = {"id": f"{now_ms()}-{len(self.events)}", "at_ms": now_ms(), "kind": "move", "device": "d-1", "model": "esp32", "rollout": "r1",
                 "upgrade": "00", "from": "pending", "to": "dispatched", "on": "dispatch", "attempt": 1, "revision": 2,
                 "version": "1.1.0", "error": "-", "why": "its turn has come", "prev": "-", "instance": "drover-1", **members}
        with self.lock:
            self.events.append(event)
            self.lock.notify_all()
        return event

    def rollout(self, rollout_id, **members):
        members.setdefault("states", {})
        rollout = {"id": rollout_id, "model": "esp32", "version": "1.1.0", "state": "running", "why": "", "revision": 1,
                   "created_ms": now_ms() - 60000, "opened": 0, "retried": 0, "errors": {}, "devices": 10, "on_target": 0, "remaining": 10,
                   "settled": False, **PLAN, **members}
        rollout["states"] = {state: rollout["states"].get(state, 0) for state in STATES}
        self.rollouts[rollout_id] = rollout
        return rollout


class Handler(http.server.BaseHTTPRequestHandler):
    protocol_version = "HTTP/1.1"
    disable_nagle_algorithm = True   # head and body are two writes: the second would wait 40 ms for an acknowledgement

    def log_message(self, *args):
        pass

    def answer(self, status, body, kind="application/json", headers=()):
        data = body if isinstance(body, bytes) else json.dumps(body).encode()
        key = self.headers.get("Idempotency-Key")
        if key and status < 500 and not dict(headers).get("Retry-After"):
            self.server.answers.setdefault(key, (status, data, kind))
        if getattr(self, "loses", False):
            return self.cut()
        self.send_response(status)
        self.send_header("Content-Type", kind)
        self.send_header("Content-Length", str(len(data)))
        for name, value in headers:
            self.send_header(name, value)
        self.end_headers()
        self.wfile.write(data)

    def problem(self, status, detail, where=None, title=None):
        body = {"type": "about:blank", "title": title or http.HTTPStatus(status).phrase, "status": status, "detail": detail}
        if where:
            body["where"] = where
        self.answer(status, body, "application/problem+json")

    def lose_answer(self):
        """A fault: what is asked is done, and its answer does not arrive."""
        self.loses = True
        self.go_on(urllib.parse.urlsplit(self.path).path.strip("/").split("/"), self.headers.get("Idempotency-Key"))

    def cut(self):
        """Closes the connection in the middle of whatever happens."""
        self.close_connection = True
        self.connection.shutdown(socket.SHUT_RDWR)

    def body(self):
        return self.rfile.read(int(self.headers.get("Content-Length") or 0))

    def serve(self):
        url = urllib.parse.urlsplit(self.path)
        self.query = dict(urllib.parse.parse_qsl(url.query, strict_parsing=bool(url.query)))
        parts = url.path.strip("/").split("/")
        self.server.requests.append((self.command, self.path))
        key = self.headers.get("Idempotency-Key")
        self.server.keys.append(key)
        fault = next((fault for fault in self.server.faults if fault[0](self)), None)
        if fault:
            self.server.faults.remove(fault)
            return fault[1](self)
        self.go_on(parts, key)

    def go_on(self, parts, key):
        if key in self.server.answers:
            self.body()
            return self.answer(*self.server.answers[key])
        if self.headers.get("Authorization") != "Bearer " + TOKEN:
            self.body()
            return self.problem(401, "a bearer token is needed")
        if parts[:2] != ["api", "v1"] or len(parts) < 3 or not hasattr(self, parts[2]):
            self.body()
            return self.problem(404, "no such thing here")
        getattr(self, parts[2])(*parts[3:])

    do_GET = do_PUT = do_POST = serve

    def items(self, items):
        first, limit = int(self.query.get("cursor", 0)), min(int(self.query.get("limit", 100)), self.server.page)
        end = first + limit
        self.answer(200, {"items": items[first:end], "next": str(end) if end < len(items) else ""})

    # --- the resources ---

    def uploads(self, sha256):
        held = self.server.uploads.get(sha256)
        if self.command == "GET":
            if held is None:
                return self.problem(404, "no such upload")
            return self.answer(200, {"offset": len(held["bytes"]), "size": held["size"], "complete": held["complete"]})
        size, offset, part = int(self.query["size"]), int(self.query["offset"]), self.body()
        held = self.server.uploads.setdefault(sha256, {"bytes": b"", "size": size, "complete": False})
        if len(part) > 4 << 20:
            return self.problem(413, "a part has at most 4 MiB")
        if offset != len(held["bytes"]):
            return self.problem(409, f"the next byte is {len(held['bytes'])}", "offset")
        held["bytes"], held["size"] = held["bytes"] + part, size
        if len(held["bytes"]) == size:
            if hashlib.sha256(held["bytes"]).hexdigest() != sha256:
                del self.server.uploads[sha256]
                return self.problem(422, "the bytes have another SHA-256")
            held["complete"] = True
        self.answer(200, {"offset": len(held["bytes"]), "size": size, "complete": held["complete"]})

    def releases(self, model=None, version=None):
        known = self.server.releases
        if self.command == "POST":
            wanted = json.loads(self.body())
            if not set(wanted) <= {"sha256", "deltas"}:
                return self.problem(400, "unknown member", "body")
            manifest, _ = documents(self.server.uploads[wanted["sha256"]]["bytes"])
            key = manifest["device_model"], manifest["version"]
            if key in known:
                same = known[key]["sha256"] == wanted["sha256"]
                return self.answer(200, known[key]) if same else self.problem(409, "the release exists with other content")
            deltas = []
            for delta in wanted["deltas"]:
                held = self.server.uploads[delta["sha256"]]
                deltas.append({"base_version": documents(held["bytes"])[1]["base_version"], "state": "given", "sha256": delta["sha256"], "size": held["size"]})
            known[key] = {"model": key[0], "version": key[1], "sha256": wanted["sha256"], "deltas": deltas, "created_ms": now_ms(),
                          "size": self.server.uploads[wanted["sha256"]]["size"], "release_counter": manifest["release_counter"]}
            return self.answer(201, known[key])
        if version:
            return self.answer(200, known[model, version]) if (model, version) in known else self.problem(404, f"no release {model} {version}")
        self.items([release for (name, _), release in sorted(known.items()) if self.query.get("model", name) == name])

    def rollouts(self, rollout_id=None, action=None):
        known = self.server.rollouts
        if self.command == "POST" and rollout_id is None:
            return self.rollout_open(json.loads(self.body()))
        if rollout_id is None:
            return self.items(list(known.values()))
        if rollout_id not in known:
            self.body()
            return self.problem(404, f"no rollout {rollout_id}")
        rollout = known[rollout_id]
        if action == "why":
            return self.answer(200, self.server.whys[rollout_id])
        if action:
            self.body()
            allowed, state = {"pause": (["running"], "paused"), "resume": (["paused"], "running"),
                              "cancel": (["running", "paused"], "cancelled")}[action]
            if rollout["state"] not in allowed:
                return self.problem(409, f"it is {rollout['state']}", "state")
            rollout["state"], rollout["why"] = state, "operator"
        elif self.server.steps.get(rollout_id):
            self.server.rollout(rollout_id, **self.server.steps[rollout_id].pop(0))
            rollout = known[rollout_id]
        self.answer(200, rollout)

    def rollout_open(self, plan):
        if (plan["model"], plan["version"]) not in self.server.releases:
            return self.problem(404, f"no release {plan['model']} {plan['version']}", "version")
        running = [r for r in self.server.rollouts.values() if r["model"] == plan["model"] and r["state"] == "running"]
        if running and not plan.pop("supersede", False):
            return self.problem(409, f"{running[0]['id']} runs for this model")
        for other in running:
            other["state"] = "superseded"
        rollout_id = plan.pop("id", f"{plan['model']}-{plan['version']}")
        self.answer(201, self.server.rollout(rollout_id, **plan))

    def devices(self, device_id=None, action=None):
        known = self.server.devices
        if device_id is None:
            names = {"model": "model", "state": "state", "version": "version"}
            rows = [d["device"] for d in known.values() if all(self.query.get(q, d["device"][m]) == d["device"][m] for q, m in names.items())]
            if "online" in self.query:
                rows = [row for row in rows if row["online"] == {"true": True, "false": False}[self.query["online"]]]
            return self.items(rows)
        if device_id not in known:
            self.body()
            return self.problem(404, f"no device {device_id}")
        if action == "why":
            return self.answer(200, self.server.whys[device_id])
        if action == "history":
            limit = int(self.query.get("limit", 50))
            return self.answer(200, {"items": [e for e in reversed(self.server.events) if e["device"] == device_id][:limit]})
        if action == "rollback":
            self.body()
            if known[device_id]["upgrade"] is None:
                return self.problem(409, "it has no upgrade")
            return self.answer(200, {"why": "an operator wants it back on the old version"})
        self.answer(200, known[device_id])

    def event_stream(self):
        """Server-sent events, where the server has them: what it has, and then what comes, until it is told to end them."""
        if self.server.feeds is None:
            return self.problem(404, "no such path")
        self.server.feeds += 1
        sent = 0 if self.query["after"] == "$" else next((i + 1 for i, e in enumerate(self.server.events) if e["id"] == self.query["after"]), 0)
        self.send_response(200)
        self.send_header("Content-Type", "text/event-stream")
        self.end_headers()
        self.wfile.write(b"retry: 2000\n\n: hello\r\n")
        if self.server.feed_gap:
            self.wfile.write(f"id: 4-0\nevent: gap\ndata: {json.dumps(self.server.feed_gap)}\n\n".encode())
        for _ in range(self.server.feed_events):
            with self.server.lock:
                if not self.server.lock.wait_for(lambda: len(self.server.events) > sent, 30):
                    break
                event = self.server.events[sent]
            sent += 1
            text = f"id: {event['id']}\nevent: {event['kind']}\ndata: {json.dumps(event)}\n\n".encode()
            self.wfile.write(text[:7])
            self.wfile.flush()
            self.wfile.write(text[7:])
        self.cut()

    def events(self, stream=None):
        if stream:
            return self.event_stream()

        def found():
            after = self.query["after"]
            rows = [e for e in self.server.events if after != "$" and key(e["id"]) > key(after)]
            return [e for e in rows if all(self.query.get(name, e[name]) == e[name] for name in ("rollout", "device"))]

        def key(event_id):
            return tuple(int(part) for part in (event_id + "-0").split("-")[:2])

        with self.server.lock:
            if self.query["after"] == "$":
                self.query["after"] = self.server.events[-1]["id"] if self.server.events else "0-0"
            self.server.lock.wait_for(found, int(self.query.get("wait_ms", 0)) / 1000)
            rows = found()[:min(int(self.query.get("limit", 100)), self.server.page)]
        self.answer(200, {"items": rows, "next": rows[-1]["id"] if rows else self.query["after"]})

    def audit(self):
        self.items([entry for entry in self.server.entries if all(self.query.get(name, entry.get(name)) == entry.get(name) for name in ("who", "action", "target"))])

    def status(self):
        self.answer(200, {"version": "0.1.0", "instance": "drover-1", "uptime_s": 3725, "ready": self.server.ready,
                          "mqtt": {"connected": True, "window": 3}, "redis": {"connected": self.server.ready, "url": "unix:///r\u009b"},
                          "fleet": {"devices": 10, "online": 9}, "rollouts_running": 1, "lag_ms": 12,
                          "models": [{"model": "esp32", "devices": 10, "online": 9, "versions": {"1.0.0": 4, "1.1.0": 6}, "states": {"succeeded": 6, "lost": 0}}]})
