"""The test submission itself: the client's side of SMTP from the connection to QUIT, one step after the other."""

from __future__ import annotations

import re
import socket
import ssl
from dataclasses import dataclass, field

from gsubmit.smtp.capabilities import NOTHING, Capabilities
from gsubmit.smtp.data import stuffed
from gsubmit_cli.probe.answer import Answer
from gsubmit_cli.probe.capabilities import described
from gsubmit_cli.probe.conversation import Conversation
from gsubmit_cli.probe.failure import Failure, Stage
from gsubmit_cli.probe.interrupt import Interrupted
from gsubmit_cli.probe.login import log_in
from gsubmit_cli.probe.message import Message
from gsubmit_cli.probe.sentmail import SentMail, SentMailbox
from gsubmit_cli.probe.shown import open_as_server
from gsubmit_cli.probe.target import Target
from gsubmit_cli.probe.transcript import MASK, Transcript

_URL_PASSWORD = re.compile(r"(?<=://)([^/:@]*):[^/@]*@")
_URL_TOKEN = re.compile(r"(;URLAUTH=[^:]*:(?:[^:]*:)?)(.+)", re.IGNORECASE)  # RFC 4467 9


@dataclass(frozen=True)
class Submission:
    """What to submit: the envelope, and a message or a URL that names one.

    With `sent` the message goes into that mailbox, and its URL is handed in.
    """

    sender: str
    recipients: tuple[str, ...]
    message: Message | None
    url: str = ""
    bdat: bool = False
    sent: SentMailbox | None = None


@dataclass
class Outcome:
    """What came of a submission."""

    accepted: list[str] = field(default_factory=list)
    refused: dict[str, str] = field(default_factory=dict)  # recipient -> reply
    reply: str = ""  # to the message
    failure: Failure | None = None

    @property
    def stage(self) -> Stage:
        """Where it ended."""
        return self.failure.stage if self.failure else Stage.DONE


class Probe(Conversation):
    """One connection that submits one message; the first step that fails ends it with a Failure."""

    def __init__(self, target: Target, transcript: Transcript) -> None:
        super().__init__(target, transcript)
        self.offered: Capabilities = NOTHING
        self.outcome = Outcome()
        self.sent: SentMail | None = None
        self.client = ""  # the user that a relay of ours is told about

    def run(self, submission: Submission) -> Outcome:
        """Do it all and say how it ended."""
        try:
            self.client = submission.sender
            self.open()
            self.log_in(submission)
            url = self._store(submission) or submission.url
            self.submit(submission, url)
        except Failure as failure:
            self.outcome.failure = failure
        except Interrupted:
            self.is_open = False
            steps = self.transcript.steps
            name = steps[-1].name if steps else ""
            self.outcome.failure = Failure(Stage.INTERRUPTED, name, "interrupted", "run it again")
        finally:
            self.close()
        return self.outcome

    def open(self) -> None:
        """From the connection to the EHLO whose answer counts; at our relay to the login too."""
        if self.target.hop is None:
            super().open()
            return
        try:
            self.offered = open_as_server(self, self.target.hop, self.client)
        except Failure as failure:
            if isinstance(failure.__cause__, ssl.SSLCertVerificationError):
                self.show_certificate(failure)
            raise

    def again(self, target: Target) -> Probe:
        """The same for another connection, which nobody is shown."""
        return Probe(target, Transcript())

    def greet(self) -> None:
        """220, or the end."""
        answer = self.hear()
        if answer.code != 220:
            raise self.refusal(answer)

    def ask(self, when: str = "") -> None:
        """EHLO."""
        with self.step(f"EHLO{when}", Stage.GREETING):
            answer = self.demand(f"EHLO {self.target.helo or self._own_name()}")
            self.offered = Capabilities.from_lines(answer.lines[1:])
            if self.target.tls != "starttls" or self.tls is not None:
                self.transcript.note(*described(self.offered))

    def _own_name(self) -> str:
        """Our host name where it is a full one, else our address (RFC 5321 4.1.4)."""
        name = socket.gethostname()
        if "." in name:
            return name
        address = str(self.wire.sock.getsockname()[0])
        return f"[IPv6:{address.partition('%')[0]}]" if ":" in address else f"[{address}]"

    def log_in(self, submission: Submission) -> None:
        """AUTH, when there is a user; at our relay it is done."""
        if self.target.user is not None:
            if not self.target.configured:
                with self.step("AUTH", Stage.AUTH):
                    log_in(self, self.offered)
            if submission.url or submission.sent:  # what BURL takes is told after login only, RFC 4468 3.1
                self.ask(" after AUTH")

    def _store(self, submission: Submission) -> str:
        """Put the message into the mailbox; its URL. The server is asked first, so that none lies there unsent."""
        if submission.sent is None or submission.message is None:
            return ""
        with self.step("BURL offered", Stage.MESSAGE):
            self.need("BURL")
            if "imap" not in self.offered.keywords["BURL"].lower().split():  # RFC 4468 3.3
                raise self.missing("BURL imap")
        self.sent = SentMail(submission.sent, self.transcript)
        return self.sent.store(submission.message)

    def submit(self, submission: Submission, url: str) -> None:
        """The mail transaction."""
        with self.step("MAIL", Stage.MAIL):
            self.demand(self._mail(submission))
        refusal: Failure | None = None
        for recipient in submission.recipients:
            with self.step("RCPT", Stage.RCPT):
                answer = self.say(f"RCPT TO:<{recipient}>")
                if answer.code < 300:
                    self.outcome.accepted.append(recipient)
                    continue
                self.outcome.refused[recipient] = self.quoted(answer)
                refusal = refusal or self.refusal(answer)
                if not self.is_open:
                    raise refusal
        if refusal and not self.outcome.accepted:
            raise refusal
        answer = self._content(submission, url)
        self.outcome.reply = self.quoted(answer)
        if refusal:
            raise refusal

    def _mail(self, submission: Submission) -> str:
        """The MAIL command, with the parameters that the message needs and the server knows."""
        line = f"MAIL FROM:<{submission.sender}>"
        message = submission.message
        if message and "SIZE" in self.offered:
            line += f" SIZE={len(message.octets)}"
        if message and not message.octets.isascii() and "8BITMIME" in self.offered:
            line += " BODY=8BITMIME"
        if not all(map(str.isascii, (submission.sender, *submission.recipients))):
            self.need("SMTPUTF8")
            line += " SMTPUTF8"
        return line

    def _content(self, submission: Submission, url: str) -> Answer:
        if url or submission.message is None:
            answer = self._burl(url)
        elif submission.bdat:
            answer = self._bdat(submission.message)
        else:
            answer = self._data(submission.message)
        if answer.code >= 300:
            raise self.refusal(answer)
        return answer

    def _data(self, message: Message) -> Answer:
        with self.step("DATA", Stage.MESSAGE):
            self.demand("DATA")
        with self.step("message", Stage.MESSAGE):
            self.transcript.note(*message.remarks)
            return self.hand_over(b"".join(stuffed([message.octets])), f"<{len(message.octets)} octets>, .")

    def _bdat(self, message: Message) -> Answer:
        with self.step("BDAT", Stage.MESSAGE):
            self.need("CHUNKING")
            self.transcript.note(*message.remarks)
            command = f"BDAT {len(message.octets)} LAST"
            self.transcript.sent(command)
            return self.hand_over(f"{command}\r\n".encode() + message.octets, f"<{len(message.octets)} octets>")

    def _burl(self, url: str) -> Answer:
        with self.step("BURL", Stage.MESSAGE):
            self.need("BURL")
            token = _URL_TOKEN.search(url)
            if token:
                self.transcript.hide(token[2].encode())
            shown = self.transcript.masked(_URL_PASSWORD.sub(rf"\1:{MASK}@", url))
            return self.say(f"BURL {url} LAST", f"BURL {shown} LAST")
