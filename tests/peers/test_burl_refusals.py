"""URLs that BURL must not take: each its reply, nothing relayed, no IMAP server asked where that would be too much."""

from __future__ import annotations

import re
from collections.abc import Callable, Iterator
from dataclasses import dataclass
from datetime import UTC, datetime, timedelta

import pytest

from tests.harness.imapclient import ImapClient
from tests.harness.peer_burl import (
    GATE,
    LENT,
    MESSAGE,
    SENT,
    URLFETCH,
    USERS,
    WAYS,
    Gate,
    Store,
    at,
    forged,
    gate,
    submission,
)
from tests.harness.peer_cyrus import Cyrus, cyrus
from tests.harness.peer_dovecot_imap import DovecotImap, dovecot_imap
from tests.harness.peer_process import eventually

UNRESOLVED = "554 5.6.6 IMAP URL resolution failed"
NO_MESSAGE = "554 5.6.6 Not the URL of a message on an IMAP server"
EXPIRED = "554 5.6.6 IMAP URL has expired"
FORBIDDEN = "554 5.7.0 IMAP URL authorization failed"
UNTRUSTED = "554 5.7.14 No trust relationship with that IMAP server"
INVALID = "501 5.5.4 Invalid IMAP URL"
SPOILED = "503 5.5.1 Previous data chunk failed, issue RSET first"


@dataclass(frozen=True)
class Place:
    """A store behind a gate, and one message there."""

    store: Store
    gate: Gate
    joe: ImapClient
    fred: ImapClient
    uidvalidity: int
    uid: int

    @property
    def plain(self) -> str:
        return self.store.url("joe", "INBOX", self.uidvalidity, self.uid)

    def url(self, access: str = "submit+joe") -> str:
        return self.joe.genurlauth(f"{self.plain};URLAUTH={access}")

    @property
    def settings(self) -> dict[str, str]:
        """Everything that this store can be asked by."""
        return {
            ways[1]: at(self.store.authority, ways[1])
            for ways in WAYS.values()
            if (ways[0] == "cyrus") == isinstance(self.store, Cyrus)
        }


def _placed(store: Store) -> Iterator[Place]:
    with gate(store.port) as way, store.login("joe") as joe, store.login("fred") as fred:
        yield Place(store, way, joe, fred, *joe.append("INBOX", MESSAGE))


@pytest.fixture(scope="module")
def cyrus_place() -> Iterator[Place]:
    with cyrus(USERS, GATE) as store:
        yield from _placed(store)


@pytest.fixture(scope="module")
def dovecot_place() -> Iterator[Place]:
    with dovecot_imap(USERS, GATE) as store:
        yield from _placed(store)


@pytest.fixture(params=["cyrus", "dovecot"])
def place(request: pytest.FixtureRequest) -> Place:
    found = request.getfixturevalue(f"{request.param}_place")
    assert isinstance(found, Place)
    return found


Change = Callable[[str], str]
BEFORE_ANY_CONNECTION: dict[str, tuple[Change, str]] = {
    "TV-BRL-4: another user's": (lambda url: url.replace("submit+joe", "submit+fred"), FORBIDDEN),
    "BURL-16: encoded, another user's": (lambda url: url.replace("submit+joe", "submit+jo%65%40example.org"), FORBIDDEN),
    "BURL-17: user+": (lambda url: url.replace("submit+joe", "user+joe"), FORBIDDEN),
    "BURL-18: authuser": (lambda url: url.replace("submit+joe", "authuser"), FORBIDDEN),
    "BURL-18: anonymous": (lambda url: url.replace("submit+joe", "anonymous"), FORBIDDEN),
    "TV-BRL-14: expired": (lambda url: url.replace(";URLAUTH", ";EXPIRE=2006-10-28T23:59:59Z;URLAUTH"), EXPIRED),
    "TV-BRL-6: foreign host": (lambda url: url.replace(f"@{GATE}:", "@127.0.0.1:"), UNTRUSTED),
    "BURL-22: a name for the same host": (lambda url: url.replace(f"@{GATE}:", "@localhost:"), UNTRUSTED),
    "BURL-22: port not listed": (lambda url: re.sub(rf"{GATE}:\d+", f"{GATE}:993", url), UNTRUSTED),
    "BURL-22: no port": (lambda url: re.sub(rf"{GATE}:\d+", GATE, url), UNTRUSTED),
    "BURL-26: search": (lambda url: url[: url.index(";UID")] + "?SUBJECT%20two", NO_MESSAGE),
    "TV-BRL-8: mailbox": (lambda url: url[: url.index(";UID")], NO_MESSAGE),
    "BURL-26: server": (lambda url: url[: url.index("/INBOX")], NO_MESSAGE),
    "BURL-26: another scheme": (lambda url: url.replace("imap://", "http://"), NO_MESSAGE),
    "BURL-26: imaps is no scheme": (lambda url: url.replace("imap://", "imaps://"), NO_MESSAGE),
    "BURL-26: relative": (lambda url: url[url.index("/INBOX") :], INVALID),
    "UAU-3: no user": (lambda url: url.replace("//joe@", "//"), INVALID),
    "TV-URL-7: short token": (lambda url: url[: url.rindex(":") + 32], INVALID),
    "TV-URL-9: no token": (lambda url: url[: url.index(":internal")], INVALID),
    "TV-URL-10: UID=0": (lambda url: re.sub(r"/;UID=\d+", "/;UID=0", url), INVALID),
    "TV-URL-10: a line end in the mailbox": (lambda url: url.replace("/INBOX", "/INBOX%0D%0Ax"), INVALID),
    "TV-BRL-8: FIRST": (lambda url: f"{url} FIRST", "501 5.5.4 Syntax: BURL url [LAST]"),
    "TV-BRL-8: LAST x": (lambda url: f"{url} LAST x", "501 5.5.4 Syntax: BURL url [LAST]"),
    "TV-BRL-8: nothing": (lambda _: "", "501 5.5.4 Syntax: BURL url [LAST]"),
}  # fmt: skip


def test_refused_before_any_connection(place: Place) -> None:
    url = place.url()
    for settings in place.settings.values():
        before = place.gate.opened
        with submission(settings) as server, server.client() as client:
            for rule, (change, reply) in BEFORE_ANY_CONNECTION.items():
                client.begin()
                assert client.burl(change(url)) == reply, rule
                assert client.bdat(b"x", "LAST") == SPOILED
                client.rset()
            assert (place.gate.opened - before, server.relayed_nothing) == (0, True)
            assert client.submit(url) == SENT
            assert (place.gate.opened - before, server.relayed) == (1, [MESSAGE])


def test_recipients_come_first(place: Place) -> None:
    """TV-BRL-2: without one that the relay takes, no server is asked; BURL-1: nor without MAIL, nor before the login."""
    url = place.url()
    before = place.gate.opened
    for settings in place.settings.values():
        with submission(settings) as server:
            with server.client() as client:
                assert client.burl(url, "LAST") == "503 5.5.1 MAIL needed first"
                client.docmd("MAIL FROM:<joe@example.org>")
                assert client.burl(url, "LAST")[:4] == "554 "
                client.rset()
                client.docmd("MAIL FROM:<joe@example.org>")
                assert client.docmd("RCPT TO:<bad@example.net>")[0] == 550
                assert client.burl(url, "LAST")[:10] == "554 5.5.1 "
            with server.client(user="") as stranger:
                assert stranger.burl(url, "LAST")[:10] == "530 5.7.0 "
            assert server.relayed_nothing
    assert place.gate.opened == before


def test_the_server_says_no(place: Place) -> None:
    """TV-BRL-3, TV-BRL-10, URL-7: forged, of another message or mailbox, gone; the chain fails until RSET (BURL-11)."""
    uidvalidity, uid = place.joe.append("INBOX", MESSAGE)
    place.joe.create("Old")
    gone, old = place.joe.append("INBOX", MESSAGE), place.joe.append("Old", MESSAGE)
    store, url = place.store, place.url()
    urls = {
        "forged": forged(url),
        "another message": url.replace(f"UID={place.uid};", f"UID={uid};"),
        "another mailbox": url.replace("/INBOX", "/Drafts"),
        "another part": url.replace(";URLAUTH", "/;SECTION=HEADER;URLAUTH"),
        "of a part": place.joe.genurlauth(f"{place.plain}/;SECTION=HEADER;URLAUTH=submit+joe").replace(
            "HEADER", "TEXT"
        ),
        "another UIDVALIDITY": url.replace(f"={uidvalidity}/", f"={uidvalidity - 1}/"),
        "another owner": url.replace("//joe@", "//fred@"),
        "no owner": url.replace("//joe@", "//nobody@"),
        "token of user+": place.url("user+joe").replace("user+joe", "submit+joe"),
        "deleted": place.joe.genurlauth(f"{store.url('joe', 'INBOX', *gone)};URLAUTH=submit+joe"),
        "mailbox deleted": place.joe.genurlauth(f"{store.url('joe', 'Old', *old)};URLAUTH=submit+joe"),
    }
    place.joe.expunge("INBOX", gone[1])
    place.joe.command("DELETE", b"Old")
    for name, settings in place.settings.items():
        with submission(settings) as server, server.client() as client:
            for what, one in urls.items():
                client.begin()
                assert client.burl(one) == _refusal(place.store, name, what), (name, what)
                assert client.bdat(b"", "LAST") == client.burl(url, "LAST") == SPOILED
                assert client.say("RSET")[:3] == "250"
            assert server.relayed_nothing
            assert client.submit(url) == SENT
            assert server.relayed == [MESSAGE]


def _refusal(store: Store, settings: str, what: str) -> str:
    """Cyrus makes tokens for whatever could be; Dovecot only for what is there."""
    nowhere = {"another mailbox", "deleted", "mailbox deleted"}
    if isinstance(store, DovecotImap):
        nowhere |= {"another UIDVALIDITY"}  # but of another owner it is not said what there is
    if settings == LENT and "owner" in what:
        return UNTRUSTED
    return UNRESOLVED if settings == URLFETCH or what in nowhere else FORBIDDEN


def test_plain_urls(place: Place) -> None:
    """BURL-5: of the user's own mailboxes only, with UIDVALIDITY or not, and not where there is only URLFETCH."""
    own = place.plain
    bare = own.replace(f";UIDVALIDITY={place.uidvalidity}", "")
    unresolved = {
        "unknown mailbox": own.replace("/INBOX", "/Nowhere"),
        "another UIDVALIDITY": own.replace(f"={place.uidvalidity}/", f"={place.uidvalidity - 1}/"),
        "no such message": own.replace(f"UID={place.uid}", "UID=999999"),
        "no such part": f"{own}/;SECTION=7",
    }
    for name, settings in place.settings.items():
        before = place.gate.opened
        with submission(settings) as server, server.client() as client:
            assert client.submit(own.replace("//joe@", "//fred@")) == FORBIDDEN
            assert place.gate.opened == before
            if name == URLFETCH:
                assert client.submit(own) == UNTRUSTED
                assert place.gate.opened == before
                continue
            for what, url in unresolved.items():
                empty = what == "no such part" and isinstance(place.store, DovecotImap)  # which then gives ""
                assert client.submit(url) == ("554 5.6.0 Message is empty" if empty else UNRESOLVED), what
            # The last one: AUTH= in the URL decides nothing (BURL-27).
            for url in (own, bare, bare.replace("//joe@", "//"), own.replace("//joe@", "//joe;AUTH=*@")):
                assert client.submit(url) == SENT
            assert server.relayed == [MESSAGE] * 4


def test_urls_of_others(place: Place) -> None:
    """RFC 4467 3: fred lets joe send a message of his. Not where joe's own password is all there is."""
    given = place.store.url("fred", "INBOX", *place.fred.append("INBOX", MESSAGE))
    url = place.fred.genurlauth(f"{given};URLAUTH=submit+joe")
    for name, settings in place.settings.items():
        before = place.gate.opened
        with submission(settings) as server:
            with server.client("fred") as fred:
                assert fred.submit(url) == FORBIDDEN
                assert place.gate.opened == before
            with server.client() as joe:
                assert joe.submit(url) == (UNTRUSTED if name == LENT else SENT)
            assert place.gate.opened == before + (name != LENT)
            assert server.relayed == ([] if name == LENT else [MESSAGE])


@pytest.mark.parametrize("access", ["user+joe", "authuser", "anonymous"])
def test_other_accesses(place: Place, access: str) -> None:
    """BURL-17, BURL-18: taken where imap_urlauth_access has them; user+ by the owner's own session only."""
    url = place.url(access)
    for name, settings in place.settings.items():
        allowed = f"{settings}\nimap_urlauth_access = submit {access.partition('+')[0]}\n"
        with submission(allowed) as server, server.client() as client:
            ours = UNTRUSTED if (name, access) == (URLFETCH, "user+joe") else SENT
            assert client.submit(url) == ours
            assert client.submit(forged(url)) == (
                ours if ours != SENT else UNRESOLVED if name == URLFETCH else FORBIDDEN
            )
            assert client.submit(place.url("user+fred"))[:4] == "554 "
            assert len(server.relayed) == (ours == SENT)


def test_expiry_between(cyrus_place: Place) -> None:
    """UAU-2: valid to the last moment, and not after it, whatever was fetched before."""
    place = cyrus_place
    soon = (datetime.now(UTC) + timedelta(seconds=2)).strftime("%Y-%m-%dT%H:%M:%SZ")
    url = place.joe.genurlauth(f"{place.plain};EXPIRE={soon};URLAUTH=submit+joe")
    settings = next(iter(place.settings.values()))
    with submission(settings) as server, server.client() as client:
        client.begin()
        assert client.burl(url)[:4] == "250 "
        client.rset()

        def expired() -> bool:
            client.begin()
            reply = client.burl(url)
            client.rset()
            return reply == EXPIRED

        eventually("the expiry", expired)
        assert server.relayed_nothing
