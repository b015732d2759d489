"""conf.d and the man page say of each setting what its declaration says, and leave none out."""

import re
from pathlib import Path

import pytest

from gsubmit.settings.declare import Declaration
from tests.docs import EXAMPLE, GUIDE, MANUAL, OUTSIDE, SAMPLES, SECTIONS, guide, manual, sample
from tests.harness.loading import load_text

CONF_D = "\n".join(path.read_text() for path in SAMPLES)
DECLARED = [(name, one) for section in SECTIONS.values() for name, one in section.items()]


@pytest.mark.parametrize("path", [*SAMPLES, EXAMPLE], ids=lambda path: path.name)
def test_conf_d_is_made_of_the_declarations(path: Path) -> None:
    assert sample(path.read_text()) == path.read_text(), "make docs"


def test_manual_is_made_of_the_declarations() -> None:
    assert manual(MANUAL.read_text()) == MANUAL.read_text(), "make docs"


def test_the_guide_lists_the_figures_that_there_are() -> None:
    assert guide(GUIDE.read_text()) == GUIDE.read_text(), "make docs"


@pytest.mark.parametrize("text", [CONF_D, MANUAL.read_text()], ids=["conf.d", "manual"])
def test_each_section_is_there_once(text: str) -> None:
    assert sorted(re.findall(r" -- settings: (\w+)$", text, re.MULTILINE)) == sorted(SECTIONS)


def test_nothing_else_is_shown_as_a_setting() -> None:
    assert set(re.findall(r"^#(\w+) =", CONF_D, re.MULTILINE)) == {name for one in OUTSIDE.values() for name in one}
    items = re.findall(r"^\.It Va (\S*)", MANUAL.read_text(), re.MULTILINE)
    assert sorted(items) == sorted(name for name, _ in DECLARED)


def test_conf_d_sets_nothing() -> None:
    assert all(not line.strip() or line.startswith("#") for line in CONF_D.splitlines())


def test_conf_d_can_be_used_with_every_line_uncommented() -> None:
    # "#name" and, in blocks, two or four blanks are configuration; one blank or an odd number is prose.
    text = re.sub(r"^#(?=[a-z}]|(?:  ){1,2}\S)", "", CONF_D, flags=re.MULTILINE)
    loaded = load_text("\n".join([text, "ssl_cert = -----BEGIN X-----", "ssl_key = -----BEGIN X-----"]))
    assert [one.args for one in loaded.settings.passdbs] == ["scheme=CRYPT username_format=%u /etc/gsubmit/users"]
    assert [one.port for one in loaded.settings.services.inet_listeners] == [587, 465], "SUB-1"
    assert loaded.notices == ()


@pytest.mark.parametrize("declaration", [pytest.param(one, id=name) for name, one in DECLARED])
def test_sentence(declaration: Declaration) -> None:
    assert declaration.sentence.endswith(".")
    assert not declaration.more or declaration.more.endswith(".")
    assert "\n" not in declaration.sentence + declaration.more


def test_names_are_declared_once() -> None:
    names = [name for section in OUTSIDE.values() for name in section]
    assert len(names) == len(set(names))
