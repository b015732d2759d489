"""Certificates and TLS versions as the settings name them, for both legs."""

from __future__ import annotations

import os
import ssl

VERSIONS = {
    "ANY": ssl.TLSVersion.MINIMUM_SUPPORTED,
    "TLSv1": ssl.TLSVersion.TLSv1,
    "TLSv1.1": ssl.TLSVersion.TLSv1_1,
    "TLSv1.2": ssl.TLSVersion.TLSv1_2,
    "TLSv1.3": ssl.TLSVersion.TLSv1_3,
    "LATEST": ssl.TLSVersion.MAXIMUM_SUPPORTED,
}


class CertificateError(Exception):
    """A certificate or key that cannot be used; the text names it."""


def load(context: ssl.SSLContext, cert: str, key: str, password: str, where: str) -> None:
    """Give `context` a certificate with its key, both PEM. Raises CertificateError, which begins with `where`."""
    try:
        with _InMemory(cert) as cert_path, _InMemory(key) as key_path:
            # Without a callback OpenSSL would ask on the terminal.
            context.load_cert_chain(cert_path, key_path, password=lambda: password)
    except (OSError, ValueError) as error:
        raise CertificateError(f"{where}: cannot use the certificate and key: {error}") from error


def load_authorities(context: ssl.SSLContext, authorities: str, where: str) -> None:
    """Have `context` verify with these CA certificates and CRLs, PEM, and with no others. Raises CertificateError."""
    try:
        with _InMemory(authorities) as path:  # what is given as text is searched for certificates only, not for CRLs
            context.load_verify_locations(path)
    except (OSError, ValueError) as error:
        raise CertificateError(f"{where}: cannot use the CA certificates: {error}") from error
    if not context.cert_store_stats()["x509"]:
        raise CertificateError(f"{where}: holds no CA certificate")


def client_context(ca_file: str, ca_dir: str, *, verify: bool = True) -> ssl.SSLContext:
    """TLS for connections that we make, trusting these CA certificates, or the system's where neither is named.

    Raises CertificateError.
    """
    try:
        context = ssl.create_default_context(cafile=ca_file or None, capath=ca_dir or None)
    except OSError as error:
        raise CertificateError(f"cannot use the CA certificates in {ca_file or ca_dir}: {error}") from error
    if not verify:
        context.check_hostname = False
        context.verify_mode = ssl.CERT_NONE
    return context


class _InMemory:
    """A file with this text that never touches a disk: keys may have been read before privileges were dropped."""

    def __init__(self, text: str) -> None:
        self._text = text

    def __enter__(self) -> str:
        self._fd = os.memfd_create("pem")
        os.write(self._fd, self._text.encode())
        return f"/proc/self/fd/{self._fd}"

    def __exit__(self, *_: object) -> None:
        os.close(self._fd)
