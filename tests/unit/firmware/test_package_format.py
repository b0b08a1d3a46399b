"""Packages read with nothing but the tables of docs/package-format.md, Python, openssl and zstd: a second opinion on every byte.

DROVER is the command line, DROVER_BUILD the build folder.
"""
import hashlib
import json
import os
import pathlib
import re
import struct
import subprocess
import zlib

import jsonschema
import pytest

ROOT = pathlib.Path(__file__).resolve().parents[3]
PAGE = (ROOT / "docs/package-format.md").read_text()
SIZES = {1: "B", 2: "H", 4: "I", 8: "Q"}


def table(heading):
    """The (offset, bytes, field) rows of the first table behind a heading, as far as they are numbers."""
    text = PAGE.split(f"\n{heading}\n", 1)[1]
    rows = re.search(r"\| offset \|.*\n\|[-|]+\n((?:\|.*\n)+)", text).group(1).splitlines()
    cells = [[cell.strip() for cell in row.strip("|").split("|")] for row in rows]
    return [(int(at), int(size), name) for at, size, name, _ in cells if at.isdigit() and size.isdigit()]


def unpack(fields, data, at=0):
    values = {}
    for offset, size, name in fields:
        piece = data[at + offset:at + offset + size]
        values[name] = struct.unpack("<" + SIZES[size], piece)[0] if size in SIZES and name != "magic" else piece
    return values


HEADER, SECTION, SIGNATURE = table("## Header"), table("## Sections"), table("### SIGNATURE")
TYPES = {name: int(number) for number, name in re.findall(r"\| (\d+) \| ([A-Z_]+) \|", PAGE)}


def run(*words, **more):
    return subprocess.run([str(word) for word in words], check=True, capture_output=True, **more)


@pytest.fixture(scope="module")
def made(tmp_path_factory):
    """Two releases and the delta between them, by the command line."""
    folder = tmp_path_factory.mktemp("packages")
    drover = os.environ["DROVER"]
    environment = {**os.environ, "SOURCE_DATE_EPOCH": "1700000000", "HOME": str(folder)}
    run("openssl", "genpkey", "-algorithm", "EC", "-pkeyopt", "ec_paramgen_curve:P-256", "-out", folder / "key.pem")
    run("openssl", "pkey", "-in", folder / "key.pem", "-pubout", "-out", folder / "public.pem")
    text = b"".join(b"line %d of an image that compresses\n" % (n * n % 1000) for n in range(9000))
    noise = b"".join(hashlib.sha256(b"%d" % n).digest() for n in range(2000))
    (folder / "app1").write_bytes(text)
    (folder / "app2").write_bytes(text[:50000] + b"a changed line\n" + text[50000:])
    (folder / "noise").write_bytes(noise)
    for n in (1, 2):
        run(drover, "package", "create", folder / f"{n}.dfw", "--model", "esp32", "--version", f"1.{n}.0", "--component", f"app={folder}/app{n}", "--component",
            f"data={folder}/noise,part=storage,compression=none", "--hw-rev", "b", "--min-version", "1.0.0", "--release-counter", n, "--chunk-size", "4096",
            "--key", folder / "key.pem", env=environment)
    run(drover, "package", "delta", folder / "1.dfw", folder / "2.dfw", folder / "delta.dfw", "--key", folder / "key.pem", env=environment)
    return folder


def read(path):
    """Header, metadata sections [(header, value)], payloads; every checksum and size that the page names is checked on the way."""
    data = path.read_bytes()
    header = unpack(HEADER, data)
    assert sum(size for _, size, _ in HEADER) == 64 and HEADER[-1][0] + HEADER[-1][1] == 64
    assert header["magic"].hex(" ").upper() == re.search(r"magic \| `([0-9A-F ]+)`", PAGE).group(1)
    assert (header["header_version"], header["header_bytes"], header["reserved"]) == (1, 64, 0)
    assert header["header_crc32"] == zlib.crc32(data[:60])
    assert header["package_bytes"] == len(data)
    assert header["payload_offset"] == 64 + header["metadata_bytes"]
    assert header["payload_offset"] + header["payload_bytes"] + 4 == len(data)
    assert header["metadata_crc32"] == zlib.crc32(data[64:header["payload_offset"]])
    assert struct.unpack("<I", data[-4:])[0] == zlib.crc32(data[:-4])
    sections, at = [], 64
    while at < len(data) - 4:
        section = unpack(SECTION, data, at)
        sections.append((section, data[at + 16:at + 16 + section["length"]]))
        at += 16 + section["length"]
    assert at == len(data) - 4
    metadata = [entry for entry in sections if entry[0]["type"] != TYPES["PAYLOAD"]]
    payloads = sections[len(metadata):]
    assert (len(metadata), len(payloads)) == (header["metadata_sections"], header["payload_sections"])
    assert all(section["flags"] == 1 for section, _ in sections)
    assert [section["index"] for section, _ in payloads] == list(range(len(payloads)))
    assert [section["type"] for section, _ in sections] == sorted(section["type"] for section, _ in sections)
    return header, metadata, [value for _, value in payloads]


def value_of(metadata, name):
    return next(value for section, value in metadata if section["type"] == TYPES[name])


def openssl_verifies(folder, value, document):
    fields = unpack(SIGNATURE, value)
    assert fields["algorithm"] == 3 and len(value) == 36 + fields["length"]
    der = run("openssl", "pkey", "-pubin", "-in", folder / "public.pem", "-outform", "DER").stdout
    assert fields["key_id"] == hashlib.sha256(der).digest()
    (folder / "signature").write_bytes(value[36:])
    (folder / "document").write_bytes(document)
    run("openssl", "dgst", "-sha256", "-verify", folder / "public.pem", "-signature", folder / "signature", folder / "document")


def schema_accepts(name, document):
    jsonschema.Draft202012Validator(json.loads((ROOT / f"firmware/schema/{name}.json").read_text())).validate(document)


def chunks_of(payload, size):
    return [hashlib.sha256(payload[at:at + size]).hexdigest() for at in range(0, len(payload), size)]


def test_full_package(made):
    _, metadata, payloads = read(made / "2.dfw")
    document = value_of(metadata, "MANIFEST")
    manifest = json.loads(document)
    schema_accepts("manifest", manifest)
    openssl_verifies(made, value_of(metadata, "SIGNATURE"), document)
    assert next(iter(manifest)) == "kind"
    assert json.dumps(manifest, separators=(",", ":")).encode() == document
    assert [component["name"] for component in manifest["components"]] == ["app", "data"]
    assert manifest["size"] == sum(component["size"] for component in manifest["components"])
    for component, payload, image in zip(manifest["components"], payloads, ("app2", "noise"), strict=True):
        assert component["stored_size"] == len(payload)
        assert component["chunks"] == chunks_of(payload, manifest["chunk_size"])
        if component["compression"] == "zstd":
            payload = run("zstd", "-d", "-c", "--memory=256KB", input=payload).stdout
        assert payload == (made / image).read_bytes()
        assert component["sha256"] == hashlib.sha256(payload).hexdigest() and component["size"] == len(payload)


def test_delta_package(made):
    header, metadata, payloads = read(made / "delta.dfw")
    _, full, _ = read(made / "2.dfw")
    assert header["flags"] == 1
    assert value_of(metadata, "MANIFEST") == value_of(full, "MANIFEST")
    assert value_of(metadata, "SIGNATURE") == value_of(full, "SIGNATURE")
    document = value_of(metadata, "DELTA")
    delta = json.loads(document)
    schema_accepts("delta", delta)
    openssl_verifies(made, value_of(metadata, "DELTA_SIGNATURE"), document)
    assert delta["manifest_sha256"] == hashlib.sha256(value_of(full, "MANIFEST")).hexdigest()
    assert delta["base_version"] == "1.1.0"
    app, data = delta["components"]
    assert app["algorithm"] in ("bsdiff", "zstd") and data["algorithm"] == "copy"
    assert app["base_sha256"] == hashlib.sha256((made / "app1").read_bytes()).hexdigest()
    assert data["base_sha256"] == hashlib.sha256((made / "noise").read_bytes()).hexdigest()
    for component, payload in zip(delta["components"], payloads, strict=True):
        assert component["stored_size"] == len(payload)
        assert component["chunks"] == chunks_of(payload, delta["chunk_size"])


def test_the_schema_refuses_what_the_reader_refuses(made):
    _, metadata, _ = read(made / "2.dfw")
    right = value_of(metadata, "MANIFEST").decode()
    changes = [('"drover-package"', '"drover-delta"'), ('"schema":1', '"schema":2'), ('"esp32"', '"../esp32"'), ('"chunk_size":4096', '"chunk_size":5000'),
               ('"compression":"zstd"', '"compression":"gzip"'), ('"part":"storage"', '"part":"/dev/sda"'), ('"version":"1.2.0"', '"version":"1.2"')]
    for old, new in changes:
        assert old in right, old
        with pytest.raises(jsonschema.ValidationError):
            schema_accepts("manifest", json.loads(right.replace(old, new, 1)))
