"""`gsubmit auth-test`: the way of a login along the passdbs, and its exit codes."""

from __future__ import annotations

import os
from pathlib import Path

import pytest
from gsubmit_cli.auth_test import auth_test

from tests.harness.commands import CliRunner, Result

CONFIGURATION = """
ssl = no
auth_master_user_separator = *
passdb {{
  driver = passwd-file
  args = {folder}/masters
  master = yes
}}
passdb {{
  driver = passwd-file
  args = {folder}/down
  username_filter = down
}}
passdb {{
  driver = passwd-file
  args = {folder}/users
}}
passdb {{
  driver = static
  args = password=everybody
  username_filter = anybody
}}
"""
FILES = {
    "masters": "root:{PLAIN}toor\n",
    "map": "sales@a.example tim\n",
    "users": "tim:{PLAIN}tanstaaf::::::allow_nets=127.0.0.0/8 pass=echoed\nann:{PLAIN}tanstaaf::::::nologin\neve:{PLAIN}tanstaaf::::::proxy host=mx\n",
}


@pytest.fixture
def folder(tmp_path: Path) -> Path:
    for name, text in FILES.items():
        (tmp_path / name).write_text(text)
    (tmp_path / "conf").write_text(CONFIGURATION.format(folder=tmp_path))
    return tmp_path


def ask(folder: Path, password: str, *arguments: str) -> Result:
    result = CliRunner().invoke(auth_test, ["-c", str(folder / "conf"), *arguments], input=f"{password}\n")
    assert result.exception is None or isinstance(result.exception, SystemExit)
    assert len(password) < 2 or password not in result.output
    return result


def test_yes(folder: Path) -> None:
    result = ask(folder, "tanstaaf", "Tim")
    assert result.exit_code == os.EX_OK
    assert result.output.splitlines() == [
        f"passwd-file {folder}/down: skipped, not for this user name",
        f"passwd-file {folder}/users: yes",
        "Tim: auth succeeded",
        "extra fields:",
        "  user=tim",
        "  allow_nets=127.0.0.0/8",
        "  pass=<hidden>",
    ]


def test_the_next_passdb(folder: Path) -> None:
    result = ask(folder, "everybody", "anybody")
    assert (result.exit_code, result.output.splitlines()[1:4]) == (
        os.EX_OK,
        [f"passwd-file {folder}/users: unknown user", "static: yes", "anybody: auth succeeded"],
    )


@pytest.mark.parametrize(
    ("password", "arguments", "last"),
    [
        ("hunter2", ["tim"], "tim: auth failed: password mismatch"),
        ("", ["tim"], "tim: auth failed: empty password"),
        ("x", ["nobody"], "nobody: auth failed: unknown user"),
        ("tanstaaf", ["tim", "--remote-ip", "192.0.2.1"], "tim: auth failed: allow_nets check failed"),
        ("tanstaaf", ["ann"], "ann: auth failed: login disabled"),
        ("tanstaaf", ["tim", "-a", "ann"], "ann: auth failed: unknown user"),
        ("a.b.c", ["tim", "-m", "oauthbearer"], "tim: auth failed: unknown user"),
        ("x", ["a b"], "a b: auth failed: character not allowed in user name"),
    ],
    ids=["wrong", "empty", "unknown", "address", "nologin", "no master", "token", "name"],  # short: part of the paths
)
def test_denied(folder: Path, password: str, arguments: list[str], last: str) -> None:
    result = ask(folder, password, *arguments)
    assert (result.exit_code, result.output.splitlines()[-1]) == (os.EX_NOPERM, last)


def test_proxy(folder: Path) -> None:
    result = ask(folder, "tanstaaf", "eve")
    last = "the login goes on at mx:587 as eve, which has the last word"
    assert (result.exit_code, result.output.splitlines()[-1]) == (os.EX_OK, last)


@pytest.mark.parametrize("arguments", [["tim*root"], ["root", "-a", "tim"]])
def test_master_user(folder: Path, arguments: list[str]) -> None:
    result = ask(folder, "toor", *arguments)
    assert result.exit_code == os.EX_OK
    assert result.output.splitlines()[-2:] == ["  user=tim", "  master_user=root"]


def test_down(folder: Path) -> None:
    result = ask(folder, "x", "down")
    assert result.exit_code == os.EX_TEMPFAIL
    assert "not available: cannot read" in result.output
    assert result.output.splitlines()[-1].startswith("down: auth failed temporarily: cannot read")


def test_configuration_with_errors(folder: Path) -> None:
    (folder / "conf").write_text("ssl = no\npassdb {\n  driver = passwd-file\n  args = scheme=FOO /x\n}\n")
    result = ask(folder, "x", "tim")
    assert result.exit_code == 1
    assert "conf:2: passwd-file: scheme=FOO" in result.output


def test_senders(folder: Path) -> None:
    with (folder / "conf").open("a") as file:
        file.write(f"submission_sender_check = both\nsubmission_sender_login_map = {folder}/map\n")
        file.write("submission_domains = b.example\n")
    result = ask(folder, "tanstaaf", "tim", "--sender", "<sales+x@a.example>", "--sender", "Tim@b.example")
    assert (result.exit_code, result.output.splitlines()[-2:]) == (
        os.EX_OK,
        [
            f"sender sales+x@a.example: allowed by submission_sender_login_map {folder}/map:1",
            "sender Tim@b.example: allowed by submission_domains",
        ],
    )
    result = ask(folder, "tanstaaf", "tim", "--sender", "tim@b.example", "--sender", "eve@b.example")
    assert (result.exit_code, result.output.splitlines()[-1]) == (os.EX_NOPERM, "sender eve@b.example: not allowed")
    result = ask(folder, "wrong", "tim", "--sender", "tim@b.example")
    assert (result.exit_code, result.output.splitlines()[-1]) == (os.EX_NOPERM, "tim: auth failed: password mismatch")
    (folder / "map").write_text("tim\n")
    result = ask(folder, "tanstaaf", "tim", "--sender", "tim@b.example")
    assert result.exit_code == 1
    assert f"{folder}/map:1: expected an address" in result.output


def test_senders_that_nobody_looks_at(folder: Path) -> None:
    result = ask(folder, "tanstaaf", "tim", "--sender", "eve@b.example")
    assert (result.exit_code, result.output.splitlines()[-2:]) == (
        os.EX_NOPERM,
        ["submission_sender_check = no: senders are not looked at", "sender eve@b.example: not allowed"],
    )


def test_a_sender_that_is_no_address(folder: Path) -> None:
    result = CliRunner().invoke(auth_test, ["-c", str(folder / "conf"), "tim", "--sender", "eve"])
    assert result.exit_code == 2
    assert "missing domain" in result.output
