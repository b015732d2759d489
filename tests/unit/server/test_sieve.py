"""What becomes of a message when a Sieve script meets a fault of ours."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import pytest

from gsubmit.sieve.script import Script
from tests.harness.smtpserver import Server, ehlo
from tests.unit.server.test_report import before, submit


@pytest.mark.parametrize(
    ("setting", "expected"), [("submission_sieve", "250"), ("submission_sieve_before", "451 4.3.0 A filter failed")]
)
def test_a_fault_of_ours_is_an_error_of_the_script(
    setting: str, expected: str, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    path = tmp_path / "user.sieve"
    path.write_text("discard;")

    def run(*_: Any) -> None:
        raise ZeroDivisionError("odd")

    monkeypatch.setattr(Script, "run", run)
    with before(Server({"EHLO": ehlo("8BITMIME")}), f"{setting} = {path}") as running:
        replies = submit(running, "MAIL FROM:<a@example.org>", "RCPT TO:<b@example.net>")
    assert replies[-1].startswith(expected)
    assert f"{path}: the script cannot be carried out" in running.log_text
    assert "ZeroDivisionError: odd" in running.log_text
