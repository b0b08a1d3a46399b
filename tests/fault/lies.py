"""Answers of a depot that lies about what it sends (attack 17 of docs/security.md), for faulty_depot.py."""
from faulty_depot import CUT, head, part


def other_range(request):
    start, stop = request.span
    yield part(request, span=(max(start - 1, 0), max(start - 1, 0) + stop - start))
    yield request.body


def wrong_bytes_honest_header(request):
    """The header says what was asked for; the bytes are those of another place."""
    start, stop = request.span
    yield part(request)
    yield request.package[max(start - 100, 0):][:stop - start]


def other_total(request):
    yield part(request, total=len(request.package) + 1)
    yield request.body


def shorter_range(request):
    start, stop = request.span
    yield part(request, span=(start, stop - 1))
    yield request.body[:-1]


def no_content_range(request):
    yield head(206, f"Content-Length: {len(request.body)}")
    yield request.body


def two_content_ranges(request):
    yield part(request, more=["Content-Range: bytes 0-1/2"])
    yield request.body


def other_length(request):
    yield part(request, length=len(request.body) + 10)
    yield request.body + b"0123456789"


def gzipped(request):
    yield part(request, more=["Content-Encoding: gzip"])
    yield request.body


def multipart(request):
    yield head(206, "Content-Type: multipart/byteranges; boundary=x", f"Content-Length: {len(request.body)}")
    yield request.body


def chunked(request, more=b""):
    start, stop = request.span
    yield head(206, f"Content-Range: bytes {start}-{stop - 1}/{len(request.package)}", "Transfer-Encoding: chunked")
    body = request.body + more
    for at in range(0, len(body), 10000):
        piece = body[at:at + 10000]
        yield f"{len(piece):x}\r\n".encode() + piece + b"\r\n"
    yield b"0\r\nX-Trailer: 1\r\n\r\n"


def chunked_too_much(request):
    return chunked(request, b"more than was asked for")


def until_close_too_much(request):
    start, stop = request.span
    yield head(206, f"Content-Range: bytes {start}-{stop - 1}/{len(request.package)}", "Connection: close")
    yield request.body
    yield b"more" * 100


def not_http(_):
    yield b"SSH-2.0-OpenSSH_9.2\r\n"
    yield CUT


def two_hundred_of_something_else(_):
    yield head(200, "Content-Length: 11", "Content-Type: text/html")
    yield b"please pay!"


LIES = [other_range, other_total, shorter_range, no_content_range, two_content_ranges, other_length, gzipped, multipart, chunked_too_much, until_close_too_much,
        not_http, two_hundred_of_something_else, wrong_bytes_honest_header]

TOO_MUCH = [chunked_too_much, until_close_too_much]
