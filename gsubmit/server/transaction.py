"""One mail transaction: born in MAIL, ends in Session.end_transaction() and nowhere else."""

from __future__ import annotations

import logging
import time
from collections import deque

from gsubmit.message.body import MessageBody
from gsubmit.message.content import Content
from gsubmit.metrics import current
from gsubmit.metrics.figures import MESSAGES
from gsubmit.relay.promise import Delivery, Promise
from gsubmit.server import outcome
from gsubmit.smtp.data import NewlineMender
from gsubmit.smtp.envelope import Envelope, Recipient, Sender
from gsubmit.smtp.replies import BARE_LINE_END, EMPTY_MESSAGE, HOLDS_NUL, NO_ROOM, RELAY_LOST, TOO_BIG
from gsubmit.smtp.reply import Reply

_log = logging.getLogger("gsubmit")


class Answers:
    """The next hop's answers to RCPT, counted when somebody asks how many are good."""

    __slots__ = ("_accepted", "_asked", "last_at")

    def __init__(self) -> None:
        self._asked: deque[Promise] = deque()  # answers that were not counted yet
        self._accepted = 0  # and how many of the others were good
        self.last_at = 0.0  # when the last of them was awaited (monotonic)

    def add(self, promise: Promise) -> None:
        """One more recipient was asked for."""
        self._asked.append(promise)

    def has_accepted(self, number: int) -> bool:
        """Whether the next hop took so many recipients; waits for its answers where they may decide that."""
        while self._asked and self._accepted + len(self._asked) >= number > self._accepted:
            self._accepted += not self._asked.popleft().reply().refuses
            self.last_at = time.monotonic()
        return self._accepted >= number

    @property
    def refusal(self) -> Reply | None:
        """The last of them, if each one is known and negative."""
        if self._asked and not self._accepted and all(promise.is_refused for promise in self._asked):
            return self._asked[-1].answer
        return None


class Transaction:
    """Envelope, body and delivery. `fault` is the first thing wrong with the content, told when all of it has come.

    `body` is what the client sends, `content` what the relay gets: the same, or made of it.
    """

    __slots__ = (
        *("_max_size", "_mender", "answers", "arrival", "body", "content", "delivery", "envelope"),
        *("fault", "has_content", "id", "label", "moved_at", "spoiled"),
    )

    def __init__(
        self, id: str, sender: Sender, delivery: Delivery, body: MessageBody, max_size: int, label: str
    ) -> None:
        self.id = id
        self.label = label  # of the session, at the start of log lines
        self.arrival = time.time()
        self.moved_at = time.monotonic()  # when the client last gave a recipient or content
        self.envelope = Envelope(sender)
        self.delivery = delivery
        self.body = body
        self.content: Content = body
        self.fault: Reply | None = None
        self.has_content = False  # DATA, BDAT or BURL has begun: no RCPT, no DATA (RFC 3030 2)
        self.spoiled = 0  # a chunk failed, and nothing but RSET helps: the cell of MESSAGES for that
        self._max_size = max_size
        self.answers = Answers()
        self._mender: NewlineMender | None = None

    def mend_newlines(self) -> None:
        """Make CRLF of each bare LF that comes from now on, unless it is binary content (bare-newline)."""
        if self.envelope.sender.params.body != "BINARYMIME":
            self._mender = NewlineMender()

    def ask(self, recipient: Recipient) -> Promise:
        """Hand one more recipient to the next hop. Raises Refused when it cannot be asked."""
        promise = self.delivery.recipient(recipient)
        self.moved_at = time.monotonic()
        self.envelope.recipients.append(recipient)
        self.answers.add(promise)
        return promise

    def has_accepted(self, number: int) -> bool:
        """Whether the next hop took so many recipients; waits for its answers where they may decide that."""
        has_accepted = self.answers.has_accepted(number)
        self.moved_at = max(self.moved_at, self.answers.last_at)  # the relay's time is not the client's
        return has_accepted

    @property
    def room(self) -> int | None:
        """How many octets may still come; None for any number."""
        return self._max_size - self.body.size if self._max_size else None

    def take(self, content: bytes) -> None:
        """Add content. After a fault it is only counted out."""
        self.moved_at = time.monotonic()
        if self.fault is not None:
            return
        if self._mender is not None:
            content = self._mender.feed(content)
        if self._max_size and self.body.size + len(content) > self._max_size:
            self.fault = TOO_BIG
            return
        try:
            self.body.append(content)
        except OSError as error:
            _log.error("cannot keep message %s: %s", self.id, error, extra={"prefix": self.label})
            self.fault = NO_ROOM

    def judge(self) -> Reply | None:
        """What is wrong with the complete content, if anything."""
        body = self.body
        if self.fault is not None:
            return self.fault
        if not body.size:
            return EMPTY_MESSAGE
        if self.envelope.sender.params.body == "BINARYMIME":
            return None
        if body.has_bare_line_end():
            return BARE_LINE_END
        return HOLDS_NUL if body.has_nul else None

    @property
    def state(self) -> str:
        """How far it has come, as Dovecot's log calls it."""
        if self.has_content:
            return "DATA"
        return "RCPT TO" if self.envelope.recipients else "MAIL FROM"

    def close(self, cell: int = 0) -> None:
        """End it: what was not sent is dropped, at the next hop too. `cell` is that of MESSAGES, if it was sent."""
        current.row[cell or self._outcome()] += 1
        self.content.close()
        self.delivery.abort()

    def _outcome(self) -> int:
        """Of one that was not sent: the relay may be lost, or have refused the sender or each recipient."""
        said = self.delivery.sender.answer
        if self.delivery.is_void:
            said = said if said is not None and said.refuses else RELAY_LOST
        elif (refusal := self.answers.refusal) is not None:
            said = refusal
        else:
            return self.spoiled or outcome.UNFINISHED
        assert said is not None
        return MESSAGES.at(outcome.by_relay(said))
