"""What a SASL mechanism is (RFC 4422 3)."""

from __future__ import annotations

from collections.abc import Callable, Generator, Mapping
from dataclasses import dataclass, field

from gsubmit.sasl.claims import Authority, Claim, Verdict

Exchange = Generator[bytes, bytes, Verdict]
"""One run of a mechanism: yields challenges, is sent responses (both before base64), returns what comes of the login.

Raises MalformedResponse, Denied, and what the authority raises. The driver passes an initial response as the answer
to the first challenge, which it then does not send.
"""


@dataclass(frozen=True)
class Channel:
    """The connection, as far as mechanisms care."""

    hostname: str = ""
    offered: frozenset[str] = frozenset()  # the names of mechanisms that the client may use here
    # Channel bindings that there are, by type (`tls-exporter`); each gives the octets (RFC 5056).
    bindings: Mapping[str, Callable[[], bytes]] = field(default_factory=dict)
    certificate_name: str = ""  # the user that a verified TLS client certificate names


@dataclass(frozen=True)
class Mechanism:
    """One row of the EHLO keyword AUTH."""

    name: str
    start: Callable[[Authority, Channel], Exchange]
    asks: type[Claim]  # what it asks its authority with
    cleartext: bool = False  # a secret crosses the wire readable, so TLS is asked for first (RFC 4954 4)
    binds: bool = False  # it uses a channel binding
    server_first: bool = False  # the first challenge is not empty, so an initial response is an error
    is_possible: Callable[[Channel], bool] = lambda _: True  # whether it can work on this connection
