"""What a script sees of the world: the message, its envelope, and what it may ask."""

from __future__ import annotations

from collections.abc import Callable, Collection, Mapping, Sequence
from dataclasses import dataclass, field
from datetime import datetime
from typing import Protocol


class Field(Protocol):
    """A header field."""

    @property
    def name(self) -> str:
        """In lower case."""

    @property
    def raw(self) -> str:
        """What follows the colon, unfolded and stripped; octets that are not UTF-8 as PEP 383 has them."""

    @property
    def text(self) -> str:
        """The same with its encoded-words decoded (RFC 2047)."""


class Part(Protocol):
    """A part of the message, or all of it. A multipart, or a message in a part, has parts and no content of its own."""

    @property
    def fields(self) -> Sequence[Field]:
        """Its header in order."""

    @property
    def type(self) -> str:
        """Its media type in lower case, such as text/plain; what it has by default if nothing is said."""

    @property
    def parts(self) -> Sequence[Part]:
        """Of a multipart its parts; of a message/rfc822 the message as one part."""

    def content(self, size: int, *, decoded: bool = True) -> bytes:
        """What follows its header, that of all its parts too; up to `size` octets.

        Decoded: its transfer encoding is undone. A part of which that is not possible is empty.
        """

    def text(self, size: int) -> str:
        """The decoded content of a text part in Unicode, made from up to `size` octets."""

    def around(self, size: int) -> Sequence[bytes]:
        """Of a multipart, what is before its first part and after its last; `size` octets of each, RFC 5173 5.2."""


class Mail(Part, Protocol):
    """The message. An edit makes other fields; `parts` and what is in them stay."""

    @property
    def size(self) -> int:
        """Octets as it goes out."""

    @property
    def has_content(self) -> bool:
        """Whether there is anything behind the header, be it an empty line (RFC 5173 4)."""

    def add_field(self, name: str, value: str, *, last: bool) -> None:
        """At the top, or at the end. `value` has neither CR nor LF. Raises ValueError for what cannot be a field."""

    def delete_fields(self, fields: Collection[Field]) -> None:
        """These are gone; what must not be deleted stays."""


class Mailboxes(Protocol):
    """The IMAP server, asked when a script does."""

    def exists(self, mailbox: str) -> bool:
        """Whether a message can be stored there."""

    def has_special_use(self, use: str, mailbox: str | None) -> bool:
        """Whether the mailbox has that attribute, such as `\\Sent`; None: any of the user's mailboxes."""


class NoMailboxes:
    """There is no IMAP server."""

    def exists(self, mailbox: str) -> bool:
        """No."""
        return False

    def has_special_use(self, use: str, mailbox: str | None) -> bool:
        """No."""
        return False


class Tracker(Protocol):
    """What remembers messages for `duplicate` (RFC 7352)."""

    def has_seen(self, id: str) -> bool:
        """Whether it is remembered, from a message before this one."""


class NoTracker:
    """It remembers nothing."""

    def has_seen(self, id: str) -> bool:
        """No."""
        return False


def _now() -> datetime:
    return datetime.now().astimezone()


@dataclass(slots=True)
class World:
    """Everything but the message. `sender` is empty for the null reverse-path, `login` is who has logged in.

    `items` are those of `environment` (RFC 5183), `variables` the ones that the administrator has set
    (vnd.dovecot.environment), `now` is asked for the time, `pause` is called now and then, so that others can run,
    `say` gets what a script writes to the log, and `trace`, if there is one, what it does, each with the line;
    each character of `delimiters` divides user and detail of a local part (RFC 5233).
    """

    sender: str = ""
    recipients: Sequence[str] = ()
    login: str = ""
    delimiters: str = "+"
    items: Mapping[str, str] = field(default_factory=dict)
    variables: Mapping[str, str] = field(default_factory=dict)
    mailboxes: Mailboxes = field(default_factory=NoMailboxes)
    tracker: Tracker = field(default_factory=NoTracker)
    now: Callable[[], datetime] = _now
    pause: Callable[[], None] = lambda: None
    say: Callable[[str], None] = lambda text: None
    trace: Callable[[str, int, str], None] | None = None  # script, line, what
