import os
from pathlib import Path

import pytest

from gsubmit.settings.parse import Block, Value, parse, parse_text
from gsubmit.settings.problem import Place, Report

FILE = Path("test.conf")


def read(text: str, file: Path = FILE) -> tuple[Block, Report]:
    report = Report()
    defaults = {"hostname": "", "listen": "*, ::"}
    return parse_text(text, file, defaults.get, report), report


def nobody_knows(name: str) -> None:
    return None


def last_value(text: str) -> str:
    root, report = read(text)
    assert not report.problems
    return list(root.values())[-1].text


@pytest.mark.parametrize(
    ("text", "is_unclosed"),
    [
        ('a = "b', True),
        ("a = 'b\"", True),
        ('a = "b" c', False),
        ('a = b"', False),
        ('a = "b"', False),
    ],
)
def test_a_quote_that_is_never_closed(text: str, is_unclosed: bool) -> None:
    """The value is what it was, and that is said: a password may begin with a quote."""
    root, report = read(text)
    assert len(list(root.values())) == 1
    assert [notice.text for notice in report.notices] == (
        ["a: the quote is never closed, and so part of the value"] if is_unclosed else []
    )


def test_a_byte_order_mark_is_no_part_of_the_first_name(tmp_path: Path) -> None:
    (tmp_path / "x.conf").write_text("a = b\n", encoding="utf-8-sig")
    assert [value.key for value in parse(tmp_path / "x.conf", nobody_knows, Report()).values()] == ["a"]


def test_values_know_where_they_stand() -> None:
    root, _ = read("a = b\npassdb x {\n\n  c = <d\n}\n")
    assert root.entries == [
        Value("a", "b", Place(FILE, 1)),
        Block("passdb", "x", Place(FILE, 2), [Value("c", "d", Place(FILE, 4), from_file=True)]),
    ]


def test_file_of_a_value_is_relative_to_the_configuration() -> None:
    root, _ = read("a = < cert.pem\nb = </etc/cert.pem\n", Path("/etc/gsubmit/x.conf"))
    assert [value.path for value in root.values()] == [Path("/etc/gsubmit/cert.pem"), Path("/etc/cert.pem")]


@pytest.mark.parametrize(
    ("text", "expected"),
    [
        pytest.param("a = x\na = $a y", "x y", id="set-before"),
        pytest.param("a = x\nb = w $a y", "w x y", id="in-the-middle"),
        pytest.param("a = x\nb = w$a", "w$a", id="glued"),
        pytest.param("a = x\nb = '$a'", "$a", id="quoted"),
        pytest.param("b = $listen", "*, ::", id="default"),
        pytest.param("b = $hostname x", "x", id="empty-default"),
        pytest.param("b = 5 $ y", "5 $ y", id="lone-dollar"),
        pytest.param("b = $ENV:GSUBMIT_TEST y", "env y", id="environment"),
        pytest.param("b = $ENV:GSUBMIT_NOT_SET y", "y", id="environment-unset"),
    ],
)
def test_variable(text: str, expected: str, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("GSUBMIT_TEST", "env")
    assert last_value(text) == expected


def test_variable_is_looked_up_from_the_inside_out() -> None:
    root, _ = read("a = outer\np {\n  b = $a\n  a = inner\n  c = $a\n}\nd = $a\n")
    (block,) = root.blocks()
    assert [value.text for value in block.values()] == ["outer", "inner", "inner"]
    assert list(root.values())[-1].text == "outer"


def test_variable_may_stand_for_a_whole_file() -> None:
    root, _ = read("a = <x/cert.pem\nb = $a\n", Path("/etc/y.conf"))
    assert list(root.values())[-1].path == Path("/etc/x/cert.pem")
    assert list(root.values())[-1].from_file


def test_glued_comment_is_noticed() -> None:
    root, report = read("a = b#c\n")
    assert next(root.values()).text == "b"
    assert [notice.kind for notice in report.notices] == ["warning"]


def test_include_inside_a_block(tmp_path: Path) -> None:
    (tmp_path / "main.conf").write_text("passdb {\n  !include part.inc\n}\nb = $a\n")
    (tmp_path / "part.inc").write_text("driver = x\n")
    report = Report()
    root = parse(tmp_path / "main.conf", {"a": ""}.get, report)
    (block,) = root.blocks()
    assert block.entries == [Value("driver", "x", Place(tmp_path / "part.inc", 1))]


def test_include_order_and_relative_paths(tmp_path: Path) -> None:
    folder = tmp_path / "conf.d"
    folder.mkdir()
    for name in ("20", "10", "30"):
        (folder / f"{name}.conf").write_text(f"n = {name}\n!include_try ../more.inc\n")
    (tmp_path / "more.inc").write_text("m = 1\n")
    (tmp_path / "main.conf").write_text(f"!include {tmp_path}/conf.d/*.conf\n!include_try none*.conf\n")
    report = Report()
    root = parse(tmp_path / "main.conf", nobody_knows, report)
    assert [value.text for value in root.values()] == ["10", "1", "20", "1", "30", "1"]
    assert not report.problems


def test_include_loop_over_two_files(tmp_path: Path) -> None:
    (tmp_path / "a.conf").write_text("!include b.conf\n")
    (tmp_path / "b.conf").write_text("x = 1\n!include a.conf\n")
    report = Report()
    parse(tmp_path / "a.conf", nobody_knows, report)
    assert [(problem.place.file.name, problem.place.line) for problem in report.problems] == [("b.conf", 2)]


def test_included_file_cannot_close_the_block_around_it(tmp_path: Path) -> None:
    (tmp_path / "a.conf").write_text("p {\n!include b.conf\nx = 1\n}\n")
    (tmp_path / "b.conf").write_text("}\n")
    report = Report()
    root = parse(tmp_path / "a.conf", nobody_knows, report)
    assert [str(problem) for problem in report.problems] == [f"{tmp_path}/b.conf:1: '}}' without a block to close"]
    assert [len(block.entries) for block in root.blocks()] == [1]


def test_only_regular_files_are_read(tmp_path: Path) -> None:
    os.mkfifo(tmp_path / "pipe.conf")
    (tmp_path / "folder.conf").mkdir()
    report = Report()
    parse(tmp_path, nobody_knows, report)
    assert [problem.text for problem in report.problems] == ["cannot be read: not a regular file"] * 2


def test_folder_without_configuration(tmp_path: Path) -> None:
    report = Report()
    parse(tmp_path, nobody_knows, report)
    assert [str(problem) for problem in report.problems] == [f"{tmp_path}: no *.conf file in this folder"]
