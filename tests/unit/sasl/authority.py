"""An authority that knows passwords and tokens from dicts, and a driver of exchanges as the AUTH command is one."""

from __future__ import annotations

import hashlib
import hmac
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass, field

import pytest

from gsubmit.sasl import md5state
from gsubmit.sasl.claims import (
    Account,
    Admission,
    Admitted,
    Claim,
    Cleartext,
    Denied,
    Identity,
    Keys,
    KeysWanted,
    LateKeys,
    Proven,
    ScramKeys,
    Token,
    Verdict,
)
from gsubmit.sasl.mechanism import Channel, Exchange
from gsubmit.sasl.mechanisms import MECHANISMS

MADE_UP = "the password of nobody"


def scram_keys(algorithm: str, password: str, salt: bytes, iterations: int = 4096) -> ScramKeys:
    salted = hashlib.pbkdf2_hmac(algorithm, password.encode(), salt, iterations)
    stored_key = hashlib.new(algorithm, hmac.digest(salted, b"Client Key", algorithm)).digest()
    return ScramKeys(salt, iterations, stored_key, hmac.digest(salted, b"Server Key", algorithm))


@dataclass
class FakeAuthority:
    """Keeps the claims that it was asked about."""

    passwords: Mapping[str, str] = field(default_factory=dict)
    tokens: Mapping[str, str] = field(default_factory=dict)  # the user of each
    refusal: Denied | None = None  # of tokens
    salt: bytes = b"sodium chloride!"
    asked: list[Claim] = field(default_factory=list)

    def verify(self, claim: Claim) -> Verdict:
        self.asked.append(claim)
        user = claim.authentication_id
        match claim:
            case Cleartext(password=password):
                holds = self.passwords.get(user) == password
            case Token(token=token):
                holds = self.tokens.get(token) == user
            case _:
                holds = isinstance(claim, Proven) and user in self.passwords
        if not holds:
            raise self.refusal or Denied("no")
        return Admitted(Identity(claim.authorization_id or user))

    def account(self, claim: KeysWanted) -> Account:
        self.asked.append(claim)
        user = claim.authentication_id
        known = user in self.passwords
        admitted = Admitted(Identity(claim.authorization_id or user))
        outcome = (lambda: admitted) if known else Denied("unknown user")
        keys = self._keys(claim.scheme, self.passwords.get(user, MADE_UP))
        return Account(LateKeys(lambda: keys, self.salt, 4096), outcome)

    def settle(self, account: Account, is_proven: Callable[[Keys], bool]) -> tuple[Admission, Keys]:
        return account.settle(is_proven)

    def _keys(self, scheme: str, password: str) -> Keys:
        if scheme == "CRAM-MD5":
            return md5state.states_of(password.encode())
        return scram_keys({"SCRAM-SHA-1": "sha1", "SCRAM-SHA-256": "sha256"}[scheme], password, self.salt)


def start(name: str, authority: FakeAuthority, channel: Channel | None = None) -> Exchange:
    """The exchange before its first challenge."""
    return MECHANISMS[name].start(authority, channel or Channel(hostname="mx.example"))


def finish(exchange: Exchange, response: bytes) -> Identity:
    """Who it is, after the last response."""
    with pytest.raises(StopIteration) as end:
        exchange.send(response)
    verdict = end.value.value
    assert isinstance(verdict, Admitted)
    return verdict.identity


def run(exchange: Exchange, responses: Sequence[bytes]) -> tuple[list[bytes], Identity]:
    """All challenges, and who it is."""
    challenges = [next(exchange)]
    *others, last = responses
    challenges += [exchange.send(response) for response in others]
    return challenges, finish(exchange, last)
