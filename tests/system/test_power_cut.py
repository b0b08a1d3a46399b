"""Attack 15: the power goes at every step. A whole drover-agent makes a whole upgrade (command, download, installation, switch, reboot, health check,
confirmation, report) on real slots, and dies at each call that changes its disk: one device a call and a way to die. Whatever the call was, the next boot is on a
whole image, the upgrade comes to its end, and the next one succeeds."""
import collections
import concurrent.futures
import contextlib
import dataclasses
import hashlib
import os
import pathlib
import time

import pytest

from power_cuts import Bench, Cut, Device, Release

# killed: the agent dies, the device stays on, every byte is kept. The others are the power: tests/fault/README.md; torn: only where the call is a write.
MODES = os.environ.get("DROVER_FAULT_MODES", "killed torn data all some").split()
WORKERS = 6
RUNS_MAX = 4                 # of a point that is not reached: a run may need a write less than the recorded one, as the network cuts the download into pieces
NOT_REACHED_MAX = 0.05       # of the points
SICK = {"health.passes": 1, "health.interval_ms": 300, "health.total_s": 1}


@dataclasses.dataclass
class Stage:
    """One process of the recorded upgrade: what the device was when it began, and what it did to the disk."""
    kind: str
    disk: pathlib.Path
    power: tuple
    calls: list = dataclasses.field(default_factory=list)


@dataclasses.dataclass
class Story:
    name: str
    release: Release
    follow: Release
    old: bytes                       # image that runs before
    outcome: tuple = ("succeeded", "")
    options: dict = dataclasses.field(default_factory=dict)
    stages: list = dataclasses.field(default_factory=list)

    @property
    def final(self):
        return self.release.image if self.outcome[0] == "succeeded" else self.old


def digest(content):
    return hashlib.sha256(content).hexdigest()


@pytest.fixture
def bench(stack, capsys):
    shim = os.environ.get("DROVER_FAULT_SHIM", str(stack.build / "tests/fault/libdrover-fault.so"))
    bench = Bench(stack, shim)

    def tell(text):
        with capsys.disabled():
            print(text, flush=True)
    bench.tell = tell
    yield bench
    bench.close()


@pytest.fixture
def releases(bench):
    """Makes releases, whose depots end with the test."""
    with contextlib.ExitStack() as depots:
        def make(*words, **options):
            release = Release(bench.stack, *words, **options)
            depots.enter_context(release.depot)
            return release
        yield make


def record(bench, story, first=None):
    """The upgrade once, undisturbed; after it the device holds what it should."""
    device = Device(bench, f"record-{story.name}", **story.options)
    device.boot()
    if first:
        device.order(first)
        device.live()
        device.stop_agent()
        device.boot()
    device.order(story.release)
    how = ""
    while how != "settled":
        kind = "boot" if how == "rebooted" else "agent"
        story.stages.append(Stage(kind, device.copy_disk(f"{story.name}-{len(story.stages)}"), device.power()))
        how = device.boot(Cut()) if kind == "boot" else device.run_agent(Cut())
        story.stages[-1].calls = device.calls()
    device.check_outcome(*story.outcome)
    assert device.image() == story.final
    device.drop()


def check_at_rest(device, content):
    """Nothing is left of the upgrade but its image."""
    assert device.image() == content, "another image than it should be runs"
    left = {path.name for path in (device.disk / "state").iterdir()}
    assert left <= {"upgrade.log", "device.json", "device.json.copy", "history.log"}, f"left behind: {left}"
    assert {path.name for path in (device.disk / "slots").iterdir()} <= {"a", "b", "boot.state", "boot.state.copy"}


def die_and_rise(device, story, stage, cut):
    """False: this run had fewer calls than the recorded one."""
    device.order(story.release)
    if (device.boot(cut) if stage.kind == "boot" else device.run_agent(cut)) != "cut":
        return False
    if cut.restarts and stage.kind == "agent":
        device.seen.append(digest(device.image()))
    else:
        device.boot()
    device.live()
    assert set(device.seen) <= {digest(story.old), digest(story.release.image)}, "an image ran that is neither the old one nor the new one"
    device.check_outcome(*story.outcome)
    check_at_rest(device, story.final)
    return True


def next_upgrade(device, story):
    device.seen.clear()
    device.set("health.total_s", 30)             # from the next start on
    device.set("health.interval_ms", 100)
    device.order(story.follow)
    device.live()
    device.check_outcome("succeeded", "")
    assert set(device.seen) <= {digest(story.final), digest(story.follow.image)}
    check_at_rest(device, story.follow.image)


def run_point(bench, story, *point):
    """-> None: the device survived. "not reached", or what is wrong."""
    results = (run_once(bench, story, run, *point) for run in range(RUNS_MAX))
    return next((result for result in results if result != "not reached"), "not reached")


def run_once(bench, story, run, number, mode, at):
    stage = story.stages[number]
    device = Device(bench, f"{story.name}-{number}-{mode}-{at}-{run}", disk=stage.disk, **story.options)
    device.power(stage.power)
    try:
        if not die_and_rise(device, story, stage, Cut(mode, at)):
            return "not reached"
        next_upgrade(device, story)
    except Exception as error:                   # told with all others at the end
        return f"{story.name}, process {number + 1} ({stage.kind}), call {at} ({stage.calls[at - 1]}), mode {mode}: {error!r}\n{device.log_tail()}"
    finally:
        device.drop()
    return None


def run_story(bench, story, stages=None, workers=WORKERS):
    """Every call of every process, every way to die. Returns how many points each mode had."""
    began = time.monotonic()
    points = [(number, mode, at) for number in stages or range(len(story.stages)) for mode in MODES
              for at, call in enumerate(story.stages[number].calls, 1) if mode != "torn" or call.startswith("write ")]
    with concurrent.futures.ThreadPoolExecutor(workers) as pool:
        results = list(pool.map(lambda point: run_point(bench, story, *point), points))
    bad = [result for result in results if result and result != "not reached"]
    missed = results.count("not reached")
    counts = collections.Counter(mode for (_, mode, _), result in zip(points, results) if result is None)
    processes = ", ".join(f"{stage.kind} {len(stage.calls)}" for stage in story.stages)
    bench.tell(f"{story.name}: calls by process: {processes}; survived {sum(counts.values())} of {len(points)}: {dict(counts)}; not reached {missed}; "
               f"{time.monotonic() - began:.1f} s")
    assert not bad, f"{len(bad)} of {len(points)} points:\n" + "\n".join(bad[:5])
    assert missed <= NOT_REACHED_MAX * len(points)
    return counts


def test_attack_15_the_power_goes_at_every_step_of_a_good_upgrade(bench, releases):
    story = Story("good", releases("1.1.0"), releases("1.2.0"), bench.factory)
    record(bench, story)
    run_story(bench, story)


def test_attack_15_the_power_goes_at_every_step_back_from_a_bad_release(bench, releases):
    """Before its first start a bad release is as any other: the points begin with its health check."""
    story = Story("bad", releases("1.1.0", "SICK"), releases("1.2.0"), bench.factory, ("rolled_back", "E_HEALTHCHECK"), {"settings": SICK})
    record(bench, story)
    run_story(bench, story, range(2, len(story.stages)), workers=3 * WORKERS)


def test_attack_15_the_power_goes_at_every_step_of_a_delta(bench, releases):
    first = releases("1.1.0")
    image = b"GOOD 1.2.0\n" + first.image[11:20_000] + os.urandom(2000) + first.image[20_000:]
    story = Story("delta", releases("1.2.0", image=image, base=first), releases("1.3.0"), first.image)
    record(bench, story, first)
    run_story(bench, story)


def test_attack_15_the_power_goes_at_every_step_on_block_devices(bench, releases):
    """Behind the installation it is the same boot.state as with files: the points are those of the first process."""
    story = Story("block", releases("1.1.0"), releases("1.2.0"), bench.factory, options={"backend": "block"})
    record(bench, story)
    run_story(bench, story, range(1))
