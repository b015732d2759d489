"""Who a plugin is told about."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field
from types import MappingProxyType


@dataclass(frozen=True, slots=True)
class Client:
    """One client, as it is known at the moment; never its password. What is not known yet is empty."""

    session: str  # its id in the log
    remote_ip: str
    remote_port: int = 0
    local_ip: str = ""
    local_port: int = 0
    tls: str = ""  # version and cipher; `TLS` when a front end has it
    hello: str = ""  # what EHLO said, if that is a domain or a literal
    user: str = ""
    master_user: str = ""
    mechanism: str = ""
    fields: Mapping[str, str] = field(default_factory=lambda: MappingProxyType({}))  # the passdb's extra fields
