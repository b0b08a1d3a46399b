"""Attacks on the network between an agent and its server (docs/security.md): slow, absent, malicious, lying. Real agents, a real droverd and Mosquitto; after
each attack the next honest update succeeds. Byte by byte the lies are in tests/unit/agent/test_fetch_attacks.py."""
import itertools

from badnet import fails, net, untouched  # noqa: F401
from faulty_depot import CUT, Wait, head, honest, in_steps, part, without_ranges
from lies import chunked, other_range, two_content_ranges, two_hundred_of_something_else, until_close_too_much
from mirror import pass_on
from stack import wait_until

SETTINGS = {"flow.silent_after_ms": 4000, "flow.offline_after_ms": 3000}
QUICK = {"depot.failures": 3, "depot.stall_s": 1}


def test_attack_06_slow_retrieval(net):
    """One byte a second is under the minimum rate; what is just above it meets the absolute deadline. Both pass, so they are tried again."""
    gadgets = {"drip": net.gadget("a06drip", model="a06", settings=QUICK),
               "trickle": net.gadget("a06trickle", model="a06", settings={"depot.total_s": 2, "depot.stall_s": 1, "depot.min_bytes_s": 100})}
    net.mirror.answers.update({"a06drip": in_steps(honest, 1, Wait(1)), "a06trickle": in_steps(honest, 200, Wait(0.1))})
    before = [untouched(gadget) for gadget in gadgets.values()]
    net.update_all(gadgets.values(), "1.1.0", "--max-attempts", "2")
    fails(net, gadgets["drip"], "E_DOWNLOAD_TIMEOUT", "minimum rate")
    fails(net, gadgets["trickle"], "E_DOWNLOAD_TIMEOUT", "not complete after 2 s")
    assert [gadget.upgrade()["attempt"] for gadget in gadgets.values()] == ["2", "2"], "transient: tried again"
    assert [untouched(gadget) for gadget in gadgets.values()] == before
    net.next_honest_update(*gadgets.values())


def test_attack_07_nobody_is_reachable(net):
    """The broker is away: tries are capped and jittered, the device stays on its image, the server calls it lost in time. Then the depot is away."""
    link = net.proxy()
    gadget = net.behind(link, "a07", model="a07", settings={**QUICK, "mqtt.retry_max_s": 2, "depot.bandwidth_bytes_s": 20_000, "depot.min_bytes_s": 0})
    before = untouched(gadget)
    net.update_all([gadget], "1.1.0", "--max-attempts", "2", size=400_000)
    net.wait_state(gadget, "downloading")
    came = len(link.came_at)
    with link.being(refuse=True):
        net.mirror.answers["a07"] = lambda _: iter([CUT])
        net.depot.cut()
        net.wait_state(gadget, "lost", seconds=30)
        wait_until(lambda: len(link.came_at) >= came + 5, 30, "five tries")
    gaps = [later - earlier for earlier, later in zip(link.came_at[came:], link.came_at[came + 1:])]
    assert max(gaps) < 4 and len({round(gap, 1) for gap in gaps}) > 2, f"capped at 2 s, with jitter: {gaps}"
    assert untouched(gadget) == before
    net.logged(gadget, "error=E_DOWNLOAD_TIMEOUT")
    assert len(net.mirror.asked("a07")) < 40
    gadget.settings["depot.bandwidth_bytes_s"] = 0
    gadget.strike("crash")
    net.next_honest_update(gadget)


def flipped(request):
    """The same length, the same ETag, another byte near the end."""
    body = bytearray(request.body)
    if request.span[1] > len(request.package) - 70_000:
        body[-1] ^= 1
    yield part(request, more=["Content-Type: application/octet-stream", "Cache-Control: immutable"])
    yield bytes(body)


FORGED_BYTES = 200_000


def of_a_stranger(net, version):
    """A whole package by a key that nobody knows, in place of the one asked for."""
    stranger = net.stack.package("a08", version, size=FORGED_BYTES, key=net.stack.signer.stranger()).read_bytes()

    def answer(request):
        start, stop = request.span
        body = stranger[start:stop].ljust(stop - start, b"\0")
        yield part(request)
        yield body
    return answer


def test_attack_08_malicious_mirror(net):
    gadgets = [net.gadget(f"a08{name}", model="a08", settings=QUICK) for name in ("bytes", "package", "once")]
    net.mirror.answers.update({"a08bytes": flipped, "a08package": of_a_stranger(net, "1.1.0"), "a08once": by_cache(flipped)})
    before = [untouched(gadget) for gadget in gadgets]
    content, _ = net.update_all(gadgets, "1.1.0", "--max-attempts", "2", size=FORGED_BYTES - len("GOOD 1.1.0\n"))
    fails(net, gadgets[0], "E_SHA256")
    fails(net, gadgets[1], "E_SIGNATURE")
    assert [untouched(gadget) for gadget in gadgets[:2]] == before[:2]
    assert gadgets[1].upgrade()["attempt"] == "1", "a wrong signature is permanent"
    net.all_succeed(gadgets[2:], "1.1.0", content)
    net.next_honest_update(*gadgets)


def by_cache(answer):
    """A poisoned cache: who asks past it gets the truth."""
    return lambda request: (pass_on if request.headers.get("cache-control") == "no-cache" else answer)(request)


def etag_changes():
    """With another ETag for each request, and after the first with other bytes: they must not be appended to the old."""
    count = itertools.count()

    def answer(request):
        number = next(count)
        yield part(request, etag=f'"{number}"')
        yield request.body[::-1] if number else request.body
    return answer


def truncated(request):
    yield part(request)
    yield request.body[:-len(request.body) // 2]
    yield CUT


def in_circles(request):
    yield head(302, f"Location: {request.target}", "Content-Length: 0")


LIES = {"range": other_range, "ranges": two_content_ranges, "portal": two_hundred_of_something_else, "circle": in_circles, "etag": etag_changes()}
HARMLESS = {"whole": without_ranges, "chunked": chunked, "surplus": until_close_too_much}


def test_attack_17_http_tricks(net):
    """All of them at once, a device each. tests/unit/agent/test_fetch_attacks.py has every trick byte by byte."""
    liars = {name: net.gadget(f"a17{name}", model="a17", settings=QUICK) for name in LIES}
    others = {name: net.gadget(f"a17{name}", model="a17", settings=QUICK) for name in HARMLESS}
    cut = net.gadget("a17cut", model="a17")
    net.mirror.answers.update({f"a17{name}": answer for name, answer in {**LIES, **HARMLESS}.items()})
    net.mirror.answers["a17cut"] = lambda request: (truncated if len(net.mirror.asked("a17cut")) % 2 else pass_on)(request)
    content, _ = net.update_all([*liars.values(), *others.values(), cut], "1.1.0", "--max-attempts", "2", "--max-in-flight", "20")
    for name, gadget in liars.items():
        net.wait_state(gadget, "failed")
        assert gadget.upgrade()["error"] in ("E_DOWNLOAD_HTTP", "E_SIGNATURE", "E_SHA256", "E_INCOMPATIBLE", "E_CRC"), (name, gadget.upgrade())
        assert gadget.image("b") == b"" and gadget.version() == "1.0.0" and len(net.mirror.asked(gadget.name)) <= 40, name
    net.all_succeed([*others.values(), cut], "1.1.0", content)
    net.next_honest_update(*liars.values(), *others.values(), cut)
