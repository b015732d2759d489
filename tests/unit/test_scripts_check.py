"""What check-config says of Sieve: settings without effect, and administrators' scripts that cannot be used."""

from __future__ import annotations

from pathlib import Path

import pytest

from gsubmit.app.build import CannotStart, build_scripts
from tests.harness.loading import load_text
from tests.unit.test_verdict import LOGIN, RELAY, judged

BEFORE, AFTER = "submission_sieve_before = ", "submission_sieve_after = "


def errors(text: str) -> list[str]:
    return [
        f"{error.place.file.name}:{error.place.line}: {error.text}" for error in judged(f"{text}{RELAY}{LOGIN}").errors
    ]


def notices(text: str) -> list[str]:
    verdict = judged(f"{text}{RELAY}{LOGIN}")
    assert verdict.errors == ()
    return [notice.text for notice in verdict.notices]


def test_what_has_no_effect() -> None:
    assert notices("submission_sieve_global = /srv\n") == [
        "submission_sieve_global has no effect without scripts that include others"
    ]
    assert notices("submission_sieve = /srv/%d/%n/outgoing.sieve\n") == []
    assert notices("submission_sieve = /srv/outgoing.sieve\n") == [
        "submission_sieve has neither %u, %n nor %d in it: all users would have the same script; see submission_sieve_before"
    ]


def test_a_script_that_is_not_there(tmp_path: Path) -> None:
    (error,) = judged(f"{BEFORE}{tmp_path}/none.sieve\n{RELAY}{LOGIN}").errors
    assert error.text == f"submission_sieve_before: there is no file {tmp_path}/none.sieve"
    assert error.place.line == 2


def test_each_fault_of_each_script_has_its_line(tmp_path: Path) -> None:
    (tmp_path / "10-good.sieve").write_text("keep;\n")
    (tmp_path / "20-bad.sieve").write_text('keep;\nfoo;\n\nif header "a" "b" keep;\n')
    (tmp_path / "30-bad.sieve").write_text('require "vacation";\n')
    (tmp_path / "notes.txt").write_text("foo;")
    assert errors(f"{AFTER}{tmp_path}\n") == [
        "20-bad.sieve:2: unknown command 'foo'",
        "20-bad.sieve:4: 'if' takes a test and a block",
        "30-bad.sieve:1: extension 'vacation' is not there for outgoing mail: one's own mail is not answered",
    ]


def test_included_scripts_are_looked_at_too(tmp_path: Path) -> None:
    (tmp_path / "main.sieve").write_text('require "include";\ninclude "own";\ninclude :global "all";\n')
    (tmp_path / "own.sieve").write_text("foo;")
    (tmp_path / "global").mkdir()
    (tmp_path / "global" / "all.sieve").write_text("\nbar;")
    found = errors(f"{BEFORE}{tmp_path}/main.sieve\nsubmission_sieve_global = {tmp_path}/global\n")
    assert sorted(found) == ["all.sieve:2: unknown command 'bar'", "own.sieve:1: unknown command 'foo'"]


def test_a_script_that_is_included_and_not_there(tmp_path: Path) -> None:
    (tmp_path / "main.sieve").write_text('require "include";\ninclude :optional "own";\ninclude :global "all";\n')
    assert notices(f"{BEFORE}{tmp_path}/main.sieve\nsubmission_sieve_global = {tmp_path}/global\n") == [
        "there is no script 'all': an error for a message for which it is included"
    ]


def test_without_an_imap_server_nothing_is_filed(tmp_path: Path) -> None:
    (tmp_path / "a.sieve").write_text('require "fileinto";\nfileinto "x";\n')
    assert errors(f"{BEFORE}{tmp_path}/a.sieve\n")[0] == "a.sieve:1: unknown extension 'fileinto'"


def test_a_folder_that_cannot_be_read(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    def fails(_: Path) -> None:
        raise PermissionError(13, "Permission denied", str(tmp_path))

    monkeypatch.setattr(Path, "iterdir", fails)
    assert errors(f"{BEFORE}{tmp_path}\n")[0].endswith(
        f"submission_sieve_before: {tmp_path} cannot be read: Permission denied"
    )
    with pytest.raises(CannotStart, match="cannot be read"):
        build_scripts(load_text(f"ssl = no\n{BEFORE}{tmp_path}\n").settings)
