"""submission_sender_login_map: a text table as Postfix's postmap(1) reads it, from addresses to logins."""

from __future__ import annotations

import logging
import re
import time
from collections.abc import Collection, Iterator
from pathlib import Path
from typing import NamedTuple

from gsubmit.fairness import let_others_run
from gsubmit.senders.addresses import Key, domain_key, folded, key_of, read_address, untagged
from gsubmit.settings.files import read_text, reason
from gsubmit.smtp.address import BadAddress

LOOK_INTERVAL = 1.0  # seconds between two looks at the file
_ENTRY = re.compile(r'((?:"(?:[^"\\]|\\.)*"|[^"\s])+)\s+(\S.*)', re.DOTALL)
_OWNERS = re.compile(r"[\s,]+")

_log = logging.getLogger("gsubmit")


class Fault(NamedTuple):
    """What is wrong with a line; 0 is the file as a whole."""

    line: int
    text: str


class Entry(NamedTuple):
    """Who owns an address, without case, and the line that says so."""

    line: int
    owners: frozenset[str]


class BadMap(ValueError):
    """A file that cannot be used: `faults` are in the order of its lines."""

    def __init__(self, path: str, faults: list[Fault]) -> None:
        line, text = faults[0]
        super().__init__(f"{path}:{line}: {text}" if line else f"{path}: {text}")
        self.faults = faults


def read_map(path: str) -> dict[Key, Entry]:
    """The entries of a file; a user has no domain, a domain no local part. Raises BadMap."""
    try:
        text = read_text(Path(path))
    except (OSError, ValueError) as error:
        raise BadMap(path, [Fault(0, f"cannot be read: {reason(error)}")]) from error
    entries: dict[Key, Entry] = {}
    faults: list[Fault] = []
    for number, line in _logical_lines(text):
        let_others_run()
        matched = _ENTRY.fullmatch(line)
        owners = frozenset(filter(None, _OWNERS.split(folded(matched[2])))) if matched else frozenset[str]()
        if matched is None or not owners:
            faults.append(Fault(number, "expected an address and, after a blank, logins"))
            continue
        try:
            key = _key(matched[1])
        except BadAddress:
            faults.append(Fault(number, "expected user@domain, @domain or user"))
            continue
        if key in entries:
            faults.append(Fault(number, f"the same address as in line {entries[key].line}"))
        entries[key] = Entry(number, owners)
    if faults:
        raise BadMap(path, faults)
    return entries


def _logical_lines(text: str) -> Iterator[tuple[int, str]]:
    """Number and text of each entry, with the lines that continue it; comments between these are none of it."""
    begun, pieces = 0, list[str]()
    for number, line in enumerate(text.splitlines(), start=1):
        let_others_run()
        bare = line.strip()
        if not bare or bare.startswith("#"):
            continue
        if line[0].isspace() and pieces:
            pieces.append(bare)
            continue
        if pieces:
            yield begun, " ".join(pieces)
        begun, pieces = number, [bare]
    if pieces:
        yield begun, " ".join(pieces)


def _key(text: str) -> Key:
    """Raises BadAddress."""
    if text.startswith("@"):
        return key_of(read_address(f"x{text}"))._replace(local_part="")
    if "@" in text:
        return key_of(read_address(text))
    return Key(folded(text), "")


class LoginMap:
    """The file, read again when it changes. What was read last without errors stays in use."""

    def __init__(self, path: str) -> None:
        """Raises BadMap."""
        self.path = path
        self._version = self._look()
        self._entries = read_map(path)
        self.next_look = time.monotonic() + LOOK_INTERVAL  # when it is time for the next one

    def find(self, key: Key, delimiters: str, domains: Collection[str]) -> Entry | None:
        """The entry that decides whose address it is, in Postfix's order; `domains` are those in which users are."""
        bare = untagged(key.local_part, delimiters)
        tried = [key, Key(bare, key.domain)]
        if key.domain in domains:
            tried += [Key(key.local_part, ""), Key(bare, "")]
        tried.append(Key("", key.domain))
        return next((self._entries[one] for one in tried if one in self._entries), None)

    def _look(self) -> tuple[int, int, int] | None:
        try:
            status = Path(self.path).stat()
        except OSError:
            return None
        return status.st_mtime_ns, status.st_size, status.st_ino

    def has_changed(self) -> bool:
        """Look whether the file has changed since the last look, and read it then."""
        self.next_look = time.monotonic() + LOOK_INTERVAL
        version = self._look()  # before reading: what changes in between is read at the next look
        if version == self._version:
            return False
        self._version = version
        try:
            self._entries = read_map(self.path)
        except BadMap as error:
            more = f" and {len(error.faults) - 1} more errors" if len(error.faults) > 1 else ""
            _log.error("%s%s; what was read before stays in use", error, more)
            return False
        return True


def domain_keys(domains: Collection[str]) -> tuple[str, ...]:
    """Domains as addresses are compared with them, in their order."""
    return tuple(dict.fromkeys(map(domain_key, domains)))
