"""A private Redis on a Unix socket for the script tests, and the scripts as the build embeds them.

By hand: /usr/bin/python3 -m pytest tests/scripts [-k name]
"""
import json
import pathlib
import subprocess
import time

import pytest
import redis

ROOT = pathlib.Path(__file__).resolve().parents[2]
SCRIPTS = ROOT / "redis-scripts"
FSM = ROOT / "orchestrator/core/upgrade_fsm.def"
V1, PRIV = "drover:v1:", "drover:priv:"


@pytest.fixture(scope="session")
def server(tmp_path_factory):
    folder = tmp_path_factory.mktemp("redis")
    socket = folder / "redis.sock"
    process = subprocess.Popen(
        ["redis-server", "--port", "0", "--unixsocket", str(socket), "--dir", str(folder), "--save", "", "--appendonly", "no"],
        stdout=subprocess.DEVNULL)
    client = redis.Redis(unix_socket_path=str(socket), decode_responses=True)
    try:
        deadline = time.monotonic() + 10
        while True:
            try:
                client.ping()
                break
            except redis.ConnectionError:
                assert process.poll() is None and time.monotonic() < deadline, "redis-server did not start"
                time.sleep(0.02)
        yield client
    finally:
        process.terminate()
        process.wait(10)


def embedded(name):
    result = subprocess.run(["/usr/bin/python3", SCRIPTS / "embed.py", "--print", FSM, SCRIPTS / f"{name}.lua"],
                            check=True, capture_output=True, text=True)
    return result.stdout


class Drover:
    """Calls scripts the way orchestrator/edges does."""

    def __init__(self, client):
        self.redis = client
        self.scripts = {}

    def call(self, name, *arguments):
        if name not in self.scripts:
            self.scripts[name] = self.redis.register_script(embedded(name))
        return self.scripts[name](keys=[V1, PRIV], args=[str(argument) for argument in arguments])

    # --- heartbeats ---
    FIELDS = ["model", "version", "hw_rev", "status", "slot", "boot_id", "network", "rssi_dbm", "battery_pct", "priority", "tags", "tz", "kind",
              "booted_ms"]

    def record(self, *beats):
        """beats: dicts with id, at_ms, facts, seq, want, long, and the fields of the long form. Returns (codes, loaded records)."""
        flags, times, facts, longs = "", [], [], []
        for beat in beats:
            is_long = beat.get("long", True)
            flags += chr(48 + (1 if is_long else 0) + (2 if beat.get("want") else 0) + (0 if beat.get("boot_id", "b1") else 4)
                         + (8 if beat.get("status") == "unhealthy" else 0))
            times += [beat["at_ms"], beat["id"]]
            facts += [beat.get("facts", 77), beat.get("seq", "")]
            if is_long:
                defaults = {"model": "esp32", "version": "1.0.0", "status": "idle", "boot_id": "b1"}
                longs += [beat.get(field, defaults.get(field, "")) for field in self.FIELDS]
        reply = self.call("heartbeat_record", flags, "drover-1", 1000, 3, 3600000, *times, *facts, *longs)
        loaded = [(pairs(reply[i]), pairs(reply[i + 1])) for i in range(1, len(reply), 2)]
        return reply[0], loaded

    def release(self, model="esp32", version="1.1.0", wants=0, at_ms=1000, **fields):
        return self.call("release_add", model, version, at_ms, wants, "drover-1", 1000, "model", model, "version", version, "sha256", "a" * 64, "size", 100,
                         "created_ms", at_ms, *flat({"manifest_sha256": "e" * 64, "trust_version": 1, "trust_sha256": "c" * 64, **fields}))

    def release_judge(self, version, trust_version, trust_sha256, at_ms=5, refused="", *deltas, model="esp32"):
        return self.call("release_judge", model, version, trust_version, trust_sha256, at_ms, refused, "drover-1", 1000, *deltas)

    def release_delta(self, version, base, state, sha256="", size=7, why="", at_ms=6, model="esp32"):
        return self.call("release_delta", model, version, base, "queued,running", state, sha256, size, why, at_ms, "drover-1", 1000)

    def deltas_again(self, under, anyway=0, at_ms=7):
        return self.call("deltas_again", under, anyway, "skipped,failed", "queued", 1, at_ms, "drover-1", 1000)

    def rollout(self, name="r1", model="esp32", version="1.1.0", supersede=0, at_ms=2000, waits=0, plan="", state="running", actor="", **fields):
        return self.call("rollout_open", name, model, version, supersede, at_ms, "drover-1", 1000, "overtaken", waits, plan, actor, "id", name, "model", model,
                         "version", version, "state", state, "why", "started", "revision", 1, "epoch", at_ms, "created_ms", at_ms,
                         "share_pct", 100, "max_in_flight", 10, *flat(fields))

    def rollout_move(self, name, to, accept, revision=0, on="pause", at_ms=3000, plan="", place=None, before="keep", actor="", proposal="", **fields):
        return self.call("rollout_move", name, to, accept, revision, on, "operator", at_ms, "drover-1", 1000,
                         place or ("keep" if to in ("running", "paused") else "leave"), plan, before, actor, proposal, *flat(fields))

    # --- upgrades ---
    def upgrade(self, rollout="r1", **fields):
        upgrade = {"upgrade_id": f"u-{rollout}", "rollout": rollout, "model": "esp32", "from_version": "1.0.0", "version": "1.1.0",
                   "state": "pending", "attempt": 0, "revision": 1, "deadline_ms": 9000, "progress": 0, "token": "t1"}
        upgrade.update(fields)
        return upgrade

    def open(self, device, upgrade, max_in_flight=10, alarm=0, kind="", stage_max=0, stratum="", per_site=0, per_minute=0,
             bytes_places=0, plan_revision=None, at_ms=5000):
        if plan_revision is None:
            plan_revision = self.redis.hget(f"{V1}rollout:{upgrade['rollout']}", "plan_revision") or 0
        more = more_of(alarm=bool(alarm), kind=kind, stage_max=stage_max, stratum=stratum, per_site=per_site, per_minute=per_minute, bytes=bytes_places)
        return self.call("upgrade_open", device, max_in_flight, at_ms, "drover-1", 1000, "open", "its turn", plan_revision, more, *flat(upgrade))

    def move_said(self, device, upgrade, expected, came_from, on="dispatch", alarm=0, silent=0, kind="", at_ms=6000, states="", max_in_flight=0,
             per_minute=0, quarantine_ms=0, per_site=0, bytes_places=0):
        """A move's arguments, as droverd says them: of the upgrade only what is another than before."""
        had = self.redis.hgetall(f"{V1}upgrade:{device}") or upgrade
        was = [had.get(name, "") for name in ("rollout", "model", "version", "stage", "site")]
        leg = {name: str(upgrade[name]) for name in ("from_version", "via") if name in upgrade and str(upgrade[name]) != had.get(name, "")}
        more = more_of(alarm=bool(alarm), silent=bool(silent), kind=kind, states=states, places=max_in_flight, per_minute=per_minute, per_site=per_site,
                       bytes=bytes_places, quarantine_ms=str(quarantine_ms) if quarantine_ms else "", from_version=leg.get("from_version", ""), facts=facts_of(leg))
        now = {"deadline_ms": 0, "error": had.get("error", ""), "attempt": had["attempt"], **upgrade}
        said = ("upgrade_id", "state", "revision", "attempt", "error", "deadline_ms", "token")
        changes = {name: value for name, value in upgrade.items()
                   if str(value) != had.get(name, "") and name not in ("upgrade_id", "state", "revision", "deadline_ms", "token")}
        changes = flat(changes)
        return [device, expected, at_ms, on, "because", more, *was, came_from, had.get("attempt", 0), had.get("error", ""),
                *(now[name] for name in said), len(changes), *changes]

    def moves(self, *moves):
        """Several in one call: each what move_said returned."""
        return self.call("upgrade_move", "drover-1", 1000, *(argument for move in moves for argument in move))

    def move(self, *arguments, **named):
        return self.moves(self.move_said(*arguments, **named))[0]

    # --- what is there ---
    def device(self, name):
        return self.redis.hgetall(f"{V1}device:{name}")

    def counts(self, key):
        return {name: int(value) for name, value in self.redis.hgetall(V1 + key).items()
                if name in ("devices", "online", "unhealthy", "reboots", "opened", "retried") or ":" in name}

    def events(self):
        return [dict(fields, id=name) for name, fields in self.redis.xrange(V1 + "events")]

    def snapshot(self):
        """Everything in Redis, to see that a refusal changed nothing."""
        content = {}
        for key in self.redis.keys("*"):
            kind = self.redis.type(key)
            read = {"hash": self.redis.hgetall, "set": self.redis.smembers, "string": self.redis.get,
                    "zset": lambda k: self.redis.zrange(k, 0, -1, withscores=True), "stream": self.redis.xrange}[kind]
            content[key] = read(key)
        return content


def more_of(**said):
    """What few calls have to say, as droverd says it."""
    said = {name: value for name, value in said.items() if value}
    return json.dumps(said) if said else ""


def facts_of(leg):
    """Where a leg begins and leads to, as the event log says it (proto/event_facts.h)."""
    facts = {"set": flat({name: value for name, value in leg.items() if value}), "unset": [name for name, value in leg.items() if not value]}
    facts = {name: value for name, value in facts.items() if value}
    return json.dumps(facts, separators=(",", ":")) if facts else ""


def pairs(array):
    return dict(zip(array[::2], array[1::2]))


def flat(fields):
    return [item for pair in fields.items() for item in pair]


@pytest.fixture
def drover(server):
    server.flushall()
    return Drover(server)
