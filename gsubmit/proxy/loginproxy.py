"""Connecting to backends and logging in there for users, so that a login succeeds where the backend says so, only."""

from __future__ import annotations

import itertools
import ssl
import time
from collections.abc import Callable, Iterator
from contextlib import AbstractContextManager, contextmanager
from dataclasses import dataclass, replace
from socket import socket
from typing import NoReturn

import gevent

from gsubmit.dial.answer import LoginRefused, RelayFailed
from gsubmit.dial.connection import RelayConnection
from gsubmit.dial.login import log_in
from gsubmit.dial.nexthop import NextHop
from gsubmit.dial.opening import open_connection
from gsubmit.dial.xclient import ClientFacts
from gsubmit.net.addresses import LEAST_SHARE, Addresses
from gsubmit.net.local import is_local
from gsubmit.net.resolve import LookupFailed
from gsubmit.proxy.backends import Backends, Found
from gsubmit.proxy.itself import Itself
from gsubmit.proxy.target import Place, Target
from gsubmit.settings.proxy import ProxySettings
from gsubmit.settings.relay import RelayLogin
from gsubmit.smtp.replies import AUTH_UNAVAILABLE, LOGGED_IN, REFERRAL
from gsubmit.smtp.reply import Reply
from gsubmit.tls.certificates import CertificateError

RECONNECT_EVERY = 1.0  # seconds between two tries, as in Dovecot
MAX_REFERRALS = 10  # from one backend to the next
MAX_RETURNS = 2  # to the same one
MAX_PLACES = 1000  # whose NextHop is kept

Slot = Callable[[], AbstractContextManager[None]]
"""Held while a backend looks at a password: a guess is what it is for."""


@dataclass(frozen=True, slots=True)
class Backend:
    """A connection on which the backend has taken the login of a user."""

    sock: socket
    ahead: bytes  # what it has said behind its reply
    reply: Reply  # to the login, for the client
    name: str
    source: str  # our own address
    user: str  # as whom we have logged in
    master_user: str


class BackendConnection(RelayConnection):
    """A connection that knows whether the backend has heard of the user, by XCLIENT's LOGIN."""

    knows_user = False

    def command(self, line: bytes) -> None:
        """Put a command for the next flush."""
        if line.startswith(b"XCLIENT "):
            self.knows_user = self.knows_user or (b" LOGIN=" in line and b" LOGIN=[" not in line)
        super().command(line)


class LoginProxy:
    """One for all sessions. `make_context` makes TLS to backends whose certificates are verified, or not."""

    def __init__(
        self, settings: ProxySettings, hostname: str, itself: Itself, make_context: Callable[[bool], ssl.SSLContext]
    ) -> None:
        self.settings = settings
        self.backends = Backends()
        self.hostname = hostname
        self._itself = itself
        self._make_context = make_context
        self._sources = _usable(settings.login_source_ips)
        self._turn = itertools.count()
        self._hops: dict[Place, NextHop] = {}

    def is_here(self, target: Target, client: ClientFacts) -> bool:
        """Whether the target is this server. Raises RelayFailed when its name cannot be looked up."""
        place = target.place
        found = self.addresses(target, self.settings.login_proxy_timeout)
        return any(self._is_here(one.address, place.port, client) for one in found)

    def _is_here(self, address: str, port: int, client: ClientFacts) -> bool:
        return (address, port) == (client.destaddr, client.destport) or self._itself.is_at(address, port)

    def addresses(self, target: Target, seconds: float) -> list[Found]:
        """Those of a target, in the order to try them. Raises RelayFailed."""
        try:
            return self.backends.addresses(target.place, target.user, seconds)
        except LookupFailed as failed:
            raise RelayFailed(AUTH_UNAVAILABLE, str(failed)) from failed

    def log_in(self, target: Target, login: RelayLogin, client: ClientFacts, slot: Slot) -> Backend:
        """Log in at the target, or at the one that it refers us to.

        Raises LoginRefused with the backend's reply to the login, and RelayFailed for all else.
        """
        seconds = target.timeout or self.settings.login_proxy_timeout
        with _within(seconds, target.place):
            return self._follow(target, login, client, slot, time.monotonic() + seconds)

    def _follow(self, target: Target, login: RelayLogin, client: ClientFacts, slot: Slot, deadline: float) -> Backend:
        seen: list[Place] = []
        while True:
            try:
                return self._try_again(target, login, client, slot, deadline)
            except LoginRefused as refused:
                assert refused.said is not None
                other = target.referred(refused.said.text) if refused.said.status == REFERRAL.status else None
                if other is None:
                    raise
                seen.append(other.place)
                if len(seen) > MAX_REFERRALS or seen.count(other.place) > MAX_RETURNS:
                    why = f"{target.place} refers to {other.place} again: backends refer to each other"
                    raise RelayFailed(AUTH_UNAVAILABLE, why) from refused
                target, login = other, replace(login, user=other.user)

    def _try_again(
        self, target: Target, login: RelayLogin, client: ClientFacts, slot: Slot, deadline: float
    ) -> Backend:
        """A backend that does not serve us, or says 4yz to the login, is tried again."""
        for number in range(self.settings.login_proxy_max_reconnects + 1):
            if number:
                time.sleep(RECONNECT_EVERY)
            try:
                return self._try_each(target, login, client, slot, deadline)
            except LoginRefused as refused:
                assert refused.said is not None
                if refused.said.code // 100 == 5:
                    raise
                failure: RelayFailed = refused
            except GivenUp:
                raise
            except RelayFailed as failed:
                failure = failed
        raise failure

    def _try_each(self, target: Target, login: RelayLogin, client: ClientFacts, slot: Slot, deadline: float) -> Backend:
        """One try: the user's address, and while that fails the others."""
        place = target.place
        addresses = self.addresses(target, deadline - time.monotonic())
        if any(self._is_here(found.address, place.port, client) for found in addresses):
            raise GivenUp(AUTH_UNAVAILABLE, f"{place}: Proxying loops to itself")
        usable = [found for found in addresses if not self.backends.left_alone(found.address, place.port)]
        if not usable:
            self._give_up(place, addresses)
        failures = []
        for number, found in enumerate(usable):
            share = max((deadline - time.monotonic()) / (len(usable) - number), LEAST_SHARE)
            try:
                connection = self.open(target, found, client, share)
            except (RelayFailed, gevent.Timeout) as failed:
                self.backends.failed(found.address, place.port)
                if not isinstance(failed, RelayFailed):
                    raise
                failures.append(failed)
            else:
                self.backends.worked(found.address, place.port)
                return _finish(connection, target, login, slot)
        self.backends.doubt(place)
        raise RelayFailed(AUTH_UNAVAILABLE, "; ".join(failed.why for failed in failures)) from failures[-1].__cause__

    def _give_up(self, place: Place, addresses: list[Found]) -> NoReturn:
        is_old = all(self.backends.is_given_up(found.address, place.port) for found in addresses)
        why = f"{place} has failed a moment ago, and is left alone"
        raise (GivenUp if is_old else RelayFailed)(AUTH_UNAVAILABLE, why)

    def open(self, target: Target, found: Found, client: ClientFacts, seconds: float) -> RelayConnection:
        """A connection that is ready for AUTH. Raises RelayFailed."""
        hop = self._hop(target.place, found.host, target.place.source_ip or self._source(found.address))
        with _within(seconds, hop):
            connection = open_connection(hop, Addresses(found.address), client, make=BackendConnection)
        if not (target.has_login or (isinstance(connection, BackendConnection) and connection.knows_user)):
            connection.close()
            raise RelayFailed(AUTH_UNAVAILABLE, f"proxy_noauth: {connection} takes no LOGIN by XCLIENT from us")
        return connection

    def _hop(self, place: Place, host: str, source: str) -> NextHop:
        key = replace(place, hosts=(host,), source_ip=source)
        known = self._hops.get(key)
        if known is None:
            if len(self._hops) >= MAX_PLACES:
                self._hops.clear()
            known = self._hops[key] = NextHop(
                host=host,
                port=place.port,
                hostname=self.hostname,
                connect_timeout=self.settings.login_proxy_timeout,
                command_timeout=self.settings.login_proxy_timeout,
                tls=place.tls,
                context=None if place.tls == "no" else self._context(place.verify),
                trusted=place.trusts_us,
                rawlog_dir=self.settings.login_proxy_rawlog_dir,
                source_ip=source,
            )
        return known

    def _context(self, verify: bool) -> ssl.SSLContext:
        try:
            return self._make_context(verify)
        except CertificateError as error:
            raise RelayFailed(AUTH_UNAVAILABLE, str(error)) from error

    def _source(self, address: str) -> str:
        """The next of login_source_ips that can reach this address; empty for the system's choice."""
        sources = [source for source in self._sources if (":" in source) == (":" in address)]
        return sources[next(self._turn) % len(sources)] if sources else ""


class GivenUp(RelayFailed):
    """There is no use in trying again: it is this server, or all addresses have failed for long."""


@contextmanager
def _within(seconds: float, place: object) -> Iterator[None]:
    """Raise RelayFailed when it takes longer; gevent's Timeout in between is for nobody to catch."""
    with gevent.Timeout(seconds) as timeout:
        try:
            yield
        except gevent.Timeout as expired:
            if expired is not timeout:
                raise
            raise RelayFailed(AUTH_UNAVAILABLE, f"no answer from {place} in {seconds:.3g} seconds") from None


def _usable(sources: tuple[str, ...]) -> tuple[str, ...]:
    """With `?` before the first, only those that this machine has."""
    if not sources or not sources[0].startswith("?"):
        return sources
    return tuple(source for source in (sources[0][1:], *sources[1:]) if is_local(source))


def _finish(connection: RelayConnection, target: Target, login: RelayLogin, slot: Slot) -> Backend:
    """Log in, and take the connection over."""
    try:
        reply = LOGGED_IN
        if target.has_login:
            with slot():
                reply = log_in(connection, login)
        name = str(connection)
        source = connection.sock.getsockname()[0] if connection.sock is not None else ""
        sock, ahead = connection.hand_over()
    except BaseException:
        connection.close()
        raise
    return Backend(sock, ahead, reply, name, source, login.user, login.master_user)
