"""One mail transaction with the relay, in promises: asked at once, answered when somebody needs to know."""

from __future__ import annotations

import logging
import time
from collections.abc import Iterable
from itertools import chain
from typing import TYPE_CHECKING

from gsubmit.message.body import BLOCK, MessageBody
from gsubmit.relay.answer import RelayFailed, for_client
from gsubmit.relay.fit import fitting
from gsubmit.relay.lines import mail_line, rcpt_line
from gsubmit.relay.promise import Promise
from gsubmit.relay.xclient import ClientFacts
from gsubmit.smtp.data import stuffed
from gsubmit.smtp.envelope import Recipient, Sender
from gsubmit.smtp.params import MailParams
from gsubmit.smtp.replies import MAIL_FIRST, NO_ROOM, RELAY_LOST, RELAY_NONSENSE, TOO_MANY_RECIPIENTS
from gsubmit.smtp.reply import Refused, Reply

if TYPE_CHECKING:
    from gsubmit.relay.pool import Relay

HURRY = 10.0  # seconds for the answer to RSET when a transaction is given up
MAX_OUTSTANDING = 100  # commands without an answer; their replies fit any socket buffer, so nobody blocks

_log = logging.getLogger("gsubmit.relay")


class RelayDelivery:
    """A Delivery over one RelayConnection, replaced once if it breaks before the message may have been taken."""

    def __init__(self, relay: Relay, sender: Sender, client: ClientFacts, label: str) -> None:
        self._relay = relay
        self._client = client
        self._label = label  # who it is for, in the log
        self._connection = relay.take(client)
        self._connection.mails += 1
        self._is_reused = self._connection.is_reused
        self._asked: list[Promise] = []
        self._sent = 0  # how many of them were sent on this connection
        self._answered = 0  # and how many of those answers have come
        self._is_replaced = False
        self._is_committed = False  # the end of the message may have reached the relay
        self._is_over = False
        self.failure: RelayFailed | None = None
        try:
            self.sender = self._ask(sender)
        except Refused:
            relay.give_back(self._connection)
            raise

    @property
    def is_void(self) -> bool:
        """Whether the sender was refused or the relay is lost."""
        return self.failure is not None or self.sender.is_refused

    @property
    def facts(self) -> str:
        """For the log: the relay's address, and whether the connection had been used before."""
        return f"{self._connection}, reused={'yes' if self._is_reused else 'no'}"

    def recipient(self, recipient: Recipient) -> Promise:
        """Ask for one more recipient. Raises Refused when the relay cannot be asked."""
        limit = self._connection.capabilities.limit("RCPTMAX")
        if limit and len(self._asked) > limit:  # MAIL is the first of them
            raise Refused(TOO_MANY_RECIPIENTS)
        return self._ask(recipient)

    def _ask(self, request: Sender | Recipient) -> Promise:
        promise = Promise(self, request)
        if self._is_over:
            promise.answer = self.failure.reply if self.failure is not None else MAIL_FIRST
            return promise
        promise.line = self._line(request)
        self._asked.append(promise)
        self._push()
        return promise

    def _line(self, request: Sender | Recipient) -> bytes:
        capabilities = self._connection.capabilities
        if isinstance(request, Sender):
            return mail_line(request, capabilities, self._client.login)
        return rcpt_line(request, capabilities)

    def _push(self) -> None:
        """Put as many lines as the relay may be given now; without PIPELINING one at a time."""
        room = MAX_OUTSTANDING if "PIPELINING" in self._connection.capabilities else 1
        while self._sent < len(self._asked) and self._sent - self._answered < room:
            self._connection.put(self._asked[self._sent].line)
            self._sent += 1

    def collect(self) -> None:
        """Take one answer from the relay, or fail every promise that waits."""
        try:
            self._push()
            self._connection.flush()
            self._settle(self._asked[self._answered], self._hear())
        except RelayFailed as failure:
            self._replace_or_fail(failure)

    def _collect_all(self) -> None:
        while self._answered < len(self._asked) and self.failure is None:
            self.collect()

    def _hear(self) -> Reply:
        """The answer to MAIL, RCPT or the message. Raises RelayFailed for what can be none."""
        reply = self._connection.read_reply()
        if reply.code == 421:
            raise RelayFailed(for_client(reply), f"{self._connection} said: {reply}", lost=True)
        if reply.code in (220, 221) or reply.code // 100 == 3:
            raise RelayFailed(RELAY_NONSENSE, f"{self._connection} answered what it was not asked: {reply}")
        return reply

    def _settle(self, promise: Promise, reply: Reply) -> None:
        self._answered += 1
        answer = for_client(reply, "1.0" if isinstance(promise.request, Sender) else "1.5")
        if promise.answer is None:
            promise.answer = answer
            if answer is not reply and answer.refuses:
                _log.info("%s said: %s", self._connection, reply, extra={"prefix": self._label})
        elif promise.answer.refuses != answer.refuses:
            raise RelayFailed(answer, f"{self._connection} changed its mind after a reconnect: {reply}")
        if self.sender.is_refused and self._answered == len(self._asked):
            self._finish()

    def _replace_or_fail(self, failure: RelayFailed) -> None:
        """Go on with a new connection, or give every waiting promise its answer."""
        self._connection.close()
        if failure.lost and not (self._is_replaced or self._is_committed or self._is_over):
            self._is_replaced = True
            try:
                self._connection = self._relay.dial(self._client)
                self._connection.mails += 1
                self._is_reused = False
                for promise in self._asked:
                    promise.line = self._line(promise.request)  # other keywords, other lines
                self._sent = self._answered = 0
            except Refused as refused:
                self._connection.close()
                failure = RelayFailed(refused.reply, f"{failure.why}; {refused}")
            else:
                return
        self.failure = failure
        _log.error("relay: %s", failure.why, extra={"prefix": self._label})
        for promise in self._asked:
            if promise.answer is None:
                promise.answer = failure.reply
        if not self._is_over:
            self._finish()  # nothing can come of it: others may have the turn

    def accepted(self) -> list[Recipient]:
        """Wait for all answers; the recipients that the relay took. Raises Refused when it is lost."""
        self._collect_all()
        if self.failure is not None:
            raise Refused(self.failure.reply)
        return [
            promise.request
            for promise in self._asked
            if isinstance(promise.request, Recipient) and not promise.is_refused
        ]

    def send(self, header: bytes, body: MessageBody) -> Reply:
        """Hand the message over and give the relay's final reply. Raises Refused when the relay is lost."""
        while True:
            self.accepted()
            if self._is_over:
                raise Refused(MAIL_FIRST)  # the sender was refused, and the connection serves others now
            try:
                with fitting(body, self._params, self._connection.capabilities) as fit:
                    return self._transmit(chain((header,) if header else (), fit.blocks()), len(header) + fit.size)
            except RelayFailed as failure:
                if self._is_committed:
                    failure.why += "; whether the relay took the message is unknown"
                self._replace_or_fail(failure)
            except OSError as error:
                _log.error("cannot read or convert the message: %s", error, extra={"prefix": self._label})
                raise Refused(NO_ROOM) from error
            except BaseException:
                if self._is_committed:
                    text = "relay: %s: ended before the answer; whether the relay took the message is unknown"
                    _log.error(text, self._connection, extra={"prefix": self._label})
                raise

    @property
    def _params(self) -> MailParams:
        assert isinstance(self.sender.request, Sender)
        return self.sender.request.params

    @property
    def owes_reports(self) -> bool:
        """Whether NOTIFY=SUCCESS is ours to answer: the relay lacks DSN (RFC 3461 5.2.2)."""
        return "DSN" not in self._connection.capabilities

    def _transmit(self, blocks: Iterable[bytes], size: int) -> Reply:
        connection = self._connection
        if not connection.is_silent():  # it lost patience, or every later reply would be taken for another one
            raise RelayFailed(RELAY_NONSENSE, f"{connection} says more than it was asked: {self._hear()}")
        if "CHUNKING" in connection.capabilities:
            connection.put(b"BDAT %d LAST\r\n" % size)
        else:
            go_ahead = connection.ask("DATA")
            if go_ahead.code != 354:
                return self._refused_data(go_ahead)
            blocks = stuffed(blocks)
        try:
            reply = self._hand_over(blocks)
        except BaseException:
            connection.close()  # content that was begun is ended by closing and by nothing else (RLY-10)
            raise
        self._finish()
        return for_client(reply)

    def _hand_over(self, blocks: Iterable[bytes]) -> Reply:
        try:
            self._put_all(blocks)
        except RelayFailed:
            reply = self._connection.last_words()
            self._connection.close()
            if reply is None or reply.code == 421:
                raise
            return reply
        return self._hear()

    def _refused_data(self, reply: Reply) -> Reply:
        if reply.code == 421:
            raise RelayFailed(for_client(reply), f"{self._connection} said: {reply}", lost=True)
        if not reply.refuses:
            raise RelayFailed(RELAY_NONSENSE, f"{self._connection} answered DATA with: {reply}")
        self._finish(needs_reset=True)
        return for_client(reply)

    def _put_all(self, blocks: Iterable[bytes]) -> None:
        """Hand over all blocks. A relay that refuses in the middle is heard, and gets no more (RLY-10)."""
        connection = self._connection
        for block in blocks:
            if connection.outgoing_size >= BLOCK:
                has_sent = connection.flush_until_answered()
                time.sleep(0)  # a relay that never makes us wait must not keep other sessions waiting
                if not (has_sent and connection.is_silent()):
                    raise self._interrupted()
            connection.put(block)
        self._is_committed = True  # from here on the relay may have it all: never a second time
        if not connection.flush_until_answered():
            raise self._interrupted()

    def _interrupted(self) -> RelayFailed:
        return RelayFailed(RELAY_LOST, f"{self._connection} answered in the middle of the message", lost=True)

    def _finish(self, *, needs_reset: bool = False) -> None:
        self._is_over = True
        self._relay.give_back(self._connection, needs_reset=needs_reset)

    def abort(self) -> None:
        """End the transaction without sending the message; does nothing after `send`."""
        if self._is_over:
            return
        if self._answered < len(self._asked):
            self._connection.close()  # the client has gone, and nobody waits for these answers
        self._connection.settimeout(min(HURRY, self._relay.hop.command_timeout))
        self._finish(needs_reset=self.failure is None and not self.sender.is_refused)
