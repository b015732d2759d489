"""Sieve scripts at real IMAP servers: where copies go, with which flags, and what scripts learn of mailboxes."""

from __future__ import annotations

from pathlib import Path

import pytest

from tests.harness.fakerelay import FakeRelay
from tests.harness.imapclient import Literal
from tests.harness.peer_copies import USER, Store, flags, settings, settled, stored, submit
from tests.harness.peer_process import eventually
from tests.harness.peer_sent import message
from tests.harness.ports import free_port
from tests.harness.serving import serving

pytestmark = pytest.mark.usefixtures("quick_copies")

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


def test_a_copy_is_in_each_mailbox_once(store: Store, fake_relay: FakeRelay, tmp_path: Path) -> None:
    """Where the usual one goes too, and where the client stores its own, before us or after."""
    script = 'require ["fileinto", "copy", "mailbox"];\nfileinto :copy :create "Each"; fileinto :copy "Gesendet";\n'
    (tmp_path / "user.sieve").write_text(script)
    names = [f"each {when} at {type(store).__name__}" for when in ("before", "after", "never")]
    own = [message(name).replace(b"Date:", b"X-Client: yes\r\nDate:") for name in names]
    with store.login(USER) as user:
        user.command("CREATE", b"Each")
        user.command("APPEND", b"Each", "(\\Seen)", Literal(own[0]))
    (tmp_path / "retry").mkdir()
    conf = settings(store.port, str(tmp_path / "retry")) + f"submission_sieve = {tmp_path}/%u.sieve\n"
    with serving(conf, fake_relay.port) as server:
        submit(server.port, *map(message, names))
        eventually("the copies", lambda: all(stored(store, names[1], mailbox) for mailbox in ("Each", "Gesendet")))
        with store.login(USER) as user:
            user.command("APPEND", b"Each", "(\\Seen)", Literal(own[1]))
        settled(tmp_path / "retry")
    assert [stored(store, name, "Each") for name in names] == [[own[0]], [own[1]], [message(names[2])]]
    assert [stored(store, name) for name in names] == [[message(name)] for name in names]


def test_what_scripts_ask_of_copies_outlives_the_process(store: Store, fake_relay: FakeRelay, tmp_path: Path) -> None:
    """The IMAP server is not there when the message comes, and another process stores its copies."""
    (tmp_path / "user.sieve").write_text(
        'require ["fileinto", "copy", "mailbox", "special-use", "imap4flags"];\n'
        'fileinto :copy :create :flags ["\\\\Flagged", "work"] "Later é";\n'
        'fileinto :specialuse "\\\\Sent" :flags "\\\\Answered" "Elsewhere";\n'
    )
    name = f"later at {type(store).__name__}"
    (tmp_path / "retry").mkdir()
    scripts = f"submission_sieve = {tmp_path}/%u.sieve\n"
    with serving(settings(free_port(), str(tmp_path / "retry")) + scripts, fake_relay.port) as server:
        submit(server.port, message(name))
        assert len(list((tmp_path / "retry").glob("*.copy"))) == 2
    (tmp_path / "user.sieve").unlink()
    with serving(settings(store.port, str(tmp_path / "retry")) + scripts, fake_relay.port):
        settled(tmp_path / "retry")
    assert flags(store, "Later &AOk-") == [{"\\seen", "\\flagged", "work"}]
    assert len(stored(store, name)) == 1
    assert {"\\seen", "\\answered"} in flags(store, "Gesendet")


def test_a_scripts_flags_count_where_the_usual_copy_goes_too(
    store: Store, fake_relay: FakeRelay, tmp_path: Path
) -> None:
    (tmp_path / "user.sieve").write_text(
        'require ["fileinto", "copy", "imap4flags"];\nfileinto :copy :flags ["\\\\Flagged", "twice"] "Gesendet";\n'
    )
    name = f"same at {type(store).__name__}"
    (tmp_path / "retry").mkdir()
    conf = settings(store.port, str(tmp_path / "retry")) + f"submission_sieve = {tmp_path}/%u.sieve\n"
    with serving(conf, fake_relay.port) as server:
        submit(server.port, message(name))
        settled(tmp_path / "retry")
    assert len(stored(store, name)) == 1
    assert {"\\seen", "\\flagged", "twice"} in flags(store, "Gesendet")
