"""A connection that is used in named steps: what goes wrong in one comes out as a Failure of its stage."""

from __future__ import annotations

from abc import ABC, abstractmethod
from collections.abc import Iterator
from contextlib import contextmanager

from gsubmit_cli.probe.certificate import TlsFacts
from gsubmit_cli.probe.failure import Broken, Failure, Stage
from gsubmit_cli.probe.target import Target
from gsubmit_cli.probe.transcript import Transcript
from gsubmit_cli.probe.wire import Wire


class Connection(ABC):
    """Tells the transcript what it does. Everything but `close` belongs inside a `step`."""

    def __init__(self, target: Target, transcript: Transcript) -> None:
        self.target = target
        self.transcript = transcript
        self.tls: TlsFacts | None = None
        self.open = False  # whether another command would be heard
        self.stage = Stage.CONNECT
        self.step_name = ""
        self._wire: Wire | None = None

    @abstractmethod
    def trouble_hint(self, trouble: Broken) -> str:
        """What to look at when the connection itself failed in the present stage."""

    @abstractmethod
    def quit(self) -> None:
        """Say goodbye when somebody listens; nothing depends on the answer."""

    @contextmanager
    def step(self, name: str, stage: Stage) -> Iterator[None]:
        """A named step of a stage. Raises Failure."""
        self.step_name, self.stage = name, stage
        with self.transcript.step(name):
            try:
                yield
            except Broken as trouble:
                self.open = False
                raise self.trouble(trouble) from trouble

    def failure(self, reason: str, hint: str) -> Failure:
        """The present step as the one that failed."""
        return Failure(self.stage, self.step_name, reason, hint)

    def trouble(self, trouble: Broken) -> Failure:
        """The present step as one in which the connection itself failed."""
        return self.failure(str(trouble), self.trouble_hint(trouble))

    def connect(self) -> None:
        """Connect, or raise Broken."""
        target = self.target
        self._wire = Wire.connect(target.host, target.port, target.connect_timeout, self.transcript.note)
        self.open = True

    def go_on_with(self, wire: Wire) -> None:
        """A connection that somebody else has opened."""
        self._wire = wire
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
        self.tell_tls()

    def tell_tls(self) -> None:
        """Tell what is known about TLS."""
        for line in self.tls.lines() if self.tls else []:
            self.transcript.note(line)

    def close(self) -> None:
        """Close the connection."""
        self.open = False
        if self._wire is not None:
            self._wire.close()
