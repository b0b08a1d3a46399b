"""Real agents against a real droverd, Mosquitto and Redis: they update, and go back when the image is no good."""
import json
import signal

from shop import WAIT_S, shop  # noqa: F401
from stack import wait_until


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


def test_attack_01_a_foreign_signature_is_refused_before_anything_is_written(shop):
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


def test_an_operator_takes_a_confirmed_version_back(shop):
    gadget = shop.gadget("g0")
    shop.good_update(gadget, "1.1.0")
    shop.stack.drover("device", "rollback", "g0")
    shop.wait_state(gadget, "rolled_back")
    assert gadget.version() == "1.0.0"
    shop.good_update(gadget, "1.2.0")


def test_going_back_with_a_permit(shop):
    signer, plan = shop.stack.signer, shop.stack.folder / "plan.json"
    signer.permit_key()
    shop.stack.processes[-1].signal(signal.SIGHUP)
    gadget = shop.gadget("g0", settings={"rollback.needs_permit": "true"})
    shop.good_update(gadget, "1.1.0")
    shop.stack.drover("device", "rollback", "g0")
    shop.wait_state(gadget, "failed")
    assert gadget.upgrade()["error"] == "E_DOWNGRADE" and "brings none" in gadget.upgrade()["note"] and gadget.version() == "1.1.0", gadget.upgrade()

    content = gadget.image()
    shop.release("1.2.0")
    permit = signer.permit("--model", "gear", "--to-version", "1.1.0", "--rollout", "forth", "--expires-in", "1h")
    plan.write_text(json.dumps({"schema": 1, "id": "forth", "model": "gear", "version": "1.2.0", "confirmations": 1, "supersede": True, "rollback": {"permit": permit},
                                "stages": [{"name": "all"}]}))
    shop.stack.drover("rollout", "start", plan)
    shop.wait_state(gadget, "succeeded", version="1.2.0")
    shop.stack.drover("rollout", "rollback", "forth")
    shop.wait_state(gadget, "rolled_back", version="1.2.0")
    assert gadget.version() == "1.1.0" and gadget.image() == content
    wait_until(lambda: shop.store.hget("drover:v1:rollout:forth", "state") == "rolled_back", WAIT_S, "the rollout to end")


def test_a_device_that_pulls(shop):
    gadget = shop.gadget("g0", settings={"agent.mode": "pull"})
    content = shop.release("1.1.0")
    shop.rollout("1.1.0", "--spread", "1s")
    shop.wait_state(gadget, "succeeded")
    assert gadget.image() == content and gadget.version() == "1.1.0"
    assert shop.store.hget("drover:v1:device:g0", "kind") == "simple"
    assert "event=notice " in gadget.log() and "upgrade=pull" in gadget.log()
