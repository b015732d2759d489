"""The numbered rules of docs/rules.md, and who names them. `python -m tests.rules` lists those that no test names."""

from __future__ import annotations

import re
from collections.abc import Iterator
from pathlib import Path

ROOT = Path(__file__).parents[1]
RULES = ROOT / "docs" / "rules.md"
UNNAMED = "## 19. Rules that no test names"  # the last chapter
NOT_YET = "no test yet"
NO_RULES = {"CVE", "RSA", "SHA", "SIZE", "SSH", "UTF"}  # what else looks like an id

_ID = r"(?:TV-)?[A-Z]{3,4}-[0-9]+"
_DEFINED = re.compile(rf"^(?:- \*\*({_ID})\*\*|\| ({_ID}) \|)", re.MULTILINE)
_EXCUSED = re.compile(rf"^\| ({_ID}(?: to {_ID}|, {_ID})*) \| (.+) \|$", re.MULTILINE)
# AUT-1 alone, AUT-1 to AUT-5, and AUT-1, -2, -5.
_CITED = re.compile(rf"(?<![\w-])({_ID})(?: to ({_ID})|((?:, -[0-9]+)+))?\b")
_TEXTS = {".py", ".smtp", ".md", ".conf", ".1", ".5", ".8"}


def rules() -> list[str]:
    """All ids, in the order of the document."""
    return [rule or vector for rule, vector in _DEFINED.findall(RULES.read_text().partition(UNNAMED)[0])]


def excused() -> dict[str, str]:
    """The ids of the last chapter, with the reason."""
    rows = _EXCUSED.findall(RULES.read_text().partition(UNNAMED)[2])
    return {rule: reason for ids, reason in rows for rule in cited(ids)}


def cited(text: str) -> Iterator[str]:
    """Every id that a text names, ranges and short forms written out."""
    for match in _CITED.finditer(text):
        first, last, more = match.groups()
        family, _, number = first.rpartition("-")
        if family in NO_RULES:
            continue
        yield first
        if last:
            yield from (f"{family}-{n}" for n in range(int(number) + 1, int(last.rpartition("-")[2]) + 1))
        if more:
            yield from (f"{family}-{n}" for n in re.findall("[0-9]+", more))


def named(folder: str) -> dict[str, Path]:
    """The ids that the files of a folder name, each with one file that does."""
    paths = sorted(path for path in (ROOT / folder).rglob("*") if path.suffix in _TEXTS)
    return {rule: path for path in paths if path != Path(__file__) for rule in cited(path.read_text())}


def is_vector(rule: str) -> bool:
    return rule.startswith("TV-")


def main() -> None:
    reasons = excused()
    tests = named("tests")
    for rule in rules():
        if rule not in tests:
            print(f"{rule:<10} {reasons.get(rule, '' if is_vector(rule) else NOT_YET)}")


if __name__ == "__main__":
    main()
