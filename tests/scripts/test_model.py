"""Thousands of random operations; after every few hundred all aggregates are built anew from the records and compared."""
import collections
import random
import zlib

import pytest

STATES = ["pending", "dispatched", "acknowledged", "downloading", "installing", "verifying", "retry_wait", "held", "rolling_back", "lost",
          "succeeded", "rolled_back", "failed", "rejected", "cancelled", "superseded"]
FINAL = STATES[10:]
UNSUCCESSFUL = ["failed", "rolled_back", "rejected", "lost"]
ERRORS = ["", "E_BOOT", "E_SHA256", "E_LOST"]
MODELS, VERSIONS, ROLLOUTS = ["m1", "m2"], ["1.0.0", "1.1.0", "1.2.0"], [f"r{n}" for n in range(40)]


class Fleet:
    def __init__(self, drover, seed):
        self.drover, self.random, self.now = drover, random.Random(seed), 1000
        self.ids = [f"d{n}" for n in range(40)]
        self.seq = collections.Counter()
        self.groups, self.reboots = collections.Counter(), collections.Counter()   # by (model, version)
        self.upgrades = {}      # every upgrade ever opened: (rollout, device) -> its last fields; what rollouts count
        self.tokens = 0

    def heartbeat(self):
        beats = []
        for name in self.random.sample(self.ids, self.random.randint(1, 10)):
            self.seq[name] += self.random.choice([0, 1, 1, 1, 1, 5])
            boot, version, model = self.random.choice("AAAB"), self.random.choice(VERSIONS), self.random.choice(MODELS)
            status = self.random.choice(["idle", "idle", "unhealthy"])
            facts = zlib.crc32(f"{boot} {version} {model} {status}".encode()) + 1
            beats.append(dict(id=name, at_ms=self.now - self.random.choice([0, 0, 5000]), seq=self.seq[name], facts=facts, boot_id=boot, status=status,
                              version=version, model=model, long=self.random.random() < 0.6, want=self.random.random() < 0.2))
        had = {beat["id"]: self.drover.device(beat["id"]) for beat in beats}
        codes, _ = self.drover.record(*beats)
        for beat, code in zip(beats, codes):
            self.count_reboot(had[beat["id"]], beat, code)

    def count_reboot(self, had, beat, code):
        """Which boots no upgrade explains: as told, beat by beat, since the order within a batch decides when a version's last device leaves it."""
        if code not in "0L" or not beat["long"]:
            return
        at, was = (beat["model"], beat["version"]), (had.get("model"), had.get("version"))
        if at != was:
            self.groups.update({at: 1, was: -1})
            if not self.groups[was]:
                self.reboots[was] = 0
        elif had["boot_id"] != beat["boot_id"] and had.get("state", "none") in FINAL + ["none"]:
            self.reboots[at] += 1

    def online(self):
        self.drover.call("device_online", self.random.choice(self.ids), self.random.randint(0, 1), self.now)

    def sweep(self):
        self.drover.call("offline_sweep", self.now - self.random.choice([500, 3000]), self.random.randint(1, 20))

    def rollout(self):
        model, version = self.random.choice(MODELS), self.random.choice(VERSIONS)
        self.drover.release(model, version)
        self.drover.rollout(self.random.choice(ROLLOUTS), model, version, self.random.randint(0, 1), self.now)

    def rollout_move(self):
        to, accept = self.random.choice([("paused", "running"), ("running", "paused"), ("running", "paused"), ("cancelled", "running,paused")])
        self.drover.rollout_move(self.random.choice(ROLLOUTS), to, accept, self.random.choice([0, 0, 0, 1]), at_ms=self.now)

    def token(self):
        self.tokens += 1
        return f"t{self.tokens}"

    def open(self):
        running = sorted(self.drover.redis.smembers("drover:priv:running")) if self.random.random() < 0.9 else []
        device, rollout = self.random.choice(self.ids), self.random.choice(running or ROLLOUTS)
        model = self.drover.redis.hget(f"drover:v1:rollout:{rollout}", "model")
        upgrade = self.drover.upgrade(rollout, model=model or "m1", token=self.token(), upgrade_id=f"u-{rollout}-{device}", deadline_ms=self.now + 10,
                                      stage=self.random.choice([1, 2]))
        if self.drover.open(device, upgrade, self.random.choice([2, 100]))[0] == "OK":
            assert (rollout, device) not in self.upgrades, "a second turn"
            self.upgrades[rollout, device] = upgrade

    def move(self):
        device = self.random.choice(self.ids)
        had = self.drover.redis.hgetall(f"drover:v1:upgrade:{device}")
        if not had:
            return
        revision = int(had["revision"]) + self.random.choice([0, 0, 0, 0, -1, 1])
        state = self.random.choice(STATES)
        upgrade = dict(self.upgrades[had["rollout"], device], state=state, revision=revision + 1, token=self.token(), error=self.random.choice(ERRORS),
                       attempt=max(int(had["attempt"]), self.random.randint(0, 3)), deadline_ms=0 if state in FINAL else self.now + self.random.randint(0, 50))
        for _ in range(self.random.choice([1, 1, 2])):      # unknown outcome: the same again
            result = self.drover.move(device, upgrade, revision, had["state"], alarm=self.random.randint(0, 1), silent=self.random.randint(0, 1))
            assert (result[0] == "CONFLICT") == (revision != int(had["revision"]))
        if result[0] != "CONFLICT":
            self.upgrades[had["rollout"], device] = upgrade

    def take(self):
        self.drover.call("deadlines_take", self.now, 100, 5)
        self.drover.call("live_take", self.random.choice(ROLLOUTS), 1, 5)

    def check(self):
        redis = self.drover.redis
        devices = {name: self.drover.device(name) for name in self.ids if self.drover.device(name)}
        fleet, models, groups = collections.Counter(), collections.defaultdict(collections.Counter), collections.defaultdict(collections.Counter)
        rollouts = collections.defaultdict(collections.Counter)
        live, done = collections.defaultdict(set), collections.defaultdict(set)
        for name, device in devices.items():
            online = device["online"] == "1"
            fleet.update({"devices": 1, "online": online})
            models[device["model"]].update({"devices": 1, "online": online, "version:" + device["version"]: 1})
            unhealthy = device["status"] == "unhealthy"
            assert unhealthy == ("unhealthy" in device)
            groups[device["model"], device["version"]].update({"devices": 1, "online": online, "unhealthy": unhealthy})
            assert online or device["facts"].strip("LN") == "0", "an offline device must come in its long form"
            current = redis.hgetall(f"drover:v1:upgrade:{name}")
            assert bool(current) == ("state" in device)
            if current:
                models[current["model"]]["state:" + current["state"]] += 1
                assert (current["state"], current["rollout"], current["attempt"]) == (device["state"], device["rollout"], device["attempt"])
                is_live = current["state"] not in FINAL
                assert device["facts"].startswith("L") == is_live or device["facts"] == "0"
                assert (redis.zscore("drover:priv:deadlines", name) is not None) == is_live
        for (rollout, name), upgrade in self.upgrades.items():
            rollouts[rollout]["retried"] += int(upgrade["attempt"]) >= 2
            for counts in (rollouts[rollout], rollouts[f"{rollout}:stage:{upgrade['stage']}"]):
                counts.update({"opened": 1, "state:" + upgrade["state"]: 1})
                if upgrade["state"] in UNSUCCESSFUL and upgrade.get("error"):
                    counts["error:" + upgrade["error"]] += 1
            (done if upgrade["state"] in FINAL else live)[rollout].add(name)
        assert self.drover.counts("fleet") == +fleet
        for model in MODELS:
            assert self.drover.counts(f"model:{model}") == +models[model]
            for version in VERSIONS:
                groups[model, version]["reboots"] = self.reboots[model, version]
                assert self.drover.counts(f"model:{model}:on:{version}") == +groups[model, version]
        assert redis.smembers("drover:v1:models") == {model for model in MODELS if +models[model]}
        known = {name: redis.hgetall(f"drover:v1:rollout:{name}") for name in ROLLOUTS}
        for name in ROLLOUTS:
            for counted in (name, f"{name}:stage:1", f"{name}:stage:2"):
                assert self.drover.counts(f"rollout:{counted}") == +rollouts[counted]
            assert redis.smembers(f"drover:priv:rollout:{name}:live") == live[name]
            turns_count = known[name].get("state") in ("running", "paused")
            assert redis.smembers(f"drover:priv:rollout:{name}:done") == (done[name] if turns_count else set())
        assert redis.smembers("drover:priv:running") == {n for n, r in known.items() if r.get("state") in ("running", "paused")}
        assert redis.smembers("drover:priv:ending") == {n for n, r in known.items() if r.get("state") in ("cancelled", "superseded") and live[n]}
        for model in MODELS:
            running = [n for n, r in known.items() if r.get("model") == model and r["state"] in ("running", "paused")]
            assert [redis.get(f"drover:priv:model:{model}:running")] == (running or [None])
        assert redis.zcard("drover:v1:seen") == len(devices)
        swept = int(redis.hget("drover:priv:sweep", "offline_ms") or 0)
        assert all(redis.zscore("drover:v1:seen", name) > swept for name, device in devices.items() if device["online"] == "1")


@pytest.mark.parametrize("seed", range(4))
def test_counts_are_exact(drover, seed):
    fleet = Fleet(drover, seed)
    steps = [fleet.heartbeat] * 8 + [fleet.open] * 6 + [fleet.move] * 12 + [fleet.online, fleet.sweep, fleet.take, fleet.rollout, fleet.rollout_move]
    for step in range(2500):
        fleet.now += fleet.random.randint(0, 100)
        fleet.random.choice(steps)()
        if step % 250 == 249:
            fleet.check()
    assert len(fleet.upgrades) > 50 and len({u["state"] for u in fleet.upgrades.values()}) > 5
    assert any(fleet.reboots.values())
