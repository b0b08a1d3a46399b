"""ZIP bundles: made here and taken apart by unzip, made by zip and taken here, and every hostile ZIP that somebody may hand in (attacks 5
and 14: bombs, paths, links, a swapped meta.json). Memory is measured where a file could make the reader ask for much of it."""
import hashlib
import os
import random
import resource
import shutil
import signal
import socket
import stat
import struct
import subprocess
import time
import zipfile
import zlib

import pytest

TOOL = os.environ["ENCRYPTION_TOOL"]
SANITIZED = os.environ.get("SANITIZED") == "1"


def tool(*arguments, **more):
    return subprocess.run([TOOL, *map(str, arguments)], capture_output=True, text=True, timeout=60, **more)


def good(*arguments, **more):
    done = tool(*arguments, **more)
    assert done.returncode == 0, done.stdout + done.stderr
    return done.stdout


def refused(code, words, *arguments, **more):
    done = tool(*arguments, **more)
    assert done.returncode == 1 and done.stdout.startswith(code + " ") and words in done.stdout, done.stdout + done.stderr


@pytest.fixture(scope="module")
def package(tmp_path_factory):
    folder = tmp_path_factory.mktemp("package")
    (folder / "app.img").write_bytes(random.Random(1).randbytes(9000) + bytes(50000))
    good("create", folder / "esp32-1.1.0.dfw", "1.1.0", folder / "app.img")
    return folder / "esp32-1.1.0.dfw"


@pytest.fixture(scope="module")
def other(tmp_path_factory):
    folder = tmp_path_factory.mktemp("other")
    (folder / "app.img").write_bytes(b"other" * 100)
    good("create", folder / "other.dfw", "1.2.0", folder / "app.img")
    return folder / "other.dfw"


def manifest(package):
    data = package.read_bytes()
    length, = struct.unpack_from("<Q", data, 72)
    return data[80:80 + length]


def digest(package):
    data = package.read_bytes()
    return f"{len(data)} {hashlib.sha256(data).hexdigest()}\n"


def make(path, entries, compression=zipfile.ZIP_STORED):
    """entries: (name or ZipInfo, bytes)."""
    with zipfile.ZipFile(path, "w", compression) as archive:
        for name, data in entries:
            archive.writestr(name, data)
    return path


def test_a_bundle_is_what_unzip_takes(package, tmp_path):
    bundle = tmp_path / "b.zip"
    good("bundle", package, "esp32-1.1.0.dfw", bundle)
    listed = subprocess.run(["unzip", "-t", bundle], capture_output=True, text=True, check=True).stdout
    assert "No errors detected" in listed
    subprocess.run(["unzip", "-q", bundle, "-d", tmp_path / "out"], check=True)
    assert sorted(os.listdir(tmp_path / "out")) == ["esp32-1.1.0.dfw", "meta.json"]
    assert (tmp_path / "out/esp32-1.1.0.dfw").read_bytes() == package.read_bytes()
    assert (tmp_path / "out/meta.json").read_bytes() == manifest(package)
    with zipfile.ZipFile(bundle) as archive:
        assert [entry.compress_type for entry in archive.infolist()] == [zipfile.ZIP_STORED] * 2
        assert all(entry.external_attr >> 16 == stat.S_IFREG | 0o644 for entry in archive.infolist())


def test_a_bundle_opens_to_the_package(package, tmp_path):
    good("bundle", package, "p.dfw", tmp_path / "b.zip")
    assert good("open", tmp_path / "b.zip") == good("open", package) == digest(package)


def test_a_bundle_of_a_bundle_is_the_same_bundle(package, tmp_path):
    good("bundle", package, "p.dfw", tmp_path / "one.zip")
    good("bundle", tmp_path / "one.zip", "p.dfw", tmp_path / "two.zip")
    assert (tmp_path / "one.zip").read_bytes() == (tmp_path / "two.zip").read_bytes()


def test_the_same_package_gives_the_same_bundle_whenever_and_wherever(package, tmp_path):
    copy = tmp_path / "elsewhere.dfw"
    shutil.copy(package, copy)
    os.utime(copy, (1, 1))
    good("bundle", package, "p.dfw", tmp_path / "one.zip")
    good("bundle", copy, "p.dfw", tmp_path / "two.zip", env={**os.environ, "TZ": "Asia/Tokyo"})
    assert (tmp_path / "one.zip").read_bytes() == (tmp_path / "two.zip").read_bytes()


@pytest.mark.parametrize("name", ["", ".dfw", "p.zip", "../p.dfw", "a/p.dfw", "-p.dfw", "p.dfw\n", "p q.dfw", "a" * 260 + ".dfw"])
def test_names_that_are_no_names_are_not_written(package, tmp_path, name):
    refused("E_INCOMPATIBLE", "name", "bundle", package, name, tmp_path / "b.zip")
    assert os.listdir(tmp_path) == []


def test_a_bundle_is_written_whole_or_not_at_all(package, tmp_path):
    refused("E_INSTALL", "", "bundle", package, "p.dfw", tmp_path / "nowhere/b.zip")
    (tmp_path / "b.zip").write_text("before")
    refused("E_INTERNAL", "No such file", "bundle", tmp_path / "missing.dfw", "p.dfw", tmp_path / "b.zip")
    assert os.listdir(tmp_path) == ["b.zip"] and (tmp_path / "b.zip").read_text() == "before"


@pytest.mark.skipif(SANITIZED, reason="a sanitizer writes files of its own")
def test_a_full_disk_leaves_no_half_bundle(package, tmp_path):
    def small_files():
        signal.signal(signal.SIGXFSZ, signal.SIG_IGN)
        resource.setrlimit(resource.RLIMIT_FSIZE, (4096, 4096))
    done = tool("bundle", package, "p.dfw", tmp_path / "b.zip", preexec_fn=small_files)
    assert done.stdout.startswith("E_NO_SPACE "), done.stdout
    assert os.listdir(tmp_path) == []


@pytest.mark.parametrize("options", [["-0"], ["-9"], ["-9", "-z"], ["-fz"]], ids=["stored", "deflated", "comment", "zip64"])
def test_what_zip_makes_is_taken(package, tmp_path, options):
    (tmp_path / "meta.json").write_bytes(manifest(package))
    shutil.copy(package, tmp_path / "p.dfw")
    subprocess.run(["zip", "-q", *options, "b.zip", "p.dfw", "meta.json"], cwd=tmp_path, check=True, input=b"a comment\n.\n")
    assert good("open", tmp_path / "b.zip") == digest(package)


def test_what_zip_streams_is_taken(package, tmp_path):
    """Sizes unknown at first: they stand behind the bytes and in the directory."""
    shutil.copy(package, tmp_path / "p.dfw")
    with open(tmp_path / "b.zip", "wb") as out:
        stream = subprocess.run(["zip", "-q", "-", "p.dfw"], cwd=tmp_path, check=True, stdout=subprocess.PIPE).stdout
        out.write(stream)
    assert good("open", tmp_path / "b.zip") == digest(package)


def test_other_entries_do_not_matter(package, tmp_path):
    entries = [("README.txt", b"hello"), ("notes/old.dfw", b"not at the top"), ("p.dfw", package.read_bytes()), ("notes/meta.json", b"{}")]
    assert good("open", make(tmp_path / "b.zip", entries, zipfile.ZIP_DEFLATED)) == digest(package)


# what must be refused

@pytest.mark.parametrize("names", [[], ["a.txt"], ["sub/p.dfw"], ["sub\\p.dfw"], ["../p.dfw"], ["/p.dfw"], [".dfw"], ["p.DFW"]])
def test_no_package_at_the_top(package, tmp_path, names):
    refused("E_INCOMPATIBLE", "no *.dfw", "open", make(tmp_path / "b.zip", [(name, package.read_bytes()) for name in names]))


def test_paths_inside_are_never_used(package, tmp_path):
    folder = tmp_path / "work"
    folder.mkdir()
    path = make(folder / "b.zip", [("../evil.txt", b"x"), ("/tmp/drover-evil.txt", b"x"), ("p.dfw", package.read_bytes())])
    assert good("open", path, cwd=folder, env={**os.environ, "TMPDIR": str(folder)}) == digest(package)
    assert os.listdir(folder) == ["b.zip"] and os.listdir(tmp_path) == ["work"]


def test_two_packages(package, other, tmp_path):
    refused("E_INCOMPATIBLE", "two entries", "open", make(tmp_path / "b.zip", [("a.dfw", package.read_bytes()), ("b.dfw", other.read_bytes())]))


def test_the_same_name_twice(package, other, tmp_path):
    with pytest.warns(UserWarning):
        path = make(tmp_path / "b.zip", [("a.dfw", package.read_bytes()), ("a.dfw", other.read_bytes())])
    refused("E_INCOMPATIBLE", "two entries", "open", path)


def test_meta_json_of_another_package(package, other, tmp_path):
    refused("E_SHA256", "not the manifest", "open", make(tmp_path / "b.zip", [("p.dfw", package.read_bytes()), ("meta.json", manifest(other))]))


@pytest.mark.parametrize("change", [lambda m: m[:-1], lambda m: m + b"\n", lambda m: m.replace(b"1.1.0", b"9.1.0")])
def test_meta_json_that_differs_by_a_byte(package, tmp_path, change):
    refused("E_SHA256", "not the manifest", "open", make(tmp_path / "b.zip", [("p.dfw", package.read_bytes()), ("meta.json", change(manifest(package)))]))


@pytest.mark.parametrize("data", [b"", b"{" * 200000], ids=["empty", "long"])
def test_meta_json_of_a_wrong_size(package, tmp_path, data):
    refused("E_INCOMPATIBLE", "meta.json", "open", make(tmp_path / "b.zip", [("p.dfw", package.read_bytes()), ("meta.json", data)], zipfile.ZIP_DEFLATED))


@pytest.mark.parametrize("kind", [stat.S_IFLNK, stat.S_IFIFO, stat.S_IFCHR, stat.S_IFDIR])
@pytest.mark.parametrize("name", ["p.dfw", "meta.json"])
def test_links_and_special_files(package, tmp_path, name, kind):
    entry = zipfile.ZipInfo(name)
    entry.create_system, entry.external_attr = 3, (kind | 0o777) << 16
    entries = {"p.dfw": package.read_bytes(), "meta.json": manifest(package)}
    refused("E_INCOMPATIBLE", "link", "open", make(tmp_path / "b.zip", [(entry if name == n else n, data) for n, data in entries.items()]))


def test_a_link_made_by_zip(package, tmp_path):
    (tmp_path / "p.dfw").symlink_to("/etc/passwd")
    subprocess.run(["zip", "-q", "-y", "b.zip", "p.dfw"], cwd=tmp_path, check=True)
    refused("E_INCOMPATIBLE", "link", "open", tmp_path / "b.zip")


def test_an_entry_encrypted_by_zip(package, tmp_path):
    shutil.copy(package, tmp_path / "p.dfw")
    subprocess.run(["zip", "-q", "-P", "secret", "b.zip", "p.dfw"], cwd=tmp_path, check=True)
    refused("E_INCOMPATIBLE", "encrypted", "open", tmp_path / "b.zip")


@pytest.mark.parametrize("method", [zipfile.ZIP_BZIP2, zipfile.ZIP_LZMA])
def test_other_compressions(package, tmp_path, method):
    refused("E_INCOMPATIBLE", "deflate", "open", make(tmp_path / "b.zip", [("p.dfw", package.read_bytes())], method))


def test_a_size_limit(package, tmp_path):
    size = package.stat().st_size
    good("bundle", package, "p.dfw", tmp_path / "b.zip")
    for path in [package, tmp_path / "b.zip"]:
        assert good("open", path, size) == digest(package)
        refused("E_INCOMPATIBLE", f"at most {size - 1}", "open", path, size - 1)


def patched(path, field, value, size=4, both=True):
    """A field of the first entry, in its own header and in the directory: (offset there, offset here)."""
    data = bytearray(path.read_bytes())
    here, there = field
    at = data.index(b"PK\x01\x02")
    data[at + there:at + there + size] = value.to_bytes(size, "little")
    if both:
        data[here:here + size] = value.to_bytes(size, "little")
    path.write_bytes(data)
    return path


SIZE, STORED, CRC, METHOD, FLAGS = (22, 24), (18, 20), (14, 16), (8, 10), (6, 8)


def test_a_bomb_stops_at_the_announced_size(tmp_path):
    """64 MiB of zeros in 64 KiB, announced as 1000 bytes: at most a step more is ever made."""
    path = patched(make(tmp_path / "b.zip", [("p.dfw", bytes(64 << 20))], zipfile.ZIP_DEFLATED), SIZE, 1000)
    refused("E_INCOMPATIBLE", "more than its announced size", "open", path,
            preexec_fn=None if SANITIZED else lambda: resource.setrlimit(resource.RLIMIT_FSIZE, (65536, 65536)))


def test_a_bomb_that_announces_itself(tmp_path):
    path = make(tmp_path / "b.zip", [("p.dfw", bytes(64 << 20))], zipfile.ZIP_DEFLATED)
    refused("E_INCOMPATIBLE", "at most", "open", path, 1 << 20)


def test_sizes_that_are_too_large(package, tmp_path):
    path = patched(make(tmp_path / "b.zip", [("p.dfw", package.read_bytes())], zipfile.ZIP_DEFLATED), SIZE, package.stat().st_size + 1)
    refused("E_CRC", "shorter", "open", path)


def test_a_wrong_crc(package, tmp_path):
    refused("E_CRC", "CRC32", "open", patched(make(tmp_path / "b.zip", [("p.dfw", package.read_bytes())]), CRC, 12345))


def test_damaged_deflate(package, tmp_path):
    path = make(tmp_path / "b.zip", [("p.dfw", package.read_bytes())], zipfile.ZIP_DEFLATED)
    data = bytearray(path.read_bytes())
    data[35] |= 0x06  # a block of the type that does not exist
    path.write_bytes(data)
    refused("E_CRC", "p.dfw", "open", path)


def test_bytes_behind_the_deflated_ones(tmp_path):
    """Room for a second meaning that other programs may see."""
    path = make(tmp_path / "b.zip", [("p.dfw", bytes(1000) + b"x" * 1000)], zipfile.ZIP_DEFLATED)
    with zipfile.ZipFile(path) as archive:
        stored, crc = archive.infolist()[0].compress_size, archive.infolist()[0].CRC
    assert crc == zlib.crc32(bytes(1000) + b"x" * 1000)
    data = bytearray(path.read_bytes())
    data[35 + stored:35 + stored] = b"smuggled"
    at = data.rindex(b"PK\x05\x06")
    struct.pack_into("<I", data, at + 16, struct.unpack_from("<I", data, at + 16)[0] + 8)
    path.write_bytes(data)
    refused("E_CRC", "too early or too late", "open", patched(path, STORED, stored + 8))


@pytest.mark.parametrize("field,value,size", [(METHOD, 8, 2), (FLAGS, 4, 2), ((26, 28), 4, 2)], ids=["method", "flags", "name length"])
def test_a_directory_that_contradicts_the_entry(package, tmp_path, field, value, size):
    path = patched(make(tmp_path / "b.zip", [("p.dfw", package.read_bytes())]), field, value, size, both=False)
    assert tool("open", path).stdout.startswith("E_INCOMPATIBLE ")


def test_another_name_in_front_of_the_entry(package, tmp_path):
    path = make(tmp_path / "b.zip", [("p.dfw", package.read_bytes())])
    data = bytearray(path.read_bytes())
    data[30:35] = b"q.dfw"
    path.write_bytes(data)
    refused("E_INCOMPATIBLE", "contradict", "open", path)


@pytest.mark.parametrize("offset", [1, 0x7FFFFFFF, 0xFFFFFFFE, 0xFFFFFFFF])
def test_offsets_that_lead_outside(package, tmp_path, offset):
    path = patched(make(tmp_path / "b.zip", [("p.dfw", package.read_bytes())]), (0, 42), offset, both=False)
    assert tool("open", path).stdout.startswith("E_INCOMPATIBLE ")


def test_cut_at_every_length(package, tmp_path):
    bundle = tmp_path / "b.zip"
    make(bundle, [("p.dfw", b"tiny")])
    data = bundle.read_bytes()
    cut = tmp_path / "cut.zip"
    for length in range(4, len(data)):
        cut.write_bytes(data[:length])
        refused("E_CRC", "", "open", cut)


def test_more_entries_than_are_read(package, tmp_path):
    entries = [(f"{i}.txt", b"") for i in range(63)] + [("p.dfw", package.read_bytes())]
    assert good("open", make(tmp_path / "b.zip", entries)) == digest(package)
    refused("E_INCOMPATIBLE", "more than 64", "open", make(tmp_path / "b.zip", [("x", b"")] + entries))


def test_a_file_that_claims_millions_of_entries_costs_no_memory(tmp_path):
    """A sparse GiB whose ZIP64 end tells of 23 million entries in it."""
    path, gib = tmp_path / "b.zip", 1 << 30
    count = gib // 46
    with open(path, "wb") as out:
        out.write(b"PK\x03\x04")
        out.seek(gib)
        out.write(struct.pack("<IQHHIIQQQQ", 0x06064B50, 44, 45, 45, 0, 0, count, count, 46 * count, gib - 46 * count))
        out.write(struct.pack("<IIQI", 0x07064B50, 0, gib, 1) + struct.pack("<IHHHHIIH", 0x06054B50, 0, 0, 0xFFFF, 0xFFFF, 0xFFFFFFFF, 0xFFFFFFFF, 0))
    limit = None if SANITIZED else lambda: resource.setrlimit(resource.RLIMIT_AS, (256 << 20, 256 << 20))
    refused("E_INCOMPATIBLE", "more than 64 entries", "open", path, preexec_fn=limit)


@pytest.mark.parametrize("value", [0xFFFFFFFFFFFFFFFF, 0x8000000000000000, 1 << 40])
def test_zip64_numbers_that_lead_outside(tmp_path, value):
    extra = struct.pack("<HHQQQ", 1, 24, 4, value, value)
    header = struct.pack("<IHHHHHIIIHH", 0x04034B50, 45, 0, 0, 0, 33, zlib.crc32(b"tiny"), 4, 4, 5, 0) + b"p.dfw" + b"tiny"
    entry = struct.pack("<IHHHHHHIIIHHHHHII", 0x02014B50, 45, 45, 0, 0, 0, 33, zlib.crc32(b"tiny"), 0xFFFFFFFF, 0xFFFFFFFF, 5, len(extra), 0, 0, 0, 0,
                        0xFFFFFFFF) + b"p.dfw" + extra
    end = struct.pack("<IHHHHIIH", 0x06054B50, 0, 0, 1, 1, len(entry), len(header), 0)
    (tmp_path / "b.zip").write_bytes(header + entry + end)
    refused("E_INCOMPATIBLE", "malformed", "open", tmp_path / "b.zip")


def test_files_that_are_no_files(tmp_path):
    """At once, without waiting for a writer."""
    os.mkfifo(tmp_path / "pipe")
    server = socket.socket(socket.AF_UNIX)
    server.bind(str(tmp_path / "socket"))
    started = time.monotonic()
    refused("E_INCOMPATIBLE", "pipe", "open", tmp_path / "pipe")
    refused("E_INCOMPATIBLE", "folder", "open", tmp_path)
    refused("E_INCOMPATIBLE", "special file", "open", "/dev/null")
    refused("E_INTERNAL", "socket", "open", tmp_path / "socket")
    refused("E_INTERNAL", "No such file", "open", tmp_path / "missing")
    assert time.monotonic() - started < 30
    server.close()


def test_no_room_for_the_copy(package, tmp_path):
    good("bundle", package, "p.dfw", tmp_path / "b.zip")
    refused("E_INSTALL", "temporary", "open", tmp_path / "b.zip", env={**os.environ, "TMPDIR": "/nowhere"})


def test_nothing_is_left_in_the_temporary_folder(package, tmp_path):
    folder = tmp_path / "temporary"
    folder.mkdir()
    good("bundle", package, "p.dfw", tmp_path / "b.zip")
    bad = make(tmp_path / "bad.zip", [("p.dfw", package.read_bytes()), ("meta.json", b"{}")])
    environment = {**os.environ, "TMPDIR": str(folder)}
    good("open", tmp_path / "b.zip", env=environment)
    refused("E_SHA256", "", "open", bad, env=environment)
    assert os.listdir(folder) == []
