"""The ingest benchmark: the same load through the same kind of private broker to droverd and to three peers, in one run.

For each consumer in each round: a fresh Mosquitto and Redis, the consumer subscribes, drover-sim --load publishes N heartbeats at
QoS 1 as fast as the broker acknowledges, and the clock runs from the first publish until the consumer has done its work for the
last one. The best round counts (the machine is shared; noise only ever slows). Peers: (a) a Paho client that only counts,
(b) mqtt.js + ioredis, (c) paho-mqtt + redis-py; (b) and (c) do one HSET, ZADD and HGET a heartbeat.
"""
import argparse
import json
import os
import pathlib
import shutil
import subprocess
import sys
import time

ROOT = pathlib.Path(__file__).resolve().parents[2]
sys.path.insert(0, str(ROOT / "deploy"))
from stack import Stack, StackError, wait_until  # noqa: E402

SEQ_FIRST = 1_000_000_000   # sim/load_template.c: every device of a load begins with it
TICKS = os.sysconf("SC_CLK_TCK")
PEERS = ROOT / "tests/bench/peers"


def cpu_s(pid):
    """User and system seconds of a process, its threads included."""
    fields = pathlib.Path(f"/proc/{pid}/stat").read_text().rpartition(")")[2].split()
    return (int(fields[11]) + int(fields[12])) / TICKS


def words_in_log(process, word):
    return word in process.log_path.read_text(errors="replace")


class Consumer:
    """One way to consume heartbeats: how to start it, and how to see that it has done `expected`."""

    def __init__(self, stack, options):
        self.stack, self.options = stack, options

    def prove(self):
        return ""


class Droverd(Consumer):
    name = "droverd"
    share = ""

    def start(self):
        # The rings are as large as in the field, so that bursts are taken as they are there.
        self.process = self.stack.start_droverd(settings={"ring.heartbeats_mib": 256, "log.level": "warn"})

    def done(self):
        metrics = self.stack.metrics()
        return metrics.get("drover_heartbeats_recorded_total", 0) >= self.options.count

    def prove(self):
        """Every device is in Redis, and the sequence numbers stored are the last ones sent: nothing was lost."""
        store = self.stack.redis()
        devices = store.zcard("drover:v1:seen")
        assert devices == self.options.devices, f"{devices} devices in Redis, {self.options.devices} sent"
        pipe = store.pipeline(transaction=False)
        names = store.zrange("drover:v1:seen", 0, -1)
        for name in names:
            pipe.hget("drover:v1:device:" + name, "seq")
        # Each device counts its heartbeats from SEQ_FIRST on: what the newest ones say adds up to the number sent.
        total = sum(int(seq) - SEQ_FIRST + 1 for seq in pipe.execute())
        assert total == self.options.count, f"by the newest seq numbers in Redis {total} heartbeats, sent were {self.options.count}"
        metrics = self.stack.metrics()
        lost = self.options.count - metrics["drover_heartbeats_recorded_total"] + metrics["drover_heartbeats_dropped_total"]
        return f"in Redis: {devices} devices, newest seqs say {total} heartbeats, lost {lost:.0f}"


class Peer(Consumer):
    def start(self):
        self.process = self.stack.start(self.name, self.command())
        wait_until(lambda: words_in_log(self.process, "subscribed"), 30, f"{self.name} to subscribe", alive=[self.process])

    def done(self):
        return words_in_log(self.process, '"count"')


class Counter(Peer):
    name = "paho-counts"

    def command(self):
        return [self.stack.build / "tests/bench/count_client", self.stack.mqtt_url, "device/+/heartbeat", self.options.count]


class Node(Peer):
    name = "mqtt.js+ioredis"

    def command(self):
        return ["node", self.options.node / "plain.js", self.stack.broker_port, self.stack.redis_socket, self.options.count]


class Python(Peer):
    name = "paho-mqtt+redis-py"

    def command(self):
        return ["/usr/bin/python3", PEERS / "plain.py", "127.0.0.1", self.stack.broker_port, self.stack.redis_socket, self.options.count]


def redis_per_command(stack):
    """Microseconds Redis spent, by command, and calls."""
    return {name[len("cmdstat_"):]: (int(value["calls"]), float(value["usec"])) for name, value in stack.redis().info("commandstats").items()
            if int(value["calls"]) > 0}


def measure(kind, options):
    with Stack(options.build) as stack:
        redis_process = stack.start_redis(appendonly="yes")
        broker = stack.start_broker()
        consumer = kind(stack, options)
        consumer.start()
        stack.redis().config_resetstat()
        before = {process.name: cpu_s(process.pid) for process in (redis_process, broker, consumer.process)}
        started = time.monotonic()
        load = stack.start_sim("--load", "--devices", options.devices, "--connections", 4, "--rate", 0, "--count", options.count, "--seed", 1)
        deadline = max(60, options.count / 500)
        load_cpu = 0.0

        def finished():
            nonlocal load_cpu
            if load.running:
                load_cpu = cpu_s(load.pid)
            return consumer.done()

        wait_until(finished, deadline, f"{kind.name} to take {options.count} heartbeats", interval=0.02)
        elapsed = time.monotonic() - started
        cpu = {name: 1e6 * (cpu_s(pid) - before[name]) / options.count
               for name, pid in ((process.name, process.pid) for process in (redis_process, broker, consumer.process)) if pathlib.Path(f"/proc/{pid}").exists()}
        cpu["load"] = 1e6 * load_cpu / options.count
        return {"rate": options.count / elapsed, "cpu": cpu, "proof": consumer.prove(), "redis": redis_per_command(stack)}


def install_node(options):
    """Peer (b) needs two npm packages; they go into the build folder. False when there is no npm here."""
    options.node = pathlib.Path(options.build).resolve() / "peers"
    if not shutil.which("npm"):
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


def main():
    parser = argparse.ArgumentParser(prog="tests/bench/ingest", description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--build", default="build/bench")
    parser.add_argument("--count", type=int, default=400_000, help="heartbeats a round for droverd and peer (a) (default %(default)s)")
    parser.add_argument("--slow-count", type=int, default=40_000, help="heartbeats for peers (b) and (c) (default %(default)s)")
    parser.add_argument("--devices", type=int, default=20_000, help="devices they come from (default %(default)s)")
    parser.add_argument("--rounds", type=int, default=3, help="rounds of droverd and peer (a) (default %(default)s)")
    options = parser.parse_args()
    kinds = [Counter, Droverd]
    slow = ([Node] if install_node(options) else []) + [Python]
    best = {}
    count = options.count
    for number in range(options.rounds + 1):
        last = number == options.rounds
        options.count = options.slow_count if last else count
        for kind in (slow if last else kinds):
            result = measure(kind, options)
            print(f"round {number + 1}: {kind.name:20} {result['rate']:9.0f} heartbeats/s   CPU us/heartbeat: "
                  + ", ".join(f"{name} {value:.1f}" for name, value in result["cpu"].items()) + (f"   {result['proof']}" if result["proof"] else ""), flush=True)
            if kind.name not in best or result["rate"] > best[kind.name]["rate"]:
                best[kind.name] = result
    ours, counts = best[Droverd.name], best[Counter.name]
    print("\nRedis time of the best droverd round, us per heartbeat: "
          + ", ".join(f"{name} {usec / count:.2f}" for name, (_, usec) in sorted(ours["redis"].items(), key=lambda item: -item[1][1])[:5]))
    for kind in slow:
        print(f"droverd takes {ours['rate'] / best[kind.name]['rate']:.1f} x as many as {kind.name}")
    print(f"ratio {ours['rate'] / counts['rate']:.2f} droverd {ours['rate']:.0f}/s of paho-counts {counts['rate']:.0f}/s, lost 0")


if __name__ == "__main__":
    try:
        main()
    except StackError as error:
        sys.exit(f"ingest: {error}")
