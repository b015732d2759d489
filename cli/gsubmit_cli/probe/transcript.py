"""The transcript of a submission: steps with their lines and times. Secrets are masked where text comes in."""

from __future__ import annotations

import base64
import time
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from dataclasses import dataclass, field
from typing import TextIO

from gsubmit.burl.url import HIDDEN, redact
from gsubmit_cli.probe.upload import Upload

MASK = "****"


@dataclass
class Step:
    """One exchange with a name; times in seconds.

    Each line has before it "C" when it was sent, "S" when it was received, and "*" when it is a remark of ours.
    """

    name: str
    at: float
    seconds: float = 0.0
    lines: list[tuple[str, str]] = field(default_factory=list)

    def texts(self, who: str) -> list[str]:
        """What was sent, received or remarked in this step."""
        return [text for speaker, text in self.lines if speaker == who]

    def as_json(self) -> dict[str, object]:
        """The step for programs."""
        return {
            "name": self.name,
            "at": round(self.at, 6),
            "seconds": round(self.seconds, 6),
            "sent": self.texts("C"),
            "received": self.texts("S"),
            "remarks": self.texts("*"),
        }


class Transcript:
    """Collects steps and, as they happen, hands printable lines with a style ("C", "S", "*", "step") to `show`.

    The progress of large messages is written to `terminal`.
    """

    def __init__(self, show: Callable[[str, str], None] | None = None, terminal: TextIO | None = None) -> None:
        self.steps: list[Step] = []
        self._show = show or (lambda _style, _text: None)
        self._start = time.monotonic()
        self._secrets: list[str] = []
        self._terminal = terminal

    @property
    def seconds(self) -> float:
        """The time since the start."""
        return time.monotonic() - self._start

    @contextmanager
    def step(self, name: str) -> Iterator[None]:
        """Everything told inside belongs to the step `name`; its duration is told at the end, however it ends."""
        step = Step(name, self.seconds)
        self.steps.append(step)
        self._show("step", name)
        try:
            yield
        finally:
            step.seconds = self.seconds - step.at
            self._show("took", f"{'':9}  took {step.seconds:.3f} s")

    def upload(self, size: int) -> Upload:
        """To be told how so many octets go."""
        return Upload(size, self._terminal, self.note)

    def hide(self, *secrets: bytes) -> None:
        """Never show these octets, neither as they are nor in base64, whoever sends them."""
        for secret in secrets:
            encoded = base64.b64encode(secret).decode("ascii")
            self._secrets += [printable(secret), encoded, encoded.rstrip("=")]
        self._secrets.sort(key=len, reverse=True)  # one secret may be a part of another

    def masked(self, text: str) -> str:
        """The text without the secrets."""
        for secret in filter(None, self._secrets):
            text = text.replace(secret, MASK)
        return redact(text).replace(HIDDEN, MASK)  # tokens of URLs need not be told to `hide` before

    def sent(self, shown: str) -> None:
        """A line we sent; the caller gives the form without secrets."""
        self._add("C", shown)

    def received(self, octets: bytes) -> None:
        """A line the server sent. It may echo what we sent, so only the reply code is sure to hold no secret."""
        text = printable(octets)
        self._add("S", text[:4] + self.masked(text[4:]) if text[:3].isdigit() else self.masked(text))

    def note(self, *texts: str) -> None:
        """Remarks of ours."""
        for text in texts:
            self._add("*", self.masked(printable(text.encode("utf-8", "backslashreplace"))))

    def _add(self, who: str, text: str) -> None:
        self.steps[-1].lines.append((who, text))
        self._show(who, f"{self.seconds:9.3f}  {who}{' ' if who == '*' else ':'} {text}")


def printable(octets: bytes) -> str:
    """Text that cannot steer a terminal, whatever a server sends."""
    text = octets.decode("utf-8", "backslashreplace")
    return "".join(letter if letter.isprintable() else ascii(letter)[1:-1] for letter in text)
