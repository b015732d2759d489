"""The whole path of BURL with one command: into the Sent mailbox of a real IMAP server, and from there to the relay."""

from __future__ import annotations

import json
import re
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest
from gsubmit_cli.check_config import check_config
from gsubmit_cli.send_test import send_test

from tests.harness.commands import CliRunner, Result
from tests.harness.fakerelay import FakeRelay
from tests.harness.imapclient import ImapClient
from tests.harness.peer_cyrus import Cyrus, cyrus
from tests.harness.peer_dovecot_imap import DovecotImap, dovecot_imap
from tests.harness.relayscript import RelayScript
from tests.harness.serving import Serving, certificate_folder, serving

Store = Cyrus | DovecotImap

MESSAGE = b"From: <joe@example.org>\r\nSubject: sent\r\n\r\n.\r\n..caf\xc3\xa9\r\n" + b"x" * 70_000 + b"\r\n"
SERVERS = {
    "cyrus": "imap_urlauth_submit_password = secret\nimap_urlauth_method = urlfetch\n",
    "dovecot": "imap_urlauth_master_user = proxy\nimap_urlauth_master_password = secret\n",
    "dovecot, forwarded": "imap_urlauth_forward_credentials = yes\n",
}


@pytest.fixture(scope="module")
def cyrus_store() -> Iterator[Cyrus]:
    with cyrus() as server:
        yield server


@pytest.fixture(scope="module")
def dovecot_store() -> Iterator[DovecotImap]:
    with dovecot_imap() as server:
        yield server


@pytest.fixture(params=SERVERS)
def way(request: pytest.FixtureRequest) -> str:
    return str(request.param)


@pytest.fixture
def store(way: str, request: pytest.FixtureRequest) -> Store:
    found = request.getfixturevalue(f"{way.partition(',')[0]}_store")
    assert isinstance(found, Cyrus | DovecotImap)
    with found.login("joe") as joe:
        boxes = [line[-1] for line in joe.command("LIST", b"", b"*").of("LIST")]
        if b"Sent" not in boxes:
            joe.create("Sent")
    return found


@pytest.fixture
def relay() -> Iterator[FakeRelay]:
    relay = FakeRelay(RelayScript())
    relay.start()
    yield relay
    relay.stop()


@pytest.fixture
def server(store: Store, way: str, relay: FakeRelay) -> Iterator[Serving]:
    with serving(_users() + _settings(store, SERVERS[way]), relay.port) as running:
        yield running


def _users() -> str:
    users = certificate_folder() / "sent-users"
    users.write_text("joe:{PLAIN}secret\n")
    return f"passdb {{\n driver = passwd-file\n args = {users}\n}}\n"


def _settings(store: Store, how: str) -> str:
    host, _, port = store.authority.rpartition(":")
    return f"imap_urlauth_host = {host}\nimap_urlauth_port = {port}\n{how}"


def _send(server: Serving, store: Store, *arguments: object, password: str = "secret") -> Result:
    """Run the command; it gets nothing but what an administrator would give."""
    words = ["--server", f"localhost:{server.port}", "--ca", certificate_folder() / "ca.pem", "--user", "joe"]
    words += ["--from", "joe@example.org", "--to", "amy@example.net", "--via-imap", store.authority, *arguments]
    environment = {"GSUBMIT_PASSWORD": "secret", "GSUBMIT_IMAP_PASSWORD": password}
    return CliRunner(env=environment).invoke(send_test, [str(word) for word in words], catch_exceptions=False)


def _send_json(server: Serving, store: Store, *arguments: object, password: str = "secret") -> Any:
    return json.loads(_send(server, store, "--json", *arguments, password=password).stdout)


def _flags(joe: ImapClient, uid: int) -> bytes:
    joe.command("SELECT", b"Sent")
    (answer,) = joe.command("UID", "FETCH", str(uid), "FLAGS").of("FETCH")
    return repr(answer).encode()


def test_one_command_proves_the_whole_path(store: Store, server: Serving, relay: FakeRelay, tmp_path: Path) -> None:
    (tmp_path / "message").write_bytes(MESSAGE)
    outcome = _send_json(server, store, "--file", tmp_path / "message")
    assert outcome["ok"] is True, outcome
    (mail,) = relay.accepted
    ours, begin, rest = mail.content.partition(b"From: <joe@")
    assert re.fullmatch(rb"Received: [^\r\n]*\r\n(?:[ \t][^\r\n]*\r\n)*", ours)
    assert begin + rest == MESSAGE
    with store.login("joe") as joe:
        assert joe.fetch("Sent", outcome["imap"]["uid"]) == MESSAGE
        assert b"\\\\Seen" in _flags(joe, outcome["imap"]["uid"])
    names = [step["name"] for step in outcome["steps"]]
    start = names.index("EHLO after AUTH")
    assert names[start:] == [
        *("EHLO after AUTH", "BURL offered", "IMAP connect", "IMAP greeting", "IMAP CAPABILITY", "IMAP STARTTLS"),
        *("IMAP TLS", "IMAP CAPABILITY after TLS", "IMAP login", "IMAP CAPABILITY after login", "IMAP URLAUTH"),
        *("IMAP APPEND", "IMAP GENURLAUTH", "IMAP LOGOUT", "MAIL", "RCPT", "BURL", "QUIT"),
    ]
    assert outcome["imap"]["tls"]["verified"] is True


def test_what_is_shown_holds_no_token(store: Store, server: Serving) -> None:
    result = _send(server, store)
    assert result.exit_code == 0, result.output
    assert f"BURL imap://joe@{store.authority}/Sent;UIDVALIDITY=" in result.output
    assert ":INTERNAL:****" in result.output.upper()
    assert "accepted  for 1 recipient: 250 2." in result.output
    assert "stored    in the mailbox Sent, where it stays: UID " in result.output


@pytest.mark.parametrize(
    ("arguments", "code", "step"),
    [
        (["--imap-user", "nobody"], 23, "IMAP login"),
        (["--sent-mailbox", "Nope"], 24, "IMAP APPEND"),
        (["--imap-authority", "mail.example.com"], 25, "IMAP GENURLAUTH"),
    ],
)
def test_what_fails_is_named(
    store: Store, server: Serving, relay: FakeRelay, arguments: list[str], code: int, step: str
) -> None:
    outcome = _send_json(server, store, *arguments)
    assert (outcome["exit_code"], outcome["failed_step"]) == (code, step)
    assert not relay.accepted


def test_the_server_says_that_it_knows_another_host(store: Store, way: str, relay: FakeRelay) -> None:
    settings = _settings(store, SERVERS[way]).replace("localhost", "127.0.0.1")
    with serving(_users() + settings, relay.port) as server:
        outcome = _send_json(server, store)
    assert outcome["error"].startswith("554 5.7.14 ")
    assert "imap_urlauth_host" in outcome["hint"]
    assert (outcome["exit_code"], outcome["failed_step"]) == (16, "BURL")
    assert outcome["imap"]["uid"] is not None
    assert not relay.accepted


def test_an_url_from_the_standard_input(store: Store, server: Serving, relay: FakeRelay) -> None:
    with store.login("joe") as joe:
        url = joe.genurlauth(store.url("joe", "Sent", *joe.append("Sent", MESSAGE)) + ";URLAUTH=submit+joe")
    words = ["--server", f"localhost:{server.port}", "--ca", str(certificate_folder() / "ca.pem"), "--user", "joe"]
    words += ["--from", "joe@example.org", "--to", "amy@example.net", "--burl", "-"]
    result = CliRunner(env={"GSUBMIT_PASSWORD": "secret"}).invoke(send_test, words, input=f"{url}\n")
    assert result.exit_code == 0, result.output
    assert url.rpartition(":")[2] not in result.output
    assert len(relay.accepted) == 1


def _dial(folder: Path, store: Store, how: str, *arguments: str) -> Result:
    config = folder / "x.conf"
    config.write_text(f"ssl = no\nimap_urlauth_ssl = starttls\n{_settings(store, how)}")
    with config.open("a") as file:
        file.write(f"ssl_client_ca_file = {certificate_folder()}/ca.pem\n")
        file.write("passdb {\n driver = static\n args = nopassword proxy=y host=%d\n}\n")  # no relay is needed
    return CliRunner().invoke(check_config, ["-c", str(config), "--dial", *arguments], catch_exceptions=False)


def test_dial_says_what_an_imap_server_can_do(store: Store, way: str, tmp_path: Path) -> None:
    result = _dial(tmp_path, store, SERVERS[way], "--imap-user", "joe")
    assert result.exit_code == 0, result.output
    assert f"  imap       {store.authority} greets: OK " in result.stdout
    assert "certificate verified, for localhost" in result.stdout
    wanted = {
        "cyrus": "of a made-up URL, URLFETCH gives NIL",
        "dovecot": "logged in as proxy for joe\n             URLAUTH: tokens are compared",
        "dovecot, forwarded": "not tried: clients' own passwords",
    }
    assert wanted[way] in result.stdout


@pytest.mark.parametrize("way", ["cyrus", "dovecot"], indirect=True)
def test_dial_says_why_an_imap_server_cannot_be_used(store: Store, way: str, tmp_path: Path) -> None:
    result = _dial(tmp_path, store, SERVERS[way].replace("secret", "wrong"), "--imap-user", "joe")
    assert result.exit_code == 1
    who = "submit cannot log in" if way == "cyrus" else "proxy cannot log in for joe"
    assert result.stderr.startswith(f"{store.authority}: {who}: login refused: ")
    assert "wrong" not in result.output
