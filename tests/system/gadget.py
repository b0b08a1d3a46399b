"""Devices with a real drover-agent: two slots of files, a boot loader that is `drover-agent boot`, and one supervisor that boots them all, lets them crash and
cuts their power. An image is one file whose first word says how it behaves: GOOD, SICK (its health check fails), DEAD (never gets as far as the agent),
FALSE (says to be another version)."""
import collections
import hashlib
import os
import random
import select
import shutil
import signal
import subprocess
import threading
import uuid

from stack import Process, wait_until

SETTINGS = {"mqtt.heartbeat_s": 1, "mqtt.retry_max_s": 1, "health.passes": 2, "health.interval_ms": 50, "health.total_s": 6, "reboot.delay_ms": 1000,
            "reboot.retry_s": 20, "slots.tries": 3, "depot.stall_s": 5, "slots.parts": "app"}


def image(word, version, size=200_000):
    return f"{word} {version}\n".encode() + os.urandom(size)


class Supervisor:
    """One thread for any number of gadgets: it sleeps until an agent ends, and lets that gadget start its next one."""

    def __init__(self):
        self._waiting, self._switched_on = {}, collections.deque()
        self._woken, self._wake = os.pipe()
        self._poll = select.poll()
        self._poll.register(self._woken, select.POLLIN)
        threading.Thread(target=self._run, daemon=True).start()

    def switch_on(self, gadget):
        self._switched_on.append(gadget)
        os.write(self._wake, b".")

    def _run(self):
        while True:
            for fd, _ in self._poll.poll():
                if fd == self._woken:
                    os.read(fd, 1)
                    self._turn(self._switched_on.popleft(), Gadget.power_on)
                else:
                    self._poll.unregister(fd)
                    os.close(fd)
                    self._turn(self._waiting.pop(fd), Gadget.agent_ended)

    def _turn(self, gadget, step):
        try:
            while step(gadget):
                try:
                    fd = os.pidfd_open(gadget.agent.pid)
                except ProcessLookupError:        # struck down, and waited for, before anybody looked
                    step = Gadget.agent_ended
                    continue
                self._waiting[fd] = gadget
                self._poll.register(fd, select.POLLIN)
                return
        except Exception as error:                # said by check(), on the test's own thread
            gadget.failure = repr(error)
        gadget.is_off.set()


class Gadget:
    supervisor = None                             # made with the first one

    def __init__(self, stack, name, model="gear", settings=None, factory="GOOD 1.0.0\n", environment=None):
        self.stack, self.name, self.model = stack, name, model
        self.folder = stack.folder / name
        self.slots, self.boot_id_file, self.reboot_file = self.folder / "slots", self.folder / "boot_id", self.folder / "reboot"
        (self.slots / "a").mkdir(parents=True)
        (self.slots / "a" / "app").write_text(factory)
        self.program, self.environment = stack.program("drover-agent"), environment   # of the agent, from its next start on
        self.settings = {
            "device.model": model, "device.version": "1.0.0", "device.boot_id_file": self.boot_id_file,
            "device.version_file": self.folder / "version", "agent.state_dir": self.folder / "state", "slots.dir": self.slots, **stack.agent_settings(name),
            "health.command": f"grep -q '^GOOD' {self.slots}/$DROVER_SLOT/app",
            "reboot.command": f"touch {self.reboot_file}; kill -KILL $PPID", **SETTINGS, **(settings or {})}
        self.furnish()
        self.boots = self.starts = 0
        self.agent = None
        self.on = True
        self.next_end = None                      # what the supervisor makes of the next end of the agent: "cut" or "crash"
        self.failure, self.is_off = None, threading.Event()
        Gadget.supervisor = Gadget.supervisor or Supervisor()
        self.supervisor.switch_on(self)

    def furnish(self):
        """Another back end: what its device has before it is switched on."""

    def arguments(self, *words):
        return [str(self.program), *words] + [f"--set={name}={value}" for name, value in self.settings.items()]

    def ask(self, *words):
        return subprocess.run(self.arguments(*words), capture_output=True, text=True, timeout=20, check=False, stdin=subprocess.DEVNULL)

    # --- power ---

    def next_slot(self):
        """The boot loader: one boot is counted, and this is the slot."""
        return self.ask("boot").stdout.strip() or "a"   # before the first start of the agent there is nothing to ask

    def _boot(self):
        """The boot loader's question until a slot comes up; a DEAD image never does, and its watchdog reboots the device."""
        self.reboot_file.unlink(missing_ok=True)
        while self.on:
            self.boots += 1
            self.boot_id_file.write_text(str(uuid.uuid4()) + "\n")
            slot = self.next_slot()
            word, version = (self.slots / slot / "app").read_bytes().split(b"\n", 1)[0].decode().split()
            (self.folder / "version").write_text(("9.9.9" if word == "FALSE" else version) + "\n")
            if word != "DEAD":
                return

    def _start(self):
        self.starts += 1
        self.agent = Process(self.name, self.arguments(), self.stack.folder, self.environment)
        return True

    def power_on(self):
        """The supervisor's: boots and starts the agent. False: it is off."""
        self._boot()
        return self.on and self._start()

    def agent_ended(self):
        """The supervisor's: the agent is no more; it was a reboot, a power cut, a crash, or it should not have been."""
        self.agent.popen.wait()
        how, self.next_end = self.next_end, None
        if self.on and (self.reboot_file.exists() or how == "cut"):
            self._boot()
        elif self.on and how != "crash":
            self.failure = f"the agent ended by itself with {self.agent.popen.returncode}\n{self.agent.log_tail()}"
            return False
        return self.on and self._start()

    def strike(self, how=None):
        """SIGKILL, as a crash of the agent or as a power cut would do."""
        agent = self.agent
        self.next_end = how or random.choice(["cut", "crash"])
        agent.signal(signal.SIGKILL)

    def check(self):
        assert self.failure is None, self.failure

    def switch_off(self):
        """Begins what stop() waits for, so that many may end at once."""
        self.on = False
        if self.agent:
            self.agent.signal(signal.SIGTERM)

    def stop(self):
        self.switch_off()
        wait_until(self._has_ended, 30, f"{self.name} to end")

    def _has_ended(self):
        """An agent that was being started just now is ended here, too."""
        if self.agent:
            self.agent.stop()
        return self.is_off.is_set()

    def scrap(self):
        """Nothing is left of it."""
        shutil.rmtree(self.folder)
        (self.stack.folder / f"{self.name}.log").unlink()

    # --- what it holds ---

    def log(self):
        path = self.stack.folder / f"{self.name}.log"
        return path.read_text(errors="replace") if path.exists() else ""

    def running(self):
        return next(line for line in self.ask("status").stdout.splitlines() if line.startswith("slot") and ", runs" in line).split()[1].rstrip(":")

    def image(self, slot=None):
        path = self.slots / (slot or self.running()) / "app"
        return path.read_bytes() if path.exists() else b""

    def version(self):
        return (self.folder / "version").read_text().strip()

    def upgrade(self):
        return self.stack.redis().hgetall(f"drover:v1:upgrade:{self.name}")

    def state(self):
        return self.upgrade().get("state")

    def digest(self, slot=None):
        return hashlib.sha256(self.image(slot)).hexdigest()
