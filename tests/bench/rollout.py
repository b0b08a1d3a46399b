"""The rollout benchmark: a fleet of a million devices in Redis, then a staged rollout, with broker, Redis, droverd and load on one machine.

The fleet comes to be as it would: one heartbeat of every device through broker and droverd, as fast as it goes. Memory a device is taken then. Devices of another
model speak at 2,000/s when a rollout for them is started with `drover rollout start`; the clock runs until the first command is out of the broker. Then --updates devices speak at --rate, are taken, told,
and answer like devices that succeed, one message a second (drover-sim --load --obey): opened, dispatched, acknowledged, downloading, installing, verifying,
succeeded: seven moves each, all but the first two begun by a message of the device, every one saved by its script before anything is said: --rate times seven
is what is offered. Nothing is downloaded: this is
about decisions. Every device that was taken must have succeeded in Redis, and the rates come from droverd's own counters. Each number is printed as a share of its bar.
"""
import argparse
import json
import os
import pathlib
import sys
import threading
import time

import paho.mqtt.client as mqtt

from scale import BARS, BASE_BYTES, Machine, Report, load_fleet, memory_kib
from stack import Stack, StackError, wait_until

MODEL = "esp32"
MOVES_EACH = 7
MOVES_BAR, DISPATCH_BAR_S = 10_000, 1.0
GATES = [{"measure": "failure_rate", "max_pct": 5, "then": "pause"}, {"measure": "heartbeat_loss", "max_pct": 50, "then": "pause"}]
LIMITS = {"max_in_flight": 50_000}
FIRST = 20_000   # devices of another model, some of which speak when the first rollout starts


class Ear:
    """When the first command came out of the broker."""

    def __init__(self, stack):
        self.first_s, subscribed = None, threading.Event()
        self.client = mqtt.Client("ear")
        self.client.on_message = self._heard
        self.client.on_connect = lambda client, *_: client.subscribe("update/+/+", qos=0)
        self.client.on_subscribe = lambda *_: subscribed.set()
        self.client.connect("127.0.0.1", stack.broker_port)
        self.client.loop_start()
        if not subscribed.wait(20):
            raise StackError("the broker does not take a subscription")

    def _heard(self, *_):
        self.first_s = self.first_s or time.monotonic()
        self.client.unsubscribe("update/+/+")

    def stop(self):
        self.client.loop_stop()


def moves_of(metrics):
    return {name.partition('on="')[2].rstrip('"}'): value for name, value in metrics.items() if name.startswith("drover_moves_total")}


def measure_memory(stack, droverd, options, redis_empty, report):
    anon, _ = memory_kib(droverd)
    over = max(anon * 1024 - BASE_BYTES, 0) / options.devices
    report.line("droverd, bytes a device", f"{over:.0f} beyond 30 MiB", over, BARS["droverd"])
    grown = (stack.redis().info("memory")["used_memory"] - redis_empty) / options.devices
    report.line("Redis, bytes a device", f"{grown:.0f}", grown, BARS["redis"])


def start_rollout(stack, name, model):
    plan = {"schema": 1, "id": name, "model": model, "version": "1.1.0", "spread_s": 0, "confirmations": 1, "limits": LIMITS, "gates": GATES,
            "stages": [{"name": "everybody"}]}
    path = stack.folder / "plan.json"
    path.write_text(json.dumps(plan))
    began = time.monotonic()
    stack.drover("rollout", "start", path, "-q")
    return began


def speak(stack, devices, model, rate, count, *more):
    return stack.start_sim("--load", "--devices", devices, "--connections", 8, "--seed", 1, "--rate", rate, "--count", count, "--models", model, *more, name="speakers")


def in_flight(stack, rollout):
    return stack.drover_json("rollout", "show", rollout)["in_flight"]


def measure_first_dispatch(stack, report):
    """On devices of a model of its own, beside the million; the rollout is over as soon as it has begun."""
    ear = Ear(stack)
    speakers = speak(stack, FIRST, "gateway", 2000, FIRST, "--prefix", "gw-")
    known = lambda: int(stack.redis().hget("drover:v1:model:gateway", "devices") or 0)  # noqa: E731
    wait_until(lambda: known() >= FIRST // 10, 60, "devices to speak", interval=0.01)
    began = start_rollout(stack, "first", "gateway")
    wait_until(lambda: ear.first_s, 60, "the first command", interval=0.001)
    ear.stop()
    stack.drover("rollout", "cancel", "first", "-q")
    took_s = ear.first_s - began
    report.line("start to the first command, s", f"{took_s:.3f}", took_s, DISPATCH_BAR_S)
    wait_until(lambda: not speakers.running, 60, "the first speakers to end")
    stack.forget(speakers)
    wait_until(lambda: in_flight(stack, "first") == 0, 60, "the first rollout to be over", interval=0.5)


def cpu_seconds(stack):
    """CPU seconds by now of each process that runs."""
    ticks = os.sysconf("SC_CLK_TCK")
    fields = {process.name: pathlib.Path(f"/proc/{process.pid}/stat").read_text().rpartition(")")[2].split() for process in stack.processes if process.running}
    return {name: (int(field[11]) + int(field[12])) / ticks for name, field in fields.items()}


def sustained(rates):
    """The rate in the middle half of the seconds: in the first ones no device is beyond its first steps, in the last ones few are left."""
    middle = rates[len(rates) // 4: len(rates) - len(rates) // 4]
    return sum(middle) / len(middle)


def succeeded(stack):
    return int(stack.redis().hget("drover:v1:rollout:bench", "state:succeeded") or 0)


def measure_moves(stack, droverd, options, report):
    start_rollout(stack, "bench", MODEL)
    before, machine, cpu, began = moves_of(stack.metrics()), Machine(stack), cpu_seconds(stack), time.monotonic()
    speakers = speak(stack, options.devices, MODEL, options.rate, options.updates, "--sent-before", 1)
    rates = []
    last, last_s = sum(before.values()), began
    while speakers.running or not settled(stack):
        time.sleep(1)
        now, now_s = sum(moves_of(stack.metrics()).values()), time.monotonic()
        rates.append((now - last) / (now_s - last_s))
        last, last_s = now, now_s
        if now_s - began > options.updates / 200 + 60:
            raise StackError(f"the devices are not done: {states_of(stack)}")
    cpu = {name: now - cpu.get(name, 0) for name, now in cpu_seconds(stack).items()}
    stack.forget(speakers)
    took_s, after, used = time.monotonic() - began, moves_of(stack.metrics()), Machine(stack)
    moved = {on: after[on] - before.get(on, 0) for on in after}
    moves, done = sum(moved.values()), succeeded(stack)
    print(f"{done} devices updated in {took_s:.1f} s: {done / took_s:.0f}/s; of {os.cpu_count()} cores broker, Redis, droverd and who answers took "
          f"{used.own_since(machine) / took_s:.2f}, everything else {used.others_since(machine) / took_s:.2f}")
    print("moves: " + ", ".join(f"{on} {count:.0f}" for on, count in sorted(moved.items(), key=lambda item: -item[1]) if count))
    if moved["open"] != done or moved["confirmed"] != done or moves > MOVES_EACH * done or done < 0.8 * options.updates:
        raise StackError(f"{moves:.0f} moves, {moved['open']:.0f} of {options.updates} devices taken, {done} updated")
    print(f"{done} of {options.updates} devices were taken at their first heartbeat, the others wait for another; {moves / done:.2f} moves a device, of {MOVES_EACH} when nothing lags")
    rate = sustained(rates)
    print(f"dispatches {moved['dispatch'] / took_s:.0f}/s; moves {moves / took_s:.0f}/s from first to last, {rate:.0f}/s in the middle half of the seconds, at most {max(rates):.0f}")
    print("CPU us a device: " + ", ".join(f"{name} {1e6 * seconds / done:.0f}" for name, seconds in sorted(cpu.items(), key=lambda item: -item[1])))
    anon, _ = memory_kib(droverd)
    print(f"droverd {anon / 1024:.1f} MiB at the end")
    report.line("moves/s missing to the bar", f"{rate:.0f} of {MOVES_BAR}", max(0.0, MOVES_BAR - rate), 0)
    return rate


def states_of(stack):
    counts = stack.redis().hgetall("drover:v1:rollout:bench")
    return {name: int(value) for name, value in counts.items() if name.startswith("state:")}


def settled(stack):
    return stack.redis().zcard("drover:priv:rollout:bench:queue") == 0 and set(states_of(stack)) <= {"state:succeeded"}


def main():
    parser = argparse.ArgumentParser(prog="tests/bench/rollout", description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--build", default="build/bench")
    parser.add_argument("--devices", type=int, default=1_000_000)
    parser.add_argument("--updates", type=int, default=60_000, help="devices that are updated for moves/s (default %(default)s)")
    parser.add_argument("--rate", type=int, default=1600, help="devices a second that speak: seven moves each (default %(default)s)")
    options = parser.parse_args()
    report = Report()
    with Stack(options.build) as stack:
        stack.start_redis(**{"auto-aof-rewrite-min-size": "256mb"})
        stack.start_broker("autosave_interval 60\nmax_queued_messages 1000000\n")
        # the fleet says one heartbeat and then is quiet: it must not count as offline meanwhile
        droverd = stack.start_droverd(settings={"ring.heartbeats_mib": 256, "ring.reports_mib": 64, "log.level": "warn", "flow.offline_after_ms": 3_600_000})
        redis_empty = stack.redis().info("memory")["used_memory"]
        for model in (MODEL, "gateway"):
            stack.add_release(model, "1.1.0", size=4096)
        _, took_s = load_fleet(stack, options, rate=0, count=options.devices)
        print(f"{options.devices} devices in Redis after {took_s:.1f} s; load average {os.getloadavg()[0]:.1f}", flush=True)
        measure_memory(stack, droverd, options, redis_empty, report)
        stack.start_sim("--load", "--obey", "--connections", 2, "--devices", options.devices, "--seed", 1, "--models", MODEL, "--step-ms", 1000, name="answers")
        measure_first_dispatch(stack, report)
        rate = measure_moves(stack, droverd, options, report)
    print(f"moves {rate:.0f} per second through MQTT, Redis and back, with {options.devices} devices")
    return 1 if report.failed else 0


if __name__ == "__main__":
    os.environ.setdefault("PYTHONUNBUFFERED", "1")
    try:
        sys.exit(main())
    except StackError as error:
        sys.exit(f"rollout: {error}")
