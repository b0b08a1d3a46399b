"""The MQTT link against a real Mosquitto: sessions, restarts of either side, full rings, the window, the will."""
import getpass
import os
import pathlib
import queue
import re
import signal
import subprocess
import sys
import threading
import time

import paho.mqtt.client as mqtt
import pytest

PROBE = os.environ.get("LINK_PROBE") or (sys.argv[1] if len(sys.argv) > 1 else "")
ROOT = pathlib.Path(__file__).resolve().parents[3]
sys.path.insert(0, str(ROOT / "deploy"))
from stack import free_port, accepts  # noqa: E402


def wait_until(condition, seconds, what):
    end = time.monotonic() + seconds
    while not condition():
        assert time.monotonic() < end, f"waited {seconds} s for {what}"
        time.sleep(0.02)


class Broker:
    """Mosquitto with persistence, so that it keeps its sessions when it is stopped in order."""

    def __init__(self, folder):
        self.folder, self.port, self.process = folder, free_port(), None
        (folder / "mosquitto.conf").write_text(
            f"listener {self.port} 127.0.0.1\nallow_anonymous true\npersistence true\npersistence_location {folder}/\n"
            "max_inflight_messages 1000\nmax_queued_messages 100000\n"
            f"user {getpass.getuser()}\n")   # else Mosquitto started as root becomes a user that may not write here
        self.start()

    @property
    def url(self):
        return f"tcp://127.0.0.1:{self.port}"

    def start(self):
        with open(self.folder / "mosquitto.log", "ab") as log:
            self.process = subprocess.Popen(["/usr/sbin/mosquitto", "-c", self.folder / "mosquitto.conf"], stdout=log, stderr=log)
        wait_until(lambda: accepts(self.port), 10, "mosquitto")

    def stop(self):
        self.process.send_signal(signal.SIGCONT)
        self.process.terminate()
        self.process.wait(10)


class Probe:
    def __init__(self, broker, folder, *arguments):
        self.process = subprocess.Popen([PROBE, broker.url, folder, *arguments], stdin=subprocess.PIPE, stdout=subprocess.PIPE, text=True, bufsize=1)
        self.got, self.states, self.counts, self.ended = [], [], queue.Queue(), None
        self.reader = threading.Thread(target=self.read, daemon=True)
        self.reader.start()

    def read(self):
        for line in self.process.stdout:
            word, _, rest = line.rstrip("\n").partition(" ")
            if word == "got":
                self.got.append(tuple(rest.split(" ", 1)))
            elif word == "state":
                self.states.append(rest)
            elif word == "counters":
                self.counts.put({name: int(value) for name, value in re.findall(r"(\w+)=(\d+)", rest)})
            elif word == "ended":
                self.ended = rest

    def tell(self, line):
        self.process.stdin.write(line + "\n")
        self.process.stdin.flush()

    def counters(self):
        self.tell("counters")
        return self.counts.get(timeout=10)

    def wait_ready(self, connects=1):
        wait_until(lambda: self.states and "subscribed=1" in self.states[-1] and int(re.search(r"connects=(\d+)", self.states[-1])[1]) >= connects,
                   20, f"the probe to be subscribed; states {self.states[-3:]}")

    def kill(self):
        self.process.kill()
        self.process.wait(10)
        self.reader.join(10)

    def quit(self):
        self.tell("quit")
        status = self.process.wait(20)
        self.reader.join(10)
        return status

    def numbers(self, topic):
        return [int(payload) for name, payload in self.got if name == topic]


@pytest.fixture
def broker(tmp_path):
    broker = Broker(tmp_path)
    yield broker
    broker.stop()


@pytest.fixture
def probes(tmp_path, broker):
    started = []

    def start(*arguments, name="probe"):
        folder = tmp_path / name
        folder.mkdir(exist_ok=True)
        started.append(Probe(broker, folder, *arguments))
        return started[-1]

    yield start
    for probe in started:
        if probe.process.poll() is None:
            probe.process.send_signal(signal.SIGCONT)
            probe.kill()


class Device:
    """Publishes with QoS 1 and waits for the broker's word."""

    def __init__(self, broker, name="device", subscribe=None):
        self.messages = []
        self.client = mqtt.Client(name, protocol=mqtt.MQTTv5)
        self.client.max_inflight_messages_set(200)
        self.client.on_message = lambda client, data, message: self.messages.append((message.topic, message.payload, message.retain))
        self.client.connect("127.0.0.1", broker.port)
        self.subscribed = threading.Event()
        self.client.on_subscribe = lambda *_: self.subscribed.set()
        self.client.loop_start()
        if subscribe:
            self.client.subscribe(subscribe, 1)
            assert self.subscribed.wait(10)

    def publish(self, topic, payloads):
        for info in [self.client.publish(topic, payload, 1) for payload in payloads]:
            info.wait_for_publish(30)
            assert info.is_published()

    def end(self):
        self.client.disconnect()
        self.client.loop_stop()


def test_messages_go_to_their_rings(broker, probes):
    probe = probes()
    probe.wait_ready()
    device = Device(broker)
    device.publish("device/d1/heartbeat", ["1", "2"])
    device.publish("device/d1/report", ["3"])
    device.publish("device/d1/online", ["4"])
    device.publish("device/d1/other", ["5"])
    device.publish("device/d1/report", ["x" * 9000, "y" * 8192])
    wait_until(lambda: len(probe.got) == 6, 10, f"six messages, got {len(probe.got)}")
    assert probe.numbers("device/d1/heartbeat") == [1, 2]
    assert ("device/d1/report", "(oversized)") in probe.got
    assert ("device/d1/report", "y" * 8192) in probe.got
    counters = probe.counters()
    assert counters["heartbeats"] == 2 and counters["reports"] == 4 and counters["oversized"] == 1
    device.end()
    assert probe.quit() == 0 and probe.ended == "ok"


def test_nothing_is_lost_while_the_probe_is_away(broker, probes):
    probe = probes()
    probe.wait_ready()
    device = Device(broker)
    device.publish("device/d1/report", map(str, range(50)))
    wait_until(lambda: len(probe.got) == 50, 10, "the first 50")
    assert probe.quit() == 0
    device.publish("device/d1/report", map(str, range(50, 300)))
    second = probes()
    wait_until(lambda: len(second.got) >= 250, 15, "what came meanwhile")
    assert second.numbers("device/d1/report") == list(range(50, 300))
    device.end()


def test_kill_9_in_the_middle(broker, probes):
    """Killed with messages in the ring and on their way: all come, some twice, none is missing."""
    probe = probes()
    probe.wait_ready()
    device = Device(broker)
    device.publish("device/d1/report", map(str, range(100)))
    probe.tell("hold")
    probe.counters()
    publisher = threading.Thread(target=device.publish, args=("device/d1/report", [str(i) for i in range(100, 3000)]))
    publisher.start()
    wait_until(lambda: probe.counters()["reports"] > 300, 20, "some messages in the held ring")
    probe.kill()
    second = probes()
    seen = lambda: set(probe.numbers("device/d1/report")) | set(second.numbers("device/d1/report"))  # noqa: E731
    wait_until(lambda: len(seen()) == 3000, 30, "all 3000")
    publisher.join()
    numbers = second.numbers("device/d1/report")
    first_seen = list(dict.fromkeys(numbers))
    assert first_seen == sorted(first_seen), "in order"
    device.end()


def test_broker_restart(broker, probes):
    probe = probes()
    probe.wait_ready()
    device = Device(broker)
    device.publish("device/d1/report", map(str, range(10)))
    device.end()
    broker.stop()
    wait_until(lambda: "connected=0" in probe.states[-1], 10, "the loss to show")
    assert "error=" in probe.states[-1] and not probe.states[-1].endswith("error=")
    probe.tell("say update/esp32/d1 5")   # commands wait for the connection
    broker.start()
    listener = Device(broker, "listener", "update/#")
    probe.wait_ready(connects=2)
    device = Device(broker)
    device.publish("device/d1/report", map(str, range(10, 20)))
    wait_until(lambda: len(set(probe.got)) == 20, 10, "all reports")
    assert list(dict.fromkeys(probe.numbers("device/d1/report"))) == list(range(20))   # what was on its way comes again
    wait_until(lambda: len(listener.messages) >= 5, 10, "the commands")
    counters = probe.counters()
    assert counters["waiting"] == 0 and counters["sessions_lost"] == 0
    device.end()
    listener.end()


def test_a_full_ring_holds_the_broker_back(broker, probes):
    """The ring holds 64 KiB; the callback waits longer than the keepalive of 5 s: a reconnect perhaps, a loss never."""
    probe = probes()
    probe.wait_ready()
    probe.tell("hold")
    probe.counters()
    device = Device(broker)
    device.publish("device/d1/report", [str(i).rjust(500, "0") for i in range(2000)])
    wait_until(lambda: probe.counters()["waits"] == 1, 20, "the callback to wait")
    assert probe.counters()["reports"] < 200
    blocked = time.monotonic()
    wait_until(lambda: time.monotonic() - blocked > 8, 20, "more than the keepalive")   # what is measured is the wait itself
    probe.tell("go")
    wait_until(lambda: len(set(probe.numbers("device/d1/report"))) == 2000, 40, "all 2000")
    first_seen = list(dict.fromkeys(probe.numbers("device/d1/report")))
    assert first_seen == list(range(2000))
    device.end()


def test_ending_while_a_callback_waits(broker, probes):
    probe = probes()
    probe.wait_ready()
    probe.tell("hold")
    device = Device(broker)
    device.publish("device/d1/report", [str(i).rjust(500, "0") for i in range(600)])
    wait_until(lambda: probe.counters()["waits"] == 1, 20, "the callback to wait")
    assert probe.quit() == 0 and probe.ended == "timeout"
    second = probes()
    wait_until(lambda: len(set(second.numbers("device/d1/report"))) == 600, 30, "all 600")
    device.end()


def test_commands_flow_without_stalls(broker, probes):
    """2000 commands through a window of 20; Paho's own window would need a second for each time that it fills."""
    probe = probes()
    probe.wait_ready()
    listener = Device(broker, "listener", "update/esp32/+")
    started = time.monotonic()
    probe.tell("say update/esp32/d1 2000")
    wait_until(lambda: len(listener.messages) == 2000, 30, "2000 commands")
    assert time.monotonic() - started < 20
    assert [int(payload) for _, payload, _ in listener.messages] == list(range(2000))
    wait_until(lambda: probe.counters()["unconfirmed"] == 0, 10, "confirmations")
    probe.tell("notice hello")
    late = Device(broker, "late", "update/esp32")
    wait_until(lambda: ("update/esp32", b"hello", True) in late.messages or ("update/esp32", b"hello", False) in late.messages, 10, "the notice")
    listener.end()
    late.end()


def test_commands_in_flight_when_the_broker_crashes(broker, probes):
    """Frozen with the window full, then kill -9: after the restart all commands get through, well before the window would be given up."""
    probe = probes()
    probe.wait_ready()
    broker.process.send_signal(signal.SIGSTOP)
    probe.tell("say update/esp32/d1 500")
    wait_until(lambda: probe.counters()["unconfirmed"] == 20, 10, "a full window")
    broker.process.kill()
    broker.process.wait(10)
    broker.start()
    probe.wait_ready(connects=2)
    wait_until(lambda: probe.counters()["sent"] == 500 and probe.counters()["unconfirmed"] == 0, 15, "all 500 to be confirmed")
    assert probe.counters()["sessions_lost"] == 1   # a crashed broker has no session to offer, and that is counted


def test_status_and_will(broker, probes):
    watcher = Device(broker, "watcher", "service/probe/status")
    probe = probes()
    wait_until(lambda: watcher.messages and b"true" in watcher.messages[-1][1], 10, "online")
    assert probe.quit() == 0
    wait_until(lambda: b"false" in watcher.messages[-1][1], 10, "goodbye")
    second = probes()
    wait_until(lambda: b"true" in watcher.messages[-1][1], 10, "online again")
    second.kill()
    wait_until(lambda: b"false" in watcher.messages[-1][1], 20, "the will")
    watcher.end()


def test_absent_broker_and_wrong_urls(broker, probes, tmp_path):
    broker.stop()
    probe = probes()
    wait_until(lambda: probe.states and "connected=0" in probe.states[-1] and not probe.states[-1].endswith("error="), 15, "a failure that is told")
    broker.start()
    probe.wait_ready()
    for url in ("http://127.0.0.1:1", "tcp://", "nonsense"):
        ended = subprocess.run([PROBE, url, tmp_path], capture_output=True, text=True, timeout=10)
        assert ended.returncode == 1 and "mqtt.url" in ended.stderr, url


def test_two_instances_share_the_work(broker, probes, tmp_path):
    """Each report goes to one of them; what the killed one had not taken comes when it is back."""
    first, second = probes("drover", "a", name="a"), probes("drover", "b", name="b")
    first.wait_ready()
    second.wait_ready()
    device = Device(broker)
    device.publish("device/d1/report", map(str, range(200)))
    wait_until(lambda: len(first.got) + len(second.got) == 200, 10, "all 200")
    assert len(first.got) == len(second.got) == 100
    second.kill()
    device.publish("device/d1/report", map(str, range(200, 300)))
    back = probes("drover", "b", name="b")
    wait_until(lambda: len(first.got) + len(second.got) + len(back.got) >= 300, 20, "all 300")
    assert sorted(set(first.numbers("device/d1/report") + second.numbers("device/d1/report") + back.numbers("device/d1/report"))) == list(range(300))
    device.end()


def test_one_name_twice(broker, probes):
    """Two with the same instance name throw each other out, which shows; the one that stays has everything."""
    first = probes(name="a")
    first.wait_ready()
    second = probes(name="b")
    wait_until(lambda: any("connected=0" in state for state in first.states[-3:]) and "error=" in first.states[-1], 20, "the first to be thrown out")
    assert "taken over" in " ".join(first.states).lower() or "lost" in " ".join(first.states).lower()
    first.kill()
    second.wait_ready()


if __name__ == "__main__":
    os.environ["LINK_PROBE"] = sys.argv[1]
    sys.exit(pytest.main(["-q", "-p", "no:cacheprovider", "-x", __file__]))
