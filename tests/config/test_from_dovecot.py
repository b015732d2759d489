"""docs/from-dovecot.md says what becomes of every setting that Dovecot or gsubmit has."""

from __future__ import annotations

import re
import shutil
import subprocess
from collections.abc import Collection
from pathlib import Path

import pytest

from gsubmit.settings import foreign, load, newer, obsolete, passdbs, services
from tests.docs import INSIDE, OUTSIDE

PAGE = (Path(__file__).parents[2] / "docs" / "from-dovecot.md").read_text()
DECLARED = {name for section in OUTSIDE.values() for name in section}


def rows(heading: str) -> list[tuple[list[str], str, str]]:
    """The rows below a heading: the words in code of the first column, and the others."""
    chapter = re.split(rf"^#+ {re.escape(heading)}$", PAGE, flags=re.MULTILINE)[1]
    chapter = re.split(r"^#+ ", chapter, maxsplit=1, flags=re.MULTILINE)[0]
    cells = [line.strip("| ").split(" | ") for line in chapter.splitlines() if line.startswith("| `")]
    return [(re.findall(r"`([^`]+)`", first), second.strip(" |"), "".join(more)) for first, second, *more in cells]


def names(heading: str, *kinds: str) -> list[str]:
    """What stands in the first column, of rows of these kinds or of all."""
    return sorted(name for found, kind, _ in rows(heading) for name in found if not kinds or kind in kinds)


@pytest.mark.parametrize(
    ("heading", "kinds", "expected"),
    [
        ("Outside of blocks", ("same", "other", "own"), DECLARED),
        ("Outside of blocks", ("not supported",), foreign.UNSUPPORTED),
        ("Outside of blocks", ("ignored",), {*foreign.NAMES, *(f"{prefix}*" for prefix in foreign.PREFIXES)}),
        (
            "service submission-login { }",
            (),
            {*INSIDE["service"], *services.SERVICE_NAMES, *INSIDE["inet_listener"], *services.LISTENER_NAMES},
        ),
        ("passdb { }", ("same", "other"), {*INSIDE["passdb"], "pass"}),
        ("passdb { }", ("ignored",), {*passdbs.OTHER_SETTINGS, "name"}),
        ("Names of before 2.3", ("ignored",), obsolete.NAMES),
    ],
)
def test_every_name_stands_there_once(heading: str, kinds: tuple[str, ...], expected: Collection[str]) -> None:
    assert names(heading, *kinds) == sorted(expected)


def test_names_of_2_4_are_there() -> None:
    assert set(names("Dovecot 2.4")) >= newer.NAMES


def test_every_block_is_there() -> None:
    assert {name.split()[0] for name in names("Blocks")} == {*load.BLOCKS, *foreign.BLOCKS, "auth"}


def test_drivers_and_mechanisms_that_are_not_here_are_named() -> None:
    said = {found[0]: how for heading in ("Outside of blocks", "passdb { }") for found, _, how in rows(heading)}
    assert {f"`{name}`" for name in foreign.OTHER_MECHANISMS} <= set(re.findall("`[^`]+`", said["auth_mechanisms"]))
    assert {f"`{name}`" for name in passdbs.OTHER_DRIVERS} <= set(re.findall("`[^`]+`", said["driver"]))


@pytest.mark.skipif(shutil.which("doveconf") is None, reason="Dovecot is not installed")
def test_every_setting_that_dovecot_has_is_there() -> None:
    said = subprocess.run(["doveconf", "-c", "/dev/null", "-a"], capture_output=True, text=True, check=False).stdout
    theirs = set(re.findall(r"^([a-z0-9_]+) =", said, re.MULTILINE))
    ours = set(names("Outside of blocks"))
    assert len(theirs) > 200
    assert sorted(name for name in theirs - ours if not name.startswith(foreign.PREFIXES)) == []


@pytest.mark.skipif(shutil.which("doveconf") is None, reason="Dovecot is not installed")
@pytest.mark.parametrize("name", sorted(obsolete.NAMES))
def test_what_is_obsolete_is_so_for_dovecot(name: str, tmp_path: Path) -> None:
    (tmp_path / "x.conf").write_text(f"{name} = 1\n")
    ran = subprocess.run(["doveconf", "-c", tmp_path / "x.conf", "-n"], capture_output=True, text=True, check=False)
    assert f"Obsolete setting in {tmp_path}/x.conf:1: " in ran.stderr
