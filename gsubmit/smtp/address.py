"""Mailboxes and paths, and the cursor that parses them (RFC 5321 4.1.2, 4.1.3, RFC 6531 3.3)."""

from __future__ import annotations

import re
from typing import NamedTuple

MAX_DOMAIN = 255  # octets, RFC 5321 4.5.3.1.2
MAX_PATH = 256  # octets with the angle brackets, RFC 5321 4.5.3.1.3
SURELY_SHORT = 60  # characters: of four octets each, and with quotes around the local part, they make no path too long

# Non-ASCII characters are parsed always and judged afterwards: SMTPUTF8 stands later on the line.
_ATEXT = r"[A-Za-z0-9!#$%&'*+\-/=?^_`{|}~\u0080-\U0010ffff]+"
_LABEL = r"[A-Za-z0-9\u0080-\U0010ffff](?:[A-Za-z0-9\-\u0080-\U0010ffff]*[A-Za-z0-9\u0080-\U0010ffff])?"
_DOT_STRING = re.compile(rf"{_ATEXT}(?:\.{_ATEXT})*")
_ODD_DOTS = re.compile(_ATEXT.replace("[", "[.", 1))  # as old mobile addresses have them; passed on in quotes
_QUOTED = re.compile(r'"((?:[\x20\x21\x23-\x5b\x5d-\x7e\u0080-\U0010ffff]|\\[\x20-\x7e])*)"')
_DOMAIN = re.compile(rf"{_LABEL}(?:\.{_LABEL})*")
_ODD_LABEL = r"[A-Za-z0-9_\u0080-\U0010ffff](?:[A-Za-z0-9_\-\u0080-\U0010ffff]*[A-Za-z0-9_\u0080-\U0010ffff])?"
_ODD_DOMAIN = re.compile(rf"{_ODD_LABEL}(?:\.{_ODD_LABEL})*")  # DNS takes underscores, and the relay knows its hosts
_LITERAL = re.compile(r"\[([\x21-\x5a\x5e-\x7e]+)\]")
_SNUM = re.compile(r"[0-9]{1,3}")
_IPV6_GROUP = re.compile(r"[0-9A-Fa-f]{1,4}")
_IPV6_GROUPS = 8
_MOST_BESIDE_GAP = 6  # groups, for `::` stands for at least two
PLAIN_PATH = re.compile(rf"<({_ODD_DOTS.pattern})@({_ODD_DOMAIN.pattern})>")  # local part and domain of nearly all
_ROUTE = re.compile(rf"@(?:{_LABEL}(?:\.{_LABEL})*)(?:,@(?:{_LABEL}(?:\.{_LABEL})*))*:")
_ESCAPED = re.compile(r"\\(.)")
_TO_ESCAPE = re.compile(r'(["\\])')
_SURROGATE = re.compile("[\ud800-\udfff]")


class BadAddress(ValueError):
    """The text is no mailbox or path."""


class Address(NamedTuple):
    """A mailbox. The local part is unquoted inside and quoted by `str()`; `domain` is empty only for postmaster."""

    local_part: str
    domain: str

    def __str__(self) -> str:
        local_part = self.local_part
        if not _DOT_STRING.fullmatch(local_part):
            local_part = '"' + _TO_ESCAPE.sub(r"\\\1", local_part) + '"'
        return f"{local_part}@{self.domain}" if self.domain else local_part

    @property
    def is_ascii(self) -> bool:
        """Whether the address can be used without SMTPUTF8."""
        return self.local_part.isascii() and self.domain.isascii()

    def is_same_mailbox(self, other: Address) -> bool:
        """Whether both are one mailbox: domains know no case, local parts do for all but their host (RFC 5321 2.4)."""
        return self.local_part == other.local_part and self.domain.lower() == other.domain.lower()

    @property
    def is_single_label(self) -> bool:
        """Whether its domain is a name that no other network knows (RFC 6409 4.2); bare postmaster has none."""
        return bool(self.domain) and "." not in self.domain.strip(".") and self.domain[0] != "["


ReversePath = Address | None  # None is the null reverse-path


def path_text(path: ReversePath) -> str:
    """The path as a command holds it, without a source route (RFC 5321 4.1.2)."""
    return "<>" if path is None else f"<{path}>"


class Cursor:
    """A place in a text; each method takes what the grammar names and moves on, or raises BadAddress.

    Unless it is strict, a local part may have dots anywhere, for it is quoted when it is passed on, and a domain may
    have underscores: such mailboxes exist, and the relay knows better than the grammar whether this one does.
    """

    __slots__ = ("_is_strict", "at", "text")

    def __init__(self, text: str, *, is_strict: bool = False) -> None:
        self.text = text
        self.at = 0
        self._is_strict = is_strict

    @property
    def remainder(self) -> str:
        """What has not been taken."""
        return self.text[self.at :]

    def accept(self, literal: str) -> bool:
        """Take `literal` if it stands here."""
        if self.text.startswith(literal, self.at):
            self.at += len(literal)
            return True
        return False

    def _match(self, pattern: re.Pattern[str]) -> re.Match[str] | None:
        matched = pattern.match(self.text, self.at)
        if matched:
            self.at = matched.end()
        return matched

    def path(self) -> Address | None:
        """`Path` or `<>`; a source route is read and dropped (RFC 5321 4.1.1.3). None is the null path."""
        start = self.at
        if not self.accept("<"):
            raise BadAddress("no angle bracket")
        if self.accept(">"):
            return None
        self._match(_ROUTE)
        address = self.mailbox(bare_postmaster=True)
        if not self.accept(">"):
            raise BadAddress("unexpected character in path")
        if len(self.text[start : self.at].encode()) > MAX_PATH:
            raise BadAddress("path too long")
        return address

    def mailbox(self, *, bare_postmaster: bool = False) -> Address:
        """`Mailbox`; only postmaster may stand without a domain, and only where the caller allows it."""
        local_part = self._local_part()
        if self.accept("@"):
            return Address(local_part, self.domain())
        if bare_postmaster and local_part.lower() == "postmaster":
            return Address(local_part, "")
        raise BadAddress("missing domain")

    def _local_part(self) -> str:
        if dot_string := self._match(_DOT_STRING if self._is_strict else _ODD_DOTS):
            return dot_string[0]
        if quoted := self._match(_QUOTED):
            return _ESCAPED.sub(r"\1", quoted[1])
        raise BadAddress("invalid local part")

    def domain(self) -> str:
        """`Domain` or `address-literal`, as it was written."""
        if name := self._match(_DOMAIN if self._is_strict else _ODD_DOMAIN):
            if len(name[0].encode()) > MAX_DOMAIN:
                raise BadAddress("domain too long")
            return name[0]
        if literal := self._match(_LITERAL):
            if not _is_address_literal(literal[1]):
                raise BadAddress("invalid address literal")
            return literal[0]
        raise BadAddress("invalid domain")


def _is_address_literal(text: str) -> bool:
    """IPv4, or IPv6 with its tag: the only one that is registered (RFC 5321 4.1.3), so nothing else is a literal."""
    tag, colon, value = text.partition(":")
    return tag.lower() == "ipv6" and _is_ipv6(value) if colon else _is_ipv4(text)


def _is_ipv4(text: str) -> bool:
    """Snum may have leading zeros."""
    numbers = text.split(".")
    return len(numbers) == 4 and all(_SNUM.fullmatch(number) and int(number) < 256 for number in numbers)


def _is_ipv6(text: str) -> bool:
    """IPv6-full, IPv6-comp and both with an IPv4 address at the end; no scope."""
    if "." in text:
        text, _, last = text.rpartition(":")
        if not _is_ipv4(last):
            return False
        text += ":0:0"
    left, gap, right = text.partition("::")
    groups = [group for side in (left, right) if side for group in side.split(":")]
    is_of_right_size = len(groups) <= _MOST_BESIDE_GAP if gap else len(groups) == _IPV6_GROUPS
    return is_of_right_size and all(map(_IPV6_GROUP.fullmatch, groups))


def parse_mailbox(text: str) -> Address:
    """The whole of `text` as a mailbox without angle brackets, by the letter of the grammar. Raises BadAddress."""
    if _SURROGATE.search(text):  # no line is made of it; what comes as a command is UTF-8
        raise BadAddress("not UTF-8")
    cursor = Cursor(text, is_strict=True)
    address = cursor.mailbox()
    if cursor.remainder:
        raise BadAddress("unexpected character in address")
    return address


def is_host_name(text: str) -> bool:
    """Whether the whole of `text` is a domain or an address literal in ASCII (the argument of EHLO)."""
    cursor = Cursor(text, is_strict=True)
    try:
        cursor.domain()
    except BadAddress:
        return False
    return not cursor.remainder and text.isascii()
