"""The login proxy: what all logins at backends share, and the connections to them."""

from __future__ import annotations

import itertools
import ssl
from collections.abc import Callable, Iterator
from contextlib import contextmanager

import gevent

from gsubmit.dial.answer import RelayFailed
from gsubmit.dial.connection import RelayConnection
from gsubmit.dial.nexthop import NextHop
from gsubmit.dial.opening import introduce, open_connection
from gsubmit.dial.xclient import ClientFacts
from gsubmit.net.addresses import Addresses
from gsubmit.net.local import is_local
from gsubmit.net.resolve import LookupFailed
from gsubmit.proxy.backends import Backends, Found
from gsubmit.proxy.itself import Itself
from gsubmit.proxy.target import Place, Target
from gsubmit.settings.proxy import ProxySettings
from gsubmit.smtp.replies import AUTH_UNAVAILABLE
from gsubmit.tls.certificates import CertificateError

MAX_PLACES = 1000  # whose NextHop is kept


class BackendConnection(RelayConnection):
    """A connection that knows whether the backend has heard of the user, by XCLIENT's LOGIN."""

    leg = "backend"
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
        self._hops: dict[tuple[Place, str, str], NextHop] = {}

    def is_here(self, target: Target, client: ClientFacts) -> bool:
        """Whether the target is this server. Raises RelayFailed when its name cannot be looked up."""
        place = target.place
        found = self.addresses(target, self.settings.login_proxy_timeout)
        return any(self.answers_at(one.address, place.port, client) for one in found)

    def answers_at(self, address: str, port: int, client: ClientFacts) -> bool:
        """Whether this server, to which `client` is connected, is what answers there."""
        return (address, port) == (client.destaddr, client.destport) or self._itself.is_at(address, port)

    def addresses(self, target: Target, seconds: float) -> list[Found]:
        """Those of a target, in the order to try them. Raises RelayFailed."""
        try:
            return self.backends.addresses(target.place, target.user, seconds)
        except LookupFailed as failed:
            raise RelayFailed(AUTH_UNAVAILABLE, str(failed)) from failed

    def open(self, target: Target, found: Found, client: ClientFacts, seconds: float | None) -> RelayConnection:
        """A connection that is ready for AUTH. Raises RelayFailed, also when it takes longer than `seconds`.

        An address that cannot be reached is left alone for a while; what a backend says once it has heard of the client
        may be about that client, and is nobody else's matter.
        """
        place = target.place
        hop = self._hop(place, found.host, place.source_ip or self._source(found.address))
        with within(seconds, hop):
            try:
                connection = open_connection(hop, Addresses(found.address), None, make=BackendConnection)
            except (RelayFailed, gevent.Timeout):
                self.backends.failed(place, found.address)
                raise
            self.backends.worked(place, found.address)
            try:
                introduce(connection, client)
                if not (target.has_login or (isinstance(connection, BackendConnection) and connection.knows_user)):
                    raise RelayFailed(AUTH_UNAVAILABLE, f"proxy_noauth: {connection} takes no LOGIN by XCLIENT from us")
            except BaseException:
                connection.close()
                raise
        return connection

    def _hop(self, place: Place, host: str, source: str) -> NextHop:
        key = place, host, source
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


@contextmanager
def within(seconds: float | None, place: object) -> Iterator[None]:
    """Raise RelayFailed when it takes longer; gevent's Timeout in between is for nobody to catch."""
    if seconds is None:
        yield
        return
    with gevent.Timeout(seconds) as timeout:
        try:
            yield
        except gevent.Timeout as expired:
            if expired is not timeout:
                raise
            raise RelayFailed(AUTH_UNAVAILABLE, f"no login at {place} in {seconds:.3g} seconds") from None


def _usable(sources: tuple[str, ...]) -> tuple[str, ...]:
    """With `?` before the first, only those that this machine has."""
    if not sources or not sources[0].startswith("?"):
        return sources
    return tuple(source for source in (sources[0][1:], *sources[1:]) if is_local(source))
