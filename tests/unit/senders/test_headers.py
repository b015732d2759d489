"""Headers as programs write them, and as people try them: each with its verdict (HDR-6, HDR-10, SUB-9, SUB-10).

False refusals are as bad as misses. The cases stand in headers.txt.
"""

from __future__ import annotations

import re
from dataclasses import dataclass, field
from pathlib import Path

import pytest

from gsubmit.senders.senders import FIELD
from tests.unit.senders.checking import verdict

_CASE = re.compile(r"= (ok|bad|no .*?): (.+)")
_SETTING = re.compile(r"@ (\w+) =(.*)")
_ESCAPE = re.compile(rb"\\x([0-9a-f]{2})")


@dataclass
class Case:
    """One header set."""

    name: str
    verdict: str
    login: str = "joe@example.org"
    senders: str = ""
    settings: list[str] = field(default_factory=list)
    lines: list[str] = field(default_factory=list)

    def take(self, line: str) -> None:
        """One more line of it."""
        setting = _SETTING.fullmatch(line)
        if setting is None:
            self.lines.append(line)
        elif setting[1] in ("login", FIELD):
            setattr(self, setting[1], octets(setting[2].strip()).decode())
        else:
            self.settings.append(octets(line.removeprefix("@ ")).decode())

    @property
    def header(self) -> bytes:
        """As the client sends it."""
        return octets("\r\n".join([*self.lines, "", ""]))


def octets(text: str) -> bytes:
    """With the escapes made out."""
    return _ESCAPE.sub(lambda match: bytes.fromhex(match[1].decode()), text.encode())


def cases() -> list[Case]:
    found: list[Case] = []
    for line in Path(__file__).with_name("headers.txt").read_text().splitlines():
        if head := _CASE.fullmatch(line):
            found.append(Case(head[2], octets(head[1]).decode()))
        elif line and not line.startswith("#"):
            found[-1].take(line)
    return found


CASES = cases()


def test_there_are_many_and_each_has_a_name() -> None:
    assert len({case.name for case in CASES}) == len(CASES) >= 200


@pytest.mark.parametrize("case", CASES, ids=lambda case: case.name)
def test_header(case: Case) -> None:
    assert verdict(case.header, case.login, case.senders, "\n".join(case.settings)) == case.verdict
