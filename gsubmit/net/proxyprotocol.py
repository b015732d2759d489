"""The PROXY protocol, versions 1 and 2: what a front end such as haproxy says of its client before all else (PPX)."""

from __future__ import annotations

import re
import struct
import time
from collections.abc import Iterator
from ipaddress import IPv4Address, IPv6Address
from socket import MSG_PEEK, socket
from typing import NamedTuple

SIGNATURE = b"\r\n\r\n\0\r\nQUIT\n"  # of version 2, section 2.2
_V1 = b"PROXY "
_FIRST = len(SIGNATURE)  # octets that every header has, and that tell the version
_FIXED = 16  # octets of a header of version 2 before its addresses
MAX_V1 = 107  # octets with CRLF, section 2.1
MAX_V2 = 4096  # octets behind the first 16; certificates are not sent in practice

_PORT = r"(0|[1-9][0-9]{0,4})"
_V1_LINE = re.compile(rf"PROXY (TCP4|TCP6) ([0-9A-Fa-f.:]+) ([0-9A-Fa-f.:]+) {_PORT} {_PORT}")
_V1_UNKNOWN = re.compile(rb"PROXY UNKNOWN(?: .*)?", re.DOTALL)
_LOCAL, _PROXY = 0, 1
_FAMILIES, _PROTOCOLS = range(4), range(3)
_ADDRESSES = {0x11: ">4s4sHH", 0x21: ">16s16sHH"}  # TCP over IPv4 and over IPv6
_ADDRESS_OCTETS = {1: 12, 2: 36, 3: 216}  # by family: those of unix sockets tell us nothing, and have to be there
_AUTHORITY, _CRC32C, _SSL, _SSL_VERSION, _SSL_NAME = 0x02, 0x03, 0x20, 0x21, 0x22
_HAS_TLS, _HAS_CERTIFICATE = 0x01, 0x06
_POLYNOMIAL = 0x82F63B78  # of CRC32C, reflected (RFC 3720 12.1)


class NotProxied(Exception):
    """No header, or none that can be understood: the connection ends without a word. The text is for the log."""


class Place(NamedTuple):
    """An IP address, as text, and a port."""

    ip: str
    port: int


class Proxied(NamedTuple):
    """What the front end says. Without `client` and `server` the connection's own ends count.

    `tls` is the version of TLS that the client has spoken with the front end, or empty; `name` the common name of the
    certificate that it has shown there, if that was verified; `authority` the server's name that it asked for (SNI).
    """

    client: Place | None = None
    server: Place | None = None
    tls: str = ""
    name: str = ""
    authority: str = ""


def read_header(sock: socket, timeout: float) -> Proxied:
    """Take the header, and not an octet more, within `timeout` seconds. Raises NotProxied and OSError."""
    end = time.monotonic() + timeout
    first = b""
    while len(first) < _FIRST:
        first += _receive(sock, _FIRST - len(first), end)
        if not (SIGNATURE.startswith(first) or first.startswith(_V1[: len(first)])):
            raise NotProxied(f"no PROXY header: {first!r}")
    if first == SIGNATURE:
        first += _exactly(sock, _FIXED - _FIRST, end)
        size = int.from_bytes(first[14:])
        if size > MAX_V2:
            raise NotProxied(f"a PROXY header of {size} octets")
        return read_v2(first + _exactly(sock, size, end))
    while b"\r\n" not in first:
        if len(first) >= MAX_V1:
            raise NotProxied("an endless PROXY header")
        # What may be there for the server behind the header must stay there.
        ahead = first + _receive(sock, MAX_V1 - len(first), end, MSG_PEEK)
        line, crlf, _ = ahead.partition(b"\r\n")
        first += _exactly(sock, len(line + crlf) - len(first), end)
    return read_v1(first)


def _exactly(sock: socket, size: int, end: float) -> bytes:
    octets = b""
    while len(octets) < size:
        octets += _receive(sock, size - len(octets), end)
    return octets


def _receive(sock: socket, size: int, end: float, flags: int = 0) -> bytes:
    left = end - time.monotonic()
    if left <= 0:
        raise NotProxied("no PROXY header in time")
    sock.settimeout(left)
    try:
        octets = sock.recv(size, flags)
    except TimeoutError as error:
        raise NotProxied("no PROXY header in time") from error
    if not octets:
        raise NotProxied("closed before the PROXY header")
    return octets


def read_v1(header: bytes) -> Proxied:
    """A header of version 1 with its CRLF (section 2.1). Raises NotProxied."""
    line = header.removesuffix(b"\r\n")
    if _V1_UNKNOWN.fullmatch(line):
        return Proxied()
    matched = _V1_LINE.fullmatch(line.decode("ascii", "replace"))
    if matched is None:
        raise NotProxied(f"a malformed PROXY header: {line!r}")
    family, source, destination, *ports = matched.groups()
    kind = IPv4Address if family == "TCP4" else IPv6Address
    places = []
    for address, port in zip((source, destination), map(int, ports), strict=True):
        try:
            places.append(Place(_text_of(kind(address)), port))
        except ValueError as error:
            raise NotProxied(f"a malformed PROXY header: {line!r}") from error
        if port > 0xFFFF:
            raise NotProxied(f"a malformed PROXY header: {line!r}")
    return Proxied(places[0], places[1])


def read_v2(header: bytes) -> Proxied:
    """A whole header of version 2 (section 2.2). Raises NotProxied."""
    version, command = divmod(header[12], 16)
    family, protocol = divmod(header[13], 16)
    if version != 2 or command not in (_LOCAL, _PROXY):
        raise NotProxied(f"a PROXY header of version {version} with command {command}")
    if command == _LOCAL:  # such as a health check; whatever else it says does not count
        return Proxied()
    if family not in _FAMILIES or protocol not in _PROTOCOLS:
        raise NotProxied(f"a PROXY header of an unknown family: {header[13]:#04x}")
    octets = _ADDRESS_OCTETS.get(family, 0)
    if len(header) < _FIXED + octets:
        raise NotProxied("a PROXY header that is too short for its addresses")
    said = _read_fields(header, _FIXED + octets)
    layout = _ADDRESSES.get(header[13])
    if layout is None:  # nothing that we could be told of an address of the network
        return said
    source, destination, source_port, destination_port = struct.unpack_from(layout, header, _FIXED)
    kind = IPv4Address if family == 1 else IPv6Address
    client, server = Place(_text_of(kind(source)), source_port), Place(_text_of(kind(destination)), destination_port)
    return said._replace(client=client, server=server)


def _text_of(address: IPv4Address | IPv6Address) -> str:
    """The one form of an address: IPv4 stays IPv4 although the front end's socket was a dual one."""
    mapped = address.ipv4_mapped if isinstance(address, IPv6Address) else None
    return str(mapped or address)


def _read_fields(header: bytes, start: int) -> Proxied:
    tls = name = authority = ""
    for kind, at, value in _fields(header, start):
        if kind == _AUTHORITY:
            authority = _text(value)
        elif kind == _CRC32C:
            blank = header[:at] + b"\0" * len(value) + header[at + len(value) :]
            if crc32c(blank) != int.from_bytes(value):
                raise NotProxied("a PROXY header with a wrong checksum")
        elif kind == _SSL:
            tls, name = _read_tls(value)
    return Proxied(tls=tls, name=name, authority=authority)


def _read_tls(value: bytes) -> tuple[str, str]:
    """The version, and the verified name (section 2.2.6)."""
    if len(value) < 5:
        raise NotProxied("a PROXY header with a malformed SSL field")
    bits, fault = value[0], int.from_bytes(value[1:5])
    said = {kind: _text(text) for kind, _, text in _fields(value, 5)}
    if not bits & _HAS_TLS:
        return "", ""
    is_verified = bits & _HAS_CERTIFICATE and not fault
    return said.get(_SSL_VERSION) or "TLS", said.get(_SSL_NAME, "") if is_verified else ""


def _fields(octets: bytes, at: int) -> Iterator[tuple[int, int, bytes]]:
    """Type, place and value of each field from `at` on."""
    while at < len(octets):
        if at + 3 > len(octets):
            raise NotProxied("a PROXY header that ends within a field")
        size = int.from_bytes(octets[at + 1 : at + 3])
        value = octets[at + 3 : at + 3 + size]
        if len(value) < size:
            raise NotProxied("a PROXY header that ends within a field")
        yield octets[at], at + 3, value
        at += 3 + size


def _text(octets: bytes) -> str:
    """Text that can be seen; anything else might look like another name, and is none."""
    try:
        text = octets.decode("utf-8")
    except UnicodeDecodeError:
        return ""
    return text if text.isprintable() else ""


def _table() -> tuple[int, ...]:
    table = []
    for octet in range(256):
        rest = octet
        for _ in range(8):
            rest = rest >> 1 ^ (_POLYNOMIAL if rest & 1 else 0)
        table.append(rest)
    return tuple(table)


_TABLE = _table()


def crc32c(octets: bytes) -> int:
    """The checksum of RFC 3720 12.1 (Castagnoli)."""
    rest = 0xFFFFFFFF
    for octet in octets:
        rest = rest >> 8 ^ _TABLE[(rest ^ octet) & 0xFF]
    return rest ^ 0xFFFFFFFF
