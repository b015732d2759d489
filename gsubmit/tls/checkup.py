"""What is wrong with a certificate and its key, in words for people: OpenSSL's own name neither file nor cause."""

from __future__ import annotations

import datetime
import re
from collections.abc import Iterable, Iterator
from typing import NamedTuple

from cryptography import x509
from cryptography.exceptions import UnsupportedAlgorithm
from cryptography.hazmat.primitives.serialization import Encoding, PublicFormat, load_pem_private_key

from gsubmit.settings.declare import FileContent

SOON = datetime.timedelta(days=30)  # before its end a certificate should have been renewed

_PEM = re.compile("-----BEGIN (X509 )?CERTIFICATE-----.*?-----END (X509 )?CERTIFICATE-----", re.DOTALL)
_KEY, _CERTIFICATE = "PRIVATE KEY-----", "CERTIFICATE-----"

_WORDS = {
    "EE_KEY_TOO_SMALL": "its key is too short for OpenSSL's security level, see ssl_cipher_list",
    "CA_KEY_TOO_SMALL": "the key of a certificate in its chain is too short, see ssl_cipher_list",
    "CA_MD_TOO_WEAK": "a signature in its chain is too weak (SHA-1 or MD5), see ssl_cipher_list",
}


class Names(NamedTuple):
    """The settings of a certificate, of its key, and of the key's password, if it has one."""

    cert: str
    key: str
    password: str = ""


def place_of(content: str) -> str:
    """How a text is called: by the file that it was read from."""
    path = content.path if isinstance(content, FileContent) else None
    return str(path) if path else "the configuration"


def fault_of_pair(cert: str, key: str, password: str, names: Names, error: Exception) -> tuple[int, str]:
    """Why OpenSSL refuses the two with `error`: which of them is wrong, 0 for the certificate or 1, and why."""
    where, where_key = place_of(cert), place_of(key)
    if _CERTIFICATE not in cert:
        swapped = f"{where} holds a private key; are {names.cert} and {names.key} swapped?"
        return 0, swapped if _KEY in cert else f"{where} holds no certificate"
    if _KEY not in key:
        if not key:
            return 0, f"{names.key}, the key of the certificate in {where}, is missing"
        what = "a certificate, and no private key" if _CERTIFICATE in key else "no private key"
        return 1, f"{where_key} holds {what}"
    try:
        certificate = x509.load_pem_x509_certificate(cert.encode())
    except ValueError:
        return 0, f"the certificate in {where} is damaged"
    try:
        private = load_pem_private_key(key.encode(), password.encode() if password and "ENCRYPTED" in key else None)
    except TypeError:
        advice = f"set {names.password}" if names.password else "store it without one (openssl pkey)"
        return 1, f"{where_key} has a password: {advice}"
    except (ValueError, UnsupportedAlgorithm):
        if "ENCRYPTED" in key:
            return 1, f"{names.password} is not the password of {where_key}"
        return 1, f"the private key in {where_key} is damaged"
    ours, theirs = (
        public.public_bytes(Encoding.DER, PublicFormat.SubjectPublicKeyInfo)
        for public in (private.public_key(), certificate.public_key())
    )
    if ours != theirs:
        return 1, f"{where_key} is not the key of the certificate in {where}"
    code = getattr(error, "reason", None) or ""
    return 0, f"{where} cannot be used: {_WORDS.get(code) or code.replace('_', ' ').lower() or 'OpenSSL refuses it'}"


def certificates_in(text: str) -> list[x509.Certificate]:
    """The certificates in a PEM text, the server's own first; none where a form is too old to be read here."""
    try:
        return [x509.load_pem_x509_certificate(pem[0].encode()) for pem in _PEM.finditer(text)]
    except ValueError:
        return []


def lifetime(certificate: x509.Certificate) -> tuple[datetime.datetime, datetime.datetime]:
    """From when and until when it is valid, in UTC."""
    try:
        return certificate.not_valid_before_utc, certificate.not_valid_after_utc
    except AttributeError:  # cryptography before 42, as Debian 12 has it
        begin, end = certificate.not_valid_before, certificate.not_valid_after
        return begin.replace(tzinfo=datetime.UTC), end.replace(tzinfo=datetime.UTC)


def expiry(found: list[x509.Certificate], where: str, now: datetime.datetime) -> tuple[str, str]:
    """What is wrong with the time: for an error, and for a warning; empty where nothing is."""
    begin, end = lifetime(found[0])
    if end < now:
        return f"the certificate in {where} expired on {end:%Y-%m-%d}", ""
    if begin > now:
        return f"the certificate in {where} is not valid before {begin:%Y-%m-%d %H:%M} UTC", ""
    for further in found[1:]:
        if (its_end := lifetime(further)[1]) < now:
            name = further.subject.rfc4514_string()
            return "", f"{name}, in the chain in {where}, expired on {its_end:%Y-%m-%d}"
    if end - now < SOON:
        return "", f"the certificate in {where} expires on {end:%Y-%m-%d}, in {(end - now).days} days"
    return "", ""


def names_of(certificate: x509.Certificate) -> list[str]:
    """Whom it is for, in small letters: DNS names and addresses, or else its common names, which few clients take."""
    try:
        alternative = certificate.extensions.get_extension_for_class(x509.SubjectAlternativeName).value
    except (x509.ExtensionNotFound, ValueError):
        return [str(name.value).lower() for name in certificate.subject if name.oid == x509.NameOID.COMMON_NAME]
    return [
        *(name.lower() for name in alternative.get_values_for_type(x509.DNSName)),
        *(str(address) for address in alternative.get_values_for_type(x509.IPAddress)),
    ]


def is_for(names: Iterable[str], host: str) -> bool:
    """Whether a certificate for these names is one for this host; `*.` stands for one label."""
    host = host.lower().removesuffix(".")
    return not {host, "*." + host.partition(".")[2]}.isdisjoint(names)


def strangers(certificate: x509.Certificate, hosts: Iterable[str]) -> Iterator[str]:
    """Those of the hosts that a certificate is not for."""
    names = names_of(certificate)
    return (host for host in hosts if not is_for(names, host))
