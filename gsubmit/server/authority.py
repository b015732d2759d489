"""Whom a session's SASL exchange asks: the passdbs, one login after the other for each address."""

from __future__ import annotations

import logging
import time
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from dataclasses import replace
from functools import partial
from typing import TypeVar

from gsubmit.auth.passdb import Origin, Unavailable
from gsubmit.auth.restrictions import Disabled
from gsubmit.auth.schemes.scheme import SchemeError
from gsubmit.sasl.claims import Account, Admission, Claim, Cleartext, Denied, Keys, KeysWanted, Token, Verdict
from gsubmit.sasl.mechanism import Mechanism
from gsubmit.server.logins import AT_A_TIME, AT_A_TIME_ELSEWHERE
from gsubmit.server.session import Session

C = TypeVar("C", bound=Claim)

_log = logging.getLogger("gsubmit.auth")


class SessionAuthority:
    """Keeps what was claimed, for the log and for what a failure leads to."""

    def __init__(self, session: Session, mechanism: Mechanism) -> None:
        self.mechanism = mechanism
        self.claim: Claim | None = None
        self.denied: Denied | None = None  # what the passdbs said to it
        self.since = time.monotonic()  # when the passdbs were asked
        self.is_unfinished = False  # the client was told what SCRAM begins with, and has proven nothing yet
        self._level = 0  # of the network's failures when its slot came
        self._is_counted = False
        self._session = session
        ends = session.ends
        self._origin = Origin(
            mechanism=mechanism.name,
            remote_ip=ends.remote_ip,
            remote_port=ends.remote_port,
            local_ip=ends.local_ip,
            local_port=ends.local_port,
            tls=session.has_tls,
            secured=session.is_secured,
            session=session.id,
            real_ip=ends.real_ip,
            forward=ends.forward,
            check_wanted=partial(_check_wanted, session),
        )

    def verify(self, claim: Claim) -> Verdict:
        """What is to come of it, when the claim holds."""
        claim = self._begin(claim)
        with self._slot():
            return self._session.service.chain.verify(claim, self._origin)

    def account(self, claim: KeysWanted) -> Account:
        """The keys of that user. They are only looked up, which takes no slot yet."""
        claim = self._begin(claim)
        self.is_unfinished = True
        return self._session.service.chain.account(claim, self._origin)

    def settle(self, account: Account, is_proven: Callable[[Keys], bool]) -> tuple[Admission, Keys]:
        """What gives the verdict, when the client's proof fits the keys."""
        self.is_unfinished = False
        with self._slot():
            try:
                return account.settle(is_proven)
            except SchemeError as fault:  # for the log; the client hears what unknown users hear, as late
                _log.error("user %s: stored password: %s", self.user, fault, extra={"prefix": self._session.label})
                raise Denied(f"stored password: {fault}") from None

    @contextmanager
    def _slot(self) -> Iterator[None]:
        """The slot of the client's network, until the guess is counted; a trusted one has many users, as a webmail."""
        session = self._session
        if session.is_trusted:
            with self._note_denial():
                yield
            return
        at_a_time = AT_A_TIME_ELSEWHERE if session.service.chain.asks_others else AT_A_TIME
        logins, address = session.service.logins, session.ends.remote_ip
        slot = logins.slot(address, at_a_time, self.user, is_watched=self._is_watched)
        with slot as self._level, self._note_denial():
            yield

    @contextmanager
    def guess_elsewhere(self) -> Iterator[None]:
        """The same while a backend looks at the password.

        The wait that failures ask for came before the passdbs, but not for those that came at a time, before the first
        of them had failed.
        """
        session = self._session
        if session.is_trusted:
            with self._note_denial():
                yield
            return
        is_watched = self._is_watched and not self._level
        address, logins = session.ends.remote_ip, session.service.logins
        slot = logins.slot(address, AT_A_TIME_ELSEWHERE, self.user, is_watched=is_watched)
        with slot as level, self._note_denial():
            self._level = max(level, self._level)
            yield

    @contextmanager
    def _note_denial(self) -> Iterator[None]:
        self.since = time.monotonic()
        try:
            yield
        except Denied as denied:
            self.denied = denied
            self.count(denied)
            raise
        except Unavailable as unavailable:
            if unavailable.denied is not None:
                self.count(unavailable.denied)
            raise

    @property
    def _is_watched(self) -> bool:
        """Whether failures make this network wait."""
        return self._session.service.has_penalty and not self._session.is_trusted

    def count(self, denied: Denied) -> None:
        """Hold a denial against the network, once."""
        if self._is_watched and not self._is_counted and not isinstance(denied, Disabled):
            penalty = self._session.service.logins.state
            penalty.failed(self._session.ends.remote_ip, self._level, self.user, self.secret)
        self._is_counted = True

    def forgive(self) -> None:
        """The login has succeeded."""
        if self._is_watched:
            self._session.service.logins.state.succeeded(self._session.ends.remote_ip, self.user)

    def _begin(self, claim: C) -> C:
        """The claim as the passdbs are to see it: a certificate's name may replace the user's."""
        session = self._session
        session.wire.flush()
        self.claim = claim
        self.since = time.monotonic()
        if not (session.service.settings.auth.auth_ssl_username_from_cert and session.has_client_certificate):
            return claim
        if not session.channel.certificate_name:  # two names, for instance
            raise Denied("the client certificate names no user")
        return replace(claim, authentication_id=session.channel.certificate_name)

    @property
    def user(self) -> str:
        """The name that was claimed; empty before."""
        return self.claim.authentication_id if self.claim is not None else ""

    @property
    def secret(self) -> str:
        """The password or token that was claimed; empty where none was sent."""
        match self.claim:
            case Cleartext(password=secret) | Token(token=secret):
                return secret
        return ""

    @property
    def token(self) -> str:
        """The token that was claimed; empty where there was none."""
        return self.claim.token if isinstance(self.claim, Token) else ""

    @property
    def password(self) -> str:
        """The password that was claimed; empty where there was none."""
        return self.claim.password if isinstance(self.claim, Cleartext) else ""


def _check_wanted(session: Session) -> None:
    """Raise Denied or Unavailable when a password that waits for its slot need not be compared any more."""
    if session.is_stopping:
        raise Unavailable("the server is stopping")
    if session.wire.has_left():
        raise Denied("the client left before its password was compared")
