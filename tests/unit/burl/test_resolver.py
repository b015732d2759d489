"""From a URL to octets: which server is asked, as whom, and what the client hears when nothing comes of it."""

from __future__ import annotations

import logging
from typing import Any

import gevent
import pytest

from gsubmit.auth.refusals import MOST_REFUSALS
from gsubmit.auth.state.local import LocalState
from gsubmit.burl import resolver as resolving
from gsubmit.burl.access import Submitter
from gsubmit.burl.fetcher import Fetcher
from gsubmit.burl.resolver import FetcherPool, Resolver
from gsubmit.net.imappool import Pool
from gsubmit.settings.burl import ImapServerSettings
from gsubmit.smtp import replies
from gsubmit.smtp.reply import Refused, Reply
from tests.harness.fakeimap import MESSAGE, FakeImap
from tests.harness.imapscript import TOKEN
from tests.unit.burl.imapserver import SECONDS, Kept, imap_server, plain_url, pool, submit_url

USER = Submitter("user", "user".__eq__, "s3cret")
WITHOUT_PASSWORD = Submitter("user", "user".__eq__)
Values = dict[str, Any]
SUBMIT: Values = {"submit_password": "x"}
MASTER: Values = {"master_user": "proxy", "master_password": "x"}
FORWARD: Values = {"forward_credentials": True}
NIL = ("> TAG URLFETCH *", '< * URLFETCH "{url}" NIL\\r\\nTAG OK done')


def resolver(*pools: FetcherPool, accesses: tuple[str, ...] = ("submit",)) -> Resolver:
    return Resolver(pools, accesses, SECONDS, LocalState())


def unreachable(**settings: Any) -> FetcherPool:
    return Pool(Fetcher, ImapServerSettings(**{"port": 9, **settings}), None, 0.2, 1)


def outcome(there: Resolver, url: str, submitter: Submitter = USER, room: int | None = None) -> Reply | bytes:
    sink = Kept(room)
    try:
        size = there.fetch(url, submitter, sink, "label")
    except Refused as refused:
        return refused.reply
    assert size == len(sink.octets)
    return bytes(sink.octets)


def verbs(server: FakeImap) -> list[bytes]:
    """What was asked, without what comes before each dialog."""
    heard = [line.split(b" ")[1] for talk in server.talks for line in talk.heard]
    return [verb for verb in heard if verb not in (b"CAPABILITY", b"AUTHENTICATE")]


@pytest.mark.parametrize(
    ("settings", "before", "after", "without_password"),
    [
        pytest.param([], None, None, None, id="no server"),
        pytest.param([{"host": "a", **SUBMIT}], "", "imap", "imap", id="submit"),
        pytest.param([{"host": "a", **MASTER}], "", "imap imap://a:9", "imap imap://a:9", id="master"),
        pytest.param([{"host": "a", **FORWARD}], "", "imap imap://a:9", None, id="the user's own password"),
        pytest.param(
            [{"host": "a", "port": 143, **MASTER}], "", "imap imap://a", "imap imap://a", id="BURL-5 port 143"
        ),
        pytest.param(
            [{"host": "a", "port": 993, "ssl": "imaps", **MASTER}], "", "imap imap://a", "imap imap://a", id="imaps"
        ),
        pytest.param([{"host": "::1", **MASTER}], "", "imap imap://[::1]:9", "imap imap://[::1]:9", id="IPv6"),
        pytest.param([{"host": "a", **SUBMIT}, {"host": "b", **FORWARD}], "", "imap imap://b:9", "imap", id="two"),
    ],
)
def test_announced(settings: list[Values], before: str | None, after: str | None, without_password: str | None) -> None:
    """BURL-3, BURL-4, BURL-5: only what works."""
    there = resolver(*[unreachable(**one) for one in settings])
    assert there.parameters(None) == before
    assert there.parameters(USER) == after
    assert there.parameters(WITHOUT_PASSWORD) == without_password
    assert there.forwards is any("forward_credentials" in one for one in settings)


@pytest.mark.parametrize(
    ("host", "written"),
    [
        ("imap.example.org", "IMAP.Example.ORG"),
        ("IMAP.example.org", "imap.example.org."),
        ("imap.example.org.", "imap.example.org"),
        ("2001:db8:0::1", "[2001:DB8::0:1]"),
        ("[::1]", "[0:0::1]"),
    ],
)
def test_hosts_in_another_form(host: str, written: str) -> None:
    """BURL-22: the server is known, and the user is not who the URL is for."""
    there = resolver(unreachable(host=host, **SUBMIT))
    url = f"imap://joe@{written}:9/INBOX/;UID=1;URLAUTH=submit+joe:INTERNAL:{TOKEN}"
    assert outcome(there, url) == replies.URL_FORBIDDEN
    assert outcome(there, url.replace(":9/", ":10/")) == replies.URL_UNTRUSTED
    assert outcome(there, url.replace(":9/", "/")) == replies.URL_UNTRUSTED


def test_port_of_imaps() -> None:
    """URL-1: URLs have no form for TLS from the first octet, so that their usual port means this server too."""
    there = resolver(unreachable(host="a", ssl="imaps", **SUBMIT))
    url = f"imap://joe@a/INBOX/;UID=1;URLAUTH=submit+joe:INTERNAL:{TOKEN}"
    assert outcome(there, url) == outcome(there, url.replace("@a/", "@a:9/")) == replies.URL_FORBIDDEN
    assert outcome(there, url.replace("@a/", "@a:10/")) == replies.URL_UNTRUSTED


def test_nobody_listens() -> None:
    there = resolver(unreachable(host="127.0.0.1", **SUBMIT))
    assert outcome(there, f"imap://u@127.0.0.1:9/I/;UID=1;URLAUTH=submit+user:INTERNAL:{TOKEN}") == (
        replies.IMAP_UNREACHABLE
    )


@pytest.mark.parametrize(
    ("settings", "submitter", "is_plain", "came"),
    [
        pytest.param(SUBMIT, USER, False, [b"URLFETCH"], id="urlfetch"),
        pytest.param(SUBMIT, USER, True, replies.URL_UNTRUSTED, id="urlfetch without a token"),
        pytest.param(MASTER, USER, False, [b"GENURLAUTH", b"EXAMINE", b"UID"], id="owner"),
        pytest.param(MASTER, USER, True, [b"EXAMINE", b"UID"], id="owner without a token"),
        pytest.param(FORWARD, USER, True, [b"EXAMINE", b"UID"], id="the user's own password"),
        pytest.param(FORWARD, WITHOUT_PASSWORD, True, replies.URL_UNTRUSTED, id="no password to pass on"),
        pytest.param({**SUBMIT, **MASTER}, USER, False, [b"URLFETCH"], id="both"),
        pytest.param({**SUBMIT, **MASTER}, USER, True, [b"EXAMINE", b"UID"], id="both without a token"),
        pytest.param(
            {**SUBMIT, **MASTER, "method": "owner"}, USER, False, [b"GENURLAUTH", b"EXAMINE", b"UID"], id="auto"
        ),
    ],
)
def test_ways(settings: Values, submitter: Submitter, is_plain: bool, came: Reply | list[bytes]) -> None:
    with imap_server() as server, pool(server, settings) as one:
        url = plain_url(server) if is_plain else submit_url(server)
        result = outcome(resolver(one), url, submitter)
        if isinstance(came, Reply):
            assert (result, server.talks) == (came, [])
        else:
            assert result == MESSAGE
            assert [verb for verb in verbs(server) if verb != b"LOGOUT"] == came


def test_user_urls_are_never_fetched_as_the_service() -> None:
    """BURL-17: the service would get NIL."""
    with imap_server() as server, pool(server, SUBMIT | MASTER) as one:
        assert outcome(resolver(one, accesses=("user",)), submit_url(server, "user+user")) == MESSAGE
        assert b"URLFETCH" not in verbs(server)


def test_a_server_that_resolves_no_submit_urls_is_remembered() -> None:
    with imap_server(*NIL) as server, pool(server, SUBMIT | MASTER) as one:
        there = resolver(one)
        for _ in range(2):
            assert outcome(there, submit_url(server)) == MESSAGE
        assert verbs(server).count(b"URLFETCH") == 1


def test_it_is_not_remembered_for_ever(monkeypatch: pytest.MonkeyPatch) -> None:
    """It may have been one strange URL, and those who cannot be logged in as need the other way."""
    with imap_server(*NIL) as server, pool(server, SUBMIT | MASTER) as one:
        there = resolver(one)
        assert outcome(there, submit_url(server)) == MESSAGE
        monkeypatch.setattr(resolving, "REMEMBERED", 0.0)
        assert outcome(there, submit_url(server)) == MESSAGE
        assert verbs(server).count(b"URLFETCH") == 2


def test_what_is_remembered_closes_no_other_way() -> None:
    """Whoever has not lent us a password still has URLFETCH."""
    with imap_server(*NIL) as server, pool(server, SUBMIT | FORWARD) as one:
        there = resolver(one)
        assert outcome(there, submit_url(server)) == MESSAGE
        assert outcome(there, submit_url(server), WITHOUT_PASSWORD) == MESSAGE
        assert verbs(server).count(b"URLFETCH") == 2


def test_a_url_that_neither_way_resolves_says_nothing_of_the_server() -> None:
    refused = ("> TAG GENURLAUTH *", "< TAG NO no such mailbox")
    with imap_server(*NIL, others=refused) as server, pool(server, SUBMIT | MASTER) as one:
        there = resolver(one)
        assert outcome(there, submit_url(server)) == replies.URL_UNRESOLVED
        assert outcome(there, submit_url(server)) == MESSAGE
        assert verbs(server).count(b"URLFETCH") == 2


@pytest.mark.parametrize("room", [0, 1, len(MESSAGE) - 1])
def test_no_room(room: int) -> None:
    with imap_server() as server, pool(server, SUBMIT) as one:
        assert outcome(resolver(one), submit_url(server), room=room) == replies.TOO_BIG
        assert outcome(resolver(one), submit_url(server), room=len(MESSAGE)) == MESSAGE


def test_no_token_and_no_password_in_the_log(caplog: pytest.LogCaptureFixture) -> None:
    """BURL-24."""
    caplog.set_level(logging.DEBUG)
    with imap_server(*NIL) as server, pool(server, SUBMIT | FORWARD) as one:
        assert outcome(resolver(one), submit_url(server)) == MESSAGE
        outcome(resolver(one), submit_url(server, "submit+joe"))
    assert "<hidden>" in caplog.text
    assert TOKEN not in caplog.text
    assert "s3cret" not in caplog.text


def test_close() -> None:
    with imap_server() as server, pool(server, SUBMIT) as one:
        there = resolver(one)
        outcome(there, submit_url(server))
        there.close()
        there.close()
        assert outcome(there, submit_url(server)) == MESSAGE
        assert len(server.talks) == 2


NO_USER = ("> TAG AUTHENTICATE *", "< TAG NO [AUTHENTICATIONFAILED] no")
NO_MAILBOX = ("> TAG GENURLAUTH *", "< TAG NO no such mailbox")


def joes(server: FakeImap, token: str = "0" * 32) -> str:
    return f"imap://joe@127.0.0.1:{server.port}/INBOX/;UID=1;URLAUTH=submit+user:INTERNAL:{token}"


@pytest.mark.parametrize("lines", [NO_USER, NO_MAILBOX, ()], ids=["no such user", "no such mailbox", "wrong token"])
def test_what_others_have_is_not_told(lines: tuple[str, ...]) -> None:
    """Whoever makes up a URL hears of no user, mailbox or message of others whether there is one (UAU-6, UAU-11)."""
    with imap_server(*lines) as server, pool(server, MASTER) as one:
        assert outcome(resolver(one), joes(server)) == replies.URL_FORBIDDEN


@pytest.mark.parametrize("lines", [NO_USER, ()], ids=["no such user", "wrong token"])
def test_few_guesses_at_what_others_have(lines: tuple[str, ...]) -> None:
    """How long the server takes would tell; and it makes us wait with all our logins when many have failed."""
    with imap_server(others=lines) as server, pool(server, MASTER) as one:
        there = resolver(one)
        assert outcome(there, submit_url(server)) == MESSAGE
        for _ in range(2 * MOST_REFUSALS):
            assert outcome(there, joes(server)) == replies.URL_FORBIDDEN
        asked = [verb for talk in server.talks[1:] for verb in map(_verb, talk.heard)]
        assert asked.count(b"AUTHENTICATE" if lines else b"GENURLAUTH") == MOST_REFUSALS
        assert outcome(there, submit_url(server)) == MESSAGE, "the user's own are no guesses"
        fred = Submitter("fred", "fred".__eq__)
        assert outcome(there, joes(server).replace("+user", "+fred"), fred) == replies.URL_FORBIDDEN
        assert len(asked) < sum(len(talk.heard) for talk in server.talks[1:]), "fred has guessed nothing"


def test_a_password_that_is_refused_is_tried_a_few_times() -> None:
    with imap_server(others=NO_USER) as server, pool(server, FORWARD) as one:
        there = resolver(one)
        assert outcome(there, submit_url(server)) == MESSAGE
        for _ in range(2 * MOST_REFUSALS):
            assert outcome(there, submit_url(server)) == replies.IMAP_REFUSES_US
        assert len(server.talks) == 1 + MOST_REFUSALS


def test_a_server_that_takes_no_logins_now_is_asked_again() -> None:
    for_now = ("> TAG AUTHENTICATE *", "< TAG NO [UNAVAILABLE] later")
    with imap_server(others=for_now) as server, pool(server, MASTER) as one:
        there = resolver(one)
        assert outcome(there, submit_url(server)) == MESSAGE
        one.close()
        for _ in range(2 * MOST_REFUSALS):
            assert outcome(there, submit_url(server)) == replies.IMAP_REFUSES_US
        assert len(server.talks) == 1 + 2 * MOST_REFUSALS


def _verb(line: bytes) -> bytes:
    return line.split(b" ")[1]


def test_what_is_refused_is_in_the_log(caplog: pytest.LogCaptureFixture) -> None:
    """BURL-24: whoever tries the URLs of others is seen, and so is an administrator's wrong host name."""
    there = resolver(unreachable(host="a", **SUBMIT))
    url = f"imap://joe@a:9/INBOX/;UID=1;URLAUTH=submit+joe:INTERNAL:{TOKEN}"
    assert outcome(there, url) == replies.URL_FORBIDDEN
    assert outcome(there, url.replace("@a", "@b")) == replies.URL_UNTRUSTED
    assert outcome(there, url[:-1]) == replies.INVALID_URL
    lines = [record.getMessage() for record in caplog.records]
    assert lines == [
        "imap://joe@a:9/INBOX/;UID=1;URLAUTH=submit+joe:INTERNAL:<hidden>: IMAP URL authorization failed",
        "imap://joe@b:9/INBOX/;UID=1;URLAUTH=submit+joe:INTERNAL:<hidden>: No trust relationship with that IMAP server",
        "Not fetched: token of URLAUTH too short",
    ]


def test_one_user_takes_few_connections(monkeypatch: pytest.MonkeyPatch) -> None:
    """BURL-24: who fetches from a slow server keeps nobody else from it."""
    monkeypatch.setattr("gsubmit.burl.resolver.AT_A_TIME", 2)
    other = Submitter("other", "other".__eq__)
    silent = ("> TAG URLFETCH *", "SILENT")
    with imap_server(*silent, others=silent) as server, pool(server, SUBMIT, seconds=0.5) as one:
        there = resolver(one)
        slow = [gevent.spawn(outcome, there, submit_url(server)) for _ in range(2)]
        gevent.sleep(0.1)
        assert outcome(there, submit_url(server)) == replies.IMAP_UNREACHABLE
        assert len(server.talks) == 2
        gevent.spawn(outcome, there, submit_url(server, "submit+other"), other)
        gevent.sleep(0.1)
        assert len(server.talks) == 3
        gevent.killall(slow)


@pytest.mark.parametrize(
    ("rest", "host", "mailbox"),
    [
        pytest.param("joe@imap.example.org/Sent/;UID=1", "imap.example.org", "Sent", id="own"),
        pytest.param(
            "joe@imap.example.org/Sent%20Items;UIDVALIDITY=2/;UID=1", "IMAP.example.org", "Sent Items", id="name"
        ),
        pytest.param("joe@imap.example.org/Sent/;UID=1", "other.example.org", "", id="another-server"),
        pytest.param("fred@imap.example.org/Sent/;UID=1", "imap.example.org", "", id="of-somebody-else"),
        pytest.param("joe@imap.example.org/Sent/;UID=1/;SECTION=1", "imap.example.org", "", id="a-part"),
        pytest.param("joe@imap.example.org/Sent/;UID=1/;PARTIAL=0.10", "imap.example.org", "", id="the-beginning"),
    ],
)
def test_where_a_message_came_from(rest: str, host: str, mailbox: str) -> None:
    submitter = Submitter("joe", lambda name: name == "joe")
    assert resolver().mailbox(f"imap://{rest}", submitter, host) == mailbox
