"""One mail transaction with the relay, and what becomes of it when a connection breaks or is wanted by others."""

from __future__ import annotations

import logging
import time
from collections.abc import Sequence
from contextlib import suppress

from gsubmit.dial.answer import KeywordRefused, RelayFailed, SaidMore, for_client
from gsubmit.dial.connection import RelayConnection
from gsubmit.dial.xclient import ClientFacts
from gsubmit.message.content import Content
from gsubmit.metrics.current import Buckets
from gsubmit.metrics.figures import RELAY_LATENCY
from gsubmit.relay.asked import added, amended, fail_all, not_refused
from gsubmit.relay.fit import fitting
from gsubmit.relay.handover import hand_over
from gsubmit.relay.pool import Pool
from gsubmit.relay.promise import MakeHeader, Promise
from gsubmit.relay.refusal import log_refused
from gsubmit.relay.requests import Requests
from gsubmit.relay.stage import COMMITTED, OPEN, OVER, PARKED
from gsubmit.smtp.envelope import Recipient, Sender
from gsubmit.smtp.replies import MAIL_FIRST, NO_ROOM, TOO_MANY_RECIPIENTS
from gsubmit.smtp.reply import Refused, Reply

_LATENCY = Buckets(RELAY_LATENCY, "envelope")
HURRY = 10.0  # seconds for the answer to RSET when a transaction is given up

_log = logging.getLogger("gsubmit.relay")


class RelayDelivery:
    """A Delivery over one RelayConnection, replaced once if it breaks before the message may have been taken.

    `user` is whose slot it takes; `client_idle_since`: since when its client has to say something (monotonic), or 0.
    """

    def __init__(self, pool: Pool, sender: Sender, client: ClientFacts, label: str) -> None:
        self._pool = pool
        self._client = client
        self._label = label  # who it is for, in the log
        self.user = client.login
        self.client_idle_since = 0.0
        self.failure: RelayFailed | None = None
        self._asked_at = 0.0  # when the relay was last asked after it had answered all (monotonic)
        self._asked: list[Promise] = []
        self._is_replaced = False
        self._stage = OPEN
        self._connection = pool.take(client)
        self._was_reused = self._connection.mails > 0
        pool.parking.hold(self)
        self._requests = self._requests_on(self._connection)
        try:
            self.sender = self._ask(Promise(self, sender))
        except BaseException:
            self._finish()
            raise

    @property
    def is_void(self) -> bool:
        """Whether the sender was refused or the relay is lost."""
        answer = self.sender.answer
        return self.failure is not None or (answer is not None and answer.code >= 400)

    @property
    def is_handed_over(self) -> bool:
        """Whether the relay may have the whole message, or has answered."""
        return self._stage is COMMITTED or self._stage is OVER

    @property
    def facts(self) -> str:
        """For the log: the relay's address, whether the connection has had transactions before, and its rawlog."""
        facts = f"{self._connection}, reused={'yes' if self._was_reused else 'no'}"
        return f"{facts}, rawlog={self._connection.rawlog}" if self._connection.rawlog else facts

    # Asking

    def recipient(self, recipient: Recipient) -> Promise:
        """Ask for one more recipient. Raises Refused when the relay cannot be asked."""
        if len(self._asked) > self._requests.most_recipients:  # MAIL is the first of them
            raise Refused(TOO_MANY_RECIPIENTS)
        return self._ask(Promise(self, recipient))

    def _ask(self, promise: Promise) -> Promise:
        if self._stage is OVER:
            promise.settle((refused := self.failure or Refused(MAIL_FIRST)).reply)
            log_refused(promise.request, self.sender.request, refused.by, refused.reply, self._label)
            return promise
        self.client_idle_since = 0.0
        if self._stage is PARKED:
            try:
                self._resume()
            except RelayFailed as failure:
                failure.log(self._label)
                raise
        if not self._requests.unanswered:
            self._asked_at = time.monotonic()
        self._requests.ask(promise)
        self._asked.append(promise)
        return promise

    def _requests_on(self, connection: RelayConnection) -> Requests:
        return Requests(connection, self._asked, self._client.login, self._label, self._pool.learnt)

    def collect(self) -> None:
        """Take the answers that come next from the relay, or fail every promise that waits."""
        try:
            self._requests.collect()
        except RelayFailed as failure:
            self._replace_or_fail(failure)
        if self._stage is OPEN and not self._requests.unanswered:
            now = time.monotonic()
            _LATENCY.observe(now - self._asked_at)
            if self.sender.is_refused:
                self._requests.take_back_data()
                self._finish()
            else:
                self.client_idle_since = now

    def _collect_all(self) -> None:
        while self.failure is None and self._stage is OPEN and self._requests.unanswered:
            self.collect()
        if self.failure is not None:
            raise self.failure

    def accepted(self, *, is_final: bool = True) -> list[Recipient]:
        """Wait for all answers; the recipients that the relay took. Raises Refused when it is lost."""
        if is_final and self._stage is OPEN and not self._pool.waiting:
            try:
                self._requests.ask_data()  # for the content comes next
            except RelayFailed as failure:
                self._replace_or_fail(failure)
        self._collect_all()
        taken = self.not_refused
        if not taken and self._stage is OPEN and self._requests.has_asked_data:
            self._requests.take_back_data()
            self._let_go()
        return taken

    @property
    def not_refused(self) -> list[Recipient]:
        """The recipients that the relay has taken, or has not answered yet."""
        return not_refused(self._asked)

    def amend(self, sender: Sender, recipients: Sequence[Recipient]) -> list[Promise]:
        """Another envelope, before the message is sent; the promises refused of it. Raises Refused.

        Recipients in addition are asked on top. For anything else all is asked anew, and has to be answered as before.
        """
        wanted, hopeless = amended(self._asked, sender, recipients, self, self._connection.capabilities)
        more = added(self._asked, wanted)
        if more is None or self._requests.has_asked_data:
            self._asked, self.sender = wanted, wanted[0]
            if self._stage is OPEN:
                self._let_go()
            self._resume_or_fail()
        else:
            for promise in more:
                self._ask(promise)
        self._collect_all()
        if self.sender.is_refused:
            raise RelayFailed(self.sender.reply(), "the relay refused another sender", said=self.sender.answer)
        return hopeless + [promise for promise in wanted if promise.is_refused]

    # The slot

    def park(self) -> RelayConnection:
        """Let others have the connection while the client takes its time. Only while it waits for the client."""
        self._stage = PARKED
        self._connection.timeout_now = min(HURRY, self._pool.hop.command_timeout)
        return self._connection

    def _let_go(self) -> None:
        """Give the connection back, with RSET; most likely it is to be had again."""
        self._pool.parking.release(self)
        self._pool.give_back(self.park(), self.user)

    def _resume(self) -> None:
        """Have a connection again, on which everything has been asked. Raises RelayFailed."""
        self.client_idle_since = 0.0  # it is the relay's move now: nobody else may have this connection
        connection = self._pool.take(self._client)
        self._pool.parking.hold(self)
        self._go_on_with(connection)

    def _resume_or_fail(self) -> None:
        try:
            self._resume()
        except RelayFailed as failure:
            self._fail(failure)

    def _go_on_with(self, connection: RelayConnection) -> None:
        """Ask again on another connection. Raises Refused for an address that cannot be said there."""
        self._connection = connection
        self._was_reused = connection.mails > 0
        self._stage = OPEN
        try:
            self._requests = self._requests_on(connection)
        except Refused as refused:
            self._fail(RelayFailed(refused.reply, str(refused)))
            raise

    # What goes wrong

    def _replace_or_fail(self, failure: RelayFailed) -> None:
        """Go on with a new connection, or give every waiting promise its answer."""
        self._connection.close()
        if isinstance(failure, SaidMore):
            self._pool.learnt.mistrust(failure.why)
        if isinstance(failure, KeywordRefused):  # the relay cannot have taken the message that way
            self._pool.learnt.leave_out(failure.keyword, failure.why)
            self._stage = OPEN
        elif failure.lost and self._stage is OPEN and not self._is_replaced:
            self._is_replaced = True
        else:
            self._fail(failure)
            return
        try:
            connection = self._pool.dial(self._client)
        except RelayFailed as again:
            self._fail(RelayFailed(again.reply, f"{failure.why}; {again.why}"))
            return
        with suppress(Refused):  # every promise has its answer
            self._go_on_with(connection)

    def _fail(self, failure: RelayFailed) -> None:
        self.failure = failure
        failure.log(self._label)
        fail_all(self._asked, failure, self._label)
        if self._stage is not PARKED:
            self._connection.close()
        self._finish()  # nothing can come of it: others may have the slot

    # The message

    def send(self, make_header: MakeHeader, body: Content) -> Reply:
        """Hand the message over and give the relay's final reply. Raises Refused when the relay is lost."""
        if self._stage is PARKED:
            self._resume_or_fail()
        while True:
            self._collect_all()
            if self._stage is OVER:
                raise Refused(MAIL_FIRST)  # the sender was refused, and the connection serves others now
            self.client_idle_since = 0.0
            try:
                reply = self._hand_over(make_header, body)
            except RelayFailed as failure:
                if self._stage is COMMITTED and not isinstance(failure, KeywordRefused):
                    failure.why += "; whether the relay took the message is unknown"
                self._replace_or_fail(failure)
            except OSError as error:
                _log.error("cannot read or convert the message: %s", error, extra={"prefix": self._label})
                raise Refused(NO_ROOM) from error
            except BaseException:
                if self._stage is COMMITTED:
                    text = "relay: %s: ended before the answer; whether the relay took the message is unknown"
                    _log.error(text, self._connection, extra={"prefix": self._label})
                raise
            else:
                self._pool.learnt.note_final(self._connection, reply)
                self._finish()
                return for_client(reply)

    def _hand_over(self, make_header: MakeHeader, body: Content) -> Reply:
        assert isinstance(self.sender.request, Sender)
        fit = fitting(body, self.sender.request.params, self._connection.capabilities, self._label)
        knows_bdat, asked = "CHUNKING" in self._pool.learnt.proven, self._requests.has_asked_data
        try:
            header = make_header(fit)
            return hand_over(self._connection, header, fit, self._commit, knows_bdat=knows_bdat, has_asked_data=asked)
        finally:
            if fit is not body:
                fit.close()

    def _commit(self) -> None:
        self._stage = COMMITTED

    @property
    def owes_reports(self) -> bool:
        """Whether NOTIFY=SUCCESS is ours to answer: the relay lacks DSN (RFC 3461 5.2.2)."""
        return "DSN" not in self._connection.capabilities.keywords

    # The end

    def _finish(self) -> None:
        self._pool.parking.release(self)
        stage, self._stage = self._stage, OVER
        if stage is not PARKED:
            self._pool.give_back(self._connection, self.user)

    def abort(self) -> None:
        """End the transaction without sending the message; does nothing after `send`."""
        if self._stage is OVER:
            return
        if self._stage is not PARKED:
            if self._requests.unanswered:
                self._connection.close()  # the client has gone, and nobody waits for these answers
            self._connection.timeout_now = min(HURRY, self._pool.hop.command_timeout)
        self._finish()
