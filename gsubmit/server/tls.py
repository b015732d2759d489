"""The server's side of TLS: contexts with their certificates, chosen by the name that a client asks for."""

from __future__ import annotations

import ssl
from collections.abc import Callable, Sequence
from functools import lru_cache
from ipaddress import ip_address

from gsubmit import certificates
from gsubmit.settings.blocks import Certificate, LocalName
from gsubmit.settings.sections import Settings, SslSettings

_Chooser = Callable[[ssl.SSLSocket | ssl.SSLObject, str | None, ssl.SSLContext], None]


class ServerTls:
    """All contexts: the server's own, and those of `local` and `local_name` blocks."""

    def __init__(self, settings: Settings) -> None:
        own = settings.ssl
        self._own = _context(own, own.ssl_cert, own.ssl_key, own.ssl_key_password, "ssl_cert")
        self._by_address = [
            (block.network, _block_context(own, block, f"local {block.network}"))
            for block in sorted(settings.local_addresses, key=lambda block: -block.network.prefixlen)
        ]  # the narrowest network first
        names = _by_name(own, settings.local_names)
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


def _chooser(names: dict[str, ssl.SSLContext]) -> _Chooser:
    def choose(sock: ssl.SSLSocket | ssl.SSLObject, name: str | None, _: ssl.SSLContext) -> None:
        wanted = (name or "").lower()
        context = names.get(wanted) or names.get("*." + wanted.partition(".")[2])
        if context is not None:
            sock.context = context

    return choose


def _by_name(own: SslSettings, blocks: Sequence[LocalName]) -> dict[str, ssl.SSLContext]:
    names: dict[str, ssl.SSLContext] = {}
    for block in blocks:
        context = _block_context(own, block, f"local_name {' '.join(block.names)}")
        names.update({name.lower(): context for name in block.names})
    return names


def _block_context(own: SslSettings, block: Certificate, where: str) -> ssl.SSLContext:
    return _context(own, block.ssl_cert, block.ssl_key, block.ssl_key_password, where)


def _context(own: SslSettings, cert: str, key: str, password: str, where: str) -> ssl.SSLContext:
    context = ssl.SSLContext(ssl.PROTOCOL_TLS_SERVER)
    context.minimum_version = certificates.VERSIONS[own.ssl_min_protocol]
    context.options |= ssl.OP_NO_COMPRESSION | ssl.OP_NO_RENEGOTIATION
    if not own.ssl_prefer_server_ciphers:
        context.options &= ~ssl.OP_CIPHER_SERVER_PREFERENCE
    if own.ssl_cipher_list:
        context.set_ciphers(own.ssl_cipher_list)
    certificates.load(context, cert, key, password, where)
    return context


def cipher_name(sock: ssl.SSLSocket) -> str:
    """The cipher suite by its IANA name or number, as the tls clause of Received wants it (RFC 8314 4.3)."""
    cipher = sock.cipher()
    if cipher is None:
        return ""
    return cipher[0] if cipher[0].startswith("TLS_") else _numbers().get(cipher[0], "")


@lru_cache(maxsize=1)
def _numbers() -> dict[str, str]:
    """OpenSSL's own names of TLS 1.2 suites and older, with the suite's number."""
    context = ssl.SSLContext(ssl.PROTOCOL_TLS_SERVER)
    context.set_ciphers("ALL:@SECLEVEL=0")
    return {cipher["name"]: f"0x{cipher['id'] & 0xFFFF:04X}" for cipher in context.get_ciphers()}
