"""Every operation of proto/openapi.yaml is asked of a running server, once well and once badly, and answers as the document says; and what
the document does not have is not there. That the table of routes in the code and the document name the same paths: tests/unit/edges/check_openapi.py."""
import contract
import pytest
from fleet import FAST
from stack import wait_until
from test_http_api import Api, heartbeats

PLAN = {"schema": 1, "id": "staged", "model": "esp32", "version": "1.1.0", "stages": [{"name": "canary", "count": 1, "soak_s": 3600}, {"name": "all"}]}
DEVICES = {"/firmware/latest", "/artifacts/{sha256}", "/artifacts/{sha256}/resume", "/healthz"}


class Tour:
    """Asks, and remembers which operations were answered and how; Api.ask holds each answer against the document."""

    def __init__(self, api):
        self.api, self.seen = api, {}

    def ask(self, status, method, path, body=None, **headers):
        listener = "http" if path.split("?")[0].startswith(("/firmware", "/artifacts")) else "api"
        got, value, found = self.api.ask(method, path, body, listener, headers={name.replace("_", "-"): text for name, text in headers.items()})
        assert got == status, (method, path, got, value)
        self.seen.setdefault((method.lower(), contract.operation_of(method, path)), set()).add(got)
        return value, found


def stream_looked_at(tour):
    """It has no end: HEAD says what it would be."""
    status, _, headers = tour.api.ask("HEAD", "/api/v1/events/stream")
    assert status == 200 and headers["Content-Type"] == "text/event-stream"
    tour.seen[("get", "/api/v1/events/stream")] = {200}


@pytest.fixture
def tour(stack):
    stack.start_redis()
    stack.start_broker()
    stack.start_droverd(settings=FAST)
    return Tour(Api(stack))


def test_every_operation_answers_as_documented(stack, tour):
    api = tour.api
    heartbeats(stack, 2)
    package = stack.package("esp32", "1.1.0").read_bytes()
    digest = api.upload(package)
    tour.ask(200, "GET", f"/api/v1/uploads/{digest}")
    tour.ask(409, "PUT", f"/api/v1/uploads/{'0' * 64}?size=9&offset=5", b"1234")
    tour.ask(200, "PUT", f"/api/v1/uploads/{'0' * 64}?size=9&offset=0", b"1234")
    api.add({"sha256": digest})
    tour.ask(200, "POST", "/api/v1/releases", {"sha256": digest})
    tour.ask(404, "POST", "/api/v1/releases", {"sha256": "f" * 64})
    for path in ("/healthz", "/readyz", "/metrics", "/api/v1/status", "/api/v1/releases", "/api/v1/releases/esp32/1.1.0", "/api/v1/devices", "/api/v1/devices/esp32-0",
                 "/api/v1/devices/esp32-0/history", "/api/v1/devices/esp32-0/why", "/api/v1/events", "/api/v1/rollouts"):
        tour.ask(200, "GET", path)
    staged(tour)
    devices(tour, digest)
    stream_looked_at(tour)
    for path in ("/api/v1/audit", "/api/v1/audit/raw", "/api/v1/audit/seals", "/api/v1/seals", "/api/v1/events/raw", "/api/v1/rollouts"):
        tour.ask(200, "GET", path)
    for method, path in sorted(contract.OPERATIONS):
        assert (method, path) in tour.seen, f"{method} {path} is documented and was not asked: add it here"


def staged(tour):
    """A rollout with stages, through all its moves."""
    tour.ask(200, "POST", "/api/v1/rollouts?dry_run=true", PLAN)
    tour.ask(400, "POST", "/api/v1/rollouts", {**PLAN, "stages": []})
    rollout, headers = tour.ask(201, "POST", "/api/v1/rollouts", PLAN)
    tour.ask(409, "POST", "/api/v1/rollouts", PLAN)
    for path in ("", "/plan", "/why"):
        tour.ask(200, "GET", "/api/v1/rollouts/staged" + path)
        tour.ask(404, "GET", "/api/v1/rollouts/nothing" + path)
    tour.ask(428, "PUT", "/api/v1/rollouts/staged/plan", PLAN)
    tour.ask(412, "PUT", "/api/v1/rollouts/staged/plan", PLAN, If_Match='"999"')
    tour.ask(200, "PUT", "/api/v1/rollouts/staged/plan", {**PLAN, "limits": {"max_in_flight": 7}}, If_Match=headers["ETag"])
    tour.ask(412, "POST", "/api/v1/rollouts/staged/pause", {}, If_Match=headers["ETag"])
    for action in ("pause", "resume", "promote"):
        tour.ask(200, "POST", f"/api/v1/rollouts/staged/{action}", {})
        tour.ask(404, "POST", f"/api/v1/rollouts/nothing/{action}", {})
        tour.ask(400, "POST", f"/api/v1/rollouts/staged/{action}", {"colour": "red"})
    tour.ask(409, "POST", "/api/v1/rollouts/staged/resume", {})
    tour.ask(403, "POST", "/api/v1/rollouts/staged/approve", {})
    tour.ask(403, "POST", "/api/v1/rollouts", {**PLAN, "id": "named", "approvals": 1})
    tour.ask(404, "GET", "/api/v1/rollouts/staged/proposal")
    for action in ("approve", "reject"):
        tour.ask(428, "POST", f"/api/v1/rollouts/staged/proposal/{action}", {})
        tour.ask(404, "POST", f"/api/v1/rollouts/staged/proposal/{action}", {}, If_Match='"1"')
    tour.ask(200, "POST", "/api/v1/rollouts/staged/retry", {})
    tour.ask(404, "GET", "/api/v1/rollouts/nothing/excluded")
    tour.ask(400, "GET", "/api/v1/rollouts/staged/excluded?cursor=x")
    for action in ("exclude", "include"):
        tour.ask(200, "GET", "/api/v1/rollouts/staged/excluded")
        tour.ask(200, "POST", f"/api/v1/rollouts/staged/{action}", {"device": "esp32-0"})
        tour.ask(404, "POST", f"/api/v1/rollouts/staged/{action}", {"device": "nobody"})
    tour.ask(200, "POST", "/api/v1/stop-all", {"why": "a test"})
    tour.ask(200, "POST", "/api/v1/start-all", {})
    tour.ask(200, "POST", "/api/v1/start-all", {}, Idempotency_Key="one")
    tour.ask(422, "POST", "/api/v1/stop-all", {}, Idempotency_Key="one")


def devices(tour, digest):
    tour.ask(200, "POST", "/api/v1/devices/esp32-1/quarantine", {"version": "1.1.0", "for_s": 60})
    tour.ask(200, "POST", "/api/v1/devices/esp32-1/readmit", {})
    tour.ask(400, "POST", "/api/v1/devices/esp32-1/quarantine", {"version": "x"})
    tour.ask(404, "POST", "/api/v1/devices/nobody/readmit", {})
    tour.ask(409, "POST", "/api/v1/devices/esp32-1/rollback", {})
    tour.ask(200, "GET", f"/artifacts/{digest}")
    tour.ask(200, "POST", f"/artifacts/{digest}/resume", {})
    wait_until(lambda: tour.api.ask("GET", "/firmware/latest?device_model=esp32&current_version=1.0.0&device_id=esp32-0", listener="http")[0] == 200, 20, "an offer")
    tour.ask(200, "GET", "/firmware/latest?device_model=esp32&current_version=1.0.0&device_id=esp32-0")
    tour.ask(304, "GET", "/firmware/latest?device_model=esp32&current_version=1.1.0")
    tour.ask(200, "POST", "/api/v1/rollouts/staged/rollback", {})
    tour.ask(200, "POST", "/api/v1/rollouts/staged/cancel", {})


def test_what_is_not_documented_is_not_there(stack, tour):
    """Other methods of documented paths are refused by name, and operators' paths are not on the devices' listener."""
    names = {"sha256": "f" * 64, "version": "1.0.0", "model": "esp32", "rollout": "r", "device": "d"}
    for path, item in contract.DOCUMENT["paths"].items():
        target = path.format(**names)
        for method in contract.METHODS:
            if method in item:
                continue
            status, _, headers = tour.api.ask(method.upper(), target)
            assert status == 405 and headers["Content-Type"] == "application/problem+json", (method, path, status)
            allowed = set(headers["Allow"].split(", "))
            assert allowed == {verb.upper() for verb in item if verb in contract.METHODS} | ({"HEAD"} if "get" in item else set()), (path, allowed)
        status = tour.api.ask("GET", target, listener="http")[0]
        assert path in DEVICES or status == 404, (path, status)
    for path in ("/", "/api", "/api/v1", "/api/v1/nothing", "/api/v2/devices", "/api/v1/devices/", "/debug"):
        assert tour.api.ask("GET", path)[0] == 404, path


def test_without_a_token_every_operators_path_is_closed(stack, tour):
    tour.api.token = "wrong"
    names = {"sha256": "f" * 64, "version": "1.0.0", "model": "esp32", "rollout": "r", "device": "d"}
    asked = 0
    for (method, path), operation in contract.OPERATIONS.items():
        if operation.get("security", contract.DOCUMENT["security"]) != [{"operator": []}]:
            continue
        status, _, headers = tour.api.ask(method.upper(), path.format(**names))
        assert status == 401 and headers["WWW-Authenticate"], (method, path, status)
        asked += 1
    assert asked > 25
