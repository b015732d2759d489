"""The fields of a line of the log, read back from its text.

Lines have a fixed grammar (server/journal.py, relay/refusal.py, burl/resolver.py), and names in them hold nothing that
ends a field (logs/text.py). Only what stands in a place of that grammar is a field: no words of clients and relays are.
"""

from __future__ import annotations

import re
from typing import TypeAlias

Field: TypeAlias = str | int | bool | list[str]

_PREFIX = re.compile(r"([\w.-]+)(?:\(([^()]*)\))?(?:<([^<>]*)>)?")
_LOGIN = "submission-login"  # lines that end with whose login it is
_WHO = re.compile(
    r": (user=<[^<>]*>(?:, master=<[^<>]*>)?(?:, method=[\w-]+)?, rip=[^ ,<>]*, lip=[^ ,<>]*"
    r"(?:, TLS|, secured)?, session=<[^<>]*>)$"
)
_MESSAGE = re.compile(r"(?:(?:Relayed|Failed to relay) message|Refused (?:MAIL|RCPT)|Sender not allowed): ")
_QUOTED = re.compile(r", (reply|reason)=`(.*)'$")  # behind all others; the first one that looks so
_PROXIED = re.compile(r"Disconnected by [^=]*, (in=\d+ out=\d+)$")
_ENDED = re.compile(r"Disconnected: (?:Logged out|[^=]* \((state=[A-Z ]+)\)) (.*)$")
_FETCHED = re.compile(r"Fetched .*: (method=[\w-]+, size=\d+)$")
_FIGURE = re.compile(r"(?:^|(?<=[ ,;(]))([A-Za-z]\w{,30})=<?([^ ,;()<>]*)")
_NAMES = frozenset({"from", "user", "master", "session"})  # they stand within brackets
_NUMBERS = frozenset({"nrcpt", "size", "in", "out"})


def of_prefix(prefix: str) -> tuple[str, str, str]:
    """Program, user and session of what a line begins with, `submission(USER)<SESSION>`; each may be empty."""
    matched = _PREFIX.fullmatch(prefix)
    return (matched[1], matched[2] or "", matched[3] or "") if matched is not None else (prefix, "", "")


def of_text(prefix: str, text: str) -> dict[str, Field]:
    """The fields of a line without its time, prefix and level: numbers as such, `to` as a list, TLS as `tls: true`."""
    fields: dict[str, Field] = {}
    if prefix == _LOGIN and (who := _WHO.search(text)) is not None:
        text = text[: who.start()]
        fields = _read_items(who[1])
    if (message := _MESSAGE.match(text)) is not None:
        text = text[message.end() :]
        quoted = _QUOTED.search(f", {text}")
        if quoted is not None:
            fields[quoted[1]] = quoted[2]
            text = f", {text}"[2 : quoted.start()]
        return _read_items(text) | fields
    if (proxied := _PROXIED.match(text)) is not None:
        return _read_figures(proxied[1]) | fields
    if (ended := _ENDED.match(text)) is not None:
        return _read_figures(ended[2]) | _read_items(ended[1] or "") | fields
    if (fetched := _FETCHED.match(text)) is not None:
        return _read_items(fetched[1])
    return fields


def _read_items(text: str) -> dict[str, Field]:
    """`name=value, name=<value>, to=<a>,<b>,(3 more), TLS`."""
    fields: dict[str, Field] = {}
    for item in text.split(", ") if text else ():
        name, equals, value = item.partition("=")
        if not equals:
            fields[name.lower()] = True
        elif name == "to":
            fields["to"] = [path[1:-1] for path in value.split(",") if path.startswith("<")]
        else:
            fields[name] = _value(name, value[1:-1] if name in _NAMES else value)
    return fields


def _read_figures(text: str) -> dict[str, Field]:
    """What submission_logout_format has made, wherever it says `name=`; a name that is there twice may be a user's."""
    found = _FIGURE.findall(text)
    names = [name for name, _ in found]
    return {name: _value(name, value) for name, value in found if names.count(name) == 1}


def _value(name: str, text: str) -> Field:
    return int(text) if name in _NUMBERS and text.isdigit() else text
