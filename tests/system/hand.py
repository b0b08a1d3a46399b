"""Devices played by hand: each says exactly what a test makes it say, over raw MQTT, honest or not."""
import collections
import json
import threading

import paho.mqtt.client as mqtt

from stack import wait_until

STEPS = ("acknowledged", "downloading", "installing", "verifying")


class Hand:
    """One MQTT connection for all devices of a test, and the way to know that droverd has taken all it said."""

    def __init__(self, stack, client_id="hand", instance="drover-1"):
        self.stack, self.instance = stack, instance
        self.store = stack.redis()
        self.heard = collections.defaultdict(list)   # device -> commands, in order
        self.said = 0
        self._lock = threading.Lock()
        self._taken_before = self.taken()
        self.connect(client_id)

    def connect(self, client_id):
        self.client = mqtt.Client(client_id, protocol=mqtt.MQTTv5)
        self.client.max_inflight_messages_set(500)
        self.client.on_message = self._on_message
        self.client.on_connect = lambda client, *_: client.subscribe("update/+/+", qos=1)
        subscribed = threading.Event()
        self.client.on_subscribe = lambda *_: subscribed.set()
        self.client.connect("127.0.0.1", self.stack.broker_port)
        self.client.loop_start()
        assert subscribed.wait(20), "the broker did not answer"

    def close(self):
        self.client.disconnect()
        self.client.loop_stop()

    def _on_message(self, _client, _data, message):
        command = json.loads(message.payload)
        with self._lock:
            self.heard[message.topic.split("/")[2]].append(command)

    def commands(self, device, kind=None):
        with self._lock:
            return [command for command in self.heard[device] if kind in (None, command["command"])]

    def taken(self):
        return sum(value for name, value in self.stack.metrics(self.instance).items() if name.startswith("drover_mqtt_received_total"))

    def publish(self, topic, message, retain=False):
        payload = message if isinstance(message, (bytes, str)) else json.dumps(message)
        info = self.send(topic, payload, retain)
        self.said += 1
        return info

    def send(self, topic, payload, retain):
        return self.client.publish(topic, payload, qos=1, retain=retain)

    def _is_settled(self):
        if self.taken() - self._taken_before < self.said:
            return False
        metrics = self.stack.metrics(self.instance)   # asked anew: within one answer the rings are read before the counters
        waiting = sum(value for name, value in metrics.items() if name.startswith("drover_ring_used_bytes"))
        return waiting == 0 and metrics["drover_work_under_way"] == 0

    def settle(self, seconds=30):
        """Returns when everything said so far was received, answered by Redis and decided on."""
        wait_until(self._is_settled, seconds, "droverd to have worked off what was said")

    def droverd_is_new(self):
        """After a restart: its counters begin anew."""
        self.said, self._taken_before = 0, self.taken()

    def counter(self, name):
        return int(self.stack.metrics(self.instance)[name])

    def counted(self, name):
        """A function that says by how much a counter has grown since."""
        before = self.counter(name)
        return lambda: self.counter(name) - before


class Device:
    """A device and what it runs; nothing happens but what a test calls."""

    def __init__(self, hand, name, model="esp32", version="1.0.0", managed=True):
        self.hand, self.name, self.model, self.version, self.managed = hand, name, model, version, managed
        self.status, self.boots, self.seq, self.report_seq = "idle", 1, 0, 0
        self.sent = []
        self.more = {}         # members of all its heartbeats

    @property
    def boot_id(self):
        return f"boot-{self.boots}"

    def boot(self, version=None):
        self.boots += 1
        self.seq = 0
        self.version = version or self.version

    def say(self, kind, message):
        self.sent.append((kind, message))
        return self.hand.publish(f"device/{self.name}/{kind}", message)

    def beat(self, **changes):
        self.seq += 1
        message = {"schema": 1, "model": self.model, "version": self.version, "status": self.status, "boot_id": self.boot_id,
                   "seq": self.seq, "uptime_s": 10 + self.seq, **self.more, **changes}
        if self.managed:
            message["managed"] = True
        self.say("heartbeat", message)

    def report(self, state, command=None, **changes):
        self.report_seq += 1
        if not command:
            self.command(beats=False)
            command = self.hand.commands(self.name, "update")[-1]
        self.say("report", {"schema": 1, "upgrade_id": command["upgrade_id"], "attempt": command["attempt"], "seq": self.report_seq,
                            "state": state, **changes})

    def known(self):
        self.beat()
        self.hand.settle()
        assert self.record()["version"] == self.version
        return self

    def record(self):
        return self.hand.store.hgetall(f"drover:v1:device:{self.name}")

    def upgrade(self):
        return self.hand.store.hgetall(f"drover:v1:upgrade:{self.name}")

    def state(self):
        return self.upgrade().get("state", "none")

    def command(self, kind="update", number=1, seconds=20, beats=True):
        """Waits for its number-th command of this kind; heartbeats go on meanwhile."""
        def come():
            commands = self.hand.commands(self.name, kind)
            if len(commands) < number and beats:
                self.beat()
            return len(commands) >= number and commands[number - 1]
        return wait_until(come, seconds, f"{kind} {number} for {self.name}", interval=0.1)

    def until(self, *states, seconds=20, beats=True):
        """Heartbeats go on until its upgrade is in one of the states."""
        def reached():
            state = self.state()
            if state not in states and beats:
                self.beat()
            return state in states and state
        try:
            return wait_until(reached, seconds, f"{self.name} to be {' or '.join(states)}", interval=0.1)
        except Exception as error:
            raise AssertionError(f"{error}; it is {self.upgrade()}") from error

    def steps(self, *states, command=None):
        for state in states or STEPS:
            self.report(state, command)
        self.hand.settle()

    def obey(self, number=1):
        """The honest update by its number-th command, to its end."""
        command = self.command(number=number)
        self.steps(command=command)
        self.boot(command["version"])
        self.until("succeeded")
        assert self.record()["version"] == command["version"]
        return command
