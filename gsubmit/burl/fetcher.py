"""A connection to an IMAP server that brings messages: their octets go straight to where they are kept."""

from __future__ import annotations

import hmac
import imaplib
import re
import ssl
from collections.abc import Iterator
from typing import Protocol

from gsubmit.burl.mailboxname import quoted, to_modified_utf7
from gsubmit.burl.url import ImapUrl, UrlAuth
from gsubmit.imap import ImapClient, ImapFault

INTERNAL = "INTERNAL"  # the one mechanism of RFC 4467 4
TO_THE_END = 2**31 - 1  # octets, for a PARTIAL without a length
BLOCK = 65536  # octets handed on at a time

# Extensions that imaplib has not heard of (RFC 4467), with the states that they are for.
imaplib.Commands.update({"URLFETCH": ("AUTH", "SELECTED"), "GENURLAUTH": ("AUTH", "SELECTED")})

_LITERAL = re.compile(rb"~?\{(\d+)\}$")
_STRING = rb'"((?:[^"\\\r\n]|\\["\\])*)"'
_URLFETCH = re.compile(rb"\* URLFETCH (?:%b|([^\s\"]+)) " % _STRING, re.IGNORECASE)
_FETCH = re.compile(rb"\* \d+ FETCH \(.*BODY\[[^\]]*\](?:<\d+>)? ", re.IGNORECASE | re.DOTALL)
_ESCAPE = re.compile(rb"\\(.)")


class Sink(Protocol):
    """Where content goes."""

    @property
    def room(self) -> int | None:
        """How many octets may still come; None for any number."""

    def take(self, content: bytes) -> None:
        """Add content."""


class TooBig(ImapFault):
    """There is more content than there is room for; none of it was read."""

    def __init__(self) -> None:
        super().__init__("the message is too big")


class NotResolved(Exception):
    """The URL leads to nothing that may be had. The reason is for the log."""

    def __init__(self, reason: str) -> None:
        super().__init__(reason)
        self.reason = reason


class TokenRefused(NotResolved):
    """The URL's token is not the one that its owner would get."""


class Fetcher(ImapClient):
    """One connection; use each method within `begun`. An ImapFault says that the connection is of no more use."""

    def __init__(self, host: str, port: int, tls_first: ssl.SSLContext | None, patience: float) -> None:
        self._sink: Sink | None = None
        self._heads: re.Pattern[bytes] | None = None  # what stands before the content
        self._url = b""  # whose content it is, for URLFETCH
        self._response = b""  # the lines of the response that is being read, with its literals
        self._ends_in_literal = False
        self.fetched = 0  # octets handed to the sink
        super().__init__(host, port, tls_first, patience)

    # Ways to get the content

    def urlfetch(self, url: ImapUrl, sink: Sink) -> None:
        """URLFETCH, with the URL as the client wrote it (RFC 4467 7). Raises NotResolved."""
        self._url = url.text.encode()
        answer = self._get(_URLFETCH, sink, "URLFETCH", quoted(url.text))
        if answer != "OK":
            raise NotResolved("the server says NO to URLFETCH")
        if not self._has_come:
            raise NotResolved("URLFETCH gives NIL")

    def check_token(self, authorization: UrlAuth) -> None:
        """Compare the token with the one that the owner, as whom we are logged in, gets for the same URL."""
        if authorization.mechanism != INTERNAL:
            raise TokenRefused("unknown URLAUTH mechanism")
        self.untagged_responses.pop("GENURLAUTH", None)
        answer, _ = self.xatom("GENURLAUTH", quoted(authorization.rump), INTERNAL)
        if answer != "OK":
            raise NotResolved("the server says NO to GENURLAUTH")
        made = b"".join(self._texts("GENURLAUTH")).strip(b'" \r\n').rpartition(b":")
        start = f"{authorization.rump}:{INTERNAL}".lower().encode()
        if made[0].lower() != start:
            raise TokenRefused("GENURLAUTH gives another URL")
        if not hmac.compare_digest(made[2].lower(), authorization.token.lower().encode()):
            raise TokenRefused("the token is not the owner's")

    def fetch_part(self, url: ImapUrl, sink: Sink) -> None:
        """EXAMINE the mailbox and FETCH the part, as a URL without a token has it (RFC 5092 6). Raises NotResolved."""
        answer, _ = self.select(quoted(to_modified_utf7(url.mailbox)), readonly=True)
        if answer != "OK":
            raise NotResolved("the server says NO to EXAMINE")
        if url.uidvalidity is not None and self._uidvalidity() != url.uidvalidity:
            raise NotResolved("another UIDVALIDITY")
        part = f"BODY.PEEK[{url.section}]"
        if url.partial is not None:
            offset, length = url.partial
            part += f"<{offset}.{length or TO_THE_END}>"
        answer = self._get(_FETCH, sink, "UID", "FETCH", str(url.uid), f"({part})")
        if answer != "OK":
            raise NotResolved("the server says NO to FETCH")
        if not self._has_come:
            raise NotResolved("no such message or part")

    def _uidvalidity(self) -> int | None:
        found = self.untagged_responses.get("UIDVALIDITY", [b""])[-1]
        return int(found) if isinstance(found, bytes) and found.isdigit() else None

    # Content

    def _get(self, heads: re.Pattern[bytes], sink: Sink, name: str, *arguments: str) -> str:
        """Run a command; content that stands behind one of `heads` goes to the sink. The tagged answer."""
        self._sink, self._heads = sink, heads
        self._has_come = False
        try:
            if name == "UID":
                answer = str(self.uid(*arguments)[0])
            else:
                answer = str(self.xatom(name, *arguments)[0])
        finally:
            self._sink = self._heads = None
            self.untagged_responses.clear()
        return answer

    def readline(self) -> bytes:
        """The next line; content in it that is no literal is taken here."""
        line = super().readline()
        self._response = self._response + line if self._ends_in_literal else line
        self._ends_in_literal = bool(_LITERAL.search(line.rstrip(b"\r\n")))
        if self._heads is not None and not self._ends_in_literal:
            self._take_string()
        return line

    def read(self, size: int) -> bytes:
        """A literal. The one that was asked for goes to the sink, a block at a time; b"" stands for it."""
        if not self._is_content(_LITERAL.sub(b"", self._response.rstrip(b"\r\n"))):
            octets = super().read(size)
            self._response = _LITERAL.sub(b"", self._response.rstrip(b"\r\n")) + b'"' + octets + b'"'
            return octets
        assert self._sink is not None
        room = self._sink.room
        if room is not None and size > room:
            raise TooBig
        while size:
            if not self._incoming and not self._receive():
                raise self.abort("socket error: EOF")
            block, self._incoming = self._incoming[:size], self._incoming[size:]
            size -= len(block)
            self._hand_on(block)
        self._has_come = True
        self._response = b""
        return b""

    def _take_string(self) -> None:
        """Take content from a response without a literal for it."""
        assert self._heads is not None
        matched = self._heads.match(self._response)
        if matched is None or not self._is_content(matched[0]):
            return
        text = re.match(_STRING, self._response[matched.end() :])
        if text is not None:
            self._hand_on(_ESCAPE.sub(rb"\1", text[1]))
            self._has_come = True

    def _is_content(self, head: bytes) -> bool:
        """Whether what follows `head` is what was asked for, and the first of it."""
        if self._heads is None or self._has_come:
            return False
        matched = self._heads.fullmatch(head)
        if matched is None:
            return False
        return self._heads is not _URLFETCH or _ESCAPE.sub(rb"\1", matched[1] or matched[2]) == self._url

    def _hand_on(self, block: bytes) -> None:
        assert self._sink is not None
        room = self._sink.room
        if room is not None and len(block) > room:
            raise TooBig
        self.fetched += len(block)
        self._sink.take(block)

    def _texts(self, name: str) -> Iterator[bytes]:
        """What the server said in untagged responses of a name, literals among it."""
        for part in self.untagged_responses.pop(name, []):
            yield from part if isinstance(part, tuple) else (part,)
