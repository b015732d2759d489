"""Hosts, folders, files and users that a configuration names: each fault at its line, before the start."""

from __future__ import annotations

import os
from collections.abc import Callable
from pathlib import Path

import pytest
from gsubmit_cli.main import main
from gsubmit_cli.serve import loaded_again

from gsubmit.app.backends import warnings
from gsubmit.app.verdict import judge
from gsubmit.settings.problem import SettingsError
from tests.harness.commands import CliRunner
from tests.harness.loading import load_text
from tests.harness.peer_process import public_folder

REST = "passdb {\n driver = static\n args = password=x\n}\n"
RELAY, NAME = "submission_relay_host = mx.example.org\n", "hostname = msa.example.org\n"
AS_ROOT = pytest.mark.skipif(os.geteuid() != 0, reason="only root can be somebody else for a moment")

Said = Callable[..., list[str]]


@pytest.fixture
def said(tmp_path: Path) -> Said:
    """What is said of a configuration whose first line is `text`, {} being a folder."""

    def said(text: str, rest: str = RELAY + NAME) -> list[str]:
        verdict = judge(load_text(f"{text.format(tmp_path)}\nssl = no\n{rest}{REST}"))
        lines = [f"error: {problem}" for problem in verdict.errors]
        lines += [f"{notice.kind}: {notice}" for notice in verdict.notices]
        return [line.replace(str(tmp_path), "{}") for line in lines]

    return said


@pytest.mark.parametrize(
    "name", ["rawlog_dir", "submission_relay_rawlog_dir", "login_proxy_rawlog_dir", "mail_temp_dir"]
)
@AS_ROOT
def test_folders(said: Said, tmp_path: Path, name: str) -> None:
    assert said(f"{name} = {{}}") == []
    assert said(f"{name} = {{}}/none") == [f"warning: <text>:1: {name}: {{}}/none is not there"]
    (tmp_path / "file").touch()
    assert said(f"{name} = {{}}/file") == [f"warning: <text>:1: {name}: {{}}/file is no folder"]
    rest = RELAY + NAME + "default_internal_user = nobody\n"
    assert said(f"{name} = {{}}", rest) == [f"warning: <text>:1: {name}: {{}} cannot be written by nobody"]


@pytest.mark.parametrize("name", ["log_path", "info_log_path"])
def test_log(said: Said, name: str) -> None:
    assert said(f"{name} = {{}}/log") == []
    assert said(f"{name} = syslog") == []
    assert said(f"{name} = /dev/stderr") == []
    assert said(f"{name} = {{}}/none/log") == [f"error: <text>:1: {name}: there is no folder {{}}/none"]
    assert said(f"{name} = {{}}") == [f"error: <text>:1: {name}: {{}} is a folder"]


@AS_ROOT
def test_what_the_service_user_cannot_use() -> None:
    with public_folder("places") as folder:
        for name in ("log", "secret"):
            (folder / name).write_text("x\n")
            (folder / name).chmod(0o600)
        text = f"ssl = no\n{RELAY}{NAME}submission_relay_user = me\nsubmission_relay_password = <{folder}/secret\n"
        text += f"log_path = {folder}/log\ndefault_internal_user = nobody\n{REST}"
        assert [str(notice) for notice in judge(load_text(text)).notices] == [  # what root reads, root reads again
            f"<text>:6: log_path: {folder}/log cannot be written by nobody",
        ]
        (folder / "log").chmod(0o666)
        assert judge(load_text(text)).notices == ()


@pytest.mark.parametrize(("uid", "kind"), [(0, "error"), (1000, "warning")])
def test_a_service_user_that_is_not_there(said: Said, monkeypatch: pytest.MonkeyPatch, uid: int, kind: str) -> None:
    monkeypatch.setattr(os, "getuid", lambda: uid)
    line = f"{kind}: <text>:1: default_internal_user: there is no user no-such-user"
    assert said("default_internal_user = no-such-user") == [line]
    rest = RELAY + NAME + "rawlog_dir = /nowhere\n"
    assert said("default_internal_user = no-such-user", rest)[1:] == [
        "warning: <text>:5: rawlog_dir: /nowhere is not there"
    ]


@pytest.mark.parametrize(("name", "is_full"), [("vm", False), ("vm.example.org", True), ("[IPv6:::1]", True)])
def test_the_name_of_the_server(said: Said, name: str, is_full: bool) -> None:
    line = f"warning: <text>:1: hostname: {name} is no full name, and others may refuse it in EHLO"
    assert said(f"hostname = {name}", RELAY) == ([] if is_full else [line])


@pytest.mark.parametrize(
    ("relay", "is_itself"),
    [
        ("127.0.0.1", True),
        ("localhost", True),
        ("127.0.0.1\nsubmission_relay_port = 25", False),
        ("192.0.2.1", False),
        ("unix:/run/mx", False),
    ],
)
def test_the_relay_is_this_server(said: Said, relay: str, is_itself: bool) -> None:
    text = f"submission_relay_host = {relay}"
    rest = NAME if "port" in relay else NAME + "submission_relay_port = 587\n"
    host = relay.partition("\n")[0]
    line = (
        f"error: <text>:1: submission_relay_host: {host} port 587 is this server, so that no message would go anywhere"
    )
    assert said(text, rest) == ([line] if is_itself else [])


def test_the_relay_is_this_server_by_a_name_that_is_looked_up(monkeypatch: pytest.MonkeyPatch) -> None:
    """check-config only: a start must not wait for DNS."""
    monkeypatch.setattr("gsubmit.app.backends.addresses_of", lambda host: ["127.0.0.1"])
    text = f"ssl = no\nsubmission_relay_port = 587\n{RELAY}{REST}"
    assert list(warnings(load_text(text).settings)) == [
        "submission_relay_host: mx.example.org port 587 is this server: no message would go anywhere"
    ]


def test_a_reload_says_the_same(tmp_path: Path, caplog: pytest.LogCaptureFixture) -> None:
    path, users = tmp_path / "gsubmit.conf", tmp_path / "users"
    passdb = f"passdb {{\n driver = passwd-file\n args = {users}\n}}\n"
    path.write_text(f"ssl = no\nrawlog_dir = {tmp_path}/none\nmail_location = x\n{RELAY}{NAME}{passdb}")
    users.write_text("tim:secret\n")
    assert loaded_again(path).server.hostname == "msa.example.org"
    assert [record.getMessage().partition(" stored")[0] for record in caplog.records] == [
        f"{path}:2: rawlog_dir: {tmp_path}/none is not there",
        f"{users}:1: user 'tim':",
    ]
    users.unlink()
    with pytest.raises(
        SettingsError, match=rf"^{path}:6: nobody can log in: passdb file {users} cannot be read: no such"
    ):
        loaded_again(path)


def test_serve_refuses_with_the_words_of_check_config(tmp_path: Path) -> None:
    path = tmp_path / "gsubmit.conf"
    path.write_text(f"log_path = {tmp_path}/none/log\nssl = no\n{RELAY}{NAME}{REST}")
    checked, served = (CliRunner().invoke(main, [command, "-c", str(path)]) for command in ("check-config", "serve"))
    assert (checked.exit_code, served.exit_code) == (1, 1)
    assert checked.stderr == served.stderr == f"{path}:1: log_path: there is no folder {tmp_path}/none\n"
