"""The way up from nothing to a connection that is ready for a login: the same with SMTP and IMAP servers."""

from __future__ import annotations

from abc import ABC, abstractmethod
from typing import Generic, TypeVar

from gsubmit_cli.probe.connection import Connection
from gsubmit_cli.probe.failure import Broken, Failure, Stage
from gsubmit_cli.probe.target import Target

Talk = TypeVar("Talk", bound=Connection)


class Ladder(ABC, Generic[Talk]):
    """Whoever opens the connection `talk` step by step, and closes it."""

    talk: Talk
    prefix = ""  # of the names of steps
    stages = (Stage.CONNECT, Stage.GREETING, Stage.TLS)

    @abstractmethod
    def greet(self) -> None:
        """Hear the greeting, in its step."""

    @abstractmethod
    def ask(self, when: str = "") -> None:
        """Ask what the server offers, in a step with a name that ends with `when`."""

    @abstractmethod
    def ask_for_tls(self) -> None:
        """STARTTLS, in its step."""

    @abstractmethod
    def again(self, target: Target) -> Ladder[Talk]:
        """The same for another connection, which nobody is shown."""

    def open(self) -> None:
        """From the connection to what the server offers inside TLS. Raises Failure."""
        talk = self.talk
        connect, greeting, tls = self.stages
        with talk.step(f"{self.prefix}connect", connect):
            talk.connect()
        if talk.target.tls == "implicit":
            self._secure(tls)
        with talk.step(f"{self.prefix}greeting", greeting):
            self.greet()
        self.ask()
        if talk.target.tls == "starttls":
            with talk.step(f"{self.prefix}STARTTLS", tls):
                self.ask_for_tls()
            self._secure(tls)
            self.ask(" after TLS")

    def _secure(self, stage: Stage) -> None:
        try:
            with self.talk.step(f"{self.prefix}TLS", stage):
                self.talk.secure()
        except Failure as failure:
            if isinstance(failure.__cause__, Broken) and failure.__cause__.kind == "untrusted":
                self.show_certificate(failure)
            raise

    def show_certificate(self, failure: Failure) -> None:
        """Connect once more to show a certificate that is not trusted: OpenSSL tells of none that it must verify."""
        talk = self.talk
        with talk.transcript.step("certificate"):
            ladder = self.again(talk.target.without_trust(failure.reason))
            try:
                ladder.open()
            except Failure as failed_again:
                talk.transcript.note(failed_again.reason)
            finally:
                ladder.close()
            talk.tls = ladder.talk.tls
            talk.tell_tls()

    def close(self) -> None:
        """Say goodbye when that is possible, and close."""
        try:
            self.talk.quit()
        finally:
            self.talk.close()
