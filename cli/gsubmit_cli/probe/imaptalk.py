"""The conversation with an IMAP server: commands with what they ask for, and tagged responses."""

from __future__ import annotations

import re
from collections.abc import Iterator
from dataclasses import dataclass

from gsubmit_cli.probe.connection import Connection
from gsubmit_cli.probe.failure import Broken, Failure, Stage
from gsubmit_cli.probe.imaphints import IMAP_TROUBLE, MISSING, response_hint

MAX_LINES = 500  # of one response

_CODE = re.compile(r"\[([^\]]*)\]")
_LITERAL = re.compile(r"\{([0-9]{1,5})\}$")


@dataclass(frozen=True)
class Piece:
    """What follows after the server has asked for more, and how it is shown."""

    octets: bytes
    shown: str


@dataclass(frozen=True)
class Response:
    """The tagged response to a command, and the untagged ones before it without their `* `."""

    status: str  # OK, NO or BAD
    text: str
    untagged: tuple[str, ...]

    @property
    def code(self) -> list[str]:
        """The words of the response code, the first in upper case (RFC 3501 7.1); none when there is no code."""
        found = _CODE.match(self.text)
        words = found[1].split() if found else []
        return [*map(str.upper, words[:1]), *words[1:]]

    def of(self, name: str) -> list[str]:
        """What stands behind `name` in untagged responses."""
        pairs = (line.partition(" ") for line in self.untagged)
        return [rest for word, _, rest in pairs if word.upper() == name]


class ImapConversation(Connection):
    """Says commands and hears responses."""

    prefix = "IMAP "
    stages = (Stage.IMAP_CONNECT, Stage.IMAP_GREETING, Stage.IMAP_TLS)
    farewell = "LOGOUT"
    _tags = 0

    def trouble_hint(self, trouble: Broken) -> str:
        """What to look at when the connection itself failed."""
        return IMAP_TROUBLE[trouble.kind].format(host=self.target.host, port=self.target.port)

    def missing(self, keyword: str) -> Failure:
        """The present step as one that needs what the server does not have."""
        return self.failure(f"the server does not have the capability {keyword}", MISSING[keyword])

    def refusal(self, response: Response) -> Failure:
        """The present step as one that the server refused."""
        words = self.transcript.masked(f"{response.status} {response.text}".rstrip())
        return self.failure(words, response_hint(response.code, self.stage))

    def say(self, line: str, *pieces: Piece, shown: str | None = None) -> Response:
        """Say a command, and a piece whenever the server asks for more; `shown` stands for a line with a secret."""
        self._tags += 1
        tag = f"a{self._tags}"
        self.transcript.sent(f"{tag} {line if shown is None else shown}")
        self.wire.send(f"{tag} {line}\r\n".encode())
        return self._response(tag, iter(pieces))

    def demand(self, line: str, *pieces: Piece, shown: str | None = None) -> Response:
        """Say a command that must succeed. Raises Failure."""
        response = self.say(line, *pieces, shown=shown)
        if response.status != "OK":
            raise self.refusal(response)
        return response

    def _response(self, tag: str, pieces: Iterator[Piece]) -> Response:
        untagged: list[str] = []
        for _ in range(MAX_LINES):
            line = self._line()
            start, _, rest = line.partition(" ")
            if start == "+":
                piece = next(pieces, None)
                if piece is None:
                    raise Broken("garbage", "the server asks for more than there is")
                self.transcript.sent(piece.shown)
                self.upload(piece.octets + b"\r\n")
            elif start == tag:
                status, _, text = rest.partition(" ")
                if status.upper() not in ("OK", "NO", "BAD") or (status.upper() == "OK" and next(pieces, None)):
                    raise Broken("garbage", "this is no answer to what was asked")
                return Response(status.upper(), text, tuple(untagged))
            else:
                untagged.append(self.untagged(line))
        raise Broken("garbage", f"a response of more than {MAX_LINES} lines")

    def untagged(self, line: str) -> str:
        """What is in an untagged response, as all but an answer is."""
        if not line.startswith("* "):
            raise Broken("garbage", "the answer is not an IMAP response")
        return line[2:]

    def _line(self) -> str:
        """A line, and what belongs to it. Nothing that we ask for comes in literals with line ends in them."""
        line = self.hear_line()
        found = _LITERAL.search(line)
        if found is None or not line.startswith("*"):
            return line
        rest = self._line()
        size = int(found[1])
        return f'{line[: found.start()]}"{rest[:size]}"{rest[size:]}'
