"""What deploy/quickstart --secure has beside the simulated fleet: three real drover-agents, each with slots of its own and a certificate of its own, and
a stranger who has none."""
import hashlib
import http.client
import os
import socket
import ssl

from gadget import Gadget, image
from stack import StackError

MODEL, OLD, NEW = "camera", "1.0.0", "1.1.0"
NAMES = ("camera-1", "camera-2", "camera-3")
BROKEN = "camera-3"                       # its lens does not work with the new version: its health check says so
MQTT_CONNECT = b"\x10\x0d\x00\x04MQTT\x04\x02\x00\x3c\x00\x01x"


class Cameras:
    def __init__(self, stack):
        self.stack, self.store = stack, stack.redis()
        broken = {"health.command": "echo the lens does not answer >&2; exit 1", "health.total_s": 3}
        self.agents = [Gadget(stack, name, MODEL, settings=broken if name == BROKEN else None, factory=f"GOOD {OLD}\n" + os.urandom(2000).hex())
                       for name in NAMES]
        self.before = {}

    def close(self):
        for agent in self.agents:
            agent.switch_off()
        for agent in self.agents:
            agent.stop()

    def check_alive(self):
        for agent in self.agents:
            agent.check()

    def known(self):
        self.check_alive()
        return all(self.record(agent).get("boot_id") for agent in self.agents)

    def record(self, agent):
        return self.store.hgetall(f"drover:v1:device:{agent.name}")

    def release(self):
        """The package of the new version; what the slots hold now is kept for the proof."""
        self.before = {agent.name: {"boot": self.record(agent)["boot_id"], "slot": agent.running(), "image": agent.digest()} for agent in self.agents}
        content = image("GOOD", NEW)
        self.new_image = hashlib.sha256(content).hexdigest()
        self.stack.drover("release", "add", self.stack.package(MODEL, NEW, image=content), "-q")
        return MODEL, NEW

    def table(self):
        """A line for each agent: what it runs and what shows that. What is not as the line says raises StackError."""
        lines = [f"{'agent':10}  {'upgrade':11}  {'runs':7}  proved by"]
        for agent in self.agents:
            agent.check()
            prove = self._went_back if agent.name == BROKEN else self._updated
            lines.append(f"{agent.name:10}  {agent.state():11}  {agent.version():7}  {prove(agent)}")
        return "\n".join(lines)

    def _must(self, agent, what, good):
        if not good:
            raise StackError(f"{agent.name}: {what} is not so; its log: {agent.stack.folder / agent.name}.log, its upgrade: {agent.upgrade()}")

    def _updated(self, agent):
        before, record, slot = self.before[agent.name], self.record(agent), agent.running()
        self._must(agent, f"that {NEW} succeeded", agent.state() == "succeeded" and record["version"] == agent.version() == NEW)
        self._must(agent, "that it was rebooted into the other slot", record["boot_id"] != before["boot"] and slot != before["slot"])
        self._must(agent, "that its slot holds the signed image", agent.digest() == self.new_image)
        return f"slot {before['slot']} -> {slot}, its bytes are the signed image ({self.new_image[:12]}); {agent.boots} boots; {agent.upgrade()['why']}"

    def _went_back(self, agent):
        before, upgrade, slot = self.before[agent.name], agent.upgrade(), agent.running()
        self._must(agent, "that it was rolled back", agent.state() == "rolled_back" and self.record(agent)["version"] == agent.version() == OLD)
        self._must(agent, "that it tried and came back", slot == before["slot"] and agent.boots >= 3)
        self._must(agent, "that the old image is untouched", agent.digest() == before["image"])
        return f"slot {slot} again, untouched ({before['image'][:12]}); {agent.boots} boots; {upgrade['error']}: {upgrade['why']}"


def answer(port, context, request):
    """The first bytes that come back; b"" when the connection is ended first, as who has no certificate learns."""
    try:
        with socket.create_connection(("127.0.0.1", port), 10) as plain, context.wrap_socket(plain, server_hostname="localhost") as peer:
            peer.sendall(request)
            return peer.recv(4)
    except (ssl.SSLError, ConnectionError):
        return b""


def strangers_stay_outside(stack):
    """Somebody without a certificate, and a device that asks in another's name."""
    stranger, device = stack.security.context(), stack.security.context(NAMES[0])
    depot = stack.http_ports["drover-1"]
    get = b"GET /healthz HTTP/1.1\r\nHost: localhost\r\n\r\n"
    for what, port, request in (("broker", stack.broker_port, MQTT_CONNECT), ("depot", depot, get)):
        if answer(port, stranger, request):
            raise StackError(f"the {what} lets in who has no certificate")
        if not answer(port, device, request):
            raise StackError(f"the {what} does not let in {NAMES[0]}")
    connection = http.client.HTTPSConnection("localhost", depot, timeout=10, context=device)
    connection.request("GET", f"/firmware/latest?device_model={MODEL}&current_version={OLD}&device_id={NAMES[1]}")
    status = connection.getresponse().status
    connection.close()
    if status != 403:
        raise StackError(f"{NAMES[0]} asked as {NAMES[1]} and got {status}")
    return f"without a certificate: refused by broker and depot; {NAMES[0]} asking as {NAMES[1]}: {status}"

