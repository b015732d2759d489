"""The server's side of TLS: contexts with their certificates, chosen by the name that a client asks for."""

from __future__ import annotations

import re
import ssl
from collections.abc import Callable, Sequence
from functools import lru_cache
from ipaddress import ip_address

from gsubmit.settings.blocks import LocalName
from gsubmit.settings.sections import Settings
from gsubmit.settings.tls import Certificate, SslSettings
from gsubmit.tls import certificates, tickets

_Chooser = Callable[[ssl.SSLSocket | ssl.SSLObject, str | None, ssl.SSLContext], None]


class ServerTls:
    """All contexts: the server's own, and those of `local` and `local_name` blocks.

    With a secret others that have it, and the same settings, take the session tickets of this one.
    """

    def __init__(self, settings: Settings, ticket_secret: bytes = b"") -> None:
        own = settings.ssl
        self._ticket_secret = ticket_secret
        self._number = 0  # of contexts so far
        self._leaves: dict[ssl.SSLContext, bytes] = {}
        self._own = self._context(own, own)
        self._by_address = [
            (block.network, self._context(own, block))
            for block in sorted(settings.local_addresses, key=lambda block: -block.network.prefixlen)
        ]  # the narrowest network first
        names = self._by_name(own, settings.local_names)
        if names:
            for context in [self._own, *(context for _, context in self._by_address)]:
                context.sni_callback = _chooser(names)

    def context(self, local_ip: str) -> ssl.SSLContext:
        """The context for a connection that arrived at `local_ip`."""
        if self._by_address:
            address = ip_address(local_ip)
            for network, context in self._by_address:
                if address in network:
                    return context
        return self._own

    def certificate(self, sock: ssl.SSLSocket) -> bytes:
        """Our certificate on this connection, DER, for channel bindings (RFC 5929 4); empty if it may be one of two."""
        return self._leaves.get(sock.context, b"")

    def _by_name(self, own: SslSettings, blocks: Sequence[LocalName]) -> dict[str, ssl.SSLContext]:
        names: dict[str, ssl.SSLContext] = {}
        for block in blocks:
            context = self._context(own, block)
            names.update({_comparable(name): context for name in block.names})
        return names

    def _context(self, own: SslSettings, shown: Certificate) -> ssl.SSLContext:
        context = _context(own)
        load_pairs(context, shown)
        if self._ticket_secret:
            tickets.use_keys(context, self._ticket_secret, self._number)
        self._number += 1
        if not shown.ssl_alt_cert:
            self._leaves[context] = _leaf(shown.ssl_cert)
        return context


def load_pairs(context: ssl.SSLContext, shown: Certificate) -> None:
    """Give `context` the certificate and, if there is one, the second. Raises CertificateError."""
    password = shown.ssl_key_password
    certificates.load(context, shown.ssl_cert, shown.ssl_key, password, certificates.SERVER)
    if shown.ssl_alt_cert:
        certificates.load(context, shown.ssl_alt_cert, shown.ssl_alt_key, password, certificates.SERVER_ALT)


# What OpenSSL takes for the first certificate of a file.
_CERTIFICATE = re.compile(
    r"-----BEGIN (?:X509 |TRUSTED )?CERTIFICATE-----[^-]*-----END (?:X509 |TRUSTED )?CERTIFICATE-----"
)


def _leaf(pem: str) -> bytes:
    """The DER of the first certificate, empty when it has one of the old labels (a trusted one is more than DER)."""
    found = _CERTIFICATE.search(pem)
    try:
        return ssl.PEM_cert_to_DER_cert(found[0]) if found else b""
    except ValueError:
        return b""


def _chooser(names: dict[str, ssl.SSLContext]) -> _Chooser:
    def choose(sock: ssl.SSLSocket | ssl.SSLObject, name: str | None, _: ssl.SSLContext) -> None:
        wanted = _comparable(name or "")
        context = names.get(wanted) or names.get("*." + wanted.partition(".")[2])
        if context is not None:
            sock.context = context

    return choose


def _comparable(name: str) -> str:
    """A name so that two can be compared; some clients leave its last dot on, against RFC 6066 3."""
    return name.lower().removesuffix(".")


def _context(own: SslSettings) -> ssl.SSLContext:
    context = certificates.new_context(ssl.PROTOCOL_TLS_SERVER, own.ssl_min_protocol, own.ssl_cipher_list)
    context.num_tickets = 1  # of OpenSSL's two the second is for a client that comes back with two connections at once
    if not own.ssl_prefer_server_ciphers:
        context.options &= ~ssl.OP_CIPHER_SERVER_PREFERENCE
    if own.ssl_verify_client_cert:
        _ask_for_certificates(context, own)
    return context


def _ask_for_certificates(context: ssl.SSLContext, own: SslSettings) -> None:
    """Verify the certificate of a client that has one, also whether it is one for clients (RFC 5280 4.2.1.12).

    When a name chooses another context, OpenSSL takes the CAs from that one and goes on as the first one asked and
    checked. So this must be the same for all contexts.
    """
    certificates.load_authorities(context, own.ssl_ca, "ssl_ca")
    if own.ssl_require_crl:
        context.verify_flags |= ssl.VERIFY_CRL_CHECK_CHAIN
    context.verify_mode = ssl.CERT_OPTIONAL


def cipher_name(sock: ssl.SSLSocket) -> str:
    """The cipher suite by its IANA name or number, as the tls clause of Received wants it (RFC 8314 4.3)."""
    cipher = sock.cipher()
    if cipher is None:
        return ""
    return cipher[0] if cipher[0].startswith("TLS_") else cipher_numbers().get(cipher[0], "")


@lru_cache(maxsize=1)
def cipher_numbers() -> dict[str, str]:
    """OpenSSL's own names of TLS 1.2 suites and older, with the suite's number."""
    context = ssl.SSLContext(ssl.PROTOCOL_TLS_SERVER)
    context.set_ciphers("ALL:@SECLEVEL=0")
    return {cipher["name"]: f"0x{cipher['id'] & 0xFFFF:04X}" for cipher in context.get_ciphers()}


def shaken(sock: ssl.SSLSocket) -> ssl.SSLSocket:
    """The socket after its handshake; closed when something ends that, for nobody else has it yet."""
    try:
        sock.do_handshake()
    except BaseException:
        sock.close()
        raise
    return sock
