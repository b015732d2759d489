"""MAIL and RCPT parameters as typed values (RFC 5321 4.1.2, 1870, 3030, 3461, 4954, 6152, 6531)."""

from __future__ import annotations

import re
from collections.abc import Callable, Collection
from dataclasses import dataclass
from typing import Any, NamedTuple

from gsubmit.smtp import xtext
from gsubmit.smtp.address import BadAddress, parse_mailbox
from gsubmit.smtp.reply import Refused, Reply

MAX_ENVID = 100  # decoded octets, RFC 3461 5.4
MAX_ORCPT = 500  # octets as sent, RFC 3461 5.4

_PARAMETER = re.compile(r"([A-Za-z0-9][A-Za-z0-9\-]*)(?:=([^\x00-\x20=\x7f]+))?")
_SIZE = re.compile(r"[0-9]{1,20}", re.ASCII)
_ATOM = re.compile(r"[A-Za-z0-9!#$%&'*+\-/=?^_`{|}~]+")
_NOTIFY_WORDS = frozenset({"SUCCESS", "FAILURE", "DELAY"})
UNSUPPORTED = Reply(555, "5.5.4", "Unsupported parameter")


@dataclass(frozen=True, slots=True)
class MailParams:
    """What MAIL said besides the reverse-path. `auth` and `envid` are kept as received (xtext); None means absent."""

    size: int | None = None
    body: str = ""
    auth: str | None = None
    ret: str = ""
    envid: str | None = None
    smtputf8: bool = False


@dataclass(frozen=True, slots=True)
class RcptParams:
    """What RCPT said besides the forward-path; `orcpt` is kept as received, `notify` in upper case."""

    notify: str = ""
    orcpt: str | None = None


NO_MAIL_PARAMS = MailParams()
NO_RCPT_PARAMS = RcptParams()


class _Known(NamedTuple):
    """A parameter: the EHLO keyword it belongs to, the field it fills, and how its value (or else name) is read."""

    extension: str
    field: str
    read: Callable[[str], Any]
    takes_value: bool = True
    is_ascii: bool = True


def _bad(keyword: str) -> Refused:
    return Refused(Reply(501, "5.5.4", f"Invalid {keyword}= parameter value"))


def _read_size(value: str) -> int:
    if not _SIZE.fullmatch(value):
        raise ValueError
    return int(value)


def _read_body(value: str) -> str:
    if value.upper() not in ("7BIT", "8BITMIME", "BINARYMIME"):
        raise ValueError
    return value.upper()


def _read_auth(value: str) -> str:
    """xtext of a mailbox, or `<>` (RFC 4954 5)."""
    decoded = xtext.decode(value)
    if decoded != "<>":
        parse_mailbox(decoded)
    return value


def _read_ret(value: str) -> str:
    if value.upper() not in ("FULL", "HDRS"):
        raise ValueError
    return value.upper()


def _read_envid(value: str) -> str:
    decoded = xtext.decode(value)
    if len(decoded) > MAX_ENVID or not _printable(decoded):
        raise ValueError
    return value


def _read_notify(value: str) -> str:
    words = value.upper().split(",")
    if words != ["NEVER"] and not _NOTIFY_WORDS.issuperset(words):
        raise ValueError
    return value.upper()


def _read_orcpt(value: str) -> str:
    """addr-type `;` xtext (RFC 3461 4.2); the type utf-8 may hold raw UTF-8 (RFC 6533 3)."""
    addr_type, semicolon, address = value.partition(";")
    if not semicolon or not address or len(value.encode()) > MAX_ORCPT or not _ATOM.fullmatch(addr_type):
        raise ValueError
    if addr_type.lower() != "utf-8" and not _printable(xtext.decode(address)):
        raise ValueError
    return value


def _printable(text: str) -> bool:
    return all(" " <= character <= "~" or character == "\t" for character in text)


MAIL_PARAMS = {
    "SIZE": _Known("SIZE", "size", _read_size),
    "BODY": _Known("8BITMIME", "body", _read_body),
    "AUTH": _Known("AUTH", "auth", _read_auth),
    "RET": _Known("DSN", "ret", _read_ret),
    "ENVID": _Known("DSN", "envid", _read_envid),
    "SMTPUTF8": _Known("SMTPUTF8", "smtputf8", bool, takes_value=False),
}
RCPT_PARAMS = {
    "NOTIFY": _Known("DSN", "notify", _read_notify),
    "ORCPT": _Known("DSN", "orcpt", _read_orcpt, is_ascii=False),
}


def _read(text: str, known: dict[str, _Known], offered: Collection[str]) -> dict[str, Any]:
    """The parameters in `text`, by field name: unknown is 555, malformed or doubled 501 (RFC 5321 4.1.1.11)."""
    fields: dict[str, Any] = {}
    for parameter in text.split(" "):
        matched = _PARAMETER.fullmatch(parameter)
        keyword = parameter.partition("=")[0].upper()
        row = known.get(keyword)
        if matched is None:
            raise _bad(keyword) if row else Refused(Reply(501, "5.5.4", "Invalid parameter syntax"))
        if row is None or row.extension not in offered:
            raise Refused(UNSUPPORTED)
        if row.field in fields:
            raise Refused(Reply(501, "5.5.4", f"Duplicate {keyword} parameter"))
        if (matched[2] is not None) != row.takes_value or (row.is_ascii and not parameter.isascii()):
            raise _bad(keyword)
        try:
            fields[row.field] = row.read(matched[2] or keyword)
        except (ValueError, BadAddress) as error:
            raise _bad(keyword) from error
    return fields


def read_mail_params(text: str, offered: Collection[str]) -> MailParams:
    """Parse what follows the reverse-path. `offered` holds the EHLO keywords this client was told."""
    if not text:
        return NO_MAIL_PARAMS
    params = MailParams(**_read(text, MAIL_PARAMS, offered))
    if params.body == "BINARYMIME" and "BINARYMIME" not in offered:
        raise Refused(UNSUPPORTED)
    return params


def read_rcpt_params(text: str, offered: Collection[str]) -> RcptParams:
    """Parse what follows the forward-path."""
    return RcptParams(**_read(text, RCPT_PARAMS, offered)) if text else NO_RCPT_PARAMS
