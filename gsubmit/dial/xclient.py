"""XCLIENT: who the client is, told to a relay that trusts us (XCL-1 to XCL-9 of docs/rules.md)."""

from __future__ import annotations

import re
from base64 import b64encode
from collections.abc import Collection, Mapping
from dataclasses import dataclass, field
from ipaddress import IPv6Address, ip_address

from gsubmit.smtp import xtext
from gsubmit.smtp.address import is_host_name

MAX_LINE = 512  # octets with CRLF (XCL-5)
MAX_VALUE = 255  # characters (XCL-5), as sent, so that it holds before and after decoding
UNAVAILABLE = "[UNAVAILABLE]"  # said, not left out: a relay may keep what an earlier client of the connection had

_ROOM = MAX_LINE - len("XCLIENT\r\n")
MAX_FORWARD = _ROOM - len(" FORWARD=")
_CONTROLS = re.compile(r"[\x00-\x1f\x7f-\x9f\ud800-\udfff]")
_PROTOCOLS = ("SMTP", "ESMTP")
_MAX_PORT = 65535


@dataclass(frozen=True, slots=True)
class ClientFacts:
    """What we know of one client; empty, 0 and None mean unknown. `dest` is where the client connected to.

    `name` is that of the address, by DNS; it may be UNAVAILABLE to say so. `forward` is for the other server's passdbs.
    """

    addr: str = ""
    port: int = 0
    proto: str = "ESMTP"
    helo: str = ""
    login: str = ""
    session: str = ""
    name: str = ""
    destname: str = ""
    destaddr: str = ""
    destport: int = 0
    tls: bool = False
    ttl: int | None = None  # hops that are left before it counts as a loop
    timeout: int | None = None  # seconds that we wait for the relay
    forward: Mapping[str, str] = field(default_factory=dict, repr=False)


def xclient_lines(facts: ClientFacts, offered: Collection[str]) -> list[bytes]:
    """The commands that tell `facts` to a relay with the attributes `offered`, in the order to send them.

    The last one has PROTO, HELO, LOGIN and ADDR together: what it leaves out, servers reset (XCL-8), and after a
    foreign ADDR they take no further one (XCL-9).
    """
    listed = {attribute.upper() for attribute in offered}
    said = {name: value for name, value in _values(facts).items() if value and name in listed}
    # Without a host name in HELO everything that belongs together fits one line.
    together = [f" {name}={said[name]}" for name in ("PROTO", "HELO", "LOGIN", "PORT", "ADDR") if name in said]
    if sum(map(len, together)) > _ROOM:
        said["HELO"] = UNAVAILABLE
    return _packed([f" {name}={value}" for name, value in said.items()])


def _values(facts: ClientFacts) -> dict[str, str]:
    """Every attribute as it is sent, the least important one first; empty when it is left out."""
    # For a HELO that is no host name, Dovecot refuses the whole command.
    helo = _text(facts.helo) if is_host_name(facts.helo) else ""
    return {
        "TTL": _number(facts.ttl),
        "TIMEOUT": _number(facts.timeout),
        "DESTNAME": _text(facts.destname),
        "DESTADDR": _address(facts.destaddr),
        "DESTPORT": _port(facts.destport),
        "FORWARD": _fields(facts.forward),
        "CLIENT-TRANSPORT": "TLS" if facts.tls else "insecure",
        "SESSION": _text(facts.session),
        "REVERSE_NAME": _text(facts.name),
        "NAME": _text(facts.name),
        "PROTO": facts.proto if facts.proto in _PROTOCOLS else "",
        "HELO": helo or UNAVAILABLE,
        "LOGIN": _text(facts.login) or UNAVAILABLE,
        "PORT": _port(facts.port),
        "ADDR": _address(facts.addr),
    }


def _text(text: str) -> str:
    """`text` as xtext, or nothing when a relay could not take it (XCL-5, XCL-10)."""
    if _CONTROLS.search(text):
        return ""
    encoded = xtext.encode(text)
    return encoded if len(encoded) <= MAX_VALUE else ""


def _fields(fields: Mapping[str, str]) -> str:
    """Names and values in base64, divided by tabs; without those that could not be told apart, or hidden from logs."""
    text = "\t".join(f"{name}={value}" for name, value in fields.items() if value.isprintable())
    encoded = xtext.encode(b64encode(text.encode()).decode("ascii"))
    return encoded if len(encoded) <= MAX_FORWARD else ""


def _number(number: int | None) -> str:
    return "" if number is None or number < 0 else str(number)


def _port(port: int) -> str:
    return str(port) if 0 < port <= _MAX_PORT else UNAVAILABLE


def _address(text: str) -> str:
    """An IP address as XCL-3 has it: no zone, and IPv4 although the socket was a dual one."""
    try:
        address = ip_address(text.partition("%")[0])
    except ValueError:
        return UNAVAILABLE
    if not isinstance(address, IPv6Address):
        return str(address)
    return str(address.ipv4_mapped) if address.ipv4_mapped else f"IPV6:{address}"


def _packed(pairs: list[str]) -> list[bytes]:
    """The pairs on as few lines as they need, filled from the last one."""
    lines: list[str] = []
    for pair in reversed(pairs):
        if lines and len(pair) + len(lines[-1]) <= _ROOM:
            lines[-1] = pair + lines[-1]
        else:
            lines.append(pair)
    return [f"XCLIENT{line}\r\n".encode("ascii") for line in reversed(lines)]
