"""A stored password, parsed, and how one is made."""

from __future__ import annotations

from dataclasses import dataclass, field

from gsubmit.auth.names import NOT_UTF8
from gsubmit.auth.schemes import cryptform
from gsubmit.auth.schemes.cost import DEFAULT_LIMITS, Cost, Limits
from gsubmit.auth.schemes.plain import CLEARTEXT
from gsubmit.auth.schemes.scheme import ENCODINGS, Scheme, SchemeError, decoded, encoded
from gsubmit.auth.schemes.table import SCHEMES
from gsubmit.sasl.claims import octets_of

# What other programs call a scheme.
_OTHERS_NAMES = {
    name: f" {name}, it is called {ours} here"
    for name, ours in {
        "BCRYPT": "BLF-CRYPT", "BLOWFISH": "BLF-CRYPT", "SHA512CRYPT": "SHA512-CRYPT", "SHA256CRYPT": "SHA256-CRYPT",
        "SHA-512": "SHA512", "SHA-256": "SHA256", "MD5CRYPT": "MD5-CRYPT", "PLAINTEXT": "PLAIN",
    }.items()
}  # fmt: skip


@dataclass(frozen=True)
class StoredPassword:
    """A stored password, parsed."""

    name: str  # of the scheme, in upper case and without the encoding
    content: bytes = field(repr=False)

    @property
    def scheme(self) -> Scheme:
        """How it is compared."""
        return SCHEMES[self.name]

    @property
    def is_cheap(self) -> bool:
        """Whether `matches` takes microseconds only."""
        return self.scheme.is_cheap

    @property
    def is_weak(self) -> bool:
        """Whether it may be compared only where the administrator has said so."""
        return self.scheme.is_weak(self.content)

    @property
    def cost(self) -> Cost:
        """What `matches` takes."""
        return self.scheme.cost(self.content)

    @property
    def cleartext(self) -> str | None:
        """The password itself, where it is stored as it is."""
        if self.scheme is not CLEARTEXT:
            return None
        try:
            return self.content.decode("utf-8")
        except UnicodeDecodeError:  # SCRAM takes no such password
            return None

    def matches(self, password: str, user: str = "") -> bool:
        """Whether this is the password (of that user, for DIGEST-MD5); SchemeError if the content is malformed."""
        if "\0" in password:  # crypt(3) would stop there
            return False
        return self.scheme.matches(self.content, octets_of(password), user)


@dataclass(frozen=True)
class Rules:
    """What the administrator allows."""

    allow_weak: bool = True
    limits: Limits = DEFAULT_LIMITS

    def check(self, hashed: StoredPassword) -> None:
        """Raise SchemeError for one that is not."""
        if not self.allow_weak and hashed.is_weak:
            if hashed.name in cryptform.SCHEMES and not cryptform.is_hash(hashed.content.decode("utf-8", "replace")):
                raise SchemeError(cryptform.NO_HASH)
            raise SchemeError("weak password scheme, see auth_allow_weak_schemes")
        if excess := self.limits.excess(hashed.cost):
            raise SchemeError(excess)


def parse(stored: str, default_scheme: str) -> StoredPassword:
    """Take a stored password apart, or SchemeError."""
    name, text = default_scheme, stored
    if stored.startswith("{") and "}" in stored:
        name, _, text = stored[1:].partition("}")
    elif stored.startswith("$1$") and stored.count("$") > 2:
        # Dovecot takes it so, whatever the default is, and what follows another $ for no part of it.
        name, text = "MD5-CRYPT", "$".join(stored.split("$")[:4])
    name, encoding = _parted(name)
    scheme = SCHEMES.get(name)
    if scheme is None:
        # Without its name, which may be a password in braces.
        raise SchemeError(f"unknown password scheme{_OTHERS_NAMES.get(name, '')}")
    if encoding:
        return StoredPassword(name, decoded(text, encoding, 0))
    return StoredPassword(name, decoded(text, scheme.encoding, scheme.size))


def hash_password(scheme: str, password: str, rounds: int | None = None, user: str = "") -> str:
    """The password as it is to be stored, `{SCHEME}content`. `scheme` may end with an encoding.

    ValueError for an unknown scheme, a number of rounds that it cannot have, or a password that it cannot hold.
    """
    chosen, encoding, repeated = choose(scheme, rounds)
    if not password or "\0" in password:
        raise ValueError("empty password, or NUL in it")
    if NOT_UTF8.search(password):
        raise ValueError("the password is not UTF-8")
    content = chosen.make(password.encode("utf-8"), repeated, user)
    return f"{{{scheme.upper()}}}{encoded(content, encoding)}"


def choose(scheme: str, rounds: int | None) -> tuple[Scheme, str, int]:
    """The scheme, its encoding, and the rounds, 0 for a scheme that has none.

    ValueError if it is unknown or cannot have that number of rounds.
    """
    name, encoding = _parted(scheme)
    known = SCHEMES.get(name)
    if known is None:
        raise ValueError("unknown password scheme")
    if encoding not in ENCODINGS:
        raise ValueError("unknown encoding of a password scheme")
    if known.rounds is None:
        if rounds is not None:
            raise ValueError(f"{name} has no rounds")
        rounds = 0
    elif rounds is None:
        rounds = known.rounds.default
    elif not known.rounds.least <= rounds <= known.rounds.most:
        raise ValueError(f"{name} has {known.rounds.least} to {known.rounds.most} rounds")
    return known, encoding or known.encoding, rounds


def _parted(name: str) -> tuple[str, str]:
    """Name and encoding, in upper case."""
    name, _, encoding = name.upper().partition(".")
    return name, encoding
