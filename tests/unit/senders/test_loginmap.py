"""submission_sender_login_map: a text table of Postfix's, read again when it changes."""

from __future__ import annotations

import os
from pathlib import Path

import pytest

from gsubmit.sasl.claims import Identity
from gsubmit.senders import loginmap
from gsubmit.senders.addresses import key_of, read_address
from gsubmit.senders.loginmap import BadMap, Fault, LoginMap, read_map
from tests.unit.senders.checking import senders_of

TABLE = """\
# who may send from which address
joe@a.example   joe

ann@a.example \tann, joe
    bob
# a comment within an entry
  ,eve@a.example

"two words"@a.example joe
@b.example      ann
carol           carol
carol@c.example dave
"""


@pytest.fixture
def path(tmp_path: Path) -> Path:
    path = tmp_path / "map"
    path.write_text(TABLE)
    return path


def found(table: LoginMap, address: str) -> str:
    table.has_changed()
    entry = table.find(key_of(read_address(address)), "+", ("c.example", "d.example"))
    return f"{entry.line} {' '.join(sorted(entry.owners))}" if entry else ""


@pytest.mark.parametrize(
    ("address", "expected"),
    [
        ("joe@a.example", "2 joe"),
        ("JOE+x@A.example", "2 joe"),
        ("ann@a.example", "4 ann bob eve@a.example joe"),
        ('"two words"@a.example', "9 joe"),
        ("x@b.example", "10 ann"),
        ("x+y@b.example", "10 ann"),
        ("carol@c.example", "12 dave"),
        ("carol@d.example", "11 carol"),
        ("carol+x@d.example", "11 carol"),
        ("carol@e.example", ""),
        ("x@a.example", ""),
        ("x@sub.b.example", ""),
    ],
)
def test_the_order_of_postfix(path: Path, address: str, expected: str) -> None:
    assert found(LoginMap(str(path)), address) == expected


@pytest.mark.parametrize(
    ("text", "faults"),
    [
        ("joe@a.example\n", [Fault(1, "expected an address and, after a blank, logins")]),
        ("joe@a.example ,\n", [Fault(1, "expected an address and, after a blank, logins")]),
        ("\n  joe@a.example\n", [Fault(2, "expected an address and, after a blank, logins")]),
        (
            "a@b@c joe\n@ x\n",
            [Fault(1, "expected user@domain, @domain or user"), Fault(2, "expected user@domain, @domain or user")],
        ),
        ("a@b.example x\nA@B.example y\n", [Fault(2, "the same address as in line 1")]),
        ("@b.example x\n@B.example y\n", [Fault(2, "the same address as in line 1")]),
    ],
)
def test_faults_have_their_lines(tmp_path: Path, text: str, faults: list[Fault]) -> None:
    (tmp_path / "map").write_text(text)
    with pytest.raises(BadMap) as raised:
        read_map(str(tmp_path / "map"))
    assert raised.value.faults == faults
    assert str(raised.value) == f"{tmp_path}/map:{faults[0].line}: {faults[0].text}"


@pytest.mark.parametrize(
    ("octets", "why"), [(None, "no such file or directory"), (b"a x\n\xff y\n", "not UTF-8 text, see line 2")]
)
def test_a_file_that_cannot_be_read(tmp_path: Path, octets: bytes | None, why: str) -> None:
    path = tmp_path / "map"
    if octets is not None:
        path.write_bytes(octets)
    with pytest.raises(BadMap, match=f"{path}: cannot be read: {why}"):
        LoginMap(str(path))


def test_it_may_be_empty(tmp_path: Path) -> None:
    (tmp_path / "map").write_text("# nobody yet\n")
    assert read_map(str(tmp_path / "map")) == {}


def test_it_is_read_again_when_it_changes(
    path: Path, monkeypatch: pytest.MonkeyPatch, caplog: pytest.LogCaptureFixture
) -> None:
    monkeypatch.setattr(loginmap, "LOOK_INTERVAL", 0.0)
    table = LoginMap(str(path))
    new = path.with_name("new")
    new.write_text("joe@a.example ann\n")
    new.replace(path)
    assert found(table, "joe@a.example") == "1 ann"
    path.write_text("joe@a.example bob\njoe\nx@b\n@\n")
    for _ in range(3):
        assert found(table, "joe@a.example") == "1 ann"
    path.unlink()
    for _ in range(3):
        assert found(table, "joe@a.example") == "1 ann"
    path.write_text("joe@a.example eve\n")
    assert found(table, "joe@a.example") == "1 eve"
    assert [record.getMessage() for record in caplog.records] == [
        f"{path}:2: expected an address and, after a blank, logins and 2 more errors; what was read before stays in use",
        f"{path}: cannot be read: no such file or directory; what was read before stays in use",
    ]


def test_it_is_looked_at_once_a_second(path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    now = 100.0
    monkeypatch.setattr("gsubmit.senders.loginmap.time.monotonic", lambda: now)
    senders = senders_of(f"submission_sender_login_map = {path}\n")
    asked = Identity("joe"), read_address("joe@a.example")
    path.write_text("joe@a.example ann\n")
    assert senders.rule(*asked)
    now = 101.0
    assert not senders.rule(*asked)


def test_nothing_but_time_size_and_inode_is_looked_at(path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(loginmap, "LOOK_INTERVAL", 0.0)
    table = LoginMap(str(path))
    status = path.stat()
    path.write_text(TABLE.replace("  joe\n", "  ann\n"))
    os.utime(path, ns=(status.st_atime_ns, status.st_mtime_ns))
    assert found(table, "joe@a.example") == "2 joe"
