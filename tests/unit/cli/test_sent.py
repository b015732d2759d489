"""gsubmit sent: what waits in the folder, shown without a server."""

from __future__ import annotations

import json
import os
import time
from pathlib import Path

import pytest
from gsubmit_cli.main import main

from gsubmit.sent.folder import Folder
from gsubmit.sent.record import Place
from tests.harness.commands import CliRunner, Result
from tests.unit.sent.mailstore import MESSAGE, Content, record


def run(path: Path, *options: str, folder: str = "") -> Result:
    config = path / "gsubmit.conf"
    config.write_text(f"ssl = no\nhostname = msa.example.org\n{folder}")
    return CliRunner().invoke(main, ["sent", "-c", str(config), *options])


@pytest.fixture
def copies(tmp_path: Path) -> Path:
    path = tmp_path / "copies"
    path.mkdir()
    folder = Folder(str(path))
    for number, place in enumerate([None, Place("Sent", 7, 1, 12), None]):
        entry = folder.keep(record(id=f"a{number}"), Content(MESSAGE))
        entry.record.arrival, entry.record.place = time.time() - 3700, place
        entry.record.error = "" if place else "the server closed\x1b the connection"
        entry.save()
        if number == 2:
            entry.end(is_lost=True)
        else:
            entry.wait(time.time() + 100)
    return path


def text(copies: Path) -> str:
    server = "imap_host = localhost\nimap_master_user = m\nimap_master_password = p\n"
    return f"submission_sent_copy = yes\nsubmission_sent_retry_dir = {copies}\n{server}"


def test_a_table(tmp_path: Path, copies: Path) -> None:
    result = run(tmp_path, folder=text(copies))
    heads, *rows, last = result.output.splitlines()
    assert heads.split() == ["USER", "MAILBOX", "SIZE", "AGE", "NEXT", "STATE", "ERROR", "MESSAGE"]
    assert [row.split()[:6] for row in rows] == [
        ["user", "-", str(len(MESSAGE)), "1h", "1m", "waiting"],
        ["user", "Sent", str(len(MESSAGE)), "1h", "1m", "stored"],
        ["user", "-", str(len(MESSAGE)), "1h", "-", "lost"],
    ]
    assert "\x1b" not in result.output
    assert last == "3 messages"


def test_json(tmp_path: Path, copies: Path) -> None:
    one, two, _ = map(json.loads, run(tmp_path, "--json", folder=text(copies)).output.splitlines())
    assert (one["id"], one["user"], one["state"], one["message_id"]) == ("a0", "user", "waiting", "<1@example.org>")
    assert one["error"].startswith("the server closed")
    assert (two["mailbox"], two["error"], two["tries"]) == ("Sent", None, 0)


def test_what_cannot_be_read(tmp_path: Path, copies: Path) -> None:
    (copies / "0.copy").write_text("nonsense")
    assert "cannot be read" in run(tmp_path, folder=text(copies)).output


def test_no_folder(tmp_path: Path) -> None:
    result = run(tmp_path)
    assert result.exit_code == os.EX_CONFIG
    assert "submission_sent_retry_dir is not set" in result.output
    assert run(tmp_path, folder=text(tmp_path / "nowhere")).exit_code == os.EX_NOINPUT
