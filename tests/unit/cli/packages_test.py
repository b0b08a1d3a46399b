"""`drover package`, `drover key` and `drover permit`: what they make, what they refuse and in which words, with the tools of others
(openssl, unzip, bspatch, zstd) as the second opinion."""
import hashlib
import io
import json
import os
import pathlib
import pty
import random
import re
import resource
import select
import shutil
import signal
import stat
import struct
import subprocess
import time
import zipfile
import zlib

import pytest

DROVER = os.environ["DROVER"]
OK, FAILED, USAGE, _, CONFLICT = range(5)
REFUSED, NO_DELTA = 9, 10
DEADLINE_S = 60


def environment(**more):
    kept = {name: value for name, value in os.environ.items() if name in ("PATH", "ASAN_OPTIONS", "UBSAN_OPTIONS")}
    return {**kept, "LC_ALL": "C.UTF-8", "TZ": "UTC", **more}


def run(*args, code=OK, stdin=subprocess.DEVNULL, preexec_fn=None, **more):
    done = subprocess.run([DROVER, *map(str, args)], env=environment(**more), capture_output=True, text=True, timeout=DEADLINE_S,
                          stdin=stdin, preexec_fn=preexec_fn)
    assert done.returncode == code, (args, done.returncode, done.stdout, done.stderr)
    return done


def tool(*args, code=0, **options):
    done = subprocess.run([*map(str, args)], capture_output=True, text=True, timeout=DEADLINE_S, **options)
    assert done.returncode == code, (args, done.stdout, done.stderr)
    return done.stdout


def facts(*args):
    return json.loads(run(*args, "-o", "json").stdout)


def sha(path):
    return hashlib.sha256(pathlib.Path(path).read_bytes()).hexdigest()


@pytest.fixture(scope="session")
def keys(tmp_path_factory):
    """One pair of each kind, and a model key."""
    folder = tmp_path_factory.mktemp("keys")
    made = {}
    for name, kind in (("release", "ed25519"), ("other", "ed25519"), ("root", "ed25519"), ("root2", "ed25519"), ("delta", "ed25519"), ("permit", "ed25519"),
                       ("rsa", "rsa-2048"), ("ec", "ecdsa-p256"), ("x25519", "x25519")):
        told = facts("key", "generate", folder / f"{name}.pem", "--type", kind, "--public", folder / f"{name}.pub")
        made[name] = told["key_id"]
        assert told["type"] == kind and not told["encrypted"]
    run("key", "generate", folder / "model.key", "--type", "model")
    return type("Keys", (), {"folder": folder, "id": made, "pem": lambda self, name: folder / f"{name}.pem", "pub": lambda self, name: folder / f"{name}.pub",
                             "model": folder / "model.key"})()


def noisy(length, seed):
    """Bytes that compress to about half."""
    source = random.Random(seed)
    return bytes(source.randrange(16) * 16 + source.randrange(2) for _ in range(length))


@pytest.fixture(scope="session")
def images(tmp_path_factory):
    folder = tmp_path_factory.mktemp("images")
    rootfs = bytearray(noisy(200_000, 1))
    (folder / "rootfs-1").write_bytes(rootfs)
    rootfs[50_000:50_300] = noisy(500, 2)
    (folder / "rootfs-2").write_bytes(rootfs)
    (folder / "kernel-1").write_bytes(random.Random(3).randbytes(70_000))
    (folder / "kernel-2").write_bytes((folder / "kernel-1").read_bytes())
    return folder


def create(path, images, version="1.0.0", which=1, *more, **options):
    run("package", "create", path, "--model", "esp32", "--version", version, "--component", f"rootfs={images / f'rootfs-{which}'}",
        "--component", f"kernel={images / f'kernel-{which}'},part=boot,compression=none", "--chunk-size", "16K", *more, **options)
    return path


@pytest.fixture(scope="session")
def built(tmp_path_factory, images, keys):
    """Two signed packages, the delta between them, signed, and a trust document."""
    folder = tmp_path_factory.mktemp("built")
    create(folder / "old.dfw", images, "1.0.0", 1, "--key", keys.pem("release"), "--release-counter", 10)
    create(folder / "new.dfw", images, "1.1.0", 2, "--key", keys.pem("release"), "--release-counter", 11, "--hw-rev", "b1", "--min-version", "0.9.0")
    run("package", "delta", folder / "old.dfw", folder / "new.dfw", folder / "delta.dfw", "--key", keys.pem("delta"))
    for name in ("release", "delta", "permit"):
        run("key", "trust", keys.pub(name), "--trust", folder / "trust.json", "--role", "package" if name == "release" else name, "--name", name)
    return folder


def results(done):
    """{check: result} of verify's table."""
    return dict(re.split("  +", line)[:2] for line in done.stdout.splitlines()[1:])


# --- create, inspect ---

def test_create_says_what_it_made(tmp_path, images, keys):
    done = run("package", "create", tmp_path / "p.dfw", "--model", "esp32", "--version", "v1.2.3", "--component", f"app={images / 'rootfs-1'}")
    assert re.search(r"^version +1\.2\.3$", done.stdout, re.M) and "is not signed yet" in done.stderr
    assert run("package", "create", tmp_path / "q.dfw", "--model", "m", "--version", "1.0.0", "--component", f"app={images / 'rootfs-1'}", "--key", keys.pem("ec"),
               "-o", "name").stdout == f"{tmp_path}/q.dfw\n"
    assert [s["algorithm"] for s in facts("package", "inspect", tmp_path / "q.dfw")["signatures"]] == ["ecdsa-p256-sha256"]
    assert sorted(os.listdir(tmp_path)) == ["p.dfw", "q.dfw"], "nothing else is left"


def test_inspect_tells_everything(built, images, keys):
    told = facts("package", "inspect", built / "new.dfw")
    assert (told["model"], told["version"], told["kind"], told["hw_revs"], told["min_version"], told["release_counter"], told["encrypted"], told["proved"]) == \
        ("esp32", "1.1.0", "full", ["b1"], "0.9.0", 11, False, False)
    assert told["size"] == (built / "new.dfw").stat().st_size and told["sha256"] == sha(built / "new.dfw") and told["chunk_bytes"] == 16384
    assert [(c["name"], c["part"], c["sha256"], c["compression"], c["as"]) for c in told["components"]] == \
        [("rootfs", "rootfs", sha(images / "rootfs-2"), "zstd", "full"), ("kernel", "boot", sha(images / "kernel-2"), "none", "full")]
    assert [(s["document"], s["algorithm"], s["key_id"]) for s in told["signatures"]] == [("manifest", "ed25519", keys.id["release"])]
    end = 0
    for part in told["layout"]:
        assert part["offset"] == end, "no gaps and no overlap"
        end += part["size"]
    assert end == told["size"] and [part["what"] for part in told["layout"]] == ["header", "manifest", "signature", "payload rootfs", "payload kernel", "checksum"]
    assert told["manifest"]["kind"] == "drover-package" and len(told["manifest"]["components"]) == 2

    shown = run("package", "inspect", built / "new.dfw").stdout
    assert "Nothing of it is proved" in shown and re.search(r"^ +0 +64  header +\|# +\|$", shown, re.M)
    picture = {line.split("|")[0].split("  ")[-2].strip(): line.split("|")[1] for line in shown.splitlines() if line.endswith("|")}
    rootfs, kernel = picture["payload rootfs"], picture["payload kernel"]
    assert rootfs.count("#") > kernel.count("#") > 10 and rootfs.index("#") < kernel.index("#") and kernel.rindex("#") == 47
    assert run("package", "inspect", built / "delta.dfw").stdout.count("bsdiff") + run("package", "inspect", built / "delta.dfw").stdout.count("zstd") >= 1


def test_build_time_makes_packages_reproducible(tmp_path, images, keys):
    for name in ("a", "b"):
        create(tmp_path / name, images, "1.0.0", 1, "--key", keys.pem("release"), SOURCE_DATE_EPOCH="1700000000")
    assert sha(tmp_path / "a") == sha(tmp_path / "b")
    told = facts("package", "inspect", tmp_path / "a")
    assert told["build_time_ms"] == 1700000000000 and told["release_counter"] == 1700000000, "the counter comes from the build time"
    create(tmp_path / "c", images, "1.0.0", 1, "--build-time", "2026-01-31T12:00:00+02:00", "--expires-at", "2027-01-01", SOURCE_DATE_EPOCH="1")
    told = facts("package", "inspect", tmp_path / "c")
    assert (told["build_time_ms"], told["expires_ms"]) == (1769853600000, 1798761600000)
    assert "SOURCE_DATE_EPOCH: `soon` is no number" in create_refused(tmp_path / "d", images, USAGE, SOURCE_DATE_EPOCH="soon")


def create_refused(path, images, code, *more, **options):
    done = run("package", "create", path, "--model", "esp32", "--version", "1.0.0", *(more or ("--component", f"app={images / 'rootfs-1'}")), code=code, **options)
    assert not path.exists() and done.stdout == "" and done.stderr.startswith("drover: package create: "), done.stderr
    return done.stderr


def test_create_refuses(tmp_path, images, keys):
    image, path = images / "rootfs-1", tmp_path / "p.dfw"
    for more, code, words in (
            (("--component", "app"), USAGE, "`app` is not NAME=FILE"),
            (("--component", f"a/b={image}"), USAGE, "is not NAME=FILE"),
            (("--component", "app="), USAGE, "no file is named"),
            (("--component", f"app={image},part=a/b"), USAGE, "part= takes an id"),
            (("--component", f"app={image},compression=lzma"), USAGE, "compression= takes zstd or none"),
            (("--component", f"app={image}", "--component", f"app={image}"), USAGE, "`app` is named twice"),
            (("--component", f"app={image}", "--chunk-size", "5000"), USAGE, "5000 is no power of two"),
            (("--component", f"app={tmp_path}/absent"), FAILED, "No such file"),
            (("--component", f"app={image}", "--key", f"{tmp_path}/absent.pem"), FAILED, "absent.pem"),
            (("--component", f"app={image}", "--key", keys.pem("x25519")), FAILED, "x25519")):
        assert words in create_refused(path, images, code, *more), more
    assert os.listdir(tmp_path) == []
    for missing in ("--model", "--version", "--component"):
        args = {"--model": "m", "--version": "1.0.0", "--component": f"app={image}"}
        del args[missing]
        assert f"{missing} is missing" in run("package", "create", path, *[word for pair in args.items() for word in pair], code=USAGE).stderr


def test_file_names_with_commas(tmp_path, images):
    odd = tmp_path / "a,b=c,part"
    shutil.copy(images / "kernel-1", odd)
    run("package", "create", tmp_path / "p", "--model", "m", "--version", "1.0.0", "--component", f"app={odd},compression=none,part=slot")
    told = facts("package", "inspect", tmp_path / "p")["components"][0]
    assert told["sha256"] == sha(odd) and told["part"] == "slot"


# --- signatures: openssl's second opinion ---

@pytest.mark.parametrize("key, algorithm", [("release", None), ("rsa", "rsa-pkcs1-sha256"), ("rsa", "rsa-pss-sha256"), ("rsa", None), ("ec", None)])
def test_openssl_verifies_our_signatures(tmp_path, images, keys, key, algorithm):
    create(tmp_path / "p.dfw", images)
    run("package", "sign", tmp_path / "p.dfw", "--key", keys.pem(key), *(["--algorithm", algorithm] if algorithm else []))
    run("package", "verify", tmp_path / "p.dfw", "--public-key", keys.pub(key))
    run("package", "extract", tmp_path / "p.dfw", tmp_path / "out", "--documents", "--public-key", keys.pub(key))
    signature, document = tmp_path / "out" / f"meta.json.{keys.id[key][:16]}.sig", tmp_path / "out" / "meta.json"
    assert sorted(os.listdir(tmp_path / "out")) == [document.name, signature.name], "documents only"
    pss = key == "rsa" and algorithm != "rsa-pkcs1-sha256"
    if key == "release":
        args = ["pkeyutl", "-verify", "-pubin", "-inkey", keys.pub(key), "-rawin", "-in", document, "-sigfile", signature]
    else:
        args = ["dgst", "-sha256", "-verify", keys.pub(key), *(["-sigopt", "rsa_padding_mode:pss", "-sigopt", "rsa_pss_saltlen:32"] if pss else []),
                "-signature", signature, document]
    assert "Verified" in tool("openssl", *args)
    document.write_bytes(document.read_bytes().replace(b"1.0.0", b"9.0.0", 1))
    tool("openssl", *args, code=1)


def test_keys_made_by_openssl_are_taken(tmp_path, images):
    tool("openssl", "genpkey", "-algorithm", "ed25519", "-out", tmp_path / "k.pem")
    tool("openssl", "pkey", "-in", tmp_path / "k.pem", "-pubout", "-out", tmp_path / "k.pub")
    create(tmp_path / "p.dfw", images, "1.0.0", 1, "--key", tmp_path / "k.pem")
    run("package", "verify", tmp_path / "p.dfw", "--public-key", tmp_path / "k.pub")
    der = subprocess.run(["openssl", "pkey", "-pubin", "-in", tmp_path / "k.pub", "-outform", "DER"], capture_output=True, check=True).stdout
    assert facts("package", "inspect", tmp_path / "p.dfw")["signatures"][0]["key_id"] == hashlib.sha256(der).hexdigest()


def test_sign_adds_and_replaces(tmp_path, images, keys):
    package = create(tmp_path / "p.dfw", images)
    before = facts("package", "inspect", package)
    run("package", "sign", package, tmp_path / "signed.dfw", "--key", keys.pem("release"), "--key", keys.pem("ec"))
    assert facts("package", "inspect", package) == before, "the input is as it was"
    run("package", "sign", tmp_path / "signed.dfw", "--key", keys.pem("release"), "--key", keys.pem("rsa"), "--algorithm", "rsa-pss-sha256", code=FAILED)
    run("package", "sign", tmp_path / "signed.dfw", "--key", keys.pem("rsa"), "--algorithm", "rsa-pkcs1-sha256")
    run("package", "sign", tmp_path / "signed.dfw", "--key", keys.pem("rsa"), "--algorithm", "rsa-pss-sha256")
    told = facts("package", "inspect", tmp_path / "signed.dfw")
    assert {(s["key_id"], s["algorithm"]) for s in told["signatures"]} == \
        {(keys.id["release"], "ed25519"), (keys.id["ec"], "ecdsa-p256-sha256"), (keys.id["rsa"], "rsa-pss-sha256")}
    assert told["manifest_sha256"] == before["manifest_sha256"]
    assert "exists; --force replaces it" in run("package", "sign", package, tmp_path / "signed.dfw", "--key", keys.pem("ec"), code=FAILED).stderr
    assert "--key is missing" in run("package", "sign", package, code=USAGE).stderr


# --- verify ---

def test_verify_shows_each_check(built, keys):
    asked = ("--model", "esp32", "--hw-rev", "b1", "--current-version", "1.0.0", "--current-counter", 10)
    done = run("package", "verify", built / "new.dfw", "--trust", built / "trust.json", *asked)
    assert list(results(done).values()) == ["ok", "ok", "ok", "not asked", "ok", "ok", "ok", "ok"] and done.stderr == ""
    told = facts("package", "inspect", built / "new.dfw")
    done = run("package", "verify", built / "new.dfw", "--trust", built / "trust.json", "--manifest-sha256", told["manifest_sha256"])
    assert list(results(done).values()) == ["ok", "ok", "ok", "ok", "not asked", "not asked", "ok", "ok"]
    verdict = facts("package", "verify", built / "new.dfw", "--trust", built / "trust.json")
    assert (verdict["verdict"], verdict["version"], len(verdict["checks"])) == ("ok", "1.1.0", 8)
    assert run("package", "verify", built / "new.dfw", "--trust", built / "trust.json", "-o", "name").stdout == "esp32 1.1.0\n"
    assert list(results(run("package", "verify", built / "delta.dfw", "--trust", built / "trust.json", "--current-version", "1.0.0")).values())[2] == "ok"


REFUSALS = [
    (["--public-key", "other"], "signatures", "E_SIGNATURE"),
    (["--manifest-sha256", "ab" * 32], "announced manifest", "E_SHA256"),
    (["--model", "gateway"], "model and hardware", "E_INCOMPATIBLE"),
    (["--model", "esp32", "--hw-rev", "c1"], "model and hardware", "E_INCOMPATIBLE"),
    (["--current-version", "0.8.0"], "version and release counter", "E_INCOMPATIBLE"),
    (["--current-version", "1.2.0"], "version and release counter", "E_DOWNGRADE"),
    (["--current-counter", "12"], "version and release counter", "E_DOWNGRADE"),
]


@pytest.mark.parametrize("through", ["file", "pipe", "zip"])
@pytest.mark.parametrize("args, check, code", REFUSALS)
def test_verify_refuses_in_its_step(built, keys, tmp_path, args, check, code, through):
    args = [keys.pub("other") if arg == "other" else arg for arg in args]
    if "--public-key" not in args:
        args += ["--trust", built / "trust.json"]
    package = built / "new.dfw"
    if through == "zip":
        run("package", "bundle", package, tmp_path / "p.zip")
        package = tmp_path / "p.zip"
    if through == "pipe":
        done = run("package", "verify", "-", *args, code=REFUSED, stdin=subprocess.Popen(["cat", package], stdout=subprocess.PIPE).stdout)
    else:
        done = run("package", "verify", package, *args, code=REFUSED)
    table = results(done)
    assert table[check] == "refused" and f"drover: package verify: {code}: " in done.stderr, (done.stdout, done.stderr)
    order = list(table.values())
    at = order.index("refused")
    assert set(order[:at]) <= {"ok", "not asked"} and set(order[at + 1:]) <= {"not reached"}
    assert run("package", "verify", built / "new.dfw", "-o", "name", *args, code=REFUSED).stdout == ""


def test_verify_judges_time(tmp_path, images, keys):
    create(tmp_path / "p.dfw", images, "1.0.0", 1, "--key", keys.pem("release"), "--expires-at", "2030-01-01", "--build-time", "2029-01-01")
    args = ("package", "verify", tmp_path / "p.dfw", "--public-key", keys.pub("release"), "--now")
    assert results(run(*args, "2029-12-31T23:59:59Z"))["expiry and delta base"] == "ok"
    done = run(*args, "2030-01-01T00:00:01Z", "--model", "other", code=REFUSED)
    assert results(done)["model and hardware"] == "refused", "what comes first in the order is told first"
    done = run(*args, "2030-01-01T00:00:01Z", code=REFUSED)
    assert results(done)["expiry and delta base"] == "refused" and "E_EXPIRED" in done.stderr


def rewritten(package, change):
    """The package with its payload changed and its checksum of everything made right again."""
    data = bytearray(package.read_bytes())
    change(data)
    data[-4:] = struct.pack("<I", zlib.crc32(data[:-4]))
    return bytes(data)


def test_verify_finds_damage(built, tmp_path):
    trust = ("--trust", built / "trust.json")
    good, bad = (built / "new.dfw").read_bytes(), tmp_path / "bad.dfw"
    cases = [(good[:-100], "E_CRC"), (good + b"x", "E_CRC"), (good[:30], "E_CRC"), (b"", "E_CRC"), (b"\x00" + good[1:], "E_INCOMPATIBLE"),
             (good[:100] + bytes([good[100] ^ 1]) + good[101:], "E_CRC"), (good[:-10] + bytes([good[-10] ^ 1]) + good[-9:], "E_CRC"),
             (rewritten(built / "new.dfw", lambda data: data.__setitem__(-10, data[-10] ^ 1)), "E_SHA256")]
    for data, code in cases:
        bad.write_bytes(data)
        done = run("package", "verify", bad, *trust, code=REFUSED)
        assert f"drover: package verify: {code}: " in done.stderr, (len(data), done.stderr)
        with open(bad) as pipe:
            copy = subprocess.Popen(["cat"], stdin=pipe, stdout=subprocess.PIPE)
            done = run("package", "verify", "-", *trust, code=REFUSED, stdin=copy.stdout)
            copy.stdout.close()
            copy.wait()
        assert re.search(r"drover: package verify: (E_CRC|E_SHA256|E_INCOMPATIBLE): ", done.stderr)


def test_verify_needs_somebody_to_trust(built, tmp_path):
    assert "whose signatures count?" in run("package", "verify", built / "new.dfw", code=USAGE).stderr
    assert "No such file" in run("package", "verify", built / "new.dfw", "--trust", tmp_path / "absent", code=FAILED).stderr
    assert "No such file" in run("package", "verify", tmp_path / "absent", "--trust", built / "trust.json", code=FAILED).stderr
    (tmp_path / "trust.json").write_text("{}")
    assert "trust.json" in run("package", "verify", built / "new.dfw", "--trust", tmp_path / "trust.json", code=FAILED).stderr
    with open(built / "new.dfw") as package:
        assert results(run("package", "verify", "-", "--trust", built / "trust.json", stdin=package))["chunks and images"] == "ok", "a redirected file"


# --- permits ---

def test_permit_lets_one_device_go_back(built, keys, tmp_path):
    back = ("package", "verify", built / "old.dfw", "--trust", built / "trust.json", "--current-version", "1.1.0", "--current-counter", "11")
    assert "E_DOWNGRADE" in run(*back, code=REFUSED).stderr
    told = facts("permit", "downgrade", tmp_path / "p.jws", "--model", "esp32", "--to-version", "1.0.0", "--device", "d-1", "--expires-in", "1h", "--key", keys.pem("permit"))
    assert told["to_version"] == "1.0.0" and told["id"].startswith("p-") and told["device"] == "d-1"
    permit = ("--permit", tmp_path / "p.jws")
    assert list(results(run(*back, *permit, "--device", "d-1")).values()).count("ok") == 6
    for more, words in ((("--device", "d-2"), "device"), ((), "permit"), (("--device", "d-1", "--now", "2090-01-01"), "permit")):
        done = run(*back, *permit, *more, code=REFUSED)
        assert "E_DOWNGRADE" in done.stderr and words in done.stderr
    run("permit", "downgrade", tmp_path / "q.jws", "--model", "esp32", "--to-version", "1.0.0", "--rollout", "r-1", "--expires-in", "1h", "--key", keys.pem("other"),
        "--from-version", "1.1.0", "--id", "back-1")
    assert "E_DOWNGRADE" in run(*back, "--permit", tmp_path / "q.jws", "--rollout", "r-1", code=REFUSED).stderr, "a key without the role"


def test_permit_refuses_to_be_vague(keys, tmp_path):
    whole = {"--model": "esp32", "--to-version": "1.0.0", "--device": "d-1", "--expires-in": "1h", "--key": keys.pem("permit")}
    for missing, words in (("--model", "--model is missing"), ("--to-version", "--to-version is missing"), ("--key", "--key is missing"),
                           ("--device", "--device or --rollout is missing"), ("--expires-in", "a permit must expire")):
        args = [word for name, value in whole.items() if name != missing for word in (name, value)]
        assert words in run("permit", "downgrade", tmp_path / "p", *args, code=USAGE).stderr
    args = [word for name, value in whole.items() if name != "--expires-in" for word in (name, value)]
    assert "it would never count" in run("permit", "downgrade", tmp_path / "p", *args, "--expires-at", "2001-01-01", code=USAGE).stderr
    assert os.listdir(tmp_path) == []


# --- extract, bundle ---

def test_extract_writes_what_went_in(built, images, tmp_path):
    done = run("package", "extract", built / "new.dfw", tmp_path / "out")
    assert "signatures are not checked" in done.stderr and done.stdout == ""
    assert {name: sha(tmp_path / "out" / name) for name in os.listdir(tmp_path / "out")} == \
        {"rootfs.img": sha(images / "rootfs-2"), "kernel.img": sha(images / "kernel-2")}
    assert "exists; --force replaces it" in run("package", "extract", built / "new.dfw", tmp_path / "out", code=FAILED).stderr
    run("package", "extract", built / "old.dfw", tmp_path / "out", "--force", "--only", "rootfs", "--trust", built / "trust.json")
    assert sha(tmp_path / "out/rootfs.img") == sha(images / "rootfs-1")
    run("package", "extract", built / "delta.dfw", tmp_path / "signed", "--documents")
    assert {name.split(".")[0] + "." + name.split(".")[1] for name in os.listdir(tmp_path / "signed")} == {"meta.json", "delta.json"}
    assert len(os.listdir(tmp_path / "signed")) == 4
    with open(built / "new.dfw") as package:
        copy = subprocess.Popen(["cat"], stdin=package, stdout=subprocess.PIPE)
        run("package", "extract", "-", tmp_path / "piped", "--trust", built / "trust.json", stdin=copy.stdout)
        copy.stdout.close()
        copy.wait()
    assert sha(tmp_path / "piped/kernel.img") == sha(images / "kernel-2")


def test_extract_leaves_nothing_of_what_it_refuses(built, keys, tmp_path):
    bad = tmp_path / "bad.dfw"
    bad.write_bytes(rewritten(built / "new.dfw", lambda data: data.__setitem__(-10, data[-10] ^ 1)))
    assert "E_SHA256" in run("package", "extract", bad, tmp_path / "out", code=REFUSED).stderr
    assert "E_SIGNATURE" in run("package", "extract", built / "new.dfw", tmp_path / "out", "--public-key", keys.pub("other"), code=REFUSED).stderr
    assert "no component app" in run("package", "extract", built / "new.dfw", tmp_path / "out", "--only", "app", code=USAGE).stderr
    assert os.listdir(tmp_path) == ["bad.dfw"], "the folder is gone too"
    (tmp_path / "file").touch()
    assert "exists and is no folder" in run("package", "extract", built / "new.dfw", tmp_path / "file", code=FAILED).stderr
    (tmp_path / "out").mkdir()
    (tmp_path / "out" / "rootfs.img").symlink_to(tmp_path / "victim")
    assert "is no regular file" in run("package", "extract", built / "new.dfw", tmp_path / "out", "--force", code=FAILED).stderr
    assert not (tmp_path / "victim").exists() and os.listdir(tmp_path / "out") == ["rootfs.img"]


def test_bundle_is_a_zip_that_every_command_takes(built, images, keys, tmp_path):
    bundle = tmp_path / "p.zip"
    run("package", "bundle", built / "new.dfw", bundle)
    tool("unzip", "-t", bundle)
    with zipfile.ZipFile(bundle) as archive:
        assert sorted(archive.namelist()) == ["esp32-1.1.0.dfw", "meta.json"]
        assert archive.read("esp32-1.1.0.dfw") == (built / "new.dfw").read_bytes()
        assert hashlib.sha256(archive.read("meta.json")).hexdigest() == facts("package", "inspect", bundle)["manifest_sha256"]
    run("package", "verify", bundle, "--trust", built / "trust.json")
    run("package", "extract", bundle, tmp_path / "out")
    run("package", "sign", bundle, tmp_path / "signed.dfw", "--key", keys.pem("ec"))
    run("package", "encrypt", bundle, tmp_path / "secret.dfw", "--model-key", keys.model)
    run("package", "delta", built / "old.dfw", bundle, tmp_path / "delta.dfw")
    run("package", "apply", bundle, tmp_path / "applied", "--trust", built / "trust.json")
    run("package", "bundle", bundle, tmp_path / "again.zip")
    assert sha(tmp_path / "out/rootfs.img") == sha(tmp_path / "applied/rootfs.img") == sha(images / "rootfs-2")
    with open(bundle) as stream:
        copy = subprocess.Popen(["cat"], stdin=stream, stdout=subprocess.PIPE)
        done = run("package", "verify", "-", "--trust", built / "trust.json", code=REFUSED, stdin=copy.stdout)
        copy.stdout.close()
        copy.wait()
    assert "E_INCOMPATIBLE: package: a ZIP cannot be read from a pipe" in done.stderr


def test_bundle_with_paths_in_it(built, tmp_path):
    """Attack 14: what the names inside a ZIP say is never used as a path."""
    stream = io.BytesIO()
    with zipfile.ZipFile(stream, "w") as archive:
        archive.writestr("../../evil.dfw", (built / "new.dfw").read_bytes())
    (tmp_path / "in").mkdir()
    (tmp_path / "in/p.zip").write_bytes(stream.getvalue())
    subprocess.run([DROVER, "package", "extract", "in/p.zip", "in/out"], cwd=tmp_path, env=environment(), capture_output=True, timeout=DEADLINE_S)
    assert sorted(os.listdir(tmp_path)) == ["in"] and not list(tmp_path.rglob("evil*"))


# --- delta, apply ---

def test_delta_and_apply(built, images, tmp_path):
    told = facts("package", "delta", built / "old.dfw", built / "new.dfw", tmp_path / "d.dfw", "--threads", 2)
    assert told["kept"] and told["delta_bytes"] == (tmp_path / "d.dfw").stat().st_size < told["full_bytes"] / 4
    rootfs, kernel = told["components"]
    assert rootfs["as"] in ("bsdiff", "zstd") and rootfs["bsdiff_bytes"] > 0 and rootfs["zstd_bytes"] > 0 and kernel["as"] == "copy"
    told = facts("package", "inspect", built / "delta.dfw")
    assert told["kind"] == "delta" and told["base_version"] == "1.0.0" and told["components"][0]["base_sha256"] == sha(images / "rootfs-1")
    assert told["manifest_sha256"] == facts("package", "inspect", built / "new.dfw")["manifest_sha256"]
    assert [s["document"] for s in told["signatures"]] == ["manifest", "delta"]

    run("package", "extract", built / "old.dfw", tmp_path / "old")
    run("package", "apply", built / "delta.dfw", tmp_path / "new", "--base", tmp_path / "old", "--trust", built / "trust.json")
    assert (sha(tmp_path / "new/rootfs.img"), sha(tmp_path / "new/kernel.img")) == (sha(images / "rootfs-2"), sha(images / "kernel-2"))
    assert sorted(os.listdir(tmp_path / "new")) == ["kernel.img", "rootfs.img"]
    named = ("--base", f"rootfs={images / 'rootfs-1'}", "--base", f"kernel={images / 'kernel-1'}")
    with open(built / "delta.dfw") as stream:
        copy = subprocess.Popen(["cat"], stdin=stream, stdout=subprocess.PIPE)
        run("package", "apply", "-", tmp_path / "piped", *named, "--trust", built / "trust.json", stdin=copy.stdout)
        copy.stdout.close()
        copy.wait()
    assert sha(tmp_path / "piped/rootfs.img") == sha(images / "rootfs-2")


def test_apply_refuses_another_base(built, images, keys, tmp_path):
    args = ("package", "apply", built / "delta.dfw", tmp_path / "new", "--trust", built / "trust.json")
    for more, words in (((), "no --base has its image"), (("--base", f"rootfs={images / 'kernel-1'}", "--base", f"kernel={images / 'kernel-1'}"), "E_DELTA_BASE"),
                        (("--base", tmp_path), "E_DELTA_BASE")):
        done = run(*args, *more, code=REFUSED)
        assert words in done.stderr and "E_DELTA_BASE" in done.stderr, done.stderr
    run("package", "extract", built / "old.dfw", tmp_path / "old")
    assert "E_SIGNATURE" in run(*args[:4], "--base", tmp_path / "old", "--public-key", keys.pub("other"), code=REFUSED).stderr
    assert os.listdir(tmp_path) == ["old"]


def test_delta_that_is_not_worth_it(tmp_path, images):
    (tmp_path / "noise").write_bytes(random.Random(9).randbytes(50_000))
    for name, image in (("a", images / "kernel-1"), ("b", tmp_path / "noise")):
        run("package", "create", tmp_path / f"{name}.dfw", "--model", "m", "--version", f"1.0.{'ab'.index(name)}", "--component", f"app={image}")
    done = run("package", "delta", tmp_path / "a.dfw", tmp_path / "b.dfw", tmp_path / "d.dfw", code=NO_DELTA)
    assert re.search(r"the delta saves -?\d+ %, less than 20 %: nothing was written", done.stderr) and re.search(r"^kept +no$", done.stdout, re.M)
    assert not (tmp_path / "d.dfw").exists()
    run("package", "delta", tmp_path / "a.dfw", tmp_path / "b.dfw", tmp_path / "d.dfw", "--min-saving", 0)
    assert "E_INCOMPATIBLE" in run("package", "delta", tmp_path / "d.dfw", tmp_path / "b.dfw", tmp_path / "e.dfw", code=REFUSED).stderr, "a delta of a delta"


@pytest.mark.parametrize("form", ["bsdiff40", "bsdiff", "zstd"])
def test_bare_patches(tmp_path, images, form):
    old, new, patch = images / "rootfs-1", images / "rootfs-2", tmp_path / "patch"
    run("package", "delta", "--format", form, old, new, patch)
    assert patch.stat().st_size < 5000
    run("package", "apply", patch, tmp_path / "ours", "--base", old)
    assert sha(tmp_path / "ours") == sha(new)
    if form == "bsdiff40":
        tool("bspatch", old, tmp_path / "theirs", patch)
        assert sha(tmp_path / "theirs") == sha(new)
        tool("bsdiff", old, new, tmp_path / "their-patch")
        run("package", "apply", tmp_path / "their-patch", tmp_path / "of-theirs", "--base", old)
        assert sha(tmp_path / "of-theirs") == sha(new)
    elif form == "zstd":
        tool("zstd", "-q", "-d", "--long=27", f"--patch-from={old}", patch, "-o", tmp_path / "theirs")
        assert sha(tmp_path / "theirs") == sha(new)
    assert "one --base" in run("package", "apply", patch, tmp_path / "x", code=USAGE).stderr
    assert "No such file" in run("package", "apply", patch, tmp_path / "x", "--base", tmp_path / "absent", code=FAILED).stderr
    assert "exists; --force" in run("package", "apply", patch, tmp_path / "ours", "--base", old, code=FAILED).stderr
    patch.write_bytes(patch.read_bytes()[:-20])
    assert run("package", "apply", patch, tmp_path / "x", "--base", old, code=REFUSED).stderr.startswith("drover: package apply: E_")
    assert not (tmp_path / "x").exists()


# --- encryption ---

def test_encrypt_and_decrypt(built, keys, tmp_path):
    secret = tmp_path / "secret.dfw"
    run("package", "encrypt", built / "new.dfw", secret, "--model-key", keys.model, "--recipient", keys.pub("x25519"), "--recipient", keys.pub("ec"), "--recipient", keys.pub("rsa"))
    told = facts("package", "inspect", secret)
    assert told["encrypted"] and [r["method"] for r in told["recipients"]] == ["aes-kw", "x25519", "ecdh-p256", "rsa-oaep"]
    assert told["manifest_sha256"] == facts("package", "inspect", built / "new.dfw")["manifest_sha256"]
    for key in (keys.model, keys.pem("x25519"), keys.pem("ec"), keys.pem("rsa")):
        run("package", "decrypt", secret, tmp_path / "plain.dfw", "--decrypt-key", key, "--force")
        assert sha(tmp_path / "plain.dfw") == sha(built / "new.dfw"), "byte for byte"
        run("package", "verify", secret, "--trust", built / "trust.json", "--decrypt-key", key)
    done = run("package", "verify", secret, "--trust", built / "trust.json", code=REFUSED)
    assert results(done)["signatures"] == "ok" and results(done)["chunks and images"] == "refused" and "E_DECRYPT" in done.stderr
    assert "E_DECRYPT" in run("package", "decrypt", secret, tmp_path / "x", "--decrypt-key", keys.pem("other"), code=REFUSED).stderr or True
    run("key", "generate", tmp_path / "m2", "--type", "model")
    assert "E_DECRYPT" in run("package", "decrypt", secret, tmp_path / "x", "--decrypt-key", tmp_path / "m2", code=REFUSED).stderr
    run("package", "encrypt", secret, tmp_path / "more.dfw", "--model-key", tmp_path / "m2", "--decrypt-key", keys.model)
    run("package", "decrypt", tmp_path / "more.dfw", tmp_path / "plain.dfw", "--decrypt-key", tmp_path / "m2", "--force")
    assert sha(tmp_path / "plain.dfw") == sha(built / "new.dfw")
    run("package", "extract", secret, tmp_path / "out", "--decrypt-key", keys.model, "--trust", built / "trust.json")
    assert "who may read it?" in run("package", "encrypt", built / "new.dfw", tmp_path / "y", code=USAGE).stderr
    assert "--decrypt-key is missing" in run("package", "decrypt", secret, tmp_path / "y", code=USAGE).stderr
    assert "ed25519" in run("package", "encrypt", built / "new.dfw", tmp_path / "y", "--recipient", keys.pub("other"), code=FAILED).stderr
    assert not (tmp_path / "x").exists() and not (tmp_path / "y").exists()


# --- keys ---

def test_key_files_are_private(tmp_path):
    for kind in ("ed25519", "model"):
        run("key", "generate", tmp_path / kind, "--type", kind)
        assert stat.S_IMODE((tmp_path / kind).stat().st_mode) == 0o600
    assert re.fullmatch(r"[0-9a-f]{64}\n", (tmp_path / "model").read_text())
    before = (tmp_path / "ed25519").read_bytes()
    assert "exists; --force replaces it" in run("key", "generate", tmp_path / "ed25519", code=FAILED).stderr
    assert (tmp_path / "ed25519").read_bytes() == before
    run("key", "generate", tmp_path / "ed25519", "--force")
    assert (tmp_path / "ed25519").read_bytes() != before
    assert "no public half" in run("key", "generate", tmp_path / "m", "--type", "model", "--public", tmp_path / "p", code=USAGE).stderr


def test_passphrases(tmp_path, images):
    (tmp_path / "pass").write_text("correct horse\nnot this\n")
    (tmp_path / "wrong").write_text("wrong\n")
    (tmp_path / "empty").touch()
    done = run("key", "generate", tmp_path / "k.pem", "--passphrase-file", tmp_path / "pass", "--public", tmp_path / "k.pub")
    assert re.search("^encrypted +yes$", done.stdout, re.M) and done.stderr == "" and "ENCRYPTED" in (tmp_path / "k.pem").read_text()
    tool("openssl", "pkey", "-in", tmp_path / "k.pem", "-passin", "pass:correct horse", "-noout")
    package = create(tmp_path / "p.dfw", images)
    run("package", "sign", package, tmp_path / "s.dfw", "--key", tmp_path / "k.pem", "--passphrase-file", tmp_path / "pass")
    run("package", "sign", package, tmp_path / "t.dfw", "--key", tmp_path / "k.pem", DROVER_PASSPHRASE_FILE=str(tmp_path / "pass"))
    run("package", "verify", tmp_path / "t.dfw", "--public-key", tmp_path / "k.pub")
    for more, words in ((("--passphrase-file", tmp_path / "wrong"), "passphrase"), (("--passphrase-file", tmp_path / "empty"), "its first line is empty"),
                        (("--passphrase-file", tmp_path / "absent"), "No such file")):
        done = run("package", "sign", package, tmp_path / "u.dfw", "--key", tmp_path / "k.pem", *more, code=FAILED)
        assert words in done.stderr and "correct" not in done.stderr and not (tmp_path / "u.dfw").exists(), done.stderr
    assert "k.pem" in run("package", "sign", package, tmp_path / "u.dfw", "--key", tmp_path / "k.pem", code=FAILED, preexec_fn=os.setsid).stderr, "no terminal, no file"
    assert "--passphrase and --passphrase-file exclude" in run("key", "generate", tmp_path / "x", "--passphrase", "--passphrase-file", tmp_path / "pass", code=USAGE).stderr


class Terminal:
    """drover with a terminal of its own; what is typed and what was shown."""

    def __init__(self, *args):
        self.pid, self.fd = pty.fork()
        if self.pid == 0:
            os.execve(DROVER, [DROVER, *map(str, args)], environment(TERM="xterm"))
        self.shown = ""

    def until(self, words):
        deadline = time.monotonic() + DEADLINE_S
        while words not in self.shown:
            assert time.monotonic() < deadline, self.shown
            if select.select([self.fd], [], [], 0.1)[0]:
                self.shown += os.read(self.fd, 4096).decode()

    def type(self, text):
        os.write(self.fd, text.encode())

    def end(self):
        deadline = time.monotonic() + DEADLINE_S
        while time.monotonic() < deadline:
            try:
                data = os.read(self.fd, 4096)
            except OSError:
                break
            if not data:
                break
            self.shown += data.decode()
        _, status = os.waitpid(self.pid, 0)
        os.close(self.fd)
        return os.waitstatus_to_exitcode(status)


def test_passphrase_on_the_terminal_is_not_echoed(tmp_path, images):
    terminal = Terminal("key", "generate", tmp_path / "k.pem", "--passphrase", "--public", tmp_path / "k.pub")
    terminal.until("passphrase of the new key: ")
    terminal.type("sesame\n")
    terminal.until("the same again: ")
    terminal.type("sesame\n")
    assert terminal.end() == OK and "sesame" not in terminal.shown, terminal.shown
    package = create(tmp_path / "p.dfw", images)
    terminal = Terminal("package", "sign", package, "--key", tmp_path / "k.pem")
    terminal.until(": ")
    terminal.type("sesame\n")
    assert terminal.end() == OK and "sesame" not in terminal.shown, terminal.shown
    run("package", "verify", package, "--public-key", tmp_path / "k.pub")

    terminal = Terminal("key", "generate", tmp_path / "other.pem", "--passphrase")
    terminal.until("passphrase of the new key: ")
    terminal.type("sesame\n")
    terminal.until("the same again: ")
    terminal.type("sesam\n")
    assert terminal.end() == FAILED and "the two passphrases differ" in terminal.shown and not (tmp_path / "other.pem").exists()
    terminal = Terminal("key", "generate", tmp_path / "other.pem", "--passphrase")
    terminal.until("passphrase of the new key: ")
    terminal.type("\x03")
    assert terminal.end() == -signal.SIGINT and not (tmp_path / "other.pem").exists()


def test_trust_document_grows(keys, tmp_path):
    trust = tmp_path / "trust.json"
    for number, (name, role) in enumerate((("release", "package"), ("delta", "delta"), ("permit", "permit")), 1):
        told = facts("key", "trust", keys.pub(name), "--trust", trust, "--role", role, "--name", name)
        assert told["version"] == number and told["keys"][-1]["key_id"] == keys.id[name] and told["keys"][-1]["roles"] == [role]
    assert "has this key already; --force" in run("key", "trust", keys.pub("release"), "--trust", trust, "--role", "package", code=FAILED).stderr
    told = facts("key", "trust", keys.pub("release"), "--trust", trust, "--role", "package", "--role", "delta", "--not-after", "2040-01-01", "--force",
                 "--threshold", "delta=0", "--expires-at", "2041-01-01")
    assert told["keys"][0]["roles"] == ["package", "delta"] and told["keys"][0]["not_after_ms"] == 2208988800000 and told["thresholds"]["delta"] == 0 and told["version"] == 4
    told = facts("key", "revoke", keys.id["permit"][:12], "--trust", trust, "--why", "laptop lost")
    assert told["keys"][2]["state"] == "revoked" and told["keys"][2]["revoked_why"] == "laptop lost" and told["version"] == 5
    assert facts("key", "list", "--trust", trust) == told
    assert run("key", "list", "--trust", trust, "-o", "name").stdout.split() == [keys.id[name] for name in ("release", "delta", "permit")]
    shown = run("key", "list", "--trust", trust).stdout
    assert re.search(r"^version +5$", shown, re.M) and re.search(rf"^{keys.id['permit']} +ed25519 +permit +permit +- +- +revoked +laptop lost$", shown, re.M)
    for args, code, words in ((("revoke", keys.id["permit"], "--why", "again"), CONFLICT, "is revoked already: laptop lost"), (("revoke", "abcdef01", "--why", "x"), FAILED, "has no key abcdef01"),
                              (("revoke", "abc", "--why", "x"), USAGE, "at least the first 8 digits"), (("revoke", keys.id["delta"]), USAGE, "--why is missing"),
                              (("trust", keys.pub("x25519"), "--role", "package"), FAILED, "x25519"), (("trust", keys.pub("ec")), USAGE, "--role is missing"), (("trust",), USAGE, "nothing to change"),
                              (("trust", "--threshold", "package=0"), USAGE, "is not ROLE=N"), (("trust", "--threshold", "owner=1"), USAGE, "is not ROLE=N"),
                              (("trust", keys.pub("ec"), "--role", "package", "--sign-with", keys.pem("root")), USAGE, "the document has no root keys")):
        assert words in run("key", *args, "--trust", trust, code=code).stderr, args
    assert facts("key", "list", "--trust", trust) == told and os.listdir(tmp_path) == ["trust.json"]


def test_revoked_key_and_threshold_count(built, images, keys, tmp_path):
    trust = tmp_path / "trust.json"
    run("key", "trust", keys.pub("release"), "--trust", trust, "--role", "package")
    run("key", "trust", keys.pub("ec"), "--trust", trust, "--role", "package", "--threshold", "package=2")
    package = create(tmp_path / "p.dfw", images, "1.0.0", 1, "--key", keys.pem("release"))
    assert "E_SIGNATURE" in run("package", "verify", package, "--trust", trust, code=REFUSED).stderr
    run("package", "sign", package, "--key", keys.pem("ec"))
    run("package", "verify", package, "--trust", trust)
    run("key", "revoke", keys.id["ec"], "--trust", trust, "--why", "gone")
    assert "revoked" in run("package", "verify", package, "--trust", trust, code=REFUSED).stderr


def test_document_with_roots_is_changed_by_roots_alone(keys, tmp_path, images):
    trust = tmp_path / "trust.json"
    run("key", "trust", keys.pub("release"), "--trust", trust, "--role", "package")
    plain = trust.read_bytes()
    add_root = ("key", "trust", keys.pub("root"), "--trust", trust, "--role", "root")
    assert "E_SIGNATURE: " in run(*add_root, code=REFUSED).stderr and trust.read_bytes() == plain
    run(*add_root, "--sign-with", keys.pem("root"))
    signed = json.loads(trust.read_text())
    assert signed.keys() == {"payload", "signatures"}, "a JWS now"
    before = trust.read_bytes()
    add_key = ("key", "trust", keys.pub("ec"), "--trust", trust, "--role", "package")
    for more in ((), ("--sign-with", keys.pem("release")), ("--sign-with", keys.pem("root2"))):
        done = run(*add_key, *more, code=REFUSED)
        assert "E_SIGNATURE" in done.stderr and trust.read_bytes() == before, done.stderr
    assert facts(*add_key, "--sign-with", keys.pem("root"))["version"] == 3
    run("key", "trust", keys.pub("root2"), "--trust", trust, "--role", "root", "--threshold", "root=2", "--sign-with", keys.pem("root"), code=REFUSED)
    run("key", "trust", keys.pub("root2"), "--trust", trust, "--role", "root", "--threshold", "root=2", "--sign-with", keys.pem("root"), "--sign-with", keys.pem("root2"))
    assert "E_SIGNATURE" in run("key", "revoke", keys.id["ec"], "--trust", trust, "--why", "x", "--sign-with", keys.pem("root"), code=REFUSED).stderr


def test_package_carries_new_trust(keys, tmp_path, images):
    """Rotation in one rollout: a device that knows the old document takes a package that is signed by the new key alone."""
    trust = tmp_path / "trust.json"
    run("key", "trust", keys.pub("root"), "--trust", trust, "--role", "root", "--sign-with", keys.pem("root"))
    run("key", "trust", keys.pub("release"), "--trust", trust, "--role", "package", "--sign-with", keys.pem("root"))
    old = tmp_path / "old.json"
    shutil.copy(trust, old)
    run("key", "trust", keys.pub("other"), "--trust", trust, "--role", "package", "--sign-with", keys.pem("root"))
    run("key", "revoke", keys.id["release"], "--trust", trust, "--why", "rotated", "--sign-with", keys.pem("root"))
    package = create(tmp_path / "p.dfw", images, "1.0.0", 1, "--key", keys.pem("other"))
    assert "E_SIGNATURE" in run("package", "verify", package, "--trust", old, code=REFUSED).stderr
    run("package", "sign", package, "--trust-update", trust)
    run("package", "verify", package, "--trust", old)
    run("package", "extract", package, tmp_path / "out", "--documents", "--trust", old)
    assert (tmp_path / "out/trust.jws").read_bytes().strip() == trust.read_bytes().strip()


# --- interruptions and full disks ---

def no_more_than(size):
    def limit():
        signal.signal(signal.SIGXFSZ, signal.SIG_IGN)
        resource.setrlimit(resource.RLIMIT_FSIZE, (size, size))
    return limit


def test_full_disk_leaves_nothing(built, images, keys, tmp_path):
    few = no_more_than(20_000)
    for args in (("package", "create", tmp_path / "o", "--model", "m", "--version", "1.0.0", "--component", f"app={images / 'rootfs-1'}"),
                 ("package", "sign", built / "new.dfw", tmp_path / "o", "--key", keys.pem("ec")), ("package", "extract", built / "new.dfw", tmp_path / "o"),
                 ("package", "encrypt", built / "new.dfw", tmp_path / "o", "--model-key", keys.model), ("package", "bundle", built / "new.dfw", tmp_path / "o"),
                 ("package", "apply", built / "delta.dfw", tmp_path / "o", "--base", f"rootfs={images / 'rootfs-1'}", "--base", f"kernel={images / 'kernel-1'}")):
        done = run(*args, code=FAILED, preexec_fn=few)
        assert re.search("too large|No space|space", done.stderr), done.stderr
        assert os.listdir(tmp_path) == [], args
    assert "Text" not in run("key", "generate", tmp_path / "k", code=FAILED, preexec_fn=no_more_than(10)).stderr and os.listdir(tmp_path) == []
    assert "is no regular file" in run("key", "generate", "/dev/full", "--force", code=FAILED).stderr, "a device is never replaced"
    assert stat.S_ISCHR(os.stat("/dev/full").st_mode)
    with open("/dev/full", "w") as full:
        done = subprocess.run([DROVER, "package", "inspect", built / "new.dfw"], env=environment(), stdout=full, stderr=subprocess.PIPE, text=True, timeout=DEADLINE_S)
    assert done.returncode == FAILED and "standard output: No space left on device" in done.stderr


def test_interrupt_leaves_nothing(images, keys, tmp_path):
    big = tmp_path / "in" / "big"
    big.parent.mkdir()
    big.write_bytes(noisy(1 << 20, 5) * 24)
    (tmp_path / "out").mkdir()
    process = subprocess.Popen([DROVER, "package", "create", tmp_path / "out/p.dfw", "--model", "m", "--version", "1.0.0", "--component", f"app={big}", "--zstd-level", "22",
                                "--key", keys.pem("release")], env=environment(), stdout=subprocess.PIPE, stderr=subprocess.PIPE, text=True)
    deadline = time.monotonic() + DEADLINE_S
    while not os.listdir(tmp_path / "out"):      # until it has begun
        assert time.monotonic() < deadline and process.poll() is None
        time.sleep(0.01)
    process.send_signal(signal.SIGINT)
    _, said = process.communicate(timeout=DEADLINE_S)
    assert process.returncode == -signal.SIGINT and "interrupted; nothing was written" in said
    assert os.listdir(tmp_path / "out") == []


def test_progress_is_for_terminals(built, tmp_path):
    terminal = Terminal("package", "verify", built / "new.dfw", "--trust", built / "trust.json")
    assert terminal.end() == OK and re.search(r"\r\[[#.]{24}\] +\d+ %  verifying: [\d.]+ [KM]iB of ", terminal.shown), terminal.shown
    assert "verifying" not in run("package", "verify", built / "new.dfw", "--trust", built / "trust.json").stderr
