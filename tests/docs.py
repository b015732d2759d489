"""`make docs`: what conf.d/ and gsubmit.conf(5) say of each setting, and a guide of each figure, as they are declared.

A comment `-- settings: NAME` begins what is written, `-- end` ends it; all else is written by hand. Values inside of
blocks, and of oauth2.conf.example, are examples and stay as they are.
"""

from __future__ import annotations

import re
import textwrap
from collections.abc import Iterator
from pathlib import Path

from gsubmit.auth.drivers import DRIVERS
from gsubmit.auth.oauth.settings import OAuth2Settings, TlsFiles
from gsubmit.metrics.figures import LAYOUT
from gsubmit.settings.blocks import InetListener, MetricsListener, PassdbSettings, ServiceSettings
from gsubmit.settings.burl import ImapServerSettings
from gsubmit.settings.declare import Declaration, Part, declarations, members
from gsubmit.settings.kinds import alternatives
from gsubmit.settings.plugins import PluginSettings
from gsubmit.settings.sections import Settings
from gsubmit.watch.exposition import FACTS

ROOT = Path(__file__).parents[1]
SAMPLES = sorted((ROOT / "conf.d").glob("*.conf"))
EXAMPLE = ROOT / "conf.d" / "oauth2.conf.example"
MANUAL = ROOT / "man" / "gsubmit.conf.5"
GUIDE = ROOT / "docs" / "guides" / "watching.md"
_FIGURES, _END = "<!-- figures -->\n", "<!-- end -->\n"

OUTSIDE = {
    field: declarations(member.section, member.prefix)
    for field, member in members(Settings)
    if isinstance(member, Part)
}
INSIDE = {
    "service": declarations(ServiceSettings),
    "inet_listener": declarations(InetListener),
    "metrics": declarations(MetricsListener),
    "passdb": declarations(PassdbSettings),
    "imap_urlauth_server": declarations(ImapServerSettings),
    "submission_plugin": declarations(PluginSettings),
}
SECTIONS = OUTSIDE | INSIDE
OAUTH2 = {"oauth2": declarations(OAuth2Settings), "oauth2_tls": declarations(TlsFiles)}
NAMES = {name for section in SECTIONS.values() for name in section}

_SAMPLE = re.compile(r"^(#(?: *#)?) -- settings: (\w+)\n(.*?)^\1 -- end\n", re.MULTILINE | re.DOTALL)
_MANUAL = re.compile(r'^(\.\\") -- settings: (\w+)\n.*?^\.\\" -- end\n', re.MULTILINE | re.DOTALL)
_LITERAL = re.compile(r"`([^`]+)`([,.;:)]*) ?")


def _wrapped(text: str, width: int = 118) -> list[str]:
    text = text.replace("{drivers}", alternatives(DRIVERS))
    return textwrap.wrap(text, width, break_on_hyphens=False, break_long_words=False)


def sample(text: str) -> str:
    """A file of conf.d with its settings written anew."""
    return _SAMPLE.sub(lambda match: f"{match[1]} -- settings: {match[2]}\n{_sample(match)}{match[1]} -- end\n", text)


def _sample(match: re.Match[str]) -> str:
    comment, before = match[1], match[1].removesuffix("#") or "#"
    shown = dict(re.findall(rf"^{before}(\w+) =(.*)\n", match[3], re.MULTILINE)) if match[2] not in OUTSIDE else {}
    entries = [
        "".join(f"{comment} {line}\n" for line in _wrapped(declaration.sentence, 100 - len(comment)))
        + f"{before}{name} ={shown.get(name, f' {declaration.default_text}'.rstrip())}\n"
        for name, declaration in (SECTIONS | OAUTH2)[match[2]].items()
    ]
    return ("\n" if before == "#" else "#\n").join(entries)


def manual(text: str) -> str:
    """The manual page with its settings written anew."""
    return _MANUAL.sub(lambda match: f'.\\" -- settings: {match[2]}\n{_manual(match[2])}.\\" -- end\n', text)


def _manual(section: str) -> str:
    return "".join(line + "\n" for name, one in SECTIONS[section].items() for line in _item(name, one))


def _item(name: str, declaration: Declaration) -> Iterator[str]:
    pieces = textwrap.wrap(declaration.default_text, 40, drop_whitespace=False)  # a long word may be divided
    value = "\\:".join(piece.replace("\\", "\\e").replace('"', "\\(dq") for piece in pieces)
    yield f".It Va {name} = {value}".rstrip()
    yield from _wrapped(declaration.sentence)
    for sentence in re.split(r"(?<=[.]) (?=[A-Z`])", declaration.more):
        yield from _marked(sentence)


def _marked(sentence: str) -> Iterator[str]:
    """The lines of a sentence; names of settings and other words of a configuration stand out."""
    plain, *pieces = _LITERAL.split(sentence)
    yield from _wrapped(plain)
    for literal, marks, text in zip(pieces[::3], pieces[1::3], pieces[2::3], strict=True):
        yield " ".join([".Va" if literal in NAMES else ".Li", literal.replace("-", "\\-"), *marks])
        yield from _wrapped(text)


def guide(text: str) -> str:
    """The guide with its table of figures written anew."""
    before, _, rest = text.partition(_FIGURES)
    return before + _FIGURES + _figures() + _END + rest.partition(_END)[2]


def _figures() -> str:
    facts = [("gauge", name, dict.fromkeys(labels, ""), text) for name, text, labels in FACTS]
    figures = [
        (
            one.kind,
            one.name,
            {name: ", ".join(dict.fromkeys(values[at] for values in one.cells)) for at, name in enumerate(one.labels)},
            one.help,
        )
        for one in LAYOUT.figures
    ]
    rows = ["| figure | kind | labels | what it is |", "|---|---|---|---|"]
    for kind, name, labels, text in [*facts, *figures]:
        said = "; ".join(f"`{label}`: {values}" if values else f"`{label}`" for label, values in labels.items())
        rows.append(f"| `{name}` | {kind} | {said} | {text} |")
    return "".join(f"{row}\n" for row in rows)


if __name__ == "__main__":
    for path in [*SAMPLES, EXAMPLE]:
        path.write_text(sample(path.read_text()))
    MANUAL.write_text(manual(MANUAL.read_text()))
    GUIDE.write_text(guide(GUIDE.read_text()))
