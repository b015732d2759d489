"""What scripts ask the IMAP server takes its time from the message of their user, and from nobody else's."""

from __future__ import annotations

import time
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

import pytest

from gsubmit.scripts import turns
from gsubmit.server import sieve
from gsubmit.settings.load import load_text
from tests.harness.fakeimap import FakeImap
from tests.harness.imapscript import MASTER_PASSWORD
from tests.harness.serving import Serving, configuration, serving
from tests.harness.smtpserver import Server, served
from tests.unit.burl.imapserver import eventually, imap_server
from tests.unit.server.clients import ENVELOPE, MESSAGE, Client, client

MANY = 30  # questions; after 20 a script has worked for long enough to rest
SLOW = ("> TAG EXAMINE *", "WAITS 100 MS", "< TAG OK done") * MANY


@contextmanager
def asking(imap: FakeImap, folder: Path, names: list[str]) -> Iterator[tuple[Serving, Client]]:
    """A server with a user whose script asks for these mailboxes, and refuses the message if all are there."""
    listed = ", ".join(f'"{name}"' for name in names)
    script = f'require ["mailbox", "reject"];\nif mailboxexists [{listed}] {{ reject "there"; }}\n'
    (folder / "user.sieve").write_text(script)
    settings = f"""
imap_host = 127.0.0.1
imap_port = {imap.port}
imap_master_user = proxy
imap_master_password = {MASTER_PASSWORD}
submission_sieve = {folder}/%u.sieve
"""
    relay = Server()
    with served(relay), serving(settings, relay.port) as running, client(running) as sender:
        assert sender.say(*ENVELOPE, "DATA") == "354"
        yield running, sender


def asked(imap: FakeImap) -> int:
    return sum(line.startswith(b"TAG EXAMINE") for talk in imap.talks for line in talk.heard)


def test_a_script_has_some_seconds_for_all_that_it_asks(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(sieve, "MAX_ASKING", 0.25)
    with imap_server(*SLOW) as imap, asking(imap, tmp_path, [str(n) for n in range(MANY)]) as (running, sender):
        assert sender.say(MESSAGE) == "250"
        assert 1 <= asked(imap) < 6
        assert "user.sieve:2: questions to the IMAP server have taken" in running.log_text


def test_a_silent_server_is_not_waited_for(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr("gsubmit.sent.steps.ASK_TIME", 0.2)
    began = time.monotonic()
    with imap_server("> TAG EXAMINE *", "SILENT") as imap, asking(imap, tmp_path, ["A"]) as (running, sender):
        assert sender.say(MESSAGE) == "250"
        assert time.monotonic() - began < 5
        assert "user.sieve:2: the IMAP server cannot be asked" in running.log_text


def test_nobody_else_waits_for_the_server(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """The turn of scripts that take long is given up while one of them waits."""
    monkeypatch.setattr(turns, "ALLOWED", 0.0)
    quick = ("> TAG EXAMINE *", "< TAG OK done") * MANY
    names = [str(n) for n in range(MANY + 1)]
    with (
        imap_server(*quick, "> TAG EXAMINE *", "WAITS 500 MS", "< TAG NO no") as imap,
        asking(imap, tmp_path, names) as (_, sender),
    ):
        sender.begin(MESSAGE)
        assert eventually(lambda: asked(imap) > MANY)
        assert turns._of_all.crowd("") == 0
        assert sender.hear() == "250"
    assert turns._of_all.crowd("") == 0


@pytest.mark.parametrize("names", [["A"], [str(n) for n in range(MANY)]], ids=["at once", "after long work"])
def test_a_stop_while_the_server_is_asked(tmp_path: Path, monkeypatch: pytest.MonkeyPatch, names: list[str]) -> None:
    """The message is not relayed, and nothing is kept of the script."""
    monkeypatch.setattr(turns, "ALLOWED", 0.0)
    quick = ("> TAG EXAMINE *", "< TAG OK done") * (len(names) - 1)
    with imap_server(*quick, "> TAG EXAMINE *", "SILENT") as imap, asking(imap, tmp_path, names) as (running, sender):
        sender.begin(MESSAGE)
        assert eventually(lambda: asked(imap) == len(names))
        running.server.stop(seconds=0)
        assert sender.hear() == "421"  # RFC 5321 3.8
        assert "Traceback" not in running.log_text
        assert "Relayed message" not in running.log_text
        assert turns._of_all.crowd("") == 0


def test_a_reload_while_the_server_is_asked(tmp_path: Path) -> None:
    """What has begun goes on as it was, also for the next message of that session; who comes then has no script."""
    slow = ("> TAG EXAMINE *", "WAITS 200 MS", "< TAG OK done")
    with (
        imap_server(*slow, others=("> TAG EXAMINE *", "< TAG OK done")) as imap,
        asking(imap, tmp_path, ["A"]) as (running, sender),
    ):
        port = running.server.service.settings.relay.port
        sender.begin(MESSAGE)
        assert eventually(lambda: asked(imap) == 1)
        running.server.reload(lambda: load_text(configuration(relay_port=port)[0]).settings)
        assert sender.hear() == "550"
        assert sender.say(*ENVELOPE, "DATA", MESSAGE) == "550"
        assert asked(imap) == 2
        with client(running) as new:
            assert new.say(*ENVELOPE, "DATA", MESSAGE) == "250"
        assert "Traceback" not in running.log_text
