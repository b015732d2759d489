"""What EHLO says of BURL to whom, and where its secrets must not turn up (RFC 4468 3.1, 3.3, 8)."""

from __future__ import annotations

import re
from base64 import b64encode
from collections.abc import Iterator
from pathlib import Path

import pytest

from tests.harness.loginclient import MECHANISMS, Kind, Talk, Who
from tests.harness.peer_burl import (
    AUTO,
    FORWARD,
    GATE,
    LENT,
    MASTER,
    MESSAGE,
    OWNER,
    SENT,
    SUBMIT,
    URLFETCH,
    USERS,
    BurlClient,
    at,
    forged,
    gate,
    submission,
)
from tests.harness.peer_cyrus import Cyrus, cyrus
from tests.harness.peer_dovecot_imap import DovecotImap, dovecot_imap
from tests.harness.serving import certificate_folder

HERE = "imap imap://mail.example.org"
UNTRUSTED = "554 5.7.14 No trust relationship with that IMAP server"
UNAVAILABLE = "502 5.5.1 BURL is not available"
LOGINS = [("\0joe", "secret"), ("\0submit", "secret"), ("joe\0proxy", "secret"), ("joe\0proxy", "close-barley")]
TWISTS = {
    "imap:": "imaps:",
    "submit+joe": "submit+fred",
    ":internal:": ":",
    "/INBOX": "/Nowhere",
    "URLAUTH=": "urlauth%3D",
}
HOST = "imap_urlauth_host = mail.example.org\nimap_urlauth_ssl = starttls\n"


@pytest.fixture(scope="module")
def cyrus_store() -> Iterator[Cyrus]:
    with cyrus(USERS, GATE) as server:
        yield server


@pytest.fixture(scope="module")
def dovecot_store() -> Iterator[DovecotImap]:
    with dovecot_imap((*USERS, "wanda"), GATE) as server:
        yield server


@pytest.mark.parametrize(
    ("settings", "before", "after"),
    [
        ("", None, None),
        (SUBMIT, None, None),  # no host
        (HOST, None, None),  # no password: load says so
        (HOST + URLFETCH, "", "imap"),
        (HOST + AUTO, "", HERE),
        (HOST + SUBMIT, "", "imap"),
        (HOST + OWNER, "", HERE),
        (HOST + LENT, "", HERE),
        (HOST + FORWARD, "", HERE),
        (HOST + MASTER + "imap_urlauth_port = 144", "", f"{HERE}:144"),
        ("imap_urlauth_server a {\n host = 127.0.0.1\n master_user = proxy\n master_password = x\n}", "", "imap imap://127.0.0.1"),
        ("imap_urlauth_server a {\n host = ::1\n port = 144\n forward_credentials = yes\n}", "", "imap imap://[::1]:144"),
        (HOST + OWNER + "imap_urlauth_server a {\n host = localhost\n submit_password = x\n}", "", HERE),
        (HOST + SUBMIT + "imap_urlauth_server a {\n host = localhost\n forward_credentials = yes\n}", "", "imap imap://localhost"),
    ],
)  # fmt: skip
def test_keyword(settings: str, before: str | None, after: str | None) -> None:
    """BURL-2, 3, 4, 5: no parameter before the login, then only what there is."""
    with submission(settings) as server:
        with server.client(user="") as client:
            assert client.keyword == before
        with server.client() as client:
            assert client.keyword == after
            client.begin()
            if after is None:
                assert client.burl("imap://joe@mail.example.org/INBOX/;UID=1", "LAST") == UNAVAILABLE
            else:
                assert client.burl("imap://joe@elsewhere.example/INBOX/;UID=1", "LAST")[:10] == "554 5.7.14"
        assert server.relayed_nothing


@pytest.mark.parametrize(
    ("mechanism", "settings", "keyword"),
    [
        ("SCRAM-SHA-256", LENT, None),
        ("CRAM-MD5", LENT, None),
        ("PLAIN", LENT, "imap imap://{}"),
        ("LOGIN", LENT, "imap imap://{}"),
        ("SCRAM-SHA-256", LENT.replace("owner", "auto") + SUBMIT, "imap"),
        ("SCRAM-SHA-256", OWNER + FORWARD, "imap imap://{}"),
    ],
)
def test_logins_without_a_password(
    dovecot_store: DovecotImap, mechanism: str, settings: str, keyword: str | None
) -> None:
    """BURL-20: who has shown no password has none to be lent; BURL is then not announced, and 502."""
    authority = dovecot_store.authority
    with dovecot_store.login("joe") as joe:
        url = dovecot_store.url("joe", "INBOX", *joe.append("INBOX", MESSAGE))
    settings = f"{at(authority, settings)}auth_mechanisms = plain login cram-md5 scram-sha-256\n"
    with submission(settings) as server, gate(dovecot_store.port) as way:
        talk = Talk(server.serving.port, server.serving.tls_port, Kind())
        try:
            assert MECHANISMS[mechanism](talk, Who("joe", "secret"))[:3] == "235"
            found = re.search("^250[ -]BURL *(.*)$", talk.say("EHLO client.example.org"), re.MULTILINE)
            assert (found[1] if found else None) == (keyword.format(authority) if keyword else None)
            talk.say("MAIL FROM:<joe@example.org>")
            talk.say("RCPT TO:<rcpt@example.net>")
            reply = talk.say(f"BURL {url} LAST")
        finally:
            talk.close()
        works = keyword is not None and "://" in keyword
        assert reply == (SENT if works else UNAVAILABLE if keyword is None else UNTRUSTED)
        assert (way.opened, server.relayed) == (works, [MESSAGE] * works)


def test_a_master_users_password_is_not_lent() -> None:
    """BURL-20: who logs in for somebody else has a password that is not that user's."""
    users = certificate_folder() / "users"
    masters = f"passdb {{\n driver = passwd-file\n args = {users}\n master = yes\n}}\nauth_master_user_separator = *\n"
    with submission(masters + HOST + LENT) as server, server.client("joe*user") as client:
        assert client.keyword is None


def _say_it_all(client: BurlClient, url: str) -> str:
    """The URL in every form of a command, good and bad; what was answered."""
    twisted = [url.replace(*words) for words in TWISTS.items()]
    lines = [f"BURL {one}" for one in (url, f"{url} FIRST", forged(url), f" {url}", f"<{url}>", f'"{url}"', *twisted)]
    lines += [f"burl {url} last", f"BURL\t{url}", f" BURL {url}", f"BRUL {url}", url, f"NOOP {url}"]
    lines += [f"BURL {url} {'x' * 3000}", f"BURL x{url}x"]
    replies = []
    for line in lines:
        client.begin()
        replies += [client.say(line), client.say("RSET")]
    client.begin()
    client.send(f"BDAT 3\r\nx\r\nBURL {url}\r\nBDAT 0 LAST\r\n")
    return "\n".join([*replies, *(str(client.getreply()) for _ in range(3))])


@pytest.mark.parametrize("name", ["cyrus", "dovecot"])
def test_no_secret_is_shown(name: str, request: pytest.FixtureRequest, tmp_path: Path) -> None:
    """BURL-24: no token and no password in log, rawlogs or replies; not even half of one."""
    store = request.getfixturevalue(f"{name}_store")
    assert isinstance(store, Cyrus | DovecotImap)
    with store.login("joe") as joe:
        urls = [
            joe.genurlauth(f"{store.url('joe', 'INBOX', *joe.append('INBOX', MESSAGE))};URLAUTH=submit+joe")
            for _ in range(4)
        ]
    raw = f"rawlog_dir = {tmp_path}\nsubmission_relay_rawlog_dir = {tmp_path}\nauth_verbose = yes\n"
    shown = ""
    wrong = [SUBMIT.replace("secret", "close-barley"), OWNER.replace("secret", "close-barley")]
    with gate(store.port):
        for url, settings in zip(urls, [URLFETCH if name == "cyrus" else OWNER, LENT, *wrong], strict=True):
            with submission(at(store.authority, settings) + raw) as server:
                with server.client() as client:
                    shown += client.submit(url) if settings in wrong else _say_it_all(client, url)
                shown += server.log
    rawlogs = [path.read_text() for path in tmp_path.iterdir()]
    assert sum("AUTH PLAIN <secret>" in text for text in rawlogs) == len(urls)
    shown = "".join([shown, *rawlogs]).lower().replace("<secret>", "")
    assert shown.count("urlauth=submit+joe:internal:<hidden>") > 20
    tokens = [url.rpartition(":")[2].lower() for url in urls]
    forms = [token[at : at + 16] for token in tokens for at in range(len(token) - 15)]
    passwords = [b64encode(f"{who}\0{word}".encode()).decode().lower() for who, word in LOGINS]
    assert [form for form in [*forms, *passwords, "secret", "close-barley"] if form in shown] == []
