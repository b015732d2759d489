"""The contract of a next hop: a mail transaction whose answers are promises, asked at once and awaited when needed."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from typing import Protocol, TypeAlias

from gsubmit.dial.xclient import ClientFacts
from gsubmit.message.content import Content
from gsubmit.smtp.capabilities import Capabilities
from gsubmit.smtp.envelope import Recipient, Sender
from gsubmit.smtp.reply import Reply

MakeHeader: TypeAlias = Callable[[Content], bytes]
"""What is to stand before the content that is given, with CRLF; empty for nothing."""


class Collector(Protocol):
    """Whoever can bring answers in."""

    def collect(self) -> None:
        """Take in the next answer, and more if they are there, or give all that wait the same bad news."""


class Promise:
    """The answer to MAIL or RCPT, given by the relay in its own time."""

    __slots__ = ("_collector", "answer", "line", "request")

    def __init__(self, collector: Collector, request: Sender | Recipient) -> None:
        self._collector: Collector | None = collector
        self.request = request
        self.line = b""  # the command, as it is put to the relay
        self.answer: Reply | None = None

    @property
    def is_refused(self) -> bool:
        """Whether the answer is known and negative."""
        return self.answer is not None and self.answer.refuses

    def settle(self, answer: Reply) -> None:
        """This is it."""
        self.answer = answer
        self._collector = None  # which has all its promises: nothing is to be left to the garbage collector

    def reply(self) -> Reply:
        """The answer as the client hears it; waits for it."""
        while self.answer is None:
            assert self._collector is not None
            self._collector.collect()
        return self.answer


class Delivery(Protocol):
    """One mail transaction as the next hop sees it. It begins with MAIL; `send` or `abort` ends it."""

    sender: Promise

    @property
    def is_void(self) -> bool:
        """Whether nothing can come of it any more: the sender was refused, or the next hop is lost."""

    @property
    def is_handed_over(self) -> bool:
        """Whether the next hop may have the whole message: ended now, the client would send it again."""

    @property
    def facts(self) -> str:
        """For the log: where the message goes."""

    @property
    def owes_reports(self) -> bool:
        """Whether the next hop lacks DSN, so that NOTIFY=SUCCESS is ours to answer (RFC 3461 5.2.2)."""

    def recipient(self, recipient: Recipient) -> Promise:
        """Ask for one more recipient."""

    def accepted(self, *, is_final: bool = True) -> list[Recipient]:
        """Wait for all answers; the recipients that the next hop took. Raises Refused when it is lost.

        `is_final`: nobody is going to `amend` the envelope.
        """

    @property
    def not_refused(self) -> list[Recipient]:
        """The recipients that the next hop has taken, or has not answered yet."""

    def amend(self, sender: Sender, recipients: Sequence[Recipient]) -> list[Promise]:
        """Another envelope, before the message is sent; the promises that are refused of it. Raises Refused.

        Whoever was taken before and is no longer there is forgotten by the next hop too.
        """

    def send(self, make_header: MakeHeader, body: Content) -> Reply:
        """Hand over what `make_header` makes, and then the body; the next hop's final reply. Raises Refused.

        `make_header` is called with the content as it leaves, once for each attempt.
        """

    def abort(self) -> None:
        """End without sending; does nothing after `send`."""


class NextHops(Protocol):
    """Where messages go. `start` comes before everything else, `close` is the end."""

    def start(self) -> None:
        """Find out what the next hop can do, without waiting for it."""

    def close(self) -> None:
        """Leave it; what is under way ends first."""

    def begin(self, sender: Sender, client: ClientFacts, label: str) -> Delivery:
        """Start a mail transaction. Raises Refused."""

    def leave(self, client: ClientFacts) -> None:
        """This client begins no further transactions."""

    def capabilities(self) -> Capabilities:
        """What the next hop can do."""

    def verify(self, argument: str, client: ClientFacts, label: str) -> Reply:
        """The answer to VRFY; `label` names the client in the log. Raises Refused."""
