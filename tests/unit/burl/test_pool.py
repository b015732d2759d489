"""Connections to an IMAP server: whoever takes one gives it back, and only those in good order are kept."""

from __future__ import annotations

import gevent
import pytest

from gsubmit.burl.fetcher import NotResolved, TooBig
from gsubmit.burl.resolver import FetcherPool
from gsubmit.burl.url import ImapUrl
from gsubmit.net import imappool as pools
from gsubmit.net.imap import ImapFault, LoginRefused, Lost, Slow
from gsubmit.net.imappool import NoConnection, Who
from tests.harness.fakeimap import MESSAGE, FakeImap
from tests.unit.burl.imapserver import SECONDS, SUBMIT, Kept, eventually, has_ended, imap_server, pool, submit_url

JOE = Who("joe", "s3cret", is_users_own=True)


def fetch(there: FetcherPool, server: FakeImap, who: Who = SUBMIT) -> None:
    sink = Kept()
    with there.connection(who) as fetcher, fetcher.begun(SECONDS):
        fetcher.urlfetch(ImapUrl.parse(submit_url(server)), sink)
    assert sink.octets == MESSAGE


def has_heard(server: FakeImap, verb: bytes) -> bool:
    return eventually(lambda: any(verb in line for talk in server.talks for line in talk.heard))


def test_a_connection_is_kept_for_the_same_user() -> None:
    with imap_server() as server, pool(server) as there:
        for _ in range(3):
            fetch(there, server)
        assert len(server.talks) == 1
        fetch(there, server, Who("proxy", "s3cret", "joe"))
        fetch(there, server, Who("proxy", "s3cret", "fred"))
        fetch(there, server, Who("proxy", "s3cret", "joe"))
        assert len(server.talks) == 3


def test_two_at_a_time_have_a_connection_each() -> None:
    with imap_server() as server, pool(server) as there:
        with there.connection(SUBMIT) as one, there.connection(SUBMIT) as two:
            assert one is not two
        fetch(there, server)
        assert len(server.talks) == 2


def test_the_connection_of_a_password_that_was_lent_is_left() -> None:
    """BURL-20."""
    with imap_server() as server, pool(server) as there:
        fetch(there, server, JOE)
        assert has_ended(server, 1)
        assert server.talks[0].heard[-1] == b"TAG LOGOUT"
        fetch(there, server, JOE)
        assert len(server.talks) == 2


@pytest.mark.parametrize(
    ("error", "is_kept"),
    [
        (NotResolved("NIL"), True),
        (ImapFault("nonsense"), False),
        (Slow("slow"), False),
        (Lost("lost"), False),
        (TooBig(), False),
        (RuntimeError("a bug"), False),
        (MemoryError(), False),
        (OSError("no room"), False),
        (gevent.GreenletExit(), False),
        (gevent.Timeout(1), False),
        (KeyboardInterrupt(), False),
    ],
    ids=lambda value: type(value).__name__ if isinstance(value, BaseException) else "",
)
def test_after_an_error(error: BaseException, is_kept: bool) -> None:
    """Half an answer may wait on a connection: the next user must not be told it."""
    with imap_server() as server, pool(server, max_connections=1) as there:
        with pytest.raises(type(error)), there.connection(SUBMIT):
            raise error
        assert has_ended(server, 1) is not is_kept
        fetch(there, server)
        assert len(server.talks) == (1 if is_kept else 2)


def test_slots() -> None:
    with imap_server() as server, pool(server, max_connections=1, seconds=0.05) as there:
        busy = pytest.raises(NoConnection, match="all 1 connections are busy")
        with there.connection(SUBMIT), busy, there.connection(SUBMIT):
            pass
        fetch(there, server)


@pytest.mark.parametrize(
    ("lines", "error"),
    [
        pytest.param(["< * BYE full", "CLOSES"], NoConnection, id="BYE"),
        pytest.param(["CLOSES"], NoConnection, id="closed"),
        pytest.param(["> TAG AUTHENTICATE *", "< TAG NO [AUTHENTICATIONFAILED] no"], LoginRefused, id="refused"),
        pytest.param(["> TAG AUTHENTICATE *", "CLOSES"], NoConnection, id="closed when told the password"),
        pytest.param(
            ["> TAG AUTHENTICATE *", "< TAG OK in", "> TAG CAPABILITY", "< TAG BAD what"], NoConnection, id="BAD"
        ),
    ],
)
def test_a_slot_comes_back_when_opening_fails(lines: list[str], error: type[ImapFault]) -> None:
    with imap_server(*lines) as server, pool(server, max_connections=1) as there:
        with pytest.raises(error), there.connection(SUBMIT):
            raise AssertionError("there is no connection")
        assert has_ended(server, 1)
        fetch(there, server)


def test_killed_while_opening() -> None:
    with imap_server("> TAG AUTHENTICATE *", "SILENT") as server, pool(server, max_connections=1) as there:
        opening = gevent.spawn(fetch, there, server)
        assert has_heard(server, b"AUTHENTICATE")
        opening.kill()
        assert has_ended(server, 1)
        fetch(there, server)


def test_killed_within_content() -> None:
    lines = ("> TAG URLFETCH *", '< * URLFETCH "{url}" {100}', "SILENT")
    with imap_server(*lines) as server, pool(server, max_connections=1) as there:
        fetching = gevent.spawn(fetch, there, server)
        assert has_heard(server, b"URLFETCH")
        fetching.kill()
        assert has_ended(server, 1)
        fetch(there, server)


def test_idle_for_too_long(monkeypatch: pytest.MonkeyPatch) -> None:
    with imap_server() as server, pool(server) as there:
        fetch(there, server)
        monkeypatch.setattr(pools, "MAX_IDLE", -1.0)
        fetch(there, server)
        assert has_ended(server, 1)
        assert len(server.talks) == 2


def test_no_more_are_kept_than_may_be(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(pools, "MAX_KEPT", 1)
    with imap_server() as server, pool(server) as there:
        with there.connection(SUBMIT), there.connection(SUBMIT):
            pass
        assert has_ended(server, 1) != has_ended(server, 2)


def test_after_closing_none_is_kept() -> None:
    """A reload closes the pool of before, and sessions may still use it."""
    with imap_server() as server, pool(server) as there:
        fetch(there, server)
        with there.connection(SUBMIT):
            there.close()
            with there.connection(SUBMIT):
                pass
            assert has_ended(server, 2)
        assert has_ended(server, 1)


def test_no_password_is_shown() -> None:
    assert "s3cret" not in repr(JOE)


def open_at(server: FakeImap) -> int:
    return sum(talk.sock.fileno() != -1 for talk in server.talks)


def test_idle_connections_count() -> None:
    """imap_urlauth_max_connections holds for those that are kept for others too."""
    with imap_server() as server, pool(server, max_connections=2) as there:
        for user in ("joe", "fred", "ann", "bob"):
            fetch(there, server, Who("proxy", "s3cret", user))
            assert eventually(lambda: open_at(server) <= 2)
        with there.connection(Who("proxy", "s3cret", "eve")), there.connection(Who("proxy", "s3cret", "bob")):
            assert eventually(lambda: open_at(server) == 2)
        assert len(server.talks) == 5, "the one used longest ago goes first"
