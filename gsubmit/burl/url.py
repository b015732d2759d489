"""IMAP URLs of messages and parts, with the authorization they may carry (RFC 5092, RFC 4467)."""

from __future__ import annotations

import re
from dataclasses import dataclass, field
from datetime import datetime
from typing import Self

from gsubmit.burl import part
from gsubmit.burl.part import BadUrl, Kind

__all__ = ["BadUrl", "ImapUrl", "Kind", "UrlAuth", "redact"]

DEFAULT_PORT = 143
MIN_TOKEN = 32  # hex digits, 128 bits, RFC 4467 3
HIDDEN = "<hidden>"

# RFC 5092 11; none of these sees other characters than printable ASCII
_ACHAR = r"(?:[A-Za-z0-9\-._~!$'()*+,&=]|%[0-9A-Fa-f]{2})"
_BCHAR = r"(?:[A-Za-z0-9\-._~!$'()*+,&=:@/]|%[0-9A-Fa-f]{2})"
_VALUE = r"[^;/?]*"  # a number: looked at on its own, for a reason that names it
_AUTH_TYPE = re.compile(r"[A-Za-z0-9\-_.+]+")
_PRINTABLE = re.compile(r"[!-~]+")
_SCHEME = re.compile(r"([A-Za-z][A-Za-z0-9+\-.]*):(.*)")
_HIERARCHY = re.compile(r"//([^/?#]*)([^#]*)")
_AUTHORITY = re.compile(
    rf"(?:(?P<user>{_ACHAR}*)(?:;AUTH=(?P<auth_type>{_ACHAR}+))?@)?"
    r"(?:\[(?P<ipv6>[0-9A-Fa-f:.]+)\]|(?P<name>[^:@\[\]]+))(?::(?P<port>[0-9]*))?",
    re.IGNORECASE,
)
_MESSAGE = re.compile(
    rf"/(?P<mailbox>{_BCHAR}+)(?:;UIDVALIDITY=(?P<uidvalidity>{_VALUE}))?/;UID=(?P<uid>{_VALUE})"
    rf"(?:/;SECTION=(?P<section>{_BCHAR}+))?(?:/;PARTIAL=(?P<offset>[^;/?.]*)(?:\.(?P<length>{_VALUE}))?)?",
    re.IGNORECASE,
)
_MAILBOX_LIST = re.compile(rf"/{_BCHAR}*;TYPE=(?:LIST|LSUB)", re.IGNORECASE)  # RFC 2192 5, gone from RFC 5092
_MAILBOX = re.compile(rf"/{_BCHAR}+(?:;UIDVALIDITY=[1-9][0-9]*)?(?P<search>\?{_BCHAR}+)?", re.IGNORECASE)
_AUTHORIZATION = re.compile(r";(?:EXPIRE|URLAUTH)=", re.IGNORECASE)
_URLAUTH = re.compile(
    rf"(?:;EXPIRE=(?P<expire>[^;]*))?;URLAUTH=(?P<access>(?:submit|user)\+(?P<userid>{_ACHAR}+)|authuser|anonymous)"
    r"(?P<verifier>:(?P<mechanism>[A-Za-z0-9\-.]+):(?P<token>[0-9A-Fa-f]*))",
    re.IGNORECASE,
)

# In a log line there may be less than a URL: signs may be percent-encoded, parts missing or swapped, blanks in between.
_VERIFIER = re.compile(
    r"(urlauth[ \t]*+(?:=|%3D)[ \t]*+(?:(?!urlauth)[^\s\":])*?"
    r"[ \t]*+(?::|%3A)[ \t]*+(?:[a-z0-9\-.]{1,20}[ \t]*+(?::|%3A))?)[ \t\"]*[^\s\"]*",
    re.IGNORECASE,
)
_BEHIND_URL = re.compile(r"(?:urlauth|imap:|internal:|burl[ \t]).*", re.IGNORECASE)
_LONG_HEX = re.compile(r"[0-9A-Fa-f]{16,}")


@dataclass(frozen=True, slots=True)
class UrlAuth:
    """Who may use a URL, and the proof that its owner wished so (RFC 4467 3).

    `access` is "submit" or "user" with a `userid`, or "authuser" or "anonymous". `rump` is the URL up to and including
    the access, as it was written: what the token was computed from (RFC 4467 6).
    """

    rump: str
    expire: datetime | None
    access: str
    userid: str
    mechanism: str
    token: str = field(repr=False)


@dataclass(frozen=True, slots=True)
class ImapUrl:
    """The URL of a message or a part of one. Everything but `text` is decoded; "" and None mean absent.

    `text` goes to URLFETCH octet for octet, for the token holds for nothing else. What the client wrote behind `;AUTH=`
    is not kept: it never decides how this server logs in (RFC 5092 3.2). An IPv6 `host` has no brackets. Neither
    `repr()` nor `str()` shows the token.
    """

    text: str = field(repr=False)
    user: str
    host: str
    port: int
    mailbox: str
    uidvalidity: int | None
    uid: int
    section: str
    partial: tuple[int, int | None] | None  # offset and length
    urlauth: UrlAuth | None

    @classmethod
    def parse(cls, text: str) -> Self:
        """The argument of BURL, or BadUrl. Each part is percent-decoded exactly once."""
        authority, path = _split(text)
        server = _server(authority)
        authorization = _AUTHORIZATION.search(path)
        end = authorization.start() if authorization else len(path)
        message = _message(path[:end])
        user = part.decoded(server["user"] or "", "user")
        uidvalidity, section, offset, length = message.group("uidvalidity", "section", "offset", "length")
        return cls(
            text=text,
            user=user,
            host=part.ipv6(server["ipv6"]) if server["ipv6"] else part.host_name(server["name"]),
            port=part.port(server["port"]) if server["port"] else DEFAULT_PORT,
            mailbox=part.decoded(message["mailbox"], "mailbox"),
            uidvalidity=_optional(uidvalidity, "UIDVALIDITY"),
            uid=part.nz_number(message["uid"], "UID"),
            section=part.section(section) if section else "",
            partial=None if offset is None else (part.number(offset, "PARTIAL"), _optional(length, "PARTIAL")),
            urlauth=_urlauth(text, path[end:], user) if authorization else None,
        )

    @property
    def redacted(self) -> str:
        """The URL for a log: a token is as good as a password (RFC 4468 8)."""
        if self.urlauth is None:
            return self.text
        return self.text.removesuffix(self.urlauth.token) + HIDDEN

    def __str__(self) -> str:
        return self.redacted

    def is_expired(self, now: datetime) -> bool:
        """Whether the last moment at which the URL is valid lies before `now`, an aware datetime (RFC 4467 3)."""
        return self.urlauth is not None and self.urlauth.expire is not None and now > self.urlauth.expire


def redact(text: str) -> str:
    """A line of a log or rawlog without the tokens of URLs in it, however malformed they are.

    Hidden is what stands behind `urlauth=access:mechanism:` up to a blank or a quote, and behind BURL or any beginning
    of an IMAP URL whatever may be half a token or more. Lines must be whole: half a URL may not be known as one.
    """
    return _BEHIND_URL.sub(lambda found: _LONG_HEX.sub(HIDDEN, found[0]), _VERIFIER.sub(rf"\1{HIDDEN}", text))


def _split(text: str) -> tuple[str, str]:
    """Authority, and path with query (RFC 3986 3)."""
    if not _PRINTABLE.fullmatch(text):
        raise BadUrl("empty, or a character that no URL holds")
    absolute = _SCHEME.fullmatch(text)
    if not absolute:
        raise BadUrl("relative URL", Kind.RELATIVE)
    if absolute[1].lower() != "imap":
        raise BadUrl("scheme is not imap", Kind.SCHEME)
    hierarchy = _HIERARCHY.fullmatch(absolute[2])
    if not hierarchy:
        raise BadUrl("no server, or a fragment")
    return hierarchy[1], hierarchy[2]


def _server(text: str) -> re.Match[str]:
    """The pieces of `iserver` (RFC 5092 3, 11)."""
    matched = _AUTHORITY.fullmatch(text)
    if not matched or text.startswith("@"):
        raise BadUrl("invalid user, host or port")
    auth_type = matched["auth_type"]
    if auth_type and auth_type != "*" and not _AUTH_TYPE.fullmatch(part.decoded(auth_type, "AUTH")):
        raise BadUrl("invalid AUTH")
    return matched


def _message(path: str) -> re.Match[str]:
    """The pieces of `imessagepart` (RFC 5092 6), or the kind of URL that it is instead."""
    if matched := _MESSAGE.fullmatch(path):
        return matched
    if path in ("", "/"):
        raise BadUrl("URL of a server", Kind.SERVER)
    if _MAILBOX_LIST.fullmatch(path):
        raise BadUrl("URL of a list of mailboxes", Kind.MAILBOX_LIST)
    if matched := _MAILBOX.fullmatch(path):
        if matched["search"]:
            raise BadUrl("URL of a search", Kind.SEARCH)
        raise BadUrl("URL of a mailbox", Kind.MAILBOX)
    raise BadUrl("invalid mailbox, or unknown or misplaced parameter")


def _optional(text: str | None, what: str) -> int | None:
    return None if text is None else part.nz_number(text, what)


def _urlauth(text: str, authorization: str, user: str) -> UrlAuth:
    """`iurlauth`, at the very end of a URL and only with the owner of the mailbox (RFC 4467 9)."""
    matched = _URLAUTH.fullmatch(authorization)
    if not matched:
        raise BadUrl("invalid EXPIRE or URLAUTH")
    if not user:
        raise BadUrl("URLAUTH without a user before the host")
    if len(matched["token"]) < MIN_TOKEN:
        raise BadUrl("token of URLAUTH too short")
    return UrlAuth(
        rump=text.removesuffix(matched["verifier"]),
        expire=None if matched["expire"] is None else part.date_time(matched["expire"]),
        access=matched["access"].partition("+")[0].lower(),
        userid=part.decoded(matched["userid"] or "", "user of URLAUTH"),
        mechanism=matched["mechanism"].upper(),
        token=matched["token"],
    )
