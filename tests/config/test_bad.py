"""Each folder of tests/config/bad: a wrong configuration, and every line that is said about it."""

from pathlib import Path

import pytest

from gsubmit.settings.problem import SettingsError
from tests.harness.loading import load

BAD = Path(__file__).with_name("bad")
FOLDERS = sorted(path for path in BAD.iterdir() if path.is_dir())


@pytest.mark.parametrize("folder", FOLDERS, ids=lambda folder: folder.name)
def test_error(folder: Path) -> None:
    with pytest.raises(SettingsError) as caught:
        load(folder / "config")
    said = str(caught.value).replace(f"{folder}/", "")
    assert said == (folder / "expected").read_text().rstrip("\n")


def test_there_are_some() -> None:
    assert len(FOLDERS) >= 25
