"""conf.d and the man page say of each setting what its declaration says, and leave none out."""

import re
from pathlib import Path

import pytest

from gsubmit.settings.blocks import InetListener, PassdbSettings, ServiceSettings
from gsubmit.settings.burl import ImapServerSettings
from gsubmit.settings.declare import Declaration, declarations
from gsubmit.settings.load import load_text
from gsubmit.settings.sections import Settings

ROOT = Path(__file__).parents[3]
CONF_D = "\n".join(path.read_text() for path in sorted((ROOT / "conf.d").glob("*.conf")))
MANUAL = (ROOT / "man" / "gsubmit.conf.5").read_text()

Named = tuple[str, Declaration]
OUTSIDE: list[Named] = list(declarations(Settings).items())
BLOCKS = (ServiceSettings, InetListener, PassdbSettings, ImapServerSettings)
INSIDE = [one for section in BLOCKS for one in declarations(section).items()]


def ids(one: Named) -> str:
    return one[0]


def line_of(one: Named) -> str:
    return f"{one[0]} = {one[1].default_text}".rstrip()


def prose(text: str) -> str:
    """Comment lines as running text."""
    return " ".join(re.sub(r"^#?\s*#? ?", "", line).strip() for line in text.splitlines())


def manual_items() -> list[str]:
    return re.findall(r"^\.It Va (.*)$", MANUAL.replace("\\(dq", '"').replace("\\e", "\\"), re.MULTILINE)


@pytest.mark.parametrize("one", OUTSIDE, ids=ids)
def test_conf_d_shows_the_default(one: Named) -> None:
    shown = [line for line in CONF_D.splitlines() if re.match(rf"#{one[0]} =", line)]
    assert shown == [f"#{line_of(one)}"]


@pytest.mark.parametrize("one", OUTSIDE + INSIDE, ids=ids)
def test_conf_d_explains(one: Named) -> None:
    assert one[1].sentence in prose(CONF_D)


def test_conf_d_has_no_other_settings() -> None:
    assert set(re.findall(r"^#(\w+) =", CONF_D, re.MULTILINE)) == {name for name, _ in OUTSIDE}


def test_conf_d_sets_nothing() -> None:
    assert all(not line.strip() or line.startswith("#") for line in CONF_D.splitlines())


def test_conf_d_can_be_used_with_every_line_uncommented() -> None:
    # "#name" and, in blocks, two or four blanks are configuration; one blank or an odd number is prose.
    text = re.sub(r"^#(?=[a-z}]|(?:  ){1,2}\S)", "", CONF_D, flags=re.MULTILINE)
    loaded = load_text("\n".join([text, "ssl_cert = -----BEGIN X-----", "ssl_key = -----BEGIN X-----"]))
    assert [one.args for one in loaded.settings.passdbs] == ["scheme=CRYPT username_format=%u /etc/gsubmit/users"]
    assert [one.port for one in loaded.settings.services.inet_listeners] == [587, 465], "SUB-1"
    assert [notice.kind for notice in loaded.notices] == ["note"]  # no relay


@pytest.mark.parametrize("one", OUTSIDE + INSIDE, ids=ids)
def test_manual_shows_the_default(one: Named) -> None:
    alike = [other for other in OUTSIDE + INSIDE if line_of(other) == line_of(one)]
    assert manual_items().count(line_of(one)) == len(alike)


@pytest.mark.parametrize("one", OUTSIDE + INSIDE, ids=ids)
def test_manual_explains(one: Named) -> None:
    _, *after = MANUAL.replace("\\(dq", '"').split(f".It Va {line_of(one)}\n")
    assert any(text.replace("\n", " ").startswith(one[1].sentence) for text in after)


def test_manual_has_no_other_settings() -> None:
    assert sorted(item.partition(" =")[0] for item in manual_items()) == sorted(name for name, _ in OUTSIDE + INSIDE)


@pytest.mark.parametrize("one", OUTSIDE + INSIDE, ids=ids)
def test_sentence(one: Named) -> None:
    assert one[1].sentence.endswith(".")
    assert "\n" not in one[1].sentence


def test_names_are_declared_once() -> None:
    names = [name for name, _ in OUTSIDE]
    assert len(names) == len(set(names))
