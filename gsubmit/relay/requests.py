"""MAIL and RCPT in flight on one connection: put as early as the relay allows, answered in their order."""

from __future__ import annotations

from collections.abc import Sequence
from math import inf

from gsubmit.dial.answer import RelayFailed, for_client, is_about_us
from gsubmit.dial.connection import RelayConnection
from gsubmit.relay.learnt import OWN_PARAMETERS, Learnt
from gsubmit.relay.lines import mail_line, rcpt_line
from gsubmit.relay.promise import Promise
from gsubmit.relay.refusal import log_refused
from gsubmit.smtp.envelope import Sender
from gsubmit.smtp.replies import RELAY_LOST
from gsubmit.smtp.reply import Reply

MAX_OUTSTANDING = 100  # commands without an answer; their replies fit any socket buffer, so nobody blocks
# How relays refuse a parameter of MAIL: RFC 5321 4.2.2 has 555, 501 and 504; 500, 502 and 503 were seen too.
_PARAMETER_REFUSED = frozenset({500, 501, 502, 503, 504, 555})

ORDINARY_SIZE = 2**31 - 1  # octets; a larger number may be more than the relay can read

_IN_LINE = tuple((name, b" " + name.encode("ascii")) for name in OWN_PARAMETERS)


class Requests:
    """The promises of one transaction on one connection. A replay has another of these for the same promises.

    `login` is who is logged in here, `label` names the session in the log. Raises Refused where an address cannot be
    said to this relay.
    """

    def __init__(
        self, connection: RelayConnection, asked: Sequence[Promise], login: str, label: str, learnt: Learnt
    ) -> None:
        self._connection = connection
        self._login = login
        self._label = label
        self._learnt = learnt
        capabilities = connection.capabilities
        self._room = MAX_OUTSTANDING if "PIPELINING" in capabilities.keywords else 1
        self.most_recipients = capabilities.limit("RCPTMAX") or inf  # RFC 9422 4.2
        self._given_up: list[str] = []  # parameters of our own that MAIL was refused with, in their order
        self._refusal = ""  # in these words
        self._asked: list[Promise] = []
        self._sent = 0  # how many of them were sent
        self.unanswered = 0
        self.has_asked_data = False  # DATA is behind them, and its answer is still to be heard
        connection.mails += 1
        for promise in asked:
            self.ask(promise)

    def ask(self, promise: Promise) -> None:
        """One more."""
        request = promise.request
        if isinstance(request, Sender):
            promise.line = self._mail_line(request)
        else:
            promise.line = rcpt_line(request, self._connection.capabilities)
        self._asked.append(promise)
        self.unanswered += 1
        if self.unanswered <= self._room:
            self._connection.command(promise.line)
            self._sent += 1

    def _mail_line(self, sender: Sender) -> bytes:
        left_out = self._learnt.left_out
        if self._given_up:
            left_out = left_out.union(self._given_up)
        return mail_line(sender, self._connection.capabilities, self._login, left_out)

    def _push(self) -> None:
        """Put as many lines as the relay may be given now; without PIPELINING one at a time."""
        last = len(self._asked) - max(self.unanswered - self._room, 0)
        while self._sent < last:
            self._connection.command(self._asked[self._sent].line)
            self._sent += 1

    def ask_data(self) -> None:
        """Send DATA with what is to be sent, without waiting for the answers (RFC 2920 3.1). Raises RelayFailed.

        Only to a relay that would not get the message by BDAT, and has taken one by DATA before.
        """
        keywords = self._connection.capabilities.keywords
        if self.has_asked_data or "CHUNKING" in keywords or "PIPELINING" not in keywords:
            return
        if self._sent < len(self._asked) or "DATA" not in self._learnt.proven:
            return
        hopeful = [promise for promise in self._asked if promise.answer is None or promise.answer.code < 400]
        if len(hopeful) > 1 and hopeful[0] is self._asked[0]:  # the sender and a recipient
            self._connection.command(b"DATA\r\n")
            self.has_asked_data = True
            self._connection.flush()

    def take_back_data(self) -> None:
        """Nobody is to get the message. A go-ahead is followed by a lone dot, for no recipient (RFC 2920 3.1)."""
        if not self.has_asked_data:
            return
        connection = self._connection
        try:
            if connection.read_reply().code != 354:
                return
            if self._asked[0].is_refused:
                connection.close()  # for it may have taken recipients all the same
                return
            connection.begin_content()
            connection.content(b".\r\n")
            connection.flush()
            connection.end_content()
            connection.hear_final()
            connection.is_in_transaction = False
        except RelayFailed:
            connection.close()

    def collect(self) -> None:
        """Take the next answer, and those that have come with it. Raises RelayFailed."""
        if self._sent < len(self._asked):
            self._push()
        connection = self._connection
        connection.flush()
        while True:
            reply = connection.hear()
            promise = self._asked[-self.unanswered]
            if promise is self._asked[0]:
                if reply.code in _PARAMETER_REFUSED and self._ask_without_our_own(promise, reply):
                    return
                self._note_sender(promise, reply)
            if reply.code < 400:
                connection.is_in_transaction = True  # also when it takes a recipient without the sender
            self.unanswered -= 1
            self._settle(promise, reply)
            if not self.unanswered or not connection.has_said_something:
                return

    def _ask_without_our_own(self, mail: Promise, reply: Reply) -> bool:
        """Say MAIL again without a parameter that the client did not ask for; false when there is none left.

        The commands behind it are in flight already, and are asked again too.
        """
        ours = [name for name in _own_parameters(mail) if name not in self._given_up]
        if not ours:
            return False
        if self.has_asked_data:  # what becomes of that is not worth finding out
            raise RelayFailed(RELAY_LOST, f"{self._connection} answered MAIL with: {reply}", said=reply, lost=True)
        while self._connection.owed:
            self._connection.hear()
        self._refusal = self._refusal or str(reply)
        self._given_up.append(ours[0])
        assert isinstance(mail.request, Sender)
        mail.line = self._mail_line(mail.request)
        self._sent = 0
        self.unanswered = len(self._asked)
        return True

    def _note_sender(self, mail: Promise, reply: Reply) -> None:
        """Learn which parameters of our own this relay takes, and which it does not."""
        if reply.code >= 400:
            return
        for name, octets in _IN_LINE:
            if name not in self._learnt.proven and octets in mail.line:
                self._learnt.proven.add(name)
        for name in self._given_up[-1:]:  # those before it were refused with this one still there
            if name not in self._learnt.proven and not (name == "SIZE=" and _is_odd_size(mail)):
                self._learnt.leave_out(name, f"{self._connection} answered MAIL with {name} so: {self._refusal}")

    def _settle(self, promise: Promise, reply: Reply) -> None:
        answer = for_client(reply, "1.0" if isinstance(promise.request, Sender) else "1.5")
        if promise.answer is None:
            promise.settle(answer)
            if answer.code >= 400:
                self._log_refusal(promise, reply)
        elif promise.answer.refuses != answer.refuses:
            why = f"{self._connection} changed its mind after a reconnect: {reply}"
            raise RelayFailed(answer if answer.refuses else RELAY_LOST, why)  # the message is not sent: never a 250

    def _log_refusal(self, promise: Promise, reply: Reply) -> None:
        """In the relay's own words, though the client may hear others."""
        if is_about_us(reply):
            self._learnt.complain(self._connection, reply)
        log_refused(promise.request, self._asked[0].request, f"relay, relay={self._connection}", reply, self._label)


def _own_parameters(mail: Promise) -> list[str]:
    """Those in its line that the client did not ask for, the one to give up first in front."""
    assert isinstance(mail.request, Sender)
    asked_for = {"BODY="} if mail.request.params.body else set()
    words = {word.partition(b"=")[0].decode("ascii", "replace") + "=" for word in mail.line.split()[2:]}
    return [name for name in OWN_PARAMETERS if name in words and name not in asked_for]


def _is_odd_size(mail: Promise) -> bool:
    """Whether the client has declared a size that may well be why MAIL was refused."""
    assert isinstance(mail.request, Sender)
    return (mail.request.params.size or 0) > ORDINARY_SIZE
