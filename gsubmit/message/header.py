"""Header fields: the ones we read for log and loop check, and the trace field we make (RFC 5321 4.4)."""

from __future__ import annotations

import re
import time
from email.utils import formatdate
from functools import lru_cache
from typing import NamedTuple

MAX_RECEIVED = 100  # Received fields after which a message is called looping, RFC 5321 6.3
# Only CRLF ends a line: binary content may have LF alone. White space before the colon is RFC 5322 4.5's.
_MESSAGE_ID = re.compile(
    rb"^(?<![^\r]\n)Message-ID[ \t]*:[ \t]*(?:\r\n[ \t]+)?([!-~]{1,998})", re.IGNORECASE | re.MULTILINE
)
_RECEIVED = re.compile(rb"\r\nreceived[ \t]*:")
_FOLD_AT = 76


class Trace(NamedTuple):
    """What the Received field tells. `for_path` is empty unless there is one recipient (RFC 5321 7.2)."""

    hello: str
    client_ip: str
    by: str
    protocol: str
    id: str
    tls_cipher: str = ""
    for_path: str = ""


def received_field(trace: Trace, *, hides_client: bool = False) -> bytes:
    """The Received field with its CRLF, folded; clauses in the order of RFC 5321 4.4, with RFC 8314's `tls`.

    `hides_client` leaves out whatever tells of the client and of how it came, as Postfix 3.10 does.
    """
    if hides_client:
        clauses = [f"by {trace.by} (gsubmit) id {trace.id}"]
    else:
        clauses = _about_client(trace)
    if trace.for_path:
        clauses.append(f"for {trace.for_path}")
    if trace.tls_cipher and not hides_client:
        clauses.append(f"tls {trace.tls_cipher}")
    clauses[-1] += ";"
    clauses.append(date_now())
    return _folded("Received:", clauses).encode("utf-8")


def _about_client(trace: Trace) -> list[str]:
    literal = f"[IPv6:{trace.client_ip}]" if ":" in trace.client_ip else f"[{trace.client_ip}]"
    return [f"from {trace.hello or literal} ({literal})", f"by {trace.by} with {trace.protocol}", f"id {trace.id}"]


def date_now() -> str:
    """The time as a header has it (RFC 5322 3.3)."""
    return _date(int(time.time()))


@lru_cache(maxsize=2)
def _date(second: int) -> str:
    return formatdate(second, localtime=True)


def _folded(line: str, clauses: list[str]) -> str:
    lines = []
    for clause in clauses:
        if len(line) + 1 + len(clause) > _FOLD_AT:
            lines.append(line)
            line = "\t" + clause
        else:
            line = f"{line} {clause}"
    return "\r\n".join([*lines, line]) + "\r\n"


def message_id(head: bytes) -> str:
    """The Message-ID as it stands in the header, printable ASCII only, or empty."""
    found = _MESSAGE_ID.search(head)
    return found[1].decode("ascii") if found else ""


def count_received(head: bytes) -> int:
    """How many hops the header tells of."""
    return len(_RECEIVED.findall(b"\r\n" + head.lower()))
