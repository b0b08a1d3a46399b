"""Real agents over a bad network, with a real droverd and Mosquitto at its other end: what passes ends well, what does not ends with its error code after
a bounded number of requests, and a cancel is obeyed at once whatever the network does."""
import time

from badnet import net  # noqa: F401
from faulty_depot import Wait, by_number, honest, in_steps, part, status
from faulty_proxy import Faults
from mirror import pass_on
from stack import wait_until

QUICK = {"depot.failures": 3, "depot.stall_s": 2}
DRIP = in_steps(honest, 1, Wait(1))


def silence(request):
    yield part(request)
    yield request.body[:1000]
    yield Wait(600)


def asked_later(seconds, times):
    """503 with Retry-After for the first requests of this device, then what droverd says."""
    left = [times]

    def answer(request):
        left[0] -= 1
        return (status(503, f"Retry-After: {seconds}") if left[0] >= 0 else pass_on)(request)
    return answer


def test_latency_jitter_and_cuts_every_64_kib(net):
    """HTTP and MQTT both go through it: 300 to 400 ms each way, and no connection outlives 64 KiB (of MQTT 3000 bytes)."""
    links = [net.proxy(faults=Faults(latency_s=0.3, jitter_s=0.1, cut_every_bytes=3000), seed=number) for number in range(2)]
    gadgets = [net.behind(link, f"far{number}", model="far", settings={"agent.mode": mode, "health.total_s": 30})
               for number, (link, mode) in enumerate(zip(links, ("managed", "pull")))]
    before = net.depot.passed
    with net.depot.being(latency_s=0.3, jitter_s=0.1, cut_every_bytes=65536):
        content, _ = net.update_all(gadgets, "1.1.0", "--spread", "1s", size=400_000)
        net.all_succeed(gadgets, "1.1.0", content)
    assert net.depot.cuts >= 6 and links[0].cuts >= 1, (net.depot.cuts, links[0].cuts)
    assert net.depot.passed - before < 1.5 * len(gadgets) * len(content), "what had come is not fetched again"


def test_a_depot_that_fails_is_asked_a_bounded_number_of_times(net):
    answers = {"lost404": status(404), "down500": status(500), "drip": DRIP, "later503": asked_later(1, 2), "once500": by_number(0, 0, status(500))}
    gadgets = {name: net.gadget(name, model="failing", settings=QUICK) for name in answers}
    answers["once500"] = once = asked_later(0, 1)     # 503 without a wait: as any passing failure
    net.mirror.answers.update(answers)
    content, _ = net.update_all(gadgets.values(), "1.1.0", "--max-attempts", "2")
    wanted = {"lost404": ("E_DOWNLOAD_HTTP", 2, "404"), "down500": ("E_DOWNLOAD_HTTP", 6, "500"), "drip": ("E_DOWNLOAD_TIMEOUT", 6, "minimum rate")}
    for name, (code, requests, why) in wanted.items():
        net.wait_state(gadgets[name], "failed")
        upgrade = gadgets[name].upgrade()
        assert upgrade["error"] == code and upgrade["attempt"] == "2" and why in upgrade["note"], upgrade
        assert len(net.mirror.asked(name)) == requests, "an attempt of a 404 is one request, of what passes as many as depot.failures"
        assert gadgets[name].image("b") == b"" and gadgets[name].version() == "1.0.0"
    net.all_succeed([gadgets["later503"], gadgets["once500"]], "1.1.0", content)
    assert gadgets["later503"].upgrade()["attempt"] == "1", "asked to come later: the same attempt"
    assert gadgets["once500"].upgrade()["attempt"] == "1" and once
    before = {name: len(net.mirror.asked(name)) for name in wanted}
    time.sleep(1)                                     # nothing is to happen: a second without a request after the end
    assert before == {name: len(net.mirror.asked(name)) for name in wanted}, "nobody asks after the last attempt"
    net.next_honest_update(*gadgets.values())


def test_cancel_works_at_once_whatever_the_depot_does(net):
    answers = {"c404": status(404), "c500": status(500), "cdrip": DRIP, "csilent": silence, "clater": status(503, "Retry-After: 3600")}
    gadgets = {name: net.gadget(name, model="cancelled", settings={"depot.failures": 1000, "depot.stall_s": 60, "depot.min_bytes_s": 0}) for name in answers}
    net.mirror.answers.update(answers)
    _, rollout = net.update_all(gadgets.values(), "1.1.0", "--max-attempts", "1000")
    for name in gadgets:
        wait_until(lambda: net.mirror.asked(name), 30, f"{name} to ask")
    net.logged(gadgets["clater"], "on=FETCH_LATER")
    begun = time.monotonic()
    net.stack.drover("rollout", "cancel", rollout)
    for name in ("c500", "cdrip", "csilent", "clater"):
        net.logged(gadgets[name], "error=E_CANCELLED", seconds=5)
    took = time.monotonic() - begun
    for name, gadget in gadgets.items():
        net.wait_state(gadget, "cancelled")
    asked = {name: len(net.mirror.asked(name)) for name in gadgets}
    assert took < 5
    time.sleep(1)                                     # nothing is to happen
    assert asked == {name: len(net.mirror.asked(name)) for name in gadgets}
    for name in ("c500", "cdrip", "csilent", "clater"):
        assert not list((gadgets[name].folder / "state").glob("package*")), "nothing of it is kept"
    net.next_honest_update(*gadgets.values())


def test_the_broker_link_is_cut_in_each_phase(net):
    """One device loses its link for a moment in each phase, the other one's goes dead without a word."""
    settings = {"health.total_s": 30, "health.passes": 12, "health.interval_ms": 200, "mqtt.keepalive_s": 5, "update.spread_s": 1}
    cut_link, dead_link = net.proxy(), net.proxy()
    cut = net.behind(cut_link, "cut", model="links", settings={"depot.bandwidth_bytes_s": 300_000, **settings})
    dead = net.behind(dead_link, "dead", model="links", settings={"depot.bandwidth_bytes_s": 40_000, **settings})
    content, _ = net.update_all([cut, dead], "1.1.0", size=600_000)
    net.logged(dead, "to=downloading")
    with dead_link.being(swallow=True):
        for phase in ("to=waiting", "to=downloading", "to=installing", "to=switched", "to=checking"):
            net.logged(cut, phase)
            came = len(cut_link.came_at)
            with cut_link.being(refuse=True):
                wait_until(lambda: len(cut_link.came_at) > came, 10, f"it to try again, cut off in {phase}")
        net.logged(dead, "event=broker_lost", seconds=20)
        assert "to=installing" not in dead.log(), "noticed by the keepalive, within the download"
    net.all_succeed([cut, dead], "1.1.0", content)
    assert cut.boots == dead.boots == 2
    net.next_honest_update(cut, dead)
