"""The conversation with a server, in named steps: what goes wrong in one comes out as a Failure of its stage."""

from __future__ import annotations

from collections.abc import Iterator
from contextlib import contextmanager

from gsubmit_cli.sending.answer import Answer
from gsubmit_cli.sending.certificate import TlsFacts
from gsubmit_cli.sending.failure import Broken, Failure, Stage, missing_hint, reply_hint, trouble_hint
from gsubmit_cli.sending.target import Target
from gsubmit_cli.sending.transcript import Transcript, printable
from gsubmit_cli.sending.wire import Wire


class Conversation:
    """Says lines, hears answers and tells the transcript. Everything but `close` belongs inside a `step`."""

    def __init__(self, target: Target, transcript: Transcript) -> None:
        self.target = target
        self.transcript = transcript
        self.tls: TlsFacts | None = None
        self.open = False  # whether another command would be heard
        self.stage = Stage.CONNECT
        self.step_name = ""
        self._wire: Wire | None = None

    @contextmanager
    def step(self, name: str, stage: Stage) -> Iterator[None]:
        """A named step of a stage. Raises Failure."""
        self.step_name, self.stage = name, stage
        with self.transcript.step(name):
            try:
                yield
            except Broken as trouble:
                self.open = False
                raise self.failure(str(trouble), trouble_hint(trouble, stage, self.target)) from trouble

    def failure(self, reason: str, hint: str) -> Failure:
        """The present step as the one that failed."""
        return Failure(self.stage, self.step_name, reason, hint)

    def missing(self, keyword: str) -> Failure:
        """The present step as one that needs what the server does not offer."""
        return self.failure(f"the server does not offer {keyword}", missing_hint(keyword, self.target))

    def refusal(self, answer: Answer) -> Failure:
        """The present step as one that the server refused."""
        return self.failure(self.quoted(answer), reply_hint(answer, self.stage, self.target))

    def quoted(self, answer: Answer) -> str:
        """An answer to show."""
        return f"{answer.code} {self.transcript.masked(answer.text)}".rstrip()

    def connect(self) -> None:
        """Connect, or raise Broken."""
        target = self.target
        self._wire = Wire.connect(target.host, target.port, target.connect_timeout, self.transcript.note)
        self.open = True

    @property
    def wire(self) -> Wire:
        """The connection."""
        assert self._wire is not None, "not connected"
        return self._wire

    def secure(self) -> None:
        """Do the TLS handshake and tell what came of it."""
        target = self.target
        secured = self.wire.start_tls(target.context, target.host)
        self.tls = TlsFacts.of(secured, target.verifies, target.trust)
        for line in self.tls.lines():
            self.transcript.note(line)

    def hear(self) -> Answer:
        """The server's next answer."""
        answer = Answer.of(self._lines())
        if answer.code == 421:  # the server closes after it, RFC 5321 4.2.2
            self.open = False
        return answer

    def _lines(self) -> Iterator[str]:
        while True:
            octets = self.wire.read_line()
            self.transcript.received(octets)
            yield printable(octets)

    def say(self, line: str, shown: str | None = None) -> Answer:
        """Send a line and hear the answer; `shown` stands in the transcript for a line with a secret."""
        self.transcript.sent(line if shown is None else shown)
        self.wire.send(line.encode("utf-8", "surrogateescape") + b"\r\n")
        return self.hear()

    def demand(self, line: str, code: str = "2") -> Answer:
        """Say a line and hear an answer whose code is, or starts with, `code`. Raises Failure."""
        answer = self.say(line)
        if not str(answer.code).startswith(code):
            raise self.refusal(answer)
        return answer

    def hand_over(self, octets: bytes, shown: str) -> Answer:
        """Send content and hear the answer. A server that has enough of it may answer early and close."""
        self.transcript.sent(shown)
        try:
            self.wire.send(octets)
        except Broken as cut_off:
            self.open = False
            try:
                return self.hear()
            except Broken:
                raise cut_off from None
        return self.hear()

    def quit(self) -> None:
        """Say goodbye when somebody listens; nothing depends on the answer."""
        if self.open:
            with self.transcript.step("QUIT"):
                try:
                    self.say("QUIT")
                except Broken as trouble:
                    self.transcript.note(str(trouble))

    def close(self) -> None:
        """Close the connection."""
        self.open = False
        if self._wire is not None:
            self._wire.close()
