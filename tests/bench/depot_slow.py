"""Thousands of downloads that are read slowly, from one process of their own: depot_slow.py PORT PATH COUNT RATE

Each connection asks for the whole file, with a small receive buffer, and then reads RATE bytes a second, a piece at a time. Prints "open COUNT"
once every reply has begun, then goes on until standard input ends, and prints the bytes read and the connections that the server ended.
"""
import select
import socket
import sys
import time

PIECE_BYTES = 1024
OPENING_AT_A_TIME = 200


def connect(port, path):
    peer = socket.socket()
    peer.setsockopt(socket.SOL_SOCKET, socket.SO_RCVBUF, 4096)
    peer.connect(("127.0.0.1", port))
    peer.sendall(f"GET {path} HTTP/1.1\r\nHost: x\r\n\r\n".encode())
    return peer


def begin(peer):
    peer.settimeout(60)
    answer = peer.recv(PIECE_BYTES)
    assert answer.startswith(b"HTTP/1.1 200 "), answer[:100]
    peer.setblocking(False)
    return peer


def stdin_ended():
    return bool(select.select([sys.stdin], [], [], 0)[0])


def main():
    port, path, count, rate = int(sys.argv[1]), sys.argv[2], int(sys.argv[3]), int(sys.argv[4])
    peers, taken, ended = [], 0, 0
    while len(peers) < count:
        peers += [begin(peer) for peer in [connect(port, path) for _ in range(min(OPENING_AT_A_TIME, count - len(peers)))]]
    print("open", len(peers), flush=True)
    pause_s = PIECE_BYTES / rate / len(peers)   # between two reads, all connections taken together
    due, turn = time.monotonic(), 0
    while not stdin_ended():
        while due <= time.monotonic() and peers:
            peer = peers[turn % len(peers)]
            try:
                got = len(peer.recv(PIECE_BYTES))
            except BlockingIOError:
                got = -1   # nothing there yet
            except ConnectionError:
                got = 0
            if got == 0:
                ended += 1
                peers.remove(peer)
            taken, turn, due = taken + max(got, 0), turn + 1, due + pause_s
        time.sleep(0.002)
    print("read", taken, "ended", ended, flush=True)


if __name__ == "__main__":
    main()
