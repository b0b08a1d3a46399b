"""droverd as a program beside a real broker and Redis: its manager, its metrics page, its ends; and the shipped configurations.

`python3 test_daemon_program.py update` rewrites the list of metrics in docs/operations.md.
"""
import hashlib
import os
import pathlib
import re
import shutil
import signal
import socket
import subprocess
import sys
import urllib.request

import pytest
import redis

ROOT = pathlib.Path(__file__).resolve().parents[3]
sys.path.insert(0, str(ROOT / "deploy"))
sys.path.insert(0, str(pathlib.Path(__file__).parent))

from daemon_docs import block, with_block  # noqa: E402
from stack import Stack, free_port, wait_until  # noqa: E402
from stack_secure import broker_config  # noqa: E402

OPERATIONS = ROOT / "docs/operations.md"
BEAT = '{"schema":1,"model":"esp32","version":"1.0.0","status":"idle","boot_id":"b1","seq":%d}'


@pytest.fixture
def stack():
    with Stack(os.environ["DROVER_BUILD"]) as stack:
        yield stack


def publish(stack, topic, message, *options):
    return subprocess.run(["mosquitto_pub", "-V", "5", "-p", str(stack.broker_port), "-q", "1", "-t", topic, "-m", message, *options],
                          capture_output=True, text=True, timeout=20)


def page(stack):
    with urllib.request.urlopen(stack.url("/metrics"), timeout=5) as answer:
        assert answer.headers["Content-Type"].startswith("text/plain; version=0.0.4")
        return answer.read().decode()


# --- metrics ---

def families(text):
    """Reads the page strictly; {name: (kind, help)}."""
    known, samples, current, helped = {}, set(), None, None
    for line in text.splitlines():
        if line.startswith("# HELP "):
            _, _, name, words = line.split(" ", 3)
            assert name not in known and words
            helped = (name, words)
        elif line.startswith("# TYPE "):
            _, _, name, kind = line.split(" ")
            assert helped[0] == name and kind in ("counter", "gauge", "histogram")
            assert name.startswith("drover_") and name.endswith("_total") == (kind == "counter"), name
            known[name] = (kind, helped[1])
            current = name
        else:
            sample = re.fullmatch(r'([a-z_][a-z0-9_]*)(\{[a-z_]+="(?:[^"\\\n]|\\["\\n])*"(?:,[a-z_]+="(?:[^"\\\n]|\\["\\n])*")*\})? (\S+)', line)
            assert sample, line
            base = re.sub(r"_(bucket|sum|count)$", "", sample[1]) if known[current][0] == "histogram" else sample[1]
            assert base == current, line
            assert (sample[1], sample[2]) not in samples, line
            samples.add((sample[1], sample[2]))
            float(sample[3])
            assert "device" not in (sample[2] or "").split("=")[0]
    return known


def documented(known):
    rows = ["| metric | kind | meaning |", "|---|---|---|"]
    rows += [f"| `{name}` | {kind} | {words} |" for name, (kind, words) in known.items()]
    return "\n".join(rows) + "\n"


def running(stack):
    stack.start_redis()
    stack.start_broker()
    return stack.start_droverd()


def test_the_metrics_page_is_strict_and_documented(stack):
    running(stack)
    publish(stack, "device/d1/heartbeat", BEAT % 1)
    publish(stack, "device/d1/heartbeat", "{")
    wait_until(lambda: stack.metrics()["drover_heartbeats_recorded_total"] == 1, 20, "the heartbeat to be counted")
    wait_until(lambda: stack.metrics()['drover_refused_total{message="heartbeat",reason="syntax"}'] == 1, 20, "the other one too")
    known = families(page(stack))
    assert len(known) > 70
    assert block(OPERATIONS.read_text(), "metrics")[1] == documented(known), "python3 tests/unit/edges/test_daemon_program.py update"


# --- the service manager ---

class Manager:
    """What systemd would hear."""

    def __init__(self, folder):
        self.path = str(folder / "notify")
        self.socket = socket.socket(socket.AF_UNIX, socket.SOCK_DGRAM)
        self.socket.bind(self.path)
        self.socket.setblocking(False)
        self.heard = []

    def hears(self, wanted):
        while True:
            try:
                self.heard += self.socket.recv(4096).decode().split("\n")
            except BlockingIOError:
                return any(word.startswith(wanted) for word in self.heard)


def test_the_service_manager_is_told(stack):
    manager = Manager(stack.folder)
    environment = {"NOTIFY_SOCKET": manager.path, "WATCHDOG_USEC": "400000"}
    stack.broker_port = free_port()
    stack.start_redis()
    droverd = stack.start_droverd(wait_ready=False)
    stack.forget(droverd)
    droverd.stop()
    droverd = stack.start("droverd-watched", droverd.arguments, environment)
    wait_until(lambda: manager.hears("STATUS=waiting for mqtt"), 20, "the wait to be told", alive=[droverd])
    assert not manager.hears("READY=1")
    stack.start_broker()
    wait_until(lambda: manager.hears("READY=1"), 20, "READY=1", alive=[droverd])
    wait_until(lambda: manager.hears("WATCHDOG=1") and manager.heard.count("WATCHDOG=1") >= 3, 20, "the watchdog to be fed", alive=[droverd])
    wait_until(lambda: manager.hears("STATUS=0 rollouts running"), 20, "the status", alive=[droverd])
    assert droverd.stop() == 0
    assert manager.hears("STOPPING=1")
    stack.forget(droverd)


# --- ends ---

def test_a_second_signal_ends_at_once(stack):
    droverd = running(stack)
    stack.processes[0].signal(signal.SIGSTOP)   # Redis: what is under way cannot end
    publish(stack, "device/d1/heartbeat", BEAT % 1)
    wait_until(lambda: stack.metrics()["drover_redis_outstanding"] > 0, 20, "something to be under way")
    droverd.signal(signal.SIGTERM)
    wait_until(lambda: "event=draining" in droverd.log_path.read_text(), 10, "the drain")
    droverd.signal(signal.SIGTERM)
    assert droverd.popen.wait(5) == 1
    stack.processes[0].signal(signal.SIGCONT)


def test_a_drain_ends_by_its_deadline_and_the_rest_is_read_again(stack):
    droverd = running(stack)
    store = stack.processes[0]
    store.signal(signal.SIGSTOP)
    publish(stack, "device/d1/heartbeat", BEAT % 1)
    assert droverd.stop(seconds=15) == 0
    stack.forget(droverd)
    store.signal(signal.SIGCONT)
    stack.start_droverd()
    wait_until(lambda: stack.redis().zscore("drover:v1:seen", "d1"), 20, "the heartbeat to be read again")


@pytest.mark.parametrize("arguments, wanted", [
    (["--set", "mqtt.window=0"], "mqtt.window"), (["--nonsense"], "--nonsense"), (["--config", "/nonexistent/x"], "/nonexistent/x")])
def test_mistakes_end_with_2_and_name_the_place(stack, arguments, wanted):
    done = subprocess.run([stack.program("droverd"), *arguments, "--check-config"], capture_output=True, text=True, timeout=20)
    assert done.returncode == 2 and wanted in done.stderr


def test_two_with_one_name_do_not_run_on_one_folder(stack):
    droverd = running(stack)
    again = subprocess.run([str(word) for word in droverd.arguments], capture_output=True, text=True, timeout=20)
    assert again.returncode == 1 and "start_failed" in again.stderr


# --- the shipped configurations ---

def with_hash(line, password):
    return line.replace(" on ", f" on #{hashlib.sha256(password.encode()).hexdigest()} ", 1)


def test_the_shipped_redis_configuration_loads_and_its_users_can_what_they_should(stack):
    secrets = {"drover": "secret-of-droverd", "dashboard": "secret-of-panels"}
    lines = (ROOT / "deploy/redis/users.acl").read_text().splitlines()
    assert lines[0] == "user default off"
    acl = stack.folder / "users.acl"
    acl.write_text("\n".join([lines[0]] + [with_hash(line, secrets[line.split()[1]]) for line in lines[1:]]) + "\n")
    text = (ROOT / "deploy/redis/redis.conf").read_text()
    for name, value in {"unixsocket": stack.redis_socket, "port": 0, "aclfile": acl, "dir": stack.folder, "logfile": '""'}.items():
        text, count = re.subn(rf"(?m)^{name} .*$", f"{name} {value}", text)
        assert count == 1, name
    (stack.folder / "redis.conf").write_text(text)
    process = stack.start("redis", ["redis-server", stack.folder / "redis.conf"])
    connect = lambda user: redis.Redis(unix_socket_path=str(stack.redis_socket), username=user, password=secrets.get(user), decode_responses=True)  # noqa: E731

    def answers():
        try:
            return connect("dashboard").ping()
        except redis.ConnectionError:
            return False
    wait_until(answers, 20, "Redis", alive=[process])
    with pytest.raises(redis.RedisError):
        stack.redis().ping()

    (stack.folder / "redis.password").write_text(secrets["drover"] + "\n")
    stack.start_broker()
    droverd = stack.start_droverd(settings={"redis.username": "drover", "redis.password_file": stack.folder / "redis.password"})
    publish(stack, "device/d1/heartbeat", BEAT % 1)
    panels, drover = connect("dashboard"), connect("drover")
    wait_until(lambda: panels.hget("drover:v1:device:d1", "version") == "1.0.0", 20, "the heartbeat, as a dashboard reads it", alive=[droverd])
    wait_until(lambda: drover.exists("drover:priv:leader"), 20, "the leader", alive=[droverd])
    assert panels.zscore("drover:v1:seen", "d1") and panels.hgetall("drover:v1:fleet")["devices"] == "1"
    assert panels.hget("drover:schema", "version") == "1"
    for refused in (["HSET", "drover:v1:device:d1", "x", "1"], ["GET", "drover:priv:leader"], ["DEL", "drover:v1:seen"], ["KEYS", "*"],
                    ["SCAN", "0"], ["FLUSHALL"], ["CONFIG", "GET", "dir"], ["EVAL", "return 1", "0"], ["ACL", "LIST"],
                    ["SORT_RO", "drover:v1:seen", "BY", "nosort", "GET", "drover:priv:*"], ["XADD", "drover:v1:events", "*", "a", "b"]):
        with pytest.raises(redis.exceptions.NoPermissionError):
            panels.execute_command(*refused)
    for refused in (["SET", "other", "1"], ["FLUSHALL"], ["CONFIG", "SET", "maxmemory", "1"], ["KEYS", "*"], ["SCRIPT", "FLUSH"], ["SHUTDOWN"]):
        with pytest.raises(redis.exceptions.NoPermissionError):
            drover.execute_command(*refused)
    assert not [value for name, value in stack.metrics().items() if name.startswith("drover_store_refused_total") and value]


def test_the_shipped_broker_configuration_lets_devices_speak_for_themselves_alone(stack):
    stack.broker_port = free_port()
    config = broker_config(stack.folder / "broker", stack.broker_port)
    for user in ("drover", "d1", "d2"):
        subprocess.run(["mosquitto_passwd", "-b", config.with_name("passwd"), user, f"secret-of-{user}"], check=True, capture_output=True)
    broker = stack.start("mosquitto", ["/usr/sbin/mosquitto", "-c", config])
    stack.start_redis()
    (stack.folder / "mqtt.password").write_text("secret-of-drover\n")
    droverd = stack.start_droverd(settings={"mqtt.username": "drover", "mqtt.password_file": stack.folder / "mqtt.password"})

    def as_device(device, topic, message=BEAT % 1):
        return publish(stack, topic, message, "-u", device, "-P", f"secret-of-{device}")
    as_device("d2", "device/d1/heartbeat")
    as_device("d2", "update/esp32/d1", "{}")
    assert publish(stack, "device/d3/heartbeat", BEAT % 1).returncode != 0, "anonymous ones stay outside"
    as_device("d1", "device/d1/heartbeat")
    wait_until(lambda: stack.redis().zscore("drover:v1:seen", "d1"), 20, "the honest heartbeat", alive=[broker, droverd])
    assert stack.redis().hget("drover:v1:device:d1", "seq") == "1"
    assert not stack.redis().exists("drover:v1:device:d2")
    metrics = stack.metrics()
    assert metrics['drover_mqtt_received_total{ring="heartbeats"}'] == 1, "the broker held back what d2 said in d1's name"


def test_the_shipped_unit_is_well_locked_in():
    if not shutil.which("systemd-analyze"):
        pytest.skip("no systemd-analyze here")
    done = subprocess.run(["systemd-analyze", "security", "--offline=true", str(ROOT / "deploy/systemd/droverd.service")],
                          capture_output=True, text=True, timeout=60)
    level = re.search(r"exposure level for droverd.service: ([0-9.]+)", done.stdout)
    assert level and float(level[1]) < 2.0, done.stdout[-400:] + done.stderr


if __name__ == "__main__" and sys.argv[1:] == ["update"]:
    with Stack(os.environ["DROVER_BUILD"]) as own:
        running(own)
        publish(own, "device/d1/heartbeat", BEAT % 1)
        wait_until(lambda: own.metrics()["drover_heartbeats_recorded_total"] == 1, 20, "the heartbeat to be counted")
        OPERATIONS.write_text(with_block(OPERATIONS.read_text(), "metrics", documented(families(page(own)))))
