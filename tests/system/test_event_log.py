"""The event log of a real fleet: sealed (and the audit with it), verified, exported, rebuilt from, with plans, strata, sites and releases; and webhooks over HTTPS to a receiver that fails in every way, while droverd is
killed between delivery and cursor. Nothing is lost, each device's events come in order."""
import collections
import hashlib
import hmac
import http.server
import json
import os
import ssl
import subprocess
import threading

import redis

from fleet import FAST, events_of, finish_fleet, start_fleet
from hand import Device, Hand
from pki import Authority
from stack import free_port, wait_until

SECRET = "sesame-%s" % os.urandom(8).hex()
SETTINGS = {**FAST, "events.seal_ms": 300, "webhook.batch": 20, "webhook.timeout_ms": 1500}
ALTERED = 13


class Receiver(http.server.ThreadingHTTPServer):
    """Stores what it accepts, event by event, and answers with what stands next in `plan`: a status, or something to do."""
    daemon_threads = True

    def __init__(self, certificate):
        super().__init__(("127.0.0.1", 0), Handler)
        context = ssl.SSLContext(ssl.PROTOCOL_TLS_SERVER)
        context.load_cert_chain(certificate)
        self.socket = context.wrap_socket(self.socket, server_side=True, do_handshake_on_connect=False)
        self.url = f"https://localhost:{self.server_port}/drover"
        self.lock, self.plan, self.events, self.deliveries, self.bad = threading.Lock(), [], [], [], []
        threading.Thread(target=self.serve_forever, daemon=True).start()

    def handle_error(self, request, client_address):
        pass   # connections that are cut are part of the test

    def ids(self):
        with self.lock:
            return [event["id"] for event in self.events]


class Handler(http.server.BaseHTTPRequestHandler):
    protocol_version = "HTTP/1.1"
    timeout = 20

    def log_message(self, *args):
        pass

    def do_POST(self):
        body = self.rfile.read(int(self.headers["Content-Length"]))
        server, headers = self.server, self.headers
        expected = "v1=" + hmac.new(SECRET.encode(), headers["X-Drover-Timestamp"].encode() + b"." + body, hashlib.sha256).hexdigest()
        batch = json.loads(body)
        with server.lock:
            if headers["X-Drover-Signature"] != expected or batch["delivery"] != headers["X-Drover-Delivery"] or batch["schema"] != 1:
                server.bad.append(dict(headers))
            act = server.plan.pop(0) if server.plan else 200
            server.deliveries.append((batch["delivery"], act if isinstance(act, int) else "act"))
            if not isinstance(act, int) or act < 300:
                server.events += batch["events"]
        if callable(act):
            act()
            return
        self.send_response(act)
        if act == 429:
            self.send_header("Retry-After", "1")
        self.send_header("Content-Length", "4")
        self.end_headers()
        self.wfile.write(b"okay")


def check_received(receiver, store, after):
    """Every event of the log behind `after` came, for the first time each in its turn."""
    wanted = [entry_id for entry_id, _ in events_of(store) if key(entry_id) > key(after)]
    firsts = list(dict.fromkeys(receiver.ids()))
    assert firsts == wanted, (len(firsts), len(wanted))
    assert not receiver.bad, receiver.bad[:1]


def key(entry_id):
    return tuple(int(half) for half in entry_id.split("-"))


def drover(stack, *arguments, code=0):
    environment = {**os.environ, "DROVER_API": stack.url(""), "DROVER_TOKEN_FILE": str(stack.token_file)}
    done = subprocess.run([stack.program("drover"), *map(str, arguments)], env=environment, capture_output=True, text=True, timeout=60)
    assert done.returncode == code, (done.returncode, done.stdout, done.stderr)
    return done


def droverd(stack, *arguments, code=0):
    done = subprocess.run([stack.program("droverd"), f"--redis-url=unix://{stack.redis_socket}", *map(str, arguments)], capture_output=True, text=True, timeout=60)
    assert done.returncode == code, (done.returncode, done.stdout, done.stderr)
    return done


def webhook_settings(stack, receiver, authority):
    secret = stack.folder / "webhook.secret"
    secret.write_text(SECRET + "\n")
    return {**SETTINGS, "webhook.url": receiver.url, "webhook.secret_file": secret, "webhook.tls_ca": authority.file}


def test_a_fleet_s_log_is_whole_wherever_it_is_looked_at(stack):
    authority = Authority(stack.folder / "ca")
    receiver = Receiver(authority.issue("localhost", server=True)[0])
    settings = webhook_settings(stack, receiver, authority)
    stack.start_redis()
    stack.start_broker()
    store = stack.redis()
    running = [stack.start_droverd(settings=settings)]
    wait_until(lambda: store.exists("drover:priv:export:webhook"), 20, "the exporter to have a cursor", alive=running)
    begun = store.get("drover:priv:export:webhook")

    def die():
        running[0].kill()

    receiver.plan = [200, 500, 429, lambda: threading.Event().wait(3), 200, 503, die]   # an answer after the timeout, a death in the middle of a POST
    fleet = start_fleet(stack, managed=60, simple=10, profile="mixed", seed=41, max_in_flight=40)
    wait_until(lambda: not running[0].running, 60, "droverd to be killed by its receiver", alive=[fleet.sim])
    stack.forget(running[0])
    cursor, received = store.get("drover:priv:export:webhook"), receiver.ids()
    assert key(cursor) < key(received[-1]), "the receiver has the batch and the cursor does not know it"
    running[0] = stack.start_droverd(settings=settings)
    finish_fleet(stack, fleet, seconds=120)
    end = events_of(store)[-1][0]
    wait_until(lambda: store.get("drover:priv:export:webhook") == end, 30, "every event to be delivered", alive=running)
    check_received(receiver, store, begun)
    repeated = [entry_id for entry_id, times in collections.Counter(receiver.ids()).items() if times > 1]
    assert set(received[-3:]) <= set(repeated), "the batch of the crash came again"
    assert not store.exists("drover:v1:export:webhook:dead")
    samples = stack.metrics()
    assert samples['drover_export_events_total{exporter="webhook"}'] > 50 and samples['drover_export_gaps_total{exporter="webhook"}'] == 0
    [export] = json.loads(drover(stack, "status", "-o", "json").stdout)["exports"]
    assert (export["name"], export["failing"], export["dead"]) == ("webhook", False, 0)

    wait_until(lambda: json.loads(drover(stack, "events", "verify", "-o", "json").stdout)["unsealed"] == 0, 20, "everything to be sealed", alive=running)
    wait_until(lambda: json.loads(drover(stack, "events", "verify", "-o", "json").stdout)["audit"]["unsealed"] == 0, 20, "the audit to be sealed", alive=running)
    facts = json.loads(drover(stack, "events", "verify", "-o", "json").stdout)
    assert facts["audit"]["entries"] == store.xlen("drover:v1:audit") >= 2 and facts["audit"]["seals"] >= 1
    assert facts["entries"] == len(events_of(store)) and facts["missed"] == 0 and facts["seals"] > 5
    file = stack.folder / "events.jsonl"
    drover(stack, "events", "export", file)
    assert json.loads(drover(stack, "events", "verify", file, "-o", "json").stdout)["entries"] == facts["entries"]
    check_rebuilt(stack, store, file)

    store.xdel("drover:v1:audit", store.xrange("drover:v1:audit", count=2)[1][0])   # nobody takes out what he did
    assert "audit, block" in drover(stack, "events", "verify", code=ALTERED).stderr
    victim = events_of(store)[facts["entries"] // 2][0]
    store.xdel("drover:v1:events", victim)
    assert "were removed" in drover(stack, "events", "verify", code=ALTERED).stderr
    drover(stack, "events", "verify", file)   # the copy still has it


class Sorted(Device):
    """Of a hardware revision and a site."""

    def __init__(self, hand, name, hw_rev, site):
        super().__init__(hand, name)
        self.facts = {"hw_rev": hw_rev, "tags": site}

    def beat(self, **changes):
        super().beat(**{**self.facts, **changes})


PLAN = {"schema": 1, "id": "staged", "model": "esp32", "version": "1.1.0", "spread_s": 0, "confirmations": 1, "description": 'says "all"',
        "limits": {"max_in_flight": 50, "per_site": 2, "site_tag": "site-"},
        "stages": [{"name": "canary", "count": 1, "per": "hw_rev", "promote": "manual"}, {"name": "all"}]}


def test_a_staged_rollout_that_was_edited_and_went_back_follows_from_the_log(stack):
    stack.start_redis()
    stack.start_broker()
    stack.start_droverd(settings={**SETTINGS, "flow.pending_ms": 200, "release.permit_key": stack.signer.permit_key()})
    store, hand, file = stack.redis(), Hand(stack), stack.folder / "plan.json"
    stack.add_release("esp32", "1.1.0", size=5000)
    file.write_text(json.dumps(PLAN))
    drover(stack, "rollout", "start", file)
    first, second, third, fourth = (Sorted(hand, f"d{number}", hw_rev, site).known()
                                    for number, (hw_rev, site) in enumerate((("rev-a", "site-1"), ("rev-a", "site-1"), ("rev-b", "site-2"), ("rev-b", "site-2"))))
    first.obey(), third.obey()
    file.write_text(json.dumps({**PLAN, "limits": {**PLAN["limits"], "max_in_flight": 7}}))
    drover(stack, "rollout", "edit", "staged", file)
    drover(stack, "rollout", "pause", "staged"), drover(stack, "rollout", "resume", "staged")
    drover(stack, "rollout", "promote", "staged")
    second.obey()
    fourth.command()
    fourth.steps("acknowledged", "downloading")
    check_again(stack, store, "in the middle")
    drover(stack, "rollout", "rollback", "staged", "--why", "batteries drain")
    fourth.command("cancel")
    for device in (first, second, third):
        device.command("rollback")
        device.boot("1.0.0")
        device.until("rolled_back")
    wait_until(lambda: store.hget("drover:v1:rollout:staged", "state") == "rolled_back", 40, "the rollout to end going back")
    check_again(stack, store, "at the end")
    assert [fields["on"] for _, fields in events_of(store) if fields["kind"] == "release"][:1] == ["add"]
    hand.close()


def check_again(stack, store, when):
    """Rebuilt from the log alone it is the same: the plan as it was edited, strata, sites, the release."""
    other = stack.folder / f"{when.split()[-1]}.sock"
    stack.start(f"redis-{when.split()[-1]}", ["redis-server", "--port", "0", "--unixsocket", other, "--save", "", "--dir", stack.folder])
    empty = redis.Redis(unix_socket_path=str(other), decode_responses=True)
    wait_until(lambda: other.exists() and empty.ping(), 10, "the other Redis")
    done = droverd(stack, "--rebuild-into", f"unix://{other}", "--rebuild-compare")
    assert "no differences" in done.stdout and "not known" not in done.stdout and " 1 plans, " in done.stdout and " 1 releases" in done.stdout, done.stdout
    key = "drover:v1:rollout:staged"
    assert json.loads(empty.get(key + ":plan"))["limits"]["max_in_flight"] == 7 and empty.get(key + ":plan") == store.get(key + ":plan")
    live, rebuilt = store.hgetall(key), empty.hgetall(key)
    assert {name: value for name, value in live.items() if not name.startswith("back_")} == rebuilt
    canary = empty.hgetall(key + ":stage:1")
    assert canary["opened@rev-a"] == canary["opened@rev-b"] == "1" and canary["opened"] == "2"
    assert empty.hgetall(key + ":sites") == store.hgetall(key + ":sites")
    live, rebuilt = store.hgetall("drover:v1:release:esp32:1.1.0"), empty.hgetall("drover:v1:release:esp32:1.1.0")
    assert live.pop("verified_ms") >= rebuilt.pop("verified_ms") and live == rebuilt


def check_rebuilt(stack, store, file):
    """Another Redis, from the file alone, holds the same upgrades, rollouts and counters."""
    other = stack.folder / "other.sock"
    stack.start("redis-other", ["redis-server", "--port", "0", "--unixsocket", other, "--save", "", "--dir", stack.folder])
    empty = redis.Redis(unix_socket_path=str(other), decode_responses=True)
    wait_until(lambda: other.exists() and empty.ping(), 10, "the other Redis")
    done = droverd(stack, "--rebuild-from", file, "--rebuild-into", f"unix://{other}", "--rebuild-compare")
    assert "no differences" in done.stdout and "not known" not in done.stdout, done.stdout
    for name in store.zrange("drover:v1:rollouts", 0, -1):
        live, rebuilt = (client.hgetall(f"drover:v1:rollout:{name}") for client in (store, empty))
        assert {field: value for field, value in live.items() if field == "opened" or ":" in field} == \
            {field: value for field, value in rebuilt.items() if field == "opened" or ":" in field}
    upgrades = store.keys("drover:v1:upgrade:*")
    assert len(upgrades) >= 50 and sorted(upgrades) == sorted(empty.keys("drover:v1:upgrade:*"))
    for upgrade in upgrades:
        fields = ("upgrade_id", "rollout", "state", "attempt", "error", "version", "state_ms", "opened_ms")
        assert store.hmget(upgrade, fields) == empty.hmget(upgrade, fields), upgrade


def test_what_a_receiver_refuses_and_certificates_that_do_not_prove_themselves(stack):
    authority, foreign = Authority(stack.folder / "ca"), Authority(stack.folder / "foreign", "foreign")
    receiver, liar = Receiver(authority.issue("localhost", server=True)[0]), Receiver(foreign.issue("localhost", server=True)[0])
    settings = webhook_settings(stack, receiver, authority)
    stack.start_redis()
    stack.start_broker()
    store = stack.redis()
    process = stack.start_droverd(settings={**settings, "webhook.url": liar.url})
    wait_until(lambda: store.exists("drover:priv:export:webhook"), 20, "the exporter to have a cursor", alive=[process])
    for number in range(3):
        add_event(store, number)
    wait_until(lambda: stack.metrics()['drover_export_failures_total{exporter="webhook"}'] > 0, 20, "the foreign certificate to be refused", alive=[process])
    assert not liar.deliveries and not store.exists("drover:v1:export:webhook:dead")
    assert "certificate" in next(line for line in process.log_path.read_text().splitlines() if "export_failed" in line)
    process.stop()
    stack.forget(process)
    receiver.plan = [410, 200]
    process = stack.start_droverd(settings=settings)
    wait_until(lambda: store.xlen("drover:v1:export:webhook:dead") == 3, 20, "the refused batch among the dead letters", alive=[process])
    letter = store.xrange("drover:v1:export:webhook:dead")[0][1]
    assert letter["why"] == "HTTP 410: okay" and letter["device"] == "d0" and json.loads(letter["payload"])["why"] == "by hand"
    add_event(store, 4)
    wait_until(lambda: len(receiver.events) == 1, 20, "the next one to be delivered", alive=[process])
    assert receiver.events[0]["device"] == "d4" and not receiver.bad
    done = subprocess.run([stack.program("droverd"), "--check-config", f"--webhook-url=http://hooks.example:{free_port()}/"], capture_output=True, text=True, timeout=20)
    assert done.returncode == 2 and "webhook.url" in done.stderr


def add_event(store, number):
    store.xadd("drover:v1:events", {"at_ms": number, "kind": "alarm", "device": f"d{number}", "model": "esp32", "rollout": "-", "upgrade": "-", "from": "none", "to": "none",
                                    "on": "by_hand", "attempt": 0, "revision": 0, "version": "-", "error": "-", "why": "by hand", "prev": "-", "instance": "drover-1", "stage": 0})
