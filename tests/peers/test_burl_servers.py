"""BURL when something is the matter with the IMAP server, or with our terms with it: TLS, passwords, ends and halts."""

from __future__ import annotations

import os
import signal
from collections.abc import Callable, Iterator, Sequence
from contextlib import AbstractContextManager
from pathlib import Path

import pytest

from tests.harness.imapclient import ImapClient
from tests.harness.peer_burl import (
    GATE,
    LENT,
    MESSAGE,
    OWNER,
    SENT,
    URLFETCH,
    USERS,
    Store,
    at,
    gate,
    kill,
    pid,
    submission,
)
from tests.harness.peer_cyrus import Cyrus, cyrus
from tests.harness.peer_dovecot_imap import DovecotImap, dovecot_imap
from tests.harness.peer_process import eventually, running
from tests.harness.ports import free_ports
from tests.harness.serving import certificate_folder

BIG = MESSAGE + b"x" * 76 + b"\r\n" + (b"." + b"x" * 75 + b"\r\n") * (20_000_000 // 78)
UNREACHABLE = "451 4.4.1 Cannot reach the IMAP server, try again later"
SLOW = "451 4.4.2 The IMAP server did not answer in time, try again later"
LOST = "451 4.4.2 Lost connection to the IMAP server, try again later"
NO_LOGIN = "451 4.3.5 The IMAP server does not accept our login, try again later"
TOO_BIG = "552 5.3.4 Message size exceeds the fixed maximum"
SPOILED = "503 5.5.1 Previous data chunk failed, issue RSET first"
CA = f"ssl_client_ca_file = {certificate_folder()}/ca.pem\n"


@pytest.fixture(scope="module")
def cyrus_store() -> Iterator[Cyrus]:
    with cyrus(USERS) as server:
        yield server


@pytest.fixture(scope="module")
def dovecot_store() -> Iterator[DovecotImap]:
    with dovecot_imap(USERS) as server:
        yield server


@pytest.fixture(params=["cyrus", "dovecot"])
def store(request: pytest.FixtureRequest) -> Store:
    found = request.getfixturevalue(f"{request.param}_store")
    assert isinstance(found, Cyrus | DovecotImap)
    return found


def _settings(store: Store) -> str:
    return at(store.authority, URLFETCH if isinstance(store, Cyrus) else OWNER)


def _url(store: Store, owner: ImapClient, message: bytes = MESSAGE) -> str:
    return owner.genurlauth(f"{store.url('joe', 'INBOX', *owner.append('INBOX', message))};URLAUTH=submit+joe")


def _plain_through(gate_port: int, store: Store, owner: ImapClient, message: bytes = MESSAGE) -> str:
    """The URL of a new message by another authority; no token, which would not hold for that."""
    return store.url("joe", "INBOX", *owner.append("INBOX", message)).replace(store.authority, f"127.0.0.1:{gate_port}")


@pytest.mark.parametrize("kind", [cyrus, dovecot_imap], ids=["cyrus", "dovecot"])
def test_stopped_and_started(kind: Callable[[Sequence[str]], AbstractContextManager[Store]]) -> None:
    """TV-BRL-7: 451 4.4.1 while it is down, and none of that is left when it is back, though kept connections died."""
    with kind(USERS) as store:
        with store.login("joe") as joe:
            url = _url(store, joe)
        command = Path(f"/proc/{pid(store)}/cmdline").read_text().rstrip("\0").split("\0")
        words = Path(f"/proc/{pid(store)}/environ").read_text().split("\0")
        environ = dict(word.split("=", 1) for word in words if word.startswith("LD_LIBRARY_PATH="))
        with submission(_settings(store)) as server, server.client() as client:
            assert client.submit(url) == SENT
            kill(store)
            client.begin()
            assert client.burl(url) == UNREACHABLE
            assert client.bdat(b"", "LAST") == SPOILED
            client.rset()
            for _ in range(2):
                with running(command, store.folder / "again.log", [store.port], environ):
                    assert client.submit(url) == SENT
                    kill(store)
            assert client.submit(url) == UNREACHABLE
            assert server.relayed == [MESSAGE] * 3


def test_halted(store: Store) -> None:
    """BURL-23: whoever does not answer on a kept connection costs imap_urlauth_timeout, and nothing later."""
    with store.login("joe") as joe:
        url = _url(store, joe)
    with submission(f"{_settings(store)}imap_urlauth_timeout = 1s\n") as server, server.client() as client:
        assert client.submit(url) == SENT
        os.killpg(pid(store), signal.SIGSTOP)
        try:
            assert client.submit(url) == SLOW
        finally:
            os.killpg(pid(store), signal.SIGCONT)
        client.rset()
        assert client.submit(url) == SENT
        assert server.relayed == [MESSAGE] * 2


def test_halted_in_the_middle(store: Store) -> None:
    """BURL-11, BURL-23: half a message is none; other sessions do not notice."""
    (port,) = free_ports(1)
    settings = at(f"127.0.0.1:{port}", f"{OWNER}imap_urlauth_timeout = 1s\n")
    with gate(port, store.port, "127.0.0.1") as way, store.login("joe") as joe, submission(settings) as server:
        url, small = _plain_through(port, store, joe, BIG[:5_000_000]), _plain_through(port, store, joe)
        with server.client() as client, server.client() as other:
            for reply in (LOST, SLOW):
                way.most = way.passed + 1_000_000
                client.begin()
                client.putcmd(f"BURL {url}")
                eventually("the halt", lambda: way.passed == way.most)
                way.most = None
                if reply == LOST:
                    way.shut()
                assert other.submit(small) == SENT
                assert client.getreply() == (451, reply[4:].encode())
                assert client.bdat(b"", "LAST") == SPOILED
                client.rset()
            assert client.submit(small) == SENT
            assert server.relayed == [MESSAGE] * 3


def test_too_big(store: Store) -> None:
    """BURL-14, TV-BRL-13: sizes are summed, and what is too much is not even read."""
    (port,) = free_ports(1)
    settings = at(f"127.0.0.1:{port}", f"{OWNER}submission_max_mail_size = 1000000\n")
    with gate(port, store.port, "127.0.0.1") as way, store.login("joe") as joe, submission(settings) as server:
        url = _plain_through(port, store, joe, BIG)
        half, more = f"{url}/;PARTIAL=0.500000", f"{url}/;PARTIAL=0.500001"
        with server.client() as client:
            for marker in ("", "LAST"):
                client.begin()
                assert client.burl(url, marker) == TOO_BIG
                client.rset()
            assert way.passed < 15_000_000  # of 40; the buffers of connections may have held some
            for is_chunk in (True, False):
                client.begin()
                assert (client.bdat(BIG[:500_000]) if is_chunk else client.burl(half))[:4] == "250 "
                assert client.burl(more) == TOO_BIG
                assert client.burl(half) == client.bdat(b"", "LAST") == SPOILED
                client.rset()
            assert server.relayed_nothing
            client.begin()
            assert client.burl(half)[:4] == "250 "
            assert client.burl(half, "LAST") == SENT


def test_passwords_that_are_wrong(store: Store) -> None:
    """The client is not to blame, and what is said does not tell why."""
    with store.login("joe") as joe:
        url = _url(store, joe)
    for settings in (URLFETCH, OWNER):
        with submission(at(store.authority, settings.replace("secret", "wrong"))) as server, server.client() as client:
            assert client.submit(url) == NO_LOGIN
            assert "wrong" not in server.log
            assert "login refused" in server.log
    # Here this user's password is right, and there is no such user there.
    with submission(at(store.authority, LENT)) as server, server.client("user") as client:
        assert client.submit(url.replace("joe", "user")) == NO_LOGIN
        assert server.relayed_nothing


@pytest.mark.parametrize("ssl", ["starttls", "imaps"])
def test_tls(store: Store, ssl: str) -> None:
    """BURL-21, CRT: the certificate must be of somebody we trust, and for the name in the settings."""
    port = store.port if ssl == "starttls" else store.tls_port
    with store.login("joe") as joe, gate(port) as way:
        plain = store.url("joe", "INBOX", *joe.append("INBOX", MESSAGE)).replace(f":{store.port}", f":{port}")
        for host, more, reply in [
            ("localhost", CA, SENT),
            ("localhost", "", UNREACHABLE),
            (GATE, CA, UNREACHABLE),
            (GATE, "imap_urlauth_ssl_verify = no\n", SENT),
        ]:
            settings = at(f"{host}:{port}", f"{OWNER}{more}imap_urlauth_ssl = {ssl}\n")
            with submission(settings) as server, server.client() as client:
                assert client.submit(plain.replace("localhost", host)) == reply, (host, more)
                assert server.relayed == [MESSAGE] * (reply == SENT)
        assert way.opened == 2
    if isinstance(store, DovecotImap):
        assert store.log.count(", TLS, ") >= 2


def test_a_token_by_imaps() -> None:
    """The port of the URL is the one that is spoken to, here with TLS from the first octet."""
    (port,) = free_ports(1)
    with dovecot_imap(USERS, settings=f"imap_urlauth_port = {port}") as store, store.login("joe") as joe:
        rump = store.url("joe", "INBOX", *joe.append("INBOX", MESSAGE)).replace(f":{store.port}", f":{port}")
        url = joe.genurlauth(f"{rump};URLAUTH=submit+joe")
        settings = at(f"localhost:{port}", f"{OWNER}{CA}imap_urlauth_ssl = imaps\n")
        with gate(port, store.tls_port, "127.0.0.1") as way, submission(settings) as server, server.client() as client:
            assert client.submit(url) == SENT
            assert (way.opened, server.relayed) == (1, [MESSAGE])


def test_two_servers(cyrus_store: Cyrus, dovecot_store: DovecotImap) -> None:
    """One message out of two servers, each asked in its own way, and neither with the other's password."""
    host, _, port = cyrus_store.authority.partition(":")
    block = f"imap_urlauth_server archive {{\n host = {host}\n port = {port}\n submit_password = secret\n}}\n"
    with cyrus_store.login("joe") as joe, dovecot_store.login("joe") as too:
        urls = [_url(cyrus_store, joe), _url(dovecot_store, too)]
    with submission(at(dovecot_store.authority, LENT) + block) as server, server.client() as client:
        assert client.keyword == f"imap imap://{dovecot_store.authority}"
        client.begin()
        assert client.burl(urls[0])[:4] == "250 "
        assert client.burl(urls[1], "LAST") == SENT
        assert server.relayed == [MESSAGE * 2]
        assert client.submit(urls[0].partition(";URLAUTH")[0])[:10] == "554 5.7.14"
