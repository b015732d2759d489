"""Sections: the same behind a prefix and in a block."""

from pathlib import Path

import pytest

from gsubmit.settings.burl import BURL_PREFIX, ImapServerSettings
from gsubmit.settings.declare import declarations, values
from gsubmit.settings.parse import Block, parse_text
from gsubmit.settings.problem import Report
from gsubmit.settings.reading import block_values, read_section
from gsubmit.settings.relay import RELAY_PREFIX, RelaySettings
from gsubmit.settings.sections import Settings

RELAY = "host = mx.example.org\nssl = starttls\nuser = me\npassword = secret\nmax_connections = 3\n"
IMAP = "host = imap.example.org\nport = 993\nssl = imaps\nsubmit_password = secret\n"


def parsed(text: str) -> Block:
    return parse_text(text, Path("x"), lambda _: None, Report())


@pytest.mark.parametrize(
    ("section", "prefix", "lines"), [(RelaySettings, RELAY_PREFIX, RELAY), (ImapServerSettings, BURL_PREFIX, IMAP)]
)
def test_prefix_and_block(section: type, prefix: str, lines: str) -> None:
    report = Report()
    (block,) = parsed(f"some block {{\n{lines}}}").blocks()
    inside: object = read_section(section, block_values(block, declarations(section), report), report)
    text = "".join(f"{prefix}{line}\n" for line in lines.splitlines())
    outside = read_section(Settings, {value.key: value for value in parsed(text).values()}, report)
    assert not report.problems
    assert {prefix + name: value for name, value in values(inside).items()}.items() <= values(outside).items()
    assert inside != section()


def test_what_a_block_does_not_know() -> None:
    report = Report()
    (block,) = parsed("some block {\nhosst = x\nmax_connections = many\nport = 26\ninner {\n}\n}").blocks()
    relay = read_section(RelaySettings, block_values(block, declarations(RelaySettings), report), report)
    assert relay == RelaySettings(port=26)
    assert sorted(map(str, report.problems)) == [
        "x:2: unknown setting 'hosst', did you mean host?",
        "x:3: max_connections: expected a whole number, not 'many'",
        "x:5: unknown block 'inner'",
    ]
