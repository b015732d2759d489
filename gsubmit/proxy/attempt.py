"""One login of a user at backends, so that it succeeds where a backend says so, and nowhere else."""

from __future__ import annotations

import time
from collections.abc import Callable
from contextlib import AbstractContextManager
from dataclasses import dataclass, replace
from socket import socket

from gsubmit.dial.answer import LoginRefused, RelayFailed
from gsubmit.dial.connection import RelayConnection
from gsubmit.dial.login import log_in
from gsubmit.dial.xclient import ClientFacts
from gsubmit.net.addresses import LEAST_SHARE
from gsubmit.proxy.backends import Found
from gsubmit.proxy.loginproxy import LoginProxy, within
from gsubmit.proxy.target import Place, Target
from gsubmit.settings.relay import RelayLogin
from gsubmit.smtp.replies import AUTH_UNAVAILABLE, LOGGED_IN, REFERRAL
from gsubmit.smtp.reply import Reply

RECONNECT_EVERY = 1.0  # seconds between two tries, as in Dovecot
MAX_REFERRALS = 10  # from one backend to the next
MAX_RETURNS = 2  # to the same one


class GivenUp(RelayFailed):
    """There is no use in trying again: it is this server, or all addresses have failed for long."""


@dataclass(frozen=True, slots=True)
class Backend:
    """A connection on which the backend has taken the login of a user."""

    sock: socket
    ahead: bytes  # what it has said behind its reply
    reply: Reply  # to the login, for the client
    name: str
    source: str  # our own address
    login: RelayLogin  # as whom we have logged in


@dataclass
class Attempt:
    """Logs in at the target, or at the one that it refers to. `slot` is held while a backend looks at the password."""

    proxy: LoginProxy
    target: Target
    login: RelayLogin
    client: ClientFacts
    slot: Callable[[], AbstractContextManager[None]]
    deadline: float = 0.0  # on the clock of time.monotonic

    def run(self) -> Backend:
        """Raises LoginRefused with the backend's reply to the login, and RelayFailed for all else."""
        seconds = self.target.timeout or self.proxy.settings.login_proxy_timeout
        self.deadline = time.monotonic() + seconds
        seen: list[Place] = []
        with within(seconds, self.target.place):
            while True:
                try:
                    return self._try_again()
                except LoginRefused as refused:
                    self._follow(refused, seen)

    def _follow(self, refused: LoginRefused, seen: list[Place]) -> None:
        """Go on at another backend, if the refusal names one."""
        is_referral = refused.refusal.status == REFERRAL.status
        other = self.target.referred(refused.refusal.text) if is_referral else None
        if other is None:
            raise refused
        seen.append(other.place)
        if len(seen) > MAX_REFERRALS or seen.count(other.place) > MAX_RETURNS:
            why = f"{self.target.place} refers to {other.place} again: backends refer to each other"
            raise RelayFailed(AUTH_UNAVAILABLE, why) from refused
        self.target, self.login = other, replace(self.login, user=other.user)

    def _try_again(self) -> Backend:
        """A backend that does not serve us, or says 4yz to the login, is tried again."""
        tries = self.proxy.settings.login_proxy_max_reconnects + 1
        while True:
            tries -= 1
            try:
                return self._try_each()
            except GivenUp:
                raise
            except RelayFailed as failed:
                if not tries or (isinstance(failed, LoginRefused) and failed.is_final):
                    raise
            time.sleep(RECONNECT_EVERY)

    def _try_each(self) -> Backend:
        """One try: the user's address, and while that fails the others."""
        failures = []
        usable = self._usable()
        for number, found in enumerate(usable):
            rest = len(usable) - number
            share = max((self.deadline - time.monotonic()) / rest, LEAST_SHARE) if rest > 1 else None
            try:
                connection = self.proxy.open(self.target, found, self.client, share)
            except RelayFailed as failed:
                failures.append(failed)
            else:
                return self._finish(connection)
        self.proxy.backends.doubt(self.target.place)
        raise RelayFailed(AUTH_UNAVAILABLE, "; ".join(failed.why for failed in failures)) from failures[-1].__cause__

    def _usable(self) -> list[Found]:
        """The addresses that have not failed a moment ago, at least one."""
        place, backends = self.target.place, self.proxy.backends
        addresses = self.proxy.addresses(self.target, self.deadline - time.monotonic())
        if any(self.proxy.answers_at(found.address, place.port, self.client) for found in addresses):
            raise GivenUp(AUTH_UNAVAILABLE, f"{place}: Proxying loops to itself")
        usable = [found for found in addresses if not backends.left_alone(place, found.address)]
        if usable:
            return usable
        is_old = all(backends.is_given_up(place, found.address) for found in addresses)
        why = f"{place} has failed a moment ago, and is left alone"
        raise (GivenUp if is_old else RelayFailed)(AUTH_UNAVAILABLE, why)

    def _finish(self, connection: RelayConnection) -> Backend:
        """Log in, and take the connection over."""
        try:
            reply = LOGGED_IN
            if self.target.has_login:
                with self.slot():
                    reply = log_in(connection, self.login)
            name, source = str(connection), connection.own_address
            sock, ahead = connection.hand_over()
        except BaseException:
            connection.close()
            raise
        return Backend(sock, ahead, reply, name, source, self.login)
