"""One message, as plugins see it."""

from __future__ import annotations

import logging
from collections.abc import Iterable, Iterator
from dataclasses import dataclass, field
from typing import Any, NamedTuple

from gsubmit.message.body import MessageBody
from gsubmit.message.draft import Draft
from gsubmit.message.signatures import is_signed
from gsubmit.plugins.client import Client
from gsubmit.plugins.header import Header
from gsubmit.plugins.text import append_text
from gsubmit.smtp.address import Address, ReversePath, parse_mailbox
from gsubmit.smtp.envelope import Handling, Recipient, Sender
from gsubmit.smtp.params import MailParams, RcptParams

_NOTIFY = frozenset({"NEVER", "SUCCESS", "FAILURE", "DELAY"})
_log = logging.getLogger("gsubmit.plugins")


class Bounds(NamedTuple):
    """What a plugin may do to a message, and how large it may get (0: any size)."""

    relays: frozenset[str] = frozenset()
    max_size: int = 0
    may_edit: bool = False
    may_choose: bool = False  # the relay


@dataclass(slots=True)
class Changes:
    """The envelope as a plugin has it, and what it asks for beside; another one's for each call."""

    sender: Sender
    recipients: list[Recipient]
    required: set[Address] = field(default_factory=set)
    handling: Handling = field(default_factory=Handling)


class Mail:
    """A message and its envelope. What a plugin changes is dropped when the plugin fails."""

    __slots__ = ("_bounds", "changes", "client", "draft", "header", "id")

    def __init__(self, id: str, client: Client, changes: Changes, draft: Draft, bounds: Bounds) -> None:
        self.id = id
        self.client = client
        self.changes = changes
        self.draft = draft
        self.header = Header(draft, may_edit=bounds.may_edit)
        self._bounds = bounds

    # Reading

    @property
    def sender(self) -> ReversePath:
        """The reverse-path; None is the null one."""
        return self.changes.sender.reverse_path

    @property
    def parameters(self) -> MailParams:
        """What MAIL said besides."""
        return self.changes.sender.params

    @property
    def recipients(self) -> tuple[Recipient, ...]:
        """Those that the relay has taken; at earlier moments, those that it was asked for."""
        return tuple(self.changes.recipients)

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
        return self.changes.handling.note

    def log(self, text: str) -> None:
        """A line of the log with the id of the message."""
        _log.info("%s: %s", self.id, " ".join(text.split()))

    # Where it goes

    @property
    def relay(self) -> str:
        """The block `submission_relay NAME { }` that gets it; empty for the relay outside of blocks."""
        return self.changes.handling.relay

    @relay.setter
    def relay(self, name: str) -> None:
        if not self._bounds.may_choose:
            raise RuntimeError("the relay can be chosen at the moments `sender` and `message` only")
        if name and name not in self._bounds.relays:
            raise ValueError(f"there is no submission_relay {name}")
        self.changes.handling.relay = name

    @property
    def sent_mailbox(self) -> str:
        """The mailbox for the sender's own copy; empty for the usual one."""
        return self.changes.handling.sent_mailbox

    @sent_mailbox.setter
    def sent_mailbox(self, name: str) -> None:
        self.changes.handling.sent_mailbox = str(name)

    # Changing

    def add_recipient(self, address: Address | str, required: bool = False, notify: str = "NEVER") -> None:
        """One more. If the relay refuses it, it is left out, or the message is refused where it is `required`."""
        self._check_may_edit()
        mailbox = self._mailbox(address)
        if set(words := notify.upper().split(",")) - _NOTIFY or ("NEVER" in words and len(words) > 1):
            raise ValueError("notify: expected NEVER, or words of SUCCESS,FAILURE,DELAY")
        if required:
            self.changes.required.add(mailbox)
        if not any(recipient.forward_path.is_same_mailbox(mailbox) for recipient in self.changes.recipients):
            self.changes.recipients.append(Recipient(mailbox, RcptParams(",".join(words))))

    def remove_recipient(self, address: Address | str) -> None:
        """It does not get the message. ValueError if it would not anyway."""
        self._check_may_edit()
        mailbox = self._mailbox(address)
        left = [one for one in self.changes.recipients if not one.forward_path.is_same_mailbox(mailbox)]
        if len(left) == len(self.changes.recipients):
            raise ValueError("no such recipient")
        self.changes.recipients = left

    def replace_sender(self, address: Address | str | None) -> None:
        """Another reverse-path; None is the null one."""
        self._check_may_edit()
        path = None if address is None else self._mailbox(address)
        self.changes.sender = self.changes.sender._replace(reverse_path=path)

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
        self.draft.replace_content(content)

    def append_text(self, plain: str, html: str = "") -> bool:
        """Text at the end of what people read, such as a footer; whether there was a place for any of it.

        `plain` goes to the first text/plain and `html` before the end of the first text/html, in the charset and
        encoding of each; never to attachments, or what is signed, encrypted, or a message within the message.
        """
        self._check_may_edit()
        return append_text(self.draft, plain, html)

    def _check_may_edit(self) -> None:
        if not self._bounds.may_edit:
            raise RuntimeError("a message can be changed at the moment `message` only")

    def _mailbox(self, address: Address | str) -> Address:
        mailbox = parse_mailbox(str(address))
        if not (self.parameters.smtputf8 or mailbox.is_ascii):
            raise ValueError("an address that is not ASCII, in a message without SMTPUTF8")
        return mailbox
