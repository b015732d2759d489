"""who, kick and penalty: what they ask, and how they show the answer."""

from __future__ import annotations

import json
from collections.abc import Callable, Iterator
from pathlib import Path

import pytest
from gsubmit_cli import config
from gsubmit_cli.main import main
from gsubmit_cli.table import WIDTH

from gsubmit.watch.answers import Command
from gsubmit.watch.lines import Object
from tests.harness.commands import CliRunner, Result
from tests.unit.watch.asking import controlled

SESSION: Object = {
    "id": "kT3vQ0cZ1xYw8aBe", "user": "jo@example.org", "address": "192.0.2.7", "port": 4711,
    "local_address": "192.0.2.1", "local_port": 587, "since": "2026-11-27T06:31:59Z", "seconds": 3700.4, "idle": 59.9,
    "state": "idle", "transactions": 3, "octets_in": 1234567, "octets_out": 999, "tls": "TLSv1.3",
    "cipher": "TLS_AES_256_GCM_SHA384", "relay": None, "backend": None, "pid": 4242,
}  # fmt: skip
STRANGER = SESSION | {"id": "x", "user": None, "tls": None, "state": "greeted", "octets_in": 0, "seconds": 1.0}
LONG = SESSION | {
    "user": "somebody.with.a.long.name@department.example.org", "relay": "[2001:db8:1234:5678:9abc:def0:1234:5678]:587",
    "address": "2001:db8:1234:5678:9abc:def0:1234:5678", "state": "transaction",
}  # fmt: skip
PENALTIES = [
    {"network": "192.0.2.7", "level": 2, "seconds_left": 11.5, "user": "jo"},
    {"network": "2001:db8::/48", "level": 4, "seconds_left": 29.0, "user": ""},
]
Run = Callable[..., Result]
asked: list[Object] = []


def answering(*objects: Object) -> dict[str, Command]:
    def answer(request: Object) -> Iterator[Object]:
        asked.append(request)
        yield from objects

    return dict.fromkeys(("who", "kick", "penalty"), answer)


@pytest.fixture
def run(tmp_path: Path) -> Run:
    """Runs a command against a server that answers with these objects."""
    asked.clear()
    path = tmp_path / "gsubmit.conf"
    path.write_text(f"base_dir = {tmp_path}\n")

    def run(*arguments: str, objects: tuple[Object, ...] = ()) -> Result:
        with controlled(tmp_path, answering(*objects)):
            return CliRunner().invoke(main, [arguments[0], "-c", str(path), *arguments[1:]])

    return run


def test_who_shows_a_table(run: Run) -> None:
    result = run("who", objects=(SESSION, STRANGER))
    assert result.stdout == (
        "USER            ADDRESS    AGE  IDLE  STATE    IN    OUT  TLS  RELAY  SESSION\n"
        "-               192.0.2.7  1s   59s   greeted  0     999  -    -      x\n"
        "jo@example.org  192.0.2.7  1h   59s   idle     1.2M  999  1.3  -      kT3vQ0cZ1xYw8aBe\n"
        "2 sessions of 1 user\n"
    )
    assert (result.exit_code, asked) == (0, [{"command": "who", "filters": []}])


def test_the_table_is_no_wider_than_a_terminal(run: Run) -> None:
    lines = run("who", objects=(LONG, SESSION)).stdout.splitlines()
    assert max(map(len, lines)) == WIDTH
    assert lines[1].endswith(f"  {SESSION['id']}")  # which kick takes
    assert "~" in lines[2]


def test_nobody_is_a_line_too(run: Run) -> None:
    result = run("who", "jo", "192.0.2.0/24")
    assert (result.stdout, result.exit_code) == ("0 sessions of 0 users\n", 0)
    assert asked == [{"command": "who", "filters": ["jo", "192.0.2.0/24"]}]


def test_a_terminal_is_told_nothing(run: Run) -> None:
    """Clients choose names, front ends ids."""
    shown = run("who", objects=(SESSION | {"user": "jo\x1b[2J\u202e\udcff", "id": "\x07"},)).stdout
    assert "jo?[2J??  " in shown
    assert not {"\x1b", "\x07", "\u202e"} & set(shown)


@pytest.mark.parametrize("command", [["who"], ["kick", "jo"]], ids=["who", "kick"])
def test_json_has_an_object_for_each_line(run: Run, command: list[str]) -> None:
    objects = tuple(one | {"is_later": False} for one in (STRANGER, SESSION))
    result = run(*command, "--json", objects=objects)
    assert [json.loads(line) for line in result.stdout.splitlines()] == list(objects)


def test_a_worker_that_is_left_out_is_said_so(run: Run) -> None:
    result = run("who", objects=(SESSION, {"warning": "worker 3 (pid 5) does not answer, and is left out"}))
    assert result.stderr == "warning: worker 3 (pid 5) does not answer, and is left out\n"
    assert result.stdout.endswith("1 session of 1 user\n")


def test_kick_shows_who_is_gone(run: Run) -> None:
    objects = SESSION | {"is_later": True}, STRANGER | {"is_later": False}
    result = run("kick", "192.0.2.7", objects=objects)
    assert result.stdout.splitlines()[-1] == "2 sessions of 1 user kicked, 1 after a message"
    assert len(result.stdout.splitlines()) == 4
    assert (result.exit_code, asked) == (0, [{"command": "kick", "filter": "192.0.2.7"}])
    assert run("kick", "x", objects=objects[1:]).stdout.splitlines()[-1] == "1 session of 0 users kicked"


def test_kick_finds_nobody(run: Run) -> None:
    result = run("kick", "jo")
    assert (result.exit_code, result.stdout, result.stderr) == (1, "", "nobody to kick: jo\n")


def test_penalty_shows_networks_and_clears_them(run: Run) -> None:
    result = run("penalty", objects=tuple(PENALTIES))
    assert result.stdout == (
        "NETWORK        LEVEL  LEFT  USER\n2001:db8::/48  4      29s\n192.0.2.7      2      11s   jo\n2 networks\n"
    )
    assert run("penalty", "clear", "all", objects=tuple(PENALTIES)).stdout.splitlines()[-1] == "2 networks cleared"
    assert [one["clear"] for one in asked] == ["", "all"]
    result = run("penalty", "--json", objects=tuple(PENALTIES))
    assert [json.loads(line) for line in result.stdout.splitlines()] == PENALTIES


def test_no_penalty(run: Run) -> None:
    assert (run("penalty").stdout, run("penalty").exit_code) == ("0 networks\n", 0)
    result = run("penalty", "clear", "192.0.2.8")
    assert (result.exit_code, result.stderr) == (1, "no penalty: 192.0.2.8\n")


@pytest.mark.parametrize("arguments", [["kick"], ["penalty", "clear"], ["penalty", "192.0.2.1"]], ids=" ".join)
def test_wrong_arguments(run: Run, arguments: list[str]) -> None:
    assert run(*arguments).exit_code == 2
    assert asked == []


def test_no_server(tmp_path: Path) -> None:
    path = tmp_path / "gsubmit.conf"
    path.write_text(f"base_dir = {tmp_path}\n")
    result = CliRunner().invoke(main, ["who", "-c", str(path)])
    assert result.exit_code == 69
    assert result.stderr == f"no server runs with base_dir = {tmp_path}: there is no {tmp_path}/control\n"
    path.write_text("base_dir =\n")
    assert "base_dir is empty" in CliRunner().invoke(main, ["who", "-c", str(path)]).stderr


def test_of_the_configuration_nothing_else_needs_to_be_right(tmp_path: Path) -> None:
    """Whoever looks may not read keys, and whoever is changing it has not come to the end."""
    path = tmp_path / "gsubmit.conf"
    path.write_text(
        f"ssl_key = </nowhere\nhostnam = x\nprotocol submission {{\n base_dir = {tmp_path}\n}}\npassdb {{\n"
    )
    with controlled(tmp_path, answering(SESSION)):
        assert CliRunner().invoke(main, ["who", "-c", str(path)]).exit_code == 0


def test_no_configuration(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    result = CliRunner().invoke(main, ["who", "-c", str(tmp_path / "none")])
    assert result.exit_code == 78
    assert str(tmp_path / "none") in result.stderr
    assert config.BASE_DIR == "/run/gsubmit"
    monkeypatch.setattr(config, "CONFIG", tmp_path / "conf.d")
    monkeypatch.setattr(config, "BASE_DIR", str(tmp_path))
    with controlled(tmp_path, answering(SESSION)):
        assert CliRunner().invoke(main, ["who", "-c", str(tmp_path / "conf.d")]).exit_code == 0
