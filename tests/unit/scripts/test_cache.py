"""Scripts are compiled once, and again when a file of theirs changes."""

from __future__ import annotations

import os
from pathlib import Path

import pytest

from gsubmit.scripts import cache as module
from gsubmit.scripts.cache import Cache, read_script, version_of
from gsubmit.sieve.errors import SieveError
from gsubmit.sieve.limits import Limits
from gsubmit.sieve.mail import World
from gsubmit.sieve.vocabulary import EXTENSIONS
from tests.unit.sieve.runs import mail


@pytest.fixture
def scripts(tmp_path: Path) -> Cache:
    return Cache(Limits(script_size=10_000), str(tmp_path / "global"), EXTENSIONS)


def fault(scripts: Cache, path: Path) -> str:
    with pytest.raises(SieveError) as caught:
        scripts.script(str(path))
    return str(caught.value)


def test_it_is_compiled_once(scripts: Cache, tmp_path: Path) -> None:
    path = tmp_path / "a.sieve"
    path.write_text("keep;")
    first = scripts.script(str(path))
    assert first is not None
    assert scripts.script(str(path)) is first
    path.write_text("discard;")
    second = scripts.script(str(path))
    assert second is not first
    path.unlink()
    assert scripts.script(str(path)) is None
    path.write_text("foo;")
    assert fault(scripts, path) == f"{path}:1: unknown command 'foo'"
    assert fault(scripts, path) == f"{path}:1: unknown command 'foo'"
    path.write_text("keep;")
    assert scripts.script(str(path)) is not None


def test_a_script_knows_itself_however_its_path_is_written(scripts: Cache, tmp_path: Path) -> None:
    script = 'require "include"; include :once "a"; include :once :global "a";'.ljust(5_000)
    (tmp_path / "a.sieve").write_text(script)
    made = Cache(Limits(script_size=10_000), str(tmp_path), EXTENSIONS).script(f"{tmp_path}/.//a.sieve")
    assert made is not None
    assert made.run(mail(), World()).keeps


def test_what_it_includes_counts(scripts: Cache, tmp_path: Path) -> None:
    path, own, common = tmp_path / "a.sieve", tmp_path / "own.sieve", tmp_path / "global" / "all.sieve"
    common.parent.mkdir()
    path.write_text('require "include"; include :optional "own"; include :global "all";')
    common.write_text("keep;")
    first = scripts.script(str(path))
    assert scripts.script(str(path)) is first
    own.write_text("discard;")  # it was not there
    second = scripts.script(str(path))
    assert second is not first
    assert scripts.script(str(path)) is second
    common.write_text("foo;")
    assert fault(scripts, path) == f"{common}:1: unknown command 'foo'"
    common.unlink()
    assert scripts.script(str(path)) is not None


def test_a_script_is_replaced_by_a_rename(scripts: Cache, tmp_path: Path) -> None:
    path, new = tmp_path / "a.sieve", tmp_path / "new"
    path.write_text("keep;\n")
    first = scripts.script(str(path))
    new.write_text("stop;\n")
    os.utime(new, ns=(0, path.stat().st_mtime_ns))
    new.rename(path)
    assert scripts.script(str(path)) is not first


def test_what_is_no_plain_file_is_no_script(scripts: Cache, tmp_path: Path) -> None:
    os.mkfifo(tmp_path / "pipe.sieve")
    assert "there is no such script" in fault(scripts, tmp_path / "pipe.sieve")
    assert read_script(str(tmp_path / "pipe.sieve"), 10) is None
    assert read_script(str(tmp_path), 10) is None
    assert scripts.script(str(tmp_path / "none" / "a.sieve")) is None


@pytest.mark.parametrize("name", ["é" * 126, "é" * 128, "a" * 128])
def test_a_name_that_no_file_can_have_is_no_scripts(scripts: Cache, tmp_path: Path, name: str) -> None:
    """RFC 5804 1.6 has names of 128 characters, most file systems of 255 octets."""
    path = tmp_path / "a.sieve"
    path.write_text(f'require "include"; include :optional "{name}"; include :global :optional "{name}";')
    script = scripts.script(str(path))
    assert script is not None
    assert script.run(mail(), World()).keeps
    path.write_text(f'require "include";\ninclude "{name}";')
    script = scripts.script(str(path))
    assert script is not None
    assert [problem.text for problem in script.missing] == [f"there is no script '{name}'"]


@pytest.mark.parametrize("name", ["x" * 300, "x/" * 3000, "a\0b", "a\ud800"])
def test_a_path_that_cannot_be_is_no_scripts(scripts: Cache, tmp_path: Path, name: str) -> None:
    path = f"{tmp_path}/{name}.sieve"
    assert scripts.script(path) is None
    assert version_of(path) is None
    assert read_script(path, 10) is None


def test_a_link_is_followed(scripts: Cache, tmp_path: Path) -> None:
    """Servers of ManageSieve mark a script so."""
    (tmp_path / "real").write_text("keep;")
    (tmp_path / "a.sieve").symlink_to("real")
    assert scripts.script(str(tmp_path / "a.sieve")) is not None


@pytest.mark.parametrize("name", ["user", "included"])
def test_a_file_that_could_not_be_read_is_read_again(
    scripts: Cache, tmp_path: Path, monkeypatch: pytest.MonkeyPatch, name: str
) -> None:
    """No file changes when rights do, or when there are descriptors again."""
    path = tmp_path / "user.sieve"
    path.write_text('require "include"; include "included";')
    (tmp_path / "included.sieve").write_text("discard;")

    def no(path: str, limit: int) -> bytes | None:
        if path == str(tmp_path / f"{name}.sieve"):
            raise OSError(24, "Too many open files")
        return read_script(path, limit)

    with monkeypatch.context() as patched:
        patched.setattr(module, "read_script", no)
        assert fault(scripts, path) == f"{path}: cannot be read: Too many open files"
    assert scripts.script(str(path)) is not None


def test_a_large_file_is_not_read_to_its_end(scripts: Cache, tmp_path: Path) -> None:
    path = tmp_path / "a.sieve"
    path.write_bytes(b"#" + b"x" * 20_000)
    assert fault(scripts, path) == f"{path}: the script has more than 10000 octets"
    assert len(read_script(str(path), 10_000) or b"") == 10_001


def test_the_cache_has_bounds(scripts: Cache, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(module, "MAX_SIZE", 3 * 700)
    kept = {}
    for name in "abcd":
        path = tmp_path / f"{name}.sieve"
        path.write_text("keep; #" + "x" * 400)
        kept[name] = scripts.script(str(path))
    assert scripts.script(str(tmp_path / "d.sieve")) is kept["d"]
    assert scripts.script(str(tmp_path / "b.sieve")) is kept["b"]
    assert scripts.script(str(tmp_path / "a.sieve")) is not kept["a"]


def test_what_cannot_be_read_is_looked_at_again(
    scripts: Cache, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    path, own = tmp_path / "a.sieve", tmp_path / "own.sieve"
    path.write_text('require "include"; include "own";')
    own.write_text("keep;")

    def refused(there: str, limit: int) -> bytes | None:
        if there == str(own):
            raise PermissionError(13, "Permission denied", there)
        return read_script(there, limit)

    with monkeypatch.context() as patched:
        patched.setattr(module, "read_script", refused)  # for root reads everything
        assert fault(scripts, path) == f"{own}: cannot be read: Permission denied"
    assert scripts.script(str(path)) is not None


def test_large_scripts_that_are_included_are_not_all_read(
    scripts: Cache, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    path = tmp_path / "a.sieve"
    path.write_text('require "include";' + "".join(f'include "b{at}";' for at in range(9)))
    for at in range(9):
        (tmp_path / f"b{at}.sieve").write_text("# " + "x" * 4000)
    seen = []

    def noted(there: str, limit: int) -> bytes | None:
        seen.append(there)
        return read_script(there, limit)

    monkeypatch.setattr(module, "read_script", noted)
    assert fault(scripts, path) == f"{path}: the script has more than 10000 octets"
    assert len(seen) == 4


def test_scripts_that_are_too_large_push_nobody_out(
    scripts: Cache, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(module, "MAX_SIZE", 5000)
    good, large = tmp_path / "good.sieve", tmp_path / "large.sieve"
    good.write_text("keep;")
    large.write_text("# " + "x" * 20_000)
    kept = scripts.script(str(good))
    fault(scripts, large)
    assert scripts.script(str(good)) is kept


def test_others_run_between_looks_at_files(scripts: Cache, tmp_path: Path) -> None:
    path = tmp_path / "a.sieve"
    path.write_text('require "include";' + "".join(f'include :optional "b{at}";' for at in range(50)))
    scripts.script(str(path))
    pauses = []
    scripts.script(str(path), lambda: pauses.append(1))
    assert len(pauses) == 50
