"""What droverd refuses because it does not verify, and the deltas it derives by itself."""
import hashlib
import json
import os
import pathlib
import random
import shutil
import signal
import time
import urllib.error
import urllib.request

import pytest

from stack import wait_until


class Releases:
    """Packages into the depot and releases out of them, over the API."""

    def __init__(self, stack):
        self.stack = stack
        self.headers = {"Authorization": "Bearer " + stack.token_file.read_text().strip()}

    def ask(self, method, path, body=None):
        content = body if isinstance(body, (bytes, type(None))) else json.dumps(body).encode()
        request = urllib.request.Request(self.stack.url(path), data=content, method=method, headers=self.headers)
        try:
            with urllib.request.urlopen(request, timeout=60) as answer:
                return answer.status, json.loads(answer.read()), answer.headers
        except urllib.error.HTTPError as error:
            return error.code, json.loads(error.read()), error.headers

    def upload(self, package):
        content = pathlib.Path(package).read_bytes()
        digest = hashlib.sha256(content).hexdigest()
        for offset in range(0, len(content), 1 << 20):
            status, value, _ = self.ask("PUT", f"/api/v1/uploads/{digest}?size={len(content)}&offset={offset}", content[offset:offset + (1 << 20)])
            assert status == 200, value
        return digest

    def post(self, digest, seconds=60, **more):
        """Says the same again while the answer is 202, as the command line does."""
        def answered():
            status, value, headers = self.ask("POST", "/api/v1/releases", {"sha256": digest, **more})
            assert status != 202 or (headers["Retry-After"] == "1" and value["state"] == "verifying")
            return status != 202 and (status, value)
        return wait_until(answered, seconds, "the release to be verified", interval=0.05)

    def add(self, package, *deltas):
        status, value = self.post(self.upload(package), deltas=[{"sha256": self.upload(delta)} for delta in deltas])
        assert status in (200, 201), value
        return value

    def refused(self, package, code, *deltas, where=None, **more):
        status, value = self.post(self.upload(package), deltas=[{"sha256": self.upload(delta)} for delta in deltas], **more)
        assert (status, value.get("code")) == (422, code), value
        assert where is None or value["where"] == where, value
        assert value["detail"].startswith(value["where"] + ": "), value
        return value

    def show(self, model, version):
        status, value, _ = self.ask("GET", f"/api/v1/releases/{model}/{version}")
        assert status == 200, value
        return value

    def settled(self, model, version, count=1, seconds=60):
        """The release once none of its deltas is left to be derived."""
        def done():
            release = self.show(model, version)
            states = [delta["state"] for delta in release["deltas"]]
            return len(states) >= count and not {"queued", "running"} & set(states) and release
        return wait_until(done, seconds, f"the deltas of {version} to be settled")


def begun(stack, **settings):
    stack.start_redis()
    stack.start_broker()
    stack.start_droverd(settings=settings)
    return Releases(stack)


@pytest.fixture
def releases(stack):
    return begun(stack)


def similar(seed, size=200_000, changes=0):
    """Bytes that do not compress, with some of them changed."""
    generator = random.Random(seed)
    image = bytearray(generator.randbytes(size))
    for _ in range(changes):
        image[generator.randrange(size)] ^= 0x55
    return bytes(image)


def changed(package, offset):
    """A copy with one bit turned and, so that this is not what is found, the right CRC behind it."""
    import zlib
    content = bytearray(package.read_bytes())
    content[offset] ^= 1
    content[-4:] = zlib.crc32(content[:-4]).to_bytes(4, "little")
    path = package.with_suffix(f".changed{offset}")
    path.write_bytes(content)
    return path


@pytest.mark.asan
def test_what_does_not_verify_is_refused(stack, releases):
    signer = stack.signer
    good = stack.package("esp32", "1.1.0", 50_000)
    releases.refused(stack.package("esp32", "1.2.0", 5000, key=""), "E_SIGNATURE")
    releases.refused(stack.package("esp32", "1.2.0", 5000, key=signer.stranger()), "E_SIGNATURE")
    releases.refused(stack.package("esp32", "1.2.0", 5000, key=signer.delta_key), "E_SIGNATURE")
    releases.refused(changed(good, good.stat().st_size - 100), "E_SHA256")
    releases.refused(stack.package("esp32", "1.2.0", 5000, options=["--expires-at", 1000]), "E_EXPIRED")
    garbage = stack.folder / "garbage"
    garbage.write_bytes(os.urandom(5000))
    releases.refused(garbage, "E_INCOMPATIBLE")
    cut = stack.folder / "cut"
    cut.write_bytes(good.read_bytes()[:-1])
    releases.refused(cut, "E_CRC")
    releases.refused(good, "E_INCOMPATIBLE", where="model", model="gateway")
    releases.refused(good, "E_INCOMPATIBLE", where="version", version="1.1.1")
    assert releases.ask("GET", "/api/v1/releases")[1]["items"] == []
    status, value, _ = releases.ask("POST", "/api/v1/rollouts", {"model": "esp32", "version": "1.1.0"})
    assert status == 404, value
    made = releases.add(good)
    assert made["version"] == "1.1.0" and len(made["manifest_sha256"]) == 64 and made["trust_version"] >= 1, made
    assert releases.post(made["sha256"])[0] == 200, "again is no error"


@pytest.mark.asan
def test_deltas_must_lead_to_the_release(stack, releases):
    signer = stack.signer
    old = stack.package("esp32", "1.0.0", image=similar(1))
    new = stack.package("esp32", "1.1.0", image=similar(1, changes=20))
    other = stack.package("esp32", "1.2.0", image=similar(1, changes=30))
    delta = signer.delta(old, new, stack.folder / "delta.dfw")
    wrong = signer.delta(old, other, stack.folder / "wrong.dfw")
    foreign = signer.delta(old, new, stack.folder / "foreign.dfw", key=signer.stranger())
    releases.refused(delta, "E_INCOMPATIBLE", where="sha256")
    releases.refused(new, "E_SHA256", wrong, where="deltas")
    releases.refused(new, "E_SIGNATURE", foreign)
    releases.refused(new, "E_INCOMPATIBLE", other, where="deltas")
    releases.refused(new, "E_DELTA_BASE", delta, delta, where="base_version")
    assert releases.ask("GET", "/api/v1/releases")[1]["items"] == []
    made = releases.add(new, delta)
    assert [(item["base_version"], item["state"]) for item in made["deltas"]] == [("1.0.0", "given")], made
    assert releases.post(made["sha256"])[0] == 409, "without its delta it is another content"


def test_without_a_trust_store_nothing_is_released(stack):
    releases = begun(stack, **{"release.trust": ""})
    status, value = releases.post(releases.upload(stack.package("esp32", "1.1.0", 5000)))
    assert status == 503 and value["where"] == "release.trust", value
    assert "no_trust_store" in (stack.folder / "drover-1.log").read_text()


@pytest.mark.asan
def test_a_revoked_key_ends_the_offer(world):
    stack, releases = world.stack, Releases(world.stack)
    device, late = world.device("d1"), world.device("d2", version="0.9.0")
    world.rollout("1.1.0", "--max-in-flight", 1)
    device.command()
    before = stack.signer.trust.read_text()
    trust_version = json.loads(before)["version"]
    stack.signer.revoke("release")
    world.droverd.signal(signal.SIGHUP)
    paused = wait_until(lambda: stack.drover_json("rollout", "show", "esp32-1.1.0")["state"] == "paused", 20, "the rollout to be paused")
    assert paused
    assert stack.drover_json("rollout", "show", "esp32-1.1.0")["why"] == "its release does not verify any more"
    release = releases.show("esp32", "1.1.0")
    assert release["refused"].startswith("E_SIGNATURE") and release["trust_version"] == trust_version + 1, release
    assert [event["on"] for event in releases.ask("GET", "/api/v1/events")[1]["items"] if event["kind"] == "alarm"] == ["release_refused"]
    assert world.ask(device) is None, "not even in the attempt it was told of"
    assert world.ask(late) is None
    explained = releases.ask("GET", "/api/v1/devices/d2")[1]["explain"]["next"]
    assert "paused" in explained, explained
    releases.ask("POST", "/api/v1/rollouts/esp32-1.1.0/resume")
    wait_until(lambda: stack.drover_json("rollout", "show", "esp32-1.1.0")["state"] == "paused", 20, "the rollout to be paused again")
    status, value, _ = releases.ask("POST", "/api/v1/rollouts", {"model": "esp32", "version": "1.1.0", "supersede": True})
    assert status == 409 and "does not verify" in value["detail"], value
    trusting = json.loads(before)
    trusting["version"] += 2
    stack.signer.trust.write_text(json.dumps(trusting))
    world.droverd.signal(signal.SIGHUP)
    wait_until(lambda: "refused" not in releases.show("esp32", "1.1.0"), 20, "the release to verify again")
    assert releases.ask("POST", "/api/v1/rollouts/esp32-1.1.0/resume")[0] == 200
    device.until("dispatched", "acknowledged")
    assert world.ask(device)["version"] == "1.1.0"


def test_a_bad_trust_file_changes_nothing(world):
    releases = Releases(world.stack)
    world.stack.signer.trust.write_text("{}")
    world.droverd.signal(signal.SIGHUP)
    wait_until(lambda: "reload_failed" in world.droverd.log_path.read_text(), 20, "the mistake to be told")
    releases.add(world.stack.package("esp32", "1.1.0", 5000))


def test_who_is_not_eligible_is_told_why(world):
    stack = world.stack
    Releases(stack).add(stack.package("esp32", "2.0.0", 5000, options=["--min-version", "1.5.0", "--hw-rev", "c3"]))
    assert stack.redis().hget("drover:v1:release:esp32:2.0.0", "hw_revs") == "c3"
    stack.drover("rollout", "start", "esp32", "2.0.0", "-o", "name")
    reasons = {"d1": ("1.4.9", {"hw_rev": "c3"}, "it runs a version from which the release cannot be reached"),
               "d2": ("1.5.0", {"hw_rev": "c4"}, "the release is not for its hardware"),
               "d3": ("1.5.0", {}, "it names none"),
               "d4": ("1.5.0", {"hw_rev": "c3"}, "rollout esp32-2.0.0")}
    for name, (version, facts, why) in reasons.items():
        device = world.device(name, version=version)
        device.beat(**facts)
        world.hand.settle()
        assert why in stack.drover_json("device", "show", name)["explain"]["next"] or device.state() != "none", name
        if name != "d4":
            assert device.state() == "none", name
    device.until("dispatched", beats=False)
    command = device.command(beats=False)
    assert command["manifest_sha256"] == stack.redis().hget("drover:v1:release:esp32:2.0.0", "manifest_sha256")


@pytest.mark.asan
def test_deltas_are_derived_and_given_to_who_can_use_them(world):
    stack, releases = world.stack, Releases(world.stack)
    on_base, elsewhere = world.device("d1", version="1.0.0"), world.device("d2", version="0.5.0")
    releases.add(stack.package("esp32", "1.0.0", image=similar(3)))
    releases.add(stack.package("esp32", "0.9.0", image=similar(4)))
    releases.settled("esp32", "0.9.0", count=0)
    releases.add(stack.package("esp32", "1.1.0", image=similar(3, changes=40)))
    release = releases.settled("esp32", "1.1.0", count=2)
    by_base = {delta["base_version"]: delta for delta in release["deltas"]}
    assert by_base["1.0.0"]["state"] == "derived" and by_base["1.0.0"]["size"] < 20_000, release
    assert by_base["0.9.0"]["state"] == "not_worth" and by_base["0.9.0"]["why"].endswith("of the full package"), release
    assert not list((stack.folder / "data/drover-1/work").iterdir()), "nothing is left where it was made"
    stack.drover("rollout", "start", "esp32", "1.1.0", "--spread", "0s", "-o", "name")
    command = on_base.command()
    assert command["delta"] and command["base_version"] == "1.0.0" and command["sha256"] == by_base["1.0.0"]["sha256"], command
    full = elsewhere.command()
    assert not full.get("delta") and full["sha256"] == release["sha256"], full
    assert command["manifest_sha256"] == full["manifest_sha256"] == release["manifest_sha256"]
    status, value = releases.post(release["sha256"], deltas=[{"sha256": by_base["1.0.0"]["sha256"]}])
    assert status == 200, value   # the derived delta verifies like a given one
    assert releases.post(release["sha256"])[0] == 200, "what was derived since is no other content"


def delta_of(releases, base="1.0.0", version="1.1.0"):
    return next(delta for delta in releases.show("esp32", version)["deltas"] if delta["base_version"] == base)


def until_delta(releases, state, why=""):
    return wait_until(lambda: (lambda delta: delta["state"] == state and why in delta.get("why", "") and delta)(delta_of(releases)), 60, f"the delta to be {state}")


def pair_added(stack, releases):
    releases.add(stack.package("esp32", "1.0.0", image=similar(7)))
    releases.add(stack.package("esp32", "1.1.0", image=similar(7, changes=30)))


def trust_changed(stack, droverd, change):
    """Writes the trust store with a higher version, and says so."""
    trust = json.loads(stack.signer.trust.read_text())
    change(trust)
    trust["version"] += 1
    stack.signer.trust.write_text(json.dumps(trust))
    droverd.signal(signal.SIGHUP)


def test_a_delta_without_a_key_is_derived_once_there_is_one(stack):
    releases = begun(stack, **{"release.delta_key": ""})
    pair_added(stack, releases)
    until_delta(releases, "skipped", "release.delta_key")
    droverd = next(process for process in stack.processes if process.name == "drover-1")
    assert droverd.stop() == 0
    stack.forget(droverd)
    stack.start_droverd()
    until_delta(releases, "derived")
    assert not stack.redis().exists("drover:priv:deltas")


def test_a_delta_without_a_key_is_derived_once_none_is_wanted(stack):
    releases = begun(stack, **{"release.delta_key": ""})
    pair_added(stack, releases)
    until_delta(releases, "skipped", "release.delta_key")
    trust_changed(stack, stack.processes[-1], lambda trust: trust["thresholds"].update(delta=0))
    until_delta(releases, "derived")


@pytest.mark.asan
def test_a_revoked_delta_key_takes_deltas_away_until_there_is_another(stack, releases):
    pair_added(stack, releases)
    sha256 = until_delta(releases, "derived")["sha256"]
    keys = lambda trust: next(key for key in trust["keys"] if key["name"] == "delta")
    before = json.loads(stack.signer.trust.read_text())
    stack.signer.revoke("delta")
    stack.processes[-1].signal(signal.SIGHUP)
    assert "sha256" not in until_delta(releases, "failed", "E_SIGNATURE")
    assert "refused" not in releases.show("esp32", "1.1.0"), "the release itself is as good as before"
    trust_changed(stack, stack.processes[-1], lambda trust: (trust["keys"].remove(keys(trust)), trust["keys"].append(keys(before))))
    assert until_delta(releases, "derived")["sha256"] == sha256


def test_a_key_whose_time_is_over_ends_the_offer(stack, releases):
    pair_added(stack, releases)
    end_ms = int(time.time() * 1000) + 8000
    trust_changed(stack, stack.processes[-1], lambda trust: trust["keys"][0].update(not_after=end_ms))
    assert json.loads(stack.signer.trust.read_text())["keys"][0]["name"] == "release"
    both = ("1.0.0", "1.1.0")
    version = json.loads(stack.signer.trust.read_text())["version"]
    wait_until(lambda: all(releases.show("esp32", each)["trust_version"] == version for each in both), 8, "both to be verified again")
    assert not any("refused" in releases.show("esp32", each) for each in both) or time.time() * 1000 > end_ms
    wait_until(lambda: all(releases.show("esp32", each).get("refused", "").startswith("E_SIGNATURE") for each in both), 40, "the key's end to be noticed")
    assert time.time() * 1000 > end_ms
    assert stack.metrics()["drover_releases_judged_total"] == 4, "each once for the trust store and once for the time"


def test_what_was_mended_in_the_depot_is_released_again(stack, releases):
    package = stack.package("esp32", "1.1.0", 50_000)
    digest = releases.add(package)["sha256"]
    lies = stack.folder / "data/artifacts" / digest[:2] / digest
    lies.rename(stack.folder / "away")
    trust_changed(stack, stack.processes[-1], lambda trust: None)
    wait_until(lambda: "not in the depot" in releases.show("esp32", "1.1.0").get("refused", ""), 30, "the loss to be noticed")
    (stack.folder / "away").rename(lies)
    assert releases.post(digest)[0] == 422, "what was found is remembered for a while"
    stack.processes[-1].signal(signal.SIGHUP)
    wait_until(lambda: releases.post(digest)[0] == 200, 30, "it to be looked at again", interval=0.2)
    assert "refused" not in releases.show("esp32", "1.1.0")


def worker_pids(parent):
    """droverd's workers."""
    found = []
    for folder in pathlib.Path("/proc").glob("[0-9]*"):
        try:
            words = (folder / "cmdline").read_bytes().split(b"\0")
            status = (folder / "stat").read_text().rsplit(")", 1)[1].split()
        except OSError:
            continue   # it ended meanwhile
        if int(status[1]) == parent and b"--worker" in words:
            found.append(int(folder.name))
    return found


def kill_worker(droverd, times):
    """Kills the next `times` workers that droverd begins."""
    for _ in range(times):
        pid = wait_until(lambda: worker_pids(droverd.pid), 30, "a worker", interval=0.001)[0]
        try:
            os.kill(pid, signal.SIGKILL)
        except ProcessLookupError:
            continue
        wait_until(lambda: pid not in worker_pids(droverd.pid), 20, "it to be gone", interval=0.001)


def test_a_big_package_delays_nothing_and_a_killed_worker_is_repeated(world):
    stack, releases = world.stack, Releases(world.stack)
    device = world.device("d1")
    package = stack.package("esp32", "1.1.0", 96 << 20)
    digest = releases.upload(package)
    late = lambda: sum(stack.metrics()[name] * sign for name, sign in (('drover_loop_lag_seconds_count', 1), ('drover_loop_lag_seconds_bucket{le="0.262144"}', -1)))
    late_before = late()
    assert releases.ask("POST", "/api/v1/releases", {"sha256": digest})[0] == 202
    kill_worker(world.droverd, 1)
    slowest, begin = 0, time.monotonic()
    while releases.ask("POST", "/api/v1/releases", {"sha256": digest})[0] == 202:
        asked = time.monotonic()
        device.beat()
        world.hand.settle()
        slowest = max(slowest, time.monotonic() - asked)
        assert time.monotonic() - begin < 120
    assert releases.show("esp32", "1.1.0")["size"] > 96 << 20
    metrics = stack.metrics()
    assert metrics["drover_workers_crashed_total"] >= 1, metrics
    assert metrics['drover_workers_begun_total{job="verify"}'] == metrics["drover_workers_crashed_total"] + 1
    assert late() == late_before, "the loop was late while the worker read"
    assert slowest < 5, slowest


def test_a_worker_that_never_answers_refuses_the_package(stack, releases):
    droverd = next(process for process in stack.processes if process.name == "drover-1")
    digest = releases.upload(stack.package("esp32", "1.1.0", 64 << 20))
    assert releases.ask("POST", "/api/v1/releases", {"sha256": digest})[0] == 202
    kill_worker(droverd, 3)
    status, value = releases.post(digest)
    assert (status, value["code"], value["where"]) == (422, "E_INTERNAL", "worker") and "signal 9" in value["detail"], value
    def again():
        return releases.post(digest)[0] == 201
    wait_until(again, 60, "the next try, when the answer has grown old", interval=1)


def test_a_worker_ends_with_its_time_and_keeps_to_its_memory(stack):
    releases = begun(stack, **{"release.worker_timeout_s": 1, "release.worker_memory_mib": 128})
    releases.add(stack.package("esp32", "1.0.0", image=similar(6, 24 << 20)))
    releases.add(stack.package("esp32", "1.1.0", image=similar(6, 24 << 20, 300)))
    delta = releases.settled("esp32", "1.1.0")["deltas"][0]
    assert delta["state"] in ("failed", "not_worth"), delta   # too little time, or stored in full for want of memory
    assert delta["state"] == "not_worth" or "took longer than 1 s" in delta["why"], delta
    metrics = stack.metrics()
    assert metrics["drover_workers_timed_out_total"] == (delta["state"] == "failed") and metrics["drover_workers_crashed_total"] == 0


def test_workers_are_the_droverd_that_runs_whatever_lies_under_its_name(stack):
    programs, copy = stack.program, stack.folder / "droverd"
    shutil.copy(programs("droverd"), copy)
    stack.program = lambda name: copy if name == "droverd" else programs(name)
    releases = begun(stack)
    copy.unlink()
    copy.write_text("#!/bin/false\n")   # an upgrade that has not been started yet
    copy.chmod(0o755)
    pair_added(stack, releases)
    until_delta(releases, "derived")
    assert stack.metrics()["drover_workers_crashed_total"] == 0


@pytest.mark.asan
def test_deltas_go_on_after_a_kill(stack):
    releases = begun(stack)
    images = [similar(5, 24 << 20, changes) for changes in (0, 500)]
    releases.add(stack.package("esp32", "1.0.0", image=images[0]))
    releases.add(stack.package("esp32", "1.1.0", image=images[1]))
    droverd = next(process for process in stack.processes if process.name == "drover-1")
    wait_until(lambda: releases.show("esp32", "1.1.0")["deltas"][0]["state"] == "running", 30, "the derivation to begin", interval=0.01)
    pids = worker_pids(droverd.pid)
    droverd.kill()
    stack.forget(droverd)
    assert pids, "it ended before it could be killed: the image is too small"
    wait_until(lambda: not any(pathlib.Path(f"/proc/{pid}").exists() for pid in pids), 20, "the orphan to end")
    assert stack.redis().hget("drover:v1:release:esp32:1.1.0", "delta_state:1.0.0") == "running"
    stack.start_droverd()
    release = releases.settled("esp32", "1.1.0", seconds=180)
    assert release["deltas"][0]["state"] == "derived", release
    assert not stack.redis().exists("drover:priv:deltas")


@pytest.mark.parametrize("trusted", [True, False], ids=["trusted", "foreign"])
def test_devices_verify_for_themselves(world, trusted):
    """Whatever the server believes: a device goes by its own trust store, and says what is wrong."""
    stack = world.stack
    signer = stack.signer
    other = signer.folder / "other.json"
    signer.stranger()
    signer.drover("key", "trust", signer.folder / "stranger.pub", "--trust", other, "--role", "package", "-q")
    sim = stack.start_sim("--devices", 20, "--models", "esp32=1.0.0", "--heartbeat-ms", 500, "--step-ms", 200, "--reboot-ms", 200,
                          *([] if trusted else ["--trust", other]))
    wait_until(lambda: int(world.store.hget("drover:v1:model:esp32", "devices") or 0) == 20, 30, "the fleet", alive=[sim])
    rollout = world.rollout("1.1.0", "--max-attempts", 1, size=300_000)
    wait_until(lambda: stack.drover_json("rollout", "show", rollout)["settled"], 60, "the rollout to end", alive=[sim], interval=0.3)
    shown = stack.drover_json("rollout", "show", rollout)
    states, errors = ({name: count for name, count in shown[part].items() if count} for part in ("states", "errors"))
    assert (states, errors) == (({"succeeded": 20}, {}) if trusted else ({"failed": 20}, {"E_SIGNATURE": 20})), shown
