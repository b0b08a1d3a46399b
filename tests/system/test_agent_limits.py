"""What a device itself has too little of: time, battery, disk, bandwidth. Real agents, a real droverd and Mosquitto."""
import datetime
import re
import time

import pytest

from badnet import net  # noqa: F401
from stack import wait_until

SETTINGS = {"flow.start_ms": 1000, "flow.download_stall_ms": 4000, "flow.download_total_ms": 6500, "flow.install_ms": 2000, "flow.busy_ms": 300}


def test_a_low_battery_is_busy_and_costs_no_attempt(net):
    """The condition command looks at the battery; 77 is a refusal."""
    battery = net.stack.folder / "battery"
    battery.write_text("12\n")
    low = net.gadget("low", model="cells", settings={"device.battery_file": battery, "update.condition_command": f"test $(cat {battery}) -ge 30"})
    never = net.gadget("never", model="cells", settings={"update.condition_command": "exit 77"})
    content, _ = net.update_all([low, never], "1.1.0", "--max-attempts", "1")
    wait_until(lambda: low.log().count("error=E_BUSY") >= 3, 30, "it to be busy three times")
    assert net.store.hget("drover:v1:device:low", "battery_pct") == "12" and low.state() in ("retry_wait", "dispatched", "acknowledged")
    assert low.upgrade()["error"] == "E_BUSY" and not net.mirror.asked("low"), low.upgrade()
    net.wait_state(never, "rejected")
    assert never.upgrade()["error"] == "E_REJECTED" and not net.mirror.asked("never")
    battery.write_text("80\n")
    net.all_succeed([low], "1.1.0", content)
    never.settings["update.condition_command"] = ""
    never.strike("crash")
    net.next_honest_update(low, never)


def test_the_disk_is_full_in_the_middle_of_a_download(net):
    """Transient: tried again, with what had come; nothing of the device is another than before; with room again it goes on."""
    shim = net.stack.build / "tests/fault/libdrover-full-disk.so"
    if not shim.exists():
        pytest.fail(f"{shim} is not built")
    staging, is_full = net.stack.folder / "staging", net.stack.folder / "disk_is_full"
    staging.mkdir()
    is_full.touch()
    gadget = net.gadget("full", model="full", settings={"agent.staging_dir": staging},
                        environment={"LD_PRELOAD": str(shim), "DROVER_FULL_ROOT": str(staging), "DROVER_FULL_BYTES": "150000", "DROVER_FULL_WHILE": str(is_full)})
    before = gadget.digest("a"), gadget.digest("b"), gadget.boots
    net.update_all([gadget], "1.1.0", "--max-attempts", "2", size=400_000)
    net.wait_state(gadget, "failed")
    upgrade = gadget.upgrade()
    assert upgrade["error"] == "E_NO_SPACE" and upgrade["attempt"] == "2", upgrade
    assert (gadget.digest("a"), gadget.digest("b"), gadget.boots) == before
    assert (staging / "package.dfw").stat().st_size <= 150_000 and len(net.mirror.asked("full")) < 10
    is_full.unlink()
    net.next_honest_update(gadget)


def seconds_of_download(gadget):
    """By the agent's own log."""
    def at(word):
        return datetime.datetime.fromisoformat(re.search(rf"^ts=(\S+)Z .* to={word} ", gadget.log(), re.MULTILINE)[1])
    return (at("installing") - at("downloading")).total_seconds()


def test_the_bandwidth_limit_is_kept(net):
    """As a ratio: half the limit takes twice the time, whatever the machine does meanwhile."""
    limits = {"slow": 80_000, "fast": 160_000}
    gadgets = {name: net.gadget(f"bw{name}", model="bandwidth", settings={"depot.bandwidth_bytes_s": limit}) for name, limit in limits.items()}
    content, _ = net.update_all(gadgets.values(), "1.1.0", size=320_000)
    net.all_succeed(gadgets.values(), "1.1.0", content)
    took = {name: seconds_of_download(gadget) for name, gadget in gadgets.items()}
    assert 1.6 < took["slow"] / took["fast"] < 2.4, took
    assert all(seconds > 0.9 * len(content) / limits[name] - 0.3 for name, seconds in took.items()), ("a burst of 250 ms is free, nothing more", took)
    net.next_honest_update(*gadgets.values())


def test_the_deadline_passes_in_the_middle_of_a_download(net):
    """The server gives the download up; the agent hears nothing of that, and ends at the command's deadline by itself."""
    gadget = net.gadget("late", model="late", settings={"depot.bandwidth_bytes_s": 20_000, "depot.min_bytes_s": 0})
    content, _ = net.update_all([gadget], "1.1.0", "--max-attempts", "1", size=400_000)
    net.wait_state(gadget, "failed")
    upgrade = gadget.upgrade()
    assert upgrade["error"] == "E_DOWNLOAD_TIMEOUT" and "too long" in upgrade["why"], upgrade
    net.logged(gadget, "error=E_DOWNLOAD_TIMEOUT", seconds=15)
    assert "not complete after" in gadget.log() and gadget.image("b") == b"" and "to=installing" not in gadget.log()
    asked = len(net.mirror.asked("late"))
    time.sleep(1)                                     # nothing is to happen
    assert len(net.mirror.asked("late")) == asked
    gadget.settings["depot.bandwidth_bytes_s"] = 0
    gadget.strike("crash")
    net.next_honest_update(gadget)
