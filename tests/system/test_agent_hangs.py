"""Commands of the integrator that hang: heartbeats go on, a cancel is obeyed, a deadline ends them, and the next update works as ever."""
import json
import os
import re

import pytest
from paho.mqtt import publish

from backends import Script
from shop import WAIT_S, shop  # noqa: F401
from stack import wait_until


class Hanging(Script):
    """One of its commands never ends by itself."""
    command = ""

    def furnish(self):
        super().furnish()
        self.pid_file = self.folder / "hangs"
        self.honest = self.settings[f"slots.{self.command}"]
        self.settings[f"slots.{self.command}"] = f"echo $$ > {self.pid_file}; exec sleep 1000"

    def wait_hanging(self):
        """-> a function that is true while the command runs"""
        pid = wait_until(lambda: self.pid_file.exists() and self.pid_file.read_text().strip(), WAIT_S, "the command that hangs")
        return lambda: os.path.exists(f"/proc/{pid}")

    def mend(self):
        self.settings[f"slots.{self.command}"] = self.honest
        starts = self.starts
        self.strike("crash")
        wait_until(lambda: self.starts > starts, WAIT_S, "the agent to start again")

    def seen_ms(self):
        return self.stack.redis().zscore("drover:v1:seen", self.name) or 0


class HangsInSwitch(Hanging):
    command = "switch_command"


class HangsInInstall(Hanging):
    command = "install_command"


class HangsInConfirm(Hanging):
    command = "confirm_command"


@pytest.mark.parametrize("kind", [HangsInSwitch, HangsInInstall])
def test_heartbeats_go_on_until_the_deadline(shop, kind):
    gadget = shop.gadget("g0", kind=kind, settings={"slots.command_timeout_s": 4})
    shop.release("1.1.0", size=10_000)
    shop.rollout("1.1.0", "--max-attempts", "1")
    hangs = gadget.wait_hanging()
    begin = gadget.seen_ms()
    wait_until(lambda: gadget.seen_ms() > begin + 1500, WAIT_S, "more heartbeats")
    assert hangs(), "they came while the command ran"
    shop.wait_state(gadget, "failed")
    assert gadget.upgrade()["error"] == "E_INSTALL" and "no end within 4000 ms" in gadget.log() and not hangs()
    gadget.mend()
    gadget.update(shop, "1.2.0")


def test_cancel_ends_an_installation_that_hangs(shop):
    """droverd cancels nobody who installs, but a cancel may arrive then: here it is said by hand."""
    gadget = shop.gadget("g0", kind=HangsInInstall)
    shop.release("1.1.0", size=10_000)
    shop.rollout("1.1.0", "--max-attempts", "1")
    hangs = gadget.wait_hanging()
    upgrade = gadget.upgrade()
    cancel = {"schema": 1, "command": "cancel", "upgrade_id": re.findall(r"event=upgrade .*upgrade=(\w+)", gadget.log())[-1], "attempt": int(upgrade["attempt"])}
    publish.single("update/gear/g0", json.dumps(cancel), qos=1, hostname="127.0.0.1", port=shop.stack.broker_port)
    wait_until(lambda: "error=E_CANCELLED" in gadget.log(), 10, "the agent to obey")
    wait_until(lambda: not hangs(), 10, "the command to end")
    shop.wait_state(gadget, "failed", "cancelled")
    assert gadget.running() == "a"
    gadget.mend()
    gadget.update(shop, "1.2.0")


def test_a_confirmation_that_hangs_at_the_start_holds_up_nothing_but_the_installation(shop):
    gadget = shop.gadget("g0", kind=HangsInConfirm, settings={"slots.command_timeout_s": 5})
    hangs = gadget.wait_hanging()
    shop.release("1.1.0", size=10_000)
    shop.rollout("1.1.0", "--max-attempts", "1")
    shop.wait_state(gadget, "installing")
    assert hangs(), "the download was made meanwhile"
    wait_until(lambda: "to=switched" in gadget.log(), WAIT_S, "the installation, after the confirmation's deadline")
    assert "event=slots_confirm_failed" in gadget.log()
    shop.wait_state(gadget, "rolled_back", seconds=90)   # the new image cannot be confirmed
    assert gadget.upgrade()["error"] == "E_HEALTHCHECK" and gadget.version() == "1.0.0"
