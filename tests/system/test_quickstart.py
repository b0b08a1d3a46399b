"""deploy/quickstart as a newcomer runs it, after the build: it ends with a true table, and cleans up after itself."""
import contextlib
import hashlib
import os
import pathlib
import re
import signal
import subprocess
import time

import redis

from fleet import ROOT
from stack import wait_until


def command(build, *arguments):
    return ["/usr/bin/python3", str(ROOT / "deploy/quickstart.py"), "--build", str(build), *arguments]


def children_of(pid):
    found = []
    for stat in pathlib.Path("/proc").glob("[0-9]*/stat"):
        with contextlib.suppress(OSError):
            if int(stat.read_text().rpartition(")")[2].split()[1]) == pid:
                found.append(int(stat.parent.name))
    return found


def alive(pid):
    try:
        os.kill(pid, 0)
    except ProcessLookupError:
        return False
    with open(f"/proc/{pid}/stat") as stat:
        return stat.read().rpartition(")")[2].split()[0] != "Z"


def test_it_ends_with_a_table_of_everybody(build):
    started = time.monotonic()
    done = subprocess.run(command(build), capture_output=True, text=True, timeout=150, stdin=subprocess.DEVNULL)
    assert done.returncode == 0, done.stdout + done.stderr
    assert time.monotonic() - started < 120, "the issue's bar is 60 s; twice that on a loaded machine"
    totals = {}
    for rollout, outcome, devices in re.findall(r"^(\S+)\s+(succeeded|rolled_back|failed|rejected|lost|retried)\s+(\d+)", done.stdout, re.MULTILINE):
        totals[outcome] = totals.get(outcome, 0) + int(devices)
    retried = totals.pop("retried")
    assert sum(totals.values()) == 200, done.stdout
    assert retried > 0 and all(totals.get(outcome, 0) > 0 for outcome in ("succeeded", "rolled_back", "failed", "rejected", "lost")), done.stdout


def test_secure_proves_what_each_agent_runs(build, tmp_path):
    folder = tmp_path / "kept"
    done = subprocess.run(command(build, "--secure", "--devices", "40", "--folder", str(folder)), capture_output=True, text=True, timeout=150, stdin=subprocess.DEVNULL)
    assert done.returncode == 0, done.stdout + done.stderr
    assert "without a certificate: refused by broker and depot; camera-1 asking as camera-2: 403" in done.stdout
    agents = dict(re.findall(r"^(camera-\d)  +(.*)$", done.stdout, re.MULTILINE))
    image = hashlib.sha256((folder / "camera-1/slots/b/app").read_bytes()).hexdigest()[:12]
    for name in ("camera-1", "camera-2"):
        assert re.fullmatch(rf"succeeded +1\.1\.0 +slot a -> b, its bytes are the signed image \({image}\); \d boots; proved by its heartbeats", agents[name]), done.stdout
    assert re.fullmatch(r"rolled_back +1\.0\.0 +slot a again, untouched \([0-9a-f]{12}\); \d boots; E_HEALTHCHECK: .*", agents["camera-3"]), done.stdout
    assert (folder / "camera-3/slots/a/app").read_bytes().startswith(b"GOOD 1.0.0\n")
    totals = [int(count) for count in re.findall(r"^(?:esp32|gateway)-\S+ +(?:succeeded|rolled_back|failed|rejected|lost) +(\d+)", done.stdout, re.MULTILINE)]
    assert sum(totals) == 40, done.stdout
    listeners = [re.search(r"(?m)^listener .*$", path.read_text()).group() for path in sorted((folder / "broker").rglob("*.conf"))]
    assert len(listeners) == 2 and all(text.endswith(" 127.0.0.1") for text in listeners)
    assert re.search(r"event=mqtt_ready .*url=ssl://", (folder / "drover-1.log").read_text())


def test_a_bad_release_is_stopped_by_its_canary_stage(build):
    """The story checks itself (deploy/bad_release.py); here, that it is told, in order and with what the gates read."""
    done = subprocess.run(command(build, "--bad-release", "--devices", "100"), capture_output=True, text=True, timeout=150, stdin=subprocess.DEVNULL)
    assert done.returncode == 0, done.stdout + done.stderr
    told = re.sub(r"(?m)^(\[ *\d+ s\]|\s+) ", "", done.stdout)
    milestones = [r"^rollout esp32-1\.1\.0 started: canary, a-tenth, half, everybody$",
                  r"^gate failure_rate \d+\.\d % of \d+ \(\d+\.\d \.\. \d+\.\d %\), limit 10\.0 %: \w+$",
                  r"^rolling_back: broken: failure_rate ", r"^rolled_back: ", r"^(\d|10) of 100 devices were ever touched, .*; all 100 run 1\.0\.0$",
                  r"^rollout esp32-1\.1\.1 started: ", r"^stage canary: 10 of 10 devices updated; passed, on to a-tenth$", r"^stage a-tenth: .*; passed, on to half$",
                  r"^stage half: .*; passed, on to everybody$", r"^completed: ", r"^all 100 devices run 1\.1\.1$"]
    at = 0
    for milestone in milestones:
        found = re.compile(milestone, re.MULTILINE).search(told, at)
        assert found, f"{milestone} is not told where it should be:\n{done.stdout}"
        at = found.end()


def test_keep_leaves_it_running_and_ctrl_c_cleans_up(build, tmp_path):
    folder = tmp_path / "kept"
    with open(tmp_path / "out", "w") as out:
        quickstart = subprocess.Popen(command(build, "--keep", "--devices", "60", "--folder", str(folder)), stdout=out, stderr=out,
                                      stdin=subprocess.DEVNULL, start_new_session=True)
    said = lambda: (tmp_path / "out").read_text()  # noqa: E731
    try:
        wait_until(lambda: "three commands to try" in said() or quickstart.poll() is not None, 120, "it to be done and stay")
        assert quickstart.poll() is None, said()
        children = children_of(quickstart.pid)
        assert len(children) == 4, "Redis, Mosquitto, droverd, drover-sim"
        store = redis.Redis(unix_socket_path=str(folder / "redis.sock"), decode_responses=True)
        assert store.hget("drover:v1:fleet", "devices") == "60"
        export, status = re.search(r"^  (export .*)\n  (\S+ status)$", said(), re.MULTILINE).groups()
        shown = subprocess.run(["sh", "-c", f"{export}\n{status}"], capture_output=True, text=True, timeout=30)
        assert shown.returncode == 0 and "esp32" in shown.stdout, shown.stdout + shown.stderr
    finally:
        quickstart.send_signal(signal.SIGINT)
        status = quickstart.wait(60)
    assert status == 130, said()
    wait_until(lambda: not any(alive(pid) for pid in children), 10, "its processes to be gone")
