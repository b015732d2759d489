"""Passdbs for tests: one that always answers the same, and one that knows some users."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from typing import Any

from gsubmit.auth import hashing
from gsubmit.auth.chain import Chain
from gsubmit.auth.link import Link
from gsubmit.auth.looks import Look, Looks
from gsubmit.auth.names import Names
from gsubmit.auth.passdb import Answer, Origin, Passdb, Reach, Unavailable, UnknownUser
from gsubmit.auth.schemes.stored import Rules, parse
from gsubmit.sasl.claims import (
    Account,
    Admitted,
    Claim,
    Cleartext,
    Denied,
    Identity,
    KeysWanted,
    LateKeys,
    Proven,
    ScramKeys,
    Token,
    Verdict,
)
from gsubmit.settings.blocks import PassdbSettings
from gsubmit.settings.login import UsernameSettings

ORIGIN = Origin(mechanism="PLAIN", remote_ip="192.0.2.10", local_ip="192.0.2.1", session="s1")
KEYS = LateKeys(lambda: ScramKeys(b"salt", 4096, b"stored", b"server"), b"salt", 4096)
LOOKS = Looks({Look("SCRAM-SHA-256", 7777, 5): 1})
ALL: tuple[type[Claim], ...] = (Cleartext, KeysWanted, Proven, Token)


class Answering:
    """A passdb that always answers the same."""

    reach: Reach = "here"

    def __init__(self, answer: Answer | Exception, serves: tuple[type[Claim], ...] = ALL) -> None:
        self.answer = answer
        self.serves = serves
        self.asked: list[Claim] = []
        self.pretended = 0

    def __str__(self) -> str:
        return "answering"

    def verify(self, claim: Claim, _: Origin) -> Answer:
        self.asked.append(claim)
        if isinstance(self.answer, Exception):
            raise self.answer
        return self.answer

    def pretend(self, claim: Claim, _: Origin) -> Looks | None:
        self.pretended += 1
        return LOOKS if isinstance(claim, KeysWanted) else None

    @property
    def names(self) -> list[str]:
        """Whom it was asked about."""
        return [claim.authentication_id for claim in self.asked]


class Users(Answering):
    """A passdb that knows users by their passwords, each with some extra fields."""

    def __init__(self, fields: dict[str, str] | None = None, /, **passwords: str) -> None:
        super().__init__(Answer())
        self.fields = fields or {}
        self.passwords = passwords

    def verify(self, claim: Claim, _: Origin) -> Answer:
        self.asked.append(claim)
        password = self.passwords.get(claim.authentication_id)
        if password is None:
            raise UnknownUser
        if isinstance(claim, Cleartext) and claim.password != password:
            raise Denied("password mismatch")
        return Answer(self.fields, KEYS if isinstance(claim, KeysWanted) else None)


def yes(serves: tuple[type[Claim], ...] = ALL, /, **fields: str) -> Answering:
    return Answering(Answer(fields), serves)


def no() -> Answering:
    return Answering(Denied("password mismatch"))


def unknown() -> Answering:
    return Answering(UnknownUser())


def down() -> Answering:
    return Answering(Unavailable("disk on fire"))


def link(passdb: Passdb, **settings: Any) -> Link:
    """A link with these settings of `passdb { }`."""
    return Link(passdb, PassdbSettings("driver", "args", **settings))


def chain(*links: Link | Passdb, **auth: Any) -> Chain:
    """A chain with these settings of logins."""
    made: Sequence[Link] = [one if isinstance(one, Link) else link(one) for one in links]
    return Chain(made, Names(UsernameSettings(**auth)))


def admitted(verdict: Verdict) -> Identity:
    """Who logs in here."""
    assert isinstance(verdict, Admitted)
    return verdict.identity


def proven(account: Account) -> Identity:
    """Who logs in with a proof that fits."""
    return admitted(account.settle(lambda _: True)[0]())


def compared(
    stored: str,
    password: str,
    *,
    user: str = "",
    rules: Rules = Rules(),  # noqa: B008 - never changed
    check_wanted: Callable[[], None] = lambda: None,
) -> bool:
    """Whether `stored` is a form of the password."""
    claim = Cleartext(user, password)
    return hashing.compare(parse(stored, "CRYPT"), claim, Origin(check_wanted=check_wanted), rules)
