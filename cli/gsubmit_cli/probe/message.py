"""The test message: made here or read from a file."""

from __future__ import annotations

import re
from dataclasses import dataclass
from email.header import Header
from email.utils import formatdate, make_msgid

FILLER = b"0123456789" * 7 + b"012345"
LINE = 2 + len(FILLER)  # CRLF in front

_BARE_LF = re.compile(rb"(?<!\r)\n")
_BARE_CR = re.compile(rb"\r(?!\n)")

TEXT = """This is a test message.

`gsubmit send-test` made it to check a mail submission server. It needs no
answer and may be deleted. If you do not know why you got it, ask
{sender}.
"""


@dataclass(frozen=True)
class Message:
    """The octets to submit, and remarks about what was done to them."""

    octets: bytes
    remarks: tuple[str, ...] = ()

    @classmethod
    def generated(cls, sender: str, recipients: list[str], subject: str, size: int | None) -> Message:
        """A message that says what it is, of `size` octets where one is asked for."""
        author = sender or "postmaster@localhost"  # a null reverse-path is no author
        domain = author.rpartition("@")[2]
        header = {
            "Date": formatdate(localtime=True),
            "Message-ID": make_msgid(domain=domain if domain.isascii() else "localhost"),
            "From": f"<{author}>",
            "To": ",\n ".join(f"<{recipient}>" for recipient in recipients),
            "Subject": Header(subject, maxlinelen=76).encode(),
            "MIME-Version": "1.0",
            "Content-Type": "text/plain; charset=utf-8",
        }
        text = "".join(f"{name}: {value}\n" for name, value in header.items()) + "\n" + TEXT.format(sender=author)
        octets = text.encode().replace(b"\n", b"\r\n")
        if size is None:
            return cls(octets)
        if size < len(octets):
            return cls(octets, (f"the message has {len(octets)} octets, which is as small as it can be",))
        return cls(octets[:-2] + _padding(size - len(octets)) + b"\r\n")

    @classmethod
    def of_octets(cls, octets: bytes) -> Message:
        """The message in a file. Bare LF, the line end of Unix files, becomes CRLF."""
        remarks = []
        octets, converted = _BARE_LF.subn(b"\r\n", octets)
        if converted:
            remarks.append(f"{converted} bare LF line ends of the file became CRLF")
        if _BARE_CR.search(octets):
            remarks.append("the file has bare CRs, which a good server refuses; they are sent as they are")
        return cls(octets, tuple(remarks))


def _padding(octets: int) -> bytes:
    """So many octets of lines, to stand in front of a CRLF."""
    lines, rest = divmod(octets, LINE)
    padding = (b"\r\n" + FILLER) * lines
    return padding + (FILLER[:1] if rest == 1 else b"\r\n"[:rest] + FILLER[: max(rest - 2, 0)])
