"""Keys in a token: SoftHSM2 behind OpenSSL's pkcs11 engine. The key is made in the token or imported, signs there, and openssl checks the result
with the public half alone."""
import os
import pathlib
import subprocess

import pytest

from test_trust_tools import DOCUMENT, good, key_id, openssl_good, openssl_verifies, tool

MODULE = next((p for p in map(pathlib.Path, ["/usr/lib/softhsm/libsofthsm2.so", "/usr/lib/x86_64-linux-gnu/softhsm/libsofthsm2.so"]) if p.exists()), None)
PIN, LABEL = "4321", "drover test"
# SoftHSM and the engine keep what they hold until the process ends; LeakSanitizer would count it against us.
QUIET = {"ASAN_OPTIONS": "detect_leaks=0:" + os.environ.get("ASAN_OPTIONS", "")}


def run(*arguments):
    done = subprocess.run([*map(str, arguments)], capture_output=True, text=True, timeout=60, stdin=subprocess.DEVNULL)
    assert done.returncode == 0, done.stdout + done.stderr
    return done.stdout


def token_make(folder, label=LABEL):
    (folder / "tokens").mkdir()
    (folder / "softhsm2.conf").write_text(f"directories.tokendir = {folder}/tokens\nlog.level = ERROR\n")
    os.environ["SOFTHSM2_CONF"] = str(folder / "softhsm2.conf")
    run("softhsm2-util", "--init-token", "--free", "--label", label, "--so-pin", "12345678", "--pin", PIN)


def keygen(kind, label, identity):
    run("pkcs11-tool", "--module", MODULE, "--token-label", LABEL, "--login", "--pin", PIN, "--keypairgen", "--key-type", kind, "--label", label, "--id", identity)


@pytest.fixture(scope="module")
def token(tmp_path_factory):
    folder = tmp_path_factory.mktemp("token")
    token_make(folder)
    keygen("rsa:2048", "release", "01")
    keygen("rsa:3072", "second", "02")
    keygen("EC:prime256v1", "ec", "03")
    keygen("EC:secp384r1", "other", "04")
    openssl_good("genpkey", "-algorithm", "RSA", "-pkeyopt", "rsa_keygen_bits:2048", "-out", folder / "imported.pem")
    run("softhsm2-util", "--import", folder / "imported.pem", "--token", LABEL, "--label", "imported", "--id", "05", "--pin", PIN)
    return folder


def uri(name, query=f"?module-path={MODULE}"):
    return f"pkcs11:token=drover%20test;object={name};type=private{query}"


def document_in(folder):
    path = folder / "document"
    path.write_bytes(DOCUMENT)
    return path


@pytest.mark.parametrize("name, kind, algorithms", [
    ("release", "rsa-2048", ["rsa-pkcs1-sha256", "rsa-pss-sha256"]), ("second", "rsa-3072", ["rsa-pkcs1-sha256", "rsa-pss-sha256"]),
    ("imported", "rsa-2048", ["rsa-pss-sha256"]), ("ec", "ecdsa-p256", ["ecdsa-p256-sha256"])])
def test_a_key_in_the_token_signs(token, tmp_path, name, kind, algorithms):
    identity, type_name, pem = good("public", uri(name), secret=PIN, **QUIET).split("\n", 2)
    public, document, signature = tmp_path / "public.pem", document_in(tmp_path), tmp_path / "signature"
    public.write_text(pem)
    assert (identity, type_name) == (key_id(public), kind)
    for algorithm in algorithms:
        good("sign", uri(name), algorithm, document, signature, secret=PIN, **QUIET)
        assert openssl_verifies(public, algorithm, document, signature)
        good("verify", public, algorithm, document, signature)


def test_the_imported_key_is_the_file_s(token):
    assert good("public", uri("imported"), secret=PIN, **QUIET) == good("public", token / "imported.pem")


def test_trust_documents_from_a_token(token, tmp_path):
    text = good("jws", "drover-trust+json", "{}", uri("release"), uri("ec"), secret=PIN, **QUIET)
    for name in ("release", "ec"):
        (tmp_path / name).write_text(good("public", uri(name), secret=PIN, **QUIET).split("\n", 2)[2])
    assert good("jws-check", "drover-trust+json", text, tmp_path / "release", tmp_path / "ec").strip() == "{}"


def test_where_the_pin_comes_from(token, tmp_path):
    pin_file = tmp_path / "pin"
    pin_file.write_text(PIN + "\n")
    for query in (f"&pin-value={PIN}", f"&pin-source={pin_file}", f"&pin-source=file:{pin_file}", f"&pin-source=file://{pin_file}"):
        done = tool("public", uri("release") + query, **QUIET)
        assert done.returncode == 0 and "asked" not in done.stderr, query + done.stdout
    asked = tool("public", uri("release"), secret=PIN, **QUIET)
    assert asked.stderr == "asked for the PIN of token drover test\n"


def test_where_the_module_comes_from(token):
    good("public", uri("release", ""), secret=PIN, PKCS11_MODULE_PATH=str(MODULE), **QUIET)


@pytest.mark.parametrize("source, secret, error, words", [
    (uri("release"), "9999", "refused", "wrong PIN"),
    (uri("release"), "1", "refused", "wrong PIN"),
    (uri("release"), None, "refused", "the token needs a PIN, and there is none"),
    (uri("release") + "&pin-source=/nonexistent", PIN, "refused", "there is none"),
    (uri("nothing"), PIN, "not_found", "no such private key"),
    (uri("release").replace("drover", "another"), PIN, "not_found", "no such private key"),
    (uri("other"), PIN, "unknown", "P-256"),
    (uri("release", "?module-path=/nonexistent.so"), PIN, "unavailable", "no PKCS#11 module /nonexistent.so"),
    (uri("release", "?module-path=/etc/hostname"), PIN, "unavailable", "cannot be loaded"),
    ("pkcs11:", PIN, "syntax", "not a PKCS#11 URI"),
    ("pkcs11:object=%zz", PIN, "syntax", "not a PKCS#11 URI"),
    ("pkcs11:object=release?module-path=%zz", PIN, "syntax", "not a PKCS#11 URI"),
    ("pkcs11:object=" + 2000 * "x", PIN, "syntax", "not a PKCS#11 URI"),
])
def test_what_is_refused(token, source, secret, error, words):
    """Nothing asks on a terminal, and the engine is silent; libp11 prints what the loader says of a module that is none."""
    done = tool("public", source, secret=secret, **({"PKCS11_MODULE_PATH": str(MODULE)} if "module-path" not in source else {}), **QUIET)
    assert done.returncode == 1 and done.stdout.startswith(error) and words in done.stdout, done.stdout + done.stderr
    assert all(line.startswith("asked for the PIN") or "/etc/hostname" in line for line in done.stderr.splitlines()), done.stderr


def test_one_module_a_process(token, tmp_path):
    """A second module is refused, but one that could not be loaded does not stand in the way."""
    copy = tmp_path / "copy.so"
    copy.write_bytes(MODULE.read_bytes())
    done = tool("public", uri("release"), uri("ec", f"?module-path={copy}"), secret=PIN, **QUIET)
    assert done.returncode == 1 and done.stdout.splitlines()[-1].startswith("conflict pkcs11: another PKCS#11 module is in use"), done.stdout


def test_an_ed25519_key_in_the_token_hides_the_others(tmp_path):
    """libp11 0.4.12 (Debian 12) gives up on a token that holds an Ed25519 private key. When this fails, the engine has learnt it: say so in docs/trust.md."""
    before = os.environ["SOFTHSM2_CONF"]
    try:
        token_make(tmp_path)
        keygen("rsa:2048", "release", "01")
        good("public", uri("release"), secret=PIN, **QUIET)
        keygen("EC:edwards25519", "ed", "02")
        for name in ("release", "ed"):
            done = tool("public", uri(name), secret=PIN, **QUIET)
            assert done.returncode == 1 and "Ed25519" in done.stdout, done.stdout
    finally:
        os.environ["SOFTHSM2_CONF"] = before
