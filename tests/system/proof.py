"""Keys of a fleet, made when a test needs them: tokens by PyJWT, signed requests by Python's hmac, as docs/authentication.md says."""
import hashlib
import hmac
import json
import os
import time
import urllib.parse

import jwt
from cryptography.hazmat.primitives import serialization
from cryptography.hazmat.primitives.asymmetric import ec, ed25519


class Keys:
    """A folder with keys.json; `private` and `secret` are by kid."""

    def __init__(self, folder):
        folder.mkdir()
        self.folder, self.file, self.entries, self.private = folder, folder / "keys.json", {}, {}
        self.add("devices", "ES256", "device", audience="drover")
        self.add("strangers", "ES256", "device", audience="drover")
        self.add("viewers", "EdDSA", "viewer", audience="drover-api")
        self.add("people", "EdDSA", "operator", audience="drover-api")
        self.add("fleet", "HMAC-SHA256", "device")
        self.add("scripts", "HMAC-SHA256", "operator", subject="nightly")
        del self.entries["strangers"]
        self.write()

    def add(self, kid, algorithm, role, **more):
        entry = {"kid": kid, "algorithm": algorithm, "role": role, **more}
        if algorithm == "HMAC-SHA256":
            self.private[kid] = os.urandom(32)
            entry["secret_file"] = f"{kid}.hex"
            path = self.folder / f"{kid}.hex"
            path.write_text(self.private[kid].hex() + "\n")
            path.chmod(0o600)
        else:
            self.private[kid] = ec.generate_private_key(ec.SECP256R1()) if algorithm == "ES256" else ed25519.Ed25519PrivateKey.generate()
            entry["public_key_file"] = f"{kid}.pem"
            (self.folder / f"{kid}.pem").write_bytes(self.private[kid].public_key().public_bytes(
                serialization.Encoding.PEM, serialization.PublicFormat.SubjectPublicKeyInfo))
        self.entries[kid] = entry

    def write(self):
        fresh = self.folder / "keys.json.new"
        fresh.write_text(json.dumps({"schema": 1, "keys": list(self.entries.values())}))
        fresh.rename(self.file)

    def token(self, subject, kid="devices", signed_by=None, **changes):
        audience = self.entries.get(kid, {}).get("audience", "drover")
        claims = {"sub": subject, "aud": audience, "exp": int(time.time()) + 600, **changes}
        signer = self.private[signed_by or kid]
        algorithm = "ES256" if isinstance(signer, ec.EllipticCurvePrivateKey) else "EdDSA"
        return jwt.encode(claims, signer, algorithm, headers={"kid": kid})

    def bearer(self, *arguments, **changes):
        return "Bearer " + self.token(*arguments, **changes)

    def signed(self, subject, method, target, body=b"", kid="fleet", nonce=None, at_ms=None):
        """The Authorization of one request. A key for many signs with a secret of its own for each subject."""
        path, _, query = target.partition("?")
        nonce, at_ms = nonce or os.urandom(16).hex(), at_ms or int(time.time() * 1000)
        secret = self.private[kid]
        if "subject" not in self.entries[kid]:
            secret = hmac.digest(secret, f"drover-subject\n{subject}".encode(), "sha256")
        pairs = sorted("=".join(urllib.parse.quote(urllib.parse.unquote(word), safe="-._~") for word in (name, value))
                       for name, _, value in (pair.partition("=") for pair in query.split("&") if pair))
        text = "\n".join(["DROVER-HMAC-SHA256", kid, subject, str(at_ms), nonce, method, path, "&".join(pairs), hashlib.sha256(body).hexdigest()])
        signature = hmac.digest(secret, text.encode(), "sha256").hex()
        return f"DROVER-HMAC-SHA256 key={kid}, subject={subject}, timestamp={at_ms}, nonce={nonce}, signature={signature}"
