"""deploy/pki as an operator uses it: what is in its certificates, what it refuses, that nothing is overwritten, and that several at a time do no harm."""
import stat
import subprocess
import time

import pytest
from cryptography import x509
from cryptography.hazmat.primitives.asymmetric import ec
from cryptography.x509.oid import ExtendedKeyUsageOID, ExtensionOID, NameOID

from fleet import ROOT

TOOL = ROOT / "deploy/pki"
DAY_S = 86400


def run(*arguments):
    return subprocess.run([TOOL, *map(str, arguments)], capture_output=True, text=True, timeout=60, stdin=subprocess.DEVNULL, check=False)


class Folder:
    def __init__(self, path):
        self.path = path
        self("init")

    def __call__(self, command, *arguments):
        done = run(command, self.path, *arguments)
        assert done.returncode == 0 and done.stderr == "", done.stderr
        return done.stdout

    def refused(self, *arguments):
        """What it says; nothing has changed."""
        before = self.content()
        done = run(arguments[0], self.path, *arguments[1:])
        assert done.returncode == 1 and done.stdout == "" and done.stderr.startswith("pki: ") and done.stderr.count("\n") == 1, done
        assert self.content() == before
        return done.stderr

    def content(self):
        return {path: path.read_bytes() for path in self.path.glob("*.*")}

    def certificate(self, name):
        return x509.load_pem_x509_certificate((self.path / f"{name}.pem").read_bytes())

    def verifies(self, name, purpose="sslclient"):
        return subprocess.run(["openssl", "verify", "-x509_strict", "-purpose", purpose, "-crl_check", "-CAfile", self.path / "ca.pem", "-CRLfile",
                               self.path / "crl.pem", self.path / f"{name}.pem"], capture_output=True, check=False).returncode == 0

    def revoked(self):
        return {one.serial_number for one in x509.load_pem_x509_crl((self.path / "crl.pem").read_bytes())}


@pytest.fixture
def folder(tmp_path):
    return Folder(tmp_path / "pki")


def test_what_is_in_a_certificate(folder):
    folder("server", "broker", "--san", "mqtt.example.org", "--san", "10.1.2.3", "--san", "::1")
    folder("device", "Kitchen-1.a_b", "d2")
    folder("device", "d3", "--spiffe", "fleet.example", "--days", "20")
    folder("client", "drover-1")
    kinds = {"broker": ("server", ExtendedKeyUsageOID.SERVER_AUTH, 365), "Kitchen-1.a_b": ("device", ExtendedKeyUsageOID.CLIENT_AUTH, 3650),
             "d3": ("device", ExtendedKeyUsageOID.CLIENT_AUTH, 20), "drover-1": ("client", ExtendedKeyUsageOID.CLIENT_AUTH, 365)}
    for name, (kind, usage, days) in kinds.items():
        certificate = folder.certificate(name)
        assert [attribute.value for attribute in certificate.subject] == [kind, name]
        assert certificate.subject.get_attributes_for_oid(NameOID.COMMON_NAME)[0].value == name
        assert isinstance(certificate.public_key().curve, ec.SECP256R1) and certificate.signature_hash_algorithm.name == "sha256"
        assert list(certificate.extensions.get_extension_for_oid(ExtensionOID.EXTENDED_KEY_USAGE).value) == [usage]
        assert certificate.extensions.get_extension_for_oid(ExtensionOID.BASIC_CONSTRAINTS).value.ca is False
        begins, ends = certificate.not_valid_before, certificate.not_valid_after
        assert abs((ends - begins).total_seconds() - 3600 - days * DAY_S) < 60, "an hour for clocks that are behind"
        assert stat.S_IMODE((folder.path / f"{name}.key").stat().st_mode) == 0o600
        assert folder.verifies(name, "sslserver" if kind == "server" else "sslclient")
        assert not folder.verifies(name, "sslclient" if kind == "server" else "sslserver"), "a device cannot play the broker"
    names = folder.certificate("broker").extensions.get_extension_for_oid(ExtensionOID.SUBJECT_ALTERNATIVE_NAME).value
    assert [str(name.value) for name in names] == ["mqtt.example.org", "10.1.2.3", "::1"]
    (uri,) = folder.certificate("d3").extensions.get_extension_for_oid(ExtensionOID.SUBJECT_ALTERNATIVE_NAME).value
    assert uri.value == "spiffe://fleet.example/device/d3"
    assert len({folder.certificate(name).serial_number for name in kinds}) == len(kinds)
    assert stat.S_IMODE((folder.path / "authority").stat().st_mode) == 0o700
    assert stat.S_IMODE((folder.path / "authority" / "ca.key").stat().st_mode) == 0o600


def test_what_it_refuses_and_says(folder, tmp_path):
    folder("device", "d1")
    for bad in ("", "-x", ".x", "a/b", "../x", "a b", "a\nb", "a,CN=b", "é", "x" * 65, "a$b", "#", "+"):
        done = run("device", folder.path, "--", bad)
        assert done.returncode == 1 and "is no device name" in done.stderr, bad
    folder("device", "x" * 64)
    assert "authority's own file" in folder.refused("device", "ca") and "authority's own file" in folder.refused("client", "crl")
    for service in ("drover", "drover-1", "dashboard"):
        assert "that name is a service's" in folder.refused("device", service)
    assert "d1.pem is already there" in folder.refused("device", "d1") and "renew" in folder.refused("device", "d1")
    assert "already there" in folder.refused("client", "d1") and "already there" in folder.refused("init")
    assert "d1.pem is already there" in folder.refused("device", "d7", "d1"), "and d7 was not made"
    assert "given twice" in folder.refused("device", "d8", "d8")
    (folder.path / "d9.key").write_text("somebody's key")
    assert "d9.key is already there" in folder.refused("device", "d9")
    assert "no certificate called 'nobody'" in folder.refused("revoke", "nobody")
    assert "is not revoked" in folder.refused("forget", "d1")
    for bad in ("a b", "-x.org", "x" * 254, "https://a b", "*"):
        assert "--san" in folder.refused("server", "s1", f"--san={bad}")
    assert "holds no authority" in run("device", tmp_path / "elsewhere", "d1").stderr
    assert "openssl takes no folder" in run("init", tmp_path / "with blank").stderr and not (tmp_path / "with blank").exists()
    for days in ("0", "-1", "x", "40000"):
        assert run("device", folder.path, "d5", "--days", days).returncode == 2


def test_renewed_and_revoked_and_used_again(folder):
    folder("server", "broker", "--san", "mqtt.example.org", "--san", "10.1.2.3")
    folder("device", "d1")
    before, key = folder.certificate("broker"), (folder.path / "broker.key").read_bytes()
    folder("renew", "broker", "--days", "30")
    after = folder.certificate("broker")
    assert after.serial_number != before.serial_number and after.subject == before.subject and (folder.path / "broker.key").read_bytes() == key
    san = ExtensionOID.SUBJECT_ALTERNATIVE_NAME
    assert after.extensions.get_extension_for_oid(san).value == before.extensions.get_extension_for_oid(san).value
    folder("renew", "broker", "--new-key")
    assert (folder.path / "broker.key").read_bytes() != key and folder.verifies("broker", "sslserver")
    assert [line.split()[:3] for line in folder("list").splitlines()] == [["broker", "server", "365"], ["broker", "server", "30"], ["broker", "server", "365"],
                                                                           ["d1", "device", "3650"]]
    assert [line.split()[0] for line in folder("list", "--within", "60").splitlines()] == ["broker"]
    folder("revoke", "broker")
    assert len(folder.revoked()) == 3 and not folder.verifies("broker", "sslserver") and folder.verifies("d1"), "all of them"
    assert "is revoked" in folder.refused("renew", "broker")
    folder("forget", "broker")
    folder("server", "broker")
    assert folder.verifies("broker", "sslserver") and len(folder.revoked()) == 3
    # Two lists of one second would be the same to OpenSSL.
    times = []
    for _ in range(2):
        folder("crl", "--crl-days", "7")
        times.append(x509.load_pem_x509_crl((folder.path / "crl.pem").read_bytes()).last_update)
    assert times[1] > times[0] and len(folder.revoked()) == 3


def test_many_at_a_time(folder):
    begun = time.monotonic()
    ids = [f"d{number:03}" for number in range(100)]
    (folder.path / "ids.txt").write_text("\n".join(ids[:60]) + "\n")
    runs = [subprocess.Popen([TOOL, "device", folder.path, *words], stdin=subprocess.DEVNULL)
            for words in (["--ids", folder.path / "ids.txt"], ids[60:80], ids[80:])]
    assert [one.wait(60) for one in runs] == [0, 0, 0]
    assert len({folder.certificate(name).serial_number for name in ids}) == 100 and len(folder("list").splitlines()) == 100
    assert all(folder.verifies(name) for name in ids[::25])
    assert time.monotonic() - begun < 30
