"""mailboxexists (RFC 5490) and specialuse_exists (RFC 8579)."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass

from gsubmit.sieve.actions import checked_mailbox, checked_use
from gsubmit.sieve.call import Call
from gsubmit.sieve.errors import Mistake
from gsubmit.sieve.machine import Machine, Test
from gsubmit.sieve.strings import Text, Texts
from gsubmit.sieve.words import Takes, Word

_QUESTION = 5000  # units of work that a question to the IMAP server counts as: two hundred are enough


def _can_be(checked: Callable[[str], str], name: str) -> bool:
    try:
        checked(name)
    except Mistake:
        return False  # what cannot be does not exist, and is no error
    return True


@dataclass(frozen=True, slots=True)
class _MailboxExists:
    names: Texts

    def holds(self, machine: Machine) -> bool:
        for name in self.names.of(machine):
            machine.work(_QUESTION)
            if not _can_be(checked_mailbox, name) or not machine.world.mailboxes.exists(name):
                return False
        return True


@dataclass(frozen=True, slots=True)
class _SpecialUseExists:
    mailbox: Text | None
    uses: Texts

    def holds(self, machine: Machine) -> bool:
        mailbox = self.mailbox.of(machine) if self.mailbox is not None else None
        if mailbox is not None and not _can_be(checked_mailbox, mailbox):
            return False
        for use in self.uses.of(machine):
            machine.work(_QUESTION)
            if not _can_be(checked_use, use) or not machine.world.mailboxes.has_special_use(use, mailbox):
                return False
        return True


def _mailboxexists(call: Call) -> Test:
    for name in call.texts("names").constants or ():
        checked_mailbox(name)
    return _MailboxExists(call.texts("names"))


def _specialuse_exists(call: Call) -> Test:
    for use in call.texts("uses").constants or ():
        try:
            checked_use(use)
        except Mistake:
            return _SpecialUseExists(None, call.texts("uses"))
    return _SpecialUseExists(call.text("mailbox") if call.has("mailbox") else None, call.texts("uses"))


WORDS = (
    Word("mailboxexists", _mailboxexists, (("names", Takes.STRINGS),), extension="mailbox", is_test=True),
    Word(
        "specialuse_exists",
        _specialuse_exists,
        (("mailbox", Takes.STRING), ("uses", Takes.STRINGS)),
        extension="special-use",
        is_test=True,
        is_first_optional=True,
    ),
)
