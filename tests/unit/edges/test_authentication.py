"""Tokens and signed requests that other implementations made: PyJWT, jwcrypto, the RFCs, hmac of Python, the openssl command line.

By hand: DROVER_BUILD=<build> /usr/bin/python3 -m pytest tests/unit/edges/test_authentication.py [-k name]
"""
import base64
import hashlib
import hmac
import json
import os
import pathlib
import re
import subprocess
import urllib.parse

import jwt
import pytest
from cryptography.hazmat.primitives import hashes, serialization
from cryptography.hazmat.primitives.asymmetric import ec, ed25519, rsa, utils
from jwcrypto import jwk, jws
from jwcrypto import jwt as jwcrypto_jwt

PROBE = pathlib.Path(os.environ["DROVER_BUILD"]) / "tests/unit/edges/auth_probe"
DOC = pathlib.Path(__file__).resolve().parents[3] / "docs/authentication.md"
NOW = 1_800_000_000_000
NOW_S = NOW // 1000
LEEWAY = 30_000


def b64(data):
    return base64.urlsafe_b64encode(data if isinstance(data, bytes) else data.encode()).rstrip(b"=").decode()


def unb64(text):
    return base64.urlsafe_b64decode(text + "=" * (-len(text) % 4))


class Probe:
    def __init__(self, keys_file, leeway=LEEWAY, cache=64):
        self.process = subprocess.Popen([PROBE, str(keys_file), str(leeway), str(cache)], stdin=subprocess.PIPE, stdout=subprocess.PIPE, text=True)
        self.first = self.process.stdout.readline().rstrip("\n").split("\t")

    def ask(self, *words):
        self.process.stdin.write("\t".join(str(word) for word in words) + "\n")
        self.process.stdin.flush()
        return self.process.stdout.readline().rstrip("\n").split("\t")

    def jwt(self, token, now=NOW):
        return self.ask("jwt", now, token)

    def request(self, header, method="GET", path="/", query="-", body=b"", now=NOW, window=60_000):
        return self.ask("request", now, window, method, path, query, body.hex(), header)

    def close(self):
        self.process.stdin.close()
        status = self.process.wait(30)
        self.process.stdout.close()
        assert status == (0 if self.first == ["ready"] else 1)


PRIVATE = {   # made anew in each run, once
    "es": ec.generate_private_key(ec.SECP256R1()),
    "ed": ed25519.Ed25519PrivateKey.generate(),
    "rs": rsa.generate_private_key(65537, 2048),
}


class Fleet:
    """A folder with a key file and the private halves."""
    SECRET = bytes(range(32))

    def __init__(self, folder):
        self.folder = folder
        self.private = dict(PRIVATE)
        self.entries = []
        for kid, algorithm in (("es", "ES256"), ("ed", "EdDSA"), ("rs", "RS256")):
            (folder / f"{kid}.pem").write_bytes(self.public_pem(kid))
            self.entries.append(dict(kid=kid, algorithm=algorithm, role="device", audience="drover", public_key_file=f"{kid}.pem"))
        (folder / "hs.hex").write_text(self.SECRET.hex() + "\n")
        (folder / "hs.hex").chmod(0o600)
        self.entries.append(dict(kid="hs", algorithm="HS256", role="operator", audience="drover", issuer="house", secret_file="hs.hex"))
        self.entries.append(dict(kid="req", algorithm="HMAC-SHA256", role="device", secret_file="hs.hex"))
        self.entries.append(dict(kid="ci", algorithm="HMAC-SHA256", role="operator", subject="nightly", secret_file="hs.hex"))
        self.write()

    def public_pem(self, kid):
        return self.private[kid].public_key().public_bytes(serialization.Encoding.PEM, serialization.PublicFormat.SubjectPublicKeyInfo)

    def private_pem(self, kid):
        return self.private[kid].private_bytes(serialization.Encoding.PEM, serialization.PrivateFormat.PKCS8, serialization.NoEncryption())

    def entry(self, kid):
        return next(entry for entry in self.entries if entry["kid"] == kid)

    def write(self, document=None):
        self.file = self.folder / "keys.json"
        self.file.write_text(document if document is not None else json.dumps({"schema": 1, "keys": self.entries}))

    def key(self, kid):
        return self.SECRET if kid == "hs" else self.private[kid]

    def token(self, kid="es", headers=None, **changes):
        claims = {"sub": "d1", "aud": "drover", "exp": NOW_S + 3600, "nbf": NOW_S - 10, "iat": NOW_S - 10}
        if kid == "hs":
            claims["iss"] = "house"
        claims.update(changes)
        claims = {name: value for name, value in claims.items() if value is not None}
        return jwt.encode(claims, self.key(kid), self.entry(kid)["algorithm"], headers={"kid": kid, **(headers or {})})

    def raw(self, header, claims, kid="es"):
        """A token of exactly these bytes, rightly signed: what no library would make."""
        signed = b64(header) + "." + b64(claims)
        if kid == "hs":
            signature = hmac.digest(self.SECRET, signed.encode(), "sha256")
        elif kid == "ed":
            signature = self.private["ed"].sign(signed.encode())
        else:
            r, s = utils.decode_dss_signature(self.private["es"].sign(signed.encode(), ec.ECDSA(hashes.SHA256())))
            signature = r.to_bytes(32, "big") + s.to_bytes(32, "big")
        return signed + "." + b64(signature)


@pytest.fixture
def fleet(tmp_path):
    return Fleet(tmp_path)


@pytest.fixture
def probe(fleet):
    probe = Probe(fleet.file)
    assert probe.first == ["ready"]
    yield probe
    probe.close()


def refused(answer, error, where):
    assert answer[:3] == ["refused", error, where], answer
    assert re.fullmatch(r'Bearer realm="drover", error="invalid_token", error_description="[ !#-\[\]-~]*"', answer[4]), answer[4]
    return answer[3]


# --- tokens of others ---

@pytest.mark.parametrize("kid, role", [("es", "device"), ("ed", "device"), ("rs", "device"), ("hs", "operator")])
def test_pyjwt(fleet, probe, kid, role):
    assert probe.jwt(fleet.token(kid)) == ["ok", "d1", kid, role, str(NOW + 3_600_000)]
    assert probe.jwt(fleet.token(kid, aud=["other", "drover"]))[0] == "ok"


@pytest.mark.parametrize("kid", ["es", "ed", "rs", "hs"])
def test_jwcrypto(fleet, probe, kid):
    key = jwk.JWK(kty="oct", k=b64(fleet.SECRET)) if kid == "hs" else jwk.JWK.from_pem(fleet.private_pem(kid))
    token = jwcrypto_jwt.JWT(header={"alg": fleet.entry(kid)["algorithm"], "kid": kid, "typ": "JWT"},
                             claims={"sub": "d2", "aud": "drover", "exp": NOW_S + 60, "iss": "house"})
    token.make_signed_token(key)
    assert probe.jwt(token.serialize())[:3] == ["ok", "d2", kid]


RFC7515_PAYLOAD = "eyJpc3MiOiJqb2UiLA0KICJleHAiOjEzMDA4MTkzODAsDQogImh0dHA6Ly9leGFtcGxlLmNvbS9pc19yb290Ijp0cnVlfQ"
VECTORS = {  # RFC 7515, appendices A.1 to A.3, and RFC 8037, A.4: algorithm, key, signed bytes, signature
    "A.1": ("HS256", dict(kty="oct", k="AyM1SysPpbyDfgZld3umj1qzKObwVMkoqQ-EstJQLr_T-1qS0gZH75aKtMN3Yj0iPS4hcgUuTwjAzZr1Z9CAow"),
            "eyJ0eXAiOiJKV1QiLA0KICJhbGciOiJIUzI1NiJ9." + RFC7515_PAYLOAD, "dBjftJeZ4CVP-mB92K27uhbUJU1p1r_wW1gFWFOEjXk"),
    "A.2": ("RS256", dict(kty="RSA", e="AQAB", n=(
        "ofgWCuLjybRlzo0tZWJjNiuSfb4p4fAkd_wWJcyQoTbji9k0l8W26mPddxHmfHQp-Vaw-4qPCJrcS2mJPMEzP1Pt0Bm4d4QlL-yRT-SFd2lZS-pCgNMs"
        "D1W_YpRPEwOWvG6b32690r2jZ47soMZo9wGzjb_7OMg0LOL-bSf63kpaSHSXndS5z5rexMdbBYUsLA9e-KXBdQOS-UTo7WTBEMa2R2CapHg665xsmtdV"
        "MTBQY4uDZlxvb3qCo5ZwKh9kG4LT6_I5IhlJH7aGhyxXFvUK-DWNmoudF8NAco9_h9iaGNj8q2ethFkMLs91kzk2PAcDTW9gb54h4FRWyuXpoQ")),
            "eyJhbGciOiJSUzI1NiJ9." + RFC7515_PAYLOAD,
            "cC4hiUPoj9Eetdgtv3hF80EGrhuB__dzERat0XF9g2VtQgr9PJbu3XOiZj5RZmh7AAuHIm4Bh-0Qc_lF5YKt_O8W2Fp5jujGbds9uJdbF9CUAr7t1dnZcAcQjbKBYNX4"
            "BAynRFdiuB--f_nZLgrnbyTyWzO75vRK5h6xBArLIARNPvkSjtQBMHlb1L07Qe7K0GarZRmB_eSN9383LcOLn6_dO--xi12jzDwusC-eOkHWEsqtFZESc6BfI7noOPqv"
            "hJ1phCnvWh6IeYI2w9QOYEUipUTI8np6LbgGY9Fs98rqVt5AXLIhWkWywlVmtVrBp0igcN_IoypGlUPQGe77Rw"),
    "A.3": ("ES256", dict(kty="EC", crv="P-256", x="f83OJ3D2xF1Bg8vub9tLe1gHMzV76e8Tus9uPHvRVEU", y="x_FEzRu9m36HLN_tue659LNpXW6pCyStikYjKIWI5a0"),
            "eyJhbGciOiJFUzI1NiJ9." + RFC7515_PAYLOAD, "DtEhU3ljbEg8L38VWAfUAqOyKAM6-Xx-F4GawxaepmXFCgfTjDxw5djxLa8ISlSApmWQxfKTUJqPP3-Kg6NU1Q"),
    "RFC 8037": ("EdDSA", dict(kty="OKP", crv="Ed25519", x="11qYAYKxCrfVS_7TyWQHOg7hcvPapiMlrwIaaPcHURo"),
                 "eyJhbGciOiJFZERTQSJ9.RXhhbXBsZSBvZiBFZDI1NTE5IHNpZ25pbmc",
                 "hgyY0il_MGCjP0JzlnLWG1PPOt7-09PGcvMg3AIbQR6dWbhijcNR4ki4iylGjg5BhVsPt9g7sVvpAr_MuM0KAg"),
}


@pytest.mark.parametrize("name", VECTORS)
def test_vectors_of_the_rfcs(tmp_path, name):
    algorithm, key, signed, signature = VECTORS[name]
    entry = dict(kid="k", algorithm=algorithm, role="device", audience="a")
    if key["kty"] == "oct":
        (tmp_path / "k").write_text(unb64(key["k"]).hex())
        entry["secret_file"] = "k"
    else:
        (tmp_path / "k").write_bytes(jwk.JWK(**key).export_to_pem())
        entry["public_key_file"] = "k"
    (tmp_path / "keys.json").write_text(json.dumps({"schema": 1, "keys": [entry]}))
    probe = Probe(tmp_path / "keys.json")
    raw = unb64(signature)
    assert probe.ask("verify", "k", signed, signature) == ["valid"]
    assert probe.ask("verify", "k", signed + "A", signature) == ["invalid"]
    assert probe.ask("verify", "k", signed, b64(raw + b"\0")) == ["invalid"] == probe.ask("verify", "k", signed, b64(raw[:-1]))
    for at in range(0, len(raw), 7):
        assert probe.ask("verify", "k", signed, b64(raw[:at] + bytes([raw[at] ^ 1]) + raw[at + 1:])) == ["invalid"], at
    probe.close()


# --- the classic attacks ---

def test_alg_none(fleet, probe):
    claims = jwt.decode(fleet.token(), options={"verify_signature": False})
    for alg in ("none", "None", "NONE", "nOnE", ""):
        for signature in ("", "AA"):
            token = b64(json.dumps({"alg": alg, "kid": "es"})) + "." + b64(json.dumps(claims)) + "." + signature
            assert probe.jwt(token)[0] == "refused"
    refused(probe.jwt(b64(json.dumps({"alg": "none", "kid": "es"})) + "." + b64(json.dumps(claims)) + ".AA"), "mismatch", "alg")


@pytest.mark.parametrize("kid", ["es", "ed", "rs"])
def test_key_confusion(fleet, probe, kid):
    """HS256 with the public key's file as the secret: whoever can read the public key would be anybody."""
    for secret in (fleet.public_pem(kid), fleet.public_pem(kid).rstrip(), b""):
        for alg in ("HS256", fleet.entry(kid)["algorithm"]):
            signed = b64(json.dumps({"alg": alg, "kid": kid})) + "." + b64(json.dumps({"sub": "d1", "aud": "drover", "exp": NOW_S + 9}))
            token = signed + "." + b64(hmac.digest(secret, signed.encode(), "sha256"))
            answer = probe.jwt(token)
            assert answer[:2] == (["refused", "mismatch"] if alg == "HS256" else ["refused", "refused"]), answer


def test_a_token_of_another_key_under_this_kid(fleet, probe):
    stranger = ec.generate_private_key(ec.SECP256R1())
    claims = {"sub": "d1", "aud": "drover", "exp": NOW_S + 9}
    refused(probe.jwt(jwt.encode(claims, stranger, "ES256", headers={"kid": "es"})), "refused", "signature")
    token = jwt.encode(claims, stranger, "ES256", headers={"kid": "es", "jwk": json.loads(jwk.JWK.from_pyca(stranger.public_key()).export_public())})
    refused(probe.jwt(token), "refused", "signature")
    refused(probe.jwt(fleet.token(headers={"kid": "nobody"})), "unknown", "kid")
    refused(probe.jwt(fleet.token("hs", headers={"kid": "req"})), "unknown", "kid")
    refused(probe.jwt(fleet.token("es", headers={"kid": "ed"})), "mismatch", "alg")
    refused(probe.jwt(fleet.raw('{"alg":"ES256","kid":null}', "{}")), "type", "header")
    refused(probe.jwt(fleet.raw('{"alg":"ES256"}', "{}")), "missing", "kid")


def test_es256_has_one_form(fleet, probe):
    """r and s with 32 bytes each: no DER, nothing longer, nothing shorter, no zeros, no multiples of the order."""
    order = 0xFFFFFFFF00000000FFFFFFFFFFFFFFFFBCE6FAADA7179E84F3B9CAC2FC632551
    signed, signature = fleet.token().rsplit(".", 1)
    raw = unb64(signature)
    r, s = int.from_bytes(raw[:32], "big"), int.from_bytes(raw[32:], "big")
    assert probe.jwt(signed + "." + b64(raw))[0] == "ok"
    for other in (utils.encode_dss_signature(r, s), raw + b"\0", b"\0" + raw, raw[:63], bytes(64), raw[:32] + bytes(32), bytes(32) + raw[32:],
                  raw[:32] + (order).to_bytes(32, "big"), raw[32:] + raw[:32], raw[:32] + b"\0" + raw[32:], b"\0" + raw[:32] + b"\0" + raw[32:]):
        refused(probe.jwt(signed + "." + b64(other)), "refused", "signature")


def test_a_changed_byte_anywhere(fleet, probe):
    for kid in ("es", "ed", "rs", "hs"):
        token = fleet.token(kid)
        for at in range(0, len(token), 11):
            changed = token[:at] + ("A" if token[at] != "A" else "B") + token[at + 1:]
            assert probe.jwt(changed)[0] == "refused", (kid, at)
        assert probe.jwt(token)[0] == "ok"


def test_base64url_has_one_form(fleet, probe):
    header, claims, signature = fleet.token("ed").split(".")
    assert probe.jwt(".".join((header, claims, signature)))[0] == "ok"
    last = "ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz0123456789-_"
    loose = signature[:-1] + last[last.index(signature[-1]) ^ 1]
    assert unb64(loose) == unb64(signature), "a lax reader takes both"
    for parts in ((header, claims, loose), (header + "=", claims, signature), (header, claims, signature + "=="), (header, claims, signature + "\n"),
                  (" " + header, claims, signature), (header, claims + "+", signature)):
        assert probe.ask("jwt", NOW, ".".join(parts).replace("\n", "%0A"))[0] == "refused"


def test_not_three_parts(fleet, probe):
    token = fleet.token()
    header, claims, signature = token.split(".")
    for text in ("", ".", "..", "...", header, header + "." + claims, token + ".", token + "." + signature, "." + token, header + ".." + signature):
        assert probe.jwt(text)[0] == "refused", text
    encrypted = ".".join([header, "", "AAAA", "AAAA", "AAAA"])
    refused(probe.jwt(encrypted), "syntax", "token")


GOOD = '{"sub":"d1","aud":"drover","exp":%d}' % (NOW_S + 60)
HEADERS = [
    ('{"alg":"ES256","kid":"es","alg":"none"}', "duplicate", "header"),
    ('{"alg":"none","kid":"es","\\u0061lg":"ES256"}', "duplicate", "header"),
    ('{"alg":"ES256","kid":"es","crit":["exp"],"exp":1}', "refused", "crit"),
    ('{"alg":"ES256","kid":"es","crit":[]}', "refused", "crit"),
    ('{"alg":"ES256","kid":"es","b64":false}', "refused", "b64"),
    ('{"alg":"ES256","kid":"es","zip":"DEF"}', "refused", "zip"),
    ('{"alg":"ES256","kid":"es","crit":null}', "type", "header"),
    ('{"alg":["ES256"],"kid":"es"}', "type", "alg"),
    ('{"alg":"es256","kid":"es"}', "mismatch", "alg"),
    ('{"alg":"ES256 ","kid":"es"}', "mismatch", "alg"),
    ('{"alg":"ES256","kid":7}', "type", "kid"),
    ('{"alg":"ES256","kid":"es\\u0000"}', "syntax", "header"),
    ('{"alg":"ES256","kid":"%s"}' % ("k" * 65), "too_long", "kid"),
    ('{"alg":"ES256","kid":"../es"}', "unknown", "kid"),
    ('{"kid":"es"}', "missing", "alg"),
    ('{"alg":"ES256","kid":"es","typ":"drover-permit+json"}', "mismatch", "typ"),
    ('{"alg":"ES256","kid":"es"} ', None, None),
    ('{"alg":"ES256","kid":"es","typ":"at+jwt","x":{"y":[1,{"z":2}]}}', None, None),
    ('{"alg":"ES256","kid":"es"}{}', "syntax", "header"),
    ('[]', "type", "header"),
    ('{"alg":"ES256","kid":"es","x":%s}' % ("[" * 40 + "]" * 40), "too_deep", "header"),
    ('{"alg":"ES256","kid":"es","x":"%s"}' % ("x" * 1024), "too_long", "header"),
]


@pytest.mark.parametrize("header, error, where", HEADERS)
def test_headers(fleet, probe, header, error, where):
    answer = probe.jwt(fleet.raw(header, GOOD))
    if error:
        refused(answer, error, where)
    else:
        assert answer[0] == "ok", answer


CLAIMS = [
    ('{"aud":"drover","exp":1900000000}', "missing", "sub"),
    ('{"sub":"d1","exp":1900000000}', "missing", "aud"),
    ('{"sub":"d1","aud":"drover"}', "missing", "exp"),
    ('{"sub":"d1","aud":"drover","exp":null}', "type", "claims"),
    ('{"sub":"d1","aud":"drover","exp":1,"exp":1900000000}', "duplicate", "claims"),
    ('{"sub":"d1","aud":"drover","exp":"1900000000"}', "type", "exp"),
    ('{"sub":"d1","aud":"drover","exp":-1}', "range", "exp"),
    ('{"sub":"d1","aud":"drover","exp":9007199254741}', "range", "exp"),
    ('{"sub":"d1","aud":"drover","exp":1e300}', "range", "exp"),
    ('{"sub":"d1","aud":"drover","exp":1900000000.75}', None, None),
    ('{"sub":"d1","aud":"other","exp":1900000000}', "mismatch", "aud"),
    ('{"sub":"d1","aud":"drover2","exp":1900000000}', "mismatch", "aud"),
    ('{"sub":"d1","aud":[],"exp":1900000000}', "mismatch", "aud"),
    ('{"sub":"d1","aud":["a",7],"exp":1900000000}', "type", "aud"),
    ('{"sub":"d1","aud":{"drover":1},"exp":1900000000}', "type", "aud"),
    ('{"sub":"d1","aud":["1","2","3","4","5","6","7","8","drover"],"exp":1900000000}', "too_long", "aud"),
    ('{"sub":"d1/..","aud":"drover","exp":1900000000}', "syntax", "sub"),
    ('{"sub":"","aud":"drover","exp":1900000000}', "syntax", "sub"),
    ('{"sub":"%s","aud":"drover","exp":1900000000}' % ("d" * 65), "too_long", "sub"),
    ('{"sub":{"d1":1},"aud":"drover","exp":1900000000}', "type", "sub"),
    ('{"sub":"d1","aud":"drover","exp":1900000000,"role":"admin","cnf":{"jkt":"x"}}', None, None),
    ('not json', "type", "claims"), ('{', "syntax", "claims"),
    ('', "syntax", "claims"),
    ('{"sub":"d1","aud":"drover","exp":1900000000,"x":"\udcff"}', "utf8", "claims"),
]


@pytest.mark.parametrize("claims, error, where", CLAIMS)
def test_claims(fleet, probe, claims, error, where):
    answer = probe.jwt(fleet.raw('{"alg":"EdDSA","kid":"ed"}', claims.encode("utf8", "surrogateescape"), "ed"))
    if error:
        refused(answer, error, where)
    else:
        assert answer[:4] == ["ok", "d1", "ed", "device"], "a claim never makes a role"


def test_issuer_and_bound_subject(fleet, probe):
    refused(probe.jwt(fleet.token("hs", iss=None)), "mismatch", "iss")
    refused(probe.jwt(fleet.token("hs", iss="elsewhere")), "mismatch", "iss")
    fleet.entry("hs")["subject"] = "d9"
    fleet.write()
    assert probe.ask("reload")[0] == "ok"
    refused(probe.jwt(fleet.token("hs")), "mismatch", "sub")
    assert probe.jwt(fleet.token("hs", sub="d9"))[0] == "ok"


def test_times_to_the_millisecond(fleet, probe):
    token = fleet.token(exp=NOW_S + 100, nbf=NOW_S - 100, iat=NOW_S - 100)
    ends, begins = NOW + 100_000 + LEEWAY, NOW - 100_000 - LEEWAY
    for _ in range(2):   # the second time it is remembered
        assert probe.jwt(token, ends - 1)[0] == "ok" and probe.jwt(token, begins)[0] == "ok"
        assert refused(probe.jwt(token, ends), "stale", "exp") == "expired 30 s ago"
        refused(probe.jwt(token, begins - 1), "stale", "nbf")
    refused(probe.jwt(fleet.token(iat=NOW_S + 60, nbf=None)), "stale", "iat")
    assert probe.jwt(fleet.token(iat=NOW_S + 29, nbf=None))[0] == "ok"


def test_huge_tokens(fleet, probe):
    refused(probe.jwt("A" * 4097), "too_long", "token")
    refused(probe.jwt(fleet.token(padding="x" * 4000)), "too_long", "token")
    assert probe.jwt(fleet.token(padding="x" * 900))[0] == "ok"
    assert probe.jwt("." * 4096)[0] == "refused" and probe.jwt(b64("{" * 700) + ".AA.AA")[0] == "refused"


def test_no_answer_tells_a_secret(fleet, probe):
    signature = fleet.token("hs").rsplit(".", 1)[1]
    tokens = [fleet.token("hs", sub="d/1"), fleet.token("hs") + "A", fleet.token("hs", aud="x"), "A." + fleet.token("hs"), fleet.token("hs", iss='"\\x')]
    for token in tokens:
        answer = "\t".join(probe.jwt(token))
        assert answer.startswith("refused")
        for secret in (fleet.SECRET.hex(), b64(fleet.SECRET), signature, token.rsplit(".", 1)[1][:12]):
            assert secret not in answer
    answer = probe.jwt(fleet.raw('{"alg":"x\\"\\\\y","kid":"hs"}', "{}", "hs"))
    assert 'x\'\'y' in answer[4] or "x''y" in answer[4]


# --- what is remembered, and keys that come and go ---

def counters(probe):
    return [int(word) for word in probe.ask("counters")]


def test_a_polling_device_costs_one_signature_check(fleet, probe):
    token = fleet.token()
    for _ in range(50):
        assert probe.jwt(token)[0] == "ok"
    assert counters(probe) == [1, 49, 0]
    for _ in range(3):   # what is refused is never remembered
        assert probe.jwt(fleet.token("ed", aud="x"))[0] == "refused"
    assert counters(probe) == [4, 49, 3]


def test_without_a_cache(fleet):
    probe = Probe(fleet.file, cache=0)
    token = fleet.token()
    assert [probe.jwt(token)[0] for _ in range(3)] == ["ok"] * 3 and counters(probe) == [3, 0, 0]
    probe.close()


def test_the_cache_is_bounded_and_forgets_those_that_end_first(fleet):
    probe = Probe(fleet.file, cache=16)
    tokens = [fleet.token("hs", sub=f"d{number}", exp=NOW_S + 100 + number) for number in range(200)]
    for token in tokens:
        assert probe.jwt(token)[0] == "ok"
    before = counters(probe)
    for token in tokens:
        assert probe.jwt(token)[0] == "ok"
    checked, remembered, _ = counters(probe)
    assert 0 < remembered - before[1] <= 16 and checked > before[0]
    probe.close()


def test_keys_rotate(fleet, probe):
    old = fleet.token("es")
    assert probe.jwt(old)[0] == "ok"
    new = ec.generate_private_key(ec.SECP256R1())
    fleet.private["es2"] = new
    (fleet.folder / "es2.pem").write_bytes(fleet.public_pem("es2"))
    fleet.entries.append({**fleet.entry("es"), "kid": "es2", "public_key_file": "es2.pem", "not_before_ms": NOW + 1000})
    fleet.entry("es")["not_after_ms"] = NOW + 5000
    fleet.write()
    assert probe.ask("reload") == ["ok", "7"]
    young = fleet.token("es2")
    assert "not count yet" in refused(probe.jwt(young, NOW), "stale", "kid")
    assert probe.jwt(young, NOW + 1000)[0] == "ok" and probe.jwt(old, NOW + 4999)[0] == "ok"
    assert "any more" in refused(probe.jwt(old, NOW + 5000), "stale", "kid"), "not from memory either"
    assert probe.jwt(young, NOW + 5000)[0] == "ok"
    fleet.entries.remove(fleet.entry("es"))
    fleet.write()
    assert probe.jwt(old)[0] == "ok", "nothing changes before the file is read again"
    assert probe.ask("reload") == ["ok", "6"]
    refused(probe.jwt(old), "unknown", "kid")


def test_a_new_key_under_an_old_name_ends_the_old_tokens(fleet, probe):
    old = fleet.token("es")
    assert probe.jwt(old)[0] == "ok"
    fleet.private["es"] = ec.generate_private_key(ec.SECP256R1())
    (fleet.folder / "es.pem").write_bytes(fleet.public_pem("es"))
    assert probe.ask("reload")[0] == "ok"
    refused(probe.jwt(old), "refused", "signature")
    assert probe.jwt(fleet.token("es"))[0] == "ok"


def test_a_mistake_in_the_file_leaves_the_old_keys(fleet, probe):
    fleet.write("{")
    assert probe.ask("reload")[0] == "refused"
    assert probe.jwt(fleet.token())[0] == "ok"


def change(**changes):
    def apply(fleet):
        entry = fleet.entries[0]
        for name, value in changes.items():
            entry.pop(name, None) if value is None else entry.__setitem__(name, value)
    return apply


def file_of(name, content):
    return lambda fleet: (fleet.folder / name).write_bytes(content if isinstance(content, bytes) else content(fleet))


def weak_rsa(fleet):
    return rsa.generate_private_key(65537, 1024).public_key().public_bytes(serialization.Encoding.PEM, serialization.PublicFormat.SubjectPublicKeyInfo)


MISTAKES = [
    (change(kid=None), "keys", "kid"), (change(kid="a b"), "keys", "kid"), (change(kid="ed"), "ed", "two keys"),
    (change(algorithm="none"), "es", "none"), (change(algorithm="HS256"), "es", "public_key_file is of no use with HS256"),
    (change(algorithm="EdDSA"), "es", "ecdsa-p256"), (change(algorithm="PS256"), "es", "PS256"),
    (change(role="root"), "es", "root"), (change(role=None), "es", "role"), (change(audience=None), "es", "audience"), (change(audience=""), "es", "audience"),
    (change(not_afer_ms=5), "es", "not_afer_ms"), (change(not_before_ms=5, not_after_ms=5), "es", "not_after_ms"), (change(not_after_ms="soon"), "es", "not_after_ms"),
    (change(public_key_file="gone.pem"), "es", "cannot be opened"), (change(subject="a/b"), "es", "subject"), (change(issuer="x" * 129), "es", "issuer"),
    (file_of("es.pem", b"nothing"), "es", "public_key_file"), (file_of("es.pem", lambda fleet: fleet.private_pem("es")), "es", "public_key_file"),
    (file_of("rs.pem", weak_rsa), "rs", "public_key_file"), (file_of("es.pem", b"x" * 9000), "es", "over"),
    (file_of("hs.hex", b"short"), "hs", "hex"), (file_of("hs.hex", b"00" * 31), "hs", "hex"), (file_of("hs.hex", b"00" * 65), "hs", "over 128 bytes"),
    (file_of("hs.hex", lambda fleet: fleet.public_pem("es")), "hs", "hex"), (file_of("hs.hex", b""), "hs", "empty"),
]


@pytest.mark.parametrize("number", range(len(MISTAKES)))
def test_mistakes_in_the_key_file(fleet, number):
    spoil, where, what = MISTAKES[number]
    spoil(fleet)
    fleet.write()
    probe = Probe(fleet.file)
    assert probe.first[0] == "refused" and probe.first[2] == where and what in probe.first[3], probe.first
    assert fleet.SECRET.hex() not in "".join(probe.first)
    probe.close()


@pytest.mark.parametrize("document", ["", "[]", "{}", '{"schema":2,"keys":[]}', '{"schema":1}', '{"schema":1,"keys":{}}', '{"schema":1,"keys":[7]}',
                                      '{"schema":1,"keys":[],"more":1}', '{"schema":1,"schema":1,"keys":[]}', '{"schema":1,"keys":[]} x'])
def test_mistakes_around_the_keys(fleet, document):
    fleet.write(document)
    probe = Probe(fleet.file)
    assert probe.first[0] == "refused"
    probe.close()


def test_too_many_keys(fleet):
    fleet.entries = [{**fleet.entry("es"), "kid": f"k{number}"} for number in range(65)]
    fleet.write()
    probe = Probe(fleet.file)
    assert probe.first[:3] == ["refused", "full", "keys"]
    probe.close()
    fleet.entries.pop()
    fleet.write()
    probe = Probe(fleet.file)
    assert probe.first == ["ready"]
    probe.close()


# --- signed requests, made again as docs/authentication.md says ---

def canonical(key, subject, timestamp, nonce, method, path, query="", body=b""):
    pairs = []
    for parameter in query.split("&"):
        if parameter:
            name, _, value = parameter.partition("=")
            pairs.append(urllib.parse.quote_from_bytes(urllib.parse.unquote_to_bytes(name), safe="") + "=" +
                         urllib.parse.quote_from_bytes(urllib.parse.unquote_to_bytes(value), safe=""))
    return "\n".join(["DROVER-HMAC-SHA256", key, subject, str(timestamp), nonce, method, path, "&".join(sorted(pairs)), hashlib.sha256(body).hexdigest()])


def secret_of(subject, secret=Fleet.SECRET):
    return hmac.digest(secret, b"drover-subject\n" + subject.encode(), "sha256")


NONCE = "n-0123456789_ABCDEF"


def header(key="req", subject="d1", timestamp=NOW, nonce=NONCE, method="GET", path="/", query="", body=b"", secret=None):
    text = canonical(key, subject, timestamp, nonce, method, path, query, body)
    if secret is None:
        secret = secret_of(subject) if key == "req" else Fleet.SECRET
    return (f"DROVER-HMAC-SHA256 key={key}, subject={subject}, timestamp={timestamp}, nonce={nonce}, "
            f"signature={hmac.digest(secret, text.encode(), 'sha256').hex()}")


def test_a_signed_request(probe):
    assert probe.request(header())[:4] == ["ok", "d1", "req", "device"]
    query = "device_model=ESP32&current_version=v1.0.0"
    asked = dict(path="/firmware/latest", query=query)
    assert probe.request(header(**asked), **asked)[0] == "ok"
    turned = dict(path="/firmware/latest", query="current_version=v1.0.0&&device%5Fmodel=ESP32&")
    assert probe.request(header(**asked), **turned)[0] == "ok", "the order and the spelling of parameters do not count"
    body = dict(method="POST", path="/api/v1/rollouts", body=bytes(range(256)))
    assert probe.request(header(key="ci", subject="nightly", **body), **body)[:4] == ["ok", "nightly", "ci", "operator"]


def test_whatever_changes_breaks_it(probe):
    asked = dict(method="POST", path="/a", query="x=1", body=b"b")
    signed = header(**asked)
    assert probe.request(signed, **asked)[0] == "ok"
    for change in (dict(method="PUT"), dict(path="/b"), dict(path="/a/"), dict(path="/%61"), dict(query="x=2"), dict(query="x=1&x=1"), dict(query="-"),
                   dict(query="x=1&y="), dict(query="X=1"), dict(body=b"c"), dict(body=b"")):
        refused(probe.request(signed, **{**asked, **change}), "refused", "signature")
    for old, new in (("subject=d1", "subject=d2"), (f"timestamp={NOW}", f"timestamp={NOW + 1}"), (NONCE, NONCE[::-1])):
        refused(probe.request(signed.replace(old, new), **asked), "refused", "signature")
    refused(probe.request(signed.replace("key=req", "key=ci").replace("subject=d1", "subject=nightly"), **asked), "refused", "signature")


def test_one_device_cannot_sign_for_another(probe):
    refused(probe.request(header(subject="d2", secret=secret_of("d1"))), "refused", "signature")
    refused(probe.request(header(key="ci", subject="d1")), "mismatch", "subject")
    refused(probe.request(header(key="es", subject="d1")), "unknown", "key")
    refused(probe.request(header(key="hs", subject="d1")), "unknown", "key")
    refused(probe.request(header(key="gone", subject="d1")), "unknown", "key")


def test_the_clock_window(probe):
    for shift, good in ((0, True), (60_000, True), (-60_000, True), (60_001, False), (-60_001, False), (-86_400_000, False)):
        answer = probe.request(header(timestamp=NOW + shift))
        if good:
            assert answer[0] == "ok" and int(answer[5]) == 120_000 + shift, "known as long as it could be sent again"
        else:
            refused(answer, "stale", "timestamp")


def test_nonces_have_names_of_their_own(probe):
    names = {probe.request(header(**change))[4] for change in ({}, {}, dict(subject="d2"), dict(nonce=NONCE + "x"), dict(path="/"))}
    assert len(names) == 3
    assert all(re.fullmatch("[0-9a-f]{32}", name) for name in names)


def test_malformed_headers(probe):
    good = header()
    scheme, rest = good.split(" ", 1)
    parameters = rest.split(", ")
    for text in (parameters[0], ", ".join(parameters[1:]), rest + ", " + parameters[0], rest + ",", rest + ", more=1", "," + rest, rest.replace("=", ":"),
                 rest.replace("=", " = "), rest.replace(", ", "; "), "", rest.replace("d1", '"d1"'), rest.replace("d1", ""), rest.replace("d1", "d" * 65),
                 rest.replace("d1", "-d1"), rest.replace(str(NOW), "0x10"), rest.replace(str(NOW), "-1"), rest.replace(str(NOW), "9" * 30),
                 rest.replace(NONCE, "short"), rest.replace(NONCE, "n" * 65), rest.replace(NONCE, NONCE + "."), rest.replace(NONCE, NONCE + "\\"),
                 rest[:-1], rest + "0", rest[:-1] + "G", rest.replace("signature=", "signature=" + " "), rest.upper(), rest + " " * 500):
        answer = probe.request(f"{scheme} {text}")
        assert answer[0] == "refused" and answer[1] != "refused", (text, answer)
    refused(probe.request("Bearer " + rest), "unknown", "Authorization")
    refused(probe.request(scheme), "unknown", "Authorization")
    assert probe.request(f"{scheme.lower()}   {rest.replace(', ', ',')} ")[0] == "ok"
    assert probe.request(f"{scheme} " + ", ".join(reversed(parameters)))[0] == "ok"


@pytest.mark.parametrize("query, expected", [
    ("-", ""), ("", ""), ("b=2&a=1", "a=1&b=2"), ("a=2&a=1", "a=1&a=2"), ("a", "a="), ("a=", "a="), ("=x", "=x"), ("a=b=c", "a=b%3Dc"), ("a=%7e", "a=~"), ("a=~", "a=~"),
    ("a=%c3%a4", "a=%C3%A4"), ("a=\u00e4", "a=%C3%A4"), ("a=+", "a=%2B"), ("a=%20", "a=%20"), ("a=%26b=1", "a=%26b%3D1"), ("a=%0A", "a=%0A"), ("a=%00", "a=%00"),
    ("aa=1&a=2&a-=3&A=4", "A=4&a-=3&a=2&aa=1"), ("&&a=1&&", "a=1"), ("/?=/?", "%2F%3F=%2F%3F"),
])
def test_the_canonical_query(probe, query, expected):
    answer = probe.ask("canonical", "GET", "/p", query, "", "k", "s", 5, NONCE)
    lines = bytes.fromhex(answer[0]).decode().split("\n")
    assert lines[7] == expected
    assert "\n".join(lines) == canonical("k", "s", 5, NONCE, "GET", "/p", query if query != "-" else "")


@pytest.mark.parametrize("method, path, query", [("GET", "", "-"), ("GET", "x", "-"), ("GET", "/a b", "-"), ("get", "/", "-"), ("", "/", "-"), ("GET", "/\x7f", "-"),
                                                 ("GET", "/", "a=%"), ("GET", "/", "a=%4"), ("GET", "/", "a=%zz"), ("GET", "/", "&a=%"), ("GET", "/", "a&" * 40), ("GET", "/", "a" * 4097)])
def test_requests_that_have_no_canonical_text(probe, method, path, query):
    assert probe.ask("canonical", method, path, query, "", "k", "s", 5, NONCE)[0] == "refused"


# --- the document ---

def blocks(language):
    return re.findall(rf"```{language}\n(.*?)```", DOC.read_text(), re.S)


def test_the_worked_example(tmp_path):
    """Key, request, canonical text and header of docs/authentication.md, computed here and checked by the library."""
    text = DOC.read_text()
    secret = bytes.fromhex(re.search(r"secret `([0-9a-f]{64})`", text).group(1))
    signed = next(block for block in blocks("text") if block.startswith("DROVER-HMAC-SHA256\n")).rstrip("\n")
    value = next(block for block in blocks("text") if block.startswith("Authorization: ")).strip().removeprefix("Authorization: ")
    _, key, subject, timestamp, nonce, method, path, query, digest = signed.split("\n")
    body = re.search(r"body `([^`]*)`", text).group(1).encode()
    asked = re.search(r"`POST (\S+)\?(\S+)`", text)
    assert asked.group(1) == path and digest == hashlib.sha256(body).hexdigest()
    assert signed == canonical(key, subject, timestamp, nonce, method, path, asked.group(2), body)
    assert value == header(key, subject, timestamp, nonce, method, path, asked.group(2), body, secret_of(subject, secret))
    assert hmac.digest(secret_of(subject, secret), signed.encode(), "sha256").hex() in value
    (tmp_path / "k").write_text(secret.hex())
    (tmp_path / "keys.json").write_text(json.dumps({"schema": 1, "keys": [dict(kid=key, algorithm="HMAC-SHA256", role="device", secret_file="k")]}))
    probe = Probe(tmp_path / "keys.json")
    assert probe.request(value, method, path, asked.group(2), body, now=int(timestamp))[:3] == ["ok", subject, key]
    probe.close()


def test_the_shell_example(tmp_path):
    """The commands of the document as they stand, with a curl that prints the header it was given."""
    script, = (block for block in blocks("sh") if "curl" in block)
    (tmp_path / "fleet.key").write_text(Fleet.SECRET.hex() + "\n")
    (tmp_path / "bin").mkdir()
    (tmp_path / "bin/curl").write_text('#!/bin/sh\nprintf "%s\\n" "$@"\n')
    (tmp_path / "bin/curl").chmod(0o755)
    result = subprocess.run(["sh", "-euc", script], cwd=tmp_path, capture_output=True, text=True, timeout=60,
                            env={"PATH": f"{tmp_path}/bin:/usr/bin:/bin"})
    assert result.returncode == 0, result.stderr
    value = re.search(r"Authorization: (.*)", result.stdout).group(1)
    url = urllib.parse.urlsplit(re.search(r"https?://\S+", result.stdout).group(0))
    timestamp = int(re.search(r"timestamp=(\d+)", value).group(1))
    key = re.search(r"key=([^,]+)", value).group(1)
    (tmp_path / "keys.json").write_text(json.dumps({"schema": 1, "keys": [dict(kid=key, algorithm="HMAC-SHA256", role="device", secret_file="fleet.key")]}))
    probe = Probe(tmp_path / "keys.json")
    answer = probe.request(value, "GET", url.path, url.query, now=timestamp)
    assert answer[0] == "ok", answer
    probe.close()


def test_the_key_file_of_the_document(tmp_path):
    document, = blocks("json")
    keys = json.loads(document)["keys"]
    fleet = Fleet(tmp_path)
    made = {"ES256": fleet.public_pem("es"), "EdDSA": fleet.public_pem("ed"), "RS256": fleet.public_pem("rs")}
    for key in keys:
        name = key.get("public_key_file") or key["secret_file"]
        (tmp_path / name).write_bytes(made.get(key["algorithm"], Fleet.SECRET.hex().encode()))
    (tmp_path / "keys.json").write_text(document)
    probe = Probe(tmp_path / "keys.json")
    assert probe.first == ["ready"], probe.first
    probe.close()
