"""Messages into conversions, and what the standard library reads out of the results."""

from __future__ import annotations

import tempfile
from collections.abc import Callable
from email import message_from_bytes
from email.message import Message

from gsubmit.message.body import MessageBody
from gsubmit.message.survey import MAX_LINE

Conversion = Callable[[MessageBody, str], MessageBody]
STEP = 50_000


def spooled(octets: bytes) -> MessageBody:
    body = MessageBody(tempfile.gettempdir())
    for at in range(0, len(octets), STEP):
        body.append(octets[at : at + STEP])
    return body


def converted(conversion: Conversion, octets: bytes) -> bytes:
    source = spooled(octets)
    try:
        result = conversion(source, tempfile.gettempdir())
    finally:
        source.close()
    content = b"".join(result.blocks())
    assert result.size == len(content)  # DWN-14
    result.close()
    return content


def leaves(octets: bytes) -> list[tuple[str, bytes]]:
    """Type and decoded octets of every part without parts."""
    message: Message[str, str] = message_from_bytes(octets)
    found = []
    for part in message.walk():
        if not part.is_multipart():
            payload = part.get_payload(decode=True)
            assert isinstance(payload, bytes)
            found.append((part.get_content_type(), payload))
    return found


def is_seven_bit(octets: bytes) -> bool:
    """RFC 2045 2.7."""
    return octets.isascii() and is_eight_bit(octets)


def is_eight_bit(octets: bytes) -> bool:
    """RFC 2045 2.8."""
    lines = octets.split(b"\r\n")
    return not any(len(line) > MAX_LINE or b"\r" in line or b"\n" in line or b"\0" in line for line in lines)
