"""Who is faster: operators against the engine and against each other, with two droverd on one Redis; and a leader that is killed at every move of a rollout.
What must hold: a rollout's entries in the stream are one chain of legal moves with revisions that rise by one, and every stage begins once."""
import json
import re
import threading
import time

import pytest

import bad_release
from fleet import FAST, ROOT, check_aggregates, check_histories, events_of
from stack import wait_until

MODEL, OLD, BAD, GOOD = bad_release.MODEL, bad_release.OLD, bad_release.BAD, bad_release.GOOD
SETTINGS = {**FAST, "flow.heartbeat_ms": 500, "flow.offline_after_ms": 2000, "flow.pending_ms": 300}
DEVICES = 48
STEPS = [10, 25, 50, 75]


def legal_moves():
    """(from, on) -> to of a rollout, read from the one table."""
    rows = re.findall(r"^MOVE\((\w+),\s*(\w+),\s*(\w+)\)", (ROOT / "orchestrator/core/rollout_fsm.def").read_text(), re.MULTILINE)
    assert len(rows) > 30
    return {(source.lower(), event.lower()): target.lower() for source, event, target in rows}


def chain_of(store, rollout):
    """Its entries in order, checked: each leaves the state that the one before led to, by a move of the table, one revision on."""
    chain = [event for _, event in events_of(store) if event["kind"] == "rollout" and event["rollout"] == rollout]
    assert chain[0]["on"] == "open"
    table = legal_moves()
    for before, event in zip(chain, chain[1:]):
        assert event["from"] == before["to"] and int(event["revision"]) == int(before["revision"]) + 1, (before, event)
        assert table.get((event["from"], event["on"])) == event["to"], f"no such move: {event}"
    return chain


def count(chain, on):
    return sum(event["on"] == on for event in chain)


class Shop:
    """Two droverd, a fleet and releases."""

    def __init__(self, stack, instances=("drover-1", "drover-2")):
        self.stack, self.instances, self.answers = stack, instances, {0}
        stack.start_redis()
        stack.start_broker()
        stack.signer.permit_key()
        self.settings = {**SETTINGS, "release.permit_key": stack.signer.permit_key(), **({"mqtt.share_group": "drover"} if len(instances) > 1 else {})}
        self.droverds = {name: stack.start_droverd(name, self.settings) for name in instances}
        self.sim = stack.start_sim(*bad_release.sim_arguments(DEVICES), "--seed", 3)
        self.store = stack.redis()
        wait_until(lambda: int(self.store.hget("drover:v1:fleet", "devices") or 0) == DEVICES, 30, "the fleet to be known", alive=[self.sim])

    def drover(self, *arguments, at=0, **options):
        return self.stack.drover(*arguments, instance=self.instances[at], **options)

    def start(self, name, version, **members):
        plan = {"schema": 1, "id": name, "model": MODEL, "version": version, "spread_s": 0, "confirmations": 1,
                "stages": [*({"name": f"to-{percent}", "percent": percent} for percent in STEPS), {"name": "all"}], **members}
        path = self.stack.folder / f"{name}.json"
        path.write_text(json.dumps(plan))
        code = self.drover("rollout", "start", path, "-q", check=False).returncode
        assert code in self.answers
        return path

    def show(self, name, at=0):
        return json.loads(self.drover("rollout", "show", name, "-o", "json", at=at).stdout)

    def wait_for(self, name, *states, seconds=90):
        wait_until(lambda: self.store.hget(f"drover:v1:rollout:{name}", "state") in states, seconds, f"{name} to be {' or '.join(states)}", alive=[self.sim])

    def versions(self):
        counts = self.store.hgetall(f"drover:v1:model:{MODEL}")
        return {field.partition(":")[2]: int(value) for field, value in counts.items() if field.startswith("version:") and int(value)}

    def check(self):
        """When nobody is under way any more."""
        live = {"pending", "dispatched", "acknowledged", "downloading", "installing", "verifying", "retry_wait", "held", "rolling_back"}
        wait_until(lambda: not live & {self.store.hget(key, "state") for key in self.store.scan_iter("drover:v1:upgrade:*", count=1000)}, 60, "all upgrades to end")
        check_histories(self.store)
        check_aggregates(self.store)


@pytest.fixture
def shop(stack):
    shop = Shop(stack)
    shop.stack.add_release(MODEL, GOOD, size=20_000)
    yield shop
    shop.check()


def at_once(*calls):
    """All of them, begun together; what they returned."""
    results, barrier = [None] * len(calls), threading.Barrier(len(calls))

    def run(i, call):
        barrier.wait()
        results[i] = call()

    threads = [threading.Thread(target=run, args=pair) for pair in enumerate(calls)]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()
    return results


def test_pauses_race_with_promotions(shop):
    """Two operators at two instances pause, resume and promote as fast as they can while the engine promotes."""
    shop.start("hurry", GOOD)
    refused, done = [], []

    def operate(at, orders):
        while not shop.store.hget("drover:v1:rollout:hurry", "state") == "completed" and len(done) < 60:
            for order in orders:
                code = shop.drover("rollout", order, "hurry", "-q", at=at, check=False).returncode
                (done if code == 0 else refused).append(code)

    at_once(lambda: operate(0, ("pause", "resume")), lambda: operate(1, ("promote", "pause", "resume")))
    shop.drover("rollout", "resume", "hurry", "-q", check=False)
    shop.wait_for("hurry", "completed")
    wait_until(lambda: shop.versions() == {GOOD: DEVICES}, 60, "everybody to be updated", alive=[shop.sim])
    chain = chain_of(shop.store, "hurry")
    assert count(chain, "pause") >= count(chain, "resume") > 0, "a promotion, too, ends a pause"
    assert count(chain, "promote") == len(STEPS) and count(chain, "complete") == 1, "each stage began once"
    assert set(refused) <= {4}, "what was not possible was refused with the code for it"
    assert int(shop.store.hget("drover:v1:rollout:hurry", "stage")) == len(STEPS) + 1


def test_two_promotions_of_one_stage(shop):
    """Both have seen the same stage, so one of them begins the next, and the other is refused: it does not pass a stage that nobody has looked at."""
    shop.start("twice", GOOD, stages=[{"name": f"s{number}", "count": 1, "promote": "manual"} for number in range(8)] + [{"name": "all"}])
    for number in range(2, 6):
        shop.store.execute_command("CLIENT", "PAUSE", 400, "ALL")   # both orders read before one of them is written
        codes = at_once(*[lambda at=at: shop.drover("rollout", "promote", "twice", "-q", at=at, check=False).returncode for at in range(2)])
        assert sorted(codes) == [0, 4] and shop.show("twice")["stage"] == number
    shop.drover("rollout", "cancel", "twice", "-q")


def test_two_editors_at_one_revision(shop):
    """The second one is refused, and what the first wrote stands."""
    path = shop.start("edited", GOOD, stages=[{"name": "first", "count": 1, "promote": "manual"}, {"name": "all"}])
    for round_number in range(4):
        revision, plans = shop.show("edited")["revision"], []
        for editor in range(2):
            plan = {**json.loads(path.read_text()), "limits": {"max_in_flight": 100 + 10 * round_number + editor}}
            plans.append(shop.stack.folder / f"edit-{editor}.json")
            plans[-1].write_text(json.dumps(plan))
        edits = at_once(*(lambda editor=editor: shop.drover("rollout", "edit", "edited", plans[editor], "--revision", revision, "-q", at=editor, check=False)
                          for editor in range(2)))
        assert sorted(edit.returncode for edit in edits) == [0, 4], [edit.stderr for edit in edits]
        winner = 0 if edits[0].returncode == 0 else 1
        assert shop.show("edited", at=1 - winner)["plan"]["limits"]["max_in_flight"] == 100 + 10 * round_number + winner
    chain = chain_of(shop.store, "edited")
    assert count(chain, "edit") == 4
    shop.drover("rollout", "cancel", "edited", "-q")


def test_an_abort_races_with_a_rollback(shop):
    """Devices are told to go back one by one; an abort in the middle ends that. Whoever was not told stays, and nobody is left in between."""
    shop.start("back", GOOD, stages=[{"name": "all"}])
    shop.wait_for("back", "completed")
    shop.drover("rollout", "rollback", "back", "-q")
    codes = [done.returncode for done in at_once(lambda: shop.drover("rollout", "cancel", "back", "-q", check=False),
                                                 lambda: shop.drover("rollout", "pause", "back", "-q", at=1, check=False),
                                                 lambda: shop.drover("rollout", "cancel", "back", "-q", at=1, check=False))]
    assert sorted([codes[0], codes[2]]) == [0, 4] and codes[1] in (0, 4), codes
    shop.wait_for("back", "cancelled")
    shop.check()
    chain = chain_of(shop.store, "back")
    assert chain[-1]["to"] == "cancelled" and count(chain, "cancel") == 1 and set(shop.versions()) <= {OLD, GOOD}


# --- kill -9 ---

class Reaper(threading.Thread):
    """Kills droverd as soon as the stream shows the next move of a rollout, and starts it again."""

    def __init__(self, shop):
        super().__init__(daemon=True)
        self.shop, self.ended, self.kills = shop, threading.Event(), []
        self.store = shop.stack.redis()
        self.last = "0-0"

    def run(self):
        while not self.ended.is_set():
            for _, entries in self.store.xread({"drover:v1:events": self.last}, count=100, block=200) or []:
                for entry, event in entries:
                    self.last = entry
                    if event["kind"] == "rollout" and event["instance"] != "-":
                        self.reap(event)

    def reap(self, event):
        name = self.shop.instances[0]
        self.shop.droverds[name].kill()
        self.shop.stack.forget(self.shop.droverds[name])
        self.kills.append(event["on"])
        self.shop.droverds[name] = self.shop.stack.start_droverd(name, self.shop.settings)

    def stop(self):
        self.ended.set()
        self.join(60)
        assert not self.is_alive()


def test_the_leader_dies_at_every_move_of_a_rollout(stack):
    """A bad rollout breaks its gate and goes back, then a good one with a start time goes through five stages; killed at each of their moves."""
    shop = Shop(stack, instances=("drover-1",))
    for version in (BAD, GOOD):
        stack.add_release(MODEL, version, size=20_000)
    shop.answers = {0, 6}   # who started a rollout may not hear of it: the server died when it was saved
    reaper = Reaper(shop)
    reaper.start()
    try:
        shop.start("bad", BAD, stages=[{"name": "canary", "count": 10}, {"name": "all"}],
                   gates=[{"measure": "failure_rate", "max_pct": 10, "min_sample": 8, "then": "roll_back"}])
        shop.wait_for("bad", "rolled_back")
        wait_until(lambda: shop.versions() == {OLD: DEVICES}, 60, "everybody to be back", alive=[shop.sim])
        wait_until(lambda: stack.ready(), 30, "droverd to be ready")
        shop.start("good", GOOD, start=int(time.time() * 1000) + 1500)
        shop.wait_for("good", "completed")
        wait_until(lambda: shop.versions() == {GOOD: DEVICES}, 60, "everybody to be updated", alive=[shop.sim])
    finally:
        reaper.stop()
    bad, good = chain_of(shop.store, "bad"), chain_of(shop.store, "good")
    assert [event["on"] for event in bad] == ["open", "roll_back", "back"]
    assert int(shop.store.hget("drover:v1:rollout:bad", "opened")) == 10, "the canary stage, and no other"
    assert count(good, "promote") == len(STEPS) and count(good, "complete") == 1, [event["on"] for event in good]
    assert reaper.kills.count("promote") == len(STEPS) and {"open", "start", "roll_back", "back", "complete"} <= set(reaper.kills)
    shop.check()
