"""Real agents that are killed, lose their broker, take deltas, and talk over TLS."""
import hashlib
import random
import subprocess
import time

import pytest

from gadget import Gadget
from shop import BEGUN, WAIT_S, Shop, shop  # noqa: F401
from stack import free_port, wait_until


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


@pytest.mark.parametrize("shop", [{"release.delta_from": 1}], indirect=True, ids=[""])
def test_a_delta_is_fetched_and_applied_to_the_running_slot(shop):
    gadget = shop.gadget("g0")
    first = shop.good_update(gadget, "1.1.0")
    second = b"GOOD 1.2.0\n" + first[11:100_000] + b"new" * 1000 + first[100_000:]
    shop.release("1.2.0", content=second)
    wait_until(lambda: shop.store.hget("drover:v1:release:gear:1.2.0", "delta_state:1.1.0") == "derived", WAIT_S, "the delta")
    shop.rollout("1.2.0")
    shop.wait_state(gadget, "succeeded", version="1.2.0")
    assert gadget.image() == second and gadget.version() == "1.2.0"
    assert "delta_from=1.1.0" in gadget.log() and not list((gadget.folder / "state").glob("*.journal")), gadget.log()[-3000:]


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
