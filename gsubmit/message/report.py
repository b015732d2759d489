"""The report that a message was relayed, for senders who asked for it (RFC 3461 5.2.2 b, 3464, 6522, 6533)."""

from __future__ import annotations

import binascii
import re
import secrets
from collections.abc import Sequence
from email.utils import formatdate
from ipaddress import ip_address
from typing import NamedTuple

from gsubmit.fairness import let_others_run
from gsubmit.smtp import xtext
from gsubmit.smtp.address import Address, is_host_name, parse_mailbox
from gsubmit.smtp.reply import Reply

MAX_LINE = 998  # octets without CRLF, RFC 5322 2.1.1

_CONTROLS = re.compile(r"[\x00-\x08\x0a-\x1f\x7f]")
_UNITEXT = re.compile(r"\\x\{([0-9A-F]{2,6})\}")  # RFC 6533 3
_TEXT = """\
This is the mail submission server at {reporting_mta}.

Your message was passed on to the mail server {remote_mta}
for these recipients:

{recipients}

That server does not report delivery. You may hear from it when it cannot
deliver the message, but not when it has delivered it.
"""


class Relayed(NamedTuple):
    """A recipient whose NOTIFY has SUCCESS, and the reply with which the relay took the message.

    `orcpt` is ORCPT as it was received.
    """

    recipient: Address
    orcpt: str | None
    reply: Reply


def relayed_report(
    reporting_mta: str,
    remote_mta: str,
    reverse_path: Address,
    *,
    envid: str | None,
    arrival: float,
    recipients: Sequence[Relayed],
    original_head: bytes,
    smtputf8: bool = False,
) -> bytes:
    """The whole message, to be sent from the null reverse-path to `reverse_path`.

    `envid` is ENVID as it was received, `arrival` a time in seconds since 1970, `original_head` what begins with the
    header of the relayed message, `smtputf8` whether that was an SMTPUTF8 message. The octets are 7-bit, with one
    exception: To, when the reverse-path is not ASCII and so needs SMTPUTF8 itself.
    """
    # RFC 6533 4: the traditional types cannot hold what is not ASCII.
    is_global = smtputf8 or not all(one.recipient.is_ascii and (one.orcpt or "").isascii() for one in recipients)
    status_type = "global-delivery-status" if is_global else "delivery-status"
    status = [_message_fields(reporting_mta, envid, arrival)]
    for one in recipients:
        let_others_run()
        status.append(_recipient_fields(one, remote_mta, is_global))
    parts = [
        _explanation(reporting_mta, remote_mta, recipients),
        _part(f"message/{status_type}", "\r\n".join(status).encode()),
        _part("message/global-headers" if is_global else "text/rfc822-headers", _header(original_head)),
    ]
    boundary = _boundary(parts)
    opening = b"--" + boundary + b"\r\n"
    return b"".join(
        [
            _report_header(reporting_mta, reverse_path, status_type, boundary.decode()),
            *(opening + part for part in parts),
            b"--" + boundary + b"--\r\n",
        ]
    )


def _report_header(reporting_mta: str, reverse_path: Address, status_type: str, boundary: str) -> bytes:
    """The header of the report, with the empty line after it (RFC 3464 2, RFC 3834 5)."""
    name = _mta_name(reporting_mta)
    fields = [
        _field("Date", formatdate(localtime=True)),
        _field("From", f"postmaster@{name}"),
        _field("To", str(reverse_path)),
        _field("Subject", "Delivery report: your message was relayed"),
        _field("Message-ID", f"<{secrets.token_hex(16)}@{name}>"),
        _field("Auto-Submitted", "auto-replied"),
        _field("MIME-Version", "1.0"),
        # The report-type is the subtype of the second part (RFC 6522 3).
        f'Content-Type: multipart/report; report-type={status_type};\r\n boundary="{boundary}"\r\n',
    ]
    return "".join([*fields, "\r\n"]).encode()


def _explanation(reporting_mta: str, remote_mta: str, recipients: Sequence[Relayed]) -> bytes:
    """The part for people."""
    text = _TEXT.format(
        reporting_mta=_clean(reporting_mta),
        remote_mta=_clean(remote_mta),
        recipients="\n".join(f"  <{_clean(str(one.recipient))}>" for one in recipients),
    )
    charset = "us-ascii" if text.isascii() else "utf-8"
    return _part(f"text/plain; charset={charset}", text.replace("\n", "\r\n").encode())


def _message_fields(reporting_mta: str, envid: str | None, arrival: float) -> str:
    """What is said once, in the order of RFC 3464 2.2."""
    name = _mta_name(reporting_mta)
    name_type = "dns" if "." in name and is_host_name(name) else "x-local-hostname"  # RFC 3461 6.3 b
    fields = [] if envid is None else [_field("Original-Envelope-Id", xtext.decode(envid))]
    fields.append(_field("Reporting-MTA", f"{name_type}; {name}"))
    fields.append(_field("Arrival-Date", formatdate(arrival, localtime=True)))
    return "".join(fields)


def _recipient_fields(one: Relayed, remote_mta: str, is_global: bool) -> str:
    """What is said of each recipient, in the order of RFC 3464 2.3."""
    final_type = "rfc822" if one.recipient.is_ascii else "utf-8"
    name = _mta_name(remote_mta)
    name_type = "dns" if is_host_name(name) else "x-local-hostname"
    # A further line of a reply is a further line of the field, after a space (RFC 3461 9.2).
    reply_lines = one.reply.wire.decode("ascii", "replace").replace("\ufffd", "?").removesuffix("\r\n").split("\r\n")
    fields = [] if one.orcpt is None else [_field("Original-Recipient", _original_recipient(one.orcpt, is_global))]
    fields += [
        _field("Final-Recipient", f"{final_type};{one.recipient}"),
        _field("Action", "relayed"),
        _field("Status", one.reply.status if one.reply.status.startswith("2.") else "2.0.0"),
        _field("Remote-MTA", f"{name_type}; {name}"),
        "Diagnostic-Code: smtp; " + "\r\n ".join(map(_clean, reply_lines)) + "\r\n",
    ]
    return "".join(fields)


def _original_recipient(orcpt: str, is_global: bool) -> str:
    """ORCPT as a field has it: without xtext, or for the type utf-8 without unitext where UTF-8 may stand."""
    address_type, _, address = orcpt.partition(";")
    if address_type.lower() != "utf-8":
        address = xtext.decode(address)
    elif is_global:
        address = _without_unitext(address)
    return f"{address_type};{address}"


def _without_unitext(text: str) -> str:
    """RFC 6533 3: what does not become a mailbox is left as it is."""
    try:
        address = _UNITEXT.sub(lambda matched: chr(int(matched[1], 16)), text)
        address.encode()  # a surrogate has no UTF-8
        parse_mailbox(address)
    except ValueError:
        return text
    return address


def _mta_name(name: str) -> str:
    """A host name, or the literal of an address (RFC 3461 9.3)."""
    try:
        address = ip_address(name)
    except ValueError:
        return _clean(name)
    return f"[IPv6:{address}]" if address.version == 6 else f"[{address}]"


def _field(name: str, value: str) -> str:
    return f"{name}: {_clean(value)}\r\n"


def _clean(text: str) -> str:
    """`text` on one line, whatever it holds."""
    return _CONTROLS.sub("?", text)


def _header(head: bytes) -> bytes:
    """The header fields that `head` begins with, without the empty line."""
    end = (b"\r\n" + head).find(b"\r\n\r\n")
    if end >= 0:
        return head[:end]
    return head if head.endswith(b"\r\n") else head + b"\r\n"


def _part(content_type: str, content: bytes) -> bytes:
    """A body part. Quoted-printable keeps readable what is not fit for 7-bit lines (RFC 6522 4, RFC 6533 4.5)."""
    lines = content.split(b"\r\n")
    encoding = "7bit"
    if not all(map(_is_plain, lines)):
        encoding = "quoted-printable"
        # Line by line, for here CRLF alone ends a line; a bare CR or LF is an octet to encode.
        lines = list(map(_quoted, lines))
    fields = f"Content-Type: {content_type}\r\nContent-Transfer-Encoding: {encoding}\r\n\r\n"
    return fields.encode() + b"\r\n".join(lines) + b"\r\n"


def _is_plain(line: bytes) -> bool:
    let_others_run()
    return line.isascii() and len(line) <= MAX_LINE and not re.search(rb"[\0\r\n]", line)


def _quoted(line: bytes) -> bytes:
    let_others_run()
    return binascii.b2a_qp(line, istext=False).replace(b"\n", b"\r\n")


def _boundary(parts: Sequence[bytes]) -> bytes:
    """A boundary that no part has."""
    while True:
        boundary = secrets.token_hex(16).encode()
        if not any(boundary in part for part in parts):
            return boundary
