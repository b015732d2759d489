"""`gsubmit plugins` and `gsubmit plugins try`."""

from __future__ import annotations

from pathlib import Path

import pytest
from gsubmit_cli.main import main

from tests.harness.commands import CliRunner, Result

SUBJECT = """\
from gsubmit.plugins import Config, Mail, Plugin, refuse


class Subject(Plugin):
    def __init__(self, config: Config) -> None:
        self.word = config.text("word")

    def message(self, mail: Mail):
        if self.word in mail.header.get("Subject"):
            raise refuse(550, "5.7.1", "Not that word")
        if "fail" in mail.header.get("Subject"):
            raise KeyError("fail")
        if "exit" in mail.header.get("Subject"):
            raise SystemExit(0)
        mail.header.prepend("X-Seen", "yes")
        mail.add_recipient("archive@example.org")
        mail.remove_recipient("b@example.net")
        mail.replace_sender("other@example.org")
"""
CONFIGURATION = """
hostname = msa.example.org
ssl = no
submission_relay_host = 127.0.0.1
submission_plugins = subject
submission_plugin subject {
  path = %s/subject.py
  word = lottery
}
passdb {
  driver = static
  args = password=x
}
"""


@pytest.fixture
def folder(tmp_path: Path) -> Path:
    (tmp_path / "subject.py").write_text(SUBJECT)
    (tmp_path / "gsubmit.conf").write_text(CONFIGURATION % tmp_path)
    return tmp_path


def run(folder: Path, *words: str, content: str = "") -> Result:
    return CliRunner().invoke(main, ["plugins", "-c", str(folder / "gsubmit.conf"), *words], input=content)


def test_what_there_is(folder: Path) -> None:
    result = run(folder)
    assert result.exit_code == 0, result.output
    assert f"  subject ({folder}/subject.py): message\n" in result.output
    assert "  webhook (gsubmit.plugins.webhook:Webhook): submitted\n" in result.output


def test_what_cannot_be_loaded(folder: Path) -> None:
    (folder / "subject.py").write_text("from gsubmit.plugins import Plugin\nclass A(Plugin):\n  def f(:\n")
    result = run(folder)
    assert result.exit_code == 78
    assert f"{folder}/subject.py:3: SyntaxError: " in result.output


def test_a_message_that_goes_on(folder: Path) -> None:
    words = ["--recipient", "b@example.net", "--recipient", "c@example.net"]
    result = run(folder, "try", "subject", "-", *words, content="Subject: hello\n\ntext\n")
    assert result.exit_code == 0, result.output
    assert result.output.splitlines() == [
        *("sender: <user@example.org> -> <other@example.org>", "recipient added: <archive@example.org>"),
        *("recipient removed: <b@example.net>", "--- before", "+++ after", "@@ -1,3 +1,4 @@", "+X-Seen: yes"),
        *(" Subject: hello", " ", " text"),
    ]


@pytest.mark.parametrize(
    ("words", "content", "code", "said"),
    [
        (["try", "subject", "-"], "Subject: a lottery\n\n", 69, "refused at message: 550 5.7.1 Not that word\n"),
        (["try", "subject", "-"], "Subject: fail\n\n", 70, "KeyError: 'fail'"),
        (["try", "subject", "-"], "Subject: exit\n\n", 70, "SystemExit: 0"),
        (["try", "subject", "-", "--sender", "nonsense"], "Subject: a\n\n", 65, "bad address: "),
        (["try", "foter", "-"], "Subject: a\n\n", 78, "did you mean"),
        (["try", "archive", "-"], "Subject: a\n\n", 78, "plugin archive needs address"),
    ],
)
def test_a_message_that_does_not(folder: Path, words: list[str], content: str, code: int, said: str) -> None:
    result = run(folder, *words, content=content)
    assert result.exit_code == code, result.output
    assert said in result.output


def test_one_that_changes_nothing(folder: Path) -> None:
    (folder / "subject.py").write_text("from gsubmit.plugins import Plugin\nclass A(Plugin):\n    pass\n")
    result = run(folder, "try", "subject", "-", content="Subject: a\n\n")
    assert (result.exit_code, result.output) == (0, "the message stays as it is\n")


RECIPIENT = """
from gsubmit.plugins import Plugin, Reply
class A(Plugin):
    def recipient(self, mail, recipient):
        return Reply(550, "5.7.1", "No") if recipient.forward_path.local_part == "bad" else None
    def message(self, mail):
        if len(mail.recipients) == 2:
            mail.remove_recipient("b@example.net")
            mail.remove_recipient("c@example.net")
"""


def test_recipients_are_refused_one_by_one(folder: Path) -> None:
    (folder / "subject.py").write_text(RECIPIENT)
    words = [word for name in ("bad", "b") for word in ("--recipient", f"{name}@example.net")]
    result = run(folder, "try", "subject", "-", *words, content="Subject: a\n\n")
    assert result.exit_code == 0, result.output
    assert result.output == "recipient refused: <bad@example.net>: 550 5.7.1 No\nthe message stays as it is\n"
    result = run(folder, "try", "subject", "-", *words[:2], content="Subject: a\n\n")
    assert (result.exit_code, result.output) == (69, "refused at recipient: 550 5.7.1 No\n")


def test_somebody_has_to_get_it(folder: Path) -> None:
    (folder / "subject.py").write_text(RECIPIENT)
    words = [word for name in ("b", "c") for word in ("--recipient", f"{name}@example.net")]
    result = run(folder, "try", "subject", "-", *words, content="Subject: a\n\n")
    assert result.exit_code == 70
    assert "no recipient is left" in result.output
