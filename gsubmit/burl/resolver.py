"""From the URL in a BURL command to the octets that it leads to."""

from __future__ import annotations

import logging
import time
from collections.abc import Callable, Collection, Sequence
from typing import NamedTuple, TypeAlias

from gsubmit.burl import access
from gsubmit.burl.access import Submitter
from gsubmit.burl.fetcher import Fetcher, NoToken, NotResolved, Sink, TokenRefused, TooBig
from gsubmit.burl.refusals import Refusals
from gsubmit.burl.url import DEFAULT_PORT, BadUrl, ImapUrl, Kind
from gsubmit.metrics import current
from gsubmit.metrics.figures import IMAP_FAILURES, IMAP_FETCH
from gsubmit.net.imap import ImapFault, LoginRefused, Lost, Slow
from gsubmit.net.imappool import NoConnection, Pool, Who
from gsubmit.net.slots import SlotsByKey
from gsubmit.settings.burl import ImapServerSettings
from gsubmit.settings.hosts import bracketed, canonical, host_and_port
from gsubmit.smtp.replies import (
    IMAP_LOST,
    IMAP_REFUSES_US,
    IMAP_SLOW,
    IMAP_UNREACHABLE,
    INVALID_URL,
    TOO_BIG,
    URL_FORBIDDEN,
    URL_NOT_OF_MESSAGE,
    URL_UNRESOLVED,
    URL_UNTRUSTED,
)
from gsubmit.smtp.reply import Refused, Reply

AT_A_TIME = 5  # messages that are fetched for one user at the same time
IMAPS_PORT = 993  # RFC 8314 3.2
REMEMBERED = 3600.0  # seconds, of a server that resolves no submit+ URLs: Dovecot takes some to say so
_SYNTAX = frozenset({Kind.SYNTAX, Kind.RELATIVE})
_FOR_NOW = frozenset({"UNAVAILABLE", "CONTACTADMIN", "SERVERBUG", "LIMIT", "INUSE"})  # RFC 5530: says nothing of a user
_LATENCY = current.Buckets(IMAP_FETCH)
_log = logging.getLogger("gsubmit.burl")


FetcherPool: TypeAlias = Pool[Fetcher, ImapServerSettings]


class _Way(NamedTuple):
    """One way to the content: as whom, and what to do then."""

    name: str
    who: Who
    get: Callable[[Fetcher, ImapUrl, Sink], None]
    is_others: bool = False  # somebody else's mailbox is looked into, in the name of its owner


class Resolver:
    """The IMAP servers there are, and nobody else is ever asked."""

    def __init__(
        self, pools: Sequence[FetcherPool], accesses: Collection[str], seconds: float, refusals: Refusals
    ) -> None:
        """`accesses`: the access identifiers that are taken; `seconds`: for a message to come, all of it."""
        self.pools = tuple(pools)
        self._servers = [pool.server for pool in pools]
        self._by_place = {(canonical(pool.server.host), pool.server.port): pool for pool in pools}
        for pool in pools:
            if pool.server.ssl == "imaps":  # URLs know no port for TLS from the first octet (RFC 5092 11)
                self._by_place.setdefault((canonical(pool.server.host), DEFAULT_PORT), pool)
        self._accesses = frozenset(accesses)
        self._fetch_time = seconds
        self._slots = SlotsByKey()  # of users
        self._refusals = refusals
        self._without_urlfetch: dict[
            FetcherPool, float
        ] = {}  # servers that resolve no submit+ URLs, when that was seen

    @property
    def forwards(self) -> bool:
        """Whether passwords of clients are of use."""
        return any(server.forwards for server in self._servers)

    def parameters(self, submitter: Submitter | None) -> str | None:
        """What the EHLO keyword BURL says to a client (RFC 4468 3.3); None where there is no BURL for it.

        Before the login it says nothing but that there is BURL.
        """
        if submitter is None:
            return "" if self._servers else None
        owners = [server for server in self._servers if _acts_for(server, submitter, submitter.user)]
        if not owners and not any(server.has_submit for server in self._servers):
            return None
        return " ".join(["imap", *(_authority(server) for server in owners)])

    def fetch(self, text: str, submitter: Submitter, sink: Sink, label: str) -> int:
        """Give the octets behind a URL to the sink; their number. Raises Refused. `label` begins lines of the log."""
        began = time.monotonic()
        try:
            octets = self._fetch(text, submitter, sink, label)
        except Refused as refused:
            current.row[IMAP_FAILURES.at("failed" if refused.reply.code < 500 else "refused")] += 1
            raise
        _LATENCY.observe(time.monotonic() - began)
        return octets

    def _fetch(self, text: str, submitter: Submitter, sink: Sink, label: str) -> int:
        try:
            url = ImapUrl.parse(text)
        except BadUrl as bad:
            _log.warning("Not fetched: %s", bad.reason, extra={"prefix": label})
            raise Refused(INVALID_URL if bad.kind in _SYNTAX else URL_NOT_OF_MESSAGE) from bad
        try:
            pool = self._pool(url, submitter)
            ways = self._ways(pool, url, submitter)
        except Refused as refused:
            _log.warning("%s: %s", url.redacted, refused.reply.text, extra={"prefix": label})
            raise
        for number, way in enumerate(ways, start=1):
            try:
                octets = self._go_unless_refused(pool, way, url, submitter, sink)
            except NotResolved as failed:
                _log.warning("%s: %s: %s", url.redacted, way.name, failed.reason, extra={"prefix": label})
                if number == len(ways):
                    raise Refused(_reply(failed, way)) from None
                continue
            except ImapFault as fault:
                _log.error("%s: %s: %s", url.redacted, way.name, fault.reason, extra={"prefix": label})
                raise Refused(_reply(fault, way)) from None
            if number > 1:
                self._without_urlfetch[pool] = time.monotonic()
            _log.info("Fetched %s: method=%s, size=%d", url.redacted, way.name, octets, extra={"prefix": label})
            return octets
        raise AssertionError("the last way raises or returns")

    def mailbox(self, text: str, submitter: Submitter, host: str) -> str:
        """The user's own mailbox on a host that holds the message which a URL stands for, all of it; else empty.

        The URL was fetched before.
        """
        url = ImapUrl.parse(text)
        is_own = (not url.user or submitter.is_named(url.user)) and url.host == canonical(host)
        return url.mailbox if is_own and not url.section and url.partial is None else ""

    def close(self) -> None:
        """Leave all servers."""
        for pool in self.pools:
            pool.close()

    def _pool(self, url: ImapUrl, submitter: Submitter) -> FetcherPool:
        """The server to be asked, once it is clear that it may be. Raises Refused."""
        pool = self._by_place.get((url.host, url.port))
        if pool is None:
            raise Refused(URL_UNTRUSTED)
        access.check(url, submitter, self._accesses)
        return pool

    def _ways(self, pool: FetcherPool, url: ImapUrl, submitter: Submitter) -> list[_Way]:
        """How this URL can be resolved at its server, the first choice first. Raises Refused."""
        server, ways = pool.server, []
        has_token = url.urlauth is not None and url.urlauth.access != "user"
        owner = url.user if url.urlauth is not None else submitter.user
        who = _acts_for(server, submitter, owner)
        if server.has_submit and has_token and (who is None or self._may_urlfetch(pool)):
            ways.append(_Way("urlfetch", Who(server.submit_user, server.submit_password), Fetcher.urlfetch))
        if who is not None:
            ways.append(_Way("owner", who, _get_as_owner, not submitter.is_named(owner)))
        if not ways:
            raise Refused(URL_UNTRUSTED)
        return ways

    def _may_urlfetch(self, pool: FetcherPool) -> bool:
        """Whether it has not failed recently: one failure, perhaps of one strange URL, is not to stand for all time."""
        return time.monotonic() - self._without_urlfetch.get(pool, float("-inf")) >= REMEMBERED

    def _go_unless_refused(self, pool: FetcherPool, way: _Way, url: ImapUrl, submitter: Submitter, sink: Sink) -> int:
        """Number of octets. Somebody who was refused a few times has to wait.

        How long a server takes tells whether there is such a user, and one that sees many logins fail makes all of ours
        wait (Dovecot by 15 seconds).
        """
        if way.name == "urlfetch":
            return self._go_with_slot(pool, way, url, submitter, sink)
        user = submitter.user
        if self._refusals.too_many_refusals(user, of_others=way.is_others):
            raise TokenRefused("not asked: too many refusals of late") if way.is_others else _NotAgain()
        try:
            return self._go_with_slot(pool, way, url, submitter, sink)
        except LoginRefused as refused:
            if refused.code not in _FOR_NOW:
                self._refusals.refused(user, of_others=way.is_others)
            raise
        except (TokenRefused, NoToken):
            if way.is_others:
                self._refusals.refused(user, of_others=True)
            raise

    def _go_with_slot(self, pool: FetcherPool, way: _Way, url: ImapUrl, submitter: Submitter, sink: Sink) -> int:
        """Number of octets. A user has few connections at a time, so that nobody can take all there may be."""
        with self._slots.slot(submitter.user, AT_A_TIME, pool.connect_time) as is_taken:
            if not is_taken:
                raise NoConnection(f"{AT_A_TIME} messages are being fetched for this user already")
            return self._go(pool, way, url, sink)

    def _go(self, pool: FetcherPool, way: _Way, url: ImapUrl, sink: Sink) -> int:
        """Number of octets. A kept connection may have died: then once more on a new one, if nothing has come yet."""
        try:
            return self._go_once(pool, way, url, sink, new=False)
        except _DiedBefore:
            return self._go_once(pool, way, url, sink, new=True)

    def _go_once(self, pool: FetcherPool, way: _Way, url: ImapUrl, sink: Sink, *, new: bool) -> int:
        with pool.connection(way.who, new=new) as fetcher:
            before = fetcher.fetched
            try:
                with fetcher.begun(self._fetch_time):
                    way.get(fetcher, url, sink)
            except Lost as lost:
                if fetcher.has_served and fetcher.fetched == before:
                    raise _DiedBefore(lost.reason) from None
                raise
            return fetcher.fetched - before


class _NotAgain(LoginRefused):
    """The server was not asked, because it has refused this login a few times."""

    def __init__(self) -> None:
        super().__init__("")
        self.reason = "not asked: too many logins refused of late"


class _DiedBefore(ImapFault):
    """A connection that had served before was lost before it brought anything."""


def _get_as_owner(fetcher: Fetcher, url: ImapUrl, sink: Sink) -> None:
    if url.urlauth is not None:
        fetcher.check_token(url.urlauth)
    fetcher.fetch_part(url, sink)


def _acts_for(server: ImapServerSettings, submitter: Submitter, owner: str) -> Who | None:
    """How to log in for the owner of a mailbox; None where that is not possible."""
    if server.has_master:
        return Who(server.master_user, server.master_password, owner)
    if server.forwards and submitter.password and submitter.is_named(owner):
        return Who(submitter.user, submitter.password, is_users_own=True)
    return None


def _authority(server: ImapServerSettings) -> str:
    is_usual = server.port == DEFAULT_PORT or (server.ssl == "imaps" and server.port == IMAPS_PORT)
    return "imap://" + (bracketed(server.host) if is_usual else host_and_port(server.host, server.port))


def _reply(why: NotResolved | ImapFault, way: _Way) -> Reply:
    match why:
        case TokenRefused():
            return URL_FORBIDDEN
        case NoToken() | LoginRefused() if way.is_others:
            return URL_FORBIDDEN  # whether others have what a made-up URL names must not be heard
        case NotResolved():
            return URL_UNRESOLVED
        case TooBig():
            return TOO_BIG
        case LoginRefused():
            return IMAP_REFUSES_US
        case Slow():
            return IMAP_SLOW
        case NoConnection():
            return IMAP_UNREACHABLE
    return IMAP_LOST
