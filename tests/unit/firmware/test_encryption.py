"""Encrypted packages against other programs: python3-cryptography and the openssl command line open what the library made, reading the
bytes as docs/package-format.md gives them; and the library opens what is put together here. GCM is computed by a second implementation,
written out below and held against NIST's vectors."""
import hashlib
import hmac
import json
import os
import pathlib
import struct
import subprocess
import zlib

import pytest
from cryptography.hazmat.primitives import hashes, keywrap, serialization
from cryptography.hazmat.primitives.asymmetric import ec, padding, rsa, x25519
from cryptography.hazmat.primitives.ciphers import Cipher, algorithms, modes
from cryptography.hazmat.primitives.kdf.hkdf import HKDF

TOOL = os.environ["ENCRYPTION_TOOL"]
CHUNK, TAG = 4096, 16
AES_KW, ECDH_P256, X25519, RSA_OAEP = 1, 2, 3, 4
MODEL_KEY = bytes(range(32))


def tool(*arguments):
    return subprocess.run([TOOL, *map(str, arguments)], capture_output=True, text=True, timeout=60)


def good(*arguments):
    done = tool(*arguments)
    assert done.returncode == 0, done.stdout + done.stderr
    return done.stdout


def openssl(*arguments, **more):
    return subprocess.run(["openssl", *map(str, arguments)], check=True, capture_output=True, timeout=60, **more).stdout


# GCM, NIST SP 800-38D, on AES blocks alone

def gf_multiply(x, y):
    z = 0
    for bit in range(127, -1, -1):
        if x >> bit & 1:
            z ^= y
        y = y >> 1 ^ (0xE1 << 120 if y & 1 else 0)
    return z


def gcm(key, nonce, text, aad, sealing):
    """(the other text, the tag) of a text that is plain when sealing."""
    encryptor = Cipher(algorithms.AES(key), modes.ECB()).encryptor()
    block = lambda n: encryptor.update(nonce + struct.pack(">I", n))
    hash_key = int.from_bytes(encryptor.update(bytes(16)), "big")
    stream = b"".join(block(2 + i) for i in range((len(text) + 15) // 16))
    other = bytes(a ^ b for a, b in zip(text, stream))
    sealed = other if sealing else text
    pad = lambda piece: piece + bytes(-len(piece) % 16)
    hashed = pad(aad) + pad(sealed) + struct.pack(">QQ", 8 * len(aad), 8 * len(sealed))
    sum_ = 0
    for at in range(0, len(hashed), 16):
        sum_ = gf_multiply(sum_ ^ int.from_bytes(hashed[at:at + 16], "big"), hash_key)
    return other, bytes(a ^ b for a, b in zip(sum_.to_bytes(16, "big"), block(1)))


NIST_GCM = [  # the 256-bit cases 13, 14 and 16 of the GCM submission: key, nonce, plain, aad, sealed, tag
    ("00" * 32, "00" * 12, "", "", "", "530f8afbc74536b9a963b4f1c4cb738b"),
    ("00" * 32, "00" * 12, "00" * 16, "", "cea7403d4d606b6e074ec5d3baf39d18", "d0d1c8a799996bf0265b98b5d48ab919"),
    ("feffe9928665731c6d6a8f9467308308" * 2, "cafebabefacedbaddecaf888",
     "d9313225f88406e5a55909c5aff5269a86a7a9531534f7da2e4c303d8a318a721c3c0c95956809532fcf0e2449a6b525b16aedf5aa0de657ba637b39",
     "feedfacedeadbeeffeedfacedeadbeefabaddad2",
     "522dc1f099567d07f47f37a32a84427d643a8cdcbfe5c0c97598a2bd2555d1aa8cb08e48590dbb3da7b08b1056828838c5f61e6393ba7a0abcc9f662",
     "76fc6ece0f4e1768cddf8853bb2d551b"),
]


@pytest.mark.parametrize("vector", NIST_GCM)
def test_the_second_implementation_of_gcm_is_that_of_nist(vector):
    key, nonce, plain, aad, sealed, tag = map(bytes.fromhex, vector)
    assert gcm(key, nonce, plain, aad, True) == (sealed, tag)
    assert gcm(key, nonce, sealed, aad, False) == (plain, tag)


# A package, by docs/package-format.md

class Package:
    def __init__(self, path):
        data = self.data = pathlib.Path(path).read_bytes()
        assert data[:8] == b"\x89DFW\r\n\x1a\n"
        self.flags, self.size, self.metadata = struct.unpack_from("<IQI", data, 12)
        assert self.size == len(data)
        self.recipients = []
        at = 64
        while at < 64 + self.metadata:
            kind, _, _, length = struct.unpack_from("<HHIQ", data, at)
            value = data[at + 16:at + 16 + length]
            if kind == 1:
                self.manifest = value
            if kind == 6:
                self.recipients.append(self.recipient(value))
            at += 16 + length
        kind, _, component, length = struct.unpack_from("<HHIQ", data, at)
        assert (kind, component) == (16, 0)
        self.payload = data[at + 16:at + 16 + length]
        self.manifest_sha256 = hashlib.sha256(self.manifest).digest()
        self.document = json.loads(self.manifest)

    @staticmethod
    def recipient(value):
        method, zero = struct.unpack_from("<HH", value)
        ephemeral_bytes, = struct.unpack_from("<H", value, 36)
        wrapped_bytes, = struct.unpack_from("<H", value, 38 + ephemeral_bytes)
        wrapped = value[40 + ephemeral_bytes:]
        assert zero == 0 and len(wrapped) == wrapped_bytes
        return {"method": method, "id": value[4:36], "ephemeral": value[38:38 + ephemeral_bytes], "wrapped": wrapped}

    def binding(self, recipient):
        return b"drover content key" + struct.pack("<H", recipient["method"]) + recipient["id"] + self.manifest_sha256 + recipient["ephemeral"]

    def chunks(self, tag=TAG):
        for index, at in enumerate(range(0, len(self.payload), CHUNK + tag)):
            yield index, self.payload[at:at + CHUNK + tag]

    def decrypt(self, content_key):
        plain = b""
        for index, sealed in self.chunks():
            text, tag = sealed[:-TAG], sealed[-TAG:]
            nonce = struct.pack("<IQ", 0, index)
            aad = b"drover chunk" + nonce + struct.pack("<Q", len(text)) + self.manifest_sha256 + bytes(32)
            opened, wanted = gcm(content_key, nonce, text, aad, False)
            assert tag == wanted
            plain += opened
        return plain


def hkdf(secret, info):
    return HKDF(hashes.SHA256(), 32, None, info).derive(secret)


def agree(private, recipient):
    if recipient["method"] == X25519:
        return private.exchange(x25519.X25519PublicKey.from_public_bytes(recipient["ephemeral"]))
    return private.exchange(ec.ECDH(), ec.EllipticCurvePublicKey.from_encoded_point(ec.SECP256R1(), recipient["ephemeral"]))


def unwrap(package, recipient, key):
    if recipient["method"] == RSA_OAEP:
        oaep = padding.OAEP(padding.MGF1(hashes.SHA256()), hashes.SHA256(), package.binding(recipient))
        return key.decrypt(recipient["wrapped"], oaep)
    secret = key if recipient["method"] == AES_KW else agree(key, recipient)
    return keywrap.aes_key_unwrap(hkdf(secret, package.binding(recipient)), recipient["wrapped"])


@pytest.fixture(scope="module")
def world(tmp_path_factory):
    """Key pairs made by openssl, a model key file, a plain package."""
    folder = tmp_path_factory.mktemp("encryption")
    for name, *how in [("ec", "EC", "-pkeyopt", "ec_paramgen_curve:P-256"), ("x", "X25519"), ("rsa2048", "RSA", "-pkeyopt", "rsa_keygen_bits:2048"),
                       ("rsa4096", "RSA", "-pkeyopt", "rsa_keygen_bits:4096"), ("ed", "ED25519")]:
        openssl("genpkey", "-algorithm", *how, "-out", folder / f"{name}.pem")
        openssl("pkey", "-in", folder / f"{name}.pem", "-pubout", "-out", folder / f"{name}.pub")
    (folder / "model.key").write_text(MODEL_KEY.hex() + "\n")
    (folder / "app.img").write_bytes(os.urandom(2 * CHUNK + 77))
    good("create", folder / "plain.dfw", "1.1.0", folder / "app.img")
    return folder


def private(world, name):
    return serialization.load_pem_private_key((world / f"{name}.pem").read_bytes(), None)


KEYS = [("ec", ECDH_P256), ("x", X25519), ("rsa2048", RSA_OAEP), ("rsa4096", RSA_OAEP)]


@pytest.mark.parametrize("name,method", KEYS)
def test_another_program_opens_what_was_encrypted_for_a_device_key(world, name, method):
    good("encrypt", world / "plain.dfw", world / "sealed.dfw", world / f"{name}.pub")
    package = Package(world / "sealed.dfw")
    assert package.flags == 2
    assert package.manifest == Package(world / "plain.dfw").manifest
    recipient, = package.recipients
    der = openssl("pkey", "-pubin", "-in", world / f"{name}.pub", "-outform", "DER")
    assert recipient["method"] == method and recipient["id"] == hashlib.sha256(der).digest()
    plain = package.decrypt(unwrap(package, recipient, private(world, name)))
    assert plain == Package(world / "plain.dfw").payload
    assert good("decrypt", world / "sealed.dfw", world / "back.dfw", world / f"{name}.pem") == ""
    assert (world / "back.dfw").read_bytes() == (world / "plain.dfw").read_bytes()


def test_another_program_opens_what_was_encrypted_for_a_model_key(world):
    good("encrypt", world / "plain.dfw", world / "sealed.dfw", f"model:{world / 'model.key'}")
    package = Package(world / "sealed.dfw")
    recipient, = package.recipients
    assert recipient["method"] == AES_KW
    assert recipient["id"] == hmac.new(MODEL_KEY, b"drover model key id", hashlib.sha256).digest()
    assert package.decrypt(unwrap(package, recipient, MODEL_KEY)) == Package(world / "plain.dfw").payload


def openssl_hkdf(secret, info):
    return openssl("kdf", "-binary", "-keylen", "32", "-kdfopt", "digest:SHA256", "-kdfopt", f"hexkey:{secret.hex()}", "-kdfopt", f"hexinfo:{info.hex()}", "HKDF")


def openssl_unwrap(world, package, recipient, name):
    """The content key, by the command line alone."""
    (world / "wrapped").write_bytes(recipient["wrapped"])
    if recipient["method"] == RSA_OAEP:
        return openssl("pkeyutl", "-decrypt", "-inkey", world / f"{name}.pem", "-in", world / "wrapped", "-pkeyopt", "rsa_padding_mode:oaep",
                       "-pkeyopt", "rsa_oaep_md:sha256", "-pkeyopt", "rsa_mgf1_md:sha256", "-pkeyopt", f"rsa_oaep_label:{package.binding(recipient).hex()}")
    secret = MODEL_KEY
    if recipient["method"] != AES_KW:
        prefix = {ECDH_P256: "3059301306072a8648ce3d020106082a8648ce3d030107034200", X25519: "302a300506032b656e032100"}[recipient["method"]]
        (world / "peer.der").write_bytes(bytes.fromhex(prefix) + recipient["ephemeral"])
        openssl("pkey", "-pubin", "-inform", "DER", "-in", world / "peer.der", "-out", world / "peer.pub")
        secret = openssl("pkeyutl", "-derive", "-inkey", world / f"{name}.pem", "-peerkey", world / "peer.pub")
    key = openssl_hkdf(secret, package.binding(recipient))
    return openssl("enc", "-d", "-id-aes256-wrap", "-K", key.hex(), "-iv", "A6" * 8, "-in", world / "wrapped")


@pytest.mark.parametrize("name,method", [("model", AES_KW), *KEYS])
def test_the_openssl_command_line_unwraps_the_content_key(world, name, method):
    good("encrypt", world / "plain.dfw", world / "sealed.dfw", f"model:{world / 'model.key'}" if method == AES_KW else world / f"{name}.pub")
    package = Package(world / "sealed.dfw")
    content_key = openssl_unwrap(world, package, package.recipients[0], name)
    assert package.decrypt(content_key) == Package(world / "plain.dfw").payload


def test_the_library_opens_what_another_program_made(world):
    """The other way round: a package encrypted in Python, for a P-256 key."""
    plain = Package(world / "plain.dfw")
    content_key, fresh = os.urandom(32), ec.generate_private_key(ec.SECP256R1())
    recipient = {"method": ECDH_P256, "ephemeral": fresh.public_key().public_bytes(serialization.Encoding.X962, serialization.PublicFormat.UncompressedPoint),
                 "id": hashlib.sha256(openssl("pkey", "-pubin", "-in", world / "ec.pub", "-outform", "DER")).digest()}
    key = hkdf(fresh.exchange(ec.ECDH(), private(world, "ec").public_key()), plain.binding(recipient))
    wrapped = keywrap.aes_key_wrap(key, content_key)
    value = struct.pack("<HH", ECDH_P256, 0) + recipient["id"] + struct.pack("<H", 65) + recipient["ephemeral"] + struct.pack("<H", len(wrapped)) + wrapped
    payload = b""
    for index, text in plain.chunks(tag=0):
        nonce = struct.pack("<IQ", 0, index)
        aad = b"drover chunk" + nonce + struct.pack("<Q", len(text)) + plain.manifest_sha256 + bytes(32)
        payload += b"".join(gcm(content_key, nonce, text, aad, True))
    metadata = plain.data[64:64 + plain.metadata] + struct.pack("<HHIQ", 6, 1, 0, len(value)) + value
    body = metadata + struct.pack("<HHIQ", 16, 1, 0, len(payload)) + payload
    sections, = struct.unpack_from("<H", plain.data, 48)
    header = plain.data[:12] + struct.pack("<IQIIQQHHQ", 2, 64 + len(body) + 4, len(metadata), zlib.crc32(metadata), 64 + len(metadata),
                                           16 + len(payload), sections + 1, 1, 0)
    whole = header + struct.pack("<I", zlib.crc32(header)) + body
    (world / "foreign.dfw").write_bytes(whole + struct.pack("<I", zlib.crc32(whole)))
    good("decrypt", world / "foreign.dfw", world / "back.dfw", world / "ec.pem")
    assert (world / "back.dfw").read_bytes() == plain.data


def test_keys_that_cannot_open_are_refused_with_e_decrypt(world):
    good("encrypt", world / "plain.dfw", world / "sealed.dfw", world / "ec.pub")
    for key in ["x.pem", "rsa2048.pem", "ed.pem"]:
        (world / "none.dfw").unlink(missing_ok=True)
        refused = tool("decrypt", world / "sealed.dfw", world / "none.dfw", world / key)
        assert refused.returncode == 1 and refused.stdout.startswith("E_DECRYPT "), refused.stdout
        assert not (world / "none.dfw").exists()


def test_nothing_is_encrypted_for_a_key_that_only_signs(world):
    refused = tool("encrypt", world / "plain.dfw", world / "none.dfw", world / "ed.pub")
    assert refused.returncode == 1 and "ed25519" in refused.stdout


@pytest.mark.skipif(os.environ.get("SANITIZED") == "1", reason="a sanitizer has memory of its own")
def test_memory_does_not_grow_with_the_package(world):
    """A chunk of this package is 64 KiB: 40 MiB more of image must not cost a MiB more."""
    peaks = []
    for mib in [2, 42]:
        with open(world / "large.img", "wb") as image:
            image.truncate(mib << 20)
        good("create", world / "large.dfw", "2.0.0", world / "large.img")
        peaks.append((int(good("peak", "encrypt", world / "large.dfw", world / "large-sealed.dfw", world / "x.pub")),
                      int(good("peak", "decrypt", world / "large-sealed.dfw", world / "large-back.dfw", world / "x.pem"))))
        assert (world / "large-back.dfw").read_bytes() == (world / "large.dfw").read_bytes()
    (encrypt_small, decrypt_small), (encrypt_large, decrypt_large) = peaks
    assert encrypt_large < encrypt_small + 1024 and decrypt_large < decrypt_small + 1024, peaks
