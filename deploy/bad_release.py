"""The story of deploy/quickstart --bad-release: a release that makes devices unhealthy is met by the canary stage, its gate breaks, the rollout takes itself
back, and the next release goes through all stages. What is told is checked: the story ends with an error when something else happened."""
import json
import time

from stack import StackError, wait_until

MODEL, OLD, BAD, GOOD = "esp32", "1.0.0", "1.1.0", "1.1.1"

# On top of quickstart's fast settings: whoever is online has spoken within two seconds, so a stage waits no longer for others to come.
SETTINGS = {"flow.heartbeat_ms": 500, "flow.offline_after_ms": 2000, "flow.unhealthy_max": 3, "flow.verify_ms": 15000, "flow.rollback_ms": 10000}
UNHEALTHY_PCT = 75


def settings(stack):
    """Of droverd; the key for permits is made now, so that the server knows it from its start."""
    stack.signer.permit_key()
    return SETTINGS


def plan_of(version, devices, permit=None):
    """Four stages, each with the same two gates."""
    return {
        "schema": 1, "id": f"{MODEL}-{version}", "model": MODEL, "version": version,
        "stages": [{"name": "canary", "count": canary_of(devices), "soak_s": 2}, {"name": "a-tenth", "percent": 10}, {"name": "half", "percent": 50},
                   {"name": "everybody"}],
        "gates": [{"measure": "failure_rate", "max_pct": 10, "min_sample": 8, "then": "roll_back"},
                  {"measure": "lost_rate", "max_pct": 5, "min_sample": 8, "then": "pause"}],
        "limits": {"max_in_flight": max(100, min(2000, devices // 2))}, "confirmations": 2, "soak_ms": 500, "spread_s": 1,
        **({"rollback": {"permit": permit}} if permit else {}),
    }


def canary_of(devices):
    return max(10, min(20, devices // 10))


class Story:
    def __init__(self, stack, say, devices):
        self.stack, self.say, self.devices, self.begun = stack, say, devices, time.monotonic()
        self.store = stack.redis()

    def tell(self, text):
        self.say(f"[{time.monotonic() - self.begun:4.0f} s] {text}")

    def more(self, text):
        self.say(f"         {text}")

    # --- what is so, read from Redis the way a dashboard would ---

    def versions(self):
        counts = self.store.hgetall(f"drover:v1:model:{MODEL}")
        return {name.partition(":")[2]: int(count) for name, count in counts.items() if name.startswith("version:") and int(count)}

    def touched(self, rollout):
        return int(self.store.hget(f"drover:v1:rollout:{rollout}", "opened") or 0)

    def must(self, condition, text):
        if not condition:
            raise StackError(f"the story went wrong: {text}")

    # --- a rollout, told as it goes ---

    def start(self, version, permit=None):
        plan = plan_of(version, self.devices, permit)
        path = self.stack.folder / f"plan-{version}.json"
        path.write_text(json.dumps(plan, indent=2) + "\n")
        self.stack.drover("rollout", "start", path, "-q")
        self.tell(f"rollout {plan['id']} started: " + ", ".join(stage["name"] for stage in plan["stages"]))
        return plan["id"]

    def stage_line(self, stage):
        good, opened = stage["states"]["succeeded"], stage["opened"]
        return f"stage {stage['name']}: {good} of {opened} devices updated" + (f", {stage['failed']} not" if stage["failed"] else "")

    def went_back(self, rollout):
        """Devices that ran the new version in good health and were told to go back."""
        events = self.store.xrange("drover:v1:events")
        return sum(event["rollout"] == rollout and event["on"] == "rollback_asked" for _, event in events)

    def follow(self, rollout, until, seconds):
        """Tells of each stage that is passed and each change of state, with what the gates read just before; returns the last look."""
        was = {"stage": 1, "state": "running"}
        gates = []

        def look():
            now = self.stack.drover_json("rollout", "show", rollout)
            if (now["stage"], now["state"]) != (was["stage"], was["state"]):
                self.tell_change(was, now)
                for gate in gates:
                    self.more(f"gate {gate['text']}")
                if now["state"] != "running":
                    self.tell(f"{now['state']}: {now['why']}")
                gates.clear()
            was.update(stage=now["stage"], state=now["state"])
            if now["state"] == "running":
                read = self.stack.drover_json("rollout", "why", rollout)
                gates[:] = read["gates"] if read["stage"]["stage"] == now["stage"] and read["state"] == "running" else gates
            return now if now["state"] in until else None

        return wait_until(look, seconds, f"rollout {rollout} to be {' or '.join(until)}", interval=0.1, alive=self.stack.processes)

    def tell_change(self, was, now):
        if was["state"] != "running":
            return
        passed = now["state"] == "running"
        self.tell(self.stage_line(now["stages"][was["stage"] - 1]) + (f"; passed, on to {now['stages'][now['stage'] - 1]['name']}" if passed else ""))


def tell(stack, say, devices, seconds=90):
    """The whole story, in a stack that runs a fleet of so many devices on OLD; no rollout takes longer than `seconds`."""
    story = Story(stack, say, devices)
    canary = canary_of(devices)

    stack.add_release(MODEL, BAD, 200_000)
    story.tell(f"release {BAD} is signed, verified and on offer; what nobody knows: on it three of four devices are unhealthy")
    permit = stack.signer.permit("--model", MODEL, "--to-version", OLD, "--rollout", f"{MODEL}-{BAD}", "--expires-in", "1d")
    story.more(f"a permit to go back to {OLD}, for this rollout alone, is signed in advance and goes into its plan")
    bad = story.start(BAD, permit)
    last = story.follow(bad, ("rolled_back", "completed", "paused"), seconds)
    story.must(last["state"] == "rolled_back", f"{BAD} is {last['state']}: {last['why']}")
    touched = story.touched(bad)
    wait_until(lambda: story.versions() == {OLD: devices}, 20, f"all devices to be back on {OLD}", alive=stack.processes)
    story.must(0 < touched <= canary, f"{touched} devices were touched, the canary stage has {canary}")
    story.tell(f"{touched} of {devices} devices were ever touched, {story.went_back(bad)} of them had it in good health and were told to go back; all {devices} run {OLD}")

    stack.add_release(MODEL, GOOD, 200_000)
    story.tell(f"release {GOOD} mends it")
    good = story.start(GOOD)
    last = story.follow(good, ("completed", "rolled_back", "paused"), seconds)
    story.must(last["state"] == "completed", f"{GOOD} is {last['state']}: {last['why']}")
    wait_until(lambda: story.versions() == {GOOD: devices}, 20, f"all devices to run {GOOD}", alive=stack.processes)
    story.must(story.touched(good) == devices, f"{story.touched(good)} of {devices} devices had a turn")
    story.tell(f"all {devices} devices run {GOOD}")


def sim_arguments(devices):
    return ["--devices", devices, "--models", f"{MODEL}={OLD}", "--heartbeat-ms", 500, "--step-ms", 300, "--reboot-ms", 400,
            "--faulty-version", BAD, "--share", f"unhealthy={UNHEALTHY_PCT}"]
