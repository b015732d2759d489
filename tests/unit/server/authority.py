"""A CA for tests that writes certificates and CRLs with any content."""

from __future__ import annotations

import datetime
from dataclasses import dataclass, field

import trustme
from cryptography import x509
from cryptography.hazmat.primitives.asymmetric import ec
from cryptography.hazmat.primitives.hashes import SHA256
from cryptography.hazmat.primitives.serialization import Encoding, NoEncryption, PrivateFormat, load_pem_private_key
from cryptography.x509.name import _ASN1Type
from cryptography.x509.oid import ExtendedKeyUsageOID, NameOID

DAY = datetime.timedelta(days=1)
NOW = datetime.datetime.now(datetime.UTC).replace(microsecond=0)
CN, UID, MAIL, ORGANIZATION = NameOID.COMMON_NAME, NameOID.USER_ID, NameOID.EMAIL_ADDRESS, NameOID.ORGANIZATION_NAME
CLIENT, SERVER = ExtendedKeyUsageOID.CLIENT_AUTH, ExtendedKeyUsageOID.SERVER_AUTH


def rdn(oid: x509.ObjectIdentifier, value: str, kind: _ASN1Type | None = None) -> x509.RelativeDistinguishedName:
    return x509.RelativeDistinguishedName([x509.NameAttribute(oid, value, kind, _validate=False)])


@dataclass
class Authority:
    """A CA that writes certificates with any content."""

    ca: trustme.CA = field(default_factory=trustme.CA)

    @property
    def pem(self) -> str:
        return self.ca.cert_pem.bytes().decode()

    @property
    def certificate(self) -> x509.Certificate:
        return x509.load_pem_x509_certificate(self.ca.cert_pem.bytes())

    @property
    def key(self) -> ec.EllipticCurvePrivateKey:
        key = load_pem_private_key(self.ca.private_key_pem.bytes(), None)
        assert isinstance(key, ec.EllipticCurvePrivateKey)
        return key

    def issue(
        self,
        *subject: x509.RelativeDistinguishedName,
        until: datetime.datetime = NOW + DAY,
        purpose: x509.ObjectIdentifier = CLIENT,
    ) -> bytes:
        """Key and certificate, PEM."""
        key = ec.generate_private_key(ec.SECP256R1())
        builder = (
            x509.CertificateBuilder()
            .subject_name(x509.Name([*subject]))
            .issuer_name(self.certificate.subject)
            .public_key(key.public_key())
            .serial_number(x509.random_serial_number())
            .not_valid_before(NOW - 2 * DAY)
            .not_valid_after(until)
            .add_extension(x509.ExtendedKeyUsage([purpose]), critical=False)
        )
        written = builder.sign(self.key, SHA256()).public_bytes(Encoding.PEM)
        return key.private_bytes(Encoding.PEM, PrivateFormat.PKCS8, NoEncryption()) + written

    def crl(self, *revoked: bytes, until: datetime.datetime = NOW + DAY) -> str:
        builder = x509.CertificateRevocationListBuilder().issuer_name(self.certificate.subject)
        builder = builder.last_update(NOW - 2 * DAY).next_update(until)
        for pem in revoked:
            serial = x509.load_pem_x509_certificate(pem).serial_number
            entry = x509.RevokedCertificateBuilder().serial_number(serial).revocation_date(NOW - DAY).build()
            builder = builder.add_revoked_certificate(entry)
        return builder.sign(self.key, SHA256()).public_bytes(Encoding.PEM).decode()
