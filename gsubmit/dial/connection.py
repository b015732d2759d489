"""One connection to another SMTP server as it is spoken on: commands, replies, and the count of what is owed."""

from __future__ import annotations

import time
from collections.abc import Collection

from gsubmit.dial.answer import RelayFailed, SaidMore, for_client, is_answer
from gsubmit.dial.nexthop import NextHop
from gsubmit.dial.replyparser import NotAReply
from gsubmit.dial.stream import RelayStream, Witness
from gsubmit.dial.xclient import ClientFacts
from gsubmit.smtp.capabilities import NOTHING, Capabilities
from gsubmit.smtp.replies import RELAY_LOST, RELAY_NONSENSE, RELAY_REFUSES_US
from gsubmit.smtp.reply import Reply

QUIT_TIMEOUT = 2.0  # seconds to wait for the answer to QUIT
LAST_WORDS_TIMEOUT = 1.0  # seconds to wait for the reply that explains why a relay closed
# A connection that something on the way has dropped says nothing for ever, and a new one can be had within a second.
REUSED_TIMEOUT = 10.0  # seconds for the first reply on a connection that was idle
LONG_IDLE = 10.0  # seconds after which also one that was never used may have been dropped
LEAST_WAIT = 0.001  # seconds; a timeout of 0 would not wait at all


class RelayConnection(RelayStream):
    """An SMTP client connection. Commands are put, then sent together by flush(); replies are read in order.

    It counts: `owed` replies are still to come. A connection on which more was said than asked, or which is given back
    while a reply is owed or content is unfinished, is out of step, and nothing more is asked on it: each later reply
    would be taken for another one.
    """

    def __init__(
        self, hop: NextHop, address: str, left_out: Collection[str] = (), witness: Witness | None = None
    ) -> None:
        super().__init__(hop, address, witness)
        self.capabilities: Capabilities = NOTHING
        self.client: ClientFacts | None = None  # who the relay takes us for, by XCLIENT
        self.mails = 0  # transactions begun
        self.owed = 0  # replies; below 0 it has said more than it was asked
        self.is_in_transaction = False  # MAIL was taken, and neither the message nor RSET was answered
        self.takes_chunks = False  # it has taken one
        self.idle_since = 0.0  # monotonic, when it was given back last; 0 before
        self.greeting = ""
        self._left_out = left_out  # EHLO keywords to take as not said
        self._unsent = 0  # commands among what was put
        self._is_in_content = False
        self._is_unheard = False  # it was idle, and has said nothing since

    def open(self, timeout: float) -> None:
        """Connect within `timeout` seconds, with TLS when it comes first, and hear the greeting."""
        self.connect_within(timeout)
        if self.hop.tls == "smtps":
            self.wrap()
        self.hear_greeting()

    def hear_greeting(self) -> None:
        """What the other server says first."""
        self.owed = 1
        greeting = self.read_reply()
        if greeting.code != 220:
            raise RelayFailed(RELAY_REFUSES_US, f"{self} greeted with: {greeting}", said=greeting)
        self.greeting = greeting.text

    def hello(self, name: str) -> None:
        """EHLO, or HELO to a server that takes no EHLO (RLY-1)."""
        reply = self.ask(f"EHLO {name}")
        said = f"EHLO with: {reply}"
        if reply.code // 100 == 5:
            reply = self.ask(f"HELO {name}")
            said += f", HELO with: {reply}"
            self.capabilities = NOTHING
        else:
            self.capabilities = Capabilities.from_lines(reply.text.split("\n")[1:]).without(self.hop.discarded)
            self.leave_out(self._left_out)
        if reply.code != 250:
            raise RelayFailed(RELAY_REFUSES_US, f"{self} answered {said}", said=reply)

    def leave_out(self, keywords: Collection[str]) -> None:
        """Take these EHLO keywords as not said from now on."""
        self._left_out = keywords
        self.capabilities = self.capabilities.without(keywords)

    # Speaking

    def ask(self, line: str, *, secret: bool = False) -> Reply:
        """Send one command and read its reply. `secret` keeps the line out of the rawlog."""
        self.command(line.encode("utf-8") + b"\r\n")
        self.flush(secret=secret)
        return self.read_reply()

    def command(self, line: bytes) -> None:
        """Put a command for the next flush; its reply is owed."""
        self._outgoing.append(line)
        self.owed += 1
        self._unsent += 1

    def flush(self, *, secret: bool = False) -> None:
        """Send what was put."""
        if self.owed == self._unsent and not self._replies.is_empty:  # nothing was owed before these commands
            raise self.said_more()
        self._unsent = 0
        super().flush(secret=secret)

    def begin_content(self, command: bytes = b"") -> None:
        """What is put from now on is content, behind `command` (BDAT), or after the go-ahead to DATA.

        One reply is owed to it, which must not come before the end.
        """
        if command:
            self.command(command)
            self._unsent -= 1
        else:
            self.owed += 1
        self._is_in_content = True

    def end_content(self) -> None:
        """All content was sent."""
        self._is_in_content = False

    # Hearing

    def hear(self) -> Reply:
        """The reply to a command of a transaction. Raises RelayFailed for what can be none, 421 among it."""
        reply = self.read_reply()
        if reply.code == 250:
            return reply
        if reply.code == 421:
            raise RelayFailed(for_client(reply), f"{self} said: {reply}", said=reply, lost=True)
        if not is_answer(reply):
            raise RelayFailed(RELAY_NONSENSE, f"{self} answered what it was not asked: {reply}", said=reply)
        return reply

    @property
    def has_said_something(self) -> bool:
        """Whether the next reply, or its beginning, has come."""
        return not self._replies.is_empty

    def hear_final(self) -> Reply:
        """The reply to the message: the first that comes, for all others were accounted for."""
        reply = self.hear()
        if not self._replies.is_empty:
            if isinstance(self.said_more(), SaidMore):
                self.owed = -1
            else:
                self.close()  # it has ended
        return reply

    def read_reply(self) -> Reply:
        """The next reply, as the relay said it; all of it within one timeout."""
        if not self.owed:
            raise self._nonsense("a reply was awaited to nothing")
        try:
            if self._replies.is_empty or (reply := self._replies.next()) is None:
                deadline = time.monotonic() + self.timeout_now
                self._receive()
                while (reply := self._replies.next()) is None:
                    self._receive_until(deadline)
        except NotAReply as error:
            raise self._nonsense(str(error)) from error
        self.owed -= 1
        if self._is_unheard:
            self._is_unheard = False
            self.timeout_now = self.hop.command_timeout
        if reply.code == 421:
            self.close()
        return reply

    def _receive_until(self, deadline: float) -> None:
        """A timeout of the socket begins anew with each octet, this one does not."""
        timeout = self.timeout_now
        self.timeout_now = max(deadline - time.monotonic(), LEAST_WAIT)
        try:
            self._receive()
        finally:
            self.timeout_now = timeout

    def _parsed(self) -> Reply | None:
        try:
            return self._replies.next()
        except NotAReply as error:
            raise self._nonsense(str(error)) from error

    def last_words(self) -> Reply | None:
        """The refusal that a relay may have sent before it closed on us."""
        if self.sock is None:
            return None
        try:
            self.timeout_now = LAST_WORDS_TIMEOUT
            reply = self.read_reply()
        except (RelayFailed, OSError):
            return None
        return reply if reply.refuses else None

    def check_silence(self) -> None:
        """Look whether more was said than asked, before a command whose reply must not be mistaken."""
        if not self.is_silent():
            raise self.said_more()

    def said_more(self) -> RelayFailed:
        """The failure of a relay that did; 421, or any refusal with the end behind it, is that end and nothing else."""
        is_farewell = self._replies.code == b"421"
        reply = self._parsed()
        if is_farewell or (reply is not None and reply.refuses and self._has_ended()):
            why = f"{self} said: {reply or repr(self._replies.start)}"
            return RelayFailed(for_client(reply) if reply else RELAY_LOST, why, said=reply, lost=True)
        return SaidMore(RELAY_NONSENSE, f"{self} says more than it was asked: {reply or self._replies.start!r}")

    def _has_ended(self) -> bool:
        try:
            self.is_silent()
        except RelayFailed:
            return True
        return self.sock is None

    # Between transactions, and the end

    @property
    def takes_client(self) -> bool:
        """Whether the relay was, or can be, told who the client is."""
        return self.client is not None or "XCLIENT" in self.capabilities

    @property
    def has_said_more(self) -> bool:
        """Whether it has said more than it was asked, with its last reply."""
        return self.owed < 0

    @property
    def is_reused(self) -> bool:
        """Whether it has been idle before."""
        return self.idle_since > 0

    @property
    def is_used_up(self) -> bool:
        """Whether the relay takes no further MAIL on this connection (RFC 9422)."""
        limit = self.capabilities.limit("MAILMAX")
        return limit > 0 and self.mails >= limit

    @property
    def is_in_step(self) -> bool:
        """Whether it is open, every command has its reply, every reply its command, and content its end."""
        return self.sock is not None and not self.owed and not self._is_in_content and self._replies.is_empty

    def reset(self) -> bool:
        """RSET where a transaction is open; whether the connection can be used again."""
        if not self.is_in_transaction:
            return True
        try:
            self.is_in_transaction = self.ask("RSET").code != 250
        except RelayFailed:
            return False
        return self.is_in_step and not self.is_in_transaction

    def mark_idle(self) -> None:
        """Note that nobody uses the connection from now on."""
        self.timeout_now = self.hop.command_timeout
        self.idle_since = time.monotonic()

    def take_up(self) -> None:
        """Note that somebody uses the connection again. One that was just opened has had no time to be dropped."""
        if self.mails or time.monotonic() - self.idle_since > LONG_IDLE:
            self.may_be_dead = self._is_unheard = True
            self.timeout_now = min(REUSED_TIMEOUT, self.hop.command_timeout)

    def say_goodbye(self) -> None:
        """QUIT, a short wait, close (RFC 5321 4.1.1.10)."""
        if self.sock is not None:
            try:
                self.timeout_now = QUIT_TIMEOUT
                self._is_unheard = False
                self.ask("QUIT")
            except (RelayFailed, OSError):
                pass  # it is over in any case
        self.close()
