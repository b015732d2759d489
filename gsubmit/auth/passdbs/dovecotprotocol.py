"""The lines of Dovecot's auth client protocol, major version 1: doc.dovecot.org, "Auth Protocol"."""

from __future__ import annotations

import re
from base64 import b64encode
from collections.abc import Mapping
from dataclasses import dataclass, field
from typing import Final

from gsubmit.auth.names import CONTROL
from gsubmit.auth.passdb import Origin, Unavailable
from gsubmit.auth.restrictions import Disabled
from gsubmit.sasl.claims import Denied

MAJOR: Final = 1
MINOR: Final = 1  # nothing newer is used; minor versions may differ
MAX_LINE: Final = 16384  # octets, in both directions (Dovecot 2.3.19 and 2.4 hang up at longer ones)
MAX_RESPONSE: Final = (MAX_LINE - 1024) * 3 // 4  # octets before base64; the other parameters are short
MAX_REASON: Final = 200  # characters of Dovecot's words that go to the log
SERVICE: Final = "submission"

_ESCAPE: Final = "\x01"
_ESCAPED: Final = {"\0": "0", "\x01": "1", "\t": "t", "\r": "r", "\n": "n"}
_UNESCAPED: Final = {letter: character for character, letter in _ESCAPED.items()}
_TO_ESCAPE: Final = re.compile("[\0\x01\t\r\n]")
_TO_UNESCAPE: Final = re.compile("\x01(.)", re.DOTALL)

# What `code=` stands for: flags of their own in older versions (`temp`, `authz`).
_CODES: Final = {
    "temp": "temp_fail",
    "authz": "authz_fail",
    "user_disabled": "user_disabled",
    "pass_expired": "pass_expired",
}
# Failures that are none of the user's.
_OURS: Final = {
    "temp_fail": "temporary failure",
    "auth_mech_invalid": "the mechanism is not allowed",
    "auth_mech_ssl_required": "the mechanism is not allowed without TLS",
}
_DENIED: Final = {"authz_fail": "authorization failed", "pass_expired": "password expired"}


class Malformed(Exception):
    """A line that is none of the protocol. The text never holds any part of a request."""


@dataclass(frozen=True)
class Reply:
    """What Dovecot says to a request: OK or FAIL with fields, or CONT, which wants another response."""

    verdict: str
    number: int
    fields: Mapping[str, str] = field(default_factory=dict, repr=False)


def escape(value: str) -> str:
    """A value that ends where it should, whatever a client put into it."""
    return _TO_ESCAPE.sub(lambda found: _ESCAPE + _ESCAPED[found[0]], value)


def unescape(value: str) -> str:
    """The value that was escaped; an unknown escape stands for the character itself."""
    return _TO_UNESCAPE.sub(lambda found: _UNESCAPED.get(found[1], found[1]), value)


def greeting(process: int) -> bytes:
    """Our half of the handshake."""
    return f"VERSION\t{MAJOR}\t{MINOR}\nCPID\t{process}\n".encode()


def request(number: int, mechanism: str, origin: Origin, response: bytes) -> bytes:
    """AUTH. `nologin`: nobody will ask for the user's home afterwards, the answer is all."""
    parameters = [f"service={SERVICE}", "nologin"]
    addresses = (
        ("session", origin.session),
        ("lip", origin.local_ip),
        ("rip", origin.remote_ip),
        ("real_rip", origin.real_ip if origin.real_ip != origin.remote_ip else ""),
        ("lport", str(origin.local_port or "")),
        ("rport", str(origin.remote_port or "")),
    )
    parameters += [f"{name}={escape(value)}" for name, value in addresses if value]
    if origin.tls:
        parameters.append("secured=tls")
    elif origin.secured:
        parameters.append("secured")
    parameters.append(f"resp={b64encode(response).decode()}")  # always the last one
    return "\t".join(["AUTH", str(number), mechanism, *parameters]).encode() + b"\n"


def continuation(number: int, response: bytes) -> bytes:
    """CONT, the answer to Dovecot's CONT."""
    return f"CONT\t{number}\t{b64encode(response).decode()}\n".encode()


def words_of(line: bytes) -> list[str]:
    """The parameters of a line, escapes and all. One may be a password, which is the octets that it is."""
    return line.decode("utf-8", "surrogateescape").split("\t")


def parse_reply(line: bytes) -> Reply:
    """OK, FAIL or CONT; raises Malformed for anything else."""
    verdict, *words = words_of(line)
    if verdict not in ("OK", "FAIL", "CONT") or not words:
        raise Malformed("a line that is no reply")
    number, *parameters = words
    if not re.fullmatch("[0-9]{1,10}", number):
        raise Malformed("a reply without a number")
    if verdict == "CONT":
        return Reply(verdict, int(number))  # no mechanism of ours looks at challenges
    fields = {}
    for parameter in parameters:
        name, equals, value = parameter.partition("=")
        if name:
            fields[unescape(name)] = unescape(value) if equals else "yes"
    if verdict == "OK" and CONTROL.search(fields.get("user", "")):
        raise Malformed("a user name with control characters, or not in UTF-8")
    return Reply(verdict, int(number), fields)


def code_of(failure: Reply) -> str:
    """Which failure it is, in the words of `code=`; empty for a plain no."""
    codes = [code for flag, code in _CODES.items() if flag in failure.fields]
    return (*codes, failure.fields.get("code", ""))[0]


def refusal(failure: Reply) -> Denied | Unavailable:
    """What a FAIL means. `reason` is a text for clients, of which only Disabled makes use; else it goes to the log."""
    code = code_of(failure)
    text = failure.fields.get("reason", "")
    said = f": {CONTROL.sub(' ', text)[:MAX_REASON]}" if text else ""
    if code in _OURS:
        return Unavailable(f"{_OURS[code]}{said}")
    if code == "user_disabled":
        return Disabled(text)
    return Denied(f"{_DENIED.get(code, 'refused by Dovecot')}{said}", nodelay="nodelay" in failure.fields)
