"""The built `drover` against a small server with the operator API (fake_api.py): every command, format, exit code and fault."""
import hashlib
import json
import os
import pty
import re
import select
import shutil
import socket
import subprocess
import threading
import time

import pytest

from fake_api import STATES, TOKEN, Api, now_ms

DROVER = os.environ["DROVER"]
OK, FAILED, USAGE, NOT_FOUND, CONFLICT, DENIED, UNAVAILABLE, NOT_UPDATED, TIMED_OUT, REFUSED, NO_DELTA = range(11)
DEADLINE_S = 60


@pytest.fixture
def api():
    server = Api()
    thread = threading.Thread(target=server.serve_forever, kwargs={"poll_interval": 0.05}, daemon=True)
    thread.start()
    yield server
    server.shutdown()
    server.server_close()


def environment(api, **more):
    kept = {name: value for name, value in os.environ.items() if name in ("PATH", "ASAN_OPTIONS", "UBSAN_OPTIONS")}
    return {**kept, "LC_ALL": "C.UTF-8", "TZ": "UTC", "DROVER_API": api.url if api else "", "DROVER_TOKEN": TOKEN, **more}


def run(api, *args, code=OK, **more):
    done = subprocess.run([DROVER, *map(str, args)], env=environment(api, **more), capture_output=True, text=True, timeout=DEADLINE_S,
                          stdin=subprocess.DEVNULL)
    assert done.returncode == code, (args, done.returncode, done.stdout, done.stderr)
    return done


def once(method, part, act):
    """A fault for the first request that fits."""
    return lambda handler: handler.command == method and part in handler.path, act


def device(api, device_id, upgrade=None, explain=None, **members):
    api.devices[device_id] = {
        "device": {"device_id": device_id, "model": "esp32", "version": "1.0.0", "online": True, "status": "idle", "kind": "managed",
                   "seen_ms": now_ms() - 12000, "first_seen_ms": 1700000000000, "state": "none", "attempt": 0, "rollout": "", "target": "",
                   "rssi_dbm": -60, "battery_pct": 80, **members},
        "upgrade": upgrade, "explain": explain or {"now": "runs 1.0.0, nothing to do", "next": "", "next_ms": 0}}


def make_package(path, version="1.1.0", size=5000, image=None, model="esp32"):
    """A package as `drover package create` makes it, with one image that is stored as it is."""
    plain = path.with_suffix(".img")
    plain.write_bytes(image if image is not None else os.urandom(size))
    run(None, "package", "create", path, "--model", model, "--version", version, "--component", f"app={plain},compression=none", "-q")
    return path


@pytest.fixture
def package(tmp_path):
    return make_package(tmp_path / "esp32-1.1.0.dfw", size=(9 << 20) + 123)


def make_delta(old, new, path):
    run(None, "package", "delta", old, new, path, "--min-saving", 0, "-q")
    return path


def sha(path):
    return hashlib.sha256(path.read_bytes()).hexdigest()


# --- releases ---

def test_release_add_uploads_in_parts(api, tmp_path):
    image = os.urandom((9 << 20) + 123)
    old = make_package(tmp_path / "esp32-1.0.0.dfw", "1.0.0", image=image[:1 << 20])
    package = make_package(tmp_path / "esp32-1.1.0.dfw", image=image)
    delta = make_delta(old, package, tmp_path / "delta.dfw")
    api.uploads.clear()
    done = run(api, "release", "add", package, "--delta", delta, "-o", "json")
    release = json.loads(done.stdout)
    assert release["sha256"] == sha(package) and release["version"] == "1.1.0" and release["size"] == package.stat().st_size
    assert release["deltas"] == [{"base_version": "1.0.0", "state": "given", "sha256": sha(delta), "size": delta.stat().st_size}]
    assert api.uploads[sha(package)]["bytes"] == package.read_bytes()
    puts = [path for method, path in api.requests if method == "PUT" and sha(package) in path]
    assert [re.search(r"offset=(\d+)", path)[1] for path in puts] == ["0", str(4 << 20), str(8 << 20)]
    assert api.requests[0] == ("GET", "/api/v1/uploads/" + sha(package)), "it asks first"
    assert f"{package}: esp32 1.1.0" in done.stderr and "release esp32 1.1.0 added" in done.stderr and "[" not in done.stderr, "no bar when stderr is no terminal"

    sent = len([1 for method, _ in api.requests if method == "PUT"])
    again = run(api, "release", "add", package, "--delta", delta, "-o", "name")
    assert again.stdout == "esp32 1.1.0\n" and "the server has it already" in again.stderr and "was there already" in again.stderr
    assert len([1 for method, _ in api.requests if method == "PUT"]) == sent, "nothing was sent twice"


def test_release_of_a_bundle_is_its_package(api, tmp_path):
    package = make_package(tmp_path / "p.dfw")
    run(None, "package", "bundle", package, tmp_path / "p.zip")
    run(api, "release", "add", tmp_path / "p.zip", "-q")
    assert api.releases["esp32", "1.1.0"]["sha256"] == sha(package) and api.uploads[sha(package)]["bytes"] == package.read_bytes()


def test_release_with_other_content_is_a_conflict(api, tmp_path):
    run(api, "release", "add", make_package(tmp_path / "a.dfw"), "-q")
    done = run(api, "release", "add", make_package(tmp_path / "b.dfw"), code=CONFLICT)
    assert "drover: release add: 409 Conflict: the release exists with other content\n" in done.stderr and done.stdout == ""


def test_release_add_waits_for_the_verdict(api, tmp_path):
    package, begun = make_package(tmp_path / "p.dfw"), time.monotonic()
    later = [("Retry-After", "1")]
    api.faults = [once("POST", "releases", lambda handler: (handler.body(), handler.answer(202, {"state": "verifying"}, headers=later))),
                  once("POST", "releases", lambda handler: (handler.body(), handler.answer(202, b"", headers=later)))]
    done = run(api, "release", "add", package, "-o", "name")
    assert done.stdout == "esp32 1.1.0\n" and done.stderr.count("which verifies it; waiting") == 1
    assert time.monotonic() - begun >= 2 and len([1 for method, path in api.requests if method == "POST"]) == 3, "it waits as long as it is told to"

    api.releases.clear()
    api.faults = [once("POST", "releases", lambda handler: (handler.body(), handler.answer(202, {}, headers=[("Retry-After", "60")])))]
    done = run(api, "release", "add", package, "--timeout", "1s", code=TIMED_OUT)
    assert "the server still verifies esp32 1.1.0; the same command again asks for the result" in done.stderr and done.stdout == ""


def test_release_that_is_refused(api, tmp_path):
    package = make_package(tmp_path / "p.dfw")
    problem = {"type": "about:blank", "title": "Unprocessable Content", "status": 422, "detail": "0 of 1 signatures\x1b[31m", "code": "E_SIGNATURE"}
    api.faults = [once("POST", "releases", lambda handler: (handler.body(), handler.answer(422, problem, "application/problem+json")))]
    done = run(api, "release", "add", package, "-q", code=REFUSED)
    assert done.stderr == "drover: release add: E_SIGNATURE: 0 of 1 signatures\\x1b[31m\n" and done.stdout == ""
    api.faults = [once("POST", "releases", lambda handler: (handler.body(), handler.problem(422, "too many deltas", "deltas")))]
    done = run(api, "release", "add", package, "-q", code=FAILED)
    assert re.search(r"drover: release add: 422 Unprocessable \w+: too many deltas \(deltas\)\n$", done.stderr)


def test_release_add_looks_before_it_sends(api, tmp_path):
    one, two = make_package(tmp_path / "1.dfw", "1.0.0"), make_package(tmp_path / "2.dfw", "1.1.0")
    three = make_package(tmp_path / "3.dfw", "1.2.0")
    delta = make_delta(one, two, tmp_path / "delta.dfw")
    for args, words in (((delta,), "E_INCOMPATIBLE: {}/delta.dfw: is a delta package; give it with --delta"),
                        ((two, "--delta", one), "E_INCOMPATIBLE: {}/1.dfw: is no delta package"),
                        ((three, "--delta", delta), "E_INCOMPATIBLE: {}/delta.dfw: is a delta to another package (esp32 1.1.0)")):
        assert words.format(tmp_path) in run(api, "release", "add", *args, code=REFUSED).stderr
    assert api.requests == []


def test_upload_goes_on_after_a_cut(api, package):
    def cut_in_the_middle(handler):
        handler.rfile.read(1 << 20)
        handler.cut()

    def lost_answer(handler):        # the part arrived, its answer did not
        api.uploads[sha(package)]["bytes"] += handler.body()
        handler.cut()

    api.faults = [once("PUT", f"offset={4 << 20}", cut_in_the_middle), once("PUT", f"offset={4 << 20}", lost_answer),
                  once("PUT", f"offset={8 << 20}", lambda handler: (handler.body(), handler.problem(503, "busy")))]
    done = run(api, "release", "add", package)
    assert api.uploads[sha(package)]["complete"] and api.faults == []
    assert done.stderr.count("going on from where the server stands") == 3
    offsets = [int(re.search(r"offset=(\d+)", path)[1]) >> 20 for method, path in api.requests if method == "PUT"]
    assert offsets == [0, 4, 4, 8, 8], "what the server has is not sent again"


@pytest.mark.parametrize("size_known", [True, False])
def test_upload_started_earlier_is_resumed(api, package, size_known):
    data = package.read_bytes()
    api.uploads[sha(package)] = {"bytes": data[:5000000], "size": len(data) if size_known else 0, "complete": False}
    done = run(api, "release", "add", package)
    assert f"going on at byte 5000000 of {len(data)}" in done.stderr
    assert [path for method, path in api.requests if method == "PUT"][0].endswith("offset=5000000")


def test_upload_without_progress_ends(api, package):
    stuck = {"offset": 0, "size": package.stat().st_size, "complete": False}
    api.faults = [once("PUT", "", lambda handler: (handler.body(), handler.answer(200, stuck))) for _ in range(20)]
    done = run(api, "release", "add", package, code=UNAVAILABLE)
    assert "no progress in 6 tries" in done.stderr and len([1 for method, _ in api.requests if method == "PUT"]) == 6


@pytest.mark.parametrize("status, text", [(507, "507 Insufficient Storage: no room"), (422, "422 Unprocessable Entity: no room")])
def test_upload_that_is_refused_ends_at_once(api, package, status, text):
    api.faults = [once("PUT", "", lambda handler: (handler.body(), handler.problem(status, "no room")))]
    done = run(api, "release", "add", package, code=FAILED)
    assert text in done.stderr and api.releases == {}


def test_upload_whose_last_step_was_interrupted(api, package):
    """All bytes are there, but the server was killed before it said so: a part without bytes makes it finish."""
    api.uploads[sha(package)] = {"bytes": package.read_bytes(), "size": 0, "complete": False}
    run(api, "release", "add", package)
    size = package.stat().st_size
    assert [path for method, path in api.requests if method == "PUT"] == [f"/api/v1/uploads/{sha(package)}?size={size}&offset={size}"]


def test_upload_of_a_server_that_counts_wrongly_is_refused(api, package):
    api.faults = [once("GET", "uploads", lambda handler: handler.answer(200, {"offset": 1 << 40, "size": 5, "complete": False}))]
    assert "the server's copy has" in run(api, "release", "add", package, code=FAILED).stderr


def test_files_that_are_no_packages(api, tmp_path):
    empty, noise = tmp_path / "empty", tmp_path / "noise"
    empty.touch()
    noise.write_bytes(os.urandom(5000))
    for path, code, text in ((empty, REFUSED, "E_"), (noise, REFUSED, "E_INCOMPATIBLE"), (tmp_path, REFUSED, "is a folder"), (tmp_path / "absent", FAILED, "No such file")):
        assert text in run(api, "release", "add", path, code=code).stderr
    assert api.requests == []


def test_release_list_and_show(api):
    for version in ("1.0.0", "1.1.0"):
        api.releases["esp32", version] = {"model": "esp32", "version": version, "sha256": "ab" * 32, "size": 2048, "created_ms": now_ms() - 61000,
                                          "manifest_sha256": "ef" * 32, "release_counter": 17, "min_version": "", "hw_revs": "b1,b2", "expires_ms": 1900000000000,
                                          "deltas": [{"base_version": "0.9.0", "state": "given", "sha256": "cd" * 32, "size": 512},
                                                     {"base_version": "0.8.0", "state": "not_worth", "sha256": "", "size": 0, "why": "saves 3 %"}]}
    api.releases["zero", "2.0.0"] = {**api.releases["esp32", "1.0.0"], "model": "zero", "version": "2.0.0"}
    lines = run(api, "release", "list").stdout.splitlines()
    assert lines[0].split() == ["MODEL", "VERSION", "SIZE", "DELTAS", "CREATED", "SHA-256"] and len(lines) == 4
    assert re.match(r"esp32  1\.0\.0    2\.0 KiB       2  1 min \d s ago  (ab){32}$", lines[1])
    assert run(api, "release", "list", "--model", "zero", "-o", "name").stdout == "zero 2.0.0\n"
    shown = run(api, "release", "show", "esp32", "1.0.0").stdout
    assert re.search(r"^size +2\.0 KiB$", shown, re.M) and re.search(r"^0\.9\.0 +given +512 B +(cd){32} +-$", shown, re.M)
    assert re.search(r"^0\.8\.0 +not_worth +0 B +- +saves 3 %$", shown, re.M) and re.search(r"^hardware +b1,b2$", shown, re.M)
    assert re.search(r"^release counter +17$", shown, re.M) and "min version" not in shown and re.search(r"^expires +2030-03-17 17:46:40$", shown, re.M)
    assert json.loads(run(api, "release", "show", "esp32", "1.0.0", "-o", "jsonl").stdout) == api.releases["esp32", "1.0.0"]
    assert "404 Not Found: no release esp32 3.0.0" in run(api, "release", "show", "esp32", "3.0.0", code=NOT_FOUND).stderr


# --- rollouts ---

def test_rollout_start_sends_the_plan(api):
    api.releases["esp32", "1.1.0"] = {}
    done = run(api, "rollout", "start", "esp32", "1.1.0", "--id", "r1", "--share", 10, "--max-in-flight", 5, "--max-attempts", 2, "--error-budget",
               0, "--confirmations", 3, "--soak", "10m", "--spread", "90s", "-o", "json")
    plan = {"share_pct": 10, "max_in_flight": 5, "max_attempts": 2, "error_budget_pct": 0, "confirmations": 3, "soak_ms": 600000, "spread_s": 90}
    assert {name: json.loads(done.stdout)[name] for name in plan} == plan
    done = run(api, "rollout", "start", "esp32", "1.1.0", code=CONFLICT)
    assert done.stderr == "drover: rollout start: 409 Conflict: r1 runs for this model\n" and done.stdout == ""
    assert run(api, "rollout", "start", "esp32", "1.1.0", "--supersede", "-o", "name").stdout == "esp32-1.1.0\n"
    assert api.rollouts["r1"]["state"] == "superseded"
    done = run(api, "rollout", "start", "esp32", "9.9.9", code=NOT_FOUND)
    assert done.stderr == "drover: rollout start: 404 Not Found: no release esp32 9.9.9 (version)\n"


def test_rollout_list_and_show(api):
    api.rollout("r1", states={"succeeded": 6, "failed": 1, "retry_wait": 2}, on_target=6, remaining=3, errors={"E_SHA256": 1})
    api.rollout("r2", state="paused", why="error budget spent")
    lines = run(api, "rollout", "list").stdout.splitlines()
    assert lines[1].split()[:10] == ["r1", "esp32", "1.1.0", "running", "10", "6", "3", "1", "0", "0"]
    assert run(api, "rollout", "list", "-o", "name").stdout == "r1\nr2\n"
    shown = run(api, "rollout", "show", "r1").stdout
    for fact in (r"upgrades +retry_wait 2, succeeded 6, failed 1", r"errors +E_SHA256 1", r"soak +1 min", r"share +100 %", r"settled +no"):
        assert re.search(f"^{fact}$", shown, re.M), (fact, shown)
    assert run(api, "rollout", "show", "nothing", code=NOT_FOUND).stdout == ""


def test_rollout_moves(api):
    api.rollout("r1")
    assert " paused " in run(api, "rollout", "pause", "r1").stdout
    assert "409 Conflict: it is paused (state)" in run(api, "rollout", "pause", "r1", code=CONFLICT).stderr
    assert json.loads(run(api, "rollout", "resume", "r1", "-o", "jsonl").stdout)["state"] == "running"
    assert run(api, "rollout", "cancel", "r1", "-o", "name").stdout == "r1\n"
    run(api, "rollout", "cancel", "r2", code=NOT_FOUND)


def watch_steps(last):
    return [{"states": {"downloading": 4}, "on_target": 0, "remaining": 10}, {"states": {"downloading": 4}, "on_target": 0, "remaining": 10},
            {"states": {"succeeded": 5, "verifying": 5}, "on_target": 5, "remaining": 5}, last]


def test_watch_to_a_good_end(api):
    api.rollout("r1")
    api.steps["r1"] = watch_steps({"states": {"succeeded": 10}, "on_target": 10, "remaining": 0, "settled": True})
    done = run(api, "rollout", "watch", "r1", "--interval", "50ms", "--until-settled")
    assert done.stderr.splitlines() == ["running: 0 of 10 on 1.1.0, 10 remaining; downloading 4",
                                        "running: 5 of 10 on 1.1.0, 5 remaining; verifying 5, succeeded 5",
                                        "running: 10 of 10 on 1.1.0, 0 remaining; succeeded 10"], "a line per change, no more"
    assert re.search(r"^settled +yes$", done.stdout, re.M)


def test_watch_to_a_bad_end(api):
    api.rollout("r1")
    end = {"states": {"succeeded": 7, "failed": 2, "lost": 1}, "on_target": 7, "remaining": 0, "settled": True}
    api.steps["r1"] = watch_steps(end)
    done = run(api, "rollout", "watch", "r1", "--interval", "50ms", "-o", "jsonl", "-q", code=NOT_UPDATED)
    assert [json.loads(line)["on_target"] for line in done.stdout.splitlines()] == [0, 5, 7]
    assert done.stderr == "drover: rollout watch: it has ended; 3 devices were not updated\n", "-q leaves only the error"


@pytest.mark.parametrize("state", ["cancelled", "superseded"])
def test_watch_ends_when_it_is_broken_off(api, state):
    api.rollout("r1")
    api.steps["r1"] = watch_steps({"state": state, "why": "operator", "states": {"verifying": 1}, "remaining": 9})
    done = run(api, "rollout", "watch", "r1", "--interval", "50ms", "-o", "name", code=NOT_UPDATED)
    assert f"it is {state}: operator" in done.stderr and done.stdout == "r1\n"


def test_watch_gives_up_in_time_and_knows_nothing(api):
    api.rollout("r1")
    begun = time.monotonic()
    done = run(api, "rollout", "watch", "r1", "--timeout", "600ms", code=TIMED_OUT)
    assert 0.5 < time.monotonic() - begun < 5 and "the rollout goes on" in done.stderr
    run(api, "rollout", "watch", "r2", code=NOT_FOUND)


def test_watch_outlives_a_server_that_is_away(api):
    api.rollout("r1")
    api.steps["r1"] = watch_steps({"states": {"succeeded": 10}, "on_target": 10, "remaining": 0, "settled": True})
    api.faults = [once("GET", "rollouts", lambda handler: handler.problem(503, "no Redis")) for _ in range(7)]
    done = run(api, "rollout", "watch", "r1", "--interval", "50ms")
    assert api.faults == [] and "503 Service Unavailable: no Redis; trying again" in done.stderr


def on_terminal(api, *args, size=(24, 80), **more):
    """Runs drover with a terminal as its stdout and stderr; returns the exit code and all it wrote."""
    main, child = pty.openpty()
    import fcntl
    import struct
    import termios
    fcntl.ioctl(child, termios.TIOCSWINSZ, struct.pack("HHHH", *size, 0, 0))
    process = subprocess.Popen([DROVER, *map(str, args)], env=environment(api, **{"TERM": "xterm", **more}), stdin=child, stdout=child, stderr=child)
    os.close(child)
    written, deadline = b"", time.monotonic() + DEADLINE_S
    while time.monotonic() < deadline:
        if not select.select([main], [], [], 0.1)[0]:
            continue
        try:
            data = os.read(main, 65536)
        except OSError:      # the other end is closed
            break
        if not data:
            break
        written += data
    code = process.wait(timeout=5)
    os.close(main)
    return code, written.decode()


def test_upload_draws_a_bar_and_quiet_does_not(api, package):
    code, written = on_terminal(api, "release", "add", package)
    assert code == OK and re.search(r"\[#+\.*\] +\d+ %  esp32-1\.1\.0\.dfw: [\d.]+ MiB of 9\.0 MiB", written)
    api.uploads.clear()
    code, written = on_terminal(api, "release", "add", package, "-q", "-o", "name")
    assert code == OK and written == "esp32 1.1.0\r\n"


def test_colors_only_where_wanted(api):
    api.rollout("r1")
    green = "\033[32mrunning\033[0m"
    assert green in on_terminal(api, "rollout", "list")[1]
    assert "\033" not in on_terminal(api, "rollout", "list", "--no-color")[1]
    assert "\033" not in on_terminal(api, "rollout", "list", NO_COLOR="1")[1]
    assert green in on_terminal(api, "rollout", "list", NO_COLOR="")[1]
    assert "\033" not in run(api, "rollout", "list", TERM="xterm").stdout


# --- devices ---

def test_device_list_in_pages(api):
    for number in range(1200):
        device(api, f"d-{number:04}", online=number % 2 == 0, state="failed" if number < 3 else "none")
    done = run(api, "device", "list", "-o", "name")
    assert len(done.stdout.splitlines()) == 1000 and "more than these 1000; --limit 0 prints all" in done.stderr
    done = run(api, "device", "list", "-o", "name", "--limit", 0)
    assert done.stdout.splitlines() == sorted(api.devices) and done.stderr == ""
    api.page = 7
    assert len(json.loads(run(api, "device", "list", "--limit", 20, "-o", "json").stdout)["items"]) == 20
    assert run(api, "device", "list", "--state", "failed", "--online", "-o", "name").stdout == "d-0000\nd-0002\n"
    assert run(api, "device", "list", "--state", "failed", "--offline", "-o", "name").stdout == "d-0001\n"
    assert run(api, "device", "list", "--version", "2.0.0", "-o", "jsonl").stdout == ""
    assert run(api, "device", "list", "--model", "other").stdout.split()[:3] == ["DEVICE", "MODEL", "VERSION"]
    row = run(api, "device", "list", "--limit", 1).stdout.splitlines()[1]
    assert re.match(r"d-0000  esp32  1\.0\.0    online  idle    1\d s ago  failed", row), row


def test_device_list_ends_when_the_cursor_stands_still(api):
    api.faults = [once("GET", "devices", lambda handler: handler.answer(200, {"items": [], "next": "7"})) for _ in range(2)]
    assert run(api, "device", "list", "-o", "name").stdout == ""
    assert len(api.requests) == 2


def test_device_show_says_it_in_words(api):
    device(api, "d-1", state="retry_wait", upgrade={
        "upgrade_id": "0123456789abcdef", "rollout": "r1", "from_version": "1.0.0", "version": "1.1.0", "state": "retry_wait", "attempt": 2,
        "state_ms": now_ms() - 5000, "deadline_ms": now_ms() + 60500, "error": "E_SHA256", "why": "a passing failure, attempts left",
        "note": "hash\x1b[2J"},
        explain={"now": "waits after attempt 2 of 3: E_SHA256", "next": "attempt 3", "next_ms": now_ms() + 60500})
    shown = run(api, "device", "show", "d-1").stdout
    assert shown.startswith("now   waits after attempt 2 of 3: E_SHA256\n")
    assert re.search(r"^next  attempt 3 \(in (1 min|59 s), \d{4}-\d\d-\d\d \d\d:\d\d:\d\d\)$", shown, re.M)
    for fact in (r"last heartbeat +1\d s ago", r"battery +80 %", r"signal dBm +-60", r"last error +E_SHA256", r"device's words +hash\\x1b\[2J",
                 r"deadline +in (1 min|59 s|1 min 0 s)", r"first seen +2023-11-14 22:13:20"):
        assert re.search(f"^{fact}$", shown, re.M), (fact, shown)
    assert json.loads(run(api, "device", "show", "d-1", "-o", "json").stdout) == api.devices["d-1"]
    assert run(api, "device", "show", "d-1", "-o", "name").stdout == "d-1\n"
    device(api, "d-2")
    shown = run(api, "device", "show", "d-2").stdout
    assert shown.startswith("now   runs 1.0.0, nothing to do\n\n") and "next" not in shown and "upgrade" not in shown
    run(api, "device", "show", "d-3", code=NOT_FOUND)


def row(name, answer="holds", holder=False, **more):
    return {"name": name, "answer": answer, "holder": holder, "for_now": False, **more}


def test_device_why_marks_what_holds_it_back(api):
    device(api, "d-1")
    api.whys["d-1"] = {
        "device_id": "d-1", "model": "esp32", "version": "1.0.0", "online": False, "seen_ms": now_ms() - 12000, "now": "runs 1.0.0, has no upgrade",
        "next": "nothing is planned: the rollout has not begun", "next_ms": now_ms() + 3600500, "held_by": "state", "refusal": "the rollout has not begun",
        "predicates": [row("upgrade"), row("rollout", value="r1 to 1.1.0"),
                       row("state", "refuses", True, refusal="the rollout has not begun", value="scheduled: \x1b[2Joperator", next_ms=now_ms() + 3600500),
                       row("some_new_row", "refuses", refusal="a word " * 12, value="x" * 40), row("places", "not_asked")]}
    shown = run(api, "device", "why", "d-1").stdout
    lines = shown.splitlines()
    assert all(len(line) <= 80 for line in lines), shown
    assert re.match(r"device d-1, esp32 1.0.0, offline, last heartbeat 1\d s ago$", lines[0]), shown
    assert re.search(r"^next   nothing is planned: the rollout has not begun \(in (1 h|59 min)", shown, re.M), shown
    assert "  ok     upgrade\n" in shown and "  ok     rollout    r1 to 1.1.0\n" in shown and "  -      places\n" in shown, shown
    assert shown.count(">") == 1 and re.search(r"^> held   state      the rollout has not begun; scheduled: \\x1b\[2Joperator;", shown, re.M), shown
    assert "  no     some_new_row a word" in shown, shown
    assert json.loads(run(api, "device", "why", "d-1", "-o", "json").stdout) == api.whys["d-1"]
    assert run(api, "device", "why", "d-1", "-o", "name").stdout == "state\n"
    run(api, "device", "why", "d-9", code=NOT_FOUND)


def test_rollout_why_shows_gates(api):
    api.rollout("r1")
    api.whys["r1"] = {"id": "r1", "model": "esp32", "version": "1.1.0", "state": "running", "revision": 3, "now": "soaks for 40 s more",
                      "next_ms": now_ms() + 40500, "in_flight": 0, "max_in_flight": 5, "per_minute": 0, "waiting": 0,
                      "predicates": [row("state", value="running: started"), row("stage", "refuses", True, refusal="waits", value="canary, 1 of 2")],
                      "held_by": "stage", "gates": [{"text": "failure_rate 3.1 % of 64 (1.2 .. 8.0 %), limit 5 %: open"}]}
    shown = run(api, "rollout", "why", "r1").stdout
    assert shown.startswith("rollout r1, esp32 to 1.1.0, running\nnow    soaks for 40 s more\nnext   looked at in "), shown
    assert "> held   stage      waits; canary, 1 of 2\n" in shown, shown
    assert shown.endswith("\n\ngate   failure_rate 3.1 % of 64 (1.2 .. 8.0 %), limit 5 %: open\n"), shown
    assert all(len(line) <= 80 for line in shown.splitlines()), shown
    run(api, "rollout", "why", "r9", code=NOT_FOUND)


def test_device_history_and_rollback(api):
    device(api, "d-1")
    for number in range(3):
        api.add_event(attempt=number, why=f"step {number}")
    api.add_event(device="d-2")
    rows = [json.loads(line)["attempt"] for line in run(api, "device", "history", "d-1", "-o", "jsonl").stdout.splitlines()]
    assert rows == [2, 1, 0]
    lines = run(api, "device", "history", "d-1", "--limit", 2).stdout.splitlines()
    assert len(lines) == 3 and re.search(r"move  r1       d-1     pending  dispatched        2  -      step 2$", lines[1])
    for form in ("table", "json"):
        assert run(api, "device", "history", "d-9", "-o", form, code=NOT_FOUND).stdout == "", "nothing that looks like an empty list"
    assert "409 Conflict: it has no upgrade" in run(api, "device", "rollback", "d-1", code=CONFLICT).stderr
    api.devices["d-1"]["upgrade"] = {}
    assert run(api, "device", "rollback", "d-1").stdout == "why  an operator wants it back on the old version\n"
    assert run(api, "device", "rollback", "d-1", "-o", "name").stdout == "d-1\n"


# --- events ---

def test_events_in_pages(api):
    old = api.add_event(id=f"{now_ms() - 3600000}-0", why="long ago")
    fresh = [api.add_event(device=f"d-{number % 2}") for number in range(5)]
    api.page = 2
    printed = [json.loads(line) for line in run(api, "events", "-o", "jsonl").stdout.splitlines()]
    assert printed == fresh, "ten minutes back by default"
    assert run(api, "events", "--since", "2h", "-o", "name").stdout.splitlines() == [e["id"] for e in [old] + fresh]
    assert run(api, "events", "--after", fresh[2]["id"], "-o", "name").stdout.splitlines() == [e["id"] for e in fresh[3:]]
    assert run(api, "events", "--device", "d-1", "-o", "name").stdout.splitlines() == [fresh[1]["id"], fresh[3]["id"]]
    assert run(api, "events", "--rollout", "r9").stdout.startswith("TIME")
    assert len(json.loads(run(api, "events", "--limit", 3, "-o", "json").stdout)["items"]) == 3


def wait_for(condition):
    deadline = time.monotonic() + DEADLINE_S
    while not condition():
        assert time.monotonic() < deadline
        time.sleep(0.01)


def test_events_follow_by_long_polls(api):
    api.add_event(why="before")
    process = subprocess.Popen([DROVER, "events", "-f", "-o", "jsonl", "--limit", "2"], env=environment(api), stdout=subprocess.PIPE, text=True)
    try:
        wait_for(lambda: len(api.requests) > 1)
        assert "events/stream" in api.requests[0][1], "it asks for the stream first; this server has none"
        assert "after=%24" in api.requests[1][1] and "wait_ms=25000" in api.requests[1][1]
        for number in range(2):
            time.sleep(0.05)     # another moment for each; the reader gets it at once either way
            sent = api.add_event(attempt=number)
            begun = time.monotonic()
            assert json.loads(process.stdout.readline()) == sent and time.monotonic() - begun < 5
        assert process.wait(timeout=DEADLINE_S) == OK, "--limit ends it"
    finally:
        process.kill()
        process.wait()


def test_events_follow_by_a_stream_that_breaks(api):
    """Every two events the connection goes away: it comes again from the last id, and nothing is missing or twice."""
    api.feeds, api.feed_events = 0, 2
    process = subprocess.Popen([DROVER, "events", "-f", "-o", "jsonl", "--limit", "5", "--rollout", "r1"], env=environment(api), stdout=subprocess.PIPE, text=True)
    try:
        wait_for(lambda: api.feeds)
        assert "/api/v1/events/stream?after=%24&rollout=r1" == api.requests[0][1]
        sent = []
        for number in range(5):
            sent.append(api.add_event(attempt=number))
            assert json.loads(process.stdout.readline()) == sent[-1]
        assert process.wait(timeout=DEADLINE_S) == OK, "--limit ends it"
        assert api.feeds == 3 and sent[1]["id"] in api.requests[1][1] and sent[3]["id"] in api.requests[2][1], api.requests
    finally:
        process.kill()
        process.wait()


def test_events_that_are_trimmed_are_missed_aloud(api):
    gap = {"resume": "4-0", "first": "5-0"}
    api.faults = [once("GET", "events", lambda handler: handler.answer(200, {"items": [], "next": "5-0", "gap": gap}))]
    assert "events are missing: the log is trimmed, and begins with 5-0 now" in run(api, "events", "--after", "1-0").stderr
    api.faults = [once("GET", "events", lambda handler: handler.answer(200, {"items": [], "next": "5-0", "gap": {"resume": "4-0"}}))]
    assert "and empty now" in run(api, "events", "--after", "1-0").stderr


def test_events_follow_is_told_of_a_gap(api):
    api.feeds, api.feed_events = 0, 2
    api.feed_gap = {"after": "1-0", "first": "5-0"}
    process = subprocess.Popen([DROVER, "events", "-f", "-o", "jsonl", "--limit", "1", "--after", "1-0"], env=environment(api), stdout=subprocess.PIPE, stderr=subprocess.PIPE, text=True)
    try:
        wait_for(lambda: api.feeds)
        sent = api.add_event(attempt=1)
        out, err = process.communicate(timeout=DEADLINE_S)
        assert json.loads(out) == sent and "begins with 5-0 now" in err, "the gap is no event"
    finally:
        process.kill()
        process.wait()


def test_events_follow_gives_up_on_a_refusal(api):
    api.faults = [once("GET", "events", lambda handler: handler.problem(403, "role"))]
    assert "403 Forbidden: role" in run(api, "events", "-f", code=DENIED).stderr


def test_events_follow_until_the_time_is_over(api):
    begun = time.monotonic()
    done = run(api, "events", "-f", "--timeout", "1500ms", code=TIMED_OUT)
    assert 1 < time.monotonic() - begun < 10 and "the time is over" in done.stderr


def flooded(api, stream):
    """So many requests in two seconds, of a server that answers them all at once. Without pauses it is hundreds, also on a busy machine."""
    answer = {"items": [], "next": "5-0"}
    api.faults = [once("GET", "/events" if stream else "/events?", lambda handler: handler.answer(200, answer)) for _ in range(3000)]
    run(api, "events", "-f", "--after", "5-0", "--timeout", "2s", code=TIMED_OUT)
    return len([path for _, path in api.requests if ("/stream" in path) == stream])


def test_events_do_not_flood_a_server_that_does_not_wait(api):
    """One that has no stream: after each page a pause of 200 ms, unless the page took 100 ms itself."""
    assert 1 <= flooded(api, stream=False) <= 2000 // 100 + 2


def test_events_do_not_flood_a_server_whose_stream_brings_nothing(api):
    """Pauses are random up to 400, 800, 1600, 3200 ms, and so on: more than 12 of them in two seconds are as good as impossible (1e-11)."""
    assert 1 <= flooded(api, stream=True) <= 12


# --- the audit ---

def test_audit(api):
    api.entries = [{"id": f"{number}-0", "at_ms": now_ms(), "who": who, "role": "admin", "key": "k", "action": "rollout_pause", "target": "r1",
                    "outcome": "refused" if number else "done", "why": "is \x1b[2Jpaused", "request": "q", "instance": "drover-1"}
                   for number, who in enumerate(("alice", "bob", "alice"))]
    shown = run(api, "audit", "--who", "alice", "--target", "r1").stdout.splitlines()
    assert len(shown) == 3 and re.search(r" alice +admin +rollout_pause +r1 +refused +is \\x1b\[2Jpaused +- +-$", shown[2]), shown
    assert run(api, "audit", "-o", "name").stdout.split() == ["0-0", "1-0", "2-0"]
    assert len(run(api, "audit", "--limit", "1", "-o", "jsonl").stdout.splitlines()) == 1
    api.faults = [once("GET", "audit", lambda handler: handler.problem(403, "this needs an admin", "role"))]
    assert "403 Forbidden: this needs an admin (role)" in run(api, "audit", code=DENIED).stderr


# --- the server as a whole ---

def test_status(api):
    shown = run(api, "status").stdout
    for fact in (r"ready +yes", r"up +1 h 2 min", r"lag +12 ms", r"mqtt\.connected +true", r"redis\.url +unix:///r\\u009b", r"online +9",
                 r"esp32 +10 +9 +1\.0\.0 4, 1\.1\.0 6 +succeeded 6"):
        assert re.search(f"^{fact}$", shown, re.M), (fact, shown)
    assert json.loads(run(api, "status", "-o", "json").stdout)["fleet"] == {"devices": 10, "online": 9}
    assert run(api, "status", "-o", "name").stdout == "drover-1\n"
    api.ready = False
    done = run(api, "status", code=UNAVAILABLE)
    assert "the server is not ready" in done.stderr and re.search(r"^ready +no$", done.stdout, re.M)


def test_tokens(api, tmp_path):
    wanted = "401 Unauthorized: a bearer token is needed"
    assert wanted in run(api, "status", code=DENIED, DROVER_TOKEN="").stderr
    assert wanted in run(api, "status", code=DENIED, DROVER_TOKEN="wrong").stderr
    good, bad = tmp_path / "good", tmp_path / "bad"
    good.write_text(TOKEN + "\n")
    bad.write_text("two words\n")
    run(api, "status", "--token-file", good, DROVER_TOKEN="wrong")
    run(api, "status", DROVER_TOKEN="", DROVER_TOKEN_FILE=str(good))
    assert "token:" in run(api, "status", "--token-file", bad, code=USAGE).stderr
    assert "No such file" in run(api, "status", "--token-file", tmp_path / "absent", code=USAGE).stderr
    assert TOKEN not in run(api, "rollout", "show", "x", code=NOT_FOUND).stderr
    api.faults = [once("GET", "status", lambda handler: handler.problem(403, "operators only"))]
    assert "403 Forbidden: operators only" in run(api, "status", code=DENIED).stderr


def free_port():
    with socket.socket() as probe:
        probe.bind(("127.0.0.1", 0))
        return probe.getsockname()[1]


def test_unreachable(api):
    url = f"http://127.0.0.1:{free_port()}"
    done = run(api, "status", "--api", url, code=UNAVAILABLE)
    assert f"cannot reach {url}" in done.stderr
    run(api, "status", "--api", "ftp://x", code=USAGE)
    begun = time.monotonic()
    done = run(api, "status", "--api", url, "--timeout", "100ms", code=TIMED_OUT)
    assert time.monotonic() - begun < 3 and "the time is over" in done.stderr


def test_a_server_that_does_not_answer(api):
    with socket.socket() as silent:
        silent.bind(("127.0.0.1", 0))
        silent.listen()
        url = f"http://127.0.0.1:{silent.getsockname()[1]}"
        begun = time.monotonic()
        run(api, "status", "--api", url, "--timeout", "500ms", code=TIMED_OUT)
        assert 0.4 < time.monotonic() - begun < 5


def test_503_is_tried_again(api):
    busy = lambda handler: (handler.body(), handler.problem(503, "no answer in time"))  # noqa: E731
    cut = lambda handler: (handler.body(), handler.cut())  # noqa: E731
    api.faults = [once("GET", "status", cut), once("GET", "status", busy)]
    run(api, "status")
    assert len(api.requests) == 3
    api.faults = [once("GET", "status", busy) for _ in range(5)]
    done = run(api, "status", code=UNAVAILABLE)
    assert api.faults == [] and done.stderr.endswith("drover: status: 503 Service Unavailable: no answer in time\n")
    api.rollout("r1")
    api.faults = [once("POST", "pause", busy), once("POST", "pause", cut)]
    run(api, "rollout", "pause", "r1")
    assert api.rollouts["r1"]["state"] == "paused" and api.faults == []
    api.faults = [once("POST", "resume", busy) for _ in range(9)]
    done = run(api, "rollout", "resume", "r1", code=UNAVAILABLE)
    assert len(api.faults) == 4 and "it may have been done nevertheless" in done.stderr, "there is an end"


def changed(api, method, path, *command, **more):
    """The keys that this command sends."""
    api.requests.clear(), api.keys.clear()
    run(api, *command, **more)
    return [key for key, request in zip(api.keys, api.requests) if request[0] == method and path in request[1]]


def test_a_lost_answer_does_not_do_it_twice(api):
    """The second attempt carries the first one's key and is given its answer: without it, the pause would be refused, and a second rollout begun."""
    api.rollout("r1")
    api.faults = [once("POST", "pause", lambda handler: handler.lose_answer())]
    keys = changed(api, "POST", "pause", "rollout", "pause", "r1")
    assert len(keys) == 2 and keys[0] == keys[1] and re.fullmatch('"[0-9a-f]{32}"', keys[0])
    api.rollouts.clear()
    api.releases["esp32", "1.1.0"] = {}
    api.faults = [once("POST", "rollouts", lambda handler: handler.lose_answer()) for _ in range(2)]
    keys = changed(api, "POST", "rollouts", "rollout", "start", "esp32", "1.1.0", "--supersede")
    assert len(keys) == 3 and len(set(keys)) == 1 and [(name, rollout["state"]) for name, rollout in api.rollouts.items()] == [("esp32-1.1.0", "running")]


def test_each_command_has_a_key_of_its_own(api):
    api.rollout("r1")
    seen = [changed(api, "POST", "/", "rollout", action, "r1") for action in ("pause", "resume", "pause", "cancel")]
    assert all(len(keys) == 1 and keys[0] for keys in seen) and len({keys[0] for keys in seen}) == 4
    assert changed(api, "GET", "/", "rollout", "show", "r1") == [None]


def test_promote_is_bound_to_what_is_there(api):
    api.rollout("r1", revision=4)
    sent = []
    look = lambda handler: (handler.body(), sent.append(handler.headers.get("If-Match")), handler.problem(412, "the rollout has changed meanwhile", "If-Match"))  # noqa: E731
    api.faults = [once("POST", "/promote", look)]
    run(api, "rollout", "promote", "r1", code=CONFLICT)
    assert sent == ['"4"']
    run(api, "rollout", "promote", "r2", code=NOT_FOUND)


def test_the_first_attempt_is_still_under_way(api):
    """409 with Retry-After, as droverd answers a key that it is serving."""
    def under_way(handler):
        handler.body()
        handler.answer(409, {"title": "Conflict", "status": 409, "detail": "the first request with this key is still under way", "where": "Idempotency-Key"},
                       "application/problem+json", [("Retry-After", "1")])

    api.rollout("r1")
    api.faults = [once("POST", "pause", lambda handler: (handler.body(), handler.cut())), once("POST", "pause", under_way)]
    assert len(changed(api, "POST", "pause", "rollout", "pause", "r1")) == 3 and api.rollouts["r1"]["state"] == "paused"
    api.faults = [once("POST", "resume", under_way) for _ in range(9)]
    done = run(api, "rollout", "resume", "r1", code=UNAVAILABLE)
    assert "still under way" in done.stderr and "it may have been done nevertheless" in done.stderr and len(api.faults) == 4
    assert "409 Conflict" in run(api, "rollout", "pause", "r1", code=CONFLICT).stderr, "any other refusal is final"


def test_approve_says_what_was_looked_at(api):
    api.rollout("r1", proposal={"number": 7, "order": "edit", "who": "ann", "why": "ann: faster", "at_ms": now_ms() - 60000, "expires_ms": now_ms() + 60000, "stands": True, "needed": 1,
                                "approvals": 0, "approvers": [], "before": {"/limits/max_in_flight": 2, "/limits/per_site": 1}, "after": {"/limits/max_in_flight": 50, "/x": "\u001b[2J"}})
    shown = run(api, "rollout", "show", "r1").stdout
    for line in (r"proposal +7", r"order +edit", r"by +ann: faster", r"  /limits/max_in_flight: 2 -> 50", r"  /limits/per_site: 1 -> \(not there\)"):
        assert re.search(f"^{line}$", shown, re.M), (line, shown)
    assert "\x1b" not in shown
    sent = []
    look = lambda handler: (handler.body(), sent.append((handler.path, handler.headers.get("If-Match"))), handler.answer(200, api.rollouts["r1"]))  # noqa: E731
    for command, path, etag in ((("approve",), "/proposal/approve", '"7"'), (("approve", "--proposal", "6"), "/proposal/approve", '"6"'), (("reject",), "/proposal/reject", '"7"')):
        api.faults = [once("POST", "/proposal/", look)]
        run(api, "rollout", command[0], "r1", *command[1:])
        assert sent[-1] == ("/api/v1/rollouts/r1" + path, etag)
    del api.rollouts["r1"]["proposal"]
    assert "nothing is proposed" in run(api, "rollout", "reject", "r1", code=CONFLICT).stderr
    api.faults = [once("POST", "/approve", look)]
    run(api, "rollout", "approve", "r1")
    assert sent[-1] == ("/api/v1/rollouts/r1/approve", '"1"'), "of a rollout that waits for its approvals, its revision"
    api.faults = [once("POST", "/promote", lambda handler: (handler.body(), handler.answer(202, {**api.rollouts["r1"], "proposal": {"number": 8, "needed": 2}})))]
    assert "proposal 8 waits for the approval of two other people" in run(api, "rollout", "promote", "r1").stderr


def test_release_add_survives_a_lost_answer(api, package):
    """POST /releases may be said twice: the same again is no conflict."""
    def lost(handler):
        wanted = json.loads(handler.body())
        api.releases["esp32", "1.1.0"] = {**wanted, "model": "esp32", "version": "1.1.0", "size": 1, "created_ms": 1}
        handler.cut()

    api.faults = [once("POST", "releases", lost)]
    assert "was there already" in run(api, "release", "add", package).stderr


@pytest.mark.parametrize("body", [b"", b"[]", b"no json", b'{"a":1}x', b'{"a":1,"a":2}', b'{"a":"\xff"}', b"{" * 100])
def test_answers_that_are_no_json_of_ours(api, body):
    api.faults = [once("GET", "status", lambda handler: handler.answer(200, body))]
    done = run(api, "status", code=FAILED)
    assert "the server's answer is no JSON object of ours" in done.stderr and done.stdout == ""


def test_answers_without_end(api):
    def endless(handler):
        handler.send_response(200)
        handler.end_headers()
        for _ in range(64):
            handler.wfile.write(b" " * (1 << 20))
        handler.cut()

    api.faults = [once("GET", "status", endless)]
    assert "the server's answer: too long" in run(api, "status", code=FAILED).stderr


def test_errors_without_problem_json(api):
    api.faults = [once("GET", "status", lambda handler: handler.answer(500, b"<html>", "text/html"))]
    assert run(api, "status", code=FAILED).stderr == "drover: status: 500 Internal Server Error\n"
    api.faults = [once("GET", "status", lambda handler: handler.answer(302, b"", headers=[("Location", api.url + "/api/v1/other")]))]
    assert run(api, "status", code=FAILED).stderr == "drover: status: 302 unexpected answer\n"
    assert len(api.requests) == 2, "no redirect is followed"


def test_nothing_steers_the_terminal(api):
    evil = "x\x1b]0;owned\x07\x9b2J\u202e\r\n"
    api.rollout("r1", why=evil, model=evil)
    device(api, "d-1", status=evil, explain={"now": evil, "next": evil, "next_ms": 0})
    api.add_event(why=evil, error=evil)
    outputs = [run(api, *command, "-o", form).stdout for form in ("table", "json", "jsonl", "name")
               for command in (["rollout", "show", "r1"], ["rollout", "list"], ["device", "list"], ["device", "show", "d-1"], ["events"])]
    api.faults = [once("GET", "status", lambda handler: handler.problem(400, evil, evil, title=evil))]
    outputs.append(run(api, "status", code=FAILED).stderr)
    for output in outputs:
        assert not re.search("[\x00-\x09\x0b-\x1f\x7f-\x9f\u202a-\u202e]", output), repr(output)
    assert "owned" in outputs[0]


# --- the command line itself ---

def test_usage(api):
    for args, text in ((["rollout", "strt"], "did you mean `rollout start`?"), (["rollout", "list", "--ouput"], "did you mean `--output`?"),
                       ([], "no command given"), (["rollout"], "`rollout` what?"), (["nonsense\x1b"], r"unknown command `nonsense\x1b`")):
        done = run(api, *args, code=USAGE)
        assert text in done.stderr and "Try `drover help" in done.stderr and done.stdout == ""
    assert api.requests == []


def test_help_and_version_need_no_server():
    whole = run(None, "help").stdout
    for code in range(11):
        assert re.search(rf"^  {code:2}  \w", whole, re.M)
    for args in (["help", "rollout", "start"], ["rollout", "start", "--help"], ["rollout", "start", "-h"]):
        assert run(None, *args).stdout.startswith("Usage: drover rollout start PLAN|MODEL [VERSION] [OPTION]...\n")
    assert "rollout watch ROLLOUT" in run(None, "help", "rollout").stdout == run(None, "rollout", "--help").stdout
    assert "no command `rollout begin`" in run(None, "help", "rollout", "begin", code=USAGE).stderr
    version = run(None, "version").stdout
    assert re.fullmatch(r"drover \d+\.\d+\.\d+\n", version) and run(None, "--version").stdout == version
    assert json.loads(run(None, "version", "-o", "json").stdout)["version"] == version.split()[1] == run(None, "version", "-o", "name").stdout.strip()


def test_full_disk_is_a_failure(api):
    with open("/dev/full", "w") as full:
        done = subprocess.run([DROVER, "status"], env=environment(api), stdout=full, stderr=subprocess.PIPE, text=True, timeout=DEADLINE_S)
    assert done.returncode == FAILED and "standard output: No space left on device" in done.stderr


def complete(api, tmp_path, *words):
    """What bash offers for the last of the words."""
    if not (tmp_path / "drover").exists():
        (tmp_path / "drover").symlink_to(DROVER)
    script = tmp_path / "completion"
    script.write_text(run(None, "completion", "bash").stdout)
    quoted = " ".join("'" + word.replace("'", "'\\''") + "'" for word in words)
    done = subprocess.run(["bash", "-uc", f'source "$1"; COMP_WORDS=({quoted}); COMP_CWORD={len(words) - 1}; _drover; printf "%s\\n" "${{COMPREPLY[@]}}"',
                           "bash", str(script)], capture_output=True, text=True, timeout=DEADLINE_S, cwd=tmp_path,
                          env=environment(api, PATH=f"{tmp_path}:{os.environ['PATH']}"))
    assert done.returncode == 0 and done.stderr == "", done.stderr
    return done.stdout.split()


@pytest.mark.skipif(not shutil.which("bash"), reason="no bash here")
def test_completion(api, tmp_path):
    api.rollout("r-one")
    api.rollout("$(touch owned)")      # what a hostile server might answer
    api.rollout("`touch owned`")
    device(api, "d-1")
    api.releases["esp32", "1.1.0"] = {"model": "esp32", "version": "1.1.0"}
    for words, offered in ((["drover", ""], ["release", "package", "key", "permit", "rollout", "device", "events", "audit", "status", "version", "help", "completion"]),
                           (["drover", "rollout", "st"], ["start", "stop-all", "start-all"]),
                           (["drover", "-o", "json", "rollout", "pa"], ["pause"]),
                           (["drover", "rollout", "start", "esp32", "1.1.0", "--sh"], ["--share"]),
                           (["drover", "rollout", "list", "--sh"], []),
                           (["drover", "rollout", "list", "-o", "js"], ["json", "jsonl"]),
                           (["drover", "device", "list", "--state", "roll"], ["rolling_back", "rolled_back"]),
                           (["drover", "device", "show", ""], ["d-1"]),
                           (["drover", "rollout", "start", "e"], ["esp32"]),
                           (["drover", "rollout", "start", "comp"], ["completion"]),
                           (["drover", "rollout", "start", "esp32", ""], ["1.1.0"]),
                           (["drover", "release", "add", "comp"], ["completion"]),
                           (["drover", "package", "ver"], ["verify"]), (["drover", "events", "v"], ["verify"]),
                           (["drover", "package", "verify", "x", "--trust", "comp"], ["completion"]),
                           (["drover", "completion", ""], ["bash"])):
        assert complete(api, tmp_path, *words) == offered, words
    assert complete(api, tmp_path, "drover", "rollout", "watch", "r") == ["r-one"]
    complete(api, tmp_path, "drover", "rollout", "watch", "")
    assert not (tmp_path / "owned").exists()


def test_states_of_the_fake_are_all_states(api):
    assert "|".join(["none"] + STATES) in run(api, "device", "list", "--state", "x", code=USAGE).stderr
