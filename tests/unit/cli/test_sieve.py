"""`gsubmit sieve-check` and `gsubmit sieve-test`."""

from __future__ import annotations

from pathlib import Path

import pytest
from gsubmit_cli.main import main

from tests.harness.commands import CliRunner, Result

MESSAGE = """\
From: a@example.org
To: b <b@example.net>, (nobody)
Cc: c@example.com
User-Agent: x
Subject: hi

hello
"""


@pytest.fixture
def folder(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    monkeypatch.chdir(tmp_path)
    return tmp_path


def run(*words: str, content: str = "") -> Result:
    return CliRunner().invoke(main, list(words), input=content)


def told(script: str, *words: str, message: str = MESSAGE, code: int = 0) -> list[str]:
    Path("a.sieve").write_text(script)
    result = run("sieve-test", "a.sieve", "-", *words, content=message)
    assert result.exit_code == code, result.output
    return result.output.splitlines()


def test_a_script_that_is_included_and_missing_is_told(folder: Path) -> None:
    (folder / "a.sieve").write_text('require "include";\ninclude "b"; include :optional "c";')
    result = run("sieve-check", "a.sieve")
    expected = "a.sieve:2: there is no script 'b': an error for a message for which it is included\n"
    assert (result.exit_code, result.output) == (0, expected)


def test_scripts_that_are_right(folder: Path) -> None:
    (folder / "a.sieve").write_text('require "include"; include "b"; keep;')
    (folder / "b.sieve").write_text("stop;")
    result = run("sieve-check", "a.sieve", str(folder / "b.sieve"))
    assert (result.exit_code, result.output) == (0, "")


def test_each_problem_has_file_and_line(folder: Path) -> None:
    (folder / "a.sieve").write_text('require "vacation";\n\nfoo;\n')
    (folder / "b.sieve").write_text('require "include";\ninclude "bad";\n')
    (folder / "bad.sieve").write_text("\nkeep :bad;\n")
    (folder / "good.sieve").write_text("keep;")
    result = run("sieve-check", "a.sieve", "good.sieve", "b.sieve", "none.sieve")
    assert result.exit_code == 1
    lines = result.output.splitlines()
    assert lines[0].startswith("a.sieve:1: extension 'vacation' is not there for outgoing mail")
    assert lines[1].startswith("a.sieve:3: unknown command 'foo'")
    assert lines[2].startswith("bad.sieve:2: ")
    assert lines[3] == "none.sieve: there is no such file"
    assert len(lines) == 4


def test_a_script_that_is_too_large(folder: Path) -> None:
    (folder / "a.sieve").write_bytes(b"#" * (1 << 21))
    result = run("sieve-check", "a.sieve")
    assert (result.exit_code, result.output) == (1, "a.sieve: the script has more than 262144 octets\n")


@pytest.mark.parametrize(
    ("script", "lines"),
    [
        pytest.param(
            "keep;",
            ["relayed to: b@example.net", "relayed to: c@example.com", "copy in: Sent, if there is one"],
            id="keep",
        ),
        pytest.param(
            'require ["copy"]; redirect :copy "x@example.org";',
            [
                *("relayed to: b@example.net", "relayed to: c@example.com"),
                *("relayed to: x@example.org (in addition)", "copy in: Sent, if there is one"),
            ],
            id="one more recipient",
        ),
        pytest.param(
            'redirect "x@example.org";',
            ["relayed to: x@example.org (instead of the recipients)"],
            id="other recipients",
        ),
        pytest.param(
            'require ["fileinto", "imap4flags", "mailbox"]; fileinto :create :flags "\\\\Flagged" "X";',
            [
                *("relayed to: b@example.net", "relayed to: c@example.com"),
                "copy in: X with \\Flagged, which is made if it is not there",
            ],
            id="another mailbox",
        ),
        pytest.param(
            'require ["fileinto", "copy", "imap4flags"]; addflag "a"; fileinto :copy :flags "b" "X";',
            [
                *("relayed to: b@example.net", "relayed to: c@example.com"),
                *("copy in: X with b", "copy in: Sent, if there is one with a"),
            ],
            id="one more copy",
        ),
        pytest.param(
            "discard;", ["discarded: it is relayed to nobody, and the client hears that it was taken"], id="discard"
        ),
        pytest.param(
            'require "reject"; reject text:\nNo.\nNever.\n.\n;',
            ["refused: 550 5.7.1 No.", "refused: 550 5.7.1 Never."],
            id="reject",
        ),
    ],
)
def test_what_would_be_done(folder: Path, script: str, lines: list[str]) -> None:
    assert told(script) == lines


def test_the_header_as_it_goes_out(folder: Path) -> None:
    script = 'require "editheader"; deleteheader "User-Agent"; addheader "X-A" "ü"; deleteheader "From";'
    header = ["  To: b <b@example.net>, (nobody)", "  Cc: c@example.com", "  Subject: hi"]
    lines = told(script, "--to", "d@example.net")
    assert lines[0] == "relayed to: d@example.net"
    assert lines[2:] == ["the header as it goes out:", "  X-A: =?utf-8?B?w7w=?=", "  From: a@example.org", *header]
    assert told(script, "--administrator")[-4:] == ["  X-A: =?utf-8?B?w7w=?=", *header]


def test_the_envelope(folder: Path) -> None:
    script = """
        require ["envelope", "vnd.dovecot.debug", "variables", "environment", "vnd.dovecot.environment"];
        if envelope :matches "from" "*" { debug_log "from ${1}"; }
        if envelope :matches "to" "d@*" { debug_log "to ${1}"; }
        if environment :is "name" "gsubmit" { debug_log "${env.vnd.dovecot.username}"; }
    """
    words = ["--from", "", "--to", "c@example.net", "--to", "d@example.net", "--user", "tim"]
    assert told(script, *words)[:3] == ["log: from ", "log: to example.net", "log: tim"]
    assert told(script, "--user", "t@example.org")[0] == "log: from t@example.org"
    assert "relayed to: recipient@example.net" in told(script, message="Subject: a\n\n")


def test_each_step_is_shown(folder: Path) -> None:
    (folder / "b.sieve").write_text('\n\nredirect "x@example.org";')
    script = 'require "include";\nif not header :is "Subject" "a\x1b" {\n  include "b";\n}\n'
    assert told(script, "--trace") == [
        *("a.sieve:2: 'hi' does not match", "a.sieve:2: header: false", "a.sieve:2: not: true", "a.sieve:3: include"),
        *("b.sieve:3: redirect", "b.sieve:3: the message goes to x@example.org"),
        "relayed to: x@example.org (instead of the recipients)",
    ]


def test_a_script_that_fails(folder: Path) -> None:
    script = 'require ["variables", "fileinto"];\nset "a" "";\nfileinto "${a}";\n'
    lines = told(script, code=1)
    assert lines[0].startswith("a.sieve:3: ")
    assert lines[1:] == ["the script has failed, and nothing of what it asked for is done"]


def test_a_script_that_does_not_compile(folder: Path) -> None:
    (line,) = told("foo;", code=1)
    assert line.startswith("a.sieve:1: ")


def test_a_header_without_end(folder: Path) -> None:
    lines = told("keep;", message="A: " + "x" * 300_000, code=1)
    assert lines == ["the header of the message is too long: the server refuses it"]


def test_nothing_that_a_terminal_would_obey(folder: Path) -> None:
    lines = told('require "reject"; reject "a\x1b[31m";')
    assert lines == ["refused: 550 5.7.1 a?[31m"]


CONFIGURATION = """
hostname = msa.example.org
ssl = no
submission_relay_host = 127.0.0.1
submission_sieve_global = %s/global
submission_sieve_max_actions = 1
submission_sieve_env = team=red
recipient_delimiter = -
passdb {
  driver = static
  args = password=x
}
"""


@pytest.fixture
def configured(folder: Path) -> Path:
    (folder / "global").mkdir()
    (folder / "gsubmit.conf").write_text(CONFIGURATION % folder)
    return folder


def test_a_configuration_says_what_holds(configured: Path) -> None:
    (configured / "a.sieve").write_text('require ["include", "fileinto"];\ninclude :global "b";\n')
    (configured / "global" / "b.sieve").write_text("foo;\n")
    result = run("sieve-check", "-c", "gsubmit.conf", "a.sieve")
    assert result.exit_code == 1
    assert result.output.splitlines() == [
        "a.sieve:1: unknown extension 'fileinto'",
        f"{configured}/global/b.sieve:1: unknown command 'foo'",
    ]


def test_a_script_is_tried_with_a_configuration(configured: Path) -> None:
    script = """
        require ["environment", "vnd.dovecot.environment", "variables", "vnd.dovecot.debug", "subaddress", "envelope"];
        if environment :matches "domain" "*" { debug_log "${1} ${env.vnd.dovecot.config.team}"; }
        if envelope :detail :matches "from" "*" { debug_log "${1}"; }
        redirect "a@example.org";
        redirect "b@example.org";
    """
    lines = told(script, "-c", "gsubmit.conf", "--user", "tim-x@example.org", code=1)
    assert lines[:2] == ["log: example.org red", "log: x"]
    assert lines[2].startswith("a.sieve:6: more than 1 actions")


def test_a_configuration_with_errors(configured: Path) -> None:
    (configured / "a.sieve").write_text("keep;")
    (configured / "gsubmit.conf").write_text("nonsense\n")
    assert run("sieve-check", "-c", "gsubmit.conf", "a.sieve").exit_code == 78
    assert told("keep;", "-c", "gsubmit.conf", code=78)


@pytest.mark.parametrize(
    ("script", "said"),
    [
        ('redirect "grüße@example.org";', "<grüße@example.org> cannot be a recipient of a message without SMTPUTF8"),
        (
            'require "fileinto";' + "".join(f'fileinto "{at}";' for at in range(9)),
            "the message is filed in more than 8 mailboxes",
        ),
    ],
)
def test_what_a_message_cannot_have_is_an_error_as_in_the_server(folder: Path, script: str, said: str) -> None:
    assert told(script, code=1)[0] == f"a.sieve: {said}"


def test_a_message_that_needs_smtputf8_has_it(folder: Path) -> None:
    script = 'require "editheader"; addheader "Reply-To" "grüße@example.org"; redirect "grüße@example.org";'
    lines = told(script, message="Subject: grün\n\ntext\n")
    assert "relayed to: grüße@example.org (instead of the recipients)" in lines
    assert "  Reply-To: grüße@example.org" in lines


def test_full_domains_are_needed_where_the_configuration_says_so(folder: Path) -> None:
    (folder / "conf").write_text("ssl = no\nsubmission_refuse_single_label = yes\n")
    script = 'redirect "joe@local";'
    assert told(script, "-c", "conf", code=1)[0] == "a.sieve: <joe@local> has no full domain"
    assert told(script, "-c", "conf", "--administrator")[0] == "relayed to: joe@local (instead of the recipients)"
