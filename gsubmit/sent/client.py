"""A connection to an IMAP server that looks into a Sent mailbox and puts messages there."""

from __future__ import annotations

import imaplib
import re
import ssl
import time
from collections.abc import Sequence
from contextlib import suppress
from typing import Any, NamedTuple

from gsubmit.fairness import let_others_run
from gsubmit.message.fields import split_header
from gsubmit.net.imap import ImapClient, SaidNo, response_code
from gsubmit.net.mailboxname import BadMailboxName, from_modified_utf7, quoted, to_modified_utf7
from gsubmit.sent.marks import Marks, marks_of, names
from gsubmit.sent.record import MAX_ID, Octets

SEEN, DELETED = rb"\Seen", rb"\Deleted"
SENT = r"\Sent"  # RFC 6154
SMALL = 4096  # octets that may go without the server's go-ahead (RFC 7888 5)
MAX_CANDIDATES = 20  # messages that are looked into, the newest

_LIST = re.compile(rb'\(([^()]*)\) (?:"(?:[^"\\]|\\.)*"|NIL) (.*)', re.DOTALL | re.IGNORECASE)
_QUOTED = re.compile(rb'"((?:[^"\\]|\\.)*)"')
_ESCAPE = re.compile(rb"\\(.)")
_UID = re.compile(rb"\bUID (\d+)", re.IGNORECASE)
_FLAGS = re.compile(rb"\bFLAGS \(([^()]*)\)", re.IGNORECASE)
_SIZE = re.compile(rb"\bRFC822\.SIZE (\d+)", re.IGNORECASE)
_UNSELECTABLE = (rb"\noselect", rb"\nonexistent")
_UNUSABLE = re.compile(r"[\0\r\n\ud800-\udfff]")
_TO_ESCAPE = re.compile(r'(["\\])')
_LIMIT = re.compile(r"APPENDLIMIT=(\d+)")


class No(SaidNo):
    """The server said no to a command; `code` is its response code (RFC 5530), empty without one.

    Its words are not shown, for it has seen a password.
    """

    def __init__(self, command: str, code: str) -> None:
        super().__init__(f"the server says no to {command}: {code or 'no response code'}")
        self.code = code


def _code(data: list[Any]) -> str:
    """The response code of a tagged answer; Cyrus says "Over quota" without one."""
    line = data[-1] if data and isinstance(data[-1], bytes) else b""
    return response_code(data) or ("OVERQUOTA" if line.lower().startswith(b"over quota") else "")


class Facts(NamedTuple):
    """What FETCH says of a message: its flags, without \\Recent and in lower case, size, and when it came."""

    uid: int
    flags: frozenset[bytes]
    size: int
    moment: int


class SentClient(ImapClient):
    """Names of mailboxes are as people read them. Methods raise No, BadMailboxName, and faults as ImapClient does."""

    max_answers = 1 << 20  # octets; a LIST of somebody with thousands of mailboxes

    def __init__(self, host: str, port: int, tls_first: ssl.SSLContext | None, seconds: float) -> None:
        self._streamed: Octets | None = None  # what the server has still to ask for
        self._end = b""  # what follows that
        self._behind = b""  # what follows the next line at once
        super().__init__(host, port, tls_first, seconds)

    def _say(self, name: str, *arguments: str) -> list[Any]:
        """Run a command; what came with its OK."""
        try:
            answer, data = self.uid(*arguments) if name == "UID" else self.xatom(name, *arguments)
        except imaplib.IMAP4.error as error:
            if " command error: BAD " not in str(error)[:60]:  # imaplib's words
                raise
            answer, data = "BAD", []
        if answer != "OK":
            self.untagged_responses.clear()
            command = f"UID {arguments[0]}" if name == "UID" else name
            raise No(command, "BAD" if answer == "BAD" else _code(data))
        return data

    def learn(self) -> None:
        """The capabilities; after a login UTF-8 is agreed on where there is any (RFC 6855 3)."""
        super().learn()
        if self.state == "AUTH" and {"ENABLE", "UTF8=ACCEPT"}.issubset(self.capabilities):
            self.enable("UTF8=ACCEPT")  # imaplib notes in utf8_enabled whether it is

    # Mailboxes

    def _name(self, mailbox: str) -> str:
        """As a command has it. Raises BadMailboxName."""
        if not self.utf8_enabled:
            return quoted(to_modified_utf7(mailbox))
        if _UNUSABLE.search(mailbox):
            raise BadMailboxName("not to be quoted")
        return '"' + _TO_ESCAPE.sub(r"\\\1", mailbox) + '"'

    def mailbox_for(self, use: str) -> str:
        r"""The mailbox with an attribute such as \Sent, the shortest name of several; empty without one (RFC 6154)."""
        return min(self.mailboxes_for(use), key=lambda name: (len(name), name), default="")

    def mailboxes_for(self, use: str) -> list[str]:
        """All of them."""
        wanted = "(SPECIAL-USE) " if "SPECIAL-USE" in self.capabilities else ""
        self.untagged_responses.pop("LIST", None)
        self._say("LIST", f'{wanted}"" "*"')  # many servers show the attribute unasked
        found = []
        for line in self.untagged_responses.pop("LIST", []):
            let_others_run()
            name = _listed(line, use.lower().encode())
            if name is not None:
                with suppress(BadMailboxName, UnicodeDecodeError):  # one that could not be named again
                    found.append(name.decode() if self.utf8_enabled else from_modified_utf7(name.decode("ascii")))
        return found

    def create_mailbox(self, mailbox: str, use: str = "") -> None:
        """CREATE, for its use where that can be said, and SUBSCRIBE, which may fail."""
        as_what = f" (USE ({use}))" if use and "CREATE-SPECIAL-USE" in self.capabilities else ""
        try:
            self._say("CREATE", self._name(mailbox) + as_what)
        except No as no:
            if not as_what or no.code == "ALREADYEXISTS":
                raise
            self._say("CREATE", self._name(mailbox))
        with suppress(No):  # many clients show all there are
            self._say("SUBSCRIBE", self._name(mailbox))

    def exists(self, mailbox: str) -> bool:
        """Whether it is there and can be opened."""
        try:
            self.open_mailbox(mailbox)
        except (No, BadMailboxName):
            return False
        return True

    def limit(self, mailbox: str) -> int | None:
        """The most octets that a message may have there, if the server says so (RFC 7889)."""
        for word in self.capabilities:
            if found := _LIMIT.fullmatch(word):
                return int(found[1])
        if "APPENDLIMIT" not in self.capabilities:
            return None
        self.untagged_responses.pop("STATUS", None)
        self._say("STATUS", self._name(mailbox), "(APPENDLIMIT)")
        said = b"".join(part if isinstance(part, bytes) else part[0] for part in self.untagged_responses.pop("STATUS"))
        found_limit = re.search(rb"\(APPENDLIMIT (\d+)\)", said, re.IGNORECASE)
        return int(found_limit[1]) if found_limit else None

    def open_mailbox(self, mailbox: str, *, to_write: bool = False) -> tuple[int, int]:
        """EXAMINE or SELECT it; UIDVALIDITY, and UIDNEXT or 0."""
        answer, data = self.select(self._name(mailbox), readonly=not to_write)
        if answer != "OK":
            raise No("SELECT" if to_write else "EXAMINE", _code(data))
        return self._number("UIDVALIDITY"), self._number("UIDNEXT")

    def _number(self, name: str) -> int:
        found = self.untagged_responses.get(name, [b""])[-1]
        return int(found) if isinstance(found, bytes) and found.isdigit() else 0

    # Messages in the mailbox that is open

    def find(self, marks: Marks, since: float, ours: int = 0) -> list[int]:
        """The UIDs of those that are the same message and not marked as deleted, by Date if by its id no others are."""
        found: list[int] = []
        message_id, date, *_ = marks.names
        for name, value in ((message_id, marks.message_id), (date, marks.word_of_date)):
            if 0 < len(value) <= MAX_ID and not set(found) - {ours}:  # servers take no command without end
                found = [uid for uid in self._search(name, value, since) if uid == ours or self._is(uid, marks)]
        return found

    def _search(self, name: str, value: str, since: float) -> list[int]:
        try:
            criterion = f"HEADER {name} {quoted(value)}"
        except BadMailboxName:  # nothing that can be asked for
            return []
        day = imaplib.Time2Internaldate(since)[1:12]
        data = self._say("UID", "SEARCH", f"UNDELETED SINCE {day} {criterion}")
        uids = [int(word) for line in data if isinstance(line, bytes) for word in line.split() if word.isdigit()]
        return sorted(uids)[-MAX_CANDIDATES:]

    def _is(self, uid: int, marks: Marks) -> bool:
        """Whether the message has these marks: SEARCH takes parts of a value, and knows no case."""
        wanted = " ".join(name.upper() for name in names(is_resent=marks.is_resent))
        data = self._say("UID", "FETCH", str(uid), f"(BODY.PEEK[HEADER.FIELDS ({wanted})])")
        for part in data:
            if isinstance(part, tuple):
                header = part[1]
            elif isinstance(part, bytes) and (found := re.search(rb"\] %b" % _QUOTED.pattern, part)):
                header = _ESCAPE.sub(rb"\1", found[1])
            else:
                continue
            if marks.is_same_message(marks_of(split_header(header), is_resent=marks.is_resent)):
                return True
        return False

    def facts(self, uids: str) -> list[Facts]:
        """Of these messages, as a set of UIDs has them."""
        found = []
        for part in self._say("UID", "FETCH", uids, "(UID FLAGS INTERNALDATE RFC822.SIZE)"):
            line = part[0] if isinstance(part, tuple) else part
            if not isinstance(line, bytes):
                continue
            uid, flags, size = (form.search(line) for form in (_UID, _FLAGS, _SIZE))
            moment = imaplib.Internaldate2tuple(line)
            if uid and flags and size and moment:
                of_it = frozenset(flag.lower() for flag in flags[1].split()) - {rb"\recent"}
                found.append(Facts(int(uid[1]), of_it, int(size[1]), int(time.mktime(moment))))
        return found

    def mark_deleted(self, uid: int, *, is_so: bool) -> None:
        r"""Set \Deleted, or take it away."""
        self._say("UID", "STORE", str(uid), f"{'+' if is_so else '-'}FLAGS.SILENT", r"(\Deleted)")

    def expunge_one(self, uid: int) -> None:
        """UID EXPUNGE (RFC 4315 2.1), where `can_expunge_one`."""
        self._say("UID", "EXPUNGE", str(uid))

    @property
    def can_expunge_one(self) -> bool:
        """Whether a single message can be expunged."""
        return not {"UIDPLUS", "IMAP4REV2"}.isdisjoint(self.capabilities)

    @property
    def has_binary(self) -> bool:
        """Whether NULs can be sent (RFC 3516 4.4)."""
        return not {"BINARY", "IMAP4REV2"}.isdisjoint(self.capabilities)

    # New messages

    def put(
        self, mailbox: str, octets: Octets, moment: int, flags: Sequence[str], *, is_binary: bool
    ) -> tuple[int, int]:
        r"""APPEND it with \Seen, more flags and this time; UIDVALIDITY and UID, or zeros where the server is silent."""
        self.untagged_responses.pop("APPENDUID", None)
        all_flags = " ".join([SEEN.decode(), *(flag for flag in flags if flag.lower() != SEEN.decode().lower())])
        is_utf8 = self.utf8_enabled and _has_utf8_header(octets)
        at_once = not (is_binary or is_utf8) and octets.size <= SMALL
        if at_once and not {"LITERAL+", "LITERAL-"}.isdisjoint(self.capabilities):
            self._behind = b"".join(octets.blocks()) + b"\r\n"
            literal = f"{{{octets.size}+}}"
        else:
            self._streamed = octets
            self.literal = self._send_content  # type: ignore[assignment]  # imaplib calls it when the server asks
            self._end = b")" if is_utf8 else b""
            literal = f"{'UTF8 (~' if is_utf8 else '~' if is_binary else ''}{{{octets.size}}}"
        try:
            self._say("APPEND", self._name(mailbox), f"({all_flags})", imaplib.Time2Internaldate(moment), literal)
        finally:
            self._streamed, self._behind, self.literal = None, b"", None
        said = self.untagged_responses.pop("APPENDUID", [b""])[-1]
        found = re.fullmatch(rb"(\d+) (\d+)", said) if isinstance(said, bytes) else None
        return (int(found[1]), int(found[2])) if found else (0, 0)

    def _send_content(self, _: bytes) -> bytes:
        octets, self._streamed = self._streamed, None
        if octets is None:
            raise self.abort("asked for more than there is")
        for block in octets.blocks():
            super().send(block)
            let_others_run()
        return self._end

    def send(self, data: Any) -> None:
        """All of it, within the time that is left."""
        data, self._behind = data + self._behind, b""
        super().send(data)


def _has_utf8_header(octets: Octets) -> bool:
    first = next(iter(octets.blocks()), b"")
    return not first.partition(b"\r\n\r\n")[0].isascii()


def _listed(line: Any, use: bytes) -> bytes | None:
    """The name in an answer to LIST, of a mailbox with that attribute that can be opened."""
    literal = b""
    if isinstance(line, tuple):
        line, literal = line
    if not isinstance(line, bytes) or not (found := _LIST.match(line)):
        return None
    attributes = found[1].lower().split()
    if use not in attributes or any(one in attributes for one in _UNSELECTABLE):
        return None
    if text := _QUOTED.match(found[2]):
        return _ESCAPE.sub(rb"\1", text[1])
    return literal or found[2].split(b" ")[0]
