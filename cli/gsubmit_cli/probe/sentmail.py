"""The message in the Sent mailbox: what a client of BURL does at the IMAP server before it submits (RFC 5550 8.4.1)."""

from __future__ import annotations

import base64
import re
from dataclasses import dataclass, replace
from email.parser import BytesHeaderParser
from urllib.parse import quote

from gsubmit.burl.url import BadUrl, ImapUrl
from gsubmit.net.mailboxname import BadMailboxName, quoted, to_modified_utf7
from gsubmit_cli.probe.failure import Stage
from gsubmit_cli.probe.imaptalk import ImapConversation, Piece
from gsubmit_cli.probe.interrupt import Interrupted
from gsubmit_cli.probe.message import Message
from gsubmit_cli.probe.target import Target
from gsubmit_cli.probe.transcript import MASK, Transcript

_NUMBERS = re.compile(r"[1-9][0-9]{0,9}")
_UIDVALIDITY = re.compile(r"OK \[UIDVALIDITY ([1-9][0-9]{0,9})\]", re.IGNORECASE)


@dataclass(frozen=True)
class SentMailbox:
    """Where the message goes, and for whom its URL is. `authority` is the server's HOST[:PORT] in the URL."""

    target: Target
    authority: str
    name: str
    submitter: str

    def rump(self, uidvalidity: int, uid: int) -> str:
        """The URL of a message without a token (RFC 4467 9)."""
        place = f"imap://{quote(self.target.user or '', safe='')}@{self.authority}/{quote(self.name)}"
        return f"{place};UIDVALIDITY={uidvalidity}/;UID={uid};URLAUTH=submit+{quote(self.submitter, safe='')}"

    @property
    def quoted(self) -> str:
        """Its name in a command. Raises ValueError."""
        return quoted(to_modified_utf7(self.name))

    def check(self) -> None:
        """Raise ValueError where these cannot stand in a command or a URL."""
        try:
            ImapUrl.parse(f"{self.rump(1, 1)}:INTERNAL:{'0' * 32}")
        except BadUrl as error:
            raise ValueError(f"{self.authority!r} or {self.name!r} cannot stand in a URL: {error}") from error
        try:
            _ = self.quoted
        except BadMailboxName as error:
            raise ValueError(f"{self.name!r} is no mailbox: {error}") from error


class SentMail(ImapConversation):
    """One IMAP session that stores a message and asks for its URL; the first step that fails raises a Failure."""

    def __init__(self, mailbox: SentMailbox, transcript: Transcript) -> None:
        super().__init__(mailbox.target, transcript)
        self.mailbox = mailbox
        self.offered: list[str] = []
        self.place: tuple[int, int] | None = None  # UIDVALIDITY and UID of the stored message

    def store(self, message: Message) -> str:
        """Do it all; the URL, which is a secret."""
        try:
            self.open()
            self._log_in()
            self.place = self._append(message)
            return self._url(*self.place)
        except Interrupted:
            self.is_open = False
            raise
        finally:
            self.close()

    def again(self, target: Target) -> SentMail:
        """The same for another connection, which nobody is shown."""
        return SentMail(replace(self.mailbox, target=target), Transcript())

    def greet(self) -> None:
        """OK, or the end. PREAUTH would be the end of all this before TLS, and proves nothing."""
        greeting = self.untagged(self.hear_line())
        if greeting.partition(" ")[0].upper() != "OK":
            self.is_open = False
            raise self.failure(self.transcript.masked(greeting), "the server does not let anybody log in now")

    def ask(self, when: str = "") -> None:
        """CAPABILITY."""
        with self.step(f"IMAP CAPABILITY{when}", Stage.IMAP_GREETING):
            lines = self.demand("CAPABILITY").of("CAPABILITY")
            self.offered = [word.upper() for line in lines for word in line.split()]

    def _log_in(self) -> None:
        """AUTHENTICATE PLAIN, or LOGIN where that is not offered."""
        target = self.target
        name = (target.user or "").encode()
        response = base64.b64encode(target.plain)
        self.transcript.hide(target.password, target.plain)
        with self.step("IMAP login", Stage.IMAP_AUTH):
            if self.tls is None:
                self.transcript.note("the password travels in clear text, within this machine")
            if "AUTH=PLAIN" in self.offered and "SASL-IR" in self.offered:
                line = "AUTHENTICATE PLAIN"
                self.demand(f"{line} {response.decode()}", shown=f"{line} {MASK}")
            elif "AUTH=PLAIN" in self.offered:
                self.demand("AUTHENTICATE PLAIN", Piece(response, MASK))
            elif "LOGINDISABLED" in self.offered:
                raise self.missing("AUTH=PLAIN or LOGIN")
            else:  # literals, for quoted strings cannot hold everything; the first one ends with the size of the second
                size = b" {%d}" % len(target.password)
                password = Piece(target.password, MASK)
                shown = target.user or ""
                self.demand(f"LOGIN {{{len(name)}}}", Piece(name + size, f"{shown} {{...}}"), password)
        self.ask(" after login")
        with self.step("IMAP URLAUTH", Stage.IMAP_URLAUTH):
            self.need("URLAUTH")

    def _append(self, message: Message) -> tuple[int, int]:
        """Store the message as one that has been read, as clients store what they have sent."""
        size = len(message.octets)
        with self.step("IMAP APPEND", Stage.IMAP_APPEND):
            self.transcript.note(*message.remarks)
            literal = Piece(message.octets, f"<{size} octets>")
            response = self.demand(f"APPEND {self.mailbox.quoted} (\\Seen) {{{size}}}", literal)
            code = response.code
            if len(code) == 3 and code[0] == "APPENDUID" and all(map(_NUMBERS.fullmatch, code[1:])):
                return int(code[1]), int(code[2])
        return self._found(message)

    def _found(self, message: Message) -> tuple[int, int]:
        """Where a server without UIDPLUS has put the message."""
        with self.step("IMAP SEARCH", Stage.IMAP_APPEND):
            self.transcript.note("no APPENDUID in the answer: the message is looked for by its Message-ID")
            name = str(BytesHeaderParser().parsebytes(message.octets).get("Message-ID", "")).strip()
            if not name or not name.isascii() or not name.isprintable():
                raise self.missing("UIDPLUS")
            lines = self.demand(f"EXAMINE {self.mailbox.quoted}").untagged
            uidvalidities = [found[1] for line in lines if (found := _UIDVALIDITY.match(line))]
            searched = self.demand(f"UID SEARCH HEADER Message-ID {quoted(name)}").of("SEARCH")
            uids = [int(word) for line in searched for word in line.split() if _NUMBERS.fullmatch(word)]
            if not uids or not uidvalidities:
                raise self.failure("the stored message is not found", "does the server change messages that it stores?")
            return int(uidvalidities[-1]), max(uids)

    def _url(self, uidvalidity: int, uid: int) -> str:
        rump = self.mailbox.rump(uidvalidity, uid)
        with self.step("IMAP GENURLAUTH", Stage.IMAP_URLAUTH):
            answers = self.demand(f'GENURLAUTH "{rump}" INTERNAL').of("GENURLAUTH")
            try:
                url = ImapUrl.parse("".join(answers).strip('" '))
            except BadUrl as error:
                raise self.failure(f"the answer is not a URL: {error}", "the server's log says more") from error
            if url.urlauth is None or url.urlauth.rump.lower() != rump.lower():
                raise self.failure("the answer is another URL than asked for", "the server's log says more")
            self.transcript.hide(url.urlauth.token.encode())
        return url.text
