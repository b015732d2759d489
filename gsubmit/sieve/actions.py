"""Actions: keep, discard, redirect, fileinto (RFC 5228 4), reject and ereject (RFC 5429)."""

from __future__ import annotations

from dataclasses import dataclass

from gsubmit.sieve.addresses import one_address
from gsubmit.sieve.call import Call
from gsubmit.sieve.errors import Mistake
from gsubmit.sieve.flags import flags_in
from gsubmit.sieve.machine import Command, Machine
from gsubmit.sieve.result import Discard, FileInto, Keep, Redirect, Reject
from gsubmit.sieve.strings import OCTET, Text, Texts
from gsubmit.sieve.words import Tag, Takes, Word

_MAX_MAILBOX = 1000  # octets of a name


@dataclass(frozen=True, slots=True)
class _Keep:
    flags: Texts | None

    def run(self, machine: Machine) -> None:
        machine.add(Keep(_flags(self.flags, machine)))


class _Discard:
    def run(self, machine: Machine) -> None:
        machine.add(Discard())


_KEEP, _DISCARD = _Keep(None), _Discard()


@dataclass(frozen=True, slots=True)
class _Redirect:
    address: Text
    is_copy: bool

    def run(self, machine: Machine) -> None:
        machine.add(Redirect(_checked_address(self.address.of(machine)), self.is_copy))


@dataclass(frozen=True, slots=True)
class _FileInto:
    mailbox: Text
    flags: Texts | None
    is_copy: bool
    create: bool
    special_use: Text | None

    def run(self, machine: Machine) -> None:
        mailbox = checked_mailbox(self.mailbox.of(machine))
        use = checked_use(self.special_use.of(machine)) if self.special_use is not None else ""
        machine.add(FileInto(mailbox, _flags(self.flags, machine), self.is_copy, self.create, use))


@dataclass(frozen=True, slots=True)
class _Reject:
    text: Text
    is_ereject: bool

    def run(self, machine: Machine) -> None:
        machine.add(Reject(self.text.of(machine), self.is_ereject))


def _flags(flags: Texts | None, machine: Machine) -> tuple[str, ...]:
    return machine.flags if flags is None else flags_in(flags.of(machine), machine)


def _checked_address(text: str) -> str:
    address = one_address(text) if OCTET.search(text) is None else None
    if address is None:
        raise Mistake(f"'{text[:80]}' is not an address")
    return address.whole


def checked_mailbox(name: str) -> str:
    """The name of a mailbox. Raises Mistake."""
    octets = name.encode("utf-8", "surrogateescape")
    if not 0 < len(octets) <= _MAX_MAILBOX or any(octet < 32 or octet == 127 for octet in octets):
        raise Mistake(f"'{name[:80]}' cannot be the name of a mailbox")
    if OCTET.search(name):
        raise Mistake(f"the name of a mailbox is not UTF-8: {octets[:80]!r}")
    return name


def checked_use(text: str) -> str:
    """An attribute of a mailbox, such as \\Sent (RFC 6154). Raises Mistake."""
    if not (text.startswith("\\") and text[1:].isalnum() and text.isascii()):
        raise Mistake(f"'{text[:40]}' is not a special use")
    return text


def _redirect(call: Call) -> Command:
    address = call.text("address")
    if address.constant is not None:
        address = Text(_checked_address(address.constant))
    return _Redirect(address, call.has("copy"))


def _fileinto(call: Call) -> Command:
    mailbox = call.text("mailbox")
    if mailbox.constant is not None:
        checked_mailbox(mailbox.constant)
    use = call.text("specialuse") if call.has("specialuse") else None
    if use is not None and use.constant is not None:
        checked_use(use.constant)
    flags = call.texts("flags") if call.has("flags") else None
    return _FileInto(mailbox, flags, call.has("copy"), call.has("create"), use)


_FLAGS = Tag("flags", Takes.STRINGS, extension="imap4flags")
_COPY = Tag("copy", extension="copy")
WORDS = (
    Word("keep", lambda call: _Keep(call.texts("flags")) if call.has("flags") else _KEEP, tags=(_FLAGS,)),
    Word("discard", lambda call: _DISCARD),
    Word("redirect", _redirect, (("address", Takes.STRING),), (_COPY,)),
    Word(
        "fileinto",
        _fileinto,
        (("mailbox", Takes.STRING),),
        (
            *(_FLAGS, _COPY, Tag("create", extension="mailbox")),
            Tag("specialuse", Takes.STRING, extension="special-use"),
        ),
        extension="fileinto",
    ),
    Word("reject", lambda call: _Reject(call.text("text"), False), (("text", Takes.STRING),), extension="reject"),
    Word("ereject", lambda call: _Reject(call.text("text"), True), (("text", Takes.STRING),), extension="ereject"),
)
