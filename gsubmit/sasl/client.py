"""What mechanisms are on the client's side: how we log in at another server."""

from __future__ import annotations

import re
from collections.abc import Callable, Generator
from dataclasses import dataclass, field
from typing import NamedTuple

# Replies to AUTH that are about the mechanism and not about who logs in: not known, not understood (RFC 5321 4.2.2, RFC
# 4954 4). 534 and 538 would only lead to a weaker one.
MECHANISM_REFUSED = frozenset({500, 501, 502, 504})

_NOT_UTF_8 = re.compile(r"[\ud800-\udfff]")  # see claims.text_from


class LoginFailed(Exception):
    """The exchange cannot go on. The text is for the log and never holds any part of the credentials."""


class ServerNotProven(LoginFailed):
    """The server did not show that it knows the password: it may be another than it says."""


@dataclass(frozen=True)
class Login:
    """Who we are at the server, as whom we want to act (empty: the same), and the password, or the bearer token.

    A password may hold octets that are not UTF-8 (see claims.text_from), with mechanisms that send it as it is.
    """

    authentication_id: str
    authorization_id: str = ""
    password: str = field(default="", repr=False)

    def __post_init__(self) -> None:
        if not self.authentication_id or not self.password:
            raise LoginFailed("empty user name or password")
        names = f"{self.authentication_id}{self.authorization_id}"
        if _NOT_UTF_8.search(names) or "\0" in f"{names}{self.password}":  # NUL divides the fields of PLAIN
            raise LoginFailed("NUL or broken UTF-8 in user name or password")

    @property
    def is_text(self) -> bool:
        """Whether the password is UTF-8."""
        return not _NOT_UTF_8.search(self.password)


ClientExchange = Generator[bytes, bytes, None]
"""One login: is sent challenges, yields responses (both without base64). `next()` gives the first response, which
never depends on a challenge: it goes with AUTH, or answers the first challenge. Then see answer() and conclude().
"""


def answer(exchange: ClientExchange, challenge: bytes) -> bytes:
    """The response to a challenge. Raises LoginFailed; the caller then cancels the exchange."""
    try:
        return exchange.send(challenge)
    except StopIteration:
        raise LoginFailed("the server asks for more than the mechanism has") from None


def conclude(exchange: ClientExchange) -> None:
    """To be called when the server has said yes. Raises ServerNotProven when it said so too early."""
    try:
        exchange.send(b"")
    except StopIteration:
        return
    except LoginFailed:
        pass  # of course: it was no challenge
    raise ServerNotProven("the server accepted the login before it was complete")


class ClientMechanism(NamedTuple):
    """A mechanism that we can log in with."""

    name: str
    start: Callable[[Login], ClientExchange]
    client_first: bool  # the first response may go with AUTH; else it answers the first challenge
    has_authorization_id: bool = True
    is_cleartext: bool = False  # the password or token goes as it is
    is_token: bool = False  # it takes a bearer token in place of a password

    @property
    def has_prompts(self) -> bool:
        """Whether what the challenges say means nothing."""
        return self.is_cleartext and not self.is_token
