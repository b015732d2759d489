"""Transcripts: files that hold a whole dialog between a client, the server and its relay. tests/transcripts/README.md
describes how they are written."""

from __future__ import annotations

import re
from collections.abc import Iterator
from dataclasses import dataclass, field
from pathlib import Path

from tests.harness import escapes, imapscript
from tests.harness.imapscript import ImapScript
from tests.harness.relayscript import EVERY_OTHER, Hears, RelayScript, Says, action, keywords
from tests.harness.shorthand import expanded

MODES = ("whole", "lines", "octets")


class BadTranscript(ValueError):
    """The file is not written as transcripts are."""


@dataclass(frozen=True)
class Send:
    """`C:` octets of the client."""

    octets: bytes
    where: int


@dataclass(frozen=True)
class Expect:
    """`S:` one reply, line by line; `...` stands for any number of lines."""

    lines: tuple[str, ...]
    where: int

    @property
    def stops_the_client(self) -> bool:
        """Whether the client must have read this reply before it may go on."""
        return self.lines[0].startswith(("354", "334"))


@dataclass(frozen=True)
class Act:
    """`-- TLS --`, `CLOSED`, `DROPPED`, `CLIENT CLOSES`, `PAUSE n MS`, or `CLIENT n`."""

    what: str
    where: int
    seconds: float = 0.0
    client: int = 0


@dataclass(frozen=True)
class Write:
    """`F> name` and the lines of the file, or `-- NO FILE name --`: what is there from then on."""

    name: str
    lines: list[str] | None
    where: int


Event = Send | Expect | Act | Write


@dataclass
class Letter:
    """What the relay, or a mailbox, must have got of one message. Empty fields are not looked at."""

    content: bytes | None = None
    pattern: list[str] = field(default_factory=list)
    wire: bytes | None = None
    trace: list[str] = field(default_factory=list)
    envelope: list[str] = field(default_factory=list)
    has_trace: bool = True
    mailbox: str = ""  # of a copy
    flags: str = ""


@dataclass
class Transcript:
    """One dialog with everything that it needs and everything that must come of it."""

    name: str
    path: Path
    rule: str = ""
    settings: list[str] = field(default_factory=list)
    client_ip: str = "127.0.0.1"
    implicit_tls: bool = False
    modes: tuple[str, ...] = MODES
    events: list[Event] = field(default_factory=list)
    relay: RelayScript = field(default_factory=RelayScript)
    imap: ImapScript = field(default_factory=ImapScript)
    letters: list[Letter] = field(default_factory=list)
    copies: list[Letter] = field(default_factory=list)
    relayed: int | None = None  # messages that the relay accepted
    transmitted: int | None = None  # messages that the relay got to their end
    log: list[str] = field(default_factory=list)


def load(path: Path) -> list[Transcript]:
    """The transcripts in one file: one, or one for each row of its table."""
    lines = path.read_text(encoding="utf-8").splitlines()
    rows = [[cell.strip() for cell in line.strip("| ").split(" | ")] for line in lines if line.startswith("|")]
    rest = [(number, line) for number, line in enumerate(lines, 1) if not line.startswith("|")]
    if not rows:
        return [_parse(path.stem, path, rest)]
    columns, *cases = rows
    transcripts = []
    for cells in cases:
        if len(cells) != len(columns):
            raise BadTranscript(f"{path}: {cells} has {len(cells)} cells instead of {len(columns)}")
        filled = rest
        for column, cell in zip(columns, cells, strict=True):
            filled = [(number, line.replace("{" + column + "}", cell)) for number, line in filled]
        transcripts.append(_parse(f"{path.stem}:{cells[0]}", path, filled))
    return transcripts


def _parse(name: str, path: Path, lines: list[tuple[int, str]]) -> Transcript:
    reading = _Reading(Transcript(name, path))
    for number, line in expanded(lines):
        try:
            reading.take(number, line)
        except ValueError as error:
            raise BadTranscript(f"{path}:{number}: {error}") from error
    if not reading.transcript.rule:
        raise BadTranscript(f"{path}: the first line is to be a comment that names the rule")
    return reading.transcript


class _Reading:
    """Takes a file's lines one by one."""

    def __init__(self, transcript: Transcript) -> None:
        self.transcript = transcript
        self._reply: list[str] = []
        self._connection = 1
        self._imap_connection = 1
        self._letter_now: Letter | None = None

    def take(self, number: int, line: str) -> None:
        mark, _, text = line.partition(" ")
        if self._reply and mark != "S:":
            raise ValueError("the reply before this line has no last line")
        if mark == "C:" or line == "C:":
            self.transcript.events.append(Send(escapes.line(text), number))
        elif mark == "S:":
            self._expect(number, text)
        elif mark in ("R>", "R<"):
            steps = self.transcript.relay.connections.setdefault(self._connection, [])
            steps.append(Hears(escapes.pattern(text), text) if mark == "R>" else Says(escapes.line(text)))
        elif found := re.fullmatch(r"R-- (.*) --", line):
            self.transcript.relay.connections.setdefault(self._connection, []).append(action(found[1]))
        elif mark in ("I>", "I<", "I--"):
            self._imap(mark, text)
        elif mark in ("F>", "F:"):
            self._file(number, mark, text)
        elif found := re.fullmatch(r"-- (.*) --", line):
            self._act(number, found[1])
        elif mark in _LETTER_MARKS:
            self._letter(mark, text)
        elif line.startswith("@"):
            self._setting(mark, text)
        elif line.startswith("#"):
            self.transcript.rule = self.transcript.rule or line[1:].strip()
        elif line.strip():
            raise ValueError(f"unknown line {line!r}")

    def _imap(self, mark: str, text: str) -> None:
        steps = self.transcript.imap.connections.setdefault(self._imap_connection, [])
        if mark == "I>":
            steps.append(Hears(escapes.pattern(text), text))
        elif mark == "I<":
            steps.append(Says(escapes.line(text)))
        else:
            steps.append(imapscript.action(text.removesuffix(" --")))

    def _file(self, number: int, mark: str, text: str) -> None:
        events = self.transcript.events
        if mark == "F>":
            events.append(Write(text, [], number))
        elif events and isinstance(events[-1], Write) and events[-1].lines is not None:
            events[-1].lines.append(text)
        else:
            raise ValueError("a line of no file")

    def _expect(self, number: int, text: str) -> None:
        self._reply.append(text)
        if re.match(r"\d{3}(?: |\\x20|$)", text):
            self.transcript.events.append(Expect(tuple(self._reply), number))
            self._reply = []
        elif text != "..." and not re.match(r"\d{3}-", text):
            raise ValueError(f"not a reply line: {text!r}")

    def _act(self, number: int, text: str) -> None:
        transcript = self.transcript
        if found := re.fullmatch(r"RELAY (\d+|\*)", text):
            self._connection = EVERY_OTHER if found[1] == "*" else int(found[1])
        elif found := re.fullmatch(r"IMAP (\d+|\*)", text):
            self._imap_connection = EVERY_OTHER if found[1] == "*" else int(found[1])
        elif found := re.fullmatch(r"IMAP CONNECTED (\d+) TIMES", text):
            transcript.imap.connected = int(found[1])
        elif found := re.fullmatch(r"RELAYED (\d+|NOTHING)", text):
            transcript.relayed = 0 if found[1] == "NOTHING" else int(found[1])
        elif found := re.fullmatch(r"TRANSMITTED (\d+|NOTHING)", text):
            transcript.transmitted = 0 if found[1] == "NOTHING" else int(found[1])
        elif text == "MESSAGE":
            self._next_letter(transcript.letters, Letter())
        elif text == "REPORT":
            self._next_letter(transcript.letters, Letter(has_trace=False))
        elif found := re.fullmatch(r"COPY (.*?)(?: \((.*)\))?", text):
            copy = Letter(has_trace=False, mailbox=found[1], flags=r"\Seen" if found[2] is None else found[2])
            self._next_letter(transcript.copies, copy)
        elif found := re.fullmatch(r"NO FILE (.+)", text):
            transcript.events.append(Write(found[1], None, number))
        elif found := re.fullmatch(r"PAUSE (\d+) MS", text):
            transcript.events.append(Act("PAUSE", number, int(found[1]) / 1000))
        elif found := re.fullmatch(r"CLIENT (\d+)", text):
            transcript.events.append(Act("CLIENT", number, client=int(found[1])))
        elif text in ("TLS", "CLOSED", "DROPPED", "CLIENT CLOSES"):
            transcript.events.append(Act(text, number))
        else:
            raise ValueError(f"unknown action {text!r}")

    def _next_letter(self, letters: list[Letter], letter: Letter) -> None:
        letters.append(letter)
        self._letter_now = letter

    def _letter(self, mark: str, text: str) -> None:
        if mark == "L:":
            self.transcript.log.append(text)
            return
        if self._letter_now is None:
            self._next_letter(self.transcript.letters, Letter())
        assert self._letter_now is not None
        letter = self._letter_now
        if mark == "M:":
            letter.content = (letter.content or b"") + escapes.line(text)
        elif mark == "P:":
            letter.pattern.append(text)
        elif mark == "W:":
            letter.wire = (letter.wire or b"") + escapes.line(text)
        elif mark == "H:":
            letter.trace.append(text)
        else:
            letter.envelope.append(text)

    def _setting(self, mark: str, text: str) -> None:
        transcript = self.transcript
        if mark == "@":
            transcript.settings.append(text)
        elif mark == "@client":
            transcript.client_ip = text
        elif mark == "@implicit-tls":
            transcript.implicit_tls = True
        elif mark == "@play":
            transcript.modes = tuple(mode.strip() for mode in text.split(","))
        elif mark == "@relay":
            transcript.relay.keywords = keywords(text)
        elif mark == "@imap":
            transcript.imap.ways = imapscript.ways(text)
        elif mark == "@imap-unreachable":
            transcript.imap.is_reachable = False
        elif mark == "@imap-implicit-tls":
            transcript.imap.implicit_tls = True
        elif mark == "@proxy":
            transcript.relay.fields = text
        elif mark == "@no-relay":
            transcript.relay.is_configured = False
        elif mark == "@relay-unreachable":
            transcript.relay.is_reachable = False
        elif mark == "@relay-implicit-tls":
            transcript.relay.implicit_tls = True
        elif mark == "@relay-place":
            transcript.relay.place = text
        else:
            raise ValueError(f"unknown setting {mark}")


_LETTER_MARKS = ("M:", "P:", "W:", "H:", "E:", "L:")


def all_transcripts(folder: Path) -> Iterator[tuple[Transcript, str]]:
    """Every transcript under `folder`, with every way in which it is played."""
    for path in sorted(folder.rglob("*.smtp")):
        for transcript in load(path):
            for mode in transcript.modes:
                yield transcript, mode
