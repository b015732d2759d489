"""A relay that lies: it refuses early, answers twice or not at all, lists CHUNKING and knows no BDAT, and so on, by chance.

It tells no lie that nobody could find out. A reply too many is glued to the one before it, so that it is there when
that one is read; whoever said 354, or has taken one chunk, reads content as content to its end; what it says last about
a message is true. What it has really taken is in `stored`, what it would carry out although a client wrote it into a
message is in `attacks`. Each reply bears a mark: what it answers, and for which message.
"""

from __future__ import annotations

import random
import re
import socket
import struct
from collections import Counter
from contextlib import suppress
from dataclasses import dataclass, field

import gevent

KEYWORDS = ("PIPELINING", "SIZE 50000000", "8BITMIME", "DSN", "SMTPUTF8", "VRFY")
NO_BDAT = (500, 501, 502, 503, 504, 421, 451, 550)  # what servers without BDAT, and proxies before others, answer it
REFUSALS = (421, 450, 451, 452, 500, 502, 503, 504, 530, 550, 552, 554, 571)
ODD = (220, 221, 235, 334, 354)  # no answer to any command of a transaction
TOKEN = re.compile(rb"u\d+x\d+")
MARK = re.compile(r"=(\w+) ([\w-]+)=")
ENOUGH = 100  # lines of content that one connection carries out
_OWN_VERBS = (b"EHLO", b"HELO", b"MAIL", b"RCPT", b"DATA", b"BDAT", b"RSET", b"NOOP", b"QUIT", b"VRFY", b"XCLIENT")
_LOGIN = re.compile(rb" LOGIN=(\S+)")
_PATH = re.compile(rb"<([^>]*)>")
_RESET_ON_CLOSE = struct.pack("ii", 1, 0)


def body_lines(token: str) -> list[bytes]:
    """Lines that would be commands if a relay took them for such: in no spelling of ours, or with a word of their own."""
    evil = f"evil-{token}".encode()
    return [
        b"nOoP", b"rSeT", b"NOOP " + evil, b"MAIL FROM:<" + evil + b"@example.org>", b"rcpt to:<" + evil + b"@example.net>",
        b"dAtA", b".", b"..", evil + b" text", b"qUiT", b"vrfy " + evil, b"bDaT 3", b"ehlo " + evil, b"",
    ]  # fmt: skip


def _is_of_a_body(line: bytes) -> bool:
    return b"evil-" in line or line.split(b" ")[0] in (b"nOoP", b"rSeT", b"dAtA", b"qUiT", b"bDaT", b".", b"..")


@dataclass
class Stored:
    """A message that the relay took: its envelope, who the relay took the client for, and what it was told about it."""

    sender: str
    recipients: tuple[str, ...]
    login: str
    content: bytes
    is_plain: bool  # the relay said 250 and nothing else, and told no lie in all of the transaction


@dataclass
class LyingRelay:
    """`steady`: all connections have the same keywords, and know BDAT or not; `timeout` is how long its client waits.

    `counts`: it never says more than it was asked, so that its connections are kept in spite of its other lies.
    Once `is_honest`, no connection tells lies any more; those that know no BDAT still list it.
    """

    seed: int
    timeout: float
    steady: bool = False
    xclient: bool = False
    counts: bool = False
    rate: float | None = None  # of replies that are lies; None: one for each connection
    host: str = "127.0.0.1"
    port: int = 0
    is_honest: bool = False
    stored: list[Stored] = field(default_factory=list, repr=False)
    attacks: list[bytes] = field(default_factory=list, repr=False)
    lies: Counter[str] = field(default_factory=Counter)
    connections: int = 0
    _open: set[gevent.Greenlet[..., None]] = field(default_factory=set, repr=False)

    def start(self) -> None:
        """Listen."""
        self._listener = socket.create_server((self.host, 0), backlog=256)
        self.port = self._listener.getsockname()[1]
        self._acceptor = gevent.spawn(self._accept)

    def stop(self) -> None:
        """End all connections."""
        self._acceptor.kill()
        self._listener.close()
        gevent.killall(list(self._open))

    @property
    def is_left(self) -> bool:
        """Whether nobody is connected."""
        return not self._open

    def _accept(self) -> None:
        while True:
            sock, _ = self._listener.accept()
            self.connections += 1
            greenlet = gevent.spawn(self._serve, sock, self.connections)
            self._open.add(greenlet)
            greenlet.link(self._open.discard)

    def _serve(self, sock: socket.socket, number: int) -> None:
        sock.setsockopt(socket.IPPROTO_TCP, socket.TCP_NODELAY, 1)
        talk = Talk(self, sock, random.Random(f"{self.seed} {number}"))
        try:
            talk.converse()
        except (OSError, Gone):
            pass
        finally:
            with suppress(OSError):  # no TIME_WAIT: many thousand connections would use up the ports
                sock.setsockopt(socket.SOL_SOCKET, socket.SO_LINGER, _RESET_ON_CLOSE)
            sock.close()

    def character(self, own: random.Random) -> Character:
        """What a new connection is like."""
        chance = random.Random(self.seed) if self.steady else own
        keywords = [keyword for keyword in KEYWORDS if chance.random() < 0.7]
        if chance.random() < 0.75:
            keywords.append("CHUNKING")
        knows_bdat = chance.random() < 0.6
        # Of connections that are kept, those would be left in the end that tell no lies.
        rates = (0.02,) if self.counts else (0.0, 0.0, 0.02, 0.1, 0.25)
        rate = own.choice(rates) if self.rate is None else self.rate
        return Character([*keywords, *(["XCLIENT NAME ADDR PORT PROTO HELO LOGIN"] if self.xclient else [])], knows_bdat, rate, own.choice((0.0, 0.0, 0.0, 0.003, 0.02)))  # fmt: skip


@dataclass
class Character:
    """Keywords, whether BDAT is known, the share of lies, and how long each answer takes in seconds."""

    keywords: list[str]
    knows_bdat: bool
    rate: float
    delay: float


class Gone(Exception):
    """The connection is over."""


class Talk:
    """One connection."""

    def __init__(self, relay: LyingRelay, sock: socket.socket, chance: random.Random) -> None:
        self.relay = relay
        self.sock = sock
        self.chance = chance
        self.character = relay.character(chance)
        self.input = b""
        self.output = b""
        self.login = ""
        self.attacks = 0
        self.last = "-"  # the message that MAIL was last said for, refused or not
        self.had_xclient = False
        self._forget()

    def _forget(self) -> None:
        """No transaction."""
        self.sender = ""
        self.recipients: list[str] = []
        self.chunks = b""
        self.has_chunk_failed = False
        self.has_lied = False

    # The connection

    def converse(self) -> None:
        """All of it. Raises Gone or OSError."""
        self._answer(220, "GREETING", "-")
        while True:
            line = self._line()
            if self.character.delay:
                self._flush()
                gevent.sleep(self.character.delay)
            if _is_of_a_body(line):
                self.relay.attacks.append(line)
                self.attacks += 1
                if self.attacks == ENOUGH:
                    raise Gone
            verb = line.split(b" ")[0].upper()
            found = TOKEN.search(line)
            token = found[0].decode() if found else TOKEN_OF.get(verb, self.sender) or "-"
            if verb == b"BDAT":
                self._bdat(line)
            elif verb == b"DATA":
                self._data()
            elif verb == b"MAIL":
                self._mail(line, token)
            elif verb == b"RCPT":
                self._rcpt(line, token)
            elif verb == b"QUIT":
                self._answer(221, "QUIT", "-")
                self._flush()
                raise Gone
            elif verb in (b"EHLO", b"HELO", b"XCLIENT"):
                self._introduction(verb.decode(), line)
            elif verb in _OWN_VERBS:
                if self._answer(252 if verb == b"VRFY" else 250, verb.decode(), token) and verb == b"RSET":
                    self._forget()
            else:
                self._say(500, "UNKNOWN", "-")

    def _introduction(self, verb: str, line: bytes) -> None:
        self._forget()
        if verb == "XCLIENT":
            if self._answer(220, verb, "-"):
                self.had_xclient = True
                login = _LOGIN.search(line)
                self.login = login[1].decode() if login else ""
            return
        keywords = self.character.keywords if verb == "EHLO" else []
        if self.had_xclient and self.chance.random() < self.character.rate:
            keywords = [keyword for keyword in keywords if self.chance.random() < 0.6]
            self.relay.lies["EHLO other keywords after XCLIENT"] += 1
        self._answer(250, verb, "-", keywords)

    def _mail(self, line: bytes, token: str) -> None:
        if self.sender:
            self.last = token
            self._say(503, "MAIL", token)
            return
        self._forget()
        self.last = token
        if self._answer(250, "MAIL", token):
            self.sender = token
        else:
            self.has_lied = True

    def _rcpt(self, line: bytes, token: str) -> None:
        if not self.sender:
            code = self.chance.choice((503, 503, 250))  # some forget to look
            self._say(code, "RCPT", token)
            return
        path = _PATH.search(line)
        if self._answer(250, "RCPT", token) and path:
            self.recipients.append(path[1].decode())

    # Content

    def _data(self) -> None:
        token = self.last
        if not (self.sender and self.recipients):
            self._say(self.chance.choice((503, 554)), "DATA", token)
            return
        if not self._lies():
            self._say(354, "DATA", token)
        else:
            match self._lie("DATA", "250", "refused", "354 and more", "354 and the end", "else"):
                case "250":
                    self._say(250, "DATA", token)
                    return
                case "refused":
                    self._refuse("DATA", token)
                    return
                case "354 and more":
                    self._say(354, "DATA", token)
                    self._say_more(token)
                case "354 and the end":
                    self._say(354, "DATA", token)
                    self._flush()
                    raise Gone
                case _:
                    if self._misbehave("DATA", token) is not None:
                        return
                    self._say(354, "DATA", token)
        self._flush()
        content = b""
        is_early = False
        while not (content.startswith(b".\r\n") or b"\r\n.\r\n" in content):
            if not is_early and len(content) > 60_000 and self._lies():
                is_early = self._early("DATA", "END", token)
            content += self._take()
        end = 0 if content.startswith(b".\r\n") else content.index(b"\r\n.\r\n") + 2
        self.input = content[end + 3 :]
        self.chunks = re.sub(rb"(?m)^\.", b"", content[:end])
        self._end(is_answered=is_early)

    def _bdat(self, line: bytes) -> None:
        token = self.last
        if not self.character.knows_bdat:
            self.relay.lies["BDAT unknown"] += 1
            self.has_lied = True
            code = self.chance.choice(NO_BDAT)
            self._say(code, "BDAT", token)
            if code == 421 and self.chance.random() < 0.5:
                self._flush()
                raise Gone
            return
        size, is_last = int(line.split()[1]), line.upper().endswith(b"LAST")
        is_answered = False
        if not (self.sender and self.recipients) or self.has_chunk_failed:
            self._say(503, "BDAT", token)
            self.has_chunk_failed = is_answered = True
        elif self._lies():
            is_answered = self._early("BDAT", "END" if is_last else "BDAT", token)
        content, is_answered = self._read(size, token, is_last=is_last, is_answered=is_answered)
        if self.has_chunk_failed:
            if is_last:
                self._forget()
            return
        self.chunks += content
        if is_last:
            self._end(is_answered=is_answered)
        elif not is_answered and not self._answer(250, "BDAT", token):
            self.has_chunk_failed = True

    def _read(self, size: int, token: str, *, is_last: bool, is_answered: bool) -> tuple[bytes, bool]:
        """Content by number, and whether it was answered before all of it had come."""
        content, self.input = self.input[:size], self.input[size:]
        while len(content) < size:
            if not is_answered and len(content) > 60_000 and self._lies():
                is_answered = self._early("BDAT", "END" if is_last else "BDAT", token)
            content += self._take(size - len(content))
        return content, is_answered

    def _early(self, verb: str, promise: str, token: str) -> bool:
        """Answer before the content has come; true. What was promised so is done, if all of it comes."""
        if self._lie(verb, "250 early", "refused early") == "250 early":
            self._say(250, promise, token)
            self._flush()
            return True
        self.has_chunk_failed = True
        self._refuse(verb, token)
        self._flush()
        if self.chance.random() < 0.2:  # and an end in the middle
            raise Gone
        return True

    def _end(self, *, is_answered: bool) -> None:
        """A whole message is there."""
        token = self.sender
        mail = Stored(token, tuple(self.recipients), self.login, self.chunks, is_plain=not self.has_lied)
        has_failed = self.has_chunk_failed
        lied = self.has_lied
        self._forget()
        if is_answered:
            if not has_failed:
                mail.is_plain = False
                self.relay.stored.append(mail)
            return
        if not self._lies():
            mail.is_plain = mail.is_plain and not lied
            self.relay.stored.append(mail)
            self._say(250, "END", token)
            return
        mail.is_plain = False
        lie = self._lie("END", "refused", "refused", "stored and gone", "stored, gone after half a line", "stored, mute", "250 and more", "refused and more")  # fmt: skip
        if lie.startswith(("stored", "250")):
            self.relay.stored.append(mail)
        if lie.startswith("refused"):
            self._refuse("REFUSED", token)
        elif lie == "250 and more":
            self._say(250, "END", token)
        if lie.endswith("and more"):
            self._say_more(token)
        if lie == "stored, gone after half a line":
            self.output += b"250 2.0.0 =END"
        self._flush()
        if "gone" in lie:
            raise Gone
        if "mute" in lie:
            gevent.sleep(self.relay.timeout * 1.3)
            self._say(250, "END", token)
        self._forget()

    # Answers, true and other

    def _lies(self) -> bool:
        return not self.relay.is_honest and self.chance.random() < self.character.rate

    def _lie(self, verb: str, *choices: str) -> str:
        choice = self.chance.choice(choices)
        self.relay.lies[f"{verb} {choice}"] += 1
        self.has_lied = True
        return choice

    def _answer(self, code: int, verb: str, token: str, more: list[str] | None = None) -> bool:
        """Answer a command; whether it is carried out."""
        if self._lies() and (is_carried_out := self._misbehave(verb, token)) is not None:
            return is_carried_out
        self._say(code, verb, token, more)
        return True

    def _misbehave(self, verb: str, token: str) -> bool | None:
        """Some lie; whether the command is carried out then, or None when it still has to be, and answered."""
        choice = self._lie(verb, "refused", "refused", "refused", "odd", "twice", "twice", "twice", "gone", "half", "nonsense", "late", "slow")  # fmt: skip
        if choice == "refused":
            self._refuse(verb, token)
        elif choice == "odd":
            code = self.chance.choice(ODD[:-1] if verb == "DATA" else ODD)  # 354 is what DATA asks for
            self._say(code, verb, token)
            return code // 100 == 2
        elif choice == "twice":
            self._drain()
            first = self.chance.choice((250, 250, 550))
            self._say(first, verb, token)
            self._say_more(token)
            self.character.delay = 0.0  # the rest of the batch is answered in the same breath
            return first == 250
        elif choice == "nonsense":
            self.output += b"2x0 hello\r\n\r\nwhat\r\n"
        elif choice in ("gone", "half"):
            self.output += b"25" if choice == "half" else b""
            self._flush()
            raise Gone
        else:
            self._flush()
            gevent.sleep(self.relay.timeout * 1.3 if choice == "late" else 0.03)
            return None
        return False

    def _say_more(self, token: str) -> None:
        """What nobody has asked for. 421 is said to nobody in particular."""
        if self.relay.counts:
            return
        code = self.chance.choice((250, 250, 250, 550, 554, 354, 421))
        self._say(code, "BYE" if code == 421 else "EXTRA", token)

    def _refuse(self, verb: str, token: str) -> None:
        code = self.chance.choice(REFUSALS)
        self._say(code, verb, token)
        if code == 421 and self.chance.random() < 0.5:
            self._flush()
            raise Gone

    def _drain(self) -> None:
        """Take in what is on its way, so that its answers go out together with the lie."""
        self._flush()
        gevent.sleep(0.002)
        with suppress(BlockingIOError, TimeoutError):
            self.sock.settimeout(0)
            self.input += self.sock.recv(65536)
        self.sock.settimeout(None)

    def _say(self, code: int, verb: str, token: str, more: list[str] | None = None) -> None:
        """A reply with its mark."""
        status = f"{code // 100}.0.0 " if code // 100 in (2, 4, 5) and verb not in ("EHLO", "HELO", "GREETING") else ""
        lines = [f"{status}={verb} {token}=", *(more or [])]
        marks = ["-"] * (len(lines) - 1) + [" "]
        self.output += b"".join(f"{code}{mark}{line}\r\n".encode() for mark, line in zip(marks, lines, strict=True))

    def _flush(self) -> None:
        octets, self.output = self.output, b""
        if octets:
            self.sock.sendall(octets)

    # Input

    def _line(self) -> bytes:
        while b"\r\n" not in self.input:
            self._flush()
            self.input += self._receive()
        line, _, self.input = self.input.partition(b"\r\n")
        return line

    def _take(self, most: int = 65536) -> bytes:
        if self.input:
            octets, self.input = self.input, b""
            return octets
        return self._receive(most)

    def _receive(self, most: int = 65536) -> bytes:
        octets = self.sock.recv(min(most, 65536))
        if not octets:
            raise Gone
        return octets


# Commands that name no message, and belong to none.
TOKEN_OF = {b"RSET": "-", b"NOOP": "-", b"EHLO": "-", b"HELO": "-", b"XCLIENT": "-", b"QUIT": "-"}
