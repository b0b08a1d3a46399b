"""A depot with room for two, and more agents than that: whoever is sent away comes back when there is room, all finish, and nobody storms; and with pacing
nobody is told to come while there is no room."""
import re
import time

import pytest

from shop import WAIT_S, shop  # noqa: F401
from stack import wait_until

AGENTS = 8
SIZE = 1_500_000                       # several requests for ranges each
NARROW = {"depot.downloads": 2, "depot.connection_bytes_s": 400_000, "flow.start_ms": 60_000, "flow.download_stall_ms": 60_000,
          "flow.download_total_ms": 120_000, "flow.acknowledge_ms": 5000}
ARTIFACTS = 'drover_http_requests_total{method="GET",route="/artifacts/{sha256}",status="%d"}'


def count(shop, status):
    return shop.stack.metrics().get(ARTIFACTS % status, 0)


def watch_until_all_succeed(shop, gadgets, look):
    """Looks at the metrics again and again until every gadget runs the new version."""
    end = time.monotonic() + WAIT_S
    while any(gadget.upgrade().get("state") != "succeeded" for gadget in gadgets):
        for gadget in gadgets:
            gadget.check()
        look(shop.stack.metrics())
        assert time.monotonic() < end, [gadget.upgrade() for gadget in gadgets]
        time.sleep(0.05)


@pytest.mark.parametrize("shop", [{**NARROW, "depot.pace_pct": 0}], indirect=True, ids=[""])
def test_agents_that_are_sent_away_come_back_and_all_finish(shop):
    gadgets = [shop.gadget(f"g{i}") for i in range(AGENTS)]
    content = shop.release("1.1.0", size=SIZE)
    begun = time.monotonic()
    shop.rollout("1.1.0")
    most = [0]

    def look(metrics):
        most[0] = max(most[0], metrics["drover_depot_places_used"])
    watch_until_all_succeed(shop, gadgets, look)
    took_s = time.monotonic() - begun
    assert all(gadget.image() == content and gadget.upgrade()["attempt"] == "1" for gadget in gadgets)
    assert most[0] == 2, "the depot was full, and never fuller than it may be"
    sent_away, served = count(shop, 503), count(shop, 206)
    print(f"{AGENTS} agents, {served:.0f} ranges served, {sent_away:.0f} requests sent away, {took_s:.1f} s")
    assert sent_away >= AGENTS - 2, "all were told at once, and two had room"
    assert sent_away <= 3 * AGENTS, f"{sent_away} requests were sent away: nobody waits as he is told"
    waits = [line for gadget in gadgets for line in gadget.log().splitlines() if "FETCH_LATER" in line]
    assert len(waits) >= AGENTS - 2 and all(gadget.starts == 2 for gadget in gadgets)
    assert shop.stack.metrics()['drover_http_refused_total{reason="downloads"}'] == sent_away


@pytest.mark.parametrize("shop", [NARROW], indirect=True, ids=[""])
def test_nobody_is_told_to_download_while_the_depot_is_full(shop):
    gadgets = [shop.gadget(f"g{i}") for i in range(AGENTS)]
    content = shop.release("1.1.0", size=SIZE)
    shop.rollout("1.1.0")
    told, explained = [0], set()

    def look(metrics):
        states = [gadget.upgrade().get("state") for gadget in gadgets]
        told[0] = max(told[0], sum(state in ("dispatched", "acknowledged", "downloading") for state in states))
        for gadget, state in zip(gadgets, states):
            if state is None or state == "pending":
                explained.update(re.findall(r"the depot has no room for another download \(\d of 2 places\)", shop.stack.drover("device", "show", gadget.name).stdout))
                break
        assert metrics["drover_depot_places_used"] <= 2
    watch_until_all_succeed(shop, gadgets, look)
    assert all(gadget.image() == content and gadget.upgrade()["attempt"] == "1" for gadget in gadgets)
    assert told[0] <= 2, f"{told[0]} devices were told to download at a time"
    assert explained, "why a device waits is said"
    assert count(shop, 503) == 0, "who was told found a place"
    assert shop.stack.metrics()["drover_held_back_total"] > 0
    status = shop.stack.drover("status").stdout
    assert re.search(r"depot.places +2", status) and re.search(r"depot.room +true", status), status
    wait_until(lambda: shop.stack.metrics()["drover_depot_places_used"] == 0, 10, "all places to be free")
