"""Hosts as settings and URLs name them."""

from __future__ import annotations

import re
from ipaddress import ip_address

from gsubmit.settings.declare import ValueType, host


def is_loopback(host: str) -> bool:
    """Whether a host is this machine for certain."""
    try:
        return ip_address(host.strip("[]")).is_loopback
    except ValueError:
        return host.lower().removesuffix(".") == "localhost"


def canonical(host: str) -> str:
    """A host so that two can be compared: an address in its shortest form, a name in small letters."""
    try:
        return str(ip_address(host.strip("[]")))
    except ValueError:
        return host.lower().removesuffix(".")


def _read_server(text: str) -> str:
    """A host to connect to; in brackets an IPv6 address, or a name as Postfix writes one that has no MX."""
    name = host.read(text)
    if re.fullmatch(r"\[([^][:%]+|[0-9A-Fa-f:.]+(%[^][]+)?)\]", name):
        name = name[1:-1]
    has_port = re.fullmatch(r"[^:]*:[0-9]*", name)
    if has_port or (not name.startswith("unix:") and re.search(r"[][/]", name)):
        raise ValueError(f"expected the name or the address of a host, without a port, not '{text}'")
    return name


server: ValueType[str] = ValueType(_read_server, str)
