"""Hosts as settings and URLs name them."""

from __future__ import annotations

from ipaddress import ip_address


def is_loopback(host: str) -> bool:
    """Whether a host is this machine for certain."""
    try:
        return ip_address(host.strip("[]")).is_loopback
    except ValueError:
        return host.lower() == "localhost"


def canonical(host: str) -> str:
    """A host so that two can be compared: an address in its shortest form, a name in small letters."""
    try:
        return str(ip_address(host.strip("[]")))
    except ValueError:
        return host.lower().removesuffix(".")
