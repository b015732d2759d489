"""What real IMAP servers answer where BURL asks them: Cyrus resolves `submit+` URLs, Dovecot does not, but tells tokens."""

from __future__ import annotations

import smtplib
from collections.abc import Callable, Iterator
from datetime import UTC, datetime, timedelta
from itertools import count

import pytest

from tests.harness.imapclient import ImapClient, Refused
from tests.harness.peer_cyrus import Cyrus, cyrus
from tests.harness.peer_dovecot_imap import DovecotImap, dovecot_imap
from tests.harness.peer_process import eventually
from tests.harness.peer_sink import sink

MESSAGE = b"""\
From: <joe@example.org>\r
Subject: two parts\r
MIME-Version: 1.0\r
Content-Type: multipart/mixed; boundary=b\r
\r
--b\r
Content-Type: text/plain\r
Content-Transfer-Encoding: base64\r
\r
aGVsbG8=\r
--b\r
\r
second\r
--b--\r
"""
BIG = b"Subject: big\r\n\r\n" + (b"x" * 76 + b"\r\n") * (20_000_000 // 78)
NUL = b"MIME-Version: 1.0\r\nContent-Transfer-Encoding: binary\r\n\r\na\0b\r\n"
SUBMIT = ";URLAUTH=submit+joe"
Change = Callable[[str], str]

_numbers = count()


@pytest.fixture(scope="module")
def store() -> Iterator[Cyrus]:
    with cyrus(users=("joe", "fred", "joe@example.org")) as server:
        yield server


@pytest.fixture(scope="module")
def submit(store: Cyrus) -> Iterator[ImapClient]:
    with store.login("submit") as client:
        yield client


@pytest.fixture(scope="module")
def owner(store: Cyrus) -> Iterator[ImapClient]:
    with store.login("joe") as client:
        yield client


@pytest.fixture(scope="module")
def dovecot_store() -> Iterator[DovecotImap]:
    with dovecot_imap() as server:
        yield server


@pytest.fixture(scope="module")
def dovecot_owner(dovecot_store: DovecotImap) -> Iterator[ImapClient]:
    with dovecot_store.login("joe") as client:
        yield client


@pytest.fixture(params=["cyrus", "dovecot"])
def either(request: pytest.FixtureRequest) -> Cyrus | DovecotImap:
    found = request.getfixturevalue({"cyrus": "store", "dovecot": "dovecot_store"}[request.param])
    assert isinstance(found, Cyrus | DovecotImap)
    return found


def _stored(server: Cyrus | DovecotImap, owner: ImapClient, message: bytes = MESSAGE, mailbox: str = "INBOX") -> str:
    return server.url("joe", mailbox, *owner.append(mailbox, message))


def _forged(url: str) -> str:
    return url[:-1] + ("0" if url[-1] != "0" else "1")


def _new_mailbox(owner: ImapClient) -> str:
    name = f"box{next(_numbers)}"
    owner.create(name)
    return name


def test_logins(either: Cyrus | DovecotImap) -> None:
    for port, way in ((either.port, {}), (either.port, {"tls": True}), (either.tls_port, {"imaps": True})):
        with ImapClient(port, **way) as client:
            assert {"URLAUTH", "CATENATE", "UIDPLUS"} <= client.login("joe", "secret").capability()
    with ImapClient(either.port) as client, pytest.raises(Refused, match=r"^NO"):
        client.login("joe", "wrong")


def test_a_proxy_logs_in_for_everybody_and_nobody_else_does(either: Cyrus | DovecotImap) -> None:
    with either.login("joe") as owner, either.login("proxy", on_behalf_of="joe") as proxy:
        uidvalidity, uid = owner.append("INBOX", MESSAGE)
        assert proxy.fetch("INBOX", uid) == MESSAGE
        rump = either.url("joe", "INBOX", uidvalidity, uid) + SUBMIT
        assert proxy.genurlauth(rump) == proxy.genurlauth(rump) == owner.genurlauth(rump)
    with pytest.raises(Refused, match=r"^NO"):
        either.login("fred", on_behalf_of="joe")


def test_catenate_takes_relative_urls(either: Cyrus | DovecotImap) -> None:
    with either.login("joe") as owner:
        uidvalidity, uid = owner.append("INBOX", MESSAGE)
        part = f"/INBOX;UIDVALIDITY={uidvalidity}/;UID={uid}/;SECTION=2"
        _, made = owner.catenate("INBOX", b"Subject: made\r\n\r\n", part, b"\r\nend\r\n")
        assert owner.fetch("INBOX", made) == b"Subject: made\r\n\r\nsecond\r\nend\r\n"
        for url in (f"/INBOX/;UID={made + 1000}", either.url("joe", "INBOX", uidvalidity, uid)):
            with pytest.raises(Refused, match=r"^NO \[BADURL "):
                owner.catenate("INBOX", url)


def test_only_submit_resolves_submit_urls_at_cyrus(store: Cyrus, owner: ImapClient, submit: ImapClient) -> None:
    url = owner.genurlauth(_stored(store, owner) + SUBMIT)
    with store.login("proxy", on_behalf_of="joe") as proxy, store.login("fred") as fred:
        assert [one.urlfetch(url) for one in (submit, owner, proxy, fred)] == [MESSAGE, None, None, None]


@pytest.mark.parametrize(
    ("access", "for_submit", "for_owner", "for_fred"),
    [
        ("submit+fred", True, False, False),  # the server looks at the role only: who it names is ours to check
        ("user+joe", False, True, False),
        ("user+fred", False, False, True),
        ("authuser", True, True, True),
        ("anonymous", True, True, True),
        ("nonsense", False, False, False),
    ],
)
def test_who_resolves_what_at_cyrus(
    store: Cyrus, owner: ImapClient, submit: ImapClient, access: str, for_submit: bool, for_owner: bool, for_fred: bool
) -> None:
    url = owner.genurlauth(f"{_stored(store, owner)};URLAUTH={access}")
    with store.login("fred") as fred:
        found = [one.urlfetch(url) == MESSAGE for one in (submit, owner, fred)]
    assert found == [for_submit, for_owner, for_fred]


@pytest.mark.parametrize(
    ("suffix", "octets"),
    [
        ("/;SECTION=1", b"aGVsbG8="),
        ("/;SECTION=1.MIME", b"Content-Type: text/plain\r\nContent-Transfer-Encoding: base64\r\n\r\n"),
        ("/;SECTION=HEADER", MESSAGE[: MESSAGE.index(b"--b")]),
        ("/;SECTION=TEXT", MESSAGE[MESSAGE.index(b"--b") :]),
        ("/;section=2", b"second"),
        ("/;PARTIAL=0.4", b"From"),
        ("/;PARTIAL=20", MESSAGE[20:]),
        ("/;SECTION=2/;PARTIAL=1.3", b"eco"),
        ("/;PARTIAL=5000.3", b""),
        (";EXPIRE=2090-01-01T00:00:00Z", MESSAGE),
        ("/;SECTION=2;EXPIRE=2090-01-01T00:00:00+01:00", b"second"),
        ("/;SECTION=9", None),
    ],
)
def test_parts_at_cyrus(store: Cyrus, owner: ImapClient, submit: ImapClient, suffix: str, octets: bytes | None) -> None:
    assert submit.urlfetch(owner.genurlauth(_stored(store, owner) + suffix + SUBMIT)) == octets


@pytest.mark.parametrize(
    "change",
    [
        _forged,
        lambda url: url[:-4],
        lambda url: url.split(SUBMIT)[0],
        lambda url: url.replace("submit+joe", "submit+fred"),
        lambda url: url.replace("localhost", "LOCALHOST"),
        lambda url: url.replace("@localhost", "@mail.example.org"),
        lambda url: url.replace(":internal:", ":other:"),
        lambda _: "foo",
    ],
    ids=["forged", "cut", "bare", "another user", "another case", "another host", "another mechanism", "no URL"],
)
def test_cyrus_says_nil_to_urls_that_were_changed(
    store: Cyrus, owner: ImapClient, submit: ImapClient, change: Change
) -> None:
    url = owner.genurlauth(_stored(store, owner) + SUBMIT)
    assert submit.urlfetch(change(url)) is None
    assert submit.urlfetch(url.replace(":internal:", ":INTERNAL:")) == MESSAGE


def test_cyrus_says_nil_to_what_is_gone(store: Cyrus, owner: ImapClient, submit: ImapClient) -> None:
    mailbox = _new_mailbox(owner)
    first, second = (owner.append(mailbox, MESSAGE) for _ in range(2))
    urls = [owner.genurlauth(store.url("joe", mailbox, *one) + SUBMIT) for one in (first, second)]
    assert [submit.urlfetch(url) for url in urls] == [MESSAGE, MESSAGE]
    owner.expunge(mailbox, first[1])
    assert [submit.urlfetch(url) for url in urls] == [None, MESSAGE]
    owner.command("DELETE", mailbox)
    assert [submit.urlfetch(url) for url in urls] == [None, None]
    uidvalidity, uid = owner.append("INBOX", MESSAGE)
    for never in ((uidvalidity, 999_999), (uidvalidity - 1, uid)):  # Cyrus makes tokens for these
        assert submit.urlfetch(owner.genurlauth(store.url("joe", "INBOX", *never) + SUBMIT)) is None


def test_cyrus_says_nil_after_the_expiry(store: Cyrus, owner: ImapClient, submit: ImapClient) -> None:
    base = _stored(store, owner)
    soon = (datetime.now(UTC) + timedelta(seconds=2)).strftime("%Y-%m-%dT%H:%M:%SZ")
    url = owner.genurlauth(f"{base};EXPIRE={soon}{SUBMIT}")
    eventually("the expiry", lambda: submit.urlfetch(url) is None)
    with pytest.raises(Refused, match=r"^NO"):
        owner.genurlauth(f"{base};EXPIRE={soon}{SUBMIT}")


def test_a_new_key_revokes_the_urls_of_a_mailbox(store: Cyrus, owner: ImapClient, submit: ImapClient) -> None:
    mailbox = _new_mailbox(owner)
    rump = _stored(store, owner, mailbox=mailbox) + SUBMIT
    url = owner.genurlauth(rump)
    other = owner.genurlauth(_stored(store, owner) + SUBMIT)
    assert owner.command("RESETKEY", mailbox.encode()).code == ["URLMECH", "INTERNAL"]
    assert submit.urlfetch(url) is None
    assert submit.urlfetch(other) == MESSAGE
    renewed = owner.genurlauth(rump)
    assert renewed != url
    assert submit.urlfetch(renewed) == MESSAGE


@pytest.mark.parametrize(
    ("mailbox", "readable"),
    [
        ("Sub/folder", "Sub/folder"),
        ("with space", "with space"),
        ("&APw-bung", "übung"),
        ("a&-b", "a&b"),
    ],
)
def test_mailbox_names_in_urls_are_utf_8(either: Cyrus | DovecotImap, mailbox: str, readable: str) -> None:
    with either.login("joe") as owner:
        owner.create(mailbox)
        place = owner.append(mailbox, MESSAGE)
        url = owner.genurlauth(f"{either.url('joe', readable, *place)};URLAUTH=user+joe")
        assert owner.urlfetch(url) == MESSAGE


def test_a_user_with_a_domain(store: Cyrus, submit: ImapClient) -> None:
    with store.login("joe@example.org") as owner:
        base = store.url("joe@example.org", "INBOX", *owner.append("INBOX", MESSAGE))
        url = owner.genurlauth(f"{base};URLAUTH=submit+joe%40example.org")
    assert submit.urlfetch(url) == MESSAGE


def test_large_and_binary_messages(store: Cyrus, owner: ImapClient, submit: ImapClient) -> None:
    assert submit.urlfetch(owner.genurlauth(_stored(store, owner, BIG) + SUBMIT)) == BIG
    base = store.url("joe", "INBOX", *owner.append("INBOX", NUL, literal8=True))
    url = owner.genurlauth(f"{base}/;SECTION=1{SUBMIT}")
    assert submit.urlfetch(url) == b"YQBiDQo=\r\n"  # base64 of `a NUL b CRLF`: a literal cannot hold NUL
    assert submit.command("URLFETCH", f"({url} BINARY)").of("URLFETCH") == [[url.encode(), [b"BINARY", b"a\0b\r\n"]]]


def test_dovecot_tells_the_token_of_a_submit_url_but_does_not_resolve_it(
    dovecot_store: DovecotImap, dovecot_owner: ImapClient
) -> None:
    uidvalidity, uid = dovecot_owner.append("INBOX", MESSAGE)
    base = dovecot_store.url("joe", "INBOX", uidvalidity, uid)
    url = dovecot_owner.genurlauth(base + SUBMIT)
    assert dovecot_owner.genurlauth(base + SUBMIT) == url
    assert dovecot_owner.urlfetch(url) is None
    assert dovecot_owner.urlfetch(dovecot_owner.genurlauth(base + ";URLAUTH=user+joe")) == MESSAGE
    dovecot_owner.command("RESETKEY", b"INBOX")
    assert dovecot_owner.genurlauth(base + SUBMIT) != url
    refused = {
        "URLAUTH has already expired": base + ";EXPIRE=2020-01-01T00:00:00Z",
        "Mailbox doesn't exist": base.replace("INBOX", "Nope"),
        "Invalid UIDVALIDITY": dovecot_store.url("joe", "INBOX", uidvalidity - 1, uid),
        "Message not found": dovecot_store.url("joe", "INBOX", uidvalidity, 999_999),
        "Not permitted to generate URLAUTH for user": base.replace("joe@", "fred@"),
        "Inappropriate server port": base.replace(f":{dovecot_store.port}", ""),
    }
    for words, rump in refused.items():
        with pytest.raises(Refused, match=f"^BAD .*{words}"):
            dovecot_owner.genurlauth(rump + SUBMIT)


def test_dovecots_own_burl_resolves_what_the_user_owns() -> None:
    with sink() as relay, dovecot_imap(relay_port=relay.port) as store, store.login("joe") as owner:
        base = _stored(store, owner)
        with smtplib.SMTP("127.0.0.1", store.submission_port) as client:
            client.starttls()
            client.login("joe", "secret")
            client.ehlo()
            assert client.esmtp_features["burl"] == f"imap imap://{store.authority}"
            submit = owner.genurlauth(base + SUBMIT)
            for url, reply in ((base, 250), (submit, 250), (_forged(submit), 554)):
                client.mail("joe@example.org")
                client.rcpt("fred@example.org")
                assert client.docmd(f"BURL {url} LAST")[0] == reply
                client.rset()
        assert [b"two parts" in message for message in relay.messages] == [True, True]
