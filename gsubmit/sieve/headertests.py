"""Tests of header and envelope: header, address, exists, envelope (RFC 5228 5)."""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from typing import Any

from gsubmit.sieve.addresses import Address, addresses, path_address
from gsubmit.sieve.call import Call
from gsubmit.sieve.errors import Mistake
from gsubmit.sieve.machine import Machine, Test
from gsubmit.sieve.matching import Match, match_of
from gsubmit.sieve.mimefields import MimeOption, mime_option
from gsubmit.sieve.strings import Texts
from gsubmit.sieve.where import Where, where
from gsubmit.sieve.words import ADDRESS_TAGS, INDEX_TAGS, MATCH_TAGS, MIME_TAGS, Takes, Word

# What has addresses in it, RFC 5228 5.1.
_WITH_ADDRESSES = {
    *("from", "to", "cc", "bcc", "sender", "reply-to"),
    *("resent-from", "resent-to", "resent-cc", "resent-bcc", "resent-sender", "resent-reply-to"),
    *("return-path", "delivered-to", "envelope-to", "x-original-to", "apparently-to", "errors-to"),
    *("mail-followup-to", "mail-reply-to", "disposition-notification-to", "return-receipt-to"),
}
_ENVELOPE_PARTS = ("from", "to", "auth", "orig_to")


@dataclass(frozen=True, slots=True)
class _Header:
    names: Texts
    match: Match[Any]
    where: Where
    option: MimeOption | None

    def holds(self, machine: Machine) -> bool:
        fields = self.where.fields(machine, self.names.of(machine))
        if self.option is None:
            return self.match.any(machine, (field.text for field in fields))
        return self.match.any(machine, (text for field in fields for text in self.option.of(machine, field)))


@dataclass(frozen=True, slots=True)
class _Address:
    names: Texts
    part: str
    match: Match[Any]
    where: Where

    def holds(self, machine: Machine) -> bool:
        found: list[Address] = []
        for field in self.where.fields(machine, self.names.of(machine)):
            machine.work()
            found += addresses(field.raw, machine.work)
        if self.match.counts:  # mailboxes only (RFC 5231 4.2)
            found = [address for address in found if address.local]
        return self.match.any(machine, list(_parts(found, self.part, machine.world.delimiters)))


@dataclass(frozen=True, slots=True)
class _Exists:
    names: Texts
    where: Where

    def holds(self, machine: Machine) -> bool:
        for name in self.names.of(machine):
            machine.work()
            if not self.where.fields(machine, (name,)):
                return False
        return True


@dataclass(frozen=True, slots=True)
class _Envelope:
    parts: Texts
    part: str
    match: Match[Any]

    def holds(self, machine: Machine) -> bool:
        found: list[Address] = []
        for part in self.parts.of(machine):
            found += _of_envelope(machine, part.lower())
        if self.match.counts:  # the null reverse-path is none (RFC 5231 4.2)
            found = [address for address in found if address.whole]
        # Whatever part of the null path is asked for, it is empty (RFC 5228 5.4).
        delimiters = machine.world.delimiters
        texts = (address.part(self.part, delimiters) if address.whole else "" for address in found)
        return self.match.any(machine, [text for text in texts if text is not None])


def _of_envelope(machine: Machine, part: str) -> Sequence[Address]:
    world = machine.world
    match part:
        case "from":
            return [path_address(world.sender)]
        case "to" | "orig_to":
            machine.work(len(world.recipients))
            return [path_address(recipient) for recipient in world.recipients]
        case "auth":
            return [path_address(world.login)] if world.login else []
        case _:
            raise Mistake(f"unknown part '{part[:40]}' of the envelope")


def _parts(found: Sequence[Address], part: str, delimiters: str) -> Iterator[str]:
    for address in found:
        text = address.part(part, delimiters)
        if text is not None:
            yield text


def _header(call: Call) -> Test:
    return _Header(call.texts("names"), match_of(call), where(call), mime_option(call))


def _address(call: Call) -> Test:
    names = call.texts("names")
    for name in names.constants or ():
        if name.lower() not in _WITH_ADDRESSES:
            raise Mistake(f"the header field '{name[:40]}' has no addresses to test")
    return _Address(names, call.tag("address-part", "all"), match_of(call), where(call))


def _exists(call: Call) -> Test:
    return _Exists(call.texts("names"), where(call))


def _envelope(call: Call) -> Test:
    parts = call.texts("parts")
    for part in parts.constants or ():
        if part.lower() not in _ENVELOPE_PARTS:
            raise Mistake(f"unknown part '{part[:40]}' of the envelope")
    return _Envelope(parts, call.tag("address-part", "all"), match_of(call))


_NAMES_AND_KEYS = (("names", Takes.STRINGS), ("keys", Takes.STRINGS))
_MIME = MIME_TAGS[:2]
WORDS = (
    Word("header", _header, _NAMES_AND_KEYS, (*MATCH_TAGS, *INDEX_TAGS, *MIME_TAGS), is_test=True),
    Word("address", _address, _NAMES_AND_KEYS, (*MATCH_TAGS, *ADDRESS_TAGS, *INDEX_TAGS, *_MIME), is_test=True),
    Word("exists", _exists, (("names", Takes.STRINGS),), _MIME, is_test=True),
    Word(
        "envelope",
        _envelope,
        (("parts", Takes.STRINGS), ("keys", Takes.STRINGS)),
        (*MATCH_TAGS, *ADDRESS_TAGS),
        extension="envelope",
        is_test=True,
    ),
)
