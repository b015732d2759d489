"""Sieve scripts at real IMAP servers: where copies go, with which flags, and what scripts learn of mailboxes."""

from __future__ import annotations

from collections.abc import Iterator
from pathlib import Path

import pytest

from tests.harness.fakerelay import FakeRelay
from tests.harness.peer_cyrus import Cyrus, cyrus
from tests.harness.peer_dovecot_imap import DovecotImap, dovecot_imap
from tests.harness.peer_process import eventually
from tests.harness.peer_sent import message
from tests.harness.serving import serving
from tests.peers.test_sent_copy import QUICK, USER, settings, submit

Store = Cyrus | DovecotImap

SCRIPT = r"""
require ["fileinto", "copy", "mailbox", "special-use", "imap4flags", "variables", "editheader", "subaddress"];
if mailboxexists "NoSuch" { addheader "X-Wrong" "a mailbox that is not there"; }
if not mailboxexists ["INBOX", "Gesendet"] { addheader "X-Wrong" "a mailbox that is there"; }
if not specialuse_exists "\\Sent" { addheader "X-Wrong" "a special use that is there"; }
if not specialuse_exists "Gesendet" "\\Sent" { addheader "X-Wrong" "the special use of a mailbox"; }
if specialuse_exists ["\\Junk"] { addheader "X-Wrong" "a special use that is not there"; }
if header :matches "subject" "file-*" { fileinto :create :flags ["\\Flagged", "work"] "Customers ${1} é"; }
elsif header "subject" "both" { addflag "\\Answered"; fileinto :copy :create "Archive"; }
elsif header "subject" "use" { fileinto :specialuse "\\Sent" "Elsewhere"; }
"""
_SENT = "namespace inbox {\n mailbox Gesendet {\n  special_use = \\Sent\n  auto = subscribe\n }\n}\n"


@pytest.fixture(scope="module")
def dovecot() -> Iterator[DovecotImap]:
    with dovecot_imap((USER,), settings=_SENT) as server:
        yield server


@pytest.fixture(scope="module")
def cyrus_() -> Iterator[Cyrus]:
    with cyrus((USER,)) as server, server.login(USER) as user:
        user.command("CREATE", b"Gesendet", "(USE (\\Sent))")
        yield server


@pytest.fixture(params=["dovecot", "cyrus_"])
def store(request: pytest.FixtureRequest) -> Store:
    found = request.getfixturevalue(request.param)
    assert isinstance(found, Cyrus | DovecotImap)
    return found


@pytest.fixture(autouse=True)
def quick(monkeypatch: pytest.MonkeyPatch) -> None:
    for name, value in QUICK.items():
        monkeypatch.setattr(f"gsubmit.sent.{name}", value)


def flags(store: Store, mailbox: str) -> list[set[str]]:
    """Of each message in a mailbox, in lower case."""
    with store.login(USER) as user:
        user.command("EXAMINE", mailbox.encode())
        data = user.command("UID", "FETCH", "1:*", "(FLAGS)")
    found: list[set[str]] = []
    for _, items in data.of("FETCH"):
        assert isinstance(items, list)
        there = items[items.index(b"FLAGS") + 1]
        assert isinstance(there, list)
        found.append({flag.decode().lower() for flag in there if isinstance(flag, bytes)} - {"\\recent"})
    return found


def test_copies_go_where_scripts_say(store: Store, fake_relay: FakeRelay, tmp_path: Path) -> None:
    (tmp_path / "retry").mkdir()
    (tmp_path / "user.sieve").write_text(SCRIPT)
    conf = settings(store.port, str(tmp_path / "retry")) + f"submission_sieve = {tmp_path}/%u.sieve\n"
    with serving(conf, fake_relay.port) as server:
        submit(server.port, *(message(name) for name in ("file-A", "both", "use", "plain")))
        eventually("the last look", lambda: not list((tmp_path / "retry").glob("*.copy")))
        assert not list((tmp_path / "retry").glob("*.lost"))
    assert flags(store, "Customers A &AOk-") == [{"\\seen", "\\flagged", "work"}]
    assert flags(store, "Archive") == [{"\\seen", "\\answered"}]
    assert flags(store, "Gesendet") == [{"\\seen", "\\answered"}, {"\\seen"}, {"\\seen"}]
    assert not any(b"X-Wrong" in mail.content for mail in fake_relay.accepted)
