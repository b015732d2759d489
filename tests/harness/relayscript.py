"""What a transcript says about the relay: scripts for its connections, and what it must have got in the end."""

from __future__ import annotations

import re
from dataclasses import dataclass, field

EVERY_OTHER = 0  # the number that stands for all connections without a script of their own
KEYWORDS = (
    "PIPELINING", "SIZE 52428800", "8BITMIME", "ENHANCEDSTATUSCODES", "DSN", "SMTPUTF8", "CHUNKING", "BINARYMIME", "VRFY",
)  # fmt: skip


_OURS = " BODY=8BITMIME"  # what the server says of messages of which the client has said nothing


def as_written(line: str, text: str) -> str:
    """MAIL as a transcript would have it that has `text` for it: BODY=8BITMIME may be left out there."""
    return line if "BODY=" in text or not line.startswith("MAIL ") else line.replace(_OURS, "", 1)


# How a header may begin: with a field, or with the empty line that says there is none.
_HEADER = re.compile(rb"[!-9;-~]+[ \t]*:|\r\n")


def begun(content: bytes) -> bytes:
    """Content that a test gives without a header has the empty line in front, as it has to come out."""
    return content if _HEADER.match(content) else b"\r\n" + content


@dataclass(frozen=True)
class Hears:
    """`R> line`: the next command must look like this."""

    line: re.Pattern[bytes]
    text: str

    def fits(self, line: bytes) -> bool:
        """Whether the command looks like this."""
        return self.line.fullmatch(as_written(line.decode("latin-1"), self.text).encode("latin-1")) is not None


@dataclass(frozen=True)
class Says:
    """`R< line`: octets to send."""

    octets: bytes


@dataclass(frozen=True)
class Reads:
    """`R-- READS n OCTETS --`: of the content, instead of all of it."""

    count: int


@dataclass(frozen=True)
class Does:
    """`R-- CLOSES --`, `RESETS`, `SILENT` (says no more, until the other side closes), `DEAF` (nor reads), `TLS`."""

    what: str


@dataclass(frozen=True)
class Waits:
    """`R-- WAITS n MS --`."""

    seconds: float


@dataclass(frozen=True)
class TakesScram:
    """`R-- SCRAM user:password --`: what comes after AUTH, and `WRONGLY` or `EARLY`, what is wrong with it."""

    user: str
    password: str
    authorization_id: str
    flaw: str


Step = Hears | Says | Reads | Does | Waits | TakesScram


@dataclass
class RelayScript:
    """All that is special about the relay of one transcript."""

    keywords: tuple[str, ...] = KEYWORDS
    is_configured: bool = True
    fields: str | None = None  # of a passdb that makes it a backend of the login proxy, and no relay
    is_reachable: bool = True
    implicit_tls: bool = False
    place: str = "127.0.0.1"  # or "unix", or "outside": an address of this machine that others can reach
    connections: dict[int, list[Step]] = field(default_factory=dict)

    def steps(self, number: int) -> list[Step]:
        """The script of the connection with this number, the first being 1."""
        return list(self.connections.get(number, self.connections.get(EVERY_OTHER, [])))


def keywords(text: str) -> tuple[str, ...]:
    """`@relay` with a list divided by commas; `-CHUNKING` takes one away, `+` adds, a bare list says all."""
    items = [item.strip() for item in text.split(",") if item.strip()]
    if not any(item[0] in "+-" for item in items):
        return tuple(items)
    said = list(KEYWORDS)
    for item in items:
        name = item[1:].split()[0]
        said = [keyword for keyword in said if keyword.split()[0] != name]
        if item[0] == "+":
            said.append(item[1:])
    return tuple(said)


_STEPS = re.compile(
    r"(?P<what>CLOSES|RESETS|SILENT|DEAF|TLS)|READS (?P<count>\d+) OCTETS|WAITS (?P<ms>\d+) MS"
    r"|SCRAM (?P<user>[^ :]+):(?P<password>[^ ]+)(?: FOR (?P<for>[^ ]+))?(?: (?P<flaw>WRONGLY|EARLY))?"
)


def action(text: str) -> Step:
    """The step that `R-- text --` names. Raises ValueError."""
    found = _STEPS.fullmatch(text)
    if found is None:
        raise ValueError(f"unknown relay action {text!r}")
    if found["what"]:
        return Does(found["what"])
    if found["user"]:
        return TakesScram(found["user"], found["password"], found["for"] or "", found["flaw"] or "")
    if found["count"]:
        return Reads(int(found["count"]))
    return Waits(int(found["ms"]) / 1000)
