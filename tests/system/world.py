"""A running Drover with devices played by hand (hand.py), rollouts, and what must hold when a test is over."""
import json
import urllib.error
import urllib.parse
import urllib.request

import pytest

from fleet import FAST, check_aggregates, check_histories, events_of
from hand import Device, Hand
from peer import CertifiedHand

SETTINGS = {**FAST, "flow.pending_ms": 200, "flow.retry_base_ms": 50, "flow.retry_cap_ms": 200}
REFUSED = 'drover_flow_refused_total{why="%s"}'
STALE = 'drover_heartbeats_total{outcome="stale"}'


class World:
    """A running Drover, a hand for its devices, and rollouts."""

    def __init__(self, stack, settings=None):
        self.stack, self.settings = stack, {**SETTINGS, **(settings or {})}
        stack.start_redis()
        stack.start_broker()
        self.droverd = stack.start_droverd(settings=self.settings)
        self.hand = (CertifiedHand if stack.security else Hand)(stack)
        self.store = self.hand.store

    def device(self, name="d1", **facts):
        return Device(self.hand, name, **facts).known()

    def rollout(self, version="1.1.0", *options, model="esp32", size=5000):
        self.stack.add_release(model, version, size=size)
        return self.stack.drover("rollout", "start", model, version, "--spread", "0s", "-o", "name", *options).stdout.strip()

    def restart_droverd(self):
        self.droverd.kill()
        self.stack.forget(self.droverd)
        self.droverd = self.stack.start_droverd(settings=self.settings)
        self.hand.droverd_is_new()

    def alarms(self, on):
        return [event for _, event in events_of(self.store) if event["kind"] == "alarm" and event["on"] == on]

    def ask(self, device):
        """GET /firmware/latest as this device; None: nothing for it."""
        query = urllib.parse.urlencode({"device_model": device.model, "current_version": device.version, "device_id": device.name})
        try:
            with self.get(device.name, self.stack.depot_url("/firmware/latest?" + query)) as answer:
                return json.loads(answer.read())
        except urllib.error.HTTPError as error:
            assert error.code == 304, error
            return None

    def get(self, name, url):
        """The answer to this device, which shows its certificate when the stack is secure."""
        context = self.stack.security.context(name) if self.stack.security else None
        return urllib.request.urlopen(url, timeout=10, context=context)

    def next_honest_update(self, *devices, version="1.9.0", model="esp32"):
        """After the attack everything works as ever."""
        had = {device: len(self.hand.commands(device.name, "update")) for device in devices}
        self.rollout(version, "--supersede", model=model)
        for device in devices:
            device.obey(number=had[device] + 1)

    def check(self):
        self.hand.settle()
        check_aggregates(self.store)
        check_histories(self.store)
        self.droverd.check_alive()
        log = self.droverd.log_path.read_text()
        assert "script_error" not in log and self.hand.counter('drover_store_refused_total{kind="script"}') == 0


def settings(**values):
    """The settings of one test's droverd."""
    return pytest.mark.parametrize("world", [{"flow." + name: value for name, value in values.items()}], indirect=True, ids=[""])


def untouched(device):
    """What no old news may change: all but the notes about the old news itself, and whether it is heard now."""
    notes = {"clash", "clash_seen", "clash_from", "online"}
    return {name: value for name, value in device.record().items() if name not in notes}, device.upgrade()
