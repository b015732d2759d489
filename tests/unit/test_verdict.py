"""Whether a configuration makes a server of use."""

from __future__ import annotations

import os
from pathlib import Path

import pytest

from gsubmit.app.verdict import Verdict, judge
from tests.harness.loading import load_text

RELAY = "submission_relay_host = mx.example.org\n"
LOGIN = "passdb {\n driver = static\n args = password=x\n}\n"


def judged(text: str) -> Verdict:
    return judge(load_text(f"ssl = no\n{text}\n" + ("" if "hostname" in text else "hostname = msa.example.org\n")))


def passdb(driver: str, args: str, more: str = "") -> str:
    return f"passdb {{\n driver = {driver}\n args = {args}\n {more}\n}}\n"


def test_the_least_that_is_of_use() -> None:
    assert judged(RELAY + LOGIN) == Verdict((), ())


@pytest.mark.parametrize(
    "doors",
    [
        pytest.param(passdb("static", "nopassword proxy=y host=192.0.2.1"), id="static"),
        pytest.param(
            passdb("imap", "host=127.0.0.1", "override_fields = proxy host=192.0.2.1"), id="fields of the block"
        ),
        pytest.param(passdb("static", "nopassword proxy_maybe host=192.0.2.1"), id="perhaps"),
    ],
)
def test_no_relay_is_needed_when_all_are_served_elsewhere(doors: str) -> None:
    assert judged(doors) == Verdict((), ())
    (warning,) = judged(doors + LOGIN).notices
    assert warning.text.startswith("no relay (submission_relay_host): ")


@pytest.mark.parametrize(("entry", "is_error"), [("tim:{PLAIN}x::::::proxy host=mx", False), ("tim:{PLAIN}x", True)])
def test_a_relay_may_be_needed_for_some(tmp_path: Path, entry: str, is_error: bool) -> None:
    (tmp_path / "users").write_text(f"{entry}\n")
    verdict = judged(passdb("passwd-file", f"{tmp_path}/users"))
    said = [problem.text[:8] for problem in verdict.errors or verdict.notices]
    assert (said, bool(verdict.errors)) == (["no relay"], is_error)


@pytest.mark.parametrize(
    ("driver", "args"), [("dovecot", "/run/dovecot/auth"), ("passwd-file", "/etc/gsubmit/%d/users")]
)
def test_a_relay_may_be_needed_for_all_that_is_known(driver: str, args: str) -> None:
    verdict = judged(passdb(driver, args))
    assert [notice.kind for notice in verdict.notices if "no relay" in notice.text] == ["warning"]
    assert verdict.errors == ()


def test_drivers_of_others_beside_a_door() -> None:
    verdict = judged(RELAY + LOGIN + passdb("ldap", "/x"))
    assert verdict.errors == ()
    assert any("let Dovecot ask it: driver = dovecot" in notice.text for notice in verdict.notices)


def test_a_way_to_log_in_that_one_door_has() -> None:
    assert judged(RELAY + "auth_mechanisms = plain xoauth2\n" + LOGIN).errors == ()
    (error,) = judged(RELAY + "auth_mechanisms = plain\n" + passdb("static", "password=x", "mechanisms = login")).errors
    assert error.place.line == 3
    assert "nobody can log in" in error.text


def test_errors_of_passdbs_are_among_them() -> None:
    (error,) = judged(RELAY + passdb("passwd-file", "users")).errors
    assert error.text == "passwd-file: args must end in an absolute path"


def test_a_users_file_is_read(tmp_path: Path) -> None:
    """The first ten faults, and how many there are more."""
    (tmp_path / "users").write_text("".join(f"u{number}:secret\n" for number in range(12)))
    verdict = judged(RELAY + passdb("passwd-file", f"{tmp_path}/users"))
    assert verdict.errors == ()
    assert [notice.place.line for notice in verdict.notices] == [0, *range(1, 11)]
    assert str(verdict.notices[0]) == f"{tmp_path}/users: 2 more lines with faults"
    assert str(verdict.notices[1]).startswith(
        f"{tmp_path}/users:1: user 'u0': stored password: not a hash that crypt(3)"
    )


@pytest.mark.parametrize("more", ["", LOGIN])
def test_a_missing_users_file(tmp_path: Path, more: str) -> None:
    """Of the only passdb it is an error."""
    verdict = judged(RELAY + passdb("passwd-file", f"{tmp_path}/users") + more)
    (said,) = verdict.notices if more else verdict.errors
    assert said.text.endswith(f"passdb file {tmp_path}/users cannot be read: no such file or directory")
    assert said.text.startswith("passdb file" if more else "nobody can log in: ")
    assert said.place.line == 3
    assert len(verdict.errors) + len(verdict.notices) == 1


def test_missing_users_files_of_all_passdbs(tmp_path: Path) -> None:
    verdict = judged(RELAY + passdb("passwd-file", f"{tmp_path}/a") + passdb("passwd-file", f"{tmp_path}/b"))
    assert [error.text.startswith("nobody can log in: passdb file ") for error in verdict.errors] == [True, True]


def test_a_missing_file_of_users_to_keep_out(tmp_path: Path) -> None:
    """Nobody knows whom it names, and so every login fails temporarily."""
    (error,) = judged(RELAY + passdb("passwd-file", f"{tmp_path}/denied", "deny = yes") + LOGIN).errors
    assert error.text.startswith("nobody can log in: passdb file ")


@pytest.mark.skipif(os.geteuid() != 0, reason="only root can be somebody else for a moment")
def test_users_files_are_read_as_the_user_who_will_read_them(tmp_path: Path) -> None:
    (tmp_path / "users").touch(0o600)
    text = RELAY + "default_internal_user = nobody\n" + passdb("passwd-file", f"{tmp_path}/users")
    (error,) = judged(text).errors
    assert error.text.endswith("cannot be read: permission denied")
    assert (os.geteuid(), os.getegid()) == (0, 0)


@pytest.mark.parametrize(("allowed", "number"), [("", 1), ("auth_allow_weak_schemes = yes\n", 0)])
def test_a_weak_default_scheme_of_files_that_are_found_later(allowed: str, number: int) -> None:
    verdict = judged(RELAY + allowed + passdb("passwd-file", "scheme=MD5-CRYPT username_format=%n /etc/%d/passwd"))
    weak = [notice for notice in verdict.notices if notice.text.startswith("scheme=MD5-CRYPT is weak")]
    assert len(weak) == number
