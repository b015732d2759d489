"""What clients claim in a login, and what comes of it: the words that mechanisms and passdbs share."""

from __future__ import annotations

import unicodedata
from collections.abc import Callable, Mapping
from dataclasses import dataclass, field
from typing import Protocol, Self

MAX_FIELD = 1024  # octets of one name or password; RFC 4616 2 asks for at least 255


class MalformedResponse(Exception):
    """The client's response breaks the rules of its mechanism. The text never holds any part of the response."""


class Denied(Exception):
    """The claim does not hold. The reason is for the log; the client never learns which one it was."""

    def __init__(self, reason: str, *, nodelay: bool = False) -> None:
        super().__init__(reason)
        self.reason = reason
        self.nodelay = nodelay  # whether the answer need not be held back


class TokenRefused(Denied):
    """A bearer token was refused, for a reason that OAuth has a word for. The client is told these three."""

    def __init__(
        self, reason: str, *, status: str = "invalid_token", scope: str = "", openid_configuration: str = ""
    ) -> None:
        super().__init__(reason)
        self.status = status  # invalid_request, invalid_token or insufficient_scope (RFC 6750 3.1)
        self.scope = scope  # which scopes would do, separated by spaces
        self.openid_configuration = openid_configuration  # an https URL (RFC 7628 3.2.2)


class Barred(Denied):
    """The claim holds, and the user's entry keeps him out all the same: no other password or token would help."""


@dataclass(frozen=True)
class Identity:
    """Who logged in, with the extra fields of the passdb entry (`proxy`, `allow_nets`, ...)."""

    user: str
    fields: Mapping[str, str] = field(default_factory=dict, repr=False)
    master_user: str = ""  # whose password it was, when that was somebody else's
    is_proven: bool = True  # somebody here has looked at the password; not so where the entry says nopassword


@dataclass(frozen=True)
class Admitted:
    """The login succeeds."""

    identity: Identity


@dataclass(frozen=True)
class Elsewhere:
    """The login is to go on at another server; the fields of the identity say where (`host`, ...)."""

    identity: Identity


Verdict = Admitted | Elsewhere
Admission = Callable[[], Verdict]
"""What the entry of a user who has proven himself says of him. Raises Barred, or auth.passdb.Unavailable."""


@dataclass(frozen=True)
class Claim:
    """Somebody says to be one user and, perhaps, to act for another. How it is proven: see the subclasses."""

    authentication_id: str
    authorization_id: str = field(default="", kw_only=True)  # empty: the same


@dataclass(frozen=True)
class Cleartext(Claim):
    """Proven by the password as it was typed."""

    password: str = field(repr=False)  # see text_from for octets that are not UTF-8

    @classmethod
    def from_octets(cls, authorization_id: bytes, authentication_id: bytes, password: bytes) -> Self:
        """The claim in a client's octets, or MalformedResponse (RFC 4616 2)."""
        if not authentication_id or not password:
            raise MalformedResponse("empty user name or password")
        return cls(name_from(authentication_id), text_from(password), authorization_id=name_from(authorization_id))


@dataclass(frozen=True)
class Token(Claim):
    """Proven by an OAuth 2.0 bearer token (RFC 6750), whose user it is if `authentication_id` is empty."""

    token: str = field(repr=False)


@dataclass(frozen=True)
class Proven(Claim):
    """Proven already, by a verified TLS certificate or by a passdb that was asked before: only looked up."""


@dataclass(frozen=True)
class KeysWanted(Claim):
    """Will be proven against keys made from the password, which the mechanism asks for."""

    scheme: str  # SCRAM-SHA-1, SCRAM-SHA-256 or CRAM-MD5


@dataclass(frozen=True)
class ScramKeys:
    """A password as SCRAM stores it (RFC 5802 3)."""

    salt: bytes
    iterations: int
    stored_key: bytes = field(repr=False)
    server_key: bytes = field(repr=False)


@dataclass(frozen=True)
class CramKeys:
    """A password as CRAM-MD5 stores it: the states of MD5 after the two padded keys (RFC 2195, RFC 2104)."""

    outer: bytes = field(repr=False)
    inner: bytes = field(repr=False)


Keys = ScramKeys | CramKeys


@dataclass(frozen=True)
class LateKeys:
    """Keys that are made when the client has sent its proof: that may take long, and before it would show for whom."""

    make: Callable[[], Keys] = field(repr=False, compare=False)  # raises Denied, or auth.schemes.SchemeError
    salt: bytes = b""  # this and the next are told to a client of SCRAM before its proof
    iterations: int = 0


@dataclass(frozen=True)
class Account:
    """Keys that were found, and what follows once the client has proven to know the password.

    For an unknown user keys are made up and `outcome` is what to raise: the denial, or the failure of ours that kept us
    from finding out. So the exchange shows no difference.
    """

    keys: LateKeys
    outcome: Admission | Exception
    mismatch: Exception = field(default_factory=lambda: Denied("password mismatch"))  # for a proof that does not fit

    def settle(self, is_proven: Callable[[Keys], bool]) -> tuple[Admission, Keys]:
        """What gives the verdict, and the keys that the client's proof fits. Takes as long as making the keys.

        Raises `outcome` or `mismatch`: Denied, or auth.passdb.Unavailable.
        """
        keys = self.keys.make()
        has_proven = is_proven(keys)
        if isinstance(self.outcome, Exception):
            raise self.outcome
        if not has_proven:
            raise self.mismatch
        return self.outcome, keys


class Authority(Protocol):
    """Who knows the users. All raise Denied, or auth.passdb.Unavailable, which mechanisms let pass."""

    def verify(self, claim: Claim) -> Verdict:
        """What is to come of it, when the claim holds."""

    def account(self, claim: KeysWanted) -> Account:
        """The keys of that user: never Denied, see Account."""

    def settle(self, account: Account, is_proven: Callable[[Keys], bool]) -> tuple[Admission, Keys]:
        """See Account.settle. One guess at a password."""


def text_from(octets: bytes) -> str:
    """A password or name that a client sent, or MalformedResponse for one that is too long.

    Octets that are not UTF-8 become lone surrogates (PEP 383), which octets_of turns back: RFC 4616 2 wants UTF-8, but
    passwords were hashed in Latin-1 for decades, and a client asks its user again only when the login is denied.
    """
    if len(octets) > MAX_FIELD:
        raise MalformedResponse("user name or password too long")
    return octets.decode("utf-8", "surrogateescape")


def octets_of(text: str) -> bytes:
    """The octets of a password as they were sent."""
    return text.encode("utf-8", "surrogateescape")


def name_from(octets: bytes) -> str:
    """A user name without control characters: no back end, log or relay is to see them (AUT-25).

    It may hold octets that are not UTF-8, see text_from; nobody has such a name (auth.names).
    """
    name = text_from(octets)
    if not name.isprintable() and any(unicodedata.category(character) == "Cc" for character in name):
        raise MalformedResponse("control character in user name")
    return name
