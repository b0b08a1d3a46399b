"""How large a real agent is while it downloads and installs, as the kernel counts it, and that it does not grow."""
import contextlib
import os
import pathlib

import pytest

from backends import Script
from gadget import Gadget
from shop import WAIT_S, shop  # noqa: F401
from stack import wait_until

# (resident, of it no file's). Private pages of files are told only: they depend on who else runs. TLS brings libssl, more of libcrypto, and a context and buffers for each of up to eight connections.
PLAIN_KIB, TLS_KIB = (8 * 1024, 3 * 1024), (11 * 1024, 3584)
IDLE_KIB = 6656
GROWTH_KIB = 128        # of the heap's pages; sixteen packages are 16 MB


@pytest.fixture(autouse=True)
def no_sanitizer():
    if "ASAN_OPTIONS" in os.environ:
        pytest.skip("a sanitizer's memory is not the agent's")


def proc(agent, name):
    return pathlib.Path(f"/proc/{agent.pid}/{name}")


def kib(agent, name):
    """Each line of the file that has a number: what -> KiB."""
    pairs = (line.split() for line in proc(agent, name).read_text().splitlines())
    return {words[0].rstrip(":"): int(words[1]) for words in pairs if len(words) == 3 and words[2] == "kB"}


def peak_begins(agent):
    """The kernel's own high-water mark of the resident set begins anew (proc(5), clear_refs)."""
    proc(agent, "clear_refs").write_text("5")


def sizes(agent):
    """The high-water mark; what is resident, in all; with shared pages divided by the number of processes that have them; what nobody else has; what is no file's."""
    rollup, status = kib(agent, "smaps_rollup"), kib(agent, "status")
    return {"peak": status["VmHWM"], "rss": rollup["Rss"], "pss": rollup["Pss"], "private": rollup["Private_Clean"] + rollup["Private_Dirty"], "anonymous": rollup["Anonymous"]}


def gadget_of(shop, kind=Gadget, settings=None):
    security = shop.stack.security
    if security:
        security.certify(["g0"])
    return shop.gadget("g0", kind=kind, settings={**(shop.stack.agent_settings("g0") if security else {}), **(settings or {})})


@pytest.mark.parametrize("stack, bars", [({}, PLAIN_KIB), ({"secure": True}, TLS_KIB)], indirect=["stack"], ids=["plain", "tls"])
def test_memory_while_downloading_and_installing(shop, bars, record_property):
    """The bar is for the resident set, libraries and all; told beside it, so that nobody takes one for the other: shares, and what is private."""
    gadget = gadget_of(shop, settings={"depot.bandwidth_bytes_s": 3_000_000})
    agent = gadget.agent
    start = sizes(agent)
    wait_until(lambda: sizes(agent)["rss"] <= IDLE_KIB, WAIT_S, "what the start needed to be given back")
    idle = sizes(agent)
    shop.release("1.1.0", size=8_000_000)
    shop.rollout("1.1.0")
    wait_until(lambda: "event=download " in gadget.log(), WAIT_S, "the download")
    peak_begins(agent)
    most = {}

    def switched():
        gadget.check()
        with contextlib.suppress(OSError, ValueError):   # it reboots
            now = sizes(agent)
            most.update({name: max(value, most.get(name, 0)) for name, value in now.items()})
        return "to=switched" in gadget.log()
    wait_until(switched, WAIT_S, "the installation", interval=0.02)
    print(f"KiB: at the start {start}, idle {idle}, at most while it downloads and installs {most}")
    record_property("start_idle_most_kib", (start, idle, most))
    assert most["peak"] <= bars[0] and 0 < most["anonymous"] <= bars[1]
    shop.wait_state(gadget, "succeeded")


class NeverInstalls(Script):
    def furnish(self):
        super().furnish()
        self.settings["slots.install_command"] = "exit 1"


def test_sixteen_downloads_leave_nothing(shop, record_property):
    """One process, the same package again and again: each attempt is fetched, proved, and refused by a command."""
    gadget = gadget_of(shop, NeverInstalls)
    agent = gadget.agent
    shop.release("1.1.0", size=1_000_000)
    shop.rollout("1.1.0", "--max-attempts", "16")
    own = {}

    def failed():
        gadget.check()
        count = gadget.log().count("error=E_INSTALL")
        if count not in own and "to=idle" in gadget.log().splitlines()[-1]:
            own[count] = sizes(agent)["anonymous"]
        return gadget.state() == "failed"
    wait_until(failed, 2 * WAIT_S, "sixteen attempts")
    own[16] = sizes(agent)["anonymous"]
    assert gadget.agent is agent and gadget.log().count("event=download ") == 16
    record_property("own_kib_after_downloads", own)
    print("KiB of its own after as many downloads", own)
    early = max(value for count, value in own.items() if count <= 8)
    assert own[16] <= early + GROWTH_KIB
