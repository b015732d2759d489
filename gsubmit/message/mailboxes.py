"""The mailboxes of From, Sender and their Resent- kin, read from octets (RFC 5322 3.4 and 4.4, RFC 6532, RFC 6854).

Who judges by an address must see the one that all readers see. So what readers are known to take for different
addresses is no list of mailboxes here, although the grammar may say what it means.
"""

from __future__ import annotations

import binascii
import re
from collections.abc import Iterator
from functools import lru_cache
from typing import NamedTuple

from gsubmit.fairness import let_others_run
from gsubmit.message.fields import Field
from gsubmit.smtp.address import MAX_DOMAIN, MAX_PATH, Address, BadAddress, Cursor

# What nearly all fields have: a name of plain words or in quotes, and an address without any oddity.
_PLAIN = re.compile(
    r'[ \t]*+((?>(?:[A-Za-z0-9_-]++[ \t]*+)*)|"[ !#-<>-\[\]-~]*+"[ \t]*+)'
    r"<([A-Za-z0-9_+-]++(?>(?:\.[A-Za-z0-9_+-]++)*))@([A-Za-z0-9]++(?>(?:[.-][A-Za-z0-9]++)*))>[ \t]*+"
)
_MAX_PLAIN = 200  # octets of the field
_TOKEN = re.compile(
    r'(?P<space>[ \t]+)|(?P<atom>[^ \t()<>\[\]:;@\\,."]+)|(?P<quoted>"(?:[^"\\]++|\\.)*+")|(?P<literal>\[[^\[\]\\]*+\])'
    r"|(?P<special>[<>@,;:.])",
    re.DOTALL,
)
_COMMENT_PIECE = re.compile(r"[()]|\\.|[^()\\]++", re.DOTALL)
_CONTROL = re.compile(r"[\0-\x08\n-\x1f\x7f]")
_ODD_IN_LOCAL_PART = re.compile(r'[@<>()\[\],;:\\"]')  # within quotes the grammar has them, and few readers
_ODD_IN_COMMENT = re.compile(r"[@<>]")  # within an address
_ODD_IN_PHRASE = re.compile(r'[@<>,;:"]')  # within square brackets, which are no part of a phrase but common
_QUOTED_PAIR = re.compile(r"\\(.)", re.DOTALL)
_ENCODED_WORD = re.compile(r"=\?[^? \t]+\?([bBqQ])\?([^? \t]*)\?=")
_HIDDEN = re.compile(r"<([^<>\s]*)>")


class Unparsable(ValueError):
    """Not a list of mailboxes, or one that readers differ about. The text is a few words, and has nothing of it."""


class Mailbox(NamedTuple):
    """An address, with the display name before it and the comments behind it as they are written."""

    phrase: str
    address: Address
    comment: str = ""


class _Token(NamedTuple):
    kind: str  # of _TOKEN, comment, or end
    text: str
    start: int
    end: int

    def is_one(self, *specials: str) -> bool:
        return self.kind == "special" and self.text in specials


def mailboxes(field: Field) -> list[Mailbox]:
    """All mailboxes of a field, those in groups too; never empty. Raises Unparsable.

    Octets that are not UTF-8 are taken in names (PEP 383), not in addresses.
    """
    if len(field.octets) <= _MAX_PLAIN and (plain := _plain_mailbox(field)) is not None:
        return [plain]
    text = field.value.decode("utf-8", "surrogateescape")
    if _CONTROL.search(text):
        raise Unparsable("control characters")
    found = _Reader(text).mailboxes()
    if not found:
        raise Unparsable("no address")
    if "=?" in text:
        _check_encoded_words(text, found)
    return found


@lru_cache(maxsize=1000)  # most users write from one address
def _plain_mailbox(field: Field) -> Mailbox | None:
    plain = _PLAIN.fullmatch(field.value.decode("utf-8", "surrogateescape"))
    return Mailbox(plain[1].rstrip(" \t"), Address(plain[2], plain[3])) if plain else None


def _check_encoded_words(text: str, found: list[Mailbox]) -> None:
    """Some readers decode before they parse: no encoded-word may hold another address in brackets, or end the line."""
    decoded = []
    for word in _ENCODED_WORD.finditer(text):
        let_others_run()
        try:
            octets = word[2].encode("utf-8", "surrogateescape")
            plain = binascii.a2b_base64(octets) if word[1] in "bB" else binascii.a2b_qp(octets, header=True)
        except binascii.Error:
            continue  # nobody decodes it
        decoded.append(plain.decode("utf-8", "replace"))
    whole = "".join(decoded)
    if "\0" in whole or "\r" in whole or "\n" in whole:
        raise Unparsable("encoded control characters")
    own = {str(mailbox.address).lower() for mailbox in found}
    if any("@" in hidden[1] and hidden[1].lower() not in own for hidden in _HIDDEN.finditer(whole)):
        raise Unparsable("an encoded address")


def _tokens(text: str) -> Iterator[_Token]:
    """The whole text, comments as one each, then the end. Raises Unparsable."""
    at = 0
    while at < len(text):
        let_others_run()
        if text[at] == "(":
            end = _end_of_comment(text, at)
            yield _Token("comment", text[at:end], at, end)
        elif (found := _TOKEN.match(text, at)) is not None:
            end = found.end()
            assert found.lastgroup is not None
            yield _Token(found.lastgroup, found[0], at, end)
        else:
            raise Unparsable("a stray character")
        at = end
    yield _Token("end", "", at, at)


def _end_of_comment(text: str, at: int) -> int:
    depth = 0
    while (piece := _COMMENT_PIECE.match(text, at)) is not None:
        let_others_run()
        depth += {"(": 1, ")": -1}.get(piece[0], 0)
        at = piece.end()
        if not depth:
            return at
    raise Unparsable("a comment without end")


class _Reader:
    """One list, token by token; `here` is the next one."""

    __slots__ = ("_text", "_tokens", "here")

    def __init__(self, text: str) -> None:
        self._text = text
        self._tokens = _tokens(text)
        self.here = next(self._tokens)

    def _take(self) -> _Token:
        taken, self.here = self.here, next(self._tokens, self.here)
        return taken

    def mailboxes(self) -> list[Mailbox]:
        """All of them. Between commas there may be nothing (RFC 5322 4.4)."""
        found: list[Mailbox] = []
        in_group = False
        while self.here.kind != "end":
            words = self._words()
            if self.here.is_one("<", "@"):
                found.append(self._mailbox(words))
            elif self.here.is_one(":"):
                if in_group or not any(word.kind in ("atom", "quoted") for word in words):
                    raise Unparsable("a stray colon")
                self._take()
                in_group = True
                continue
            elif any(word.kind not in ("space", "comment") for word in words):
                raise Unparsable("a name without an address")
            if self.here.is_one(";"):
                if not in_group:
                    raise Unparsable("a stray semicolon")
                self._take()
                in_group = False
                self._comments()
            if self.here.is_one(","):
                self._take()
            elif self.here.kind != "end":
                raise Unparsable("more than an address")
        if in_group:
            raise Unparsable("a group without end")
        return found

    def _words(self) -> list[_Token]:
        """What may be a phrase or a local part."""
        words = []
        while self.here.kind not in ("special", "end") or self.here.is_one("."):
            words.append(self._take())
        return words

    def _comments(self) -> str:
        """Comments and white space that stand here."""
        start = self.here.start
        while self.here.kind in ("space", "comment"):
            self._take()
        return self._text[start : self.here.start].strip(" \t")

    def _mailbox(self, words: list[_Token]) -> Mailbox:
        if self.here.is_one("<"):
            return self._angle(words)
        start = next((word.start for word in words if word.kind not in ("space", "comment")), self.here.start)
        words = [word for word in words if word.start >= start]
        address = self._address(words, is_tight=True)
        end = self.here.start
        comment = self._comments()
        if not self.here.is_one("<"):
            return Mailbox("", address, comment)
        angle = self._angle([])  # a@b <a@b>, which no grammar has and many programs write
        if str(angle.address).lower() != str(address).lower():
            raise Unparsable("two addresses for one")
        return Mailbox(f'"{self._text[start:end]}"', angle.address, angle.comment)

    def _angle(self, words: list[_Token]) -> Mailbox:
        for word in words:
            if word.kind == "literal" and _ODD_IN_PHRASE.search(word.text):
                raise Unparsable("square brackets")
        phrase = self._text[words[0].start : words[-1].end].strip(" \t") if words else ""
        self._take()
        self._comments_within()
        if self.here.is_one("@", ","):
            self._route()
        address = self._address(self._words(), is_tight=False)
        self._comments_within()
        if not self._take().is_one(">"):
            raise Unparsable("more than an address in brackets")
        return Mailbox(phrase, address, self._comments())

    def _route(self) -> None:
        """`@a,@b:`, which means nothing (RFC 5322 4.4)."""
        while self.here.is_one("@", ","):
            if self._take().text == "@":
                self._domain(is_tight=False)
            self._comments_within()
        if not self._take().is_one(":"):
            raise Unparsable("a route without end")

    def _comments_within(self) -> None:
        if _ODD_IN_COMMENT.search(self._comments()):
            raise Unparsable("an address within a comment within an address")

    def _address(self, words: list[_Token], *, is_tight: bool) -> Address:
        """What `words` begin. Unless it is tight, there may be white space and comments (RFC 5322 4.4)."""
        local_part = _local_part(words, is_tight=is_tight)
        if not self._take().is_one("@"):
            raise Unparsable("no domain")
        return Address(local_part, self._domain(is_tight=is_tight))

    def _domain(self, *, is_tight: bool) -> str:
        if not is_tight:
            self._comments_within()
        pieces: list[str] = []
        if self.here.kind == "literal":
            pieces.append(self._take().text)
        while self.here.kind == "atom" or self.here.is_one("."):
            if pieces and (pieces[-1] == ".") == (self.here.text == "."):
                break
            pieces.append(self._take().text)
            if not is_tight:
                self._comments_within()
        domain = "".join(pieces)
        cursor = Cursor(domain)
        try:
            if len(domain) > MAX_DOMAIN or cursor.domain() != domain or not domain.isprintable():
                raise Unparsable("not a domain")
        except (BadAddress, UnicodeEncodeError):
            raise Unparsable("not a domain") from None
        return domain


def _local_part(words: list[_Token], *, is_tight: bool) -> str:
    """Words with dots between them; dots may be anywhere else too, as old mobile addresses have them."""
    pieces: list[str] = []
    was_word = False
    for word in words:
        let_others_run()
        if word.kind in ("space", "comment"):
            if is_tight or _ODD_IN_COMMENT.search(word.text):
                raise Unparsable("more than an address")
            continue
        is_word = word.kind != "special"
        if word.kind == "literal" or (is_word and was_word):
            raise Unparsable("more than an address")
        was_word = is_word
        text = _QUOTED_PAIR.sub(r"\1", word.text[1:-1]) if word.kind == "quoted" else word.text
        if _ODD_IN_LOCAL_PART.search(text):
            raise Unparsable("a local part that readers differ about")
        pieces.append(text)
    local_part = "".join(pieces)
    if _ENCODED_WORD.search(local_part):  # of which dots may be a part
        raise Unparsable("an encoded-word in an address")
    if not 0 < len(local_part) <= MAX_PATH or not local_part.isprintable():
        raise Unparsable("not a local part")
    return local_part
