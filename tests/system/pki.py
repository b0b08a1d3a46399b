"""A certificate authority of one test, by python3-cryptography: servers, devices, expired and revoked ones."""
import datetime
import ipaddress
import ssl

from cryptography import x509
from cryptography.hazmat.primitives import hashes, serialization
from cryptography.hazmat.primitives.asymmetric import ec
from cryptography.x509.oid import ExtendedKeyUsageOID, NameOID


def now():
    return datetime.datetime.utcnow()


def name(common_name):
    return x509.Name([x509.NameAttribute(NameOID.COMMON_NAME, common_name)])


def pem(key):
    return key.private_bytes(serialization.Encoding.PEM, serialization.PrivateFormat.PKCS8, serialization.NoEncryption())


class Authority:
    def __init__(self, folder, title="ca", signer=None):
        """A new authority; with `signer` as (certificate, key), files in PEM, one that is there, of deploy/pki or of somebody who is none."""
        folder.mkdir(exist_ok=True)
        self.folder, self.title, self.revoked = folder, title, []
        self.key = ec.generate_private_key(ec.SECP256R1()) if not signer else serialization.load_pem_private_key(signer[1].read_bytes(), None)
        self.certificate = self._self_signed() if not signer else x509.load_pem_x509_certificate(signer[0].read_bytes())
        self.file = self.write(f"{title}.pem", self.certificate.public_bytes(serialization.Encoding.PEM))

    def _self_signed(self):
        title = self.title
        return (
            x509.CertificateBuilder().subject_name(name(title)).issuer_name(name(title)).public_key(self.key.public_key())
            .serial_number(x509.random_serial_number()).not_valid_before(now() - datetime.timedelta(days=2))
            .not_valid_after(now() + datetime.timedelta(days=30)).add_extension(x509.BasicConstraints(True, None), True)
            .add_extension(x509.SubjectKeyIdentifier.from_public_key(self.key.public_key()), False)
            .add_extension(x509.KeyUsage(False, False, False, False, False, True, True, False, False), True).sign(self.key, hashes.SHA256()))

    def write(self, file, content):
        path, fresh = self.folder / file, self.folder / (file + ".new")
        fresh.write_bytes(content)
        fresh.rename(path)
        return path

    def issue(self, common_name, file=None, uris=(), server=False, days=10, begins_days=-2):
        """(path of certificate and key in one file, certificate). days < 0: expired; begins_days > 0: not yet good."""
        key = ec.generate_private_key(ec.SECP256R1())
        others = [x509.UniformResourceIdentifier(uri) for uri in uris]
        if server:
            others += [x509.DNSName("localhost"), x509.IPAddress(ipaddress.ip_address("127.0.0.1"))]
        usage = ExtendedKeyUsageOID.SERVER_AUTH if server else ExtendedKeyUsageOID.CLIENT_AUTH
        builder = (x509.CertificateBuilder().subject_name(name(common_name)).issuer_name(self.certificate.subject).public_key(key.public_key())
                   .serial_number(x509.random_serial_number()).not_valid_before(now() + datetime.timedelta(days=begins_days))
                   .not_valid_after(now() + datetime.timedelta(days=days)).add_extension(x509.BasicConstraints(False, None), True)
                   .add_extension(x509.AuthorityKeyIdentifier.from_issuer_public_key(self.key.public_key()), False)
                   .add_extension(x509.ExtendedKeyUsage([usage]), False))
        if others:
            builder = builder.add_extension(x509.SubjectAlternativeName(others), False)
        certificate = builder.sign(self.key, hashes.SHA256())
        file = self.write((file or f"{self.title}-{common_name}") + ".both.pem", certificate.public_bytes(serialization.Encoding.PEM) + pem(key))
        return file, certificate

    def revoke(self, *certificates, until_days=5):
        """Writes the list anew."""
        self.revoked += certificates
        builder = (x509.CertificateRevocationListBuilder().issuer_name(self.certificate.subject).last_update(now() - datetime.timedelta(days=2))
                   .next_update(now() + datetime.timedelta(days=until_days)))
        for certificate in self.revoked:
            builder = builder.add_revoked_certificate(x509.RevokedCertificateBuilder().serial_number(certificate.serial_number)
                                                      .revocation_date(now() - datetime.timedelta(days=1)).build())
        return self.write("crl.pem", builder.sign(self.key, hashes.SHA256()).public_bytes(serialization.Encoding.PEM))

    def client(self, own=None, versions=None):
        """An SSLContext that trusts this authority."""
        context = ssl.create_default_context(cafile=self.file)
        if own:
            context.load_cert_chain(own)
        if versions:
            context.minimum_version, context.maximum_version = versions
        return context
