"""A small IMAP client for tests: octets go and come unchanged, and URLAUTH, CATENATE and proxy logins are at hand."""

from __future__ import annotations

import base64
import re
import socket
import ssl
from dataclasses import dataclass, field
from types import TracebackType
from typing import Self
from urllib.parse import quote

from tests.harness.peer_process import HOST, TIMEOUT
from tests.harness.serving import certificate_folder

Value = bytes | None | list["Value"]  # an atom, a string or a literal; NIL; a parenthesized list

_LITERAL = re.compile(rb"~?\{(\d+)\}\r\n$")
_TEXTUAL = (b"OK", b"NO", b"BAD", b"BYE", b"PREAUTH")


@dataclass
class Answer:
    """The tagged response to a command, and what came before it."""

    status: str
    text: str
    untagged: list[list[Value]] = field(default_factory=list)

    @property
    def code(self) -> list[str]:
        """The words in brackets at the begin of the text."""
        found = re.match(r"\[(.*?)\]", self.text)
        return found[1].split() if found else []

    def of(self, name: str) -> list[list[Value]]:
        """The untagged responses of this name, without it."""
        return [line[1:] for line in self.untagged if line and line[0] == name.encode()]


class Refused(Exception):
    """NO or BAD."""

    def __init__(self, answer: Answer) -> None:
        super().__init__(f"{answer.status} {answer.text}")
        self.answer = answer


class ImapClient:
    """A connection. With `tls` STARTTLS, with `imaps` TLS at once; the certificate is verified."""

    def __init__(self, port: int, *, tls: bool = False, imaps: bool = False) -> None:
        self._socket = socket.create_connection((HOST, port), TIMEOUT)
        self._tags = 0
        if imaps:
            self._wrap()
        self._file = self._socket.makefile("rb")
        self.greeting = self._line()[0].decode()
        if tls:
            self.command("STARTTLS")
            self._wrap()
            self._file = self._socket.makefile("rb")

    def __enter__(self) -> Self:
        return self

    def __exit__(
        self, kind: type[BaseException] | None, value: BaseException | None, trace: TracebackType | None
    ) -> None:
        self.close()

    def close(self) -> None:
        """End the connection, without a word."""
        self._file.close()
        self._socket.close()

    def login(self, user: str, password: str, on_behalf_of: str = "") -> Self:
        """AUTHENTICATE PLAIN, for oneself or as a proxy for somebody else."""
        response = base64.b64encode(f"{on_behalf_of}\0{user}\0{password}".encode())
        tag = self._send("AUTHENTICATE PLAIN")
        self._line()
        self._socket.sendall(response + b"\r\n")
        self._answer(tag)
        return self

    def capability(self) -> set[str]:
        """The capabilities of now."""
        (names,) = self.command("CAPABILITY").of("CAPABILITY")
        return {name.decode() for name in names if isinstance(name, bytes)}

    def create(self, mailbox: str) -> None:
        self.command("CREATE", mailbox.encode())

    def append(self, mailbox: str, octets: bytes, *, literal8: bool = False) -> tuple[int, int]:
        """UIDVALIDITY and UID of the new message."""
        answer = self.command("APPEND", mailbox.encode(), Literal(octets, literal8))
        return _appended(answer)

    def catenate(self, mailbox: str, *parts: str | bytes) -> tuple[int, int]:
        """Append what is made of URLs (str) and texts (bytes): UIDVALIDITY and UID."""
        words: list[str | bytes | Literal] = []
        for part in parts:
            words += ["TEXT", Literal(part)] if isinstance(part, bytes) else ["URL", part.encode()]
        return _appended(self.command("APPEND", mailbox.encode(), "CATENATE", "(", *words, ")"))

    def expunge(self, mailbox: str, uid: int) -> None:
        """Delete one message for good."""
        self.command("SELECT", mailbox.encode())
        self.command("UID", "STORE", str(uid), "+FLAGS.SILENT", r"(\Deleted)")
        self.command("UID", "EXPUNGE", str(uid))
        self.command("UNSELECT")

    def fetch(self, mailbox: str, uid: int, section: str = "") -> bytes:
        """The octets of a message or of a part of it. Raises LookupError when it is gone."""
        self.command("EXAMINE", mailbox.encode())
        answers = self.command("UID", "FETCH", str(uid), f"BODY.PEEK[{section}]").of("FETCH")
        self.command("UNSELECT")
        for _, items in answers:  # another one tells of flags that somebody has changed (RFC 3501 7.4.2)
            assert isinstance(items, list)
            *names, octets = items
            if f"BODY[{section}]".encode() in names:
                assert isinstance(octets, bytes)
                return octets
        raise LookupError(f"no message {uid}")

    def genurlauth(self, rump: str) -> str:
        """The whole URL."""
        ((url,),) = self.command("GENURLAUTH", rump.encode(), "INTERNAL").of("GENURLAUTH")
        assert isinstance(url, bytes)
        return url.decode()

    def urlfetch(self, url: str) -> bytes | None:
        """What the URL means; None for one that is not valid."""
        ((echoed, octets),) = self.command("URLFETCH", url.encode()).of("URLFETCH")
        assert echoed == url.encode()
        assert octets is None or isinstance(octets, bytes)
        return octets

    def command(self, *words: str | bytes | Literal) -> Answer:
        """The answer to a command. Bytes are sent as a quoted string, str as it is."""
        return self._answer(self._send(*words))

    def _send(self, *words: str | bytes | Literal) -> bytes:
        self._tags += 1
        tag = b"t%d" % self._tags
        line = tag
        for word in words:
            line += b"" if line.endswith(b"(") or word == ")" else b" "
            if isinstance(word, Literal):
                self._socket.sendall(line + word.introduction + b"\r\n")
                self._continuation(tag)
                self._socket.sendall(word.octets)
                line = b""
            else:
                line += word.encode() if isinstance(word, str) else b'"%s"' % word
        self._socket.sendall(line + b"\r\n")
        return tag

    def _continuation(self, tag: bytes) -> None:
        while not (line := self._line()[0]).startswith(b"+"):
            if line.startswith(tag):
                raise Refused(_tagged(line))

    def _answer(self, tag: bytes) -> Answer:
        untagged = []
        while not (pieces := self._line())[0].startswith(tag + b" "):
            untagged.append(_parsed(pieces))
        answer = _tagged(pieces[0])
        answer.untagged = untagged
        if answer.status != "OK":
            raise Refused(answer)
        return answer

    def _line(self) -> list[bytes]:
        """A response: text, literal, text, literal, ..., text."""
        pieces: list[bytes] = []
        while True:
            line = self._file.readline()
            if not line.endswith(b"\r\n"):
                raise ConnectionError(f"ended within {line[:200]!r}")
            found = _LITERAL.search(line)
            if not found:
                return [*pieces, line[:-2]]
            pieces += [line[: found.start()], self._file.read(int(found[1]))]

    def _wrap(self) -> None:
        context = ssl.create_default_context(cafile=certificate_folder() / "ca.pem")
        self._socket = context.wrap_socket(self._socket, server_hostname="localhost")


@dataclass(frozen=True)
class Literal:
    """Octets for a command."""

    octets: bytes
    literal8: bool = False

    @property
    def introduction(self) -> bytes:
        return (b"~" if self.literal8 else b"") + b"{%d}" % len(self.octets)


def message_url(authority: str, user: str, mailbox: str, uidvalidity: int, uid: int) -> str:
    """RFC 5092's URL of a message; the mailbox is named as people read it, not in IMAP's UTF-7."""
    place = f"imap://{quote(user, safe='')}@{authority}/{quote(mailbox)}"
    return f"{place};UIDVALIDITY={uidvalidity}/;UID={uid}"


def _tagged(line: bytes) -> Answer:
    _, status, text = (line.decode() + " ").split(" ", 2)
    return Answer(status, text.strip())


def _appended(answer: Answer) -> tuple[int, int]:
    name, uidvalidity, uid = answer.code
    assert name == "APPENDUID"
    return int(uidvalidity), int(uid)


_TOKEN = re.compile(rb' *(?:"((?:[^"\\]|\\.)*)"|([()])|((?:\[[^\]]*\]|[^ ()"\[])+))')


def _parsed(pieces: list[bytes]) -> list[Value]:
    """The values of an untagged response, or its kind and its text where that is for people."""
    line = pieces[0].removeprefix(b"* ")
    if line.startswith(_TEXTUAL):
        return [*line.split(b" ", 1)]
    top: list[Value] = []
    open_lists = [top]
    for number, piece in enumerate([line, *pieces[1:]]):
        if number % 2:
            open_lists[-1].append(piece)
            continue
        for quoted, parenthesis, atom in _TOKEN.findall(piece):
            if parenthesis == b"(":
                inner: list[Value] = []
                open_lists[-1].append(inner)
                open_lists.append(inner)
            elif parenthesis:
                open_lists.pop()
            elif atom:
                open_lists[-1].append(None if atom.upper() == b"NIL" else atom)
            else:
                open_lists[-1].append(re.sub(rb"\\(.)", rb"\1", quoted))
    # `* 5 FETCH (...)`: the name comes first.
    return [top[1], top[0], *top[2:]] if len(top) > 1 and isinstance(top[0], bytes) and top[0].isdigit() else top
