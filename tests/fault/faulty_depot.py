"""A depot that answers as a test wants, byte by byte: HTTP/1.1 on loopback, a thread a connection. `answer(request)` yields what is to be written:
bytes, Wait(seconds) or CUT (the connection is reset). Everything that was asked for and sent is kept. The agent's fetch meets it alone
(tests/unit/agent), the whole agent meets it in front of a real droverd (tests/system/mirror.py)."""
import contextlib
import dataclasses
import re
import socket
import struct
import threading

CUT = object()


@dataclasses.dataclass
class Wait:
    seconds: float


@dataclasses.dataclass
class Request:
    number: int                 # from 0, over all connections
    target: str
    headers: dict
    span: tuple | None          # (first byte, one behind the last) of the Range header
    depot: "Depot"
    sent: int = 0               # body bytes that went out as the package's

    @property
    def package(self):
        return self.depot.package_of(self)

    @property
    def sha256(self):
        return self.depot.sha256_of(self)

    @property
    def body(self):
        return self.package[slice(*self.span)] if self.span else self.package


def head(status, *lines):
    return "\r\n".join((f"HTTP/1.1 {status} X", *lines, "", "")).encode()


def part(request, *, etag=None, span=None, total=None, length=None, more=()):
    """The head of an honest 206, or of one with a lie in it."""
    start, stop = span or request.span
    etag = etag or f'"{request.sha256}"'
    return head(206, f"ETag: {etag}", f"Content-Range: bytes {start}-{stop - 1}/{total or len(request.package)}",
                f"Content-Length: {stop - start if length is None else length}", *more)


def honest(request):
    if request.span:
        yield part(request)
    else:
        yield head(200, f'ETag: "{request.sha256}"', f"Content-Length: {len(request.body)}")
    yield request.body


def without_ranges(request):
    yield head(200, f"Content-Length: {len(request.package)}")
    yield request.package


def status(number, *lines, body=b""):
    def answer(_):
        yield head(number, f"Content-Length: {len(body)}", *lines)
        yield body
    return answer


def in_steps(answer, step, after):
    """What answer says, its body cut into steps with `after` behind each: Wait(...) or CUT."""
    def stepped(request):
        for number, piece in enumerate(answer(request)):
            if number == 0:
                yield piece
                continue
            for at in range(0, len(piece), step):
                yield piece[at:at + step]
                if at + step < len(piece):
                    yield after
    return stepped


def by_number(first, last, answer, otherwise=honest):
    """Requests first..last (from 0) are answered by `answer`, the others by `otherwise`."""
    def chosen(request):
        return (answer if first <= request.number <= last else otherwise)(request)
    return chosen


class Depot:
    def __init__(self, package, sha256, answer=honest, tls=None):
        self.package, self.sha256, self.answer, self.tls = package, sha256, answer, tls
        self.requests, self.open_now, self.open_most = [], 0, 0
        self.lock, self.stopped = threading.Lock(), threading.Event()
        self.listener = socket.create_server(("127.0.0.1", 0))
        self.port = self.listener.getsockname()[1]
        self.sockets, self.threads = set(), []
        self.url = f"http{'s' if tls else ''}://127.0.0.1:{self.port}/artifacts/{sha256}"

    def __enter__(self):
        self.accepter = threading.Thread(target=self.accept)
        self.accepter.start()
        return self

    def __exit__(self, *_):
        self.stopped.set()
        with contextlib.suppress(OSError):
            self.listener.shutdown(socket.SHUT_RDWR)
        self.listener.close()
        with self.lock:
            for one in self.sockets:
                with contextlib.suppress(OSError):
                    one.shutdown(socket.SHUT_RDWR)
        self.accepter.join()
        for thread in self.threads:
            thread.join()

    def package_of(self, _):
        return self.package

    def sha256_of(self, _):
        return self.sha256

    @property
    def sent(self):
        return sum(request.sent for request in self.requests)

    @property
    def spans(self):
        return [request.span for request in self.requests]

    def accept(self):
        while not self.stopped.is_set():
            try:
                connection, _ = self.listener.accept()
            except OSError:
                return
            thread = threading.Thread(target=self.serve, args=(connection,))
            with self.lock:
                self.sockets.add(connection)
                self.threads.append(thread)
            thread.start()

    def serve(self, connection):
        raw = connection
        with contextlib.suppress(OSError), contextlib.ExitStack() as closing:
            closing.callback(raw.close)
            if self.tls:
                connection = closing.enter_context(self.tls.wrap_socket(raw, server_side=True))
                with self.lock:
                    self.sockets.add(connection)
            connection.setsockopt(socket.IPPROTO_TCP, socket.TCP_NODELAY, 1)
            reader = closing.enter_context(connection.makefile("rb"))
            while (request := self.read(reader)) is not None:
                with self.lock:
                    self.open_now += 1
                    self.open_most = max(self.open_most, self.open_now)
                try:
                    going = self.write(connection, request)
                finally:
                    with self.lock:
                        self.open_now -= 1
                if not going:
                    break

    def read(self, reader):
        line = reader.readline(4096).decode("latin-1").split()
        if len(line) != 3:
            return None
        headers = {}
        while (header := reader.readline(8192).decode("latin-1").rstrip("\r\n")):
            name, _, value = header.partition(":")
            headers[name.lower()] = value.strip()
        match = re.fullmatch(r"bytes=(\d+)-(\d+)", headers.get("range", ""))
        request = Request(0, line[1], headers, None, self)
        if match:
            request.span = (int(match[1]), min(int(match[2]) + 1, len(request.package)))
        with self.lock:
            request.number = len(self.requests)
            self.requests.append(request)
        return request

    def write(self, connection, request):
        """False: the connection is of no use any more."""
        closes = False
        for number, piece in enumerate(self.answer(request)):
            if piece is CUT:
                connection.setsockopt(socket.SOL_SOCKET, socket.SO_LINGER, struct.pack("ii", 1, 0))
                return False
            if isinstance(piece, Wait):
                if self.stopped.wait(piece.seconds):
                    return False
                continue
            if number == 0:
                lower = piece.lower()
                closes = b"connection: close" in lower or (b"content-length" not in lower and b"chunked" not in lower)
            connection.sendall(piece)
            if number > 0:
                request.sent += len(piece)
        return not closes
