"""The secret behind made-up salts: the same after a restart, whatever else changes."""

from __future__ import annotations

from pathlib import Path

import pytest

from gsubmit.auth import lastingsecret
from gsubmit.auth.lastingsecret import lasting_secret

ID = "0123456789abcdef0123456789abcdef\n"


@pytest.fixture
def machine_id(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    monkeypatch.setattr(lastingsecret, "MACHINE_ID", tmp_path / "machine-id")
    monkeypatch.setattr(lastingsecret, "_PROCESS", b"this process")
    return tmp_path / "machine-id"


def restart(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(lastingsecret, "_PROCESS", b"another process")


def test_of_the_machine(machine_id: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    machine_id.write_text(ID)
    first = lasting_secret(b"a key")
    restart(monkeypatch)
    assert lasting_secret(b"a renewed key") == lasting_secret(b"") == first
    assert len(first) == 32 and ID.strip() not in (first.hex(), first.decode("latin-1"))
    machine_id.write_text(ID.replace("0", "1"))
    assert lasting_secret(b"a key") != first


@pytest.mark.parametrize("content", [None, "", "uninitialized\n", "0" * 32])
def test_of_the_tls_key(machine_id: Path, monkeypatch: pytest.MonkeyPatch, content: str | None) -> None:
    """machine-id(5): it may be missing, empty or not yet made; in containers it often is."""
    if content is not None:
        machine_id.write_text(content)
    first = lasting_secret(b"a key")
    restart(monkeypatch)
    assert lasting_secret(b"a key") == first
    assert lasting_secret(b"another") != first


def test_of_the_process(machine_id: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    first = lasting_secret(b"")
    assert lasting_secret(b"") == first, "over a reload"
    restart(monkeypatch)
    assert lasting_secret(b"") != first
