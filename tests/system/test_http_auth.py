"""Who may ask a real droverd: tokens of devices and people, signed requests, replay, rotation, and that nothing of it is needed by default."""
import hashlib
import http.client
import json
import os
import time

import pytest

from fleet import FAST, check_aggregates, check_histories
from hand import Device, Hand
from proof import Keys
from stack import wait_until

LATEST = "/firmware/latest?device_model=esp32&current_version=1.0.0"
REFUSED = 'drover_http_refused_total{reason="%s"}'


class Guarded:
    """droverd with a key file, two devices and a rollout for them."""

    def __init__(self, stack, devices="required", **settings):
        self.stack, self.keys = stack, Keys(stack.folder / "auth")
        stack.start_redis()
        stack.start_broker()
        self.settings = {**FAST, "auth.keys_file": self.keys.file, "auth.devices": devices, **settings}
        self.droverd = stack.start_droverd(settings=self.settings)
        self.hand = Hand(stack)
        self.store = self.hand.store
        self.package = None

    def roll_out(self):
        self.devices = [Device(self.hand, name).known() for name in ("d1", "d2")]
        self.package = self.stack.add_release("esp32", "1.1.0", size=50_000).read_bytes()
        self.stack.drover("rollout", "start", "esp32", "1.1.0", "--spread", "0s", "-q")
        for device in self.devices:
            device.command()
        return self

    @property
    def artifact(self):
        return "/artifacts/" + hashlib.sha256(self.package).hexdigest()

    def ask(self, target, authorization=None, method="GET", body=None, operators=False, twice=False, none_match=None):
        """(status, headers, content); `authorization` is the header's value."""
        ports = self.stack.api_ports if operators else self.stack.http_ports
        connection = http.client.HTTPConnection("127.0.0.1", ports["drover-1"], timeout=20)
        connection.putrequest(method, target)
        for _ in range(2 if twice else 1):
            if authorization is not None:
                connection.putheader("Authorization", authorization)
        if none_match is not None:
            connection.putheader("If-None-Match", none_match)
        if body is not None:
            connection.putheader("Content-Length", str(len(body)))
        connection.endheaders(body)
        answer = connection.getresponse()
        content = answer.read()
        connection.close()
        return answer.status, answer.headers, content

    def status(self, *arguments, **options):
        return self.ask(*arguments, **options)[0]

    def refusal(self, *arguments, **options):
        """(status, where) of a refusal."""
        status, _, content = self.ask(*arguments, **options)
        return status, json.loads(content).get("where")

    def refused(self, reason):
        return self.stack.metrics()[REFUSED % reason]


@pytest.fixture
def guarded(stack, request):
    guarded = Guarded(stack, **getattr(request, "param", {}))
    yield guarded
    guarded.droverd.check_alive()
    guarded.hand.settle()
    check_aggregates(guarded.store)
    check_histories(guarded.store)
    guarded.hand.close()


def with_settings(**settings):
    return pytest.mark.parametrize("guarded", [{name.replace("__", "."): value for name, value in settings.items()}], indirect=True, ids=[""])


# --- devices ---

@pytest.mark.asan
def test_a_device_proves_itself_with_a_token(guarded):
    guarded.roll_out()
    token = guarded.keys.bearer("d1")
    status, _, content = guarded.ask(LATEST + "&device_id=d1", token)
    offer = json.loads(content)
    assert status == 200 and offer["version"] == "1.1.0"
    # Who does not say its name is who its token says: it is not answered as somebody unnamed.
    status, _, content = guarded.ask(LATEST, token)
    assert status == 200 and json.loads(content)["upgrade_id"] == offer["upgrade_id"]
    status, _, content = guarded.ask(guarded.artifact + f"?device=d1&upgrade={offer['upgrade_id']}&attempt=1", token)
    assert status == 200 and content == guarded.package
    assert guarded.ask(guarded.artifact, token, method="HEAD")[0] == 200
    tokens = {how: guarded.stack.metrics()[f'drover_http_tokens_total{{how="{how}"}}'] for how in ("checked", "remembered")}
    assert 1 <= tokens["checked"] <= 2 and tokens["checked"] + tokens["remembered"] == 4, f"one check for each of two threads at most: {tokens}"


@pytest.mark.asan
def test_what_proves_nothing_is_refused(guarded):
    guarded.roll_out()
    keys, now = guarded.keys, int(time.time())
    d1 = LATEST + "&device_id=d1"
    rows = [
        (None, "Authorization", "token"),
        ("Basic ZDE6ZDE=", "Authorization", "key"),
        ("Bearer x", "token", "token"),
        (keys.bearer("d1", exp=now - 40), "exp", "expired"),
        (keys.bearer("d1", nbf=now + 600), "nbf", "expired"),
        (keys.bearer("d1", aud="somebody-else"), "aud", "forged"),
        (keys.bearer("d1", kid="strangers"), "kid", "key"),
        (keys.bearer("d1", signed_by="strangers"), "signature", "forged"),
        (keys.signed("d1", "GET", d1, at_ms=(now - 120) * 1000), "timestamp", "expired"),
        (keys.signed("d1", "POST", d1), "signature", "forged"),
        (keys.signed("d1", "GET", LATEST + "&device_id=d2"), "signature", "forged"),
    ]
    for authorization, where, reason in rows:
        before = guarded.refused(reason)
        for target in (d1, guarded.artifact + "?device=d1") if "DROVER" not in str(authorization) else (d1,):
            status, headers, content = guarded.ask(target, authorization)
            assert status == 401 and headers["WWW-Authenticate"].startswith("Bearer realm="), (authorization, status, content)
            assert where in json.loads(content)["where"], (authorization, content)
        assert guarded.refused(reason) > before, (reason, authorization)
    assert guarded.refusal(d1, keys.bearer("d1"), twice=True) == (400, "Authorization")
    assert guarded.status("/healthz") == 200 and guarded.status("/readyz", operators=True) == 200
    assert all("d1" not in name for name in guarded.stack.metrics()), "no device in a label"


@pytest.mark.asan
def test_nobody_asks_for_another(guarded):
    guarded.roll_out()
    before = guarded.store.hgetall("drover:v1:upgrade:d2")
    d1 = guarded.keys.bearer("d1")
    assert guarded.refusal(LATEST + "&device_id=d2", d1) == (403, "device_id")
    assert guarded.refusal(guarded.artifact + f"?device=d2&upgrade=anything&attempt=1", d1) == (403, "device")
    assert guarded.refusal(LATEST + "&device_id=d2", guarded.keys.signed("d1", "GET", LATEST + "&device_id=d2")) == (403, "device_id")
    assert guarded.refused("subject") == 3
    # A person is no device, whatever he may do elsewhere; the operators' listener asks devices for the same proof.
    assert guarded.refusal(LATEST + "&device_id=d1", guarded.keys.bearer("eve", "people")) == (403, "role")
    assert guarded.status(LATEST + "&device_id=d1", operators=True) == 401
    assert guarded.store.hgetall("drover:v1:upgrade:d2") == before, "nothing moved"


@pytest.mark.asan
def test_attack_21_a_signed_request_counts_once(guarded):
    guarded.roll_out()
    target = LATEST + "&device_id=d1"
    signed = guarded.keys.signed("d1", "GET", target)
    assert guarded.status(target, signed) == 200
    for _ in range(3):
        assert guarded.refusal(target, signed) == (409, "nonce")
    # The same on a path that the HTTP thread serves by itself: the loop takes the nonce first.
    target = guarded.artifact + "?device=d1"
    signed = guarded.keys.signed("d1", "GET", target)
    status, headers, content = guarded.ask(target, signed)
    assert status == 200 and content == guarded.package and headers["ETag"] == f'"{guarded.artifact[11:]}"'
    assert guarded.refusal(target, signed) == (409, "nonce")
    assert guarded.status(target, guarded.keys.signed("d1", "HEAD", target), method="HEAD") == 200
    assert guarded.refused("replay") == 4
    # An unused nonce does not help who changes anything else.
    assert guarded.status(target + "&attempt=2", guarded.keys.signed("d1", "GET", target)) == 401


@with_settings(auth__nonces_max=5)
def test_nobody_fills_redis_with_nonces(guarded):
    statuses = []
    for _ in range(8):
        statuses.append(guarded.status(LATEST, guarded.keys.signed("d1", "GET", LATEST)))
    assert statuses == [304] * 5 + [429] * 3
    assert guarded.status(LATEST, guarded.keys.signed("d2", "GET", LATEST)) == 304, "others still have theirs"
    assert guarded.refused("nonces") == 3


def test_what_is_right_of_a_download_is_said_to_whom_it_may_be_fetched_by(guarded):
    guarded.roll_out()
    path, have = guarded.artifact + "/resume", guarded.package[:30_000]
    body = json.dumps({"offset": len(have), "sha256": hashlib.sha256(have).hexdigest()}).encode()
    assert guarded.status(path, None, "POST", body) == 401
    assert guarded.status(path + "?device=d2", guarded.keys.bearer("d1"), "POST", body) == 403
    assert guarded.status(path, guarded.keys.bearer("viewer", "viewers"), "POST", body) in (401, 403)
    signed = guarded.keys.signed("d1", "POST", path, body)
    for authorization in (guarded.keys.bearer("d1"), signed):
        status, _, answer = guarded.ask(path, authorization, "POST", body)
        assert status == 200 and json.loads(answer)["offset"] == len(have)
    assert guarded.status(path, signed, "POST", body) == 409, "once only"
    assert guarded.status(path, guarded.keys.signed("d1", "POST", path, body), "POST", body + b" ") == 401, "another body than was signed"


def test_without_redis_signed_requests_are_refused_and_tokens_are_not(guarded):
    content = os.urandom(3000)
    digest = hashlib.sha256(content).hexdigest()
    token = "Bearer " + guarded.stack.token_file.read_text().strip()
    assert guarded.status(f"/api/v1/uploads/{digest}?size=3000&offset=0", token, "PUT", content, operators=True) == 200
    path = "/artifacts/" + digest
    redis = next(process for process in guarded.stack.processes if process.name == "redis")
    redis.kill()
    guarded.stack.forget(redis)
    wait_until(lambda: guarded.status(path, guarded.keys.signed("d1", "GET", path)) == 503, 20, "a signed request to be refused")
    assert guarded.ask(path, guarded.keys.bearer("d1"))[2] == content
    guarded.stack.start_redis()
    wait_until(lambda: guarded.status(path, guarded.keys.signed("d1", "GET", path)) == 200, 30, "Redis to be there again")


@with_settings(devices="optional")
def test_optional_is_for_a_fleet_that_changes_over(guarded):
    guarded.roll_out()
    assert guarded.status(LATEST + "&device_id=d2") == 200
    assert guarded.status(LATEST + "&device_id=d1", guarded.keys.bearer("d1")) == 200
    assert guarded.status(LATEST + "&device_id=d2", guarded.keys.bearer("d1")) == 403
    assert guarded.status(LATEST + "&device_id=d2", "Bearer nonsense") == 401


@with_settings(devices="off")
def test_off_is_as_ever(guarded):
    guarded.roll_out()
    for authorization in (None, "Bearer nonsense", guarded.keys.bearer("d1")):
        assert guarded.status(LATEST + "&device_id=d2", authorization) == 200
        assert guarded.status(guarded.artifact, authorization) == 200


# --- the decision's ETag ---

@pytest.mark.asan
def test_the_decision_has_an_etag(guarded):
    guarded.roll_out()
    tokens = {name: guarded.keys.bearer(name) for name in ("d1", "d2")}

    def latest(name="d1", **options):
        return guarded.ask(LATEST + f"&device_id={name}", tokens[name], **options)
    status, headers, content = latest()
    etag = headers["ETag"]
    assert status == 200 and etag == f'"{hashlib.sha256(content).hexdigest()}"' and "no-cache" in headers["Cache-Control"]
    for match in (etag, f'"x", W/{etag}', "*"):
        status, headers, content = latest(none_match=match)
        assert (status, content, headers["ETag"]) == (304, b"", etag), match
        assert headers["Content-Length"] is None and headers["Content-Type"] is None
    status, headers, content = latest(none_match=etag, method="HEAD")
    assert (status, headers["ETag"]) == (304, etag)
    assert latest("d2")[1]["ETag"] != etag and latest("d2", none_match=etag)[0] == 200, "another device has another upgrade"
    # The same package, told again: another attempt is another decision.
    d1 = guarded.devices[0]
    d1.report("failed", error="E_DOWNLOAD")
    wait_until(lambda: len(guarded.hand.commands("d1", "update")) == 2 or d1.beat(), 20, "a second attempt")
    status, headers, content = latest(none_match=etag)
    assert status == 200 and headers["ETag"] != etag and json.loads(content)["attempt"] == 2
    etag = headers["ETag"]
    # Withdrawn: 304 would say that what it has still stands.
    guarded.stack.drover("rollout", "cancel", "esp32-1.1.0")
    wait_until(lambda: latest()[0] == 304, 20, "the offer to be gone")
    status, headers, content = latest(none_match=etag)
    assert (status, content, headers["ETag"]) == (204, b"", None)
    assert latest()[0] == 304, "who asks without a condition hears what it always heard"


# --- keys change ---

@pytest.mark.asan
def test_keys_change_while_it_runs(guarded):
    keys, log = guarded.keys, guarded.droverd.log_path
    assert guarded.status(LATEST, keys.bearer("d1")) == 304 and guarded.status(LATEST, keys.bearer("d1", "strangers")) == 401
    old = keys.bearer("d1")
    assert guarded.status(LATEST, old) == 304
    keys.entries["strangers"] = {"kid": "strangers", "algorithm": "ES256", "role": "device", "audience": "drover", "public_key_file": "strangers.pem"}
    keys.write()
    guarded.droverd.signal(1)
    wait_until(lambda: guarded.status(LATEST, keys.bearer("d1", "strangers")) == 304, 10, "the new key to count")
    assert guarded.status(LATEST, old) == 304, "both count meanwhile"
    del keys.entries["devices"]
    keys.write()
    guarded.droverd.signal(1)
    wait_until(lambda: guarded.status(LATEST, old) == 401, 10, "a remembered token of a removed key to be refused")
    # A mistake in the file leaves the keys as they are.
    reloads = log.read_text().count("reload_failed")
    keys.file.write_text('{"schema":1,"keys":[{"kid":"x"}]}')
    guarded.droverd.signal(1)
    wait_until(lambda: log.read_text().count("reload_failed") > reloads, 10, "the mistake to be told")
    assert guarded.status(LATEST, keys.bearer("d1", "strangers")) == 304


# --- people ---

@pytest.mark.asan
def test_what_each_role_may(guarded):
    keys = guarded.keys
    new = json.dumps({"model": "esp32", "version": "9.9.9"}).encode()

    def may(authorization):
        return [guarded.status("/api/v1/status", authorization, operators=True),
                guarded.status("/api/v1/rollouts", authorization, "POST", new, operators=True),
                guarded.status("/api/v1/uploads/" + "0" * 64, authorization, operators=True)]
    assert may(keys.bearer("eve", "viewers")) == [200, 403, 404]
    assert may(keys.bearer("eve", "people")) == [200, 404, 404]
    assert may("Bearer " + guarded.stack.token_file.read_text().strip()) == [200, 404, 404], "api.token_file goes on"
    assert may(keys.bearer("d1")) == [403, 403, 403]
    assert may(keys.bearer("eve", "viewers", signed_by="people")) == [401, 401, 401], "a key's role is the file's"
    assert may(keys.bearer("eve", "viewers", role="admin")) == [200, 403, 404], "what a token says of its role is nothing"
    assert may(None) == [401, 401, 401]
    assert guarded.refused("role") == 5
    for target, method in (("/api/v1/audit", "GET"), ("/api/v1/start-all", "POST"), ("/api/v1/devices/d1/readmit", "POST")):
        for authorization in (keys.bearer("eve", "viewers"), keys.bearer("eve", "people"), keys.bearer("d1")):
            assert guarded.status(target, authorization, method, b"{}" if method == "POST" else b"", operators=True) == 403, target
    assert guarded.refused("role") == 14
    told = [fields for _, fields in guarded.stack.redis().xrange("drover:v1:audit")]
    assert [(entry["who"], entry["role"], entry["key"], entry["outcome"], entry["status"]) for entry in told] == [
        ("eve", "operator", "people", "refused", "404"), ("operator", "admin", "api.token_file", "refused", "404")], told
    signed = keys.signed("nightly", "POST", "/api/v1/rollouts", new, kid="scripts")
    assert guarded.status("/api/v1/rollouts", signed, "POST", new + b" ", operators=True) == 401, "the body is signed"
    assert guarded.status("/api/v1/rollouts", signed, "POST", new, operators=True) == 404
    assert guarded.status("/api/v1/rollouts", signed, "POST", new, operators=True) == 409
    content = os.urandom(1000)
    target = f"/api/v1/uploads/{hashlib.sha256(content).hexdigest()}?size=1000&offset=0"
    signed = keys.signed("nightly", "PUT", target, content, kid="scripts")
    assert guarded.status(target, signed, "PUT", content, operators=True) == 200
    assert guarded.status(target, signed, "PUT", content, operators=True) == 409


def test_the_command_line_with_a_token_of_ones_own(guarded):
    file = guarded.stack.folder / "eve.jwt"
    file.write_text(guarded.keys.token("eve", "people") + "\n")
    assert "esp32" in guarded.stack.drover("release", "add", guarded.stack.package("esp32", "1.1.0", 5000), "--token-file", file).stdout
    file.write_text(guarded.keys.token("eve", "people", exp=int(time.time()) - 100) + "\n")
    done = guarded.stack.drover("release", "list", "--token-file", file, check=False)
    assert done.returncode != 0 and "expired" in done.stderr, done.stderr


@with_settings(api__token_file="")
def test_the_operators_api_without_a_static_token(guarded):
    assert guarded.status("/api/v1/status", guarded.keys.bearer("eve", "viewers"), operators=True) == 200
    assert guarded.status("/api/v1/status", "Bearer ", operators=True) == 401
    assert guarded.status("/api/v1/status", operators=True) == 401


def test_settings_that_cannot_be_meant(stack):
    stack.start_redis()
    stack.start_broker()
    for settings, word in (({"auth.devices": "required"}, "auth.keys_file"), ({"auth.keys_file": stack.folder / "nowhere.json"}, "nowhere.json")):
        droverd = stack.start_droverd(settings={**FAST, **settings}, wait_ready=False)
        assert droverd.popen.wait(20) != 0 and word in droverd.log_path.read_text()
        stack.forget(droverd)
