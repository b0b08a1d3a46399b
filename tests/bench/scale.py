"""The scale benchmark: a fleet of a million devices, one heartbeat each 30 s, with broker, Redis, droverd and load on one machine.

drover-sim --load publishes for all devices over a few connections. First every device sends one heartbeat, as fast as it goes: they
are new to Drover, which costs several times a heartbeat of a known device. Then, at the rate asked for, is measured: droverd's own memory a device (what its rings have mapped is page cache and told apart), Redis' memory a device,
heartbeat-to-Redis delay (droverd's gauge: age of the oldest heartbeat that Redis has not taken, looked at 20 times a second), loss;
then droverd is killed with SIGKILL and started again, and the clock runs from its start until a command for a device that speaks all
the while has come out of the broker: a decision, saved and spoken. Each number is printed as a share of its bar.
"""
import argparse
import os
import pathlib
import statistics
import sys
import threading
import time

import paho.mqtt.client as mqtt

ROOT = pathlib.Path(__file__).resolve().parents[2]
sys.path.insert(0, str(ROOT / "deploy"))
from stack import Stack, StackError, wait_until  # noqa: E402

BASE_BYTES = 30 << 20     # droverd without devices
PROBE = '{"schema":1,"model":"probe","version":"1.0.0","boot_id":"b1","managed":true,"seq":%d}'
BARS = {"droverd": 100, "redis": 450, "lag": 1.0, "lost": 0, "restart": 2.0}


def memory_kib(process):
    """Anonymous and file-backed memory of a process."""
    lines = pathlib.Path(f"/proc/{process.pid}/status").read_text().splitlines()
    values = {line.split(":")[0]: int(line.split()[1]) for line in lines if line.startswith("Rss")}
    return values["RssAnon"], values["RssFile"] + values["RssShmem"]


class Machine:
    """CPU seconds by now: of the broker, Redis and droverd, and of everything."""

    def __init__(self, stack):
        ticks = os.sysconf("SC_CLK_TCK")
        fields = [pathlib.Path(f"/proc/{process.pid}/stat").read_text().rpartition(")")[2].split() for process in stack.processes]
        self.own_s = sum(int(field[11]) + int(field[12]) for field in fields) / ticks
        busy = [int(text) for text in pathlib.Path("/proc/stat").read_text().splitlines()[0].split()[1:]]
        self.all_s = (sum(busy[:8]) - busy[3] - busy[4]) / ticks   # without idle and waiting for disks

    def own_since(self, before):
        return self.own_s - before.own_s

    def others_since(self, before):
        return self.all_s - before.all_s - self.own_since(before)


class Report:
    """Lines of measured values; `failed` when one is beyond its bar."""

    def __init__(self):
        self.failed = False

    def line(self, what, text, value, bar):
        ok = value <= bar
        self.failed = self.failed or not ok
        share = f"{value / bar:.2f} of the bar {bar:g}" if bar else f"bar {bar:g}"
        print(f"{what:34} {text:26} {share}{'' if ok else '   MISSED'}", flush=True)


class Probe:
    """A device of a model of its own, which is behind the release that is rolled out to it."""

    def __init__(self, stack):
        self.commanded_s, self.seq = None, 0
        self.client = mqtt.Client("probe")
        self.client.on_message = self._commanded
        self.client.connect("127.0.0.1", stack.broker_port)
        self.client.subscribe("update/probe/+", qos=1)
        self.client.loop_start()

    def _commanded(self, *_):
        self.commanded_s = self.commanded_s or time.monotonic()

    def speak(self):
        self.seq += 1
        self.client.publish("device/probe-1/heartbeat", PROBE % self.seq, qos=1).wait_for_publish(10)

    def stop(self):
        self.client.loop_stop()


def watch_lag(stack, stop, samples):
    while not stop.wait(0.05):
        samples.append(stack.metrics()["drover_ingest_lag_seconds"])


def load_fleet(stack, options, **load):
    """Runs a load to its end and until Redis has taken its last heartbeat; returns the samples of the delay and the seconds it took."""
    recorded = lambda: stack.metrics()["drover_heartbeats_recorded_total"]  # noqa: E731
    lags, stop, expected = [], threading.Event(), recorded() + load["count"]
    watcher = threading.Thread(target=watch_lag, args=(stack, stop, lags))
    arguments = [text for name, value in load.items() for text in (f"--{name.replace('_', '-')}", value)]
    began = time.monotonic()
    process = stack.start_sim("--load", "--devices", options.devices, "--connections", 8, "--seed", 1, *arguments)
    watcher.start()
    try:
        wait_until(lambda: not process.running, load["count"] / 5000 + 60, "the load to end", interval=0.1)
        wait_until(lambda: recorded() >= expected, 120, "Redis to take the last heartbeat", interval=0.02)
    finally:
        stop.set()
        watcher.join()
    stack.forget(process)
    return lags, time.monotonic() - began


def quantile(samples, share):
    return sorted(samples)[min(int(share * len(samples)), len(samples) - 1)]


def measure_fleet(stack, droverd, options, report):
    store = stack.redis()
    redis_empty, anon_empty = store.info("memory")["used_memory"], memory_kib(droverd)[0]
    _, took_s = load_fleet(stack, options, rate=0, count=options.devices)
    print(f"first contact of {options.devices} devices in {took_s:.1f} s: {options.devices / took_s:.0f}/s, as fast as it goes", flush=True)
    count = options.rate * options.seconds
    rewrites, before = store.info("persistence")["aof_rewrites"], Machine(stack)
    lags, took_s = load_fleet(stack, options, rate=options.rate, count=count, sent_before=1)
    rewrites, after = store.info("persistence")["aof_rewrites"] - rewrites, Machine(stack)
    print(f"then {count} heartbeats in {took_s:.1f} s: {count / took_s:.0f}/s, asked {options.rate}/s; delay: median "
          f"{statistics.median(lags):.3f} s, max {max(lags):.3f} s")
    print(f"meanwhile {rewrites} AOF rewrites; of {os.cpu_count()} cores broker, Redis and droverd took {after.own_since(before) / took_s:.2f}, "
          f"everything else on the machine {after.others_since(before) / took_s:.2f} (load, AOF rewrites, this program, others)")
    anon, mapped = memory_kib(droverd)
    print(f"droverd: {anon_empty / 1024:.1f} MiB without devices, {anon / 1024:.1f} MiB with them; apart from that "
          f"{mapped / 1024:.1f} MiB of page cache mapped: the rings, the program")
    over = max(anon * 1024 - BASE_BYTES, 0) / options.devices
    report.line("droverd, bytes a device", f"{over:.0f} beyond 30 MiB", over, BARS["droverd"])
    grown = (store.info("memory")["used_memory"] - redis_empty) / options.devices
    report.line("Redis, bytes a device", f"{grown:.0f}", grown, BARS["redis"])
    lag = quantile(lags, 0.99)
    report.line("heartbeat to Redis, p99, s", f"{lag:.3f}", lag, BARS["lag"])
    lost = options.devices - store.zcard("drover:v1:seen") + options.devices + count - stack.metrics()["drover_heartbeats_recorded_total"]
    report.line("lost", f"{lost:.0f}", abs(lost), BARS["lost"])


def measure_restart(stack, droverd, options, report):
    stack.add_release("probe", "1.1.0", size=4096)
    stack.drover("rollout", "start", "probe", "1.1.0")
    droverd.kill()
    stack.forget(droverd)
    probe = Probe(stack)
    probe.speak()   # waits in the broker for droverd
    began = time.monotonic()
    droverd = stack.start_droverd(settings=options.settings, wait_ready=False)
    wait_until(stack.ready, 60, "droverd to be ready", interval=0.01, alive=[droverd])
    ready_s = time.monotonic() - began

    def commanded():
        probe.speak()
        return probe.commanded_s

    wait_until(commanded, 60, "the command to come", interval=0.05, alive=[droverd])
    probe.stop()
    took_s = probe.commanded_s - began
    print(f"after kill -9: ready after {ready_s:.2f} s, the command for a heartbeat after {took_s:.2f} s")
    report.line("restart to a decision, s", f"{took_s:.2f}", took_s, BARS["restart"])


def main():
    parser = argparse.ArgumentParser(prog="tests/bench/scale", description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--build", default="build/bench")
    parser.add_argument("--devices", type=int, default=1_000_000)
    parser.add_argument("--rate", type=int, default=33_400, help="heartbeats a second (default %(default)s)")
    parser.add_argument("--seconds", type=int, default=60, help="for how long known devices send (default %(default)s)")
    options = parser.parse_args()
    options.settings = {"ring.heartbeats_mib": 256, "ring.reports_mib": 64, "log.level": "warn"}   # as by default
    report = Report()
    with Stack(options.build) as stack:
        stack.start_redis(**{"auto-aof-rewrite-min-size": "256mb"})   # as in deploy/redis
        stack.start_broker("autosave_interval 60\nmax_queued_messages 1000000\n")   # as in deploy/mosquitto
        droverd = stack.start_droverd(settings=options.settings)
        measure_fleet(stack, droverd, options, report)
        measure_restart(stack, droverd, options, report)
    return 1 if report.failed else 0


if __name__ == "__main__":
    os.environ.setdefault("PYTHONUNBUFFERED", "1")
    try:
        sys.exit(main())
    except StackError as error:
        sys.exit(f"scale: {error}")
