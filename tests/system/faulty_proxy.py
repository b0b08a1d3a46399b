"""A bad network on loopback: a TCP proxy between an agent and its broker or depot that delays, slows, stalls, cuts, swallows and refuses. What it does is
in `faults`, which a test may change at any time; what it chooses by chance comes from a seed, so that a run can be repeated."""
import contextlib
import dataclasses
import queue
import random
import socket
import struct
import threading
import time

PIECE = 8192
QUEUED_PIECES = 64          # read and not yet sent, each way: beyond it the sender is made to wait


@dataclasses.dataclass(frozen=True)
class Faults:
    """None by default. Times hold for each way; bytes are counted for each connection, both ways together."""
    latency_s: float = 0
    jitter_s: float = 0              # added by chance, up to this; order is kept
    bytes_s: float = 0               # 0: no limit
    stall_every_bytes: int = 0       # as a lost packet does: nothing for stall_s, then all of it
    stall_s: float = 0
    cut_every_bytes: int = 0         # the connection is reset
    swallow: bool = False            # half open: connections stay, and nothing passes any more
    refuse: bool = False             # new connections are reset at once


HONEST = Faults()


def reset(connection):
    with contextlib.suppress(OSError):
        connection.setsockopt(socket.SOL_SOCKET, socket.SO_LINGER, struct.pack("ii", 1, 0))
    with contextlib.suppress(OSError):
        connection.shutdown(socket.SHUT_RDWR)
    connection.close()


class Wire:
    """One connection through the proxy: both sockets, and the bytes that passed."""

    def __init__(self, proxy, number, client):
        self.proxy, self.client = proxy, client
        self.dice = random.Random(f"{proxy.seed} {number}")
        self.server = None
        self.passed, self.is_over, self.lock = 0, False, threading.Lock()

    def run(self):
        try:
            self.server = socket.create_connection(("127.0.0.1", self.proxy.to), timeout=10)
            self.server.settimeout(None)
        except OSError:
            self.cut()
            return
        for one in (self.client, self.server):
            one.setsockopt(socket.IPPROTO_TCP, socket.TCP_NODELAY, 1)
        threads = []
        for source, sink in ((self.client, self.server), (self.server, self.client)):
            pieces = queue.Queue(QUEUED_PIECES)
            threads += [threading.Thread(target=way, args=arguments, daemon=True) for way, arguments in ((self.read, (source, pieces)), (self.write, (sink, pieces)))]
        for thread in threads:
            thread.start()
        for thread in threads:
            thread.join()
        self.cut()

    def cut(self):
        with self.lock:
            if self.is_over:
                return
            self.is_over = True
        for one in (self.client, self.server):
            if one:
                reset(one)
        self.proxy.ended(self)

    def read(self, source, pieces):
        """Each piece with the time at which it arrives at the other end."""
        due = 0
        piece = b"."
        while piece and not self.is_over:
            try:
                piece = source.recv(PIECE)
            except OSError:
                piece = b""
            faults = self.proxy.faults
            due = max(due, time.monotonic() + faults.latency_s + self.dice.uniform(0, faults.jitter_s))
            while not self.is_over:
                try:
                    pieces.put((due, piece), timeout=1)
                    break
                except queue.Full:
                    continue

    def write(self, sink, pieces):
        while not self.is_over:
            try:
                due, piece = pieces.get(timeout=1)
            except queue.Empty:
                continue
            self.pause(due - time.monotonic())
            if not piece:
                self.proxy.wait_while_swallowing(self)
                with contextlib.suppress(OSError):
                    sink.shutdown(socket.SHUT_WR)
                return
            with contextlib.suppress(OSError):
                self.send(sink, piece)
                continue
            self.cut()

    def pause(self, seconds):
        if seconds > 0:
            self.proxy.stopped.wait(seconds)

    def send(self, sink, piece):
        """In parts, so that a cut or a stall comes at its byte."""
        while piece and not self.is_over:
            faults = self.proxy.faults
            if faults.swallow:
                return
            before = self.passed
            length = min([len(piece)] + [every - before % every for every in (faults.cut_every_bytes, faults.stall_every_bytes) if every])
            sink.sendall(piece[:length])
            with self.lock:
                self.passed += length
            with self.proxy.lock:
                self.proxy.passed += length
            piece = piece[length:]
            if faults.bytes_s:
                self.pause(length / faults.bytes_s)
            if faults.cut_every_bytes and before // faults.cut_every_bytes != (before + length) // faults.cut_every_bytes:
                self.proxy.cuts += 1
                self.cut()
            elif faults.stall_every_bytes and before // faults.stall_every_bytes != (before + length) // faults.stall_every_bytes:
                self.pause(faults.stall_s)


class FaultyProxy:
    """Listens on a port of its own; `with FaultyProxy(to) as proxy:` ends it with all its connections."""

    def __init__(self, to, faults=HONEST, seed=1):
        self.to, self.faults, self.seed = to, faults, seed
        self.came_at = []                # time.monotonic() of each connection
        self.cuts = self.passed = 0      # by cut_every_bytes; bytes of all connections
        self.stopped, self.lock = threading.Event(), threading.Lock()
        self.wires, self.threads = set(), []
        self.listener = socket.create_server(("127.0.0.1", 0))
        self.port = self.listener.getsockname()[1]
        self.accepter = threading.Thread(target=self.accept, daemon=True)
        self.accepter.start()

    def __enter__(self):
        return self

    def __exit__(self, *_):
        self.stopped.set()
        with contextlib.suppress(OSError):
            self.listener.shutdown(socket.SHUT_RDWR)
        self.listener.close()
        self.accepter.join()
        self.cut()
        for thread in self.threads:
            thread.join()

    def accept(self):
        while not self.stopped.is_set():
            try:
                client, _ = self.listener.accept()
            except OSError:
                return
            self.came_at.append(time.monotonic())
            if self.faults.refuse:
                reset(client)
                continue
            wire = Wire(self, len(self.came_at), client)
            thread = threading.Thread(target=wire.run, daemon=True)
            with self.lock:
                self.wires.add(wire)
                self.threads.append(thread)
            thread.start()

    def wait_while_swallowing(self, wire):
        """An end is swallowed, too."""
        while self.faults.swallow and not wire.is_over and not self.stopped.wait(0.1):
            pass

    def ended(self, wire):
        with self.lock:
            self.wires.discard(wire)

    def cut(self):
        """All connections that are open now."""
        with self.lock:
            wires = list(self.wires)
        for wire in wires:
            wire.cut()

    @contextlib.contextmanager
    def being(self, **faults):
        """With these faults for a while; what is open when they begin stays open, but for refuse, which cuts it."""
        before, self.faults = self.faults, Faults(**faults)
        if self.faults.refuse:
            self.cut()
        try:
            yield self
        finally:
            self.faults = before
            if before != HONEST or faults.get("swallow"):
                self.cut()               # what was swallowed never comes, so the connection cannot go on
