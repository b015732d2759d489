"""What every TLS connection is made with, for both legs: versions, ciphers, certificates as the settings name them."""

from __future__ import annotations

import os
import ssl
from pathlib import Path

from gsubmit.settings.problem import NOWHERE, Place, Problem
from gsubmit.tls.checkup import Names, fault_of_pair
from gsubmit.tls.tlssocket import TlsSocket

VERSIONS = {
    "ANY": ssl.TLSVersion.MINIMUM_SUPPORTED,
    "TLSv1": ssl.TLSVersion.TLSv1,
    "TLSv1.1": ssl.TLSVersion.TLSv1_1,
    "TLSv1.2": ssl.TLSVersion.TLSv1_2,
    "TLSv1.3": ssl.TLSVersion.TLSv1_3,
    "LATEST": ssl.TLSVersion.MAXIMUM_SUPPORTED,
}
OLD_VERSIONS = ("ANY", "TLSv1", "TLSv1.1")  # RFC 8996

# Forward secrecy, AES or ChaCha20, no SHA-1, keys of 2048 bits and more (level 2). It is what CPython's ssl chooses by
# itself, but not in every build: Debian's takes OpenSSL's choice, which has RSA key exchange and SHA-1.
CIPHERS = "@SECLEVEL=2:ECDH+AESGCM:ECDH+CHACHA20:ECDH+AES:DHE+AES:!aNULL:!eNULL:!aDSS:!SHA1:!AESCCM"
OLD_CIPHERS = "DEFAULT"  # OpenSSL's choice: TLS before 1.2 has no cipher without SHA-1
_LEVEL = "@SECLEVEL"
_OLD_LEVEL = "@SECLEVEL=0"  # above it OpenSSL 3 refuses the signatures of TLS before 1.2, which have SHA-1


SERVER = Names("ssl_cert", "ssl_key", "ssl_key_password")
SERVER_ALT = Names("ssl_alt_cert", "ssl_alt_key", "ssl_key_password")
CLIENT = Names("ssl_client_cert", "ssl_client_key")


class CertificateError(Exception):
    """A certificate or key that cannot be used; the text names it, and its setting."""

    def __init__(self, text: str, place: Place = NOWHERE) -> None:
        self.problem = Problem(place, text)
        super().__init__(text if place == NOWHERE else str(self.problem))


def load(context: ssl.SSLContext, cert: str, key: str, password: str, names: Names) -> None:
    """Give `context` a certificate with its key, both PEM, of the settings `names`. Raises CertificateError."""
    try:
        with _InMemory(cert) as cert_path, _InMemory(key) as key_path:
            # Without a callback OpenSSL would ask on the terminal.
            context.load_cert_chain(cert_path, key_path, password=lambda: password)
    except (OSError, ValueError) as error:
        which, why = fault_of_pair(cert, key, password, names, error)
        place = getattr((cert, key)[which], "place", NOWHERE)
        raise CertificateError(f"{names[which]}: {why}", place) from error


def load_authorities(context: ssl.SSLContext, authorities: str, where: str) -> None:
    """Have `context` verify with these CA certificates and CRLs, PEM, and with no others. Raises CertificateError."""
    try:
        with _InMemory(authorities) as path:  # what is given as text is searched for certificates only, not for CRLs
            context.load_verify_locations(path)
    except (OSError, ValueError) as error:
        raise CertificateError(f"{where}: cannot use the CA certificates: {plain_words(error)}") from error
    if not context.cert_store_stats()["x509"]:
        raise CertificateError(f"{where}: holds no CA certificate")


def new_context(side: int, min_protocol: str = "TLSv1.2", ciphers: str = "") -> ssl.SSLContext:
    """What every context of ours begins with; `side` is ssl.PROTOCOL_TLS_CLIENT or ssl.PROTOCOL_TLS_SERVER.

    Nothing is left to the defaults of one Python or another. `ciphers` keep security level 2 unless they name a level
    or `min_protocol` needs level 0.
    """
    context = ssl.SSLContext(side)
    context.sslsocket_class = TlsSocket
    context.options |= ssl.OP_NO_COMPRESSION | ssl.OP_NO_RENEGOTIATION
    context.verify_flags = ssl.VERIFY_X509_TRUSTED_FIRST  # OpenSSL's own, without RFC 5280's last details
    context.minimum_version = VERSIONS[min_protocol]
    context.set_ciphers(CIPHERS)
    if min_protocol in OLD_VERSIONS:
        ciphers = ciphers or OLD_CIPHERS
        ciphers += "" if _LEVEL in ciphers else f":{_OLD_LEVEL}"
    if ciphers:
        context.set_ciphers(ciphers)
    return context


def client_context(
    ca_file: str, ca_dir: str, *, verify: bool = True, min_protocol: str = "TLSv1.2", ciphers: str = ""
) -> ssl.SSLContext:
    """TLS for connections that we make, trusting these CA certificates, or the system's where neither is named.

    Raises CertificateError.
    """
    context = new_context(ssl.PROTOCOL_TLS_CLIENT, min_protocol, ciphers)
    try:
        if ca_file or ca_dir:
            context.load_verify_locations(ca_file or None, ca_dir or None)
        else:
            context.load_default_certs(ssl.Purpose.SERVER_AUTH)
    except OSError as error:
        text = f"cannot use the CA certificates in {ca_file or ca_dir}: {plain_words(error)}"
        raise CertificateError(text) from error
    if ca_dir and not (Path(ca_dir).is_dir() and os.access(ca_dir, os.R_OK | os.X_OK)):
        raise CertificateError(f"cannot use the CA certificates in {ca_dir}: not a folder that can be read")
    if not verify:
        context.check_hostname = False
        context.verify_mode = ssl.CERT_NONE
    return context


def server_name(host: str) -> str:
    """The name that the certificate of a server must have, and that it is told (SNI), by the host that was configured.

    Without the dot that keeps DNS from search lists (RFC 6066 3), the brackets and the scope of an IPv6 address.
    """
    name = host.removeprefix("[").removesuffix("]")
    return name.partition("%")[0] if ":" in name else name.removesuffix(".")


def plain_words(error: OSError | ValueError) -> str:
    """What went wrong in TLS, without the file names and codes of OpenSSL's sentences."""
    if isinstance(error, ssl.SSLCertVerificationError):
        return f"certificate verify failed: {error.verify_message}"
    if reason := getattr(error, "reason", None):  # only errors that OpenSSL makes have one
        return str(reason).replace("_", " ").lower()
    return getattr(error, "strerror", None) or str(error)


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
