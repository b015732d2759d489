"""The test message: made here or read from a file."""

from __future__ import annotations

import mimetypes
import re
from collections.abc import Mapping
from dataclasses import dataclass, replace
from email import policy
from email.header import Header
from email.message import EmailMessage
from email.utils import formatdate, make_msgid

FILLER = b"0123456789" * 7 + b"012345"
LINE = 2 + len(FILLER)  # CRLF in front

_HEADER = re.compile(r"([!-9;-~]+):[ \t]*(.*)")
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
    def generated(
        cls, sender: str, recipients: list[str], subject: str, size: int | None, attachments: Mapping[str, bytes]
    ) -> Message:
        """A message that says what it is, of `size` octets where one is asked for; attachments by file name."""
        author = sender or "postmaster@localhost"  # a null reverse-path is no author
        domain = author.rpartition("@")[2]
        header = {
            "Date": formatdate(localtime=True),
            "Message-ID": make_msgid(domain=domain if domain.isascii() else "localhost"),
            "From": f"<{author}>",
            "To": ",\n ".join(f"<{recipient}>" for recipient in recipients),
            "Subject": _encoded(subject),
        }
        text = "".join(f"{name}: {value}\n" for name, value in header.items())
        octets = text.encode().replace(b"\n", b"\r\n") + _content(TEXT.format(sender=author), attachments)
        if size is None:
            return cls(octets)
        if size < len(octets):
            return cls(octets, (f"the message has {len(octets)} octets, which is as small as it can be",))
        return cls(octets[:-2] + _padding(size - len(octets)) + b"\r\n")

    def with_header(self, given: tuple[str, ...]) -> Message:
        """The message with these lines `Name: value` in front, which take the place of what it has of the same name.

        Raises ValueError for what is no such line.
        """
        found = [_HEADER.fullmatch(line) for line in given]
        for line, match in zip(given, found, strict=True):
            if match is None:
                raise ValueError(f"{line!r} is not a header line 'Name: value'")
        header, end, content = self.octets.partition(b"\r\n\r\n")
        for name in {match[1].encode() for match in found if match}:
            field = rb"(?im)^%s[ \t]*:.*\n(?:[ \t].*\n)*" % re.escape(name)
            header = re.sub(field, b"", header + b"\r\n").removesuffix(b"\r\n")
        lines = [f"{match[1]}: {_encoded(match[2])}".replace("\n", "\r\n").encode() for match in found if match]
        return replace(self, octets=b"\r\n".join([*lines, *filter(None, [header])]) + end + content)

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


def _encoded(text: str) -> str:
    return Header(text, maxlinelen=76).encode()


def _content(text: str, attachments: Mapping[str, bytes]) -> bytes:
    """The fields of MIME, the empty line and the body."""
    content = EmailMessage(policy.SMTP)
    content.set_content(text, cte="8bit")
    for name, octets in attachments.items():
        kind = mimetypes.guess_type(name)[0] or "application/octet-stream"
        maintype, _, subtype = kind.partition("/")
        content.add_attachment(octets, maintype, subtype, filename=name)
    return content.as_bytes()


def _padding(octets: int) -> bytes:
    """So many octets of lines, to stand in front of a CRLF."""
    lines, rest = divmod(octets, LINE)
    padding = (b"\r\n" + FILLER) * lines
    return padding + (FILLER[:1] if rest == 1 else b"\r\n"[:rest] + FILLER[: max(rest - 2, 0)])
