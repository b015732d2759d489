"""A connection that is used in named steps: what goes wrong in one comes out as a Failure of its stage."""

from __future__ import annotations

import ssl
from abc import ABC, abstractmethod
from collections.abc import Iterator
from contextlib import contextmanager

from gsubmit.smtp.capabilities import Capabilities
from gsubmit_cli.probe.certificate import TlsFacts
from gsubmit_cli.probe.failure import Broken, Failure, Stage
from gsubmit_cli.probe.target import Target
from gsubmit_cli.probe.transcript import Transcript, printable
from gsubmit_cli.probe.wire import Wire


class Connection(ABC):
    """Tells the transcript what it does, and climbs from nothing to a server that is ready for a login.

    What may be Broken belongs inside a `step`.
    """

    prefix = ""  # of the names of steps
    stages = (Stage.CONNECT, Stage.GREETING, Stage.TLS)
    farewell = "QUIT"

    def __init__(self, target: Target, transcript: Transcript) -> None:
        self.target = target
        self.transcript = transcript
        self.tls: TlsFacts | None = None
        self.is_open = False  # whether another command would be heard
        self.stage = Stage.CONNECT
        self.step_name = ""
        self.offered: Capabilities | list[str] = []
        self._wire: Wire | None = None

    # What servers of one kind have in common

    @abstractmethod
    def trouble_hint(self, trouble: Broken) -> str:
        """What to look at when the connection itself failed in the present stage."""

    @abstractmethod
    def missing(self, keyword: str) -> Failure:
        """The present step as one that needs what the server does not offer."""

    @abstractmethod
    def say(self, line: str) -> object:
        """Say a command and hear the answer."""

    @abstractmethod
    def greet(self) -> None:
        """Hear the greeting, in its step."""

    @abstractmethod
    def ask(self, when: str = "") -> None:
        """Ask what the server offers, in a step with a name that ends with `when`."""

    @abstractmethod
    def demand(self, line: str) -> object:
        """Say a command that must succeed. Raises Failure."""

    @abstractmethod
    def again(self, target: Target) -> Connection:
        """The same for another connection, which nobody is shown."""

    # Steps

    @contextmanager
    def step(self, name: str, stage: Stage) -> Iterator[None]:
        """A named step of a stage. Raises Failure."""
        self.step_name, self.stage = name, stage
        with self.transcript.step(name):
            try:
                yield
            except Broken as trouble:
                self.is_open = False
                raise self.trouble(trouble) from trouble

    def failure(self, reason: str, hint: str) -> Failure:
        """The present step as the one that failed."""
        return Failure(self.stage, self.step_name, reason, hint)

    def trouble(self, trouble: Broken) -> Failure:
        """The present step as one in which the connection itself failed."""
        return self.failure(str(trouble), self.trouble_hint(trouble))

    def need(self, keyword: str) -> None:
        """Raise Failure when the server does not offer it."""
        if keyword not in self.offered:
            raise self.missing(keyword)

    # The way up

    def open(self) -> None:
        """From the connection to what the server offers inside TLS. Raises Failure."""
        connect, greeting, tls = self.stages
        target = self.target
        with self.step(f"{self.prefix}connect", connect):
            self.go_on_with(Wire.connect(target.host, target.port, target.timeout, self.transcript.note))
        if target.tls == "implicit":
            self._secure(tls)
        with self.step(f"{self.prefix}greeting", greeting):
            self.greet()
        self.ask()
        if target.tls == "starttls":
            with self.step(f"{self.prefix}STARTTLS", tls):
                self.need("STARTTLS")
                self.demand("STARTTLS")
            self._secure(tls)
            self.ask(" after TLS")

    def hear_line(self) -> str:
        """The next line, told and made printable."""
        octets = self.wire.next_line()
        self.transcript.received(octets)
        return printable(octets)

    def upload(self, octets: bytes) -> None:
        """Send content, and tell how it goes when it is large."""
        upload, sent = self.transcript.upload(len(octets)), 0
        try:
            for sent in self.wire.send_blocks(octets):
                upload.went(sent)
        finally:
            upload.end(sent)

    def go_on_with(self, wire: Wire) -> None:
        """Talk on a connection that is open."""
        self._wire = wire
        self.is_open = True

    @property
    def wire(self) -> Wire:
        """The connection."""
        assert self._wire is not None, "not connected"
        return self._wire

    def _secure(self, stage: Stage) -> None:
        target = self.target
        try:
            with self.step(f"{self.prefix}TLS", stage):
                self.show_tls(self.wire.start_tls(target.context, target.host))
        except Failure as failure:
            if isinstance(failure.__cause__, Broken) and failure.__cause__.kind == "untrusted":
                self.show_certificate(failure)
            raise

    def show_tls(self, secured: ssl.SSLSocket) -> None:
        """Tell what came of a handshake."""
        self.tls = TlsFacts.of(secured, self.target.verifies, self.target.trust)
        self._tell_tls()

    def _tell_tls(self) -> None:
        """Tell what is known about TLS."""
        self.transcript.note(*(self.tls.lines() if self.tls else []))

    def show_certificate(self, failure: Failure) -> None:
        """Connect once more to show a certificate that is not trusted: OpenSSL tells of none that it must verify."""
        with self.transcript.step("certificate"):
            other = self.again(self.target.without_trust(failure.reason))
            try:
                other.open()
            except Failure as failed_again:
                self.transcript.note(failed_again.reason)
            finally:
                other.close()
            self.tls = other.tls
            self._tell_tls()

    def close(self) -> None:
        """Say goodbye when somebody listens, whatever the answer, and close."""
        try:
            if self.is_open:
                with self.transcript.step(f"{self.prefix}{self.farewell}"):
                    try:
                        self.say(self.farewell)
                    except Broken as trouble:
                        self.transcript.note(str(trouble))
        finally:
            self.is_open = False
            if self._wire is not None:
                self._wire.close()
