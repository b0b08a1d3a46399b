"""The ingest benchmark: the same load through the same kind of private broker to droverd and to its peers, in one run.

For each consumer in each round: a fresh Mosquitto and Redis, the consumer subscribes, and drover-sim --load publishes at QoS 1 as
fast as the broker acknowledges. First every device sends a few heartbeats (the first contact of a device costs several times a
heartbeat of a known one, and happens once in its life); the clock and the CPU times run from then on until the consumer has done
its work for the last one. Rounds alternate, the best of each consumer counts: the machine is shared, noise only ever slows.

Peers: (a) paho-counts, a Paho client that only counts, with Paho's defaults; the same with Paho's trace off, as droverd has it;
(b) mqtt.js + ioredis and (c) paho-mqtt + redis-py, which do one HSET, ZADD and HGET a heartbeat.
"""
import argparse
import json
import os
import pathlib
import resource
import shutil
import subprocess
import sys
import time

ROOT = pathlib.Path(__file__).resolve().parents[2]
sys.path.insert(0, str(ROOT / "deploy"))
from stack import Stack, StackError, wait_until  # noqa: E402

SEQ_FIRST = 1_000_000_000   # sim/load_template.c: every device of a load begins with it
WARM_BEATS = 3              # of every device before the clock runs
TICKS = os.sysconf("SC_CLK_TCK")
PEERS = ROOT / "tests/bench/peers"


def cpu_s(pid):
    """User and system seconds of a process, its threads included; None when it has ended."""
    try:
        fields = pathlib.Path(f"/proc/{pid}/stat").read_text().rpartition(")")[2].split()
    except OSError:
        return None
    return (int(fields[11]) + int(fields[12])) / TICKS


def children_s():
    usage = resource.getrusage(resource.RUSAGE_CHILDREN)
    return usage.ru_utime + usage.ru_stime


def between(samples, at):
    """The value at a time, from (time, value) samples, on the line between its neighbours."""
    before = max((sample for sample in samples if sample[0] <= at), default=samples[0])
    after = min((sample for sample in samples if sample[0] > at), default=before)
    if after[0] == before[0]:
        return before[1]
    return before[1] + (after[1] - before[1]) * (at - before[0]) / (after[0] - before[0])


class Consumer:
    """One way to consume heartbeats: how to start it, when it had the warm-up behind it, when it was done, and the proof."""
    slow = False

    def __init__(self, stack, options, total, warm):
        self.stack, self.options, self.total, self.warm = stack, options, total, warm
        self.timed = total   # heartbeats since Redis' statistics were last reset


class Droverd(Consumer):
    name = "droverd"

    def start(self):
        # The rings are as large as in the field, so that bursts are taken as they are there.
        self.process = self.stack.start_droverd(settings={"ring.heartbeats_mib": 256, "log.level": "warn"})
        self.taken = [(time.monotonic(), 0)]

    def done(self):
        recorded = self.stack.metrics().get("drover_heartbeats_recorded_total", 0)
        if recorded >= self.warm > self.taken[-1][1]:
            self.stack.redis().config_resetstat()   # what Redis spends on known devices begins here
            self.timed = self.total - recorded
        self.taken.append((time.monotonic(), recorded))
        return recorded >= self.total

    def window(self):
        """From the warm-up's end on, which lies between two looks at the counter."""
        times = [(count, at) for at, count in self.taken]
        return between(times, self.warm), self.taken[-1][0]

    def prove(self):
        """Every device is in Redis, and the sequence numbers stored are the last ones sent: nothing was lost."""
        store = self.stack.redis()
        names = store.zrange("drover:v1:seen", 0, -1)
        assert len(names) == self.options.devices, f"{len(names)} devices in Redis, {self.options.devices} sent"
        pipe = store.pipeline(transaction=False)
        for name in names:
            pipe.hmget("drover:v1:device:" + name, "seq", "version", "boot_id", "online")
        records = pipe.execute()
        assert all(version and boot and online == "1" for _, version, boot, online in records), "records in Redis lack fields"
        # Each device counts its heartbeats from SEQ_FIRST on: what the newest ones say adds up to the number sent.
        in_redis = sum(int(seq) - SEQ_FIRST + 1 for seq, *_ in records)
        assert in_redis == self.total, f"by the newest seq numbers in Redis {in_redis} heartbeats, sent were {self.total}"
        metrics = self.stack.metrics()
        lost = self.total - metrics["drover_heartbeats_recorded_total"] + metrics["drover_heartbeats_dropped_total"]
        assert lost == 0, f"{lost:.0f} heartbeats are in no record"
        return f"in Redis: {len(names)} devices, newest seqs say {in_redis} heartbeats, lost 0"


class Peer(Consumer):
    def start(self):
        self.process = self.stack.start(self.name, self.command())
        wait_until(lambda: "subscribed" in self.log(), 30, f"{self.name} to subscribe", alive=[self.process])

    def log(self):
        return self.process.log_path.read_text(errors="replace")

    def done(self):
        return '"count"' in self.log()

    def window(self):
        said = json.loads(self.log().splitlines()[-1])
        assert said["count"] == self.total
        return said["first_s"], said["last_s"]

    def prove(self):
        return "lost 0"


class Counter(Peer):
    name = "paho-counts"
    trace = ()

    def command(self):
        return [self.stack.build / "tests/bench/count_client", self.stack.mqtt_url, "device/+/heartbeat", self.total, self.warm, *self.trace]


class QuietCounter(Counter):
    name = "paho-counts-quiet"
    trace = ("quiet",)


class Slow(Peer):
    slow = True

    def prove(self):
        devices = self.stack.redis().zcard("plain:seen")
        assert devices == min(self.options.devices, self.total), f"{devices} devices in Redis"
        return f"in Redis: {devices} devices, lost 0"


class Node(Slow):
    name = "mqtt.js+ioredis"

    def command(self):
        return ["node", self.options.node / "plain.js", self.stack.broker_port, self.stack.redis_socket, self.total]


class Python(Slow):
    name = "paho-mqtt+redis-py"

    def command(self):
        return ["/usr/bin/python3", PEERS / "plain.py", "127.0.0.1", self.stack.broker_port, self.stack.redis_socket, self.total]


def redis_per_command(stack, beats):
    """Microseconds a heartbeat that Redis spent, by command."""
    stats = stack.redis().info("commandstats")
    return {name[len("cmdstat_"):]: float(value["usec"]) / beats for name, value in stats.items() if "|" not in name}


class Syscalls:
    """Counts the system calls of some processes, from outside, when perf is there."""

    def __init__(self, pids):
        self.counts = {name: subprocess.Popen(["perf", "stat", "-x,", "-e", "raw_syscalls:sys_enter", "-p", str(pid)], text=True,
                                              stderr=subprocess.PIPE, stdin=subprocess.DEVNULL) for name, pid in pids.items()}

    def end(self):
        result = {}
        for name, process in self.counts.items():
            process.send_signal(2)
            number = process.communicate(timeout=10)[1].split(",")[0].strip()
            result[name] = int(number) if number.isdigit() else None
        return result


def measure(kind, options, count, warm_beats=WARM_BEATS, syscalls=False):
    warm = options.devices * warm_beats
    total = count + warm
    with Stack(options.build) as stack:
        redis_process = stack.start_redis(appendonly="yes")
        broker = stack.start_broker("autosave_interval 60\nmax_queued_messages 1000000\n")   # as in deploy/mosquitto
        consumer = kind(stack, options, total, warm)
        consumer.start()
        pids = {process.name: process.pid for process in (redis_process, broker, consumer.process)}
        samples = {name: [] for name in (*pids, "load")}
        watch = Syscalls(pids) if syscalls else None
        children = children_s()
        load = stack.start_sim("--load", "--devices", options.devices, "--connections", 4, "--rate", 0, "--count", total, "--seed", 1)
        looked_s = 0.0

        def sample(name, value):
            if value is not None:
                samples[name].append((time.monotonic(), value))

        def finished():
            nonlocal looked_s
            running = load.running
            sample("load", cpu_s(load.pid) if running else children_s() - children)
            for name, pid in pids.items():
                sample(name, cpu_s(pid))
            if running and time.monotonic() - looked_s < 0.1:
                return False   # looking at the consumer costs something: seldom while the load runs
            looked_s = time.monotonic()
            return consumer.done()

        wait_until(finished, max(60, total / 500), f"{kind.name} to take {total} heartbeats", interval=0.01)
        calls = watch.end() if watch else {}
        begin, end = consumer.window()
        beats = total - warm if not kind.slow else total
        redis = redis_per_command(stack, consumer.timed)
        cpu = {name: 1e6 * (between(values, end) - between(values, begin)) / beats for name, values in samples.items()}
        return {"rate": beats / (end - begin), "cpu": cpu, "cost": sum(cpu.values()), "proof": consumer.prove(), "redis": redis,
                "syscalls": {name: number / total for name, number in calls.items() if number}}


def install_node(options):
    """Peer (b) needs two npm packages; they go into the build folder. False, with the reason printed, when they cannot be had."""
    options.node = pathlib.Path(options.build).resolve() / "peers"
    if not shutil.which("npm") or not shutil.which("node"):
        print("peer (b) is left out: there is no npm here (apt-get install npm)")
        return False
    options.node.mkdir(exist_ok=True)
    for name in ("package.json", "plain.js"):
        shutil.copy(PEERS / name, options.node / name)
    if not (options.node / "node_modules/ioredis").exists():
        done = subprocess.run(["npm", "install", "--silent", "--no-audit", "--no-fund", "--no-package-lock"], cwd=options.node,
                              stdin=subprocess.DEVNULL, capture_output=True, text=True, timeout=300)
        if done.returncode:
            print(f"peer (b) is left out: npm install failed: {done.stderr.strip()[-300:]}")
            return False
    return True


def show(label, kind, result):
    print(f"{label} {kind.name:18} {result['rate']:7.0f} heartbeats/s   CPU us/heartbeat: "
          + ", ".join(f"{name} {value:.1f}" for name, value in result["cpu"].items() if value >= 0.05)
          + f" = {result['cost']:.1f}   {result['proof']}", flush=True)


def show_costs(options):
    """One more round each, which does not count: what is counted costs time."""
    if not shutil.which("perf"):
        print("system calls are not counted: there is no perf here (apt-get install linux-perf)")
        return
    for kind in (QuietCounter, Droverd):
        result = measure(kind, options, options.count // 4, syscalls=True)
        print(f"system calls a heartbeat with {kind.name}: "
              + ", ".join(f"{name} {number:.2f}" for name, number in result["syscalls"].items() if number >= 0.005), flush=True)


def main():
    parser = argparse.ArgumentParser(prog="tests/bench/ingest", description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--build", default="build/bench")
    parser.add_argument("--count", type=int, default=400_000, help="heartbeats a round for droverd and peer (a) (default %(default)s)")
    parser.add_argument("--slow-count", type=int, default=20_000, help="heartbeats for peers (b) and (c) (default %(default)s)")
    parser.add_argument("--no-slow", action="store_true", help="leave out peers (b) and (c)")
    parser.add_argument("--devices", type=int, default=20_000, help="devices they come from (default %(default)s)")
    parser.add_argument("--rounds", type=int, default=4, help="rounds of droverd and peer (a) (default %(default)s)")
    options = parser.parse_args()
    print("proof:   what droverd counts is " + measure(Droverd, options, options.devices)["proof"], flush=True)
    best, least = {}, {}   # by rate; CPU us of all processes together
    for number in range(options.rounds):
        for kind in (Counter, Droverd, QuietCounter):
            result = measure(kind, options, options.count)
            show(f"round {number + 1}", kind, result)
            least[kind.name] = min(least.get(kind.name, result["cost"]), result["cost"])
            if kind.name not in best or result["rate"] > best[kind.name]["rate"]:
                best[kind.name] = result
    ours, counts, quiet = best[Droverd.name], best[Counter.name], best[QuietCounter.name]
    slow = [] if options.no_slow else ([Node] if install_node(options) else []) + [Python]
    for kind in slow:
        best[kind.name] = measure(kind, options, options.slow_count, warm_beats=0)
        show("once:  ", kind, best[kind.name])
    show_costs(options)
    print("time inside Redis, us a heartbeat: "
          + ", ".join(f"{name} {usec:.2f}" for name, usec in sorted(ours["redis"].items(), key=lambda item: -item[1])[:4]))
    for kind in slow:
        print(f"droverd takes {ours['rate'] / best[kind.name]['rate']:.1f} x as many as {kind.name}")
    print(f"by CPU time, the least of each: {least[Counter.name] / least[Droverd.name]:.2f}, with Paho's trace off in both "
          f"{least[QuietCounter.name] / least[Droverd.name]:.2f}; by rate with it off: paho-counts-quiet {quiet['rate']:.0f}/s, ratio {ours['rate'] / quiet['rate']:.2f}")
    print(f"ratio {ours['rate'] / counts['rate']:.2f} droverd {ours['rate']:.0f}/s of paho-counts {counts['rate']:.0f}/s, lost 0")


if __name__ == "__main__":
    try:
        main()
    except StackError as error:
        sys.exit(f"ingest: {error}")
