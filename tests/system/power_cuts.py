"""Devices whose power is cut at a call of the agent that the fault shim counts (tests/fault/README.md): what a device of files has, how it is booted and its
agent run, and the server that orders upgrades over a real broker and a depot. No droverd: what a device must survive is its own affair."""
import contextlib
import hashlib
import json
import os
import pathlib
import queue
import select
import shutil
import signal
import socket
import struct
import subprocess
import threading
import time
import uuid

import paho.mqtt.client as mqtt

from faulty_depot import Depot
from stack import wait_until

MODEL = "gear"
IMAGE_BYTES = 40_000
PART_BYTES = 65536                   # of a file that stands for a block device
POLL_S = 0.006
WORDS = 32                           # on the agent's command line; the fork server's copies have as many as it has
LIMIT_S = 60                         # of one device's whole life; a machine with nothing else to do needs one or two
SETTINGS = {"device.model": MODEL, "device.version": "1.0.0", "mqtt.heartbeat_s": 5, "mqtt.retry_max_s": 1, "mqtt.session_expiry_s": 60, "health.passes": 2,
            "health.interval_ms": 100, "health.total_s": 30, "reboot.retry_s": 20, "slots.tries": 3, "depot.window": 1}


def image_of(word, version):
    """All of one size, so that none has the end of another behind it on a block device; and none ends in zeros."""
    start = f"{word} {version}\n".encode()
    return start + os.urandom(IMAGE_BYTES - len(start) - 1) + b"."


class Release:
    """An image, its package, and a depot that has nothing else."""

    def __init__(self, stack, version, word="GOOD", image=None, base=None):
        self.version, self.base = version, base
        self.image = image or image_of(word, version)
        self.package = stack.package(MODEL, version, image=self.image, options=["--chunk-size", "16K"])
        self.manifest_sha256 = json.loads(stack.signer.drover("package", "inspect", self.package, "-o", "json"))["manifest_sha256"]
        fetched = stack.delta(base.package, self.package).read_bytes() if base else self.package.read_bytes()
        self.size, self.sha256 = len(fetched), hashlib.sha256(fetched).hexdigest()
        self.depot = Depot(fetched, self.sha256)

    def command(self):
        delta = {"delta": True, "base_version": self.base.version} if self.base else {}
        return {"schema": 1, "command": "update", "upgrade_id": "u" + self.version, "attempt": 1, "version": self.version, "url": self.depot.url,
                "size": self.size, "sha256": self.sha256, "manifest_sha256": self.manifest_sha256, **delta}


class Agent:
    """One run of drover-agent, as subprocess.Popen would have it."""

    def __init__(self, socket, pid):
        self.socket, self.pid, self.returncode = socket, pid, None

    def poll(self, seconds=0):
        if self.returncode is None and select.select([self.socket], [], [], seconds)[0]:
            self.returncode, = struct.unpack("i", self.socket.recv(4))
        return self.returncode

    def wait(self):
        assert self.poll(LIMIT_S) is not None, "the agent does not end"
        return self.returncode

    def signal(self, number):
        if self.poll() is None:
            os.kill(self.pid, number)


class Starter:
    """A drover-agent that stopped before its main() and starts copies of itself, one at a time (tests/fault/fault_server.c): most of the time of a run so
    short is the dynamic linker's."""

    def __init__(self, program, shim, word_count):
        self.socket, other = socket.socketpair(socket.AF_UNIX, socket.SOCK_SEQPACKET)
        with other:
            self.popen = subprocess.Popen([program, *["-"] * word_count], stdin=subprocess.DEVNULL, pass_fds=[other.fileno()],
                                          env={**os.environ, "LD_PRELOAD": str(shim), "LD_BIND_NOW": "1", "DROVER_FAULT_SERVE": str(other.fileno())})
        self.word_count = word_count

    def start(self, words, out, log, environment):
        assert len(words) == self.word_count
        texts = [out, log, "drover-agent", *words, *[f"{name}={value}" for name, value in environment.items()]]
        self.socket.send(b"".join(str(text).encode() + b"\0" for text in texts))
        pid, = struct.unpack("i", self.socket.recv(4))
        return Agent(self.socket, pid)

    def close(self):
        self.socket.close()
        self.popen.wait(20)


class Server:
    """What the devices hear and say: one connection to the broker for all of them."""

    def __init__(self, stack):
        self.devices = {}
        self.client = mqtt.Client("power-cuts", protocol=mqtt.MQTTv5)
        self.client.max_inflight_messages_set(500)
        self.client.on_message = self._on_message
        self.client.on_connect = lambda client, *_: client.subscribe([("device/+/heartbeat", 1), ("device/+/report", 1)])
        subscribed = threading.Event()
        self.client.on_subscribe = lambda *_: subscribed.set()
        self.client.connect("127.0.0.1", stack.broker_port)
        self.client.loop_start()
        assert subscribed.wait(20), "the broker did not answer"

    def close(self):
        self.client.disconnect()
        self.client.loop_stop()

    def _on_message(self, _client, _data, message):
        _, name, kind = message.topic.split("/")
        device = self.devices.get(name)
        if device:
            device.heard(kind, json.loads(message.payload))

    def order(self, name, release):
        self.client.publish(f"update/{MODEL}/{name}", json.dumps(release.command()), qos=1)


class Cut:
    """The power goes at the at-th call of one process; 0: the calls are only written down."""

    def __init__(self, mode="before", at=0):
        self.mode, self.at = mode, at

    @property
    def restarts(self):
        """The agent alone was killed: the device is not booted, only its agent is started again."""
        return self.mode == "killed"


class Device:
    """One device. `disk` is all that outlives a power cut."""

    def __init__(self, bench, name, backend="file", settings=None, disk=None):
        self.bench, self.name, self.backend, self.release = bench, name, backend, None
        self.folder = bench.folder / name
        self.disk, self.log_path, self.trace_path, self.answer_path = (self.folder / word for word in ("disk", "log", "trace", "answer"))
        self.reboot_path, self.version_path, self.boot_id_path = self.folder / "reboot", self.folder / "version", self.folder / "boot_id"
        self.folder.mkdir()
        if disk:
            shutil.copytree(disk, self.disk)
        else:
            self._factory()
        images = f"{self.disk}/images"
        parts = "app" if backend == "file" else f"app={images}/a-app:{images}/b-app"
        self.settings = {
            **SETTINGS, "device.id": name, "device.boot_id_file": self.boot_id_path, "device.version_file": self.version_path,
            "agent.state_dir": self.disk / "state", "slots.dir": self.disk / "slots", "slots.backend": backend, "slots.parts": parts,
            "mqtt.url": bench.stack.mqtt_url, "trust.file": bench.stack.signer.trust, "health.command": self._health(),
            "reboot.command": f": > {self.reboot_path}; kill -KILL $PPID", **(settings or {})}
        self.slot, self.reports, self.beats, self.deadline = "a", [], 0, time.monotonic() + LIMIT_S
        self.agent, self.seen, self.starter = None, [], bench.starter()
        bench.server.devices[name] = self

    def _factory(self):
        (self.disk / "slots" / "a").mkdir(parents=True)
        (self.disk / "images").mkdir()
        for slot in "ab" if self.backend == "block" else "a":
            path = self._image_path(slot)
            path.write_bytes(self.bench.factory.ljust(PART_BYTES if self.backend == "block" else 0, b"\0") if slot == "a" else bytes(PART_BYTES))

    def _image_path(self, slot):
        return self.disk / "images" / f"{slot}-app" if self.backend == "block" else self.disk / "slots" / slot / "app"

    def _health(self):
        return f'read -r word version < {self._image_path("$DROVER_SLOT")} && [ "$word" = GOOD ]'

    def set(self, name, value):
        """From the next start of the agent on."""
        self.settings[name] = value

    def power(self, state=None):
        """What is not on the disk: slot, boot id, version. Given: the device goes on from there."""
        if state:
            self.slot, boot_id, version = state
            self.boot_id_path.write_text(boot_id)
            self.version_path.write_text(version)
        return self.slot, self.boot_id_path.read_text(), self.version_path.read_text()

    def copy_disk(self, name):
        return shutil.copytree(self.disk, self.bench.folder / f"disk-{name}")

    def log_tail(self):
        return self.log_path.read_text(errors="replace")[-5000:] if self.log_path.exists() else ""

    def drop(self):
        """The device is no more."""
        self.bench.server.devices.pop(self.name)
        if self.agent:
            self.agent.signal(signal.SIGKILL)
            self.agent.wait()
        self.bench.starters.put(self.starter)
        shutil.rmtree(self.folder)
        for path in self.folder.parent.glob(f"{self.name}/disk.kept-*"):
            path.unlink()

    # --- what is said ---

    def heard(self, kind, message):
        """The first heartbeat of an agent that has never spoken of its upgrade: it may not know of it."""
        if kind == "report":
            self.reports.append(message)
        elif message["seq"] == 0 and self.release and not self._reports():
            self.bench.server.order(self.name, self.release)

    def order(self, release):
        self.release = release
        if self.agent and self.agent.poll() is None:
            self.bench.server.order(self.name, release)

    def _reports(self):
        return [report for report in self.reports if report["upgrade_id"] == "u" + self.release.version]

    def check_outcome(self, state, error):
        """The last report says so, as soon as the broker has passed it on."""
        def said():
            last = (self._reports() or [{}])[-1]
            return (last.get("state"), last.get("error", "")) == (state, error)
        wait_until(said, 10, f"{self.name} to report {state} {error}; it said {self.reports}", interval=POLL_S)

    # --- what it holds ---

    def image(self, slot=None):
        path = self._image_path(slot or self.slot)
        data = path.read_bytes() if path.exists() else b""
        return data.rstrip(b"\0") if self.backend == "block" else data

    def _record(self):
        with contextlib.suppress(OSError, ValueError):
            return json.loads((self.disk / "state" / "upgrade.log").read_text())["data"]
        return {}

    def is_settled(self):
        """The upgrade is over, and the broker has acknowledged the report about it."""
        record = self._record()
        return record.get("state") == "idle" and not record["outcome_due"] and record.get("command", {}).get("upgrade_id") == "u" + self.release.version

    # --- its processes ---

    def _environment(self, cut):
        if not cut:
            return {}
        return {"DROVER_FAULT_ROOT": str(self.disk), "DROVER_FAULT_PROGRAM": "drover-agent",
                "DROVER_FAULT_AT": str(cut.at), "DROVER_FAULT_MODE": "before" if cut.restarts else cut.mode, "DROVER_FAULT_TRACE": str(self.trace_path)}

    def calls(self):
        """What the last watched process did to the disk, one line a call."""
        return self.trace_path.read_text().splitlines() if self.trace_path.exists() else []

    def _was_cut(self, cut):
        return bool(cut and cut.at and len(self.calls()) >= cut.at)

    def _begin(self, task, cut):
        if cut:
            self.trace_path.unlink(missing_ok=True)
        self.answer_path.unlink(missing_ok=True)
        words = [task, *[f"--set={key}={value}" for key, value in self.settings.items()]]
        words += ["--set=log.level=info"] * (self.bench.word_count - len(words))
        return self.starter.start(words, self.answer_path, self.log_path, self._environment(cut))

    def boot(self, cut=None):
        """The boot loader's question, once. -> "cut" or "booted" """
        self.boot_id_path.write_text(str(uuid.uuid4()) + "\n")
        self.reboot_path.unlink(missing_ok=True)
        asked = self._begin("boot", cut)
        asked.wait()
        if self._was_cut(cut):
            return "cut"
        answer = self.answer_path.read_text().strip()
        never_started = not (self.disk / "slots" / "boot.state").exists()
        assert answer in ("a", "b") or never_started, f"the boot loader got no answer: {answer!r}, {asked.returncode}"
        self.slot = answer or "a"                # before the first start of the agent there is nothing to ask
        self.seen.append(hashlib.sha256(self.image()).hexdigest())
        self.version_path.write_text(self.image().split(b"\n", 1)[0].decode(errors="replace").split(" ")[-1] + "\n")
        return "booted"

    def run_agent(self, cut=None):
        """Until it "rebooted", was "cut", or its upgrade is "settled": then it goes on running."""
        if not self.agent or self.agent.poll() is not None:
            self.agent = self._begin("--set=log.level=info", cut)
        while not self.is_settled():
            if self.agent.poll() is not None:
                if self._was_cut(cut):
                    return "cut"
                assert self.agent.returncode == -signal.SIGKILL and self.reboot_path.exists(), f"the agent ended by itself with {self.agent.returncode}"
                return "rebooted"
            assert time.monotonic() < self.deadline, f"not settled within {LIMIT_S} s: {self._record()}, heard {self.reports}"
            self.agent.poll(POLL_S)
        return "settled"

    def stop_agent(self):
        self.agent.signal(signal.SIGTERM)
        assert self.agent.wait() == 0

    def live(self):
        """Goes on with its upgrade until that is settled, whatever reboots it takes."""
        while self.run_agent() == "rebooted":
            self.boot()


class Bench:
    """What all devices share. Their disks are in memory where that is possible: what is synced is the shim's to know."""

    def __init__(self, stack, shim):
        self.stack, self.shim, self.program = stack, shim, stack.program("drover-agent")
        memory = pathlib.Path("/dev/shm")
        self.folder = (memory if os.access(memory, os.W_OK) else stack.folder) / f"drover-cuts-{os.getpid()}"
        self.folder.mkdir()
        self.factory = image_of("GOOD", "1.0.0")
        self.stack.start_broker()
        self.server = Server(stack)
        self.word_count, self.starters = WORDS, queue.LifoQueue()

    def starter(self):
        """One that is free, or a new one."""
        with contextlib.suppress(queue.Empty):
            return self.starters.get_nowait()
        return Starter(self.program, self.shim, self.word_count)

    def close(self):
        while not self.starters.empty():
            self.starters.get().close()
        self.server.close()
        shutil.rmtree(self.folder)
