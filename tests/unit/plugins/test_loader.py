"""Plugins of files and packages, and what is said of those that cannot be loaded."""

from __future__ import annotations

import sys
from pathlib import Path

import pytest

from gsubmit.plugins.loader import check_plugins, installed, load_plugins
from gsubmit.settings.load import Loaded, load_text
from gsubmit.settings.problem import Report, SettingsError

GOOD = "from gsubmit.plugins import Plugin\nclass One(Plugin):\n    def message(self, mail):\n        return None\n"


def loaded(folder: Path, code: str | None, more: str = "", names: str = "one") -> Loaded:
    if code is not None:
        (folder / "one.py").write_text(code)
    block = f"submission_plugin one {{\n path = {folder}/one.py\n{more}}}\n"
    return load_text(f"submission_plugins = {names}\n{block}ssl = no\n", folder / "a.conf")


def problem(folder: Path, code: str | None, more: str = "") -> str:
    with pytest.raises(SettingsError) as error:
        load_plugins(loaded(folder, code, more).settings.submission.plugins.blocks)
    return str(error.value).replace(f"{folder}/", "")


def test_a_file_with_one_class(tmp_path: Path) -> None:
    plugins = load_plugins(loaded(tmp_path, GOOD).settings.submission.plugins.blocks)
    assert [one.name for one in plugins.message] == ["one"]
    assert not (plugins.connected or plugins.sender or plugins.submitted or plugins.ended)
    assert [path.name for path in tmp_path.iterdir()] == ["one.py"]  # nothing compiled beside it


def test_order_is_that_of_the_setting_and_a_reload_makes_new_ones(tmp_path: Path) -> None:
    text = "submission_plugins = b a\n" + "".join(
        f"submission_plugin {name} {{\n path = {tmp_path}/one.py\n}}\n" for name in "ab"
    )
    (tmp_path / "one.py").write_text(GOOD)
    blocks = load_text("ssl = no\n" + text).settings.submission.plugins.blocks
    first = load_plugins(blocks)
    assert [one.name for one in first.message] == ["b", "a"]
    (tmp_path / "one.py").write_text(GOOD.replace("message", "connected").replace("mail", "client"))
    second = load_plugins(blocks)
    assert len(second.connected) == 2
    assert not second.message
    assert len(first.message) == 2


@pytest.mark.parametrize(
    ("code", "said"),
    [
        ("x = 1\ndef f(:\n", "one.py:2: SyntaxError: invalid syntax"),
        ("x = 1\nimport no_such_module_anywhere\n", "one.py:2: plugin one: ModuleNotFoundError: No module named"),
        ("raise SystemExit(2)\n", "one.py:1: plugin one: SystemExit: 2"),
        ("x = 1\n", "a.conf:2: one.py has no Plugin classes"),
        (GOOD + GOOD.replace("One", "Two"), "a.conf:2: one.py has 2 Plugin classes; name one: plugin = NAME"),
        (
            GOOD + "    def __init__(self, config):\n        1 / 0\n",
            "one.py:6: plugin one: ZeroDivisionError: division",
        ),
        (GOOD + "    def __init__(self, c):\n        raise ValueError('odd')\n", "a.conf:2: plugin one: odd"),
        (GOOD + "    def __init__(self, c):\n        c.text('key')\n", "a.conf:2: plugin one needs key"),
    ],
)
def test_what_is_wrong_has_file_and_line(tmp_path: Path, code: str, said: str) -> None:
    assert problem(tmp_path, code).startswith(said)


def test_values_have_their_own_lines(tmp_path: Path) -> None:
    code = GOOD + "    def __init__(self, c):\n        c.integer('most', 3)\n"
    assert problem(tmp_path, code, " other = 1\n most = many\n").startswith("a.conf:5: most: ")
    assert problem(tmp_path, GOOD, " plugin = Onne\n") == "a.conf:2: one.py has no Onne, did you mean One?"
    assert problem(tmp_path / "none", None).endswith("one.py: No such file or directory")


def test_keys_that_nobody_asks_for_are_a_warning(tmp_path: Path) -> None:
    code = GOOD + "    def __init__(self, c):\n        c.words('names', ())\n"
    report = Report()
    check_plugins(loaded(tmp_path, code, " nmaes = a\n").settings.submission.plugins.blocks, report)
    assert [notice.text for notice in report.notices] == ["plugin one knows no 'nmaes', did you mean names?"]


def test_nothing_is_loaded_that_is_not_named(tmp_path: Path) -> None:
    found = loaded(tmp_path, "raise SystemExit\n", names="")
    assert not found.settings.submission.plugins.blocks


def test_an_installed_package(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    (tmp_path / "some_package_of_a_test.py").write_text(GOOD)
    info = tmp_path / "some_package-1.0.dist-info"
    info.mkdir()
    (info / "METADATA").write_text("Metadata-Version: 2.1\nName: some-package\nVersion: 1.0\n")
    (info / "entry_points.txt").write_text("[gsubmit.plugins]\nshiny = some_package_of_a_test:One\n")
    monkeypatch.syspath_prepend(str(tmp_path))
    assert "shiny" in installed()
    assert "some_package_of_a_test" not in sys.modules
    plugins = load_plugins(load_text("ssl = no\nsubmission_plugins = shiny\n").settings.submission.plugins.blocks)
    assert type(plugins.message[0].plugin).__name__ == "One"
    with pytest.raises(SettingsError, match="no plugin shyny is installed, did you mean shiny"):
        load_plugins(load_text("ssl = no\nsubmission_plugins = shyny\n").settings.submission.plugins.blocks)
