"""Keys, signatures and JWS against other programs: the openssl command line, python3-cryptography and python3-jwcrypto check what the library
made, and the library checks what they made."""
import base64
import hashlib
import hmac
import json
import os
import subprocess

import pytest
from cryptography.hazmat.primitives import hashes, serialization
from cryptography.hazmat.primitives.asymmetric import ec, ed25519, padding, rsa
from jwcrypto import jwk, jws

TOOL = os.environ["TRUST_TOOL"]
TYP = "drover-test+json"
PASSPHRASE = "correct horse battery staple"
DOCUMENT = b'{"kind":"drover-package","version":"1.1.0"}\n\x00\xff'
SIGNING = ["rsa-2048", "rsa-3072", "rsa-4096", "ecdsa-p256", "ed25519"]
ALGORITHMS = [(t, a) for t in SIGNING for a in
              (["rsa-pss-sha256", "rsa-pkcs1-sha256"] if t.startswith("rsa") else ["ecdsa-p256-sha256" if t.startswith("ecdsa") else "ed25519"])]
PSS = ["-sigopt", "rsa_padding_mode:pss", "-sigopt", "rsa_pss_saltlen:32", "-sigopt", "rsa_mgf1_md:sha256"]
OPENSSL_KEYS = {"rsa-2048": ["-algorithm", "RSA", "-pkeyopt", "rsa_keygen_bits:2048"], "rsa-3072": ["-algorithm", "RSA", "-pkeyopt", "rsa_keygen_bits:3072"],
                "rsa-4096": ["-algorithm", "RSA", "-pkeyopt", "rsa_keygen_bits:4096"], "ecdsa-p256": ["-algorithm", "EC", "-pkeyopt", "ec_paramgen_curve:P-256"],
                "ed25519": ["-algorithm", "ED25519"], "x25519": ["-algorithm", "X25519"]}


def tool(*arguments, secret=None, **more):
    env = {k: v for k, v in os.environ.items() if k not in ("SECRET", "PKCS11_MODULE_PATH")} | more
    if secret is not None:
        env["SECRET"] = secret
    # A session without a terminal: whatever would ask on /dev/tty fails instead of waiting.
    return subprocess.run([TOOL, *map(str, arguments)], capture_output=True, text=True, timeout=120, env=env, stdin=subprocess.DEVNULL, start_new_session=True)


def good(*arguments, **more):
    done = tool(*arguments, **more)
    assert done.returncode == 0, done.stdout + done.stderr
    return done.stdout


def openssl(*arguments):
    return subprocess.run(["openssl", *map(str, arguments)], capture_output=True, timeout=120, stdin=subprocess.DEVNULL)


def openssl_good(*arguments):
    done = openssl(*arguments)
    assert done.returncode == 0, done.stderr.decode()
    return done.stdout


def public_of(private, to):
    openssl_good("pkey", "-in", private, "-pubout", "-out", to)
    return to


def key_id(public):
    return hashlib.sha256(openssl_good("pkey", "-pubin", "-in", public, "-outform", "DER")).hexdigest()


@pytest.fixture(scope="module")
def keys(tmp_path_factory):
    """One key of each type, made by the library; name -> (private, public)."""
    folder = tmp_path_factory.mktemp("keys")
    for name in SIGNING:
        good("generate", name, folder / f"{name}.pem")
    return {name: (folder / f"{name}.pem", public_of(folder / f"{name}.pem", folder / f"{name}.pub")) for name in SIGNING}


@pytest.fixture
def document(tmp_path):
    path = tmp_path / "document"
    path.write_bytes(DOCUMENT)
    return path


def openssl_sign(private, algorithm, document, signature):
    if algorithm == "ed25519":
        openssl_good("pkeyutl", "-sign", "-rawin", "-inkey", private, "-in", document, "-out", signature)
    else:
        openssl_good("dgst", "-sha256", "-sign", private, *(PSS if "pss" in algorithm else []), "-out", signature, document)


def openssl_verifies(public, algorithm, document, signature):
    if algorithm == "ed25519":
        return openssl("pkeyutl", "-verify", "-rawin", "-pubin", "-inkey", public, "-in", document, "-sigfile", signature).returncode == 0
    return openssl("dgst", "-sha256", "-verify", public, *(PSS if "pss" in algorithm else []), "-signature", signature, document).returncode == 0


def python_verify(public, algorithm, signature):
    key = serialization.load_pem_public_key(public.read_bytes())
    pss = padding.PSS(padding.MGF1(hashes.SHA256()), 32)
    if algorithm == "ed25519":
        key.verify(signature, DOCUMENT)
    elif algorithm.startswith("ecdsa"):
        key.verify(signature, DOCUMENT, ec.ECDSA(hashes.SHA256()))
    else:
        key.verify(signature, DOCUMENT, pss if "pss" in algorithm else padding.PKCS1v15(), hashes.SHA256())


@pytest.mark.parametrize("name, algorithm", ALGORITHMS)
def test_others_check_our_signatures(keys, document, tmp_path, name, algorithm):
    private, public = keys[name]
    signature = tmp_path / "signature"
    assert good("sign", private, algorithm, document, signature).strip() == algorithm
    assert openssl_verifies(public, algorithm, document, signature)
    python_verify(public, algorithm, signature.read_bytes())
    document.write_bytes(DOCUMENT + b"\n")
    assert not openssl_verifies(public, algorithm, document, signature)


@pytest.mark.parametrize("name, algorithm", ALGORITHMS)
def test_we_check_the_signatures_of_openssl(keys, document, tmp_path, name, algorithm):
    private, public = keys[name]
    signature = tmp_path / "signature"
    openssl_sign(private, algorithm, document, signature)
    good("verify", public, algorithm, document, signature)
    document.write_bytes(DOCUMENT + b"\n")
    refused = tool("verify", public, algorithm, document, signature)
    assert refused.returncode == 1 and "is not valid" in refused.stdout


@pytest.mark.parametrize("name", SIGNING + ["x25519"])
@pytest.mark.parametrize("passphrase", [None, PASSPHRASE])
def test_openssl_reads_our_keys(tmp_path, name, passphrase):
    path = tmp_path / "key.pem"
    good("generate", name, path, secret=passphrase)
    opened = openssl_good("pkey", "-in", path, "-passin", f"pass:{passphrase or ''}", "-pubout")
    identity, kind, pem = good("public", path, secret=passphrase).split("\n", 2)
    assert (kind, pem) == (name, opened.decode())
    (tmp_path / "public.pem").write_bytes(opened)
    assert identity == key_id(tmp_path / "public.pem")
    if passphrase:
        text = openssl_good("asn1parse", "-in", path).decode()
        for wanted in ("PBES2", "PBKDF2", "hmacWithSHA256", "aes-256-cbc", ":0927C0"):  # 600000 rounds
            assert wanted in text


# how an encrypted or an old key may lie on a release engineer's disk
FORMS = {"pkcs8": ["pkcs8", "-topk8", "-nocrypt"], "pkcs8-aes": ["pkcs8", "-topk8", "-v2", "aes-256-cbc"], "pkcs8-scrypt": ["pkcs8", "-topk8", "-scrypt"],
         "traditional": ["pkey", "-traditional"], "traditional-aes": ["pkey", "-traditional", "-aes256"]}


@pytest.mark.parametrize("name, form", [(n, f) for n in SIGNING + ["x25519"] for f in FORMS if not (f.startswith("traditional") and "25519" in n)])
def test_we_read_the_keys_of_openssl(tmp_path, name, form):
    encrypted = form.endswith(("aes", "scrypt"))
    plain, path = tmp_path / "plain.pem", tmp_path / "key.pem"
    openssl_good("genpkey", *OPENSSL_KEYS[name], "-out", plain)
    openssl_good(*FORMS[form], "-in", plain, "-out", path, *(["-passout", f"pass:{PASSPHRASE}"] if encrypted else []))
    assert good("public", path, secret=PASSPHRASE).split("\n")[:2] == [key_id(public_of(plain, tmp_path / "public.pem")), name]
    if encrypted:
        wrong, none = tool("public", path, secret="incorrect horse"), tool("public", path)
        assert wrong.returncode == 1 and wrong.stdout.startswith("refused") and "wrong passphrase" in wrong.stdout
        assert none.returncode == 1 and none.stdout.startswith("refused") and "there is no passphrase" in none.stdout
        assert wrong.stderr.count("asked") == 1 and none.stderr.count("asked") == 1


def test_keys_of_ecparam_are_taken(tmp_path):
    """openssl ecparam -genkey puts a block of parameters in front of the key."""
    path = tmp_path / "key.pem"
    openssl_good("ecparam", "-name", "prime256v1", "-genkey", "-out", path)
    assert path.read_text().startswith("-----BEGIN EC PARAMETERS-----")
    assert good("public", path).split("\n")[:2] == [key_id(public_of(path, tmp_path / "public.pem")), "ecdsa-p256"]


# JWS

def raw(document):
    return base64.urlsafe_b64encode(document).rstrip(b"=").decode()


def check_with_jwcrypto(text, publics):
    """jwcrypto takes the general form; each key must verify one of the signatures."""
    token = jws.JWS()
    token.deserialize(text)
    for public in publics:
        token.verify(jwk.JWK.from_pem(public.read_bytes()))
    return token.payload


def test_jwcrypto_checks_our_jws(keys):
    payload = json.dumps({"kind": "drover-test", "text": "ü"})
    text = good("jws", TYP, payload, *(private for private, _ in keys.values()))
    publics = [public for _, public in keys.values()]
    assert check_with_jwcrypto(text, publics).decode() == payload
    algorithms = [json.loads(base64.urlsafe_b64decode(s["protected"] + "==")) for s in json.loads(text)["signatures"]]
    assert [(a["alg"], a["kid"], a["typ"]) for a in algorithms] == [
        (alg, key_id(public), TYP) for alg, public in zip(["PS256", "PS256", "PS256", "ES256", "EdDSA"], publics)]
    other = json.loads(text)
    other["payload"] = raw(b"{}")
    with pytest.raises(jws.InvalidJWSSignature):
        check_with_jwcrypto(json.dumps(other), publics[:1])


@pytest.mark.parametrize("name, alg", [("rsa-2048", "RS256"), ("rsa-3072", "PS256"), ("rsa-4096", "RS256"), ("ecdsa-p256", "ES256"), ("ed25519", "EdDSA")])
def test_we_check_a_jws_of_jwcrypto(keys, name, alg):
    private, public = keys[name]
    second_private, second_public = keys["ed25519" if name != "ed25519" else "ecdsa-p256"]
    token = jws.JWS('{"kind":"drover-test"}')
    for path, pub, algorithm in ((private, public, alg), (second_private, second_public, "EdDSA" if name != "ed25519" else "ES256")):
        token.add_signature(jwk.JWK.from_pem(path.read_bytes()), None, json.dumps({"alg": algorithm, "kid": key_id(pub), "typ": TYP}))
    text = token.serialize(compact=False)
    assert good("jws-check", TYP, text, public, second_public).strip() == '{"kind":"drover-test"}'
    changed = json.loads(text)
    changed["payload"] = raw(b'{"kind":"drover-tesu"}')
    refused = tool("jws-check", TYP, json.dumps(changed), public)
    assert refused.returncode == 1 and "not valid" in refused.stdout


def test_no_signature_is_made_up(keys):
    """alg none, and a public key used as the secret of HS256: the two old tricks against JWS."""
    private, public = keys["rsa-2048"]
    identity, payload = key_id(public), raw(b"{}")

    def token(alg, sign):
        header = raw(json.dumps({"alg": alg, "kid": identity, "typ": TYP}).encode())
        return json.dumps({"payload": payload, "signatures": [{"protected": header, "signature": raw(sign(f"{header}.{payload}".encode()))}]})

    for text in (token("none", lambda _: b"x"), token("HS256", lambda m: hmac.digest(public.read_bytes(), m, "sha256"))):
        refused = tool("jws-check", TYP, text, public)
        assert refused.returncode == 1 and "not valid" in refused.stdout
    honest = serialization.load_pem_private_key(private.read_bytes(), None)
    good("jws-check", TYP, token("RS256", lambda m: honest.sign(m, padding.PKCS1v15(), hashes.SHA256())), public)
