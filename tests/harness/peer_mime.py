"""Messages that need 8BITMIME, and what is left of them after a conversion."""

from __future__ import annotations

import random
from email import message_from_bytes, policy
from email.message import EmailMessage

from tests.harness.peer_message import RECIPIENT, SENDER

TEXT = "Größe: 5 µm, naïve façade, 日本語.\n.\n..Punkt\n" + "ü" * 300 + "\n"
BINARY = random.Random(3).randbytes(200_000)

_HEADER = f"""\
From: <{SENDER}>
To: <{RECIPIENT}>
Date: Sun, 22 Nov 2026 10:00:00 +0000
MIME-Version: 1.0
"""


def eight_bit_message(token: str, kind: str = "multipart/mixed") -> bytes:
    """A text in 8-bit UTF-8 and an attachment with octets of every value, in base64."""
    attachment = EmailMessage(policy.SMTP)
    attachment.set_content(BINARY, "application", "octet-stream", filename="octets.bin")
    del attachment["MIME-Version"]
    content = f"""\
{_HEADER}Message-ID: <{token}@example.org>
Content-Type: {kind}; boundary="cut"

--cut
Content-Type: text/plain; charset=utf-8
Content-Transfer-Encoding: 8bit

{TEXT}
--cut
"""
    return content.replace("\n", "\r\n").encode() + attachment.as_bytes(policy=policy.SMTP) + b"\r\n--cut--\r\n"


def binary_message(token: str) -> bytes:
    """A part of raw octets, line ends and NUL among them: BODY=BINARYMIME."""
    head = f"""\
{_HEADER}Message-ID: <{token}@example.org>
Content-Type: multipart/mixed; boundary="cut"

--cut
Content-Type: text/plain; charset=utf-8
Content-Transfer-Encoding: 8bit

{TEXT}
--cut
Content-Type: application/octet-stream
Content-Disposition: attachment; filename=octets.bin
Content-Transfer-Encoding: binary

"""
    return head.replace("\n", "\r\n").encode() + BINARY + b"\r\n--cut--\r\n"


def decoded_parts(stored: bytes) -> tuple[str, bytes]:
    """The text and the attachment of either message, as a mail program shows them."""
    message = message_from_bytes(stored, policy=policy.default)
    text, attachment = message.iter_parts()
    assert isinstance(text, EmailMessage)
    assert isinstance(attachment, EmailMessage)
    assert attachment.get_filename() == "octets.bin"
    return str(text.get_content()).replace("\r\n", "\n"), bytes(attachment.get_content())


def encodings(stored: bytes) -> list[str]:
    """The transfer encoding of each part, the whole message first."""
    message = message_from_bytes(stored, policy=policy.default)
    return [str(part.get("Content-Transfer-Encoding", "7bit")) for part in message.walk()]
