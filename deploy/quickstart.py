"""The main job of deploy/quickstart, once packages and build are there: a private Drover, a fleet of 200, two rollouts, a table."""
import argparse
import collections
import contextlib
import os
import signal
import sys
import time

try:
    import bad_release
    import lab
    from quickstart_secure import Cameras, strangers_stay_outside
    from stack import Stack, StackError, wait_until
except ImportError as error:
    sys.exit(f"quickstart: {error}; run deploy/install-packages first")

# model, version the fleet starts on, version of the rollout, size of the package
MODELS = [("esp32", "1.0.0", "1.1.0", 200_000), ("gateway", "2.0.0", "2.1.0", 900_000)]

# Everything is as in the field but faster: a heartbeat a second instead of one in 30 s, waits to match.
FAST = {
    "flow.heartbeat_ms": 1000, "flow.offline_after_ms": 4000, "flow.silent_after_ms": 5000, "flow.pending_ms": 500,
    "flow.acknowledge_ms": 3000, "flow.start_ms": 5000, "flow.download_stall_ms": 5000, "flow.download_total_ms": 20000,
    "flow.install_ms": 6000, "flow.verify_ms": 8000, "flow.ready_ms": 4000, "flow.rollback_ms": 4000,
    "flow.retry_base_ms": 500, "flow.retry_cap_ms": 3000, "flow.busy_ms": 1000,
}
STATES = ["succeeded", "rolled_back", "failed", "rejected", "cancelled", "superseded", "lost"]


def arguments_of(words):
    parser = argparse.ArgumentParser(prog="deploy/quickstart", description=__doc__)
    parser.add_argument("--build", default="build/release", help="build folder (default %(default)s)")
    parser.add_argument("--devices", type=int, default=200, metavar="N", help="devices in all, a fifth of them simple ones (default %(default)s)")
    parser.add_argument("--secure", action="store_true", help="TLS with certificates and access lists everywhere, and three real drover-agents beside the fleet")
    parser.add_argument("--seed", type=int, default=7, help="the same seed gives the same fleet (default %(default)s)")
    parser.add_argument("--bad-release", action="store_true", help="another story: a bad release is stopped by the canary stage and taken back, the next one goes through four stages")
    parser.add_argument("--lab", action="store_true", help="start server and fleet only, say how to use them, and leave them running")
    parser.add_argument("--keep", action="store_true", help="leave everything running; ctrl-C ends it")
    parser.add_argument("--folder", help="put files here and keep them (default: a temporary folder)")
    return parser.parse_args(words)


def say(text):
    print(text, flush=True)


class Progress:
    """A bar for each rollout, drawn again in its place, on a terminal; a line when something changed otherwise."""

    def __init__(self):
        self.terminal = sys.stdout.isatty() and os.environ.get("TERM", "dumb") != "dumb"
        self.last = None

    def line(self, rollout):
        devices, done = max(rollout["devices"], 1), rollout["on_target"]
        ended = sum(rollout["states"].get(state, 0) for state in STATES if state != "succeeded")
        live = rollout["opened"] - ended - rollout["states"].get("succeeded", 0)
        bar = ""
        if self.terminal:
            filled, bad = 20 * done // devices, -(-20 * ended // devices)
            bar = "[" + "#" * filled + "x" * min(bad, 20 - filled) + "." * max(20 - filled - bad, 0) + "] "
        return f"{rollout['id']:14} {bar}{done}/{devices} on it, {live} under way, {ended} ended otherwise"

    def show(self, rollouts):
        lines = [self.line(rollout) for rollout in rollouts]
        if self.terminal:
            up = f"\x1b[{len(lines)}A" if self.last else ""
            width = os.get_terminal_size().columns - 1
            sys.stdout.write(up + "".join(f"\r\x1b[K{line[:width]}\n" for line in lines))
            sys.stdout.flush()
        elif lines != self.last:
            say("   ".join(lines))
        self.last = lines


def outcome_table(stack, rollouts):
    """How it ended and why, read from Redis the way a dashboard would."""
    store = stack.redis()
    rows = []
    for rollout in rollouts:
        counts = store.hgetall(f"drover:v1:rollout:{rollout}")
        reasons = collections.Counter()
        for key in store.scan_iter("drover:v1:upgrade:*", count=500):
            owner, state, error, why = store.hmget(key, "rollout", "state", "error", "why")
            if owner == rollout:
                reasons[(state, f"{error}: {why}" if error and state != "succeeded" else why or "")] += 1
        for state in STATES:
            number = int(counts.get(f"state:{state}", 0))
            if not number:
                continue
            rows.append((rollout, state, str(number), ""))
            rows += [("", "", str(count), why) for (its_state, why), count in reasons.most_common() if its_state == state]
        rows.append((rollout, "retried", counts.get("retried", "0"), "took more than one attempt (counted above by how they ended)"))
    widths = [max(len(row[column]) for row in rows + [("rollout", "outcome", "devices", "why")]) for column in range(3)]
    lines = []
    for row in [("rollout", "outcome", "devices", "why")] + rows:
        number = row[2].rjust(widths[2])
        lines.append(f"{row[0]:{widths[0]}}  {row[1]:{widths[1]}}  {number}  {row[3]}".rstrip())
    return "\n".join(lines)


def start_server(stack, settings):
    say(f"starting Redis, Mosquitto and droverd in {stack.folder}")
    stack.start_redis()
    stack.start_broker()
    stack.start_droverd(settings=settings)


def wait_for_fleet(stack, devices, sim):
    store = stack.redis()
    wait_until(lambda: int(store.hget("drover:v1:fleet", "devices") or 0) >= devices, 30, "the whole fleet to be known", alive=[sim])


def start_fleet(stack, options):
    simple = options.devices // 5
    say(f"starting {options.devices} devices ({simple} simple) of models {' and '.join(model for model, *_ in MODELS)}")
    sim = stack.start_sim("--devices", options.devices - simple, "--simple", simple, "--models", ",".join(f"{model}={old}" for model, old, *_ in MODELS),
                          "--heartbeat-ms", 1000, "--step-ms", 500, "--reboot-ms", 800, "--seed", options.seed, "--profile", "mixed")
    wait_for_fleet(stack, options.devices, sim)


def add_releases(stack):
    """(model, version) of each."""
    for model, _, version, size in MODELS:
        stack.add_release(model, version, size)
        yield model, version


def start_cameras(stack):
    say("starting three drover-agents: camera-1 and camera-2 are sound, camera-3 will not be healthy with the new version")
    cameras = Cameras(stack)
    try:
        wait_until(cameras.known, 30, "the agents to be known")
    except BaseException:
        cameras.close()
        raise
    return cameras


def run_bad_release(options):
    started = time.monotonic()
    with Stack(options.build, options.folder) as stack:
        start_server(stack, {**FAST, **bad_release.settings(stack)})
        say(f"starting {options.devices} devices")
        sim = stack.start_sim(*bad_release.sim_arguments(options.devices), "--seed", options.seed)
        wait_for_fleet(stack, options.devices, sim)
        bad_release.tell(stack, say, options.devices)
        say(f"\n{options.devices} devices, {time.monotonic() - started:.0f} s")
        if options.keep:
            keep(stack)


def run_lab(options):
    with Stack(options.build, options.folder) as stack:
        start_server(stack, {**FAST, **lab.settings(stack)})
        say(f"starting {options.devices} devices")
        wait_for_fleet(stack, options.devices, stack.start_sim(*lab.sim_arguments(options.devices), "--seed", options.seed))
        say(f"everything runs; ctrl-C ends it. In another terminal:\n  . {lab.write_environment(stack)}")
        lab.stay(stack)


def run(options):
    started = time.monotonic()
    if options.secure:
        say("making an authority, keys and certificates")
    with Stack(options.build, options.folder, secure=options.secure) as stack, contextlib.ExitStack() as ends:
        start_server(stack, FAST)
        start_fleet(stack, options)
        cameras = None
        releases = list(add_releases(stack))
        if options.secure:
            cameras = start_cameras(stack)
            ends.callback(cameras.close)
            say(strangers_stay_outside(stack))
            releases.append(cameras.release())
        rollouts = []
        for model, version in releases:
            rollouts.append(stack.drover("rollout", "start", model, version, "--spread", "2s", "--soak", "2s", "-o", "name").stdout.strip())
            say(f"rollout {rollouts[-1]} started: {model} goes to {version}")
        progress = Progress()

        def settled():
            states = [stack.drover_json("rollout", "show", rollout) for rollout in rollouts]
            progress.show(states)
            if cameras:
                cameras.check_alive()
            return all(state["settled"] for state in states)

        wait_until(settled, 120, "the rollouts to end", interval=0.5, alive=stack.processes)
        say("")
        say(outcome_table(stack, rollouts))
        if cameras:
            say("\n" + cameras.table())
        beside = f" and {len(cameras.agents)} agents" if cameras else ""
        say(f"\n{options.devices} devices{beside}, {time.monotonic() - started:.0f} s")
        if options.keep:
            keep(stack)


def keep(stack):
    drover = stack.program("drover").resolve()
    certificates = f"\n  pki      {stack.security.pki_folder}   (deploy/pki list {stack.security.pki_folder})" if stack.security else ""
    say(f"""
everything still runs; ctrl-C ends it
  MQTT     {stack.mqtt_url}
  HTTP     {stack.depot_url()}   (devices: /firmware/latest, /artifacts/...)
  API      {stack.url('')}   (/metrics, /readyz, /api/v1/...)
  Redis    {stack.redis_socket}{certificates}
three commands to try, in another terminal:
  export {' '.join(f'{name}={value}' for name, value in stack.drover_environment().items())}
  {drover} status
  {drover} device list --state failed
  {drover} events -f""")
    lab.stay(stack)


def main():
    options = arguments_of(sys.argv[1:])
    # SIGTERM ends like ctrl-C: the stack is taken down by `with`. What a script starts in the background inherits that ctrl-C is ignored.
    signal.signal(signal.SIGINT, signal.default_int_handler)
    signal.signal(signal.SIGTERM, lambda *_: signal.raise_signal(signal.SIGINT))
    try:
        (run_bad_release if options.bad_release else run_lab if options.lab else run)(options)
    except KeyboardInterrupt:
        say("\nended")
        return 130
    except (StackError, OSError) as error:
        print(f"quickstart: {error}", file=sys.stderr)
        return 1
    return 0


if __name__ == "__main__":
    sys.exit(main())
