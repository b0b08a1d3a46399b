#!/usr/bin/env python3
"""What heartbeats cost Redis: us a device and bytes a device, against a private Redis on a Unix socket.

    /usr/bin/python3 redis-scripts/measure.py [--devices 200000] [--batch 128] [--aof]

Devices send in a fixed order, as they do when each keeps its own 30 s. `script` is the time inside EVALSHA, `cpu` all of Redis' CPU
time (reading, answering, AOF included). The client prepares all commands beforehand and keeps 8 of them outstanding.
"""
import argparse
import collections
import pathlib
import random
import socket
import subprocess
import sys
import tempfile
import time

import redis

HERE = pathlib.Path(__file__).resolve().parent
FSM = HERE.parent / "orchestrator/core/upgrade_fsm.def"
WINDOW = 8


def embedded(name):
    return subprocess.run([sys.executable, HERE / "embed.py", "--print", FSM, HERE / f"{name}.lua"], check=True, capture_output=True,
                          text=True).stdout


def packed(*arguments):
    out = [b"*%d\r\n" % len(arguments)]
    for argument in arguments:
        data = str(argument).encode()
        out.append(b"$%d\r\n%s\r\n" % (len(data), data))
    return b"".join(out)


def read_reply(stream):
    line = stream.readline()
    if line[:1] == b"$":
        return stream.read(int(line[1:]) + 2)[:-2] if line != b"$-1\r\n" else None
    if line[:1] == b"*":
        return [read_reply(stream) for _ in range(int(line[1:]))]
    if line[:1] == b"-":
        raise SystemExit(line)
    return line


class Fleet:
    def __init__(self, count):
        rnd = random.Random(1)
        self.ids = [f"sim-{n:07d}" for n in range(count)]
        self.facts = [rnd.getrandbits(32) - 2 ** 31 for _ in range(count)]
        self.boots = [f"{rnd.getrandbits(64):016x}" for _ in range(count)]
        self.order = list(range(count))
        rnd.shuffle(self.order)
        self.seq, self.at_ms = 0, 1_700_000_000_000

    def batches(self, size, flag):
        self.seq += 1
        self.at_ms += 30_000
        for first in range(0, len(self.order), size):
            part = self.order[first:first + size]
            at_ms = self.at_ms + first * 30_000 // len(self.order)
            arguments = [chr(48 + flag) * len(part), "drover-1", 1000000, 3, 3600000]
            for n in part:
                arguments += [at_ms, self.ids[n]]
            for n in part:
                arguments += [self.facts[n], self.seq]
            if flag & 1:
                for n in part:   # what drover-sim's devices say
                    network = n % 3
                    arguments += ["esp32", "1.0.0", ("A", "B", "B2", "C")[n % 4], "idle", "a", self.boots[n], ("wifi", "ethernet", "cellular")[network],
                                  "" if network == 1 else -60, 80 if network == 2 else "", "normal", "", "", "managed" if n % 5 else "", at_ms - 5000]
            yield len(part), arguments


def run(path, client, name, sha, batches, expected):
    commands, devices = [], 0
    for count, arguments in batches:
        commands.append((count, packed("EVALSHA", sha, 2, "drover:v1:", "drover:priv:", *arguments)))
        devices += count
    connection = socket.socket(socket.AF_UNIX)
    connection.connect(path)
    stream = connection.makefile("rb")
    client.config_resetstat()
    before, began, waiting = client.info("cpu"), time.monotonic(), []
    for count, command in commands:
        connection.sendall(command)
        waiting.append(count)
        if len(waiting) == WINDOW:
            answer = read_reply(stream)
            codes = answer[0] if isinstance(answer, list) else answer
            assert codes == expected * waiting.pop(0), codes
    for count in waiting:
        assert read_reply(stream)[0] == expected * count
    wall = time.monotonic() - began
    after, stats = client.info("cpu"), client.info("commandstats")
    cpu = sum(after[key] - before[key] for key in ("used_cpu_user_main_thread", "used_cpu_sys_main_thread"))
    inside = "  ".join(f"{key[8:]} {value['usec'] / devices:.2f}" for key, value in sorted(stats.items())
                       if key[8:] in ("hget", "hmget", "hset", "zadd", "hincrby", "sadd"))
    print(f"{name:22} script {stats['cmdstat_evalsha']['usec'] / devices:5.2f}  cpu {cpu * 1e6 / devices:5.2f} us/device"
          f"  {devices / wall:8.0f}/s  ({inside})")
    connection.close()


def main():
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--devices", type=int, default=200_000)
    parser.add_argument("--batch", type=int, default=128)
    parser.add_argument("--rounds", type=int, default=3)
    parser.add_argument("--aof", action="store_true", help="appendonly yes, appendfsync everysec")
    options = parser.parse_args()
    with tempfile.TemporaryDirectory(prefix="drover-measure-") as folder:
        path = f"{folder}/redis.sock"
        process = subprocess.Popen(["redis-server", "--port", "0", "--unixsocket", path, "--dir", folder, "--save", "", "--appendonly",
                                    "yes" if options.aof else "no"], stdout=subprocess.DEVNULL)
        try:
            client = redis.Redis(unix_socket_path=path, decode_responses=True)
            for _ in range(200):
                try:
                    client.ping()
                    break
                except redis.ConnectionError:
                    time.sleep(0.05)
            sha = client.script_load(embedded("heartbeat_record"))
            empty = client.info("memory")["used_memory"]
            fleet = Fleet(options.devices)
            print(f"{options.devices} devices, batches of {options.batch}, aof {'on' if options.aof else 'off'}")
            run(path, client, "first contact (long)", sha, fleet.batches(options.batch, 1), b"0")
            for _ in range(options.rounds):
                run(path, client, "steady (short)", sha, fleet.batches(options.batch, 0), b"0")
            run(path, client, "changed (long)", sha, fleet.batches(options.batch, 1), b"0")
            sizes = collections.Counter(client.memory_usage(f"drover:v1:device:{name}") for name in fleet.ids[:300])
            print("records of", ", ".join(f"{size} bytes: {count / 3:.0f} %" for size, count in sorted(sizes.items())))
            key = f"drover:v1:device:{fleet.ids[0]}"
            print(f"memory {(client.info('memory')['used_memory'] - empty) / options.devices:.0f} bytes/device"
                  f" ({client.memory_usage(key)} of them {key}, {client.object('encoding', key)})")
        finally:
            process.terminate()
            process.wait(10)


if __name__ == "__main__":
    main()
