"""A private Drover: its own Mosquitto, Redis, droverd and drover-sim in one folder, on free loopback ports and unix sockets.

deploy/quickstart runs one for people to look at, the system tests run many. Processes are started and ended by pid;
nothing outside the folder is touched. Every wait polls a condition and has a deadline. Stack(secure=True) speaks TLS with certificates everywhere
and has the shipped ACLs (stack_secure.py).
"""
import contextlib
import fcntl
import json
import os
import pathlib
import resource
import shutil
import signal
import socket
import subprocess
import tempfile
import time
import urllib.error
import urllib.request

import redis  # python3-redis

from signer import Signer
from stack_secure import SecureError, Security


class StackError(Exception):
    """Something is missing or did not come up; the text says what, and what to look at."""


def wait_until(condition, seconds, what, interval=0.05, alive=()):
    """Polls condition() until it is true and returns its value; StackError after `seconds` or when a process of `alive` ends."""
    end = time.monotonic() + seconds
    while True:
        value = condition()
        if value:
            return value
        for process in alive:
            process.check_alive()
        if time.monotonic() > end:
            raise StackError(f"waited {seconds} s for {what}")
        time.sleep(interval)


def raise_open_files():
    """A connection is an open file: what this process and its children may open goes up to the hard limit."""
    _, hard = resource.getrlimit(resource.RLIMIT_NOFILE)
    with contextlib.suppress(ValueError, OSError):
        resource.setrlimit(resource.RLIMIT_NOFILE, (hard, hard))


_port_locks = []


def free_port():
    """A free loopback port that no other stack of this machine takes meanwhile: its lock file is held until this process ends."""
    folder = pathlib.Path(tempfile.gettempdir()) / f"drover-ports.{os.getuid()}"
    folder.mkdir(exist_ok=True)
    for _ in range(200):
        with socket.socket() as probe:
            probe.bind(("127.0.0.1", 0))
            port = probe.getsockname()[1]
        lock = open(folder / str(port), "w")
        try:
            fcntl.flock(lock, fcntl.LOCK_EX | fcntl.LOCK_NB)
        except OSError:
            lock.close()
            continue
        _port_locks.append(lock)
        return port
    raise StackError("no free port found")


def accepts(port):
    with socket.socket() as probe:
        probe.settimeout(1)
        return probe.connect_ex(("127.0.0.1", port)) == 0


class Process:
    """One program, its log file, and a clean end."""

    def __init__(self, name, arguments, folder, environment=None, stdout=None):
        self.name = name
        self.arguments = [str(argument) for argument in arguments]
        self.log_path = pathlib.Path(folder) / f"{name}.log"
        self._log = open(self.log_path, "ab")
        try:
            self.popen = subprocess.Popen(
                self.arguments, stdin=subprocess.DEVNULL, stdout=stdout or self._log, stderr=self._log,
                env={**os.environ, **(environment or {})}, start_new_session=True)
        except FileNotFoundError:
            self._log.close()
            raise StackError(f"{self.arguments[0]} is not there: run deploy/install-packages, then build") from None
        self.pid = self.popen.pid

    @property
    def running(self):
        return self.popen.poll() is None

    def check_alive(self):
        if not self.running:
            raise StackError(f"{self.name} ended with {self.popen.returncode}; the end of {self.log_path}:\n{self.log_tail()}")

    def log_tail(self, lines=15):
        with contextlib.suppress(OSError):
            return "\n".join(self.log_path.read_text(errors="replace").splitlines()[-lines:])
        return ""

    def signal(self, number):
        if self.running:
            self.popen.send_signal(number)

    def kill(self):
        """SIGKILL, as a crash would do."""
        self.signal(signal.SIGKILL)
        self.popen.wait()
        self._log.close()

    def stop(self, seconds=20):
        """SIGTERM, then SIGKILL after `seconds`; returns the exit status."""
        self.signal(signal.SIGCONT)
        self.signal(signal.SIGTERM)
        try:
            status = self.popen.wait(seconds)
        except subprocess.TimeoutExpired:
            self.popen.kill()
            status = self.popen.wait()
        self._log.close()
        return status


class Stack:
    """The parts by name; `with Stack(build) as stack:` ends them all, newest first."""

    def __init__(self, build, folder=None, secure=False):
        raise_open_files()
        self.build = pathlib.Path(build)
        self._own_folder = folder is None
        self.folder = pathlib.Path(folder or tempfile.mkdtemp(prefix="drover-")).absolute()
        self.folder.mkdir(parents=True, exist_ok=True)
        self.processes = []
        self.broker_port = None
        self.redis_socket = self.folder / "redis.sock"
        self.token_file = self.folder / "api.token"
        self.token_file.write_text("token-of-a-private-stack-%s\n" % os.urandom(8).hex())
        self.token_file.chmod(0o600)
        self._signer = None
        try:
            self.security = Security(self.folder) if secure else None
        except SecureError as error:
            raise StackError(str(error)) from None
        self.http_ports = {}
        self.api_ports = {}

    def __enter__(self):
        return self

    def __exit__(self, *failure):
        self.close(keep_folder=failure[0] is not None)

    def close(self, keep_folder=False):
        for process in reversed(self.processes):
            process.stop()
        self.processes.clear()
        if self._own_folder and not keep_folder:
            shutil.rmtree(self.folder, ignore_errors=True)

    def program(self, name):
        """A program of the build; the build keeps each in its part's folder."""
        part = {"droverd": "orchestrator", "drover": "cli", "drover-sim": "sim", "drover-agent": "agent"}[name]
        path = self.build / part / name
        if not path.exists():
            raise StackError(f"{path} is not built: ninja -C {self.build}")
        return path

    @property
    def signer(self):
        """Keys and a trust store of this stack alone, made when they are first needed."""
        self._signer = self._signer or Signer(self.program("drover"), self.folder / "keys")
        return self._signer

    def start(self, name, arguments, environment=None, stdout=None):
        process = Process(name, arguments, self.folder, environment, stdout)
        self.processes.append(process)
        return process

    def forget(self, process):
        self.processes.remove(process)

    # --- Redis ---

    def start_redis(self, **options):
        settings = {"port": 0, "unixsocket": self.redis_socket, "dir": self.folder, "appendonly": "yes", "appendfsync": "everysec",
                    "save": "", "maxmemory-policy": "noeviction", "daemonize": "no", "loglevel": "notice",
                    **({"aclfile": self.security.redis_users} if self.security else {}), **options}
        arguments = ["redis-server"]
        for name, value in settings.items():
            arguments += [f"--{name}", str(value)]
        process = self.start("redis", arguments)
        wait_until(self._redis_answers, 30, "Redis to answer", alive=[process])
        return process

    def redis(self):
        user = {"username": "stack", "password": self.security.redis_own_password} if self.security else {}
        return redis.Redis(unix_socket_path=str(self.redis_socket), decode_responses=True, socket_timeout=30, **user)

    def _redis_answers(self):
        try:
            return self.redis().ping()
        except redis.RedisError:
            return False

    # --- Mosquitto ---

    def start_broker(self, extra=""):
        self.broker_port = self.broker_port or free_port()
        config = self._plain_broker(extra) if not self.security else self.security.broker(free_port(), self.broker_port)
        if self.security and extra:
            with open(config, "a") as text:
                text.write(extra)
        program = shutil.which("mosquitto", path=os.environ.get("PATH", "") + ":/usr/sbin:/usr/local/sbin")
        process = self.start("mosquitto", [program or "mosquitto", "-c", config])
        wait_until(lambda: accepts(self.broker_port), 30, "Mosquitto to listen", alive=[process])
        return process

    def _plain_broker(self, extra):
        config = self.folder / "mosquitto.conf"
        config.write_text(
            f"listener {self.broker_port} 127.0.0.1\nallow_anonymous true\n"
            f"persistence true\npersistence_location {self.folder}/\nautosave_interval 1\nautosave_on_changes false\n"
            "max_inflight_messages 1000\nmax_queued_messages 400000\nmax_keepalive 120\nset_tcp_nodelay true\n"
            "message_size_limit 65536\nlog_type error\nlog_type warning\nlog_type notice\nconnection_messages false\n"
            + (f"user {os.environ.get('USER', 'root')}\n" if os.getuid() == 0 else "") + extra)
        return config

    @property
    def mqtt_url(self):
        return f"{'ssl' if self.security else 'tcp'}://127.0.0.1:{self.broker_port}"

    # --- droverd ---

    def start_droverd(self, instance="drover-1", settings=None, wait_ready=True, seconds=30):
        """Starts an orchestrator; again with the same name it takes up its old folder and ports."""
        http = self.http_ports.setdefault(instance, free_port())
        api = self.api_ports.setdefault(instance, free_port())
        data = self.folder / "data"   # several instances share the depot; their rings stand apart
        values = {"instance": instance, "data_dir": data, "mqtt.url": self.mqtt_url,
                  "redis.url": f"unix://{self.redis_socket}", "http.listen": f"127.0.0.1:{http}", "api.listen": f"127.0.0.1:{api}",
                  "api.token_file": self.token_file, "release.trust": self.signer.trust, "release.delta_key": self.signer.delta_key,
                  "ring.heartbeats_mib": 16, "ring.reports_mib": 16,
                  **(self.security.droverd_settings(instance) if self.security else {}), **(settings or {})}
        data.mkdir(exist_ok=True)
        arguments = [self.program("droverd")]
        for name, value in values.items():
            arguments += ["--set", f"{name}={value}"]
        process = self.start(instance, arguments)
        if wait_ready:
            wait_until(lambda: self.ready(instance), seconds, f"{instance} to be ready", alive=[process])
        return process

    def url(self, path, instance="drover-1"):
        return f"{self.scheme}://127.0.0.1:{self.api_ports[instance]}{path}"

    def depot_url(self, path="", instance="drover-1"):
        """Where devices ask."""
        return f"{self.scheme}://127.0.0.1:{self.http_ports[instance]}{path}"

    @property
    def scheme(self):
        return "https" if self.security else "http"

    def _open(self, path, instance, seconds):
        context = self.security.context() if self.security else None
        return urllib.request.urlopen(self.url(path, instance), timeout=seconds, context=context)

    def ready(self, instance="drover-1"):
        try:
            with self._open("/readyz", instance, 3) as answer:
                return answer.status == 200
        except (OSError, urllib.error.URLError):
            return False

    def metrics(self, instance="drover-1"):
        """Every sample by name with its labels, as Prometheus would read it."""
        with self._open("/metrics", instance, 5) as answer:
            lines = answer.read().decode().splitlines()
        return {line.rsplit(" ", 1)[0]: float(line.rsplit(" ", 1)[1]) for line in lines if line and not line.startswith("#")}

    # --- the command line and the fleet ---

    def drover_environment(self, instance="drover-1"):
        """What `drover` needs to know, for people too."""
        authority = {"DROVER_CA_FILE": str(self.security.ca)} if self.security else {}
        return {"DROVER_API": self.url("", instance), "DROVER_TOKEN_FILE": str(self.token_file), **authority}

    def drover(self, *arguments, instance="drover-1", check=True, seconds=120):
        """Runs `drover`; returns the finished process (text)."""
        environment = {**os.environ, **self.drover_environment(instance), "NO_COLOR": "1"}
        done = subprocess.run([self.program("drover"), *map(str, arguments)], capture_output=True, text=True,
                              env=environment, timeout=seconds, stdin=subprocess.DEVNULL)
        if check and done.returncode != 0:
            raise StackError(f"drover {' '.join(map(str, arguments))} ended with {done.returncode}: {done.stderr.strip()}")
        return done

    def drover_json(self, *arguments, **options):
        return json.loads(self.drover(*arguments, "-o", "json", **options).stdout)

    def package(self, model, version, size=262144, image=None, **signing):
        """A signed package around random bytes, or around the image given."""
        path, raw = self.folder / f"{model}-{version}.dfw", self.folder / f"{model}-{version}.img"
        raw.write_bytes(os.urandom(size) if image is None else image)
        try:
            self.signer.package(model, version, raw, path, **signing)
        finally:
            raw.unlink()
        return path

    def delta(self, old, new):
        """The signed delta between two packages."""
        return self.signer.delta(old, new, new.with_suffix(f".from-{old.stem}.dfw"))

    def add_release(self, model, version, size=262144, deltas=(), **signing):
        package = self.package(model, version, size, **signing)
        self.drover("release", "add", package, *[f"--delta={path}" for path in deltas], "-q")
        return package

    def start_sim(self, *arguments, name="drover-sim"):
        arguments = [str(argument) for argument in arguments]
        if "--load" not in arguments and "--trust" not in arguments:
            arguments += ["--trust", self.signer.trust]
        if self.security:
            arguments += self.security.sim_arguments(sim_ids(arguments))
        return self.start(name, [self.program("drover-sim"), "--mqtt", self.mqtt_url, *arguments])

    def agent_settings(self, name):
        """What a drover-agent with this id must be told of the stack."""
        return {"device.id": name, "mqtt.url": self.mqtt_url, "trust.file": self.signer.trust,
                **(self.security.agent_settings(name) if self.security else {})}


def sim_ids(arguments):
    """The ids of the devices that drover-sim makes of these arguments."""
    def value(name, default):
        return arguments[arguments.index(name) + 1] if name in arguments else default
    count = int(value("--devices", 100)) + int(value("--simple", 0))
    return [f"{value('--prefix', 'sim-')}{number:07}" for number in range(count)]
