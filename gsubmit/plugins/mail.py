"""One message, as plugins see it."""

from __future__ import annotations

import logging
from collections.abc import Iterable, Iterator
from dataclasses import replace
from typing import Any, NamedTuple

from gsubmit.message.body import MessageBody
from gsubmit.message.draft import Draft
from gsubmit.message.signatures import is_signed
from gsubmit.plugins.client import Client
from gsubmit.plugins.header import Header
from gsubmit.plugins.text import append_text
from gsubmit.smtp.address import MAX_PATH, Address, BadAddress, Cursor, ReversePath, path_text
from gsubmit.smtp.envelope import Envelope, Handling, Recipient
from gsubmit.smtp.params import MailParams, RcptParams

_NOTIFY = frozenset({"NEVER", "SUCCESS", "FAILURE", "DELAY"})
_log = logging.getLogger("gsubmit.plugins")


class Bounds(NamedTuple):
    """What a plugin may do to a message, and how large it may get (0: any size)."""

    relays: frozenset[str] = frozenset()
    max_size: int = 0
    may_edit: bool = False
    may_choose: bool = False  # the relay


def mailbox_of(address: Address | str) -> Address:
    """Whatever a client may name too, so also each address that a message has (RFC 5321 4.5.1). Raises BadAddress.

    An Address is read again: a plugin can make one of anything, and a line is made of it.
    """
    cursor = Cursor(str(address))
    mailbox = cursor.mailbox(bare_postmaster=True)
    if cursor.remainder:
        raise BadAddress("unexpected character in address")
    try:
        size = len(path_text(mailbox).encode())
    except UnicodeEncodeError:
        raise BadAddress("not UTF-8") from None
    if size > MAX_PATH:
        raise BadAddress("address too long")
    return mailbox


class Mail:
    """A message and its envelope. A plugin that changes them has its own from then on, and those given stay."""

    __slots__ = ("_bounds", "client", "draft", "envelope", "has_own_draft", "has_own_envelope", "id", "required")

    def __init__(self, id: str, client: Client, envelope: Envelope, draft: Draft, bounds: Bounds) -> None:
        self.id = id
        self.client = client
        self.envelope = envelope
        self.has_own_envelope = False
        self.draft = draft
        self.has_own_draft = False
        self.required: frozenset[Address] = frozenset()  # recipients without whom the message is refused
        self._bounds = bounds

    def _own_envelope(self) -> Envelope:
        """The envelope, to be changed."""
        if not self.has_own_envelope:
            given, handling = self.envelope, replace(self._handling)
            self.envelope = Envelope(given.sender, list(given.recipients), given.mailbox, handling)
            self.has_own_envelope = True
        return self.envelope

    @property
    def _handling(self) -> Handling:
        """Made if there is none, also in the envelope that was given: all share its note, which is not undone."""
        if self.envelope.handling is None:
            self.envelope.handling = Handling()
        return self.envelope.handling

    def own_draft(self) -> Draft:
        """The draft, to be changed."""
        self._check_may_edit()
        if not self.has_own_draft:
            self.draft = self.draft.fork()
            self.has_own_draft = True
        return self.draft

    def drop(self) -> None:
        """Give back what was made for the changes."""
        if self.has_own_draft:
            self.draft.drop()

    @property
    def header(self) -> Header:
        """Its fields, as they are now."""
        return Header(self, is_utf8=self.parameters.smtputf8)

    # Reading

    @property
    def sender(self) -> ReversePath:
        """The reverse-path; None is the null one."""
        return self.envelope.sender.reverse_path

    @property
    def parameters(self) -> MailParams:
        """What MAIL said besides."""
        return self.envelope.sender.params

    @property
    def recipients(self) -> tuple[Recipient, ...]:
        """Those that the relay has taken; at earlier moments, those that it was asked for."""
        return tuple(self.envelope.recipients)

    @property
    def size(self) -> int:
        """Octets of header and content, as they are now."""
        return self.draft.size

    def blocks(self) -> Iterator[bytes]:
        """The whole message in pieces."""
        return self.draft.blocks()

    def content(self) -> Iterator[bytes]:
        """What follows the header, in pieces."""
        return self.draft.rest()

    @property
    def is_signed(self) -> bool:
        """Whether a DKIM signature of the client's covers it."""
        return is_signed(self.draft.fields)

    @property
    def note(self) -> dict[str, Any]:
        """Anything, kept for later moments of this message and other plugins; not undone."""
        return self._handling.note

    def log(self, text: str) -> None:
        """A line of the log with the id of the message."""
        _log.info("%s: %s", self.id, " ".join(text.split()))

    # Where it goes

    @property
    def relay(self) -> str:
        """The block `submission_relay NAME { }` that gets it; empty for the relay outside of blocks."""
        return self._handling.relay

    @relay.setter
    def relay(self, name: str) -> None:
        if not self._bounds.may_choose:
            raise RuntimeError("the relay can be chosen at the moments `sender` and `message` only")
        if name and name not in self._bounds.relays:
            raise ValueError(f"there is no submission_relay {name}")
        self._own_envelope()
        self._handling.relay = name

    @property
    def sent_mailbox(self) -> str:
        """The mailbox for the sender's own copy; empty for the usual one."""
        return self._handling.sent_mailbox

    @sent_mailbox.setter
    def sent_mailbox(self, name: str) -> None:
        self._own_envelope()
        self._handling.sent_mailbox = str(name)

    # Changing

    def add_recipient(self, address: Address | str, required: bool = False, notify: str = "NEVER") -> None:
        """One more. If the relay refuses it, it is left out, or the message is refused where it is `required`."""
        self._check_may_edit()
        mailbox = self._mailbox(address)
        if set(words := notify.upper().split(",")) - _NOTIFY or ("NEVER" in words and len(words) > 1):
            raise ValueError("notify: expected NEVER, or words of SUCCESS,FAILURE,DELAY")
        if required:
            self.required |= {mailbox}
        if not any(recipient.forward_path.is_same_mailbox(mailbox) for recipient in self.envelope.recipients):
            self._own_envelope().recipients.append(Recipient(mailbox, RcptParams(",".join(words))))

    def remove_recipient(self, address: Address | str) -> None:
        """It does not get the message. ValueError if it would not anyway."""
        self._check_may_edit()
        mailbox = self._mailbox(address)
        left = [one for one in self.envelope.recipients if not one.forward_path.is_same_mailbox(mailbox)]
        if len(left) == len(self.envelope.recipients):
            raise ValueError("no such recipient")
        self._own_envelope().recipients = left

    def replace_sender(self, address: Address | str | None) -> None:
        """Another reverse-path; None is the null one."""
        self._check_may_edit()
        path = None if address is None else self._mailbox(address)
        envelope = self._own_envelope()
        envelope.sender = envelope.sender._replace(reverse_path=path)

    def replace_body(self, body: bytes | Iterable[bytes]) -> None:
        """Another content after the header, in one piece or many. ValueError for what a client may not send either."""
        self._check_may_edit()
        content = MessageBody(self.draft.directory)
        try:
            for block in [body] if isinstance(body, bytes) else body:
                content.append(block)
                if self._bounds.max_size and content.size > self._bounds.max_size:
                    raise ValueError("the new content is too large")
            if self.parameters.body != "BINARYMIME" and (content.has_nul or content.has_bare_line_end()):
                raise ValueError("NUL, or a CR or LF alone, in the new content")
        except BaseException:
            content.close()
            raise
        self.own_draft().replace_content(content)

    def append_text(self, plain: str, html: str = "") -> bool:
        """Text at the end of what people read, such as a footer; whether there was a place for any of it.

        `plain` goes to the first text/plain and `html` before the end of the first text/html, in the charset and
        encoding of each; never to attachments, or what is signed, encrypted, or a message within the message.
        """
        return append_text(self.own_draft(), plain, html)

    def _check_may_edit(self) -> None:
        if not self._bounds.may_edit:
            raise RuntimeError("a message can be changed at the moment `message` only")

    def _mailbox(self, address: Address | str) -> Address:
        mailbox = mailbox_of(address)
        if not (self.parameters.smtputf8 or mailbox.is_ascii):
            raise ValueError("an address that is not ASCII, in a message without SMTPUTF8")
        return mailbox
