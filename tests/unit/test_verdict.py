"""Whether a configuration makes a server of use."""

from __future__ import annotations

from pathlib import Path

import pytest

from gsubmit.app.verdict import Verdict, judge
from tests.harness.loading import load_text

RELAY = "submission_relay_host = mx.example.org\n"
LOGIN = "passdb {\n driver = static\n args = password=x\n}\n"


def judged(text: str) -> Verdict:
    return judge(load_text(f"ssl = no\n{text}"))


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
