"""gsubmit.testing: what docs/testing.md shows works as it stands, in a process that nobody has patched."""

from __future__ import annotations

import os
import re
import smtplib
import subprocess
import sys
from pathlib import Path

import pytest

from gsubmit.testing import CannotStart, SubmissionServer
from gsubmit.testing import server as server_module
from tests.harness.peer_process import eventually

pytestmark = pytest.mark.slow  # each starts a server in a process of its own

ROOT = Path(__file__).parents[2]
EXAMPLES = re.findall(r"^```python\n(.*?)^```\n", (ROOT / "docs" / "testing.md").read_text(), re.MULTILINE | re.DOTALL)


def python(tmp_path: Path, *arguments: str) -> str:
    ran = subprocess.run(
        [sys.executable, *arguments], cwd=tmp_path, capture_output=True, text=True, check=False,
        env=os.environ | {"PYTHONPATH": str(ROOT / "cli") + os.pathsep + str(ROOT)},
    )  # fmt: skip
    assert ran.returncode == 0, ran.stdout + ran.stderr
    return ran.stdout


@pytest.mark.slow
def test_the_fixture(tmp_path: Path) -> None:
    (tmp_path / "test_example.py").write_text(EXAMPLES[0])
    said = python(tmp_path, "-m", "pytest", "-p", "gsubmit.pytest_plugin", "-p", "no:cacheprovider", "-W", "error")
    assert "2 passed" in said


@pytest.mark.slow
def test_the_context_manager(tmp_path: Path) -> None:
    assert python(tmp_path, "-W", "error", "-c", EXAMPLES[1]) == "552\n0\n"


def test_nothing_is_imported_before_a_test_asks_for_it(tmp_path: Path) -> None:
    code = "import sys, pytest; known = set(sys.modules); import gsubmit.pytest_plugin; print(set(sys.modules) - known)"
    assert eval(python(tmp_path, "-c", code)) == {"gsubmit", "gsubmit.pytest_plugin"}


def test_messages_come_in_order_and_are_forgotten() -> None:
    """In a process that gevent has patched, as this one is."""
    with SubmissionServer(users={"bob": "sesame", "amy": "barley"}) as server:
        assert (server.user, server.password) == ("bob", "sesame")
        with smtplib.SMTP_SSL(server.host, server.tls_port, context=server.client_context()) as client:
            client.login("amy", "barley")
            for number in range(12):
                client.sendmail("a@example.org", ["b@example.net", "c@example.net"], f"Subject: {number}\r\n\r\nx\r\n")
        messages = server.messages()
        assert [message["Subject"] for message in messages] == list(map(str, range(12)))
        assert messages[0]["Return-Path"] == "<a@example.org>"
        assert messages[0].get_all("Delivered-To") == ["b@example.net", "c@example.net"]
        eventually("a line of the log", lambda: "user=<amy>" in server.log)
        server.clear()
        assert server.messages() == []
        folder = server.certificate.parent
    assert not folder.exists()
    with pytest.raises(OSError, match="refused"):
        smtplib.SMTP(server.host, server.port)


def test_wrong_settings_are_said() -> None:
    with (
        pytest.raises(CannotStart, match="unknown setting 'submission_max_mail'"),
        SubmissionServer(settings="submission_max_mail = 1\n"),
    ):
        pass


def test_a_server_that_is_slow_or_silent_is_said(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(server_module, "START_TIME", 0.0)
    with pytest.raises(CannotStart, match="did not serve within 0 seconds"), SubmissionServer():
        pass
    monkeypatch.setattr(sys, "executable", "/bin/false")
    monkeypatch.setattr(server_module, "START_TIME", 60.0)
    with pytest.raises(CannotStart, match="it ended with exit code 1"), SubmissionServer():
        pass


def test_ports_that_somebody_took_meanwhile_are_left_to_him(monkeypatch: pytest.MonkeyPatch) -> None:
    with SubmissionServer() as first:
        taken, free = (first.port, first.tls_port), iter([(first.port, first.tls_port)])
        others = server_module._free_ports
        monkeypatch.setattr(server_module, "_free_ports", lambda: next(free, None) or others())
        with SubmissionServer() as second:
            assert (second.port, second.tls_port) != taken
