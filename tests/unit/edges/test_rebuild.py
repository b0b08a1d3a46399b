"""What the event log alone says against what the scripts have kept: after thousands of random moves, with and without stages, strata, sites and plans, edits of
plans, and all that becomes of a release; over a trimmed log, from a file, and when somebody has changed something by hand. Real Redis, real scripts, `droverd --rebuild-*`."""
import hashlib
import json
import os
import pathlib
import random
import subprocess
import sys

import pytest
import redis

ROOT = pathlib.Path(__file__).resolve().parents[3]
sys.path.insert(0, str(ROOT / "tests/scripts"))
from conftest import Drover, server  # noqa: E402,F401  (a fixture)

pytestmark = pytest.mark.asan
DROVERD = pathlib.Path(os.environ["DROVER_BUILD"]) / "orchestrator/droverd"
LIVE = ["pending", "dispatched", "acknowledged", "downloading", "installing", "verifying", "retry_wait", "held", "rolling_back", "lost"]
FINAL = ["succeeded", "rolled_back", "failed", "rejected", "cancelled", "superseded"]
ERRORS = ["", "E_BOOT", "E_SHA256", "E_LOST"]
SURE = {"upgrade_id", "rollout", "model", "version", "from_version", "via", "site", "state", "attempt", "error", "stage"}
PLAN_LOGGED_MAX = 32768


def plan_of(model, revision, length=0):
    """As the script is given it: the text is kept as it stands, whatever is in it."""
    return json.dumps({"schema": 1, "model": model, "description": f"the \u00fc \"{revision}\"" + "x" * length, "stages": [{"count": 2, "per": "hw_rev"}]})


def digest(text):
    return hashlib.sha256(text.encode()).hexdigest()


class Fleet:
    """Moves upgrades about through the real scripts, as no state machine would let it."""

    def __init__(self, drover, seed, devices=25):
        self.drover, self.random, self.now, self.tokens = drover, random.Random(seed), 1000, 0
        self.ids = [f"d{n}" for n in range(devices)]
        self.rollouts = []
        for name in self.ids:
            drover.record(dict(id=name, at_ms=1, seq=1, model="m1" if name < "d2" else "m2"))
        for model in ("m1", "m2"):
            drover.release(model, "1.1.0")

    def rollout(self):
        name, model = f"r{len(self.rollouts)}", self.random.choice(["m1", "m2"])
        staged = self.random.random() < 0.6
        plan = plan_of(model, 1, self.random.choice([0, 0, 100, 2000]))
        self.drover.rollout(name, model, "1.1.0", supersede=1, at_ms=self.now,
                            **({"plan": plan, "plan_revision": 1, "plan_sha256": digest(plan), "stage": 1, "stage_ms": self.now, "author": "ann"} if staged else {}))
        self.rollouts.append((name, model, staged))

    def edit(self):
        name, model, staged = self.random.choice(self.rollouts[-2:])
        if staged:
            revision = int(self.drover.redis.hget(f"drover:v1:rollout:{name}", "plan_revision")) + 1
            plan = plan_of(model, revision)
            self.drover.rollout_move(name, "running", "running", on="edit", at_ms=self.now, plan=plan, plan_revision=revision, plan_sha256=digest(plan),
                                     max_in_flight=self.random.randint(1, 99), stage=self.random.randint(1, 3), author="bea", approver1="")

    def release(self):
        """One thing that may become of a release."""
        version, base = f"2.0.{self.random.randint(0, 3)}", f"1.{self.random.randint(0, 2)}.0"
        self.random.choice([
            lambda: self.drover.release("m1", version, wants=1, at_ms=self.now, **{f"delta_state:{base}": "queued", "hw_revs": "a,b"}),
            lambda: self.drover.release_delta(version, base, self.random.choice(["running", "derived", "failed"]), "d" * 64, why="so \"it\" is/was", at_ms=self.now, model="m1"),
            lambda: self.drover.release_judge(version, self.random.randint(1, 3), self.random.choice("ab") * 64, self.now, self.random.choice(["", "E_SIGNATURE: 0 of 1"]),
                                              base, "d" * 64, self.random.choice(["queued", "failed"]), "revoked", model="m1"),
            lambda: self.drover.deltas_again(f"{self.now}", 1, at_ms=self.now)])()

    def rollout_move(self):
        name = self.random.choice(self.rollouts)[0]
        to, accept = self.random.choice([("paused", "running"), ("running", "paused"), ("cancelled", "running,paused")])
        self.drover.rollout_move(name, to, accept, at_ms=self.now)

    def fields(self, **fields):
        self.tokens += 1
        return {"token": f"t{self.tokens}", "from_version": "1.0.0", "version": "1.1.0", **fields}

    def open(self):
        name, model, staged = self.random.choice(self.rollouts[-2:])
        device = self.random.choice(self.ids)
        upgrade = self.fields(upgrade_id=hashlib.sha1(f"{name} {device}".encode()).hexdigest()[:16], rollout=name, model=model, state="pending", attempt=0, revision=1,
                              deadline_ms=self.now + 10, opened_ms=self.now, state_ms=self.now,
                              **({"stage": self.random.randint(1, 3), "site": self.random.choice(["site-1", "site-2"])} if staged else {}))
        self.drover.open(device, upgrade, 1000, alarm=self.random.random() < 0.1, at_ms=self.now, stratum=self.random.choice(["", "rev-a", "rev-b"]) if staged else "")

    def move(self):
        device = self.random.choice(self.ids)
        had = self.drover.redis.hgetall(f"drover:v1:upgrade:{device}")
        if not had:
            return
        silent = self.random.random() < 0.2
        had.pop("last_event")
        upgrade = {**had, **self.fields(revision=int(had["revision"]) + 1), "from_version": had["from_version"]}
        if not silent:
            state = self.random.choice(LIVE + FINAL)
            upgrade.update(state=state, attempt=max(int(had["attempt"]), self.random.randint(0, 3)), error=self.random.choice(ERRORS),
                           from_version=self.random.choice(["1.0.0", "1.0.5"]), via=self.random.choice(["", "1.0.5", "1.0.7"]),
                           state_ms=self.now if state != had["state"] else had["state_ms"], deadline_ms=0 if state in FINAL else self.now + 50)
        assert self.drover.move(device, upgrade, int(had["revision"]), had["state"], silent=int(silent), alarm=self.random.random() < 0.1, at_ms=self.now)[0] == "OK"

    def run(self, steps):
        choices = [self.open] * 5 + [self.move] * 12 + [self.rollout_move, self.edit, self.release]
        self.rollout()
        for step in range(steps):
            self.now += self.random.randint(0, 20)
            (self.rollout if step % 150 == 149 else self.random.choice(choices))()
        return self


@pytest.fixture
def drover(server):  # noqa: F811
    server.flushall()
    return Drover(server)


def url_of(client, database=0):
    path = client.connection_pool.connection_kwargs["path"]
    return f"unix://{path}?db={database}"


def run(drover, *arguments, code=0):
    environment = {name: value for name, value in os.environ.items() if not name.startswith("DROVER_")}
    done = subprocess.run([DROVERD, f"--redis-url={url_of(drover.redis)}", *map(str, arguments)], env=environment, capture_output=True, text=True, timeout=60)
    assert done.returncode == code, (done.returncode, done.stdout, done.stderr)
    return done


def other(drover):
    """Another, empty database of the same server."""
    path = drover.redis.connection_pool.connection_kwargs["path"]
    client = redis.Redis(unix_socket_path=path, db=1, decode_responses=True)
    client.flushdb()
    return client


def counted(fields):
    return {name: value for name, value in fields.items() if name in ("opened", "retried") or name.startswith(("state:", "error:", "opened@"))}


@pytest.mark.parametrize("seed", range(1, 5))
def test_rebuilt_elsewhere_it_is_the_same(drover, seed):
    Fleet(drover, seed).run(1200)
    empty = other(drover)
    done = run(drover, "--rebuild-into", url_of(drover.redis, 1), "--rebuild-compare")
    assert "no differences" in done.stdout and "not known" not in done.stdout
    upgrades = [key for key in drover.redis.keys("drover:v1:upgrade:*")]
    assert len(upgrades) >= 20 and sorted(upgrades) == sorted(empty.keys("drover:v1:upgrade:*"))
    for key in upgrades:
        live, rebuilt = drover.redis.hgetall(key), empty.hgetall(key)
        assert all(live.get(field, "") == rebuilt.get(field, "") for field in SURE), (key, live, rebuilt)
    rollouts = drover.redis.zrange("drover:v1:rollouts", 0, -1, withscores=True)
    strata = 0
    assert len(rollouts) >= 8 and rollouts == empty.zrange("drover:v1:rollouts", 0, -1, withscores=True)
    for name, _ in rollouts:
        live, rebuilt = drover.redis.hgetall(f"drover:v1:rollout:{name}"), empty.hgetall(f"drover:v1:rollout:{name}")
        assert live == rebuilt
        for stage in (1, 2, 3):
            key = f"drover:v1:rollout:{name}:stage:{stage}"
            live, rebuilt = drover.redis.hgetall(key), empty.hgetall(key)
            assert counted(live) == counted(rebuilt) and all(live.get(field) == rebuilt.get(field) for field in ("opened_ms", "settled_ms"))
            strata += any("@" in field for field in live)
        assert drover.redis.get(f"drover:v1:rollout:{name}:plan") == empty.get(f"drover:v1:rollout:{name}:plan")
        assert drover.redis.hgetall(f"drover:v1:rollout:{name}:sites") == empty.hgetall(f"drover:v1:rollout:{name}:sites")
    assert strata
    releases = drover.redis.zrange("drover:v1:releases", 0, -1, withscores=True)
    assert len(releases) >= 5 and sorted(releases) == sorted(empty.zrange("drover:v1:releases", 0, -1, withscores=True))
    for name, _ in releases:
        live, rebuilt = drover.redis.hgetall(f"drover:v1:release:{name}"), empty.hgetall(f"drover:v1:release:{name}")
        live.pop("verified_ms", None), rebuilt.pop("verified_ms", None)
        assert live == rebuilt
    for model in ("m1", "m2"):
        assert counted(drover.redis.hgetall(f"drover:v1:model:{model}")) == counted(empty.hgetall(f"drover:v1:model:{model}"))
    assert empty.hget("drover:schema", "version") == "1"


def test_it_writes_into_an_empty_redis_only(drover):
    Fleet(drover, 9).run(50)
    empty = other(drover)
    empty.set("something", 1)
    done = run(drover, "--rebuild-into", url_of(drover.redis, 1), code=1)
    assert "holds 1 keys" in done.stderr and empty.keys() == ["something"]
    assert "must be an empty one" in run(drover, "--rebuild-into", url_of(drover.redis, 0), code=1).stderr   # nor into the live one
    assert "needs --rebuild-into" in run(drover, "--rebuild-from", "x", code=2).stderr


@pytest.mark.parametrize("key, field, change", [
    ("drover:v1:rollout:r0", "state:failed", 1), ("drover:v1:rollout:r1", "error:E_INSTALL", 2), ("drover:v1:rollout:r0", "opened", -1),
    ("drover:v1:rollout:r1", "retried", 1), ("drover:v1:model:m1", "state:pending", 1)])
def test_a_counter_that_was_changed_is_found(drover, key, field, change):
    Fleet(drover, 5).run(400)
    before = drover.redis.hget(key, field) or "0"
    drover.redis.hincrby(key, field, change)
    done = run(drover, "--rebuild-compare", code=1)
    assert f"{key[len('drover:v1:'):]} {field}: is {int(before) + change}, by its events {before}" in done.stdout, done.stdout
    assert "DIFFERENCES: 1 fields" in done.stdout


def test_an_upgrade_that_was_changed_is_found(drover):
    Fleet(drover, 6).run(400)
    first, second, *_ = sorted(drover.redis.keys("drover:v1:upgrade:*"))
    drover.redis.hset(first, "state", "imagined")
    drover.redis.hdel(second, "version")
    first, second = first[len("drover:v1:"):], second[len("drover:v1:"):]
    done = run(drover, "--rebuild-compare", code=1)
    assert f"{first} state: is imagined" in done.stdout and f"{second} version: is absent, by its events 1.1.0" in done.stdout


def test_a_plan_a_stratum_a_site_and_a_release_that_were_changed_are_found(drover):
    fleet = Fleet(drover, 13).run(600)
    drover.release("m2", "3.0.0", hw_revs="a")
    name = next(name for name, model, staged in fleet.rollouts if staged and drover.redis.exists(f"drover:v1:rollout:{name}:sites"))
    stage = next(key for key in drover.redis.keys("drover:v1:rollout:*:stage:*") if drover.redis.hexists(key, "opened@rev-a"))
    assert "no differences" in run(drover, "--rebuild-compare").stdout
    before = drover.redis.get(f"drover:v1:rollout:{name}:plan")
    drover.redis.set(f"drover:v1:rollout:{name}:plan", before.replace("count", "cousin"))
    drover.redis.hincrby(stage, "opened@rev-a", 1)
    drover.redis.hset(stage, "opened@rev-c", 1)
    drover.redis.hincrby(f"drover:v1:rollout:{name}:sites", "site-1", 7)
    drover.redis.hset(f"drover:v1:rollout:{name}", "max_in_flight", 100000)
    drover.redis.hset("drover:v1:release:m2:3.0.0", mapping={"sha256": "b" * 64, "delta:1.0.0": "c" * 64})
    told = run(drover, "--rebuild-compare", code=1).stdout
    stage = stage.removeprefix("drover:v1:")
    assert "DIFFERENCES: 7 fields" in told, told
    for words in (f"rollout:{name}:plan (plan): is another, by its events {digest(before)}", f"{stage} opened@rev-a: is ", f"{stage} opened@rev-c: is 1, by its events 0",
                  f"rollout:{name}:sites site-1: is ", f"rollout:{name} max_in_flight: is 100000, by its events ", "release:m2:3.0.0 sha256: is bbb",
                  "release:m2:3.0.0 delta:1.0.0: is ccc"):
        assert words in told, (words, told)


def test_a_plan_that_is_too_long_for_the_log_is_compared_by_its_digest(drover):
    short, long = (plan_of("esp32", 1, PLAN_LOGGED_MAX - len(plan_of("esp32", 1)) + more) for more in (0, 1))
    drover.release()
    for number, plan in enumerate((short, long)):
        drover.rollout(f"r{number}", supersede=1, plan=plan, plan_revision=1, plan_sha256=digest(plan), stage=1)
    assert [len(event["facts"]) > PLAN_LOGGED_MAX for event in drover.events() if event["on"] == "open"] == [True, False]
    empty = other(drover)
    done = run(drover, "--rebuild-into", url_of(drover.redis, 1), "--rebuild-compare")
    assert "the plans of 1 rollouts, longer than an entry takes" in done.stdout and "no differences" in done.stdout
    assert empty.get("drover:v1:rollout:r0:plan") == short and not empty.exists("drover:v1:rollout:r1:plan")
    drover.redis.set("drover:v1:rollout:r1:plan", long.replace("rev", "wev"))
    assert f"rollout:r1:plan (plan): is another, by its events {digest(long)}" in run(drover, "--rebuild-compare", code=1).stdout


def test_a_log_of_an_older_drover_says_less_and_it_says_so(drover, tmp_path):
    fleet = Fleet(drover, 12).run(300)
    events = drover.events()
    drover.redis.delete("drover:v1:events")
    for event in events:
        if event["kind"] != "release":
            drover.redis.xadd("drover:v1:events", {name: value for name, value in event.items() if name not in ("facts", "id")}, id=event["id"])
    done = run(drover, "--rebuild-compare")
    staged = sum(staged for _, _, staged in fleet.rollouts)
    assert "no differences" in done.stdout and staged and f"the plans of {staged} rollouts: the log says nothing" in done.stdout
    assert f"{drover.redis.zcard('drover:v1:releases')} releases that were added before" in done.stdout


def test_of_a_trimmed_log_it_says_what_it_cannot_know(drover):
    fleet = Fleet(drover, 7).run(900)
    begun = {name for name, _ in drover.redis.zrange("drover:v1:rollouts", 0, -1, withscores=True)}
    drover.redis.xtrim("drover:v1:events", maxlen=drover.redis.xlen("drover:v1:events") // 3, approximate=False)
    left = drover.events()
    whole = {event["rollout"] for event in left if event["kind"] == "rollout" and event["on"] == "open"}
    assert whole and whole < begun
    done = run(drover, "--rebuild-compare")
    assert "no differences" in done.stdout and f"counters of {len(begun - whole)} rollouts that began before" in done.stdout
    drover.redis.xtrim("drover:v1:events", maxlen=10, approximate=False)
    known = {event["device"] for event in drover.events() if event["kind"] == "move"}
    done = run(drover, "--rebuild-compare")
    unknown = sum(1 for name in fleet.ids if drover.redis.exists(f"drover:v1:upgrade:{name}") and name not in known)
    assert f"not known: {unknown} upgrades whose entries are all trimmed" in done.stdout and "no differences" in done.stdout
    drover.redis.hincrby("drover:v1:model:m2", "state:failed", 1)   # counted all the same
    assert "model:m2 state:failed" in run(drover, "--rebuild-compare", code=1).stdout


def test_from_a_file_and_on_from_there(drover, tmp_path):
    fleet = Fleet(drover, 8).run(400)
    file = tmp_path / "events.jsonl"
    file.write_text("".join(json.dumps({"id": event.pop("id"), **event}) + "\n" for event in drover.events()))
    fleet.run(200)                                                 # the live one has moved on
    assert "no differences" in run(drover, "--rebuild-from", file, "--rebuild-compare").stdout
    empty = other(drover)
    run(drover, "--rebuild-from", file, "--rebuild-into", url_of(drover.redis, 1))
    assert empty.zcard("drover:v1:rollouts") < drover.redis.zcard("drover:v1:rollouts")
    drover.redis.xtrim("drover:v1:events", maxlen=50, approximate=False)
    assert "does not go on from the file" in run(drover, "--rebuild-from", file, "--rebuild-compare", code=1).stderr


@pytest.mark.parametrize("change, words", [({"to": "flying"}, "states that Drover does not have"), ({"from": "verifying"}, "from a state in which that was not"),
                                           ({"error": "E_WHAT"}, "error code"), ({"stage": "900"}, "no rollout has such a stage"), ({"attempt": "x"}, "attempt"),
                                           ({"device": "../d1"}, "move of no device"), ({"facts": "{"}, "facts: byte 1"), ({"facts": '{"set":["a"]}'}, "a name without a value"),
                                           ({"facts": '{"set":{}}'}, "must be an array"), ({"facts": '{"plan":"x"}'}, "is no object"),
                                           ({"facts": '{"set":["a",1]}'}, "set"), ({"facts": '{"stratum":"%s"}' % ("x" * 200)}, "stratum")])
def test_entries_that_cannot_be(drover, tmp_path, change, words):
    Fleet(drover, 8).run(60)
    events = drover.events()
    at = max(number for number, event in enumerate(events) if event["kind"] == "move" and event["from"] not in ("none", "verifying"))
    events[at].update(change)
    file = tmp_path / "events.jsonl"
    file.write_text("".join(json.dumps({"id": event.pop("id"), **event}) + "\n" for event in events))
    assert words in run(drover, "--rebuild-from", file, "--rebuild-into", url_of(drover.redis, 1), code=1).stderr
