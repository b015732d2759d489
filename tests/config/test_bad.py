"""Each folder of tests/config/bad: a wrong configuration, and every line that is said about it."""

from pathlib import Path

import pytest

from gsubmit.app.verdict import approved
from gsubmit.auth.drivers import KNOWN
from gsubmit.settings.load import load
from gsubmit.settings.problem import SettingsError

BAD = Path(__file__).with_name("bad")
FOLDERS = sorted(path for path in BAD.iterdir() if path.is_dir())


@pytest.mark.parametrize("folder", FOLDERS, ids=lambda folder: folder.name)
def test_error(folder: Path) -> None:
    with pytest.raises(SettingsError) as caught:
        approved(load(folder / "config", KNOWN))
    said = str(caught.value).replace(f"{folder}/", "")
    assert said == (folder / "expected").read_text().rstrip("\n")


def test_there_are_some() -> None:
    assert len(FOLDERS) >= 25
