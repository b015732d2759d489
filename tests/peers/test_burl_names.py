"""BURL and what names mean: mailboxes, users, parameters of the envelope, the way to ask a server."""

from __future__ import annotations

from collections.abc import Iterator
from itertools import count

import pytest

from tests.harness.imapclient import Refused as ImapRefused
from tests.harness.peer_burl import (
    AUTO,
    MESSAGE,
    OWNER,
    SENT,
    URLFETCH,
    USERS,
    WAYS,
    Setup,
    Store,
    at,
    kill,
    submission,
)
from tests.harness.peer_cyrus import Cyrus, cyrus
from tests.harness.peer_dovecot_imap import DovecotImap, dovecot_imap

NOT_AT_CYRUS = '%"\\;?[]!'  # characters that it has in no mailbox name
UNTRUSTED = "554 5.7.14 No trust relationship with that IMAP server"
MAILBOXES = {  # between quotes in IMAP, and for people
    "Sub/folder": "Sub/folder",
    "&APw-bung": "übung",
    "&ZeVnLIqe-/&U,BTFw-": "日本語/台北",
    "a&-b&-": "a&b&",
    "two  blanks": "two  blanks",
    "50% off": "50% off",
    "%41": "%41",
    r"say \"hi\"": 'say "hi"',
    r"back\\slash": r"back\slash",
    "it's (1+1=2), x@y:z#$~*": "it's (1+1=2), x@y:z#$~*",
    "[a];b?c!": "[a];b?c!",
}

_numbers = count()


@pytest.fixture(scope="module")
def cyrus_store() -> Iterator[Cyrus]:
    with cyrus(USERS, settings="munge8bit: no") as server:  # it would write X for each octet of 8 bits in a header
        yield server


@pytest.fixture(scope="module")
def dovecot_store() -> Iterator[DovecotImap]:
    with dovecot_imap(USERS) as server:
        yield server


@pytest.fixture(params=WAYS)
def way(request: pytest.FixtureRequest) -> Iterator[Setup]:
    name, settings = WAYS[request.param]
    store = request.getfixturevalue(f"{name}_store")
    assert isinstance(store, Cyrus | DovecotImap)
    with store.login("joe") as owner:
        yield Setup(store, settings, owner)


def test_mailbox_names(way: Setup) -> None:
    """URL-5, URL-6: percent-encoded once, UTF-8; towards the server modified UTF-7, quoted."""
    number = next(_numbers)
    with way.submission() as (server, client):
        for mailbox, readable in MAILBOXES.items():
            if isinstance(way.store, Cyrus) and {*readable} & {*NOT_AT_CYRUS}:
                with pytest.raises(ImapRefused, match="Invalid mailbox name"):
                    way.owner.create(f"{number}/{mailbox}")
                continue
            way.owner.create(f"{number}/{mailbox}")
            plain = way.stored(MESSAGE + readable.encode(), f"{number}/{mailbox}", f"{number}/{readable}")
            assert client.submit(way.authorized(plain)) == SENT, readable
            assert client.submit(plain) == (UNTRUSTED if way.settings == URLFETCH else SENT), readable
            client.rset()
            assert server.relayed[-1] == MESSAGE + readable.encode()


def test_parameters_beside_it(way: Setup) -> None:
    """DSN and SMTPUTF8 go to the relay as with DATA."""
    message = "From: Jürgen <jürgen@example.org>\r\nSubject: Größe\r\n\r\nx\r\n".encode()
    url = way.authorized(way.stored(message))
    with way.submission() as (server, client):
        client.begin("BODY=8BITMIME SMTPUTF8 RET=HDRS ENVID=QQ1", "NOTIFY=SUCCESS,DELAY ORCPT=rfc822;b@example.net")
        assert client.burl(url, "LAST") == SENT
        (mail,) = server.relay.accepted
        assert {"BODY=8BITMIME", "SMTPUTF8", "RET=HDRS", "ENVID=QQ1"} <= {*mail.sender.split()}
        assert mail.recipients == ["RCPT TO:<rcpt@example.net> NOTIFY=SUCCESS,DELAY ORCPT=rfc822;b@example.net"]
        assert server.relayed == [message]


def test_a_user_with_a_domain(cyrus_store: Cyrus) -> None:
    """TV-BRL-5: the user in the URL is percent-decoded, and then is who has logged in."""
    with cyrus_store.login("joe@example.org") as owner:
        plain = cyrus_store.url("joe@example.org", "INBOX", *owner.append("INBOX", MESSAGE))
        url = owner.genurlauth(f"{plain};URLAUTH=submit+joe%40example.org")
    for settings in (URLFETCH, OWNER):
        with submission(at(cyrus_store.authority, settings)) as server, server.client("joe@example.org") as client:
            assert client.submit(url) == SENT
            assert server.relayed == [MESSAGE]


def test_auto(cyrus_store: Cyrus) -> None:
    """URLFETCH first; a server that resolves nothing by it, as Dovecot, is asked as the owner ever after."""
    with dovecot_imap(USERS) as dovecot_store:
        # Dovecot says NIL at once to the owner, and NO to others after 4 seconds or more.
        stores: dict[str, tuple[Store, str]] = {
            "urlfetch": (cyrus_store, AUTO),
            "owner": (dovecot_store, f"{AUTO}imap_urlauth_submit_user = joe\n"),
        }
        for method, (store, settings) in stores.items():
            with (
                store.login("joe") as owner,
                submission(at(store.authority, settings)) as server,
                server.client() as client,
            ):
                way = Setup(store, settings, owner)
                urls = [way.authorized(way.stored()) for _ in range(2)]
                assert [client.submit(url) for url in [*urls, way.stored()]] == [SENT] * 3
                assert server.relayed == [MESSAGE] * 3
                assert server.log.count(f"method={method}, size={len(MESSAGE)}") == (2 if method == "urlfetch" else 3)
                assert server.log.count("urlfetch: ") == (0 if method == "urlfetch" else 1)
        kill(dovecot_store)  # its helper for URLFETCH would take 6 seconds to end
