"""Whom a session's SASL exchange asks: the passdbs, one login after the other for each address."""

from __future__ import annotations

import time
from contextlib import AbstractContextManager, nullcontext
from dataclasses import replace
from typing import TYPE_CHECKING, TypeVar

from gsubmit.auth.passdb import Origin, Unavailable
from gsubmit.sasl.claims import Account, Claim, Cleartext, Denied, Identity, KeysWanted, Token
from gsubmit.sasl.mechanism import Mechanism
from gsubmit.server.logins import AT_A_TIME, AT_A_TIME_ELSEWHERE

if TYPE_CHECKING:
    from gsubmit.server.session import Session

C = TypeVar("C", bound=Claim)


class SessionAuthority:
    """Keeps what was claimed, for the log and for what a failure leads to."""

    def __init__(self, session: Session, mechanism: Mechanism) -> None:
        self.mechanism = mechanism
        self.claim: Claim | None = None
        self.denied: Denied | None = None  # what the passdbs said to it
        self.since = time.monotonic()  # when the passdbs were asked
        self._session = session
        ends = session.ends
        self._origin = Origin(
            mechanism=mechanism.name,
            remote_ip=ends.remote_ip,
            remote_port=ends.remote_port,
            local_ip=ends.local_ip,
            local_port=ends.local_port,
            tls=session.wire.tls is not None,
            secured=session.is_secured,
            session=session.id,
            check_wanted=self._check_wanted,
        )

    def verify(self, claim: Claim) -> Identity:
        """Who it is, when the claim holds."""
        claim = self._begin(claim)
        with self._turn():
            try:
                return self._session.service.chain.verify(claim, self._origin)
            except Denied as denied:
                self.denied = denied
                raise

    def account(self, claim: KeysWanted) -> Account:
        """The keys of that user."""
        claim = self._begin(claim)
        with self._turn():
            return self._session.service.chain.account(claim, self._origin)

    def _turn(self) -> AbstractContextManager[None]:
        """The turn of the client's address; a trusted one, such as a webmail server, has many users."""
        session = self._session
        if session.is_trusted:
            return nullcontext()
        at_a_time = AT_A_TIME_ELSEWHERE if session.service.chain.asks_others else AT_A_TIME
        return session.service.logins.turn(session.ends.remote_ip, at_a_time)

    def _check_wanted(self) -> None:
        """Raise Denied or Unavailable when a password that waits for its turn need not be compared any more."""
        session = self._session
        if session.is_stopping:
            raise Unavailable("the server is stopping")
        if session.wire.has_left():
            raise Denied("the client left before its password was compared")

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
    def password(self) -> str:
        """The password that was claimed; empty where there was none."""
        return self.claim.password if isinstance(self.claim, Cleartext) else ""
