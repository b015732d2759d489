"""Copies for senders at real IMAP servers: what puts messages there, and what is found there."""

from __future__ import annotations

import smtplib
import sys
from collections.abc import Iterator
from contextlib import AbstractContextManager, contextmanager, suppress
from pathlib import Path

from tests.harness.fakerelay import FakeRelay
from tests.harness.imapclient import Literal
from tests.harness.peer_cyrus import Cyrus
from tests.harness.peer_dovecot_imap import DovecotImap
from tests.harness.peer_gsubmit import ONE_WORKER, Gsubmit, gsubmit
from tests.harness.peer_process import HOST, eventually, public_folder
from tests.harness.peer_sent import Cutter

Store = Cyrus | DovecotImap

USER = "user"
LOOKS = (0.7, 2.6)  # seconds; between them clients upload, on machines that hang too
QUICK = {
    **{"steps.LOOKS": LOOKS, "steps.RETRIES": (0.3, 0.3), "steps.RETRIES_HERE": (0.3, 0.9), "steps.BREAK": 0.4},
    "keeper.TICK": 0.05,
}
HAS_SENT = "namespace inbox {\n mailbox Gesendet {\n  special_use = \\Sent\n  auto = subscribe\n }\n}\n"  # a Dovecot


def settings(port: int, folder: str) -> str:
    return f"""
submission_sent_copy = yes
submission_sent_retry_dir = {folder}
imap_host = 127.0.0.1
imap_port = {port}
imap_master_user = proxy
imap_master_password = secret
"""


def submit(port: int, *messages: bytes) -> None:
    with smtplib.SMTP(HOST, port, "client.example.org", 60.0) as client:
        client.login(USER, "secret")
        for one in messages:
            client.sendmail("user@example.org", ["rcpt@example.net"], one)


def uploaded(store: Store, octets: bytes) -> None:
    with store.login(USER) as user:
        user.command("APPEND", b"Gesendet", "(\\Seen)", Literal(octets))


def stored(store: Store, name: str, mailbox: str = "Gesendet") -> list[bytes]:
    """The messages of that name in a mailbox that are not marked as deleted."""
    with store.login(USER) as user:
        user.command("EXAMINE", mailbox.encode())
        (uids,) = user.command("UID", "SEARCH", "UNDELETED", "SUBJECT", name.encode()).of("SEARCH")
        user.command("UNSELECT")
        found = []
        for uid in uids:
            assert isinstance(uid, bytes)
            with suppress(LookupError):  # taken back meanwhile
                found.append(user.fetch(mailbox, int(uid)))
    return [octets for octets in found if f"\r\nSubject: {name}\r\n".encode() in octets]


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


def settled(folder: Path) -> None:
    """Nothing is left to be done."""
    eventually("the last look", lambda: not [*folder.glob("*.copy"), *folder.glob("*.eml")])
    assert not list(folder.glob("*.lost"))


def quick_server(
    fake_relay: FakeRelay, way: Cutter, program: str, folder: Path, more: str = ""
) -> AbstractContextManager[Gsubmit]:
    """A server that goes that way to the IMAP server, with its copies in a folder."""
    return gsubmit(fake_relay.port, settings(way.port, str(folder)) + more + ONE_WORKER, program=program)


@contextmanager
def quick_program() -> Iterator[str]:
    """A gsubmit that does not wait for minutes."""
    with public_folder("program") as folder:
        path = folder / "gsubmit"
        lines = [f"#!{sys.executable}", "from gsubmit_cli.main import main", "from gsubmit.sent import keeper, steps"]
        lines += [f"{name} = {value!r}" for name, value in QUICK.items()]
        path.write_text("\n".join([*lines, "main()"]) + "\n")
        path.chmod(0o755)
        yield str(path)
