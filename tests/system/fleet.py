"""What the system tests ask of a finished fleet: Drover's view against the simulator's truth, exact counters, legal histories."""
import collections
import json
import pathlib
import re
import subprocess

from stack import wait_until

ROOT = pathlib.Path(__file__).resolve().parents[2]

# As in the field, with shorter waits: a heartbeat a second.
FAST = {
    "flow.heartbeat_ms": 1000, "flow.offline_after_ms": 6000, "flow.silent_after_ms": 10000, "flow.pending_ms": 500,
    "flow.acknowledge_ms": 6000, "flow.start_ms": 15000, "flow.download_stall_ms": 15000, "flow.download_total_ms": 60000,
    "flow.install_ms": 15000, "flow.verify_ms": 20000, "flow.ready_ms": 10000, "flow.rollback_ms": 8000,
    "flow.retry_base_ms": 500, "flow.retry_cap_ms": 3000, "flow.busy_ms": 1000, "flow.unhealthy_max": 3,
}
FINAL = {"succeeded", "rolled_back", "failed", "rejected", "cancelled", "superseded"}


def legal_moves():
    """(from, event) -> to, read from the one table of moves."""
    text = (ROOT / "orchestrator/core/upgrade_fsm.def").read_text()
    rows = re.findall(r"^MOVE\(\s*(\w+),\s*(\w+),\s*(\w+),", text, re.MULTILINE)
    assert len(rows) > 40, "the table of moves was not found where it should be"
    return {(source.lower(), event.lower()): target.lower() for source, event, target in rows}


def scan(store, pattern):
    prefix = pattern.rstrip("*")
    keys = list(store.scan_iter(pattern, count=2000))
    pipe = store.pipeline(transaction=False)
    for key in keys:
        pipe.hgetall(key)
    return {key[len(prefix):]: value for key, value in zip(keys, pipe.execute())}


def devices_of(store):
    return scan(store, "drover:v1:device:*")


def upgrades_of(store):
    return scan(store, "drover:v1:upgrade:*")


def events_of(store):
    """Every entry of the event stream in order, as (id, fields)."""
    events, last = [], "-"
    while True:
        page = store.xrange("drover:v1:events", min=last if last == "-" else "(" + last, count=5000)
        if not page:
            return events
        events += page
        last = page[-1][0]


def nonzero(counts):
    return {name: int(value) for name, value in counts.items() if int(value) != 0}


def check_aggregates(store):
    """Rebuilds every counter from the device and upgrade records and compares: they must be exact."""
    devices, upgrades = devices_of(store), upgrades_of(store)
    fleet = collections.Counter(devices=len(devices), online=sum(device.get("online") == "1" for device in devices.values()))
    assert nonzero(store.hgetall("drover:v1:fleet")) == nonzero(fleet)
    models, groups = collections.defaultdict(collections.Counter), collections.defaultdict(collections.Counter)
    for name, device in devices.items():
        groups[f"drover:v1:model:{device['model']}:on:{device['version']}"].update(
            {"devices": 1, "online": device.get("online") == "1", "unhealthy": device.get("unhealthy") == "1"})
        model = models[device["model"]]
        model["devices"] += 1
        model["online"] += device.get("online") == "1"
        model["version:" + device["version"]] += 1
        if name in upgrades:   # a device that has become another model keeps its old upgrade, which counts where it belongs
            models[upgrades[name]["model"]]["state:" + upgrades[name]["state"]] += 1
    for model, counts in models.items():
        assert nonzero(store.hgetall("drover:v1:model:" + model)) == nonzero(counts), model
    for group, counts in groups.items():
        had = nonzero(store.hgetall(group))
        had.pop("reboots", None)   # what explains a boot the records do not tell
        assert had == nonzero(counts), group
    assert store.smembers("drover:v1:models") == set(models)
    assert store.zcard("drover:v1:seen") == len(devices)
    events = events_of(store)
    for rollout in store.zrange("drover:v1:rollouts", 0, -1):
        counts = store.hgetall("drover:v1:rollout:" + rollout)
        # A device's older upgrades are known from the events only: what its last entry in this rollout says, counts.
        last_state, attempts, errors = {}, {}, {}
        for _, event in events:
            if event["kind"] == "move" and event["rollout"] == rollout:
                last_state[event["device"]] = event["to"]
                attempts[event["device"]] = max(int(event["attempt"]), attempts.get(event["device"], 0))
                errors[event["device"]] = event["error"]
        expected = collections.Counter(f"state:{state}" for state in last_state.values())
        assert nonzero({name: value for name, value in counts.items() if name.startswith("state:")}) == nonzero(expected), rollout
        assert int(counts.get("opened", 0)) == len(last_state)
        assert int(counts.get("retried", 0)) == sum(attempt > 1 for attempt in attempts.values())
        unsuccessful = {"failed", "rolled_back", "rejected", "lost"}
        expected = collections.Counter(f"error:{errors[device]}" for device, state in last_state.items()
                                       if state in unsuccessful and errors[device] != "-")
        assert nonzero({name: value for name, value in counts.items() if name.startswith("error:")}) == nonzero(expected), rollout


def check_log(stack):
    """All that is counted and planned follows from the event log alone."""
    done = subprocess.run([stack.program("droverd"), f"--redis-url=unix://{stack.redis_socket}", "--rebuild-compare"], capture_output=True, text=True, timeout=60)
    assert done.returncode == 0 and "not known" not in done.stdout, (done.stdout, done.stderr)


def check_histories(store):
    """Every device's entries form one path through the table of moves, per rollout, ending where the record says; returns the number of moves."""
    table = legal_moves()
    state = {}
    dispatched = collections.Counter()
    previous = {}
    moves = 0
    for entry, event in events_of(store):
        if event["device"] == "-":
            continue
        device = event["device"]
        assert event["prev"] == previous.get(device, "-"), f"{device}: the chain of its entries is broken at {entry}"
        previous[device] = entry
        if event["kind"] != "move":
            continue
        moves += 1
        key = (device, event["rollout"])
        assert event["from"] == state.get(key, "none"), f"{device}: {entry} leaves {event['from']}, but it was in {state.get(key, 'none')}"
        assert table.get((event["from"], event["on"])) == event["to"], f"{device}: no such move: {event}"
        state[key] = event["to"]
        if event["on"] == "dispatch":
            dispatched[(device, event["rollout"], event["attempt"])] += 1
    for device, upgrade in upgrades_of(store).items():
        assert state[(device, upgrade["rollout"])] == upgrade["state"], device
        assert upgrade.get("last_event", previous[device]) == previous[device], device
    twice = {key: count for key, count in dispatched.items() if count > 1}
    assert not twice, f"an attempt was started more than once: {twice}"
    return moves


def read_truth(path):
    return {record["id"]: record for record in map(json.loads, pathlib.Path(path).read_text().splitlines())}


# --- a simulated fleet and its truth ---

# What Drover must conclude of each behaviour of the simulator (docs/simulator.md), by kind of device.
EXPECTED = {
    "honest": {"succeeded"},
    "duplicates": {"succeeded"},
    "reorder": {"succeeded"},
    "garbage": {"succeeded"},
    "transient": {"succeeded"},
    "flaky": {"succeeded"},
    "busy": {"succeeded"},
    "permanent": {"failed"},
    "reject": {"rejected"},
    "silent": {"lost"},
    "liar": {"failed"},
    "fallback": {"rolled_back"},
    "boot_loop": {"rolled_back"},
    "unhealthy": {"rolled_back"},
}
# What takes words to do, a simple device cannot do: it is honest instead.
MANAGED_ONLY = {"permanent", "reject", "liar", "busy"}


def expected_states(record):
    if record["kind"] == "simple" and record["behaviour"] in MANAGED_ONLY:
        return EXPECTED["honest"]
    return EXPECTED[record["behaviour"]]


class Fleet:
    def __init__(self, stack, sim, truth_path, rollouts, devices):
        self.stack, self.sim, self.truth_path, self.rollouts, self.devices = stack, sim, truth_path, rollouts, devices

    def stop(self):
        """Ends the simulator; returns its truth."""
        self.sim.stop(60)
        self.stack.forget(self.sim)
        return read_truth(self.truth_path)


def start_fleet(stack, managed, simple, profile, seed, max_in_flight=1000):
    """A fleet of two models on 1.0.0, known to Drover, and a rollout to 1.1.0 for each."""
    truth_path = stack.folder / "truth.jsonl"
    sim = stack.start_sim("--devices", managed, "--simple", simple, "--models", "esp32=1.0.0,gateway=1.0.0", "--heartbeat-ms", 1000,
                          "--step-ms", 400, "--reboot-ms", 500, "--seed", seed, "--profile", profile, "--truth", truth_path)
    store = stack.redis()
    wait_until(lambda: int(store.hget("drover:v1:fleet", "devices") or 0) == managed + simple, 60, "the whole fleet to be known", alive=[sim])
    rollouts = []
    for model in ("esp32", "gateway"):
        stack.add_release(model, "1.1.0", size=60_000)
        rollouts.append(stack.drover("rollout", "start", model, "1.1.0", "--spread", "3s", "--soak", "1s", "--max-in-flight", max_in_flight,
                                     "--error-budget", 100, "-o", "name").stdout.strip())
    return Fleet(stack, sim, truth_path, rollouts, managed + simple)


def finish_fleet(stack, fleet, seconds):
    """Waits until every rollout is settled, ends the simulator and returns its truth by device id."""
    instance = next(iter(stack.api_ports))

    def settled():
        return all(stack.drover_json("rollout", "show", rollout, instance=instance)["settled"] for rollout in fleet.rollouts)

    wait_until(settled, seconds, "the rollouts to settle", interval=0.5, alive=[fleet.sim])
    return fleet.stop()


def check_truth(stack, truth):
    """Drover's view of every device against what it really runs; returns how many ended in which state."""
    store = stack.redis()
    devices, upgrades = devices_of(store), upgrades_of(store)
    assert set(devices) == set(truth)
    wrong = []
    outcomes = collections.Counter()
    for name, record in truth.items():
        upgrade = upgrades.get(name, {"state": "none"})
        outcomes[upgrade["state"]] += 1
        if devices[name]["version"] != record["version"]:
            wrong.append(f"{name} runs {record['version']}, Drover believes {devices[name]['version']}: {record} {upgrade}")
        if upgrade["state"] not in expected_states(record):
            wrong.append(f"{name} is {upgrade['state']}, which {record['behaviour']} does not end in: {record} {upgrade}")
        if (upgrade["state"] == "succeeded") != (record["version"] == "1.1.0"):
            wrong.append(f"{name} is {upgrade['state']} and runs {record['version']}")
        if any(count > 1 for count in record["installs"].values()) and record["behaviour"] in ("honest", "duplicates", "reorder", "garbage"):
            wrong.append(f"{name} was updated twice: {record}")
    assert not wrong, f"{len(wrong)} of {len(truth)} devices:\n" + "\n".join(wrong[:10])
    return outcomes


def check_reports(stack, truth):
    """No report lost: of every honest managed device the newest report was taken, also when heartbeats had proved the success before."""
    upgrades = upgrades_of(stack.redis())
    lost, honest = [], 0
    for name, record in truth.items():
        if record["kind"] != "managed" or record["behaviour"] != "honest":
            continue
        honest += 1
        taken = int(upgrades[name].get("report_seq", -1))
        if taken != record["report_seq"]:
            lost.append(f"{name}: it sent report {record['report_seq']}, Drover has {taken}: {upgrades[name]}")
    assert honest > 0 and not lost, "\n".join(lost[:10])
