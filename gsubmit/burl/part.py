"""The parts of an IMAP URL, each decoded and held to its grammar (RFC 5092 11, 3986, 3339, 3501 9)."""

from __future__ import annotations

import re
from datetime import datetime, timedelta
from enum import Enum, auto
from ipaddress import AddressValueError, IPv4Address, IPv6Address
from urllib.parse import unquote_to_bytes

MAX_NUMBER = 2**32 - 1  # RFC 3501 9, number and nz-number
MAX_PORT = 2**16 - 1

_LABEL = r"[a-z0-9_](?:[a-z0-9_\-]*[a-z0-9_])?"
_HOST_NAME = re.compile(rf"{_LABEL}(?:\.{_LABEL})*")
_NUMERIC_END = re.compile(r"(?:.*\.)?(?:[0-9]+|0x[0-9a-f]*)")
_NUMBER = re.compile(r"[0-9]{1,10}")
_CONTROL = re.compile(r"[\x00-\x1f\x7f-\x9f\u2028\u2029]")
_DATE_TIME = re.compile(  # RFC 3339 5.6
    r"([0-9]{4}-[0-9]{2}-[0-9]{2}T(?:[01][0-9]|2[0-3]):[0-5][0-9]:)([0-5][0-9]|60)"
    r"((?:\.[0-9]+)?(?:Z|[+\-](?:[01][0-9]|2[0-3]):[0-5][0-9]))"
)

# RFC 3501 9, section-spec. Field names are less here than an astring: no bracket, literal or escape can hide in them.
_FIELD_NAME = r"""(?:[A-Za-z0-9!#$&'+\-.^_`|~]+|"[A-Za-z0-9!#$&'+\-.^_`|~]+")"""
_SECTION_TEXT = rf"HEADER|TEXT|HEADER\.FIELDS(?:\.NOT)? \({_FIELD_NAME}(?: {_FIELD_NAME})*\)"
_SECTION = re.compile(
    rf"(?:{_SECTION_TEXT})|(?P<numbers>[1-9][0-9]*(?:\.[1-9][0-9]*)*)(?:\.(?:MIME|{_SECTION_TEXT}))?",
    re.IGNORECASE | re.ASCII,  # without ASCII, a long s is an S
)


class Kind(Enum):
    """What a text is that is no IMAP URL of a message or part."""

    SYNTAX = auto()
    RELATIVE = auto()
    SCHEME = auto()  # a URL of another scheme
    SERVER = auto()
    MAILBOX = auto()
    MAILBOX_LIST = auto()
    SEARCH = auto()


class BadUrl(ValueError):
    """The text is no IMAP URL of a message or part. The reason says why, with nothing of the text in it."""

    def __init__(self, reason: str, kind: Kind = Kind.SYNTAX) -> None:
        super().__init__(reason)
        self.reason = reason
        self.kind = kind


def decoded(text: str, what: str) -> str:
    """Percent-decoded UTF-8, without controls: they would end up in IMAP commands and logs."""
    try:
        characters = unquote_to_bytes(text).decode()
    except UnicodeDecodeError:
        raise BadUrl(f"invalid UTF-8 in {what}") from None
    if _CONTROL.search(characters):
        raise BadUrl(f"control character in {what}")
    return characters


def number(text: str, what: str) -> int:
    """`number` (RFC 3501 9)."""
    if not _NUMBER.fullmatch(text) or int(text) > MAX_NUMBER:
        raise BadUrl(f"invalid {what}")
    return int(text)


def nz_number(text: str, what: str) -> int:
    """`nz-number` (RFC 3501 9)."""
    if text.startswith("0"):
        raise BadUrl(f"invalid {what}")
    return number(text, what)


def host_name(text: str) -> str:
    """A host name in small letters, or an IPv4 address.

    RFC 3986 3.2.2 knows names with percent-encoded and other characters: none of them is a host in DNS.
    """
    name = text.lower().removesuffix(".")
    # Resolvers take 127.1 and 0x7f000001 for addresses: a list of hosts would not know them again.
    if _NUMERIC_END.fullmatch(name):
        try:
            return str(IPv4Address(name))
        except AddressValueError:
            raise BadUrl("invalid IPv4 address") from None
    if not _HOST_NAME.fullmatch(name):
        raise BadUrl("invalid host")
    return name


def ipv6(text: str) -> str:
    """What stands in the brackets of an `IP-literal`, in its shortest form."""
    try:
        return str(IPv6Address(text))
    except AddressValueError:
        raise BadUrl("invalid IPv6 address") from None


def port(text: str) -> int:
    """A TCP port."""
    value = number(text, "port")
    if not 0 < value <= MAX_PORT:
        raise BadUrl("invalid port")
    return value


def section(text: str) -> str:
    """`enc-section`, decoded: what may stand in the brackets of BODY.PEEK (RFC 3501 6.4.5)."""
    spec = decoded(text, "SECTION")
    matched = _SECTION.fullmatch(spec)
    if not matched:
        raise BadUrl("invalid SECTION")
    for one in (matched["numbers"] or "1").split("."):
        nz_number(one, "SECTION")
    return spec


def date_time(text: str) -> datetime:
    """`date-time` of RFC 3339 5.6, aware; digits beyond microseconds are dropped."""
    matched = _DATE_TIME.fullmatch(text.upper())
    if not matched:
        raise BadUrl("invalid EXPIRE")
    minute, second, rest = matched.groups()
    is_leap = second == "60"  # RFC 3339 5.7; datetime knows no leap seconds
    try:
        moment = datetime.fromisoformat(minute + ("59" if is_leap else second) + rest)
        return moment + timedelta(seconds=is_leap)
    except (ValueError, OverflowError):
        raise BadUrl("invalid EXPIRE") from None
