"""The words of XCLIENT: what a front end says of its client, read; dial/xclient.py writes them (XCL-1 to XCL-12)."""

from __future__ import annotations

import re
from base64 import b64decode
from collections.abc import Callable, Mapping
from dataclasses import dataclass
from ipaddress import IPv6Address, ip_address
from typing import Any, NamedTuple

from gsubmit.smtp import xtext
from gsubmit.smtp.address import is_host_name
from gsubmit.smtp.reply import Refused, Reply

UNAVAILABLE = "[UNAVAILABLE]"
MAX_VALUE = 255  # octets, decoded (XCL-5); FORWARD's may be as long as the line
MAX_FORWARD = 64  # fields

_WORD = re.compile(r"([A-Za-z][A-Za-z_-]{0,31})=(.+)", re.DOTALL)
_NUMBER = re.compile(r"[0-9]{1,9}")
_SESSION = re.compile(r"[A-Za-z0-9+/=_.:@-]{1,128}")  # no harm in logs, in Received and in names of files
_FORWARD_KEY = re.compile(r"[A-Za-z0-9_-]{1,64}")
_PROTOCOLS = ("SMTP", "ESMTP", "LMTP")
_MAX_PORT = 65535


@dataclass(frozen=True, slots=True)
class Told:
    """What one XCLIENT says; None is what it does not say, or calls unavailable.

    `transport` is TLS or insecure; `forward` holds fields for the passdbs, by their names without `forward_`.
    """

    addr: str | None = None
    port: int | None = None
    proto: str | None = None
    helo: str | None = None
    login: str | None = None
    session: str | None = None
    transport: str | None = None
    ttl: int | None = None
    destname: str | None = None
    destaddr: str | None = None
    destport: int | None = None
    forward: Mapping[str, str] | None = None


class _Known(NamedTuple):
    """An attribute: the field it fills, if we have a use for it, and how a value is read. Bad ones are ValueErrors."""

    field: str
    read: Callable[[str], Any]
    is_announced: bool = True


def _address(text: str) -> str:
    """IPv6 with its tag or, as Dovecot takes it, without; no scope, no brackets. IPv4 stays IPv4 (XCL-3)."""
    tag, _, value = text.partition(":")
    address = IPv6Address(value) if tag.lower() == "ipv6" else ip_address(text)
    if "%" in text:
        raise ValueError
    mapped = address.ipv4_mapped if isinstance(address, IPv6Address) else None
    return str(mapped or address)


def _number(text: str) -> int:
    if not _NUMBER.fullmatch(text):
        raise ValueError
    return int(text)


def _port(text: str) -> int:
    if (port := _number(text)) > _MAX_PORT:
        raise ValueError
    return port


def _protocol(text: str) -> str:
    if text.upper() not in _PROTOCOLS:
        raise ValueError
    return text.upper()


def _hello(text: str) -> str | None:
    """Not the front end's fault, if it is no name; it goes nowhere then."""
    return text if is_host_name(text) else None


def _host_name(text: str) -> str:
    if not is_host_name(text):
        raise ValueError
    return text


def _session(text: str) -> str:
    if not _SESSION.fullmatch(text):
        raise ValueError
    return text


def _transport(text: str) -> str:
    """What is not known to be safe is not."""
    return "TLS" if text.upper() == "TLS" else "insecure"


def _forward(text: str) -> dict[str, str]:
    """base64 of `key=value`, divided by HT; a key alone means yes."""
    fields = {}
    for pair in b64decode(text, validate=True).decode("utf-8").split("\t"):
        key, equals, value = pair.partition("=")
        if not (_FORWARD_KEY.fullmatch(key) and value.isprintable()):
            raise ValueError
        fields[key] = value if equals else "yes"
    if len(fields) > MAX_FORWARD:
        raise ValueError
    return fields


_KNOWN = {
    "ADDR": _Known("addr", _address),
    "PORT": _Known("port", _port),
    "PROTO": _Known("proto", _protocol),
    "HELO": _Known("helo", _hello),
    "LOGIN": _Known("login", str),
    "SESSION": _Known("session", _session),
    "CLIENT-TRANSPORT": _Known("transport", _transport),
    "TTL": _Known("ttl", _number),
    "TIMEOUT": _Known("", _number),
    "DESTNAME": _Known("destname", _host_name),
    "DESTADDR": _Known("destaddr", _address),
    "DESTPORT": _Known("destport", _port),
    "FORWARD": _Known("forward", _forward),
    # What DNS says of the client; nginx sends NAME to everybody.
    "NAME": _Known("", str, is_announced=False),
    "REVERSE_NAME": _Known("", str, is_announced=False),
}
ATTRIBUTES = tuple(name for name, known in _KNOWN.items() if known.is_announced)


def read_xclient(argument: str) -> Told:
    """What the argument of XCLIENT says. Raises Refused."""
    said: dict[str, str] = {}
    for word in argument.split() or [""]:
        matched = _WORD.fullmatch(word)
        if matched is None:
            raise _bad("Invalid parameter: expected name=value")
        name = matched[1].upper()
        if name not in _KNOWN:
            raise _bad(f"Invalid parameter: {name} is not supported")
        if name in said:
            raise _bad(f"Invalid parameter: {name} is there twice")
        said[name] = matched[2]
    told: dict[str, Any] = {}
    for name, text in said.items():
        known = _KNOWN[name]
        try:
            value = _decoded(text, len(text) if name == "FORWARD" else MAX_VALUE)
            told[known.field] = None if value.upper() == UNAVAILABLE else known.read(value)
        except ValueError:
            raise _bad(f"Invalid {name} parameter") from None
    told.pop("", None)
    return Told(**told)


def _decoded(text: str, most: int) -> str:
    """The value, which anybody may see (XCL-10). Old peers do not encode it (XCL-12). Raises ValueError."""
    try:
        octets = xtext.decode(text).encode("latin-1")
    except ValueError:
        octets = text.encode()
    value = octets.decode("utf-8")
    if len(octets) > most or not value.isprintable():
        raise ValueError
    return value


def _bad(text: str) -> Refused:
    return Refused(Reply(501, "5.5.4", text))
