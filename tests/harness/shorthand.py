"""Shorthands of transcripts: lines that stand for several lines."""

from __future__ import annotations

import re
from collections.abc import Iterator

Numbered = tuple[int, str]

_SHORTHANDS = {
    "-- EHLO --": ["C: EHLO client.example.org", "S: 250-msa.example.org", "S: ...", "S: 250 *"],
    "-- LOGIN --": ["-- EHLO --", "C: AUTH PLAIN AHVzZXIAc2VjcmV0", "S: 235 2.7.0 Logged in"],
    "-- ENVELOPE --": [
        "C: MAIL FROM:<a@example.org>", "S: 250 2.1.0 Sender ok",
        "C: RCPT TO:<b@example.net>", "S: 250 2.1.5 Recipient ok",
    ],
}  # fmt: skip
_TIMES = re.compile(r"-- (\d+) TIMES --")


def expanded(lines: list[Numbered]) -> Iterator[Numbered]:
    """The lines with shorthands written out. `-- n TIMES --` repeats up to `-- END --`, `{n}` being the round."""
    at = 0
    while at < len(lines):
        number, line = lines[at]
        at += 1
        if line in _SHORTHANDS:
            yield from expanded([(number, written) for written in _SHORTHANDS[line]])
        elif found := _TIMES.fullmatch(line):
            end = next(place for place in range(at, len(lines)) if lines[place][1] == "-- END --")
            for count in range(1, int(found[1]) + 1):
                yield from expanded([(place, text.replace("{n}", str(count))) for place, text in lines[at:end]])
            at = end + 1
        else:
            yield number, line
