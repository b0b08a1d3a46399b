"""The world of the tests of what operators control: droverd with a key for permits and tokens of people, devices played by hand, and an ear at the broker."""
import threading

import paho.mqtt.client as mqtt
import pytest

from fleet import FAST, check_histories, check_log
from hand import Device, Hand
from proof import Keys

SETTINGS = {**FAST, "flow.pending_ms": 200, "flow.retry_base_ms": 50, "flow.retry_cap_ms": 200}
PLAN = {"schema": 1, "id": "staged", "model": "esp32", "version": "1.1.0", "approvals": 1, "spread_s": 0,
        "stages": [{"name": "canary", "count": 1, "promote": "manual"}, {"name": "all"}]}


class Ear:
    """Everything below update/, in the order in which the broker gave it."""

    def __init__(self, stack):
        self.heard, subscribed = [], threading.Event()
        self.client = mqtt.Client("ear", protocol=mqtt.MQTTv5)
        self.client.on_message = lambda _client, _data, message: self.heard.append((message.topic, message.payload))
        self.client.on_connect = lambda client, *_: client.subscribe("update/#", qos=1)
        self.client.on_subscribe = lambda *_: subscribed.set()
        self.client.connect("127.0.0.1", stack.broker_port)
        self.client.loop_start()
        assert subscribed.wait(20)

    def close(self):
        self.client.disconnect()
        self.client.loop_stop()


class Control:
    def __init__(self, stack):
        self.stack = stack
        self.keys = Keys(stack.folder / "auth")
        stack.start_redis()
        stack.start_broker()
        self.settings = {**SETTINGS, "release.permit_key": stack.signer.permit_key(), "auth.keys_file": self.keys.file}
        self.droverd = stack.start_droverd(settings=self.settings)
        self.hand, self.ear = Hand(stack), Ear(stack)
        self.store = self.hand.store
        stack.add_release("esp32", "1.1.0", size=5000)

    def drover(self, *arguments, who=None, **options):
        if who:
            file = self.stack.folder / f"{who}.jwt"
            file.write_text(self.keys.token(who, "people") + "\n")
            arguments = (*arguments, "--token-file", file)
        return self.stack.drover(*arguments, **options)

    def start(self, *options):
        return self.drover("rollout", "start", "esp32", "1.1.0", "--spread", "0s", "--confirmations", 1, "-o", "name", *options).stdout.strip()

    def rollout(self, name):
        return self.stack.drover_json("rollout", "show", name)

    def device(self, name):
        return Device(self.hand, name).known()

    def why(self, device):
        return self.stack.drover("device", "why", device).stdout


@pytest.fixture
def control(stack):
    control = Control(stack)
    yield control
    control.hand.settle()
    check_histories(control.store)
    check_log(control.stack)
    control.droverd.check_alive()
    control.ear.close()
    control.hand.close()
