"""Real agents against a real droverd, Mosquitto and Redis: they update, go back when the image is no good, and survive what kills them."""
import hashlib
import os
import random
import subprocess
import time

import pytest

from fleet import FAST, check_aggregates, check_histories
from gadget import Gadget, image
from stack import free_port, wait_until

WAIT_S = 60
BEGUN = ("dispatched", "acknowledged", "downloading", "installing", "verifying", "succeeded")
SERVER = {**FAST, "release.delta_from": 0, "flow.pending_ms": 200, "flow.retry_base_ms": 50, "flow.retry_cap_ms": 200, "flow.acknowledge_ms": 2000}


class Shop:
    """A running Drover and its gadgets."""

    def __init__(self, stack, settings, broker=""):
        self.stack, self.gadgets = stack, []
        stack.start_redis()
        stack.start_broker(broker)
        stack.start_droverd(settings={**SERVER, **settings})
        self.store = stack.redis()

    def gadget(self, name, **options):
        gadget = Gadget(self.stack, name, **options)
        self.gadgets.append(gadget)
        wait_until(lambda: self.store.hget(f"drover:v1:device:{name}", "version") == "1.0.0", WAIT_S, f"{name} to be known\n{gadget.failure}")
        return gadget

    def release(self, version, word="GOOD", size=200_000, model="gear", content=None, **signing):
        content = content or image(word, version, size)
        self.stack.drover("release", "add", self.stack.package(model, version, image=content, **signing), "-q")
        return content

    def rollout(self, version, *options, model="gear"):
        return self.stack.drover("rollout", "start", model, version, "--soak", "0s", "--confirmations", "1", "--error-budget", "100", "--supersede", "-o", "name", *options).stdout.strip()

    def wait_state(self, gadget, *states, version=None, seconds=WAIT_S):
        def there():
            gadget.check()
            upgrade = gadget.upgrade()
            return upgrade.get("state") in states and version in (None, upgrade["version"])
        try:
            wait_until(there, seconds, f"{gadget.name} to be {states}")
        except Exception:
            print(f"--- {gadget.name}: {gadget.upgrade()}\n{gadget.log()[-6000:]}")
            raise

    def good_update(self, gadget, version):
        """After whatever happened the next good update works as ever."""
        content = self.release(version)
        self.rollout(version)
        self.wait_state(gadget, "succeeded", version=version)
        assert gadget.version() == version and gadget.image() == content
        return content

    def close(self):
        for gadget in self.gadgets:
            gadget.stop()
        for gadget in self.gadgets:
            gadget.check()


@pytest.fixture
def shop(stack, request):
    shop = Shop(stack, getattr(request, "param", {}))
    yield shop
    shop.close()
    check_aggregates(shop.store)
    check_histories(shop.store)


def memory_kib(pid, what):
    """0 when the process is gone meanwhile."""
    try:
        with open(f"/proc/{pid}/status", encoding="ascii") as status:
            return next((int(line.split()[1]) for line in status if line.startswith(what)), 0)
    except OSError:
        return 0


def test_a_fleet_of_three_updates_and_a_bad_image_goes_back(shop):
    gadgets = [shop.gadget(f"g{i}") for i in range(3)]
    good = shop.release("1.1.0")
    shop.rollout("1.1.0")
    for gadget in gadgets:
        shop.wait_state(gadget, "succeeded")
        assert gadget.image() == good and gadget.version() == "1.1.0" and gadget.boots == 2
    assert shop.store.hget("drover:v1:device:g0", "kind") == "managed" and shop.store.hget("drover:v1:device:g0", "slot") == "b"
    assert "release counter: 0" not in gadgets[0].ask("status").stdout, "the counter rises with the confirmation"

    for gadget in gadgets:
        gadget.settings["health.total_s"] = 2     # from the next start on: the test need not wait longer for what never gets well
    shop.release("1.2.0", "SICK")
    shop.rollout("1.2.0")
    for gadget in gadgets:
        shop.wait_state(gadget, "rolled_back", version="1.2.0")
        assert gadget.version() == "1.1.0" and gadget.image() == good
        assert gadget.upgrade()["error"] == "E_HEALTHCHECK", gadget.upgrade()
        assert "exit code 1" in gadget.log()
    for gadget in gadgets:
        assert shop.store.hget(f"drover:v1:device:{gadget.name}", "version") == "1.1.0"
        gadget.settings["health.total_s"] = 30
    shop.good_update(gadgets[0], "1.3.0")


def test_a_boot_loop_falls_back_without_the_agent(shop):
    gadget = shop.gadget("g0")
    shop.release("1.1.0", "DEAD")
    shop.rollout("1.1.0", "--max-attempts", "1")
    shop.wait_state(gadget, "rolled_back")
    assert gadget.boots == 1 + 3 + 1 and gadget.version() == "1.0.0"
    assert "on=FELL_BACK" in gadget.log() and "error=E_BOOT" in gadget.log()
    shop.good_update(gadget, "1.2.0")


def test_an_image_that_lies_about_its_version_goes_back(shop):
    gadget = shop.gadget("g0", settings={"health.command": "true", "health.total_s": 2})
    shop.release("1.1.0", "FALSE")
    shop.rollout("1.1.0")
    wait_until(lambda: "on=CAME_BACK" in gadget.log(), WAIT_S, "the device to go back")
    wait_until(lambda: gadget.version() == "1.0.0", WAIT_S, "the old version")
    assert "another version" in gadget.log()


def test_a_foreign_signature_is_refused_before_anything_is_written(shop):
    gadget = shop.gadget("g0")
    # the device believes other keys than the server: what the server passed is foreign to it
    stranger = shop.stack.folder / "other-trust.json"
    key, public = shop.stack.folder / "other.pem", shop.stack.folder / "other.pub"
    shop.stack.signer.drover("key", "generate", key, "--public", public, "-q")
    shop.stack.signer.drover("key", "trust", public, "--trust", stranger, "--role", "package", "--name", "other", "-q")
    gadget.settings["trust.file"] = stranger
    gadget.strike("crash")
    wait_until(lambda: gadget.starts == 2, WAIT_S, "the agent to start again")
    before = gadget.digest("a")
    shop.release("1.1.0")
    shop.rollout("1.1.0")
    shop.wait_state(gadget, "failed")
    assert gadget.upgrade()["error"] == "E_SIGNATURE" and gadget.image("b") == b"" and gadget.digest("a") == before
    assert not list((gadget.folder / "state").glob("package*")), "nothing of it is kept"
    assert "to=installing" not in gadget.log()


def test_cancel_ends_a_download_at_once(shop):
    gadget = shop.gadget("g0", settings={"depot.bandwidth_bytes_s": 20_000, "depot.min_bytes_s": 0})
    shop.release("1.1.0", size=2_000_000)
    rollout = shop.rollout("1.1.0")
    shop.wait_state(gadget, "downloading")
    shop.stack.drover("rollout", "cancel", rollout)
    wait_until(lambda: "error=E_CANCELLED" in gadget.log(), 10, "the agent to stop")
    assert "to=installing" not in gadget.log() and gadget.image("b") == b""
    assert gadget.state() == "cancelled"
    wait_until(lambda: "state: idle" in gadget.ask("status").stdout and "not been reported" not in gadget.ask("status").stdout, WAIT_S, "the outcome to be said")


def test_the_broker_goes_away_during_the_update(shop):
    gadget = shop.gadget("g0", settings={"depot.bandwidth_bytes_s": 300_000, "health.total_s": 30})
    content = shop.release("1.1.0", size=900_000)
    shop.rollout("1.1.0")
    shop.wait_state(gadget, "downloading")
    broker = next(process for process in shop.stack.processes if process.name == "mosquitto")
    broker.kill()
    shop.stack.forget(broker)
    wait_until(lambda: "to=checking" in gadget.log(), WAIT_S, "the agent to go on alone, up to the check")
    assert "on=CONFIRMED" not in gadget.log(), "an image that does not reach the broker is not confirmed"
    shop.stack.start_broker()
    shop.wait_state(gadget, "succeeded")
    assert gadget.image() == content


def test_an_operator_takes_a_confirmed_version_back(shop):
    gadget = shop.gadget("g0")
    shop.good_update(gadget, "1.1.0")
    shop.stack.drover("device", "rollback", "g0")
    shop.wait_state(gadget, "rolled_back")
    assert gadget.version() == "1.0.0"
    shop.good_update(gadget, "1.2.0")


def test_killed_at_twenty_random_moments(shop):
    seed = random.randrange(1 << 32)
    print("seed", seed)
    dice = random.Random(seed)
    gadget = shop.gadget("g0", settings={"depot.bandwidth_bytes_s": 1_000_000, "reboot.delay_ms": 100, "health.total_s": 20})
    known = {hashlib.sha256(b"GOOD 1.0.0\n").hexdigest()}
    kills, version = 0, 0
    while kills < 20:   # three upgrades
        version += 1
        content = shop.release(f"1.{version}.0", size=600_000)
        known.add(hashlib.sha256(content).hexdigest())
        shop.rollout(f"1.{version}.0", "--max-attempts", "50")
        shop.wait_state(gadget, *BEGUN, version=f"1.{version}.0")
        for _ in range(7):
            time.sleep(dice.uniform(0.02, 0.5))   # the moment of the blow, not a wait for anything
            gadget.strike(dice.choice(["cut", "crash"]))
            starts = gadget.starts
            kills += 1
            wait_until(lambda: gadget.starts > starts or gadget.failure, WAIT_S, "the agent to start again")
            gadget.check()
            assert gadget.digest() in known, "what runs is whole, old or new"
        shop.wait_state(gadget, "succeeded", "rolled_back", "failed", version=f"1.{version}.0")
        assert gadget.digest() in known
    shop.good_update(gadget, "2.0.0")


def test_memory_while_downloading_and_installing(shop, record_property):
    """The agent's own memory; pages of shared libraries, which other programs of a device have in memory anyway, are measured and told."""
    if memory_kib("self", "VmRSS") and "ASAN_OPTIONS" in os.environ:
        pytest.skip("a sanitizer's memory is not the agent's")
    gadget = shop.gadget("g0", settings={"depot.bandwidth_bytes_s": 4_000_000})
    shop.release("1.1.0", size=8_000_000)
    shop.rollout("1.1.0")
    own = resident = 0

    def switched():
        nonlocal own, resident
        own, resident = max(own, memory_kib(gadget.agent.pid, "RssAnon")), max(resident, memory_kib(gadget.agent.pid, "VmHWM"))
        return "to=switched" in gadget.log()
    wait_until(switched, WAIT_S, "the installation", interval=0.005)
    record_property("own_kib", own)
    record_property("resident_kib", resident)
    print("KiB of its own", own, "resident with libraries", resident)
    assert 0 < own < 4096, "no growth with the size of the package"
    shop.wait_state(gadget, "succeeded")


@pytest.mark.parametrize("shop", [{"release.delta_from": 1}], indirect=True, ids=[""])
def test_a_delta_is_fetched_and_applied_to_the_running_slot(shop):
    gadget = shop.gadget("g0")
    first = shop.good_update(gadget, "1.1.0")
    second = b"GOOD 1.2.0\n" + first[11:100_000] + b"new" * 1000 + first[100_000:]
    shop.release("1.2.0", content=second)
    wait_until(lambda: shop.stack.drover("release", "show", "gear", "1.2.0").stdout.count("1.1.0"), WAIT_S, "the delta")
    shop.rollout("1.2.0")
    shop.wait_state(gadget, "succeeded", version="1.2.0")
    assert gadget.image() == second and gadget.version() == "1.2.0"
    assert "delta_from=1.1.0" in gadget.log() and not list((gadget.folder / "state").glob("*.journal")), gadget.log()[-3000:]


def test_a_device_that_pulls(shop):
    gadget = shop.gadget("g0", settings={"agent.mode": "pull"})
    content = shop.release("1.1.0")
    shop.rollout("1.1.0", "--spread", "1s")
    shop.wait_state(gadget, "succeeded")
    assert gadget.image() == content and gadget.version() == "1.1.0"
    assert shop.store.hget("drover:v1:device:g0", "kind") == "simple"
    assert "event=notice " in gadget.log() and "upgrade=pull" in gadget.log()


def certificates(folder, *names):
    """A certificate authority of its own, and a certificate for each name, all by openssl. -> folder"""
    def openssl(*arguments):
        subprocess.run(["openssl", *map(str, arguments)], check=True, capture_output=True, cwd=folder)
    folder.mkdir()
    openssl("req", "-x509", "-newkey", "ec", "-pkeyopt", "ec_paramgen_curve:P-256", "-nodes", "-keyout", "ca.key", "-out", "ca.pem", "-days", "2", "-subj", "/CN=test authority")
    for name in names:
        (folder / f"{name}.ext").write_text(f"subjectAltName=DNS:{name}\n")
        openssl("req", "-newkey", "ec", "-pkeyopt", "ec_paramgen_curve:P-256", "-nodes", "-keyout", f"{name}.key", "-out", f"{name}.csr", "-subj", f"/CN={name}")
        openssl("x509", "-req", "-in", f"{name}.csr", "-CA", "ca.pem", "-CAkey", "ca.key", "-CAcreateserial", "-days", "2", "-extfile", f"{name}.ext", "-out", f"{name}.pem")
    return folder


def test_over_tls_with_a_certificate_of_its_own(stack):
    ours, foreign = certificates(stack.folder / "ours", "localhost", "elsewhere", "g0"), certificates(stack.folder / "foreign", "g0")
    port, misnamed = free_port(), free_port()
    broker = "".join(f"listener {number} 127.0.0.1\nrequire_certificate true\nuse_identity_as_username true\ncafile {ours}/ca.pem\n"
                     f"certfile {ours}/{name}.pem\nkeyfile {ours}/{name}.key\n" for number, name in ((port, "localhost"), (misnamed, "elsewhere")))
    shop = Shop(stack, {}, broker)

    def tls(folder, number):
        return {"mqtt.url": f"ssl://localhost:{number}", "tls.ca_file": folder / "ca.pem", "tls.certificate_file": folder / "g0.pem", "tls.key_file": folder / "g0.key"}
    try:
        # who does not prove to be the broker, or to be g0, is not talked to
        for name, settings in (("another authority", tls(foreign, port)), ("another name", tls(ours, misnamed)),
                               ("a foreign certificate", {**tls(foreign, port), "tls.ca_file": ours / "ca.pem"})):
            gadget = Gadget(stack, "g0", settings=settings)
            wait_until(lambda: "event=broker_unreachable" in gadget.log(), WAIT_S, f"{name} to be refused")
            gadget.stop()
            print(name, [line for line in gadget.log().splitlines() if "broker_unreachable" in line][0])
            assert "broker_reached" not in gadget.log(), name
            gadget.scrap()
        gadget = shop.gadget("g0", settings=tls(ours, port))
        shop.good_update(gadget, "1.1.0")
    finally:
        shop.close()
