"""A connection to an IMAP server that brings messages: their octets go straight to where they are kept.

imaplib calls readline() for a line and, when that ends in `{SIZE}`, read(SIZE) for the literal and readline() for what
follows. Both are ours, and so content never passes through imaplib's lists:

    idle      nothing is asked for; responses are imaplib's
      | _get(): _asked says what stands before and behind the content
    asked     _response gathers what has come of one response, literals in it as quoted strings
      | read() and _response matches _asked.head:  the literal goes to the sink, b"" to imaplib
      | readline() and there is a quoted string behind _asked.head:  its text goes to the sink
    come      _has_come; _before is what stood before the content, _response begins anew behind it
      | the response's last line: _check_end() holds _response against _asked.end, and the UID
    whole     _before is empty again; the tagged answer ends imaplib's loop
"""

from __future__ import annotations

import hmac
import imaplib
import re
import ssl
from typing import NamedTuple, Protocol

from gsubmit.burl.url import ImapUrl, UrlAuth
from gsubmit.fairness import let_others_run
from gsubmit.net.imap import ImapClient, ImapFault, SaidNo
from gsubmit.net.mailboxname import quoted, to_modified_utf7

INTERNAL = "INTERNAL"  # the one mechanism of RFC 4467 4
TO_THE_END = 2**31 - 1  # octets, for a PARTIAL without a length
MAX_LITERALS = 16  # in one response; each costs a look at all that came before it

# Extensions that imaplib has not heard of (RFC 4467), with the states that they are for.
imaplib.Commands.update({"URLFETCH": ("AUTH", "SELECTED"), "GENURLAUTH": ("AUTH", "SELECTED")})

_LITERAL = re.compile(rb"~?\{(\d+)\}$")
_STRING = rb'"((?:[^"\\\r\n]|\\["\\])*)"'
_ASTRING = re.compile(rb"(?:%b|([^\s\"]+))" % _STRING)
_ESCAPE = re.compile(rb"\\(.)")
_TO_ESCAPE = re.compile(rb"([\"\\])")
_UID = re.compile(rb"[( ]UID (\d+)(?=[ )])", re.IGNORECASE)
# What may stand behind the content. Anything else is the rest of a literal that is longer than announced.
_END_OF_FETCH = re.compile(rb"(?: (?:UID \d+|MODSEQ \(\d+\)|FLAGS \([^()\r\n]*\)))*\)\r\n", re.IGNORECASE)
_END_OF_URLFETCH = re.compile(rb"\r\n")
_END_OF_BINARY = re.compile(rb"\)\r\n")
# A part stored as it is (RFC 5524 3.2): type, subtype, parameters, id, description, encoding.
_NSTRING = rb"(?:NIL|%b)" % _STRING
_STORED_BINARY = re.compile(
    rb'\S+ \(BODYPARTSTRUCTURE \(%b %b (?:NIL|\((?:%b ?)*\)) %b %b "BINARY" '
    % (_STRING, _STRING, _STRING, _NSTRING, _NSTRING),
    re.IGNORECASE,
)
_PART = re.compile(r"[\d.]+")
BINARY = frozenset({"URLAUTH=BINARY", "URLFETCH=BINARY"})  # RFC 5524 has both names


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


class NotResolved(SaidNo):
    """The URL leads to nothing that may be had."""


class TokenRefused(NotResolved):
    """The URL's token is not the one that its owner would get."""


class NoToken(NotResolved):
    """Its owner gets no token for the URL: there may be no such mailbox or message."""


class _Asked(NamedTuple):
    """The content that a command asks for: what stands before it and behind it, and its message if that is told."""

    head: re.Pattern[bytes]
    end: re.Pattern[bytes]
    uid: bytes = b""


class Fetcher(ImapClient):
    """One connection; use each method within `begun`. An ImapFault says that the connection is of no use any longer."""

    def __init__(self, host: str, port: int, tls_first: ssl.SSLContext | None, seconds: float) -> None:
        self._sink: Sink | None = None
        self._asked: _Asked | None = None
        self._response = b""  # what has come of the response that is being read, literals as quoted strings
        self._literals = 0  # in it
        self._ends_in_literal = False
        self._before = b""  # what stood before the content, until its response ends
        self._has_come = False  # content has
        self.fetched = 0  # octets handed to the sink
        super().__init__(host, port, tls_first, seconds)

    # Ways to get the content

    def urlfetch(self, url: ImapUrl, sink: Sink) -> None:
        """URLFETCH, with the URL as the client wrote it (RFC 4467 7). Raises NotResolved."""
        text = re.escape(url.text.encode())  # which holds neither quotes nor backslashes
        head = rb'\* (?i:URLFETCH) (?:"%b"|%b) ' % (text, text)
        answer = self._get(_Asked(re.compile(head), _END_OF_URLFETCH), sink, "URLFETCH", quoted(url.text))
        if answer == "OK" and not self._has_come and self._is_binary(url):
            asked = _Asked(re.compile(head + rb"\((?i:BINARY) "), _END_OF_BINARY)
            answer = self._get(asked, sink, "URLFETCH", f"({quoted(url.text)} BINARY)")
        if answer != "OK":
            raise NotResolved(f"the server says {answer} to URLFETCH")
        if not self._has_come:
            raise NotResolved("URLFETCH gives NIL")

    def _is_binary(self, url: ImapUrl) -> bool:
        """Whether the URL leads to a part that is stored as binary, whose NULs no plain URLFETCH can bring.

        Of any other part BINARY would bring the decoded octets, which its own MIME header contradicts (RFC 5524 1).
        """
        if BINARY.isdisjoint(self.capabilities) or not _PART.fullmatch(url.section):
            return False
        answer = self._say("URLFETCH", f"({quoted(url.text)} BODYPARTSTRUCTURE)")
        return answer == "OK" and _STORED_BINARY.match(self._said("URLFETCH")) is not None

    def check_token(self, authorization: UrlAuth) -> None:
        """Compare the token with the one that the owner, as whom we are logged in, gets for the same URL."""
        if authorization.mechanism != INTERNAL:
            raise TokenRefused("unknown URLAUTH mechanism")
        if self.state == "SELECTED":
            self.close()  # Dovecot looks into the mailbox as it was when it was opened, and misses what is new
        self.untagged_responses.pop("GENURLAUTH", None)
        answer = self._say("GENURLAUTH", quoted(authorization.rump), INTERNAL)
        if answer != "OK":
            raise NoToken(f"the server says {answer} to GENURLAUTH")
        said = _ASTRING.fullmatch(self._said("GENURLAUTH").strip())
        made = _ESCAPE.sub(rb"\1", (said[1] or said[2] or b"") if said else b"").rpartition(b":")
        start = f"{authorization.rump}:{INTERNAL}".lower().encode()
        if made[0].lower() != start:
            raise TokenRefused("GENURLAUTH gives another URL")
        if not hmac.compare_digest(made[2].lower(), authorization.token.lower().encode()):
            raise TokenRefused("the token is not the owner's")

    def fetch_part(self, url: ImapUrl, sink: Sink) -> None:
        """EXAMINE the mailbox and FETCH the part, as a URL without a token has it (RFC 5092 6). Raises NotResolved."""
        answer = self._say("EXAMINE", quoted(to_modified_utf7(url.mailbox)))
        if answer != "OK":
            raise NotResolved(f"the server says {answer} to EXAMINE")
        if url.uidvalidity is not None and self._uidvalidity() != url.uidvalidity:
            raise NotResolved("another UIDVALIDITY")
        offset, length = url.partial or (0, None)
        octets = f"<{offset}.{length or TO_THE_END}>" if url.partial is not None else ""
        # Servers may quote the names of fields or not. No bracket within: no octet is looked at twice.
        section = rb"[^\[\]]*" if "(" in url.section else re.escape(url.section.encode())
        origin = b"<%d>" % offset if octets else b""
        head = re.compile(rb'\* \d+ FETCH \([^"]*?BODY\[%b\]%b ' % (section, origin), re.IGNORECASE)
        asked = _Asked(head, _END_OF_FETCH, b"%d" % url.uid)
        items = f"(BODY.PEEK[{url.section}]{octets})"
        answer = self._get(asked, sink, "UID", "FETCH", str(url.uid), items)
        if answer != "OK":
            raise NotResolved(f"the server says {answer} to FETCH")
        if not self._has_come:
            raise NotResolved("no such message or part")

    def _uidvalidity(self) -> int | None:
        found = self.untagged_responses.get("UIDVALIDITY", [b""])[-1]
        return int(found) if isinstance(found, bytes) and found.isdigit() else None

    # Content

    def _get(self, asked: _Asked, sink: Sink, name: str, *arguments: str) -> str:
        """Run a command; the content that it asks for goes to the sink. The tagged answer."""
        self._sink, self._asked = sink, asked
        self._has_come = False
        try:
            answer = self._say(name, *arguments)
        finally:
            self._sink = self._asked = None
            self.untagged_responses.clear()
        if self._has_come and answer != "OK":
            raise ImapFault("content came, and then NO")
        return answer

    def _say(self, name: str, *arguments: str) -> str:
        """Run a command. The tagged answer, BAD too: some servers say so of URLs that lead to nothing (RFC 4467 7)."""
        try:
            match name:
                case "EXAMINE":
                    answer, _ = self.select(arguments[0], readonly=True)
                case "UID":
                    answer, _ = self.uid(*arguments)
                case _:
                    answer, _ = self.xatom(name, *arguments)
        except imaplib.IMAP4.error as error:
            if str(error).startswith(f"{name} command error: BAD "):  # imaplib's words
                return "BAD"
            raise
        return str(answer)

    def readline(self) -> bytes:
        """The next line; content in it that is no literal is taken here."""
        line = super().readline()
        if not self._ends_in_literal:
            self._response, self._literals = b"", 0
        self._response += line
        self._ends_in_literal = bool(_LITERAL.search(line.rstrip(b"\r\n")))
        if self._asked is not None and not self._ends_in_literal:
            self._take_string()
            self._check_end()
        return line

    def read(self, size: int) -> bytes:
        """A literal. The one that was asked for goes to the sink, a block at a time; b"" stands for it."""
        self._literals += 1
        if self._literals > MAX_LITERALS:
            raise self.error("endless literals")
        before = _LITERAL.sub(b"", self._response.rstrip(b"\r\n"))
        if not self._is_content(before):
            octets = super().read(size)
            self._response = before + _as_quoted(octets)
            return octets
        assert self._sink is not None
        room = self._sink.room
        if room is not None and size > room:
            raise TooBig
        self._has_come = True
        while size:
            block = self._there.read_some(size)
            if not block:
                raise self.abort("socket error: EOF")
            size -= len(block)
            self._hand_on(block)
            let_others_run()  # a server that is faster than our disk never makes us wait for it
        self._before, self._response = before, b""
        return b""

    def _take_string(self) -> None:
        """Take content from a response without a literal for it."""
        assert self._asked is not None
        matched = self._asked.head.match(self._response)
        if matched is None or not self._is_content(matched[0]):
            return
        text = re.match(_STRING, self._response[matched.end() :])
        if text is not None:
            self._has_come = True
            self._hand_on(_ESCAPE.sub(rb"\1", text[1]))
            self._before, self._response = matched[0], self._response[matched.end() + text.end() :]

    def _is_content(self, before: bytes) -> bool:
        """Whether what follows `before` is what was asked for, and the first of it."""
        asked = self._asked
        if asked is None or self._has_come or asked.head.fullmatch(before) is None:
            return False
        uid = _UID.search(before)
        return not asked.uid or uid is None or uid[1] == asked.uid

    def _check_end(self) -> None:
        """At the end of a response with content: it was whole, and of the message asked for (RFC 3501 6.4.8)."""
        if not self._before:
            return
        assert self._asked is not None
        if self._asked.end.fullmatch(self._response) is None:
            raise self.abort("content does not end where it should")
        uid = _UID.search(self._before) or _UID.search(self._response)
        if self._asked.uid and (uid is None or uid[1] != self._asked.uid):
            raise self.abort("content of another message")
        self._before = b""

    def _hand_on(self, block: bytes) -> None:
        assert self._sink is not None
        room = self._sink.room
        if room is not None and len(block) > room:
            raise TooBig
        self.fetched += len(block)
        self._sink.take(block)

    def _said(self, name: str) -> bytes:
        """What the server said in untagged responses of a name, literals as quoted strings."""
        said = b""
        for part in self.untagged_responses.pop(name, []):
            said += _LITERAL.sub(b"", part[0]) + _as_quoted(part[1]) if isinstance(part, tuple) else part
        return said


def _as_quoted(octets: bytes) -> bytes:
    return b'"' + _TO_ESCAPE.sub(rb"\\\1", octets) + b'"'
