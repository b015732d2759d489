"""What is done at the mailbox: look whether the message is there, put it there, and look again.

Each step is noted in the record before it is taken, and `save` keeps that, for whoever goes on after a crash:

    no place        nothing was tried
    place, no uid   APPEND was tried, and what came of it is not known
    place, uid      ours is there; others that come make it superfluous
    is_leaving      it is marked as deleted, or is about to be
"""

from __future__ import annotations

from collections.abc import Callable, Iterator
from typing import Final, Literal, TypeAlias

from gsubmit.message.body import MessageBody
from gsubmit.message.encode import eight_bit
from gsubmit.message.fault import CannotConvert
from gsubmit.net.mailboxname import BadMailboxName
from gsubmit.sent.client import DELETED, SEEN, SENT, No, SentClient
from gsubmit.sent.mailboxes import Mailboxes
from gsubmit.sent.record import Octets, Place, Record

# Response codes that stay as they are, however often one tries (RFC 5530, RFC 7889 4).
FINAL: Final = frozenset({"OVERQUOTA", "NOPERM", "CANNOT", "LIMIT", "TOOBIG", "BADCHARSET", "UNKNOWN-CTE"})
_SEEN, _DELETED = SEEN.lower(), DELETED.lower()

Save: TypeAlias = Callable[[], None]
Stored: TypeAlias = Literal["stored", "there"]
Looked: TypeAlias = Literal["alone", "taken_back", "left"]


class Hopeless(Exception):
    """It cannot be stored, now or later. The reason is for the log."""

    def __init__(self, reason: str) -> None:
        super().__init__(reason)
        self.reason = reason


def store(client: SentClient, record: Record, octets: Octets, mailboxes: Mailboxes, folder: str, save: Save) -> Stored:
    """Put the message into the mailbox if it is not there. Raises Hopeless, No, and what ImapClient.begun makes."""
    for mailbox in _mailboxes(client, record, mailboxes):
        if mailbox == record.source:
            return "there"
        if (opened := _opened(client, mailbox)) is not None:
            break
    else:
        opened = _made(client, mailbox, record, mailboxes)
    uidvalidity, uidnext = opened
    found = client.find(record.marks, record.since)
    tried = record.place
    if tried is not None and (tried.mailbox, tried.uidvalidity) == (mailbox, uidvalidity):
        tried.uid = _ours(client, record, tried.uidnext, found)
        if tried.uid:
            save()
            return "stored"
    if found:
        record.place = None
        return "there"
    limit = client.limit(mailbox)
    if limit is not None and octets.size > limit:
        raise Hopeless(f"the server takes {limit} octets at most (APPENDLIMIT)")
    if record.is_binary and not client.has_binary:
        return _append_encoded(client, record, octets, folder, Place(mailbox, uidvalidity, uidnext), save)
    _append(client, record, octets, Place(mailbox, uidvalidity, uidnext), save, is_binary=record.is_binary)
    return "stored"


def _append(
    client: SentClient, record: Record, octets: Octets, place: Place, save: Save, *, is_binary: bool = False
) -> None:
    record.place, record.size = place, octets.size
    save()
    uidvalidity, uid = client.put(place.mailbox, octets, record.moment, record.wish.flags, is_binary=is_binary)
    record.place = Place(place.mailbox, uidvalidity or place.uidvalidity, 0, uid)


def _append_encoded(
    client: SentClient, record: Record, octets: Octets, folder: str, place: Place, save: Save
) -> Stored:
    """Without the NULs of binary parts, which no plain literal can hold (RFC 9051 4.3)."""
    source = MessageBody(folder)
    try:
        for block in octets.blocks():
            source.append(block)
        encoded = eight_bit(source, folder)
        try:
            _append(client, record, encoded, place, save)
        finally:
            encoded.close()
    except CannotConvert as error:
        raise Hopeless(f"binary content, which the server does not take: {error.reason}") from None
    finally:
        source.close()
    return "stored"


def _ours(client: SentClient, record: Record, uidnext: int, found: list[int]) -> int:
    """The UID of what we have appended without hearing so; 0 where that is not certain.

    It is if one message alone has come since then that has our size, flags and time, and the marks as well.
    """
    if not uidnext or not any(uid >= uidnext for uid in found):
        return 0
    alike = [
        one.uid
        for one in client.facts(f"{uidnext}:*")
        if one.uid >= uidnext
        and (one.size, one.moment) == (record.size, record.moment)
        and _are_ours(one.flags, record)
    ]
    return alike[0] if len(alike) == 1 and alike[0] in found else 0


def _are_ours(flags: frozenset[bytes], record: Record) -> bool:
    """Whether nobody else has set or taken any: a server may keep fewer than we gave, but for \\Seen."""
    given = {flag.lower().encode() for flag in record.wish.flags}
    return _SEEN in flags and flags <= given | {_SEEN}


# Where


def _mailbox(client: SentClient, record: Record, mailboxes: Mailboxes) -> str:
    wish = record.wish
    if wish.use and (named := client.mailbox_for(wish.use)):
        return named
    if wish.mailbox:
        return wish.mailbox
    mailbox = mailboxes.get(record.user)
    if not mailbox:
        mailbox = client.mailbox_for(SENT) or mailboxes.name
        mailboxes.put(record.user, mailbox)
    return mailbox


def _mailboxes(client: SentClient, record: Record, mailboxes: Mailboxes) -> Iterator[str]:
    """The mailbox; if that is not there, and was only remembered, what it is called now."""
    remembered = mailboxes.get(record.user)
    yield (mailbox := _mailbox(client, record, mailboxes))
    mailboxes.forget(record.user)
    if mailbox == remembered:
        yield _mailbox(client, record, mailboxes)


def _opened(client: SentClient, mailbox: str) -> tuple[int, int] | None:
    """UIDVALIDITY and UIDNEXT of the mailbox, if it is there."""
    try:
        return client.open_mailbox(mailbox)
    except BadMailboxName as error:
        raise Hopeless(f"no name of a mailbox: {error}") from None
    except No as no:
        if no.code not in ("", "NONEXISTENT", "TRYCREATE"):
            raise
        return None


def _made(client: SentClient, mailbox: str, record: Record, mailboxes: Mailboxes) -> tuple[int, int]:
    """The same, once it is made, if it may be."""
    wish = record.wish
    if not (wish.creates or mailboxes.creates):
        raise Hopeless(f"there is no mailbox {mailbox}, or it cannot be opened")
    client.create_mailbox(mailbox, wish.use if wish.mailbox else SENT)
    return client.open_mailbox(mailbox)


# Afterwards


def look(client: SentClient, record: Record, save: Save) -> Looked:
    """Take ours back if another copy has come: left where somebody has used it, alone where there is no other."""
    place = record.place
    assert place is not None
    uidvalidity, _ = client.open_mailbox(place.mailbox)
    if uidvalidity != place.uidvalidity:
        return "left"
    found = client.find(record.marks, record.since, place.uid)
    if not record.is_leaving:
        if place.uid not in found:  # somebody has deleted or moved it
            return "left"
        if len(found) == 1:
            return "alone"
        if not client.can_expunge_one:
            return "left"
    return _take_back(client, record, place, save)


def _take_back(client: SentClient, record: Record, place: Place, save: Save) -> Looked:
    """Expunge ours, if nobody has used it, and there is another even when ours is marked already.

    Two copies of ours of one message that came twice could otherwise each give way to the other.
    """
    uidvalidity, _ = client.open_mailbox(place.mailbox, to_write=True)
    if uidvalidity != place.uidvalidity:
        return "left"
    flags = [one.flags for one in client.facts(str(place.uid)) if one.uid == place.uid]
    if record.is_leaving:
        flags = [of_it - {_DELETED} for of_it in flags]
    if len(flags) != 1 or not _are_ours(flags[0], record):
        return "left"
    record.is_leaving = True
    save()
    client.mark_deleted(place.uid, is_so=True)
    if not client.find(record.marks, record.since):
        client.mark_deleted(place.uid, is_so=False)
        record.is_leaving = False
        save()
        return "alone"
    client.expunge_one(place.uid)
    return "taken_back"
