"""The depot benchmark: droverd's depot and nginx give out the same files from the same folder, in one run.

wrk asks both in turn for a large file (bytes/s) and a small one (requests/s), plain and over TLS; rounds alternate, the best of each counts: the machine is
shared, noise only ever slows. Both have as many workers as http.threads; nginx has sendfile, tcp_nopush, a cache of open files and no access log.
wrk itself takes most of the processor, so what a server needs for itself is printed beside: seconds of the processor for a GiB, from /proc.

Then a fresh droverd has thousands of downloads open at a time, each read slowly: its resident memory, how late the loop's timer is (its own histogram),
and how long a decision (/firmware/latest, which the loop makes) takes meanwhile.

R is droverd's bytes/s to nginx's, plain. Bars: R at least 0.9, memory under 100 MiB, lag p99 under 20 ms.
"""
import argparse
import hashlib
import http.client
import json
import os
import pathlib
import subprocess
import sys
import time

ROOT = pathlib.Path(__file__).resolve().parents[2]
sys.path.insert(0, str(ROOT / "deploy"))
from delta import Archive  # noqa: E402
from ingest import cpu_s  # noqa: E402
from stack import Stack, StackError, free_port, accepts, wait_until  # noqa: E402

RATIO_BAR, MEMORY_BAR_MIB, LAG_BAR_S = 0.9, 100, 0.020
PART = 4 << 20
LARGE_BYTES, SMALL_BYTES, SLOW_BYTES = 16 << 20, 4096, 64 << 20
WORKERS = 2
LAG = "drover_loop_lag_seconds"

NGINX = """
daemon off; {user} worker_processes {workers}; pid {folder}/nginx.pid; error_log {folder}/nginx.error warn;
events {{ worker_connections 8192; }}
http {{
    access_log off; sendfile on; tcp_nopush on; tcp_nodelay on; keepalive_requests 100000000; open_file_cache max=100; types {{ }}
    client_body_temp_path {folder}; proxy_temp_path {folder}; fastcgi_temp_path {folder}; uwsgi_temp_path {folder}; scgi_temp_path {folder};
    ssl_certificate {certificate}; ssl_certificate_key {certificate}; ssl_protocols TLSv1.3;
    server {{ listen 127.0.0.1:{plain} reuseport backlog=1024; listen 127.0.0.1:{tls} ssl reuseport backlog=1024; root {root}; }}
}}
"""


class Server:
    """Something that serves the files: its address plain and over TLS, how it names a file, and its processes."""

    def __init__(self, name, plain, tls, path, pids):
        self.name, self.plain, self.tls, self.path, self.pids = name, plain, tls, path, pids

    def url(self, secure, digest):
        return f"https://127.0.0.1:{self.tls}{self.path(digest)}" if secure else f"http://127.0.0.1:{self.plain}{self.path(digest)}"

    def cpu_s(self):
        return sum(cpu_s(pid) or 0 for pid in self.pids)


class Tools:
    """nginx and wrk as Debian has them, unpacked and not installed."""

    def __init__(self, cache):
        archive = Archive(cache)
        self.nginx = archive.tree("nginx") / "usr/sbin/nginx"
        self.wrk = archive.tree("wrk") / "usr/bin/wrk"
        self.libraries = archive.tree("libluajit-5.1-2") / "usr/lib" / subprocess.run(["gcc", "-print-multiarch"], capture_output=True, text=True).stdout.strip()

    def load(self, url, connections, seconds):
        done = subprocess.run([self.wrk, "-t1", f"-c{connections}", f"-d{seconds}s", "--timeout", "20s", "-s", ROOT / "tests/bench/depot_report.lua", url],
                              capture_output=True, text=True, env={**os.environ, "LD_LIBRARY_PATH": str(self.libraries)})
        if done.returncode:
            raise StackError(f"wrk: {done.stderr.strip()}")
        result = json.loads(done.stdout.splitlines()[-1])
        if result["errors"] or not result["requests"]:
            raise StackError(f"wrk met errors: {result}")
        return result


def put(stack, content):
    """Uploads; the SHA-256 is the name."""
    digest = hashlib.sha256(content).hexdigest()
    connection = http.client.HTTPConnection("127.0.0.1", stack.api_ports["drover-1"], timeout=60)
    for offset in range(0, len(content), PART):
        connection.request("PUT", f"/api/v1/uploads/{digest}?size={len(content)}&offset={offset}", content[offset:offset + PART],
                           {"Authorization": "Bearer " + stack.token_file.read_text().strip()})
        answer = connection.getresponse()
        assert answer.status == 200, answer.read()
        answer.read()
    return digest


def certificate_make(folder):
    path = folder / "server.pem"
    subprocess.run(["openssl", "req", "-x509", "-newkey", "ec", "-pkeyopt", "ec_paramgen_curve:P-256", "-nodes", "-days", "2", "-subj", "/CN=localhost",
                    "-keyout", path, "-out", folder / "certificate.pem"], check=True, capture_output=True)
    path.write_bytes((folder / "certificate.pem").read_bytes() + path.read_bytes())
    return path


def children(pid):
    return [int(child) for child in pathlib.Path(f"/proc/{pid}/task/{pid}/children").read_text().split()]


def start_nginx(stack, tools, certificate):
    plain, tls = free_port(), free_port()
    config = stack.folder / "nginx.conf"
    config.write_text(NGINX.format(folder=stack.folder, workers=WORKERS, plain=plain, tls=tls, certificate=certificate, root=stack.folder / "data/artifacts",
                                   user=f"user {os.environ.get('USER', 'root')};" if os.getuid() == 0 else ""))
    process = stack.start("nginx", [tools.nginx, "-p", stack.folder, "-c", config, "-e", stack.folder / "nginx.error"])
    wait_until(lambda: accepts(plain) and accepts(tls), 30, "nginx to listen", alive=[process])
    return Server("nginx", plain, tls, lambda digest: f"/{digest[:2]}/{digest}", [process.pid, *children(process.pid)])


def start_droverds(stack, certificate):
    """One plain, one with TLS: a listener has either."""
    plain = stack.start_droverd("drover-1", settings=settings())
    tls = stack.start_droverd("drover-2", settings=settings(**{"http.tls_certificate": certificate, "http.public_url": "https://localhost"}))
    return Server("droverd", stack.http_ports["drover-1"], stack.http_ports["drover-2"], lambda digest: f"/artifacts/{digest}", [plain.pid, tls.pid])


def settings(**more):
    return {"log.level": "warn", "http.threads": WORKERS, **more}


# --- bytes/s and requests/s ---

def measure(server, tools, secure, digest, connections, options):
    before = server.cpu_s()
    result = tools.load(server.url(secure, digest), connections, options.seconds)
    result["cpu_gib"] = (server.cpu_s() - before) / (result["bytes"] / 2**30)
    result["cpu_request_us"] = 1e6 * (server.cpu_s() - before) / result["requests"]
    result["rate"] = result["bytes"] / result["seconds"]
    result["request_rate"] = result["requests"] / result["seconds"]
    return result


def contest(title, servers, key, tools, secure, digest, connections, options):
    """Alternating rounds; the best of each."""
    best = {}
    print(f"\n{title}", flush=True)
    for number in range(options.rounds):
        for server in servers if number % 2 == 0 else reversed(servers):
            result = measure(server, tools, secure, digest, connections, options)
            print(f"round {number + 1} {server.name:8} {result['rate'] / 2**20:8.0f} MiB/s {result['request_rate']:8.0f} requests/s, p99 {result['p99_us'] / 1000:.1f} ms; "
                  f"its processor {result['cpu_gib']:.3f} s a GiB, {result['cpu_request_us']:.1f} us a request", flush=True)
            if server.name not in best or result[key] > best[server.name][key]:
                best[server.name] = result
    ours, theirs = best["droverd"][key], best["nginx"][key]
    print(f"droverd to nginx: {ours / theirs:.2f}")
    return ours, theirs


# --- slow downloads ---

def resident_mib(pid, field):
    for line in pathlib.Path(f"/proc/{pid}/status").read_text().splitlines():
        if line.startswith(field + ":"):
            return int(line.split()[1]) / 1024
    raise StackError(f"/proc/{pid}/status has no {field}")


def lag_counts(metrics):
    """How often the loop's timer was at most so late, by the histogram's edges in seconds."""
    prefix = LAG + '_bucket{le="'
    return {float(name[len(prefix):-2]): value for name, value in metrics.items() if name.startswith(prefix)}


def lag_p99_s(before, after):
    """The edge under which 99 of 100 looks lie; infinity when it is beyond the last one."""
    beats = after[LAG + "_count"] - before[LAG + "_count"]
    was, now = lag_counts(before), lag_counts(after)
    return min((edge for edge in now if now[edge] - was.get(edge, 0) >= 0.99 * beats), default=float("inf")), beats


def decisions_ms(stack, seconds):
    """How long a device waits for a decision, one after the other."""
    connection = http.client.HTTPConnection("127.0.0.1", stack.http_ports["drover-1"], timeout=10)
    took, end = [], time.monotonic() + seconds
    while time.monotonic() < end:
        begun = time.monotonic()
        connection.request("GET", "/firmware/latest?device_model=none&current_version=1.0.0")
        answer = connection.getresponse()
        answer.read()
        assert answer.status == 304, answer.status
        took.append(1000 * (time.monotonic() - begun))
        time.sleep(0.02)
    took.sort()
    return took[len(took) // 2], took[int(0.99 * len(took))]


def measure_slow(options):
    with Stack(options.build) as stack:
        stack.start_redis()
        stack.start_broker()
        droverd = stack.start_droverd(settings=settings())
        digest = put(stack, os.urandom(SLOW_BYTES))
        empty = resident_mib(droverd.pid, "VmRSS")
        slow = subprocess.Popen(["/usr/bin/python3", ROOT / "tests/bench/depot_slow.py", str(stack.http_ports["drover-1"]), f"/artifacts/{digest}", str(options.slow), str(options.slow_rate)],
                                stdin=subprocess.PIPE, stdout=subprocess.PIPE, text=True)
        try:
            opened = slow.stdout.readline().split()
            if opened[:1] != ["open"]:
                raise StackError("the slow downloads could not be opened")
            before = stack.metrics()
            median_ms, p99_ms = decisions_ms(stack, options.slow_seconds)
            after = stack.metrics()
            memory, peak, anonymous = (resident_mib(droverd.pid, field) for field in ("VmRSS", "VmHWM", "RssAnon"))
        finally:
            slow.stdin.close()
            said = slow.stdout.read().split()
            slow.wait(30)
    lag, beats = lag_p99_s(before, after)
    open_downloads = after['drover_http_connections{listener="devices"}'] - 1
    print(f"\n{open_downloads:.0f} slow downloads open, {said[1]} bytes read by them in {options.slow_seconds} s and more, {said[3]} ended by droverd")
    print(f"droverd's memory: {memory:.1f} MiB resident (peak {peak:.1f}, its own {anonymous:.1f}; {empty:.1f} before); bar {MEMORY_BAR_MIB}")
    print(f"the loop's timer: p99 at most {1000 * lag:.2f} ms late in {beats:.0f} looks, mean {1000 * (after[LAG + '_sum'] - before[LAG + '_sum']) / beats:.2f} ms; bar {1000 * LAG_BAR_S:.0f}")
    print(f"a decision meanwhile: median {median_ms:.1f} ms, p99 {p99_ms:.1f} ms")
    if open_downloads < options.slow or int(said[3]) > 0:
        raise StackError("not all slow downloads stayed open")
    return peak, lag


def main():
    parser = argparse.ArgumentParser(prog="tests/bench/depot", description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--build", type=pathlib.Path, default="build/bench")
    parser.add_argument("--cache", type=pathlib.Path, default="build/bench-depot")
    parser.add_argument("--rounds", type=int, default=4, help="of each server and file (default %(default)s)")
    parser.add_argument("--seconds", type=int, default=4, help="of a round (default %(default)s)")
    parser.add_argument("--slow", type=int, default=5000, help="slow downloads (default %(default)s)")
    parser.add_argument("--slow-rate", type=int, default=1024, help="bytes a second that each reads (default %(default)s)")
    parser.add_argument("--slow-seconds", type=int, default=30, help="how long they are watched (default %(default)s)")
    options = parser.parse_args()
    options.cache = options.cache.resolve()
    options.cache.mkdir(parents=True, exist_ok=True)
    tools = Tools(options.cache)
    with Stack(options.build) as stack:
        stack.start_redis()
        stack.start_broker()
        certificate = certificate_make(stack.folder)
        servers = [start_droverds(stack, certificate)]
        large, small = put(stack, os.urandom(LARGE_BYTES)), put(stack, os.urandom(SMALL_BYTES))
        servers.append(start_nginx(stack, tools, certificate))
        ours, theirs = contest("plain, 16 MiB, 16 connections", servers, "rate", tools, False, large, 16, options)
        contest("plain, 4 KiB, 64 connections", servers, "request_rate", tools, False, small, 64, options)
        contest("TLS 1.3, 16 MiB, 16 connections", servers, "rate", tools, True, large, 16, options)
        contest("TLS 1.3, 4 KiB, 64 connections", servers, "request_rate", tools, True, small, 64, options)
    memory, lag = measure_slow(options)
    ratio = ours / theirs
    print(f"ratio {ratio:.2f} droverd {ours / 2**20:.0f} MiB/s of nginx {theirs / 2**20:.0f} MiB/s, {memory:.1f} MiB at {options.slow} slow downloads, loop lag p99 {1000 * lag:.2f} ms")
    return 0 if ratio >= RATIO_BAR and memory < MEMORY_BAR_MIB and lag < LAG_BAR_S else 1


if __name__ == "__main__":
    os.environ.setdefault("PYTHONUNBUFFERED", "1")
    try:
        sys.exit(main())
    except StackError as error:
        sys.exit(f"depot: {error}")
