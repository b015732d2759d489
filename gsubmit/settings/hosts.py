"""Hosts as settings and URLs name them."""

from __future__ import annotations

from ipaddress import IPv4Address, IPv6Address, ip_address

from gsubmit.settings.declare import ValueType
from gsubmit.settings.kinds import host


def is_loopback(host: str) -> bool:
    """Whether a host is this machine for certain."""
    address = _address(host.strip("[]"))
    return address.is_loopback if address else canonical(host) == "localhost"


def canonical(host: str) -> str:
    """A host so that two can be compared: an address in its shortest form, a name in small letters."""
    return str(_address(host.strip("[]")) or host.lower().removesuffix("."))


def bracketed(host: str) -> str:
    """A host as URLs write it: an IPv6 address in brackets."""
    return f"[{host}]" if ":" in host and not host.startswith("[") else host


def host_and_port(host: str, port: int | str) -> str:
    """HOST:PORT."""
    return f"{bracketed(host)}:{port}"


def _read_server(text: str) -> str:
    """A host to connect to; in brackets an IPv6 address, or a name as Postfix writes one that has no MX."""
    name = host.read(text)
    if name.startswith("[") and name.endswith("]"):
        name = name[1:-1] or text
    if not (is_address(name) or name.startswith("unix:")) and any(mark in name for mark in "[]:/%"):
        raise ValueError(f"expected the name or the address of a host, without a port, not '{text}'")
    return name


def is_address(host: str) -> bool:
    """Whether it is an IP address, without brackets."""
    return _address(host) is not None


def _address(host: str) -> IPv4Address | IPv6Address | None:
    try:
        return ip_address(host)
    except ValueError:
        return None


server: ValueType[str] = ValueType(_read_server, str)
