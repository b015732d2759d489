"""What a TLS connection is made of: version, cipher, and the certificate that the server showed."""

from __future__ import annotations

import ssl
from dataclasses import dataclass
from datetime import UTC, datetime

from cryptography import x509

from gsubmit.tls.checkup import lifetime


@dataclass(frozen=True)
class Certificate:
    """The server's own certificate, as people want to see it."""

    subject: str
    issuer: str
    names: tuple[str, ...]
    expires: datetime

    @classmethod
    def of(cls, der: bytes) -> Certificate:
        """Read it from its DER form. Raises ValueError."""
        read = x509.load_der_x509_certificate(der)
        return cls(
            subject=read.subject.rfc4514_string() or "(empty)",
            issuer=read.issuer.rfc4514_string() or "(empty)",
            names=_alternative_names(read),
            expires=lifetime(read)[1],
        )


def _alternative_names(certificate: x509.Certificate) -> tuple[str, ...]:
    try:
        names = certificate.extensions.get_extension_for_class(x509.SubjectAlternativeName).value
    except x509.ExtensionNotFound:
        return ()
    hosts = names.get_values_for_type(x509.DNSName)
    addresses = names.get_values_for_type(x509.IPAddress)
    return (*hosts, *map(str, addresses))


@dataclass(frozen=True)
class TlsFacts:
    """One TLS connection. `trust` says why the certificate counts as verified, or why not."""

    version: str
    cipher: str
    certificate: Certificate | None
    verified: bool
    trust: str

    @classmethod
    def of(cls, secured: ssl.SSLSocket, verified: bool, trust: str) -> TlsFacts:
        """Ask a socket whose handshake is done."""
        der = secured.getpeercert(binary_form=True)
        cipher = secured.cipher()
        try:
            certificate = Certificate.of(der) if der else None
        except ValueError:  # it was good enough for OpenSSL, but has a field that nobody can read
            certificate = None
        return cls(secured.version() or "unknown", cipher[0] if cipher else "unknown", certificate, verified, trust)

    def lines(self) -> list[str]:
        """The facts for people."""
        told = [f"{self.version}, {self.cipher}"]
        if self.certificate is not None:
            told += [
                f"subject   {self.certificate.subject}",
                f"issuer    {self.certificate.issuer}",
                f"names     {', '.join(self.certificate.names) or '(none)'}",
                f"expires   {_expiry(self.certificate.expires)}",
            ]
        return [*told, f"{'verified' if self.verified else 'not verified'}: {self.trust}"]


def _expiry(expires: datetime) -> str:
    days = (expires - datetime.now(UTC)).days
    return f"{expires:%Y-%m-%d} ({f'in {days} days' if days >= 0 else f'{-days} days ago'})"
