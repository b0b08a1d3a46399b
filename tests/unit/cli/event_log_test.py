"""`drover events verify FILE` against logs that are written here from docs/events.md alone, as they should be and tampered with in every way;
`drover events export` and `verify` over the API, in pages, against a small server."""
import hashlib
import http.server
import json
import os
import subprocess
import threading
import urllib.parse

import pytest

pytestmark = pytest.mark.asan
DROVER = os.environ["DROVER"]
OK, FAILED, USAGE, ALTERED = 0, 1, 2, 13
KEEP = 1000


def run(*args, code=OK, **environment):
    kept = {name: value for name, value in os.environ.items() if name in ("PATH", "ASAN_OPTIONS", "UBSAN_OPTIONS")}
    done = subprocess.run([DROVER, *map(str, args)], env={**kept, "LC_ALL": "C.UTF-8", **environment}, capture_output=True, text=True, timeout=60)
    assert done.returncode == code, (args, done.returncode, done.stdout, done.stderr)
    return done


# --- docs/events.md in Python ---

def canonical(entry_id, fields):
    strings = [entry_id] + [text for pair in fields for text in pair]
    return b"".join(b"%d:%s," % (len(raw), raw) for raw in (text.encode() for text in strings)) + b"\n"


def seal(n, block, position, prev, missed=0):
    fields = [("n", str(n)), ("first", block[0][0]), ("last", block[-1][0]), ("count", str(len(block))), ("position", str(position)), ("missed", str(missed)),
              ("keep", str(KEEP)), ("entries", hashlib.sha256(b"".join(canonical(*entry) for entry in block)).hexdigest()), ("prev", prev),
              ("at_ms", "1700000000000"), ("instance", "drover-1")]
    return fields + [("sha256", hashlib.sha256(canonical("seal", fields)).hexdigest())]


def event(number, **fields):
    values = {"at_ms": str(1700000000000 + number), "kind": "move", "device": f"d{number % 7}", "why": f"its turn, café {number}", **fields}
    return f"{1700000000000 + number // 3}-{number % 3}", list(values.items())


class Log:
    names = ("id", "seal")   # what its lines begin with

    def __init__(self, blocks=4, size=10, tail=3):
        self.entries = [event(number) for number in range(blocks * size + tail)]
        self.seals, prev = [], "0" * 64
        for n in range(1, blocks + 1):
            self.seals.append(seal(n, self.entries[(n - 1) * size:n * size], n * size, prev))
            prev = dict(self.seals[-1])["sha256"]

    def lines(self):
        """Each seal before what it covers."""
        left = list(self.entries)
        for number, fields in enumerate(self.seals):
            yield {self.names[1]: f"{1800000000000 + number}-0", **dict(fields)}
            last = key(dict(fields)["last"])
            while left and key(left[0][0]) <= last:
                yield {self.names[0]: left[0][0], **dict(left[0][1])}
                left.pop(0)
        for entry_id, fields in left:
            yield {self.names[0]: entry_id, **dict(fields)}

    def write(self, path):
        path.write_text("".join(json.dumps(line, separators=(",", ":")) + "\n" for line in self.lines()))
        return path


class Audit(Log):
    names = ("audit", "audit_seal")


def key(entry_id):
    return tuple(int(half) for half in entry_id.split("-"))


@pytest.fixture
def file(tmp_path):
    return tmp_path / "events.jsonl"


def altered(file, *words, expect=()):
    done = run("events", "verify", file, *expect, code=ALTERED)
    assert done.stdout == "" and all(word in done.stderr for word in words), done.stderr


# --- files ---

def test_a_log_written_from_the_document_verifies(file):
    log = Log()
    facts = json.loads(run("events", "verify", log.write(file), "-o", "json").stdout)
    assert facts == {"ok": True, "from": log.entries[0][0], "to": log.entries[39][0], "entries": 40, "blocks": 4, "seals": 4, "trimmed_blocks": 0, "partial": 0,
                     "before": 0, "missed": 0, "unsealed": 3, "seal": {"n": 4, "sha256": dict(log.seals[3])["sha256"]}, "audit_checked": False}
    assert run("events", "verify", file, "-o", "name").stdout == f"4:{dict(log.seals[3])['sha256']}\n"


def test_a_trimmed_one_verifies_when_enough_is_left(file):
    log = Log(blocks=3, size=500, tail=0)
    log.entries = log.entries[500 - 7:]
    facts = json.loads(run("events", "verify", log.write(file), "-o", "json").stdout)
    assert (facts["partial"], facts["entries"], facts["blocks"]) == (7, 1000, 2)
    log.entries = log.entries[8:]
    altered(log.write(file) and file, "beginning: cut off: 999 entries are left")


def write_both(file, log, audit):
    log.write(file)
    file.write_text(file.read_text() + "".join(json.dumps(line) + "\n" for line in audit.lines()))
    return file


def test_the_audit_is_a_chain_of_its_own(file):
    log, audit = Log(), Audit(blocks=2, size=7, tail=1)
    facts = json.loads(run("events", "verify", write_both(file, log, audit), "-o", "json").stdout)
    digests = [dict(chain.seals[-1])["sha256"] for chain in (log, audit)]
    assert facts["audit_checked"] and facts["entries"] == 40 and facts["audit"]["entries"] == 14 and facts["audit"]["unsealed"] == 1
    assert facts["audit"]["seal"] == {"n": 2, "sha256": digests[1]}
    name = run("events", "verify", file, "-o", "name").stdout.strip()
    assert name == f"4:{digests[0]}+2:{digests[1]}"
    run("events", "verify", file, "--expect", name)
    run("events", "verify", file, "--expect", f"4:{digests[0]}")
    altered(file, "audit, block 2", "not the one that was expected", expect=("--expect", f"4:{digests[0]}+2:{'0' * 64}"))
    audit.entries[9][1][3] = ("why", "nobody did it")
    altered(write_both(file, log, audit), "audit, block 2: an entry was changed")
    del log.entries[3]
    altered(write_both(file, log, audit), ": block 1: 1 of its 10 entries were removed")
    assert "cannot be read" in run("events", "verify", Log().write(file), "--expect", name, code=FAILED).stderr
    run("events", "verify", file, "--expect", f"4:{digests[0]}+", code=USAGE)


def test_a_changed_entry(file):
    log = Log()
    log.entries[25][1][3] = ("why", "its turn, cafe 25")
    altered(log.write(file), "block 3", "an entry was changed")


@pytest.mark.parametrize("change", [lambda fields: fields.append(("note", "x")), lambda fields: fields.pop(), lambda fields: fields.reverse(),
                                    lambda fields: fields.__setitem__(2, ("devic", "ed4"))])
def test_a_field_added_removed_moved_renamed(file, change):
    log = Log()
    change(log.entries[11][1])
    altered(log.write(file), "block 2", "an entry was changed")


def test_a_removed_entry(file):
    log = Log()
    del log.entries[15]
    altered(log.write(file), "block 2", "1 of its 10 entries were removed")


def test_an_inserted_entry(file):
    log = Log()
    log.entries.insert(30, (log.entries[29][0].split("-")[0] + "-9", log.entries[3][1]))
    altered(log.write(file), "block 4: entries were added between")


def test_two_swapped_entries(file):
    log = Log()
    log.entries[12], log.entries[13] = (log.entries[12][0], log.entries[13][1]), (log.entries[13][0], log.entries[12][1])
    altered(log.write(file), "block 2", "an entry was changed")
    log = Log()
    log.write(file)
    lines = file.read_text().splitlines(True)
    lines[5], lines[6] = lines[6], lines[5]
    file.write_text("".join(lines))
    altered(file, "swapped")


def test_a_removed_seal(file):
    log = Log()
    del log.seals[1]
    altered(log.write(file), "block 3", "follows that of block 1")


def test_a_changed_seal(file):
    log = Log()
    log.seals[2][3] = ("count", "9")
    altered(log.write(file), "block 3", "its seal was changed")


def test_a_log_that_was_rewritten_is_found_by_a_seal_that_was_noted_down(file):
    honest, rewritten = Log(), Log()
    anchor = f"3:{dict(honest.seals[2])['sha256']}"
    run("events", "verify", honest.write(file), "--expect", anchor)
    rewritten.entries[5][1][3] = ("why", "nothing to see")
    prev = "0" * 64
    for n in range(1, 5):
        rewritten.seals[n - 1] = seal(n, rewritten.entries[(n - 1) * 10:n * 10], n * 10, prev)
        prev = dict(rewritten.seals[n - 1])["sha256"]
    run("events", "verify", rewritten.write(file))   # the chain alone cannot know
    altered(file, "block 3", "not the one that was expected", expect=("--expect", anchor))
    altered(honest.write(file), "the expected block 9 is not among", expect=("--expect", "9:" + "0" * 64))
    run("events", "verify", file, "--expect", "3:abc", code=USAGE)


@pytest.mark.parametrize("line, words", [('{"id":"1-1","n":1}', ("line 2", "n:")), ("{", ("line 2",)), ('{"at_ms":"1"}', ("line 2", "first member")),
                                         ('{"seal":"1-1","n":"1"}', ("seal", "fields")), ('{"id":"1-1","why":"a\\u0000b"}', ("line 2",))])
def test_lines_that_are_none(file, line, words):
    Log().write(file)
    lines = file.read_text().splitlines(True)
    file.write_text("".join([lines[0], line + "\n", *lines[1:]]))
    altered(file, *words)


def test_no_such_file(tmp_path):
    assert "No such file" in run("events", "verify", tmp_path / "none", code=FAILED).stderr


# --- over the API ---

class Server(http.server.ThreadingHTTPServer):
    daemon_threads = True

    def __init__(self, log):
        super().__init__(("127.0.0.1", 0), Handler)
        self.log, self.page, self.asked, self.before_answer = log, 7, [], lambda path: None
        self.audit = None    # not for this role
        threading.Thread(target=self.serve_forever, daemon=True).start()

    @property
    def url(self):
        return f"http://127.0.0.1:{self.server_port}"


class Handler(http.server.BaseHTTPRequestHandler):
    protocol_version = "HTTP/1.1"

    def log_message(self, *args):
        pass

    def do_GET(self):
        url = urllib.parse.urlsplit(self.path)
        server = self.server
        server.asked.append(url.path)
        server.before_answer(url.path)
        log = server.audit if "audit" in url.path else server.log
        rows = [] if log is None else log.entries if url.path.endswith("/raw") else [(f"{1800000000000 + at}-0", fields) for at, fields in enumerate(log.seals)]
        after = key(dict(urllib.parse.parse_qsl(url.query)).get("after", "0-0"))
        items = [{"id": row, **dict(fields)} for row, fields in rows if key(row) > after][:server.page]
        body = json.dumps({"items": items, "next": items[-1]["id"] if items else ""}).encode()
        self.send_response(200 if log else 403)
        self.send_header("Content-Type", "application/json")
        self.send_header("Content-Length", str(len(body)))
        self.end_headers()
        self.wfile.write(body)


@pytest.fixture
def server():
    server = Server(Log())
    yield server
    server.shutdown()


def test_verify_and_export_in_pages(server, file):
    facts = json.loads(run("events", "verify", "-o", "json", DROVER_API=server.url).stdout)
    assert (facts["entries"], facts["seals"], facts["unsealed"]) == (40, 4, 3)
    assert server.asked.count("/api/v1/events/raw") == 8   # 43 in pages of 7, and one that is empty
    done = run("events", "export", file, DROVER_API=server.url)
    assert "43 events and 4 seals" in done.stderr and "without the audit" in done.stderr
    assert file.read_text() == "".join(json.dumps(line, separators=(",", ":")) + "\n" for line in server.log.lines())
    assert run("events", "export", "-", "-q", DROVER_API=server.url).stdout == file.read_text()
    assert "--force" in run("events", "export", file, code=FAILED, DROVER_API=server.url).stderr
    assert json.loads(run("events", "verify", file, "-o", "json").stdout) == facts


def test_verify_and_export_with_the_audit(server, file):
    server.audit = Audit(blocks=2, size=7, tail=1)
    facts = json.loads(run("events", "verify", "-o", "json", DROVER_API=server.url).stdout)
    assert facts["audit"]["entries"] == 14
    assert "15 entries of the audit and 2 seals" in run("events", "export", file, DROVER_API=server.url).stderr
    assert json.loads(run("events", "verify", file, "-o", "json").stdout) == facts
    del server.audit.entries[2]
    assert "audit, block 1: 1 of its 7 entries were removed" in run("events", "verify", code=ALTERED, DROVER_API=server.url).stderr


def test_a_fault_over_the_api(server):
    del server.log.entries[20]
    assert "block 3: 1 of its 10 entries were removed" in run("events", "verify", code=ALTERED, DROVER_API=server.url).stderr


def test_what_is_trimmed_while_it_is_read_is_no_fault(server):
    server.log = Log(blocks=4, size=500, tail=0)
    server.page = 400

    def trim(path):   # once, in the middle of the first reading, beyond where it has come
        if server.asked.count("/api/v1/events/raw") == 2 and len(server.log.entries) == 2000:
            server.log.entries = server.log.entries[950:]
    server.before_answer = trim
    facts = json.loads(run("events", "verify", "-o", "json", DROVER_API=server.url).stdout)
    assert (facts["trimmed_blocks"], facts["partial"], facts["entries"]) == (1, 50, 1000)


def test_a_server_that_does_not_move_on_is_left(server):
    server.log.entries = [server.log.entries[0]] * 3
    key_of_all = server.log.entries[0][0]
    server.before_answer = lambda path: server.log.entries.append((key_of_all, server.log.entries[0][1]))
    assert run("events", "verify", code=ALTERED, DROVER_API=server.url).stderr
